"""Compiled CatBoost models answer as the library does, in batches and for one row."""

import pickle
from functools import cache

import numpy as np
import pandas as pd
import pytest
from answers import whole_twin
from sklearn.compose import make_column_transformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from tree_cases import assert_answers_of_the_library, with_missing_values

from skwillump import CascadeClassifier, compile_pipeline
from skwillump.compilers import TreeModel, Unsupported, compile_model

catboost = pytest.importorskip("catboost")

X, SIGNAL, RNG = with_missing_values(700)
WHOLE = np.rint(np.nan_to_num(X)).astype(int)
BINARY = (SIGNAL > 0).astype(int)
THREE = np.digitize(SIGNAL, [-0.7, 0.7])
SMALL = {"n_estimators": 20, "verbose": 0, "thread_count": 1, "allow_writing_files": False}


def classifier(**params):
    return catboost.CatBoostClassifier(**{**SMALL, **params})


def regressor(**params):
    return catboost.CatBoostRegressor(**{**SMALL, **params})


MODELS = {
    "two classes": lambda: classifier().fit(X, BINARY),
    "three classes": lambda: classifier().fit(X, THREE),
    "texts for classes": lambda: classifier().fit(X, np.array(["u", "v", "w"])[THREE]),
    "two texts": lambda: classifier().fit(X, np.array(["u", "v"])[BINARY]),
    "one versus all": lambda: classifier(loss_function="MultiClassOneVsAll").fit(X, THREE),
    "missing values are large": lambda: classifier(nan_mode="Max").fit(X, BINARY),
    "deep": lambda: classifier(depth=9).fit(X, BINARY),
    "shallow": lambda: classifier(depth=1).fit(X, BINARY),
    "by leaves": lambda: classifier(grow_policy="Lossguide", max_leaves=20).fit(X, BINARY),
    "by depth, three classes": lambda: classifier(grow_policy="Depthwise").fit(X, THREE),
    "stopped early": lambda: classifier(early_stopping_rounds=2, learning_rate=0.9).fit(
        X[:500], BINARY[:500], eval_set=(X[500:], BINARY[500:])
    ),
    "regression": lambda: regressor().fit(X, SIGNAL),
    "counts": lambda: regressor(loss_function="Poisson").fit(X, THREE),
    "several targets": lambda: regressor(loss_function="MultiRMSE").fit(
        X, np.column_stack((SIGNAL, THREE))
    ),
    "median": lambda: regressor(loss_function="MAE").fit(X, SIGNAL),
    "ranker": lambda: catboost.CatBoostRanker(**SMALL).fit(
        X, THREE, group_id=np.arange(len(X)) // 25
    ),
}


@cache
def fitted(name):
    return MODELS[name]()


@pytest.mark.parametrize("name", MODELS)
def test_sums_are_those_of_the_library(name):
    model = fitted(name)
    compiled = compile_model(model, TreeModel)
    told = catboost.CatBoost.predict(model, X, prediction_type="RawFormulaVal")
    for n_rows in (1, 5, 300, len(X)):
        sums = compiled.raw(X[:n_rows])
        np.testing.assert_allclose(sums, told[:n_rows].reshape(sums.shape), rtol=1e-12, atol=1e-12)
    for row, expected in zip(X[:30], sums, strict=False):
        np.testing.assert_allclose(compiled.raw_one(row), expected, rtol=1e-12, atol=1e-12)
    copied = pickle.loads(pickle.dumps(compiled))
    np.testing.assert_array_equal(copied.raw(X[:40]), compiled.raw(X[:40]))


@pytest.mark.parametrize("name", MODELS)
def test_answers_are_those_of_the_library(name):
    model = fitted(name)
    assert_answers_of_the_library(
        model,
        compile_pipeline(model),
        [X, X[:60], X[:1], WHOLE[:90]],
        tolerance={"rtol": 1e-12, "atol": 1e-12},
        probabilities={"rtol": 1e-11, "atol": 1e-12},
    )


def test_data_frames_and_infinite_values_are_read_as_the_library_reads_them():
    frame = pd.DataFrame(X, columns=list("abcde")).assign(e=X[:, 4].astype(int))
    model = classifier().fit(frame, BINARY)
    compiled = compile_pipeline(model)
    for rows in (frame, frame[:9], frame[list("edcba")][:9], X[:9]):
        np.testing.assert_array_equal(compiled.predict_proba(rows), model.predict_proba(rows))
    row = frame.iloc[5].to_dict()
    assert compiled.predict_one(row) == model.predict(frame.iloc[5:6])[0]
    infinite = frame[:9].assign(a=np.inf)
    np.testing.assert_array_equal(compiled.predict_proba(infinite), model.predict_proba(infinite))


def test_a_pipeline_that_ends_in_the_library_is_compiled_as_a_whole():
    kinds = np.array(["red", "green", "blue"], dtype=object)[RNG.integers(0, 3, len(X))]
    frame = pd.DataFrame({"a": X[:, 0], "b": X[:, 4], "kind": kinds})
    features = make_column_transformer((StandardScaler(), ["a", "b"]), (OneHotEncoder(), ["kind"]))
    for y in (BINARY, THREE):
        plain = make_pipeline(features, classifier()).fit(frame, y)
        compiled = whole_twin(plain)
        for rows in (frame, frame[:20]):
            np.testing.assert_array_equal(compiled.predict(rows), plain.predict(rows))
        one = compiled.predict_one(frame.iloc[2].to_dict())
        assert one == plain.predict(frame.iloc[2:3])[0]


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (
            lambda: classifier(cat_features=[4]).fit(np.rint(np.nan_to_num(X)).astype(int), BINARY),
            "categorical",
        ),
        (lambda: regressor(loss_function="RMSEWithUncertainty").fit(X, SIGNAL), "Uncertainty"),
        (lambda: classifier(loss_function="MultiLogloss").fit(X, np.eye(3)[THREE]), "MultiLogloss"),
    ],
)
def test_what_is_not_compiled_says_why_and_answers_as_the_library(make, reason):
    model = make()
    with pytest.raises(Unsupported, match=reason):
        compile_model(model)
    np.testing.assert_array_equal(compile_pipeline(model).predict(WHOLE), model.predict(WHOLE))


def test_a_threshold_of_probability_is_kept():
    model = classifier().fit(X, BINARY)
    model.set_probability_threshold(0.8)
    compiled = compile_pipeline(model)
    np.testing.assert_array_equal(compiled.predict(X), model.predict(X))
    assert "threshold" in compiled.explain()[-1].reason


@pytest.mark.parametrize("n_classes", [2, 3])
def test_a_cascade_of_a_pipeline_that_ends_in_the_library(n_classes):
    rng = np.random.default_rng(1)
    frame = pd.DataFrame(rng.normal(size=(1500, 4)), columns=list("abcd"))
    y = np.digitize(2 * frame["a"] + 0.2 * frame["c"], [0.0, 2.0][: n_classes - 1])
    estimator = make_pipeline(
        make_column_transformer((StandardScaler(), ["a", "b"]), (StandardScaler(), ["c", "d"])),
        classifier(),
    )
    costs = {"standardscaler-1": 1e-6, "standardscaler-2": 1e-2}
    model = CascadeClassifier(
        estimator, accuracy_target=0.95, cv=2, feature_costs=costs, random_state=0
    ).fit(frame, y)
    full = np.ravel(model.estimator_.predict(frame))
    assert (np.ravel(model.predict(frame)) == full).mean() > 0.9


def test_one_row_of_a_data_frame_with_categories_is_a_mapping():
    frame = pd.DataFrame({"a": X[:, 0], "kind": np.array(["x", "y", "z"])[np.arange(len(X)) % 3]})
    model = regressor(cat_features=["kind"]).fit(frame, SIGNAL)
    compiled = compile_pipeline(model)
    for at in range(5):
        expected = model.predict(frame[at : at + 1])[0]
        assert compiled.predict_one(frame.iloc[at].to_dict()) == expected
        assert compiled.predict_one(frame.iloc[at]) == expected
    with pytest.raises(Exception, match="cat_features") as refused:
        model.predict(frame[["a"]])
    with pytest.raises(refused.type, match="cat_features"):
        compiled.predict_one({"a": 1.0})
