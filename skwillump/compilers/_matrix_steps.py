"""Steps that make an array of the matrix, or of the array, that the step before them gives."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from .._containers import take_rows
from ._features import ChosenRows, Entries
from ._forwarding import KernelUser
from ._scorers import Scorer
from ._steps import Step
from ._unsupported import InputUnsupported


class RowFunction(KernelUser):
    """What makes features of rows; subclasses are frozen dataclasses over plain arrays."""

    def of_rows(self, rows: Any) -> np.ndarray:
        """Return the features (n_rows, n_features) of a CSR matrix or an array of float64.

        Raises
        ------
        InputUnsupported
            For rows that must go to the original transformer.
        """
        raise NotImplementedError

    def of_entries(self, positions: np.ndarray, values: np.ndarray) -> np.ndarray:
        """Return the features (n_features,) of the entries of one sparse row."""
        raise NotImplementedError


@dataclass(frozen=True, eq=False, kw_only=True)
class MatrixStep(Step):
    """A function of rows: a CSR matrix or an array of float64."""

    original: Any
    n_features: int
    n_inputs: int
    function: RowFunction

    fixed_dtype = np.dtype(np.float64)
    gives_array = True
    is_rounded = True
    reads_matrix = True

    def transformed(self, X: Any, *, n_threads: int) -> Any:
        return self.dense(X)

    def dense(self, X: Any, rows: ChosenRows = None, *, n_threads: int = 1) -> np.ndarray:
        return self.function.of_rows(self._checked(take_rows(X, rows)))

    def _checked(self, X: Any) -> Any:
        """Return rows that scikit-learn reads as they are, or after it made float64 of them."""
        if sparse.issparse(X):
            if X.format != "csr":
                raise InputUnsupported(f"a sparse matrix of format {X.format}")
            values = X.data
        elif isinstance(X, np.ndarray) and X.ndim == 2:
            values = X
        else:
            raise InputUnsupported(f"{type(X).__name__} is no matrix")
        if X.shape[1] != self.n_inputs or not X.shape[0]:
            raise InputUnsupported(f"features of shape {X.shape}")
        if values.dtype != np.float64 and values.dtype.kind not in "iu":
            raise InputUnsupported(f"features of dtype {values.dtype}")
        if not np.isfinite(values).all():
            raise InputUnsupported("values that are not finite")
        return X.astype(np.float64, copy=False)

    def dense_one(self, x: Any) -> np.ndarray:
        if isinstance(x, np.ndarray) and x.ndim == 1:
            return self.dense(x[None])[0]
        return super().dense_one(x)

    def of_entries(self, entries: Entries) -> np.ndarray:
        """Return the features (n_features,) of the entries of one sparse row."""
        positions, values = entries
        values = values.astype(np.float64, copy=False)
        if not np.isfinite(values).all():
            raise InputUnsupported("values that are not finite")
        return self.function.of_entries(positions, values)

    def bind(self, coef: np.ndarray) -> "MatrixScorer":
        return MatrixScorer(self, np.ascontiguousarray(coef, dtype=np.float64))


@dataclass(frozen=True, eq=False)
class MatrixScorer(Scorer):
    """Features times coefficients."""

    step: MatrixStep
    coef: np.ndarray

    def scores(self, X: Any, rows: np.ndarray | None = None, *, n_threads: int = 1) -> np.ndarray:
        return self.step.dense(X, rows) @ self.coef

    def score_one(self, x: Any) -> np.ndarray:
        return self.step.dense_one(x) @ self.coef

    def score_entries(self, entries: Entries) -> np.ndarray:
        return self.step.of_entries(entries) @ self.coef
