"""The entries of a matrix of counts, changed where they lie: memory is not asked for again."""

import math

import numpy as np

from .._jit import jit
from .._sparse_rows import L1, L2, NO_NORM

_AT_ONCE = 1 << 16
"""Entries that are changed together: what NumPy needs beside them is small."""


def relabel(indices: np.ndarray, numbers: np.ndarray) -> None:
    """Put ``numbers[i]`` in the place of each column i."""
    for start in range(0, len(indices), _AT_ONCE):
        some = indices[start : start + _AT_ONCE]
        some[:] = numbers.take(some, mode="clip")  # twice as fast as with a look at bounds


def as_floats(counts: np.ndarray, floats: np.ndarray) -> None:
    """Write counts as float64 to the same memory."""
    for start in range(0, len(counts), _AT_ONCE):
        some = slice(start, start + _AT_ONCE)
        floats[some] = counts[some].copy()


@jit
def weight_rows(data, indices, indptr, idf, norm):
    """Multiply by inverse document frequencies, then divide each row by its norm.

    In place, and in the order in which scikit-learn does it.

    Parameters
    ----------
    data : float64 array
    indices, indptr : int32 arrays
    idf : float64 array of shape (n_terms,)
    norm : int
    """
    for row in range(len(indptr) - 1):
        size = 0.0
        for k in range(indptr[row], indptr[row + 1]):
            value = data[k] * idf[indices[k]]
            data[k] = value
            size += abs(value) if norm == L1 else value * value
        if norm != NO_NORM and size > 0.0:
            if norm == L2:
                size = math.sqrt(size)
            for k in range(indptr[row], indptr[row + 1]):
                data[k] /= size
