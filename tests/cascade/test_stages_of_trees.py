"""Cascades on models of decision trees: subsets of blocks, and the first trees of the ensemble."""

import pickle
from functools import cache

import numpy as np
import pandas as pd
import pytest
from lightgbm import LGBMClassifier
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.compose import ColumnTransformer, make_column_transformer
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, OrdinalEncoder, StandardScaler

from skwillump import CascadeClassifier
from skwillump.blocks import (
    TruncatedClassifier,
    match_scores,
    split_pipeline,
    tree_scores,
    truncated_ensemble,
    truncation_sizes,
)
from skwillump.compilers import TreeModel, compile_model
from skwillump.stages._models import StageSpec

MODELS = {
    "LightGBM": LGBMClassifier(n_estimators=40, verbose=-1, n_jobs=1, random_state=0),
    "forest": RandomForestClassifier(40, random_state=0),
    "gradient boosting": GradientBoostingClassifier(n_estimators=20, random_state=0),
    "histogram boosting": HistGradientBoostingClassifier(max_iter=30, random_state=0),
}


def table(n_rows=4000, *, n_classes=2, seed=0):
    """A strong number, a weak number, a category, and a text of few values."""
    rng = np.random.default_rng(seed)
    strong, weak = rng.normal(scale=3.0, size=n_rows), rng.normal(size=n_rows)
    city = rng.choice(["Rome", "Oslo", "Lima"], n_rows)
    value = strong + weak + (city == "Rome") + rng.normal(scale=0.2, size=n_rows)
    edges = np.quantile(value, np.linspace(0, 1, n_classes + 1)[1:-1])
    labels = np.array(["low", "mid", "high"][:n_classes])
    X = pd.DataFrame({"weak": weak, "strong": strong, "city": city, "unused": 1.0})
    return X, labels[np.digitize(value, edges)]


def pipeline(model):
    return make_pipeline(
        ColumnTransformer(
            [
                ("city", OneHotEncoder(sparse_output=False), ["city"]),
                ("strong", StandardScaler(), ["strong"]),
                ("weak", StandardScaler(), ["weak"]),
            ]
        ),
        model,
    )


@cache
def fitted(name, n_classes=2, dear="weak"):
    costs = {"city": 1e-6, "strong": 1e-6, "weak": 1e-6} | {dear: 1e-2}
    model = CascadeClassifier(
        pipeline(MODELS[name]), accuracy_target=0.9, feature_costs=costs, cv=2, random_state=0
    )
    return model.fit(*table(n_classes=n_classes))


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("name", MODELS)
def test_rows_that_are_left_get_the_full_models_answer(name, n_classes):
    model, (X, _) = fitted(name, n_classes), table(seed=1)
    assert model._fused is not None
    stage = model.predict_stage(X)
    assert set(stage) == {0, 1}
    late = X[stage == 1]
    assert_array_equal(model.predict(X)[stage == 1], model.estimator_.predict(late))
    for method in ("predict_proba", "predict_log_proba", "decision_function"):
        assert hasattr(model, method) == hasattr(model.estimator_, method)
        if hasattr(model, method):
            with np.errstate(divide="ignore"):  # a forest's probability may be zero
                expected = getattr(model.estimator_, method)(late)
                answers = getattr(model, method)(X)
            assert_allclose(answers[stage == 1], expected, rtol=1e-12)


@pytest.mark.parametrize("name", MODELS)
def test_early_rows_get_the_answer_of_the_approximate_model_on_its_own_features(name):
    model, (X, _) = fitted(name), table(seed=1)
    stage, first = model.predict_stage(X), model.stages_[0]
    assert "weak" not in first.blocks
    early = X[stage == 0]
    graph = model._graph
    features = graph.compute(graph.prepare(early), first.blocks, {})
    assert_allclose(
        model.predict_proba(X)[stage == 0], first.model.predict_proba(features), rtol=1e-12
    )


@pytest.mark.parametrize("name", MODELS)
def test_one_row_gets_what_it_gets_in_a_batch(name):
    model, (X, _) = fitted(name), table(200, seed=2)
    rows = X.to_dict("records")
    assert model._runner.answer_one(rows[0], "predict_proba") is not None
    assert [model.predict_one(row) for row in rows] == model.predict(X).tolist()
    assert_allclose(
        [model.predict_proba_one(row) for row in rows], model.predict_proba(X), rtol=1e-12
    )
    assert_allclose(
        model.predict_proba_one(X.iloc[0].tolist()), model.predict_proba(X[:1])[0], rtol=1e-12
    )


def test_one_row_without_a_column_names_it_even_if_its_stage_does_not_need_it():
    row = table(1)[0].to_dict("records")[0]
    del row["weak"]
    with pytest.raises(ValueError, match=r"columns are missing: \['weak'\]"):
        fitted("LightGBM").predict_one(row)


def test_chunks_of_rows_get_the_same_answers(monkeypatch):
    model, (X, _) = fitted("LightGBM"), table(5000, seed=1)
    whole = model.predict_proba(X)
    monkeypatch.setattr("skwillump.blocks._trees.CHUNK_VALUES", 1)
    assert model._fused.chunk_rows == 1024
    assert_array_equal(model.predict_proba(X), whole)


def test_threads_and_pickles_give_the_same_answers():
    model, (X, _) = fitted("forest"), table(seed=1)
    copy = pickle.loads(pickle.dumps(model)).set_params(n_jobs=2)
    assert_array_equal(copy.predict_proba(X), model.predict_proba(X))


def test_values_that_the_model_refuses_raise_its_own_error():
    model, (X, _) = fitted("gradient boosting"), table(seed=1)
    X.loc[7, "strong"] = np.inf
    with pytest.raises(ValueError, match="infinity"):
        model.predict(X)


def slow_identity(X):
    return np.asarray(X)[:, [0] * 40] ** 3


def no_line(n_rows, *, seed=0):
    """The table with labels that no linear model tells."""
    X, _ = table(n_rows, seed=seed)
    noise = np.random.default_rng(seed + 1).normal(scale=0.2, size=n_rows)
    value = np.abs(X["strong"]) - 2 + X["weak"] / 3 + (X["city"] == "Rome") + noise
    return X, np.where(value > 0, "low", "mid")


def test_the_first_trees_are_a_stage_where_the_model_costs_most():
    X, y = no_line(9000)
    forest = RandomForestClassifier(200, min_samples_leaf=5, random_state=0)
    costs = dict.fromkeys(("city", "strong", "weak"), 1e-9)
    model = CascadeClassifier(
        pipeline(forest), accuracy_target=0.99, feature_costs=costs, cv=0.3, random_state=0
    ).fit(X, y)
    first = model.stages_[0]
    assert isinstance(first.model, TruncatedClassifier)
    assert first.n_trees == first.model.n_trees < 200
    assert f"with the first {first.n_trees} trees" in model.report()
    assert any(tradeoff.n_trees == first.n_trees for tradeoff in model.tradeoff_)
    new, truth = no_line(3000, seed=3)
    stage = model.predict_stage(new)
    assert 0 < stage.mean() < 0.5
    late = new[stage == 1]
    assert_array_equal(model.predict_proba(new)[stage == 1], model.estimator_.predict_proba(late))
    lost = np.mean(model.estimator_.predict(new) == truth) - np.mean(model.predict(new) == truth)
    assert lost <= 0.015


@pytest.mark.parametrize("name", MODELS)
def test_first_trees_are_a_model_on_the_blocks_that_they_look_at(name):
    X, y = table()
    graph = split_pipeline(pipeline(MODELS[name]).fit(X, y), compile=True)
    counts = truncation_sizes(graph)
    assert counts == sorted(counts)
    assert max(counts) <= MODELS[name].get_params().get("n_estimators", 30) // 2
    spec = StageSpec((), n_trees=counts[0], offset=(0.0,) * (2 if name == "forest" else 1))
    model = spec.of_trees(graph)
    features = graph.compute(X, spec.blocks_in(graph), {})
    everything = truncated_ensemble(graph, counts[0], graph.names)
    full = graph.compute(X, graph.names, {})
    assert_array_equal(model.predict_proba(features), everything.predict_proba(full))
    labels = compile_model(graph.model, TreeModel).predict(tree_scores(graph, full))
    assert_array_equal(labels, graph.model.predict(full))


def test_calibrated_first_trees_are_as_sure_as_the_whole_model():
    X, y = table(8000)
    boosted = LGBMClassifier(n_estimators=100, learning_rate=0.03, verbose=-1, n_jobs=1)
    graph = split_pipeline(pipeline(boosted).fit(X[:4000], y[:4000]), compile=True)
    features = graph.compute(X[4000:], graph.names, {})
    few = truncated_ensemble(graph, 12, graph.names)
    slope, offset = match_scores(few.scores(features), tree_scores(graph, features), False)
    assert slope > 1.5
    whole = graph.model.predict_proba(features)
    before = np.abs(few.predict_proba(features) - whole).mean()
    after = np.abs(few.calibrated(slope, offset).predict_proba(features) - whole).mean()
    assert after < before / 3


def test_matching_scores_of_several_classes_ignores_what_a_softmax_ignores():
    rng = np.random.default_rng(0)
    part = rng.normal(size=(500, 3))
    whole = 3.0 * part + [0.5, 0.0, -0.5] + rng.normal(size=(500, 1))
    slope, offset = match_scores(part, whole, True)
    assert slope == pytest.approx(3.0)
    assert_allclose(offset, [0.5, 0.0, -0.5], atol=1e-9)
    assert match_scores(np.ones((4, 1)), np.ones((4, 1)), False) == (1.0, [0.0])


def test_there_are_no_first_trees_of_other_models_nor_without_compilation():
    X, y = table(500)
    for estimator, compile in (
        (pipeline(LogisticRegression()), True),
        (pipeline(MODELS["forest"]), False),
        (make_pipeline(pipeline(None)[0], StandardScaler(), MODELS["forest"]), True),
    ):
        graph = split_pipeline(estimator.fit(X, y), compile=compile)
        assert truncation_sizes(graph) == []
        assert truncated_ensemble(graph, 3, graph.names) is None


def test_integers_that_lightgbm_rounds_go_to_the_original_steps():
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.integers(0, 9, 3000), rng.integers(0, 9, 3000)])
    y = (X.sum(axis=1) + rng.integers(0, 3, 3000) > 8).astype(int)
    estimator = make_pipeline(
        make_column_transformer(("passthrough", [0]), ("passthrough", [1])),
        LGBMClassifier(n_estimators=10, verbose=-1, n_jobs=1),
    )
    names = split_pipeline(estimator.fit(X, y)).names
    costs = dict(zip(names, (1e-6, 1e-2), strict=True))
    model = CascadeClassifier(
        estimator, accuracy_target=0.8, feature_costs=costs, cv=2, random_state=0
    ).fit(X, y)
    large = X.copy()
    large[::3, 0] = 2**24 + 1
    stage = model.predict_stage(large)
    assert_array_equal(
        model.predict_proba(large)[stage == 1],
        model.estimator_.predict_proba(large)[stage == 1],
    )


def test_blocks_that_are_not_compiled_stand_beside_compiled_ones():
    X, y = table()
    estimator = make_pipeline(
        ColumnTransformer(
            [
                ("codes", OrdinalEncoder(), ["city"]),
                ("strong", StandardScaler(), ["strong"]),
                ("weak", FunctionTransformer(slow_identity), ["weak"]),
            ]
        ),
        MODELS["LightGBM"],
    )
    costs = {"codes": 1e-6, "strong": 1e-6, "weak": 1e-2}
    model = CascadeClassifier(
        estimator, accuracy_target=0.9, feature_costs=costs, cv=2, random_state=0
    ).fit(X, y)
    assert not next(block for block in model.blocks_ if block.name == "weak").compiled
    new = table(seed=4)[0]
    stage = model.predict_stage(new)
    assert 0 < stage.mean() < 1
    assert_array_equal(model.predict(new)[stage == 1], model.estimator_.predict(new)[stage == 1])


def test_a_union_over_one_array_works_as_columns_do():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(3000, 4))
    y = (X[:, 0] * 3 + X[:, 1] > 0).astype(int)
    union = FeatureUnion([("a", StandardScaler()), ("b", StandardScaler(with_mean=False))])
    model = CascadeClassifier(
        make_pipeline(union, MODELS["LightGBM"]),
        accuracy_target=0.9,
        feature_costs={"a": 1e-6, "b": 1e-2},
        cv=2,
        random_state=0,
    ).fit(X, y)
    stage = model.predict_stage(X)
    assert_array_equal(
        model.predict_proba(X)[stage == 1], model.estimator_.predict_proba(X)[stage == 1]
    )
    assert [model.predict_one(row) for row in X[:50]] == model.predict(X[:50]).tolist()
