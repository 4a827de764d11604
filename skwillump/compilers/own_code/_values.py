"""What pandas makes of the values of one row, in Python alone; of a batch, see `_column_values`.

Columns of one row hold one value each. What is done to such columns here is done to their values,
where pandas is sure to do the same: an operation refuses values of which it may think otherwise.
"""

import bisect
import math
import operator
import re
from collections.abc import Callable, Collection, Mapping
from typing import Any

import numpy as np

from .._features import EXACT_INTEGERS
from . import _column_values as columns
from ._columns import COLUMNS, called as called_by_column, each as each_value, refused

NUMBERS = {bool, int, float}
"""Types of the numbers that are computed with."""

PLAIN = {*NUMBERS, str, type(None)}
"""Types of values that need no conversion."""

_LARGEST_SHORT = 2**31
"""Integers from here on do not fit into int32, which parts of dates are."""

_ISO = re.compile(r"\d{4}-\d\d-\d\d(?:[ T]\d\d:\d\d(?::\d\d)?)?")
"""Dates that are read alike with and without others beside them."""

_ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "Add": operator.add,
    "Sub": operator.sub,
    "Mult": operator.mul,
}

_DOUBLES = {"Add": np.add, "Sub": np.subtract, "Mult": np.multiply}

_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "Eq": operator.eq,
    "NotEq": operator.ne,
    "Lt": operator.lt,
    "LtE": operator.le,
    "Gt": operator.gt,
    "GtE": operator.ge,
}

_LOGIC: dict[str, Callable[[bool, bool], bool]] = {
    "BitAnd": operator.and_,
    "BitOr": operator.or_,
    "BitXor": operator.xor,
}

OPERATORS = {*_ARITHMETIC, *_COMPARISONS, *_LOGIC, "Div", "Pow"}
"""Names of the operators of two values."""

_DATE_PARTS = {
    "year": "year",
    "month": "month",
    "day": "day",
    "hour": "hour",
    "minute": "minute",
    "second": "second",
    "quarter": "quarter",
    "dayofweek": "day_of_week",
    "day_of_week": "day_of_week",
    "weekday": "day_of_week",
    "dayofyear": "day_of_year",
    "day_of_year": "day_of_year",
}


def plain(value: Any) -> Any:
    """Return a value of a row as Python's own, if it is as precise."""
    if type(value) in PLAIN:
        return value
    if isinstance(value, (np.float64, np.int64, np.bool_, np.str_)):
        return value.item()
    return value  # passed on, and refused by whatever computes


def number(value: Any) -> Any:
    """Return a number; refuse anything else."""
    if type(value) not in NUMBERS:
        raise refused(value)
    return value


def is_missing(value: Any) -> bool:
    """Tell whether a value is missing."""
    if type(value) in COLUMNS:
        return columns.is_missing(value)
    if value is None:
        return True
    if type(value) in NUMBERS or type(value) is str:
        return value != value
    if _is_time(value, "Timestamp"):
        return False
    raise refused(value)


def exact(value: Any) -> Any:
    """Return what was computed; refuse integers that columns may not hold."""
    if type(value) is int and abs(value) >= _LARGEST_SHORT:
        raise refused(value)
    return value


def combined(name: str, one: Any, other: Any) -> Any:
    """Return what an operator makes of two values."""
    if type(one) in COLUMNS or type(other) in COLUMNS:
        return columns.combined(name, one, other, combined)
    if name in _COMPARISONS:
        return _compared(name, one, other)
    kinds = {type(one), type(other)}
    if name in _LOGIC:
        if kinds != {bool}:
            raise refused(one)
        return _LOGIC[name](one, other)
    if kinds == {str} and name == "Add":
        return one + other
    if name == "Sub" and _is_time(one, "Timestamp") and _is_time(other, "Timestamp"):
        return one - other
    if not kinds <= NUMBERS or kinds == {bool}:
        raise refused(one)
    if name in _ARITHMETIC:
        made = _ARITHMETIC[name](one, other)
        if made - made != 0:
            return _of_doubles(_DOUBLES[name], one, other)
        return exact(made)
    if name == "Div":
        made = one / other if other else math.nan
        return made if made - made == 0 else _of_doubles(np.true_divide, one, other)
    if name != "Pow" or bool in kinds or not is_exponent(one, other):
        raise refused(one)
    if other == 2:
        return combined("Mult", one, one)
    return exact((np.array([one]) ** other)[0].item())


def _of_doubles(function: np.ufunc, one: Any, other: Any) -> Any:
    """Return what NumPy makes of two numbers, with its warning where the outcome is not finite."""
    return function(np.float64(one), np.float64(other)).item()


def is_exponent(value: Any, power: Any) -> bool:
    """Tell whether a power of a value is known: small ones of integers, all of other numbers."""
    if type(value) is int:
        return abs(value) <= 1e4 and type(power) is int and 0 <= power <= 3
    return type(value) is float and type(power) in (int, float)


def _compared(name: str, one: Any, other: Any) -> bool:
    kinds = {type(one), type(other)}
    is_equality = name in ("Eq", "NotEq")
    if is_equality and str in kinds and (one is None or other is None or one != one):
        return name == "NotEq"  # what is missing is no text
    if not (kinds <= NUMBERS or (kinds == {str} and is_equality)):
        raise refused(one)
    return _COMPARISONS[name](one, other)


def negated(value: Any) -> Any:
    """Return ``-value``."""
    if type(value) in COLUMNS:
        return columns.negated(value)
    if type(value) is bool:
        raise refused(value)
    return -number(value)


def inverted(value: Any) -> bool:
    """Return ``~value`` of a column of truths."""
    if type(value) in COLUMNS:
        return columns.inverted(value)
    if type(value) is not bool:
        raise refused(value)
    return not value


def applied(function: np.ufunc, *values: Any) -> Any:
    """Return what a function of numpy's makes of numbers."""
    if any(type(value) in COLUMNS for value in values):
        return columns.applied(function, *values)
    if any(type(value) is bool for value in values):
        raise refused(values[0])
    return exact(function(*map(number, values)).item())


def filled(value: Any, new: Any) -> Any:
    """Return ``fillna`` of a value."""
    if type(value) in COLUMNS:
        return columns.filled(value, new)
    if not is_missing(value):
        return value
    if type(new) not in PLAIN or is_missing(new):
        raise refused(new)
    return new


def looked_up(value: Any, table: Mapping[Any, Any]) -> Any:
    """Return ``map`` of a value by a dict."""
    if type(value) in COLUMNS:
        return each_value(lambda one: looked_up(one, table), value)
    if value is None or value != value:
        return math.nan
    if type(value) not in (str, int, float):
        raise refused(value)
    return plain(table.get(value, math.nan))


def replaced(value: Any, table: Mapping[Any, Any]) -> Any:
    """Return ``replace`` of a value by a dict."""
    if type(value) in COLUMNS:
        return columns.replaced(value, dict(table), replaced)
    if type(value) not in (int, float, str) or value != value:
        raise refused(value)
    new = plain(table.get(value, value))
    if (type(new) is str) != (type(value) is str):
        raise refused(value)
    return new


def called(value: Any, function: Callable[[Any], Any]) -> Any:
    """Return ``apply`` or ``map`` of a value by a function; a list may stand between functions."""
    if type(value) in COLUMNS:
        return called_by_column(value, function, plain)
    if type(value) is not str:
        is_known = type(value) in PLAIN or type(value) is list
        if value is None or not (is_known or _is_time(value, "Timestamp", "Timedelta")):
            raise refused(value)
    made = function(value)
    if type(made) is str:
        return made
    made = plain(made)
    if type(made) not in NUMBERS and type(made) not in (str, list):
        raise refused(made)
    return made


def is_among(value: Any, values: Any) -> bool:
    """Return ``isin`` of a value."""
    if type(value) in COLUMNS:
        return columns.is_among(value, values, is_among)
    if type(value) not in (int, float, str) or value != value:
        raise refused(value)
    return value in values


def as_type(value: Any, kind: str) -> Any:
    """Return ``astype`` of a value: to int, float or str, or to an object."""
    if type(value) in COLUMNS:
        return columns.as_type(value, kind)
    if kind == "object":
        return value if type(value) is str else _refuse(value)
    if kind == "str":
        if type(value) not in (str, int):
            raise refused(value)
        return str(value)
    if kind == "float":
        return float(number(value))
    if not math.isfinite(number(value)) or abs(value) >= EXACT_INTEGERS:
        raise refused(value)
    return int(value)


def clipped(value: Any, lower: Any, upper: Any) -> Any:
    """Return ``clip`` of a value; None for no bound."""
    if type(value) in COLUMNS:
        return columns.clipped(value, lower, upper)
    if type(value) is bool:
        raise refused(value)
    bounds = [number(bound) for bound in (lower, upper) if bound is not None]
    if any(bound != bound or type(bound) is bool for bound in bounds):
        raise refused(value)
    made = float(number(value)) if float in map(type, bounds) else number(value)
    if lower is not None and made < lower:
        made = lower
    if upper is not None and made > upper:
        made = upper
    return float(made) if float in map(type, bounds) else made


def rounded(value: Any, decimals: int) -> Any:
    """Return ``round`` of a value."""
    if type(value) in COLUMNS:
        return columns.rounded(value, decimals)
    if type(value) is int:
        return value
    if type(value) is not float:
        raise refused(value)
    return np.array([value]).round(decimals)[0].item()


def chosen(condition: Any, one: Any, other: Any) -> Any:
    """Return ``numpy.where`` of values."""
    if COLUMNS & {type(condition), type(one), type(other)}:
        return columns.chosen(condition, one, other)
    if type(condition) is not bool:
        raise refused(condition)
    kinds = {type(one), type(other)}
    value = one if condition else other
    if kinds == {str} or len(kinds) == 1:
        return value if kinds <= {str, *NUMBERS} else _refuse(value)
    if kinds != {int, float}:
        raise refused(value)
    return float(value)


def _refuse(value: Any) -> Any:
    raise refused(value)


def put(condition: Any, new: Any, old: Any) -> Any:
    """Return a value that is set where a condition holds."""
    if COLUMNS & {type(condition), type(old)}:
        return columns.put(condition, new, old)
    if type(new) is not type(old):
        raise refused(old)
    return chosen(condition, new, old)


def of_text(function: Callable[[Any], Any], value: Any) -> Any:
    """Return what a method of ``.str`` makes of a value."""
    return each_value(function, value) if type(value) in COLUMNS else function(value)


def cut(value: Any, bins: list[Any], labels: Any, right: bool, lowest: bool) -> Any:
    """Return ``pandas.cut`` of a value into bins of known edges."""
    if type(value) in COLUMNS:
        return columns.cut(value, bins, labels, right, lowest)
    if type(value) is bool:
        raise refused(value)
    if number(value) != value:
        return math.nan
    if right:
        at = next((at for at, edge in enumerate(bins) if value <= edge), None)
        if lowest and value == bins[0]:
            at = 1
    else:
        if lowest:
            raise refused(value)
        at = next((at for at, edge in enumerate(bins) if value < edge), None)
    if at is None or at == 0:
        return math.nan
    return at - 1 if labels is False else labels[at - 1]


def of_one(row: list[Any]) -> list[Any]:
    """Return the values of one row: what NumPy does to an array of many takes no longer here."""
    if any(type(value) in COLUMNS for value in row):
        raise refused(row)
    return row


def bin_of(value: Any, edges: list[Any]) -> Any:
    """Return ``numpy.digitize`` of a value."""
    if type(value) in COLUMNS:
        return columns.bin_of(value, edges)
    if type(value) is bool or number(value) != value:
        raise refused(value)
    return bisect.bisect_right(edges, value)


def as_number(value: Any) -> Any:
    """Return ``pandas.to_numeric`` with ``errors="coerce"`` of a value."""
    if type(value) in COLUMNS:
        return columns.as_number(value)
    return columns.number_of_text(value) if type(value) is str else number(value)


def joined(between: str, texts: Collection[Any]) -> str:
    """Return texts of a row one after the other."""
    if any(type(text) in COLUMNS for text in texts):
        return columns.joined(between, list(texts))
    if {type(text) for text in texts} != {str}:
        raise refused(texts)
    return between.join(texts)


def total(values: list[Any], how: str) -> Any:
    """Return the sum, mean, largest or smallest of the values of a row, or whether any is true."""
    if any(type(value) in COLUMNS for value in values):
        return columns.total(values, how)
    if how in ("any", "all"):
        if set(map(type, values)) != {bool}:
            raise refused(values)
        return any(values) if how == "any" else all(values)
    if not values or len(values) > 7 or any(number(value) != value for value in values):
        raise refused(values)
    if how in ("max", "min"):
        if len(set(map(type, values))) > 1 or type(values[0]) is bool:
            raise refused(values[0])
        return max(values) if how == "max" else min(values)
    found = exact(sum(values))
    return found / len(values) if how == "mean" else found


def date_of(value: Any, to_datetime: Callable[[str], Any]) -> Any:
    """Return ``pandas.to_datetime`` of a value."""
    if type(value) in COLUMNS:
        return columns.date_of(value, to_datetime)
    if type(value) is str and _ISO.fullmatch(value):
        try:
            return to_datetime(value)
        except ValueError as error:
            raise refused(value) from error
    if not _is_time(value, "Timestamp"):
        raise refused(value)
    return value


def date_part(value: Any, name: str) -> Any:
    """Return what ``.dt`` of a value has by a name."""
    if type(value) in COLUMNS:
        return columns.date_part(value, name)
    if name == "days" and _is_time(value, "Timedelta"):
        return int(value.days)
    if name not in _DATE_PARTS or not _is_time(value, "Timestamp"):
        raise refused(value)
    return int(getattr(value, _DATE_PARTS[name]))


def is_date_part(name: str) -> bool:
    """Tell whether `date_part` knows a name."""
    return name in _DATE_PARTS or name == "days"


def seconds(value: Any) -> Any:
    """Return ``.dt.total_seconds()`` of a value."""
    if type(value) in COLUMNS:
        return columns.seconds(value)
    if not _is_time(value, "Timedelta"):
        raise refused(value)
    return float(value.total_seconds())


def _is_time(value: Any, *names: str) -> bool:
    """Tell whether a value is a time of pandas', without a time zone."""
    kind = type(value)
    if kind.__name__ not in names or kind.__module__.partition(".")[0] != "pandas":
        return False
    return getattr(value, "tzinfo", None) is None


def items_of(table: Any) -> dict[Any, Any] | None:
    """Return a dict, or a series as one, if looking up in it is what pandas does; None if not."""
    if type(table).__name__ == "Series" and hasattr(table, "index"):
        if not table.index.is_unique:
            return None
        table = dict(zip(table.index.tolist(), table.tolist(), strict=True))
    if type(table) is not dict:
        return None
    if any(type(key) not in (int, float, str) or key != key for key in table):
        return None
    return table
