"""Integer keys to their numbers, and rows of a matrix by number.

1. Keys that lie close to one another are addresses themselves: the number of each integer between
   the least and the greatest is listed.
2. Other keys are hashed. The table has open addresses, at least two for each key. A key and its
   number lie side by side, so that finding one reads one cache line.
3. The key found at an address is compared with the one looked for.
4. Numbers come first, rows of the matrix after them: the reads of a loop do not depend on one
   another, so that the processor waits for many at once.
"""

from typing import NamedTuple

import numpy as np

from .._arrays import frozen, frozen_fields
from .._jit import inline, jit
from .._words import ONE

_LISTED_PER_KEY = 8
"""Integers between the least and the greatest key for which numbers are listed: per key, and more.
"""

_LISTED = 4096

_FACTOR_1 = np.uint64(0xBF58476D1CE4E5B9)
_FACTOR_2 = np.uint64(0x94D049BB133111EB)
_SHIFT_1 = np.uint64(30)
_SHIFT_2 = np.uint64(27)
_SHIFT_3 = np.uint64(31)


class IntegerTable(NamedTuple):
    """Known integers: number i is the i-th of them."""

    low: int  # the least one
    listed: np.ndarray  # int32: numbers of low, low + 1, ...; -1 where there is none; or empty
    slots: np.ndarray  # int64 (a power of two, 2): integer, number; or empty


def make_integer_table(integers: np.ndarray) -> IntegerTable:
    """Make the table of known integers, distinct and in ascending order, numbered as they come.

    Parameters
    ----------
    integers : ndarray of int64
        Fewer than 2**31.
    """
    listed = np.zeros(0, dtype=np.int32)
    slots = np.zeros((0, 2), dtype=np.int64)
    if not len(integers):
        return frozen_fields(IntegerTable(0, np.full(1, -1, dtype=np.int32), slots))
    low, high = int(integers[0]), int(integers[-1])
    if high - low < _LISTED_PER_KEY * len(integers) + _LISTED:
        listed = np.full(high - low + 1, -1, dtype=np.int32)
        listed[integers - low] = np.arange(len(integers), dtype=np.int32)
    else:
        size = 8
        while size < 2 * len(integers):
            size *= 2
        slots = np.full((size, 2), -1, dtype=np.int64)
        fill_slots(frozen(integers), slots)
    return frozen_fields(IntegerTable(low, listed, slots))


@inline
def _hash(key):
    # The finalizer of splitmix64: every bit of the key changes every bit of the hash.
    mixed = np.uint64(key)
    mixed = (mixed ^ (mixed >> _SHIFT_1)) * _FACTOR_1
    mixed = (mixed ^ (mixed >> _SHIFT_2)) * _FACTOR_2
    return mixed ^ (mixed >> _SHIFT_3)


@jit
def fill_slots(integers, slots):
    """Give each integer an address."""
    mask = np.uint64(len(slots) - 1)
    for number in range(len(integers)):
        at = _hash(integers[number]) & mask
        while slots[at, 1] >= 0:
            at = (at + ONE) & mask
        slots[at, 0] = integers[number]
        slots[at, 1] = number


@jit
def find_integers(keys, low, listed, slots, out):
    """Write the number of each key, -1 for one that is unknown."""
    n_listed = np.uint64(len(listed))
    if n_listed:
        for row in range(len(keys)):
            # Below the least key the difference wraps round to a large number.
            at = np.uint64(keys[row]) - np.uint64(low)
            out[row] = listed[at] if at < n_listed else -1
        return
    mask = np.uint64(len(slots) - 1)
    for row in range(len(keys)):
        key = keys[row]
        at = _hash(key) & mask
        found = slots[at, 1]
        while found >= 0 and slots[at, 0] != key:
            at = (at + ONE) & mask
            found = slots[at, 1]
        out[row] = found


@jit
def copy_rows(values, numbers, out):
    """Write the row of ``values`` of each number; the last one for -1."""
    width = values.shape[1]
    for row in range(len(numbers)):
        number = numbers[row]
        if number < 0:
            number = len(values) - 1
        for column in range(width):
            out[row, column] = values[number, column]


def number_integers(keys: np.ndarray, table: IntegerTable) -> np.ndarray:
    """Return the number of each key in the table, as intp; -1 for one that is unknown.

    Parameters
    ----------
    keys : ndarray of int64
    """
    out = np.empty(len(keys), dtype=np.intp)
    find_integers(frozen(keys), *table, out)
    return out


def rows_of(values: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """Return ``values[numbers]``, where -1 is the last row.

    Parameters
    ----------
    values : ndarray of float64 of shape (n_rows, n_columns), frozen
    numbers : ndarray of intp
    """
    out = np.empty((len(numbers), values.shape[1]))
    copy_rows(values, frozen(numbers), out)
    return out
