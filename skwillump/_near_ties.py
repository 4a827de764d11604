"""Rows whose answer rounding could change: what decides it nearly ties."""

from collections.abc import Sequence

import numpy as np

DOUBT = 1e-9
"""What is closer than this share of its size could be in another order after rounding."""

NO_ROWS = np.empty(0, dtype=np.intp)
"""The positions of no rows."""


def any_of(positions: Sequence[np.ndarray]) -> np.ndarray:
    """Return the positions that are among some."""
    return np.unique(np.concatenate(positions)) if positions else NO_ROWS


def lead(values: np.ndarray) -> np.ndarray:
    """By how much the largest value of each row is above the second, (n_rows,)."""
    if values.shape[1] < 2:
        return np.full(len(values), np.inf)
    largest = np.partition(values, -2, axis=1)[:, -2:]
    return largest[:, 1] - largest[:, 0]


def not_above(margins: np.ndarray, least: float | np.ndarray = DOUBT) -> np.ndarray:
    """Return the positions of margins that are not above the least: NaN is in doubt too."""
    return np.flatnonzero(~(margins > least))


def near_ties(values: np.ndarray, sizes: float | np.ndarray = 1.0) -> np.ndarray:
    """Return the positions of rows whose two largest values are as good as equal.

    Parameters
    ----------
    values : ndarray of shape (n_rows, n_values)
    sizes : float or ndarray of shape (n_rows,)
        To which rounding errors are relative.
    """
    return not_above(lead(values), DOUBT * sizes)
