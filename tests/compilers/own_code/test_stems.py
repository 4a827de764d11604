"""Functions of the user's own whose stemmers remember words: what they give, and when not."""

import pickle
import re
from functools import partial

import nltk
import numpy as np
import pandas as pd
import pytest
from nltk.stem import LancasterStemmer, PorterStemmer, SnowballStemmer
from nltk.tokenize import wordpunct_tokenize
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skwillump import CascadeClassifier, compile_pipeline
from skwillump.compilers.own_code._stems import RememberingStems, remembering_stems

PORTER = PorterStemmer()
SNOWBALL = SnowballStemmer("english")
LANCASTER = LancasterStemmer()
STEM = PORTER.stem
DROPPED = {"the", "of"}
COUNT = 0

TEXTS = [
    "The running of the runners, ran generously!",
    "",
    "Caresses and ponies: ties, cats' matting",
    "naïve ÄPFEL ıİ 日本語 " + "x" * 80,
    "running running RUNNING runs",
    "the generous cats ran",
] * 4
LABELS = np.arange(len(TEXTS)) % 2


def by_global(text):
    return [PORTER.stem(word) for word in text.lower().split() if word not in DROPPED]


def by_two_stemmers(text):
    tokens = []
    for word in wordpunct_tokenize(text):
        if word.isalpha():
            tokens.append(PORTER.stem(SNOWBALL.stem(word)))
    return tokens


def by_bound_method(text):
    return list(map(STEM, text.split()))


def stems_of(words):
    return [LANCASTER.stem(word) for word in words]


def by_helper(text):
    return stems_of(re.findall(r"\w+", text))


def by_class(text):
    stemmer = PorterStemmer()
    assert isinstance(stemmer, PorterStemmer)
    return [stemmer.stem(word).strip() for word in text.split()]


def by_library(text):
    stemmer = nltk.PorterStemmer()
    return [stemmer.stem(word) for word in text.split()]


def by_module_of_library(text):
    return [nltk.stem.SnowballStemmer("english").stem(word) for word in text.split()]


def by_option(text):
    return [
        nltk.stem.porter.PorterStemmer().stem(word, to_lowercase=False) for word in text.split()
    ]


def by_default(text, stemmer=PORTER):
    return [stemmer.stem(word) for word in text.split()]


def by_keyword(text, *, stemmer=PORTER):
    return [stemmer.stem(word) for word in text.split()]


def of_given(stemmer, text):
    return [stemmer.stem(word) for word in text.split()]


def in_closure(stemmer):
    def stems(text):
        return [stemmer.stem(word) for word in text.split()]

    return stems


def one_by_one(text):
    for word in text.split():
        yield PORTER.stem(word)


class Stems:
    def __init__(self):
        self.stemmer = PorterStemmer()

    def __call__(self, text):
        return [self.stemmer.stem(word) for word in text.split()]


class Cleans:
    pattern = re.compile(r"\w+")
    stemmer = SnowballStemmer("english")

    def clean(self, text):
        return self.pattern.findall(text.lower())

    @staticmethod
    def twice(word):
        return PORTER.stem(PORTER.stem(word))

    def stems(self, text):
        return [self.twice(self.stemmer.stem(word)) for word in self.clean(text)]

    __call__ = stems


FUNCTIONS = {
    "a global name": by_global,
    "two stemmers": by_two_stemmers,
    "a bound method": by_bound_method,
    "a helper": by_helper,
    "a class": by_class,
    "the library": by_library,
    "a module of the library": by_module_of_library,
    "an option": by_option,
    "a default": by_default,
    "a keyword": by_keyword,
    "a partial function": partial(of_given, PORTER),
    "a closure": in_closure(SNOWBALL),
    "a generator": one_by_one,
    "an attribute": Stems(),
    "an attribute of a class": Cleans(),
    "a method": Cleans().stems,
    "a lambda": lambda text: [PORTER.stem(word) for word in text.split()],
}


@pytest.fixture
def asked(monkeypatch):
    """Words that stemmers of the class are asked for."""
    words = []
    original = PorterStemmer.stem

    def stem(self, word, *args, **kwargs):
        words.append(word)
        return original(self, word, *args, **kwargs)

    monkeypatch.setattr(PorterStemmer, "stem", stem)
    return words


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_that_stem_give_what_they_give(name):
    function = FUNCTIONS[name]
    remembering = remembering_stems(function)
    assert isinstance(remembering, RememberingStems)
    for _ in range(2):
        for text in TEXTS:
            expected, found = list(function(text)), list(remembering(text))
            assert found == expected
            assert list(map(type, found)) == list(map(type, expected))
    with pytest.raises((TypeError, AttributeError)) as expected:
        list(function(None))
    with pytest.raises(expected.type):
        list(remembering(None))


def test_a_stemmer_is_asked_once_for_each_word(asked):
    remembering = remembering_stems(Stems())
    for text in TEXTS:
        remembering(text)
    words = {word for text in TEXTS for word in text.split()}
    assert sorted(set(asked)) == sorted(words)
    long = [word for word in asked if len(word) > 64]
    assert len(asked) - len(long) == len(words) - 1


def test_only_words_that_are_str_are_remembered(asked):
    remembering = remembering_stems(Stems())

    class Word(str):
        __slots__ = ()

    class Text:
        def split(self):
            return [Word("so"), Word("so"), np.str_("is"), "is"]

    assert list(map(type, remembering(Text()))) == list(map(type, Stems()(Text())))
    assert len(asked) == 8


def test_what_is_changed_later_is_seen(monkeypatch):
    remembering = remembering_stems(by_global)
    assert remembering("the ponies") == ["poni"]
    monkeypatch.setattr(f"{__name__}.DROPPED", {"ponies"})
    assert remembering("the ponies") == ["the"] == by_global("the ponies")
    monkeypatch.setattr(f"{__name__}.PORTER", LANCASTER)
    assert remembering("the multiplies") == by_global("the multiplies") == ["the", "multiply"]

    stems = Stems()
    remembering = remembering_stems(stems)
    assert remembering("ties") == ["tie"]
    stems.stemmer.mode = "ORIGINAL_ALGORITHM"
    assert remembering("ties") == stems("ties") == ["ti"]
    stems.stemmer = LancasterStemmer()
    assert remembering("multiplies") == stems("multiplies") == ["multiply"]

    stemmers = [PorterStemmer()]

    def stems_of_first(text):
        return [stemmer.stem(text) for stemmer in [first]]

    first = stemmers[0]
    remembering = remembering_stems(stems_of_first)
    assert remembering("multiplies") == ["multipli"]
    first = LANCASTER
    assert remembering("multiplies") == ["multiply"]


def sets_a_global(text):
    global COUNT
    COUNT += 1
    return [PORTER.stem(word) for word in text.split()]


class CountsItself:
    def __init__(self):
        self.n_calls = 0
        self.stemmer = PorterStemmer()

    def __call__(self, text):
        self.n_calls += 1
        return [self.stemmer.stem(word) for word in text.split()]


class OwnStemmer(PorterStemmer):
    def stem(self, word, to_lowercase=True):
        return word


class Shows:
    stemmer = PORTER

    @property
    def shown(self):
        return self.stemmer

    def __call__(self, text):
        return [self.shown.stem(word) for word in text.split()]


def asks_for_names(text):
    return [globals()["PORTER"].stem(word) for word in [PORTER.stem(text)]]


@pytest.mark.parametrize(
    "function",
    [sets_a_global, CountsItself(), Stems, Shows(), asks_for_names, in_closure(OwnStemmer()), len],
    ids=["global", "attribute", "class", "property", "globals", "own stemmer", "builtin"],
)
def test_functions_that_may_be_changed_while_they_run_are_left_as_they_are(function):
    assert remembering_stems(function) is function


def test_a_function_that_remembers_is_pickled_as_the_users():
    remembering = remembering_stems(by_helper)
    remembering(TEXTS[0])
    assert pickle.loads(pickle.dumps(remembering))(TEXTS[0]) == by_helper(TEXTS[0])
    assert len(pickle.dumps(remembering)) < 200


class CleansTexts(TransformerMixin, BaseEstimator):
    def __init__(self, language="english"):
        self.language = language

    def fit(self, X, y=None):
        self.stemmer_ = SnowballStemmer(self.language)
        return self

    def clean(self, text):
        return " ".join(self.stemmer_.stem(word) for word in text.split())

    def transform(self, X):
        return [self.clean(text) for text in X]


def stemmed(text):
    return " ".join([PORTER.stem(word) for word in text.split()])


class AppliesToTexts(TransformerMixin, BaseEstimator):
    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return pd.Series(X).apply(stemmed)


def all_stemmed(X):
    return [stemmed(text) for text in X]


class StemmedCounts(CountVectorizer):
    def build_analyzer(self):
        analyzer = super().build_analyzer()
        return lambda text: [SNOWBALL.stem(word) for word in analyzer(text)]


class StemmedTokens(TfidfVectorizer):
    def __init__(self, *, stemmer=None, lowercase=True):
        super().__init__(lowercase=lowercase)
        self.stemmer = stemmer

    def build_tokenizer(self):
        tokenizer = super().build_tokenizer()
        return lambda text: (self.stemmer.stem(word) for word in tokenizer(text))


class StemmedHashes(HashingVectorizer):
    def build_preprocessor(self):
        return stemmed


OWN = {"token_pattern": None, "tokenizer": by_global}
PIPELINES = {
    "tokenizer": [CountVectorizer(**OWN)],
    "tokenizer and n-grams": [TfidfVectorizer(ngram_range=(1, 2), **OWN)],
    "analyzer": [TfidfVectorizer(analyzer=Cleans())],
    "preprocessor": [HashingVectorizer(n_features=256, preprocessor=stemmed)],
    "transformer": [CleansTexts(), TfidfVectorizer()],
    "series": [AppliesToTexts(), TfidfVectorizer()],
    "function": [FunctionTransformer(all_stemmed), CountVectorizer()],
    "built analyzer": [StemmedCounts()],
    "built tokenizer": [StemmedTokens(stemmer=PORTER)],
    "built preprocessor": [StemmedHashes(n_features=256)],
}


@pytest.mark.parametrize("name", PIPELINES)
def test_pipelines_with_stemmers_answer_as_scikit_learn(name):
    pipeline = make_pipeline(*map(clone, PIPELINES[name]), LogisticRegression())
    pipeline.fit(TEXTS, LABELS)
    compiled = compile_pipeline(pipeline)
    if len(pipeline) == 2:
        assert [step.reason for step in compiled.explain()] == ["", ""]
    expected = pipeline.predict_proba(TEXTS)
    for twin in (compiled, pickle.loads(pickle.dumps(compiled))):
        for _ in range(2):
            np.testing.assert_allclose(twin.predict_proba(TEXTS), expected, rtol=1e-12)
        for text, row in zip(TEXTS, expected, strict=True):
            np.testing.assert_allclose(twin.predict_proba_one(text), row, rtol=1e-12)
    for wrong in ([None], [1.5]):
        with pytest.raises(Exception) as expected_error:  # noqa: PT011
            pipeline.predict(wrong)
        with pytest.raises(expected_error.type):
            compiled.predict(wrong)


@pytest.mark.parametrize("name", ["tokenizer", "transformer", "built analyzer", "built tokenizer"])
def test_fit_gives_the_plain_pipelines_model(name, asked):
    texts = [f"{text} {('cats', 'dogs')[at % 2]}" for at, text in enumerate(TEXTS * 10)]
    labels = np.arange(len(texts)) % 2
    pipeline = make_pipeline(*map(clone, PIPELINES[name]), LogisticRegression())
    plain = clone(pipeline).fit(texts, labels)
    cascade = CascadeClassifier(pipeline, accuracy_target=0.9, cv=3, random_state=0)
    fitted = cascade.fit(texts, labels).estimator_
    assert fitted[-2].get_feature_names_out().tolist() == plain[-2].get_feature_names_out().tolist()
    np.testing.assert_array_equal(fitted[-1].coef_, plain[-1].coef_)
    assert type(fitted[-2]) is type(plain[-2])
    assert vars(fitted[-2]).keys() == vars(plain[-2]).keys()
