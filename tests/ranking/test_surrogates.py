"""Rankers whose filter is a linear model on the same features."""

import pickle

import numpy as np
from numpy.testing import assert_array_equal
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skwillump import ApproxTopKRanker


def values(n_rows=3000, seed=0):
    """A value that rises with three numbers of different scales, and bends."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_rows, 3)) * [1.0, 100.0, 0.01]
    value = X @ [1.0, 0.01, 100.0]
    return X, value + 0.3 * np.sin(3 * value) + rng.normal(scale=0.02, size=n_rows)


def ranker(model, **kwargs):
    defaults = {"k": 30, "precision_target": 0.9, "cv": 0.3, "random_state": 0}
    return ApproxTopKRanker(make_pipeline(StandardScaler(), model), **(defaults | kwargs))


def test_a_linear_model_filters_before_a_dear_one():
    made, (X, _) = ranker(KNeighborsRegressor(15)).fit(*values()), values(seed=1)
    filtering = made.stages_[0]
    assert filtering.is_surrogate
    assert type(filtering.model) is Ridge
    assert made.stages_[1].share < 0.8
    assert "with a linear model" in made.report()
    best, scores = made.rank(X, return_scores=True)
    full = made.estimator_.predict(X)
    assert np.isin(best, np.argsort(-full, kind="stable")[:30]).mean() >= 0.9
    assert_array_equal(scores, full[best])
    assert_array_equal(pickle.loads(pickle.dumps(made)).rank(X), best)


def test_a_classifier_gets_a_linear_classifier():
    X, y = values()
    made = ranker(KNeighborsClassifier(50)).fit(X, y > 1)
    assert any(tradeoff.is_surrogate for tradeoff in made.tradeoff_)
    candidates = zip(made._calibrated.calibration.candidates, made._calibrated.models, strict=True)
    assert [type(m) for c, m in candidates if c.is_surrogate] == [LogisticRegression]


def test_a_linear_model_gets_no_other():
    made = ranker(Ridge()).fit(*values(500))
    assert "single block" in made.report()
    assert made.tradeoff_ == []
