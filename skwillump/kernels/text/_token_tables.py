"""The tables that tokens are looked up in, of all known tokens at once.

What goes where is said in `_tokens`, which reads them. Tokens that meet in one place are told
apart in rounds: all that are left look at their next place.
"""

import numpy as np

from ._symbols import Alphabet
from ._tokens import ELSEWHERE, FACTOR_1, FACTOR_2, FACTOR_3, SHORT

_HALF = np.uint64(32)
_IN_BUCKET = 3


def fill_token_tables(
    token_bytes: np.ndarray, offsets: np.ndarray, symbols: np.ndarray, alphabet: Alphabet
) -> None:
    """Enter every token into the tables of ``alphabet``, which are all zero.

    Parameters
    ----------
    token_bytes : uint8 array
        The tokens one after the other; none is empty.
    offsets : int64 array of shape (n_tokens + 1,)
        Where each token begins.
    symbols : uint32 array of shape (n_tokens,)
    """
    data = np.concatenate((token_bytes, np.zeros(8, dtype=np.uint8)))
    windows = np.lib.stride_tricks.sliding_window_view(data, 8)
    lengths = np.diff(offsets)
    wide = symbols.astype(np.uint64)
    for is_long, fill in ((False, _fill_buckets), (True, _fill_long)):
        some = np.flatnonzero((lengths > SHORT) == is_long)
        if len(some):
            fill(windows, offsets[some], lengths[some], wide[some], alphabet)


def _word(windows: np.ndarray, starts: np.ndarray, lengths: np.ndarray, k: int) -> np.ndarray:
    """Return the bytes from 8 k on of each token, zeros after its end, as uint64."""
    n = np.clip(lengths - 8 * k, 0, 8).astype(np.uint64)
    # Where the token has ended, any window will do.
    places = np.minimum(starts + 8 * k, len(windows) - 1)
    words = np.ascontiguousarray(windows[places]).view("<u8").ravel().astype(np.uint64)
    half = n * np.uint64(4)
    # Two shifts: one of 64 bits has no defined result.
    return words & ~(np.uint64(0xFFFFFFFFFFFFFFFF) << half << half)


def _fill_buckets(
    windows: np.ndarray,
    starts: np.ndarray,
    lengths: np.ndarray,
    symbols: np.ndarray,
    alphabet: Alphabet,
) -> None:
    """Enter tokens of up to `SHORT` bytes."""
    buckets = alphabet.buckets.reshape(-1, 8)
    first = _word(windows, starts, lengths, 0)
    second = _word(windows, starts, lengths, 1) | lengths.astype(np.uint64) << np.uint64(56)
    mixed = (first * FACTOR_1) ^ (second * FACTOR_2)
    mixed = (mixed ^ mixed << _HALF) * FACTOR_3
    at = (mixed >> np.uint64(alphabet.bucket_shift)).astype(np.int64)
    n_held = np.zeros(len(buckets), dtype=np.int64)
    left = np.arange(len(first))
    while len(left):
        left = left[np.argsort(at[left], kind="stable")]
        bucket = at[left]
        place = n_held[bucket] + np.arange(len(left)) - np.searchsorted(bucket, bucket)
        for k in range(_IN_BUCKET):
            tokens, held_by = left[place == k], bucket[place == k]
            buckets[held_by, k] = first[tokens]
            buckets[held_by, 4 + k] = second[tokens]
            buckets[held_by, 7 if k == 2 else 3] |= symbols[tokens] << (_HALF if k == 1 else 0)
            n_held[held_by] += 1
        is_full = place >= _IN_BUCKET
        buckets[bucket[is_full], 7] |= ELSEWHERE << _HALF
        left = left[is_full]
        at[left] = (at[left] + 1) % len(buckets)


def _fill_long(
    windows: np.ndarray,
    starts: np.ndarray,
    lengths: np.ndarray,
    symbols: np.ndarray,
    alphabet: Alphabet,
) -> None:
    """Enter longer tokens, numbered from 1."""
    n_words = -(-lengths // 8)
    first_word = np.cumsum(n_words) - n_words
    state = lengths.astype(np.uint64)
    for k in range(int(n_words.max())):
        some = np.flatnonzero(n_words > k)
        word = _word(windows, starts[some], lengths[some], k)
        alphabet.long_words[first_word[some] + k] = word
        state[some] = ((state[some] >> _HALF) ^ state[some] ^ word) * FACTOR_3
    state ^= state >> _HALF
    entries, slots = alphabet.long_entries, alphabet.long_slots
    entries[1:, 0] = state
    entries[1:, 1] = lengths.astype(np.uint64) << _HALF | symbols
    entries[1:, 2] = first_word
    last = len(slots) - 1
    at = (state & np.uint64(last)).astype(np.int64)
    left = np.arange(len(state))
    while len(left):
        _, firsts = np.unique(at[left], return_index=True)
        firsts = firsts[slots[at[left[firsts]]] == 0]
        slots[at[left[firsts]]] = left[firsts] + 1
        left = np.delete(left, firsts)
        at[left] = (at[left] + 1) & last
