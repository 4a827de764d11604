"""``HashingVectorizer``: no vocabulary, each n-gram's hash is its column."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sklearn.feature_extraction.text import HashingVectorizer

from ...kernels._arrays import frozen_fields
from ...kernels.text._counts import NGrams
from ...kernels.text._hashing import hash_texts
from ...kernels.text._symbols import Alphabet
from ...kernels.text._tfidf import L1, L2, normalize_rows
from ...kernels.text._vocabulary import char_alphabet, word_alphabet
from .._registry import InputUnsupported, Scorer, Step, Unsupported, register
from ._columns import TextColumn, Utf8, text_column
from ._vectorizers import (
    Rows,
    TextOptions,
    csr,
    fill_rows,
    join_rows,
    map_ranges,
    prepare,
    read_options,
)

_NORMS = {"l1": L1, "l2": L2}


@dataclass(frozen=True, eq=False)
class HashingStep(Step):
    """A hashing vectorizer as arrays."""

    original: Any
    n_features: int
    options: TextOptions
    signed: bool
    binary: bool
    norm: str | None
    dtype: np.dtype
    alphabet: Alphabet = field(repr=False)

    @property
    def reads_text(self) -> bool:
        """Say yes."""
        return True

    @property
    def fixed_dtype(self) -> np.dtype:
        """Dtype of the vectorizer."""
        return self.dtype

    @property
    def exact_scores(self) -> bool:
        """Values of other dtypes than float64 are rounded before they reach the model."""
        return self.dtype == np.float64

    def __getstate__(self) -> dict[str, Any]:
        # The tables over all code points are those of the process that unpickles.
        return dict(self.__dict__, alphabet=self.alphabet.without_tables())

    def __setstate__(self, state: dict[str, Any]) -> None:
        options = state["options"]
        alphabet = state["alphabet"].with_tables(options.fold, options.token_class)
        self.__dict__.update(state, alphabet=frozen_fields(alphabet))

    def transform(self, X: Any, *, n_threads: int = 1) -> Any:
        """Return the matrix that ``original.transform(X)`` returns."""
        try:
            column = text_column(X)
            if not len(column):
                raise InputUnsupported("no rows")
            parts = map_ranges(lambda part: self.rows(column, part), len(column), n_threads)
        except InputUnsupported:
            return self.original.transform(X)
        indptr, indices, data = join_rows(parts)
        return csr(data.astype(self.dtype, copy=False), indices, indptr, self.n_features)

    def bind(self, coef: np.ndarray) -> "HashingScorer":
        """Keep the coefficients (n_features, n_outputs) as they are."""
        return HashingScorer(self, np.ascontiguousarray(coef, dtype=np.float64))

    def warm_up(self) -> None:
        """Compile or load the kernels."""
        self.transform(["", "ä"])

    def rows(self, column: TextColumn, part: slice) -> Rows:
        """Return indptr, indices and normalised values of a range of rows."""
        options = self.options
        ngrams = NGrams(options.analyzer, options.min_n, options.max_n)

        def fill(texts: Utf8, row_stops: Any, used: int, indices: Any, data: Any) -> int:
            return hash_texts(
                texts.data,
                texts.starts,
                texts.stops,
                self.alphabet,
                ngrams,
                self.n_features,
                self.signed,
                row_stops,
                used,
                indices,
                data,
            )

        indptr, indices, data = fill_rows(fill, column, part, self._encode, ngrams)
        data = data.astype(self.dtype, copy=False)
        if self.binary:
            data.fill(1)
        if self.norm is not None:
            normalize_rows(data, indptr, _NORMS[self.norm])
        return indptr, indices, data

    def _encode(self, texts: Utf8) -> Utf8:
        prepared = prepare(texts, self.options.lowercase, self.options.preprocess)
        if prepared.has_surrogates():
            raise InputUnsupported("a lone surrogate has no UTF-8 to hash")
        return prepared


@dataclass(frozen=True, eq=False)
class HashingScorer(Scorer):
    """A hashing vectorizer bound to coefficients."""

    step: HashingStep
    coef: np.ndarray = field(repr=False)

    @property
    def n_outputs(self) -> int:
        """Number of columns of the scores."""
        return self.coef.shape[1]

    def scores(self, X: Any, rows: np.ndarray | None = None, *, n_threads: int = 1) -> np.ndarray:
        """Return the float64 partial scores (n_rows, n_outputs) of a column of texts."""
        column = text_column(X)
        if rows is not None:
            column = column.take(np.asarray(rows))

        def score(part: slice) -> np.ndarray:
            indptr, indices, data = self.step.rows(column, part)
            return np.asarray(csr(data, indices, indptr, self.step.n_features) @ self.coef)

        if not len(column):
            return np.empty((0, self.n_outputs))
        return np.concatenate(map_ranges(score, len(column), n_threads))

    def score_one(self, x: Any) -> np.ndarray:
        """Return the partial scores (n_outputs,) of one text."""
        if type(x) is not str:
            raise InputUnsupported(f"{type(x).__name__} is not str")
        _, indices, data = self.step.rows(text_column([x]), slice(0, 1))
        return data @ self.coef[indices]

    def warm_up(self) -> None:
        """Compile or load the kernels."""
        self.step.warm_up()


@register(HashingVectorizer)
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
