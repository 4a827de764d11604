"""Threads over pieces of a batch: kernels release the lock, so ordinary threads are enough."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def map_in_threads(work: Callable[[T], R], pieces: Iterable[T], n_threads: int) -> list[R]:
    """Return what ``work`` makes of each piece, in their order.

    Parameters
    ----------
    work : callable
        Of one piece. What it raises is raised here.
    n_threads : int
        With one thread, or one piece, the work is done in the thread that calls.
    """
    if n_threads != 1:
        pieces = list(pieces)
        if len(pieces) > 1:
            with ThreadPoolExecutor(min(n_threads, len(pieces))) as pool:
                return list(pool.map(work, pieces))
    return [work(piece) for piece in pieces]


def ranges(n_rows: int, n_ranges: int) -> list[slice]:
    """Return ranges of rows of about the same length, at most as many as there are rows."""
    n = max(min(n_ranges, n_rows), 1)
    return [slice(*pair) for pair in pairwise(n_rows * i // n for i in range(n + 1))]
