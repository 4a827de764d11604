"""The steps of cross-fitting, one after the other, and what all of them read."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from joblib import delayed, effective_n_jobs

from .._containers import take_rows
from ..blocks import BlockGraph, has_linear_model, truncation_sizes
from ..compilers import InputUnsupported, texts_forgotten
from ..planning import needs_importances, pays
from ._costs import StageCosts
from ._cross_fitted import CalibrationTask, CrossFitted
from ._fold_tasks import (
    FoldRecord,
    HeldOut,
    evidence,
    evidence_of,
    new_values,
    record_fold,
    record_rows,
)
from ._folds import (
    FitData,
    Fold,
    Setting,
    Split,
    selecting_rows,
    share_of,
    splits_of,
)
from ._full_model import FullModel
from ._metering import CostMeter
from ._models import (
    OTHER_BLOCKS,
    NoEvidence,
    StageSpec,
    fit_graph,
    fit_stages,
    in_words,
    truncated_specs,
    with_compiled_trees,
)
from ._progress import Progress
from ._shortlisting import Shortlist, none_can_pay
from ._stacking import BlockFeatures, block_importances
from ._surrogates import is_dear

IMPORTANCE_ROWS = 2000
"""Rows on which importances are measured, at most."""

CHEAP_SECONDS = 1e-6
"""What a row costs at most where what a stage does with its answers may be more than it saves."""


@dataclass(frozen=True, kw_only=True, eq=False)
class CrossFit:
    """What all steps of `cross_fit` read, and the steps."""

    full: FullModel  # that will answer
    data: FitData
    task: CalibrationTask
    setting: Setting
    rng: np.random.RandomState
    progress: Progress  # told of each step
    splits: list[Split]  # rows to fit on and held-out rows of each fold
    selecting: np.ndarray  # intp: rows that choose
    meter: CostMeter  # what has measured the costs of the full model and its blocks

    @classmethod
    def begin(
        cls,
        *,
        full: FullModel,
        data: FitData,
        task: CalibrationTask,
        setting: Setting,
        rng: np.random.RandomState,
        progress: Progress,
    ) -> "CrossFit":
        """Split the rows, and measure what the full model and its blocks cost.

        Raises
        ------
        ValueError
            If the data cannot be split as asked.
        NoEvidence
            If costs cannot be measured.
        """
        with_truth = task.with_truth
        if with_truth is None:
            with_truth = np.ones(len(data.y), dtype=bool)
        splits = splits_of(data, setting, rng, with_truth)
        if setting.prefit:
            selecting = splits[-1][0][with_truth[splits[-1][0]]]
        else:
            # Of models that are fitted again on all rows more is tested than the target.
            n_certify = 0 if setting.split is None else task.n_certify
            selecting = selecting_rows(splits, data, rng, n_certify=n_certify)
        named = progress.task("measure costs")
        with named, texts_forgotten(), evidence("what it costs cannot be measured"):
            meter = CostMeter(
                full.graph,
                full.fused,
                # The full model may refuse values of rows that it was not fitted on.
                data.X if setting.split is None else take_rows(data.X, setting.split[0]),
                answering=task.answering,
                query=task.query,
                given=setting.feature_costs,
                both=setting.compile,
                spent=progress.cpu_seconds(),
            )
        return cls(
            full=full,
            data=data,
            task=task,
            setting=setting,
            rng=rng,
            progress=progress,
            splits=splits,
            selecting=selecting,
            meter=meter,
        )

    @property
    def graph(self) -> BlockGraph:
        """The full model in its blocks."""
        return self.full.graph

    @property
    def basis(self) -> str:
        """Which models the answers are of; see `CrossFitted`."""
        if self.setting.prefit:
            return "prefit"
        return "cross-fitted" if self.setting.split is None else "held-out"

    @property
    def train_share(self) -> float:
        """Share of the rows of the models that will answer that those of the folds see."""
        if self.basis != "cross-fitted":
            return 1.0
        n_rows = len(self.data.y)
        return min(float(np.mean([len(train) / n_rows for train, _ in self.splits])), 1.0)

    @property
    def shortlist(self) -> Shortlist:
        """Which approximate models are worth a try."""
        return Shortlist(
            graph=self.graph,
            costs=self.meter.costs,
            data=self.data,
            recorder=self.task.recorder,
            open_shares=self.task.open_shares,
            approx_estimator=self.setting.approx_estimator,
        )

    def fold(self, number: int) -> Fold:
        """One of the folds."""
        train, test = self.splits[number]
        return Fold(name=f"fold {number + 1} of {len(self.splits)}", train=train, test=test)

    @property
    def _is_linear(self) -> bool:
        """Whether there is a single block, and a linear model behind it."""
        return len(self.graph.names) == 1 and has_linear_model(self.graph)

    @property
    def _asks_trees(self) -> bool:
        """Whether first trees of the full model, and all of them, are asked on the first fold."""
        has_own = self.setting.approx_estimator is not None
        if self.full.fused is None or has_own or not self.task.recorder.calibrates_trees:
            return False
        return bool(truncation_sizes(self.graph))

    @property
    def _stand_ins(self) -> list[StageSpec]:
        """Linear models of rows as they come, where they are asked for and can pay."""
        return self.shortlist.stand_ins() if self.task.stand_ins else []

    def may_pay(self) -> bool:
        """Whether anything could be cheaper than a pipeline of a single block."""
        is_dear_model = not self._is_linear and is_dear(self.graph, self.meter.costs)
        return is_dear_model or bool(self._stand_ins)

    def cheapest_set(self) -> StageSpec | None:
        """The set of blocks of least cost; None where rows are dear.

        None too where there may be models of other kinds: on all features, and of rows as they
        come.
        """
        graph, costs = self.graph, self.meter.costs
        if len(graph.names) == 1 or costs.full(graph) > CHEAP_SECONDS:
            return None
        if self.setting.approx_estimator is None and truncation_sizes(graph):
            return None
        if self.shortlist.surrogates() or self._stand_ins:
            return None
        names = graph.first_copy or graph.names
        return StageSpec((min(names, key=lambda name: costs.of_blocks(graph, [name])),))

    def first_graph(self) -> BlockGraph:
        """The full model that was fitted on the first fold; it is fitted here if need be."""
        if self.basis != "cross-fitted":
            return self.graph
        fold = self.fold(0)
        with self.progress.task(f"fit {fold.name}"), evidence_of(fold, self.data):
            rows = self.data.take(fold.train)
            first = fit_graph(self.setting.estimator, *rows, compile=self.setting.compile)
            if first.names != self.graph.names:
                raise NoEvidence(OTHER_BLOCKS)
            return with_compiled_trees(first) if self._asks_trees else first

    def models_to_try(self, first: BlockGraph) -> tuple[np.ndarray, list[StageSpec], Any]:
        """Importances of blocks, the approximate models that they and costs speak for, and how
        features of blocks are put side by side, as far as that was found out.
        """
        rows, graph = self.selecting, self.graph
        if len(rows) > IMPORTANCE_ROWS:
            rows = np.sort(self.rng.choice(rows, IMPORTANCE_ROWS, replace=False))
        importances = np.full(len(graph.names), np.nan)
        chosen = BlockFeatures(first, first.prepare(take_rows(self.data.X, rows)))
        if len(graph.names) > 1:
            with self.progress.task("measure importances"):
                try:
                    importances = block_importances(chosen, rows, self.task.importance, self.rng)
                except Exception:
                    rows = rows[~new_values(self.data.X, self.fold(0).train, rows)]
                    chosen = BlockFeatures(first, first.prepare(take_rows(self.data.X, rows)))
                    importances = block_importances(chosen, rows, self.task.importance, self.rng)
        specs = self.shortlist.worth_a_try(importances)
        if not self._is_linear:
            specs += self.shortlist.surrogates()
        specs += self._stand_ins
        if self.full.fused is not None and self.setting.approx_estimator is None:
            with suppress(InputUnsupported):
                calibrating = chosen.of(graph.names) if self._asks_trees else None
                specs += truncated_specs(graph, first, calibrating)
        self.progress.log(f"approximate models to try: {in_words(specs)}")
        return importances, specs, chosen.stacking

    def choosing_among(self, specs: list[StageSpec]) -> "tuple[CrossFit, list[StageSpec]]":
        """The same with no rows that choose, and one model, where there is nothing to choose.

        So it is where costs leave one model in which labels of these rows had no say, on held-out
        rows. What they then still decide is to give it up, which makes no certificate wrong. With a
        prefit model the rows that choose could not certify; of cross-fitted ones the tested target
        is read from a step that they choose.
        """
        told_by_costs = not needs_importances(len(self.graph.names))
        if (
            not told_by_costs
            or self.basis != "held-out"
            or len(self.selecting) >= self.task.n_choose
        ):
            return self, specs
        shortlist, least_saving = self.shortlist, self.task.least_saving
        worth = [
            spec
            for spec in specs
            if pays(shortlist.seconds(spec).start, shortlist.full_seconds, least_saving)
        ]
        # Truncated ensembles are calibrated on the rows that choose.
        if len(worth) != 1 or worth[0].n_trees is not None:
            return self, specs
        return replace(self, selecting=self.selecting[:0]), worth

    def on_first_fold(
        self, first: BlockGraph, specs: list[StageSpec], stacking: Any
    ) -> tuple[list[StageSpec], tuple[Any, ...], FoldRecord, list[int]]:
        """Fit approximate models on the first fold, but for those that few rows speak against.

        Which of them can still be chosen is told by what they did there. Nothing is read of rows
        that certify: they test one choice, made without them.

        Returns
        -------
        specs : list of StageSpec
            Of the models.
        models : tuple of (estimator or LeftOut)
        record : FoldRecord
            What they and the full model answer on the held-out rows.
        possible : list of int
            Ascending positions of the models that can still be chosen.
        """
        data, fold, shortlist = self.data, self.fold(0), self.shortlist
        with self.progress.task("try approximate models"), evidence_of(fold, data):
            X_train, y_train, params = data.take(fold.train)
            known: BlockFeatures | None = None
            if any(spec.n_trees is None and not spec.reads_rows for spec in specs):
                known = BlockFeatures(first, first.prepare(X_train), stacking)
            fit = partial(
                fit_stages,
                first,
                X=X_train,
                y=y_train,
                params=params,
                approx_estimator=self.setting.approx_estimator,
                known=known,
            )
            # Models of the full model's own kind take longest to fit.
            sets = [spec for spec in specs if spec.n_trees is None and not spec.is_surrogate]
            others = [spec for spec in specs if spec not in sets]
            models: tuple[Any, ...] = ()
            answers: tuple[Any, ...] = ()
            open_shares: dict[int, np.ndarray] = {}
            held_out_of = partial(HeldOut.of, recorder=self.task.recorder, train=fold.train)
            held_out: HeldOut | None = None
            if others:
                models = fit(others)
                held_out = held_out_of(first, X=data.X, rows=fold.test)
                record = held_out.record(others, models)
                answers = record.stages
                open_shares = shortlist.open_shares_of(record.of_rows(self.selecting))
                sets = shortlist.worth_fitting(sets, others, open_shares)
            choosing = replace(fold, test=np.intersect1d(fold.test, self.selecting))
            sets = shortlist.screened(first, sets, choosing, known=known, rng=self.rng)
            models_of_sets = fit(sets)
            del X_train, known, fit  # before features of other rows are there, if need be
            held_out = held_out or held_out_of(first, X=data.X, rows=fold.test)
            record = held_out.record(sets, models_of_sets)
            open_shares = {len(sets) + i: shares for i, shares in open_shares.items()}
            open_shares |= shortlist.open_shares_of(record.of_rows(self.selecting))
            record = replace(record, stages=(*record.stages, *answers))
            specs = [*sets, *others]
            possible = shortlist.still_possible(specs, open_shares)
            return specs, (*models_of_sets, *models), record, possible

    def none_can_pay(
        self,
        specs: Sequence[StageSpec],
        costs: StageCosts,
        record: FoldRecord,
        timed: Sequence[int],
        least_saving: float | None = None,
    ) -> bool:
        """Whether none can be chosen at the target, where that can be told on the first fold.

        By default a plan must save what the task says.
        """
        if not specs or self.basis != "cross-fitted":
            return False
        return none_can_pay(
            costs,
            record.of_rows(self.selecting),
            timed,
            least_open=self.task.least_open,
            least_saving=self.task.least_saving if least_saving is None else least_saving,
        )

    def models_that_answer(
        self, specs: Sequence[StageSpec], tried: Sequence[Any]
    ) -> tuple[Any, ...]:
        """Approximate models that will answer: with ``refit=False`` those of the first fold."""
        with self.progress.task("fit approximate models"):
            if self.setting.split is not None or not specs:
                return tuple(tried)
            data = self.data
            rows = data.take(self.splits[-1][0]) if self.setting.prefit else data.whole()
            return fit_stages(self.graph, specs, *rows, self.setting.approx_estimator)

    def with_folds_needed(self, specs: Sequence[StageSpec], *, stops: bool) -> "CrossFit":
        """The same with the folds that are worth a look."""
        if not specs:
            return replace(self, splits=self.splits[:1])  # there is nothing to fit on others
        if stops:
            # What is left is for other targets, and for what is shown of this one.
            self.progress.log("none of them can pay: fewer folds are looked at")
            n_select = sum(bool(np.isin(test, self.selecting).any()) for _, test in self.splits)
            return replace(self, splits=self.splits[: n_select + 1])
        return self

    def record_folds(
        self, specs: Sequence[StageSpec], models: tuple[Any, ...], tried: FoldRecord
    ) -> list[FoldRecord]:
        """Fit models on the other folds: the record of each fold.

        Parameters
        ----------
        models : tuple of estimator
            The approximate models that will answer.
        tried : FoldRecord
            That of the first fold.
        """
        setting, progress, n_folds = self.setting, self.progress, len(self.splits)
        if setting.split is not None or not specs:
            return [tried]

        def task_of(fold: Fold, graph: BlockGraph | None) -> Any:
            return delayed(record_fold)(
                fold,
                specs,
                graph=graph,
                data=self.data,
                setting=setting,
                recorder=self.task.recorder,
            )

        def results(name: str, folds: list[Fold], tasks: list[Any], n_jobs: int | None) -> Any:
            return progress.results(name, tasks, [fold.name for fold in folds], n_jobs)

        if setting.prefit:
            # The last split is of rows that certify.
            of_choosing = replace(self, splits=self.splits[:-1])
            folds = [of_choosing.fold(number) for number in range(1, n_folds - 1)]
            tasks = [task_of(fold, self.graph) for fold in folds]
            records = [tried, *results("fit approximate models on folds", folds, tasks, None)]
            with (
                progress.task("record what they answer"),
                evidence("its answers cannot be recorded"),
            ):
                test, recorder = self.splits[-1][1], self.task.recorder
                records.append(record_rows(self.graph, specs, models, recorder, self.data.X, test))
            return records
        folds = [self.fold(number) for number in range(1, n_folds)]
        setting = setting.for_workers(min(effective_n_jobs(setting.n_jobs), max(len(folds), 1)))
        tasks = [task_of(fold, None) for fold in folds]
        if not tasks:
            return [tried]
        return [tried, *results("fit all models on folds", folds, tasks, setting.n_jobs)]

    def with_fewer_rows(self, fitted: CrossFitted) -> CrossFitted:
        """The same with what all models do that are fitted on half of the rows of the first fold.

        Where they cannot be fitted on so few, nothing is known of how they gain.
        """
        train = self.splits[0][0]
        half = share_of(self.data, train, 0.5, self.rng)
        # Rows that models on more rows have not seen either: one on which both do harm tells most.
        others = np.setdiff1d(fitted.rows, half)
        with self.progress.task("fit all models on half of a fold"):
            smaller = record_fold(
                Fold(name="half of fold 1", train=half, test=others),
                fitted.specs,
                graph=None,
                data=self.data,
                setting=self.setting,
                recorder=self.task.recorder,
                must_fit=False,
            )
        return replace(fitted, smaller=smaller, row_ratio=len(half) / len(train))
