"""Whole numbers as words of 64 bits without a sign, under the names of their values.

numba makes a float of a `uint64` and an int together, and a word with a sign of two ints. So what
is shifted, masked or used as a position is combined with these.
"""

import numpy as np

ZERO, ONE, TWO, THREE, FOUR = (np.uint64(n) for n in range(5))
FIVE, SIX, SEVEN, EIGHT, SIXTEEN = (np.uint64(n) for n in (5, 6, 7, 8, 16))

HALF = np.uint64(32)
"""Bits of half a word."""

WORD_BITS = np.uint64(64)
"""Bits of a word."""

LAST_BIT = np.uint64(63)
"""Place of the highest bit of a word; also the mask that keeps the place of a bit in its word."""

LOWER_HALF = np.uint64(0xFFFFFFFF)
"""Mask of the lower half of a word."""

ALL_BITS = np.uint64(0xFFFFFFFFFFFFFFFF)
"""Mask of a whole word."""
