"""Streams of symbols to the counts of all their n-grams, which need not be known before.

What scikit-learn's `CountVectorizer` does in `fit`: n-grams get numbers in the order in which they
are first met. It reads a segment once for each length of n-grams, and so does this kernel. Each
level finds the n-grams of one more symbol from those of the level before (see `_growing`); what the
next ones need is asked for while the first are still being found. A row's n-grams are written in
the order of their numbers.
"""

import numpy as np

from .._bits import greater, lesser
from .._jit import inline, jit
from .._room import room
from .._words import HALF, LOWER_HALF, ONE, ZERO
from ._growing import WHOLE, ask_for_node, find_first, find_node
from ._order import mark, read_marked

_ONE_MORE = ONE << HALF
_AHEAD = 12
"""How many n-grams ahead their places in the table are asked for."""


@inline
def count_first(node, table, bitmap):
    """Count an n-gram of one symbol, and mark it."""
    table.counts[node, 0] += 1
    mark(np.uint64(node), bitmap, ONE)


@inline
def count_segment(symbols, first, last, min_n, max_n, table, bitmap, frontier, touched, n_touched):
    """Count the n-grams of `symbols[first:last]`; return the new `n_touched`.

    Parameters
    ----------
    symbols : uint32 array
        After the last one there is room for one more.
    first, last : int
    min_n, max_n : int
        A segment of fewer than `min_n` symbols is an n-gram as a whole if `max_n` is 0.
    table : Nodes
    bitmap : tuple
        Those of one symbol are marked here.
    frontier : uint32 array
        Working space for as many nodes as there are symbols.
    touched : uint64 array
        Receives each slot whose count left zero.
    n_touched : int
    """
    n = last - first
    slots = table.slots
    if max_n >= 1:
        is_term = min_n <= 1
        for i in range(n):
            node = find_first(symbols[first + i], is_term, table)
            frontier[i] = node
            if is_term:
                count_first(node, table, bitmap)
    for level in range(2, lesser(max_n, n) + 1):
        is_term = level >= min_n
        shift = first + level - 1
        n_starts = n - level + 1
        for i in range(lesser(_AHEAD, n_starts)):
            ask_for_node(frontier[i], symbols[shift + i], slots)
        for i in range(n_starts):
            ahead = lesser(i + _AHEAD, n_starts - 1)
            ask_for_node(frontier[ahead], symbols[shift + ahead], slots)
            at = find_node(frontier[i], symbols[shift + i], is_term, table)
            entry = slots[at + ONE]
            frontier[i] = np.uint32(entry & LOWER_HALF)
            slots[at + ONE] = entry + (np.uint64(is_term) << HALF)
            touched[n_touched] = at
            n_touched += is_term and entry >> HALF == ZERO
    return n_touched


@jit
def count_new_terms(
    streams, first_row, min_n, max_n, whole, table, bitmap, row_stops, n_before, indices, counts
):
    """Write each text's row of counts; n-grams that were not met before become new nodes.

    Parameters
    ----------
    streams : Streams
    first_row : int
        Rows before this one are written already.
    min_n, max_n : int
    whole : bool
        Whether segments of fewer than `min_n` symbols are n-grams.
    table : Nodes
    bitmap : tuple
        For as many nodes as there is room for; all zero, before and after.
    row_stops : int64 array of shape (n_rows,)
        Receives where each row ends in `indices`.
    n_before : int
        Number of entries that are there already.
    indices : int32 array
        Receives nodes.
    counts : int64 array
        Receives how often the text holds them.

    Returns
    -------
    row : int
        Where it stopped: at the end, or at a row for which there is not enough room.
    n_ngrams : int
        Room for how many nodes and entries that row may need.
    """
    symbols, segment_ends, row_ends = streams
    slots = table.slots
    longest = 0
    for row in range(first_row, len(row_ends)):
        segment = row_ends[row - 1] if row else 0
        start = segment_ends[segment - 1] if segment else 0
        stop = segment_ends[row_ends[row] - 1] if row_ends[row] else 0
        longest = greater(longest, stop - start)
    frontier = room(longest + 1, np.uint32)
    touched = room(longest * lesser(max_n, longest) + longest + 1, np.uint64)
    n = np.uint64(n_before)
    for row in range(first_row, len(row_ends)):
        segment = row_ends[row - 1] if row else 0
        first = segment_ends[segment - 1] if segment else 0
        n_symbols = (segment_ends[row_ends[row] - 1] if row_ends[row] else 0) - first
        # As many as there are symbols on each level, and no more whole words than symbols.
        n_ngrams = n_symbols * (lesser(max_n, n_symbols) + 1) + 4
        if (
            table.sizes[0] + n_ngrams > len(table.parents)
            or 4 * (table.sizes[0] + n_ngrams) > len(slots)
            or np.int64(n) + n_ngrams > len(indices)
        ):
            return row, n_ngrams
        n_touched = 0
        for k in range(segment, row_ends[row]):
            last = segment_ends[k]
            if whole and last - first < min_n:
                # A path without terms, with a term at its end.
                node = find_first(symbols[first], False, table)
                for i in range(first + 1, last + 1):
                    symbol = symbols[i] if i < last else np.uint32(WHOLE)
                    at = find_node(node, symbol, i == last, table)
                    node = np.uint32(slots[at + ONE] & LOWER_HALF)
                entry = slots[at + ONE]
                slots[at + ONE] = entry + _ONE_MORE
                touched[n_touched] = at
                n_touched += entry >> HALF == ZERO
            else:
                n_touched = count_segment(
                    symbols,
                    first,
                    last,
                    min_n,
                    max_n,
                    table,
                    bitmap,
                    frontier,
                    touched,
                    n_touched,
                )
            first = last
        # Counts are zero again; nodes are written in ascending order.
        for k in range(n_touched):
            at = touched[k]
            entry = slots[at + ONE]
            node_at = entry & LOWER_HALF
            slots[at + ONE] = node_at
            table.counts[node_at, 0] = np.int32(entry >> HALF)
            mark(node_at, bitmap, ONE)
        stop = read_marked(bitmap, indices, n)
        for k in range(n, stop):
            node_at = np.uint64(indices[k])
            counts[k] = table.counts[node_at, 0]
            table.counts[node_at, 0] = 0
            table.counts[node_at, 1] += 1
        n = stop
        row_stops[row] = np.int64(n)
    return len(row_ends), 0
