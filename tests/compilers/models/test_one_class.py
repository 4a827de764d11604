"""Compiled machines of one class score rows as libsvm does."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import OneClassSVM

from skwillump import compile_pipeline

X = np.random.default_rng(0).normal(size=(300, 5))
ROWS = np.vstack([X[:100], 3 * X[100:200]])


@pytest.mark.parametrize("kernel", ["rbf", "poly", "sigmoid", "linear"])
@pytest.mark.parametrize("nu", [0.02, 0.5])
def test_rows_are_scored_as_by_libsvm(kernel, nu):
    model = make_pipeline(StandardScaler(), OneClassSVM(kernel=kernel, nu=nu)).fit(X)
    compiled = compile_pipeline(model)
    assert all(report.compiled for report in compiled.explain()), compiled.explain()
    assert_array_equal(compiled.predict(ROWS), model.predict(ROWS))
    assert compiled.predict(ROWS).dtype == model.predict(ROWS).dtype
    for method in ("decision_function", "score_samples"):
        expected = getattr(model, method)(ROWS)
        assert_allclose(getattr(compiled, method)(ROWS), expected, rtol=1e-12, atol=1e-12)
    for row, expected in zip(ROWS[::9], model.predict(ROWS)[::9], strict=True):
        assert compiled.predict_one(row) == expected
