"""What is timed of a cascade: how it answers a batch, and single rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from .._containers import num_samples
from ..blocks import BlockGraph
from ..planning import LEARNED, Calibration, HarmScore, Plan
from ..stages._clock import Timer, thread_clock
from ..stages._full_model import FirstStage
from ..stages._metering import Turn
from ..stages._timed_rows import SINGLE_ROWS, SLOWEST_ROWS, spread
from ._answering import CascadeRunner

BATCH_ROWS, LEAST_BATCH_ROWS = 1024, 256
"""Rows of a batch of middling size, on which a choice is timed as a whole, and of the least one
that slow pipelines are timed on."""

N_PLAN_CALLS = 10
"""How often a batch is answered for it, about."""

SLOW_PLAN_SECONDS = 0.5
"""Seconds that this may take: the slowest pipelines are timed on fewer rows."""

SCORED_ROWS = 4096
"""Rows on which a learned score is timed, at most."""

OPEN_SHARES = (0.1, 0.5)
"""Shares of a batch that a stage leaves open while it is timed."""


@dataclass(frozen=True, kw_only=True)
class CascadeTiming:
    """How a cascade answers with a first stage and without."""

    runner: CascadeRunner  # of the full model alone
    graph: BlockGraph
    method: str  # {"predict_proba", "decision_function"}: what confidence is read from
    measure: str  # {"probability", "margin"}

    def batch_turns(self, X: Any, stage: FirstStage | None) -> list[Turn]:
        """Answer a batch by the full model; or with a stage that leaves few rows open, and many."""
        if stage is None:
            return [Turn(partial(_answer, self.runner, X))]
        sure = self._runner_at(stage, np.inf).confidence(X)
        thresholds = [float(np.quantile(sure, share)) for share in OPEN_SHARES]
        turns = [
            Turn(
                partial(_answer, self._runner_at(stage, threshold), X),
                int(np.sum(sure < threshold)),
            )
            for threshold in thresholds
        ]
        if turns[0].n_open == turns[1].n_open:  # many rows are equally sure
            turns[0] = Turn(partial(_answer, self._runner_at(stage, -np.inf), X))
        if not turns[1].n_open:
            turns[1] = Turn(partial(_answer, self._runner_at(stage, np.inf), X), len(sure))
        return turns

    def planned_turn(self, X: Any, stage: FirstStage, open_share: float) -> Turn:
        """Answer a batch with a stage that leaves this share of its rows open, or fewer."""
        sure = self._runner_at(stage, np.inf).confidence(X)
        runner = self._runner_at(stage, np.quantile(sure, open_share))
        return Turn(partial(_answer, runner, X), int(np.sum(_answer(runner, X)[1])))

    def row_turns(self, rows: Sequence[Any], stage: FirstStage | None) -> list[Turn]:
        """Answer row by row: by the full model; or with a stage that leaves none open, or all."""
        if stage is None:
            return [Turn(partial(_answer_each, self.runner, rows))]
        return [
            Turn(partial(_answer_each, self._runner_at(stage, -np.inf), rows)),
            Turn(partial(_answer_each, self._runner_at(stage, np.inf), rows), len(rows)),
        ]

    def has_row_path(self, rows: Sequence[Any]) -> bool:
        """Whether the full model answers single rows in a way of their own.

        Rows of sparse matrices, and those of pipelines that are not compiled, are answered as
        batches of one.
        """
        return any(self.runner.answer_one(row, "predict") is not None for row in rows)

    def _runner_at(self, stage: FirstStage, threshold: float) -> CascadeRunner:
        """A runner whose first stage answers rows of at least this confidence."""
        return self.runner.behind(
            graph=self.graph,
            stage=stage,
            method=self.method,
            measure=self.measure,
            thresholds=np.full(self.runner.n_groups, threshold),
        )


def seconds_of_plan(
    timing: CascadeTiming,
    X: Any,
    stage: FirstStage,
    plan: Plan,
    calibration: Calibration,
    *,
    timer: Timer,
) -> float:
    """Seconds a row of the cascade that was chosen, answered as a whole and as it was planned.

    Stages are timed with other shares of open rows, on few rows where they are slow, and what a
    call costs whatever its rows, or what costs more of many rows than of few, is not in a line
    through two points. So the choice is timed once more in a batch of `BATCH_ROWS`, in turns with
    the full model alone, at the open share that it was chosen for: rows that certify do not decide
    what is chosen.

    Parameters
    ----------
    X : array-like, sparse matrix, data frame or list
        Rows to time on.
    stage : FirstStage
        Of the plan.
    plan : Plan
        With a first stage.

    Returns
    -------
    float
        On the scale of the calibration's costs.
    """
    assert plan.candidate is not None
    candidate = calibration.candidates[plan.candidate]
    of_row = N_PLAN_CALLS * max(calibration.full_seconds, 1e-9)
    least = min(LEAST_BATCH_ROWS, max(SLOW_PLAN_SECONDS / of_row, SLOWEST_ROWS))
    n_rows = int(min(num_samples(X), np.clip(timer.most_seconds / of_row, least, BATCH_ROWS)))
    rows = spread(X, n_rows)
    (whole,) = timing.batch_turns(rows, None)
    planned = timing.planned_turn(rows, stage, 1 - plan.chosen_at)
    of_full, of_plan = timer.typical_seconds(whole.run, planned.run)
    seconds = calibration.full_seconds * of_plan / max(of_full, 1e-12)
    # Where many rows are equally sure, fewer are open than planned; of few rows, more may be.
    seconds += (1 - plan.chosen_at - planned.n_open / n_rows) * candidate.seconds.rest
    return seconds + (plan.measure == LEARNED) * candidate.score_seconds


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

    of_batch, of_single = Timer(clock=thread_clock(), most_seconds=0.02).typical_seconds(
        partial(score.of_rows, response, codes), one_by_one, n_rounds=(3, 15)
    )
    return of_batch / len(codes), of_single / len(pairs)


def _answer(runner: CascadeRunner, X: Any) -> tuple[np.ndarray, np.ndarray]:
    return runner.answer(X, "predict", n_threads=1)


def _answer_each(runner: CascadeRunner, rows: Sequence[Any]) -> None:
    for row in rows:
        runner.predict_one(row, "predict")
