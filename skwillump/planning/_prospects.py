"""Whether a cascade can pay at its target, told before all of its evidence is paid for.

What is asked is whether the least share of rows that a first stage can leave open, whatever its
thresholds, still costs too much. With thresholds for each predicted class, let ``early_c(k)`` and
``lost_c(k)`` be the rows of class c that are answered early and what they lose, where the k most
confident ones are. For every price p >= 0 of a loss,

    max sum_c early_c  subject to  sum_c lost_c <= allowed
        <=  p * allowed + sum_c max_k (early_c(k) - p * lost_c(k)),

which is the Lagrangian bound: the least of it over some prices is an upper bound of the share of
early rows. What is allowed is more than the target allows, by `N_ERRORS` standard errors: the rows
that choose are a sample. The rows that certify are not looked at.
"""

import numpy as np

from ._cascade_options import LEAST_OTHER_SPEED
from ._cascade_plan import CASCADE_SAVING
from ._records import StageSeconds, pays

N_ERRORS = 2.0
"""Standard errors by which more may be lost than the target allows."""

PRICES = np.concatenate(([0.0], 2.0 ** np.arange(-2, 14)))
"""Early rows that a harm is worth, for which the bound is computed."""


def least_open_share(
    codes: np.ndarray,
    confidence: np.ndarray,
    right: np.ndarray,
    full_right: np.ndarray,
    target: float,
) -> float:
    """Lower bound of the share of rows that a first stage leaves open, if it keeps its target.

    Parameters
    ----------
    codes : ndarray of int of shape (n_rows,)
        Predicted classes, each of which may have a threshold of its own.
    confidence : ndarray of float64 of shape (n_rows,)
    right, full_right : ndarray of bool of shape (n_rows,)
        Whether the approximate model is right, and the full one.
    target : float in (0, 1]
        Share of the full model's accuracy to keep.
    """
    if not len(right):
        return 0.0
    allowed = (1 - target) * float(full_right.sum())
    allowed += N_ERRORS * np.sqrt(allowed) + (target < 1)
    early = PRICES * allowed
    change = full_right.astype(np.float64) - right
    for code in np.unique(codes):
        rows = np.flatnonzero(codes == code)
        rows = rows[np.argsort(-confidence[rows], kind="stable")]
        lost = np.concatenate(([0.0], np.cumsum(change[rows])))
        counts = np.arange(len(lost))
        early += [float(np.max(counts - price * lost)) for price in PRICES]
    return max(1 - float(early.min()) / len(right), 0.0)


def may_pay(
    open_share: float,
    seconds: StageSeconds,
    full_seconds: float,
    other: StageSeconds | None,
    other_full_seconds: float,
    least_saving: float = CASCADE_SAVING,
) -> bool:
    """Whether a plan could choose a stage that leaves no fewer rows open than a share.

    Parameters
    ----------
    seconds : StageSeconds
        Of the stage.
    full_seconds : float
        A row, of the full model.
    other, other_full_seconds : StageSeconds or None, float
        The same where rows come in the way that is not planned for.
    least_saving : float
        Share of the cost that a plan must save.
    """
    if not pays(seconds.expected(open_share), full_seconds, least_saving):
        return False
    return other is None or other.expected(open_share) * LEAST_OTHER_SPEED <= other_full_seconds
