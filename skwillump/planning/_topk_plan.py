"""The choice of the filter and search of least expected cost that find enough of the K best."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ._topk import (
    BETS,
    TopTest,
    assumed_tests,
    betting_p_value,
    draw_queries,
    drawn_precisions,
    effort_for_precision,
    least_effort,
    mean_precision,
    order_by_draw,
    orders_of_parts,
    rows_for_test,
    stable_order,
    tolerant_bet,
    top_test,
)
from ._topk_search import Prediction, Search, gap_search, share_needed

LEAST_SAVING = 0.2
"""A filter must be expected to save this share of the full cost: measured costs are noisy, and do
not hold the gathering of candidates, which costs as much as a cheap block where they are many."""

LEAST_GAIN_OF_GAP = 0.02
"""The gap rule must lower the expected cost by this share: it visits rows in several batches."""

CELL = 1.1
"""Ratio of the ends of the intervals of k and query size that are tested together."""

N_DRAWS = 200
"""Queries that the chance of a single query's falling short is read from."""

DRAWN_ROWS = 2_000_000
"""Rows of all of them together, at most, unless 20 queries have more."""

COST_QUERIES = 8
"""Queries that the cost of the gap rule is read from."""

SMALLER_K = 0.6
"""Smaller k are certified too as long as their tests allow this share of the misses of k's own."""

ESTIMATE_ROWS = 20
"""The precision of fewer rows than k is looked at where it rests on so many rows."""


@dataclass(frozen=True)
class TopKCandidate:
    """A filter model on a set of blocks, and what it did on the calibration rows.

    Attributes
    ----------
    blocks : tuple of str
    stage_seconds : float
        Seconds a row of the filter: blocks and model.
    rest_seconds : float
        Seconds that a candidate row costs on top.
    score : ndarray of float64 of shape (n_rows,)
        The filter's.
    n_trees : int or None
        Where the filter consists of first trees of the full model: how many.
    """

    blocks: tuple[str, ...]
    stage_seconds: float
    rest_seconds: float
    score: np.ndarray = field(repr=False)
    n_trees: int | None = None


@dataclass(frozen=True)
class TopKCalibration:
    """All that a plan is made from: numbers and arrays.

    Attributes
    ----------
    candidates : tuple of TopKCandidate
    full_seconds : float
        Seconds a row of the full model.
    full_score : ndarray of float64 of shape (n_rows,)
    parts : ndarray of int of shape (n_rows,)
        The models of which part of the data gave the scores of a row.
    selects : ndarray of bool of shape (n_rows,)
        Rows that choose; the others certify.
    queries : tuple of ndarray of intp, or None
        Rows of each query, where queries were told.
    basis : {"prefit", "cross-fitted"}
    train_share : float
        As for `Calibration`.
    seed : int
    """

    candidates: tuple[TopKCandidate, ...]
    full_seconds: float
    full_score: np.ndarray
    parts: np.ndarray
    selects: np.ndarray
    queries: tuple[np.ndarray, ...] | None
    basis: str
    train_share: float
    seed: int

    def queries_that(self, select: bool) -> list[np.ndarray]:
        """Queries of the rows that select, or of those that certify."""
        return [rows for rows in self.queries or () if self.selects[rows[0]] == select]


@dataclass(frozen=True)
class Target:
    """What is asked of a plan.

    Attributes
    ----------
    k : int
    query_size : tuple of int
        Least and largest number of rows of a query.
    precision : float in (0, 1]
    confidence : float in (0, 1) or None
    """

    k: int
    query_size: tuple[int, int]
    precision: float
    confidence: float | None

    def tested_loss(self, calibration: TopKCalibration) -> float:
        """Mean loss to test for, so that the models that will answer keep the target.

        See `Calibration.tested_target`, which does the same for accuracy.
        """
        return (1 - self.precision) * calibration.train_share

    def tested_confidence(self, calibration: TopKCalibration) -> float:
        """Confidence to test with, as in `Calibration.tested_confidence`."""
        assert self.confidence is not None
        prefit = calibration.basis == "prefit"
        return self.confidence if prefit else (1 + self.confidence) / 2


@dataclass(frozen=True)
class TopKTradeoff:
    """Precision against cost along the efforts of one filter, on the rows that certify.

    Attributes
    ----------
    blocks : tuple of str
    rule : {"share", "gap", "ratio"}
    share : ndarray of float64 of shape (n_steps,)
        Mean share of a query's rows that get the full model's score.
    precision : ndarray of float64 of shape (n_steps,)
        Mean precision over queries drawn from the rows: a point estimate.
    expected_seconds : ndarray of float64 of shape (n_steps,)
        A row.
    chosen : int or None
        The step that is used.
    """

    blocks: tuple[str, ...]
    rule: str
    share: np.ndarray = field(repr=False)
    precision: np.ndarray = field(repr=False)
    expected_seconds: np.ndarray = field(repr=False)
    chosen: int | None


@dataclass(frozen=True)
class TopKGuarantee:
    """What is promised, and on what evidence.

    Attributes
    ----------
    kind : {"certified", "estimate", "plug-in", "exact"}
        ``"certified"``: a test at level ``1 - confidence`` that assumes nothing but that queries
        are of independent rows of one distribution, or independent of one another where they were
        told. ``"estimate"``: the same, if rows with higher full scores are not missed more often.
        ``"plug-in"``: the mean of resampled queries, no more. ``"exact"``: all rows get the full
        model's score.
    precision_target : float
        Mean share of the full model's own k best that are found.
    confidence : float or None
    basis : {"prefit", "cross-fitted"} or None
        Whether the numbers are those of the very models that answer, or of models fitted in the
        same way on parts of the data.
    k : int
        Largest k that it is for.
    least_k : int
        Smallest k for which it was shown. For smaller ones it is an estimate.
    query_size : tuple of int
        Least and largest number of rows of a query that it is for.
    n_rows, n_queries : int
        What the evidence rests on; `n_queries` is 0 if queries were not told.
    n_top, n_misses : int
        Rows among the best that were looked at, and how many of them were missed.
    tested_target, tested_confidence : float
        As for `Guarantee`.
    precision : float
        Mean precision on the rows that certify: a point estimate.
    below_target : float
        Share of single queries with a precision below the target, over resampled queries (those
        that certify, where queries were told): an estimate of a query's own chance.
    reason : str
        Why all rows get the full model's score; empty if they do not.
    rows_needed : int or None
        Calibration rows with which a filter could be certified, where more would do.
    """

    kind: str
    precision_target: float
    confidence: float | None
    basis: str | None
    k: int
    least_k: int
    query_size: tuple[int, int]
    n_rows: int
    n_queries: int
    n_top: int
    n_misses: int
    tested_target: float
    tested_confidence: float | None
    precision: float
    below_target: float
    reason: str = ""
    rows_needed: int | None = None


@dataclass(frozen=True)
class TopKPlan:
    """The outcome of `make_topk_plan`.

    Attributes
    ----------
    candidate : int or None
        The filter to use; None for none.
    search : Search or None
    share : float
        Mean share of a query's rows that are candidates.
    expected_seconds : float
        A row.
    guarantee : TopKGuarantee
    tradeoffs : tuple of TopKTradeoff
        One for each filter.
    """

    candidate: int | None
    search: Search | None
    share: float
    expected_seconds: float
    guarantee: TopKGuarantee
    tradeoffs: tuple[TopKTradeoff, ...]


@dataclass(frozen=True)
class _Option:
    """A filter with a search, and what to expect of it."""

    candidate: int
    search: Search
    needs: np.ndarray
    effort: float
    share: float
    expected_seconds: float


class _Evidence:
    """Reads efforts off rows: queries are drawn from rows of one distribution."""

    def __init__(self, calibration: TopKCalibration, target: Target):
        self.calibration = calibration
        self.target = target
        self.rows = np.flatnonzero(~calibration.selects)
        self.selecting = np.flatnonzero(calibration.selects)
        draw = np.random.default_rng(calibration.seed).random(len(calibration.full_score))
        self._order = order_by_draw(calibration.full_score, draw)
        of_rows = (calibration.full_score, calibration.parts, draw)
        self._orders = [
            [rows[order] for order in orders_of_parts(*(values[rows] for values in of_rows))]
            for rows in (self.rows, self.selecting)
        ]
        self.loss = target.tested_loss(calibration)
        self.error = 1 - target.tested_confidence(calibration)
        low, high = target.query_size
        self.sizes = (max(low, target.k + 1), max(high, target.k + 1))
        self.kind, self.tests = self._tests()

    def _tests(self):
        """The tests that all must be passed, each at the full level, and what passing them is."""
        k = self.target.k
        n_parts = [len(order) for order in self._orders[0]]
        if not n_parts:
            return "exact", []
        tests = self._tests_of(n_parts, (k, k))
        if tests:
            return "certified", [*tests, *self._tests_of_smaller(n_parts, tests)]
        # Larger queries have better rows as their best: under the assumption they lose less.
        n = self.sizes[0]
        tests = assumed_tests(n_parts, k, n, self.loss, self.error)
        return ("estimate" if tests else "exact"), tests

    def _tests_of(self, n_parts, k):
        """A test for every interval of query sizes; empty if a single one cannot be passed."""
        tests = []
        for cell in cells(*self.sizes):
            test = top_test(n_parts, k, cell, self.loss, self.error)
            if test is None:
                return []
            tests.append(test)
        return tests

    def _tests_of_smaller(self, n_parts, tests):
        """Tests of smaller k, as long as they are hardly stricter."""
        bar = SMALLER_K * min(test.miss_share for test in tests)
        k = self.target.k
        while k > 1:
            low = min(k - 1, int(np.ceil(k / CELL)))
            of_cell = self._tests_of(n_parts, (low, k - 1))
            if not of_cell or min(test.miss_share for test in of_cell) < bar:
                return
            yield from of_cell
            k = low

    def _top_needs(self, needs, orders, n_top) -> np.ndarray:
        """Needs of the first rows of each part."""
        return np.concatenate([needs[o[:n]] for o, n in zip(orders, n_top, strict=True)])

    def _least_effort(self, needs, test: TopTest) -> float:
        """Least effort that passes a test."""
        return least_effort(self._top_needs(needs, self._orders[0], test.n_top), test.n_misses)

    def predict(self, needs) -> float:
        """Effort that `certify` would probably reach, seen from the rows that select."""
        ratio = len(self.selecting) / max(len(self.rows), 1)
        efforts = []
        for test in self.tests:
            n = max(ratio * sum(test.n_top), min(20, len(self.selecting)))
            n_top = [int(np.ceil(n * len(o) / len(self.selecting))) for o in self._orders[1]]
            top = self._top_needs(needs, self._orders[1], n_top)
            efforts.append(least_effort(top, int(test.miss_share * len(top))))
        return max(efforts)

    def certify(self, needs) -> tuple[float, int, int]:
        """Least effort that passes all tests, the rows looked at and those that it misses."""
        outcomes = []
        for test in self.tests:
            top = self._top_needs(needs, self._orders[0], test.n_top)
            outcomes.append((least_effort(top, test.n_misses), top))
        effort, top = max(outcomes, key=lambda outcome: outcome[0])
        effort = max([effort, *self._by_estimate(needs)])
        return effort, len(top), int(np.sum(top > effort))

    def _by_estimate(self, needs):
        """Efforts at which the point estimates of k and of smaller ones reach the target too."""
        k: float = self.target.k
        n = self.sizes[0]
        while k == self.target.k or (k >= 1 and len(self.rows) * k / n >= ESTIMATE_ROWS):
            yield effort_for_precision(
                self.calibration.full_score[self.rows],
                needs[self.rows],
                self.target.precision,
                int(k),
                n,
            )
            k /= 2

    def least_k(self, needs, effort) -> int:
        """Smallest k for which, and for all between it and the target's, the tests are passed."""
        if self.kind == "estimate":
            return 1
        n_parts, k = [len(order) for order in self._orders[0]], self.target.k
        while k > 1:
            low = min(k - 1, int(np.ceil(k / CELL)))
            tests = self._tests_of(n_parts, (low, k - 1))
            if not tests or any(self._least_effort(needs, test) > effort for test in tests):
                break
            k = low
        return k

    def share(self, option_search: Search, needs, score, effort, *, selecting: bool) -> float:
        """Mean share of a query's rows that are visited."""
        rows = self.selecting if selecting else np.arange(len(needs))
        n = self.sizes[0]
        if option_search.rule == "share":
            return float(max(np.mean(needs[rows] <= effort), self.target.k / n))
        search = option_search.with_effort(effort, 1.0)
        rng = np.random.default_rng(self.calibration.seed)
        n_queries = max(1, min(COST_QUERIES, 400_000 // n))
        queries = [rows[q] for q in draw_queries(len(rows), n, n_queries, rng)]
        return _gap_share(search, self.calibration.full_score, score, queries, self.target.k)

    def precision(self, needs, efforts) -> np.ndarray:
        """Mean precision of queries drawn from the rows that certify."""
        score = self.calibration.full_score[self.rows]
        return mean_precision(score, needs[self.rows], efforts, self.target.k, self.sizes[0])

    def below_target(self, needs, effort) -> float:
        """Share of queries drawn from all rows with a precision below the target."""
        rng = np.random.default_rng(self.calibration.seed)
        n = self.sizes[0]
        n_draws = int(np.clip(DRAWN_ROWS // min(n, len(needs)), 20, N_DRAWS))
        missed = needs[self._order] > effort
        values = drawn_precisions(missed, self.target.k, n, n_draws, rng)
        return float(np.mean(values < self.target.precision - 1e-12))

    @property
    def n_queries(self) -> int:
        """Number of told queries that certify."""
        return 0

    def why_not(self) -> tuple[str, int | None]:
        """Why nothing could be shown, and with how many rows it could."""
        needed = self.rows_needed()
        return (
            f"{len(self.rows)} certifying rows are too few for precision_target="
            f"{self.target.precision:g} with k={self.target.k}, even if no row were missed",
            needed,
        )

    def rows_needed(self) -> int | None:
        """Calibration rows, selecting ones included, that could certify."""
        if self.loss <= 0:
            return None
        needed = rows_for_test(self.target.k, self.sizes[1], self.loss, self.error)
        certify = 1 - float(np.mean(self.calibration.selects))
        return int(np.ceil(needed / max(certify, 1e-9)))


class _QueryEvidence(_Evidence):
    """Reads efforts off queries that were told: they are independent, their rows need not be.

    The queries that select choose the bet of the test, and those that certify are tested by it. It
    is the same for all efforts, so that the p-value falls with them.
    """

    def _tests(self):
        self.queries = self.calibration.queries_that(False)
        self.choosing = self.calibration.queries_that(True)
        without_loss = np.ones(len(self.queries) if self.choosing else 0)
        enough = self.loss > 0 and self._p_value(without_loss, BETS[-1]) <= self.error
        return ("certified", []) if enough else ("exact", [])

    @property
    def n_queries(self) -> int:
        return len(self.queries)

    def _best(self, rows):
        """The K best rows of a query; all that are returned anyway count as found."""
        return rows[stable_order(self.calibration.full_score[rows])[: self.target.k]]

    def _p_value(self, precisions, bet: float) -> float:
        return betting_p_value(precisions, 1 - self.loss, bet)

    def _precisions(self, needs, effort, queries) -> np.ndarray:
        k = self.target.k
        return np.array(
            [np.mean(needs[self._best(q)] <= effort) if len(q) > k else 1.0 for q in queries]
        )

    def _least(self, needs, queries, enough: Callable[[np.ndarray], bool]) -> float:
        """Least effort at which the precisions of queries are enough; they grow with it."""
        best = [needs[self._best(q)] for q in queries if len(q) > self.target.k]
        efforts = np.unique(np.concatenate([[-np.inf], *best]))
        low, high = 0, len(efforts) - 1
        while low < high:
            middle = (low + high) // 2
            if enough(self._precisions(needs, efforts[middle], queries)):
                high = middle
            else:
                low = middle + 1
        return float(efforts[low])

    def predict(self, needs) -> float:
        """Effort at which the queries that select keep more than half of the allowed loss."""
        return self._least(needs, self.choosing, lambda p: p.mean() >= 1 - self.loss / 2)

    def _bet(self, needs) -> float:
        """The bet for these needs, chosen by the queries that select."""
        precisions = self._precisions(needs, self.predict(needs), self.choosing)
        n_queries, least_loss = len(self.queries), 1 / self.target.k
        return tolerant_bet(precisions, 1 - self.loss, n_queries, self.error, least_loss)

    def certify(self, needs):
        """Least effort at which the mean precision is shown to exceed what is tested."""
        bet = self._bet(needs)
        effort = self._least(needs, self.queries, lambda p: self._p_value(p, bet) <= self.error)
        top = np.concatenate([needs[self._best(rows)] for rows in self.queries])
        return effort, len(top), int(np.sum(top > effort))

    def least_k(self, needs, effort) -> int:
        """Smallest k for which, and for all between it and the target's, the test is passed."""
        target = self.target
        bet = self._bet(needs)
        least = target.k
        try:
            for k in range(target.k - 1, 0, -1):
                self.target = Target(k, *_rest(target))
                precisions = self._precisions(needs, effort, self.queries)
                if self._p_value(precisions, bet) > self.error:
                    break
                least = k
        finally:
            self.target = target
        return least

    def share(self, option_search: Search, needs, score, effort, *, selecting: bool) -> float:
        queries = self.choosing if selecting else self.queries
        k = self.target.k
        if option_search.rule == "share":
            search = option_search.with_effort(np.inf, float(np.clip(effort, 0, 1)))
            shares = [search.least_candidates(k, len(q)) / len(q) for q in queries]
            weights = [len(q) for q in queries]
            return float(np.average(shares, weights=weights))
        search = option_search.with_effort(effort, 1.0)
        return _gap_share(search, self.calibration.full_score, score, queries, k)

    def precision(self, needs, efforts) -> np.ndarray:
        return np.array([self._precisions(needs, e, self.queries).mean() for e in efforts])

    def below_target(self, needs, effort) -> float:
        values = self._precisions(needs, effort, self.queries)
        return float(np.mean(values < self.target.precision - 1e-12))

    def why_not(self):
        return (
            f"{len(self.queries)} certifying queries are too few for precision_target="
            f"{self.target.precision:g}, even if no row were missed",
            None,
        )


def _rest(target: Target):
    return target.query_size, target.precision, target.confidence


def _gap_share(search: Search, full_score, score, queries, k: int) -> float:
    visited = 0
    for rows in queries:
        of_query = full_score[rows]
        visited += len(gap_search(score[rows], k, search, of_query.__getitem__)[0])
    return visited / max(sum(len(rows) for rows in queries), 1)


def cells(low: int, high: int) -> list[tuple[int, int]]:
    """Intervals of integers that cover low to high, of a bounded ratio."""
    found = []
    while True:
        end = min(high, max(low, int(low * CELL)))
        found.append((low, end))
        if end >= high:
            return found
        low = end + 1


def make_topk_plan(calibration: TopKCalibration, target: Target) -> TopKPlan:
    """Choose a filter and a search, and certify the choice.

    The rows marked `selects` choose the filter and the rule of the search; the other rows decide
    how deep the search must go.

    Parameters
    ----------
    calibration : TopKCalibration
    target : Target

    Returns
    -------
    TopKPlan
    """
    if target.confidence is None:
        return _ratio_plan(calibration, target)
    if target.precision >= 1:
        return _exact(calibration, target, "precision_target is 1, so nothing may be lost")
    if target.k >= target.query_size[1]:
        reason = f"queries have at most {target.query_size[1]} rows, and k={target.k} are returned"
        return _exact(calibration, target, reason)
    evidence = _evidence(calibration, target)
    if evidence.kind == "exact":
        reason, needed = evidence.why_not()
        return _exact(calibration, target, reason, evidence, needed=needed)
    if not calibration.candidates:
        return _exact(calibration, target, "no set of blocks could save a fifth of the cost")
    best = [_best_option(evidence, position) for position in range(len(calibration.candidates))]
    cheapest = min(best, key=lambda option: option.expected_seconds)
    tradeoffs = [_tradeoff(evidence, option) for option in best if option is not cheapest]
    effort, n_top, n_misses = evidence.certify(cheapest.needs)
    candidate = calibration.candidates[cheapest.candidate]
    share = evidence.share(
        cheapest.search, cheapest.needs, candidate.score, effort, selecting=False
    )
    seconds = candidate.stage_seconds + share * candidate.rest_seconds
    pays = seconds <= (1 - LEAST_SAVING) * calibration.full_seconds
    tradeoffs.insert(cheapest.candidate, _tradeoff(evidence, cheapest, effort if pays else None))
    if not pays:
        reason = (
            f"no filter is expected to pay: the best one would leave {100 * share:.1f} % of the "
            "rows to the full model"
        )
        return _exact(calibration, target, reason, evidence, tradeoffs)
    guarantee = _guarantee(
        calibration,
        target,
        evidence.kind,
        least_k=evidence.least_k(cheapest.needs, effort),
        n_rows=len(evidence.rows),
        n_queries=evidence.n_queries,
        n_top=n_top,
        n_misses=n_misses,
        precision=float(evidence.precision(cheapest.needs, np.array([effort]))[0]),
        below_target=evidence.below_target(cheapest.needs, effort),
        rows_needed=evidence.rows_needed() if evidence.kind == "estimate" else None,
    )
    return TopKPlan(
        cheapest.candidate,
        _search(calibration, cheapest.search, effort, share),
        share,
        float(seconds),
        guarantee,
        tuple(tradeoffs),
    )


def replan_search(
    calibration: TopKCalibration, plan: TopKPlan, target: Target
) -> tuple[Search | None, str]:
    """Search for another k or query size by the same filter, from the rows that certify.

    Parameters
    ----------
    calibration : TopKCalibration
        Without queries.
    plan : TopKPlan
        With a filter.
    target : Target

    Returns
    -------
    search : Search or None
        None where nothing could be shown for this size.
    kind : {"certified", "estimate", "exact"}
    """
    assert plan.search is not None
    assert plan.candidate is not None
    evidence = _evidence(calibration, target)
    if evidence.kind == "exact":
        return None, "exact"
    candidate = calibration.candidates[plan.candidate]
    # No estimate is made of the gap rule.
    search = plan.search if evidence.kind == "certified" else Search("share")
    needs = search.needs(candidate.score, calibration.full_score)
    effort, _, _ = evidence.certify(needs)
    share = max(float(np.mean(needs <= effort)), target.k / target.query_size[0])
    return search.with_effort(effort, min(share, 1.0)), evidence.kind


def _evidence(calibration, target) -> _Evidence:
    kind = _Evidence if calibration.queries is None else _QueryEvidence
    return kind(calibration, target)


def _best_option(evidence: _Evidence, position: int) -> _Option:
    """The cheaper search of a filter, as the rows that select see it."""
    calibration = evidence.calibration
    candidate = calibration.candidates[position]
    full_score = calibration.full_score
    rows = evidence.selecting
    searches = [Search("share")]
    # How far the full score exceeds its prediction grows with it where the filter knows little, so
    # that under the gap rule the best rows are the hardest to find: no estimate of it is good.
    if evidence.kind == "certified" and np.isfinite(candidate.score[rows]).any():
        prediction = Prediction.fit(candidate.score[rows], full_score[rows])
        searches.append(Search("gap", prediction=prediction))
    options = []
    for search in searches:
        if search.rule == "share" and calibration.queries is not None:
            needs = np.ones(len(full_score))
            for query in calibration.queries:
                needs[query] = share_needed(candidate.score[query])
        else:
            needs = search.needs(candidate.score, full_score)
        effort = evidence.predict(needs)
        share = evidence.share(search, needs, candidate.score, effort, selecting=True)
        seconds = candidate.stage_seconds + share * candidate.rest_seconds
        options.append(_Option(position, search, needs, effort, share, float(seconds)))
    handicap = {"share": 1.0, "gap": 1 / (1 - LEAST_GAIN_OF_GAP)}
    return min(options, key=lambda o: o.expected_seconds * handicap[o.search.rule])


def _search(calibration, search: Search, effort: float, share: float) -> Search:
    if search.rule == "share" and calibration.queries is not None:
        # Queries may differ in level: no cut that is the same for all.
        return Search("share", share=float(np.clip(effort, 0.0, 1.0)))
    return search.with_effort(effort, share)


def _tradeoff(evidence: _Evidence, option: _Option, chosen: float | None = None) -> TopKTradeoff:
    candidate = evidence.calibration.candidates[option.candidate]
    finite = option.needs[np.isfinite(option.needs)]
    shares = np.unique(np.concatenate([np.geomspace(1e-3, 1, 24), np.linspace(0.05, 1, 20)]))
    efforts = np.quantile(finite, shares) if len(finite) else np.array([np.inf])
    if chosen is not None:
        efforts = np.append(efforts, chosen)
    efforts = np.unique(efforts)
    visited = np.array(
        [
            evidence.share(option.search, option.needs, candidate.score, e, selecting=False)
            for e in efforts
        ]
    )
    return TopKTradeoff(
        candidate.blocks,
        option.search.rule,
        visited,
        evidence.precision(option.needs, efforts),
        candidate.stage_seconds + visited * candidate.rest_seconds,
        None if chosen is None else int(np.searchsorted(efforts, chosen)),
    )


def _ratio_plan(calibration: TopKCalibration, target: Target) -> TopKPlan:
    """The rule of the Willump paper (section 4.3 and its published code).

    The least integer ratio c such that the mean precision of 100 resampled queries with c * k
    candidates reaches the target. It looks at all calibration rows, chooses and checks on the same.
    """
    k, n = target.k, target.query_size[1]
    if calibration.queries is None:
        rng = np.random.default_rng(calibration.seed)
        n = min(n, len(calibration.full_score))
        queries: Sequence[Any] = draw_queries(len(calibration.full_score), n, 100, rng)
    else:
        queries = calibration.queries
    options = []
    for position, candidate in enumerate(calibration.candidates):
        places = _places_of_best(calibration.full_score, candidate.score, queries, k)
        ratio, precisions = 1, np.ones(len(queries))
        while True:
            precisions = np.array([np.mean(p < ratio * k) if len(p) else 1.0 for p in places])
            if precisions.mean() >= target.precision or ratio * k >= n:
                break
            ratio += 1
        share = min(ratio * k / n, 1.0)
        seconds = candidate.stage_seconds + share * candidate.rest_seconds
        options.append((float(seconds), position, ratio, share, precisions, places))
    if not options:
        return _exact(calibration, target, "no set of blocks could save a fifth of the cost")
    seconds, position, ratio, share, precisions, _ = min(options, key=lambda option: option[:2])
    chosen = position if seconds <= (1 - LEAST_SAVING) * calibration.full_seconds else None
    tradeoffs = []
    for _, at, own_ratio, _, _, places in options:
        ratios = np.unique(np.geomspace(1, max(n // k, 1), 40).astype(int))
        ratios = np.union1d(ratios, [own_ratio])
        candidate = calibration.candidates[at]
        visited = np.minimum(ratios * k / n, 1.0)
        found = np.array([np.mean([np.mean(p < r * k) for p in places]) for r in ratios])
        tradeoffs.append(
            TopKTradeoff(
                candidate.blocks,
                "ratio",
                visited,
                found,
                candidate.stage_seconds + visited * candidate.rest_seconds,
                int(np.searchsorted(ratios, own_ratio)) if at == chosen else None,
            )
        )
    if chosen is None:
        reason = f"no filter is expected to pay: the best one needs a ratio of {ratio}"
        return _exact(calibration, target, reason, tradeoffs=tradeoffs)
    guarantee = _guarantee(
        calibration,
        target,
        "plug-in",
        n_rows=len(calibration.full_score),
        n_queries=0 if calibration.queries is None else len(queries),
        precision=float(precisions.mean()),
        below_target=float(np.mean(precisions < target.precision - 1e-12)),
    )
    search = Search("ratio", ratio=ratio, ratio_k=k)
    return TopKPlan(chosen, search, share, seconds, guarantee, tuple(tradeoffs))


def _places_of_best(full_score, score, queries, k: int) -> list[np.ndarray]:
    """Places of each query's K best rows in the order of the filter."""
    places = []
    for rows in queries:
        best = stable_order(full_score[rows])[:k]
        places.append(np.round(share_needed(score[rows])[best] * len(rows)).astype(int) - 1)
    return places


def _guarantee(calibration, target: Target, kind: str, **evidence) -> TopKGuarantee:
    shown = kind in ("certified", "estimate")
    tested = 1 - target.tested_loss(calibration) if shown else target.precision
    defaults: dict[str, Any] = {
        "least_k": 1,
        "n_rows": 0,
        "n_queries": 0,
        "n_top": 0,
        "n_misses": 0,
        "precision": 1.0,
        "below_target": 0.0,
    }
    return TopKGuarantee(
        kind=kind,
        precision_target=target.precision,
        confidence=target.confidence,
        basis=None if kind == "exact" else calibration.basis,
        k=target.k,
        query_size=target.query_size,
        tested_target=tested,
        tested_confidence=target.tested_confidence(calibration) if shown else target.confidence,
        **{**defaults, **evidence},
    )


def _exact(
    calibration, target, reason, evidence=None, tradeoffs=None, needed: int | None = None
) -> TopKPlan:
    if tradeoffs is None:
        tradeoffs = _point_tradeoffs(calibration, evidence)
    guarantee = _guarantee(calibration, target, "exact", reason=reason, rows_needed=needed)
    return TopKPlan(None, None, 1.0, calibration.full_seconds, guarantee, tuple(tradeoffs))


def _point_tradeoffs(calibration, evidence) -> list[TopKTradeoff]:
    """Trade-offs of filters by share, where nothing could be shown."""
    if evidence is None or not len(evidence.rows):
        return []
    tradeoffs = []
    for position, candidate in enumerate(calibration.candidates):
        search = Search("share")
        needs = search.needs(candidate.score, calibration.full_score)
        if calibration.queries is not None:
            needs = np.ones(len(needs))
            for query in calibration.queries:
                needs[query] = share_needed(candidate.score[query])
        option = _Option(position, search, needs, np.inf, 1.0, np.inf)
        tradeoffs.append(_tradeoff(evidence, option))
    return tradeoffs
