"""The choice of blocks and thresholds with the least expected cost that meets the target."""

from dataclasses import replace

import numpy as np

from ._cascade_options import (
    Asked,
    Option,
    best_option,
    certifying_rows,
    cheapest,
    is_bearable,
)
from ._cascade_records import Calibration, Guarantee, Plan, PlannedPath, Score, Tradeoff
from ._records import pays
from ._threshold_rules import Allowed
from ._walks import RecordedScore, Walk

CASCADE_SAVING = 0.05
"""A cascade must be expected to save this share of the full cost: measured costs are noisy."""

CURVE_STEPS = 256
"""Points of a curve of accuracy against cost, at most."""

SCORED_STEPS = 24
"""The same where each point takes a call of the user's score."""

MORE_ROWS = 2.0 ** np.arange(8)
"""How many times as many rows are looked at, where more would certify."""


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
    if calibration.leaves_out_growth:
        # Where nothing is chosen even if harms grow slowly, there is nothing that could grow.
        slow = replace(calibration, leaves_out_growth=False)
        plan = make_plan(slow, target, confidence, score)
        if plan.candidate is None:
            return plan
    asked = Asked(target=target, confidence=confidence, score=score, within=calibration.within)
    plan = _plan(calibration, asked)
    if plan.candidate is None and score is not None and asked.within is not None:
        # A class may be too rare to show anything of its recall; the score is estimated then.
        return _plan(calibration, replace(asked, within=None))
    return plan


def _plan(calibration: Calibration, asked: Asked) -> Plan:
    target, confidence = asked.target, asked.confidence
    best = [best_option(calibration, asked, i) for i in range(len(calibration.candidates))]
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

    option = cheapest(best)
    candidate = calibration.candidates[option.candidate]
    walk = option.walk(calibration, certifying_rows(calibration, option.rule))
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
    if not is_bearable(calibration, candidate, option.measure, 1 - early_share):
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
    """Whether a cascade that was chosen, and takes so many seconds a row, is kept.

    It was chosen for what it saves of a large batch. Of one of middling size it need save nothing:
    what is chosen would else depend on chance wherever it saves about as much as is asked.
    """
    return bool(pays(seconds, calibration.full_seconds, 0.0))


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


def _tradeoff(
    calibration: Calibration, asked: Asked, option: Option, chosen: int | None = None
) -> Tradeoff:
    candidate = calibration.candidates[option.candidate]
    walk = option.walk(calibration, certifying_rows(calibration, option.rule))
    steps = walk.distinct_steps(CURVE_STEPS if asked.score is None else SCORED_STEPS)
    if chosen is not None:
        steps = np.union1d(steps, [chosen])
    early_share = walk.early_share[steps]
    return Tradeoff(
        **candidate.described,
        measure=option.measure,
        thresholds=np.array(option.path.thresholds[steps]),
        early_share=early_share,
        score_kept=_score_kept(asked, option.candidate, walk, steps),
        expected_seconds=candidate.seconds_by(option.measure, 1 - early_share),
        chosen=None if chosen is None else int(np.searchsorted(steps, chosen)),
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
        useful &= is_bearable(calibration, candidate, option.measure, 1 - early)
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
