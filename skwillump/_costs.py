"""What each part of a pipeline costs, measured on the path that predict takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import Any

import numpy as np

from ._compat import num_samples, safe_indexing
from ._rows import one_rows
from ._stage_models import Task
from .blocks import BlockGraph, DenseBlocks, FusedBlocks, Store, take_rows
from .compilers import InputUnsupported
from .planning import decide_one, median_by_key, seconds_of

COST_ROWS = 1000
"""Rows on which the costs of batches are measured, unless they are slow or quick."""

MOST_COST_ROWS = 16_384
"""Rows on which quick batches are measured, at most: few rows would find all that they look up in
the cache, as those of a large batch do not."""

BATCH_SECONDS = 0.02
"""Seconds that a batch of more than `COST_ROWS` may take."""

COST_SECONDS = 1.0
"""Seconds that one measurement of a batch may take; slow blocks are measured on fewer rows."""

REPEAT_SECONDS = 0.1
"""Seconds that quick measurements of a batch are repeated for."""

N_REPEATS = (3, 15)
"""How often a batch is measured, at least and at most."""

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


def _batches(X, query: str, run: Callable[[Any], object]) -> tuple[list[Any], int]:
    """Batches to measure on, and how often: single rows, or one batch that does not take long."""
    n_rows = min(num_samples(X), COST_ROWS)
    if query == "point":
        return [safe_indexing(X, [i]) for i in range(min(n_rows, POINT_ROWS))], 1

    def per_row(n: int) -> float:
        return seconds_of(partial(run, safe_indexing(X, slice(0, n))), n_repeats=1) / n

    few = min(n_rows, 20)
    seconds = per_row(few)
    if seconds * n_rows > COST_SECONDS:
        n_rows = max(few, int(COST_SECONDS / seconds))
    else:
        seconds = per_row(n_rows)
        most = min(num_samples(X), MOST_COST_ROWS)
        n_rows = max(n_rows, min(most, int(BATCH_SECONDS / seconds)))
    # Other work on the machine disturbs short measurements most.
    n_repeats = int(np.clip(REPEAT_SECONDS / (seconds * n_rows), *N_REPEATS))
    return [safe_indexing(X, slice(0, n_rows))], n_repeats


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
        self.batches, self.n_repeats = _batches(X, query, self._run)
        self.costs = self._measure(given)

    def _run(self, X, seconds=None):
        store: Store = {}
        Z = self.graph.prepare(X)
        features = self.graph.compute(Z, self.graph.names, store, seconds=seconds)
        self.graph.model.predict(features)
        return Z, store

    def _measure(self, given) -> Costs:
        runs, prefixes, models = [], [], []
        self._run(self.batches[0])
        for X in self.batches:
            n_rows = num_samples(X)
            for _ in range(self.n_repeats):
                seconds: dict[str, float] = {}
                Z, store = self._run(X, seconds)
                runs.append({key: value / n_rows for key, value in seconds.items()})
            prefixes.append(self._seconds(partial(self.graph.prepare, X)) / n_rows)
            models.append(self._seconds(partial(self._full_model, Z, store)) / n_rows)
        keys = {**median_by_key(runs), **given}
        return Costs(float(np.median(prefixes)), keys, float(np.median(models)))

    def _full_model(self, Z, store):
        """Join all blocks, which are known, and run the model."""
        return self.graph.model.predict(self.graph.compute(Z, self.graph.names, store))

    def _seconds(self, function: Callable[[], object]) -> float:
        return seconds_of(function, n_repeats=self.n_repeats)

    def stage(self, blocks, model, task: Task) -> tuple[float, float]:
        """Cost of a first stage.

        Parameters
        ----------
        blocks : collection of str
            The blocks that the stage computes.
        model : classifier
            Its approximate model.
        task : Task

        Returns
        -------
        stage_seconds, rest_seconds : float
            Seconds a row of the stage, and of completing a row that it leaves open.
        """
        graph, costs = self.graph, self.costs
        deciding, completing = [], []
        for X in self.batches:
            n_rows = num_samples(X)
            Z, store = self._run(X)
            positions = np.arange(n_rows)[::2]

            def first(Z=Z, store=store):
                return task.decide(model, graph.compute(Z, blocks, store))

            def rest(Z=Z, store=store, positions=positions):
                return self._full_model(*take_rows(Z, store, positions))

            deciding.append(self._seconds(first) / n_rows)
            completing.append(self._seconds(rest) / len(positions))
        of_stage = costs.of_blocks(graph, blocks)
        missing = costs.of_blocks(graph, graph.names) - of_stage
        return (
            costs.prefix + of_stage + float(np.median(deciding)),
            missing + float(np.median(completing)),
        )


class FusedMeter:
    """Measures seconds a row where blocks and models run on a compiled path of their own.

    Parameters
    ----------
    graph : BlockGraph
    fused : FusedBlocks or DenseBlocks
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
        fused: FusedBlocks | DenseBlocks,
        X,
        query: str,
        given: Mapping[str, float],
    ):
        self.graph = graph
        self.fused = fused
        self.given = given
        # Costs that are given replace measured ones in a sum, and what is left of other work on
        # the machine would be taken for costs. The least of some measurements has least of it.
        self.typical: Callable[[Sequence[float]], float] = min if given else median
        self.is_point, self.batches, self.n_repeats = False, [], 1
        readers = {name: fused.block(name) for name in graph.names}
        fused.answer(graph.prepare(safe_indexing(X, slice(0, 1))))  # loads what is compiled
        if query == "point" and not graph.prefix:
            with suppress(InputUnsupported):
                self.batches = one_rows(X, POINT_ROWS)
                self.is_point = bool(self.batches)
                for x in self.batches[:1]:
                    fused.answer_one(x)
        prefix = 0.0
        if not self.is_point:
            batches, self.n_repeats = _batches(X, query, self._answer)
            if graph.prefix:
                prefix = self._per_row(batches, graph.prepare)
            self.batches = [graph.prepare(X) for X in batches]
        self.measured = {
            name: self._seconds(reader.one if self.is_point else reader.many)
            for name, reader in readers.items()
        }
        whole = self._seconds(fused.answer_one if self.is_point else fused.answer)
        model = max(whole - sum(self.measured.values()), 0.0)
        self.costs = Costs(prefix, {**self.measured, **given}, model)

    def _answer(self, X):
        return self.fused.answer(self.graph.prepare(X))

    def _seconds(self, function: Callable[[Any], object]) -> float:
        """Seconds a row of a function of the prepared rows, or of one row."""
        if self.is_point:
            return float(np.median([self._of_one(partial(function, x)) for x in self.batches]))
        return self._per_row(self.batches, function)

    def _per_row(self, batches, function: Callable[[Any], object]) -> float:
        seconds = []
        for X in batches:
            function(X)
            of_batch = seconds_of(
                partial(function, X), n_repeats=self.n_repeats, typical=self.typical
            )
            seconds.append(of_batch / num_samples(X))
        return float(np.median(seconds))

    def _of_one(self, function: Callable[[], object]) -> float:
        return seconds_of(function, n_repeats=5, typical=self.typical)

    def stage(self, blocks, model, task: Task) -> tuple[float, float] | None:
        """Cost of a first stage as of `CostMeter`; None if its model does not compile."""
        stage = self.fused.stage(blocks, model)
        if stage is None:
            return None
        stage.warm_up()
        approx = stage.approx
        missing = [name for name in self.graph.names if name not in blocks]

        def first(Z):
            scores, carry = stage.start(Z)
            task.read(getattr(approx, task.method)(scores))
            return carry

        def first_one(x):
            scores, carry = stage.start_one(x)
            if task.is_probability:
                decide_one(approx.predict_proba_one(scores), task.measures[0])
            else:
                task.read(getattr(approx, task.method)(scores[None]))
            return carry

        if self.is_point:
            of_stage = self._seconds(first_one)
            carries = [first_one(x) for x in self.batches]
            completing = [
                self._of_one(partial(stage.finish_one, x, carry))
                for x, carry in zip(self.batches, carries, strict=True)
            ]
        else:
            of_stage = self._seconds(first)
            completing = []
            for Z in self.batches:
                rows = np.arange(num_samples(Z))[::2]
                carry = first(Z)[rows]

                def rest(Z=Z, rows=rows, carry=carry):
                    return stage.full.predict(stage.finish(Z, rows, carry))

                rest()
                seconds = seconds_of(rest, n_repeats=self.n_repeats, typical=self.typical)
                completing.append(seconds / len(rows))
        return (
            self.costs.prefix + max(of_stage + self._correction(blocks), 0.0),
            max(float(np.median(completing)) + self._correction(missing), 0.0),
        )

    def _correction(self, blocks) -> float:
        """What costs that were given add to what was measured, or take from it."""
        return sum(self.given[name] - self.measured[name] for name in blocks if name in self.given)
