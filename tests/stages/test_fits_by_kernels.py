"""`fit` of a cascade and of a ranker learns text features by kernels, exactly."""

import pickle

import numpy as np
import pytest
from common import stdlib_lines
from sklearn.base import clone
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline, make_union

from skwillump import ApproxTopKRanker, CascadeClassifier
from skwillump.compilers import REGISTRY
from skwillump.compilers.text import _counting, _fitting


def lines(n_rows=3000):
    X, y = stdlib_lines()
    rows = np.random.default_rng(0).permutation(len(X))[:n_rows]
    return X[rows], y[rows]


def text_pipeline(model):
    return make_pipeline(
        make_union(TfidfVectorizer(min_df=2), TfidfVectorizer(analyzer="char", ngram_range=(2, 4))),
        model,
    )


@pytest.fixture
def n_fits(monkeypatch):
    """How many vectorizers were fitted by kernels, also where these must be compiled first."""
    monkeypatch.setattr(_counting, "LEAST_TO_COMPILE", 0)
    results = []
    count_terms = _fitting.count_terms

    def counted(*args):
        results.append(count_terms(*args))
        return results[-1]

    monkeypatch.setattr(_fitting, "count_terms", counted)
    return lambda: sum(result is not None for result in results)


@pytest.mark.parametrize("compile", [True, False])
def test_a_cascades_full_model_is_the_plain_fit_bit_for_bit(n_fits, compile):
    X, y = lines()
    pipeline = text_pipeline(LogisticRegression(C=10))
    plain = clone(pipeline).fit(X, y)
    cascade = CascadeClassifier(pipeline, cv=0.5, compile=compile, random_state=0).fit(X, y)
    assert pickle.dumps(cascade.estimator_) == pickle.dumps(plain)
    assert (n_fits() > 0) == compile


def test_a_rankers_full_model_is_the_plain_fit_bit_for_bit(n_fits):
    X, y = lines()
    pipeline = text_pipeline(Ridge())
    plain = clone(pipeline).fit(X, y)
    ranker = ApproxTopKRanker(pipeline, k=10, query_size=500, random_state=0).fit(X, y)
    assert pickle.dumps(ranker.estimator_) == pickle.dumps(plain)
    assert n_fits() > 0


def test_each_step_of_the_full_model_is_compiled_once(monkeypatch):
    X, y = lines(600)
    pipeline = text_pipeline(LogisticRegression()).fit(X[:300], y[:300])
    compiled = []
    compile = REGISTRY.compile

    def counted(fitted, gives):
        compiled.append(type(fitted))
        return compile(fitted, gives)

    monkeypatch.setattr(REGISTRY, "compile", counted)
    cascade = CascadeClassifier(pipeline, cv="prefit", random_state=0).fit(X[300:], y[300:])
    assert compiled.count(TfidfVectorizer) == 2
    assert cascade.estimator_ is pipeline
    assert np.array_equal(cascade.predict(X), pipeline.predict(X))
