"""Trees as their libraries tell them, laid out for the kernels."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ...kernels._arrays import frozen_fields, line_aligned
from ...kernels.trees._columns import (
    CODE_OR_NAN,
    KNOWN_CATEGORY,
    LOWEST,
    NAN_LEFT,
    ONE_OF,
    PLAIN,
    SINGLE,
    SINGLE_OR_NAN,
)
from ...kernels.trees._deep import (
    ABOVE_ALL,
    BELOW_ALL,
    IS_AT_LEAST,
    IS_CODE,
    LARGEST_KEY,
    LEAST_KEY,
    N_CONSTANTS,
    QUESTION_BITS,
    ROOM_BITS,
    DeepTrees,
)
from ...kernels.trees._lanes import WORD_LEAVES
from ...kernels.trees._masks import MAX_LEAVES, Masks, number_leaves
from ...kernels.trees._ranks import MOST_THRESHOLDS, Ranks
from ...kernels.trees._walks import IS_SET, Trees, place_tree
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


class Questions(NamedTuple):
    """Trees as the questions of their nodes, for batches, and the ranks that they compare."""

    ranks: Ranks
    masks: Masks

    def some(self, trees: slice) -> "Questions":
        """Return the questions of a range of trees."""
        return self._replace(masks=self.masks.some(trees))


MANY_ROWS = 12
"""Fewer rows are walked: questions are put to 64 at once."""

_MOST_LEAVES, _MOST_SINGLE_LEAVES = 1024, 768
"""Of a tree, in the mean: to walk down larger ones is faster than to ask all of their nodes. Those
that read float32 are walked faster."""

_FEW_TREES = 4
"""For fewer large trees than these, ranks cost more than walks."""

_SMALL_TREE = 64
"""Leaves of a tree that is not large."""

_HOWS = 16
"""Ways to make a column of a feature are fewer."""

_N_PROBES = 48
"""Rows for which the sums of a library are asked."""


def pack(
    trees: Sequence[Tree],
    base: Any,
    reading: int,
    *,
    values: np.ndarray | None = None,
    categories: Mapping[int, np.ndarray] | None = None,
    n_codes: Mapping[int, int] | None = None,
    divisor: float = 1.0,
) -> tuple[Trees, Questions | None]:
    """Lay out trees for the kernels.

    Trees are laid out to be walked, and, where that is faster for batches, as their questions.

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
    n_codes : mapping, optional
        For a feature of codes (`CODE_OR_NAN`): how many there are.
    divisor : float
        Of the sums.
    """
    if not trees:
        raise Unsupported("it has no trees")
    known = categories or {}
    inner = [tree.left >= 0 for tree in trees]
    used = [np.unique(t.feature[i] * _HOWS + t.how[i]) for t, i in zip(trees, inner, strict=True)]
    used.append(np.array([f * _HOWS + KNOWN_CATEGORY for f in known], dtype=np.int64))
    kinds = np.unique(np.concatenate(used))
    stops = np.cumsum([0, *(len(known[feature]) for feature in known)])
    places = {f: (int(stops[i]), int(stops[i + 1])) for i, f in enumerate(known)}
    places |= {f: (n, 0) for f, n in (n_codes or {}).items()}
    columns = [(0, LOWEST, 0, 0)]
    columns += [(k // _HOWS, k % _HOWS, *places.get(k // _HOWS, (0, 0))) for k in kinds.tolist()]

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
        column = np.searchsorted(kinds, tree.feature * _HOWS + tree.how) + 1
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
    return laid_out, _questions(trees, inner, kinds, values, reading)


def _questions(
    trees: Sequence[Tree],
    inner: Sequence[np.ndarray],
    kinds: np.ndarray,
    values: np.ndarray | None,
    reading: int,
) -> Questions | None:
    """Lay out trees as questions of their nodes; None where walks are faster.

    Parameters
    ----------
    trees, values, reading
        As in `pack`.
    inner : sequence of ndarray of bool
        Which nodes of each tree are no leaves.
    kinds : ndarray of int64
        What each column but the first is made of, sorted.
    """
    n_nodes = sum(len(tree.left) for tree in trees)
    largest = max(len(tree.left) for tree in trees)
    reads_single = reading in (SINGLE, SINGLE_OR_NAN)
    most_nodes = 2 * (_MOST_SINGLE_LEAVES if reads_single else _MOST_LEAVES) * len(trees)
    if largest > 2 * MAX_LEAVES or n_nodes > most_nodes or len(kinds) >= 1 << 16:
        return None
    if len(trees) < _FEW_TREES and largest > 2 * _SMALL_TREE:
        return None
    column = [
        np.searchsorted(kinds, t.feature[i] * _HOWS + t.how[i]) + 1
        for t, i in zip(trees, inner, strict=True)
    ]
    threshold = [t.threshold[i] for t, i in zip(trees, inner, strict=True)]
    ranked = _ranks(np.concatenate(column), np.concatenate(threshold), len(kinds) + 1)
    if ranked is None:
        return None
    ranks, limits = ranked
    return Questions(ranks, _masks(trees, inner, column, limits, values))


def _ranks(
    column: np.ndarray, threshold: np.ndarray, n_columns: int
) -> tuple[Ranks, np.ndarray] | None:
    """Return the thresholds of each column, and the position of each node's among them.

    None where a column has too many.
    """
    order = np.lexsort((threshold, column))
    of, sorted_ = column[order], threshold[order]
    is_new = np.ones(len(order), dtype=bool)
    is_new[1:] = (of[1:] != of[:-1]) | (sorted_[1:] != sorted_[:-1])
    n_thresholds = np.bincount(of[is_new], minlength=n_columns)
    if n_thresholds.max(initial=0) > MOST_THRESHOLDS:
        return None
    number = np.cumsum(is_new) - 1
    start = np.cumsum(n_thresholds) - n_thresholds
    limits = np.empty(len(order), dtype=np.int16)
    limits[order] = number - start[of]
    bits = np.array([int(n).bit_length() for n in n_thresholds], dtype=np.int64)
    sizes = (1 << bits) - 1
    first = np.cumsum(sizes) - sizes
    thresholds = np.full(int(sizes.sum()) + 1, np.inf)
    thresholds[(first[of] + number - start[of])[is_new]] = sorted_[is_new]
    return frozen_fields(Ranks(bits=bits, first=first, thresholds=thresholds)), limits


def _masks(
    trees: Sequence[Tree],
    inner: Sequence[np.ndarray],
    column: Sequence[np.ndarray],
    limits: np.ndarray,
    values: np.ndarray | None,
) -> Masks:
    """Lay out the questions of all nodes, by the words of leaves that they cross out."""
    words: list[np.ndarray] = []  # of each question, the number of its word among all
    asked: list[np.ndarray] = []  # the node's position among the nodes of all trees
    bits: list[np.ndarray] = []
    leaves: list[np.ndarray] = []
    is_set: list[np.ndarray] = []
    stops, firsts = [0], [0]
    n_inner = 0
    for tree, is_inner in zip(trees, inner, strict=True):
        order = np.zeros(len(tree.left), dtype=np.int64)
        below = np.zeros((len(tree.left), 2), dtype=np.int64)
        n_leaves = number_leaves(tree.left, tree.right, order, below)
        node = np.flatnonzero(is_inner)
        low, high = below[node].T
        first_word, last_word = low // WORD_LEAVES, (high - 1) // WORD_LEAVES
        spans = last_word - first_word + 1
        question = np.repeat(np.arange(len(node)), spans)
        word = np.arange(len(question)) - np.repeat(np.cumsum(spans) - spans, spans)
        word += first_word[question]
        start, stop = (
            np.clip(at[question] - word * WORD_LEAVES, 0, WORD_LEAVES) for at in (low, high)
        )
        bits.append(((1 << stop) - 1) & ~((1 << start) - 1))
        words.append(stops[-1] + word)
        asked.append(n_inner + question)
        flags = np.zeros(len(tree.left), dtype=bool)
        flags[list(tree.sets)] = True
        is_set.append(flags[node])
        n_inner += len(node)
        leaves.append(tree.value[order[:n_leaves]])
        stops.append(stops[-1] + -(-n_leaves // WORD_LEAVES))
        firsts.append(firsts[-1] + n_leaves)
    of_word, node = np.concatenate(words), np.concatenate(asked)
    mask = np.concatenate(bits).astype(np.uint16).view(np.int16)
    all_columns, all_sets = np.concatenate(column), np.concatenate(is_set)
    by_set = all_sets[node]
    order = np.flatnonzero(~by_set)[np.argsort(of_word[~by_set], kind="stable")]
    found = np.concatenate(leaves)
    laid_out = values[found.astype(np.int64)] if values is not None else found[:, None]
    sets = _sets(trees, inner, node[by_set], of_word[by_set], np.array(stops))
    return frozen_fields(
        Masks(
            stops=np.array(stops),
            word_stops=np.searchsorted(of_word[order], np.arange(stops[-1] + 1)),
            columns=all_columns[node[order]].astype(np.uint16),
            limits=limits[node[order]],
            masks=mask[order],
            set_stops=np.searchsorted(of_word[by_set], np.array(stops)),
            set_columns=all_columns[node[by_set]].astype(np.int64),
            set_masks=mask[by_set],
            set_words=sets[0],
            word=sets[1],
            place=sets[2],
            first=np.array(firsts[:-1]),
            leaves=laid_out,
        )
    )


def _sets(
    trees: Sequence[Tree],
    inner: Sequence[np.ndarray],
    nodes: np.ndarray,
    words: np.ndarray,
    stops: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return where each question's set begins and stops, its word of leaves, and the sets.

    Of a set, words that are not zero are kept, each with its place.
    """
    extents: dict[int, tuple[int, int]] = {}
    word: list[int] = []
    place: list[int] = []
    n_inner = 0
    for tree, is_inner in zip(trees, inner, strict=True):
        number = np.cumsum(is_inner) - 1 + n_inner
        for node, set_bits in tree.sets.items():
            start = len(word)
            for at in np.flatnonzero(set_bits).tolist():
                word.append(int(set_bits[at]))
                place.append(at)
            extents[int(number[node])] = start, len(word)
        n_inner += int(is_inner.sum())
    in_tree = words - stops[np.searchsorted(stops, words, side="right") - 1]
    rows = [(*extents[at], at_word) for at, at_word in zip(nodes.tolist(), in_tree, strict=True)]
    return (
        np.array(rows, dtype=np.int64).reshape(-1, 3),
        np.array([*word, 0], dtype=np.uint64),
        np.array([*place, 0], dtype=np.uint64),
    )


def deep_trees(trees: Trees, n_features: int) -> DeepTrees | None:
    """Lay out trees that read float32 as single words a node; None if words have no room for them.

    Where nodes are of both kinds that tell where a missing value goes, their columns are twice as
    many: trees that refuse missing values (`SINGLE`) are faster.
    """
    made = trees.columns[:, 1]
    if trees.has_sets or not np.isin(made, (LOWEST, PLAIN, NAN_LEFT, ONE_OF)).all():
        return None
    columns, place = _deep_columns(trees, n_features)
    start = int(trees.roots[0, 0])  # the trees before are another model's
    roots = (trees.roots[:, 0].astype(np.int64) - start) // 2
    words, links = trees.nodes[start::2].view(np.float64), trees.nodes[start + 1 :: 2]
    node = np.arange(len(links))
    own = node - roots[np.searchsorted(roots, node, side="right") - 1]
    child = ((links >> np.uint64(32)).astype(np.int64) - start) // 2
    is_leaf = child == node
    pair = np.where(is_leaf, own, own + child - node) // 2
    is_leaf[roots + 1], pair[roots + 1] = False, 0  # a root has no sibling
    bits = int(pair.max()).bit_length()
    if bits + len(columns).bit_length() > ROOM_BITS:
        return None

    column = (links & np.uint64(IS_SET - 1)).astype(np.int64)
    least = _key_at_most(np.where(is_leaf, 0.0, words)) + 1
    asks = np.full(len(node), IS_AT_LEAST)
    is_code = ~is_leaf & (made[column] == ONE_OF)
    asks[is_code] = IS_CODE
    least[is_code] = _key_at_most(trees.columns[column[is_code], 2].astype(np.float64))
    least[is_code & (words >= 1.0)] = LARGEST_KEY  # no code: what is one goes left too
    is_right = is_code & (words < 0.0)
    asks[is_right], least[is_right] = IS_AT_LEAST, LEAST_KEY
    number = words[is_leaf] if len(trees.values) else np.arange(np.count_nonzero(is_leaf))
    least[is_leaf] = number.astype(np.int64)
    place = place[column]
    place[is_leaf] = np.where(own[is_leaf] % 2, ABOVE_ALL, BELOW_ALL)
    low = (place << (QUESTION_BITS + bits)) | (pair << QUESTION_BITS) | asks
    return frozen_fields(
        DeepTrees(
            nodes=line_aligned(((least << 32) | low).view(np.uint64)),
            roots=roots.astype(np.uint64),
            columns=columns,
            leaves=trees.values if len(trees.values) else words[is_leaf][:, None],
            base=trees.base,
            reads_all=bool(np.array_equal(columns[N_CONSTANTS:, 0], np.arange(n_features))),
            pair_bits=bits,
            reading=trees.reading,
            divisor=trees.divisor,
            continues=trees.continues,
            single_sums=trees.single_sums,
        )
    )


def _deep_columns(trees: Trees, n_features: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the columns (n_columns, 2) of deep trees, and where each column of trees is there.

    They are all features where trees read most of these, each in one way.
    """
    feature, made = trees.columns[:, 0], trees.columns[:, 1]
    is_read = made != LOWEST
    is_left = (made == NAN_LEFT) & (trees.reading != SINGLE)
    kinds, at = np.unique(2 * feature[is_read] + is_left[is_read], return_inverse=True)
    read, left = kinds // 2, kinds % 2
    if (np.diff(read) > 0).all() and 2 * len(read) >= n_features:
        at, every = read[at], np.zeros(n_features, dtype=np.int64)
        every[read] = left
        read, left = np.arange(n_features), every
    place = np.full(len(made), BELOW_ALL)
    place[is_read] = N_CONSTANTS + at
    columns = np.column_stack((read, np.where(left, NAN_LEFT, PLAIN)))
    return np.concatenate((np.zeros((N_CONSTANTS, 2), dtype=np.int64), columns)), place


def _key_at_most(values: np.ndarray) -> np.ndarray:
    """Return the keys of the largest float32 that are at most some float64."""
    with np.errstate(over="ignore"):
        singles = values.astype(np.float32)
    singles = np.where(singles > values, np.nextafter(singles, np.float32(-np.inf)), singles)
    bits = (singles + np.float32(0.0)).view(np.int32)  # there is one zero
    return (bits ^ ((bits >> 31) & LARGEST_KEY)).astype(np.int64)


def probe_rows(trees: Trees, n_features: int) -> np.ndarray:
    """Return float32 rows (n_rows, n_features) that show whether a library adds as kernels do.

    They hold values around thresholds, of whatever feature, codes, and missing ones.
    """
    rng = np.random.default_rng(0)
    values = trees.nodes[::2].view(np.float64)
    values = np.append(values[np.abs(values) < np.finfo(np.float32).max], [0.0, 1.0])
    rows = rng.choice(values, (_N_PROBES, n_features)).astype(np.float32)
    rows = np.where(rng.random(rows.shape) < 0.5, rows, np.nextafter(rows, np.float32(np.inf)))
    for feature, how, n_codes, _ in trees.columns.tolist():
        if how == CODE_OR_NAN:
            rows[:, feature] = rng.integers(0, n_codes + 2, _N_PROBES)
    rows[rng.random(rows.shape) < 0.1] = np.nan
    return rows
