"""Threshold paths: every distinct confidence, and one predicate."""

import numpy as np
import pytest
from hypothesis import given, strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_array_equal
from scipy.special import expit

from skwillump.planning._confidence import confidence, decide_one, measures_for, predicted_codes
from skwillump.planning._threshold_paths import (
    MOST_CLASSES,
    PAPER_THRESHOLDS,
    per_class_path,
    pooled_path,
    unseen_risk,
)
from skwillump.planning._walks import Walk

confidences = arrays(float, st.integers(1, 40), elements=st.floats(0, 1, width=16))


def naive_first_step(path, codes, values):
    steps = []
    for code, value in zip(codes, values, strict=True):
        answered = [k for k in range(len(path.thresholds)) if value >= path.thresholds[k, code]]
        steps.append(answered[0] if answered else len(path.thresholds))
    return steps


def imbalanced(n_rows=4000, seed=0):
    """Codes, confidences and harms with another risk in each class."""
    rng = np.random.default_rng(seed)
    codes = (rng.random(n_rows) < 0.1).astype(int)
    x = rng.exponential(size=n_rows)
    harm = rng.random(n_rows) < expit(-1.0 - 2.0 * x + 2.5 * codes)
    return codes, expit(x), harm


@given(confidences, confidences)
def test_a_row_is_answered_from_the_first_step_whose_threshold_it_reaches(learned, values):
    path = pooled_path(learned, 3)
    codes = np.arange(len(values)) % 3
    assert_array_equal(path.first_step(codes, values), naive_first_step(path, codes, values))


def test_the_same_for_thresholds_by_class():
    codes, values, harm = imbalanced()
    path = per_class_path(codes, values, harm, 2, is_probability=True)
    values = np.append(values[:200], path.thresholds[5:25].ravel())
    codes = np.append(codes[:200], np.tile([0, 1], 20))
    assert_array_equal(path.first_step(codes, values), naive_first_step(path, codes, values))


@given(confidences)
def test_the_pooled_path_has_every_distinct_confidence_and_the_papers_grid(values):
    path = pooled_path(values, 2)
    steps = path.thresholds[:, 0]
    assert steps[0] == np.inf
    assert steps[-1] == -np.inf
    assert np.all(np.diff(steps) < 0)
    assert set(steps[1:-1]) == set(values) | set(PAPER_THRESHOLDS)


def test_thresholds_by_class_are_at_equal_risk():
    codes, values, harm = imbalanced(40_000)
    path = per_class_path(codes, values, harm, 2, is_probability=True)
    assert np.all(np.diff(path.thresholds, axis=0) <= 0)
    # Of the same risk, the risky class needs 1.25 more on the axis that the data was made on.
    middle = path.thresholds[len(path.thresholds) // 4]
    gap = np.diff(np.log(middle / (1 - middle)))
    assert gap == pytest.approx(1.25, abs=0.2)


def test_thresholds_by_class_for_margins():
    codes, values, harm = imbalanced()
    path = per_class_path(codes, 50 * np.log(values / (1 - values)), harm, 2, is_probability=False)
    assert np.all(path.thresholds[1:-1, 1] > path.thresholds[1:-1, 0])


def test_no_thresholds_by_class_without_something_to_learn_from():
    codes, values, harm = imbalanced()
    few = harm & (np.cumsum(harm) < 5)
    assert per_class_path(codes, values, few, 2, is_probability=True) is None
    assert per_class_path(codes * 0, values, harm, 2, is_probability=True) is None
    against = np.random.default_rng(0).random(len(values)) < values**4
    assert per_class_path(codes, values, against, 2, is_probability=True) is None


@given(st.integers(0, 1000))
def test_counts_along_a_path_are_those_of_each_step(seed):
    rng = np.random.default_rng(seed)
    values, codes = rng.random(30).round(1), rng.integers(0, 2, 30)
    full, approx = rng.random(30) < 0.8, rng.random(30) < 0.7
    path = pooled_path(values[:9], 2)
    walk = Walk(
        rows=np.arange(30),
        steps=path.first_step(codes, values),
        n_steps=len(path.thresholds),
        full_right=full,
        approx_right=approx,
        thresholds=path.thresholds,
    )
    for k, (threshold, _) in enumerate(path.thresholds):
        early = values >= threshold
        assert walk.n_early[k] == early.sum()
        assert walk.n_harms[k] == (early & full & ~approx).sum()
        assert walk.n_rescues[k] == (early & ~full & approx).sum()


def test_predicted_classes_and_confidence_of_probabilities():
    response = np.array([[0.2, 0.5, 0.3], [0.4, 0.4, 0.2]])
    assert_array_equal(predicted_codes(response), [1, 0])
    codes = predicted_codes(response)
    assert_array_equal(confidence(response, codes, "probability"), [0.5, 0.4])
    np.testing.assert_allclose(confidence(response, codes, "margin"), [0.2, 0.0])


@pytest.mark.parametrize("n_classes", [2, 3, 11])
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64])
def test_predicted_classes_and_confidence_of_many_rows(n_classes, dtype):
    # Few values, so that there are ties.
    response = np.random.default_rng(0).integers(-4, 5, (500, n_classes)).astype(dtype)
    codes = predicted_codes(response)
    assert_array_equal(codes, response.argmax(axis=1))
    ordered = np.sort(response, axis=1).astype(np.float64)
    before = response.copy()
    for measure, expected in {
        "probability": ordered[:, -1],
        "margin": ordered[:, -1] - ordered[:, -2],
    }.items():
        found = confidence(response, codes, measure)
        assert found.dtype == np.float64
        assert_array_equal(found, expected)
        for row in range(20):
            assert decide_one(response[row], measure) == (codes[row], expected[row])
    assert_array_equal(response, before)


def test_predicted_classes_and_confidence_of_a_binary_decision_function():
    response = np.array([-2.0, 0.0, 0.5])
    assert_array_equal(predicted_codes(response), [0, 0, 1])
    assert_array_equal(confidence(response, predicted_codes(response), "margin"), [2.0, 0.0, 0.5])


def test_confidence_in_a_class_that_has_not_the_largest_response():
    response = np.array([[0.7, 0.1, 0.2], [0.1, 0.3, 0.6]])
    codes = np.array([2, 2])
    for measure, expected in {"probability": [0.2, 0.6], "margin": [-0.5, 0.3]}.items():
        np.testing.assert_allclose(confidence(response, codes, measure), expected)
        for row in range(2):
            code, sure = decide_one(response[row], measure, 2)
            assert (code, sure) == (2, pytest.approx(expected[row]))
    # The farther from the classifier's own threshold of 1, the surer on either side.
    assert_array_equal(confidence(np.array([-2.0, 0.9, 1.1]), [0, 0, 1], "margin"), [2, -0.9, 1.1])


def test_margins_are_worth_trying_only_where_they_order_rows_in_another_way():
    assert measures_for(True, 2) == ("probability",)
    assert measures_for(True, 3) == ("probability", "margin")
    assert measures_for(False, 3) == ("margin",)


def unseen(codes, values, harm, n_classes=2):
    return unseen_risk(codes, values, harm, n_classes, is_probability=True, seed=0)


def early_rows(sure, harm, n_harms):
    """Rows that are answered early, surest first, until there are so many harms."""
    return int(np.searchsorted(np.cumsum(harm[np.argsort(-sure, kind="stable")]), n_harms))


def test_risks_that_have_not_seen_a_row_tell_what_classes_are_worth():
    codes, values, harm = imbalanced(20_000)
    by_class = early_rows(-unseen(codes, values, harm), harm, 200)
    assert by_class > 1.1 * early_rows(values, harm, 200)


def test_where_classes_tell_nothing_risks_that_have_not_seen_a_row_promise_nothing():
    gained = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        codes, x = rng.integers(0, 10, 1000), rng.exponential(size=1000)
        values, harm = expit(x), rng.random(1000) < expit(-1.5 - 2.0 * x)
        path = per_class_path(codes, values, harm, 10, is_probability=True)
        orders = (-path.first_step(codes, values), -unseen(codes, values, harm, 10), values)
        gained.append([early_rows(order, harm, 10) for order in orders])
    seen, not_seen, pooled = np.mean(gained, axis=0)
    assert seen > 1.02 * pooled  # of the rows that they are learned from
    assert not_seen <= 1.01 * pooled


def test_no_risk_is_told_of_what_cannot_be_fitted():
    codes, values, harm = imbalanced()
    assert unseen(codes, values, harm & False) is None
    assert unseen(codes, np.where(np.arange(len(codes)) == 7, np.nan, values), harm) is None
    assert unseen(codes, values, harm, MOST_CLASSES + 1) is None


def test_a_confidence_that_is_no_number_is_answered_by_no_step():
    values = np.array([0.99, np.nan, 0.9, 0.7, np.nan])
    path = pooled_path(values, 2)
    assert not np.isnan(path.thresholds).any()
    codes = np.zeros(5, dtype=int)
    assert path.first_step(codes, values).tolist() == naive_first_step(path, codes, values)
