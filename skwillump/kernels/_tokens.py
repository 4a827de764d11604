"""The tokens of a text, and the symbol of each.

1. ``fold_text`` writes a text once more with folded characters, and marks in a bitmap which bytes
   belong to tokens. ASCII is read 64 bytes at a time: the bytes of tokens are a few ranges.
2. Starts and ends of tokens are the places where bits change. They are read from the bitmap a
   word of 64 at a time: where a token ends is not a branch that could be mispredicted.
3. The first 16 bytes of a token, as two words, are its key. They are hashed, and compared with
   what the table holds under that hash; longer tokens are compared to their last byte.

Each step is done for all texts of a block before the next one, so that the look-up of one token
does not wait for another.

The table has two parts, so that the one that is probed stays small: slots (part of the hash, and
the number of a token) and entries (key, length, symbol, and where the token's other bytes are). A
token is looked for first in a bucket of four slots.
"""

import numpy as np

from skwillump.kernels._bits import (
    agreeing_lanes,
    bits_in_range,
    load_word,
    lower_block,
    population,
    trailing_zeros,
)
from skwillump.kernels._jit import inline, inline_allocating, jit
from skwillump.kernels._utf8 import count_characters, decode, encode

#: Symbol of a token that is dropped before n-grams are formed.
STOP = np.uint32(0xFFFFFFFF)

_ZERO = np.uint64(0)
_ONE = np.uint64(1)
_TWO = np.uint64(2)
_THREE = np.uint64(3)
_FOUR = np.uint64(4)
_SIX = np.uint64(6)
_EIGHT = np.uint64(8)
_SIXTEEN = np.uint64(16)
_HALF = np.uint64(32)
_LOWER_HALF = np.uint64(0xFFFFFFFF)
_ALL = np.uint64(0xFFFFFFFFFFFFFFFF)
_LAST_BIT = np.uint64(63)
_BLOCK = np.uint64(64)
# Odd numbers without a pattern, for multiplicative hashing.
_FACTOR_1 = np.uint64(0x9E3779B97F4A7C15)
_FACTOR_2 = np.uint64(0xD6E8FEB86659FD93)
_FACTOR_3 = np.uint64(0xA0761D6478BD642F)

#: Masks of the first n of 16 bytes begin at 16 - n.
_KEPT = np.repeat(np.array([0xFF, 0], dtype=np.uint8), 16)

#: Bytes of the texts that are looked at together: enough for some hundred tokens, little enough to
#: stay in the first cache.
_BLOCK_BYTES = 1 << 13


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
    n = first
    marks[n >> _SIX] = _ZERO
    is_ascii = True
    i = np.uint64(start)
    end = np.uint64(stop)
    size = np.uint64(len(text))
    while i < end:
        if i + _BLOCK <= size:
            n_ascii = _fold_block(text, i, end - i, alphabet, folded, n, marks)
        else:
            # The last bytes of all: a block would end after them.
            for k in range(size - i):
                folded[n + k] = text[i + k]
            n_ascii = _fold_block(folded, n, end - i, alphabet, folded, n, marks)
        i += n_ascii
        n += n_ascii
        while i < end and text[i] >= 128:
            is_ascii = False
            code_point, width = decode(text, i)
            wide = alphabet.fold[code_point]
            n_bytes = encode(wide, folded, n)
            inside = np.uint64(alphabet.in_token[wide])
            _put_marks(marks, n, (inside << n_bytes) - inside)
            i += width
            n += n_bytes
    return n, is_ascii


@inline
def _fold_block(data, at, n_left, alphabet, folded, n, marks):
    """Fold up to 64 bytes, as far as they are ASCII; return how many those are."""
    wide = bits_in_range(data, at, np.uint64(128), np.uint64(128))
    n_ascii = min(trailing_zeros(wide), n_left)
    bits = _ZERO
    for k in range(len(alphabet.ranges)):
        first, span = alphabet.ranges[k, 0], alphabet.ranges[k, 1]
        bits |= bits_in_range(data, at, np.uint64(first), np.uint64(span))
    lower_block(data, at, folded, n, np.uint64(ord("A")), np.uint64(alphabet.n_letters))
    # Two shifts: one of 64 bits has no defined result.
    half = n_ascii >> _ONE
    kept = (_ONE << half << (n_ascii - half)) - _ONE
    _put_marks(marks, n, bits & kept)
    return n_ascii


@inline
def _put_marks(marks, n, bits):
    """Write 64 bits from bit ``n`` on; the bits before it stay."""
    shift = n & _LAST_BIT
    k = n >> _SIX
    marks[k] = (marks[k] & ((_ONE << shift) - _ONE)) | bits << shift
    marks[k + _ONE] = bits >> _ONE >> (_LAST_BIT - shift)


@inline
def first_bytes(word, n):
    """Keep the first ``n`` bytes of a word, at most all eight."""
    half = min(n, _EIGHT) << _TWO
    # Two shifts: one of 64 bits has no defined result.
    return word & ~(_ALL << half << half)


@inline
def token_key(folded, start, length):
    """Return the first and the second eight bytes of a token, and its hash.

    At least 16 bytes from ``start`` on are read, also those after the token.
    """
    place = _SIXTEEN - min(length, _SIXTEEN)
    first = load_word(folded, start) & load_word(_KEPT, place)
    second = load_word(folded, start + _EIGHT) & load_word(_KEPT, place + _EIGHT)
    state = (first * _FACTOR_1) ^ ((second ^ length) * _FACTOR_2)
    at = _SIXTEEN
    while at < length:
        word = first_bytes(load_word(folded, start + at), length - at)
        state = ((state >> _HALF) ^ state ^ word) * _FACTOR_3
        at += _EIGHT
    return first, second, (state ^ (state >> _HALF)) * _FACTOR_3


@inline
def find_token(folded, start, length, alphabet):
    """Return the symbol of the token at byte ``start`` of ``folded``, 0 if it is unknown."""
    slots = alphabet.token_slots
    entries = alphabet.token_entries
    number_mask = np.uint64(alphabet.number_mask)
    first, second, state = token_key(folded, start, length)
    fingerprint = state & _LOWER_HALF & ~number_mask
    position = (state >> _HALF) & np.uint64(len(slots) - 4)
    while True:
        slot = np.uint64(slots[position])
        if slot == _ZERO:
            return np.uint32(0)
        if slot & ~number_mask == fingerprint:
            # The hash matched: now the bytes must.
            number = slot & number_mask
            same = _differ(entries, number, first, second, length) == _ZERO
            if same and _same_rest(
                folded, start, length, alphabet.token_rest, entries[number, _THREE]
            ):
                return np.uint32(entries[number, _TWO] & _LOWER_HALF)
        position = (position + _ONE) & np.uint64(len(slots) - 1)


@inline
def _differ(entries, number, first, second, length):
    """Return zero if the first 16 bytes and the length are those of a token of the table."""
    return (
        (entries[number, _ZERO] ^ first)
        | (entries[number, _ONE] ^ second)
        | ((entries[number, _TWO] >> _HALF) ^ length)
    )


@inline
def find_in_bucket(folded, start, length, alphabet):
    """Find a token by the four slots where it is looked for first, without a branch.

    Returns
    -------
    symbol : uint32
        As of `find_token`.
    decided : bool
        Whether these slots, and the first 16 bytes, tell it. Otherwise the symbol is to be found
        with `find_token`.
    """
    slots = alphabet.token_slots
    entries = alphabet.token_entries
    number_mask = np.uint64(alphabet.number_mask)
    first, second, state = token_key(folded, start, length)
    fingerprint = state & _LOWER_HALF & ~number_mask
    bucket = (state >> _HALF) & np.uint64(len(slots) - 4)
    agree = agreeing_lanes(slots, bucket, fingerprint, _LOWER_HALF & ~number_mask)
    # Where none agrees, any token will do: it is another one.
    number = np.uint64(slots[bucket + (trailing_zeros(agree) & _THREE)]) & number_mask
    same = _differ(entries, number, first, second, length) == _ZERO
    symbol = entries[number, _TWO] & _LOWER_HALF if same else _ZERO
    unknown = (agree == _ZERO) & (slots[bucket + _THREE] == 0)
    decided = (same | unknown) & (length <= _SIXTEEN)
    return np.uint32(symbol), decided


@inline
def _same_rest(folded, start, length, rest, k):
    """Compare the bytes after the first 16 with the words from ``rest[k]`` on."""
    at = _SIXTEEN
    while at < length:
        if rest[k] != first_bytes(load_word(folded, start + at), length - at):
            return False
        k += _ONE
        at += _EIGHT
    return True


@inline_allocating
def make_token_scratch(starts, stops):
    """Allocate working arrays for blocks of texts, of which the longest is a block by itself."""
    longest = total = 0
    for row in range(len(starts)):
        longest = max(longest, stops[row] - starts[row])
        total += _room(starts[row], stops[row])
    # Every text begins at a multiple of 64. The bytes after the last one are written or read.
    size = max(min(total, _BLOCK_BYTES), _room(0, longest))
    folded = np.empty(size + 128, dtype=np.uint8)
    marks = np.empty(size // 64 + 2, dtype=np.uint64)
    # A token has one byte at least, and another one follows it.
    token_starts = np.empty(size // 2 + 5, dtype=np.uint32)
    token_stops = np.empty(size // 2 + 5, dtype=np.uint32)
    still_open = np.empty(size // 2 + 5, dtype=np.uint32)
    symbols = np.empty(size // 2 + 5, dtype=np.uint32)
    wide_rows = np.empty(size // 64 + 1, dtype=np.int64)
    ends = np.empty(size // 64 + 1, dtype=np.int64)
    return folded, marks, token_starts, token_stops, still_open, wide_rows, symbols, ends


@inline
def _room(start, stop):
    """Return how many bytes a text takes in a block: folding lengthens it by half at most."""
    return ((stop - start) * 3 // 2 + 64) & ~63


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
        From `make_token_scratch`. Its last two arrays receive the symbols, one for each token,
        and for each text where those of the next one begin. Symbols of tokens that do not count,
        as they are stop words or too short, are `STOP`.

    Returns
    -------
    int
        Where the next block begins.
    """
    folded, marks, token_starts, token_stops, still_open, wide_rows, symbols, ends = scratch
    size = len(folded) - 128
    # 1. Characters of all texts.
    n_bytes = _ZERO
    n_wide = 0
    row = begin
    while row < len(starts) and np.int64(n_bytes) + _room(starts[row], stops[row]) <= size:
        n_bytes, is_ascii = fold_text(
            text, starts[row], stops[row], alphabet, folded, marks, n_bytes
        )
        wide_rows[n_wide] = row - begin
        n_wide += not is_ascii
        n_bytes = ((n_bytes >> _SIX) + _ONE) << _SIX
        ends[row - begin] = np.int64(n_bytes >> _SIX)
        row += 1
    # 2. Where tokens start and stop: four are written unasked, so that no branch depends on
    # whether there is one more.
    n_starts = _ZERO
    n_stops = _ZERO
    first = _ZERO
    for k in range(row - begin):
        carry = _ZERO  # whether the byte before these 64 is in a token
        last = np.uint64(ends[k])
        for block in range(first, last):
            bits = marks[block]
            before = bits << _ONE | carry
            carry = bits >> _LAST_BIT
            n_starts = _write_ones(bits & ~before, block << _SIX, token_starts, n_starts)
            n_stops = _write_ones(before & ~bits, block << _SIX, token_stops, n_stops)
        first = last
        ends[k] = np.int64(n_stops)
    # 3. Symbols: no step depends on another token.
    shortest = np.uint64(alphabet.shortest)
    n_open = _ZERO
    for k in range(n_stops):
        start = np.uint64(token_starts[k])
        length = np.uint64(token_stops[k]) - start
        symbol, decided = find_in_bucket(folded, start, length, alphabet)
        symbols[k] = STOP if length < shortest else symbol
        still_open[n_open] = k
        n_open += np.uint64(not decided)
    for i in range(n_open):
        token = np.uint64(still_open[i])
        start = np.uint64(token_starts[token])
        length = np.uint64(token_stops[token]) - start
        if length >= shortest:
            symbols[token] = find_token(folded, start, length, alphabet)
    for i in range(n_wide):
        wide_row = wide_rows[i]
        first = np.uint64(ends[wide_row - 1]) if wide_row else _ZERO
        for k in range(first, np.uint64(ends[wide_row])):
            start, stop = np.uint64(token_starts[k]), np.uint64(token_stops[k])
            if count_characters(folded, start, stop) < alphabet.shortest:
                symbols[k] = STOP
    return row


@inline
def _write_ones(bits, first, out, n):
    """Write the positions of the bits that are set from ``out[n]`` on; return the end.

    Up to four more places of ``out`` may be written.
    """
    stop = n + population(bits)
    while n < stop:
        for k in range(_ZERO, _FOUR):
            out[n + k] = first | trailing_zeros(bits)
            bits &= bits - _ONE
        n += _FOUR
    return stop


@jit
def fill_token_table(token_bytes, offsets, symbols, number_mask, slots, entries, rest):
    """Enter every token into the table that ``find_token`` reads.

    ``rest`` receives the bytes after the first 16 of each token, a word for eight.
    """
    longest = 0
    for token in range(len(symbols)):
        longest = max(longest, offsets[token + 1] - offsets[token])
    folded = np.zeros(longest + 16, dtype=np.uint8)
    mask = np.uint64(len(slots) - 1)
    n_rest = _ZERO
    for token in range(len(symbols)):
        length = np.uint64(offsets[token + 1] - offsets[token])
        for i in range(length):
            folded[i] = token_bytes[np.uint64(offsets[token]) + i]
        first, second, state = token_key(folded, _ZERO, length)
        number = np.uint64(token + 1)
        entries[number, 0] = first
        entries[number, 1] = second
        entries[number, 2] = length << _HALF | np.uint64(symbols[token])
        entries[number, 3] = n_rest
        at = _SIXTEEN
        while at < length:
            rest[n_rest] = first_bytes(load_word(folded, at), length - at)
            n_rest += _ONE
            at += _EIGHT
        position = (state >> _HALF) & np.uint64(len(slots) - 4)
        while slots[position] != 0:
            position = (position + _ONE) & mask
        slots[position] = (state & _LOWER_HALF & ~np.uint64(number_mask)) | number
