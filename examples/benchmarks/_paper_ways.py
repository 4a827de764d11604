"""Who takes part in `paper_benchmarks.py`: the ways to answer the rows of one pipeline."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from _paper_engines import BoosterEngine, NoEngine, OnnxEngine
from _paper_pipelines import Problem

from skwillump import ApproxTopKRanker, CascadeClassifier, compile_pipeline

SCIKIT_LEARN = "scikit-learn"
COMPILED = "compiled"
CASCADE = "cascade"
TOP_K = "top-K"
WILLUMP = "Willump's rule"
ENGINES = {"ONNX Runtime": OnnxEngine, "Booster.predict": BoosterEngine}

ACCURACY_TARGET = 0.995
PRECISION_TARGET = 0.95


def rows_of_one(X, row: int) -> Any:
    """One row as scikit-learn takes it: a list of one text, or a data frame of one row."""
    return X.iloc[row : row + 1] if hasattr(X, "iloc") else [X[row]]


def one(X, row: int) -> Any:
    """One row as `predict_one` takes it: a text, or a mapping of column to value."""
    return X.iloc[row].to_dict() if hasattr(X, "iloc") else X[row]


@dataclass
class Way:
    """One way to answer.

    Attributes
    ----------
    call : callable
        Answers rows, or one row, or returns the positions of the K best rows.
    form : callable
        For single rows: makes what `call` takes out of the data and a position.
    facts : dict
        What else is known.
    """

    call: Callable
    form: Callable = one
    facts: dict = field(default_factory=dict)


def batch_ways(problem: Problem) -> tuple[dict[str, Way], list[dict]]:
    """Return who answers batches, and who cannot, with the reason."""
    ways = {
        SCIKIT_LEARN: Way(problem.plain.predict),
        COMPILED: compiled_way(problem, "predict"),
    }
    missing = add_cascades(ways, problem, "predict", query="batch")
    for name, engine in engines(problem, missing).items():
        if isinstance(engine, OnnxEngine):
            engine.choose_chunk(problem.X_test)
        ways[name] = Way(engine.predict, facts=engine.facts())
    return ways, missing


def point_ways(problem: Problem) -> tuple[dict[str, Way], list[dict]]:
    """Return who answers single rows, and who cannot, with the reason."""
    ways = {
        SCIKIT_LEARN: Way(problem.plain.predict, rows_of_one),
        COMPILED: compiled_way(problem, "predict_one"),
    }
    missing = add_cascades(ways, problem, "predict_one", query="point")
    for name, engine in engines(problem, missing).items():
        form = one if isinstance(engine, OnnxEngine) else rows_of_one
        ways[name] = Way(engine.predict_one, form, engine.facts())
    return ways, missing


def top_ways(problem: Problem, k: int) -> tuple[dict[str, Way], list[dict]]:
    """Return who finds the `k` best rows, and who cannot, with the reason."""
    compiled = compile_pipeline(problem.fitted)
    ways = {
        SCIKIT_LEARN: Way(partial(best, score_of(problem.plain), k)),
        COMPILED: Way(partial(best, score_of(compiled), k), facts=not_compiled(compiled)),
    }
    ranker = ApproxTopKRanker(
        problem.estimator,
        k=k,
        precision_target=PRECISION_TARGET,
        query_size=len(problem.y_test),
        cv=problem.cv,
        random_state=0,
    ).fit(problem.X_train, problem.y_train)
    plug_in = copy.deepcopy(ranker).set_params(confidence=None)
    plug_in.set_precision_target(PRECISION_TARGET)
    for name, model in ((TOP_K, ranker), (WILLUMP, plug_in)):
        ways[name] = Way(model.rank, facts=facts_of_ranker(model))
    missing: list[dict] = []
    for name, engine in engines(problem, missing).items():
        if isinstance(engine, OnnxEngine):
            engine.choose_chunk(problem.X_test)
        ways[name] = Way(partial(best, engine.scores, k), facts=engine.facts())
    return ways, missing


def best(scores: Callable, k: int, X) -> np.ndarray:
    """Return the positions of the `k` best rows, best first, ties in the order of rows."""
    return np.argsort(-scores(X), kind="stable")[:k]


def score_of(model) -> Callable:
    """Return the positive class's probability, or the value, as a function of rows."""
    if hasattr(model, "predict_proba"):
        return lambda X: model.predict_proba(X)[:, 1]
    return model.predict


def compiled_way(problem: Problem, method: str) -> Way:
    compiled = compile_pipeline(problem.fitted)
    return Way(getattr(compiled, method), facts=not_compiled(compiled))


def not_compiled(compiled) -> dict:
    """Return the steps that run as they are."""
    steps = [f"{step.name}: {step.reason}" for step in compiled.explain() if not step.compiled]
    return {"not_compiled": steps} if steps else {}


def add_cascades(ways: dict, problem: Problem, method: str, *, query: str) -> list[dict]:
    """Add the cascade and Willump's rule; returns why not, where there is none."""
    if not problem.classifies:
        reason = "no cascade for regression"
        return [{"way": name, "reason": reason} for name in (CASCADE, WILLUMP)]
    cascade = CascadeClassifier(
        problem.estimator,
        accuracy_target=ACCURACY_TARGET,
        cv=problem.cv,
        query=query,
        random_state=0,
    ).fit(problem.X_train, problem.y_train)
    plug_in = copy.deepcopy(cascade).set_params(confidence=None)
    plug_in.set_accuracy_target(ACCURACY_TARGET)
    for name, model in ((CASCADE, cascade), (WILLUMP, plug_in)):
        ways[name] = Way(getattr(model, method), facts=facts_of(model, problem.X_test))
    return []


def facts_of(cascade: CascadeClassifier, X) -> dict:
    """Return what a cascade decided."""
    last = len(cascade.stages_) - 1
    return {
        "guarantee": cascade.guarantee_.kind,
        "why_no_cascade": cascade.guarantee_.reason,
        "first_blocks": list(cascade.stages_[0].blocks) if last else [],
        "full_share": float((cascade.predict_stage(X) == last).mean()),
    }


def facts_of_ranker(ranker: ApproxTopKRanker) -> dict:
    """Return what a ranker decided."""
    return {
        "guarantee": ranker.guarantee_.kind,
        "why_exact": ranker.guarantee_.reason,
        "first_blocks": list(ranker.stages_[0].blocks) if len(ranker.stages_) > 1 else [],
        "full_share": float(ranker.stages_[-1].share),
    }


def engines(problem: Problem, missing: list[dict]) -> dict[str, Any]:
    """Return the other engines; adds those that cannot run the pipeline to `missing`."""
    for name, engine in ENGINES.items():
        if name not in problem.engines:
            try:
                problem.engines[name] = engine(problem)
            except NoEngine as reason:
                problem.engines[name] = reason
    for name, engine in problem.engines.items():
        if isinstance(engine, NoEngine):
            missing.append({"way": name, "reason": str(engine)})
    return {
        name: engine for name, engine in problem.engines.items() if not isinstance(engine, NoEngine)
    }
