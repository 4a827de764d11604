"""Parameters that all text vectorizers share, read for the kernels."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sklearn.feature_extraction.text import CountVectorizer

from ...kernels._sparse_rows import L1, L2, NO_NORM
from ...kernels.text._counts import CHAR, CHAR_WB, WORD
from .._unsupported import Unsupported
from ._encoding import LeftText, Utf8, encode_texts
from ._own_tokens import (
    TOKEN_CLASS,
    OwnTokens,
    overrides,
    own_function,
    vectorizer_of_tokens,
)
from ._remembering import remembering

NORMS = {None: NO_NORM, "l1": L1, "l2": L2}
"""What rows are divided by, as kernels have it."""

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


@dataclass(frozen=True, kw_only=True)
class TextOptions:
    """What all vectorizers have in common, checked."""

    analyzer: int
    min_n: int
    max_n: int
    lowercase: bool
    preprocess: Callable[[str], Any] | None  # None where folding by tables is all
    token_class: str | None
    shortest: int
    stop_words: list[str]
    own_tokens: bool  # whether `preprocess` is `OwnTokens`: kernels only split what it gives

    @property
    def fold(self) -> bool:
        """Whether the kernels lower the texts."""
        return self.lowercase and self.preprocess is None

    def prepare(self, texts: Utf8) -> Utf8:
        """Do to the texts of a chunk what tables cannot do."""
        if self.preprocess is not None:
            preprocess = self._remembering()
            made = [preprocess(text) for text in texts.strings()]
            left: list[LeftText] = []
            if self.own_tokens:
                left = [(row, tokens) for row, tokens in enumerate(made) if type(tokens) is not str]
                for row, _ in left:
                    made[row] = ""
            return encode_texts(made)._replace(left=tuple(left))
        return texts.with_irregular_lowered() if self.lowercase else texts

    @property
    def own(self) -> Any:
        """What makes tokens of a text, or of what the user's functions take for one, if any do."""
        return self._remembering() if self.own_tokens else None

    def after_own(self) -> "TextOptions":
        """Return the options of texts that `own` has made tokens of."""
        return replace(self, preprocess=None, own_tokens=False, lowercase=False)

    def left_tokens(self, left: Sequence[LeftText]) -> tuple[Any, list[Sequence[str]]]:
        """Return a vectorizer of tokens, and the tokens that it is to count, of texts left."""
        own: Any = self.preprocess
        lists = [tokens for _, tokens in left]
        if self.stop_words:
            dropped = set(self.stop_words)
            lists = [[token for token in tokens if token not in dropped] for tokens in lists]
        return own.of_tokens, lists

    def _remembering(self) -> Any:
        """The preprocessor, which looks up what the user's functions made of texts before."""
        own: Any = self.preprocess
        if not self.own_tokens:
            return None if own is None else remembering(own)
        before = None if own.preprocess is None else remembering(own.preprocess)
        return replace(own, preprocess=before, tokenize=remembering(own.tokenize))


def read_options(vectorizer: Any) -> TextOptions:
    """Read a vectorizer's parameters.

    Raises
    ------
    Unsupported
        For those that kernels do not know.
    """
    if vectorizer.input != "content":
        raise Unsupported(f"input={vectorizer.input!r} reads files")
    if callable(vectorizer.analyzer) or overrides(vectorizer, "build_analyzer"):
        return _of_own_analyzer(vectorizer)
    if vectorizer.analyzer not in _ANALYZERS:
        raise Unsupported(f"analyzer={vectorizer.analyzer!r} is not known")
    analyzer = _ANALYZERS[vectorizer.analyzer]
    min_n, max_n = vectorizer.ngram_range
    if not 1 <= min_n <= max_n:
        raise Unsupported(f"ngram_range={vectorizer.ngram_range!r} is not ascending from 1")
    token_class, shortest, stop_words = None, 1, []
    # Whatever preprocessing is not plain folding runs in Python, before the kernels.
    is_own = vectorizer.preprocessor is not None or overrides(vectorizer, "build_preprocessor")
    plain = not (is_own or vectorizer.strip_accents)
    preprocess = None if plain else own_function(vectorizer, "preprocessor")
    own_tokens = False
    if analyzer == WORD:
        dropped = vectorizer.get_stop_words() or ()
        stop_words = [w for w in dropped if w and isinstance(w, str)]
        try:
            token_class, shortest = _kernel_tokens(vectorizer, max_n)
        except Unsupported:
            if "" in dropped:
                raise
            token_class, shortest, own_tokens = TOKEN_CLASS, 1, True
            preprocess = OwnTokens(
                preprocess=own_function(vectorizer, "preprocessor"),
                tokenize=own_function(vectorizer, "tokenizer"),
                takes_blanks=max_n == 1 or not _has_vocabulary(vectorizer),
                takes_empty=_has_vocabulary(vectorizer),
                of_tokens=vectorizer_of_tokens(vectorizer),
            )
    return TextOptions(
        analyzer=analyzer,
        min_n=int(min_n),
        max_n=int(max_n),
        lowercase=bool(vectorizer.lowercase),
        preprocess=preprocess,
        token_class=token_class,
        shortest=shortest,
        stop_words=stop_words,
        own_tokens=own_tokens,
    )


def _kernel_tokens(vectorizer: Any, max_n: int) -> tuple[str, int]:
    """Return the character class and the least length of the tokens that kernels can find.

    Raises
    ------
    Unsupported
        If Python must find them.
    """
    if vectorizer.tokenizer is not None or overrides(vectorizer, "build_tokenizer"):
        raise Unsupported("tokenizer is a callable")
    token_class, shortest = read_token_pattern(vectorizer.token_pattern)
    if max_n > 1 and re.fullmatch(token_class, " "):
        raise Unsupported(f"tokens of {vectorizer.token_pattern!r} may hold blanks")
    return token_class, shortest


def _of_own_analyzer(vectorizer: Any) -> TextOptions:
    """Read a vectorizer whose analyzer is a callable: what it gives is counted as it is."""
    return TextOptions(
        analyzer=WORD,
        min_n=1,
        max_n=1,
        lowercase=False,
        preprocess=OwnTokens(
            preprocess=None,
            tokenize=own_function(vectorizer, "analyzer"),
            takes_blanks=True,
            takes_empty=_has_vocabulary(vectorizer),
            of_tokens=vectorizer_of_tokens(vectorizer),
        ),
        token_class=TOKEN_CLASS,
        shortest=1,
        stop_words=[],
        own_tokens=True,
    )


def _has_vocabulary(vectorizer: Any) -> bool:
    """Whether tokens are looked up, rather than hashed."""
    return isinstance(vectorizer, CountVectorizer)
