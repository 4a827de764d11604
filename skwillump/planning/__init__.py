"""Importance, candidate sets, thresholds and certification: arrays and numbers only."""

from ._candidate_sets import candidate_sets, needs_importances, permutation_importance
from ._cascade_plan import CASCADE_SAVING, given_up, make_plan, saves
from ._cascade_records import (
    Calibration,
    Candidate,
    Guarantee,
    Plan,
    SmallerAnswers,
    SmallerModels,
    Subgroups,
    Tradeoff,
)
from ._confidence import LEARNED, confidence, decide_one, measures_for, predicted_codes
from ._fresh_queries import candidates_to_test, certify_topk_plan
from ._fresh_rows import FreshRows, certify_plan
from ._harm_score import (
    HarmScore,
    learn_harm_score,
    learns_harm_score,
    seen_score,
)
from ._orders import nth_largest, stable_order
from ._p_values import rows_to_certify
from ._records import ApproximateStage, CheaperModel, Evidence, StageSeconds, pays
from ._seen_rows import (
    ALARM_SHARE,
    ERROR_OF_FIRST,
    MOST_SAMPLED,
    RankEvidence,
    is_alarm,
    most_missing,
    sample_size,
)
from ._shortlist import (
    could_be_kept,
    least_open_share,
    may_pay,
    open_shares_of_classes,
    open_shares_of_ranks,
    shortlist,
)
from ._threshold_paths import rows_to_choose, unseen_risk
from ._topk_plan import FILTER_SAVING, make_topk_plan, replan_search
from ._topk_records import (
    Target,
    TopKCalibration,
    TopKCandidate,
    TopKGuarantee,
    TopKPlan,
    TopKTradeoff,
)
from ._topk_search import Search, ShareSearch, filter_order
