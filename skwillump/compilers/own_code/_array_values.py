"""What NumPy makes of an array of numbers: of a batch, or of one row as a list of its values."""

import functools
import math
from typing import Any

import numpy as np

from ._columns import COLUMNS, numbers, refused
from ._values import NUMBERS, combined, total


def alike(row: Any) -> Any:
    """Return the array that NumPy makes of columns; of the values of one row, these in its dtype.

    Raises
    ------
    InputUnsupported
        If they are no numbers, or booleans beside numbers.
    """
    if type(row) is np.ndarray:
        return row
    kinds = set(map(type, row))
    if kinds & COLUMNS:
        return _of_columns(row)
    if len(kinds) == 1 and kinds <= NUMBERS:
        return row
    if kinds != {int, float}:
        raise refused(row)
    return [float(value) for value in row]


def _of_columns(parts: list[Any]) -> np.ndarray:
    """Return the array (n_rows, n_columns) that NumPy makes of columns and arrays side by side."""
    found = list(map(numbers, parts))
    n_rows = next(len(one) for one in found if type(one) is np.ndarray)
    whole = [one if type(one) is np.ndarray else np.full(n_rows, one) for one in found]
    if len({one.dtype == bool for one in whole}) > 1:
        raise refused(parts)
    return np.column_stack(whole)


def row_total(row: Any, how: str) -> Any:
    """Return the sum, mean, largest or smallest of each row of an array, none skipped."""
    if type(row) is np.ndarray:
        return _of_array(row, how)
    if how not in ("max", "min") and len(row) > 7:
        raise refused(row)
    if type(row[0]) is not float:
        return total(row, how)
    if how in ("any", "all"):
        raise refused(row)
    if how in ("max", "min"):
        is_known = all(value == value for value in row)
        return (max(row) if how == "max" else min(row)) if is_known else math.nan
    found = functools.reduce(functools.partial(combined, "Add"), row)
    return found if how == "sum" else found / len(row)


def _of_array(array: np.ndarray, how: str) -> Any:
    is_bool = array.dtype == bool
    if how in ("any", "all") if not is_bool else how in ("max", "min"):
        raise refused(array)
    if how in ("sum", "mean") and array.shape[1] > 7:
        raise refused(array)  # from here on NumPy adds in another order
    return getattr(array, how)(axis=1)
