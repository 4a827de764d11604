"""Models fitted on a `y` of two dimensions answer each row as their originals do."""

import pickle

import numpy as np
import pytest
from answers import (
    assert_alike,
    assert_batch_alike,
    assert_rows_alike,
    single_rows,
    whole_twin,
)
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import RidgeClassifier, RidgeClassifierCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import (
    DecisionTreeClassifier,
    DecisionTreeRegressor,
    ExtraTreeClassifier,
    ExtraTreeRegressor,
)

from skwillump import compile_pipeline

RNG = np.random.default_rng(0)
X = RNG.normal(size=(200, 5))
FLAGS = (X[:, :3] + RNG.normal(size=(200, 3)) > 0).astype(int)
POSITIONS = np.column_stack((FLAGS[:, 0], RNG.integers(0, 3, 200), np.zeros(200, dtype=int)))
LABELS = {
    "flags": FLAGS,
    "classes of other numbers": POSITIONS,
    "names": np.array(["no", "yes", "maybe"], dtype=object)[POSITIONS],
    "numbers": FLAGS.astype(float),
}

CLASSIFIERS = [
    RandomForestClassifier(5, random_state=0),
    RandomForestClassifier(5, max_depth=3, n_jobs=2, random_state=0),
    ExtraTreesClassifier(5, random_state=0),
    DecisionTreeClassifier(random_state=0),
    ExtraTreeClassifier(max_depth=3, random_state=0),
    KNeighborsClassifier(3),
    KNeighborsClassifier(4, weights="distance", algorithm="brute"),
]
REGRESSORS = [
    RandomForestRegressor(5, random_state=0),
    ExtraTreesRegressor(5, max_depth=3, random_state=0),
    DecisionTreeRegressor(random_state=0),
    ExtraTreeRegressor(random_state=0),
]


def assert_twins_alike(model, y):
    fitted = make_pipeline(StandardScaler(), model).fit(X, y)
    compiled = whole_twin(fitted)
    unseen = RNG.normal(size=(50, 5))
    stored = pickle.loads(pickle.dumps(compiled))
    for twin in (compiled, stored, compile_pipeline(fitted, n_jobs=2)):
        for rows in (X, unseen, unseen[:1]):
            assert_batch_alike(twin, fitted, rows)
    assert_rows_alike(compiled, fitted, single_rows(unseen, range(9)))


@pytest.mark.parametrize("labels", LABELS)
@pytest.mark.parametrize("model", CLASSIFIERS, ids=str)
@pytest.mark.filterwarnings("ignore:divide by zero")
def test_classifiers_of_several_labels_answer_as_they_do(model, labels):
    assert_twins_alike(model, LABELS[labels])


@pytest.mark.parametrize("model", REGRESSORS, ids=str)
def test_regressors_of_several_values_answer_as_they_do(model):
    assert_twins_alike(model, X[:, :2] @ RNG.normal(size=(2, 3)))


@pytest.mark.parametrize("labels", ["flags", "numbers"])
@pytest.mark.parametrize("model", [RidgeClassifier(), RidgeClassifierCV()], ids=str)
def test_linear_classifiers_of_several_labels_answer_as_they_do(model, labels):
    assert_twins_alike(model, LABELS[labels])


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_networks_of_several_labels_answer_as_they_do():
    assert_twins_alike(MLPClassifier((4,), max_iter=20, random_state=0), FLAGS)


def test_forests_on_words_tell_several_labels():
    texts = [f"word{i % 7} word{i % 11} word{i % 13}" for i in range(200)]
    fitted = make_pipeline(TfidfVectorizer(), RandomForestClassifier(5, random_state=0))
    fitted.fit(texts, FLAGS)
    compiled = compile_pipeline(fitted)
    assert_alike(compiled.predict_proba(texts), fitted.predict_proba(texts))
    assert_alike(compiled.predict_one(texts[3]), fitted.predict(texts[3:4])[0])
