"""What trees compare: columns, made of the features of some rows.

What a tree does with a missing value or a zero depends on the feature and the node, but there are
few ways: each used one is a column of its own (`PLAIN` and the rest), computed once a row.
"""

import numpy as np

from .._bits import lesser
from .._jit import called_simplified, inline_simplified
from .._words import ZERO

PLAIN, NAN_LEFT, NAN_IS_ZERO, ZERO_LEFT, ZERO_RIGHT, CATEGORY, KNOWN_CATEGORY, LOWEST = range(8)
"""How a column is made of a feature; "left" and "right" say where a missing value goes."""

ONE_OF, CODE_OR_NAN = 8, 9
"""`ONE_OF`: a column of a feature that is one where a column of codes holds a code: of `_ranks`
alone. In the place of categories' start are the code, and its rank, the upper half, beside that of
all others. `CODE_OR_NAN`: a category below that start; a missing value is the start itself."""

CATEGORIES = (CATEGORY, KNOWN_CATEGORY, CODE_OR_NAN)
"""Columns that are looked up in sets."""

ZERO_THRESHOLD = float(np.float32(1e-35))
"""LightGBM takes what is not farther from zero for zero."""

UNKNOWN = 256
"""The category of values that `KNOWN_CATEGORY` does not know."""

AS_IS, FINITE_CATEGORIES, TINY_IS_ZERO, SINGLE, SINGLE_OR_NAN = range(5)
"""What is read before any column is made: as it is; the same without infinite categories; as
LightGBM reads it (tiny numbers are zero); as scikit-learn's trees do (float32, without or with
missing values)."""

_LINE = 8
"""Numbers in a cache line."""

SINGLE_MAX = float(np.finfo(np.float32).max)
"""What single precision holds at most."""

_NO_CODE = np.uint64(1 << 40)  # in no set


@inline_simplified
def _as_read(value, reading):
    if reading == TINY_IS_ZERO:
        return 0.0 if abs(value) <= ZERO_THRESHOLD else value
    if reading >= SINGLE:
        return np.float64(np.float32(value))
    return value


@inline_simplified
def _known(value, categories, start, stop):
    """Return the position of a value among the categories of a feature."""
    low, high = start, stop
    while low < high:
        middle = (low + high) >> 1
        if categories[middle] < value:
            low = middle + 1
        else:
            high = middle
    if low < stop and categories[low] == value:
        return np.float64(low - start)
    return np.float64(UNKNOWN)


@inline_simplified
def column_value(value, how, categories, start, stop):
    """Return a column's value: "not above any threshold" is left, NaN is right."""
    if how == NAN_LEFT:
        return -np.inf if value != value else value
    if how == NAN_IS_ZERO:
        return 0.0 if value != value else value
    if how == ZERO_LEFT:
        return -np.inf if value != value or abs(value) <= ZERO_THRESHOLD else value
    if how == ZERO_RIGHT:
        return np.nan if value != value or abs(value) <= ZERO_THRESHOLD else value
    if how == CATEGORY:
        # What fits no int32 is in no set; numbers are cut towards zero.
        return np.trunc(value) if -1.0 < value < 2147483648.0 else -1.0
    if how == KNOWN_CATEGORY:
        return _known(value, categories, start, stop)
    if how == CODE_OR_NAN:
        if value != value:
            return np.float64(start)
        return np.trunc(value) if 0.0 <= value < start else -1.0
    return value


@inline_simplified
def refused(features, row, reading, columns):
    """Tell whether the model refuses a row."""
    if reading >= SINGLE:
        for j in range(features.shape[1]):
            value = abs(np.float64(np.float32(features[row, j])))
            # NaN is not at most anything.
            if not value <= SINGLE_MAX and (reading == SINGLE or value == value):
                return True
    elif reading == FINITE_CATEGORIES:
        for c in range(columns.shape[0]):
            if columns[c, 1] == KNOWN_CATEGORY and np.isinf(features[row, columns[c, 0]]):
                return True
    return False


@inline_simplified
def fill_columns(features, start, stop, trees, x, shift):
    """Make the columns of some rows: column c of row r is x[(c << shift) + r - start]."""
    for c in range(trees.columns.shape[0]):
        feature, how = trees.columns[c, 0], trees.columns[c, 1]
        first, last = trees.columns[c, 2], trees.columns[c, 3]
        place = c << shift
        if how == LOWEST:
            # Of all lanes: walks without a row must stay at their leaves too.
            for r in range(1 << shift):
                x[place + r] = -np.inf
        else:
            for r in range(stop - start):
                value = _as_read(features[start + r, feature], trees.reading)
                x[place + r] = column_value(value, how, trees.categories, first, last)


@called_simplified
def fill_block(features, start, stop, trees, transposed, x, shift):
    """Do what `fill_columns` does for many rows, through a scratch that holds features as columns.

    Features of a row lie side by side, and columns ask for one of all rows: so they are turned
    first, a cache line of each row at a time.
    """
    n_rows, n_features = stop - start, features.shape[1]
    if _LINE * trees.columns.shape[0] < n_features:
        # Columns read fewer lines one by one than there are to turn.
        fill_columns(features, start, stop, trees, x, shift)
        return
    for first in range(0, n_features, _LINE):
        last = lesser(first + _LINE, n_features)
        for r in range(n_rows):
            for feature in range(first, last):
                transposed[feature, r] = features[start + r, feature]
    for feature in range(n_features):
        column = transposed[feature]
        if trees.reading == TINY_IS_ZERO:
            for r in range(n_rows):
                column[r] = _as_read(column[r], TINY_IS_ZERO)
        elif trees.reading >= SINGLE:
            for r in range(n_rows):
                column[r] = _as_read(column[r], SINGLE)
    for c in range(trees.columns.shape[0]):
        feature, how = trees.columns[c, 0], trees.columns[c, 1]
        first, last = trees.columns[c, 2], trees.columns[c, 3]
        column = transposed[feature]
        made = x[c << shift : (c + 1) << shift]
        if how == LOWEST:
            # Of all lanes: walks without a row must stay at their leaves too.
            for r in range(1 << shift):
                made[r] = -np.inf
        elif how == PLAIN:
            for r in range(n_rows):
                made[r] = column[r]
        elif how == NAN_LEFT:
            for r in range(n_rows):
                made[r] = column_value(column[r], NAN_LEFT, trees.categories, first, last)
        elif how == NAN_IS_ZERO:
            for r in range(n_rows):
                made[r] = column_value(column[r], NAN_IS_ZERO, trees.categories, first, last)
        else:
            for r in range(n_rows):
                made[r] = column_value(column[r], how, trees.categories, first, last)


@inline_simplified
def category_code(value):
    """Return the category of a column as an integer."""
    return np.uint64(value) if value >= 0.0 else _NO_CODE


@inline_simplified
def fill_codes(trees, x, codes, shift):
    """Write the categories in x as integers; zeros for columns of numbers."""
    for c in range(trees.columns.shape[0]):
        is_code = trees.columns[c, 1] in CATEGORIES
        for place in range(c << shift, (c + 1) << shift):
            codes[place] = ZERO
            if is_code:
                codes[place] = category_code(x[place])
