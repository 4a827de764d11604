"""What the names and expressions of a function of the user's own stand for, of one row.

What is known when the function is read is `Known`. All else is a function of the variables of one
row, which are there when a row is.
"""

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ._values import plain

Variables = dict[int, Any]
"""The variables of a function while one row goes through it."""

HAS_INDEX = -1
"""The variable that tells whether rows of a batch have labels that are not their positions."""

Found = Callable[[Variables], Any]
"""What an expression is worth."""


class NotTold(Exception):
    """Source of which it is not known what it does to one row."""


@dataclass(frozen=True)
class Known:
    """A value that does not depend on the row."""

    value: Any


@dataclass(frozen=True)
class Item:
    """A value that is no column, as a name of a column over which a loop goes."""

    of: Found


@dataclass(frozen=True)
class Cell:
    """A column, or an array of one dimension: one value."""

    of: Found


@dataclass(frozen=True)
class Frame:
    """A data frame: a dict."""

    of: Found


@dataclass(frozen=True)
class Names:
    """The columns of a data frame."""

    frame: Frame


@dataclass(frozen=True)
class Array:
    """An array of two dimensions: a list of the values of its one row.

    Of a batch it is an array, or a list of columns and arrays side by side.
    """

    of: Found
    is_alike: bool = False  # whether it is an array of numbers, or numbers of one type


@dataclass(frozen=True)
class RowCount:
    """The number of rows, which no function here learns."""


@dataclass(frozen=True)
class Unnamed(Array):
    """A data frame of columns of whatever names: a list of the values of its one row."""


@dataclass(frozen=True)
class Records:
    """A list of one dict."""

    of: Found


@dataclass(frozen=True)
class Accessor:
    """``column.str``, ``column.dt``, or ``frame.loc``."""

    base: Any
    name: str


@dataclass(frozen=True)
class Several:
    """Some of these, side by side; with names if they are the values of a dict."""

    items: tuple[Any, ...]
    names: tuple[str, ...] = ()


def is_known(found: Any, *kinds: type) -> bool:
    """Tell whether something is a known value of one of some types exactly."""
    return isinstance(found, Known) and type(found.value) in kinds


def known(found: Any, *kinds: type) -> Any:
    """Return a known value of one of some types exactly."""
    if not is_known(found, *kinds):
        raise NotTold
    return found.value


def unindexed(found: Any) -> Any:
    """Return an index of pandas that is known as a list; anything else as it is."""
    is_index = isinstance(found, Known) and type(found.value).__name__ == "Index"
    return Known(found.value.tolist()) if is_index else found


def names_in(found: Any) -> list[str]:
    """Return known names of columns."""
    found = unindexed(found)
    if is_known(found, str):
        return [found.value]
    names = list(known(found, list, tuple))
    if not all(type(name) is str for name in names) or len(set(names)) < len(names):
        raise NotTold
    return names


def key_of(found: Any) -> Found:
    """Return what gives the name of one column."""
    if isinstance(found, Item):
        return found.of
    name = known(found, str)
    return lambda _: name


def operand(found: Any) -> Found:
    """Return what gives one value: that of a column, or a constant."""
    if isinstance(found, Cell):
        return found.of
    value = plain(found.value) if isinstance(found, Known) else None
    if type(value) not in (bool, int, float, str):
        raise NotTold
    return lambda _: value


def each(frame: Frame, function: Callable[[Any], Any]) -> Frame:
    """Return a data frame to each value of which a function was applied."""
    of = frame.of
    return Frame(lambda v: {name: function(value) for name, value in of(v).items()})


Given = dict[str, Any]
"""Arguments of a call by name; those without one by their position."""


def refuse_others(given: Given, *names: str) -> None:
    """Raise `NotTold` for arguments that are not among those of these names."""
    if not set(given) <= set(names):
        raise NotTold


def plain_number(value: Any) -> Any:
    """Return a constant number."""
    if type(value) not in (int, float) or math.isnan(value):
        raise NotTold
    return value


def edges_in(found: Any) -> list[Any]:
    """Return known edges of bins, which rise."""
    edges = [plain_number(edge) for edge in known(found, list, tuple)]
    if any(a >= b for a, b in itertools.pairwise(edges)):
        raise NotTold
    return edges
