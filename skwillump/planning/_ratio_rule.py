"""The rule of the Willump paper for the K best (section 4.3 and its published code)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ._orders import stable_order
from ._topk_precision import draw_queries
from ._topk_records import Target, TopKCalibration, TopKTradeoff
from ._topk_search import share_needed

N_QUERIES = 100
"""Queries that are resampled."""


@dataclass(frozen=True, kw_only=True)
class RatioOption:
    """A filter with the least ratio that meets the target on the calibration rows."""

    candidate: int
    ratio: int  # candidates for each row to return
    share: float  # of a query's rows that are candidates
    expected_seconds: float  # a row
    precisions: np.ndarray  # float64 (n_queries,)
    tradeoff: TopKTradeoff  # with this ratio as the chosen step


def ratio_options(calibration: TopKCalibration, target: Target) -> list[RatioOption]:
    """For each filter, the least integer ratio c that meets the target.

    The mean precision of resampled queries with ``c * k`` candidates must reach it. The rule looks
    at all calibration rows, and chooses and checks on the same.
    """
    n_query = target.query_size[1]
    queries: Sequence[Any]
    if calibration.queries is None:
        rng = np.random.default_rng(calibration.seed)
        n_rows = len(calibration.full_score)
        n_query = min(n_query, n_rows)
        queries = draw_queries(n_rows, n_query, N_QUERIES, rng)
    else:
        queries = calibration.queries
    return [
        _option(calibration, target, position, queries, n_query)
        for position in range(len(calibration.candidates))
    ]


def _option(calibration, target: Target, position: int, queries, n_query: int) -> RatioOption:
    candidate, k = calibration.candidates[position], target.k
    places = _places_of_best(calibration.full_score, candidate.score, queries, k)
    ratio = 1
    while True:
        precisions = np.array([np.mean(p < ratio * k) if len(p) else 1.0 for p in places])
        if precisions.mean() >= target.precision or ratio * k >= n_query:
            break
        ratio += 1
    share = min(ratio * k / n_query, 1.0)
    ratios = np.union1d(np.geomspace(1, max(n_query // k, 1), 40).astype(int), [ratio])
    visited = np.minimum(ratios * k / n_query, 1.0)
    return RatioOption(
        candidate=position,
        ratio=ratio,
        share=share,
        expected_seconds=float(candidate.seconds.expected(share)),
        precisions=precisions,
        tradeoff=TopKTradeoff(
            **candidate.described,
            rule="ratio",
            share=visited,
            precision=np.array([np.mean([np.mean(p < r * k) for p in places]) for r in ratios]),
            expected_seconds=candidate.seconds.expected(visited),
            chosen=int(np.searchsorted(ratios, ratio)),
        ),
    )


def _places_of_best(full_score, filter_score, queries, k: int) -> list[np.ndarray]:
    """Places of each query's K best rows in the order of the filter."""
    places = []
    for rows in queries:
        best = stable_order(full_score[rows])[:k]
        places.append(np.round(share_needed(filter_score[rows])[best] * len(rows)).astype(int) - 1)
    return places
