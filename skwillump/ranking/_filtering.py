"""A query behind its filter: scores of all rows, and what completes those that may be candidates.

What a pass holds of the rows of a chunk is kept for the rows that may still become candidates and
dropped for all others, so that memory grows with the number of candidates and not with that of
rows.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.utils import gen_batches

from .._containers import num_samples, take_rows
from ..compilers import InputUnsupported
from ..planning import nth_largest
from ..stages._passes import Held, StagePass
from ._scores import one_score, scores_of


@dataclass
class FilteredQuery:
    """A query behind its filter: all of the filter's scores, and what is held of some rows."""

    method: str  # method of the models whose result ranks
    scores: np.ndarray  # float64 (n_rows,)
    # Ascending positions of the rows that are held, and what is held of them.
    chunks: list[tuple[np.ndarray, Held]]

    @classmethod
    def run(
        cls,
        X: Any,
        first: StagePass,
        method: str,
        *,
        n_keep: int | None = None,
        cut: float = np.inf,
    ) -> "FilteredQuery":
        """Run a filter over all rows.

        Parameters
        ----------
        first : StagePass
            What filters.
        n_keep : int, optional
            Rows with the highest scores to hold at least; all by default.
        cut : float
            Rows with this score are held too.
        """
        n_rows, chunk_rows = num_samples(X), first.chunk_rows
        query = cls(method, np.empty(n_rows), [])
        if n_rows <= chunk_rows:
            query._add(first, X, 0)
            return query
        n_held = 0
        for rows in gen_batches(n_rows, chunk_rows):
            n_held += query._add(first, take_rows(X, rows), rows.start)
            if n_keep is None:
                continue
            if n_held > 2 * n_keep:
                bar = _bar(query.scores[: rows.stop], n_keep)
                n_held = query._drop_below(min(bar, cut))
        return query

    def _add(self, first: StagePass, X: Any, start: int) -> int:
        """Run the filter on a chunk that begins at row `start`; the number of its rows."""
        inputs, held = first.start(X)
        scores = one_score(inputs.answer(self.method))
        if len(scores) != num_samples(X):  # texts as a data frame, whose names vectorizers read
            raise InputUnsupported("not one score for each row")
        rows = np.arange(start, start + len(scores))
        self.scores[rows] = scores
        self.chunks.append((rows, held))
        return len(scores)

    def _drop_below(self, bar: float) -> int:
        """Drop what is held of rows below; the number of rows that are left."""
        kept, n_held = [], 0
        for positions, held in self.chunks:
            stays = np.flatnonzero(~(self.scores[positions] < bar))
            if len(stays) < len(positions):
                positions, held = positions[stays], held.take(stays)
            if len(positions):
                kept.append((positions, held))
                n_held += len(positions)
        self.chunks = kept
        return n_held

    def finish(
        self,
        rows: np.ndarray,
        compute: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]],
    ) -> tuple[np.ndarray, np.ndarray]:
        """Full scores of some rows.

        Parameters
        ----------
        rows : ndarray of intp of shape (n_chosen,)
        compute : callable
            The same for rows of which nothing is held.

        Returns
        -------
        scores, raw : ndarray of float64 of shape (n_chosen,)
            As of `scores_of`.
        """
        # In ascending order, as the input is laid out.
        order = None if (rows[:-1] < rows[1:]).all() else np.argsort(rows)
        ascending = rows if order is None else rows[order]
        scores, raw = np.empty(len(rows)), np.empty(len(rows))
        is_open = np.ones(len(rows), dtype=bool)
        for positions, held in self.chunks:
            start, stop = np.searchsorted(ascending, (positions[0], positions[-1] + 1))
            here, places = np.arange(start, stop), ascending[start:stop] - positions[0]
            if positions[-1] - positions[0] >= len(positions):  # some were dropped
                places = np.searchsorted(positions, ascending[start:stop])
                is_held = positions[places] == ascending[start:stop]
                here, places = here[is_held], places[is_held]
            if len(here):
                scores[here], raw[here] = scores_of(held.finish(places), self.method)
                is_open[here] = False
        if is_open.any():
            scores[is_open], raw[is_open] = compute(ascending[is_open])
        if order is None:
            return scores, raw
        back = np.empty_like(order)
        back[order] = np.arange(len(order))
        return scores[back], raw[back]


def _bar(scores, n_keep: int) -> float:
    """Score that the first `n_keep` rows reach; rows without one count as the highest."""
    known = scores[~np.isnan(scores)]
    n_keep -= len(scores) - len(known)
    if n_keep >= len(known):
        return -np.inf
    return np.inf if n_keep <= 0 else nth_largest(known, n_keep)
