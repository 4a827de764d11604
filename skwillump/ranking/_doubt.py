"""Rows whose places rounding could change: the original estimator decides them.

Compiled scores differ from the original's in the order of summation, and so in the last bits.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

DOUBT = 1e-10
"""Scores closer than this share of the largest could be in another order after rounding."""

Settled = Callable[[np.ndarray, float], np.ndarray]
"""Of numbers and how far rounding may move them: whether each one's score stays the same."""


def largest_of(raw) -> float:
    """The largest number that is finite, by its size."""
    return float(np.abs(raw[np.isfinite(raw)]).max(initial=0.0))


def runs_in_doubt(scores, raw, settled, largest=None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Runs of rows whose places rounding could change among themselves.

    The numbers that scores follow from are known up to rounding. Rows are close if theirs are next
    to one another, or differ while the scores are the same but for their last bits. Where they
    are equal, so are the features, and the tie is one in any order of summation; so it is where
    both scores stay the same whatever rounding does, such as probabilities of one.

    Parameters
    ----------
    scores, raw : ndarray of float64 of shape (n_rows,)
    settled : Settled
    largest : float, default=None
        That of all rows' numbers, where only some rows are given.

    Returns
    -------
    order : ndarray of intp of shape (n_rows,)
        Positions of the rows, best first.
    runs : ndarray of intp of shape (n_rows,)
        The run of each row of `order`, ascending from 0.
    in_doubt : ndarray of intp
        Runs that hold rows that are close and not equal.
    """
    order = np.lexsort((-raw, -scores))
    ordered, ordered_raw = scores[order], raw[order]
    reach = DOUBT * (largest_of(raw) if largest is None else largest)
    with np.errstate(invalid="ignore"):
        last_bits = np.abs(ordered[:-1] - ordered[1:]) <= 4 * np.spacing(np.abs(ordered[:-1]))
        close = (np.abs(ordered_raw[:-1] - ordered_raw[1:]) <= reach) | last_bits
    runs = np.concatenate([[0], np.cumsum(~close)])
    near = close & (ordered_raw[:-1] != ordered_raw[1:])
    if near.any():
        stays = settled(ordered_raw, reach)
        near &= ~(stays[:-1] & stays[1:])
    return order, runs, np.unique(runs[:-1][near])


def doubtful_rows(scores, raw, k, settled, largest=None) -> np.ndarray:
    """Positions of rows whose place among the first `k` rounding could change."""
    if len(scores) < 2:
        return np.zeros(0, dtype=np.intp)
    order, runs, in_doubt = runs_in_doubt(scores, raw, settled, largest)
    return np.sort(order[np.isin(runs, np.intersect1d(in_doubt, runs[:k]))])
