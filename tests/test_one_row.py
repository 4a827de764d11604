"""One row in the form of the data of fit: containers, dtypes, names."""

from contextlib import suppress
from typing import ClassVar

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from common import COSTS, SKLEARN, two_blocks, two_signals, two_signals_frame
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import ColumnTransformer, make_column_transformer
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction import DictVectorizer, FeatureHasher
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import FeatureUnion, make_pipeline, make_union
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    OneHotEncoder,
    SplineTransformer,
    StandardScaler,
)

from skwillump import CascadeClassifier, compile_pipeline
from skwillump._containers import fast_rows
from skwillump._one_row import RowTemplate

PLANS = pytest.mark.parametrize("target", [0.95, 1.0], ids=["cascade", "exact"])
"""With and without a cascade: what one row may be does not depend on the plan."""


def cascade(pipeline, target, **kwargs):
    defaults = {"feature_costs": COSTS, "cv": 0.5, "random_state": 0}
    return CascadeClassifier(pipeline, accuracy_target=target, **(defaults | kwargs))


def fitted(pipeline, target, X, y, **kwargs):
    model = cascade(pipeline, target, **kwargs).fit(X, y)
    assert model.guarantee_.kind == ("cross-fitted" if target < 1 else "exact")
    return model


def blocks(cheap, dear):
    return make_pipeline(FeatureUnion([("cheap", cheap), ("dear", dear)]), LogisticRegression())


@PLANS
def test_a_row_of_a_sparse_matrix(target):
    dense, y = two_signals(2000)
    X = sparse.csr_matrix(np.hstack([dense, dense]))
    model = fitted(blocks(MaxAbsScaler(), TruncatedSVD(2, random_state=0)), target, X, y)
    for row in (X[3], X[3].toarray()[0], X[3].toarray()):
        assert model.predict_one(row) == model.predict(X[3])[0]
        assert_allclose(model.predict_proba_one(row), model.predict_proba(X[3])[0], rtol=1e-12)
    with pytest.raises(ValueError, match=r"shape \(2, 4\)"):
        model.predict_one(X[:2])


def category_codes(X):
    return X.apply(lambda column: column.cat.codes).to_numpy()


@PLANS
def test_a_row_gets_the_dtypes_of_fit(target):
    X, y = two_signals_frame(3000)
    X["kind"] = pd.Categorical(np.where(X["d"] > 0, "q", "p"), categories=["r", "q", "p"])
    pipeline = make_pipeline(
        ColumnTransformer(
            [
                ("cheap", StandardScaler(), ["c"]),
                ("dear", FunctionTransformer(category_codes), ["kind"]),
            ]
        ),
        LogisticRegression(),
    )
    model = fitted(pipeline, 0.9 if target < 1 else target, X, y)
    for position in range(0, 60, 7):
        expected = model.predict_proba(X[position : position + 1])[0]
        row = X.iloc[position].to_dict()
        assert_allclose(model.predict_proba_one(row), expected, rtol=1e-12)


@PLANS
def test_more_or_fewer_rows_than_one_are_refused(target):
    X, y = two_signals_frame(3000)
    model = fitted(two_blocks(columns=("c", "d")), target, X, y)
    for one in (model.predict_one, model.predict_proba_one):
        for n_rows in (0, 2):
            with pytest.raises(ValueError, match=f"Got a data frame of {n_rows} rows. Pass one"):
                one(X[:n_rows])
        with pytest.raises(ValueError, match=r"Got an array of 2 rows\. Pass one row"):
            one(X[:2].to_numpy())
    assert_array_equal(model.predict_proba_one(X[:1].to_numpy()), model.predict_proba(X[:1])[0])


@PLANS
def test_numbers_of_single_precision_are_read_as_such(target):
    rng = np.random.default_rng(0)
    rate = rng.choice([0.1, 0.2, 0.3], 3000).astype(np.float32)
    X = pd.DataFrame({"rate": rate, "d": rng.normal(size=3000), "s": rng.normal(size=3000)})
    X = X.astype({"s": np.float32})
    y = (rate > 0.15) ^ (rng.random(3000) < 0.02)
    pipeline = make_pipeline(
        ColumnTransformer(
            [
                ("cheap", OneHotEncoder(handle_unknown="ignore"), ["rate"]),
                ("dear", StandardScaler(), ["d", "s"]),
            ]
        ),
        LogisticRegression(),
    )
    for frame in (X, pl.from_pandas(X)):
        model = fitted(pipeline, 0.9 if target < 1 else target, frame, y)
        expected = model.predict_proba(frame[:20])
        for row, answer in zip(fast_rows(frame, 20), expected, strict=True):
            row["rate"] = round(row["rate"], 2)  # what a client would send: 0.1
            for form in (row, list(row.values()), pd.Series(row)):
                assert_allclose(model.predict_proba_one(form), answer, rtol=1e-12)
        # The fast path: no data frame is made.
        assert model._runner.answer_one(row, "predict_proba") is not None
    easy = 0.7 if target < 1 else target
    alone = fitted(two_blocks(columns=("d", "s")), easy, X, X["d"] + X["s"] > 0)
    for row, answer in zip(fast_rows(X, 20), alone.predict_proba(X[:20]), strict=True):
        assert_allclose(alone.predict_proba_one(row), answer, rtol=1e-12)
    narrow = X[["d", "s"]].to_numpy(dtype=np.float32)
    array = fitted(two_blocks(), easy, narrow, X["d"] + X["s"] > 0)
    for row, answer in zip(narrow[:20], array.predict_proba(narrow[:20]), strict=True):
        assert_allclose(array.predict_proba_one(row), answer, rtol=1e-5)
        assert array.predict_proba_one(row.tolist()).dtype == answer.dtype


@pytest.mark.parametrize(
    ("column", "value", "dtype"),
    [
        ([1, 2], 2.5, "float64"),
        ([1, 2], 3.0, "int64"),
        ([1, 2], np.nan, "float64"),
        ([1, 2], None, "object"),
        (np.array([1, 2], dtype=np.int8), 300, "int64"),
        ([True, False], None, "object"),
        ([True, False], True, "bool"),
        (["x", "y"], 3, "int64"),
        (["x", "y"], None, "str"),
        ([0.5, 1.0], None, "float64"),
        ([0.5, 1.0], 1 + 2j, "complex128"),
        (np.array([0.5], dtype=np.float32), 0.1, "float32"),
        (pd.array([1, 2], dtype="Int64"), None, "Int64"),
    ],
)
def test_a_value_that_a_dtype_would_alter_keeps_its_own(column, value, dtype):
    template = RowTemplate.from_data(pd.DataFrame({"a": column}))
    made = template.make({"a": value})
    if template.empty["a"].dtype == object:  # columns of str, until pandas 3
        dtype = "object"
    assert str(made["a"].dtype) == dtype
    if dtype not in ("float32", "Int64", "str") and value is not None:
        assert made["a"].iloc[0] == value or value != value


def test_a_number_that_is_no_integer_is_none_in_polars_either():
    template = RowTemplate.from_data(pl.DataFrame({"a": [1], "b": [1.0]}))
    assert template.make({"a": 2.5, "b": 1}).row(0) == (2.5, 1.0)
    assert template.make({"a": 2.0, "b": 1}).schema == template.empty.schema
    assert template.make({"a": None, "b": None}).schema == template.empty.schema


@PLANS
@pytest.mark.parametrize(
    "columns",
    [pd.Index([0, 1]), pd.MultiIndex.from_tuples([("q", "a"), ("q", "b")])],
    ids=["integers", "tuples"],
)
def test_names_that_are_no_str(target, columns):
    values, y = two_signals(3000)
    X = pd.DataFrame(values, columns=columns)
    model = fitted(two_blocks(), target, X, y)
    expected = model.predict_proba(X[5:6])[0]
    row = X.iloc[5]
    for form in (row.to_dict(), row, row[::-1], X[5:6], values[5], values[5].tolist()):
        assert_allclose(model.predict_proba_one(form), expected, rtol=1e-12)


def test_a_series_is_read_by_its_names():
    X, y = two_signals_frame(3000)
    for compile in (True, False):
        model = fitted(two_blocks(columns=("c", "d")), 0.95, X, y, compile=compile)
        expected = model.predict_proba(X[5:6])[0]
        assert_allclose(model.predict_proba_one(X.iloc[5][::-1]), expected, rtol=1e-12)


@PLANS
def test_elements_that_are_mappings(target):
    X, y = two_signals(3000)
    rows = [{"a": a, "b": b, "c": "x" if b > 0 else "y"} for a, b in X.tolist()]
    pipeline = blocks(DictVectorizer(), FeatureHasher(64))
    for X in (rows, np.array(rows, dtype=object)):
        model = fitted(pipeline, target, X, y)
        compiled = compile_pipeline(model.estimator_)
        for row in rows[:20]:
            assert model.predict_one(row) == model.predict([row])[0]
            assert_allclose(model.predict_proba_one(row), model.predict_proba([row])[0])
            assert compiled.predict_one(row) == model.estimator_.predict([row])[0]
            assert_allclose(
                compiled.predict_proba_one(row), model.estimator_.predict_proba([row])[0]
            )
        with pytest.raises(TypeError, match=r"The row is of type list\. Pass one mapping"):
            model.predict_one([rows[0]])


@pytest.mark.skipif(SKLEARN < (1, 9), reason="reads no rows of Arrow's tables")
@PLANS
@pytest.mark.parametrize("query", ["batch", "point"])
def test_arrow_tables(target, query):
    frame, y = two_signals_frame(3000)
    X = pa.Table.from_pandas(frame)
    pipeline = make_pipeline(
        ColumnTransformer(
            [("cheap", StandardScaler(), ["c"]), ("dear", SplineTransformer(), ["d"])]
        ),
        LogisticRegression(),
    )
    of_frame = fitted(pipeline, target, frame, y)
    assert_allclose(of_frame.predict_proba(X), of_frame.predict_proba(frame), rtol=1e-12)
    assert_allclose(
        of_frame.predict_proba_one(X.slice(5, 1)), of_frame.predict_proba(frame[5:6])[0], rtol=1e-12
    )
    model = fitted(pipeline, target, X, y, query=query)
    expected = model.predict_proba(frame[5:6])[0]
    row = frame.iloc[5]
    for form in (row.to_dict(), row, row.tolist(), X.slice(5, 1), frame[5:6]):
        assert_allclose(model.predict_proba_one(form), expected, rtol=1e-12)
    assert model._template.make(row.to_dict()).schema.names == X.schema.names
    with pytest.raises(ValueError, match=r"columns are missing: \['d'\]"):
        model.predict_one({"c": 1.0, "unused": 0})
    with pytest.raises(ValueError, match="Got a data frame of 2 rows"):
        model.predict_one(X.slice(0, 2))


class SeesFrames(TransformerMixin, BaseEstimator):
    """A transformer of someone's own that keeps the frames that it is given."""

    seen: ClassVar[list] = []

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        SeesFrames.seen.append(X)
        return X.select_dtypes("number").to_numpy(dtype=float)


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"f": 3},
        {"f": 1 << 60},
        {"f": True},
        {"f": np.nan},
        {"f": None},
        {"f": np.float32(0.1)},
        {"i": 4.0},
        {"i": -0.0},
        {"i": 4.5},
        {"i": np.inf},
        {"i": np.nan},
        {"i": np.int64(3)},
        {"i": False},
        {"t": None},
        {"more": 1},
        {"f": np.float64(2.5), "i": np.float32(3)},
    ],
    ids=str,
)
def test_a_step_of_ones_own_sees_one_row_of_a_cascade_with_the_dtypes_of_fit(change):
    n_rows = 400
    rng = np.random.default_rng(0)
    X = pd.DataFrame(
        {
            "t": rng.choice(["x", "y"], n_rows),
            "f": rng.normal(size=n_rows),
            "i": rng.integers(0, 9, n_rows),
        }
    )
    own = make_column_transformer((SeesFrames(), ["i", "f"]), (SeesFrames(), ["t", "i"]))
    model = make_pipeline(own, LogisticRegression())
    cascade = CascadeClassifier(model, accuracy_target=1.0).fit(X, X["i"] > 4)
    row = {**X.iloc[0].to_dict(), **change}
    expected = cascade._template.make(row)
    SeesFrames.seen.clear()
    with suppress(ValueError):  # of NaN, from the model
        cascade.predict_one(row)
    first, second = SeesFrames.seen[:2]
    pd.testing.assert_frame_equal(first, expected[["i", "f"]])
    pd.testing.assert_frame_equal(second, expected[["t", "i"]])


@pytest.mark.parametrize(
    "change",
    [{}, {"t": None}, {"f": np.nan}, {"c": None, "s": np.nan, "d": pd.NaT}, {"c": "y", "s": 2}],
    ids=str,
)
def test_what_is_missing_in_one_row_of_a_cascade_sends_it_to_no_batch(change, monkeypatch):
    n_rows = 400
    rng = np.random.default_rng(0)
    X = pd.DataFrame(
        {
            "i": rng.integers(0, 9, n_rows),
            "t": rng.choice(["x", "y"], n_rows),
            "f": rng.normal(size=n_rows),
            "s": rng.normal(size=n_rows).astype(np.float32),
            "c": pd.Categorical(rng.choice(["x", "y"], n_rows)),
            "d": pd.date_range("2020", periods=n_rows),
        }
    )
    chosen = make_pipeline(FunctionTransformer(lambda X: X[["i"]]), SimpleImputer())
    own = make_union(chosen, make_pipeline(SeesFrames(), SimpleImputer()))
    filled = make_pipeline(own, LogisticRegression(max_iter=1000))
    cascade = CascadeClassifier(filled, accuracy_target=1.0).fit(X, X["i"] > 4)
    row = {**X.iloc[0].to_dict(), **change}
    of_one_row = cascade._template.make(row)
    expected = cascade.estimator_.predict_proba(of_one_row)[0]
    monkeypatch.setattr(type(cascade._runner), "answer", None)
    SeesFrames.seen.clear()
    np.testing.assert_allclose(cascade.predict_proba_one(row), expected, rtol=1e-9)
    (seen,) = SeesFrames.seen
    pd.testing.assert_frame_equal(seen, of_one_row)


class Clips(TransformerMixin, BaseEstimator):
    """A step of one's own, which does not tell how many columns it was fitted on."""

    def fit(self, X, y=None):
        self.low_, self.high_ = np.quantile(X, [0.05, 0.95], axis=0)
        return self

    def transform(self, X):
        return np.clip(X, self.low_, self.high_)


@pytest.mark.parametrize("kind", [list, tuple, np.array])
def test_a_list_of_numbers_is_a_row_of_an_array_before_a_step_that_tells_no_width(kind):
    X = np.random.default_rng(0).normal(size=(200, 3))
    pipeline = make_pipeline(Clips(), LogisticRegression()).fit(X, X[:, 0] > 0)
    compiled = compile_pipeline(pipeline)
    for row in ([np.nan, 1, 1], [1, 2, 3], [1.5, 0, -2], [True, 1, 0], [np.inf, 1, 2.5]):
        try:
            expected = pipeline.predict_proba(np.array([row]))[0]
        except ValueError:
            with pytest.raises(ValueError, match="NaN"):
                compiled.predict_proba_one(kind(row))
            continue
        np.testing.assert_allclose(compiled.predict_proba_one(kind(row)), expected, rtol=1e-12)
