"""The values of one row of any form, by column."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .._containers import frame_of, is_frame, num_samples, series_of


class _NotRead:
    """Stands for the value of a column that no step reads."""

    def __repr__(self) -> str:
        return "a column that no step reads"


NOT_READ = _NotRead()
"""The value of a column that no step reads."""


@dataclass(frozen=True, eq=False)
class RowColumns:
    """The columns that a row is to have, and how their values are found."""

    names: tuple[Any, ...] | None  # None if an array was fitted: then there is an order only
    n_columns: int

    def values(self, x: Any, needed: tuple[int, ...] | None = None) -> list[Any] | None:
        """Return the values of a row in the order of the columns.

        Parameters
        ----------
        x : mapping of column to value, sequence, 1-D array, Series, or X of one row
            A mapping may hold more columns than there are, in any order.
        needed : tuple of int, optional
            Positions of the columns that there must be; a mapping is asked for no other. All by
            default.

        Returns
        -------
        list or None
            None where only X of one row tells what the values are.

        Raises
        ------
        ValueError
            If a column is missing, there are too many or too few values, or more rows than one.
        """
        row = x if isinstance(x, dict) else self._plain(x)
        if row is None:
            return None
        if isinstance(row, list):
            if len(row) != self.n_columns:
                raise self.wrong_number(len(row))
            return row
        names = self.names
        if names is None:
            return None
        try:
            if needed is None:
                return [row[name] for name in names]
            values: list[Any] = [NOT_READ] * self.n_columns
            for position in needed:
                values[position] = row[names[position]]
            return values
        except KeyError:
            raise self._lacking(row, needed) from None

    def value(self, x: Any, position: int) -> Any:
        """Return the value of one column of a row; `NOT_READ` where `values` returns None.

        Raises
        ------
        ValueError
            As `values` does.
        """
        if isinstance(x, dict) and self.names is not None:
            name = self.names[position]
            if name in x:
                return x[name]
        values = self.values(x, (position,))
        return NOT_READ if values is None else values[position]

    def check_names(self, row: Mapping[Any, Any], needed: tuple[int, ...] | None = None) -> None:
        """Raise ValueError if a mapping lacks a column that is needed."""
        names = self.names
        if names is None:
            return
        wanted = names if needed is None else [names[position] for position in needed]
        if not all(name in row for name in wanted):
            raise self._lacking(row, needed)

    def _lacking(self, row: Mapping[Any, Any], needed: tuple[int, ...] | None) -> ValueError:
        assert self.names is not None
        wanted = self.names if needed is None else [self.names[at] for at in needed]
        missing = [name for name in wanted if name not in row]
        return ValueError(f"columns are missing: {missing}. Pass {self.expected()}.")

    def wrong_number(self, n_values: int) -> ValueError:
        """Return the error for a row of too many or too few values."""
        held = f"{n_values} value{'' if n_values == 1 else 's'}"
        return ValueError(
            f"The row has {held}, but {self.n_columns} are expected. Pass {self.expected()}."
        )

    def expected(self) -> str:
        """Say what to pass."""
        if self.names is not None:
            return f"a mapping with the columns {list(self.names)}"
        return f"a list or 1-D array of {self.n_columns} values"

    def _plain(self, x: Any) -> Mapping[Any, Any] | list[Any] | None:
        """Return a row as a mapping, or as a list of its values."""
        kind = type(x)
        if kind is list:
            return x
        if kind is tuple:
            return list(x)
        if isinstance(x, np.ndarray):
            if x.ndim == 2:
                check_one(x)
                x = x[0]
            if x.ndim != 1:
                return None
            # Python's own numbers are of double precision.
            return list(x) if x.dtype.kind == "f" and x.dtype != np.float64 else x.tolist()
        if isinstance(x, Mapping):
            return x
        if isinstance(x, Sequence) and not isinstance(x, (str, bytes)):
            return list(x)
        of_frame = frame_of(x)
        if of_frame is not None:
            check_one(x)
            return None if self.names is None else of_frame.first_row(x)
        of_series = series_of(x)
        if of_series is not None and of_series.has_index:
            if self.names is not None:
                return x.to_dict()
            # Labels that are no str are not known to estimators, but to who saw X.
            in_order = list(x.index) == list(range(len(x)))
            return self._plain(x.to_numpy()) if in_order else None
        return None


def is_value(x: Any) -> bool:
    """Tell whether one row is one value, as of a column, and no row of columns."""
    if isinstance(x, str):
        return True
    return not (isinstance(x, (Mapping, Sequence, np.ndarray)) or is_frame(x) or series_of(x))


def check_one(X: Any) -> None:
    """Raise ValueError if a data frame, array or matrix is not of one row."""
    n_rows = num_samples(X)
    if n_rows != 1:
        what = "a data frame" if is_frame(X) else "an array"
        raise ValueError(f"Got {what} of {n_rows} rows. Pass one row.")


if TYPE_CHECKING:
    from ._template import RowTemplate


class FittedRow(dict[Any, Any]):
    """The values of one row by column, and data frames of them as `RowTemplate.make` makes them.

    Parameters
    ----------
    values : mapping of column to value
    template : RowTemplate
        Of rows that were seen in fit.
    """

    __slots__ = ("template",)

    def __init__(self, values: Mapping[Any, Any], template: "RowTemplate"):
        super().__init__(values)
        self.template = template

    def frame(self, names: Sequence[Any]) -> Any:
        """Return some of the columns as a data frame of one row."""
        return self.template.frame_with(self, names)

    def plain(self) -> dict[Any, Any] | None:
        """Return the values as a data frame of them holds them, in the order of its columns.

        None where that is not known without one.
        """
        return self.template.plain_values(self)


class SelectedRow(dict[Any, Any]):
    """The values of one row that a step chose or made, by column.

    Parameters
    ----------
    values : mapping of column to value
    frame : callable
        It returns the data frame.
    """

    __slots__ = ("frame",)

    def __init__(self, values: Mapping[Any, Any], frame: Callable[[], Any]):
        super().__init__(values)
        self.frame = frame
