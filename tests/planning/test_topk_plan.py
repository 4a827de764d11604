"""How deep a search must go: losses, tests and plans."""

from dataclasses import replace
from itertools import combinations
from math import comb

import numpy as np
import pytest
from hypothesis import given, strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import binom

from skwillump.planning import (
    ShareSearch,
    StageSeconds,
    Target,
    TopKCalibration,
    TopKCandidate,
    make_topk_plan,
    replan_search,
)
from skwillump.planning._orders import orders_by_fold, stable_order
from skwillump.planning._query_evidence import BETS, betting_p_value, tolerant_bet
from skwillump.planning._row_evidence import RowEvidence, cells
from skwillump.planning._topk_precision import (
    drawn_precisions,
    effort_for_precision,
    least_effort,
    mean_precision,
    precision_weights,
)
from skwillump.planning._topk_search import (
    GapSearch,
    Prediction,
    RatioSearch,
    filter_order,
    share_needed,
)
from skwillump.planning._topk_tests import (
    TopTest,
    rows_for_test,
    share_above,
    top_test,
)


def calibration(full, filters, *, n_select=None, queries=None, selects=None, **kwargs):
    n_rows = len(full)
    if selects is None:
        selects = np.arange(n_rows) < (n_rows // 4 if n_select is None else n_select)
    costs = kwargs.pop("costs", [(1.0, 10.0)] * len(filters))
    defaults = {
        "full_seconds": 10.0,
        "folds": np.zeros(n_rows, dtype=int),
        "basis": "prefit",
        "train_share": 1.0,
        "seed": 0,
    }
    return TopKCalibration(
        candidates=tuple(
            TopKCandidate((f"b{i}",), StageSeconds(start=start, rest=rest), score)
            for i, (score, (start, rest)) in enumerate(zip(filters, costs, strict=True))
        ),
        full_score=full,
        selects=selects,
        queries=queries,
        **(defaults | kwargs),
    )


def noisy_scores(n_rows, seed, noise=0.3):
    rng = np.random.default_rng(seed)
    full = rng.normal(size=n_rows)
    return full, full + rng.normal(scale=noise, size=n_rows)


# Losses -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("k", "n"), [(1, 1), (1, 7), (3, 10), (10, 10), (40, 500)])
@pytest.mark.parametrize("u", [0.0, 0.05, 0.4, 1.0])
def test_the_share_of_the_best_above_a_level_is_a_mean_over_binomial_counts(k, n, u):
    counts = np.arange(n + 1)
    expected = np.sum(np.minimum(counts, k) * binom.pmf(counts, n, u)) / k
    assert_allclose(share_above(u, k, n), expected, atol=1e-12)


@pytest.mark.parametrize(("k", "n_query"), [(1, 1), (2, 3), (3, 6), (5, 4)])
def test_weights_give_the_mean_precision_over_all_subsets(k, n_query):
    rng = np.random.default_rng(0)
    score, need = rng.permutation(6).astype(float), rng.permutation(6).astype(float)
    precisions = []
    for rows in combinations(range(6), n_query):
        rows = np.array(rows)
        best = rows[np.argsort(-score[rows])][:k]
        precisions.append(np.mean(need[best] <= 2))
    assert len(precisions) == comb(6, n_query)
    assert_allclose(mean_precision(score, need, [2.0], k, n_query), [np.mean(precisions)])


def test_rows_that_tie_are_among_the_best_as_often_as_one_another():
    rng = np.random.default_rng(0)
    score, need = np.array([2.0, 1.0, 1.0, 1.0, 1.0, 0.0]), np.arange(6.0)
    for order in (np.arange(6), rng.permutation(6)):
        found = mean_precision(score[order], need[order], np.arange(6.0), 3, 6)
        # The best row and, of the four that tie, two: half of each.
        assert_allclose(found, np.array([1, 1.5, 2, 2.5, 3, 3]) / 3)


@pytest.mark.parametrize("n_query", [5, 50, 500])
def test_weights_sum_to_one_and_fall_with_the_rank(n_query):
    weights = precision_weights(100, 5, n_query)
    assert_allclose(weights.sum(), 1)
    assert (np.diff(weights) <= 1e-15).all()


def test_the_least_effort_for_a_precision_reaches_it_and_no_smaller_one_does():
    full, score = noisy_scores(500, 0)
    effort = effort_for_precision(full, -score, 0.9, 10, 200)
    below = np.max(-score[-score < effort])
    found = mean_precision(full, -score, [below, effort], 10, 200)
    assert found[0] < 0.9 <= found[1]


@pytest.mark.parametrize("n_query", [500, 2000, 10_000])
def test_drawn_queries_have_the_mean_precision_of_the_closed_form(n_query):
    full, score = noisy_scores(2000, 1)
    k = n_query // 25
    effort = float(np.quantile(-score, 0.04))
    missed = (-score > effort)[stable_order(full)]
    values = drawn_precisions(missed, k, n_query, 400, np.random.default_rng(0))
    expected = mean_precision(full, -score, [effort], k, n_query)[0]
    assert 0.5 < expected < 0.95
    assert abs(values.mean() - expected) < 4 * values.std() / np.sqrt(len(values)) + 1e-3


def test_the_best_of_a_query_far_larger_than_the_sample_are_the_best_row():
    """No such query is drawn as a whole: it would not fit into memory."""
    n_query = 10**12
    assert precision_weights(1000, 5, n_query)[0] == 1.0
    missed = np.arange(1000) > 0
    assert (drawn_precisions(missed, 5, n_query, 20, np.random.default_rng(0)) == 1).all()
    full, score = noisy_scores(6000, 0)
    plan = make_topk_plan(calibration(full, [score]), target(size=(n_query, n_query)))
    assert plan.guarantee.kind == "exact"
    assert "too few" in plan.guarantee.reason
    assert 0.9 <= plan.guarantee.precision <= 1


def test_rows_are_ordered_within_their_folds():
    score = np.array([1.0, 9.0, 8.0, 3.0, 2.0, 3.0])
    parts = np.array([4, 0, 4, 0, 4, 0])
    draw = np.array([0.1, 0.9, 0.9, 0.5, 0.3, 0.2])
    orders = orders_by_fold(score, parts, draw)
    assert [list(order) for order in orders] == [[1, 5, 3], [2, 4, 0]]


def test_the_least_effort_misses_no_more_than_allowed():
    need = np.array([3.0, 1.0, 2.0, 2.0])
    assert [least_effort(need, n) for n in range(5)] == [3.0, 2.0, 2.0, 1.0, -np.inf]


# Tests ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("k", "n_query", "n_rows"), [(100, 2000, 8000), (10, 100, 3000)])
def test_a_search_that_loses_too_much_passes_the_test_rarely(k, n_query, n_rows):
    """Rows are missed with the same chance wherever they are, just above the loss allowed."""
    loss, error, n_repeats = 0.05, 0.05, 3000
    test = top_test([n_rows], (k, k), (n_query, n_query), loss, error)
    rng = np.random.default_rng(0)
    misses = rng.binomial(sum(test.n_top), loss * 1.0001, size=n_repeats)
    assert np.mean(misses <= test.n_misses) <= error + 3 * np.sqrt(error / n_repeats)


def test_the_test_holds_where_only_rows_just_inside_the_best_are_missed():
    """Not monotone: rows above are all found, those at the edge of the best are all missed."""
    k, n_query, n_rows, loss, error = 100, 2000, 6000, 0.05, 0.05
    test = top_test([n_rows], (k, k), (n_query, n_query), loss, error)
    grid = (np.arange(400_000) + 0.5) / 400_000
    weights = n_query / k * binom.cdf(k - 1, n_query - 1, grid)
    lost_below = np.cumsum((weights / len(grid))[::-1])[::-1]
    # All rows from here on down are missed; the mean loss is just above the allowed one.
    start = grid[np.flatnonzero(lost_below > loss)[-1]]
    rng = np.random.default_rng(1)
    n_repeats, passed = 1000, 0
    for _ in range(n_repeats):
        u = np.sort(rng.uniform(size=n_rows))[: test.n_top[0]]
        passed += np.sum(u >= start) <= test.n_misses
    assert passed / n_repeats <= error + 3 * np.sqrt(error / n_repeats)


def test_more_rows_allow_more_misses_and_larger_queries_fewer():
    shares = [top_test([n], (100, 100), (2000, 2000), 0.05, 0.05) for n in (3000, 10_000, 50_000)]
    assert [s is not None for s in shares] == [True, True, True]
    assert np.all(np.diff([s.miss_share for s in shares]) > 0)
    assert top_test([3000], (100, 100), (20_000, 20_000), 0.05, 0.05) is None


def test_a_test_of_a_range_is_as_strict_as_those_of_all_sizes_in_it():
    wide = top_test([20_000], (90, 100), (2000, 2200), 0.05, 0.05)
    for k in (90, 100):
        for n in (2000, 2200):
            assert top_test([20_000], (k, k), (n, n), 0.05, 0.05).miss_share >= wide.miss_share


def test_the_number_of_rows_that_is_said_to_be_enough_is():
    n = rows_for_test(100, 5000, 0.05, 0.05)
    assert top_test([n], (100, 100), (5000, 5000), 0.05, 0.05) is not None
    assert top_test([n // 4], (100, 100), (5000, 5000), 0.05, 0.05) is None


def test_intervals_of_query_sizes_cover_the_range():
    found = cells(3, 1000)
    assert [n for low, high in found for n in range(low, high + 1)] == list(range(3, 1001))
    assert cells(7, 7) == [(7, 7)]


def precisions(rng, mean, k, shape, spread):
    """Shares of k rows that are found; with `spread`, some queries are far harder than others."""
    losses = (1 - mean) * (rng.gamma(0.2, 5.0, size=shape) if spread else np.ones(shape))
    return 1 - rng.binomial(k, np.minimum(losses, 1)) / k


@pytest.mark.parametrize("mean", [0.9, 0.95])
@pytest.mark.parametrize("k", [1, 10, 100])
@pytest.mark.parametrize("spread", [False, True])
def test_betting_by_other_queries_choice_rejects_a_true_mean_rarely(mean, k, spread):
    """Selecting queries choose a bet; those that are tested have just the mean to be rejected."""
    rng = np.random.default_rng(0)
    n_repeats, error, n_values = 2000, 0.05, 150
    # Losses are cut at 1, so that the mean is somewhat above `mean`.
    true_mean = precisions(rng, mean, k, 10**6, spread).mean()
    rejected = 0
    for _ in range(n_repeats):
        selecting = precisions(rng, mean, k, 50, spread)
        bet = tolerant_bet(selecting, true_mean, n_values, error, 1 / k)
        tested = precisions(rng, mean, k, n_values, spread)
        rejected += betting_p_value(tested, true_mean, bet) <= error
    assert rejected / n_repeats <= error + 3 * np.sqrt(error / n_repeats)


def test_betting_needs_hardly_more_queries_without_a_loss_than_an_exact_test():
    for loss, error, n_values in [(0.05, 0.05, 59), (0.05, 0.025, 73), (0.035, 0.025, 105)]:
        at = [betting_p_value(np.ones(n), 1 - loss, BETS[-1]) for n in (n_values - 1, n_values)]
        assert at[1] <= error < at[0]
        assert n_values <= np.log(error) / np.log(1 - loss) + 1.5
    assert betting_p_value(np.zeros(5), 0.9, 0.5) == 1.0


@pytest.mark.parametrize(
    ("k", "mean", "n_values", "power"),
    [(10, 0.99, 100, 0.95), (10, 0.98, 100, 0.4), (1, 0.98, 200, 0.35), (100, 0.98, 100, 0.5)],
)
def test_the_bet_is_of_the_size_that_shows_a_larger_mean(k, mean, n_values, power):
    rng = np.random.default_rng(0)
    shown = []
    for _ in range(300):
        bet = tolerant_bet(precisions(rng, mean, k, 33, False), 0.95, n_values, 0.05, 1 / k)
        tested = precisions(rng, mean, k, n_values, False)
        shown.append(betting_p_value(tested, 0.95, bet) <= 0.05)
    assert np.mean(shown) >= power


# Searches ---------------------------------------------------------------------------------------

scores = st.lists(st.integers(-4, 4), min_size=1, max_size=30)


@given(scores, st.integers(1, 5), st.integers(-5, 5), st.integers(0, 2**31 - 1))
def test_a_row_is_found_if_its_need_is_at_most_the_effort(values, k, effort, seed):
    rng = np.random.default_rng(seed)
    full = np.array(values, dtype=float)
    filter_score = full + rng.integers(-3, 4, size=len(full))
    filter_score[rng.uniform(size=len(full)) < 0.1] = np.nan
    best = stable_order(full)[:k]
    share = ShareSearch().with_effort(effort, 0.1)
    found = share.candidates(filter_score, k)
    needs = share.needs(filter_score, full)
    assert set(best[needs[best] <= effort]) <= set(found)

    prediction = Prediction(np.array([-6.0, 6.0]), np.array([-5.0, 5.0]))
    gap = GapSearch(prediction=prediction).with_effort(effort, 0.1)
    visited, of_visited = gap.visit(filter_score, k, full.__getitem__)
    assert_array_equal(of_visited, full[visited])
    assert len(set(visited)) == len(visited) >= min(k, len(full))
    needs = gap.needs(filter_score, full)
    # Ties with the K-th best may be visited or not: only what is above it must be.
    surely = best[(needs[best] <= effort)]
    bar = np.sort(full[visited])[::-1][: min(k, len(full))][-1]
    assert {row for row in surely if full[row] > bar} <= set(visited)


def test_candidates_are_the_first_share_and_all_that_reach_the_cut():
    filter_score = np.array([0.1, 0.9, np.nan, 0.5, 0.5, 0.7])
    order = filter_order(filter_score)
    assert_array_equal(order, [2, 1, 5, 3, 4, 0])
    for search, n in [
        (ShareSearch(share=0.3), 2),
        (ShareSearch(share=0.1), 1),
        (ShareSearch(share=0.1, cut=0.5), 5),
        (RatioSearch(ratio=2), 2),
    ]:
        assert_array_equal(search.candidates(filter_score, 1), order[:n])
        assert_array_equal(search.candidate_rows(filter_score, 1), np.sort(order[:n]))
    assert_array_equal(ShareSearch(share=0.1).candidates(filter_score, 4), order[:4])
    assert_allclose(share_needed(filter_score), np.array([6, 2, 1, 4, 5, 3]) / 6)


@given(
    st.integers(0, 10_000), st.sampled_from([1, 5, 40, 300]), st.sampled_from([0.0, 0.1, 0.6, 1])
)
def test_candidates_by_position_are_those_by_score(seed, k, share):
    rng = np.random.default_rng(seed)
    filter_score = rng.choice([0.0, 1.0, np.nan, np.inf, *rng.normal(size=20)], 300)
    for cut in (np.inf, 1.0, -1.0, -np.inf):
        search = ShareSearch(share=share, cut=cut)
        by_position = search.candidate_rows(filter_score, k)
        assert_array_equal(by_position, np.sort(search.candidates(filter_score, k)))


def test_the_gap_rule_stops_early_where_the_winners_are_clear():
    filter_score = np.linspace(1, 0, 3200)
    prediction = Prediction(np.array([0.0, 1.0]), np.array([0.0, 1.0]))
    search = GapSearch(margin=0.1, prediction=prediction)
    clear = np.where(np.arange(3200) < 5, 9.0, filter_score)
    n_clear = len(search.visit(filter_score, 5, clear.__getitem__)[0])
    n_close = len(search.visit(filter_score, 5, filter_score.__getitem__)[0])
    assert n_clear <= 100 < 300 < n_close <= 500


def test_rows_without_a_full_score_do_not_stop_the_gap_rule():
    filter_score = np.linspace(1, 0, 320)
    full = np.where(np.arange(320) < 10, np.nan, filter_score)
    prediction = Prediction(np.array([0.0, 1.0]), np.array([0.0, 1.0]))
    search = GapSearch(margin=0.0, prediction=prediction)
    visited, _ = search.visit(filter_score, 5, full.__getitem__)
    assert set(range(10, 15)) <= set(visited)


# Plans ------------------------------------------------------------------------------------------


def target(k=50, size=(1000, 1000), precision=0.9, confidence=0.95):
    return Target(k, size, precision, confidence)


def test_the_certified_plan_keeps_its_promise_on_new_rows():
    pool_full, pool_score = noisy_scores(60_000, 99)
    weights = np.empty(len(pool_full))
    weights[stable_order(pool_full)] = precision_weights(len(pool_full), 50, 1000)
    below, n_repeats = 0, 200
    for seed in range(n_repeats):
        full, score = noisy_scores(6000, seed)
        plan = make_topk_plan(calibration(full, [score]), target())
        assert plan.guarantee.kind == "certified"
        assert plan.share < 0.6
        needs = plan.search.needs(pool_score, pool_full)
        effort = plan.search.margin if plan.search.rule == "gap" else -plan.search.cut
        below += weights[needs <= effort].sum() < 0.9
    assert below / n_repeats <= 0.05 + 3 * np.sqrt(0.05 / n_repeats)


def tied_scores(n_rows, seed, missed):
    """The best fifth ties; the filter overlooks a share of it, which comes last."""
    rng = np.random.default_rng(seed)
    top = rng.random(n_rows) < 0.2
    full = np.where(top, 1.0, 0.9 * rng.random(n_rows))
    overlooked = rng.random(n_rows) < missed
    score = np.where(top & ~overlooked, 1 + rng.random(n_rows), 0.9 * rng.random(n_rows))
    order = np.argsort(overlooked, kind="stable")
    return full[order], score[order]


def test_rows_that_tie_are_evidence_in_whatever_order_they_are_stored():
    full, score = tied_scores(20_000, 0, missed=0.5)
    selects = np.random.default_rng(0).random(20_000) < 0.25
    plan = make_topk_plan(calibration(full, [score], selects=selects), target())
    assert plan.guarantee.kind == "exact"


def test_an_effort_that_passes_by_luck_is_raised_to_where_its_point_estimate_is_enough():
    full, score = noisy_scores(6000, 0)
    evidence = RowEvidence(calibration(full, [score]), target())
    assert evidence.kind == "certified"
    evidence.tests = [TopTest(1.0, (100,), 40)]
    effort = evidence.depth(-score).effort
    assert evidence.precision(-score, [effort])[0] >= 0.9 - 1e-9


def test_the_cheapest_filter_is_chosen():
    full, good = noisy_scores(8000, 0, noise=0.1)
    _, bad = noisy_scores(8000, 0, noise=2.0)
    plan = make_topk_plan(
        calibration(full, [bad, good, good], costs=[(0.5, 9.5), (1.0, 9.0), (3.0, 7.0)]), target()
    )
    assert plan.candidate == 1
    assert [t.blocks for t in plan.tradeoffs] == [("b0",), ("b1",), ("b2",)]
    assert [t.chosen is None for t in plan.tradeoffs] == [True, False, True]
    chosen = plan.tradeoffs[1]
    assert_allclose(chosen.share[chosen.chosen], plan.share)
    assert_allclose(chosen.expected_seconds[chosen.chosen], plan.expected_seconds)
    assert (np.diff(chosen.precision) >= -1e-12).all()


def test_too_few_rows_for_a_certificate_give_an_estimate_and_far_too_few_nothing():
    full, score = noisy_scores(4000, 0)
    kinds = {
        k: make_topk_plan(calibration(full, [score]), target(k=k, precision=0.95)).guarantee
        for k in (3, 100)
    }
    assert kinds[100].kind == "certified"
    assert kinds[3].kind == "estimate"
    assert kinds[3].rows_needed > 4000
    few = make_topk_plan(calibration(full[:30], [score[:30]]), target(k=3))
    assert few.guarantee.kind == "exact"
    assert "too few" in few.guarantee.reason
    assert few.candidate is None


def test_smaller_k_are_certified_as_far_as_rows_go():
    full, score = noisy_scores(20_000, 0)
    plan = make_topk_plan(calibration(full, [score]), target(k=100))
    assert 1 < plan.guarantee.least_k < 100


def test_a_range_of_query_sizes_needs_at_least_as_much_as_its_ends():
    full, score = noisy_scores(30_000, 0)
    data = calibration(full, [score])
    shares = {
        size: make_topk_plan(data, target(k=100, size=size)).share
        for size in [(1000, 1000), (3000, 3000), (1000, 3000)]
    }
    assert shares[1000, 3000] >= max(shares[1000, 1000], shares[3000, 3000])


def test_cross_fitted_evidence_is_tested_more_strictly():
    full, score = noisy_scores(8000, 0)
    prefit = make_topk_plan(calibration(full, [score]), target())
    crossed = make_topk_plan(
        calibration(full, [score], basis="cross-fitted", train_share=0.8), target()
    )
    assert crossed.guarantee.tested_target == pytest.approx(0.92)
    assert crossed.guarantee.tested_confidence == pytest.approx(0.975)
    assert crossed.share > prefit.share


def test_a_test_of_other_models_is_left_for_an_estimate_that_saves_much_more(monkeypatch):
    full, score = noisy_scores(6000, 0)
    asked = target(k=50, precision=0.95)
    crossed = calibration(full, [score], basis="cross-fitted", train_share=0.8)
    assert make_topk_plan(crossed, asked).guarantee.kind == "cross-fitted"
    monkeypatch.setattr("skwillump.planning._topk_plan.TESTED_SAVING", 2.0)
    assert make_topk_plan(crossed, asked).guarantee.kind == "estimate"
    assert make_topk_plan(calibration(full, [score]), asked).guarantee.kind == "certified"


def test_no_estimate_takes_the_place_of_what_fresh_rows_show():
    """Where that does not pay, an estimate could: it is not what certify was asked for."""
    full, score = noisy_scores(4000, 0)
    asked = target(k=50, precision=0.95)
    held_out = calibration(full, [score], costs=[(7.5, 10.0)])
    assert make_topk_plan(held_out, asked).guarantee.kind == "estimate"
    plan = make_topk_plan(replace(held_out, basis="fresh"), asked)
    assert plan.guarantee.kind == "exact"
    assert "no filter is expected to pay" in plan.guarantee.reason


def test_other_models_are_not_tested_where_each_query_would_be_tested_anew():
    full, score = noisy_scores(6000, 0)
    asked = replace(target(k=50, precision=0.95), any_size=True)
    crossed = calibration(full, [score], basis="cross-fitted", train_share=0.8)
    plan = make_topk_plan(crossed, asked)
    assert plan.guarantee.kind == "estimate"
    assert plan.sample.depth(50, 1000) == pytest.approx(plan.share, rel=0.25)
    assert make_topk_plan(calibration(full, [score]), asked).guarantee.kind == "certified"


def test_a_target_of_one_and_queries_that_are_returned_whole_are_exact():
    full, score = noisy_scores(4000, 0)
    data = calibration(full, [score])
    for asked in (target(precision=1.0), target(k=1000)):
        plan = make_topk_plan(data, asked)
        assert (plan.candidate, plan.guarantee.kind) == (None, "exact")
        assert plan.guarantee.reason


def test_a_useless_filter_is_not_used():
    full, _ = noisy_scores(4000, 0)
    noise = np.random.default_rng(5).normal(size=4000)
    plan = make_topk_plan(calibration(full, [noise]), target())
    assert plan.candidate is None
    assert "pay" in plan.guarantee.reason


def test_constant_filter_scores_let_every_row_through():
    full, _ = noisy_scores(4000, 0)
    plan = make_topk_plan(calibration(full, [np.zeros(4000)], costs=[(0.0, 5.0)]), target())
    assert plan.share == 1.0


def test_another_size_is_planned_by_the_same_filter():
    full, score = noisy_scores(20_000, 0)
    data = calibration(full, [score])
    plan = make_topk_plan(data, target(k=100))
    search, kind = replan_search(data, plan, target(k=200))
    assert kind == "certified"
    assert search.rule == plan.search.rule
    assert search.share > plan.share
    assert replan_search(data, plan, target(k=2))[1] == "estimate"


def test_the_rule_of_the_paper_is_the_least_ratio_that_meets_the_target():
    full, score = noisy_scores(8000, 0)
    plan = make_topk_plan(calibration(full, [score]), target(confidence=None))
    assert plan.guarantee.kind == "plug-in"
    assert plan.guarantee.precision >= 0.9
    tradeoff = plan.tradeoffs[0]
    assert plan.search.ratio > 1
    assert tradeoff.precision[tradeoff.chosen - 1] < 0.9


def grouped(n_queries, n_rows, seed, noise=0.3):
    rng = np.random.default_rng(seed)
    level = np.repeat(rng.normal(scale=3, size=n_queries), n_rows)
    full, score = noisy_scores(n_queries * n_rows, seed + 1, noise)
    queries = tuple(np.arange(n_queries * n_rows).reshape(n_queries, n_rows))
    return full + level, score + level, queries


def test_told_queries_keep_the_promise_on_new_queries():
    pool_full, pool_score, pool = grouped(3000, 40, 10_000)
    below, n_repeats = 0, 100
    for seed in range(n_repeats):
        full, score, queries = grouped(160, 40, 2 * seed)
        data = calibration(full, [score], queries=queries, n_select=40 * 40)
        plan = make_topk_plan(data, target(k=5, size=(40, 40), precision=0.9))
        assert plan.guarantee.kind == "certified"
        assert plan.guarantee.n_queries == 120
        precisions = []
        for rows in pool[:600]:
            best = rows[stable_order(pool_full[rows])[:5]]
            of, _ = plan.search.visit(pool_score[rows], 5, pool_full[rows].__getitem__)
            precisions.append(np.isin(best, rows[of]).mean())
        below += np.mean(precisions) < 0.9
    assert below / n_repeats <= 0.05 + 3 * np.sqrt(0.05 / n_repeats)


def test_too_few_told_queries_are_exact():
    full, score, queries = grouped(30, 40, 0)
    plan = make_topk_plan(
        calibration(full, [score], queries=queries, n_select=400), target(k=5, size=(40, 40))
    )
    assert plan.guarantee.kind == "exact"
    assert "queries are too few" in plan.guarantee.reason
