r"""Tokens that Python makes: by a function of the user's, or by `re` where kernels cannot.

What comes after them, n-grams, look-up, weights and model, is compiled all the same: tokens are
joined by NUL, and kernels split them there. An empty token is written as a mark, since kernels
know none. A text with tokens that kernels would read as others (one holds a blank, before n-grams)
is left to scikit-learn's own n-grams, with the tokens that were made.
"""

import copy
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from ..._compat import library_of
from .._unsupported import InputUnsupported
from ..own_code._stems import remembering_stems

TOKEN_CLASS = r"[^\x00]"
"""What kernels take for a token where Python has made them: anything between two NULs."""

EMPTY = "\x01"
"""Stands for an empty token."""


@dataclass(frozen=True, kw_only=True)
class OwnTokens:
    """A text to its tokens, as one str with a NUL in between; or as they are."""

    preprocess: Callable[[Any], Any] | None  # from a text to a text
    tokenize: Callable[[Any], Iterable[str]]  # from a text to tokens
    # Whether a token may hold a blank: not where n-grams of tokens are told apart by blanks.
    takes_blanks: bool
    takes_empty: bool  # whether a token may be empty: not where its bytes matter
    of_tokens: Any  # scikit-learn's vectorizer for texts whose tokens are known

    def __call__(self, text: str) -> str | Sequence[str]:
        """Return the tokens of a text, and as they are if kernels would read them as others.

        Raises
        ------
        InputUnsupported
            For tokens that are no str.
        """
        if self.preprocess is not None:
            text = self.preprocess(text)
        tokens = self.tokenize(text)
        if not isinstance(tokens, (list, tuple)):
            tokens = list(tokens)
        if not tokens:
            return ""
        try:
            joined = "\0".join(tokens)
        except TypeError as error:
            raise InputUnsupported(f"a token is no str ({error})") from error
        if joined.count("\0") != len(tokens) - 1 or EMPTY in joined:
            return tokens
        if not self.takes_blanks and " " in joined:
            return tokens
        if "" in tokens:
            if not self.takes_empty:
                return tokens
            joined = "\0".join([token or EMPTY for token in tokens])
        return joined


def vectorizer_of_tokens(vectorizer: Any) -> Any:
    """Return a vectorizer that does with tokens what another does with a text's.

    Stop words are for the caller to leave out: what checks them would make their tokens.
    """
    found = copy.copy(vectorizer)
    found.__class__ = _known_class(vectorizer)
    if callable(vectorizer.analyzer) or overrides(vectorizer, "build_analyzer"):
        found.analyzer = _itself
    else:
        found.preprocessor = found.tokenizer = _itself
        found.stop_words = None
    return found


BUILDERS = ("build_analyzer", "build_preprocessor", "build_tokenizer")
"""Methods of a vectorizer that give its functions, which classes of the user's own override."""


def _known_class(vectorizer: Any) -> Any:
    """Return scikit-learn's class that a vectorizer is of, or that its class is derived from."""
    return next(kind for kind in type(vectorizer).__mro__ if library_of(kind) == "sklearn")


def overrides(vectorizer: Any, builder: str) -> bool:
    """Tell whether the class of a vectorizer gives a function in a way of its own."""
    kinds = type(vectorizer), _known_class(vectorizer)
    return getattr(kinds[0], builder) is not getattr(kinds[1], builder)


def own_function(vectorizer: Any, role: str) -> Callable[[Any], Any]:
    """Return what makes tokens, or a text, of a text; stems of words are remembered.

    Parameters
    ----------
    vectorizer : vectorizer
        Fitted.
    role : {"analyzer", "preprocessor", "tokenizer"}
    """
    builder = f"build_{role}"
    if overrides(vectorizer, builder):
        return Built(vectorizer, builder)
    given = getattr(vectorizer, role) if role == "analyzer" else getattr(vectorizer, builder)()
    return remembering_stems(given)


class Built:
    """A function that a method of the user's own builds, which a pickle cannot hold."""

    def __init__(self, vectorizer: Any, builder: str):
        self._of = vectorizer, builder
        self._function = remembering_stems(getattr(vectorizer, builder)())

    def __call__(self, text: Any) -> Any:
        return self._function(text)

    def __reduce__(self) -> Any:
        return Built, self._of


def _itself(tokens: Any) -> Any:
    return tokens


def pieces_of(terms: Iterable[str], max_n: int) -> dict[str, tuple[str, ...]]:
    """Return the tokens of each term, as `OwnTokens` writes them; without terms that it refuses."""
    found = {}
    for term in terms:
        if "\0" not in term and EMPTY not in term:
            pieces = (term,) if max_n == 1 else term.split(" ")
            found[term] = tuple(piece or EMPTY for piece in pieces)
    return found
