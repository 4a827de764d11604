"""The base of `ApproxTopKRanker`: what is a ranker's own in `fit`, and for scikit-learn."""

from dataclasses import replace
from functools import partial
from numbers import Integral
from typing import Any, Self

from sklearn.base import is_classifier

from .._compat import refused
from .._composites import thawed
from .._containers import with_rows
from ..planning import (
    FILTER_SAVING,
    Target,
    TopKPlan,
    candidates_to_test,
    certify_topk_plan,
    make_topk_plan,
)
from ..stages._cross_fitted import CalibrationTask
from ..stages._estimator import BlockwiseEstimator
from ._answering import full_searcher, searcher_of
from ._calibration import block_importance, calibrated_from, open_shares
from ._queries import QUERIES, RankingData, queries_of
from ._report import STAGE_WORDS, ranker_report
from ._scores import ScoreRecorder, score_method
from ._sizes import rows_to_return
from ._stage import RankStage
from ._targets import checked_targets
from ._timing import RankTiming, rows_that_pay

TIMED_SHARE_ROWS = 1_000_000
"""Rows of a query of which a share is returned while ranking is timed; fewer are, of fewer rows."""


class BaseRanker(BlockwiseEstimator):
    """Base of `ApproxTopKRanker`, which has the parameters, and what users call."""

    k: float
    precision_target: float
    query_size: Any
    scoring: str

    _target_parameter = "precision_target"
    _stage_class = RankStage

    def _check_parameters(self) -> None:
        size = self.query_size
        if size is None or isinstance(size, Integral):
            return
        whole = len(size) == 2 and all(isinstance(n, Integral) for n in size)
        if not whole or not 1 <= size[0] <= size[1]:
            must_be = "a number of rows, or a pair of the least and the largest number"
            raise refused(type(self).__name__, "query_size", must_be, size)

    def _fit_data(self, X, y, groups, params):
        y = checked_targets(y, self.estimator, owner=type(self).__name__)
        if groups is not None:
            self._check_k_is_number()
            groups = QUERIES.column(groups, X)
        estimator, stratify = thawed(self.estimator), is_classifier(self.estimator)
        return RankingData.make(estimator, X, y, groups, params, stratify=stratify)

    def _check_k_is_number(self) -> None:
        if not isinstance(self.k, Integral):
            raise ValueError(
                f"k={self.k} is a share of each query's rows, and queries are told with groups: "
                "what is promised of them is for one number. Give k as a number of rows."
            )

    def _read_full_model(self, X) -> None:
        self._method = score_method(self.estimator_, self.approx_estimator)
        # Made once: a small query takes little more than what is made for it.
        self._full_searcher = full_searcher(self)

    def _why_no_stages(self, data) -> str:
        return self._why_one_block("filter by") if self._graph is None else ""

    def _usable_blocks(self, blocks):
        return blocks if blocks is not None and blocks.full.gives(self._method) else None

    def _usable_stage(self, stage):
        return stage if stage is not None and stage.approx.gives(self._method) else None

    def _task(self, data, routed) -> CalibrationTask:
        recorder = ScoreRecorder(method=self._method)
        return CalibrationTask(
            recorder=recorder,
            answering=self._answering(),
            importance=block_importance(recorder),
            open_shares=open_shares(data.groups),
            calibrate=partial(calibrated_from, groups=data.groups),
            least_saving=FILTER_SAVING,
        )

    def _answering(self) -> RankTiming:
        return RankTiming(
            searcher=replace(self._full_searcher, graph=self._graph),
            k=rows_to_return(self.k, TIMED_SHARE_ROWS),
        )

    def _query_sizes(self):
        """Least and largest number of rows of a query to plan for."""
        calibration = self._calibrated and self._calibrated.calibration
        if calibration and calibration.queries is not None:
            sizes = [len(rows) for rows in calibration.queries]
            return min(sizes), max(sizes)
        if self.query_size is None:
            n_rows = len(calibration.full_score) if calibration else 0
            return n_rows, n_rows
        if isinstance(self.query_size, Integral):
            return int(self.query_size), int(self.query_size)
        return int(self.query_size[0]), int(self.query_size[1])

    def _make_plan(self) -> TopKPlan:
        self._target = self._current_target()
        return make_topk_plan(self._calibrated.calibration, self._target)

    def _check_speed(self, X, timer) -> None:
        plan, calibrated = self._plan, self._calibrated
        full_seconds = calibrated.calibration.full_seconds
        least_rows = rows_that_pay(
            self._full_searcher,
            replace(searcher_of(self), n_threads=1),
            X,
            plan.guarantee.k,
            full_seconds=full_seconds,
            expected_seconds=plan.expected_seconds,
            timer=timer,
        )
        # Kept as seconds, for plans at other targets.
        call_seconds = least_rows * (full_seconds - plan.expected_seconds)
        timed = replace(calibrated.calibration, call_seconds=call_seconds)
        self._calibrated = replace(calibrated, calibration=timed)

    def _exact_plan(self, reason) -> TopKPlan:
        return TopKPlan.of_full_model(float("nan"), self._current_target(), reason=reason)

    def _current_target(self) -> Target:
        """What the parameters now ask of a plan."""
        sizes = self._query_sizes()
        if not isinstance(self.k, Integral):
            sizes = (sizes[1], sizes[1])  # other sizes are planned for when they are met
        return Target(
            k=rows_to_return(self.k, sizes[1]),
            query_size=sizes,
            precision=float(self.precision_target),
            confidence=self.confidence,
            any_size=self.query_size is None,
        )

    def _certify(self, X: Any, groups: Any) -> Self:
        """Test how deep the models that answer must search, and set what fresh rows show."""
        self._check_certifies()
        if self._calibrated is None:
            return self  # there are no blocks to filter by
        calibration = self._calibrated.calibration
        tested = candidates_to_test(calibration, self._plan)
        target = self._current_target()
        if not tested or target.precision >= 1:
            return self  # every row gets the full model's score, whatever rows may show
        X = with_rows(X)
        record = self._record_fresh(tested, ScoreRecorder(method=self._method), X)
        queries = None
        if groups is not None:
            self._check_k_is_number()
            queries = tuple(queries_of(QUERIES.column(groups, X)).values())
            target = target.for_queries([*(calibration.queries or ()), *queries])
        plan = certify_topk_plan(
            calibration,
            self._plan,
            target,
            full_score=record.full["score"],
            filter_scores=[record.stage(i)["score"] for i in range(len(tested))],
            queries=queries,
        )
        self._target = target
        self._set_plan(plan)
        return self

    def _stages_of(self, plan, first, last):
        return [
            RankStage(**first, share=1.0, search=plan.search),
            RankStage(**last, share=plan.share),
        ]

    def _report(self) -> str:
        return ranker_report(self, self._plan)

    def _stage_words(self):
        return STAGE_WORDS

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags
