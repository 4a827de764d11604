"""Batches down small trees without walking: every node is asked, for many rows at once.

Leaves of a tree are numbered from left to right. Where a node sends a row to the right, none of
the leaves below its left child can be the row's: the node crosses them out. After all nodes, in
whatever order, the first leaf that is left is the row's. There is no branch and no dependent load
in that, so the processor takes sixteen or more rows an instruction: a node is compared with ranks
of features, and bits of leaves come in words of sixteen. Asking hundreds of nodes costs less than
following the right ten.

Lucchese et al. 2015, "QuickScorer" (SIGIR), and 2016, "Exploiting CPU SIMD extensions to speed-up
document scoring with tree ensembles" (SIGIR).
"""

from typing import NamedTuple

import numpy as np

from .._bits import greater, lesser
from .._jit import jit
from .._room import room, zeros
from ._lanes import N_LANES, find_leaves
from ._ranks import cross_out_sets, rank_block
from ._walks import rounded

MAX_LEAVES = 1 << 14
"""Trees of more leaves are walked: the number of a leaf is an int16."""


class Masks(NamedTuple):
    """Trees as the questions of their nodes, those of a word of leaves one behind the other."""

    stops: np.ndarray  # int64 (n_trees + 1,), of each tree's words
    word_stops: np.ndarray  # int64 (n_words + 1,), of each word's nodes
    columns: np.ndarray  # uint16 (n_nodes,)
    limits: np.ndarray  # int16 (n_nodes,): a rank above it goes right
    masks: np.ndarray  # int16 (n_nodes,): ones at leaves of the word below the left child
    set_stops: np.ndarray  # int64 (n_trees + 1,), of each tree's nodes that ask for sets
    set_columns: np.ndarray  # int64 (n_sets,)
    set_masks: np.ndarray  # int16 (n_sets,)
    set_words: np.ndarray  # int64 (n_sets, 3): start and stop of the set, the word of leaves
    word: np.ndarray  # uint64, words of sets that are not zero
    place: np.ndarray  # uint64, of each such word in its set
    first: np.ndarray  # int64 (n_trees,), of each tree's leaves
    leaves: np.ndarray  # float64 (n_leaves, n_values)

    def some(self, trees: slice) -> "Masks":
        """Return the questions of a range of trees; they share the arrays of all."""
        start, stop, _ = trees.indices(len(self.first))
        return self._replace(
            stops=self.stops[start : stop + 1],
            set_stops=self.set_stops[start : stop + 1],
            first=self.first[start:stop],
        )


@jit
def number_leaves(left, right, order, below):
    """Number the leaves of a tree, from left to right.

    ``order`` gets, for each leaf, its node; ``below`` (n_nodes, 2), for each node, the first of
    the leaves below its left child, and the one behind the last. Returns the number of leaves.
    """
    n_nodes = len(left)
    nodes, stages = zeros(n_nodes + 1, np.int64), zeros(n_nodes + 1, np.int64)
    n_open, n_leaves = 1, 0
    while n_open > 0:
        node, stage = nodes[n_open - 1], stages[n_open - 1]
        if left[node] < 0:
            order[n_leaves] = node
            n_leaves += 1
            n_open -= 1
        elif stage == 0:
            below[node, 0] = n_leaves
            stages[n_open - 1] = 1
            nodes[n_open], stages[n_open] = left[node], 0
            n_open += 1
        else:
            below[node, 1] = n_leaves
            nodes[n_open - 1], stages[n_open - 1] = right[node], 0
    return n_leaves


@jit
def predict_blocks(features, trees, ranks, masks, set_words, out):
    """Write the sums of the leaves' values, (n_rows, n_outputs); False if a row is refused.

    ``set_words`` is the words of sets, ``masks.word``, or None where no node asks for one: then
    what asks is not compiled.
    """
    n_rows, n_trees, n_outputs = features.shape[0], len(masks.first), out.shape[1]
    n_columns, n_values = trees.columns.shape[0], masks.leaves.shape[1]
    lines = zeros(8 * N_LANES, np.float64)
    made = room(N_LANES, np.float64)
    place = zeros(n_columns * N_LANES, np.int16)
    n_codes, n_words = 0, 1
    if set_words is not None:
        n_codes = n_columns * N_LANES
        for tree in range(n_trees):
            n_words = greater(n_words, masks.stops[tree + 1] - masks.stops[tree])
    codes = zeros(n_codes, np.uint64)
    inside = room(N_LANES, np.uint64)
    crossed = zeros(n_words * N_LANES, np.int16)
    leaves = zeros(N_LANES, np.int16)
    sums = np.empty((n_outputs, N_LANES))
    for start in range(0, n_rows, N_LANES):
        stop = lesser(start + N_LANES, n_rows)
        if not rank_block(features, start, stop, trees, ranks, lines, made, place, codes):
            return False
        for k in range(n_outputs):
            for r in range(N_LANES):
                sums[k, r] = trees.base[k]
            if trees.continues:
                for row in range(start, stop):
                    sums[k, row - start] = out[row, k]
        output = 0
        for tree in range(n_trees):
            has_sets = 0
            if set_words is not None:
                if masks.set_stops[tree] < masks.set_stops[tree + 1]:
                    has_sets = 1
                    cross_out_sets(masks, set_words, tree, codes, inside, crossed)
                else:
                    for r in range(N_LANES):
                        crossed[r] = 0
            find_leaves(
                place,
                masks.columns,
                masks.limits,
                masks.masks,
                masks.word_stops,
                crossed,
                leaves,
                masks.stops[tree],
                masks.stops[tree + 1],
                has_sets,
            )
            first = masks.first[tree]
            if n_values > 1:
                for k in range(n_values):
                    for r in range(N_LANES):
                        total = sums[k, r] + masks.leaves[first + leaves[r], k]
                        sums[k, r] = rounded(total, trees.single_sums)
            elif trees.single_sums:
                for r in range(N_LANES):
                    total = sums[output, r] + masks.leaves[first + leaves[r], 0]
                    sums[output, r] = rounded(total, True)
            else:
                for r in range(N_LANES):
                    sums[output, r] += masks.leaves[first + leaves[r], 0]
            output = output + 1 if output + 1 < n_outputs else 0
        for k in range(n_outputs):
            for row in range(start, stop):
                out[row, k] = sums[k, row - start]
                if trees.divisor != 1.0:
                    out[row, k] /= trees.divisor
    return True
