"""``OneClassSVM``: whether a row is like those of the fit."""

from typing import Any

import numpy as np
from sklearn.svm import OneClassSVM

from .._registry import register
from ._outer import OutlierModel
from ._support_vectors import machine_with_kernel


class OneClassModel(OutlierModel):
    """A machine of one class; its scores are libsvm's decision values."""

    def score_samples(self, scores: np.ndarray) -> np.ndarray:
        return scores[:, 0] + self.offset

    def decision_function(self, scores: np.ndarray) -> np.ndarray:
        """Return the same less what is asked of a row that is no outlier."""
        return scores[:, 0]


@register(OneClassSVM, gives=OneClassModel)
def compile_one_class(machine: Any) -> OneClassModel:
    """Read a fitted machine of one class."""
    inner = machine_with_kernel(machine, None, size=1.0)
    return OneClassModel(inner=inner, offset=float(machine.offset_[0]))
