"""Compiled vectorizers give scikit-learn's matrices, bit for bit."""

import pickle

import naive
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from strategies import documents
from text_cases import DOCUMENTS, assert_same_matrix, ngram_ranges, options

from skwillump.compilers import OriginalStep, compile_step
from skwillump.compilers._unsupported import Unsupported
from skwillump.compilers.text import _rows
from skwillump.compilers.text._options import read_token_pattern


def compiled(vectorizer):
    step = compile_step(vectorizer)
    assert not isinstance(step, OriginalStep), step.reason
    return step


def assert_compiles_exactly(vectorizer, documents):
    step = compiled(vectorizer)
    expected = vectorizer.transform(documents)
    assert_same_matrix(step.transform(documents), expected)
    if step.exact_scores:
        coef = np.random.default_rng(0).normal(size=(expected.shape[1], 2))
        scores = step.bind(coef).scores(documents)
        np.testing.assert_allclose(scores, expected @ coef, rtol=1e-12, atol=1e-12)


tfidf_options = st.fixed_dictionaries(
    {
        "norm": st.sampled_from(["l2", "l1", None]),
        "use_idf": st.booleans(),
        "smooth_idf": st.just(True),
        "sublinear_tf": st.booleans(),
        "dtype": st.sampled_from([np.float64, np.float64, np.float32]),
        "max_features": st.sampled_from([None, 3]),
    }
)
word_options = st.fixed_dictionaries(
    {
        "stop_words": st.sampled_from([None, "english", ["aa", "ab", "b"]]),
        "token_pattern": st.sampled_from(
            [r"(?u)\b\w\w+\b", r"\w+", r"(?u)\b\w+\b", r"\S+", r"\w{3,}", "[a-c]+", r"[^\W\d_]{2,}"]
        ),
    }
)


def fitted(vectorizer, documents):
    """Fit; None where nothing can be learned from these documents."""
    try:
        return vectorizer.fit(documents)
    except ValueError as error:
        if "empty vocabulary" not in str(error):
            raise
        return None


@pytest.mark.filterwarnings("ignore:Your stop_words may be inconsistent")
@settings(max_examples=150)
@given(
    documents,
    documents,
    st.sampled_from(["word", "char", "char_wb"]),
    options,
    tfidf_options,
    word_options,
)
def test_tfidf_equals_scikit_learns(train, test, analyzer, common, tfidf, words):
    if analyzer != "word":
        words = {}
    vectorizer = TfidfVectorizer(analyzer=analyzer, **common, **tfidf, **words)
    if fitted(vectorizer, train) is not None:
        assert_compiles_exactly(vectorizer, train + test)


@settings(max_examples=60)
@given(
    documents,
    documents,
    st.sampled_from(["word", "char", "char_wb"]),
    options,
    st.sampled_from([np.int64, np.int32, np.uint32, np.float64, np.float32]),
)
def test_counts_equal_scikit_learns(train, test, analyzer, common, dtype):
    vectorizer = CountVectorizer(analyzer=analyzer, dtype=dtype, **common)
    if fitted(vectorizer, train) is not None:
        assert_compiles_exactly(vectorizer, train + test)


@pytest.mark.parametrize("analyzer", ["word", "char", "char_wb"])
@pytest.mark.parametrize("ngram_range", [(1, 1), (1, 2), (2, 3), (2, 6), (4, 4)])
def test_hard_documents(analyzer, ngram_range):
    vectorizer = TfidfVectorizer(analyzer=analyzer, ngram_range=ngram_range).fit(DOCUMENTS)
    assert_compiles_exactly(vectorizer, DOCUMENTS)
    assert_compiles_exactly(vectorizer, DOCUMENTS[::-1] * 300)


@pytest.mark.parametrize("analyzer", ["word", "char", "char_wb"])
@pytest.mark.parametrize("ngram_range", [(1, 1), (2, 2), (1, 3), (2, 6)])
@pytest.mark.parametrize("n_repeats", [700, 1500, 5000, 20_000])
def test_texts_of_many_tokens(analyzer, ngram_range, n_repeats):
    # Far more tokens than terms, and than working arrays hold for a segment.
    vectorizer = CountVectorizer(analyzer=analyzer, ngram_range=ngram_range)
    vectorizer.fit(["a good day it is", "bad nights of x"])
    texts = [
        "good bad day " * n_repeats,
        "q " * n_repeats,
        "is" * n_repeats,
        "",
        "a x " * n_repeats,
    ]
    assert_compiles_exactly(vectorizer, texts)
    step = compiled(vectorizer)
    coef = np.arange(1.0, step.n_features + 1)[:, None] * [[1.0, -2.0]]
    expected = vectorizer.transform(texts) @ coef
    np.testing.assert_allclose(step.bind(coef).scores(texts), expected, rtol=1e-12)
    np.testing.assert_allclose(step.bind(coef[:, :1]).scores(texts), expected[:, :1], rtol=1e-12)
    np.testing.assert_allclose(step.bind(coef).score_one(texts[0]), expected[0], rtol=1e-12)


@pytest.mark.parametrize("n_words", range(1, 24))
@pytest.mark.parametrize("empty", ["", " ", "w0 ", " w0", "w0  w1"])
def test_terms_with_an_empty_token_are_found_in_no_text(n_words, empty):
    words = [f"w{i}" for i in range(n_words)]
    vectorizer = CountVectorizer(vocabulary=[empty, *words], ngram_range=(1, 3))
    assert_compiles_exactly(vectorizer.fit(["x"]), [*words, " ".join(words), "w0  w1", ""])


def test_an_empty_stop_word_stops_nothing():
    vectorizer = CountVectorizer(vocabulary=["", "aa", "bb"], stop_words=["", "cc"])
    assert_compiles_exactly(vectorizer.fit(["x"]), ["aa bb cc", "cc", ""])


@pytest.mark.parametrize("analyzer", ["word", "char", "char_wb"])
def test_terms_that_are_all_shorter_than_n_grams(analyzer):
    vectorizer = CountVectorizer(analyzer=analyzer, ngram_range=(5, 5), vocabulary=[" a ", "b", ""])
    texts = ["a b c " * 100, "", "b"] * 3
    assert_compiles_exactly(vectorizer.fit(texts), texts)


def test_room_for_a_matrix_is_not_guessed_without_limit(monkeypatch):
    made = []

    def empty(shape, *args, **kwargs):
        made.append(np.prod(shape))
        return np.zeros(shape, *args, **kwargs)

    vectorizer = CountVectorizer(analyzer="char", ngram_range=(1, 10), vocabulary=["ab", "b"])
    texts = ["ab " * 5_000, "b"] * 8
    expected = vectorizer.fit(texts).transform(texts)
    monkeypatch.setattr(_rows, "MOST_GUESSED", 4)
    monkeypatch.setattr(_rows.np, "empty", empty)
    assert_same_matrix(compiled(vectorizer).transform(texts), expected)
    assert max(made) <= 4096


@pytest.mark.parametrize("dtype", ["str", "string[pyarrow]"])
@pytest.mark.parametrize("raw", [b"sch\xf6n", b"\xf4\xff\xff\xff", b"ab\xc3", b"\xed\xa0\x80"])
def test_bytes_in_arrow_columns_that_are_no_utf8_raise_what_scikit_learn_raises(dtype, raw):
    pa = pytest.importorskip("pyarrow")
    pd = pytest.importorskip("pandas")
    array = pa.array([b"ab", raw]).view(pa.string())
    if dtype == "str":
        array = array.cast(pa.large_binary()).view(pa.large_string())
    column = pd.Series(pd.array(pa.chunked_array([array]), dtype=pd.ArrowDtype(array.type)))
    vectorizer = CountVectorizer(analyzer="char").fit(["ab"])
    with pytest.raises(UnicodeDecodeError):
        vectorizer.transform(column)
    with pytest.raises(UnicodeDecodeError):
        compiled(vectorizer).transform(column)
    good = column[:1]
    assert_same_matrix(compiled(vectorizer).transform(good), vectorizer.transform(good))


@pytest.mark.parametrize(
    "vocabulary", [{"aa": 0, "bb": 0, "cc": 1}, {"aa": 0, "bb": 7}, {"aa": -1, "bb": 0}]
)
def test_a_vocabulary_that_was_changed_by_hand_runs_as_it_is(vocabulary):
    vectorizer = CountVectorizer().fit(["aa bb"])
    vectorizer.vocabulary_ = vocabulary
    step = compile_step(vectorizer)
    assert isinstance(step, OriginalStep)
    assert "vocabulary_" in step.reason


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.int16, np.uint16])
def test_counts_of_few_bits_run_as_they_are(dtype):
    step = compile_step(CountVectorizer(dtype=dtype).fit(["aa"]))
    assert isinstance(step, OriginalStep)
    assert "limit" in step.reason


def test_an_array_that_changes_its_elements_is_read_by_the_original():
    vectorizer = CountVectorizer(analyzer="char", ngram_range=(1, 2)).fit([" ab  "])
    texts = np.char.array([" ab  ", "b "])
    assert_same_matrix(compiled(vectorizer).transform(texts), vectorizer.transform(texts))


@settings(max_examples=60)
@given(documents, ngram_ranges, st.sampled_from(["word", "char", "char_wb"]))
def test_counts_equal_the_naive_references(documents, ngram_range, analyzer):
    ngrams = {
        "word": naive.word_ngrams,
        "char": naive.char_ngrams,
        "char_wb": naive.char_wb_ngrams,
    }[analyzer]
    terms = sorted({term for text in documents for term in ngrams(text, *ngram_range)})
    terms = terms[::2]
    if not terms:
        return
    vocabulary = {term: i for i, term in enumerate(terms)}
    vectorizer = CountVectorizer(
        analyzer=analyzer, ngram_range=ngram_range, vocabulary=vocabulary, lowercase=False
    )
    step = compiled(vectorizer.fit(documents))
    matrix = step.transform(documents)
    for row, text in enumerate(documents):
        part = slice(matrix.indptr[row], matrix.indptr[row + 1])
        found = dict(zip(matrix.indices[part].tolist(), matrix.data[part].tolist(), strict=True))
        assert found == naive.counts(ngrams(text, *ngram_range), vocabulary)


@pytest.mark.parametrize("analyzer", ["word", "char", "char_wb"])
def test_terms_that_no_text_can_match(analyzer):
    # Of a fixed vocabulary: wrong lengths, upper case, blanks where tokens have none.
    terms = ["ab", "abc d", "ABC", " a ", "a", "", "x  y", "new york", "longer than the range", " "]
    vectorizer = CountVectorizer(
        analyzer=analyzer, ngram_range=(2, 3), vocabulary=terms, lowercase=False
    )
    texts = ["ab abc d ABC", "a", " a ", "x  y new york", "longer than the range"]
    assert_compiles_exactly(vectorizer.fit(texts), texts)


def test_a_vocabulary_in_any_order():
    vocabulary = {"zeta": 0, "alpha": 2, "mid": 1}
    vectorizer = TfidfVectorizer(vocabulary=vocabulary).fit(["zeta alpha", "mid alpha"])
    assert_compiles_exactly(vectorizer, ["alpha zeta mid zeta", "mid"])


def test_a_custom_preprocessor_runs_first():
    vectorizer = TfidfVectorizer(preprocessor=lambda text: text[::-1]).fit(DOCUMENTS)
    assert_compiles_exactly(vectorizer, DOCUMENTS)


def test_stripping_accents_with_a_callable():
    vectorizer = TfidfVectorizer(strip_accents=lambda text: text.replace("ü", "U")).fit(DOCUMENTS)
    assert_compiles_exactly(vectorizer, DOCUMENTS)


def test_accents_that_decompose_to_upper_case_stay_so():
    # str.lower leaves the telephone sign alone; decomposed, it is "TEL".
    vectorizer = TfidfVectorizer(strip_accents="unicode", analyzer="char", ngram_range=(1, 3))
    assert_compiles_exactly(vectorizer.fit(["℡ tel", "TEL ﬁ"]), ["℡", "tel", "TEL", "ﬁ"])


def test_what_is_not_supported_runs_as_it_is_and_says_why():
    vectorizer = CountVectorizer(dtype=np.int8).fit(DOCUMENTS)
    step = compile_step(vectorizer)
    assert isinstance(step, OriginalStep)
    assert "dtype=int8" in step.reason
    assert_same_matrix(step.transform(DOCUMENTS), vectorizer.transform(DOCUMENTS))


def test_a_subclass_or_a_replaced_method_is_not_taken_for_the_real_thing():
    class Reversed(CountVectorizer):
        def transform(self, raw_documents):
            return super().transform(raw_documents)[::-1]

    assert isinstance(compile_step(Reversed().fit(DOCUMENTS)), OriginalStep)
    vectorizer = CountVectorizer().fit(DOCUMENTS)
    vectorizer.build_tokenizer = lambda: str.split
    assert "build_tokenizer" in compile_step(vectorizer).reason


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        (r"(?u)\b\w\w+\b", (r"\w", 2)),
        (r"\w+", (r"\w", 1)),
        (r"\b\w{3,}\b", (r"\w", 3)),
        (r"\w\w{2,}", (r"\w", 3)),
        (r"\S+", (r"\S", 1)),
        (r"[A-Za-z]{2,}", (r"[A-Za-z]", 2)),
    ],
)
def test_token_patterns_are_read(pattern, expected):
    assert read_token_pattern(pattern) == expected


@pytest.mark.parametrize(
    "pattern",
    [r"\w+?", r"\w*", r"(\w+)", r"\w{2,5}", r"\w+|\S", r"(?i)[a-z]+", r"\b\S+\b", r"[^]a]+", r"\w"],
)
def test_other_token_patterns_are_refused(pattern):
    with pytest.raises(Unsupported, match="token_pattern"):
        read_token_pattern(pattern)


@pytest.mark.parametrize("bad", [None, np.nan, 3, 2.5, b"caf\xe9", ["a"]])
def test_elements_that_are_no_str_raise_what_scikit_learn_raises(bad):
    vectorizer = TfidfVectorizer().fit(DOCUMENTS)
    with pytest.raises(Exception) as expected:  # noqa: PT011 (whatever the original raises)
        vectorizer.transform(["fine", bad])
    step = compiled(vectorizer)
    with pytest.raises(expected.type) as actual:
        step.transform(["fine", bad])
    assert str(actual.value) == str(expected.value)


@pytest.mark.parametrize("bad", ["a single string", [], 7])
def test_inputs_that_are_no_texts_raise_what_scikit_learn_raises(bad):
    vectorizer = TfidfVectorizer().fit(DOCUMENTS)
    with pytest.raises(Exception) as expected:  # noqa: PT011 (whatever the original raises)
        vectorizer.transform(bad)
    with pytest.raises(expected.type):
        compiled(vectorizer).transform(bad)


def test_bytes_are_decoded_by_the_original():
    vectorizer = TfidfVectorizer().fit(DOCUMENTS)
    texts = [b"the quick fox", "brown"]
    assert_same_matrix(compiled(vectorizer).transform(texts), vectorizer.transform(texts))


@pytest.mark.parametrize("analyzer", ["word", "char"])
def test_chosen_rows_threads_and_single_rows_give_the_same_scores(analyzer):
    documents = DOCUMENTS * 400
    step = compiled(TfidfVectorizer(analyzer=analyzer, ngram_range=(1, 3)).fit(DOCUMENTS))
    coef = np.random.default_rng(1).normal(size=(step.n_features, 3))
    scorer = step.bind(coef)
    scores = scorer.scores(documents)
    rows = np.random.default_rng(2).permutation(len(documents))[:2500]
    assert np.array_equal(scorer.scores(documents, rows), scores[rows])
    assert np.array_equal(scorer.scores(documents, n_threads=3), scores)
    for row, text in enumerate(DOCUMENTS):
        assert np.array_equal(scorer.score_one(text), scores[row])
    # Coefficients side by side give what each gives alone.
    for j in range(3):
        alone = step.bind(coef[:, [j]]).scores(documents)[:, 0]
        np.testing.assert_allclose(alone, scores[:, j], rtol=1e-13, atol=1e-13)


def test_pickling_gives_the_same_step():
    vectorizer = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4)).fit(DOCUMENTS)
    step = compiled(vectorizer)
    raw = pickle.dumps(step)
    assert_same_matrix(pickle.loads(raw).transform(DOCUMENTS), vectorizer.transform(DOCUMENTS))
    # The tables over all code points, of 6.7 MB, are not part of it.
    assert len(raw) < 1_000_000


def test_bind_refuses_coefficients_of_another_model():
    step = compiled(TfidfVectorizer().fit(DOCUMENTS))
    with pytest.raises(Unsupported, match=f"of 1 features, .* gives {step.n_features}"):
        step.bind(np.ones((1, 1)))


def test_inputs_are_not_changed():
    texts = np.array(DOCUMENTS, dtype=object)
    before = texts.copy()
    compiled(TfidfVectorizer().fit(DOCUMENTS)).transform(texts)
    assert np.array_equal(texts, before)
