"""Bounds of p-values that are quick to compute, for steps that pass by far.

Most steps of a threshold path pass by far, and an exact p-value sums a distribution. With *n* rows
on which at least one model is right, harms *H* and rescues *R*, the statistic of the trinomial test
is at least *s* where

    D = n (1 - target) + target R - H >= s sqrt(V(R)),

and V grows with R. Let R be at least *r*, which by Chernoff's bound it is not with a chance of at
most `delta`. D is a sum of n independent terms of mean 0 at the edge of the hypothesis, so that

    P(D >= x) <= M(t)**n exp(-t x),  x = s sqrt(V(r)),

for every t > 0, where M is the moment generating function of a term. Both chances together bound
the tail at each chance of a rescue, and their largest over the points of the test its p-value.
"""

import numpy as np

from ._p_values import NEGLIGIBLE, edge, nuisance_chances, nuisance_error, studentized

FEWER_SHARE = 0.05
"""Share of the level that is given to fewer rescues than the bound reckons with."""

ROUNDING = 1e-6
"""By which a difference of harms and rescues is taken to be smaller, for rounding."""


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
    bounds[some] = tails.max(axis=1) + delta + 2 * NEGLIGIBLE + nuisance_error(level)
    return np.minimum(bounds, 1.0)
