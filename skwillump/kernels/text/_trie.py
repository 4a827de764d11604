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


@jit
def _nodes(symbols, offsets, terms):
    """List the trie's nodes in depth-first order: parent, last symbol and term (or -1)."""
    n_sequences = len(offsets) - 1
    parent = np.zeros(len(symbols) + 1, dtype=np.int64)
    symbol = np.zeros(len(symbols) + 1, dtype=np.int64)
    term = np.full(len(symbols) + 1, -1, dtype=np.int64)
    longest = 0
    for i in range(n_sequences):
        longest = max(longest, offsets[i + 1] - offsets[i])
    path = np.zeros(longest + 1, dtype=np.int64)  # nodes of the current sequence by depth
    n_nodes = 1
    previous_length = 0
    for i in range(n_sequences):
        start = offsets[i]
        length = offsets[i + 1] - start
        shared = 0
        while (
            shared < length
            and shared < previous_length
            and symbols[start + shared] == symbol[path[shared + 1]]
        ):
            shared += 1
        for depth in range(shared, length):
            parent[n_nodes] = path[depth]
            symbol[n_nodes] = symbols[start + depth]
            path[depth + 1] = n_nodes
            n_nodes += 1
        term[path[length]] = terms[i]
        previous_length = length
    return parent[:n_nodes], symbol[:n_nodes], term[:n_nodes]


@jit
def _place(symbol, order, first_child, inner, n_symbols):
    """Choose a base for each inner node, and with it the slots of its children."""
    n_nodes = len(symbol)
    capacity = 2 * (n_nodes + n_symbols) + 64
    slots = np.full(capacity, EMPTY << HALF, dtype=np.uint64)
    used_base = np.zeros(capacity, dtype=np.bool_)
    slot_of_node = np.zeros(n_nodes, dtype=np.int64)
    base_of_node = np.zeros(n_nodes, dtype=np.int64)
    for k in range(first_child[0], first_child[1]):
        child = order[k]
        slot_of_node[child] = symbol[child]
        slots[symbol[child]] = ROOT << HALF
    used_base[0] = True
    head = n_symbols + 1  # every slot below it is taken or given up
    position = head
    family_size = 0
    end = n_symbols + 1  # one past the highest slot in use
    for node in inner:
        first = first_child[node]
        last = first_child[node + 1]
        smallest = symbol[order[first]]
        if end + 2 * n_symbols + 64 > capacity:
            grown = 2 * capacity + 2 * n_symbols
            new_slots = np.full(grown, EMPTY << HALF, dtype=np.uint64)
            for k in range(capacity):  # assigning slices takes seconds to compile
                new_slots[k] = slots[k]
            new_used = np.zeros(grown, dtype=np.bool_)
            for k in range(capacity):
                new_used[k] = used_base[k]
            slots = new_slots
            used_base = new_used
            capacity = grown
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
                base = max(position - smallest, 1)
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
            end = max(end, slot + 1)
    # Any base plus any symbol is a valid position.
    highest = 0
    for base in range(capacity):
        if used_base[base]:
            highest = base
    size = max(highest + n_symbols + 1, end)
    result = np.full(size, EMPTY << HALF, dtype=np.uint64)
    limit = min(size, capacity)
    for k in range(limit):
        result[k] = slots[k]
    for node in inner:
        result[slot_of_node[node]] |= np.uint64(base_of_node[node])
    return result, slot_of_node
