"""Stages, and the full model behind them."""

from dataclasses import dataclass, field
from typing import Any

from ..blocks import BlockGraph, CompiledBlocks, CompiledStage
from ..planning import CheaperModel
from ._before_pipeline import compiled_stage


@dataclass(frozen=True, kw_only=True)
class StageBase(CheaperModel):
    """What all stages have. `Stage` and `RankStage` tell what the fields are."""

    model: Any = field(repr=False)
    cost_seconds: float
    share: float


@dataclass(frozen=True, kw_only=True)
class FirstStage:
    """The first of two stages."""

    blocks: tuple[str, ...]  # those that it computes; none where it reads rows as they come
    model: Any  # estimator: its fitted approximate model
    compiled: CompiledStage | None  # the stage on the compiled path, where it has one
    n_trees: int | None = None  # where its model is a truncated ensemble: its number of trees
    # Whether its model is of another kind than the full one, and may refuse what that one reads
    # (NaN, say).
    is_other_model: bool = False

    def does_part_of(self, other: "FirstStage") -> bool:
        """Whether it does a part of what another stage does, and nothing else.

        Linear models on fewer blocks do less, and so do fewer trees of the same ensemble. Of other
        models that is not known: a forest on fewer features may have deeper trees.
        """
        if not set(self.blocks) <= set(other.blocks) or self is other:
            return False
        if not self.blocks:
            return False  # it reads rows as they come
        if self.n_trees is not None and other.n_trees is not None:
            return self.n_trees <= other.n_trees
        return self.n_trees is other.n_trees and _is_linear(self.model) and _is_linear(other.model)


def _is_linear(model: Any) -> bool:
    return hasattr(model[-1] if hasattr(model, "steps") else model, "coef_")


@dataclass(frozen=True, kw_only=True)
class FullModel:
    """The full model in its blocks, and as it runs."""

    graph: BlockGraph
    fused: CompiledBlocks | None  # its blocks on a compiled path, where there is one
    runs: Any  # CompiledPipeline or estimator: the same as it runs

    def first_stage(self, what: CheaperModel, model: Any, *, stepwise: bool = False) -> FirstStage:
        """A fitted model as a first stage: on the compiled path where it has one, or by its steps.

        Parameters
        ----------
        what : CheaperModel
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
