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
from ._walks import Walk, WalkScore


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
