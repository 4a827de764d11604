"""What is known of the efforts that a search needs: the view that a plan has of its evidence."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ._orders import order_by_draw
from ._topk_precision import draw_queries, drawn_precisions, mean_precision
from ._topk_records import Target, TopKCalibration, TopKCandidate
from ._topk_search import GapSearch, Prediction, Search, ShareSearch
from ._topk_tests import rows_for_test


@dataclass(frozen=True, kw_only=True)
class Depth:
    """How far a search must go."""

    effort: float  # the least effort that was shown to be enough
    # `n_top`, `n_misses`: rows among the best that were looked at, and how many of them are missed.
    n_top: int
    n_misses: int
    # Of an estimate: whether the best rows are missed as its assumption has it.
    follows_rule: bool | None = None


class TopKEvidence(ABC):
    """Reads efforts off calibration rows, for one target.

    Subclasses say what is independent of one another: rows, or queries that were told. *Needs*
    are the efforts at which each calibration row is found.

    Parameters
    ----------
    target : Target
        With a confidence.
    """

    kind: str
    """Of the guarantee that can be given; ``"exact"`` if nothing could be shown."""

    is_tested: bool
    """Whether it is given by a test that holds without a further assumption."""

    n_queries: int
    """Told queries that certify."""

    def __init__(self, calibration: TopKCalibration, target: Target):
        self.calibration = calibration
        self.target = target
        self.choosing_rows = np.flatnonzero(calibration.selects)
        self.certifying_rows = np.flatnonzero(~calibration.selects)
        self.loss = target.tested_loss(calibration)
        self.error = 1 - target.tested_confidence(calibration)

    @abstractmethod
    def needs(self, search: Search, candidate: TopKCandidate) -> np.ndarray:
        """Effort at which each calibration row is found by a search with a filter."""

    @abstractmethod
    def expected_effort(self, needs) -> float:
        """Effort that `depth` would probably reach, seen from the rows that choose."""

    @abstractmethod
    def depth(self, needs) -> Depth:
        """The least effort that is shown to be enough by the rows that certify."""

    @abstractmethod
    def least_k(self, needs, effort: float) -> int:
        """Smallest k for which, and for all between it and the target's, the tests are passed."""

    @abstractmethod
    def share(self, search: Search, needs, filter_score, effort: float, *, choosing: bool) -> float:
        """Mean share of a query's rows that a search visits.

        Seen from the rows that choose, or from more.
        """

    @abstractmethod
    def precision(self, needs, efforts) -> np.ndarray:
        """Mean precision on the rows that certify, for each effort: a point estimate."""

    @abstractmethod
    def below_target(self, needs, effort: float) -> float:
        """Share of single queries with a precision below the target: an estimate."""

    @abstractmethod
    def why_not(self) -> str:
        """Why nothing could be shown."""

    @abstractmethod
    def rows_needed(self) -> int | None:
        """Calibration rows, choosing ones included, with which something could be certified."""

    def what_would_do(self, choosing_share: float) -> str:
        """How many fresh rows or queries could certify, as a sentence; empty if that is unknown.

        Parameters
        ----------
        choosing_share : float
            Share of fresh queries that choose. All fresh rows certify.
        """
        needed = self.rows_needed()
        if needed is None:
            return ""
        share = 1 - float(np.mean(self.calibration.selects))
        return f" About {int(needed * share)} rows would be enough."

    def searches(self, candidate: TopKCandidate) -> list[Search]:
        """The rules of a search to try with a filter."""
        searches: list[Search] = [ShareSearch()]
        rows = self.choosing_rows
        if np.isfinite(candidate.score[rows]).any():
            full_score = self.calibration.full_score[rows]
            prediction = Prediction.fit(candidate.score[rows], full_score)
            searches.append(GapSearch(prediction=prediction))
        return searches

    def planned(
        self, search: Search, candidate: TopKCandidate, effort: float, share: float
    ) -> Search:
        """The search to use with a filter, for an effort and the share of rows that it visits."""
        return search.with_effort(effort, share)

    def visited_share(self, search: Search, filter_score, queries: Sequence[np.ndarray]) -> float:
        """Share of the rows of some queries that a search visits."""
        n_visited = 0
        for rows in queries:
            full_score = self.calibration.full_score[rows]
            n_visited += len(
                search.visit(filter_score[rows], self.target.k, full_score.__getitem__)[0]
            )
        return n_visited / max(sum(len(rows) for rows in queries), 1)


N_DRAWS = 200
"""Queries that the chance of a single query's falling short is read from."""

DRAWN_ROWS = 2_000_000
"""Rows of all of them together, at most, unless 20 queries have more."""

COST_QUERIES = 8
"""Queries that the cost of the gap rule is read from."""

COST_ROWS = 400_000
"""Rows of all of them together, at most, unless one query has more."""


class DrawnQueries(TopKEvidence):
    """Evidence of rows, of which queries are drawn."""

    n_queries = 0

    def __init__(self, calibration: TopKCalibration, target: Target):
        super().__init__(calibration, target)
        self.draw = np.random.default_rng(calibration.seed).random(len(calibration.full_score))
        low, high = target.query_size
        self.sizes = (max(low, target.k + 1), max(high, target.k + 1))

    def share(self, search: Search, needs, filter_score, effort: float, *, choosing: bool) -> float:
        rows = self.choosing_rows if choosing else np.arange(len(needs))
        n_query = self.sizes[0]
        if not search.stops_by_scores:
            return float(max(np.mean(needs[rows] <= effort), self.target.k / n_query))
        rng = np.random.default_rng(self.calibration.seed)
        n_queries = max(1, min(COST_QUERIES, COST_ROWS // n_query))
        queries = [rows[q] for q in draw_queries(len(rows), n_query, n_queries, rng)]
        return self.visited_share(search.with_effort(effort, 1.0), filter_score, queries)

    def precision(self, needs, efforts) -> np.ndarray:
        """Mean precision of queries drawn from the rows that certify, for each effort."""
        rows = self.certifying_rows
        full_score = self.calibration.full_score[rows]
        return mean_precision(full_score, needs[rows], efforts, self.target.k, self.sizes[0])

    def below_target(self, needs, effort: float) -> float:
        """Share of queries drawn from all rows with a precision below the target."""
        rng = np.random.default_rng(self.calibration.seed)
        n_query = self.sizes[0]
        n_draws = int(np.clip(DRAWN_ROWS // min(n_query, len(needs)), 20, N_DRAWS))
        order = order_by_draw(self.calibration.full_score, self.draw)
        missed = needs[order] > effort
        values = drawn_precisions(missed, self.target.k, n_query, n_draws, rng)
        return float(np.mean(values < self.target.precision - 1e-12))

    def why_not(self) -> str:
        return (
            f"{len(self.certifying_rows)} certifying rows are too few for precision_target="
            f"{self.target.precision:g} with k={self.target.k}, even if no row were missed"
        )

    def rows_needed(self) -> int | None:
        """Calibration rows, choosing ones included, that could certify."""
        if self.loss <= 0:
            return None
        needed = rows_for_test(self.target.k, self.sizes[1], self.loss, self.error)
        certify = 1 - float(np.mean(self.calibration.selects))
        return int(np.ceil(needed / max(certify, 1e-9)))
