"""Naive Bayes of features that are there or not, and of categories."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.naive_bayes import BernoulliNB, CategoricalNB

from .._features import MAX_DENSE_FEATURES
from .._models import Model, ModelScorer
from .._registry import register
from .._scorers import OffsetScorer, Scorer
from .._steps import Step
from .._unsupported import InputUnsupported, Unsupported, check_scores, check_width
from ._layers import ScoredModel
from ._linear import LOG_LIKELIHOOD, LinearModel
from ._scikit_linear import linear_model

_NEAR = 1e-12
"""Features as near to the threshold as this could be on its other side by rounding."""


@dataclass(frozen=True, eq=False, kw_only=True)
class BernoulliModel(ScoredModel):
    """A linear model of features that are above a threshold or not.

    Of texts and one-hot categories it is known without their values which features are above zero:
    then rows become scores as with any linear model.
    """

    coef: np.ndarray  # (n_features, n_classes)
    offset: np.ndarray  # (n_classes,)
    threshold: float

    def bind(self, features: Step) -> Scorer:
        features = features.sized(len(self.coef))
        if self.threshold == 0.0:
            try:
                return OffsetScorer(features.in_binary().for_scores().bind(self.coef), self.offset)
            except Unsupported:
                pass
        if len(self.coef) > MAX_DENSE_FEATURES:
            raise Unsupported("it makes many features binary that are not known to be")
        return ModelScorer(features.in_doubles().for_scores(), self)

    def raw(self, features: np.ndarray, *, n_threads: int = 1) -> np.ndarray:
        check_width(features, len(self.coef))
        check_scores(features)
        distances = features - self.threshold
        above = distances > 0.0
        near = np.abs(distances) <= _NEAR * (1.0 + abs(self.threshold))
        if (near & (distances != 0.0)).any():
            raise InputUnsupported("a feature next to the threshold")
        return np.asarray(above.astype(np.float64) @ self.coef + self.offset)


@register(BernoulliNB, gives=ScoredModel, or_gives=(LinearModel,))
def compile_bernoulli_bayes(model: Any) -> Model:
    """Read a fitted `BernoulliNB`."""
    absent = np.log(1 - np.exp(model.feature_log_prob_))
    linear = linear_model(
        model,
        model.feature_log_prob_ - absent,
        model.class_log_prior_ + absent.sum(axis=1),
        model.classes_,
        LOG_LIKELIHOOD,
    )
    if model.binarize is None:
        return linear
    return BernoulliModel(
        original=model,
        answers=linear,
        coef=linear.coef,
        offset=linear.intercept,
        threshold=float(model.binarize),
    )


@dataclass(frozen=True, eq=False, kw_only=True)
class CategoricalModel(ScoredModel):
    """The sum of what each category says of the classes."""

    log_probabilities: tuple[np.ndarray, ...]  # of each feature, (n_categories, n_classes)
    priors: np.ndarray  # (n_classes,)

    @property
    def n_features(self) -> int:
        """Number of features that it reads."""
        return len(self.log_probabilities)

    def bind(self, features: Step) -> Scorer:
        features = features.sized(self.n_features)
        if not features.gives_array:
            raise Unsupported("it refuses a sparse matrix, which its features may be")
        return ModelScorer(features, self)

    def raw(self, features: np.ndarray, *, n_threads: int = 1) -> np.ndarray:
        check_width(features, self.n_features)
        check_scores(features)
        sums = np.zeros((len(features), len(self.priors)))
        for values, known in zip(features.T, self.log_probabilities, strict=True):
            codes = values.astype(np.intp)
            if not ((codes == values) & (codes >= 0) & (codes < len(known))).all():
                raise InputUnsupported("a number that is no category of the fit")
            sums += known[codes]
        return np.asarray(sums + self.priors)


@register(CategoricalNB, gives=ScoredModel)
def compile_categorical_bayes(model: Any) -> CategoricalModel:
    """Read a fitted `CategoricalNB`."""
    if len(model.classes_) < 2:
        raise Unsupported("it was fitted on one class")
    priors = np.array(model.class_log_prior_)
    return CategoricalModel(
        original=model,
        answers=LinearModel(
            original=model,
            coef=np.zeros((0, len(priors))),
            intercept=np.zeros(len(priors)),
            classes=np.array(model.classes_),
            link=LOG_LIKELIHOOD,
            one_dimensional=False,
        ),
        log_probabilities=tuple(np.ascontiguousarray(known.T) for known in model.feature_log_prob_),
        priors=priors,
    )
