"""What functions of the user's made of texts, remembered while a cascade or a ranker is fitted.

A tokenizer of the user's own may take longer than all else. The full model asks it for the tokens
of each text, as a plain fit does, and they are kept; fits on folds, and answers of models on
held-out rows, find them again. Nothing is remembered while costs are measured, and after `fit`.
"""

import pickle
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from types import FunctionType
from typing import Any

from ..own_code._stems import RememberingStems

MOST_REMEMBERED = 1 << 26
"""Bytes of texts and tokens that are remembered, about and at most."""

BYTES_OF_ENTRY = 250
"""That a text and its tokens take besides their characters, about."""

MOST_BYTES = 1 << 16
"""Of a pickled object that makes tokens: clones of a larger one are not recognised."""

Made = str | tuple[str, int]
"""A text, or tokens with a NUL between them and their number."""


@dataclass
class _Memory:
    """What functions made of texts."""

    made: dict[Hashable, dict[str, Made]] = field(default_factory=dict)  # by function, and by text
    n_bytes: int = 0  # that are remembered, about
    is_read: bool = False  # whether what is there is looked up, or only added to

    def of(self, key: Hashable, function: Callable[[Any], Any], text: Any) -> Any:
        """What a function makes of a text."""
        if type(text) is not str:
            return function(text)
        made = self.made.setdefault(key, {})
        found = made.get(text) if self.is_read else None
        if found is not None:
            return found if isinstance(found, str) else _split(*found)
        output = function(text)
        if self.n_bytes < MOST_REMEMBERED and text not in made:
            kept = _kept(output)
            if kept is not None:
                made[text] = kept
                n_made = len(kept if isinstance(kept, str) else kept[0])
                self.n_bytes += BYTES_OF_ENTRY + len(text) + n_made
        return output


_MEMORY: ContextVar[_Memory | None] = ContextVar("texts", default=None)


def _kept(output: Any) -> Made | None:
    """What is kept of the output of a function; None if it is neither a text nor tokens."""
    if type(output) is str:
        return output
    if type(output) is not list or not all(type(token) is str for token in output):
        return None
    joined = "\0".join(output)
    return (joined, len(output)) if joined.count("\0") == max(len(output) - 1, 0) else None


def _split(joined: str, n_tokens: int) -> list[str]:
    return joined.split("\0") if n_tokens else []


@dataclass(frozen=True)
class _Remembering:
    """A function whose outputs are remembered, where that is asked for."""

    function: Callable[[Any], Any]
    key: Hashable  # the same for all clones of the function

    def __call__(self, text: Any) -> Any:
        memory = _MEMORY.get()
        return self.function(text) if memory is None else memory.of(self.key, self.function, text)


def remembering(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return a function that looks up what it made of a text before; itself where it may not.

    Parameters
    ----------
    function : callable
        From a text to a text, or to tokens.
    """
    if _MEMORY.get() is None or isinstance(function, _Remembering):
        return function
    original = function.function if isinstance(function, RememberingStems) else function
    if isinstance(original, FunctionType):
        return _Remembering(function, original)
    try:
        pickled = pickle.dumps(original)
    except Exception:
        return function
    return _Remembering(function, pickled) if len(pickled) <= MOST_BYTES else function


@contextmanager
def texts_remembered() -> Iterator[Callable[[], None]]:
    """Context in which what functions make of texts is kept.

    Yields
    ------
    callable
        After a call of it, what is kept is looked up.
    """
    memory = _Memory()

    def read() -> None:
        memory.is_read = True

    token = _MEMORY.set(memory)
    try:
        yield read
    finally:
        _MEMORY.reset(token)


@contextmanager
def texts_forgotten() -> Iterator[None]:
    """Context in which functions make of texts anew what they make."""
    token = _MEMORY.set(None)
    try:
        yield
    finally:
        _MEMORY.reset(token)
