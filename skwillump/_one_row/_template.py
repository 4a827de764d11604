"""X of one row, in the form of the rows that an estimator takes."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NoReturn

import numpy as np
from scipy import sparse
from sklearn.preprocessing import FunctionTransformer

from .._compat import n_columns_in, names_in
from .._composites import first_step
from .._containers import (
    column_names,
    container_of,
    frame_of,
    frame_of_plain,
    frame_of_row,
    frames_of_columns,
    is_frame,
    is_none_or_nan,
    num_samples,
    plain_frame,
    series_of,
    series_of_text,
    take_rows,
)
from ._columns import FittedRow, RowColumns, check_one
from ._estimators import demanded_columns, takes_mappings, told_dtypes, told_texts
from ._naming import name_column


@dataclass(frozen=True)
class RowTemplate:
    """The form of the rows that an estimator takes, for making X of one row."""

    # array-like, sparse matrix, data frame: X without its rows: container, columns and dtypes. None
    # where nobody has seen X.
    empty: Any
    of_text: bool = False  # whether X was texts
    of_mappings: bool = False  # whether X was mappings, as for a `DictVectorizer`
    of_elements: bool = False  # whether X had no columns: a row is one element, whatever it is
    # None where a row is one element, and where columns are not known.
    columns: RowColumns | None = None
    # Positions of the columns that a row of names must have; None for all of them.
    needed: tuple[int, ...] | None = None
    # Names or positions of columns, with the dtypes that the estimator tells where nobody has seen
    # X.
    dtypes: tuple[tuple[Any, str], ...] = ()

    @classmethod
    def from_data(cls, X: Any, fitted: Any = None) -> "RowTemplate":
        """Return the template of `X`, which keeps none of its rows.

        Parameters
        ----------
        fitted : estimator, optional
            What was fitted on `X`: it tells which columns a row may lack.
        """
        first, columns = None, None
        names, width = column_names(X), container_of(X).row_width(X)
        if names is not None:
            columns = RowColumns(tuple(names), len(names))
        elif width is not None:
            columns = RowColumns(None, width)
        elif num_samples(X):
            first = container_of(X).first(X)
        empty = take_rows(X, slice(0, 0))
        return cls(
            empty=empty,
            of_text=isinstance(first, (str, bytes)),
            of_mappings=isinstance(first, Mapping),
            columns=columns,
            needed=None if names is None else _needed(fitted),
        )

    @classmethod
    def of_estimator(cls, fitted: Any, *, of_text: bool = False) -> "RowTemplate":
        """Return the template that a fitted estimator tells of."""
        n_columns = n_columns_in(fitted)
        columns = None
        if n_columns is not None and not of_text:
            columns = RowColumns(names_in(fitted), n_columns)
        # A function is told of columns where there are some.
        reader = first_step(fitted)
        of_elements = type(reader) is FunctionTransformer and not hasattr(reader, "n_features_in_")
        names = () if columns is None or columns.names is None else columns.names
        told = {} if columns is None else told_dtypes(fitted, columns.n_columns)
        return cls(
            empty=None,
            of_text=of_text,
            of_mappings=takes_mappings(reader),
            of_elements=of_elements,
            columns=columns,
            needed=_needed(fitted) if names else None,
            dtypes=tuple((names[at] if names else at, dtype.str) for at, dtype in told.items()),
        )

    @property
    def names(self) -> tuple[Any, ...]:
        """Names of the columns; none if it was no data frame."""
        return () if self.columns is None else self.columns.names or ()

    def check_names(self, row: Mapping[Any, Any]) -> None:
        """Raise ValueError if a mapping lacks a column that is needed."""
        # A comparison for each name would take longer than some first stages.
        if type(row) is dict and row.keys() >= self._needed_names:
            return
        if self.columns is not None:
            self.columns.check_names(row, self.needed)

    @cached_property
    def _needed_names(self) -> frozenset[Any]:
        """Names of the columns that a mapping is asked for."""
        names = self.names
        needed = range(len(names)) if self.needed is None else self.needed
        return frozenset(names[position] for position in needed if position < len(names))

    @cached_property
    def _column_dtypes(self) -> dict[Any, Any]:
        """Dtype of each column that was seen in fit."""
        of_frame = frame_of(self.empty)
        if of_frame is None:
            return {}
        return dict(zip(self.names, of_frame.dtypes(self.empty), strict=True))

    @cached_property
    def _narrow(self) -> tuple[tuple[Any, type], ...]:
        """Columns of numbers of less than double precision, with what rounds a number to theirs."""
        dtypes = self._column_dtypes or {None: getattr(self.empty, "dtype", None)}
        found = [(name, _NARROW.get(str(dtype).lower())) for name, dtype in dtypes.items()]
        return tuple((name, rounding) for name, rounding in found if rounding is not None)

    @cached_property
    def _texts(self) -> frozenset[Any]:
        """Columns of texts in which NaN stands for what is missing."""
        of_frame, dtypes = frame_of(self.empty), self._column_dtypes
        if of_frame is None:
            return frozenset()
        return frozenset(name for name, dtype in dtypes.items() if of_frame.takes_nan(dtype))

    def as_fitted(self, row: Any) -> Any:
        """Return a mapping as a row that is read by its values, and as data frames as in fit.

        Any other row is returned as `make` returns it.
        """
        if not isinstance(row, Mapping) or frame_of(self.empty) is None:
            return self.make(row)
        return FittedRow(self.rounded(row), self)

    def frame_with(self, row: Mapping[Any, Any], names: Sequence[Any]) -> Any:
        """Return some columns of a mapping as a data frame of one row with the dtypes of fit."""
        of_frame = frame_of(self.empty)
        assert of_frame is not None, "a row of fit is made where a data frame was seen"
        made = {name: row[name] for name in names if name in row}
        return of_frame.row_like(self.empty, made, self._column_dtypes)

    @cached_property
    def _plain_types(self) -> dict[Any, type] | None:
        """Type of the values of each column that was seen in fit; None if one is not known."""
        of_frame = frame_of(self.empty)
        if of_frame is None or not of_frame.is_read:
            return None
        found = {name: _PLAIN_TYPES.get(str(dtype)) for name, dtype in self._column_dtypes.items()}
        return None if None in found.values() else found  # type: ignore[return-value]

    def plain_values(self, row: Mapping[Any, Any]) -> dict[Any, Any] | None:
        """Return the values of a row as `frame_with` makes columns of them; None if not known."""
        types = self._plain_types
        if types is None or not all(name in row for name in types):
            return None
        values: dict[Any, Any] = {}
        for name, known in types.items():
            value = row[name]
            if known is float and type(value) in (int, type(None)):
                value = np.nan if value is None else float(value)
            if type(value) is not known and known is not object:
                return None
            values[name] = value
        return values

    def rounded(self, row: Any) -> Any:
        """Return a row with numbers as precise as the columns that were seen in fit.

        What is missing among texts is what it is there.

        Parameters
        ----------
        row : as for `make`

        Returns
        -------
        row, or a mapping in its place
            None where only `make` can do it.
        """
        if isinstance(row, Mapping) and None in row.values():
            row = {
                name: np.nan if value is None and name in self._texts else value
                for name, value in row.items()
            }
        if not self._narrow or is_frame(row):
            return row
        if not self.names:
            return row if isinstance(row, (np.ndarray, np.generic)) else None
        row = self._by_name(row)
        if isinstance(row, (list, tuple)):
            return row  # of another length: for its reader to refuse
        if not isinstance(row, Mapping):
            return None
        rounded = dict(row)
        for name, rounding in self._narrow:
            value: Any = row.get(name)
            if isinstance(value, (int, float, np.number)) or (value is None and name in row):
                rounded[name] = rounding(value)
        return rounded

    def _by_name(self, row: Any) -> Any:
        """Return a row of as many values as there are names, or of labels, as a mapping."""
        if isinstance(row, (list, tuple)) and len(row) == len(self.names):
            return dict(zip(self.names, row, strict=True))
        return _of_labels(row)

    @cached_property
    def _of_numbers(self) -> frozenset[Any]:
        """Columns that held numbers in fit."""
        dtypes = self._column_dtypes
        return frozenset(name for name, dtype in dtypes.items() if _NUMBER.match(str(dtype)))

    def raise_named(self, error: Exception, row: Any) -> NoReturn:
        """Raise an error of one row, which names the column that it is about where one can be told.

        Parameters
        ----------
        row : as for `make`
        """
        named = name_column(error, row, self.names, of_numbers=self._of_numbers)
        if named is error:
            raise error
        raise named from error

    # An empty data frame is stored as what it is made from, so that a pickle does not depend on the
    # insides of pandas or polars, and tools that refuse pickles (skops) can store it.

    def __getstate__(self) -> dict[str, Any]:
        state = {name: getattr(self, name) for name in _STATE}
        plain = plain_frame(self.empty)
        return state if plain is None else state | {"empty": None, "plain": plain}

    def __setstate__(self, state: dict[str, Any]) -> None:
        plain = state.get("plain")
        if plain is not None:
            state = state | {"empty": frame_of_plain(plain)}
        for name in _STATE:
            object.__setattr__(self, name, state[name])

    # X of one row

    def make(self, row: Any) -> Any:
        """Return X of one row.

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
            If a column is missing, there are too many or too few values, or more rows than one.
        TypeError
            If `row` does not have the form that the data had in fit.
        """
        if type(row) is FittedRow and row.template is not self:
            return row.template.make(row)
        if self.of_text:
            check_text(row)
        elif self.of_mappings and not isinstance(row, Mapping):
            raise wrong_type(row, "one mapping")
        if self.columns is None or self.of_mappings:
            return self._element(row)
        if is_frame(row):
            check_one(row)
            return row
        if isinstance(row, (str, bytes)):
            raise wrong_type(row, self._expected())
        if self.columns.names is None:
            return self._array(row, self.columns)
        return self._frame(row, self.columns)

    def other_forms(self, row: Any, fitted: Any) -> Iterator[Any]:
        """Yield X of one row in other forms that it may have had in fit, where nobody has seen X.

        Texts may have been a series, which has methods that a list lacks. Columns of which the row
        holds none but a missing value may have been of texts or of numbers.

        Parameters
        ----------
        row : as for `make`
        fitted : estimator
            It tells which columns held texts.
        """
        if self.empty is not None:
            return
        if isinstance(row, str):
            series = series_of_text(row)
            if series is not None:
                yield series
            return
        row = self._by_name(row)
        if isinstance(row, Mapping) and not (self.of_mappings or self.of_text):
            has_names = self.columns is None or bool(self.names)
            if has_names and any(map(is_none_or_nan, row.values())):
                yield from frames_of_columns(row, told_texts(fitted))

    def _expected(self) -> str:
        if self.columns is None:
            return "one element, such as a str"
        return self.columns.expected()

    def _element(self, row: Any) -> Any:
        if self.empty is not None:
            if isinstance(row, Mapping) and not self.of_mappings:
                raise self._no_names()
            return container_of(self.empty).one_like(self.empty, row)
        if self.of_text or self.of_mappings or self.of_elements or isinstance(row, str):
            return [row]
        row = _of_labels(row)
        if isinstance(row, Mapping):
            return frame_of_row(row)
        if is_frame(row) or sparse.issparse(row):
            check_one(row)
            return row
        if getattr(row, "ndim", 0) == 0:  # no array and no series
            if isinstance(row, (list, tuple)) and row and all(map(_is_number, row)):
                return np.array([row])  # not of objects, which numpy compares as Python does
            return np.asarray([row], dtype=object)
        values = np.asarray(row)
        if values.ndim == 1:
            return values[None]
        check_one(values)
        return values

    def _no_names(self) -> TypeError:
        return TypeError(
            "The row is a mapping of column to value, but the estimator was not fitted on a data "
            f"frame. Pass {self._expected()}."
        )

    def _array(self, row: Any, columns: RowColumns) -> Any:
        """Return a 2-D array, or the sparse matrix that the row is."""
        if isinstance(row, Mapping):
            raise self._no_names()
        if not isinstance(row, Sequence) and np.ndim(row) == 0:
            raise wrong_type(row, self._expected())
        if isinstance(row, np.ndarray) and row.ndim == 2:
            check_one(row)
        if sparse.issparse(row):
            made = row
        elif self.empty is None:
            if any(dtype == "|O" for _, dtype in self.dtypes):  # what was fitted was of objects
                made = np.array(row, dtype=object)
            else:
                made = row if isinstance(row, np.ndarray) else array_of_row(row)
        else:
            dtype = object if self.empty.dtype == object else None
            if self._narrow and not isinstance(row, (np.ndarray, np.generic)):
                dtype = self.empty.dtype
            made = np.asarray(row, dtype=dtype)
        if made.ndim == 1:
            if len(made) != columns.n_columns:
                raise columns.wrong_number(len(made))
            made = made.reshape(1, -1)
        if made.shape != (1, columns.n_columns):
            raise ValueError(f"The row is of shape {made.shape}. Pass {self._expected()}.")
        return made

    def _frame(self, row: Any, columns: RowColumns) -> Any:
        """Return a data frame."""
        assert columns.names is not None
        if not isinstance(row, Mapping):
            values = columns.values(row)
            if values is None:
                raise wrong_type(row, self._expected())
            row = dict(zip(columns.names, values, strict=True))
        of_frame = frame_of(self.empty)
        if of_frame is not None or self.needed is not None:
            self.check_names(row)
        # What is missing then is a column that no step reads, or the original judges.
        if of_frame is not None:
            return self.frame_with(row, columns.names)
        made = {name: row[name] for name in columns.names if name in row}
        return frame_of_row(made, {name: np.dtype(dtype) for name, dtype in self.dtypes})


def _of_labels(row: Any) -> Any:
    """Return a series whose labels are names, as of a row of a data frame, as a mapping."""
    of_series = series_of(row)
    labels = row.index if of_series is not None and of_series.has_index else ()
    is_named = len(labels) > 0 and all(isinstance(label, str) for label in labels)
    return row.to_dict() if is_named else row


def array_of_row(values: Sequence[Any]) -> np.ndarray:
    """Return an array (1, n_columns): of objects, if the values are not all numbers."""
    if all(map(_is_number, values)):
        return np.array((values,))
    made = np.empty((1, len(values)), dtype=object)
    made[0] = values
    return made


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float, np.number))


_NUMBER = re.compile(r"(u?int|float|double|decimal)", re.IGNORECASE)
"""How names of dtypes of numbers begin."""

_STATE = ("empty", "of_text", "of_mappings", "of_elements", "columns", "needed", "dtypes")

_PLAIN_TYPES = {"int64": int, "float64": float, "bool": bool, "object": object, "str": object}
_PLAIN_TYPES |= {f"datetime64[{unit}]": object for unit in ("s", "ms", "us", "ns")}
"""Types of the values of columns, by the dtypes of pandas'."""

_NARROW = {
    "float32": np.float32,
    "float16": np.float16,
    "float": np.float32,  # in Arrow
    "halffloat": np.float16,
    "float[pyarrow]": np.float32,
    "halffloat[pyarrow]": np.float16,
}
"""Names of dtypes of less than double precision, in lower case."""


def check_text(row: Any) -> None:
    """Raise TypeError if a row is not what a vectorizer takes for a document.

    A missing value passes, for the vectorizer to say so.
    """
    if not isinstance(row, (str, bytes)) and row is not np.nan:
        raise wrong_type(row, "one str")


def wrong_type(row: Any, expected: str) -> TypeError:
    """Return the error for a row of another type than the one to pass."""
    return TypeError(f"The row is of type {type(row).__name__}. Pass {expected}.")


def _needed(fitted: Any) -> tuple[int, ...] | None:
    found = None if fitted is None else demanded_columns(fitted)
    return None if found is None else tuple(sorted(found))
