"""Steps whose features are rows of a sparse matrix, and the scores of such rows."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse
from sklearn import get_config

from .._containers import take_rows
from ..kernels._arrays import frozen
from ..kernels._sparse_rows import NO_NORM, score_rows
from ._features import Entries, only
from ._scorers import Scorer
from ._steps import Step
from ._threads import map_in_threads, ranges
from ._unsupported import InputUnsupported, Unsupported


class SparseStep(Step):
    """A step that gives a matrix of rows; a subclass says how it comes about."""

    n_features: int
    weights: np.ndarray | None = None  # (n_features,): what entries are multiplied by
    norm_of_rows = NO_NORM  # what rows of weighed entries are divided by

    def matrix(self, X: Any) -> Any:
        """Return the features as a CSR matrix.

        Raises
        ------
        InputUnsupported
            For input that must go to the original transformer.
        """
        raise NotImplementedError

    def unweighed(self, X: Any) -> Any:
        """Return the features before weights and norm, as rows of a CSR matrix of numbers.

        Raises
        ------
        InputUnsupported
            For input that must go to the original transformer.
        """
        return self.matrix(X)

    def entries(self, x: Any) -> Entries:
        """Return the features of one row.

        Raises
        ------
        InputUnsupported
            For a row that must go to the original transformer.
        """
        raise InputUnsupported(f"{type(x).__name__} is no row of a matrix")

    def entries_of(self, X: Any) -> Entries:
        """Return the features of X of one row."""
        features = self.matrix(X)
        if features.shape[0] != 1:
            raise InputUnsupported(f"{features.shape[0]} rows were made of one")
        return features.indices, features.data

    @property
    def gives_matrix(self) -> bool:
        return True

    @property
    def exact_scores(self) -> bool:
        """Whether its values are not rounded to float32."""
        return self.fixed_dtype == np.float64

    def transformed(self, X: Any, *, n_threads: int) -> Any:
        return self.matrix(X)

    def bind(self, coef: np.ndarray) -> "SparseScorer":
        return SparseScorer.of(self, coef)

    def dense_one(self, x: Any) -> np.ndarray:
        return self._laid_out(self.entries(x))

    def dense_row(self, X: Any) -> np.ndarray:
        return self._laid_out(self.entries_of(X))

    def _laid_out(self, entries: Entries) -> np.ndarray:
        positions, values = entries
        out = np.zeros(self.n_features)
        np.add.at(out, positions, values)
        return out


@dataclass(frozen=True, eq=False)
class MadeStep(SparseStep):
    """Sparse features that another step has made, for several models that read them."""

    original: Any  # the transformer of the other step
    n_features: int

    fixed_dtype = np.dtype(np.float64)

    def matrix(self, X: Any) -> Any:
        if not (sparse.issparse(X) and X.format == "csr" and X.dtype == np.float64):
            raise InputUnsupported("features that are no sparse matrix of float64")
        return X

    def transform(self, X: Any, *, n_threads: int = 1) -> Any:
        return self.matrix(X)

    def entries(self, x: Entries) -> Entries:
        """Return the entries, which are what one row is here."""
        return x

    def transform_one(self, x: Entries) -> Any:
        positions, values = x
        found = csr_of(values, positions, np.array((0, len(positions))), self.n_features)
        found.sum_duplicates()
        return found


_MOST_ENTRIES = np.iinfo(np.int32).max
"""Of the rows of a matrix that kernels read."""


@dataclass(frozen=True, eq=False, kw_only=True)
class SparseScorer(Scorer):
    """Rows of a sparse matrix times coefficients, weighed and normalised on the way."""

    step: SparseStep
    n_scores: int
    table: np.ndarray  # as `score_rows` reads it
    width: int

    @property
    def n_outputs(self) -> int:
        return self.n_scores

    @classmethod
    def of(cls, step: SparseStep, coef: np.ndarray) -> "SparseScorer":
        """Lay out the coefficients (n_features, n_outputs) on the features of a step."""
        n_features, n_outputs = coef.shape
        if n_features != step.n_features:
            raise Unsupported(f"coefficients of {n_features} features, not {step.n_features}")
        columns = [np.ascontiguousarray(coef, dtype=np.float64)]
        if step.weights is not None:
            columns[0] = columns[0] * step.weights[:, None]
        if step.norm_of_rows != NO_NORM:
            weights = np.ones(n_features) if step.weights is None else step.weights
            columns.insert(0, weights[:, None])
        width = sum(block.shape[1] for block in columns)
        if width > 1 and width % 2:
            columns.append(np.zeros((n_features, 1)))
            width += 1
        table = columns[0] if len(columns) == 1 else np.hstack(columns)
        return cls(step=step, n_scores=n_outputs, table=frozen(table.reshape(-1)), width=width)

    def scores(self, X: Any, rows: np.ndarray | None = None, *, n_threads: int = 1) -> np.ndarray:
        features = self.step.unweighed(take_rows(X, rows))
        return self._scores(features.data, features.indices, features.indptr, n_threads)

    def score_one(self, x: Any) -> np.ndarray:
        if sparse.issparse(x):
            return only(self.scores(x))
        positions, values = self.step.entries(x)
        return self._scores(values, positions, np.array((0, len(values))))[0]

    def score_row(self, X: Any) -> np.ndarray:
        if sparse.issparse(X):
            return only(self.scores(X))
        positions, values = self.step.entries_of(X)
        return self._scores(values, positions, np.array((0, len(values))))[0]

    def _scores(
        self, values: np.ndarray, features: np.ndarray, stops: np.ndarray, n_threads: int = 1
    ) -> np.ndarray:
        if len(values) > _MOST_ENTRIES:
            raise InputUnsupported(f"{len(values)} entries")
        values = frozen(values.astype(np.float64, copy=False))
        features = frozen(features.astype(np.int32, copy=False))
        stops = frozen(stops.astype(np.int32, copy=False))
        out = np.empty((len(stops) - 1, self.n_outputs))

        def write(rows: slice) -> None:
            some = stops[rows.start : rows.stop + 1]
            norm = self.step.norm_of_rows
            score_rows(values, features, some, self.table, self.width, norm, out[rows])

        if n_threads == 1:
            write(slice(0, len(out)))
        else:
            map_in_threads(write, ranges(len(out), n_threads), n_threads)
        return out

    def warm_up(self) -> None:
        self.step.warm_up()
        self._scores(np.empty(0), np.empty(0), np.zeros(2))


def csr_of(
    data: np.ndarray,
    indices: np.ndarray,
    indptr: np.ndarray,
    n_features: int,
    *,
    made_from: Any = None,
) -> Any:
    """Make the sparse matrix that this scikit-learn is set to give.

    Before 1.9 there is no such setting: a transformer of sparse matrices, which are `made_from`
    then, gives the class that it is given, and all others the older one.
    """
    kept = "sparray" if isinstance(made_from, sparse.sparray) else "spmatrix"
    interface = get_config().get("sparse_interface", kept)
    container = sparse.csr_array if interface == "sparray" else sparse.csr_matrix
    return container((data, indices, indptr), shape=(len(indptr) - 1, n_features))
