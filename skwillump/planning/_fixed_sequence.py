"""Fixed-sequence tests along a threshold path.

The steps of a path are tested from the safest on, each at the full level, until one is not
rejected. The steps before it are certified together: whichever hypothesis is the first true one,
it is rejected with a chance of at most the level, and nothing after it matters (Learn then Test,
Angelopoulos et al. 2021, section 4.2). The loop stands here once; a test supplies the p-values.
"""

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ._p_value_bounds import trinomial_p_value_bound
from ._p_values import (
    LEAST_RESCUES,
    binomial_p_value,
    expected_p_value,
    trinomial_p_value,
)
from ._threshold_rules import Allowed, ThresholdRule
from ._walks import Walk, spread

MOST_TESTS = 1024
"""Steps of a path that are tested, at most; they are spread evenly over it."""


@dataclass(frozen=True, kw_only=True)
class FixedSequenceTest(ThresholdRule):
    """Steps of a path tested one after the other, each at the full level.

    A subclass fills in three decisions: what is counted at each step (`outcomes`), the p-value of
    such counts (`p_value`), and what is told of the last step that passes (`counts`).

    Attributes
    ----------
    target : float
        Share of the full model's score that the cascade must keep.
    level : float
        Chance of an error that is allowed.
    kind : {"certified", "cross-fitted"}
        What the models that are tested make of it.
    """

    target: float
    level: float
    kind: str = "certified"

    @abstractmethod
    def outcomes(self, walk: Walk, rescue_share: np.ndarray) -> np.ndarray:
        """What is counted, as an array of int of shape (n_steps, n_counts)."""

    @abstractmethod
    def p_value(self, *counts: int) -> float:
        """P-value of "too little is kept" with the counts of a step."""

    @abstractmethod
    def counts(self, walk: Walk, step: int) -> dict[str, float]:
        """What is told of a step."""

    def allow(self, walk: Walk, rescue_share: np.ndarray) -> Allowed:
        """Last step before the first that is not rejected."""
        tested = spread(np.arange(walk.n_steps), MOST_TESTS)
        outcomes = self.outcomes(walk, rescue_share)[tested]
        # Runs of steps with the same outcome have the same p-value.
        starts = np.flatnonzero(np.any(np.diff(outcomes, axis=0, prepend=-1) != 0, axis=1))
        ends = [*starts[1:], len(tested)]
        runs = outcomes[starts]

        def p_of(run: int) -> float:
            return self.p_value(*(int(n) for n in runs[run]))

        n_passed = self._n_passed(runs, p_of)
        last = 0 if n_passed == 0 else int(tested[ends[n_passed - 1] - 1])
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
            high = int(end) - 1
            while low < high:
                middle = (low + high) // 2
                low, high = (middle + 1, high) if p_of(middle) <= self.level else (low, middle)
            return low
        return len(outcomes)

    def why_not(self, walk: Walk, allowed: Allowed, target: float) -> str:
        """Why no step but the first is allowed, where the user asked for `target`."""
        n_rows = len(walk.rows)
        if allowed.evidence["p_value"] <= self.level:
            return f"no threshold could be certified on {n_rows} rows"
        return (
            f"{n_rows} certifying rows are too few for accuracy_target={target:g} even if no "
            "row were answered differently"
        )


@dataclass(frozen=True, kw_only=True)
class AccuracyTest(FixedSequenceTest):
    """Test of the share of the full model's accuracy that is kept.

    At each step the test is used that suits as many rescues as the rows that choose let expect.
    That costs nothing, because they are other rows.
    """

    def expected_step(self, walk: Walk, n_certify: int) -> int:
        """Step that `allow` would probably reach, seen from the rows that choose."""
        ratio = n_certify / max(len(walk.rows), 1)
        passed = self.expected_to_pass(*(ratio * n for n in walk.outcomes))
        return int(np.flatnonzero(np.append(True, passed[1:]))[-1])

    def expected_to_pass(self, both, harms, rescues) -> np.ndarray:
        """Whether so many rows of each outcome would probably pass; counts need not be whole."""
        return expected_p_value(both, harms, rescues, self.target, self.level) <= self.level

    def outcomes(self, walk: Walk, rescue_share: np.ndarray) -> np.ndarray:
        """Rows on which both are right, harms, rescues, and whether rescues are to be expected."""
        expected = len(walk.rows) * rescue_share
        return np.column_stack([*walk.outcomes, expected >= LEAST_RESCUES])

    def passes_by_far(self, outcomes: np.ndarray) -> np.ndarray:
        """Whether a bound of the trinomial p-value is below the level."""
        both, harms, rescues, with_rescues = outcomes.T
        bounds = trinomial_p_value_bound(both, harms, rescues, self.target, self.level)
        return (with_rescues > 0) & (bounds < self.level)

    def rises(self, outcomes: np.ndarray) -> np.ndarray:
        """Whether there are more harms than at the step before, and nothing else has changed."""
        both, harms, rescues, with_rescues = np.diff(outcomes, axis=0, prepend=-1).T
        return (rescues == 0) & (with_rescues == 0) & (harms > 0) & (both == -harms)

    def p_value(self, *counts: int) -> float:
        """P-value by the test that suits the expected rescues."""
        both, harms, rescues, with_rescues = counts
        if with_rescues:
            return trinomial_p_value(both, harms, rescues, self.target, self.level)
        return float(binomial_p_value(both, harms, self.target))

    def counts(self, walk: Walk, step: int) -> dict[str, float]:
        """Harms and rescues of a step."""
        return {"n_harms": int(walk.n_harms[step]), "n_rescues": int(walk.n_rescues[step])}


@dataclass(frozen=True, kw_only=True)
class AgreementTest(AccuracyTest):
    """Test of how often the cascade answers as the full model does, which asks for no label.

    The full model's answers are taken for the truth, so that each early row with another answer is
    a harm and no row a rescue. What is lost in accuracy is no more than that.
    """

    def outcomes(self, walk: Walk, rescue_share: np.ndarray) -> np.ndarray:
        """As for accuracy, with no rescue to be expected."""
        return super().outcomes(walk, np.zeros(walk.n_steps))

    def counts(self, walk: Walk, step: int) -> dict[str, float]:
        """Early rows with another answer than the full model's."""
        return {"n_disagreements": int(walk.n_harms[step])}
