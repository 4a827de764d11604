"""A linear stage before a compiled model of the same table: no column is read twice."""

from functools import cache

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier, StackingClassifier, VotingClassifier
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier

from skwillump import compile_pipeline
from skwillump.blocks import compiled_blocks
from skwillump.compilers.tables._sources import FrameSource
from skwillump.stages._before_pipeline import LinearBeforeScorer, compiled_stage
from skwillump.stages._models import read_graph
from skwillump.stages._surrogates import fit_surrogate

NUMBERS, NAMES = [f"n{i}" for i in range(4)], ["a", "b", "c"]


def table(n_rows=600, seed=0):
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(rng.normal(size=(n_rows, 4)), columns=NUMBERS)
    X.iloc[::7, 1] = np.nan
    for name, n_levels in zip(NAMES, (3, 40, 11), strict=True):
        X[name] = rng.integers(0, n_levels, n_rows).astype(str)
    score = X["n0"] + (X["a"] == "1") - X["n2"] * (X["c"] > "4")
    return X, (score > 0).astype(int).to_numpy()


def columns(names=None):
    return make_column_transformer(
        (make_pipeline(SimpleImputer(), StandardScaler()), NUMBERS),
        (names or OneHotEncoder(handle_unknown="ignore"), NAMES),
    )


def voting():
    members = [("forest", forest()), ("line", LogisticRegression())]
    return VotingClassifier(members, voting="soft")


def stacking():
    members = [("forest", forest()), ("tree", DecisionTreeClassifier(random_state=0))]
    return StackingClassifier(members, final_estimator=LogisticRegression(), cv=2)


def forest():
    return RandomForestClassifier(10, random_state=0)


MODELS = {"forest": forest, "voting": voting, "stacking": stacking}


@cache
def of_model(name):
    """A fitted pipeline, its compiled twin, and its first stage of a linear model."""
    X, y = table()
    fitted = make_pipeline(columns(), MODELS[name]()).fit(X, y)
    return fitted, *stage_of(fitted, X, y)


def stage_of(fitted, X, y):
    graph = read_graph(fitted, X, compile=True)
    surrogate = fit_surrogate(graph, graph.compute(graph.prepare(X), graph.names, {}), y, {})
    full = compile_pipeline(fitted)
    stage = compiled_stage(
        graph, compiled_blocks(graph), full, graph.names, surrogate, is_surrogate=True
    )
    return full, stage, surrogate


@pytest.mark.parametrize("name", MODELS)
def test_both_models_answer_as_they_do_alone(name):
    fitted, full, stage, surrogate = of_model(name)
    assert isinstance(stage, LinearBeforeScorer)
    fresh, _ = table(seed=1)
    rows = np.arange(5, 600, 3)
    opened = stage.opened(fresh)
    scores, carry = stage.start(opened)
    features = fitted[:-1].transform(fresh)
    assert_allclose(stage.approx.predict_proba(scores), surrogate.predict_proba(features), 1e-12)
    late = stage.finish(opened, rows, carry[rows])
    assert_array_equal(stage.full.predict(late), fitted.predict(fresh.iloc[rows]))
    assert_array_equal(stage.full.predict_proba(late), full.predict_proba(fresh.iloc[rows]))


@pytest.mark.parametrize("name", MODELS)
def test_one_row_is_answered_as_in_a_batch(name):
    _, _, stage, _ = of_model(name)
    fresh, _ = table(20, seed=2)
    opened = stage.opened(fresh)
    scores, carry = stage.start(opened)
    late = stage.finish(opened, np.arange(20), carry)
    for i, row in enumerate(fresh.to_dict("records")):
        early, nothing = stage.start_one(row)
        assert_allclose(early, scores[i], rtol=1e-12, atol=1e-13)
        assert_allclose(stage.finish_one(row, nothing), late[i], rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("name", MODELS)
def test_no_column_is_read_twice(name, monkeypatch):
    _, _, stage, _ = of_model(name)
    read = []
    read_column = FrameSource._read

    def counted(source, column):
        read.append(column)
        return read_column(source, column)

    monkeypatch.setattr(FrameSource, "_read", counted)
    fresh, _ = table(seed=1)
    opened = stage.opened(fresh)
    _, carry = stage.start(opened)
    stage.finish(opened, np.arange(100), carry[:100])
    assert sorted(read) == sorted(NUMBERS + NAMES)


def test_texts_are_read_by_the_pipeline_itself():
    X, y = table()
    fitted = make_pipeline(
        make_column_transformer((StandardScaler(), ["n0"]), (CountVectorizer(), "b")), forest()
    )
    X["b"] = "word" + X["b"]
    _, stage, _ = stage_of(fitted.fit(X, y), X, y)
    assert not isinstance(stage, LinearBeforeScorer)
