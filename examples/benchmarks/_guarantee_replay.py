"""Choosing and certifying, replayed on rows that are drawn from recorded answers.

Models are fitted once in each world, on some of its rows; what they answer on all others is
recorded. These answers are then the distribution: rows are drawn from them with replacement, a
cascade is chosen and tested on the draw by the very functions that `fit` and `certify` call, and
what it loses on the distribution is known exactly. A draw takes a fraction of a second, so that
there can be hundreds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from _guarantee_worlds import World
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.metrics import f1_score, get_scorer
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline

from skwillump._containers import take_rows
from skwillump.cascade._calibration import calibrated_from, fresh_rows
from skwillump.cascade._responses import AnswerRecorder
from skwillump.cascade._task import open_shares
from skwillump.planning import (
    LEARNED,
    Calibration,
    Plan,
    StageSeconds,
    Subgroups,
    certify_plan,
    learns_harm_score,
    make_plan,
    measures_for,
    rows_to_certify,
    rows_to_choose,
    shortlist,
)
from skwillump.stages._costs import BlockCosts, PathCosts, StageCosts
from skwillump.stages._cross_fitted import CrossFitted
from skwillump.stages._fold_tasks import FoldRecord
from skwillump.stages._folds import FitData, selecting_rows
from skwillump.stages._models import StageSpec

MODEL_SECONDS = 1e-6
"""What a row of a model is said to cost, beside the stated costs of its blocks."""

FIT_SHARE = 0.5
"""Rows that models are fitted on, over those that a whole fit is given."""

MOST_BLOCKS = 4
"""With more blocks than these only single ones are first stages."""

LEVEL = 0.05
"""Chance of a broken promise that is allowed."""

HELD_OUT = "held out"
"""The way of ``refit=False``."""


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """What the models of a world answer on rows that they were not fitted on.

    Attributes
    ----------
    rows : FoldRecord
        With the answers of the full model, and of one model for each set of blocks.
    y : ndarray of shape (n_rows,)
    subgroups : ndarray of shape (n_rows,) or None
    recorder : AnswerRecorder
    specs : tuple of StageSpec
    costs : PathCosts
    copies : int
        How often each row that is drawn is there.
    """

    rows: FoldRecord
    y: np.ndarray
    subgroups: np.ndarray | None
    recorder: AnswerRecorder
    specs: tuple[StageSpec, ...]
    costs: PathCosts
    copies: int = 1

    @classmethod
    def of(cls, world: World, seed: int = 0) -> Recorded:
        """Fit the models of a world and record what they answer."""
        rows = np.arange(len(world.y))
        fit, rest = train_test_split(
            rows, train_size=int(FIT_SHARE * world.n_rows), random_state=seed
        )
        X, y, new = take_rows(world.X, fit), world.y[fit], take_rows(world.X, rest)
        params = world.fit_params(fit)
        full = clone(world.pipeline).fit(X, y, **params)
        blocks, model = world.pipeline[0], world.pipeline[-1]
        names = [name for name, *_ in blocks.transformers]
        few = range(1, len(names)) if len(names) <= MOST_BLOCKS else (1,)
        sets = [subset for size in few for subset in combinations(blocks.transformers, size)]
        models = [
            make_pipeline(
                ColumnTransformer(list(subset), sparse_threshold=blocks.sparse_threshold),
                clone(model),
            ).fit(X, y, **params)
            for subset in sets
        ]
        n_classes = len(full.classes_)
        recorder = AnswerRecorder(
            classes=full.classes_,
            method="predict_proba",
            measures=measures_for(True, n_classes),
            keeps_responses=True,
            learns_score=learns_harm_score(n_classes, is_probability=True),
        )
        specs = tuple(StageSpec(tuple(name for name, *_ in subset)) for subset in sets)
        total = sum(world.costs[name] for name in names) + MODEL_SECONDS
        starts = [sum(world.costs[name] for name in s.blocks) + MODEL_SECONDS for s in specs]
        return cls(
            rows=FoldRecord(
                rows=np.arange(len(rest)),
                full=recorder.record_full(full, new),
                stages=tuple(recorder.record_stage(model, new) for model in models),
            ),
            y=world.y[rest],
            subgroups=None if world.subgroups is None else world.subgroups[rest],
            recorder=recorder,
            specs=specs,
            costs=PathCosts(
                full=total,
                stages=tuple(StageSeconds(start=s, rest=total - s + MODEL_SECONDS) for s in starts),
            ),
            copies=world.copies,
        )

    def drawn(self, rng: np.random.Generator, n_rows: int) -> Recorded:
        """Rows that are drawn from it, independently but for their copies."""
        rows = np.repeat(rng.integers(0, len(self.y), n_rows // self.copies), self.copies)
        return replace(
            self,
            rows=FoldRecord(
                rows=np.arange(len(rows)),
                full=_rows_of(self.rows.full, rows),
                stages=tuple(_rows_of(self.rows.stage(i), rows) for i in self.rows.made),
            ),
            y=self.y[rows],
            subgroups=None if self.subgroups is None else self.subgroups[rows],
        )

    def calibration(
        self, *, scoring: str, target: float, seed: int
    ) -> tuple[Calibration, Callable[..., float] | None]:
        """What a cascade with ``refit=False`` plans from, if these are its held-out rows."""
        n_rows, is_scored = len(self.y), scoring != "accuracy"
        recorder = replace(
            self.recorder,
            keeps_responses=is_scored,
            learns_score=self.recorder.learns_score and not is_scored,
        )
        data = FitData(X=None, y=self.y, params={}, subgroups=self.subgroups)
        n_certify = 0 if is_scored else rows_to_certify(target, LEVEL)
        selecting = selecting_rows(
            [(np.arange(0), np.arange(n_rows))],
            data,
            np.random.RandomState(seed),
            n_certify=n_certify,
        )
        record, specs, costs = self.rows, self.specs, self.costs
        one_path = len(specs) == 1 and len(recorder.classes) == 2 and not is_scored
        if one_path and len(selecting) < rows_to_choose(target):
            selecting = selecting[:0]
        if len(specs) > 1:
            shares = open_shares(self.y, recorder)
            full = _rows_of(record.full, selecting)
            expected = [
                seconds.expected(shares(selecting, full, _rows_of(record.stage(i), selecting)))
                for i, seconds in enumerate(costs.stages)
            ]
            kept = shortlist(np.array(expected), costs.full)
            record, specs = record.of_stages(kept), tuple(specs[i] for i in kept)
            costs = costs.of_stages(kept)
        fitted = CrossFitted(
            rows=np.arange(n_rows),
            folds=np.zeros(n_rows, dtype=int),
            selects=np.isin(np.arange(n_rows), selecting),
            taught=np.zeros(n_rows, dtype=bool),
            full=record.full,
            stages=tuple(record.stage(i) for i in record.made),
            specs=specs,
            models=(),
            costs=BlockCosts(prefix=0.0, keys={}, model=MODEL_SECONDS),
            stage_costs=StageCosts(planned=costs, other=None),
            importances=np.zeros(0),
            train_share=1.0,
            basis="held-out",
        )
        calibrated = calibrated_from(
            fitted,
            seed,
            data=data,
            recorder=recorder,
            scorer=get_scorer(scoring),
            score_params={},
            in_batches=True,
        )
        return calibrated.calibration, calibrated.scores

    def early(self, plan: Plan, calibration: Calibration) -> tuple[int, np.ndarray]:
        """The model of a plan's first stage, and the rows that it answers."""
        if plan.candidate is None:
            return 0, np.zeros(len(self.y), dtype=bool)
        candidate = calibration.candidates[plan.candidate]
        position = [spec.blocks for spec in self.specs].index(candidate.blocks)
        stage = self.measured(position, candidate.harm_score)
        return position, stage[plan.measure] >= plan.thresholds[stage["codes"]]

    def measured(self, position: int, harm_score) -> dict[str, np.ndarray]:
        """What a model answers, with the score of harm that was learned from a draw."""
        stage = self.rows.stage(position)
        if harm_score is None:
            return stage
        return stage | {LEARNED: harm_score.of_rows(stage["response"], stage["codes"])}


@dataclass(frozen=True, kw_only=True)
class Replay:
    """One draw: what was promised, what is lost, and the share that is answered early."""

    way: str
    kind: str
    target: float
    loss: float
    early: float


def replays(
    recorded: Recorded, target: float, n_rows: int, seed: int, *, with_scores: bool
) -> Iterator[Replay]:
    """One draw of every way to come by a promise at a target.

    Parameters
    ----------
    recorded : Recorded
    target : float
    n_rows : int
        Held-out rows that choose and test. Fresh rows, where they certify, are as many.
    seed : int
    with_scores : bool
        Whether a score without a test is kept too, the mean F1 of the classes; that takes long.
    """
    rng = np.random.default_rng(seed)
    drawn, fresh = recorded.drawn(rng, n_rows), recorded.drawn(rng, n_rows)

    def replay(way: str, plan: Plan, calibration: Calibration, lost: Lost) -> Replay:
        position, early = recorded.early(plan, calibration)
        return Replay(
            way=way,
            kind=plan.guarantee.kind,
            target=target,
            loss=lost(recorded, position, early),
            early=float(early.mean()),
        )

    has_groups = recorded.subgroups is not None
    lost = lost_within if has_groups else lost_accuracy
    calibration, _ = drawn.calibration(scoring="accuracy", target=target, seed=seed)
    plan = make_plan(calibration, target, 1 - LEVEL)
    by_paper = make_plan(replace(calibration, within=None), target, None)
    yield replay(HELD_OUT, plan, calibration, lost)
    yield replay("plug-in", by_paper, calibration, lost)
    yield replay("certify", fresh_plan(fresh, plan, calibration), calibration, lost)
    if has_groups:
        return
    unlabelled = fresh_plan(fresh, plan, calibration, with_labels=False)
    yield replay("certify, no labels", unlabelled, calibration, lost)
    labels = recorded.recorder.classes.tolist()
    of_classes = Subgroups(labels=tuple(labels), codes=calibration.classes, of_classes=True)
    by_class = replace(calibration, within=of_classes)
    plan = make_plan(by_class, target, 1 - LEVEL)
    yield replay("recall of each class", plan, calibration, lost_recall)
    tested = fresh_plan(fresh, plan, by_class)
    yield replay("certify, recall of each class", tested, calibration, lost_recall)
    if with_scores:
        calibration, scores = drawn.calibration(scoring="f1_macro", target=target, seed=seed)
        plan = make_plan(calibration, target, 1 - LEVEL, scores)
        yield replay("mean F1 of classes", plan, calibration, lost_f1)


def fresh_plan(
    fresh: Recorded, plan: Plan, calibration: Calibration, *, with_labels: bool = True
) -> Plan:
    """A plan after `certify` on fresh rows; that of the full model where they are too few."""
    path, within = plan.path, calibration.within
    if path is None:
        return plan
    of_classes = within is not None and within.of_classes
    candidate = calibration.candidates[path.candidate]
    position = [spec.blocks for spec in fresh.specs].index(candidate.blocks)
    rows = fresh_rows(
        replace(fresh.rows, stages=(fresh.measured(position, candidate.harm_score),)),
        fresh.y if with_labels else None,
        path.measure,
        fresh.recorder,
        score=None,
        subgroups=None
        if within is None or of_classes
        else Subgroups.of(fresh.subgroups, within.labels),
        is_balanced=of_classes,
    )
    target = plan.guarantee.accuracy_target
    try:
        return certify_plan(calibration, plan, rows, target=target, confidence=1 - LEVEL)
    except ValueError:  # too few rows, which says nothing of the cascade
        return replace(plan, candidate=None, guarantee=replace(plan.guarantee, kind="exact"))


Lost = Callable[[Recorded, int, np.ndarray], float]
"""What a first stage loses of the distribution by answering some rows."""


def _right(recorded: Recorded, position: int, early: np.ndarray):
    full = recorded.recorder.is_right(recorded.rows.full, recorded.y)
    stage = recorded.recorder.is_right(recorded.rows.stage(position), recorded.y)
    return full, np.where(early, stage, full)


def lost_accuracy(recorded: Recorded, position: int, early: np.ndarray) -> float:
    """Share of the full model's accuracy."""
    full, right = _right(recorded, position, early)
    return float(1 - right.mean() / full.mean())


def lost_within(recorded: Recorded, position: int, early: np.ndarray) -> float:
    """The largest share that is lost in a group of rows."""
    return _most_lost(*_right(recorded, position, early), recorded.subgroups)


def lost_recall(recorded: Recorded, position: int, early: np.ndarray) -> float:
    """The largest share that is lost of the recall of a class."""
    return _most_lost(*_right(recorded, position, early), recorded.y)


def lost_f1(recorded: Recorded, position: int, early: np.ndarray) -> float:
    """Share of the mean F1 of the classes."""
    full, stage = recorded.rows.full["codes"], recorded.rows.stage(position)["codes"]
    classes = recorded.recorder.classes
    scores = [
        f1_score(recorded.y, classes[codes], average="macro")
        for codes in (full, np.where(early, stage, full))
    ]
    return float(1 - scores[1] / scores[0])


def _most_lost(full: np.ndarray, right: np.ndarray, groups: np.ndarray) -> float:
    of = [groups == group for group in np.unique(groups)]
    # Where the full model is never right there is nothing to lose.
    return max(
        float(1 - right[of_group].mean() / full[of_group].mean())
        for of_group in of
        if full[of_group].any()
    )


def _rows_of(record: dict[str, np.ndarray], rows: np.ndarray) -> dict[str, np.ndarray]:
    return {key: values[rows] for key, values in record.items()}
