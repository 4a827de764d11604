"""Texts to streams of symbols, for vectorizers that do not know their terms yet."""

import functools

import numpy as np

from ...kernels._arrays import frozen_fields
from ...kernels.text._counts import CHAR, CHAR_WB, WORD
from ...kernels.text._growing import new_symbols, with_symbol_room
from ...kernels.text._streams import (
    Characters,
    Streams,
    character_streams,
    characters_of,
    padded_word_streams,
    token_streams,
)
from ...kernels.text._unicode import (
    N_CODE_POINTS,
    class_table,
    identity_table,
    lower_table,
    space_table,
)
from ._encoding import Utf8, encode_texts
from ._options import TextOptions


class SymbolReader:
    """Turns texts into streams of symbols, and numbers those that were not met before."""

    def __init__(self, options: TextOptions):
        self.options = options
        self.is_word = options.analyzer == WORD
        self.symbols = new_symbols(of_characters=not self.is_word)
        kind = space_table() if options.token_class is None else class_table(options.token_class)
        fold = lower_table() if options.fold else identity_table()
        self.characters = frozen_fields(characters_of(fold, kind))
        self.n_stop_words = 0
        if options.stop_words:
            # Each of them is one token, whatever it consists of.
            texts = encode_texts(options.stop_words)
            anything = frozen_fields(characters_of(identity_table(), _all_code_points()))
            self._read_tokens(texts, anything, 1)
            self.n_stop_words = int(self.symbols.sizes[0]) - 1

    def read(self, texts: Utf8) -> Streams:
        """Read some texts."""
        if self.is_word:
            return self._read_tokens(texts, self.characters, self.options.shortest)
        streams, n_bytes = self._streams(texts)
        n_characters = min(n_bytes, N_CODE_POINTS) + 1
        self.symbols = with_symbol_room(self.symbols, n_characters, 8 * n_characters)
        kernel = character_streams if self.options.analyzer == CHAR else padded_word_streams
        kernel(texts.data, texts.starts, texts.stops, self.characters, self.symbols, streams)
        return streams

    def _read_tokens(self, texts: Utf8, characters: Characters, shortest: int) -> Streams:
        streams, _ = self._streams(texts)
        row = 0
        while True:
            row, n_tokens, n_bytes = token_streams(
                texts.data,
                texts.starts,
                texts.stops,
                row,
                characters,
                shortest,
                self.n_stop_words,
                self.symbols,
                streams,
            )
            if row == len(texts.starts):
                return streams
            self.symbols = with_symbol_room(self.symbols, n_tokens, n_bytes)

    def _streams(self, texts: Utf8) -> tuple[Streams, int]:
        n_bytes = int((texts.stops - texts.starts).sum())
        n_rows = len(texts.starts)
        padded = self.options.analyzer == CHAR_WB
        # Two blanks around each word, and a word has one byte at least, another one follows it.
        n_symbols = 2 * n_bytes + n_rows if padded else n_bytes
        n_segments = n_bytes // 2 + n_rows if padded else n_rows
        streams = Streams(
            np.empty(n_symbols + 1, dtype=np.uint32),
            np.empty(n_segments, dtype=np.int64),
            np.empty(n_rows, dtype=np.int64),
        )
        return streams, n_bytes


@functools.cache
def _all_code_points() -> np.ndarray:
    return np.ones(N_CODE_POINTS, dtype=np.uint8)
