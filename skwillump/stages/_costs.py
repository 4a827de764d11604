"""What each part of a pipeline costs, measured on the path that predict takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import Any

import numpy as np

from .._containers import fast_rows, num_samples, take_rows
from ..blocks import (
    BlockGraph,
    CompiledBlocks,
    CompiledStage,
    Store,
    take_stored,
)
from ..compilers import InputUnsupported
from ._clock import median_by_key, seconds_in_turns, seconds_of
from ._recording import StageTask

COST_ROWS = 1000
"""Rows on which the costs of batches are measured, unless they are slow or quick."""

MOST_COST_ROWS = 16_384
"""Rows on which quick batches are measured, at most: few rows would find all that they look up in
the cache, as those of a large batch do not."""

BATCH_SECONDS = 0.02
"""Seconds that a batch of more than `COST_ROWS` may take."""

COST_SECONDS = 1.0
"""Seconds that one measurement of a batch may take; slow blocks are measured on fewer rows."""

REPEAT_SECONDS = 0.2
"""Seconds that quick measurements of a batch are repeated for."""

N_ROUNDS = (3, 15)
"""How often a batch is measured, at least and at most."""

N_ROUNDS_OF_ONE = 5
"""How often a single row is measured."""

POINT_ROWS = 30
"""Rows on which the costs of single rows are measured, at most."""


@dataclass(frozen=True)
class Costs:
    """Seconds a row of each part of the full pipeline, as it runs.

    Attributes
    ----------
    prefix : float
        Steps before the blocks.
    keys : dict of str to float
        Each block, and each step shared by nested blocks.
    model : float
        Joining all blocks and the model.
    """

    prefix: float
    keys: dict[str, float]
    model: float

    def of_blocks(self, graph: BlockGraph, blocks) -> float:
        """Seconds a row for computing a set of blocks, steps that they share counted once."""
        keys = {key for name in blocks for key in graph.needs[name]}
        return sum(self.keys[key] for key in sorted(keys))

    def full(self, graph: BlockGraph) -> float:
        """Seconds a row of the full pipeline."""
        return self.prefix + self.of_blocks(graph, graph.names) + self.model


@dataclass(frozen=True)
class StageCosts:
    """Seconds a row of some stages and of the full pipeline, measured side by side.

    Attributes
    ----------
    full : float
        The full pipeline.
    stages : tuple of (float, float)
        Of each stage: the stage itself, and completing a row that it leaves open.
    """

    full: float
    stages: tuple[tuple[float, float], ...]


def _batches(X, query: str, run: Callable[[Any], object]) -> tuple[list[Any], int]:
    """Batches to measure on, and how often: single rows, or one batch that does not take long."""
    n_rows = min(num_samples(X), COST_ROWS)
    if query == "point":
        return [take_rows(X, [i]) for i in range(min(n_rows, POINT_ROWS))], 1

    def per_row(n: int) -> float:
        return seconds_of(partial(run, take_rows(X, slice(0, n)))) / n

    few = min(n_rows, 20)
    seconds = per_row(few)
    if seconds * n_rows > COST_SECONDS:
        n_rows = max(few, int(COST_SECONDS / seconds))
    else:
        seconds = per_row(n_rows)
        most = min(num_samples(X), MOST_COST_ROWS)
        n_rows = max(n_rows, min(most, int(BATCH_SECONDS / seconds)))
    # Other work on the machine disturbs short measurements most.
    n_rounds = int(np.clip(REPEAT_SECONDS / (seconds * n_rows), *N_ROUNDS))
    return [take_rows(X, slice(0, n_rows))], n_rounds


FunctionsWithRows = Sequence[tuple[Callable[[], object], int]]
"""Functions, and the number of rows of each."""

FunctionsOf = Callable[[Any], FunctionsWithRows]
"""Functions of a batch, or of one row."""


def seconds_a_row(
    batches: Sequence[Any],
    functions_of: FunctionsOf,
    n_rounds: int,
    typical: Callable[[Sequence[float]], float] = median,
) -> list[float]:
    """Seconds a row of functions that take turns on each batch; medians of the batches."""
    of_batches = []
    for batch in batches:
        functions, n_rows = zip(*functions_of(batch), strict=True)
        for function in functions:
            function()
        seconds = seconds_in_turns(functions, n_rounds, typical=typical)
        of_batches.append(np.array(seconds) / n_rows)
    return np.median(of_batches, axis=0).tolist()


def _left_open(n_rows: int) -> np.ndarray:
    """Rows that a stage is taken to leave open, for measuring what they cost: every second one."""
    return np.arange(n_rows)[::2]


class CostMeter:
    """Measures seconds a row on the path that predict takes.

    Parameters
    ----------
    graph : BlockGraph
        The full model.
    X : array-like, sparse matrix or data frame
        Rows to measure on; the first ones are used.
    query : {"batch", "point"}
        Whether rows come many at a time or one at a time.
    given : mapping of str to float
        Costs that the user states instead: seconds a row of a block.
    """

    def __init__(self, graph: BlockGraph, X, query: str, given: Mapping[str, float]):
        self.graph = graph
        self.batches, self.n_rounds = _batches(X, query, self._run)
        self.costs = self._measure(given)

    def _run(self, X, seconds=None):
        store: Store = {}
        Z = self.graph.prepare(X)
        features = self.graph.compute(Z, self.graph.names, store, seconds=seconds)
        self.graph.model.predict(features)
        return Z, store

    def _measure(self, given) -> Costs:
        runs = []
        self._run(self.batches[0])
        for X in self.batches:
            for _ in range(self.n_rounds):
                seconds: dict[str, float] = {}
                self._run(X, seconds)
                runs.append({key: value / num_samples(X) for key, value in seconds.items()})

        def functions_of(X):
            Z, store = self._run(X)
            return [
                (partial(self.graph.prepare, X), num_samples(X)),
                (partial(self._full_model, Z, store), num_samples(X)),
            ]

        prefix, model = self._seconds(functions_of)
        return Costs(prefix, {**median_by_key(runs), **given}, model)

    def _full_model(self, Z, store):
        """Join all blocks, which are known, and run the model."""
        return self.graph.model.predict(self.graph.compute(Z, self.graph.names, store))

    def _seconds(self, functions_of: FunctionsOf) -> list[float]:
        return seconds_a_row(self.batches, functions_of, self.n_rounds)

    def stages(self, stages: Sequence[tuple[tuple[str, ...], Any]], task: StageTask) -> StageCosts:
        """Measure the costs of some first stages.

        Parameters
        ----------
        stages : sequence of (tuple of str, classifier)
            Of each stage: the blocks that it computes, and its approximate model.
        task : StageTask

        Returns
        -------
        StageCosts
        """
        graph, costs = self.graph, self.costs

        def functions_of(X):
            n_rows = num_samples(X)
            Z, store = self._run(X)
            left = _left_open(n_rows)

            def complete():
                return self._full_model(*take_stored(Z, store, left))

            def decide(blocks, model):
                return task.decide(model, graph.compute(Z, blocks, store))

            return [
                (partial(self._full_model, Z, store), n_rows),
                (complete, len(left)),
                *((partial(decide, blocks, model), n_rows) for blocks, model in stages),
            ]

        model, completing, *deciding = self._seconds(functions_of)
        of_all = costs.of_blocks(graph, graph.names)
        of_stages = [costs.of_blocks(graph, blocks) for blocks, _ in stages]
        return StageCosts(
            costs.prefix + of_all + model,
            tuple(
                (costs.prefix + of_stage + own, of_all - of_stage + completing)
                for of_stage, own in zip(of_stages, deciding, strict=True)
            ),
        )


class FusedMeter:
    """Measures seconds a row where blocks and models run on a compiled path of their own.

    Parameters
    ----------
    graph : BlockGraph
    fused : CompiledBlocks
        Its blocks under the full model.
    X, query, given
        As for `CostMeter`.

    Raises
    ------
    InputUnsupported
        If only the original steps can judge these rows.
    """

    def __init__(
        self,
        graph: BlockGraph,
        fused: CompiledBlocks,
        X,
        query: str,
        given: Mapping[str, float],
    ):
        self.graph = graph
        self.fused = fused
        self.given = given
        self.stepwise = partial(CostMeter, graph, X, query, given)  # for stages that do not compile
        # Costs that are given replace measured ones in a sum, and what is left of other work on
        # the machine would be taken for costs. The least of some measurements has least of it.
        self.typical: Callable[[Sequence[float]], float] = min if given else median
        self.is_point, self.batches, self.n_rounds = False, [], N_ROUNDS_OF_ONE
        readers = {name: fused.block(name) for name in graph.names}
        fused.answer(graph.prepare(take_rows(X, slice(0, 1))))  # loads what is compiled
        if query == "point" and not graph.prefix:
            with suppress(InputUnsupported):
                self.batches = fast_rows(X, POINT_ROWS)
                self.is_point = bool(self.batches)
                for x in self.batches[:1]:
                    fused.answer_one(x)
        prefix = 0.0
        if not self.is_point:
            self.batches, self.n_rounds = _batches(X, query, self._answer)
            if graph.prefix:
                (prefix,) = self._seconds(
                    lambda X: [(partial(graph.prepare, X), num_samples(X))],
                )
            self.batches = [graph.prepare(X) for X in self.batches]

        def functions_of(Z):
            parts = [reader.one if self.is_point else reader.many for reader in readers.values()]
            return [self._full(Z), *((partial(part, Z), self._n_rows(Z)) for part in parts)]

        whole, *parts = self._seconds(functions_of)
        self.measured = dict(zip(readers, parts, strict=True))
        self.costs = Costs(prefix, {**self.measured, **given}, max(whole - sum(parts), 0.0))

    def _answer(self, X):
        return self.fused.answer(self.graph.prepare(X))

    def _n_rows(self, Z) -> int:
        return 1 if self.is_point else num_samples(Z)

    def _full(self, Z) -> tuple[Callable[[], object], int]:
        """What answers with all blocks, and the number of its rows."""
        answer = self.fused.answer_one if self.is_point else self.fused.answer
        return partial(answer, Z), self._n_rows(Z)

    def _seconds(self, functions_of: FunctionsOf) -> list[float]:
        return seconds_a_row(self.batches, functions_of, self.n_rounds, self.typical)

    def stages(self, stages: Sequence[tuple[tuple[str, ...], Any]], task: StageTask) -> StageCosts:
        """Measure the costs of some first stages; see `CostMeter.stages`."""
        made = [self.fused.stage(blocks, model) for blocks, model in stages]
        compiled = [stage for stage in made if stage is not None]
        for stage in compiled:
            stage.warm_up()

        def functions_of(Z):
            functions = [self._full(Z)]
            for stage in compiled:
                functions += (stage_on_row if self.is_point else stage_on_rows)(stage, task, Z)
            return functions

        full, *seconds = self._seconds(functions_of)
        compiled_costs = iter(zip(seconds[::2], seconds[1::2], strict=True))
        others = [tried for tried, stage in zip(stages, made, strict=True) if stage is None]
        other_costs = iter(self.stepwise().stages(others, task).stages if others else ())
        costs = []
        for (blocks, _), runs in zip(stages, made, strict=True):
            if runs is None:
                costs.append(next(other_costs))
                continue
            own, completing = next(compiled_costs)
            missing = [name for name in self.graph.names if name not in blocks]
            costs.append(
                (
                    self._corrected(own, blocks, self.costs.prefix),
                    self._corrected(completing, missing),
                )
            )
        return StageCosts(self._corrected(full, self.graph.names, self.costs.prefix), tuple(costs))

    def _corrected(self, seconds: float, blocks, prefix: float = 0.0) -> float:
        """What was measured, with the costs of blocks that were given in place of theirs."""
        given = [self.given[name] - self.measured[name] for name in blocks if name in self.given]
        return prefix + max(seconds + sum(given), 0.0)


def stage_on_rows(stage: CompiledStage, task: StageTask, Z) -> FunctionsWithRows:
    """What runs a stage on a batch, and what completes the rows that it leaves open."""

    def start(Z):
        scores, carry = stage.start(Z)
        task.read(getattr(stage.approx, task.method)(scores))
        return carry

    def finish(Z, carry):
        return stage.full.predict(stage.finish(Z, left, carry))

    n_rows = num_samples(Z)
    left = _left_open(n_rows)
    opened = stage.opened(Z)
    carry = start(opened)[left]
    return [
        (lambda: start(stage.opened(Z)), n_rows),
        (partial(finish, opened, carry), len(left)),
    ]


def stage_on_row(stage: CompiledStage, task: StageTask, x) -> FunctionsWithRows:
    """What runs a stage on one row, and what completes it."""

    def start():
        scores, carry = stage.start_one(x)
        task.read_one(stage.approx, scores)
        return carry

    return [(start, 1), (partial(stage.finish_one, x, start()), 1)]
