"""Certificates from rows that came after `fit`."""

from dataclasses import replace

import numpy as np
import pytest
from calibrations import N_POOL, accuracy_of, calibration_of, sample, score_kept
from scipy.stats import beta

from skwillump.planning import FreshRows, certify_plan, make_plan
from skwillump.planning._fresh_rows import lower_accuracy


def fresh_of(rows, *, labels=True):
    codes, confidence, full, approx = rows
    if labels:
        return FreshRows(
            codes=codes, confidence=confidence, full_right=full, right=approx, classes=codes
        )
    # With two classes, two models answer the same where both are right or both are wrong.
    agrees = full == approx
    return FreshRows(
        codes=codes,
        confidence=confidence,
        full_right=np.ones(len(codes), dtype=bool),
        right=agrees,
        classes=None,
    )


def crossed(seed, n_rows=4000, **kwargs):
    """A cross-fitted calibration, its plan and the arguments of a certificate."""
    rows = sample(n_rows, np.random.default_rng(seed), **kwargs)
    calibration = calibration_of(rows, basis="cross-fitted", train_share=0.8)
    return calibration, make_plan(calibration, 0.97, 0.95)


@pytest.mark.parametrize("labels", [True, False])
def test_fresh_rows_certify_what_was_cross_fitted(labels):
    calibration, plan = crossed(0)
    assert plan.guarantee.kind == "cross-fitted"
    fresh = fresh_of(sample(6000, np.random.default_rng(1)), labels=labels)
    found = certify_plan(calibration, plan, fresh, target=0.97, confidence=0.95)
    guarantee = found.guarantee
    assert (guarantee.kind, guarantee.basis, guarantee.n_rows) == ("certified", "fresh", 6000)
    assert guarantee.tested_target == 0.97
    assert guarantee.growth is None
    assert (found.candidate, found.measure) == (plan.candidate, plan.measure)
    assert ("n_disagreements" in guarantee.evidence) is not labels


@pytest.mark.parametrize("labels", [True, False])
@pytest.mark.parametrize("world", [{}, {"rescue": 0.0}, {"rescue": 0.3, "harm": 0.15}])
def test_what_fresh_rows_certify_is_broken_no_more_often_than_stated(labels, world):
    """The step in use loses more than is allowed on every second plan: some are made at 0.9."""
    target, level, n_repeats = 0.97, 0.1, 100
    pool = sample(N_POOL, np.random.default_rng(10**6), **world)
    broken = 0
    for seed in range(n_repeats):
        calibration, _ = crossed(seed, **world)
        plan = make_plan(calibration, 0.9 if seed % 2 else target, 0.95)
        fresh = fresh_of(sample(1500, np.random.default_rng(10**5 + seed), **world), labels=labels)
        found = certify_plan(calibration, plan, fresh, target=target, confidence=1 - level)
        broken += score_kept(found, pool) < target - 2 * np.sqrt(0.02 / N_POOL)
    assert broken / n_repeats <= level + 3 * np.sqrt(level * (1 - level) / n_repeats)


def test_the_step_can_only_become_a_safer_one():
    calibration, plan = crossed(0)
    worse = fresh_of(sample(6000, np.random.default_rng(1), harm=0.6))
    found = certify_plan(calibration, plan, worse, target=0.97, confidence=0.95)
    assert (found.thresholds >= plan.thresholds).all()
    assert found.thresholds[0] > plan.thresholds[0]
    perfect = fresh_of(sample(6000, np.random.default_rng(1), harm=0.0))
    again = certify_plan(calibration, found, perfect, target=0.97, confidence=0.95)
    assert (again.thresholds == found.thresholds).all()


def test_what_could_not_be_shown_in_fit_can_be_shown_by_fresh_rows():
    calibration = calibration_of(sample(200, np.random.default_rng(0)))
    plan = make_plan(calibration, 0.99, 0.95)
    assert plan.candidate is None
    fresh = fresh_of(sample(20_000, np.random.default_rng(1)))
    found = certify_plan(calibration, plan, fresh, target=0.99, confidence=0.95)
    assert found.guarantee.kind == "certified"
    assert found.early_share > 0.3
    assert score_kept(found, sample(N_POOL, np.random.default_rng(2))) > 0.99


def test_too_few_fresh_rows_are_an_error_and_too_much_loss_is_none():
    calibration, plan = crossed(0)
    few = fresh_of(sample(50, np.random.default_rng(1)))
    with pytest.raises(ValueError, match="50 rows are too few to certify"):
        certify_plan(calibration, plan, few, target=0.97, confidence=0.95)
    codes, _, full, approx = sample(6000, np.random.default_rng(1))
    lost = fresh_of((codes, np.ones(6000), full | ~approx, np.zeros(6000, dtype=bool)))
    found = certify_plan(calibration, plan, lost, target=0.97, confidence=0.95)
    assert (found.candidate, found.guarantee.kind) == (None, "exact")
    assert "no threshold could be certified on the 6000 rows" in found.guarantee.reason


def test_without_labels_the_loss_allowed_is_that_of_a_full_model_as_accurate_as_is_shown():
    calibration, plan = crossed(0)
    fresh = fresh_of(sample(6000, np.random.default_rng(1)), labels=False)
    found = certify_plan(calibration, plan, fresh, target=0.97, confidence=0.95)
    n_right, n_rows = calibration.full_right.sum(), len(calibration.full_right)
    expected = beta.ppf(0.005, n_right, n_rows - n_right + 1)
    assert found.guarantee.evidence["full_accuracy"] == pytest.approx(expected)
    assert lower_accuracy(np.zeros(5, dtype=bool), 0.1) == 0.0


def test_other_scores_are_estimated_on_fresh_rows():
    calibration, _ = crossed(0)
    plan = make_plan(calibration, 0.97, 0.95, accuracy_of(calibration))
    rows = sample(6000, np.random.default_rng(1))
    score = accuracy_of(calibration_of(rows))
    fresh = replace(fresh_of(rows), score=score)
    found = certify_plan(calibration, plan, fresh, target=0.97, confidence=0.95)
    assert (found.guarantee.kind, found.guarantee.basis) == ("estimate", "fresh")
