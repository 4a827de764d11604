"""Measuring costs: blocks one by one, and whole answers with a first stage and without.

What is timed of a stage is what `predict` does, from the rows to the labels: checks, reading
blocks, deciding, gathering the rows that stay open, joining blocks and the full model. A stage that
is left open by two different numbers of rows costs as a line does: what it costs itself, and what
each open row adds.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple, Protocol

import numpy as np

from .._containers import column_names, num_samples
from ..blocks import BlockGraph, CompiledBlocks
from ..compilers import InputUnsupported
from ..planning import StageSeconds
from ._clock import Clock, rounds_in_turns, thread_clock, typical_seconds, work_clock
from ._costs import BlockCosts, PathCosts, StageCosts
from ._full_model import FirstStage
from ._timed_rows import TimedRows

SLOW_ROW_SECONDS = 0.01
"""What a row takes at least where answering rows one by one costs the same as together, so that
only the path that is planned for is timed."""

SHARE_OF_FIT = 0.05
"""Share of what `fit` took so far that timing may take."""

TIMING_SECONDS = (0.1, 1.0)
"""Seconds that it may take at least and at most: with fewer, choices would depend on chance."""

BLOCK_SHARE, STAGE_SHARE, ROW_SHARE = 0.15, 0.6, 0.25
"""Shares of it for the turns of blocks, of stages in batches, and of stages in single rows, unless
their number is the least."""

NEVER_CHOSEN = StageSeconds(start=np.inf, rest=0.0)
"""What a stage is taken to cost on the path that is not planned for, where that is not timed."""

N_TURNS = 24
"""Turns of stages in batches, about: of three stages and the full model, three times each."""

N_ROUNDS = (3, 31)
"""How often each function has its turn, at least and at most."""

BLOCK_ROUNDS = (2, 31)
"""The same of blocks one by one, whose costs only say which sets are worth a look."""


class Turn(NamedTuple):
    """A function to be timed."""

    run: Callable[[], object]  # answers some rows
    n_open: int = 0  # how many of them the first stage leaves open


class Answering(Protocol):
    """How an estimator answers; what is timed."""

    def batch_turns(self, X: Any, stage: FirstStage | None) -> list[Turn]:
        """Answer a batch by the full model: one turn; or with a stage that is open to different
        numbers of rows: two turns.
        """

    def row_turns(self, rows: Sequence[Any], stage: FirstStage | None) -> list[Turn]:
        """The same for rows that are answered one by one."""

    def has_row_path(self, rows: Sequence[Any]) -> bool:
        """Whether single rows are answered in a way of their own, not as batches of one."""


class CostMeter:
    """Measures seconds a row on the paths that predict takes.

    Parameters
    ----------
    graph : BlockGraph
        The full model.
    compiled : CompiledBlocks or None
        Its blocks on a compiled path, where there is one.
    X : array-like, sparse matrix, data frame or list
        Rows to measure on.
    query : {"batch", "point"}
        Whether rows that are planned for come many at a time or one at a time.
    given : mapping of str to float
        Costs that the user states instead: seconds a row of a block.
    both : bool
        Whether the way that is not planned for is looked at too.
    spent : float
        Seconds that `fit` took so far.

    Attributes
    ----------
    costs : BlockCosts
        Of each block, on the path that is planned for.
    """

    def __init__(
        self,
        graph: BlockGraph,
        compiled: CompiledBlocks | None,
        X: Any,
        *,
        answering: Answering,
        query: str,
        given: Mapping[str, float],
        both: bool,
        spent: float = np.inf,
    ):
        self._graph, self._compiled, self._given = graph, compiled, given
        self._answering, self._both = answering, both
        self._clock = clock_of(graph, compiled)
        self._is_warm = False
        self._most_seconds = seconds_for_timing(spent)
        turn_seconds = STAGE_SHARE * self._most_seconds / N_TURNS
        self._timed = TimedRows.of(X, self._seconds_of_full, turn_seconds)
        self._planned = query
        self._blocks = {query: self._block_costs(query)}
        keys = {**self._blocks[query].keys, **given}
        self.costs = replace(self._blocks[query], keys=keys)

    def stages(
        self, stages: Sequence[FirstStage], *, planned: PathCosts | None = None
    ) -> StageCosts:
        """Measure the costs of some first stages, and those of the full model beside them.

        Parameters
        ----------
        planned : PathCosts, optional
            Those of rows that come as planned for, where they were measured before.
        """
        if planned is None:
            planned = self.planned(stages)
        else:
            self._make_ready(stages)
        both = self._both and self._timed.seconds < SLOW_ROW_SECONDS
        other = "batch" if self._planned == "point" else "point"
        if not both or (other == "point" and not self._answering.has_row_path(self._timed.rows)):
            return StageCosts(planned=planned, other=None)
        # What costs as much as the full model on the planned path is chosen at no target.
        may_pay = [seconds.start < planned.full for seconds in planned.stages]
        timed = self._path_costs(
            other, [stage for stage, may in zip(stages, may_pay, strict=True) if may]
        )
        known = iter(timed.stages)
        seconds = tuple(next(known) if may else NEVER_CHOSEN for may in may_pay)
        return StageCosts(planned=planned, other=replace(timed, stages=seconds))

    def allow(self, spent: float) -> None:
        """Let timing take a share of what `fit` took by now."""
        self._most_seconds = seconds_for_timing(spent)

    def planned(self, stages: Sequence[FirstStage], *, part: float = 1.0) -> PathCosts:
        """Measure the same of rows that come as planned for, and of no others.

        Parameters
        ----------
        part : float
            Of the seconds that there are for it.
        """
        self._make_ready(stages)
        return self._path_costs(self._planned, stages, part)

    def _make_ready(self, stages: Sequence[FirstStage]) -> None:
        for stage in stages:
            if stage.compiled is not None:
                stage.compiled.warm_up()
        if any(stage.compiled is None for stage in stages):
            self._clock = work_clock()

    # Whole answers --------------------------------------------------------------------------

    def _seconds_of_full(self, X: Any) -> float:
        (turn,) = self._answering.batch_turns(X, None)
        if not self._is_warm:
            turn.run()
            self._is_warm = True
        return self._clock.seconds_of(turn.run)

    def _turns(self, path: str, stage: FirstStage | None) -> list[Turn]:
        if path == "batch":
            return self._answering.batch_turns(self._timed.batch, stage)
        return self._answering.row_turns(self._timed.rows, stage)

    def _path_costs(self, path: str, stages: Sequence[FirstStage], part: float = 1.0) -> PathCosts:
        whole = self._turns(path, None)
        pairs = [self._turns(path, stage) for stage in stages]
        turns = [*whole, *(turn for pair in pairs for turn in pair)]
        n_rows = num_samples(self._timed.batch) if path == "batch" else len(self._timed.rows)
        share = part * (STAGE_SHARE if path == "batch" else ROW_SHARE)
        runs = [turn.run for turn in turns]
        full, *seconds = (self._seconds(runs, share, N_ROUNDS) / n_rows).tolist()
        names = self._graph.names
        costs = []
        for stage, (low, high), at_low, at_high in zip(
            stages, pairs, seconds[::2], seconds[1::2], strict=True
        ):
            rest = (at_high - at_low) * n_rows / max(high.n_open - low.n_open, 1)
            start = at_low - rest * low.n_open / n_rows
            missing = [name for name in names if name not in stage.blocks]
            costs.append(
                StageSeconds(
                    start=self._with_given(path, start, stage.blocks),
                    rest=self._with_given(path, rest, missing),
                )
            )
        measured = PathCosts(full=self._with_given(path, full, names), stages=tuple(costs))
        return measured.consistent(
            [[i for i, other in enumerate(stages) if other.does_part_of(s)] for s in stages]
        )

    def _seconds(
        self, functions: Sequence[Callable[[], object]], share: float, n_rounds: tuple[int, int]
    ) -> np.ndarray:
        """Seconds of functions that take turns, with a share of the seconds that there are."""
        rounds = rounds_in_turns(
            functions, self._clock, n_rounds=n_rounds, most_seconds=share * self._most_seconds
        )
        # Costs that are given replace measured ones in a sum, and what is left of other work on
        # the machine would be taken for costs. The least of some measurements has least of it.
        return rounds.min(axis=0) if self._given else typical_seconds(rounds)

    def _with_given(self, path: str, seconds: float, blocks: Sequence[str]) -> float:
        """What was measured, with the costs of blocks that were given in place of theirs.

        They are of rows that come as planned for. Where rows come in the other way, a block costs
        no less than was measured: a call for one row may take what one for many does.
        """
        given = [name for name in blocks if name in self._given]
        if not given:
            return max(seconds, 0.0)
        if path not in self._blocks:
            self._blocks[path] = self._block_costs(path)
        measured = self._blocks[path].keys
        own = max(seconds - sum(measured[name] for name in given), 0.0)
        stated = own + sum(self._given[name] for name in given)
        return stated if path == self._planned else max(stated, seconds)

    # Blocks ---------------------------------------------------------------------------------

    def _block_costs(self, path: str) -> BlockCosts:
        if self._compiled is not None:
            # Rows that only the original steps can judge are answered by them.
            with suppress(InputUnsupported):
                return self._compiled_costs(self._compiled, path)
        return self._stepwise_costs(path)

    def _compiled_costs(self, compiled: CompiledBlocks, path: str) -> BlockCosts:
        """Costs of blocks that are compiled, each read on its own."""
        graph = self._graph
        readers = [compiled.block(name) for name in graph.names]
        inputs = [self._timed.batch] if path == "batch" else self._timed.single
        if path == "point" and not graph.prefix:
            parts = [compiled.answer_one, *(reader.one for reader in readers)]
            needs_frames = graph.union is not None and graph.union.needs_rows
            has_names = column_names(self._timed.batch) is not None
            # Steps that run as they are take a row in the form of many.
            items = self._timed.single if needs_frames and has_names else self._timed.rows
        else:
            parts = [compiled.answer, *(reader.many for reader in readers)]
            items = [graph.prepare(X) for X in inputs]
        functions = [partial(_each, part, items) for part in parts]
        functions.append(partial(_each, graph.prepare, inputs))
        n_rows = sum(num_samples(X) for X in inputs)
        whole, *of_blocks, prefix = (
            self._seconds(functions, BLOCK_SHARE, BLOCK_ROUNDS) / n_rows
        ).tolist()
        # A block cannot cost more than the whole that holds it.
        keys = {name: min(s, whole) for name, s in zip(graph.names, of_blocks, strict=True)}
        model = max(whole - sum(keys.values()), 0.0)
        return BlockCosts(prefix=prefix if graph.prefix else 0.0, keys=keys, model=model)

    def _stepwise_costs(self, path: str) -> BlockCosts:
        """Costs of blocks as steps of the pipeline, one after the other."""
        inputs = [self._timed.batch] if path == "batch" else self._timed.single
        n_rows = sum(num_samples(X) for X in inputs)
        watches: list[StepWatch] = []

        def run() -> None:
            watch = StepWatch(self._clock)
            for X in inputs:
                Z = watch(_PREFIX, partial(self._graph.prepare, X))
                features = self._graph.compute(Z, self._graph.names, {}, watch=watch)
                self._graph.model.predict(features)
            watches.append(watch)

        totals = rounds_in_turns(
            [run],
            self._clock,
            n_rounds=BLOCK_ROUNDS,
            most_seconds=BLOCK_SHARE * self._most_seconds,
        )
        rounds = [watch.seconds for watch in watches[-len(totals) :]]
        reduce = min if self._given else np.median
        keys = {key: float(reduce([of[key] for of in rounds])) / n_rows for key in rounds[0]}
        whole = float(reduce(totals[:, 0])) / n_rows
        model = max(whole - sum(keys.values()), 0.0)
        return BlockCosts(prefix=keys.pop(_PREFIX), keys=keys, model=model)


def seconds_for_timing(spent: float) -> float:
    """Seconds that timing may take, where `fit` took so many so far."""
    return float(np.clip(SHARE_OF_FIT * spent, *TIMING_SECONDS))


def clock_of(graph: BlockGraph, compiled: CompiledBlocks | None) -> Clock:
    """The clock that sees all that answering takes."""
    return thread_clock() if _is_all_compiled(graph, compiled) else work_clock()


def _is_all_compiled(graph: BlockGraph, compiled: CompiledBlocks | None) -> bool:
    """Whether no step runs that may use threads of its own, or wait."""
    if compiled is None or graph.prefix or graph.union is None:
        return False
    return all(step.compiled for step in graph.union.report(graph.features_name))


_PREFIX = ""
"""Key of the steps before the blocks; no block has it."""


class StepWatch:
    """Runs steps and keeps the seconds that each took.

    Attributes
    ----------
    seconds : dict of str to float
        By the step's key.
    """

    def __init__(self, clock: Clock):
        self._clock = clock
        self.seconds: dict[str, float] = {}

    def __call__(self, key: str, run: Callable[[], Any]) -> Any:
        """Run a step."""
        outputs: list[Any] = []
        seconds = self._clock.seconds_of(lambda: outputs.append(run()))
        self.seconds[key] = self.seconds.get(key, 0.0) + seconds
        return outputs[0]


def _each(function: Callable[[Any], object], items: Sequence[Any]) -> None:
    for item in items:
        function(item)
