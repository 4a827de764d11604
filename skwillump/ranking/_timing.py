"""What is timed of a ranker: how it ranks a query."""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from .._containers import num_samples
from ..planning import Search, ShareSearch
from ..stages._clock import Timer
from ..stages._full_model import FirstStage
from ..stages._metering import Turn
from ..stages._timed_rows import MOST_ROWS, spread
from ._searching import QuerySearcher

CANDIDATE_SHARES = (0.02, 0.3)
"""Shares of a query that a filter lets through while it is timed: filters that pay let few through,
and what a filter costs itself is told best where hardly any row is added to it."""

MOST_K_SHARE = 0.05
"""Share of the rows that are ranked and timed that are returned, at most."""

N_SIZES = 6
"""Sizes of queries that are timed at most, each half of the one before."""

N_SIZE_CALLS = 10
"""How often a query of each size is ranked, about."""

TIMED_SAVING = 0.05
"""A query is large enough for the filter where it saves this share of what the full model takes."""


@dataclass(frozen=True)
class FixedSearch:
    """The same search of every query; see `SizedSearches`."""

    search: ShareSearch

    @property
    def share(self) -> float:
        """Expected share of a query's rows that get the full model's score."""
        return self.search.share

    def search_for(self, k: int, n_rows: int) -> Search | None:
        """Return the search, whatever the query."""
        return self.search if k < n_rows else None


@dataclass(frozen=True, kw_only=True)
class RankTiming:
    """How a ranker ranks with a filter and without."""

    searcher: QuerySearcher  # of the full model alone
    k: int  # rows that are returned

    def batch_turns(self, X: Any, stage: FirstStage | None) -> list[Turn]:
        """Rank a query by the full model; or with a filter that lets few rows through, and many."""
        n_rows = num_samples(X)
        k = min(self.k, max(int(MOST_K_SHARE * n_rows), 1))
        if stage is None:
            return [Turn(partial(self.searcher.rank, X, k))]
        turns = []
        for share in CANDIDATE_SHARES:
            search = ShareSearch(share=share)
            filtered = replace(
                self.searcher,
                stage=stage,
                searches=FixedSearch(search),
            )
            turns.append(Turn(partial(filtered.rank, X, k), search.least_candidates(k, n_rows)))
        return turns

    def row_turns(self, rows: Sequence[Any], stage: FirstStage | None) -> list[Turn]:
        """Raise: a query of one row is not ranked."""
        raise NotImplementedError("a query of one row is not ranked")

    def has_row_path(self, rows: Sequence[Any]) -> bool:
        """Say no: a query of one row is not ranked."""
        return False


def rows_that_pay(
    full: QuerySearcher,
    filtered: QuerySearcher,
    X: Any,
    k: int,
    *,
    full_seconds: float,
    expected_seconds: float,
    timer: Timer,
) -> float:
    """Rows of a query from which on ranking with the filter is faster than without.

    The filter was chosen for its cost in a large batch. What a call costs whatever its rows counts
    more in a small query, of which a larger share is let through too.

    Parameters
    ----------
    X : array-like, sparse matrix, data frame or list
        Rows to time on.
    k : int
        Rows to return.
    full_seconds, expected_seconds : float
        A row, as planned: of the full model and with the filter.

    Returns
    -------
    float
        0 where too few rows can be timed: they are so slow that a call costs little beside them.
    """
    # Sizes that are halved take twice as long as the first one, with the filter and without.
    n_rows = int(timer.most_seconds / (4 * N_SIZE_CALLS * max(full_seconds, 1e-9)))
    n_rows = min(num_samples(X), MOST_ROWS, n_rows)
    if n_rows <= 4 * k:
        return 0.0

    def seconds_at(size: int) -> tuple[float, float]:
        query = spread(X, size)
        of_full, of_filter = timer.typical_seconds(
            partial(full.rank, query, k),
            partial(filtered.rank, query, k),
            share=size / (2 * n_rows),
        )
        return of_full, of_filter

    with warnings.catch_warnings():
        # These sizes are not the user's choice.
        warnings.simplefilter("ignore", UserWarning)
        return break_even(
            seconds_at, n_rows, 2 * k, saving=1 - expected_seconds / max(full_seconds, 1e-12)
        )


def break_even(
    seconds_at: Callable[[int], tuple[float, float]], n_rows: int, least: int, *, saving: float
) -> float:
    """Size of a query at which the filter begins to save `TIMED_SAVING`.

    Parameters
    ----------
    seconds_at : callable
        Seconds of a query of so many rows: by the full model, and with the filter.
    n_rows, least : int
        Largest size to look at, and the one that all must exceed.
    saving : float
        Share of the full model's cost that is saved in a large batch.
    """
    size, larger, over_of_larger = n_rows, 0, 0.0
    for _ in range(N_SIZES):
        of_full, of_filter = seconds_at(size)
        over = of_filter - (1 - TIMED_SAVING) * of_full
        if not larger and over > 0:
            # No size was seen that pays: each further row saves what is planned.
            return size + over / max(saving * of_full / size, 1e-12)
        if larger:
            # A line through two sizes, between which it pays, or below which it ends to.
            slope = (over_of_larger - over) / (larger - size)
            crossing = max(size - over / slope, 0.0) if slope < 0 else 0.0
            if over > 0 or size // 2 <= least:
                return crossing
        size, larger, over_of_larger = size // 2, size, over
    return crossing
