"""Models that make something else of another model's scores."""

from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from .._feature_codes import FeatureCodes
from .._models import Model
from .._steps import Scorer, Step


@dataclass(frozen=True, eq=False, kw_only=True)
class OuterModel(Model):
    """A model whose scores are those of another, of the same original.

    Attributes
    ----------
    inner : Model
    """

    inner: Any

    @property
    def original(self) -> Any:
        """The fitted model."""
        return self.inner.original

    @property
    def intercept(self) -> np.ndarray:  # type: ignore[override]
        """What is added to the scores."""
        return self.inner.intercept

    @property
    def n_features(self) -> int:
        """Number of features that it reads."""
        return int(self.original.n_features_in_)

    @property
    def rises_with_score(self) -> bool:
        """Say no: answers are made in a way of their own."""
        return False

    @property
    def reads_batches(self) -> bool:
        """Whether it computes scores of many rows, and not of one alone."""
        return self.inner.reads_batches

    def bind(self, features: Step) -> Scorer:
        """Return a scorer for the features of a compiled step."""
        return self.inner.bind(features)

    def reading(self, features: Step) -> Self:
        """Return the model as it reads what a step's original returns."""
        return replace(self, inner=self.inner.reading(features))

    def on_codes(self, features: FeatureCodes) -> Any:
        """Return what reads columns of numbers and of codes."""
        return self.inner.on_codes(features)

    def raw(self, features: np.ndarray, *, n_threads: int = 1) -> np.ndarray:
        """Return the scores (n_rows, n_outputs) of dense features."""
        return self.inner.raw(features, n_threads=n_threads)

    def raw_one(self, features: np.ndarray) -> np.ndarray:
        """Return the scores (n_outputs,) of one row of features."""
        return self.inner.raw_one(features)

    def warm_up(self) -> None:
        """Compile or load the kernels."""
        self.inner.warm_up()
