"""Arrays of NumPy, matrices of SciPy, and Python's own sequences."""

from typing import Any

import numpy as np
from scipy import sparse

from .._compat import safe_indexing
from ._base import Container


class Elements(Container):
    """A list or tuple: of texts, of mappings, of rows."""

    slices_share = True

    def n_rows(self, X: Any) -> int:
        # Otherwise every known library of data frames is asked whether the list is one of its own.
        return len(X)

    def is_batch(self, X: Any) -> bool:
        return True

    def take_rows(self, X: Any, rows: Any) -> Any:
        if isinstance(rows, slice):
            return X[rows]
        if isinstance(rows, np.ndarray) and rows.dtype.kind in "iu":
            return [X[row] for row in rows.tolist()]
        return safe_indexing(X, rows)

    def row_width(self, X: Any) -> None:
        return

    def one_like(self, empty: Any, element: Any) -> Any:
        return type(empty)([element])


class Array(Container):
    """A NumPy array."""

    slices_share = True

    def n_rows(self, X: Any) -> int:
        return X.shape[0] if X.ndim else super().n_rows(X)

    def is_batch(self, X: Any) -> bool:
        return X.ndim > 0

    def take_rows(self, X: Any, rows: Any) -> Any:
        return X[rows] if isinstance(rows, (slice, np.ndarray)) else safe_indexing(X, rows)

    def one_like(self, empty: Any, element: Any) -> Any:
        if empty.ndim != 1:
            return np.asarray(element)[None]
        made = np.empty(1, dtype=empty.dtype if empty.dtype.kind != "U" else object)
        made[0] = element
        return made


class Sparse(Container):
    """A SciPy matrix or array."""

    def take_rows(self, X: Any, rows: Any) -> Any:
        """Return some rows; some formats have none to take."""
        return X.tocsr()[rows]

    def rows(self, X: Any) -> list[Any]:
        """Return no rows: none of them is answered faster than a matrix of one row."""
        return []

    def one_like(self, empty: Any, element: Any) -> Any:
        """Return the row itself: an array is as good as a matrix."""
        return element


SPARSE_TYPES = (sparse.spmatrix, sparse.sparray)
"""The classes that all SciPy matrices and arrays derive from."""
