"""Every question to a container of rows, whatever library it is of.

`container_of` finds a container's kind by its type: one class a kind (`Container`), which knows
its library. A subclass of a library's class is what its parent is, and no library is imported to
ask. The functions below are the questions that are asked of anything.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import lru_cache
from importlib.util import find_spec
from typing import Any, cast

import numpy as np

from .._compat import library_of
from ._arrays import SPARSE_TYPES, Array, Elements, Sparse
from ._arrow import ArrowTable
from ._base import (
    ArrowTexts,
    Categories,
    CodedTexts,
    Container,
    Frame,
    Series,
    Values,
)
from ._column_table import ColumnTable, ColumnTableFrame, FrameColumn, TextColumn
from ._pandas import ForeignFrame, PandasArray, PandasFrame, PandasIndex
from ._polars import PolarsFrame

_PANDAS_FRAME, _POLARS_FRAME = PandasFrame(), PolarsFrame()

_OF_LIBRARIES: dict[tuple[str, str], Container] = {
    ("pandas", "DataFrame"): _PANDAS_FRAME,
    ("pandas", "Series"): PandasFrame.series,
    ("pandas", "ExtensionArray"): PandasArray(),
    ("pandas", "Index"): PandasIndex(),
    ("polars", "DataFrame"): _POLARS_FRAME,
    ("polars", "Series"): PolarsFrame.series,
    ("pyarrow", "Table"): ArrowTable(),
    ("pyarrow", "RecordBatch"): ArrowTable(),
    ("skwillump", "ColumnTable"): ColumnTableFrame(),
}
"""Kinds of containers by the library and the name of their class."""

_ARRAY, _ELEMENTS, _SPARSE = Array(), Elements(), Sparse()
_FOREIGN, _ANYTHING = ForeignFrame(), Container()


def container_of(X: Any) -> Container:
    """Return the kind of a container."""
    return _kind_of(type(X))


def _find_kind(kind: type) -> Container:
    for parent in kind.__mro__:
        found = _OF_LIBRARIES.get((library_of(parent), parent.__name__))
        if found is not None:
            return found
    if issubclass(kind, np.ndarray):
        return _ARRAY
    if issubclass(kind, (list, tuple)):
        return _ELEMENTS
    if issubclass(kind, SPARSE_TYPES):
        return _SPARSE
    return _FOREIGN if hasattr(kind, "columns") and hasattr(kind, "iloc") else _ANYTHING


_kind_of: Callable[[type], Container] = lru_cache(maxsize=256)(_find_kind)


def frame_of(X: Any) -> Frame | None:
    """Return the kind of a data frame; None for anything else."""
    kind = _kind_of(type(X))
    return cast(Frame, kind) if kind.is_frame else None


def read_frame_of(X: Any) -> Frame | None:
    """Return the kind of a data frame whose columns can be read; None for anything else."""
    kind = frame_of(X)
    return kind if kind is not None and kind.is_read else None


def series_of(X: Any) -> Series | None:
    """Return the kind of a series of pandas or polars; None for anything else."""
    kind = _kind_of(type(X))
    return cast(Series, kind) if kind.is_series else None


def is_frame(X: Any) -> bool:
    """Tell whether something is a table of named columns."""
    return _kind_of(type(X)).is_frame


def is_plain_array(X: Any) -> bool:
    """Tell whether X is a NumPy array of no subclass that makes something else of its elements."""
    return type(X) in (np.ndarray, np.memmap)


def num_samples(X: Any) -> int:
    """Count the rows of X as scikit-learn does, and raise what it raises."""
    return _kind_of(type(X)).n_rows(X)


def is_batch(X: Any) -> bool:
    """Tell whether X is of rows, maybe none, that can be taken and read twice.

    Not so iterators, sets, scalars, and mappings of columns, which have a length.
    """
    return _kind_of(type(X)).is_batch(X)


def has_rows(X: Any) -> bool:
    """Tell whether X has rows that can be taken and read twice."""
    return is_batch(X) and num_samples(X) > 0


def with_rows(X: Any) -> Any:
    """Return X, or a list of what an iterator, set, view or deque gives.

    scikit-learn's vectorizers of texts read these once, and no row of them can be taken.
    """
    if is_batch(X) or isinstance(X, (str, bytes, Mapping)) or not isinstance(X, Iterable):
        return X
    return list(X)


def take_rows(X: Any, rows: Any) -> Any:
    """Return rows of any container that scikit-learn takes, in the order given.

    Parameters
    ----------
    X : object
    rows : slice, array or list of positions or of booleans, or None for all of them
    """
    return X if rows is None else _kind_of(type(X)).take_rows(X, rows)


def column_names(X: Any) -> list[Any] | None:
    """Return the names of a data frame's columns; None for anything else."""
    kind = frame_of(X)
    return None if kind is None else kind.names(X)


def dtype_kind(X: Any) -> str | None:
    """Return the letter of NumPy for the kind of all values; None where none tells."""
    return _kind_of(type(X)).dtype_kind(X)


def fast_rows(X: Any, n_most: int) -> list[Any]:
    """Return the first rows of X in the form in which one row is answered fastest.

    Parameters
    ----------
    X : array-like, sparse matrix, data frame or list of str

    Returns
    -------
    list
        Mappings of column to value for a data frame, 1-D arrays for a 2-D array, else elements.
        Empty for a sparse matrix.
    """
    return container_of(X).rows(take_rows(X, slice(0, n_most)))


def first_answer(answers: Any) -> Any:
    """Return the answer for the first row; of several outputs, a list of theirs."""
    return [one[0] for one in answers] if isinstance(answers, list) else answers[0]


def is_none_or_nan(value: Any) -> bool:
    """Tell whether a value of a row stands for none: None, or a float that is NaN."""
    return value is None or (isinstance(value, float) and value != value)


def frame_of_row(row: Mapping[Any, Any], dtypes: Mapping[Any, Any] | None = None) -> Any:
    """Return a data frame of one row, of the library that is there: pandas or polars.

    Parameters
    ----------
    row : mapping of column to value
    dtypes : mapping of column to dtype, optional
        Those that are known.
    """
    if find_spec("pandas") is None:
        return _POLARS_FRAME.one_row(row, {})
    known = dict(dtypes or {})
    values = dict(row)
    for name, value in row.items():
        dtype = known.get(name)
        is_na = type(value).__name__ == "NAType"
        if dtype is not None and dtype.kind != "O" and not is_none_or_nan(value):
            del known[name]  # a value that is there tells its own
            dtype = None
        if is_none_or_nan(value):
            # Alone it does not tell whether its column holds numbers or texts. Among objects NaN
            # would be compared as Python does: the maximum of it and of a number is a number.
            known.setdefault(name, np.dtype(object if value is None else np.float64))
        elif is_na and dtype is None:
            # Of a column of numbers of pandas' own, in which scikit-learn sees NaN.
            values[name] = np.nan
    return _PANDAS_FRAME.one_row(values, known)


def series_of_text(text: str) -> Any:
    """Return a series of pandas of one text; None without pandas."""
    return None if find_spec("pandas") is None else _PANDAS_FRAME.series.of_text(text)


def frames_of_columns(row: Mapping[Any, Any], texts: Collection[Any]) -> Iterator[Any]:
    """Yield data frames of one row, for all that a missing value may be one of.

    First columns of texts and of numbers, as far as that is known, then of objects, and of texts.

    Parameters
    ----------
    row : mapping of column to value
    texts : collection
        Names of columns of texts.
    """
    if find_spec("pandas") is None:
        yield frame_of_row(row)
        return
    of_text, number = _PANDAS_FRAME.text_dtype(), np.dtype(np.float64)
    missing = [name for name, value in row.items() if is_none_or_nan(value)]
    yield frame_of_row(row, {name: of_text if name in texts else number for name in missing})
    for dtype in (np.dtype(object), of_text):
        yield frame_of_row(row, dict.fromkeys(missing, dtype))


def plain_frame(empty: Any) -> dict[str, Any] | None:
    """Return what an empty data frame is made from; None if it is none, or that loses something."""
    kind = frame_of(empty)
    return None if kind is None else kind.plain(empty)


def frame_of_plain(plain: Mapping[str, Any]) -> Any:
    """Return the empty data frame that `plain_frame` was asked of."""
    return (_POLARS_FRAME if plain["package"] == "polars" else _PANDAS_FRAME).of_plain(plain)
