"""Text columns of any container as UTF-8 bytes with the position of each text.

Arrow columns (pandas 3, polars) are used where they lie. Lists and object arrays are joined and
encoded chunk by chunk, so that a copy of the whole input never exists.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...kernels._arrays import frozen
from ...kernels.text._unicode import IRREGULAR_UPPERCASE
from ...kernels.text._utf8 import any_surrogate, flag_irregular_case, split_at_zeros
from .._steps import InputUnsupported

#: Rows and bytes that are handed to a kernel together: enough to make the cost of a call disappear,
#: little enough to stay in the cache.
CHUNK_ROWS = 2048
CHUNK_BYTES = 1 << 18

#: Most texts that are joined without asking each for its length. One of every few is asked, so that
#: fewer are joined where they are long.
GROUP_ROWS = 256
_SAMPLED = 16


@dataclass(frozen=True, eq=False)
class Utf8:
    """Texts as bytes: text i is ``data[starts[i]:stops[i]]``."""

    data: np.ndarray  # uint8
    starts: np.ndarray  # int64
    stops: np.ndarray  # int64
    regular: bool = False  # True only where it is known that a table can lower all of them

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
    # One wide character makes all of a joined str wide, and slow to encode.
    is_ascii = bytes(map(str.isascii, texts))
    if 16 * is_ascii.count(0) > len(texts):
        return b"\0".join(_encode_each(texts))
    pieces, start = [], 0
    while (row := is_ascii.find(0, start)) >= 0:
        if row > start:
            pieces.append("\0".join(texts[start:row]).encode())
        pieces += _encode_each(texts[row : row + 1])
        start = row + 1
    if start < len(texts):
        pieces.append("\0".join(texts[start:]).encode())
    return b"\0".join(pieces)


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


class TextColumn:
    """A column of texts that can be read in chunks, as bytes."""

    def __len__(self) -> int:
        raise NotImplementedError

    def chunks(self, rows: slice | np.ndarray) -> Iterator[tuple[slice, slice | np.ndarray]]:
        """Yield (positions in the output, rows) for chunks of the chosen rows.

        A slice has a start and a stop, and no step.
        """
        n_rows = rows.stop - rows.start if isinstance(rows, slice) else len(rows)
        for start in range(0, n_rows, CHUNK_ROWS):
            place = slice(start, min(start + CHUNK_ROWS, n_rows))
            yield place, _part(rows, place)

    def encoded(self, rows: slice | np.ndarray) -> Iterator[tuple[slice, Utf8]]:
        """Yield (positions among these rows, texts) for parts of a chunk.

        Raises
        ------
        InputUnsupported
            If an element is no str.
        """
        raise NotImplementedError

    def take(self, rows: np.ndarray) -> "TextColumn":
        """Return the chosen rows as a column."""
        return StringList(
            [
                text
                for _, some in self.chunks(rows)
                for _, texts in self.encoded(some)
                for text in texts.strings()
            ]
        )


def _part(rows: slice | np.ndarray, place: slice) -> slice | np.ndarray:
    if isinstance(rows, slice):
        return slice(rows.start + place.start, rows.start + place.stop)
    return rows[place]


@dataclass(frozen=True, eq=False)
class StringList(TextColumn):
    """Texts as Python strings."""

    texts: Sequence[str]

    def __len__(self) -> int:
        return len(self.texts)

    def encoded(self, rows: slice | np.ndarray) -> Iterator[tuple[slice, Utf8]]:
        """Join and encode the texts of one chunk."""
        return encode_in_parts(self._take(rows))

    def _take(self, rows: slice | np.ndarray) -> Sequence[str]:
        if isinstance(rows, slice):
            return self.texts[rows]
        return [self.texts[row] for row in rows.tolist()]

    def take(self, rows: np.ndarray) -> "TextColumn":
        """Return the chosen rows as a column."""
        return StringList(self._take(rows))


@dataclass(frozen=True, eq=False)
class ArrowText(TextColumn):
    """Texts in Arrow buffers, read in place."""

    data: np.ndarray  # uint8
    offsets: np.ndarray  # int32 or int64, (n_rows + 1,)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def encoded(self, rows: slice | np.ndarray) -> Iterator[tuple[slice, Utf8]]:
        """Yield a view of the buffer with the positions of the chunk's texts."""
        starts = self.offsets[:-1][rows].astype(np.int64)
        stops = self.offsets[1:][rows].astype(np.int64)
        yield slice(0, len(starts)), Utf8(self.data, starts, stops)


def text_column(X: Any) -> TextColumn:
    """Return ``X`` as a text column.

    Parameters
    ----------
    X : list, tuple, 1-D array, pandas or polars Series of str

    Raises
    ------
    InputUnsupported
        If ``X`` is anything else, or holds missing values. Elements of lists and object arrays
        are looked at when they are read.
    """
    if isinstance(X, (list, tuple)):
        return StringList(X)
    if type(X) in (np.ndarray, np.memmap):  # others may make something else of their elements
        if X.ndim == 1 and X.dtype.kind in "OUT":
            return StringList(X.tolist())
        raise InputUnsupported(f"an array of {X.ndim} dimensions and dtype {X.dtype}")
    library = type(X).__module__.partition(".")[0]
    if library in ("pandas", "polars") and type(X).__name__ == "Series":
        return _series_column(X)
    raise InputUnsupported(f"{type(X).__name__} is no column of texts")


def _series_column(series: Any) -> TextColumn:
    """Read a Series through Arrow where its values already are Arrow's, else as a list."""
    is_text = str(series.dtype).lower().startswith(("str", "large_str"))
    if is_text and hasattr(series, "__arrow_c_stream__"):
        try:
            import pyarrow as pa
        except ImportError:
            return StringList(series.to_list())
        try:
            array = pa.chunked_array(series)
        except UnicodeError:  # lone surrogates in Python's own strings
            return StringList(series.to_list())
        column = _arrow_column(array.chunk(0) if array.num_chunks == 1 else array.combine_chunks())
        if column is not None:
            return column
    return StringList(series.to_list())


def _arrow_column(array: Any) -> TextColumn | None:
    import pyarrow as pa

    if isinstance(array, pa.ChunkedArray):  # of no or of several chunks that do not combine
        return None
    if array.type == pa.string_view():
        array = array.cast(pa.large_string())
    if array.null_count:
        raise InputUnsupported("a text is missing")
    if pa.types.is_string(array.type):
        offset_type: type = np.int32
    elif pa.types.is_large_string(array.type):
        offset_type = np.int64
    else:
        return None
    try:
        array.validate(full=True)  # files may hold bytes that are no UTF-8
    except pa.ArrowInvalid as error:
        raise InputUnsupported(str(error)) from None
    _, offsets, data = array.buffers()
    if offsets is None:
        return None
    positions: np.ndarray = np.frombuffer(offsets, dtype=offset_type)
    positions = positions[array.offset : array.offset + len(array) + 1]
    raw = np.zeros(0, np.uint8) if data is None else np.frombuffer(data, dtype=np.uint8)
    return ArrowText(frozen(raw), positions)
