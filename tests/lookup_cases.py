"""Tables and joins for tests of look-ups, and the comparison with pandas' merge."""

import numpy as np
import pandas as pd
import polars as pl
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from skwillump import TableLookup
from skwillump.compilers import OriginalStep, compile_step

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
OTHER_KINDS = {
    "texts": (QUERY, QUERY.astype(str), USERS),
    "Arrow": (QUERY, pl.from_pandas(QUERY.astype(str)), USERS),
    "categories": (QUERY, QUERY.astype(str).astype("category"), USERS),
    "objects": (QUERY, QUERY.astype(str).astype(object), USERS),
    "missing beside": (QUERY, pd.DataFrame({"user": ["8", None, NAN]}), USERS),
    "numbers": (QUERY.astype(str), QUERY, USERS.astype({"user": str})),
    "floats": (QUERY.astype(str), QUERY.astype(float), USERS.astype({"user": str})),
}


def expected_to_fail(estimator):
    return {"check_fit1d": "a list or vector of keys is an input"}


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
