"""Columns of any dtype are read as scikit-learn reads them, or left to it."""

import numpy as np
import pytest
from sklearn.compose import make_column_transformer
from sklearn.feature_selection import VarianceThreshold
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from table_cases import ALL_NUMBERS, NUMBERS, Y, compiled, compiled_quietly, dense

from skwillump import compile_pipeline
from skwillump.compilers import InputUnsupported


@pytest.mark.parametrize("name", ALL_NUMBERS)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # half precision overflows
def test_other_dtypes_give_what_the_original_gives(name):
    columns = ["normal", "large", "skewed", "few"] if name != "power, box-cox" else ["skewed"]
    X = NUMBERS[columns].astype(float)
    step = compiled_quietly(ALL_NUMBERS[name], X)
    for dtype in ("float32", "float16", "int8", "uint64", "bool", "object", "Int64", "Float64"):
        other = (X[:5] % 50).round().abs().add(1).astype(dtype)
        try:
            expected = step.original.transform(other)
        except (ValueError, TypeError) as error:
            with pytest.raises(type(error)):
                step.transform(other)
            continue
        actual = step.transform(other)
        assert type(actual) is type(expected)
        if hasattr(expected, "dtype"):
            assert actual.dtype == expected.dtype
        np.testing.assert_allclose(dense(actual), dense(expected), rtol=1e-12, atol=1e-13)
        try:
            features = step.dense(other)
        except InputUnsupported:
            continue
        assert dtype not in ("float32", "float16") or name == "identity"
        np.testing.assert_allclose(features, dense(expected), rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("transformer", [FunctionTransformer(), VarianceThreshold()], ids=repr)
def test_arrays_of_texts_are_left_to_the_original(transformer):
    X = NUMBERS[["normal", "few"]].to_numpy()
    digits = X[:5].astype(str)
    step = compiled(transformer, X)
    with pytest.raises(InputUnsupported):
        step.dense(digits)
    model = make_pipeline(transformer, LogisticRegression()).fit(X, Y)
    for method in (model.predict, compile_pipeline(model).predict):
        with pytest.raises(ValueError, match="not compatible with arrays of bytes/strings"):
            method(digits)


def test_an_int_that_is_no_float_is_left_to_the_original():
    X = NUMBERS[["normal", "few"]].to_numpy()
    model = make_pipeline(VarianceThreshold(0.9), LogisticRegression()).fit(X * [0.1, 1.0], Y)
    other = X[:4].astype(object)
    other[1, 0] = 10**400
    np.testing.assert_array_equal(compile_pipeline(model).predict(other), model.predict(other))
    imputed = compiled(SimpleImputer(strategy="constant", fill_value=1), other[:1].repeat(9, 0))
    with pytest.raises(InputUnsupported, match="too large"):
        imputed.dense(other)
    with pytest.raises(InputUnsupported, match="too large"):
        compiled(StandardScaler(), X).dense_one([10**400, 1.0])


def test_longer_floats_are_left_to_the_original():
    X = NUMBERS[["normal", "few"]].to_numpy()
    longer = X[:5].astype(np.longdouble)
    for transformer in (FunctionTransformer(), StandardScaler(), VarianceThreshold()):
        step = compiled(transformer, X)
        if longer.dtype != np.float64:
            with pytest.raises(InputUnsupported, match="dtype"):
                step.dense(longer)


def test_whole_numbers_in_one_row_may_stand_for_floats():
    X = NUMBERS[["normal", "skewed"]]
    imputer = SimpleImputer(strategy="most_frequent")
    columns = make_column_transformer(("passthrough", ["normal", "skewed"]))
    step = compiled(make_pipeline(columns, imputer, StandardScaler()), X)
    expected = step.dense_one({"normal": 1.0, "skewed": 2.0})
    np.testing.assert_array_equal(step.dense_one({"normal": 1, "skewed": 2}), expected)
