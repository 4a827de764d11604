"""Passes over the stages: the first stage runs on a chunk of rows, open rows are completed later.

A *pass* runs the first stage on a chunk of rows. What it then knows of them (blocks, or the full
model's scores of these blocks) is *held*, so that rows that stay open, which a cascade escalates
and a ranker scores, need only what is missing. There are two: one computes features, as the
pipeline itself does, and one turns blocks into scores on the compiled path.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .._containers import container_of, take_rows
from ..blocks import BlockGraph, CompiledStage, Store, check_single_precision, take_stored
from ..compilers import InputUnsupported
from ._full_model import FirstStage

CHUNK_ROWS = 8192
"""Rows whose features are held together, so that memory does not grow with the batch."""


def flat(labels: np.ndarray) -> np.ndarray:
    """Labels (n_rows,) where they come as one column: CatBoost's of several classes do."""
    return labels[:, 0] if np.ndim(labels) == 2 and labels.shape[1] == 1 else labels


@dataclass(frozen=True)
class ModelInput:
    """A model, and what it takes of some rows: here an estimator and features."""

    model: Any
    features: Any

    def answer(self, method: str) -> np.ndarray:
        """What a method of the model returns."""
        found = getattr(self.model, method)(self.features)
        return flat(found) if method == "predict" else found

    def raw(self, response: np.ndarray) -> np.ndarray:
        """The numbers that a response follows from: one a row, or the response, as here."""
        return response

    def doubtful(self) -> np.ndarray:
        """Positions of rows that another order of summation could give another label: here none."""
        return np.zeros(0, dtype=np.intp)


class ScoreInput(ModelInput):
    """A compiled model, and its scores in the place of features."""

    def raw(self, response: np.ndarray) -> np.ndarray:
        """Return the scores where there is one a row, and the response rises with it."""
        return np.asarray(self.model.numbers(self.features, response))

    def doubtful(self) -> np.ndarray:
        return self.model.doubtful(self.features)


@dataclass(frozen=True)
class HeldFeatures:
    """Blocks that are known."""

    graph: BlockGraph
    Z: Any
    store: Store

    def take(self, positions: np.ndarray) -> "HeldFeatures":
        """The same for some of the rows."""
        return HeldFeatures(self.graph, *take_stored(self.Z, self.store, positions))

    def finish(self, positions: np.ndarray) -> ModelInput:
        """Compute the missing blocks."""
        Z, store = take_stored(self.Z, self.store, positions)
        return ModelInput(self.graph.model, self.graph.compute(Z, self.graph.names, store))


@dataclass(frozen=True, kw_only=True)
class HeldScores:
    """The full model's scores from the blocks that are known."""

    stage: CompiledStage
    Z: Any  # the rows
    opened: Any  # the same, as the stage reads them
    carry: np.ndarray  # n_held rows: what the stage carries of them
    n_threads: int
    rows: np.ndarray | None = None  # intp (n_held,): the rows of `Z` that are held; None for all
    # Whether `Z` is the input itself, or a view of it: to hold all of it then costs nothing, and
    # those rows that are read in the end are gathered once, by what reads them.
    is_lent: bool = False

    def take(self, positions: np.ndarray) -> "HeldScores":
        """The same for some of the rows."""
        carry = self.carry[positions]
        if self.is_lent:
            # What was read of the other rows is dropped.
            opened = self.stage.opened(self.Z)
            return replace(self, rows=self._rows(positions), opened=opened, carry=carry)
        Z = take_rows(self.Z, positions)
        return replace(self, Z=Z, opened=self.stage.opened(Z), carry=carry)

    def _rows(self, positions: np.ndarray) -> np.ndarray:
        return positions if self.rows is None else self.rows[positions]

    def finish(self, positions: np.ndarray) -> ScoreInput:
        """Add the scores of the missing blocks."""
        scores = self.stage.finish(
            self.opened,
            self._rows(positions),
            self.carry[positions],
            n_threads=self.n_threads,
        )
        self.stage.full.check(scores)
        return ScoreInput(self.stage.full, scores)


@dataclass(frozen=True)
class FeaturePass:
    """Pass of a first stage that reads features, as the pipeline computes them."""

    graph: BlockGraph
    blocks: tuple[str, ...]
    model: Any

    @property
    def chunk_rows(self) -> int:
        """Rows to run together."""
        return CHUNK_ROWS

    def start(self, X: Any) -> tuple[ModelInput, HeldFeatures]:
        """Compute the stage's blocks: the stage's model, what it takes, and what is known."""
        Z = self.graph.prepare(X)
        # A stage that leaves out a block does not notice that its columns are missing.
        self.graph.check_columns(Z)
        store: Store = {}
        features = self.graph.compute(Z, self.blocks, store)
        if self.graph.reads_single:
            check_single_precision(features)
        return ModelInput(self.model, features), HeldFeatures(self.graph, Z, store)


@dataclass(frozen=True)
class FusedPass:
    """Pass of a first stage whose blocks become scores on the compiled path."""

    # The full model; None where the stage reads rows as they come, and checks them itself.
    graph: BlockGraph | None
    stage: CompiledStage
    n_threads: int

    @property
    def chunk_rows(self) -> int:
        """Rows to run together."""
        return self.stage.chunk_rows

    def start(self, X: Any) -> tuple[ScoreInput, HeldScores]:
        """Score the stage's blocks, for its own model and for the full one.

        Raises
        ------
        InputUnsupported
            For input that only the original steps can judge.
        """
        Z = X
        if self.graph is not None:
            Z = self.graph.prepare(X)
            self.graph.check_columns(Z)
        opened = self.stage.opened(Z)
        scores, carry = self.stage.start(opened, n_threads=self.n_threads)
        held = HeldScores(
            stage=self.stage,
            Z=Z,
            opened=opened,
            carry=carry,
            n_threads=self.n_threads,
            is_lent=Z is X and container_of(X).slices_share,
        )
        return ScoreInput(self.stage.approx, scores), held


Held = HeldFeatures | HeldScores
"""What is known of some rows of a chunk after its first stage."""

StagePass = FeaturePass | FusedPass
"""The first stage on a chunk of rows, and what completes them."""


def answer_by_pass(
    graph: BlockGraph,
    stage: FirstStage,
    answer: Callable[[StagePass], Any],
    *,
    otherwise: Callable[[], Any],
    n_threads: int,
) -> Any:
    """Answer on the compiled path, by the first stage's steps, or otherwise by the full model.

    Each is tried where those before it cannot judge the input, as where a truncated ensemble meets
    a number that the original refuses. The last one raises what the original raises.

    Parameters
    ----------
    graph : BlockGraph
        The full model.
    stage : FirstStage
        Compiled only where that gives what is asked of it. A model of another kind than the full
        one would speak in its own name of what it refuses: the full model judges.
    answer : callable
        Answers by a pass.
    otherwise : callable
        Answers without a first stage.
    """
    blocks = stage.blocks
    try:
        if stage.compiled is not None:
            with suppress(InputUnsupported):
                return answer(FusedPass(graph if blocks else None, stage.compiled, n_threads))
        if blocks:
            with suppress(InputUnsupported):
                return answer(FeaturePass(graph, blocks, stage.model))
    except (TypeError, ValueError):
        if not stage.is_other_model:
            raise
    return otherwise()
