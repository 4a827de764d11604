"""What is planned from what `fit` stored: stages, other targets, certificates."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar, Self

from .._compat import available_if, check_fitted
from .._composites import thawed
from .._containers import num_samples
from ..blocks import CompiledBlocks, CompiledStage
from ._blocks import Block
from ._diagram import stage_diagram
from ._fold_tasks import FoldRecord, record_in_chunks
from ._full_model import FullModel, StageBase
from ._meta_estimator import BlockMetaEstimator
from ._models import StageSpec
from ._recording import Recorder
from ._report import StageWords, blocks_text


class PlannedEstimator(BlockMetaEstimator):
    """Base of estimators whose stages follow from a plan, of which `fit` can make more than one.

    A subclass says what its plans are, in these methods:

    - `_check_parameters`: what the table of constraints cannot say;
    - `_make_plan`, `_exact_plan`: the plan, and the one where there is nothing to plan with;
    - `_stages_of`: the stages of a plan that has two;
    - `_stage_words`, `_report`: what stages do, and what was decided, in words.

    `_usable_stage` has an answer here that is right for most.
    """

    stages_: list[Any]
    blocks_: list[Block]

    _calibrated: Any
    _first_stage: Any  # FirstStage; None where the full model answers every row
    _fused_blocks: CompiledBlocks | None

    _target_parameter: ClassVar[str]
    _stage_class: ClassVar[type[StageBase]]

    def _check_parameters(self) -> None:
        """Raise ValueError for parameters that do not fit together."""

    def _make_plan(self) -> Any:
        """Choose and certify, from what calibration found out."""
        raise NotImplementedError

    def _exact_plan(self, reason: str) -> Any:
        """Plan by which the full model answers every row."""
        raise NotImplementedError

    def _stages_of(self, plan: Any, first: dict[str, Any], last: dict[str, Any]) -> list[Any]:
        """Stages of a plan, from what every stage has."""
        raise NotImplementedError

    def _stage_words(self) -> StageWords:
        """What the stages do, in words."""
        raise NotImplementedError

    def _report(self) -> str:
        """What was decided, why, and what is promised."""
        raise NotImplementedError

    def _usable_stage(self, stage: CompiledStage | None) -> CompiledStage | None:
        """A first stage on a compiled path, if that gives what is asked of it."""
        return stage

    def report(self) -> str:
        """Tell what was decided, why, and what is promised.

        Returns
        -------
        str
            Lines of text.
        """
        check_fitted(self)
        return self._report()

    def _check_certifies(self) -> None:
        """Raise where no certificate can be asked for."""
        check_fitted(self)
        if self.confidence is None:
            raise ValueError(
                "confidence=None asks for no promise, so there is nothing to certify: "
                "set_params(confidence=0.95), say."
            )
        name = self._target_parameter
        if getattr(self, name) >= 1 and self._plan.candidate is not None:
            raise ValueError(
                f"{name}=1.0 allows no approximation, so there is nothing to certify: "
                f"set_{name}(1.0) gives every row to the full model."
            )

    def _record_fresh(self, candidates: Sequence[int], recorder: Recorder, X: Any) -> FoldRecord:
        """What the full model and those of some candidates answer on rows that came after `fit`."""
        if not num_samples(X):
            raise ValueError("certify was given no rows, and they are what is to show something.")
        known = self._calibrated.calibration.candidates
        return record_in_chunks(
            self._graph,
            [StageSpec(known[position].blocks) for position in candidates],
            [self._calibrated.models[position] for position in candidates],
            recorder,
            X,
        )

    def _set_target(self, target: float) -> Self:
        """Plan again for another target, from what `fit` stored."""
        check_fitted(self)
        changed = {**self.get_params(deep=False), self._target_parameter: target}
        other = type(self)(**changed)
        other._validate_params()
        other._check_parameters()
        setattr(self, self._target_parameter, target)
        if self._calibrated is None:
            self._set_plan(self._exact_plan(self.guarantee_.reason))
        else:
            self._set_plan(self._planned())
        return self

    def _full_model(self) -> FullModel:
        return FullModel(graph=self._graph, fused=self._fused_blocks, runs=self._full)

    @property
    def _fused(self) -> CompiledStage | None:
        """The first stage on the compiled path, where it has one."""
        return None if self._first_stage is None else self._first_stage.compiled

    def _planned(self) -> Any:
        """The plan, from what calibration found out."""
        calibrated = self._calibrated
        if calibrated.left_out and not calibrated.calibration.candidates:
            spec, left_out = calibrated.left_out[0]
            return self._exact_plan(
                f"no approximate model could be made; that on {blocks_text(spec.blocks)}: "
                f"{left_out.reason}"
            )
        return self._make_plan()

    def _set_plan(self, plan: Any) -> None:
        """Set the plan and what is learned from it."""
        graph = self._graph
        self._plan = plan
        self._first_stage = None
        self.guarantee_ = plan.guarantee
        self.tradeoff_ = list(plan.tradeoffs)
        last = {
            "blocks": () if graph is None else graph.names,
            "model": thawed(self.estimator_) if graph is None else graph.model,
        }
        if plan.candidate is None:
            self.stages_ = [
                self._stage_class(**last, cost_seconds=plan.expected_seconds, share=1.0)
            ]
            return
        candidate = self._calibrated.calibration.candidates[plan.candidate]
        model = self._calibrated.models[plan.candidate]
        stage = self._full_model().first_stage(candidate, model)
        stage = replace(
            stage,
            compiled=self._usable_stage(stage.compiled),
            is_other_model=candidate.is_surrogate or self.approx_estimator is not None,
        )
        if stage.compiled is not None:
            stage.compiled.warm_up()
        self._first_stage = stage
        first = {
            **candidate.described,
            "model": model,
            "cost_seconds": candidate.seconds.start,
        }
        last["cost_seconds"] = candidate.seconds.rest
        self.stages_ = self._stages_of(plan, first, last)

    # scikit-learn ---------------------------------------------------------------------------

    @available_if(lambda self: hasattr(self, "stages_"))
    def _sk_visual_block_(self) -> Any:
        """Stages and blocks for scikit-learn's diagram; while not fitted, its own is drawn."""
        return stage_diagram(self, self._graph, self._stage_words())

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "stages_")
