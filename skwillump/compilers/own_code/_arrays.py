"""Arrays of two dimensions in a function of the user's own: what is done to them column by column.

It is done so to data frames too, where pandas does no more than that.
"""

from collections.abc import Callable
from dataclasses import replace
from itertools import repeat
from typing import Any

import numpy as np

from . import _values as values
from ._array_values import alike as alike_values, row_total
from ._kinds import (
    Array,
    Cell,
    Found,
    Frame,
    Given,
    Item,
    Known,
    NotTold,
    RowCount,
    Several,
    Variables,
    is_known,
    known,
    operand,
    refuse_others,
)

_TOTALS = ("sum", "mean", "max", "min", "any", "all")


def by_column(function: Callable[..., Any], *parts: Any) -> Cell | Frame | Array:
    """Return what a function of values makes of columns: of tables, of one column after the other.

    What is known beside them is one value for all columns, or one for each.
    """
    tables = [part for part in parts if isinstance(part, (Frame, Array))]
    if not tables:
        return _of_cells(function, [operand(part) for part in parts])
    table = tables[0]
    broadcasts = type(table) is Array
    if any(type(one) is not type(table) for one in tables) or (tables[1:] and not broadcasts):
        raise NotTold  # pandas looks at names
    sides: list[Any] = [None if part is table else _side(part, table) for part in parts]
    of = table.of if isinstance(table, Frame) else alike(table)

    is_one = all(side is None or type(side) is repeat for side in sides)

    def made(v: Variables, row: Any) -> Any:
        if is_one and type(row) is list:
            return list(map(function, *[row if side is None else side for side in sides]))
        found = [
            row if side is None else next(side) if type(side) is repeat else side(v)
            for side in sides
        ]
        if any(type(one) is np.ndarray for one in found):
            return function(*(np.array(one) if type(one) is list else one for one in found))
        width = max(len(one) for one in found if type(one) is list)
        for at, one in enumerate(found):
            if type(one) is list and len(one) != width:
                if len(one) != 1 or not broadcasts:
                    raise values.refused(one)
                found[at] = one * width
        return list(map(function, *(one if type(one) is list else repeat(one) for one in found)))

    if isinstance(table, Array):
        return replace(table, of=lambda v: made(v, of(v)), is_alike=True)

    def in_frame(v: Variables) -> dict[str, Any]:
        row = of(v)
        return dict(zip(row, made(v, list(row.values())), strict=True))

    return Frame(in_frame)


def _of_cells(function: Callable[..., Any], of: list[Found]) -> Cell:
    if len(of) == 1:
        (only,) = of
        return Cell(lambda v: function(only(v)))
    if len(of) == 2:
        one, other = of
        return Cell(lambda v: function(one(v), other(v)))
    return Cell(lambda v: function(*[one(v) for one in of]))


def _side(part: Any, table: Frame | Array) -> Any:
    """Return what gives a value for each column, or the same one without end."""
    if isinstance(part, Array):
        return alike(part)
    if isinstance(part, Cell):
        raise NotTold  # NumPy lays one dimension along the columns
    if isinstance(part, Known) and type(part.value).__name__ == "Series":
        return _by_name(part.value, table)
    listed = numbers_in(part)
    if listed is not None:
        return lambda _: listed
    return repeat(operand(part)({}))


def _by_name(series: Any, table: Frame | Array) -> Found:
    """Return the values of a series, which pandas finds by the names of the columns."""
    worth = values.items_of(series)
    if worth is None or not isinstance(table, Frame):
        raise NotTold
    listed = [values.plain(value) for value in worth.values()]

    def of_names(v: Variables) -> list[Any]:
        if list(table.of(v)) != list(worth):
            raise values.refused(series)
        return listed

    return of_names


def numbers_in(found: Any) -> list[Any] | None:
    """Return known numbers, one for each column, as an array of them holds them; None for others.

    An array of one row is taken as its row.
    """
    if not isinstance(found, Known) or type(found.value) not in (np.ndarray, list, tuple):
        return None
    array = np.asarray(found.value)
    if array.ndim == 2 and len(array) == 1:
        array = array[0]
    if array.ndim != 1 or array.dtype not in (np.float64, np.int64) or not len(array):
        raise NotTold
    numbers: list[Any] = array.tolist()
    return numbers


def alike(array: Array) -> Found:
    """Return what gives an array of numbers, of one row as a list of values."""
    of = array.of
    return of if array.is_alike else lambda v: alike_values(of(v))


def part_of(found: Array | Cell, keys: list[Any]) -> Array | Cell:
    """Return columns of an array by what stands behind ``:,`` in brackets."""
    if keys and is_known(keys[-1], type(None)):
        column = part_of(found, keys[:-1]) if keys[1:] else found
        if not isinstance(column, Cell):
            raise NotTold
        return Array(lambda v: _as_column(column.of(v)), is_alike=True)
    if type(found) is not Array or len(keys) != 1 or not isinstance(keys[0], Known):
        raise NotTold
    of, key = alike(found), keys[0].value
    if type(key) in (int, np.int64):
        return Cell(lambda v: _columns(of(v), key))
    if not isinstance(key, slice):
        key = key.tolist() if type(key) is np.ndarray else list(known(keys[0], list, tuple, range))
        if not key or set(map(type, key)) not in ({bool}, {int}):
            raise NotTold
    return Array(lambda v: _columns(of(v), key), is_alike=True)


def _columns(row: Any, key: Any) -> Any:
    """Return ``[:, key]`` of an array, or of its one row."""
    if type(row) is np.ndarray:
        return row[:, key]
    if type(key) is not list:
        return row[key]
    if type(key[0]) is bool:
        return [value for is_there, value in zip(key, row, strict=True) if is_there]
    return [row[place] for place in key]


def _as_column(value: Any) -> Any:
    """Return ``[:, None]`` of a column, or of its one value."""
    return value[:, None] if type(value) is np.ndarray else [value]


def shape_of(found: Array | Cell) -> Several:
    """Return the shape of an array."""
    if isinstance(found, Cell):
        return Several((RowCount(),))
    of = alike(found)
    return Several((RowCount(), Item(lambda v: _width(of(v)))))


def _width(row: Any) -> int:
    return len(row) if type(row) is list else int(row.shape[1])


def filled_with(value: Any, shape: Any) -> Array | Cell:
    """Return an array of one value for each row, or of some."""
    if isinstance(shape, RowCount):
        shape = Several((shape,))
    if not isinstance(shape, Several) or not isinstance(shape.items[0], RowCount):
        raise NotTold
    number = values.number(value)
    if len(shape.items) == 1:
        return Cell(lambda _: number)
    _, width = shape.items
    n_columns = known(width, int)
    return Array(lambda _: [number] * n_columns, is_alike=True)


def total(found: Array, how: str, given: Given) -> Cell | Array:
    """Return the sum, mean, largest or smallest of each row of an array."""
    refuse_others(given, "axis", "keepdims")
    if known(given.get("axis"), int) not in (1, -1) or type(found) is not Array:
        raise NotTold
    of = alike(found)
    if known(given.get("keepdims", Known(False)), bool):
        return Array(lambda v: _as_column(row_total(of(v), how)), is_alike=True)
    return Cell(lambda v: row_total(of(v), how))


def of_array(array: Array, method: str, given: Given) -> Any:
    """Return what a method of an array returns, which is one of a data frame too."""
    if type(array) is not Array:
        raise NotTold
    if method in _TOTALS:
        return total(array, method, given)
    match method:
        case "copy":
            refuse_others(given)
            return array  # no function here changes one in place
        case "reshape":
            first, width = given.get("0"), given.get("1")
            if isinstance(first, RowCount) and known(width, int) == -1 and len(given) == 2:
                return array
            return _column_of(array, given)
    raise NotTold


def _column_of(array: Array, given: Given) -> Array:
    """Return ``reshape(-1, 1)`` of an array, where it has one column."""
    if [known(given[at], int) for at in sorted(given)] != [-1, 1]:
        raise NotTold
    of = alike(array)

    def same(v: Variables) -> Any:
        row = of(v)
        if _width(row) != 1:
            raise values.refused(row)
        return row

    return replace(array, of=same, is_alike=True)
