"""Texts in Arrow buffers to their numbers in a list of known texts.

1. A text is read as its first and its last eight bytes; shorter ones as one word filled up with
   zeros. With the length these are all of a text of at most 16 bytes.
2. They are hashed; where more than `_LONGEST_RUN` known texts would then follow one another in
   the table, the bytes between are hashed too.
3. The table has open addresses, at least four for each known text, and holds numbers from 1.
4. A text is compared with the one that its address names: a hash that agrees by chance does not
   make a known text of an unknown one.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from skwillump.kernels._arrays import frozen, frozen_fields, line_aligned
from skwillump.kernels._bits import load_word
from skwillump.kernels._jit import inline, jit

_LONGEST_RUN = 8

#: Texts that are looked for at the same time.
_TEXTS = 64

#: Columns of a table's records.
_FIRST, _LAST, _START, _LENGTH = range(4)
_N_FIELDS = 4

_FACTOR_1 = np.uint64(0x9E3779B97F4A7C15)
_FACTOR_2 = np.uint64(0xC2B2AE3D27D4EB4F)
_FACTOR_3 = np.uint64(0xD6E8FEB86659FD93)
_ONE = np.uint64(1)
_HALF = np.uint64(32)


class TextTable(NamedTuple):
    """Known texts.

    What is asked of a text lies in one line of the cache: its first eight bytes (or all of them),
    its last eight, where it starts and how many bytes it has.
    """

    data: np.ndarray  # uint8
    records: np.ndarray  # uint64 (n_texts, 4)
    slots: np.ndarray  # int32, a power of two of them: number plus one, zero where there is none
    all_bytes: bool  # whether hashes are of all bytes


def make_text_table(texts: Sequence[str]) -> TextTable:
    """Make the table of known texts, numbered in the order given."""
    encoded = [text.encode("utf-8", "surrogatepass") for text in texts]
    stops = np.cumsum([0, *map(len, encoded)], dtype=np.int64)
    data = frozen(np.frombuffer(b"".join(encoded) or b"?", dtype=np.uint8))
    records = np.zeros((len(encoded), _N_FIELDS), dtype=np.uint64)
    records[:, _START] = stops[:-1]
    records[:, _LENGTH] = np.diff(stops)
    size = 8
    while size < 4 * len(encoded):
        size *= 2
    for all_bytes in (False, True):
        slots = np.zeros(size, dtype=np.int32)
        longest = fill_table(data, records, slots, all_bytes)
        if longest <= _LONGEST_RUN:
            break
    return frozen_fields(TextTable(data, line_aligned(records), slots, all_bytes))


@inline
def _ends(data, start, length):
    """Return the first and the last eight bytes."""
    if length >= 8:
        return load_word(data, np.uint64(start)), load_word(data, np.uint64(start + length - 8))
    word = np.uint64(0)
    if start + 8 <= len(data):
        # The bytes after the text belong to the next one.
        word = load_word(data, np.uint64(start)) & ((_ONE << np.uint64(8 * length)) - _ONE)
    else:
        for at in range(length):
            word |= np.uint64(data[start + at]) << np.uint64(8 * at)
    return word, np.uint64(0)


@inline
def _hash(data, start, length, first, last, all_bytes):
    key = (first * _FACTOR_1) ^ ((last ^ np.uint64(length)) * _FACTOR_2)
    if all_bytes:
        at = 8
        while at < length - 8:
            key = (key ^ (key >> _HALF) ^ load_word(data, np.uint64(start + at))) * _FACTOR_3
            at += 8
    return ((key ^ (key >> _HALF)) * _FACTOR_3) >> _HALF


@inline
def _same_between(data, start, known, known_start, length):
    """Tell whether two texts of one length are the same between their ends."""
    at = 8
    while at < length - 8:
        if load_word(data, np.uint64(start + at)) != load_word(known, np.uint64(known_start + at)):
            return False
        at += 8
    return True


@jit
def fill_table(data, records, slots, all_bytes):
    """Give each text an address, and return the most steps that finding one takes."""
    mask = np.uint64(len(slots) - 1)
    longest = 0
    for number in range(len(records)):
        start = np.int64(records[number, _START])
        length = np.int64(records[number, _LENGTH])
        first, last = _ends(data, start, length)
        records[number, _FIRST], records[number, _LAST] = first, last
        at = _hash(data, start, length, first, last, all_bytes) & mask
        steps = 1
        while slots[at] != 0:
            at = (at + _ONE) & mask
            steps += 1
        slots[at] = number + 1
        longest = max(longest, steps)
    return longest


@inline
def _same_record(records, number, first, last, length):
    """Tell whether the ends and the length of a text are those of a known one."""
    return (
        (records[number, _FIRST] == first)
        & (records[number, _LAST] == last)
        & (records[number, _LENGTH] == np.uint64(length))
    )


@jit
def find_texts(data, starts, stops, known, records, slots, all_bytes, out):
    """Write the number of each text, or how many known texts there are for one that is none.

    Each step is done for many texts before the next one: the reads of a step do not depend on one
    another, so that the processor waits for many at once.
    """
    mask = np.uint64(len(slots) - 1)
    unknown = len(records)
    if unknown == 0:
        out[:] = unknown
        return
    ends = np.empty((_TEXTS, 2), dtype=np.uint64)
    places = np.empty(_TEXTS, dtype=np.uint64)
    numbers = np.empty(_TEXTS, dtype=np.int64)
    known_starts = np.empty(_TEXTS, dtype=np.int64)
    for begin in range(0, len(starts), _TEXTS):
        n_texts = min(_TEXTS, len(starts) - begin)
        for i in range(n_texts):
            start = starts[begin + i]
            length = stops[begin + i] - start
            first, last = _ends(data, start, length)
            ends[i, 0], ends[i, 1] = first, last
            places[i] = _hash(data, start, length, first, last, all_bytes) & mask
        for i in range(n_texts):
            numbers[i] = slots[places[i]] - 1
        for i in range(n_texts):
            length = stops[begin + i] - starts[begin + i]
            # Where the first address is empty, any record will do: -1 is that of the last one.
            same = _same_record(records, numbers[i], ends[i, 0], ends[i, 1], length)
            known_starts[i] = np.int64(records[numbers[i], _START]) if same else -1
        for i in range(n_texts):
            start = starts[begin + i]
            length = stops[begin + i] - start
            number, at, known_start = numbers[i], places[i], known_starts[i]
            while number >= 0 and not (
                known_start >= 0
                and (length <= 16 or _same_between(data, start, known, known_start, length))
            ):
                at = (at + _ONE) & mask
                number = np.int64(slots[at]) - 1
                same = _same_record(records, number, ends[i, 0], ends[i, 1], length)
                known_start = np.int64(records[number, _START]) if same else -1
            out[begin + i] = number if number >= 0 else unknown


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
