"""Rank the rows of a Dask data frame where they are.

Each partition is scored by the worker that has it. What travels is the ranker, once to each worker,
and of each partition its number of rows, filter scores of rows that may be candidates, and full
scores of rows that may be among the best; features and rows do not.

1. Every partition computes its filter scores, which stay with the worker.
2. The number of rows of all partitions decides, as in `ApproxTopKRanker.rank`, how to search. A row
   is a candidate if it is one among all rows: partitions send the scores that this is read from,
   and are told how many of their own rows, in the order of the filter, are candidates.
3. Partitions compute full scores of their candidates, and send the best.

A partition is thus computed twice, and three times if rounding could change the order of the best
rows, which the original estimator then decides.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from ._containers import num_samples, take_rows
from .planning import Search, filter_order, gap_search, stable_order
from .ranking._doubt import DOUBT, doubtful_rows, largest_of, runs_in_doubt
from .ranking._ranker import checked_k, searcher_of
from .ranking._searching import QuerySearcher

__all__ = ["rank", "take"]


def rank(ranker, frame, k=None, *, return_scores=False):
    """Find the `k` best rows of a Dask data frame, best first.

    The answer is that of ``ranker.rank(frame.compute())``, up to rounding; memory and traffic
    are not. Computes at once, by the scheduler that Dask is set to use.

    Parameters
    ----------
    ranker : ApproxTopKRanker
        Fitted. What it is tuned for should be the number of rows of the whole frame (its
        `query_size`).

    frame : dask.dataframe.DataFrame or dask.dataframe.Series
        One query. Each partition is given to the ranker as the pandas object that it is. It is
        computed at least twice: persist the frame where reading it is slow and it fits into
        the workers' memory.

    k : int, default=None
        Number of rows to return; by default the ranker's `k`.

    return_scores : bool, default=False
        Whether to return the full model's scores too.

    Returns
    -------
    positions : ndarray of intp of shape (min(k, n_rows),)
        Positions in the frame, partitions counted one after the other; `take` gets the rows.

    scores : ndarray of float64 of shape (min(k, n_rows),)
        Their scores. Only if `return_scores`.

    Raises
    ------
    ImportError
        If Dask is not installed.
    TypeError
        If `frame` is no Dask data frame or series.
    ValueError
        If `k` is negative.

    Warns
    -----
    UserWarning
        As `ApproxTopKRanker.rank` does.

    See Also
    --------
    take : The rows at some positions.

    Notes
    -----
    A search with a fixed share asks for the filter scores of as many rows of each partition as all
    partitions have candidates, unless enough rows reach the bar that `fit` chose. A search by gap
    asks for all filter scores, 8 bytes a row, and computes full scores of at most about twice the
    rows that it needs: it is run where all scores meet, on scores that the workers computed ahead.

    Examples
    --------
    >>> import dask.dataframe as dd
    >>> import pandas as pd
    >>> from sklearn.compose import make_column_transformer
    >>> from sklearn.linear_model import Ridge
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import MinMaxScaler, StandardScaler
    >>> from skwillump import ApproxTopKRanker
    >>> from skwillump.dask import rank, take
    >>> table = pd.DataFrame({"a": range(1000), "b": [0.0, 1.0] * 500})
    >>> features = make_column_transformer((StandardScaler(), ["a"]), (MinMaxScaler(), ["b"]))
    >>> ranker = ApproxTopKRanker(make_pipeline(features, Ridge()), k=10, query_size=1000)
    >>> ranker = ranker.fit(table, table["a"])
    >>> frame = dd.from_pandas(table, npartitions=4)
    >>> best = rank(ranker, frame, k=3)
    >>> take(frame, best)["a"].tolist()
    [999, 998, 997]
    """
    dask = _import_dask("rank")
    check_is_fitted(ranker)
    k = checked_k(ranker, k)
    if isinstance(k, float):
        raise ValueError(
            f"k={k} is a share of the rows, whose number is not known before they are read. Give "
            "the number of rows to return."
        )
    searcher = searcher_of(ranker)
    partitions = _Partitions(dask, _sent(dask, searcher), _delayed_partitions(frame))
    best = _ranked(searcher, partitions, k)
    positions = best.rows.astype(np.intp)
    return (positions, best.scores) if return_scores else positions


def take(frame, positions):
    """Get rows of a Dask data frame by position.

    Parameters
    ----------
    frame : dask.dataframe.DataFrame or dask.dataframe.Series

    positions : array-like of int of shape (n_chosen,)
        Positions in the frame, partitions counted one after the other.

    Returns
    -------
    pandas.DataFrame or pandas.Series
        The rows in the order of `positions`.

    Raises
    ------
    ImportError
        If Dask is not installed.
    TypeError
        If `frame` is no Dask data frame or series.
    IndexError
        If a position is negative or not in the frame.
    """
    dask = _import_dask("take")
    import pandas as pd

    parts = _delayed_partitions(frame)
    positions = np.asarray(positions, dtype=np.intp)
    if not len(positions):
        return frame._meta
    lengths = dask.compute(*(dask.delayed(len)(part) for part in parts))
    n_rows = sum(lengths)
    outside = positions[(positions < 0) | (positions >= n_rows)]
    if len(outside):
        raise IndexError(f"positions holds {outside[0]}, but the frame has {n_rows} rows.")
    order, of_parts = _by_partition(positions, lengths)
    taken = dask.compute(*(dask.delayed(take_rows)(parts[part], rows) for part, rows in of_parts))
    return pd.concat(taken).iloc[np.argsort(order, kind="stable")]


@dataclass(frozen=True)
class _Scored:
    """Full scores of some rows.

    Attributes
    ----------
    rows : ndarray of intp of shape (n_rows,)
        Ascending positions.
    scores : ndarray of float64 of shape (n_rows,)
    raw : ndarray of float64 of shape (n_rows,)
        The numbers that these follow from.
    """

    rows: np.ndarray
    scores: np.ndarray
    raw: np.ndarray

    def __len__(self) -> int:
        return len(self.rows)

    def best(self, n: int, bar: float = np.inf, raw_bar: float = np.inf) -> _Scored:
        """The first `n` rows, and more where their scores or raw numbers reach a bar."""
        chosen = (self.scores >= bar) | (self.raw >= raw_bar)
        chosen[stable_order(self.scores, n)] = True
        return _Scored(self.rows[chosen], self.scores[chosen], self.raw[chosen])

    @classmethod
    def joined(cls, parts: list[_Scored], starts) -> _Scored:
        """Rows of all partitions, by their positions in the frame."""
        return cls(
            np.concatenate([start + part.rows for start, part in zip(starts, parts, strict=True)]),
            np.concatenate([part.scores for part in parts]),
            np.concatenate([part.raw for part in parts]),
        )


class _Partitions:
    """The partitions of a frame, and a ranker's searcher at the workers."""

    def __init__(self, dask, searcher, parts: list[Any]):
        self._dask = dask
        self._searcher = searcher
        self._parts = parts

    def scored(self, function: Callable, *arguments: Any) -> list[Any]:
        """What a function of the searcher, a partition and its arguments gives; it stays there."""
        call = self._dask.delayed(function, pure=False)
        tasks = [
            call(self._searcher, *of_part) for of_part in zip(self._parts, *arguments, strict=True)
        ]
        return list(self._dask.persist(*tasks))

    def ask(self, function: Callable, kept: list[Any], *arguments: Any) -> list[Any]:
        """What a function of each kept object gives, sent here."""
        call = self._dask.delayed(function, pure=False)
        return list(self._dask.compute(*(call(one, *arguments) for one in kept)))

    def at(self, function: Callable, rows, lengths) -> np.ndarray:
        """What a function of the searcher and rows of a partition gives, in the order of `rows`."""
        order, of_parts = _by_partition(rows, lengths)
        call = self._dask.delayed(_of_rows, pure=False)
        tasks = [call(self._searcher, self._parts[part], r, function) for part, r in of_parts]
        found = np.concatenate(self._dask.compute(*tasks))
        by_row = np.empty_like(found)
        by_row[order] = found
        return by_row


def _ranked(searcher: QuerySearcher, partitions: _Partitions, k: int) -> _Scored:
    """The best rows, best first."""
    if k == 0:
        return _no_rows()
    has_filter = searcher.searches is not None
    kept = partitions.scored(_filter_scores if has_filter else _score_all)
    lengths = partitions.ask(len, kept)
    n_rows = sum(lengths)
    if n_rows == 0:
        return _no_rows()
    starts = np.cumsum([0, *lengths[:-1]])
    search = searcher.search_for(k, n_rows, stacklevel=4)
    if search is not None and search.rule == "gap":
        filter_score = np.concatenate(partitions.ask(_itself, kept))
        visited = _visited(searcher, partitions, k, search, filter_score, lengths)
        largest = largest_of(visited.raw)
        best_of: Callable[..., _Scored] = visited.best
    else:
        if search is not None:
            counts = _candidate_counts(partitions, kept, search, k, n_rows)
            kept = partitions.scored(_score_candidates, kept, counts)
        elif has_filter:
            kept = partitions.scored(_score_all)
        largest = max(partitions.ask(_largest_number, kept))

        def best_of(*which):
            return _Scored.joined(partitions.ask(_Scored.best, kept, *which), starts)

    best = best_of(k + 1)
    if searcher.compiled:
        best = _with_whole_runs(best, best_of, k, searcher.settled, largest)
        doubtful = doubtful_rows(best.scores, best.raw, k, searcher.settled, largest)
        if len(doubtful):
            best.scores[doubtful] = partitions.at(_original_scores, best.rows[doubtful], lengths)
    order = stable_order(best.scores, k)
    return _Scored(best.rows[order], best.scores[order], best.raw[order])


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
    part = np.repeat(np.arange(len(tops)), [len(top) for top in tops])
    first = filter_order(np.concatenate(tops), least)
    return np.bincount(part[first], minlength=len(tops)).tolist()


def _visited(searcher, partitions, k, search: Search, filter_score, lengths) -> _Scored:
    """Rows that a search by gap visits, with full scores that partitions computed ahead of it."""
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

    visited, scores = gap_search(filter_score, k, search, full_score_of)
    ascending = np.argsort(visited)
    return _Scored(visited[ascending], scores[ascending], known[: len(visited), 1][ascending])


def _with_whole_runs(best: _Scored, best_of, k: int, settled, largest: float) -> _Scored:
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


def _by_partition(positions, lengths) -> tuple[np.ndarray, list[tuple[int, np.ndarray]]]:
    """The order of ascending positions, and the positions within each partition that has some."""
    order = np.argsort(positions, kind="stable")
    ends = np.cumsum(lengths)
    rows = np.asarray(positions)[order]
    part = np.searchsorted(ends, rows, side="right")
    rows = rows - np.concatenate([[0], ends])[part]
    return order, [(int(p), rows[part == p]) for p in np.unique(part)]


# What runs where a partition is. Partitions may be empty, which transformers refuse.


def _filter_scores(searcher: QuerySearcher, X) -> np.ndarray:
    return searcher.filter_scores(X) if num_samples(X) else np.zeros(0)


def _score_all(searcher: QuerySearcher, X) -> _Scored:
    n_rows = num_samples(X)
    return _Scored(np.arange(n_rows), *searcher.full_scores(X)) if n_rows else _no_rows()


def _score_candidates(searcher: QuerySearcher, X, filter_score, n_candidates: int) -> _Scored:
    rows = np.sort(filter_order(filter_score, n_candidates))
    if not len(rows):
        return _no_rows()
    return _Scored(rows, *searcher.full_scores(take_rows(X, rows)))


def _of_rows(searcher: QuerySearcher, X, rows, function: Callable) -> np.ndarray:
    return function(searcher, take_rows(X, rows))


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


def _largest_number(scored: _Scored) -> float:
    return largest_of(scored.raw)


def _no_rows() -> _Scored:
    return _Scored(np.zeros(0, dtype=np.intp), np.zeros(0), np.zeros(0))


# Dask ----------------------------------------------------------------------------------------


def _import_dask(caller: str):
    try:
        import dask
        import dask.dataframe
    except ImportError as error:
        raise ImportError(
            f"skwillump.dask.{caller} needs Dask's data frames: install them with "
            "pip install 'skwillump[dask]'."
        ) from error
    return dask


def _delayed_partitions(frame) -> list[Any]:
    import dask.dataframe as dd

    if not isinstance(frame, dd.DataFrame | dd.Series):
        raise TypeError(
            f"frame is a {type(frame).__name__}. Give a dask.dataframe.DataFrame or Series; what "
            "is in memory is ranked by ApproxTopKRanker.rank."
        )
    return list(frame.to_delayed())


def _sent(dask, searcher):
    """The searcher where tasks find it: on each worker of a cluster, otherwise in this process."""
    # The scheduler in use is a method of the cluster's client, if there is one.
    client = getattr(dask.base.get_scheduler(), "__self__", None)
    if client is not None and hasattr(client, "scatter"):
        return client.scatter(searcher, broadcast=True, hash=False)
    return dask.delayed(searcher, pure=False, traverse=False)
