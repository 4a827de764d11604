"""What a cascade asks of cross-fitted models: what blocks are worth, and rows that stay open."""

from typing import Any

import numpy as np

from .._containers import take_rows
from ..planning import (
    learn_harm_score,
    least_open_share,
    open_shares_of_classes,
    seen_score,
    unseen_risk,
)
from ..stages._recording import Importance, LeastOpen, OpenShares, Record
from ._responses import CascadeRecorder
from ._scoring import score_answers


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
    scorer : callable
    score_params : dict
        Metadata for it.
    """

    def importance(rows, model, features):
        params = {key: take_rows(value, rows) for key, value in score_params.items()}

        def score(permuted) -> float:
            labels = model.predict(permuted)
            if not recorder.keeps_responses:
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
