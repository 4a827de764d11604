"""Encoders of categories read each column of texts once while an estimator is fitted.

scikit-learn turns a column into Python objects, makes a set of them, and looks each of them up, in
`fit` and again for what `fit_transform` returns. pandas numbers the different texts of a column in
a fraction of that time.
"""

from contextlib import AbstractContextManager
from typing import Any, NamedTuple

import numpy as np
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, TargetEncoder

from ..._compat import EncoderSteps, Original, encoder_steps
from ..._containers import CodedTexts, num_samples, read_frame_of

LEAST_ROWS = 1000
"""Fewer rows are left to scikit-learn."""


class _CodedColumn(NamedTuple):
    """A column in the place of an array of objects, for what encoders ask of one."""

    codes: np.ndarray
    categories: np.ndarray

    @property
    def dtype(self) -> np.dtype:
        """Of the array that scikit-learn would read."""
        return self.categories.dtype


class _Read(NamedTuple):
    """What was read of the rows that an encoder is fitted on."""

    encoder: Any
    X: Any
    columns: list[_CodedColumn | None]

    def is_of(self, encoder: Any, X: Any) -> bool:
        """Whether it is of these rows, read for this encoder."""
        return self.encoder is encoder and self.X is X


class _CodedSteps(EncoderSteps):
    """scikit-learn's steps of fitting an encoder, with columns that are read as codes.

    Codes are given to no step but those of the same encoder on the very rows that it learns from:
    all values are known then.
    """

    def __init__(self, least_rows: int):
        self._least_rows = least_rows
        self._read: _Read | None = None

    def learn(self, original: Original, encoder: Any, X: Any, *args: Any, **kwargs: Any) -> Any:
        self._read = None
        allows_missing = "allow-nan" in (*args, *kwargs.values())
        is_known = type(encoder) in (OneHotEncoder, OrdinalEncoder, TargetEncoder)
        if is_known and allows_missing and isinstance(encoder.categories, str):
            columns = _coded_columns(X, self._least_rows)
            if columns is not None:
                self._read = _Read(encoder, X, columns)
        return original(encoder, X, *args, **kwargs)

    def encode(self, original: Original, encoder: Any, X: Any, *args: Any, **kwargs: Any) -> Any:
        """Encode what was read; afterwards it is not needed any more."""
        read = self._read
        if read is not None and not (
            read.is_of(encoder, X)
            and all(
                column is None or column.categories is categories
                for column, categories in zip(read.columns, encoder.categories_, strict=False)
            )
        ):
            self._read = None
        try:
            return original(encoder, X, *args, **kwargs)
        finally:
            self._read = None

    def columns(self, original: Original, encoder: Any, X: Any, *args: Any, **kwargs: Any) -> Any:
        """Return codes where there are some; scikit-learn reads the other columns."""
        read = self._read
        if read is None or not read.is_of(encoder, X):
            return original(encoder, X, *args, **kwargs)
        others = [i for i, column in enumerate(read.columns) if column is None]
        arrays: list[Any] = []
        if others:
            arrays = original(encoder, X.iloc[:, others], *args, **kwargs)[0]
        left = iter(arrays)
        columns = [next(left) if column is None else column for column in read.columns]
        return columns, num_samples(X), len(columns)

    def distinct(self, original: Original, values: Any, **kwargs: Any) -> Any:
        """Return the categories; with their counts where these are asked for."""
        if not _is_coded(values):
            return original(values, **kwargs)
        if not kwargs.get("return_counts"):
            return values.categories
        return values.categories, np.bincount(values.codes, minlength=len(values.categories))

    def unknown(self, original: Original, values: Any, categories: Any, **kwargs: Any) -> Any:
        """Find nothing unknown among the values that categories were learned from."""
        if not _is_coded(values):
            return original(values, categories, **kwargs)
        return ([], np.ones(len(values.codes), dtype=bool)) if kwargs.get("return_mask") else []

    def positions(self, original: Original, values: Any, **kwargs: Any) -> Any:
        return values.codes if _is_coded(values) else original(values, **kwargs)


def _is_coded(values: Any) -> bool:
    return isinstance(values, _CodedColumn)


def _coded_columns(X: Any, least_rows: int) -> list[_CodedColumn | None] | None:
    """Columns of texts as codes; None where there is none of them, or there are few rows."""
    kind = read_frame_of(X)
    if kind is None or not kind.is_encoded_by_column:
        return None
    if num_samples(X) < least_rows:
        return None
    coded = [kind.series.coded(column) for column in kind.columns(X)]
    columns = [None if found is None else _column(found) for found in coded]
    return None if all(column is None for column in columns) else columns


def _column(found: CodedTexts) -> _CodedColumn:
    return _CodedColumn(found.codes, found.texts)


def fast_encoders(*, least_rows: int = LEAST_ROWS) -> AbstractContextManager[None]:
    """Let encoders that this thread fits read each column of texts once.

    Within the context, `OneHotEncoder`, `OrdinalEncoder` and `TargetEncoder` themselves are fitted:
    their types, attributes, features, warnings and errors are scikit-learn's. Columns that are not
    texts of pandas are scikit-learn's to read. Other threads are not affected.

    Parameters
    ----------
    least_rows : int
        Fewer are left to scikit-learn.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn.preprocessing import OneHotEncoder
    >>> with fast_encoders(least_rows=0):
    ...     encoder = OneHotEncoder().fit(pd.DataFrame({"size": ["S", "L", "S"]}))
    >>> encoder.categories_
    [array(['L', 'S'], dtype=object)]
    """
    return encoder_steps(_CodedSteps(least_rows))
