"""Steps whose features are rows of a sparse matrix that NumPy makes, without kernels."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse
from sklearn import get_config

from .._containers import take_rows
from ._features import Entries
from ._scorers import Scorer
from ._steps import Step
from ._unsupported import InputUnsupported


class SparseStep(Step):
    """A step that gives a matrix of rows; a subclass says how it comes about."""

    n_features: int

    def matrix(self, X: Any) -> Any:
        """Return the features as a CSR matrix.

        Raises
        ------
        InputUnsupported
            For input that must go to the original transformer.
        """
        raise NotImplementedError

    def entries(self, x: Any) -> Entries:
        """Return the features of one row.

        Raises
        ------
        InputUnsupported
            For a row that must go to the original transformer.
        """
        raise InputUnsupported(f"{type(x).__name__} is no row of a matrix")

    def entries_of(self, X: Any) -> Entries:
        """Return the features of X of one row."""
        features = self.matrix(X)
        if features.shape[0] != 1:
            raise InputUnsupported(f"{features.shape[0]} rows were made of one")
        return features.indices, features.data

    @property
    def gives_matrix(self) -> bool:
        return True

    @property
    def exact_scores(self) -> bool:
        """Whether its values are not rounded to float32."""
        return self.fixed_dtype == np.float64

    def transformed(self, X: Any, *, n_threads: int) -> Any:
        return self.matrix(X)

    def bind(self, coef: np.ndarray) -> "SparseScorer":
        return SparseScorer(self, np.ascontiguousarray(coef, dtype=np.float64))

    def dense_one(self, x: Any) -> np.ndarray:
        return self._laid_out(self.entries(x))

    def dense_row(self, X: Any) -> np.ndarray:
        return self._laid_out(self.entries_of(X))

    def _laid_out(self, entries: Entries) -> np.ndarray:
        positions, values = entries
        out = np.zeros(self.n_features)
        np.add.at(out, positions, values)
        return out


@dataclass(frozen=True, eq=False)
class MadeStep(SparseStep):
    """Sparse features that another step has made, for several models that read them."""

    original: Any  # the transformer of the other step
    n_features: int

    fixed_dtype = np.dtype(np.float64)

    def matrix(self, X: Any) -> Any:
        if not (sparse.issparse(X) and X.format == "csr" and X.dtype == np.float64):
            raise InputUnsupported("features that are no sparse matrix of float64")
        return X

    def transform(self, X: Any, *, n_threads: int = 1) -> Any:
        return self.matrix(X)

    def entries(self, x: Entries) -> Entries:
        """Return the entries, which are what one row is here."""
        return x

    def transform_one(self, x: Entries) -> Any:
        positions, values = x
        found = csr_of(values, positions, np.array((0, len(positions))), self.n_features)
        found.sum_duplicates()
        return found


@dataclass(frozen=True, eq=False)
class SparseScorer(Scorer):
    """Rows of a sparse matrix times coefficients."""

    step: SparseStep
    coef: np.ndarray

    def scores(self, X: Any, rows: np.ndarray | None = None, *, n_threads: int = 1) -> np.ndarray:
        features = self.step.matrix(take_rows(X, rows))
        return np.asarray(features @ self.coef, dtype=np.float64)

    def score_one(self, x: Any) -> np.ndarray:
        positions, values = self.step.entries(x)
        return np.asarray(values @ self.coef[positions])

    def score_row(self, X: Any) -> np.ndarray:
        positions, values = self.step.entries_of(X)
        return np.asarray(values @ self.coef[positions])


def csr_of(
    data: np.ndarray,
    indices: np.ndarray,
    indptr: np.ndarray,
    n_features: int,
    *,
    made_from: Any = None,
) -> Any:
    """Make the sparse matrix that this scikit-learn is set to give.

    Before 1.9 there is no such setting: a transformer of sparse matrices, which are `made_from`
    then, gives the class that it is given, and all others the older one.
    """
    kept = "sparray" if isinstance(made_from, sparse.sparray) else "spmatrix"
    interface = get_config().get("sparse_interface", kept)
    container = sparse.csr_array if interface == "sparray" else sparse.csr_matrix
    return container((data, indices, indptr), shape=(len(indptr) - 1, n_features))
