"""What a step of the user's own makes of one row, told from its source.

The commonest steps that people write add columns that are made of others, look values up, fill
what is missing and drop columns; or they clean texts one by one before a vectorizer. A data frame
of one row costs a hundred times what is done to its values, and a column of one text as much. So
such a function is read: where each statement is one of those known here, one row goes through it
as a dict, or as its text, in Python (`_values`). Many rows go to the step as they are.

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

from .._features import EXACT_INTEGERS, has_set_output
from .._unsupported import InputUnsupported
from . import _values as values
from ._bytecode import function_of
from ._kinds import Array, Cell, Frame, Known, NotTold, Records, Unnamed, Variables
from ._statements import ROW, read_function


@dataclass(frozen=True)
class RowMap:
    """What becomes of one row: of a data frame, of a column of texts, or of either."""

    of_frame: Any  # one of `_kinds`; None where it is not told
    of_text: Any

    @property
    def maps_texts(self) -> bool:
        """Whether one value becomes of each text."""
        return isinstance(self.of_text, Cell)

    def is_unnamed(self, row: Any) -> bool:
        """Whether a row becomes one of a data frame of whatever names."""
        return isinstance(self.of_text if isinstance(row, str) else self.of_frame, Unnamed)

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
        found: Any = None
        given: Any = row
        if isinstance(row, str):
            found = self.of_text
        elif isinstance(row, Mapping):
            found = self.of_frame
            given = {name: values.plain(value) for name, value in row.items()}
        if found is None:
            raise InputUnsupported(f"{type(row).__name__} is no such row")
        variables: Variables = {ROW: given}
        try:
            made = found.of(variables)
        except InputUnsupported:
            raise
        except Exception as error:  # of anyone's code: the original raises what it raises
            raise InputUnsupported(f"{type(error).__name__} in a function of one row") from error
        if type(made) is str:
            return made
        if type(made) is dict:
            return [made] if isinstance(found, Records) else made
        if isinstance(found, Array):
            return self._array(made, found is self.of_text)
        if type(made) is list:
            raise InputUnsupported("a list of what a text was parted into")
        return made

    @staticmethod
    def _array(made: list[Any], is_of_text: bool) -> np.ndarray:
        if not {type(value) for value in made} <= values.NUMBERS:
            raise InputUnsupported("an array of values that are no numbers")
        numbers = np.array([made])
        if is_of_text and not (np.abs(numbers) < EXACT_INTEGERS).all():
            raise InputUnsupported("a number that is missing, or too large")
        return numbers


def row_map(fitted: Any) -> RowMap | None:
    """Return what a transformer of the user's own makes of one row; None if that is not told."""
    found = _called_with(fitted)
    if found is None or has_set_output(fitted):
        return None
    made = [_read(kind, *found) for kind in (Frame, Cell)]
    return None if made == [None, None] else RowMap(*made)


def _read(
    kind: type[Frame | Cell], function: FunctionType, owner: Any, given: dict[str, Known]
) -> Any:
    """Return what a function makes of a data frame, or of a column; None if that is not told."""
    try:
        made = read_function(function, owner, (kind(lambda v: v[ROW]),), given)
    except (NotTold, InputUnsupported, RecursionError):
        return None
    return made if isinstance(made, (Frame, Cell, Array, Records)) else None


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
