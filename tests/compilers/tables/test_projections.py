"""Products, sums and choices of features: what is theirs alone."""

import tracemalloc

import numpy as np
import pytest
from scipy import sparse
from sklearn.preprocessing import PolynomialFeatures

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
