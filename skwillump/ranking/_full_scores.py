"""The full model of a fitted ranker: scores of rows, and the best of those that it scored."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from sklearn.utils import gen_batches

from .._containers import has_rows, num_samples, take_rows
from ..planning import stable_order
from ._doubt import doubtful_rows, plain_best, sure_best, sure_order
from ._scores import one_score

CHUNK_ROWS = 16_384
"""Rows that are scored together, so that memory does not grow with the query."""

Found = tuple[np.ndarray, np.ndarray]
"""Positions of the best rows of a query, best first, and their full scores."""


@dataclass(frozen=True, kw_only=True)
class FullScorer:
    """The full model of a fitted ranker."""

    method: str  # {"predict", "predict_proba", "decision_function"}: whose result ranks
    estimator: Any  # the full model, which decides where rounding could
    full: Any  # CompiledPipeline or estimator: the same as it runs
    compiled: bool  # whether that is compiled

    def full_scores(self, X: Any) -> tuple[np.ndarray, np.ndarray]:
        """Scores of all rows by the full model, and the numbers that they follow from.

        Returns
        -------
        scores, raw : ndarray of float64 of shape (n_rows,)
        """
        scores, raw = self._lazy_scores(X, num_samples(X) if has_rows(X) else 0)
        return (self._score_of(raw) if scores is None else scores), raw

    def _lazy_scores(self, X: Any, n_rows: int) -> tuple[np.ndarray | None, np.ndarray]:
        """The same, but None for scores that rise with the numbers: `_score_of` makes the few that
        are of use.
        """
        # Compiled, features are made of few rows at a time, and only scores are kept.
        chunk_rows = (4 if self.compiled else 1) * CHUNK_ROWS
        if n_rows > chunk_rows:
            batches = gen_batches(n_rows, chunk_rows)
            pairs = [self._lazy_scores(take_rows(X, rows), 0) for rows in batches]
            raw = np.concatenate([numbers for _, numbers in pairs])
            if all(scores is None for scores, _ in pairs):
                return None, raw
            answered = [
                self._score_of(numbers) if scores is None else scores for scores, numbers in pairs
            ]
            return np.concatenate(answered), raw
        if not self.compiled:
            own = one_score(getattr(self.full, self.method)(X))
            return own, own
        response, numbers = self.full._with_scores(self.method, X)
        if response is None:
            return None, one_score(numbers)
        own = one_score(response)
        return own, own if numbers is None or numbers.shape[1] != 1 else one_score(numbers)

    def _score_of(self, raw: np.ndarray) -> np.ndarray:
        """Scores of the full model from the numbers that they follow from."""
        return one_score(self.full._from_scores_alone(self.method, raw[:, None]))

    def original_scores(self, X: Any) -> np.ndarray:
        """Scores by the fitted estimator itself."""
        return one_score(getattr(self.estimator, self.method)(X))

    def settled(self, raw: np.ndarray, reach: float) -> np.ndarray:
        """Whether scores are the same for all numbers within `reach` of those they follow from."""
        both = np.concatenate([raw - reach, raw + reach])
        response = self.full._from_scores_alone(self.method, both[:, None])
        if response is None:
            return np.zeros(len(raw), dtype=bool)
        scores = one_score(response)
        return scores[: len(raw)] == scores[len(raw) :]

    def best_of_all(self, X: Any, n_rows: int, k: int) -> Found:
        """The `k` best rows of so many, all of which the full model scores."""
        scores, raw = self._lazy_scores(X, n_rows)
        if scores is None:
            best = sure_best(raw, k, self._score_of, self.settled)
            if best is not None:
                return best
            scores = self._score_of(raw)
        return self._best(X, np.arange(len(scores)), scores, raw, k=k)

    def _best(self, X: Any, rows, scores, raw, *, k: int) -> Found:
        """The `k` best of some rows (ascending positions) by their full scores."""
        if self.compiled:
            order = sure_order(scores, raw, min(k, len(rows)), self.settled)
            if order is not None:
                return rows[order].astype(np.intp, copy=False), scores[order]
            doubtful = doubtful_rows(scores, raw, k, self.settled)
            if len(doubtful):
                # Another order of summation could swap these: the original decides.
                scores = scores.copy()
                scores[doubtful] = self.original_scores(take_rows(X, rows[doubtful]))
        order = stable_order(scores, k)
        return rows[order].astype(np.intp, copy=False), scores[order]

    def _best_of_each(
        self, X: Any, rows, scores, raw, starts: np.ndarray, ks: Sequence[int]
    ) -> list[Found]:
        """The best rows of queries that lie one after the other; see `_best`.

        Parameters
        ----------
        starts : ndarray of intp of shape (n_queries + 1,)
            Where each query begins among `rows`, and the last one ends.
        ks : sequence of int
            Rows to return of each query.
        """
        best, ends, is_plain = plain_best(scores, raw, starts, ks, rounds=self.compiled)
        positions, of_best = rows[best].astype(np.intp, copy=False), scores[best]
        found = [(positions[slice(*own)], of_best[slice(*own)]) for own in pairwise(ends)]
        for query in np.flatnonzero(~is_plain).tolist():
            own = slice(*starts[query : query + 2])
            found[query] = self._best(X, rows[own], scores[own], raw[own], k=ks[query])
        return found
