"""What a compiled step over tables sees: some rows of some columns."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ...kernels._arrays import frozen
from .._features import EXACT_INTEGERS
from .._unsupported import InputUnsupported
from ._columns import Codes, NumberColumn, Texts, n_rows_of, refuse_single
from ._sources import Source

_DOUBLE = np.dtype(np.float64)


class Table:
    """Some rows of some columns."""

    n_rows: int
    n_columns: int
    dtype: np.dtype  # of the array that scikit-learn makes of all columns
    row: list[Any] | None = None  # its values, if it is one row
    as_objects: bool = False  # whether numbers are to be taken as Python objects

    def select(self, positions: tuple[int, ...]) -> "Table":
        """Return some of the columns."""
        raise NotImplementedError

    def floats(self, *, strict: bool = True, copy: bool = True) -> np.ndarray:
        """Return all columns as an array of float64 (n_rows, n_columns).

        The caller owns it; without ``copy`` it may be the table's own, and is not to be changed.

        Raises
        ------
        InputUnsupported
            If a column cannot be converted. If ``strict``, also where scikit-learn would compute
            in another precision.
        """
        raise NotImplementedError

    def dtypes(self) -> set[np.dtype]:
        """Return the dtypes of the columns."""
        return {_DOUBLE}

    def arrays(self) -> list[np.ndarray] | None:
        """Return each column as a read-only array; None where the rows are not kept in columns."""
        return None

    def numbers(self, position: int) -> np.ndarray | None:
        """Return a column if it is of a numeric dtype, else None."""
        raise NotImplementedError

    def codes(self, position: int) -> Codes:
        """Return a column as codes."""
        raise NotImplementedError

    def texts(self, position: int) -> Texts | None:
        """Return a column if it is of texts in Arrow buffers, else None."""
        return None

    def once(
        self, position: int, question: bytes | None, answer: Callable[[], np.ndarray]
    ) -> np.ndarray:
        """Return what a function gives, which others that ask the same of a column may know.

        Parameters
        ----------
        position : int
            Of the column.
        question : bytes or None
            What is asked; None for what nobody else asks.
        answer : callable
            Without arguments. It returns an array of intp (n_rows,), -1 at least, that is not to
            be written to.
        """
        return answer()


@dataclass(frozen=True, eq=False)
class ChunkTable(Table):
    """Some rows of a source, and some of its columns."""

    source: Source
    rows: slice | np.ndarray
    positions: tuple[int, ...]
    answers: dict[tuple[int, bytes], np.ndarray] = field(default_factory=dict, repr=False)

    @property
    def n_rows(self) -> int:  # type: ignore[override]
        """Number of rows."""
        return n_rows_of(self.rows)

    @property
    def n_columns(self) -> int:  # type: ignore[override]
        """Number of columns."""
        return len(self.positions)

    def select(self, positions: tuple[int, ...]) -> "ChunkTable":
        chosen = tuple([self.positions[p] for p in positions])
        return ChunkTable(self.source, self.rows, chosen, self.answers)

    def once(
        self, position: int, question: bytes | None, answer: Callable[[], np.ndarray]
    ) -> np.ndarray:
        if question is None:
            return answer()
        key = (self.positions[position], question)
        if key not in self.answers:
            self.answers[key] = self.source.answers(self.rows, key, answer)
        return self.answers[key]

    def floats(self, *, strict: bool = True, copy: bool = True) -> np.ndarray:
        if strict:
            self._refuse_other_precision()
        return self.source.floats(self.rows, self.positions, copy=copy)

    def arrays(self) -> list[np.ndarray] | None:
        """Return each column as a read-only array of float64; None of the rows of an array.

        Raises
        ------
        InputUnsupported
            As `floats` does.
        """
        self._refuse_other_precision()
        if self.source.keeps_rows(self.positions):
            return None
        return [
            frozen(values) for values in self.source.floats(self.rows, self.positions, copy=False).T
        ]

    def _refuse_other_precision(self) -> None:
        """Raise `InputUnsupported` where scikit-learn would not compute in double precision."""
        dtypes = self.dtypes()
        mixed = len(dtypes) > 1 and any(dtype.kind in "bO" for dtype in dtypes)
        if mixed and not self.source.mixes_bool:
            raise InputUnsupported("numbers beside booleans or objects")
        if dtypes:
            refuse_single(self.source.common_dtype(dtypes))

    @property
    def dtype(self) -> np.dtype:  # type: ignore[override]
        """Dtype of the array that the columns become."""
        return self.source.common_dtype(self.dtypes())

    def dtypes(self) -> set[np.dtype]:
        return self.source.dtypes(self.positions)

    @property
    def as_objects(self) -> bool:  # type: ignore[override]
        """Whether numbers are to be taken as Python objects."""
        return self.source.mixes_objects and np.dtype(object) in self.dtypes()

    def numbers(self, position: int) -> np.ndarray | None:
        if self.as_objects:
            return None
        return self.source.column(self.positions[position]).numbers(self.rows)

    def codes(self, position: int) -> Codes:
        column = self.source.column(self.positions[position])
        if self.as_objects:
            values = column.numbers(self.rows)
            if values is not None and np.isnan(values).any():
                raise InputUnsupported("a missing number beside texts")
        return column.codes(self.rows)

    def texts(self, position: int) -> Texts | None:
        return self.source.column(self.positions[position]).texts(self.rows)


class BlockTable(Table):
    """What a compiled step returned, for the next one."""

    def __init__(self, block: np.ndarray, dtype: np.dtype):
        self.block = block  # float64
        self.dtype = dtype  # of what the original returns

    @property
    def n_rows(self) -> int:  # type: ignore[override]
        """Number of rows."""
        return len(self.block)

    @property
    def n_columns(self) -> int:  # type: ignore[override]
        """Number of columns."""
        return self.block.shape[1]

    def select(self, positions: tuple[int, ...]) -> "BlockTable":
        return BlockTable(self.block[:, list(positions)], self.dtype)

    def floats(self, *, strict: bool = True, copy: bool = True) -> np.ndarray:
        if strict:
            refuse_single(self.dtype)
        return self.block.copy(order="K") if copy else self.block

    def dtypes(self) -> set[np.dtype]:
        return {self.dtype}

    def numbers(self, position: int) -> np.ndarray | None:
        """Return a column, unless it is one of integers that are rounded in the block."""
        if self.dtype.kind == "O":
            return None
        column: np.ndarray = self.block[:, position]
        if self.dtype.kind in "iu":
            one = len(column) == 1  # without numpy, which is slow for one number
            if (
                abs(column.item()) >= EXACT_INTEGERS
                if one
                else (np.abs(column) >= EXACT_INTEGERS).any()
            ):
                raise InputUnsupported("integers that float64 may have rounded")
        return column

    def codes(self, position: int) -> Codes:
        column = self.numbers(position)
        if column is None:
            raise InputUnsupported("objects that became numbers")
        return NumberColumn(column).codes(slice(None))


@dataclass(frozen=True, eq=False, kw_only=True)
class KnownObjects:
    """A column of Python objects, as texts in Arrow buffers or as codes."""

    n_rows: int
    codes: Callable[[], Codes] = field(repr=False)  # makes codes, where somebody asks for them
    texts: Texts | None = None


@dataclass(frozen=True, eq=False)
class ObjectTable(Table):
    """Columns of Python objects that are known as codes or as texts."""

    columns: tuple[KnownObjects, ...]
    dtype = np.dtype(object)
    as_objects = True

    @property
    def n_rows(self) -> int:  # type: ignore[override]
        """Number of rows."""
        return self.columns[0].n_rows

    @property
    def n_columns(self) -> int:  # type: ignore[override]
        """Number of columns."""
        return len(self.columns)

    def select(self, positions: tuple[int, ...]) -> "ObjectTable":
        return ObjectTable(tuple(self.columns[p] for p in positions))

    def floats(self, *, strict: bool = True, copy: bool = True) -> np.ndarray:
        out = np.empty((self.n_columns, self.n_rows))
        for position, values in enumerate(out):
            column = self.codes(position)
            try:
                distinct = np.array(column.values, dtype=object).astype(np.float64)
            except (TypeError, ValueError, OverflowError) as error:
                raise InputUnsupported(str(error)) from error
            np.take(distinct, column.codes, out=values, mode="wrap")
        return out.T

    def dtypes(self) -> set[np.dtype]:
        return {self.dtype}

    def numbers(self, position: int) -> np.ndarray | None:
        """Say that there are none."""
        return None

    def codes(self, position: int) -> Codes:
        return self.columns[position].codes()

    def texts(self, position: int) -> Texts | None:
        return self.columns[position].texts


LARGEST_INTEGER = 2**24
"""Integers above this are no float32, to which LightGBM converts arrays of integers."""

_PLAIN = (str, int, float, bool, bytes, type(None), np.number, np.bool_)
"""Classes of values that a category may have. Others compare in ways of their own."""


def refuse_large_integers(block: np.ndarray, table: Table) -> None:
    """Raise `InputUnsupported` for an array of integers of which some are not exact in float32."""
    if table.row is not None:
        integers = all(isinstance(value, (int, np.integer)) for value in table.row)
    else:
        integers = all(dtype.kind in "iub" for dtype in table.dtypes())
    if integers and max(block.max(initial=0.0), -block.min(initial=0.0)) > LARGEST_INTEGER:
        raise InputUnsupported("integers that float32 would round")


def refuse_objects(table: Table) -> None:
    """Raise `InputUnsupported` if a column is not of plain numbers: LightGBM looks at dtypes."""
    if any(dtype.kind == "O" for dtype in table.dtypes()):
        raise InputUnsupported("a column of objects")


def plain_values(values: list[Any]) -> None:
    """Raise `InputUnsupported` if a value is of a kind that compares in a way of its own."""
    for value in values:
        if not isinstance(value, _PLAIN):
            raise InputUnsupported(f"a value of type {type(value).__name__}")


def refuse_infinite(block: np.ndarray, *, allow_nan: bool) -> None:
    """Raise `InputUnsupported` for numbers that scikit-learn's validation refuses."""
    total = float(block.sum())
    if total - total == 0.0:
        return
    fine = ~np.isinf(block) if allow_nan else np.isfinite(block)
    if not fine.all():
        raise InputUnsupported("a number is infinite" if allow_nan else "a number is not finite")
