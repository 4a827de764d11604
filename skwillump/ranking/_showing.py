"""Ranking a query until full scores of a random sample of the other rows show that it is enough."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..planning import (
    ALARM_SHARE,
    ERROR_OF_FIRST,
    MOST_SAMPLED,
    RankEvidence,
    filter_order,
    is_alarm,
    most_missing,
    sample_size,
    stable_order,
)

DEFAULT_CONFIDENCE = 0.95
"""Of what is shown where the ranker asks for no confidence."""

ScoreRows = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
"""Full scores of rows, and the numbers that they follow from."""


@dataclass(frozen=True, kw_only=True)
class AskedEvidence:
    """What is to be shown of a query."""

    k: int
    precision: float  # share of the K best that is to be returned
    confidence: float
    expected_precision: float  # what calibration expects of the search

    @property
    def allowed(self) -> int:
        """Rows of the K best that may be missing."""
        return int((1 - self.precision) * self.k + 1e-9)


class SeenRows:
    """Rows of a query that got the full model's score."""

    def __init__(self, n_rows: int, score_rows: ScoreRows):
        self._score_rows = score_rows
        self._scores, self._raw = np.empty(n_rows), np.empty(n_rows)
        self._seen = np.zeros(n_rows, dtype=bool)

    def see(self, rows: np.ndarray) -> None:
        """Score the rows that are not known yet."""
        rows = np.sort(rows[~self._seen[rows]])
        if len(rows):
            self._scores[rows], self._raw[rows] = self._score_rows(rows)
            self._seen[rows] = True

    def all(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Ascending positions, scores, and the numbers below them."""
        rows = np.flatnonzero(self._seen)
        return rows, self._scores[rows], self._raw[rows]

    def best(self, k: int) -> np.ndarray:
        """Positions of the best rows that are known."""
        rows, scores, _ = self.all()
        return rows[stable_order(scores, k)]


def rank_until_shown(
    filter_scores: np.ndarray,
    first: np.ndarray,
    score_rows: ScoreRows,
    asked: AskedEvidence,
    rng: np.random.Generator,
) -> tuple[SeenRows, RankEvidence]:
    """Visit rows, and more of them until a sample of the others shows that few are missing.

    Where it would take a larger sample than pays, as for a small k, a small one is drawn: it can
    only say that the search was not deep enough, and all rows are scored then.

    Parameters
    ----------
    filter_scores : ndarray of float64 of shape (n_rows,)
    first : ndarray of intp
        Rows that the search visits.

    Returns
    -------
    SeenRows
    RankEvidence
    """
    n_rows, k = len(filter_scores), min(asked.k, len(filter_scores))
    seen = SeenRows(n_rows, score_rows)
    order = filter_order(filter_scores)
    visited, drawn = np.zeros(n_rows, dtype=bool), np.zeros(n_rows, dtype=bool)
    visited[first] = True
    seen.see(first)
    error_left = 1 - asked.confidence
    error = ERROR_OF_FIRST * error_left
    expected = (1 - asked.expected_precision) * k
    n_sampled = n_found = missing = 0
    alarm = False
    while not visited.all():
        rest = np.flatnonzero(~visited)
        n_sampled = sample_size(len(rest), asked.allowed, expected, error)
        shows = n_sampled <= MOST_SAMPLED * len(rest)
        if not shows:
            n_sampled = int(np.ceil(ALARM_SHARE * len(rest)))
        known = rest[drawn[rest]]
        n_sampled = max(n_sampled, len(known))
        fresh = rng.choice(rest[~drawn[rest]], n_sampled - len(known), replace=False)
        drawn[fresh] = True
        seen.see(fresh)
        best = seen.best(k)
        n_found = int(np.sum(drawn[best] & ~visited[best]))
        missing = min(most_missing(len(rest), n_sampled, n_found, error), k)
        alarm = alarm or is_alarm(len(rest), n_sampled, n_found, asked.allowed)
        if missing <= asked.allowed or not (shows or alarm):
            break
        n_deeper = len(rest) if not shows or 2 * len(rest) < n_rows else n_rows - len(rest)
        deeper = order[~visited[order]][:n_deeper]
        visited[deeper] = True
        seen.see(deeper)
        error_left, expected = error_left - error, expected / 2
        error, missing = error_left / 2, 0
        n_sampled = n_found = 0
    precision = 1 - missing / k if k else 1.0
    return seen, RankEvidence(
        n_rows=n_rows,
        n_visited=int(visited.sum()),
        n_sampled=n_sampled,
        n_found=n_found,
        most_missing=missing,
        precision=precision,
        confidence=asked.confidence,
        is_met=missing <= asked.allowed,
        alarm=alarm,
    )
