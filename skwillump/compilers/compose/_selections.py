"""The columns of its input that a block reads."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ..._containers import frame_of, frame_of_row, is_frame
from ..._one_row import NOT_READ, FittedRow, RowColumns, RowTemplate, SelectedRow, array_of_row
from .._unsupported import InputUnsupported, Unsupported
from ..tables._input import InputSpec
from ..tables._tables import Table


class Rows:
    """X of one row for all blocks that want the whole of it, made once."""

    def __init__(self, template: RowTemplate):
        self._template = template
        self._made: Any = None

    def of(self, x: Any) -> Any:
        """Return X of the row."""
        if self._made is None:
            self._made = self._template.make(x)
        return self._made


@dataclass(frozen=True, eq=False)
class Selection:
    """The part of the input that a block reads: all of it."""

    @property
    def positions(self) -> tuple[int, ...] | None:
        """Positions of its columns; None for all."""
        return None

    @property
    def is_vector(self) -> bool:
        """Whether it is one column as a vector."""
        return False

    def of(self, X: Any) -> Any:
        """Select from many rows."""
        return X

    def of_one(self, x: Any) -> Any:
        """Select from one row."""
        return x

    def one_row(self, x: Any, rows: "Rows") -> Any:
        """Select from one row, as X of one row."""
        return rows.of(x)

    def mapping_one(self, x: Any) -> Any:
        """Select from one row, as a mapping where it has names."""
        return x

    def table(self, table: Table) -> Table:
        """Select from a table of all columns."""
        return table

    def same_as(self, other: "Selection") -> bool:
        """Tell whether another selection from the same input is the same part of it."""
        return (other.positions, other.is_vector) == (self.positions, self.is_vector)

    def within(self, outer: "Selection") -> "Selection":
        """Return the selection from what the outer one selects from."""
        return outer

    def of_columns(self, inner: "ColumnSelection") -> "ColumnSelection":
        """Return a selection from what this one selects as one from its input."""
        return inner


@dataclass(frozen=True, eq=False)
class ColumnSelection(Selection):
    """Columns of a table, as ``ColumnTransformer`` passes them to a transformer."""

    columns: int | tuple[int, ...]  # positions among the fitted columns; one alone is a vector
    names: tuple[Any, ...] | None  # of all columns that were fitted
    n_columns: int

    @property
    def positions(self) -> tuple[int, ...]:
        return (self.columns,) if isinstance(self.columns, int) else self.columns

    @property
    def is_vector(self) -> bool:
        return isinstance(self.columns, int)

    def table(self, table: Table) -> Table:
        return table.select(self.positions)

    def within(self, outer: Selection) -> "ColumnSelection":
        return outer.of_columns(self)

    def of_columns(self, inner: "ColumnSelection") -> "ColumnSelection":
        if isinstance(self.columns, int):
            raise Unsupported("columns are selected from a single one")
        columns = (
            self.columns[inner.columns]
            if isinstance(inner.columns, int)
            else tuple(self.columns[position] for position in inner.columns)
        )
        return ColumnSelection(columns, self.names, self.n_columns)

    def of(self, X: Any) -> Any:
        of_frame = frame_of(X)
        columns = self.columns if isinstance(self.columns, int) else list(self.columns)
        is_table = isinstance(X, np.ndarray) and X.ndim == 2 and X.shape[1] == self.n_columns
        try:
            if of_frame is not None:
                return of_frame.select(X, self._labels())
            if is_table and self.names is None:
                return X[:, columns]
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise InputUnsupported(f"columns cannot be selected: {error}") from error
        raise InputUnsupported(f"{type(X).__name__} has no columns to select")

    def of_one(self, x: Any) -> Any:
        if not isinstance(self.columns, int):
            return self.one_row(x)
        value = self.row_columns.value(x, self.columns)
        if value is NOT_READ:
            raise InputUnsupported(f"{type(x).__name__} is no row with columns")
        return value

    def one_row(self, x: Any, rows: "Rows | None" = None) -> Any:
        if is_frame(x):
            return self.of(x)
        values = self.row_columns.values(x, self.positions)
        if values is None:
            raise InputUnsupported(f"{type(x).__name__} is no row with columns")
        selected = [values[position] for position in self.positions]
        if self.names is None:
            row = array_of_row(selected)
            return row[:, 0] if isinstance(self.columns, int) else row
        labels = self._labels()
        if isinstance(self.columns, int):
            made = self._frame_of(x, [labels], selected)
            return frame_of(made).select(made, labels)  # type: ignore[union-attr]
        return self._frame_of(x, labels, selected)

    def mapping_one(self, x: Any) -> Any:
        row = x.plain() if type(x) is FittedRow else x
        values = None if row is None else self.row_columns.values(row, self.positions)
        if values is None or self.names is None:
            return self.one_row(x)
        made = {self.names[position]: values[position] for position in self.positions}
        return SelectedRow(made, lambda: self.one_row(x))

    def _frame_of(self, x: Any, labels: Sequence[Any], values: Sequence[Any]) -> Any:
        """Return the values of one row as a data frame, with the dtypes of fit if it tells them."""
        if type(x) is FittedRow:
            return x.frame(labels)
        return frame_of_row(dict(zip(labels, values, strict=True)))

    @cached_property
    def row_columns(self) -> RowColumns:
        """The columns of one row."""
        return RowColumns(self.names, self.n_columns)

    def _labels(self) -> Any:
        """Return names for positions: a data frame is read by name if one was fitted."""
        if self.names is None:
            raise InputUnsupported("a row or frame of names, but an array was fitted")
        if isinstance(self.columns, int):
            return self.names[self.columns]
        return [self.names[column] for column in self.columns]


def wants_row(reader: Any, selection: Selection) -> bool:
    """Tell whether X of one row is made for what reads a selection from it."""
    return reader.wants_rows or (reader.reads_mapping and selection.is_vector)


def selected_one(reader: Any, selection: Selection, x: Any) -> Any:
    """Select from one row for what wants no X of it."""
    return selection.mapping_one(x) if reader.reads_mapping else selection.of_one(x)


def common_spec(
    selections: Sequence[ColumnSelection], required: InputSpec | None = None
) -> InputSpec:
    """Return what reads all the columns that are selected, and demands those that are required."""
    first = selections[0]
    selected = sorted({position for one in selections for position in one.positions})
    needed = tuple(selected) if required is None else required.needed
    return InputSpec(first.names, first.n_columns, True, needed)


def unread_columns(required: InputSpec | None, selections: Sequence[Selection]) -> InputSpec | None:
    """Return what demands columns if it demands one that none of the selections reads."""
    if required is None:
        return None
    needed = range(required.n_columns) if required.needed is None else required.needed
    read = {position for one in selections for position in one.positions or ()}
    return None if read.issuperset(needed) else required
