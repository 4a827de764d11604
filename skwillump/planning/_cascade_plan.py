"""The choice of blocks and thresholds with the least expected cost that meets the target."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ._confidence import measures_for
from ._threshold_paths import ThresholdPath, per_class_path, pooled_path
from ._threshold_rules import (
    BootstrapEstimate,
    CertifiedAccuracy,
    Harms,
    Judge,
    PlugIn,
    Verdict,
    Walk,
    spread,
)

LEAST_SAVING = 0.05
"""A cascade must be expected to save this share of the full cost: measured costs are noisy."""

LEAST_GAIN_OF_CLASSES = 0.02
"""Thresholds for each class must lower the expected cost by this share to be preferred."""


@dataclass(frozen=True)
class Candidate:
    """An approximate model on a set of blocks, and what it did on the calibration rows.

    Attributes
    ----------
    blocks : tuple of str
        The blocks that the model uses.
    stage_seconds : float
        Seconds a row of the first stage: blocks, model and the decision.
    rest_seconds : float
        Seconds that a row costs on top if it is not answered early.
    codes : ndarray of int of shape (n_rows,)
        Predicted classes, as positions.
    confidence : dict of str to ndarray of float64 of shape (n_rows,)
        By measure of confidence.
    right : ndarray of bool of shape (n_rows,)
        Whether the approximate model is right.
    n_trees : int or None
        Where the model consists of first trees of the full one: how many.
    """

    blocks: tuple[str, ...]
    stage_seconds: float
    rest_seconds: float
    codes: np.ndarray
    confidence: dict[str, np.ndarray]
    right: np.ndarray
    n_trees: int | None = None


@dataclass(frozen=True)
class Calibration:
    """All that a plan is made from: numbers and arrays.

    Attributes
    ----------
    candidates : tuple of Candidate
    full_seconds : float
        Seconds a row of the full model.
    full_right : ndarray of bool of shape (n_rows,)
    classes : ndarray of int of shape (n_rows,)
        True classes, as positions.
    selects : ndarray of bool of shape (n_rows,)
        Rows that choose; the others certify.
    n_classes : int
    is_probability : bool
        Whether confidences are probabilities, otherwise margins of a decision function.
    basis : {"prefit", "cross-fitted"}
        Whether the models that made these numbers are the ones that will answer.
    train_share : float
        Share of the rows of the models that will answer that these models were fitted on; 1.0 if
        they are the same.
    seed : int
        For the bootstrap.
    """

    candidates: tuple[Candidate, ...]
    full_seconds: float
    full_right: np.ndarray
    classes: np.ndarray
    selects: np.ndarray
    n_classes: int
    is_probability: bool
    basis: str
    train_share: float
    seed: int

    def tested_target(self, target: float) -> float:
        """Target to test for, so that the models that will answer keep `target`.

        A model with more features gains more from more rows, so what a cascade loses can grow when
        its models are fitted again on all rows. It is taken to grow no faster than their number.
        """
        return 1 - (1 - target) * self.train_share

    def tested_confidence(self, confidence: float) -> float:
        """Confidence to test with, so that the models that will answer keep theirs.

        Evidence of several models fitted on parts of the data is of their average. Half of the
        error that is allowed is left to the one model that will answer being worse than that.
        """
        return confidence if self.basis == "prefit" else (1 + confidence) / 2


Score = Callable[..., float]
"""``score(candidate, early, rows, answers=rows)``: score of the cascade that answers `early` of
`rows` early, each with what its model answered on the row of `answers`."""


@dataclass(frozen=True)
class Tradeoff:
    """Accuracy against cost along the thresholds of one candidate, on the rows that certify.

    Attributes
    ----------
    blocks : tuple of str
    measure : {"probability", "margin"}
        The measure of confidence.
    thresholds : ndarray of float64 of shape (n_steps, n_classes)
    early_share : ndarray of float64 of shape (n_steps,)
        Share of rows that the first stage answers.
    score_kept : ndarray of float64 of shape (n_steps,)
        The cascade's score over the full model's.
    expected_seconds : ndarray of float64 of shape (n_steps,)
        A row.
    chosen : int or None
        The step that the cascade uses.
    n_trees : int or None
        Where the approximate model consists of first trees of the full one: how many.
    """

    blocks: tuple[str, ...]
    measure: str
    thresholds: np.ndarray = field(repr=False)
    early_share: np.ndarray = field(repr=False)
    score_kept: np.ndarray = field(repr=False)
    expected_seconds: np.ndarray = field(repr=False)
    chosen: int | None
    n_trees: int | None = None


@dataclass(frozen=True)
class Guarantee:
    """What is promised, and on what evidence.

    Attributes
    ----------
    kind : {"certified", "estimate", "plug-in", "exact"}
        ``"certified"``: a hypothesis test at level ``1 - confidence``. ``"estimate"``: a bootstrap
        lower bound. ``"plug-in"``: the score of the calibration rows, no more. ``"exact"``: the
        full model answers every row, so that there is nothing to lose.
    accuracy_target : float
        Share of the full model's score that is kept.
    confidence : float or None
    basis : {"prefit", "cross-fitted"} or None
        Whether the numbers are those of the very models that answer, or of models fitted in the
        same way on parts of the data.
    n_rows : int
        Rows that the evidence rests on.
    tested_target, tested_confidence : float
        What was shown of the models that the evidence is of. They are above `accuracy_target` and
        `confidence` if other models, fitted on more rows, answer.
    evidence : dict of str to float
        Counts, p-value or scores, by kind.
    reason : str
        Why there is no cascade; empty if there is one.
    rows_needed : int or None
        Calibration rows with which a cascade would probably be certified, where more would do.
    """

    kind: str
    accuracy_target: float
    confidence: float | None
    basis: str | None
    n_rows: int
    tested_target: float
    tested_confidence: float | None
    evidence: dict[str, Any]
    reason: str = ""
    rows_needed: int | None = None


@dataclass(frozen=True)
class Plan:
    """The outcome of `make_plan`.

    Attributes
    ----------
    candidate : int or None
        The approximate model to use; None for no cascade.
    measure : str or None
        Its measure of confidence.
    thresholds : ndarray of float64 of shape (n_classes,) or None
    early_share : float
        Share of the certifying rows that the first stage answers.
    expected_seconds : float
        A row.
    guarantee : Guarantee
    tradeoffs : tuple of Tradeoff
        One for each candidate, along its best path.
    """

    candidate: int | None
    measure: str | None
    thresholds: np.ndarray | None
    early_share: float
    expected_seconds: float
    guarantee: Guarantee
    tradeoffs: tuple[Tradeoff, ...]


@dataclass(frozen=True)
class _Option:
    """A candidate with a measure and a path, and what to expect of it."""

    candidate: int
    measure: str
    path: ThresholdPath
    selected: Walk
    expected_seconds: float


def make_plan(
    calibration: Calibration,
    target: float,
    confidence: float | None,
    score: Score | None = None,
) -> Plan:
    """Choose blocks and thresholds, and certify the choice.

    The rows marked `selects` choose the candidate, the measure of confidence and the path of
    thresholds; the other rows decide how far along that path the cascade may go.

    Parameters
    ----------
    calibration : Calibration
    target : float in (0, 1]
    confidence : float in (0, 1) or None
        None for the plug-in rule of the paper, which makes no promise.
    score : callable, optional
        The score to keep; the default is accuracy, which alone can be certified.

    Returns
    -------
    Plan
    """
    selecting = np.flatnonzero(calibration.selects)
    certifying = np.flatnonzero(~calibration.selects)
    tested_target, tested_confidence = target, confidence
    if confidence is not None:
        tested_target = calibration.tested_target(target)
        tested_confidence = calibration.tested_confidence(confidence)
    else:
        # The rule chooses and checks on the same rows; all of them, then.
        selecting = certifying = np.arange(len(calibration.selects))

    def judge_of(candidate: int) -> Judge:
        return _judge(calibration, tested_target, tested_confidence, score, candidate)

    best: dict[int, _Option] = {}
    for position in range(len(calibration.candidates)):
        options = _options(calibration, position, selecting, len(certifying), judge_of(position))
        best[position] = _cheapest(options)
    tradeoffs = tuple(
        _tradeoff(calibration, option, certifying, score, chosen=None) for option in best.values()
    )

    def no_cascade(reason: str, rows_needed: int | None = None) -> Plan:
        exact = Guarantee(
            "exact", target, confidence, None, len(certifying), 1.0, None, {}, reason, rows_needed
        )
        return Plan(None, None, None, 0.0, calibration.full_seconds, exact, tradeoffs)

    if not best:
        return no_cascade("no set of blocks is cheap enough to be worth an approximate model")
    if target >= 1.0:
        return no_cascade("accuracy_target=1.0 allows no approximation")

    option = _cheapest(list(best.values()))
    candidate = calibration.candidates[option.candidate]
    judge = judge_of(option.candidate)
    walk = _walk(calibration, candidate, option.measure, option.path, certifying)
    verdict = judge.certify(walk, option.selected)
    early_share = float(walk.n_early[verdict.step] / max(len(certifying), 1))
    seconds = candidate.stage_seconds + (1 - early_share) * candidate.rest_seconds
    if verdict.step == 0 or early_share == 0.0:
        needed = None
        if isinstance(judge, CertifiedAccuracy) and walk.full_right.any():
            needed = _rows_needed(calibration, best, judge)
        return no_cascade(_why_not(judge, walk, verdict, target), needed)
    if seconds > (1 - LEAST_SAVING) * calibration.full_seconds:
        return no_cascade(
            f"the cheapest cascade that meets the target answers {early_share:.1%} of rows early "
            f"and would cost {seconds:.3g} s a row; the full model costs "
            f"{calibration.full_seconds:.3g} s",
        )
    kept = list(tradeoffs)
    kept[option.candidate] = _tradeoff(calibration, option, certifying, score, chosen=verdict.step)
    return Plan(
        candidate=option.candidate,
        measure=option.measure,
        thresholds=np.array(option.path.thresholds[verdict.step]),
        early_share=early_share,
        expected_seconds=seconds,
        guarantee=Guarantee(
            judge.kind,
            target,
            confidence,
            calibration.basis,
            len(certifying),
            tested_target,
            tested_confidence,
            verdict.evidence,
        ),
        tradeoffs=tuple(kept),
    )


def _judge(calibration, target, confidence, score, candidate) -> Judge:
    if confidence is not None and score is None:
        return CertifiedAccuracy(target, 1 - confidence)

    def score_of(walk: Walk, step: int, sample=None) -> float:
        early = walk.steps <= step
        if sample is None:
            sample = slice(None)
        if score is None:
            right = np.where(early, walk.approx_right, walk.full_right)
            return float(right[sample].mean())
        return score(candidate, early[sample], walk.rows[sample])

    if confidence is None:
        return PlugIn(target, score_of, calibration.is_probability)

    def score_harmed(walk: Walk, step: int, harms: Harms) -> float:
        assert score is not None, "accuracy is certified, not estimated"
        early = np.append(walk.steps <= step, np.full(len(harms.rows), step >= 0))
        rows = np.append(walk.rows, harms.rows)
        return score(candidate, early, rows, np.append(walk.rows, harms.answers))

    return BootstrapEstimate(
        target,
        1 - confidence,
        score_of,
        score_harmed,
        calibration.candidates[candidate].codes,
        calibration.classes,
        calibration.seed,
    )


def _walk(calibration, candidate, measure, path, rows) -> Walk:
    steps = path.first_step(candidate.codes[rows], candidate.confidence[measure][rows])
    return Walk(
        rows,
        steps,
        len(path.thresholds),
        calibration.full_right[rows],
        candidate.right[rows],
        path.thresholds,
    )


def _options(calibration, position, selecting, n_certify, judge) -> list[_Option]:
    """Every measure and path of a candidate; paths are learned from the selecting rows."""
    candidate = calibration.candidates[position]
    options = []
    for measure in measures_for(calibration.is_probability, calibration.n_classes):
        confidence = candidate.confidence[measure][selecting]
        codes = candidate.codes[selecting]
        harm = (calibration.full_right & ~candidate.right)[selecting]
        paths: list[ThresholdPath | None] = [pooled_path(confidence, calibration.n_classes)]
        if not isinstance(judge, PlugIn):
            paths.append(
                per_class_path(
                    codes,
                    confidence,
                    harm,
                    calibration.n_classes,
                    is_probability=calibration.is_probability,
                )
            )
        for path in paths:
            if path is None:
                continue
            walk = _walk(calibration, candidate, measure, path, selecting)
            step = judge.predict(walk, n_certify)
            early = walk.n_early[step] / max(len(selecting), 1)
            seconds = candidate.stage_seconds + (1 - early) * candidate.rest_seconds
            options.append(_Option(position, measure, path, walk, float(seconds)))
        if isinstance(judge, PlugIn):
            break  # the paper's rule knows only the largest probability
    return options


def _cheapest(options: list[_Option]) -> Any:
    """The option of least expected cost; more thresholds must earn their place."""
    if not options:
        return None
    handicap = 1 / (1 - LEAST_GAIN_OF_CLASSES)
    return min(
        options,
        key=lambda option: option.expected_seconds * (handicap if option.path.per_class else 1),
    )


def _tradeoff(calibration, option, rows, score, *, chosen, n_most=256) -> Tradeoff:
    candidate = calibration.candidates[option.candidate]
    walk = _walk(calibration, candidate, option.measure, option.path, rows)
    early = walk.n_early
    steps = np.flatnonzero(np.diff(early, prepend=-1))
    most = n_most if score is None else 24
    steps = spread(steps, most)
    if chosen is not None:
        steps = np.union1d(steps, [chosen])
    if score is None:
        n_full = max(int(walk.full_right.sum()), 1)
        kept = 1 + (walk.n_rescues - walk.n_harms)[steps] / n_full
    else:
        scores = np.array([score(option.candidate, walk.steps <= s, walk.rows) for s in steps])
        kept = scores / scores[0]
    early_share = early[steps] / max(len(rows), 1)
    return Tradeoff(
        candidate.blocks,
        option.measure,
        np.array(option.path.thresholds[steps]),
        early_share,
        kept,
        candidate.stage_seconds + (1 - early_share) * candidate.rest_seconds,
        None if chosen is None else int(np.searchsorted(steps, chosen)),
        candidate.n_trees,
    )


def _why_not(judge: Judge, walk: Walk, verdict: Verdict, target: float) -> str:
    if not walk.full_right.any():
        return f"the full model is right on none of the {len(walk.rows)} certifying rows"
    if isinstance(judge, CertifiedAccuracy):
        if verdict.evidence["p_value"] > judge.level:
            return (
                f"{len(walk.rows)} certifying rows are too few for accuracy_target={target:g} even "
                "if no row were answered differently"
            )
        return f"no threshold could be certified on {len(walk.rows)} rows"
    return f"no threshold meets the target on {len(walk.rows)} rows"


def _rows_needed(calibration, options: dict[int, _Option], judge: CertifiedAccuracy) -> int | None:
    """Calibration rows, selecting ones included, at which a cascade would probably be certified.

    The shares of harms and rescues seen on all calibration rows are taken for the true ones.
    """
    rows = np.arange(len(calibration.selects))
    needed = None
    for option in options.values():
        candidate = calibration.candidates[option.candidate]
        walk = _walk(calibration, candidate, option.measure, option.path, rows)
        early = walk.n_early / len(rows)
        seconds = candidate.stage_seconds + (1 - early) * candidate.rest_seconds
        pays = (early > 0) & (seconds <= (1 - LEAST_SAVING) * calibration.full_seconds)
        harms, rescues = walk.n_harms, walk.n_rescues
        counts = tuple(
            n[pays] * (1 - calibration.selects.mean())
            for n in (walk.full_right.sum() - harms, harms, rescues)
        )

        def certifies(factor, counts=counts):
            return bool(
                (judge.expected_p_values(*(n * factor for n in counts)) <= judge.level).any()
            )

        factors = 2.0 ** np.arange(15)
        enough = [factor for factor in factors if pays.any() and certifies(factor)]
        if not enough:
            continue
        low, high = enough[0] / 2, enough[0]
        for _ in range(12):
            middle = (low + high) / 2
            low, high = (low, middle) if certifies(middle) else (middle, high)
        rows_here = int(np.ceil(high * len(rows)))
        needed = rows_here if needed is None else min(needed, rows_here)
    return needed
