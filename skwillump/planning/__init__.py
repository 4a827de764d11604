"""Cost, importance, candidate sets, thresholds and certification: arrays and numbers only."""

from ._confidence import confidence, decide_one, measures_for, predicted_codes
from ._costs import median_by_key, seconds_in_turns, seconds_of
from ._importance import permutation_importance
from ._match import match_scores
from ._plan import Calibration, Candidate, Guarantee, Plan, Score, Tradeoff, make_plan
from ._subsets import candidate_sets
from ._topk import stable_order
from ._topk_plan import (
    Target,
    TopKCalibration,
    TopKCandidate,
    TopKGuarantee,
    TopKPlan,
    TopKTradeoff,
    make_topk_plan,
    replan_search,
)
from ._topk_search import Search, filter_order, gap_search

__all__ = [
    "Calibration",
    "Candidate",
    "Guarantee",
    "Plan",
    "Score",
    "Search",
    "Target",
    "TopKCalibration",
    "TopKCandidate",
    "TopKGuarantee",
    "TopKPlan",
    "TopKTradeoff",
    "Tradeoff",
    "candidate_sets",
    "confidence",
    "decide_one",
    "filter_order",
    "gap_search",
    "make_plan",
    "make_topk_plan",
    "match_scores",
    "measures_for",
    "median_by_key",
    "permutation_importance",
    "predicted_codes",
    "replan_search",
    "seconds_in_turns",
    "seconds_of",
    "stable_order",
]
