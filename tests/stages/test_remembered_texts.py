"""What functions of the user's make of texts is asked for once in `fit`, where it can be kept."""

import pickle

import numpy as np
import pytest
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline, make_union

from skwillump import CascadeClassifier
from skwillump.compilers import fast_vectorizers, texts_forgotten, texts_remembered
from skwillump.compilers.text import _remembering
from skwillump.stages._metering import CostMeter

pytestmark = pytest.mark.filterwarnings("ignore::skwillump.NoCascadeWarning")

CALLS: list[str] = []


def words(text):
    CALLS.append(text)
    return text.split()


def generated(text):
    CALLS.append(text)
    yield from text.split()


def numbered(text):
    CALLS.append(text)
    return list(range(len(text) % 3 + 1))


def cleaned(text):
    CALLS.append(text)
    return text.replace("x", " ")


class Splitter:
    """An object that makes tokens: a clone of an estimator holds a copy of it."""

    def __call__(self, text):
        return words(text)


def texts(n_rows=600):
    rng = np.random.default_rng(0)
    rows = [" ".join(f"w{i}" for i in rng.integers(0, 50, 8)) + f" n{at}" for at in range(n_rows)]
    return rows, np.array([int("w1 " in row) for row in rows])


def cascade(vectorizer, **params):
    pipeline = make_pipeline(make_union(vectorizer, CountVectorizer()), LogisticRegression())
    return CascadeClassifier(pipeline, accuracy_target=0.9, random_state=0, **params)


@pytest.fixture
def untimed(monkeypatch):
    """Leave calls by which costs are measured out of the count."""

    def quiet(measure):
        def run(*args, **kwargs):
            n_calls = len(CALLS)
            try:
                return measure(*args, **kwargs)
            finally:
                timed.append(len(CALLS) - n_calls)
                del CALLS[n_calls:]

        return run

    timed: list[int] = []
    monkeypatch.setattr(CostMeter, "__init__", quiet(CostMeter.__init__))
    monkeypatch.setattr(CostMeter, "planned", quiet(CostMeter.planned))
    monkeypatch.setattr(CostMeter, "stages", quiet(CostMeter.stages))
    monkeypatch.setattr(CascadeClassifier, "_check_speed", quiet(CascadeClassifier._check_speed))
    CALLS.clear()
    return timed


@pytest.mark.parametrize(
    "vectorizer",
    [
        TfidfVectorizer(tokenizer=words, token_pattern=None),
        TfidfVectorizer(tokenizer=Splitter(), token_pattern=None),
        TfidfVectorizer(preprocessor=cleaned),
        CountVectorizer(analyzer=words),
        HashingVectorizer(tokenizer=words, token_pattern=None, n_features=64),
    ],
)
def test_folds_ask_for_no_tokens_again(untimed, vectorizer):
    X, y = texts()
    cascade(vectorizer).fit(X, y)
    # Those of one row, by which blocks are read, are among the texts of the fit.
    assert len(CALLS) < 1.1 * len(X)
    assert set(X) <= set(CALLS)
    assert min(untimed[:2]) > 0  # what it takes is measured as it is


def test_the_full_model_asks_for_the_tokens_of_each_text_as_a_plain_fit_does(untimed):
    X = texts(300)[0] * 2  # no text is spared
    with texts_remembered(), fast_vectorizers(least_work=0):
        TfidfVectorizer(tokenizer=words, token_pattern=None).fit(X)
    assert CALLS == X


@pytest.mark.parametrize("tokenizer", [generated, numbered])
def test_what_is_no_list_of_texts_is_made_again(untimed, tokenizer):
    with texts_remembered() as read, fast_vectorizers():
        for _ in range(2):
            matrix = CountVectorizer(tokenizer=tokenizer, token_pattern=None).fit_transform(["a b"])
            assert matrix.shape[0] == 1
            read()
    assert CALLS == ["a b", "a b"]


def test_tokens_that_are_remembered_are_those_that_were_made(untimed):
    rows = ["a b", "", "a\0b c", "a  b", "ä"]

    def split(text):
        CALLS.append(text)
        return text.split(" ")

    def matrix():
        vectorizer = CountVectorizer(tokenizer=split, token_pattern=None, ngram_range=(1, 2))
        return vectorizer.fit_transform(rows).toarray().tolist(), vectorizer.vocabulary_

    plain = matrix()
    with texts_remembered() as read, fast_vectorizers(least_work=0):
        assert matrix() == plain
        read()
        CALLS.clear()
        assert matrix() == plain
        assert CALLS == ["a\0b c"]  # it could not be told apart from two tokens
        with texts_forgotten():
            assert matrix() == plain
        assert len(CALLS) == 1 + len(rows)


def test_what_is_remembered_has_a_bound(untimed, monkeypatch):
    monkeypatch.setattr(_remembering, "MOST_REMEMBERED", 1000)
    rows = [f"text {i}" for i in range(100)]
    with texts_remembered() as read, fast_vectorizers():
        for _ in range(2):
            CountVectorizer(tokenizer=words, token_pattern=None).fit(rows)
            read()
    assert [*rows, *rows[4:]] == CALLS


def test_nothing_is_remembered_in_what_is_fitted():
    X, y = texts()
    fitted = cascade(TfidfVectorizer(tokenizer=words, token_pattern=None)).fit(X, y)
    assert b"Remembering" not in pickle.dumps(fitted)
    assert fitted.estimator_[0].transformer_list[0][1].tokenizer is words
