"""Inputs and members that scikit-learn reads in its own way: twins answer, or fail, as it does."""

import warnings
from collections import deque

import numpy as np
import pandas as pd
import pytest
from answers import outcome
from common import COSTS, two_blocks, two_signals
from lightgbm import LGBMClassifier
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    BaggingClassifier,
    RandomForestClassifier,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer
from sklearn.linear_model import LogisticRegression, RidgeClassifier, SGDClassifier
from sklearn.model_selection import FixedThresholdClassifier
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier
from sklearn.naive_bayes import ComplementNB
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import FunctionTransformer, SplineTransformer, StandardScaler
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier

from skwillump import ApproxTopKRanker, CascadeClassifier, compile_pipeline

TEXTS = ["a good film", "bad film", "good acting", "bad acting"] * 10
LABELS = np.array([1, 0, 1, 0] * 10)
X = np.random.default_rng(0).normal(size=(40, 3))
Y = (X[:, 0] > 0).astype(int)


def assert_alike(estimator, method, make):
    """Assert that a twin does with X what the estimator does; an iterator is made for each."""
    twin = compile_pipeline(estimator)
    expected, got = (outcome(getattr(which, method), make()) for which in (estimator, twin))
    if isinstance(expected, type) or isinstance(got, type):
        assert got is expected
    else:
        assert_allclose(got, expected, rtol=1e-12)


READ_ONCE = {
    "generator": lambda: (text for text in TEXTS),
    "iterator": lambda: iter(TEXTS),
    "keys": lambda: dict.fromkeys(TEXTS),
    "set": lambda: {"good"},
    "None": lambda: None,
    "nothing": list,
    "number": lambda: 3,
    "text": lambda: "good",
    "frame": lambda: pd.DataFrame({"t": TEXTS}),
}


@pytest.mark.parametrize("form", READ_ONCE)
@pytest.mark.parametrize(
    "around",
    [make_pipeline, CalibratedClassifierCV, FixedThresholdClassifier, OneVsRestClassifier],
)
def test_what_is_no_batch_of_texts_is_left_to_the_original(around, form):
    estimator = around(make_pipeline(CountVectorizer(), LogisticRegression())).fit(TEXTS, LABELS)
    for method in ("predict", "predict_proba"):
        assert_alike(estimator, method, READ_ONCE[form])


def test_no_row_of_a_mapping_is_taken_where_labels_are_in_doubt():
    estimator = make_pipeline(HashingVectorizer(n_features=4, alternate_sign=False), ComplementNB())
    assert_alike(estimator.fit(TEXTS, LABELS), "predict", lambda: dict.fromkeys([*TEXTS, ""]))


@pytest.mark.parametrize("X", [None, 3, iter(())], ids=["None", "number", "iterator"])
def test_cascades_and_rankers_fail_for_what_has_no_rows_as_the_full_model_does(X):
    rows, y = two_signals(900)
    costs = {f"estimator{fold}__{name}": cost for fold in (0, 1) for name, cost in COSTS.items()}
    settings = {"cv": 0.4, "feature_costs": costs, "random_state": 0, "accuracy_target": 0.9}
    calibrated = CalibratedClassifierCV(two_blocks(), cv=2)
    cascade = CascadeClassifier(calibrated, **settings).fit(rows, y)
    assert len(cascade.stages_) == 2
    plain = calibrated.fit(rows, y)
    assert outcome(cascade.predict, X) is outcome(plain.predict, X)
    ranker = ApproxTopKRanker(two_blocks(), k=3, cv=0.4, random_state=0).fit(rows, y)
    assert outcome(ranker.predict, X) is outcome(two_blocks().fit(rows, y).predict, X)


BATCHES_OF_TEXTS = {
    "deque": deque,
    "values": lambda texts: dict(enumerate(texts)).values(),
    "index": pd.Index,
    "index of objects": lambda texts: pd.Index(texts, dtype=object),
}
"""Batches that scikit-learn's vectorizers read, of which it takes no rows itself."""


@pytest.mark.parametrize("form", BATCHES_OF_TEXTS)
@pytest.mark.parametrize("refit", [True, False])
def test_cascades_and_rankers_read_whatever_batch_of_texts_vectorizers_read(form, refit):
    words = np.random.default_rng(0).choice(["good", "bad", "film", "plot"], size=(600, 3))
    texts, y = [" ".join(row) for row in words], (words == "good").any(axis=1).astype(int)
    plain = make_pipeline(
        make_union(CountVectorizer(max_features=2), CountVectorizer(analyzer="char")),
        LogisticRegression(),
    )
    costs = {"countvectorizer-1": 1e-6, "countvectorizer-2": 1e-2}
    settings = {"feature_costs": costs, "cv": 0.4, "refit": refit, "random_state": 0}
    make = BATCHES_OF_TEXTS[form]
    cascade = CascadeClassifier(plain, accuracy_target=0.5, **settings)
    cascade.fit(make(texts), y).certify(make(texts), y)
    if "index" in form:
        assert_array_equal(cascade.predict(make(texts)), cascade.predict(texts))
    else:  # they may be read but once, by the full model
        assert_array_equal(
            outcome(cascade.predict, make(texts)),
            outcome(cascade.estimator_.predict, make(texts)),
        )
    listed = clone(cascade).fit(texts, y).certify(texts, y)
    assert_array_equal(cascade.predict_proba(texts), listed.predict_proba(texts))
    ranker = ApproxTopKRanker(plain, k=3, precision_target=0.1, **settings).fit(make(texts), y)
    assert len(ranker.stages_) == 2
    assert_array_equal(ranker.rank(make(texts)), ranker.rank(texts))
    assert ranker.score(make(texts), y) == ranker.score(texts, y)


@pytest.mark.parametrize("target", [0.1, 1.0])
def test_what_has_no_rows_to_take_is_ranked_by_what_the_full_model_reads(target):
    texts = dict.fromkeys(["good film", "bad film", "good", "bad", "film"])
    y = [1, 0, 1, 0, 1]
    plain = make_pipeline(
        make_union(CountVectorizer(max_features=2), CountVectorizer(analyzer="char")),
        LogisticRegression(),
    )
    costs = {"countvectorizer-1": 1e-6, "countvectorizer-2": 1e-2}
    ranker = ApproxTopKRanker(
        plain, k=3, precision_target=target, confidence=None, feature_costs=costs, random_state=0
    ).fit(list(texts) * 200, y * 200)
    assert len(ranker.stages_) == (1 if target == 1 else 2)
    frame = pd.DataFrame({"good film": ["bad"] * 5, "bad film": ["good"] * 5})
    for X in (texts, texts.keys(), frame):
        scores = ranker.estimator_.predict_proba(X)[:, 1]
        best = np.argsort(-scores, kind="stable")[:3]
        found = ranker.rank(X, return_scores=True, return_evidence=True)
        assert_array_equal(found[0], best)
        assert_allclose(found[1], scores[best], rtol=1e-12)
        assert found[2].precision == 1.0
    with pytest.raises(TypeError, match="of X, a dict, no rows can be taken"):
        ranker.rank(texts, groups=[0, 0, 0, 1, 1])
    for X in (None, 3, "good"):
        assert outcome(ranker.rank, X) is outcome(ranker.estimator_.predict, X)


MISSING = sparse.csr_matrix(np.where(X > 1.5, np.nan, X))


@pytest.mark.parametrize(
    "estimator",
    [
        CalibratedClassifierCV(RandomForestClassifier(3), cv=2),
        StackingClassifier([("trees", RandomForestClassifier(3))], cv=2),
        VotingClassifier([("tree", DecisionTreeClassifier())]),
        OneVsRestClassifier(DecisionTreeClassifier()),
        OneVsOneClassifier(DecisionTreeClassifier()),
        BaggingClassifier(DecisionTreeClassifier(), n_estimators=2),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
def test_sparse_rows_with_missing_values_are_refused_by_trees_in_ensembles(estimator):
    assert outcome(estimator.fit(X, Y).predict, MISSING) is ValueError
    assert outcome(compile_pipeline(estimator).predict, MISSING) is ValueError


@pytest.mark.parametrize("form", ["coo", "lil", "dok", "csc"])
def test_lightgbm_warns_of_sparse_formats_that_it_converts(form):
    model = LGBMClassifier(n_estimators=2, min_child_samples=2, verbose=-1).fit(X, Y)
    told = []
    for which in (model, compile_pipeline(model)):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            which.predict(sparse.csr_matrix(X).asformat(form))
        # Some releases also say that an array has no names of features.
        messages = [str(warning.message) for warning in caught]
        told.append([message for message in messages if "feature names" not in message])
    assert told[0] == told[1]


@pytest.mark.parametrize(
    "estimator",
    [
        VotingClassifier([("a", LinearSVC()), ("b", LogisticRegression())], voting="soft"),
        VotingClassifier([("a", RidgeClassifier())], voting="soft"),
        VotingClassifier([("a", SVC()), ("b", LogisticRegression())], voting="soft"),
        FixedThresholdClassifier(SGDClassifier(), response_method="predict_proba"),
    ],
    ids=["linear", "ridge", "kernel", "threshold"],
)
def test_members_without_probabilities_fail_as_in_scikit_learn(estimator):
    for fitted in (estimator.fit(X, Y), make_pipeline(StandardScaler(), estimator).fit(X, Y)):
        assert outcome(fitted.predict, X) is AttributeError
        assert outcome(compile_pipeline(fitted).predict, X) is AttributeError
        assert outcome(compile_pipeline(fitted).predict_one, X[0]) is AttributeError


def test_names_that_several_columns_have_are_judged_by_the_original():
    frame = pd.DataFrame(X, columns=list("abc"))
    columns = ColumnTransformer([("scaled", StandardScaler(), ["a", "b"])])
    estimator = make_pipeline(columns, LogisticRegression()).fit(frame, Y)
    for twice in "abc":
        doubled = pd.concat([frame, frame[[twice]]], axis=1)
        assert_alike(estimator, "predict", lambda doubled=doubled: doubled)


def test_a_snapshot_warns_of_stop_words_no_more_than_what_was_fitted():
    vectorizer = CountVectorizer(stop_words=["GOOD"], preprocessor=str.lower).fit(TEXTS)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        compile_pipeline(vectorizer).transform(TEXTS)


def test_one_row_that_a_step_refuses_as_objects_has_the_dtypes_of_its_values():
    """Alone, NaN tells nothing of its column; a function of numbers takes no objects."""
    frame = pd.DataFrame(np.abs(X), columns=list("abc"))
    columns = ColumnTransformer(
        [
            ("logs", FunctionTransformer(np.log1p), ["a", "b"]),
            ("spline", SplineTransformer(degree=1, extrapolation="linear"), ["c"]),
        ]
    )
    tree = make_pipeline(columns, DecisionTreeClassifier(random_state=0)).fit(frame, Y)
    row = {**frame.iloc[0].to_dict(), "a": np.nan}
    assert compile_pipeline(tree).predict_one(row) == tree.predict(pd.DataFrame([row]))[0]


def test_a_function_makes_no_number_of_a_text_in_one_row_either():
    frame = pd.DataFrame(np.abs(X), columns=list("abc"))
    tree = make_pipeline(FunctionTransformer(np.tanh), DecisionTreeClassifier()).fit(frame, Y)
    row = {**frame.iloc[0].to_dict(), "a": "2"}
    assert outcome(tree.predict, pd.DataFrame([row])) is TypeError
    assert outcome(compile_pipeline(tree).predict_one, row) is TypeError
