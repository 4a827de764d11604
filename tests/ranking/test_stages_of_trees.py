"""Rankers on models of decision trees: filters on blocks, and the first trees of the ensemble."""

import numpy as np
import pandas as pd
import pytest
from lightgbm import LGBMClassifier, LGBMRanker, LGBMRegressor
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder, StandardScaler

from skwillump import ApproxTopKRanker
from skwillump.blocks import TruncatedEnsemble

MODELS = {
    "LightGBM": LGBMRegressor(n_estimators=200, verbose=-1, n_jobs=1, random_state=0),
    "LightGBM classifier": LGBMClassifier(n_estimators=200, verbose=-1, n_jobs=1, random_state=0),
    "forest": RandomForestRegressor(50, min_samples_leaf=5, random_state=0),
    "histogram boosting": HistGradientBoostingRegressor(max_iter=100, random_state=0),
}
COSTS = dict.fromkeys(("city", "strong", "weak"), 1e-9)


def table(n_rows=6000, seed=0):
    """Columns, and values that no linear model tells."""
    rng = np.random.default_rng(seed)
    strong, weak = rng.normal(scale=3.0, size=n_rows), rng.normal(size=n_rows)
    city = rng.choice(["Rome", "Oslo", "Lima"], n_rows)
    value = np.abs(strong) + weak + (city == "Rome") + rng.normal(scale=0.2, size=n_rows)
    return pd.DataFrame({"weak": weak, "strong": strong, "city": city}), value


def pipeline(model):
    return make_pipeline(
        ColumnTransformer(
            [
                ("city", OrdinalEncoder(), ["city"]),
                ("strong", StandardScaler(), ["strong"]),
                ("weak", StandardScaler(), ["weak"]),
            ]
        ),
        model,
    )


def fitted(name, **params):
    X, y = table()
    if "classifier" in name:
        y = (y > np.quantile(y, 0.9)).astype(int)
    defaults = {
        "k": 50,
        "precision_target": 0.8,
        "query_size": 4000,
        "feature_costs": COSTS,
        "random_state": 0,
    }
    return ApproxTopKRanker(pipeline(MODELS[name]), **(defaults | params)).fit(X, y)


def plain_scores(ranker, X):
    estimator = ranker.estimator_
    if hasattr(estimator, "predict_proba"):
        return estimator.predict_proba(X)[:, 1]
    return estimator.predict(X)


@pytest.mark.parametrize("name", MODELS)
def test_scores_are_the_full_models_and_the_best_candidates_come_first(name):
    ranker, (X, _) = fitted(name), table(4000, seed=1)
    assert len(ranker.stages_) == 2
    assert ranker._fused is not None
    rows, scores = ranker.rank(X, return_scores=True)
    expected = plain_scores(ranker, X)
    assert_allclose(scores, expected[rows], rtol=1e-12)
    assert_array_equal(rows, rows[np.argsort(-expected[rows], kind="stable")])
    best = np.argsort(-expected, kind="stable")[:50]
    assert len(np.intersect1d(rows, best)) >= 35


def test_the_first_trees_are_a_filter_where_the_model_costs_most():
    ranker = fitted("LightGBM")
    first = ranker.stages_[0]
    assert isinstance(first.model, TruncatedEnsemble)
    assert first.n_trees == first.model.n_trees < 200
    assert f"with the first {first.n_trees} trees" in ranker.report()


def test_a_filter_on_some_blocks_spares_those_that_cost_most():
    ranker = fitted("histogram boosting", feature_costs=COSTS | {"weak": 1e-2})
    assert "weak" not in ranker.stages_[0].blocks
    X, _ = table(4000, seed=2)
    rows, scores = ranker.rank(X, return_scores=True)
    assert_allclose(scores, ranker.estimator_.predict(X)[rows], rtol=1e-12)


def test_learning_to_rank_within_queries():
    X, y = table(6000)
    groups = np.repeat(np.arange(60), 100)
    relevance = np.digitize(y, np.quantile(y, [0.5, 0.8, 0.95]))
    model = LGBMRanker(n_estimators=100, verbose=-1, n_jobs=1, random_state=0)
    ranker = ApproxTopKRanker(
        pipeline(model), k=10, precision_target=0.7, feature_costs=COSTS, random_state=0
    ).fit(X, relevance, groups=groups)
    expected = ranker.estimator_.predict(X)
    for group, rows in ranker.rank(X, groups=groups).items():
        assert np.all(groups[rows] == group)
        assert_array_equal(rows, rows[np.argsort(-expected[rows], kind="stable")])
