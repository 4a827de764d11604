"""Models that make something else of another model's scores."""

from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from .._forwarding import forwarded, forwarded_call
from .._models import Model
from .._steps import Step
from ._linear import DOUBT


@dataclass(frozen=True, eq=False, kw_only=True)
class OuterModel(Model):
    """A model whose scores are those of another, of the same original."""

    inner: Any  # Model

    original = forwarded("inner.original")
    intercept = forwarded("inner.intercept")
    rises_with_score = False  # answers are made in a way of their own
    reads_batches = forwarded("inner.reads_batches")
    bind = forwarded_call("inner.bind")
    on_codes = forwarded_call("inner.on_codes")
    raw = forwarded_call("inner.raw")
    raw_one = forwarded_call("inner.raw_one")

    @property
    def n_features(self) -> int:
        """Number of features that it reads."""
        return int(self.original.n_features_in_)

    def reading(self, features: Step) -> Self:
        return replace(self, inner=self.inner.reading(features))


@dataclass(frozen=True, eq=False, kw_only=True)
class OutlierModel(OuterModel):
    """A model that tells outliers; a subclass says what its scores mean."""

    offset: float  # what a row must score to be no outlier

    classes = None

    def gives(self, method: str) -> bool:
        return method in ("predict", "decision_function", "score_samples")

    def score_samples(self, scores: np.ndarray) -> np.ndarray:
        """Return how normal rows are, (n_rows,)."""
        raise NotImplementedError

    def decision_function(self, scores: np.ndarray) -> np.ndarray:
        """Return the same less what is asked of a row that is no outlier."""
        return self.score_samples(scores) - self.offset

    def predict(self, scores: np.ndarray) -> np.ndarray:
        """Return -1 for outliers, and 1 for others."""
        return np.where(self.decision_function(scores) < 0, -1, 1)

    def doubtful(self, scores: np.ndarray) -> np.ndarray:
        return np.flatnonzero(np.abs(self.decision_function(scores)) <= DOUBT)
