"""One row in the form of the data that an estimator was fitted on."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from typing import Any

import numpy as np
from scipy import sparse

from ._compat import num_samples, safe_indexing


def one_rows(X, n_most: int) -> list[Any]:
    """Return the first rows of X in the form in which one row is answered fastest.

    Parameters
    ----------
    X : array-like, sparse matrix, data frame or list of str
    n_most : int

    Returns
    -------
    list
        Mappings of column to value for a data frame, 1-D arrays for a 2-D array, else elements.
        Empty for a sparse matrix.
    """
    if sparse.issparse(X):
        return []
    some = safe_indexing(X, slice(0, n_most))
    if hasattr(some, "to_dicts"):
        return some.to_dicts()
    if hasattr(some, "columns"):
        return some.to_dict("records")
    return list(some)


@dataclass(frozen=True)
class RowTemplate:
    """The kind of X that was seen in fit, for making one row of the same kind.

    Attributes
    ----------
    empty : array-like, sparse matrix or data frame
        X without its rows: container, columns and dtypes.
    of_text : bool
        Whether X was texts.
    """

    empty: Any
    of_text: bool = False

    @classmethod
    def from_data(cls, X) -> RowTemplate:
        """Template of `X`; keeps none of its rows."""
        of_text = False
        if not hasattr(X, "columns") and getattr(X, "ndim", 1) == 1 and num_samples(X):
            (first,) = safe_indexing(X, slice(0, 1))
            of_text = isinstance(first, (str, bytes))
        return cls(safe_indexing(X, slice(0, 0)), of_text)

    def check_names(self, row: Mapping) -> None:
        """Raise ValueError if a mapping lacks a column that was seen in fit."""
        for name in self.names:
            if name not in row:
                missing = [name for name in self.names if name not in row]
                raise ValueError(f"columns are missing: {missing}. Pass {self._expected()}.")

    @cached_property
    def names(self) -> tuple[Any, ...]:
        """Names of the columns; none if it was no data frame."""
        return tuple(self.empty.columns) if hasattr(self.empty, "columns") else ()

    # An empty data frame is stored as what it is made from, so that a pickle does not depend on the
    # insides of pandas or polars, and tools that refuse pickles (skops) can store it.

    def __getstate__(self) -> dict[str, Any]:
        return _plain_frame(self.empty) or {"empty": self.empty, "of_text": self.of_text}

    def __setstate__(self, state: dict[str, Any]) -> None:
        empty = state["empty"] if "empty" in state else _frame_of(state)
        object.__setattr__(self, "empty", empty)
        object.__setattr__(self, "of_text", state.get("of_text", False))

    def make(self, row):
        """X of one row.

        Parameters
        ----------
        row : str, mapping of column to value, 1-D array-like, or X of one row
            A mapping may hold more columns than needed, in any order.

        Returns
        -------
        X of shape (1, n_features) or of length 1
            In the container that was seen in fit.

        Raises
        ------
        ValueError
            If a column is missing, or there are too many or too few values.
        TypeError
            If `row` does not have the form that the data had in fit.
        """
        if hasattr(self.empty, "columns"):
            return self._frame(row)
        if isinstance(row, Mapping):
            raise TypeError(
                "Got a mapping of column to value, but the estimator was not fitted on a data "
                f"frame. Pass {self._expected()}."
            )
        if sparse.issparse(self.empty):
            return self._two_dimensional(row)
        if getattr(self.empty, "ndim", 1) == 2:
            return self._two_dimensional(row)
        if self.of_text:
            check_text(row)
        if isinstance(self.empty, list):
            return [row]
        if isinstance(self.empty, np.ndarray):
            made = np.empty(1, dtype=self.empty.dtype if self.empty.dtype.kind != "U" else object)
            made[0] = row
            return made
        return type(self.empty)([row])

    def _expected(self) -> str:
        if hasattr(self.empty, "columns"):
            return f"a mapping with the columns {list(self.empty.columns)}"
        if getattr(self.empty, "ndim", 1) == 2:
            return f"a 1-D array of {self.empty.shape[1]} values"
        return "one element, such as a str"

    def _two_dimensional(self, row):
        n_columns = self.empty.shape[1]
        if sparse.issparse(row):
            made = row
        else:
            if isinstance(row, str):
                raise TypeError(f"Got a str. Pass {self._expected()}.")
            made = np.asarray(row, dtype=object if self.empty.dtype == object else None)
            made = made.reshape(1, -1) if made.ndim == 1 else made
        if made.shape != (1, n_columns):
            raise ValueError(f"Got values of shape {made.shape}. Pass {self._expected()}.")
        return made

    def _frame(self, row):
        if hasattr(row, "columns"):
            if len(row) != 1:
                raise ValueError(f"Got a data frame of {len(row)} rows. Pass one row.")
            return row
        columns = list(self.empty.columns)
        if isinstance(row, Mapping):
            self.check_names(row)
            values = [row[column] for column in columns]
        else:
            if isinstance(row, str):
                raise TypeError(f"Got a str. Pass {self._expected()}.")
            values = list(row)
            if len(values) != len(columns):
                raise ValueError(f"Got {len(values)} values. Pass {self._expected()}.")
        if hasattr(self.empty, "iloc"):
            # Whole columns keep their dtypes, categories included.
            made = type(self.empty)({c: [v] for c, v in zip(columns, values, strict=True)})
            return made.astype(self.empty.dtypes)
        return type(self.empty)([values], schema=self.empty.schema, orient="row")


def check_text(row) -> None:
    """Raise TypeError if a row is not what a vectorizer takes for a document.

    A missing value passes, for the vectorizer to say so.
    """
    if not isinstance(row, (str, bytes)) and row is not np.nan:
        raise TypeError(f"The row is of type {type(row).__name__}. Pass one str.")


def _plain_frame(frame) -> dict[str, Any] | None:
    """What an empty data frame is made from; None if it is none, or has dtypes without a name."""
    package = type(frame).__module__.partition(".")[0]
    if package == "polars" and hasattr(frame, "write_ipc"):
        buffer = BytesIO()
        frame.write_ipc(buffer)
        return {"package": package, "arrow": buffer.getvalue()}
    if package != "pandas" or not hasattr(frame, "iloc") or frame.columns.nlevels > 1:
        return None
    named = [_named_dtype(dtype) for dtype in frame.dtypes]
    if None in named:
        return None
    return {"package": package, "columns": list(frame.columns), "dtypes": named}


def _frame_of(state: Mapping[str, Any]):
    """Empty data frame from what `_plain_frame` returned."""
    if state["package"] == "polars":
        import polars as pl

        return pl.read_ipc(state["arrow"])
    import pandas as pd

    columns = [pd.Series([], dtype=_dtype(named)) for named in state["dtypes"]]
    frame = pd.concat(columns, axis=1) if columns else pd.DataFrame()
    frame.columns = state["columns"]
    return frame


def _named_dtype(dtype) -> Any:
    """Name of a pandas dtype, with the categories of a categorical one; None if that loses some."""
    if hasattr(dtype, "categories"):
        of_categories = _named_dtype(dtype.categories.dtype)
        if of_categories is None:
            return None
        return ["category", dtype.categories.tolist(), of_categories, bool(dtype.ordered)]
    with suppress(TypeError):
        return str(dtype) if _dtype(str(dtype)) == dtype else None
    return None


def _dtype(named):
    import pandas as pd

    if isinstance(named, str):
        return pd.api.types.pandas_dtype(named)
    _, categories, of_categories, ordered = named
    return pd.CategoricalDtype(pd.Index(categories, dtype=_dtype(of_categories)), ordered)
