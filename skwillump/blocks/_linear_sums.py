"""Blocks that become scores of linear models, with no features in between.

Where the full and the approximate model are linear and the blocks compile, a stage need not build
a matrix: each block of a row is a partial score. One pass over a block that both models use gives
the partial scores of both, so that a row left open needs only the scores of the missing blocks.
"""

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from .._composites import chain
from ..compilers import (
    Leaf,
    LinearModel,
    Opened,
    Scorer,
    SumScorer,
    Unsupported,
    check_scores,
    compile_model,
    linear_map,
    placed,
)
from ._combined import combined
from ._graph import BlockGraph
from ._joined import JoinedModel, joined_model
from ._protocols import BlockReader, CompiledBlocks, CompiledStage


@dataclass(frozen=True, eq=False, kw_only=True)
class LinearStage(CompiledStage):
    """A stage of a linear model."""

    # Scores of the stage's blocks: columns of the approximate model, then of the full one.
    known: Scorer
    missing: Scorer  # scores of the missing blocks for the full model
    approx: LinearModel | JoinedModel
    full: LinearModel | JoinedModel
    reads_twice: bool = False  # whether both scorers read some column

    def opened(self, Z: Any) -> Any:
        return Opened(Z) if self.reads_twice else Z

    def split(self, partial: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Approximate model's scores, and the full model's from the stage's blocks."""
        n_approx = self.approx.n_outputs
        return partial[..., :n_approx] + self.approx.intercept, partial[..., n_approx:]

    def start(self, Z: Any, *, n_threads: int = 1) -> tuple[np.ndarray, np.ndarray]:
        partial = self.known.scores(Z, n_threads=n_threads)
        check_scores(partial)
        return self.split(partial)

    def finish(
        self, Z: Any, rows: np.ndarray, carry: np.ndarray, *, n_threads: int = 1
    ) -> np.ndarray:
        scores = carry + self.missing.scores(Z, rows, n_threads=n_threads)
        scores += self.full.intercept
        return scores

    def start_one(self, x: Any) -> tuple[np.ndarray, np.ndarray]:
        return self.split(self.known.score_one(x))

    def finish_one(self, x: Any, carry: np.ndarray) -> np.ndarray:
        return carry + self.missing.score_one(x) + self.full.intercept


@dataclass(frozen=True, eq=False, kw_only=True)
class LinearBlocks(CompiledBlocks):
    """The blocks of a graph under a linear model."""

    blocks: tuple[Leaf, ...]
    full: LinearModel | JoinedModel
    # float64 (n_features, n_outputs): of the full model, on the blocks' features: linear steps in
    # between are folded in.
    full_coef: np.ndarray

    @classmethod
    def from_graph(cls, graph: BlockGraph) -> "LinearBlocks | None":
        """The blocks of a graph; None where a block or the model is not fit for it."""
        union = graph.union
        if union is None or not union.exact_scores:
            return None
        steps = [step for _, step in graph.model_steps]
        try:
            full, coef = folded_model(steps)
            if any(linear_map(step).computes for step in steps[:-1]):
                union = union.in_doubles()
            blocks = tuple(union.leaves())
        except Unsupported:
            return None
        return cls(blocks=blocks, full=full, full_coef=coef)

    def block(self, name: str) -> BlockReader:
        scorer = self.scorer([name])
        scorer.warm_up()
        return BlockReader(scorer.scores, scorer.score_one)

    def answer(self, Z: Any) -> np.ndarray:
        return self.full.predict(self._whole.scores(Z) + self.full.intercept)

    def answer_one(self, x: Any) -> Any:
        return self.full.predict_one(self._whole.score_one(x) + self.full.intercept)

    @cached_property
    def _whole(self) -> Scorer:
        return self.scorer([block.name for block in self.blocks])

    def scorer(self, names: Collection[str]) -> Scorer:
        """Scores of some blocks for the full model."""
        return self._sum({b.name: self.full_coef[b.place] for b in self.blocks if b.name in names})

    def stage(self, names: Collection[str], model: Any) -> LinearStage | None:
        try:
            steps = [step for _, step in chain(model)]
            approx, approx_coef = folded_model(steps)
        except Unsupported:
            return None
        own = [block for block in self.blocks if block.name in names]
        if sum(block.width for block in own) != len(approx_coef):
            return None
        coefs = {
            block.name: np.hstack((approx_coef[alone.place], self.full_coef[block.place]))
            for block, alone in zip(own, placed(own), strict=True)
        }
        missing = [block.name for block in self.blocks if block.name not in names]
        return LinearStage(
            known=self._sum(coefs),
            missing=self.scorer(missing),
            approx=approx,
            full=self.full,
            reads_twice=self._overlap(names),
        )

    def _overlap(self, names: Collection[str]) -> bool:
        """Whether one of some blocks reads a column that one of the others reads too."""
        known, others = set[int](), set[int]()
        for block in self.blocks:
            positions = block.selection.positions
            if positions is None:
                return True
            (known if block.name in names else others).update(positions)
        return not known.isdisjoint(others)

    def _sum(self, coefs: dict[str, np.ndarray]) -> Scorer:
        n_outputs = next(iter(coefs.values())).shape[1]
        return SumScorer(
            tuple(
                (block.selection, block.step.bind(coefs[block.name] * block.weight))
                for block in self.blocks
                if block.name in coefs
            ),
            np.zeros(n_outputs),
        )


def folded_model(steps: list[Any]) -> tuple[LinearModel | JoinedModel, np.ndarray]:
    """Linear model at the end of some steps, and its coefficients on what enters the first.

    A wrapper of linear models is one of several outputs.

    Raises
    ------
    Unsupported
        If a step is not linear.
    """
    *before, last = steps
    model: LinearModel | JoinedModel
    try:
        model = compile_model(last, LinearModel)
    except Unsupported:
        model = combined(joined_model(last))
    coef = model.coefficients()
    for step in reversed(before):
        coef = linear_map(step).fold(coef)
    return model, coef
