"""Isolation forests: the mean depth at which trees tell a row from all others."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.ensemble import IsolationForest

from ...kernels.trees._walks import SINGLE_OR_NAN
from .._registry import register
from .._unsupported import Unsupported, private
from ._ensembles import read_tree, trees_of
from ._outer import OutlierModel
from ._tree_answers import IDENTITY
from ._tree_layout import pack
from ._trees import TreeModel


@dataclass(frozen=True, eq=False, kw_only=True)
class IsolationModel(OutlierModel):
    """An isolation forest; its scores are the sums of depths."""

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
