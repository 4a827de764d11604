"""Sums of leaves become what the methods of a model of trees return."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import expit
from sklearn.utils.extmath import softmax

from ..._near_ties import DOUBT, NO_ROWS
from ...kernels.trees._links import single_exp, single_sigmoid, single_softmax
from .._models import CompleteModel, both_classes

IDENTITY, SIGMOID, SOFTMAX, SIGMOIDS, EXP, SIGNED_SQUARE, LOG1P_EXP = range(7)
"""How sums become values or probabilities. IDENTITY: they are, or (sums of forests) have become."""

_SINGLE_DOUBT = 1e-5
"""What is as close to a tie, where values are float32, may be one in the original."""

_FLOAT64 = np.dtype(np.float64)
_SINGLE_LINKS = {SIGMOID: single_sigmoid, SOFTMAX: single_softmax, EXP: single_exp}
"""What becomes of sums of float32."""


@dataclass(frozen=True, eq=False, kw_only=True)
class TreeAnswers(CompleteModel):
    """What a model of trees answers, by the sums (n_rows, n_outputs) of its trees."""

    original: Any
    classes: np.ndarray | None
    link: int
    scale: float = 1.0  # of the scores before the link
    divisor: float = 1.0  # of the scores before that, LightGBM's random forests
    zero_is_positive: bool = False  # the label where two classes' only score is zero
    is_certain: bool = True  # whether sums are those of the original, to the last bit
    dtype: np.dtype = _FLOAT64  # of values and probabilities
    gives_logs: bool = True  # whether logarithms of probabilities are made of these
    label_columns: bool = False  # whether labels come as a column, CatBoost's of several classes

    @property
    def _doubt(self) -> float:
        """What is closer than this share of its size to a tie may be one in the original."""
        return DOUBT if self.dtype == _FLOAT64 else _SINGLE_DOUBT

    def gives(self, method: str) -> bool:
        if method == "predict":
            return True
        if method == "predict_log_proba" and not self.gives_logs:
            return False
        return self.classes is not None and hasattr(self.original, method)

    def predict(self, scores: np.ndarray) -> np.ndarray:
        if self.classes is None:
            values = self._values(scores).astype(self.dtype, copy=False)
            return values[:, 0] if values.shape[1] == 1 else values
        if scores.shape[1] == 1:
            score = scores[:, 0]
            positive = score >= 0 if self.zero_is_positive else score > 0
            return self.classes[positive.astype(np.intp)]
        if self.link == SIGMOIDS:  # they may be one for several classes
            scores = self._values(scores)
        labels = self.classes[scores.argmax(axis=1)]
        return labels[:, None] if self.label_columns else labels

    def doubtful(self, scores: np.ndarray) -> np.ndarray:
        """Return the positions of rows whose label rounding could change.

        An exact tie is in no doubt where the scores are the original's to the last bit.
        """
        if self.classes is None or (self.link == IDENTITY and self.is_certain):
            return NO_ROWS
        if scores.shape[1] == 1:
            size = np.abs(scores[:, 0]) * (self.scale / self.divisor)
            is_tie = (size == 0.0) & self.is_certain
            return np.flatnonzero(~((size > self._doubt) | is_tie))
        values = self._values(scores) if self.link == SIGMOIDS else scores
        top = values.max(axis=1, keepdims=True)
        near = values > top - self._doubt * (1.0 + np.abs(top))
        if self.link != SIGMOIDS and self.is_certain:
            near &= values < top
            return np.flatnonzero(near.any(axis=1) | np.isnan(top[:, 0]))
        return np.flatnonzero(near.sum(axis=1) != 1)  # NaN is near nothing

    def predict_one(self, scores: np.ndarray) -> Any:
        """Return the label or value for scores (n_outputs,), None where it is in doubt."""
        if self.classes is None:
            if self.link == IDENTITY and self.divisor == 1.0 and len(scores) == 1:
                return self.dtype.type(scores[0])
            return self.predict(scores[None])[0]
        if len(scores) == 1:
            score = float(scores[0])
            if abs(score) * (self.scale / self.divisor) > self._doubt:
                return self.classes[1 if score > 0 else 0]
        elif self.link == IDENTITY and self.is_certain:
            return self.classes[scores.argmax()]
        return super().predict_one(scores)

    def predict_proba(self, scores: np.ndarray) -> np.ndarray:
        values = self._values(scores).astype(self.dtype, copy=False)
        if values.shape[1] == 1:
            return both_classes(values[:, 0])
        return values

    def predict_proba_one(self, scores: np.ndarray) -> np.ndarray:
        if self.link == IDENTITY and self.divisor == 1.0:
            return scores
        if self.link == SIGMOID and len(scores) == 1 and self.dtype == _FLOAT64:
            positive = self.dtype.type(expit(scores[0] / self.divisor * self.scale))
            return np.array((self.dtype.type(1.0) - positive, positive))
        return super().predict_proba_one(scores)

    def _values(self, scores: np.ndarray) -> np.ndarray:
        """Return the link's values, one for each score."""
        if self.divisor != 1.0:
            scores = scores / self.divisor
        if self.dtype != _FLOAT64 and self.link in _SINGLE_LINKS:
            values = np.empty(scores.shape, dtype=self.dtype)
            _SINGLE_LINKS[self.link](np.ascontiguousarray(scores), values)
            return values
        if self.link in (SIGMOID, SIGMOIDS):
            return expit(self.scale * scores)
        if self.link == SOFTMAX:
            return softmax(scores)
        if self.link == EXP:
            return np.exp(scores)
        if self.link == SIGNED_SQUARE:
            return np.sign(scores) * scores * scores
        if self.link == LOG1P_EXP:
            return np.log1p(np.exp(scores))
        return scores
