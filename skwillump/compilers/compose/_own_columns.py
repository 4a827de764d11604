"""Columns of a data frame that a step of the user's own chooses.

`chosen_columns` recognises such a step. What follows it then reads the columns as it would behind a
`ColumnTransformer`: in a pass over the table, or as one text of a row.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from ..._one_row import array_of_row
from .._forwarding import any_of_steps, forwarded
from .._original_step import FillStep, OriginalStep
from .._row_map_step import RowMapStep
from .._scorers import Scorer
from .._steps import Step
from .._unsupported import InputUnsupported
from ..own_code._bytecode import chosen_columns, filled_texts
from ..own_code._rows import row_map
from ..tables._functions import IdentityStep
from ..tables._input import InputSpec
from ._selections import ColumnSelection
from ._sequences import SequenceScorer, SequenceStep


class ColumnsStep(IdentityStep):
    """Columns that a step chooses, for a step that reads a table."""

    chooses_by_name = True
    gives_array = True  # columns of a data frame are no sparse matrix


class ValuesSelection(ColumnSelection):
    """Columns of a data frame as an array."""

    def of(self, X: Any) -> Any:
        return super().of(X).to_numpy()

    def one_row(self, x: Any, rows: Any = None) -> Any:
        values = self.row_columns.values(x)
        if values is None:
            raise InputUnsupported(f"{type(x).__name__} is no row with columns")
        row = array_of_row(values)
        return row[:, 0] if self.is_vector else row


@dataclass(frozen=True, eq=False)
class SelectorStep(Step):
    """Columns that a step chooses, in the container that it returns, for any step that follows."""

    original: Any
    selection: ColumnSelection
    n_features: int | None = None

    chooses_columns = True
    is_vector = forwarded("selection.is_vector")

    def of_one(self, x: Any) -> Any:
        """Return X of one row of the columns."""
        return self.selection.one_row(x)

    def transform_one(self, x: Any) -> Any:
        try:
            return self.of_one(x)
        except InputUnsupported:
            return super().transform_one(x)


class SelectedStep(SequenceStep):
    """Steps behind one that chooses columns: one row needs no data frame of all columns."""

    wants_rows = False  # of one row the columns alone are made
    reads_text = False  # a row has columns
    reads_mapping = False

    @property
    def selector(self) -> SelectorStep:
        """The step that chooses."""
        return cast(SelectorStep, self.steps[0])

    needs_rows = any_of_steps("needs_rows")
    opens_frames = any_of_steps("opens_frames")

    @property
    def reads_value(self) -> bool:
        """Whether the last step reads what becomes of the value of the column of one row."""
        known = all(step.maps_values for step in self.steps[1:-1])
        return self.selector.is_vector and known and not self.last.wants_rows

    def value_before(self, x: Any) -> Any:
        value = self.selector.selection.of_one(x)
        for step in self.steps[1:-1]:
            value = step.of_value(value)
        return value

    def dense_one(self, x: Any) -> np.ndarray:
        if self.reads_value:
            return self.last.dense_one(self.value_before(x))
        return self.last.dense_row(self._no_surprise(self.before_one(x)))

    def before_one(self, x: Any) -> Any:
        """Return what the last step is given for one row: X of one row."""
        steps = self.steps[1:-1]
        if steps and self.selector.is_vector and steps[0].reads_text and not steps[0].wants_rows:
            text = self.selector.selection.of_one(x)
            if type(text) is str:
                return self._through(steps[1:], steps[0].transform_one(text))
        return self._through(steps, self.selector.of_one(x))

    @staticmethod
    def _through(steps: Sequence[Step], X: Any) -> Any:
        """Return what steps one after the other make of X of one row."""
        for step in steps:
            X = step.transform_row(X)
        return X

    def transform_one(self, x: Any) -> Any:
        try:
            if self.reads_value:
                return self.last.transform_one(self.value_before(x))
            return self.last.transform(self.before_one(x))
        except InputUnsupported:
            return Step.transform_one(self, x)

    def bind(self, coef: np.ndarray) -> Scorer:
        return SelectedScorer(self, self.last.bind(coef))


@dataclass(frozen=True, eq=False)
class SelectedScorer(SequenceScorer):
    """The last of some steps bound to coefficients, behind one that chooses columns."""

    sequence: SelectedStep

    def score_one(self, x: Any) -> np.ndarray:
        if self.sequence.reads_value:
            return self.scorer.score_one(self.sequence.value_before(x))
        return self.scorer.score_row(self.sequence.before_one(x))


@dataclass(frozen=True, eq=False)
class RowSelectorStep(RowMapStep):
    """Columns that a step chooses, for a step of the user's own that is told by rows."""

    why_not_compiled = ""


def row_selector_step(transformer: Any) -> RowSelectorStep | None:
    """Return a step that chooses columns for one that is told by rows; None if it is none."""
    chosen = chosen_columns(transformer)
    if chosen is None or chosen.is_vector or chosen.as_array or row_map(transformer) is None:
        return None
    return RowSelectorStep(transformer, "it chooses columns")


def columns_step(transformer: Any) -> ColumnsStep | None:
    """Return a step that chooses columns for one that reads a table; None if it is none."""
    chosen = chosen_columns(transformer)
    if chosen is None or chosen.is_vector:
        return None
    spec = InputSpec(chosen.names, len(chosen.names), True)
    return ColumnsStep(original=transformer, spec=spec, n_features=len(chosen.names))


def selector_step(transformer: Any) -> SelectorStep | None:
    """Return a step that chooses columns for any that follows; None if it is none."""
    chosen = chosen_columns(transformer)
    if chosen is None:
        return None
    columns = 0 if chosen.is_vector else tuple(range(len(chosen.names)))
    kind = ValuesSelection if chosen.as_array else ColumnSelection
    return SelectorStep(transformer, kind(columns, chosen.names, len(chosen.names)))


def filling_step(step: Step) -> Step:
    """Return a step that is not compiled as one that is asked for values of one row, if it is."""
    filled = filled_texts(step.original)
    if filled is None:
        return step
    return FillStep(step.original, step.why_not_compiled, text=filled.text)


def in_order(step: Step, names: tuple[Any, ...] | None) -> Step:
    """Return a step that is given columns by position: as it is where it would mistake them."""
    if not step.chooses_by_name or step.demands.names == names:
        return step
    return OriginalStep(step.original, "it chooses columns of those that are chosen for it")
