"""A vocabulary of symbol sequences as a double-array trie.

1. A *node* is a prefix of some term. It lives in a *slot*, and a slot's number is all that a match
   has to remember: counters, weights and term numbers are arrays over slots.
2. A slot is one uint64: its *check* in the upper half, its *base* in the lower half. The child of a
   node along symbol ``s`` is in slot ``base + s`` if that slot's check equals the base. Bases of
   nodes with children differ, so equality proves the edge: no hash, nothing left to verify.
3. A leaf has base 0: extension ends without a further probe. Symbol 0 is in no term; it ends a
   match at unknown characters and at the end of a text.
4. Slots 0 to ``n_symbols`` are the root's children (slot number = symbol) and are reserved.

A probe costs one load, and the children of one node lie close to each other.
"""

from typing import NamedTuple

import numpy as np

from .._bits import greater
from .._jit import jit
from .._words import HALF

# Unsigned integers throughout: numba adds a test for negative positions to signed ones, and the
# walk is bound by the number of its instructions.
EMPTY = np.uint64(0xFFFFFFFF)
"""Check of a slot that holds no node, and of the root's children; bases stay far below."""

ROOT = np.uint64(0xFFFFFFFE)


class Trie(NamedTuple):
    """A double-array trie and the terms in it."""

    slots: np.ndarray  # uint64 (n_slots,), check << 32 | base
    term_of_slot: np.ndarray  # int32 (n_slots,), -1 where no term ends
    slot_of_term: np.ndarray  # int32 (n_terms,), -1 for a term that no text can match


def build_trie(
    symbols: np.ndarray, offsets: np.ndarray, terms: np.ndarray, n_terms: int, n_symbols: int
) -> Trie:
    """Build the trie of ``symbols[offsets[i] : offsets[i + 1]]`` for every i.

    Parameters
    ----------
    symbols : int64 array
        Sequences of symbols from 1 to ``n_symbols``, one after the other, in lexicographic order
        and without duplicates or empty sequences.
    offsets : int64 array of shape (n_sequences + 1,)
        Where each sequence begins.
    terms : int64 array of shape (n_sequences,)
        The term number of each sequence.
    n_terms : int
        Number of terms; those without a sequence match nothing.
    n_symbols : int
        Size of the alphabet.
    """
    parent, symbol, term = _nodes(symbols, offsets, terms)
    # A stable sort by parent keeps the children of a node in the order of their symbols.
    order = np.argsort(parent[1:], kind="stable") + 1
    n_children = np.bincount(parent[1:], minlength=len(parent))
    first_child = np.concatenate(([0], np.cumsum(n_children)))
    # Large families first, while the array is empty; single children fill the gaps.
    inner = np.flatnonzero(n_children[1:]) + 1
    inner = inner[np.argsort(-n_children[inner], kind="stable")]
    slots, slot_of_node = _place(symbol, order, first_child, inner, n_symbols)
    term_of_slot = np.full(len(slots), -1, dtype=np.int32)
    slot_of_term = np.full(n_terms, -1, dtype=np.int32)
    ends = np.flatnonzero(term >= 0)
    term_of_slot[slot_of_node[ends]] = term[ends]
    slot_of_term[term[ends]] = slot_of_node[ends]
    return Trie(slots, term_of_slot, slot_of_term)


def _nodes(
    symbols: np.ndarray, offsets: np.ndarray, terms: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """List the trie's nodes in depth-first order: parent, last symbol and term (or -1)."""
    lengths = np.diff(offsets)
    # How many symbols each sequence shares with the one before it: these nodes are there already.
    shared = np.zeros(len(lengths), dtype=np.int64)
    rows = np.arange(1, len(lengths))
    depth = 0
    while len(rows):
        rows = rows[(lengths[rows] > depth) & (lengths[rows - 1] > depth)]
        rows = rows[symbols[offsets[rows] + depth] == symbols[offsets[rows - 1] + depth]]
        shared[rows] += 1
        depth += 1
    depths = np.arange(len(symbols)) - np.repeat(offsets[:-1], lengths)
    is_new = depths >= np.repeat(shared, lengths)
    depths = depths[is_new]
    symbol = np.concatenate(([0], symbols[is_new]))
    term = np.full(len(symbol), -1, dtype=np.int64)
    term[np.cumsum(lengths - shared)] = terms
    parent = np.zeros(len(symbol), dtype=np.int64)
    above = np.flatnonzero(depths == 0) + 1
    for depth in range(1, int(depths.max(initial=0)) + 1):
        nodes = np.flatnonzero(depths == depth) + 1
        parent[nodes] = above[np.searchsorted(above, nodes) - 1]
        above = nodes
    return parent, symbol, term


def _place(
    symbol: np.ndarray,
    order: np.ndarray,
    first_child: np.ndarray,
    inner: np.ndarray,
    n_symbols: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Choose a base for each inner node, and with it the slots of its children."""
    capacity = 2 * (len(symbol) + n_symbols) + 64
    slots = np.full(capacity, EMPTY << HALF, dtype=np.uint64)
    used_base = np.zeros(capacity, dtype=np.bool_)
    slot_of_node = np.zeros(len(symbol), dtype=np.int64)
    base_of_node = np.zeros(len(symbol), dtype=np.int64)
    children = order[first_child[0] : first_child[1]]
    slot_of_node[children] = symbol[children]
    slots[symbol[children]] = ROOT << HALF
    used_base[0] = True
    state = np.array([0, n_symbols + 1, n_symbols + 1, n_symbols + 1, 0], dtype=np.int64)
    nodes = symbol, order, first_child, inner, n_symbols
    while not place_families(*nodes, slots, used_base, slot_of_node, base_of_node, state):
        n_more = len(slots) + 2 * n_symbols
        slots = np.concatenate((slots, np.full(n_more, EMPTY << HALF, dtype=np.uint64)))
        used_base = np.concatenate((used_base, np.zeros(n_more, dtype=np.bool_)))
    # Any base plus any symbol is a valid position.
    size = max(int(np.flatnonzero(used_base)[-1]) + n_symbols + 1, int(state[3]))
    result = np.full(size, EMPTY << HALF, dtype=np.uint64)
    n_kept = min(size, len(slots))
    result[:n_kept] = slots[:n_kept]
    result[slot_of_node[inner]] |= base_of_node[inner].astype(np.uint64)
    return result, slot_of_node


@jit
def place_families(
    symbol,
    order,
    first_child,
    inner,
    n_symbols,
    slots,
    used_base,
    slot_of_node,
    base_of_node,
    state,
):
    """Find slots for the children of inner nodes; False where there is not enough room for all.

    Parameters
    ----------
    symbol, order, first_child, inner, n_symbols
        As `_place` has them.
    slots, used_base : arrays of shape (n_slots,)
    slot_of_node, base_of_node : int64 arrays of shape (n_nodes,)
    state : int64 array of shape (5,)
        Where to go on: the next inner node, a slot below which all are taken or given up, the
        slot that is looked at, one past the highest slot in use, and the size of families.
    """
    head, position, end, family_size = state[1], state[2], state[3], state[4]
    done = True
    for number in range(state[0], len(inner)):
        node = inner[number]
        first = first_child[node]
        last = first_child[node + 1]
        smallest = symbol[order[first]]
        if end + 2 * n_symbols + 64 > len(slots):
            state[0] = number
            done = False
            break
        if last - first != family_size:
            # Smaller families fit into gaps that larger ones left: begin again. Families of one
            # size share a pass over the array, so that placing stays linear in its length.
            family_size = last - first
            while head < end and slots[head] >> HALF != EMPTY:
                head += 1
            position = head
        base = 0
        while True:
            if position >= end:
                base = greater(position - smallest, 1)
                while used_base[base]:
                    base += 1
                break
            base = position - smallest
            fits = slots[position] >> HALF == EMPTY and base > 0 and not used_base[base]
            if fits:
                for k in range(first + 1, last):
                    if slots[base + symbol[order[k]]] >> HALF != EMPTY:
                        fits = False
                        break
                if fits:
                    break
            position += 1
        used_base[base] = True
        base_of_node[node] = base
        for k in range(first, last):
            child = order[k]
            slot = base + symbol[child]
            slots[slot] = np.uint64(base) << HALF
            slot_of_node[child] = slot
            end = greater(end, slot + 1)
    state[1], state[2], state[3], state[4] = head, position, end, family_size
    return done
