"""Rows that a first stage's own kind of model refuses, and the full model answers."""

import numpy as np
import pandas as pd
import pytest
from common import COSTS, two_blocks, two_signals, values
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

from skwillump import ApproxTopKRanker, CascadeClassifier
from skwillump.cascade._responses import AnswerRecorder
from skwillump.planning import measures_for
from skwillump.stages._fold_tasks import HeldOut
from skwillump.stages._models import fit_graph


def with_a_gap(X):
    X = X.copy()
    X[3, 0] = np.nan
    return X


@pytest.fixture(scope="module")
def cascade():
    return CascadeClassifier(
        two_blocks(HistGradientBoostingClassifier(max_iter=20, random_state=0)),
        approx_estimator=LogisticRegression(),
        accuracy_target=0.9,
        cv=2,
        feature_costs=COSTS,
        random_state=0,
    ).fit(*two_signals(3000))


@pytest.fixture(scope="module")
def ranker():
    return ApproxTopKRanker(
        two_blocks(HistGradientBoostingRegressor(max_iter=20, random_state=0)),
        approx_estimator=Ridge(),
        k=20,
        precision_target=0.8,
        cv=2,
        feature_costs=COSTS,
        random_state=0,
    ).fit(*values(3000))


def test_the_full_model_answers_what_the_first_stage_refuses(cascade):
    assert len(cascade.stages_) == 2
    X = with_a_gap(two_signals(500, seed=1)[0])
    assert_array_equal(cascade.predict(X), cascade.estimator_.predict(X))
    assert cascade.predict_one(X[3]) == cascade.estimator_.predict(X)[3]


@pytest.mark.parametrize("labels", [True, False])
def test_fresh_rows_that_the_first_stage_refuses_certify_as_not_answered_early(cascade, labels):
    X, y = two_signals(3000, seed=2)
    plain = cascade.certify(X, y if labels else None).guarantee_
    gap = cascade.certify(with_a_gap(X), y if labels else None).guarantee_
    assert plain.kind == gap.kind == "certified"
    assert gap.n_rows == 3000


def test_fresh_rows_of_which_half_are_refused_cost_about_a_call_of_the_stage_each(
    cascade, monkeypatch
):
    X, y = two_signals(2000, seed=3)
    refused = np.random.default_rng(0).random(2000) < 0.5
    X[refused, 0] = np.nan
    calls = {"stage": 0, "full": 0}

    def counted(kind, name):
        method = kind.predict_proba

        def predict_proba(self, Z):
            calls[name] += 1
            return method(self, Z)

        monkeypatch.setattr(kind, "predict_proba", predict_proba)

    counted(LogisticRegression, "stage")
    counted(HistGradientBoostingClassifier, "full")
    guarantee = cascade.certify(X, y).guarantee_
    assert (guarantee.kind, guarantee.n_rows) == ("certified", 2000)
    assert 1000 < calls["stage"] < 2600
    assert calls["full"] <= 2
    # What is certified is what single rows get: the refused ones go to the full model.
    early = cascade.stages_[0].share
    assert 0 < early < np.mean(~refused)


def test_a_query_with_a_row_that_the_filter_refuses_is_scored_by_the_full_model(ranker):
    assert len(ranker.stages_) == 2
    X = with_a_gap(values(500, seed=1)[0])
    best = np.argsort(-ranker.estimator_.predict(X), kind="stable")[:20]
    assert_array_equal(ranker.rank(X), best)
    found, evidence = ranker.rank(X, return_evidence=True)
    assert_array_equal(found, best)
    assert evidence.is_met
    groups = np.repeat(np.arange(5), 100)
    assert [len(rows) for rows in ranker.rank(X, 4, groups=groups).values()] == [4] * 5


def test_fresh_rows_that_the_filter_refuses_certify_as_found(ranker):
    guarantee = ranker.certify(with_a_gap(values(4000, seed=2)[0])).guarantee_
    assert (guarantee.kind, guarantee.n_rows) == ("certified", 4000)


def test_what_the_full_model_refuses_too_is_an_error_of_its_own(cascade, ranker):
    for model in (cascade, ranker):
        answer = model.predict if model is cascade else model.rank
        X = np.array([["a", "b"]] * 30, dtype=object)
        with pytest.raises(ValueError, match="could not convert string to float"):
            answer(X)


# Rows that the full model of a fold refuses, and the one that answers does not -----------------


def rows_with_rare_categories(n_rare, n_rows=4000):
    """Numbers and a category that is there once in each of some rows, all of one class."""
    rng = np.random.default_rng(0)
    category = rng.choice(["u", "v", "w"], n_rows).astype(object)
    rare = rng.choice(n_rows, n_rare, replace=False)
    category[rare] = [f"rare {number}" for number in range(n_rare)]
    X = pd.DataFrame(rng.normal(size=(n_rows, 2)) * [3.0, 1.0], columns=["cheap", "dear"])
    y = (X.sum(axis=1) > 0).astype(int).to_numpy(copy=True)
    y[rare] = 1
    return X.assign(category=category), y, rare


def with_categories(encoder, **params):
    blocks = [
        ("cheap", StandardScaler(), ["cheap"]),
        ("dear", StandardScaler(), ["dear"]),
        ("category", encoder, ["category"]),
    ]
    return CascadeClassifier(
        make_pipeline(ColumnTransformer(blocks), LogisticRegression(C=10.0)),
        feature_costs={"cheap": 1e-6, "dear": 1e-3, "category": 1e-3},
        random_state=0,
        **{"accuracy_target": 0.95, "cv": 4} | params,
    )


@pytest.mark.parametrize("encoder", [OneHotEncoder(), OrdinalEncoder()])
@pytest.mark.parametrize("params", [{}, {"compile": False}])
def test_categories_that_a_fold_lacks_leave_a_cascade(encoder, params):
    X, y, _ = rows_with_rare_categories(20)
    cascade = with_categories(encoder, **params).fit(X, y)
    assert len(cascade.stages_) == 2
    assert cascade.guarantee_.kind == "cross-fitted"
    readable = X[~X["category"].str.startswith("rare")]
    assert_array_equal(
        cascade.predict(readable)[cascade.predict_stage(readable) == 1],
        cascade.estimator_.predict(readable)[cascade.predict_stage(readable) == 1],
    )


def test_categories_in_held_out_rows_leave_a_cascade_where_nothing_is_fitted_again():
    """What is timed is timed on rows that the full model was fitted on."""
    X, y, _ = rows_with_rare_categories(40)
    cascade = with_categories(OneHotEncoder(), cv=0.4, refit=False).fit(X, y)
    assert cascade.guarantee_.kind == "certified"
    n_refused = cascade._calibrated.calibration.n_refused
    assert 5 < n_refused < 30
    assert f"{n_refused} calibration rows hold a value" in cascade.report()


@pytest.mark.parametrize("dtype", [object, float])
def test_categories_that_a_fold_lacks_leave_a_cascade_of_an_array(dtype):
    X, y, _ = rows_with_rare_categories(20)
    codes = np.unique(X["category"], return_inverse=True)[1]
    values = X.assign(category=codes if dtype is float else X["category"]).to_numpy(dtype=dtype)
    blocks = [
        ("cheap", StandardScaler(), [0]),
        ("dear", StandardScaler(), [1]),
        ("category", OneHotEncoder(), [2]),
    ]
    cascade = with_categories(OneHotEncoder()).set_params(
        estimator=make_pipeline(ColumnTransformer(blocks), LogisticRegression(C=10.0))
    )
    cascade.fit(values, y)
    assert cascade.guarantee_.kind == "cross-fitted"
    assert cascade._calibrated.calibration.n_refused == 20
    assert "20 calibration rows hold a value" in cascade.report()
    fresh = values[np.isin(codes, np.flatnonzero(np.bincount(codes) > 1))]
    cascade.certify(fresh, cascade.estimator_.predict(fresh))
    assert "calibration rows hold a value" not in cascade.report()


def test_rows_that_a_fold_refuses_are_taken_to_be_right():
    """So that where a first stage is wrong it does harm, which the test of the target counts."""
    X, y, rare = rows_with_rare_categories(20)
    pipeline = with_categories(OneHotEncoder()).estimator
    train, test = np.arange(2000), np.arange(2000, 4000)
    graph = fit_graph(pipeline, X.iloc[train], y[train], {}, compile=True)
    recorder = AnswerRecorder(
        classes=np.array([0, 1]),
        method="predict_proba",
        measures=measures_for(True, 2),
        keeps_responses=False,
    )
    full = HeldOut.of(graph, recorder, X, test, train=train).full
    refused = np.isin(test, rare)
    assert recorder.is_right(full, y[test])[refused].all()
    assert_array_equal(recorder.is_answered(full), ~refused)
    fitted = clone(pipeline).fit(X.iloc[train], y[train])
    assert_array_equal(full["codes"][~refused], fitted.predict(X.iloc[test[~refused]]))
    with pytest.raises(ValueError, match="Found unknown categories"):
        HeldOut.of(graph, recorder, X, test)


@pytest.mark.parametrize(
    ("n_rare", "params"), [(400, {}), (20, {"scoring": "f1_macro"})], ids=["many", "other score"]
)
def test_where_too_little_is_known_of_refused_rows_the_full_model_answers(n_rare, params):
    X, y, _ = rows_with_rare_categories(n_rare)
    guarantee = with_categories(OneHotEncoder(), **params).fit(X, y).guarantee_
    assert guarantee.kind == "exact"
    assert "Found unknown categories" in guarantee.reason
