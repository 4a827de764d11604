"""One text to the counts of its terms: the analyzers joined with the walk."""

from typing import NamedTuple

import numpy as np

from skwillump.kernels._jit import inline
from skwillump.kernels._ngrams import SEGMENT, count_ngrams, count_whole
from skwillump.kernels._symbols import char_symbols, char_wb_symbols
from skwillump.kernels._tokens import word_symbols

CHAR, CHAR_WB, WORD = 0, 1, 2


class NGrams(NamedTuple):
    """Which runs of symbols are terms."""

    analyzer: int  # CHAR, CHAR_WB or WORD
    min_n: int
    max_n: int


@inline
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
    symbols = np.empty(n_symbols, dtype=np.uint32)
    touched = np.empty(n_listed + n_segment * n_levels + 1, dtype=np.uint32)
    frontier = np.empty(n_segment, dtype=np.uint64)
    # Folding lengthens a text by half at most.
    n_words = (longest // 8) * 3 // 2 + 4 if ngrams.analyzer == WORD else 0
    words = np.empty(n_words, dtype=np.uint64)
    marks = np.empty(n_words // 8 + 2, dtype=np.uint64)
    short = np.empty(longest + 2 if ngrams.analyzer == CHAR_WB else 0, dtype=np.int64)
    return symbols, touched, frontier, words, marks, short


@inline
def count_text(text, start, stop, alphabet, ngrams, slots, counter, scratch):
    """Count the terms of ``text[start:stop]``; return how many slots are in ``touched``."""
    symbols, touched, frontier, words, marks, short = scratch
    n_short = 0
    if ngrams.analyzer == CHAR:
        n = char_symbols(text, start, stop, alphabet, symbols)
    elif ngrams.analyzer == WORD:
        n = word_symbols(text, start, stop, alphabet, symbols, words, marks)
    else:
        n, n_short = char_wb_symbols(text, start, stop, alphabet, symbols, ngrams.min_n, short)
    n_touched = count_ngrams(
        symbols, n, slots, ngrams.min_n, ngrams.max_n, counter, touched, frontier
    )
    for k in range(n_short):
        n_touched = count_whole(
            symbols, short[2 * k], short[2 * k + 1], slots, counter, touched, n_touched
        )
    return n_touched
