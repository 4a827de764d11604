"""Gaussian naive Bayes behind a step that makes an array of sparse features.

Of a row, what all features would give were they zero is known; entries change it. The sums are
those of squares in another order: where rounding of that could show, a row is made dense after all.
"""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

from ..._containers import take_rows
from .._features import map_dense
from .._forwarding import forwarded
from .._scorers import Scorer
from .._steps import Step
from .._unsupported import InputUnsupported

if TYPE_CHECKING:
    from ._layers import GaussianModel

_ROUNDING = 4 * float(np.finfo(np.float64).eps)
"""Error of a sum, as a share of the sum of its absolute terms."""

_LARGEST_ERROR = 2.5e-13
"""Of a probability, and of the logarithm of one as a share of it."""


@dataclass(frozen=True, eq=False, kw_only=True)
class SparseGaussianScorer(Scorer):
    """Sums of squares of sparse rows."""

    features: Step
    model: "GaussianModel"
    inverse: np.ndarray  # (n_features, n_classes): one over the variances
    weights: np.ndarray  # the same: means over variances
    base: np.ndarray  # (n_classes,): the score of a row of zeros
    size: np.ndarray  # the same: the sum of the absolute terms of it

    n_outputs = forwarded("model.n_outputs")

    @classmethod
    def of(cls, features: Step, model: "GaussianModel") -> "SparseGaussianScorer | None":
        """Return the scorer of features that a step makes dense; None of any others."""
        sparse_features = features.undensed()
        is_sparse = sparse_features is not features and sparse_features.gives_matrix
        if not is_sparse or sparse_features.n_features != model.means.shape[1]:
            return None
        with np.errstate(all="ignore"):
            inverse = 1.0 / model.variances.T
            weights = model.means.T * inverse
            sums = 0.5 * (model.means.T * weights).sum(axis=0)
        if not all(np.isfinite(known).all() for known in (inverse, weights, sums)):
            return None
        return cls(
            features=sparse_features,
            model=model,
            inverse=np.ascontiguousarray(inverse),
            weights=np.ascontiguousarray(weights),
            base=model.constants + model.priors - sums,
            size=np.abs(model.constants) + np.abs(model.priors) + sums,
        )

    def scores(self, X: Any, rows: np.ndarray | None = None, *, n_threads: int = 1) -> np.ndarray:
        made = self.features.transform(take_rows(X, rows), n_threads=n_threads)
        if not sparse.issparse(made) or made.shape[1] != len(self.inverse):
            raise InputUnsupported("features that are no sparse rows of the model's")
        found = made.tocsr().astype(np.float64)
        found.sum_duplicates()
        squares, sizes = found.copy(), abs(found)
        squares.data **= 2
        scores, is_sure = self._sums(
            squares @ self.inverse, found @ self.weights, sizes @ np.abs(self.weights)
        )
        if not is_sure.all():
            widest = found.shape[1]
            work = self.model.raw
            scores[~is_sure] = map_dense(work, found[~is_sure], n_threads=n_threads, widest=widest)
        return scores

    def score_one(self, x: Any) -> np.ndarray:
        positions, values = self.features.entries(x)
        if values.dtype != np.float64:
            values = values.astype(np.float64)
        weights = self.weights[positions]
        squares = 0.5 * (values * values @ self.inverse[positions])
        scores = self.base + values @ weights - squares
        sizes = self.size + np.abs(values) @ np.abs(weights) + squares
        if _is_sure(scores.tolist(), sizes.tolist()):
            return np.asarray(scores)
        features = np.zeros(len(self.inverse))
        np.add.at(features, positions, values)
        return self.model.raw_one(features)

    def _sums(
        self, squares: np.ndarray, products: np.ndarray, sizes: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the scores (n_rows, n_classes), and of which rows rounding does not show."""
        scores = self.base + products - 0.5 * squares
        if not np.isfinite(scores).all():
            raise InputUnsupported("values that are not finite, or too large")
        errors = _ROUNDING * (self.size + sizes + 0.5 * squares)
        at = np.arange(len(scores)), scores.argmax(axis=1)
        below = scores[at][:, None] - scores  # logarithms of ratios of probabilities
        errors = errors + errors[at][:, None]
        shown = errors * np.maximum(np.exp(-below), 1.0 / np.maximum(below, 1.0))
        shown[at] = 0.0
        return scores, (shown <= _LARGEST_ERROR).all(axis=1)


def _is_sure(scores: list[float], sizes: list[float]) -> bool:
    """Tell whether rounding does not show in the answers for one row, as `_sums` does."""
    best = max(scores)
    at = scores.index(best)
    for place, (score, size) in enumerate(zip(scores, sizes, strict=True)):
        below = best - score
        error = _ROUNDING * (size + sizes[at])
        shown = error * max(math.exp(-below), 1.0 / max(below, 1.0))
        if place != at and not shown <= _LARGEST_ERROR:
            return False
    return math.isfinite(sum(scores))
