"""Targets that are kept in each of several groups of rows."""

from dataclasses import replace

import numpy as np
import pytest
from calibrations import accuracy_of, calibration_of, sample

from skwillump.planning import FreshRows, Subgroups, certify_plan, make_plan

LEVEL, TARGET = 0.1, 0.95


def world(n_rows, seed, *, n_groups=3, harm=0.15, harm_of_last=0.6):
    """Rows in groups of falling size; in the last one, the smallest, harms are more frequent."""
    rng = np.random.default_rng(seed)
    shares = 0.5 ** np.arange(n_groups)
    groups = rng.choice(n_groups, n_rows, p=shares / shares.sum())
    usual, last = (sample(n_rows, rng, harm=h) for h in (harm, harm_of_last))
    is_last = groups == n_groups - 1
    return tuple(np.where(is_last, b, a) for a, b in zip(usual, last, strict=True)), groups


def calibration(seed, n_rows=4000, **kwargs):
    rows, groups = world(n_rows, seed, **kwargs)
    return replace(calibration_of(rows), within=Subgroups.of(groups))


def kept_in_worst(plan, rows, groups):
    """Least share of the full model's accuracy that is kept in a group."""
    codes, confidence, full, approx = rows
    if plan.candidate is None:
        return 1.0
    mixed = np.where(confidence >= plan.thresholds[codes], approx, full)
    return min(mixed[groups == g].mean() / full[groups == g].mean() for g in np.unique(groups))


@pytest.mark.parametrize("n_groups", [2, 4])
def test_the_target_is_missed_in_a_group_no_more_often_than_stated(n_groups):
    pool, groups = world(200_000, 10**6, n_groups=n_groups)
    n_repeats, broken, found, overall = 60, 0, 0, 0
    for seed in range(n_repeats):
        of_groups = calibration(seed, n_groups=n_groups)
        plan = make_plan(of_groups, TARGET, 1 - LEVEL)
        found += plan.candidate is not None
        broken += kept_in_worst(plan, pool, groups) < TARGET
        without = make_plan(replace(of_groups, within=None), TARGET, 1 - LEVEL)
        overall += kept_in_worst(without, pool, groups) < TARGET
    assert broken <= n_repeats * LEVEL + 3 * np.sqrt(n_repeats * LEVEL * (1 - LEVEL))
    assert found > n_repeats / 2
    # A test of all rows together does not look at the group.
    assert overall > n_repeats / 2


def test_the_evidence_tells_what_each_group_has_shown():
    of_groups = calibration(0)
    plan = make_plan(of_groups, TARGET, 1 - LEVEL)
    evidence = plan.guarantee.evidence
    assert [each["label"] for each in evidence["within"]] == [0, 1, 2]
    assert sum(each["n_rows"] for each in evidence["within"]) == plan.guarantee.n_rows
    assert sum(each["n_harms"] for each in evidence["within"]) == evidence["n_harms"]
    assert evidence["p_value"] == max(each["p_value"] for each in evidence["within"]) <= LEVEL


def test_one_group_of_all_rows_is_the_test_of_all_rows():
    plain = calibration_of(sample(4000, np.random.default_rng(0)))
    one = replace(plain, within=Subgroups.of(np.zeros(4000, dtype=int)))
    plans = [make_plan(each, TARGET, 1 - LEVEL) for each in (plain, one)]
    assert plans[0].candidate == plans[1].candidate == 0
    np.testing.assert_array_equal(plans[0].thresholds, plans[1].thresholds)
    assert plans[0].guarantee.evidence["p_value"] == plans[1].guarantee.evidence["p_value"]


def test_a_group_that_shows_too_little_is_named():
    rows, groups = world(2000, 0)
    groups = np.where(np.arange(2000) % 200 == 199, 7, groups)
    of_groups = replace(calibration_of(rows), within=Subgroups.of(groups))
    guarantee = make_plan(of_groups, TARGET, 1 - LEVEL).guarantee
    assert guarantee.kind == "exact"
    assert "in subgroup 7, with 8 certifying rows" in guarantee.reason


def test_a_score_with_a_class_that_is_too_rare_is_estimated():
    rows = sample(4000, np.random.default_rng(0), harm=0.05)
    classes = np.where(np.arange(4000) % 1000 == 999, 2, rows[0])
    plain = replace(calibration_of(rows), classes=classes)
    for codes, kind in [(rows[0], "certified"), (classes, "estimate")]:
        within = Subgroups(labels=(0, 1, 2)[: codes.max() + 1], codes=codes, of_classes=True)
        of_classes = replace(plain, within=within)
        plan = make_plan(of_classes, TARGET, 1 - LEVEL, accuracy_of(of_classes))
        assert plan.guarantee.kind == kind


@pytest.mark.parametrize("is_harmed", [False, True])
def test_fresh_rows_certify_each_group(is_harmed):
    of_groups = calibration(0)
    plan = make_plan(of_groups, TARGET, 1 - LEVEL)
    (codes, confidence, full, approx), groups = world(6000, 1)
    if is_harmed:
        approx = approx & (groups != 1)
    fresh = FreshRows(
        codes=codes,
        confidence=confidence,
        full_right=full,
        right=approx,
        classes=codes,
        within=Subgroups.of(groups),
    )
    found = certify_plan(of_groups, plan, fresh, target=TARGET, confidence=1 - LEVEL)
    assert found.guarantee.kind == ("exact" if is_harmed else "certified")
    if not is_harmed:
        assert len(found.guarantee.evidence["within"]) == 3
