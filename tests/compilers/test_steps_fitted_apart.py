"""Pipelines of steps that were not fitted together, and sparse rows for models of arrays."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.discriminant_analysis import QuadraticDiscriminantAnalysis
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer, TfidfVectorizer
from sklearn.feature_selection import VarianceThreshold
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import FunctionTransformer, MaxAbsScaler, MinMaxScaler, StandardScaler
from sklearn.tree import DecisionTreeClassifier

from skwillump import compile_pipeline

RNG = np.random.default_rng(0)
X = RNG.normal(size=(80, 4))
Y = (X[:, 0] > 0).astype(int)
TEXTS = ["one two", "two three"]
MODELS = [LogisticRegression(), DecisionTreeClassifier(), GaussianNB(), KNeighborsClassifier()]


def model_of(n_features, model):
    return model.fit(RNG.normal(size=(80, n_features)), Y)


def assert_fails_alike(pipeline, rows):
    compiled = compile_pipeline(pipeline)
    with pytest.raises((TypeError, ValueError)) as expected:
        pipeline.predict(rows)
    with pytest.raises(expected.type) as found:
        compiled.predict(rows)
    assert str(found.value) == str(expected.value)
    with pytest.raises((TypeError, ValueError)):
        compiled.predict_one(rows[0] if isinstance(rows, list | np.ndarray) else rows[:1])


def as_array(matrix):
    return matrix.toarray()


BEFORE = {
    "scaler": (lambda: StandardScaler().fit(X), X),
    "two scalers": (lambda: make_pipeline(StandardScaler(), MinMaxScaler()).fit(X), X),
    "union": (lambda: FeatureUnion([("a", StandardScaler()), ("b", MinMaxScaler())]).fit(X), X),
    "texts": (lambda: TfidfVectorizer().fit(TEXTS), TEXTS),
    "dense texts": (
        lambda: make_pipeline(TfidfVectorizer(), FunctionTransformer(as_array)).fit(TEXTS),
        TEXTS,
    ),
}


@pytest.mark.parametrize("n_features", [1, 5])
@pytest.mark.parametrize("model", MODELS, ids=lambda model: type(model).__name__)
@pytest.mark.parametrize("name", BEFORE)
def test_a_model_of_other_features_compiles_and_fails_as_the_pipeline_does(name, model, n_features):
    make, rows = BEFORE[name]
    assert_fails_alike(make_pipeline(make(), model_of(n_features, model)), rows)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: type(model).__name__)
def test_a_step_of_other_features_fails_as_the_pipeline_does(model):
    # One column would be stretched over all of those that it is given.
    of_one = MinMaxScaler().fit(X[:, :1])
    pipeline = make_pipeline(StandardScaler().fit(X), of_one, model_of(4, model))
    assert_fails_alike(pipeline, X)


@pytest.mark.parametrize(
    "step", [TfidfTransformer(), VarianceThreshold(), MaxAbsScaler()], ids=repr
)
def test_a_step_of_other_terms_fails_as_the_pipeline_does(step):
    counts = CountVectorizer().fit(TEXTS)
    others = sparse.csr_matrix(np.abs(X))
    model = LogisticRegression().fit(step.fit(others).transform(others), Y)
    assert_fails_alike(make_pipeline(counts, step, model), TEXTS[:1])


@pytest.mark.parametrize("scaler", [None, MaxAbsScaler()], ids=["alone", "scaled"])
@pytest.mark.parametrize(
    "model",
    [GaussianNB(), QuadraticDiscriminantAnalysis(), KNeighborsClassifier(algorithm="kd_tree")],
    ids=lambda model: type(model).__name__,
)
def test_models_of_arrays_refuse_sparse_rows_as_scikit_learns_do(scaler, model):
    pipeline = make_pipeline(*[step for step in (scaler, model) if step is not None]).fit(X, Y)
    assert_fails_alike(pipeline, sparse.csr_matrix(X))
