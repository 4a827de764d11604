"""What all scorers promise: a step bound to a model, rows to scores with no features between."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from .._one_row import RowTemplate
from ._features import Entries, only, row_of
from ._forwarding import KernelUser, forwarded
from ._unsupported import InputUnsupported


class Scorer(KernelUser):
    """A step bound to coefficients: rows to partial scores, without the features between.

    Scorers are immutable; threads may share them.
    """

    coef: np.ndarray
    """Coefficients (n_features, n_outputs), of those that have some."""

    @property
    def n_outputs(self) -> int:
        """Number of columns of the scores."""
        return self.coef.shape[1]

    def scores(self, X: Any, rows: np.ndarray | None = None, *, n_threads: int = 1) -> np.ndarray:
        """Return the float64 partial scores of the chosen rows, (n_rows, n_outputs).

        Parameters
        ----------
        X : what the step's ``transform`` takes
        rows : integer array, optional
            Positions of the rows to score, in the order wanted; all rows by default.
        n_threads : int
            Threads to share the rows between. Answers do not depend on it.

        Raises
        ------
        InputUnsupported
            For input that must go to the original transformer.
        """
        raise NotImplementedError

    @property
    def wants_rows(self) -> bool:
        """Whether one row is to reach it as X of one row."""
        return False

    @property
    def reads_mapping(self) -> bool:
        """Whether one row is to reach it as a mapping, where rows have names."""
        return False

    @property
    def reads_columns(self) -> bool:
        """Whether it is a `TableScorer`, so that it shares a pass over a table with others."""
        return False

    @property
    def reads_texts(self) -> bool:
        """Whether it is a `TextScorer`, so that it shares the encoding of texts with others."""
        return False

    @property
    def reads_opened(self) -> bool:
        """Whether it takes an input that is `Opened`, of which no column is read twice."""
        return False

    @property
    def template(self) -> RowTemplate:
        """The form of X of one row that it takes, where it wants that."""
        raise NotImplementedError

    def score_one(self, x: Any) -> np.ndarray:
        """Return the partial scores (n_outputs,) of one row."""
        raise NotImplementedError

    def score_entries(self, entries: Entries) -> np.ndarray:
        """Return the partial scores (n_outputs,) of the entries of one sparse row.

        Raises
        ------
        InputUnsupported
            If it does not read them.
        """
        raise InputUnsupported("entries of a sparse row")

    def score_row(self, X: Any) -> np.ndarray:
        """Return the partial scores (n_outputs,) of X of one row."""
        if sparse.issparse(X):
            return only(self.scores(X))
        return self.score_one(row_of(X))


@dataclass(frozen=True, eq=False)
class OffsetScorer(Scorer):
    """Scores that are complete: those of another scorer, and what the model adds to them."""

    scorer: Scorer
    offset: np.ndarray

    n_outputs = forwarded("scorer.n_outputs")

    def scores(self, X: Any, rows: np.ndarray | None = None, *, n_threads: int = 1) -> np.ndarray:
        return self.scorer.scores(X, rows, n_threads=n_threads) + self.offset

    def score_one(self, x: Any) -> np.ndarray:
        return self.scorer.score_one(x) + self.offset
