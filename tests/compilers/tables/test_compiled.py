"""Pipelines over tables: a compiled pipeline answers as the plain one, many rows or one."""

import os
import pickle
import tracemalloc
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lightgbm import LGBMClassifier
from scipy import sparse
from sklearn.compose import ColumnTransformer, make_column_selector, make_column_transformer
from sklearn.decomposition import PCA
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.feature_selection import SelectKBest, f_classif
from sklearn.impute import KNNImputer, SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge, SGDClassifier
from sklearn.pipeline import FeatureUnion, make_pipeline, make_union
from sklearn.preprocessing import (
    FunctionTransformer,
    KBinsDiscretizer,
    MaxAbsScaler,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    StandardScaler,
)
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

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

N_ROWS = 240
METHODS = ("predict", "predict_proba", "predict_log_proba", "decision_function")


def table():
    generator = np.random.default_rng(0)
    kinds = np.array(["car", "van", "bus", "bike"], dtype=object)
    X = pd.DataFrame(
        {
            "age": generator.integers(18, 80, size=N_ROWS),
            "kind": kinds[generator.integers(0, 4, size=N_ROWS)],
            "income": generator.lognormal(10, 1, size=N_ROWS),
            "name": [
                " ".join(generator.choice(["red", "fast", "old", "big", "ünder"], size=3))
                for _ in range(N_ROWS)
            ],
            "city": np.array(["Rome", "Oslo", "Lima"])[generator.integers(0, 3, size=N_ROWS)],
            "share": generator.random(N_ROWS),
            "unused": ["?"] * N_ROWS,
        }
    )
    X.loc[::11, "income"] = np.nan
    X.loc[::13, "city"] = np.nan
    return X


TABLE = table()
Y = (TABLE["age"] + 20 * TABLE["share"] > 55).astype(int).to_numpy()
Y3 = np.array(["low", "mid", "high"])[np.digitize(TABLE["age"], [35, 60])]
NUMBERS = ["age", "income", "share"]


def numbers():
    return make_pipeline(SimpleImputer(add_indicator=True), StandardScaler())


def kinds():
    return OneHotEncoder(handle_unknown="ignore")


def cities():
    return make_pipeline(SimpleImputer(strategy="constant", fill_value="none"), kinds())


FEATURES = {
    "by name": lambda: make_column_transformer((numbers(), NUMBERS), (kinds(), ["kind", "city"])),
    "by position": lambda: make_column_transformer(
        (numbers(), [0, 2, 5]), (OrdinalEncoder(), [1]), (cities(), [4])
    ),
    "by mask": lambda: make_column_transformer(
        (numbers(), TABLE.columns.isin(NUMBERS)), (kinds(), [False, True] + 5 * [False])
    ),
    "by slice": lambda: make_column_transformer(
        (numbers(), slice("age", "age")), (kinds(), slice(1, 2)), (MinMaxScaler(), slice(5, 6))
    ),
    "by selector": lambda: make_column_transformer(
        (numbers(), make_column_selector(dtype_include="number")),
        (cities(), make_column_selector("city|kind")),
    ),
    "remainder": lambda: ColumnTransformer(
        [("kind", kinds(), ["kind"]), ("gone", "drop", ["name", "unused", "city", "income"])],
        remainder="passthrough",
    ),
    "remainder scaled": lambda: ColumnTransformer(
        [("kind", kinds(), ["kind"]), ("gone", "drop", ["name", "unused", "city", "income"])],
        remainder=StandardScaler(),
        transformer_weights={"kind": 0.3},
    ),
    "dense": lambda: ColumnTransformer(
        [("kind", kinds(), ["kind"]), ("share", "passthrough", ["share"])],
        sparse_threshold=0,
        verbose_feature_names_out=False,
    ),
    "union inside": lambda: make_column_transformer(
        (make_union(StandardScaler(), KBinsDiscretizer(4)), ["age", "share"]),
        (FeatureUnion([("k", kinds())], transformer_weights={"k": 2.0}), ["kind"]),
    ),
    "nested": lambda: make_column_transformer(
        (
            make_column_transformer((kinds(), ["city"]), (MaxAbsScaler(), ["share"])),
            ["share", "kind", "city"],
        ),
        (StandardScaler(), ["age"]),
    ),
    "text beside": lambda: make_column_transformer(
        (TfidfVectorizer(), "name"), (kinds(), ["kind", "city"]), (numbers(), NUMBERS)
    ),
    "not compiled beside": lambda: make_column_transformer(
        (KNNImputer(n_neighbors=2), ["age", "income"]), (kinds(), ["kind", "city"])
    ),
    "scaled after": lambda: make_pipeline(
        make_column_transformer((kinds(), ["kind", "city"]), (StandardScaler(), ["age"])),
        MaxAbsScaler(),
        SelectKBest(f_classif, k=5),
    ),
    "projected after": lambda: make_pipeline(
        make_column_transformer(
            (kinds(), ["kind"]), (StandardScaler(), ["age", "share"]), sparse_threshold=0
        ),
        PolynomialFeatures(2),
        PCA(4),
    ),
    "identity before": lambda: make_pipeline(
        FunctionTransformer(),
        make_column_transformer((kinds(), ["kind"]), (StandardScaler(), ["age", "share"])),
    ),
    "union of column transformers": lambda: make_union(
        make_column_transformer((kinds(), ["kind"])),
        make_column_transformer((StandardScaler(), ["age"])),
    ),
}
MODELS = {
    "logistic": (lambda: LogisticRegression(max_iter=2000), Y),
    "three classes": (lambda: LogisticRegression(max_iter=2000), Y3),
    "margins": (lambda: SGDClassifier(random_state=0), Y3),
    "ridge": (lambda: Ridge(), TABLE["age"].to_numpy(dtype=float)),
}


def fitted(features, model="logistic", X=TABLE):
    make, y = MODELS[model]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return make_pipeline(FEATURES[features](), make()).fit(X, y)


def assert_same_answers(compiled, plain, X, *, rows=True):
    for method in METHODS:
        assert hasattr(compiled, method) == hasattr(plain, method)
        if not hasattr(plain, method):
            continue
        try:
            expected = getattr(plain, method)(X)
        except Exception as error:
            with pytest.raises(type(error)):
                getattr(compiled, method)(X)
            return
        actual = getattr(compiled, method)(X)
        assert actual.dtype == expected.dtype
        if expected.dtype.kind == "f":
            np.testing.assert_allclose(actual, expected, rtol=1e-11, atol=1e-12)
        else:
            np.testing.assert_array_equal(actual, expected)
    if not rows:
        return
    expected = plain.predict(X)
    columns = {name: X[name].astype(object).tolist() for name in X.columns}
    for i, label in enumerate(expected.tolist()):
        row = {name: values[i] for name, values in columns.items()}
        answer = compiled.predict_one(row)
        if isinstance(label, float):
            assert answer == pytest.approx(label, rel=1e-11)
        else:
            assert answer == label
        if hasattr(plain, "predict_proba"):
            proba = compiled.predict_proba_one(row)
            np.testing.assert_allclose(proba, plain.predict_proba(X)[i], rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("features", FEATURES)
def test_answers_are_the_plain_pipelines(features, model):
    plain = fitted(features, model)
    compiled = compile_pipeline(plain)
    reports = compiled.explain()
    assert [r.type for r in reports if not r.compiled] == (
        ["KNNImputer"] if features == "not compiled beside" else []
    )
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
    X = pl.from_pandas(TABLE)
    X = X.with_columns(city=pl.col("city").fill_null("Rome"), income=pl.col("income").fill_null(1))
    plain = fitted(features, X=X)
    compiled = compile_pipeline(plain)
    assert all(report.compiled for report in compiled.explain())
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


@pytest.fixture(scope="module")
def by_name():
    plain = fitted("by name", X=TABLE.fillna({"income": 0, "city": "Rome"}))
    return plain, compile_pipeline(plain)


def test_every_form_of_one_row(by_name):
    plain, compiled = by_name
    expected = plain.predict_proba(TABLE[3:4])[0]
    frame = TABLE[3:4]
    row = frame.iloc[0].to_dict()
    values = list(row.values())
    forms = [row, row | {"more": object()}, values, tuple(values), frame, pl.from_pandas(frame)]
    forms += [frame.iloc[0], np.array(values, dtype=object)]
    for form in forms:
        np.testing.assert_allclose(compiled.predict_proba_one(form), expected, rtol=1e-12)
        assert compiled.predict_one(form) == plain.predict(frame)[0]


def test_a_wrong_row_is_an_error_that_says_what_is_wrong(by_name):
    _, compiled = by_name
    row = TABLE.iloc[3].to_dict()
    for method in (compiled.predict_one, compiled.predict_proba_one):
        with pytest.raises(ValueError, match=r"columns are missing: \['age', 'city'\]"):
            method({k: v for k, v in row.items() if k not in ("age", "city")})
        with pytest.raises(ValueError, match="The row has 2 values, but 7 are expected"):
            method([1, 2])
        with pytest.raises(ValueError, match="'12' is where a number is expected"):
            method(row | {"age": "12"})
        with pytest.raises(ValueError, match="is where a category is expected"):
            method(row | {"kind": ["car"]})
        with pytest.raises(ValueError, match="infinity"):
            method(row | {"age": np.inf})


class OwnScaler(StandardScaler):
    """A scaler without a compiler."""


@pytest.mark.parametrize("scaler", [StandardScaler(), OwnScaler()], ids=["compiled", "original"])
def test_one_row_of_an_array(scaler):
    X, y = TABLE[["age", "share"]].fillna(0).to_numpy(dtype=float), Y
    plain = make_pipeline(scaler, LogisticRegression()).fit(X, y)
    compiled = compile_pipeline(plain)
    expected = plain.predict_proba(X[3:4])[0]
    for form in (X[3], X[3:4], X[3].tolist(), pd.Series(X[3]), pd.DataFrame(X[3:4])):
        np.testing.assert_allclose(compiled.predict_proba_one(form), expected, rtol=1e-12)
    with pytest.raises(ValueError, match=r"Got an array of 2 rows\. Pass one row"):
        compiled.predict_one(X[:2])
    with pytest.raises(ValueError, match="The row has 1 values, but 2 are expected"):
        compiled.predict_one(X[3, :1])
    with pytest.raises(TypeError, match="does not know names of its 2 columns: pass a sequence"):
        compiled.predict_one({0: 1.0, 1: 2.0})


@pytest.mark.parametrize("scaler", [StandardScaler(), OwnScaler()], ids=["compiled", "original"])
def test_one_row_of_a_frame(scaler):
    X, y = TABLE[["age", "share"]].fillna(0), Y
    plain = make_pipeline(scaler, LogisticRegression()).fit(X, y)
    compiled = compile_pipeline(plain)
    expected = plain.predict_proba(X[3:4])[0]
    for form in (X[3:4], X[3:4].to_numpy(), X.iloc[3], X.iloc[3].to_dict(), X.iloc[3].tolist()):
        np.testing.assert_allclose(compiled.predict_proba_one(form), expected, rtol=1e-12)
    for n_rows in (0, 2):
        with pytest.raises(ValueError, match=f"Got a data frame of {n_rows} rows. Pass one row"):
            compiled.predict_one(X[:n_rows])
    for values in ([1.0], [1.0, 2.0, 3.0]):
        with pytest.raises(ValueError, match=f"The row has {len(values)} values, but 2 are exp"):
            compiled.predict_one(values)


def test_a_missing_number_that_no_step_fills_is_the_models_error():
    plain = make_pipeline(
        make_column_transformer((StandardScaler(), ["share"]), (kinds(), ["kind"])),
        LogisticRegression(),
    ).fit(TABLE, Y)
    compiled = compile_pipeline(plain)
    for missing in (np.nan, None):
        with pytest.raises(ValueError, match="NaN"):
            compiled.predict_proba_one({"share": missing, "kind": "car"})
    with pytest.raises(ValueError, match="NaN"):
        compiled.predict(TABLE[:3].assign(share=np.nan))


def test_an_unknown_category_is_an_error_where_the_encoder_says_so():
    plain = make_pipeline(
        make_column_transformer((OneHotEncoder(), ["kind"])), LogisticRegression()
    )
    compiled = compile_pipeline(plain.fit(TABLE, Y))
    with pytest.raises(ValueError, match="unknown category 'tram' in column 'kind'"):
        compiled.predict_one({"kind": "tram"})
    with pytest.raises(ValueError, match="Found unknown categories"):
        compiled.predict(TABLE[:3].assign(kind="tram"))


@pytest.mark.parametrize("in_columns", [False, True])
def test_a_function_of_categories_is_the_originals_error(in_columns):
    function = FunctionTransformer(np.log1p)
    X = TABLE[["age"]]
    features = ColumnTransformer([("log", function, ["age"])]) if in_columns else function
    plain = make_pipeline(features, LogisticRegression()).fit(X, Y)
    compiled = compile_pipeline(plain)
    np.testing.assert_array_equal(compiled.predict(X), plain.predict(X))
    with pytest.raises(TypeError, match="dtype category"):
        compiled.predict(X.astype("category"))


def test_missing_columns_are_the_originals_error(by_name):
    plain, compiled = by_name
    for X in (TABLE.drop(columns="age"), pl.from_pandas(TABLE).drop("age")):
        with pytest.raises(ValueError, match=r"columns are missing: \{'age'\}"):
            compiled.predict(X)
    # A column that no step reads may be missing.
    X = TABLE.drop(columns="unused").dropna()
    np.testing.assert_array_equal(compiled.predict(X), plain.predict(X))


def _inside(name, transformer, columns):
    """Return a selection that drops the column `unused`."""
    inner = ColumnTransformer([(name, transformer, columns)])
    return ("inner", inner, ["unused", *np.atleast_1d(columns).tolist()])


DEMANDED = {
    "numbers": [_inside("s", StandardScaler(), ["share"]), ("z", MaxAbsScaler(), ["share"])],
    "texts": [_inside("t", CountVectorizer(), "name")],
    "both": [_inside("t", CountVectorizer(), "name"), ("z", MaxAbsScaler(), ["share"])],
    "no feature": [
        ("z", MaxAbsScaler(), ["share"]),
        ("none", OneHotEncoder(drop="first"), ["unused"]),
    ],
}


@pytest.mark.parametrize("in_union", [False, True])
@pytest.mark.parametrize("model", [LogisticRegression(), DecisionTreeClassifier(max_depth=3)])
@pytest.mark.parametrize("name", DEMANDED)
def test_a_column_that_the_original_demands_is_demanded_though_no_step_reads_it(
    name, model, in_union
):
    features = ColumnTransformer(DEMANDED[name])
    if in_union:
        features = make_union(features, ColumnTransformer([("m", MinMaxScaler(), ["share"])]))
    X = TABLE[["unused", "share", "name"]]
    plain = make_pipeline(features, model).fit(X, Y)
    compiled = compile_pipeline(plain)
    without = X.drop(columns="unused")
    for some in (without, without[:1], pl.from_pandas(without)):
        with pytest.raises(ValueError, match=r"columns are missing: \{'unused'\}"):
            compiled.predict(some)
    with pytest.raises(ValueError, match=r"columns are missing: \[?\{?'unused'"):
        compiled.predict_one(without.iloc[0].to_dict())
    np.testing.assert_array_equal(compiled.predict(X), plain.predict(X))
    assert compiled.predict_one(X.iloc[0].to_dict()) == plain.predict(X[:1])[0]


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


def outcome(method, X):
    """Return an answer, or the type of an error."""
    try:
        return method(X)
    except (TypeError, ValueError) as error:
        return type(error)


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
            answer = outcome(compiled.predict_proba, other)
            if isinstance(expected, type):
                assert answer is expected
            else:
                np.testing.assert_allclose(answer, expected, rtol=1e-12)
            if fit_on is X:
                one = outcome(compiled.predict_proba_one, other[:1])
                if isinstance(expected, type):
                    assert one is expected
                else:
                    np.testing.assert_allclose(one, expected[0], rtol=1e-12)


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

    monkeypatch.setattr(skwillump._compiled, "compile_model", compile_binding)
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
    compiled = compile_pipeline(plain)
    assert all(report.compiled for report in compiled.explain())
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
