"""Functions of numpy's, of columns and of tables."""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from . import _values as values
from ._arrays import by_column, filled_with, of_array, part_of, total
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
    edges_in,
    is_known,
    known,
    operand,
    refuse_others,
)
from ._operators import combined

_UFUNCS = {
    *(np.log, np.log1p, np.log2, np.log10, np.exp, np.expm1, np.sqrt, np.square, np.hypot),
    *(np.sin, np.cos, np.tan, np.arcsin, np.arccos, np.arctan, np.arctan2),
    *(np.radians, np.deg2rad, np.degrees, np.rad2deg),
    *(np.abs, np.fabs, np.sign, np.floor, np.ceil, np.maximum, np.minimum, np.cbrt),
    *(np.tanh, np.fmax, np.fmin, np.isnan, np.isfinite, np.isinf),
}
"""Functions of numpy's of one or two numbers."""

_OPERATOR_OF = {
    np.add: "Add",
    np.subtract: "Sub",
    np.multiply: "Mult",
    np.divide: "Div",
    np.power: "Pow",
    np.greater: "Gt",
    np.greater_equal: "GtE",
    np.less: "Lt",
    np.less_equal: "LtE",
    np.logical_and: "BitAnd",
    np.logical_or: "BitOr",
}
"""Operators of which numpy has a function."""


def of_numpy(function: Any, given: Given) -> Any:
    """Return what a function of numpy's returns; None if it is none of those known."""
    if isinstance(function, np.ufunc):
        return _of_ufunc(function, given)
    first, second = given.get("0"), given.get("1")
    match getattr(function, "__name__", ""):
        case "where":
            refuse_others(given, "0", "1", "2")
            return by_column(values.chosen, *(_as_array(given[at]) for at in ("0", "1", "2")))
        case "clip":
            refuse_others(given, "0", "1", "2", "a_min", "a_max")
            return clipped(first, given.get("a_min", second), given.get("a_max", given.get("2")))
        case "digitize":
            refuse_others(given, "0", "1", "bins")
            edges = edges_in(given.get("bins", second))
            return by_column(lambda value: values.bin_of(value, edges), _as_array(first))
        case "asarray" | "array" | "copy" if isinstance(first, (Frame, Array)):
            refuse_others(given, "0", "dtype")
            return _array_of(first, given.get("dtype"))
        case "array" | "asarray" | "ravel" if set(given) == {"0"} and isinstance(first, Cell):
            return first
        case "ravel" if set(given) == {"0"} and isinstance(first, (Frame, Array)):
            return raveled(first)
        case "column_stack" | "hstack":
            refuse_others(given, "0")
            return _stacked(first, reads_vectors=function is np.column_stack)
        case "concatenate" if _is_second(given.get("axis")):
            refuse_others(given, "0", "axis")
            return _stacked(first, reads_vectors=False)
        case "append" if _is_second(given.get("axis")):
            refuse_others(given, "0", "1", "axis")
            return _stacked(Several((first, second)), reads_vectors=False)
        case "expand_dims" if _is_second(given.get("axis", second)):
            return part_of(first, [Known(None)])  # type: ignore[arg-type]
        case "ones" | "zeros" as name:
            refuse_others(given, "0")
            return filled_with(float(name == "ones"), first)
        case "round" | "around":
            refuse_others(given, "0", "1", "decimals")
            decimals = known(given.get("decimals", given.get("1", Known(0))), int)
            return by_column(lambda value: values.rounded(value, decimals), first)
        case "sum" | "mean" | "max" | "min" | "amax" | "amin" if type(first) is Array:
            how = {np.amax: "max", np.amin: "min"}.get(function, function.__name__)
            return total(first, how, {name: one for name, one in given.items() if name != "0"})
    return None


def _is_second(axis: Any) -> bool:
    """Tell whether an axis is that of columns."""
    return is_known(axis, int) and axis.value in (1, -1)


def _of_ufunc(function: np.ufunc, given: Given) -> Any:
    if set(given) != {str(at) for at in range(function.nin)}:
        raise NotTold
    parts = [given[str(at)] for at in range(function.nin)]
    if function in _OPERATOR_OF:
        return combined(_OPERATOR_OF[function], *parts)
    if function not in _UFUNCS:
        raise NotTold
    if all(isinstance(one, Known) for one in parts):
        return Known(values.applied(function, *(operand(one)({}) for one in parts)))
    return by_column(functools.partial(values.applied, function), *parts)


def clipped(found: Any, low: Any, high: Any) -> Any:
    """Return ``numpy.clip``."""
    bounds = [one for one in (low, high) if one is not None and not is_known(one, type(None))]
    if len(bounds) == 2:
        return by_column(values.clipped, found, *bounds)
    if not bounds:
        raise NotTold
    is_low = bounds[0] is low
    of_value: Callable[[Any, Any], Any] = (
        (lambda value, bound: values.clipped(value, bound, None))
        if is_low
        else (lambda value, bound: values.clipped(value, None, bound))
    )
    return by_column(of_value, found, bounds[0])


def raveled(array: Array | Frame) -> Cell:
    """Return the values of an array or a data frame of one column, which has one dimension then."""
    of = _listed(array)

    def only(v: Variables) -> Any:
        found = of(v)
        if type(found) is np.ndarray:
            found = list(found.T)
        if len(found) != 1 or np.ndim(found[0]) > 1:
            raise values.refused(found)
        return found[0]

    return Cell(only)


def beside(items: tuple[Any, ...]) -> Array:
    """Return columns, data frames and arrays side by side, as an array."""
    parts = [_listed(item) for item in items]

    def made(v: Variables) -> list[Any]:
        found: list[Any] = []
        for part in parts:
            one = part(v)
            found += one if type(one) is list else [one]
        return found

    return Array(made)


def _stacked(found: Any, *, reads_vectors: bool) -> Array:
    if not isinstance(found, Several):
        raise NotTold
    if not reads_vectors and any(isinstance(one, Cell) for one in found.items):
        raise NotTold
    return beside(found.items)


def _listed(item: Any) -> Found:
    of: Found | None = getattr(item, "of", None)
    if isinstance(item, Cell):
        return lambda v: [item.of(v)]
    if isinstance(item, Frame):
        return lambda v: list(item.of(v).values())
    if isinstance(item, Array) and of is not None:
        return of
    raise NotTold


def _as_array(found: Any) -> Any:
    return Array(_listed(found)) if isinstance(found, (Frame, Unnamed)) else found


def _array_of(found: Frame | Array, dtype: Any) -> Array:
    """Return the values of a data frame or an array: as they are, or as floats."""
    if dtype is not None and known(dtype, type, str) not in (float, "float", "float64", np.float64):
        raise NotTold
    if type(found) is Array:
        if dtype is None:
            return of_array(found, "copy", {})
        return by_column(lambda value: values.as_type(value, "float"), found)  # type: ignore[return-value]
    part = _listed(found)

    def of_row(v: Any) -> list[Any]:
        row = values.of_one(part(v))
        return [values.as_type(value, "float") for value in row] if dtype is not None else row

    return Array(of_row)
