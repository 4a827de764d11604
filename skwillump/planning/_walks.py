"""What happens to a set of rows along a threshold path, counted and scored step by step."""

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from ._cascade_records import Calibration, Score
from ._threshold_paths import ThresholdPath


@dataclass(frozen=True, kw_only=True)
class Walk:
    """What happens to a set of rows along a threshold path."""

    rows: np.ndarray  # intp (n_rows,): positions of the rows in the calibration data
    steps: np.ndarray  # intp (n_rows,): first step that answers each row early
    n_steps: int
    # `full_right`, `approx_right`: bool (n_rows,): whether each model is right.
    full_right: np.ndarray
    approx_right: np.ndarray
    thresholds: np.ndarray  # float64 (n_steps, n_classes)

    @classmethod
    def along(
        cls, path: ThresholdPath, calibration: Calibration, candidate: int, measure: str, rows
    ) -> "Walk":
        """The walk of some calibration rows along a path of a candidate."""
        of_candidate = calibration.candidates[candidate]
        confidence = of_candidate.confidence[measure][rows]
        steps = path.first_step(of_candidate.codes[rows], confidence)
        return cls(
            rows=rows,
            steps=_first_of_all(calibration, rows, steps),
            n_steps=len(path.thresholds),
            full_right=calibration.full_right[rows],
            approx_right=of_candidate.right[rows],
            thresholds=path.thresholds,
        )

    @classmethod
    def in_order(
        cls, calibration: Calibration, candidate: int, rows: np.ndarray, sure: np.ndarray
    ) -> "Walk":
        """The walk of some calibration rows, the surest first, by a number for each of them."""
        levels, places = np.unique(-sure, return_inverse=True)
        steps = np.concatenate([[np.inf], -levels, [-np.inf]])
        return cls(
            rows=rows,
            steps=_first_of_all(calibration, rows, places + 1),
            n_steps=len(steps),
            full_right=calibration.full_right[rows],
            approx_right=calibration.candidates[candidate].right[rows],
            thresholds=np.broadcast_to(steps[:, None], (len(steps), calibration.n_classes)),
        )

    def only(self, mask: np.ndarray) -> "Walk":
        """The walk of some of the rows."""
        return replace(
            self,
            rows=self.rows[mask],
            steps=self.steps[mask],
            full_right=self.full_right[mask],
            approx_right=self.approx_right[mask],
        )

    def count(self, mask) -> np.ndarray:
        """Number of rows in `mask` that are answered early, for each step."""
        steps = self.steps[mask]
        return np.cumsum(np.bincount(steps, minlength=self.n_steps + 1)[: self.n_steps])

    @property
    def n_early(self) -> np.ndarray:
        """Rows answered early, for each step."""
        return self.count(slice(None))

    @property
    def early_share(self) -> np.ndarray:
        """Share of the rows that is answered early, for each step."""
        return self.n_early / max(len(self.rows), 1)

    @property
    def n_harms(self) -> np.ndarray:
        """Early rows on which only the full model is right, for each step."""
        return self.count(self.full_right & ~self.approx_right)

    @property
    def n_rescues(self) -> np.ndarray:
        """Early rows on which only the approximate model is right, for each step."""
        return self.count(~self.full_right & self.approx_right)

    @property
    def outcomes(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Rows on which both are right, harms and rescues, of the whole cascade, for each step."""
        harms = self.n_harms
        return self.full_right.sum() - harms, harms, self.n_rescues

    def distinct_steps(self, n_most: int) -> np.ndarray:
        """Steps at which the number of early rows changes, thinned evenly; the first is step 0.

        Of all steps with the same early rows this is the first, which has the highest threshold.
        """
        return spread(np.flatnonzero(np.diff(self.n_early, prepend=-1)), n_most)


def _first_of_all(calibration: Calibration, rows: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """First step that answers each row, where the first one answers those that were fitted on."""
    if calibration.taught is None:
        return steps
    return np.where(calibration.taught[rows], 1, steps)


def spread(steps: np.ndarray, n_most: int) -> np.ndarray:
    """At most `n_most` of sorted steps, the first and the last among them."""
    if len(steps) <= n_most:
        return steps
    return steps[np.linspace(0, len(steps) - 1, n_most).round().astype(int)]


@dataclass(frozen=True)
class Harms:
    """Rows on which only the full model is right, made up to be added to those that were seen."""

    rows: np.ndarray  # intp (n_harms,): rows on which the full model is right
    # intp (n_harms,): rows on which the approximate model answered another class than theirs.
    answers: np.ndarray


class WalkScore(Protocol):
    """The score of the cascade at a step of a walk."""

    def at(self, walk: Walk, step: int, sample=None) -> float:
        """Score on the rows of the walk, or on a `sample` of them, given by positions."""


@dataclass(frozen=True)
class AccuracyScore:
    """Accuracy, from which rows each model is right on."""

    def at(self, walk: Walk, step: int, sample=None) -> float:
        """Accuracy on the rows of the walk, or on a `sample` of them, given by positions."""
        right = np.where(walk.steps <= step, walk.approx_right, walk.full_right)
        return float(right[slice(None) if sample is None else sample].mean())


@dataclass(frozen=True)
class RecordedScore:
    """A score of the user's own."""

    score: Score
    candidate: int  # whose answers are scored

    def at(self, walk: Walk, step: int, sample=None) -> float:
        """Score on the rows of the walk, or on a `sample` of them, given by positions."""
        chosen = slice(None) if sample is None else sample
        return self.score(self.candidate, (walk.steps <= step)[chosen], walk.rows[chosen])

    def with_harms(self, walk: Walk, step: int, harms: Harms) -> float:
        """Score on the rows of the walk and on `harms`; at step -1 no row is answered early."""
        early = np.append(walk.steps <= step, np.full(len(harms.rows), step >= 0))
        rows = np.append(walk.rows, harms.rows)
        return self.score(self.candidate, early, rows, np.append(walk.rows, harms.answers))
