"""What a cascade answers for a row: one class, or several labels. One class a kind."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from scipy import sparse
from sklearn.utils import column_or_1d
from sklearn.utils.multiclass import type_of_target

from ..planning import HarmScore, learns_harm_score, measures_for
from ..stages._labels import UNLABELLED, check_labels, takes_unlabelled
from ._answering import CascadeRunner
from ._label_sets import (
    GROUPS,
    LabelSetRecorder,
    LabelSetRunner,
    why_no_label_sets,
)
from ._responses import AnswerRecorder, CascadeRecorder

PREFIT_CLASS_ROWS = 5
"""With a fitted estimator, at least two classes need as many rows, so that each fold has both."""


class LabelKind:
    """What the labels of a cascade are, and what follows for its `fit` and its answers."""

    stratify: ClassVar[bool]
    """Whether folds have classes to keep the shares of."""

    only_accuracy: ClassVar[bool]
    """Whether no other score can be kept."""

    runner: ClassVar[type[CascadeRunner]]
    """The class of what answers."""

    recorders: ClassVar[type[CascadeRecorder]]
    """The class of what is kept of answers."""

    def read(self, y: Any) -> np.ndarray:
        """Labels as an array: a row of them, or n_labels columns."""
        raise NotImplementedError

    def read_fresh(self, y: Any, classes: Any) -> np.ndarray:
        """The same of rows that came after `fit`; ValueError if they are no labels of `classes`."""
        raise NotImplementedError

    def why_no_stages(self, y: np.ndarray, classes: Any) -> str:
        """Why nothing can be told of such labels; empty if it can."""
        raise NotImplementedError

    def why_too_few(self, y: np.ndarray, full: Any) -> str:
        """Why approximate models cannot be fitted on folds of these rows; empty if they can.

        Raises
        ------
        ValueError
            If `y` holds classes that `full`, a fitted estimator, lacks.
        """
        return ""

    def with_truth(self, y: np.ndarray, full: Any) -> np.ndarray | None:
        """Rows with a label; None for all."""
        return None

    def groups(self, classes: Any) -> Sequence[Any] | np.ndarray:
        """Names of the groups of rows that have thresholds of their own."""
        raise NotImplementedError

    def measures(self, classes: Any, *, is_probability: bool) -> tuple[str, ...]:
        """Measures of confidence worth trying."""
        raise NotImplementedError

    def learns_score(self, classes: Any, *, is_probability: bool) -> bool:
        """Whether a score of harm can be learned."""
        return False

    def recorder(
        self,
        classes: Any,
        method: str,
        *,
        keeps_responses: bool,
        learns_score: bool = False,
        harm_score: HarmScore | None = None,
    ) -> CascadeRecorder:
        """What is kept of the models' answers."""
        return self.recorders(
            classes=np.asarray(self.groups(classes)),
            method=method,
            measures=self.measures(classes, is_probability=method == "predict_proba"),
            keeps_responses=keeps_responses and not self.only_accuracy,
            learns_score=learns_score,
            harm_score=harm_score,
        )


def label_kind(y: Any) -> LabelKind:
    """The kind of some labels."""
    if type_of_target(y, input_name="y") in ("binary", "multiclass"):
        return OneClass()
    return LabelSet(is_sparse=sparse.issparse(y))


class OneClass(LabelKind):
    """One of two or more classes a row."""

    stratify: ClassVar[bool] = True
    only_accuracy: ClassVar[bool] = False
    runner: ClassVar[type[CascadeRunner]] = CascadeRunner
    recorders: ClassVar[type[CascadeRecorder]] = AnswerRecorder

    def read(self, y: Any) -> np.ndarray:
        return column_or_1d(y)

    def read_fresh(self, y: Any, classes: Any) -> np.ndarray:
        """Labels of rows that came after `fit`. A class that `fit` had not counts as wrong."""
        check_labels(y)
        labels, classes = self.read(y), np.asarray(classes)
        # Of dates, only NumPy's own values equal one another.
        if len(labels) and not any(label in labels for label in classes):
            raise ValueError(
                f"y holds none of the classes {classes}, but {labels.tolist()[0]!r} for instance. "
                "Pass labels of the kind that fit was given."
            )
        return labels

    def why_no_stages(self, y: np.ndarray, classes: Any) -> str:
        """Why positions of classes cannot be looked up; empty if they can."""
        classes = np.asarray(classes)
        if len(np.unique(classes)) < len(classes) or np.any(np.sort(classes) != classes):
            return f"the classes_ of the estimator are not sorted: {classes}"
        return ""

    def why_too_few(self, y: np.ndarray, full: Any) -> str:
        """Why rows are too few to have two classes in each fold; empty if they are not."""
        unknown = np.setdiff1d(y, full.classes_)
        if len(unknown) and not (takes_unlabelled(full) and np.all(unknown == UNLABELLED)):
            raise ValueError(
                f"y holds the classes {unknown}, which the fitted estimator lacks: it knows "
                f"{full.classes_}. Give labels as it was fitted with."
            )
        known = self.with_truth(y, full)
        labelled = y if known is None else y[known]
        counts = np.unique(labelled, return_counts=True)[1]
        if np.count_nonzero(counts >= PREFIT_CLASS_ROWS) >= 2:
            return ""
        return (
            f"approximate models cannot be fitted on folds of these {len(labelled)} rows: pass at "
            f"least {PREFIT_CLASS_ROWS} rows of each of two classes"
        )

    def with_truth(self, y: np.ndarray, full: Any) -> np.ndarray | None:
        """Rows with a label: others are fitted on, and show nothing."""
        if not takes_unlabelled(full) or UNLABELLED in full.classes_:
            return None
        return y != UNLABELLED

    def groups(self, classes: Any) -> Sequence[Any] | np.ndarray:
        return classes

    def measures(self, classes: Any, *, is_probability: bool) -> tuple[str, ...]:
        return measures_for(is_probability, len(classes))

    def learns_score(self, classes: Any, *, is_probability: bool) -> bool:
        return learns_harm_score(len(classes), is_probability=is_probability)


@dataclass(frozen=True, kw_only=True)
class LabelSet(LabelKind):
    """Several labels a row, each of which is there or not."""

    is_sparse: bool  # whether they are told as a sparse matrix

    stratify: ClassVar[bool] = False
    only_accuracy: ClassVar[bool] = True
    runner: ClassVar[type[CascadeRunner]] = LabelSetRunner
    recorders: ClassVar[type[CascadeRecorder]] = LabelSetRecorder

    def read(self, y: Any) -> np.ndarray:
        return y.toarray() if sparse.issparse(y) else np.asarray(y)

    def read_fresh(self, y: Any, classes: Any) -> np.ndarray:
        """Labels of rows that came after `fit`, as many a row as there were."""
        labels = self.read(y)
        if labels.ndim != 2:
            raise ValueError(f"y has the shape {labels.shape}; fit was given labels in columns.")
        check_labels(y)
        if reason := self.why_no_stages(labels, classes):
            raise ValueError(f"{reason}.")
        return labels

    def why_no_stages(self, y: np.ndarray, classes: Any) -> str:
        if self.is_sparse:
            return "y is a sparse matrix; an array is read"
        return why_no_label_sets(y, classes)

    def groups(self, classes: Any) -> Sequence[Any] | np.ndarray:
        """Rows for which no label is predicted, and others."""
        return GROUPS

    def measures(self, classes: Any, *, is_probability: bool) -> tuple[str, ...]:
        """That all labels are right were they independent, and how sure the least sure one is."""
        return ("probability", "margin") if is_probability else ("margin",)
