"""Compiled leaves of random trees are those of scikit-learn."""

import numpy as np
import pytest
from answers import assert_alike, outcome, whole_twin
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.ensemble import RandomForestClassifier, RandomTreesEmbedding
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import BernoulliNB
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import StandardScaler

from skwillump import compile_pipeline
from skwillump.compilers import OriginalStep, compile_step

RNG = np.random.default_rng(0)
X, NEW = RNG.normal(size=(300, 5)), RNG.normal(size=(80, 5))
Y = (X[:, 0] * X[:, 1] > 0).astype(int)

EMBEDDINGS = {
    "shallow": RandomTreesEmbedding(7, max_depth=3, random_state=0),
    "deep": RandomTreesEmbedding(12, max_depth=8, random_state=0),
    "an array": RandomTreesEmbedding(5, sparse_output=False, random_state=0),
    "one tree": RandomTreesEmbedding(1, random_state=0),
    "stumps": RandomTreesEmbedding(4, max_depth=1, random_state=0),
}


@pytest.mark.parametrize("name", EMBEDDINGS)
def test_rows_are_in_the_leaves_that_scikit_learn_finds(name):
    step = compile_step(EMBEDDINGS[name].fit(X))
    expected = EMBEDDINGS[name].transform(NEW)
    dense = expected.toarray() if sparse.issparse(expected) else expected
    assert_array_equal(step.dense(NEW), dense)
    assert_array_equal(step.dense_one(NEW[0]), dense[0])
    assert sparse.issparse(step.transform(NEW)) == sparse.issparse(expected)


@pytest.mark.parametrize("name", EMBEDDINGS)
@pytest.mark.parametrize(
    "model",
    [LogisticRegression(), BernoulliNB(), RandomForestClassifier(5, random_state=0)],
    ids=str,
)
def test_models_behind_leaves_answer_as_before(name, model):
    union = make_union(EMBEDDINGS[name], StandardScaler())
    for features in (EMBEDDINGS[name], union):
        fitted = make_pipeline(StandardScaler(), features, model).fit(X, Y)
        compiled = whole_twin(fitted)
        expected = fitted.predict_proba(NEW)
        assert_allclose(compiled.predict_proba(NEW), expected, rtol=1e-12)
        each = [compiled.predict_proba_one(row) for row in NEW]
        assert_allclose(each, expected, rtol=1e-12)


def test_missing_values_are_what_they_were():
    fitted = make_pipeline(EMBEDDINGS["shallow"], LogisticRegression()).fit(X, Y)
    compiled = compile_pipeline(fitted)
    rows = np.where(RNG.random(NEW.shape) < 0.1, np.nan, NEW)
    assert_alike(outcome(compiled.predict, rows), outcome(fitted.predict, rows))


def test_leaves_without_a_row_of_the_fit_are_left_to_the_encoder():
    fitted = RandomTreesEmbedding(3, random_state=0).fit(X)
    fitted.one_hot_encoder_.categories_[1] = fitted.one_hot_encoder_.categories_[1][:-1]
    step = compile_step(fitted)
    assert type(step) is OriginalStep
    assert "leaf" in step.reason
