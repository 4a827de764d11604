"""What is timed of a ranker: how it ranks a query."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from .._containers import num_samples
from ..planning import Search
from ..stages._metering import FirstStage, Turn
from ._searching import QuerySearcher

CANDIDATE_SHARES = (0.02, 0.3)
"""Shares of a query that a filter lets through while it is timed: filters that pay let few through,
and what a filter costs itself is told best where hardly any row is added to it."""

MOST_K_SHARE = 0.05
"""Share of the rows that are ranked and timed that are returned, at most."""


@dataclass(frozen=True)
class FixedSearch:
    """The same search of every query; see `SizedSearches`."""

    search: Search

    @property
    def share(self) -> float:
        """Expected share of a query's rows that get the full model's score."""
        return self.search.share

    def search_for(self, k: int, n_rows: int, *, stacklevel: int = 2) -> Search | None:
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
            search = Search("share", share=share)
            filtered = replace(
                self.searcher,
                blocks=stage.blocks,
                model=stage.model,
                fused=stage.compiled,
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
