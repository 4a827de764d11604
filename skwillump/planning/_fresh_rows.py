"""Certificates of a planned cascade from rows that came after `fit`."""

from dataclasses import dataclass, replace

import numpy as np
from scipy.stats import beta

from ._cascade_plan import CASCADE_SAVING
from ._cascade_records import Calibration, Guarantee, Plan, PlannedPath, Score, Subgroups, Tradeoff
from ._fixed_sequence import AccuracyTest, AgreementTest, WithinEach
from ._records import pays
from ._threshold_paths import ThresholdPath
from ._threshold_rules import BootstrapBound, ThresholdRule
from ._walks import RecordedScore, Walk

ACCURACY_ERROR = 0.1
"""Share of the level that goes to the full model's accuracy, where there are no labels."""


@dataclass(frozen=True, kw_only=True)
class FreshRows:
    """What the models that answer did on rows that neither of them was fitted on."""

    codes: np.ndarray  # int (n_rows,): classes that the approximate model predicts, as positions
    confidence: np.ndarray  # float64 (n_rows,): by the measure of the planned path
    # `full_right`, `right`: bool (n_rows,): whether each model is right; without labels, whether it
    # answers as the full model does.
    full_right: np.ndarray
    right: np.ndarray
    classes: np.ndarray | None  # int (n_rows,): True classes, as positions; None without labels
    # For another score than accuracy: as for `make_plan`, of the one candidate 0.
    score: Score | None = None
    # Groups of the rows in each of which the target is to be kept; as in `Calibration`.
    within: Subgroups | None = None


def certify_plan(
    calibration: Calibration, plan: Plan, fresh: FreshRows, *, target: float, confidence: float
) -> Plan:
    """Test the models that answer on fresh rows, along the path that was planned.

    Nothing is chosen anew: the candidate, the measure of confidence and the path are those of the
    plan. The steps are tested from the safest one to the one in use, or to the last where none is
    in use, so that the step can only become a safer one.

    Without labels, what is tested is how often the cascade answers as the full model. With a full
    model that is right on a share f of the rows, it may answer ``(1 - target) * f`` of them in
    another way. For f a lower bound is taken, from the rows of `calibration`.

    Parameters
    ----------
    calibration : Calibration
        What the plan was made from.
    plan : Plan
        With a `path`.
    target : float in (0, 1)
    confidence : float in (0, 1)

    Returns
    -------
    Plan
        Without a cascade if none could be certified.

    Raises
    ------
    ValueError
        If the rows are too few to certify anything, even if no row were answered differently.
    """
    path = plan.path
    assert path is not None
    rule, evidence = _rule(calibration, fresh, target, 1 - confidence)
    walk = _walk(path, fresh)
    allowed = rule.allow(walk)
    if allowed.step == 0 and fresh.within is not None and fresh.score is not None:
        # A class may be too rare to show anything of its recall; the score is estimated then.
        without = replace(fresh, within=None)
        return certify_plan(calibration, plan, without, target=target, confidence=confidence)
    candidate = calibration.candidates[path.candidate]
    early_share = float(walk.early_share[allowed.step])
    seconds = float(candidate.seconds_by(path.measure, 1 - early_share))
    n_rows = len(walk.rows)
    if allowed.step == 0 or early_share == 0.0:
        if rule.shows_nothing(allowed):
            raise ValueError(
                f"{n_rows} rows are too few to certify accuracy_target={target:g} with confidence "
                f"{confidence:g}, even if no row were answered differently: pass more rows"
                f"{' of each subgroup' if fresh.within is not None else ''}."
            )
        reason = f"no threshold could be certified on the {n_rows} rows of certify"
    elif not pays(seconds, calibration.full_seconds, CASCADE_SAVING):
        reason = (
            f"the cascade that could be certified on the {n_rows} rows of certify answers "
            f"{early_share:.1%} of rows early, which does not pay"
        )
    else:
        reason = ""
    if reason:
        return Plan.of_full_model(
            calibration.full_seconds,
            tradeoffs=plan.tradeoffs,
            path=path,
            accuracy_target=target,
            confidence=confidence,
            n_rows=n_rows,
            reason=reason,
        )
    return Plan(
        candidate=path.candidate,
        measure=path.measure,
        thresholds=np.array(path.thresholds[allowed.step]),
        early_share=early_share,
        expected_seconds=seconds,
        guarantee=Guarantee(
            kind=rule.kind,
            accuracy_target=target,
            confidence=confidence,
            basis="fresh",
            n_rows=n_rows,
            tested_target=target,
            tested_confidence=confidence,
            evidence=allowed.evidence | evidence,
        ),
        tradeoffs=tuple(
            replace(tradeoff, chosen=_nearest(tradeoff, early_share))
            if position == path.candidate
            else tradeoff
            for position, tradeoff in enumerate(plan.tradeoffs)
        ),
        path=replace(path, thresholds=path.thresholds[: allowed.step + 1]),
    )


def _nearest(tradeoff: Tradeoff, early_share: float) -> int:
    """The step of a curve that answers about this share of rows early."""
    return int(np.argmin(np.abs(tradeoff.early_share - early_share)))


def _walk(path: PlannedPath, fresh: FreshRows) -> Walk:
    thresholds = ThresholdPath(path.thresholds, per_class=True)
    return Walk(
        rows=np.arange(len(fresh.codes)),
        steps=thresholds.first_step(fresh.codes, fresh.confidence),
        n_steps=len(path.thresholds),
        full_right=fresh.full_right,
        approx_right=fresh.right,
        thresholds=path.thresholds,
    )


def _rule(
    calibration: Calibration, fresh: FreshRows, target: float, level: float
) -> tuple[ThresholdRule, dict[str, float]]:
    """The rule that suits what is known of the rows, and what it rests on besides."""
    if fresh.classes is None:
        right = calibration.full_right
        if calibration.taught is not None:
            right = right & ~calibration.taught  # that of a row that was fitted on is not known
        accuracy = lower_accuracy(right, ACCURACY_ERROR * level)
        agreement = AgreementTest(
            target=1 - (1 - target) * accuracy, level=(1 - ACCURACY_ERROR) * level
        )
        return agreement, {"full_accuracy": accuracy}
    if fresh.within is not None:
        return WithinEach(target=target, level=level, subgroups=fresh.within), {}
    if fresh.score is None:
        return AccuracyTest(target=target, level=level), {}
    rule = BootstrapBound(
        target=target,
        level=level,
        score=RecordedScore(fresh.score, 0),
        codes=fresh.codes,
        strata=fresh.classes,
        seed=calibration.seed,
    )
    return rule, {}


def lower_accuracy(right: np.ndarray, error: float) -> float:
    """Lower confidence bound of an accuracy (Clopper and Pearson 1934)."""
    n_right = int(right.sum())
    return float(beta.ppf(error, n_right, len(right) - n_right + 1)) if n_right else 0.0
