"""`TableLookup` is a left join: for any kind of keys, in any container, many rows or one."""

import datetime
import pickle
import subprocess
import sys

import numpy as np
import pandas as pd
import polars as pl
import pytest
from answers import whole_twin
from common import OwnFrame
from hypothesis import given, settings
from lookup_cases import (
    EXPECTED,
    INTEGERS,
    NAN,
    OTHER_KINDS,
    QUERY,
    RECORDS,
    TEXTS,
    USERS,
    assert_same,
    expected_to_fail,
    joins,
    merged,
    music,
)
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone
from sklearn.compose import ColumnTransformer, make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline, make_union
from sklearn.utils.estimator_checks import parametrize_with_checks

from skwillump import CascadeClassifier, TableLookup, compile_pipeline
from skwillump.compilers import InputUnsupported, compile_step


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
    compiled = whole_twin(union)
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


def test_a_subclass_of_a_data_frame_is_a_data_frame():
    users = pd.DataFrame({"user": [7, 8], "age": [31.0, 54.0]})
    X = pd.DataFrame({"other": [1, 2, 3], "user": [8, 9, 7]})
    for table, data in ((users, OwnFrame(X)), (OwnFrame(users), X), (OwnFrame(users), OwnFrame(X))):
        lookup = TableLookup(table, on="user").fit(data)
        assert lookup.feature_names_in_.tolist() == ["other", "user"]
        for transform in (lookup.transform, compile_pipeline(lookup).transform):
            assert_array_equal(transform(data), [[54.0], [np.nan], [31.0]])
