"""What a ranker asks of cross-fitted models, and the numbers that its plan is made from."""

import numpy as np

from ..planning import TopKCalibration, TopKCandidate, open_shares_of_ranks, stable_order
from ..stages._cross_fitted import Calibrated, CrossFitted
from ..stages._recording import Importance, OpenShares
from ._queries import queries_of
from ._scores import ScoreRecorder


def calibrated_from(fitted: CrossFitted, seed: int, *, groups: np.ndarray | None) -> Calibrated:
    """The numbers that a ranker is planned from.

    Parameters
    ----------
    seed : int
        For resampling.
    groups : ndarray of shape (n_rows,) or None
        Query of each row of the data, where queries are told.
    """
    queries = None
    if groups is not None:
        queries = tuple(queries_of(groups[fitted.rows]).values())
    calibration = TopKCalibration(
        candidates=tuple(
            TopKCandidate(score=stage["score"], **what) for stage, what in fitted.priced_stages()
        ),
        full_score=fitted.full["score"],
        folds=fitted.folds,
        queries=queries,
        **fitted.in_calibration(seed),
    )
    return fitted.calibrated(calibration)


IMPORTANCE_TOP_SHARE = 0.05
"""Importance of a block is what is lost of this share of the rows, the best ones."""

IMPORTANCE_TOP_ROWS = 20
"""And of so many rows at least."""


def block_importance(recorder: ScoreRecorder) -> Importance:
    """Importance of a block: the share of the model's own best rows that it no longer finds."""

    def importance(rows, model, features):
        n_top = min(len(rows), max(int(IMPORTANCE_TOP_SHARE * len(rows)), IMPORTANCE_TOP_ROWS))

        def best(known) -> np.ndarray:
            return stable_order(recorder.scores(model, known))[:n_top]

        own = best(features)
        return lambda permuted: float(np.mean(np.isin(own, best(permuted))))

    return importance


def open_shares(groups: np.ndarray | None) -> OpenShares:
    """How few rows a filter must let through to find the best ones, of queries where told.

    Parameters
    ----------
    groups : ndarray of shape (n_rows,) or None
    """

    def shares(rows, full, stage):
        queries = None if groups is None else groups[rows]
        return open_shares_of_ranks(stage["score"], full["score"], queries)

    return shares
