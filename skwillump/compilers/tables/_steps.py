"""Steps over tables: what all of them share.

Such a step has one method of its own, `TableStep.chunk_features`: a chunk of rows to a block of
float64 features. Batches, coefficients and single rows follow from it. A single row is a chunk of
one row that is read without a data frame.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from .._feature_codes import FeatureCodes, of_numbers
from .._features import MAX_DENSE_FEATURES, ChosenRows, Work, default_containers, is_single
from .._forwarding import forwarded
from .._scorers import Scorer
from .._steps import OTHER_DTYPE, Step
from .._unsupported import InputUnsupported, Unsupported
from ..text._rows import csr
from ._chunks import each_chunk
from ._input import InputSpec
from ._tables import BlockTable, Table, refuse_infinite

_NUMBERS = (int, float, np.number, np.bool_)
"""Types of values that are no objects in a column of their own."""

_DOUBLE = np.dtype(np.float64)


@dataclass(frozen=True, eq=False, kw_only=True)
class TableStep(Step):
    """A step that reads columns of a table."""

    original: Any
    spec: InputSpec
    n_features: int

    reads_columns = True

    @classmethod
    def from_fitted(cls, original: Any, n_features: int | None = None, **values: Any) -> Self:
        """Make the step of a fitted transformer, by default of as many features as columns."""
        spec = InputSpec.of(original)
        n = spec.n_columns if n_features is None else n_features
        return cls(original=original, spec=spec, n_features=n, **values)

    def chunk_features(self, table: Table) -> np.ndarray:
        """Return the features (n_rows, n_features) of a chunk of rows, as float64.

        Raises
        ------
        InputUnsupported
            For values that only the original can judge.
        ValueError
            If the table is a single row, for a value that the transformer does not accept.
        """
        raise NotImplementedError

    @property
    def demands(self) -> InputSpec | None:
        return self.spec

    def write_features(self, table: Table, out: np.ndarray) -> None:
        """Write what `chunk_features` returns to ``out``, which may be columns of a wider array."""
        out[:] = self.chunk_features(table)

    def next_table(self, table: Table) -> Table:
        """Return what the following step sees of a chunk of rows."""
        return BlockTable(self.chunk_features(table), self.fixed_dtype or table.dtype)

    @property
    def fixed_dtype(self) -> np.dtype | None:
        """Dtype of what the original returns; None if it is that of the input."""
        return _DOUBLE

    @property
    def has_doubles(self) -> bool:
        """Whether numbers are sure to become float64."""
        # Not `np.dtype(np.float64)`: None, of a dtype that is not known, equals that.
        return self.fixed_dtype == np.float64

    def refuse_passing_objects(self, row: Table) -> None:
        """Raise `InputUnsupported` if values of one row that keep their dtype are no numbers.

        What is missing does not tell whether its column is of objects.
        """
        values = (row.row or ()) if self.fixed_dtype is None else ()
        if not all(isinstance(value, _NUMBERS) and value == value for value in values):
            raise InputUnsupported("a value that may be of a column of objects")

    def in_doubles(self) -> Self:
        """Return a twin that refuses input of which the original makes float32."""
        if self.fixed_dtype is not None and is_single(self.fixed_dtype):
            raise Unsupported(OTHER_DTYPE)
        return self

    @property
    def may_give_integers(self) -> bool:
        dtype = self.fixed_dtype
        return dtype is None or dtype.kind in "iub"

    @property
    def gives_columns(self) -> bool:
        """Whether the original lays its array out column by column."""
        return getattr(self.original, "order", "C") == "F"

    def transformed(self, X: Any, *, n_threads: int) -> Any:
        if not (self.gives_array and self.has_doubles):
            raise InputUnsupported("the container or the dtype of the features is not known")
        features = self.dense(X, n_threads=n_threads)
        return np.asfortranarray(features) if self.gives_columns else features

    def dense(self, X: Any, rows: ChosenRows = None, *, n_threads: int = 1) -> np.ndarray:
        n_outputs = self.n_features
        return self._each_chunk(
            self.write_features, X, rows, n_outputs=n_outputs, n_threads=n_threads
        )

    def map_dense(
        self, work: Work, X: Any, rows: ChosenRows = None, *, n_outputs: int, n_threads: int = 1
    ) -> np.ndarray:

        def write(table: Table, out: np.ndarray) -> None:
            out[:] = work(self.chunk_features(table))

        return self._each_chunk(write, X, rows, n_outputs=n_outputs, n_threads=n_threads)

    def feature_codes(self) -> FeatureCodes:
        """Say that each feature is a column of its own."""
        return of_numbers(self.n_features)

    def write_coded(self, table: Table, out: np.ndarray) -> None:
        """Write a chunk of rows as `feature_codes` lays them out."""
        self.write_features(table, out)

    def map_coded(
        self, work: Work, X: Any, rows: ChosenRows = None, *, n_outputs: int, n_threads: int = 1
    ) -> np.ndarray:
        n_columns = self.feature_codes().n_columns

        def write(table: Table, out: np.ndarray) -> None:
            columns = np.empty((table.n_rows, n_columns))
            self.write_coded(table, columns)
            out[:] = work(columns)

        return self._each_chunk(write, X, rows, n_outputs=n_outputs, n_threads=n_threads)

    def _each_chunk(
        self,
        write: Callable[[Table, np.ndarray], None],
        X: Any,
        rows: ChosenRows,
        *,
        n_outputs: int,
        n_threads: int,
    ) -> np.ndarray:
        """Let ``write`` fill an array chunk by chunk; chunks have room for the features."""
        return each_chunk(
            write,
            self.spec,
            X,
            rows,
            n_threads=n_threads,
            n_outputs=n_outputs,
            n_features=self.n_features,
        )

    def dense_one(self, x: Any) -> np.ndarray:
        return self.chunk_features(self.spec.row(x))[0]

    def transform_one(self, x: Any) -> Any:
        with suppress(InputUnsupported):
            if default_containers(self.original):
                return self._known_features(self.spec.row(x))
            if self.names_in_frames is not None:
                return self.in_frame(self._known_features(self.spec.row(x)))
        return super().transform_one(x)

    def _known_features(self, row: Table) -> Any:
        """Return the features of one row where their container and dtype are known."""
        if self.fixed_dtype == np.dtype(object):
            texts = self.next_table(row).row
            if texts is None or any(type(text) is not str for text in texts):
                raise InputUnsupported("values that are no texts")
            return np.array([texts], dtype=object)
        is_double = self.has_doubles
        is_array = self.gives_array and is_double
        is_sparse = self.gives_sparse and is_double and self.n_features <= MAX_DENSE_FEATURES
        if not (is_array or is_sparse):
            raise InputUnsupported("the container or the dtype of the features is not known")
        self.refuse_passing_objects(row)
        features = self.chunk_features(row)[0]
        return features[None] if is_array else sparse_row(features)

    def bind(self, coef: np.ndarray) -> "TableScorer":
        coef = coefficients(self, coef)
        return DenseScorer(self.spec, coef.shape[1], self, coef)


@dataclass(frozen=True, eq=False, kw_only=True)
class IntegerStep(TableStep):
    """A step that hands on integers as integers."""

    guards_integers: bool = False  # whether those that a model could round are refused

    def guarded(self) -> Step:
        """Return a twin that refuses integers which a model could round."""
        return replace(self, guards_integers=True) if self.may_give_integers else self


class NumberStep(TableStep):
    """A step of which all columns are numbers."""

    allow_nan = True

    @property
    def gives_array(self) -> bool:
        """Say yes: those that give a data frame, or a sparse matrix, say otherwise."""
        return True

    def chunk_features(self, table: Table) -> np.ndarray:
        block = table.floats()
        refuse_infinite(block, allow_nan=self.allow_nan)
        return self.apply(block)

    def apply(self, block: np.ndarray) -> np.ndarray:
        """Return the features of a block of numbers, which may be changed in place."""
        raise NotImplementedError


def coefficients(step: Step, coef: np.ndarray) -> np.ndarray:
    coef = np.ascontiguousarray(coef, dtype=np.float64)
    if coef.shape[0] != step.n_features:  # steps that were fitted apart from one another
        raise Unsupported(
            f"it has coefficients of {coef.shape[0]} features, but {type(step.original).__name__} "
            f"gives {step.n_features}"
        )
    return coef


@dataclass(frozen=True, eq=False)
class TableScorer(Scorer):
    """A step over tables bound to coefficients."""

    spec: InputSpec
    n_scores: int

    reads_columns = True
    reads_opened = True  # columns are read through its spec

    @property
    def n_outputs(self) -> int:
        return self.n_scores

    @property
    def width(self) -> int:
        """Number of values of a row that are computed on the way."""
        return self.n_scores

    def chunk_scores(self, table: Table) -> np.ndarray:
        """Return the scores (n_rows, n_outputs) of a chunk of rows."""
        raise NotImplementedError

    def row(self, table: Table) -> Any:
        """Return the scores of one row: an array (n_outputs,), or a number if there is one."""
        return self.chunk_scores(table)[0]

    def add_to(self, total: np.ndarray, table: Table) -> None:
        """Add the scores of a chunk of rows to what stands before them.

        A sparse product of scikit-learn adds the features up one after the other. Where they are
        sparse, so does this, as far as it can: huge coefficients that cancel then leave the same.
        """
        total += self.chunk_scores(table)

    def add_to_row(self, total: Any, table: Table) -> Any:
        """Return the scores of one row, added to what stands before them."""
        return total + self.row(table)

    def scores(self, X: Any, rows: np.ndarray | None = None, *, n_threads: int = 1) -> np.ndarray:

        def write(table: Table, out: np.ndarray) -> None:
            out[:] = self.chunk_scores(table)

        return each_chunk(
            write,
            self.spec,
            X,
            rows,
            n_threads=n_threads,
            n_outputs=self.n_outputs,
            n_features=self.width,
        )

    def score_one(self, x: Any) -> np.ndarray:
        return np.atleast_1d(self.row(self.spec.row(x)))


@dataclass(frozen=True, eq=False)
class DenseScorer(TableScorer):
    """Features times coefficients."""

    step: TableStep
    coef: np.ndarray

    width = forwarded("step.n_features")

    def chunk_scores(self, table: Table) -> np.ndarray:
        return np.asarray(self.step.chunk_features(table) @ self.coef)


def sparse_row(features: np.ndarray) -> Any:
    """Return the features (n_features,) of one row as a sparse matrix without zeros."""
    known = np.flatnonzero(features)
    ends = np.array([0, len(known)])
    return csr(features[known], known.astype(np.int32), ends, len(features))
