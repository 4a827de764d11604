"""Columns of a batch without a data frame: what a step of the user's own makes of it."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ._base import Categories, Frame, Values


class TextColumn:
    """Texts, and what is missing among them, by their positions among different ones.

    Attributes
    ----------
    codes : ndarray of intp of shape (n_rows,)
    values : list
        Each is of a row; some may be equal.
    is_category : bool
        Whether pandas would make a categorical column of them.
    """

    __slots__ = ("codes", "is_category", "values")

    def __init__(self, codes: np.ndarray, values: list[Any], *, is_category: bool = False):
        self.codes, self.values, self.is_category = codes, values, is_category

    def objects(self) -> np.ndarray:
        """Return the values as an array of objects."""
        found = np.empty(len(self.values), dtype=object)
        found[:] = self.values
        return found[self.codes]


class FrameColumn:
    """A column of a data frame as it is, which is read where it is needed.

    Attributes
    ----------
    kept : object
        What was read of it for steps of the user's own; None before.
    """

    __slots__ = ("_frame", "_kind", "_name", "kept")

    def __init__(self, kind: Frame, frame: Any, name: str):
        self._kind, self._frame, self._name = kind, frame, name
        self.kept: Any = None

    def values(self) -> Values | None:
        """Return what a compiled step reads; None for a dtype that scikit-learn must judge."""
        return self._kind.values(self._frame, self._name)

    def series(self) -> Any:
        """Return it as a series."""
        return self._frame[self._name]


class ColumnTable:
    """Columns by name.

    Attributes
    ----------
    columns : dict of str to ndarray, TextColumn or FrameColumn
    """

    __slots__ = ("columns", "n_rows")

    def __init__(self, columns: Mapping[str, Any], n_rows: int):
        self.columns, self.n_rows = columns, n_rows

    def __len__(self) -> int:
        return self.n_rows


class ColumnTableFrame(Frame):
    """Columns that compiled steps read as they read those of a data frame of pandas."""

    is_encoded_by_column = True

    def common_dtype(self, dtypes: set[np.dtype]) -> np.dtype:
        """Return the dtype of the NumPy array; it is of objects for booleans beside numbers."""
        if len(dtypes) > 1 and np.dtype(bool) in dtypes:
            return np.dtype(object)
        return np.result_type(*dtypes)

    def names(self, frame: ColumnTable) -> list[Any]:
        return list(frame.columns)

    def column(self, frame: ColumnTable, name: Any) -> Any | None:
        found = frame.columns.get(name)
        return found.series() if type(found) is FrameColumn else None

    def values(self, frame: ColumnTable, name: Any) -> Values | None:
        found = frame.columns.get(name)
        if type(found) is FrameColumn:
            return found.values()
        if type(found) is TextColumn:
            return Categories(found.codes, found.values)
        return found

    def select(self, frame: ColumnTable, names: Any) -> Any:
        if isinstance(names, list):
            return ColumnTable({name: frame.columns[name] for name in names}, frame.n_rows)
        found = frame.columns[names]
        if type(found) is FrameColumn:
            return found.series()
        return found.objects() if type(found) is TextColumn else found
