"""Rows in doubt, found among the best rows alone, against an order of all rows."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from skwillump.planning import stable_order
from skwillump.ranking import _doubt
from skwillump.ranking._doubt import doubtful_rows, largest_of, runs_in_doubt, sure_order


def never_settled(raw, reach):
    return np.zeros(len(raw), dtype=bool)


def naive(scores, raw, k):
    """All rows in order, as `doubtful_rows` is defined."""
    order, runs, in_doubt = runs_in_doubt(scores, raw, never_settled)
    return np.sort(order[np.isin(runs, np.intersect1d(in_doubt, runs[:k]))])


def close_scores(rng, n, n_levels):
    """Scores of which many are equal, and some differ in their last bits."""
    raw = rng.choice(rng.normal(size=n_levels), n)
    return raw + rng.choice([0.0, 1e-15, -1e-14], n)


@given(st.integers(0, 10_000), st.sampled_from([1, 3, 40]), st.sampled_from([2, 30, 3000]))
def test_the_best_rows_tell_the_same_as_all_rows(seed, k, n_levels):
    rng = np.random.default_rng(seed)
    raw = close_scores(rng, int(rng.integers(2, 3000)), n_levels)
    if seed % 3 == 0:
        raw[rng.integers(len(raw))] = rng.choice([np.nan, np.inf, -np.inf])
    scores = raw if seed % 2 else np.floor(raw * 4) / 4
    assert_array_equal(doubtful_rows(scores, raw, k, never_settled), naive(scores, raw, k))


@given(st.integers(0, 10_000), st.sampled_from([1, 3, 40]), st.sampled_from([30, 3000, 10**6]))
def test_an_order_is_sure_only_where_no_row_is_in_doubt(seed, k, n_levels):
    rng = np.random.default_rng(seed)
    raw = close_scores(rng, int(rng.integers(2, 3000)), n_levels)
    if seed % 2:
        raw = np.round(raw, 3)
    if seed % 5 == 0:
        raw[rng.integers(len(raw))] = rng.choice([np.nan, np.inf, -np.inf])
    scores = np.floor(raw * 4) / 4 if seed % 3 == 0 else raw
    order = sure_order(scores, raw, k, never_settled)
    if order is not None:
        assert len(naive(scores, raw, k)) == 0
        assert_array_equal(order, stable_order(scores)[:k])


def test_the_order_of_rows_that_are_not_close_is_sure():
    scores = np.random.default_rng(0).permutation(3000) / 7
    assert_array_equal(sure_order(scores, scores, 100, never_settled), stable_order(scores)[:100])


def test_ties_that_rounding_cannot_change_are_sure():
    raw = np.linspace(0, 40, 3000)
    scores = np.minimum(raw, 38.0)

    def settled(raw, reach):
        return raw > 38 + reach

    at_38 = np.flatnonzero(raw >= 38)
    assert sure_order(scores, raw, 100, never_settled) is None
    assert_array_equal(sure_order(scores, raw, 100, settled), at_38[:100])


def test_only_the_best_rows_are_put_in_order(monkeypatch):
    ordered = []

    def counted(scores, *rest):
        ordered.append(len(scores))
        return runs_in_doubt(scores, *rest)

    monkeypatch.setattr(_doubt, "runs_in_doubt", counted)
    raw = np.random.default_rng(0).normal(size=100_000)
    assert len(doubtful_rows(raw, raw, 100, never_settled)) == 0
    assert sum(ordered) < 1000


@pytest.mark.parametrize(
    ("raw", "largest"),
    [([], 0.0), ([-3.0, 2.0], 3.0), ([np.nan, -1.0, np.inf], 1.0), ([-np.inf], 0.0)],
)
def test_the_largest_number_is_the_largest_finite_one(raw, largest):
    assert largest_of(np.array(raw)) == largest
