"""Certificates of a ranker from rows that came after `fit`; they need no labels."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ._topk_plan import make_evidence, make_topk_plan
from ._topk_records import Target, TopKCalibration, TopKPlan

CHOOSING_SHARE = 0.25
"""Share of the fresh queries that choose, where `fit` was told none."""


def candidates_to_test(calibration: TopKCalibration, plan: TopKPlan) -> tuple[int, ...]:
    """The filters whose scores of the fresh rows are asked for.

    That of the plan; where it has none, all, so that one of them may be used from now on.
    """
    if plan.candidate is not None:
        return (plan.candidate,)
    return tuple(range(len(calibration.candidates)))


def certify_topk_plan(
    calibration: TopKCalibration,
    plan: TopKPlan,
    target: Target,
    *,
    full_score: np.ndarray,
    filter_scores: Sequence[np.ndarray],
    queries: Sequence[np.ndarray] | None,
) -> TopKPlan:
    """Test how deep the models that answer must search, on fresh rows.

    The rows of `calibration` choose the rule of the search and, where the plan has no filter, the
    filter; all fresh rows decide how deep the search must go.

    Parameters
    ----------
    calibration : TopKCalibration
        What the plan was made from.
    target : Target
        With a confidence.
    full_score : ndarray of float64 of shape (n_fresh,)
    filter_scores : sequence of ndarray of float64 of shape (n_fresh,)
        Of `candidates_to_test`.
    queries : sequence of ndarray of intp, or None
        Rows of each fresh query, where queries are told.

    Returns
    -------
    TopKPlan
        Without a filter if none pays.

    Raises
    ------
    ValueError
        If the rows are too few for a certificate.
    """
    tested = candidates_to_test(calibration, plan)
    joined = _joined(calibration, tested, full_score, filter_scores, queries)
    evidence = make_evidence(joined, target)
    if not evidence.is_tested:
        more = evidence.what_would_do(CHOOSING_SHARE if calibration.queries is None else 0.0)
        raise ValueError(f"Nothing can be certified: {evidence.why_not()}.{more}")
    found = make_topk_plan(joined, target)
    tradeoffs = [replace(tradeoff, chosen=None) for tradeoff in plan.tradeoffs]
    if len(tradeoffs) != len(calibration.candidates):
        tradeoffs = list(found.tradeoffs)
    elif found.tradeoffs:  # none of queries so small that all of their rows are returned
        for position, tradeoff in zip(tested, found.tradeoffs, strict=True):
            tradeoffs[position] = tradeoff
    if found.candidate is None:
        return replace(found, tradeoffs=tuple(tradeoffs))
    return replace(
        found,
        candidate=tested[found.candidate],
        tradeoffs=tuple(tradeoffs),
        fresh=replace(joined, candidates=(joined.candidates[found.candidate],)),
    )


def _joined(
    calibration: TopKCalibration,
    tested: Sequence[int],
    full_score: np.ndarray,
    filter_scores: Sequence[np.ndarray],
    queries: Sequence[np.ndarray] | None,
) -> TopKCalibration:
    """The rows of `fit`, which choose, and the fresh rows, which certify."""
    n_old, n_fresh = len(calibration.full_score), len(full_score)
    selects = np.arange(n_old + n_fresh) < n_old
    joined_queries = None
    if queries is not None:
        fresh = [n_old + rows for rows in queries]
        if calibration.queries is None:
            rng = np.random.default_rng(calibration.seed)
            n_choosing = int(np.ceil(CHOOSING_SHARE * len(fresh)))
            for position in rng.permutation(len(fresh))[:n_choosing]:
                selects[fresh[position]] = True
        joined_queries = (*(calibration.queries or ()), *fresh)
    fold = calibration.folds.max(initial=-1) + 1
    return replace(
        calibration,
        candidates=tuple(
            replace(candidate, score=np.append(candidate.score, score))
            for candidate, score in zip(
                (calibration.candidates[position] for position in tested),
                filter_scores,
                strict=True,
            )
        ),
        full_score=np.append(calibration.full_score, full_score),
        folds=np.append(calibration.folds, np.full(n_fresh, fold)),
        selects=selects,
        queries=joined_queries,
        basis="fresh",
        train_share=1.0,
    )
