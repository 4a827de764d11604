"""Texts in Arrow buffers to their numbers in a list of known texts.

1. A text is hashed by its length and six of its bytes; where more than `_LONGEST_RUN` known texts
   would then follow one another in the table, by all of its bytes.
2. The table has open addresses, at least four for each known text, and holds numbers from 1.
3. A text is compared byte by byte with the one that its address names: a hash that agrees by
   chance does not make a known text of an unknown one.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from skwillump.kernels._arrays import frozen, frozen_fields
from skwillump.kernels._jit import inline, jit

_LONGEST_RUN = 8


class TextTable(NamedTuple):
    """Known texts: number i is ``data[starts[i]:stops[i]]``."""

    data: np.ndarray  # uint8
    starts: np.ndarray  # int64
    stops: np.ndarray  # int64
    slots: np.ndarray  # int32, a power of two of them: number plus one, zero where there is none
    all_bytes: bool  # whether hashes are of all bytes


def make_text_table(texts: Sequence[str]) -> TextTable:
    """Make the table of known texts, numbered in the order given."""
    encoded = [text.encode("utf-8", "surrogatepass") for text in texts]
    stops = np.cumsum([0, *map(len, encoded)], dtype=np.int64)
    data = np.frombuffer(b"".join(encoded) or b"?", dtype=np.uint8)
    size = 8
    while size < 4 * len(encoded):
        size *= 2
    for all_bytes in (False, True):
        slots = np.zeros(size, dtype=np.int32)
        table = TextTable(data, stops[:-1], stops[1:], slots, all_bytes)
        table = frozen_fields(table)._replace(slots=slots)
        if fill_table(*table) <= _LONGEST_RUN:
            break
    return frozen_fields(table)


@inline
def _hash(data, start, stop, all_bytes):
    factor = np.uint64(0x9E3779B97F4A7C15)
    length = stop - start
    key = np.uint64(length) * factor
    if all_bytes:
        for at in range(start, stop):
            key = (key ^ np.uint64(data[at])) * factor
            key ^= key >> np.uint64(29)
    elif length > 0:
        low = np.uint64(data[start])
        low |= np.uint64(data[start + length // 2]) << np.uint64(8)
        low |= np.uint64(data[stop - 1]) << np.uint64(16)
        low |= np.uint64(data[start + length // 4]) << np.uint64(24)
        low |= np.uint64(data[start + 3 * length // 4]) << np.uint64(32)
        low |= np.uint64(data[start + length // 8]) << np.uint64(40)
        key = (key ^ low) * factor
    return key ^ (key >> np.uint64(32))


@jit
def fill_table(data, starts, stops, slots, all_bytes):
    """Give each text an address, and return the most steps that finding one takes."""
    mask = np.uint64(len(slots) - 1)
    longest = 0
    for number in range(len(starts)):
        at = _hash(data, starts[number], stops[number], all_bytes) & mask
        steps = 1
        while slots[at] != 0:
            at = (at + np.uint64(1)) & mask
            steps += 1
        slots[at] = number + 1
        longest = max(longest, steps)
    return longest


@jit
def find_texts(data, starts, stops, known, known_starts, known_stops, slots, all_bytes, out):
    """Write the number of each text, or how many known texts there are for one that is none."""
    mask = np.uint64(len(slots) - 1)
    unknown = len(known_starts)
    for row in range(len(starts)):
        start, stop = starts[row], stops[row]
        length = stop - start
        at = _hash(data, start, stop, all_bytes) & mask
        found = unknown
        while slots[at] != 0:
            number = slots[at] - 1
            first = known_starts[number]
            if known_stops[number] - first == length:
                same = 0
                while same < length and data[start + same] == known[first + same]:
                    same += 1
                if same == length:
                    found = number
                    break
            at = (at + np.uint64(1)) & mask
        out[row] = found


def number_texts(
    data: np.ndarray, starts: np.ndarray, stops: np.ndarray, table: TextTable
) -> np.ndarray:
    """Return the number of each text in the table, as intp; the table's length if it is in none.

    Parameters
    ----------
    data : ndarray of uint8, read-only and contiguous
    starts, stops : ndarray of int64
        Text i is ``data[starts[i]:stops[i]]``.
    table : TextTable
    """
    out = np.empty(len(starts), dtype=np.intp)
    find_texts(data, frozen(starts), frozen(stops), *table, out)
    return out
