"""Bernoulli naive Bayes makes features binary, whatever they were."""

import numpy as np
import pandas as pd
import pytest
from answers import (
    assert_answers_alike,
    assert_batch_alike,
    assert_rows_alike,
    single_rows,
    whole_twin,
)
from numpy.testing import assert_allclose
from sklearn.compose import ColumnTransformer, make_column_transformer
from sklearn.ensemble import VotingClassifier
from sklearn.feature_extraction.text import (
    CountVectorizer,
    HashingVectorizer,
    TfidfTransformer,
    TfidfVectorizer,
)
from sklearn.feature_selection import SelectKBest, chi2
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import BernoulliNB, CategoricalNB
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import (
    KBinsDiscretizer,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    StandardScaler,
)

from skwillump import compile_pipeline

RNG = np.random.default_rng(0)
WORDS = np.array(["fine", "poor", "film", "story", "song", "of", "the"])
TEXTS = [" ".join(RNG.choice(WORDS, 5)) for _ in range(90)]
LABELS = np.array(["a", "b", "c"])[np.arange(90) % 3]
FRAME = pd.DataFrame(RNG.normal(size=(90, 2)), columns=["n", "m"]).assign(k=WORDS[:5].tolist() * 18)
OF_TEXTS = {
    "counts": [CountVectorizer()],
    "weights": [TfidfVectorizer(sublinear_tf=True)],
    "weights in single precision": [TfidfVectorizer(dtype=np.float32)],
    "counts, then weights": [CountVectorizer(), TfidfTransformer()],
    "terms that are chosen": [TfidfVectorizer(ngram_range=(1, 2)), SelectKBest(chi2, k=9)],
    "scaled": [TfidfVectorizer(), StandardScaler(with_mean=False)],
    "union": [make_union(CountVectorizer(), TfidfVectorizer(analyzer="char"))],
    "hashes": [HashingVectorizer(n_features=64)],
}


@pytest.mark.parametrize("name", OF_TEXTS)
def test_terms_of_texts_are_there_or_not(name):
    fitted = make_pipeline(*OF_TEXTS[name], BernoulliNB()).fit(TEXTS, LABELS)
    rows = [*TEXTS, "", "unheard of", "fine " * 9]
    compiled = whole_twin(fitted)
    assert_batch_alike(compiled, fitted, rows)
    assert_rows_alike(compiled, fitted, single_rows(rows, range(len(rows))))


@pytest.mark.parametrize("threshold", [0.0, 0.25, None])
def test_numbers_are_compared_with_the_threshold(threshold):
    fitted = make_pipeline(MinMaxScaler(), BernoulliNB(binarize=threshold))
    rows = FRAME[["n", "m"]]
    if threshold is None:
        rows = (rows > 0).astype(float)
    fitted.fit(rows, LABELS)
    batches = [rows.iloc[[at]] for at in range(9)]
    compiled = whole_twin(fitted)
    assert_batch_alike(compiled, fitted, rows)
    assert_rows_alike(compiled, fitted, zip(batches, batches, strict=True))


def test_numbers_beside_categories():
    columns = ColumnTransformer(
        [("n", StandardScaler(), ["n", "m"]), ("k", OneHotEncoder(), ["k"])]
    )
    fitted = make_pipeline(columns, BernoulliNB()).fit(FRAME, LABELS)
    assert_answers_alike(whole_twin(fitted), fitted, FRAME)


def test_members_of_an_ensemble_do_not_take_features_for_binary():
    members = [("b", BernoulliNB()), ("l", LogisticRegression())]
    for features in (TfidfVectorizer(), CountVectorizer()):
        vote = VotingClassifier(members, voting="soft")
        fitted = make_pipeline(features, vote).fit(TEXTS, LABELS)
        assert_answers_alike(whole_twin(fitted), fitted, TEXTS)


def test_features_next_to_the_threshold_are_left_to_the_original():
    rows = np.array([[0.5, 1.0], [0.0, 0.5 + 1e-15], [0.5 - 1e-15, 0.0]])
    fitted = BernoulliNB(binarize=0.5).fit(rows, [0, 1, 1])
    compiled = compile_pipeline(fitted)
    assert_allclose(compiled.predict_proba(rows), fitted.predict_proba(rows), rtol=1e-12)


def of_categories(model):
    codes = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=9)
    bins = KBinsDiscretizer(3, encode="ordinal", quantile_method="averaged_inverted_cdf")
    return make_pipeline(make_column_transformer((codes, ["kind"]), (bins, ["size"])), model)


@pytest.mark.parametrize("y", [[0, 1], ["x", "y", "z"]], ids=["two", "three"])
def test_categories_are_looked_up_to_the_last_bit(y):
    size = np.arange(60.0) * 7 % 13
    frame = pd.DataFrame({"kind": np.array(["a", "b", "c", "d"])[np.arange(60) % 4], "size": size})
    labels = np.array(y)[np.arange(60) * 5 % 7 % len(y)]
    fitted = of_categories(CategoricalNB(min_categories=10)).fit(frame, labels)
    compiled = whole_twin(fitted)
    new = frame.assign(kind=frame["kind"].where(np.arange(60) % 5 > 0, "new"))
    assert_answers_alike(compiled, fitted, new)
    np.testing.assert_array_equal(compiled.predict_proba(new), fitted.predict_proba(new))


def test_numbers_that_are_no_category_are_judged_by_the_original():
    rows = np.array([[0, 1], [1, 2], [2, 0], [1, 1]], dtype=np.float64)
    fitted = CategoricalNB().fit(rows, [0, 1, 0, 1])
    compiled = compile_pipeline(fitted)
    between = rows + 0.25
    np.testing.assert_array_equal(compiled.predict_proba(between), fitted.predict_proba(between))
    for wrong, error in (([0.0, 7.0], IndexError), ([-1.0, 0.0], ValueError)):
        with pytest.raises(error):
            fitted.predict([wrong])
        with pytest.raises(error):
            compiled.predict([wrong])
        with pytest.raises(error):
            compiled.predict_one(wrong)
