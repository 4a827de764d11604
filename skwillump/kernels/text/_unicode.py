"""Tables over all code points, made from ``str`` and ``re`` themselves so that they cannot drift.

They are made at first use and kept for the process: a compiled step that is unpickled by another
version of Python gets that version's tables.
"""

import functools
import re

import numpy as np

N_CODE_POINTS = 0x110000

IRREGULAR_UPPERCASE = ("\u0130", "\u03a3")
"""Characters whose lower case is not one code point (`İ`) or depends on its neighbours (`Σ`). Texts
that hold one of them are lowered by `str.lower` before they reach a kernel."""


@functools.cache
def _all_characters() -> str:
    code_points = np.arange(N_CODE_POINTS, dtype="<u4")
    return code_points.tobytes().decode("utf-32-le", "surrogatepass")


def code_points(text: str) -> np.ndarray:
    """Return the code points of ``text``, lone surrogates included, as int64."""
    raw = text.encode("utf-32-le", "surrogatepass")
    return np.frombuffer(raw, dtype="<u4").astype(np.int64)


@functools.cache
def identity_table() -> np.ndarray:
    """Map each code point to itself: the table of a vectorizer that keeps upper case."""
    return np.arange(N_CODE_POINTS, dtype=np.int32)


@functools.cache
def lower_table() -> np.ndarray:
    """Map each code point to its lower case; the irregular ones to themselves."""
    characters = _all_characters()
    for irregular in IRREGULAR_UPPERCASE:
        characters = characters.replace(irregular, "\0")
    table = code_points(characters.lower()).astype(np.int32)
    for irregular in IRREGULAR_UPPERCASE:
        table[ord(irregular)] = ord(irregular)
    return table


@functools.cache
def space_table() -> np.ndarray:
    r"""1 for each code point that ``\s`` matches, which are those ``str.split`` splits at."""
    return class_table(r"\s")


@functools.lru_cache(maxsize=16)
def class_table(character_class: str) -> np.ndarray:
    r"""1 for each code point that the pattern of one character (``\w``, ``[a-z]``) matches."""
    table = np.zeros(N_CODE_POINTS, dtype=np.uint8)
    for match in re.finditer(f"(?:{character_class})+", _all_characters()):
        table[match.start() : match.end()] = 1
    return table


def byte_ranges(inside: np.ndarray) -> np.ndarray:
    """Return the first byte and the length of each run of ASCII bytes that are in tokens."""
    borders = np.diff(np.concatenate(([0], inside[:128] != 0, [0])).astype(np.int8))
    starts = np.flatnonzero(borders == 1)
    return np.stack((starts, np.flatnonzero(borders == -1) - starts), axis=1).astype(np.uint8)
