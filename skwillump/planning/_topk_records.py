"""What a search for the K best is planned from, and what a plan is."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from ._miss_odds import RankedSample
from ._records import ApproximateStage, BaseCalibration, BaseGuarantee, BaseTradeoff
from ._topk_search import Search


@dataclass(frozen=True)
class TopKCandidate(ApproximateStage):
    """A filter model, and what it did on the calibration rows."""

    score: np.ndarray = field(repr=False)  # float64 (n_rows,): the filter's


@dataclass(frozen=True, kw_only=True)
class TopKCalibration(BaseCalibration):
    """All that a search for the K best is planned from."""

    candidates: tuple[TopKCandidate, ...]
    full_score: np.ndarray  # float64 (n_rows,)
    folds: np.ndarray  # int (n_rows,): the models of which fold gave the scores of a row
    queries: tuple[np.ndarray, ...] | None  # rows of each query, where queries were told
    # Seconds that a call with a filter takes more than one of the full model, whatever its rows.
    call_seconds: float = 0.0

    def least_rows(self, expected_seconds: float) -> int:
        """Rows of a query from which on a filter of this cost a row pays for its call."""
        saved = self.full_seconds - expected_seconds
        return round(self.call_seconds / saved) if self.call_seconds > 0 < saved else 0

    def queries_that(self, select: bool) -> list[np.ndarray]:
        """Queries of the rows that choose, or of those that certify."""
        return [rows for rows in self.queries or () if self.selects[rows[0]] == select]


@dataclass(frozen=True)
class Target:
    """What is asked of a plan."""

    k: int
    query_size: tuple[int, int]  # least and largest number of rows of a query
    precision: float  # in (0, 1]
    confidence: float | None  # in (0, 1)
    any_size: bool = False  # whether queries of other sizes are as usual

    def for_queries(self, queries: Sequence[np.ndarray]) -> "Target":
        """The same for queries that are told, which say themselves how many rows they have."""
        sizes = [len(rows) for rows in queries]
        return replace(self, query_size=(min(sizes), max(sizes)), any_size=False)

    def tested_loss(self, calibration: TopKCalibration) -> float:
        """Mean loss to test for, so that the models that will answer keep the target."""
        return calibration.evidence.tested_loss(1 - self.precision)

    def tested_confidence(self, calibration: TopKCalibration) -> float:
        """Confidence to test with, so that the models that will answer keep theirs."""
        assert self.confidence is not None
        return calibration.evidence.tested_confidence(self.confidence)


@dataclass(frozen=True, kw_only=True)
class TopKTradeoff(BaseTradeoff):
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
    n_trees : int or None
        Where the filter is a truncated ensemble: how many trees it has.
    is_surrogate : bool
        Whether it is a linear model in the place of the full one.
    """

    rule: str
    share: np.ndarray = field(repr=False)
    precision: np.ndarray = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class TopKGuarantee(BaseGuarantee):
    """What is promised, and on what evidence.

    Attributes
    ----------
    kind : {"certified", "cross-fitted", "estimate", "plug-in", "exact"}
        ``"certified"``: a test of the very models that answer, at level ``1 - confidence``, that
        assumes nothing but that queries are of independent rows of one distribution, or independent
        of one another where they were told. ``"cross-fitted"``: the same test of models that were
        fitted in the same way on folds of the rows. ``"estimate"``: from all calibration rows, if
        the odds that a row is missed change as a power of its rank near the best ones, which is
        checked. ``"plug-in"``: the mean of resampled queries, no more. ``"exact"``: all rows get
        the full model's score.
    precision_target : float
        Mean share of the full model's own k best that are found.
    confidence : float or None
    basis : {"prefit", "held-out", "fresh", "cross-fitted"} or None
        Which models the evidence is of: those given as fitted, those fitted on the training rows
        alone (``refit=False``), those that answer, on the rows of `certify`; or others, fitted in
        the same way on folds of the rows.
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
    follows_rule : bool or None
        Of an estimate, whether the best rows are missed as often as it assumes. Where not, these
        rows alone decided how deep the search goes.
    reason : str
        Why all rows get the full model's score; empty if they do not.
    rows_needed : int or None
        Calibration rows with which a filter could be certified, where more would do.
    """

    precision_target: float
    k: int
    query_size: tuple[int, int]
    least_k: int = 1
    n_queries: int = 0
    n_top: int = 0
    n_misses: int = 0
    precision: float = 1.0
    below_target: float = 0.0
    follows_rule: bool | None = None


@dataclass(frozen=True, kw_only=True)
class TopKPlan:
    """The outcome of `make_topk_plan`."""

    candidate: int | None = None  # the filter to use; None for none
    search: Search | None = None
    share: float = 1.0  # mean share of a query's rows that are candidates
    expected_seconds: float  # a row
    guarantee: TopKGuarantee
    tradeoffs: tuple[TopKTradeoff, ...] = ()  # one for each filter
    # Where rows that came after `fit` certify the plan: those rows, with its filter alone.
    fresh: TopKCalibration | None = None
    # The calibration rows by their ranks, for other k and query sizes; None where queries were
    # told.
    sample: RankedSample | None = field(default=None, repr=False)

    @classmethod
    def of_full_model(
        cls,
        seconds: float,
        target: Target,
        *,
        reason: str,
        rows_needed: int | None = None,
        tradeoffs: Sequence[TopKTradeoff] = (),
    ) -> "TopKPlan":
        """The plan without a filter."""
        guarantee = TopKGuarantee.of_full_model(
            precision_target=target.precision,
            confidence=target.confidence,
            k=target.k,
            query_size=target.query_size,
            reason=reason,
            rows_needed=rows_needed,
        )
        return cls(expected_seconds=seconds, guarantee=guarantee, tradeoffs=tuple(tradeoffs))

    def tells_queries(self, calibration: TopKCalibration) -> bool:
        """Whether queries were told, to `fit` or to `certify`."""
        return any(each is not None and each.queries for each in (calibration, self.fresh))
