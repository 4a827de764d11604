"""Compiled models that tell outliers tell the same ones, by the same numbers."""

import numpy as np
import pytest
from answers import whole_twin
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.ensemble import IsolationForest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import OneClassSVM

RNG = np.random.default_rng(0)
ALIKE = RNG.normal(size=(300, 5))
X = np.vstack((ALIKE, 9 + RNG.normal(size=(6, 5))))


def assert_tells_the_same(model, X, *rows, atol):
    """Fit a model behind a scaler, compile it, and compare what the two make of some rows."""
    fitted = make_pipeline(StandardScaler(), model).fit(X)
    compiled = whole_twin(fitted)
    new = rows[0]
    for some in (*rows, new[:1]):
        found, expected = compiled.predict(some), fitted.predict(some)
        assert found.dtype == expected.dtype
        assert_array_equal(found, expected)
        for method in ("decision_function", "score_samples"):
            expected = getattr(fitted, method)(some)
            assert_allclose(getattr(compiled, method)(some), expected, rtol=1e-12, atol=atol)
    assert_array_equal([compiled.predict_one(row) for row in new], fitted.predict(new))


@pytest.mark.parametrize(
    "options",
    [{}, {"max_samples": 2}, {"contamination": 0.05, "max_features": 0.5}, {"bootstrap": True}],
    ids=str,
)
def test_isolation_forests_answer_as_they_do(options):
    forest = IsolationForest(n_estimators=9, random_state=0, **options)
    new = np.vstack((RNG.normal(size=(40, 5)), 5 * RNG.normal(size=(20, 5)), X[:5]))
    holes = np.where(RNG.random(new.shape) < 0.2, np.nan, new)
    assert_tells_the_same(forest, X, new, holes, atol=1e-15)


@pytest.mark.parametrize("kernel", ["rbf", "poly", "sigmoid", "linear"])
@pytest.mark.parametrize("nu", [0.02, 0.5])
def test_rows_are_scored_as_by_libsvm(kernel, nu):
    machine = OneClassSVM(kernel=kernel, nu=nu)
    new = np.vstack((ALIKE[:100], 3 * ALIKE[100:200]))
    assert_tells_the_same(machine, ALIKE, new, atol=1e-12)
