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
    Variables,
    each,
    known,
    operand,
    plain_number,
    refuse_others,
)
from ._stems import remembering_stems


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
        case "numpy", "clip":
            refuse_others(given, "0", "1", "2", "a_min", "a_max")
            low, high = given.get("1", given.get("a_min")), given.get("2", given.get("a_max"))
            return _clipped(given.get("0"), low, high)
        case "numpy", "digitize":
            refuse_others(given, "0", "1", "bins")
            edges = _edges(given.get("1", given.get("bins")))
            of = _column(given.get("0"))
            return Cell(lambda v: values.bin_of(of(v), edges))
        case "numpy", "asarray" | "array" if isinstance(given.get("0"), (Frame, Array)):
            refuse_others(given, "0", "dtype")
            return _array_of(given.get("0"), given.get("dtype"))
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
        case "numpy", "ravel" if set(given) == {"0"} and isinstance(given["0"], (Frame, Array)):
            return raveled(given["0"])
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
    """Return a column to each value of which a function, or a type of Python's, was applied."""
    if function in (str, int, float):
        return Cell(lambda v: values.as_type(cell.of(v), function.__name__))
    if not callable(function) or isinstance(function, (type, np.ufunc)):
        raise NotTold
    of, function = cell.of, remembering_stems(function)
    return Cell(lambda v: values.called(of(v), function))


def raveled(array: Array | Frame) -> Cell:
    """Return the values of an array or a data frame of one column, which has one dimension then."""
    of = _listed(array)

    def only(v: Variables) -> Any:
        found = of(v)
        if len(found) != 1:
            raise values.refused(found)
        return found[0]

    return Cell(only)


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


def _array_of(found: Any, dtype: Any) -> Array:
    """Return the values of a data frame as an array: as they are, or as floats."""
    as_floats = dtype is not None
    if as_floats and known(dtype, type, str) not in (float, "float", "float64", np.float64):
        raise NotTold
    part = _listed(found) if isinstance(found, (Frame, Array)) else None
    if part is None:
        raise NotTold

    def of_row(v: Any) -> list[Any]:
        row = values.of_one(part(v))
        return [values.as_type(value, "float") for value in row] if as_floats else row

    return Array(of_row)


def _bounds(found: Any) -> list[Any] | Found | None:
    """Return bounds: one for each column, what gives one for all, or None for none."""
    if found is None or (isinstance(found, Known) and found.value is None):
        return None
    if isinstance(found, Known) and type(found.value) is np.ndarray:
        if found.value.ndim != 1 or np.isnan(found.value).any():
            raise NotTold
        listed: list[Any] = found.value.tolist()
        return listed
    return operand(found)


def _clipped(found: Any, low: Any, high: Any) -> Any:
    """Return ``numpy.clip``."""
    lower, upper = _bounds(low), _bounds(high)

    def at(bound: Any, place: int, v: Any) -> Any:
        return bound[place] if isinstance(bound, list) else bound and bound(v)

    def clipped(one: Any, place: int, v: Any) -> Any:
        return values.clipped(one, at(lower, place, v), at(upper, place, v))

    if isinstance(found, Cell) and list not in (type(lower), type(upper)):
        return Cell(lambda v: clipped(found.of(v), 0, v))
    if isinstance(found, Frame):
        return Frame(
            lambda v: {
                name: clipped(one, at, v) for at, (name, one) in enumerate(found.of(v).items())
            }
        )
    if isinstance(found, Array):
        return Array(lambda v: [clipped(one, at, v) for at, one in enumerate(found.of(v))])
    raise NotTold


def _edges(found: Any) -> list[Any]:
    edges = [plain_number(edge) for edge in known(found, list, tuple)]
    if any(a >= b for a, b in itertools.pairwise(edges)):
        raise NotTold
    return edges


def _cut(given: Given) -> Cell:
    refuse_others(given, "0", "1", "bins", "labels", "right", "include_lowest")
    first = given.get("0")
    bins = _edges(given.get("1", given.get("bins")))
    labels = known(given.get("labels"), list, tuple, bool)
    right = known(given.get("right", Known(True)), bool)
    lowest = known(given.get("include_lowest", Known(False)), bool)
    if labels is True or (labels is not False and len(labels) != len(bins) - 1):
        raise NotTold
    if not isinstance(first, Cell):
        raise NotTold
    return Cell(lambda v: values.cut(first.of(v), bins, labels, right, lowest))
