"""Rows of sparse matrices, as kernels write them from texts."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ...kernels.text._counts import NGrams
from .._sparse_steps import csr_of
from ._columns import TextColumn
from ._encoding import LeftText, Utf8

Rows = tuple[np.ndarray, np.ndarray, np.ndarray]
"""`indptr`, `indices` and `data` of some rows."""

MOST_GUESSED = 1 << 24
"""Values of a matrix that room is made for before it is known that there are as many."""


def lengthened(array: np.ndarray, used: int, length: int) -> np.ndarray:
    """Return a longer array that begins with the values that are used."""
    longer = np.empty(length, dtype=array.dtype)
    longer[:used] = array[:used]
    return longer


def trimmed(array: np.ndarray, used: int) -> np.ndarray:
    """Return the first values of an array; a view does not keep far more than it shows."""
    return array[:used] if len(array) <= 2 * used else array[:used].copy()


def empty_rows(texts: Utf8, ngrams: NGrams) -> Rows:
    """Make room for more than texts are likely to fill: what is not filled costs nothing."""
    n_bytes = int((texts.stops - texts.starts).sum())
    lengths = max(ngrams.max_n - ngrams.min_n + 1, 1)  # no term may be as long as min_n
    room = min(n_bytes * lengths, MOST_GUESSED) + 1024
    ends = np.zeros(len(texts.starts) + 1, dtype=np.int64)
    return ends, np.empty(room, dtype=np.int32), np.empty(room)


def fill_rows(
    fill: Callable[..., int],
    column: TextColumn,
    rows: slice,
    encode: Callable[[Utf8], Utf8],
    ngrams: NGrams,
) -> tuple[Rows, list[LeftText]]:
    """Let a kernel write the rows of a range of texts, and make room as it needs it.

    ``fill(texts, indptr, indices, data)`` writes rows from ``indices[indptr[0]]`` on, and where
    they end; it returns how many of the texts it wrote. The texts that ``encode`` left come second:
    their rows are empty, for `with_rows`.
    """
    n_rows = rows.stop - rows.start
    indptr = np.zeros(n_rows + 1, dtype=np.int64)
    indices = np.empty(0, dtype=np.int32)
    data = np.empty(0)
    row = 0
    left_out: list[LeftText] = []
    pieces = (texts for _, some in column.chunks(rows) for _, texts in column.encoded(some))
    for texts in map(encode, pieces):
        first, stop = row, row + len(texts.starts)
        left_out += [(first + at, tokens) for at, tokens in texts.left]
        if not row:
            _, indices, data = empty_rows(texts, ngrams)
        while row < stop:
            left = texts.after(row - first)
            row += fill(left, indptr[row : stop + 1], indices, data)
            if row < stop:
                # Too short: as much as the rows so far suggest, and never less than double.
                used = int(indptr[row])
                at = row - first
                bound = int(texts.stops[at] - texts.starts[at]) * 2 * (ngrams.max_n + 2)
                guess = int(used / max(row, 1) * n_rows * 1.05)
                room = max(guess, 2 * len(indices), min(bound, MOST_GUESSED)) + 1024
                indices = lengthened(indices, used, room)
                data = lengthened(data, used, room)
    used = int(indptr[-1])
    return (indptr, trimmed(indices, used), trimmed(data, used)), left_out


def with_rows(rows: Rows, places: list[int], others: Rows) -> Rows:
    """Put others in the places of some rows that are empty."""
    indptr, indices, data = rows
    lengths = np.diff(others[0])
    at = np.repeat(indptr[places], lengths)
    added = np.zeros(len(indptr), dtype=np.int64)
    added[np.add(places, 1)] = lengths
    return (
        indptr + np.cumsum(added),
        np.insert(indices, at, others[1]),
        np.insert(data, at, others[2]),
    )


def join_rows(blocks: list[Rows]) -> Rows:
    """Put the rows of several ranges under one another."""
    if len(blocks) == 1:
        return blocks[0]
    ends = np.cumsum([0] + [block[0][-1] for block in blocks])
    indptr = np.concatenate(
        [[0]] + [block[0][1:] + end for block, end in zip(blocks, ends[:-1], strict=True)]
    )
    return (
        indptr,
        np.concatenate([block[1] for block in blocks]),
        np.concatenate([block[2] for block in blocks]),
    )


def csr(data: np.ndarray, indices: np.ndarray, indptr: np.ndarray, n_features: int) -> Any:
    """Make the sparse matrix that this scikit-learn is set to give, of sorted rows."""
    index_dtype = np.int32 if indptr[-1] <= np.iinfo(np.int32).max else np.int64
    matrix = csr_of(
        data, indices.astype(index_dtype, copy=False), indptr.astype(index_dtype), n_features
    )
    matrix.has_sorted_indices = True
    matrix.has_canonical_format = True
    return matrix
