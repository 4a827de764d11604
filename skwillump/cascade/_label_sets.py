"""Classifiers of several labels a row: their answers read, and how sure they are of them.

A row is answered right where all of its labels are, as scikit-learn's accuracy counts, and early
where every label is sure. Thresholds are those of two groups of rows: rows for which no label is
predicted, and all others.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from .._containers import first_answer
from ..stages._passes import ModelInput
from ..stages._recording import Record
from ._answering import CascadeRunner, EarlyStage
from ._responses import CascadeRecorder

GROUPS = ("no label", "a label")
"""Groups of rows with thresholds of their own, by what is predicted."""


def why_no_label_sets(y: np.ndarray, classes: Any) -> str:
    """Why labels are none that a cascade can tell; empty if they are.

    Parameters
    ----------
    y : ndarray of shape (n_rows, n_labels)
    classes : list of ndarray, or ndarray
        The full model's ``classes_``: of each label, or the labels.
    """
    if not np.isin(y, (0, 1)).all():
        return "y holds several labels a row that are not all 0 or 1"
    n_labels = y.shape[1]
    if len(classes) != n_labels:
        return f"the estimator tells {len(classes)} labels apart, and y holds {n_labels}"
    return ""


def positive_part(response: Any, classes: Any) -> np.ndarray:
    """Probability, or decision value, of each label.

    Parameters
    ----------
    response : ndarray of shape (n_rows, n_labels), or list of ndarray of shape (n_rows, 1 or 2)
        As the classifier returns it. One column is the probability of a label's only class.
    classes : list of ndarray, or ndarray
        Its ``classes_``.

    Returns
    -------
    ndarray of float64 of shape (n_rows, n_labels)
    """
    if not isinstance(response, list):
        return np.asarray(response, dtype=np.float64)
    columns = [
        one[:, 1] if one.shape[1] == 2 else np.full(len(one), float(known[0] == 1))
        for one, known in zip(response, classes, strict=True)
    ]
    return np.column_stack(columns).astype(np.float64)


def label_confidence(
    positive: np.ndarray, labels: np.ndarray, measure: str, *, is_probability: bool
) -> np.ndarray:
    """How sure a classifier is of all labels of a row.

    Parameters
    ----------
    positive : ndarray of float64 of shape (n_rows, n_labels)
        As `positive_part` returns it.
    labels : ndarray of bool of shape (n_rows, n_labels)
        What is predicted.
    measure : {"probability", "margin"}

    Returns
    -------
    ndarray of float64 of shape (n_rows,)
    """
    if not is_probability:
        return np.where(labels, positive, -positive).min(axis=1)
    values = np.where(labels, positive, 1.0 - positive)
    return values.prod(axis=1) if measure == "probability" else 2.0 * values.min(axis=1) - 1.0


def groups_of(labels: np.ndarray) -> np.ndarray:
    """Position of the group of each row: whether it has a label."""
    return np.asarray(labels.any(axis=1), dtype=np.intp)


class LabelSetRecorder(CascadeRecorder):
    """Answers of several labels a row, by the groups of rows."""

    def record_full(self, model: Any, features: Any) -> Record:
        """Keep the full model's labels."""
        labels = np.asarray(model.predict(features)) != 0
        return {"codes": groups_of(labels), "labels": labels}

    def record_stage(self, model: Any, features: Any) -> Record:
        """Keep an approximate model's labels, and its confidence by each measure."""
        _, labels, positive = _answers(ModelInput(model, features), model.classes_, self.method)
        return {
            "codes": groups_of(labels),
            "labels": labels,
            **{
                measure: label_confidence(
                    positive, labels, measure, is_probability=self.is_probability
                )
                for measure in self.measures
            },
        }

    def record_unread(self, full: Record) -> Record:
        """The full model's labels, of which the stage is not sure at all."""
        return full | dict.fromkeys(self.measures, np.full(len(full["codes"]), -np.inf))

    def codes(self, y: np.ndarray) -> np.ndarray:
        return groups_of(y != 0)

    def is_right(self, record: Record, y: np.ndarray) -> np.ndarray:
        """Whether all labels of a row are right."""
        return (record["labels"] == (y != 0)).all(axis=1)

    def agree(self, record: Record, other: Record) -> np.ndarray:
        return (record["labels"] == other["labels"]).all(axis=1)


def _answers(
    inputs: ModelInput, classes: Any, method: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels as they are returned, the same as truth values, and the response of each."""
    given = np.asarray(inputs.answer("predict"))
    return given, given != 0, positive_part(inputs.answer(method), classes)


class LabelSetRunner(CascadeRunner):
    """The models of a fitted cascade of several labels a row, which answer."""

    @property
    def n_groups(self) -> int:
        return len(GROUPS)

    def is_largest(self, model: Any, method: str) -> bool:
        """Say no: a model is asked for its labels."""
        return False

    def _gives_one(self, early: EarlyStage, method: str) -> bool:
        return early.reads_one and early.gives(method)

    def _decided_one(self, early: EarlyStage, scores: Any, method: str) -> tuple[bool, Any] | None:
        """Whether the first stage is sure of all labels of one row, and its answer."""
        approx = early.fused.approx
        labels = approx.predict_one(scores)
        if labels is None:
            return None
        response = getattr(approx, early.method)(scores[None])
        known = (labels != 0)[None]
        sure = label_confidence(
            positive_part(response, early.stage.model.classes_),
            known,
            early.measure,
            is_probability=early.method == "predict_proba",
        )[0]
        answer = labels if method == "predict" else first_answer(response)
        return sure >= early.thresholds[int(known.any())], answer

    def _full_one(self, full: Any, scores: Any, method: str) -> Any:
        if method == "predict":
            return full.predict_one(scores)
        return first_answer(full.predict_proba(scores[None]))

    def _decided(self, early: EarlyStage, inputs: ModelInput) -> tuple[Any, np.ndarray, np.ndarray]:
        """Labels of the first stage, the groups of its rows, and how sure it is of all labels."""
        given, labels, positive = _answers(inputs, early.stage.model.classes_, early.method)
        is_probability = early.method == "predict_proba"
        sure = label_confidence(positive, labels, early.measure, is_probability=is_probability)
        return given, groups_of(labels), sure

    def _early_output(
        self, early: EarlyStage, inputs: ModelInput, method: str, response: Any, codes: np.ndarray
    ) -> Any:
        return response if method == "predict" else inputs.answer(method)

    def _completed(self, output: Any, rows: np.ndarray, answers: Any) -> Any:
        """The same with the full model's answers for some rows; of each label where they are so."""
        if not isinstance(output, list):
            return super()._completed(output, rows, answers)
        pairs = zip(output, answers, strict=True)
        return [super(LabelSetRunner, self)._completed(one, rows, own) for one, own in pairs]

    def _one_after_another(self, outputs: Sequence[Any]) -> Any:
        if not isinstance(outputs[0], list):
            return np.concatenate(outputs)
        return [np.concatenate(of_label) for of_label in zip(*outputs, strict=True)]

    def _first_row(self, output: Any) -> Any:
        return first_answer(output)
