"""Made-up answers of two models: what a plan is made from, and what it then loses."""

import numpy as np

from skwillump.planning import Calibration, Candidate, StageSeconds

N_POOL = 200_000


def sample(n_rows, rng, *, harm=0.3, rescue=0.1, n_classes=2, risk_of_class=0.0):
    """What two models did on rows: codes, confidence, full right, approximate right.

    Disagreement gets rarer as confidence rises. One class can be riskier than the other.
    """
    codes = rng.integers(0, n_classes, n_rows)
    confidence = 0.5 + 0.5 * rng.beta(2, 0.6, n_rows)
    doubt = (2 * (1 - confidence)) ** 1.5 * (1 + risk_of_class * codes)
    event = rng.random(n_rows)
    is_harm = event < harm * doubt
    is_rescue = ~is_harm & (event < (harm + rescue) * doubt)
    both_right = rng.random(n_rows) < 0.9
    full = np.where(is_harm, True, np.where(is_rescue, False, both_right))
    approx = np.where(is_harm, False, np.where(is_rescue, True, both_right))
    return codes, confidence, full, approx


def calibration_of(rows, *, stage=1e-6, rest=1e-4, basis="prefit", train_share=1.0):
    codes, confidence, full, approx = rows
    n_rows = len(codes)
    candidate = Candidate(
        ("a",), StageSeconds(start=stage, rest=rest), codes, {"probability": confidence}, approx
    )
    return Calibration(
        candidates=(candidate,),
        full_seconds=rest,
        full_right=full,
        classes=codes,
        selects=np.arange(n_rows) < 0.25 * n_rows,
        n_classes=2,
        is_probability=True,
        basis=basis,
        train_share=train_share,
        seed=0,
    )


def score_kept(plan, rows):
    codes, confidence, full, approx = rows
    if plan.candidate is None:
        return 1.0
    early = confidence >= plan.thresholds[codes]
    return np.where(early, approx, full).mean() / full.mean()


def accuracy_of(calibration):
    """Accuracy as a score of the user's own."""

    def score(candidate, early, rows, answers=None):
        # On rows that are made up, the model answers what it answered elsewhere: another class.
        same = True if answers is None else answers == rows
        approx = calibration.candidates[candidate].right[rows] & same
        return np.where(early, approx, calibration.full_right[rows]).mean()

    return score
