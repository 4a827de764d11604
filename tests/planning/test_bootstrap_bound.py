"""The bootstrap bound, where there is no test of a score."""

import numpy as np
import pytest

from skwillump.planning._threshold_rules import BootstrapBound
from skwillump.planning._walks import RecordedScore, Walk

N_ROWS = 200


def rule_and_walk(score, classes) -> tuple[BootstrapBound, Walk]:
    """A walk of ten steps, on which both models answer all rows right."""
    rows = np.arange(N_ROWS)
    walk = Walk(
        rows=rows,
        steps=1 + rows % 10,
        n_steps=11,
        full_right=np.ones(N_ROWS, dtype=bool),
        approx_right=np.ones(N_ROWS, dtype=bool),
        thresholds=np.zeros((11, 2)),
    )
    rule = BootstrapBound(
        target=0.9,
        level=0.05,
        score=RecordedScore(score, 0),
        codes=classes,
        strata=classes,
        seed=0,
    )
    return rule, walk


def allowed_step(score) -> int:
    """Last step that is allowed."""
    rule, walk = rule_and_walk(score, (np.arange(N_ROWS) // 10) % 2)
    return rule._last_step(walk, N_ROWS, 100, n_steps=512)[0]


def test_rows_of_one_class_show_nothing():
    rule, walk = rule_and_walk(lambda candidate, early, rows, answers=None: 1.0, np.zeros(N_ROWS))
    allowed = rule.allow(walk)
    assert allowed.step == 0
    assert rule.shows_nothing(allowed)
    assert "too few" in rule.why_not(walk, allowed, 0.9)


@pytest.mark.parametrize("last", [0, 1, 4, 10])
def test_a_score_that_is_nan_is_not_shown_to_meet_the_target(last):
    """Such as a precision of no rows, where `zero_division` is NaN."""

    def score(candidate, early, rows, answers=None):
        # Harms that are made up stand behind the rows.
        return np.nan if (early & (rows % 10 >= last))[:N_ROWS].any() else 1.0

    assert allowed_step(score) == last
