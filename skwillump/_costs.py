"""What each part of a pipeline costs, measured on the path that predict takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from ._compat import num_samples, safe_indexing
from ._stage_models import Task
from .blocks import BlockGraph, FusedBlocks, Store, take_rows
from .planning import median_by_key, median_seconds

COST_ROWS = 1000
"""Rows on which the costs of batches are measured, at most."""

COST_SECONDS = 1.0
"""Seconds that one measurement of a batch may take; slow blocks are measured on fewer rows."""

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
    few = min(n_rows, 20)
    once = median_seconds(partial(run, safe_indexing(X, slice(0, few))), n_repeats=1)
    if once * n_rows / few > COST_SECONDS:
        n_rows = max(few, int(COST_SECONDS / once * few))
    return [safe_indexing(X, slice(0, n_rows))], 3


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
        return median_seconds(function, n_repeats=self.n_repeats)

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
    """Measures seconds a row of blocks that become scores without features in between.

    Parameters
    ----------
    graph : BlockGraph
    fused : FusedBlocks
        Its blocks under the full model.
    X, query, given
        As for `CostMeter`.
    """

    def __init__(
        self, graph: BlockGraph, fused: FusedBlocks, X, query: str, given: Mapping[str, float]
    ):
        self.graph = graph
        self.fused = fused
        self.scorers = {name: fused.scorer([name]) for name in graph.names}
        for scorer in self.scorers.values():
            scorer.warm_up()
        self.batches, self.n_repeats = _batches(X, query, self._run)
        keys = {
            name: self._per_row(scorer.scores, prepared=True)
            for name, scorer in self.scorers.items()
        }
        prefix = self._per_row(graph.prepare, prepared=False) if graph.prefix else 0.0
        scores = [self._run(X) for X in self.batches]
        model = float(
            np.median([self._seconds(partial(fused.full.predict, s)) / len(s) for s in scores])
        )
        self.costs = Costs(prefix, {**keys, **given}, model)

    def _run(self, X):
        Z = self.graph.prepare(X)
        return sum(scorer.scores(Z) for scorer in self.scorers.values())

    def _seconds(self, function: Callable[[], object]) -> float:
        return median_seconds(function, n_repeats=self.n_repeats)

    def _per_row(self, function: Callable[[Any], object], *, prepared: bool) -> float:
        seconds = []
        for X in self.batches:
            Z = self.graph.prepare(X) if prepared else X
            function(Z)
            seconds.append(self._seconds(partial(function, Z)) / num_samples(X))
        return float(np.median(seconds))

    def stage(self, blocks, model, task: Task) -> tuple[float, float] | None:
        """Cost of a first stage as of `CostMeter`; None if its model is not linear."""
        stage = self.fused.stage(blocks, model)
        if stage is None:
            return None
        stage.warm_up()
        graph, costs = self.graph, self.costs
        known, deciding = [], []
        for X in self.batches:
            Z = graph.prepare(X)
            known.append(self._seconds(partial(stage.first.scores, Z)) / num_samples(X))
            scores, _ = stage.split(stage.first.scores(Z))

            def decide(scores=scores):
                response = getattr(stage.approx, task.method)(scores)
                return task.read(response)

            deciding.append(self._seconds(decide) / num_samples(X))
        # Costs that were given replace what was measured.
        measured = float(np.median(known))
        of_stage = costs.of_blocks(graph, blocks)
        missing = costs.of_blocks(graph, graph.names) - of_stage
        return (
            costs.prefix + max(measured, of_stage) + float(np.median(deciding)),
            missing + costs.model,
        )
