"""What a step of the user's own makes of one row of a data frame, told from its source.

The commonest steps that people write add columns that are made of others, look values up, fill
what is missing and drop columns. A data frame of one row costs a hundred times what is done to its
values. So such a function is read: where each statement is one of those known here, one row goes
through it as a dict, in Python (`_values`). Many rows go to the step as they are.

A function does what its source says; functions that it gives to ``apply`` or ``map`` are called
with the value that they would be called with.
"""

import functools
import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from types import FunctionType
from typing import Any

import numpy as np
from sklearn.preprocessing import FunctionTransformer

from .._features import has_set_output
from .._unsupported import InputUnsupported
from . import _values as values
from ._bytecode import function_of
from ._kinds import Array, Cell, Found, Frame, Known, NotTold, Records, Variables
from ._statements import read_function

_X = 0
"""The variable that the row is."""


@dataclass(frozen=True)
class RowMap:
    """What a row of a data frame becomes."""

    of: Found
    kind: type  # of `_kinds`
    of_text: bool  # whether a row is one text, as of a column

    def __call__(self, row: Any) -> Any:
        """Return what becomes of a row: a dict, one value, an array of one row or a list of a dict.

        Parameters
        ----------
        row : mapping of column to value, or str

        Raises
        ------
        InputUnsupported
            If only the original can tell.
        """
        if isinstance(row, Mapping) and not self.of_text:
            given: Any = {name: values.plain(value) for name, value in row.items()}
        elif isinstance(row, str) and self.of_text:
            given = row
        else:
            raise InputUnsupported(f"{type(row).__name__} is no such row")
        variables: Variables = {_X: given}
        try:
            made = self.of(variables)
        except InputUnsupported:
            raise
        except Exception as error:  # of anyone's code: the original raises what it raises
            raise InputUnsupported(f"{type(error).__name__} in a function of one row") from error
        if self.kind is Array:
            if not {type(value) for value in made} <= values.NUMBERS:
                raise InputUnsupported("an array of values that are no numbers")
            return np.array([made])
        return [made] if self.kind is Records else made


def row_map(fitted: Any) -> RowMap | None:
    """Return what a transformer of the user's own makes of one row; None if that is not told."""
    found = _called_with(fitted)
    if found is None or has_set_output(fitted):
        return None
    function, owner, given = found
    for kind in (Frame, Cell):
        try:
            made = read_function(function, owner, (kind(lambda v: v[_X]),), given)
        except (NotTold, InputUnsupported, RecursionError):
            continue
        if isinstance(made, (Frame, Cell, Array, Records)):
            return RowMap(made.of, type(made), kind is Cell)
    return None


def _called_with(fitted: Any) -> tuple[FunctionType, Any, dict[str, Known]] | None:
    """Return the function that transforms, what it is a method of, and what it is given by name."""
    given: dict[str, Any] = {}
    if type(fitted) is not FunctionTransformer:
        found = function_of(fitted)
        return None if found is None else (found[0], fitted if found[1] else None, {})
    function = fitted.func
    if fitted.validate:
        return None
    if type(function) is functools.partial and not function.args:
        given |= function.keywords
        function = function.func
    given |= fitted.kw_args or {}
    if not isinstance(function, FunctionType) or inspect.unwrap(function) is not function:
        return None
    return function, None, {name: Known(value) for name, value in given.items()}
