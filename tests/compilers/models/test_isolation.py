"""Isolation forests, compiled, tell the same outliers by the same numbers."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.ensemble import IsolationForest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skwillump import compile_pipeline

RNG = np.random.default_rng(0)
X = np.vstack((RNG.normal(size=(300, 4)), 9 + RNG.normal(size=(6, 4))))
NEW = np.vstack((RNG.normal(size=(40, 4)), 5 * RNG.normal(size=(20, 4)), X[:5]))


@pytest.mark.parametrize(
    "options",
    [{}, {"max_samples": 2}, {"contamination": 0.05, "max_features": 0.5}, {"bootstrap": True}],
    ids=str,
)
def test_isolation_forests_answer_as_they_do(options):
    forest = IsolationForest(n_estimators=9, random_state=0, **options)
    fitted = make_pipeline(StandardScaler(), forest).fit(X)
    compiled = compile_pipeline(fitted)
    assert all(step.compiled for step in compiled.explain()), compiled.explain()
    holes = np.where(RNG.random(NEW.shape) < 0.2, np.nan, NEW)
    for rows in (NEW, holes, NEW[:1]):
        found = compiled.predict(rows)
        assert (found.dtype, found.tolist()) == (np.dtype(int), fitted.predict(rows).tolist())
        for method in ("decision_function", "score_samples"):
            expected = getattr(fitted, method)(rows)
            assert_allclose(getattr(compiled, method)(rows), expected, rtol=1e-12, atol=1e-15)
    assert_array_equal([compiled.predict_one(row) for row in NEW], fitted.predict(NEW))
