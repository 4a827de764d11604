"""What classifiers return, read: classes, confidence, and what is kept of both."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from .._composites import chain
from ..blocks import TruncatedEnsemble
from ..compilers import predicts_largest
from ..planning import LEARNED, HarmScore, confidence, predicted_codes
from ..stages._models import NoEvidence
from ..stages._passes import ModelInput, flat
from ..stages._recording import Record, Recorder

NO_CLASS = -1
"""Position of a label that is no class."""

NO_CLASS_ANSWERED = -2
"""And of one that the full model answers, such as that of a neighbours model for outliers. It
is never right."""

TAKEN_AS_RIGHT = -3
"""And of a row that the full model of a fold refuses, where the one that answers does not: that is
taken to be right, so that a first stage which is wrong there does harm."""


def response_method(*estimators) -> str | None:
    """Method that tells how sure all of these classifiers are; None if they share none."""
    for method in ("predict_proba", "decision_function"):
        if all(hasattr(estimator, method) for estimator in estimators):
            return method
    return None


def why_no_response(full, approx) -> str:
    """Why classifiers share no such method; `approx` may be None."""
    neither = "has neither predict_proba nor decision_function"
    if response_method(full) is None:
        return f"the estimator {neither}"
    if approx is not None and response_method(approx) is None:
        return f"approx_estimator {neither}"
    return "the estimator and approx_estimator share neither predict_proba nor decision_function"


def align_response(response, model_classes, classes, is_probability):
    """Response of a model that may not have seen every class, with a column for each class.

    Parameters
    ----------
    response : ndarray of shape (n_rows,) or (n_rows, n_model_classes)
    model_classes : ndarray of shape (n_model_classes,)
    classes : ndarray of shape (n_classes,)
        Sorted, a superset of `model_classes`.
    is_probability : bool
        A class that the model does not know gets probability 0, or the decision value -inf.

    Returns
    -------
    ndarray of shape (n_rows,) or (n_rows, n_classes)
    """
    unknown = np.setdiff1d(model_classes, classes)
    if len(unknown):
        raise ValueError(f"the model knows classes that the full model lacks: {unknown}")
    if len(model_classes) == len(classes):
        return response
    if response.ndim == 1:
        response = np.column_stack([-response, response])
    fill = 0.0 if is_probability else -np.inf
    aligned = np.full((len(response), len(classes)), fill, dtype=response.dtype)
    aligned[:, np.searchsorted(classes, model_classes)] = response
    return aligned


def predicts_largest_response(model, method: str) -> bool:
    """Whether `predict` of a stage's model is known to give the class of its largest response."""
    if isinstance(model, TruncatedEnsemble):
        return True
    return predicts_largest(chain(model)[-1][1], method)


def stage_codes(
    inputs: ModelInput, response: np.ndarray, classes: np.ndarray, *, is_largest: bool
) -> np.ndarray:
    """Positions of the classes that a stage's model predicts.

    A row with a label that is no class counts as one of the class with the largest response.

    Parameters
    ----------
    inputs : ModelInput
        The model, with what it takes of n_rows rows.
    response : ndarray of shape (n_rows,) or (n_rows, n_classes)
        Its probabilities or decision values.
    classes : ndarray of shape (n_classes,)
    is_largest : bool
        Whether it is known to predict the class of its largest response, so that it need not be
        asked.

    Returns
    -------
    ndarray of intp of shape (n_rows,)
    """
    if is_largest:
        return predicted_codes(response)
    codes = codes_of(inputs.answer("predict"), classes)
    foreign = np.flatnonzero(codes == NO_CLASS)
    if len(foreign):
        codes[foreign] = predicted_codes(response[foreign])
    return codes


def codes_of(labels: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Positions of labels among sorted classes; `NO_CLASS` for a label that is none of them."""
    codes = np.minimum(np.searchsorted(classes, labels), len(classes) - 1)
    return np.where(classes[codes] == labels, codes, NO_CLASS)


@dataclass(frozen=True, kw_only=True)
class CascadeRecorder(Recorder):
    """What is kept of classifiers' answers, and how they are compared with the truth."""

    classes: np.ndarray  # (n_classes,), or names of groups of rows, by what is predicted
    method: str  # {"predict_proba", "decision_function"}
    measures: tuple[str, ...]  # measures of confidence to record
    keeps_responses: bool  # whether whole responses are needed, for other scores than accuracy
    learns_score: bool = False  # whether they are needed for a learned score of harm
    harm_score: HarmScore | None = None  # one that was learned, to record too

    @property
    def calibrates_trees(self) -> bool:
        """Thresholds are for probabilities of the whole ensemble's scale."""
        return True

    @property
    def is_probability(self) -> bool:
        """Whether responses are probabilities."""
        return self.method == "predict_proba"

    @property
    def n_groups(self) -> int:
        """Number of thresholds: one for each predicted class, or group."""
        return len(self.classes)

    def codes(self, y: np.ndarray) -> np.ndarray:
        """Positions of the true classes, or of the groups of the true labels."""
        raise NotImplementedError

    def is_right(self, record: Record, y: np.ndarray) -> np.ndarray:
        """Whether answers are right."""
        raise NotImplementedError

    def agree(self, record: Record, other: Record) -> np.ndarray:
        """Whether two models give the same answers."""
        raise NotImplementedError

    def record_refused(self) -> dict[str, Any] | None:
        """None: by default nothing is taken for the answer to a row that a fold refuses."""
        return None

    def is_answered(self, full: Record) -> np.ndarray:
        """Whether a full model answered the rows itself, and nothing is taken for its answer."""
        return np.ones(len(next(iter(full.values()))), dtype=bool)

    def respond(self, model: Any, features: Any) -> np.ndarray:
        """Response of a model, with a column for each class."""
        response = getattr(model, self.method)(features)
        return align_response(response, model.classes_, self.classes, self.is_probability)


class AnswerRecorder(CascadeRecorder):
    """Answers of one class a row."""

    def record_full(self, model: Any, features: Any) -> Record:
        """Keep the full model's classes, and its responses where a score is made of them."""
        labels = flat(model.predict(features))
        codes = codes_of(labels, self.classes)
        foreign = np.unique(labels[codes == NO_CLASS])
        if len(foreign) > 1 or len(foreign) == len(np.unique(labels)):
            # One can be the label of outliers; more are values, as of a custom objective.
            raise NoEvidence(
                f"its answers are not labels of its classes_ ({foreign[0]!r} is none of them), so "
                "that nothing can be shown of them"
            )
        record = {"codes": np.where(codes == NO_CLASS, NO_CLASS_ANSWERED, codes)}
        if self.keeps_responses:
            record["response"] = self.respond(model, features)
        return record

    def record_stage(self, model: Any, features: Any) -> Record:
        """Keep an approximate model's classes, its confidence by each measure, its responses."""
        response = self.respond(model, features)
        codes = self._codes(model, features, response)
        record = {"codes": codes}
        for measure in self.measures:
            record[measure] = confidence(response, codes, measure)
        if self.harm_score is not None:
            record[LEARNED] = self.harm_score.of_rows(response, codes)
        if self.keeps_responses or self.learns_score:
            record["response"] = response
        return record

    def record_unread(self, full: Record) -> Record:
        """The full model's answers, of which the stage is not sure at all."""
        codes = np.maximum(full["codes"], 0)
        unsure = np.full(len(codes), -np.inf)
        record = full | {"codes": codes} | dict.fromkeys(self.measures, unsure)
        return record if self.harm_score is None else record | {LEARNED: unsure}

    def codes(self, y: np.ndarray) -> np.ndarray:
        return codes_of(y, self.classes)

    def record_refused(self) -> dict[str, Any] | None:
        """The answer is right; of whole responses, which scores are made of, nothing is known."""
        return None if self.keeps_responses else {"codes": TAKEN_AS_RIGHT}

    def is_answered(self, full: Record) -> np.ndarray:
        return full["codes"] != TAKEN_AS_RIGHT

    def is_right(self, record: Record, y: np.ndarray) -> np.ndarray:
        return (record["codes"] == self.codes(y)) | (record["codes"] == TAKEN_AS_RIGHT)

    def agree(self, record: Record, other: Record) -> np.ndarray:
        return record["codes"] == other["codes"]

    def _codes(self, model: Any, features: Any, response: np.ndarray) -> np.ndarray:
        is_largest = predicts_largest_response(model, self.method)
        inputs = ModelInput(model, features)
        return stage_codes(inputs, response, self.classes, is_largest=is_largest)
