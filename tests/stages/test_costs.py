"""Records of costs: what measurement alone can have made of them is taken out."""

import numpy as np
import pytest

from skwillump.planning import StageSeconds
from skwillump.stages._costs import PathCosts


def path_costs(*pairs, full=10.0):
    return PathCosts(full=full, stages=tuple(StageSeconds(start=a, rest=b) for a, b in pairs))


def starts(costs):
    return [stage.start for stage in costs.stages]


def test_a_part_is_never_dearer_than_the_whole_that_holds_it():
    # The first does a part of what the second does, and both do parts of the third.
    found = path_costs((3.0, 9.0), (2.0, 9.0), (6.0, 9.0)).consistent([[], [0], [0, 1]])
    assert starts(found) == [2.5, 2.5, 6.0]


def test_costs_in_order_are_left_as_they_are():
    costs = path_costs((1.0, 9.5), (2.0, 9.0), (6.0, 9.0))
    assert costs.consistent([[], [0], [0, 1]]) == costs


def test_stages_that_are_not_parts_of_one_another_are_left_as_they_are():
    costs = path_costs((3.0, 9.0), (2.0, 9.0))
    assert costs.consistent([[], []]) == costs


@pytest.mark.parametrize("seed", range(20))
def test_costs_never_fall_along_sets(seed):
    rng = np.random.default_rng(seed)
    sets = [frozenset(rng.choice(5, rng.integers(1, 5), replace=False)) for _ in range(8)]
    below = [[i for i, other in enumerate(sets) if other < own] for own in sets]
    costs = path_costs(*((len(own) * np.exp(rng.normal(0, 0.3)), 9.0) for own in sets))
    found = starts(costs.consistent(below))
    for own, under in enumerate(below):
        assert all(found[i] <= found[own] for i in under)


def test_two_goes_never_cost_less_than_one():
    (stage,) = path_costs((3.0, 2.0)).consistent([[]]).stages
    assert stage == StageSeconds(start=3.0, rest=7.0)
    assert stage.expected(0.0) == 3.0
    assert stage.expected(1.0) == 10.0
