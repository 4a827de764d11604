"""Tokens that Python makes, by a user's function or by `re`, and all that follows from them."""

import re
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from answers import whole_twin
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import (
    CountVectorizer,
    HashingVectorizer,
    TfidfTransformer,
    TfidfVectorizer,
)
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from skwillump import compile_pipeline

TEXTS = [
    "a fine film, with  blanks",
    "",
    "a poor film!",
    "acting\0x",
    "poor äÖ\x01",
    "ıİ story",
] * 5
LABELS = np.arange(len(TEXTS)) % 2
KINDS = [CountVectorizer, TfidfVectorizer, HashingVectorizer]


def at_blanks(text):
    return text.split(" ")  # some tokens are empty


def marks(text):
    return re.findall(r"\w+|[^\w\s]", text)


def pairs_of_words(text):
    words = text.split()
    return [f"{a} {b}" for a, b in pairwise(words)]


def characters(text):
    return (text[i : i + 3] for i in range(len(text)))


OPTIONS = {
    "tokenizer": {"tokenizer": marks, "token_pattern": None},
    "tokenizer, n-grams": {"tokenizer": marks, "token_pattern": None, "ngram_range": (1, 2)},
    "empty tokens": {"tokenizer": at_blanks, "token_pattern": None},
    "empty tokens, n-grams": {
        "tokenizer": at_blanks,
        "token_pattern": None,
        "ngram_range": (2, 3),
    },
    "tokens with blanks": {"tokenizer": pairs_of_words, "token_pattern": None},
    "tokens with blanks, n-grams": {
        "tokenizer": pairs_of_words,
        "token_pattern": None,
        "ngram_range": (1, 2),
    },
    "analyzer": {"analyzer": characters},
    "analyzer, other options": {"analyzer": str.split, "ngram_range": (1, 2), "lowercase": False},
    "preprocessor and stop words": {
        "preprocessor": str.upper,
        "tokenizer": marks,
        "token_pattern": None,
        "stop_words": ["A", "FINE"],
    },
    "alternation": {"token_pattern": r"\w+|!"},
    "a group": {"token_pattern": r"(\w)\w+", "strip_accents": "unicode"},
    "boundaries of letters": {"token_pattern": r"\b[a-z]+\b", "ngram_range": (1, 2)},
    "a look ahead": {"token_pattern": r"[A-Za-z0-9]+(?=\s+)"},
}


@pytest.mark.filterwarnings("ignore:This Pipeline instance is not fitted yet:FutureWarning")
@pytest.mark.filterwarnings("ignore:Your stop_words may be inconsistent:UserWarning")
@pytest.mark.filterwarnings("ignore:The parameter 'ngram_range' will not be used:UserWarning")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("options", OPTIONS)
def test_tokens_of_python_are_counted_and_scored_as_by_scikit_learn(kind, options):
    pipeline = make_pipeline(kind(**OPTIONS[options]), LogisticRegression()).fit(TEXTS, LABELS)
    compiled = whole_twin(pipeline)
    new = [*TEXTS[:6], "a fine a fine story , !", "film with an unknown word"]
    features = compile_pipeline(pipeline[:-1])
    expected = pipeline[:-1].transform(new)
    assert (abs(features.transform(new) - expected) > 1e-12).nnz == 0
    expected = pipeline.decision_function(new)
    np.testing.assert_allclose(compiled.decision_function(new), expected, rtol=1e-12, atol=1e-14)
    for text in new:
        expected = pipeline.predict_proba([text])[0]
        np.testing.assert_allclose(compiled.predict_proba_one(text), expected, rtol=1e-12)


def test_a_users_function_sees_no_text_that_is_not_the_users():
    seen = []

    def split(text):
        seen.append(text)
        return text.split()

    vectorizer = TfidfVectorizer(tokenizer=split, token_pattern=None)
    pipeline = make_pipeline(vectorizer, LogisticRegression()).fit(TEXTS, LABELS)
    seen.clear()
    compiled = compile_pipeline(pipeline)
    assert seen == []
    compiled.predict(["A b"])
    compiled.predict_one("C d")
    assert seen == ["a b", "c d"]


def test_an_error_of_a_users_function_is_the_users():
    def fails(text):
        if "fail" in text:
            raise ZeroDivisionError(text)
        return text.split()

    vectorizer = TfidfVectorizer(tokenizer=fails, token_pattern=None)
    compiled = compile_pipeline(make_pipeline(vectorizer, LogisticRegression()).fit(TEXTS, LABELS))
    with pytest.raises(ZeroDivisionError):
        compiled.predict(["to fail"])
    with pytest.raises(ZeroDivisionError):
        compiled.predict_one("to fail")


def test_tokens_that_are_no_str_go_to_the_original():
    def numbers(text):
        return [len(word) for word in text.split()]

    pipeline = make_pipeline(CountVectorizer(analyzer=numbers), LogisticRegression())
    compiled = compile_pipeline(pipeline.fit(TEXTS, LABELS))
    assert "no str" in compiled.explain()[0].reason
    np.testing.assert_array_equal(compiled.predict(TEXTS), pipeline.predict(TEXTS))


def as_they_are(words):
    return words


IN_PAIRS = {
    "tokenizer": as_they_are,
    "preprocessor": as_they_are,
    "token_pattern": None,
    "ngram_range": (1, 2),
}


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        (TfidfVectorizer, {"analyzer": as_they_are}),
        (CountVectorizer, IN_PAIRS),
        (HashingVectorizer, IN_PAIRS),
    ],
)
@pytest.mark.parametrize("container", [list, pd.Series])
def test_texts_that_are_split_already_are_counted_and_scored(kind, options, container):
    texts = [re.sub("[\0\1]", "", text) for text in TEXTS]
    X = container([tuple(text.lower().split()) for text in texts])
    pipeline = make_pipeline(kind(**options), LogisticRegression())
    compiled = compile_pipeline(pipeline.fit(X, LABELS))
    compiled._parts.scorer.scores(X)  # does not leave them to the original
    expected = pipeline.predict_proba(X)
    np.testing.assert_allclose(compiled.predict_proba(X), expected, rtol=1e-12)
    features = pipeline[0].transform(X)
    assert abs(compile_pipeline(pipeline[0]).transform(X) - features).max() < 1e-15
    for words, row in zip(X, expected, strict=True):
        np.testing.assert_allclose(
            compiled._parts.scorer.score_one(words), row_scores(pipeline, words)
        )
        np.testing.assert_allclose(compiled.predict_proba_one(words), row, rtol=1e-12)


def row_scores(pipeline, words):
    """The decision value of one row, without the intercept that is added to scores."""
    return pipeline.decision_function([words]) - pipeline[-1].intercept_


def test_lists_are_refused_as_scikit_learn_refuses_them_where_texts_are_lowered():
    pipeline = make_pipeline(
        TfidfVectorizer(tokenizer=list, token_pattern=None), LogisticRegression()
    )
    compiled = compile_pipeline(pipeline.fit(TEXTS, LABELS))
    for model in (pipeline, compiled):
        with pytest.raises(AttributeError, match="lower"):
            model.predict([["a", "fine"]])


def test_a_forest_reads_more_terms_than_fit_into_a_dense_array():
    rng = np.random.default_rng(0)
    texts = [" ".join(f"w{k}" for k in rng.integers(0, 9000, 40)) for _ in range(400)]
    labels = (rng.random(400) < 0.5).astype(int)
    vectorizer = CountVectorizer(tokenizer=str.split, token_pattern=None)
    pipeline = make_pipeline(vectorizer, RandomForestClassifier(5, random_state=0))
    pipeline.fit(texts, labels)
    assert len(vectorizer.vocabulary_) > 4096
    compiled = compile_pipeline(pipeline)
    np.testing.assert_array_equal(compiled.predict_proba(texts), pipeline.predict_proba(texts))
    for text in texts[:5]:
        np.testing.assert_array_equal(
            compiled.predict_proba_one(text), pipeline.predict_proba([text])[0]
        )


PAIRS_AT_COMMAS = {"token_pattern": None, "ngram_range": (1, 2)}
NOT_JOINED = {
    "counts": lambda split: CountVectorizer(tokenizer=split, **PAIRS_AT_COMMAS),
    "binary counts": lambda split: CountVectorizer(
        tokenizer=split, binary=True, dtype=np.float64, **PAIRS_AT_COMMAS
    ),
    "tf-idf": lambda split: TfidfVectorizer(
        tokenizer=split, sublinear_tf=True, stop_words=["poor", "very fine"], **PAIRS_AT_COMMAS
    ),
    "float32": lambda split: TfidfVectorizer(tokenizer=split, dtype=np.float32, **PAIRS_AT_COMMAS),
    "fused": lambda split: make_pipeline(
        CountVectorizer(tokenizer=split, ngram_range=(2, 3), token_pattern=None),
        TfidfTransformer(),
    ),
    "hashed": lambda split: HashingVectorizer(tokenizer=split, **PAIRS_AT_COMMAS),
    "analyzer": lambda split: CountVectorizer(analyzer=split),
}
JOINED = ["a,fine,film", "poor,very,poor,poor", "no,such,words"]
ONLY_LEFT = ["a fine,film,a fine,film", "very,very fine,film", "poor,,\x01", "fine film,a\0b,a", ""]


@pytest.mark.filterwarnings("ignore:This Pipeline instance is not fitted yet:FutureWarning")
@pytest.mark.filterwarnings("ignore:Your stop_words may be inconsistent:UserWarning")
@pytest.mark.parametrize(
    "new",
    [JOINED, JOINED + ONLY_LEFT, ONLY_LEFT + JOINED, ONLY_LEFT],
    ids=["all joined", "some left", "some left first", "all left"],
)
@pytest.mark.parametrize("kind", NOT_JOINED)
def test_a_text_whose_tokens_cannot_be_joined_is_split_once(kind, new):
    learned = [*JOINED, *ONLY_LEFT, "a fine film,b", "very fine"] * 3
    asked = []

    def split(text):
        asked.append(text)
        return text.split(",")

    pipeline = make_pipeline(NOT_JOINED[kind](split), LogisticRegression())
    pipeline.fit(learned, np.arange(len(learned)) % 2)
    compiled, features = compile_pipeline(pipeline), compile_pipeline(pipeline[:-1])
    expected, scores = pipeline[:-1].transform(new), pipeline.decision_function(new)
    close = 1e-6 if expected.dtype == np.float32 else 1e-12
    asked.clear()
    found = features.transform(new)
    assert sorted(asked) == sorted(new)
    assert found.dtype == expected.dtype
    np.testing.assert_allclose(found.toarray(), expected.toarray(), rtol=close)
    asked.clear()
    np.testing.assert_allclose(compiled.decision_function(new), scores, rtol=close, atol=close)
    assert sorted(asked) == sorted(new)
    for text in new:
        asked.clear()
        found = compiled.predict_proba_one(text)
        assert asked == [text]
        np.testing.assert_allclose(found, pipeline.predict_proba([text])[0], rtol=close)
