"""Fixed-sequence tests along a threshold path.

The steps of a path are tested from the safest on, each at the full level, until one is not
rejected. The steps before it are certified together: whichever hypothesis is the first true one,
it is rejected with a chance of at most the level, and nothing after it matters (Learn then Test,
Angelopoulos et al. 2021, section 4.2). The loop stands here once; a test supplies the p-values.

The order must be fixed without the rows that are tested. It is so for a path that other rows made,
and for one threshold for all classes where the path holds every confidence of the tested rows. The
sequence is then that of all real numbers, from the highest on: between two confidences that follow
one another no row is answered otherwise, so that one p-value is that of all thresholds there. Let
the highest threshold that loses too much be t. Whatever lower threshold is certified, that of t was
rejected, which happens with a chance of at most the level, as t does not depend on the rows. Steps
may not be left out of such a path: those of the tested rows would then tell which hypotheses are
tested.
"""

from abc import abstractmethod
from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ._cascade_records import Subgroups
from ._p_values import (
    binomial_p_value,
    expected_p_value,
    trinomial_p_value,
    trinomial_p_value_bound,
)
from ._threshold_rules import Allowed, ThresholdRule
from ._walks import Walk


@dataclass(frozen=True, kw_only=True)
class FixedSequenceTest(ThresholdRule):
    """Steps of a path tested one after the other, each at the full level.

    A subclass fills in three decisions: what is counted at each step (`outcomes`), the p-value of
    such counts (`p_value`), and what is told of the last step that passes (`counts`).
    """

    target: float  # share of the full model's score that the cascade must keep
    level: float  # chance of an error that is allowed
    # {"certified", "cross-fitted"}: what the models that are tested make of it.
    kind: str = "certified"

    @abstractmethod
    def outcomes(self, walk: Walk) -> np.ndarray:
        """What is counted, as an array of int of shape (n_steps, n_counts)."""

    @abstractmethod
    def p_value(self, *counts: int) -> float:
        """P-value of "too little is kept" with the counts of a step."""

    @abstractmethod
    def counts(self, walk: Walk, step: int) -> dict[str, float]:
        """What is told of a step."""

    def allow(self, walk: Walk) -> Allowed:
        """Last step before the first that is not rejected."""
        outcomes = self.outcomes(walk)
        # Runs of steps with the same outcome have the same p-value.
        starts = np.flatnonzero(np.any(np.diff(outcomes, axis=0, prepend=-1) != 0, axis=1))
        ends = [*starts[1:], walk.n_steps]
        runs = outcomes[starts]

        def p_of(run: int) -> float:
            return self.p_value(*(int(n) for n in runs[run]))

        n_passed = self._n_passed(runs, p_of)
        last = 0 if n_passed == 0 else int(ends[n_passed - 1] - 1)
        p_value = p_of(max(n_passed - 1, 0))
        return Allowed(step=last, evidence={"p_value": p_value, **self.counts(walk, last)})

    def passes_by_far(self, outcomes: np.ndarray) -> np.ndarray:
        """Whether it is known without a p-value that one passes, for each step; by default not."""
        return np.zeros(len(outcomes), dtype=bool)

    def rises(self, outcomes: np.ndarray) -> np.ndarray:
        """Whether each p-value is known to be no less than the step's before; by default not."""
        return np.zeros(len(outcomes), dtype=bool)

    def _n_passed(self, outcomes: np.ndarray, p_of: Callable[[int], float]) -> int:
        """How many steps pass before the first that does not; few p-values tell."""
        passes = self.passes_by_far(outcomes)
        starts = np.flatnonzero(~self.rises(outcomes))
        for start, end in zip(starts, [*starts[1:], len(outcomes)], strict=True):
            # P-values do not fall from `start` to `end`: one that passes tells of those before it.
            low = int(start + np.flatnonzero(np.append(True, passes[start:end]))[-1])
            if low == end or p_of(end - 1) <= self.level:
                continue
            fails = range(low, int(end) - 1)
            return low + bisect_left(fails, True, key=lambda run: p_of(run) > self.level)
        return len(outcomes)

    def shows_nothing(self, allowed: Allowed) -> bool:
        return allowed.step == 0 and allowed.evidence["p_value"] > self.level

    def why_not(self, walk: Walk, allowed: Allowed, target: float) -> str:
        if self.shows_nothing(allowed):
            return super().why_not(walk, allowed, target)
        return f"no threshold could be certified on {len(walk.rows)} rows"


class AccuracyTest(FixedSequenceTest):
    """Test of the share of the full model's accuracy that is kept, on harms less rescues.

    Where there are no rescues it asks for under 1 % more rows than a test of the harms alone.
    """

    def expected_step(self, walk: Walk, n_certify: int) -> int:
        ratio = n_certify / max(len(walk.rows), 1)
        passed = self.expected_to_pass(*(ratio * n for n in walk.outcomes))
        return int(np.flatnonzero(np.append(True, passed[1:]))[-1])

    def expected_to_pass(self, both, harms, rescues) -> np.ndarray:
        return expected_p_value(both, harms, rescues, self.target, self.level) <= self.level

    def outcomes(self, walk: Walk) -> np.ndarray:
        """Rows on which both are right, harms and rescues."""
        return np.column_stack(walk.outcomes)

    def passes_by_far(self, outcomes: np.ndarray) -> np.ndarray:
        """Whether a bound of the p-value is below the level."""
        both, harms, rescues = outcomes.T
        bounds = trinomial_p_value_bound(both, harms, rescues, self.target, self.level)
        return bounds < self.level

    def rises(self, outcomes: np.ndarray) -> np.ndarray:
        """Whether there are more harms than at the step before, and nothing else has changed."""
        both, harms, rescues = np.diff(outcomes, axis=0, prepend=-1).T
        return (rescues == 0) & (harms > 0) & (both == -harms)

    def p_value(self, *counts: int) -> float:
        """P-value of the trinomial test."""
        both, harms, rescues = counts
        return trinomial_p_value(both, harms, rescues, self.target, self.level)

    def counts(self, walk: Walk, step: int) -> dict[str, float]:
        """Harms and rescues of a step."""
        return {"n_harms": int(walk.n_harms[step]), "n_rescues": int(walk.n_rescues[step])}


class AgreementTest(AccuracyTest):
    """Test of how often the cascade answers as the full model does, which asks for no label.

    The full model's answers are taken for the truth, so that each early row with another answer is
    a harm and no row a rescue. What is lost in accuracy is no more than that.
    """

    def passes_by_far(self, outcomes: np.ndarray) -> np.ndarray:
        """Not known without a p-value."""
        return FixedSequenceTest.passes_by_far(self, outcomes)

    def p_value(self, *counts: int) -> float:
        """P-value of the binomial test: there are no rescues."""
        both, harms, _ = counts
        return float(binomial_p_value(both, harms, self.target))

    def counts(self, walk: Walk, step: int) -> dict[str, float]:
        """Early rows with another answer than the full model's."""
        return {"n_disagreements": int(walk.n_harms[step])}


@dataclass(frozen=True, kw_only=True)
class WithinEach(AccuracyTest):
    """Test of the share of the full model's accuracy that is kept in each of some groups.

    A step passes if the rows of every group pass `AccuracyTest`, each at the full level. Where the
    target is missed in one group, that group alone passes with a chance of at most the level, and
    so do all of them: an intersection-union test needs no correction (Berger 1982, "Multiparameter
    hypothesis testing and acceptance sampling"). Groups that are the classes make it a test of the
    recall of each class, and so of the balanced accuracy.
    """

    subgroups: Subgroups  # of the rows of the calibration

    def _walks(self, walk: Walk) -> Iterator[tuple[Any, Walk]]:
        for label, mask in self.subgroups.masks(walk.rows):
            yield label, walk.only(mask)

    def expected_step(self, walk: Walk, n_certify: int) -> int:
        ratio = n_certify / max(len(walk.rows), 1)
        expected = super().expected_step
        return min(
            expected(of_group, round(ratio * len(of_group.rows)))
            for _, of_group in self._walks(walk)
        )

    def expected_to_pass(self, both, harms, rescues) -> np.ndarray:
        """Not known: counts of all rows do not tell those of each group."""
        return ThresholdRule.expected_to_pass(self, both, harms, rescues)

    def allow(self, walk: Walk) -> Allowed:
        """Last step before the first that one of the groups does not pass."""
        allow = super().allow
        walks = dict(self._walks(walk))
        step = min(allow(of_group).step for of_group in walks.values())
        within = []
        for label, of_group in walks.items():
            counts = self.outcomes(of_group)[step]
            within.append(
                {
                    "label": label,
                    "n_rows": len(of_group.rows),
                    "p_value": self.p_value(*(int(n) for n in counts)),
                    **self.counts(of_group, step),
                }
            )
        evidence: dict[str, Any] = {
            "p_value": max(each["p_value"] for each in within),
            **self.counts(walk, step),
            "within": within,
            "of_classes": self.subgroups.of_classes,
        }
        return Allowed(step=step, evidence=evidence)

    def why_not(self, walk: Walk, allowed: Allowed, target: float) -> str:
        """Why no step but the first is allowed: the group that shows least."""
        within: list[dict[str, Any]] = allowed.evidence["within"]
        worst = max(within, key=lambda each: (each["p_value"], -each["n_rows"]))
        what = "class" if self.subgroups.of_classes else "subgroup"
        return (
            f"in {what} {worst['label']!r}, with {worst['n_rows']} certifying rows, no threshold "
            f"could be certified for accuracy_target={target:g}"
        )
