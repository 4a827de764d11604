"""What a cascade is chosen among: each candidate with its best measure and path of thresholds."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ._cascade_records import Calibration, Candidate, PlannedPath, Score, Subgroups
from ._confidence import LEARNED, measures_for
from ._fixed_sequence import AccuracyTest, WithinEach
from ._growth import Growth
from ._records import Evidence
from ._threshold_paths import ThresholdPath, per_class_path, pooled_path, unseen_risk
from ._threshold_rules import BootstrapBound, PaperRule, ThresholdRule
from ._walks import AccuracyScore, RecordedScore, Walk, spread

LEAST_GAIN_OF_LEARNED = 0.01
"""What is learned, thresholds for each class or a score, must lower the expected cost by this share
to be preferred. It is looked at on rows that it was not learned from."""

LEAST_GAIN_OF_SEEN = 0.02
"""The same where it can be looked at only on the rows that it was learned from."""

LEAST_OTHER_SPEED = 0.95
"""A cascade must have at least this share of the full model's speed for rows that come in the way
that is not planned for."""

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


def choosing_rows(calibration: Calibration, rule: ThresholdRule) -> np.ndarray:
    """Rows that a candidate is chosen by; all where none chooses, or a rule asks for no others."""
    if rule.tests_other_rows and calibration.selects.any():
        return np.flatnonzero(calibration.selects)
    return np.arange(len(calibration.selects))


def certifying_rows(calibration: Calibration, rule: ThresholdRule) -> np.ndarray:
    """Rows that decide how far along its path a cascade may go."""
    if rule.tests_other_rows:
        return np.flatnonzero(~calibration.selects)
    return np.arange(len(calibration.selects))


def best_option(calibration: Calibration, asked: Asked, position: int) -> Option:
    """The measure and the path of a candidate that let expect the least cost.

    Paths are learned from the rows that choose.
    """
    candidate = calibration.candidates[position]
    rule = asked.rule(calibration, position)
    rows = choosing_rows(calibration, rule)
    n_certify = len(certifying_rows(calibration, rule))
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
                growth = calibration.growth_at(position, measure, path.thresholds[step])
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
                    early_share=early,
                    expected_seconds=float(candidate.seconds_by(measure, 1 - early)),
                    is_bearable=bool(is_bearable(calibration, candidate, measure, 1 - early)),
                    least_gain=least_gain if is_learned else 0.0,
                )
            )
    return cheapest(options)


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


def cheapest(options: list[Option]) -> Option:
    """The option of least expected cost; what is learned must earn its place."""

    def rank(option: Option) -> tuple[bool, float]:
        return not option.is_bearable, option.expected_seconds / (1 - option.least_gain)

    return min(options, key=rank)


def is_bearable(calibration: Calibration, candidate: Candidate, measure: str, open_share):
    """Whether a candidate is not slower for rows that come in the way that is not planned for."""
    seconds = candidate.other_seconds_by(measure, open_share)
    return seconds * LEAST_OTHER_SPEED <= calibration.other_full_seconds
