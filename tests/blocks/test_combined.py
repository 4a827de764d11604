"""Wrappers whose members become one model: of shared features, or each of its own."""

import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import (
    GradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
    StackingClassifier,
    StackingRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge, SGDClassifier
from sklearn.model_selection import FixedThresholdClassifier
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputClassifier, MultiOutputRegressor
from sklearn.naive_bayes import GaussianNB, MultinomialNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.svm import SVC, LinearSVC

from skwillump import compile_pipeline

RNG = np.random.default_rng(0)
X, NEW = RNG.normal(size=(240, 5)), RNG.normal(size=(80, 5))
SIGNAL = X[:, 0] + 0.3 * RNG.normal(size=len(X))
TWO = np.where(SIGNAL > 0, "yes", "no")
THREE = np.array(["a", "b", "c"])[np.digitize(SIGNAL, [-0.5, 0.5])]
VALUES = np.column_stack((SIGNAL, SIGNAL**2))
LABELS = np.column_stack((THREE, TWO))
TEXTS = [" ".join(RNG.choice(["fine", "poor", "film", "story", "song"], 6)) for _ in X]
METHODS = ("predict", "predict_proba", "decision_function")


def forest():
    return RandomForestClassifier(5, random_state=0)


def linear():
    return LogisticRegression()


WRAPPERS = {
    "one vs. rest of trees": (OneVsRestClassifier(forest()), THREE),
    "one vs. rest of two classes": (OneVsRestClassifier(linear()), TWO),
    "one vs. rest of machines": (OneVsRestClassifier(LinearSVC()), THREE),
    "one vs. rest of Gaussians": (OneVsRestClassifier(GaussianNB()), THREE),
    "soft vote": (
        VotingClassifier([("t", forest()), ("l", linear())], voting="soft", weights=[1, 2]),
        THREE,
    ),
    "hard vote": (VotingClassifier([("t", forest()), ("l", linear()), ("s", SVC())]), THREE),
    "hard vote with weights": (
        VotingClassifier([("t", forest()), ("l", linear())], weights=[0.5, 0.25]),
        THREE,
    ),
    "mean": (
        VotingRegressor([("r", Ridge()), ("g", GradientBoostingRegressor(n_estimators=5))]),
        SIGNAL,
    ),
    "outputs of trees": (MultiOutputClassifier(forest()), LABELS),
    "values of trees": (MultiOutputRegressor(GradientBoostingRegressor(n_estimators=5)), VALUES),
    "stack": (StackingClassifier([("t", forest()), ("l", linear())], linear(), cv=2), TWO),
    "stack of three classes": (
        StackingClassifier([("t", forest()), ("l", LinearSVC())], linear(), cv=2),
        THREE,
    ),
    "stack under trees": (StackingClassifier([("l", linear())], forest(), cv=2), THREE),
    "stack with the features": (
        StackingClassifier([("t", forest())], linear(), cv=2, passthrough=True),
        THREE,
    ),
    "stack of values": (
        StackingRegressor(
            [("r", Ridge()), ("t", RandomForestRegressor(5, random_state=0))], Ridge(), cv=2
        ),
        SIGNAL,
    ),
    "calibrated trees": (CalibratedClassifierCV(forest(), cv=2), THREE),
    "threshold on trees": (FixedThresholdClassifier(forest(), threshold=0.3), TWO),
    "logarithm of a target": (
        TransformedTargetRegressor(Ridge(), func=np.log, inverse_func=np.exp),
        SIGNAL**2 + 1.0,
    ),
}


def assert_equal_answers(compiled, pipeline, rows):
    for method in METHODS:
        assert hasattr(compiled, method) == hasattr(pipeline, method)
        if hasattr(pipeline, method):
            assert_same(getattr(compiled, method)(rows), getattr(pipeline, method)(rows))
    for at in range(15):
        batch = rows[at : at + 1]
        assert_same(compiled.predict_one(rows[at]), pipeline.predict(batch)[0])
        if hasattr(pipeline, "predict_proba"):
            expected = pipeline.predict_proba(batch)
            several = isinstance(expected, list)
            expected = [one[0] for one in expected] if several else expected[0]
            assert_same(compiled.predict_proba_one(rows[at]), expected)


def assert_same(actual, expected):
    if isinstance(expected, list):
        for one, other in zip(actual, expected, strict=True):
            assert_same(one, other)
    elif np.asarray(expected).dtype.kind in "OU":
        assert np.asarray(actual).dtype == np.asarray(expected).dtype
        np.testing.assert_array_equal(actual, expected)
    else:
        np.testing.assert_allclose(actual, expected, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("name", WRAPPERS)
def test_members_of_the_same_features_read_them_once(name):
    wrapper, y = WRAPPERS[name]
    pipeline = make_pipeline(StandardScaler(), wrapper).fit(X, y)
    compiled = compile_pipeline(pipeline)
    assert all(step.compiled for step in compiled.explain())
    assert_equal_answers(compiled, pipeline, NEW)


@pytest.mark.parametrize("name", WRAPPERS)
def test_members_read_a_table_without_steps_before(name):
    wrapper, y = WRAPPERS[name]
    fitted = wrapper.fit(X, y)
    assert_equal_answers(compile_pipeline(fitted), fitted, NEW)


def piped(model):
    return make_pipeline(StandardScaler(), model)


PIPELINES = {
    "vote": (
        VotingClassifier(
            [("a", piped(linear())), ("b", make_pipeline(MinMaxScaler(), forest()))], voting="soft"
        ),
        THREE,
    ),
    "vote with neighbours": (
        VotingClassifier(
            [("a", piped(linear())), ("k", piped(KNeighborsClassifier()))], voting="soft"
        ),
        THREE,
    ),
    "calibrated": (CalibratedClassifierCV(piped(forest()), cv=3), TWO),
    "stack": (StackingClassifier([("a", piped(forest())), ("b", linear())], linear(), cv=2), TWO),
    "target": (
        TransformedTargetRegressor(piped(Ridge()), func=np.log, inverse_func=np.exp),
        SIGNAL**2 + 1.0,
    ),
    "one vs. rest": (OneVsRestClassifier(piped(forest())), THREE),
}


@pytest.mark.parametrize("name", PIPELINES)
def test_members_that_are_pipelines_answer_side_by_side(name):
    wrapper, y = PIPELINES[name]
    fitted = wrapper.fit(X, y)
    compiled = compile_pipeline(fitted)
    assert all(step.compiled for step in compiled.explain())
    assert_equal_answers(compiled, fitted, NEW)
    shared = compile_pipeline(compiled, n_jobs=2)
    assert_equal_answers(shared, fitted, NEW)


@pytest.mark.parametrize(
    "wrapper",
    [
        OneVsRestClassifier(MultinomialNB()),
        OneVsRestClassifier(SGDClassifier(random_state=0)),
        VotingClassifier([("n", MultinomialNB()), ("l", linear())], voting="soft"),
        VotingClassifier([("n", MultinomialNB()), ("t", forest())], voting="soft"),
    ],
    ids=repr,
)
def test_members_read_texts_once(wrapper):
    pipeline = make_pipeline(TfidfVectorizer(), wrapper).fit(TEXTS, THREE)
    assert_equal_answers(compile_pipeline(pipeline), pipeline, TEXTS)


def test_missing_values_in_the_place_of_numbers_are_refused_as_scikit_learn_refuses_them():
    for wrapper, y in WRAPPERS.values():
        pipeline = make_pipeline(StandardScaler(), wrapper).fit(X, y)
        compiled = compile_pipeline(pipeline)
        rows = np.full((2, 5), np.nan)
        expected = outcome(pipeline.predict, rows)
        assert outcome(compiled.predict, rows) == expected
        assert outcome(compiled.predict_one, rows[0]) == expected


def outcome(call, rows):
    try:
        call(rows)
    except ValueError:
        return "refused"
    return "answered"
