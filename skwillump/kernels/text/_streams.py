"""Texts to streams of symbols, which get their numbers as they are met.

A text's symbols stand one after the other, in segments: the whole text, or with ``char_wb`` each
padded word. No n-gram crosses the end of a segment.
"""

from typing import NamedTuple

import numpy as np

from .._bits import lesser
from .._jit import jit
from .._room import room, zeros
from .._words import EIGHT, ONE, SEVEN, THREE, ZERO
from ._growing import ask_for_token, intern_character, intern_token, token_hash
from ._utf8 import decode, encode

_AHEAD = 8
"""How many tokens ahead their places in the table are asked for."""


class Characters(NamedTuple):
    """What is known of each code point."""

    fold: np.ndarray  # int32 (0x110000,): lower case, or itself
    kind: np.ndarray  # uint8 (0x110000,): 1 for white space, or for what tokens consist of
    ascii: np.ndarray  # uint16 (128,): kind of the lower case << 8 | lower case, of ASCII


def characters_of(fold: np.ndarray, kind: np.ndarray) -> Characters:
    """Tabulate code points by their lower case and kind."""
    folded = fold[:128]
    return Characters(fold, kind, (kind[folded].astype(np.uint16) << 8) | folded.astype(np.uint16))


class Streams(NamedTuple):
    """Room for the symbols of some texts."""

    symbols: np.ndarray  # uint32
    segment_ends: np.ndarray  # int64: where each segment ends in `symbols`
    row_ends: np.ndarray  # int64 (n_rows,): where the segments of each row end in `segment_ends`


@jit
def token_streams(text, starts, stops, characters, shortest, n_stop_words, table, streams):
    """Write the symbols of each text's tokens.

    Parameters
    ----------
    text : uint8 array
        UTF-8 bytes of all texts.
    starts, stops : int64 arrays of shape (n_rows,)
        Where each text begins and ends.
    characters : Characters
    shortest : int
        Shorter tokens are dropped.
    n_stop_words : int
        Tokens with symbols from 1 to this number are dropped.
    table : Symbols
    streams : Streams

    Returns
    -------
    n_tokens, n_words : int
        If the table has not room for as many, nothing was written. Zeros otherwise.
    """
    n_bytes = 0
    for row in range(len(starts)):
        n_bytes += stops[row] - starts[row]
    # Folding lengthens by half at most, and zeros fill the last word of a token.
    words = room(n_bytes * 3 // 16 + n_bytes // 2 + 2 * len(starts) + 2, np.uint64)
    data = words.view(np.uint8)
    lengths = room(n_bytes // 2 + len(starts), np.uint64)
    hashes = room(len(lengths), np.uint64)
    # 1. The tokens of all texts, each from a new word on.
    at = ZERO
    n_tokens = 0
    for row in range(len(starts)):
        i = np.uint64(starts[row])
        end = np.uint64(stops[row])
        start = at
        n_characters = 0
        while i <= end:
            if i < end and text[i] < 128:
                entry = characters.ascii[text[i]]
                i += ONE
                if entry >= 256:
                    data[at] = entry & 0xFF
                    at += ONE
                    n_characters += 1
                    continue
            elif i < end:
                code_point, width = decode(text, i)
                i += width
                folded = np.int64(characters.fold[code_point])
                if characters.kind[folded]:
                    at += encode(folded, data, at)
                    n_characters += 1
                    continue
            else:
                i += ONE  # the end of the text
            if n_characters >= shortest:
                word = (at + SEVEN) >> THREE
                for k in range(at, at + EIGHT):
                    data[k] = 0
                length = at - start
                lengths[n_tokens] = length
                hashes[n_tokens] = token_hash(words, start >> THREE, length)
                n_tokens += 1
                start = word << THREE
            at = start
            n_characters = 0
        streams.segment_ends[row] = n_tokens
        streams.row_ends[row] = row + 1
    n_words = np.int64(at >> THREE)
    if (
        table.sizes[0] + n_tokens > len(table.n_bytes)
        or 4 * (table.sizes[0] + n_tokens) > len(table.slots)
        or table.sizes[1] + n_words >= len(table.words)  # a word is left after the last one
    ):
        return n_tokens, n_words
    # 2. Their symbols. The slots of the next ones are asked for meanwhile.
    word = ZERO
    n = 0
    first = 0
    for row in range(len(starts)):
        last = streams.segment_ends[row]
        for token in range(first, last):
            ask_for_token(hashes[lesser(token + _AHEAD, n_tokens - 1)], table)
            symbol = intern_token(words, word, lengths[token], hashes[token], table)
            word += (lengths[token] + SEVEN) >> THREE
            streams.symbols[n] = symbol
            n += symbol > n_stop_words
        first = last
        streams.segment_ends[row] = n
    return 0, 0


@jit
def character_streams(text, starts, stops, characters, table, streams):
    """Write the symbols of each text's characters, runs of white space as one blank.

    Parameters
    ----------
    text, starts, stops, characters, table, streams
        As in `token_streams`.
    """
    buffer = zeros(8, np.uint8)
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
            streams.symbols[n] = intern_character(folded, table, buffer)
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
    buffer = zeros(8, np.uint8)
    blank = intern_character(32, table, buffer)
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
                streams.symbols[n] = intern_character(folded, table, buffer)
                n += 1
        streams.row_ends[row] = n_segments
