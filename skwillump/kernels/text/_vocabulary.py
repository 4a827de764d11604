"""From the terms of a vocabulary to the arrays that kernels read."""

from collections.abc import Collection, Sequence

import numpy as np

from ._symbols import Alphabet
from ._token_tables import fill_token_tables
from ._tokens import SHORT, STOP
from ._trie import Trie, build_trie
from ._unicode import byte_ranges, class_table, code_points, identity_table, lower_table

_NO_BYTES = np.zeros(0, dtype=np.uint8)
"""For the fields that an alphabet does not use."""

_NO_SYMBOLS = np.zeros(0, dtype=np.uint32)
_NO_WORDS = np.zeros(0, dtype=np.uint64)


def char_alphabet(terms: Collection[str], lowercase: bool) -> Alphabet:
    """Number the characters of ``terms`` in the order of their code points, from 1."""
    fold = lower_table() if lowercase else identity_table()
    characters = np.unique(code_points("".join(terms)))
    size = int(characters[-1]) + 1 if len(characters) else 1
    symbol_of = np.zeros(size, dtype=np.uint32)
    symbol_of[characters] = np.arange(1, len(characters) + 1)
    ascii_symbols = np.zeros(128, dtype=np.uint32)
    folded = fold[:128]
    known = folded < size
    ascii_symbols[known] = symbol_of[folded[known]]
    alphabet = Alphabet(
        fold=_NO_BYTES,
        kind=_NO_BYTES,
        ascii=ascii_symbols,
        symbol_of=symbol_of,
        ranges=_NO_BYTES.reshape(0, 2),
        n_letters=0,
        n_tokens=0,
        buckets=_NO_WORDS,
        bucket_shift=0,
        long_slots=_NO_SYMBOLS,
        long_entries=_NO_WORDS.reshape(0, 3),
        long_words=_NO_WORDS,
        blank=int(ascii_symbols[ord(" ")]),
        shortest=1,
    )
    return alphabet.with_tables(lowercase, None)


def word_alphabet(
    tokens: Sequence[str],
    stop_words: Collection[str],
    character_class: str,
    shortest: int,
    lowercase: bool,
) -> Alphabet:
    """Number ``tokens`` from 1, in the order given; those in ``stop_words`` are dropped.

    A token of a text is a longest run of characters that match ``character_class``, if it has at
    least ``shortest`` of them.
    """
    fold = lower_table() if lowercase else identity_table()
    in_token = class_table(character_class)
    symbols = dict(zip(tokens, range(1, len(tokens) + 1), strict=True))
    symbols.update(dict.fromkeys(stop_words, int(STOP)))
    encoded = [token.encode("utf-8", "surrogatepass") for token in symbols]
    offsets = np.zeros(len(encoded) + 1, dtype=np.int64)
    np.cumsum([len(token) for token in encoded], out=offsets[1:])
    token_bytes = np.frombuffer(b"".join(encoded), dtype=np.uint8)
    long = [token for token in encoded if len(token) > SHORT]
    # At most half of what buckets and slots can hold is used.
    bucket_bits = max(2 * (len(encoded) - len(long)) // 3, 1).bit_length()
    slot_bits = max(2 * len(long), 1).bit_length()
    alphabet = Alphabet(
        fold=_NO_BYTES,
        kind=_NO_BYTES,
        ascii=_NO_SYMBOLS,
        symbol_of=_NO_SYMBOLS,
        ranges=byte_ranges(in_token[fold[:128]]),
        n_letters=26 if lowercase else 0,
        n_tokens=len(encoded),
        buckets=np.zeros(8 << bucket_bits, dtype=np.uint64),
        bucket_shift=64 - bucket_bits,
        long_slots=np.zeros(1 << slot_bits, dtype=np.uint32),
        long_entries=np.zeros((1 + len(long), 3), dtype=np.uint64),
        long_words=np.zeros(sum(-(-len(token) // 8) for token in long), dtype=np.uint64),
        blank=0,
        shortest=shortest,
    )
    token_symbols = np.fromiter(symbols.values(), dtype=np.uint32, count=len(encoded))
    fill_token_tables(token_bytes, offsets, token_symbols, alphabet)
    return alphabet.with_tables(lowercase, character_class)


def vocabulary_trie(
    symbols: np.ndarray, lengths: np.ndarray, terms: np.ndarray, n_terms: int
) -> Trie:
    """Build the trie of sequences of symbols, given in any order.

    Parameters
    ----------
    symbols : int64 array
        Sequences of symbols from 1, one after the other.
    lengths : int64 array of shape (n_sequences,)
    terms : int64 array of shape (n_sequences,)
        The number of the term that each sequence spells.
    """
    starts = np.cumsum(lengths) - lengths
    n_symbols = int(symbols.max(initial=0))
    # NumPy sorts integers of 16 bits by their digits.
    keys = symbols.astype(np.uint16) if n_symbols < 1 << 16 else symbols
    order = np.arange(len(lengths))
    for depth in range(int(lengths.max(initial=0)) - 1, -1, -1):
        is_long = lengths[order] > depth
        long = order[is_long]
        by_symbol = np.argsort(keys[starts[long] + depth], kind="stable")
        # What ends before is before all that it begins.
        order = np.concatenate((order[~is_long], long[by_symbol]))
    lengths = lengths[order]
    offsets = np.concatenate(([0], np.cumsum(lengths)))
    places = np.arange(offsets[-1]) + np.repeat(starts[order] - offsets[:-1], lengths)
    return build_trie(symbols[places], offsets, terms[order], n_terms, n_symbols)
