"""From data to what the models do on rows that they were not fitted on.

Fits the full model on folds of the data and approximate models on sets of its blocks, and keeps of
their answers on held-out rows what a `Recorder` reads of them. With a fitted full model only
approximate models are fitted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from joblib import delayed
from sklearn.utils import gen_batches

from .._containers import num_samples, take_rows
from .._progress import Progress
from ..blocks import BlockGraph, CompiledBlocks, Store
from ..compilers import InputUnsupported
from ..planning import candidate_sets, permutation_importance
from ._costs import BlockCosts, StageCosts
from ._folds import FitData, Split, cross_fit_splits, half_of, prefit_splits, selecting_rows
from ._metering import Answering, CostMeter, FirstStage
from ._models import StageSpec, fit_graph, fit_stages, truncated_specs
from ._recording import Importance, Record, Recorder, joined

CHUNK_ROWS = 8192
"""Rows whose features are held together."""

IMPORTANCE_ROWS = 2000
"""Rows on which importances are measured, at most."""


@dataclass(frozen=True, kw_only=True)
class Setting:
    """How models are to be cross-fitted: parameters of the estimator and of the call of `fit`.

    Attributes
    ----------
    estimator : estimator
        What to fit on folds; with `prefit`, the fitted full model.
    approx_estimator : estimator or None
    prefit : bool
    cv : int, float, splitter or None
    split_params : dict
        Metadata for the splitter.
    query : {"batch", "point"}
    feature_costs : mapping of str to float
    compile : bool
        Whether blocks may run compiled.
    n_jobs : int or None
    split : (ndarray of intp, ndarray of intp) or None
        With ``refit=False``, the rows that the full model was fitted on and those held out.
    measures_growth : bool
        Whether to fit models on half of the rows of a fold too, where others will answer.
    """

    estimator: Any
    approx_estimator: Any
    prefit: bool
    cv: Any
    split_params: dict[str, Any]
    query: str
    feature_costs: Mapping[str, float]
    compile: bool
    n_jobs: int | None
    split: Split | None = None
    measures_growth: bool = False


@dataclass(frozen=True, kw_only=True)
class FoldRecord:
    """What the models of a fold answered on its held-out rows.

    Attributes
    ----------
    rows : ndarray of intp of shape (n_rows,)
    full : Record
        The full model's.
    stages : tuple of (Record or None)
        Of each approximate model; None for one that could not be made.
    """

    rows: np.ndarray
    full: Record
    stages: tuple[Record | None, ...]

    def of_stages(self, positions: Sequence[int]) -> FoldRecord:
        """The record of some of the approximate models."""
        return replace(self, stages=tuple(self.stages[i] for i in positions))


@dataclass(frozen=True, kw_only=True)
class CrossFitted:
    """What cross-fitting found out.

    Attributes
    ----------
    rows : ndarray of intp of shape (n_rows,)
        The calibration set: all held-out rows.
    folds : ndarray of intp of shape (n_rows,)
        The fold that holds out each of them.
    selects : ndarray of bool of shape (n_rows,)
        Rows that choose; the others certify.
    full : Record
        Of the full model on these rows.
    stages : tuple of Record
        Of each approximate model.
    specs : tuple of StageSpec
        What each of them is.
    models : tuple of estimator
        Those that will answer.
    costs : BlockCosts
        Of each part of the full pipeline.
    stage_costs : StageCosts
        Of each approximate model as a first stage.
    importances : ndarray of float64 of shape (n_blocks,)
    train_share : float
        Share of the rows of the models that will answer that those of the folds were fitted on.
    basis : {"prefit", "held-out", "cross-fitted"}
        Which models the answers are of.
    smaller : FoldRecord or None
        What models fitted on fewer rows of a fold answered, with the same stages.
    row_ratio : float
        How many fewer.
    """

    rows: np.ndarray
    folds: np.ndarray
    selects: np.ndarray
    full: Record
    stages: tuple[Record, ...]
    specs: tuple[StageSpec, ...]
    models: tuple[Any, ...]
    costs: BlockCosts
    stage_costs: StageCosts
    importances: np.ndarray
    train_share: float
    basis: str
    smaller: FoldRecord | None = None
    row_ratio: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Calibrated:
    """What `fit` stores, so that it can be planned again for another target.

    Attributes
    ----------
    calibration : Calibration or TopKCalibration
        The numbers to plan with.
    models : tuple of estimator
        The approximate model of each candidate.
    costs : BlockCosts
    importances : ndarray of float64 of shape (n_blocks,)
    scores : RecordedScores or None
        For other scores than accuracy.
    """

    calibration: Any
    models: tuple[Any, ...]
    costs: BlockCosts
    importances: np.ndarray
    scores: Any = None


def cross_fit(
    *,
    graph: BlockGraph,
    fused: CompiledBlocks | None,
    data: FitData,
    recorder: Recorder,
    importance: Importance,
    answering: Answering,
    setting: Setting,
    rng: np.random.RandomState,
    progress: Progress,
) -> CrossFitted:
    """Fit approximate models, and record what they and the full model answer on held-out rows.

    Parameters
    ----------
    graph : BlockGraph
        The full model that will answer.
    fused : CompiledBlocks or None
        Its blocks on a compiled path, where there is one.
    data : FitData
    recorder : Recorder
    importance : Importance
    answering : Answering
        How the estimator answers, which is timed.
    setting : Setting
    rng : RandomState
    progress : Progress
        Told of each task.

    Returns
    -------
    CrossFitted

    Raises
    ------
    ValueError
        If the data cannot be split, or the estimator loses blocks on a fold.
    """
    if setting.prefit:
        splits = prefit_splits(data, rng)
        first, selecting = graph, splits[-1][0]
    elif setting.split is not None:
        splits = [setting.split]
        first, selecting = graph, selecting_rows(splits, data, rng)
    else:
        splits = cross_fit_splits(data, setting.cv, setting.split_params, rng)
        with progress.task(f"fit fold 1 of {len(splits)}"):
            fold = data.take(splits[0][0])
            first = fit_graph(setting.estimator, *fold, compile=setting.compile)
        selecting = selecting_rows(splits, data, rng)

    with progress.task("measure costs"):
        meter = CostMeter(
            graph,
            fused,
            data.X,
            answering=answering,
            query=setting.query,
            given=setting.feature_costs,
            both=setting.compile,
        )
    rows = selecting
    if len(rows) > IMPORTANCE_ROWS:
        rows = np.sort(rng.choice(rows, IMPORTANCE_ROWS, replace=False))
    with progress.task("measure importances"):
        importances = _importances(first, data.X, rows, importance, rng)
    specs = _specs(graph, meter.costs, importances)
    if fused is not None and setting.approx_estimator is None:
        with suppress(InputUnsupported):
            calibrating = _features(first, data.X, rows) if recorder.calibrates_trees else None
            specs += truncated_specs(graph, first, calibrating)
    progress.log(f"approximate models to try: {specs}")

    basis = "cross-fitted"
    if setting.prefit or setting.split is not None:
        basis = "prefit" if setting.prefit else "held-out"
    half = None
    if setting.measures_growth and basis == "cross-fitted":
        half = half_of(data, splits[0][0], rng)
    records, models, smaller = _fitted(
        graph=graph,
        first=first,
        specs=specs,
        data=data,
        splits=splits,
        half=half,
        recorder=recorder,
        setting=setting,
        progress=progress,
    )
    # A model that could not be made for some fold is no candidate.
    made = [i for i in range(len(specs)) if all(record.stages[i] is not None for record in records)]
    with progress.task("measure costs of stages"):
        stage_costs = meter.stages([_first_stage(fused, specs[i], models[i]) for i in made])
    held_out = np.concatenate([record.rows for record in records])
    train_shares = [len(train) / len(data.y) for train, _ in splits]
    return CrossFitted(
        rows=held_out,
        folds=np.repeat(np.arange(len(records)), [len(record.rows) for record in records]),
        selects=np.isin(held_out, selecting),
        full=joined([record.full for record in records]),
        stages=tuple(joined([_present(record.stages[i]) for record in records]) for i in made),
        specs=tuple(specs[i] for i in made),
        models=tuple(models[i] for i in made),
        costs=meter.costs,
        stage_costs=stage_costs,
        importances=importances,
        train_share=min(float(np.mean(train_shares)), 1.0) if basis == "cross-fitted" else 1.0,
        basis=basis,
        smaller=None if smaller is None else smaller.of_stages(made),
        row_ratio=1.0 if half is None else len(half) / len(splits[0][0]),
    )


def _fitted(
    *,
    graph: BlockGraph,
    first: BlockGraph,
    specs: Sequence[StageSpec],
    data: FitData,
    splits: Sequence[Split],
    half: np.ndarray | None,
    recorder: Recorder,
    setting: Setting,
    progress: Progress,
) -> tuple[list[FoldRecord], tuple[Any, ...], FoldRecord | None]:
    """Record of each fold, the approximate models that will answer, and what smaller ones do."""

    def task_of(fitted: BlockGraph | None, split: Split):
        train, test = split
        return delayed(record_fold)(
            estimator=setting.estimator,
            graph=fitted,
            specs=specs,
            data=data,
            train=train,
            test=test,
            recorder=recorder,
            approx_estimator=setting.approx_estimator,
            compile=setting.compile,
        )

    if setting.prefit or setting.split is not None:
        *inner, (train, test) = splits
        tasks = [task_of(graph, split) for split in inner]
        records = progress.results("fit approximate models on folds", tasks, len(inner), None)
        with progress.task("fit approximate models"):
            models = fit_stages(graph, specs, *data.take(train), setting.approx_estimator)
            records.append(record_rows(graph, specs, models, recorder, data.X, test))
        return records, models, None
    fitted = [first, *[None] * (len(splits) - 1)]
    tasks = [task_of(*of_fold) for of_fold in zip(fitted, splits, strict=True)]
    if half is not None:
        tasks.append(
            delayed(record_smaller)(
                estimator=setting.estimator,
                specs=specs,
                data=data,
                train=half,
                recorder=recorder,
                approx_estimator=setting.approx_estimator,
                compile=setting.compile,
            )
        )
    records = progress.results("fit all models on folds", tasks, len(tasks), setting.n_jobs)
    smaller = None if half is None else records.pop()
    with progress.task("fit approximate models"):
        models = fit_stages(graph, specs, *data.whole(), setting.approx_estimator)
    return records, models, smaller


def record_fold(
    *,
    estimator: Any,
    graph: BlockGraph | None,
    specs: Sequence[StageSpec],
    data: FitData,
    train: np.ndarray,
    test: np.ndarray,
    recorder: Recorder,
    approx_estimator: Any,
    compile: bool,
) -> FoldRecord:
    """Fit all models on a fold and record their answers on its held-out rows.

    This is what runs in parallel.

    Parameters
    ----------
    estimator : estimator
        Cloned and fitted, unless there is a `graph`.
    graph : BlockGraph or None
        The full model that was fitted on these rows before, in blocks.
    specs : sequence of StageSpec
        The approximate models to make.
    data : FitData
    train, test : ndarray of intp
        Rows to fit on and held-out rows.
    recorder : Recorder
    approx_estimator : estimator or None
    compile : bool

    Returns
    -------
    FoldRecord
    """
    fold = data.take(train)
    if graph is None:
        graph = fit_graph(estimator, *fold, compile=compile)
    models = fit_stages(graph, specs, *fold, approx_estimator)
    return record_rows(graph, specs, models, recorder, data.X, test)


def record_smaller(
    *,
    estimator: Any,
    specs: Sequence[StageSpec],
    data: FitData,
    train: np.ndarray,
    recorder: Recorder,
    approx_estimator: Any,
    compile: bool,
) -> FoldRecord | None:
    """Fit all models on few rows and record their answers on all others.

    This is what runs in parallel. How the models gain from more rows is read from it; where they
    cannot be fitted on so few, nothing is known of that.

    Parameters
    ----------
    estimator : estimator
        Cloned and fitted.
    specs : sequence of StageSpec
        The approximate models to make.
    data : FitData
    train : ndarray of intp
        Rows to fit on.
    recorder : Recorder
    approx_estimator : estimator or None
    compile : bool

    Returns
    -------
    FoldRecord or None
    """
    others = np.setdiff1d(np.arange(len(data.y)), train)
    try:
        return record_fold(
            estimator=estimator,
            graph=None,
            specs=specs,
            data=data,
            train=train,
            test=others,
            recorder=recorder,
            approx_estimator=approx_estimator,
            compile=compile,
        )
    except Exception:
        return None


def record_in_chunks(
    graph: BlockGraph, specs: Sequence[StageSpec], models, recorder: Recorder, X
) -> FoldRecord:
    """Record what models answer on all rows of `X`, so many at a time that memory is bounded."""
    n_rows = num_samples(X)
    records = [
        record_rows(graph, specs, models, recorder, X, np.arange(n_rows)[rows])
        for rows in gen_batches(n_rows, CHUNK_ROWS)
    ]
    return FoldRecord(
        rows=np.arange(n_rows),
        full=joined([record.full for record in records]),
        stages=tuple(
            joined([_present(record.stages[i]) for record in records]) for i in range(len(specs))
        ),
    )


def record_rows(
    graph: BlockGraph, specs: Sequence[StageSpec], models, recorder: Recorder, X, rows
) -> FoldRecord:
    """Record what the full model and approximate models answer on some rows."""
    Z = graph.prepare(take_rows(X, rows))
    store: Store = {}
    full = recorder.record_full(graph.model, graph.compute(Z, graph.names, store))
    stages: list[Record | None] = []
    for spec, model in zip(specs, models, strict=True):
        if model is None:
            stages.append(None)
            continue
        features = graph.compute(Z, spec.blocks_in(graph), store)
        stages.append(recorder.record_stage(model, features))
    return FoldRecord(rows=rows, full=full, stages=tuple(stages))


def _present(record: Record | None) -> Record:
    assert record is not None, "models that were not made are left out before"
    return record


def _first_stage(fused: CompiledBlocks | None, spec: StageSpec, model: Any) -> FirstStage:
    compiled = None if fused is None else fused.stage(spec.blocks, model)
    return FirstStage(blocks=spec.blocks, model=model, compiled=compiled, n_trees=spec.n_trees)


def _specs(graph: BlockGraph, costs: BlockCosts, importances) -> list[StageSpec]:
    """Sets of blocks that are worth an approximate model."""
    sets = candidate_sets(
        graph.names,
        importances,
        [costs.of_blocks(graph, [name]) for name in graph.names],
        lambda blocks: costs.prefix + costs.of_blocks(graph, blocks),
        full_cost=costs.full(graph),
    )
    return [StageSpec(blocks) for blocks in sets]


def _features(graph: BlockGraph, X, rows) -> Any:
    return graph.compute(graph.prepare(take_rows(X, rows)), graph.names, {})


def _importances(graph: BlockGraph, X, rows, importance: Importance, rng) -> np.ndarray:
    """Importance of each block to the model of the first fold, on rows that select."""
    Z = graph.prepare(take_rows(X, rows))
    store: Store = {}
    score_of = importance(rows, graph.model, graph.compute(Z, graph.names, store))

    def score(block, permutation):
        permuted = dict(store)
        if block is not None:
            permuted[block] = take_rows(store[block], permutation)
        return score_of(graph.compute(Z, graph.names, permuted))

    return permutation_importance(score, graph.names, len(rows), rng)
