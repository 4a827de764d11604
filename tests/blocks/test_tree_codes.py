"""Stages of trees that read columns of codes answer as those that read features do."""

import pickle
from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest
from lightgbm import LGBMClassifier, LGBMRegressor
from numpy.testing import assert_array_equal
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skwillump.blocks import TreeBlocks, split_pipeline, truncated_ensemble
from skwillump.kernels.trees._columns import LOWEST

MODELS = {
    "LightGBM": LGBMClassifier(n_estimators=30, verbose=-1, n_jobs=1, random_state=0),
    "LightGBM three": LGBMClassifier(n_estimators=12, verbose=-1, n_jobs=1, random_state=1),
    "LightGBM regressor": LGBMRegressor(n_estimators=30, verbose=-1, n_jobs=1, random_state=0),
    "forest": RandomForestClassifier(20, max_depth=6, random_state=0),
    "deep forest": RandomForestClassifier(20, random_state=0),
    "gradient boosting": GradientBoostingClassifier(n_estimators=20, random_state=0),
    "histogram boosting": HistGradientBoostingClassifier(max_iter=20, random_state=0),
}


def table(n_rows, seed=0, unknown=False):
    rng = np.random.default_rng(seed)
    X = pd.DataFrame({"a": rng.normal(size=n_rows), "b": rng.normal(size=n_rows)})
    X["city"] = [f"city {i}" for i in rng.integers(0, 30, n_rows)]
    X["shop"] = [f"shop {i}" for i in rng.integers(0, 12, n_rows)]
    city, shop = (X[name].str[5:].astype(int) for name in ("city", "shop"))
    value = 2 * X["a"] * X["b"] + city % 3 - shop / 6
    if unknown:
        X.loc[::7, "city"] = "elsewhere"
    return X, value.to_numpy()


@cache
def graph_of(name):
    X, value = table(1500)
    model = MODELS[name]
    if name == "LightGBM regressor":
        y = value
    else:
        n_classes = 3 if "three" in name else 2
        y = np.digitize(value, np.quantile(value, np.linspace(0, 1, n_classes + 1)[1:-1]))
    dense = name == "histogram boosting"
    unknown = {"handle_unknown": "ignore", "sparse_output": not dense}
    blocks = ColumnTransformer(
        [
            ("city", OneHotEncoder(**unknown), ["city"]),
            ("numbers", StandardScaler(), ["a", "b"]),
            ("shop", OneHotEncoder(**unknown), ["shop"]),
        ]
    )
    return split_pipeline(make_pipeline(blocks, model).fit(X, y), compile=True)


def stage_of(name, kind):
    graph = graph_of(name)
    blocks = TreeBlocks.from_graph(graph)
    if kind == "first trees":
        names = graph.names
        model = truncated_ensemble(graph, 4, names)
    else:
        names = ("numbers", "shop")
        X, value = table(1500)
        features = graph.compute(graph.prepare(X), names, {})
        model = type(MODELS[name])(**MODELS[name].get_params())
        model.fit(features, value if "regressor" in name else np.digitize(value, [0.0]))
    return graph, blocks.stage(names, model)


@pytest.mark.parametrize("n_threads", [1, 2])
@pytest.mark.parametrize("kind", ["first trees", "some blocks"])
@pytest.mark.parametrize("name", MODELS)
def test_scores_and_completed_scores_are_those_of_features(name, kind, n_threads):
    graph, stage = stage_of(name, kind)
    assert stage.coded is not None
    stage.warm_up()
    stage, plain = pickle.loads(pickle.dumps(stage)), replace(stage, coded=None)
    for n_rows in (1, 5, 300):
        Z = graph.prepare(table(n_rows, seed=2, unknown=True)[0])
        opened = stage.opened(Z)
        scores, carry = stage.start(opened, n_threads=n_threads)
        expected, plain_carry = plain.start(Z)
        assert_array_equal(scores, expected)
        assert carry.shape[1] < plain_carry.shape[1]
        for left in (np.arange(n_rows), np.arange(0, n_rows, 3), np.arange(0)):
            found = stage.finish(opened, left, carry[left], n_threads=n_threads)
            assert_array_equal(found, plain.finish(Z, left, plain_carry[left]))
        assert_array_equal(stage.start_one(Z.iloc[0])[0], expected[0])


def test_first_trees_read_only_the_codes_that_they_ask_for():
    _, stage = stage_of("LightGBM", "first trees")
    first, rest = (
        trees.twin.trees.columns[:, 1] for trees in (stage.coded.approx, stage.coded.rest)
    )
    assert 0 < (first != LOWEST).sum() < (rest != LOWEST).sum()
