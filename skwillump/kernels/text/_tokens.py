"""The tokens of a text, and the symbol of each.

1. ``fold_text`` writes a text once more with folded characters, and marks in a bitmap which bytes
   belong to tokens. ASCII is read 64 bytes at a time: the bytes of tokens are a few ranges.
2. Starts and ends of tokens are the places where bits change. They are read from the bitmap a
   word of 64 at a time: where a token ends is not a branch that could be mispredicted.
3. The bytes of a token of up to 15, and its length, are two words: its key. Keys are compared
   with those of a bucket of three, which lies in one cache line together with their symbols. All
   keys of a block are made first, and the lines asked for, so that they are waited for together.
   Longer tokens have a table of their own and are compared to their last byte.

Each step is done for all texts of a block before the next one, so that the look-up of one token
does not wait for another.

A bucket is eight words of 64 bits: the first words of three keys, the symbols of the first two
tokens, the second words of the keys, the symbol of the third token, and one for all that are not
there: 0, or a mark that tokens which belong there had to go to the next bucket.
"""

import numpy as np

from .._bits import (
    bits_in_range,
    equal_words,
    greater,
    lesser,
    load_word,
    lower_block,
    prefetch,
    trailing_zeros,
)
from .._jit import inline, inline_allocating
from .._room import room, unlocked
from .._words import (
    ALL_BITS,
    EIGHT,
    FIVE,
    FOUR,
    HALF,
    LAST_BIT,
    LOWER_HALF,
    ONE,
    SIX,
    SIXTEEN,
    THREE,
    TWO,
    WORD_BITS,
    ZERO,
)
from ._order import write_ones
from ._utf8 import count_characters, decode, encode

STOP = np.uint32(0xFFFFFFFF)
"""Symbol of a token that is dropped before n-grams are formed."""

ELSEWHERE = np.uint64(0xFFFFFFFE)
"""In place of the symbol of a token that may be in the next bucket."""

_SHORT = np.uint64(15)
_LENGTH_BITS = np.uint64(56)
FACTOR_1 = np.uint64(0x9E3779B97F4A7C15)
FACTOR_2 = np.uint64(0xD6E8FEB86659FD93)
FACTOR_3 = np.uint64(0xA0761D6478BD642F)
"""Odd numbers without a pattern, for multiplicative hashing."""

_UPPER_A = np.uint64(ord("A"))

SHORT = int(_SHORT)
"""Most bytes of a token that goes into a bucket."""

_KEPT = np.repeat(np.array([0xFF, 0], dtype=np.uint8), 16)
"""Masks of the first n of 16 bytes begin at 16 - n."""

_BLOCK_BYTES = 1 << 13
"""Bytes of the texts that are looked at together: enough for some hundred tokens, little enough to
stay in the first cache."""


@inline
def fold_text(text, start, stop, alphabet, folded, marks, first):
    """Write the folded bytes of a text, and a bit for each byte: is it part of a token?

    Parameters
    ----------
    text : uint8 array
    start, stop : int
    alphabet : Alphabet
    folded : uint8 array
        Receives the bytes from ``first`` on: at most three for two of the text, and then up to 64
        more without a meaning.
    marks : uint64 array
        Receives the bits. Those after the last one are zero, at least one of them.
    first : uint64
        A multiple of 64.

    Returns
    -------
    n : uint64
        Where the folded bytes end.
    is_ascii : bool
    """
    data = unlocked(text)
    ranges = alphabet.ranges
    n_letters = np.uint64(alphabet.n_letters)
    n = first
    marks[n >> SIX] = ZERO
    is_ascii = True
    i = np.uint64(start)
    end = np.uint64(stop)
    size = np.uint64(len(text))
    while i < end:
        if i + WORD_BITS <= size:
            n_ascii = _fold_block(data, i, end - i, ranges, n_letters, folded, n, marks)
        else:
            # The last bytes of all: a block would end after them.
            for k in range(size - i):
                folded[n + k] = text[i + k]
            n_ascii = _fold_block(folded, n, end - i, ranges, n_letters, folded, n, marks)
        i += n_ascii
        n += n_ascii
        while i < end and text[i] >= 128:
            is_ascii = False
            code_point, width = decode(text, i)
            wide = alphabet.fold[code_point]
            n_bytes = encode(wide, folded, n)
            inside = np.uint64(alphabet.kind[wide])
            _put_marks(marks, n, (inside << n_bytes) - inside)
            i += width
            n += n_bytes
    return n, is_ascii


@inline
def _fold_block(data, at, n_left, ranges, n_letters, folded, n, marks):
    """Fold up to 64 bytes, as far as they are ASCII; return how many those are."""
    wide = bits_in_range(data, at, np.uint64(128), np.uint64(128))
    n_ascii = lesser(trailing_zeros(wide), n_left)
    bits = ZERO
    for k in range(len(ranges)):
        bits |= bits_in_range(data, at, np.uint64(ranges[k, 0]), np.uint64(ranges[k, 1]))
    lower_block(data, at, folded, n, _UPPER_A, n_letters)
    # Two shifts: one of 64 bits has no defined result.
    half = n_ascii >> ONE
    kept = (ONE << half << (n_ascii - half)) - ONE
    _put_marks(marks, n, bits & kept)
    return n_ascii


@inline
def _put_marks(marks, n, bits):
    """Write 64 bits from bit ``n`` on; the bits before it stay."""
    shift = n & LAST_BIT
    k = n >> SIX
    marks[k] = (marks[k] & ((ONE << shift) - ONE)) | bits << shift
    marks[k + ONE] = bits >> ONE >> (LAST_BIT - shift)


@inline
def first_bytes(word, n):
    """Keep the first ``n`` bytes of a word, at most all eight."""
    half = lesser(n, EIGHT) << TWO
    # Two shifts: one of 64 bits has no defined result.
    return word & ~(ALL_BITS << half << half)


@inline
def first_words(folded, start, length):
    """Return the first 16 bytes of a token as two words, zeros after its end.

    At least 16 bytes from ``start`` on are read, also those after the token.
    """
    place = SIXTEEN - lesser(length, SIXTEEN)
    first = load_word(folded, start) & load_word(_KEPT, place)
    return first, load_word(folded, start + EIGHT) & load_word(_KEPT, place + EIGHT)


@inline
def token_key(folded, start, length):
    """Return two words that only this token has among those of up to `SHORT` bytes.

    The second word is not zero.
    """
    first, second = first_words(folded, start, length)
    return first, second | length << _LENGTH_BITS


@inline
def bucket_of(first, second, alphabet):
    """Return where the bucket of a key begins."""
    mixed = (first * FACTOR_1) ^ (second * FACTOR_2)
    return ((mixed ^ mixed << HALF) * FACTOR_3) >> np.uint64(alphabet.bucket_shift) << THREE


@inline
def symbol_in(buckets, at, first, second):
    """Return the symbol of a key in a bucket, without a branch.

    Where the key is not there that is 0, or `ELSEWHERE` if it may be in the next bucket.
    """
    equal = equal_words(buckets, at, first, second)
    place = trailing_zeros(equal & (equal >> FOUR) | EIGHT)
    pair = buckets[at + THREE + (place & TWO) * TWO]
    return pair >> ((place & ONE) << FIVE) & LOWER_HALF


@inline
def find_token(folded, start, length, alphabet):
    """Return the symbol of the token at byte ``start`` of ``folded``, 0 if it is unknown."""
    if length > _SHORT:
        return _find_long(folded, start, length, alphabet)
    first, second = token_key(folded, start, length)
    at = bucket_of(first, second, alphabet)
    symbol = symbol_in(alphabet.buckets, at, first, second)
    while symbol == ELSEWHERE:
        at = (at + EIGHT) & np.uint64(len(alphabet.buckets) - 1)
        symbol = symbol_in(alphabet.buckets, at, first, second)
    return np.uint32(symbol)


@inline
def _find_long(folded, start, length, alphabet):
    slots = alphabet.long_slots
    entries = alphabet.long_entries
    state = _hash_words(folded, start, length)
    position = state & np.uint64(len(slots) - 1)
    while slots[position]:
        number = np.uint64(slots[position])
        # Where the hash matches, the bytes must.
        if (
            entries[number, ZERO] == state
            and entries[number, ONE] >> HALF == length
            and _same_words(folded, start, length, alphabet.long_words, entries[number, TWO])
        ):
            return np.uint32(entries[number, ONE] & LOWER_HALF)
        position = (position + ONE) & np.uint64(len(slots) - 1)
    return np.uint32(0)


@inline
def _hash_words(folded, start, length):
    state = length
    at = ZERO
    while at < length:
        word = first_bytes(load_word(folded, start + at), length - at)
        state = ((state >> HALF) ^ state ^ word) * FACTOR_3
        at += EIGHT
    return state ^ state >> HALF


@inline
def _same_words(folded, start, length, words, k):
    """Compare a token's bytes with the words from ``words[k]`` on."""
    at = ZERO
    while at < length:
        if words[k] != first_bytes(load_word(folded, start + at), length - at):
            return False
        k += ONE
        at += EIGHT
    return True


@inline_allocating
def make_token_scratch(starts, stops):
    """Allocate working arrays for blocks of texts, of which the longest is a block by itself."""
    longest = total = 0
    for row in range(len(starts)):
        longest = greater(longest, stops[row] - starts[row])
        total += _room_of(starts[row], stops[row])
    # Every text begins at a multiple of 64. The bytes after the last one are written or read.
    size = greater(lesser(total, _BLOCK_BYTES), _room_of(0, longest))
    folded = room(size + 128, np.uint8)
    marks = room(size // 64 + 2, np.uint64)
    # A token has one byte at least, and another one follows it.
    token_starts = room(size // 2 + 5, np.uint32)
    token_stops = room(size // 2 + 5, np.uint32)
    still_open = room(size // 2 + 5, np.uint32)
    symbols = room(size // 2 + 5, np.uint32)
    keys = room(2 * (size // 2 + 5), np.uint64)
    places = room(size // 2 + 5, np.uint32)
    wide_rows = room(size // 64 + 1, np.int64)
    ends = room(size // 64 + 1, np.int64)
    work = folded, marks, token_starts, token_stops, keys, places, still_open, wide_rows
    return work, symbols, ends


@inline
def _room_of(start, stop):
    """Return how many bytes a text takes in a block: folding lengthens it by half at most."""
    return ((stop - start) * 3 // 2 + 64) & ~63


@inline
def block_tokens(text, starts, stops, begin, alphabet, scratch):
    """Find the tokens of as many texts as a block holds, from ``begin`` on.

    Parameters
    ----------
    text : uint8 array
    starts, stops : int64 arrays of shape (n_rows,)
    begin : int
    alphabet : Alphabet or Characters
    scratch : tuple
        From `make_token_scratch`: receives the folded bytes, where each token starts and stops,
        and for each text where the tokens of the next one begin.

    Returns
    -------
    row : int
        Where the next block begins.
    n_tokens : uint64
    n_wide : int
        How many texts are not ASCII; which ones, from ``begin`` on, is in the scratch.
    """
    work, _, ends = scratch
    folded, marks, token_starts, token_stops, _, _, _, wide_rows = work
    size = len(folded) - 128
    # 1. Characters of all texts.
    n_bytes = ZERO
    n_wide = 0
    row = begin
    while row < len(starts) and np.int64(n_bytes) + _room_of(starts[row], stops[row]) <= size:
        n_bytes, is_ascii = fold_text(
            text, starts[row], stops[row], alphabet, folded, marks, n_bytes
        )
        wide_rows[n_wide] = row - begin
        n_wide += not is_ascii
        n_bytes = ((n_bytes >> SIX) + ONE) << SIX
        ends[row - begin] = np.int64(n_bytes >> SIX)
        row += 1
    # 2. Where tokens start and stop: four are written unasked, so that no branch depends on
    # whether there is one more.
    n_starts = ZERO
    n_stops = ZERO
    first = ZERO
    for k in range(row - begin):
        carry = ZERO  # whether the byte before these 64 is in a token
        last = np.uint64(ends[k])
        for block in range(first, last):
            bits = marks[block]
            before = bits << ONE | carry
            carry = bits >> LAST_BIT
            n_starts = write_ones(bits & ~before, block << SIX, token_starts, n_starts)
            n_stops = write_ones(before & ~bits, block << SIX, token_stops, n_stops)
        first = last
        ends[k] = np.int64(n_stops)
    return row, n_stops, n_wide


@inline
def block_symbols(text, starts, stops, begin, alphabet, scratch):
    """Find the symbols of the tokens of as many texts as a block holds, from ``begin`` on.

    Parameters
    ----------
    text : uint8 array
    starts, stops : int64 arrays of shape (n_rows,)
    begin : int
    alphabet : Alphabet
    scratch : tuple
        From `make_token_scratch`. Its two arrays receive the symbols, one for each token,
        and for each text where those of the next one begin. Symbols of tokens that do not count,
        as they are stop words or too short, are `STOP`.

    Returns
    -------
    int
        Where the next block begins.
    """
    work, symbols, ends = scratch
    token_starts, token_stops, keys, places, still_open, wide_rows = work[2:]
    folded = work[0]
    buckets = alphabet.buckets
    row, n_stops, n_wide = block_tokens(text, starts, stops, begin, alphabet, scratch)
    # Keys. A line of the table is asked for long before it is needed.
    for k in range(n_stops):
        start = np.uint64(token_starts[k])
        key, key_1 = token_key(folded, start, np.uint64(token_stops[k]) - start)
        keys[TWO * k], keys[TWO * k + ONE] = key, key_1
        place = bucket_of(key, key_1, alphabet)
        places[k] = place
        prefetch(buckets, place)
    # Symbols: no step depends on another token.
    shortest = np.uint64(alphabet.shortest)
    n_open = ZERO
    for k in range(n_stops):
        length = np.uint64(token_stops[k]) - np.uint64(token_starts[k])
        symbol = symbol_in(buckets, np.uint64(places[k]), keys[TWO * k], keys[TWO * k + ONE])
        symbols[k] = STOP if length < shortest else np.uint32(symbol)
        still_open[n_open] = k
        n_open += np.uint64((symbol == ELSEWHERE) | (length > _SHORT))
    for i in range(n_open):
        token = np.uint64(still_open[i])
        start = np.uint64(token_starts[token])
        length = np.uint64(token_stops[token]) - start
        if length >= shortest:
            symbols[token] = find_token(folded, start, length, alphabet)
    for i in range(n_wide):
        wide_row = wide_rows[i]
        first = np.uint64(ends[wide_row - 1]) if wide_row else ZERO
        for k in range(first, np.uint64(ends[wide_row])):
            start, stop = np.uint64(token_starts[k]), np.uint64(token_stops[k])
            if count_characters(folded, start, stop) < alphabet.shortest:
                symbols[k] = STOP
    return row
