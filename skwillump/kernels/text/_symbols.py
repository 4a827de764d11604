"""From the UTF-8 bytes of a text to a stream of symbols.

The n-grams of all three analyzers are runs of symbols: characters for ``char``, the characters of
padded words for ``char_wb``, whole tokens for ``word`` (in ``_tokens``). Symbol 0 stands for what
is in no term of the vocabulary, and for a boundary that no n-gram crosses.
"""

from typing import NamedTuple

import numpy as np

from .._arrays import line_aligned
from .._jit import inline
from .._words import ONE, ZERO
from ._unicode import class_table, identity_table, lower_table, space_table
from ._utf8 import decode

_NO_TABLE = np.zeros(0, dtype=np.uint8)


class Alphabet(NamedTuple):
    """What turns text into symbols.

    Fields of the other kind of analyzer are empty arrays.
    """

    fold: np.ndarray  # int32 (0x110000,): code point -> lower case, or itself
    kind: np.ndarray  # uint8 (0x110000,): 1 for white space, or for what tokens consist of
    ascii: np.ndarray  # uint32 (128,): symbol of a character, for analyzers of characters
    symbol_of: np.ndarray  # uint32 (n,): folded code point -> symbol
    ranges: np.ndarray  # uint8 (n, 2): ASCII bytes of tokens, the first of a run and how many
    n_letters: int  # how many bytes from "A" on are written in lower case in tokens
    n_tokens: int  # known ones, stop words among them
    buckets: np.ndarray  # uint64 (8 * 2**k,): tokens of up to 15 bytes, three in a bucket
    bucket_shift: int  # 64 - k
    long_slots: np.ndarray  # uint32 (2**k,): number of a longer token from 1, 0 where there is none
    long_entries: np.ndarray  # uint64 (1 + n, 3): hash, length << 32 | symbol, first word
    long_words: np.ndarray  # uint64: the bytes of each longer token
    blank: int  # symbol of " "
    shortest: int  # least number of characters in a token

    def without_tables(self) -> "Alphabet":
        """Leave out the tables over all code points, which every process can make."""
        return self._replace(fold=_NO_TABLE, kind=_NO_TABLE)

    def with_tables(self, lowercase: bool, token_class: str | None) -> "Alphabet":
        """Put in this process's tables, and buckets where cache lines begin."""
        return self._replace(
            fold=lower_table() if lowercase else identity_table(),
            kind=space_table() if token_class is None else class_table(token_class),
            buckets=line_aligned(self.buckets),
        )


@inline
def char_symbols(text, start, stop, fold, space, ascii_symbols, symbol_of, blank, out):
    """Write a text's characters, runs of white space as one blank; return how many.

    The fields of `Alphabet` come one by one: to pass all of them takes long to compile.
    """
    n_known = len(symbol_of)
    n = ZERO
    after_space = False
    i = np.uint64(start)
    end = np.uint64(stop)
    while i < end:
        b = text[i]
        if b < 128:
            symbol = ascii_symbols[b]
            is_space = space[b] != 0
            i += ONE
        else:
            code_point, width = decode(text, i)
            folded = fold[code_point]
            symbol = symbol_of[folded] if folded < n_known else np.uint32(0)
            is_space = space[code_point] != 0
            i += width
        # The second blank of a run takes the place of the first.
        run = is_space & after_space
        n -= np.uint64(run)
        out[n] = blank if run else symbol
        n += ONE
        after_space = is_space
    return np.int64(n)


@inline
def char_wb_symbols(text, start, stop, alphabet, out, min_n, short):
    """Write each word between two blanks and a boundary after it.

    A padded word of fewer than ``min_n`` characters is an n-gram as a whole: its position and
    length go to ``short``. Returns the number of symbols and of such words.
    """
    n = 0
    n_short = 0
    first = -1  # where the current padded word begins in `out`
    i = np.uint64(start)
    end = np.uint64(stop)
    while i <= end:
        is_space = True
        symbol = np.uint32(0)
        if i < end:
            b = text[i]
            if b < 128:
                symbol = alphabet.ascii[b]
                is_space = alphabet.kind[b] != 0
                i += ONE
            else:
                code_point, width = decode(text, i)
                folded = alphabet.fold[code_point]
                if folded < len(alphabet.symbol_of):
                    symbol = alphabet.symbol_of[folded]
                is_space = alphabet.kind[code_point] != 0
                i += width
        else:
            i += ONE
        if is_space:
            if first >= 0:
                out[n] = alphabet.blank
                out[n + 1] = 0
                length = n + 1 - first
                if length < min_n:
                    short[2 * n_short] = first
                    short[2 * n_short + 1] = length
                    n_short += 1
                n += 2
                first = -1
        else:
            if first < 0:
                first = n
                out[n] = alphabet.blank
                n += 1
            out[n] = symbol
            n += 1
    return n, n_short
