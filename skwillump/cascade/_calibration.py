"""From what the models of a cascade answered to the numbers that its plan is made from."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from .._containers import take_rows
from ..planning import (
    LEARNED,
    Calibration,
    Candidate,
    FreshRows,
    HarmScore,
    SmallerAnswers,
    SmallerModels,
    Subgroups,
    learn_harm_score,
    least_open_share,
    open_shares_of_classes,
    seen_score,
    unseen_risk,
)
from ..stages._cross_fitting import Calibrated, CrossFitted
from ..stages._fold_tasks import FoldRecord
from ..stages._folds import FitData
from ..stages._models import LeftOut
from ..stages._recording import Importance, LeastOpen, OpenShares, Record
from ._responses import AnswerRecorder, CascadeRecorder
from ._scoring import RecordedScores, answered_labels, is_balanced_accuracy, score_answers
from ._timing import score_seconds


def block_importance(
    y: np.ndarray,
    recorder: CascadeRecorder,
    scorer: Any,
    score_params: dict[str, Any],
) -> Importance:
    """Importance of a block: the score that the full model loses.

    Parameters
    ----------
    y : ndarray of shape (n_rows,)
    recorder : CascadeRecorder
    scorer : callable
    score_params : dict
        Metadata for it.
    """

    def importance(rows, model, features):
        params = {key: take_rows(value, rows) for key, value in score_params.items()}

        def score(permuted) -> float:
            labels = model.predict(permuted)
            if not isinstance(recorder, AnswerRecorder) or not recorder.keeps_responses:
                equal = labels == y[rows]
                return float(np.mean(equal if equal.ndim == 1 else equal.all(axis=1)))
            return score_answers(
                scorer,
                recorder.classes,
                y[rows],
                labels,
                recorder.respond(model, permuted),
                is_probability=recorder.is_probability,
                score_params=params,
            )

        return score

    return importance


def open_shares(y: np.ndarray, recorder: CascadeRecorder) -> OpenShares:
    """How few rows a first stage must leave open, by the measure that leaves fewest.

    What would be learned of harms is a measure too, of rows that it was not learned from. Where
    another score than accuracy is kept, classes count alike, however rare they are.

    Parameters
    ----------
    y : ndarray of shape (n_rows,) or (n_rows, n_labels)
    recorder : CascadeRecorder
    """

    def shares(rows, full, stage):
        y_rows = y[rows]
        truth = recorder.codes(y_rows)
        weights = None
        if recorder.keeps_responses:
            _, classes, counts = np.unique(truth, return_inverse=True, return_counts=True)
            weights = len(truth) / (len(counts) * counts[classes])
        right, full_right = recorder.is_right(stage, y_rows), recorder.is_right(full, y_rows)
        sure = [stage[measure] for measure in recorder.measures]
        sure += _learned_orders(stage, full_right & ~right, recorder)
        return np.min(
            [open_shares_of_classes(each, right, full_right, weights) for each in sure], axis=0
        )

    return shares


def _learned_orders(stage: Record, harm: np.ndarray, recorder: CascadeRecorder) -> list[np.ndarray]:
    """How sure what is learned of harms would be of rows that it was not learned from.

    Thresholds for each class, by each measure, and a learned score of harm, where there are some.
    """
    found = [
        unseen_risk(
            stage["codes"],
            stage[measure],
            harm,
            recorder.n_groups,
            is_probability=recorder.is_probability,
            seed=0,
        )
        for measure in recorder.measures
    ]
    orders = [-risk for risk in found if risk is not None]
    if recorder.learns_score:
        learned = learn_harm_score(stage["response"], stage["codes"], harm, seed=0)
        orders += [] if learned is None else [learned[1]]
    return orders


def least_open(y: np.ndarray, recorder: CascadeRecorder, target: float) -> LeastOpen:
    """How few rows a first stage must leave open to keep a share of the full model's accuracy.

    Parameters
    ----------
    y : ndarray of shape (n_rows,) or (n_rows, n_labels)
    recorder : CascadeRecorder
    target : float
    """

    def share(rows, full, stage):
        y_rows = y[rows]
        right, full_right = recorder.is_right(stage, y_rows), recorder.is_right(full, y_rows)
        sure = [stage[measure] for measure in recorder.measures]
        if recorder.learns_score:
            # Fitted on the very rows: the bound may be too low, and not too high.
            score = seen_score(stage["response"], stage["codes"], full_right & ~right)
            sure += [] if score is None else [score]
        return min(
            least_open_share(stage["codes"], each, right, full_right, target) for each in sure
        )

    return share


def calibrated_from(
    fitted: CrossFitted,
    data: FitData,
    recorder: CascadeRecorder,
    *,
    scorer: Any,
    score_params: dict[str, Any],
    seed: int,
    in_batches: bool,
) -> Calibrated:
    """The numbers that a cascade is planned from.

    Parameters
    ----------
    fitted : CrossFitted
    data : FitData
    recorder : CascadeRecorder
    scorer : callable
    score_params : dict
        Metadata for it.
    seed : int
        For the bootstrap.
    in_batches : bool
        Whether it is planned for rows that come in batches, or else one at a time.

    Raises
    ------
    ValueError
        If the score is not between 0 and 1.
    """
    y = data.y
    of_rows, y_rows = recorder.codes(y)[fitted.rows], y[fitted.rows]
    full_right = recorder.is_right(fitted.full, y_rows)
    costs = fitted.stage_costs
    others = [None] * len(fitted.specs) if costs.other is None else costs.other.stages
    candidates = tuple(
        Candidate(
            blocks=spec.blocks,
            stage_seconds=seconds.start,
            rest_seconds=seconds.rest,
            codes=stage["codes"],
            confidence={measure: stage[measure] for measure in recorder.measures},
            right=recorder.is_right(stage, y_rows),
            n_trees=spec.n_trees,
            is_surrogate=spec.is_surrogate,
            other=other,
        )
        for spec, stage, seconds, other in zip(
            fitted.specs, fitted.stages, costs.planned.stages, others, strict=True
        )
    )
    if recorder.learns_score:
        candidates = tuple(
            _with_learned_score(
                candidate,
                stage["response"],
                full_right & ~candidate.right,
                fitted.selects,
                seed=seed,
                in_batches=in_batches,
            )
            for candidate, stage in zip(candidates, fitted.stages, strict=True)
        )
    return Calibrated(
        calibration=Calibration(
            candidates=candidates,
            full_seconds=costs.planned.full,
            other_full_seconds=np.inf if costs.other is None else costs.other.full,
            full_right=full_right,
            classes=of_rows,
            selects=fitted.selects,
            n_classes=recorder.n_groups,
            is_probability=recorder.is_probability,
            basis=fitted.basis,
            train_share=fitted.train_share,
            seed=seed,
            smaller=_smaller(fitted, y, recorder, candidates),
            stopped=fitted.stopped,
            within=kept_within(
                of_rows,
                recorder.classes,
                None if data.subgroups is None else data.subgroups[fitted.rows],
                is_balanced=is_balanced_accuracy(scorer, score_params),
            ),
        ),
        models=fitted.models,
        costs=fitted.costs,
        importances=fitted.importances,
        left_out=fitted.left_out,
        scores=(
            _recorded_scores(fitted, y, recorder, scorer, score_params)
            if isinstance(recorder, AnswerRecorder) and recorder.keeps_responses
            else None
        ),
    )


def kept_within(
    codes: np.ndarray, classes: np.ndarray, subgroups: Any, *, is_balanced: bool
) -> Subgroups | None:
    """Groups of rows in each of which the target is to be kept: the user's own, or the classes.

    Parameters
    ----------
    codes : ndarray of int of shape (n_rows,)
        True classes, as positions.
    classes : ndarray of shape (n_classes,)
    subgroups : array-like of shape (n_rows,) or None
    is_balanced : bool
        Whether the score to keep is the balanced accuracy.
    """
    if subgroups is not None:
        return Subgroups.of(subgroups)
    if is_balanced:
        return Subgroups(labels=tuple(classes.tolist()), codes=codes, of_classes=True)
    return None


def _with_learned_score(
    candidate: Candidate,
    response: np.ndarray,
    harm: np.ndarray,
    selects: np.ndarray,
    *,
    seed: int,
    in_batches: bool,
) -> Candidate:
    """The same with a score of harm as a measure, if the rows that choose teach one.

    Of these rows it says what scores do that were not fitted on them.
    """
    codes, rows = candidate.codes, np.flatnonzero(selects)
    learned = learn_harm_score(response[rows], codes[rows], harm[rows], seed=seed)
    if learned is None:
        return candidate
    score, unseen = learned
    values = score.of_rows(response, codes)
    values[rows] = unseen
    of_batch, of_single = score_seconds(score, response, codes)
    planned, other = (of_batch, of_single) if in_batches else (of_single, of_batch)
    return replace(
        candidate,
        confidence=candidate.confidence | {LEARNED: values},
        harm_score=score,
        score_seconds=planned,
        other_score_seconds=other,
    )


def _smaller(
    fitted: CrossFitted,
    y: np.ndarray,
    recorder: CascadeRecorder,
    candidates: tuple[Candidate, ...],
) -> SmallerModels | None:
    """What models that were fitted on fewer rows did."""
    smaller = fitted.smaller
    if smaller is None:
        return None
    of_rows = y[smaller.rows]
    positions = np.full(len(y), -1)
    positions[fitted.rows] = np.arange(len(fitted.rows))
    return SmallerModels(
        rows=positions[smaller.rows],
        full_right=recorder.is_right(smaller.full, of_rows),
        candidates=tuple(
            None
            if isinstance(stage, LeftOut)
            else SmallerAnswers(
                codes=stage["codes"],
                confidence={measure: stage[measure] for measure in recorder.measures}
                | _learned_confidence(stage, candidate.harm_score),
                right=recorder.is_right(stage, of_rows),
            )
            for stage, candidate in zip(smaller.stages, candidates, strict=True)
        ),
        row_ratio=fitted.row_ratio,
    )


def _learned_confidence(stage: Record, score: HarmScore | None) -> Record:
    """What a score of harm, if there is one, says of the answers of an approximate model."""
    return {} if score is None else {LEARNED: score.of_rows(stage["response"], stage["codes"])}


def fresh_rows(
    record: FoldRecord,
    y: np.ndarray | None,
    measure: str,
    recorder: CascadeRecorder,
    *,
    score: Any,
    subgroups: Any,
    is_balanced: bool,
) -> FreshRows:
    """What the models that answer did on rows that came after `fit`."""
    stage, full = record.stage(0), record.full
    truth = full["codes"] if y is None else recorder.codes(y)
    if y is None:
        full_right = np.ones(len(full["codes"]), dtype=bool)
        right = recorder.agree(stage, full)
    else:
        full_right, right = recorder.is_right(full, y), recorder.is_right(stage, y)
    return FreshRows(
        codes=stage["codes"],
        confidence=stage[measure],
        full_right=full_right,
        right=right,
        classes=None if y is None else truth,
        score=score,
        within=kept_within(truth, recorder.classes, subgroups, is_balanced=is_balanced),
    )


def _recorded_scores(
    fitted: CrossFitted, y, recorder: AnswerRecorder, scorer, score_params
) -> RecordedScores:
    """What other scores than accuracy are computed from."""
    scores = RecordedScores(
        scorer=scorer,
        classes=recorder.classes,
        y=y[fitted.rows],
        full_labels=answered_labels(recorder.classes, fitted.full["codes"], y[fitted.rows]),
        full_response=fitted.full["response"],
        stage_labels=tuple(recorder.classes[stage["codes"]] for stage in fitted.stages),
        stage_responses=tuple(stage["response"] for stage in fitted.stages),
        is_probability=recorder.is_probability,
        score_params={key: take_rows(value, fitted.rows) for key, value in score_params.items()},
    )
    scores.check()
    return scores
