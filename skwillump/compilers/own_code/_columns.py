"""Columns of a batch: numbers as pandas has them, and texts by their different values.

What is done to a text is done once to each different one, by the function for one row.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from ..._containers import ArrowTexts, FrameColumn, TextColumn
from .._unsupported import InputUnsupported
from ._purity import is_pure

COLUMNS = {np.ndarray, TextColumn, FrameColumn}
"""Types of columns, beside which constants are values of Python."""

_READ = {np.dtype(np.float64), np.dtype(np.int64), np.dtype(bool)}
"""Dtypes of the numbers of a data frame that are computed with as pandas does."""

_FEW = 4096
"""Different texts that are gone through in Python; of more, pandas is as fast."""


def refused(value: Any) -> InputUnsupported:
    """Return the error for a value of which only pandas can tell what becomes of it."""
    return InputUnsupported(f"{type(value).__name__} among values of a row")


def read(value: Any) -> Any:
    """Return a column as an array of numbers, of times, or as texts; a constant as it is."""
    if type(value) is not FrameColumn:
        return value
    if value.kept is None:
        value.kept = _read(value)
    return value.kept


def _read(value: FrameColumn) -> Any:
    found = value.values()
    if isinstance(found, ArrowTexts):
        encoded = found.array.dictionary_encode()
        texts = encoded.dictionary.to_pylist()
        codes = encoded.indices
        if codes.null_count:
            codes = codes.fill_null(len(texts))
            texts.append(found.missing)
        return _short(TextColumn(codes.to_numpy(), texts))
    if type(found) is not np.ndarray:
        raise refused(value)
    if found.dtype.kind == "O":
        return _short(texts_of(found.tolist()))
    if found.dtype not in _READ and found.dtype.kind not in "Mm":
        raise refused(found)
    return found


def _short(column: TextColumn) -> TextColumn:
    if len(column.values) > _FEW:
        raise InputUnsupported("so many texts that pandas is as fast")
    return column


def texts_of(values: list[Any]) -> TextColumn:
    """Return texts, and what is missing among them, by code."""
    number: dict[Any, int] = {}
    codes = np.fromiter((number.setdefault(value, len(number)) for value in values), np.intp)
    if not all(type(value) is str or value is None or value != value for value in number):
        raise refused(values)
    return TextColumn(codes, list(number))


def of_values(values: list[Any], codes: np.ndarray | None = None) -> Any:
    """Return a column of values of Python, or of those at some positions among them."""
    kinds = set(map(type, values))
    if str in kinds:
        if codes is None:
            return texts_of(values)
        if kinds - {str} and not all(type(v) is str or v is None or v != v for v in values):
            raise refused(values)
        return TextColumn(codes, values)
    if kinds == {bool} or kinds == {int}:
        try:
            made = np.array(values, dtype=bool if kinds == {bool} else np.int64)
        except OverflowError as error:
            raise refused(values) from error
    elif kinds and kinds <= {int, float}:
        made = np.array(values, dtype=np.float64)
    else:
        raise refused(values)
    return made if codes is None else made[codes]


def each(function: Callable[[Any], Any], column: Any) -> Any:
    """Return a column to each different value of which a function for one row was applied."""
    column = read(column)
    if type(column) is not TextColumn:
        column = _distinct(column)
    elif column.is_category:
        raise refused(column)
    return of_values([function(value) for value in column.values], column.codes)


def _distinct(array: Any) -> TextColumn:
    """Return numbers by code."""
    found = numbers(array)
    if found.dtype.kind == "f" and np.isnan(found).any():
        raise refused(array)
    values, codes = np.unique(found, return_inverse=True)
    return TextColumn(codes.ravel(), values.tolist())


def called(column: Any, function: Callable[[Any], Any], plain: Callable[[Any], Any]) -> Any:
    """Return ``apply`` or ``map`` by a function of the user's own.

    It is called with each value, or with each different text where it gives the same for the same.
    """
    column = read(column)
    if type(column) is TextColumn:
        if column.is_category or None in column.values:
            raise refused(column)
        if is_pure(function):
            return of_values([plain(function(value)) for value in column.values], column.codes)
        values = column.objects()
    else:
        values = numbers(column)
    return of_values([plain(function(value)) for value in values.tolist()])


def numbers(value: Any) -> Any:
    """Return an array of numbers or booleans, or a constant number."""
    value = read(value)
    if type(value) is np.ndarray:
        if value.dtype.kind not in "ifb":
            raise refused(value)
    elif type(value) not in (bool, int, float):
        raise refused(value)
    return value


def is_truth(value: Any) -> bool:
    return type(value) is bool or (type(value) is np.ndarray and value.dtype == bool)


def met(codes: np.ndarray, n_values: int) -> tuple[np.ndarray, np.ndarray]:
    """Return which codes below a number there are, and each row's position among them."""
    if n_values > len(codes):
        found, codes = np.unique(codes, return_inverse=True)
        return found, codes.ravel()
    found = np.flatnonzero(np.bincount(codes, minlength=n_values))
    if len(found) < n_values:
        place = np.zeros(n_values, dtype=np.intp)
        place[found] = np.arange(len(found))
        codes = place[codes]
    return found, codes
