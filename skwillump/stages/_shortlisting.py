"""Which approximate models are worth a fit, and which of them are worth one on every fold.

What a model will cost is estimated from the costs of blocks here; what is planned with is measured,
of the models that are left.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..blocks import BlockGraph, n_rounds
from ..planning import StageSeconds, candidate_sets, may_pay, shortlist
from ._costs import BlockCosts, StageCosts
from ._fold_tasks import FoldRecord
from ._models import LeftOut, StageSpec
from ._recording import LeastOpen, OpenShares
from ._surrogates import is_dear, takes_surrogates

TREES_COST = 0.9
"""What an ensemble that is fitted on fewer features costs, over the full one: it has as many trees,
some of which may be smaller."""


def specs_of_sets(
    graph: BlockGraph, costs: BlockCosts, importances: Any, approx_estimator: Any
) -> list[StageSpec]:
    """Sets of blocks that are worth an approximate model.

    Parameters
    ----------
    graph : BlockGraph
        The full model.
    costs : BlockCosts
    importances : ndarray of float64 of shape (n_blocks,)
    approx_estimator : estimator or None
    """
    if len(graph.names) == 1:
        # The user's own model may be cheaper on the same features.
        return [] if approx_estimator is None else [StageSpec(graph.names)]
    model = costs.model * TREES_COST if approx_estimator is None and n_rounds(graph) else 0.0
    names = graph.first_copy or graph.names
    sets = candidate_sets(
        names,
        [importances[graph.names.index(name)] for name in names],
        [costs.of_blocks(graph, [name]) for name in names],
        lambda blocks: costs.prefix + costs.of_blocks(graph, blocks) + model,
        full_cost=costs.full(graph),
    )
    if graph.first_copy:
        sets.append(graph.first_copy)
    return [StageSpec(blocks) for blocks in sets]


def surrogate_specs(
    graph: BlockGraph, costs: BlockCosts, *, y: Any, approx_estimator: Any
) -> list[StageSpec]:
    """Linear models on all features in the place of a dear one; none where they cannot pay.

    Parameters
    ----------
    graph : BlockGraph
        The full model.
    costs : BlockCosts
    y : array-like
        What it is fitted on.
    approx_estimator : estimator or None
        The user's own instead.
    """
    if approx_estimator is not None or not takes_surrogates(graph, y):
        return []
    return [StageSpec(graph.names, is_surrogate=True)] if is_dear(graph, costs) else []


def estimated_seconds(
    graph: BlockGraph, costs: BlockCosts, spec: StageSpec, approx_estimator: Any
) -> StageSeconds:
    """What a stage will cost, about."""
    n_all = n_rounds(graph)
    if spec.is_surrogate:
        share = 0.0
    elif spec.n_trees is not None:
        share = spec.n_trees / max(n_all, 1)
    elif n_all and approx_estimator is None:
        share = TREES_COST
    else:
        share = len(spec.blocks) / len(graph.names)
    shared = costs.prefix + costs.of_blocks(graph, spec.blocks)
    start = shared + share * costs.model
    full = costs.full(graph)
    return StageSeconds(start=start, rest=full - (shared if spec.n_trees is None else start))


def still_possible(
    graph: BlockGraph,
    costs: BlockCosts,
    specs: Sequence[StageSpec],
    record: FoldRecord,
    selecting: np.ndarray,
    open_shares: OpenShares,
    *,
    approx_estimator: Any,
) -> list[int]:
    """Approximate models that can still be chosen, by what they did on a first fold.

    Parameters
    ----------
    graph : BlockGraph
        The full model.
    costs : BlockCosts
    specs : sequence of StageSpec
    record : FoldRecord
        Of the first fold.
    selecting : ndarray of intp
        Rows that choose: nothing is read of the others.
    open_shares : OpenShares
    approx_estimator : estimator or None

    Returns
    -------
    list of int
        Ascending positions; those that were left out are not among them.
    """
    made = [i for i, stage in enumerate(record.stages) if not isinstance(stage, LeftOut)]
    chosen = np.flatnonzero(np.isin(record.rows, selecting))
    if len(made) < 2 or not len(chosen):
        return made
    rows = record.rows[chosen]
    full = {key: values[chosen] for key, values in record.full.items()}
    expected = []
    for i in made:
        stage = {key: values[chosen] for key, values in record.stage(i).items()}
        seconds = estimated_seconds(graph, costs, specs[i], approx_estimator)
        expected.append(seconds.expected(open_shares(rows, full, stage)))
    return [made[i] for i in shortlist(np.array(expected), costs.full(graph))]


def none_can_pay(
    costs: StageCosts,
    record: FoldRecord,
    made: Sequence[int],
    selecting: np.ndarray,
    least_open: LeastOpen,
) -> bool:
    """Whether no approximate model can be chosen at the target, by what they do on a first fold.

    Parameters
    ----------
    costs : StageCosts
        As measured, of the approximate models `made`.
    record : FoldRecord
        Of the first fold.
    made : sequence of int
        Positions of approximate models that can answer.
    selecting : ndarray of intp
        Rows that choose: nothing is read of the others.
    least_open : LeastOpen
    """
    chosen = np.flatnonzero(np.isin(record.rows, selecting))
    rows = record.rows[chosen]
    full = {key: values[chosen] for key, values in record.full.items()}
    others = [None] * len(made) if costs.other is None else costs.other.stages
    for i, seconds, other in zip(made, costs.planned.stages, others, strict=True):
        stage = {key: values[chosen] for key, values in record.stage(i).items()}
        if may_pay(
            least_open(rows, full, stage),
            seconds,
            costs.planned.full,
            other,
            np.inf if costs.other is None else costs.other.full,
        ):
            return False
    return True
