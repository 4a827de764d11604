"""A logistic regression on a few columns, by Newton's method.

`fit` makes some dozens of them, of five columns or so. `LogisticRegression` finds the same minimum;
most of its time for so few columns goes into checks, and it stops further from the minimum.
"""

import numpy as np
from scipy.special import expit

MOST_STEPS = 100
LEAST_GAIN = 1e-8
"""A step that promises to lower the loss by less is not taken."""


def ridge_logistic(design, n_true, n_rows, start=None) -> np.ndarray:
    """Minimise the sum of logistic losses, plus half the sum of squared coefficients.

    Parameters
    ----------
    design : ndarray of float64 of shape (n_groups, n_columns)
        Of rows that are alike.
    n_true, n_rows : ndarray of int of shape (n_groups,)
        How many of the rows of each group have the outcome, and how many there are; of all groups
        together, some have it and some do not.
    start : ndarray of float64 of shape (1 + n_columns,), optional
        Where to begin, such as at the minimum for other rows.

    Returns
    -------
    ndarray of float64 of shape (1 + n_columns,)
        The intercept, which is not penalised, and the coefficients.
    """
    columns = np.asfortranarray(np.column_stack([np.ones(len(design)), design]))
    penalty = np.ones(columns.shape[1])
    penalty[0] = 0.0

    def loss(weights):
        odds = columns @ weights
        losses = n_rows @ np.logaddexp(0.0, odds) - n_true @ odds
        return losses + 0.5 * penalty @ weights**2, odds

    weights = np.zeros(columns.shape[1]) if start is None else start
    value, odds = loss(weights)
    for _ in range(MOST_STEPS):
        p = expit(odds)
        gradient = columns.T @ (n_rows * p - n_true) + penalty * weights
        curvature = columns.T @ (columns * (n_rows * p * (1.0 - p))[:, None])
        curvature[np.diag_indices_from(curvature)] += penalty
        step = np.linalg.lstsq(curvature, gradient, rcond=None)[0]
        gain = 0.5 * gradient @ step
        # Far from the minimum a whole step may overshoot.
        while gain > LEAST_GAIN:
            lowered, odds = loss(weights - step)
            if lowered < value:
                break
            step, gain = step / 2, gain / 2
        if gain <= LEAST_GAIN:
            break
        weights, value = weights - step, lowered
    return weights
