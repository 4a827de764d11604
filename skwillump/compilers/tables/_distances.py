"""``KMeans`` and ``MiniBatchKMeans`` as transformers: distances to the centers of clusters."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.cluster import KMeans, MiniBatchKMeans

from .._matrix_steps import MatrixStep, RowFunction
from .._registry import register
from .._steps import Step
from .._unsupported import InputUnsupported, check_in_double
from ..models._products import squared_lengths
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
    is_rounded = True

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

    def on_sparse_rows(self) -> Step:
        function = SparseDistances(self.original, self.centers, self.squares)
        n_inputs = self.centers.shape[1]
        return MatrixStep(
            original=self.original,
            n_features=self.n_features,
            n_inputs=n_inputs,
            function=function,
        )


@dataclass(frozen=True, eq=False)
class SparseDistances(RowFunction):
    """The same of sparse rows; those that are near a center are left to the original."""

    original: Any
    centers: np.ndarray  # (n_features, n_columns)
    squares: np.ndarray  # (n_features,)

    def of_rows(self, rows: Any) -> np.ndarray:
        lengths = squared_lengths(rows)[:, None]
        found, is_near = self._of_products(np.asarray(rows @ self.centers.T), lengths)
        if is_near.any():
            found[is_near] = self.original.transform(rows[is_near])
        return found

    def of_entries(self, positions: np.ndarray, values: np.ndarray) -> np.ndarray:
        products = self.centers[:, positions] @ values
        found, is_near = self._of_products(products[None], values @ values)
        if is_near[0]:
            raise InputUnsupported("a row that is near a center, for its length")
        return found[0]

    def _of_products(self, products: np.ndarray, lengths: Any) -> tuple[np.ndarray, np.ndarray]:
        """Return the distances, in the place of the products, and which rows are near a center."""
        products *= -2
        products += lengths
        products += self.squares
        squares = np.maximum(products, 0.0, out=products)
        found = np.sqrt(squares)
        is_near = np.maximum(found, squares) < _LEAST * (lengths + self.squares)
        return found, is_near.any(axis=1)


@register(KMeans, MiniBatchKMeans)
def compile_distances(clusters: Any) -> Step:
    """Compile clusters."""
    centers = np.array(clusters.cluster_centers_, order="C")
    check_in_double(centers)
    squares = np.einsum("ij,ij->i", centers, centers)
    return DistancesStep.from_fitted(clusters, len(centers), centers=centers, squares=squares)
