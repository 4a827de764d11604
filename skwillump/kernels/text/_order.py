"""Put the terms of a row in ascending order, by a bitmap of two levels.

Marking a term and reading it back costs a few instructions, where sorting would cost a few
mispredicted branches. One bit of ``summary`` stands for one word of ``words``, so that reading
skips what is empty. Both are all zero between rows.
"""

import numpy as np

from .._bits import population, trailing_zeros
from .._jit import inline, inline_allocating
from .._room import room, zeros
from .._words import FOUR, LAST_BIT, ONE, SIX, ZERO


@inline
def write_ones(bits, first, out, n):
    """Write the positions of the bits of a word that are set, from ``out[n]`` on; return the end.

    ``first`` is the position of the lowest bit. Four at a time are written unasked, so that no
    branch depends on whether there is one more: up to four more places of ``out`` may be written.
    """
    stop = n + population(bits)
    while n < stop:
        for k in range(ZERO, FOUR):
            out[n + k] = first | trailing_zeros(bits)
            bits &= bits - ONE
        n += FOUR
    return stop


def make_bitmap(n_terms: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Allocate ``words``, ``summary`` and room for the numbers of marked words."""
    n_words = (n_terms + 63) // 64 + 1
    words = np.zeros(n_words, dtype=np.uint64)
    summary = np.zeros((n_words + 63) // 64, dtype=np.uint64)
    return words, summary, np.empty(n_words + 4, dtype=np.uint64)


@inline_allocating
def bitmap_in_kernel(n_terms):
    """Do the same inside kernels."""
    n_words = (n_terms + 63) // 64 + 1
    summary = zeros((n_words + 63) // 64, np.uint64)
    return zeros(n_words, np.uint64), summary, room(n_words + 4, np.uint64)


@inline
def mark(term, bitmap, wanted):
    """Mark a term (uint64), if ``wanted`` is one and not zero."""
    words, summary, _ = bitmap
    word = term >> SIX
    words[word] |= wanted << (term & LAST_BIT)
    summary[word >> SIX] |= wanted << (word & LAST_BIT)


@inline
def read_marked(bitmap, out, n):
    """Write the marked terms in ascending order from ``out[n]`` on, and unmark them.

    Four more places of ``out`` than there are terms may be written. Returns the end.
    """
    words, summary, marked = bitmap
    n_marked = ZERO
    for s in range(np.uint64(len(summary))):
        n_marked = write_ones(summary[s], s << SIX, marked, n_marked)
        summary[s] = ZERO
    for k in range(n_marked):
        word = marked[k]
        n = write_ones(words[word], word << SIX, out, n)
        words[word] = ZERO
    return n
