"""Compiled steps over numbers give what scikit-learn's transformers give, for any table."""

import pickle
import re
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, strategies as st
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.feature_selection import VarianceThreshold
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    KBinsDiscretizer,
    MinMaxScaler,
    OneHotEncoder,
    RobustScaler,
    SplineTransformer,
    StandardScaler,
)
from table_cases import (
    ALL_NUMBERS,
    NUMBERS,
    WITH_NAN,
    assert_same_features,
    compiled,
    compiled_quietly,
    dense,
    number_frames,
    quick,
)

from skwillump import compile_pipeline
from skwillump.compilers import InputUnsupported, OriginalStep, compile_step


@pytest.fixture(scope="module", params=ALL_NUMBERS)
def number_step(request):
    X = NUMBERS.copy()
    if request.param in WITH_NAN:
        X.loc[::7, ["normal", "skewed"]] = np.nan
        X = X.astype(float)
    else:
        X = X.drop(columns="constant") if request.param != "binarizer" else X
    if request.param == "power, box-cox":
        X = X[["large", "skewed"]]
    return compiled_quietly(ALL_NUMBERS[request.param], X)


@quick
@given(data=st.data())
def test_numbers(number_step, data):
    X = data.draw(number_frames(number_step.spec.names))
    if getattr(number_step.original, "sparse_output", False):
        # scikit-learn's sparse splines refuse whole numbers beyond the knots.
        X = X.astype(float)
    # An imputer's fill value has the dtype of the fitted columns: others go to the original.
    is_whole = "f" not in {dtype.kind for dtype in X.dtypes}
    may_refuse = isinstance(number_step.original, SimpleImputer) and is_whole
    assert_same_features(number_step, X, may_refuse=may_refuse)


@pytest.mark.parametrize("name", ALL_NUMBERS)
def test_numbers_of_arrays_and_polars(name):
    X = NUMBERS.drop(columns=["constant", "large"] if name not in WITH_NAN else [])
    X = X[["skewed"]] if name == "power, box-cox" else X
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        array_step = compiled(ALL_NUMBERS[name], X.to_numpy())
        polars_step = compiled(ALL_NUMBERS[name], pl.from_pandas(X))
    assert_same_features(array_step, X.to_numpy()[:9])
    assert_same_features(array_step, np.asfortranarray(X.to_numpy()[:9]))
    assert_same_features(array_step, X.to_numpy()[:9].astype(object), may_refuse=True)
    assert_same_features(polars_step, pl.from_pandas(X)[:9])
    # More rows than one chunk: chunks leave no trace.
    many = np.tile(X.to_numpy(), (90, 1))
    whole = array_step.dense(many)
    np.testing.assert_array_equal(whole, array_step.dense(many, n_threads=3))
    np.testing.assert_allclose(whole[: len(X)], whole[-len(X) :], rtol=1e-13)


def test_infinite_numbers_are_left_to_the_original(number_step):
    X = pd.DataFrame({name: [1.0, np.inf] for name in number_step.spec.names})
    if isinstance(number_step.original, (FunctionTransformer, VarianceThreshold)):
        np.testing.assert_array_equal(number_step.dense(X), number_step.original.transform(X))
        return
    with pytest.raises(InputUnsupported, match="finite"):
        number_step.dense(X)
    if getattr(number_step.original, "handle_missing", None) == "zeros":  # takes them too
        expected = number_step.original.transform(X)
        np.testing.assert_array_equal(number_step.transform(X), expected)
    else:
        with pytest.raises(ValueError, match="infinity"):
            number_step.transform(X)


def test_columns_must_be_those_that_were_fitted(number_step):
    names = list(number_step.spec.names)
    X = pd.DataFrame({name: [1.0, 2.0] for name in names})
    for wrong in (
        X[names[::-1]],
        X.assign(more=1),
        X.to_numpy(),
        X.rename(columns={names[0]: "z"}),
    ):
        if len(names) > 1 or "more" in wrong:
            with pytest.raises(InputUnsupported):
                number_step.dense(wrong)


def takes_no_text(step):
    """Whether numpy's function is given a text as it is, and raises."""
    original = step.original
    if not isinstance(original, FunctionTransformer) or original.func is None:
        return False
    return not original.validate


def test_a_row_with_a_wrong_value_is_an_error(number_step):
    names = number_step.spec.names
    right = dict.fromkeys(names, 1.5)
    np.testing.assert_array_equal(
        number_step.dense_one(right | {"more": "?"}).shape, (number_step.n_features,)
    )
    for wrong in ("a", b"", [1.0], object(), {}):
        # The types of errors are those that scikit-learn raises for such a column.
        kind = ValueError if isinstance(wrong, (str, bytes, list)) else TypeError
        if isinstance(wrong, (str, bytes)) and takes_no_text(number_step):
            with pytest.raises(InputUnsupported, match="a text"):
                number_step.dense_one(right | {names[0]: wrong})
            continue
        place = f"number is expected, in column {names[0]!r}"
        with pytest.raises(kind, match=re.escape(place)):
            number_step.dense_one(right | {names[0]: wrong})
    with pytest.raises(ValueError, match=r"columns are missing: \[" + repr(names[0])):
        number_step.dense_one(dict.fromkeys(names[1:], 1.5))
    with pytest.raises(ValueError, match=f"{len(names)} are expected"):
        number_step.dense_one([1.5] * (len(names) + 1))


def test_a_text_that_is_a_number_is_one_in_a_row_as_in_a_batch(number_step):
    right = dict.fromkeys(number_step.spec.names, 1.5)
    for text in ("1.5", " 1.5", b"1.5"):
        if takes_no_text(number_step):
            with pytest.raises(InputUnsupported, match="a text"):
                number_step.dense_one(right | {number_step.spec.names[0]: text})
            continue
        np.testing.assert_array_equal(
            number_step.dense_one(right | {number_step.spec.names[0]: text}),
            number_step.dense_one(right),
        )


def test_steps_pickle(number_step):
    X = pd.DataFrame({name: [1.0, 2.0] for name in number_step.spec.names})
    again = pickle.loads(pickle.dumps(number_step))
    np.testing.assert_array_equal(again.dense(X), number_step.dense(X))


@pytest.mark.parametrize(
    ("transformer", "X", "reason"),
    [
        (SimpleImputer(), np.array([[1.0, np.nan]] * 3), "without values"),
        (SimpleImputer(strategy="most_frequent"), np.ones((3, 2), np.float32), "float32"),
        (FunctionTransformer(len), np.ones((3, 2)), "ufunc"),
        (FunctionTransformer(np.log1p, kw_args={"where": True}), np.ones((3, 2)), "kw_args"),
        (
            SplineTransformer(degree=1, extrapolation="linear"),
            NUMBERS[["normal"]],
            "extrapolation",
        ),
        (KBinsDiscretizer(2, dtype=np.float32), NUMBERS[["normal"]], "dtype"),
        (
            OneHotEncoder(),
            pd.DataFrame({"day": pd.to_datetime(["2020-01-01", "2020-01-02"])}),
            "categories",
        ),
    ],
)
def test_what_is_not_compiled_says_why_and_runs_as_it_is(transformer, X, reason):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        step = compile_step(transformer.fit(X))
        assert isinstance(step, OriginalStep)
        assert reason in step.reason
        expected = dense(transformer.transform(X))
        np.testing.assert_array_equal(dense(step.transform(X)), expected)


def test_inputs_are_not_changed():
    X = NUMBERS.to_numpy().copy()
    before = X.copy()
    for scaler in (StandardScaler(copy=False), MinMaxScaler(copy=False), SimpleImputer(copy=False)):
        step = compiled(clone(scaler).set_params(copy=True), X)
        step.original.copy = False
        step.dense(X)
        step.bind(np.ones((step.n_features, 1))).scores(X)
        np.testing.assert_array_equal(X, before)


def test_an_empty_selection_and_one_alone():
    X = NUMBERS
    step = compiled(make_column_transformer((StandardScaler(), []), (StandardScaler(), [0])), X)
    assert_same_features(step, X[:4])


def test_integers_that_lightgbm_would_round_are_left_to_the_original():
    X = pd.DataFrame({"id": [2**24, 2**24 + 1, 3], "n": [1, 2, 3], "x": [0.5, 1.5, 2.5]})
    whole = make_column_transformer(("passthrough", ["id"]), (FunctionTransformer(), ["n"]))
    with_floats = make_column_transformer(("passthrough", ["id"]), (StandardScaler(), ["x"]))
    for transformer in (whole, make_pipeline(FunctionTransformer(), whole)):
        step = compile_step(transformer.fit(X))
        assert step.dense(X)[1, 0] == 2**24 + 1
        with pytest.raises(InputUnsupported, match="float32"):
            step.guarded().dense(X)
        with pytest.raises(InputUnsupported, match="float32"):
            step.guarded().dense_one(X.iloc[1].astype(object).to_dict() | {"id": 2**24 + 1})
        np.testing.assert_array_equal(step.guarded().dense(X[2:]), step.dense(X[2:]))
    step = compile_step(with_floats.fit(X))
    np.testing.assert_array_equal(step.guarded().dense(X), step.dense(X))


@pytest.mark.parametrize("scaler", [StandardScaler(), MinMaxScaler(), RobustScaler()])
@pytest.mark.parametrize("of", [np.ascontiguousarray, np.asfortranarray])
@pytest.mark.parametrize("n_rows", [500, 5000])
def test_scaled_columns_lie_as_the_originals(scaler, of, n_rows):
    X = of(np.random.default_rng(0).normal(size=(n_rows, 12)))
    expected = scaler.fit(X).transform(X)
    found = compile_pipeline(scaler).transform(X)
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    assert found.flags.f_contiguous is expected.flags.f_contiguous
