"""Models that tell outliers: isolation forests, and ``OneClassSVM``."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.ensemble import IsolationForest
from sklearn.svm import OneClassSVM

from ..._near_ties import not_above
from ...kernels.trees._columns import SINGLE_OR_NAN
from .._registry import register
from .._unsupported import Unsupported, private
from ._ensembles import read_tree, trees_of
from ._outer import OuterModel
from ._support_vectors import machine_with_kernel
from ._tree_answers import IDENTITY
from ._tree_layout import pack
from ._trees import TreeModel


@dataclass(frozen=True, eq=False, kw_only=True)
class OutlierModel(OuterModel):
    """A model that tells outliers; a subclass says what its scores mean."""

    offset: float  # what a row must score to be no outlier

    classes = None
    rises_with_score = False

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
        return not_above(np.abs(self.decision_function(scores)))


@dataclass(frozen=True, eq=False, kw_only=True)
class IsolationModel(OutlierModel):
    """An isolation forest: the depths at which trees tell a row from all others.

    Its scores are their sums.
    """

    most: float  # the sum of depths of a row that is like any other

    def score_samples(self, scores: np.ndarray) -> np.ndarray:
        """Return how normal rows are, (n_rows,), by scikit-learn's operations."""
        return -(2 ** -(scores[:, 0] / self.most))


@register(IsolationForest, gives=IsolationModel)
def compile_isolation_forest(model: Any) -> IsolationModel:
    """Read a fitted isolation forest."""
    members = trees_of(model)
    lengths = private(model, "_decision_path_lengths")
    added = private(model, "_average_path_length_per_tree")
    n_rows = int(private(model, "_max_samples"))
    if n_rows < 2:
        raise Unsupported(f"its trees were fitted on {n_rows} rows")
    trees = []
    for at, (member, features) in enumerate(zip(members, model.estimators_features_, strict=True)):
        trees.append(read_tree(member.tree_, lengths[at] + added[at] - 1.0, features))
    packed = pack(trees, np.zeros(1), SINGLE_OR_NAN)
    # The mean depth of a search in a tree of so many rows (Liu, Ting and Zhou 2008).
    depth = 1.0
    if n_rows > 2:
        depth = 2.0 * (np.log(n_rows - 1.0) + np.euler_gamma) - 2.0 * (n_rows - 1.0) / n_rows
    inner = TreeModel.of(
        model,
        packed,
        classes=None,
        link=IDENTITY,
        trees_per_round=1,
    )
    return IsolationModel(
        inner=inner, most=float(len(members) * depth), offset=float(model.offset_)
    )


class OneClassModel(OutlierModel):
    """A machine of one class; its scores are libsvm's decision values."""

    def score_samples(self, scores: np.ndarray) -> np.ndarray:
        return scores[:, 0] + self.offset

    def decision_function(self, scores: np.ndarray) -> np.ndarray:
        return scores[:, 0]


@register(OneClassSVM, gives=OneClassModel)
def compile_one_class(machine: Any) -> OneClassModel:
    """Read a fitted machine of one class."""
    inner = machine_with_kernel(machine, None, size=1.0)
    return OneClassModel(inner=inner, offset=float(machine.offset_[0]))
