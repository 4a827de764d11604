"""``FeatureAgglomeration``: the means of columns that are alike."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.cluster import FeatureAgglomeration

from .._registry import register
from .._steps import Step
from .._unsupported import Unsupported
from ._steps import NumberStep


@dataclass(frozen=True, eq=False, kw_only=True)
class PoolStep(NumberStep):
    """Means of groups of columns, added up one after the other."""

    groups: tuple[np.ndarray, ...]  # positions of columns

    allow_nan = False

    def apply(self, block: np.ndarray) -> np.ndarray:
        out = np.zeros((len(block), self.n_features))
        for total, group in zip(out.T, self.groups, strict=True):
            for column in group:
                total += block[:, column]
            total /= len(group)
        return out


@register(FeatureAgglomeration)
def compile_agglomeration(clusters: Any) -> Step:
    """Compile a ``FeatureAgglomeration``."""
    if clusters.pooling_func is not np.mean:
        raise Unsupported("its pooling_func is not numpy.mean")
    labels = np.asarray(clusters.labels_)
    groups = tuple(np.flatnonzero(labels == label) for label in range(labels.max() + 1))
    return PoolStep.from_fitted(clusters, len(groups), groups=groups)
