"""Candidate sets of blocks and importances, against exhaustive search."""

from itertools import chain, combinations

import numpy as np
import pytest
from hypothesis import given, strategies as st

from skwillump.planning._candidate_sets import (
    candidate_sets,
    knapsack_frontier,
    permutation_importance,
)

values = st.lists(st.tuples(st.integers(-2, 9), st.integers(1, 9)), min_size=1, max_size=8)


def subsets(n):
    return chain.from_iterable(combinations(range(n), size) for size in range(n + 1))


@given(values)
def test_the_frontier_holds_the_best_set_for_every_budget(blocks):
    importances = [importance for importance, _ in blocks]
    costs = [cost for _, cost in blocks]
    gain = [max(importance, 0) for importance in importances]
    frontier = [(), *knapsack_frontier(importances, costs)]
    for budget in range(sum(costs) + 1):
        best = max(
            sum(gain[i] for i in s)
            for s in subsets(len(blocks))
            if sum(costs[i] for i in s) <= budget
        )
        ours = max(sum(gain[i] for i in s) for s in frontier if sum(costs[i] for i in s) <= budget)
        assert ours == best


@given(values)
def test_no_set_of_the_frontier_is_dominated(blocks):
    importances, costs = zip(*blocks, strict=True)
    frontier = knapsack_frontier(importances, costs)
    totals = [(sum(costs[i] for i in s), sum(max(importances[i], 0) for i in s)) for s in frontier]
    assert totals == sorted(totals)
    assert len({gain for _, gain in totals}) == len(totals)


def of_names(names, importances, costs, **kwargs):
    by_name = dict(zip(names, costs, strict=True))
    return candidate_sets(names, importances, costs, lambda s: sum(by_name[n] for n in s), **kwargs)


def test_of_few_blocks_every_proper_subset_is_a_candidate():
    sets = of_names(["a", "b", "c"], [0, 0, 0], [1, 2, 4], full_cost=100)
    assert sets == [("a",), ("b",), ("a", "b"), ("c",), ("a", "c"), ("b", "c")]


def test_sets_that_can_save_little_are_left_out():
    assert of_names(["word", "char"], [0.1, 0.5], [1, 15], full_cost=17) == [("word",)]
    assert of_names(["a", "b"], [0.1, 0.5], [15, 15], full_cost=18) == []


def test_of_many_blocks_the_knapsacks_solutions_are_candidates():
    names = [f"t{i}" for i in range(9)]
    importances = [0.3, 0.0, 0.2, 0.1, 0.0, 0.0, 0.4, 0.0, 0.0]
    costs = [1.0, 1, 2, 3, 1, 1, 8, 1, 1]
    sets = of_names(names, importances, costs, full_cost=25)
    assert ("t0",) in sets
    assert ("t0", "t2") in sets
    assert ("t0", "t2", "t3") in sets
    assert all(set(s) <= {"t0", "t2", "t3", "t6"} for s in sets)
    assert len(sets) <= 8


def test_blocks_without_importance_do_not_leave_nothing_to_try():
    names = [f"t{i}" for i in range(6)]
    assert of_names(names, [0.0] * 6, [1.0] * 6, full_cost=10)


def test_importance_is_the_score_lost_when_a_block_is_shuffled():
    rng = np.random.RandomState(0)
    X = rng.normal(size=(2000, 3))
    y = X[:, 0] > 0

    def score(block, permutation):
        columns = {"a": 0, "b": 2}
        shuffled = X.copy()
        if block is not None:
            shuffled[:, columns[block]] = X[permutation, columns[block]]
        return np.mean((shuffled[:, 0] > 0) == y)

    importances = permutation_importance(score, ["a", "b"], 2000, rng)
    assert importances[0] == pytest.approx(0.5, abs=0.03)
    assert importances[1] == 0
