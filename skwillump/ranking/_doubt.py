"""Rows whose places rounding could change: the original estimator decides them.

Compiled scores differ from the original's in the order of summation, and so in the last bits.
"""

from collections.abc import Callable, Iterator, Sequence
from math import isfinite, isnan, ulp

import numpy as np

from ..kernels._best_rows import close_pairs, take_best, take_best_of_each
from ..planning import nth_largest

DOUBT = 1e-10
"""Scores closer than this share of the largest could be in another order after rounding."""

LAST_BITS = 4
"""Scores that are so many steps of their last bit apart may be of numbers that rounding swaps."""

FEW_SPARE, SPARE_ROWS = 8, 64
"""Rows that are put in order beyond those that are asked for, to find the end of a run: at first,
and where it is not among them."""

FEW_BEST, FEW_OF = 256, 64
"""So many rows, or one of so many, are picked out one by one; where more are asked for, sorting is
faster."""

Settled = Callable[[np.ndarray, float], np.ndarray]
"""Of numbers and how far rounding may move them: whether each one's score stays the same."""


def largest_of(raw: np.ndarray) -> float:
    """The largest number that is finite, by its size."""
    if not len(raw):
        return 0.0
    largest = max(float(raw.max()), -float(raw.min()))
    if np.isfinite(largest):
        return max(largest, 0.0)
    return float(np.abs(raw[np.isfinite(raw)]).max(initial=0.0))


def runs_in_doubt(
    scores: np.ndarray, raw: np.ndarray, settled: Settled, largest: float | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Runs of rows whose places rounding could change among themselves.

    The numbers that scores follow from are known up to rounding. Rows are close if theirs are next
    to one another, or differ while the scores are the same but for their last bits. Where they
    are equal, so are the features, and the tie is one in any order of summation; so it is where
    both scores stay the same whatever rounding does, such as probabilities of one.

    Parameters
    ----------
    scores, raw : ndarray of float64 of shape (n_rows,)
    largest : float, optional
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


def sure_order(scores: np.ndarray, raw: np.ndarray, k: int, settled: Settled) -> np.ndarray | None:
    """Positions of the `k` best rows, as a stable sort gives them; None if rounding could matter.

    Most queries hold no rows that are close among the best ones: of these only a few are sorted.
    None is no proof that rounding matters: `doubtful_rows` looks closer.
    """
    if np.isnan(scores.max()):  # these come last
        return None
    rows = (scores >= nth_largest(scores, min(k + SPARE_ROWS, len(scores)))).nonzero()[0]
    order = rows[np.argsort(-scores[rows], kind="stable")]
    ordered_raw, reach = raw[order], DOUBT * largest_of(raw)
    close, near = _close_pairs(scores[order], ordered_raw, reach)
    # The run of the k-th row ends at the first pair from there on that is not close; without such a
    # pair, at the last row of all.
    end = len(close)
    if k <= end and not close[k - 1 :].all():
        end = k - 1 + int(close[k - 1 :].argmin())
    elif len(order) < len(scores):
        return None
    if near[:end].any():
        stays = settled(ordered_raw[: end + 1], reach)
        if not (stays[:-1] & stays[1:])[near[:end]].all():
            return None
    return order[:k]


def sure_best(
    raw: np.ndarray, k: int, score_of: Callable[[np.ndarray], np.ndarray], settled: Settled
) -> tuple[np.ndarray, np.ndarray] | None:
    """The `k` best rows and their scores, where scores rise with the numbers that they follow from.

    Only the best rows' numbers become scores.

    Parameters
    ----------
    raw : ndarray of float64 of shape (n_rows,)
    score_of : callable
        Scores of numbers.

    Returns
    -------
    positions, scores : ndarray of shape (k,)
        As a stable sort by score gives them. None instead of both if rounding could matter, or if
        that is not plain to see.
    """
    for n_spare in (FEW_SPARE, SPARE_ROWS):
        n_first = min(k + n_spare, len(raw))
        rows, numbers, largest = _best_numbers(raw, n_first)
        if isnan(largest):  # rows without a score come last
            return None
        scores = np.ascontiguousarray(score_of(numbers))
        reach = DOUBT * (largest if isfinite(largest) else largest_of(raw))
        step = LAST_BITS * ulp(max(abs(float(scores[0])), abs(float(scores[-1]))))
        pairs = np.empty(2 * n_first, dtype=np.intp)
        end, n_places = close_pairs(numbers, scores, k, len(raw), reach, step, pairs)
        if end or n_first == len(raw):
            break
    if not end:
        return None
    if n_places:
        if not settled(numbers[pairs[:n_places]], reach).all():
            return None
        # Of equal scores the first position is first, whatever their numbers.
        run = np.cumsum(scores[1:end] != scores[: end - 1])
        order = np.argsort(np.append(0, run) * len(raw) + rows[:end], kind="stable")[:k]
        return rows[order], scores[order]
    return rows[:k], scores[:k]


def plain_best(
    scores: np.ndarray, raw: np.ndarray, starts: np.ndarray, ks: Sequence[int], *, rounds: bool
) -> tuple[np.ndarray, list[int], np.ndarray]:
    """Positions of the best rows of many queries, of each of which that is plain to see.

    Parameters
    ----------
    scores, raw : ndarray of float64 of shape (n_rows,)
        Of queries that lie one after the other.
    starts : ndarray of intp of shape (n_queries + 1,)
        Where each begins, and the last one ends.
    ks : sequence of int
        Rows to return of each.
    rounds : bool
        Whether scores are known up to rounding only.

    Returns
    -------
    best : ndarray of intp
        Positions, query by query; as many of each as it has, and `ks` asks for.
    ends : list of int
        Where those of each query begin, and those of the last one end.
    is_plain : ndarray of bool of shape (n_queries,)
        Where it is False, look closer: nothing is said of that query.
    """
    n_best = np.minimum(ks, np.diff(starts))
    ends = np.append(0, np.cumsum(n_best))
    best = np.empty(ends[-1], dtype=np.intp)
    n_most = min(int(n_best.max()), FEW_BEST) + SPARE_ROWS
    doubt, last_bits = (DOUBT, LAST_BITS * ulp(1.0)) if rounds else (0.0, 0.0)
    heap = np.empty(n_most, dtype=np.intp), np.empty(n_most)
    take_best_of_each(scores, raw, starts, n_best, doubt, last_bits, best, *heap)
    return best, ends.tolist(), best[ends[:-1]] >= 0


def _best_numbers(raw: np.ndarray, n_best: int) -> tuple[np.ndarray, np.ndarray, float]:
    """Positions of the largest numbers, best first, these numbers, and the largest of all by size.

    NaN instead of that if one is NaN: nothing is said then.
    """
    if n_best <= FEW_BEST or FEW_OF * n_best <= len(raw):
        rows, numbers = np.empty(n_best, dtype=np.intp), np.empty(n_best)
        return rows, numbers, take_best(np.ascontiguousarray(raw), rows, numbers)
    rows = (raw >= nth_largest(raw, n_best)).nonzero()[0]
    rows = rows[np.argsort(-raw[rows], kind="stable")[:n_best]]
    return rows, raw[rows], max(float(raw.max()), -float(raw.min()), 0.0)


def _close_pairs(
    scores: np.ndarray, raw: np.ndarray, reach: float
) -> tuple[np.ndarray, np.ndarray]:
    """Whether neighbours in order are close, and whether they are close and not equal."""
    with np.errstate(invalid="ignore"):
        close = np.abs(raw[:-1] - raw[1:]) <= reach
        steps = LAST_BITS * np.spacing(np.abs(scores[:-1]))
        close |= np.abs(scores[:-1] - scores[1:]) <= steps
    return close, close & (raw[:-1] != raw[1:])


def doubtful_rows(
    scores: np.ndarray, raw: np.ndarray, k: int, settled: Settled, largest: float | None = None
) -> np.ndarray:
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


def _best_rows(scores: np.ndarray, k: int) -> Iterator[np.ndarray | slice]:
    """Positions of ever more of the best rows, those that tie with the last one too; then all."""
    n_best = 2 * k + 64
    while 4 * n_best < len(scores):
        if not np.isnan(scores).any():
            yield np.flatnonzero(scores >= nth_largest(scores, n_best))
        n_best *= 8
    yield slice(None)
