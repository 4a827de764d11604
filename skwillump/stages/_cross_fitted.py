"""What is asked of models that are cross-fitted, and what was found out of them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ._costs import BlockCosts, StageCosts
from ._fold_tasks import FoldRecord
from ._metering import Answering
from ._models import LeftOut, StageSpec
from ._recording import Importance, LeastOpen, OpenShares, Record, Recorder, none_open


@dataclass(frozen=True, kw_only=True)
class CalibrationTask:
    """What is asked of models that are cross-fitted: all in which a cascade and a ranker differ."""

    recorder: Recorder  # what is kept of the models' answers
    answering: Answering  # how the estimator answers, which is timed
    importance: Importance  # what a block is worth to the full model
    # How few rows a model leaves to the full one, by which it is told on the first fold which
    # models can still be chosen.
    open_shares: OpenShares
    # ``calibrate(fitted, seed)`` returns the numbers that a plan is made from, as `Calibrated`.
    calibrate: "Callable[[CrossFitted, int], Calibrated]"
    least_saving: float  # share of the full model's cost that a plan must save
    # How few rows a model leaves open at the target, by which it is told on the first fold whether
    # anything can be chosen. By default none, which holds at any target: nothing can be chosen that
    # costs as much as the full model even so.
    least_open: LeastOpen = none_open
    # bool (n_rows,): rows whose answers can be evidence; None for all.
    with_truth: np.ndarray | None = None
    query: str = "batch"  # {"batch", "point"}: whether to plan for batches or for one row at a time
    # Where others than the tested models will answer: how fast harms grow with the rows is read
    # from models on half of the rows of a fold. None for a task that does not ask.
    growth: "GrowthTask | None" = None
    stand_ins: bool = False  # whether a first stage may read rows as they come
    # Held-out rows that are to certify the models that answer, if need be at the cost of those that
    # choose.
    n_certify: int = 0
    # With fewer rows that choose than these a single model has one path of thresholds, so that
    # nothing is chosen and all rows certify.
    n_choose: int = 0

    @property
    def is_for_target(self) -> bool:
        """Whether it ends where nothing can pay at the target, although it may at a lower one."""
        return self.least_open is not none_open


@dataclass(frozen=True, kw_only=True)
class GrowthTask:
    """What is asked where harms may grow with the rows that models are fitted on.

    All models are fitted once more for it, on fewer rows: not where nothing could be chosen even
    if harms grew no faster than they are ever taken to.
    """

    # Whether anything could be chosen at the target of the fit if they grew as slowly as that.
    may_choose: "Callable[[Calibrated], bool]"
    # The numbers with what models on fewer rows did among them.
    measured: "Callable[[Calibrated, CrossFitted], Calibrated]"
    # The numbers without: where it is not known how fast harms grow.
    left_out: "Callable[[Calibrated], Calibrated]"


@dataclass(frozen=True, kw_only=True)
class CrossFitted:
    """What cross-fitting found out."""

    rows: np.ndarray  # intp (n_rows,): the calibration set: all held-out rows
    folds: np.ndarray  # intp (n_rows,): the fold that holds out each of them
    selects: np.ndarray  # bool (n_rows,): rows that choose; the others certify
    taught: np.ndarray  # bool (n_rows,): rows that models were fitted on nevertheless
    full: Record  # of the full model on these rows
    stages: tuple[Record, ...]  # of each approximate model
    specs: tuple[StageSpec, ...]  # what each of them is
    models: tuple[Any, ...]  # tuple of estimator: those that will answer
    costs: BlockCosts  # of each part of the full pipeline
    stage_costs: StageCosts  # of each approximate model as a first stage
    importances: np.ndarray  # float64 (n_blocks,)
    # Share of the rows of the models that will answer that those of the folds were fitted on.
    train_share: float
    basis: str  # {"prefit", "held-out", "cross-fitted"}: which models the answers are of
    # What models fitted on fewer rows of a fold answered, with the same stages.
    smaller: FoldRecord | None = None
    row_ratio: float = 1.0  # how many fewer
    # Approximate models that were tried and could not be made, or could not answer.
    left_out: tuple[tuple[StageSpec, LeftOut], ...] = ()
    # Whether fewer folds than asked for were looked at, as nothing could pay at the target.
    stopped: bool = False

    def priced_stages(self) -> Iterator[tuple[Record, dict[str, Any]]]:
        """What each approximate model answered, and the fields of its `ApproximateStage`."""
        costs = self.stage_costs
        others = [None] * len(self.specs) if costs.other is None else costs.other.stages
        for spec, record, seconds, other in zip(
            self.specs, self.stages, costs.planned.stages, others, strict=True
        ):
            yield record, {**spec.described, "seconds": seconds, "other": other}

    def in_calibration(self, seed: int) -> dict[str, Any]:
        """The fields of its `BaseCalibration`."""
        return {
            "full_seconds": self.stage_costs.planned.full,
            "selects": self.selects,
            "basis": self.basis,
            "train_share": self.train_share,
            "seed": seed,
            "stopped": self.stopped,
        }

    def calibrated(self, calibration: Any, scores: Any = None) -> "Calibrated":
        """What is kept of it, with the numbers to plan with."""
        return Calibrated(
            calibration=calibration,
            models=self.models,
            costs=self.costs,
            importances=self.importances,
            left_out=self.left_out,
            scores=scores,
        )


@dataclass(frozen=True, kw_only=True)
class Calibrated:
    """What `fit` stores, so that it can be planned again for another target."""

    calibration: Any  # Calibration or TopKCalibration: the numbers to plan with
    models: tuple[Any, ...]  # tuple of estimator: the approximate model of each candidate
    costs: BlockCosts
    importances: np.ndarray  # float64 (n_blocks,)
    # Approximate models that are no candidates.
    left_out: tuple[tuple[StageSpec, LeftOut], ...] = ()
    scores: Any = None  # RecordedScores: for other scores than accuracy
