"""Which approximate models are worth a fit, and which of them are worth one on every fold.

What a model will cost is estimated from the costs of blocks here; what is planned with is measured,
of the models that are left.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import clone

from .._compat import library_of
from ..blocks import BlockGraph, n_rounds
from ..planning import StageSeconds, candidate_sets, could_be_kept, may_pay, shortlist
from ._costs import BlockCosts, StageCosts
from ._fold_tasks import FoldRecord, record_rows
from ._folds import FitData, Fold, share_of
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


@dataclass(frozen=True, kw_only=True)
class Shortlist:
    """Which approximate models of a full model are worth a try, and then a fit on every fold."""

    graph: BlockGraph  # the full model
    costs: BlockCosts
    data: FitData
    recorder: Recorder
    open_shares: OpenShares
    approx_estimator: Any  # the user's own model, or None

    @property
    def full_seconds(self) -> float:
        """Seconds a row of the full model."""
        return self.costs.full(self.graph)

    def worth_a_try(self, importances: np.ndarray) -> list[StageSpec]:
        """Sets of blocks that are worth an approximate model."""
        graph, costs, given = self.graph, self.costs, self.approx_estimator
        if len(graph.names) == 1:
            # The user's own model may be cheaper on the same features.
            return [] if given is None else [StageSpec(graph.names)]
        model = costs.model * TREES_COST if given is None and n_rounds(graph) else 0.0
        names = graph.first_copy or graph.names
        sets = candidate_sets(
            names,
            [importances[graph.names.index(name)] for name in names],
            [costs.of_blocks(graph, [name]) for name in names],
            lambda blocks: costs.prefix + costs.of_blocks(graph, blocks) + model,
            full_cost=self.full_seconds,
        )
        if graph.first_copy:
            sets.append(graph.first_copy)
        lighter = lighter_params(graph) if given is None else ()
        return [StageSpec(blocks, lighter=lighter) for blocks in sets]

    def surrogates(self) -> list[StageSpec]:
        """A linear model on all features in the place of a dear one; none where it cannot pay."""
        graph = self.graph
        if self.approx_estimator is not None or not takes_surrogates(graph, self.data.y):
            return []
        return [StageSpec(graph.names, is_surrogate=True)] if is_dear(graph, self.costs) else []

    def stand_ins(self) -> list[StageSpec]:
        """A linear model of rows as they come, where features are dear and it can pay."""
        return [StageSpec((), is_surrogate=True)] if may_stand_in(self.graph, self.costs) else []

    def seconds(self, spec: StageSpec) -> StageSeconds:
        """What a stage will cost, about."""
        graph, costs = self.graph, self.costs
        if spec.reads_rows:
            return StageSeconds(start=STAND_IN_SECONDS, rest=self.full_seconds)
        n_all = n_rounds(graph)
        if spec.is_surrogate:
            share = 0.0
        elif spec.n_trees is not None:
            share = spec.n_trees / max(n_all, 1)
        elif n_all and self.approx_estimator is None:
            share = TREES_COST
        else:
            share = len(spec.blocks) / len(graph.names)
        shared = costs.prefix + costs.of_blocks(graph, spec.blocks)
        start = shared + share * costs.model
        if spec.is_surrogate:
            start -= (1 - PROJECTION_COST) * projection_seconds(graph, costs)
        rest = self.full_seconds - (shared if spec.n_trees is None else start)
        return StageSeconds(start=start, rest=rest)

    def screened(
        self,
        first: BlockGraph,
        specs: Sequence[StageSpec],
        fold: Fold,
        *,
        known: BlockFeatures | None,
        rng: np.random.RandomState,
    ) -> list[StageSpec]:
        """Leave out sets of blocks that quick fits already show to be worse than others.

        Where there are many sets and many rows, a model of each set is fitted on a share of the
        rows, with a share of the rounds where it is an ensemble, and only those that can still be
        chosen are worth a fit on all of them.

        Parameters
        ----------
        first : BlockGraph
            The full model fitted on the fold.
        fold : Fold
            Its held-out rows choose: no others are looked at.
        known : BlockFeatures or None
            Features of the rows that are fitted on; what is computed of them is kept there.
        """
        train, test, data = fold.train, fold.test, self.data
        sets = [spec for spec in specs if spec.n_trees is None and not spec.is_surrogate]
        quick = of_fewer_rounds(first) if self.approx_estimator is None else None
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
        model = self.approx_estimator if quick is None else quick
        tried = fit_stages(first, sets, *data.take(few), model, known=known_few)
        record = record_rows(first, sets, tried, self.recorder, data.X, test, train=train)
        kept = self.still_possible(sets, self.open_shares_of(record))
        # Those that cannot be made of few rows may be made of all.
        left_out = [sets[i] for i in record.made if i not in kept]
        return [spec for spec in specs if spec not in left_out]

    def open_shares_of(self, record: FoldRecord) -> dict[int, np.ndarray]:
        """How few rows each model that answered leaves open, by its position.

        Parameters
        ----------
        record : FoldRecord
            Of rows that choose.

        Returns
        -------
        dict of int to ndarray of float64 of shape (n_losses,)
            For several losses; for none where there are no such rows.
        """
        if not len(record.rows):
            return {i: np.empty(0) for i in record.made}
        return {i: self.open_shares(record.rows, record.full, record.stage(i)) for i in record.made}

    def still_possible(
        self, specs: Sequence[StageSpec], open_shares: Mapping[int, np.ndarray]
    ) -> list[int]:
        """Approximate models that can still be chosen, by what they answered on rows that choose.

        Parameters
        ----------
        open_shares : mapping of int to ndarray
            As of `open_shares_of`.

        Returns
        -------
        list of int
            Ascending positions; those that were left out are not among them.
        """
        made = sorted(open_shares)
        expected = self._expected_seconds(specs, open_shares)
        if len(made) < 2 or not expected.size:
            return made
        return [made[i] for i in shortlist(expected, self.full_seconds)]

    def worth_fitting(
        self,
        sets: Sequence[StageSpec],
        others: Sequence[StageSpec],
        open_shares: Mapping[int, np.ndarray],
    ) -> list[StageSpec]:
        """Sets of blocks whose models could still be chosen beside others that are known.

        A model costs no less than where it leaves no row open. Where others are expected to cost
        no more than that, whatever is to be lost, it would be fitted for nothing.

        Parameters
        ----------
        sets : sequence of StageSpec
            Models of the full model's kind on some blocks, not fitted yet.
        others : sequence of StageSpec
            Models of other kinds.
        open_shares : mapping of int to ndarray
            Of the latter, as of `open_shares_of`.
        """
        known = self._expected_seconds(others, open_shares)
        if not known.size:
            return list(sets)
        return [
            spec
            for spec in sets
            if could_be_kept(self.seconds(spec).start, known, self.full_seconds)
        ]

    def _expected_seconds(
        self, specs: Sequence[StageSpec], open_shares: Mapping[int, np.ndarray]
    ) -> np.ndarray:
        """Seconds a row of each model that answered, in order, for several losses.

        Returns
        -------
        ndarray of float64 of shape (n_made, n_losses)
        """
        return np.array(
            [self.seconds(specs[i]).expected(open_shares[i]) for i in sorted(open_shares)]
        )


def fewer_rounds(graph: BlockGraph, share: float) -> tuple[str, int] | None:
    """The parameter that gives the full model a share of its rounds, and its value.

    None where it has none to spare.
    """
    rounds = int(share * n_rounds(graph))
    names = ROUNDS & graph.last_model.get_params(deep=False).keys()
    if rounds < LEAST_ROUNDS or len(graph.model_steps) > 1 or len(names) != 1:
        return None
    return *names, rounds


def fewer_bins(graph: BlockGraph) -> tuple[str, int] | None:
    """The parameter that gives the full model few bins, and its value; None for no fewer."""
    model = graph.last_model
    library = library_of(type(model))
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
    return clone(graph.last_model).set_params(**changed)


def none_can_pay(
    costs: StageCosts,
    record: FoldRecord,
    made: Sequence[int],
    *,
    least_open: LeastOpen,
    least_saving: float,
) -> bool:
    """Whether no approximate model can be chosen at the target, by what they do on a first fold.

    Parameters
    ----------
    costs : StageCosts
        As measured, of the approximate models `made`.
    record : FoldRecord
        Of the rows of a first fold that choose.
    made : sequence of int
        Positions of approximate models that can answer.
    least_saving : float
        Share of the cost that a plan must save.
    """
    others = [None] * len(made) if costs.other is None else costs.other.stages
    return not any(
        may_pay(
            least_open(record.rows, record.full, record.stage(i)),
            seconds,
            costs.planned.full,
            other,
            np.inf if costs.other is None else costs.other.full,
            least_saving,
        )
        for i, seconds, other in zip(made, costs.planned.stages, others, strict=True)
    )
