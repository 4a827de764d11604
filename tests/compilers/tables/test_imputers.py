"""Compiled imputers fill in what scikit-learn's own do, in the dtype that they do."""

import numpy as np
import pandas as pd
import pytest
from common import SKLEARN
from hypothesis import given
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder
from table_cases import CATEGORIES, N_FIT, assert_same_features, category_frames, compiled, quick

from skwillump import TableLookup, compile_pipeline
from skwillump.compilers.tables._columns import ArrowColumn


@quick
@given(X=category_frames())
def test_categories_are_imputed_before_they_are_encoded(X):
    for step in IMPUTED:
        assert_same_features(step, X[IMPUTED_COLUMNS], exactly=True)


# Before 1.7 the imputer cannot tell which of a string and None is the smaller, where they tie.
IMPUTED_COLUMNS = ["color", "mixed", "level"] if SKLEARN >= (1, 7) else ["color", "level"]
IMPUTED = [
    compiled(make_pipeline(imputer, encoder), CATEGORIES[IMPUTED_COLUMNS])
    for imputer in (
        SimpleImputer(strategy="most_frequent"),
        SimpleImputer(strategy="constant", fill_value="none"),
        SimpleImputer(strategy="constant", fill_value="red", missing_values="green"),
    )
    for encoder in (
        OneHotEncoder(handle_unknown="ignore"),
        OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1),
    )
    # NaN must not reach an imputer that looks for something else.
    if imputer.missing_values != "green"
]


def test_a_missing_value_of_pandas_in_one_row_is_a_missing_number():
    X = pd.DataFrame({"a": pd.array([1.5, None, 2.0] * 30, "Float64"), "b": np.arange(90.0)})
    model = make_pipeline(SimpleImputer(), LogisticRegression()).fit(X, np.arange(90) % 2)
    expected = model.predict_proba(X[1:2])[0]
    for row in (X[1:2], X.iloc[1].to_dict(), {"a": pd.NA, "b": 1.0}, {"a": None, "b": 1.0}):
        actual = compile_pipeline(model).predict_proba_one(row)
        np.testing.assert_allclose(actual, expected, rtol=1e-12)


@pytest.mark.parametrize("strategy", ["constant", "most_frequent"])
@pytest.mark.parametrize("fitted", ["int64", "uint64", "int8", "float64"])
def test_imputed_values_fit_the_dtype(strategy, fitted):
    rng = np.random.default_rng(0)
    X = rng.integers(0, 100, size=(N_FIT, 2)).astype(fitted)
    fill = np.dtype(fitted).type(100)
    imputer = SimpleImputer(strategy=strategy, missing_values=3, fill_value=fill)
    step = compiled(imputer, X)
    for dtype in ("int8", "uint8", "int16", "int64", "uint64", "float64", "bool"):
        assert_same_features(step, X[:40].astype(dtype), may_refuse=dtype != fitted)
    np.testing.assert_array_equal(step.dense(X), step.original.transform(X))


def test_imputed_texts_are_read_where_they_lie(monkeypatch):
    colors = pd.DataFrame({"color": pd.Series(["red", None, "blue", "red", "green"], dtype="str")})
    encoder = OneHotEncoder(handle_unknown="ignore")
    pipeline = make_pipeline(SimpleImputer(strategy="most_frequent"), encoder).fit(colors[:4])
    twin = compile_pipeline(pipeline)

    def refuse(self, rows):
        raise AssertionError("texts are numbered one by one")

    monkeypatch.setattr(ArrowColumn, "codes", refuse)
    np.testing.assert_array_equal(
        twin.transform(colors).toarray(), pipeline.transform(colors).toarray()
    )


def test_a_key_that_is_filled_in_is_looked_up():
    known = pd.DataFrame({"color": ["red", "blue"], "size": [1.0, 2.0]})
    colors = pd.DataFrame({"color": pd.Series(["red", None, "blue", "grey"], dtype="str")})
    imputer = SimpleImputer(strategy="constant", fill_value="blue")
    lookup = TableLookup(known, on="color", default=-1.0)
    pipeline = make_pipeline(imputer.set_output(transform="pandas"), lookup).fit(colors)
    for rows in (colors, colors[:1]):
        found = compile_pipeline(pipeline).transform(rows)
        np.testing.assert_array_equal(np.asarray(found), np.asarray(pipeline.transform(rows)))
