"""How good the rows are that a ranker returns."""

import numpy as np
from sklearn.metrics import ndcg_score


def ndcg(gain: np.ndarray, rows: np.ndarray, ranked: np.ndarray, *, binary: bool) -> float:
    """NDCG of the ranked rows of one query."""
    gain = gain[rows] - min(0.0, float(gain[rows].min(initial=0.0)))
    k = len(ranked)
    if len(rows) < 2 or k == 0 or not gain.any():
        return 1.0
    by_position = np.searchsorted(rows, ranked)
    order = np.zeros(len(rows))
    order[by_position] = np.arange(k, 0, -1)
    return float(ndcg_score(gain[None], order[None], k=k, ignore_ties=True))


def precision(gain: np.ndarray, rows: np.ndarray, ranked: np.ndarray, *, binary: bool) -> float:
    """Share of the ranked rows of one query that are among the best."""
    if not len(ranked):
        return 1.0
    of_rows = gain[rows]
    bar = 1.0 if binary else np.sort(of_rows)[::-1][len(ranked) - 1]
    return float(np.mean(gain[ranked] >= bar))
