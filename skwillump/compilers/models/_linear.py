"""Linear models: scores to what the model's own methods return."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import sklearn
from scipy.special import expit, logsumexp
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import (
    ARDRegression,
    BayesianRidge,
    ElasticNet,
    ElasticNetCV,
    HuberRegressor,
    Lars,
    Lasso,
    LassoCV,
    LassoLars,
    LinearRegression,
    LogisticRegression,
    LogisticRegressionCV,
    PassiveAggressiveClassifier,
    PassiveAggressiveRegressor,
    Perceptron,
    Ridge,
    RidgeClassifier,
    RidgeClassifierCV,
    RidgeCV,
    SGDClassifier,
    SGDRegressor,
)
from sklearn.naive_bayes import BernoulliNB, ComplementNB, MultinomialNB
from sklearn.svm import LinearSVC, LinearSVR

from .._registry import Unsupported, sorted_types

NONE, SIGMOID, ONE_VS_REST, SOFTMAX, SOFTMAX_OF_TWO, LOG_LIKELIHOOD, CLIPPED = range(7)
"""How scores become probabilities; NONE where the model has none, or others than these."""

_DOUBT = 1e-9
"""Two scores closer than this share of their size could be in another order after rounding."""

_ZEROS_BECOME_EVEN = tuple(map(int, sklearn.__version__.split(".")[:2])) >= (1, 9)
"""Whether one-vs-rest probabilities that are all zero become even ones, or NaN."""


@dataclass(frozen=True, eq=False)
class LinearModel:
    """A fitted model as ``X @ coef + intercept`` and what follows from it.

    Its methods take scores, float64 (n_rows, n_outputs), with the intercept added.
    """

    original: Any
    coef: np.ndarray  # float64 (n_features, n_outputs)
    intercept: np.ndarray  # float64 (n_outputs,)
    classes: np.ndarray | None  # None for a regressor
    link: int
    one_dimensional: bool  # whether a regressor's predictions are

    def raw(self, features: np.ndarray, *, n_threads: int = 1) -> np.ndarray:
        """Return the scores of dense features, float64 (n_rows, n_features)."""
        return np.asarray(features @ self.coef + self.intercept)

    def raw_one(self, features: np.ndarray) -> np.ndarray:
        """Return the scores (n_outputs,) of one row of features (n_features,)."""
        return np.asarray(features @ self.coef + self.intercept)

    def decision_function(self, scores: np.ndarray) -> np.ndarray:
        """Return the scores in the shape of the model's ``decision_function``."""
        return scores[:, 0] if scores.shape[1] == 1 else scores

    def predict(self, scores: np.ndarray) -> np.ndarray:
        """Return labels, or a regressor's values."""
        if self.classes is None:
            return scores[:, 0] if self.one_dimensional else scores
        if scores.shape[1] == 1:
            return self.classes[(scores[:, 0] > 0).astype(np.intp)]
        return self.classes[scores.argmax(axis=1)]

    def doubtful(self, scores: np.ndarray) -> np.ndarray:
        """Return the positions of rows whose label rounding could change."""
        if self.classes is None:
            return np.zeros(0, dtype=np.intp)
        if scores.shape[1] == 1:
            margin = np.abs(scores[:, 0])
            size = margin
        else:
            rows = np.arange(len(scores))
            best = scores.argmax(axis=1)
            top = scores[rows, best]
            others = scores.copy()
            others[rows, best] = -np.inf
            margin = top - others.max(axis=1)
            size = np.abs(top)
        # "Not above" rather than "below": NaN is in doubt too.
        return np.flatnonzero(~(margin > _DOUBT * (1.0 + size)))

    def gives(self, method: str) -> bool:
        """Tell whether ``method`` follows from the scores alone."""
        if method == "decision_function":
            return self.classes is not None and self.link != LOG_LIKELIHOOD
        return method == "predict" or self.link != NONE

    def predict_one(self, scores: np.ndarray) -> Any:
        """Return the label or value for scores (n_outputs,), None where it is in doubt."""
        if self.classes is None:
            return scores[0] if self.one_dimensional else scores
        if len(scores) == 1:
            score = float(scores[0])
            if not abs(score) > _DOUBT * (1.0 + abs(score)):
                return None
            return self.classes[1 if score > 0 else 0]
        best = int(scores.argmax())
        top = float(scores[best])
        # The best is within reach of itself; NaN is within reach of nothing.
        if np.count_nonzero(scores > top - _DOUBT * (1.0 + abs(top))) != 1:
            return None
        return self.classes[best]

    def predict_proba_one(self, scores: np.ndarray) -> np.ndarray:
        """Return probabilities (n_classes,) for scores (n_outputs,)."""
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
        return self.predict_proba(scores[None])[0]

    def predict_proba(self, scores: np.ndarray) -> np.ndarray:
        """Return probabilities (n_rows, n_classes)."""
        if self.link == SIGMOID:
            positive = expit(scores[:, 0])
            return np.column_stack((1 - positive, positive))
        if self.link == CLIPPED:
            positive = (np.clip(scores[:, 0], -1, 1) + 1) / 2
            return np.column_stack((1 - positive, positive))
        if self.link == ONE_VS_REST:
            positive = expit(scores)
            if _ZEROS_BECOME_EVEN:
                return _shares(positive)
            return positive / positive.sum(axis=1, keepdims=True)
        if self.link == SOFTMAX_OF_TWO:
            return _softmax(np.column_stack((-scores[:, 0], scores[:, 0])))
        if self.link == SOFTMAX:
            return _softmax(scores)
        return np.exp(self.predict_log_proba(scores))

    def predict_log_proba(self, scores: np.ndarray) -> np.ndarray:
        """Return the logarithms of `predict_proba`."""
        if self.link == LOG_LIKELIHOOD:
            return scores - logsumexp(scores, axis=1, keepdims=True)
        with np.errstate(divide="ignore"):  # a probability of zero is one
            return np.log(self.predict_proba(scores))


def _softmax(scores: np.ndarray) -> np.ndarray:
    """Return what scikit-learn's softmax does, up to rounding; class by class, not row by row."""
    odds = np.array(scores.T, order="C")
    odds -= odds.max(axis=0)
    np.exp(odds, out=odds)
    odds /= odds.sum(axis=0)
    return np.ascontiguousarray(odds.T)


def _shares(odds: np.ndarray) -> np.ndarray:
    """Return rows divided by their sums; a row of zeros becomes even."""
    sums = odds.sum(axis=1, keepdims=True)
    if sums.all():
        return odds / sums
    even = np.full_like(odds, 1 / odds.shape[1])
    return np.divide(odds, sums, out=even, where=sums != 0)


@dataclass(frozen=True, eq=False)
class CalibratedModel(LinearModel):
    """The mean of linear models' calibrated probabilities.

    Scores hold the columns of one member after the other.
    """

    members: tuple[LinearModel, ...]
    slopes: np.ndarray  # float64 (n_members, n_curves): one curve if there are two classes
    offsets: np.ndarray  # the same

    def predict(self, scores: np.ndarray) -> np.ndarray:
        """Return the labels of the largest probabilities."""
        assert self.classes is not None
        return self.classes[self.predict_proba(scores).argmax(axis=1)]

    def doubtful(self, scores: np.ndarray) -> np.ndarray:
        """Return the positions of rows whose label rounding could change."""
        ordered = np.sort(self.predict_proba(scores), axis=1)
        return np.flatnonzero(~(ordered[:, -1] - ordered[:, -2] > _DOUBT))

    def gives(self, method: str) -> bool:
        """Tell whether ``method`` follows from the scores alone."""
        return method in ("predict", "predict_proba")

    def predict_one(self, scores: np.ndarray) -> Any:
        """Return the label for scores (n_outputs,), None where it is in doubt."""
        return None if len(self.doubtful(scores[None])) else self.predict(scores[None])[0]

    def predict_proba_one(self, scores: np.ndarray) -> np.ndarray:
        """Return probabilities (n_classes,) for scores (n_outputs,)."""
        return self.predict_proba(scores[None])[0]

    def predict_proba(self, scores: np.ndarray) -> np.ndarray:
        """Return probabilities (n_rows, n_classes)."""
        assert self.classes is not None
        total = np.zeros((len(scores), len(self.classes)))
        n_curves, start = self.slopes.shape[1], 0
        for member, slopes, offsets in zip(self.members, self.slopes, self.offsets, strict=True):
            part = scores[:, start : start + member.coef.shape[1]]
            start += part.shape[1]
            if not member.gives("decision_function"):
                part = member.predict_proba(part)[:, -n_curves:]
            calibrated = expit(-(slopes * part + offsets))
            if n_curves == 1:
                total += np.hstack((1.0 - calibrated, calibrated))
            else:
                total += _shares(calibrated)
        return total / len(self.members)


_MODELS: dict[type, Callable[[Any], LinearModel]] = {}


def register_model(
    *types: type,
) -> Callable[[Callable[[Any], LinearModel]], Callable[[Any], LinearModel]]:
    """Register the decorated compiler for exactly these types of models."""

    def decorate(function: Callable[[Any], LinearModel]) -> Callable[[Any], LinearModel]:
        for kind in types:
            _MODELS[kind] = function
        return function

    return decorate


def registered_linear() -> tuple[type, ...]:
    """Return the types of models that are linear, sorted by name."""
    return sorted_types(_MODELS)


def is_linear(fitted: Any) -> bool:
    """Tell whether a model is of a type that `compile_linear` knows."""
    return type(fitted) in _MODELS


def compile_linear(fitted: Any) -> LinearModel:
    """Return a fitted model as a `LinearModel`.

    Raises
    ------
    Unsupported
        With the reason, for any other model.
    """
    function = _MODELS.get(type(fitted))
    if function is None:
        raise Unsupported(f"no compiler for {type(fitted).__name__}")
    return function(fitted)


def _make(fitted: Any, coef: Any, intercept: Any, classes: Any, link: int) -> LinearModel:
    coef = np.asarray(coef)
    if coef.dtype != np.float64:
        raise Unsupported(f"its coefficients are {coef.dtype}, not float64")
    n_outputs = 1 if coef.ndim == 1 else len(coef)
    if classes is not None:
        if isinstance(classes, list) or np.ndim(classes) != 1:
            raise Unsupported("it has several outputs")
        n_classes = len(classes)
        one_score = n_classes == 2 and link in (NONE, SIGMOID, SOFTMAX_OF_TWO, CLIPPED)
        if n_classes < 2 or n_outputs != (1 if one_score else n_classes):
            raise Unsupported(f"{n_outputs} rows of coefficients for {n_classes} classes")
    return LinearModel(
        original=fitted,
        coef=np.ascontiguousarray(coef.reshape(n_outputs, -1).T),
        intercept=np.broadcast_to(np.asarray(intercept, dtype=np.float64), (n_outputs,)).copy(),
        classes=None if classes is None else np.array(classes),
        link=link,
        one_dimensional=coef.ndim == 1,
    )


def is_one_vs_rest(model: Any) -> bool:
    """Tell whether each class of a fitted linear classifier has a probability of its own.

    Those of several classes may round to one.
    """
    if type(model) is SGDClassifier:
        return True
    # Before 1.8 binary problems could be multinomial, and larger ones one-vs-rest.
    scheme, solver = getattr(model, "multi_class", "auto"), getattr(model, "solver", "")
    return scheme == "ovr" or (
        scheme != "multinomial" and (len(model.classes_) <= 2 or solver == "liblinear")
    )


@register_model(LogisticRegression, LogisticRegressionCV)
def _logistic_regression(model: Any) -> LinearModel:
    n_classes = len(model.classes_)
    if is_one_vs_rest(model):
        link = SIGMOID if n_classes <= 2 else ONE_VS_REST
    else:
        link = SOFTMAX_OF_TWO if n_classes <= 2 else SOFTMAX
    return _make(model, model.coef_, model.intercept_, model.classes_, link)


@register_model(SGDClassifier)
def _sgd_classifier(model: Any) -> LinearModel:
    link = NONE
    if model.loss == "log_loss":
        link = SIGMOID if len(model.classes_) == 2 else ONE_VS_REST
    elif model.loss == "modified_huber" and len(model.classes_) == 2:
        link = CLIPPED
    return _make(model, model.coef_, model.intercept_, model.classes_, link)


@register_model(
    LinearSVC, PassiveAggressiveClassifier, Perceptron, RidgeClassifier, RidgeClassifierCV
)
def _linear_classifier(model: Any) -> LinearModel:
    binarizer = getattr(model, "_label_binarizer", None)
    if binarizer is not None and binarizer.y_type_.startswith("multilabel"):
        raise Unsupported("it was fitted on several labels a row")
    return _make(model, model.coef_, model.intercept_, model.classes_, NONE)


@register_model(
    ARDRegression,
    BayesianRidge,
    ElasticNet,
    ElasticNetCV,
    HuberRegressor,
    Lars,
    Lasso,
    LassoCV,
    LassoLars,
    LinearRegression,
    LinearSVR,
    PassiveAggressiveRegressor,
    Ridge,
    RidgeCV,
    SGDRegressor,
)
def _linear_regressor(model: Any) -> LinearModel:
    return _make(model, model.coef_, model.intercept_, None, NONE)


@register_model(MultinomialNB)
def _multinomial_nb(model: Any) -> LinearModel:
    return _make(
        model, model.feature_log_prob_, model.class_log_prior_, model.classes_, LOG_LIKELIHOOD
    )


@register_model(ComplementNB)
def _complement_nb(model: Any) -> LinearModel:
    return _make(model, model.feature_log_prob_, 0.0, model.classes_, LOG_LIKELIHOOD)


@register_model(BernoulliNB)
def _bernoulli_nb(model: Any) -> LinearModel:
    if model.binarize is not None:
        raise Unsupported(
            "it makes its features binary first: give it binary ones, with binarize=None"
        )
    absent = np.log(1 - np.exp(model.feature_log_prob_))
    return _make(
        model,
        model.feature_log_prob_ - absent,
        model.class_log_prior_ + absent.sum(axis=1),
        model.classes_,
        LOG_LIKELIHOOD,
    )


@register_model(CalibratedClassifierCV)
def _calibrated(model: Any) -> LinearModel:
    members, slopes, offsets = [], [], []
    for calibrated in model.calibrated_classifiers_:
        inner = calibrated.estimator
        while type(inner) is FrozenEstimator:
            inner = inner.estimator
        if not np.array_equal(getattr(inner, "classes_", ()), model.classes_):
            raise Unsupported("one of its models knows other classes")
        if not all(hasattr(c, "a_") and hasattr(c, "b_") for c in calibrated.calibrators):
            raise Unsupported(
                f"method={model.method!r}: only sigmoid calibration follows from scores to full "
                "precision"
            )
        members.append(compile_linear(inner))
        slopes.append([float(c.a_) for c in calibrated.calibrators])
        offsets.append([float(c.b_) for c in calibrated.calibrators])
    return CalibratedModel(
        original=model,
        coef=np.ascontiguousarray(np.hstack([member.coef for member in members])),
        intercept=np.concatenate([member.intercept for member in members]),
        classes=np.array(model.classes_),
        link=NONE,
        one_dimensional=False,
        members=tuple(members),
        slopes=np.array(slopes),
        offsets=np.array(offsets),
    )
