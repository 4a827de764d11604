"""A table of one row, made of Python objects."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import numpy as np

from .._features import EXACT_INTEGERS
from .._unsupported import InputUnsupported
from ._columns import Codes, refuse_single
from ._tables import Table

_DOUBLE = np.dtype(np.float64)

_ONE_CODE = np.zeros(1, dtype=np.intp)
_KNOWN = frozenset((bool, *(np.dtype(letter).type for letter in "?bBhHiIlLqQefd")))
"""Types of values whose precision is known."""

_TIMES = (date, timedelta, np.datetime64, np.timedelta64)
_NUMBERS = (int, float, bool, np.integer, np.floating, np.bool_)


class RowTable(Table):
    """One row."""

    n_rows = 1
    row: list[Any]

    def __init__(
        self,
        row: list[Any],
        as_objects: bool = False,
        names: tuple[Any, ...] | None = None,
        whole: "RowTable | None" = None,
    ):
        self.row = row
        self.as_objects = as_objects
        self.names = names  # of the columns
        self.whole = whole  # the row that this one is selected from

    @property
    def n_columns(self) -> int:  # type: ignore[override]
        """Number of columns."""
        return len(self.row)

    def select(self, positions: tuple[int, ...]) -> "RowTable":
        row = self.row
        return RowTable([row[p] for p in positions], self.as_objects, None, self.whole or self)

    @property
    def dtype(self) -> np.dtype:  # type: ignore[override]
        """Dtype of an array of the values, but float64 where Python's ints may stand for floats."""
        if self.as_objects:
            return np.dtype(object)
        kinds = set(map(type, self.row))
        if not kinds or not kinds.isdisjoint((float, type(None), str, bytes)):
            return _DOUBLE
        if int not in kinds:
            return np.result_type(*kinds)
        large = any(type(value) is int and abs(value) >= EXACT_INTEGERS for value in self.row)
        return np.dtype(np.int64) if large else _DOUBLE

    def floats(self, *, strict: bool = True, copy: bool = True) -> np.ndarray:
        try:
            values = np.array((self.row,))
        except ValueError:  # sequences of different lengths
            return self._checked(strict)
        if values.dtype == np.float64 and values.ndim == 2:
            return values
        if values.dtype.kind in "iub" and values.ndim == 2:
            return values.astype(np.float64)
        return self._checked(strict)

    def _checked(self, strict: bool) -> np.ndarray:
        out = np.empty((1, len(self.row)))
        for i, value in enumerate(self.row):
            if value is None or type(value).__name__ == "NAType":  # pandas.NA
                value = np.nan
            elif not isinstance(value, (*_NUMBERS, Decimal)):
                value = self._as_number(value)
            try:
                out[0, i] = value
            except OverflowError as error:  # a huge int
                raise InputUnsupported(str(error)) from error
        if strict:
            self._refuse_single()
        return out

    def _refuse_single(self) -> None:
        """Raise `InputUnsupported` where scikit-learn would compute in single precision."""
        if not any(isinstance(value, (np.float32, np.float16)) for value in self.row):
            return
        kinds = {type(value) for value in self.row}
        refuse_single(np.result_type(*(_DOUBLE if kind not in _KNOWN else kind for kind in kinds)))

    def _as_number(self, value: Any) -> float:
        """Convert what is no number as NumPy does for scikit-learn, with its types of errors."""
        if isinstance(value, (complex, np.complexfloating, *_TIMES)):
            raise InputUnsupported(f"{value!r} is where a number is expected")
        try:
            if isinstance(value, (list, tuple, np.ndarray)):
                raise ValueError("a sequence is no number")
            return float(value)
        except (TypeError, ValueError) as error:
            raise type(error)(
                f"{value!r} is where a number is expected{self.place(value)}."
            ) from None

    def place(self, value: Any) -> str:
        """Say in which column a value is."""
        whole = self.whole or self
        names = range(len(whole.row)) if whole.names is None else whole.names
        found = (name for name, v in zip(names, whole.row, strict=True) if v is value)
        name = next(found, None)
        return "" if name is None else f", in column {name!r}"

    def numbers(self, position: int) -> np.ndarray | None:
        """Return an array of one value, or None if it is not a number."""
        value = self.row[position]
        return np.array((value,)) if isinstance(value, _NUMBERS) else None

    def codes(self, position: int) -> Codes:
        return Codes(_ONE_CODE, [self.row[position]])
