"""What is asked of a container of rows, whatever library it is of."""

from collections import deque
from collections.abc import Mapping, Set
from typing import Any, NamedTuple

import numpy as np

from .._compat import count_samples, safe_indexing


class ArrowTexts(NamedTuple):
    """A column of texts that lie in Arrow buffers."""

    array: Any  # of pyarrow: strings or large strings, in one chunk
    missing: Any  # what scikit-learn sees in place of a null


class Categories(NamedTuple):
    """A column of categories that are numbered already."""

    codes: np.ndarray  # -1 where a value is missing
    values: list[Any]  # the last one stands for a missing value


class CategoryNumbers(NamedTuple):
    """A column of categories that are numbers."""

    array: np.ndarray
    codes: np.ndarray  # -1 where a value is missing
    categories: np.ndarray


class CodedTexts(NamedTuple):
    """A column of texts by their positions among the different ones, in the order of these."""

    codes: np.ndarray  # of intp; a missing value has the last one
    texts: np.ndarray  # of objects: the texts, and NaN behind them where a value is missing


Values = np.ndarray | ArrowTexts | Categories | CategoryNumbers
"""The values of a column, in the form that is read fastest."""


class Container:
    """A kind of container, with the questions that are asked of one.

    Instances hold nothing: they are found by `container_of`, and are given the container with each
    question. This class answers for what is of no known kind, as scikit-learn would.
    """

    is_frame = False
    """Whether it is a table of named columns."""

    is_series = False
    """Whether it is one column of a data frame's library."""

    slices_share = False
    """Whether a slice of rows shares the values of the whole, so that it costs no memory."""

    def n_rows(self, X: Any) -> int:
        """Count the rows, or raise what scikit-learn does where there are none to count."""
        return count_samples(X)

    def is_batch(self, X: Any) -> bool:
        """Tell whether it is of rows, maybe none, that can be taken and read twice."""
        if isinstance(X, (Mapping, Set, deque, str, bytes)) or getattr(X, "ndim", 1) == 0:
            return False
        return hasattr(X, "shape") or (hasattr(X, "__len__") and hasattr(X, "__getitem__"))

    def take_rows(self, X: Any, rows: Any) -> Any:
        """Return rows in the order given: a slice, or an array of positions or of booleans."""
        return safe_indexing(X, rows)

    def row_width(self, X: Any) -> int | None:
        """Return the number of values of a row; None where a row is one element."""
        shape: tuple[int, ...] = getattr(X, "shape", ())
        return shape[1] if len(shape) == 2 else None

    def as_series(self, X: Any) -> Any | None:
        """Return an array of a library's own as a series; None for anything else."""
        return None

    def rows(self, X: Any) -> list[Any]:
        """Return all rows, each in the form in which one row is answered fastest."""
        return list(X)

    def first(self, X: Any) -> Any:
        """Return the first element of what is not a table."""
        return next(iter(X))

    def one_like(self, empty: Any, element: Any) -> Any:
        """Return a container as an empty one with one element, or with the values of one row."""
        return type(empty)([element])

    def dtype_kind(self, X: Any) -> str | None:
        """Return the letter of NumPy for the kind of all values; None where there is none."""
        dtype = getattr(X, "dtype", None)
        return dtype.kind if isinstance(dtype, np.dtype) else None


class Series(Container):
    """A column of a data frame's library."""

    is_series = True

    slices_share = True

    has_index = False
    """Whether its values have labels, so that it may be one row."""

    def values(self, series: Any) -> Values | None:
        """Return what a compiled step reads; None for a dtype that scikit-learn must judge."""
        raise NotImplementedError

    def coded(self, series: Any) -> CodedTexts | None:
        """Return texts and what is missing by code; None for other values."""
        return None

    def array(self, series: Any) -> np.ndarray | None:
        """Return the values as a NumPy array; None where only Python objects keep what they are."""
        raise NotImplementedError

    def objects(self, series: Any) -> list[Any]:
        """Return the values as Python objects."""
        raise NotImplementedError

    def floats(self, series: Any) -> np.ndarray | None:
        """Return numbers and booleans as float64, missing ones as NaN; None for anything else."""
        raise NotImplementedError

    def arrow_texts(self, series: Any) -> Any | None:
        """Return texts as what pyarrow reads; None where it cannot take them over."""
        is_text = str(series.dtype).lower().startswith(("str", "large_str"))
        return series if is_text and hasattr(series, "__arrow_c_stream__") else None


class Frame(Container):
    """A table of named columns."""

    is_frame = True

    is_read = True
    """Whether compiled steps read its columns."""

    is_encoded_by_column = False
    """Whether scikit-learn's encoders read its columns one by one, and not as one array."""

    mixes_objects = False
    """Whether one column of objects makes objects of the columns beside it."""

    def n_rows(self, X: Any) -> int:
        # scikit-learn first asks for attributes that a data frame looks for among its columns.
        return len(X) if self.is_read else super().n_rows(X)

    def is_batch(self, X: Any) -> bool:
        return True

    series: Series
    """The kind of its columns."""

    def common_dtype(self, dtypes: set[np.dtype]) -> np.dtype:
        """Return the dtype of the NumPy array that columns of these dtypes become."""
        return np.result_type(*dtypes)

    def names(self, frame: Any) -> list[Any]:
        """Return the names of the columns."""
        return list(frame.columns)

    def column(self, frame: Any, name: Any) -> Any | None:
        """Return the column of a name as a series; None if there is none, or there are several."""
        raise NotImplementedError

    def values(self, frame: Any, name: Any) -> Values | None:
        """Return what a compiled step reads of a column; None where `column` tells why not."""
        series = self.column(frame, name)
        return None if series is None else self.series.values(series)

    def together(self, frame: Any, positions: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
        """Return an array (n_rows, n) that holds columns, and where in it; None if there is none.

        It is not to be written to.
        """
        return None

    def columns(self, frame: Any) -> list[Any]:
        """Return each column as a series."""
        raise NotImplementedError

    def with_index(self, frame: Any, names: list[Any]) -> Any:
        """Return a data frame whose index, if that is what it is named, became its columns."""
        return frame

    def select(self, frame: Any, names: Any) -> Any:
        """Return one column as a series, or a data frame of several.

        Raises
        ------
        KeyError
            If a column is missing.
        """
        return frame[names]

    def dtypes(self, frame: Any) -> list[Any]:
        """Return the dtype of each column."""
        return list(frame.dtypes)

    def first_row(self, frame: Any) -> dict[Any, Any] | None:
        """Return the first row as a mapping; None where its dtypes say more than its values."""
        return None

    def one_row(self, values: Mapping[Any, Any], dtypes: Mapping[Any, Any]) -> Any:
        """Return a data frame of one row, with the dtypes that keep its values.

        The library infers the others.
        """
        raise NotImplementedError

    def row_like(self, empty: Any, values: Mapping[Any, Any], dtypes: Mapping[Any, Any]) -> Any:
        """Return a data frame of one row, with the dtypes of an empty one that keep its values."""
        return self.one_row(values, dtypes)

    def takes_nan(self, dtype: Any) -> bool:
        """Whether a column of texts of a dtype has NaN for what is missing."""
        return False

    def plain(self, empty: Any) -> dict[str, Any] | None:
        """Return what an empty data frame is made from; None if that would lose something."""
        return None
