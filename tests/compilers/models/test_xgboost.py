"""Compiled XGBoost models add up trees as the library does, to the last bit of float32."""

import pickle
from functools import cache

import numpy as np
import pandas as pd
import pytest
from answers import assert_alike, outcome, whole_twin
from scipy import sparse
from sklearn.compose import ColumnTransformer, make_column_transformer
from sklearn.feature_extraction.text import (
    CountVectorizer,
    HashingVectorizer,
    TfidfTransformer,
    TfidfVectorizer,
)
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import FunctionTransformer, MaxAbsScaler, OneHotEncoder, StandardScaler
from tree_cases import assert_answers_of_the_library, with_missing_values

from skwillump import CascadeClassifier, compile_pipeline
from skwillump.compilers import TreeModel, Unsupported, compile_model

xgboost = pytest.importorskip("xgboost")

X, SIGNAL, RNG = with_missing_values(900)
BINARY = (SIGNAL > 0).astype(int)
THREE = np.digitize(SIGNAL, [-0.7, 0.7])
SMALL = {"n_estimators": 20, "max_depth": 4, "n_jobs": 1}


def classifier(**params):
    return xgboost.XGBClassifier(**{**SMALL, **params})


def regressor(**params):
    return xgboost.XGBRegressor(**{**SMALL, **params})


MODELS = {
    "two classes": lambda: classifier().fit(X, BINARY),
    "three classes": lambda: classifier().fit(X, THREE),
    "base score": lambda: classifier(base_score=0.3).fit(X, BINARY),
    "deep": lambda: classifier(max_depth=9, min_child_weight=0).fit(X, BINARY),
    "lossguide": lambda: classifier(grow_policy="lossguide", max_leaves=40, max_depth=0).fit(
        X, BINARY
    ),
    "pruned": lambda: classifier(tree_method="exact", gamma=1.0).fit(X, BINARY),
    "dart": lambda: classifier(booster="dart", rate_drop=0.4).fit(X, THREE),
    "forest": lambda: xgboost.XGBRFClassifier(n_estimators=8, n_jobs=1).fit(X, BINARY),
    "forest of three classes": lambda: xgboost.XGBRFClassifier(n_estimators=8).fit(X, THREE),
    "boosted forest": lambda: classifier(num_parallel_tree=3, subsample=0.5).fit(X, THREE),
    "stopped early": lambda: classifier(early_stopping_rounds=2, learning_rate=1.0).fit(
        X[:600], BINARY[:600], eval_set=[(X[600:], BINARY[600:])], verbose=False
    ),
    "regression": lambda: regressor().fit(X, SIGNAL),
    "forest of values": lambda: xgboost.XGBRFRegressor(n_estimators=8).fit(X, SIGNAL),
    "several targets": lambda: regressor().fit(X, np.column_stack((SIGNAL, THREE))),
    "quantiles": lambda: regressor(objective="reg:quantileerror", quantile_alpha=[0.2, 0.8]).fit(
        X, SIGNAL
    ),
    **{
        objective: lambda name=objective, y=target: regressor(objective=name).fit(X, y)
        for objective, target in {
            "reg:logistic": BINARY,
            "count:poisson": THREE,
            "reg:gamma": np.exp(SIGNAL),
            "reg:tweedie": np.exp(SIGNAL),
            "reg:absoluteerror": SIGNAL,
            "reg:pseudohubererror": SIGNAL,
            "reg:squaredlogerror": np.exp(SIGNAL),
        }.items()
    },
    "ranker": lambda: xgboost.XGBRanker(**SMALL).fit(X, THREE, group=[30] * 30),
    "missing=-1": lambda: classifier(missing=-1.0).fit(X, BINARY),
    "missing=0": lambda: classifier(missing=0.0).fit(X, BINARY),
}


@cache
def fitted(name):
    return MODELS[name]()


@pytest.mark.parametrize("name", MODELS)
def test_sums_are_those_of_the_library_to_the_last_bit(name):
    model = fitted(name)
    compiled = compile_model(model, TreeModel)
    margins = model.predict(X, output_margin=True)
    sums = compiled.raw(X)
    np.testing.assert_array_equal(sums, np.float64(margins).reshape(sums.shape))
    for row, expected in zip(X[:40], sums, strict=False):
        np.testing.assert_array_equal(compiled.raw_one(row), expected)
    np.testing.assert_array_equal(compiled.raw(X, n_threads=3), sums)
    copied = pickle.loads(pickle.dumps(compiled))
    np.testing.assert_array_equal(copied.raw(X), sums)


@pytest.mark.parametrize("name", MODELS)
def test_answers_are_those_of_the_library(name):
    model = fitted(name)
    assert_answers_of_the_library(
        model,
        compile_pipeline(model),
        [X, X[:1], np.rint(np.nan_to_num(X)).astype(int), X.astype(np.float32)],
        tolerance={"rtol": 2e-6, "atol": 1e-30},
        probabilities={"rtol": 2e-6, "atol": 1e-7},
    )


def test_scores_that_round_to_one_probability_get_the_librarys_label():
    model = classifier(n_estimators=1, max_depth=1, base_score=0.5).fit(X, BINARY)
    compiled = compile_model(model, TreeModel)
    # In float32 the sigmoid of these is one half, which the library does not call above it.
    assert compiled.doubtful(np.array([[1e-9], [-1e-9], [1e-3]])).tolist() == [0, 1]
    assert compiled.predict_one(np.array([3e-8])) is None


def test_data_frames_are_read_by_name():
    frame = pd.DataFrame(X, columns=list("abcde")).assign(e=X[:, 4].astype(int))
    model = classifier().fit(frame, BINARY)
    compiled = compile_pipeline(model)
    np.testing.assert_array_equal(compiled.predict(frame), model.predict(frame))
    row = frame.iloc[5].to_dict()
    assert compiled.predict_one(row) == model.predict(frame.iloc[5:6])[0]
    for wrong in (frame[list("edcba")], frame.drop(columns="a")):
        for either in (model, compiled):
            with pytest.raises(ValueError, match="feature_names mismatch"):
                either.predict(wrong)


@pytest.mark.parametrize("value", [np.inf, 1e39])
def test_infinite_values_are_left_to_the_library(value):
    model = classifier().fit(X, BINARY)
    compiled = compile_pipeline(model)
    rows = X[:5].copy()
    rows[2, 0] = value
    try:
        expected = model.predict_proba(rows)
    except ValueError:
        with pytest.raises(ValueError, match="inf"):
            compiled.predict_proba(rows)
    else:
        np.testing.assert_array_equal(compiled.predict_proba(rows), expected)


KINDS = np.array(["red", "green", "blue"], dtype=object)[RNG.integers(0, 3, len(X))]
NOTES = np.array(["fine film", "poor film", "fine story", "dull"], dtype=object)[
    RNG.integers(0, 4, len(X))
]
FRAME = pd.DataFrame({"a": X[:, 0], "b": X[:, 4], "kind": KINDS, "note": NOTES})


@pytest.mark.parametrize(
    "features",
    [
        make_column_transformer((StandardScaler(), ["a", "b"])),
        make_column_transformer((OneHotEncoder(), ["kind"]), (SimpleImputer(), ["a", "b"])),
        make_column_transformer(
            (OneHotEncoder(sparse_output=False), ["kind"]), ("passthrough", ["a"])
        ),
        make_column_transformer(
            (TfidfVectorizer(), "note"), (OneHotEncoder(), ["kind"]), sparse_threshold=1.0
        ),
        make_column_transformer(
            (TfidfVectorizer(), "note"), (StandardScaler(), ["b"]), sparse_threshold=0.0
        ),
        make_column_transformer((HashingVectorizer(n_features=8), "note"), sparse_threshold=1.0),
        make_union(
            make_column_transformer((TfidfVectorizer(), "note")),
            make_column_transformer((StandardScaler(), ["b"])),
        ),
    ],
    ids=["numbers", "dense stack", "array", "sparse", "dense of sparse", "hashed", "union"],
)
def test_what_a_sparse_matrix_does_not_hold_is_missing_and_zero_in_an_array(features):
    model = make_pipeline(features, classifier()).fit(FRAME, BINARY)
    compiled = compile_pipeline(model)
    np.testing.assert_array_equal(compiled.predict(FRAME), model.predict(FRAME))
    expected = model.predict_proba(FRAME)
    np.testing.assert_allclose(compiled.predict_proba(FRAME), expected, rtol=2e-6, atol=1e-7)
    for at in range(20):
        row = FRAME.iloc[at].to_dict()
        assert compiled.predict_one(row) == model.predict(FRAME.iloc[at : at + 1])[0]


def test_sparse_matrices_are_left_to_the_library():
    rows = sparse.random(300, 5, density=0.5, format="csr", random_state=0)
    rows.data[::7] = 0.0  # is held, and is no missing value
    model = classifier().fit(rows, BINARY[:300])
    compiled = compile_pipeline(model)
    np.testing.assert_array_equal(compiled.predict_proba(rows), model.predict_proba(rows))


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (
            lambda: classifier(booster="gblinear", max_depth=None).fit(np.nan_to_num(X), BINARY),
            "gblinear",
        ),
        (lambda: classifier(objective="binary:hinge").fit(X, BINARY), "binary:hinge"),
        (lambda: classifier(objective="multi:softmax").fit(X, THREE), "multi:softmax"),
        (lambda: regressor(objective=lambda y, p: (p - y, np.ones_like(y))).fit(X, SIGNAL), "obj"),
        (lambda: classifier().fit(X, np.column_stack((BINARY, 1 - BINARY))), "outputs"),
        (
            lambda: regressor(multi_strategy="multi_output_tree").fit(
                X, np.column_stack((SIGNAL, THREE))
            ),
            "multi_output_tree",
        ),
        (
            lambda: classifier(
                missing=0.0, feature_types=["q"] * 4 + ["c"], enable_categorical=True
            ).fit(np.abs(np.rint(X)), BINARY),
            "missing=0.0",
        ),
    ],
)
def test_what_is_not_compiled_says_why_and_answers_as_the_library(make, reason):
    with np.errstate(all="ignore"):
        model = make()
    with pytest.raises(Unsupported, match=reason):
        compile_model(model)
    np.testing.assert_array_equal(compile_pipeline(model).predict(X), model.predict(X))


def test_another_way_to_add_trees_is_seen(monkeypatch):
    model = classifier().fit(X, BINARY)
    booster = type(model.get_booster())
    plain = booster.inplace_predict
    monkeypatch.setattr(
        booster,
        "inplace_predict",
        lambda self, *args, **kwargs: np.nextafter(plain(self, *args, **kwargs), np.float32(9)),
    )
    with pytest.raises(Unsupported, match="adds trees in another way"):
        compile_model(model)


def test_a_cascade_of_a_pipeline_that_ends_in_the_library():
    rng = np.random.default_rng(1)
    frame = pd.DataFrame(rng.normal(size=(2000, 4)), columns=list("abcd"))
    y = (2 * frame["a"] + 0.2 * frame["c"] > 0).astype(int)
    estimator = make_pipeline(
        make_column_transformer((StandardScaler(), ["a", "b"]), (StandardScaler(), ["c", "d"])),
        classifier(),
    )
    costs = {"standardscaler-1": 1e-6, "standardscaler-2": 1e-2}
    model = CascadeClassifier(
        estimator, accuracy_target=0.95, cv=2, feature_costs=costs, random_state=0
    ).fit(frame, y)
    early = model.predict_stage(frame) < len(model.stages_) - 1
    full = model.estimator_.predict(frame)
    np.testing.assert_array_equal(model.predict(frame)[~early], full[~early])
    assert (model.predict(frame) == full).mean() > 0.9


@pytest.mark.parametrize(
    ("features", "is_sparse"),
    [
        (
            make_column_transformer(
                (OneHotEncoder(), ["kind"]), remainder="passthrough", sparse_threshold=1.0
            ),
            True,
        ),
        (
            make_column_transformer(
                (OneHotEncoder(), ["kind"]),
                (FunctionTransformer(np.abs), ["a"]),
                sparse_threshold=1.0,
            ),
            True,
        ),
        (make_union(SimpleImputer(), MissingIndicator(features="all")), False),
        (make_union(SimpleImputer(), MissingIndicator(features="all", sparse=True)), True),
    ],
    ids=["passing", "function", "flags", "sparse flags"],
)
def test_columns_that_pass_and_flags_are_known_to_hold_no_zeros(features, is_sparse):
    table = FRAME[["a", "b", "kind"]].assign(b=FRAME["b"].round())
    table = table if hasattr(features, "transformers") else table[["a", "b"]]
    model = make_pipeline(features, classifier()).fit(table, BINARY)
    assert sparse.issparse(model[0].transform(table)) is is_sparse
    compiled = compile_pipeline(model)
    assert compiled.explain()[-1].compiled is (
        features.__class__.__name__ != "FeatureUnion" or not is_sparse
    )
    np.testing.assert_array_equal(compiled.predict_proba(table), model.predict_proba(table))
    for at in range(20):
        expected = model.predict_proba(table[at : at + 1])[0]
        np.testing.assert_array_equal(
            compiled.predict_proba_one(table.iloc[at].to_dict()), expected
        )


@pytest.mark.filterwarnings("ignore:The .sparse_index")
def test_explicit_zeros_of_sparse_columns_are_left_to_the_library():
    held = pd.arrays.SparseArray(
        np.zeros(len(FRAME)),
        sparse_index=pd.arrays.SparseArray(np.ones(len(FRAME))).sp_index,
        fill_value=0.0,
    )
    table = pd.DataFrame({"kind": FRAME["kind"], "held": held})
    features = make_column_transformer(
        (OneHotEncoder(), ["kind"]), ("passthrough", ["held"]), sparse_threshold=1.0
    )
    model = make_pipeline(features, classifier()).fit(table, BINARY)
    compiled = compile_pipeline(model)
    np.testing.assert_array_equal(compiled.predict_proba(table), model.predict_proba(table))


def _one_hot_and_scaled():
    return ColumnTransformer(
        [
            ("cat", make_pipeline(OneHotEncoder(handle_unknown="ignore")), ["c"]),
            ("num", make_pipeline(SimpleImputer(), StandardScaler()), ["a", "b"]),
        ],
        sparse_threshold=1.0,
    )


@pytest.mark.parametrize("first", ["function", None])
def test_what_a_sparse_stack_does_not_hold_is_missing(first):
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.integers(0, 5, (300, 3)), columns=["a", "b", "c"])
    table["a"] -= table["a"].mean().round()  # its scaled mean is near zero, not at it
    target = table["a"] * (table["c"] == 2) + rng.normal(size=300) * 0.1
    before = [FunctionTransformer(pd.DataFrame.copy)] if first else []
    pipeline = make_pipeline(*before, _one_hot_and_scaled(), regressor()).fit(table, target)
    compiled = compile_pipeline(pipeline)
    assert compiled.explain()[-1].compiled
    np.testing.assert_array_equal(compiled.predict(table), pipeline.predict(table))
    for row in table.to_dict("records")[:20]:
        assert compiled.predict_one(row) == pipeline.predict(pd.DataFrame([row]))[0]


@pytest.mark.parametrize("y", [BINARY, THREE])
def test_probabilities_are_the_librarys_to_the_last_bit(y):
    model = classifier(n_estimators=30).fit(X, y)
    compiled = compile_pipeline(model)
    np.testing.assert_array_equal(compiled.predict_proba(X), model.predict_proba(X))
    np.testing.assert_array_equal(compiled.predict_proba_one(X[0]), model.predict_proba(X[:1])[0])


@pytest.mark.parametrize("n_words", [700, 6000])
@pytest.mark.parametrize(
    "steps",
    [
        [CountVectorizer()],
        [TfidfVectorizer()],
        [TfidfVectorizer(), MaxAbsScaler()],
        [CountVectorizer(), TfidfTransformer(), StandardScaler(with_mean=False)],
    ],
    ids=["counts", "TF-IDF", "scaled", "counts, weighted and scaled"],
)
def test_wide_texts_are_read_where_trees_look(steps, n_words, monkeypatch):
    words = [f"word{at}" for at in range(n_words)]
    texts = [" ".join(RNG.choice(words, 60)) for _ in range(150)]
    y = np.array([len(text) % 2 for text in texts])
    pipeline = make_pipeline(*steps, classifier()).fit(texts, y)
    compiled = compile_pipeline(pipeline)
    expected = pipeline.predict_proba(texts)
    monkeypatch.setattr(xgboost.XGBClassifier, "predict_proba", None)  # nothing asks the library
    monkeypatch.setattr(sparse.csr_matrix, "toarray", None)  # nor lays rows out
    np.testing.assert_array_equal(compiled.predict_proba(texts), expected)
    for text, answer in zip(texts[:5], expected, strict=False):
        np.testing.assert_array_equal(compiled.predict_proba_one(text), answer)


def test_what_a_wide_sparse_matrix_does_not_hold_is_missing():
    rows = sparse.random(200, 5000, density=0.01, format="csr", random_state=0)
    y = (np.asarray(rows[:, :900].sum(axis=1)).ravel() > 4.4).astype(int)
    model = classifier().fit(rows, y)
    compiled = compile_pipeline(model)
    np.testing.assert_array_equal(compiled.predict_proba(rows), model.predict_proba(rows))
    np.testing.assert_array_equal(
        compiled.predict_proba_one(rows[:1]), model.predict_proba(rows[:1])[0]
    )


@pytest.mark.parametrize("depth", [4, 30])
@pytest.mark.parametrize("kind", [CountVectorizer, TfidfVectorizer])
def test_trees_of_any_depth_take_what_texts_do_not_hold_for_missing(depth, kind):
    rng = np.random.default_rng(depth)
    words = np.array([f"w{i}" for i in range(600)])
    chosen = rng.zipf(1.3, size=(4000, 8)) % 600
    texts = [" ".join(row) for row in words[chosen]]
    y = (rng.random(4000) < 0.5).astype(int)
    model = classifier(n_estimators=4, max_depth=depth, min_child_weight=0)
    pipeline = make_pipeline(kind(), model).fit(texts, y)
    compiled = whole_twin(pipeline)
    expected = pipeline.predict_proba(texts)
    np.testing.assert_array_equal(compiled.predict_proba(texts), expected)
    for text, row in zip(texts[:50], expected, strict=False):
        np.testing.assert_array_equal(compiled.predict_proba_one(text), row)
    # The model alone, of a matrix that was made before.
    X, alone = pipeline[0].transform(texts), compile_pipeline(pipeline[1])
    np.testing.assert_array_equal(alone.predict_proba(X), expected)
    for rows in (X.tocsc(), X.astype(np.float32), sparse.csr_array(X), X[:1], X[:0], X[:, :-1]):
        assert_alike(outcome(alone.predict_proba, rows), outcome(model.predict_proba, rows))
    with_zeros = X.astype(np.float64)
    with_zeros.data[::3] = 0.0
    np.testing.assert_array_equal(alone.predict_proba(with_zeros), model.predict_proba(with_zeros))
    with_nan = X.astype(np.float64)
    with_nan.data[::5] = np.nan
    np.testing.assert_array_equal(alone.predict_proba(with_nan), model.predict_proba(with_nan))
