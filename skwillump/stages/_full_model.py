"""The full model that answers, and first stages before it."""

from dataclasses import dataclass
from typing import Any

from ..blocks import BlockGraph, CompiledBlocks
from ..planning import ApproximateStage
from ._before_pipeline import compiled_stage
from ._first_stage import FirstStage
from ._models import StageSpec


@dataclass(frozen=True, kw_only=True)
class FullModel:
    """The full model in its blocks, and as it runs."""

    graph: BlockGraph
    fused: CompiledBlocks | None  # its blocks on a compiled path, where there is one
    runs: Any  # CompiledPipeline or estimator: the same as it runs

    def first_stage(
        self, what: StageSpec | ApproximateStage, model: Any, *, stepwise: bool = False
    ) -> FirstStage:
        """A fitted model as a first stage: on the compiled path where it has one, or by its steps.

        Parameters
        ----------
        what : StageSpec or ApproximateStage
            What the model is.
        stepwise : bool
            Whether to leave the compiled path.
        """
        compiled = None
        if not stepwise:
            compiled = compiled_stage(
                self.graph,
                self.fused,
                self.runs,
                what.blocks,
                model,
                is_surrogate=what.is_surrogate,
            )
        return FirstStage(blocks=what.blocks, model=model, compiled=compiled, n_trees=what.n_trees)
