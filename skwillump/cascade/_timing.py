"""What is timed of a cascade: how it answers a batch, and single rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from ..blocks import BlockGraph
from ..planning import HarmScore
from ..stages._clock import rounds_in_turns, thread_clock, typical_seconds
from ..stages._metering import OPEN_SHARES, SINGLE_ROWS, FirstStage, Turn
from ._answering import CascadeRunner, EarlyStage

SCORED_ROWS = 4096
"""Rows on which a learned score is timed, at most."""


@dataclass(frozen=True, kw_only=True)
class CascadeTiming:
    """How a cascade answers with a first stage and without.

    Attributes
    ----------
    runner : CascadeRunner
        Of the full model alone.
    graph : BlockGraph
    method : {"predict_proba", "decision_function"}
        What confidence is read from.
    measure : {"probability", "margin"}
    """

    runner: CascadeRunner
    graph: BlockGraph
    method: str
    measure: str

    def batch_turns(self, X: Any, stage: FirstStage | None) -> list[Turn]:
        """Answer a batch by the full model; or with a stage that leaves few rows open, and many."""
        if stage is None:
            return [Turn(partial(_answer, self.runner, X))]
        sure = self._with(stage, np.inf).confidence(X)
        turns = []
        for runner in (self._with(stage, np.quantile(sure, share)) for share in OPEN_SHARES):
            turns.append(Turn(partial(_answer, runner, X), int(np.sum(_answer(runner, X)[1]))))
        if turns[0].n_open == turns[1].n_open:  # many rows are equally sure
            turns[0] = Turn(partial(_answer, self._with(stage, -np.inf), X))
        if not turns[1].n_open:
            turns[1] = Turn(partial(_answer, self._with(stage, np.inf), X), len(sure))
        return turns

    def row_turns(self, rows: Sequence[Any], stage: FirstStage | None) -> list[Turn]:
        """Answer row by row: by the full model; or with a stage that leaves none open, or all."""
        if stage is None:
            return [Turn(partial(_answer_each, self.runner, rows))]
        return [
            Turn(partial(_answer_each, self._with(stage, -np.inf), rows)),
            Turn(partial(_answer_each, self._with(stage, np.inf), rows), len(rows)),
        ]

    def has_row_path(self, rows: Sequence[Any]) -> bool:
        """Whether the full model answers single rows in a way of their own.

        Rows of sparse matrices, and those of pipelines that are not compiled, are answered as
        batches of one.
        """
        return any(self.runner.answer_one(row, "predict") is not None for row in rows)

    def _with(self, stage: FirstStage, threshold: float) -> CascadeRunner:
        """A runner whose first stage answers rows of some confidence."""
        early = EarlyStage(
            graph=self.graph,
            blocks=stage.blocks,
            model=stage.model,
            method=self.method,
            measure=self.measure,
            thresholds=np.full(self.runner.n_groups, threshold),
            is_largest=self.runner.is_largest(stage.model, self.method),
            fused=stage.compiled,
        )
        return replace(self.runner, early=early)


def score_seconds(score: HarmScore, response: np.ndarray, codes: np.ndarray) -> tuple[float, float]:
    """Seconds a row that a learned score takes: of a batch, and of single rows.

    Stages are timed with the probability of the predicted class, which takes next to nothing.
    """
    response, codes = response[:SCORED_ROWS], codes[:SCORED_ROWS]
    single = response[:SINGLE_ROWS]
    pairs = list(zip(single.tolist(), codes[:SINGLE_ROWS].tolist(), strict=True))

    def one_by_one() -> None:
        for values, code in pairs:
            score.of_row(values, code)

    rounds = rounds_in_turns(
        [partial(score.of_rows, response, codes), one_by_one],
        thread_clock(),
        n_rounds=(3, 15),
        most_seconds=0.02,
    )
    of_batch, of_single = typical_seconds(rounds)
    return float(of_batch) / len(codes), float(of_single) / len(pairs)


def _answer(runner: CascadeRunner, X: Any) -> tuple[np.ndarray, np.ndarray]:
    return runner.answer(X, "predict", n_threads=1)


def _answer_each(runner: CascadeRunner, rows: Sequence[Any]) -> None:
    for row in rows:
        runner.predict_one(row, "predict")
