"""Pipelines of a single block: everything before the model, as it is.

There is nothing to choose from among the features, but a cheaper model may answer on them, or the
full one's ensemble cut off after some of its trees.
"""

from collections.abc import Collection
from typing import Any

import numpy as np
from sklearn.pipeline import FeatureUnion, Pipeline

from .._composites import all_children, identity, nested_blocks, samplers_behind
from .._wrappers import inside_transparent
from ..compilers import Unsupported
from ._grafting import Store, Tap, Watch, unwatched
from ._graph import BlockGraph, compiled_twins
from ._lifted import hides_blocks, lifted_chain
from ._linear_sums import folded_model

FEATURES = "features"
"""Name of the block of all features, where it has no other."""


class WholeGraph(BlockGraph):
    """A fitted pipeline as one block and a model; `features` is the block's transformer."""

    def compute(
        self, Z: Any, blocks: Collection[str], store: Store, *, watch: Watch = unwatched
    ) -> Any:
        """All features, as the model takes them; see `BlockGraph.compute`."""
        tap = Tap(self.features, FEATURES, store, watch, self.compiled.get(FEATURES))
        return tap.transform(Z)


def single_block(fitted: Any, *, compile: bool = False, row: Any = None) -> BlockGraph | None:
    """Split a fitted pipeline of fewer than two blocks into its features and its model.

    Parameters
    ----------
    fitted : estimator
        Its wrappers are seen through.
    compile : bool
        Whether the block may run compiled.
    row : array-like, sparse matrix, data frame or list, optional
        A row as it takes it.

    Returns
    -------
    BlockGraph or None
        None where nothing could be cheaper, as the model is linear and its features are compiled;
        and where its features are not known.
    """
    *before, (name, model) = lifted_chain(fitted, row)
    is_linear = _is_linear(model)
    if (is_linear and not compile) or hides_blocks(fitted) or not (before or _holds_numbers(row)):
        return None
    if is_linear and not before:
        return None
    if len(before) == 1:
        of_one, step = before[0]
    else:
        of_one = ""  # no parameter of the pipeline
        steps = [(path.replace("__", "-"), step) for path, step in before]
        step = Pipeline(steps) if steps else identity().fit(row)  # which tells names and width
    names = tuple(block.name for block in nested_blocks(step))
    if not names and all_children(step) is not None:
        return None  # there is no feature
    kind: type[BlockGraph] = BlockGraph
    composite = step
    if len(names) != 1:
        # Compiled as a union of one, of which models read their features.
        names, kind, composite = (FEATURES,), WholeGraph, FeatureUnion([(FEATURES, step)])
    compiled, union = compiled_twins(composite, names, model) if compile else ({}, None)
    if is_linear and not any(twin.runs_python for twin in compiled.values()):
        return None
    return kind(
        prefix=(),
        features=step,
        model_steps=((name, model),),
        names=names,
        needs={block: (block,) for block in names},
        compiled=compiled,
        union=union,
        features_name=of_one,
        samplers=samplers_behind(before[-1][1], inside_transparent(fitted)[1]) if before else (),
    )


def _holds_numbers(row: Any) -> bool:
    """Whether a row can be read by another model too, with nothing before it."""
    try:
        return np.ndim(np.asarray(row, dtype=np.float64)) == 2
    except (TypeError, ValueError):
        return False


def has_linear_model(graph: BlockGraph) -> bool:
    """Whether the model of a graph is linear, so that none on the same features is cheaper."""
    return len(graph.model_steps) == 1 and _is_linear(graph.model_steps[0][1])


def _is_linear(model: Any) -> bool:
    try:
        folded_model([model])
    except Unsupported:
        return False
    return True
