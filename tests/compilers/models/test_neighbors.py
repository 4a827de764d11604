"""Nearest neighbours answer one row as scikit-learn does, by any of their metrics."""

import numpy as np
import pytest
from answers import assert_answers_alike, assert_rows_alike, single_rows, whole_twin
from common import SKLEARN
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import make_pipeline

from skwillump import compile_pipeline

RNG = np.random.default_rng(0)
X, NEW = RNG.normal(size=(150, 4)), RNG.normal(size=(40, 4))
Y = np.array(["a", "b", "c"])[RNG.integers(0, 3, 150)]
TEXTS = [" ".join(RNG.choice(["fine", "poor", "film", "story", "song"], 4)) for _ in X]
NEW_TEXTS = ["fine film", "poor poor song", "a story of a song", "nothing known", ""]
METRICS = [
    {"metric": "cosine"},
    {"metric": "manhattan"},
    {"p": 1, "algorithm": "brute"},
    {"metric": "euclidean"},
]


def assert_one_row_is_the_batch(fitted, rows):
    assert_rows_alike(whole_twin(fitted), fitted, single_rows(rows, range(len(rows))))


@pytest.mark.parametrize("options", METRICS, ids=str)
@pytest.mark.parametrize("weights", ["uniform", "distance"])
def test_neighbours_by_a_metric(options, weights):
    if SKLEARN < (1, 7) and weights == "uniform" and options.get("algorithm") == "brute":
        pytest.skip("scikit-learn takes no labels that are texts here")
    rows = np.vstack((NEW, X[:3], np.zeros((1, 4)), 1e6 * NEW[:3]))
    for data in (X, np.rint(9 * X).astype(np.int64)):
        fitted = KNeighborsClassifier(5, weights=weights, **options).fit(data, Y)
        assert_one_row_is_the_batch(fitted, rows)
    fitted = KNeighborsRegressor(5, weights=weights, **options).fit(X, X[:, 0])
    assert_one_row_is_the_batch(fitted, rows)


@pytest.mark.parametrize("options", [{"metric": "cosine"}, {"metric": "euclidean"}], ids=str)
@pytest.mark.parametrize("weights", ["uniform", "distance"])
def test_neighbours_of_texts_by_a_metric(options, weights):
    model = KNeighborsClassifier(3, weights=weights, **options)
    assert_one_row_is_the_batch(make_pipeline(TfidfVectorizer(), model).fit(TEXTS, Y), NEW_TEXTS)


def test_neighbours_of_sparse_rows_by_sums_of_differences_run_as_they_are():
    model = KNeighborsClassifier(3, metric="manhattan")
    compiled = compile_pipeline(make_pipeline(TfidfVectorizer(), model).fit(TEXTS, Y))
    assert "sparse" in compiled.explain()[-1].reason


@pytest.mark.parametrize("weights", ["uniform", "distance"])
def test_rows_that_are_far_from_zero_are_told_apart(weights, monkeypatch):
    rng = np.random.default_rng(0)
    places = rng.normal([40.7, -73.9], 0.05, size=(400, 2))  # of a city, on a map
    fitted = KNeighborsRegressor(weights=weights).fit(places, places.sum(axis=1))
    compiled = compile_pipeline(fitted)
    new = rng.normal([40.7, -73.9], 0.05, size=(50, 2))
    assert_answers_alike(compiled, fitted, new)
    expected = fitted.predict(new)
    monkeypatch.setattr(KNeighborsRegressor, "predict", None)
    answers = [compiled.predict_one(row) for row in new]
    np.testing.assert_allclose(answers, expected, rtol=1e-12)
