"""Fits on folds leave linear algebra one thread where more of them only wait for one another."""

import threading

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_info, threadpool_limits

from skwillump import CascadeClassifier
from skwillump.stages._blas import _OneThread

N_ROWS = 400
WORDS = np.array(["red", "green", "blue", "one", "two", "three"])


def threads():
    """How many threads BLAS takes now, in each of its libraries."""
    return {info["num_threads"] for info in threadpool_info() if info["user_api"] == "blas"}


class Watched(LogisticRegression):
    """Remembers with how many threads each fit was done, and of how many rows."""

    fits = []

    def fit(self, X, y, sample_weight=None):
        self.fits.append((X.shape[0], threads()))
        return super().fit(X, y, sample_weight)


@pytest.fixture
def fits(monkeypatch):
    monkeypatch.setattr(Watched, "fits", [])
    with threadpool_limits(2, user_api="blas"):
        if threads() != {2}:
            pytest.skip("BLAS cannot be given two threads here")
        yield Watched.fits
        assert threads() == {2}


def texts_and_labels():
    words = np.random.default_rng(0).integers(0, len(WORDS), size=(N_ROWS, 4))
    return [" ".join(row) for row in WORDS[words]], (words == 0).any(axis=1)


def test_folds_of_texts_are_fitted_in_one_thread_and_the_full_model_as_by_its_user(fits):
    X, y = texts_and_labels()
    features = make_union(TfidfVectorizer(), TfidfVectorizer(analyzer="char", ngram_range=(2, 3)))
    CascadeClassifier(make_pipeline(features, Watched()), cv=0.5, random_state=0).fit(X, y)
    (_, first), *others = fits
    assert first == {2}
    assert others
    assert all(taken == {1} for _, taken in others)


def test_folds_of_numbers_are_fitted_as_the_full_model(fits):
    X = np.random.default_rng(0).normal(size=(N_ROWS, 6))
    features = make_union(StandardScaler(), StandardScaler(with_mean=False))
    model = CascadeClassifier(make_pipeline(features, Watched()), cv=0.5, random_state=0)
    model.fit(X, X[:, 0] > 0)
    assert all(taken == {2} for _, taken in fits)


def test_limits_that_overlap_leave_none_behind(fits):
    limit = _OneThread()
    entered, leaves = threading.Event(), threading.Event()
    seen = []

    def inside():
        with limit.held():
            seen.append(threads())
            entered.set()
            leaves.wait(10)
        seen.append(threads())

    other = threading.Thread(target=inside)
    with limit.held():
        other.start()
        assert entered.wait(10)
    assert threads() == {2}
    leaves.set()
    other.join(10)
    assert threads() == {2}
    assert seen == [{1}, {2}]
