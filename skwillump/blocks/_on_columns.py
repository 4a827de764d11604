"""A model on some of the columns of its features."""

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator, clone
from sklearn.utils import get_tags

from .._compat import available_if
from ..compilers._forwarding import forwarded


def _has(method: str) -> "Callable[[OnColumns], bool]":
    def check(self: "OnColumns") -> bool:
        getattr(getattr(self, "estimator_", self.estimator), method)
        return True

    return check


def is_on_columns(model: Any) -> bool:
    """Whether a model is an `OnColumns`, which holds another one."""
    return isinstance(model, OnColumns)


class OnColumns(BaseEstimator):
    """A model that reads some of the columns of X, in the form in which it was fitted on them.

    Parameters
    ----------
    estimator : estimator
    start, stop : int
        The columns.
    dtype : dtype
        Of the features that the model takes.
    is_sparse : bool
        Whether it takes them as a sparse matrix.
    """

    classes_ = forwarded("estimator_.classes_")

    def __init__(self, estimator: Any, *, start: int, stop: int, dtype: Any, is_sparse: bool):
        self.estimator = estimator
        self.start = start
        self.stop = stop
        self.dtype = dtype
        self.is_sparse = is_sparse

    @classmethod
    def holding(cls, fitted: Any, **columns: Any) -> "OnColumns":
        """Return a fitted model on some columns."""
        made = cls(clone(fitted), **columns)
        made.estimator_ = fitted
        return made

    def among(self, positions: np.ndarray) -> "OnColumns | None":
        """Return the same, not fitted, where only some columns are left; None where none is."""
        start, stop = np.searchsorted(positions, [self.start, self.stop]).tolist()
        if start == stop:
            return None
        return clone(self).set_params(start=start, stop=stop)

    def columns(self, X: Any) -> Any:
        """Return its columns of X."""
        taken = X[:, self.start : self.stop].astype(self.dtype, copy=False)
        if sparse.issparse(taken) and not self.is_sparse:
            return taken.toarray()
        return sparse.csr_matrix(taken) if self.is_sparse and not sparse.issparse(taken) else taken

    def fit(self, X: Any, y: Any = None, **params: Any) -> "OnColumns":
        """Fit a clone of the model on its columns."""
        self.estimator_ = clone(self.estimator).fit(self.columns(X), y, **params)
        return self

    @available_if(_has("predict"))
    def predict(self, X: Any) -> Any:
        """Return what the model predicts."""
        return self.estimator_.predict(self.columns(X))

    @available_if(_has("predict_proba"))
    def predict_proba(self, X: Any) -> Any:
        """Return the model's probabilities."""
        return self.estimator_.predict_proba(self.columns(X))

    @available_if(_has("predict_log_proba"))
    def predict_log_proba(self, X: Any) -> Any:
        """Return the logarithms of the model's probabilities."""
        return self.estimator_.predict_log_proba(self.columns(X))

    @available_if(_has("decision_function"))
    def decision_function(self, X: Any) -> Any:
        """Return the model's decision values."""
        return self.estimator_.decision_function(self.columns(X))

    def __sklearn_tags__(self) -> Any:
        return get_tags(self.estimator)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "estimator_")
