"""What stages cost at least, told by the cheapest one, where rows cost little.

What a stage does with answers is more than the whole work of a cheap pipeline. So a stage on the
cheapest set of blocks is timed before any fold is fitted: others cost more by what their blocks do.
Sets that cannot pay by that are not tried, and where none can, `fit` ends.
"""

import warnings
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..blocks import has_linear_model
from ..compilers import texts_forgotten
from ..planning import StageSeconds, pays
from ._costs import BlockCosts, PathCosts, StageCosts
from ._cross_fit_steps import CrossFit
from ._fold_tasks import FoldRecord
from ._models import NoEvidence, StageSpec, fit_stages, those_left_out
from ._report import blocks_text, seconds_text
from ._timed_rows import spread

FEW_TO_TIME = 500
"""Rows that a model is fitted on which is only timed."""

BOUND_PART = 0.5
"""Part of the seconds for timing stages that are taken for it, where it is only a bound for others:
it may be wrong by as much as half of what a plan must save."""


@dataclass(frozen=True, kw_only=True)
class CheapestStage:
    """A stage on the set of blocks of least cost, timed: what others cost at least."""

    run: CrossFit
    blocks: tuple[str, ...]
    of_blocks: BlockCosts  # as measured of blocks alone
    full: float  # seconds a row of the full model
    seconds: StageSeconds  # of the stage
    # What was measured, where the stage with another such model takes no other time.
    measured: PathCosts | None = None

    @property
    def least_saving(self) -> float:
        """Half of what a plan must save; the rest may be what measurement alone has made of it."""
        return self.run.task.least_saving / 2

    def at_least(self, blocks: Collection[str]) -> StageSeconds:
        """What a stage on some blocks costs: more than this one by what its blocks do."""
        graph = self.run.graph
        more = self.of_blocks.of_blocks(graph, blocks) - self.of_blocks.of_blocks(
            graph, self.blocks
        )
        more *= self.full / max(self.of_blocks.full(graph), 1e-12)
        start = self.seconds.start + more
        return StageSeconds(start=start, rest=max(self.seconds.rest - more, self.full - start, 0.0))

    def may_pay(self, specs: Sequence[StageSpec]) -> list[StageSpec]:
        """Stages that cost less than the full model where they answer every row."""
        worth = [
            spec
            for spec in specs
            if pays(self.at_least(spec.blocks).start, self.full, self.least_saving)
        ]
        if not worth:
            raise NoEvidence(self.why_not(), self.of_blocks)
        return worth

    def costs_of(self, specs: Sequence[StageSpec]) -> PathCosts | None:
        """What stages cost, where that was measured: of one on the same blocks, and no other."""
        return self.measured if [spec.blocks for spec in specs] == [self.blocks] else None

    def why_not(self) -> str:
        """Why no stage can pay."""
        return (
            f"a row costs too little: a first stage on {blocks_text(self.blocks)} alone would "
            f"take {seconds_text(self.seconds.start)} a row, even if it left no row to the full "
            f"model, which takes {seconds_text(self.full)}"
        )


def cheapest_stage(run: CrossFit) -> CheapestStage | None:
    """Time a stage on the cheapest set of blocks, where rows cost so little that it may not pay.

    Models of more rows than the few that its model is fitted on cost no less.

    Raises
    ------
    NoEvidence
        If it takes as long as the full model even if it answers every row.
    """
    spec = run.cheapest_set()
    if spec is None:
        return None
    rows = spread(run.splits[0][0], min(FEW_TO_TIME, len(run.splits[0][0])))
    cheapest: CheapestStage | None = None
    with (
        run.progress.task("time the cheapest stage"),
        texts_forgotten(),
        warnings.catch_warnings(),
        suppress(Exception),  # where it cannot be made of so few rows, nothing is known
    ):
        warnings.simplefilter("ignore")
        (model,) = fit_stages(run.graph, [spec], *run.data.take(rows), run.setting.approx_estimator)
        if those_left_out([model]):
            return None
        first = run.full.first_stage(spec, model)
        if first.compiled is None and run.full.fused is not None:
            return None
        # With two blocks it may well be the one stage that is left.
        is_final = len(run.graph.names) == 2 and _costs_the_same(run, model)
        costs = run.meter.planned([first], part=1.0 if is_final else BOUND_PART)
        cheapest = CheapestStage(
            run=run,
            blocks=spec.blocks,
            of_blocks=run.meter.costs,
            full=costs.full,
            seconds=costs.stages[0],
            measured=costs if is_final else None,
        )
    if cheapest is not None:
        cheapest.may_pay([spec])
    return cheapest


def _costs_the_same(run: CrossFit, model: Any) -> bool:
    """Whether a model of all rows takes no other time: both linear, of the same classes."""
    if run.setting.approx_estimator is not None or not has_linear_model(run.graph):
        return False
    classes: list[Any] = [getattr(one, "classes_", None) for one in (model, run.graph.model)]
    return np.array_equal(*classes)


def check_few_stay_open(
    run: CrossFit, cheapest: CheapestStage, specs: Sequence[StageSpec], record: FoldRecord
) -> None:
    """Raise where what stages cost at least is too much, as many rows as the target leaves open."""
    stages = tuple(cheapest.at_least(spec.blocks) for spec in specs)
    costs = StageCosts(planned=PathCosts(full=cheapest.full, stages=stages), other=None)
    if run.none_can_pay(specs, costs, record, record.made, cheapest.least_saving):
        seconds = cheapest.at_least(cheapest.blocks)
        raise NoEvidence(
            "no cascade was expected to pay at the target of the fit: a first stage on "
            f"{blocks_text(cheapest.blocks)} alone would take {seconds_text(seconds.start)} a row, "
            f"and {seconds_text(seconds.rest)} more for each that it leaves to the full model, "
            f"which takes {seconds_text(cheapest.full)} (for a lower target, fit again)",
            cheapest.of_blocks,
            for_target=run.task.is_for_target,
        )
