"""`HashingVectorizer`: no vocabulary, each n-gram's hash is its column."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sklearn.feature_extraction.text import HashingVectorizer

from ...kernels._arrays import frozen_fields
from ...kernels._sparse_rows import normalize_rows
from ...kernels.text._counts import NGrams
from ...kernels.text._hashing import hash_texts
from ...kernels.text._vocabulary import char_alphabet, word_alphabet
from .._registry import register
from .._scorers import Scorer
from .._threads import map_in_threads, ranges
from .._unsupported import InputUnsupported, Unsupported
from ._columns import TextColumn
from ._encoding import LeftText, Utf8
from ._options import NORMS, read_options
from ._own_tokens import BUILDERS
from ._rows import Rows, csr, fill_rows
from ._step import VectorizerStep


@dataclass(frozen=True, eq=False, kw_only=True)
class HashingStep(VectorizerStep):
    """A hashing vectorizer."""

    signed: bool
    binary: bool
    norm: str | None

    @property
    def exact_scores(self) -> bool:
        """Values of other dtypes than float64 are rounded before they reach the model."""
        return self.dtype == np.float64

    def bind(self, coef: np.ndarray) -> "HashingScorer":
        return HashingScorer(self, np.ascontiguousarray(coef, dtype=np.float64))

    def rows(self, column: TextColumn, some: slice) -> Rows:
        options = self.options
        ngrams = NGrams(options.analyzer, options.min_n, options.max_n)

        def fill(texts: Utf8, indptr: Any, indices: Any, data: Any) -> int:
            return hash_texts(
                texts.data,
                texts.starts,
                texts.stops,
                self.alphabet,
                ngrams,
                self.n_features,
                self.signed,
                indptr[1:],
                int(indptr[0]),
                indices,
                data,
            )

        (indptr, indices, data), left = fill_rows(fill, column, some, self.encode, ngrams)
        data = data.astype(self.dtype, copy=False)
        if self.binary:
            data.fill(1)
        if self.norm is not None:
            normalize_rows(data, indptr, NORMS[self.norm])
        return self.with_left((indptr, indices, data), left)

    def rows_of_tokens(self, left: Sequence[LeftText]) -> Rows:
        vectorizer, lists = self.options.left_tokens(left)
        X = vectorizer.transform(lists)
        return X.indptr.astype(np.int64), X.indices, X.data

    def encode(self, texts: Utf8) -> Utf8:
        prepared = super().encode(texts)
        if prepared.has_surrogates():
            raise InputUnsupported("a lone surrogate has no UTF-8 to hash")
        return prepared


@dataclass(frozen=True, eq=False)
class HashingScorer(Scorer):
    """A hashing vectorizer bound to coefficients."""

    step: HashingStep
    coef: np.ndarray = field(repr=False)

    def scores(self, X: Any, rows: np.ndarray | None = None, *, n_threads: int = 1) -> np.ndarray:
        step, column = self.step.opened(X)
        if rows is not None:
            column = column.take(np.asarray(rows))

        def score(some: slice) -> np.ndarray:
            indptr, indices, data = step.rows(column, some)
            return np.asarray(csr(data, indices, indptr, self.step.n_features) @ self.coef)

        if not len(column):
            return np.empty((0, self.n_outputs))
        pieces = ranges(len(column), n_threads)
        return np.concatenate(map_in_threads(score, pieces, n_threads))

    def score_one(self, x: Any) -> np.ndarray:
        indices, data = self.step.entries(x)
        return data @ self.coef[indices]


@register(HashingVectorizer, overridable=BUILDERS)
def compile_hashing_vectorizer(vectorizer: Any) -> HashingStep:
    """Compile a hashing vectorizer, which needs no fit."""
    options = read_options(vectorizer)
    dtype = np.dtype(vectorizer.dtype)
    if dtype.kind != "f" or dtype.itemsize < 4:
        raise Unsupported(f"dtype={dtype} is neither float32 nor float64")
    if options.token_class is None:
        alphabet = char_alphabet([], options.fold)
    else:
        alphabet = word_alphabet(
            [], options.stop_words, options.token_class, options.shortest, options.fold
        )
    return HashingStep(
        original=vectorizer,
        n_features=int(vectorizer.n_features),
        options=options,
        signed=bool(vectorizer.alternate_sign),
        binary=bool(vectorizer.binary),
        norm=vectorizer.norm,
        dtype=dtype,
        alphabet=frozen_fields(alphabet),
    )
