"""How a transformer finds the columns that it was fitted on: in an input, and in one row."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..._compat import library_of, n_columns_in, names_in
from ..._containers import column_names, is_plain_array, read_frame_of
from ..._one_row import RowColumns
from .._unsupported import InputUnsupported, Unsupported
from ._row_table import RowTable
from ._sources import ArraySource, FrameSource, Source
from ._tables import ChunkTable


class Opened:
    """An input that is read more than once: columns, and the numbers of its keys, are kept.

    Attributes
    ----------
    X : object
        The input itself.
    """

    def __init__(self, X: Any):
        self.X = X
        self._sources: dict[Any, Source] = {}
        self._selected: list[tuple[Any, Any]] = []

    def source(self, spec: "InputSpec") -> Source:
        """Return the input as `InputSpec.open` does, for the first time or again."""
        key = (spec.names, spec.n_columns, spec.by_name, spec.is_as_fitted)
        if key not in self._sources:
            source = spec.open(self.X)
            source.kept = {}
            self._sources[key] = source
        return self._sources[key]

    def selected(self, selection: Any, read: Callable[[Any], Any]) -> Any:
        """Return what is read of a selection from the input, for the first time or again."""
        for known, found in self._selected:
            if known.same_as(selection):
                return found
        found = read(selection.of(self.X))
        self._selected.append((selection, found))
        return found


@dataclass(frozen=True, eq=False)
class InputSpec(RowColumns):
    """The columns that a transformer was fitted on, and how it finds them.

    Attributes
    ----------
    names : tuple or None
        None if it was fitted on an array.
    n_columns : int
    """

    # Whether columns may come in another order and beside others, as for a ColumnTransformer.
    by_name: bool
    # Positions of the columns that there must be, and that are read of one row; None for all.
    needed: tuple[int, ...] | None = None
    # Whether the container is as it was: a list or a data frame is no array.
    is_as_fitted: bool = False

    @classmethod
    def of(cls, fitted: Any, *, by_name: bool = False) -> "InputSpec":
        """Read what a fitted estimator tells."""
        n_columns = n_columns_in(fitted)
        if n_columns is None:
            raise Unsupported("it does not tell how many columns it was fitted on")
        return cls(names_in(fitted), n_columns, by_name)

    @classmethod
    def of_model(cls, model: Any) -> "InputSpec":
        """Read what a fitted model tells, of which some give names of their own to columns."""
        spec = cls.of(model)
        library = library_of(type(model))
        own_names = tuple(f"Column_{i}" for i in range(spec.n_columns))
        if library == "lightgbm" and spec.names == own_names:
            spec = replace(spec, names=None)  # until 4.7 it names the columns of arrays
        return spec

    def open(self, X: Any) -> Source:
        """Return the input as a source.

        Raises
        ------
        InputUnsupported
            For input that scikit-learn would refuse or warn about, and for containers that are
            not known here.
        """
        source: Source
        if type(X) is Opened:
            return X.source(self)
        if self.is_as_fitted and self.names is None and not is_plain_array(X):
            raise InputUnsupported(f"{type(X).__name__}, but an array was fitted")
        kind = read_frame_of(X)
        if kind is not None:
            columns = kind.names(X)
            source = FrameSource(kind, X, self._names_in(columns), columns)
        elif is_plain_array(X) or type(X) is list:
            if isinstance(X, list):
                X = self._array_of(X)
            if X.ndim != 2 or X.shape[1] != self.n_columns:
                raise InputUnsupported(f"an array of shape {X.shape}")
            if self.names is not None:
                raise InputUnsupported("an array, but a data frame was fitted")
            source = ArraySource(X)
        else:
            raise InputUnsupported(f"{type(X).__name__} is not read by column")
        if not source.n_rows:
            raise InputUnsupported("no rows")
        return source

    def check_columns(self, X: Any) -> None:
        """Raise `InputUnsupported` for a data frame without a column that the original demands."""
        columns = column_names(X)
        if self.names is not None and columns is not None:
            self._refuse_missing(columns)

    def _names_in(self, columns: list[Any]) -> tuple[Any, ...]:
        """Return what the fitted columns are called in a data frame."""
        names = self.names
        if names is None:
            if self.by_name or len(columns) != self.n_columns:
                raise InputUnsupported("a data frame, but an array was fitted")
            if any(isinstance(column, str) for column in columns):
                raise InputUnsupported("a data frame with names, but an array was fitted")
            if len(set(columns)) != len(columns):
                raise InputUnsupported("several columns of one name")
            return tuple(columns)
        if self.by_name:
            self._refuse_missing(columns)
        elif tuple(columns) != names:
            raise InputUnsupported("other columns than those that were fitted")
        return names

    def _refuse_missing(self, columns: list[Any]) -> None:
        assert self.names is not None
        names = self.names
        if tuple(columns) == names:  # faster than a set
            return
        demanded = names if self.needed is None else [names[p] for p in self.needed]
        found = set(columns)
        if len(found) != len(columns):
            raise InputUnsupported("several columns of one name")
        if not found.issuperset(demanded):
            raise InputUnsupported("columns are missing")

    def _array_of(self, X: list[Any]) -> np.ndarray:
        """Make the array that scikit-learn makes of a list of rows."""
        try:
            # A ColumnTransformer keeps the objects, other transformers make numbers of them.
            array = np.asarray(X, dtype=object if self.by_name else None)
        except ValueError as error:
            raise InputUnsupported(str(error)) from error
        if not self.by_name and array.dtype.kind not in "iuf":
            raise InputUnsupported(f"a list that becomes an array of {array.dtype}")
        return array

    def chunk(self, source: Source, rows: slice | np.ndarray) -> ChunkTable:
        """Return rows of a source, with all columns."""
        return ChunkTable(source, rows, tuple(range(self.n_columns)))

    def row(self, x: Any) -> RowTable:
        """Return one row.

        Parameters
        ----------
        x : as for `RowColumns.values`

        Raises
        ------
        ValueError
            If a column is missing, or there are too many or too few values.
        InputUnsupported
            For what only X of one row tells.
        """
        values = self.values(x, self.needed)
        if values is None:
            raise InputUnsupported(f"{type(x).__name__} is no row with columns")
        return RowTable(values, names=self.names)
