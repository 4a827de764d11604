"""How a pipeline splits into feature blocks, and computing them for chosen rows."""

from ._fused import FusedBlocks, FusedStage
from ._graph import BlockGraph, Store, split_pipeline, take_rows

__all__ = ["BlockGraph", "FusedBlocks", "FusedStage", "Store", "split_pipeline", "take_rows"]
