"""Rows whose places rounding could change: the original estimator decides them.

Compiled scores differ from the original's in the order of summation, and so in the last bits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

DOUBT = 1e-10
"""Scores closer than this share of the largest could be in another order after rounding."""

Settled = Callable[[np.ndarray, float], np.ndarray]
"""Of numbers and how far rounding may move them: whether each one's score stays the same."""


def largest_of(raw) -> float:
    """The largest number that is finite, by its size."""
    if not len(raw):
        return 0.0
    largest = max(float(raw.max()), -float(raw.min()))
    if np.isfinite(largest):
        return max(largest, 0.0)
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
    close, near = _close_pairs(ordered, ordered_raw, reach)
    runs = np.concatenate([[0], np.cumsum(~close)])
    if near.any():
        stays = settled(ordered_raw, reach)
        near &= ~(stays[:-1] & stays[1:])
    return order, runs, np.unique(runs[:-1][near])


def sure_order(scores, raw, k, settled) -> np.ndarray | None:
    """Positions of the `k` best rows, as a stable sort gives them; None if rounding could matter.

    Most queries hold no rows that are close among the best ones: of these only a few are sorted.
    None is no proof that rounding matters: `doubtful_rows` looks closer.
    """
    rows = next(_best_rows(scores, k))
    if isinstance(rows, slice):
        return None
    order = rows[np.argsort(-scores[rows], kind="stable")]
    ordered_raw, reach = raw[order], DOUBT * largest_of(raw)
    close, near = _close_pairs(scores[order], ordered_raw, reach)
    # The run of the k-th row ends at the first pair from there on that is not close.
    end = k - 1 + int(close[k - 1 :].argmin())
    if close[end]:
        return None
    if near[:end].any():
        stays = settled(ordered_raw[: end + 1], reach)
        if not (stays[:-1] & stays[1:])[near[:end]].all():
            return None
    return order[:k]


def _close_pairs(scores, raw, reach: float) -> tuple[np.ndarray, np.ndarray]:
    """Whether neighbours in order are close, and whether they are close and not equal."""
    with np.errstate(invalid="ignore"):
        last_bits = np.abs(scores[:-1] - scores[1:]) <= 4 * np.spacing(np.abs(scores[:-1]))
        close = (np.abs(raw[:-1] - raw[1:]) <= reach) | last_bits
    return close, close & (raw[:-1] != raw[1:])


def doubtful_rows(scores, raw, k, settled, largest=None) -> np.ndarray:
    """Positions of rows whose place among the first `k` rounding could change.

    Only the best rows are put in order, as many as hold the whole run of the k-th.
    """
    if len(scores) < 2:
        return np.zeros(0, dtype=np.intp)
    largest = largest_of(raw) if largest is None else largest
    rows: np.ndarray | slice
    for rows in _best_rows(scores, k):
        order, runs, in_doubt = runs_in_doubt(scores[rows], raw[rows], settled, largest)
        if isinstance(rows, slice):
            break
        if len(runs) > k and runs[k - 1] < runs[-1]:
            order = rows[order]
            break
    in_doubt = in_doubt[in_doubt <= runs[min(k, len(runs)) - 1]]
    return np.sort(order[np.isin(runs, in_doubt)]) if len(in_doubt) else in_doubt


def _best_rows(scores, k: int) -> Iterator[np.ndarray | slice]:
    """Positions of ever more of the best rows, those that tie with the last one too; then all."""
    n_best = 2 * k + 64
    while 4 * n_best < len(scores):
        least = np.partition(scores, len(scores) - n_best)[len(scores) - n_best]
        if not np.isnan(scores).any():
            yield np.flatnonzero(scores >= least)
        n_best *= 8
    yield slice(None)
