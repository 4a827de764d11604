"""Rows of which most features are zero, down trees that were grown to the end on words.

How it works:

1. Where nothing but zeros is met, a walk is known beforehand. From any node, the nodes that zeros
   lead to, down to a leaf, are a *path*; the other child of each of its nodes begins another path.
   Every node is on one path, and every path ends at a leaf.
2. A row can leave a path only at nodes that ask for a feature which is not zero in that row. They
   are looked up by feature; `left_at` keeps, for each path, the first of its nodes where the row
   goes the other way. Nodes are numbered along their paths, so that the first is the least.
3. The row's leaf in a tree is then found by following paths: from where one is left to the path
   that begins there, until one is not left.
4. Some trees at a time, a *group*, are gone through by all rows, so that they stay in the cache.
   Within a group, paths and nodes have small numbers.

A title of ten words asks some hundred nodes so, where walking down to leaves at depth ninety
would take thousands of steps, each of which waits for memory.
"""

from typing import NamedTuple

import numpy as np

from .._jit import jit
from .._room import room
from ._walks import add_leaf

N_NODE_BITS = 20
"""Bits of the number of a node in its group; those above tell the row."""

MOST_ROWS = 1 << (32 - N_NODE_BITS)
"""Rows of a call."""

_NODE_BITS = np.uint32(N_NODE_BITS)
_NODE = np.uint32((1 << N_NODE_BITS) - 1)
_NEVER = np.uint32(0xFFFFFFFF)


class ZeroPaths(NamedTuple):
    """Trees as the paths that zeros take."""

    place: np.ndarray  # int32 (n_features,), among those that nodes ask for; -1 elsewhere
    stops: np.ndarray  # int64 (n_groups, n_asked + 1), of the nodes of each feature
    limits: np.ndarray  # float32 (n_nodes,): a value above it goes right
    path: np.ndarray  # uint32 (n_nodes,)
    node: np.ndarray  # uint32 (n_nodes,)
    beside: np.ndarray  # uint32 (n_nodes,), of a numbered node: the path of its other child
    leaves: np.ndarray  # float64 (n_paths,), as `Trees` has them
    roots: np.ndarray  # uint32 (n_trees,), paths
    groups: np.ndarray  # int64 (n_groups + 1, 3): the first tree, path and node


@jit
def predict_along(values, features, stops, paths, trees, out):
    """Write the sums of the leaves' values, (n_rows, n_outputs), of at most `MOST_ROWS` rows.

    Rows are those of a matrix in compressed form: ``values``, float32, ``features``, and where
    each row begins among them.
    """
    n_rows, n_outputs, n_groups = len(stops) - 1, out.shape[1], len(paths.groups) - 1
    most = 0
    for group in range(n_groups):
        most = max(most, paths.groups[group + 1, 1] - paths.groups[group, 1])
    left_at = room(most, np.uint32)
    for row in range(n_rows):
        for k in range(n_outputs):
            out[row, k] = trees.base[k]
    for group in range(n_groups):
        first_tree, first_path, first_node = paths.groups[group]
        last_tree = paths.groups[group + 1, 0]
        leaves, beside = paths.leaves[first_path:], paths.beside[first_node:]
        for path in range(most):
            left_at[path] = _NEVER
        for row in range(n_rows):
            # Later rows have smaller numbers, so that nothing has to be cleared between them.
            number = np.uint32(n_rows - 1 - row)
            shifted = number << _NODE_BITS
            for at in range(stops[row], stops[row + 1]):
                value, feature = values[at], paths.place[features[at]]
                if feature < 0:
                    continue
                for k in range(paths.stops[group, feature], paths.stops[group, feature + 1]):
                    leaves_it = (value > paths.limits[k]) == (paths.limits[k] >= 0.0)
                    node = np.uint32(shifted | paths.node[k]) if leaves_it else _NEVER
                    before = left_at[paths.path[k]]
                    left_at[paths.path[k]] = node if node < before else before
            output = first_tree % n_outputs
            for tree in range(first_tree, last_tree):
                path = paths.roots[tree]
                node = left_at[path]
                while node >> _NODE_BITS == number and node != _NEVER:
                    path = beside[node & _NODE]
                    node = left_at[path]
                add_leaf(trees, leaves, path, out, row, output)
                output = output + 1 if output + 1 < n_outputs else 0
    if trees.divisor != 1.0:
        for row in range(n_rows):
            for k in range(n_outputs):
                out[row, k] /= trees.divisor
    return True
