"""Which approximate models are worth a fit, and which of them are worth one on every fold.

What a model will cost is estimated from the costs of blocks here; what is planned with is measured,
of the models that are left.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.base import clone

from ..blocks import BlockGraph, n_rounds
from ..planning import StageSeconds, candidate_sets, may_pay, shortlist
from ._costs import BlockCosts, StageCosts
from ._fold_tasks import FoldRecord, record_rows
from ._folds import FitData, share_of
from ._models import StageSpec, fit_stages
from ._recording import LeastOpen, OpenShares, Recorder
from ._stacking import BlockFeatures
from ._stand_ins import STAND_IN_SECONDS, may_stand_in
from ._surrogates import is_dear, projection_seconds, takes_surrogates

TREES_COST = 0.9
"""What an ensemble that is fitted on fewer features costs, over the full one: it has as many trees,
some of which may be smaller."""


PROJECTION_COST = 0.2
"""What a linear model takes of a block that projects, over the block: what it is projected from is
read, and not projected."""

LEAST_SETS = 4
"""So many sets of blocks or more are screened."""

SCREENING_SHARE, SCREENING_ROWS = 0.25, 3000
"""Share of a fold's rows that models are fitted on for it, and of the rounds of the ensembles that
would be fitted on all of them; with fewer rows, it is not done."""

SET_ROUNDS = 0.5
"""Share of the rounds of an ensemble that one on fewer features has: the easy rows that it answers
need no more, and both `fit` and its answers take half. Its cost is estimated as that of one with
all rounds, so that it takes no place from models of other kinds."""

LEAST_ROUNDS = 10
"""Of an ensemble that stands for a longer one."""

ROUNDS = frozenset({"n_estimators", "max_iter", "iterations"})
"""Parameters of ensembles that say how many rounds there are."""

FEW_BINS = 63
"""Values that ensembles on fewer features tell apart of each, at most, where their trees are grown
of binned values: of wide tables of numbers they are fitted in half of the time that the 255 take
which libraries have by default."""

BINS = {"sklearn": "max_bins", "lightgbm": "max_bin", "xgboost": "max_bin"}
"""The parameter that says how many, by library."""


def specs_of_sets(
    graph: BlockGraph, costs: BlockCosts, importances: Any, approx_estimator: Any
) -> list[StageSpec]:
    """Sets of blocks that are worth an approximate model.

    Parameters
    ----------
    graph : BlockGraph
        The full model.
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
    lighter = lighter_params(graph) if approx_estimator is None else ()
    return [StageSpec(blocks, lighter=lighter) for blocks in sets]


def surrogate_specs(
    graph: BlockGraph, costs: BlockCosts, *, y: Any, approx_estimator: Any
) -> list[StageSpec]:
    """Linear models on all features in the place of a dear one; none where they cannot pay.

    Parameters
    ----------
    graph : BlockGraph
        The full model.
    y : array-like
        What it is fitted on.
    approx_estimator : estimator or None
        The user's own instead.
    """
    if approx_estimator is not None or not takes_surrogates(graph, y):
        return []
    return [StageSpec(graph.names, is_surrogate=True)] if is_dear(graph, costs) else []


def stand_in_specs(graph: BlockGraph, costs: BlockCosts) -> list[StageSpec]:
    """Linear models of rows as they come, where features are dear; none where they cannot pay."""
    return [StageSpec((), is_surrogate=True)] if may_stand_in(graph, costs) else []


def screened(
    graph: BlockGraph,
    first: BlockGraph,
    costs: BlockCosts,
    specs: Sequence[StageSpec],
    *,
    data: FitData,
    train: np.ndarray,
    test: np.ndarray,
    recorder: Recorder,
    open_shares: OpenShares,
    approx_estimator: Any,
    rng: Any,
    known: BlockFeatures | None = None,
) -> list[StageSpec]:
    """Leave out sets of blocks that quick fits already show to be worse than others.

    Where there are many sets and many rows, a model of each set is fitted on a share of the rows,
    with a share of the rounds where it is an ensemble, and only those that can still be chosen are
    worth a fit on all of them.

    Parameters
    ----------
    graph : BlockGraph
        The full model.
    first : BlockGraph
        The same fitted on a first fold.
    train, test : ndarray of intp
        Rows of the fold, and held-out rows that choose: no others are looked at.
    approx_estimator : estimator or None
    rng : RandomState
    known : BlockFeatures, optional
        Features of the rows `train`; what is computed of them is kept there.
    """
    sets = [spec for spec in specs if spec.n_trees is None and not spec.is_surrogate]
    quick = of_fewer_rounds(first) if approx_estimator is None else None
    # Fewer rounds are a gain whatever share of the rows they see.
    least_rows = SCREENING_ROWS if quick is not None else SCREENING_ROWS / SCREENING_SHARE
    if len(sets) < LEAST_SETS or len(train) < least_rows or not len(test):
        return list(specs)
    few = train
    if len(train) > SCREENING_ROWS:
        share = max(SCREENING_SHARE, SCREENING_ROWS / len(train))
        few = share_of(data, train, share, rng)
    known_few = None
    if known is not None:
        known.learn([spec.blocks for spec in sets])
        known_few = known.take(np.searchsorted(train, few))
    model = approx_estimator if quick is None else quick
    tried = fit_stages(first, sets, *data.take(few), model, known=known_few)
    record = record_rows(first, sets, tried, recorder, data.X, test)
    kept = still_possible(
        graph, costs, sets, record, test, open_shares, approx_estimator=approx_estimator
    )
    # Those that cannot be made of few rows may be made of all.
    left_out = [sets[i] for i in record.made if i not in kept]
    return [spec for spec in specs if spec not in left_out]


def fewer_rounds(graph: BlockGraph, share: float) -> tuple[str, int] | None:
    """The parameter that gives the full model a share of its rounds, and its value.

    None where it has none to spare.
    """
    rounds = int(share * n_rounds(graph))
    names = ROUNDS & graph.model_steps[-1][1].get_params(deep=False).keys()
    if rounds < LEAST_ROUNDS or len(graph.model_steps) > 1 or len(names) != 1:
        return None
    return *names, rounds


def fewer_bins(graph: BlockGraph) -> tuple[str, int] | None:
    """The parameter that gives the full model few bins, and its value; None for no fewer."""
    model = graph.model_steps[-1][1]
    library = type(model).__module__.partition(".")[0]
    name, params = BINS.get(library), model.get_params(deep=False)
    is_binned = library == "lightgbm" or name in params
    # Each category has a bin of its own; an alias is the user's own choice.
    has_categories = getattr(model, "is_categorical_", None) is not None
    by_values = params.get("tree_method") in ("exact", "approx")
    is_alias = library == "lightgbm" and "max_bins" in params
    if name is None or not is_binned or has_categories or by_values or is_alias:
        return None
    if len(graph.model_steps) > 1 or not n_rounds(graph):
        return None
    return (name, FEW_BINS) if (params.get(name) or FEW_BINS + 1) > FEW_BINS else None


def lighter_params(graph: BlockGraph) -> tuple[tuple[str, int], ...]:
    """Parameters of the full model for a model on some of its blocks, and their values."""
    changed = (fewer_rounds(graph, SET_ROUNDS), fewer_bins(graph))
    return tuple(param for param in changed if param is not None)


def of_fewer_rounds(graph: BlockGraph) -> Any:
    """The full model with a share of its rounds, not fitted; None where it has none to spare."""
    rounds = fewer_rounds(graph, SCREENING_SHARE)
    if rounds is None:
        return None
    name, number = rounds
    changed = {**dict(lighter_params(graph)), name: max(int(SET_ROUNDS * number), LEAST_ROUNDS)}
    return clone(graph.model_steps[-1][1]).set_params(**changed)


def estimated_seconds(
    graph: BlockGraph, costs: BlockCosts, spec: StageSpec, approx_estimator: Any
) -> StageSeconds:
    """What a stage will cost, about."""
    if spec.reads_rows:
        return StageSeconds(start=STAND_IN_SECONDS, rest=costs.full(graph))
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
    if spec.is_surrogate:
        start -= (1 - PROJECTION_COST) * projection_seconds(graph, costs)
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
    record : FoldRecord
        Of the first fold.
    selecting : ndarray of intp
        Rows that choose: nothing is read of the others.
    approx_estimator : estimator or None

    Returns
    -------
    list of int
        Ascending positions; those that were left out are not among them.
    """
    made = record.made
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
    least_saving: float,
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
    least_saving : float
        Share of the cost that a plan must save.
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
            least_saving,
        ):
            return False
    return True
