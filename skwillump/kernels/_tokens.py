"""The tokens of a text, and the symbol of each.

1. ``fold_text`` writes a text once more with folded characters, and marks in a bitmap which bytes
   belong to tokens.
2. Starts and ends of tokens are the places where bits change. They are read from the bitmap a
   word of 64 at a time: where a token ends is not a branch that could be mispredicted.
3. The first 16 bytes of a token, as two words, are its key. They are hashed, and compared with
   what the table holds under that hash; longer tokens are compared to their last byte.

The table has two parts, so that the one that is probed stays small: slots (part of the hash, and
the number of a token) and entries (key, length, symbol, and where the token's other bytes are).
"""

import numpy as np

from skwillump.kernels._bits import trailing_zeros
from skwillump.kernels._jit import inline, jit
from skwillump.kernels._utf8 import count_characters, decode, encode

#: Symbol of a token that is dropped before n-grams are formed.
STOP = np.uint32(0xFFFFFFFF)

_ZERO = np.uint64(0)
_ONE = np.uint64(1)
_THREE = np.uint64(3)
_SIX = np.uint64(6)
_SEVEN = np.uint64(7)
_EIGHT = np.uint64(8)
_SIXTEEN = np.uint64(16)
_HALF = np.uint64(32)
_LOWER_HALF = np.uint64(0xFFFFFFFF)
_ALL = np.uint64(0xFFFFFFFFFFFFFFFF)
_LAST_BIT = np.uint64(63)
# Odd numbers without a pattern, for multiplicative hashing.
_FACTOR_1 = np.uint64(0x9E3779B97F4A7C15)
_FACTOR_2 = np.uint64(0xD6E8FEB86659FD93)
_FACTOR_3 = np.uint64(0xA0761D6478BD642F)

#: In the table of ASCII characters: set where a character belongs to tokens.
IN_TOKEN = np.uint32(0x100)


@inline
def fold_text(text, start, stop, alphabet, folded, marks):
    """Write the folded bytes of a text, and a bit for each byte: is it part of a token?

    Returns the number of bytes written, at most three for two of the text, and whether all are
    ASCII. Bits after the last one are zero, at least one of them.
    """
    ascii_table = alphabet.ascii
    n = _ZERO
    bits = _ZERO
    is_ascii = True
    i = np.uint64(start)
    end = np.uint64(stop)
    while i < end:
        b = text[i]
        if b < 128:
            entry = ascii_table[b]
            folded[n] = entry & np.uint32(0xFF)
            bits |= np.uint64(entry >> np.uint32(8)) << (n & _LAST_BIT)
            n += _ONE
            i += _ONE
            if n & _LAST_BIT == _ZERO:
                marks[(n - _ONE) >> _SIX] = bits
                bits = _ZERO
        else:
            is_ascii = False
            code_point, width = decode(text, i)
            i += width
            wide = alphabet.fold[code_point]
            inside = np.uint64(alphabet.in_token[wide])
            n_bytes = encode(wide, folded, n)
            for _ in range(n_bytes):
                bits |= inside << (n & _LAST_BIT)
                n += _ONE
                if n & _LAST_BIT == _ZERO:
                    marks[(n - _ONE) >> _SIX] = bits
                    bits = _ZERO
    marks[n >> _SIX] = bits
    return n, is_ascii


@inline
def word_at(words, at):
    """Return the eight bytes that begin at byte ``at``, as one little-endian word."""
    shift = (at & _SEVEN) << _THREE
    k = at >> _THREE
    # Two shifts to the left: one of 64 bits has no defined result.
    return words[k] >> shift | (words[k + _ONE] << _ONE) << (_LAST_BIT - shift)


@inline
def first_bytes(word, n):
    """Keep the first ``n`` bytes of a word, from one to all eight."""
    return word & (_ALL >> (_EIGHT - min(n, _EIGHT) << _THREE))


@inline
def token_key(words, start, length):
    """Return the first and the second eight bytes of a token, and its hash."""
    first = first_bytes(word_at(words, start), length)
    second = _ZERO
    if length > _EIGHT:
        second = first_bytes(word_at(words, start + _EIGHT), length - _EIGHT)
    state = (first * _FACTOR_1) ^ ((second ^ length) * _FACTOR_2)
    if length > _SIXTEEN:
        at = _SIXTEEN
        while at < length:
            word = first_bytes(word_at(words, start + at), length - at)
            state = ((state >> _HALF) ^ state ^ word) * _FACTOR_3
            at += _EIGHT
    return first, second, (state ^ (state >> _HALF)) * _FACTOR_3


@inline
def find_token(words, start, length, alphabet):
    """Return the symbol of the token at byte ``start`` of ``words``, 0 if it is unknown."""
    slots = alphabet.token_slots
    entries = alphabet.token_entries
    number_mask = np.uint64(alphabet.number_mask)
    mask = np.uint64(len(slots) - 1)
    first, second, state = token_key(words, start, length)
    fingerprint = state & _LOWER_HALF & ~number_mask
    position = (state >> _HALF) & mask
    while True:
        slot = np.uint64(slots[position])
        if slot == _ZERO:
            return np.uint32(0)
        if slot & ~number_mask == fingerprint:
            # The hash matched: now the bytes must.
            entry = (slot & number_mask) - _ONE
            meta = entries[entry, 2]
            same = (
                (entries[entry, 0] == first)
                & (entries[entry, 1] == second)
                & (meta >> _HALF == length)
            )
            if same and length > _SIXTEEN:
                same = _same_rest(words, start, length, alphabet.token_rest, entries[entry, 3])
            if same:
                return np.uint32(meta & _LOWER_HALF)
        position = (position + _ONE) & mask


@inline
def _same_rest(words, start, length, rest, k):
    """Compare the bytes after the first 16 with the words from ``rest[k]`` on."""
    at = _SIXTEEN
    while at < length:
        if rest[k] != first_bytes(word_at(words, start + at), length - at):
            return False
        k += _ONE
        at += _EIGHT
    return True


@inline
def word_symbols(text, start, stop, alphabet, out, words, marks):
    """Write the symbol of each token that is no stop word; return how many.

    ``words`` (uint64) and ``marks`` (uint64) are scratch for the folded bytes, and for one bit
    for each of them.
    """
    folded = words.view(np.uint8)
    n_bytes, is_ascii = fold_text(text, start, stop, alphabet, folded, marks)
    shortest = np.uint64(alphabet.shortest)
    n = _ZERO
    token_start = _ZERO
    carry = _ZERO  # whether the byte before this block was in a token
    for block in range((n_bytes >> _SIX) + _ONE):
        bits = marks[block]
        # A bit for each byte that differs from the byte before: starts and ends in turn. The bit
        # after the last byte is zero, so that every token ends.
        changes = bits ^ (bits << _ONE | carry)
        inside = carry
        carry = bits >> _LAST_BIT
        while changes:
            at = block << _SIX | trailing_zeros(changes)
            changes &= changes - _ONE
            if inside == _ZERO:
                token_start = at
                inside = _ONE
                continue
            inside = _ZERO
            length = at - token_start
            if length < shortest:
                continue
            if not is_ascii and count_characters(folded, token_start, at) < alphabet.shortest:
                continue
            symbol = find_token(words, token_start, length, alphabet)
            out[n] = symbol
            n += np.uint64(symbol != STOP)
    return np.int64(n)


@jit
def fill_token_table(token_bytes, offsets, symbols, number_mask, slots, entries, rest):
    """Enter every token into the table that ``find_token`` reads.

    ``rest`` receives the bytes after the first 16 of each token, a word for eight.
    """
    longest = 0
    for token in range(len(symbols)):
        longest = max(longest, offsets[token + 1] - offsets[token])
    words = np.zeros(longest // 8 + 3, dtype=np.uint64)
    buffer = words.view(np.uint8)
    mask = np.uint64(len(slots) - 1)
    n_rest = _ZERO
    for token in range(len(symbols)):
        length = np.uint64(offsets[token + 1] - offsets[token])
        for i in range(length):
            buffer[i] = token_bytes[np.uint64(offsets[token]) + i]
        first, second, state = token_key(words, _ZERO, length)
        entries[token, 0] = first
        entries[token, 1] = second
        entries[token, 2] = length << _HALF | np.uint64(symbols[token])
        entries[token, 3] = n_rest
        at = _SIXTEEN
        while at < length:
            rest[n_rest] = first_bytes(word_at(words, at), length - at)
            n_rest += _ONE
            at += _EIGHT
        position = (state >> _HALF) & mask
        while slots[position] != 0:
            position = (position + _ONE) & mask
        fingerprint = state & _LOWER_HALF & ~np.uint64(number_mask)
        slots[position] = fingerprint | np.uint64(token + 1)
