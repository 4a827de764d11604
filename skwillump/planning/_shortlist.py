"""Which approximate models can still be chosen, after a first look at the rows that choose.

To fit a model on every fold costs as many fits as there are folds, and a plan uses one model. So
all of them are tried on the first fold, and what each would cost is read off the rows that choose,
for several losses: how few rows it must leave open to lose no more. Models that no loss needs are
fitted nowhere else. Rows that certify are not looked at, so that their test is of one choice that
does not depend on them; and targets are not looked at either, so that one `fit` serves all.
"""

import numpy as np

from ._cascade_options import LEAST_OTHER_SPEED
from ._cascade_plan import CASCADE_SAVING
from ._records import StageSeconds, pays

LOSSES = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1)
"""Losses for which a model is looked at."""

TOP_SHARES = (0.01, 0.05, 0.2)
"""Shares of the rows that are to be found, for which a filter is looked at."""

LEAST_KEPT, MOST_KEPT = 2, 3
"""Models that are kept, at least and at most, where there are so many."""

LEAST_GAIN = 0.03
"""By which share a further model must lower the cost at some loss."""


def open_shares_of_classes(
    confidence: np.ndarray,
    right: np.ndarray,
    full_right: np.ndarray,
    weights: np.ndarray | None = None,
) -> np.ndarray:
    """Least share of rows that a cascade leaves open, at each of `LOSSES`.

    Parameters
    ----------
    confidence : ndarray of float64 of shape (n_rows,)
        Of the approximate model.
    right, full_right : ndarray of bool of shape (n_rows,)
        Whether the approximate model is right, and the full one.
    weights : ndarray of float64 of shape (n_rows,), optional
        What a row counts; by default 1.

    Returns
    -------
    ndarray of float64 of shape (n_losses,)
    """
    weights = np.ones(len(right)) if weights is None else weights
    order = np.argsort(-confidence, kind="stable")
    change = weights * (full_right.astype(np.float64) - right)
    lost = np.concatenate(([0.0], np.cumsum(change[order])))
    allowed = np.array(LOSSES) * max(float(weights[full_right].sum()), 1.0)
    # The furthest step at which no more is lost.
    early = [int(np.flatnonzero(lost <= most)[-1]) for most in allowed]
    return 1 - np.array(early) / max(len(right), 1)


def open_shares_of_ranks(
    score: np.ndarray, full_score: np.ndarray, groups: np.ndarray | None = None
) -> np.ndarray:
    """Least share of rows that a filter lets through, for each of `TOP_SHARES` and `LOSSES`.

    Parameters
    ----------
    score, full_score : ndarray of float64 of shape (n_rows,)
        Of the filter and of the full model.
    groups : ndarray of shape (n_rows,), optional
        The query of each row.

    Returns
    -------
    ndarray of float64 of shape (n_top_shares * n_losses,)
    """
    full, filtered = (_places(scores, groups) for scores in (full_score, score))
    shares = []
    for top_share in TOP_SHARES:
        found = filtered[full <= max(top_share, full.min(initial=1.0))]
        for loss in LOSSES:
            shares.append(float(np.quantile(found, 1 - loss)) if len(found) else 1.0)
    return np.array(shares)


def _places(scores: np.ndarray, groups: np.ndarray | None) -> np.ndarray:
    """Place of each row among those of its query, best first, as a share of them."""
    codes = np.zeros(len(scores), dtype=np.intp)
    if groups is not None:
        codes = np.unique(groups, return_inverse=True)[1]
    order = np.lexsort((-scores, codes))
    sizes = np.bincount(codes)
    starts = np.cumsum(sizes) - sizes
    places = np.empty(len(scores))
    of_sorted = codes[order]
    places[order] = (np.arange(len(scores)) - starts[of_sorted] + 1) / sizes[of_sorted]
    return places


def shortlist(costs: np.ndarray, full_cost: float) -> list[int]:
    """Models that together are the least costly at every loss, or nearly so.

    They are taken one by one: the one that lowers the costs most, on average over losses, is next,
    until no other one lowers any of them by `LEAST_GAIN`, or there are `MOST_KEPT`. `LEAST_KEPT`
    are kept in any case, as costs are estimates.

    Parameters
    ----------
    costs : ndarray of float64 of shape (n_models, n_losses)
        Expected seconds a row.
    full_cost : float
        Of the full model alone, which is there at every loss.

    Returns
    -------
    list of int
        Ascending positions.
    """
    logs = np.log(np.maximum(costs, 1e-12))
    best = np.full(costs.shape[1], np.log(max(full_cost, 1e-12)))
    kept: list[int] = []
    while len(kept) < min(MOST_KEPT, len(costs)):
        left = [i for i in range(len(costs)) if i not in kept]
        lowered = [np.minimum(best, logs[i]) for i in left]
        # Where none lowers the costs, the one of the least costs is next.
        gains = [
            (float(np.sum(best - low)), -float(np.sum(logs[i])))
            for i, low in zip(left, lowered, strict=True)
        ]
        at = gains.index(max(gains))
        if len(kept) >= LEAST_KEPT and float(np.max(best - lowered[at])) < LEAST_GAIN:
            break
        best = lowered[at]
        kept.append(left[at])
    return sorted(kept)


def could_be_kept(least_cost: float, costs: np.ndarray, full_cost: float) -> bool:
    """Whether `shortlist` could take one more model, of which only the least cost is known.

    Parameters
    ----------
    least_cost : float
        Seconds a row, however few rows it leaves to the full model.
    costs : ndarray of float64 of shape (n_models, n_losses)
        Expected seconds a row of the models that are known.
    full_cost : float
        Of the full model alone.
    """
    if len(costs) < LEAST_KEPT:
        return True
    best = np.minimum(costs.min(axis=0), full_cost)
    gains = np.log(np.maximum(best, 1e-12)) - np.log(max(least_cost, 1e-12))
    return bool(np.max(gains) >= LEAST_GAIN)


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

    With thresholds for each predicted class, let ``early_c(k)`` and ``lost_c(k)`` be the rows of
    class c that are answered early and what they lose, where the k most confident ones are. For
    every price p >= 0 of a loss,

        max sum_c early_c  subject to  sum_c lost_c <= allowed
            <=  p * allowed + sum_c max_k (early_c(k) - p * lost_c(k)),

    which is the Lagrangian bound: the least of it over some prices is an upper bound of the share
    of early rows. What is allowed is more than the target allows, by `N_ERRORS` standard errors:
    the rows that choose are a sample. The rows that certify are not looked at.

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
