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
    Of the rows on which at least one model is right, harms less rescues are compared with their
    distribution at the edge of the hypothesis, where the chance of a harm is ``1 - target`` plus
    ``target`` times the chance of a rescue. That chance is not known; the p-value is the largest
    over a confidence interval for it, plus the interval's own error (Berger and Boos 1994, "P
    values maximized over a confidence set for the nuisance parameter").
"""

import numpy as np
from scipy.stats import beta, binom, norm

NUISANCE_SHARE = 0.05
"""Share of the test's level that the interval for the chance of a rescue may err."""


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


def trinomial_p_value(n_both_right, n_harms, n_rescues, target, level, *, n_points=5):
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
        Points of that interval at which the tail is computed. It grows with the chance, so that
        the largest is at the upper end; the others guard that.

    Returns
    -------
    float
    """
    n_rows = n_both_right + n_harms + n_rescues
    if n_rows == 0:
        return 1.0
    error = NUISANCE_SHARE * level
    low = beta.ppf(error / 2, n_rescues, n_rows - n_rescues + 1) if n_rescues else 0.0
    high = beta.ppf(1 - error / 2, n_rescues + 1, n_rows - n_rescues) if n_both_right else 1.0
    tails = [
        _difference_cdf(n_harms - n_rescues, n_rows, 1 - target + target * rescue, rescue)
        for rescue in np.linspace(low, high, n_points)
    ]
    return min(max(tails) + error, 1.0)


def expected_p_value(n_both_right, n_harms, n_rescues, target, level):
    """About the smaller of both tests' p-values with these counts, for predicting.

    The trinomial tail is taken for a normal one. Counts need not be whole.

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
    mean, spread, error = _normal_edge(n_both_right + n_harms, n_rescues, target, level)
    by_trinomial = norm.cdf((n_harms - n_rescues + 0.5 - mean) / spread) + error
    return np.minimum(by_binomial, by_trinomial)


def trinomial_allows_more(n_full_right, n_rescues, target, level):
    """Whether the trinomial test would allow more harms than the binomial one.

    Parameters
    ----------
    n_full_right, n_rescues : ndarray of float64
        Rows on which the full model is right, and the number of rescues to expect.
    target, level : float
        As for `trinomial_p_value`.

    Returns
    -------
    ndarray of bool
    """
    by_binomial = binom.ppf(level, np.round(n_full_right), 1 - target) - 1
    mean, spread, error = _normal_edge(n_full_right, n_rescues, target, level)
    by_trinomial = n_rescues + mean + norm.ppf(level - error) * spread - 0.5
    return by_trinomial > by_binomial


def _normal_edge(n_full_right, n_rescues, target, level):
    """Mean and spread of harms less rescues at the edge of the hypothesis, and the error taken.

    At the most unfavourable chance of a rescue that is not ruled out.
    """
    error = NUISANCE_SHARE * level
    n_rows = np.maximum(n_full_right + n_rescues, 1.0)
    rescue = np.minimum(beta.ppf(1 - error / 2, n_rescues + 1, n_rows - n_rescues + 1), 0.5)
    harm = 1 - target + target * rescue
    spread = np.sqrt(n_rows * (harm + rescue - (harm - rescue) ** 2))
    return n_rows * (harm - rescue), spread, error


def _difference_cdf(difference, n_rows, harm, rescue):
    """Probability that harms less rescues are at most `difference`.

    The number of harms and rescues together is binomial, and given it so is that of harms.
    """
    either = harm + rescue
    if either >= 1:
        return 1.0
    mean, spread = n_rows * either, np.sqrt(n_rows * either * (1 - either))
    low = max(int(mean - 10 * spread) - 10, -difference, 0)
    high = min(int(mean + 10 * spread) + 30, n_rows)
    if low > high:
        return 0.0
    together = np.arange(low, high + 1)
    harms_at_most = np.floor_divide(difference + together, 2)
    given = binom.cdf(harms_at_most, together, harm / either)
    return float(np.sum(binom.pmf(together, n_rows, either) * given))
