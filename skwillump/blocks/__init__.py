"""How a pipeline splits into feature blocks, and computing them for chosen rows."""

from ._graph import (
    BlockGraph,
    LocatedBlock,
    Store,
    locate_blocks,
    names_in_composites,
    split_pipeline,
    take_rows,
)
from ._linear_sums import FusedBlocks, FusedStage
from ._trees import DenseBlocks, DenseStage
from ._truncated import (
    FirstTreesClassifier,
    FirstTreesModel,
    FirstTreesRegressor,
    blocks_of_trees,
    first_trees,
    tree_counts,
)

__all__ = [
    "BlockGraph",
    "DenseBlocks",
    "DenseStage",
    "FirstTreesClassifier",
    "FirstTreesModel",
    "FirstTreesRegressor",
    "FusedBlocks",
    "FusedStage",
    "LocatedBlock",
    "Store",
    "blocks_of_trees",
    "first_trees",
    "fuse",
    "locate_blocks",
    "names_in_composites",
    "split_pipeline",
    "take_rows",
    "tree_counts",
]


def fuse(graph: BlockGraph) -> FusedBlocks | DenseBlocks | None:
    """Blocks of a graph on a path of their own, where its model is linear or of trees."""
    return FusedBlocks.from_graph(graph) or DenseBlocks.from_graph(graph)
