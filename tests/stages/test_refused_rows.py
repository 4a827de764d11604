"""Rows that a first stage's own kind of model refuses, and the full model answers."""

import numpy as np
import pytest
from common import COSTS, two_blocks, two_signals, values
from numpy.testing import assert_array_equal
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression, Ridge

from skwillump import ApproxTopKRanker, CascadeClassifier


def with_a_gap(X):
    X = X.copy()
    X[3, 0] = np.nan
    return X


@pytest.fixture(scope="module")
def cascade():
    return CascadeClassifier(
        two_blocks(HistGradientBoostingClassifier(max_iter=20, random_state=0)),
        approx_estimator=LogisticRegression(),
        accuracy_target=0.9,
        cv=2,
        feature_costs=COSTS,
        random_state=0,
    ).fit(*two_signals(3000))


@pytest.fixture(scope="module")
def ranker():
    return ApproxTopKRanker(
        two_blocks(HistGradientBoostingRegressor(max_iter=20, random_state=0)),
        approx_estimator=Ridge(),
        k=20,
        precision_target=0.8,
        cv=2,
        feature_costs=COSTS,
        random_state=0,
    ).fit(*values(3000))


def test_the_full_model_answers_what_the_first_stage_refuses(cascade):
    assert len(cascade.stages_) == 2
    X = with_a_gap(two_signals(500, seed=1)[0])
    assert_array_equal(cascade.predict(X), cascade.estimator_.predict(X))
    assert cascade.predict_one(X[3]) == cascade.estimator_.predict(X)[3]


@pytest.mark.parametrize("labels", [True, False])
def test_fresh_rows_that_the_first_stage_refuses_certify_as_not_answered_early(cascade, labels):
    X, y = two_signals(3000, seed=2)
    plain = cascade.certify(X, y if labels else None).guarantee_
    gap = cascade.certify(with_a_gap(X), y if labels else None).guarantee_
    assert plain.kind == gap.kind == "certified"
    assert gap.n_rows == 3000


def test_fresh_rows_of_which_half_are_refused_cost_about_a_call_of_the_stage_each(
    cascade, monkeypatch
):
    X, y = two_signals(2000, seed=3)
    refused = np.random.default_rng(0).random(2000) < 0.5
    X[refused, 0] = np.nan
    calls = {"stage": 0, "full": 0}

    def counted(kind, name):
        method = kind.predict_proba

        def predict_proba(self, Z):
            calls[name] += 1
            return method(self, Z)

        monkeypatch.setattr(kind, "predict_proba", predict_proba)

    counted(LogisticRegression, "stage")
    counted(HistGradientBoostingClassifier, "full")
    guarantee = cascade.certify(X, y).guarantee_
    assert (guarantee.kind, guarantee.n_rows) == ("certified", 2000)
    assert 1000 < calls["stage"] < 2600
    assert calls["full"] <= 2
    # What is certified is what single rows get: the refused ones go to the full model.
    early = cascade.stages_[0].share
    assert 0 < early < np.mean(~refused)


def test_a_query_with_a_row_that_the_filter_refuses_is_scored_by_the_full_model(ranker):
    assert len(ranker.stages_) == 2
    X = with_a_gap(values(500, seed=1)[0])
    best = np.argsort(-ranker.estimator_.predict(X), kind="stable")[:20]
    assert_array_equal(ranker.rank(X), best)
    found, evidence = ranker.rank(X, return_evidence=True)
    assert_array_equal(found, best)
    assert evidence.is_met
    groups = np.repeat(np.arange(5), 100)
    assert [len(rows) for rows in ranker.rank(X, 4, groups=groups).values()] == [4] * 5


def test_fresh_rows_that_the_filter_refuses_certify_as_found(ranker):
    guarantee = ranker.certify(with_a_gap(values(4000, seed=2)[0])).guarantee_
    assert (guarantee.kind, guarantee.n_rows) == ("certified", 4000)


def test_what_the_full_model_refuses_too_is_an_error_of_its_own(cascade, ranker):
    for model in (cascade, ranker):
        answer = model.predict if model is cascade else model.rank
        X = np.array([["a", "b"]] * 30, dtype=object)
        with pytest.raises(ValueError, match="could not convert string to float"):
            answer(X)
