"""Rows of a sparse matrix to scores: weighed, multiplied and normalised in one pass."""

import math

import numpy as np

from ._bits import lesser
from ._jit import inline, jit
from ._words import FOUR, ONE, THREE, TWO, ZERO

NO_NORM, L1, L2 = 0, 1, 2


@jit
def score_rows(values, features, stops, table, width, norm, out):
    """Write the scores of rows of a CSR matrix.

    Products are added up in the order of a row's entries, as scikit-learn's are: of huge ones that
    cancel the same is left.

    Parameters
    ----------
    values, features, stops : float64, int32 and int32 arrays
        Entries of the rows, their columns, and where each row begins and ends; (n_rows + 1,).
    table : float64 array of shape (n_features * width,)
        For each feature its weight, where there is a norm, then its weight times each coefficient.
    width : int
        1, or even: what is beyond the coefficients is not read.
    norm : int
        NO_NORM, L1 or L2: of the weighed entries of a row, by which its scores are divided.
    out : float64 array of shape (n_rows, n_outputs)
        NaN for rows of which the norm is not finite.
    """
    width = np.uint64(width)
    first = 0 if norm == NO_NORM else 1
    begin = np.uint64(stops[ZERO])
    for row in range(len(out)):
        end = np.uint64(stops[row + 1])
        if width == ONE:
            total = 0.0
            for k in range(begin, end):
                total += values[k] * table[np.uint32(features[k])]
            out[row, 0] = total
            begin = end
            continue
        size = 0.0
        column = ZERO
        while column < width:
            # Four columns at a time, or the last two, so that their sums stay in registers.
            sum_0 = sum_1 = sum_2 = sum_3 = 0.0
            of_norm = norm if column == ZERO else NO_NORM
            n_columns = 4 if column + FOUR <= width else 2
            for k in range(begin, end):
                value = values[k]
                at = np.uint64(np.uint32(features[k])) * width + column
                term = value * table[at]
                sum_0 += term
                sum_1 += value * table[at + ONE]
                if n_columns == 4:
                    sum_2 += value * table[at + TWO]
                    sum_3 += value * table[at + THREE]
                if of_norm == L2:
                    size += term * term
                elif of_norm == L1:
                    size += abs(term)
            _put(out, row, np.int64(column) - first, sum_0, sum_1, sum_2, sum_3, n_columns)
            column += np.uint64(n_columns)
        if norm != NO_NORM and size != 0.0:
            if not size < math.inf:
                size = math.nan
            elif norm == L2:
                size = math.sqrt(size)
            for j in range(out.shape[1]):
                out[row, j] /= size
        begin = end


@inline
def _put(out, row, at, sum_0, sum_1, sum_2, sum_3, n_columns):
    """Write sums to the columns of a row from ``at`` on, of those that there are."""
    left = lesser(n_columns, out.shape[1] - at)
    if at >= 0:
        out[row, at] = sum_0
    if left > 1:
        out[row, at + 1] = sum_1
    if left > 2:
        out[row, at + 2] = sum_2
    if left > 3:
        out[row, at + 3] = sum_3


@jit
def normalize_rows(data, indptr, norm):
    """Divide each row of a CSR matrix by its norm, in place and in scikit-learn's order.

    Squares are rounded to the dtype of ``data``, their sum is kept in float64.
    """
    for row in range(len(indptr) - 1):
        size = 0.0
        for k in range(indptr[row], indptr[row + 1]):
            size += abs(data[k]) if norm == L1 else data[k] * data[k]
        if size > 0.0:
            if norm == L2:
                size = math.sqrt(size)
            for k in range(indptr[row], indptr[row + 1]):
                data[k] /= size
