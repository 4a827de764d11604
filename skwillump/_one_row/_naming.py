"""Errors of one row that name the column which they are about.

scikit-learn's errors name a value or its type, which is enough for a batch that is looked at in a
notebook. Who serves rows has the error alone, and needs to know which field of a request was wrong.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from numbers import Number
from typing import Any

import numpy as np

_REBUILT = (ValueError, TypeError, AttributeError)
"""Types of errors that are made anew with a longer text; others get a note."""


def name_column(
    error: Exception, row: Any, names: Sequence[Any], *, of_numbers: frozenset[Any]
) -> Exception:
    """Return an error of one row that names the column, or the error where none can be told.

    Parameters
    ----------
    row : mapping of column to value, or 1-D array-like
    names : sequence
        The columns in order; empty if there are positions only.
    of_numbers : frozenset
        Columns that are known to hold numbers: a number there is not what is wrong.
    """
    text = str(error)
    blamed = [
        column
        for column, value in _cells(row, names)
        if _is_blamed(value, text) and not (column in of_numbers and isinstance(value, Number))
    ]
    if not blamed or any(f"column {column!r}" in text for column in blamed):
        return error
    where = f"column {blamed[0]!r}" if len(blamed) == 1 else f"one of the columns {blamed}"
    if type(error) not in _REBUILT:
        error.add_note(f"The value is in {where} of the row.")
        return error
    return type(error)(f"{text.rstrip('.')}, in {where}.")


def _cells(row: Any, names: Sequence[Any]) -> Iterable[tuple[Any, Any]]:
    """Values of a row with their columns; none where the row is of another form."""
    if isinstance(row, Mapping):
        return [(name, row[name]) for name in names if name in row]
    if isinstance(row, (list, tuple)) or (isinstance(row, np.ndarray) and row.ndim == 1):
        if not names:
            return list(enumerate(row))
        return zip(names, row, strict=False)
    return []


def _is_blamed(value: Any, text: str) -> bool:
    """Whether the text of an error is about a value, or one of its type."""
    if isinstance(value, (str, bytes)) and repr(value) in text:
        return True
    # Of "dtype('float64')" it is an array that is spoken of, whatever the types of its values.
    if re.search(rf"(?<!dtype\()'{re.escape(type(value).__name__)}'", text):
        return True
    if isinstance(value, (list, tuple, set, np.ndarray)):
        return "sequence" in text or "inhomogeneous" in text
    if hasattr(value, "isoformat") or isinstance(value, (np.datetime64, np.timedelta64)):
        return "datetime" in text.lower()
    # Vectorizers say so of NaN, and pandas puts NaN where None was.
    is_missing = value is None or (isinstance(value, float) and np.isnan(value))
    return "invalid document" in text and is_missing
