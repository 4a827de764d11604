"""How a fitted ranker finds the best rows of queries. Nothing of `fit` is needed here."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from .._containers import num_samples, take_rows
from ..blocks import BlockGraph
from ..planning import RankEvidence, Search
from ..stages._full_model import FirstStage
from ..stages._passes import StagePass, answer_by_pass
from ._filtering import FilteredQuery
from ._full_scores import Found, FullScorer
from ._showing import AskedEvidence, rank_until_shown
from ._sizes import QuerySearches, rows_to_return

BATCH_ROWS = 16_384
"""Rows of small queries that run through the filter together."""


@dataclass(frozen=True, kw_only=True)
class QuerySearcher(FullScorer):
    """The models of a fitted ranker, and how it searches. Without a filter, all rows are scored."""

    graph: BlockGraph | None = None  # the full model in blocks
    stage: FirstStage | None = None  # the filter
    searches: QuerySearches | None = None  # None where all rows get the full model's score
    n_threads: int = 1

    def search_for(self, k: int, n_rows: int) -> Search | None:
        """How to search a query; None to score all of its rows. See `SizedSearches.search_for`."""
        if self.searches is None:
            return None
        return self.searches.search_for(k, n_rows)

    def searches_in(self, rows: np.ndarray, k: float) -> bool:
        """Whether the filter searches a query for its `k` best, a number or a share."""
        k_best = rows_to_return(k, len(rows))
        return k_best > 0 and self.search_for(k_best, len(rows)) is not None

    @property
    def share(self) -> float:
        """Expected share of a query's rows that get the full model's score."""
        return 1.0 if self.searches is None else self.searches.share

    def filter_scores(self, X: Any) -> np.ndarray:
        """The filter's scores of all rows; nothing is held.

        NaN of rows that it refuses: they get the full model's score, which is of another scale.
        """
        return self._by_pass(
            lambda first: FilteredQuery.run(X, first, self.method, n_keep=0).scores,
            lambda: np.full(num_samples(X), np.nan),
        )

    def rank(self, X: Any, k: float) -> Found:
        """Find the `k` best rows of one query.

        Parameters
        ----------
        k : int or float
            Their number, or their share of the query.
        """
        n_rows = num_samples(X)
        k = rows_to_return(k, n_rows)
        if k == 0 or n_rows == 0:
            return np.zeros(0, dtype=np.intp), np.zeros(0)
        return self._rank_by(self.search_for(k, n_rows), X, n_rows, k)

    def _rank_by(self, search: Search | None, X: Any, n_rows: int, k: int) -> Found:
        """Find the `k` best of so many rows by a search, or of all of them without."""
        if search is None:
            return self.best_of_all(X, n_rows, k)
        n_keep = search.probable_candidates(k, n_rows, self.share)

        def searched(first: StagePass) -> Found:
            query = FilteredQuery.run(X, first, self.method, n_keep=n_keep, cut=search.cut)
            (found,) = self._searched(X, [k], [search], [0, n_rows], query)
            return found

        return self._by_pass(searched, lambda: self.best_of_all(X, n_rows, k))

    def rank_and_show(
        self, X: Any, k: int, asked: AskedEvidence, *, seed: int
    ) -> tuple[Found, RankEvidence]:
        """Find the `k` best rows of one query, and show how many of them may be missing.

        Parameters
        ----------
        seed : int
            For the rows that are drawn.
        """
        n_rows = num_samples(X)
        nothing_to_show = k == 0 or n_rows == 0
        search = None
        if not nothing_to_show:
            search = self.search_for(k, n_rows)

        def best_of_all() -> tuple[Found, RankEvidence]:
            found = self.rank(X, 0) if nothing_to_show else self.best_of_all(X, n_rows, k)
            return found, RankEvidence.of_all_rows(n_rows, asked.confidence)

        if search is None:
            return best_of_all()

        def searched(first: StagePass) -> tuple[Found, RankEvidence]:
            n_keep = 2 * search.least_candidates(k, n_rows)
            filtered = FilteredQuery.run(X, first, self.method, n_keep=n_keep, cut=search.cut)
            if search.stops_by_scores:
                visit = self._visited(X, k, search, filtered, slice(0, n_rows))[0]
            else:
                visit = search.candidates(filtered.scores, k)
            seen, evidence = rank_until_shown(
                filtered.scores,
                visit,
                lambda rows: filtered.finish(rows, self._compute(X)),
                asked,
                np.random.default_rng(seed),
            )
            return self._best(X, *seen.all(), k=k), evidence

        return self._by_pass(searched, best_of_all)

    def rank_groups(self, X: Any, k: float, queries: Mapping[Any, np.ndarray]) -> dict[Any, Found]:
        """Find the `k` best rows of each of several queries; small ones run together.

        Parameters
        ----------
        k : int or float
            Their number, or their share of each query.
        queries : mapping of object to ndarray of intp
            Rows of each query.
        """
        if k == 0 or not queries:
            return {group: (np.zeros(0, dtype=np.intp), np.zeros(0)) for group in queries}
        asked = []
        for group, rows in queries.items():
            k_best = rows_to_return(k, len(rows))
            asked.append(_Query(group, rows, k_best, self.search_for(k_best, len(rows))))
        scored = [query for query in asked if query.search is None]
        rows = np.concatenate([query.rows for query in asked])
        if len(scored) == len(asked) and len(rows) == num_samples(X):  # no row is moved
            scores, raw = self.full_scores(X)
            best = self._best_of_each(X, rows, scores[rows], raw[rows], *_laid_out(asked))
            return dict(zip(queries, best, strict=True))
        searched = [query for query in asked if query.search is not None]
        found: dict[Any, Found] = {}
        for batch in [*_batches(searched), *_batches(scored)]:
            rows = np.concatenate([query.rows for query in batch])
            best = self._rank_batch(take_rows(X, rows), batch)
            for query, (positions, scores) in zip(batch, best, strict=True):
                found[query.group] = rows[positions], scores
        return {group: found[group] for group in queries}

    def _rank_batch(self, X: Any, batch: "list[_Query]") -> list[Found]:
        """Rank queries whose rows lie one after the other; all of them are searched, or none."""
        if len(batch) == 1:
            (query,) = batch
            return [self._rank_by(query.search, X, len(query.rows), query.k)]
        starts, ks = _laid_out(batch)
        searches = [query.search for query in batch if query.search is not None]

        def best_of_all() -> list[Found]:
            return self._best_of_each(X, np.arange(starts[-1]), *self.full_scores(X), starts, ks)

        if not searches:
            return best_of_all()
        return self._by_pass(
            lambda first: self._searched(
                X, ks, searches, starts, FilteredQuery.run(X, first, self.method)
            ),
            best_of_all,
        )

    def _searched(
        self,
        X: Any,
        ks: Sequence[int],
        searches: Sequence[Search],
        starts: Sequence[int] | np.ndarray,
        filtered: FilteredQuery,
    ) -> list[Found]:
        """Search queries that lie one after the other; candidates are completed together."""
        queries = [slice(*ends) for ends in pairwise(starts)]
        visited: dict[int, tuple[np.ndarray, np.ndarray, np.ndarray]] = {}
        candidates: dict[int, np.ndarray] = {}
        for i, (search, query) in enumerate(zip(searches, queries, strict=True)):
            if search.stops_by_scores:
                visited[i] = self._visited(X, ks[i], search, filtered, query)
            else:
                rows = search.candidate_rows(filtered.scores[query], ks[i])
                candidates[i] = query.start + rows
        if candidates:
            scores, raw = filtered.finish(
                np.concatenate(list(candidates.values())), self._compute(X)
            )
            ends = np.cumsum([len(rows) for rows in candidates.values()])[:-1]
            completed = zip(np.split(scores, ends), np.split(raw, ends), strict=True)
            for (i, rows), (of_scores, of_raw) in zip(candidates.items(), completed, strict=True):
                visited[i] = rows, of_scores, of_raw
        in_order = [visited[i] for i in range(len(queries))]
        if len(in_order) == 1:
            return [self._best(X, *in_order[0], k=ks[0])]
        lengths = [len(rows) for rows, _, _ in in_order]
        rows, scores, raw = (np.concatenate(parts) for parts in zip(*in_order, strict=True))
        return self._best_of_each(X, rows, scores, raw, np.cumsum([0, *lengths]), ks)

    def _visited(self, X: Any, k: int, search: Search, filtered: FilteredQuery, ends: slice):
        """Rows that a search visits, with their full scores and the numbers below them."""
        raws: list[np.ndarray] = []

        def full_score_of(rows):
            scores, raw = filtered.finish(ends.start + rows, self._compute(X))
            raws.append(raw)
            return scores

        visited, scores = search.visit(filtered.scores[ends], k, full_score_of)
        order = np.argsort(visited)
        return ends.start + visited[order], scores[order], np.concatenate(raws)[order]

    def _compute(self, X: Any) -> Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]:
        return lambda rows: self.full_scores(take_rows(X, rows))

    def _by_pass(self, answer: Callable[[StagePass], Any], otherwise: Callable[[], Any]) -> Any:
        """Answer by a pass of the filter, or otherwise by the full model alone."""
        assert self.graph is not None
        assert self.stage is not None
        return answer_by_pass(
            self.graph, self.stage, answer, otherwise=otherwise, n_threads=self.n_threads
        )


class _Query(NamedTuple):
    """A query among others."""

    group: Any
    rows: np.ndarray  # intp: its rows, ascending
    k: int  # rows to return
    search: Search | None  # how it is searched


def _laid_out(queries: Sequence[_Query]) -> tuple[np.ndarray, list[int]]:
    """Where each query begins, and the last one ends, if they lie one after the other; rows to
    return of each.
    """
    starts = np.cumsum([0, *(len(query.rows) for query in queries)])
    return starts, [query.k for query in queries]


def _batches(queries: Iterable[_Query]) -> list[list[_Query]]:
    """Queries that run together: consecutive ones of a limited number of rows."""
    batches: list[list[_Query]] = []
    n_rows = BATCH_ROWS
    for query in queries:
        if n_rows + len(query.rows) > BATCH_ROWS:
            batches.append([])
            n_rows = 0
        batches[-1].append(query)
        n_rows += len(query.rows)
    return batches
