"""Orders of rows by their scores, and what happens to rows that tie."""

import numpy as np

SAMPLED_EVERY = 16
"""One of so many numbers tells about where the largest ones begin."""

LEAST_SAMPLED = 4096
"""Fewer numbers are parted as they are."""


def nth_largest(numbers: np.ndarray, n: int) -> float:
    """The `n`-th largest number, from 1 on; NaN come last.

    Where it is among the first ones, most numbers are told from these by a comparison with one that
    a sample finds, which takes a quarter of the time of parting all of them (Floyd and Rivest 1975,
    "Expected time bounds for selection").
    """
    if len(numbers) >= LEAST_SAMPLED and n * SAMPLED_EVERY <= len(numbers):
        sample, n_expected = -numbers[::SAMPLED_EVERY], n / SAMPLED_EVERY
        place = min(int(n_expected + 3 * np.sqrt(n_expected)) + 3, len(sample) - 1)
        first = numbers[numbers >= -np.partition(sample, place)[place]]
        numbers = first if len(first) >= n else numbers
    return -float(np.partition(-numbers, n - 1)[n - 1])


def stable_order(score, n: int | None = None) -> np.ndarray:
    """Positions by descending score as a stable full sort gives them; NaN last.

    With `n`, only the first ones, for which not everything is sorted.
    """
    score = np.asarray(score)
    if n and 4 * n < len(score):
        last = nth_largest(score, n)
        if last == last:
            rows = np.flatnonzero(score >= last)
            return rows[np.argsort(-score[rows], kind="stable")[:n]]
    return np.argsort(-score, kind="stable")[:n]


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
