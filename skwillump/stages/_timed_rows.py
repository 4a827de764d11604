"""Rows to time on: from all over the data, and as many as can be timed."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from .._containers import fast_rows, num_samples, take_rows

FEW_ROWS = 20
"""Rows by which it is told how many can be timed together."""

LEAST_GROWTH, MOST_GROWTH = 1.25, 16
"""How many times more rows are timed together than were just before, at least and at most."""

LEAST_ROWS = 4096
"""Rows that are timed together, unless they are slow: with few rows, what a call costs whatever its
rows counts too much."""

MOST_ROWS = 16_384
"""Rows that are timed together at most: few rows would find all that they look up in the cache, as
those of a large batch do not."""

QUICK_SHARE = 0.1
"""Share of a turn's seconds that more than `LEAST_ROWS` may take together."""

SLOW_SECONDS = (0.03, 0.05)
"""Seconds that rows may take together, where a turn has so few or so many; slow pipelines are timed
on fewer rows."""

SLOWEST_ROWS = 4
"""Rows of the slowest pipelines that are timed together."""

SINGLE_ROWS = 24
"""Rows that are timed one by one."""

SINGLE_SECONDS = (0.02, 0.1)
"""Seconds that these may take together, where a turn has so few or so many; slow ones are fewer."""

FEWEST_SINGLE = 3
"""Rows that are timed one by one at least."""


@dataclass(frozen=True, kw_only=True)
class TimedRows:
    """Rows to time on."""

    batch: Any  # array-like, sparse matrix, data frame or list: rows that are answered together
    few: Any  # the same of rows that are answered one by one
    rows: list[Any]  # each of them in the form in which one row is answered fastest
    seconds: float  # about what a row takes

    @cached_property
    def single(self) -> list[Any]:
        """Rows that are answered one by one, each in the form of many."""
        return _each_as_many(self.few)

    @classmethod
    def of(
        cls, X: Any, seconds_of: Callable[[Any], float], turn_seconds: float = np.inf
    ) -> "TimedRows":
        """Rows from all over `X`, as many as can be timed.

        Parameters
        ----------
        seconds_of : callable
            Of some rows: what it takes to answer them.
        turn_seconds : float
            What a turn may take.
        """
        slow = float(np.clip(turn_seconds, *SLOW_SECONDS))
        n_rows, n_all = 0, num_samples(X)
        wanted = min(n_all, FEW_ROWS)
        while wanted > LEAST_GROWTH * n_rows:
            n_rows = wanted
            seconds = max(seconds_of(spread(X, n_rows)), 1e-9)
            # What a call costs whatever its rows weighs less the more there are: more rows at a
            # time, until they take long enough.
            most = QUICK_SHARE * slow if n_rows >= LEAST_ROWS else slow
            wanted = min(
                n_all,
                MOST_ROWS if n_rows >= LEAST_ROWS else LEAST_ROWS,
                MOST_GROWTH * n_rows,
                int(n_rows * most / seconds),
            )
        n_rows = min(n_all, max(min(n_rows, int(n_rows * slow / seconds)), SLOWEST_ROWS))
        batch = spread(X, n_rows)
        one = seconds_of(take_rows(batch, slice(0, 1)))
        most = float(np.clip(turn_seconds, *SINGLE_SECONDS))
        n_single = int(np.clip(most / max(one, 1e-9), FEWEST_SINGLE, SINGLE_ROWS))
        few = spread(batch, min(n_rows, n_single))
        rows = fast_rows(few, num_samples(few)) or _each_as_many(few)
        return cls(batch=batch, few=few, rows=rows, seconds=one)


def _each_as_many(X: Any) -> list[Any]:
    return [take_rows(X, [i]) for i in range(num_samples(X))]


def spread(X: Any, n_rows: int) -> Any:
    """Rows from all over `X`, which may be sorted."""
    return take_rows(X, np.linspace(0, num_samples(X) - 1, n_rows).astype(np.intp))
