"""Compiled kernels with rows of the fit are those of scikit-learn."""

import numpy as np
import pytest
from answers import whole_twin
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.decomposition import KernelPCA
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skwillump import compile_pipeline
from skwillump.compilers import OriginalStep, compile_step

RNG = np.random.default_rng(0)
X = RNG.normal(size=(200, 6))
WORDS = [f"word{i}" for i in range(40)]
TEXTS = [" ".join(RNG.choice(WORDS, RNG.integers(1, 12))) for _ in range(200)]
Y = np.arange(200) % 2

MAPS = {
    "Nystroem": Nystroem(n_components=30, random_state=0),
    "Nystroem of its own width": Nystroem(gamma=0.3, n_components=20, random_state=0),
    "Nystroem of powers": Nystroem("poly", degree=2, coef0=0.5, n_components=15, random_state=0),
    "polynomial Nystroem": Nystroem("polynomial", gamma=0.2, n_components=15, random_state=0),
    "sigmoid Nystroem": Nystroem("sigmoid", gamma=0.1, n_components=10, random_state=0),
    "KernelPCA": KernelPCA(3),
    "KernelPCA of a width": KernelPCA(4, kernel="rbf", gamma=0.2),
    "KernelPCA of powers": KernelPCA(2, kernel="poly", degree=2),
    "sigmoid KernelPCA": KernelPCA(2, kernel="sigmoid", gamma=0.05),
}


@pytest.mark.parametrize("name", MAPS)
def test_features_of_numbers_are_scikit_learns(name):
    fitted = make_pipeline(StandardScaler(), MAPS[name], LogisticRegression()).fit(X, Y)
    compiled = whole_twin(fitted)
    rows = np.vstack([X[:60], 3 * X[60:90]])
    features, twin = fitted[:-1], compile_pipeline(fitted[:-1])
    expected = features.transform(rows)
    scale = np.abs(expected).max()
    assert_allclose(twin.transform(rows), expected, rtol=1e-12, atol=1e-12 * scale)
    assert_array_equal(compiled.predict(rows), fitted.predict(rows))
    for row, one in zip(rows, fitted.predict_proba(rows), strict=True):
        assert_allclose(compiled.predict_proba_one(row), one, rtol=1e-11)


@pytest.mark.parametrize(
    "kernels",
    [
        Nystroem(gamma=1.0, n_components=10, random_state=0),
        Nystroem("poly", gamma=1.0, n_components=10, random_state=0),
        KernelPCA(4, kernel="rbf", gamma=0.2),
    ],
    ids=str,
)
def test_features_of_texts_are_scikit_learns(kernels):
    fitted = make_pipeline(TfidfVectorizer(), kernels, LogisticRegression()).fit(TEXTS, Y)
    compiled = whole_twin(fitted)
    features, twin = fitted[:-1], compile_pipeline(fitted[:-1])
    assert_allclose(twin.transform(TEXTS), features.transform(TEXTS), rtol=1e-12, atol=1e-12)
    for text, one in zip(TEXTS, fitted.predict_proba(TEXTS), strict=True):
        assert_allclose(compiled.predict_proba_one(text), one, rtol=1e-11)


def test_rows_whose_kernel_is_large_are_left_to_scikit_learn():
    fitted = Nystroem("poly", n_components=10, random_state=0).fit(X)
    rows = np.vstack([X[:5], 1e5 * X[:5]])
    found = compile_step(fitted).transform(rows)
    assert_array_equal(found[5:], fitted.transform(rows[5:]))


@pytest.mark.parametrize(
    ("fitted", "reason"),
    [
        (Nystroem(gamma=1e-6, n_components=50, random_state=0), "rounding"),
        (Nystroem("cosine", n_components=10, random_state=0), "cosine"),
        (Nystroem(lambda x, y: x @ y, n_components=10, random_state=0), "kernel="),
        (KernelPCA(2, kernel="precomputed"), "precomputed"),
    ],
    ids=["nearly flat", "cosine", "own kernel", "precomputed"],
)
def test_what_is_not_compiled_says_why(fitted, reason):
    rows = X @ X.T if fitted.kernel == "precomputed" else X
    step = compile_step(fitted.fit(rows))
    assert type(step) is OriginalStep
    assert reason in step.reason
