"""Compiled random features of kernels are those of scikit-learn."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.kernel_approximation import RBFSampler, SkewedChi2Sampler

from skwillump.compilers import compile_step

X = np.random.default_rng(0).random((50, 6))


@pytest.mark.parametrize("kind", [RBFSampler, SkewedChi2Sampler])
def test_features_are_scikit_learns(kind):
    sampler = kind(n_components=30, random_state=0).fit(X)
    step = compile_step(sampler)
    assert step.is_compiled
    assert_allclose(step.transform(X), sampler.transform(X), rtol=1e-12, atol=1e-13)
    assert_allclose(step.dense_one(X[0]), sampler.transform(X[:1])[0], rtol=1e-12, atol=1e-13)


def test_cosines_of_large_numbers_are_left_to_scikit_learn():
    sampler = RBFSampler(n_components=30, random_state=0).fit(X)
    assert_array_equal(compile_step(sampler).transform(X * 1e9), sampler.transform(X * 1e9))


def test_numbers_without_a_logarithm_are_refused_by_scikit_learn():
    sampler = SkewedChi2Sampler(random_state=0).fit(X)
    with pytest.raises(ValueError, match="skewedness"):
        compile_step(sampler).transform(X - 5)
