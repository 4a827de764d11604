"""Pipelines over tables: a compiled pipeline answers as the plain one."""

import os
import pickle
import tracemalloc
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import polars as pl
import pytest
from answers import assert_alike, outcome, whole_twin
from common import SKLEARN
from hypothesis import HealthCheck, given, settings, strategies as st
from lightgbm import LGBMClassifier
from scipy import sparse
from sklearn.compose import ColumnTransformer, make_column_transformer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler, OneHotEncoder, StandardScaler
from sklearn.svm import LinearSVC
from table_pipelines import (
    FEATURES,
    MODELS,
    N_ROWS,
    NUMBERS,
    TABLE,
    Y,
    assert_same_answers,
    fitted,
    kinds,
)

import skwillump
from skwillump import compile_pipeline
from skwillump.compilers import (
    InputUnsupported,
    LinearModel,
    compile_model,
    compile_step,
    registered_types,
)
from skwillump.datasets import load_benchmark


@pytest.fixture(scope="module")
def by_name():
    plain = fitted("by name", X=TABLE.fillna({"income": 0, "city": "Rome"}))
    return plain, compile_pipeline(plain)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("features", FEATURES)
def test_answers_are_the_plain_pipelines(features, model):
    plain = fitted(features, model)
    compiled = compile_pipeline(plain)
    reports = compiled.explain()
    assert all(report.compiled for report in reports)
    assert_same_answers(compiled, plain, TABLE[:40])
    assert_same_answers(compiled, plain, TABLE[:1])
    assert_same_answers(compiled, plain, TABLE[:0])
    if features not in ("identity before",):
        shuffled = TABLE[:9].assign(more=1)[[*TABLE.columns[::-1], "more"]]
        assert_same_answers(compiled, plain, shuffled)


@pytest.mark.parametrize("features", FEATURES)
def test_features_are_the_plain_ones(features):
    transformer = fitted(features)[:-1]
    step = compile_step(transformer)
    expected = transformer.transform(TABLE)
    actual = step.transform(TABLE)
    assert type(actual) is type(expected)
    assert actual.dtype == expected.dtype
    expected = expected.toarray() if sparse.issparse(expected) else expected
    actual = actual.toarray() if sparse.issparse(actual) else actual
    np.testing.assert_allclose(actual, expected, rtol=1e-12, atol=1e-13)
    features = step.dense(TABLE)
    assert features.flags.c_contiguous
    np.testing.assert_allclose(features, expected, rtol=1e-12, atol=1e-13)
    some = np.array([3, 3, 200, 0])
    np.testing.assert_allclose(step.dense(TABLE, some), expected[some], rtol=1e-12, atol=1e-13)
    row = TABLE.iloc[5].to_dict()
    try:
        one = step.dense_one(row)
    except InputUnsupported:
        assert "KNNImputer" in str(transformer)
        return
    np.testing.assert_allclose(one, expected[5], rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("features", ["by name", "text beside", "nested", "remainder", "dense"])
def test_polars(features):
    if features in ("remainder", "dense") and SKLEARN < (1, 7):
        pytest.skip("this release counts no values of a frame of polars beside a sparse matrix")
    X = pl.from_pandas(TABLE)
    X = X.with_columns(city=pl.col("city").fill_null("Rome"), income=pl.col("income").fill_null(1))
    plain = fitted(features, X=X)
    compiled = whole_twin(plain)
    np.testing.assert_allclose(
        compiled.predict_proba(X), plain.predict_proba(X), rtol=1e-11, atol=1e-12
    )
    for i, row in enumerate(X[:5].to_dicts()):
        np.testing.assert_allclose(
            compiled.predict_proba_one(row), plain.predict_proba(X[i])[0], rtol=1e-11
        )
    np.testing.assert_array_equal(compiled.predict_one(X[3]), plain.predict(X[3])[0])


cells = {
    "age": st.one_of(st.integers(0, 99), st.just(2**40)),
    "kind": st.sampled_from(["car", "van", "tram", "", "bus"]),
    "income": st.one_of(st.floats(0, 1e6), st.just(np.nan), st.just(np.inf)),
    "name": st.text(alphabet="fast oldüÜ", max_size=12),
    "city": st.sampled_from(["Rome", "Oslo", "Paris", None, np.nan]),
    "share": st.one_of(st.floats(-1, 2), st.just(np.nan)),
}


@st.composite
def frames(draw):
    n_rows = draw(st.integers(0, 5))
    data = {
        name: draw(st.lists(cell, min_size=n_rows, max_size=n_rows)) for name, cell in cells.items()
    }
    X = pd.DataFrame(data).assign(unused="?")
    X["age"] = X["age"].astype(draw(st.sampled_from([np.int64, np.float64, object])))
    X[["income", "share"]] = X[["income", "share"]].astype(float)
    X["kind"] = X["kind"].astype(draw(st.sampled_from(["str", "category", object])))
    X["city"] = X["city"].astype(draw(st.sampled_from(["str", "category", object])))
    return X


@pytest.fixture(
    scope="module", params=["by name", "by slice", "text beside", "nested", "remainder"]
)
def pair(request):
    X = TABLE.assign(income=TABLE["income"].fillna(0))
    plain = fitted(request.param, X=X)
    return plain, compile_pipeline(plain)


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(X=frames())
def test_any_table(pair, X):
    plain, compiled = pair
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        # One row of its own values is another table than the frame where a column holds objects
        # beside what it was fitted on, so rows are compared where the frame is plain.
        plainly = X["age"].dtype != object and not any(value is None for value in X["city"])
        assert_same_answers(compiled, plain, X, rows=plainly)


@pytest.mark.parametrize("model", [LogisticRegression(), LinearSVC(), LinearRegression(), Ridge()])
def test_a_model_alone(model):
    X = TABLE[NUMBERS].fillna(0) / [50, 1e5, 1]
    for fit_on in (X, X.to_numpy(), sparse.csr_matrix(X.to_numpy())):
        plain = model.fit(fit_on, Y)
        compiled = compile_pipeline(plain)
        assert [report.compiled for report in compiled.explain()] == [True]
        for some in (fit_on, fit_on[:1]):
            np.testing.assert_allclose(compiled.predict(some), plain.predict(some), rtol=1e-12)
        one = compiled.predict_one(X.iloc[4].to_dict() if fit_on is X else X.to_numpy()[4])
        np.testing.assert_allclose(one, plain.predict(fit_on)[4], rtol=1e-12)
    with pytest.raises(ValueError, match="features"):
        compiled.predict(X.to_numpy()[:, :2])
    with pytest.raises(ValueError, match="NaN"):
        compiled.predict(X.to_numpy() * np.nan)
    lists = X.to_numpy()[:5].tolist()
    np.testing.assert_allclose(compiled.predict(lists), plain.predict(lists), rtol=1e-12)


@pytest.mark.parametrize("layout", ["bsr", "coo", "csc", "csr", "dia", "dok", "lil"])
def test_rows_in_doubt_of_any_sparse_matrix_are_answered_by_the_original(layout):
    X = TABLE[NUMBERS].fillna(0).to_numpy() / [50, 1e5, 1]
    plain = LogisticRegression(fit_intercept=False).fit(X, Y)
    X = X[:40]
    X[::2] = 0.0  # a tie
    for container in (sparse.csr_matrix, sparse.csr_array):
        matrix = container(X).asformat(layout)
        np.testing.assert_array_equal(compile_pipeline(plain).predict(matrix), plain.predict(X))


@pytest.mark.parametrize("dtype", ["category", "object"])
@pytest.mark.parametrize(
    "steps",
    [
        (LGBMClassifier(n_estimators=5, verbose=-1),),
        (FunctionTransformer(), LGBMClassifier(n_estimators=5, verbose=-1)),
        (FunctionTransformer(), LogisticRegression()),
        (FunctionTransformer(np.tanh), LogisticRegression()),
        (StandardScaler(), LogisticRegression()),
        (OneHotEncoder(), LogisticRegression()),
    ],
    ids=str,
)
def test_numbers_in_columns_of_other_dtypes_are_what_they_are_to_the_estimator(steps, dtype):
    # LightGBM refuses them or reads codes, numpy's functions refuse them, others read the numbers.
    generator = np.random.default_rng(0)
    X = pd.DataFrame(generator.integers(0, 5, (N_ROWS, 2)), columns=["a", "b"]) + 3
    for fit_on in (X, X.to_numpy()):
        plain = make_pipeline(*steps).fit(fit_on, X["a"] > 4)
        compiled = compile_pipeline(plain)
        for changed in (["a"], ["a", "b"]):
            other = X.astype(dict.fromkeys(changed, dtype))
            if fit_on is not X:
                other.columns = range(2)
            expected = outcome(plain.predict_proba, other)
            assert_alike(outcome(compiled.predict_proba, other), expected)
            if fit_on is X:
                first = expected if isinstance(expected, type) else expected[0]
                assert_alike(outcome(compiled.predict_proba_one, other[:1]), first)


def test_threads_and_pickles_give_the_same_answers():
    plain = fitted("by name")
    X = pd.concat([TABLE] * 60, ignore_index=True)
    one, three = compile_pipeline(plain), compile_pipeline(plain, n_jobs=3)
    expected = one.predict_proba(X)
    np.testing.assert_array_equal(three.predict_proba(X), expected)
    again = pickle.loads(pickle.dumps(one))
    np.testing.assert_array_equal(again.predict_proba(X), expected)
    assert again.predict_one(TABLE.iloc[0].to_dict()) == plain.predict(TABLE[:1])[0]
    with ThreadPoolExecutor(4) as pool:
        for answer in pool.map(lambda _: one.predict_proba(X), range(4)):
            np.testing.assert_array_equal(answer, expected)


def test_inputs_are_not_changed(by_name):
    _, compiled = by_name
    X = TABLE.fillna({"income": 0.0, "city": "Rome"})
    before = X.copy(deep=True)
    compiled.predict(X)
    pd.testing.assert_frame_equal(X, before)


def test_a_model_may_bind_the_features_itself(monkeypatch):
    bound = []

    class Binding(LinearModel):
        def bind(self, features):
            bound.append(features)
            return features.bind(self.coef)

    def compile_binding(final):
        return Binding(**vars(compile_model(final)))

    monkeypatch.setattr(skwillump._compiled._parts, "compile_model", compile_binding)
    plain = fitted("by name")
    compiled = compile_pipeline(plain)
    assert bound[0].n_features == plain[-1].n_features_in_
    assert_same_answers(compiled, plain, TABLE[:5])


def test_memory_does_not_grow_with_the_rows():
    plain = fitted("remainder")
    compiled = compile_pipeline(plain)
    X = pd.concat([TABLE] * 1000, ignore_index=True)
    compiled.predict(X[:10])
    tracemalloc.start()
    try:
        compiled.predict(X)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # Scores, labels, margins: a few vectors. The features would take ten times as much.
    assert peak < 60 * len(X)


def test_the_types_that_are_compiled_can_be_listed():
    kinds = registered_types()
    assert {StandardScaler, OneHotEncoder, ColumnTransformer, TfidfVectorizer} <= set(kinds)
    assert all(isinstance(kind, type) for kind in kinds)


def benchmark_pipelines():
    def mixed(X, encoder):
        numeric = X.select_dtypes("number").columns.tolist()
        texts = [name for name in X.columns if name not in numeric]
        return make_column_transformer(
            (make_pipeline(SimpleImputer(), StandardScaler()), numeric), (encoder, texts)
        )

    def airbnb(X):
        return make_column_transformer(
            (TfidfVectorizer(), "name"),
            (kinds(), ["neighbourhood_group", "neighbourhood", "room_type"]),
            (
                make_pipeline(SimpleImputer(strategy="median"), MinMaxScaler()),
                ["latitude", "longitude", "minimum_nights", "number_of_reviews"],
            ),
        )

    return {
        "adult": (lambda X: mixed(X, kinds()), LogisticRegression(max_iter=500)),
        "credit": (lambda X: StandardScaler(), LogisticRegression(max_iter=500)),
        "cars": (lambda X: mixed(X, kinds()), Ridge()),
        "airbnb": (airbnb, Ridge()),
    }


@pytest.mark.skipif("SKWILLUMP_DATA" not in os.environ, reason="needs the benchmark data")
@pytest.mark.parametrize("name", ["adult", "credit", "cars", "airbnb"])
def test_real_tables(name):
    X, y = load_benchmark(name, return_X_y=True)
    if name == "airbnb":
        X = X.assign(name=X["name"].fillna(""))
    make, model = benchmark_pipelines()[name]
    plain = make_pipeline(make(X), model).fit(X[::9], y[::9])
    compiled = whole_twin(plain)
    if hasattr(plain, "predict_proba"):
        np.testing.assert_array_equal(compiled.predict(X), plain.predict(X))
        proba = plain.predict_proba(X)
        np.testing.assert_allclose(compiled.predict_proba(X), proba, rtol=1e-12, atol=1e-12)
    else:
        values = plain.predict(X)
        # A price near zero is the small difference of large terms.
        near = 1e-12 * np.abs(values).max()
        np.testing.assert_allclose(compiled.predict(X), values, rtol=1e-12, atol=near)
    for i, row in enumerate(X[:50].to_dict("records")):
        expected = plain.predict(X[i : i + 1])[0]
        one = compiled.predict_one(row)
        assert one == (
            pytest.approx(expected, rel=1e-12) if name in ("cars", "airbnb") else expected
        )
