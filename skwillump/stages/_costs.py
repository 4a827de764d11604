"""What blocks, stages and the full model cost: records of what was measured."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from ..blocks import BlockGraph
from ..planning import StageSeconds


@dataclass(frozen=True, kw_only=True)
class BlockCosts:
    """Seconds a row of each part of the full pipeline, as it runs."""

    prefix: float  # steps before the blocks
    keys: dict[str, float]  # each block, and each step shared by nested blocks
    model: float  # joining all blocks and the model

    def of_blocks(self, graph: BlockGraph, blocks: Collection[str]) -> float:
        """Seconds a row for computing a set of blocks, steps that they share counted once."""
        keys = {key for name in blocks for key in graph.needs[name]}
        return sum(self.keys[key] for key in sorted(keys))

    def full(self, graph: BlockGraph) -> float:
        """Seconds a row of the full pipeline."""
        return self.prefix + self.of_blocks(graph, graph.names) + self.model


@dataclass(frozen=True, kw_only=True)
class PathCosts:
    """Seconds a row of the full model and of first stages, of batches or of single rows."""

    full: float  # the full model's
    stages: tuple[StageSeconds, ...]

    def of_stages(self, positions: Sequence[int]) -> "PathCosts":
        """The costs of some of the stages."""
        return replace(self, stages=tuple(self.stages[i] for i in positions))

    def consistent(self, below: Sequence[Collection[int]]) -> "PathCosts":
        """The same costs without what measurement alone can have made of them.

        A stage that does less than another cannot cost more than it: its cost becomes the mean of
        the largest below it and the least above it, both of which grow along the order. And to
        answer in two goes cannot cost less than in one: what completes a row costs no less than
        what the stage spares of the full model.

        Parameters
        ----------
        below : sequence of collection of int, one for each stage
            Positions of stages that do a part of what it does.
        """
        starts = [stage.start for stage in self.stages]
        most = [
            max([start, *(starts[i] for i in under)])
            for start, under in zip(starts, below, strict=True)
        ]
        least = [
            min([start, *(starts[j] for j, under in enumerate(below) if i in under)])
            for i, start in enumerate(starts)
        ]
        corrected = []
        for stage, high, low in zip(self.stages, most, least, strict=True):
            start = (high + low) / 2
            rest = max(stage.rest, self.full - start, 0.0)
            corrected.append(replace(stage, start=start, rest=rest))
        return replace(self, stages=tuple(corrected))


@dataclass(frozen=True, kw_only=True)
class StageCosts:
    """Costs of the paths that predict takes."""

    planned: PathCosts  # of the path that is planned for
    # Of the other one (of single rows where batches are planned for); None where there is none.
    other: PathCosts | None

    def of_stages(self, positions: Sequence[int]) -> "StageCosts":
        """The costs of some of the stages."""
        other = None if self.other is None else self.other.of_stages(positions)
        return StageCosts(planned=self.planned.of_stages(positions), other=other)
