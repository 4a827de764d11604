"""Cost, importance, candidate sets, thresholds and certification: arrays and numbers only."""

from ._confidence import confidence, decide_one, measures_for, predicted_codes
from ._costs import median_by_key, median_seconds
from ._importance import permutation_importance
from ._match import match_scores
from ._plan import Calibration, Candidate, Guarantee, Plan, Score, Tradeoff, make_plan
from ._subsets import candidate_sets

__all__ = [
    "Calibration",
    "Candidate",
    "Guarantee",
    "Plan",
    "Score",
    "Tradeoff",
    "candidate_sets",
    "confidence",
    "decide_one",
    "make_plan",
    "match_scores",
    "measures_for",
    "median_by_key",
    "median_seconds",
    "permutation_importance",
    "predicted_codes",
]
