"""Keys of a table, numbered; and the rows that belong to them.

Two keys are the same if Python says that they are equal: ``3``, ``3.0`` and ``True == 1`` as in a
dict. Keys that are integers are kept in ascending order, others in a dict. A missing value (None,
NaN, NaT, NA) is no key and equals none.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from numbers import Real
from typing import Any

import numpy as np

from ...kernels._arrays import FrozenArrays, line_aligned

_LEAST, _GREATEST = -(2**63), 2**63 - 1


def is_missing(value: Any) -> bool:
    """Tell whether a value stands for a missing one."""
    if value is None:
        return True
    try:
        return bool(value != value)
    except (TypeError, ValueError):
        # NA cannot tell; an array is no single value.
        return type(value).__name__ == "NAType"


def objects(values: Iterable[Any]) -> np.ndarray:
    """Return an array of objects with one dimension, whatever the values are."""
    values = list(values)
    array = np.empty(len(values), dtype=object)
    for i, value in enumerate(values):
        array[i] = value
    return array


def as_integer(value: Any) -> int | None:
    """Return the int that equals a value, None if there is none of 64 bits."""
    if not isinstance(value, (Real, Decimal, np.bool_)):
        return None
    try:
        whole = int(value)  # type: ignore[arg-type]
    except (ValueError, OverflowError):  # NaN, infinite
        return None
    return whole if whole == value and _LEAST <= whole <= _GREATEST else None


def _as_integers_all(values: Iterable[Any]) -> list[int] | None:
    found = []
    for value in values:
        integer = as_integer(value)
        if integer is None:
            return None
        found.append(integer)
    return found


def as_integers(values: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    """Return the integers that equal numbers, and which of the numbers do (None: all).

    Parameters
    ----------
    values : ndarray of integers, floats or booleans

    Returns
    -------
    integers : ndarray of int64
        Zero where there is none of 64 bits.
    known : ndarray of bool or None
    """
    if values.dtype.kind == "u" and values.dtype.itemsize == 8:
        known = values <= np.uint64(_GREATEST)
    elif values.dtype.kind == "f":
        values = values.astype(np.float64, copy=False)
        # NaN compares false. The greatest int64 is no float64; its upper limit is.
        known = (np.trunc(values) == values) & (values >= -(2.0**63)) & (values < 2.0**63)
    else:
        return values.astype(np.int64, copy=False), None
    if known.all():
        return values.astype(np.int64), None
    return np.where(known, values, 0).astype(np.int64), known


@dataclass(frozen=True, eq=False)
class KeyColumn:
    """The distinct values of a column of keys."""

    # int64: in ascending order: number i is the i-th. None if a value is no integer of 64 bits.
    integers: np.ndarray | None = field(repr=False)
    # Number of each value, in the order of the numbers; in place of ``integers``.
    number_of: dict[Any, int] | None = field(repr=False)

    @classmethod
    def of(cls, values: np.ndarray) -> "tuple[KeyColumn, np.ndarray]":
        """Number the values of a column; -1 for missing ones.

        Parameters
        ----------
        values : ndarray of integers, floats, booleans or objects

        Raises
        ------
        ValueError
            If a value cannot be hashed.
        """
        if values.dtype.kind == "O":
            listed = values.tolist()
            present = np.array([not is_missing(value) for value in listed], dtype=bool)
            found = _as_integers_all(v for v, here in zip(listed, present, strict=True) if here)
            if found is not None:
                return cls._of_integers(np.array(found, dtype=np.int64), present)
        else:
            present = ~np.isnan(values) if values.dtype.kind == "f" else np.ones(len(values), bool)
            integers, known = as_integers(values[present])
            if known is None:
                return cls._of_integers(integers, present)
            listed = values.tolist()
        number_of: dict[Any, int] = {}
        numbers = np.full(len(listed), -1, dtype=np.intp)
        for row in np.flatnonzero(present).tolist():
            try:
                numbers[row] = number_of.setdefault(listed[row], len(number_of))
            except TypeError:
                raise ValueError(f"{listed[row]!r} cannot be a key: it has no hash.") from None
        return cls(None, number_of), numbers

    @classmethod
    def _of_integers(
        cls, integers: np.ndarray, present: np.ndarray
    ) -> "tuple[KeyColumn, np.ndarray]":
        distinct, inverse = np.unique(integers, return_inverse=True)
        numbers = np.full(len(present), -1, dtype=np.intp)
        numbers[present] = inverse.ravel()
        return cls(distinct, None), numbers

    def __len__(self) -> int:
        return len(self.values)

    @property
    def values(self) -> Any:
        """The distinct values by number."""
        if self.integers is not None:
            return self.integers
        assert self.number_of is not None
        return list(self.number_of)

    @property
    def kind(self) -> str | None:
        """``"numbers"`` or ``"texts"``, None for others, mixed ones, and where there are none."""
        return kind_of(
            np.asarray(self.integers) if self.number_of is None else objects(self.values)
        )

    def numbers(self, values: np.ndarray) -> np.ndarray:
        """Return the number of each value, as intp; -1 for one that is unknown.

        Raises
        ------
        ValueError
            If a value cannot be hashed.
        """
        if self.integers is not None and values.dtype.kind != "O":
            integers, known = as_integers(values)
            numbers = positions_in(self.integers, integers)
            if known is not None:
                numbers[~known] = -1
            return numbers
        return np.fromiter(map(self.number, values.tolist()), np.intp, len(values))

    def number(self, value: Any) -> int:
        """Return the number of a value, -1 if it is unknown.

        Raises
        ------
        ValueError
            If it cannot be hashed.
        """
        try:
            if self.number_of is not None:
                return self.number_of.get(value, -1)
            hash(value)
        except TypeError:
            raise ValueError(f"{value!r} is where a key is expected.") from None
        integers = self.integers
        assert integers is not None
        integer = int(value) if type(value) in (int, np.int64) else as_integer(value)
        if integer is None or not _LEAST <= integer <= _GREATEST:
            return -1
        at = int(integers.searchsorted(integer))
        return at if at < len(integers) and integers.item(at) == integer else -1


def positions_in(ascending: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return the position of each value in a sorted array, -1 where it is not in it."""
    positions = np.searchsorted(ascending, values)
    if not len(ascending):
        return np.full(len(values), -1, dtype=np.intp)
    inside = np.minimum(positions, len(ascending) - 1)
    return np.where(ascending[inside] == values, inside, -1)


def kind_of(values: np.ndarray) -> str | None:
    """Return ``"numbers"`` or ``"texts"`` if all values that are not missing are such."""
    if values.dtype.kind != "O":
        if values.dtype.kind == "f" and np.isnan(values).all():
            return None
        return "numbers" if len(values) else None
    listed = values.tolist()
    if set(map(type, listed)) == {str}:  # none is missing, and nothing else is asked of each
        return "texts"
    present = {kind_of_value(value) for value in listed if not is_missing(value)}
    return present.pop() if len(present) == 1 else None


def kind_of_value(value: Any) -> str | None:
    """Return the kind of a value that is not missing, None if it is neither number nor text."""
    if isinstance(value, str):
        return "texts"
    return "numbers" if isinstance(value, (Real, Decimal, np.bool_)) else None


@dataclass(frozen=True, eq=False)
class KeyIndex:
    """Keys of one or several columns, numbered."""

    columns: tuple[KeyColumn, ...]
    # For each column but the first, the distinct pairs of what stands before it and its own value,
    # in ascending order: ``number before * number of values + number of the value``.
    pairs: tuple[np.ndarray, ...] = field(repr=False)

    @classmethod
    def of(cls, columns: Sequence[np.ndarray]) -> "tuple[KeyIndex, np.ndarray]":
        """Number the rows of columns of keys; -1 where a value is missing."""
        found: list[KeyColumn] = []
        pairs: list[np.ndarray] = []
        for values in columns:
            column, own = KeyColumn.of(values)
            if not found:
                numbers = own
            else:
                joined = join(numbers, own, len(column))
                distinct = np.unique(joined[joined >= 0])
                pairs.append(distinct)
                numbers = positions_in(distinct, joined)
            found.append(column)
        return cls(tuple(found), tuple(pairs)), numbers

    def __len__(self) -> int:
        return len(self.pairs[-1]) if self.pairs else len(self.columns[0])

    def numbers(self, columns: Sequence[np.ndarray]) -> np.ndarray:
        """Return the number of each row's key, as intp; -1 for one that is unknown."""
        first, *others = self.columns
        numbers = first.numbers(columns[0])
        for column, distinct, values in zip(others, self.pairs, columns[1:], strict=True):
            joined = join(numbers, column.numbers(values), len(column))
            numbers = positions_in(distinct, joined)
        return numbers


def join(numbers: np.ndarray, own: np.ndarray, n_values: int) -> np.ndarray:
    """Return pairs as integers; -1 where one of the two is."""
    joined = numbers.astype(np.int64, copy=False) * n_values + own
    joined[(numbers < 0) | (own < 0)] = -1
    return joined


@dataclass(frozen=True, eq=False)
class KeyedRows(FrozenArrays):
    """Rows of values by key."""

    index: KeyIndex
    # (n_keys + 1, n_columns): of float64, or of objects. The last row is that of unknown keys.
    values: np.ndarray = field(repr=False)

    def __post_init__(self) -> None:
        if self.values.dtype != object:
            object.__setattr__(self, "values", line_aligned(self.values))

    def rows(self, numbers: np.ndarray) -> np.ndarray:
        """Return the row (n_rows, n_columns) of values of each number of a key."""
        return self.values.take(numbers, axis=0, mode="wrap")
