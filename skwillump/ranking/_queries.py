"""The rows of queries: groups, sizes, and what a ranker's `fit` takes of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.metrics import ndcg_score
from sklearn.utils.validation import has_fit_parameter

from .._compat import routing_enabled
from .._composites import last_step
from .._containers import take_rows
from ..stages._folds import FitData, params_of_rows
from ..stages._labels import GroupsParameter

QUERIES = GroupsParameter("groups", of="query")
"""What tells the query of each row."""


def queries_of(groups) -> dict[Any, np.ndarray]:
    """Rows of each query, in ascending order; queries in the order of their first rows.

    Raises
    ------
    ValueError
        If groups cannot be sorted, or are missing for some rows.
    """
    values, first, codes = QUERIES.names(groups)
    order = np.argsort(codes, kind="stable")
    ends = np.append(0, np.cumsum(np.bincount(codes, minlength=len(values)))).tolist()
    return {values[i]: order[ends[i] : ends[i + 1]] for i in np.argsort(first).tolist()}


@dataclass(frozen=True, kw_only=True)
class RankingData(FitData):
    """Rows to fit a ranker on, with all that the estimator's `fit` takes.

    `groups` is the query of each row.
    """

    # Those of `params` that hold the sizes of consecutive queries (LightGBM's ``group``).
    size_params: tuple[str, ...] = ()

    @classmethod
    def make(
        cls, estimator, X, y, groups, params: Mapping[str, Any], *, stratify: bool
    ) -> "RankingData":
        """Bring groups and a ranker's sizes of queries in line.

        Raises
        ------
        ValueError
            If both are given and differ, sizes do not add up, groups cannot be sorted, or a ranker
            that takes sizes is given groups whose rows are not consecutive.
        """
        params, n_rows = dict(params), len(y)
        if groups is not None:
            queries_of(groups)  # judges them before anything is fitted
        names = [name for name in params if name == "group" or name.endswith("__group")]
        for name in names:
            sizes = np.asarray(params[name])
            if sizes.ndim != 1 or sizes.sum() != n_rows:
                raise ValueError(
                    f"{name} must hold the sizes of consecutive queries. They add up to "
                    f"{sizes.sum()}, but X has {n_rows} rows."
                )
            if groups is None:
                groups = np.repeat(np.arange(len(sizes)), sizes.astype(np.intp))
            elif not np.array_equal(sizes[sizes > 0], run_lengths(groups)):
                raise ValueError(f"groups and {name} tell different queries. Give one of them.")
        if groups is not None and not names and not routing_enabled():
            path, final = last_step(estimator)
            if has_fit_parameter(final, "group"):
                names = [f"{path}__group" if path else "group"]
        data = cls(
            X=X, y=y, params=params, groups=groups, stratify=stratify, size_params=tuple(names)
        )
        if names:
            data.params.update(data._sizes(np.arange(n_rows)))
        return data

    def _sizes(self, rows) -> dict[str, np.ndarray]:
        if not self.size_params:
            return {}
        assert self.groups is not None
        groups = self.groups[rows]
        sizes = run_lengths(groups)
        if len(sizes) != len(np.unique(groups)):
            raise ValueError(
                "The estimator's fit takes the sizes of consecutive queries, but the rows of some "
                "groups are apart. Sort X, y and groups by group."
            )
        return dict.fromkeys(self.size_params, sizes)

    def take(self, rows: np.ndarray) -> tuple[Any, np.ndarray, dict[str, Any]]:
        by_row = {k: v for k, v in self.params.items() if k not in self.size_params}
        params = params_of_rows(self.X, by_row, rows)
        return take_rows(self.X, rows), self.y[rows], params | self._sizes(rows)

    def check_enough_units(self, cv: Any, least: int) -> None:
        """Raise where there are too few queries to hold some out."""
        if self.groups is None:
            return
        n_queries = len(np.unique(self.groups))
        if n_queries < least:
            raise ValueError(
                f"The number of queries in groups is {n_queries}, but cv={cv!r} takes {least} or "
                "more: rows of one query are never split. Tell more queries, or leave groups out: "
                "queries are then drawn from all rows."
            )


def run_lengths(groups) -> np.ndarray:
    """Lengths of the runs of equal values."""
    groups = np.asarray(groups)
    starts = np.flatnonzero(np.append(len(groups) > 0, groups[1:] != groups[:-1]))
    return np.diff(np.append(starts, len(groups))).astype(np.intp)


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
