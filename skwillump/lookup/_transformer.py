"""`TableLookup`: features that live in a table, found by key."""

import copy
from collections.abc import Iterable, Mapping
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from .._compat import check_feature_names_in, refused
from .._persistence import VersionedState
from ..compilers._registry import register
from ..compilers.tables._keys import KeyedRows, KeyIndex, kind_of, objects
from ..compilers.tables._lookups import compile_table_lookup
from ._table import Columns, input_columns, key_array, read_table

__all__ = ["TableLookup"]


class TableLookup(VersionedState, TransformerMixin, BaseEstimator):
    """Look up the features of each row in a table: a join as a transformer.

    The features of a user, a song or a shop are often not in the data but in a table with one row
    for each of them. The left join of the data with that table is a step of the model, and belongs
    into its pipeline: then it is fitted, pickled, compiled, and skipped by a cascade where other
    features are enough.

    Parameters
    ----------
    table : data frame, mapping, or tuple of two arrays
        One row of values for each key.

        - A data frame of pandas or polars that has the columns named by `on`. In pandas they may
          be its index instead.
        - A mapping of key to row. A row is a sequence of values, a mapping of column to value, or
          a single value. With several key columns a key is a tuple.
        - ``(keys, values)``: keys of shape (n_keys,) or (n_keys, n_key_columns), values of shape
          (n_keys,) or (n_keys, n_columns); lists or arrays, and values may be a data frame.

        It is never copied by :func:`sklearn.base.clone`, so that many clones hold one table; do not
        change it.

    on : str, int, or list of them, default=None
        The key columns of `X`, by name or by position; all columns of `X` by default. In a data
        frame that is the table they have the same names. Where `X` has no names, as many columns as
        there are names are taken in their order.

    columns : list of str or int, default=None
        The columns of values to look up: names, or positions where the table has no names. All but
        the keys by default.

    default : object, sequence or mapping, default=nan
        The value for keys that are not in the table: one for all columns, one for each, or a
        mapping of column to value (NaN for those not in it).

    Attributes
    ----------
    table_ : object
        The table by key.

    columns_ : list
        The columns of values.

    key_positions_ : tuple of int
        Positions of the key columns in `X`.

    n_features_in_ : int
        Number of features seen during `fit`.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of features seen during `fit`. Defined only when `X` has names that are all str.

    See Also
    --------
    CascadeClassifier : Skips the look-ups that a row does not need.
    compile_pipeline : Makes a hash look-up of it.

    Notes
    -----
    Two keys are the same if they are equal in Python: the integer 3 is the float 3.0, but not the
    str "3". Where all keys of a column are numbers in the table and in the data of `fit`, data of
    which all keys are texts are an error, and the other way around. A missing key (None, NaN, NaT,
    NA) is never found, neither are rows of the table whose key is missing: as in SQL.

    Examples
    --------
    >>> import pandas as pd
    >>> from skwillump import TableLookup
    >>> users = pd.DataFrame({"user": [7, 8], "age": [31, 54], "songs": [120, 3]})
    >>> X = pd.DataFrame({"user": [8, 9, 7, 8]})
    >>> lookup = TableLookup(users, on="user", default={"age": -1, "songs": 0}).fit(X)
    >>> lookup.transform(X)
    array([[ 54.,   3.],
           [ -1.,   0.],
           [ 31., 120.],
           [ 54.,   3.]])
    >>> lookup.get_feature_names_out()
    array(['age', 'songs'], dtype=object)
    """

    def __init__(
        self, table: Any, on: Any = None, columns: Any = None, default: Any = np.nan
    ) -> None:
        self.table = table
        self.on = on
        self.columns = columns
        self.default = default

    def fit(self, X: Any, y: Any = None) -> Self:
        """Index the table.

        Parameters
        ----------
        X : data frame, array-like of shape (n_rows, n_features), or list of keys
            Tells where the keys are.

        y : None
            Ignored.

        Returns
        -------
        self : TableLookup

        Raises
        ------
        ValueError
            If `X` or the table lack a column, or a key is in the table twice, or keys are texts on
            one side and numbers on the other.
        TypeError
            If the table is of a kind that is not known.
        """
        names, columns = self._checked_input(X, reset=True)
        n_rows = len(columns[0]) if columns else 0
        if not columns:
            raise ValueError(
                f"Found array with 0 feature(s) (shape=({n_rows}, 0)) while a minimum of 1 is "
                "required."
            )
        if not n_rows:
            raise ValueError(
                f"Found array with 0 sample(s) (shape=(0, {len(columns)})) while a minimum of 1 is "
                "required."
            )
        on = None if self.on is None else _listed(self.on)
        self.key_positions_ = _positions(on, names, len(columns))
        wanted = None if self.columns is None else _listed(self.columns)
        table = read_table(self.table, on, len(self.key_positions_), wanted)
        index, numbers = KeyIndex.of(table.keys)
        _refuse_duplicates(table, index, numbers)
        of_table = [column.kind for column in index.columns]
        of_input = self._refuse_other_kinds(names, self._keys(columns), of_table)
        # Where kinds are mixed, a part of the rows may well have keys of another kind.
        self._kinds = tuple(
            kind if kind == own else None for kind, own in zip(of_table, of_input, strict=True)
        )
        self.columns_ = list(table.labels)
        self._has_names = table.has_names
        self.table_ = KeyedRows(index, _values_by_number(table, numbers, len(index), self.default))
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Look up each row's key.

        Parameters
        ----------
        X : data frame, array-like of shape (n_rows, n_features), or list of keys

        Returns
        -------
        ndarray of shape (n_rows, n_columns)
            Of float64; of objects if a column of the table is not of numbers.

        Raises
        ------
        ValueError
            If `X` has other columns than in `fit`, or a value that cannot be a key, or no key is
            found since keys are texts on one side and numbers on the other.
        """
        check_is_fitted(self)
        names, columns = self._checked_input(X, reset=False)
        keys = self._keys(columns)
        numbers = self.table_.index.numbers(keys)
        if (numbers < 0).all():
            self._refuse_other_kinds(names, keys, self._kinds)
        return self.table_.rows(numbers)

    def _keys(self, columns: list[Any]) -> list[np.ndarray]:
        return [key_array(columns[at]) for at in self.key_positions_]

    def _refuse_other_kinds(self, names: Any, keys: Any, of_table: Any) -> list[str | None]:
        """Return the kinds of the keys of X, where none is another than that of the table."""
        of_input = [kind_of(values) for values in keys]
        for at, kind, own in zip(self.key_positions_, of_table, of_input, strict=True):
            if kind is not None and own is not None and kind != own:
                raise ValueError(
                    f"The keys in column {at if names is None else names[at]!r} of X are {own}, "
                    f"those of the table are {kind}: no key would be found. Convert one of the two."
                )
        return of_input

    def _checked_input(self, X: Any, *, reset: bool) -> tuple[list[Any] | None, list[Any]]:
        names, columns = input_columns(X)
        shaped = X
        if names is None:
            n_rows = len(columns[0]) if columns else 0
            shaped = np.broadcast_to(np.zeros((1, 1)), (n_rows, len(columns)))
            if not reset and len(columns) == 1 < self.n_features_in_:
                raise ValueError(
                    f"X has 1 features, but {type(self).__name__} is expecting "
                    f"{self.n_features_in_} features as input. Reshape your data if it is one row."
                )
        validate_data(self, shaped, reset=reset, skip_check_array=True)
        return names, columns

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Return the names of the columns of values.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Only checked: they must be the names of the columns of `X`.

        Returns
        -------
        ndarray of str objects
            Names of the table's columns, or ``tablelookup0``, ``tablelookup1``, ... if it has none.
        """
        check_is_fitted(self)
        check_feature_names_in(self, input_features)
        prefix = "" if self._has_names else type(self).__name__.lower()
        return np.array([f"{prefix}{label}" for label in self.columns_], dtype=object)

    def __sklearn_clone__(self) -> Self:
        # A clone of a parameter is a deep copy, which a large table must not get.
        bare = copy.copy(self)
        bare.table = None
        twin = BaseEstimator.__sklearn_clone__(bare)
        twin.table = self.table
        return twin

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        tags.transformer_tags.preserves_dtype = []
        return tags


register(TableLookup)(compile_table_lookup)


def _listed(labels: Any) -> list[Any]:
    """Return one label or several as a list."""
    if isinstance(labels, (str, bytes)) or not isinstance(labels, Iterable):
        return [labels]
    return [label.item() if isinstance(label, np.generic) else label for label in labels]


def _positions(on: list[Any] | None, names: list[Any] | None, n_columns: int) -> tuple[int, ...]:
    """Return the positions of the key columns in X."""
    if on is None:
        return tuple(range(n_columns))
    if not on or len(set(on)) != len(on):
        raise refused("TableLookup", "on", "a name of a column, or several, each once", on)
    if names is not None and all(label in names for label in on):
        return tuple(names.index(label) for label in on)
    if all(isinstance(label, int) and not isinstance(label, bool) for label in on):
        for position in on:
            if not -n_columns <= position < n_columns:
                must_be = f"a position in X, which has {n_columns} columns"
                raise refused("TableLookup", "on", must_be, position)
        return tuple(position % n_columns for position in on)
    if names is None:
        if len(on) == n_columns:
            return tuple(range(n_columns))
        must_be = (
            f"positions where X has no column names and {n_columns} columns (or pass a data frame, "
            "or only the key columns)"
        )
        raise refused("TableLookup", "on", must_be, on)
    missing = next(label for label in on if label not in names)
    raise refused("TableLookup", "on", f"columns of X, among {names}", missing)


def _refuse_duplicates(table: Columns, index: KeyIndex, numbers: np.ndarray) -> None:
    counts = np.bincount(numbers[numbers >= 0], minlength=len(index))
    if len(counts) and counts.max() > 1:
        rows = np.flatnonzero(numbers == np.flatnonzero(counts > 1)[0])
        key = tuple(column[rows[0]] for column in table.keys)
        key = tuple(value.item() if isinstance(value, np.generic) else value for value in key)
        raise ValueError(
            f"The key {key[0] if len(key) == 1 else key!r} is in the table {len(rows)} times "
            f"(rows {rows[0]} and {rows[1]} are the first): keep one row for each key."
        )


def _values_by_number(table: Columns, numbers: np.ndarray, n_keys: int, default: Any) -> np.ndarray:
    """Return the rows of values by the number of their key, and those of unknown keys last."""
    as_numbers = all(column.dtype != object for column in table.values)
    defaults = _defaults(default, table.labels)
    if as_numbers:
        try:
            last = np.array([np.nan if v is None else float(v) for v in defaults])
        except (TypeError, ValueError):
            must_be = "numbers, since the columns of the table are numbers"
            raise refused("TableLookup", "default", must_be, default) from None
    else:
        last = objects(defaults)
    found = np.empty((n_keys + 1, len(table.values)), dtype=np.float64 if as_numbers else object)
    known = numbers >= 0
    for place, column in zip(found.T, table.values, strict=True):
        place[numbers[known]] = column[known]
    found[-1] = last
    return found


def _defaults(default: Any, labels: list[Any]) -> list[Any]:
    """Return the default of each column."""
    if isinstance(default, Mapping):
        for label in default:
            if label not in labels:
                must_be = f"a mapping whose keys are columns of values, among {labels}"
                raise refused("TableLookup", "default", must_be, label)
        return [default.get(label, np.nan) for label in labels]
    if isinstance(default, (list, tuple, np.ndarray)) and np.ndim(default):
        if len(default) != len(labels):
            must_be = f"one value, or one for each of the {len(labels)} columns"
            raise refused("TableLookup", "default", must_be, default)
        return list(default)
    return [default] * len(labels)
