"""Large trees behind sparse rows: a row asks only the nodes of features that are not zero in it."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ...kernels._arrays import FrozenArrays, frozen, frozen_fields
from ...kernels.trees._columns import LOWEST, NAN_LEFT, PLAIN, SINGLE, SINGLE_OR_NAN
from ...kernels.trees._walks import Trees
from ...kernels.trees._zero_paths import MOST_ROWS, N_NODE_BITS, ZeroPaths, predict_along
from .._threads import map_in_threads
from .._unsupported import InputUnsupported

_SMALL_TREE = 128
"""Nodes of a tree, in the mean, that is walked as fast."""

_STEPS_A_NODE = 2
"""To ask a node that is looked up takes less than so many steps of a walk."""

_GROUP_PATHS = 1 << 14
"""Of trees that are gone through together."""


@dataclass(frozen=True, eq=False, kw_only=True)
class SparseTrees(FrozenArrays):
    """A model of trees that read float32, for rows of a sparse matrix."""

    trees: Trees
    paths: ZeroPaths
    n_steps: int  # steps that a row of zeros takes down all trees

    @classmethod
    def of(cls, trees: Trees, n_features: int) -> "SparseTrees | None":
        """Return the twin of trees; None where they are small, or read rows in other ways."""
        n_nodes = len(trees.nodes) // 2
        if trees.reading not in (SINGLE, SINGLE_OR_NAN) or trees.has_sets or trees.continues:
            return None
        if n_nodes < _SMALL_TREE * len(trees.roots):
            return None
        if not np.isin(trees.columns[:, 1], (PLAIN, NAN_LEFT, LOWEST)).all():
            return None
        found = _lay_out(trees, n_features)
        return None if found is None else cls(trees=trees, paths=found[0], n_steps=found[1])

    def pays(self, features: Any) -> bool:
        """Tell whether the rows of a CSR matrix ask fewer nodes than they would walk through."""
        paths = self.paths
        n_nodes = np.append(np.diff(paths.stops, axis=1).sum(axis=0), 0)  # -1 is the last one
        asked = int(n_nodes[paths.place[features.indices]].sum())
        return asked <= _STEPS_A_NODE * self.n_steps * features.shape[0]

    def raw(self, features: Any, n_threads: int = 1) -> np.ndarray:
        """Return the scores (n_rows, n_outputs) of a canonical CSR matrix.

        Raises
        ------
        InputUnsupported
            For values that are no finite numbers of float32.
        """
        stops = frozen(features.indptr.astype(np.int64))
        return self._along(features.indices, features.data, stops, n_threads)

    def raw_one(self, positions: np.ndarray, values: np.ndarray) -> np.ndarray:
        """Return the scores (n_outputs,) of one row, of which `Step.entries` are given.

        Raises
        ------
        InputUnsupported
            As `raw` does.
        """
        return self._along(positions, values, np.array((0, len(values))), 1)[0]

    def _along(
        self, indices: np.ndarray, values: np.ndarray, stops: np.ndarray, n_threads: int
    ) -> np.ndarray:
        with np.errstate(over="ignore"):
            values = frozen(values.astype(np.float32))
        if not np.isfinite(values).all():
            raise InputUnsupported("values that are missing, infinite, or too large")
        indices = frozen(indices.astype(np.int32, copy=False))
        n_rows = len(stops) - 1
        out = np.empty((n_rows, len(self.trees.base)))

        def run(first: int) -> None:
            last = min(first + MOST_ROWS, n_rows)
            rows = frozen(stops[first : last + 1])
            predict_along(values, indices, rows, self.paths, self.trees, out[first:last])

        map_in_threads(run, range(0, n_rows, MOST_ROWS), n_threads)
        return out

    def warm_up(self) -> None:
        """Compile or load the kernel."""
        values, features = frozen(np.zeros(0, np.float32)), frozen(np.zeros(0, np.int32))
        out = np.empty((1, len(self.trees.base)))
        stops = frozen(np.zeros(2, np.int64))
        predict_along(values, features, stops, self.paths, self.trees, out)


def _lay_out(trees: Trees, n_features: int) -> tuple[ZeroPaths, int] | None:
    """Return the paths of trees, and the steps of a row of zeros; None where one is too large."""
    links = trees.nodes[1::2]
    child = (links >> np.uint64(32)).astype(np.int64) // 2
    column = (links & np.uint64(0xFFFFFFFF)).astype(np.int64)
    thresholds = trees.nodes[::2].view(np.float64)
    limits = _lower_singles(thresholds)
    is_left = limits >= 0.0
    roots = trees.roots[:, 0].astype(np.int64) // 2

    # One level of all trees at a time: `node` is on the path that began at `head`.
    node, head, place = roots, roots, np.zeros(len(roots), dtype=np.int64)
    inner: list[tuple[np.ndarray, ...]] = []
    ends: list[tuple[np.ndarray, ...]] = []
    while len(node):
        is_leaf = child[node] == node
        ends.append((head[is_leaf], node[is_leaf], place[is_leaf]))
        node, head, place = node[~is_leaf], head[~is_leaf], place[~is_leaf]
        along, other = child[node] + ~is_left[node], child[node] + is_left[node]
        inner.append((node, head, place, other))
        node, head = np.concatenate((along, other)), np.concatenate((head, other))
        place = np.concatenate((place + 1, np.zeros(len(other), dtype=np.int64)))
    heads, leaf, length = (np.concatenate(found) for found in zip(*ends, strict=True))
    node, head, place, other = (np.concatenate(found) for found in zip(*inner, strict=True))

    # Paths in the order of their first nodes, which is that of the trees.
    order = np.argsort(heads)
    heads, leaf, length = heads[order], leaf[order], length[order]
    path, first = np.searchsorted(heads, head), np.cumsum(length) - length
    number = first[path] + place
    at_root = np.searchsorted(heads, roots)
    asked, feature = np.unique(trees.columns[column[node], 0], return_inverse=True)
    groups = _grouped(at_root, first[at_root], len(heads), len(node), len(asked))
    if np.diff(groups[:, 2]).max() >= 1 << N_NODE_BITS:
        return None
    group_of_path = np.searchsorted(groups[:, 1], np.arange(len(heads)), side="right") - 1
    group = group_of_path[path]
    beside = np.zeros(len(node), dtype=np.uint32)
    beside[number] = np.searchsorted(heads, other) - groups[group, 1]
    order = np.lexsort((path, feature, group))
    key = group[order] * (len(asked) + 1) + feature[order]
    stops = np.searchsorted(key, np.arange((len(groups) - 1) * (len(asked) + 1)))
    positions = np.full(n_features, -1, dtype=np.int32)
    positions[asked] = np.arange(len(asked))
    paths = ZeroPaths(
        place=positions,
        stops=stops.reshape(-1, len(asked) + 1),
        limits=limits[node[order]],
        path=(path - groups[group, 1])[order].astype(np.uint32),
        node=(number - groups[group, 2])[order].astype(np.uint32),
        beside=beside,
        leaves=thresholds[leaf],
        roots=(at_root - groups[group_of_path[at_root], 1]).astype(np.uint32),
        groups=groups,
    )
    return frozen_fields(paths), int(length[at_root].sum())


def _grouped(
    first_path: np.ndarray, first_node: np.ndarray, n_paths: int, n_nodes: int, n_asked: int
) -> np.ndarray:
    """Return where groups of trees begin: (n_groups + 1, 3), their first trees, paths and nodes.

    Parameters
    ----------
    first_path, first_node : ndarray of int64 of shape (n_trees,)
        Of each tree.
    n_paths, n_nodes : int
        Of all trees.
    n_asked : int
        Number of features that nodes ask for. Each group has a list of them.
    """
    size = max(_GROUP_PATHS, n_asked)
    begins = [0]
    for tree, path in enumerate(np.append(first_path, n_paths)[1:].tolist()):
        if path - first_path[begins[-1]] > size and tree > begins[-1]:
            begins.append(tree)
    rows = [(tree, first_path[tree], first_node[tree]) for tree in begins]
    return np.array([*rows, (len(first_path), n_paths, n_nodes)], dtype=np.int64)


def _lower_singles(thresholds: np.ndarray) -> np.ndarray:
    """Return the greatest float32 that are not above thresholds: they part float32 alike."""
    with np.errstate(over="ignore", invalid="ignore"):
        single = thresholds.astype(np.float32)
    return np.where(single > thresholds, np.nextafter(single, np.float32(-np.inf)), single)
