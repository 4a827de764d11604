"""Columns of tables, read where they lie: data frames, arrays, and single rows.

Compiled steps see a `Table`: some rows of some columns, as float64 numbers or as codes of distinct
values. What holds the values (pandas, polars, Arrow, numpy, a mapping of one row) stays in here.
Columns are known by their position among those that were fitted.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple

import numpy as np

from ...kernels._arrays import frozen
from .._steps import InputUnsupported, Unsupported, is_single

#: Rows in one chunk, and values in one: the cost of a call disappears, and what is computed stays
#: in the cache.
CHUNK_ROWS = 4096
CHUNK_VALUES = 1 << 19

_DOUBLE = np.dtype(np.float64)

#: Integers from here on may have been rounded when they became floats.
_EXACT = 2.0**53

#: Classes of values that a category may have. Others compare in ways of their own.
_PLAIN = (str, int, float, bool, bytes, type(None), np.number, np.bool_)


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


@dataclass(frozen=True, eq=False)
class NumberColumn(Column):
    """Numbers or booleans."""

    array: np.ndarray

    @property
    def dtype(self) -> np.dtype:  # type: ignore[override]
        """Dtype of the array."""
        return self.array.dtype

    def floats(self, rows: slice | np.ndarray) -> np.ndarray:
        """Return the values as float64."""
        return np.asarray(self.array[rows], dtype=np.float64)

    def numbers(self, rows: slice | np.ndarray) -> np.ndarray | None:
        """Return the values."""
        return self.array[rows]

    def codes(self, rows: slice | np.ndarray) -> Codes:
        """Return the values as codes."""
        values, codes = np.unique(self.array[rows], return_inverse=True)
        return Codes(codes.ravel(), values.tolist())


@dataclass(frozen=True, eq=False)
class CategoricalNumbers(NumberColumn):
    """Numbers that are the categories of a pandas column.

    Encoders read them. As features they are for the original to judge: scikit-learn's models read
    them too, but LightGBM reads their codes, and numpy's functions refuse the column.
    """

    @property
    def dtype(self) -> np.dtype:  # type: ignore[override]
        """Say object, as for anything that is no column of plain numbers."""
        return np.dtype(object)

    def floats(self, rows: slice | np.ndarray) -> np.ndarray:
        """Refuse."""
        raise InputUnsupported("a categorical column of numbers")


class _Numbering(dict[Any, int]):
    """Distinct values in the order in which they are first asked for."""

    def __missing__(self, value: Any) -> int:
        self[value] = number = len(self)
        return number


@dataclass(frozen=True, eq=False)
class ObjectColumn(Column):
    """Python objects."""

    array: np.ndarray

    @property
    def dtype(self) -> np.dtype:  # type: ignore[override]
        """Say object."""
        return np.dtype(object)

    def floats(self, rows: slice | np.ndarray) -> np.ndarray:
        """Return the values as numpy converts them."""
        try:
            return self.array[rows].astype(np.float64)
        except (TypeError, ValueError, OverflowError) as error:
            raise InputUnsupported(str(error)) from error

    def codes(self, rows: slice | np.ndarray) -> Codes:
        """Number the values."""
        numbering = _Numbering()
        values = self.array[rows].tolist()
        try:
            codes = np.fromiter(map(numbering.__getitem__, values), np.intp, len(values))
        except TypeError as error:  # not hashable
            raise InputUnsupported(str(error)) from error
        return Codes(codes, list(numbering))


class TextColumn(ObjectColumn):
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

    @property
    def dtype(self) -> np.dtype:  # type: ignore[override]
        """Say object."""
        return np.dtype(object)

    def codes(self, rows: slice | np.ndarray) -> Codes:
        """Let Arrow number the values."""
        if isinstance(rows, slice):
            part = self.array.slice(rows.start, rows.stop - rows.start)
        else:
            part = self.array.take(rows)
        encoded = part.dictionary_encode()
        indices = encoded.indices
        if indices.null_count:
            indices = indices.fill_null(-1)
        values = encoded.dictionary.to_pylist()
        values.append(self.missing)
        return Codes(indices.to_numpy(), values)

    def texts(self, rows: slice | np.ndarray) -> Texts:
        """Return where the texts are."""
        missing = None
        if self.array.null_count:
            if isinstance(rows, slice):
                part = self.array.slice(rows.start, rows.stop - rows.start)
            else:
                part = self.array.take(rows)
            missing = part.is_null().to_numpy(zero_copy_only=False)
        starts, stops = self.offsets[:-1][rows], self.offsets[1:][rows]
        return Texts(self.data, starts, stops, missing, self.missing)


@dataclass(frozen=True, eq=False)
class CategoricalColumn(Column):
    """Codes that are there already."""

    array: np.ndarray  # -1 where a value is missing
    values: list[Any]  # the last one stands for a missing value

    @property
    def dtype(self) -> np.dtype:  # type: ignore[override]
        """Say object."""
        return np.dtype(object)

    def codes(self, rows: slice | np.ndarray) -> Codes:
        """Return the codes."""
        return Codes(self.array[rows], self.values)


#: Of a row for which nothing is known yet, among answers that are -1 at least.
_UNKNOWN = -2


class Source:
    """A whole input, whose columns are read at their first use."""

    n_rows: int
    #: Answers for all rows by what was asked, where they are kept; see `Opened`.
    kept: dict[tuple[int, bytes], np.ndarray] | None = None

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

    #: Whether numbers and booleans side by side become numbers.
    mixes_bool: bool = True
    #: Whether one column of objects makes objects of the columns beside it.
    mixes_objects: bool = False

    def common_dtype(self, dtypes: set[np.dtype]) -> np.dtype:
        """Return the dtype of the array that columns of these dtypes become."""
        return np.result_type(*dtypes)


class _FrameSource(Source):
    mixes_bool = False

    def __init__(self, frame: Any, names: tuple[Any, ...]):
        self._frame = frame
        self._names = names
        self._columns: dict[int, Column] = {}
        self.n_rows = len(frame)

    def column(self, position: int) -> Column:
        column = self._columns.get(position)
        if column is None:
            column = self._columns[position] = self._read(self._names[position])
        return column

    def _read(self, name: Any) -> Column:
        raise NotImplementedError


class PandasSource(_FrameSource):
    """A pandas data frame."""

    def common_dtype(self, dtypes: set[np.dtype]) -> np.dtype:
        """Return the dtype of the array; it is of objects for booleans beside numbers."""
        if len(dtypes) > 1 and np.dtype(bool) in dtypes:
            return np.dtype(object)
        return np.result_type(*dtypes)

    def _read(self, name: Any) -> Column:
        try:
            series = self._frame[name]
        except (KeyError, TypeError) as error:
            raise InputUnsupported(f"no column {name!r}") from error
        if series.ndim != 1:
            raise InputUnsupported(f"several columns {name!r}")
        dtype = series.dtype
        if isinstance(dtype, np.dtype):
            return _array_column(series.to_numpy())
        kind = type(dtype).__name__
        if kind == "CategoricalDtype":
            if str(dtype.categories.dtype) in ("object", "str"):
                values = [*dtype.categories.tolist(), np.nan]
                return CategoricalColumn(series.cat.codes.to_numpy(), values)
            if isinstance(dtype.categories.dtype, np.dtype):
                column = _array_column(np.asarray(series))
                if isinstance(column, NumberColumn):
                    return CategoricalNumbers(column.array)
                return column
        if kind == "StringDtype" and isinstance(dtype.na_value, float):
            if dtype.storage.startswith("pyarrow"):
                array = series.array.__arrow_array__()
                if hasattr(array, "combine_chunks"):
                    array = array.combine_chunks()
                # One array after all, unless the chunks did not combine.
                if not hasattr(array, "num_chunks") and len(array):
                    return ArrowColumn.of(array, np.nan)
            return ObjectColumn(series.to_numpy(dtype=object))
        raise InputUnsupported(f"column {name!r} is of dtype {dtype}")


class PolarsSource(_FrameSource):
    """A polars data frame."""

    mixes_objects = True

    def _read(self, name: Any) -> Column:
        if name not in self._frame.columns:
            raise InputUnsupported(f"no column {name!r}")
        series = self._frame.get_column(name)
        dtype = str(series.dtype)
        if dtype.startswith(("Int", "UInt", "Float", "Boolean")) and "Int128" not in dtype:
            if series.null_count() and dtype == "Boolean":
                raise InputUnsupported(f"column {name!r} has missing booleans")
            return _array_column(series.to_numpy())
        if dtype.startswith(("Categorical", "Enum")):
            series = series.cast(str)
        elif dtype != "String":
            raise InputUnsupported(f"column {name!r} is of dtype {dtype}")
        try:
            array = series.to_arrow()
        except ImportError:
            return ObjectColumn(np.array(series.to_list(), dtype=object))
        if str(array.type) == "string_view":
            array = array.cast("large_string")
        return ArrowColumn.of(array, None)


class ArraySource(Source):
    """A two-dimensional array."""

    def __init__(self, array: np.ndarray):
        self._array = array
        self.n_rows = len(array)

    def column(self, position: int) -> Column:
        """Return a column."""
        return _array_column(self._array[:, position])


def _array_column(array: np.ndarray) -> Column:
    if array.dtype.kind in "iufb" and array.dtype.itemsize <= 8:
        return NumberColumn(array)
    if array.dtype.kind == "O":
        return ObjectColumn(array)
    if array.dtype.kind == "U":
        return TextColumn(array.astype(object))
    raise InputUnsupported(f"a column of dtype {array.dtype}")


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
class Part(Table):
    """Rows of a source."""

    source: Source
    rows: slice | np.ndarray
    positions: tuple[int, ...]
    answers: dict[tuple[int, bytes], np.ndarray] = field(default_factory=dict, repr=False)

    @property
    def n_rows(self) -> int:  # type: ignore[override]
        """Number of rows."""
        rows = self.rows
        return rows.stop - rows.start if isinstance(rows, slice) else len(rows)

    @property
    def n_columns(self) -> int:  # type: ignore[override]
        """Number of columns."""
        return len(self.positions)

    def select(self, positions: tuple[int, ...]) -> "Part":
        """Return some of the columns."""
        chosen = tuple([self.positions[p] for p in positions])
        return Part(self.source, self.rows, chosen, self.answers)

    def once(
        self, position: int, question: bytes | None, answer: Callable[[], np.ndarray]
    ) -> np.ndarray:
        """Return what is known of a column of these rows, or find it."""
        if question is None:
            return answer()
        key = (self.positions[position], question)
        if key not in self.answers:
            self.answers[key] = self.source.answers(self.rows, key, answer)
        return self.answers[key]

    def floats(self, *, strict: bool = True, copy: bool = True) -> np.ndarray:
        """Return all columns as float64."""
        columns = self._columns(strict)
        out = np.empty((len(columns), self.n_rows))
        for values, column in zip(out, columns, strict=True):
            values[:] = column.floats(self.rows)
        return out.T

    def arrays(self) -> list[np.ndarray]:
        """Return each column as a read-only array of float64 or int64.

        Raises
        ------
        InputUnsupported
            As `floats` does.
        """
        found = []
        for column in self._columns(True):
            values = column.numbers(self.rows)
            if values is None or values.dtype not in (np.int64, np.float64):
                values = column.floats(self.rows)
            found.append(frozen(values))
        return found

    def _columns(self, strict: bool) -> list[Column]:
        columns = [self.source.column(position) for position in self.positions]
        if strict and columns:
            dtypes = {column.dtype for column in columns}
            mixed = len(dtypes) > 1 and any(dtype.kind in "bO" for dtype in dtypes)
            if mixed and not self.source.mixes_bool:
                raise InputUnsupported("numbers beside booleans or objects")
            refuse_single(self.source.common_dtype(dtypes))
        return columns

    @property
    def dtype(self) -> np.dtype:  # type: ignore[override]
        """Dtype of the array that the columns become."""
        return self.source.common_dtype(self.dtypes())

    def dtypes(self) -> set[np.dtype]:
        """Return the dtypes of the columns."""
        return {self.source.column(p).dtype for p in self.positions}

    @property
    def as_objects(self) -> bool:  # type: ignore[override]
        """Whether numbers are to be taken as Python objects."""
        return self.source.mixes_objects and np.dtype(object) in self.dtypes()

    def numbers(self, position: int) -> np.ndarray | None:
        """Return a column if it is of a numeric dtype, else None."""
        if self.as_objects:
            return None
        return self.source.column(self.positions[position]).numbers(self.rows)

    def codes(self, position: int) -> Codes:
        """Return a column as codes."""
        column = self.source.column(self.positions[position])
        if self.as_objects:
            values = column.numbers(self.rows)
            if values is not None and np.isnan(values).any():
                raise InputUnsupported("a missing number beside texts")
        return column.codes(self.rows)

    def texts(self, position: int) -> Texts | None:
        """Return a column if it is of texts in Arrow buffers, else None."""
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
        """Return some of the columns."""
        return BlockTable(self.block[:, list(positions)], self.dtype)

    def floats(self, *, strict: bool = True, copy: bool = True) -> np.ndarray:
        """Return the block."""
        if strict:
            refuse_single(self.dtype)
        return self.block.copy(order="K") if copy else self.block

    def dtypes(self) -> set[np.dtype]:
        """Return the dtype of all columns."""
        return {self.dtype}

    def numbers(self, position: int) -> np.ndarray | None:
        """Return a column, unless it is one of integers that are rounded in the block."""
        if self.dtype.kind == "O":
            return None
        column: np.ndarray = self.block[:, position]
        if self.dtype.kind in "iu":
            one = len(column) == 1  # without numpy, which is slow for one number
            if abs(column.item()) >= _EXACT if one else (np.abs(column) >= _EXACT).any():
                raise InputUnsupported("integers that float64 may have rounded")
        return column

    def codes(self, position: int) -> Codes:
        """Return a column as codes."""
        column = self.numbers(position)
        if column is None:
            raise InputUnsupported("objects that became numbers")
        return NumberColumn(column).codes(slice(None))


@dataclass(frozen=True, eq=False)
class ObjectTable(Table):
    """Columns of Python objects that are known as codes."""

    columns: tuple[Codes, ...]
    dtype = np.dtype(object)
    as_objects = True

    @property
    def n_rows(self) -> int:  # type: ignore[override]
        """Number of rows."""
        return len(self.columns[0].codes)

    @property
    def n_columns(self) -> int:  # type: ignore[override]
        """Number of columns."""
        return len(self.columns)

    def select(self, positions: tuple[int, ...]) -> "ObjectTable":
        """Return some of the columns."""
        return ObjectTable(tuple(self.columns[p] for p in positions))

    def floats(self, *, strict: bool = True, copy: bool = True) -> np.ndarray:
        """Convert each distinct value."""
        out = np.empty((self.n_columns, self.n_rows))
        for values, column in zip(out, self.columns, strict=True):
            try:
                distinct = np.array(column.values, dtype=object).astype(np.float64)
            except (TypeError, ValueError, OverflowError) as error:
                raise InputUnsupported(str(error)) from error
            np.take(distinct, column.codes, out=values, mode="wrap")
        return out.T

    def dtypes(self) -> set[np.dtype]:
        """Say that all are objects."""
        return {self.dtype}

    def numbers(self, position: int) -> np.ndarray | None:
        """Say that there are none."""
        return None

    def codes(self, position: int) -> Codes:
        """Return a column as codes."""
        return self.columns[position]


_ONE_CODE = np.zeros(1, dtype=np.intp)
_NUMBERS = (int, float, bool, np.integer, np.floating, np.bool_)


class RowTable(Table):
    """One row."""

    n_rows = 1
    row: list[Any]

    def __init__(self, row: list[Any], as_objects: bool = False):
        self.row = row
        self.as_objects = as_objects

    @property
    def n_columns(self) -> int:  # type: ignore[override]
        """Number of columns."""
        return len(self.row)

    def select(self, positions: tuple[int, ...]) -> "RowTable":
        """Return some of the columns."""
        row = self.row
        return RowTable([row[p] for p in positions], self.as_objects)

    @property
    def dtype(self) -> np.dtype:  # type: ignore[override]
        """Dtype of an array of the values, but float64 where Python's ints may stand for floats."""
        if self.as_objects:
            return np.dtype(object)
        kinds = set(map(type, self.row))
        if float in kinds or type(None) in kinds or not kinds:
            return _DOUBLE
        if int not in kinds:
            return np.result_type(*kinds)
        large = any(type(value) is int and abs(value) >= _EXACT for value in self.row)
        return np.dtype(np.int64) if large else _DOUBLE

    def floats(self, *, strict: bool = True, copy: bool = True) -> np.ndarray:
        """Return all values as float64 (1, n_columns)."""
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
        single = bool(self.row)
        for i, value in enumerate(self.row):
            if value is None or type(value).__name__ == "NAType":  # pandas.NA
                value = np.nan
            elif not isinstance(value, (*_NUMBERS, Decimal)):
                raise ValueError(f"{value!r} is where a number is expected.")
            single = single and isinstance(value, np.float32 | np.float16)
            try:
                out[0, i] = value
            except OverflowError as error:  # a huge int
                raise InputUnsupported(str(error)) from error
        if single and strict:
            raise InputUnsupported("numbers of single precision")
        return out

    def numbers(self, position: int) -> np.ndarray | None:
        """Return an array of one value, or None if it is not a number."""
        value = self.row[position]
        return np.array((value,)) if isinstance(value, _NUMBERS) else None

    def codes(self, position: int) -> Codes:
        """Return the value with a code."""
        return Codes(_ONE_CODE, [self.row[position]])


class _NotRead:
    """Stands for the value of a column that no step reads."""

    def __repr__(self) -> str:
        return "a column that no step reads"


_NOT_READ = _NotRead()


class Opened:
    """An input that is read more than once: columns, and the numbers of its keys, are kept.

    Attributes
    ----------
    X : object
        The input itself.
    """

    def __init__(self, X: Any):
        self.X = X
        self._sources: dict[Any, Source] = {}

    def source(self, spec: "InputSpec") -> Source:
        """Return the input as `InputSpec.open` does, for the first time or again."""
        key = (spec.names, spec.n_columns, spec.by_name)
        if key not in self._sources:
            source = spec.open(self.X)
            source.kept = {}
            self._sources[key] = source
        return self._sources[key]


@dataclass(frozen=True, eq=False)
class InputSpec:
    """The columns that a transformer was fitted on, and how it finds them.

    Attributes
    ----------
    names : tuple or None
        None if it was fitted on an array.
    n_columns : int
    by_name : bool
        Whether columns may come in another order and beside others, as for a ColumnTransformer.
    needed : tuple of int or None
        Positions of the columns that there must be, and that are read of one row; None for all.
    """

    names: tuple[Any, ...] | None
    n_columns: int
    by_name: bool
    needed: tuple[int, ...] | None = None

    @classmethod
    def of(cls, fitted: Any, *, by_name: bool = False) -> "InputSpec":
        """Read what a fitted estimator tells."""
        if getattr(fitted, "n_features_in_", None) is None:
            raise Unsupported("it does not tell how many columns it was fitted on")
        names = getattr(fitted, "feature_names_in_", None)
        return cls(
            None if names is None else tuple(np.asarray(names).tolist()),
            int(fitted.n_features_in_),
            by_name,
        )

    def open(self, X: Any) -> Source:
        """Return the input as a source.

        Raises
        ------
        InputUnsupported
            For input that scikit-learn would refuse or warn about, and for containers that are
            not known here.
        """
        source: Source
        if type(X) is Opened:
            return X.source(self)
        if _is_frame(X):
            names = self.names
            columns = list(X.columns)
            if names is None:
                if self.by_name or len(columns) != self.n_columns:
                    raise InputUnsupported("a data frame, but an array was fitted")
                if any(isinstance(column, str) for column in columns):
                    raise InputUnsupported("a data frame with names, but an array was fitted")
                if len(set(columns)) != len(columns):
                    raise InputUnsupported("several columns of one name")
                names = tuple(columns)
            elif self.by_name:
                self._refuse_missing(columns)
            elif tuple(columns) != names:
                raise InputUnsupported("other columns than those that were fitted")
            source = (PandasSource if hasattr(X, "iloc") else PolarsSource)(X, names)
        elif type(X) in (np.ndarray, np.memmap, list):
            if isinstance(X, list):
                X = self._array_of(X)
            if X.ndim != 2 or X.shape[1] != self.n_columns:
                raise InputUnsupported(f"an array of shape {X.shape}")
            if self.names is not None:
                raise InputUnsupported("an array, but a data frame was fitted")
            source = ArraySource(X)
        else:
            raise InputUnsupported(f"{type(X).__name__} is not read by column")
        if not source.n_rows:
            raise InputUnsupported("no rows")
        return source

    def check_columns(self, X: Any) -> None:
        """Raise `InputUnsupported` for a data frame without a column that the original demands."""
        if self.names is not None and _is_frame(X):
            self._refuse_missing(list(X.columns))

    def _refuse_missing(self, columns: list[Any]) -> None:
        assert self.names is not None
        names = self.names
        if tuple(columns) == names:  # faster than a set
            return
        demanded = names if self.needed is None else [names[p] for p in self.needed]
        if not set(columns).issuperset(demanded):
            raise InputUnsupported("columns are missing")

    def _array_of(self, X: list[Any]) -> np.ndarray:
        """Make the array that scikit-learn makes of a list of rows."""
        try:
            # A ColumnTransformer keeps the objects, other transformers make numbers of them.
            array = np.asarray(X, dtype=object if self.by_name else None)
        except ValueError as error:
            raise InputUnsupported(str(error)) from error
        if not self.by_name and array.dtype.kind not in "iuf":
            raise InputUnsupported(f"a list that becomes an array of {array.dtype}")
        return array

    def part(self, source: Source, rows: slice | np.ndarray) -> Part:
        """Return rows of a source, with all columns."""
        return Part(source, rows, tuple(range(self.n_columns)))

    def row(self, x: Any) -> RowTable:
        """Return one row.

        Parameters
        ----------
        x : mapping of column to value, sequence, 1-D array, Series, or data frame of one row

        Raises
        ------
        ValueError
            If a column is missing, or there are too many or too few values.
        InputUnsupported
            For anything else.
        """
        if isinstance(x, (dict, Mapping)):
            return RowTable(self._by_name(x))
        if isinstance(x, (list, tuple)):
            values = list(x)
        elif isinstance(x, np.ndarray) and x.ndim == 1:
            values = list(x) if x.dtype.kind == "f" and x.dtype != np.float64 else x.tolist()
        elif hasattr(x, "columns") and len(x) == 1:
            return RowTable(self._by_name(_first_row(x)))
        elif hasattr(x, "iloc") and x.ndim == 1:
            if self.names is None:
                if list(x.index) != list(range(len(x))):
                    raise InputUnsupported("names, but the estimator knows none")
                return self.row(x.to_numpy())
            return RowTable(self._by_name(x.to_dict()))
        elif isinstance(x, Sequence) and not isinstance(x, (str, bytes)):
            values = list(x)
        else:
            raise InputUnsupported(f"{type(x).__name__} is no row with columns")
        if len(values) != self.n_columns:
            raise ValueError(f"The row has {len(values)} values, but {self._expected()}.")
        return RowTable(values)

    def _by_name(self, x: Mapping[Any, Any]) -> list[Any]:
        if self.names is None:
            raise InputUnsupported("names, but the estimator knows none")
        try:
            if self.needed is None:
                return [x[name] for name in self.names]
            values: list[Any] = [_NOT_READ] * self.n_columns
            names = self.names
            for position in self.needed:
                values[position] = x[names[position]]
            return values
        except KeyError:
            needed = range(self.n_columns) if self.needed is None else self.needed
            wanted = [self.names[position] for position in needed]
            missing = [name for name in wanted if name not in x]
            raise ValueError(f"columns are missing: {missing}. Expected {wanted}.") from None

    def _expected(self) -> str:
        if self.names is None:
            return f"{self.n_columns} are expected"
        return f"{self.n_columns} are expected: {list(self.names)}"


def _is_frame(X: Any) -> bool:
    module = type(X).__module__.partition(".")[0]
    return type(X).__name__ == "DataFrame" and module in ("pandas", "polars")


def _first_row(frame: Any) -> dict[Any, Any]:
    """Return the values of a data frame of one row.

    Raises
    ------
    InputUnsupported
        If a value that is no text is in a column that is not of plain numbers: the original may
        look at the dtype.
    """
    if hasattr(frame, "row"):
        return frame.row(0, named=True)
    if not hasattr(frame, "iloc"):
        raise InputUnsupported(f"{type(frame).__name__} is not read by column")
    row = {}
    for name in frame.columns:
        column = frame[name]
        value = row[name] = column.iloc[0]
        dtype = getattr(column, "dtype", None)
        if not isinstance(value, str) and (not isinstance(dtype, np.dtype) or dtype.kind == "O"):
            raise InputUnsupported(f"column {name!r} is of dtype {dtype}")
    return row


def chunks(
    n_rows: int, rows: np.ndarray | slice | None, n_features: int
) -> tuple[list[tuple[slice, slice | np.ndarray]], int]:
    """Return (place in the output, rows of the input) of each chunk, and the number of rows."""
    if rows is None or isinstance(rows, slice):
        first, last, _ = (rows or slice(None)).indices(n_rows)
        rows, n_rows = None, max(last - first, 0)
    else:
        first, n_rows = 0, len(rows)
    size = max(256, min(CHUNK_ROWS, CHUNK_VALUES // max(n_features, 1)))
    pieces: list[tuple[slice, slice | np.ndarray]] = []
    for start in range(0, n_rows, size):
        place = slice(start, min(start + size, n_rows))
        inside = slice(first + place.start, first + place.stop)
        pieces.append((place, inside if rows is None else rows[place]))
    return pieces, n_rows


def refuse_single(dtype: np.dtype) -> None:
    """Raise `InputUnsupported` for a dtype in which scikit-learn would compute otherwise."""
    if is_single(dtype):
        raise InputUnsupported(f"numbers of dtype {dtype}")


#: Integers above this are no float32, to which LightGBM converts arrays of integers.
LARGEST_INTEGER = 2**24


def refuse_large_integers(block: np.ndarray, table: "Table") -> None:
    """Raise `InputUnsupported` for an array of integers of which some are not exact in float32."""
    if table.row is not None:
        integers = all(isinstance(value, (int, np.integer)) for value in table.row)
    else:
        integers = all(dtype.kind in "iub" for dtype in table.dtypes())
    if integers and max(block.max(initial=0.0), -block.min(initial=0.0)) > LARGEST_INTEGER:
        raise InputUnsupported("integers that float32 would round")


def refuse_objects(table: "Table") -> None:
    """Raise `InputUnsupported` if a column is not of plain numbers: LightGBM looks at dtypes."""
    if any(dtype.kind == "O" for dtype in table.dtypes()):
        raise InputUnsupported("a column of objects")


def plain_values(values: list[Any]) -> None:
    """Raise `InputUnsupported` if a value is of a kind that compares in a way of its own."""
    for value in values:
        if not isinstance(value, _PLAIN):
            raise InputUnsupported(f"a value of type {type(value).__name__}")
