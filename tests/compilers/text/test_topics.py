"""Compiled topics and factors of texts are those of scikit-learn."""

import numpy as np
import pytest
from answers import whole_twin
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.decomposition import NMF, LatentDirichletAllocation
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import StandardScaler

from skwillump import compile_pipeline
from skwillump.compilers import compile_step
from skwillump.kernels.text._topics import find_topics

RNG = np.random.default_rng(0)
WORDS = [f"word{i}" for i in range(60)]
TEXTS = [" ".join(RNG.choice(WORDS, 12, p=RNG.dirichlet(np.full(60, 0.1)))) for _ in range(150)]
NEW = [" ".join(RNG.choice([*WORDS, "other"], RNG.integers(0, 30))) for _ in range(120)]
Y = np.arange(150) % 2

MODELS = {
    "topics": LatentDirichletAllocation(5, max_iter=4, random_state=0),
    "topics learned online": LatentDirichletAllocation(
        3, learning_method="online", doc_topic_prior=0.01, max_iter=3, random_state=0
    ),
    "topics of few rounds": LatentDirichletAllocation(
        4, max_doc_update_iter=3, max_iter=2, random_state=0
    ),
    "topics of no tolerance": LatentDirichletAllocation(
        4, mean_change_tol=0.0, max_iter=2, random_state=0
    ),
    "factors": NMF(5, init="nndsvda", max_iter=400, random_state=0),
    "sparse factors": NMF(4, alpha_W=1e-3, l1_ratio=0.5, max_iter=400, random_state=0),
}


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("vectorizer", [CountVectorizer, TfidfVectorizer])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_features_and_answers_are_scikit_learns(name, vectorizer):
    fitted = make_pipeline(vectorizer(), MODELS[name], StandardScaler(), LogisticRegression())
    fitted.fit(TEXTS, Y)
    compiled = whole_twin(fitted)
    features, twin = fitted[:-2], compile_pipeline(fitted[:-2])
    assert_allclose(twin.transform(NEW), features.transform(NEW), rtol=1e-12, atol=1e-13)
    assert_allclose(compiled.predict_proba(NEW), fitted.predict_proba(NEW), rtol=1e-12)
    for text in NEW[:25]:
        expected = fitted.predict_proba([text])[0]
        assert_allclose(compiled.predict_proba_one(text), expected, rtol=1e-12)


def test_beside_words_texts_become_topics_too():
    union = make_union(
        make_pipeline(CountVectorizer(), MODELS["topics"]), TfidfVectorizer(ngram_range=(1, 2))
    )
    fitted = make_pipeline(union, LogisticRegression()).fit(TEXTS, Y)
    compiled = whole_twin(fitted)
    assert_allclose(compiled.predict_proba(NEW), fitted.predict_proba(NEW), rtol=1e-12)
    assert [compiled.predict_one(text) for text in NEW[:25]] == list(fitted.predict(NEW[:25]))


@pytest.mark.parametrize("name", ["topics", "factors"])
def test_arrays_become_topics_as_matrices_do(name):
    counts = CountVectorizer().fit_transform(TEXTS)
    model = MODELS[name].fit(counts)
    step = compile_step(model)
    for rows in (counts, counts.toarray(), counts.astype(float), sparse.csr_array(counts)):
        assert_allclose(step.dense(rows), model.transform(rows), rtol=1e-12, atol=1e-13)
    assert_allclose(
        step.dense_one(counts[0].toarray()[0]), model.transform(counts[:1])[0], rtol=1e-12
    )


@pytest.mark.parametrize("name", ["topics", "factors"])
def test_negative_values_are_refused_by_scikit_learn(name):
    positive = HashingVectorizer(n_features=32, alternate_sign=False)
    fitted = make_pipeline(positive, MODELS[name]).fit(TEXTS)
    fitted[0].set_params(alternate_sign=True)
    for transform in (fitted.transform, compile_pipeline(fitted).transform):
        with pytest.raises(ValueError, match=r"[Nn]egative"):
            transform(NEW)


def test_factors_that_take_too_many_rounds_warn_as_before():
    model = NMF(5, max_iter=400, random_state=0).fit(CountVectorizer().fit_transform(TEXTS))
    model.set_params(max_iter=2)
    with pytest.warns(ConvergenceWarning, match="Increase"):
        found = compile_step(model).transform(CountVectorizer().fit_transform(TEXTS))
    with pytest.warns(ConvergenceWarning, match="Increase"):
        assert_array_equal(found, model.transform(CountVectorizer().fit_transform(TEXTS)))


def test_a_change_next_to_the_tolerance_is_told():
    weights = RNG.random((6, 3))
    entries = (np.ones(4), np.array([0, 2, 3, 5], dtype=np.int32), np.array([0, 4], dtype=np.int32))

    def topics(tolerance):
        gamma, doubtful = np.empty((1, 3)), np.empty(1, dtype=bool)
        find_topics(*entries, weights, 0.1, 1, tolerance, gamma, *np.empty((2, 3)), doubtful)
        return gamma[0], doubtful[0]

    gamma, doubtful = topics(0.0)
    assert not doubtful
    change = np.abs(gamma - 1.0).mean()
    assert topics(change)[1]
    assert topics(change * (1 + 1e-10))[1]
    assert not topics(change * 1.001)[1]
