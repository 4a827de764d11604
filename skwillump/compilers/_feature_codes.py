"""Features of which one of many is one, as a column of codes.

A one-hot column of a thousand categories is a thousand features, of which a row sets one. Trees ask
for single features; a column that holds which of them is set answers all of their questions, and is
a thousandth of what there is to write and to read.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

_FEW_ROWS = 256
"""Of fewer rows, all features are compared with what their columns hold."""


class FeatureCodes(NamedTuple):
    """Where each feature is found among columns of numbers and of codes."""

    columns: np.ndarray  # intp (n_features,)
    codes: np.ndarray  # intp (n_features,): the feature is one where its column holds it; 0: as is
    n_columns: int

    @property
    def pays(self) -> bool:
        """Whether columns are few, and codes are small enough for kernels."""
        is_small = len(self.codes) > 0 and int(self.codes.max()) < 1 << 15
        return is_small and 4 * self.n_columns <= 3 * len(self.codes)

    def features(self, columns: np.ndarray) -> np.ndarray:
        """Return the features (n_rows, n_features) of columns (n_rows, n_columns)."""
        is_code = self.codes > 0
        if len(columns) < _FEW_ROWS:
            held = columns[:, self.columns]
            return np.where(is_code, held == self.codes, held)
        out = np.zeros((len(columns), len(self.codes)))
        out[:, ~is_code] = columns[:, self.columns[~is_code]]
        for column in np.unique(self.columns[is_code]).tolist():
            own = np.flatnonzero(is_code & (self.columns == column))
            own = own[np.argsort(self.codes[own], kind="stable")]
            held, codes = columns[:, column], self.codes[own]
            if len(np.unique(codes)) < len(codes):  # the one that is held may be several features
                out[:, own] = held[:, None] == codes
                continue
            at = np.minimum(np.searchsorted(codes, held), len(codes) - 1)
            rows = np.flatnonzero(codes[at] == held)
            out[rows, own[at[rows]]] = 1.0
        return out


def of_numbers(n_features: int) -> FeatureCodes:
    """Return features that are all columns of their own."""
    return FeatureCodes(np.arange(n_features), np.zeros(n_features, dtype=np.intp), n_features)


def side_by_side(blocks: Sequence[FeatureCodes]) -> tuple[FeatureCodes, list[slice]]:
    """Return blocks as one, and the columns of each of them."""
    stops = np.cumsum([0, *(block.n_columns for block in blocks)])
    places = [slice(*pair) for pair in pairwise(stops.tolist())]
    columns = [b.columns + place.start for b, place in zip(blocks, places, strict=True)]
    codes = [block.codes for block in blocks]
    nothing = [np.zeros(0, dtype=np.intp)]
    joined = FeatureCodes(
        np.concatenate(nothing + columns), np.concatenate(nothing + codes), int(stops[-1])
    )
    return joined, places
