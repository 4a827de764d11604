"""From data to what the models do on rows that they were not fitted on.

Fits the full model on folds of the data and approximate models on sets of its blocks, and keeps of
their answers on held-out rows what a `Recorder` reads of them. With a fitted full model only
approximate models are fitted.
"""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from ..compilers import InputUnsupported, texts_forgotten
from ._cheapest_stage import cheapest_stage, check_few_stay_open
from ._costs import PathCosts, StageCosts
from ._cross_fit_steps import CrossFit
from ._cross_fitted import Calibrated, CrossFitted
from ._fold_tasks import FoldRecord, evidence, evidence_of
from ._models import LeftOut, NoEvidence, StageSpec, in_words, those_left_out
from ._recording import joined
from ._surrogates import why_not_dear


def cross_fit(run: CrossFit) -> CrossFitted:
    """Fit approximate models, and record what they and the full model answer on held-out rows.

    Raises
    ------
    NoEvidence
        If the estimator cannot be fitted on a fold, or what it does cannot be measured.
    """
    graph, progress = run.graph, run.progress
    meter = run.meter
    if len(graph.names) == 1 and not run.may_pay():
        raise NoEvidence(why_not_dear(graph, meter.costs))
    cheapest = cheapest_stage(run)
    first = run.first_graph()
    with evidence_of(run.fold(0), run.data):
        importances, specs, stacking = run.models_to_try(first)
    if cheapest is not None:
        specs = cheapest.may_pay(specs)
    run, specs = run.choosing_among(specs)
    specs, tried, record, possible = run.on_first_fold(first, specs, stacking)
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
        known = None if cheapest is None else cheapest.costs_of(specs)
        stage_costs = _stage_costs(run, specs, models, left_out, known)
    timed = [i for i in range(len(specs)) if i not in left_out]
    stops = run.none_can_pay(specs, stage_costs, record, timed)
    run = run.with_folds_needed(specs, stops=stops)
    records = run.record_folds(specs, models, record)
    _leave_out(left_out, models, records)
    made = [i for i in range(len(specs)) if i not in left_out]
    held_out = np.concatenate([record.rows for record in records])
    return CrossFitted(
        rows=held_out,
        folds=np.repeat(np.arange(len(records)), [len(record.rows) for record in records]),
        selects=np.isin(held_out, run.selecting),
        taught=np.isin(held_out, [] if run.setting.split is None else run.setting.split[0]),
        full=joined([record.full for record in records]),
        stages=tuple(joined([record.stage(i) for record in records]) for i in made),
        specs=tuple(specs[i] for i in made),
        models=tuple(models[i] for i in made),
        costs=meter.costs,
        stage_costs=stage_costs.of_stages([k for k, i in enumerate(timed) if i not in left_out]),
        importances=importances,
        train_share=run.train_share,
        basis=run.basis,
        stopped=stops,
        left_out=(*never_made, *((specs[i], left_out[i]) for i in sorted(left_out))),
    )


def calibrated(run: CrossFit, fitted: CrossFitted, seed: int) -> Calibrated:
    """The numbers that a plan is made from, with how harms grow where that can matter."""
    task = run.task
    found, growth = task.calibrate(fitted, seed), task.growth
    asks = bool(fitted.specs) and not fitted.stopped and fitted.basis == "cross-fitted"
    if growth is None or not asks:
        return found
    if task.is_for_target and not growth.may_choose(found):
        run.progress.log("nothing can be chosen at the target: how harms grow is not measured")
        return growth.left_out(found)
    return growth.measured(found, run.with_fewer_rows(fitted))


def _leave_out(
    left_out: dict[int, LeftOut], models: Sequence[Any], records: Sequence[FoldRecord]
) -> None:
    """Note the models that could not be made, those that answer or those of some fold."""
    for reasons in (those_left_out(models), *(record.left_out for record in records)):
        left_out.update({i: why for i, why in reasons.items() if i not in left_out})


def _stage_costs(
    run: CrossFit,
    specs: Sequence[StageSpec],
    models: Sequence[Any],
    left_out: dict[int, LeftOut],
    known: PathCosts | None,
) -> StageCosts:
    """Costs of the stages that are not left out; those that cannot be timed are left out too.

    `known` are those of all stages in the way that is planned for, where they were measured before.
    """
    stepwise: set[int] = set()

    def measured(chosen: Iterable[int]) -> StageCosts:
        stages = [run.full.first_stage(specs[i], models[i], stepwise=i in stepwise) for i in chosen]
        is_known = known is not None and not stepwise and len(stages) == len(specs)
        return run.meter.stages(stages, planned=known if is_known else None)

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
