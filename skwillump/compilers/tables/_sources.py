"""Whole inputs, whose columns are read at their first use.

Columns are known by their position among those that were fitted.
"""

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np

from ..._containers import Frame
from .._forwarding import forwarded, forwarded_call
from .._unsupported import InputUnsupported
from ._columns import Column, array_column, column_of, is_number, n_rows_of

_WIDE = 16
"""Columns of rows that are read as rows, at least: arithmetic on short ones is slow."""

_SEVERAL = 6
"""Columns of a data frame for which it is asked whether they lie in one array, at least."""

_ABSENT = np.iinfo(np.intp).max
"""Position of a column that is not there."""

_UNKNOWN = -2
"""Of a row for which nothing is known yet, among answers that are -1 at least."""


class Source:
    """A whole input, whose columns are read at their first use."""

    n_rows: int
    kept: dict[tuple[int, bytes], np.ndarray] | None = None
    """Answers for all rows by what was asked, where they are kept; see `Opened`."""

    def answers(
        self,
        rows: slice | np.ndarray,
        question: tuple[int, bytes],
        answer: Callable[[], np.ndarray],
    ) -> np.ndarray:
        """Return what ``answer()`` gives for some rows, from what is kept if it is there."""
        if self.kept is None:
            return answer()
        if question not in self.kept:
            nothing = np.full(self.n_rows, _UNKNOWN, dtype=np.intp)
            self.kept.setdefault(question, nothing)  # unless another thread was faster
        kept = self.kept[question]
        found = kept[rows]
        if (found == _UNKNOWN).any():
            found = kept[rows] = answer()
        return found

    def column(self, position: int) -> Column:
        """Return a column by its position among the fitted ones."""
        raise NotImplementedError

    def dtypes(self, positions: tuple[int, ...]) -> set[np.dtype]:
        """Return the dtypes of columns."""
        return {self.column(position).dtype for position in positions}

    def numbers(self, rows: slice | np.ndarray, positions: tuple[int, ...]) -> np.ndarray | None:
        """Return rows and columns of one array of numbers; None where the columns are in none."""
        return None

    def keeps_rows(self, positions: tuple[int, ...]) -> bool:
        """Whether columns are better read row by row than one after the other."""
        return False

    def floats(
        self, rows: slice | np.ndarray, positions: tuple[int, ...], *, copy: bool
    ) -> np.ndarray:
        """Return some rows and columns as float64, in rows or in columns as they are better read.

        Without ``copy`` they may be the input's own.

        Raises
        ------
        InputUnsupported
            If a column cannot be converted.
        """
        part = self.numbers(rows, positions)
        if part is not None:
            if part.dtype == np.float64 and not copy:
                return part
            return np.array(part, np.float64, order="C" if self.keeps_rows(positions) else "F")
        out = np.empty((len(positions), n_rows_of(rows)))
        for values, position in zip(out, positions, strict=True):
            values[:] = self.column(position).floats(rows)
        return out.T

    @property
    def is_of_pandas(self) -> bool:
        """Whether it is a data frame of pandas."""
        return False

    @property
    def mixes_bool(self) -> bool:
        """Whether numbers and booleans side by side become numbers."""
        return True

    @property
    def mixes_objects(self) -> bool:
        """Whether one column of objects makes objects of the columns beside it."""
        return False

    def common_dtype(self, dtypes: set[np.dtype]) -> np.dtype:
        """Return the dtype of the array that columns of these dtypes become."""
        return np.result_type(*dtypes)


class FrameSource(Source):
    """A data frame."""

    mixes_bool = False  # numbers beside booleans become objects
    mixes_objects = forwarded("_kind.mixes_objects")
    common_dtype = forwarded_call("_kind.common_dtype")
    is_of_pandas = forwarded("_kind.is_encoded_by_column")

    def __init__(self, kind: Frame, frame: Any, names: tuple[Any, ...], columns: list[Any]):
        self._kind = kind
        self._frame = frame
        self._names = names  # of the columns that were fitted
        self._names_there = columns
        self._columns: dict[int, Column] = {}
        self._together: dict[tuple[int, ...], tuple[np.ndarray, np.ndarray] | None] = {}
        self.n_rows = len(frame)

    def column(self, position: int) -> Column:
        """Return a column, which is kept."""
        column = self._columns.get(position)
        if column is None:
            column = self._columns[position] = self._read(self._names[position])
        return column

    def dtypes(self, positions: tuple[int, ...]) -> set[np.dtype]:
        together = self._array_of(positions)
        return super().dtypes(positions) if together is None else {together[0].dtype}

    def numbers(self, rows: slice | np.ndarray, positions: tuple[int, ...]) -> np.ndarray | None:
        together = self._array_of(positions)
        return None if together is None else _part(together[0], rows, together[1])

    def keeps_rows(self, positions: tuple[int, ...]) -> bool:
        together = self._array_of(positions)
        return together is not None and _keeps_rows(together[0], len(positions))

    def _array_of(self, positions: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray] | None:
        """Return the array of numbers that holds columns, and where in it, if there is one."""
        if len(positions) < _SEVERAL:
            return None
        if positions not in self._together:
            found = self._kind.together(self._frame, self._places[list(positions)])
            is_read = found is not None and is_number(found[0].dtype)
            self._together[positions] = found if is_read else None
        return self._together[positions]

    @cached_property
    def _places(self) -> np.ndarray:
        """Position in the frame of each column; one that is not there is in no array."""
        place = {name: at for at, name in enumerate(self._names_there)}
        if len(place) < len(self._names_there):  # of two columns of one name neither is meant
            place = {}
        return np.array([place.get(name, _ABSENT) for name in self._names])

    def _read(self, name: Any) -> Column:
        values = self._kind.values(self._frame, name)
        if values is not None:
            return column_of(values)
        series = self._kind.column(self._frame, name)
        if series is None:
            raise InputUnsupported(f"no column {name!r}, or several")
        raise InputUnsupported(f"column {name!r} is of dtype {series.dtype}")


class ArraySource(Source):
    """A two-dimensional array."""

    def __init__(self, array: np.ndarray):
        self._array = array
        self.n_rows = len(array)

    def column(self, position: int) -> Column:
        return array_column(self._array[:, position])

    def dtypes(self, positions: tuple[int, ...]) -> set[np.dtype]:
        return super().dtypes(positions[:1])

    def numbers(self, rows: slice | np.ndarray, positions: tuple[int, ...]) -> np.ndarray | None:
        is_read = positions and is_number(self._array.dtype)
        return _part(self._array, rows, np.array(positions)) if is_read else None

    def keeps_rows(self, positions: tuple[int, ...]) -> bool:
        return is_number(self._array.dtype) and _keeps_rows(self._array, len(positions))


def _part(array: np.ndarray, rows: slice | np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Return some rows and columns of an array, without a copy where that can be."""
    first, last = int(columns[0]), int(columns[-1])
    if np.array_equal(columns, np.arange(first, last + 1)):
        return array[rows, first : last + 1]
    row, column = array.strides
    return array[rows][:, columns] if abs(column) < abs(row) else array.T[:, rows][columns].T


def _keeps_rows(array: np.ndarray, n_columns: int) -> bool:
    """Whether so many columns of an array are better read row by row."""
    row, column = array.strides
    return n_columns >= _WIDE and abs(column) < abs(row)
