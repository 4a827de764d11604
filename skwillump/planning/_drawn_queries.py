"""What queries that are drawn from independent rows of one distribution find and cost."""

import numpy as np

from ._orders import order_by_draw
from ._topk_evidence import TopKEvidence
from ._topk_precision import draw_queries, drawn_precisions, mean_precision
from ._topk_records import Target, TopKCalibration
from ._topk_search import Search
from ._topk_tests import rows_for_test

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
