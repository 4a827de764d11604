"""How a fitted ranker answers a call: how many rows it returns, of one query or of several."""

from dataclasses import replace
from numbers import Integral
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .._compat import refused
from .._compiled import compiled_twin
from .._containers import is_batch, num_samples, take_rows
from ..planning import RankEvidence, stable_order
from ._queries import QUERIES, queries_of
from ._searching import QuerySearcher
from ._showing import DEFAULT_CONFIDENCE, AskedEvidence
from ._sizes import SizedSearches, rows_to_return

if TYPE_CHECKING:
    from ._ranker import ApproxTopKRanker


class RankedQuery(NamedTuple):
    """The best rows of a query."""

    positions: np.ndarray  # intp (n_best,): best first
    scores: np.ndarray  # float64 (n_best,): the full model's
    evidence: RankEvidence | None = None  # what was shown of them, if that was asked


def rank_query(ranker: "ApproxTopKRanker", X: Any, k: float, *, shows: bool) -> RankedQuery:
    """Rank the rows of one query.

    Parameters
    ----------
    X : array-like, sparse matrix, data frame or list of str, of n_rows rows
    k : int or float
        As `checked_k` returns it.
    shows : bool
        Whether to show how many of the best rows may be missing.
    """
    searcher = searcher_of(ranker)
    if not is_batch(X):
        scores = searcher.full_scores(X)[0]  # or what the full model raises
        best = stable_order(scores, rows_to_return(k, len(scores)))
        evidence = RankEvidence.of_all_rows(len(scores), _confidence(ranker)) if shows else None
        return RankedQuery(best, scores[best], evidence)
    if not shows:
        return RankedQuery(*searcher.rank(X, k))
    k_best = rows_to_return(k, num_samples(X))
    found, evidence = searcher.rank_and_show(
        X,
        k_best,
        _asked(ranker, k_best),
        seed=0 if ranker._calibrated is None else ranker._calibrated.calibration.seed,
    )
    return RankedQuery(*found, evidence)


def rank_queries(
    ranker: "ApproxTopKRanker", X: Any, k: float, groups: Any, *, shows: bool
) -> dict[Any, RankedQuery]:
    """Rank the rows of each query, told by `groups` (n_rows,); see `rank_query`."""
    queries = queries_of(QUERIES.column(groups, X))
    if not is_batch(X):
        raise TypeError(
            f"groups tell the query of each row, and of X, a {type(X).__name__}, no rows can be "
            "taken. Pass a list, an array or a data frame."
        )
    searcher = searcher_of(ranker)
    if not shows:
        found = searcher.rank_groups(X, k, queries)
        return {group: RankedQuery(*pair) for group, pair in found.items()}
    # Where all rows get the full model's score there is nothing to draw, query by query.
    whole = {group: rows for group, rows in queries.items() if not searcher.searches_in(rows, k)}
    best_of = searcher.rank_groups(X, k, whole)
    ranked = {}
    for group, rows in queries.items():
        if group in whole:
            evidence = RankEvidence.of_all_rows(len(rows), _confidence(ranker))
            ranked[group] = RankedQuery(*best_of[group], evidence)
        else:
            best = rank_query(ranker, take_rows(X, rows), k, shows=True)
            ranked[group] = best._replace(positions=rows[best.positions])
    return ranked


def _asked(ranker: "ApproxTopKRanker", k: int) -> AskedEvidence:
    """What is to be shown of a query."""
    guarantee = ranker.guarantee_
    return AskedEvidence(
        k=k,
        precision=guarantee.precision_target,
        confidence=_confidence(ranker),
        expected_precision=guarantee.precision,
    )


def _confidence(ranker: "ApproxTopKRanker") -> float:
    """The confidence with which something is to be shown of a query."""
    return ranker.guarantee_.confidence or DEFAULT_CONFIDENCE


def checked_k(ranker: "ApproxTopKRanker", k: float | None) -> int | float:
    """Number or share of rows to return, by default the ranker's; ValueError where it is none."""
    k = ranker.k if k is None else k
    if type(k) is int and k >= 0:
        return k
    if isinstance(k, float | np.floating) and 0 < k < 1:
        return float(k)
    if not isinstance(k, Integral) or isinstance(k, bool) or k < 0:
        expected = "an int in the range [0, inf) or a float in the range (0.0, 1.0)"
        raise refused("rank", "k", expected, k)
    return int(k)


def searcher_of(ranker: "ApproxTopKRanker") -> QuerySearcher:
    """What a fitted ranker searches with."""
    plan = ranker._plan
    if plan.candidate is None:
        return ranker._full_searcher
    calibration = ranker._calibrated.calibration
    return replace(
        ranker._full_searcher,
        graph=ranker._graph,
        n_threads=ranker._n_threads(),
        stage=ranker._first_stage,
        searches=SizedSearches(
            plan=plan,
            target=ranker._target,
            calibration=calibration,
            told=ranker.query_size is not None or plan.tells_queries(calibration),
            k_is_share=not isinstance(ranker.k, Integral),
        ),
    )


def full_searcher(ranker: "ApproxTopKRanker") -> QuerySearcher:
    """What searches where every row gets the full model's score."""
    return QuerySearcher(
        method=ranker._method,
        estimator=ranker.estimator_,
        full=ranker._full,
        compiled=compiled_twin(ranker._full) is not None,
    )
