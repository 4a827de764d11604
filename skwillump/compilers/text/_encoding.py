"""Texts as UTF-8 bytes with the position of each text.

Python's own strings are joined and encoded chunk by chunk, so that a copy of the whole input never
exists.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from ...kernels._arrays import frozen
from ...kernels.text._unicode import IRREGULAR_UPPERCASE
from ...kernels.text._utf8 import any_surrogate, flag_irregular_case, split_at_zeros
from .._unsupported import InputUnsupported

CHUNK_BYTES = 1 << 18
"""Bytes that are handed to a kernel together: they stay in the cache."""

GROUP_ROWS = 256
"""Most texts that are joined without asking each for its length."""

_SAMPLED = 16
"""Of so many texts one is asked for its length, so that fewer are joined where they are long."""


LeftText = tuple[int, Sequence[str]]
"""The row of a text whose tokens kernels cannot tell apart, and its tokens."""


class Utf8(NamedTuple):
    """Texts as bytes: text i is ``data[starts[i]:stops[i]]``."""

    data: np.ndarray  # uint8
    starts: np.ndarray  # int64
    stops: np.ndarray  # int64
    regular: bool = False  # True only where it is known that a table can lower all of them
    left: tuple[LeftText, ...] = ()  # of which scikit-learn is to count the tokens: empty here

    def strings(self) -> list[str]:
        """Return the texts as a list of str."""
        raw = self.data
        return [
            raw[start:stop].tobytes().decode("utf-8", "surrogatepass")
            for start, stop in zip(self.starts.tolist(), self.stops.tolist(), strict=True)
        ]

    def after(self, n: int) -> "Utf8":
        """Leave out the first ``n`` texts."""
        return Utf8(self.data, self.starts[n:], self.stops[n:], self.regular) if n else self

    def has_surrogates(self) -> bool:
        """Tell whether a text holds a lone surrogate, which has no place in UTF-8."""
        return bool(any_surrogate(self.data, self.starts, self.stops))

    def with_irregular_lowered(self) -> "Utf8":
        """Return texts of which tables can lower all: ``str.lower`` has seen the others."""
        if self.regular:
            return self
        flags = np.empty(len(self.starts), dtype=np.bool_)
        if not flag_irregular_case(self.data, self.starts, self.stops, flags):
            return self
        rows = np.flatnonzero(flags)
        some = Utf8(self.data, self.starts[rows], self.stops[rows])
        lowered = encode_texts([text.lower() for text in some.strings()])
        low, high = int(self.starts.min()), int(self.stops.max())
        if high - low > 4 * (self.stops - self.starts).sum():
            # Few rows of a large buffer, which is not to be copied.
            texts = self.strings()
            for row, text in zip(rows.tolist(), lowered.strings(), strict=True):
                texts[row] = text
            return encode_texts(texts)
        starts, stops = self.starts - low, self.stops - low
        starts[rows] = lowered.starts + (high - low)
        stops[rows] = lowered.stops + (high - low)
        return Utf8(frozen(np.concatenate((self.data[low:high], lowered.data))), starts, stops)


def encode_texts(texts: Sequence[str]) -> Utf8:
    """Encode a list of str.

    Raises
    ------
    InputUnsupported
        If an element is no str.
    """
    return _split(b"\0".join(piece for _, piece in _pieces(texts)), texts)


def encode_in_parts(texts: Sequence[str]) -> Iterator[tuple[slice, Utf8]]:
    """Encode a list of str in parts of few bytes.

    Yields
    ------
    rows : slice
    encoded : Utf8
        Theirs: at most `CHUNK_BYTES`, or `GROUP_ROWS` texts.

    Raises
    ------
    InputUnsupported
        If an element is no str.
    """
    pieces: list[bytes] = []
    size = start = stop = 0
    for n_texts, piece in _pieces(texts):
        if pieces and size + len(piece) > CHUNK_BYTES:
            yield slice(start, stop), _split(b"\0".join(pieces), texts[start:stop])
            pieces.clear()
            size, start = 0, stop
        pieces.append(piece)
        size += len(piece)
        stop += n_texts
    if pieces:
        rows = slice(start, stop)
        yield rows, _split(b"\0".join(pieces), texts if not start else texts[rows])


def _pieces(texts: Sequence[str]) -> Iterator[tuple[int, bytes]]:
    """Encode some texts at a time: how many, and their UTF-8 with a NUL in between.

    So no str need be asked for its length, which takes longer than to find the NULs.
    """
    start, piece = 0, b""
    while start < len(texts):
        group = texts[start : start + GROUP_ROWS]
        try:
            longest = max(map(len, group[::_SAMPLED]))
            group = group[: max(CHUNK_BYTES // (longest + 1), 1)]
            piece = _encode_group(group, piece.isascii())
        except TypeError:
            raise InputUnsupported("an element is not a str") from None
        yield len(group), piece
        start += len(group)


def _encode_group(texts: Sequence[str], ascii_expected: bool) -> bytes:
    if ascii_expected:
        joined = "\0".join(texts)
        if joined.isascii():
            return joined.encode()
    # One wide character makes all of a joined str wide, and slow to encode: here each byte of such
    # a text becomes a character of its own.
    narrow = list(texts)
    is_ascii = bytes(map(str.isascii, texts))
    row = is_ascii.find(0)
    while row >= 0:
        narrow[row] = _encode_each(texts[row : row + 1])[0].decode("latin-1")
        row = is_ascii.find(0, row + 1)
    return "\0".join(narrow).encode("latin-1")


def _encode_each(texts: Sequence[str]) -> list[bytes]:
    try:
        return list(map(str.encode, texts))
    except UnicodeEncodeError:  # a lone surrogate
        return [text.encode("utf-8", "surrogatepass") for text in texts]


def _split(raw: bytes, texts: Sequence[str]) -> Utf8:
    """Find the texts whose UTF-8 with a NUL in between is ``raw``."""
    data: np.ndarray = np.frombuffer(raw, dtype=np.uint8)
    starts = np.empty(len(texts), dtype=np.int64)
    stops = np.empty_like(starts)
    if texts and not split_at_zeros(data, starts, stops):
        # A NUL in a text: only here are lengths needed.
        lengths = np.array([len(encoded) for encoded in _encode_each(texts)])
        np.cumsum(lengths + 1, out=stops)
        stops -= 1
        np.subtract(stops, lengths, out=starts)
    return Utf8(data, starts, stops, raw.isascii())


_FIRST = np.zeros(1, dtype=np.int64)


def encode_text(text: str) -> Utf8:
    """Encode a single str: `encode_texts` without what only many of them need."""
    raw = text.encode("utf-8", "surrogatepass")
    regular = text.isascii() or not any(character in text for character in IRREGULAR_UPPERCASE)
    stops = np.array((len(raw),), dtype=np.int64)
    return Utf8(np.frombuffer(raw, dtype=np.uint8), _FIRST, stops, regular)
