"""Whether a cascade can pay: never denied to one that keeps its target and saves enough."""

from itertools import product

import numpy as np
import pytest

from skwillump.planning import StageSeconds, least_open_share, may_pay


def rows_of(seed, n_rows=400):
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 2, n_rows)
    confidence = rng.uniform(0.5, 1, n_rows)
    full_right = rng.uniform(size=n_rows) < 0.9
    right = np.where(rng.uniform(size=n_rows) < confidence - 0.1 * codes, full_right, ~full_right)
    return codes, confidence, right, full_right


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("target", [0.9, 0.97, 0.995])
def test_no_thresholds_that_keep_the_target_leave_fewer_rows_open(seed, target):
    codes, confidence, right, full_right = rows_of(seed)
    bound = least_open_share(codes, confidence, right, full_right, target)
    steps = np.append(np.quantile(confidence, np.linspace(0, 1, 30)), np.inf)
    for thresholds in product(steps, steps):
        early = confidence >= np.array(thresholds)[codes]
        answered = np.where(early, right, full_right)
        if answered.sum() >= target * full_right.sum():
            assert np.mean(~early) >= bound - 1e-12


def test_a_perfect_first_stage_may_leave_no_row_open():
    codes, confidence, _, full_right = rows_of(0)
    assert least_open_share(codes, confidence, full_right, full_right, 0.999) == 0.0


def test_without_rows_nothing_is_denied():
    none = np.zeros(0)
    assert least_open_share(none.astype(int), none, none > 0, none > 0, 0.99) == 0.0


def test_a_target_of_one_still_lets_rescues_make_up_for_harms():
    codes, confidence = np.zeros(4, dtype=int), np.array([0.9, 0.8, 0.7, 0.6])
    right, full_right = np.array([1, 0, 0, 0]) > 0, np.array([0, 1, 1, 1]) > 0
    assert least_open_share(codes, confidence, right, full_right, 1.0) <= 0.5


def test_a_stage_pays_where_it_saves_enough_in_both_ways_of_rows():
    cheap, dear = StageSeconds(start=0.1, rest=1.0), StageSeconds(start=0.9, rest=1.0)
    assert may_pay(0.5, cheap, 1.0, None, np.inf)
    assert not may_pay(0.9, cheap, 1.0, None, np.inf)
    assert not may_pay(0.5, cheap, 1.0, dear, 1.0)
