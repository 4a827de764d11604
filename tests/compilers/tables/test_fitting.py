"""Encoders that read each column of texts once learn what they learn without."""

import os
import subprocess
import sys
import threading
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st
from scipy import sparse
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler, TargetEncoder

from skwillump import CascadeClassifier
from skwillump.compilers import fast_encoders
from skwillump.compilers.tables import _fitting

MISSING = st.sampled_from([None, np.nan])
TEXTS = st.sampled_from(["", "a", "b", "B", "ä", "é", "10", "9", "a longer one", "İ"])
DTYPES = {
    "str": st.one_of(TEXTS, MISSING),
    "object": st.one_of(TEXTS, MISSING),
    "category": st.one_of(TEXTS, MISSING),
    "only texts": TEXTS,
    "mixed": st.one_of(TEXTS, MISSING, st.integers(0, 2), st.booleans()),
    "int64": st.integers(-2, 2),
    "float64": st.sampled_from([0.0, 1.5, -1.0, np.nan]),
}
ENCODERS = (
    OneHotEncoder(),
    OneHotEncoder(handle_unknown="ignore", drop="if_binary", sparse_output=False),
    OneHotEncoder(drop="first", dtype=np.float32),
    OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=3),
    OneHotEncoder(max_categories=3, sparse_output=False),
    OneHotEncoder(sparse_output=False).set_output(transform="pandas"),
    OneHotEncoder(categories=[["a", "b"]] * 3, handle_unknown="ignore"),
    OrdinalEncoder(),
    OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=-2),
    OrdinalEncoder(min_frequency=2, max_categories=4, dtype=np.int64),
    TargetEncoder(cv=KFold(2)),
)


@st.composite
def frames(draw):
    n_rows = draw(st.integers(4, 30))
    columns = {}
    for number in range(3):
        kind = draw(st.sampled_from(list(DTYPES)))
        values = draw(st.lists(DTYPES[kind], min_size=n_rows, max_size=n_rows))
        dtype = {"mixed": "object", "only texts": "object"}.get(kind, kind)
        columns[f"c{number}"] = pd.Series(values, dtype=dtype)
    frame = pd.DataFrame(columns)
    categorical = [name for name in frame if frame[name].dtype == "category"]
    for name in categorical[:1]:  # categories in an order of their own, and one that no row has
        texts = [*frame[name].cat.categories[::-1], "not met"]
        frame[name] = frame[name].cat.set_categories(texts)
    return frame


def outcome(encoder, X, y):
    """What fitting gives: the encoder's attributes and features, or the error."""
    encoder = clone(encoder)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            features = encoder.fit_transform(X, y)
        except (TypeError, ValueError) as error:
            return type(error), str(error)
    return encoder, features, [str(warning.message) for warning in caught]


def assert_same_outcome(plain, fast):
    if isinstance(plain[0], type):
        assert fast == plain
        return
    (encoder, features, said), (encoder_2, features_2, said_2) = plain, fast
    assert said == said_2
    learned, learned_2 = (
        {key: value for key, value in vars(each).items() if key not in each.get_params()}
        for each in (encoder, encoder_2)
    )
    assert_equal(learned, learned_2)
    assert_equal(features, features_2)


def assert_equal(one, other):
    assert type(one) is type(other)
    if isinstance(one, dict):
        assert list(one) == list(other)
        one, other = list(one.values()), list(other.values())
    if isinstance(one, pd.DataFrame):
        pd.testing.assert_frame_equal(one, other)
    elif sparse.issparse(one):
        assert one.shape == other.shape
        assert one.indices.dtype == other.indices.dtype
        for name in ("data", "indices", "indptr"):
            assert_equal(getattr(one, name), getattr(other, name))
    elif isinstance(one, np.ndarray) and one.dtype != object:
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)
    elif isinstance(one, list | tuple | np.ndarray):
        assert len(one) == len(other)
        for a, b in zip(one, other, strict=True):
            assert_equal(a, b)
    else:
        assert one == other or (one != one and other != other)


@settings(max_examples=100, deadline=None)
@given(frames(), st.sampled_from(ENCODERS), st.randoms(use_true_random=False))
def test_what_is_learned_and_returned_is_the_same(X, encoder, random):
    y = np.array([random.randrange(2) for _ in range(len(X) - 2)] + [0, 1])
    plain = outcome(encoder, X, y)
    with fast_encoders(least_rows=0):
        fast = outcome(encoder, X, y)
    assert_same_outcome(plain, fast)


def people(n_rows=2000):
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"age": rng.normal(size=n_rows), "city": rng.choice(list("abcdefgh"), n_rows)})
    X["job"] = pd.Series(rng.choice(["x", "y", "z", None], n_rows), dtype="str")
    return X, (X["age"] + X["city"].isin(["a", "b"]) > 0).to_numpy().astype(int)


@pytest.fixture
def n_read(monkeypatch):
    """How many columns were read as codes."""
    found = []
    coded_columns = _fitting._coded_columns

    def counted(X, least_rows):
        columns = coded_columns(X, least_rows)
        found.extend(c for c in columns or () if c is not None)
        return columns

    monkeypatch.setattr(_fitting, "_coded_columns", counted)
    return lambda: len(found)


def test_other_rows_and_other_threads_are_scikit_learns_to_read(n_read):
    X, _ = people()
    others = X[["city", "job"]].replace({"a": "unknown"})
    encoder = OneHotEncoder(handle_unknown="ignore")
    threads = []
    with fast_encoders():
        encoder.fit(X[["city", "job"]])
        encoded = encoder.transform(others)
        thread = threading.Thread(target=lambda: threads.append(clone(encoder).fit(X[["city"]])))
        thread.start()
        thread.join()
    # pandas 2 keeps texts as objects: a column with None among them is scikit-learn's to read too.
    assert n_read() == 1 + (X["job"].dtype != object)
    assert_equal(encoded, clone(encoder).fit(X[["city", "job"]]).transform(others))
    assert len(threads) == 1


def target_encoder():
    """Return one whose folds are not drawn; releases before 1.9 take no splitter."""
    if "cv_object" in TargetEncoder._parameter_constraints["cv"]:
        return TargetEncoder(cv=KFold(3))
    return TargetEncoder(cv=3, shuffle=False)


@pytest.mark.parametrize("compile", [True, False])
def test_a_cascades_full_model_over_texts_of_a_table_is_the_plain_fit(n_read, compile):
    X, y = people()
    columns = make_column_transformer(
        (StandardScaler(), ["age"]),
        (OneHotEncoder(), ["city"]),
        (target_encoder(), ["job"]),
    )
    pipeline = make_pipeline(columns, LogisticRegression())
    plain = clone(pipeline).fit(X, y)
    cascade = CascadeClassifier(
        pipeline, accuracy_target=0.9, cv=0.5, compile=compile, random_state=0
    ).fit(X, y)
    assert (n_read() > 0) == compile
    assert cascade.estimator_[-1].coef_.tobytes() == plain[-1].coef_.tobytes()
    for name in ("onehotencoder", "targetencoder"):
        encoder = plain[0].named_transformers_[name]
        assert_equal(
            list(cascade.estimator_[0].named_transformers_[name].categories_),
            list(encoder.categories_),
        )


def test_scikit_learns_own_tests_pass_with_columns_read_once():
    tests = Path(__file__).parents[2]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "fitted_by_kernels"]
    command += ["-p", "no:cacheprovider", "-p", "no:xdist", "-c", os.devnull, "-W", "ignore"]
    command += ["--pyargs", "sklearn.preprocessing.tests.test_encoders"]
    command += ["sklearn.preprocessing.tests.test_target_encoder"]
    path = os.pathsep.join([str(tests.parent), str(tests), os.environ.get("PYTHONPATH", "")])
    run = subprocess.run(
        command, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, cwd=tests
    )
    assert run.returncode == 0, run.stdout
