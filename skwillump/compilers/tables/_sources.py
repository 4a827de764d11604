"""Whole inputs, whose columns are read at their first use.

Columns are known by their position among those that were fitted.
"""

from collections.abc import Callable
from typing import Any, Literal

import numpy as np

from ..._containers import Frame
from .._forwarding import forwarded, forwarded_call
from .._unsupported import InputUnsupported
from ._columns import Column, array_column, column_of, is_number

_WIDE = 16
"""Columns of rows that are read as rows, at least: arithmetic on short ones is slow."""

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

    def doubles(
        self, rows: slice | np.ndarray, positions: tuple[int, ...], *, copy: bool
    ) -> np.ndarray | None:
        """Return some rows and columns of an array of numbers as float64; None of others.

        Without ``copy`` they may be the array's own.
        """
        return None

    def keeps_rows(self, n_columns: int) -> bool:
        """Whether so many columns are better read row by row than one after the other."""
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

    def __init__(self, kind: Frame, frame: Any, names: tuple[Any, ...]):
        self._kind = kind
        self._frame = frame
        self._names = names
        self._columns: dict[int, Column] = {}
        self.n_rows = len(frame)

    def column(self, position: int) -> Column:
        """Return a column, which is kept."""
        column = self._columns.get(position)
        if column is None:
            column = self._columns[position] = self._read(self._names[position])
        return column

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

    def doubles(
        self, rows: slice | np.ndarray, positions: tuple[int, ...], *, copy: bool
    ) -> np.ndarray | None:
        if not is_number(self._array.dtype):
            return None
        first, n_columns = positions[0], len(positions)
        if positions == tuple(range(first, first + n_columns)):
            part = self._array[rows, first : first + n_columns]
        else:
            part = self._array[rows][:, list(positions)]
        if part.dtype == np.float64 and not copy:
            return part
        order: Literal["C", "F"] = "C" if self.keeps_rows(n_columns) else "F"
        return np.array(part, dtype=np.float64, order=order)

    def keeps_rows(self, n_columns: int) -> bool:
        row, column = self._array.strides
        return n_columns >= _WIDE and abs(column) < abs(row)
