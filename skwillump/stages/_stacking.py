"""Features of several sets of blocks for the same rows, without asking the composite each time.

A `ColumnTransformer` checks its rows and picks the columns of every block whenever it is asked,
which for small tables takes as long as the blocks. What is put side by side here is what it
returns.
"""

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy import sparse

from .._containers import take_rows
from ..blocks import BlockGraph, Store, take_stored
from ..planning import permutation_importance
from ._recording import Importance

CHECKED_ROWS = 100
"""Rows on which it is checked that blocks side by side are what a composite returns."""


@dataclass(frozen=True)
class Stacking:
    """How a composite puts blocks side by side: as an array, or as a CSR matrix."""

    is_sparse: bool
    dtype: np.dtype  # of all features together

    @classmethod
    def of(cls, blocks: Sequence[Any], features: Any) -> "Stacking | None":
        """Return how; None where a composite does more than that, or it cannot be told.

        Parameters
        ----------
        blocks : sequence of array-like or sparse matrix
            All blocks of some rows.
        features : array-like, sparse matrix or data frame
            What the composite returns of the same rows.
        """
        is_sparse = sparse.issparse(features)
        if not (features.format == "csr" if is_sparse else isinstance(features, np.ndarray)):
            return None
        stacking = cls(is_sparse, features.dtype)
        stacked = stacking(blocks)
        if (
            stacked is None
            or stacked.shape != features.shape
            or type(stacked) is not type(features)
        ):
            return None
        if is_sparse:
            same = (stacked != features).nnz == 0
        else:
            same = np.array_equal(stacked, features, equal_nan=features.dtype.kind == "f")
        return stacking if same else None

    def __call__(self, blocks: Sequence[Any]) -> Any:
        """Blocks side by side; None where only the composite knows in which container."""
        if self.is_sparse:
            if not any(sparse.issparse(block) for block in blocks):
                return None
            return sparse.hstack(blocks, format="csr").astype(self.dtype)  # never a block itself
        arrays = [b.toarray() if sparse.issparse(b) else b for b in blocks]
        if not all(isinstance(array, np.ndarray) and array.ndim == 2 for array in arrays):
            return None
        return np.hstack(arrays).astype(self.dtype, copy=False)


def has_weights(composite: Any) -> bool:
    """Whether a composite multiplies blocks by weights, itself or one within it."""
    if not hasattr(composite, "get_params"):
        return False  # a transformer of the user's own, which is a block
    return any(
        key.endswith("transformer_weights") and value is not None
        for key, value in composite.get_params(deep=True).items()
    )


@dataclass
class BlockFeatures:
    """Features of chosen blocks of some rows; each block is computed once."""

    graph: BlockGraph
    Z: Any  # array-like, sparse matrix or data frame: rows as `BlockGraph.prepare` returns them
    stacking: Stacking | None = None  # how blocks are put side by side, where that is known
    store: Store = field(default_factory=dict)  # what is known of the rows

    def of(self, blocks: Collection[str]) -> Any:
        """Features of some blocks, as `BlockGraph.compute` returns them."""
        if self.stacking is not None and all(name in self.store for name in blocks):
            features = self.joined(self.store, blocks)
            if features is not None:
                return features
        return self.graph.compute(self.Z, blocks, self.store)

    def take(self, rows: np.ndarray | slice) -> "BlockFeatures":
        """The same for some of the rows."""
        Z, store = take_stored(self.Z, self.store, rows)
        return BlockFeatures(self.graph, Z, self.stacking, store)

    def learn(self, sets: Sequence[Collection[str]]) -> None:
        """Compute all blocks of some sets at once, so that each set is only put side by side."""
        wanted = {name for blocks in sets for name in blocks}
        # A set whose blocks cannot be computed is left out when it is asked for.
        with suppress(Exception):
            if self.stacking is not None and not wanted <= self.store.keys():
                self.graph.compute(self.Z, wanted, self.store)

    def joined(self, store: Mapping[str, Any], blocks: Collection[str]) -> Any:
        """Blocks that are known side by side; None where only the composite can do it."""
        if self.stacking is None:
            return None
        return self.stacking([store[name] for name in self.graph.names if name in blocks])

    def of_all(self) -> Any:
        """Features of all blocks; how they are put side by side is read from them."""
        features = self.graph.compute(self.Z, self.graph.names, self.store)
        if self.stacking is None:
            self.stacking = stacking_of(self.graph, self.store, features)
        return features


def stacking_of(graph: BlockGraph, store: Mapping[str, Any], features: Any) -> Stacking | None:
    """How the composite of a graph puts its blocks side by side, from all of them for some rows."""
    few = slice(0, CHECKED_ROWS)
    # Blocks of containers of their own may not be sliced; weights of blocks are the composite's.
    with suppress(Exception):
        if not has_weights(graph.features):
            return Stacking.of([store[name][few] for name in graph.names], features[few])
    return None


def block_importances(known: BlockFeatures, rows, importance: Importance, rng) -> np.ndarray:
    """Importance of each block to the model of the first fold, on rows that select."""
    graph = known.graph
    score_of = importance(rows, graph.answers, known.of_all())
    store = known.store

    def score(block, permutation):
        permuted = dict(store)
        if block is not None:
            permuted[block] = take_rows(store[block], permutation)
        features = known.joined(permuted, graph.names)
        if features is None:
            features = graph.compute(known.Z, graph.names, permuted)
        return score_of(features)

    return permutation_importance(score, graph.names, len(rows), rng)
