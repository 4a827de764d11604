"""Queries that are too small for a filter to pay are ranked by the full model alone."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.linear_model import Ridge
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skwillump import ApproxTopKRanker
from skwillump.ranking import _base
from skwillump.ranking._timing import TIMED_SAVING, break_even

LEAST_ROWS = 1000
RNG = np.random.default_rng(0)
X = RNG.normal(size=(4000, 2)) * [1, 0.3]
SEEN: list[int] = []


def cheap(X):
    return X[:, :1]


def dear(X):
    SEEN.append(len(X))
    for row in X:
        sum(range(len(row) * 600))
    return X[:, 1:]


def ranker(**params):
    blocks = [("cheap", FunctionTransformer(cheap)), ("dear", FunctionTransformer(dear))]
    pipeline = make_pipeline(FeatureUnion(blocks), Ridge())
    settings = {"k": 20, "precision_target": 0.8, "cv": 0.3, "random_state": 0, "compile": False}
    return ApproxTopKRanker(pipeline, **(settings | params))


@pytest.fixture(scope="module")
def fitted():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_base, "rows_that_pay", lambda *args, **kwargs: float(LEAST_ROWS))
        model = ranker().fit(X, X.sum(axis=1))
    assert model.stages_[0].blocks == ("cheap",)
    return model


def rows_of_full_model(rank):
    """How many rows the dear block sees, and what is returned."""
    SEEN.clear()
    return rank(), sum(SEEN)


def best(model, query):
    return np.argsort(-model.estimator_.predict(query), kind="stable")[: model.k]


@pytest.mark.parametrize("again", [lambda model: model, lambda m: pickle.loads(pickle.dumps(m))])
def test_only_queries_that_are_large_enough_are_filtered(fitted, again):
    model = again(fitted)
    small, large = X[: LEAST_ROWS - 2], X[: LEAST_ROWS + 2]
    found, n_scored = rows_of_full_model(lambda: model.rank(small))
    assert n_scored == len(small)
    assert_array_equal(found, best(model, small))
    _, n_scored = rows_of_full_model(lambda: model.rank(large))
    assert model.k <= n_scored < len(large)


def test_evidence_of_a_small_query_is_of_all_rows(fitted):
    _, evidence = fitted.rank(X[:500], return_evidence=True)
    assert evidence.precision == 1
    assert evidence.is_met


def test_each_of_several_queries_counts_by_its_own_size(fitted):
    sizes = [300, 1500, 400, 1800]
    groups = np.repeat(["a", "b", "c", "d"], sizes)
    found, n_scored = rows_of_full_model(lambda: fitted.rank(X, groups=groups))
    assert list(found) == ["a", "b", "c", "d"]
    assert 300 + 400 < n_scored < 300 + 400 + 1500
    for group, rows in found.items():
        of_group = np.flatnonzero(groups == group)
        assert_array_equal(rows, of_group[fitted.rank(X[of_group])])


def test_the_report_says_so_and_other_targets_keep_it(fitted):
    assert f"Queries of fewer than {LEAST_ROWS:,} rows are ranked by the full" in fitted.report()
    model = pickle.loads(pickle.dumps(fitted)).set_precision_target(0.6)
    _, n_scored = rows_of_full_model(lambda: model.rank(X[:500]))
    assert n_scored == 500


def test_where_costs_are_stated_every_query_is_filtered(monkeypatch):
    monkeypatch.setattr(_base, "rows_that_pay", lambda *args, **kwargs: float(LEAST_ROWS))
    costs = {"cheap": 1e-7, "dear": 1e-3}
    model = ranker(feature_costs=costs).fit(X, X.sum(axis=1))
    _, n_scored = rows_of_full_model(lambda: model.rank(X[:500]))
    assert n_scored < 500
    assert "Queries of fewer" not in model.report()


@pytest.mark.parametrize("call", [0.0, 20.0, 300.0, 2000.0, 5000.0])
def test_the_size_from_which_a_filter_pays(call):
    asked = []

    def seconds_at(size):
        asked.append(size)
        return 100.0 + size, 100.0 + call + 0.5 * size

    found = break_even(seconds_at, 6000, 200, saving=0.5 - TIMED_SAVING)
    # Where the line of the filter meets that of the full model, less what it is to save.
    expected = max((call + 100 * TIMED_SAVING) / (0.5 - TIMED_SAVING), 0)
    if expected > 6000:  # what is planned is saved by each row
        assert 6000 < found == pytest.approx(expected, rel=0.05)
        assert asked == [6000]
    else:
        assert found == pytest.approx(expected, rel=1e-9)
        assert min(asked) > 100
