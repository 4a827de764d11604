"""Orders of rows by their scores, and what happens to rows that tie."""

import numpy as np


def stable_order(score, n: int | None = None) -> np.ndarray:
    """Positions by descending score as a stable full sort gives them; NaN last.

    With `n`, only the first ones, for which not everything is sorted.
    """
    score = -np.asarray(score)
    if n and 4 * n < len(score):
        last = np.partition(score, n - 1)[n - 1]
        if not np.isnan(last):
            rows = np.flatnonzero(score <= last)
            return rows[np.argsort(score[rows], kind="stable")[:n]]
    return np.argsort(score, kind="stable")[:n]


def order_by_draw(score, draw) -> np.ndarray:
    """Positions by descending full score.

    Of rows that tie, those with the smaller random number in `draw` come first: their positions
    may follow from what makes them easy to find.
    """
    return np.lexsort((draw, -score))


def orders_by_fold(score, folds, draw) -> list[np.ndarray]:
    """Positions of the rows of each fold as by `order_by_draw`; folds by their numbers."""
    members = [np.flatnonzero(folds == fold) for fold in np.unique(folds)]
    return [rows[order_by_draw(score[rows], draw[rows])] for rows in members]
