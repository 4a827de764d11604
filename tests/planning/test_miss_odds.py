"""The estimate of how deep to search, from misses near the best rows."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.optimize import minimize
from scipy.stats import binom

from skwillump.planning._miss_odds import (
    RankedSample,
    best_rank_shares,
    estimated_depth,
    filter_scores_of,
    fit_lines,
    rank_shares,
)
from skwillump.planning._topk_precision import precision_weights

ALLOWED = {"loss": 0.05, "error": 0.05}


def found_at(full, score):
    """Where a search finds each row, by descending full score."""
    folds, draw = np.zeros(len(full), dtype=int), np.random.default_rng(0).random(len(full))
    order = np.argsort(rank_shares(full, folds, draw))
    return rank_shares(score, folds, draw)[order]


def noisy(n_rows, seed, noise=0.3):
    rng = np.random.default_rng(seed)
    full = rng.normal(size=n_rows)
    return full, full + noise * rng.normal(size=n_rows)


def with_overlooked(n_rows, seed, share):
    """The very best rows are some that the filter knows nothing of."""
    full, score = noisy(n_rows, seed)
    extreme = np.random.default_rng(seed + 1).random(n_rows) < share
    return np.where(extreme, 9 + full, full), score


# The line ---------------------------------------------------------------------------------------


def test_lines_are_the_most_likely_ones_under_their_prior():
    rng = np.random.default_rng(0)
    x, n_rows = np.linspace(-2, 3, 20), rng.integers(1, 50, 20).astype(float)
    n_missed = np.stack([np.zeros(20), rng.binomial(n_rows.astype(int), 0.1), n_rows])
    lines = fit_lines(x, n_rows, n_missed)
    middle = np.average(x, weights=n_rows)
    for i, counts in enumerate(n_missed):

        def lost(line, counts=counts):
            odds = line[0] + line[1] * np.append(x, middle)
            rows, missed = np.append(n_rows, 1), np.append(counts, 0.5)
            log_likelihood = np.sum(missed * odds - rows * np.logaddexp(0, odds))
            return line[1] ** 2 / (2 * 0.5**2) - log_likelihood

        best = minimize(lost, [0.0, 0.0], options={"gtol": 1e-9}).x
        assert_allclose([lines.level[i, 0], lines.slope[i, 0]], best, atol=2e-3)


@pytest.mark.parametrize(("k", "n_query"), [(1, 50), (10, 500), (100, 700)])
def test_the_best_of_a_query_have_the_rank_shares_that_counting_gives(k, n_query):
    shares, weights = best_rank_shares(k, n_query)
    rng = np.random.default_rng(0)
    drawn = np.sort(rng.random((4000, n_query)), axis=1)[:, :k]
    assert np.average(shares, weights=weights) == pytest.approx(drawn.mean(), rel=0.03)


# The estimate -----------------------------------------------------------------------------------


@pytest.mark.parametrize("k", [10, 100])
def test_the_estimate_keeps_the_target_where_misses_follow_the_rule(k):
    """Truth on many rows; far fewer of the best are in a sample than a test would need."""
    n_query, n_repeats = 5000, 100
    truth = found_at(*noisy(200_000, 99))
    weights = precision_weights(len(truth), k, n_query)
    depths = np.array(
        [
            estimated_depth(found_at(*noisy(3000, seed)), k, n_query, **ALLOWED).share
            for seed in range(n_repeats)
        ]
    )
    precisions = np.array([weights[truth <= depth].sum() for depth in depths])
    assert np.mean(precisions < 0.95) <= 0.05 + 3 * np.sqrt(0.05 / n_repeats)
    needed = np.sort(truth[: int(len(truth) * k / n_query)])
    assert np.median(depths) < 4 * needed[int(0.95 * len(needed))]


def test_overlooked_rows_fail_the_check_and_the_best_alone_decide():
    n_query, k = 5000, 10
    fell_back = 0
    for seed in range(40):
        sample = found_at(*with_overlooked(6000, seed, share=k / n_query / 2))
        depth = estimated_depth(sample, k, n_query, **ALLOWED)
        # Twelve best rows can show nothing by themselves.
        assert depth.follows_rule or depth.share == 1.0
        fell_back += not depth.follows_rule or depth.share > 0.8
    assert fell_back >= 35


def test_with_enough_of_the_best_they_decide_by_an_exact_bound():
    full, score = with_overlooked(40_000, 0, share=0.1 * 0.02)
    sample = found_at(full, score)
    depth = estimated_depth(sample, 100, 5000, **ALLOWED)
    top = sample[:800]
    n_misses = int(np.sum(top > depth.share))
    assert binom.cdf(n_misses, 800, 0.05) <= 0.05


def test_more_rows_let_the_search_be_less_deep():
    depths = [
        np.mean(
            [
                estimated_depth(found_at(*noisy(n, seed)), 20, 5000, **ALLOWED).share
                for seed in (0, 1, 2)
            ]
        )
        for n in (500, 5000, 50_000)
    ]
    assert depths[0] > depths[1] > depths[2]


def test_too_few_rows_and_queries_that_are_returned_whole_are_searched_whole():
    full, score = noisy(40, 0)
    assert estimated_depth(found_at(full, score), 5, 1000, **ALLOWED).share == 1.0
    full, score = noisy(4000, 0)
    assert estimated_depth(found_at(full, score), 1000, 1000, **ALLOWED).share == 1.0


# The sample -------------------------------------------------------------------------------------


def test_rank_shares_are_within_folds_ties_by_draw_and_rows_without_a_score_first():
    score = np.array([1.0, np.nan, 1.0, 0.0, 5.0])
    folds = np.array([0, 0, 0, 0, 1])
    draw = np.array([0.9, 0.0, 0.1, 0.0, 0.0])
    assert_allclose(rank_shares(score, folds, draw), [5 / 8, 1 / 8, 3 / 8, 7 / 8, 1 / 2])


def sample_of(full, score, **kwargs):
    folds = np.zeros(len(full), dtype=int)
    return RankedSample(
        found_at=found_at(full, score), filter_scores=filter_scores_of(score, folds), **ALLOWED
    )


def test_tabled_depths_are_close_to_those_computed_for_a_size():
    sample = sample_of(*noisy(8000, 0))
    table = sample.with_table(50)
    for n_query in (60, 333, 5000, 40_000):
        assert table.depth(50, n_query) == pytest.approx(sample.depth(50, n_query), rel=0.25)
    assert table.depth(20, 5000) == sample.depth(20, 5000)


def test_a_query_with_more_good_rows_has_more_candidates():
    full, score = noisy(8000, 0)
    search = sample_of(full, score).search(100, 5000)
    usual, good = noisy(5000, 1)[1], noisy(5000, 2)[1] + 1
    assert len(search.candidates(usual, 100)) < 0.5 * len(search.candidates(good, 100))
    assert len(search.candidates(usual - 5, 100)) == np.ceil(search.share * 5000)


@pytest.mark.parametrize("k", [1, 10])
def test_depths_of_few_rows_of_large_queries_are_tabled_too(k, monkeypatch):
    sample = sample_of(*noisy(5000, 0)).with_table(k)
    computed = [estimated_depth(sample.found_at, k, n, **ALLOWED).share for n in (20_000, 900_000)]

    def never(*args, **kwargs):
        raise AssertionError("a depth was computed")

    monkeypatch.setattr("skwillump.planning._miss_odds.estimated_depth", never)
    assert_allclose([sample.depth(k, n) for n in (20_000, 900_000)], computed, rtol=0.3)
