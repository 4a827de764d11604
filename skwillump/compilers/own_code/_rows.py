"""What a step of the user's own makes of one row, told from its source.

The commonest steps that people write add columns that are made of others, look values up, fill
what is missing and drop columns; or they clean texts one by one before a vectorizer. A data frame
of one row costs a hundred times what is done to its values, and a column of one text as much. So
such a function is read: where each statement is one of those known here, one row goes through it
as a dict, or as its text, in Python (`_values`). Many rows of a data frame go through the same
functions, as a dict of columns (`_column_values`); texts, and what is not known, are left
to the step itself.

A function does what its source says; functions that it gives to ``apply`` or ``map`` are called
with the value that they would be called with.
"""

import functools
import inspect
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import FunctionType
from typing import Any

import numpy as np
from sklearn.preprocessing import FunctionTransformer

from ..._compat import library_of
from ..._containers import ColumnTable, FrameColumn, read_frame_of
from .._features import EXACT_INTEGERS, has_set_output
from .._unsupported import InputUnsupported
from . import _column_values as columns, _values as values
from ._array_values import alike
from ._bytecode import function_of
from ._kinds import HAS_INDEX, Array, Cell, Frame, Known, NotTold, Records, Unnamed, Variables
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
        with np.errstate(all="ignore"):  # as pandas does
            made = _made_of(found, {ROW: given})
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

    def columns(self, X: Any) -> ColumnTable | np.ndarray:
        """Return what becomes of many rows: columns, or an array of numbers.

        Parameters
        ----------
        X : data frame of pandas or ColumnTable

        Raises
        ------
        InputUnsupported
            If only the original can tell.
        """
        if type(self.of_frame) not in (Frame, Array):
            raise InputUnsupported("no columns become columns")
        if type(X) is ColumnTable:
            given = dict(X.columns)
            variables: Variables = {ROW: given}
        elif (kind := _of_pandas(X)) is not None and X.columns.is_unique:
            given = {name: FrameColumn(kind, X, name) for name in kind.names(X)}
            variables = {ROW: given, HAS_INDEX: not _counts(X.index)}
        else:
            raise InputUnsupported(f"{type(X).__name__} is not read by column")
        if not len(X) or not all(type(name) is str for name in given):
            raise InputUnsupported("no rows, or names that are no texts")
        with np.errstate(all="ignore"):
            made = _made_of(self.of_frame, variables)
        if type(self.of_frame) is Array:
            return columns.side_by_side(made, len(X))
        return ColumnTable({name: columns.whole(one, len(X)) for name, one in made.items()}, len(X))


@dataclass(frozen=True)
class TableMap:
    """What becomes of columns of numbers: of an array, or of a data frame of known names."""

    found: Any  # one of `_kinds`
    names: tuple[str, ...] | None  # None for an array

    @property
    def gives_array(self) -> bool:
        """Whether it is an array in any case."""
        return type(self.found) is Array

    def __call__(self, given: Any) -> list[Any]:
        """Return what becomes of many rows, or of one: columns and arrays side by side, or values.

        Parameters
        ----------
        given : list, or ndarray of shape (n_rows, n_columns)
            Of many rows an array, or columns where they have names; of one row its values.

        Raises
        ------
        InputUnsupported
            If only the original can tell.
        """
        if self.names is None:
            made = _made_of(self.found, {ROW: given if type(given) is not list else alike(given)})
        else:
            with np.errstate(all="ignore"):
                made = _made_of(self.found, {ROW: dict(zip(self.names, given, strict=True))})
        if type(made) is dict:
            return list(made.values())
        return made if type(made) is list else [made]


def _made_of(found: Any, variables: Variables) -> Any:
    try:
        return found.of(variables)
    except InputUnsupported:
        raise
    except Exception as error:  # of anyone's code: the original raises what it raises
        raise InputUnsupported(f"{type(error).__name__} in a function of one row") from error


def _of_pandas(X: Any) -> Any:
    """Return the kind of a data frame of pandas itself; None for anything else."""
    kind = type(X)
    is_its_own = kind.__name__ == "DataFrame" and library_of(kind) == "pandas"
    return read_frame_of(X) if is_its_own else None


def _counts(index: Any) -> bool:
    """Whether an index counts rows from 0."""
    return type(index).__name__ == "RangeIndex" and index.start == 0 and index.step == 1


def row_map(fitted: Any) -> RowMap | None:
    """Return what a transformer of the user's own makes of one row; None if that is not told."""
    found = _called_with(fitted)
    if found is None or has_set_output(fitted):
        return None
    made = [_read(kind, *found) for kind in (Frame, Cell)]
    return None if made == [None, None] else RowMap(*made)


def table_map(fitted: Any, names: tuple[str, ...] | None) -> TableMap | None:
    """Return what a transformer of the user's own makes of numbers; None if that is not told.

    Parameters
    ----------
    names : tuple of str or None
        Of the columns of the data frame that it is given; None if that is an array.
    """
    found = _called_with(fitted)
    if found is None or has_set_output(fitted):
        return None
    made = _read(Array if names is None else Frame, *found)
    return TableMap(made, names) if type(made) in (Array, Frame) else None


def _read(
    kind: type[Frame | Cell | Array], function: FunctionType, owner: Any, given: dict[str, Known]
) -> Any:
    """Return what a function makes of a data frame, or of a column; None if that is not told."""
    try:
        first = kind(lambda v: v[ROW])
        if isinstance(first, Array):
            first = replace(first, is_alike=True)
        made = read_function(function, owner, (first,), given)
    except (NotTold, InputUnsupported, RecursionError):
        return None
    except Exception:  # of what is computed when it is read, as an index that is out of range
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
