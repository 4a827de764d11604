"""ApproxTopKRanker: what it returns, promises and refuses."""

import pickle
import re
import warnings
from concurrent.futures import ThreadPoolExecutor

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest
from common import (
    COSTS,
    ranker,
    stdlib_lines,
    two_blocks,
    two_signals,
    two_signals_frame,
    values,
)
from lightgbm import LGBMRanker, LGBMRegressor
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import config_context
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.dummy import DummyRegressor
from sklearn.exceptions import NotFittedError, UnsetMetadataPassedError
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import ndcg_score
from sklearn.model_selection import GridSearchCV, GroupKFold, KFold
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeRegressor
from sklearn.utils.estimator_checks import parametrize_with_checks

import skwillump.blocks._protocols
import skwillump.ranking._searching
import skwillump.stages._passes
from skwillump import ApproxTopKRanker


def full_scores(fitted, X):
    estimator = fitted.estimator_
    if hasattr(estimator, "predict_proba"):
        return estimator.predict_proba(X)[:, 1]
    return getattr(estimator, "decision_function", estimator.predict)(X)


def plain_best(fitted, X, k):
    return np.argsort(-full_scores(fitted, X), kind="stable")[:k]


@pytest.fixture(scope="module")
def fitted():
    return ranker().fit(*values())


@pytest.fixture(scope="module")
def new_rows():
    return values(1800, seed=5)


# scikit-learn's own checks ----------------------------------------------------------------------

BLOCKS = (StandardScaler(), MinMaxScaler())


@parametrize_with_checks(
    [
        ApproxTopKRanker(Ridge()),
        ApproxTopKRanker(make_pipeline(make_union(*BLOCKS), Ridge()), cv=0.4),
        ApproxTopKRanker(
            make_pipeline(make_union(*BLOCKS), Ridge()),
            k=3,
            cv=2,
            precision_target=0.3,
            confidence=None,
            feature_costs={"standardscaler": 0.0, "minmaxscaler": 1.0},
        ),
    ]
)
def test_scikit_learn_checks(estimator, check):
    check(estimator)


# Answers ----------------------------------------------------------------------------------------


def test_the_full_model_is_a_plain_fit_of_the_estimator(fitted):
    plain = clone(fitted.estimator).fit(*values())
    assert_array_equal(fitted.estimator_[-1].coef_, plain[-1].coef_)


@pytest.mark.parametrize("confidence", [0.95, None])
def test_most_of_the_best_are_found_and_their_scores_are_the_full_models(
    fitted, new_rows, confidence
):
    X, _ = new_rows
    model = ranker(confidence=confidence).fit(*values()) if confidence is None else fitted
    assert len(model.stages_) == 2
    assert model.stages_[1].share < 0.7
    found, scores = model.rank(X, return_scores=True)
    assert found.dtype == np.intp
    assert len(set(found)) == 50
    assert_allclose(scores, full_scores(model, X)[found], rtol=1e-12)
    assert np.isin(plain_best(model, X, 50), found).mean() >= 0.8
    assert_array_equal(np.argsort(-scores, kind="stable"), np.arange(50))
    assert_array_equal(model.rank(X, 7), found[:7])


@pytest.mark.parametrize("rule", ["share", "gap"])
@pytest.mark.parametrize("compiled", [True, False])
def test_rows_that_are_found_are_in_the_order_of_a_stable_sort(rule, compiled, monkeypatch):
    monkeypatch.setattr(
        "skwillump.planning._topk_search.LEAST_GAIN_OF_GAP", 0.9 if rule == "share" else -9.0
    )
    monkeypatch.setattr("skwillump.planning._topk_plan.TESTED_SAVING", -9.0)
    X, y = values()
    settings = {"k": 100, "query_size": (900, 3000), "cv": 0.5, "precision_target": 0.8}
    model = ranker(compile=compiled, **settings).fit(np.round(X), y)
    assert model.guarantee_.kind == "cross-fitted"
    assert model.stages_[0].search.rule == rule
    new = np.round(values(3000, seed=9)[0])
    found = model.rank(new)
    scores = model.estimator_.predict(new)
    assert len(np.unique(scores[found])) < 100
    assert_array_equal(found, found[np.lexsort((found, -scores[found]))])
    for module in (skwillump.blocks._protocols, skwillump.stages._passes):
        assert module.CHUNK_ROWS > 3000
        monkeypatch.setattr(module, "CHUNK_ROWS", 130)
    assert_array_equal(model.rank(new), found)


def test_exact_search_equals_a_stable_sort_of_the_plain_scores():
    X, y = stdlib_lines()
    pipeline = make_pipeline(
        make_union(CountVectorizer(), TfidfVectorizer(analyzer="char", ngram_range=(1, 3))),
        LogisticRegression(max_iter=1000, C=100.0),
    )
    model = ApproxTopKRanker(pipeline, precision_target=1.0, random_state=0).fit(X[::80], y[::80])
    assert len(model.stages_) == 1
    rows = X[7::40]
    for k in (1, 100, 1000, len(rows) + 5):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            assert_array_equal(model.rank(rows, k), plain_best(model, rows, k))


def test_a_filter_of_text_finds_most_of_the_best():
    X, y = stdlib_lines()
    pipeline = make_pipeline(
        make_union(TfidfVectorizer(), TfidfVectorizer(analyzer="char", ngram_range=(1, 4))),
        LogisticRegression(max_iter=1000),
    )
    model = ApproxTopKRanker(
        pipeline,
        k=200,
        precision_target=0.6,
        feature_costs={"tfidfvectorizer-1": 1e-7, "tfidfvectorizer-2": 1e-2},
        random_state=0,
    ).fit(X[::30], y[::30])
    assert len(model.stages_) == 2
    rows = X[11::30]
    found, scores = model.rank(rows, return_scores=True)
    assert_allclose(scores, full_scores(model, rows)[found], rtol=1e-12)
    assert np.isin(plain_best(model, rows, 200), found).mean() >= 0.6
    assert_allclose(model.predict(rows), full_scores(model, rows), rtol=1e-12)


@pytest.mark.parametrize("model", [LogisticRegression(), LinearSVC()])
def test_a_classifier_ranks_by_its_second_class(model):
    X, y = two_signals()
    fitted = ranker(model).fit(X, np.where(y == 1, "yes", "no"))
    assert_allclose(fitted.predict(X), full_scores(fitted, X), rtol=1e-12)
    found = fitted.rank(X, 20)
    assert np.mean(fitted.estimator_.predict(X[found]) == "yes") == 1


def test_the_filter_may_be_an_estimator_of_the_users_own(new_rows):
    model = ranker(approx_estimator=DecisionTreeRegressor(max_leaf_nodes=20)).fit(*values())
    assert isinstance(model.stages_[0].model, DecisionTreeRegressor)
    X, _ = new_rows
    found, scores = model.rank(X, return_scores=True)
    assert_allclose(scores, full_scores(model, X)[found], rtol=1e-12)


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame])
def test_data_frames(frame):
    X, _ = two_signals_frame()
    y = (X["c"] + X["d"]).to_numpy()
    X = frame({name: X[name].to_numpy() for name in X.columns})
    model = ranker(columns=("c", "d")).fit(X, y)
    assert list(model.feature_names_in_) == ["d", "c", "unused"]
    assert len(model.stages_) == 2
    found = model.rank(X)
    assert np.isin(np.argsort(-model.estimator_.predict(X))[:50], found).mean() >= 0.8


# Edges ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("compiled", [True, False])
def test_a_parameter_that_is_set_after_fit_waits_for_the_next_one(compiled, new_rows):
    X, _ = new_rows
    model = ranker(compile=compiled).fit(*values())
    found = model.rank(X)
    model.set_params(compile=not compiled)
    assert_array_equal(model.rank(X), found)
    assert_array_equal(model.predict(X)[found], model.rank(X, return_scores=True)[1])


def test_few_rows_and_no_rows(fitted):
    X, _ = values(60)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert_array_equal(fitted.rank(X, 0), [])
        assert_array_equal(fitted.rank(X[:1]), [0])
        assert_array_equal(fitted.rank(X[:0]), [])
        assert_array_equal(fitted.rank(X[:50]), plain_best(fitted, X[:50], 50))
        assert_array_equal(fitted.rank(X[:7], 7), plain_best(fitted, X[:7], 7))
        positions, scores = fitted.rank(X, 0, return_scores=True)
    assert positions.dtype == np.intp
    assert len(positions) == len(scores) == 0


@pytest.mark.parametrize("k", [-1, 2.5, "3", True])
def test_a_k_that_is_not_a_number_of_rows_is_refused(fitted, k):
    with pytest.raises(ValueError, match="k"):
        fitted.rank(values(60)[0], k)


def test_k_as_a_share_is_that_share_of_each_query(new_rows):
    X, y = values()
    model = ranker(k=0.02, cv=0.5).fit(X, y)
    assert model.guarantee_.k == np.ceil(0.02 * 3000)
    assert len(model.stages_) == 2
    query = new_rows[0]
    for n_rows in (1, 50, 1001):
        k = int(np.ceil(0.02 * n_rows))
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            found = model.rank(query[:n_rows])
        assert len(found) == k
        assert np.isin(plain_best(model, query[:n_rows], k), found).mean() >= 0.8
    groups = np.repeat([1, 2], [1000, 100])
    by_group = model.rank(query[:1100], groups=groups)
    assert {group: len(rows) for group, rows in by_group.items()} == {1: 20, 2: 2}
    assert_array_equal(by_group[1], model.rank(query[:1000]))
    assert len(model.rank(query[:500], k=0.1)) == 50
    with pytest.raises(ValueError, match="k as a number of rows"):
        ranker(k=0.02).fit(X, y, groups=np.arange(len(y)) // 100)


def test_constant_scores_are_returned_by_position():
    X, y = values(1000)
    model = ranker(DummyRegressor(), k=10, confidence=None, precision_target=0.01).fit(X, y)
    assert_array_equal(model.rank(X), np.arange(10))


class Holey(RegressorMixin, BaseEstimator):
    """The sum of the features; none where the first is large."""

    def fit(self, X, y):
        self.is_fitted_ = True
        return self

    def predict(self, X):
        return np.where(np.abs(X[:, 0]) > 2, np.nan, X.sum(axis=1))


@pytest.mark.parametrize("precision_target", [0.5, 1.0])
def test_rows_without_a_score_are_last(precision_target):
    X, y = values(3000)
    model = ranker(Holey(), k=100, confidence=None, precision_target=precision_target).fit(X, y)
    _, scores = model.rank(X, return_scores=True)
    assert not np.isnan(scores[:40]).any()
    assert (np.diff(np.isnan(scores).astype(int)) >= 0).all()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        order = model.rank(X, len(X))
    assert_array_equal(order, plain_best(model, X, len(X)))
    assert np.isnan(model.predict(X)[order[-20:]]).all()


def test_columns_that_a_filter_does_not_read_are_missed_all_the_same():
    X, _ = two_signals_frame()
    model = ranker(columns=("c", "d")).fit(X, X["c"] + X["d"])
    with pytest.raises(ValueError, match="missing"):
        model.rank(X[["c", "unused"]])


# Sizes ------------------------------------------------------------------------------------------


def test_a_larger_k_is_planned_anew_and_said_to_be(fitted, new_rows):
    X, _ = new_rows
    with pytest.warns(UserWarning, match=r"k=100 is larger than the k=50.*planned anew"):
        found = fitted.rank(X, 100)
    assert np.isin(plain_best(fitted, X, 100), found).mean() >= 0.9
    assert_array_equal(fitted.rank(X, 1800), plain_best(fitted, X, 1800))


def test_queries_of_another_size_are_warned_of_only_where_a_size_was_stated(fitted):
    stated = ranker(query_size=(1500, 2000)).fit(*values())
    assert stated.guarantee_.query_size == (1500, 2000)
    X, _ = values(6000, seed=3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for n in (300, 1700, 6000):
            fitted.rank(X[:n])
        stated.rank(X[:1500])
        stated.rank(X[:2000])
    for n in (300, 6000):
        with pytest.warns(UserWarning, match="sizes 1500 to 2000"):
            found = stated.rank(X[:n])
        assert np.isin(plain_best(stated, X[:n], 50), found).mean() >= 0.8


def test_a_query_that_is_promised_less_than_the_guarantee_says_is_warned_of():
    model = ranker(cv=0.5, refit=False, k=100).fit(*values())
    assert model.guarantee_.kind == "certified"
    X, _ = values(20_000, seed=3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.rank(X[:2000])
    with pytest.warns(UserWarning, match=r"is for queries of 3000 rows.*20000.*estimate"):
        model.rank(X)


def test_the_rule_of_the_paper_keeps_its_ratio_at_other_sizes():
    model = ranker(confidence=None, query_size=1000).fit(*values())
    assert model.stages_[0].search.rule == "ratio"
    with pytest.warns(UserWarning, match="ratio"):
        assert len(model.rank(values(3000, seed=3)[0], 60)) == 60


def test_a_target_of_one_leaves_nothing_to_the_rule_of_the_paper_either():
    model = ranker(confidence=None, precision_target=1.0).fit(*values())
    assert model.guarantee_.kind == "exact"
    assert "precision_target is 1" in model.report()
    X = values(500, seed=3)[0]
    assert_array_equal(model.rank(X), plain_best(model, X, 50))
    assert ranker(confidence=None).fit(*values()).set_precision_target(1.0).stages_[0].share == 1.0


@pytest.mark.parametrize("size", [(5, 3), (1, 2, 3), [1.5, 2], (0, 5)])
def test_a_range_of_sizes_that_is_none_is_refused(size):
    with pytest.raises(ValueError, match="query_size"):
        ranker(query_size=size).fit(*values(200))


# Queries that are told --------------------------------------------------------------------------


def told(n_queries=200, n_rows=30, seed=0):
    X, y = values(n_queries * n_rows, seed=seed)
    groups = np.repeat(np.arange(n_queries), n_rows)
    return X, y + groups % 7, groups


def test_groups_are_ranked_one_by_one():
    X, y, groups = told()
    model = ranker(k=3, cv=4).fit(X, y, groups=groups)
    assert model.guarantee_.kind == "cross-fitted"
    assert model.guarantee_.query_size == (30, 30)
    assert len(model.stages_) == 2
    found, scores = model.rank(X, groups=groups, return_scores=True)
    assert list(found) == list(range(200))
    precisions = []
    for group, positions in found.items():
        rows = np.flatnonzero(groups == group)
        best = rows[plain_best(model, X[rows], 3)]
        precisions.append(np.isin(best, positions).mean())
        assert set(positions) <= set(rows)
        assert_allclose(scores[group], model.predict(X[positions]), rtol=1e-12)
    assert np.mean(precisions) >= 0.9
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        alone = model.rank(X[groups == 17])
    assert_array_equal(np.flatnonzero(groups == 17)[alone], found[17])


def test_the_order_and_the_batches_of_groups_do_not_matter(monkeypatch):
    X, y, groups = told()
    model = ranker(k=3, cv=4).fit(X, y, groups=groups)
    found = model.rank(X, groups=groups)
    order = np.random.default_rng(0).permutation(len(X))
    names = np.array([f"query {group}" for group in groups])
    for chunk in (25, 100, 10**6):
        monkeypatch.setattr(skwillump.ranking._searching, "BATCH_ROWS", chunk)
        mixed = model.rank(X[order], groups=names[order])
        assert set(mixed) == set(names)
        for group in range(200):
            assert set(order[mixed[f"query {group}"]]) == set(found[group])


@pytest.mark.parametrize("k", [1, 4, 1000, 0.25])
@pytest.mark.parametrize("compiled", [True, False])
def test_many_small_queries_are_each_in_the_order_of_a_stable_sort(k, compiled):
    rng = np.random.default_rng(0)
    model = ranker(k=4, precision_target=1.0, compile=compiled).fit(*values())
    X, _ = values(3000, seed=1)
    X = X[rng.integers(0, 60, 3000)]  # most queries hold rows that tie
    groups = np.where(rng.random(3000) < 0.1, np.arange(3000), rng.integers(0, 150, 3000))
    found, scores = model.rank(X, k, groups=groups, return_scores=True)
    own = full_scores(model, X)
    assert list(found) == list(dict.fromkeys(groups.tolist()))
    for group, positions in found.items():
        rows = np.flatnonzero(groups == group)
        n_best = k if k >= 1 else int(np.ceil(k * len(rows)))
        expected = rows[np.argsort(-own[rows], kind="stable")[:n_best]]
        assert_array_equal(positions, expected)
        assert positions.dtype == np.intp
        assert_allclose(scores[group], own[expected], rtol=1e-12)


def test_queries_with_rows_that_rounding_could_swap_are_looked_at_one_by_one():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(1000, 2))
    model = ApproxTopKRanker(
        make_pipeline(make_union(*BLOCKS), LogisticRegression(C=1e6, max_iter=1000)),
        k=10,
        precision_target=1.0,
    ).fit(X, X[:, 0] > 0)
    query = rng.normal(size=(3000, 2)) * 5
    own = model.estimator_.predict_proba(query)[:, 1]
    assert np.mean(own == 1) > 0.2  # rows that tie, with other features
    groups = np.arange(3000) % 100
    for group, positions in model.rank(query, groups=groups).items():
        rows = np.flatnonzero(groups == group)
        assert_array_equal(positions, rows[np.argsort(-own[rows], kind="stable")[:10]])


def test_groups_of_unseen_sizes_are_warned_of():
    X, y, groups = told()
    model = ranker(k=3, cv=4).fit(X, y, groups=groups)
    with pytest.warns(UserWarning, match="sizes 30 to 30"):
        model.rank(X)
    with pytest.warns(UserWarning, match="k=4 is larger"):
        assert_array_equal(model.rank(X[:30], 4), plain_best(model, X[:30], 4))


def lightgbm_ranker():
    return LGBMRanker(n_estimators=10, min_child_samples=5, random_state=0, verbose=-1)


@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
@pytest.mark.parametrize("as_sizes", [False, True])
def test_a_ranker_is_given_the_sizes_of_its_queries(as_sizes):
    X, y, groups = told()
    y = np.digitize(y, np.quantile(y, [0.5, 0.8, 0.95]))
    model = ranker(lightgbm_ranker(), k=3, precision_target=0.6)
    sizes = np.full(200, 30)
    if as_sizes:
        model.fit(X, y, lgbmranker__group=sizes)
    else:
        model.fit(X, y, groups=groups)
    assert model.guarantee_.n_queries > 0
    plain = clone(model.estimator).fit(X, y, lgbmranker__group=sizes)
    assert_array_equal(model.predict(X), plain.predict(X))
    assert len(model.rank(X, groups=groups)) == 200


def test_sizes_and_groups_must_agree():
    X, y, groups = told(20)
    y = (y > 0).astype(int)
    model = ranker(lightgbm_ranker())
    with pytest.raises(ValueError, match="add up to 30"):
        model.fit(X, y, lgbmranker__group=[10, 20])
    with pytest.raises(ValueError, match="different queries"):
        model.fit(X, y, groups=groups, lgbmranker__group=[300, 300])
    with pytest.raises(ValueError, match="Sort X, y and groups"):
        model.fit(X, y, groups=np.arange(600) % 20)


@pytest.mark.parametrize(
    ("groups_of", "message"),
    [
        (lambda g: np.column_stack([g, g]), r"groups has the shape \(600, 2\)"),
        (lambda g: 3, r"groups has the shape \(\)"),
        (lambda g: [None, *g[1:]], "groups holds values .* of these types: NoneType, int64"),
        (lambda g: np.array(["a", *g[1:].tolist()], dtype=object), "these types: int, str"),
        (
            lambda g: pd.Series([pd.NA, *map(str, g[1:])], dtype="string"),
            "these types: NAType, str",
        ),
        (lambda g: np.where(g == 0, np.nan, g), r"groups has a missing value \(nan\)"),
    ],
)
def test_groups_that_do_not_tell_queries_are_refused(groups_of, message):
    X, y, groups = told(20)
    groups = groups_of(groups)
    with pytest.raises(ValueError, match=message):
        ranker().fit(X, y, groups=groups)
    fitted = ranker(precision_target=1.0).fit(X, y)
    with pytest.raises(ValueError, match=message):
        fitted.rank(X, groups=groups)
    with pytest.raises(ValueError, match=message):
        fitted.score(X, y, groups=groups)


@pytest.mark.parametrize(("cv", "least"), [(0.3, 2), (0.9, 10), (5, 5), (None, 5), ("prefit", 8)])
def test_too_few_queries_to_hold_some_out_are_refused(cv, least):
    X, y, groups = told(20)
    model = ranker(cv=cv)
    if cv == "prefit":
        model.estimator.fit(X, y)
    told_cv = 5 if cv is None else cv
    with pytest.raises(ValueError, match=f"is {least - 1}, but cv={told_cv!r} takes {least} or"):
        model.fit(X, y, groups=groups % (least - 1))
    assert model.fit(X, y, groups=groups % least).guarantee_.kind == "exact"


def test_a_splitter_that_tears_queries_is_refused():
    X, y, groups = told(20)
    with pytest.raises(ValueError, match="splits queries"):
        ranker(cv=KFold(3, shuffle=True, random_state=0)).fit(X, y, groups=groups)


# Plans ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cv", [3, 0.5, KFold(3), None])
def test_ways_to_hold_rows_out(cv):
    model = ranker(cv=cv).fit(*values())
    assert model.guarantee_.basis == "cross-fitted"
    assert model.guarantee_.kind in ("cross-fitted", "estimate")
    assert len(model.stages_) == 2


@pytest.mark.parametrize("frozen", [False, True])
def test_a_fitted_estimator_is_certified_as_it_is(frozen):
    X, y = values(9000)
    plain = two_blocks(Ridge()).fit(X[:3000], y[:3000])
    estimator = FrozenEstimator(plain) if frozen else plain
    model = ApproxTopKRanker(
        estimator,
        k=100,
        precision_target=0.9,
        query_size=1000,
        cv=0.3 if frozen else "prefit",
        feature_costs=COSTS,
        random_state=0,
    ).fit(X[3000:], y[3000:])
    assert model.estimator_ is estimator
    assert model.guarantee_.kind == "certified"
    assert model.guarantee_.basis == "prefit"
    assert model.guarantee_.n_rows == 3600
    assert model.guarantee_.tested_target == model.guarantee_.precision_target
    with pytest.raises(NotFittedError, match="prefit"):
        clone(model).set_params(estimator=two_blocks(Ridge()), cv="prefit").fit(X, y)


def test_another_target_gives_the_plan_of_another_fit():
    sizes = {"k": 100, "query_size": 1000, "cv": 0.5}
    model = ranker(**sizes).fit(*values())
    other = ranker(precision_target=0.7, **sizes).fit(*values())
    before = model.stages_[1].share
    model.set_precision_target(0.7)
    assert model.stages_[1].share < before
    # Costs are measured, but the block's costs are given, and far apart.
    assert model.stages_[0].blocks == other.stages_[0].blocks
    assert model.guarantee_.tested_target == other.guarantee_.tested_target
    with pytest.raises(ValueError, match="precision_target"):
        model.set_precision_target(2)
    assert model.precision_target == 0.7


def test_why_nothing_is_filtered_is_said():
    X, y = values()
    single = ApproxTopKRanker(Ridge()).fit(X, y)
    assert "single block" in single.report()
    exact = ranker(precision_target=1.0).fit(X, y)
    assert "precision_target is 1" in exact.report()
    few = ranker(k=2, precision_target=0.999).fit(X[:200], y[:200])
    assert "too few" in few.report()
    small = ranker(query_size=20).fit(X, y)
    assert "at most 20 rows" in small.report()
    for model in (single, exact, few, small):
        assert model.guarantee_.kind == "exact"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            assert_array_equal(model.rank(X, 40), plain_best(model, X, 40))


def test_the_report_says_what_is_promised(fitted):
    promised = ranker(k=100, query_size=1000, cv=0.5).fit(*values())
    assert promised.guarantee_.kind == "cross-fitted"
    text = " ".join(promised.report().split())
    for words in (
        "Cross-fitted, not certified",
        "at least 90 %",
        "queries of 1,000 rows",
        "cheap",
        "dear",
    ):
        assert words in text
    # Models that are fitted on some of these rows may score those that choose.
    assert "rows set apart from those that chose the filter" in text
    assert "no part in" not in text
    estimate = " ".join(ranker(k=2, query_size=1000).fit(*values()).report().split())
    assert "Estimate, not a guarantee" in estimate
    assert "change as a power of its rank" in estimate
    plug_in = ranker(confidence=None).fit(*values()).report()
    assert "No guarantee" in plug_in


# Scores and scikit-learn ------------------------------------------------------------------------


def test_ndcg_of_an_exact_ranking_is_scikit_learns():
    X, y = values(2000)
    model = ranker(precision_target=1.0).fit(X, y)
    gain = y - y.min()
    scores = model.estimator_.predict(X)
    assert_allclose(model.score(X, y), ndcg_score(gain[None], scores[None], k=50), rtol=1e-12)


def test_precision_against_the_true_values():
    X, y = two_signals()
    model = ranker(LogisticRegression(), scoring="precision", precision_target=1.0).fit(X, y)
    assert model.score(X, y) == np.mean(y[model.rank(X)])
    X, y = values()
    model = ranker(scoring="precision", precision_target=1.0).fit(X, y)
    best = np.argsort(-y)[:50]
    assert model.score(X, y) == np.isin(model.rank(X), best).mean()


def test_the_score_over_groups_is_the_mean():
    X, y, groups = told(40)
    model = ranker(k=3, precision_target=1.0).fit(X, y, groups=groups)
    each = [model.score(X[groups == group], y[groups == group]) for group in range(40)]
    assert_allclose(model.score(X, y, groups=groups), np.mean(each))


def test_grid_search_over_the_target():
    X, y = values(3000)
    search = GridSearchCV(ranker(), {"precision_target": [0.5, 1.0]}, cv=2).fit(X, y)
    assert len(search.cv_results_["mean_test_score"]) == 2
    assert search.best_estimator_.rank(X).shape == (50,)


@pytest.mark.parametrize("library", [pickle, joblib])
def test_pickles(fitted, new_rows, library, tmp_path):
    path = tmp_path / "ranker"
    with path.open("wb") as file:
        library.dump(fitted, file)
    with path.open("rb") as file:
        loaded = library.load(file)
    assert_array_equal(loaded.rank(new_rows[0]), fitted.rank(new_rows[0]))
    assert loaded.report() == fitted.report()


def test_threads_share_a_fitted_ranker(fitted, new_rows):
    X, _ = new_rows
    expected = fitted.rank(X)
    before = pickle.dumps(fitted)
    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(lambda _: fitted.rank(X), range(8)):
            assert_array_equal(found, expected)
    assert pickle.dumps(fitted) == before


def test_sample_weights_reach_every_model():
    X, y = values()
    weight = np.random.default_rng(0).uniform(0.1, 3, size=len(y))
    model = ranker().fit(X, y, ridge__sample_weight=weight)
    plain = clone(model.estimator).fit(X, y, ridge__sample_weight=weight)
    assert_array_equal(model.estimator_[-1].coef_, plain[-1].coef_)


def test_metadata_routing():
    X, y = values(1500)
    weight = np.random.default_rng(0).uniform(0.1, 3, size=len(y))
    with config_context(enable_metadata_routing=True):
        model = ranker(Ridge().set_fit_request(sample_weight=True))
        for step in model.estimator[0].transformers:
            step[1].set_fit_request(sample_weight=False)
        model.fit(X, y, sample_weight=weight)
        plain = clone(model.estimator).fit(X, y, sample_weight=weight)
    assert_array_equal(model.estimator_[-1].coef_, plain[-1].coef_)


def test_groups_that_a_ranker_asks_for_reach_its_fit_and_its_score_in_a_search():
    X, y = values(2000)
    groups = np.repeat(np.arange(40), 50)
    with config_context(enable_metadata_routing=True):
        model = ranker(k=5)
        search = GridSearchCV(model, {"precision_target": [0.8]}, cv=GroupKFold(2))
        with pytest.raises(UnsetMetadataPassedError, match="groups"):
            search.fit(X, y, groups=groups)
        model.set_fit_request(groups=True).set_score_request(groups=True)
        search.fit(X, y, groups=groups)
        (train, test), _ = search.cv.split(X, y, groups)
        of_split = clone(search.best_estimator_).fit(X[train], y[train], groups=groups[train])
    assert len(search.best_estimator_._calibrated.calibration.queries) == 40
    expected = of_split.score(X[test], y[test], groups=groups[test])
    assert search.cv_results_["split0_test_score"] == [expected]


def test_the_same_seed_gives_the_same_plan():
    first, second = (ranker(random_state=3).fit(*values()).stages_[0].search for _ in range(2))
    assert joblib.hash(first) == joblib.hash(second)


def test_a_fit_that_fails_leaves_nothing_fitted(fitted):
    model = ranker().fit(*values(500))
    with pytest.raises(ValueError, match="NaN"):
        model.fit(*(np.full_like(a, np.nan) for a in values(500)))
    with pytest.raises(NotFittedError):
        model.rank(values(60)[0])


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"feature_costs": {"nope": 1.0}}, "Got 'nope'"),
        ({"feature_costs": {"cheap": -1.0}}, "0 or more"),
        ({"precision_target": 0}, "precision_target"),
        ({"k": 0}, "'k' parameter"),
        ({"scoring": "r2"}, "scoring"),
    ],
)
def test_bad_parameters(kwargs, message):
    with pytest.raises(ValueError, match=message):
        ranker(**kwargs).fit(*values(300))


def test_targets_that_cannot_rank_are_refused():
    X, y = values(300)
    with pytest.raises(ValueError, match="3 classes"):
        ranker(LogisticRegression()).fit(X, np.arange(300) % 3)
    with pytest.raises(ValueError, match="1d array"):
        ranker().fit(X, np.column_stack([y, y]))
    with pytest.raises(ValueError, match="requires y to be passed, but the target y is None"):
        ranker().fit(X, None)
    with pytest.raises(ValueError, match="share neither"):
        ranker(LinearSVC(), approx_estimator=LGBMRegressor()).fit(X, y > 0)


def test_verbose_says_what_is_done(capsys):
    ranker(verbose=1).fit(*values(500))
    first = capsys.readouterr().out.splitlines()[0]
    assert re.fullmatch(r"\[ApproxTopKRanker\] +[\d.]+ s  fit the full model", first)
