"""From the scores of a ranker's models to the numbers that its plan is made from."""

from __future__ import annotations

import numpy as np

from ..planning import TopKCalibration, TopKCandidate, open_shares_of_ranks, stable_order
from ..stages._cross_fitting import Calibrated, CrossFitted
from ..stages._recording import Importance, OpenShares
from ._queries import RankingData, queries_of
from ._scores import ScoreRecorder

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


def calibrated_from(fitted: CrossFitted, data: RankingData, seed: int) -> Calibrated:
    """The numbers that a ranker is planned from.

    Parameters
    ----------
    fitted : CrossFitted
    data : RankingData
    seed : int
        For resampling.
    """
    queries = None
    if data.groups is not None:
        queries = tuple(queries_of(data.groups[fitted.rows]).values())
    candidates = tuple(
        TopKCandidate(
            blocks=spec.blocks,
            stage_seconds=seconds.start,
            rest_seconds=seconds.rest,
            score=stage["score"],
            n_trees=spec.n_trees,
            is_surrogate=spec.is_surrogate,
        )
        for spec, stage, seconds in zip(
            fitted.specs, fitted.stages, fitted.stage_costs.planned.stages, strict=True
        )
    )
    return Calibrated(
        calibration=TopKCalibration(
            candidates=candidates,
            full_seconds=fitted.stage_costs.planned.full,
            full_score=fitted.full["score"],
            folds=fitted.folds,
            selects=fitted.selects,
            queries=queries,
            basis=fitted.basis,
            train_share=fitted.train_share,
            seed=seed,
        ),
        models=fitted.models,
        costs=fitted.costs,
        importances=fitted.importances,
        left_out=fitted.left_out,
    )
