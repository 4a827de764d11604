"""An ensemble cut off after some of its trees, with calibrated probabilities."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..._near_ties import NO_ROWS
from .._forwarding import forwarded, forwarded_call
from ._outer import OuterModel
from ._tree_answers import IDENTITY, SOFTMAX
from ._trees import TreeModel


@dataclass(frozen=True, eq=False, kw_only=True)
class TruncatedTrees(OuterModel):
    """A truncated ensemble: the first trees of a classifier, regressor or ranker.

    Boosted trees that stop early are less sure than they should be, and lean towards what is
    frequent: their scores are stretched and moved to where those of all trees are, before they
    become probabilities. A truncated forest is a smaller forest, and stays as it is.

    Its scores are the sums of the trees, before calibration.
    """

    inner: TreeModel  # the first of the models that `TreeModel.split` returns
    slope: float  # what scores are multiplied by
    offset: np.ndarray  # float64 (n_outputs,): what is added to them then

    classes = forwarded("inner.classes")
    gives = forwarded_call("inner.gives")

    @classmethod
    def uncalibrated(cls, trees: TreeModel) -> "TruncatedTrees":
        """Take the trees as they are."""
        return cls(inner=trees, slope=1.0, offset=np.zeros(trees.n_outputs))

    @property
    def is_boosted(self) -> bool:
        """Whether its scores are sums that more trees would have gone on adding to."""
        return self.inner.link != IDENTITY and self.inner.divisor == 1.0

    @property
    def is_relative(self) -> bool:
        """Whether only the differences of a row's scores count."""
        return self.inner.link == SOFTMAX

    def decision_function(self, scores: np.ndarray) -> np.ndarray:
        return self.inner.decision_function(self._calibrated(scores))

    def predict(self, scores: np.ndarray) -> np.ndarray:
        if self.classes is None:
            return self.inner.predict(scores)
        return self.classes[self.predict_proba(scores).argmax(axis=1)]

    def doubtful(self, scores: np.ndarray) -> np.ndarray:
        """Return nothing: there is no original whose label it should be."""
        return NO_ROWS

    def predict_proba(self, scores: np.ndarray) -> np.ndarray:
        return self.inner.predict_proba(self._calibrated(scores))

    def predict_proba_one(self, scores: np.ndarray) -> np.ndarray:
        return self.inner.predict_proba_one(self._calibrated(scores))

    def _calibrated(self, scores: np.ndarray) -> Any:
        return self.slope * scores + self.offset if self.is_boosted else scores
