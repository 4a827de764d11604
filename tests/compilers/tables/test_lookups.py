"""Compiled look-ups: one search for several tables, and models that read what is found."""

import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import polars as pl
import pytest
from answers import whole_twin
from common import NEEDS_PANDAS_3
from lightgbm import LGBMClassifier
from lookup_cases import NAN, music
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from skwillump import CascadeClassifier, TableLookup, compile_pipeline
from skwillump.compilers import TreeModel, compile_model, compile_step
from skwillump.compilers.tables import _lookups
from skwillump.kernels.tables._integer_keys import make_integer_table, number_integers, rows_of


@pytest.mark.parametrize("spread", [1, 10**6])
def test_the_kernels_find_every_integer_and_no_other(spread):
    integers = np.unique(np.random.default_rng(0).integers(-1000, 1000, 700)) * spread
    table = make_integer_table(integers)
    assert (len(table.listed) == 0) == (spread > 1)
    limits = np.array([-(2**63), 2**63 - 1, integers[0] - 1, integers[-1] + 1])
    keys = np.r_[integers, integers + 1, limits]
    position = {int(value): number for number, value in enumerate(integers)}
    expected = [position.get(int(key), -1) for key in keys]
    assert_array_equal(number_integers(keys, table), expected)
    assert_array_equal(number_integers(keys, make_integer_table(integers[:0])), -1)


def test_the_last_row_is_that_of_unknown_keys():
    values = np.arange(6.0).reshape(3, 2)
    values.setflags(write=False)
    assert_array_equal(rows_of(values, np.array([1, -1, 0])), values[[1, 2, 0]])


def test_a_linear_pipeline_of_lookups_is_compiled_as_a_whole():
    pipeline, X, y = music()
    X.loc[5, "user"], X.loc[6, "song"] = 1, "unknown"
    pipeline.fit(X, y)
    compiled = whole_twin(pipeline, n_jobs=2)
    assert_array_equal(compiled.predict(X), pipeline.predict(X))
    expected = pipeline.predict_proba(X)
    assert_allclose(compiled.predict_proba(X), expected, rtol=1e-12)
    for row in range(20):
        assert_allclose(
            compiled.predict_proba_one(X.iloc[row].to_dict()), expected[row], rtol=1e-12
        )
    with pytest.raises(ValueError, match=r"columns are missing: \['song'\]"):
        compiled.predict_one({"user": 7919})


def test_defaults_that_are_missing_go_to_a_step_that_fills_them():
    pipeline, X, y = music(500)
    columns = pipeline[0].set_params(user__default=NAN, song__default=NAN)
    X.loc[5, "user"] = 1
    filled = make_pipeline(columns, SimpleImputer(), LogisticRegression()).fit(X, y)
    compiled = compile_pipeline(filled)
    assert_allclose(compiled.predict_proba(X), filled.predict_proba(X), rtol=1e-12)


kinds = pytest.mark.parametrize(
    "kind",
    [
        pytest.param("pandas", marks=NEEDS_PANDAS_3),
        "polars",
    ],
)
"""Frames whose columns of texts are Arrow's."""


@kinds
def test_tables_with_the_same_keys_are_searched_once(monkeypatch, kind):
    keys = [f"key {i}" for i in range(50)]
    tables = {
        "one": pd.DataFrame({"key": keys, "a": np.arange(50.0)}),
        "same": pd.DataFrame({"key": keys, "b": np.arange(50.0) ** 2}),
        "turned": pd.DataFrame({"key": keys[::-1], "c": np.arange(50.0)}),
        "fewer": pd.DataFrame({"key": keys[:9], "d": np.arange(9.0)}),
    }
    X = pd.DataFrame({"key": [*keys[40:], "none", *keys[:7]], "other": [*keys[3:20], "key 49"]})
    if kind == "polars":
        X = pl.from_pandas(X)
    blocks = [(name, TableLookup(table, on="key"), ["key"]) for name, table in tables.items()]
    renamed = tables["one"].rename(columns={"key": "other", "a": "e"})
    blocks.append(("elsewhere", TableLookup(renamed, on="other"), ["other"]))
    union = ColumnTransformer(blocks).fit(X)
    searched = []
    find = _lookups.number_texts

    def counted(data, starts, stops, table, unknown):
        searched.append(table.n_texts)
        return find(data, starts, stops, table, unknown)

    monkeypatch.setattr(_lookups, "number_texts", counted)
    step = compile_step(union)
    assert_array_equal(step.dense(X), union.transform(X))
    # "one" and "same" share a search; the others have other keys, another order, another column.
    assert searched == [50, 50, 9, 50]
    assert_array_equal(pickle.loads(pickle.dumps(step)).dense(X), union.transform(X))
    assert len(searched) == 8


@kinds
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_rows_that_are_left_are_not_searched_again(monkeypatch, n_jobs, kind):
    rng = np.random.default_rng(0)
    keys = [f"an identifier of more than sixteen bytes, {i}" for i in range(400)]
    cheap = pd.DataFrame({"key": keys, "a": rng.normal(size=400) * 3})
    dear = pd.DataFrame({"key": keys, "b": rng.normal(size=400)})
    key, other = rng.integers(0, 400, 20_000), rng.normal(size=20_000)
    y = (cheap["a"].to_numpy()[key] + dear["b"].to_numpy()[key] + other * 0.1 > 0).astype(int)
    X = pd.DataFrame({"key": np.array(keys, dtype=object)[key], "other": other})
    X.loc[::50, "key"] = "none of them"
    columns = ColumnTransformer(
        [
            ("cheap", TableLookup(cheap, on="key"), ["key"]),
            ("dear", TableLookup(dear, on="key"), ["key"]),
            ("other", "passthrough", ["other"]),
        ]
    )
    costs = {"cheap": 1e-6, "dear": 1e-3, "other": 1e-4}
    cascade = CascadeClassifier(
        make_pipeline(columns, LGBMClassifier(n_estimators=30, n_jobs=1, verbose=-1)),
        accuracy_target=0.98,
        cv=0.5,
        feature_costs=costs,
        random_state=0,
        n_jobs=n_jobs,
    )
    if kind == "polars":
        X = pl.from_pandas(X)
    cascade.fit(X, y)
    assert cascade.stages_[0].blocks == ("cheap",)
    stage = cascade.predict_stage(X)
    assert 0.2 < (stage == 0).mean() < 1
    searched = []
    find = _lookups.number_texts

    def counted(data, starts, *rest, **options):
        searched.append(len(starts))
        return find(data, starts, *rest, **options)

    monkeypatch.setattr(_lookups, "number_texts", counted)
    answers = cascade.predict(X)
    assert sum(searched) == len(X)
    full = cascade.estimator_.predict(X)
    assert_array_equal(answers[stage == 1], full[stage == 1])


def test_threads_share_a_compiled_lookup():
    pipeline, X, y = music(2000)
    compiled = compile_pipeline(pipeline.fit(X, y))
    expected = pipeline.predict_proba(X)
    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(compiled.predict_proba, [X] * 12):
            assert_allclose(found, expected, rtol=1e-12)


def test_trees_read_compiled_lookups_bit_for_bit():
    pipeline, X, y = music(1000)
    columns = pipeline[0].set_params(user__default=NAN, song__default=NAN)
    X.loc[5, "user"], X.loc[6, "song"] = 1, "unknown"
    features = columns.fit_transform(X)
    model = LGBMClassifier(n_estimators=20, n_jobs=1, verbose=-1).fit(features, y)
    scorer = compile_model(model, TreeModel).bind(compile_step(columns).guarded())
    expected = model.predict(features, raw_score=True)
    assert_array_equal(scorer.scores(X)[:, 0], expected)
    for row in (0, 5, 6):
        assert_array_equal(scorer.score_one(X.iloc[row].to_dict()), expected[[row]])
