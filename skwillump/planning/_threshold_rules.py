"""Which step of a threshold path meets the target: three rules.

Every rule is given the same view of the data, a `Walk` along one path, and answers two questions:
on the rows that select, how far would this path probably be allowed to go; and on the rows that
certify, how far is it allowed to go.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ._p_values import (
    LEAST_RESCUES,
    binomial_p_value,
    expected_p_value,
    trinomial_p_value,
)
from ._threshold_paths import PAPER_THRESHOLDS

MOST_TESTS = 1024
"""Steps of a path that are tested, at most; they are spread evenly over it."""


@dataclass(frozen=True)
class Walk:
    """What happens to a set of rows along a threshold path.

    Attributes
    ----------
    rows : ndarray of intp of shape (n_rows,)
        Positions of the rows in the calibration data.
    steps : ndarray of intp of shape (n_rows,)
        First step that answers each row early.
    n_steps : int
    full_right, approx_right : ndarray of bool of shape (n_rows,)
        Whether each model is right.
    thresholds : ndarray of float64 of shape (n_steps, n_classes)
    """

    rows: np.ndarray
    steps: np.ndarray
    n_steps: int
    full_right: np.ndarray
    approx_right: np.ndarray
    thresholds: np.ndarray

    def count(self, mask) -> np.ndarray:
        """Number of rows in `mask` that are answered early, for each step."""
        steps = self.steps[mask]
        return np.cumsum(np.bincount(steps, minlength=self.n_steps + 1)[: self.n_steps])

    @property
    def n_early(self) -> np.ndarray:
        """Rows answered early, for each step."""
        return self.count(slice(None))

    @property
    def n_harms(self) -> np.ndarray:
        """Early rows on which only the full model is right, for each step."""
        return self.count(self.full_right & ~self.approx_right)

    @property
    def n_rescues(self) -> np.ndarray:
        """Early rows on which only the approximate model is right, for each step."""
        return self.count(~self.full_right & self.approx_right)


@dataclass(frozen=True)
class Verdict:
    """How far a path may go.

    Attributes
    ----------
    step : int
        Last step that meets the target; 0, which answers no row early, if none does.
    evidence : dict of str to float
        The numbers that the verdict rests on.
    """

    step: int
    evidence: dict[str, float]


class Judge(Protocol):
    """A rule for how far a path may go."""

    @property
    def kind(self) -> str:
        """Of the guarantee that it gives."""

    def predict(self, walk: Walk, n_certify: int) -> int:
        """Step that `certify` would probably reach, seen from the rows that select."""

    def certify(self, walk: Walk, selected: Walk) -> Verdict:
        """Step reached on the rows that certify."""


@dataclass(frozen=True)
class CertifiedAccuracy:
    """Accuracy, with a guarantee: fixed-sequence testing along the path.

    Steps are tested from the safest on, each at the full level, until one is not rejected (Learn
    then Test, Angelopoulos et al. 2021, section 4.2). At each step the test is used that suits as
    many rescues as the rows that select let expect. That costs nothing, because they are other
    rows.
    """

    target: float
    level: float
    kind: str = "certified"

    def predict(self, walk: Walk, n_certify: int) -> int:
        """Step that `certify` would probably reach, seen from the rows that select."""
        ratio = n_certify / max(len(walk.rows), 1)
        both, harms, rescues = (ratio * n for n in _outcomes(walk))
        p_values = self.expected_p_values(both, harms, rescues)
        return int(np.flatnonzero(np.append(True, p_values[1:] <= self.level))[-1])

    def expected_p_values(self, both, harms, rescues) -> np.ndarray:
        """About what the p-values would be with these counts."""
        return expected_p_value(both, harms, rescues, self.target, self.level)

    def certify(self, walk: Walk, selected: Walk) -> Verdict:
        """Last step before the first that is not rejected."""
        ratio = len(walk.rows) / max(len(selected.rows), 1)
        with_rescues = ratio * selected.n_rescues >= LEAST_RESCUES
        tested = spread(np.arange(walk.n_steps), MOST_TESTS)
        outcomes = np.column_stack([*_outcomes(walk), with_rescues])[tested]
        # Runs of steps with the same outcome and the same test have the same p-value.
        starts = np.flatnonzero(np.any(np.diff(outcomes, axis=0, prepend=-1) != 0, axis=1))
        last, p_value = 0, 1.0
        for start, end in zip(starts, [*starts[1:], len(tested)], strict=True):
            both, harms, rescues, use_trinomial = (int(n) for n in outcomes[start])
            if use_trinomial:
                p = trinomial_p_value(both, harms, rescues, self.target, self.level)
            else:
                p = float(binomial_p_value(both, harms, self.target))
            if p > self.level:
                if start == 0:
                    p_value = p
                break
            last, p_value = int(tested[end - 1]), p
        return Verdict(
            last,
            {
                "p_value": p_value,
                "n_harms": int(walk.n_harms[last]),
                "n_rescues": int(walk.n_rescues[last]),
            },
        )


@dataclass(frozen=True)
class PlugIn:
    """The rule of the Willump paper: the score on the calibration rows meets the target.

    No guarantee: the threshold is chosen and checked on the same rows. With probabilities the
    thresholds are those of the paper, with margins every one is tried.
    """

    target: float
    score: Callable[[Walk, int], float]
    is_probability: bool
    kind: str = "plug-in"

    def predict(self, walk: Walk, n_certify: int) -> int:
        """Step reached on these rows."""
        return self.certify(walk, walk).step

    def certify(self, walk: Walk, selected: Walk) -> Verdict:
        """Last step, of those tried, with a score that meets the target."""
        if self.is_probability:
            tried = np.flatnonzero(np.isin(walk.thresholds[:, 0], PAPER_THRESHOLDS))
        else:
            tried = _distinct_steps(walk, 256)
        full = self.score(walk, 0)
        kept = {int(step): self.score(walk, int(step)) for step in [0, *tried]}
        step = max(step for step, score in kept.items() if score >= self.target * full)
        return Verdict(step, {"score": kept[step], "full_score": full})


@dataclass(frozen=True)
class Harms:
    """Rows on which only the full model is right, made up to be added to those that were seen.

    Attributes
    ----------
    rows : ndarray of intp of shape (n_harms,)
        Rows on which the full model is right.
    answers : ndarray of intp of shape (n_harms,)
        Rows on which the approximate model answered another class than theirs.
    """

    rows: np.ndarray
    answers: np.ndarray


@dataclass(frozen=True)
class BootstrapEstimate:
    """Any score between 0 and 1, by a bootstrap lower bound: an estimate, not a guarantee.

    The step is the last one, found by bisection, at which the `level` quantile of
    ``score(cascade) - target * score(full)`` over resampled rows is not negative (percentile
    bootstrap, Efron and Tibshirani 1993, chapter 13, rows resampled within classes).

    What was not seen is in no resample. Where no harm is seen in n rows there may be as many as
    ``-log(level)`` with that chance (the "rule of three", Hanley and Lippman-Hand 1983, "If nothing
    goes wrong, is everything all right?"). So many harms more, all in the class where they cost
    most, must not bring the score below the target either.
    """

    target: float
    level: float
    score: Callable[..., float]
    score_harmed: Callable[[Walk, int, Harms], float]
    codes: np.ndarray
    strata: np.ndarray
    seed: int
    n_resamples: int = 200
    kind: str = "estimate"

    def predict(self, walk: Walk, n_certify: int) -> int:
        """Step that `certify` would probably reach, seen from the rows that select."""
        return self._last_step(walk, n_certify, self.n_resamples // 5, n_steps=64)[0]

    def certify(self, walk: Walk, selected: Walk) -> Verdict:
        """Last step with a lower bound of the score kept that meets the target."""
        step, bound = self._last_step(walk, len(walk.rows), self.n_resamples, n_steps=512)
        full = self.score(walk, 0)
        return Verdict(
            step,
            {"score": self.score(walk, step), "full_score": full, "lower_bound": bound},
        )

    def _last_step(
        self, walk: Walk, n_rows: int, n_resamples: int, *, n_steps: int
    ) -> tuple[int, float]:
        rng = np.random.default_rng(self.seed)
        samples = [self._resample(rng, walk, n_rows) for _ in range(n_resamples)]
        full = np.array([self.score(walk, 0, sample) for sample in samples])
        harms = self._harms(rng, walk, n_rows)
        full_harmed = [self.score_harmed(walk, -1, some) for some in harms]
        steps = _distinct_steps(walk, n_steps)

        def bound(step):
            mixed = np.array([self.score(walk, step, sample) for sample in samples])
            kept = [
                self.score_harmed(walk, step, some) - self.target * of_full
                for some, of_full in zip(harms, full_harmed, strict=True)
            ]
            return min(float(np.quantile(mixed - self.target * full, self.level)), *kept)

        low, high = 0, len(steps)  # steps[low] meets the target, steps[high] does not
        best = float(np.quantile(full - self.target * full, self.level))
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


def _outcomes(walk: Walk) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows on which both are right, harms and rescues, of the whole cascade, for each step."""
    harms = walk.n_harms
    return walk.full_right.sum() - harms, harms, walk.n_rescues


def _distinct_steps(walk: Walk, n_most: int) -> np.ndarray:
    """Steps at which the number of early rows changes, thinned evenly; the first is step 0."""
    early = walk.n_early
    # The last of all steps with the same early rows has the lowest threshold, the first the
    # highest; the first is the safer one.
    return spread(np.flatnonzero(np.diff(early, prepend=-1)), n_most)


def spread(steps: np.ndarray, n_most: int) -> np.ndarray:
    """At most `n_most` of sorted steps, the first and the last among them."""
    if len(steps) <= n_most:
        return steps
    return steps[np.linspace(0, len(steps) - 1, n_most).round().astype(int)]
