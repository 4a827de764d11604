"""P-values for "the cascade keeps too little of the full model's accuracy".

With the full model right with probability *f* and the cascade with probability *c*, the hypothesis
to reject is ``c <= target * f``. A row is *both right*, a *harm* (only the full model is right), a
*rescue* (only the cascade is right) or neither, and only the counts of these matter. Two tests,
both valid for every sample size:

binomial
    Under the hypothesis the chance of a harm, given that the full model is right, is at least
    ``1 - target`` (rescues can only raise what harms must make up for), so the number of harms is
    stochastically at least binomial. Nothing is sharper where rescues are rare.
trinomial
    Of the rows on which at least one model is right, harms less ``target`` times rescues are
    compared with their number at the edge of the hypothesis, where the chance of a harm is
    ``1 - target`` plus ``target`` times the chance of a rescue. The statistic is that difference
    over its standard error at the edge, which makes it vary little with the chance of a rescue.
    Its distribution is summed exactly, whatever the number of rows. That chance is not known; the
    p-value is the largest over a confidence interval for it, plus the interval's own error (Berger
    and Boos 1994, "P values maximized over a confidence set for the nuisance parameter").

With rescues the trinomial test allows more harms; without, it asks for under 1 % more rows. So it
is the test wherever there may be rescues.

Most steps of a threshold path pass by far, and an exact p-value sums a distribution: a bound of it
is quick. With *n* rows on which at least one model is right, harms *H* and rescues *R*, the
statistic of the trinomial test is at least *s* where

    D = n (1 - target) + target R - H >= s sqrt(V(R)),

and V grows with R. Let R be at least *r*, which by Chernoff's bound it is not with a chance of at
most `delta`. D is a sum of n independent terms of mean 0 at the edge of the hypothesis, so that

    P(D >= x) <= M(t)**n exp(-t x),  x = s sqrt(V(r)),

for every t > 0, where M is the moment generating function of a term. Both chances together bound
the tail at each chance of a rescue, and their largest over the points of the test its p-value.
"""

import numpy as np
from scipy.special import betaincinv, gammaln, xlog1py, xlogy
from scipy.stats import binom, gamma, norm

NUISANCE_SHARE = 0.02
"""Share of the test's level that the interval for the chance of a rescue may err."""

NEGLIGIBLE = 1e-9
"""Chance of numbers of rescues that are left out of a sum, on each side and of those between; it is
added to it."""

FEWER_SHARE = 0.05
"""Share of the level that is given to fewer rescues than the bound reckons with."""

ROUNDING = 1e-6
"""By which a difference of harms and rescues is taken to be smaller, for rounding."""

N_POINTS = 24
"""Points of the interval for the chance of a rescue at which the tail is computed."""

LEAST_RESCUES = 0.5
"""With fewer rescues than these the trinomial tail is far from a normal one."""

ROOM = 1.1
"""Rows for each on which at least one model is right, and for the interval's error."""


def binomial_p_value(n_both_right, n_harms, target):
    """P-value of the test on harms alone.

    Parameters
    ----------
    n_both_right, n_harms : int or ndarray of int
        Rows on which both models are right, and on which only the full model is.
    target : float in (0, 1]
        Share of the full model's accuracy that the cascade must keep.

    Returns
    -------
    float or ndarray of float64
    """
    return binom.cdf(n_harms, np.add(n_both_right, n_harms), 1.0 - target)


def trinomial_p_value(n_both_right, n_harms, n_rescues, target, level, *, n_points=N_POINTS):
    """P-value of the test on harms less rescues.

    Parameters
    ----------
    n_both_right, n_harms, n_rescues : int
        Counts of rows.
    target : float in (0, 1]
        Share of the full model's accuracy that the cascade must keep.
    level : float in (0, 1)
        Level at which the p-value will be used; `NUISANCE_SHARE` of it goes to the interval for
        the chance of a rescue.
    n_points : int
        Points of that interval at which the tail is computed; their square roots are evenly
        spaced, as the standard error of a small share is proportional to its root.

    Returns
    -------
    float
    """
    n_rows = n_both_right + n_harms + n_rescues
    if n_rows == 0:
        return 1.0
    statistic = studentized(n_harms, n_rescues, n_rows, target)
    if statistic <= 0:
        return 1.0  # the cascade keeps less than the target on these very rows
    chances = nuisance_chances(n_rescues, n_rows, target, level, n_points=n_points)
    tails = _tail(statistic, n_rows, chances, target)
    return min(float(tails.max()) + nuisance_error(level), 1.0)


def nuisance_error(level):
    """Chance that a rescue's lies outside of its interval."""
    return NUISANCE_SHARE * level


def nuisance_chances(n_rescues, n_rows, target, level, *, n_points=N_POINTS):
    """Points of the interval for the chance of a rescue; their square roots are evenly spaced.

    Returns
    -------
    ndarray of float64 of shape (..., n_points)
        Sorted.
    """
    n_rescues, n_rows = np.asarray(n_rescues), np.asarray(n_rows)
    error = nuisance_error(level)
    none, all_rows = n_rescues == 0, n_rescues == n_rows
    # Of a beta distribution where its parameters are positive; replaced below where they are not.
    low = betaincinv(n_rescues + none, n_rows - n_rescues + 1, error / 2)
    high = betaincinv(n_rescues + 1, n_rows - n_rescues + all_rows, 1 - error / 2)
    low, high = np.where(none, 0.0, low), np.where(all_rows, 1.0, high)
    # With a larger chance than this the chances of harm and rescue would add up to more than one.
    low, high = np.minimum([low, high], target / (1 + target))
    return np.linspace(np.sqrt(low), np.sqrt(high), n_points, axis=-1) ** 2


def expected_p_value(n_both_right, n_harms, n_rescues, target, level):
    """About the p-value of the trinomial test, for predicting.

    Its tail is taken for a normal one, or with hardly any rescue for a binomial one. Counts need
    not be whole.

    Parameters
    ----------
    n_both_right, n_harms, n_rescues : ndarray of float64
        Expected counts of rows.
    target, level : float
        As for `trinomial_p_value`.

    Returns
    -------
    ndarray of float64
    """
    by_binomial = binomial_p_value(np.round(n_both_right), np.ceil(n_harms), target)
    n_rows = np.maximum(n_both_right + n_harms + n_rescues, 1.0)
    # Half a harm more: whole numbers have a tail of steps.
    statistic = studentized(n_harms + 0.5, n_rescues, n_rows, target)
    by_trinomial = norm.sf(statistic) + NUISANCE_SHARE * level
    return np.where(n_rescues < LEAST_RESCUES, by_binomial, by_trinomial)


def rows_to_certify(target: float, level: float) -> int:
    """About how many rows certify a target with one harm and no rescue.

    Harms are taken for a Poisson number, and the full model to be right on nine rows of ten.
    """
    if target >= 1:
        return 0  # no number of rows does
    return int(np.ceil(ROOM * gamma.isf(level, 2) / (1 - target)))


def studentized(n_harms, n_rescues, n_rows, target):
    """How many standard errors fewer harms there are than at the edge of the hypothesis."""
    expected, variance = edge(n_rescues, n_rows, target)
    # With a target of one and no rescue there is no variance.
    return (expected - n_harms) / np.sqrt(np.maximum(variance, np.finfo(float).tiny))


def edge(n_rescues, n_rows, target):
    """Harms at the edge beside that many rescues, and variance of harms less expected ones."""
    expected = n_rows * (1 - target) + target * n_rescues
    return expected, target * (n_rows * (1 - target) + (1 + target) * n_rescues)


def _tail(statistic, n_rows, chances, target):
    """Probability that the statistic is at least `statistic`, for each chance of a rescue.

    The number of rescues is binomial, and given it so is that of harms.

    Parameters
    ----------
    statistic : float
    n_rows : int
        Rows on which at least one model is right.
    chances : ndarray of float64 of shape (n_points,)
        Of a rescue on such a row, sorted.
    target : float

    Returns
    -------
    ndarray of float64 of shape (n_points,)
    """
    first, last = binom.ppf([NEGLIGIBLE, 1 - NEGLIGIBLE], n_rows, chances[[0, -1]])
    rescues = np.arange(max(first, 0), last + 1)
    expected, variance = edge(rescues, n_rows, target)
    # Most harms with which the statistic is as large; rounding must not lose the ones observed.
    most = np.floor(expected - statistic * np.sqrt(variance) + 1e-9)
    rescue = chances[:, None]
    harm = np.minimum((1 - target + target * rescue) / (1 - rescue), 1.0)  # at the edge
    chance = _binomial_chances(rescues, n_rows, rescue)
    # Numbers of rescues that are common with one chance of a rescue are rare with another: those
    # that count for nothing there together are left out too.
    point, number = np.nonzero(chance > NEGLIGIBLE / len(rescues))
    others = (n_rows - rescues)[number]
    given = binom.cdf(np.minimum(most[number], others), others, harm[point, 0])
    return np.bincount(point, chance[point, number] * given, len(chances)) + 3 * NEGLIGIBLE


def _binomial_chances(number, n_rows, chance):
    """Chance of each number, of a binomial distribution; `scipy.stats` takes six times as long."""
    ways = gammaln(n_rows + 1) - gammaln(number + 1) - gammaln(n_rows - number + 1)
    return np.exp(ways + xlogy(number, chance) + xlog1py(n_rows - number, -chance))


def trinomial_p_value_bound(n_both_right, n_harms, n_rescues, target, level):
    """Upper bounds of `trinomial_p_value`.

    Parameters
    ----------
    n_both_right, n_harms, n_rescues : ndarray of int of shape (n_steps,)
        Counts of rows.
    target, level : float
        As for `trinomial_p_value`.

    Returns
    -------
    ndarray of float64 of shape (n_steps,)
        1 where nothing is shown.
    """
    n_rows = n_both_right + n_harms + n_rescues
    bounds = np.ones(len(n_rows))
    statistic = studentized(n_harms, n_rescues, np.maximum(n_rows, 1), target)
    some = (n_rows > 0) & (statistic > 0)
    if not some.any() or target >= 1:
        return bounds
    n, s = n_rows[some, None], statistic[some, None]
    rescue = nuisance_chances(n_rescues[some], n_rows[some], target, level)
    delta = FEWER_SHARE * level
    mean = n * rescue
    least = np.maximum(mean - np.sqrt(2 * mean * np.log(1 / delta)), 0.0)
    x = np.maximum(s * np.sqrt(edge(least, n, target)[1]) - ROUNDING, 0.0)
    t = x / edge(mean, n, target)[1]
    harm = 1 - target + target * rescue
    neither = np.maximum(1 - harm - rescue, 0.0)
    moment = harm * np.exp(-target * t) + rescue * np.exp(t) + neither * np.exp((1 - target) * t)
    tails = np.exp(np.minimum(n * np.log(moment) - t * x, 0.0))
    bounds[some] = tails.max(axis=1) + delta + 3 * NEGLIGIBLE + nuisance_error(level)
    return np.minimum(bounds, 1.0)
