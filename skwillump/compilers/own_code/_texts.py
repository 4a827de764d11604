"""What methods of ``.str`` make of one text, where pandas is sure to do the same."""

import re
from collections.abc import Callable
from typing import Any

from .._unsupported import InputUnsupported

TextMap = Callable[[str], Any]
"""What one text becomes."""

_METHODS = ("lower", "upper", "strip", "lstrip", "rstrip")
"""Methods, without arguments, that do to ASCII what those of Python's str do."""

_OTHER_METHODS: dict[str, TextMap] = {"len": len, "split": str.split}

_PLAIN = re.compile(r"[\t\n\r -~]*")
"""Texts of which all libraries that pandas leaves texts to think alike."""


def text_method(name: str, given: dict[str, Any]) -> TextMap | None:
    """Return what a method of ``.str`` makes of a text; None where that is not known.

    Parameters
    ----------
    given : dict of str to object
        Its arguments by name, or by position ("0") where they have none.
    """
    if not given and (name in _METHODS or name in _OTHER_METHODS):
        return _of_plain(_OTHER_METHODS.get(name) or getattr(str, name))
    if name in ("startswith", "endswith") and set(given) == {"0"} and type(given["0"]) is str:
        wanted, method = given["0"], getattr(str, name)
        return _of_plain(lambda text: method(text, wanted))
    if name == "extract" and set(given) == {"0", "expand"} and given["expand"] is False:
        return _extracted(given["0"])
    if name == "contains":
        given = {at: value for at, value in given.items() if (at, value) != ("na", False)}
    if name in ("count", "contains") and set(given) == {"0"}:
        pattern = given["0"]
        if not (type(pattern) is str and _PLAIN.fullmatch(pattern) and _is_agreed_on(pattern)):
            return None
        if name == "contains":
            return _of_plain(lambda text: re.search(pattern, text) is not None)
        return _of_plain(lambda text: len(re.findall(pattern, text)))
    if name != "replace":
        return None
    named = {{"0": "pat", "1": "repl"}.get(at, at): value for at, value in given.items()}
    regex = named.pop("regex", False)
    if len(named) < len(given) - ("regex" in given) or set(named) != {"pat", "repl"}:
        return None
    pattern, new = named["pat"], named["repl"]
    if not (type(pattern) is type(new) is str and pattern and type(regex) is bool):
        return None
    if not regex:
        return _of_plain(lambda text: text.replace(pattern, new))
    if "\\" in new or not _PLAIN.fullmatch(pattern) or not _is_agreed_on(pattern):
        return None
    return _of_plain(lambda text: re.sub(pattern, new, text))


def _extracted(pattern: Any) -> TextMap | None:
    """Return what finds the only group of a pattern."""
    if type(pattern) is not str or not _PLAIN.fullmatch(pattern):
        return None
    if not _is_agreed_on(pattern) or re.compile(pattern).groups != 1:
        return None

    def group(text: str) -> Any:
        found = re.search(pattern, text)
        return float("nan") if found is None or found[1] is None else found[1]

    return _of_plain(group)


def part_at(at: int | slice) -> TextMap:
    """Return what gives a character of a text, or some."""

    def part(text: str) -> Any:
        if type(at) is int and not -len(text) <= at < len(text):
            return float("nan")
        return text[at]

    return _of_plain(part)


def _of_plain(function: TextMap) -> TextMap:
    """Return a function that leaves texts to the original of which it may think otherwise."""

    def of_plain(text: Any) -> Any:
        if type(text) is list and function is len:
            return len(text)  # of the parts of a text
        if type(text) is not str or not _PLAIN.fullmatch(text):
            raise InputUnsupported("no text, or one of more than ASCII")
        return function(text)

    return of_plain


_AGREED_ON = re.compile(
    r"""(?x) (?: [^][(){}.*+?^$|\\]      # a letter, or a mark that means itself
           | \\[wdsWDS] | \\[^a-zA-Z0-9] | \.
           | \[\^?(?:[^][\\] | \\[wdsWDS] | \\[^a-zA-Z0-9])+\]
           | \((?!\?) | \) | \|
           | (?<![*+?}])(?:[*+?] | \{\d+,?\d*\})\??
       )+"""
)
"""Patterns without anchors, references or looks around."""


def _is_agreed_on(pattern: str) -> bool:
    """Tell whether all regular expressions find the same with a pattern in plain texts."""
    if _AGREED_ON.fullmatch(pattern) is None:
        return False
    try:
        return not re.compile(pattern).match("")
    except (re.error, RecursionError, OverflowError):
        return False
