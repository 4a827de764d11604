"""Two ways to search a query in the order of a filter's scores, and what each needs to find a row.

share
    The first rows by filter score are candidates: a fixed share of the query, and all rows beyond
    it that reach the cut which that share was in the sample. A row is found if it reaches the cut,
    whatever the rest of the query is.
gap
    Rows are visited in blocks by descending filter score. A monotone function predicts the full
    score from the filter's; the search stops when the prediction for the next row plus the margin
    is below the K-th best full score so far. A row that is missed although it is one of the K best
    has a full score above that one, and so exceeds its own prediction by more than the margin.
    Queries with clear winners stop early.

In both, rows that the filter cannot score (NaN) come first.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from sklearn.isotonic import IsotonicRegression

from ._orders import nth_largest, stable_order

GAP_BLOCKS = 32
"""About the number of blocks in which a whole query would be visited."""


@dataclass(frozen=True)
class Prediction:
    """A monotone piecewise linear function from a filter's score to the full model's."""

    x: np.ndarray  # float64 (n_knots,)
    y: np.ndarray  # float64 (n_knots,)

    @classmethod
    def fit(cls, filter_score, full_score) -> "Prediction":
        """Isotonic regression of the full score on the filter's."""
        known = np.isfinite(filter_score) & np.isfinite(full_score)
        fitted = IsotonicRegression().fit(filter_score[known], full_score[known])
        return cls(fitted.X_thresholds_, fitted.y_thresholds_)

    def __call__(self, filter_score):
        """Predicted full score."""
        return np.interp(filter_score, self.x, self.y)


@dataclass(frozen=True)
class Search:
    """How a query is searched."""

    # {"share", "gap", "ratio"}: "ratio" is the rule of the Willump paper: a multiple of k.
    rule: str
    share: float = 1.0  # for "share", the least share of a query's rows that are candidates
    # For "share", rows with at least this filter score are candidates too; inf for none.
    cut: float = np.inf
    margin: float = np.inf  # for "gap"
    # `ratio`, `ratio_k`: for "ratio", candidates for each row to return, of at least `ratio_k`.
    ratio: int = 0
    ratio_k: int = 0
    prediction: Prediction | None = field(default=None, repr=False)  # for "gap"

    def least_candidates(self, k: int, n_query: int) -> int:
        """Candidates that a query has at least."""
        if self.rule == "ratio":
            n = self.ratio * max(k, self.ratio_k)
        elif self.rule == "share":
            n = int(np.ceil(self.share * n_query))
        else:
            n = 0
        return min(max(n, k), n_query)

    def candidates(self, filter_score, k: int) -> np.ndarray:
        """Positions of a query's candidates in descending order of the filter's scores.

        For the rules that know them in advance. Ties are in the order of their positions.
        """
        n = self.least_candidates(k, len(filter_score))
        n_reach = int(np.sum(~(filter_score < self.cut))) if self.cut < np.inf else 0
        return filter_order(filter_score, max(n, n_reach))

    def candidate_rows(self, filter_score, k: int) -> np.ndarray:
        """The same in the order of their positions, which takes no sort."""
        n = self.least_candidates(k, len(filter_score))
        known = np.where(np.isnan(filter_score), np.inf, filter_score)
        if n == 0 or n >= len(known):
            return np.arange(n)
        if self.cut < np.inf:
            reach = np.flatnonzero(known >= self.cut)
            if len(reach) >= n:
                return reach
        bar = nth_largest(known, n)
        chosen = known > bar
        tied = np.flatnonzero(known == bar)
        chosen[tied[: n - np.count_nonzero(chosen)]] = True
        return np.flatnonzero(chosen)

    def needs(self, filter_score, full_score) -> np.ndarray:
        """Effort at which each row is found, whatever else is in the query."""
        if self.rule == "gap":
            assert self.prediction is not None
            need = full_score - self.prediction(filter_score)
        else:
            need = -filter_score
        return np.where(np.isnan(need), -np.inf, need)

    def with_effort(self, effort: float, share: float) -> "Search":
        """The same search with another effort."""
        if self.rule == "gap":
            return Search("gap", margin=effort, prediction=self.prediction)
        return Search("share", share=share, cut=-effort)


def filter_order(filter_score, n: int | None = None) -> np.ndarray:
    """Positions in the order in which rows are visited: descending, ties by position, NaN first.

    With `n`, only the first ones.
    """
    return stable_order(np.where(np.isnan(filter_score), np.inf, filter_score), n)


def gap_search(
    filter_score, k: int, search: Search, full_score_of: Callable[[np.ndarray], np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Visit rows by descending filter score until the rest cannot reach the K best.

    Parameters
    ----------
    filter_score : ndarray of float64 of shape (n_rows,)
    search : Search
        With the rule "gap".
    full_score_of : callable
        Full scores of the rows at some positions.

    Returns
    -------
    visited : ndarray of intp
        Positions of the rows that were visited, in the order of the visit.
    scores : ndarray of float64
        Their full scores.
    """
    assert search.prediction is not None
    order = filter_order(filter_score)
    reach = search.prediction(filter_score[order]) + search.margin
    n_block = max(k, -(-len(order) // GAP_BLOCKS))
    visited, scores = order[:0], np.zeros(0)
    while len(visited) < len(order):
        rows = order[len(visited) : len(visited) + n_block]
        if len(visited) >= k:
            # A NaN is never one of the best where there are others.
            known = np.where(np.isnan(scores), -np.inf, scores)
            bar = nth_largest(known, k)
            # A filter's NaN stops nothing; rows before the first that falls short are visited.
            stops = reach[len(visited) : len(visited) + n_block] < bar
            if stops.any():
                rows = rows[: int(np.argmax(stops))]
        if not len(rows):
            break
        visited = np.concatenate([visited, rows])
        scores = np.concatenate([scores, full_score_of(rows)])
    return visited, scores


def share_needed(filter_score) -> np.ndarray:
    """Share of a query that has to be visited before each of its rows is."""
    share = np.empty(len(filter_score))
    share[filter_order(filter_score)] = np.arange(1, len(filter_score) + 1) / len(filter_score)
    return share
