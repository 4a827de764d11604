"""What a cascade is planned from, and what a plan is."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ._confidence import LEARNED
from ._growth import Growth
from ._harm_score import HarmScore
from ._records import ApproximateStage, BaseGuarantee, BaseTradeoff, Evidence
from ._subgroups import Subgroups

Score = Callable[..., float]
"""``score(candidate, early, rows, answers=rows)``: score of the cascade that answers `early` of
`rows` early, each with what its model answered on the row of `answers`."""


@dataclass(frozen=True)
class Candidate(ApproximateStage):
    """An approximate model, and what it did on the calibration rows.

    Attributes
    ----------
    codes : ndarray of int of shape (n_rows,)
        Predicted classes, as positions.
    confidence : dict of str to ndarray of float64 of shape (n_rows,)
        By measure of confidence.
    right : ndarray of bool of shape (n_rows,)
        Whether the approximate model is right.
    harm_score : HarmScore or None
        The measure ``"score"``, where one was learned. Of rows that choose, its values are those of
        scores that were not fitted on them.
    score_seconds, other_score_seconds : float
        What it takes more for a row, where rows come as planned for and in the other way.
    """

    codes: np.ndarray
    confidence: dict[str, np.ndarray]
    right: np.ndarray
    harm_score: HarmScore | None = field(default=None, kw_only=True)
    score_seconds: float = field(default=0.0, kw_only=True)
    other_score_seconds: float = field(default=0.0, kw_only=True)

    def seconds_by(self, measure: str, open_share):
        """Seconds a row with a measure of confidence, if this share of the rows is left open."""
        return self.expected_seconds(open_share) + (measure == LEARNED) * self.score_seconds

    def other_seconds_by(self, measure: str, open_share):
        """The same where rows come in the way that is not planned for; 0 where it is not known."""
        if self.other is None:
            return 0.0 * open_share
        return self.other.expected(open_share) + (measure == LEARNED) * self.other_score_seconds


@dataclass(frozen=True, kw_only=True)
class SmallerAnswers:
    """What an approximate model that was fitted on fewer rows did.

    Attributes
    ----------
    codes : ndarray of int of shape (n_rows,)
    confidence : dict of str to ndarray of float64 of shape (n_rows,)
    right : ndarray of bool of shape (n_rows,)
        As in `Candidate`.
    """

    codes: np.ndarray
    confidence: dict[str, np.ndarray]
    right: np.ndarray


@dataclass(frozen=True, kw_only=True)
class SmallerModels:
    """What models fitted on a part of the rows of a fold did on rows that they have not seen.

    Attributes
    ----------
    rows : ndarray of intp of shape (n_rows,)
        Positions in the calibration; -1 for rows that are not in it.
    full_right : ndarray of bool of shape (n_rows,)
    candidates : tuple of (SmallerAnswers or None)
        One for each candidate; None for one that could not be made.
    row_ratio : float
        Rows that these models were fitted on, over those of the fold.
    """

    rows: np.ndarray
    full_right: np.ndarray
    candidates: tuple[SmallerAnswers | None, ...]
    row_ratio: float


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
        Rows that choose; the others certify. Where there is but one candidate with one measure of
        confidence nothing need be chosen, and all rows may certify.
    n_classes : int
    is_probability : bool
        Whether confidences are probabilities, otherwise margins of a decision function.
    basis : {"prefit", "held-out", "cross-fitted"}
    train_share : float
        As in `Evidence`.
    seed : int
        For the bootstrap.
    smaller : SmallerModels or None
        What models fitted on fewer rows did.
    other_full_seconds : float
        Seconds a row of the full model where rows come in the way that is not planned for.
    within : Subgroups or None
        Groups of the rows in each of which the target is to be kept.
    stopped : bool
        Whether models were fitted on fewer folds, as nothing could pay at the target of the fit.
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
    smaller: SmallerModels | None = field(default=None, kw_only=True)
    other_full_seconds: float = field(default=float("inf"), kw_only=True)
    within: Subgroups | None = field(default=None, kw_only=True)
    stopped: bool = field(default=False, kw_only=True)

    def with_dearer(self, candidate: int, seconds: float) -> "Calibration":
        """The same numbers where a candidate's first stage costs so many seconds a row more."""
        candidates = list(self.candidates)
        known = candidates[candidate]
        candidates[candidate] = replace(known, stage_seconds=known.stage_seconds + seconds)
        return replace(self, candidates=tuple(candidates))

    @property
    def evidence(self) -> Evidence:
        """Which models the numbers are of."""
        return Evidence(self.basis, self.train_share)

    @property
    def harms(self) -> tuple[np.ndarray, ...]:
        """For each candidate, rows on which the full model is right and the candidate is not."""
        return tuple(self.full_right & ~candidate.right for candidate in self.candidates)


@dataclass(frozen=True, kw_only=True)
class Tradeoff(BaseTradeoff):
    """Accuracy against cost along the thresholds of one candidate, on the rows that certify.

    Attributes
    ----------
    blocks : tuple of str
    measure : {"probability", "margin", "score"}
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
        Where the approximate model is a truncated ensemble: how many trees it has.
    is_surrogate : bool
        Whether it is a linear model in the place of the full one.
    """

    measure: str
    thresholds: np.ndarray = field(repr=False)
    early_share: np.ndarray = field(repr=False)
    score_kept: np.ndarray = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Guarantee(BaseGuarantee):
    """What is promised, and on what evidence.

    Attributes
    ----------
    kind : {"certified", "cross-fitted", "estimate", "plug-in", "exact"}
        ``"certified"``: a hypothesis test of the very models that answer, at level
        ``1 - confidence``. ``"cross-fitted"``: the same test of models that were fitted in the same
        way on folds of the rows. ``"estimate"``: a bootstrap lower bound. ``"plug-in"``: the score
        of the calibration rows, no more. ``"exact"``: the full model answers every row, so that
        there is nothing to lose.
    accuracy_target : float
        Share of the full model's score that is kept.
    confidence : float or None
    basis : {"prefit", "held-out", "fresh", "cross-fitted"} or None
        Which models the evidence is of: those given as fitted, those fitted on the training rows
        alone (``refit=False``), those that answer, on the rows of `certify`; or others, fitted in
        the same way on folds of the rows.
    n_rows : int
        Rows that the evidence rests on.
    tested_target, tested_confidence : float
        What was shown of the models that the evidence is of. They are above `accuracy_target` and
        `confidence` if other models, fitted on more rows, answer.
    evidence : dict of str to float
        Counts, p-value or scores, by kind.
    growth : Growth or None
        For ``"cross-fitted"``, how harms were taken to grow with the rows.
    reason : str
        Why there is no cascade; empty if there is one.
    rows_needed : int or None
        Calibration rows with which a cascade would probably be certified, where more would do.
    """

    accuracy_target: float
    evidence: dict[str, Any]
    growth: Growth | None = None

    @classmethod
    def of_full_model(
        cls,
        *,
        accuracy_target: float,
        confidence: float | None,
        reason: str,
        n_rows: int = 0,
        rows_needed: int | None = None,
    ) -> "Guarantee":
        """The promise of the full model alone."""
        return cls(
            kind="exact",
            accuracy_target=accuracy_target,
            confidence=confidence,
            basis=None,
            n_rows=n_rows,
            tested_target=1.0,
            tested_confidence=None,
            evidence={},
            reason=reason,
            rows_needed=rows_needed,
        )


@dataclass(frozen=True, kw_only=True)
class PlannedPath:
    """The candidate and the thresholds that were chosen, whether or not they could be certified.

    Attributes
    ----------
    candidate : int
    measure : {"probability", "margin", "score"}
    thresholds : ndarray of float64 of shape (n_steps, n_classes)
        From the safest step on.
    """

    candidate: int
    measure: str
    thresholds: np.ndarray = field(repr=False)


@dataclass(frozen=True, kw_only=True)
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
    chosen_at : float
        The same as the choosing rows let it expect: what the candidate was chosen for.
    expected_seconds : float
        A row.
    guarantee : Guarantee
    tradeoffs : tuple of Tradeoff
        One for each candidate, along its best path.
    path : PlannedPath or None
        What fresh rows can certify: up to the step in use or, where none is, as far as they show.
    """

    candidate: int | None = None
    measure: str | None = None
    thresholds: np.ndarray | None = None
    early_share: float = 0.0
    chosen_at: float = 0.0
    expected_seconds: float
    guarantee: Guarantee
    tradeoffs: tuple[Tradeoff, ...] = ()
    path: PlannedPath | None = None
