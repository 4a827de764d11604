"""Calibration rows by their ranks, from which a search for any k and query size is estimated."""

from dataclasses import dataclass, field, replace

import numpy as np

from ._miss_odds import estimated_depth
from ._topk_search import ShareSearch

SIZE_RATIO = 1.5
"""Ratio of the sizes of queries for which depths are tabled; others lie on a line in logarithms."""

LARGEST_SIZE, LARGEST_ROWS = 1000, 1_000_000
"""The largest of them is this many times k, and of so many rows at least: of larger queries, depths
are computed when they come, which is little beside scoring them."""


def rank_shares(score, folds, draw) -> np.ndarray:
    """Share of the rows of its fold that are before each row, by descending score.

    Rows are in the middle of the space that they take, so that shares are above 0 and below 1.
    Ties are in the order of `draw`; rows without a score (NaN) come first.
    """
    score = np.where(np.isnan(score), np.inf, score)
    shares = np.empty(len(score))
    for fold in np.unique(folds):
        rows = np.flatnonzero(folds == fold)
        order = rows[np.lexsort((draw[rows], -score[rows]))]
        shares[order] = (np.arange(len(rows)) + 0.5) / len(rows)
    return shares


@dataclass(frozen=True, kw_only=True)
class RankedSample:
    """Calibration rows by descending full score, for one filter."""

    # float64 (n_rows,): the share of a query that is visited before each row is found.
    found_at: np.ndarray = field(repr=False)
    # float64 (n_rows,): the filter's score at which a search of each share ends: descending. The
    # mean over folds.
    filter_scores: np.ndarray = field(repr=False)
    # `loss`, `error`: as of `estimated_depth`.
    loss: float
    error: float
    k: int = 0  # number of rows to return for which depths are tabled
    # `sizes`, `depths`: float64 (n_sizes,): sizes of queries, and the share of each to visit; none
    # where no table was asked for.
    sizes: np.ndarray = field(repr=False, default_factory=lambda: np.zeros(0))
    depths: np.ndarray = field(repr=False, default_factory=lambda: np.zeros(0))

    def search(self, k: int, n_query: int) -> ShareSearch:
        """Search of a query: a share of its rows, and all that reach the score at its end.

        Where a query has more good rows than the sample had, more of its rows are candidates.
        """
        return self.search_of_share(max(self.depth(k, n_query), k / n_query))

    def search_of_share(self, share: float) -> ShareSearch:
        """Search that visits the first rows, and all that reach the score at their end."""
        n_rows = len(self.filter_scores)
        last = int(np.clip(np.ceil(share * n_rows) - 1, 0, n_rows - 1))
        return ShareSearch(share=share, cut=float(self.filter_scores[last]))

    def depth(self, k: int, n_query: int) -> float:
        """Share of a query to visit."""
        if k == self.k and len(self.sizes) and self.sizes[0] <= n_query <= self.sizes[-1]:
            at = np.interp(np.log(n_query), np.log(self.sizes), np.log(self.depths))
            return float(np.exp(at))
        found_at, loss, error = self.found_at, self.loss, self.error
        return estimated_depth(found_at, k, n_query, loss=loss, error=error).share

    def with_table(self, k: int) -> "RankedSample":
        """The same, with the depths of queries of many sizes, so that none is computed again."""
        least, most = k + 1, max(LARGEST_SIZE * (k + 1), LARGEST_ROWS)
        n_sizes = int(np.ceil(np.log(most / least) / np.log(SIZE_RATIO))) + 1
        sizes = np.unique(np.round(np.geomspace(least, most, n_sizes)))
        depths = np.array([self.depth(k, int(size)) for size in sizes])
        return replace(self, k=k, sizes=sizes, depths=depths)


def filter_scores_of(filter_score, folds) -> np.ndarray:
    """The filter's score at which a search of each share ends: the mean over folds."""
    n_rows = len(filter_score)
    places = (np.arange(n_rows) + 0.5) / n_rows
    ends = np.zeros(n_rows)
    names = np.unique(folds)
    for fold in names:
        scores = np.asarray(filter_score, dtype=np.float64)[folds == fold]
        scores = -np.sort(-np.where(np.isnan(scores), np.inf, scores))
        ends += scores[np.minimum((places * len(scores)).astype(np.intp), len(scores) - 1)]
    return ends / max(len(names), 1)
