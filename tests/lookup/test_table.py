"""Tables in every form become rows by key, or an error that names what does not fit."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from lookup_cases import EXPECTED, NAN, QUERY, RECORDS, USERS, assert_same
from numpy.testing import assert_array_equal
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from skwillump import TableLookup, compile_pipeline
from skwillump.compilers import OriginalStep, compile_step


@pytest.mark.parametrize("name", RECORDS)
def test_every_form_of_a_table_gives_the_same(name):
    lookup = TableLookup(RECORDS[name], on="user", default=-1).fit(QUERY)
    assert_same(lookup, QUERY, EXPECTED)
    named = name not in ("mapping of rows", "mapping of arrays", "arrays", "lists")
    names = ["age", "songs"] if named else ["tablelookup0", "tablelookup1"]
    assert lookup.get_feature_names_out().tolist() == names
    second = TableLookup(RECORDS[name], on="user", columns=["songs"] if named else [1], default=-1)
    assert_same(second.fit(QUERY), QUERY, EXPECTED[:, 1:])


def test_a_mapping_of_single_values():
    lookup = TableLookup({"a": 1, "b": 2.5}).fit(["a"])
    assert_array_equal(lookup.transform(["b", "c", "a"]), [[2.5], [NAN], [1]])


def test_several_keys_in_a_mapping_are_tuples():
    table = {(1, "x"): [10.0], (1, "y"): [20.0], (2, "x"): [30.0]}
    X = pd.DataFrame({"a": [1, 2, 2, 3], "b": ["y", "x", "y", "x"]})
    lookup = TableLookup(table, on=["a", "b"]).fit(X)
    assert_same(lookup, X, np.array([[20], [30], [NAN], [NAN]]))
    with pytest.raises(ValueError, match=r"'z' is not a tuple of 2"):
        TableLookup({(1, "x"): [1.0], "z": [2.0]}, on=["a", "b"]).fit(X)


def test_a_key_that_is_there_twice_is_named():
    for keys, name in (([1, 2, 1], "1"), (["a", "b", "b"], "'b'"), ([True, 1, 2], "True")):
        table = pd.DataFrame({"k": pd.Series(keys, dtype=object), "v": [1.0, 2.0, 3.0]})
        with pytest.raises(ValueError, match=f"key {name} is in the table 2 times"):
            TableLookup(table, on="k").fit(table[["k"]])
    table = pd.DataFrame({"a": [1, 1, 1], "b": ["x", "y", "x"], "v": [1.0, 2.0, 3.0]})
    with pytest.raises(ValueError, match=r"key \(1, 'x'\) is in the table 2 times \(rows 0 and 2"):
        TableLookup(table, on=["a", "b"]).fit(table)
    twice_missing = pd.DataFrame({"k": [NAN, NAN, 1.0], "v": [1.0, 2.0, 3.0]})
    lookup = TableLookup(twice_missing, on="k").fit(twice_missing[["k"]])
    assert_array_equal(lookup.transform(twice_missing[["k"]]), [[NAN], [NAN], [3]])


@pytest.mark.parametrize(
    ("default", "message"),
    [
        ([1, 2, 3], "one for each of the 2 columns"),
        ({"genre": 1}, "keys are columns of values.* Got 'genre'"),
        ("rock", "columns of the table are numbers"),
    ],
)
def test_a_default_of_another_shape_is_refused(default, message):
    with pytest.raises(ValueError, match=message):
        TableLookup(USERS, on="user", default=default).fit(QUERY)


def test_columns_that_are_no_numbers_come_as_objects_for_an_encoder():
    songs = pd.DataFrame(
        {
            "song": [1, 2, 3],
            "genre": ["rock", None, "jazz"],
            "mood": pd.Categorical(["calm", "wild", "calm"]),
            "year": [1990, 2000, 2010],
        }
    )
    X = pd.DataFrame({"song": [3, 1, 4, 2]})
    lookup = TableLookup(songs, on="song", default={"genre": "unknown"}).fit(X)
    values = lookup.transform(X)
    assert values.dtype == object
    assert values[0].tolist() == ["jazz", "calm", 2010.0]
    assert values[2, 0] == "unknown"
    assert np.isnan(values[2, 1])
    step = compile_step(lookup)
    assert isinstance(step, OriginalStep)
    assert "not of numbers" in step.reason
    encoded = make_pipeline(lookup, OneHotEncoder(handle_unknown="ignore")).fit(X)
    assert_array_equal(
        compile_pipeline(encoded).transform(X).toarray(), encoded.transform(X).toarray()
    )


@pytest.mark.parametrize(
    "dtype", ["int8", "float32", "bool", "Int64", "boolean", "Float64", object]
)
def test_numbers_of_every_dtype_become_float64(dtype):
    table = pd.DataFrame({"k": [1, 2], "v": pd.Series([1, 0], dtype=dtype)})
    X = pd.DataFrame({"k": [2, 1]})
    lookup = TableLookup(table, on="k").fit(X)
    assert lookup.transform(X).dtype == np.float64
    assert_same(lookup, X, np.array([[0.0], [1.0]]))


def test_marks_of_missing_values_become_nan():
    table = pd.DataFrame({"k": [1, 2], "v": pd.array([5, None], dtype="Int64")})
    for frame in (table, pl.DataFrame({"k": [1, 2], "v": [5, None]})):
        assert_array_equal(
            TableLookup(frame, on="k").fit([[1]]).transform([[1], [2]]), [[5], [NAN]]
        )


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: TableLookup(USERS), ValueError, "must be the key columns"),
        (lambda: TableLookup(USERS, on="song"), ValueError, "columns of X.* Got 'song'"),
        (lambda: TableLookup(USERS, on=[]), ValueError, "a name of a column, or several"),
        (lambda: TableLookup(USERS, on=3), ValueError, "X, which has 1 columns. Got 3"),
        (lambda: TableLookup({7: 1.0}, on=["user", "user"]), ValueError, "each once"),
        (lambda: TableLookup(USERS.rename(columns={"user": "u"}), on="user"), ValueError, "called"),
        (
            lambda: TableLookup(USERS, on="user", columns=["x"]),
            ValueError,
            "'columns' parameter.* Got 'x'",
        ),
        (lambda: TableLookup({7: [1.0], 8: [1.0, 2.0]}), ValueError, "row of key 8"),
        (lambda: TableLookup({7: {"a": 1}, 8: {"b": 1}}), ValueError, "row of key 8"),
        (lambda: TableLookup(([7, 8], [1.0])), ValueError, "2 keys, but 1 rows"),
        (lambda: TableLookup(([[7, 8]], [1.0])), ValueError, "2 columns, but 1 are looked up"),
        (
            lambda: TableLookup(5),
            TypeError,
            "'table' parameter .* Got 5 instead",
        ),
        (
            lambda: TableLookup({"7": 1.0}),
            ValueError,
            "of X are numbers, those of the table are te",
        ),
        (
            lambda: TableLookup(
                pd.DataFrame({"user": [1], "t": pd.to_datetime(["2020"])}), on="user"
            ),
            ValueError,
            "make numbers of it",
        ),
    ],
)
def test_what_does_not_fit_is_named(make, error, message):
    with pytest.raises(error, match=message):
        make().fit(QUERY)


def test_an_empty_table_knows_no_key():
    for table in (USERS[:0], USERS[:0].astype({"user": object})):
        assert_same(TableLookup(table, on="user", default=0).fit(QUERY), QUERY, np.zeros((4, 2)))
