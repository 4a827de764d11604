"""A user's code as mypy sees it: what is called is typed, and says what it returns."""

from typing import Any, assert_type

import numpy as np

from skwillump import (
    ApproxTopKRanker,
    CascadeClassifier,
    CascadeDisplay,
    CompiledPipeline,
    TableLookup,
    TopKDisplay,
    compile_pipeline,
    dask,
    trusted_types,
)


def of_a_cascade(estimator: Any, X: Any, y: Any) -> str:
    cascade = CascadeClassifier(estimator, accuracy_target=0.99, cv=0.25, random_state=0)
    assert_type(cascade.fit(X, y, subgroups=None), CascadeClassifier)
    assert_type(cascade.certify(X, y), CascadeClassifier)
    assert_type(cascade.set_accuracy_target(0.9), CascadeClassifier)
    assert_type(cascade.predict(X), np.ndarray)
    assert_type(cascade.predict_stage(X), np.ndarray)
    assert_type(cascade.predict_proba_one(X[0]), np.ndarray)
    assert_type(cascade.guarantee_.accuracy_target, float)
    assert_type(cascade.stages_[0].cost_seconds, float)
    assert_type(cascade.tradeoff_[0].blocks, tuple[str, ...])
    assert_type(CascadeDisplay.from_estimator(cascade), CascadeDisplay)
    return cascade.report()


def of_a_ranker(estimator: Any, X: Any, y: Any) -> str:
    ranker = ApproxTopKRanker(estimator, k=10, query_size=[100, 200]).fit(X, y)
    assert_type(ranker, ApproxTopKRanker)
    assert_type(ranker.certify(X), ApproxTopKRanker)
    assert_type(ranker.predict(X), np.ndarray)
    assert_type(ranker.score(X, y), float)
    assert_type(ranker.guarantee_.kind, str)
    assert_type(TopKDisplay.from_estimator(ranker), TopKDisplay)
    best = ranker.rank(dask.take(X, [0, 1]), k=5)
    return f"{best}: {ranker.report()}"


def of_a_compiled_pipeline(fitted: Any, X: Any) -> list[str]:
    twin = compile_pipeline(fitted, n_jobs=2)
    assert_type(twin, CompiledPipeline)
    assert_type(twin.predict(X), np.ndarray)
    assert_type(twin.predict_proba_one(X[0]), np.ndarray)
    return [f"{step.name}: {step.reason}" for step in twin.explain()] + trusted_types()


def of_a_look_up(table: Any, X: Any) -> np.ndarray:
    lookup = TableLookup(table, on="user", default=0.0).fit(X)
    assert_type(lookup.get_feature_names_out(), np.ndarray)
    return lookup.transform(X)
