"""Texts in Arrow buffers to their numbers in a list of known texts.

1. A text is read as its first and its last eight bytes; shorter ones as one word filled up with
   zeros.
2. They are hashed; where more than `_LONGEST_RUN` known texts would then follow one another in
   the table, the bytes between are hashed too.
3. The table has open addresses, at least four for each known text, and holds numbers from 1.
4. A text is compared with the one that its address names: a hash that agrees by chance does not
   make a known text of an unknown one. The first bytes of a known text lie beside its length, in
   one line of the cache, and are compared at once.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from .._arrays import frozen, frozen_fields, line_aligned
from .._bits import equal_bytes, load_word
from .._jit import inline, jit
from .._room import room
from .._words import EIGHT, HALF, ONE, WORD_BITS, ZERO

_LONGEST_RUN = 8

_TEXTS = 64
"""Texts that are looked for at the same time."""

_SMALL, _LARGE = 32, 64
"""Bytes of a record: those of a text, then in words of eight its length and where its other bytes
are."""

_FIELDS = 16

_FACTOR_1 = np.uint64(0x9E3779B97F4A7C15)
_FACTOR_2 = np.uint64(0xC2B2AE3D27D4EB4F)
_FACTOR_3 = np.uint64(0xD6E8FEB86659FD93)


class TextTable(NamedTuple):
    """Known texts."""

    n_texts: int
    records: np.ndarray  # uint8, as `_FIELDS` says; one more that is no text's, and 64 bytes
    width: int  # bytes of a record
    rest: np.ndarray  # uint8: what the records do not hold of long texts
    slots: np.ndarray  # int32, a power of two of them: number plus one, zero where there is none
    all_bytes: bool  # whether hashes are of all bytes


def make_text_table(texts: Sequence[str]) -> TextTable:
    """Make the table of known texts, numbered in the order given."""
    encoded = [text.encode("utf-8", "surrogatepass") for text in texts]
    lengths = np.array([len(text) for text in encoded], dtype=np.int64)
    stops = np.cumsum(lengths)
    width = _SMALL if not len(texts) or lengths.max() <= _SMALL - _FIELDS else _LARGE
    n_inside = width - _FIELDS
    n_rest = np.maximum(lengths - n_inside, 0)
    records = np.zeros((len(texts) + 1, width), dtype=np.uint8)
    fields = records[:, n_inside:].view(np.int64)
    fields[:-1, 0] = lengths
    fields[:-1, 1] = np.cumsum(n_rest) - n_rest
    fields[-1] = -1
    inside = b"".join([text[:n_inside].ljust(n_inside, b"\0") for text in encoded])
    records[:-1, :n_inside] = np.frombuffer(inside, dtype=np.uint8).reshape(-1, n_inside)
    records = line_aligned(np.concatenate((records.ravel(), np.zeros(64, dtype=np.uint8))))
    rest = b"".join([text[n_inside:] for text in encoded])
    size = 8
    while size < 4 * len(texts):
        size *= 2
    data = frozen(np.frombuffer(b"".join(encoded), dtype=np.uint8))
    for all_bytes in (False, True):
        slots = np.zeros(size, dtype=np.int32)
        longest = fill_table(data, frozen(stops - lengths), frozen(stops), slots, all_bytes)
        if longest <= _LONGEST_RUN:
            break
    rest_bytes = np.frombuffer(rest, dtype=np.uint8)
    return frozen_fields(
        TextTable(
            n_texts=len(texts),
            records=records,
            width=width,
            rest=rest_bytes,
            slots=slots,
            all_bytes=all_bytes,
        )
    )


@inline
def _ends(data, start, length):
    """Return the first and the last eight bytes."""
    if length >= 8:
        return load_word(data, np.uint64(start)), load_word(data, np.uint64(start + length - 8))
    word = ZERO
    if start + 8 <= len(data):
        # The bytes after the text belong to the next one.
        word = load_word(data, np.uint64(start)) & ((ONE << np.uint64(8 * length)) - ONE)
    else:
        for at in range(length):
            word |= np.uint64(data[start + at]) << np.uint64(8 * at)
    return word, ZERO


@inline
def _hash(data, start, length, first, last, all_bytes):
    key = (first * _FACTOR_1) ^ ((last ^ np.uint64(length)) * _FACTOR_2)
    if all_bytes:
        at = 8
        while at < length - 8:
            key = (key ^ (key >> HALF) ^ load_word(data, np.uint64(start + at))) * _FACTOR_3
            at += 8
    return ((key ^ (key >> HALF)) * _FACTOR_3) >> HALF


@jit
def fill_table(data, starts, stops, slots, all_bytes):
    """Give each text an address, and return the most steps that finding one takes."""
    mask = np.uint64(len(slots) - 1)
    longest = 0
    for number in range(len(starts)):
        start = starts[number]
        length = stops[number] - start
        first, last = _ends(data, start, length)
        at = _hash(data, start, length, first, last, all_bytes) & mask
        steps = 1
        while slots[at] != 0:
            at = (at + ONE) & mask
            steps += 1
        slots[at] = number + 1
        longest = steps if steps > longest else longest
    return longest


@inline
def _same_record(data, start, length, records, place, n_inside):
    """Tell whether a text has the length and the first bytes of the record at a place."""
    n_compared = length if length < n_inside else n_inside
    if start + WORD_BITS <= np.uint64(len(data)):
        equal = equal_bytes(data, start, records, place)
    else:
        # At the end of the buffer: byte by byte.
        equal = ZERO
        for k in range(n_compared):
            equal |= np.uint64(data[start + k] == records[place + k]) << k
    # Fewer than 64 bits: a record holds less than 64 bytes of a text.
    differ = ~equal & ((ONE << n_compared) - ONE)
    return (differ == ZERO) & (load_word(records, place + n_inside) == length)


@inline
def _same_rest(data, start, length, records, place, n_inside, rest):
    """Tell whether the bytes of a text that its record does not hold are the same."""
    at = load_word(records, place + n_inside + EIGHT)
    for k in range(n_inside, length):
        if data[start + k] != rest[at]:
            return False
        at += ONE
    return True


@jit
def find_texts(data, starts, stops, n_texts, records, width, rest, slots, all_bytes, unknown, out):
    """Write the number of each text, or ``unknown`` for one that is none of the known ones.

    Each step is done for many texts before the next one: the reads of a step do not depend on one
    another, so that the processor waits for many at once.
    """
    mask = np.uint64(len(slots) - 1)
    size = np.uint64(width)
    n_inside = np.uint64(width - _FIELDS)
    places = room(_TEXTS, np.uint64)
    numbers = room(_TEXTS, np.int64)
    same = room(_TEXTS, np.bool_)
    for begin in range(0, len(starts), _TEXTS):
        n = _TEXTS if begin + _TEXTS <= len(starts) else len(starts) - begin
        for i in range(n):
            start = starts[begin + i]
            length = stops[begin + i] - start
            first, last = _ends(data, start, length)
            places[i] = _hash(data, start, length, first, last, all_bytes) & mask
        for i in range(n):
            numbers[i] = slots[places[i]] - 1
        for i in range(n):
            start = np.uint64(starts[begin + i])
            length = np.uint64(stops[begin + i]) - start
            # Where the first address is empty, the record is that of no text, the last one.
            place = np.uint64(numbers[i] if numbers[i] >= 0 else n_texts) * size
            same[i] = _same_record(data, start, length, records, place, n_inside)
        for i in range(n):
            number = numbers[i]
            if number < 0 or not same[i] or stops[begin + i] - starts[begin + i] > n_inside:
                start = np.uint64(starts[begin + i])
                length = np.uint64(stops[begin + i]) - start
                at = places[i]
                while number >= 0:
                    place = np.uint64(number) * size
                    if _same_record(data, start, length, records, place, n_inside) and _same_rest(
                        data, start, length, records, place, n_inside, rest
                    ):
                        break
                    at = (at + ONE) & mask
                    number = np.int64(slots[at]) - 1
            out[begin + i] = number if number >= 0 else unknown


def number_texts(
    data: np.ndarray,
    starts: np.ndarray,
    stops: np.ndarray,
    table: TextTable,
    unknown: int | None = None,
) -> np.ndarray:
    """Return the number of each text in the table, as intp.

    Parameters
    ----------
    data : ndarray of uint8, read-only and contiguous
    starts, stops : ndarray of int64
        Text i is ``data[starts[i]:stops[i]]``.
    unknown : int, optional
        What stands for a text that is none of the table's; by default how many those are.
    """
    if unknown is None:
        unknown = table.n_texts
    out = np.empty(len(starts), dtype=np.intp)
    find_texts(data, frozen(starts), frozen(stops), *table, unknown, out)
    return out
