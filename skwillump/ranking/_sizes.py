"""The search of a query of any size, and what is promised for it."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from .._warnings import warn_caller
from ..planning import Search, Target, TopKCalibration, TopKPlan, replan_search

ALL_ROWS = "all rows are scored by the full model"
"""What is done where no search is known to find enough."""


def rows_to_return(k: float, n_rows: int) -> int:
    """Number of rows to return of a query: `k`, or that share of its rows, rounded up."""
    return int(np.ceil(k * n_rows - 1e-9)) if 0 < k < 1 else int(k)


class QuerySearches(Protocol):
    """How queries are searched."""

    @property
    def share(self) -> float:
        """Expected share of a query's rows that get the full model's score."""

    def search_for(self, k: int, n_rows: int) -> Search | None:
        """How to search a query; None to score all of its rows."""


@dataclass(frozen=True, kw_only=True)
class SizedSearches:
    """A plan for queries of some sizes, and how to search others."""

    plan: TopKPlan
    target: Target
    calibration: TopKCalibration  # what the plan was made from
    told: bool  # whether the user stated sizes, so that others are worth a warning
    k_is_share: bool = False  # whether queries of other sizes have other numbers of rows to return

    @property
    def share(self) -> float:
        """Expected share of a query's rows that get the full model's score."""
        return min(self.plan.share, 1.0)

    @property
    def least_rows(self) -> int:
        """Rows of the smallest query that is searched: all rows of smaller ones are scored."""
        return self.calibration.least_rows(self.plan.expected_seconds)

    def search_for(self, k: int, n_rows: int) -> Search | None:
        """How to search a query; None to score all of its rows.

        Parameters
        ----------
        k : int
            Rows to return.
        n_rows : int
            Rows of the query.

        Warns
        -----
        UserWarning
            If the plan is not for this size.
        """
        plan = self.plan
        if k >= n_rows or n_rows < self.least_rows:
            return None
        low, high = plan.guarantee.query_size
        larger, outside = k > plan.guarantee.k, not low <= n_rows <= high
        if not larger and not outside:
            return plan.search
        least_k = 1 if self.k_is_share else plan.guarantee.k
        search, how, weaker = self._other_search(max(k, least_k), n_rows)
        message = ""
        if larger and not self.k_is_share:
            message = (
                f"k={k} is larger than the k={plan.guarantee.k} that the ranker was tuned for: "
                f"{how}. Set a larger k in the ranker and fit it again."
            )
        elif self.told and not self.k_is_share:
            message = (
                f"A query of {n_rows} rows is not within the sizes {low} to {high} that the ranker "
                f"was tuned for: {how}. Fit with a query_size that holds it."
            )
        elif weaker:
            message = (
                f"The guarantee is for queries of {low} rows, and this one has {n_rows}: {how}. "
                "Fit on more rows, with a query_size that holds it."
            )
        if message:
            warn_caller(message)
        return search

    def _other_search(self, k: int, n_rows: int) -> tuple[Search | None, str, bool]:
        """Search for sizes that the plan is not for, what it is, and whether less is promised."""
        plan = self.plan
        if k >= n_rows:
            return None, ALL_ROWS, False
        assert plan.search is not None
        if plan.search.kept:
            return plan.search, plan.search.kept, False
        calibration = self.calibration if plan.fresh is None else plan.fresh
        if calibration.queries is not None:
            if k > plan.guarantee.k:
                return None, ALL_ROWS, False
            return plan.search, "the search is the same, and nothing is promised", True
        # Certify anew, from what fit stored.
        target = Target(
            k=k,
            query_size=(n_rows, n_rows),
            precision=self.target.precision,
            confidence=self.target.confidence,
        )
        search, kind = replan_search(self.calibration, plan, target)
        if search is None:
            return None, ALL_ROWS, False
        weaker = kind == "estimate" and plan.guarantee.kind != kind
        return search, f"the search was planned anew for it ({kind})", weaker
