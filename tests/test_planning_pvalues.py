"""P-values: valid at the edge of the hypothesis, for every mixture of harms and rescues."""

import numpy as np
import pytest
from scipy.stats import binom, multinomial

from skwillump.planning._pvalues import (
    _difference_cdf,
    binomial_p_value,
    expected_p_value,
    trinomial_allows_more,
    trinomial_p_value,
)


def edge_of_the_hypothesis(target, rescue, neither):
    """Chances of both right, harm, rescue and neither with cascade = target * full exactly."""
    # both + rescue = target * (both + harm) and the four add up to one.
    right = 1 - neither - rescue  # both + harm
    harm = right * (1 - target) + rescue
    return np.array([right - harm, harm, rescue, neither])


EDGES = [
    (target, rescue, neither)
    for target in (0.9, 0.99, 0.999)
    for rescue in (0.0, 0.0005, 0.01)
    for neither in (0.0, 0.2)
]


@pytest.mark.parametrize(("target", "rescue", "neither"), EDGES)
def test_the_edge_is_the_edge(target, rescue, neither):
    both, harm, rescue, neither = edge_of_the_hypothesis(target, rescue, neither)
    assert both + rescue == pytest.approx(target * (both + harm))
    assert both + harm + rescue + neither == pytest.approx(1)


@pytest.mark.parametrize(("target", "rescue", "neither"), EDGES)
@pytest.mark.parametrize("n_rows", [50, 4000])
def test_p_values_at_the_edge_are_small_no_more_often_than_they_say(
    target, rescue, neither, n_rows
):
    chances = edge_of_the_hypothesis(target, rescue, neither)
    both, harms, rescues, _ = np.random.default_rng(0).multinomial(n_rows, chances, size=400).T
    for level in (0.05, 0.2):
        error = 4 * np.sqrt(level * (1 - level) / 400)
        assert np.mean(binomial_p_value(both, harms, target) <= level) <= level + error
        by_trinomial = [
            trinomial_p_value(*counts, target, level, n_points=2)
            for counts in zip(both, harms, rescues, strict=True)
        ]
        assert np.mean(np.array(by_trinomial) <= level) <= level + error


def test_the_binomial_test_by_hand():
    assert binomial_p_value(100, 0, 0.97) == pytest.approx(0.97**100)
    assert binomial_p_value(98, 2, 0.97) == pytest.approx(binom.cdf(2, 100, 0.03))


@pytest.mark.parametrize("difference", [-3, 0, 1, 4])
@pytest.mark.parametrize(("harm", "rescue"), [(0.1, 0.05), (0.3, 0.0), (0.02, 0.3)])
def test_the_distribution_of_harms_less_rescues_by_enumeration(difference, harm, rescue):
    n_rows = 14
    expected = sum(
        multinomial.pmf([h, r, n_rows - h - r], n_rows, [harm, rescue, 1 - harm - rescue])
        for h in range(n_rows + 1)
        for r in range(n_rows + 1 - h)
        if h - r <= difference
    )
    assert _difference_cdf(difference, n_rows, harm, rescue) == pytest.approx(expected)


@pytest.mark.parametrize("counts", [(900, 5, 5), (5000, 20, 40), (19_000, 150, 50), (300, 0, 0)])
@pytest.mark.parametrize("target", [0.98, 0.995])
def test_no_chance_of_a_rescue_in_the_interval_gives_a_larger_p_value(counts, target):
    few = trinomial_p_value(*counts, target, 0.05)
    many = trinomial_p_value(*counts, target, 0.05, n_points=60)
    assert few == pytest.approx(many, rel=1e-9)


def test_rescues_make_up_for_harms_in_the_trinomial_test():
    more = trinomial_p_value(5000, 60, 40, 0.99, 0.05)
    fewer = trinomial_p_value(5000, 60, 20, 0.99, 0.05)
    assert more < 0.05 < fewer


def test_harms_that_nothing_makes_up_for_are_tested_more_sharply_by_the_binomial_test():
    assert binomial_p_value(400, 0, 0.99) <= 0.05 < trinomial_p_value(400, 0, 0, 0.99, 0.05)


def test_the_test_is_chosen_by_the_rescues_to_expect():
    allows_more = trinomial_allows_more(
        np.array([5000.0] * 3), np.array([0.0, 3.0, 60.0]), 0.99, 0.05
    )
    assert allows_more.tolist() == [False, False, True]


@pytest.mark.parametrize("counts", [(5000, 30, 10), (5000, 45, 30), (19_000, 150, 50), (900, 0, 0)])
def test_what_is_expected_is_about_what_comes_out(counts):
    expected = expected_p_value(*(np.array([float(n)]) for n in counts), 0.99, 0.05)[0]
    exact = min(binomial_p_value(*counts[:2], 0.99), trinomial_p_value(*counts, 0.99, 0.05))
    assert (expected <= 0.05) == (exact <= 0.05)
    assert expected == pytest.approx(exact, abs=0.03)


def test_nothing_is_shown_by_no_rows():
    assert trinomial_p_value(0, 0, 0, 0.9, 0.05) == 1.0
    assert binomial_p_value(0, 0, 0.9) == 1.0
