"""Features as ranks: how many of the thresholds that their column is compared with lie below.

A value is at most a threshold if, and only if, its rank is at most the position of that threshold
among all that the trees compare the column with. So ranks answer every question of every node
exactly, whatever the precision of the values, and sixteen of them are compared in an instruction.
To find a rank takes a few comparisons, but only once a column, not once a node.
"""

from typing import NamedTuple

import numpy as np

from .._bits import lesser
from .._jit import called_simplified, inline_simplified
from .._room import room, zeros
from .._words import LAST_BIT, ONE, SIX, ZERO
from ._columns import (
    CATEGORIES,
    FINITE_CATEGORIES,
    KNOWN_CATEGORY,
    LOWEST,
    NAN_LEFT,
    ONE_OF,
    PLAIN,
    SINGLE,
    SINGLE_MAX,
    SINGLE_OR_NAN,
    TINY_IS_ZERO,
    ZERO_THRESHOLD,
    category_code,
    column_value,
)
from ._lanes import N_LANES

ZERO_IS_MISSING = 5
"""A way of reading like `SINGLE_OR_NAN`, but what is zero is missing too."""

MOST_THRESHOLDS = (1 << 15) - 1
"""Of a column: ranks are int16."""

HALF_RANK, LOWER_RANK = 16, (1 << 16) - 1
"""Two ranks in one integer: the upper one is shifted by so much, the lower one is masked."""

_LINE = 8
"""Numbers in a cache line."""

_FEW_BITS = 3
"""Of so few thresholds (seven) all are compared: that has no dependent loads."""


class Ranks(NamedTuple):
    """The thresholds of each column."""

    bits: np.ndarray  # int64 (n_columns,): a column has 2 ** bits - 1 thresholds
    first: np.ndarray  # int64 (n_columns,), of each column's thresholds
    thresholds: np.ndarray  # float64, sorted within a column, filled up with infinities

    def of_value(self, value: float, column: int, how: int) -> int:
        """Return the rank in a column of a value of the feature that it is made of, as read."""
        made = column_value.py_func(value, how, None, 0, 0)  # type: ignore[attr-defined]
        first, n_thresholds = int(self.first[column]), (1 << int(self.bits[column])) - 1
        return int((~(made <= self.thresholds[first : first + n_thresholds])).sum())


@inline_simplified
def _read(lines, line, reading):
    """Read the values of a feature as the model does; False if it refuses one."""
    n_refused = 0
    if reading == TINY_IS_ZERO:
        for r in range(line, line + N_LANES):
            lines[r] = 0.0 if abs(lines[r]) <= ZERO_THRESHOLD else lines[r]
    elif reading == SINGLE:
        for r in range(line, line + N_LANES):
            lines[r] = np.float64(np.float32(lines[r]))
            # NaN is not at most anything.
            n_refused += 0 if abs(lines[r]) <= SINGLE_MAX else 1
    elif reading == SINGLE_OR_NAN:
        for r in range(line, line + N_LANES):
            lines[r] = np.float64(np.float32(lines[r]))
            n_refused += 1 if abs(lines[r]) > SINGLE_MAX else 0
    elif reading == ZERO_IS_MISSING:
        for r in range(line, line + N_LANES):
            # Before it is made float32, which may be what makes a zero of it.
            value = np.nan if lines[r] == 0.0 else lines[r]
            lines[r] = np.float64(np.float32(value))
            n_refused += 1 if abs(lines[r]) > SINGLE_MAX else 0
    return n_refused == 0


@inline_simplified
def _make(lines, line, how, categories, low, high, made):
    """Make a column of the values of a feature."""
    if how == PLAIN:
        for r in range(N_LANES):
            made[r] = lines[line + r]
    elif how == NAN_LEFT:
        for r in range(N_LANES):
            made[r] = -np.inf if lines[line + r] != lines[line + r] else lines[line + r]
    else:
        for r in range(N_LANES):
            made[r] = column_value(lines[line + r], how, categories, low, high)


@inline_simplified
def _rank(values, bits, first, thresholds, at, ranks, place):
    """Write the ranks of a column; those of NaN are above all others."""
    if bits <= _FEW_BITS:
        for r in range(N_LANES):
            ranks[place + r] = 0
        for at in range(first, first + (1 << bits) - 1):
            threshold = thresholds[at]
            for r in range(N_LANES):
                ranks[place + r] += np.int16(0) if values[r] <= threshold else np.int16(1)
        return
    for r in range(N_LANES):
        at[r] = first - 1
    step = 1 << (bits - 1)
    while step > 0:
        # A step of all rows: no search waits for the one before, and there is nothing to guess.
        for r in range(N_LANES):
            at[r] += 0 if values[r] <= thresholds[at[r] + step] else step
        step >>= 1
    for r in range(N_LANES):
        ranks[place + r] = np.int16(at[r] - first + 1)


@called_simplified
def rank_block(features, start, stop, trees, known, lines, made, ranks, codes):
    """Write the ranks of at most 64 rows; False if the model refuses one.

    Parameters
    ----------
    features : float64 array of shape (n_rows, n_features)
    start, stop : int
        Which rows.
    trees : Trees
    known : Ranks
    lines : float64 array of shape (8 * 64,)
        Scratch: some features as columns.
    made : float64 array of shape (64,)
        Scratch.
    ranks : int16 array of shape (64 * n_columns,)
        The ranks of column c are written from 64 c on.
    codes : uint64 array of the same shape, or empty
        The categories of columns of categories, where trees have sets.
    """
    n_rows, n_features, n_columns = stop - start, features.shape[1], trees.columns.shape[0]
    at = room(N_LANES, np.int64)
    held = zeros(N_LANES, np.int16)
    feature_held = -1
    c = 0
    for begin in range(0, n_features, _LINE):
        end = lesser(begin + _LINE, n_features)
        # Features of a row lie side by side: they are turned a cache line of each row at a time.
        if begin + _LINE <= n_features:
            for r in range(n_rows):
                for line in range(_LINE):
                    lines[line * N_LANES + r] = features[start + r, begin + line]
        else:
            for feature in range(begin, n_features):
                for r in range(n_rows):
                    lines[(feature - begin) * N_LANES + r] = features[start + r, feature]
        for line in range(end - begin):
            for r in range(line * N_LANES + n_rows, (line + 1) * N_LANES):
                lines[r] = 0.0
        for feature in range(begin, end):
            if not _read(lines, (feature - begin) * N_LANES, trees.reading):
                return False
        # Columns are in the order of their features.
        while c < n_columns and (trees.columns[c, 1] == LOWEST or trees.columns[c, 0] < end):
            how, bits, place = trees.columns[c, 1], known.bits[c], c * N_LANES
            if how == ONE_OF:
                feature = trees.columns[c, 0]
                if feature != feature_held:
                    feature_held = feature
                    for r in range(N_LANES):
                        held[r] = np.int16(lines[(feature - begin) * N_LANES + r])
                code, both = np.int16(trees.columns[c, 2]), trees.columns[c, 3]
                here, elsewhere = np.int16(both >> HALF_RANK), np.int16(both & LOWER_RANK)
                for r in range(N_LANES):
                    ranks[place + r] = here if held[r] == code else elsewhere
            elif how != LOWEST and (bits > 0 or trees.has_sets):
                low, high = trees.columns[c, 2], trees.columns[c, 3]
                line = (trees.columns[c, 0] - begin) * N_LANES
                _make(lines, line, how, trees.categories, low, high, made)
                if how in CATEGORIES:
                    for r in range(N_LANES):
                        codes[place + r] = category_code(made[r])
                elif bits > 0:
                    _rank(made, bits, known.first[c], known.thresholds, at, ranks, place)
            if how == KNOWN_CATEGORY and trees.reading == FINITE_CATEGORIES:
                for r in range(n_rows):
                    if np.isinf(features[start + r, trees.columns[c, 0]]):
                        return False
            c += 1
    return True


@inline_simplified
def cross_out_sets(masks, words, tree, codes, inside, crossed):
    """Cross out leaves by the nodes of a tree that ask whether a category is in a set."""
    first_word = masks.stops[tree]
    for at in range((masks.stops[tree + 1] - first_word) * N_LANES):
        crossed[at] = 0
    for node in range(masks.set_stops[tree], masks.set_stops[tree + 1]):
        column, mask = masks.set_columns[node] * N_LANES, masks.set_masks[node]
        for r in range(N_LANES):
            inside[r] = ZERO
        for w in range(masks.set_words[node, 0], masks.set_words[node, 1]):
            word, place = words[w], masks.place[w]
            for r in range(N_LANES):
                code = codes[column + r]
                bit = (word >> (code & LAST_BIT)) & ONE
                inside[r] |= bit if (code >> SIX) == place else ZERO
        at = masks.set_words[node, 2] * N_LANES
        for r in range(N_LANES):
            crossed[at + r] |= np.int16(0) if inside[r] != ZERO else mask
