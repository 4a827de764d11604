"""What a random sample of the rows that were not visited shows."""

import numpy as np
import pytest
from scipy.stats import hypergeom

from skwillump.planning import is_alarm, most_missing, sample_size
from skwillump.planning._seen_rows import chance_of_at_most


@pytest.mark.parametrize(("n_rest", "n_missed", "n_sampled"), [(50, 7, 20), (30, 30, 4), (9, 0, 9)])
def test_chances_are_those_of_the_hypergeometric_distribution(n_rest, n_missed, n_sampled):
    for n_found in range(n_missed + 1):
        expected = hypergeom.cdf(n_found, n_rest, n_missed, n_sampled)
        assert chance_of_at_most(n_found, n_rest, n_missed, n_sampled) == pytest.approx(expected)


def test_more_found_rows_never_show_more():
    """So that the bound holds where some found rows are not among the best after all."""
    bounds = [most_missing(1000, 60, found, 0.05) for found in range(40)]
    assert (np.diff(bounds) >= 0).all()


@pytest.mark.parametrize("n_missed", [1, 10, 51, 200])
def test_the_bound_is_below_the_truth_rarely_whatever_the_truth(n_missed):
    n_rest, n_sampled, error = 2000, 120, 0.05
    counts = np.arange(n_missed + 1)
    chances = hypergeom.pmf(counts, n_rest, n_missed, n_sampled)
    bounds = np.array([most_missing(n_rest, n_sampled, int(x), error) for x in counts])
    assert chances[bounds < n_missed - counts].sum() <= error


def test_without_a_find_a_share_leaves_the_doubt_of_its_power():
    n_rest, allowed = 100_000, 50
    share = 1 - 0.05 ** (1 / (allowed + 1))
    assert share == pytest.approx(0.057, abs=5e-4)
    n_sampled = int(share * n_rest)
    assert most_missing(n_rest, n_sampled, 0, 0.05) == pytest.approx(allowed, abs=1)


def test_a_sample_of_the_size_that_is_said_is_mostly_enough():
    n_rest, allowed, expected, error = 50_000, 50, 20, 0.04
    n_sampled = sample_size(n_rest, allowed, expected, error)
    rng = np.random.default_rng(0)
    found = rng.hypergeometric(expected, n_rest - expected, n_sampled, size=200)
    bounds = [most_missing(n_rest, n_sampled, int(x), error) for x in found]
    assert np.mean(np.array(bounds) <= allowed) >= 0.85
    assert n_sampled < 0.25 * n_rest
    assert sample_size(n_rest, 0, 0.0, error) > 0.9 * n_rest
    assert sample_size(40, 50, 0.0, error) == 40


def test_an_alarm_is_rare_where_no_more_is_missed_than_is_allowed():
    n_rest, n_sampled, allowed = 5000, 250, 5
    found = np.arange(6)
    chances = hypergeom.pmf(found, n_rest, allowed, n_sampled)
    alarms = np.array([is_alarm(n_rest, n_sampled, int(x), allowed) for x in found])
    assert chances[alarms].sum() <= 0.01
    assert is_alarm(n_rest, n_sampled, 4, allowed)
    assert not is_alarm(n_rest, n_sampled, 0, 0)
