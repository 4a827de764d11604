"""Data frames of numbers that a step of the user's own returns, before trees."""

import numpy as np
import pandas as pd
import pytest
from lightgbm import LGBMClassifier
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.naive_bayes import GaussianNB
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import SVC

from skwillump import compile_pipeline

MODELS = {
    "forest": lambda: RandomForestClassifier(10, random_state=0),
    "histograms": lambda: HistGradientBoostingClassifier(max_iter=3, random_state=0),
    "LightGBM": lambda: LGBMClassifier(n_estimators=3, verbose=-1, n_jobs=1),
}


def _table(n_rows=80):
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"a": rng.normal(size=n_rows), "b": rng.integers(1, 9, n_rows)})
    return table, (table["a"] * table["b"] > 0.5).astype(int).to_numpy()


class Counted:
    """A function that counts its calls."""

    def __init__(self, function):
        self.function, self.n_calls = function, 0

    def __call__(self, X):
        self.n_calls += 1
        return self.function(X)


def _with_ratio(X):
    return X.assign(ratio=X["a"] / X["b"])


def _with_flag(X):
    return X.assign(flag=X["a"] > 0)


def _only_whole(X):
    return X[["b"]].assign(c=X["b"] + 1)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("function", [_with_ratio, _with_flag, _only_whole])
def test_the_function_runs_at_most_once_for_a_batch_and_answers_are_the_models(model, function):
    X, y = _table()
    pipeline = make_pipeline(FunctionTransformer(function), MODELS[model]()).fit(X, y)
    compiled = compile_pipeline(pipeline)
    np.testing.assert_array_equal(compiled.predict(X), pipeline.predict(X))
    expected = pipeline.predict_proba(X)
    np.testing.assert_allclose(compiled.predict_proba(X), expected, rtol=1e-12)
    row = X.iloc[3].to_dict()
    np.testing.assert_allclose(compiled.predict_proba_one(row), expected[3], rtol=1e-12)
    counted = Counted(function)
    compiled.estimator[0].func = counted
    compiled.predict_proba(X)
    assert counted.n_calls <= 1  # not at all where its columns are told


@pytest.mark.parametrize("model", MODELS)
def test_columns_in_another_order_are_the_models_affair(model):
    X, y = _table()
    turn = Counted(_with_ratio)
    pipeline = make_pipeline(FunctionTransformer(turn), MODELS[model]()).fit(X, y)
    compiled = compile_pipeline(pipeline)
    for twin in (pipeline, compiled.estimator):
        twin[0].func.function = lambda X: _with_ratio(X)[["ratio", "b", "a"]]
    if model == "LightGBM":
        np.testing.assert_array_equal(compiled.predict(X), pipeline.predict(X))
        return
    with pytest.raises(ValueError, match="feature names should match"):
        pipeline.predict(X)
    with pytest.raises(ValueError, match="feature names should match"):
        compiled.predict(X)


@pytest.mark.parametrize(
    "model",
    [
        MLPClassifier((4,), max_iter=20, random_state=0),
        SVC(),
        GaussianNB(),
    ],
    ids=lambda model: type(model).__name__,
)
@pytest.mark.filterwarnings("ignore:Stochastic")
def test_the_function_runs_once_where_what_follows_leaves_its_columns_to_the_original(model):
    X, y = _table()
    pipeline = make_pipeline(FunctionTransformer(_with_flag), StandardScaler(), model).fit(X, y)
    expected = pipeline.predict(X)
    counted = Counted(_with_flag)
    pipeline[0].func = counted
    compiled = compile_pipeline(pipeline)
    counted = compiled._parts.features.first.original.func
    before = counted.n_calls
    np.testing.assert_array_equal(compiled.predict(X), expected)
    assert counted.n_calls - before == 1
