"""What pandas makes of whole columns, in arrays: the functions of `_values`, of a batch.

An operation refuses what it does not know.
"""

import re
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from ..._containers import FrameColumn, TextColumn
from .._unsupported import InputUnsupported
from ._columns import COLUMNS, each, is_truth, met, numbers, of_values, read, refused, texts_of

_LOGIC = {"BitAnd": np.logical_and, "BitOr": np.logical_or, "BitXor": np.logical_xor}

_OPERATORS: dict[str, Any] = {
    "Add": np.add,
    "Sub": np.subtract,
    "Mult": np.multiply,
    "Div": np.true_divide,
    "Eq": np.equal,
    "NotEq": np.not_equal,
    "Lt": np.less,
    "LtE": np.less_equal,
    "Gt": np.greater,
    "GtE": np.greater_equal,
}

_WHOLE = re.compile(r"-?\d{1,15}")
"""Texts that all who read numbers read as the same integer."""


def combined(name: str, one: Any, other: Any, of_row: Callable[[str, Any, Any], Any]) -> Any:
    """Return what an operator makes of two columns, or of one and a constant."""
    one, other = read(one), read(other)
    if TextColumn in (type(one), type(other)):
        return _of_texts(lambda a, b: of_row(name, a, b), one, other)
    if _kind(one) == _kind(other) == "M" and name == "Sub":
        return one - other
    one, other = numbers(one), numbers(other)
    if name in _LOGIC:
        if not (is_truth(one) and is_truth(other)):
            raise refused(one)
        return _LOGIC[name](one, other)
    if is_truth(one) and is_truth(other) and name not in ("Eq", "NotEq"):
        raise refused(one)
    try:
        if name == "Pow":
            if not _is_exponent(one, other):
                raise refused(other)
            return one**other
        return _OPERATORS[name](one, other)
    except OverflowError as error:
        raise refused(one) from error


def _is_exponent(column: Any, power: Any) -> bool:
    """Tell whether a power of a column is known: small ones of integers, all of other numbers."""
    if _kind(column) == "i":
        return type(power) is int and 0 <= power <= 3
    return _kind(column) == "f" and type(power) in (int, float)


def _kind(value: Any) -> str:
    return value.dtype.kind if type(value) is np.ndarray else ""


def _of_texts(function: Callable[[Any, Any], Any], one: Any, other: Any) -> Any:
    """Return what a function for one row makes of two columns of texts, or one and a constant."""
    if type(other) is not TextColumn and type(other) not in COLUMNS:
        return each(lambda value: function(value, other), one)
    if type(one) is not TextColumn and type(one) not in COLUMNS:
        return each(lambda value: function(one, value), other)
    if type(one) is not type(other) or one.is_category or other.is_category:
        raise refused(one)
    n_values = len(other.values)
    pairs, codes = met(one.codes * np.intp(n_values) + other.codes, len(one.values) * n_values)
    made = [
        function(one.values[pair // n_values], other.values[pair % n_values])
        for pair in pairs.tolist()
    ]
    return of_values(made, codes)


def joined(between: str, columns: list[Any]) -> Any:
    """Return texts of each row one after the other."""
    texts = [column.objects() for column in map(read, columns) if type(column) is TextColumn]
    if len(texts) < len(columns) or not texts:
        raise refused(columns)
    try:
        return texts_of([between.join(row) for row in zip(*texts, strict=True)])
    except TypeError as error:
        raise refused(columns) from error


def negated(value: Any) -> Any:
    """Return ``-value``."""
    value = numbers(value)
    return -value if value.dtype != bool else _refuse(value)


def inverted(value: Any) -> Any:
    """Return ``~value`` of a column of truths."""
    value = numbers(value)
    return ~value if value.dtype == bool else _refuse(value)


def _refuse(value: Any) -> Any:
    raise refused(value)


def applied(function: np.ufunc, *values: Any) -> Any:
    """Return what a function of numpy's makes of numbers."""
    found = list(map(numbers, values))
    if any(map(is_truth, found)):
        raise refused(values)
    return function(*found)


def is_missing(value: Any) -> Any:
    """Tell which values are missing."""
    value = read(value)
    if type(value) is TextColumn:
        made = np.array([one is None or one != one for one in value.values], dtype=bool)
        return made[value.codes]
    if value.dtype.kind in "Mm":
        return np.isnat(value)
    return np.isnan(value) if value.dtype.kind == "f" else np.zeros(len(value), dtype=bool)


def filled(value: Any, new: Any) -> Any:
    """Return ``fillna`` of a column by a constant, or by a column."""
    value, new = read(value), read(new)
    if type(value) is TextColumn:
        if type(new) is not str or value.is_category:
            raise refused(new)
        known = [new if one is None or one != one else one for one in value.values]
        return of_values(known, value.codes)
    if _kind(value) != "f":
        return value if _kind(value) in ("i", "b") else _refuse(value)
    new = numbers(new)
    if is_truth(new):
        raise refused(new)
    return np.where(np.isnan(value), new, value)


def replaced(value: Any, table: dict[Any, Any], of_row: Callable[[Any, Any], Any]) -> Any:
    """Return ``replace`` of a column by a dict."""
    value = read(value)
    if type(value) is TextColumn:
        return each(lambda one: one if one is None or one != one else of_row(one, table), value)
    kind = {"i": int, "f": float}.get(_kind(value))
    if kind is None or not all(type(new) is kind for new in table.values()):
        raise refused(value)
    made = value.copy()
    for old, new in table.items():
        if type(old) is not str:
            made[value == old] = new
    return made


def is_among(value: Any, among: Any, of_row: Callable[[Any, Any], Any]) -> Any:
    """Return ``isin`` of a column."""
    value = read(value)
    if any(one != one for one in among):
        raise refused(among)
    if type(value) is TextColumn:
        return each(lambda one: type(one) is str and of_row(one, among), value)
    wanted = [one for one in among if type(one) is not str]
    if len(wanted) < len(among) or _kind(value) not in ("i", "f"):
        raise refused(value)
    return np.isin(value, wanted) if wanted else np.zeros(len(value), dtype=bool)


def as_type(value: Any, kind: str) -> Any:
    """Return ``astype`` of a column: to int, float or str, or to objects."""
    value = read(value)
    if type(value) is TextColumn:
        if kind not in ("str", "object") or (
            kind == "str" and not all(type(one) is str for one in value.values)
        ):
            raise refused(value)
        return TextColumn(value.codes, value.values)
    value = numbers(value)
    if kind == "str":
        column = value if value.dtype.kind in "if" else _refuse(value)
        known, codes = np.unique(column, return_inverse=True)
        if column.dtype.kind == "f" and np.isnan(known).any():
            raise refused(value)
        return TextColumn(codes.ravel(), known.astype(str).tolist())
    if kind == "float":
        return value.astype(np.float64)
    if kind != "int" or (
        value.dtype.kind == "f" and not (np.abs(value) < 2.0**53).all()  # nor what is missing
    ):
        raise refused(value)
    return value.astype(np.int64)


def as_number(value: Any) -> Any:
    """Return ``pandas.to_numeric`` with ``errors="coerce"`` of a column."""
    value = read(value)
    return each(number_of_text, value) if type(value) is TextColumn else numbers(value)


def number_of_text(text: Any) -> Any:
    """Return the number that a text is, NaN where it is empty."""
    if text is None or text != text or not text.strip(" "):
        return float("nan")
    if not _WHOLE.fullmatch(text):
        raise refused(text)
    return int(text)


def clipped(value: Any, lower: Any, upper: Any) -> Any:
    """Return ``clip`` of a column; None for no bound."""
    made = numbers(value)
    if is_truth(made):
        raise refused(value)
    if made.ndim == 2:
        bounds = [bound for bound in (lower, upper) if bound is not None]
        if any(np.isnan(numbers(bound)).any() for bound in bounds):
            raise refused(value)
        return np.clip(made, lower, upper)
    for bound, beyond in ((lower, np.less), (upper, np.greater)):
        if bound is None:
            continue
        bound = numbers(bound)
        if is_truth(bound) or np.isnan(bound).any():
            raise refused(bound)
        made = np.where(beyond(made, bound), bound, made)
    return made


def rounded(value: Any, decimals: int) -> Any:
    """Return ``round`` of a column."""
    value = numbers(value)
    if value.dtype.kind == "f":
        return value.round(decimals)
    return value if decimals >= 0 and value.dtype.kind == "i" else _refuse(value)


def chosen(condition: Any, one: Any, other: Any) -> Any:
    """Return ``numpy.where`` of columns and constants."""
    condition = read(condition)
    if not is_truth(condition):
        raise refused(condition)
    one, other = read(one), read(other)
    if {type(one), type(other)} & {TextColumn, str}:
        return _chosen_texts(condition, one, other)
    one, other = numbers(one), numbers(other)
    if is_truth(one) != is_truth(other):
        raise refused(one)
    return np.where(condition, one, other)


def _chosen_texts(condition: Any, one: Any, other: Any) -> TextColumn:
    sides = []
    for side in (one, other):
        is_text = type(side) is TextColumn and not side.is_category
        if type(side) is not str and not is_text:
            raise refused(side)
        sides.append(side if is_text else TextColumn(np.zeros(1, dtype=np.intp), [side]))
    first, second = sides
    n_first = len(first.values)
    codes = np.where(condition, first.codes, second.codes + n_first)
    known = [*first.values, *second.values]
    used, codes = met(codes, len(known))
    return TextColumn(codes, [known[at] for at in used.tolist()])


def put(condition: Any, new: Any, old: Any) -> Any:
    """Return a column of which values were set where a condition holds."""
    new, old = read(new), read(old)
    if type(new) is str or type(old) is TextColumn:
        if type(new) is not str or type(old) is not TextColumn:
            raise refused(old)
    elif type(new) not in (int, float) or _kind(old) not in ("i", "f"):
        raise refused(old)
    elif type(new) is float and _kind(old) == "i" and new == new:
        raise refused(old)  # what is missing alone makes floats of integers
    return chosen(condition, new, old)


def bin_of(value: Any, edges: list[Any]) -> np.ndarray:
    """Return ``numpy.digitize`` of a column."""
    value = numbers(value)
    if is_truth(value):
        raise refused(value)
    return np.digitize(value, edges)


def cut(value: Any, bins: list[Any], labels: Any, right: bool, lowest: bool) -> Any:
    """Return ``pandas.cut`` of a column into bins of known edges."""
    value = numbers(value)
    if value.dtype == bool or (lowest and not right):
        raise refused(value)
    at = np.searchsorted(np.array(bins, dtype=np.float64), value, "left" if right else "right")
    if lowest:
        at[value == bins[0]] = 1
    outside = (at == 0) | (at == len(bins)) | np.isnan(value)
    if labels is False:
        return np.where(outside, np.nan, at - 1.0) if outside.any() else at - 1
    codes = np.where(outside, len(labels), at - 1)
    known = [*labels, float("nan")]
    used, codes = met(codes, len(known))
    return TextColumn(codes, [known[one] for one in used.tolist()], is_category=True)


def total(columns: list[Any], how: str) -> Any:
    """Return the sum, mean, largest or smallest of the values of each row."""
    found = list(map(numbers, columns))
    if len(found) > 7:
        raise refused(columns)  # from here on NumPy adds in another order
    dtypes = {one.dtype for one in found if type(one) is np.ndarray}
    if len(dtypes) > 1 and np.dtype(bool) in dtypes:
        raise refused(columns)
    table = np.column_stack(np.broadcast_arrays(*found))
    is_float = table.dtype.kind == "f"
    if how in ("any", "all"):
        if table.dtype != bool:
            raise refused(columns)
        return table.any(axis=1) if how == "any" else table.all(axis=1)
    if how in ("max", "min"):
        if table.dtype == bool:
            raise refused(columns)
        function = np.fmax if how == "max" else np.fmin
        return function.reduce(table, axis=1)
    gaps = np.isnan(table) if is_float else None
    if gaps is not None and gaps.any():
        if how == "mean":
            raise refused(columns)
        table = np.where(gaps, 0.0, table)
    made = table[:, 0].astype(np.int64) if table.dtype == bool else table[:, 0]
    for at in range(1, table.shape[1]):
        made = made + table[:, at]
    return made / table.shape[1] if how == "mean" else made


def date_of(value: Any, to_datetime: Callable[[Any], Any]) -> Any:
    """Return ``pandas.to_datetime`` of a column."""
    if _kind(value) == "M":
        return value
    if type(value) is not FrameColumn:
        raise refused(value)
    found = value.values()
    if _kind(found) == "M":
        return found
    try:
        made = to_datetime(value.series()).to_numpy()
    except (TypeError, ValueError) as error:
        raise refused(value) from error
    return made if _kind(made) == "M" else _refuse(made)


def date_part(value: Any, name: str) -> Any:
    """Return what ``.dt`` of a column has by a name."""
    import pandas as pd

    value = read(value)
    wanted = "m" if name == "days" else "M"
    if _kind(value) != wanted or np.isnat(value).any():
        raise refused(value)
    index = pd.TimedeltaIndex(value) if wanted == "m" else pd.DatetimeIndex(value)
    return np.asarray(getattr(index, name))


def seconds(value: Any) -> np.ndarray:
    """Return ``.dt.total_seconds()`` of a column."""
    import pandas as pd

    value = read(value)
    if _kind(value) != "m":
        raise refused(value)
    return np.asarray(pd.TimedeltaIndex(value).total_seconds())


def whole(value: Any, n_rows: int) -> Any:
    """Return a column of a constant, or a column as it is."""
    if type(value) in COLUMNS:
        return value
    if type(value) in (bool, int, float):
        return np.full(n_rows, value)
    if type(value) is not str:
        raise refused(value)
    return TextColumn(np.zeros(n_rows, dtype=np.intp), [value])


def side_by_side(values: Iterable[Any], n_rows: int) -> np.ndarray:
    """Return columns of numbers as an array (n_rows, n_columns), as NumPy makes it."""
    found = list(map(numbers, values))
    if not found:
        raise InputUnsupported("no columns")
    whole = [np.broadcast_to(np.asarray(one), n_rows) for one in found]
    return np.column_stack(whole)
