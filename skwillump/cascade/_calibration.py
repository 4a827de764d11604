"""From what the models of a cascade answered to the numbers that its plan is made from."""

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
)
from ..stages._cross_fitted import Calibrated, CrossFitted
from ..stages._fold_tasks import FoldRecord
from ..stages._folds import FitData
from ..stages._recording import Record
from ._responses import CascadeRecorder
from ._scoring import RecordedScores, answered_labels, is_balanced_accuracy
from ._timing import score_seconds


def calibrated_from(
    fitted: CrossFitted,
    seed: int,
    *,
    data: FitData,
    recorder: CascadeRecorder,
    scorer: Any,
    score_params: dict[str, Any],
    in_batches: bool,
) -> Calibrated:
    """The numbers that a cascade is planned from.

    Parameters
    ----------
    seed : int
        For the bootstrap.
    scorer : callable
    score_params : dict
        Metadata for it.
    in_batches : bool
        Whether it is planned for rows that come in batches, or else one at a time.

    Raises
    ------
    ValueError
        If the score is not between 0 and 1.
    """
    y = data.y
    true_codes, y_rows = recorder.codes(y)[fitted.rows], y[fitted.rows]
    # Rows that were fitted on show nothing, and count as lost.
    full_right = recorder.is_right(fitted.full, y_rows) | fitted.taught
    other = fitted.stage_costs.other
    candidates = tuple(
        Candidate(
            codes=stage["codes"],
            confidence={measure: stage[measure] for measure in recorder.measures},
            right=recorder.is_right(stage, y_rows) & ~fitted.taught,
            **what,
        )
        for stage, what in fitted.priced_stages()
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
    calibration = Calibration(
        candidates=candidates,
        other_full_seconds=np.inf if other is None else other.full,
        full_right=full_right,
        classes=true_codes,
        taught=fitted.taught,
        n_refused=int(np.sum(~recorder.is_answered(fitted.full))),
        n_classes=recorder.n_groups,
        is_probability=recorder.is_probability,
        within=kept_within(
            true_codes,
            recorder.classes,
            _subgroups_of(data, fitted.rows),
            is_balanced=is_balanced_accuracy(scorer, score_params),
        ),
        **fitted.in_calibration(seed),
    )
    scores = None
    if recorder.keeps_responses:
        scores = _recorded_scores(fitted, y, recorder, scorer, score_params)
    return fitted.calibrated(calibration, scores)


def kept_within(
    codes: np.ndarray, classes: np.ndarray, subgroups: Subgroups | None, *, is_balanced: bool
) -> Subgroups | None:
    """Groups of rows in each of which the target is to be kept: the user's own, or the classes.

    Parameters
    ----------
    codes : ndarray of int of shape (n_rows,)
        True classes, as positions.
    classes : ndarray of shape (n_classes,)
    is_balanced : bool
        Whether the score to keep is the balanced accuracy.
    """
    if subgroups is not None:
        return subgroups
    if is_balanced:
        return Subgroups(labels=tuple(classes.tolist()), codes=codes, of_classes=True)
    return None


def _subgroups_of(data: FitData, rows: np.ndarray) -> Subgroups | None:
    """The user's groups of some rows: all that the data hold, also those of none of these rows."""
    if data.subgroups is None:
        return None
    return Subgroups.of(data.subgroups[rows], np.unique(data.subgroups).tolist())


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


def with_fewer_rows(
    found: Calibrated, fitted: CrossFitted, *, y: np.ndarray, recorder: CascadeRecorder
) -> Calibrated:
    """The numbers of a cascade with what models did that were fitted on fewer rows."""
    smaller = _smaller(fitted, y, recorder, found.calibration.candidates)
    return replace(found, calibration=replace(found.calibration, smaller=smaller))


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
    # Harms that are only taken for such would hide how fast true ones grow with the rows.
    smaller = smaller.of_rows(smaller.rows[recorder.is_answered(smaller.full)])
    y_smaller, made = y[smaller.rows], smaller.made
    positions = np.full(len(y), -1)
    positions[fitted.rows] = np.arange(len(fitted.rows))
    return SmallerModels(
        rows=positions[smaller.rows],
        full_right=recorder.is_right(smaller.full, y_smaller),
        candidates=tuple(
            _smaller_answers(smaller.stage(i), y_smaller, recorder, candidate.harm_score)
            if i in made
            else None
            for i, candidate in enumerate(candidates)
        ),
        row_ratio=fitted.row_ratio,
    )


def _smaller_answers(
    stage: Record, y: np.ndarray, recorder: CascadeRecorder, score: HarmScore | None
) -> SmallerAnswers:
    """What an approximate model answered, also by a score of harm if there is one."""
    confidence = {measure: stage[measure] for measure in recorder.measures}
    if score is not None:
        confidence[LEARNED] = score.of_rows(stage["response"], stage["codes"])
    return SmallerAnswers(
        codes=stage["codes"], confidence=confidence, right=recorder.is_right(stage, y)
    )


def fresh_rows(
    record: FoldRecord,
    y: np.ndarray | None,
    measure: str,
    recorder: CascadeRecorder,
    *,
    score: Any,
    subgroups: Subgroups | None,
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
    fitted: CrossFitted, y, recorder: CascadeRecorder, scorer, score_params
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
