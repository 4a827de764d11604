"""Trees behind a wide sparse matrix: only the features that some node looks at are made dense."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .._features import CHUNK_VALUES, MAX_DENSE_FEATURES
from .._threads import map_in_threads
from .._unsupported import InputUnsupported

if TYPE_CHECKING:
    from ._trees import TreeModel

_LARGEST_SINGLE = float(np.finfo(np.float32).max)


@dataclass(frozen=True, eq=False, kw_only=True)
class NarrowTrees:
    """A model on the features that its trees look at."""

    model: "TreeModel"
    # int32 (n_features,): where each feature of the wide matrix is among those; -1 where no node
    # looks at it.
    place: np.ndarray
    n_used: int

    @classmethod
    def of(cls, model: "TreeModel") -> "NarrowTrees | None":
        """Return the narrow twin of a model; None where nothing, or too much, is looked at."""
        used = model.used_features()
        if not 0 < len(used) <= MAX_DENSE_FEATURES:
            return None
        place = np.full(model.n_features, -1, dtype=np.int32)
        place[used] = np.arange(len(used))
        return cls(model=model.on_features(used), place=place, n_used=len(used))

    def raw(self, features: Any, n_threads: int) -> np.ndarray:
        """Return the scores (n_rows, n_outputs) of a CSR matrix of all features.

        Raises
        ------
        InputUnsupported
            For values that are no numbers of float32: they may be where no node looks.
        """
        with np.errstate(over="ignore"):
            if not np.isfinite(features.data.astype(np.float32)).all():
                raise InputUnsupported("values that are missing, infinite, or too large")
        indptr = features.indptr
        n_rows, size = len(indptr) - 1, max(CHUNK_VALUES // self.n_used, 1)

        def run(first: int) -> np.ndarray:
            last = min(first + size, n_rows)
            start, stop = indptr[first], indptr[last]
            column = self.place[features.indices[start:stop]]
            row = np.repeat(np.arange(last - first), np.diff(indptr[first : last + 1]))
            seen = column >= 0
            dense = np.zeros((last - first, self.n_used))
            dense[row[seen], column[seen]] = features.data[start:stop][seen]
            return self.model.raw(dense)

        return np.concatenate(map_in_threads(run, range(0, n_rows, size), n_threads))

    def raw_one(self, positions: np.ndarray, values: np.ndarray) -> np.ndarray:
        """Return the scores (n_outputs,) of one row, of which `Step.entries` are given.

        Raises
        ------
        InputUnsupported
            As `raw` does.
        """
        largest = float(np.abs(values).sum())
        if not largest < _LARGEST_SINGLE:
            raise InputUnsupported("values that are missing, infinite, or too large")
        column = self.place[positions]
        seen = column >= 0
        dense = np.zeros(self.n_used)
        dense[column[seen]] = values[seen]
        return self.model.raw_one(dense)
