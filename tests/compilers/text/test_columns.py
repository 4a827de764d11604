"""Text columns of every container give the same bytes."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from common import NEEDS_PANDAS_3
from hypothesis import given, strategies as st
from strategies import documents

from skwillump.compilers import InputUnsupported
from skwillump.compilers.text._columns import ArrowText, text_column
from skwillump.compilers.text._encoding import CHUNK_BYTES, GROUP_ROWS, encode_texts

TEXTS = ["first", "", "zweiter Tag: Übung", "третий", "😀", "last\0"]

CONTAINERS = {
    "list": list,
    "tuple": tuple,
    "object array": lambda texts: np.array(texts, dtype=object),
    "str array": lambda texts: np.array([text.rstrip("\0") for text in texts]),
    "variable-width array": lambda texts: np.array(texts, dtype=np.dtypes.StringDType()),
    "pandas str": lambda texts: pd.Series(texts, dtype="str"),
    "pandas string": lambda texts: pd.Series(texts, dtype="string"),
    "pandas python storage": lambda texts: pd.Series(texts, dtype=pd.StringDtype("python")),
    "pandas object": lambda texts: pd.Series(texts, dtype=object),
    "pandas category": lambda texts: pd.Series(texts, dtype="category"),
    "pandas arrow": lambda texts: pd.Series(texts, dtype=pd.ArrowDtype(pa.string())),
    "pandas odd index": lambda texts: pd.Series(texts, index=range(10, 10 + len(texts))[::-1]),
    "values of pandas str": lambda texts: pd.array(texts, dtype="str"),
    "values of pandas string": lambda texts: pd.array(texts, dtype="string"),
    "values of pandas category": lambda texts: pd.Series(texts, dtype="category").array,
    "polars": lambda texts: pl.Series(texts, dtype=pl.String),
    "polars categorical": lambda texts: pl.Series(texts, dtype=pl.Categorical),
}


def read(column, rows=None):
    rows = slice(0, len(column)) if rows is None else rows
    return [
        text
        for _, some in column.chunks(rows)
        for _, texts in column.encoded(some)
        for text in texts.strings()
    ]


@pytest.mark.parametrize("name", CONTAINERS)
def test_every_container_gives_its_texts(name):
    container = CONTAINERS[name](TEXTS)
    expected = [str(text) for text in container]
    column = text_column(container)
    assert len(column) == len(expected)
    assert read(column) == expected
    rows = np.array([3, 0, 3, 5, 1])
    assert read(column, rows) == [expected[row] for row in rows]


@pytest.mark.parametrize("name", CONTAINERS)
@pytest.mark.parametrize("part", [slice(1, 4), slice(0, 0), slice(4, 6)])
def test_a_slice_of_a_container_gives_its_own_texts(name, part):
    container = CONTAINERS[name](TEXTS)[part]
    assert read(text_column(container)) == [str(text) for text in container]


@pytest.mark.parametrize("name", ["pandas str", "pandas arrow"])
def test_arrow_columns_are_read_in_place(name):
    series = CONTAINERS[name](TEXTS)
    if series.dtype == object:  # what pandas 2 means by "str"
        series = series.astype("string[pyarrow]")
    column = text_column(series)
    assert isinstance(column, ArrowText)
    buffer = pa.array(series)
    if isinstance(buffer, pa.ChunkedArray):
        buffer = buffer.chunk(0)
    assert column.data.ctypes.data == buffer.buffers()[2].address


def test_arrow_columns_of_several_chunks():
    series = pd.concat([CONTAINERS["pandas str"](TEXTS)] * 3, ignore_index=True)
    assert read(text_column(series)) == TEXTS * 3


@pytest.mark.parametrize(
    "column",
    [
        pd.Series(["a", None], dtype="str"),
        pd.Series(["a", None], dtype="string"),
        pytest.param(pd.array(["a", None], dtype="str"), marks=NEEDS_PANDAS_3),
        pl.Series(["a", None]),
        ["a", None],
        ["a", float("nan")],
        ["a", b"b"],
        np.array(["a", 1], dtype=object),
        pd.Series([1, 2]),
    ],
)
def test_what_is_no_text_is_refused(column):
    with pytest.raises(InputUnsupported):
        read(text_column(column))


@pytest.mark.parametrize(
    "value", ["one string", {"a", "b"}, iter(["a"]), np.array([["a"]]), np.arange(3), None]
)
def test_what_is_no_column_is_refused(value):
    with pytest.raises(InputUnsupported):
        text_column(value)


@given(documents)
def test_encoded_texts_decode_to_themselves(texts):
    assert encode_texts(texts).strings() == texts


@pytest.mark.parametrize("n", [1, 20, 255, 256, 257, 2000])
@pytest.mark.parametrize("character", ["é", "Ω", "\U0001f600", "\ud800", "\0", "x"])
def test_few_and_many_texts_of_other_characters_are_encoded(character, n):
    plain = [f"text {i}" if i % 7 else "" for i in range(n)]
    for rows in ([0], [n - 1], [0, n // 2], range(0, n, 40), range(0, n, 15), range(n)):
        texts = plain.copy()
        for row in rows:
            texts[row] = character + texts[row] + character * 2
        before = texts.copy()
        encoded = encode_texts(texts)
        assert encoded.strings() == texts
        assert texts == before
        assert encoded.regular == character.isascii()
        assert encoded.after(n // 3).strings() == texts[n // 3 :]
        assert encoded.with_irregular_lowered().strings() == texts


def test_no_texts_and_tuples_and_subclasses_are_encoded():
    class Title(str):
        pass

    assert encode_texts([]).strings() == []
    assert encode_texts(("a", "", "ü")).strings() == ["a", "", "ü"]
    assert encode_texts([Title("one"), Title("zwölf")]).strings() == ["one", "zwölf"]


@given(st.lists(st.integers(0, CHUNK_BYTES * 3 // 2), min_size=1, max_size=6), st.booleans())
def test_parts_cover_all_rows_once_and_stay_small(lengths, wide):
    texts = [*("x" * length for length in lengths), *("é" * wide,) * 40]
    covered = []
    for rows, encoded in text_column(texts).encoded(slice(0, len(texts))):
        assert encoded.strings() == texts[rows]
        covered.extend(range(rows.start, rows.stop))
        assert len(encoded.data) <= CHUNK_BYTES or rows.stop - rows.start <= GROUP_ROWS
    assert covered == list(range(len(texts)))


def test_long_texts_are_joined_one_by_one():
    texts = ["short"] * GROUP_ROWS + ["x" * (CHUNK_BYTES + 10 * i) for i in range(30)]
    parts = [encoded for _, encoded in text_column(texts).encoded(slice(0, len(texts)))]
    assert [len(encoded.data) for encoded in parts[1:]] == [len(text) for text in texts[-30:]]
    texts = ["x" * (CHUNK_BYTES // 4 - 10)] * 30
    parts = [encoded for _, encoded in text_column(texts).encoded(slice(0, 30))]
    assert [len(encoded.starts) for encoded in parts] == [4] * 7 + [2]
