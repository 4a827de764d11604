"""Compiled distances to the centers of clusters are those of scikit-learn."""

import numpy as np
import pytest
from answers import whole_twin
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.cluster import KMeans, MiniBatchKMeans
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from skwillump import compile_pipeline
from skwillump.compilers import InputUnsupported, OriginalStep, compile_step

X = np.random.default_rng(0).normal(size=(80, 4))


@pytest.mark.parametrize("kind", [KMeans, MiniBatchKMeans])
def test_distances_are_scikit_learns(kind):
    clusters = kind(5, n_init=1, random_state=0).fit(X)
    step = compile_step(clusters)
    assert_allclose(step.dense(X), clusters.transform(X), rtol=1e-12)
    assert_allclose(step.dense_one(X[0]), clusters.transform(X[:1])[0], rtol=1e-12)
    rows = sparse.csr_matrix(X)
    assert_array_equal(step.transform(rows), clusters.transform(rows))


def test_rows_at_a_center_and_far_from_zero_are_left_to_scikit_learn():
    clusters = KMeans(5, n_init=1, random_state=0).fit(X)
    step = compile_step(clusters)
    with pytest.raises(InputUnsupported):
        step.dense(clusters.cluster_centers_)
    assert_array_equal(step.transform(X + 1e6), clusters.transform(X + 1e6))


def test_clusters_of_single_precision_run_as_they_are():
    clusters = KMeans(5, n_init=1, random_state=0).fit(X.astype(np.float32))
    assert type(compile_step(clusters)) is OriginalStep


@pytest.mark.parametrize("kind", [KMeans, MiniBatchKMeans])
def test_distances_of_texts_are_scikit_learns(kind):
    words = ["fine", "poor", "film", "plot", "slow", "good", "bad"]
    draw = np.random.default_rng(0)
    texts = [" ".join(draw.choice(words, draw.integers(0, 6))) for _ in range(90)]
    clusters = kind(4, n_init=1, random_state=0)
    fitted = make_pipeline(TfidfVectorizer(), clusters, LogisticRegression())
    fitted.fit(texts, np.arange(90) % 2)
    compiled = whole_twin(fitted)
    twin = compile_pipeline(fitted[:-1])
    assert_allclose(twin.transform(texts), fitted[:-1].transform(texts), rtol=1e-12, atol=1e-15)
    assert_allclose(compiled.predict_proba(texts), fitted.predict_proba(texts), rtol=1e-12)
    each = [compiled.predict_proba_one(text) for text in texts]
    assert_allclose(each, fitted.predict_proba(texts), rtol=1e-12)


def test_texts_at_a_center_are_left_to_scikit_learn():
    texts = ["a b", "c d", "e f"]
    fitted = make_pipeline(
        TfidfVectorizer(token_pattern=r"\w"), KMeans(3, n_init=1, random_state=0)
    ).fit(texts)
    assert_array_equal(compile_pipeline(fitted).transform(texts), fitted.transform(texts))
