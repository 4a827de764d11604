"""Ways to search a query in the order of a filter's scores, and what each needs to find a row.

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
ratio
    The rule of the Willump paper: a multiple of the rows to return.

In all, rows that the filter cannot score (NaN) come first.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from sklearn.isotonic import IsotonicRegression

from ._orders import nth_largest, stable_order

GAP_BLOCKS = 32
"""About the number of blocks in which a whole query would be visited."""

LEAST_GAIN_OF_GAP = 0.02
"""The gap rule must lower the expected cost by this share: it visits rows in several batches."""


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


class Search:
    """How a query is searched.

    Subclasses are frozen dataclasses, one for each rule. Where a search stops is known from the
    filter's scores, unless it says otherwise.
    """

    rule: ClassVar[str]
    """{"share", "gap", "ratio"}."""

    stops_by_scores: ClassVar[bool] = False
    """Whether full scores say where it stops, so that rows are visited block by block."""

    @property
    def handicap(self) -> float:
        """What its expected cost is multiplied by, where it is compared with other searches."""
        return 1.0

    @property
    def cut(self) -> float:
        """Filter score from which on all rows are candidates; inf for none."""
        return np.inf

    @property
    def description(self) -> str:
        """Which rows the filter lets through, in words."""
        raise NotImplementedError

    @property
    def kept(self) -> str:
        """What is kept for queries of other sizes; empty where they must be planned for anew."""
        return ""

    def fewest(self, k: int, n_query: int) -> int:
        """Candidates of the rule alone: a query has `k` at least, and no more than its rows."""
        return 0

    def least_candidates(self, k: int, n_query: int) -> int:
        """Candidates that a query has at least."""
        return min(max(self.fewest(k, n_query), k), n_query)

    def probable_candidates(self, k: int, n_query: int, share: float) -> int:
        """Candidates that a query has, where `share` of the rows of queries are expected to be."""
        return self.least_candidates(k, n_query)

    def n_candidates(self, filter_score, k: int) -> int:
        """Candidates of a query, where the filter's scores tell."""
        n_reach = int(np.sum(~(filter_score < self.cut))) if self.cut < np.inf else 0
        return max(self.least_candidates(k, len(filter_score)), n_reach)

    def candidates(self, filter_score, k: int) -> np.ndarray:
        """Positions of a query's candidates in descending order of the filter's scores.

        Where these tell. Ties are in the order of their positions.
        """
        return filter_order(filter_score, self.n_candidates(filter_score, k))

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

    def visit(
        self, filter_score, k: int, full_score_of: Callable[[np.ndarray], np.ndarray]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Visit rows of a query by descending filter score until the rest are no candidates.

        Parameters
        ----------
        filter_score : ndarray of float64 of shape (n_rows,)
        full_score_of : callable
            Full scores of the rows at some positions.

        Returns
        -------
        visited : ndarray of intp
            Positions of the rows that were visited, in the order of the visit.
        scores : ndarray of float64
            Their full scores.
        """
        visited = self.candidates(filter_score, k)
        return visited, full_score_of(visited)

    def needs(self, filter_score, full_score) -> np.ndarray:
        """Effort at which each row is found, whatever else is in the query."""
        raise NotImplementedError

    def with_effort(self, effort: float, share: float) -> "Search":
        """The same search with another effort, with which it visits a share of the rows."""
        raise NotImplementedError

    def needs_in_query(self, filter_score, full_score) -> np.ndarray:
        """Effort at which each row of a query is found, where queries may differ in level."""
        return self.needs(filter_score, full_score)

    def with_effort_in_query(self, effort: float, share: float) -> "Search":
        """The same search with such an effort."""
        return self.with_effort(effort, share)


@dataclass(frozen=True, kw_only=True)
class ShareSearch(Search):
    """The first rows by filter score: a share of the query, and all rows that reach a cut."""

    share: float = 1.0  # the least share of a query's rows that are candidates
    cut: float = np.inf

    rule = "share"

    @property
    def description(self) -> str:
        text = f"lets the first {100 * self.share:.3g} % of rows through"
        return text if self.cut == np.inf else f"{text}, and all that reach {self.cut:.6g}"

    def fewest(self, k: int, n_query: int) -> int:
        return int(np.ceil(self.share * n_query))

    def needs(self, filter_score, full_score) -> np.ndarray:
        return np.where(np.isnan(filter_score), -np.inf, -filter_score)

    def with_effort(self, effort: float, share: float) -> "ShareSearch":
        return ShareSearch(share=share, cut=-effort)

    def needs_in_query(self, filter_score, full_score) -> np.ndarray:
        """Share of the query itself that is visited before each row is."""
        return share_needed(filter_score)

    def with_effort_in_query(self, effort: float, share: float) -> "ShareSearch":
        """The search of such a share, without a cut that is the same for all queries."""
        return ShareSearch(share=float(np.clip(effort, 0.0, 1.0)))


@dataclass(frozen=True, kw_only=True)
class RatioSearch(Search):
    """The first rows by filter score, a multiple of those to return: the Willump paper's rule."""

    ratio: int  # candidates for each row to return
    least_k: int = 0  # of at least so many

    rule = "ratio"

    @property
    def description(self) -> str:
        return f"lets {self.ratio} rows through for each one to return"

    @property
    def kept(self) -> str:
        return f"the ratio of {self.ratio} candidates for each row is kept"

    def fewest(self, k: int, n_query: int) -> int:
        return self.ratio * max(k, self.least_k)


@dataclass(frozen=True, kw_only=True)
class GapSearch(Search):
    """Rows by descending filter score, until the rest is predicted too far below the K-th best."""

    prediction: Prediction = field(repr=False)
    margin: float = np.inf

    rule = "gap"
    stops_by_scores = True

    @property
    def handicap(self) -> float:
        return 1 / (1 - LEAST_GAIN_OF_GAP)

    @property
    def description(self) -> str:
        return f"visits rows until the rest is predicted {self.margin:.4g} below the K-th best"

    def probable_candidates(self, k: int, n_query: int, share: float) -> int:
        return int(min(max(2 * share * n_query, k), n_query))

    def visit(
        self, filter_score, k: int, full_score_of: Callable[[np.ndarray], np.ndarray]
    ) -> tuple[np.ndarray, np.ndarray]:
        order = filter_order(filter_score)
        reach = self.prediction(filter_score[order]) + self.margin
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

    def needs(self, filter_score, full_score) -> np.ndarray:
        need = full_score - self.prediction(filter_score)
        return np.where(np.isnan(need), -np.inf, need)

    def with_effort(self, effort: float, share: float) -> "GapSearch":
        return GapSearch(margin=effort, prediction=self.prediction)


def filter_order(filter_score, n: int | None = None) -> np.ndarray:
    """Positions in the order in which rows are visited: descending, ties by position, NaN first.

    With `n`, only the first ones.
    """
    return stable_order(np.where(np.isnan(filter_score), np.inf, filter_score), n)


def share_needed(filter_score) -> np.ndarray:
    """Share of a query that has to be visited before each of its rows is."""
    share = np.empty(len(filter_score))
    share[filter_order(filter_score)] = np.arange(1, len(filter_score) + 1) / len(filter_score)
    return share
