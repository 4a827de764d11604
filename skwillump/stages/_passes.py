"""The pass of a filter over a query, keeping what completes the rows that it may let through.

A *pass* runs the filter on a chunk of rows; what it holds of them (blocks that are known, or scores
that they have already given) is kept for the rows that may still become candidates and dropped for
all others, so that memory grows with the number of candidates and not with that of rows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from sklearn.utils import gen_batches

from .._compat import num_samples, safe_indexing
from ..blocks import BlockGraph, CompiledStage, Store, take_rows
from ..ranking._calibration import RankTask, one_score


class Held(Protocol):
    """What is known of some rows of a chunk."""

    def take(self, positions) -> Held:
        """The same for some of the rows."""

    def finish(self, positions) -> tuple[np.ndarray, np.ndarray]:
        """Full scores of some of the rows, and the numbers that these follow from."""


Pass = Callable[[Any], tuple[np.ndarray, Held]]
"""From a chunk of rows to the filter's scores and what is held of the rows.

A filter that leaves out a block does not notice that its columns are missing: check them before.
"""


@dataclass(frozen=True)
class HeldFeatures:
    """Blocks that are known."""

    Z: Any
    store: Store
    graph: BlockGraph
    task: RankTask

    def take(self, positions) -> HeldFeatures:
        """The same for some of the rows."""
        return HeldFeatures(*take_rows(self.Z, self.store, positions), self.graph, self.task)

    def finish(self, positions) -> tuple[np.ndarray, np.ndarray]:
        """Compute the missing blocks and the full model."""
        Z, store = take_rows(self.Z, self.store, positions)
        features = self.graph.compute(Z, self.graph.names, store)
        scores = self.task.scores(self.graph.model, features)
        return scores, scores


@dataclass(frozen=True)
class HeldScores:
    """The full model's scores from the blocks that are known."""

    Z: Any
    carry: np.ndarray
    stage: CompiledStage
    task: RankTask
    n_threads: int

    def take(self, positions) -> HeldScores:
        """The same for some of the rows."""
        Z, carry = safe_indexing(self.Z, positions), self.carry[positions]
        return HeldScores(Z, carry, self.stage, self.task, self.n_threads)

    def finish(self, positions) -> tuple[np.ndarray, np.ndarray]:
        """Add the scores of the missing blocks."""
        carry = self.carry[positions]
        raw = self.stage.finish(self.Z, positions, carry, n_threads=self.n_threads)
        scores = one_score(getattr(self.stage.full, self.task.method)(raw))
        return scores, one_score(raw) if raw.ndim == 1 or raw.shape[1] == 1 else scores


def feature_pass(graph: BlockGraph, blocks, model, task: RankTask) -> Pass:
    """Pass of a filter that reads features."""

    def run(X):
        Z = graph.prepare(X)
        store: Store = {}
        scores = task.scores(model, graph.compute(Z, blocks, store))
        return scores, HeldFeatures(Z, store, graph, task)

    return run


def fused_pass(graph: BlockGraph, stage: CompiledStage, task: RankTask, n_threads: int) -> Pass:
    """Pass of a filter whose blocks become scores."""

    def run(X):
        Z = graph.prepare(X)
        raw, carry = stage.start(Z, n_threads=n_threads)
        scores = one_score(getattr(stage.approx, task.method)(raw))
        return scores, HeldScores(Z, carry, stage, task, n_threads)

    return run


@dataclass
class Survivors:
    """A query after its filter: all of the filter's scores, and what is held of some rows.

    Attributes
    ----------
    scores : ndarray of float64 of shape (n_rows,)
    chunks : list of (ndarray of intp, Held)
        Ascending positions of the rows that are held, and what is held of them.
    """

    scores: np.ndarray
    chunks: list[tuple[np.ndarray, Held]]

    @classmethod
    def of(
        cls, X, run: Pass, *, n_keep: int | None = None, cut: float = np.inf, chunk_rows: int
    ) -> Survivors:
        """Run a filter over all rows.

        Parameters
        ----------
        X : array-like, sparse matrix, data frame or list
        run : Pass
        n_keep : int, optional
            Rows with the highest scores to hold at least; all by default.
        cut : float
            Rows with this score are held too.
        chunk_rows : int
            Rows that run together.
        """
        n_rows = num_samples(X)
        survivors = cls(np.empty(n_rows), [])
        if n_rows <= chunk_rows:
            survivors.scores[:], held = run(X)
            survivors.chunks.append((np.arange(n_rows), held))
            return survivors
        n_held = 0
        for rows in gen_batches(n_rows, chunk_rows):
            scores, held = run(safe_indexing(X, rows))
            survivors.scores[rows] = scores
            survivors.chunks.append((np.arange(rows.start, rows.stop), held))
            if n_keep is None:
                continue
            n_held += len(scores)
            if n_held > 2 * n_keep or rows.stop == n_rows:
                bar = _bar(survivors.scores[: rows.stop], n_keep)
                n_held = survivors._drop_below(min(bar, cut))
        return survivors

    def _drop_below(self, bar: float) -> int:
        """Drop what is held of rows below; the number of rows that are left."""
        kept, n_held = [], 0
        for positions, held in self.chunks:
            stays = np.flatnonzero(~(self.scores[positions] < bar))
            if len(stays) < len(positions):
                positions, held = positions[stays], held.take(stays)
            if len(positions):
                kept.append((positions, held))
                n_held += len(positions)
        self.chunks = kept
        return n_held

    def finish(self, rows, compute: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]):
        """Full scores of some rows.

        Parameters
        ----------
        rows : ndarray of intp of shape (n_chosen,)
        compute : callable
            The same for rows of which nothing is held.

        Returns
        -------
        scores, raw : ndarray of float64 of shape (n_chosen,)
            As of `Held.finish`.
        """
        scores = np.empty(len(rows))
        raw = np.empty(len(rows))
        open_rows = np.ones(len(rows), dtype=bool)
        for positions, held in self.chunks:
            places = np.minimum(np.searchsorted(positions, rows), len(positions) - 1)
            here = np.flatnonzero(positions[places] == rows)
            if not len(here):
                continue
            # In ascending order, as the input is laid out.
            here = here[np.argsort(rows[here])]
            places = places[here]
            scores[here], raw[here] = held.finish(places)
            open_rows[here] = False
        if open_rows.any():
            scores[open_rows], raw[open_rows] = compute(rows[open_rows])
        return scores, raw


def _bar(scores, n_keep: int) -> float:
    """Score that the first `n_keep` rows reach; rows without one count as the highest."""
    known = scores[~np.isnan(scores)]
    n_keep -= len(scores) - len(known)
    if n_keep >= len(known):
        return -np.inf
    if n_keep <= 0:
        return np.inf
    return float(np.partition(known, len(known) - n_keep)[len(known) - n_keep])
