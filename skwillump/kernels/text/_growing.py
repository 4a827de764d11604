"""Tables of symbols and of terms that grow while texts are counted.

1. A *symbol* is a character or a token, numbered from 1 in the order in which they are first met.
   Tokens are found by a hash of their bytes, and then all of their bytes are compared.
2. A *node* is an n-gram: its parent, the n-gram without its last symbol, and that symbol. The two
   numbers are the key of a hash table, so that a match is exact and there is nothing to verify.
   Nodes are numbered from 1 in the order in which they are first met; 0 is the root.
3. A slot of the node table is two words: the key, and ``count << 32 | node``. The count is that of
   the row at hand, so that what finds an n-gram also counts it; it is zero between rows.
4. N-grams of one symbol have no slot: an array over symbols says which node each of them is.
5. Kernels never grow a table. The caller makes room before, or they stop before a text for which
   there is not enough and say how much it may need.
"""

from typing import NamedTuple

import numpy as np

from .._bits import load_word, prefetch
from .._jit import inline, jit
from .._words import EIGHT, HALF, LOWER_HALF, ONE, SEVEN, SIXTEEN, TWO, ZERO
from ._tokens import first_bytes, first_words
from ._unicode import N_CODE_POINTS
from ._utf8 import encode

WHOLE = 0
"""In place of a symbol: the node is an n-gram shorter than `min_n`, a whole padded word."""

# Odd numbers without a pattern, for multiplicative hashing.
_FACTOR_1 = np.uint64(0x9E3779B97F4A7C15)
_FACTOR_2 = np.uint64(0xA0761D6478BD642F)

_GROWTH = 0.7
_MOST_GROWTH = 16.0
"""Exponent of the growth that is expected, and the most that is trusted to it."""

SPARE_BYTES = 16
"""After the bytes of all symbols, for what reads 16 of them at once."""

_FEW_SYMBOLS = 1 << 10
_FEW_NODES = 1 << 13
"""Least lengths of the tables."""


class Symbols(NamedTuple):
    """Characters or tokens that were met; entry 0 of the arrays over symbols stands for none."""

    slots: np.ndarray  # uint64 (2 * 2**k,): first word, length << 32 | symbol, of tokens
    symbol_of: np.ndarray  # uint32 (0x110000,) or empty: code point -> symbol, for characters
    data: np.ndarray  # uint8: the bytes of symbols, each from a new word on, zeros in between
    starts: np.ndarray  # int64 (n,): where the bytes of a symbol begin
    n_bytes: np.ndarray  # int64 (n,)
    sizes: np.ndarray  # int64 (2,): symbols and bytes that are used


class Nodes(NamedTuple):
    """N-grams that were met, the root among them."""

    slots: np.ndarray  # uint64 (2 * 2**k,): parent << 32 | symbol, count << 32 | node
    parents: np.ndarray  # uint32 (n,)
    symbols: np.ndarray  # uint32 (n,)
    is_term: np.ndarray  # uint8 (n,)
    # int32 (n, 2): the count in the row at hand, zero between rows, of what has no slot or while
    # the row is put in order; and in how many rows it was met.
    counts: np.ndarray
    of_symbol: np.ndarray  # uint32: the node of each symbol alone, 0 where there is none yet
    sizes: np.ndarray  # int64 (1,): nodes that are used


def new_symbols(of_characters: bool) -> Symbols:
    """Make an empty table."""
    return Symbols(
        slots=np.zeros(2 if of_characters else 4 * _FEW_SYMBOLS, dtype=np.uint64),
        symbol_of=np.zeros(N_CODE_POINTS if of_characters else 0, dtype=np.uint32),
        data=np.zeros(16 * _FEW_SYMBOLS, dtype=np.uint8),
        starts=np.zeros(_FEW_SYMBOLS, dtype=np.int64),
        n_bytes=np.zeros(_FEW_SYMBOLS, dtype=np.int64),
        sizes=np.array([1, 0], dtype=np.int64),
    )


def new_nodes() -> Nodes:
    """Make a table with nothing but the root."""
    return Nodes(
        slots=np.zeros(4 * _FEW_NODES, dtype=np.uint64),
        parents=np.zeros(_FEW_NODES, dtype=np.uint32),
        symbols=np.zeros(_FEW_NODES, dtype=np.uint32),
        is_term=np.zeros(_FEW_NODES, dtype=np.uint8),
        counts=np.zeros((_FEW_NODES, 2), dtype=np.int32),
        of_symbol=np.zeros(_FEW_SYMBOLS, dtype=np.uint32),
        sizes=np.array([1], dtype=np.int64),
    )


def _lengthened(array: np.ndarray, length: int) -> np.ndarray:
    if len(array) >= length:
        return array
    longer = np.zeros((max(length, 2 * len(array)), *array.shape[1:]), dtype=array.dtype)
    longer[: len(array)] = array
    return longer


def with_symbol_room(table: Symbols, n_more: int, n_more_bytes: int) -> Symbols:
    """Make room for more symbols; slots stay at most half full."""
    n_symbols = int(table.sizes[0]) + n_more
    starts = _lengthened(table.starts, n_symbols)
    slots = table.slots
    if not len(table.symbol_of) and 4 * n_symbols > len(slots):
        slots = np.zeros(2 << (2 * n_symbols - 1).bit_length(), dtype=np.uint64)
        move_tokens(slots, table)
    return table._replace(
        slots=slots,
        data=_lengthened(table.data, int(table.sizes[1]) + n_more_bytes + SPARE_BYTES),
        starts=starts,
        n_bytes=_lengthened(table.n_bytes, n_symbols),
    )


def with_all_symbols(table: Nodes, n_symbols: int) -> Nodes:
    """Make room for a node of each symbol alone."""
    return table._replace(of_symbol=_lengthened(table.of_symbol, n_symbols))


def with_node_room(table: Nodes, n_more: int, share: float) -> Nodes:
    """Make room for more nodes, and for those that are expected after a share of the texts.

    New n-grams become rarer: their number grows like a power of that of the texts. Slots stay at
    most half full.
    """
    n_used = int(table.sizes[0])
    n_nodes = n_used + n_more
    if n_nodes <= len(table.parents) and 4 * n_nodes <= len(table.slots):
        return table
    if share:
        n_nodes = max(n_nodes, int(1.1 * n_used * min(share**-_GROWTH, _MOST_GROWTH)))
    slots = table.slots
    if 4 * n_nodes > len(slots):
        slots = np.zeros(2 << (2 * n_nodes - 1).bit_length(), dtype=np.uint64)
        move_nodes(slots, table.parents, table.symbols, table.sizes[0])
    return table._replace(
        slots=slots,
        parents=_lengthened(table.parents, n_nodes),
        symbols=_lengthened(table.symbols, n_nodes),
        is_term=_lengthened(table.is_term, n_nodes),
        counts=_lengthened(table.counts, n_nodes),
    )


@inline
def token_hash(data, start, length):
    """Return the first word of a token, and a hash of its bytes.

    Parameters
    ----------
    data : uint8 array
        At least 16 bytes from ``start`` on are read, also those after the token.
    start, length : uint64
    """
    first, second = first_words(data, start, length)
    state = _mixed(_mixed(length, first), second)
    at = SIXTEEN
    while at < length:
        state = _mixed(state, first_bytes(load_word(data, start + at), length - at))
        at += EIGHT
    return first, state ^ state >> HALF


@inline
def ask_for_token(state, table):
    """Ask for the cache line where the search for a token begins."""
    prefetch(table.slots, state << ONE & np.uint64(len(table.slots) - 1))


@inline
def intern_token(data, start, length, first, state, table):
    """Return the symbol of a token, a new one if it was not met before.

    Parameters
    ----------
    data, start, length
        As in `token_hash`.
    first, state : uint64
        From there.
    table : Symbols
    """
    slots = table.slots
    last = np.uint64(len(slots) - 1)
    at = state << ONE & last
    while slots[at + ONE]:
        entry = slots[at + ONE]
        if slots[at] == first and entry >> HALF == length:
            symbol = entry & LOWER_HALF
            # A token of up to eight bytes is these two words; of a longer one, all must match.
            k = EIGHT
            place = np.uint64(table.starts[symbol])
            while k < length and load_word(table.data, place + k) == first_bytes(
                load_word(data, start + k), length - k
            ):
                k += EIGHT
            if k >= length:
                return np.uint32(symbol)
        at = (at + TWO) & last
    symbol = np.uint64(table.sizes[0])
    place = np.uint64(table.sizes[1])
    slots[at] = first
    slots[at + ONE] = length << HALF | symbol
    table.starts[symbol] = place
    table.n_bytes[symbol] = length
    for i in range(length):
        table.data[place + i] = data[start + i]
    table.sizes[0] += 1
    table.sizes[1] += np.int64((length + SEVEN) & ~SEVEN)
    return np.uint32(symbol)


@inline
def _mixed(state, word):
    return ((state >> HALF) ^ state ^ word) * _FACTOR_2


@inline
def intern_character(code_point, table):
    """Return the symbol of a code point, a new one if it was not met before."""
    symbol = table.symbol_of[code_point]
    if symbol == 0:
        symbol = np.uint32(table.sizes[0])
        table.symbol_of[code_point] = symbol
        place = table.sizes[1]
        table.starts[symbol] = place
        table.n_bytes[symbol] = encode(code_point, table.data, np.uint64(place))
        table.sizes[0] += 1
        table.sizes[1] = place + 8
    return symbol


@inline
def slot_of(key, slots):
    """Return where the search for a node begins."""
    state = (key ^ key >> HALF) * _FACTOR_1
    return ((state ^ state >> HALF) << ONE) & (np.uint64(len(slots)) - TWO)


@inline
def ask_for_node(parent, symbol, slots):
    """Ask for the cache line where the search for a node begins."""
    prefetch(slots, slot_of(np.uint64(parent) << HALF | np.uint64(symbol), slots))


@inline
def _new_node(parent, symbol, is_term, table):
    node = table.sizes[0]
    table.parents[node] = parent
    table.symbols[node] = symbol
    table.is_term[node] = is_term
    table.sizes[0] = node + 1
    return node


@inline
def find_first(symbol, is_term, table):
    """Return the node of a symbol alone, a new one if it was not met before."""
    node = table.of_symbol[symbol]
    if node == 0:
        node = np.uint32(_new_node(0, symbol, is_term, table))
        table.of_symbol[symbol] = node
    return node


@inline
def find_node(parent, symbol, is_term, table):
    """Return the slot of a node, a new one if it was not met before."""
    slots = table.slots
    key = np.uint64(parent) << HALF | np.uint64(symbol)
    at = slot_of(key, slots)
    while slots[at] != key or slots[at + ONE] == ZERO:
        if slots[at + ONE] == ZERO:
            slots[at] = key
            slots[at + ONE] = np.uint64(_new_node(parent, symbol, is_term, table))
            return at
        at = (at + TWO) & (np.uint64(len(slots)) - TWO)
    return at


@jit
def move_tokens(slots, table):
    """Enter the tokens of a table into new, empty slots."""
    last = np.uint64(len(slots) - 1)
    for symbol in range(1, table.sizes[0]):
        length = np.uint64(table.n_bytes[symbol])
        first, state = token_hash(table.data, np.uint64(table.starts[symbol]), length)
        at = state << ONE & last
        while slots[at + ONE]:
            at = (at + TWO) & last
        slots[at] = first
        slots[at + ONE] = length << HALF | np.uint64(symbol)


@jit
def move_nodes(slots, parents, symbols, n_nodes):
    """Enter the nodes of a table into new, empty slots."""
    last = np.uint64(len(slots)) - TWO
    for node in range(1, n_nodes):
        if parents[node] == 0:
            continue  # found by its symbol
        key = np.uint64(parents[node]) << HALF | np.uint64(symbols[node])
        at = slot_of(key, slots)
        while slots[at + ONE]:
            at = (at + TWO) & last
        slots[at] = key
        slots[at + ONE] = np.uint64(node)
