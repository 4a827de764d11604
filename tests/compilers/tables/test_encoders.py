"""Compiled encoders give the codes of scikit-learn's own, for any categories."""

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from scipy import sparse
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, TargetEncoder
from table_cases import (
    CATEGORIES,
    N_FIT,
    Y3,
    assert_same_features,
    category_frames,
    compiled,
    quick,
)

from skwillump.compilers import InputUnsupported, OriginalStep, compile_step

ENCODERS = (
    {
        f"one-hot {i}": OneHotEncoder(**options)
        for i, options in enumerate(
            [
                {},
                {"handle_unknown": "ignore"},
                {"handle_unknown": "ignore", "sparse_output": False, "dtype": np.float32},
                {"drop": "first"},
                {"drop": "if_binary", "handle_unknown": "ignore"},
                {"drop": ["red", "a", 2, 0.25, True, "low"], "dtype": np.int8},
                {"handle_unknown": "infrequent_if_exist", "min_frequency": 25},
                {
                    "handle_unknown": "infrequent_if_exist",
                    "max_categories": 3,
                    "sparse_output": False,
                },
                {"handle_unknown": "infrequent_if_exist", "max_categories": 2, "drop": "first"},
                {"handle_unknown": "warn", "max_categories": 3},
                {"handle_unknown": "infrequent_if_exist"},
            ]
        )
    }
    | {
        f"ordinal {i}": OrdinalEncoder(**options)
        for i, options in enumerate(
            [
                {},
                {"handle_unknown": "use_encoded_value", "unknown_value": -1},
                {"handle_unknown": "use_encoded_value", "unknown_value": np.nan},
                {"encoded_missing_value": -5},
                {
                    "handle_unknown": "use_encoded_value",
                    "unknown_value": 99,
                    "dtype": np.int16,
                    "encoded_missing_value": -2,
                },
                {"handle_unknown": "use_encoded_value", "unknown_value": -1, "min_frequency": 25},
                {"max_categories": 3},
            ]
        )
    }
    | {
        "target": TargetEncoder(random_state=0),
        "target, unsmoothed": TargetEncoder(smooth=0.0, random_state=0),
    }
)


@pytest.fixture(scope="module", params=ENCODERS)
def encoder_step(request):
    return compiled(ENCODERS[request.param], CATEGORIES)


@quick
@given(X=category_frames())
def test_categories(encoder_step, X):
    assert_same_features(encoder_step, X, exactly=True)


def test_target_encoding_of_three_classes_and_of_numbers():
    X = CATEGORIES
    for y in (Y3, np.linspace(0, 1, N_FIT)):
        step = compiled(TargetEncoder(random_state=0), X, y)
        expected = assert_same_features(step, X[:20].assign(color="new"))
        assert expected is not None
        assert expected.shape[1] == X.shape[1] * (3 if y is Y3 else 1)


@pytest.mark.parametrize("name", ["one-hot 1", "one-hot 0", "ordinal 1", "target"])
def test_categories_of_arrays_and_polars(name):
    texts = np.array([["a", "x"], ["b", "y"], ["c", "x"]] * 40)
    for X in (texts, texts.astype(object), np.arange(N_FIT * 2).reshape(-1, 2) % 5):
        step = compiled(ENCODERS[name], X)
        assert_same_features(step, X[:7], exactly=True)
        other = X[:4].copy()
        other[0, 0] = "?" if X is not None and X.dtype.kind in "UO" else 77
        assert_same_features(step, other, exactly=True)
    frame = pl.from_pandas(CATEGORIES[["color", "count", "flag"]])
    frame = frame.with_columns(
        color=pl.when(pl.col("count") > 8).then(None).otherwise(pl.col("color"))
    )
    step = compiled(ENCODERS[name], frame)
    assert_same_features(step, frame[:15], exactly=True)
    assert_same_features(
        step, frame[:15].with_columns(color=pl.col("color").cast(pl.Categorical)), exactly=True
    )
    assert_same_features(step, frame[:3].with_columns(color=pl.lit("new")), exactly=True)


def test_values_that_compare_in_a_way_of_their_own_are_left_to_the_original(encoder_step):
    for wrong in (pd.NA, pd.Timestamp("2020-01-01"), ("red",), np.datetime64("2020-01-01")):
        X = CATEGORIES[:3].astype({"color": object})
        X.at[1, "color"] = wrong
        with pytest.raises(InputUnsupported):
            encoder_step.dense(X)


def test_unknown_categories_of_one_row_are_as_the_encoder_was_told():
    row = CATEGORIES.iloc[0].to_dict() | {"color": "new"}
    for name, encoder in ENCODERS.items():
        step = compiled(encoder, CATEGORIES)
        if getattr(encoder, "handle_unknown", None) == "error":
            with pytest.raises(ValueError, match="unknown category 'new' in column 'color'"):
                step.dense_one(row)
        elif getattr(encoder, "handle_unknown", None) == "warn" or getattr(encoder, "drop", None):
            with pytest.raises(InputUnsupported):
                step.dense_one(row)
        else:
            X = CATEGORIES[:1].assign(color="new")
            np.testing.assert_array_equal(step.dense_one(row), step.dense(X)[0], err_msg=name)
        with pytest.raises(TypeError, match="category is expected"):
            step.dense_one(row | {"color": ["red"]})


def test_encoders_pickle(encoder_step):
    again = pickle.loads(pickle.dumps(encoder_step))
    np.testing.assert_array_equal(again.dense(CATEGORIES), encoder_step.dense(CATEGORIES))


@pytest.mark.parametrize("dtype", [object, np.float16, "U1"])
@pytest.mark.parametrize("sparse_output", [False, True])
def test_one_hot_codes_of_a_dtype_without_sparse_matrices_are_left_to_the_original(
    dtype, sparse_output
):
    encoder = OneHotEncoder(dtype=dtype, sparse_output=sparse_output).fit([["a"], ["b"]])
    step = compile_step(encoder)
    assert isinstance(step, OriginalStep)
    assert "dtype" in step.reason
    # Which of these are refused is up to the release of SciPy.
    assert answer_or_error(step) == answer_or_error(encoder)


def answer_or_error(transformer):
    try:
        X = transformer.transform([["b"]])
        return np.asarray(X.todense() if sparse.issparse(X) else X).tolist()
    except ValueError as error:
        return str(error)
