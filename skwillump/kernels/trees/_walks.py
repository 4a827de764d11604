"""Walks down decision trees, for a block of rows or for one row.

How it works:

1. Every node is two words of 64 bits: the threshold, then the position of the left child (upper
   half) beside the column to compare (lower half). The right child lies behind the left one, so a
   step is an addition, and no branch of the processor has to be guessed.
2. A leaf is a node whose child is itself and whose column is always minus infinity: walking on
   from a leaf does no harm. Its threshold is its value.
3. Eight walks run side by side, to hide the time until a node arrives: eight rows in one tree of a
   batch, one row in eight trees otherwise. Values are added in the order of the trees, so that
   sums are the ones of the library that fitted them.
"""

from typing import NamedTuple

import numpy as np

from .._bits import greater, lesser
from .._jit import inline_simplified, jit
from .._room import as_floats, one_row, room, zeros
from .._words import FIVE, FOUR, HALF, LAST_BIT, LOWER_HALF, ONE, SEVEN, SIX, THREE, TWO, ZERO
from ._columns import fill_block, fill_codes, fill_columns, refused

WALKS = 8
"""Trees are walked in groups of so many rows or trees."""

IS_SET = 1 << 31
"""Marks a column number of a node whose threshold is a set of categories."""

_COLUMN, _SET = np.uint64(0x7FFFFFFF), np.uint64(IS_SET)


class Trees(NamedTuple):
    """Trees as plain arrays."""

    nodes: np.ndarray  # uint64, two a node
    roots: np.ndarray  # uint64 (n_trees, 3): root, least and greatest depth of its leaves
    columns: np.ndarray  # int64 (n_columns, 4): feature, how it is made, categories' start and stop
    base: np.ndarray  # float64 (n_outputs,), where sums start
    values: np.ndarray  # float64 (n_leaves, n_outputs) where leaves hold several, else (0, 0)
    sets: np.ndarray  # uint64, sets of categories as bits
    categories: np.ndarray  # float64, known categories of one feature after the other, sorted
    reading: int
    has_sets: bool
    divisor: float  # of the sums
    continues: bool = False  # whether sums start at what the output holds, not at `base`
    single_sums: bool = False  # whether sums are rounded to float32 after each tree


@jit
def place_tree(left, right, word, column, weight, slots, nodes, start):
    """Write the nodes of a tree, the heavier child's subtree right behind its parent's children.

    ``left`` is negative at a leaf; ``slots`` is scratch (n_nodes, 3). Returns the position behind
    the tree, and the least and the greatest depth of a leaf. Nodes lie at even places, so that
    two children share a cache line.
    """
    slots[0, 0], slots[0, 1], slots[0, 2] = 0, start, 0
    n_open = 1
    free = start + 4
    nodes[start + 2] = 0
    nodes[start + 3] = 0
    least, greatest = len(left), 0
    while n_open > 0:
        n_open -= 1
        node, slot, depth = slots[n_open, 0], slots[n_open, 1], slots[n_open, 2]
        nodes[slot] = word[node]
        if left[node] < 0:
            nodes[slot + 1] = np.uint64(slot) << HALF
            least = lesser(least, depth)
            greatest = greater(greatest, depth)
            continue
        nodes[slot + 1] = (np.uint64(free) << HALF) | np.uint64(column[node])
        first, second = left[node], right[node]
        left_last = weight[first] >= weight[second]
        # What is pushed last is written next.
        if left_last:
            slots[n_open, 0], slots[n_open, 1] = second, free + 2
            slots[n_open + 1, 0], slots[n_open + 1, 1] = first, free
        else:
            slots[n_open, 0], slots[n_open, 1] = first, free
            slots[n_open + 1, 0], slots[n_open + 1, 1] = second, free + 2
        slots[n_open, 2] = slots[n_open + 1, 2] = depth + 1
        n_open += 2
        free += 4
    return free, least, greatest


@inline_simplified
def _step(nodes, thresholds, x, shift, lane, node):
    """Return the child of a node; of a leaf, itself."""
    word = nodes[node + ONE]
    value = x[((word & LOWER_HALF) << shift) + lane]
    right = not (value <= thresholds[node])
    return (word >> HALF) + (np.uint64(right) << ONE)


@inline_simplified
def _set_step(nodes, thresholds, x, shift, lane, node, codes, sets):
    """Do the same for trees of which some nodes ask whether a category is in a set.

    Both questions are always asked: a branch would be guessed wrong too often.
    """
    word = nodes[node + ONE]
    place = ((word & _COLUMN) << shift) + lane
    is_set = (word & _SET) != ZERO
    above = not (x[place] <= thresholds[node])
    code = codes[place]
    extent = nodes[node] if is_set else ZERO
    known = (code >> SIX) < (extent >> HALF)
    bits = sets[(extent & LOWER_HALF) + (code >> SIX) if known else ZERO]
    outside = ONE - ((bits >> (code & LAST_BIT)) & (ONE if known else ZERO))
    right = outside if is_set else np.uint64(above)
    return (word >> HALF) + (right << ONE)


@inline_simplified
def _steps(nodes, thresholds, x, shift, r, n):
    return (
        _step(nodes, thresholds, x, shift, r[0], n[0]),
        _step(nodes, thresholds, x, shift, r[1], n[1]),
        _step(nodes, thresholds, x, shift, r[2], n[2]),
        _step(nodes, thresholds, x, shift, r[3], n[3]),
        _step(nodes, thresholds, x, shift, r[4], n[4]),
        _step(nodes, thresholds, x, shift, r[5], n[5]),
        _step(nodes, thresholds, x, shift, r[6], n[6]),
        _step(nodes, thresholds, x, shift, r[7], n[7]),
    )


@inline_simplified
def _set_steps(nodes, thresholds, x, shift, r, n, codes, sets):
    return (
        _set_step(nodes, thresholds, x, shift, r[0], n[0], codes, sets),
        _set_step(nodes, thresholds, x, shift, r[1], n[1], codes, sets),
        _set_step(nodes, thresholds, x, shift, r[2], n[2], codes, sets),
        _set_step(nodes, thresholds, x, shift, r[3], n[3], codes, sets),
        _set_step(nodes, thresholds, x, shift, r[4], n[4], codes, sets),
        _set_step(nodes, thresholds, x, shift, r[5], n[5], codes, sets),
        _set_step(nodes, thresholds, x, shift, r[6], n[6], codes, sets),
        _set_step(nodes, thresholds, x, shift, r[7], n[7], codes, sets),
    )


@inline_simplified
def _sum(n):
    return n[0] + n[1] + n[2] + n[3] + n[4] + n[5] + n[6] + n[7]


@inline_simplified
def _walk(nodes, thresholds, x, shift, r, n, least, greatest):
    """Walk down from eight nodes; ``least`` steps are sure, ``greatest`` are enough."""
    for _ in range(least):
        n = _steps(nodes, thresholds, x, shift, r, n)
    n_left = greatest - least
    while n_left > 0:
        # Children lie behind their parents: sums are equal where no walk has moved.
        before = _sum(n)
        n = _steps(nodes, thresholds, x, shift, r, n)
        n_left = n_left - 1 if _sum(n) != before else 0
    return n


@inline_simplified
def _set_walk(nodes, thresholds, x, shift, r, n, codes, sets, greatest):
    n_left = greatest
    while n_left > 0:
        before = _sum(n)
        n = _set_steps(nodes, thresholds, x, shift, r, n, codes, sets)
        n_left = n_left - 1 if _sum(n) != before else 0
    return n


@inline_simplified
def rounded(total, single):
    """Return a sum as the library has it that fitted the trees.

    The sum of two float32 in float64, rounded to float32, is their sum in float32.
    """
    return np.float64(np.float32(total)) if single else total


@inline_simplified
def add_leaf(trees, thresholds, node, out, row, output):
    """Add the value of a leaf to the sums of a row; the values, where leaves hold several."""
    if len(trees.values) > 0:
        leaf = np.uint64(thresholds[node])
        for k in range(trees.values.shape[1]):
            out[row, k] = rounded(out[row, k] + trees.values[leaf, k], trees.single_sums)
    else:
        out[row, output] = rounded(out[row, output] + thresholds[node], trees.single_sums)


@inline_simplified
def add_leaves(trees, thresholds, leaves, out, row, n_rows, output):
    """Add the leaves of at most `WALKS` rows that follow one another."""
    if n_rows == WALKS:
        add_leaf(trees, thresholds, leaves[0], out, row + 0, output)
        add_leaf(trees, thresholds, leaves[1], out, row + 1, output)
        add_leaf(trees, thresholds, leaves[2], out, row + 2, output)
        add_leaf(trees, thresholds, leaves[3], out, row + 3, output)
        add_leaf(trees, thresholds, leaves[4], out, row + 4, output)
        add_leaf(trees, thresholds, leaves[5], out, row + 5, output)
        add_leaf(trees, thresholds, leaves[6], out, row + 6, output)
        add_leaf(trees, thresholds, leaves[7], out, row + 7, output)
    else:
        for i in range(n_rows):
            add_leaf(trees, thresholds, leaves[i], out, row + i, output)


@jit
def predict_rows(features, trees, shift, out):
    """Write the sums of the leaves' values, (n_rows, n_outputs); False if a row is refused.

    Rows go in blocks of ``1 << shift``, at least `WALKS`, so that their columns stay in the
    cache while all trees are walked.
    """
    nodes, sets = trees.nodes, trees.sets
    thresholds = as_floats(nodes)
    n_rows, n_trees = features.shape[0], trees.roots.shape[0]
    n_outputs = out.shape[1]
    size = 1 << shift
    x = zeros(trees.columns.shape[0] << shift, np.float64)
    codes = room(len(x) if trees.has_sets else 0, np.uint64)
    transposed = np.empty((features.shape[1], size))
    for start in range(0, n_rows, size):
        stop = lesser(start + size, n_rows)
        for row in range(start, stop):
            if refused(features, row, trees.reading, trees.columns):
                return False
            if not trees.continues:
                for k in range(n_outputs):
                    out[row, k] = trees.base[k]
        fill_block(features, start, stop, trees, transposed, x, shift)
        if trees.has_sets:
            fill_codes(trees, x, codes, shift)
        output = n_outputs - 1
        for tree in range(n_trees):
            output = output + 1 if output + 1 < n_outputs else 0
            root, width = trees.roots[tree, 0], np.uint64(shift)
            least, greatest = np.int64(trees.roots[tree, 1]), np.int64(trees.roots[tree, 2])
            n = (root, root, root, root, root, root, root, root)
            for first in range(0, stop - start, WALKS):
                f = np.uint64(first)
                r = (
                    f,
                    f + ONE,
                    f + TWO,
                    f + THREE,
                    f + FOUR,
                    f + FIVE,
                    f + SIX,
                    f + SEVEN,
                )
                if trees.has_sets:
                    leaves = _set_walk(nodes, thresholds, x, width, r, n, codes, sets, greatest)
                else:
                    leaves = _walk(nodes, thresholds, x, width, r, n, least, greatest)
                here = start + first
                n_here = lesser(WALKS, stop - here)
                add_leaves(trees, thresholds, leaves, out, here, n_here, output)
        if trees.divisor != 1.0:
            for row in range(start, stop):
                for k in range(n_outputs):
                    out[row, k] /= trees.divisor
    return True


@jit
def predict_row(
    features_,
    asked_sets,
    nodes,
    roots,
    columns,
    base,
    values,
    sets,
    categories,
    reading,
    has_sets,
    divisor,
    continues,
    single_sums,
    sums,
):
    """Do the same for one row: features (n_features,), sums (n_outputs,).

    The fields of `Trees` come one by one: numba takes longer over a NamedTuple of them. Before
    them come the sets once more, or None where no node asks for one: then what asks is not
    compiled.
    """
    trees = Trees(
        nodes,
        roots,
        columns,
        base,
        values,
        sets,
        categories,
        reading,
        has_sets,
        divisor,
        continues,
        single_sums,
    )
    features, out = one_row(features_), one_row(sums)
    thresholds = as_floats(nodes)
    n_trees, n_outputs = trees.roots.shape[0], out.shape[1]
    if refused(features, 0, trees.reading, trees.columns):
        return False
    x = room(trees.columns.shape[0], np.float64)
    fill_columns(features, 0, 1, trees, x, 0)
    if asked_sets is not None:
        codes = room(len(x), np.uint64)
        fill_codes(trees, x, codes, 0)
    if not trees.continues:
        for k in range(n_outputs):
            out[0, k] = trees.base[k]
    zero = ZERO
    r = (zero, zero, zero, zero, zero, zero, zero, zero)
    output = 0
    for first in range(0, n_trees, WALKS):
        # Behind the last tree, walk that one again.
        least, greatest, last = np.int64(1 << 30), np.int64(0), n_trees - 1
        for tree in range(first, lesser(first + WALKS, n_trees)):
            least = lesser(least, np.int64(trees.roots[tree, 1]))
            greatest = greater(greatest, np.int64(trees.roots[tree, 2]))
        n = (
            trees.roots[lesser(first + 0, last), 0],
            trees.roots[lesser(first + 1, last), 0],
            trees.roots[lesser(first + 2, last), 0],
            trees.roots[lesser(first + 3, last), 0],
            trees.roots[lesser(first + 4, last), 0],
            trees.roots[lesser(first + 5, last), 0],
            trees.roots[lesser(first + 6, last), 0],
            trees.roots[lesser(first + 7, last), 0],
        )
        if asked_sets is not None:
            leaves = _set_walk(nodes, thresholds, x, zero, r, n, codes, asked_sets, greatest)
        else:
            leaves = _walk(nodes, thresholds, x, zero, r, n, least, greatest)
        for i in range(lesser(WALKS, n_trees - first)):
            add_leaf(trees, thresholds, leaves[i], out, 0, output)
            output = output + 1 if output + 1 < n_outputs else 0
    if trees.divisor != 1.0:
        for k in range(n_outputs):
            out[0, k] /= trees.divisor
    return True
