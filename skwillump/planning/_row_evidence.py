"""Evidence from rows: queries are drawn from independent rows of one distribution."""

from collections.abc import Iterator

import numpy as np

from ._orders import orders_by_fold
from ._topk_evidence import Depth, DrawnQueries
from ._topk_precision import effort_for_precision, least_effort
from ._topk_records import Target, TopKCalibration, TopKCandidate
from ._topk_search import Search
from ._topk_tests import TopTest, top_test

CELL = 1.1
"""Ratio of the ends of the intervals of k and query size that are tested together."""

SMALLER_K = 0.6
"""Smaller k are certified too as long as their tests allow this share of the misses of k's own."""

ESTIMATE_ROWS = 20
"""The precision of fewer rows than k is looked at where it rests on so many rows."""


class RowEvidence(DrawnQueries):
    """Efforts that rows need, by exact tests of the best of them.

    Parameters
    ----------
    for_smaller_k : bool
        Whether smaller k are tested too, as long as that is hardly stricter.
    """

    def __init__(self, calibration: TopKCalibration, target: Target, *, for_smaller_k: bool = True):
        super().__init__(calibration, target)
        columns = (calibration.full_score, calibration.folds, self.draw)
        self._certifying, self._choosing = (
            [rows[order] for order in orders_by_fold(*(column[rows] for column in columns))]
            for rows in (self.certifying_rows, self.choosing_rows)
        )
        tests = self._tests((target.k, target.k)) if self._certifying else []
        self.is_tested = bool(tests)
        self.kind = calibration.evidence.kind_of_test if tests else "exact"
        self.tests = tests
        if tests and for_smaller_k:
            self.tests = [*tests, *self._tests_of_smaller(tests)]

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
        return search.needs(candidate.score, self.calibration.full_score)

    def expected_effort(self, needs) -> float:
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
