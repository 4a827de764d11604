"""Products, sums and choices of features: what is theirs alone."""

import tracemalloc

import numpy as np
import pytest
from answers import whole_twin
from numpy.testing import assert_array_equal
from scipy import sparse
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, SplineTransformer

from skwillump.compilers import OriginalStep, compile_step


def test_to_decline_a_polynomial_of_many_features_takes_little_memory():
    X = sparse.random(20, 500, density=0.01, format="csr", random_state=0)
    polynomial = PolynomialFeatures(2, interaction_only=True).fit(X)
    tracemalloc.start()
    try:
        step = compile_step(polynomial)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert "125251 features are more than" in step.reason
    assert peak < 1e6


@pytest.mark.parametrize("include_bias", [True, False])
@pytest.mark.parametrize("interaction_only", [True, False])
@pytest.mark.parametrize("degree", [0, 1, 3, (0, 2), (2, 3), (3, 3)])
def test_polynomials_of_any_degree(degree, interaction_only, include_bias):
    X = np.random.default_rng(0).normal(size=(20, 4))
    polynomial = PolynomialFeatures(
        degree, interaction_only=interaction_only, include_bias=include_bias
    )
    if degree == 0 and not include_bias:
        return  # scikit-learn refuses an empty result
    polynomial.fit(X)
    step = compile_step(polynomial)
    assert not isinstance(step, OriginalStep)
    np.testing.assert_allclose(step.dense(X), polynomial.transform(X), rtol=1e-12)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("kind", [PolynomialFeatures, SplineTransformer])
def test_features_lie_in_the_order_that_was_asked_for(kind, order):
    X = np.random.default_rng(0).normal(size=(20, 3))
    transformer = kind(order=order).fit(X)
    expected, actual = transformer.transform(X), compile_step(transformer).transform(X)
    assert_array_equal(actual, expected)
    assert np.isfortran(actual) == np.isfortran(expected) == (order == "F")


@pytest.mark.parametrize("extrapolation", ["constant", "linear", "continue", "periodic"])
@pytest.mark.parametrize("degree", [2, 3])
def test_numbers_beyond_the_knots_are_extrapolated(extrapolation, degree):
    X = np.random.default_rng(0).normal(size=(60, 3))
    transformer = SplineTransformer(degree=degree, extrapolation=extrapolation).fit(X)
    rows = np.vstack([4 * X, X[:1] - 100, X[:1] + 100])
    expected, step = transformer.transform(rows), compile_step(transformer)
    assert step.is_compiled
    scale = 1e-12 * np.abs(expected).max()
    np.testing.assert_allclose(step.transform(rows), expected, rtol=1e-12, atol=scale)


def test_numbers_beyond_the_knots_are_the_error_that_they_were():
    X = np.random.default_rng(0).normal(size=(60, 3))
    transformer = SplineTransformer(extrapolation="error").fit(X)
    assert_array_equal(compile_step(transformer).transform(X), transformer.transform(X))
    with pytest.raises(ValueError, match="beyond the limits"):
        compile_step(transformer).transform(2 * X)


def test_whitened_components_that_are_rounding_errors_alone_are_left_to_scikit_learn():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(100, 5)) @ rng.normal(size=(5, 30))
    pca = PCA(whiten=True, n_components=20).fit(X)
    step = compile_step(pca)
    assert "rounding" in step.reason
    assert_array_equal(step.transform(X), pca.transform(X))
    assert compile_step(PCA(whiten=True, n_components=5).fit(X)).is_compiled


@pytest.mark.parametrize("solver", ["svd", "eigen"])
@pytest.mark.parametrize("n_components", [None, 1])
def test_discriminants_are_compiled_as_a_model_and_before_one(solver, n_components):
    generator = np.random.default_rng(0)
    y = np.arange(90) % 3
    X = generator.normal(size=(90, 5)) + y[:, None]
    projection = LinearDiscriminantAnalysis(solver=solver, n_components=n_components)
    model = make_pipeline(projection, LogisticRegression()).fit(X, y)
    for fitted in (model, projection):
        compiled = whole_twin(fitted)
        expected = fitted.predict_proba(X)
        np.testing.assert_allclose(compiled.predict_proba(X), expected, rtol=1e-12)
        np.testing.assert_allclose(compiled.predict_proba_one(X[0]), expected[0], rtol=1e-12)
    np.testing.assert_allclose(
        compile_step(projection).dense(X), projection.transform(X), 1e-12, 1e-12
    )


def test_discriminants_that_do_not_transform_are_no_step():
    projection = LinearDiscriminantAnalysis(solver="lsqr").fit(np.eye(6), [0, 1] * 3)
    assert "lsqr" in compile_step(projection).why_not_compiled
