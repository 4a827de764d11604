"""Rankers of pipelines inside wrappers."""

import numpy as np
import pytest
from common import COSTS, two_blocks, two_signals
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import HistGradientBoostingRegressor, StackingRegressor, VotingRegressor
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.preprocessing import StandardScaler

from skwillump import ApproxTopKRanker

X, _ = two_signals(3000)
Y = np.exp(0.1 * (X[:, 0] + X[:, 1]))

WRAPPERS = {
    "search": GridSearchCV(two_blocks(Ridge()), {"ridge__alpha": [0.5, 1.0]}, cv=2),
    "logarithm of the target": TransformedTargetRegressor(
        two_blocks(Ridge()), func=np.log, inverse_func=np.exp
    ),
    "falling target": TransformedTargetRegressor(
        two_blocks(Ridge()), func=np.reciprocal, inverse_func=np.reciprocal
    ),
    "scaled target of trees": TransformedTargetRegressor(
        two_blocks(HistGradientBoostingRegressor(max_iter=20)), transformer=StandardScaler()
    ),
    "vote": VotingRegressor([("a", two_blocks(Ridge())), ("b", two_blocks(Ridge(10)))]),
    "stack": StackingRegressor([("a", two_blocks(Ridge()))], cv=2),
}


@pytest.mark.parametrize("name", WRAPPERS)
def test_blocks_inside_a_wrapper_filter(name):
    ranker = ApproxTopKRanker(
        WRAPPERS[name],
        k=50,
        precision_target=0.8,
        query_size=900,
        feature_costs=COSTS,
        random_state=0,
    ).fit(X, Y)
    assert [stage.blocks for stage in ranker.stages_] == [("cheap",), ("cheap", "dear")], (
        ranker.report()
    )
    plain = clone(WRAPPERS[name]).fit(X, Y)
    expected = plain.predict(X[:900])
    np.testing.assert_allclose(ranker.predict(X[:900]), expected, rtol=1e-12)
    best, scores = ranker.rank(X[:900], return_scores=True)
    np.testing.assert_allclose(scores, expected[best], rtol=1e-12)
    assert len(np.intersect1d(best, np.argsort(-expected)[:50])) >= 35
