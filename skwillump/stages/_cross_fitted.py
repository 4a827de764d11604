"""What is asked of models that are cross-fitted, and what was found out of them."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ._costs import BlockCosts, StageCosts
from ._fold_tasks import FoldRecord
from ._folds import Split
from ._metering import Answering
from ._models import LeftOut, StageSpec
from ._recording import Importance, LeastOpen, OpenShares, Record, Recorder, none_open


@dataclass(frozen=True, kw_only=True)
class Setting:
    """How models are to be cross-fitted: parameters of the estimator and of the call of `fit`.

    Attributes
    ----------
    estimator : estimator
        What to fit on folds; with `prefit`, the fitted full model.
    approx_estimator : estimator or None
    prefit : bool
    cv : int, float, splitter or None
    split_params : dict
        Metadata for the splitter.
    feature_costs : mapping of str to float
    compile : bool
        Whether blocks may run compiled.
    n_jobs : int or None
    split : (ndarray of intp, ndarray of intp) or None
        With ``refit=False``, the rows that the full model was fitted on and those held out.
    """

    estimator: Any
    approx_estimator: Any
    prefit: bool
    cv: Any
    split_params: dict[str, Any]
    feature_costs: Mapping[str, float]
    compile: bool
    n_jobs: int | None
    split: Split | None = None


@dataclass(frozen=True, kw_only=True)
class CalibrationTask:
    """What is asked of models that are cross-fitted: all in which a cascade and a ranker differ.

    Attributes
    ----------
    recorder : Recorder
        What is kept of the models' answers.
    answering : Answering
        How the estimator answers, which is timed.
    importance : Importance
        What a block is worth to the full model.
    open_shares : OpenShares
        How few rows a model leaves to the full one, by which it is told on the first fold which
        models can still be chosen.
    calibrate : callable
        ``calibrate(fitted, seed)`` returns the numbers that a plan is made from, as `Calibrated`.
    least_open : LeastOpen
        How few rows a model leaves open at the target, by which it is told on the first fold
        whether anything can be chosen. By default none, which holds at any target: nothing can be
        chosen that costs as much as the full model even so.
    least_saving : float
        Share of the full model's cost that a plan must save.
    with_truth : ndarray of bool of shape (n_rows,) or None
        Rows whose answers can be evidence; None for all.
    query : {"batch", "point"}
        Whether to plan for batches or for one row at a time.
    measures_growth : bool
        Whether to fit models on half of the rows of a fold too, where others will answer.
    stand_ins : bool
        Whether a first stage may read rows as they come.
    n_certify : int
        Held-out rows that are to certify the models that answer, if need be at the cost of those
        that choose.
    n_choose : int
        With fewer rows that choose than these a single model has one path of thresholds, so that
        nothing is chosen and all rows certify.
    """

    recorder: Recorder
    answering: Answering
    importance: Importance
    open_shares: OpenShares
    calibrate: "Callable[[CrossFitted, int], Calibrated]"
    least_saving: float
    least_open: LeastOpen = none_open
    with_truth: np.ndarray | None = None
    query: str = "batch"
    measures_growth: bool = False
    stand_ins: bool = False
    n_certify: int = 0
    n_choose: int = 0


@dataclass(frozen=True, kw_only=True)
class CrossFitted:
    """What cross-fitting found out.

    Attributes
    ----------
    rows : ndarray of intp of shape (n_rows,)
        The calibration set: all held-out rows.
    folds : ndarray of intp of shape (n_rows,)
        The fold that holds out each of them.
    selects : ndarray of bool of shape (n_rows,)
        Rows that choose; the others certify.
    full : Record
        Of the full model on these rows.
    stages : tuple of Record
        Of each approximate model.
    specs : tuple of StageSpec
        What each of them is.
    models : tuple of estimator
        Those that will answer.
    costs : BlockCosts
        Of each part of the full pipeline.
    stage_costs : StageCosts
        Of each approximate model as a first stage.
    importances : ndarray of float64 of shape (n_blocks,)
    train_share : float
        Share of the rows of the models that will answer that those of the folds were fitted on.
    basis : {"prefit", "held-out", "cross-fitted"}
        Which models the answers are of.
    smaller : FoldRecord or None
        What models fitted on fewer rows of a fold answered, with the same stages.
    row_ratio : float
        How many fewer.
    left_out : tuple of (StageSpec, LeftOut)
        Approximate models that were tried and could not be made, or could not answer.
    stopped : bool
        Whether fewer folds than asked for were looked at, as nothing could pay at the target.
    """

    rows: np.ndarray
    folds: np.ndarray
    selects: np.ndarray
    full: Record
    stages: tuple[Record, ...]
    specs: tuple[StageSpec, ...]
    models: tuple[Any, ...]
    costs: BlockCosts
    stage_costs: StageCosts
    importances: np.ndarray
    train_share: float
    basis: str
    smaller: FoldRecord | None = None
    row_ratio: float = 1.0
    left_out: tuple[tuple[StageSpec, LeftOut], ...] = ()
    stopped: bool = False

    def priced_stages(self) -> Iterator[tuple[Record, dict[str, Any]]]:
        """What each approximate model answered, and the fields of its `ApproximateStage`."""
        costs = self.stage_costs
        others = [None] * len(self.specs) if costs.other is None else costs.other.stages
        for spec, record, seconds, other in zip(
            self.specs, self.stages, costs.planned.stages, others, strict=True
        ):
            yield (
                record,
                {
                    "blocks": spec.blocks,
                    "stage_seconds": seconds.start,
                    "rest_seconds": seconds.rest,
                    "n_trees": spec.n_trees,
                    "is_surrogate": spec.is_surrogate,
                    "other": other,
                },
            )

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
    """What `fit` stores, so that it can be planned again for another target.

    Attributes
    ----------
    calibration : Calibration or TopKCalibration
        The numbers to plan with.
    models : tuple of estimator
        The approximate model of each candidate.
    costs : BlockCosts
    importances : ndarray of float64 of shape (n_blocks,)
    left_out : tuple of (StageSpec, LeftOut)
        Approximate models that are no candidates.
    scores : RecordedScores or None
        For other scores than accuracy.
    """

    calibration: Any
    models: tuple[Any, ...]
    costs: BlockCosts
    importances: np.ndarray
    left_out: tuple[tuple[StageSpec, LeftOut], ...] = ()
    scores: Any = None
