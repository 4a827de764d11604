"""Functions of pandas', of one row."""

from typing import Any

import numpy as np

from . import _values as values
from ._kinds import (
    Cell,
    Found,
    Frame,
    Given,
    Known,
    NotTold,
    Several,
    Unnamed,
    edges_in,
    known,
    operand,
    refuse_others,
)
from ._numpy import of_numpy
from ._stems import remembering_stems


def of_library(function: Any, given: Given) -> Any:
    """Return what a function of pandas' or numpy's returns; None if it is none of those known."""
    name = getattr(function, "__name__", "")
    library = (getattr(function, "__module__", None) or "").partition(".")[0]
    if library == "numpy" or isinstance(function, np.ufunc):
        return of_numpy(function, given)
    match library, name:
        case "pandas", "Series" if set(given) == {"0"} and isinstance(given["0"], Cell):
            return given["0"]
        case "pandas", "DataFrame":
            return _frame_of(given)
        case "pandas", "concat":
            return _joined(given)
        case "pandas", "to_datetime":
            refuse_others(given, "0", "errors")
            date = _column(given.get("0"))
            return Cell(lambda v: values.date_of(date(v), function))
        case "pandas", "to_numeric":
            refuse_others(given, "0", "errors")
            if known(given.get("errors"), str) != "coerce":
                raise NotTold
            text = _column(given.get("0"))
            return Cell(lambda v: values.as_number(text(v)))
        case "pandas", "cut":
            return _cut(given)
    return None


def _column(found: Any) -> Found:
    if not isinstance(found, Cell):
        raise NotTold
    return found.of


def mapped(cell: Cell, function: Any) -> Cell:
    """Return a column to each value of which a function, or a type of Python's, was applied."""
    if function in (str, int, float):
        return Cell(lambda v: values.as_type(cell.of(v), function.__name__))
    if not callable(function) or isinstance(function, (type, np.ufunc)):
        raise NotTold
    of, function = cell.of, remembering_stems(function)
    return Cell(lambda v: values.called(of(v), function))


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
    bins = edges_in(given.get("1", given.get("bins")))
    labels = known(given.get("labels"), list, tuple, bool)
    right = known(given.get("right", Known(True)), bool)
    lowest = known(given.get("include_lowest", Known(False)), bool)
    if labels is True or (labels is not False and len(labels) != len(bins) - 1):
        raise NotTold
    if not isinstance(first, Cell):
        raise NotTold
    return Cell(lambda v: values.cut(first.of(v), bins, labels, right, lowest))
