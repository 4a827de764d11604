"""The estimate of how deep to search: the share of a query's rows, from all calibration rows."""

from math import isqrt

import numpy as np

from ._miss_odds import FEWEST_ROWS, RankedSample, estimated_depth, filter_scores_of, rank_shares
from ._topk_evidence import Depth, DrawnQueries
from ._topk_records import Target, TopKCalibration, TopKCandidate
from ._topk_search import Search, ShareSearch


class ShareEstimate(DrawnQueries):
    """Shares of a query at which rows are found, and how deep they ask for: see `_miss_odds`.

    All rows tell how deep the search must go, those that choose too, so that there are as many of
    the best rows as can be: what is told is an estimate.

    Parameters
    ----------
    calibration : TopKCalibration
        Without queries.
    """

    is_tested = False

    def __init__(self, calibration: TopKCalibration, target: Target):
        super().__init__(calibration, target)
        self.choosing_rows = self.certifying_rows = np.arange(len(calibration.full_score))
        enough = len(self.certifying_rows) >= FEWEST_ROWS and self.loss > 0
        self.kind = "estimate" if enough else "exact"
        by_rank = rank_shares(calibration.full_score, calibration.folds, self.draw)
        self._order = np.argsort(by_rank, kind="stable")

    def searches(self, candidate: TopKCandidate) -> list[Search]:
        """The share rule alone.

        How far the full score exceeds its prediction grows with it where the filter knows little,
        so that under the gap rule the best rows are the hardest to find: no estimate of it is good.
        """
        return [ShareSearch()]

    def needs(self, search: Search, candidate: TopKCandidate) -> np.ndarray:
        """Share of its fold at which each calibration row is found."""
        return rank_shares(candidate.score, self.calibration.folds, self.draw)

    def expected_effort(self, needs) -> float:
        """Share that the estimate asks for."""
        return self.depth(needs).effort

    def depth(self, needs) -> Depth:
        """Share that the estimate asks for, for all sizes of a query."""
        k, (low, high) = self.target.k, self.sizes
        found_at = needs[self._order]
        # The best of a large query are better rows, and may be harder to find.
        depths = [
            estimated_depth(found_at, k, size, loss=self.loss, error=self.error)
            for size in {low, isqrt(low * high), high}
        ]
        effort = max(depth.share for depth in depths)
        n_top = max(round(len(found_at) * min(k / low, 1.0)), 1)
        return Depth(
            effort=effort,
            n_top=n_top,
            n_misses=int(np.sum(found_at[:n_top] > effort)),
            follows_rule=all(depth.follows_rule for depth in depths),
        )

    def sample(self, candidate: TopKCandidate) -> RankedSample:
        """The calibration rows as the estimate reads them."""
        folds = self.calibration.folds
        return RankedSample(
            found_at=self.needs(ShareSearch(), candidate)[self._order],
            filter_scores=filter_scores_of(candidate.score, folds),
            loss=self.loss,
            error=self.error,
        )

    def planned(
        self, search: Search, candidate: TopKCandidate, effort: float, share: float
    ) -> Search:
        """The search of a share; see `RankedSample.search`."""
        return self.sample(candidate).search_of_share(share)

    def least_k(self, needs, effort: float) -> int:
        """One: an estimate is of smaller k too, whose best rows are better ones."""
        return 1
