"""Count the n-grams of a symbol stream that are terms of a trie.

The walk goes level by level over all start positions of a text, not position by position over all
lengths: probes of one level do not depend on each other, so the processor overlaps their cache
misses, and no branch depends on whether a probe succeeds. A position leaves the frontier when no
term continues, and those that are left are packed together.

Counts live in a counter over slots that is all zero between texts: every slot whose count left
zero is listed in ``touched`` so that the reader can put it back.
"""

import numpy as np

from .._bits import lesser
from .._jit import inline
from .._words import HALF, LOWER_HALF, ONE, ZERO
from ._trie import ROOT

SEGMENT = np.uint64(4096)
"""Start positions in one pass over the levels: bounds the working space of very long texts, and
keeps it in the cache."""


@inline
def count_ngrams(symbols, n, slots, min_n, max_n, counter, touched, frontier):
    """Count the n-grams of ``symbols[:n]`` with ``min_n`` to ``max_n`` symbols.

    Parameters
    ----------
    symbols : uint32 array
        The stream; ``symbols[n]`` to ``symbols[n + max_n - 1]`` are overwritten as boundaries.
    n, min_n, max_n : int
    slots : uint64 array of shape (n_slots,)
    counter : int32 array of shape (n_slots,)
        All zero.
    touched : uint32 array
        Room for all slots, and for all n-grams of one segment and one more.
    frontier : uint64 array of shape (SEGMENT + 1,)
        Working space.

    Returns
    -------
    uint64
        Number of slots in ``touched``. Prefixes that are no terms may be among them.
    """
    for i in range(n, n + max_n):
        symbols[i] = 0
    n_touched = ZERO
    end = np.uint64(n)
    first = ZERO
    while first < end:
        last = lesser(first + SEGMENT, end)
        n_hits = n_touched
        n_open = ZERO
        for i in range(first, last):
            slot = symbols[i]
            node = slots[slot]
            base = node & LOWER_HALF
            frontier[n_open] = i << HALF | base
            n_open += np.uint64(base != ZERO)
            touched[n_hits] = slot
            n_hits += np.uint64((min_n == 1) & (node >> HALF == ROOT))
        for depth in range(ONE, np.uint64(max_n)):
            n_next = ZERO
            counted = depth + ONE >= np.uint64(min_n)
            for k in range(n_open):
                entry = frontier[k]
                start = entry >> HALF
                base = entry & LOWER_HALF
                slot = base + np.uint64(symbols[start + depth])
                node = slots[slot]
                hit = node >> HALF == base
                touched[n_hits] = slot
                n_hits += np.uint64(hit & counted)
                base = node & LOWER_HALF
                frontier[n_next] = start << HALF | base
                n_next += np.uint64(hit & (base != ZERO))
            n_open = n_next
        # A pass of its own, so that the walk above does not wait for the counter.
        for k in range(n_touched, n_hits):
            slot = np.uint64(touched[k])
            count = counter[slot]
            counter[slot] = count + 1
            touched[n_touched] = slot
            n_touched += np.uint64(count == 0)
        first = last
    return n_touched


@inline
def count_whole(symbols, start, length, slots, counter, touched, n_touched):
    """Count ``symbols[start : start + length]`` as one n-gram; return the new ``n_touched``."""
    slot = np.uint64(symbols[start])
    if slots[slot] >> HALF != ROOT:
        return n_touched
    for i in range(start + 1, start + length):
        base = slots[slot] & LOWER_HALF
        slot = base + np.uint64(symbols[i])
        if base == ZERO or slots[slot] >> HALF != base:
            return n_touched
    if counter[slot] == 0:
        touched[n_touched] = slot
        n_touched += ONE
    counter[slot] += 1
    return n_touched
