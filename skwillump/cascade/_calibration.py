"""From data to the numbers that a plan is made from.

Fits the full model on parts of the data and the approximate models on sets of its blocks, and
records what each answers on rows that it was not trained on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from numbers import Integral, Real
from typing import Any

import numpy as np
from joblib import delayed
from sklearn.model_selection import StratifiedKFold, StratifiedShuffleSplit, check_cv

from .._compat import check_method_params, safe_indexing
from .._progress import Progress
from ..blocks import BlockGraph, CompiledBlocks, Store, truncation_sizes
from ..compilers import InputUnsupported
from ..planning import (
    Calibration,
    Candidate,
    candidate_sets,
    confidence,
    permutation_importance,
)
from ..stages._costs import CostMeter, Costs, FusedMeter
from ..stages._models import StageSpec, Task, fit_graph, fit_stages, tree_specs
from ._scoring import RecordedScores, score_answers

IMPORTANCE_ROWS = 2000
"""Rows on which importances are measured, at most."""

PREFIT_TRAIN_SHARE = 0.4
"""With a fitted estimator, the share of the rows that approximate models are fitted on. They also
select, by approximate models that are fitted on parts of them; all other rows certify."""

PREFIT_PARTS = 3
"""Number of those parts."""

PREFIT_CLASS_ROWS = 5
"""With a fitted estimator, at least two classes need as many rows, so that each part has both."""

SELECT_SHARE = 0.25
"""Share of the calibration rows that select rather than certify."""


@dataclass(frozen=True)
class StageAnswers:
    """What an approximate model answered on a set of rows."""

    codes: np.ndarray
    confidence: dict[str, np.ndarray]
    response: np.ndarray | None


@dataclass(frozen=True)
class Answers:
    """What the full model and each approximate model answered on a set of rows."""

    rows: np.ndarray
    full_codes: np.ndarray
    full_response: np.ndarray | None
    stages: tuple[StageAnswers | None, ...]  # None for a model that could not be made


def record_answers(
    graph: BlockGraph, specs: Sequence[StageSpec], models: Sequence[Any], task: Task, X, rows
) -> Answers:
    """Answers of the full model and of each approximate model on some rows of `X`."""
    Z = graph.prepare(safe_indexing(X, rows))
    store: Store = {}
    features = graph.compute(Z, graph.names, store)
    full_codes = np.searchsorted(task.classes, graph.model.predict(features))
    full_response = task.respond(graph.model, features) if task.keep_responses else None
    stages: list[StageAnswers | None] = []
    for spec, model in zip(specs, models, strict=True):
        if model is None:
            stages.append(None)
            continue
        features = graph.compute(Z, spec.blocks_in(graph), store)
        response = task.respond(model, features)
        codes = task.codes(model, features, response)
        stages.append(
            StageAnswers(
                codes,
                {measure: confidence(response, codes, measure) for measure in task.measures},
                response if task.keep_responses else None,
            )
        )
    return Answers(rows, full_codes, full_response, tuple(stages))


def taken(X, y, params, rows) -> tuple[Any, Any, dict[str, Any]]:
    """X, y and parameters of `fit` of some rows."""
    of_rows = check_method_params(X, params, indices=rows)
    return safe_indexing(X, rows), safe_indexing(y, rows), of_rows


def answers_of_part(
    estimator, graph: BlockGraph | None, specs, task: Task, X, y, train, test, params
) -> Answers:
    """Fit all models on the rows `train` and record their answers on the rows `test`."""
    part = taken(X, y, params, train)
    if graph is None:
        graph = fit_graph(estimator, *part, compile=task.compile)
    models = fit_stages(graph, specs, *part, approx_estimator=task.approx_estimator)
    return record_answers(graph, specs, models, task, X, test)


@dataclass(frozen=True)
class Setting:
    """How a cascade is to be calibrated: parameters of the estimator and of the call of `fit`.

    Attributes
    ----------
    estimator : classifier
        What to fit on parts of the data; with `prefit`, the fitted full model.
    prefit : bool
    cv : int, float, splitter or None
    scorer : callable
    fit_params, score_params, split_params : dict
        Metadata, routed.
    query : {"batch", "point"}
    feature_costs : mapping of str to float
    n_jobs : int or None
    log : callable
        Called with messages on what is being done.
    progress : Progress
        Told of each task.
    """

    estimator: Any
    prefit: bool
    cv: Any
    scorer: Any
    fit_params: dict[str, Any]
    score_params: dict[str, Any]
    split_params: dict[str, Any]
    query: str
    feature_costs: Mapping[str, float]
    n_jobs: int | None
    log: Callable[[str], None]
    progress: Progress = field(default_factory=Progress)


@dataclass(frozen=True)
class Calibrated:
    """What calibration found out.

    Attributes
    ----------
    calibration : Calibration
        The numbers to plan with.
    scores : RecordedScores or None
        For other scores than accuracy.
    models : tuple of estimator
        The approximate model of each candidate.
    costs : Costs
    importances : ndarray of float64 of shape (n_blocks,)
    """

    calibration: Calibration
    scores: RecordedScores | None
    models: tuple[Any, ...]
    costs: Costs
    importances: np.ndarray


def calibrate(
    graph: BlockGraph,
    fused: CompiledBlocks | None,
    X,
    y,
    task: Task,
    setting: Setting,
    rng,
) -> Calibrated:
    """Fit approximate models and record all that a plan is made from.

    Parameters
    ----------
    graph : BlockGraph
        The full model that will answer.
    fused : CompiledBlocks or None
        Its blocks as scores, where they run so.
    X : array-like, sparse matrix, data frame or list, of n_rows rows
    y : ndarray of shape (n_rows,)
    task : Task
    setting : Setting
    rng : RandomState

    Returns
    -------
    Calibrated

    Raises
    ------
    ValueError
        If the data cannot be split, a part of it loses blocks, or the score is not between 0
        and 1.
    """
    unknown = np.setdiff1d(y, task.classes)
    if len(unknown):
        raise ValueError(f"y holds the classes {unknown}, which the fitted estimator lacks.")
    fit_params, progress = setting.fit_params, setting.progress
    if setting.prefit:
        splits = _prefit_splits(y, rng)
        first, selecting, train_share = graph, splits[-1][0], 1.0
    else:
        splits = _splits(setting, X, y, rng)
        with progress.task(f"fit part 1 of {len(splits)}"):
            part = taken(X, y, fit_params, splits[0][0])
            first = fit_graph(setting.estimator, *part, compile=task.compile)
        selecting = _selecting_rows(splits, rng)
        train_share = float(np.mean([len(train) for train, _ in splits])) / len(y)

    with progress.task("measure costs"):
        what = (X, setting.query, setting.feature_costs)
        meter: CostMeter | FusedMeter | None = None
        if fused is not None:
            # Data that only the original steps can judge are predicted by them.
            with suppress(InputUnsupported):
                meter = FusedMeter(graph, fused, *what)
        if meter is None:
            meter = CostMeter(graph, *what)
    costs = meter.costs
    with progress.task("measure importances"):
        importances = _importances(first, X, y, selecting, task, setting, rng)
    sets = candidate_sets(
        graph.names,
        importances,
        [costs.of_blocks(graph, [name]) for name in graph.names],
        lambda blocks: costs.prefix + costs.of_blocks(graph, blocks),
        full_cost=costs.full(graph),
    )
    specs = [StageSpec(blocks) for blocks in sets]
    if fused is not None and task.approx_estimator is None:
        with suppress(InputUnsupported):
            specs += _tree_specs(graph, first, X, selecting, rng)
    setting.log(f"approximate models to try: {specs}")

    if setting.prefit:
        *inner, (train, test) = splits
        of_parts = (
            delayed(answers_of_part)(
                setting.estimator, graph, specs, task, X, y, *split, fit_params
            )
            for split in inner
        )
        parts = progress.results("fit approximate models on parts", of_parts, len(inner), None)
        with progress.task("fit approximate models"):
            part = taken(X, y, fit_params, train)
            models = fit_stages(graph, specs, *part, approx_estimator=task.approx_estimator)
            parts.append(record_answers(graph, specs, models, task, X, test))
    else:
        of_parts = (
            delayed(answers_of_part)(
                setting.estimator, fitted, specs, task, X, y, *split, fit_params
            )
            for fitted, split in zip([first, *[None] * len(splits)], splits, strict=False)
        )
        parts = progress.results("fit all models on parts", of_parts, len(splits), setting.n_jobs)
        with progress.task("fit approximate models"):
            models = fit_stages(graph, specs, X, y, fit_params, task.approx_estimator)
    answers = _joined(parts)
    made = [i for i, stage in enumerate(answers.stages) if stage is not None]
    specs, models = [specs[i] for i in made], tuple(models[i] for i in made)
    stages = tuple(stage for stage in answers.stages if stage is not None)
    codes = np.searchsorted(task.classes, y[answers.rows])
    with progress.task("measure costs of stages"):
        tried = [(spec.blocks, model) for spec, model in zip(specs, models, strict=True)]
        stage_costs = meter.stages(tried, task)
    return Calibrated(
        calibration=Calibration(
            candidates=tuple(
                Candidate(
                    blocks=spec.blocks,
                    stage_seconds=stage_seconds,
                    rest_seconds=rest_seconds,
                    codes=stage.codes,
                    confidence=stage.confidence,
                    right=stage.codes == codes,
                    n_trees=spec.n_trees,
                )
                for spec, (stage_seconds, rest_seconds), stage in zip(
                    specs, stage_costs.stages, stages, strict=True
                )
            ),
            full_seconds=stage_costs.full,
            full_right=answers.full_codes == codes,
            classes=codes,
            selects=np.isin(answers.rows, selecting),
            n_classes=len(task.classes),
            is_probability=task.is_probability,
            basis="prefit" if setting.prefit else "cross-fitted",
            train_share=min(train_share, 1.0),
            seed=int(rng.randint(2**31 - 1)),
        ),
        scores=_recorded_scores(answers, stages, y, task, setting) if task.keep_responses else None,
        models=models,
        costs=costs,
        importances=importances,
    )


def why_too_few(y) -> str:
    """Say why rows are too few to calibrate a fitted estimator on; empty if they are not."""
    counts = np.unique(y, return_counts=True)[1]
    if np.count_nonzero(counts >= PREFIT_CLASS_ROWS) >= 2:
        return ""
    return (
        f"approximate models cannot be fitted on parts of these {len(y)} rows: pass at least "
        f"{PREFIT_CLASS_ROWS} rows of each of two classes"
    )


def _prefit_splits(y, rng) -> list[tuple[np.ndarray, np.ndarray]]:
    """Splits for a fitted full model, the last one into rows to fit on and rows that certify.

    The splits before it divide the rows to fit on, which select.
    """
    train, test = _hold_out(y, 1 - PREFIT_TRAIN_SHARE, rng)
    inner = StratifiedKFold(PREFIT_PARTS, shuffle=True, random_state=rng)
    strata = _strata(y[train], PREFIT_PARTS)
    return [
        *((train[fit], train[answer]) for fit, answer in inner.split(train, strata)),
        (train, test),
    ]


def _hold_out(y, share: float, rng) -> tuple[np.ndarray, np.ndarray]:
    """Rows to fit on and held-out rows, the same share of each class that has enough rows."""
    splitter = StratifiedShuffleSplit(n_splits=1, test_size=share, random_state=rng)
    strata = _strata(y, int(np.ceil(1 / min(share, 1 - share))))
    return next(splitter.split(strata, strata))


def _strata(y, n_least: int) -> np.ndarray:
    """What to stratify by: classes, those with fewer than `n_least` rows taken together."""
    _, codes, counts = np.unique(y, return_inverse=True, return_counts=True)
    rare = counts[codes] < n_least
    # Still too few of them: they go with the commonest class.
    together = len(counts) if np.count_nonzero(rare) >= n_least else int(np.argmax(counts))
    return np.where(rare, together, codes)


def _splits(setting: Setting, X, y, rng) -> list[tuple[np.ndarray, np.ndarray]]:
    """Splits into rows to train on and rows to test on, each row tested once."""
    cv = 5 if setting.cv is None else setting.cv
    if isinstance(cv, Integral):
        cv = StratifiedKFold(int(cv), shuffle=True, random_state=rng)
    elif isinstance(cv, Real):
        return [_hold_out(y, float(cv), rng)]
    else:
        cv = check_cv(cv, y=y, classifier=True)
    splits = []
    seen = np.zeros(len(y), dtype=bool)
    for train, test in cv.split(X, y, **setting.split_params):
        # A row that several splits test is evidence only once.
        fresh = test[~seen[test]]
        seen[fresh] = True
        if len(fresh):
            splits.append((train, fresh))
    return splits


def _selecting_rows(splits, rng) -> np.ndarray:
    """Test rows that choose; the other test rows certify.

    With several parts these are the rows of the first parts, about a quarter of all; with a single
    one they are drawn from it, whatever their class: a share of each class would be rounded, and
    rows of rare classes be missing from those that certify.
    """
    if len(splits) > 1:
        n_parts = max(1, round(SELECT_SHARE * len(splits)))
        return np.sort(np.concatenate([test for _, test in splits[:n_parts]]))
    (_, test) = splits[0]
    return np.sort(rng.permutation(test)[: int(np.ceil(SELECT_SHARE * len(test)))])


def _importances(graph: BlockGraph, X, y, selecting, task: Task, setting: Setting, rng):
    """Importance of each block to the model of the first part, on rows that select."""
    rows = selecting
    if len(rows) > IMPORTANCE_ROWS:
        rows = rng.choice(rows, IMPORTANCE_ROWS, replace=False)
    Z = graph.prepare(safe_indexing(X, rows))
    store: Store = {}
    graph.compute(Z, graph.names, store)
    params = {key: safe_indexing(value, rows) for key, value in setting.score_params.items()}

    def score(block, permutation):
        permuted = dict(store)
        if block is not None:
            permuted[block] = safe_indexing(store[block], permutation)
        features = graph.compute(Z, graph.names, permuted)
        labels = graph.model.predict(features)
        if not task.keep_responses:
            return float(np.mean(labels == y[rows]))
        return score_answers(
            setting.scorer,
            task.classes,
            y[rows],
            labels,
            task.respond(graph.model, features),
            is_probability=task.is_probability,
            score_params=params,
        )

    return permutation_importance(score, graph.names, len(rows), rng)


def _tree_specs(graph, first: BlockGraph, X, selecting, rng) -> list[StageSpec]:
    """Approximate models of the full model's first trees, calibrated on rows that select."""
    if not truncation_sizes(graph):
        return []
    rows = selecting
    if len(rows) > IMPORTANCE_ROWS:
        rows = rng.choice(rows, IMPORTANCE_ROWS, replace=False)
    Z = first.prepare(safe_indexing(X, rows))
    return tree_specs(graph, first.compute(Z, first.names, {}), first)


def _recorded_scores(
    answers: Answers, stages: tuple[StageAnswers, ...], y, task: Task, setting: Setting
) -> RecordedScores:
    """What other scores than accuracy are computed from."""
    scores = RecordedScores(
        scorer=setting.scorer,
        classes=task.classes,
        y=y[answers.rows],
        full_labels=task.classes[answers.full_codes],
        full_response=_present(answers.full_response),
        stage_labels=tuple(task.classes[stage.codes] for stage in stages),
        stage_responses=tuple(_present(stage.response) for stage in stages),
        is_probability=task.is_probability,
        score_params={
            key: safe_indexing(value, answers.rows) for key, value in setting.score_params.items()
        },
    )
    scores.check()
    return scores


def _present(response: np.ndarray | None) -> np.ndarray:
    assert response is not None, "responses are recorded wherever scores are"
    return response


def _joined(parts: Sequence[Answers]) -> Answers:
    """Answers of all parts, one after the other."""

    def join(arrays):
        return None if arrays[0] is None else np.concatenate(arrays)

    def join_stage(stages):
        if any(stage is None for stage in stages):
            return None
        return StageAnswers(
            join([stage.codes for stage in stages]),
            {
                measure: join([stage.confidence[measure] for stage in stages])
                for measure in stages[0].confidence
            },
            join([stage.response for stage in stages]),
        )

    return Answers(
        join([part.rows for part in parts]),
        join([part.full_codes for part in parts]),
        join([part.full_response for part in parts]),
        tuple(join_stage(stages) for stages in zip(*(part.stages for part in parts), strict=True)),
    )
