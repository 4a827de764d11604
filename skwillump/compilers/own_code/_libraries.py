"""Functions of pandas' and numpy's, of one row."""

import itertools
from typing import Any

import numpy as np

from . import _values as values
from ._kinds import (
    Array,
    Cell,
    Found,
    Frame,
    Given,
    Known,
    NotTold,
    Several,
    Unnamed,
    each,
    known,
    operand,
    plain_number,
    refuse_others,
)


def of_library(function: Any, given: Given) -> Any:
    """Return what a function of pandas' or numpy's returns; None if it is none of those known."""
    if isinstance(function, np.ufunc):
        return _of_ufunc(function, given)
    name = getattr(function, "__name__", "")
    match (getattr(function, "__module__", None) or "").partition(".")[0], name:
        case "numpy", "where":
            refuse_others(given, "0", "1", "2")
            condition, one, other = (operand(given[at]) for at in ("0", "1", "2"))
            return Cell(lambda v: values.chosen(condition(v), one(v), other(v)))
        case "numpy", "column_stack" | "hstack" | "concatenate":
            if name == "concatenate" and known(given.pop("axis", None), int) != 1:
                raise NotTold
            refuse_others(given, "0")
            found = given.get("0")
            if not isinstance(found, Several):
                raise NotTold
            if name != "column_stack" and any(isinstance(one, Cell) for one in found.items):
                raise NotTold
            return beside(found.items)
        case ("pandas", "Series") | ("numpy", "array" | "asarray" | "ravel") if set(given) == {
            "0"
        } and isinstance(given["0"], Cell):
            return given["0"]
        case "pandas", "DataFrame":
            return _frame_of(given)
        case "pandas", "concat":
            return _joined(given)
        case "pandas", "to_datetime":
            refuse_others(given, "0", "errors")
            first = given.get("0")
            if not isinstance(first, Cell):
                raise NotTold
            return Cell(lambda v: values.date_of(first.of(v), function))
        case "pandas", "cut":
            return _cut(given)
    return None


def _of_ufunc(function: np.ufunc, given: Given) -> Any:
    if function not in values.UFUNCS or len(given) != function.nin:
        raise NotTold
    first = given.get("0")
    if isinstance(first, Frame) and function.nin == 1:
        return each(first, lambda value: values.applied(function, value))
    operands = [operand(given[str(at)]) for at in range(function.nin)]
    if all(isinstance(one, Known) for one in given.values()):
        return Known(values.applied(function, *(one({}) for one in operands)))
    return Cell(lambda v: values.applied(function, *(one(v) for one in operands)))


def mapped(cell: Cell, function: Any) -> Cell:
    """Return a column to each value of which a function of the user's own was applied."""
    if not callable(function) or isinstance(function, (type, np.ufunc)):
        raise NotTold
    of = cell.of
    return Cell(lambda v: values.called(of(v), function))


def beside(items: tuple[Any, ...]) -> Array:
    """Return columns, data frames and arrays side by side, as an array."""
    parts: list[Found] = []
    for item in items:
        parts.append(_listed(item))
    return Array(lambda v: [value for part in parts for value in part(v)])


def _listed(item: Any) -> Found:
    of = getattr(item, "of", None)
    if isinstance(item, Cell):
        return lambda v: [item.of(v)]
    if isinstance(item, Frame):
        return lambda v: list(item.of(v).values())
    if isinstance(item, Array) and of is not None:
        return item.of
    raise NotTold


def _frame_of(given: Given) -> Frame | Unnamed:
    refuse_others(given, "0", "index")
    found = given.get("0")
    if isinstance(found, Cell):
        return Unnamed(lambda v: [found.of(v)])
    if found is None:
        return Frame(lambda _: {})
    if isinstance(found, Frame):
        return Frame(lambda v: dict(found.of(v)))
    if not isinstance(found, Several) or len(found.names) != len(found.items):
        raise NotTold
    worth = list(zip(found.names, map(operand, found.items), strict=True))
    if not any(isinstance(item, Cell) for item in found.items):
        raise NotTold
    return Frame(lambda v: {name: value(v) for name, value in worth})


def _joined(given: Given) -> Frame:
    refuse_others(given, "0", "axis")
    found = given.get("0")
    if known(given.get("axis"), int, str) not in (1, "columns") or not isinstance(found, Several):
        raise NotTold
    if not all(isinstance(item, Frame) for item in found.items):
        raise NotTold

    def joined(v: Any) -> dict[str, Any]:
        row: dict[str, Any] = {}
        n_columns = 0
        for item in found.items:
            part = item.of(v)
            n_columns += len(part)
            row |= part
        if len(row) < n_columns:
            raise KeyError("two columns of one name")
        return row

    return Frame(joined)


def _cut(given: Given) -> Cell:
    refuse_others(given, "0", "1", "bins", "labels", "right", "include_lowest")
    first = given.get("0")
    bins = [plain_number(edge) for edge in known(given.get("1", given.get("bins")), list, tuple)]
    labels = known(given.get("labels"), list, tuple, bool)
    right = known(given.get("right", Known(True)), bool)
    lowest = known(given.get("include_lowest", Known(False)), bool)
    if labels is True or (labels is not False and len(labels) != len(bins) - 1):
        raise NotTold
    if not isinstance(first, Cell) or any(a >= b for a, b in itertools.pairwise(bins)):
        raise NotTold
    return Cell(lambda v: values.cut(first.of(v), bins, labels, right, lowest))
