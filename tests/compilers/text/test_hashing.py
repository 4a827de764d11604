"""Compiled hashing vectorizers give scikit-learn's matrices, bit for bit."""

import pickle

import numpy as np
import pytest
from answers import whole_twin
from hypothesis import given, settings, strategies as st
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline, make_union
from sklearn.utils import murmurhash3_32
from strategies import documents, texts
from text_cases import DOCUMENTS, assert_same_matrix, options

from skwillump.compilers import OriginalStep, compile_step
from skwillump.kernels._jit import jit
from skwillump.kernels.text._hashing import murmur3

WHOLE = [text for text in DOCUMENTS if text.encode(errors="ignore").decode() == text]


@jit
def hash_bytes(data):
    return murmur3(data, 0, len(data))


@given(st.binary(max_size=40))
def test_the_hash_is_murmurs(data):
    array = np.frombuffer(data, dtype=np.uint8)
    assert hash_bytes(array) == murmurhash3_32(data, seed=0, positive=True)


hashing_options = st.fixed_dictionaries(
    {
        "n_features": st.sampled_from([1, 7, 1000, 2**20, 2**31 - 2]),
        "alternate_sign": st.booleans(),
        "norm": st.sampled_from(["l2", "l1", None]),
        "dtype": st.sampled_from([np.float64, np.float32]),
        "stop_words": st.sampled_from([None, ["aa", "ab", "b"]]),
        "token_pattern": st.sampled_from([r"(?u)\b\w\w+\b", r"\w+", r"\S+", "[a-c]+"]),
    }
)


@settings(max_examples=150)
@given(documents, st.sampled_from(["word", "char", "char_wb"]), options, hashing_options)
def test_hashing_equals_scikit_learns(texts, analyzer, common, hashing):
    if analyzer != "word":
        hashing = {**hashing, "stop_words": None, "token_pattern": r"(?u)\b\w\w+\b"}
    vectorizer = HashingVectorizer(analyzer=analyzer, **common, **hashing)
    step = compile_step(vectorizer)
    assert not isinstance(step, OriginalStep)
    try:
        expected = vectorizer.transform(texts)
    except UnicodeEncodeError:  # a lone surrogate in an n-gram
        with pytest.raises(UnicodeEncodeError):
            step.transform(texts)
    else:
        assert_same_matrix(step.transform(texts), expected)


@pytest.mark.parametrize("analyzer", ["word", "char", "char_wb"])
def test_hard_documents_threads_and_pickles(analyzer):
    vectorizer = HashingVectorizer(analyzer=analyzer, ngram_range=(1, 3), n_features=5000)
    step = compile_step(vectorizer)
    many = WHOLE * 40
    expected = vectorizer.transform(many)
    assert_same_matrix(step.transform(many), expected)
    assert_same_matrix(step.transform(many, n_threads=3), expected)
    assert_same_matrix(pickle.loads(pickle.dumps(step)).transform(many), expected)


@given(st.lists(texts, min_size=1, max_size=5))
def test_scores_are_features_times_coefficients(documents):
    vectorizer = HashingVectorizer(n_features=50, analyzer="char", ngram_range=(1, 2))
    coef = np.random.default_rng(0).normal(size=(50, 3))
    documents = [text.encode(errors="ignore").decode() for text in documents]
    scorer = compile_step(vectorizer).bind(coef)
    scores = scorer.scores(documents)
    np.testing.assert_allclose(scores, vectorizer.transform(documents) @ coef, atol=1e-13)
    np.testing.assert_array_equal(scorer.scores(documents, np.array([0, 0])), scores[[0, 0]])
    np.testing.assert_allclose(scorer.score_one(documents[0]), scores[0], atol=1e-13)


def test_a_pipeline_of_hashed_features_is_fused():
    y = [i % 2 for i in range(len(WHOLE))]
    estimator = make_pipeline(
        make_union(
            HashingVectorizer(n_features=500),
            HashingVectorizer(n_features=300, analyzer="char_wb", ngram_range=(2, 3)),
        ),
        LogisticRegression(),
    ).fit(WHOLE, y)
    compiled = whole_twin(estimator)
    np.testing.assert_allclose(
        compiled.predict_proba(WHOLE), estimator.predict_proba(WHOLE), rtol=1e-12
    )
    assert [compiled.predict_one(text) for text in WHOLE] == estimator.predict(WHOLE).tolist()
