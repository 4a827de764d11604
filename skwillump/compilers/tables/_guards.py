"""Values and dtypes that the original treats in a way of its own: they are left to it."""

from typing import Any

import numpy as np

from .._unsupported import InputUnsupported
from ._tables import Table

LARGEST_INTEGER = 2**24
"""Integers above this are no float32, to which LightGBM converts arrays of integers."""

_PLAIN = (str, int, float, bool, bytes, type(None), np.number, np.bool_)
"""Classes of values that a category may have. Others compare in ways of their own."""


def refuse_large_integers(block: np.ndarray, table: Table) -> None:
    """Raise `InputUnsupported` for an array of integers of which some are not exact in float32."""
    if table.row is not None:
        integers = all(isinstance(value, (int, np.integer)) for value in table.row)
    else:
        integers = all(dtype.kind in "iub" for dtype in table.dtypes())
    if integers and max(block.max(initial=0.0), -block.min(initial=0.0)) > LARGEST_INTEGER:
        raise InputUnsupported("integers that float32 would round")


def refuse_objects(table: Table) -> None:
    """Raise `InputUnsupported` if a column is not of plain numbers: LightGBM looks at dtypes."""
    if any(dtype.kind == "O" for dtype in table.dtypes()):
        raise InputUnsupported("a column of objects")


def plain_values(values: list[Any]) -> None:
    """Raise `InputUnsupported` if a value is of a kind that compares in a way of its own."""
    for value in values:
        if not isinstance(value, _PLAIN):
            raise InputUnsupported(f"a value of type {type(value).__name__}")


def refuse_infinite(block: np.ndarray, *, allow_nan: bool) -> None:
    """Raise `InputUnsupported` for numbers that scikit-learn's validation refuses."""
    total = float(block.sum())
    if total - total == 0.0:
        return
    fine = ~np.isinf(block) if allow_nan else np.isfinite(block)
    if not fine.all():
        raise InputUnsupported("a number is infinite" if allow_nan else "a number is not finite")
