"""A bet on the mean of independent values: an exact test for every number of them."""

import numpy as np

BETS = np.append(np.linspace(0.05, 0.95, 19), 0.99)
"""Bets to choose from, as shares of the most that can be lost on a query without precision."""


def betting_p_value(values, mean: float, bet: float) -> float:
    """P-value of "the mean is at most `mean`" for independent values between 0 and 1.

    The inverse of the capital of a gambler who bets on larger values: the product of
    ``1 + bet * (value / mean - 1)`` (Waudby-Smith and Ramdas 2020, section 4). It holds for every
    number of values, if the bet was chosen without them.

    Parameters
    ----------
    values : ndarray of float64 of shape (n_values,)
    mean : float in (0, 1]
    bet : float in (0, 1)
    """
    return float(np.exp(-max(_log_growth(values, mean, bet).sum(), 0.0)))


def tolerant_bet(values, mean: float, n_values: int, error: float, least_loss: float) -> float:
    """The bet that allows the most losses among other values, as seen from these.

    A value without a loss lets the capital grow by one factor, those with one let it shrink, by
    others. Chosen is the bet under which the largest share of `n_values` others may have a loss
    while their p-value is `error`. One value is added to those with a loss, for where there are
    none or only small ones.

    Parameters
    ----------
    values : ndarray of float64 of shape (n,)
        Between 0 and 1. Not those that are then tested.
    mean : float in (0, 1)
    n_values : int
        Number of values to be tested.
    error : float
        Level of the test.
    least_loss : float
        The least loss that a value can have, besides none.

    Returns
    -------
    float
        One of `BETS`.
    """
    values = np.asarray(values)
    least = min(values.min(initial=1.0), 1 - least_loss, 2 * mean - 1)
    losing = np.append(values[values < 1], max(least, 0.0))
    growth = _log_growth(1.0, mean, BETS)
    shrinkage = _log_growth(losing, mean, BETS[:, None]).mean(axis=1)
    return float(BETS[np.argmax((growth + np.log(error) / n_values) / (growth - shrinkage))])


def _log_growth(values, mean, bet):
    """Growth of the logarithm of the capital at each value."""
    return np.log1p(bet * (np.asarray(values) / mean - 1))
