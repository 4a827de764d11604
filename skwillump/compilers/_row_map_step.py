"""A step of the user's own over data frames or texts, of which one row needs no container."""

from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from .._containers import ColumnTable, series_of, take_rows
from .._one_row import FittedRow, SelectedRow
from ._features import ChosenRows, in_double, only, to_dense
from ._forwarding import forwarded
from ._original_step import OriginalScorer, OriginalStep
from ._scorers import Scorer
from ._unsupported import InputUnsupported
from .own_code._column_values import side_by_side
from .own_code._columns import read
from .own_code._kinds import Array
from .own_code._rows import RowMap, row_map
from .own_code._values import NUMBERS


@dataclass(frozen=True, eq=False)
class RowMapStep(OriginalStep):
    """A step that is not compiled, and whose source tells what becomes of one row."""

    wants_rows = False
    needs_rows = True  # of a row of which only the original can tell
    opens_frames = False

    @property
    def reads_mapping(self) -> bool:
        return self._map is None or self._map.of_frame is not None

    @property
    def maps_values(self) -> bool:
        return self._map is not None and self._map.maps_texts

    @cached_property
    def _map(self) -> RowMap | None:
        return row_map(self.original)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_map"}

    def columns(self, X: Any) -> Any:
        """Return what becomes of many rows, as columns or as an array of numbers.

        Raises
        ------
        InputUnsupported
            If only the original can tell.
        """
        if self._map is None:
            raise InputUnsupported("its source is gone")
        return self._map.columns(X)

    def float_columns(self, X: Any, names: Any = None) -> np.ndarray:
        made = self.columns(X)
        if isinstance(made, ColumnTable):
            made = whole_array(made, names)
        if made.shape[1] != (self.n_features or made.shape[1]):
            raise InputUnsupported(f"{made.shape[1]} features where {self.n_features} were")
        return made

    def dense(self, X: Any, rows: ChosenRows = None, *, n_threads: int = 1) -> np.ndarray:
        X = take_rows(X, rows)
        with suppress(InputUnsupported):
            made = self.float_columns(X)
            return to_dense(in_double(made) if self.doubles else made)
        return super().dense(X, n_threads=n_threads)

    def of_row(self, x: Any) -> Any:
        """Return what becomes of one row, in the form that a step after it takes.

        Raises
        ------
        InputUnsupported
            If only the original can tell.
        """
        made = self._made_of(x)
        if type(made) is np.ndarray and self._map is not None and self._map.is_unnamed(x):
            raise InputUnsupported("the names of its columns are not told")
        if type(made) is dict and list in map(type, made.values()):
            raise InputUnsupported("a list among the values of a row")
        return made

    def of_value(self, value: Any) -> Any:
        return self._made_of(value)

    def _made_of(self, x: Any) -> Any:
        if self._map is None:
            raise InputUnsupported("its source is gone")
        return self._map(x.plain() if type(x) is FittedRow else x)

    def numbers(self, x: Any) -> np.ndarray:
        """Return what becomes of one row as an array (1, n_columns).

        Raises
        ------
        InputUnsupported
            If only the original can tell, or it is no array of numbers.
        """
        made = self._made_of(x)
        if isinstance(made, dict):
            found = list(made.values())
            if not {type(value) for value in found} <= NUMBERS:
                raise InputUnsupported("values of a row that are no numbers")
            made = np.array([found])
        if not isinstance(made, np.ndarray) or made.shape[1] != (self.n_features or made.shape[1]):
            raise InputUnsupported(f"{np.shape(made)} features where {self.n_features} were")
        return made

    def row_of(self, x: Any) -> Any:
        """Return X of one row, as the original takes it."""
        return x.frame() if type(x) is SelectedRow else self.template.make(x)

    def dense_one(self, x: Any) -> np.ndarray:
        try:
            numbers = self.numbers(x)
        except InputUnsupported:
            return super().dense_row(self.row_of(x))
        return only(to_dense(in_double(numbers) if self.doubles else numbers))

    def dense_row(self, X: Any) -> np.ndarray:
        with suppress(InputUnsupported):
            return only(to_dense(self.numbers(_text_in(X))))
        return super().dense_row(X)

    def transform_one(self, x: Any) -> Any:
        return self.transform_row(self.row_of(x))

    def transform_row(self, X: Any) -> Any:
        if self._map is not None and type(self._map.of_text) is Array:
            with suppress(InputUnsupported):
                return self.numbers(_text_in(X))
        return self.transform(X)

    def bind(self, coef: np.ndarray) -> Scorer:
        return RowMapScorer(self, coef)

    def warm_up(self) -> None:
        _ = self._map  # now: prediction is to change nothing here


@dataclass(frozen=True, eq=False)
class RowMapScorer(OriginalScorer):
    """Values that are made of those of one row, times the coefficients."""

    step: RowMapStep

    wants_rows = False
    reads_mapping = forwarded("step.reads_mapping")

    def scores(self, X: Any, rows: np.ndarray | None = None, *, n_threads: int = 1) -> np.ndarray:
        X = take_rows(X, rows)
        with suppress(InputUnsupported):
            return self._multiplied(self.step.float_columns(X))
        return super().scores(X, n_threads=n_threads)

    def score_one(self, x: Any) -> np.ndarray:
        try:
            return only(self._multiplied(self.step.numbers(x)))
        except InputUnsupported:
            return super().score_row(self.step.row_of(x))

    def score_row(self, X: Any) -> np.ndarray:
        with suppress(InputUnsupported):
            return only(self._multiplied(self.step.numbers(_text_in(X))))
        return super().score_row(X)


def _text_in(X: Any) -> Any:
    """Return the text that X of one row holds, if it is a column of texts."""
    if not isinstance(X, list) and series_of(X) is None:
        raise InputUnsupported(f"{type(X).__name__} is no column of texts")
    text = only(np.array(X, dtype=object) if isinstance(X, list) else X.to_numpy())
    if type(text) is not str:
        raise InputUnsupported(f"{type(text).__name__} is no text")
    return text


def whole_array(table: ColumnTable, names: Any) -> np.ndarray:
    """Return columns of numbers as the array that pandas makes of a data frame of them.

    Parameters
    ----------
    names : array-like of str or None
        Columns that there must be, in this order; None for any.

    Raises
    ------
    InputUnsupported
        If there are others, or a column is not of numbers.
    """
    if names is not None and list(table.columns) != list(names):
        raise InputUnsupported("other columns than those that were fitted")
    found = [read(one) for one in table.columns.values()]
    kinds = {one.dtype.kind if type(one) is np.ndarray else "O" for one in found}
    if not kinds <= {"i", "f"} and kinds != {"b"}:
        raise InputUnsupported("columns that are not of numbers")
    return side_by_side(found, table.n_rows)


def original_step(fitted: Any, reason: str) -> OriginalStep:
    """Return the step of a transformer that is not compiled, for a reason."""
    if row_map(fitted) is None:
        return OriginalStep(fitted, reason)
    return RowMapStep(fitted, f"{reason}; what its source tells is done without it")
