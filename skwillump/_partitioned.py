"""One query whose rows lie in partitions that somebody else holds: Dask, Spark.

Each partition is scored where it is. What travels is the ranker, once to each worker, and of each
partition its number of rows, filter scores of rows that may be candidates, and full scores of rows
that may be among the best; features and rows do not.

1. Every partition computes its filter scores, which stay with the worker.
2. The number of rows of all partitions decides, as in `ApproxTopKRanker.rank`, how to search. A row
   is a candidate if it is one among all rows: partitions send the scores that this is read from,
   and are told how many of their own rows, in the order of the filter, are candidates.
3. Partitions compute full scores of their candidates, and send the best.

A partition is thus computed twice, and three times if rounding could change the order of the best
rows, which the original estimator then decides.

What an engine must do is in `Partitions`. Its workers get rows as `Pieces`: a partition as a whole,
or chunk by chunk. Pieces may be empty, which transformers refuse.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from ._compat import refused
from ._containers import num_samples, take_rows
from .planning import Search, filter_order, stable_order
from .ranking._answering import checked_k
from .ranking._base import BaseRanker
from .ranking._doubt import DOUBT, doubtful_rows, largest_of, runs_in_doubt
from .ranking._searching import QuerySearcher

Pieces = Iterable[Any]
"""Rows of a partition, one container after the other."""


@dataclass(frozen=True)
class Scored:
    """Full scores of some rows."""

    rows: np.ndarray  # intp (n_rows,): ascending positions
    scores: np.ndarray  # float64 (n_rows,)
    raw: np.ndarray  # float64 (n_rows,): the numbers that these follow from

    def __len__(self) -> int:
        return len(self.rows)

    def best(self, n: int, bar: float = np.inf, raw_bar: float = np.inf) -> "Scored":
        """The first `n` rows, and more where their scores or raw numbers reach a bar."""
        chosen = (self.scores >= bar) | (self.raw >= raw_bar)
        chosen[stable_order(self.scores, n)] = True
        return Scored(self.rows[chosen], self.scores[chosen], self.raw[chosen])

    def at(self, rows: np.ndarray) -> "Scored":
        """The same scores at other positions."""
        return Scored(rows, self.scores, self.raw)

    def answer(self, *, return_scores: bool) -> Any:
        """What `rank` returns: positions, and their scores too if asked."""
        positions = self.rows.astype(np.intp)
        return (positions, self.scores) if return_scores else positions

    @classmethod
    def none(cls) -> "Scored":
        """Scores of no row."""
        return cls(np.zeros(0, dtype=np.intp), np.zeros(0), np.zeros(0))

    @classmethod
    def joined(cls, several: "Sequence[Scored]", starts) -> "Scored":
        """Rows of all partitions, by their positions in the frame."""
        moved = [start + one.rows for start, one in zip(starts, several, strict=True)]
        return cls(
            np.concatenate(moved),
            np.concatenate([one.scores for one in several]),
            np.concatenate([one.raw for one in several]),
        )


class Partitions(ABC):
    """The partitions of a frame, and a ranker's searcher at the workers.

    What a worker keeps is opaque here: a list with one object for each partition, in order.
    """

    @abstractmethod
    def keep(self, function: Callable[[QuerySearcher, Pieces], Any]) -> list[Any]:
        """What a function of the searcher and a partition gives; it stays there."""

    @abstractmethod
    def keep_scores(self, filter_scores: list[Any], counts: Sequence[int]) -> list[Any]:
        """`Scored` of so many rows of each partition, the first by kept filter scores."""

    @abstractmethod
    def ask(self, function: Callable[..., Any], kept: list[Any], *arguments: Any) -> list[Any]:
        """What a function of each kept object gives, sent here."""

    @abstractmethod
    def of_rows(
        self,
        function: Callable[[QuerySearcher, Any], np.ndarray],
        rows_of: Sequence[tuple[int, np.ndarray]],
    ) -> Iterable[np.ndarray]:
        """What a function of the searcher and rows gives, for some partitions by their number."""

    def at(
        self,
        function: Callable[[QuerySearcher, Any], np.ndarray],
        rows: np.ndarray,
        lengths: Sequence[int],
    ) -> np.ndarray:
        """What a function of the searcher and rows of the frame gives, in the order of `rows`."""
        order, rows_of = by_partition(rows, lengths)
        found = np.concatenate(list(self.of_rows(function, rows_of)))
        in_order = np.empty_like(found)
        in_order[order] = found
        return in_order


def check_model(model, method: str) -> None:
    """Raise the error of a model that is not fitted, or lacks a method, before workers meet it."""
    check_is_fitted(model)
    getattr(model, method)  # raises the AttributeError that says why not


def checked_number(ranker, k, *, owner: str) -> int:
    """Number of rows to return, of a fitted ranker.

    Raises
    ------
    ValueError
        If the model is no ranker, or `k` is a share of rows that nobody has counted.
    """
    if not isinstance(ranker, BaseRanker):
        raise refused(owner, "ranker", "a fitted ApproxTopKRanker", ranker)
    check_is_fitted(ranker)
    k = checked_k(ranker, k)
    if isinstance(k, float):
        raise ValueError(
            f"k={k} is a share of the rows, whose number is not known before they are read. Give "
            "the number of rows to return."
        )
    return k


def ranked(searcher: QuerySearcher, partitions: Partitions, k: int) -> Scored:
    """The best rows, best first.

    Parameters
    ----------
    searcher : QuerySearcher
        The one that the workers have too.
    """
    if k == 0:
        return Scored.none()
    has_filter = searcher.searches is not None
    kept = partitions.keep(filter_scores if has_filter else score_all)
    lengths = partitions.ask(len, kept)
    n_rows = sum(lengths)
    if n_rows == 0:
        return Scored.none()
    starts = np.cumsum([0, *lengths[:-1]])
    search = searcher.search_for(k, n_rows)
    if search is not None and search.stops_by_scores:
        filter_score = np.concatenate(partitions.ask(_itself, kept))
        visited = _visited(searcher, partitions, k, search, filter_score, lengths)
        best, largest = visited.best(k + 1), largest_of(visited.raw)
        best_of: Callable[..., Scored] = visited.best
    else:
        if search is not None:
            counts = _candidate_counts(partitions, kept, search, k, n_rows)
            kept = partitions.keep_scores(kept, counts)
        elif has_filter:
            kept = partitions.keep(score_all)
        # In one question: on some engines each takes a second, whatever is asked.
        firsts, numbers = zip(*partitions.ask(_best_and_largest, kept, k + 1), strict=True)
        best, largest = Scored.joined(firsts, starts), max(numbers)

        def best_of(*which):
            return Scored.joined(partitions.ask(Scored.best, kept, *which), starts)

    if searcher.compiled:
        best = _with_whole_runs(best, best_of, k, searcher.settled, largest)
        doubtful = doubtful_rows(best.scores, best.raw, k, searcher.settled, largest)
        if len(doubtful):
            best.scores[doubtful] = partitions.at(_original_scores, best.rows[doubtful], lengths)
    order = stable_order(best.scores, k)
    return Scored(best.rows[order], best.scores[order], best.raw[order])


def by_partition(positions, lengths) -> tuple[np.ndarray, list[tuple[int, np.ndarray]]]:
    """The order of ascending positions, and the positions within each partition that has some."""
    order = np.argsort(positions, kind="stable")
    ends = np.cumsum(lengths)
    rows = np.asarray(positions)[order]
    partition = np.searchsorted(ends, rows, side="right")
    rows = rows - np.concatenate([[0], ends])[partition]
    return order, [(int(p), rows[partition == p]) for p in np.unique(partition)]


def checked_positions(positions, lengths) -> np.ndarray:
    """Positions in a frame of partitions of these lengths; IndexError where one is outside."""
    positions = np.asarray(positions, dtype=np.intp)
    n_rows = sum(lengths)
    outside = positions[(positions < 0) | (positions >= n_rows)]
    if len(outside):
        raise IndexError(f"positions holds {outside[0]}, but the frame has {n_rows} rows.")
    return positions


def _candidate_counts(partitions, kept, search: Search, k: int, n_rows: int) -> list[int]:
    """Candidates of each partition: its first rows in the order of the filter.

    Partitions lie one after the other, so that of equal scores those of the first one come first,
    as in `Search.candidates`.
    """
    least = search.least_candidates(k, n_rows)
    reach = partitions.ask(_n_reach, kept, search.cut)
    if sum(reach) >= least:
        return reach
    tops = partitions.ask(_top, kept, least)
    partition = np.repeat(np.arange(len(tops)), [len(top) for top in tops])
    first = filter_order(np.concatenate(tops), least)
    return np.bincount(partition[first], minlength=len(tops)).tolist()


def _visited(searcher, partitions, k, search: Search, filter_score, lengths) -> Scored:
    """Rows that a search visits, with full scores that partitions computed ahead of it."""
    order = filter_order(filter_score)
    expected = int(np.ceil(searcher.share * len(order)))
    known = np.empty((0, 2))
    n_visited = 0

    def full_score_of(rows):
        nonlocal known, n_visited
        # The search asks for rows in this order. Each time that partitions compute costs a pass.
        assert rows[0] == order[n_visited]
        n_visited += len(rows)
        if n_visited > len(known):
            ahead = order[len(known) : max(n_visited, expected, 2 * len(known))]
            known = np.concatenate([known, partitions.at(_full_scores, ahead, lengths)])
        return known[n_visited - len(rows) : n_visited, 0]

    visited, scores = search.visit(filter_score, k, full_score_of)
    ascending = np.argsort(visited)
    return Scored(visited[ascending], scores[ascending], known[: len(visited), 1][ascending])


def _with_whole_runs(best: Scored, best_of, k: int, settled, largest: float) -> Scored:
    """The best rows, with all that rounding could bring to the place of the last one."""
    for n_reaches in (64, np.inf):
        order, runs, _ = runs_in_doubt(best.scores, best.raw, settled, largest)
        if len(best) <= k or runs[k - 1] != runs[-1]:
            break
        last = order[k - 1]
        # At each step as much as the test for closeness allows.
        bars = [
            known[last] - n_reaches * max(step, np.spacing(abs(known[last])))
            for known, step in ((best.scores, 0.0), (best.raw, DOUBT * largest))
        ]
        bars = [-np.inf if np.isnan(bar) else bar for bar in bars]
        best = best_of(k + 1, *bars)
    return best


# What runs where a partition is.


def label_dtype(model) -> np.dtype:
    """Type of what a fitted model predicts: that of its classes, or float64."""
    return np.asarray(getattr(model, "classes_", np.zeros(0))).dtype


def labels_of(model, X) -> np.ndarray:
    """One label a row, of no rows too."""
    if not num_samples(X):
        return np.zeros(0, dtype=label_dtype(model))
    labels = np.asarray(model.predict(X))
    if labels.ndim != 1:
        raise ValueError(
            f"The model predicts {labels.shape[1]} values a row, where one is expected. Call it in "
            "a function of your own that makes a column of each."
        )
    return labels


def probabilities_of(model, X) -> np.ndarray:
    """Probabilities of the classes of each row, of no rows too."""
    if not num_samples(X):
        return np.zeros((0, len(model.classes_)))
    return np.asarray(model.predict_proba(X))


def filter_scores(searcher: QuerySearcher, pieces: Pieces) -> np.ndarray:
    """The filter's scores of all rows."""
    found = [searcher.filter_scores(X) for X in pieces if num_samples(X)]
    return np.concatenate(found) if found else np.zeros(0)


def score_all(searcher: QuerySearcher, pieces: Pieces) -> Scored:
    """Full scores of all rows."""
    found = [searcher.full_scores(X) for X in pieces if num_samples(X)]
    if not found:
        return Scored.none()
    scores, raw = (np.concatenate(column) for column in zip(*found, strict=True))
    return Scored(np.arange(len(scores)), scores, raw)


def first_rows(filter_score: np.ndarray, n: int) -> np.ndarray:
    """Ascending positions of the first `n` rows in the order of the filter."""
    return np.sort(filter_order(filter_score, n))


def score_rows(searcher: QuerySearcher, pieces: Pieces, rows: np.ndarray) -> Scored:
    """Full scores of rows at ascending positions."""
    if not len(rows):
        return Scored.none()
    scores, raw = of_rows(searcher, pieces, rows, _full_scores).T
    return Scored(rows, scores, raw)


def of_rows(
    searcher: QuerySearcher,
    pieces: Pieces,
    rows: np.ndarray,
    function: Callable[[QuerySearcher, Any], np.ndarray],
) -> np.ndarray:
    """What a function gives of rows at ascending positions."""
    return np.concatenate([function(searcher, X) for X in taken(pieces, rows)])


def taken(pieces: Pieces, rows: np.ndarray) -> Iterable[Any]:
    """The rows at ascending positions, piece by piece; pieces with none of them are left out."""
    start = 0
    for X in pieces:
        stop = start + num_samples(X)
        here = rows[np.searchsorted(rows, start) : np.searchsorted(rows, stop)] - start
        if len(here):
            yield take_rows(X, here)
        start = stop


def _full_scores(searcher: QuerySearcher, X) -> np.ndarray:
    return np.column_stack(searcher.full_scores(X))


def _original_scores(searcher: QuerySearcher, X) -> np.ndarray:
    return searcher.original_scores(X)


def _itself(filter_score) -> np.ndarray:
    return filter_score


def _n_reach(filter_score, cut: float) -> int:
    return int(np.sum(~(filter_score < cut))) if cut < np.inf else 0


def _top(filter_score, n: int) -> np.ndarray:
    return filter_score[filter_order(filter_score, n)]


def _best_and_largest(scored: Scored, n: int) -> tuple[Scored, float]:
    return scored.best(n), largest_of(scored.raw)
