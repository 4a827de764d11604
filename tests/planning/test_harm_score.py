"""A learned score of harm: what it says, what it is worth, and that the guarantee stays."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy.stats import binom

from skwillump.planning import (
    LEARNED,
    Calibration,
    Candidate,
    HarmScore,
    StageSeconds,
    confidence,
    decide_one,
    learn_harm_score,
    learns_harm_score,
    make_plan,
    predicted_codes,
)
from skwillump.planning._harm_score import LEAST_PROBABILITY, MIN_HARMS, _log2

N_CLASSES = 4


def world(n_rows, seed=0):
    """Probabilities of an approximate model, and on which rows each model is right.

    The largest probability tells nothing of harms: what does is which class comes second. The last
    one is told from the others by the full model alone.
    """
    rng = np.random.default_rng(seed)
    codes, seconds = rng.integers(0, N_CLASSES, (2, n_rows))
    seconds = np.where(seconds == codes, (codes + 1) % N_CLASSES, seconds)
    response = np.full((n_rows, N_CLASSES), 0.01)
    rows = np.arange(n_rows)
    response[rows, codes] = rng.uniform(0.55, 0.85, n_rows)
    response[rows, seconds] = 0.98 - response[rows, codes]
    full = rng.random(n_rows) < 0.9
    harm = full & (seconds == N_CLASSES - 1) & (rng.random(n_rows) < 0.3)
    return response, codes, full, full & ~harm


def calibration_of(rows, *, learns=True):
    response, codes, full, approx = rows
    selects = np.arange(len(codes)) < 0.25 * len(codes)
    known = {measure: confidence(response, codes, measure) for measure in ("probability", "margin")}
    score = None
    if learns:
        choosing = np.flatnonzero(selects)
        harm = (full & ~approx)[choosing]
        score, unseen = learn_harm_score(response[choosing], codes[choosing], harm, seed=0)
        known[LEARNED] = score.of_rows(response, codes)
        known[LEARNED][choosing] = unseen
    candidate = Candidate(
        ("a",), StageSeconds(start=1e-6, rest=1e-4), codes, known, approx, harm_score=score
    )
    return Calibration(
        candidates=(candidate,),
        full_seconds=1e-4,
        full_right=full,
        classes=codes,
        selects=selects,
        n_classes=N_CLASSES,
        is_probability=True,
        basis="prefit",
        train_share=1.0,
        seed=0,
    )


def test_logarithms_are_exact_at_powers_of_two_and_straight_between_them():
    powers = 2.0 ** np.arange(-19, 1)
    assert_array_equal(_log2(powers.copy()), np.arange(-19, 1))
    middles = 1.5 * powers
    assert_array_equal(_log2(middles.copy()), np.arange(-19, 1) + 0.5)
    values = np.random.default_rng(0).random(1000)
    assert np.abs(_log2(values.copy()) - np.log2(values)).max() < 0.0861
    assert_array_equal(_log2(np.array([0.0, -1.0])), _log2(np.full(2, LEAST_PROBABILITY)))


@pytest.mark.parametrize("n_classes", [3, 10, 31])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_the_score_of_one_row_is_that_of_many_to_the_last_bit(n_classes, dtype):
    rng = np.random.default_rng(0)
    score = HarmScore(
        offsets=rng.normal(size=n_classes), rest_weight=-1.3, weights=rng.normal(size=n_classes)
    )
    response = rng.dirichlet(np.full(n_classes, 0.2), 5000).astype(dtype)
    response[:n_classes] = np.eye(n_classes)
    before = response.copy()
    codes = predicted_codes(response)
    many = confidence(response, codes, LEARNED, score)
    one = [decide_one(row, LEARNED, score=score) for row in response]
    assert_array_equal(one, np.column_stack([codes, many]))
    assert_array_equal(response, before)
    assert_array_equal(score.of_rows(response[4090:4100], codes[4090:4100]), many[4090:4100])


def test_a_probability_that_is_no_number_reaches_no_threshold():
    score = HarmScore(offsets=np.zeros(3), rest_weight=-1.0, weights=np.zeros(3))
    response = np.array([[0.2, np.nan, 0.3], [0.2, 0.5, np.nan]])
    codes = np.array([1, 1])
    many = score.of_rows(response, codes)
    assert not many[0] >= -np.inf
    assert many[1] >= -np.inf
    assert_array_equal(many, [score.of_row(row.tolist(), 1) for row in response])


def test_the_score_answers_early_what_no_threshold_of_a_confidence_tells_apart():
    rows = world(8000)
    before = make_plan(calibration_of(rows, learns=False), 0.99, 0.95)
    plan = make_plan(calibration_of(rows), 0.99, 0.95)
    assert plan.measure == LEARNED
    # Two thirds of the rows are never harmed.
    assert plan.early_share > 0.65
    assert before.early_share < plan.early_share / 2


def test_rows_that_chose_are_scored_by_scores_that_have_not_seen_them():
    response, codes, _, _ = world(400)
    harm = np.random.default_rng(1).random(400) < 0.2  # there is nothing to learn
    score, unseen = learn_harm_score(response, codes, harm, seed=0)

    def gap(values):
        return values[~harm].mean() - values[harm].mean()

    assert gap(score.of_rows(response, codes)) > 0.02
    assert gap(unseen) < gap(score.of_rows(response, codes))


def test_a_score_that_lowers_no_cost_is_not_used():
    response, codes, full, _ = world(8000)
    probability = confidence(response, codes, "probability")
    harm = full & (np.random.default_rng(1).random(8000) < 2 * (0.85 - probability) ** 2)
    plan = make_plan(calibration_of((response, codes, full, full & ~harm)), 0.99, 0.95)
    assert plan.candidate == 0
    assert plan.measure != LEARNED


def test_what_a_score_costs_is_a_cost_of_the_plans_that_use_it():
    calibration = calibration_of(world(8000))
    candidate = calibration.candidates[0]
    dear = Candidate(**{**vars(candidate), "score_seconds": 2e-5})
    plan = make_plan(calibration, 0.99, 0.95)
    with_dear = make_plan(Calibration(**{**vars(calibration), "candidates": (dear,)}), 0.99, 0.95)
    assert with_dear.expected_seconds == pytest.approx(plan.expected_seconds + 2e-5)
    dear = Candidate(**{**vars(candidate), "score_seconds": 1e-3})
    with_dear = make_plan(Calibration(**{**vars(calibration), "candidates": (dear,)}), 0.99, 0.95)
    assert with_dear.measure != LEARNED


def test_nothing_is_learned_from_few_harms_or_from_what_is_no_number():
    response, codes, full, approx = world(2000)
    harm = full & ~approx
    few = harm & (np.cumsum(harm) < MIN_HARMS)
    assert learn_harm_score(response, codes, few, seed=0) is None
    assert learn_harm_score(response, codes, ~few, seed=0) is None
    response[7, 1] = np.nan
    assert learn_harm_score(response, codes, harm, seed=0) is None


def test_scores_are_learned_of_probabilities_of_several_classes():
    assert learns_harm_score(3, is_probability=True)
    assert not learns_harm_score(3, is_probability=False)
    assert not learns_harm_score(2, is_probability=True)
    assert not learns_harm_score(1000, is_probability=True)


def test_the_promise_is_kept_with_learned_scores_over_many_repeats():
    n_repeats, target = 200, 0.985
    response, codes, full, approx = world(100_000, seed=1)
    rng = np.random.default_rng(0)
    n_broken = n_learned = 0
    for _ in range(n_repeats):
        rows = rng.integers(0, len(codes), 2400)
        calibration = calibration_of((response[rows], codes[rows], full[rows], approx[rows]))
        plan = make_plan(calibration, target, 0.95)
        if plan.candidate is None:
            continue
        score = calibration.candidates[0].harm_score
        sure = confidence(response, codes, plan.measure, score)
        right = np.where(sure >= plan.thresholds[codes], approx, full)
        n_broken += right.mean() < target * full.mean()
        n_learned += plan.measure == LEARNED
    assert n_learned > 0.9 * n_repeats
    assert n_broken <= binom.ppf(0.999, n_repeats, 0.05)
