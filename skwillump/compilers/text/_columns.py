"""Text columns of any container, read in chunks as UTF-8.

Arrow columns (pandas 3, polars) are used where they lie.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..._containers import Series, container_of, is_plain_array, series_of
from ...kernels._arrays import frozen
from .._unsupported import InputUnsupported
from ._encoding import Utf8, encode_in_parts

CHUNK_ROWS = 2048
"""Rows that are handed to a kernel together: enough to make the cost of a call disappear."""


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

    def n_characters(self, enough: int) -> int:
        """Count the characters of the texts, until there are enough; where texts are bytes, those.

        Raises
        ------
        InputUnsupported
            If an element is no str.
        """
        raise NotImplementedError

    def check_types(self, rows: slice | np.ndarray) -> None:
        """Refuse all but str itself: a subclass may have methods of its own.

        Raises
        ------
        InputUnsupported
            If an element is anything else.
        """

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
        return encode_in_parts(self._take(rows))

    def n_characters(self, enough: int) -> int:
        n = 0
        for _, rows in self.chunks(slice(0, len(self))):
            try:
                n += sum(map(len, self._take(rows)))
            except TypeError:
                raise InputUnsupported("an element is not a str") from None
            if n >= enough:
                break
        return n

    def check_types(self, rows: slice | np.ndarray) -> None:
        if any(kind is not str for kind in set(map(type, self._take(rows)))):
            raise InputUnsupported("an element is not a str")

    def _take(self, rows: slice | np.ndarray) -> Sequence[str]:
        if isinstance(rows, slice):
            return self.texts[rows]
        return [self.texts[row] for row in rows.tolist()]

    def take(self, rows: np.ndarray) -> "TextColumn":
        return StringList(self._take(rows))


@dataclass(frozen=True, eq=False)
class ArrowText(TextColumn):
    """Texts in Arrow buffers, read in place."""

    data: np.ndarray  # uint8
    offsets: np.ndarray  # int32 or int64, (n_rows + 1,)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def encoded(self, rows: slice | np.ndarray) -> Iterator[tuple[slice, Utf8]]:
        starts = self.offsets[:-1][rows].astype(np.int64)
        stops = self.offsets[1:][rows].astype(np.int64)
        yield slice(0, len(starts)), Utf8(self.data, starts, stops)

    def n_characters(self, enough: int) -> int:
        return int(self.offsets[-1] - self.offsets[0])


def takes_lists(rows: Sequence[Any]) -> bool:
    """Tell whether the first row is a list, as of tokens, and no text."""
    return len(rows) > 0 and type(rows[0]) in (list, tuple)


def text_column(X: Any) -> TextColumn:
    """Return ``X`` as a text column.

    Parameters
    ----------
    X : list, tuple, 1-D array, pandas or polars Series, or pandas array of str, or TextColumn

    Raises
    ------
    InputUnsupported
        If ``X`` is anything else, or holds missing values. Elements of lists and object arrays
        are looked at when they are read.
    """
    if isinstance(X, TextColumn):
        return X
    if isinstance(X, (list, tuple)):
        return StringList(X)
    if is_plain_array(X):
        if X.ndim == 1 and X.dtype.kind in "OUT":
            return StringList(X.tolist())
        raise InputUnsupported(f"an array of {X.ndim} dimensions and dtype {X.dtype}")
    kind = series_of(X)
    if kind is not None:
        return _series_column(kind, X)
    series = container_of(X).as_series(X)
    if series is not None:
        return text_column(series)
    raise InputUnsupported(f"{type(X).__name__} is no column of texts")


def _series_column(kind: Series, series: Any) -> TextColumn:
    """Read a Series through Arrow where its values already are Arrow's, else as a list."""
    texts = kind.arrow_texts(series)
    if texts is not None:
        try:
            import pyarrow as pa
        except ImportError:
            return StringList(kind.objects(series))
        try:
            array = pa.chunked_array(texts)
        except UnicodeError:  # lone surrogates in Python's own strings
            return StringList(kind.objects(series))
        column = _arrow_column(array.chunk(0) if array.num_chunks == 1 else array.combine_chunks())
        if column is not None:
            return column
    return StringList(kind.objects(series))


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
