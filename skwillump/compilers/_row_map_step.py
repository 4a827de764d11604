"""A step of the user's own over data frames, of which one row needs none."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from .._one_row import FittedRow, SelectedRow
from ._features import in_double, only, to_dense
from ._forwarding import forwarded
from ._original_step import NumberMapStep, OriginalScorer, OriginalStep
from ._scorers import Scorer
from ._unsupported import InputUnsupported
from .own_code._rows import RowMap, row_map
from .own_code._texts import number_map
from .own_code._values import NUMBERS


@dataclass(frozen=True, eq=False)
class RowMapStep(OriginalStep):
    """A step that is not compiled, and whose source tells what becomes of one row."""

    wants_rows = False
    needs_rows = True  # of a row of which only the original can tell
    opens_frames = False

    @property
    def reads_mapping(self) -> bool:
        return self._map is None or not self._map.of_text

    @cached_property
    def _map(self) -> RowMap | None:
        return row_map(self.original)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_map"}

    def of_row(self, x: Any) -> Any:
        """Return what becomes of one row, in the form that a step after it takes.

        Raises
        ------
        InputUnsupported
            If only the original can tell.
        """
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
        made = self.of_row(x)
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
            return self.dense_row(self.row_of(x))
        return only(to_dense(in_double(numbers) if self.doubles else numbers))

    def transform_one(self, x: Any) -> Any:
        return self.transform(self.row_of(x))

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

    def score_one(self, x: Any) -> np.ndarray:
        try:
            return only(self._multiplied(self.step.numbers(x)))
        except InputUnsupported:
            return self.score_row(self.step.row_of(x))


def original_step(fitted: Any, reason: str) -> OriginalStep:
    """Return the step of a transformer that is not compiled, for a reason."""
    if number_map(fitted) is not None:
        return NumberMapStep(fitted, reason)
    return (OriginalStep if row_map(fitted) is None else RowMapStep)(fitted, reason)
