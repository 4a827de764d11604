"""The nearest of some centers: `KMeans`, which is a linear model, and `NearestCentroid`.

``|x - center|^2`` is least where ``x @ center - |center|^2 / 2`` is largest: ``|x|^2`` is the same
for all centers.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.cluster import KMeans, MiniBatchKMeans
from sklearn.neighbors import NearestCentroid

from ..._near_ties import near_ties
from .._models import Model, ModelScorer
from .._registry import register
from .._scorers import OffsetScorer, Scorer
from .._steps import Step
from .._unsupported import Unsupported, check_in_double, check_width
from ._layers import ScoredModel
from ._linear import NONE
from ._scikit_linear import CenteringModel


@dataclass(frozen=True, eq=False, kw_only=True)
class CentersModel(CenteringModel):
    """Centers, of which the score that is largest tells the nearest."""

    largest: float  # the largest of their squared lengths, to which rounding errors are relative

    def gives(self, method: str) -> bool:
        return method == "predict"

    def doubtful(self, scores: np.ndarray) -> np.ndarray:
        sizes = 1.0 + np.abs(scores).max(axis=1) + self.largest
        return near_ties(scores, sizes)

    decided = Model.decided

    def predict_one(self, scores: np.ndarray) -> Any:
        return None if len(self.doubtful(scores[None])) else self.predict(scores[None])[0]


@dataclass(frozen=True, eq=False, kw_only=True)
class NearestModel(ScoredModel):
    """Centers of classes, where scikit-learn adds ``|x|^2`` and is rounded by it."""

    answers: CentersModel

    @staticmethod
    def predicts_largest(fitted: Any, method: str) -> bool:
        """Say no: its probabilities are of distances in other units."""
        return False

    def gives(self, method: str) -> bool:
        return method == "predict"

    def bind(self, features: Step) -> Scorer:
        centers = self.answers
        if features.reads_text and features.gives_matrix:  # short rows
            return OffsetScorer(centers.bind(features), centers.intercept)
        return ModelScorer(features.sized(centers.n_features).in_doubles(), self)

    def raw(self, features: np.ndarray, *, n_threads: int = 1) -> np.ndarray:
        """Return scores, which are equal where rounding of ``|x|^2`` could turn their order."""
        check_width(features, self.answers.n_features)
        scores = self.answers.raw(features)
        squares = np.einsum("ij,ij->i", features, features)
        scores[near_ties(scores, squares)] = 0.0
        return scores


def _centers(fitted: Any, centers: np.ndarray, classes: np.ndarray) -> CentersModel:
    check_in_double(centers)
    if len(centers) < 2:
        raise Unsupported("it has one center")
    squares = np.einsum("ij,ij->i", centers, centers)
    return CentersModel(
        original=fitted,
        coef=np.array(centers.T, order="C"),
        intercept=-0.5 * squares,
        classes=classes,
        link=NONE,
        one_dimensional=False,
        largest=float(squares.max()),
    )


@register(KMeans, MiniBatchKMeans, gives=CentersModel)
def compile_clusters(model: Any) -> CentersModel:
    """Read the centers of clusters."""
    centers = model.cluster_centers_
    return _centers(model, centers, np.arange(len(centers), dtype=np.int32))


@register(NearestCentroid, gives=NearestModel)
def compile_nearest_centroid(model: Any) -> NearestModel:
    """Read the centers of classes."""
    if model.metric != "euclidean":
        raise Unsupported(f"metric={model.metric!r}")
    prior = getattr(model, "class_prior_", None)  # since 1.6
    if prior is not None and not np.isclose(prior, 1 / len(model.classes_)).all():
        raise Unsupported("its classes differ in prior probability")
    answers = _centers(model, np.asarray(model.centroids_), np.array(model.classes_))
    return NearestModel(original=model, answers=answers)
