"""Evidence from queries that were told: they are independent, their rows need not be."""

from bisect import bisect_left
from collections.abc import Callable, Sequence

import numpy as np

from ._orders import stable_order
from ._topk_evidence import Depth, TopKEvidence
from ._topk_records import Target, TopKCalibration, TopKCandidate
from ._topk_search import Search

BETS = np.append(np.linspace(0.05, 0.95, 19), 0.99)
"""Bets to choose from, as shares of the most that can be lost on a query without precision."""


def betting_p_value(values, mean: float, bet: float) -> float:
    """P-value of "the mean is at most `mean`" for independent values between 0 and 1.

    The inverse of the capital of a gambler who bets on larger values: the product of
    ``1 + bet * (value / mean - 1)`` (Waudby-Smith and Ramdas 2020, section 4). It holds for every
    number of values, if the bet was chosen without them.

    Parameters
    ----------
    values : ndarray of float64 of shape (n_values,)
    mean : float in (0, 1]
    bet : float in (0, 1)
    """
    return float(np.exp(-max(_log_growth(values, mean, bet).sum(), 0.0)))


def tolerant_bet(values, mean: float, n_values: int, error: float, least_loss: float) -> float:
    """The bet that allows the most losses among other values, as seen from these.

    A value without a loss lets the capital grow by one factor, those with one let it shrink, by
    others. Chosen is the bet under which the largest share of `n_values` others may have a loss
    while their p-value is `error`. One value is added to those with a loss, for where there are
    none or only small ones.

    Parameters
    ----------
    values : ndarray of float64 of shape (n,)
        Between 0 and 1. Not those that are then tested.
    mean : float in (0, 1)
    n_values : int
        Number of values to be tested.
    error : float
        Level of the test.
    least_loss : float
        The least loss that a value can have, besides none.

    Returns
    -------
    float
        One of `BETS`.
    """
    values = np.asarray(values)
    least = min(values.min(initial=1.0), 1 - least_loss, 2 * mean - 1)
    losing = np.append(values[values < 1], max(least, 0.0))
    growth = _log_growth(1.0, mean, BETS)
    shrinkage = _log_growth(losing, mean, BETS[:, None]).mean(axis=1)
    return float(BETS[np.argmax((growth + np.log(error) / n_values) / (growth - shrinkage))])


def _log_growth(values, mean, bet):
    """Growth of the logarithm of the capital at each value."""
    return np.log1p(bet * (np.asarray(values) / mean - 1))


class QueryEvidence(TopKEvidence):
    """Efforts that told queries need.

    The queries that choose also choose the bet of the test, and those that certify are tested by
    it. It is the same for all efforts, so that the p-value falls with them.

    Parameters
    ----------
    calibration : TopKCalibration
        With queries.
    """

    def __init__(self, calibration: TopKCalibration, target: Target):
        super().__init__(calibration, target)
        self._certifying = calibration.queries_that(False)
        self._choosing = calibration.queries_that(True)
        self.n_queries = len(self._certifying)
        without_loss = np.ones(self.n_queries if self._choosing else 0)
        self.is_tested = self.loss > 0 and self._p_value(without_loss, BETS[-1]) <= self.error
        self.kind = calibration.evidence.kind_of_test if self.is_tested else "exact"

    def needs(self, search: Search, candidate: TopKCandidate) -> np.ndarray:
        needs = np.ones(len(candidate.score))
        for rows in self.calibration.queries or ():
            needs[rows] = search.needs_in_query(
                candidate.score[rows], self.calibration.full_score[rows]
            )
        return needs

    def planned(
        self, search: Search, candidate: TopKCandidate, effort: float, share: float
    ) -> Search:
        return search.with_effort_in_query(effort, share)

    def expected_effort(self, needs) -> float:
        """Effort at which the queries that choose keep more than half of the allowed loss."""
        return self._least_effort(needs, self._choosing, lambda p: p.mean() >= 1 - self.loss / 2)

    def depth(self, needs) -> Depth:
        """Least effort at which the mean precision is shown to exceed what is tested."""
        bet = self._bet(needs)
        effort = self._least_effort(
            needs, self._certifying, lambda p: self._p_value(p, bet) <= self.error
        )
        top = np.concatenate([needs[self._best(rows, self.target.k)] for rows in self._certifying])
        return Depth(effort=effort, n_top=len(top), n_misses=int(np.sum(top > effort)))

    def least_k(self, needs, effort: float) -> int:
        bet = self._bet(needs)
        least = self.target.k
        while least > 1:
            precisions = self._precisions(needs, effort, self._certifying, least - 1)
            if self._p_value(precisions, bet) > self.error:
                break
            least -= 1
        return least

    def share(self, search: Search, needs, filter_score, effort: float, *, choosing: bool) -> float:
        queries = self._choosing if choosing else self._certifying
        return self.visited_share(search.with_effort_in_query(effort, 1.0), filter_score, queries)

    def precision(self, needs, efforts) -> np.ndarray:
        """Mean precision of the queries that certify, for each effort."""
        k = self.target.k
        means = [self._precisions(needs, effort, self._certifying, k).mean() for effort in efforts]
        return np.array(means)

    def below_target(self, needs, effort: float) -> float:
        """Share of the queries that certify with a precision below the target."""
        values = self._precisions(needs, effort, self._certifying, self.target.k)
        return float(np.mean(values < self.target.precision - 1e-12))

    def why_not(self) -> str:
        return (
            f"certifying queries are too few for precision_target={self.target.precision:g}: "
            f"there are {self.n_queries}, and even if no row were missed it would take "
            f"{self._least_queries()}"
        )

    def what_would_do(self, choosing_share: float) -> str:
        given = int(np.ceil(self._least_queries() / (1 - choosing_share)))
        chooses = ": as fit was told none, some of them choose how they are tested"
        return f" Give {given} queries or more{chooses if choosing_share else ''}."

    def _least_queries(self) -> int:
        """Queries that certify with which something could be shown, if no row were missed."""
        of_one = self._p_value(np.ones(1), BETS[-1])
        return int(np.ceil(np.log(self.error) / np.log(of_one)))

    def rows_needed(self) -> int | None:
        """None: what counts are queries, not rows."""
        return None

    def _best(self, rows, k: int) -> np.ndarray:
        """The `k` best rows of a query."""
        return rows[stable_order(self.calibration.full_score[rows])[:k]]

    def _p_value(self, precisions, bet: float) -> float:
        return betting_p_value(precisions, 1 - self.loss, bet)

    def _precisions(self, needs, effort: float, queries: Sequence[np.ndarray], k: int):
        """Precision of each query; where all rows are returned it is one."""
        return np.array(
            [np.mean(needs[self._best(q, k)] <= effort) if len(q) > k else 1.0 for q in queries]
        )

    def _least_effort(
        self,
        needs,
        queries: Sequence[np.ndarray],
        enough: Callable[[np.ndarray], bool],
    ) -> float:
        """Least effort at which the precisions of queries are enough; they grow with it."""
        k = self.target.k
        best = [needs[self._best(rows, k)] for rows in queries if len(rows) > k]
        efforts = np.unique(np.concatenate([[-np.inf], *best]))

        def is_enough(effort: float) -> bool:
            return bool(enough(self._precisions(needs, effort, queries, k)))

        return float(efforts[bisect_left(efforts[:-1], True, key=is_enough)])

    def _bet(self, needs) -> float:
        """The bet for these needs, chosen by the queries that choose."""
        effort = self.expected_effort(needs)
        precisions = self._precisions(needs, effort, self._choosing, self.target.k)
        least_loss = 1 / self.target.k
        return tolerant_bet(precisions, 1 - self.loss, self.n_queries, self.error, least_loss)
