"""What a `TableLookup` is given, read into columns: the table, and the keys in an input."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
from scipy import sparse

from .._compat import refused
from .._containers import Frame, dtype_kind, read_frame_of, series_of
from ..compilers.tables._keys import is_missing, objects


@dataclass(frozen=True, eq=False)
class Columns:
    """A table as columns."""

    # list of ndarray of shape (n_rows,): of integers, floats, booleans or objects.
    keys: list[np.ndarray]
    values: list[np.ndarray]  # list of ndarray of shape (n_rows,): of float64 or objects
    # What the columns of values are called; their positions if they have no names.
    labels: list[Any]
    has_names: bool  # whether they have names


# The table


def read_table(table: Any, on: Sequence[Any] | None, n_keys: int, columns: Any) -> Columns:
    """Read a table.

    Parameters
    ----------
    table : data frame, mapping or pair of arrays
    on : sequence or None
        Labels of the columns of keys; only data frames need them.
    n_keys : int
        How many there are.
    columns : list or None
        Labels of the columns of values to read, all by default.

    Raises
    ------
    TypeError
        If the table is nothing of that.
    ValueError
        If it is not of the form that its kind must have.
    """
    kind = read_frame_of(table)
    if kind is not None:
        return _read_frame(kind, table, on, columns)
    if isinstance(table, Mapping):
        keys = _split_keys(list(table), n_keys)
        rows, labels, has_names = _rows_of_mapping(table)
    elif isinstance(table, tuple) and len(table) == 2:
        keys = _key_arrays(table[0], n_keys)
        rows, labels, has_names = _value_arrays(table[1], len(keys[0]))
    else:
        must_be = (
            "a data frame of pandas or polars, a mapping of key to values, or a tuple (keys, "
            "values) of arrays"
        )
        raise refused("TableLookup", "table", must_be, table)
    chosen = labels if columns is None else columns
    positions = [_position(label, labels) for label in chosen]
    return Columns(keys, [value_array(rows[at], labels[at]) for at in positions], chosen, has_names)


def _position(label: Any, labels: list[Any]) -> int:
    if label not in labels:
        must_be = f"columns of the table, among {_listed(labels)}"
        raise refused("TableLookup", "columns", must_be, label)
    return labels.index(label)


def _listed(labels: list[Any]) -> str:
    return str(labels) if len(labels) <= 20 else f"{labels[:20]} and {len(labels) - 20} more"


def _read_frame(kind: Frame, table: Any, on: Sequence[Any] | None, columns: Any) -> Columns:
    if on is None:
        must_be = "the key columns, where the table is a data frame"
        raise refused("TableLookup", "on", must_be, on)
    table = kind.with_index(table, list(on))
    labels = kind.names(table)
    if len(set(labels)) != len(labels):
        double = next(label for label in labels if labels.count(label) > 1)
        raise ValueError(f"The table has several columns {double!r}.")
    if not all(label in labels for label in on):
        missing = next(label for label in on if label not in labels)
        must_be = (
            f"columns of the table, among {_listed(labels)} (keys are called the same in the table "
            "and in X)"
        )
        raise refused("TableLookup", "on", must_be, missing)
    if columns is None:
        columns = [label for label in labels if label not in on]
    else:
        for label in columns:
            _position(label, labels)
    keys = [key_array(table[label]) for label in on]
    return Columns(keys, [value_array(table[label], label) for label in columns], columns, True)


def _split_keys(keys: list[Any], n_keys: int) -> list[np.ndarray]:
    if n_keys == 1:
        return [key_array(objects(keys))]
    for key in keys:
        if not isinstance(key, tuple) or len(key) != n_keys:
            raise ValueError(f"The key {key!r} is not a tuple of {n_keys} values, one a column.")
    return [key_array(objects(key[i] for key in keys)) for i in range(n_keys)]


def _rows_of_mapping(table: Mapping[Any, Any]) -> tuple[list[Any], list[Any], bool]:
    first = next(iter(table.values()), None)
    if isinstance(first, Mapping):
        labels = list(first)
        for key, row in table.items():
            if not isinstance(row, Mapping) or set(row) != set(labels):
                raise ValueError(f"The row of key {key!r} has not the columns {_listed(labels)}.")
        return [objects(row[label] for row in table.values()) for label in labels], labels, True
    if isinstance(first, str) or not hasattr(first, "__len__"):
        return [objects(table.values())], [0], False
    n_columns = len(first)  # type: ignore[arg-type]
    for key, row in table.items():
        if isinstance(row, str) or not hasattr(row, "__len__") or len(row) != n_columns:
            raise ValueError(
                f"The row of key {key!r} is {row!r}, where others have {n_columns} values."
            )
    rows = list(table.values())
    numbers = np.asarray(rows) if isinstance(first, np.ndarray) else None
    if numbers is not None and numbers.dtype.kind in "iufb" and numbers.ndim == 2:
        return list(numbers.T), list(range(n_columns)), False
    labels = list(range(n_columns))
    return [objects(row[i] for row in rows) for i in labels], labels, False


def _key_arrays(keys: Any, n_keys: int) -> list[np.ndarray]:
    _, columns = input_columns(keys)
    if len(columns) != n_keys:
        raise ValueError(
            f"The keys of the table have {len(columns)} columns, but {n_keys} are looked up."
        )
    return [key_array(column) for column in columns]


def _value_arrays(values: Any, n_rows: int) -> tuple[list[Any], list[Any], bool]:
    names, columns = input_columns(values)
    for column in columns:
        if len(column) != n_rows:
            raise ValueError(f"The table has {n_rows} keys, but {len(column)} rows of values.")
    if names is None:
        return columns, list(range(len(columns))), False
    return columns, names, True


def value_array(column: Any, label: Any) -> np.ndarray:
    """Return a column of values as float64 if they are numbers, as objects otherwise.

    Raises
    ------
    ValueError
        For times and complex numbers.
    """
    of_series = series_of(column)
    letter = dtype_kind(column)
    if of_series is not None:
        floats = of_series.floats(column)
        if floats is not None:
            return floats
    elif letter is not None and letter in "iufb":
        return np.asarray(column, dtype=np.float64)
    if letter is not None and letter in "mMc":
        raise ValueError(
            f"The column {label!r} of the table is of {column.dtype}: make numbers of it."
        )
    values = column.tolist() if of_series is None else of_series.objects(column)
    missing = [is_missing(value) for value in values]
    if all(here or isinstance(v, Real) for v, here in zip(values, missing, strict=True)):
        cleaned = [np.nan if here else v for v, here in zip(values, missing, strict=True)]
        return np.array(cleaned, dtype=np.float64)
    # Encoders know NaN and None; other marks of pandas become NaN.
    return objects(
        np.nan if here and value is not None else value
        for value, here in zip(values, missing, strict=True)
    )


# The input


def input_columns(X: Any) -> tuple[list[Any] | None, list[Any]]:
    """Return the names of the columns of an input (None if it has none), and the columns.

    A single column may come without a second dimension: a list of keys, an array, a Series.

    Raises
    ------
    TypeError
        For sparse matrices, and for what holds no columns.
    ValueError
        For arrays of no or more than two dimensions, and for rows of different lengths.
    """
    if sparse.issparse(X):
        raise TypeError("Sparse data was passed, but keys are dense: use X.toarray().")
    kind = read_frame_of(X)
    if kind is not None:
        return kind.names(X), kind.columns(X)
    if series_of(X) is not None:
        return None, [X]
    if isinstance(X, (list, tuple)):
        if not X or not isinstance(X[0], (list, tuple, np.ndarray)):
            return None, [objects(X)]
        if len({len(row) for row in X}) > 1:
            raise ValueError("The rows of X are of different lengths.")
        # Not np.asarray: it would make one type of all columns.
        return None, [objects(column) for column in zip(*X, strict=True)]
    if isinstance(X, (str, bytes)):
        raise TypeError(f"X is the single key {X!r}: pass a list of keys.")
    X = np.asarray(X)
    if X.dtype.kind == "c":
        raise ValueError(f"Complex data not supported: keys of {X.dtype}.")
    if X.ndim == 1:
        return None, [X]
    if X.ndim != 2:
        raise ValueError(
            f"Expected 2D array, got {'scalar' if X.ndim == 0 else f'{X.ndim}D'} array instead. "
            "Reshape your data: one row for each key, one column for each part of it."
        )
    return None, list(X.T)


def key_array(column: Any) -> np.ndarray:
    """Return a column as an array of integers, floats, booleans, or objects.

    Times become `datetime.datetime` and `datetime.timedelta`, so that those of all containers and
    units are equal where they are the same.
    """
    of_series = series_of(column)
    array = column if of_series is None else of_series.array(column)
    if array is None:
        assert of_series is not None
        return objects(of_series.objects(column))
    kind = array.dtype.kind
    if kind in "mM":
        return _times(array)
    if kind in "iufbO" and array.dtype != np.longdouble:
        return array
    return objects(array.tolist())


def _times(array: np.ndarray) -> np.ndarray:
    rounded = array.astype(f"{array.dtype.kind}8[us]")
    found = objects(rounded.tolist())
    for row in np.flatnonzero((rounded != array) & ~np.isnat(array)).tolist():
        found[row] = array[row]  # finer than a datetime
    return found
