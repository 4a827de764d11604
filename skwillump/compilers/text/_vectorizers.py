"""`CountVectorizer` and `TfidfVectorizer`: texts against the terms of a vocabulary."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, repeat
from typing import Any

import numpy as np
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer

from ...kernels._arrays import frozen, frozen_fields, line_aligned
from ...kernels._scratch import ZeroedCounter
from ...kernels._sparse_rows import NO_NORM, normalize_rows
from ...kernels.text._counts import CHAR, CHAR_WB, NGrams
from ...kernels.text._tfidf import (
    NO_MATRIX,
    Weighting,
    make_weighting,
    weigh_padded_words,
    weigh_texts,
)
from ...kernels.text._trie import Trie
from ...kernels.text._unicode import code_points
from ...kernels.text._vocabulary import char_alphabet, vocabulary_trie, word_alphabet
from .._features import Entries, default_containers
from .._registry import register
from .._scorers import Scorer
from .._sparse_steps import csr_of
from .._threads import map_in_threads
from .._unsupported import InputUnsupported, Unsupported, private
from ._columns import CHUNK_ROWS, TextColumn, text_column
from ._encoding import LeftText, Utf8, encode_text
from ._options import NORMS, read_options
from ._own_tokens import BUILDERS, pieces_of
from ._rows import Rows, csr, empty_rows, fill_rows
from ._step import VectorizerStep

_COUNTS = frozen_fields(make_weighting(binary=False, sublinear=False, norm=NO_NORM))


@dataclass(frozen=True, eq=False, kw_only=True)
class TextStep(VectorizerStep):
    """A text vectorizer with a vocabulary: a trie of its terms, and weights."""

    ngrams: NGrams
    weighting: Weighting
    trie: Trie = field(repr=False)
    count_dtype: np.dtype
    idf: np.ndarray | None = field(repr=False)
    factors: np.ndarray = field(repr=False)  # idf as float64, ones where there is none
    is_tfidf: bool

    gives_sparse = True  # what is counted is no zero

    @property
    def counts_terms(self) -> bool:
        """Whether nothing is made of the counts."""
        return not self.is_tfidf

    @property
    def in_kernel(self) -> bool:
        """Whether values are computed as they are counted: in float64."""
        return not self.is_tfidf or self.dtype == np.float64

    def in_binary(self) -> "TextStep":
        if not (self.factors > 0.0).all():
            raise Unsupported("a term has no weight above zero")
        double = np.dtype(np.float64)
        return replace(
            self,
            weighting=frozen_fields(make_weighting(True, False, NO_NORM)),
            factors=_ones(self.n_features),
            idf=None,
            is_tfidf=False,
            count_dtype=double,
            dtype=double,
        )

    def bind(self, coef: np.ndarray) -> "TextScorer":
        coef = np.asarray(coef, dtype=np.float64)
        if coef.shape[0] != self.n_features:
            raise Unsupported(
                f"it has coefficients of {coef.shape[0]} features, but "
                f"{type(self.original).__name__} gives {self.n_features}"
            )
        n_outputs = coef.shape[1]
        width = 2 if n_outputs == 1 else -(-(1 + n_outputs) // 4) * 4
        weights = np.zeros((len(self.trie.slots), width))
        known = self.trie.slot_of_term >= 0
        slots = self.trie.slot_of_term[known]
        weights[slots, 0] = self.factors[known]
        weights[slots, 1 : 1 + n_outputs] = self.factors[known, None] * coef[known]
        kept = coef if self.options.own_tokens else None
        return TextScorer(self, line_aligned(weights), n_outputs, kept)

    def rows(self, column: TextColumn, some: slice) -> Rows:
        (indptr, indices, data), left = fill_rows(
            self._fill, column, some, self.encode, self.ngrams
        )
        return self.with_left((indptr, indices, self._finished(data, indices, indptr)), left)

    def rows_of_tokens(self, left: Sequence[LeftText]) -> Rows:
        vectorizer, lists = self.options.left_tokens(left)
        rows = list(map(vectorizer.build_analyzer(), lists))
        terms = chain.from_iterable(rows)
        found = np.fromiter(map(vectorizer.vocabulary_.get, terms, repeat(-1)), dtype=np.int32)
        stops = np.cumsum([0, *map(len, rows)])
        known = found >= 0
        indptr = np.concatenate(([0], np.cumsum(known)))[stops]
        indices = found[known]
        X = csr_of(np.ones(len(indices)), indices, indptr, self.n_features)
        X.sum_duplicates()
        indptr, counts = X.indptr.astype(np.int64), self._of_dtype(X.data)
        return indptr, X.indices, self._weighted(counts, X.indices, indptr)

    def entries(self, x: Any) -> Entries:
        if type(self.checked_one(x)) is str:
            texts = self.encode(encode_text(x))
            indptr, indices, data = empty_rows(texts, self.ngrams)
            if self._fill(texts, indptr, indices, data):
                indices, data = indices[: indptr[1]], data[: indptr[1]]
                rows = indptr, indices, self._finished(data, indices, indptr)
                return self.with_left(rows, texts.left)[1:]
        return super().entries(x)

    def transform_one(self, x: Any) -> Any:
        if not default_containers(self.original):
            return super().transform_one(x)
        try:
            positions, values = self.entries(x)
        except InputUnsupported:
            return super().transform_one(x)
        return csr(values, positions, np.array((0, len(values))), self.n_features)

    def _fill(self, texts: Utf8, indptr: np.ndarray, indices: np.ndarray, data: np.ndarray) -> int:
        """Write rows, as `fill_rows` wants them."""
        weighting = self.weighting if self.in_kernel else _COUNTS
        factors = self.factors if self.in_kernel else _ones(self.n_features)
        matrix = self.trie.term_of_slot, self.trie.slot_of_term, indptr, indices
        return self.weigh(texts, weighting, factors[:, None], data[None], matrix)

    def weigh(
        self,
        texts: Utf8,
        weighting: Weighting,
        weights: np.ndarray,
        out: np.ndarray,
        matrix: tuple[np.ndarray, ...] = NO_MATRIX,
    ) -> int:
        """Write scores or rows of texts, encoded as `encode` does; return how many rows."""
        write = weigh_padded_words if self.ngrams.analyzer == CHAR_WB else weigh_texts
        slots = self.trie.slots
        with ZeroedCounter(len(slots)) as counter:
            return write(
                texts.data,
                texts.starts,
                texts.stops,
                self.alphabet,
                self.ngrams,
                weighting,
                slots,
                weights,
                counter,
                out,
                *matrix,
            )

    def _finished(self, data: np.ndarray, indices: np.ndarray, indptr: np.ndarray) -> np.ndarray:
        """Return what the kernel wrote as values of the vectorizer's dtype."""
        data = self._of_dtype(data)
        return data if self.in_kernel else self._weighted(data, indices, indptr)

    def _of_dtype(self, data: np.ndarray) -> np.ndarray:
        return data.astype(self.count_dtype if not self.is_tfidf else self.dtype, copy=False)

    def _weighted(self, data: np.ndarray, indices: np.ndarray, indptr: np.ndarray) -> np.ndarray:
        """Make of counts, in place, what comes of them."""
        # float32 is rounded after each operation, so the operations are scikit-learn's own.
        if self.weighting.binary:
            data.fill(1)
        if self.weighting.sublinear:
            np.log(data, data)
            data += 1.0
        if self.idf is not None:
            data *= self.idf[indices]
        if self.weighting.norm != NO_NORM:
            normalize_rows(data, indptr, self.weighting.norm)
        return data


def _ones(n: int) -> np.ndarray:
    return frozen(np.ones(n))


@dataclass(frozen=True, eq=False)
class TextScorer(Scorer):
    """A text vectorizer bound to coefficients."""

    step: TextStep
    weights: np.ndarray = field(repr=False)  # float64 (n_slots, width), as `weigh_texts` wants
    n_columns: int
    of_terms: np.ndarray | None = field(repr=False)  # coefficients, if kernels may leave texts

    reads_texts = True

    @property
    def n_outputs(self) -> int:
        return self.n_columns

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, weights=line_aligned(state["weights"]))

    def scores(self, X: Any, rows: np.ndarray | None = None, *, n_threads: int = 1) -> np.ndarray:
        return scores_of_texts((self,), X, rows, n_threads=n_threads)

    def score_one(self, x: Any) -> np.ndarray:
        if type(self.step.checked_one(x)) is not str:
            return self.scores([x])[0]
        out = np.empty((1, self.n_columns))
        self.run(self.step.encode(encode_text(x)), out)
        return out[0]

    def warm_up(self) -> None:
        replace(self, step=self.step.without_preprocessor()).scores(["", "ä"])

    def run(self, texts: Utf8, out: np.ndarray) -> None:
        """Write the partial scores of texts, encoded as the step wants them."""
        self.step.weigh(texts, self.step.weighting, self.weights, out)
        if texts.left and self.of_terms is not None:
            indptr, indices, data = self.step.rows_of_tokens(texts.left)
            made = csr(data, indices, indptr, self.step.n_features)
            out[[row for row, _ in texts.left]] = made @ self.of_terms


def _add_scores(scorers: Sequence[TextScorer], texts: Utf8, out: np.ndarray, fresh: bool) -> None:
    """Add the scores of texts to ``out``, or write them there if it is ``fresh``."""
    lowered: Utf8 | None = None
    for scorer in scorers:
        step = scorer.step
        if step.options.fold:
            lowered = encoded = step.encode(texts) if lowered is None else lowered
        else:
            encoded = step.encode(texts)
        if fresh:
            scorer.run(encoded, out)
        else:
            own = np.empty_like(out)
            scorer.run(encoded, own)
            out += own
        fresh = False


def scores_of_texts(
    scorers: Sequence[TextScorer],
    X: Any,
    rows: np.ndarray | None = None,
    *,
    n_threads: int = 1,
    total: np.ndarray | None = None,
) -> np.ndarray:
    """Return the sum of several scorers' scores, of texts that are encoded once for all of them.

    Parameters
    ----------
    scorers : sequence of TextScorer
        With the same number of outputs.
    X : column of texts
    rows : ndarray of intp, optional
    total : ndarray of float64 of shape (n_rows, n_outputs), optional
        What the scores are added to, in place. One scorer after the other is added.

    Returns
    -------
    ndarray of float64 of shape (n_rows, n_outputs)
    """
    if len(scorers) == 1:
        step, column = scorers[0].step.opened(X)
        scorers = (replace(scorers[0], step=step),)
    else:
        column = text_column(X)
    wanted = slice(0, len(column)) if rows is None else np.asarray(rows)
    n_rows = len(column) if rows is None else len(rows)
    out = np.empty((n_rows, scorers[0].n_outputs)) if total is None else total
    if len(out) != n_rows:
        raise InputUnsupported("blocks of different numbers of rows")

    def score(chunk: tuple[slice, Any]) -> None:
        place, chosen = chunk
        for some, texts in column.encoded(chosen):
            there = out[place.start + some.start : place.start + some.stop]
            _add_scores(scorers, texts, there, fresh=total is None)

    map_in_threads(score, column.chunks(wanted), n_threads if n_rows > CHUNK_ROWS else 1)
    return out


@register(CountVectorizer, TfidfVectorizer, overridable=BUILDERS)
def compile_vectorizer(vectorizer: Any) -> TextStep:
    """Compile a fitted vectorizer over a vocabulary."""
    options = read_options(vectorizer)
    if not hasattr(vectorizer, "vocabulary_"):
        raise Unsupported("it is not fitted")
    count_dtype = np.dtype(vectorizer.dtype)
    if count_dtype.kind not in "iuf":
        raise Unsupported(f"dtype={count_dtype} is not a number")
    if count_dtype.kind in "iu" and count_dtype.itemsize < 4:
        raise Unsupported(f"counts of dtype={count_dtype} start anew at its limit")
    vocabulary = vectorizer.vocabulary_
    if sorted(vocabulary.values()) != list(range(len(vocabulary))):
        raise Unsupported("vocabulary_ does not number its terms from 0 on")
    min_n, max_n = options.min_n, options.max_n
    if options.token_class is not None:
        spelled = [term for term in vocabulary if isinstance(term, str)]
        if options.own_tokens:
            if len(spelled) < len(vocabulary):
                raise Unsupported("terms of its vocabulary are no str")
            pieces = pieces_of(spelled, max_n)
        else:
            pieces = {term: (term,) if max_n == 1 else tuple(term.split(" ")) for term in spelled}
        # A term with two blanks beside each other has an empty token, which no text has.
        pieces = {
            term: piece
            for term, piece in pieces.items()
            if min_n <= len(piece) <= max_n and all(piece)
        }
        tokens = sorted({token for piece in pieces.values() for token in piece})
        alphabet = word_alphabet(
            tokens, options.stop_words, options.token_class, options.shortest, options.fold
        )
        symbol_of_token = dict(zip(tokens, range(1, len(tokens) + 1), strict=True))
        lengths = _integers(map(len, pieces.values()))
        symbols = _integers(symbol_of_token[token] for piece in pieces.values() for token in piece)
        terms = list(pieces)
    else:
        # Whole words shorter than min_n are n-grams of char_wb.
        least = min_n if options.analyzer == CHAR else 1
        terms = [t for t in vocabulary if isinstance(t, str) and least <= len(t) <= max_n]
        alphabet = char_alphabet(terms, options.fold)
        lengths = _integers(map(len, terms))
        symbols = alphabet.symbol_of[code_points("".join(terms))].astype(np.int64)
    n_features = len(vocabulary)
    trie = vocabulary_trie(
        symbols, lengths, _integers(int(vocabulary[term]) for term in terms), n_features
    )

    step = TextStep(
        original=vectorizer,
        n_features=n_features,
        ngrams=NGrams(options.analyzer, min_n, min(max_n, int(lengths.max(initial=1)))),
        weighting=frozen_fields(make_weighting(bool(vectorizer.binary), False, NO_NORM)),
        alphabet=frozen_fields(alphabet),
        trie=frozen_fields(trie),
        count_dtype=count_dtype,
        dtype=count_dtype,
        idf=None,
        factors=_ones(n_features),
        is_tfidf=False,
        options=options,
    )
    if isinstance(vectorizer, TfidfVectorizer):
        return with_tfidf(step, vectorizer, private(vectorizer, "_tfidf"))
    return step


def _integers(values: Iterable[int]) -> np.ndarray:
    return np.fromiter(values, dtype=np.int64)


def with_tfidf(step: TextStep, original: Any, tfidf: Any) -> TextStep:
    """Return a step of counts followed by a fitted ``TfidfTransformer``."""
    dtype = step.count_dtype if step.count_dtype in (np.float32, np.float64) else np.float64
    idf = getattr(tfidf, "idf_", None)
    if idf is not None and idf.shape != (step.n_features,):
        raise Unsupported(f"idf_ has {len(idf)} values for {step.n_features} terms")
    return replace(
        step,
        original=original,
        is_tfidf=True,
        dtype=np.dtype(dtype),
        idf=None if idf is None else np.array(idf),
        factors=_ones(step.n_features) if idf is None else frozen(np.array(idf, np.float64)),
        weighting=frozen_fields(
            make_weighting(step.weighting.binary, bool(tfidf.sublinear_tf), NORMS[tfidf.norm])
        ),
    )
