"""The best rows and their close neighbours, against a sort of all rows and a loop over pairs."""

import numpy as np
import pytest
from hypothesis import given, strategies as st
from numpy.testing import assert_array_equal

from skwillump.kernels._best_rows import close_pairs, take_best


def best(raw, n_best):
    """Largest number by its size, and positions and numbers of the best rows."""
    rows, numbers = np.empty(n_best, dtype=np.intp), np.empty(n_best)
    return take_best(raw, rows, numbers), rows, numbers


@given(st.integers(0, 10_000), st.sampled_from([1, 2, 7, 300]), st.sampled_from([1, 5, 10**6]))
def test_the_best_rows_are_the_first_of_a_stable_sort(seed, n_best, n_levels):
    rng = np.random.default_rng(seed)
    raw = rng.choice(rng.normal(size=n_levels), int(rng.integers(1, 2000)))
    if seed % 3 == 0:
        raw = np.sort(raw)[:: rng.choice([-1, 1])].copy()
    if seed % 4 == 0:
        raw[rng.integers(len(raw))] = rng.choice([np.inf, -np.inf, -0.0, 0.0])
    n_best = min(n_best, len(raw))
    largest, rows, numbers = best(raw, n_best)
    assert largest == np.abs(raw).max()
    assert_array_equal(rows, np.argsort(-raw, kind="stable")[:n_best])
    assert_array_equal(numbers, raw[rows])


@pytest.mark.parametrize("place", [0, 5, 99])
def test_a_row_without_a_number_is_told(place):
    raw = np.arange(100.0)
    raw[place] = np.nan
    assert np.isnan(best(raw, 10)[0])


def naive_pairs(numbers, scores, k, n_rows, reach, step):
    """The same, pair by pair."""
    places = []
    for i in range(len(numbers) - 1):
        raw_gap, gap = numbers[i] - numbers[i + 1], scores[i] - scores[i + 1]
        if raw_gap > reach and gap > step:
            if i >= k - 1:
                return i + 1, places
        elif raw_gap:
            if gap < 0:
                return 0, []
            places += [i, i + 1]
    return (n_rows, places) if len(numbers) == n_rows else (0, [])


@given(st.integers(0, 10_000), st.sampled_from([1, 3, 20]), st.booleans(), st.booleans())
def test_pairs_that_are_close_are_found_up_to_the_end_of_the_run(seed, k, falls, is_all):
    rng = np.random.default_rng(seed)
    numbers = np.sort(rng.choice([0.0, 1e-12, 1.0, 2.0, 3.0], 30) + rng.choice([0, 1e-12], 30))
    numbers = numbers[::-1].copy()
    scores = np.floor(numbers) if seed % 2 else numbers
    if falls:
        scores = -scores
    pairs = np.empty(2 * len(numbers), dtype=np.intp)
    n_rows = len(numbers) if is_all else 1000
    end, n_places = close_pairs(numbers, scores, k, n_rows, 1e-10, 1e-15, pairs)
    assert (end, pairs[:n_places].tolist()) == naive_pairs(numbers, scores, k, n_rows, 1e-10, 1e-15)
