"""Rows of a sparse matrix that an estimator is given: what was made of texts or categories before.

All that is compiled for sparse rows behind a vectorizer reads them: linear steps that are folded
into a model, weights and norms, trees along the nodes of what rows hold.
"""

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.utils import get_tags

from .._compat import library_of
from .._containers import take_rows
from ._features import ChosenRows, Entries, is_single, to_dense
from ._forwarding import forwarded
from ._sparse_steps import SparseStep
from ._unsupported import InputUnsupported, Unsupported
from .tables._input import InputSpec


@dataclass(frozen=True, eq=False, kw_only=True)
class GivenRows(SparseStep):
    """Rows of a sparse matrix as they are given."""

    original: Any  # the fitted transformer or model that reads them first
    n_features: int
    library: str  # its root module
    doubles: bool = False  # whether it computes in the dtype of X: in float64 alone here

    passes_input = True
    exact_scores = True  # numbers of any dtype are multiplied by coefficients of float64

    @property
    def gives_sparse(self) -> bool:
        """Whether what is held is no zero: for XGBoost a zero is another value than none."""
        return self.library == "xgboost"

    @classmethod
    def of(cls, reader: Any) -> "GivenRows":
        """Make the rows that a fitted estimator may be given.

        Raises
        ------
        Unsupported
            If it refuses sparse matrices, or reads them in a way of its own, or does not tell of
            how many columns.
        """
        spec, library = InputSpec.of_model(reader), library_of(type(reader))
        if spec.names is not None:
            raise Unsupported("it was fitted on columns with names")
        if library == "sklearn":
            if getattr(reader, "_sparse", True) is False:
                raise Unsupported("it was fitted on an array, and refuses sparse matrices")
            if getattr(reader, "_fit_method", "brute") != "brute":
                raise Unsupported("its tree of neighbours refuses sparse matrices")
            if not get_tags(reader).input_tags.sparse:
                raise Unsupported(f"{type(reader).__name__} refuses sparse matrices")
        elif library not in ("lightgbm", "xgboost"):
            raise Unsupported("what a sparse matrix does not hold may be zero or not")
        return cls(original=reader, n_features=spec.n_columns, library=library)

    def matrix(self, X: Any) -> Any:
        if not sparse.issparse(X):
            raise InputUnsupported(f"{type(X).__name__} is no sparse matrix")
        if X.ndim != 2 or X.shape[1] != self.n_features or not X.shape[0]:
            raise InputUnsupported(f"a sparse matrix of shape {X.shape}")
        if X.dtype.kind not in "iufb" or (self.doubles and is_single(X.dtype)):
            raise InputUnsupported(f"a sparse matrix of dtype {X.dtype}")
        if self.library == "lightgbm":
            return _of_lightgbm(X).tocsr()
        return _of_xgboost(X) if self.gives_sparse else X.tocsr()

    def in_doubles(self) -> "GivenRows":
        """Return a twin that refuses float32."""
        return replace(self, doubles=True)

    def transform(self, X: Any, *, n_threads: int = 1) -> Any:
        with suppress(InputUnsupported):
            return self.matrix(X)
        return X

    def transform_one(self, x: Any) -> Any:
        return self.transform(x)

    def transform_row(self, X: Any) -> Any:
        return self.transform(X)

    def known_matrix(self, X: Any) -> Any:
        """Return the matrix for a reader that may not look at all that it holds."""
        found = _in_order(self.matrix(X))
        if self.library == "sklearn" and not np.isfinite(found.data.sum()):
            raise InputUnsupported("a sparse matrix with missing values, which most models refuse")
        return found

    def dense(self, X: Any, rows: ChosenRows = None, *, n_threads: int = 1) -> np.ndarray:
        return to_dense(self.known_matrix(take_rows(X, rows)))

    def entries(self, x: Any) -> Entries:
        return self.entries_of(x)

    def in_binary(self) -> "AboveStep":
        return AboveStep(original=self.original, rows=self, threshold=0.0)


@dataclass(frozen=True, eq=False, kw_only=True)
class AboveStep(SparseStep):
    """Ones where entries of sparse rows are above a threshold that is not negative."""

    original: Any
    rows: GivenRows
    threshold: float

    exact_scores = True
    n_features = forwarded("rows.n_features")

    def unweighed(self, X: Any) -> Any:
        found = self.rows.matrix(X)
        if not np.isfinite(found.data).all():
            raise InputUnsupported("entries that are not finite")
        above = (found.data > self.threshold).astype(np.float64)
        return sparse.csr_matrix((above, found.indices, found.indptr), found.shape, copy=False)

    def matrix(self, X: Any) -> Any:
        """Return the features of float64: of integers the original makes integers."""
        given = self.rows.matrix(X)
        if given.dtype != np.float64 or not np.isfinite(given.data).all():
            raise InputUnsupported(f"entries of {given.dtype}, or not finite")
        found = given.copy()
        np.greater(found.data, self.threshold, out=found.data)
        found.eliminate_zeros()
        return found

    def in_binary(self) -> "AboveStep":
        return self


def _in_order(X: Any) -> Any:
    """Return a matrix whose entries lie in order: scikit-learn's vectorizers give some that do not.

    It is another where they do not: X is not to be changed.
    """
    return X if X.has_sorted_indices else X.sorted_indices()


def _of_xgboost(X: Any) -> Any:
    """Return a CSR matrix in order.

    Raises
    ------
    InputUnsupported
        If XGBoost may not read it as what it holds.
    """
    if not (sparse.isspmatrix_csr(X) and (X.dtype.kind in "iu" or X.dtype.itemsize in (4, 8))):
        raise InputUnsupported("no CSR matrix of numbers")
    X = _in_order(X)
    if not (X.has_canonical_format and X.data.all()):
        raise InputUnsupported("a sparse matrix with entries that are zero, or twice")
    return X


def _of_lightgbm(X: Any) -> Any:
    """Return a sparse matrix in order.

    Raises
    ------
    InputUnsupported
        If LightGBM does not read it as it is.
    """
    if not sparse.isspmatrix(X):
        raise InputUnsupported("a sparse array, of which LightGBM does not take all")
    if X.dtype not in (np.float32, np.float64):
        raise InputUnsupported(f"LightGBM refuses sparse matrices of dtype {X.dtype}")
    if X.format not in ("csr", "csc"):
        raise InputUnsupported(f"LightGBM warns of sparse matrices in {X.format}")
    X = _in_order(X)
    if not X.has_canonical_format:
        # It takes the last of several entries in one place, not their sum.
        raise InputUnsupported("a sparse matrix with entries twice")
    return X
