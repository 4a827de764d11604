"""Texts to the rows of a hashed matrix: every n-gram counts in the column that its hash names.

1. A text is written once more as *units* (folded characters, or tokens with a blank between), so
   that every n-gram is one stretch of its bytes. A group of units is a whole text, or with
   ``char_wb`` one padded word; no n-gram crosses its border.
2. The 32-bit MurmurHash3 of those bytes gives column and sign, as scikit-learn's hasher has it.
3. A row's columns are put in order by a radix sort, and equal ones are added up.
"""

import numpy as np

from .._bits import greater, lesser
from .._jit import inline, inline_allocating, jit
from .._room import room
from .._words import ONE, ZERO
from ._counts import CHAR_WB, WORD
from ._tokens import STOP, find_token, fold_text
from ._utf8 import count_characters, decode, encode


@inline
def _rotate(x, n):
    return np.uint32((x << np.uint32(n)) | (x >> np.uint32(32 - n)))


@inline
def murmur3(data, start, stop):
    """Return the 32-bit MurmurHash3 (x86, seed 0) of ``data[start:stop]`` as uint32."""
    c1 = np.uint32(0xCC9E2D51)
    c2 = np.uint32(0x1B873593)
    h = np.uint32(0)
    n_blocks = (stop - start) // 4
    for block in range(n_blocks):
        at = start + 4 * block
        k = np.uint32(
            np.uint32(data[at])
            | np.uint32(data[at + 1]) << np.uint32(8)
            | np.uint32(data[at + 2]) << np.uint32(16)
            | np.uint32(data[at + 3]) << np.uint32(24)
        )
        k = np.uint32(k * c1)
        k = np.uint32(_rotate(k, 15) * c2)
        h = _rotate(np.uint32(h ^ k), 13)
        h = np.uint32(h * np.uint32(5) + np.uint32(0xE6546B64))
    k = np.uint32(0)
    for at in range(stop - 1, start + 4 * n_blocks - 1, -1):
        k = np.uint32(k << np.uint32(8) | np.uint32(data[at]))
    if k:
        k = np.uint32(k * c1)
        h = np.uint32(h ^ np.uint32(_rotate(k, 15) * c2))
    h = np.uint32(h ^ np.uint32(stop - start))
    h = np.uint32(h ^ (h >> np.uint32(16)))
    h = np.uint32(h * np.uint32(0x85EBCA6B))
    h = np.uint32(h ^ (h >> np.uint32(13)))
    h = np.uint32(h * np.uint32(0xC2B2AE35))
    return np.uint32(h ^ (h >> np.uint32(16)))


@inline
def _character_units(text, start, stop, alphabet, padded, data, begins, ends, groups):
    """Write folded characters; return the number of units and of groups."""
    n_bytes = ZERO
    n_units = 0
    n_groups = 0
    after_space = False
    i = np.uint64(start)
    while i < stop:
        code_point = np.int64(text[i])
        width = ONE
        if code_point >= 128:
            code_point, width = decode(text, i)
        i += width
        is_space = alphabet.kind[code_point] != 0
        if padded:
            if is_space:
                if after_space:  # of a word, which ends here
                    begins[n_units] = n_bytes
                    data[n_bytes] = 32
                    n_bytes += ONE
                    ends[n_units] = n_bytes
                    n_units += 1
                    groups[n_groups] = n_units
                    n_groups += 1
                after_space = False  # here: whether inside a word
                continue
            if not after_space:
                begins[n_units] = n_bytes
                data[n_bytes] = 32
                n_bytes += ONE
                ends[n_units] = n_bytes
                n_units += 1
                after_space = True
        elif is_space and after_space:
            # The run becomes one blank in the place of its first character.
            n_units -= 1
            n_bytes = np.uint64(begins[n_units])
            code_point = np.int64(32)
        else:
            after_space = is_space
        begins[n_units] = n_bytes
        n_bytes += encode(np.int64(alphabet.fold[code_point]), data, n_bytes)
        ends[n_units] = n_bytes
        n_units += 1
    if padded:
        if after_space:
            begins[n_units] = n_bytes
            data[n_bytes] = 32
            ends[n_units] = n_bytes + ONE
            n_units += 1
            groups[n_groups] = n_units
            n_groups += 1
    else:
        groups[0] = n_units
        n_groups = 1
    return n_units, n_groups


@inline
def _word_units(text, start, stop, alphabet, folded, marks, data, begins, ends, groups):
    """Write tokens that are no stop words, a blank between; return units and groups."""
    n_bytes, is_ascii = fold_text(text, start, stop, alphabet, folded, marks, ZERO)
    n_out = 0
    n_units = 0
    token_start = -1
    for at in range(np.int64(n_bytes) + 1):
        # The bit after the last byte is zero.
        inside = (marks[at >> 6] >> np.uint64(at & 63)) & ONE
        if inside and token_start < 0:
            token_start = at
        elif not inside and token_start >= 0:
            length = at - token_start
            n_characters = length if is_ascii else count_characters(folded, token_start, at)
            if n_characters >= alphabet.shortest and (
                alphabet.n_tokens == 0
                or find_token(folded, np.uint64(token_start), np.uint64(length), alphabet) != STOP
            ):
                begins[n_units] = n_out
                for k in range(token_start, at):
                    data[n_out] = folded[k]
                    n_out += 1
                ends[n_units] = n_out
                n_units += 1
                data[n_out] = 32
                n_out += 1
            token_start = -1
    groups[0] = n_units
    return n_units, 1


@inline_allocating
def _sort(keys, other, n, n_bits):
    """Sort ``keys[:n]`` by their lower bits; return the array that holds the result."""
    if n <= 32:
        for i in range(1, n):
            key = keys[i]
            k = i
            while k > 0 and keys[k - 1] > key:
                keys[k] = keys[k - 1]
                k -= 1
            keys[k] = key
        return keys
    ends = room(257, np.int64)
    for shift in range(0, n_bits, 8):
        for digit in range(257):
            ends[digit] = 0
        for i in range(n):
            ends[((keys[i] >> np.uint32(shift)) & np.uint32(255)) + 1] += 1
        for digit in range(256):
            ends[digit + 1] += ends[digit]
        for i in range(n):
            digit = (keys[i] >> np.uint32(shift)) & np.uint32(255)
            other[ends[digit]] = keys[i]
            ends[digit] += 1
        keys, other = other, keys
    return keys


@jit
def hash_texts(
    text, starts, stops, alphabet, ngrams, n_features, signed, row_stops, n_before, indices, data
):
    """Write each text's row of hashed counts, columns in ascending order.

    Parameters
    ----------
    text, starts, stops, alphabet, ngrams
        As for the texts of a vocabulary. A word alphabet holds stop words only.
    n_features : int
        Number of columns.
    signed : bool
        Whether half of the hashes count negatively.
    row_stops : int64 array of shape (n_rows,)
        Receives where each row ends in ``indices``.
    n_before : int
        Number of values that are there already.
    indices : int32 array
    data : float64 array

    Returns
    -------
    int
        Number of rows written. Fewer than there are if ``indices`` is too short: the caller
        makes it longer and calls again with the rows that are left.
    """
    longest = 0
    for row in range(len(starts)):
        longest = greater(longest, stops[row] - starts[row])
    most_units = 3 * longest + 4
    buffer = room(3 * longest + 16, np.uint8)
    begins = room(most_units, np.int64)
    ends = room(most_units, np.int64)
    groups = room(longest + 2, np.int64)
    folded = room(longest * 3 // 2 + 128, np.uint8)
    marks = room(len(folded) // 64 + 2, np.uint64)
    keys = room(1024, np.uint32)
    other = room(1024, np.uint32)
    n_bits = 1
    while (2 * n_features) >> n_bits:
        n_bits += 1
    n = n_before
    for row in range(len(starts)):
        if ngrams.analyzer == WORD:
            n_units, n_groups = _word_units(
                text, starts[row], stops[row], alphabet, folded, marks, buffer, begins, ends, groups
            )
        else:
            n_units, n_groups = _character_units(
                text,
                starts[row],
                stops[row],
                alphabet,
                ngrams.analyzer == CHAR_WB,
                buffer,
                begins,
                ends,
                groups,
            )
        n_keys = 0
        bound = n_units * (ngrams.max_n - ngrams.min_n + 1) + n_groups
        if bound > len(keys):
            keys = room(2 * bound, np.uint32)
            other = room(2 * bound, np.uint32)
        first = 0
        for group in range(n_groups):
            last = groups[group]
            # A padded word that is too short is an n-gram as a whole.
            least = ngrams.min_n
            if ngrams.analyzer == CHAR_WB:
                least = lesser(least, last - first)
            for length in range(least, greater(ngrams.max_n, least) + 1):
                for i in range(first, last - length + 1):
                    value = murmur3(buffer, begins[i], ends[i + length - 1])
                    h = np.int64(np.int32(value))
                    column = (abs(h) if h != -2147483648 else 2147483648 - n_features) % n_features
                    keys[n_keys] = np.uint32(2 * column + (1 if h < 0 else 0))
                    n_keys += 1
                if length >= last - first:
                    break
            first = last
        if n + n_keys > len(indices):
            return row
        ordered = _sort(keys, other, n_keys, n_bits)
        k = 0
        while k < n_keys:
            column = np.int64(ordered[k] >> np.uint32(1))
            total = 0.0
            while k < n_keys and np.int64(ordered[k] >> np.uint32(1)) == column:
                negative = signed and ordered[k] & np.uint32(1)
                total += -1.0 if negative else 1.0
                k += 1
            indices[n] = column
            data[n] = total
            n += 1
        row_stops[row] = n
    return len(starts)
