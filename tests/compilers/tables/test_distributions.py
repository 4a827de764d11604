"""Power transforms: what is their own beyond the contract of all steps."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.preprocessing import PowerTransformer

from skwillump import compile_pipeline


@pytest.mark.parametrize("method", ["yeo-johnson", "box-cox"])
def test_powers_that_were_fitted_in_single_precision_are_computed_with_as_such(method):
    X = np.random.default_rng(0).gamma(2.0, size=(50, 3)) - 1.5 * (method == "yeo-johnson")
    power = PowerTransformer(method=method).fit(X.astype(np.float32))
    for rows in (X, X.astype(np.float32)):
        assert_array_equal(compile_pipeline(power).transform(rows), power.transform(rows))


@pytest.mark.parametrize("standardize", [True, False])
def test_all_columns_at_once_are_what_scipy_makes_of_each(standardize):
    X = np.random.default_rng(0).normal(scale=3.0, size=(80, 5))
    X[:4] = np.array([0.0, -0.0, np.nan, 1e-300])[:, None]
    power = PowerTransformer(standardize=standardize).fit(X)
    power.lambdas_ = np.array([0.0, 2.0, 1.0, -1.3, 3.7])
    assert_array_equal(compile_pipeline(power).transform(X), power.transform(X))
