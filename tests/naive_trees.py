"""Slow, obviously right walks down decision trees."""

import math

from skwillump.kernels.trees import _columns as column


def leaf_of(tree, row, categories=None):
    """Return the node of the leaf that a row of features reaches."""
    node = 0
    while tree.left[node] >= 0:
        goes_left = _goes_left(tree, node, row[tree.feature[node]], categories)
        node = tree.left[node] if goes_left else tree.right[node]
    return node


def _goes_left(tree, node, value, categories):
    how, threshold = tree.how[node], tree.threshold[node]
    missing = math.isnan(value)
    nearly_zero = missing or abs(value) <= column.ZERO_THRESHOLD
    if how == column.PLAIN:
        return not missing and value <= threshold
    if how == column.NAN_LEFT:
        return missing or value <= threshold
    if how == column.NAN_IS_ZERO:
        return (0.0 if missing else value) <= threshold
    if how == column.ZERO_LEFT:
        return nearly_zero or value <= threshold
    if how == column.ZERO_RIGHT:
        return not nearly_zero and value <= threshold
    if how == column.CATEGORY:
        if missing or not -1 < value < 2**31:
            return False
        return _is_in(tree.sets[node], int(value))
    known = list(categories[tree.feature[node]])
    return _is_in(tree.sets[node], known.index(value) if value in known else column.UNKNOWN)


def _is_in(words, code):
    return code < 64 * len(words) and bool(int(words[code // 64]) >> (code % 64) & 1)


def sums(trees, row, base, categories=None):
    """Return the sums of the leaves' values of a row, added in order."""
    totals = list(base)
    for number, tree in enumerate(trees):
        totals[number % len(totals)] += tree.value[leaf_of(tree, row, categories)]
    return totals
