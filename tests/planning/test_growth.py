"""How harms grow with rows: what is read from counts, and what a plan makes of it."""

from dataclasses import replace

import numpy as np
import pytest

from skwillump.planning import (
    Calibration,
    Candidate,
    Evidence,
    SmallerAnswers,
    SmallerModels,
    StageSeconds,
    make_plan,
)
from skwillump.planning._growth import (
    LEAST_EXPONENT,
    N_ERRORS,
    PRIOR_MEAN,
    PRIOR_SD,
    STEEP,
    HarmCounts,
)


def growth_of(n_smaller, n_harms, n_both=0, n_rows=10_000, row_ratio=0.5, of_all=None):
    return HarmCounts(
        n_smaller=n_smaller,
        n_smaller_rows=n_rows,
        n_harms=n_harms,
        n_rows=n_rows,
        n_both=n_both,
        row_ratio=row_ratio,
    ).growth(of_all)


@pytest.mark.parametrize("exponent", [1.0, 2.0, 4.0])
@pytest.mark.parametrize("row_ratio", [0.5, 0.25])
def test_the_exponent_of_a_power_is_read_from_counts(exponent, row_ratio):
    growth = growth_of(round(1e5 * row_ratio**exponent), 10**5, n_rows=10**7, row_ratio=row_ratio)
    assert growth.estimate == pytest.approx(exponent, rel=0.01)
    assert growth.exponent == pytest.approx(exponent, rel=0.05)


def test_growth_is_never_taken_to_be_slower_than_that_of_the_rows():
    assert growth_of(1000, 1000, n_both=900).exponent == LEAST_EXPONENT
    assert growth_of(1000, 10).exponent == LEAST_EXPONENT


def test_few_harms_say_little():
    nothing = growth_of(0, 0)
    assert not nothing.is_told
    assert nothing.exponent < PRIOR_MEAN + N_ERRORS * PRIOR_SD
    assert growth_of(1, 4).error > 3 * growth_of(100, 400).error


def test_few_harms_of_sure_rows_are_taken_to_grow_as_steeply_as_those_of_all_rows():
    of_all = growth_of(2, 60)
    assert of_all.mean > STEEP
    few = growth_of(0, 2, of_all=of_all)
    assert few.exponent > of_all.mean > growth_of(0, 2).exponent
    assert few.is_steep
    assert not growth_of(0, 2).is_steep


@pytest.mark.parametrize("of_all", [growth_of(300, 310, n_both=200), growth_of(0, 3)])
def test_growth_that_is_not_known_to_be_steep_says_nothing_of_sure_rows(of_all):
    assert growth_of(3, 6, of_all=of_all) == growth_of(3, 6)


def test_harms_on_the_same_rows_tell_more_than_on_others():
    assert growth_of(50, 60, n_both=45).error < growth_of(50, 60).error / 2


def test_the_stated_error_is_that_of_repeated_samples():
    rng = np.random.default_rng(0)
    estimates, errors = [], []
    for _ in range(400):
        growth = growth_of(rng.poisson(40), rng.poisson(90))
        estimates.append(growth.estimate)
        errors.append(growth.error)
    assert np.std(estimates) == pytest.approx(np.mean(errors), rel=0.15)


def test_the_tested_loss_leaves_room_for_the_growth():
    crossed = Evidence("cross-fitted", 0.8)
    steep = growth_of(10, 160)
    assert crossed.tested_loss(0.01) == pytest.approx(0.008)
    assert crossed.tested_loss(0.01, steep) == pytest.approx(0.01 * 0.8**steep.exponent)
    assert Evidence("prefit", 1.0).tested_loss(0.01, steep) == 0.01


def identifiers(n_rows, seed, n_ids=8000, exact=5):
    """A full model that knows an identifier from its fifth row on; the other one never does.

    Returns the calibration of five folds with models on half of the first one's rows, and the
    loss of the models that are fitted on all rows.
    """
    rng = np.random.default_rng(seed)
    ids = rng.integers(0, n_ids, n_rows)
    positive = ids % 10 == 0
    fold = rng.integers(0, 5, n_rows)
    n_seen = np.stack([np.bincount(ids[fold != k], minlength=n_ids) for k in range(5)])
    knows = n_seen[fold, ids] >= exact
    half = np.flatnonzero(fold != 0)
    half = rng.permutation(half)[: len(half) // 2]
    others = np.setdiff1d(np.arange(n_rows), half)
    knows_half = np.bincount(ids[half], minlength=n_ids)[ids[others]] >= exact
    codes = np.zeros(n_rows, dtype=int)
    sure = {"probability": rng.uniform(0.85, 0.95, n_rows)}
    calibration = Calibration(
        candidates=(
            Candidate(("x",), StageSeconds(start=1e-6, rest=1e-3), codes, sure, ~positive),
        ),
        full_seconds=1e-3,
        full_right=~positive | knows,
        classes=positive.astype(int),
        selects=fold == 0,
        n_classes=2,
        is_probability=True,
        basis="cross-fitted",
        train_share=0.8,
        seed=0,
        smaller=SmallerModels(
            rows=others,
            full_right=~positive[others] | knows_half,
            candidates=(
                SmallerAnswers(
                    codes=codes[others],
                    confidence={"probability": sure["probability"][others]},
                    right=~positive[others],
                ),
            ),
            row_ratio=0.5,
        ),
    )
    knows_all = np.bincount(ids, minlength=n_ids) >= exact
    lost = np.mean(knows_all[np.arange(n_ids) % 10 == 0]) * 0.1
    return calibration, lost / (0.9 + lost)


@pytest.mark.parametrize(("target", "least"), [(0.995, 15), (0.999, 9)])
def test_where_harms_grow_faster_than_rows_the_promise_is_broken_rarely(target, least):
    broken, without = 0, 0
    for seed in range(40):
        calibration, loss = identifiers(16_000, seed)
        plan = make_plan(calibration, target, 0.95)
        broken += plan.early_share * loss > 1 - target
        unmeasured = make_plan(replace(calibration, smaller=None), target, 0.95)
        without += unmeasured.early_share * loss > 1 - target
    assert without > least
    assert broken <= 3


def test_a_plan_tells_what_growth_it_reckoned_with():
    calibration, _ = identifiers(16_000, 0, exact=1)
    plan = make_plan(calibration, 0.8, 0.95)
    assert plan.guarantee.kind == "cross-fitted"
    assert plan.guarantee.growth.n_harms > 20
    expected = 1 - calibration.evidence.tested_loss(0.2, plan.guarantee.growth)
    assert plan.guarantee.tested_target == pytest.approx(expected)
