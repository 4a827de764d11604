"""Models that were fitted on several labels a row: a `y` of two dimensions."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy.special import expit

from ..._near_ties import DOUBT
from .._features import places_of
from .._models import Model
from ._linear import LinearModel
from ._outer import OuterModel


@dataclass(frozen=True, eq=False, kw_only=True)
class LabelModel(OuterModel):
    """A classifier of several labels, each of which has classes of its own.

    Its scores are the probabilities of the classes of all labels, side by side.

    Attributes
    ----------
    inner : Model
        The same as a model of that many values.
    """

    known: tuple[np.ndarray, ...]  # classes of each label
    shared: np.ndarray | None  # these, where they are the same for all labels
    is_certain: bool  # whether the probabilities are those of the original, to the last bit

    rises_with_score = False  # each label has classes of its own

    @classmethod
    def of(cls, inner: Any, *, is_certain: bool) -> "LabelModel":
        """Take a model of values for one of the labels that its original was fitted on."""
        known = tuple(map(np.array, inner.original.classes_))
        first = known[0]
        alike = all(one.dtype == first.dtype and np.array_equal(one, first) for one in known)
        return cls(inner=inner, known=known, shared=first if alike else None, is_certain=is_certain)

    @property
    def classes(self) -> Any:  # type: ignore[override]
        """Classes of each label, a list."""
        return list(self.known)

    @cached_property
    def _places(self) -> tuple[slice, ...]:
        return places_of(map(len, self.known))

    def _of_each(self, scores: np.ndarray) -> list[np.ndarray]:
        """Return the scores of each label."""
        return [scores[:, own] for own in self._places]

    def predict(self, scores: np.ndarray) -> np.ndarray:
        """Return labels (n_rows, n_labels), of the dtype of the first one's classes."""
        shape = len(scores), len(self.known)
        if self.shared is not None:
            return self.shared[scores.reshape(*shape, -1).argmax(axis=2)]
        labels = np.empty(shape, dtype=self.known[0].dtype)
        for at, (classes, own) in enumerate(zip(self.known, self._of_each(scores), strict=True)):
            labels[:, at] = classes[own.argmax(axis=1)]
        return labels

    def doubtful(self, scores: np.ndarray) -> np.ndarray:
        """Return the positions of rows of which rounding could change a label."""
        is_near = np.zeros(len(scores), dtype=bool)
        if not self.is_certain:
            for own in self._of_each(scores):
                top = own.max(axis=1, keepdims=True)
                is_near |= (own > top - DOUBT).sum(axis=1) != 1
        return np.flatnonzero(is_near)

    def predict_proba(self, scores: np.ndarray) -> Any:
        """Return probabilities (n_rows, n_classes) of each label, a list."""
        return self._of_each(scores)

    def predict_log_proba(self, scores: np.ndarray) -> Any:
        return [np.log(own) for own in self._of_each(scores)]

    def predict_proba_one(self, scores: np.ndarray) -> Any:
        """Return the probabilities (n_classes,) of each label of one row, a list."""
        return [own[0] for own in self.predict_proba(scores[None])]


class LabelSums(LinearModel):
    """Sums of which each tells a label: it is there, 1, where its sum is above zero, else 0."""

    def predict(self, scores: np.ndarray) -> np.ndarray:
        """Return 0 or 1 for each label, (n_rows, n_labels)."""
        return (scores > 0.0).astype(np.int64)

    def doubtful(self, scores: np.ndarray) -> np.ndarray:
        """Return the positions of rows of which rounding could change a label."""
        return np.flatnonzero(~(np.abs(scores) > DOUBT).all(axis=1))

    decided = Model.decided

    def predict_one(self, scores: np.ndarray) -> np.ndarray | None:
        """Return the labels of one row, None where one is in doubt."""
        return self.predict(scores) if (np.abs(scores) > DOUBT).all() else None

    def predict_proba(self, scores: np.ndarray) -> np.ndarray:
        """Return the probability of each label, (n_rows, n_labels)."""
        return expit(scores)

    def predict_proba_one(self, scores: np.ndarray) -> np.ndarray:
        """Return the same of one row."""
        return expit(scores)
