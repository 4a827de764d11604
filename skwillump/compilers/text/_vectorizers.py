"""Text vectorizers: ``CountVectorizer`` and ``TfidfVectorizer``."""

import re
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import numpy as np
from scipy import sparse
from sklearn import get_config
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer

from ...kernels._arrays import frozen, frozen_fields, line_aligned
from ...kernels._scratch import ZeroedCounter
from ...kernels.text._counts import CHAR, CHAR_WB, WORD, NGrams
from ...kernels.text._symbols import Alphabet
from ...kernels.text._tfidf import (
    L1,
    L2,
    NO_NORM,
    Weighting,
    make_weighting,
    normalize_rows,
    score_texts,
    tfidf_texts,
)
from ...kernels.text._trie import Trie
from ...kernels.text._unicode import code_points
from ...kernels.text._vocabulary import char_alphabet, vocabulary_trie, word_alphabet
from .._registry import (
    InputUnsupported,
    Scorer,
    Step,
    Unsupported,
    register,
)
from ._columns import (
    CHUNK_ROWS,
    TextColumn,
    Utf8,
    encode_text,
    encode_texts,
    text_column,
)

Rows = tuple[np.ndarray, np.ndarray, np.ndarray]
"""indptr, indices and data of some rows"""

MOST_GUESSED = 1 << 24
"""Values of a matrix that room is made for before it is known that there are as many."""

_NORMS = {None: NO_NORM, "l1": L1, "l2": L2}
_COUNTS = frozen_fields(make_weighting(binary=False, sublinear=False, norm=NO_NORM))
_ANALYZERS = {"char": CHAR, "char_wb": CHAR_WB, "word": WORD}

_TOKEN_PATTERN = re.compile(
    r"(?:\(\?u\))?(?P<left>\\b)?(?P<class>\\[wSd]|\[(?:[^\[\]\\]|\\.)+\])(?P<again>(?P=class))?"
    r"(?:\+|\{(?P<least>[1-9]\d?),\})(?P<right>\\b)?"
)
r"""`\b\w\w+\b`, `\w+`, `\S+`, `[a-z]{3,}`: a class, repeated; the groups are the word boundary, the
class, the class once more, and the least number of characters."""


def read_token_pattern(pattern: str) -> tuple[str, int]:
    """Return the character class and the least length of a pattern's tokens.

    Raises
    ------
    Unsupported
        If the tokens of ``pattern`` are not the longest runs of one class of characters.
    """
    match = _TOKEN_PATTERN.fullmatch(pattern)
    if match is None:
        raise Unsupported(f"token_pattern={pattern!r} is not one repeated class of characters")
    # A boundary next to a longest run of word characters is there anyway; next to a run of
    # another class it may be missing.
    if (match["left"] or match["right"]) and match["class"] != r"\w":
        raise Unsupported(f"token_pattern={pattern!r} has a boundary beside a class other than \\w")
    if any(operator in match["class"] for operator in ("--", "&&", "~~", "||")):
        raise Unsupported(f"token_pattern={pattern!r} has a reserved set operator")
    return match["class"], int(match["least"] or 1) + (match["again"] is not None)


@dataclass(frozen=True, eq=False)
class TextStep(Step):
    """A text vectorizer as arrays: an alphabet, a trie of its terms, and weights."""

    original: Any
    n_features: int
    ngrams: NGrams
    weighting: Weighting
    alphabet: Alphabet = field(repr=False)
    trie: Trie = field(repr=False)
    count_dtype: np.dtype
    dtype: np.dtype
    idf: np.ndarray | None = field(repr=False)
    factors: np.ndarray = field(repr=False)  # idf as float64, ones where there is none
    is_tfidf: bool
    lowercase: bool
    token_class: str | None
    preprocess: Callable[[str], str] | None = field(repr=False)

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
        return self.dtype != np.float32

    @property
    def in_kernel(self) -> bool:
        """Whether values are computed as they are counted: in float64."""
        return not self.is_tfidf or self.dtype == np.float64

    def __getstate__(self) -> dict[str, Any]:
        # The tables over all code points are those of the process that unpickles.
        state = dict(self.__dict__)
        state["alphabet"] = self.alphabet.without_tables()
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        state = dict(state)
        state["alphabet"] = frozen_fields(
            state["alphabet"].with_tables(
                state["lowercase"] and state["preprocess"] is None, state["token_class"]
            )
        )
        state["trie"] = frozen_fields(state["trie"])
        state["weighting"] = frozen_fields(state["weighting"])
        state["factors"] = frozen(state["factors"])
        self.__dict__.update(state)

    def transform(self, X: Any, *, n_threads: int = 1) -> Any:
        """Return the matrix that ``original.transform(X)`` returns, indices sorted."""
        try:
            column = text_column(X)
            if not len(column):
                raise InputUnsupported("no rows")
            parts = map_ranges(lambda part: self._rows(column, part), len(column), n_threads)
        except InputUnsupported:
            return self.original.transform(X)
        indptr, indices, data = join_rows(parts)
        return csr(self._finish(data, indices, indptr), indices, indptr, self.n_features)

    def bind(self, coef: np.ndarray) -> "TextScorer":
        """Lay coefficients (n_features, n_outputs) out by slot, times the weights of terms."""
        coef = np.asarray(coef, dtype=np.float64)
        if coef.shape[0] != self.n_features:
            raise ValueError(
                f"coef has {coef.shape[0]} rows, but {type(self.original).__name__} "
                f"has {self.n_features} features"
            )
        n_outputs = coef.shape[1]
        width = 2 if n_outputs == 1 else -(-(1 + n_outputs) // 4) * 4
        weights = np.zeros((len(self.trie.slots), width))
        known = self.trie.slot_of_term >= 0
        slots = self.trie.slot_of_term[known]
        weights[slots, 0] = self.factors[known]
        weights[slots, 1 : 1 + n_outputs] = self.factors[known, None] * coef[known]
        return TextScorer(self, line_aligned(weights), n_outputs)

    def warm_up(self) -> None:
        """Compile or load the kernels of ``transform``."""
        self.transform(["", "ä"])

    def encode(self, texts: Utf8) -> Utf8:
        """Do to the texts of a chunk what tables cannot do."""
        return prepare(texts, self.lowercase, self.preprocess)

    def _rows(self, column: TextColumn, part: slice) -> Rows:
        def fill(texts: Utf8, row_stops: Any, used: int, indices: Any, data: Any) -> int:
            with ZeroedCounter(len(self.trie.slots)) as counter:
                return tfidf_texts(
                    texts.data,
                    texts.starts,
                    texts.stops,
                    self.alphabet,
                    self.ngrams,
                    self.weighting if self.in_kernel else _COUNTS,
                    self.trie.slots,
                    self.trie.term_of_slot,
                    self.trie.slot_of_term,
                    self.factors if self.in_kernel else _ones(self.n_features),
                    counter,
                    row_stops,
                    used,
                    indices,
                    data,
                )

        return fill_rows(fill, column, part, self.encode, self.ngrams)

    def _finish(self, data: np.ndarray, indices: np.ndarray, indptr: np.ndarray) -> np.ndarray:
        """Turn what the kernel wrote into values of the vectorizer's dtype."""
        data = data.astype(self.count_dtype if not self.is_tfidf else self.dtype, copy=False)
        if self.in_kernel:
            return data
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


def map_ranges(work: Callable[[slice], Any], n_rows: int, n_threads: int) -> list[Any]:
    """Apply ``work`` to ranges of rows, one for each thread."""
    if n_threads == 1 or n_rows <= 1:
        return [work(slice(0, n_rows))]
    borders = np.linspace(0, n_rows, min(n_threads, n_rows) + 1).astype(np.intp).tolist()
    ranges = [slice(*pair) for pair in pairwise(borders)]
    with ThreadPoolExecutor(len(ranges)) as pool:
        return list(pool.map(work, ranges))


def _ones(n: int) -> np.ndarray:
    return frozen(np.ones(n))


def _lengthened(array: np.ndarray, used: int, length: int) -> np.ndarray:
    longer = np.empty(length, dtype=array.dtype)
    longer[:used] = array[:used]
    return longer


def _trimmed(array: np.ndarray, used: int) -> np.ndarray:
    """Return the first values of an array; a view does not keep far more than it shows."""
    return array[:used] if len(array) <= 2 * used else array[:used].copy()


def fill_rows(
    fill: Callable[..., int],
    column: TextColumn,
    part: slice,
    encode: Callable[[Utf8], Utf8],
    ngrams: NGrams,
) -> Rows:
    """Let a kernel write the rows of a range of texts, and make room as it needs it.

    ``fill(texts, row_stops, used, indices, data)`` returns how many of the texts it wrote.
    """
    n_rows = part.stop - part.start
    indptr = np.zeros(n_rows + 1, dtype=np.int64)
    indices = np.empty(0, dtype=np.int32)
    data = np.empty(0)
    row = 0
    parts = (texts for _, rows in column.chunks(part) for _, texts in column.encoded(rows))
    for texts in map(encode, parts):
        first, stop = row, row + len(texts.starts)
        if not row:
            # More than is likely to be filled: what is not costs nothing.
            n_bytes = int((texts.stops - texts.starts).sum())
            lengths = max(ngrams.max_n - ngrams.min_n + 1, 1)  # no term may be as long as min_n
            room = min(n_bytes * lengths, MOST_GUESSED) + 1024
            indices, data = np.empty(room, dtype=np.int32), np.empty(room)
        while row < stop:
            left = texts.after(row - first)
            used = int(indptr[row])
            row += fill(left, indptr[row + 1 : stop + 1], used, indices, data)
            if row < stop:
                # Too short: as much as the rows so far suggest, and never less than double.
                used = int(indptr[row])
                at = row - first
                bound = int(texts.stops[at] - texts.starts[at]) * 2 * (ngrams.max_n + 2)
                guess = int(used / max(row, 1) * n_rows * 1.05)
                room = max(guess, 2 * len(indices), min(bound, MOST_GUESSED)) + 1024
                indices = _lengthened(indices, used, room)
                data = _lengthened(data, used, room)
    return indptr, _trimmed(indices, int(indptr[-1])), _trimmed(data, int(indptr[-1]))


def join_rows(parts: list[Rows]) -> Rows:
    """Put the rows of several ranges under one another."""
    if len(parts) == 1:
        return parts[0]
    ends = np.cumsum([0] + [part[0][-1] for part in parts])
    indptr = np.concatenate(
        [[0]] + [part[0][1:] + end for part, end in zip(parts, ends[:-1], strict=True)]
    )
    return (
        indptr,
        np.concatenate([part[1] for part in parts]),
        np.concatenate([part[2] for part in parts]),
    )


def csr(data: np.ndarray, indices: np.ndarray, indptr: np.ndarray, n_features: int) -> Any:
    """Make the sparse matrix that this scikit-learn is set to give, of sorted rows."""
    # Before 1.9 there is no such setting, and transformers give the older class.
    interface = get_config().get("sparse_interface", "spmatrix")
    container = sparse.csr_array if interface == "sparray" else sparse.csr_matrix
    index_dtype = np.int32 if indptr[-1] <= np.iinfo(np.int32).max else np.int64
    parts = (data, indices.astype(index_dtype, copy=False), indptr.astype(index_dtype))
    matrix = container(parts, shape=(len(indptr) - 1, n_features))
    matrix.has_sorted_indices = True
    matrix.has_canonical_format = True
    return matrix


@dataclass(frozen=True, eq=False)
class TextScorer(Scorer):
    """A text vectorizer bound to coefficients."""

    step: TextStep
    weights: np.ndarray = field(repr=False)  # float64 (n_slots, width), as score_texts wants
    n_columns: int

    @property
    def n_outputs(self) -> int:
        """Number of columns of the scores."""
        return self.n_columns

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, weights=line_aligned(state["weights"]))

    def scores(self, X: Any, rows: np.ndarray | None = None, *, n_threads: int = 1) -> np.ndarray:
        """Return the float64 partial scores (n_rows, n_outputs) of a column of texts."""
        return scores_of_texts((self,), X, rows, n_threads=n_threads)

    def score_one(self, x: Any) -> np.ndarray:
        """Return the partial scores (n_outputs,) of one text."""
        if type(x) is not str:
            raise InputUnsupported(f"{type(x).__name__} is not str")
        out = np.empty((1, self.n_columns))
        self.run(self.step.encode(encode_text(x)), out)
        return out[0]

    def warm_up(self) -> None:
        """Compile or load the kernels of ``scores``."""
        self.scores(["", "ä"])

    def run(self, texts: Utf8, out: np.ndarray) -> None:
        """Write the partial scores of texts, encoded as the step wants them."""
        step = self.step
        with ZeroedCounter(len(step.trie.slots)) as counter:
            score_texts(
                texts.data,
                texts.starts,
                texts.stops,
                step.alphabet,
                step.ngrams,
                step.weighting,
                step.trie.slots,
                self.weights,
                counter,
                out,
            )


def _add_scores(scorers: Sequence[TextScorer], texts: Utf8, out: np.ndarray, fresh: bool) -> None:
    """Add the scores of texts to ``out``, or write them there if it is ``fresh``."""
    lowered: Utf8 | None = None
    for scorer in scorers:
        step = scorer.step
        if step.lowercase and step.preprocess is None:
            lowered = encoded = step.encode(texts) if lowered is None else lowered
        else:
            encoded = step.encode(texts)
        if fresh:
            scorer.run(encoded, out)
        else:
            part = np.empty_like(out)
            scorer.run(encoded, part)
            out += part
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
    n_threads : int
    total : ndarray of float64 of shape (n_rows, n_outputs), optional
        What the scores are added to, in place. One scorer after the other is added.

    Returns
    -------
    ndarray of float64 of shape (n_rows, n_outputs)
    """
    column = text_column(X)
    wanted = slice(0, len(column)) if rows is None else np.asarray(rows)
    n_rows = len(column) if rows is None else len(rows)
    out = np.empty((n_rows, scorers[0].n_outputs)) if total is None else total
    if len(out) != n_rows:
        raise InputUnsupported("blocks of different numbers of rows")

    def score(chunk: tuple[slice, Any]) -> None:
        place, chosen = chunk
        for some, texts in column.encoded(chosen):
            part = out[place.start + some.start : place.start + some.stop]
            _add_scores(scorers, texts, part, fresh=total is None)

    if n_threads == 1 or n_rows <= CHUNK_ROWS:
        for chunk in column.chunks(wanted):
            score(chunk)
    else:
        with ThreadPoolExecutor(n_threads) as pool:
            for _ in pool.map(score, column.chunks(wanted)):
                pass
    return out


@dataclass(frozen=True)
class TextOptions:
    """What all vectorizers have in common, checked."""

    analyzer: int
    min_n: int
    max_n: int
    lowercase: bool
    preprocess: Callable[[str], str] | None  # None where folding by tables is all
    token_class: str | None
    shortest: int
    stop_words: list[str]

    @property
    def fold(self) -> bool:
        """Whether the kernels lower the texts."""
        return self.lowercase and self.preprocess is None


def read_options(vectorizer: Any) -> TextOptions:
    """Read a vectorizer's parameters.

    Raises
    ------
    Unsupported
        For those that kernels do not know.
    """
    if vectorizer.input != "content":
        raise Unsupported(f"input={vectorizer.input!r} reads files")
    if vectorizer.analyzer not in _ANALYZERS:
        raise Unsupported("analyzer is a callable")
    analyzer = _ANALYZERS[vectorizer.analyzer]
    min_n, max_n = vectorizer.ngram_range
    if not 1 <= min_n <= max_n:
        raise Unsupported(f"ngram_range={vectorizer.ngram_range!r} is not ascending from 1")
    token_class, shortest, stop_words = None, 1, []
    if analyzer == WORD:
        if vectorizer.tokenizer is not None:
            raise Unsupported("tokenizer is a callable")
        token_class, shortest = read_token_pattern(vectorizer.token_pattern)
        if max_n > 1 and re.fullmatch(token_class, " "):
            raise Unsupported(f"tokens of {vectorizer.token_pattern!r} may hold blanks")
        stop_words = [w for w in vectorizer.get_stop_words() or () if w and isinstance(w, str)]
    # Whatever preprocessing is not plain folding runs in Python, before the kernels.
    plain = vectorizer.preprocessor is None and not vectorizer.strip_accents
    return TextOptions(
        analyzer=analyzer,
        min_n=int(min_n),
        max_n=int(max_n),
        lowercase=bool(vectorizer.lowercase),
        preprocess=None if plain else vectorizer.build_preprocessor(),
        token_class=token_class,
        shortest=shortest,
        stop_words=stop_words,
    )


def prepare(texts: Utf8, lowercase: bool, preprocess: Callable[[str], str] | None) -> Utf8:
    """Do to the texts of a chunk what tables cannot do."""
    if preprocess is not None:
        return encode_texts([preprocess(text) for text in texts.strings()])
    return texts.with_irregular_lowered() if lowercase else texts


@register(CountVectorizer, TfidfVectorizer)
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
        pieces = {
            term: (term,) if max_n == 1 else tuple(term.split(" "))
            for term in vocabulary
            if isinstance(term, str)
        }
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
        sequences = [[symbol_of_token[token] for token in piece] for piece in pieces.values()]
        terms = list(pieces)
    else:
        # Whole words shorter than min_n are n-grams of char_wb.
        least = min_n if options.analyzer == CHAR else 1
        terms = [t for t in vocabulary if isinstance(t, str) and least <= len(t) <= max_n]
        alphabet = char_alphabet(terms, options.fold)
        sequences = [alphabet.symbol_of[code_points(term)].tolist() for term in terms]
    numbers = [int(vocabulary[term]) for term in terms]
    n_features = len(vocabulary)
    longest = max(map(len, sequences), default=1)
    trie = vocabulary_trie(sequences, numbers, n_features)

    step = TextStep(
        original=vectorizer,
        n_features=n_features,
        ngrams=NGrams(options.analyzer, min_n, min(max_n, longest)),
        weighting=frozen_fields(make_weighting(bool(vectorizer.binary), False, NO_NORM)),
        alphabet=frozen_fields(alphabet),
        trie=frozen_fields(trie),
        count_dtype=count_dtype,
        dtype=count_dtype,
        idf=None,
        factors=_ones(n_features),
        is_tfidf=False,
        lowercase=options.lowercase,
        token_class=options.token_class,
        preprocess=options.preprocess,
    )
    if isinstance(vectorizer, TfidfVectorizer):
        return with_tfidf(step, vectorizer, vectorizer._tfidf)
    return step


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
            make_weighting(step.weighting.binary, bool(tfidf.sublinear_tf), _NORMS[tfidf.norm])
        ),
    )
