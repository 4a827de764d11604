"""Cascades in which a learned score of harm decides who is answered early."""

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skwillump import CascadeClassifier
from skwillump.cascade._responses import AnswerRecorder
from skwillump.cascade._task import open_shares
from skwillump.planning import confidence
from skwillump.planning._shortlist import LOSSES

COSTS = {"onehotencoder": 1e-6, "standardscaler": 1e-3}


def kinds_of_rows(n_rows=6000, seed=0):
    """Rows of four kinds, and their class.

    Of two kinds nobody knows the class, 0 or 1. Of kind "doubt" only the costly column tells
    whether it is 0 or 2. The probability that the cheap column gives of 0 is between theirs.
    """
    rng = np.random.default_rng(seed)
    kind = rng.choice(["noise", "more noise", "doubt", "clear"], n_rows, p=[0.1, 0.4, 0.2, 0.3])
    shares = pd.Series({"noise": 0.1, "doubt": 0.25, "more noise": 0.4, "clear": 0.0})
    other = rng.random(n_rows) < shares[kind].to_numpy()
    y = np.select([kind == "clear", kind == "doubt"], [1, other * 2], other * 1)
    flag = (y == 2) * 4.0 + rng.normal(scale=0.1, size=n_rows)
    return pd.DataFrame({"kind": kind, "flag": flag}), y


def cascade_of(X, y, **kwargs):
    features = make_column_transformer((OneHotEncoder(), ["kind"]), (StandardScaler(), ["flag"]))
    return CascadeClassifier(
        make_pipeline(features, LogisticRegression(C=100.0)),
        **{"accuracy_target": 0.98, "feature_costs": COSTS, "random_state": 0} | kwargs,
    ).fit(X, y)


@pytest.fixture(scope="module")
def certified():
    return cascade_of(*kinds_of_rows(), cv=0.5, refit=False)


@pytest.mark.parametrize("compile", [True, False])
@pytest.mark.parametrize("kwargs", [{"cv": 0.5, "refit": False}, {}])
def test_rows_that_only_the_full_model_knows_are_left_to_it(compile, kwargs):
    X, y = kinds_of_rows()
    cascade = cascade_of(X, y, compile=compile, **kwargs)
    assert cascade.guarantee_.kind == ("certified" if kwargs else "cross-fitted")
    assert cascade.stages_[0].measure == "score"
    fresh, _ = kinds_of_rows(seed=1)
    stage = cascade.predict_stage(fresh)
    assert np.all(stage[fresh["kind"] == "doubt"] == 1)
    assert np.all(stage[fresh["kind"] != "doubt"] == 0)
    late = fresh[stage == 1]
    np.testing.assert_array_equal(cascade.predict(late), cascade.estimator_.predict(late))


def test_one_row_goes_where_it_goes_in_a_batch(certified):
    fresh, _ = kinds_of_rows(300, seed=1)
    labels, probabilities = certified.predict(fresh), certified.predict_proba(fresh)
    for row, label, expected in zip(fresh.to_dict("records"), labels, probabilities, strict=True):
        assert certified.predict_one(row) == label
        np.testing.assert_allclose(certified.predict_proba_one(row), expected, rtol=1e-12)


def test_a_pickled_cascade_has_its_score(certified):
    fresh, _ = kinds_of_rows(seed=1)
    stored = pickle.loads(pickle.dumps(certified))
    np.testing.assert_array_equal(stored.predict_stage(fresh), certified.predict_stage(fresh))
    assert stored.predict_one(fresh.iloc[0].to_dict()) == certified.predict(fresh[:1])[0]


def test_fresh_rows_certify_the_score_that_was_learned():
    X, y = kinds_of_rows()
    cascade = cascade_of(X, y)
    fresh, truth = kinds_of_rows(seed=2)
    early = cascade.predict_stage(fresh) == 0
    cascade.certify(fresh, truth)
    assert cascade.guarantee_.kind == "certified"
    assert cascade.stages_[0].measure == "score"
    np.testing.assert_array_equal(cascade.predict_stage(fresh) == 0, early)


def test_another_target_can_have_another_measure_without_a_fit(certified):
    cascade = pickle.loads(pickle.dumps(certified))
    cascade.set_accuracy_target(0.5)
    assert cascade.stages_[0].measure != "score"  # all rows can be answered early
    cascade.set_accuracy_target(0.98)
    assert cascade.stages_[0].measure == "score"


def test_the_report_says_that_a_score_decides(certified):
    report = " ".join(certified.report().split())
    assert "rows with score >=" in report
    assert "learned" in report


def test_willumps_own_rule_learns_no_score():
    cascade = cascade_of(*kinds_of_rows(), cv=0.5, refit=False, confidence=None)
    assert all(stage.measure != "score" for stage in cascade.stages_)


def test_a_model_that_only_a_score_makes_useful_is_on_the_shortlist():
    """Whose largest probability tells nothing of harms, and whose second class tells all."""
    rng = np.random.default_rng(0)
    n_rows, n_classes, rows = 4000, 4, np.arange(4000)
    codes = rng.integers(0, n_classes, n_rows)
    seconds = (codes + rng.integers(1, n_classes, n_rows)) % n_classes
    response = np.full((n_rows, n_classes), 0.01)
    response[rows, codes] = rng.uniform(0.55, 0.85, n_rows)
    response[rows, seconds] = 0.98 - response[rows, codes]
    harm = (seconds == n_classes - 1) & (rng.random(n_rows) < 0.3)
    y = np.where(harm, seconds, codes)
    measures = ("probability", "margin")
    stage = {"codes": codes, "response": response}
    stage |= {measure: confidence(response, codes, measure) for measure in measures}

    def open_at_least(learns_score):
        recorder = AnswerRecorder(
            classes=np.arange(n_classes),
            method="predict_proba",
            measures=measures,
            keeps_responses=False,
            learns_score=learns_score,
        )
        return open_shares(y, recorder)(rows, {"codes": y}, stage)

    at = LOSSES.index(0.01)
    assert open_at_least(False)[at] > 0.55
    assert open_at_least(True)[at] < 0.4
