"""Methods of data frames and of columns, of one row."""

import math
from collections.abc import Callable
from types import FunctionType
from typing import Any

import numpy as np

from . import _arrays as arrays, _values as values
from ._arrays import by_column
from ._bytecode import same_code
from ._kinds import (
    HAS_INDEX,
    Accessor,
    Array,
    Cell,
    Found,
    Frame,
    Given,
    Item,
    Known,
    NotTold,
    Records,
    Unnamed,
    each,
    is_known,
    key_of,
    known,
    names_in,
    operand,
    refuse_others,
)
from ._libraries import mapped
from ._numpy import clipped, raveled
from ._texts import part_at, text_method

_TYPES = {int: "int", float: "float", str: "str", "int": "int", "float": "float", "str": "str"}
_TYPES |= {object: "object", "object": "object", "O": "object"}
_TYPES |= {"U": "str", "int64": "int", "float64": "float", np.int64: "int", np.float64: "float"}
"""What ``astype`` may be given."""

_SAME_CELL = {"copy", "to_numpy", "ravel", "tolist", "to_list", "flatten", "squeeze"}


def of_frame(frame: Frame, method: str, given: Given) -> Any:
    """Return what a method of a data frame returns."""
    of = frame.of
    match method:
        case "copy":
            refuse_others(given, "deep")
            return Frame(lambda v: dict(of(v)))
        case "reset_index":
            refuse_others(given, "drop")
            if known(given.get("drop"), bool) is not True:
                raise NotTold
            return Frame(lambda v: _relabelled(v, of))
        case "drop":
            refuse_others(given, "0", "axis", "columns", "errors")
            return _dropped(frame, given)
        case "assign":
            return _assigned(frame, given)
        case "rename":
            refuse_others(given, "columns")
            new = known(given.get("columns"), dict)
            return Frame(lambda v: _renamed(of(v), new))
        case "fillna":
            return _filled(frame, given)
        case "astype":
            refuse_others(given, "0")
            kind = _type(given.get("0"))
            return each(frame, lambda value: values.as_type(value, kind))
        case "replace":
            refuse_others(given, "0")
            table = _table(given.get("0"))
            return each(frame, lambda value: values.replaced(value, table))
        case "clip":
            return _clipped(frame, given)
        case "isna" | "isnull":
            refuse_others(given)
            return each(frame, values.is_missing)
        case "notna" | "notnull":
            refuse_others(given)
            return each(frame, lambda value: not values.is_missing(value))
        case "sum" | "mean" | "max" | "min" | "any" | "all":
            refuse_others(given, "axis")
            if known(given.get("axis"), int, str) not in (1, "columns"):
                raise NotTold
            return Cell(lambda v: values.total(list(of(v).values()), method))
        case "to_numpy":
            refuse_others(given)
            return Array(lambda v: list(of(v).values()))
        case "to_dict":
            refuse_others(given, "0", "orient")
            if known(given.get("0", given.get("orient")), str) != "records":
                raise NotTold
            return Records(of)
        case "apply" | "agg":
            refuse_others(given, "0", "axis")
            if known(given.get("axis"), int, str) not in (1, "columns"):
                raise NotTold
            between = _joined_by(getattr(given.get("0"), "value", None))
            return Cell(lambda v: values.joined(between, of(v).values()))
        case "get":
            refuse_others(given, "0")
            name = known(given.get("0"), str)
            return Cell(lambda v: of(v)[name])
        case "pop":
            refuse_others(given, "0")
            key = key_of(given.get("0"))
            return Cell(lambda v: of(v).pop(key(v)))
    raise NotTold


def _joined_by(function: Any) -> str:
    """Return the text between the texts that a function joins."""
    owner = getattr(function, "__self__", None)
    if type(owner) is str and function.__name__ == "join":
        return owner
    if not isinstance(function, FunctionType):
        raise NotTold
    code = function.__code__
    for between in code.co_consts:
        if type(between) is str and code.co_argcount == 1:
            name = code.co_varnames[0]
            other = eval(f"lambda {name}: {between!r}.join({name})")
            if same_code(other.__code__, code):
                return between
    raise NotTold


def _relabelled(v: Any, of: Found) -> dict[str, Any]:
    """Return a data frame whose rows are counted: columns of the one before would not fit it."""
    if v.get(HAS_INDEX):
        raise values.refused(v)
    return dict(of(v))


def _dropped(frame: Frame, given: Given) -> Frame:
    of, found = frame.of, given.get("columns", given.get("0"))
    if "columns" not in given and known(given.get("axis"), int, str) not in (1, "columns"):
        raise NotTold
    ignored = is_known(given.get("errors"), str) and given["errors"].value == "ignore"
    if isinstance(found, Item):
        listed = found.of
    else:
        names = names_in(found)
        listed = lambda _: names  # noqa: E731

    def dropped(v: Any) -> dict[str, Any]:
        row = dict(of(v))
        gone = listed(v)
        for name in [gone] if type(gone) is str else gone:
            if ignored:
                row.pop(name, None)
            else:
                del row[name]
        return row

    return Frame(dropped)


def _assigned(frame: Frame, given: Given) -> Frame:
    """Return ``frame.assign``; functions among what is given were read as functions of frames."""
    of = frame.of
    slot = -id(given)  # of a variable that no function has
    current = Frame(lambda v: v[slot])
    worth: list[tuple[str, Found]] = []
    for name, found in given.items():
        if name.isdigit():
            raise NotTold
        worth.append((name, operand(found(current) if callable(found) else found)))

    def assigned(v: Any) -> dict[str, Any]:
        v[slot] = row = dict(of(v))
        for name, value in worth:
            row[name] = value(v)
        return row

    return Frame(assigned)


def _renamed(row: dict[str, Any], new: dict[str, str]) -> dict[str, Any]:
    made = {new.get(name, name): value for name, value in row.items()}
    if len(made) < len(row):
        raise KeyError("two columns of one name")
    return made


def _filled(frame: Frame, given: Given) -> Frame:
    refuse_others(given, "0", "value")
    of, found = frame.of, given.get("0", given.get("value"))
    if is_known(found, bool, int, float, str):
        return each(frame, lambda value: values.filled(value, found.value))  # type: ignore[union-attr]
    table = _table(found)

    def filled(v: Any) -> dict[str, Any]:
        return {
            name: values.filled(value, table[name]) if name in table else value
            for name, value in of(v).items()
        }

    return Frame(filled)


def _clipped(frame: Frame, given: Given) -> Frame:
    refuse_others(given, "0", "1", "lower", "upper", "axis")
    of = frame.of
    bounds = [
        None if (found := given.get(at_place, given.get(at_name))) is None else _bound(found)
        for at_place, at_name in (("0", "lower"), ("1", "upper"))
    ]
    by_name = any(isinstance(bound, dict) for bound in bounds)
    if by_name and known(given.get("axis"), int, str) not in (1, "columns"):
        raise NotTold

    def at(bound: Any, name: str) -> Any:
        return bound[name] if isinstance(bound, dict) else bound

    def clipped(v: Any) -> dict[str, Any]:
        return {
            name: values.clipped(value, at(bounds[0], name), at(bounds[1], name))
            for name, value in of(v).items()
        }

    return Frame(clipped)


def _bound(found: Any) -> Any:
    return found.value if is_known(found, int, float, np.float64) else _table(found)


def _table(found: Any) -> dict[Any, Any]:
    """Return a known dict, or series, that is looked up in."""
    table = values.items_of(found.value) if isinstance(found, Known) else None
    if table is None:
        raise NotTold
    return table


def _type(found: Any) -> str:
    try:
        return _TYPES[found.value]
    except (AttributeError, KeyError, TypeError):
        raise NotTold from None


def of_cell(cell: Cell, method: str, given: Given) -> Any:
    """Return what a method of a column returns."""
    of = cell.of
    if method in _SAME_CELL and not given:
        return cell
    first = given.get("0")
    match method:
        case "fillna":
            refuse_others(given, "0", "value")
            new = operand(given.get("0", given.get("value")))
            return Cell(lambda v: values.filled(of(v), new(v)))
        case "map" | "replace" | "apply" if isinstance(first, Item) and len(given) == 1:
            return _looked_up_later(of, first.of, method)
        case "map" | "apply" if set(given) == {"0"} and callable(getattr(first, "value", None)):
            return mapped(cell, first.value)  # type: ignore[union-attr]
        case "map":
            refuse_others(given, "0")
            table = _table(first)
            return Cell(lambda v: values.looked_up(of(v), table))
        case "replace":
            refuse_others(given, "0", "1")
            table = _table(first if "1" not in given else _pair(given))
            return Cell(lambda v: values.replaced(of(v), table))
        case "astype":
            refuse_others(given, "0")
            kind = _type(first)
            return Cell(lambda v: values.as_type(of(v), kind))
        case "to_numpy":
            refuse_others(given, "dtype")
            kind = _type(given.get("dtype"))
            return Cell(lambda v: values.as_type(of(v), kind))
        case "where" | "mask":
            refuse_others(given, "0", "1", "other")
            if not isinstance(first, Cell):
                raise NotTold
            test, new = first.of, operand(given.get("1", given.get("other", Known(math.nan))))
            if method == "where":
                return Cell(lambda v: values.chosen(test(v), of(v), new(v)))
            return Cell(lambda v: values.chosen(test(v), new(v), of(v)))
        case "isin":
            refuse_others(given, "0")
            among = known(first, list, tuple, set, frozenset, dict)
            if not all(type(value) in (int, float, str) for value in among):
                raise NotTold
            return Cell(lambda v: values.is_among(of(v), among))
        case "isna" | "isnull":
            refuse_others(given)
            return Cell(lambda v: values.is_missing(of(v)))
        case "notna" | "notnull":
            refuse_others(given)
            return Cell(lambda v: not values.is_missing(of(v)))
        case "abs":
            refuse_others(given)
            return Cell(lambda v: values.applied(np.abs, of(v)))
        case "round":
            refuse_others(given, "0", "decimals")
            decimals = known(given.get("0", given.get("decimals", Known(0))), int)
            return Cell(lambda v: values.rounded(of(v), decimals))
        case "clip":
            refuse_others(given, "0", "1", "lower", "upper")
            none: Any = lambda _: None  # noqa: E731
            low = given.get("0", given.get("lower"))
            high = given.get("1", given.get("upper"))
            lower = none if low is None or is_known(low, type(None)) else operand(low)
            upper = none if high is None or is_known(high, type(None)) else operand(high)
            return Cell(lambda v: values.clipped(of(v), lower(v), upper(v)))
        case "between":
            refuse_others(given, "0", "1")
            low, high = operand(first), operand(given.get("1"))
            return Cell(
                lambda v: (
                    values.combined("GtE", of(v), low(v)) & values.combined("LtE", of(v), high(v))
                )
            )
        case "to_frame":
            refuse_others(given)
            return Unnamed(lambda v: [of(v)])
        case "reshape":
            if [known(given.get(at), int) for at in sorted(given)] != [-1, 1]:
                raise NotTold
            return Array(lambda v: [of(v)])
    raise NotTold


def _pair(given: Given) -> Known:
    old, new = (known(given[at], int, float, str) for at in ("0", "1"))
    return Known({old: new})


def _looked_up_later(of: Found, table_of: Found, method: str) -> Cell:
    """Return a column that is looked up in a table, or given to a function, known with the row."""
    seen: dict[int, Any] = {}  # by identity: a table belongs to the estimator
    look_up = values.looked_up if method == "map" else values.replaced

    def looked_up(v: Any) -> Any:
        table = table_of(v)
        if method != "replace" and isinstance(table, FunctionType):
            return values.called(of(v), table)
        if method == "apply":
            raise values.refused(table)
        found = seen.get(id(table))
        if found is None:
            items = values.items_of(table)
            if items is None:
                raise values.refused(table)
            found = seen[id(table)] = (items, table)
        return look_up(of(v), found[0])

    return Cell(looked_up)


def of_accessor(accessor: Accessor, method: str, given: Given) -> Any:
    """Return what a method of ``.str`` or ``.dt`` returns."""
    if not isinstance(accessor.base, Cell):
        raise NotTold
    of = accessor.base.of
    if accessor.name == "dt":
        refuse_others(given)
        if method != "total_seconds":
            raise NotTold
        return Cell(lambda v: values.seconds(of(v)))
    function = text_method(method, {name: known(one, str, bool) for name, one in given.items()})
    if function is None:
        raise NotTold
    return Cell(lambda v: values.of_text(function, of(v)))


def part_of_text(found: Any, at: int | slice) -> Cell:
    """Return ``column.str[at]``."""
    if not isinstance(found, Cell):
        raise NotTold
    of, function = found.of, part_at(at)
    return Cell(lambda v: values.of_text(function, of(v)))


def date_part(cell: Cell, name: str) -> Cell:
    """Return ``column.dt.name``."""
    of = cell.of
    if not values.is_date_part(name):
        raise NotTold
    return Cell(lambda v: values.date_part(of(v), name))


def of_array(array: Array, method: str, given: Given) -> Any:
    """Return what a method of an array, or of a data frame without names, returns."""
    if method in ("ravel", "flatten") and not given:
        return raveled(array)
    if isinstance(array, Unnamed):
        if given or method != "to_numpy":
            raise NotTold
        return Array(array.of)
    match method:
        case "astype":
            refuse_others(given, "0")
            kind = _type(given.get("0"))
            return by_column(lambda value: values.as_type(value, kind), array)
        case "clip":
            refuse_others(given, "0", "1", "min", "max")
            low, high = given.get("0", given.get("min")), given.get("1", given.get("max"))
            return clipped(array, low, high)
        case "round":
            refuse_others(given, "0", "decimals")
            decimals = known(given.get("0", given.get("decimals", Known(0))), int)
            return by_column(lambda value: values.rounded(value, decimals), array)
    return arrays.of_array(array, method, given)


OF_KINDS: dict[type, Callable[[Any, str, Given], Any]] = {
    Frame: of_frame,
    Cell: of_cell,
    Accessor: of_accessor,
    Array: of_array,
    Unnamed: of_array,
}
"""What methods return, by the kind of what they are called of."""
