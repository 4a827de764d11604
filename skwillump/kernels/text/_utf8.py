"""UTF-8: decoding, encoding, and scans over the bytes of many texts."""

import numpy as np

from .._bits import bits_in_range, population, trailing_zeros
from .._jit import inline, jit
from .._words import FOUR, ONE, THREE, TWO, WORD_BITS, ZERO

_LEAD_1 = np.uint64(0xC4)
"""The first bytes of U+0130 and of U+03A3."""

_LEAD_2 = np.uint64(0xCE)


@inline
def decode(text, i):
    """Return the code point that starts at byte ``i`` (not ASCII), and its number of bytes."""
    b = np.int64(text[i])
    second = np.int64(text[i + ONE]) & 0x3F
    if b < 0xE0:
        return (b & 0x1F) << 6 | second, TWO
    third = np.int64(text[i + TWO]) & 0x3F
    if b < 0xF0:
        return (b & 0x0F) << 12 | second << 6 | third, THREE
    fourth = np.int64(text[i + THREE]) & 0x3F
    return (b & 0x07) << 18 | second << 12 | third << 6 | fourth, FOUR


@inline
def encode(code_point, out, at):
    """Write ``code_point`` as UTF-8 (surrogates too) at ``out[at]``; return its bytes."""
    if code_point < 0x80:
        out[at] = code_point
        return ONE
    if code_point < 0x800:
        out[at] = 0xC0 | code_point >> 6
        out[at + ONE] = 0x80 | code_point & 0x3F
        return TWO
    if code_point < 0x10000:
        out[at] = 0xE0 | code_point >> 12
        out[at + ONE] = 0x80 | (code_point >> 6) & 0x3F
        out[at + TWO] = 0x80 | code_point & 0x3F
        return THREE
    out[at] = 0xF0 | code_point >> 18
    out[at + ONE] = 0x80 | (code_point >> 12) & 0x3F
    out[at + TWO] = 0x80 | (code_point >> 6) & 0x3F
    out[at + THREE] = 0x80 | code_point & 0x3F
    return FOUR


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
    if at + WORD_BITS <= np.uint64(len(text)):
        return bits_in_range(text, at, value, ONE)
    bits = ZERO
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
    at = ZERO
    while at < np.uint64(len(data)):
        zeros = _bits_of(ZERO, data, at)
        if n + np.int64(population(zeros)) > n_zeros:
            return False
        while zeros:
            place = np.int64(at + trailing_zeros(zeros))
            zeros &= zeros - ONE
            stops[n] = place
            n += 1
            starts[n] = place + 1
        at += WORD_BITS
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
                leads &= leads - ONE
                # A lead byte is never the last one of a text.
                second = 0xB0 if text[at] == _LEAD_1 else 0xA3
                if at < stop and text[at + ONE] == second:
                    flags[row] = True
                    found = True
            i += WORD_BITS
    return found


@jit
def any_surrogate(text, starts, stops):
    """Return whether a text holds a code point from U+D800 to U+DFFF."""
    for row in range(len(starts)):
        for i in range(starts[row], stops[row] - 1):
            if text[i] == 0xED and text[i + 1] >= 0xA0:
                return True
    return False
