"""Terms in the order of their texts, and the texts themselves.

The order of `str` is that of code points, which is that of the bytes of UTF-8. Symbols are sorted
by their bytes. Nodes form a tree whose edges are symbols, so that to visit it with the children of
each node in order puts all n-grams in order without a comparison. That is right for tokens with a
blank between where no token holds a byte up to the blank's.
"""

import numpy as np

from .._jit import jit
from ._growing import Nodes, Symbols


@jit
def rank_nodes(nodes, symbol_ranks, places, children, first_child, n_below):
    """Write for each node how many terms come before it: the rank of a node that is a term.

    Parameters
    ----------
    nodes : Nodes
    symbol_ranks : uint32 array of shape (n_symbols,)
    places : uint32 array of shape (n_nodes,)
        Receives the ranks.
    children : uint32 array of shape (n_nodes,)
        Working space.
    first_child : uint32 array of shape (max(n_nodes, n_symbols) + 1,)
        Working space.
    n_below : uint32 array of shape (n_nodes,)
        Working space.
    """
    parents, symbols = nodes.parents, nodes.symbols
    n_nodes = len(places)
    # 1. Nodes in the order of their last symbols, then of those the children of each node together.
    for sorts_by_parent in range(2):
        for k in range(len(first_child)):
            first_child[k] = 0
        for node in range(1, n_nodes):
            key = parents[node] if sorts_by_parent else symbol_ranks[symbols[node]]
            first_child[key + 1] += 1
        for k in range(1, len(first_child)):
            first_child[k] += first_child[k - 1]
        for k in range(1, n_nodes):
            next_node = n_below[k] if sorts_by_parent else np.uint32(k)
            key = parents[next_node] if sorts_by_parent else symbol_ranks[symbols[next_node]]
            place = first_child[key]
            first_child[key] += 1
            if sorts_by_parent:
                children[place] = next_node
            else:
                n_below[place + 1] = next_node
    # 2. Terms in the tree below each node. Parents have lower numbers than their children.
    for node in range(n_nodes):
        n_below[node] = 0
    for node in range(n_nodes - 1, 0, -1):
        n_below[node] += nodes.is_term[node]
        n_below[parents[node]] += n_below[node]
    # 3. Ranks. The children of a node now end where those of the next one began.
    places[0] = 0
    first = 0
    for node in range(n_nodes):
        rank = places[node] + nodes.is_term[node]
        for k in range(first, first_child[node]):
            places[children[k]] = rank
            rank += n_below[children[k]]
        first = first_child[node]


@jit
def measure_nodes(nodes, table, blank, lengths):
    """Write how many bytes the text of each node takes.

    Parameters
    ----------
    nodes : Nodes
    table : Symbols
    blank : int
        How many bytes stand between symbols: 1 for tokens, 0 for characters.
    lengths : int64 array of shape (n_nodes,)
    """
    lengths[0] = 0
    for node in range(1, len(lengths)):
        parent = nodes.parents[node]
        gap = blank if parent else 0
        lengths[node] = lengths[parent] + gap + table.n_bytes[nodes.symbols[node]]


@jit
def write_terms(terms, nodes, table, blank, separator, ends, out):
    """Write the texts of some nodes, with a byte between them.

    Parameters
    ----------
    terms : int64 array of shape (n_terms,)
        Nodes.
    nodes : Nodes
    table : Symbols
    blank : int
        As in `measure_nodes`.
    separator : int
    ends : int64 array of shape (n_terms,)
        Where each text ends in `out`; the separator comes next.
    out : uint8 array
    """
    for i in range(len(terms)):
        at = ends[i]
        out[at] = separator
        node = terms[i]
        while node:
            symbol = nodes.symbols[node]
            n_bytes = table.n_bytes[symbol]
            first = table.starts[symbol]
            at -= n_bytes
            for k in range(n_bytes):
                out[at + k] = table.data[first + k]
            node = np.int64(nodes.parents[node])
            if blank and node:
                at -= 1
                out[at] = 32


def rank_symbols(table: Symbols) -> np.ndarray:
    """Return the rank of each symbol by its bytes, from 1; 0 stands for none (uint32)."""
    n_symbols = int(table.sizes[0])
    words = table.data[: len(table.data) & ~7].view(np.uint64)
    places = table.starts[1:n_symbols] >> 3
    n_bytes = table.n_bytes[1:n_symbols]
    # Bytes after the end are zeros: only a byte of a token that is zero too makes two alike.
    first = words[places].byteswap()
    order = np.argsort(first)
    in_order = first[order]
    is_tied = np.zeros(len(order) + 1, dtype=np.bool_)
    is_tied[1:-1] = in_order[1:] == in_order[:-1]
    tied = np.flatnonzero(is_tied[1:] | is_tied[:-1])
    some = order[tied]
    second = np.where(n_bytes[some] > 8, words[places[some] + 1].byteswap(), 0)
    within = np.lexsort((n_bytes[some], second, first[some]))
    order[tied] = some = some[within]
    equal = np.flatnonzero((np.diff(first[some]) == 0) & (np.diff(second[within]) == 0))
    for run in np.split(equal, np.flatnonzero(np.diff(equal) > 1) + 1):
        if len(run):
            alike = tied[run[0] : run[-1] + 2]
            order[alike] = sorted(order[alike].tolist(), key=lambda k: symbol_bytes(table, k + 1))
    ranks = np.zeros(n_symbols, dtype=np.uint32)
    ranks[order + 1] = np.arange(1, n_symbols)
    return ranks


def symbol_bytes(table: Symbols, symbol: int) -> bytes:
    """Return the UTF-8 of a symbol."""
    start = int(table.starts[symbol])
    return table.data[start : start + int(table.n_bytes[symbol])].tobytes()


def rank_terms(nodes: Nodes, symbol_ranks: np.ndarray) -> np.ndarray:
    """Return the rank of each node that is a term (uint32)."""
    n_nodes = int(nodes.sizes[0])
    places = np.empty(n_nodes, dtype=np.uint32)
    children = np.empty(n_nodes, dtype=np.uint32)
    first_child = np.empty(max(n_nodes, len(symbol_ranks)) + 1, dtype=np.uint32)
    rank_nodes(nodes, symbol_ranks, places, children, first_child, np.empty_like(children))
    return places


def blanks_in_order(table: Symbols) -> bool:
    """Tell whether no symbol holds a byte up to the blank's."""
    data = table.data[: int(table.sizes[1])]
    # Zeros fill the last word of each symbol.
    n_zeros = len(data) - int(table.n_bytes[1 : int(table.sizes[0])].sum())
    return int(np.count_nonzero(data <= ord(" "))) == n_zeros


def unused_byte(table: Symbols) -> int | None:
    """Return an ASCII byte that no symbol holds and that is no blank, if there is one."""
    data = table.data[: int(table.sizes[1])].tobytes()
    # Not zero, which fills the last word of each symbol.
    return next((k for k in range(1, 128) if k != ord(" ") and bytes((k,)) not in data), None)
