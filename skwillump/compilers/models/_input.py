"""What a model sees that stands alone: a table of numbers, or a sparse matrix."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.utils import get_tags

from ..._compat import library_of
from ..._containers import has_rows, num_samples, take_rows
from .._features import MAX_DENSE_FEATURES, ChosenRows, Work
from .._reports import StepReport
from .._steps import CategoryReader, Step
from .._unsupported import InputUnsupported
from ..tables._columns import refuse_single
from ..tables._input import InputSpec
from ..tables._steps import DenseScorer, TableStep, coefficients
from ..tables._tables import Table, refuse_large_integers, refuse_objects

LIBRARY_ROWS = 512
"""Of fewer rows than these, CatBoost takes more time to make its own form of them than to add."""


@dataclass(frozen=True, eq=False)
class InputStep(TableStep):
    """The columns of a table as numbers, for a model, its original, without transformers before."""

    library: str  # its root module: others than scikit-learn read integers in their own way
    doubles: bool = False  # whether the model computes in the dtype of X: in float64 alone here

    passes_input = True
    gives_array = True  # an array is what it is

    @classmethod
    def of(cls, model: Any) -> "InputStep":
        """Make the input of a fitted model.

        Raises
        ------
        Unsupported
            If it does not tell how many columns it was fitted on.
        """
        spec = InputSpec.of(model)
        library = library_of(type(model))
        own_names = tuple(f"Column_{i}" for i in range(spec.n_columns))
        if library == "lightgbm" and spec.names == own_names:
            spec = replace(spec, names=None)  # until 4.7 it names the columns of arrays
        return cls(original=model, spec=spec, n_features=spec.n_columns, library=library)

    def in_doubles(self) -> "InputStep":
        """Return a twin that refuses float32, and sparse matrices."""
        return replace(self, doubles=True)

    def chunk_features(self, table: Table) -> np.ndarray:
        if self.doubles:
            refuse_single(table.dtype)
        block = table.floats(strict=False, copy=False)
        refuse_objects(table)
        if self.library != "sklearn":
            refuse_large_integers(block, table)
        return block

    def reading_categories(self, reader: CategoryReader) -> Step:
        return reader.of_columns(self.spec)

    def transform(self, X: Any, *, n_threads: int = 1) -> Any:
        return X

    def dense(self, X: Any, rows: ChosenRows = None, *, n_threads: int = 1) -> np.ndarray:
        if not sparse.issparse(X):
            return super().dense(X, rows, n_threads=n_threads)
        if self.n_features > MAX_DENSE_FEATURES:
            raise InputUnsupported(f"{self.n_features} columns are too many for a dense array")
        dense = np.asarray(self.sparse_rows(X, rows).toarray(), dtype=np.float64)
        if self.library == "sklearn" and np.isnan(dense).any():
            raise InputUnsupported("a sparse matrix with missing values, which most models refuse")
        return dense

    def map_dense(
        self, work: Work, X: Any, rows: ChosenRows = None, *, n_outputs: int, n_threads: int = 1
    ) -> np.ndarray:
        """Return what ``work`` makes of the columns, chunk by chunk if X is no sparse matrix."""
        if self.library == "catboost" and has_rows(X) and num_samples(X) >= LIBRARY_ROWS:
            raise InputUnsupported("so many rows, without steps before, that CatBoost is as fast")
        way = Step if sparse.issparse(X) else TableStep
        return way.map_dense(self, work, X, rows, n_outputs=n_outputs, n_threads=n_threads)

    def bind(self, coef: np.ndarray) -> "InputScorer":
        coef = coefficients(self, coef)
        return InputScorer(self.spec, coef.shape[1], self, coef)

    def report(self, name: str) -> list[StepReport]:
        """Return nothing: it is no step of the user's."""
        return []

    def sparse_rows(self, X: Any, rows: ChosenRows) -> Any:
        """Return some rows of a sparse matrix.

        Raises
        ------
        InputUnsupported
            If the model may read it in a way of its own, or refuses it.
        """
        if self.doubles:
            raise InputUnsupported("a sparse matrix, for a model that centers its features")
        if self.spec.names is not None or X.shape[1] != self.n_features or not X.shape[0]:
            raise InputUnsupported(f"a sparse matrix of shape {X.shape}")
        if X.dtype.kind not in "iufb":
            raise InputUnsupported(f"a sparse matrix of dtype {X.dtype}")
        if getattr(self.original, "_sparse", True) is False:
            raise InputUnsupported("it was fitted on an array, and refuses sparse matrices")
        if self.library == "sklearn" and not get_tags(self.original).input_tags.sparse:
            raise InputUnsupported(f"{type(self.original).__name__} refuses sparse matrices")
        if self.library not in ("sklearn", "lightgbm"):
            raise InputUnsupported("a sparse matrix, which may hold zeros or not")
        if self.library == "lightgbm":
            if not sparse.isspmatrix(X):
                raise InputUnsupported("a sparse array, of which LightGBM does not take all")
            if X.dtype not in (np.float32, np.float64):
                raise InputUnsupported(f"LightGBM refuses sparse matrices of dtype {X.dtype}")
            if X.format not in ("csr", "csc"):
                raise InputUnsupported(f"LightGBM warns of sparse matrices in {X.format}")
            if not X.has_canonical_format:
                # It takes the last of several entries in one place, not their sum.
                raise InputUnsupported("a sparse matrix with entries in no order, or twice")
        return take_rows(X, rows)


@dataclass(frozen=True, eq=False)
class InputScorer(DenseScorer):
    """Columns times coefficients; of sparse matrices too."""

    step: InputStep

    def scores(self, X: Any, rows: np.ndarray | None = None, *, n_threads: int = 1) -> np.ndarray:
        if not sparse.issparse(X):
            return super().scores(X, rows, n_threads=n_threads)
        return np.asarray(self.step.sparse_rows(X, rows) @ self.coef, dtype=np.float64)

    def chunk_scores(self, table: Table) -> np.ndarray:
        with np.errstate(all="ignore"):  # scores of what is not finite go to the original
            return super().chunk_scores(table)
