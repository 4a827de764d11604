"""Compiled clusters and classes by their centers tell the centers that scikit-learn does."""

import numpy as np
import pytest
from answers import whole_twin
from numpy.testing import assert_array_equal
from sklearn.cluster import KMeans, MiniBatchKMeans
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.neighbors import NearestCentroid
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skwillump import compile_pipeline

RNG = np.random.default_rng(0)
X = np.vstack([RNG.normal(size=(60, 5)) + 3 * at for at in range(3)])
Y = np.array(["b", "a", "c"])[np.arange(180) // 60]
WORDS = ["fine", "poor", "film", "plot", "slow", "good", "bad", "actor", "scene", "music"]
TEXTS = [" ".join(RNG.choice(WORDS, size=RNG.integers(1, 9))) for _ in range(180)]


def options_of(kind):
    return {} if kind is NearestCentroid else {"n_clusters": 4, "n_init": 1, "random_state": 0}


def assert_same_centers(model, rows):
    compiled = whole_twin(model)
    expected = model.predict(rows)
    assert compiled.predict(rows).dtype == expected.dtype
    assert_array_equal(compiled.predict(rows), expected)
    assert [compiled.predict_one(row) for row in rows[:40]] == list(expected[:40])


@pytest.mark.parametrize("kind", [KMeans, MiniBatchKMeans, NearestCentroid])
def test_rows_of_numbers_go_to_the_center_that_is_nearest(kind):
    model = make_pipeline(StandardScaler(), kind(**options_of(kind))).fit(X, Y)
    assert_same_centers(model, np.vstack([RNG.permutation(X), 5 * X]))


@pytest.mark.parametrize("kind", [KMeans, MiniBatchKMeans, NearestCentroid])
@pytest.mark.parametrize("vectorizer", [TfidfVectorizer, CountVectorizer])
def test_texts_go_to_the_center_that_is_nearest(kind, vectorizer):
    model = make_pipeline(vectorizer(), kind(**options_of(kind))).fit(TEXTS, Y)
    assert_same_centers(model, [*TEXTS, "", "unknown", "fine " * 1000])


@pytest.mark.parametrize("kind", [KMeans, NearestCentroid])
def test_rows_between_two_centers_are_decided_by_scikit_learn(kind):
    rows = np.array([[-1.0, 1.0], [1.0, 1.0], [-2.0, 3.0], [2.0, 3.0]])
    options = {} if kind is NearestCentroid else {"n_clusters": 2, "init": rows[:2], "n_init": 1}
    model = make_pipeline(StandardScaler(), kind(**options)).fit(rows, [0, 1, 0, 1])
    between = np.column_stack([np.zeros(50), RNG.normal(size=50)])
    assert_same_centers(model, between)


def test_rows_far_from_all_centers_are_decided_by_scikit_learn():
    model = make_pipeline(StandardScaler(), NearestCentroid()).fit(X, Y)
    assert_same_centers(model, 1e9 * X[:, ::-1])


def test_classes_that_differ_in_prior_probability_run_as_they_are():
    model = NearestCentroid(priors="empirical") if "priors" in vars(NearestCentroid()) else None
    if model is None:
        pytest.skip("this scikit-learn knows no priors")
    compiled = compile_pipeline(make_pipeline(StandardScaler(), model).fit(X[:150], Y[:150]))
    assert not compiled.explain()[-1].compiled
    assert "prior" in compiled.explain()[-1].reason


def test_distances_other_than_euclidean_run_as_they_are():
    model = make_pipeline(StandardScaler(), NearestCentroid(metric="manhattan")).fit(X, Y)
    assert "manhattan" in compile_pipeline(model).explain()[-1].reason
