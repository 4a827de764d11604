"""From the scores of a ranker's models to the numbers that its plan is made from."""

import numpy as np

from ..planning import TopKCalibration, TopKCandidate
from ..stages._cross_fitted import Calibrated, CrossFitted
from ._queries import queries_of


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
