"""One text to the counts of its terms: the analyzers joined with the walk."""

from typing import NamedTuple

import numpy as np

from .._bits import greater, lesser, prefetch
from .._jit import inline, inline_allocating
from .._room import room
from ._ngrams import SEGMENT, count_ngrams, count_whole
from ._symbols import char_symbols, char_wb_symbols
from ._tokens import STOP

CHAR, CHAR_WB, WORD = 0, 1, 2

_UNKNOWN = np.uint32(0)


class NGrams(NamedTuple):
    """Which runs of symbols are terms."""

    analyzer: int  # CHAR, CHAR_WB or WORD
    min_n: int
    max_n: int


@inline_allocating
def make_scratch(longest, ngrams, n_slots):
    """Allocate working arrays for texts of at most ``longest`` bytes."""
    n_symbols = longest
    if ngrams.analyzer == CHAR_WB:
        n_symbols = 3 * longest  # blanks and a boundary around words of one byte
    n_symbols += ngrams.max_n + 4
    n_levels = greater(ngrams.max_n - ngrams.min_n + 1, 1)
    # A slot is listed once; beside those, the n-grams of one segment, repeats among them.
    n_segment = lesser(n_symbols, np.int64(SEGMENT)) + 1
    n_listed = lesser(n_slots, n_symbols * (n_levels + 1))  # one more level for whole short words
    if ngrams.analyzer == WORD and ngrams.max_n == 1:
        n_listed = n_symbols  # every token is listed
    touched = room(n_listed + n_segment * n_levels + 1, np.uint32)
    return room(n_symbols, np.uint32), touched, room(n_segment, np.uint64)


@inline
def longest_text(starts, stops):
    """Return the most bytes of a text."""
    longest = 0
    for row in range(len(starts)):
        longest = greater(longest, stops[row] - starts[row])
    return longest


@inline
def ask_for_rows(weights, found, n_tokens):
    """Ask for the rows of an array over slots that the words of a block of texts will need."""
    for k in range(np.uint64(n_tokens)):
        slot = _UNKNOWN if found[k] == STOP else found[k]
        prefetch(weights, np.uint64(slot) * np.uint64(weights.shape[1]))


@inline
def count_row(text, start, stop, characters, ngrams, slots, counter, scratch, found, first, last):
    """Count the terms of a text.

    Parameters
    ----------
    text, start, stop
        Where its characters are.
    characters : tuple
        What `char_symbols` wants to know of them. Only what is used is passed: the many arrays
        of an `Alphabet` take long to compile.
    ngrams : NGrams
        Of words or of characters.
    slots, counter : arrays of shape (n_slots,)
    scratch : tuple
        From `make_scratch`.
    found, first, last
        Where the symbols of its words are.

    Returns
    -------
    uint64
        How many slots are listed in the second array of ``scratch``: all that were counted, some
        perhaps more than once, and perhaps some that are no terms.
    """
    symbols, touched, frontier = scratch
    if ngrams.analyzer == WORD:
        if ngrams.max_n == 1:
            # Nothing to walk: the symbol of a token is its slot.
            for i in range(first, last):
                slot = _UNKNOWN if found[i] == STOP else found[i]
                touched[i - first] = slot
                counter[slot] += 1
            return last - first
        n = 0
        for i in range(first, last):
            symbols[n] = found[i]
            n += found[i] != STOP
    else:
        fold, space, ascii_symbols, symbol_of, blank = characters
        n = char_symbols(text, start, stop, fold, space, ascii_symbols, symbol_of, blank, symbols)
    return count_ngrams(symbols, n, slots, ngrams.min_n, ngrams.max_n, counter, touched, frontier)


@inline
def count_padded_words(text, start, stop, alphabet, ngrams, slots, counter, scratch, short):
    """Count the terms of a text that are n-grams of padded words.

    Parameters
    ----------
    text, start, stop, ngrams, slots, counter, scratch
        As in `count_row`.
    alphabet : Alphabet
    short : int64 array
        Room for two integers a word.

    Returns
    -------
    uint64
        As `count_row` does.
    """
    symbols, touched, frontier = scratch
    n, n_short = char_wb_symbols(text, start, stop, alphabet, symbols, ngrams.min_n, short)
    n_touched = count_ngrams(
        symbols, n, slots, ngrams.min_n, ngrams.max_n, counter, touched, frontier
    )
    for k in range(n_short):
        n_touched = count_whole(
            symbols, short[2 * k], short[2 * k + 1], slots, counter, touched, n_touched
        )
    return n_touched
