"""Linear models: features times coefficients, and what the original's methods make of that."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import sklearn
from scipy.special import expit
from sklearn.linear_model import SGDClassifier

from ..._near_ties import DOUBT, NO_ROWS, not_above
from .._models import Model, both_classes
from .._scorers import Scorer
from .._steps import Step

NONE, SIGMOID, ONE_VS_REST, SOFTMAX, SOFTMAX_OF_TWO, LOG_LIKELIHOOD, CLIPPED = range(7)
"""How scores become probabilities; NONE where the model has none, or others than these."""

_FEW_CLASSES = 8
"""NumPy adds up fewer numbers one after the other, more of them in pairs."""

_ZEROS_BECOME_EVEN = tuple(map(int, sklearn.__version__.split(".")[:2])) >= (1, 9)
"""Whether one-vs-rest probabilities that are all zero become even ones, or NaN."""


@dataclass(frozen=True, eq=False, kw_only=True)
class LinearModel(Model):
    """A fitted model as ``X @ coef + intercept`` and what follows from it."""

    original: Any
    coef: np.ndarray  # float64 (n_features, n_outputs)
    intercept: np.ndarray  # float64 (n_outputs,)
    classes: np.ndarray | None  # None for a regressor
    link: int
    one_dimensional: bool  # whether a regressor's predictions are

    is_linear = True
    is_smooth = True

    @staticmethod
    def predicts_largest(fitted: Any, method: str) -> bool:
        """Say no of probabilities of several classes that are not made together.

        They may round to one, so that they are equal; the scores that decide are not.
        """
        of_many = method == "predict_proba" and len(fitted.classes_) > 2
        return not (of_many and is_one_vs_rest(fitted))

    def bind(self, features: Step) -> Scorer:
        return features.sized(len(self.coef)).for_scores().bind(self.coef)

    @property
    def is_sigmoid(self) -> bool:
        return self.link == SIGMOID and self.n_outputs == 1

    @property
    def n_features(self) -> int:
        """Number of features that it reads."""
        return len(self.coef)

    def coefficients(self) -> np.ndarray:
        return self.coef

    def raw(self, features: np.ndarray, *, n_threads: int = 1) -> np.ndarray:
        return np.asarray(features @ self.coef + self.intercept)

    def raw_one(self, features: np.ndarray) -> np.ndarray:
        return np.asarray(features @ self.coef + self.intercept)

    def predict(self, scores: np.ndarray) -> np.ndarray:
        if self.classes is None:
            return scores[:, 0] if self.one_dimensional else scores
        if scores.shape[1] == 1:
            return self.classes[(scores[:, 0] > 0).astype(np.intp)]
        return self.classes[_leaders(scores)[0]]

    def doubtful(self, scores: np.ndarray) -> np.ndarray:
        if self.classes is None:
            return NO_ROWS
        if scores.shape[1] == 1:
            margin = np.abs(scores[:, 0])
            return not_above(margin, DOUBT * (1.0 + margin))
        return _close(_leaders(scores))

    def decided(self, scores: np.ndarray) -> tuple[Any, np.ndarray]:
        if self.classes is None or scores.shape[1] == 1:
            return super().decided(scores)
        leaders = _leaders(scores)
        return self.classes[leaders[0]], _close(leaders)

    def gives(self, method: str) -> bool:
        if method == "decision_function":
            return self.classes is not None and self.link != LOG_LIKELIHOOD
        return method == "predict" or self.link != NONE

    def predict_one(self, scores: np.ndarray) -> Any:
        """Return the label or value for scores (n_outputs,), None where it is in doubt."""
        if self.classes is None:
            return scores[0] if self.one_dimensional else scores
        if len(scores) == 1:
            score = float(scores[0])
            if not abs(score) > DOUBT * (1.0 + abs(score)):
                return None
            return self.classes[1 if score > 0 else 0]
        best = int(scores.argmax())
        top = float(scores[best])
        # The best is within reach of itself; NaN is within reach of nothing.
        if np.count_nonzero(scores > top - DOUBT * (1.0 + abs(top))) != 1:
            return None
        return self.classes[best]

    def predict_proba_one(self, scores: np.ndarray) -> np.ndarray:
        if self.link == SIGMOID:
            positive = expit(scores[0])
            return np.array((1 - positive, positive))
        if self.link == SOFTMAX:
            odds = np.exp(scores - scores.max())
            odds /= odds.sum()
            return odds
        if self.link == ONE_VS_REST:
            positive = expit(scores)
            total = positive.sum()
            if total:
                return positive / total
        return super().predict_proba_one(scores)

    def predict_proba(self, scores: np.ndarray) -> np.ndarray:
        if self.link == SIGMOID:
            return both_classes(expit(scores[:, 0]))
        if self.link == CLIPPED:
            return both_classes((np.clip(scores[:, 0], -1, 1) + 1) / 2)
        if self.link == ONE_VS_REST:
            positive = expit(scores)
            if _ZEROS_BECOME_EVEN:
                return shares(positive)
            return positive / positive.sum(axis=1, keepdims=True)
        if self.link == SOFTMAX_OF_TWO:
            return _softmax(np.column_stack((-scores[:, 0], scores[:, 0])))
        if self.link == SOFTMAX:
            return _softmax(scores)
        return np.exp(self.predict_log_proba(scores))

    def predict_log_proba(self, scores: np.ndarray) -> np.ndarray:
        if self.link == LOG_LIKELIHOOD:
            return scores - log_sum(scores)
        return super().predict_log_proba(scores)


def _leaders(scores: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return where the first largest score of each row is, its value, and its lead.

    Few columns are compared one after the other: NumPy takes longer for a row than for a number.
    """
    if scores.shape[1] > _FEW_CLASSES:
        rows = np.arange(len(scores))
        best = scores.argmax(axis=1)
        top = scores[rows, best]
        others = scores.copy()
        others[rows, best] = -np.inf
        return best, top, top - others.max(axis=1)
    best, top = np.zeros(len(scores), dtype=np.intp), scores[:, 0]
    second = np.full(len(scores), -np.inf)
    for at in range(1, scores.shape[1]):
        column = scores[:, at]
        np.putmask(best, column > top, at)
        second = np.maximum(second, np.minimum(top, column))
        top = np.maximum(top, column)
    with np.errstate(invalid="ignore"):
        return best, top, top - second


def _close(leaders: tuple[np.ndarray, np.ndarray, np.ndarray]) -> np.ndarray:
    """Return the rows of `_leaders` whose lead may be an error of rounding."""
    _, top, margin = leaders
    return not_above(margin, DOUBT * (1.0 + np.abs(top)))


def _softmax(scores: np.ndarray) -> np.ndarray:
    """Return what scikit-learn's softmax does, up to rounding; class by class, not row by row."""
    odds = np.array(scores.T, order="C")
    odds -= odds.max(axis=0)
    np.exp(odds, out=odds)
    odds /= odds.sum(axis=0)
    return np.ascontiguousarray(odds.T)


def log_sum(scores: np.ndarray) -> np.ndarray:
    """Return the logarithm of the sum of exponentials along the last axis, which is kept.

    Its operations are those of SciPy's `logsumexp`, which spends more on asking what it was given:
    of large scores a last bit becomes a difference of probabilities.
    """
    if scores.shape[-1] < _FEW_CLASSES:
        return _log_sum_of_few(scores)
    largest = scores.max(axis=-1, keepdims=True)
    is_largest = scores == largest
    n_largest = is_largest.sum(axis=-1, keepdims=True, dtype=np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        odds = np.exp(scores - largest)
        odds[is_largest] = 0.0
        others = odds.sum(axis=-1, keepdims=True) / n_largest
        return np.log1p(others) + np.log(n_largest) + largest


def _log_sum_of_few(scores: np.ndarray) -> np.ndarray:
    """Do what `log_sum` does class by class: so short a sum has one order, and rows are many."""
    columns = [scores[..., k] for k in range(scores.shape[-1])]
    largest = columns[0]
    for column in columns[1:]:
        largest = np.maximum(largest, column)
    others, n_largest = np.zeros(largest.shape), np.zeros(largest.shape)
    with np.errstate(invalid="ignore", divide="ignore"):
        for column in columns:
            is_largest = column == largest
            odds = np.exp(column - largest)
            odds[is_largest] = 0.0
            others += odds
            n_largest += is_largest
        others /= n_largest
        found = np.log1p(others) + np.log(n_largest) + largest
    return found[..., None]


def shares(odds: np.ndarray) -> np.ndarray:
    """Return rows divided by their sums; a row of zeros becomes even."""
    sums = odds.sum(axis=1, keepdims=True)
    if sums.all():
        return odds / sums
    even = np.full_like(odds, 1 / odds.shape[1])
    return np.divide(odds, sums, out=even, where=sums != 0)


def is_one_vs_rest(model: Any) -> bool:
    """Tell whether each class of a fitted linear classifier has a probability of its own.

    Those of several classes may round to one.
    """
    if isinstance(model, SGDClassifier):
        return True
    # Before 1.8 binary problems could be multinomial, and larger ones one-vs-rest.
    scheme, solver = getattr(model, "multi_class", "auto"), getattr(model, "solver", "")
    return scheme == "ovr" or (
        scheme != "multinomial" and (len(model.classes_) <= 2 or solver == "liblinear")
    )
