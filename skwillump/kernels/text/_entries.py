"""The entries of a matrix of counts, changed where they lie: memory is not asked for again."""

import math

from .._jit import jit
from ._tfidf import L1, L2, NO_NORM


@jit
def relabel(indices, numbers):
    """Put ``numbers[i]`` in the place of each column i."""
    for k in range(len(indices)):
        indices[k] = numbers[indices[k]]


@jit
def as_floats(counts, floats):
    """Write counts as float64 to the same memory."""
    for k in range(len(counts)):
        floats[k] = counts[k]


@jit
def document_frequencies(indices, frequencies):
    """Add to each column's frequency the number of its entries."""
    for k in range(len(indices)):
        frequencies[indices[k]] += 1


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
