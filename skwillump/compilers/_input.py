"""Text columns of any container as UTF-8 bytes with the position of each text.

Arrow columns (pandas 3, polars) are used where they lie. Lists and object arrays are joined and
encoded chunk by chunk, so that a copy of the whole input never exists.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from skwillump.compilers._registry import InputUnsupported
from skwillump.kernels._arrays import frozen
from skwillump.kernels._unicode import IRREGULAR_UPPERCASE
from skwillump.kernels._utf8 import any_surrogate, flag_irregular_case, split_at_zeros

#: Rows and characters in one chunk: enough to make the cost of a call disappear, little enough
#: to stay in the cache.
CHUNK_ROWS = 2048
CHUNK_CHARACTERS = 1 << 18

#: How many of a chunk's texts are looked at for characters that are not ASCII before all are.
_N_PROBED = 256


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

    They are joined with a NUL in between, so that where each begins need not be asked of it.

    Raises
    ------
    InputUnsupported
        If an element is no str.
    """
    try:
        return _encode_texts(texts)
    except TypeError:
        raise InputUnsupported("an element is not a str") from None


def _encode_texts(texts: Sequence[str]) -> Utf8:
    # One wide character makes all of a joined str wide: where some are likely, it is not made.
    probed = list(map(str.isascii, texts[:_N_PROBED]))
    n_wide = probed.count(False)
    if not n_wide:
        joined = "\0".join(texts)
        if joined.isascii():
            return _split(joined.encode(), texts)
        del joined
    if 16 * n_wide > len(probed):
        encoded = _encode_each(texts)
        return _split(b"\0".join(encoded), encoded)
    # The few wide texts stand at the end, and where they were stands nothing.
    is_ascii = np.frombuffer(bytes(map(str.isascii, texts)), dtype=np.bool_)
    rows = np.flatnonzero(~is_ascii).tolist()
    wide = _encode_each([texts[row] for row in rows])
    narrow = list(texts)
    for row in rows:
        narrow[row] = ""
    both = _split(b"\0".join(("\0".join(narrow).encode(), *wide)), [*narrow, *wide])
    starts, stops = both.starts[: len(texts)], both.stops[: len(texts)]
    starts[rows] = both.starts[len(texts) :]
    stops[rows] = both.stops[len(texts) :]
    return Utf8(both.data, starts, stops)


def _encode_each(texts: Sequence[str]) -> list[bytes]:
    try:
        return list(map(str.encode, texts))
    except UnicodeEncodeError:  # a lone surrogate
        return [text.encode("utf-8", "surrogatepass") for text in texts]


def _split(raw: bytes, pieces: Sequence[str | bytes]) -> Utf8:
    """Return the texts of which ``raw`` is made: pieces of bytes or ASCII, a NUL in between."""
    data: np.ndarray = np.frombuffer(raw, dtype=np.uint8)
    starts = np.empty(len(pieces), dtype=np.int64)
    stops = np.empty_like(starts)
    if pieces and not split_at_zeros(data, starts, stops):
        lengths = _lengths(pieces)
        np.cumsum(lengths + 1, out=stops)
        stops -= 1
        np.subtract(stops, lengths, out=starts)
    return Utf8(data, starts, stops, raw.isascii())


def _lengths(texts: Sequence[Any]) -> np.ndarray:
    return np.fromiter(map(len, texts), dtype=np.int64, count=len(texts))


_FIRST = np.zeros(1, dtype=np.int64)


def encode_text(text: str) -> Utf8:
    """Encode a single str: `encode_texts` without what only many of them need."""
    raw = text.encode("utf-8", "surrogatepass")
    regular = text.isascii() or not any(character in text for character in IRREGULAR_UPPERCASE)
    stops = np.array((len(raw),), dtype=np.int64)
    return Utf8(np.frombuffer(raw, dtype=np.uint8), _FIRST, stops, regular)


class TextColumn:
    """A column of texts that can be read in chunks, as bytes or as str."""

    def __len__(self) -> int:
        raise NotImplementedError

    def chunks(self, rows: slice | np.ndarray) -> Iterator[tuple[slice, Any]]:
        """Yield (positions in the output, key) for chunks of the chosen rows.

        A slice has a start and a stop, and no step.
        """
        n_rows = rows.stop - rows.start if isinstance(rows, slice) else len(rows)
        for start in range(0, n_rows, CHUNK_ROWS):
            place = slice(start, min(start + CHUNK_ROWS, n_rows))
            yield place, _part(rows, place)

    def utf8(self, key: Any) -> Utf8:
        """Return the texts of one chunk, of which `chunks` gave the key."""
        raise NotImplementedError

    def take(self, rows: np.ndarray) -> "TextColumn":
        """Return the chosen rows as a column."""
        return StringList(
            [text for _, key in self.chunks(rows) for text in self.utf8(key).strings()]
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

    def chunks(self, rows: slice | np.ndarray) -> Iterator[tuple[slice, Any]]:
        """Yield chunks bounded in rows and in characters."""
        for place, key in super().chunks(rows):
            texts = self._take(key)
            try:
                if sum(map(len, texts)) <= CHUNK_CHARACTERS:
                    yield place, texts
                    continue
                stops = np.cumsum(_lengths(texts))
            except TypeError:
                raise InputUnsupported("an element is not a str") from None
            start = 0
            while start < len(texts):
                before = stops[start - 1] if start else 0
                stop = int(np.searchsorted(stops, before + CHUNK_CHARACTERS, side="right"))
                inner = slice(start, max(stop, start + 1))
                start = inner.stop
                yield slice(place.start + inner.start, place.start + inner.stop), texts[inner]

    def _take(self, key: slice | np.ndarray) -> Sequence[str]:
        if isinstance(key, slice):
            return self.texts[key]
        return [self.texts[row] for row in key.tolist()]

    def take(self, rows: np.ndarray) -> "TextColumn":
        """Return the chosen rows as a column."""
        return StringList(self._take(rows))

    def utf8(self, key: Sequence[str]) -> Utf8:
        """Join and encode the texts of one chunk."""
        return encode_texts(key)


@dataclass(frozen=True, eq=False)
class ArrowText(TextColumn):
    """Texts in Arrow buffers, read in place."""

    data: np.ndarray  # uint8
    offsets: np.ndarray  # int32 or int64, (n_rows + 1,)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def utf8(self, key: slice | np.ndarray) -> Utf8:
        """Return a view of the buffer with the positions of the chunk's texts."""
        starts = self.offsets[:-1][key].astype(np.int64)
        stops = self.offsets[1:][key].astype(np.int64)
        return Utf8(self.data, starts, stops)


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
    if isinstance(X, np.ndarray):
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
    _, offsets, data = array.buffers()
    if offsets is None:
        return None
    positions: np.ndarray = np.frombuffer(offsets, dtype=offset_type)
    positions = positions[array.offset : array.offset + len(array) + 1]
    raw = np.zeros(0, np.uint8) if data is None else np.frombuffer(data, dtype=np.uint8)
    return ArrowText(frozen(raw), positions)
