"""``KMeans`` and ``MiniBatchKMeans`` as transformers: distances to the centers of clusters."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.cluster import KMeans, MiniBatchKMeans

from .._registry import register
from .._steps import Step
from .._unsupported import InputUnsupported, Unsupported
from ._steps import NumberStep

_LEAST = 1e-3
"""Least distance, where it is below one, as a share of the squares of both lengths.

Rounding changes a difference of these squares in their last bits, and its root by that over the
distance: by less than 1e-12.
"""


@dataclass(frozen=True, eq=False, kw_only=True)
class DistancesStep(NumberStep):
    """``sqrt(|x|^2 - 2 x @ center + |center|^2)``, by scikit-learn's operations in its order."""

    centers: np.ndarray  # (n_features, n_columns)
    squares: np.ndarray  # (n_features,)

    allow_nan = False

    def apply(self, block: np.ndarray) -> np.ndarray:
        block = np.ascontiguousarray(block)  # sums of squares are in the order of memory
        found = block @ self.centers.T
        found *= -2
        lengths = np.einsum("ij,ij->i", block, block)[:, None]
        found += lengths
        found += self.squares
        squares = np.maximum(found, 0.0)
        np.sqrt(squares, out=found)
        if (np.maximum(found, squares) < _LEAST * (lengths + self.squares)).any():
            raise InputUnsupported("a row that is near a center, for its length")
        return found


@register(KMeans, MiniBatchKMeans)
def compile_distances(clusters: Any) -> Step:
    """Compile clusters."""
    centers = np.array(clusters.cluster_centers_, order="C")
    if centers.dtype != np.float64:
        raise Unsupported(f"it was fitted on {centers.dtype}")
    squares = np.einsum("ij,ij->i", centers, centers)
    return DistancesStep.from_fitted(clusters, len(centers), centers=centers, squares=squares)
