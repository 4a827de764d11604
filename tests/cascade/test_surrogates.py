"""Cascades whose first stage is a cheaper model on the same features."""

import pickle
import warnings
from functools import cache

import numpy as np
import pandas as pd
import pytest
from lightgbm import LGBMClassifier
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_matrix
from sklearn import config_context
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier, VotingClassifier
from sklearn.feature_extraction.text import HashingVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils import estimator_html_repr

from skwillump import CascadeClassifier
from skwillump.stages._models import read_graph
from skwillump.stages._surrogates import fit_surrogate

N_EASY = 0.8
"""Share of the rows of the world that a line tells apart."""


def world(n_rows=3000, *, n_classes=2, seed=0):
    """Classes along the first column; for a fifth of the rows, which lie in between, by a sign."""
    rng = np.random.default_rng(seed)
    easy = rng.random(n_rows) < N_EASY
    y = rng.integers(n_classes, size=n_rows)
    sign = rng.choice([-1.0, 1.0], n_rows)
    first = np.where(easy, 10.0 * y, 10.0 * rng.integers(n_classes - 1, size=n_rows) + 5.0)
    # What tells the others apart is the product of two columns, and so to no line.
    last = np.where(y == 0, sign, -sign) + rng.normal(scale=0.05, size=n_rows)
    first = first + rng.normal(scale=0.5, size=n_rows)
    if n_classes > 2:
        y = np.where(easy, y, np.clip(np.floor(first / 10.0), 0, n_classes - 2) + (y > 0))
    return np.column_stack([first, 1000.0 * sign, last]), y.astype(int)


def neighbors():
    return make_pipeline(StandardScaler(), KNeighborsClassifier(15))


def cascade(estimator=None, **kwargs):
    defaults = {"accuracy_target": 0.95, "cv": 0.3, "random_state": 0}
    return CascadeClassifier(estimator or neighbors(), **(defaults | kwargs))


@cache
def fitted():
    return cascade().fit(*world())


def features_of(model, X):
    return model.estimator_[:-1].transform(X)


def test_a_linear_model_answers_the_easy_rows_before_a_dear_one():
    model, (X, y) = fitted(), world(seed=1)
    assert model.stages_[0].is_surrogate
    assert not model.stages_[1].is_surrogate
    assert type(model.stages_[0].model) is LogisticRegression
    assert model.score(X, y) >= 0.95 * model.estimator_.score(X, y)
    early = model.predict_stage(X) == 0
    assert 0.5 < early.mean() < 1
    assert_array_equal(model.predict(X)[~early], model.estimator_.predict(X)[~early])
    own = model.stages_[0].model.predict(features_of(model, X))
    assert_array_equal(model.predict(X)[early], own[early])


def test_what_the_first_stage_is_is_said_in_plain_words():
    model = fitted()
    assert "from features with a linear model" in model.report()
    assert "importance" not in model.report()
    assert model.blocks_[0].importance is None
    assert any(tradeoff.is_surrogate for tradeoff in model.tradeoff_)
    drawn = estimator_html_repr(model)
    assert "its linear model in the place of the full one uses the blocks features" in drawn


def test_one_row_gets_the_answer_of_a_batch():
    model, (X, _) = fitted(), world(60, seed=2)
    labels, probabilities = model.predict(X), model.predict_proba(X)
    assert set(model.predict_stage(X)) == {0, 1}
    for row, label, expected in zip(X, labels, probabilities, strict=True):
        assert model.predict_one(row) == label
        assert_allclose(model.predict_proba_one(row), expected, rtol=1e-12, atol=1e-14)


def test_it_answers_the_same_after_a_pickle():
    model, (X, _) = fitted(), world(200, seed=3)
    assert_array_equal(pickle.loads(pickle.dumps(model)).predict(X), model.predict(X))


@pytest.mark.parametrize(
    "kwargs",
    [{"compile": False}, {"cv": 2}, {"refit": False}, {"query": "point"}, {"confidence": None}],
    ids=str,
)
def test_it_is_tried_in_every_way_of_fitting(kwargs):
    X, y = world(seed=4)
    model = cascade(**kwargs).fit(X, y)
    assert model._calibrated.calibration.candidates[0].is_surrogate
    assert_array_equal(model.predict(X[:50]).shape, (50,))


def test_with_a_fitted_estimator_it_is_fitted_on_the_rows_of_fit():
    full = neighbors().fit(*world())
    model = cascade(full, cv="prefit").fit(*world(seed=5))
    assert model.stages_[0].is_surrogate
    assert model.guarantee_.kind == "certified"
    assert model.estimator_ is full


def test_several_classes_are_told_apart():
    X, y = world(n_classes=3)
    model = cascade().fit(X, y)
    assert model.stages_[0].is_surrogate
    assert model.stages_[0].model.coef_.shape == (3, 3)
    assert_array_equal([model.predict_one(row) for row in X[:30]], model.predict(X[:30]))


def texts(n_rows=2000, seed=0):
    rng = np.random.default_rng(seed)
    y = rng.integers(2, size=n_rows)
    words = np.array(["apple pear plum", "bolt nut screw"])
    return [f"{words[c]} {rng.integers(200)} {rng.integers(200)}" for c in y], y


@pytest.mark.parametrize(
    "model",
    [
        KNeighborsClassifier(3),
        SVC(),
        VotingClassifier(
            [("a", KNeighborsClassifier(3)), ("b", DecisionTreeClassifier(random_state=0))],
            voting="soft",
        ),
        CalibratedClassifierCV(KNeighborsClassifier(3), cv=2),
    ],
    ids=lambda model: type(model).__name__,
)
def test_models_of_all_kinds_get_one_behind_texts(model):
    X, y = texts()
    made = cascade(make_pipeline(TfidfVectorizer(), model)).fit(X, y)
    assert made.stages_[0].is_surrogate
    assert_array_equal(made.predict(X), y)
    assert_array_equal([made.predict_one(text) for text in X[:20]], y[:20])


def test_a_single_transformer_of_columns_is_one_block():
    X, y = texts()
    frame = pd.DataFrame({"text": X, "unused": 0})
    columns = ColumnTransformer([("words", TfidfVectorizer(), "text")])
    made = cascade(make_pipeline(columns, KNeighborsClassifier(3))).fit(frame, y)
    assert made.stages_[0].blocks == ("words",)
    assert made.stages_[0].is_surrogate
    row = {"text": X[0], "unused": 0}
    assert made.predict_one(row) == y[0]


def test_blocks_under_a_dear_model_get_one_too():
    X, y = world()
    columns = ColumnTransformer([("a", StandardScaler(), [0]), ("b", StandardScaler(), [1, 2])])
    made = cascade(make_pipeline(columns, KNeighborsClassifier(15))).fit(X, y)
    assert any(tradeoff.is_surrogate for tradeoff in made.tradeoff_)


def test_a_model_without_transformers_is_one_block():
    X, y = world()
    made = cascade(KNeighborsClassifier(15)).fit(X, y)
    assert any(tradeoff.is_surrogate for tradeoff in made.tradeoff_)
    assert_array_equal([made.predict_one(row) for row in X[:20]], made.predict(X[:20]))


@pytest.mark.parametrize(
    "model",
    [
        LGBMClassifier(n_estimators=200, verbose=-1, n_jobs=1, random_state=0),
        RandomForestClassifier(100, random_state=0),
    ],
    ids=lambda model: type(model).__name__,
)
def test_first_trees_of_an_ensemble_are_tried_in_a_pipeline_of_one_block(model):
    X, _ = world()
    y = (np.abs(X[:, 0] - 5) > 3).astype(int)  # as no line tells
    made = cascade(make_pipeline(StandardScaler(), model)).fit(X, y)
    tried = [tradeoff.n_trees for tradeoff in made.tradeoff_]
    assert any(n_trees is not None for n_trees in tried)
    assert not made.stages_[0].is_surrogate
    assert_array_equal([made.predict_one(row) for row in X[:20]], made.predict(X[:20]))


class Counted(TransformerMixin, BaseEstimator):
    """Passes numbers on, and counts its fits."""

    n_fits = 0

    def fit(self, X, y=None):
        type(self).n_fits += 1
        return self

    def transform(self, X):
        return np.asarray(X, dtype=float)


@pytest.mark.parametrize("model", [LogisticRegression(), GaussianNB()], ids=str)
def test_nothing_more_is_fitted_where_a_cheaper_model_cannot_pay(model):
    Counted.n_fits = 0
    X, y = world(500)
    made = cascade(make_pipeline(Counted(), model), feature_costs={"features": 1.0})
    if isinstance(model, LogisticRegression):
        made.set_params(feature_costs=None)
    made.fit(X, y)
    assert Counted.n_fits == 1
    assert made.guarantee_.kind == "exact"
    assert "single block" in made.guarantee_.reason


def test_what_a_linear_model_cannot_read_is_left_out_with_its_reason():
    X, y = world()
    X[::7, 1] = np.nan
    made = cascade(
        make_pipeline(FunctionTransformer(), LGBMClassifier(n_estimators=50, verbose=-1, n_jobs=1))
    ).fit(X, y)
    assert any("NaN" in why.reason for _, why in made._calibrated.left_out)
    assert "a linear model on features" in made.report()


def test_weights_of_rows_reach_it():
    X, y = world()
    weight = np.where(y == 1, 20.0, 1.0)
    estimator = make_pipeline(StandardScaler(), LGBMClassifier(n_estimators=20, verbose=-1))
    plain = made_surrogate(estimator, X, y, {})
    weighted = made_surrogate(estimator, X, y, {"lgbmclassifier__sample_weight": weight})
    assert weighted.intercept_ > plain.intercept_ + 0.1
    with config_context(enable_metadata_routing=True):
        estimator[-1].set_fit_request(sample_weight="mass")
        routed = made_surrogate(estimator, X, y, {"mass": weight})
    assert_allclose(routed.coef_, weighted.coef_)


def made_surrogate(estimator, X, y, params):
    graph = read_graph(estimator.fit(X, y), X, compile=True)
    features = graph.compute(graph.prepare(X), graph.names, {})
    return fit_surrogate(graph, features, y, params)


def test_weights_of_classes_are_those_of_the_full_model():
    X, y = world()
    keep = (y == 1) | (np.arange(len(y)) % 20 == 0)
    X, y = X[keep], y[keep]
    forest = RandomForestClassifier(50, class_weight="balanced_subsample", random_state=0)
    estimator = make_pipeline(FunctionTransformer(csr_matrix), forest)
    assert made_surrogate(estimator, X, y, {}).class_weight == "balanced"


@pytest.mark.parametrize(
    "model", [KNeighborsClassifier(15), RandomForestClassifier(30, random_state=0), SVC()]
)
@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e300])
def test_bad_numbers_are_refused_as_the_full_model_refuses_them(model, bad):
    X, y = world()
    made = cascade(make_pipeline(FunctionTransformer(), model)).fit(X, y)
    X = X[:9].copy()
    X[3, 0] = bad

    def outcome(call):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # NumPy's, of numbers that are too large
            try:
                return call().tolist()
            except ValueError as error:
                return str(error)

    expected, found = outcome(lambda: made.estimator_.predict(X)), outcome(lambda: made.predict(X))
    if isinstance(expected, list):  # what the full model takes a first stage may answer
        assert isinstance(found, list)
        assert made.predict_one(X[3]) == found[3]
        return
    assert found == expected
    one = outcome(lambda: made.estimator_.predict(X[3:4]))
    found = outcome(lambda: np.atleast_1d(made.predict_one(X[3])))
    n_same = len("Input X contains NaN")  # one row's errors name columns too
    assert found[:n_same] == one[:n_same]


@pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning")
def test_trees_on_dense_numbers_get_a_linear_model_that_leaves_huge_numbers_to_them():
    X, y = world()
    forest = RandomForestClassifier(20, random_state=0)
    vote = VotingClassifier([("forest", forest), ("near", KNeighborsClassifier(15))], voting="soft")
    made = cascade(make_pipeline(StandardScaler(with_std=False), vote)).fit(X, y)
    assert made.stages_[0].is_surrogate
    X = X[:9].copy()
    X[:, 1] = 1e39
    for call in (made.predict, made.predict_proba, lambda X: made.predict_one(X[0])):
        with pytest.raises(ValueError, match="too large for dtype"):
            call(X)


def test_a_linear_model_that_would_be_too_large_is_not_fitted():
    X, _ = texts(400)
    words = HashingVectorizer(n_features=2**20)
    estimator = make_pipeline(words, KNeighborsClassifier(3))
    with pytest.raises(ValueError, match="1048576 features and 8 classes"):
        made_surrogate(estimator, X, np.arange(400) % 8, {})


def test_features_of_any_scale_are_one_linear_map():
    X, y = world()
    made = made_surrogate(make_pipeline(FunctionTransformer(), KNeighborsClassifier()), X, y, {})
    scaled = StandardScaler().fit(X)
    same = LogisticRegression(C=made.C, tol=made.tol, max_iter=made.max_iter)
    same.fit(scaled.transform(X), y)
    assert_allclose(
        made.decision_function(X), same.decision_function(scaled.transform(X)), rtol=1e-9, atol=1e-9
    )


def test_the_users_own_model_is_tried_on_the_same_features():
    X, y = world()
    made = cascade(approx_estimator=GaussianNB()).fit(X, y)
    assert [type(model) for model in made._calibrated.models] == [GaussianNB]
    assert not any(tradeoff.is_surrogate for tradeoff in made.tradeoff_)


def test_several_labels_a_row_get_none():
    X, y = world(1000)
    made = cascade().fit(X, np.column_stack([y, 1 - y]))
    assert made.guarantee_.kind == "exact"
    assert made.tradeoff_ == []


@pytest.mark.parametrize("container", [np.asarray, pd.DataFrame], ids=["array", "data frame"])
def test_a_model_without_steps_before_it_is_cascaded_whatever_holds_its_rows(container):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(1500, 6))
    y = (X[:, 0] + 0.3 * rng.normal(size=1500) > 0).astype(int)
    rows = container(X)
    if isinstance(rows, pd.DataFrame):
        rows.columns = list("abcdef")
    made = CascadeClassifier(SVC(), accuracy_target=0.95, cv=0.3, random_state=0).fit(rows, y)
    assert len(made.stages_) == 2, made.report()
    last = made.predict_stage(rows) == 1
    expected = made.estimator_.predict(rows)
    np.testing.assert_array_equal(made.predict(rows)[last], expected[last])
    assert made.predict_one(rows[:1]) == made.predict(rows[:1])[0]


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("model", [RidgeClassifier(), LinearSVC()], ids=str)
def test_one_row_without_probabilities_takes_the_path_of_one_row(model, n_classes, monkeypatch):
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(1200, 4)), columns=list("abcd"))
    X["text"] = np.where(X["a"] > 0.5, "up", "down") + np.where(X["b"] > 0, " and on", "")
    y = np.searchsorted([0.0, 0.8][: n_classes - 1], X["a"] + 0.2 * rng.normal(size=1200))
    blocks = ColumnTransformer(
        [("numbers", StandardScaler(), list("abcd")), ("words", TfidfVectorizer(), "text")]
    )
    made = CascadeClassifier(
        make_pipeline(blocks, model),
        accuracy_target=0.9,
        cv=0.3,
        random_state=0,
        feature_costs={"numbers": 0.0, "words": 1.0},
    ).fit(X, y)
    assert len(made.stages_) == 2
    expected, stages = made.predict(X), made.predict_stage(X)
    assert 0 in stages
    monkeypatch.setattr(
        type(made._runner), "answer", lambda *args, **options: pytest.fail("by the batch path")
    )
    rows = X.to_dict("records")
    np.testing.assert_array_equal([made.predict_one(row) for row in rows[:200]], expected[:200])
