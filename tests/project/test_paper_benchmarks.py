"""The benchmark of the paper's figures, with few rows, and the tables and plots made of it."""

import json
import os
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import _kkbox
import numpy as np
import pandas as pd
import paper_benchmarks
import pytest
from _music import KEYS, music_data, pipeline_of
from _paper_engines import NoEngine, OnnxEngine
from _paper_pipelines import make_problem

from skwillump import TableLookup

needs_data = pytest.mark.skipif(
    not Path(os.environ.get("SKWILLUMP_DATA", ""), "adult.csv.gz").is_file(),
    reason="needs the benchmark data",
)


def run(out, *arguments):
    return paper_benchmarks.main(["--quick", "--out", str(out), *arguments])


@pytest.fixture(scope="module")
def music(tmp_path_factory):
    """Results of the only pipeline that needs no files."""
    out = tmp_path_factory.mktemp("music")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("SKWILLUMP_DATA", raising=False)
        run(out, "--only", "music", "adult")
    return out


def test_every_figure_is_measured_and_written(music):
    results = json.loads((music / "paper_benchmarks.json").read_text())
    ways = {}
    for row in results["rows"]:
        ways.setdefault(row["figure"], []).append(row["way"])
    shared = {"scikit-learn", "compiled", "Willump's rule", "ONNX Runtime", "Booster.predict"}
    assert {figure: set(names) for figure, names in ways.items()} == {
        6: shared | {"cascade"},
        7: shared | {"cascade"},
        8: shared | {"top-K"},
    }
    for row in results["rows"]:
        if "reason" in row:
            assert row["way"] == "ONNX Runtime"
            continue
        low, high = row["quartiles"]
        assert low <= row.get("p50_us", row.get("rows_per_second")) <= high or row["figure"] == 7
        assert row["speed_up"] > 0
        assert 0.5 < row["score"] <= 1
        if row["way"] in ("compiled", "Booster.predict"):
            assert row.get("different", 0) == 0
            assert row["figure"] != 8 or row["score"] == 1


def test_synthetic_data_and_missing_files_are_said_to_be_so(music):
    results = json.loads((music / "paper_benchmarks.json").read_text())
    assert [sizes["data"] for sizes in results["pipelines"]] == ["synthetic"]
    assert "SKWILLUMP_DATA" in results["left_out"]["adult"]
    assert "music (*synthetic*)" in (music / "paper_benchmarks.txt").read_text()


def test_plots_are_drawings_without_a_background(music):
    for figure in (6, 7, 8):
        root = ElementTree.parse(music / f"paper_figure{figure}.svg").getroot()
        assert root.tag.endswith("svg")


@needs_data
def test_regression_has_no_cascade_but_a_top_k(tmp_path):
    results = run(tmp_path, "--only", "cars", "--figures", "6", "8")
    found = {(row["figure"], row["way"]): row for row in results["rows"]}
    assert found[6, "cascade"]["reason"] == "no cascade for regression"
    assert found[6, "compiled"]["different"] == 0
    assert found[8, "top-K"]["score"] > 0.5


@needs_data
def test_a_class_among_several_is_ranked_by_its_probability():
    problem = make_problem("product", quick=True)
    ranked = problem.for_ranking()
    assert len(problem.plain.classes_) == 10
    assert ranked.plain.classes_.tolist() == [0, 1]
    assert set(np.unique(ranked.gain)) == {0, 1}


def test_no_engine_is_a_reason_and_no_error(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(NoEngine, match=r"skwillump\[engines\]"):
        OnnxEngine(make_problem("music", quick=True))


@needs_data
def test_onnx_runtime_answers_rows_and_one_row():
    problem = make_problem("adult", quick=True)
    engine = OnnxEngine(problem)
    answers, rows = engine.predict(problem.X_test), problem.X_test.to_dict("records")[:20]
    assert (answers == problem.plain.predict(problem.X_test)).mean() > 0.98
    assert [engine.predict_one(row) for row in rows] == answers[:20].tolist()
    engine.choose_chunk(problem.X_test)
    assert (engine.predict(problem.X_test) == answers).all()
    scores = problem.plain.predict_proba(problem.X_test)[:, 1]
    np.testing.assert_allclose(engine.scores(problem.X_test), scores, atol=1e-3)


@pytest.fixture
def kkbox(tmp_path):
    """A folder with made-up files of the form of KKBox'."""
    rng = np.random.default_rng(0)
    folder = tmp_path / "kkbox"
    folder.mkdir()
    n_users, n_songs, n_rows = 60, 80, 4000
    users, songs = [f"u{i}" for i in range(n_users)], [f"s{i}" for i in range(n_songs)]
    pd.DataFrame(
        {
            "msno": rng.choice(users, n_rows),
            "song_id": rng.choice([*songs, "not in songs"], n_rows),
            "source_system_tab": "explore",
            "target": rng.integers(0, 2, n_rows),
        }
    ).to_csv(folder / "train.csv", index=False)
    pd.DataFrame(
        {
            "song_id": songs,
            "song_length": rng.integers(1000, 9000, n_songs),
            "genre_ids": rng.choice(["465", "458|465", ""], n_songs),
            "artist_name": rng.choice([f"artist {i}" for i in range(40)], n_songs),
            "composer": rng.choice(["a composer", ""], n_songs),
            "lyricist": "",
            "language": rng.choice([3.0, 52.0], n_songs),
        }
    ).to_csv(folder / "songs.csv", index=False)
    pd.DataFrame(
        {
            "msno": users,
            "city": rng.integers(1, 22, n_users),
            "bd": rng.integers(0, 60, n_users),
            "gender": rng.choice(["female", "male", ""], n_users),
            "registered_via": rng.integers(3, 10, n_users),
            "registration_init_time": 20110820,
            "expiration_date": 20170920,
        }
    ).to_csv(folder / "members.csv", index=False)
    return tmp_path


def test_the_users_own_kkbox_files_are_read(kkbox, monkeypatch):
    monkeypatch.setenv("SKWILLUMP_DATA", str(kkbox))
    X, y, tables, source = music_data(1.0, 1500)
    assert source == "real"
    assert set(tables) == set(KEYS)
    assert len(X) == len(y) == 1500
    assert all(table.index.is_unique for table in tables.values())
    lookups = {
        name: TableLookup((frame.index.to_numpy(), frame), on=KEYS[name])
        for name, frame in tables.items()
    }
    fitted = pipeline_of(lookups).fit(X, y)
    # The tables know nothing of the rows that are returned.
    assert tables["user_counts"]["user_count"].sum() == 2500
    assert fitted.predict(X).shape == (1500,)
    with pytest.raises(ValueError, match="more than half"):
        _kkbox.load(kkbox / "kkbox", 3000)
