"""Operators of a function of the user's own, between names, constants and columns of one row."""

import functools
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from . import _values as values
from ._arrays import by_column
from ._kinds import (
    Array,
    Cell,
    Found,
    Frame,
    Item,
    Known,
    Names,
    NotTold,
    Several,
    Variables,
    is_known,
    key_of,
    known,
    names_in,
    operand,
    unindexed,
)


def not_told() -> Any:
    raise NotTold


def worth_of(found: Any) -> Any:
    return found.value if isinstance(found, Known) else not_told()


def found_of(one: Known | Item) -> Found:
    if isinstance(one, Item):
        return one.of
    value = one.value
    return lambda _: value


def text_name(name: Any) -> str:
    if type(name) is not str:
        raise values.refused(name)
    return name


def items_in(found: Any) -> Iterator[Any]:
    """Yield what is in something that is known."""
    if isinstance(found, Several) and not found.names:
        yield from found.items
        return
    for value in known(unindexed(found), list, tuple, dict, range):
        yield Known(value)


def side_by_side(items: list[Any], is_tuple: bool) -> Any:
    if all(isinstance(item, Known) for item in items):
        made = [item.value for item in items]
        return Known(tuple(made) if is_tuple else made)
    return Several(tuple(items))


def dict_of(keys: list[Any], items: Iterable[Any]) -> Any:
    found = list(items)
    if all(isinstance(item, Known) for item in found):
        return Known({worth_of(key): item.value for key, item in zip(keys, found, strict=True)})
    return Several(tuple(found), tuple(known(key, str) for key in keys))


def joined_text(parts: list[Any]) -> Any:
    """Return what a text in braces is: of names of columns and constants."""
    if all(is_known(part, str, int) for part in parts):
        return Known("".join(str(part.value) for part in parts))
    of = [
        part.of if isinstance(part, Item) else found_of(Known(known(part, str))) for part in parts
    ]
    return Item(lambda v: "".join(text_name(one(v)) for one in of))


def columns_of(frame: Frame, key: Any) -> Any:
    """Return a column, or columns, of a data frame."""
    of = frame.of
    if isinstance(key, Names):
        listed = key.frame.of

        def of_names(v: Variables) -> dict[str, Any]:
            row = of(v)
            return {name: row[name] for name in listed(v)}

        return Frame(of_names)
    if isinstance(key, Item) or is_known(key, str):
        name = key_of(key)
        return Cell(lambda v: of(v)[text_name(name(v))])
    names = names_in(key)

    def chosen(v: Variables) -> dict[str, Any]:
        row = of(v)
        return {name: row[name] for name in names}

    return Frame(chosen)


def column_at(frame: Frame, place: Any) -> Cell:
    """Return the column of a data frame at a known place."""
    of, at = frame.of, known(place, int)
    return Cell(lambda v: list(of(v).values())[at])


def combined(name: str, one: Any, other: Any) -> Any:
    """Return what an operator makes of two values."""
    if isinstance(one, Known) and isinstance(other, Known):
        if type(one.value) is type(other.value) is list and name == "Add":
            return Known(one.value + other.value)
        made = values.combined(name, *(operand(found)({}) for found in (one, other)))
        return Known(made)
    if isinstance(one, Item) or isinstance(other, Item):
        return joined_text([one, other]) if name == "Add" else not_told()
    if name not in values.OPERATORS:
        raise NotTold
    return by_column(functools.partial(values.combined, name), one, other)


def compared(name: str, one: Any, other: Any) -> Any:
    if name in ("In", "NotIn") and isinstance(other, (Frame, Names)):
        frame = other if isinstance(other, Frame) else other.frame
        key, wanted = key_of(one), name == "In"
        return Item(lambda v: (key(v) in frame.of(v)) is wanted)
    if isinstance(one, (Known, Item)) and isinstance(other, (Known, Item)):
        return _compared_names(name, one, other)
    return combined(name, one, other)


def _compared_names(name: str, one: Known | Item, other: Known | Item) -> Known | Item:
    """Return a comparison of what is no column."""
    tests: dict[str, Callable[[Any, Any], bool]] = {
        "Eq": lambda a, b: a == b,
        "NotEq": lambda a, b: a != b,
        "In": lambda a, b: a in b,
        "NotIn": lambda a, b: a not in b,
        "Is": lambda a, b: a is b,
        "IsNot": lambda a, b: a is not b,
        "Lt": lambda a, b: a < b,
        "LtE": lambda a, b: a <= b,
        "Gt": lambda a, b: a > b,
        "GtE": lambda a, b: a >= b,
    }
    test, first, second = tests[name], found_of(one), found_of(other)
    if isinstance(one, Known) and isinstance(other, Known):
        if any(isinstance(found.value, np.ndarray) for found in (one, other)):
            raise NotTold
        return Known(bool(test(one.value, other.value)))
    return Item(lambda v: test(first(v), second(v)))


def changed(name: str, found: Any) -> Any:
    if name == "Not" and isinstance(found, Known):
        return Known(not found.value)
    if name == "Not" and isinstance(found, Item):
        return Item(lambda v: not found.of(v))
    if name == "USub" and is_known(found, int, float, np.float64, np.ndarray):
        return Known(-found.value)
    function = {"USub": values.negated, "Invert": values.inverted}.get(name)
    if function is None or not isinstance(found, (Cell, Array)):
        raise NotTold
    return by_column(function, found)


def any_or_all(is_any: bool, parts: list[Known | Item]) -> Known | Item:
    """Return whether one of some conditions holds, or all of them."""
    left = [part for part in parts if not isinstance(part, Known)]
    for part in parts:
        if isinstance(part, Known) and bool(part.value) is is_any:
            if part is parts[0] or not left:
                return Known(is_any)
            raise NotTold
    if not left:
        return Known(not is_any)
    tests = [found_of(part) for part in left]
    decide = any if is_any else all
    return Item(lambda v: decide(test(v) for test in tests))


def of_container(container: Any, name: str, given: dict[str, Any]) -> Any:
    """Return what a method of a known dict or list returns."""
    if type(container) is dict and name in ("items", "keys", "values") and not given:
        return Known(list(getattr(container, name)()))
    if type(container) is dict and name == "get" and set(given) <= {"0", "1"}:
        default = worth_of(given.get("1", Known(None)))
        if isinstance(given["0"], Known):
            return Known(container.get(given["0"].value, default))
        if isinstance(given["0"], Item):
            of = given["0"].of
            return Item(lambda v: container.get(of(v), default))
    raise NotTold


def is_no_attribute(name: str) -> bool:
    """Whether a data frame has an attribute of a name only if it is a column."""
    pandas = sys.modules.get("pandas")
    known = pandas is not None and hasattr(pandas.DataFrame, name)
    return pandas is not None and not known and name not in ("str", "dt")  # of series
