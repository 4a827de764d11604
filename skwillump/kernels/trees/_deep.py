"""Batches down large trees that read float32: forests that were grown to the end.

What takes the time there is waiting for memory. A block of rows holds their features row by row,
as float32, so that a walk touches the few cache lines of its own row; all rows of the block walk
one tree before the next one, so that a tree is fetched once a block. Eight rows walk side by side.
Nodes are those of `Trees`; that a column may be made of a feature in two ways only tells where a
missing value goes.
"""

import numpy as np

from .._bits import greater, lesser
from .._jit import inline, jit
from .._room import as_floats, room
from .._words import FIVE, FOUR, HALF, LOWER_HALF, ONE, SEVEN, SIX, THREE, TWO
from ._walks import LOWEST, NAN_LEFT, WALKS, add_leaves, refused

_BLOCK_BYTES = 1 << 21
"""Bytes of features in a block."""


@inline
def _deep_step(nodes, thresholds, x, row, place, is_left, node):
    """Return the child of a node; of a leaf, itself."""
    word = nodes[node + ONE]
    column = word & LOWER_HALF
    value = np.float64(x[row + place[column]])
    # NaN is not at most anything.
    left = (value <= thresholds[node]) | ((value != value) & is_left[column])
    return (word >> HALF) + (np.uint64(not left) << ONE)


@inline
def _deep_steps(nodes, thresholds, x, r, place, is_left, n):
    return (
        _deep_step(nodes, thresholds, x, r[0], place, is_left, n[0]),
        _deep_step(nodes, thresholds, x, r[1], place, is_left, n[1]),
        _deep_step(nodes, thresholds, x, r[2], place, is_left, n[2]),
        _deep_step(nodes, thresholds, x, r[3], place, is_left, n[3]),
        _deep_step(nodes, thresholds, x, r[4], place, is_left, n[4]),
        _deep_step(nodes, thresholds, x, r[5], place, is_left, n[5]),
        _deep_step(nodes, thresholds, x, r[6], place, is_left, n[6]),
        _deep_step(nodes, thresholds, x, r[7], place, is_left, n[7]),
    )


@jit
def predict_deep(features, trees, out):
    """Write the sums of the leaves' values, (n_rows, n_outputs); False if a row is refused.

    For trees that read float32 and have no sets of categories.
    """
    nodes = trees.nodes
    thresholds = as_floats(nodes)
    n_rows, n_trees, n_outputs = features.shape[0], trees.roots.shape[0], out.shape[1]
    n_columns = trees.columns.shape[0]
    width = features.shape[1] + 1
    place = room(n_columns, np.uint64)
    is_left = room(n_columns, np.bool_)
    for c in range(n_columns):
        lowest = trees.columns[c, 1] == LOWEST
        place[c] = np.uint64(width - 1 if lowest else trees.columns[c, 0])
        is_left[c] = trees.columns[c, 1] == NAN_LEFT
    size = greater(_BLOCK_BYTES // (4 * width) // WALKS * WALKS, 4 * WALKS)
    size = lesser(size, (n_rows + WALKS - 1) // WALKS * WALKS)
    # Rows behind the last one stay at the root's left side, and are not read.
    x = room(size * width, np.float32)
    for k in range(len(x)):
        x[k] = -np.inf
    for start in range(0, n_rows, size):
        stop = lesser(start + size, n_rows)
        for row in range(start, stop):
            if refused(features, row, trees.reading, trees.columns):
                return False
            if not trees.continues:
                for k in range(n_outputs):
                    out[row, k] = trees.base[k]
            first = (row - start) * width
            for feature in range(width - 1):
                x[first + feature] = np.float32(features[row, feature])
        output = n_outputs - 1
        for tree in range(n_trees):
            output = output + 1 if output + 1 < n_outputs else 0
            root, least = trees.roots[tree, 0], int(trees.roots[tree, 1])
            more = int(trees.roots[tree, 2]) - least
            for lane in range(0, stop - start, WALKS):
                f, w = np.uint64(lane * width), np.uint64(width)
                r = (
                    f,
                    f + w,
                    f + TWO * w,
                    f + THREE * w,
                    f + FOUR * w,
                    f + FIVE * w,
                    f + SIX * w,
                    f + SEVEN * w,
                )
                n = (root, root, root, root, root, root, root, root)
                for _ in range(least):
                    n = _deep_steps(nodes, thresholds, x, r, place, is_left, n)
                n_left = more
                while n_left > 0:
                    # Children lie behind their parents: sums are equal where no walk has moved.
                    before = n[0] + n[1] + n[2] + n[3] + n[4] + n[5] + n[6] + n[7]
                    n = _deep_steps(nodes, thresholds, x, r, place, is_left, n)
                    after = n[0] + n[1] + n[2] + n[3] + n[4] + n[5] + n[6] + n[7]
                    n_left = n_left - 1 if after != before else 0
                here = start + lane
                n_here = lesser(WALKS, stop - here)
                add_leaves(trees, thresholds, n, out, here, n_here, output)
        if trees.divisor != 1.0:
            for row in range(start, stop):
                for k in range(n_outputs):
                    out[row, k] /= trees.divisor
    return True
