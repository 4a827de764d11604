"""What a model sees that stands alone: a table of numbers."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..._compat import library_of
from ..._containers import has_rows, num_samples
from .._features import ChosenRows, Work
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
        spec, library = InputSpec.of_model(model), library_of(type(model))
        return cls(original=model, spec=spec, n_features=spec.n_columns, library=library)

    def in_doubles(self) -> "InputStep":
        """Return a twin that refuses float32."""
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

    def map_dense(
        self, work: Work, X: Any, rows: ChosenRows = None, *, n_outputs: int, n_threads: int = 1
    ) -> np.ndarray:
        if self.library == "catboost" and has_rows(X) and num_samples(X) >= LIBRARY_ROWS:
            raise InputUnsupported("so many rows, without steps before, that CatBoost is as fast")
        return super().map_dense(work, X, rows, n_outputs=n_outputs, n_threads=n_threads)

    def bind(self, coef: np.ndarray) -> "InputScorer":
        coef = coefficients(self, coef)
        return InputScorer(self.spec, coef.shape[1], self, coef)

    def report(self, name: str) -> list[StepReport]:
        """Return nothing: it is no step of the user's."""
        return []


@dataclass(frozen=True, eq=False)
class InputScorer(DenseScorer):
    """Columns times coefficients."""

    step: InputStep

    def chunk_scores(self, table: Table) -> np.ndarray:
        with np.errstate(all="ignore"):  # scores of what is not finite go to the original
            return super().chunk_scores(table)
