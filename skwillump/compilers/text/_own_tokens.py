r"""Tokens that Python makes: by a function of the user's, or by `re` where kernels cannot.

What comes after them, n-grams, look-up, weights and model, is compiled all the same: tokens are
joined by NUL, and kernels split them there. An empty token is written as a mark, since kernels
know none.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from .._unsupported import InputUnsupported

TOKEN_CLASS = r"[^\x00]"
"""What kernels take for a token where Python has made them: anything between two NULs."""

EMPTY = "\x01"
"""Stands for an empty token."""


@dataclass(frozen=True, kw_only=True)
class OwnTokens:
    """A text to its tokens, as one str with a NUL in between."""

    preprocess: Callable[[Any], Any] | None  # from a text to a text
    tokenize: Callable[[Any], Iterable[str]]  # from a text to tokens
    # Whether a token may hold a blank: not where n-grams of tokens are told apart by blanks.
    takes_blanks: bool
    takes_empty: bool  # whether a token may be empty: not where its bytes matter

    def __call__(self, text: str) -> str:
        """Return the tokens of a text.

        Raises
        ------
        InputUnsupported
            For tokens that kernels would read as others.
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
            raise InputUnsupported("a token holds a control character")
        if not self.takes_blanks and " " in joined:
            raise InputUnsupported("a token holds a blank")
        if "" in tokens:
            if not self.takes_empty:
                raise InputUnsupported("a token is empty")
            joined = "\0".join([token or EMPTY for token in tokens])
        return joined


def pieces_of(terms: Iterable[str], max_n: int) -> dict[str, tuple[str, ...]]:
    """Return the tokens of each term, as `OwnTokens` writes them; without terms that it refuses."""
    found = {}
    for term in terms:
        if "\0" not in term and EMPTY not in term:
            pieces = (term,) if max_n == 1 else term.split(" ")
            found[term] = tuple(piece or EMPTY for piece in pieces)
    return found
