"""Scores of a cascade at a step of a walk."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ._cascade_records import Score
from ._walks import Walk


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
