"""From data to what the models do on rows that they were not fitted on.

Fits the full model on folds of the data and approximate models on sets of its blocks, and keeps of
their answers on held-out rows what a `Recorder` reads of them. With a fitted full model only
approximate models are fitted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

import numpy as np
from joblib import delayed

from .._containers import take_rows
from .._progress import Progress
from ..blocks import BlockGraph, CompiledBlocks, CompiledStage, truncation_sizes
from ..compilers import InputUnsupported
from ..planning import permutation_importance
from ._before_pipeline import compiled_stage
from ._costs import StageCosts
from ._cross_fitted import CalibrationTask, CrossFitted, Setting
from ._fold_tasks import (
    FoldRecord,
    evidence,
    in_fold,
    record_fold,
    record_rows,
    record_smaller,
)
from ._folds import FitData, Split, cross_fit_splits, prefit_splits, selecting_rows, share_of
from ._metering import CostMeter, FirstStage
from ._models import LeftOut, NoEvidence, StageSpec, fit_graph, fit_stages, truncated_specs
from ._recording import Importance, Recorder, joined
from ._shortlisting import (
    none_can_pay,
    screened,
    specs_of_sets,
    still_possible,
    surrogate_specs,
)
from ._stacking import BlockFeatures
from ._surrogates import is_dear, why_not_dear

IMPORTANCE_ROWS = 2000
"""Rows on which importances are measured, at most."""


def cross_fit(
    *,
    graph: BlockGraph,
    fused: CompiledBlocks | None,
    full: Any,
    data: FitData,
    task: CalibrationTask,
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
    full : CompiledPipeline or estimator
        The full model as it runs.
    data : FitData
    task : CalibrationTask
    setting : Setting
    rng : RandomState
    progress : Progress
        Told of each of its steps.

    Returns
    -------
    CrossFitted

    Raises
    ------
    ValueError
        If the data cannot be split as asked.
    NoEvidence
        If the estimator cannot be fitted on a fold, or what it does cannot be measured.
    """
    recorder, with_truth = task.recorder, task.with_truth
    if with_truth is None:
        with_truth = np.ones(len(data.y), dtype=bool)
    if setting.prefit:
        splits = prefit_splits(data, rng)
    elif setting.split is not None:
        splits = [setting.split]
    else:
        splits = cross_fit_splits(data, setting.cv, setting.split_params, rng)
    splits = [(train, test[with_truth[test]]) for train, test in splits]
    if not all(len(test) for _, test in splits):
        raise NoEvidence("a fold holds no row whose class is known")
    if setting.prefit:
        first, selecting = graph, splits[-1][0][with_truth[splits[-1][0]]]
    else:
        first, selecting = graph, selecting_rows(splits, data, rng)

    def new_meter() -> CostMeter:
        with progress.task("measure costs"), evidence("what it costs cannot be measured"):
            return CostMeter(
                graph,
                fused,
                data.X,
                answering=task.answering,
                query=task.query,
                given=setting.feature_costs,
                both=setting.compile,
                spent=progress.cpu_seconds(),
            )

    is_single = len(graph.names) == 1
    meter = new_meter() if is_single else None
    if meter is not None and not is_dear(graph, meter.costs):
        raise NoEvidence(why_not_dear(graph, meter.costs))
    if not setting.prefit and setting.split is None:
        with progress.task(f"fit {_fold_name(0, splits)}"), in_fold(data, splits, 0):
            fold = data.take(splits[0][0])
            first = fit_graph(setting.estimator, *fold, compile=setting.compile)

    meter = meter or new_meter()
    rows = selecting
    if len(rows) > IMPORTANCE_ROWS:
        rows = np.sort(rng.choice(rows, IMPORTANCE_ROWS, replace=False))
    importances = np.full(len(graph.names), np.nan)
    chosen = BlockFeatures(first, first.prepare(take_rows(data.X, rows)))
    if not is_single:
        with progress.task("measure importances"):
            importances = _importances(chosen, rows, task.importance, rng)
    approx_estimator = setting.approx_estimator
    specs = specs_of_sets(graph, meter.costs, importances, approx_estimator)
    specs += surrogate_specs(graph, meter.costs, y=data.y, approx_estimator=approx_estimator)
    if fused is not None and approx_estimator is None:
        with suppress(InputUnsupported):
            calibrates = recorder.calibrates_trees and bool(truncation_sizes(graph))
            calibrating = chosen.of(graph.names) if calibrates else None
            specs += truncated_specs(graph, first, calibrating)
    progress.log(f"approximate models to try: {_in_words(specs)}")

    basis = "cross-fitted"
    if setting.prefit or setting.split is not None:
        basis = "prefit" if setting.prefit else "held-out"
    with progress.task("try approximate models"), in_fold(data, splits, 0):
        train, test = splits[0]
        X_train, y_train, params = data.take(train)
        known: BlockFeatures | None = None
        if any(spec.n_trees is None for spec in specs):
            known = BlockFeatures(first, first.prepare(X_train), chosen.stacking)
        del chosen
        specs = screened(
            graph,
            first,
            meter.costs,
            specs,
            data=data,
            train=train,
            test=np.intersect1d(test, selecting),
            recorder=recorder,
            open_shares=task.open_shares,
            approx_estimator=approx_estimator,
            rng=rng,
            known=known,
        )
        tried = fit_stages(
            first, specs, X_train, y_train, params, approx_estimator=approx_estimator, known=known
        )
        del X_train, known
        record = record_rows(first, specs, tried, recorder, data.X, test)
    # Nothing is read of rows that certify: they test one choice, made without them.
    possible = still_possible(
        graph,
        meter.costs,
        specs,
        record,
        selecting,
        task.open_shares,
        approx_estimator=approx_estimator,
    )
    never_made = [(specs[i], why) for i, why in record.left_out.items()]
    specs = [specs[i] for i in possible]
    progress.log(f"those that can still be chosen: {_in_words(specs)}")
    if not specs:
        splits = splits[:1]  # there is nothing to fit on the others
    record = record.of_stages(possible)
    with progress.task("fit approximate models"):
        models = tuple(tried[i] for i in possible)  # those that answer, with refit=False
        if setting.split is None and specs:
            rows_of_all = data.take(splits[-1][0]) if setting.prefit else data.whole()
            models = fit_stages(graph, specs, *rows_of_all, approx_estimator)
    left_out: dict[int, LeftOut] = {}
    _leave_out(left_out, models, [record])
    with progress.task("measure costs of stages"):
        stage_costs = _stage_costs(
            meter, partial(compiled_stage, graph, fused, full), specs, models, left_out
        )
    timed = [i for i in range(len(specs)) if i not in left_out]
    stops = False
    if specs and basis == "cross-fitted" and task.least_open is not None:
        stops = none_can_pay(stage_costs, record, timed, selecting, task.least_open)
    half = None
    if stops:
        # What is left is for other targets, and for what is shown of this one.
        n_select = sum(bool(np.isin(test, selecting).any()) for _, test in splits)
        splits = splits[: n_select + 1]
        progress.log("none of them can pay: fewer folds are looked at")
    elif task.measures_growth and basis == "cross-fitted" and specs:
        half = share_of(data, splits[0][0], 0.5, rng)
    records, smaller = _record_folds(
        graph=graph,
        tried=record,
        models=models,
        specs=specs,
        data=data,
        splits=splits,
        half=half,
        with_truth=with_truth,
        recorder=recorder,
        setting=setting,
        progress=progress,
    )
    _leave_out(left_out, models, records)
    stage_costs = stage_costs.of_stages([k for k, i in enumerate(timed) if i not in left_out])
    made = [i for i in range(len(specs)) if i not in left_out]
    held_out = np.concatenate([record.rows for record in records])
    train_shares = [len(train) / len(data.y) for train, _ in splits]
    return CrossFitted(
        rows=held_out,
        folds=np.repeat(np.arange(len(records)), [len(record.rows) for record in records]),
        selects=np.isin(held_out, selecting),
        full=joined([record.full for record in records]),
        stages=tuple(joined([record.stage(i) for record in records]) for i in made),
        specs=tuple(specs[i] for i in made),
        models=tuple(models[i] for i in made),
        costs=meter.costs,
        stage_costs=stage_costs,
        importances=importances,
        train_share=min(float(np.mean(train_shares)), 1.0) if basis == "cross-fitted" else 1.0,
        basis=basis,
        smaller=None if smaller is None else smaller.of_stages(made),
        row_ratio=1.0 if half is None else len(half) / len(splits[0][0]),
        stopped=stops,
        left_out=(*never_made, *((specs[i], left_out[i]) for i in sorted(left_out))),
    )


def _record_folds(
    *,
    graph: BlockGraph,
    tried: FoldRecord,
    models: tuple[Any, ...],
    specs: Sequence[StageSpec],
    data: FitData,
    splits: Sequence[Split],
    half: np.ndarray | None,
    with_truth: np.ndarray,
    recorder: Recorder,
    setting: Setting,
    progress: Progress,
) -> tuple[list[FoldRecord], FoldRecord | None]:
    """Fit models on the other folds: the record of each fold, and that of models on fewer rows.

    Parameters
    ----------
    tried : FoldRecord
        That of the first fold.
    models : tuple of estimator
        The approximate models that will answer.
    """
    if setting.split is not None or not specs:
        return [tried], None

    def task_of(number: int, fitted: BlockGraph | None):
        train, test = splits[number]
        return delayed(record_fold)(
            fold=_fold_name(number, splits),
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

    records = [tried]
    if setting.prefit:
        inner = range(1, len(splits) - 1)
        records += progress.results(
            "fit approximate models on folds",
            [task_of(number, graph) for number in inner],
            [_fold_name(number, splits[:-1]) for number in inner],
            None,
        )
        with (
            progress.task("record what they answer"),
            evidence("its answers cannot be recorded"),
        ):
            test = splits[-1][1]
            records.append(record_rows(graph, specs, models, recorder, data.X, test))
        return records, None
    tasks = [task_of(number, None) for number in range(1, len(splits))]
    names = [_fold_name(number, splits) for number in range(1, len(splits))]
    if half is not None:
        names.append("half of fold 1")
        tasks.append(
            delayed(record_smaller)(
                estimator=setting.estimator,
                specs=specs,
                data=data,
                train=half,
                with_truth=with_truth,
                recorder=recorder,
                approx_estimator=setting.approx_estimator,
                compile=setting.compile,
            )
        )
    smaller = None
    if tasks:
        records += progress.results("fit all models on folds", tasks, names, setting.n_jobs)
        smaller = None if half is None else records.pop()
    return records, smaller


def _leave_out(
    left_out: dict[int, LeftOut], models: Sequence[Any], records: Sequence[FoldRecord]
) -> None:
    """Note the models that could not be made, those that answer or those of some fold."""
    found = {i: model for i, model in enumerate(models) if isinstance(model, LeftOut)}
    for reasons in (found, *(record.left_out for record in records)):
        left_out.update({i: why for i, why in reasons.items() if i not in left_out})


def _in_words(specs: Sequence[StageSpec]) -> str:
    """What approximate models consist of."""
    return "; ".join(spec.in_words() for spec in specs) or "none"


def _fold_name(number: int, splits: Sequence[Split]) -> str:
    return f"fold {number + 1} of {len(splits)}"


def _stage_costs(
    meter: CostMeter,
    stage_of: Callable[..., CompiledStage | None],
    specs: Sequence[StageSpec],
    models: Sequence[Any],
    left_out: dict[int, LeftOut],
) -> StageCosts:
    """Costs of the stages that are not left out; those that cannot be timed are left out too."""
    stepwise: set[int] = set()

    def measured(chosen: Iterable[int]) -> StageCosts:
        return meter.stages([first_stage(i) for i in chosen])

    def first_stage(i: int) -> FirstStage:
        spec, model = specs[i], models[i]
        compiled = None
        if i not in stepwise:
            compiled = stage_of(spec.blocks, model, is_surrogate=spec.is_surrogate)
        return FirstStage(blocks=spec.blocks, model=model, compiled=compiled, n_trees=spec.n_trees)

    made = [i for i in range(len(specs)) if i not in left_out]
    try:
        return measured(made)
    except Exception:
        for i in made:
            try:
                with suppress(InputUnsupported):
                    measured([i])
                    continue
                # Rows that the compiled path cannot judge are answered by the steps.
                stepwise.add(i)
                measured([i])
            except Exception as error:
                left_out[i] = LeftOut.because_of(error)
    with evidence("what its stages cost cannot be measured"):
        return measured(i for i in made if i not in left_out)


def _importances(known: BlockFeatures, rows, importance: Importance, rng) -> np.ndarray:
    """Importance of each block to the model of the first fold, on rows that select."""
    graph = known.graph
    score_of = importance(rows, graph.model, known.of_all())
    store = known.store

    def score(block, permutation):
        permuted = dict(store)
        if block is not None:
            permuted[block] = take_rows(store[block], permutation)
        features = known.joined(permuted, graph.names)
        if features is None:
            features = graph.compute(known.Z, graph.names, permuted)
        return score_of(features)

    return permutation_importance(score, graph.names, len(rows), rng)
