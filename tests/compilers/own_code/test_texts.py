"""What steps of the user's own make of each text is told from their source, and of no others."""

import pickle
import re

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler

from skwillump import compile_pipeline
from skwillump.compilers._unsupported import InputUnsupported
from skwillump.compilers.own_code._kinds import Cell
from skwillump.compilers.own_code._rows import row_map

TEXTS = pd.Series(
    [
        " Some WORDS, in a  text! ",
        "www.a.b/c?d=1 @you #tag\tand 12 more",
        "",
        "nothing else",
        "Straße İstanbul is not ASCII",
        "a line\nand another\x0bone",
        "some words more 3,000",
    ]
    * 3
)
LABELS = np.arange(len(TEXTS)) % 2


def text_map(own):
    """What becomes of each text; None where that is not told."""
    found = row_map(own)
    return found if found is not None and isinstance(found.of_text, Cell) else None


def number_map(own):
    """What numbers become of each text; None where that is not told."""
    found = row_map(own)
    return found if found is not None and not isinstance(found.of_text, Cell) else None


def cleaned(text):
    return re.sub(r"[^a-z ]", "", text.lower())


def straight_on(texts):
    """Clean texts."""
    texts = texts.copy()
    texts = texts.str.lower()
    texts = texts.str.replace(r"\d+", "number", regex=True)
    return texts.str.strip()


def enclosed():
    known = {"a", "some"}
    return lambda X: [" ".join(word for word in text.split() if word in known) for text in X]


class Stateless(TransformerMixin, BaseEstimator):
    def fit(self, X, y=None):
        return self


class Cleaner(Stateless):
    def __init__(self, dropped="words"):
        self.dropped = dropped

    def _clean(self, text):
        return cleaned(text).replace(self.dropped, "")

    def transform(self, X, y=None):
        return X.apply(self._clean)


class Lister(Cleaner):
    def transform(self, X):
        return [self._clean(text) for text in X]


class Serier(Cleaner):
    def transform(self, X):
        return pd.Series(X).map(lambda text: text.replace(self.dropped, "none"))


TOLD = {
    "applied": lambda X: X.apply(cleaned),
    "mapped": lambda X: X.map(str.lower),
    "listed": lambda X: list(map(cleaned, X)),
    "comprehended": lambda X: np.array([cleaned(text) for text in X]),
    "lowered": lambda X: X.str.lower(),
    "stripped": lambda X: X.str.strip().str.upper(),
    "left": lambda X: X.str.lstrip().str.rstrip().fillna("none").astype(str).values,
    "replaced": lambda X: X.str.replace("some", "a +"),
    "by a pattern": lambda X: X.str.replace(r"[^\w\s]+|http\S+", "", regex=True),
    "named": lambda X: X.str.replace(pat=r"\s{2,}", repl=" ", regex=True),
    "ended": lambda X: "so: " + X.str.strip() + " end",
    "in the place of others": lambda X: X.replace({"": "none", "nothing else": "all"}),
    "straight on": straight_on,
    "enclosed": enclosed(),
    "class": Cleaner(),
    "list": Lister(),
    "series": Serier("some"),
}
OTHERS = {
    "parts": lambda X: X.str.split(","),
    "places": lambda X: X.str.find("a"),
    "some": lambda X: [text for text in X if text],
    "two": lambda X: [text for _ in X for text in X],
    "anchored": lambda X: X.str.replace(r"\b", "", regex=True),
    "empty": lambda X: X.str.replace(r"x*", "-", regex=True),
    "grouped": lambda X: X.str.replace(r"(a)", r"\1\1", regex=True),
    "flags": lambda X: X.str.replace("a", "b", case=False),
    "of all": lambda X: [text + str(len(X)) for text in X],
    "universal": lambda X: X.apply(np.exp),
    "axis": lambda X: X.apply(cleaned, axis=1),
    "chosen": lambda X: X["a"].str.lower(),
}


def transformer(own):
    return own if isinstance(own, BaseEstimator) else FunctionTransformer(own)


@pytest.mark.parametrize("name", TOLD)
@pytest.mark.parametrize("dtype", ["str", object])
def test_of_one_row_its_text_is_asked_for(name, dtype):
    texts = TEXTS.astype(dtype)
    own = transformer(TOLD[name])
    found, expected = text_map(own), list(own.transform(texts))
    n_left = 0
    for text, after in zip(texts, expected, strict=True):
        try:
            assert found(text) == after
        except InputUnsupported:
            n_left += 1
    assert n_left <= 6  # of what is not plain ASCII


@pytest.mark.parametrize("name", OTHERS)
def test_other_steps_are_not_told(name):
    assert text_map(transformer(OTHERS[name])) is None


@pytest.mark.parametrize("name", TOLD)
def test_pipelines_answer_as_scikit_learns(name):
    own = transformer(TOLD[name])
    pipeline = make_pipeline(own, CountVectorizer(), LogisticRegression()).fit(TEXTS, LABELS)
    compiled = compile_pipeline(pipeline)
    np.testing.assert_array_equal(compiled.predict(TEXTS), pipeline.predict(TEXTS))
    for text in TEXTS[:7]:
        expected = pipeline.predict_proba(pd.Series([text]))[0]
        np.testing.assert_allclose(compiled.predict_proba_one(text), expected, rtol=1e-12)


def test_one_text_is_made_no_column_of():
    seen = []

    class Seen(Cleaner):
        def transform(self, X):
            return X.apply(self._clean)

        def _clean(self, text):
            seen.append(text)
            return text

    pipeline = make_pipeline(Seen(), CountVectorizer(), LogisticRegression()).fit(TEXTS, LABELS)
    compiled = compile_pipeline(pipeline)
    seen.clear()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Seen, "transform", lambda self, X: pytest.fail("it is given a column"))
        compiled.predict_one("some words")
    assert seen == ["some words"]


def test_a_column_of_a_table_is_cleaned_as_a_text():
    table = pd.DataFrame({"text": TEXTS, "size": np.arange(len(TEXTS)) * 1.0})
    columns = ColumnTransformer(
        [
            ("text", make_pipeline(Cleaner(), CountVectorizer()), "text"),
            ("n", "passthrough", ["size"]),
        ]
    )
    pipeline = make_pipeline(columns, LogisticRegression(max_iter=1000)).fit(table, LABELS)
    compiled = compile_pipeline(pipeline)
    for at in range(7):
        expected = pipeline.predict_proba(table[at : at + 1])[0]
        answer = compiled.predict_proba_one(table.iloc[at].to_dict())
        np.testing.assert_allclose(answer, expected, rtol=1e-12)


def test_what_is_told_survives_a_pickle():
    pipeline = make_pipeline(Cleaner(), CountVectorizer(), LogisticRegression()).fit(TEXTS, LABELS)
    compiled = compile_pipeline(pipeline)
    again = pickle.loads(pickle.dumps(compiled))
    assert again.predict_one("some words") == compiled.predict_one("some words")


@pytest.mark.parametrize(
    "pattern",
    [
        r"[^\w\s]",
        r"http\S+|www\.\S+",
        r"(http|www)\S+",
        r"@\w+",
        "#",
        r"\s{2,3}",
        r"[^a-zA-Z#]+?",
        ".",
    ],
)
def test_patterns_on_which_libraries_agree(pattern):
    own = FunctionTransformer(lambda X: X.str.replace(pattern, " ", regex=True))
    found, plain = (
        text_map(own),
        TEXTS[TEXTS.map(lambda text: text.isascii() and "\x0b" not in text)],
    )
    assert [found(text) for text in plain] == own.transform(plain).tolist()


@pytest.mark.parametrize(
    "pattern",
    ["^a", "a$", r"a\b", r"(?i)a", r"(?=a)", r"a*", "a|", r"(a)\1", "a++", r"\n?", "[[:alpha:]]"],
)
def test_patterns_on_which_they_may_not_agree(pattern):
    assert text_map(FunctionTransformer(lambda X: X.str.replace(pattern, " ", regex=True))) is None


def test_source_that_is_not_the_function_is_not_believed():
    other = {}
    exec(compile("def own(X):\n    return X.str.lower()", __file__, "exec"), other)
    assert text_map(FunctionTransformer(other["own"])) is None


class Counts(Stateless):
    def transform(self, X):
        X = pd.Series(X)
        return pd.DataFrame(
            {
                "length": X.str.len(),
                "words": X.str.split().str.len(),
                "capitals": X.str.count(r"[A-Z]"),
                "marks": X.apply(lambda text: text.count("!")),
            }
        ).values


class Length(Stateless):
    def transform(self, X):
        return pd.DataFrame(pd.Series(X).apply(len))


class Starts(Cleaner):
    def _starts(self, text):
        return bool(text[:1].isupper() and text.split())

    def transform(self, X):
        tagged = pd.Series(X).apply(self._starts)
        return pd.DataFrame(tagged)


NUMBERS = {
    "counts": Counts(),
    "length": Length(),
    "starts": Starts(),
    "reshaped": lambda X: np.array([text.count("a") for text in X]).reshape(-1, 1),
    "a frame": lambda X: pd.Series(X).str.len().to_frame(),
}


@pytest.mark.parametrize("scaler", [None, MinMaxScaler()], ids=["alone", "scaled"])
@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("as_list", [True, False], ids=["list", "series"])
@pytest.mark.parametrize(
    "model",
    [LogisticRegression(), RandomForestClassifier(5, random_state=0)],
    ids=["linear", "trees"],
)
def test_numbers_of_texts_are_those_of_scikit_learn(name, scaler, as_list, model):
    own = transformer(NUMBERS[name])
    assert number_map(own) is not None
    texts = TEXTS.tolist() if as_list else TEXTS
    counted = own if scaler is None else make_pipeline(own, scaler)
    pipeline = make_pipeline(make_union(CountVectorizer(), counted), model).fit(texts, LABELS)
    compiled = compile_pipeline(pipeline)
    np.testing.assert_allclose(
        compiled.predict_proba(texts), pipeline.predict_proba(texts), rtol=1e-12
    )
    for text in TEXTS[:7]:
        row = [text] if as_list else pd.Series([text])
        expected = pipeline.predict_proba(row)[0]
        np.testing.assert_allclose(compiled.predict_proba_one(text), expected, rtol=1e-12)


def test_numbers_of_one_text_are_made_of_no_column():
    own = Counts()
    pipeline = make_pipeline(make_union(CountVectorizer(), own), LogisticRegression())
    compiled = compile_pipeline(pipeline.fit(TEXTS.tolist(), LABELS))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Counts, "transform", lambda self, X: pytest.fail("it is given a column"))
        compiled.predict_one("some words")
    assert number_map(own)("Some words! ").tolist() == [[12, 2, 1, 1]]


@pytest.mark.parametrize(
    "value",
    [None, "text", np.float32(1), [1, 2], np.nan, 2**60],
    ids=lambda value: type(value).__name__,
)
def test_what_is_no_plain_number_is_left_to_the_original(value):
    found = number_map(FunctionTransformer(lambda X: pd.DataFrame(X.apply(lambda text: value))))
    with pytest.raises(InputUnsupported):
        found("a text")
