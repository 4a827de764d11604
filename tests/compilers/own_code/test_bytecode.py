"""Short functions of the user's own are recognised by their code, and no others."""

from operator import itemgetter

import numpy as np
import pandas as pd
import pytest
from answers import whole_twin
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from skwillump.compilers.own_code._bytecode import (
    ChosenColumns,
    FilledTexts,
    Own,
    applied_function,
    chosen_columns,
    filled_texts,
    own_code,
)

NAMES = ["a", "b"]


class Stateless(TransformerMixin, BaseEstimator):
    def fit(self, X, y=None):
        return self


class Select(Stateless):
    """Columns by a key, as most people write it."""

    def __init__(self, key):
        self.key = key

    def transform(self, X, y=None, **params):
        """Return the columns."""
        return X[self.key]


class SelectValues(Stateless):
    def __init__(self, attribute_names):
        self.attribute_names = attribute_names

    def transform(self, X):
        return X[self.attribute_names].values

    def get_feature_names_out(self, names=None):  # so that `set_output` wraps `transform`
        return np.asarray(self.attribute_names)


class SelectOne(Stateless):
    def __init__(self, key):
        self.key = key

    def transform(self, X):
        return X[[self.key]]


class SelectProperty(Stateless):
    @property
    def key(self):
        return "a"

    def transform(self, X):
        return X[self.key]


class Dense(Stateless):
    def transform(self, X, y=None, **params):
        return np.asarray(X.todense())


class Logged(Select):
    def transform(self, X):
        print("selecting")
        return X[self.key]


def enclosed():
    names = ["c", "d"]
    return lambda X: X[names]


def rebound(X):
    X = X + 1
    return X[["a", "b"]]


def told(step):
    return chosen_columns(step) or filled_texts(step) or applied_function(step) or own_code(step)


def log_transform(x):
    """Take logarithms."""
    return np.log1p(x)


def _chosen(*names, is_vector=False, as_array=False):
    return ChosenColumns(names=names, is_vector=is_vector, as_array=as_array)


@pytest.mark.parametrize(
    ("step", "found"),
    [
        (Select("a"), _chosen("a", is_vector=True)),
        (Select(["a", "b"]), _chosen("a", "b")),
        (Select(pd.Index(["a", "b"])), _chosen("a", "b")),
        (SelectOne("a"), _chosen("a")),
        (SelectValues(["a", "b"]), _chosen("a", "b", as_array=True)),
        (FunctionTransformer(lambda X: X["a"]), _chosen("a", is_vector=True)),
        (FunctionTransformer(lambda X: X[["a"]]), _chosen("a")),
        (FunctionTransformer(itemgetter("a")), _chosen("a", is_vector=True)),
        (FunctionTransformer(itemgetter(["a", "b"])), _chosen("a", "b")),
        (FunctionTransformer(lambda X: X[["a", "b", "c"]]), _chosen("a", "b", "c")),
        (FunctionTransformer(lambda X: X[NAMES]), _chosen("a", "b")),
        (FunctionTransformer(lambda X: X.loc[:, NAMES]), _chosen("a", "b")),
        (FunctionTransformer(lambda X: X[NAMES].copy()), _chosen("a", "b")),
        (FunctionTransformer(enclosed()), _chosen("c", "d")),
        (
            FunctionTransformer(lambda X: X["a"].values.reshape(-1, 1)),
            _chosen("a", as_array=True),
        ),
        (FunctionTransformer(lambda X: np.log1p(X)), np.log1p),
        (FunctionTransformer(log_transform), np.log1p),
        (FunctionTransformer(log_transform, inverse_func=np.expm1), np.log1p),
        (FunctionTransformer(lambda X: X), Own.SAME),
        (FunctionTransformer(lambda X: X.toarray()), Own.DENSE),
        (FunctionTransformer(lambda X: X.toarray() if hasattr(X, "toarray") else X), Own.DENSE),
        (Dense(), Own.DENSE),
        (FunctionTransformer(lambda X: X.fillna("")), FilledTexts(text="")),
        (FunctionTransformer(lambda X: X.fillna(value="none")), FilledTexts(text="none")),
        (FunctionTransformer(lambda X: X.astype(str)), FilledTexts(text=None)),
    ],
)
def test_what_a_short_function_does_is_told_from_its_code(step, found):
    assert told(step) == found


@pytest.mark.parametrize(
    "step",
    [
        Logged("a"),
        SelectProperty(),
        Select(("a", "b")),  # one key of several levels
        Select(["a", "a"]),
        Select([0, 1]),
        Select([]),
        Select(None),
        SelectOne(["a", "b"]),
        FunctionTransformer(rebound),
        FunctionTransformer(lambda X: X.fillna(0)),
        FunctionTransformer(lambda X: X.fillna("", limit=1)),
        FunctionTransformer(lambda X: X.astype(float)),
        FunctionTransformer(lambda X: X["a"] + X["b"]),
        FunctionTransformer(lambda X: X.drop(columns=["a"])),
        FunctionTransformer(lambda X: X[["a"]], validate=True),
        FunctionTransformer(itemgetter("a", "b")),  # a tuple of columns
        FunctionTransformer(itemgetter("a"), validate=True),
        FunctionTransformer(itemgetter(["a"])).set_output(transform="pandas"),
        FunctionTransformer(lambda X, names: X[names], kw_args={"names": ["a"]}),
        FunctionTransformer(lambda X: X.toarray() + 1),
        FunctionTransformer(np.log1p),
        FunctionTransformer(),
        StandardScaler(),
        SelectValues(["a"]).set_output(transform="pandas"),
    ],
)
def test_any_other_function_is_not_recognised(step):
    assert told(step) is None


def test_a_replaced_method_is_not_recognised():
    step = Select("a")
    step.transform = lambda X: X["b"]
    assert told(step) is None


def test_hasattr_of_ones_own_is_not_taken_for_pythons(monkeypatch):
    step = FunctionTransformer(lambda X: X.toarray() if hasattr(X, "toarray") else X)
    monkeypatch.setitem(globals(), "hasattr", lambda *given: False)
    assert told(step) is None


def test_a_function_around_one_of_numpys_is_compiled_as_that():
    rows = pd.DataFrame({"a": [0.5, 2.0, 3.0], "b": [1.0, 0.0, 7.5]})
    fitted = make_pipeline(FunctionTransformer(log_transform), StandardScaler()).fit(rows)
    compiled = whole_twin(fitted)
    np.testing.assert_allclose(compiled.transform(rows), fitted.transform(rows), rtol=1e-12)
