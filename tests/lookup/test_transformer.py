"""A look-up is a left join with its table, compiled or not, whatever the keys are."""

import datetime
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lightgbm import LGBMClassifier
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone
from sklearn.compose import ColumnTransformer, make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import OneHotEncoder
from sklearn.utils.estimator_checks import parametrize_with_checks

from skwillump import CascadeClassifier, TableLookup, compile_pipeline
from skwillump.compilers import (
    InputUnsupported,
    OriginalStep,
    TreeModel,
    compile_model,
    compile_step,
)
from skwillump.compilers.tables import _lookups
from skwillump.kernels.tables._integer_keys import make_integer_table, number_integers, rows_of

NAN = float("nan")
USERS = pd.DataFrame({"user": [7, 8, 9], "age": [31, 54, 20], "songs": [120.5, 3.0, NAN]})
QUERY = pd.DataFrame({"user": [9, 7, 5, 7]})
EXPECTED = np.array([[20, NAN], [31, 120.5], [-1, -1], [31, 120.5]])


def merged(table, X, on, default=NAN):
    """What a user's left merge with the table gives."""
    known = table.dropna(subset=on)
    found = X[on].merge(known, how="left", on=on, indicator=True)
    values = found.drop(columns=[*on, "_merge"]).to_numpy(dtype=float)
    values[(found["_merge"] == "left_only").to_numpy()] = default
    return values


def assert_same(lookup, X, expected):
    """Compare the look-up, its compiled twin, its scores and its single rows with a reference."""
    assert_array_equal(lookup.transform(X), expected)
    step = compile_step(lookup)
    assert not isinstance(step, OriginalStep)
    assert_array_equal(step.transform(X), expected)
    rows = X.to_dict("records") if isinstance(X, pd.DataFrame) else list(X)
    for row, values in zip(rows, expected, strict=True):
        assert_array_equal(step.dense_one(row), values)
    if len(expected):
        assert_array_equal(step.dense(X), expected)  # by the kernels: nothing is refused
        coef = np.random.default_rng(0).normal(size=(expected.shape[1], 1))
        scores = step.bind(coef).scores(X)
        assert_allclose(scores, expected @ coef, rtol=1e-12, atol=1e-12)


# The join ---------------------------------------------------------------------------------------

INTEGERS = st.integers(-20, 20) | st.sampled_from([2**62, -(2**63), 2**63 - 1, 2**53 + 1])
TEXTS = st.text(alphabet="aé\0🎵 ", max_size=3) | st.sampled_from(["x" * 17, "x" * 16 + "y", ""])


@st.composite
def joins(draw, kinds):
    """A table of distinct keys, and an input of keys of which some are in it."""
    n_keys = draw(st.integers(0, 12))
    keys = draw(st.lists(st.tuples(*kinds), min_size=n_keys, max_size=n_keys, unique=True))
    seen = [
        st.sampled_from([key[i] for key in keys]) if keys else kind for i, kind in enumerate(kinds)
    ]
    one_of = st.tuples(*(known | kind for known, kind in zip(seen, kinds, strict=True)))
    rows = draw(st.lists(one_of, min_size=1, max_size=15))
    names = [f"k{i}" for i in range(len(kinds))]
    values = np.arange(2.0 * n_keys).reshape(-1, 2)
    dtypes = {
        name: np.int64 if kind is INTEGERS else "str"
        for name, kind in zip(names, kinds, strict=True)
    }
    table = pd.DataFrame(keys, columns=names).astype(dtypes).assign(v=values[:, 0], w=values[:, 1])
    X = pd.DataFrame(rows, columns=names).astype(dtypes)
    return table, X, names


@pytest.mark.parametrize(
    "kinds",
    [(INTEGERS,), (TEXTS,), (INTEGERS, TEXTS), (TEXTS, INTEGERS, INTEGERS)],
    ids=["int", "str", "int-str", "str-int-int"],
)
def test_a_lookup_is_a_left_merge(kinds):
    @settings(max_examples=40, deadline=None)
    @given(joins(kinds))
    def check(join):
        table, X, names = join
        lookup = TableLookup(table, on=names).fit(X)
        assert_same(lookup, X, merged(table, X, names))

    check()


def test_a_lookup_of_one_column_is_a_reindex():
    rng = np.random.default_rng(0)
    keys = rng.choice(10**9, 5000, replace=False)  # far apart: they are hashed
    table = pd.DataFrame({"id": keys, "a": rng.normal(size=5000), "b": rng.normal(size=5000)})
    X = pd.DataFrame(
        {"id": np.r_[rng.choice(keys, 9000), rng.choice(10**9, 1000), [-1, 2**63 - 1]]}
    )
    expected = table.set_index("id").reindex(X["id"]).to_numpy()
    lookup = TableLookup(table, on="id").fit(X)
    assert_array_equal(lookup.transform(X), expected)
    compiled = compile_step(lookup)
    assert_array_equal(compiled.dense(X), expected)
    assert_array_equal(compiled.dense(X, n_threads=2), expected)
    rows = rng.integers(0, len(X), 5000)
    assert_array_equal(compiled.dense(X, rows), expected[rows])
    for row in range(0, len(X), 500):
        assert_array_equal(compiled.dense_one(X.iloc[row].to_dict()), expected[row])


@pytest.mark.parametrize("spread", [1, 10**6])
def test_the_kernels_find_every_integer_and_no_other(spread):
    integers = np.unique(np.random.default_rng(0).integers(-1000, 1000, 700)) * spread
    table = make_integer_table(integers)
    assert (len(table.listed) == 0) == (spread > 1)
    limits = np.array([-(2**63), 2**63 - 1, integers[0] - 1, integers[-1] + 1])
    keys = np.r_[integers, integers + 1, limits]
    position = {int(value): number for number, value in enumerate(integers)}
    expected = [position.get(int(key), -1) for key in keys]
    assert_array_equal(number_integers(keys, table), expected)
    assert_array_equal(number_integers(keys, make_integer_table(integers[:0])), -1)


def test_the_last_row_is_that_of_unknown_keys():
    values = np.arange(6.0).reshape(3, 2)
    values.setflags(write=False)
    assert_array_equal(rows_of(values, np.array([1, -1, 0])), values[[1, 2, 0]])


# Tables and keys --------------------------------------------------------------------------------

RECORDS = {
    "pandas": USERS,
    "pandas index": USERS.set_index("user"),
    "polars": pl.from_pandas(USERS),
    "mapping of mappings": {
        row["user"]: {"age": row["age"], "songs": row["songs"]} for row in USERS.to_dict("records")
    },
    "mapping of rows": {7: [31, 120.5], 8: (54, 3.0), 9: [20, None]},
    "mapping of arrays": {7: np.array([31, 120.5]), 8: np.array([54, 3.0]), 9: np.array([20, NAN])},
    "arrays": (np.array([7, 8, 9]), USERS[["age", "songs"]].to_numpy()),
    "lists": ([7, 8, 9], [[31, 120.5], [54, 3.0], [20, NAN]]),
    "array and frame": ([7, 8, 9], USERS[["age", "songs"]]),
}


@pytest.mark.parametrize("name", RECORDS)
def test_every_form_of_a_table_gives_the_same(name):
    lookup = TableLookup(RECORDS[name], on="user", default=-1).fit(QUERY)
    assert_same(lookup, QUERY, EXPECTED)
    named = name not in ("mapping of rows", "mapping of arrays", "arrays", "lists")
    names = ["age", "songs"] if named else ["tablelookup0", "tablelookup1"]
    assert lookup.get_feature_names_out().tolist() == names
    second = TableLookup(RECORDS[name], on="user", columns=["songs"] if named else [1], default=-1)
    assert_same(second.fit(QUERY), QUERY, EXPECTED[:, 1:])


@pytest.mark.parametrize(
    "X",
    [
        QUERY,
        pl.from_pandas(QUERY),
        QUERY.to_numpy(),
        QUERY.to_numpy().astype(float),
        QUERY.to_numpy().astype(np.uint8),
        QUERY.to_numpy().astype(object),
        QUERY.astype("Int64"),
        QUERY.astype("category"),
        QUERY["user"],
        pl.Series([9, 7, 5, 7]),
        [9, 7, 5, 7],
        [[9], [7], [5], [7]],
        np.array([9, 7, 5, 7]),
    ],
    ids=lambda X: type(X).__module__.partition(".")[0] + type(X).__name__,
)
def test_every_form_of_the_input_gives_the_same(X):
    lookup = TableLookup(USERS, on="user", default=-1).fit(X)
    assert_array_equal(lookup.transform(X), EXPECTED)
    assert_array_equal(compile_step(lookup).transform(X), EXPECTED)


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


def test_keys_are_the_same_if_python_says_so():
    table = {3: [1.0], True: [2.0], 2**53: [3.0], -(2**63): [4.0], 0: [5.0]}
    lookup = TableLookup(table, default=-1).fit([3])
    keys = [
        3.0,
        np.float32(3),
        1,
        2**53 + 1,
        2**53,
        -(2.0**63),
        -0.0,
        False,
        "3",
        3.5,
        2**70,
        1e300,
    ]
    expected = [1, 1, 2, -1, 3, 4, 5, 5, -1, -1, -1, -1]
    assert lookup.transform(keys)[:, 0].tolist() == expected
    floats = np.array([3.0, 2.0**53, -(2.0**63), -0.0, np.inf, NAN, 2.0**63])[:, None]
    for transformer in (lookup, compile_step(lookup)):
        assert transformer.transform(floats)[:, 0].tolist() == [1, 3, 4, 5, -1, -1, -1]
        unsigned = np.array([[3], [2**63], [2**64 - 1]], dtype=np.uint64)
        assert transformer.transform(unsigned)[:, 0].tolist() == [1, -1, -1]


def test_integers_that_are_no_floats_are_told_apart():
    keys = [2**53, 2**53 + 1, 2**60 + 1]
    X = pl.DataFrame({"id": [*keys, None]})
    lookup = TableLookup((keys, [1.0, 2.0, 3.0]), on="id").fit(X)
    # Numpy makes floats of integers beside a missing one: two of the keys would become equal.
    for transformer in (lookup, compile_step(lookup)):
        assert_array_equal(transformer.transform(X)[:, 0], [1, 2, 3, NAN])


def test_other_kinds_of_keys_are_found_too():
    table = {"a": 1.0, 2.5: 2.0, None: 3.0, (1, 2): 4.0, b"c": 5.0, 7: 6.0}
    lookup = TableLookup(table).fit(["a"])
    X = np.empty((8, 1), dtype=object)
    X[:, 0] = ["a", 2.5, None, (1, 2), b"c", 7.0, "b", np.nan]
    expected = [[1], [2], [NAN], [4], [5], [6], [NAN], [NAN]]
    assert_array_equal(lookup.transform(X), expected)
    assert_array_equal(compile_step(lookup).transform(X), expected)
    assert_array_equal(compile_step(lookup).transform(np.array([[2.5], [1.0]])), [[2], [NAN]])


def test_times_are_the_same_in_every_container():
    times = [datetime.datetime(2024, 1, day, 12) for day in (1, 2)]
    pandas = pd.DataFrame({"t": pd.to_datetime(times), "v": [1.0, 2.0]})
    unknown = datetime.datetime(2024, 1, 3)
    for table in (pandas, pl.from_pandas(pandas), dict(zip(times, [1.0, 2.0], strict=True))):
        for X in (
            pd.DataFrame({"t": pd.to_datetime([*times, unknown, None])}),
            pl.DataFrame({"t": [*times, unknown, None]}),
            np.array([*times, unknown, "NaT"], dtype="datetime64[s]")[:, None],
        ):
            lookup = TableLookup(table, on="t").fit(X)
            for transformer in (lookup, compile_step(lookup)):
                assert_array_equal(transformer.transform(X)[:, 0], [1, 2, NAN, NAN])
    days = pl.DataFrame({"t": [datetime.date(2024, 1, 1)], "v": [1.0]})
    assert_array_equal(TableLookup(days, on="t").fit_transform(days.select("t")), [[1.0]])


@pytest.mark.parametrize("keys", [[1.0, NAN], ["a", None], [pd.NA, 1], [pd.NaT, "a"]])
def test_a_missing_key_is_never_found(keys):
    table = pd.DataFrame({"k": pd.Series(keys, dtype=object), "v": [1.0, 2.0]})
    X = table[["k"]]
    found = TableLookup(table, on="k", default=-1).fit(X)
    present = [not pd.isna(key) for key in keys]
    expected = np.where(present, [1.0, 2.0], -1.0)[:, None]
    assert_array_equal(found.transform(X), expected)
    assert_array_equal(compile_step(found).transform(X), expected)


def test_missing_texts_in_arrow_columns_are_not_the_empty_text():
    table = pd.DataFrame({"k": ["", "a"], "v": [1.0, 2.0]})
    X = pd.DataFrame({"k": ["a", None, "", "b"]})
    assert_same(TableLookup(table, on="k").fit(X), X, np.array([[2], [NAN], [1], [NAN]]))


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


# Values and defaults ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("default", "expected"),
    [
        (NAN, [NAN, NAN]),
        (0, [0, 0]),
        ([1, 2], [1, 2]),
        (np.array([1, 2]), [1, 2]),
        ({"songs": 5}, [NAN, 5]),
        ({"age": None, "songs": 5}, [NAN, 5]),
    ],
)
def test_unknown_keys_get_the_default(default, expected):
    X = pd.DataFrame({"user": [5]})
    assert_same(TableLookup(USERS, on="user", default=default).fit(X), X, np.array([expected]))


@pytest.mark.parametrize(
    ("default", "message"),
    [
        ([1, 2, 3], "3 values for 2 columns"),
        ({"genre": 1}, "'genre', which is no column"),
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


# Where it does not fit --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: TableLookup(USERS), ValueError, "name the key columns"),
        (lambda: TableLookup(USERS, on="song"), ValueError, "'song' is no column of X"),
        (lambda: TableLookup(USERS, on=[]), ValueError, "one column or several"),
        (lambda: TableLookup(USERS, on=3), ValueError, "on=3, but X has 1 columns"),
        (lambda: TableLookup({7: 1.0}, on=["user", "user"]), ValueError, "each once"),
        (lambda: TableLookup(USERS.rename(columns={"user": "u"}), on="user"), ValueError, "called"),
        (lambda: TableLookup(USERS, on="user", columns=["x"]), ValueError, "no column 'x'"),
        (lambda: TableLookup({7: [1.0], 8: [1.0, 2.0]}), ValueError, "row of key 8"),
        (lambda: TableLookup({7: {"a": 1}, 8: {"b": 1}}), ValueError, "row of key 8"),
        (lambda: TableLookup(([7, 8], [1.0])), ValueError, "2 keys, but 1 rows"),
        (lambda: TableLookup(([[7, 8]], [1.0])), ValueError, "2 columns, but 1 are looked up"),
        (lambda: TableLookup(5), TypeError, "table is of type int"),
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


def test_wrong_inputs_are_refused_alike_compiled_or_not():
    lookup = TableLookup(USERS, on="user").fit(QUERY)
    compiled = compile_pipeline(lookup)
    for transformer in (lookup, compiled):
        with pytest.raises(ValueError, match="feature names"):
            transformer.transform(QUERY.rename(columns={"user": "u"}))
        with pytest.raises(TypeError, match="Sparse"):
            transformer.transform(sparse.csr_matrix((2, 1)))
        with pytest.raises(ValueError, match="where a key is expected"):
            transformer.transform(pd.DataFrame({"user": [[7], [8]]}))
    step = compile_step(lookup)
    with pytest.raises(ValueError, match="columns are missing"):
        step.dense_one({"song": 3})
    with pytest.raises(ValueError, match="where a key is expected"):
        step.dense_one({"user": [7]})
    with pytest.raises(InputUnsupported):
        step.dense_one({"user": np.datetime64("2020-01-01")})


OTHER_KINDS = {
    "texts": (QUERY, QUERY.astype(str), USERS),
    "Arrow": (QUERY, pl.from_pandas(QUERY.astype(str)), USERS),
    "categories": (QUERY, QUERY.astype(str).astype("category"), USERS),
    "objects": (QUERY, QUERY.astype(str).astype(object), USERS),
    "missing beside": (QUERY, pd.DataFrame({"user": ["8", None, NAN]}), USERS),
    "numbers": (QUERY.astype(str), QUERY, USERS.astype({"user": str})),
    "floats": (QUERY.astype(str), QUERY.astype(float), USERS.astype({"user": str})),
}


@pytest.mark.parametrize("name", OTHER_KINDS)
def test_keys_of_another_kind_than_the_tables_are_an_error(name):
    fitted_on, X, table = OTHER_KINDS[name]
    lookup = TableLookup(table, on="user", columns="age", default=0).fit(fitted_on)
    pipeline = make_pipeline(lookup, LogisticRegression()).fit(fitted_on, [0, 1, 0, 1])
    compiled = compile_pipeline(pipeline)
    message = "keys in column 'user' of X are (texts|numbers), those of the table are"
    with pytest.raises(ValueError, match=message):
        compiled.predict_one({"user": X["user"][0]})
    for answer in (lookup.transform, compile_pipeline(lookup).transform, compiled.predict):
        with pytest.raises(ValueError, match=message):
            answer(X)


def test_keys_of_mixed_kinds_and_missing_ones_are_no_error():
    table = {8: [1.0], 9: [2.0]}
    pure = TableLookup(table, on="user", default=0).fit(QUERY)
    for values in (["8", 8], [None, NAN], ["x", 3, None]):
        X = pd.DataFrame({"user": pd.Series(values, dtype=object)})
        expected = [[float(value == 8)] for value in values]
        assert_array_equal(pure.transform(X), expected)
        assert_array_equal(compile_pipeline(pure).transform(X), expected)
    # Then a part of the rows may be of texts alone.
    mixed = pd.DataFrame({"user": pd.Series([8, "nobody"], dtype=object)})
    lookup = TableLookup(table, on="user", default=0).fit(mixed)
    assert_same(lookup, mixed, np.array([[1.0], [0.0]]))
    assert_same(lookup, mixed[1:], np.array([[0.0]]))


def test_a_cascade_refuses_keys_of_another_kind():
    generator = np.random.default_rng(0)
    X = pd.DataFrame({"user": generator.integers(0, 50, 400), "cheap": generator.normal(size=400)})
    table = pd.DataFrame({"user": np.arange(50), "age": generator.normal(size=50)})
    y = X["cheap"] + 0.5 * table["age"].to_numpy()[X["user"]] > 0
    features = ColumnTransformer(
        [("user", TableLookup(table, on="user"), ["user"]), ("cheap", "passthrough", ["cheap"])]
    )
    pipeline = make_pipeline(features, LogisticRegression())
    costs = {"user": 1e-3, "cheap": 1e-6}
    cascade = CascadeClassifier(
        pipeline, accuracy_target=0.9, confidence=None, cv=2, feature_costs=costs, random_state=0
    ).fit(X, y)
    assert set(cascade.predict_stage(X)) == {0, 1}
    texts = X.astype({"user": str}).assign(cheap=0.0)  # no row is answered early
    with pytest.raises(ValueError, match="those of the table are numbers"):
        cascade.predict(texts)


def test_no_rows_give_no_rows():
    lookup = TableLookup(USERS, on="user").fit(QUERY)
    assert lookup.transform(QUERY[:0]).shape == (0, 2)
    assert compile_pipeline(lookup).transform(QUERY[:0]).shape == (0, 2)
    with pytest.raises(ValueError, match=r"0 sample\(s\)"):
        TableLookup(USERS, on="user").fit(QUERY[:0])


def test_an_empty_table_knows_no_key():
    for table in (USERS[:0], USERS[:0].astype({"user": object})):
        assert_same(TableLookup(table, on="user", default=0).fit(QUERY), QUERY, np.zeros((4, 2)))


# At home in scikit-learn ------------------------------------------------------------------------


def expected_to_fail(estimator):
    return {"check_fit1d": "a list or vector of keys is an input"}


@parametrize_with_checks(
    [TableLookup({0: [1.0, 2.0]}, on=0), TableLookup({0: [1.0, 2.0]}, on=0, default=[0, 1])],
    expected_failed_checks=expected_to_fail,
)
def test_scikit_learn_checks(estimator, check):
    check(estimator)


def test_clones_share_the_table():
    lookup = TableLookup(USERS, on=["user"], default={"age": 0}).set_output(transform="pandas")
    twin = clone(make_pipeline(clone(lookup)))[0]
    assert twin.table is USERS
    assert twin.on == ["user"]
    assert twin.on is not lookup.on
    assert twin.default == {"age": 0}
    assert isinstance(twin.fit_transform(QUERY), pd.DataFrame)
    assert not hasattr(clone(twin), "table_")
    assert lookup.table is USERS


def test_a_pickle_holds_a_table_once_however_many_refer_to_it():
    keys = np.arange(5000)
    table = (keys, np.random.default_rng(0).normal(size=(5000, 8)))
    X, y = pd.DataFrame({"k": keys}), keys % 2
    pipeline = make_pipeline(
        make_column_transformer((TableLookup(table), ["k"])), LogisticRegression()
    )
    alone = len(pickle.dumps(TableLookup(table).fit(X)))
    pipeline.fit(X, y)
    # The compiled twin and the original have the values in common.
    assert len(pickle.dumps((pipeline, clone(pipeline), clone(pipeline)))) < 1.1 * alone
    compiled = compile_step(pipeline[0])
    assert len(pickle.dumps((pipeline, compiled, compiled))) < 1.3 * alone


def test_names_containers_and_composites():
    X = pd.DataFrame({"user": [9, 7, 5], "other": 1.0})
    lookup = TableLookup(USERS, on="user", default=0)
    columns = ColumnTransformer([("users", lookup, ["user"]), ("rest", "passthrough", ["other"])])
    columns.set_output(transform="pandas")
    found = columns.fit_transform(X)
    assert list(found.columns) == ["users__age", "users__songs", "rest__other"]
    lookup = TableLookup(USERS, on="user", default=0)
    union = make_union(lookup, TableLookup({7: 1.0}, on="user")).fit(X)
    expected = [[20, NAN, NAN], [31, 120.5, 1], [0, 0, NAN]]
    assert_array_equal(union.transform(X), expected)
    compiled = compile_pipeline(union)
    assert all(step.compiled for step in compiled.explain())
    assert_array_equal(compiled.transform(X), expected)
    assert_array_equal(compile_step(union).dense_one({"user": 9, "other": 1.0}), expected[0])
    vector = make_column_transformer((lookup, "user")).fit(X)
    assert_array_equal(compile_pipeline(vector).transform(X), vector.transform(X))


def test_keys_by_position_in_an_array():
    X = np.array([[0.5, 9], [0.1, 7]])
    lookup = TableLookup(RECORDS["arrays"], on=-1).fit(X)
    assert_same(lookup, X, EXPECTED[:2])
    with pytest.raises(ValueError, match="X has no column names and 2 columns"):
        TableLookup(USERS, on="user").fit(X)


def test_the_table_and_the_input_are_left_as_they_were():
    table, X = USERS.copy(), QUERY.copy()
    lookup = TableLookup(table, on="user").fit(X)
    compile_step(lookup).transform(X)
    found = lookup.transform(X)
    found[:] = 0
    compile_step(lookup).dense_one({"user": 7})[:] = 0
    assert_array_equal(lookup.transform(X), TableLookup(USERS, on="user").fit(X).transform(QUERY))
    pd.testing.assert_frame_equal(table, USERS)
    pd.testing.assert_frame_equal(X, QUERY)


# Compiled, in pipelines and cascades ------------------------------------------------------------


def music(n_rows=3000, seed=0):
    """Rows of a user and a song, their tables, and labels that the users mostly decide."""
    rng = np.random.default_rng(seed)
    users = pd.DataFrame({"user": np.arange(200) * 7919, "taste": rng.normal(size=200) * 3})
    songs = pd.DataFrame({"song": [f"s{i}" for i in range(300)], "fame": rng.normal(size=300)})
    user, song = rng.integers(0, 200, n_rows), rng.integers(0, 300, n_rows)
    noise = rng.normal(size=n_rows, scale=0.3)
    y = (users["taste"].to_numpy()[user] + songs["fame"].to_numpy()[song] + noise > 0).astype(int)
    X = pd.DataFrame(
        {"user": users["user"].to_numpy()[user], "song": songs["song"].to_numpy()[song]}
    )
    columns = ColumnTransformer(
        [
            ("user", TableLookup(users, on="user", default=0), ["user"]),
            ("song", TableLookup(songs, on="song", default=0), ["song"]),
        ]
    )
    return make_pipeline(columns, LogisticRegression()), X, y


def test_a_linear_pipeline_of_lookups_is_compiled_as_a_whole():
    pipeline, X, y = music()
    X.loc[5, "user"], X.loc[6, "song"] = 1, "unknown"
    pipeline.fit(X, y)
    compiled = compile_pipeline(pipeline, n_jobs=2)
    assert all(step.compiled for step in compiled.explain())
    assert_array_equal(compiled.predict(X), pipeline.predict(X))
    expected = pipeline.predict_proba(X)
    assert_allclose(compiled.predict_proba(X), expected, rtol=1e-12)
    for row in range(20):
        assert_allclose(
            compiled.predict_proba_one(X.iloc[row].to_dict()), expected[row], rtol=1e-12
        )
    with pytest.raises(ValueError, match=r"columns are missing: \['song'\]"):
        compiled.predict_one({"user": 7919})


def test_defaults_that_are_missing_go_to_a_step_that_fills_them():
    pipeline, X, y = music(500)
    columns = pipeline[0].set_params(user__default=NAN, song__default=NAN)
    X.loc[5, "user"] = 1
    filled = make_pipeline(columns, SimpleImputer(), LogisticRegression()).fit(X, y)
    compiled = compile_pipeline(filled)
    assert_allclose(compiled.predict_proba(X), filled.predict_proba(X), rtol=1e-12)


def test_a_cascade_skips_a_table():
    pipeline, X, y = music(6000)
    costs = {"user": 1e-6, "song": 1e-2}
    settings = {"accuracy_target": 0.95, "cv": 0.5, "feature_costs": costs, "random_state": 0}
    cascade = CascadeClassifier(pipeline, **settings).fit(X, y)
    assert [stage.blocks for stage in cascade.stages_] == [("user",), ("user", "song")]
    assert all(block.compiled for block in cascade.blocks_)
    stage = cascade.predict_stage(X)
    assert 0.2 < (stage == 0).mean() < 1
    full = pipeline.fit(X, y)
    assert_array_equal(cascade.predict(X)[stage == 1], full.predict(X)[stage == 1])
    plain = CascadeClassifier(pipeline, compile=False, **settings).fit(X, y)
    assert_array_equal(plain.predict(X), cascade.predict(X))


def test_tables_with_the_same_keys_are_searched_once(monkeypatch):
    keys = [f"key {i}" for i in range(50)]
    tables = {
        "one": pd.DataFrame({"key": keys, "a": np.arange(50.0)}),
        "same": pd.DataFrame({"key": keys, "b": np.arange(50.0) ** 2}),
        "turned": pd.DataFrame({"key": keys[::-1], "c": np.arange(50.0)}),
        "fewer": pd.DataFrame({"key": keys[:9], "d": np.arange(9.0)}),
    }
    X = pd.DataFrame({"key": [*keys[40:], "none", *keys[:7]], "other": [*keys[3:20], "key 49"]})
    blocks = [(name, TableLookup(table, on="key"), ["key"]) for name, table in tables.items()]
    renamed = tables["one"].rename(columns={"key": "other", "a": "e"})
    blocks.append(("elsewhere", TableLookup(renamed, on="other"), ["other"]))
    union = ColumnTransformer(blocks).fit(X)
    searched = []
    find = _lookups.number_texts

    def counted(data, starts, stops, table, unknown):
        searched.append(table.n_texts)
        return find(data, starts, stops, table, unknown)

    monkeypatch.setattr(_lookups, "number_texts", counted)
    step = compile_step(union)
    assert_array_equal(step.dense(X), union.transform(X))
    # "one" and "same" share a search; the others have other keys, another order, another column.
    assert searched == [50, 50, 9, 50]
    assert_array_equal(pickle.loads(pickle.dumps(step)).dense(X), union.transform(X))
    assert len(searched) == 8


@pytest.mark.parametrize("kind", ["pandas", "polars"])
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_rows_that_are_left_are_not_searched_again(monkeypatch, n_jobs, kind):
    rng = np.random.default_rng(0)
    keys = [f"an identifier of more than sixteen bytes, {i}" for i in range(400)]
    cheap = pd.DataFrame({"key": keys, "a": rng.normal(size=400) * 3})
    dear = pd.DataFrame({"key": keys, "b": rng.normal(size=400)})
    key, other = rng.integers(0, 400, 20_000), rng.normal(size=20_000)
    y = (cheap["a"].to_numpy()[key] + dear["b"].to_numpy()[key] + other * 0.1 > 0).astype(int)
    X = pd.DataFrame({"key": np.array(keys, dtype=object)[key], "other": other})
    X.loc[::50, "key"] = "none of them"
    columns = ColumnTransformer(
        [
            ("cheap", TableLookup(cheap, on="key"), ["key"]),
            ("dear", TableLookup(dear, on="key"), ["key"]),
            ("other", "passthrough", ["other"]),
        ]
    )
    costs = {"cheap": 1e-6, "dear": 1e-3, "other": 1e-4}
    cascade = CascadeClassifier(
        make_pipeline(columns, LGBMClassifier(n_estimators=30, n_jobs=1, verbose=-1)),
        accuracy_target=0.98,
        cv=0.5,
        feature_costs=costs,
        random_state=0,
        n_jobs=n_jobs,
    )
    if kind == "polars":
        X = pl.from_pandas(X)
    cascade.fit(X, y)
    assert cascade.stages_[0].blocks == ("cheap",)
    stage = cascade.predict_stage(X)
    assert 0.2 < (stage == 0).mean() < 1
    searched = []
    find = _lookups.number_texts

    def counted(data, starts, *rest, **options):
        searched.append(len(starts))
        return find(data, starts, *rest, **options)

    monkeypatch.setattr(_lookups, "number_texts", counted)
    answers = cascade.predict(X)
    assert sum(searched) == len(X)
    full = cascade.estimator_.predict(X)
    assert_array_equal(answers[stage == 1], full[stage == 1])


def test_threads_share_a_compiled_lookup():
    pipeline, X, y = music(2000)
    compiled = compile_pipeline(pipeline.fit(X, y))
    expected = pipeline.predict_proba(X)
    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(compiled.predict_proba, [X] * 12):
            assert_allclose(found, expected, rtol=1e-12)


def test_another_process_unpickles_it(tmp_path):
    pipeline, X, y = music(200)
    compiled = compile_pipeline(pipeline.fit(X, y))
    (tmp_path / "in").write_bytes(pickle.dumps((compiled, compile_step(pipeline[0]), X)))
    script = (
        "import pickle, sys; from pathlib import Path; folder = Path(sys.argv[1]);"
        "compiled, step, X = pickle.loads((folder / 'in').read_bytes());"
        "found = compiled.predict_proba(X), step.dense(X), step.dense_one(X.iloc[0].to_dict());"
        "(folder / 'out').write_bytes(pickle.dumps(found))"
    )
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=True)
    proba, features, one = pickle.loads((tmp_path / "out").read_bytes())
    assert_allclose(proba, pipeline.predict_proba(X), rtol=1e-12)
    assert_array_equal(features, pipeline[0].transform(X))
    assert_array_equal(one, features[0])


def test_trees_read_compiled_lookups_bit_for_bit():
    pipeline, X, y = music(1000)
    columns = pipeline[0].set_params(user__default=NAN, song__default=NAN)
    X.loc[5, "user"], X.loc[6, "song"] = 1, "unknown"
    features = columns.fit_transform(X)
    model = LGBMClassifier(n_estimators=20, n_jobs=1, verbose=-1).fit(features, y)
    scorer = compile_model(model, TreeModel).bind(compile_step(columns).guarded())
    expected = model.predict(features, raw_score=True)
    assert_array_equal(scorer.scores(X)[:, 0], expected)
    for row in (0, 5, 6):
        assert_array_equal(scorer.score_one(X.iloc[row].to_dict()), expected[[row]])


class OwnFrame(pd.DataFrame):
    """A subclass, as libraries of geographic or typed tables make them."""

    @property
    def _constructor(self):
        return OwnFrame


def test_a_subclass_of_a_data_frame_is_a_data_frame():
    users = pd.DataFrame({"user": [7, 8], "age": [31.0, 54.0]})
    X = pd.DataFrame({"other": [1, 2, 3], "user": [8, 9, 7]})
    for table, data in ((users, OwnFrame(X)), (OwnFrame(users), X), (OwnFrame(users), OwnFrame(X))):
        lookup = TableLookup(table, on="user").fit(data)
        assert lookup.feature_names_in_.tolist() == ["other", "user"]
        for transform in (lookup.transform, compile_pipeline(lookup).transform):
            assert_array_equal(transform(data), [[54.0], [np.nan], [31.0]])
