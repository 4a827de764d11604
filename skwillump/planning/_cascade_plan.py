"""The choice of blocks and thresholds with the least expected cost that meets the target."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from ._bootstrap_bound import BootstrapBound
from ._cascade_records import Calibration, Candidate, Guarantee, Plan, PlannedPath, Score, Tradeoff
from ._confidence import LEARNED, measures_for
from ._fixed_sequence import AccuracyTest
from ._growth import Growth
from ._harm_growth import growth_at
from ._records import Evidence, pays
from ._subgroups import Subgroups
from ._threshold_paths import ThresholdPath, per_class_path, pooled_path, unseen_risk
from ._threshold_rules import Allowed, PaperRule, ThresholdRule
from ._walk_scores import AccuracyScore, RecordedScore
from ._walks import Walk, spread
from ._within_each import WithinEach

CASCADE_SAVING = 0.05
"""A cascade must be expected to save this share of the full cost: measured costs are noisy."""

LEAST_GAIN_OF_LEARNED = 0.01
"""What is learned, thresholds for each class or a score, must lower the expected cost by this share
to be preferred. It is looked at on rows that it was not learned from."""

LEAST_GAIN_OF_SEEN = 0.02
"""The same where it can be looked at only on the rows that it was learned from."""

LEAST_OTHER_SPEED = 0.95
"""A cascade must have at least this share of the full model's speed for rows that come in the way
that is not planned for."""

CURVE_STEPS = 256
"""Points of a curve of accuracy against cost, at most."""

SCORED_STEPS = 24
"""The same where each point takes a call of the user's score."""

MORE_ROWS = 2.0 ** np.arange(8)
"""How many times as many rows are looked at, where more would certify."""

PATH_STEPS = 1024
"""Steps of a path that are kept for fresh rows, at most; they are spread evenly over it."""


@dataclass(frozen=True, kw_only=True)
class Option:
    """A candidate with a measure and a path, and what to expect of it."""

    candidate: int
    measure: str  # {"probability", "margin", "score"}
    path: ThresholdPath
    rule: ThresholdRule  # what decides how far along the path the cascade may go
    growth: Growth | None  # how harms grow with the rows, where that was measured
    chooser: Walk  # of the rows that choose
    # Share of the rows that it is expected to answer early, seen from the rows that choose.
    early_share: float
    expected_seconds: float  # a row
    # Whether it is not slower than the full model for rows that come in the way that is not planned
    # for.
    is_bearable: bool
    # Share by which it must lower the expected cost to be preferred to what is not learned.
    least_gain: float

    def walk(self, calibration: Calibration, rows) -> Walk:
        """The walk of some calibration rows along the path."""
        return Walk.along(self.path, calibration, self.candidate, self.measure, rows)

    def planned(self, last: int | None = None) -> PlannedPath:
        """What fresh rows can certify, up to a step."""
        steps = np.arange(len(self.path.thresholds) if last is None else last + 1)
        steps = spread(steps, PATH_STEPS)
        return PlannedPath(
            candidate=self.candidate,
            measure=self.measure,
            thresholds=np.array(self.path.thresholds[steps]),
        )


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What is asked of a plan."""

    target: float  # in (0, 1]: share of the full model's score to keep
    # in (0, 1): None for the plug-in rule of the paper, which makes no promise.
    confidence: float | None
    score: Score | None  # the score to keep; None for accuracy
    # Groups of rows in each of which accuracy is to be kept. Where they are the classes, `score` is
    # the balanced accuracy, which is then kept as well.
    within: Subgroups | None = None

    def tested_target(self, evidence: Evidence, growth: Growth | None = None) -> float:
        """Target to test for, so that the models that will answer keep theirs."""
        if self.confidence is None:
            return self.target
        return 1 - evidence.tested_loss(1 - self.target, growth)

    def tested_confidence(self, evidence: Evidence) -> float | None:
        """Confidence to test with."""
        return None if self.confidence is None else evidence.tested_confidence(self.confidence)

    def rule(
        self, calibration: Calibration, candidate: int, growth: Growth | None = None
    ) -> ThresholdRule:
        """The rule for thresholds of a candidate."""
        evidence = calibration.evidence
        target = self.tested_target(evidence, growth)
        confidence = self.tested_confidence(evidence)
        recorded = None if self.score is None else RecordedScore(self.score, candidate)
        if confidence is None:
            return PaperRule(
                target=target,
                score=recorded or AccuracyScore(),
                is_probability=calibration.is_probability,
            )
        if self.within is not None:
            return WithinEach(
                target=target,
                level=1 - confidence,
                kind=evidence.kind_of_test,
                subgroups=self.within,
            )
        if recorded is None:
            return AccuracyTest(target=target, level=1 - confidence, kind=evidence.kind_of_test)
        return BootstrapBound(
            target=target,
            level=1 - confidence,
            score=recorded,
            codes=calibration.candidates[candidate].codes,
            strata=calibration.classes,
            seed=calibration.seed,
        )


def make_plan(
    calibration: Calibration,
    target: float,
    confidence: float | None,
    score: Score | None = None,
) -> Plan:
    """Choose blocks and thresholds, and certify the choice.

    The rows marked `selects` choose the candidate, the measure of confidence and the path of
    thresholds; the other rows decide how far along that path the cascade may go. Where none is
    marked nothing is chosen: all rows are tested along the path of all their own confidences
    (`FixedSequenceTest` says why it is fixed all the same), and may only give the cascade up.

    Parameters
    ----------
    target : float in (0, 1]
    confidence : float in (0, 1) or None
        None for the plug-in rule of the paper, which makes no promise.
    score : callable, optional
        The score to keep; the default is accuracy. Other scores than accuracy and, by the recall of
        each class, balanced accuracy are estimated, not certified.
    """
    asked = Asked(target=target, confidence=confidence, score=score, within=calibration.within)
    plan = _plan(calibration, asked)
    if plan.candidate is None and score is not None and asked.within is not None:
        # A class may be too rare to show anything of its recall; the score is estimated then.
        return _plan(calibration, replace(asked, within=None))
    return plan


def _plan(calibration: Calibration, asked: Asked) -> Plan:
    target, confidence = asked.target, asked.confidence
    best = [_best_option(calibration, asked, i) for i in range(len(calibration.candidates))]
    n_rows = (
        int(np.sum(~calibration.selects)) if confidence is not None else len(calibration.selects)
    )

    def of_full_model(
        reason: str, rows_needed: int | None = None, path: PlannedPath | None = None
    ) -> Plan:
        return Plan.of_full_model(
            calibration.full_seconds,
            tradeoffs=[_tradeoff(calibration, asked, option) for option in best],
            path=path,
            accuracy_target=target,
            confidence=confidence,
            n_rows=n_rows,
            reason=reason,
            rows_needed=rows_needed,
        )

    if not best:
        return of_full_model("no set of blocks is cheap enough to be worth an approximate model")
    if target >= 1.0:
        return of_full_model("accuracy_target=1.0 allows no approximation")

    option = _cheapest(best)
    candidate = calibration.candidates[option.candidate]
    walk = option.walk(calibration, _certifying_rows(calibration, option.rule))
    allowed = option.rule.allow(walk)
    early_share = float(walk.early_share[allowed.step])
    seconds = candidate.seconds_by(option.measure, 1 - early_share)
    if allowed.step == 0 or early_share == 0.0:
        if not walk.full_right.any():
            return of_full_model(
                f"the full model is right on none of the {len(walk.rows)} certifying rows"
            )
        if calibration.stopped:  # more rows would not help
            return of_full_model(
                "no cascade was expected to pay: on the first folds no approximate model answered "
                "enough rows at the target of the fit to cost less than the full model, both in "
                "a batch and in one row, so the fit ended there (for a lower target than "
                f"{target:g}, fit again)",
                path=option.planned(),
            )
        reason = option.rule.why_not(walk, allowed, target)
        return of_full_model(reason, _rows_needed(calibration, best), option.planned())
    if not pays(seconds, calibration.full_seconds, CASCADE_SAVING):
        reason = _why_too_dear(calibration, early_share, seconds)
        return of_full_model(reason, path=option.planned())
    if not _is_bearable(calibration, candidate, option.measure, 1 - early_share):
        other = candidate.other_seconds_by(option.measure, 1 - early_share)
        return of_full_model(
            f"the cheapest cascade that meets the target answers {early_share:.1%} of rows early; "
            "for rows that come in the way that `query` does not plan for (one at a time, or in "
            f"batches) it would cost {1e6 * other:.3g} us a row, and the full model "
            f"{1e6 * calibration.other_full_seconds:.3g} us"
        )
    return Plan(
        candidate=option.candidate,
        measure=option.measure,
        thresholds=np.array(option.path.thresholds[allowed.step]),
        early_share=early_share,
        chosen_at=option.early_share,
        expected_seconds=seconds,
        guarantee=_guarantee(calibration, asked, option, allowed, n_rows),
        tradeoffs=tuple(
            _tradeoff(calibration, asked, other, allowed.step if other is option else None)
            for other in best
        ),
        path=option.planned(allowed.step),
    )


def _why_too_dear(calibration: Calibration, early_share: float, seconds: float) -> str:
    return (
        f"the cheapest cascade that meets the target answers {early_share:.1%} of rows early "
        f"and would cost {1e6 * seconds:.3g} us a row; the full model costs "
        f"{1e6 * calibration.full_seconds:.3g} us"
    )


def saves(calibration: Calibration, seconds: float) -> bool:
    """Whether a cascade of so many seconds a row is to be used instead of the full model alone."""
    return bool(pays(seconds, calibration.full_seconds, CASCADE_SAVING))


def given_up(calibration: Calibration, plan: Plan, seconds: float) -> Plan:
    """The plan without its cascade, which takes so many seconds a row. Fresh rows can certify it.

    No other is chosen in its place: of rows that have certified one choice, a second would be
    tested too, and more than one in ``1 / (1 - confidence)`` certificates could be wrong.
    """
    return Plan.of_full_model(
        calibration.full_seconds,
        tradeoffs=plan.tradeoffs,
        path=plan.path,
        accuracy_target=plan.guarantee.accuracy_target,
        confidence=plan.guarantee.confidence,
        n_rows=plan.guarantee.n_rows,
        reason=_why_too_dear(calibration, plan.early_share, seconds),
    )


def _guarantee(
    calibration: Calibration, asked: Asked, option: Option, allowed: Allowed, n_rows: int
) -> Guarantee:
    return Guarantee(
        kind=option.rule.kind,
        accuracy_target=asked.target,
        confidence=asked.confidence,
        basis=calibration.basis,
        n_rows=n_rows,
        tested_target=asked.tested_target(calibration.evidence, option.growth),
        tested_confidence=asked.tested_confidence(calibration.evidence),
        evidence=allowed.evidence,
        growth=option.growth,
    )


def _choosing_rows(calibration: Calibration, rule: ThresholdRule) -> np.ndarray:
    if rule.tests_other_rows and calibration.selects.any():
        return np.flatnonzero(calibration.selects)
    return np.arange(len(calibration.selects))


def _certifying_rows(calibration: Calibration, rule: ThresholdRule) -> np.ndarray:
    if rule.tests_other_rows:
        return np.flatnonzero(~calibration.selects)
    return np.arange(len(calibration.selects))


def _best_option(calibration: Calibration, asked: Asked, position: int) -> Option:
    """The measure and the path of a candidate that let expect the least cost.

    Paths are learned from the rows that choose.
    """
    candidate = calibration.candidates[position]
    rule = asked.rule(calibration, position)
    rows = _choosing_rows(calibration, rule)
    n_certify = len(_certifying_rows(calibration, rule))
    options = []
    known = measures_for(calibration.is_probability, calibration.n_classes)
    if candidate.harm_score is not None:
        known += (LEARNED,)
    for measure in rule.measures(known):
        for path, unseen in _paths(calibration, rule, position, measure, rows):
            walk = Walk.along(path, calibration, position, measure, rows)
            step = rule.expected_step(walk, n_certify)
            growth = None
            if asked.confidence is not None:
                growth = growth_at(calibration, position, measure, path.thresholds[step])
            own_rule = asked.rule(calibration, position, growth)
            valued = walk
            if unseen is not None:
                valued = Walk.in_order(calibration, position, rows, unseen)
            early = float(valued.early_share[own_rule.expected_step(valued, n_certify)])
            is_seen = path.per_class and unseen is None
            is_learned = path.per_class or measure == LEARNED
            least_gain = LEAST_GAIN_OF_SEEN if is_seen else LEAST_GAIN_OF_LEARNED
            options.append(
                Option(
                    candidate=position,
                    measure=measure,
                    path=path,
                    rule=own_rule,
                    growth=growth,
                    chooser=walk,
                    early_share=early,
                    expected_seconds=float(candidate.seconds_by(measure, 1 - early)),
                    is_bearable=bool(_is_bearable(calibration, candidate, measure, 1 - early)),
                    least_gain=least_gain if is_learned else 0.0,
                )
            )
    return _cheapest(options)


def _paths(
    calibration: Calibration, rule: ThresholdRule, position: int, measure: str, rows: np.ndarray
) -> Iterator[tuple[ThresholdPath, np.ndarray | None]]:
    """Paths of a candidate, each with how sure it would be of rows that it had not seen.

    That is None where nothing is learned, where it is known already (a learned score is of unseen
    rows), and where it is not known.
    """
    candidate, n_classes = calibration.candidates[position], calibration.n_classes
    confidence = candidate.confidence[measure][rows]
    yield pooled_path(confidence, n_classes), None
    # A learned score knows the predicted class already, and no rows to learn from may be there.
    is_learned = measure == LEARNED or not calibration.selects.any()
    if is_learned or not rule.uses_class_thresholds:
        return
    codes, harm = candidate.codes[rows], calibration.harms[position][rows]
    is_probability = calibration.is_probability
    path = per_class_path(codes, confidence, harm, n_classes, is_probability=is_probability)
    if path is None:
        return
    risk = unseen_risk(
        codes, confidence, harm, n_classes, is_probability=is_probability, seed=calibration.seed
    )
    yield path, None if risk is None else -risk


def _cheapest(options: list[Option]) -> Option:
    """The option of least expected cost; what is learned must earn its place."""

    def rank(option: Option) -> tuple[bool, float]:
        return not option.is_bearable, option.expected_seconds / (1 - option.least_gain)

    return min(options, key=rank)


def _is_bearable(calibration: Calibration, candidate: Candidate, measure: str, open_share):
    """Whether a candidate is not slower for rows that come in the way that is not planned for."""
    seconds = candidate.other_seconds_by(measure, open_share)
    return seconds * LEAST_OTHER_SPEED <= calibration.other_full_seconds


def _tradeoff(
    calibration: Calibration, asked: Asked, option: Option, chosen: int | None = None
) -> Tradeoff:
    candidate = calibration.candidates[option.candidate]
    walk = option.walk(calibration, _certifying_rows(calibration, option.rule))
    steps = walk.distinct_steps(CURVE_STEPS if asked.score is None else SCORED_STEPS)
    if chosen is not None:
        steps = np.union1d(steps, [chosen])
    early_share = walk.early_share[steps]
    return Tradeoff(
        blocks=candidate.blocks,
        measure=option.measure,
        thresholds=np.array(option.path.thresholds[steps]),
        early_share=early_share,
        score_kept=_score_kept(asked, option.candidate, walk, steps),
        expected_seconds=candidate.seconds_by(option.measure, 1 - early_share),
        chosen=None if chosen is None else int(np.searchsorted(steps, chosen)),
        n_trees=candidate.n_trees,
        is_surrogate=candidate.is_surrogate,
    )


def _score_kept(asked: Asked, candidate: int, walk: Walk, steps) -> np.ndarray:
    """The cascade's score over the full model's, at each step."""
    if asked.score is None:
        n_full = max(int(walk.full_right.sum()), 1)
        return 1 + (walk.n_rescues - walk.n_harms)[steps] / n_full
    score = RecordedScore(asked.score, candidate)
    scores = np.array([score.at(walk, step) for step in steps])
    return scores / scores[0]


def _rows_needed(calibration: Calibration, options: list[Option]) -> int | None:
    """Calibration rows, choosing ones included, at which a cascade would probably be certified.

    None where it would take a hundred times as many, or no more than there are: then chance alone
    was against it. The shares of harms and rescues seen on all calibration rows are taken for the
    true ones.
    """
    rows = np.arange(len(calibration.selects))
    certifying = 1 - calibration.selects.mean()
    needed = []
    for option in options:
        candidate = calibration.candidates[option.candidate]
        walk = option.walk(calibration, rows)
        early = walk.early_share
        seconds = candidate.seconds_by(option.measure, 1 - early)
        useful = (early > 0) & pays(seconds, calibration.full_seconds, CASCADE_SAVING)
        useful &= _is_bearable(calibration, candidate, option.measure, 1 - early)
        counts = [n[useful] * certifying for n in walk.outcomes]

        # A path begins with a step that answers no row early, which must pass too.
        untouched = np.array([walk.full_right.sum() * certifying, 0.0, 0.0])[:, None]

        def passes(factor: float, option=option, counts=counts, first=untouched) -> bool:
            expected = option.rule.expected_to_pass
            return bool(
                expected(*(first * factor)).all() and expected(*(n * factor for n in counts)).any()
            )

        # More rows than these: on as many the test has failed.
        enough = next((factor for factor in MORE_ROWS if passes(factor)), None)
        if enough is None or enough == 1:
            continue
        low, high = enough / 2, enough
        for _ in range(12):
            middle = (low + high) / 2
            low, high = (low, middle) if passes(middle) else (middle, high)
        needed.append(int(np.ceil(high * len(rows))))
    return min(needed, default=None)
