"""Rows in doubt, found among the best rows alone, against an order of all rows."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, strategies as st
from numpy.testing import assert_array_equal

from skwillump.planning import stable_order
from skwillump.ranking import _doubt
from skwillump.ranking._doubt import (
    DOUBT,
    FEW_BEST,
    doubtful_rows,
    largest_of,
    plain_best,
    runs_in_doubt,
    sure_best,
    sure_order,
)


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


def saturating(raw):
    """Scores that rise with the numbers, of which the largest give the same one."""
    with np.errstate(over="ignore"):
        return 1 / (1 + np.exp(-raw))


def never_moved(raw, reach):
    """Whether saturated scores stay the same."""
    return saturating(raw - reach) == saturating(raw + reach)


@given(
    st.integers(0, 10_000), st.sampled_from([1, 3, 40, 1000]), st.sampled_from([30, 3000, 10**6])
)
def test_the_best_by_their_numbers_are_the_best_by_their_scores(seed, k, n_levels):
    rng = np.random.default_rng(seed)
    raw = rng.choice([1.0, 20.0]) * close_scores(rng, int(rng.integers(1, 3000)), n_levels)
    if seed % 2:
        raw = np.round(raw, 3)
    if seed % 5 == 0:
        raw[rng.integers(len(raw))] = rng.choice([np.nan, np.inf, -np.inf])
    scores = saturating(raw)
    best = sure_best(raw, k, saturating, never_moved)
    if best is not None:
        assert_array_equal(best[0], stable_order(scores)[:k])
        # Equal numbers are of equal features, and are rounded alike.
        values, which = np.unique(raw, return_inverse=True)
        moved = 0.4 * DOUBT * largest_of(raw) * rng.uniform(-1, 1, len(values))
        with np.errstate(invalid="ignore"):
            rounded = saturating((values + moved)[which])
        assert_array_equal(best[0], stable_order(rounded)[:k])
        assert_array_equal(best[1], scores[best[0]])


def test_few_numbers_become_scores():
    made = []

    def score_of(raw):
        made.append(len(raw))
        return saturating(raw)

    raw = np.random.default_rng(0).normal(size=100_000)
    positions, _ = sure_best(raw, 10, score_of, never_settled)
    assert_array_equal(positions, stable_order(raw)[:10])
    assert sum(made) < 20


@pytest.mark.parametrize("k", [5, 100])
def test_saturated_scores_are_put_in_order_by_position(k):
    # From 37 on all are one, also where the k-th row is among them.
    raw = np.random.default_rng(0).permutation(np.linspace(-20, 20, 3000))
    raw[:20] = np.arange(40, 60)
    positions, scores = sure_best(raw, k, saturating, never_moved)
    of_all = saturating(raw)
    assert_array_equal(positions, stable_order(of_all)[:k])
    assert_array_equal(scores, of_all[positions])


def test_numbers_that_scores_do_not_rise_with_are_not_trusted():
    raw = np.random.default_rng(0).normal(size=3000)

    def settled(raw, reach):
        return np.ones(len(raw), dtype=bool)

    assert sure_best(raw, 10, lambda raw: -raw, settled) is None


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


@given(st.integers(0, 10_000), st.sampled_from([1, 3, 40, 300]), st.sampled_from([2, 30, 10**6]))
def test_best_rows_of_many_queries_are_those_of_each(seed, k, n_levels):
    rng = np.random.default_rng(seed)
    raw = close_scores(rng, 2000, n_levels) if seed % 2 else 1.0 * rng.integers(0, n_levels, 2000)
    if seed % 5 == 0:
        raw[rng.integers(len(raw), size=3)] = [np.nan, np.inf, -np.inf]
    scores = np.floor(raw * 4) / 4 if seed % 3 == 0 else raw
    starts = np.unique([0, *rng.integers(1, len(raw), size=rng.integers(1, 200)), len(raw)])
    ks = rng.integers(1, k + 1, size=len(starts) - 1)
    best, ends, is_plain = plain_best(scores, raw, starts, ks, rounds=True)
    for query, plain in enumerate(is_plain):
        own = slice(*starts[query : query + 2])
        found = best[slice(*ends[query : query + 2])]
        assert len(found) == min(ks[query], own.stop - own.start)
        if plain:
            assert len(naive(scores[own], raw[own], ks[query])) == 0
            assert_array_equal(found - own.start, stable_order(scores[own])[: ks[query]])
        else:
            assert set(found) == {-1}


@pytest.mark.parametrize("k", [1, 50, FEW_BEST])
@pytest.mark.parametrize("rounds", [True, False])
def test_the_order_of_rows_that_are_apart_or_equal_is_plain_to_see(k, rounds):
    raw = np.random.default_rng(0).integers(0, 1000, 5000).astype(float)
    starts = np.array([0, 1, 3, 300, 1200, 5000])
    best, _, is_plain = plain_best(raw, raw, starts, [k] * 5, rounds=rounds)
    assert is_plain.all()
    expected = [a + stable_order(raw[a:b])[:k] for a, b in pairwise(starts)]
    assert_array_equal(best, np.concatenate(expected))


def test_rows_that_tie_beyond_what_is_put_in_order_are_looked_at_closer():
    raw = np.zeros(3000)
    for k in (10, FEW_BEST + 1):
        assert not plain_best(raw, raw, np.array([0, 3000]), [k], rounds=True)[2].any()
    assert plain_best(raw, raw, np.array([0, 40]), [10], rounds=True)[2].all()
