"""A test of what is kept in each of several groups of rows at once."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ._cascade_records import Subgroups
from ._fixed_sequence import AccuracyTest
from ._threshold_rules import Allowed, ThresholdRule
from ._walks import Walk


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
