"""Vectorizers that learn by kernels are those that scikit-learn fits, bit for bit."""

import os
import pickle
import re
import subprocess
import sys
import threading
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
from common import SKLEARN
from hypothesis import example, given, settings, strategies as st
from sklearn import config_context
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction import text as sklearn_text
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import FeatureUnion, make_pipeline
from strategies import texts
from text_cases import DOCUMENTS, ngram_ranges

from skwillump.compilers.text import _counting, _fitting
from skwillump.compilers.text._fitting import fast_vectorizers

WORDS = ["some text", "more text, and some text more", "no other word", "text"] * 3


def by_kernels():
    return fast_vectorizers(least_work=0)


@pytest.fixture
def fits(monkeypatch):
    """How many fits kernels did and how many they left to scikit-learn."""
    counts = {True: 0, False: 0}
    count_terms = _fitting.count_terms

    def counted(*args):
        result = count_terms(*args)
        counts[result is not None] += 1
        return result

    monkeypatch.setattr(_fitting, "count_terms", counted)
    return counts


def outcome(vectorizer, documents):
    """All that a fit gives or says."""
    vectorizer = clone(vectorizer)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            X = vectorizer.fit_transform(documents)
        except Exception as error:
            return vectorizer, None, (type(error), str(error)), [str(w.message) for w in caught]
    return vectorizer, X, None, [str(w.message) for w in caught]


def assert_same_fit(vectorizer, documents):
    expected, X, error, said = outcome(vectorizer, documents)
    with by_kernels():
        actual, Z, error_of_kernels, said_by_kernels = outcome(vectorizer, documents)
    assert error_of_kernels == error
    assert said_by_kernels == said
    assert vars(actual).keys() == vars(expected).keys()
    if error is not None:
        return
    assert type(actual) is type(expected)
    assert type(actual.vocabulary_) is dict
    assert list(actual.vocabulary_.items()) == list(expected.vocabulary_.items())
    for vocabulary in (actual.vocabulary_, expected.vocabulary_):
        assert {type(term) for term in vocabulary} == {str}
    assert [type(i) for i in actual.vocabulary_.values()] == [
        type(i) for i in expected.vocabulary_.values()
    ]
    if hasattr(expected, "_tfidf"):
        assert vars(actual._tfidf).keys() == vars(expected._tfidf).keys()
        if expected.use_idf:
            assert actual.idf_.dtype == expected.idf_.dtype
            assert np.array_equal(actual.idf_, expected.idf_)
    assert type(Z) is type(X)
    assert vars(Z).keys() == vars(X).keys()
    for name in ("data", "indices", "indptr"):
        assert getattr(Z, name).dtype == getattr(X, name).dtype
        assert getattr(Z, name).flags.writeable
        # The order of entries, too: a solver's last bits depend on it.
        assert np.array_equal(getattr(Z, name), getattr(X, name))
    assert Z.shape == X.shape
    for fitted in (actual, expected):
        vars(fitted).pop("_stop_words_id", None)  # an address
    assert pickle.dumps(actual) == pickle.dumps(expected)


frequencies = st.one_of(st.integers(1, 4), st.floats(0, 1))
options = st.fixed_dictionaries(
    {
        "ngram_range": ngram_ranges,
        "lowercase": st.booleans(),
        "strip_accents": st.sampled_from([None, None, "unicode", "ascii"]),
        "binary": st.booleans(),
        "min_df": st.one_of(st.just(1), frequencies),
        "max_df": st.one_of(st.just(1.0), frequencies),
        "max_features": st.one_of(st.none(), st.none(), st.integers(1, 12)),
        "dtype": st.sampled_from([np.int64, np.int32, np.float64, np.float32, np.int8, bool]),
    }
)
word_options = st.fixed_dictionaries(
    {
        "token_pattern": st.sampled_from(
            [r"(?u)\b\w\w+\b", r"\w+", r"\S+", r"[a-z]{2,}", r"\b\w{3,}\b", r"(?u)\b(\w\w)+\b"]
        ),
        "stop_words": st.sampled_from([None, "english", ["ab", "aa", "b"], ["aab c", "AB", ""]]),
    }
)
tfidf_options = st.fixed_dictionaries(
    {
        "norm": st.sampled_from(["l1", "l2", None]),
        "use_idf": st.booleans(),
        "smooth_idf": st.booleans(),
        "sublinear_tf": st.booleans(),
    }
)
corpora = st.lists(texts, min_size=0, max_size=12)


@settings(max_examples=80)
@given(corpora, options, word_options)
@example(DOCUMENTS, {}, {})
@example(DOCUMENTS, {"ngram_range": (1, 3)}, {"token_pattern": r"\S+"})
def test_words_are_counted_as_scikit_learn_counts_them(documents, options, word_options):
    assert_same_fit(CountVectorizer(**options, **word_options), documents)


@settings(max_examples=80)
@given(corpora, options, st.sampled_from(["char", "char_wb"]))
@example(DOCUMENTS, {"ngram_range": (2, 6)}, "char")
@example(DOCUMENTS, {"ngram_range": (5, 7)}, "char_wb")
def test_characters_are_counted_as_scikit_learn_counts_them(documents, options, analyzer):
    assert_same_fit(CountVectorizer(analyzer=analyzer, **options), documents)


@settings(max_examples=80)
@given(corpora, options, tfidf_options, st.sampled_from(["word", "char", "char_wb"]))
@example(DOCUMENTS, {}, {"sublinear_tf": True}, "word")
def test_tfidf_is_scikit_learns(documents, options, tfidf_options, analyzer):
    assert_same_fit(TfidfVectorizer(analyzer=analyzer, **options, **tfidf_options), documents)


@pytest.mark.skipif(SKLEARN < (1, 9), reason="has no sparse_interface")
@settings(max_examples=40)
@given(corpora, ngram_ranges, st.sampled_from(["word", "char", "char_wb"]))
def test_sparse_arrays_are_given_where_they_are_asked_for(documents, ngram_range, analyzer):
    with config_context(sparse_interface="sparray"):
        assert_same_fit(TfidfVectorizer(analyzer=analyzer, ngram_range=ngram_range), documents)


@pytest.mark.parametrize("analyzer", ["word", "char", "char_wb"])
@pytest.mark.parametrize("max_features", [None, 200])
def test_tables_that_have_to_grow_hold_the_same_terms(fits, analyzer, max_features):
    rng = np.random.default_rng(0)
    letters = np.array(list("abcdefghijklmnop éжß漢😀 "))
    documents = ["".join(rng.choice(letters, size=n)) for n in rng.integers(0, 400, size=3000)]
    vectorizer = TfidfVectorizer(
        analyzer=analyzer, ngram_range=(1, 3), max_features=max_features, min_df=2
    )
    assert_same_fit(vectorizer, documents)
    assert fits == {True: 1, False: 0}


@pytest.mark.parametrize(
    "make",
    [
        list,
        tuple,
        np.array,
        lambda texts: np.array(texts, dtype=object),
        pd.Series,
        lambda texts: pd.Series(texts, dtype=object),
        pl.Series,
    ],
)
def test_any_column_of_texts_is_read(fits, make):
    assert_same_fit(TfidfVectorizer(), make(WORDS))
    assert fits[True] == 1


def test_a_table_of_tokens_that_is_full_to_its_last_word_is_sorted():
    of_three_words = [letter * 20 for letter in "abc"]
    of_two_words = [f"token{i:05d}" for i in range(1019)]
    assert_same_fit(CountVectorizer(), [*of_three_words, *of_two_words, "last"])


class Shout(str):
    def lower(self):
        return self.upper()


@pytest.mark.parametrize(
    "documents",
    [
        [b"bytes", b"more bytes"],
        [*WORDS, None],
        [*WORDS, np.nan],
        [*WORDS, 3],
        [Shout("some text"), Shout("more text")],
        "a text alone",
        [],
        np.array([["two", "columns"]]),
        pd.Series([*WORDS, None]),
    ],
    ids=repr,
)
def test_other_input_is_left_to_scikit_learn(documents):
    assert_same_fit(CountVectorizer(), documents)
    assert_same_fit(TfidfVectorizer(analyzer="char"), documents)


@pytest.mark.parametrize(
    "options", [{}, {"ngram_range": (1, 3)}, {"token_pattern": r"\b\w{5,}\b"}, {"lowercase": False}]
)
def test_tokens_that_begin_alike_are_told_apart(fits, options):
    rng = np.random.default_rng(3)
    stems = [
        "abcdefgh",
        "abcdefghijklmnop",
        "Abcdefghijklmnopqrstuvwxyz" * 2,
        "éàüßабвгде",
        "ДЕd9_",
    ]
    ends = ["", "a", "b", "é", "aa", "ab", "abcdefg", "abcdefgh", "abcdefghi", "Дx"]
    tokens = [stem[:n] + end for stem in stems for end in ends for n in range(len(stem) + 1)]
    documents = [" ".join(rng.choice(tokens, size=n)) for n in rng.integers(0, 40, size=300)]
    documents += [" ".join(rng.choice(tokens, size=5000)), ", ".join(tokens)]
    assert_same_fit(CountVectorizer(**options), documents)
    assert_same_fit(TfidfVectorizer(min_df=2, **options), documents)
    assert fits[True] == 2


@pytest.mark.parametrize("preprocessor", [None, str.title])
def test_a_text_of_another_class_is_found_wherever_it_is(fits, preprocessor):
    documents = [*WORDS * 1000, Shout("Some Text")]
    stop_words = ["can't"]  # of which it warns, once
    assert_same_fit(CountVectorizer(preprocessor=preprocessor, stop_words=stop_words), documents)
    assert fits[True] == 0


def test_a_generator_is_read_once_and_by_scikit_learn(fits):
    with by_kernels():
        vectorizer = CountVectorizer().fit(text for text in WORDS)
    assert vectorizer.vocabulary_ == CountVectorizer().fit(WORDS).vocabulary_
    assert fits == {True: 0, False: 1}


@pytest.mark.parametrize(
    "options",
    [
        {"tokenizer": str.split, "token_pattern": None},
        {"analyzer": str.split},
        {"token_pattern": r"a|b"},
        {"token_pattern": None},
        {"token_pattern": "(a)(b)"},
        {"token_pattern": "("},
        {"ngram_range": (2, 1)},
        {"ngram_range": (1.0, 2.0)},
        {"ngram_range": (0, 1)},
        {"vocabulary": ["text", "some"]},
        {"vocabulary": {"text": 1, "Some": 0}},
        {"stop_words": "french"},
        {"max_features": 0},
        {"dtype": "no type"},
        {"dtype": object},
        {"dtype": np.complex128},
        {"min_df": 5, "max_df": 2},
        {"min_df": 100, "max_df": 200},
        {"max_df": 0},
        {"stop_words": ["text", "some", "more", "no", "other", "word", "and"]},
        {"stop_words": ["can't"]},
    ],
    ids=repr,
)
def test_errors_and_warnings_are_scikit_learns(options):
    assert_same_fit(CountVectorizer(**options), WORDS)
    assert_same_fit(TfidfVectorizer(**options), WORDS)


def test_a_tie_for_the_last_feature_is_broken_as_scikit_learn_breaks_it():
    rng = np.random.default_rng(1)
    documents = [" ".join(f"w{i}" for i in rng.integers(0, 300, size=20)) for _ in range(200)]
    for max_features in (1, 10, 100, 299):
        assert_same_fit(CountVectorizer(max_features=max_features), documents)
        assert_same_fit(TfidfVectorizer(max_features=max_features), documents)


@pytest.mark.parametrize("parameter", ["preprocessor", "strip_accents"])
def test_a_users_function_is_called_once_for_each_text_in_order(fits, parameter):
    calls = []

    def function(text):
        calls.append(text)
        return text.title()

    vectorizer = CountVectorizer(**{parameter: function}, lowercase=False)
    expected, calls_of_scikit_learn = outcome(vectorizer, WORDS), calls.copy()
    calls.clear()
    with by_kernels():
        actual = outcome(vectorizer, WORDS)
    assert calls == calls_of_scikit_learn == WORDS
    assert list(actual[0].vocabulary_.items()) == list(expected[0].vocabulary_.items())
    assert fits[True] == 1


def test_a_users_function_sees_stop_words_once():
    calls = []

    def preprocessor(text):
        calls.append(text)
        return text

    vectorizer = CountVectorizer(preprocessor=preprocessor, stop_words=["text"])
    outcome(vectorizer, WORDS)
    calls_of_scikit_learn = calls.copy()
    calls.clear()
    with by_kernels():
        outcome(vectorizer, WORDS)
    assert calls == calls_of_scikit_learn == ["text", *WORDS]


@pytest.mark.parametrize("result", [None, 3, b"bytes", ["a", "list"], Shout("text")])
@pytest.mark.parametrize("analyzer", ["word", "char", "char_wb"])
def test_what_a_preprocessor_returns_is_taken_or_refused_as_scikit_learn_does(result, analyzer):
    calls = []

    def preprocessor(text):
        calls.append(text)
        return result if len(calls) == 3 else text

    vectorizer = CountVectorizer(preprocessor=preprocessor, analyzer=analyzer)
    outcomes = []
    for context in (warnings.catch_warnings, by_kernels):
        calls.clear()
        with context():
            fitted, _, *said = outcome(vectorizer, WORDS)
        outcomes.append((getattr(fitted, "vocabulary_", None), said, calls.copy()))
    assert outcomes[0] == outcomes[1]


def test_an_error_of_a_users_function_is_what_the_user_sees():
    def preprocessor(text):
        raise LookupError("mine")

    with by_kernels(), pytest.raises(LookupError, match="mine"):
        CountVectorizer(preprocessor=preprocessor).fit(WORDS)


def test_a_method_of_the_users_own_is_used(fits):
    def fitted():
        vectorizer = CountVectorizer()
        vectorizer.build_tokenizer = lambda: str.split
        return vectorizer.fit(WORDS).vocabulary_

    expected = fitted()
    with by_kernels():
        assert fitted() == expected
    assert fits == {True: 0, False: 1}


def test_a_subclass_takes_its_own_steps(fits):
    class Reversed(CountVectorizer):
        def build_analyzer(self):
            analyze = super().build_analyzer()
            return lambda text: analyze(text[::-1])

    with by_kernels():
        vocabulary = Reversed().fit(WORDS).vocabulary_
    assert vocabulary == Reversed().fit(WORDS).vocabulary_
    assert fits == {True: 0, False: 0}


def test_transform_inside_is_scikit_learns():
    expected = TfidfVectorizer().fit(WORDS).transform(["some other", "new"])
    with by_kernels():
        actual = TfidfVectorizer().fit(WORDS).transform(["some other", "new"])
    assert (actual != expected).nnz == 0


def test_a_transformer_of_counts_is_fitted_as_without():
    counts = CountVectorizer().fit_transform(WORDS)
    expected = TfidfTransformer().fit(counts)
    with by_kernels():
        pipeline = make_pipeline(CountVectorizer(), TfidfTransformer()).fit(WORDS)
        alone = TfidfTransformer().fit(counts)
        weighed = alone.transform(counts)
    assert np.array_equal(pipeline[-1].idf_, expected.idf_)
    assert np.array_equal(alone.idf_, expected.idf_)
    assert (weighed != expected.transform(counts)).nnz == 0


@pytest.mark.parametrize("output", ["pandas", "polars"])
def test_output_that_cannot_be_sparse_is_refused(output):
    with config_context(transform_output=output):
        assert_same_fit(TfidfVectorizer(), WORDS)


def test_the_model_after_the_features_ends_in_the_same_bits():
    X = pd.DataFrame({"title": WORDS, "body": [text[::-1] for text in WORDS]})
    y = np.arange(len(X)) % 2
    pipeline = make_pipeline(
        ColumnTransformer(
            [
                ("title", TfidfVectorizer(), "title"),
                (
                    "body",
                    FeatureUnion(
                        [
                            ("words", CountVectorizer(ngram_range=(1, 2))),
                            ("characters", TfidfVectorizer(analyzer="char", ngram_range=(2, 4))),
                        ]
                    ),
                    "body",
                ),
            ]
        ),
        LogisticRegression(),
    )
    expected = clone(pipeline).fit(X, y)
    with by_kernels():
        actual = clone(pipeline).fit(X, y)
    assert np.array_equal(actual[-1].coef_, expected[-1].coef_)
    assert pickle.dumps(actual) == pickle.dumps(expected)


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_a_search_inside_finds_the_same(n_jobs):
    y = np.arange(len(WORDS)) % 2
    search = GridSearchCV(
        make_pipeline(TfidfVectorizer(), LogisticRegression()),
        {"tfidfvectorizer__ngram_range": [(1, 1), (1, 2)]},
        cv=2,
        n_jobs=n_jobs,
    )
    expected = clone(search).fit(WORDS, y)
    with by_kernels():
        actual = clone(search).fit(WORDS, y)
    assert np.array_equal(
        actual.cv_results_["mean_test_score"], expected.cv_results_["mean_test_score"]
    )
    assert np.array_equal(actual.best_estimator_[-1].coef_, expected.best_estimator_[-1].coef_)


def scikit_learns_functions():
    return [
        vars(CountVectorizer)["_count_vocab"],
        vars(CountVectorizer)["_limit_features"],
        vars(CountVectorizer)["_sort_features"],
        vars(TfidfTransformer)["transform"],
        sklearn_text._document_frequency,
    ]


def test_nothing_of_scikit_learn_stays_changed():
    before = scikit_learns_functions()
    with by_kernels():
        with by_kernels():
            assert scikit_learns_functions() != before
        assert scikit_learns_functions() != before
    with pytest.raises(KeyError), by_kernels():
        raise KeyError
    assert scikit_learns_functions() == before


def test_somebody_elses_change_made_meanwhile_stays(monkeypatch):
    with by_kernels():
        change = CountVectorizer._sort_features
        monkeypatch.setattr(CountVectorizer, "_sort_features", lambda *args: change(*args))
        theirs = CountVectorizer._sort_features
    assert CountVectorizer._sort_features is theirs
    monkeypatch.undo()
    # What their change was made of runs as scikit-learn's own outside.
    assert CountVectorizer().fit(WORDS).vocabulary_
    CountVectorizer._sort_features = CountVectorizer._sort_features.__wrapped__


def test_other_threads_fit_by_scikit_learn(fits):
    inside, done = threading.Event(), threading.Event()

    def fit_elsewhere():
        inside.wait()
        CountVectorizer().fit(WORDS)
        done.set()

    thread = threading.Thread(target=fit_elsewhere)
    thread.start()
    with by_kernels():
        inside.set()
        done.wait()
    thread.join()
    assert fits == {True: 0, False: 0}


def test_threads_may_fit_at_the_same_time():
    expected = list(TfidfVectorizer().fit(WORDS).vocabulary_.items())
    found = []

    def fit_often():
        for _ in range(20):
            with by_kernels():
                found.append(list(TfidfVectorizer().fit(WORDS).vocabulary_.items()))

    threads = [threading.Thread(target=fit_often) for _ in range(4)]
    before = scikit_learns_functions()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [expected] * 80
    assert scikit_learns_functions() == before


def test_few_texts_are_left_to_scikit_learn(fits, monkeypatch):
    monkeypatch.setattr(_counting, "LEAST_TO_COMPILE", 0)
    with fast_vectorizers():
        TfidfVectorizer().fit(WORDS)
        TfidfVectorizer().fit(WORDS * 30_000)
    assert fits == {True: 1, False: 1}


def test_scikit_learns_own_tests_pass_with_kernels_in_place():
    tests = Path(__file__).parents[2]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "fitted_by_kernels"]
    command += ["-p", "no:cacheprovider", "-p", "no:xdist", "-c", os.devnull, "-W", "ignore"]
    command += ["--pyargs", "sklearn.feature_extraction.tests.test_text"]
    path = os.pathsep.join([str(tests.parent), str(tests), os.environ.get("PYTHONPATH", "")])
    run = subprocess.run(
        command, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, cwd=tests
    )
    assert run.returncode == 0, run.stdout
    assert int(re.search(r"fits by kernels: (\d+)", run.stdout)[1]) > 100


def test_little_is_left_to_scikit_learn_until_it_adds_up_to_what_kernels_take_to_compile(
    fits, monkeypatch
):
    monkeypatch.setattr(_counting, "is_at_hand", lambda kernel: False)
    monkeypatch.setattr(_counting, "_POSTPONED", _counting._Postponed())
    n_bytes = sum(map(len, WORDS))
    monkeypatch.setattr(_counting, "LEAST_TO_COMPILE", int(2.5 * n_bytes))
    fitted = []
    for _ in range(4):
        with fast_vectorizers(least_work=1):
            fitted.append(TfidfVectorizer().fit(WORDS))
    assert fits == {False: 2, True: 2}
    assert len({pickle.dumps(vectorizer) for vectorizer in fitted}) == 1


def test_kernels_that_are_compiled_read_little_texts_too(fits, monkeypatch):
    monkeypatch.setattr(_counting, "is_at_hand", lambda kernel: True)
    with fast_vectorizers(least_work=1):
        TfidfVectorizer().fit(WORDS)
    assert fits == {False: 0, True: 1}
