"""Sparse matrices that an estimator is given: vectorizing or encoding was done before."""

import pickle
import warnings
from functools import cache

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.decomposition import TruncatedSVD
from sklearn.ensemble import RandomForestClassifier, VotingClassifier
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.feature_selection import SelectFromModel, SelectKBest, VarianceThreshold, chi2
from sklearn.linear_model import LogisticRegression, Perceptron, Ridge, SGDClassifier
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputClassifier
from sklearn.naive_bayes import BernoulliNB, ComplementNB, MultinomialNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import Binarizer, MaxAbsScaler, Normalizer, StandardScaler
from sklearn.svm import LinearSVC

from skwillump import ApproxTopKRanker, CascadeClassifier, compile_pipeline

N_ROWS, N_FEATURES = 400, 300


def counts(seed=0, n_rows=N_ROWS):
    """Return rows of counts, of which the first is empty."""
    rng = np.random.default_rng(seed)
    rows = sparse.random(n_rows, N_FEATURES, 0.04, format="csr", random_state=rng)
    rows.data = rng.integers(1, 5, rows.nnz).astype(float)
    empty = sparse.csr_matrix((1, N_FEATURES))
    return sparse.vstack([empty, rows[1:]], format="csr")


X = counts()
SCORE = np.asarray(X @ np.random.default_rng(1).normal(size=N_FEATURES)).ravel()
TWO = (np.median(SCORE) < SCORE).astype(int)
THREE = np.digitize(SCORE, np.quantile(SCORE, [0.3, 0.7]))

MODELS = {
    "logistic": (LogisticRegression(), TWO),
    "several classes": (LogisticRegression(), THREE),
    "SGD": (SGDClassifier(random_state=0), THREE),
    "support vectors": (LinearSVC(), TWO),
    "perceptron": (Perceptron(), TWO),
    "ridge": (Ridge(), SCORE),
    "multinomial": (MultinomialNB(), THREE),
    "complement": (ComplementNB(), THREE),
    "Bernoulli": (BernoulliNB(), TWO),
    "neighbours": (KNeighborsClassifier(algorithm="brute"), THREE),
    "forest": (RandomForestClassifier(5, random_state=0), TWO),
    "one against the rest": (OneVsRestClassifier(LogisticRegression()), THREE),
    "calibrated": (CalibratedClassifierCV(LinearSVC(), cv=2), TWO),
    "vote": (
        VotingClassifier([("a", LogisticRegression()), ("b", MultinomialNB())], voting="soft"),
        TWO,
    ),
    "outputs": (MultiOutputClassifier(LogisticRegression()), np.column_stack([TWO, TWO[::-1]])),
}

STEPS = {
    "largest": [MaxAbsScaler()],
    "deviations": [StandardScaler(with_mean=False)],
    "norms": [Normalizer()],
    "sums": [Normalizer("l1")],
    "best": [SelectKBest(chi2, k=60)],
    "variances": [VarianceThreshold(0.01)],
    "of a model": [SelectFromModel(SGDClassifier(penalty="l1", random_state=0))],
    "weights": [TfidfTransformer()],
    "logarithms": [TfidfTransformer(sublinear_tf=True, norm="l1")],
    "no norm": [TfidfTransformer(norm=None)],
    "above": [Binarizer(threshold=1.0)],
    "components": [TruncatedSVD(5, random_state=0)],
    "weights of the best": [TfidfTransformer(), SelectKBest(chi2, k=60), MaxAbsScaler()],
    "the best weighed": [SelectKBest(chi2, k=60), TfidfTransformer()],
    "components of unit norm": [TfidfTransformer(), TruncatedSVD(5, random_state=0), Normalizer()],
    "union": [FeatureUnion([("w", TfidfTransformer()), ("b", SelectKBest(chi2, k=20))])],
}


@cache
def fitted(steps, name):
    """Return a fitted pipeline: a key of `STEPS`, or None for the model alone, and of `MODELS`."""
    model, y = MODELS[name]
    return make_pipeline(*map(clone, STEPS.get(steps, [])), clone(model)).fit(X, y)


@cache
def twin(steps, name):
    pipeline = fitted(steps, name)
    return compile_pipeline(pipeline if steps else pipeline[-1])


def methods_of(estimator):
    names = ("predict", "predict_proba", "predict_log_proba", "decision_function")
    return [name for name in names if hasattr(estimator, name)]


def answer(call):
    """Return what a call gives, or the type of what it raises."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return call()
        except Exception as error:
            return type(error)


def assert_same(found, expected):
    if isinstance(expected, type):
        assert found is expected
        return
    assert type(found) is type(expected)
    if isinstance(expected, list):
        for one, other in zip(found, expected, strict=True):
            assert_same(one, other)
        return
    assert found.dtype == expected.dtype
    if expected.dtype.kind == "f":
        np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-12)
    else:
        np.testing.assert_array_equal(found, expected)


def assert_answers_alike(estimator, compiled, rows):
    kept = rows.copy()
    for method in methods_of(estimator):
        expected = answer(lambda name=method: getattr(estimator, name)(kept.copy()))
        assert_same(answer(lambda name=method: getattr(compiled, name)(rows)), expected)
    for part in ("data", "indices", "indptr", "row", "col"):
        if hasattr(kept, part) and isinstance(getattr(kept, part), np.ndarray):
            np.testing.assert_array_equal(getattr(rows, part), getattr(kept, part))
    assert rows.dtype == kept.dtype


def unsorted():
    found = X.copy()
    for start, stop in zip(found.indptr, found.indptr[1:], strict=False):
        found.indices[start:stop] = found.indices[start:stop][::-1].copy()
        found.data[start:stop] = found.data[start:stop][::-1].copy()
    found.has_sorted_indices = False
    return found


def twice():
    indices, data = np.repeat(X.indices, 2), np.repeat(X.data, 2)
    return sparse.csr_matrix((data, indices, X.indptr * 2), X.shape)


def with_value(value):
    found = X.copy()
    found.data[::7] = value
    return found


def wide_indices():
    found = X.copy()
    found.indices, found.indptr = found.indices.astype(np.int64), found.indptr.astype(np.int64)
    return found


FORMS = {
    "csr": lambda: X,
    "array": lambda: sparse.csr_array(X),
    "csc": X.tocsc,
    "coo": X.tocoo,
    "lil": X.tolil,
    "integers": lambda: X.astype(np.int64),
    "single": lambda: X.astype(np.float32),
    "booleans": lambda: X.astype(bool),
    "long indices": wide_indices,
    "unsorted": unsorted,
    "twice": twice,
    "zeros": lambda: with_value(0.0),
    "below zero": lambda: with_value(-2.0),
    "NaN": lambda: with_value(np.nan),
    "infinite": lambda: with_value(np.inf),
    "huge": lambda: with_value(1e200),
    "one row": lambda: X[5:6],
    "empty row": lambda: X[:1],
    "no rows": lambda: X[:0],
    "narrow": lambda: X[:, :-1].tocsr(),
    "objects": lambda: X.toarray(),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", MODELS)
def test_models_answer_as_scikit_learn_does(name, form):
    assert_answers_alike(fitted(None, name)[-1], twin(None, name), FORMS[form]())


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", STEPS)
def test_steps_answer_as_scikit_learn_does(name, form):
    for model in ("logistic", "several classes"):
        assert_answers_alike(fitted(name, model), twin(name, model), FORMS[form]())


@pytest.mark.parametrize("name", ["neighbours", "Bernoulli", "multinomial", "forest", "calibrated"])
@pytest.mark.parametrize("steps", ["largest", "weights", "best", "above"])
def test_other_models_behind_steps(steps, name):
    pipeline, compiled = fitted(steps, name), twin(steps, name)
    assert_answers_alike(pipeline, compiled, X)
    assert_answers_alike(pipeline, compiled, X[3:4])


@pytest.mark.parametrize("name", MODELS)
def test_one_row_is_answered_as_in_a_batch(name):
    for steps in (None, "weights"):
        pipeline = fitted(steps, name)
        compiled = compile_pipeline(pipeline)
        for at in (0, 7):
            row = X[at : at + 1]
            np.testing.assert_allclose(compiled.predict_one(row), pipeline.predict(row)[0])
            if hasattr(pipeline, "predict_proba"):
                found = np.asarray(compiled.predict_proba_one(row))
                expected = np.asarray(pipeline.predict_proba(row))
                np.testing.assert_allclose(found.ravel(), expected.ravel(), rtol=1e-9, atol=1e-12)


def test_threads_pickles_and_arrays_answer_alike():
    pipeline = fitted("weights", "several classes")
    expected = pipeline.predict_proba(X)
    for compiled in (compile_pipeline(pipeline, n_jobs=3), compile_pipeline(pipeline)):
        again = pickle.loads(pickle.dumps(compiled))
        np.testing.assert_allclose(again.predict_proba(X), expected, rtol=1e-12)


@pytest.mark.parametrize("steps", ["largest", "norms", "best", "weights", "logarithms", "above"])
def test_no_transformer_is_asked(steps, monkeypatch):
    pipeline = fitted(steps, "logistic")
    expected, compiled = pipeline.predict_proba(X), compile_pipeline(pipeline)
    for transformer in (step for _, step in compiled.estimator.steps[:-1]):
        monkeypatch.setattr(type(transformer), "transform", None)
    np.testing.assert_allclose(compiled.predict_proba(X), expected, rtol=1e-12)
    np.testing.assert_allclose(compiled.predict_proba(X.tocsc()), expected, rtol=1e-12)


def test_explain_names_what_is_compiled_for_sparse_rows():
    wide = sparse.random(60, 5000, 0.02, format="csr", random_state=0)
    model = BernoulliNB().fit(wide, np.arange(60) % 2)
    compiled = compile_pipeline(model)
    assert [step.compiled for step in compiled.explain()] == [True]
    np.testing.assert_allclose(compiled.predict_proba(wide), model.predict_proba(wide), rtol=1e-10)
    dense = wide.toarray()
    np.testing.assert_array_equal(compiled.predict(dense), model.predict(dense))


@pytest.mark.parametrize("options", [{"cv": 0.3}, {"cv": 5}, {"cv": 0.3, "refit": False}], ids=str)
@pytest.mark.parametrize("steps", ["bare", "union"])
@pytest.mark.filterwarnings("ignore")
def test_cascades_of_sparse_matrices(steps, options):
    rows = counts(3, 900)
    y = (np.asarray(rows.sum(axis=1)).ravel() > 28).astype(int)
    estimator = make_pipeline(*map(clone, STEPS.get(steps, [])), LogisticRegression())
    cascade = CascadeClassifier(estimator, accuracy_target=1.0, random_state=0, **options)
    cascade.fit(rows, y)
    if options.get("refit", True):
        expected = clone(estimator).fit(rows, y).predict(rows)
        np.testing.assert_array_equal(cascade.predict(rows), expected)
    assert cascade.predict_one(rows[2:3]) == cascade.predict(rows[2:3])[0]


@pytest.mark.parametrize("steps", ["bare", "union"])
@pytest.mark.filterwarnings("ignore")
def test_rankers_of_sparse_matrices(steps):
    rows = counts(3, 900)
    y = np.asarray(rows.sum(axis=1)).ravel()
    estimator = make_pipeline(*map(clone, STEPS.get(steps, [])), Ridge())
    ranker = ApproxTopKRanker(estimator, k=10, random_state=0, cv=0.3).fit(rows, y)
    expected = clone(estimator).fit(rows, y).predict(rows)
    np.testing.assert_allclose(ranker.predict(rows), expected, rtol=1e-9)
    assert len(ranker.rank(rows)) == 10
