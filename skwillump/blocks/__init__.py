"""How a pipeline splits into feature blocks, and computing them for chosen rows."""

from . import (
    _combined_chains,
    _combined_ensembles,
    _combined_targets,
    _combined_votes,
)  # they register what they know
from ._combined import combined
from ._graph import (
    BlockGraph,
    Store,
    locate_blocks,
    names_in_composites,
    split_pipeline,
    take_stored,
)
from ._joined import SideBySideScorer, joined_model, passing_member
from ._lifted import hides_blocks, lifted_chain, settled, unfitted
from ._linear_sums import LinearBlocks
from ._protocols import CompiledBlocks, CompiledStage
from ._single_precision import check_single_precision
from ._trees import TreeBlocks
from ._truncated import (
    TruncatedClassifier,
    TruncatedEnsemble,
    blocks_used,
    match_scores,
    n_rounds,
    tree_scores,
    truncated_ensemble,
    truncation_sizes,
)
from ._whole import has_linear_model, single_block


def compiled_blocks(graph: BlockGraph) -> CompiledBlocks | None:
    """Blocks of a graph on a path of their own.

    Where its model is linear, of trees, or a wrapper of such; None where it is not.
    """
    return LinearBlocks.from_graph(graph) or TreeBlocks.from_graph(graph)
