"""P-values: valid at the edge of the hypothesis, for every mixture of harms and rescues."""

import numpy as np
import pytest
from scipy.stats import binom, multinomial

from skwillump.planning._p_values import (
    _tail,
    binomial_p_value,
    expected_p_value,
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
            trinomial_p_value(*counts, target, level)
            for counts in zip(both, harms, rescues, strict=True)
        ]
        assert np.mean(np.array(by_trinomial) <= level) <= level + error


def test_the_binomial_test_by_hand():
    assert binomial_p_value(100, 0, 0.97) == pytest.approx(0.97**100)
    assert binomial_p_value(98, 2, 0.97) == pytest.approx(binom.cdf(2, 100, 0.03))


@pytest.mark.parametrize("statistic", [0.1, 0.8, 2.0])
@pytest.mark.parametrize("target", [0.6, 0.9])
def test_the_distribution_of_the_statistic_by_enumeration(statistic, target):
    n_rows, chances = 14, np.array([0.0, 0.05, 0.3])
    expected = []
    for rescue in chances:
        harm = 1 - target + target * rescue
        tail = 0.0
        for r in range(n_rows + 1):
            for h in range(n_rows + 1 - r):
                edge = n_rows * (1 - target) + target * r
                variance = target * (n_rows * (1 - target) + (1 + target) * r)
                if (edge - h) / np.sqrt(variance) >= statistic:
                    counts = [h, r, n_rows - h - r]
                    tail += multinomial.pmf(counts, n_rows, [harm, rescue, 1 - harm - rescue])
        expected.append(tail)
    assert _tail(statistic, n_rows, chances, target) == pytest.approx(expected, abs=1e-7)


@pytest.mark.parametrize("target", [0.5, 0.9, 0.97])
@pytest.mark.parametrize("n_rows", [4, 20, 40])
def test_the_trinomial_test_errs_no_more_often_than_its_level_by_enumeration(target, n_rows):
    harms, rescues = np.divmod(np.arange((n_rows + 1) ** 2), n_rows + 1)
    possible = harms + rescues <= n_rows
    counts = np.column_stack([harms, rescues, n_rows - harms - rescues])[possible]
    for level in (0.025, 0.2):
        p_values = [trinomial_p_value(b, h, r, target, level) for h, r, b in counts.tolist()]
        rejected = counts[np.array(p_values) <= level]
        for rescue in np.linspace(0, 0.999 * target / (1 + target), 25):
            harm = 1 - target + target * rescue
            chances = [harm, rescue, 1 - harm - rescue]
            assert multinomial.pmf(rejected, n_rows, chances).sum() <= level


@pytest.mark.parametrize(("n_rows", "target", "rescue"), [(3000, 0.99, 0.01), (800, 0.95, 0.05)])
def test_the_trinomial_test_uses_its_level(n_rows, target, rescue):
    # With all counts whole, a test cannot err at just its level, but it should come near.
    harm = 1 - target + target * rescue
    both, harms, rescues = (
        np.random.default_rng(0)
        .multinomial(n_rows, [1 - harm - rescue, harm, rescue], size=3000)
        .T.tolist()
    )
    rejected = [
        trinomial_p_value(*counts, target, 0.2) <= 0.2
        for counts in zip(both, harms, rescues, strict=True)
    ]
    assert 0.16 <= np.mean(rejected) <= 0.2 + 4 * np.sqrt(0.2 * 0.8 / 3000)


@pytest.mark.parametrize(
    "counts", [(900, 5, 5), (5000, 20, 40), (19_000, 150, 50), (300, 0, 0), (216, 2, 1), (36, 0, 1)]
)
@pytest.mark.parametrize("target", [0.96, 0.98, 0.995])
def test_no_chance_of_a_rescue_in_the_interval_gives_a_much_larger_p_value(counts, target):
    few = trinomial_p_value(*counts, target, 0.05)
    many = trinomial_p_value(*counts, target, 0.05, n_points=500)
    assert few == pytest.approx(many, rel=0.01)


def test_rescues_make_up_for_harms_in_the_trinomial_test():
    more = trinomial_p_value(5000, 60, 40, 0.99, 0.05)
    fewer = trinomial_p_value(5000, 60, 10, 0.99, 0.05)
    assert more < 0.05 < fewer


@pytest.mark.parametrize("target", [0.98, 0.99, 0.999])
@pytest.mark.parametrize("share", [0.001, 0.005, 0.02])
def test_the_trinomial_test_allows_no_fewer_harms_where_rescues_are_to_be_expected(target, share):
    n_rows, level = 5000, 0.05
    rescues = round(share * n_rows)

    def most_harms(p_value):
        passed = [h for h in range(200) if p_value(n_rows - rescues - h, h) <= level]
        return max(passed, default=-1)

    by_binomial = most_harms(lambda both, h: binomial_p_value(both, h, target))
    by_trinomial = most_harms(lambda both, h: trinomial_p_value(both, h, rescues, target, level))
    assert by_trinomial > by_binomial


def test_the_whole_chance_is_rescues():
    assert trinomial_p_value(0, 0, 50, 0.9, 0.05) <= 0.05
    assert trinomial_p_value(0, 50, 0, 0.9, 0.05) == 1.0


@pytest.mark.parametrize("counts", [(5000, 30, 10), (5000, 45, 30), (19_000, 150, 50), (900, 0, 0)])
def test_what_is_expected_is_about_what_comes_out(counts):
    expected = expected_p_value(*(np.array([float(n)]) for n in counts), 0.99, 0.05)[0]
    if counts[-1]:
        exact = trinomial_p_value(*counts, 0.99, 0.05)
    else:
        exact = binomial_p_value(*counts[:2], 0.99)
    assert (expected <= 0.05) == (exact <= 0.05)
    assert expected == pytest.approx(exact, abs=0.03)


def test_nothing_is_shown_by_no_rows():
    assert trinomial_p_value(0, 0, 0, 0.9, 0.05) == 1.0
    assert binomial_p_value(0, 0, 0.9) == 1.0
