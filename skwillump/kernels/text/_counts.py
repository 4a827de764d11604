"""One text to the counts of its terms: the analyzers joined with the walk."""

from typing import NamedTuple

import numpy as np

from .._bits import prefetch
from .._jit import inline, inline_allocating
from .._words import ZERO
from ._ngrams import SEGMENT, count_ngrams, count_whole
from ._symbols import char_symbols, char_wb_symbols
from ._tokens import STOP, block_symbols, make_token_scratch

CHAR, CHAR_WB, WORD = 0, 1, 2

_UNKNOWN = np.uint32(0)


class NGrams(NamedTuple):
    """Which runs of symbols are terms."""

    analyzer: int  # CHAR, CHAR_WB or WORD
    min_n: int
    max_n: int


@inline_allocating
def make_scratch(starts, stops, ngrams, n_slots):
    """Allocate working arrays for the longest of the texts."""
    longest = 0
    for row in range(len(starts)):
        longest = max(longest, stops[row] - starts[row])
    n_symbols = longest
    if ngrams.analyzer == CHAR_WB:
        n_symbols = 3 * longest  # blanks and a boundary around words of one byte
    n_symbols += ngrams.max_n + 4
    n_levels = max(ngrams.max_n - ngrams.min_n + 1, 1)
    # A slot is listed once; beside those, the n-grams of one segment, repeats among them.
    n_segment = min(n_symbols, np.int64(SEGMENT)) + 1
    n_listed = min(n_slots, n_symbols * (n_levels + 1))  # one more level for whole short words
    if ngrams.analyzer == WORD and ngrams.max_n == 1:
        n_listed = n_symbols  # every token is listed
    symbols = np.empty(n_symbols, dtype=np.uint32)
    touched = np.empty(n_listed + n_segment * n_levels + 1, dtype=np.uint32)
    frontier = np.empty(n_segment, dtype=np.uint64)
    short = np.empty(longest + 2 if ngrams.analyzer == CHAR_WB else 0, dtype=np.int64)
    n_words = len(starts) if ngrams.analyzer == WORD else 0
    return symbols, touched, frontier, short, make_token_scratch(starts[:n_words], stops[:n_words])


@inline
def next_block(text, starts, stops, begin, alphabet, ngrams, scratch):
    """Prepare some texts for `count_row`, from row ``begin`` on; return where they end."""
    if ngrams.analyzer == WORD:
        return block_symbols(text, starts, stops, begin, alphabet, scratch[4])
    return len(starts)


@inline
def ask_for_rows(weights, n_texts, ngrams, scratch):
    """Ask for the rows of an array over slots that the words of a block of texts will need."""
    if ngrams.analyzer == WORD:
        _, found, ends = scratch[4]
        for k in range(np.uint64(ends[n_texts - 1])):
            slot = _UNKNOWN if found[k] == STOP else found[k]
            prefetch(weights, np.uint64(slot) * np.uint64(weights.shape[1]))


@inline
def count_row(text, starts, stops, row, begin, alphabet, ngrams, slots, counter, scratch):
    """Count the terms of a text of the block that begins at row ``begin``.

    Returns
    -------
    uint64
        How many slots are listed in the second array of ``scratch``: all that were counted, some
        perhaps more than once, and perhaps some that are no terms.
    """
    symbols, touched, frontier, short, tokens = scratch
    n_short = 0
    if ngrams.analyzer == CHAR:
        n = char_symbols(text, starts[row], stops[row], alphabet, symbols)
    elif ngrams.analyzer == WORD:
        _, found, ends = tokens
        k = row - begin
        first = np.uint64(ends[k - 1]) if k else ZERO
        last = np.uint64(ends[k])
        if ngrams.max_n == 1:
            # Nothing to walk: the symbol of a token is its slot.
            for i in range(first, last):
                slot = found[i]
                slot = _UNKNOWN if slot == STOP else slot
                touched[i - first] = slot
                counter[slot] += 1
            return last - first
        n = 0
        for i in range(first, last):
            symbols[n] = found[i]
            n += found[i] != STOP
    else:
        n, n_short = char_wb_symbols(
            text, starts[row], stops[row], alphabet, symbols, ngrams.min_n, short
        )
    n_touched = count_ngrams(
        symbols, n, slots, ngrams.min_n, ngrams.max_n, counter, touched, frontier
    )
    for k in range(n_short):
        n_touched = count_whole(
            symbols, short[2 * k], short[2 * k + 1], slots, counter, touched, n_touched
        )
    return n_touched
