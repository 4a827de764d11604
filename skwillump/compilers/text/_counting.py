"""What `CountVectorizer` and `TfidfVectorizer` do in `fit`, by kernels.

The result is scikit-learn's to the last detail that a model or a user can see: the order of the
vocabulary, the types of its values, the order of the entries in the matrix, errors and warnings.
"""

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np
from scipy import sparse
from sklearn import get_config

from ..._compat import Original
from ...kernels._jit import is_at_hand
from ...kernels.text._counting import count_new_terms
from ...kernels.text._counts import CHAR_WB, WORD
from ...kernels.text._entries import as_floats, relabel
from ...kernels.text._growing import new_nodes, with_all_symbols, with_node_room
from ...kernels.text._order import make_bitmap
from .._unsupported import InputUnsupported, Unsupported
from ._columns import TextColumn, text_column
from ._encoding import Utf8, encode_texts
from ._learned_terms import Learned, LearnedTerms
from ._options import TextOptions, read_options
from ._rows import lengthened, trimmed
from ._symbol_reader import SymbolReader

_FEW_ENTRIES = 1 << 16
"""Entries of the matrix that room is made for at first."""

LEAST_TO_COMPILE = 1 << 24
"""Work that takes scikit-learn's own code half as long as these kernels take to compile."""


@dataclass
class _Postponed:
    """What was left to scikit-learn in this process, as kernels were not compiled yet."""

    work: int = 0  # as `work_per_character` counts it

    def adds(self, work: int) -> bool:
        """Leave some more to it, as long as that is less than it takes to compile."""
        is_little = self.work + work < LEAST_TO_COMPILE
        self.work += work * is_little
        return is_little


_POSTPONED = _Postponed()


class TooManyTerms(Exception):
    """Terms cannot be numbered with 31 bits."""


def fit_column(documents: Any, options: TextOptions, least_work: int) -> TextColumn:
    """Return the texts that a vectorizer is to learn from.

    Raises
    ------
    InputUnsupported
        If kernels do not read them, or if there is less to do than it takes to pay.
    """
    column = text_column(documents)
    if options.preprocess is not None:
        column.check_types(slice(0, len(column)))
        if isinstance(documents, np.ndarray) and documents.dtype.kind != "O":
            raise InputUnsupported("the preprocessor is given elements of an array")
    must_compile = least_work > 0 and not is_at_hand(count_new_terms)
    each = work_per_character(options)
    enough = max(least_work, LEAST_TO_COMPILE if must_compile else 0)
    work = column.n_characters(-(-enough // each)) * each
    if work < least_work:
        raise InputUnsupported("too few characters")
    if must_compile and _POSTPONED.adds(work):
        raise InputUnsupported("too few characters for what would have to be compiled")
    return column


def work_per_character(options: TextOptions) -> int:
    """Return how long scikit-learn takes for a character, relative to tokens without n-grams."""
    n_lengths = options.max_n - options.min_n + 1
    return n_lengths if options.analyzer == WORD else 6 * n_lengths


def fit_options(vectorizer: Any) -> TextOptions:
    """Read the options of a vectorizer that is to be fitted.

    Raises
    ------
    Unsupported
        For those that kernels do not know.
    """
    if any(callable(getattr(type(vectorizer), name, None)) for name in vars(vectorizer)):
        raise Unsupported("one of its methods was replaced")
    if not isinstance(vectorizer.analyzer, str):
        raise Unsupported("analyzer is a callable")
    if not all(isinstance(n, Integral) for n in vectorizer.ngram_range):
        raise Unsupported(f"ngram_range={vectorizer.ngram_range!r} is not of integers")
    if vectorizer.analyzer == "word" and not isinstance(vectorizer.token_pattern, str):
        raise Unsupported("token_pattern is not a str")
    if np.dtype(object) == vectorizer.dtype:
        raise Unsupported("SciPy refuses objects at one step or another")
    options = read_options(vectorizer)
    if options.own_tokens:
        raise Unsupported("Python finds the tokens")
    return options


def count_terms(
    vectorizer: Any, documents: Any, original: Original, least_work: int
) -> tuple[dict[str, Any], Any] | None:
    """Return what ``original(vectorizer, documents, False)`` returns, the vocabulary still empty.

    Parameters
    ----------
    vectorizer : CountVectorizer or TfidfVectorizer
    documents : iterable of texts
    original : callable
        scikit-learn's own counting.

    Returns
    -------
    tuple of dict and sparse matrix, or None
        The matrix has an attribute `learned`: its columns, in the order in which their terms were
        first met. None where kernels do not know the vectorizer or the texts: nothing was
        done.
    """
    try:
        options = fit_options(vectorizer)
        column = fit_column(documents, options, least_work)
    except (Unsupported, InputUnsupported):
        return None
    # What it checks, and warns of once, is part of scikit-learn's counting.
    vectorizer.build_analyzer()
    dtype = np.dtype(vectorizer.dtype)
    encode = _Encoder(vectorizer, options, original)
    try:
        terms, (indptr, indices, counts) = _count(column, options, encode, dtype)
    except (InputUnsupported, TooManyTerms):
        return None
    if not len(terms):
        return original(vectorizer, [], False)  # the error of an empty vocabulary
    interface = get_config().get("sparse_interface", "spmatrix")
    container = sparse.csr_array if interface == "sparray" else sparse.csr_matrix
    shape = (len(indptr) - 1, len(terms))
    X: Any = container((counts, indices, indptr), shape=shape, dtype=vectorizer.dtype)
    X.learned = Learned(terms, terms.document_frequencies())
    return {}, X


class _Encoder:
    """Make of the texts of a chunk what kernels read, with the user's preprocessor if any."""

    def __init__(self, vectorizer: Any, options: TextOptions, original: Original):
        self.vectorizer = vectorizer
        self.options = options
        self.original = original

    def __call__(self, texts: Utf8) -> Utf8:
        preprocess = self.options.preprocess
        if preprocess is None:
            return self.options.prepare(texts)
        outputs = []
        for text in texts.strings():
            outputs.append(preprocess(text))
            if not isinstance(outputs[-1], str):
                self._refuse(outputs[-1])
        return encode_texts(outputs)

    def _refuse(self, output: Any) -> None:
        """Raise what scikit-learn raises for the result of a preprocessor that is no text."""
        vectorizer = copy.copy(self.vectorizer)
        vectorizer.preprocessor = lambda text: output
        self.original(vectorizer, [""], False)
        raise TypeError(f"preprocessor returned {output!r}, which is not a str.")


def _count(
    column: TextColumn, options: TextOptions, encode: Callable[[Utf8], Utf8], dtype: np.dtype
) -> tuple[LearnedTerms, tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Count all n-grams of a column; return the terms, and the matrix as indptr, indices, data."""
    reader = SymbolReader(options)
    nodes = new_nodes()
    bitmap = make_bitmap(len(nodes.parents))
    indptr = np.zeros(len(column) + 1, dtype=np.int64)
    entries = _Entries()
    start = 0
    for texts in map(encode, _all_texts(column)):
        streams = reader.read(texts)
        nodes = with_all_symbols(nodes, int(reader.symbols.sizes[0]))
        row_stops = indptr[start + 1 : start + len(texts.starts) + 1]
        row = 0
        while True:
            stopped, n_ngrams = count_new_terms(
                streams,
                row,
                options.min_n,
                options.max_n,
                options.analyzer == CHAR_WB,
                nodes,
                bitmap,
                row_stops,
                entries.n_used,
                entries.indices,
                entries.counts,
            )
            if stopped > row:
                entries.n_used = int(row_stops[stopped - 1])
            row = stopped
            if row == len(row_stops):
                break
            share = (start + row) / len(column)
            nodes = with_node_room(nodes, n_ngrams, share)
            if len(nodes.parents) >= 1 << 31:
                raise TooManyTerms
            if 64 * len(bitmap[0]) < len(nodes.parents):
                bitmap = make_bitmap(len(nodes.parents))
            entries.make_room(n_ngrams, share)
        start += row
    n_nodes = int(nodes.sizes[0])
    is_term = nodes.is_term[:n_nodes]
    terms = LearnedTerms(
        symbols=reader.symbols,
        nodes=nodes,
        chosen=np.flatnonzero(is_term),
        of_tokens=options.analyzer == WORD,
    )
    indices, counts = entries.finished(dtype)
    if len(terms) == n_nodes - 1:
        indices -= 1  # the root alone is no term
    else:
        relabel(indices, np.cumsum(is_term, dtype=np.intp) - 1)
    if indptr[-1] <= np.iinfo(np.int32).max:
        indptr = indptr.astype(np.int32)
    else:
        indices = indices.astype(np.int64)
    return terms, (indptr, indices, counts)


def _all_texts(column: TextColumn) -> Iterator[Utf8]:
    for _, rows in column.chunks(slice(0, len(column))):
        column.check_types(rows)  # here, as the first look at a text is what takes long
        for _, texts in column.encoded(rows):
            yield texts


class _Entries:
    """The entries of the matrix that is being made, in arrays that are made longer."""

    def __init__(self) -> None:
        self.n_used = 0
        self.indices = np.empty(_FEW_ENTRIES, dtype=np.int32)
        self.counts = np.empty(_FEW_ENTRIES, dtype=np.int64)

    def make_room(self, n_more: int, share: float) -> None:
        """Make room for some more, and for all that are expected after a share of the texts."""
        least = self.n_used + n_more
        if least > len(self.indices):
            expected = int(1.05 * self.n_used / share) if share else 0
            length = max(least, expected, 5 * len(self.indices) // 4)
            self.indices = lengthened(self.indices, self.n_used, length)
            self.counts = lengthened(self.counts, self.n_used, length)

    def finished(self, dtype: np.dtype) -> tuple[np.ndarray, np.ndarray]:
        """Return the columns and the values of all entries."""
        indices = trimmed(self.indices, self.n_used)
        counts = trimmed(self.counts, self.n_used)
        if dtype == np.float64:
            floats = counts.view(np.float64)
            as_floats(counts, floats)
            return indices, floats
        return indices, counts.astype(dtype if dtype.kind in "iuf" else np.intc, copy=False)
