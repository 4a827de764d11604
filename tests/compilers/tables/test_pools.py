"""Compiled means of columns that are alike are those of scikit-learn, to the last bit."""

import numpy as np
import pytest
from answers import whole_twin
from numpy.testing import assert_array_equal
from sklearn.cluster import FeatureAgglomeration
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skwillump.compilers import OriginalStep, compile_step

X = np.random.default_rng(0).normal(size=(120, 9))


@pytest.mark.parametrize("n_clusters", [1, 2, 4, 9])
def test_columns_are_pooled_as_by_scikit_learn(n_clusters):
    pools = FeatureAgglomeration(n_clusters).fit(X)
    step = compile_step(pools)
    assert_array_equal(step.transform(X), pools.transform(X))
    assert_array_equal(step.dense_one(X[0]), pools.transform(X[:1])[0])


def test_models_behind_pools_answer_as_before():
    y = (X[:, 0] + X[:, 5] > 0).astype(int)
    fitted = make_pipeline(StandardScaler(), FeatureAgglomeration(3), LogisticRegression())
    fitted.fit(X, y)
    compiled = whole_twin(fitted)
    assert_array_equal(compiled.predict(X), fitted.predict(X))
    assert [compiled.predict_one(row) for row in X] == list(fitted.predict(X))


@pytest.mark.parametrize("pool", [np.max, np.median, lambda block, axis: block.sum(axis=axis)])
def test_other_functions_run_as_they_are(pool):
    assert type(compile_step(FeatureAgglomeration(3, pooling_func=pool).fit(X))) is OriginalStep
