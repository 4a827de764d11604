"""The benchmark of ten look-ups, on a small part of its synthetic data."""

import json

import _music
import music_benchmark
from numpy.testing import assert_array_equal

from skwillump import TableLookup


def test_the_benchmark_runs_and_says_that_its_data_are_synthetic(tmp_path, capsys):
    out = tmp_path / "out.json"
    music_benchmark.main(["--scale", "0.005", "--repeat", "1", "--out", str(out)])
    result = json.loads(out.read_text())
    assert result["data"] == "synthetic"
    assert capsys.readouterr().out.startswith("Synthetic")
    assert all(step.startswith("lgbmclassifier") for step in result["not_compiled"])
    assert result["labels_different_compiled"] == 0
    assert result["labels_different_reindex"] == 0
    names = ["reindex", "TableLookup", "compiled", "cascade"]
    assert [row["name"] for row in result["rows"]] == names
    accuracy = {row["name"]: row["accuracy"] for row in result["rows"]}
    assert accuracy["cascade"] > 0.95 * accuracy["compiled"] > 0.5


def test_reindex_and_the_lookup_are_the_same_join():
    X, _, tables = _music.make_music(0.001, 500)
    assert (X["song"] == "unknown").any()
    for name, key in _music.KEYS.items():
        joined = _music.ReindexLookup(tables[name]).fit_transform(X[[key]])
        lookup = TableLookup(tables[name].rename_axis(key), on=key)
        assert_array_equal(lookup.fit_transform(X[[key]]), joined)


def test_the_shape_is_that_of_the_real_tables():
    X, y, tables = _music.make_music(0.01, 2000)
    assert len(tables) == 10
    assert [len(tables[name]) for name in ("user_latent", "song_latent", "artist_latent")] == [
        300,
        3600,
        400,
    ]
    assert all(table.index.is_unique for table in tables.values())
    assert tables["song_latent"].shape[1] == 32
    # Popularity is skewed: a tenth of the songs make most of the rows.
    counts = X["song"].value_counts()
    assert counts[:360].sum() > 0.5 * len(X)
    assert 0.2 < y.mean() < 0.8
