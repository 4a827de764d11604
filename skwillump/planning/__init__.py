"""Importance, candidate sets, thresholds and certification: arrays and numbers only."""

from ._candidate_sets import candidate_sets
from ._cascade_plan import Calibration, Candidate, Guarantee, Plan, Score, Tradeoff, make_plan
from ._confidence import confidence, decide_one, measures_for, predicted_codes
from ._importance import permutation_importance
from ._score_matching import match_scores
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
    "permutation_importance",
    "predicted_codes",
    "replan_search",
    "stable_order",
]
