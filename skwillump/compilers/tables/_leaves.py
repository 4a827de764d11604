"""``RandomTreesEmbedding``: for each tree, which leaf a row is in."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.ensemble import RandomTreesEmbedding

from ...kernels.trees._columns import SINGLE
from .._feature_codes import FeatureCodes
from .._registry import register
from .._steps import Step
from .._unsupported import Unsupported
from ..models._ensembles import read_tree
from ..models._tree_answers import IDENTITY
from ..models._tree_layout import pack
from ..models._trees import TreeModel
from ._one_of import OneOfStep
from ._row_table import RowTable
from ._tables import Table


@dataclass(frozen=True, eq=False, kw_only=True)
class LeavesStep(OneOfStep):
    """The leaves of some trees, each a feature."""

    trees: TreeModel  # its scores are the features, one for each tree
    starts: np.ndarray  # (n_trees + 1,): the first feature of each tree

    def positions(self, table: Table) -> list[tuple[np.ndarray, np.ndarray]]:
        found = self.trees.raw(table.floats()).astype(np.intp)
        return [
            (own - start, np.arange(start, stop))
            for own, start, stop in zip(found.T, self.starts, self.starts[1:], strict=False)
        ]

    def row_positions(self, row: list[Any]) -> list[int]:
        block = RowTable(row, names=self.spec.names).floats()
        found: list[int] = self.trees.raw_one(block[0]).astype(np.intp).tolist()
        return found

    def owners(self) -> np.ndarray:
        return np.repeat(np.arange(len(self.starts) - 1), np.diff(self.starts))

    def feature_codes(self) -> FeatureCodes:
        numbers = np.arange(1, self.n_features + 1)
        return FeatureCodes(self.owners(), numbers, len(self.starts) - 1)


@register(RandomTreesEmbedding)
def compile_embedding(embedding: Any) -> Step:
    """Compile a ``RandomTreesEmbedding``."""
    known = embedding.one_hot_encoder_.categories_
    starts = np.cumsum([0, *map(len, known)])
    trees = []
    for member, leaves, start in zip(embedding.estimators_, known, starts, strict=False):
        tree = member.tree_
        if not np.array_equal(leaves, np.flatnonzero(tree.children_left < 0)):
            raise Unsupported("no row of the fit is in some leaf")
        features = np.zeros(tree.node_count)
        features[leaves] = start + np.arange(len(leaves))
        trees.append(read_tree(tree, features))
    model = TreeModel.of(
        embedding,
        pack(trees, np.zeros(len(trees)), SINGLE),
        classes=None,
        link=IDENTITY,
        trees_per_round=1,
    )
    return LeavesStep.from_fitted(embedding, int(starts[-1]), trees=model, starts=starts)
