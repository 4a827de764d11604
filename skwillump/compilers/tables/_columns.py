"""A column of an input: its values as float64 numbers, as codes of distinct values, or as texts."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ..._containers import ArrowTexts, Categories, Values
from ...kernels._arrays import frozen
from .._features import is_single
from .._forwarding import forwarded
from .._unsupported import InputUnsupported


class Codes(NamedTuple):
    """Values as positions in a list of distinct ones (some of them may be equal)."""

    codes: np.ndarray  # integers; -1 is the last of the values
    values: list[Any]


class Texts(NamedTuple):
    """Texts as UTF-8: text i is ``data[starts[i]:stops[i]]``."""

    data: np.ndarray  # uint8, read-only
    starts: np.ndarray  # int64
    stops: np.ndarray  # int64
    missing: np.ndarray | None  # bool, None if no text is missing
    missing_value: Any  # what scikit-learn sees in place of a missing text


class Column:
    """A whole column of the input."""

    dtype: np.dtype  # of the numpy array that scikit-learn makes of it

    def floats(self, rows: slice | np.ndarray) -> np.ndarray:
        """Return the values as float64."""
        raise InputUnsupported("a column that is not of numbers")

    def numbers(self, rows: slice | np.ndarray) -> np.ndarray | None:
        """Return the values if they are of a numeric dtype, else None."""
        return None

    def codes(self, rows: slice | np.ndarray) -> Codes:
        """Return the values as codes."""
        raise NotImplementedError

    def texts(self, rows: slice | np.ndarray) -> Texts | None:
        """Return the values if they are texts in Arrow buffers, else None."""
        return None

    def categories(self) -> tuple[list[Any], np.dtype]:
        """Return the categories of a column that has some, and their dtype."""
        raise InputUnsupported("a column that had categories in fit has none")

    def positions(self, rows: slice | np.ndarray) -> np.ndarray:
        """Return the position of each value among the categories; -1 for what is missing."""
        raise NotImplementedError


@dataclass(frozen=True, eq=False)
class NumberColumn(Column):
    """Numbers or booleans."""

    array: np.ndarray

    dtype = forwarded("array.dtype")

    def floats(self, rows: slice | np.ndarray) -> np.ndarray:
        return np.asarray(self.array[rows], dtype=np.float64)

    def numbers(self, rows: slice | np.ndarray) -> np.ndarray | None:
        return self.array[rows]

    def codes(self, rows: slice | np.ndarray) -> Codes:
        values, codes = np.unique(self.array[rows], return_inverse=True)
        return Codes(codes.ravel(), values.tolist())


@dataclass(frozen=True, eq=False)
class CategoricalNumbers(NumberColumn):
    """Numbers that are the categories of a pandas column.

    Encoders read them. As features they are for the original to judge: scikit-learn's models read
    them too, but LightGBM reads their codes, and numpy's functions refuse the column.
    """

    places: np.ndarray  # of the values among the numbers; -1 where one is missing
    numbered: np.ndarray

    dtype = np.dtype(object)

    def floats(self, rows: slice | np.ndarray) -> np.ndarray:
        """Refuse."""
        raise InputUnsupported("a categorical column of numbers")

    def categories(self) -> tuple[list[Any], np.dtype]:
        return self.numbered.tolist(), self.numbered.dtype

    def positions(self, rows: slice | np.ndarray) -> np.ndarray:
        return self.places[rows]


class _Numbering(dict[Any, int]):
    """Distinct values in the order in which they are first asked for."""

    def __missing__(self, value: Any) -> int:
        self[value] = number = len(self)
        return number


@dataclass(frozen=True, eq=False)
class ObjectColumn(Column):
    """Python objects."""

    array: np.ndarray

    dtype = np.dtype(object)

    def floats(self, rows: slice | np.ndarray) -> np.ndarray:
        try:
            return self.array[rows].astype(np.float64)
        except (TypeError, ValueError, OverflowError) as error:
            raise InputUnsupported(str(error)) from error

    def codes(self, rows: slice | np.ndarray) -> Codes:
        numbering = _Numbering()
        values = self.array[rows].tolist()
        try:
            codes = np.fromiter(map(numbering.__getitem__, values), np.intp, len(values))
        except TypeError as error:  # not hashable
            raise InputUnsupported(str(error)) from error
        return Codes(codes, list(numbering))


class TextArrayColumn(ObjectColumn):
    """Texts of an array of texts: whether they become numbers is up to the original."""

    def floats(self, rows: slice | np.ndarray) -> np.ndarray:
        """Refuse."""
        return Column.floats(self, rows)


@dataclass(frozen=True, eq=False)
class ArrowColumn(Column):
    """Texts in an Arrow array."""

    array: Any
    missing: Any  # what scikit-learn sees in place of a null
    data: np.ndarray  # uint8
    offsets: np.ndarray  # int64 (n_rows + 1,)

    dtype = np.dtype(object)

    @classmethod
    def of(cls, array: Any, missing: Any) -> "ArrowColumn":
        """Read the buffers of an array of (large) strings."""
        if str(array.type) not in ("string", "large_string"):
            raise InputUnsupported(f"texts of Arrow type {array.type}")
        _, offsets, data = array.buffers()
        width = np.int64 if str(array.type) == "large_string" else np.int32
        positions: np.ndarray = np.frombuffer(offsets, dtype=width)
        positions = positions[array.offset : array.offset + len(array) + 1]
        raw = np.zeros(0, np.uint8) if data is None else np.frombuffer(data, dtype=np.uint8)
        return cls(array, missing, frozen(raw), positions.astype(np.int64, copy=False))

    def codes(self, rows: slice | np.ndarray) -> Codes:
        encoded = self._part(rows).dictionary_encode()
        indices = encoded.indices
        if indices.null_count:
            indices = indices.fill_null(-1)
        values = encoded.dictionary.to_pylist()
        values.append(self.missing)
        return Codes(indices.to_numpy(), values)

    def _part(self, rows: slice | np.ndarray) -> Any:
        if isinstance(rows, slice):
            return self.array.slice(rows.start, rows.stop - rows.start)
        return self.array.take(rows)

    def texts(self, rows: slice | np.ndarray) -> Texts:
        """Return where the texts are."""
        missing = None
        if self.array.null_count:
            missing = self._part(rows).is_null().to_numpy(zero_copy_only=False)
        starts, stops = self.offsets[:-1][rows], self.offsets[1:][rows]
        return Texts(self.data, starts, stops, missing, self.missing)


@dataclass(frozen=True, eq=False)
class CategoricalColumn(Column):
    """Codes that are there already."""

    array: np.ndarray  # -1 where a value is missing
    values: list[Any]  # the last one stands for a missing value

    dtype = np.dtype(object)

    def codes(self, rows: slice | np.ndarray) -> Codes:
        return Codes(self.array[rows], self.values)

    def categories(self) -> tuple[list[Any], np.dtype]:
        return self.values[:-1], self.dtype

    def positions(self, rows: slice | np.ndarray) -> np.ndarray:
        return self.array[rows]


def column_of(values: Values) -> Column:
    """Return the column of the values that a container gives.

    Raises
    ------
    InputUnsupported
        For values that only the original can judge.
    """
    if isinstance(values, np.ndarray):
        return array_column(values)
    if isinstance(values, ArrowTexts):
        return ArrowColumn.of(values.array, values.missing)
    if isinstance(values, Categories):
        return CategoricalColumn(values.codes, values.values)
    return CategoricalNumbers(values.array, values.codes, values.categories)


def n_rows_of(rows: slice | np.ndarray) -> int:
    """Return how many rows are chosen, by positions or by a slice of step one."""
    return rows.stop - rows.start if isinstance(rows, slice) else len(rows)


def is_number(dtype: np.dtype) -> bool:
    """Whether values of a dtype are numbers or booleans that are read as float64."""
    return dtype.kind in "iufb" and dtype.itemsize <= 8


def array_column(array: np.ndarray) -> Column:
    """Return a column of a NumPy array (n_rows,).

    Raises
    ------
    InputUnsupported
        For values that only the original can judge.
    """
    if is_number(array.dtype):
        return NumberColumn(array)
    if array.dtype.kind == "O":
        return ObjectColumn(array)
    if array.dtype.kind == "U":
        return TextArrayColumn(array.astype(object))
    raise InputUnsupported(f"a column of dtype {array.dtype}")


def refuse_single(dtype: np.dtype) -> None:
    """Raise `InputUnsupported` for a dtype in which scikit-learn would compute otherwise."""
    if is_single(dtype):
        raise InputUnsupported(f"numbers of dtype {dtype}")
