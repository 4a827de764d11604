"""The terms that vectorizers learn in `fit`, as tables of kernels, and their texts."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import chain

import numpy as np

from ...kernels.text._growing import Nodes, Symbols
from ...kernels.text._term_order import (
    blanks_in_order,
    measure_nodes,
    rank_symbols,
    rank_terms,
    unused_byte,
    write_terms,
)

_CHUNK_TERMS = 1 << 16
"""Terms whose texts are made together."""


@dataclass(frozen=True, eq=False, kw_only=True)
class LearnedTerms:
    """Terms in the order in which they were first met."""

    symbols: Symbols = field(repr=False)
    nodes: Nodes = field(repr=False)
    chosen: np.ndarray = field(repr=False)  # intp (n_terms,): the node of each term, ascending
    of_tokens: bool  # whether symbols are tokens, with a blank between, and not characters
    # intp (n_terms,): the place of each term in the order of their texts; None where they are not
    # sorted yet.
    ranks: np.ndarray | None = field(repr=False, default=None)

    def __len__(self) -> int:
        return len(self.chosen)

    def document_frequencies(self) -> np.ndarray:
        """Return in how many texts each term is (intp)."""
        return self.nodes.counts[self.chosen, 1].astype(np.intp)

    def only(self, kept: np.ndarray) -> "LearnedTerms":
        """Leave out all terms but those at some positions, which ascend."""
        return replace(self, chosen=self.chosen[kept], ranks=None)

    def sorted(self) -> "LearnedTerms":
        """Rank the terms."""
        if self.of_tokens and not blanks_in_order(self.symbols):
            # Tokens with such bytes and tokens before a blank are in another order.
            texts = list(self.texts())
            order = np.array(sorted(range(len(texts)), key=texts.__getitem__), dtype=np.intp)
            ranks = np.empty_like(order)
            ranks[order] = np.arange(len(order))
            return replace(self, ranks=ranks)
        places = rank_terms(self.nodes, rank_symbols(self.symbols))[self.chosen]
        present = np.zeros(int(places.max(initial=0)) + 1, dtype=np.bool_)
        present[places] = True
        return replace(self, ranks=(np.cumsum(present) - 1)[places])

    def texts(self) -> Iterator[str]:
        """Return the texts of the terms."""
        return chain.from_iterable(self._texts_by_chunk())

    def _texts_by_chunk(self) -> Iterator[list[str]]:
        blank = int(self.of_tokens)
        lengths = np.empty(int(self.nodes.sizes[0]), dtype=np.int64)
        measure_nodes(self.nodes, self.symbols, blank, lengths)
        separator = unused_byte(self.symbols)
        for start in range(0, len(self.chosen), _CHUNK_TERMS):
            terms = self.chosen[start : start + _CHUNK_TERMS]
            ends = np.cumsum(lengths[terms] + 1) - 1
            out = np.empty(int(ends[-1]) + 1, dtype=np.uint8)
            write_terms(terms, self.nodes, self.symbols, blank, separator or 0, ends, out)
            raw = out[:-1].tobytes()
            if separator is not None:
                yield raw.decode("utf-8", "surrogatepass").split(chr(separator))
            else:
                starts = np.concatenate(([0], ends[:-1] + 1)).tolist()
                yield [
                    raw[first:last].decode("utf-8", "surrogatepass")
                    for first, last in zip(starts, ends.tolist(), strict=True)
                ]


@dataclass(eq=False)
class Learned:
    """What is known of the columns of a matrix of counts while a vectorizer is fitted."""

    terms: LearnedTerms | None  # None where the vocabulary is written
    frequencies: np.ndarray  # intp (n_columns,): the entries of each column
