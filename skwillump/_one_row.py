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

from ._compat import column_names, num_samples, safe_indexing


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
    if hasattr(some, "to_pylist"):
        return some.to_pylist()
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
    of_mappings : bool
        Whether X was mappings, as for a `DictVectorizer`.
    """

    empty: Any
    of_text: bool = False
    of_mappings: bool = False

    @classmethod
    def from_data(cls, X) -> RowTemplate:
        """Template of `X`; keeps none of its rows."""
        first = None
        if not hasattr(X, "columns") and getattr(X, "ndim", 1) == 1 and num_samples(X):
            (first,) = safe_indexing(X, slice(0, 1))
        empty = safe_indexing(X, slice(0, 0))
        return cls(empty, isinstance(first, (str, bytes)), isinstance(first, Mapping))

    def check_names(self, row: Mapping) -> None:
        """Raise ValueError if a mapping lacks a column that was seen in fit."""
        for name in self.names:
            if name not in row:
                missing = [name for name in self.names if name not in row]
                raise ValueError(f"columns are missing: {missing}. Pass {self._expected()}.")

    @cached_property
    def names(self) -> tuple[Any, ...]:
        """Names of the columns; none if it was no data frame."""
        names = column_names(self.empty)
        return () if names is None else tuple(names)

    @cached_property
    def _narrow(self) -> tuple[tuple[Any, type], ...]:
        """Columns of numbers of less than double precision, with what rounds a number to theirs."""
        if hasattr(self.empty, "columns"):
            dtypes = list(zip(self.names, _dtypes(self.empty), strict=True))
        else:
            dtypes = [(None, getattr(self.empty, "dtype", None))]
        found = [(name, _NARROW.get(str(dtype).lower())) for name, dtype in dtypes]
        return tuple((name, rounding) for name, rounding in found if rounding is not None)

    def rounded(self, row):
        """A row with numbers as precise as the columns that were seen in fit.

        Parameters
        ----------
        row : as for `make`

        Returns
        -------
        row, or a mapping in its place
            None where only `make` can do it.
        """
        if not self._narrow or hasattr(row, "columns"):
            return row
        if not self.names:
            return row if hasattr(row, "dtype") else None
        if isinstance(row, (list, tuple)):
            if len(row) != len(self.names):
                return row  # for its reader to refuse
            row = dict(zip(self.names, row, strict=True))
        if not isinstance(row, Mapping):
            return None
        rounded = dict(row)
        for name, rounding in self._narrow:
            value = row.get(name)
            if isinstance(value, (int, float, np.number)) or (value is None and name in row):
                rounded[name] = rounding(value)
        return rounded

    # An empty data frame is stored as what it is made from, so that a pickle does not depend on the
    # insides of pandas or polars, and tools that refuse pickles (skops) can store it.

    def __getstate__(self) -> dict[str, Any]:
        plain = _plain_frame(self.empty)
        if plain is not None:
            return plain
        return {"empty": self.empty, "of_text": self.of_text, "of_mappings": self.of_mappings}

    def __setstate__(self, state: dict[str, Any]) -> None:
        empty = state["empty"] if "empty" in state else _frame_of(state)
        object.__setattr__(self, "empty", empty)
        object.__setattr__(self, "of_text", state.get("of_text", False))
        object.__setattr__(self, "of_mappings", state.get("of_mappings", False))

    def make(self, row):
        """X of one row.

        Parameters
        ----------
        row : str, mapping of column to value, 1-D array-like, or X of one row
            A mapping may hold more columns than needed, in any order. So may a pandas Series,
            whose index is the names.

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
        if self.of_mappings:
            if not isinstance(row, Mapping):
                raise TypeError(f"The row is of type {type(row).__name__}. Pass one mapping.")
        elif isinstance(row, Mapping):
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
            return f"a mapping with the columns {list(self.names)}"
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
            dtype = object if self.empty.dtype == object else None
            if self._narrow and not hasattr(row, "dtype"):
                dtype = self.empty.dtype
            made = np.asarray(row, dtype=dtype)
            made = made.reshape(1, -1) if made.ndim == 1 else made
        if made.shape != (1, n_columns):
            raise ValueError(f"Got values of shape {made.shape}. Pass {self._expected()}.")
        return made

    def _frame(self, row):
        if hasattr(row, "columns"):
            check_one(row)
            return row
        names = self.names
        if hasattr(row, "iloc"):
            row = row.to_dict()
        elif getattr(row, "ndim", 1) == 2:
            check_one(row)
            row = row[0]
        if isinstance(row, Mapping):
            self.check_names(row)
            values = [row[name] for name in names]
        else:
            if isinstance(row, str):
                raise TypeError(f"Got a str. Pass {self._expected()}.")
            values = list(row)
            if len(values) != len(names):
                raise ValueError(f"Got {len(values)} values. Pass {self._expected()}.")
        if hasattr(self.empty, "to_pylist"):
            made = dict(zip(names, values, strict=True))
            return type(self.empty).from_pylist([made], schema=self.empty.schema)
        # Whole columns keep their dtypes, categories included.
        dtypes = {
            name: None if _alters(dtype, value) else dtype
            for name, dtype, value in zip(names, _dtypes(self.empty), values, strict=True)
        }
        if hasattr(self.empty, "iloc"):
            made = type(self.empty)({n: [v] for n, v in zip(names, values, strict=True)})
            return made.astype({n: dtype for n, dtype in dtypes.items() if dtype is not None})
        return type(self.empty)([values], schema=dtypes, orient="row")


_NARROW = {
    "float32": np.float32,
    "float16": np.float16,
    "float": np.float32,  # in Arrow
    "halffloat": np.float16,
    "float[pyarrow]": np.float32,
    "halffloat[pyarrow]": np.float16,
}
"""Names of dtypes of less than double precision, in lower case."""


def _dtypes(frame) -> list[Any]:
    """Dtypes of the columns of a pandas, polars or pyarrow table."""
    return list(frame.dtypes if hasattr(frame, "dtypes") else frame.schema.types)


def _alters(dtype, value) -> bool:
    """Whether a value of a row would be another one in a column of a dtype.

    Integers cut off what is behind the point and wrap around, and texts are made of anything.
    """
    if hasattr(dtype, "is_integer"):  # of polars
        return dtype.is_integer() and isinstance(value, float) and not value.is_integer()
    if type(dtype).__name__ == "StringDtype":
        is_missing = value is None or (isinstance(value, float) and np.isnan(value))
        return not (isinstance(value, str) or is_missing or type(value).__name__ == "NAType")
    if not isinstance(dtype, np.dtype) or dtype.kind not in "iub":
        return isinstance(value, (complex, np.complexfloating))
    try:
        with np.errstate(all="ignore"):
            return bool(np.array([value]).astype(dtype)[0] != value)
    except (TypeError, ValueError, OverflowError):
        return True


def check_one(X) -> None:
    """Raise ValueError if a data frame, array or matrix is not of one row."""
    n_rows = num_samples(X)
    if n_rows != 1:
        what = "a data frame" if hasattr(X, "columns") else "an array"
        raise ValueError(f"Got {what} of {n_rows} rows. Pass one row.")


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
