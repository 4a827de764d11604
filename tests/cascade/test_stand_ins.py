"""Cascades whose first stage reads rows as they come, in front of features that are dear."""

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.utils import estimator_html_repr

from skwillump import ApproxTopKRanker, CascadeClassifier
from skwillump.stages._stand_ins import features_of_rows

WORDS = [f"word{i}" for i in range(200)]


def slow_tokens(text):
    """Words, by something that takes long."""
    for _ in range(30):
        found = [word.strip().lower() for word in text.split()]
    return found


class SlowRatio(TransformerMixin, BaseEstimator):
    """The product of two columns beside them, row by row."""

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        rows = [sorted([a, b, a * b]) and [a, b, a * b] for a, b in X.itertuples(index=False)]
        for _ in range(300):
            rows = [list(row) for row in rows]
        return np.array(rows)


def comments(n_rows=2500, seed=0):
    """Texts whose class is told by their words, but for a few."""
    rng = np.random.default_rng(seed)
    y = rng.integers(2, size=n_rows)
    of_class = rng.integers(100, size=(n_rows, 12)) + 100 * y[:, None]
    places = np.where(
        rng.random((n_rows, 12)) < 0.8, of_class, rng.integers(200, size=(n_rows, 12))
    )
    return [" ".join(WORDS[at] for at in row) for row in places], y


def people(n_rows=3000, seed=0):
    rng = np.random.default_rng(seed)
    y = rng.integers(2, size=n_rows)
    return (
        pd.DataFrame(
            {
                "job": np.where(rng.random(n_rows) < 0.9, y, 1 - y).astype(str),
                "a": y * 4.0 + rng.normal(size=n_rows),
                "b": rng.normal(size=n_rows),
                "day": pd.date_range("2020-01-01", periods=n_rows),
            }
        ),
        y,
    )


def of_texts(model=None):
    vectorizer = TfidfVectorizer(tokenizer=slow_tokens, token_pattern=None)
    return make_pipeline(vectorizer, model or LogisticRegression())


def of_people():
    columns = ColumnTransformer(
        [
            ("job", OneHotEncoder(), ["job"]),
            ("ratio", make_pipeline(SlowRatio(), StandardScaler()), ["a", "b"]),
            ("day", "drop", ["day"]),
        ]
    )
    return make_pipeline(columns, RandomForestClassifier(20, random_state=0))


def cascade(estimator, **kwargs):
    defaults = {"accuracy_target": 0.95, "cv": 0.3, "random_state": 0}
    return CascadeClassifier(estimator, **(defaults | kwargs))


@pytest.fixture(scope="module")
def commented():
    return cascade(of_texts()).fit(*comments())


@pytest.fixture(scope="module")
def peopled():
    return cascade(of_people()).fit(*people())


def test_easy_rows_are_answered_without_the_users_own_tokenizer(commented, monkeypatch):
    texts, y = comments(seed=1)
    assert commented.stages_[0].blocks == ()
    assert commented.stages_[0].is_surrogate
    early = commented.predict_stage(texts) == 0
    assert early.mean() > 0.5
    assert commented.score(texts, y) >= 0.95 * commented.estimator_.score(texts, y)
    assert_array_equal(
        commented.predict(texts)[~early], commented.estimator_.predict(texts)[~early]
    )
    own = commented.stages_[0].model.predict(texts)
    assert_array_equal(commented.predict(texts)[early], own[early])


def test_a_table_is_read_by_its_columns(peopled):
    X, _ = people(seed=1)
    assert peopled.stages_[0].blocks == ()
    early = peopled.predict_stage(X) == 0
    assert early.any()
    assert_array_equal(peopled.predict(X)[~early], peopled.estimator_.predict(X)[~early])


def test_one_row_gets_the_answer_of_a_batch(commented, peopled):
    texts, _ = comments(40, seed=2)
    for text, label, expected in zip(
        texts, commented.predict(texts), commented.predict_proba(texts), strict=True
    ):
        assert commented.predict_one(text) == label
        assert_allclose(commented.predict_proba_one(text), expected, rtol=1e-12, atol=1e-14)
    X, _ = people(40, seed=2)
    for at, label in enumerate(peopled.predict(X)):
        assert peopled.predict_one(X.iloc[at].to_dict()) == label


def test_rows_without_a_column_are_refused_as_by_the_full_model(peopled):
    X, _ = people(20)
    for name in X.columns:
        if name == "day":
            continue
        less = X.drop(columns=name)
        assert outcome(peopled, less) == outcome(peopled.estimator_, less) != ""


def outcome(model, X):
    """The error of a prediction, in words; empty where there is none."""
    try:
        model.predict(X)
    except ValueError as error:
        return str(error)
    return ""


def test_missing_numbers_go_to_the_full_model_where_none_was_missing_in_fit(peopled):
    X, _ = people(20)
    X.loc[3, "a"] = np.nan
    with_nan = peopled.estimator_.predict(X)
    assert_array_equal(peopled.predict(X), with_nan)
    assert set(peopled.predict_stage(X)) == {1}


def test_it_answers_the_same_after_a_pickle(commented):
    texts, _ = comments(100, seed=3)
    again = pickle.loads(pickle.dumps(commented))
    assert_array_equal(again.predict(texts), commented.predict(texts))


def test_it_is_told_in_words(commented):
    assert "from rows as they come with a linear model" in commented.report()
    assert "rows as they come" in estimator_html_repr(commented)


def test_fresh_rows_certify_it():
    model = cascade(of_texts(), refit=False).fit(*comments())
    assert model.guarantee_.kind == "certified"
    model.certify(*comments(seed=5))
    assert model.guarantee_.basis == "fresh"


def test_several_labels_a_row_get_one_too():
    texts, y = comments()
    labels = np.column_stack([y, [("word7 " in text) for text in texts]]).astype(int)
    forests = MultiOutputClassifier(RandomForestClassifier(20, random_state=0))
    model = cascade(of_texts(forests), accuracy_target=0.9).fit(texts, labels)
    assert any(not tradeoff.blocks for tradeoff in model.tradeoff_)
    assert model.predict(texts[:5]).shape == (5, 2)


@pytest.mark.parametrize("estimator", [make_pipeline(CountVectorizer(), LogisticRegression())])
def test_compiled_features_get_none(estimator):
    model = cascade(estimator).fit(*comments(400))
    assert "single block" in model.guarantee_.reason


def test_without_compilation_there_is_none():
    model = cascade(of_texts(), compile=False).fit(*comments(400))
    assert all(tradeoff.blocks for tradeoff in model.tradeoff_)


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame])
def test_columns_are_read_by_what_they_hold(make):
    n_rows = 40
    X = make(
        {
            "number": np.arange(n_rows) * 1.5,
            "missing": np.where(np.arange(n_rows) % 7, np.arange(n_rows) / 3, np.nan),
            "flag": np.arange(n_rows) % 2,
            "other": np.arange(n_rows)[::-1],
            "same": np.ones(n_rows),
            "kind": ["x", "y"] * 20,
            "place": ["u", "v"] * 20,
            "text": [f"a text of {i} words" for i in range(n_rows)],
            "name": [f"id{i}" for i in range(n_rows)],
        }
    )
    found = {str(columns): type(step) for _, step, columns in features_of_rows(X).transformers}
    assert found == {
        "['number', 'other']": FeatureUnion,
        "['missing']": Pipeline,
        "['flag']": StandardScaler,
        "['kind', 'place']": OneHotEncoder,
        "text": TfidfVectorizer,
    }


@pytest.mark.parametrize("X", [[{"a": 1}], [[1, 2]], np.array([[object()]], dtype=object)])
def test_other_rows_are_none_that_it_reads(X):
    with pytest.raises(ValueError, match=r"rows are neither|no column holds"):
        features_of_rows(X)


def test_a_ranker_gets_none():
    texts, y = comments(600)
    ranker = ApproxTopKRanker(of_texts(), k=5, cv=0.3, random_state=0).fit(texts, y)
    assert all(tradeoff.blocks for tradeoff in ranker.tradeoff_)
    assert len(ranker.rank(texts)) == 5


def test_where_costs_are_stated_there_is_none():
    model = cascade(of_texts(), feature_costs={"features": 1.0}).fit(*comments(400))
    assert all(tradeoff.blocks for tradeoff in model.tradeoff_)
