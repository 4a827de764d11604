"""Texts to streams of symbols, which get their numbers as they are met.

A text's symbols stand one after the other, in segments: the whole text, or with ``char_wb`` each
padded word. No n-gram crosses the end of a segment.
"""

from typing import NamedTuple

import numpy as np

from .._jit import jit
from .._words import ONE, SEVEN, TWO, ZERO
from ._growing import SPARE_BYTES, ask_for_token, intern_character, intern_token, token_hash
from ._tokens import block_tokens, make_token_scratch
from ._unicode import byte_ranges
from ._utf8 import count_characters, decode


class Characters(NamedTuple):
    """What is known of characters; see `Alphabet`."""

    fold: np.ndarray  # int32 (0x110000,): lower case, or itself
    kind: np.ndarray  # uint8 (0x110000,): 1 for white space, or for what tokens consist of
    ranges: np.ndarray  # uint8 (n, 2): ASCII bytes of tokens
    n_letters: int  # how many bytes from "A" on are written in lower case


def characters_of(fold: np.ndarray, kind: np.ndarray) -> Characters:
    """Tabulate code points by their lower case and kind."""
    n_letters = 26 if fold[ord("A")] == ord("a") else 0
    return Characters(fold, kind, byte_ranges(kind[fold[:128]]), n_letters)


class Streams(NamedTuple):
    """Room for the symbols of some texts."""

    symbols: np.ndarray  # uint32
    segment_ends: np.ndarray  # int64: where each segment ends in `symbols`
    row_ends: np.ndarray  # int64 (n_rows,): where the segments of each row end in `segment_ends`


@jit
def token_streams(
    text, starts, stops, first_row, characters, shortest, n_stop_words, table, streams
):
    """Write the symbols of each text's tokens.

    Parameters
    ----------
    text : uint8 array
        UTF-8 bytes of all texts.
    starts, stops : int64 arrays of shape (n_rows,)
        Where each text begins and ends.
    first_row : int
        Texts before this one are written already.
    characters : Characters
    shortest : int
        Shorter tokens are dropped.
    n_stop_words : int
        Tokens with symbols from 1 to this number are dropped.
    table : Symbols
    streams : Streams

    Returns
    -------
    row : int
        Where it stopped: at the end, or at a text for which the table has not room enough.
    n_tokens, n_bytes : int
        Room for how many symbols it may need there.
    """
    scratch = make_token_scratch(starts, stops)
    work, _, ends = scratch
    folded, _, token_starts, token_stops, words, places, is_long, wide_rows = work
    row = first_row
    n = streams.segment_ends[row - 1] if row else 0
    while row < len(starts):
        next_row, n_tokens, n_wide = block_tokens(text, starts, stops, row, characters, scratch)
        # 1. The first word of each token, and a hash. Its slot is asked for meanwhile.
        n_bytes = ZERO
        for k in range(n_tokens):
            start = np.uint64(token_starts[k])
            length = np.uint64(token_stops[k]) - start
            first, state = token_hash(folded, start, length)
            ask_for_token(state, table)
            words[TWO * k], words[TWO * k + ONE] = first, state
            is_long[k] = length >= np.uint64(shortest)
            n_bytes += (length + SEVEN) & ~SEVEN
        if (
            table.sizes[0] + np.int64(n_tokens) > len(table.n_bytes)
            or 4 * (table.sizes[0] + np.int64(n_tokens)) > len(table.slots)
            or table.sizes[1] + np.int64(n_bytes) + SPARE_BYTES > len(table.data)
        ):
            return row, np.int64(n_tokens), np.int64(n_bytes)
        for i in range(n_wide):
            wide_row = wide_rows[i]
            begin = np.uint64(ends[wide_row - 1]) if wide_row else ZERO
            for k in range(begin, np.uint64(ends[wide_row])):
                start, stop = np.uint64(token_starts[k]), np.uint64(token_stops[k])
                is_long[k] = count_characters(folded, start, stop) >= shortest
        # 2. Their symbols.
        for k in range(n_tokens):
            places[k] = n
            if is_long[k]:
                start = np.uint64(token_starts[k])
                length = np.uint64(token_stops[k]) - start
                symbol = intern_token(
                    folded, start, length, words[TWO * k], words[TWO * k + ONE], table
                )
                streams.symbols[n] = symbol
                n += symbol > n_stop_words
        places[n_tokens] = n
        for k in range(next_row - row):
            streams.segment_ends[row + k] = places[ends[k]]
            streams.row_ends[row + k] = row + k + 1
        row = next_row
    return row, 0, 0


@jit
def character_streams(text, starts, stops, characters, table, streams):
    """Write the symbols of each text's characters, runs of white space as one blank.

    Parameters
    ----------
    text, starts, stops, characters, table, streams
        As in `token_streams`.
    """
    n = 0
    for row in range(len(starts)):
        after_space = False
        i = np.uint64(starts[row])
        end = np.uint64(stops[row])
        while i < end:
            code_point = np.int64(text[i])
            width = ONE
            if code_point >= 128:
                code_point, width = decode(text, i)
            i += width
            is_space = characters.kind[code_point] != 0
            folded = np.int64(characters.fold[code_point])
            if is_space and after_space:
                # The second blank of a run takes the place of the first.
                n -= 1
                folded = np.int64(32)
            streams.symbols[n] = intern_character(folded, table)
            n += 1
            after_space = is_space
        streams.segment_ends[row] = n
        streams.row_ends[row] = row + 1


@jit
def padded_word_streams(text, starts, stops, characters, table, streams):
    """Write the symbols of each text's words, each between two blanks and a segment of its own.

    Parameters
    ----------
    text, starts, stops, characters, table, streams
        As in `token_streams`.
    """
    blank = intern_character(32, table)
    n = 0
    n_segments = 0
    for row in range(len(starts)):
        inside = False
        i = np.uint64(starts[row])
        end = np.uint64(stops[row])
        while i <= end:
            is_space = True
            folded = np.int64(0)
            width = ONE
            if i < end:
                code_point = np.int64(text[i])
                if code_point >= 128:
                    code_point, width = decode(text, i)
                is_space = characters.kind[code_point] != 0
                folded = np.int64(characters.fold[code_point])
            i += width
            if is_space == inside:  # a border of a word
                streams.symbols[n] = blank
                n += 1
                inside = not is_space
                if is_space:
                    streams.segment_ends[n_segments] = n
                    n_segments += 1
            if not is_space:
                streams.symbols[n] = intern_character(folded, table)
                n += 1
        streams.row_ends[row] = n_segments
