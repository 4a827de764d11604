"""From data to what the models do on rows that they were not fitted on.

Fits the full model on folds of the data and approximate models on sets of its blocks, and keeps of
their answers on held-out rows what a `Recorder` reads of them. With a fitted full model only
approximate models are fitted.
"""

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

import numpy as np

from .._progress import Progress
from ..blocks import BlockGraph, CompiledBlocks, CompiledStage
from ..compilers import InputUnsupported, texts_forgotten
from ._before_pipeline import compiled_stage
from ._cheapest_stage import cheapest_stage, check_few_stay_open
from ._costs import StageCosts
from ._cross_fit_steps import CrossFit, in_words
from ._cross_fitted import CalibrationTask, CrossFitted, Setting
from ._fold_tasks import FoldRecord, evidence
from ._folds import FitData
from ._metering import CostMeter, FirstStage
from ._models import LeftOut, NoEvidence, StageSpec, those_left_out
from ._recording import joined
from ._surrogates import why_not_dear


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
    progress : Progress
        Told of each of its steps.

    Raises
    ------
    ValueError
        If the data cannot be split as asked.
    NoEvidence
        If the estimator cannot be fitted on a fold, or what it does cannot be measured.
    """
    run = CrossFit.begin(
        graph=graph,
        fused=fused,
        full=full,
        data=data,
        task=task,
        setting=setting,
        rng=rng,
        progress=progress,
    )
    stage_of = partial(compiled_stage, graph, fused, full)
    meter = run.meter()
    if len(graph.names) == 1 and not run.may_pay(meter.costs):
        raise NoEvidence(why_not_dear(graph, meter.costs))
    cheapest = cheapest_stage(run, meter, stage_of)
    first = run.first_graph()
    importances, specs, stacking = run.models_to_try(first, meter.costs)
    if cheapest is not None:
        specs = cheapest.may_pay(specs)
    run, specs = run.choosing_among(specs, meter.costs)
    specs, tried, record = run.on_first_fold(first, meter.costs, specs, stacking)
    possible = run.still_possible(meter.costs, specs, record)
    never_made = [(specs[i], why) for i, why in record.left_out.items()]
    specs = [specs[i] for i in possible]
    if cheapest is not None:
        check_few_stay_open(run, cheapest, specs, record.of_stages(possible))
    progress.log(f"those that can still be chosen: {in_words(specs)}")
    record = record.of_stages(possible)
    models = run.models_that_answer(specs, [tried[i] for i in possible])
    left_out: dict[int, LeftOut] = {}
    _leave_out(left_out, models, [record])
    with progress.task("measure costs of stages"), texts_forgotten():
        meter.allow(progress.cpu_seconds())
        stage_costs = _stage_costs(meter, stage_of, specs, models, left_out)
    timed = [i for i in range(len(specs)) if i not in left_out]
    stops = run.none_can_pay(specs, stage_costs, record, timed)
    run, half = run.with_folds_needed(specs, stops=stops)
    records, smaller = run.record_folds(specs, models, record, half)
    _leave_out(left_out, models, records)
    made = [i for i in range(len(specs)) if i not in left_out]
    held_out = np.concatenate([record.rows for record in records])
    return CrossFitted(
        rows=held_out,
        folds=np.repeat(np.arange(len(records)), [len(record.rows) for record in records]),
        selects=np.isin(held_out, run.selecting),
        full=joined([record.full for record in records]),
        stages=tuple(joined([record.stage(i) for record in records]) for i in made),
        specs=tuple(specs[i] for i in made),
        models=tuple(models[i] for i in made),
        costs=meter.costs,
        stage_costs=stage_costs.of_stages([k for k, i in enumerate(timed) if i not in left_out]),
        importances=importances,
        train_share=run.train_share,
        basis=run.basis,
        smaller=None if smaller is None else smaller.of_stages(made),
        row_ratio=1.0 if half is None else len(half) / len(run.splits[0][0]),
        stopped=stops,
        left_out=(*never_made, *((specs[i], left_out[i]) for i in sorted(left_out))),
    )


def _leave_out(
    left_out: dict[int, LeftOut], models: Sequence[Any], records: Sequence[FoldRecord]
) -> None:
    """Note the models that could not be made, those that answer or those of some fold."""
    for reasons in (those_left_out(models), *(record.left_out for record in records)):
        left_out.update({i: why for i, why in reasons.items() if i not in left_out})


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
