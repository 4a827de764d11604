"""Rules for how far a threshold path may go.

A rule is given the same view of the data, a `Walk` along one path, and answers two questions: on
the rows that choose, how far would this path probably be allowed to go; and on the rows that
certify, how far is it allowed to go. A new rule is one class.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ._threshold_paths import PAPER_THRESHOLDS
from ._walks import Harms, RecordedScore, Walk, WalkScore


@dataclass(frozen=True, kw_only=True)
class Allowed:
    """How far a path may go."""

    step: int  # last step that meets the target; 0, which answers no row early, if none does
    evidence: dict[str, Any]  # the numbers that this rests on, by name


class ThresholdRule(ABC):
    """How far a path may go.

    A subclass has a `kind`, `expected_step` and `allow`. The others have defaults that suit a
    rule which tests on rows of its own and cannot tell how many more it would need.
    """

    kind: str
    """Of the guarantee that the rule gives."""

    tests_other_rows: ClassVar[bool] = True
    """Whether the rows that certify are others than those that choose."""

    uses_class_thresholds: ClassVar[bool] = True
    """Whether paths with a threshold for each class are tried."""

    @abstractmethod
    def expected_step(self, walk: Walk, n_certify: int) -> int:
        """Step that `allow` would probably reach, seen from the rows that choose."""

    @abstractmethod
    def allow(self, walk: Walk) -> Allowed:
        """Step reached on the rows that certify."""

    def measures(self, known: Sequence[str]) -> Sequence[str]:
        """The measures of confidence to try, of those `known`."""
        return known

    def expected_to_pass(self, both, harms, rescues) -> np.ndarray:
        """Whether so many rows of each outcome would probably be allowed; counts need not be whole.

        By default nothing is known of other numbers of rows.
        """
        return np.zeros(len(both), dtype=bool)

    def shows_nothing(self, allowed: Allowed) -> bool:
        """Whether the rows are too few, even if none were answered differently. By default not."""
        return False

    def why_not(self, walk: Walk, allowed: Allowed, target: float) -> str:
        """Why no step but the first is allowed, where the user asked for `target`."""
        n_rows = len(walk.rows)
        if not self.shows_nothing(allowed):
            return f"no threshold meets the target on {n_rows} rows"
        return (
            f"{n_rows} certifying rows are too few for accuracy_target={target:g} even if no "
            "row were answered differently"
        )


@dataclass(frozen=True, kw_only=True)
class PaperRule(ThresholdRule):
    """The rule of the Willump paper: the score on the calibration rows meets the target.

    No guarantee: the threshold is chosen and checked on the same rows. With probabilities the
    thresholds are those of the paper, with margins every one is tried. The rule knows one measure
    of confidence, the largest probability.
    """

    target: float
    score: WalkScore
    is_probability: bool

    kind: str = "plug-in"
    tests_other_rows: ClassVar[bool] = False
    uses_class_thresholds: ClassVar[bool] = False

    def measures(self, known: Sequence[str]) -> Sequence[str]:
        """The first one."""
        return known[:1]

    def expected_step(self, walk: Walk, n_certify: int) -> int:
        """Step reached on these rows."""
        return self.allow(walk).step

    def allow(self, walk: Walk) -> Allowed:
        """Last step, of those tried, with a score that meets the target."""
        if self.is_probability:
            tried = np.flatnonzero(np.isin(walk.thresholds[:, 0], PAPER_THRESHOLDS))
        else:
            tried = walk.distinct_steps(256)
        full = self.score.at(walk, 0)
        kept = {int(step): self.score.at(walk, int(step)) for step in [0, *tried]}
        step = max(step for step, score in kept.items() if score >= self.target * full)
        return Allowed(step=step, evidence={"score": kept[step], "full_score": full})


@dataclass(frozen=True, kw_only=True)
class BootstrapBound(ThresholdRule):
    """Any score between 0 and 1, by a bootstrap lower bound: an estimate, not a guarantee.

    The step is the last one, found by bisection, at which the `level` quantile of
    ``score(cascade) - target * score(full)`` over resampled rows is not negative (percentile
    bootstrap, Efron and Tibshirani 1993, chapter 13, rows resampled within classes).

    What was not seen is in no resample. Where no harm is seen in n rows there may be as many as
    ``-log(level)`` with that chance (the "rule of three", Hanley and Lippman-Hand 1983, "If nothing
    goes wrong, is everything all right?"). So many harms more, all in the class where they cost
    most, must not bring the score below the target either. Where none can be made up, as from
    rows of one class, nothing is shown.
    """

    target: float
    level: float
    score: RecordedScore
    # int (n_rows,): classes that the approximate model predicts on the calibration rows.
    codes: np.ndarray
    strata: np.ndarray  # int (n_rows,): True classes of the calibration rows
    seed: int
    n_resamples: int = 200
    kind: str = "estimate"

    def expected_step(self, walk: Walk, n_certify: int) -> int:
        return self._last_step(walk, n_certify, self.n_resamples // 5, n_steps=64)[0]

    def allow(self, walk: Walk) -> Allowed:
        """Last step with a lower bound of the score kept that meets the target."""
        step, bound = self._last_step(walk, len(walk.rows), self.n_resamples, n_steps=512)
        evidence = {"lower_bound": bound}
        if step:  # metrics warn of rows too few to score
            evidence |= {"score": self.score.at(walk, step), "full_score": self.score.at(walk, 0)}
        return Allowed(step=step, evidence=evidence)

    def shows_nothing(self, allowed: Allowed) -> bool:
        """Whether the harms that may have gone unseen cost too much, whoever answers the rows."""
        return allowed.step == 0 and allowed.evidence["lower_bound"] < 0

    def _last_step(
        self, walk: Walk, n_rows: int, n_resamples: int, *, n_steps: int
    ) -> tuple[int, float]:
        rng = np.random.default_rng(self.seed)
        samples = [self._resample(rng, walk, n_rows) for _ in range(n_resamples)]
        harms = self._harms(rng, walk, n_rows)
        if not harms:
            return 0, -np.inf
        full = np.array([self.score.at(walk, 0, sample) for sample in samples])
        full_harmed = [self.score.with_harms(walk, -1, some) for some in harms]
        steps = walk.distinct_steps(n_steps)
        # With one more the quantile, which is interpolated between two, is below 0.
        n_below_most = int(self.level * (len(samples) - 1)) + 1

        def bound(step) -> float:
            """Lower bound of the score kept above the target; -inf as soon as it must be below."""
            kept = [
                self.score.with_harms(walk, step, some) - self.target * of_full
                for some, of_full in zip(harms, full_harmed, strict=True)
            ]
            lowest = float(np.min(kept, initial=np.inf))
            if not lowest >= 0:  # or a score that is NaN, of which nothing is shown
                return -np.inf
            mixed: list[float] = []
            n_below = 0
            for sample, of_full in zip(samples, full, strict=True):
                mixed.append(self.score.at(walk, step, sample) - self.target * of_full)
                n_below += mixed[-1] < 0
                if n_below > n_below_most:
                    return -np.inf
            return min(float(np.quantile(mixed, self.level)), lowest)

        low, high = 0, len(steps)  # steps[low] meets the target, steps[high] does not
        best = bound(0)
        while high - low > 1:
            middle = (low + high) // 2
            value = bound(steps[middle])
            if value >= 0:
                low, best = middle, value
            else:
                high = middle
        return int(steps[low]), best

    def _harms(self, rng, walk: Walk, n_rows: int) -> list[Harms]:
        """For each class, the harms that may have gone unseen in `n_rows` rows."""
        n_harms = int(np.ceil(-np.log(self.level) * len(walk.rows) / max(n_rows, 1)))
        made = []
        for stratum in np.unique(self.strata[walk.rows]):
            right = walk.rows[walk.full_right & (self.strata[walk.rows] == stratum)]
            others = walk.rows[self.codes[walk.rows] != stratum]
            if len(right) and len(others):
                made.append(Harms(rng.choice(right, n_harms), rng.choice(others, n_harms)))
        return made

    def _resample(self, rng, walk: Walk, n_rows: int) -> np.ndarray:
        strata = self.strata[walk.rows]
        chosen = []
        for stratum in np.unique(strata):
            members = np.flatnonzero(strata == stratum)
            n_drawn = max(round(n_rows * len(members) / len(strata)), 1)
            chosen.append(rng.choice(members, n_drawn))
        return np.concatenate(chosen)
