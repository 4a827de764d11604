"""Thresholds of trees that rounding could pass.

Thresholds of scikit-learn's histograms may be values of rows of the fit, in double precision. Some
features are the original's up to rounding alone, such as projections. A row that was fitted, or has
the same values as one, may then be on the other side of a threshold. Zeros are sums of nothing,
such as of a text without known words, and are not rounded.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np

from ...kernels.trees._columns import CATEGORIES, LOWEST
from ...kernels.trees._walks import IS_SET, Trees

_NEAR = 1e-10
"""Values closer to a threshold than this share of a feature's largest may be on either side."""


@dataclass(frozen=True, eq=False)
class Edges:
    """The thresholds of features that may be rounded."""

    features: np.ndarray  # intp (n_rounded,)
    thresholds: np.ndarray  # float64 (n_rounded, n_most): of each, sorted; the last one repeated
    margins: np.ndarray  # float64 (n_rounded,)

    @classmethod
    def of(cls, trees: Trees, is_rounded: np.ndarray) -> Self | None:
        """Return those of some trees; None where they look at no feature that may be rounded.

        Parameters
        ----------
        trees : Trees
        is_rounded : ndarray of bool of shape (n_features,)
        """
        column = (trees.nodes[1::2] & np.uint64(IS_SET - 1)).astype(np.intp)
        feature, how = trees.columns[column, 0].astype(np.intp), trees.columns[column, 1]
        values = trees.nodes[::2].view(np.float64)
        is_asked = is_rounded[feature] & (how != LOWEST) & ~np.isin(how, CATEGORIES)
        is_asked &= np.isfinite(values)
        asked = np.unique(feature[is_asked])
        if not len(asked):
            return None
        each = [np.unique(values[is_asked & (feature == one)]) for one in asked]
        width = max(map(len, each))
        padded = np.array([np.pad(own, (0, width - len(own)), mode="edge") for own in each])
        return cls(asked, padded, _NEAR * np.abs(padded).max(axis=1))

    def near(self, features: np.ndarray) -> np.ndarray:
        """Tell which rows of features (n_rows, n_features) are next to a threshold, (n_rows,)."""
        is_near = np.zeros(len(features), dtype=bool)
        known = zip(self.features, self.thresholds, self.margins, strict=True)
        for feature, thresholds, margin in known:
            values = features[:, feature]
            above = np.searchsorted(thresholds, values).clip(max=len(thresholds) - 1)
            below = np.maximum(above - 1, 0)
            nearest = np.minimum(
                np.abs(thresholds[above] - values), np.abs(thresholds[below] - values)
            )
            is_near |= (nearest <= margin) & (values != 0.0)
        return is_near

    def is_near(self, features: np.ndarray) -> bool:
        """Tell whether one row of features (n_features,) is."""
        values = features[self.features, None]
        is_near = np.abs(self.thresholds - values) <= self.margins[:, None]
        return bool((is_near & (values != 0.0)).any())
