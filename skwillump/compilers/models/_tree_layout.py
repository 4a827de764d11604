"""Trees as their libraries tell them, laid out for the kernels."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ...kernels._arrays import frozen_fields, line_aligned
from ...kernels.trees._masks import MAX_LEAVES, Masks, number_leaves
from ...kernels.trees._walks import IS_SET, KNOWN_CATEGORY, LOWEST, Trees, place_tree
from .._unsupported import Unsupported


class Tree(NamedTuple):
    """One tree as its library tells it, one value a node, the root first."""

    left: np.ndarray  # int64, negative at leaves
    right: np.ndarray  # int64
    feature: np.ndarray  # int64
    how: np.ndarray  # int64, how the column to compare is made of the feature
    threshold: np.ndarray  # float64
    value: np.ndarray  # float64, of leaves; the position of it where they hold several
    weight: np.ndarray  # float64: nodes with more of it are visited more often
    sets: Mapping[int, np.ndarray] = {}  # node to the categories that go left, as bits (uint64)


def pack(
    trees: Sequence[Tree],
    base: Any,
    reading: int,
    *,
    values: np.ndarray | None = None,
    categories: Mapping[int, np.ndarray] | None = None,
    divisor: float = 1.0,
) -> tuple[Trees, Masks | None]:
    """Lay out trees for the kernels.

    Parameters
    ----------
    trees : sequence of Tree
        In the order in which their values are added; output k gets trees k, k + n_outputs, ...
    base : float64 (n_outputs,)
        Where sums start.
    reading : int
        How features are read.
    values : float64 (n_leaves, n_outputs), optional
        Of all leaves, where each tree adds to all outputs.
    categories : mapping, optional
        For a feature whose values are looked up: its categories, sorted.
    divisor : float
        Of the sums.
    """
    if not trees:
        raise Unsupported("it has no trees")
    known = categories or {}
    inner = [tree.left >= 0 for tree in trees]
    used = [np.unique(t.feature[i] * 8 + t.how[i]) for t, i in zip(trees, inner, strict=True)]
    used.append(np.array([f * 8 + KNOWN_CATEGORY for f in known], dtype=np.int64))
    kinds = np.unique(np.concatenate(used))
    stops = np.cumsum([0, *(len(known[feature]) for feature in known)])
    places = {f: (int(stops[i]), int(stops[i + 1])) for i, f in enumerate(known)}
    columns = [(0, LOWEST, 0, 0)]
    columns += [(k // 8, k % 8, *places.get(k // 8, (0, 0))) for k in kinds.tolist()]

    sizes = [2 * (len(tree.left) + 3) // 4 * 4 for tree in trees]
    nodes = np.zeros(sum(sizes) + 4, dtype=np.uint64)
    if len(nodes) >= 2**32 or len(columns) >= IS_SET:
        raise Unsupported("it has too many nodes")
    roots = np.zeros((len(trees), 3), dtype=np.uint64)
    slots = np.zeros((max(len(tree.left) for tree in trees) + 1, 3), dtype=np.int64)
    sets: list[np.ndarray] = []
    n_words = 0
    start = 0
    for number, (tree, is_inner) in enumerate(zip(trees, inner, strict=True)):
        if np.isnan(tree.value[~is_inner]).any():
            raise Unsupported("a leaf holds NaN")
        word = np.where(is_inner, tree.threshold, tree.value).view(np.uint64)
        column = np.searchsorted(kinds, tree.feature * 8 + tree.how) + 1
        for node, bits in tree.sets.items():
            word[node] = (len(bits) << 32) | n_words
            column[node] |= IS_SET
            sets.append(bits)
            n_words += len(bits)
        roots[number, 0] = start
        start, least, greatest = place_tree(
            np.ascontiguousarray(tree.left, dtype=np.int64),
            np.ascontiguousarray(tree.right, dtype=np.int64),
            np.ascontiguousarray(word),
            np.ascontiguousarray(column, dtype=np.int64),
            np.ascontiguousarray(tree.weight, dtype=np.float64),
            slots,
            nodes,
            start,
        )
        roots[number, 1:] = least, greatest
    laid_out = frozen_fields(
        Trees(
            nodes=line_aligned(nodes[:start]),
            roots=roots,
            columns=np.array(columns, dtype=np.int64),
            base=np.array(base, dtype=np.float64).reshape(-1),
            values=np.zeros((0, 0)) if values is None else values,
            sets=np.concatenate([*sets, np.zeros(1, dtype=np.uint64)]),
            categories=np.concatenate([*known.values(), np.zeros(1)]).astype(np.float64),
            reading=reading,
            has_sets=bool(sets),
            divisor=float(divisor),
        )
    )
    few = all(len(tree.left) < 2 * MAX_LEAVES for tree in trees)
    return laid_out, _mask(trees, kinds) if few and values is None else None


def _mask(trees: Sequence[Tree], kinds: np.ndarray) -> Masks:
    """Lay out trees as questions of their nodes."""
    stops, firsts, words = [0], [0], []
    columns, thresholds, masks, leaves = [], [], [], []
    word: list[int] = []
    place: list[int] = []
    for tree in trees:
        order = np.zeros(len(tree.left), dtype=np.int64)
        mask = np.zeros(len(tree.left), dtype=np.uint64)
        n_leaves = number_leaves(tree.left, tree.right, order, mask)
        inner = np.flatnonzero(tree.left >= 0)
        for node in inner.tolist():
            bits = tree.sets.get(node)
            start = len(word)
            for number, value in enumerate([] if bits is None else bits.tolist()):
                if value:
                    word.append(value)
                    place.append(number)
            words.append((start, -1 if bits is None else len(word)))
        columns.append(np.searchsorted(kinds, tree.feature[inner] * 8 + tree.how[inner]) + 1)
        thresholds.append(tree.threshold[inner])
        masks.append(mask[inner])
        leaves.append(tree.value[order[:n_leaves]])
        stops.append(stops[-1] + len(inner))
        firsts.append(firsts[-1] + n_leaves)
    dtype = np.uint32 if max(map(len, leaves)) <= 32 else np.uint64
    return frozen_fields(
        Masks(
            stops=np.array(stops),
            column=np.concatenate(columns),
            threshold=np.concatenate(thresholds),
            mask=np.concatenate(masks).astype(dtype),
            words=np.array(words, dtype=np.int64).reshape(-1, 2),
            word=np.array([*word, 0], dtype=np.uint64),
            place=np.array([*place, 0], dtype=np.uint64),
            first=np.array(firsts[:-1]),
            leaves=np.concatenate(leaves),
        )
    )
