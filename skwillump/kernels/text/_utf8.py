"""UTF-8: decoding, encoding, and scans over the bytes of many texts."""

import numpy as np

from .._bits import bits_in_range, population, trailing_zeros
from .._jit import inline, jit

_ZERO = np.uint64(0)
_ONE = np.uint64(1)
_THREE = np.uint64(3)
_BLOCK = np.uint64(64)
#: The first bytes of U+0130 and of U+03A3.
_LEAD_1 = np.uint64(0xC4)
_LEAD_2 = np.uint64(0xCE)


@inline
def decode(text, i):
    """Return the code point that starts at byte ``i`` (not ASCII), and its number of bytes."""
    b = np.int64(text[i])
    second = np.int64(text[i + _ONE]) & 0x3F
    if b < 0xE0:
        return (b & 0x1F) << 6 | second, np.uint64(2)
    third = np.int64(text[i + np.uint64(2)]) & 0x3F
    if b < 0xF0:
        return (b & 0x0F) << 12 | second << 6 | third, np.uint64(3)
    fourth = np.int64(text[i + _THREE]) & 0x3F
    return (b & 0x07) << 18 | second << 12 | third << 6 | fourth, np.uint64(4)


@inline
def encode(code_point, out, at):
    """Write ``code_point`` as UTF-8 (surrogates too) at ``out[at]``; return its bytes."""
    if code_point < 0x80:
        out[at] = code_point
        return _ONE
    if code_point < 0x800:
        out[at] = 0xC0 | code_point >> 6
        out[at + _ONE] = 0x80 | code_point & 0x3F
        return np.uint64(2)
    if code_point < 0x10000:
        out[at] = 0xE0 | code_point >> 12
        out[at + _ONE] = 0x80 | (code_point >> 6) & 0x3F
        out[at + np.uint64(2)] = 0x80 | code_point & 0x3F
        return _THREE
    out[at] = 0xF0 | code_point >> 18
    out[at + _ONE] = 0x80 | (code_point >> 12) & 0x3F
    out[at + np.uint64(2)] = 0x80 | (code_point >> 6) & 0x3F
    out[at + _THREE] = 0x80 | code_point & 0x3F
    return np.uint64(4)


@inline
def count_characters(folded, start, stop):
    """Count the characters in UTF-8 bytes."""
    n = 0
    for i in range(start, stop):
        n += folded[i] & 0xC0 != 0x80
    return n


@inline
def _bits_of(value, text, at):
    """Return a bit for each of up to 64 bytes from ``at`` on: is it ``value``?"""
    if at + _BLOCK <= np.uint64(len(text)):
        return bits_in_range(text, at, value, _ONE)
    bits = _ZERO
    for k in range(np.uint64(len(text)) - at):
        bits |= np.uint64(text[at + k] == value) << k
    return bits


@jit
def split_at_zeros(data, starts, stops):
    """Write where texts start and stop that stand in ``data`` with a zero byte between them.

    Returns
    -------
    bool
        Whether there are as many zero bytes as that takes. If not, a text holds one itself, and
        what was written has no meaning.
    """
    n_zeros = len(starts) - 1
    starts[0] = 0
    n = 0
    at = _ZERO
    while at < np.uint64(len(data)):
        zeros = _bits_of(_ZERO, data, at)
        if n + np.int64(population(zeros)) > n_zeros:
            return False
        while zeros:
            place = np.int64(at + trailing_zeros(zeros))
            zeros &= zeros - _ONE
            stops[n] = place
            n += 1
            starts[n] = place + 1
        at += _BLOCK
    stops[n] = len(data)
    return n == n_zeros


@jit
def flag_irregular_case(text, starts, stops, flags):
    """Set ``flags[row]`` for each text with U+0130 or U+03A3; return whether there is any.

    Their lower case is two characters, or depends on the neighbours: a table cannot give it.
    """
    found = False
    for row in range(len(starts)):
        flags[row] = False
        i = np.uint64(starts[row])
        stop = np.uint64(stops[row])
        while i < stop and not flags[row]:
            leads = _bits_of(_LEAD_1, text, i) | _bits_of(_LEAD_2, text, i)
            while leads:
                at = i + trailing_zeros(leads)
                leads &= leads - _ONE
                # A lead byte is never the last one of a text.
                second = 0xB0 if text[at] == _LEAD_1 else 0xA3
                if at < stop and text[at + _ONE] == second:
                    flags[row] = True
                    found = True
            i += _BLOCK
    return found


@jit
def any_surrogate(text, starts, stops):
    """Return whether a text holds a code point from U+D800 to U+DFFF."""
    for row in range(len(starts)):
        for i in range(starts[row], stops[row] - 1):
            if text[i] == 0xED and text[i + 1] >= 0xA0:
                return True
    return False
