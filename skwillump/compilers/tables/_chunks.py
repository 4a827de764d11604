"""Work on a table chunk by chunk."""

from collections.abc import Callable
from typing import Any

import numpy as np

from .._features import ChosenRows
from .._threads import map_in_threads
from ._input import InputSpec
from ._tables import ChunkTable

_CHUNK_ROWS = 4000
_CHUNK_VALUES = 1 << 19
"""Rows in one chunk, and values in one: the cost of a call disappears, and what is computed stays
in the cache. Columns of 4,096 rows would all lie in the same few lines of it."""


def each_chunk(
    write: Callable[[ChunkTable, np.ndarray], None],
    spec: InputSpec,
    X: Any,
    rows: ChosenRows,
    *,
    n_threads: int,
    n_outputs: int,
    n_features: int | None = None,
) -> np.ndarray:
    """Let ``write(table, out)`` fill an array (n_rows, n_outputs), chunk by chunk.

    Parameters
    ----------
    write : callable
        Of a chunk of rows, and its place in the array.
    X : object
        The input.
    rows : integer array or slice of step one, or None
        Those that are wanted, in this order; None for all.
    n_threads : int
        Threads to share the chunks between.
    n_outputs : int
        Number of columns of the array.
    n_features : int, optional
        Number of values of a row that are computed on the way; by default `n_outputs`.
    """
    source = spec.open(X)
    pieces, n_rows = _chunks(source.n_rows, rows, n_outputs if n_features is None else n_features)
    out = np.empty((n_rows, n_outputs))

    def run(piece: tuple[slice, Any]) -> None:
        write(spec.chunk(source, piece[1]), out[piece[0]])

    map_in_threads(run, pieces, n_threads)
    return out


def _chunks(
    n_rows: int, rows: ChosenRows, n_features: int
) -> tuple[list[tuple[slice, slice | np.ndarray]], int]:
    """Return (place in the output, rows of the input) of each chunk, and the number of rows."""
    if rows is None or isinstance(rows, slice):
        first, last, _ = (rows or slice(None)).indices(n_rows)
        rows, n_rows = None, max(last - first, 0)
    else:
        first, n_rows = 0, len(rows)
    size = max(256, min(_CHUNK_ROWS, _CHUNK_VALUES // max(n_features, 1)))
    pieces: list[tuple[slice, slice | np.ndarray]] = []
    for start in range(0, n_rows, size):
        place = slice(start, min(start + size, n_rows))
        inside = slice(first + place.start, first + place.stop)
        pieces.append((place, inside if rows is None else rows[place]))
    return pieces, n_rows
