"""Models that are more than one sum of products: neural networks, and Gaussian naive Bayes.

The first layer of a network is a linear model: its sums come from the compiled features, with no
matrix in between. The layers after it are small, and NumPy's.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import expit
from sklearn.discriminant_analysis import QuadraticDiscriminantAnalysis
from sklearn.naive_bayes import GaussianNB
from sklearn.neural_network import MLPClassifier, MLPRegressor

from .._forwarding import forwarded
from .._models import CompleteModel, ModelScorer
from .._registry import register
from .._scorers import Scorer
from .._steps import Step
from .._unsupported import (
    InputUnsupported,
    Unsupported,
    check_in_double,
    check_scores,
    check_width,
    private,
)
from ._linear import LOG_LIKELIHOOD, NONE, SIGMOID, SOFTMAX, LinearModel
from ._outer import AnsweredModel
from ._several_labels import LabelSums
from ._sparse_gaussian import SparseGaussianScorer

_BLOCK_VALUES = 1 << 15
"""Features that are worked on at a time, so that they stay in the cache."""

_ACTIVATIONS: dict[str, Callable[[np.ndarray], Any]] = {
    "identity": lambda sums: None,
    "logistic": lambda sums: expit(sums, out=sums),
    "tanh": lambda sums: np.tanh(sums, out=sums),
    "relu": lambda sums: np.maximum(sums, 0.0, out=sums),
}
"""What changes the sums of a layer into what the next one reads, in place."""


@dataclass(frozen=True, eq=False, kw_only=True)
class ScoredModel(AnsweredModel, CompleteModel):
    """A model whose scores are answered as those of a linear model, and are made in another way."""

    answers: LinearModel  # its coefficients are not used

    n_outputs = forwarded("answers.n_outputs")
    is_smooth = True


@dataclass(frozen=True, eq=False, kw_only=True)
class NetworkModel(ScoredModel):
    """A fitted network; its scores are the sums of its last layer."""

    weights: tuple[np.ndarray, ...]
    biases: tuple[np.ndarray, ...]
    activation: str

    @property
    def n_features(self) -> int:
        """Number of features that it reads, sparse or not."""
        return len(self.weights[0])

    def bind(self, features: Step) -> "NetworkScorer":
        """Bind the first layer to the features."""
        first = features.sized(len(self.weights[0])).for_scores().bind(self.weights[0])
        return NetworkScorer(first, self)

    def after_first(self, sums: np.ndarray) -> np.ndarray:
        """Return the scores for the sums of the first layer, without its bias; they are changed."""
        sums += self.biases[0]
        check_scores(sums)
        activate = _ACTIVATIONS[self.activation]
        for weights, bias in zip(self.weights[1:], self.biases[1:], strict=True):
            activate(sums)
            sums = sums @ weights
            sums += bias
        return sums

    def raw(self, features: np.ndarray, *, n_threads: int = 1) -> np.ndarray:
        return self.after_first(features @ self.weights[0])


@dataclass(frozen=True, eq=False)
class NetworkScorer(Scorer):
    """The features of a step, through the layers of a network."""

    first: Scorer
    model: NetworkModel

    n_outputs = forwarded("model.n_outputs")

    def scores(self, X: Any, rows: np.ndarray | None = None, *, n_threads: int = 1) -> np.ndarray:
        try:
            sums = self.first.scores(X, rows, n_threads=n_threads)
        except InputUnsupported as reason:
            if reason.scorer is not self.first:
                raise
            known = reason.features
            raise InputUnsupported(str(reason), scorer=self, features=known) from reason
        return self.model.after_first(sums)

    def score_one(self, x: Any) -> np.ndarray:
        return self.model.after_first(self.first.score_one(x)[None])[0]


@register(MLPClassifier, MLPRegressor, gives=ScoredModel)
def compile_network(model: Any) -> NetworkModel:
    """Read a fitted network."""
    weights, biases = tuple(model.coefs_), tuple(model.intercepts_)
    check_in_double(*weights, *biases)
    if model.activation not in _ACTIVATIONS:
        raise Unsupported(f"activation={model.activation!r}")
    classes, link, of_one = None, NONE, True
    if isinstance(model, MLPClassifier):
        binarizer = private(model, "_label_binarizer")
        if binarizer.sparse_input_ or len(model.classes_) < 2:
            raise Unsupported(f"it was fitted on labels of the kind {binarizer.y_type_}")
        classes = np.array(model.classes_)
        link = SIGMOID if model.out_activation_ == "logistic" else SOFTMAX
        of_one = binarizer.y_type_ in ("binary", "multiclass")
    elif model.out_activation_ != "identity":
        raise Unsupported(f"its last layer is {model.out_activation_}")
    answers = _answers(model, len(biases[-1]), classes, link)
    return NetworkModel(
        original=model,
        answers=answers if of_one else LabelSums(**vars(answers)),
        weights=tuple(map(np.ascontiguousarray, weights)),
        biases=tuple(map(np.array, biases)),
        activation=model.activation,
    )


@dataclass(frozen=True, eq=False, kw_only=True)
class GaussianModel(ScoredModel):
    """Gaussian naive Bayes: for each class a sum of squares."""

    means: np.ndarray  # (n_classes, n_features)
    variances: np.ndarray
    constants: np.ndarray  # (n_classes,)
    priors: np.ndarray  # the same: logarithms, which are added last

    def bind(self, features: Step) -> Scorer:
        features = features.sized(self.means.shape[1]).for_scores()
        return SparseGaussianScorer.of(features, self) or ModelScorer(features, self)

    def raw(self, features: np.ndarray, *, n_threads: int = 1) -> np.ndarray:
        """Return the log likelihoods (n_rows, n_classes), by scikit-learn's operations."""
        check_width(features, self.means.shape[1])
        sums = np.empty((len(features), len(self.means)))
        size = max(_BLOCK_VALUES // max(features.shape[1], 1), 1)
        for first in range(0, len(features), size):
            some = features[first : first + size]
            for at, (mean, variance) in enumerate(zip(self.means, self.variances, strict=True)):
                terms = some - mean
                terms *= terms
                terms /= variance
                sums[first : first + size, at] = 0.5 * terms.sum(axis=1)
        return self.constants - sums + self.priors

    def raw_one(self, features: np.ndarray) -> np.ndarray:
        if len(features) != self.means.shape[1]:
            raise InputUnsupported(f"{len(features)} features")
        sums = 0.5 * np.sum((features - self.means) ** 2 / self.variances, axis=1)
        return self.constants - sums + self.priors


@register(GaussianNB, gives=ScoredModel)
def compile_gaussian_bayes(model: Any) -> GaussianModel:
    """Read a fitted Gaussian naive Bayes."""
    means, variances = np.array(model.theta_), np.array(model.var_)
    check_in_double(means)
    if len(model.classes_) < 2:
        raise Unsupported("it has one class")
    scale = -0.5 * np.sum(np.log(2.0 * np.pi * variances), axis=1)
    return GaussianModel(
        original=model,
        answers=_answers(model, len(means), np.array(model.classes_), LOG_LIKELIHOOD),
        means=means,
        variances=variances,
        constants=scale,
        priors=np.log(model.class_prior_),
    )


@dataclass(frozen=True, eq=False, kw_only=True)
class QuadraticModel(GaussianModel):
    """Quadratic discriminant analysis: for each class a sum of squares of projections."""

    projections: tuple[np.ndarray, ...]  # of each class, (n_features, n_directions)

    def bind(self, features: Step) -> Scorer:
        return ModelScorer(features.sized(self.means.shape[1]).for_scores(), self)

    def raw(self, features: np.ndarray, *, n_threads: int = 1) -> np.ndarray:
        check_width(features, self.means.shape[1])
        pairs = zip(self.means, self.projections, strict=True)
        found = [np.sum(((features - mean) @ along) ** 2, axis=1) for mean, along in pairs]
        return -0.5 * np.stack(found, axis=1) + self.constants + self.priors

    raw_one = CompleteModel.raw_one

    def decision_function(self, scores: np.ndarray) -> np.ndarray:
        return scores[:, 1] - scores[:, 0] if scores.shape[1] == 2 else scores


@register(QuadraticDiscriminantAnalysis, gives=ScoredModel)
def compile_quadratic(model: Any) -> QuadraticModel:
    """Read a fitted quadratic discriminant analysis."""
    means = np.array(model.means_)
    check_in_double(means)
    if len(model.classes_) < 2:
        raise Unsupported("it has one class")
    pairs = list(zip(model.rotations_, model.scalings_, strict=True))
    sizes = np.array([np.sum(np.log(scaling)) for _, scaling in pairs])
    return QuadraticModel(
        original=model,
        answers=_answers(model, len(means), np.array(model.classes_), LOG_LIKELIHOOD),
        means=means,
        variances=np.zeros((0, 0)),
        constants=-0.5 * sizes,
        priors=np.log(model.priors_),
        projections=tuple(rotation * scaling**-0.5 for rotation, scaling in pairs),
    )


def _answers(model: Any, n_outputs: int, classes: np.ndarray | None, link: int) -> LinearModel:
    return LinearModel(
        original=model,
        coef=np.zeros((0, n_outputs)),
        intercept=np.zeros(n_outputs),
        classes=classes,
        link=link,
        one_dimensional=n_outputs == 1,
    )
