"""Batches down large trees that read float32: forests that were grown to the end.

What takes the time there is waiting for memory, and walking on from leaves that other rows have not
reached yet. How it works:

1. A node is one word: the least value that goes right, as an integer in the order of floats, the
   column to compare, and the pair of nodes that its children are. So a tree takes half the cache.
2. A column that holds a code (see `_feature_codes`) is asked whether it is one code. The last bits
   of a word tell the two questions apart, as what the difference is shifted by.
3. A leaf is its own child: its column is always below all values, or above them where it is a right
   child. The value to compare with is the number of the leaf.
4. All rows of a block walk one tree before the next one, eight side by side, for a few steps; then
   those that have reached a leaf are left out.
"""

from typing import NamedTuple

import numpy as np

from .._bits import greater, lesser
from .._jit import inline_simplified, jit
from .._room import as_ints, room
from .._words import FIVE, FOUR, HALF, LAST_BIT, LOWER_HALF, ONE, SEVEN, SIX, THREE, TWO, ZERO
from ._columns import NAN_LEFT, SINGLE, SINGLE_MAX
from ._walks import WALKS, rounded

BELOW_ALL, ABOVE_ALL = 0, 1
"""The columns of leaves that are left children, or roots, and of those that are right ones."""

N_CONSTANTS = 2
"""So many columns are made of no feature."""

QUESTION_BITS, ROOM_BITS = 6, 26
"""Of a word: what tells how it asks, and what the column and the pair share."""

IS_AT_LEAST, IS_CODE = 63, 0
"""How a node asks: the sign of a difference is that bit, and a difference is zero."""

LEAST_KEY, LARGEST_KEY = -(1 << 31), (1 << 31) - 1
"""Below all floats, and above them: so is NaN."""

_BLOCK_BYTES = 1 << 18
"""Bytes of columns in a block."""

_FIRST_STEPS, _STEPS = 9, 5
"""Between the root and the first look for leaves, and between such looks."""


class DeepTrees(NamedTuple):
    """Trees whose nodes are single words."""

    nodes: np.ndarray  # uint64
    roots: np.ndarray  # uint64 (n_trees,)
    columns: (
        np.ndarray
    )  # int64 (n_columns, 2): feature and how it is made, behind the constant ones
    leaves: np.ndarray  # float64 (n_leaves, n_values)
    base: np.ndarray  # float64 (n_outputs,), where sums start
    reads_all: bool  # whether columns are all features, in their order
    pair_bits: int
    reading: int
    divisor: float  # of the sums
    continues: bool  # whether sums start at what the output holds, not at `base`
    single_sums: bool  # whether sums are rounded to float32 after each tree


@inline_simplified
def _step(nodes, x, first, shift, mask, root, node):
    """Return the child of a node; of a leaf, itself."""
    word = nodes[root + node]
    value = np.int64(x[first + ((word & LOWER_HALF) >> shift)])
    above = np.uint64(value - (np.int64(word) >> 32))
    return ((word >> FIVE) & mask) + np.uint64((above >> (word & LAST_BIT)) == ZERO)


@inline_simplified
def _steps(nodes, x, r, shift, mask, root, n):
    return (
        _step(nodes, x, r[0], shift, mask, root, n[0]),
        _step(nodes, x, r[1], shift, mask, root, n[1]),
        _step(nodes, x, r[2], shift, mask, root, n[2]),
        _step(nodes, x, r[3], shift, mask, root, n[3]),
        _step(nodes, x, r[4], shift, mask, root, n[4]),
        _step(nodes, x, r[5], shift, mask, root, n[5]),
        _step(nodes, x, r[6], shift, mask, root, n[6]),
        _step(nodes, x, r[7], shift, mask, root, n[7]),
    )


@inline_simplified
def _keep(state, walking, n_walking, row, before, after):
    """Write where a row is; a leaf is where it was a step before."""
    state[row] = np.uint32(after)
    walking[n_walking] = np.uint32(row)
    return n_walking + np.int64(after != before)


@inline_simplified
def _walk(nodes, x, width, shift, mask, root, rows, n, n_steps, state, walking, n_walking):
    """Walk from eight nodes; add the rows that reach no leaf to those that walk on."""
    r = (
        rows[0] * width,
        rows[1] * width,
        rows[2] * width,
        rows[3] * width,
        rows[4] * width,
        rows[5] * width,
        rows[6] * width,
        rows[7] * width,
    )
    for _ in range(n_steps):
        n = _steps(nodes, x, r, shift, mask, root, n)
    end = _steps(nodes, x, r, shift, mask, root, n)
    n_walking = _keep(state, walking, n_walking, rows[0], n[0], end[0])
    n_walking = _keep(state, walking, n_walking, rows[1], n[1], end[1])
    n_walking = _keep(state, walking, n_walking, rows[2], n[2], end[2])
    n_walking = _keep(state, walking, n_walking, rows[3], n[3], end[3])
    n_walking = _keep(state, walking, n_walking, rows[4], n[4], end[4])
    n_walking = _keep(state, walking, n_walking, rows[5], n[5], end[5])
    n_walking = _keep(state, walking, n_walking, rows[6], n[6], end[6])
    return _keep(state, walking, n_walking, rows[7], n[7], end[7])


@inline_simplified
def _find_leaves(nodes, x, width, shift, mask, root, n_rows, state, walking):
    """Write the leaf that each row of a block reaches in a tree.

    A row behind the last one, of which there is room for seven, walks where eight are not left.
    """
    n_walking = 0
    none = (ZERO, ZERO, ZERO, ZERO, ZERO, ZERO, ZERO, ZERO)
    for row in range(0, n_rows, WALKS):
        f = np.uint64(row)
        rows = (f, f + ONE, f + TWO, f + THREE, f + FOUR, f + FIVE, f + SIX, f + SEVEN)
        n_walking = _walk(
            nodes, x, width, shift, mask, root, rows, none, _FIRST_STEPS, state, walking, n_walking
        )
    while n_walking > 0:
        n_all, n_walking = n_walking, 0
        for at in range(n_all, (n_all + WALKS - 1) // WALKS * WALKS):
            walking[at] = walking[n_all - 1]
        for at in range(0, n_all, WALKS):
            rows = (
                np.uint64(walking[at]),
                np.uint64(walking[at + 1]),
                np.uint64(walking[at + 2]),
                np.uint64(walking[at + 3]),
                np.uint64(walking[at + 4]),
                np.uint64(walking[at + 5]),
                np.uint64(walking[at + 6]),
                np.uint64(walking[at + 7]),
            )
            n = (
                np.uint64(state[rows[0]]),
                np.uint64(state[rows[1]]),
                np.uint64(state[rows[2]]),
                np.uint64(state[rows[3]]),
                np.uint64(state[rows[4]]),
                np.uint64(state[rows[5]]),
                np.uint64(state[rows[6]]),
                np.uint64(state[rows[7]]),
            )
            n_walking = _walk(
                nodes, x, width, shift, mask, root, rows, n, _STEPS, state, walking, n_walking
            )


@inline_simplified
def _fill_row(features, row, trees, singles, x, first):
    """Write the columns of a row; False if the model refuses it.

    ``singles`` and ``x`` are one memory.
    """
    n_odd = 0
    for j in range(features.shape[1]):
        # NaN is not at most anything.
        n_odd += 0 if abs(np.float32(features[row, j])) <= SINGLE_MAX else 1
    if n_odd > 0:
        for j in range(features.shape[1]):
            value = abs(np.float32(features[row, j]))
            if value > SINGLE_MAX or (trees.reading == SINGLE and value != value):
                return False
    x[first + BELOW_ALL] = LEAST_KEY
    x[first + ABOVE_ALL] = LARGEST_KEY
    start, stop = first + N_CONSTANTS, first + trees.columns.shape[0]
    if trees.reads_all:
        for j in range(features.shape[1]):
            singles[start + j] = np.float32(features[row, j])
    else:
        for c in range(N_CONSTANTS, trees.columns.shape[0]):
            singles[first + c] = np.float32(features[row, trees.columns[c, 0]])
    for place in range(start, stop):
        x[place] = x[place] ^ ((x[place] >> 31) & LARGEST_KEY)
    if n_odd > 0:
        for c in range(N_CONSTANTS, trees.columns.shape[0]):
            value = features[row, trees.columns[c, 0]]
            if value != value:
                x[first + c] = LEAST_KEY if trees.columns[c, 1] == NAN_LEFT else LARGEST_KEY
    return True


@inline_simplified
def _add_leaves(trees, root, state, start, stop, out, output):
    """Add the values of the leaves of some rows to their sums."""
    n_values = trees.leaves.shape[1]
    for row in range(start, stop):
        leaf = trees.nodes[root + np.uint64(state[row - start])] >> HALF
        if n_values > 1:
            for k in range(n_values):
                total = out[row, k] + trees.leaves[leaf, k]
                out[row, k] = rounded(total, trees.single_sums)
        else:
            total = out[row, output] + trees.leaves[leaf, 0]
            out[row, output] = rounded(total, trees.single_sums)


@jit
def predict_deep(features, trees, out):
    """Write the sums of the leaves' values, (n_rows, n_outputs); False if a row is refused."""
    n_rows, n_outputs, n_columns = features.shape[0], out.shape[1], trees.columns.shape[0]
    width, shift = np.uint64(n_columns), np.uint64(QUESTION_BITS + trees.pair_bits)
    mask = ((ONE << np.uint64(trees.pair_bits)) - ONE) << ONE
    size = greater(_BLOCK_BYTES // (4 * n_columns) // WALKS * WALKS, 4 * WALKS)
    size = lesser(size, (n_rows + WALKS - 1) // WALKS * WALKS)
    singles = room(size * n_columns, np.float32)
    x = as_ints(singles)
    for k in range(len(x)):
        x[k] = LEAST_KEY
    state, walking = room(size, np.uint32), room(size + WALKS, np.uint32)
    for start in range(0, n_rows, size):
        stop = lesser(start + size, n_rows)
        for row in range(start, stop):
            if not _fill_row(features, row, trees, singles, x, (row - start) * n_columns):
                return False
            if not trees.continues:
                for k in range(n_outputs):
                    out[row, k] = trees.base[k]
        output = n_outputs - 1
        for tree in range(len(trees.roots)):
            output = output + 1 if output + 1 < n_outputs else 0
            root = trees.roots[tree]
            _find_leaves(trees.nodes, x, width, shift, mask, root, stop - start, state, walking)
            _add_leaves(trees, root, state, start, stop, out, output)
        if trees.divisor != 1.0:
            for row in range(start, stop):
                for k in range(n_outputs):
                    out[row, k] /= trees.divisor
    return True
