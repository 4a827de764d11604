"""Functions and classes of one's own over arrays, told from their source."""

import pickle
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler, StandardScaler

from skwillump import compile_pipeline

RNG = np.random.default_rng(0)
X = RNG.normal(size=(80, 5)).round(2) * 2 + 0.001
Y = (X[:, 0] > X[:, 1]).astype(int)
FRAME = pd.DataFrame(X, columns=list("abcde"))
COLS, WEIGHTS = [0, 2, 3], np.array([0.5, 2.0, 3.0, 4.0, 0.25])
PAIRS = [(0, 1), (1, 2)]


def ratio(X):
    return np.c_[X, X[:, 0] / X[:, 1]]


def shares(X):
    share = (X[:, 3] / X[:, 1]).reshape(-1, 1)
    return np.concatenate([X, share], axis=1)


def products(X):
    return np.column_stack([X[:, i] * X[:, j] for i, j in PAIRS])


def rows(X):
    return np.c_[X, X.mean(axis=1), X.max(axis=1), X.min(axis=1), np.sum(X, axis=1)]


def named_again(X):
    first = X[:, 0]
    X = X * 2
    return np.c_[first, X[:, 0]]


def listed_before(X):
    parts = [X[:, 0], X[:, 1]]
    X = X * 2
    return np.hstack([X, np.column_stack(parts)])


def of_either(X):
    if isinstance(X, (pd.DataFrame, pd.Series)):
        X = X.to_numpy()
    if X.shape[1] > 2:
        X = X + 1
    return X


FUNCTIONS = {
    "ratio": ratio,
    "shares": shares,
    "products": products,
    "rows": rows,
    "named_again": named_again,
    "listed_before": listed_before,
    "of_either": of_either,
    "powers": lambda X: np.hstack([X, X**2, X[:, :2] ** 3]),
    "where": lambda X: np.where(X > 1, 1, X),
    "where_column": lambda X: np.where(X[:, [0]] > 0, X[:, [1]], -1.0),
    "logs": lambda X: np.sign(X) * np.log1p(np.abs(X)),
    "chosen": lambda X: X[:, COLS],
    "slices": lambda X: np.c_[X[:, 1:4], X[:, -2:], X[:, ::-1]],
    "by_column": lambda X: (X - WEIGHTS) / WEIGHTS,
    "one_column": lambda X: X / X[:, [2]],
    "clipped": lambda X: np.clip(X, -WEIGHTS, WEIGHTS),
    "bounded": lambda X: X.round(1).clip(0, 2),
    "cyclic": lambda X: np.c_[np.sin(2 * np.pi * X[:, 0] / 24), np.cos(X[:, 0] / 24)],
    "constant": lambda X: np.c_[np.ones((X.shape[0], 1)), X, np.zeros(len(X))],
    "flags": lambda X: np.c_[X, X[:, 0] > X[:, 1], (X[:, 2] > 0) & (X[:, 3] > 0)],
    "integers": lambda X: (X > 0).astype(int),
    "missing": lambda X: np.where(np.isnan(X), 0, X),
    "none": lambda X: X[:, 0, None] * X[:, 1][:, np.newaxis],
    "normed": lambda X: X / X.sum(axis=1, keepdims=True),
    "maximum": lambda X: np.maximum(X, X[:, 1:2]),
}

NOT_TOLD = {
    "across": lambda X: X - X.mean(axis=0),
    "vector": lambda X: X[:, 0] / np.arange(len(X)),
    "broadcast": lambda X: X[:5] * X[:5, 0],
    "in_place": lambda X: np.multiply(X, 2, out=X),
}


class Adder(BaseEstimator, TransformerMixin):
    def __init__(self, with_product=True):
        self.with_product = with_product

    def fit(self, X, y=None):
        return self

    def transform(self, X, y=None):
        share = X[:, 3] / X[:, 1]
        if self.with_product:
            return np.c_[X, share, X[:, 0] * share]
        return np.c_[X, share]


class Winsorizer(BaseEstimator, TransformerMixin):
    def fit(self, X, y=None):
        self.low_, self.high_ = np.nanquantile(X, [0.1, 0.9], axis=0)
        return self

    def transform(self, X):
        return np.clip(X, self.low_, self.high_)


def _behind(transformer):
    return make_pipeline(StandardScaler(), transformer, MinMaxScaler())


def _is_told(compiled):
    kinds = ("FunctionTransformer", "Adder", "Winsorizer")
    return all(step.compiled for step in compiled.explain() if step.type in kinds)


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("order", ["C", "F"])
def test_an_array_becomes_what_the_function_makes_of_it(name, order):
    given = np.array(X, order=order)
    for pipeline in (
        _behind(FunctionTransformer(FUNCTIONS[name])),
        make_pipeline(FunctionTransformer(FUNCTIONS[name])),
    ):
        compiled = compile_pipeline(pipeline.fit(given))
        assert _is_told(compiled)
        made, expected = compiled.transform(given), pipeline.transform(given)
        assert (type(made), made.dtype) == (type(expected), expected.dtype)
        np.testing.assert_allclose(made, expected, rtol=1e-12, atol=1e-15)
    assert (given == X).all()


@pytest.mark.parametrize("name", NOT_TOLD)
def test_what_mixes_rows_or_changes_its_input_is_called_as_it_is(name):
    pipeline = make_pipeline(StandardScaler(), FunctionTransformer(NOT_TOLD[name])).fit(X[:5])
    assert not _is_told(compile_pipeline(pipeline))


ODD = {
    "integers": np.round(X * 3).astype(int),
    "int32": np.round(X * 3).astype("int32"),
    "unsigned": np.abs(X * 3).astype("uint8"),
    "single": X.astype("float32"),
    "booleans": X > 0,
    "objects": X.astype(object),
    "texts": X.astype(str),
    "missing": np.where(X > 2, np.nan, X),
    "infinite": np.where(X > 2, np.inf, X),
    "zeros": X * 0,
    "huge": X * 1e300,
    "large_integers": np.round(X * 2**58).astype(int),
    "one": X[:1],
    "none": X[:0],
    "strided": np.repeat(X, 2, axis=1)[:, ::2],
    "narrow": X[:, :3],
    "list": X.tolist(),
    "frame": pd.DataFrame(X),
    "named_frame": FRAME,
}


def _outcome(function):
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            found = function()
        except Exception as error:
            found = error
    return found, {one.category for one in said}


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("odd", ODD)
def test_an_odd_array_becomes_the_same_or_is_refused_in_the_same_way(name, odd):
    pipeline = make_pipeline(FunctionTransformer(FUNCTIONS[name])).fit(X)
    compiled = compile_pipeline(pipeline)
    expected, warned = _outcome(lambda: pipeline.transform(ODD[odd]))
    made, said = _outcome(lambda: compiled.transform(ODD[odd]))
    assert (type(made), said) == (type(expected), warned)
    if isinstance(expected, np.ndarray):
        assert made.dtype == expected.dtype
        np.testing.assert_array_equal(made, expected)


ROWS = [
    X[0],
    X[1].tolist(),
    [1, 2, 3, 4, 5],
    [0, 2.5, 0, 0, 1],
    np.zeros(5),
    np.array([np.inf, 0.0, 1e300, -1e300, -0.0]),
    [2**40, 1, 1, 1, 1],
]


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("place", range(len(ROWS)))
def test_one_row_becomes_the_same(name, place):
    row = ROWS[place]
    function = FunctionTransformer(FUNCTIONS[name])
    pipeline = make_pipeline(function, SimpleImputer(), LogisticRegression()).fit(X, Y)
    compiled = compile_pipeline(pipeline)
    expected, warned = _outcome(lambda: pipeline.predict_proba(np.array([row]))[0])
    made, said = _outcome(lambda: compiled.predict_proba_one(row))
    assert type(made) is type(expected)
    if isinstance(expected, np.ndarray):
        assert said == warned
        np.testing.assert_allclose(made, expected, rtol=1e-12)


def test_classes_of_ones_own_take_part_in_the_pass_over_a_table():
    def blocks(adder):
        numbers = make_pipeline(SimpleImputer(), adder, StandardScaler())
        bounds = make_pipeline(SimpleImputer(), Winsorizer())
        return ColumnTransformer([("n", numbers, list("abcd")), ("w", bounds, list("de"))])

    for adder in (Adder(), Adder(with_product=False)):
        pipeline = make_pipeline(blocks(adder), LogisticRegression()).fit(FRAME, Y)
        compiled = compile_pipeline(pipeline)
        assert all(step.compiled for step in compiled.explain())
        for twin in (compiled, pickle.loads(pickle.dumps(compiled))):
            given, expected = FRAME.iloc[::-1], pipeline.predict_proba(FRAME.iloc[::-1])
            np.testing.assert_allclose(twin.predict_proba(given), expected, rtol=1e-12)
            one = twin.predict_proba_one(given.iloc[0].to_dict())
            np.testing.assert_allclose(one, expected[0], rtol=1e-12)


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_a_function_of_the_columns_of_a_data_frame_gives_what_it_gives(library):
    columns = ColumnTransformer(
        [
            ("s", FunctionTransformer(lambda x: np.sin(x / 12 * 2 * np.pi)), ["a"]),
            ("l", FunctionTransformer(lambda x: np.log1p(np.abs(x))), ["b", "c"]),
            ("p", "passthrough", ["d"]),
        ]
    )
    given = FRAME.assign(b=np.arange(len(X)))
    given = given if library == "pandas" else pl.from_pandas(given)
    pipeline = make_pipeline(columns, LogisticRegression()).fit(given, Y)
    compiled = compile_pipeline(pipeline)
    for one in (given, given[:1]):
        expected = pipeline.predict_proba(one)
        np.testing.assert_allclose(compiled.predict_proba(one), expected, rtol=1e-12)


def test_a_union_of_functions_of_arrays_is_compiled():
    union = make_union(FunctionTransformer(ratio), FunctionTransformer(products), StandardScaler())
    pipeline = make_pipeline(union, LogisticRegression()).fit(X, Y)
    compiled = compile_pipeline(pipeline)
    assert all(step.compiled for step in compiled.explain())
    expected = pipeline.predict_proba(X)
    np.testing.assert_allclose(compiled.predict_proba(X), expected, rtol=1e-12)


def test_an_error_that_numpy_is_told_to_raise_is_raised():
    pipeline = _behind(FunctionTransformer(ratio)).fit(X)
    compiled = compile_pipeline(pipeline)
    given = pipeline[0].inverse_transform(np.zeros((2, 5)))
    given[:, 1] = pipeline[0].mean_[1]
    with np.errstate(all="raise"), pytest.raises(FloatingPointError):
        pipeline.transform(given)
    with np.errstate(all="raise"), pytest.raises(FloatingPointError):
        compiled.transform(given)
