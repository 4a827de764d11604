"""Products of rows with all rows of a fit, of which both may be sparse."""

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import sparse

from ...kernels._arrays import frozen
from ...kernels._sparse_products import sparse_products
from .._threads import map_in_threads, ranges


def products(rows: Any, columns: Any) -> np.ndarray:
    """Return ``rows @ columns`` as float64 (n_rows, n_known).

    Parameters
    ----------
    rows : float64 array or CSR matrix of shape (n_rows, n_features)
    columns : float64 array or CSR matrix of shape (n_features, n_known)
    """
    if not (sparse.issparse(rows) and sparse.issparse(columns)):
        return np.ascontiguousarray(rows @ columns)  # of an array and a matrix it is transposed
    out = np.empty((rows.shape[0], columns.shape[1]))
    sparse_products(*_entries(rows), *_entries(columns), out)
    return out


def row_products(positions: np.ndarray, values: np.ndarray, columns: Any) -> np.ndarray:
    """Return the products (1, n_known) of the entries of one row and a CSR matrix."""
    out = np.empty((1, columns.shape[1]))
    row = frozen(values), frozen(positions.astype(np.int32, copy=False))
    sparse_products(*row, frozen(np.array((0, len(values)), np.int32)), *_entries(columns), out)
    return out


def map_blocks(
    work: Callable[[Any], np.ndarray], rows: Any, n_rows: int, n_threads: int
) -> np.ndarray:
    """Return what ``work`` makes of rows, an array or a CSR matrix, of at most `n_rows` at a time.

    What is made of a block stays in the cache until it is used.
    """
    n_blocks = -(-rows.shape[0] // n_rows)
    if n_blocks <= 1:
        return work(rows)  # to take a range of one sparse row costs more than to answer it
    pieces = ranges(rows.shape[0], n_blocks)
    return np.concatenate(map_in_threads(lambda some: work(rows[some]), pieces, n_threads))


def squared_lengths(rows: Any) -> np.ndarray:
    """Return the squared length of each row of an array, or of sparse rows."""
    if not sparse.issparse(rows):
        return np.asarray((rows * rows).sum(axis=1))
    rows = rows.tocsr()
    if not rows.has_canonical_format:
        rows = rows.copy()
        rows.sum_duplicates()
    n_rows = rows.shape[0]
    row_of = np.repeat(np.arange(n_rows), np.diff(rows.indptr))
    return np.bincount(row_of, rows.data * rows.data, minlength=n_rows)


def warm_up_products(columns: Any) -> None:
    """Compile or load the kernel, if these columns need it."""
    if sparse.issparse(columns):
        products(sparse.csr_matrix((1, columns.shape[0])), columns)


def _entries(matrix: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return (
        frozen(matrix.data),
        frozen(matrix.indices.astype(np.int32, copy=False)),
        frozen(matrix.indptr.astype(np.int32, copy=False)),
    )
