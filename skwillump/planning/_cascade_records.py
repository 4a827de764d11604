"""What a cascade is planned from, and what a plan is."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ._confidence import LEARNED
from ._growth import UNMEASURED, Growth, HarmCounts
from ._harm_score import HarmScore
from ._records import ApproximateStage, BaseCalibration, BaseGuarantee, BaseTradeoff

Score = Callable[..., float]
"""``score(candidate, early, rows, answers=rows)``: score of the cascade that answers `early` of
`rows` early, each with what its model answered on the row of `answers`."""


@dataclass(frozen=True)
class Candidate(ApproximateStage):
    """An approximate model, and what it did on the calibration rows."""

    codes: np.ndarray  # int (n_rows,): predicted classes, as positions
    # dict of str to ndarray of float64 of shape (n_rows,): by measure of confidence.
    confidence: dict[str, np.ndarray]
    right: np.ndarray  # bool (n_rows,): whether the approximate model is right
    # The measure ``"score"``, where one was learned. Of rows that choose, its values are those of
    # scores that were not fitted on them.
    harm_score: HarmScore | None = field(default=None, kw_only=True)
    # `score_seconds`, `other_score_seconds`: what it takes more for a row, where rows come as
    # planned for and in the other way.
    score_seconds: float = field(default=0.0, kw_only=True)
    other_score_seconds: float = field(default=0.0, kw_only=True)

    def seconds_by(self, measure: str, open_share):
        """Seconds a row with a measure of confidence, if this share of the rows is left open."""
        return self.seconds.expected(open_share) + (measure == LEARNED) * self.score_seconds

    def other_seconds_by(self, measure: str, open_share):
        """The same where rows come in the way that is not planned for; 0 where it is not known."""
        if self.other is None:
            return 0.0 * open_share
        return self.other.expected(open_share) + (measure == LEARNED) * self.other_score_seconds


@dataclass(frozen=True, kw_only=True)
class SmallerAnswers:
    """What an approximate model that was fitted on fewer rows did."""

    codes: np.ndarray  # int (n_rows,)
    confidence: dict[str, np.ndarray]  # dict of str to ndarray of float64 of shape (n_rows,)
    right: np.ndarray  # bool (n_rows,): as in `Candidate`


@dataclass(frozen=True, kw_only=True)
class SmallerModels:
    """What models fitted on a part of the rows of a fold did on rows that they have not seen."""

    rows: np.ndarray  # intp (n_rows,): positions in the calibration; -1 for rows that are not in it
    full_right: np.ndarray  # bool (n_rows,)
    # One for each candidate; None for one that could not be made.
    candidates: tuple[SmallerAnswers | None, ...]
    row_ratio: float  # rows that these models were fitted on, over those of the fold


@dataclass(frozen=True, kw_only=True)
class Subgroups:
    """A division of rows into groups, in each of which the target is to be kept."""

    labels: tuple[Any, ...]  # one for each group
    codes: np.ndarray  # int (n_rows,): the group of each row, as a position in `labels`
    of_classes: bool = False  # whether the groups are the classes of the rows

    @classmethod
    def of(cls, values: np.ndarray, known: Sequence[Any] = ()) -> "Subgroups":
        """The groups of rows with the same value.

        Parameters
        ----------
        values : ndarray of shape (n_rows,)
        known : sequence
            Labels of groups that there are besides, of which rows may hold none.
        """
        found, codes = np.unique(values, return_inverse=True)
        labels = [*known, *(label for label in found.tolist() if label not in known)]
        positions = np.array([labels.index(label) for label in found.tolist()], dtype=np.intp)
        return cls(labels=tuple(labels), codes=positions[codes.ravel()])

    def without_rows(self) -> list[Any]:
        """Labels of the groups of which there is no row."""
        return [label for label, mask in self.masks(np.arange(len(self.codes))) if not mask.any()]

    def masks(self, rows: np.ndarray) -> Iterator[tuple[Any, np.ndarray]]:
        """Each label, with a mask of those of `rows` that are in its group."""
        codes = self.codes[rows]
        for code, label in enumerate(self.labels):
            yield label, codes == code


@dataclass(frozen=True, kw_only=True)
class Calibration(BaseCalibration):
    """All that a cascade is planned from.

    Where there is but one candidate with one measure of confidence nothing need be chosen, and all
    rows may certify.
    """

    candidates: tuple[Candidate, ...]
    full_right: np.ndarray  # bool (n_rows,)
    classes: np.ndarray  # int (n_rows,): True classes, as positions
    n_classes: int
    # Whether confidences are probabilities, otherwise margins of a decision function.
    is_probability: bool
    smaller: SmallerModels | None = None  # what models fitted on fewer rows did
    # Whether how harms grow was not measured, as nothing could be chosen at the target of the fit
    # even if they grew no faster than they are ever taken to.
    leaves_out_growth: bool = False
    # Seconds a row of the full model where rows come in the way that is not planned for.
    other_full_seconds: float = float("inf")
    within: Subgroups | None = None  # groups of the rows in each of which the target is to be kept
    # Rows that the full model of their fold refused, where it is taken to be right.
    n_refused: int = 0
    # bool (n_rows,): rows of classes that were fitted on although they are held out, as no other
    # row is of these. The full model is taken to be right there, each candidate to be wrong, and
    # every step but the first to answer them early. None for none.
    taught: np.ndarray | None = None

    @property
    def n_taught(self) -> int:
        """Number of rows that were fitted on although they are held out."""
        return 0 if self.taught is None else int(self.taught.sum())

    def with_dearer(self, candidate: int, seconds: float) -> "Calibration":
        """The same numbers where a candidate's first stage costs so many seconds a row more."""
        candidates = list(self.candidates)
        known = candidates[candidate]
        dearer = replace(known.seconds, start=known.seconds.start + seconds)
        candidates[candidate] = replace(known, seconds=dearer)
        return replace(self, candidates=tuple(candidates))

    @property
    def is_for_target(self) -> bool:
        """Whether `fit` left out what could only be of use at lower targets than its own."""
        return self.stopped or self.leaves_out_growth

    @property
    def harms(self) -> tuple[np.ndarray, ...]:
        """For each candidate, rows on which the full model is right and the candidate is not."""
        return tuple(self.full_right & ~candidate.right for candidate in self.candidates)

    def growth_at(self, candidate: int, measure: str, thresholds: np.ndarray) -> Growth | None:
        """Growth of the harms of a candidate at some thresholds.

        All calibration rows are looked at, those that certify too: what is read from them is how
        fast harms grow, not how many there are.

        Parameters
        ----------
        measure : {"probability", "margin", "score"}
        thresholds : ndarray of float64 of shape (n_classes,)

        Returns
        -------
        Growth or None
            None where the models that answer are the ones that the numbers are of.
        """
        if self.evidence.is_of_these_models:
            return None
        if self.stopped or self.leaves_out_growth:
            return UNMEASURED
        smaller = self.smaller
        fewer = None if smaller is None else smaller.candidates[candidate]
        if smaller is None or fewer is None:
            return Growth()
        more, harm = self.candidates[candidate], self.harms[candidate]

        def counts(thresholds: np.ndarray) -> HarmCounts:
            harms = harm & (more.confidence[measure] >= thresholds[more.codes])
            of_fewer = smaller.full_right & ~fewer.right
            of_fewer &= fewer.confidence[measure] >= thresholds[fewer.codes]
            both = of_fewer & (smaller.rows >= 0) & harms[smaller.rows]
            return HarmCounts(
                n_smaller=int(of_fewer.sum()),
                n_smaller_rows=len(of_fewer),
                n_harms=int(harms.sum()),
                n_rows=len(harms),
                n_both=int(both.sum()),
                row_ratio=smaller.row_ratio,
            )

        of_all = counts(np.full_like(thresholds, -np.inf)).growth()
        return counts(thresholds).growth(of_all)


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
    evidence: dict[str, Any] = field(default_factory=dict)
    growth: Growth | None = None


@dataclass(frozen=True, kw_only=True)
class PlannedPath:
    """The candidate and the thresholds that were chosen, whether or not they could be certified."""

    candidate: int
    measure: str  # {"probability", "margin", "score"}
    # float64 (n_steps, n_classes): from the safest step on.
    thresholds: np.ndarray = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The outcome of `make_plan`."""

    candidate: int | None = None  # the approximate model to use; None for no cascade
    measure: str | None = None  # its measure of confidence
    thresholds: np.ndarray | None = None  # float64 (n_classes,)
    early_share: float = 0.0  # share of the certifying rows that the first stage answers
    # The same as the choosing rows let it expect: what the candidate was chosen for.
    chosen_at: float = 0.0
    expected_seconds: float  # a row
    guarantee: Guarantee
    tradeoffs: tuple[Tradeoff, ...] = ()  # one for each candidate, along its best path
    # What fresh rows can certify: up to the step in use or, where none is, as far as they show.
    path: PlannedPath | None = None

    @classmethod
    def of_full_model(
        cls,
        seconds: float,
        *,
        tradeoffs: Iterable[Tradeoff] = (),
        path: PlannedPath | None = None,
        **promised: Any,
    ) -> "Plan":
        """The plan without a cascade; `promised` as for `Guarantee.of_full_model`."""
        return cls(
            expected_seconds=seconds,
            guarantee=Guarantee.of_full_model(**promised),
            tradeoffs=tuple(replace(tradeoff, chosen=None) for tradeoff in tradeoffs),
            path=path,
        )
