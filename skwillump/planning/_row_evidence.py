"""Evidence from rows: queries are drawn from independent rows of one distribution."""

from collections.abc import Iterator

import numpy as np

from ._orders import order_by_draw, orders_by_fold
from ._topk_evidence import Depth, TopKEvidence
from ._topk_precision import (
    draw_queries,
    drawn_precisions,
    effort_for_precision,
    least_effort,
    mean_precision,
)
from ._topk_records import Target, TopKCalibration, TopKCandidate
from ._topk_search import Search
from ._topk_tests import TopTest, assumed_tests, rows_for_test, top_test

CELL = 1.1
"""Ratio of the ends of the intervals of k and query size that are tested together."""

N_DRAWS = 200
"""Queries that the chance of a single query's falling short is read from."""

DRAWN_ROWS = 2_000_000
"""Rows of all of them together, at most, unless 20 queries have more."""

COST_QUERIES = 8
"""Queries that the cost of the gap rule is read from."""

COST_ROWS = 400_000
"""Rows of all of them together, at most, unless one query has more."""

SMALLER_K = 0.6
"""Smaller k are certified too as long as their tests allow this share of the misses of k's own."""

ESTIMATE_ROWS = 20
"""The precision of fewer rows than k is looked at where it rests on so many rows."""


class RowEvidence(TopKEvidence):
    """Efforts that rows need.

    Parameters
    ----------
    calibration : TopKCalibration
    target : Target
    """

    n_queries = 0

    def __init__(self, calibration: TopKCalibration, target: Target):
        super().__init__(calibration, target)
        draw = np.random.default_rng(calibration.seed).random(len(calibration.full_score))
        self._order = order_by_draw(calibration.full_score, draw)
        columns = (calibration.full_score, calibration.folds, draw)
        self._certifying, self._choosing = (
            [rows[order] for order in orders_by_fold(*(column[rows] for column in columns))]
            for rows in (self.certifying_rows, self.choosing_rows)
        )
        low, high = target.query_size
        self.sizes = (max(low, target.k + 1), max(high, target.k + 1))
        k = target.k
        n_by_fold = [len(order) for order in self._certifying]
        tests = self._tests((k, k)) if n_by_fold else []
        self.is_tested = bool(tests)
        if self.is_tested:
            self.kind = calibration.evidence.kind_of_test
            self.tests = [*tests, *self._tests_of_smaller(tests)]
            return
        if n_by_fold:
            # Larger queries have better rows as their best: under the assumption they lose less.
            tests = assumed_tests(n_by_fold, k, self.sizes[0], self.loss, self.error)
        self.kind = "estimate" if tests else "exact"
        self.tests = tests

    def _tests(self, k: tuple[int, int]) -> list[TopTest]:
        """A test for every interval of query sizes; empty if a single one cannot be passed."""
        n_by_fold = [len(order) for order in self._certifying]
        tests = []
        for cell in cells(*self.sizes):
            test = top_test(n_by_fold, k, cell, self.loss, self.error)
            if test is None:
                return []
            tests.append(test)
        return tests

    def _tests_of_smaller(self, tests: list[TopTest]) -> Iterator[TopTest]:
        """Tests of smaller k, as long as they are hardly stricter."""
        bar = SMALLER_K * min(test.miss_share for test in tests)
        for low, high in _cells_below(self.target.k):
            smaller = self._tests((low, high))
            if not smaller or min(test.miss_share for test in smaller) < bar:
                return
            yield from smaller

    def needs(self, search: Search, candidate: TopKCandidate) -> np.ndarray:
        """Effort at which each calibration row is found by a search with a filter."""
        return search.needs(candidate.score, self.calibration.full_score)

    def expected_effort(self, needs) -> float:
        """Effort that `depth` would probably reach, seen from the rows that choose."""
        n_choosing = len(self.choosing_rows)
        ratio = n_choosing / max(len(self.certifying_rows), 1)
        efforts = []
        for test in self.tests:
            n = max(ratio * sum(test.n_top), min(20, n_choosing))
            n_top = [int(np.ceil(n * len(order) / n_choosing)) for order in self._choosing]
            top = _first_needs(needs, self._choosing, n_top)
            efforts.append(least_effort(top, int(test.miss_share * len(top))))
        return max(efforts)

    def depth(self, needs) -> Depth:
        """Least effort that passes all tests, and at which the point estimates are enough too."""
        tops = [_first_needs(needs, self._certifying, test.n_top) for test in self.tests]
        efforts = [
            least_effort(top, test.n_misses) for top, test in zip(tops, self.tests, strict=True)
        ]
        strictest = int(np.argmax(efforts))
        effort = max([efforts[strictest], *self._efforts_by_estimate(needs)])
        top = tops[strictest]
        return Depth(effort=effort, n_top=len(top), n_misses=int(np.sum(top > effort)))

    def _efforts_by_estimate(self, needs) -> Iterator[float]:
        """Efforts at which the point estimates of k and of smaller ones reach the target."""
        rows, n_query = self.certifying_rows, self.sizes[0]
        k: float = self.target.k
        while k == self.target.k or (k >= 1 and len(rows) * k / n_query >= ESTIMATE_ROWS):
            full_score = self.calibration.full_score[rows]
            yield effort_for_precision(
                full_score, needs[rows], self.target.precision, int(k), n_query
            )
            k /= 2

    def least_k(self, needs, effort: float) -> int:
        """Smallest k for which, and for all between it and the target's, the tests are passed."""
        if not self.is_tested:
            return 1
        least = self.target.k
        for low, high in _cells_below(least):
            tests = self._tests((low, high))
            if not tests or any(self._least_effort(needs, test) > effort for test in tests):
                break
            least = low
        return least

    def _least_effort(self, needs, test: TopTest) -> float:
        """Least effort that passes a test."""
        return least_effort(_first_needs(needs, self._certifying, test.n_top), test.n_misses)

    def share(self, search: Search, needs, filter_score, effort: float, *, choosing: bool) -> float:
        """Mean share of a query's rows that a search visits."""
        rows = self.choosing_rows if choosing else np.arange(len(needs))
        n_query = self.sizes[0]
        if search.rule == "share":
            return float(max(np.mean(needs[rows] <= effort), self.target.k / n_query))
        rng = np.random.default_rng(self.calibration.seed)
        n_queries = max(1, min(COST_QUERIES, COST_ROWS // n_query))
        queries = [rows[q] for q in draw_queries(len(rows), n_query, n_queries, rng)]
        return self.gap_share(search.with_effort(effort, 1.0), filter_score, queries)

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
        missed = needs[self._order] > effort
        values = drawn_precisions(missed, self.target.k, n_query, n_draws, rng)
        return float(np.mean(values < self.target.precision - 1e-12))

    def why_not(self) -> str:
        """Why nothing could be shown."""
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


def cells(low: int, high: int) -> list[tuple[int, int]]:
    """Intervals of integers that cover low to high, of a bounded ratio."""
    found = []
    while True:
        end = min(high, max(low, int(low * CELL)))
        found.append((low, end))
        if end >= high:
            return found
        low = end + 1


def _cells_below(k: int) -> Iterator[tuple[int, int]]:
    """Intervals of the integers below k, from the largest on."""
    while k > 1:
        low = min(k - 1, int(np.ceil(k / CELL)))
        yield low, k - 1
        k = low


def _first_needs(needs, orders, n_first) -> np.ndarray:
    """Needs of the first rows of each fold."""
    return np.concatenate([needs[o[:n]] for o, n in zip(orders, n_first, strict=True)])
