"""Containers of rows: what each kind answers is what its library and scikit-learn say."""

from collections import deque

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from common import SKLEARN, OwnFrame
from numpy.testing import assert_array_equal
from pandas.testing import assert_frame_equal
from scipy import sparse
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import _safe_indexing

from skwillump import compile_pipeline
from skwillump._containers import (
    column_names,
    container_of,
    dtype_kind,
    fast_rows,
    frame_of,
    frame_of_plain,
    has_rows,
    is_frame,
    num_samples,
    plain_frame,
    read_frame_of,
    series_of,
    take_rows,
    with_rows,
)


class OwnSeries(pd.Series):
    """A subclass of a column."""


FRAME = pd.DataFrame({"a": [1.5, 2.5, 3.5], "b": ["x", "y", "z"]})
FRAMES = {
    "pandas": FRAME,
    "subclass": OwnFrame(FRAME),
    "polars": pl.from_pandas(FRAME),
    "arrow": pa.Table.from_pandas(FRAME),
}
OTHERS = {
    "array": np.arange(6.0).reshape(3, 2),
    "vector": np.array(["x", "y", "z"]),
    "csr": sparse.csr_matrix(np.eye(3)),
    "coo": sparse.coo_array(np.eye(3)),
    "list": ["x", "y", "z"],
    "tuple": ("x", "y", "z"),
    "series": FRAME["b"],
    "series subclass": OwnSeries(["x", "y", "z"]),
    "polars series": pl.Series(["x", "y", "z"]),
}
frames = pytest.mark.parametrize("name", FRAMES)


def values(X):
    """Rows of anything as lists."""
    if sparse.issparse(X):
        return X.toarray().tolist()
    return X.to_pylist() if isinstance(X, pa.Table) else np.asarray(X).tolist()


@frames
def test_a_data_frame_is_known_by_what_its_class_derives_from(name):
    X = FRAMES[name]
    assert is_frame(X)
    assert column_names(X) == ["a", "b"]
    assert series_of(X) is None
    assert (read_frame_of(X) is None) == (name == "arrow")


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_no_data_frame_has_no_columns(name):
    X = OTHERS[name]
    assert not is_frame(X)
    assert column_names(X) is None
    assert (series_of(X) is not None) == ("series" in name)


@pytest.mark.parametrize("name", [*FRAMES, *OTHERS])
@pytest.mark.parametrize(
    "rows",
    [slice(1, 3), np.array([2, 0]), [2, 0], np.array([True, False, True]), slice(0, 0)],
    ids=["slice", "array", "list", "booleans", "none"],
)
def test_rows_are_taken_as_scikit_learn_takes_them(name, rows):
    X = {**FRAMES, **OTHERS}[name]
    assert num_samples(X) == 3
    taken = take_rows(X, rows)
    like = sparse.csr_matrix(X) if sparse.issparse(X) else X
    expected = values(_safe_indexing(like, rows)) if name != "arrow" or SKLEARN >= (1, 9) else None
    if expected is None:  # it takes no rows of tables
        expected = _safe_indexing(X.to_pandas(), rows).to_dict("records")
    assert values(taken) == expected
    assert type(taken) is type(X) or name in ("tuple", "coo", "subclass", "series subclass")


@pytest.mark.parametrize("make", [pd.array, pd.Index])
@pytest.mark.parametrize("rows", [slice(1, 3), np.array([2, 0]), [2, 0], [False, True, True]])
def test_rows_of_an_array_or_index_of_pandas_are_taken(rows, make):
    texts = np.array(["x", "y", "z"], dtype=object)
    X = make(texts, dtype="str")
    taken = take_rows(X, rows)
    assert type(taken) is type(X)
    assert taken.dtype == X.dtype
    assert list(taken) == texts[rows].tolist()
    one = container_of(X).one_like(X[:0], "w")
    assert type(one) is type(X)
    assert list(one) == ["w"]


@pytest.mark.parametrize("rows", [[2, 0], [True, False, True], slice(1, 3)])
@pytest.mark.parametrize("of_pandas", [True, False])
def test_rows_are_taken_beside_views_of_texts_of_which_pyarrow_takes_none(of_pandas, rows):
    views = pa.array(["a", None, "c"], type=pa.string_view())
    if of_pandas:
        dtype = pd.ArrowDtype(pa.string_view())
        frame = pd.DataFrame({"n": [1.0, 2.0, 3.0], "t": pd.Series(views, dtype=dtype)})
    else:
        frame = pa.table({"n": [1.0, 2.0, 3.0], "t": views})
    places = np.arange(3)[rows]
    taken = take_rows(frame, rows if isinstance(rows, slice) else np.array(rows))
    assert list(taken["n"].to_numpy()) == [[1.0, 2.0, 3.0][place] for place in places]
    found = pa.table({"t": pa.array(taken["t"])})["t"] if of_pandas else taken["t"]
    assert found.to_pylist() == [["a", None, "c"][place] for place in places]


@frames
def test_one_row_of_a_frame_keeps_its_columns_and_dtypes(name):
    X = FRAMES[name]
    kind, empty = frame_of(X), take_rows(X, slice(0, 0))
    dtypes = dict(zip("ab", kind.dtypes(empty), strict=True))
    made = kind.row_like(empty, {"a": 4.5, "b": "w"}, dtypes)
    assert type(made) is type(X)
    assert kind.dtypes(made) == kind.dtypes(X)
    assert column_names(made) == ["a", "b"]
    alone = kind.row_like(empty, {"b": "w"}, dtypes)
    assert column_names(alone) == ["b"]
    assert num_samples(alone) == 1


@frames
def test_fast_rows_of_a_frame_are_mappings(name):
    assert fast_rows(FRAMES[name], 2) == [{"a": 1.5, "b": "x"}, {"a": 2.5, "b": "y"}]


def test_fast_rows_of_others_are_what_one_row_is():
    assert_array_equal(fast_rows(OTHERS["array"], 2), [[0.0, 1.0], [2.0, 3.0]])
    assert fast_rows(OTHERS["list"], 2) == ["x", "y"]
    assert fast_rows(OTHERS["csr"], 2) == []


@pytest.mark.parametrize("name", ["pandas", "polars"])
def test_an_empty_frame_is_made_again_from_plain_objects(name):
    empty = take_rows(FRAMES[name], slice(0, 0))
    again = frame_of_plain(plain_frame(empty))
    assert type(again) is type(empty)
    assert frame_of(again).dtypes(again) == frame_of(empty).dtypes(empty)


def test_only_what_has_rows_has_some():
    assert has_rows(FRAME)
    assert has_rows(["x"])
    assert not has_rows([])
    assert not has_rows({"a": [1.0]})
    for X in (3, "x", {"x"}, iter(["x"]), deque("x"), {0: "x"}.values(), np.array("x"), None):
        assert not has_rows(X)


def test_rows_are_listed_where_none_can_be_taken():
    for X in (iter("xy"), deque("xy"), dict.fromkeys("xy").keys(), {0: "x", 1: "y"}.values()):
        assert with_rows(X) == ["x", "y"]
    for X in [*FRAMES.values(), *OTHERS.values(), None, 3, "x", b"x", {"a": [1.0]}, []]:
        assert with_rows(X) is X


def test_kinds_of_values_are_numpys_letters():
    assert dtype_kind(np.array([1.0])) == "f"
    assert dtype_kind(pl.Series([1.0])) == "f"
    assert dtype_kind(pd.Series([1])) == "i"
    assert dtype_kind(["x"]) is None


def test_a_missing_column_is_a_key_error_in_every_library():
    for X in FRAMES.values():
        with pytest.raises(KeyError):
            frame_of(X).select(X, "c")
        assert frame_of(X).column(X, "c") is None


COLUMNS = {
    "floats": np.array([1.5, np.nan, 2.5]),
    "integers": np.array([1, 2, 3], dtype=np.int8),
    "booleans": np.array([True, False, True]),
    "objects": np.array(["x", None, 3], dtype=object),
    "texts": pd.array(["x", "y", None], dtype="str"),
    "texts that may be NA": pd.array(["x", "y", None], dtype="string[python]"),
    "nullable": pd.array([1, 2, None], dtype="Int64"),
    "categories": pd.Categorical(["x", "y", None]),
    "numbers as categories": pd.Categorical([2, 1, 2]),
    "dates": pd.date_range("2024-01-01", periods=3),
}


def readable(values):
    """What steps read, as what pytest compares."""
    if values is None or isinstance(values, np.ndarray):
        return None if values is None else (values.dtype, pd.Series(values).tolist())
    fields = [getattr(values, name) for name in values._fields]
    return type(values), [pd.Series(field).astype(str).tolist() for field in fields]


@pytest.mark.parametrize("dtype", COLUMNS)
def test_what_steps_read_of_a_frame_is_what_they_read_of_its_column(dtype):
    frame = pd.DataFrame({"a": [0.5, 1.5, 2.5], "b": COLUMNS[dtype]})
    kind = read_frame_of(frame)
    expected = readable(kind.series.values(frame["b"]))
    assert repr(readable(kind.values(frame, "b"))) == repr(expected)


def test_a_column_that_is_missing_or_there_twice_is_not_read():
    frame = pd.DataFrame([[1.5, 2.5]], columns=["a", "a"])
    kind = read_frame_of(frame)
    assert kind.values(frame, "a") is None
    assert kind.values(frame, "b") is None


def test_what_is_read_of_a_frame_can_be_written_to_by_nobody_in_the_package():
    frame = pd.DataFrame({"a": [0.5, 1.5, 2.5]})
    twin = compile_pipeline(make_pipeline(StandardScaler(), Ridge()).fit(frame, [1, 2, 3]))
    twin.predict(frame)
    frame.loc[0, "a"] = 4.0
    assert frame["a"].tolist() == [4.0, 1.5, 2.5]


@pytest.mark.parametrize(
    "text", ["x", "S\u00e3o Paulo", "\u6771\u4eac", None, np.nan, float("nan"), pd.NA]
)
def test_one_row_with_any_text_or_none_is_the_frame_that_pandas_makes(text):
    empty = pd.DataFrame({"a": [1.0], "b": ["x"], "c": [3], "d": ["y"]})[:0]
    row = {"a": 1.5, "b": text, "c": 2, "d": "z"}
    expected = pd.DataFrame([row]).astype(empty.dtypes)
    made = frame_of(empty).row_like(empty, row, dict(empty.dtypes))
    assert_frame_equal(made, expected, check_index_type=False)


def test_no_library_is_asked_twice_about_a_type():
    assert container_of(FRAME) is container_of(OwnFrame(FRAME))
    assert container_of([1]) is container_of((1,))
