"""The base of `CascadeClassifier`: what is a cascade's own in `fit`, and for scikit-learn."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, Self

import numpy as np
from sklearn.base import is_classifier
from sklearn.utils import Bunch, get_tags, indexable
from sklearn.utils.metadata_routing import MethodMapping

from .._compat import refused
from .._composites import last_step
from .._containers import with_rows
from .._one_row import RowTemplate
from ..planning import (
    CASCADE_SAVING,
    Plan,
    Subgroups,
    certify_plan,
    given_up,
    make_plan,
    rows_to_certify,
    rows_to_choose,
    saves,
)
from ..stages._cross_fitted import Calibrated, CalibrationTask, GrowthTask
from ..stages._estimator import BlockwiseEstimator
from ..stages._folds import FitData
from ..stages._labels import GroupsParameter, check_labels, required
from ..stages._models import NoEvidence
from ..stages._recording import none_open
from ._answering import CascadeRunner
from ._calibration import calibrated_from, fresh_rows, with_fewer_rows
from ._label_kinds import label_kind
from ._report import cascade_report, stage_words
from ._responses import CascadeRecorder, response_method, why_no_response
from ._scoring import check_name, check_target_scorer, is_accuracy, is_balanced_accuracy
from ._stage import Stage
from ._task import block_importance, least_open, open_shares
from ._timing import CascadeTiming, seconds_of_plan


def subgroup_column(subgroups: Any, X: Any) -> np.ndarray:
    """Subgroup of each row of `X` as an array; ValueError if it is not a name for each row."""
    parameter = GroupsParameter("subgroups", of="subgroup")
    subgroups = parameter.column(subgroups, X)
    parameter.names(subgroups)  # judges them
    return subgroups


def stages_have(method: str) -> Callable[[Any], bool]:
    """Check that the estimator, and every stage where there are stages, has a method."""

    def check(self: Any) -> bool:
        estimator = getattr(self, "estimator_", self.estimator)
        getattr(estimator, method)
        for stage in getattr(self, "stages_", ()):
            getattr(stage.model, method)
        return True

    return check


class BaseCascade(BlockwiseEstimator):
    """Base of `CascadeClassifier`, which has the parameters, and what users call."""

    accuracy_target: float
    scoring: Any
    query: str

    _target_parameter = "accuracy_target"
    _stage_class = Stage

    @property
    def _known_classes(self):
        # A classifier of one's own that only predicts may have none.
        return getattr(self.estimator_, "classes_", None)

    def _check_parameters(self) -> None:
        for name in ("estimator", "approx_estimator"):
            given = getattr(self, name)
            if given is not None and not is_classifier(given):
                must_be = (
                    "a classifier, or a Pipeline that ends in one (ApproxTopKRanker takes "
                    "regressors)"
                )
                raise refused(type(self).__name__, name, must_be, last_step(given)[1])
        check_name(self.scoring)

    def _fit_data(self, X, y, groups, params):
        check_labels(required(y, owner=type(self).__name__, what="labels"))
        scorer = self._scorer()  # a score that cannot be kept is said before anything is fitted
        if groups is not None:
            if self.confidence is None or not is_accuracy(scorer, {}):
                raise ValueError(
                    "subgroups ask for a test of the accuracy in each of them: they need "
                    f"scoring='accuracy' and a confidence, and scoring={self.scoring!r}, "
                    f"confidence={self.confidence!r}."
                )
            groups = subgroup_column(groups, X)
        self._labels = label_kind(y)
        return FitData(
            X=X,
            y=self._labels.read(y),
            params=params,
            stratify=self._labels.stratify,
            keeps_classes=self._labels.stratify,
            subgroups=groups,
        )

    def _scorer(self):
        return check_target_scorer(self.estimator, self.scoring)

    def _read_full_model(self, X) -> None:
        self._template = RowTemplate.from_data(X, self.estimator_)
        approx = [] if self.approx_estimator is None else [self.approx_estimator]
        self._method: Any = response_method(self.estimator_, *approx)

    def _why_no_stages(self, data) -> str:
        if self._graph is None:
            return self._why_one_block("cascade")
        if self._method is None:
            return why_no_response(self.estimator_, self.approx_estimator)
        if self._labels.only_accuracy and not is_accuracy(self._scorer(), {}):
            return f"of several labels a row accuracy can be kept, and not scoring={self.scoring!r}"
        if self._known_classes is None:
            return "the estimator has no classes_, so that answers of two models cannot be compared"
        reason = self._labels.why_no_stages(data.y, self._known_classes)
        if reason or not self._is_prefit():
            return reason
        return self._labels.why_too_few(data.y, self.estimator_)

    def _task(self, data, routed) -> CalibrationTask:
        y, scorer, score_params = data.y, self._scorer(), routed.scorer.score
        if data.subgroups is not None and score_params:
            raise ValueError(
                "subgroups ask for a test of the accuracy in each of them, and the score was asked "
                f"for with metadata: {sorted(score_params)}. Give one of them."
            )
        if self._labels.only_accuracy and score_params:
            raise NoEvidence(
                "of several labels a row accuracy can be kept, and not a score with metadata: "
                f"{sorted(score_params)}"
            )
        recorder = self._recorder(is_scored=not is_accuracy(scorer, score_params))
        is_tested = self.confidence is not None and not recorder.keeps_responses
        is_ordered = recorder.n_groups == 2 and len(recorder.measures) == 1
        return CalibrationTask(
            recorder=recorder,
            answering=self._answering(),
            importance=block_importance(y, recorder, scorer, score_params),
            open_shares=open_shares(y, recorder),
            calibrate=partial(
                calibrated_from,
                data=data,
                recorder=recorder,
                scorer=scorer,
                score_params=score_params,
                in_batches=self.query == "batch",
            ),
            least_saving=CASCADE_SAVING,
            # Of other scores than accuracy it is not known what rows lose.
            least_open=(
                none_open
                if recorder.keeps_responses
                else least_open(y, recorder, self.accuracy_target)
            ),
            with_truth=self._labels.with_truth(y, self.estimator_),
            query=self.query,
            growth=None if self.confidence is None else self._growth_task(y, recorder),
            stand_ins=self._tries_stand_ins(),
            n_certify=(
                rows_to_certify(self.accuracy_target, 1 - self.confidence) if is_tested else 0
            ),
            n_choose=rows_to_choose(self.accuracy_target) if is_tested and is_ordered else 0,
        )

    def _growth_task(self, y: Any, recorder: CascadeRecorder) -> GrowthTask:
        """What is asked where harms may grow."""

        def may_choose(found: Calibrated) -> bool:
            plan = make_plan(found.calibration, self.accuracy_target, self.confidence, found.scores)
            # How many more rows would certify one depends on it too.
            return plan.candidate is not None or plan.guarantee.rows_needed is not None

        def left_out(found: Calibrated) -> Calibrated:
            return replace(found, calibration=replace(found.calibration, leaves_out_growth=True))

        return GrowthTask(
            may_choose=may_choose,
            measured=partial(with_fewer_rows, y=y, recorder=recorder),
            left_out=left_out,
        )

    def _tries_stand_ins(self) -> bool:
        """Whether a first stage may read rows as they come.

        Where costs of blocks are stated, what a block is made from may be what costs: a model that
        reads all of it is not cheap.
        """
        is_own = self.approx_estimator is not None or bool(self.feature_costs)
        return self.compile and not is_own

    def _recorder(self, *, is_scored: bool) -> CascadeRecorder:
        """What is kept of the models' answers, for accuracy or for another score."""
        learns = self._labels.learns_score(
            self._known_classes, is_probability=self._is_probability()
        )
        return self._labels.recorder(
            self._known_classes,
            self._method,
            keeps_responses=is_scored,
            learns_score=learns and not is_scored,
        )

    def _answering(self) -> CascadeTiming:
        return CascadeTiming(
            runner=self._full_runner(),
            graph=self._graph,
            method=self._method,
            measure=self._labels.measures(
                self._known_classes, is_probability=self._is_probability()
            )[0],
        )

    def _is_probability(self) -> bool:
        return self._method == "predict_proba"

    def _make_plan(self) -> Plan:
        calibrated = self._calibrated
        return make_plan(
            calibrated.calibration, self.accuracy_target, self.confidence, calibrated.scores
        )

    def _check_speed(self, X, timer) -> None:
        if self.query != "batch":
            return  # costs are not those of a batch
        timed: set[int] = set()
        while self._plan.candidate is not None and self._plan.candidate not in timed:
            plan, calibration = self._plan, self._calibrated.calibration
            timed.add(plan.candidate)
            seconds = seconds_of_plan(
                self._answering(),
                X,
                self._first_stage,
                plan,
                calibration,
                timer=timer,
            )
            planned = calibration.candidates[plan.candidate].seconds_by(
                plan.measure, 1 - plan.chosen_at
            )
            as_certified = plan.expected_seconds + seconds - planned
            is_kept = saves(calibration, seconds)
            if is_kept and saves(calibration, as_certified):
                return
            dearer = calibration.with_dearer(plan.candidate, seconds - planned)
            self._calibrated = replace(self._calibrated, calibration=dearer)
            # Nothing that is read of rows that certify leads to a second choice.
            again = given_up(calibration, plan, as_certified) if is_kept else self._planned()
            self._set_plan(again)

    def _exact_plan(self, reason) -> Plan:
        return Plan.of_full_model(
            float("nan"),
            accuracy_target=self.accuracy_target,
            confidence=self.confidence,
            reason=reason,
        )

    def _set_plan(self, plan) -> None:
        super()._set_plan(plan)
        self._runner = self._full_runner()
        if plan.candidate is not None:
            self._runner = self._runner.behind(
                graph=self._graph,
                stage=self._first_stage,
                method=self._method,
                measure=plan.measure,
                thresholds=plan.thresholds,
                harm_score=self._calibrated.calibration.candidates[plan.candidate].harm_score,
            )

    def _full_runner(self) -> CascadeRunner:
        """What answers where the full model answers every row."""
        return self._labels.runner(
            classes=self._known_classes,
            template=self._template,
            estimator=self.estimator_,
            full=self._full,
        )

    def _certify(self, X: Any, y: Any, subgroups: Any) -> Self:
        """Test the models that answer on fresh rows, and set what they show."""
        self._check_certifies()
        plan, calibrated = self._plan, self._calibrated
        path = plan.path
        if path is None:
            return self  # the full model answers every row, whatever rows may show
        is_scored = calibrated.scores is not None
        if y is None and is_scored:
            raise ValueError(
                f"Without labels only accuracy can be certified, and scoring={self.scoring!r}. "
                "Pass the labels of the rows as y."
            )
        X = with_rows(X)
        within = self._fresh_subgroups(X, y, subgroups)
        if y is not None:
            X, y = indexable(X, y)
            y = self._labels.read_fresh(y, self._known_classes)
        recorder = self._labels.recorder(
            self._known_classes,
            self._method,
            keeps_responses=is_scored,
            harm_score=calibrated.calibration.candidates[path.candidate].harm_score,
        )
        record = self._record_fresh([path.candidate], recorder, X)
        score = calibrated.scores.on_fresh_rows(record, y) if is_scored else None
        plan = certify_plan(
            calibrated.calibration,
            plan,
            fresh_rows(
                record,
                y,
                path.measure,
                recorder,
                score=score,
                subgroups=within,
                is_balanced=is_scored and is_balanced_accuracy(self._scorer(), {}),
            ),
            target=self.accuracy_target,
            confidence=self.confidence,
        )
        self._set_plan(plan)
        return self

    def _fresh_subgroups(self, X, y, subgroups) -> Subgroups | None:
        """Subgroups of the rows of `certify`; ValueError if it lacks some, or cannot test them."""
        within = self._calibrated.calibration.within
        known = () if within is None or within.of_classes else within.labels
        if subgroups is None and known:
            raise ValueError(
                "fit was given subgroups, so certify needs those of its rows: certify(X, y, "
                "subgroups=...)."
            )
        if subgroups is not None and (y is None or not is_accuracy(self._scorer(), {})):
            raise ValueError(
                "subgroups need labels, and scoring='accuracy'; without labels certify tests all "
                "rows together."
            )
        if subgroups is None:
            return None
        fresh = Subgroups.of(subgroup_column(subgroups, X), known)
        if lacking := fresh.without_rows():
            raise ValueError(
                f"fit was given the subgroups {lacking}, and certify no row of them: nothing can "
                "be shown there. Pass rows of each subgroup."
            )
        return fresh

    def _stages_of(self, plan, first, last):
        one = bool(np.all(plan.thresholds == plan.thresholds[0]))
        threshold = float(plan.thresholds[0]) if one else plan.thresholds
        return [
            Stage(**first, share=plan.early_share, threshold=threshold, measure=plan.measure),
            Stage(**last, share=1 - plan.early_share),
        ]

    def _report(self) -> str:
        return cascade_report(self, self._plan)

    def _stage_words(self):
        return stage_words(self._labels.groups(self._known_classes))

    # scikit-learn ---------------------------------------------------------------------------

    def _routed_by_hand(self, params: Mapping[str, Any]) -> Bunch:
        others = {key: value for key, value in params.items() if key != "groups"}
        routed = super()._routed_by_hand(others)
        if "groups" in params:
            routed.splitter.split["groups"] = params["groups"]
        routed.scorer = Bunch(score={})
        return routed

    def get_metadata_routing(self):
        """Get metadata routing of this object: the base's routes, and to the scorer."""
        scores = MethodMapping().add(caller="fit", callee="score")
        return super().get_metadata_routing().add(scorer=self._scorer(), method_mapping=scores)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags = get_tags(self.estimator).classifier_tags
        return tags
