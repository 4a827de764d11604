"""An ensemble cut off after some of its trees, with calibrated probabilities."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ._trees import IDENTITY, SOFTMAX, TreeModel


@dataclass(frozen=True, eq=False)
class TruncatedTrees:
    """A truncated ensemble: the first trees of a classifier, regressor or ranker.

    Boosted trees that stop early are less sure than they should be, and lean towards what is
    frequent: their scores are stretched and moved to where those of all trees are, before they
    become probabilities. A forest's first trees are a smaller forest, and stay as they are.

    Its methods take the scores that `raw` returns, float64 (n_rows, n_outputs).

    Attributes
    ----------
    trees : TreeModel
        The first of the models that `TreeModel.split` returns.
    slope : float
        What scores are multiplied by.
    offset : ndarray of float64 of shape (n_outputs,)
        What is added to them then.
    """

    trees: TreeModel
    slope: float
    offset: np.ndarray

    @classmethod
    def of(cls, trees: TreeModel) -> "TruncatedTrees":
        """Take the first trees as they are."""
        return cls(trees, 1.0, np.zeros(trees.n_outputs))

    @property
    def is_boosted(self) -> bool:
        """Whether its scores are sums that more trees would have gone on adding to."""
        return self.trees.link != IDENTITY and self.trees.divisor == 1.0

    @property
    def is_relative(self) -> bool:
        """Whether only the differences of a row's scores count."""
        return self.trees.link == SOFTMAX

    @property
    def classes(self) -> np.ndarray:
        """Class labels."""
        assert self.trees.classes is not None
        return self.trees.classes

    def raw(self, features: np.ndarray, *, n_threads: int = 1) -> np.ndarray:
        """Return the sums of the trees, before calibration."""
        return self.trees.raw(features, n_threads=n_threads)

    def raw_one(self, features: np.ndarray) -> np.ndarray:
        """Return the sums (n_outputs,) of one row of features (n_features,)."""
        return self.trees.raw_one(features)

    def gives(self, method: str) -> bool:
        """Tell whether ``method`` follows from the scores."""
        return self.trees.gives(method)

    def decision_function(self, scores: np.ndarray) -> np.ndarray:
        """Return the calibrated scores in the shape of the model's ``decision_function``."""
        return self.trees.decision_function(self._calibrated(scores))

    def predict(self, scores: np.ndarray) -> np.ndarray:
        """Return labels or values."""
        if self.trees.classes is None:
            return self.trees.predict(scores)
        return self.classes[self.predict_proba(scores).argmax(axis=1)]

    def predict_proba(self, scores: np.ndarray) -> np.ndarray:
        """Return probabilities (n_rows, n_classes)."""
        return self.trees.predict_proba(self._calibrated(scores))

    def predict_proba_one(self, scores: np.ndarray) -> np.ndarray:
        """Return probabilities (n_classes,) for scores (n_outputs,)."""
        return self.trees.predict_proba_one(self._calibrated(scores))

    def predict_log_proba(self, scores: np.ndarray) -> np.ndarray:
        """Return the logarithms of `predict_proba`."""
        return self.trees.predict_log_proba(self._calibrated(scores))

    def warm_up(self) -> None:
        """Compile or load the kernels."""
        self.trees.warm_up()

    def _calibrated(self, scores: np.ndarray) -> Any:
        return self.slope * scores + self.offset if self.is_boosted else scores
