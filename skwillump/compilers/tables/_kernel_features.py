"""``Nystroem`` and ``KernelPCA``: kernels of rows with rows of the fit, and products of these."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.decomposition import KernelPCA
from sklearn.kernel_approximation import Nystroem

from .._matrix_steps import MatrixStep, RowFunction
from .._registry import register
from .._steps import Step
from .._unsupported import InputUnsupported, Unsupported, check_in_double, private
from ..models._products import map_blocks, products, squared_lengths, warm_up_products
from ._categories import without_names
from ._steps import NumberStep

_LARGEST = 5e3
"""Largest length of what a feature is a sum of: its rounding errors grow with it."""


_CANCELLED = 32
"""How much larger squared lengths may be than the distances, whose terms they are (measured)."""

_BLOCK_VALUES = 1 << 16
"""Kernels that are held at a time, so that they stay in the cache."""


@dataclass(frozen=True, eq=False, kw_only=True)
class KernelFeatures(RowFunction):
    """``kernel(rows, known) @ components``, by scikit-learn's operations in its order."""

    original: Any  # the transformer, without names of columns
    columns: Any  # ndarray or CSR matrix, float64 (n_columns, n_known): rows of the fit
    squares: np.ndarray  # (n_known,): their squared lengths
    components: np.ndarray  # (n_known, n_features)
    kernel: str
    gamma: float
    coef0: float
    degree: float
    # Means of the kernel of each row of the fit, (n_known,), and of all; None where it is not
    # centered.
    means: np.ndarray | None = None
    mean: float = 0.0

    @cached_property
    def size(self) -> float:
        """Largest length of the components that a feature is a sum of."""
        return float(np.sqrt((self.components**2).sum(axis=0)).max())

    def of_rows(self, rows: Any) -> np.ndarray:
        return map_blocks(self._of_block, rows, max(_BLOCK_VALUES // len(self.squares), 1), 1)

    def _of_block(self, rows: Any) -> np.ndarray:
        lengths = squared_lengths(rows)[:, None]
        found, is_large = self._features(products(rows, self.columns), lengths)
        if is_large.any():
            found[is_large] = self.original.transform(rows[is_large])
        return found

    def of_entries(self, positions: np.ndarray, values: np.ndarray) -> np.ndarray:
        if sparse.issparse(self.columns):
            starts = np.array((0, len(positions)))
            shape = 1, self.columns.shape[0]
            return self.of_rows(sparse.csr_matrix((values, positions, starts), shape=shape))[0]
        lengths = np.array([[values @ values]])
        found, is_large = self._features((values @ self.columns[positions])[None], lengths)
        if is_large[0]:
            raise InputUnsupported("kernels of large numbers")
        return found[0]

    def _features(self, found: np.ndarray, lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the features for products, and the rows in which rounding errors are large.

        The kernel is computed in the place of the products.
        """
        if self.kernel == "rbf":
            found *= -2
            found += lengths
            found += self.squares
            np.maximum(found, 0.0, out=found)
            found *= -self.gamma
            np.exp(found, out=found)
            # A row further out than those of the fit is far from all of them.
            most = float(self.squares.max())
            away = np.maximum(np.sqrt(lengths[:, 0]) - np.sqrt(most), 0.0)
            sizes = self.gamma * (lengths[:, 0] + most) / _CANCELLED
            largest = sizes * np.exp(-self.gamma * away * away)
        else:
            if self.kernel != "linear":
                found *= self.gamma
                found += self.coef0
            if self.kernel == "poly":
                found **= self.degree
            elif self.kernel == "sigmoid":
                np.tanh(found, out=found)
            largest = np.abs(found).max(axis=1)
        is_large = ~(np.maximum(largest, 1.0) * self.size <= _LARGEST)
        if self.means is not None:
            row_means = (found.sum(axis=1) / len(self.means))[:, None]
            found -= self.means
            found -= row_means
            found += self.mean
        return found @ self.components, is_large

    def warm_up(self) -> None:
        warm_up_products(self.columns)


@dataclass(frozen=True, eq=False, kw_only=True)
class KernelStep(NumberStep):
    """Kernels of rows of a table."""

    function: KernelFeatures

    allow_nan = False
    is_rounded = True

    def apply(self, block: np.ndarray) -> np.ndarray:
        return self.function.of_rows(block)

    def on_sparse_rows(self) -> Step:
        return MatrixStep(
            original=self.original,
            n_features=self.n_features,
            n_inputs=self.function.columns.shape[0],
            function=self.function,
        )


def _compiled(fitted: Any, rows: Any, components: np.ndarray, **values: Any) -> KernelStep:
    """Return the step of rows of the fit (n_known, n_columns)."""
    check_in_double(rows, components)
    kernel = {"polynomial": "poly"}.get(fitted.kernel, fitted.kernel)
    if callable(kernel) or kernel not in ("rbf", "poly", "sigmoid", "linear"):
        raise Unsupported(f"kernel={fitted.kernel!r}")
    if fitted.kernel_params:
        raise Unsupported("its kernel has parameters that are not its own")
    is_sparse = sparse.issparse(rows)
    bare = without_names(fitted)
    vars(bare).pop("_sklearn_output_config", None)
    function = KernelFeatures(
        original=bare,
        columns=rows.T.tocsr() if is_sparse else np.ascontiguousarray(rows.T),
        squares=squared_lengths(rows),
        components=np.ascontiguousarray(components),
        kernel=kernel,
        **values,
    )
    if not function.size <= _LARGEST:
        raise Unsupported("its components multiply rounding errors")
    return KernelStep.from_fitted(fitted, components.shape[1], function=function)


@register(Nystroem)
def compile_nystroem(fitted: Any) -> Step:
    """Compile a ``Nystroem``."""
    rows = fitted.components_
    return _compiled(
        fitted,
        rows,
        fitted.normalization_.T,
        gamma=float(1.0 / rows.shape[1] if fitted.gamma is None else fitted.gamma),
        coef0=float(1 if fitted.coef0 is None else fitted.coef0),
        degree=3 if fitted.degree is None else fitted.degree,
    )


@register(KernelPCA)
def compile_kernel_pca(fitted: Any) -> Step:
    """Compile a ``KernelPCA``."""
    centerer = private(fitted, "_centerer")
    is_used = np.flatnonzero(fitted.eigenvalues_)
    components = np.zeros_like(fitted.eigenvectors_)
    lengths = np.sqrt(fitted.eigenvalues_[is_used])
    components[:, is_used] = fitted.eigenvectors_[:, is_used] / lengths
    return _compiled(
        fitted,
        fitted.X_fit_,
        components,
        gamma=float(fitted.gamma_),
        coef0=float(fitted.coef0),
        degree=fitted.degree,
        means=np.array(centerer.K_fit_rows_),
        mean=float(centerer.K_fit_all_),
    )
