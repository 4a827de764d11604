"""CascadeClassifier: what it answers, promises and refuses."""

import pickle
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest
from common import (
    COSTS,
    cascade_on_blocks,
    stdlib_lines,
    two_blocks,
    two_signals,
    two_signals_frame,
)
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import config_context
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestClassifier, VotingClassifier
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, Perceptron, Ridge
from sklearn.metrics import make_scorer, recall_score
from sklearn.model_selection import (
    FixedThresholdClassifier,
    GridSearchCV,
    GroupKFold,
    KFold,
    RepeatedStratifiedKFold,
    ShuffleSplit,
    StratifiedKFold,
    TunedThresholdClassifierCV,
)
from sklearn.neighbors import RadiusNeighborsClassifier
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils.estimator_checks import parametrize_with_checks

import skwillump.stages._passes
from skwillump import CascadeClassifier, NoCascadeWarning
from skwillump.stages._folds import FitData, cross_fit_splits, selecting_rows

cascade = partial(cascade_on_blocks, accuracy_target=0.99, cv=3)


@pytest.fixture(scope="module")
def fitted():
    return cascade().fit(*two_signals())


@pytest.fixture(scope="module")
def new_rows():
    return two_signals(3000, seed=1)


def text_cascade(**kwargs):
    pipeline = make_pipeline(
        make_union(CountVectorizer(), TfidfVectorizer(analyzer="char", ngram_range=(1, 3))),
        LogisticRegression(max_iter=1000),
    )
    costs = {"countvectorizer": 1e-6, "tfidfvectorizer": 1e-2}
    defaults = {"accuracy_target": 0.9, "cv": 2, "feature_costs": costs, "random_state": 0}
    return CascadeClassifier(pipeline, **(defaults | kwargs))


# scikit-learn's own checks ----------------------------------------------------------------------


@parametrize_with_checks(
    [
        CascadeClassifier(LogisticRegression()),
        CascadeClassifier(
            make_pipeline(make_union(StandardScaler(), MinMaxScaler()), LogisticRegression()), cv=2
        ),
        CascadeClassifier(
            make_pipeline(make_union(StandardScaler(), MinMaxScaler()), LogisticRegression()),
            cv=2,
            accuracy_target=0.5,
            feature_costs={"standardscaler": 0.0, "minmaxscaler": 1.0},
        ),
    ]
)
def test_scikit_learn_checks(estimator, check):
    check(estimator)


# Answers ----------------------------------------------------------------------------------------


def test_the_full_model_is_a_plain_fit_of_the_estimator(fitted):
    X, y = two_signals()
    plain = clone(fitted.estimator).fit(X, y)
    assert_array_equal(fitted.estimator_[-1].coef_, plain[-1].coef_)
    assert_array_equal(fitted.estimator_.predict_proba(X), plain.predict_proba(X))


def test_a_full_model_without_random_state_is_the_plain_fit_too():
    X, y = two_signals(600)
    estimator = two_blocks(DecisionTreeClassifier(max_features=1, splitter="random"))
    np.random.seed(7)  # noqa: NPY002
    plain = clone(estimator).fit(X, y)
    np.random.seed(7)  # noqa: NPY002
    wrapped = CascadeClassifier(estimator, random_state=0, cv=2).fit(X, y)
    assert_array_equal(wrapped.estimator_.predict(X), plain.predict(X))


@pytest.mark.parametrize(
    "method", ["predict", "predict_proba", "predict_log_proba", "decision_function"]
)
@pytest.mark.parametrize("n_classes", [2, 4])
def test_each_row_gets_the_answer_of_its_stage(method, n_classes):
    X, y = two_signals(n_classes=n_classes)
    model = cascade(accuracy_target=0.97).fit(X, y)
    stage = model.predict_stage(X)
    assert set(stage) == {0, 1}
    answers = getattr(model, method)(X)
    left = X[stage == 1]
    assert_allclose(answers[stage == 1], getattr(model.estimator_, method)(left), rtol=1e-12)
    first = model.stages_[0]
    features = model.estimator_[0].named_transformers_["cheap"].transform(X[:, :1])
    early = getattr(first.model, method)(features)[stage == 0]
    assert_allclose(answers[stage == 0], early, rtol=1e-12)


def test_escalated_rows_of_text_equal_the_full_models_answers_bit_for_bit():
    X, y = stdlib_lines()
    model = text_cascade(cv=0.3, accuracy_target=0.97, compile=False).fit(X[::60], y[::60])
    rows = X[30::120]
    stage = model.predict_stage(rows)
    assert 0 < stage.mean() < 1
    escalated = stage == 1
    assert_array_equal(
        model.predict_proba(rows)[escalated], model.estimator_.predict_proba(rows)[escalated]
    )
    assert_array_equal(model.predict(rows)[escalated], model.estimator_.predict(rows)[escalated])


def test_a_row_is_early_exactly_if_its_confidence_reaches_the_threshold(fitted, new_rows):
    X, _ = new_rows
    first = fitted.stages_[0]
    features = fitted.estimator_[0].named_transformers_["cheap"].transform(X[:, :1])
    probabilities = first.model.predict_proba(features)
    thresholds = np.broadcast_to(first.threshold, 2)[probabilities.argmax(axis=1)]
    assert_array_equal(fitted.predict_stage(X) == 0, probabilities.max(axis=1) >= thresholds)


def test_chunks_change_nothing(fitted, new_rows, monkeypatch):
    X, _ = new_rows
    whole, stages = fitted.predict_proba(X), fitted.predict_stage(X)
    monkeypatch.setattr(skwillump.stages._passes, "CHUNK_ROWS", 700)
    assert_allclose(fitted.predict_proba(X), whole, rtol=1e-14)
    assert_array_equal(fitted.predict_stage(X), stages)


def test_string_labels():
    X, y = two_signals()
    names = np.array(["a long name of a class", "b"], dtype=object)[y]
    model = cascade().fit(X, names)
    assert len(model.stages_) == 2
    answers = model.predict(X)
    assert answers.dtype == model.estimator_.predict(X).dtype
    assert set(answers) == set(names)
    stage = model.predict_stage(X)
    assert_array_equal(answers[stage == 1], model.estimator_.predict(X[stage == 1]))


def test_the_score_is_accuracy(fitted, new_rows):
    X, y = new_rows
    assert fitted.score(X, y) == np.mean(fitted.predict(X) == y)


@pytest.mark.parametrize("model", [LinearSVC(), RandomForestClassifier(20, max_depth=6)])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_models_with_one_kind_of_response(model, n_classes):
    X, y = two_signals(n_classes=n_classes)
    fitted = cascade(model, accuracy_target=0.95).fit(X, y)
    assert len(fitted.stages_) == 2
    assert hasattr(fitted, "predict_proba") == hasattr(model, "predict_proba")
    assert hasattr(fitted, "decision_function") == hasattr(model, "decision_function")
    stage = fitted.predict_stage(X)
    assert_array_equal(fitted.predict(X)[stage == 1], fitted.estimator_.predict(X[stage == 1]))


class Cautious(LogisticRegression):
    """Says 1 only where it is sure of it."""

    def predict(self, X):
        return self.classes_[(self.predict_proba(X)[:, 1] > 0.7).astype(int)]


@pytest.mark.parametrize(
    "model",
    [
        FixedThresholdClassifier(
            LogisticRegression(), threshold=0.15, response_method="predict_proba"
        ),
        FixedThresholdClassifier(
            LogisticRegression(), threshold=0.8, pos_label=0, response_method="predict_proba"
        ),
        FixedThresholdClassifier(LinearSVC(), threshold=1.0),
        TunedThresholdClassifierCV(LogisticRegression(), scoring="recall", cv=2, random_state=0),
        CalibratedClassifierCV(FixedThresholdClassifier(LogisticRegression(), threshold=1.0), cv=2),
        SVC(gamma=0.1),
        Cautious(),
    ],
    ids=lambda model: type(model).__name__,
)
@pytest.mark.parametrize("compile", [True, False])
def test_early_rows_get_what_the_approximate_model_predicts(model, compile, new_rows):
    fitted = cascade(model, accuracy_target=0.9, compile=compile).fit(*two_signals(3000))
    assert fitted.guarantee_.kind == "cross-fitted"
    X, y = new_rows
    early = fitted.predict_stage(X) == 0
    assert early.mean() > 0.5
    own = fitted.stages_[0].model
    features = fitted.estimator_[0].named_transformers_["cheap"].transform(X[:, :1])
    answers, full = fitted.predict(X), fitted.estimator_.predict(X)
    assert_array_equal(answers[early], own.predict(features)[early])
    assert_array_equal(answers[~early], full[~early])
    assert np.mean(answers == y) >= 0.9 * np.mean(full == y)
    assert [fitted.predict_one(x) for x in X[:40]] == answers[:40].tolist()
    for method in ("predict_proba", "decision_function"):
        assert hasattr(fitted, method) == hasattr(own, method)
        if hasattr(own, method):
            expected = getattr(own, method)(features)[early]
            assert_allclose(getattr(fitted, method)(X)[early], expected, rtol=1e-12)


def test_on_each_side_of_a_decision_threshold_the_nearest_rows_are_left(new_rows):
    threshold = 0.15
    model = FixedThresholdClassifier(
        LogisticRegression(), threshold=threshold, response_method="predict_proba"
    )
    fitted = cascade(model, accuracy_target=0.97).fit(*two_signals())
    X, _ = new_rows
    features = fitted.estimator_[0].named_transformers_["cheap"].transform(X[:, :1])
    positive = fitted.stages_[0].model.predict_proba(features)[:, 1]
    early = fitted.predict_stage(X) == 0
    for side in (positive >= threshold, positive < threshold):
        distance = np.abs(positive - threshold)[side]
        assert early[side].any()
        assert distance[early[side]].min() >= distance[~early[side]].max(initial=0)
    assert not early.all()


def test_a_label_that_is_no_class_does_not_stop_a_cascade():
    X, y = two_signals(2000)
    model = RadiusNeighborsClassifier(radius=0.2, outlier_label=7)
    with pytest.warns(UserWarning, match="Outlier label 7"):
        fitted = cascade(model, accuracy_target=0.8).fit(X, y)
    assert len(fitted.stages_) == 2
    with pytest.warns(UserWarning, match="Outlier label 7"):
        answers = fitted.predict(np.vstack([X, [[1e6, 1e6]]]))
    assert answers.shape == (2001,)


def test_an_approximate_model_of_the_users_own():
    X, y = two_signals()
    model = cascade(approx_estimator=DecisionTreeClassifier(max_depth=4)).fit(X, y)
    assert isinstance(model.stages_[0].model, DecisionTreeClassifier)
    assert hasattr(model, "predict_proba")
    assert not hasattr(model, "decision_function")


def test_a_row_of_each_form():
    X, y = two_signals_frame()
    model = cascade(columns=("c", "d")).fit(X, y)
    for position in range(0, 60, 7):
        row = X.iloc[position]
        expected = model.predict_proba(X.iloc[[position]])[0]
        assert_array_equal(model.predict_proba_one(row.to_dict() | {"more": 1}), expected)
        assert_array_equal(model.predict_proba_one(row.to_numpy()), expected)
        assert_array_equal(model.predict_proba_one(X.iloc[[position]]), expected)
        assert model.predict_one(tuple(row)) == model.predict(X.iloc[[position]])[0]


def test_one_text():
    X, y = stdlib_lines()
    model = text_cascade().fit(list(X[::200]), y[::200])
    assert model.predict_one("import os") == model.predict(["import os"])[0]
    assert_array_equal(model.predict_proba_one("import os"), model.predict_proba(["import os"])[0])


@pytest.mark.parametrize(
    "container", [list, pd.Series, np.asarray, lambda X: pl.Series(list(X)), np.ndarray.tolist]
)
def test_containers_of_text(container):
    X, y = stdlib_lines()
    expected = text_cascade().fit(X[::100], y[::100]).predict_proba(X[50::500])
    model = text_cascade().fit(container(X[::100]), y[::100])
    assert_array_equal(model.predict_proba(container(X[50::500])), expected)
    assert model.predict_one(X[50]) == model.predict(container(X[50:51]))[0]


def test_polars_frames():
    X, y = two_signals_frame()
    expected = cascade(columns=("c", "d")).fit(X, y).predict_proba(X)
    X = pl.from_pandas(X)
    model = cascade(columns=("c", "d")).fit(X, y)
    assert_allclose(model.predict_proba(X), expected, rtol=1e-12)
    assert_allclose(model.predict_proba_one(X.row(3, named=True)), expected[3], rtol=1e-12)


@pytest.mark.parametrize("labels", [[0, 1], ["no", "yes"]])
@pytest.mark.parametrize("container", [pl.Series, pd.Series, list])
def test_containers_of_labels(labels, container):
    X, y = two_signals(1500)
    y = np.array(labels)[y]
    model = cascade(accuracy_target=0.9).fit(X, container(y))
    assert len(model.stages_) == 2
    assert_array_equal(model.predict(X), cascade(accuracy_target=0.9).fit(X, y).predict(X))


# The plan ---------------------------------------------------------------------------------------


def test_what_is_learned(fitted):
    assert [block.name for block in fitted.blocks_] == ["cheap", "dear"]
    assert [block.cost_seconds for block in fitted.blocks_] == [1e-6, 1e-2]
    assert fitted.blocks_[0].importance > fitted.blocks_[1].importance > 0
    first, last = fitted.stages_
    assert first.blocks == ("cheap",)
    assert last.blocks == ("cheap", "dear")
    assert last.threshold is None
    assert first.share + last.share == pytest.approx(1)
    assert first.cost_seconds < last.cost_seconds
    assert fitted.guarantee_.kind == "cross-fitted"
    assert fitted.guarantee_.basis == "cross-fitted"
    curve = fitted.tradeoff_[0]
    assert curve.score_kept[curve.chosen] >= 0.99
    assert curve.early_share[curve.chosen] == pytest.approx(first.share)
    assert np.all(np.diff(curve.early_share) >= 0)
    assert np.all(np.diff(curve.expected_seconds) <= 0)
    assert curve.early_share[0] == 0
    assert curve.score_kept[0] == 1
    assert curve.early_share[-1] == 1


def test_the_target_is_kept_on_new_rows(fitted):
    X, y = two_signals(100_000, seed=2)
    assert fitted.score(X, y) >= 0.99 * fitted.estimator_.score(X, y)


def test_lower_targets_answer_more_rows_early():
    model = cascade().fit(*two_signals())
    shares = []
    for target in (0.999, 0.99, 0.97, 0.9):
        model.set_accuracy_target(target)
        shares.append(model.stages_[0].share if len(model.stages_) == 2 else 0.0)
    assert shares == sorted(shares)
    assert shares[-1] > shares[0]


@pytest.mark.parametrize("target", [0.9, 0.97, 0.999, 1.0])
def test_setting_the_target_agrees_with_a_fit_at_that_target(target):
    X, y = two_signals()
    moved = cascade(accuracy_target=0.98).fit(X, y).set_accuracy_target(target)
    fresh = cascade(accuracy_target=target).fit(X, y)
    assert moved.accuracy_target == target
    assert_array_equal(moved.predict_stage(X), fresh.predict_stage(X))
    assert_array_equal(moved.predict_proba(X), fresh.predict_proba(X))
    assert moved.guarantee_ == fresh.guarantee_


def test_a_bad_target_leaves_the_cascade_as_it_was(fitted):
    before = fitted.guarantee_
    with pytest.raises(ValueError, match="accuracy_target"):
        fitted.set_accuracy_target(1.5)
    assert fitted.accuracy_target == 0.99
    assert fitted.guarantee_ == before


def test_with_a_target_of_one_the_full_model_answers_every_row(new_rows):
    X, _ = new_rows
    model = cascade(accuracy_target=1.0).fit(*two_signals())
    assert len(model.stages_) == 1
    assert_allclose(model.predict_proba(X), model.estimator_.predict_proba(X), rtol=1e-12)
    assert_array_equal(model.predict(X), model.estimator_.predict(X))
    assert model.guarantee_.kind == "exact"
    assert "accuracy_target=1.0 allows no approximation" in model.report()


def test_a_single_block_fits_and_predicts_as_it_is():
    X, y = two_signals(500)
    model = CascadeClassifier(LogisticRegression()).fit(X, y)
    plain = LogisticRegression().fit(X, y)
    assert_array_equal(model.predict(X), plain.predict(X))
    assert_allclose(model.predict_proba(X), plain.predict_proba(X), rtol=1e-12)
    assert_array_equal(model.predict_stage(X), np.zeros(500))
    assert "nothing to cascade" in model.report()
    assert model.set_accuracy_target(0.9).accuracy_target == 0.9


def test_a_cascade_that_would_not_pay_is_not_used():
    model = cascade(feature_costs={"cheap": 1.0, "dear": 0.05}).fit(*two_signals())
    assert len(model.stages_) == 1
    assert "No cascade" in model.report()


def test_too_few_rows_to_certify_says_how_many_would_do():
    model = cascade(accuracy_target=0.97).fit(*two_signals(60))
    assert len(model.stages_) == 1
    needed = model.guarantee_.rows_needed
    assert f"About {needed:,} calibration rows" in model.report()
    assert 60 < needed < 5000
    enough = cascade(accuracy_target=0.97).fit(*two_signals(2 * needed))
    assert len(enough.stages_) == 2


def test_costs_of_single_rows_are_planned_for_on_request():
    X, y = two_signals(2000)
    batch = cascade(feature_costs=None).fit(X, y)
    point = cascade(feature_costs=None, query="point").fit(X, y)
    assert point.blocks_[0].cost_seconds > 5 * batch.blocks_[0].cost_seconds


def test_an_imbalanced_problem_gets_a_threshold_for_each_class():
    rng = np.random.default_rng(0)
    cheap = rng.normal(size=20_000)
    dear = rng.normal(size=20_000)
    # Positives are rare, and noise makes the cheap model's "negative" the safer answer.
    y = (cheap + 0.5 * dear > 1.8).astype(int)
    X = np.column_stack([cheap, dear])
    model = cascade(LogisticRegression(class_weight="balanced"), accuracy_target=0.97).fit(X, y)
    assert np.ndim(model.stages_[0].threshold) == 1
    assert "by predicted class" in model.report()
    pooled = [t for t in model.tradeoff_ if t.blocks == ("cheap",)]
    assert pooled[0].chosen is not None


def test_a_stage_that_answers_every_row_says_so(fitted):
    model = cascade(accuracy_target=0.5).fit(*two_signals(2000))
    assert model.stages_[0].threshold == -np.inf
    assert ": every row\n" in model.report()
    assert "inf" not in model.report()
    assert ": rows with probability >= 0." in fitted.report()


def test_three_blocks_and_steps_before_and_after():
    X, y = two_signals(4000)
    X = np.column_stack([X, np.random.default_rng(0).normal(size=(4000, 2))])
    blocks = ColumnTransformer(
        [
            ("cheap", StandardScaler(), [0]),
            ("dear", MinMaxScaler(), [1]),
            ("noise", "passthrough", [2, 3]),
        ]
    )
    pipeline = make_pipeline(StandardScaler(), blocks, MinMaxScaler(), LogisticRegression())
    model = CascadeClassifier(
        pipeline,
        accuracy_target=0.98,
        cv=2,
        random_state=0,
        feature_costs={"cheap": 1e-6, "dear": 1e-2, "noise": 1e-2},
    )
    model.fit(X, y)
    assert model.stages_[0].blocks == ("cheap",)
    stage = model.predict_stage(X)
    assert_array_equal(model.predict(X)[stage == 1], model.estimator_.predict(X[stage == 1]))


def test_without_confidence_the_papers_rule_is_used(new_rows):
    model = cascade(confidence=None, accuracy_target=0.98).fit(*two_signals())
    assert model.guarantee_.kind == "plug-in"
    assert model.stages_[0].threshold in (0.6, 0.7, 0.8, 0.9)
    assert "No guarantee" in model.report()


# Other scores -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "scoring",
    [
        "f1",
        "roc_auc",
        "average_precision",
        make_scorer(recall_score),
        lambda estimator, X, y: np.mean(estimator.predict(X) == y),
    ],
)
def test_other_scores_are_kept_and_called_an_estimate(scoring, new_rows):
    model = cascade(scoring=scoring, accuracy_target=0.97).fit(*two_signals(1500))
    assert len(model.stages_) == 2
    assert model.guarantee_.kind == "estimate"
    assert model.guarantee_.evidence["lower_bound"] >= 0
    assert "Estimate, not a guarantee" in model.report()


def test_a_score_of_margins():
    model = cascade(LinearSVC(), scoring="roc_auc", accuracy_target=0.97).fit(*two_signals(1500))
    assert len(model.stages_) == 2
    assert model.guarantee_.kind == "estimate"


@pytest.mark.parametrize("scoring", ["neg_log_loss", "matthews_corrcoef", "r2"])
def test_a_score_of_which_a_share_makes_no_sense_is_refused(scoring):
    with pytest.raises(ValueError, match="must be a score between 0 and 1"):
        cascade(scoring=scoring).fit(*two_signals(500))


def test_no_scoring_is_the_estimators_own_accuracy(fitted):
    model = cascade(scoring=None).fit(*two_signals())
    assert model.guarantee_ == fitted.guarantee_
    assert model.guarantee_.kind == "cross-fitted"


def test_no_scoring_is_refused_where_the_estimator_defines_a_score():
    search = GridSearchCV(LogisticRegression(), {"C": [0.1, 1.0]}, scoring="roc_auc", cv=2)
    with pytest.raises(ValueError, match="GridSearchCV defines a score of its own"):
        cascade(search, scoring=None).fit(*two_signals(500))


def test_a_callable_score_outside_zero_to_one_is_refused():
    with pytest.raises(ValueError, match="score is -1"):
        cascade(scoring=lambda estimator, X, y: -1.0).fit(*two_signals(500))


# Splits -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "cv",
    [
        2,
        0.5,
        KFold(3),
        ShuffleSplit(2, random_state=0),
        RepeatedStratifiedKFold(n_splits=2, n_repeats=2, random_state=0),
    ],
)
def test_ways_to_split(cv):
    model = cascade(cv=cv, accuracy_target=0.97).fit(*two_signals())
    assert len(model.stages_) == 2
    assert model.guarantee_.basis == "cross-fitted"


def test_a_row_certifies_only_once():
    cv = RepeatedStratifiedKFold(n_splits=2, n_repeats=3, random_state=0)
    model = cascade(cv=cv, accuracy_target=0.97).fit(*two_signals(3000))
    assert model._calibrated.calibration.full_right.shape == (3000,)


@pytest.mark.parametrize("freeze", [False, True])
def test_a_fitted_estimator_is_used_as_it_is(freeze):
    X, y = two_signals()
    pipeline = two_blocks().fit(X[:2000], y[:2000])
    coef = pipeline[-1].coef_.copy()
    estimator = FrozenEstimator(pipeline) if freeze else pipeline
    model = CascadeClassifier(
        estimator,
        cv=5 if freeze else "prefit",
        accuracy_target=0.97,
        feature_costs=COSTS,
        random_state=0,
    ).fit(X[2000:], y[2000:])
    assert model.estimator_ is estimator
    assert_array_equal(pipeline[-1].coef_, coef)
    assert model.guarantee_.basis == "prefit"
    assert len(model.stages_) == 2
    assert "on folds of the data" not in model.report()


@pytest.mark.parametrize("n_classes", [1, 20, 600])
def test_rows_of_rare_classes_certify_as_often_as_others(n_classes):
    # Of each class there are a few rows only, of many of them one.
    rng = np.random.RandomState(0)
    y = np.append(np.zeros(2000, int), 1 + rng.randint(n_classes, size=600))
    data = FitData(X=y[:, None], y=y, params={})
    selecting = [selecting_rows(cross_fit_splits(data, 0.5, {}, rng), data, rng) for _ in range(20)]
    rare = np.mean([np.mean(y[rows] > 0) for rows in selecting])
    assert rare == pytest.approx(600 / 2600, abs=0.02)
    assert {len(rows) for rows in selecting} == {325}


@pytest.mark.parametrize("cv", ["prefit", 0.3])
def test_a_class_of_a_single_row_does_not_stop_a_cascade(cv):
    X, y = two_signals(2000)
    model = two_blocks().fit(X, np.where(np.arange(len(y)) % 50, y, 2))
    y[7] = 2
    model = CascadeClassifier(
        model, accuracy_target=0.9, cv=cv, feature_costs=COSTS, random_state=0
    ).fit(X, y)
    kind = "certified" if cv == "prefit" else "cross-fitted"
    assert model.guarantee_.kind == kind


@pytest.mark.parametrize("n_rows", [1, 2, 5, 9])
def test_too_few_rows_for_a_fitted_estimator_make_no_cascade(n_rows):
    X, y = two_signals(2000)
    model = two_blocks().fit(X, y)
    model = CascadeClassifier(model, cv="prefit", feature_costs=COSTS).fit(X[:n_rows], y[:n_rows])
    assert model.guarantee_.kind == "exact"
    assert "rows of each of two classes" in model.guarantee_.reason
    assert model.set_accuracy_target(0.5).guarantee_.kind == "exact"


def test_rows_of_one_class_for_a_fitted_estimator_make_no_cascade():
    X, y = two_signals(2000)
    model = CascadeClassifier(two_blocks().fit(X, y), cv="prefit", feature_costs=COSTS)
    assert "two classes" in model.fit(X[y == 1], y[y == 1]).guarantee_.reason


def test_a_full_model_that_is_never_right_has_nothing_to_keep():
    X, y = two_signals(2000)
    full = two_blocks().fit(X, y)
    model = CascadeClassifier(full, cv="prefit", feature_costs=COSTS, random_state=0)
    model.fit(X, 1 - full.predict(X))
    assert "right on none" in model.guarantee_.reason
    assert model.guarantee_.rows_needed is None


def test_an_unfitted_estimator_cannot_be_prefit():
    with pytest.raises(NotFittedError, match="cv='prefit' needs an estimator"):
        cascade(cv="prefit").fit(*two_signals(100))


def test_parts_fitted_in_parallel_give_the_same():
    X, y = two_signals(2000)
    one = cascade().fit(X, y)
    two = cascade(n_jobs=2).fit(X, y)
    assert_array_equal(one.predict_proba(X), two.predict_proba(X))
    assert one.guarantee_ == two.guarantee_


def test_fits_with_the_same_random_state_agree():
    X, y = two_signals(2000)
    first, second = cascade().fit(X, y), cascade().fit(X, y)
    assert_array_equal(first.predict_stage(X), second.predict_stage(X))
    assert first.guarantee_ == second.guarantee_


# At home in scikit-learn ------------------------------------------------------------------------


def test_grid_search_over_targets_and_nested_parameters():
    X, y = two_signals(3000)
    grid = {"accuracy_target": [0.9, 0.99], "estimator__logisticregression__C": [0.01, 1.0]}
    search = GridSearchCV(cascade(), grid, cv=2).fit(X, y)
    assert search.best_params_["accuracy_target"] == 0.99
    assert search.best_estimator_.predict(X).shape == (3000,)


def test_grid_search_with_a_frozen_estimator():
    X, y = two_signals(4000)
    pipeline = FrozenEstimator(two_blocks().fit(X[:1000], y[:1000]))
    model = CascadeClassifier(pipeline, cv="prefit", feature_costs=COSTS, random_state=0)
    search = GridSearchCV(model, {"accuracy_target": [0.8, 0.97]}, cv=2)
    search.fit(X[1000:], y[1000:])
    assert search.cv_results_["mean_test_score"].min() > 0.5


def test_fit_parameters_reach_the_full_and_the_approximate_models():
    X, y = two_signals(3000)
    weight = np.where(y == 1, 5.0, 1.0)
    plain = two_blocks().fit(X, y, logisticregression__sample_weight=weight)
    model = cascade().fit(X, y, logisticregression__sample_weight=weight)
    assert_array_equal(model.estimator_[-1].coef_, plain[-1].coef_)
    features = plain[0].named_transformers_["cheap"].transform(X[:, :1])
    first = LogisticRegression().fit(features, y, sample_weight=weight)
    assert_allclose(model.stages_[0].model.coef_, first.coef_)


def test_routed_weights_reach_fit_and_scorer():
    X, y = two_signals(3000)
    weight = np.where(y == 1, 5.0, 1.0)
    seen = []

    def weighted(y_true, y_pred, sample_weight=None):
        seen.append(sample_weight)
        return np.average(y_true == y_pred, weights=sample_weight)

    with config_context(enable_metadata_routing=True):
        estimator = two_blocks(LogisticRegression().set_fit_request(sample_weight=True))
        for step in estimator[0].transformers:
            step[1].set_fit_request(sample_weight=False)
        scorer = make_scorer(weighted).set_score_request(sample_weight=True)
        model = CascadeClassifier(
            estimator,
            scoring=scorer,
            accuracy_target=0.95,
            cv=2,
            feature_costs=COSTS,
            random_state=0,
        )
        model.fit(X, y, sample_weight=weight)
        plain = clone(estimator).fit(X, y, sample_weight=weight)
    assert_array_equal(model.estimator_[-1].coef_, plain[-1].coef_)
    features = plain[0].named_transformers_["cheap"].transform(X[:, :1])
    first = LogisticRegression().fit(features, y, sample_weight=weight)
    assert_allclose(model.stages_[0].model.coef_, first.coef_)
    assert seen
    assert all(set(np.unique(w)) <= {1.0, 5.0} for w in seen)


def test_routed_groups_reach_the_splitter():
    X, y = two_signals(3000)
    groups = np.arange(3000) % 7
    with config_context(enable_metadata_routing=True):
        model = cascade(cv=GroupKFold(3).set_split_request(groups=True), accuracy_target=0.95)
        model.fit(X, y, groups=groups)
    assert len(model.stages_) == 2


def test_feature_names():
    X, y = two_signals_frame(1000)
    model = cascade(columns=("c", "d")).fit(X, y)
    assert list(model.feature_names_in_) == ["d", "c", "unused"]
    assert model.n_features_in_ == 3


def test_columns_are_found_by_name():
    X, y = two_signals_frame()
    model = cascade(columns=("c", "d")).fit(X, y)
    expected = model.predict_proba(X)
    assert_array_equal(model.predict_proba(X[["c", "unused", "d"]]), expected)


def test_html_diagram(fitted):
    assert "CascadeClassifier" in fitted._repr_html_()


@pytest.mark.parametrize("dump", ["pickle", "joblib"])
def test_a_pickle_answers_the_same_in_a_fresh_process(fitted, new_rows, tmp_path, dump):
    X, _ = new_rows
    path = tmp_path / "cascade.pkl"
    if dump == "pickle":
        path.write_bytes(pickle.dumps(fitted))
    else:
        joblib.dump(fitted, path)
    np.save(tmp_path / "X.npy", X)
    code = f"""
        import joblib, numpy as np
        model = joblib.load({str(path)!r})
        X = np.load({str(tmp_path / "X.npy")!r})
        np.save({str(tmp_path / "out.npy")!r}, model.predict_proba(X))
        model.set_accuracy_target(0.9)
        print(model.predict_one(X[0]))
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=True)
    assert_array_equal(np.load(tmp_path / "out.npy"), fitted.predict_proba(X))


def test_threads_share_a_fitted_cascade(fitted, new_rows):
    X, _ = new_rows
    expected = fitted.predict_proba(X)
    before = pickle.dumps(fitted)
    with ThreadPoolExecutor(8) as threads:
        for answers in threads.map(lambda _: fitted.predict_proba(X), range(32)):
            assert_array_equal(answers, expected)
    assert pickle.dumps(fitted) == before


# Bad input --------------------------------------------------------------------------------------


def test_an_unfitted_cascade_cannot_answer():
    X, _ = two_signals(10)
    for method in ("predict", "predict_proba", "predict_stage"):
        with pytest.raises(NotFittedError):
            getattr(cascade(), method)(X)
    for call in (lambda m: m.report(), lambda m: m.set_accuracy_target(0.9)):
        with pytest.raises(NotFittedError):
            call(cascade())


@pytest.mark.parametrize(
    "parameters",
    [
        {"accuracy_target": 0.0},
        {"accuracy_target": 1.1},
        {"accuracy_target": float("nan")},
        {"accuracy_target": "high"},
        {"confidence": 1.0},
        {"confidence": 0.0},
        {"cv": 0.0},
        {"cv": "fit"},
        {"query": "rows"},
        {"scoring": "no such score"},
        {"feature_costs": [1]},
    ],
)
def test_bad_parameters_are_refused(parameters):
    (name,) = parameters
    with pytest.raises(ValueError, match=f"The '{name}' parameter"):
        cascade(**parameters).fit(*two_signals(100))


def test_unknown_blocks_in_feature_costs_are_refused():
    with pytest.raises(ValueError, match=r"among \['cheap', 'dear'\]\. Got 'dera'"):
        cascade(feature_costs={"dera": 1.0}).fit(*two_signals(300))


def test_costs_of_what_is_dropped_or_empty_are_let_pass():
    X, y = two_signals(900)
    X = np.column_stack([X, X[:, 0] + X[:, 1] ** 2, X[:, 1]])
    nested = ColumnTransformer([("one", StandardScaler(), [0]), ("two", MinMaxScaler(), [0])])
    blocks = ColumnTransformer(
        [
            ("cheap", StandardScaler(), [0]),
            ("dear", StandardScaler(), [1]),
            ("third", StandardScaler(), [2]),
            ("nested", nested, [3]),
        ]
    )
    costs = {**COSTS, "third": 1e-3, "nested__one": 1e-3, "nested__two": 1e-3}
    model = CascadeClassifier(
        make_pipeline(blocks, LogisticRegression()), feature_costs=costs, cv=2, random_state=0
    )
    step = "estimator__columntransformer__"
    for dropped in (
        {"third": "drop"},
        {"nested": "drop"},
        {"nested__two": "drop"},
        {"third": "drop", "nested": "drop", "dear": "drop"},
    ):
        few = clone(model).set_params(**{step + name: how for name, how in dropped.items()})
        few.fit(X, y)
        assert not {block.name for block in few.blocks_} & set(dropped)
        with pytest.raises(ValueError, match="Got 'nested_'"):
            few.set_params(feature_costs={"nested_": 1.0}).fit(X, y)
    blocks.set_params(transformers=[*blocks.transformers[:2], ("third", StandardScaler(), [])])
    model.set_params(feature_costs={**COSTS, "third": 1e-3}).fit(X, y)
    assert [block.name for block in model.blocks_] == ["cheap", "dear"]
    grid = {f"{step}third": ["drop", StandardScaler()]}
    search = GridSearchCV(model, grid, cv=2, error_score="raise").fit(X, y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


@pytest.mark.parametrize("seconds", [-1.0, float("inf"), float("nan"), "slow"])
def test_bad_feature_costs_are_refused(seconds):
    with pytest.raises(ValueError, match="seconds a row, 0 or more"):
        cascade(feature_costs={"dear": seconds}).fit(*two_signals(300))


def test_bad_data_in_fit():
    X, y = two_signals(300)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        cascade().fit(X, y[:-1])
    with pytest.raises(ValueError, match="2 classes"):
        cascade().fit(X, np.zeros(300))
    with pytest.raises(ValueError, match="n_splits=5"):
        cascade(cv=StratifiedKFold(5)).fit(X[:4], [0, 1, 0, 1])
    with pytest.raises(ValueError, match="1d array"):
        cascade().fit(X, np.column_stack([y, y]))
    with pytest.raises(ValueError, match="Unknown label type"):
        cascade().fit(X, y + 0.5)


def test_classes_that_a_fitted_estimator_lacks_are_refused():
    X, y = two_signals(900)
    pipeline = two_blocks().fit(X, y)
    with pytest.raises(ValueError, match=r"classes \[2\]"):
        CascadeClassifier(pipeline, cv="prefit").fit(X, np.where(X[:, 0] > 4, 2, y))


def test_bad_data_in_predict():
    X, y = two_signals_frame()
    model = cascade(columns=("c", "d"), accuracy_target=0.9).fit(X, y)
    sure = X[np.abs(X["c"]) > 6]
    assert not model.predict_stage(sure).any()
    with pytest.raises(ValueError, match=r"columns are missing: \{'d'\}"):
        model.predict(sure.drop(columns="d"))
    with pytest.raises(ValueError, match=r"columns are missing: \['d'\]"):
        model.predict_one({"c": 1.0, "unused": 0})
    with pytest.raises(ValueError, match="2 values, but 3 are expected"):
        model.predict_one([1.0, 2.0])
    with pytest.raises(TypeError, match="is of type str"):
        model.predict_one("a text")


def test_a_value_that_a_late_block_refuses_is_an_error_only_in_rows_that_are_left():
    X, y = two_signals_frame()
    for compile in (True, False):
        model = cascade(columns=("c", "d"), compile=compile).fit(X, y)
        stage = model.predict_stage(X)
        early, left = X[stage == 0][:3].copy(), X[stage == 1][:3].copy()
        expected = model.predict(early)
        early["d"] = left["d"] = np.inf
        assert_array_equal(model.predict(early), expected)
        with pytest.raises(ValueError, match="infinity"):
            model.predict(left)


def test_wrong_number_of_columns(fitted):
    X, _ = two_signals(20)
    with pytest.raises(ValueError, match="features"):
        fitted.predict(np.column_stack([X, X]))
    with pytest.raises(ValueError, match="1 value, but 2 are expected"):
        fitted.predict_one([1.0])
    with pytest.raises(
        TypeError, match=r"not fitted on a data frame\. Pass a list or 1-D array of 2 values"
    ):
        fitted.predict_one({"a": 1.0})


def test_an_empty_batch_is_what_the_estimator_makes_of_it(fitted):
    X, _ = two_signals(20)
    with pytest.raises(ValueError, match="0 sample") as ours:
        fitted.predict(X[:0])
    with pytest.raises(ValueError, match="0 sample") as theirs:
        fitted.estimator_.predict(X[:0])
    assert str(ours.value) == str(theirs.value)


@pytest.mark.parametrize(
    "make", [lambda: {0: [1.0], 1: [2.0]}, lambda: None, lambda: iter([[1.0, 2.0]]), lambda: 3.0]
)
def test_what_has_no_rows_is_what_the_estimator_makes_of_it(fitted, make):
    for method in ("predict", "predict_proba", "predict_stage"):
        with pytest.raises(ValueError, match="Expected 2D array"):
            getattr(fitted, method)(make())


def test_a_string_is_not_a_batch_of_texts():
    X, y = stdlib_lines()
    model = text_cascade().fit(X[::200], y[::200])
    with pytest.raises(ValueError, match="string object received"):
        model.predict("import os")


def test_a_model_without_confidence_answers_alone():
    X, y = two_signals(300)

    class OnlyLabels(DummyClassifier):
        predict_proba = property()
        predict_log_proba = property()

    model = cascade(OnlyLabels()).fit(X, y)
    assert len(model.stages_) == 1
    assert "neither predict_proba nor decision_function" in model.report()


@pytest.mark.parametrize(
    ("approx", "reason"),
    [
        (Perceptron(), "share neither predict_proba nor decision_function"),
        (VotingClassifier([("a", LogisticRegression())]), "approx_estimator has neither"),
    ],
)
def test_an_approximate_model_with_no_response_to_compare_is_named(approx, reason):
    X, y = two_signals(300)
    model = cascade(RandomForestClassifier(5), approx_estimator=approx).fit(X, y)
    assert len(model.stages_) == 1
    assert reason in model.report()


class Bare(ClassifierMixin, BaseEstimator):
    """A classifier that fits and predicts, and lists no classes."""

    def fit(self, X, y):
        self.model_ = LogisticRegression().fit(X, y)
        return self

    def predict(self, X):
        return self.model_.predict(X)


class BareWithProbabilities(Bare):
    def predict_proba(self, X):
        return self.model_.predict_proba(X)


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (Bare(), "has neither predict_proba nor decision_function"),
        (BareWithProbabilities(), "has no classes_"),
    ],
)
@pytest.mark.parametrize("settings", [{}, {"refit": False, "cv": 0.25}, {"compile": False}])
def test_a_classifier_that_lists_no_classes_answers_every_row(model, reason, settings):
    X, y = two_signals(300)
    with pytest.warns(NoCascadeWarning, match=reason):
        cascade = CascadeClassifier(two_blocks(model), **settings).fit(X, y)
    plain = cascade.estimator_
    assert_array_equal(cascade.predict(X), plain.predict(X))
    assert cascade.predict_one(X[0]) == plain.predict(X[:1])[0]
    assert reason in cascade.report()
    assert not hasattr(cascade, "classes_")


def test_what_is_no_classifier_is_refused():
    X, y = two_signals(300)
    for estimator in (Ridge(), two_blocks(Ridge()), FrozenEstimator(two_blocks(Ridge()).fit(X, y))):
        with pytest.raises(ValueError, match=r"'estimator' parameter of \w+ must be a classifier"):
            CascadeClassifier(estimator).fit(X, y)
    with pytest.raises(ValueError, match=r"'approx_estimator' parameter .* Got Ridge\(\)"):
        cascade(approx_estimator=Ridge()).fit(X, y)


def test_a_failed_fit_leaves_the_users_objects_alone():
    X, y = two_signals(400)
    X_before, y_before = X.copy(), y.copy()

    class Failing(LogisticRegression):
        fits = 0

        def fit(self, X, y):
            type(self).fits += 1
            if type(self).fits == 1:
                raise RuntimeError("the first fit")
            return super().fit(X, y)

    estimator = two_blocks(Failing())
    parameters = estimator.get_params()
    model = CascadeClassifier(estimator, feature_costs=COSTS, cv=2)
    with pytest.raises(RuntimeError, match="the first fit"):
        model.fit(X, y)
    assert_array_equal(X, X_before)
    assert_array_equal(y, y_before)
    assert estimator.get_params() == parameters
    assert not hasattr(estimator[-1], "coef_")
    with pytest.raises(NotFittedError):
        model.predict(X)
    assert len(model.fit(X, y).predict(X)) == 400
