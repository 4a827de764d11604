"""``RBFSampler`` and ``SkewedChi2Sampler``: cosines of random projections."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.kernel_approximation import RBFSampler, SkewedChi2Sampler

from .._registry import register
from .._steps import Step
from .._unsupported import InputUnsupported, check_in_double
from ._steps import NumberStep
from ._tables import Table, refuse_infinite

_LARGEST = 1e3
"""Size of the sums that a cosine is taken of, at most: their rounding errors grow with it."""


@dataclass(frozen=True, eq=False, kw_only=True)
class CosineStep(NumberStep):
    """``cos(x @ weights + offset) * scale``, of logarithms where numbers are skewed."""

    weights: np.ndarray  # (n_columns, n_features)
    offset: np.ndarray  # (n_features,)
    scale: float
    skewedness: float | None = None  # added before the logarithm

    allow_nan = False
    is_rounded = True

    def apply(self, block: np.ndarray) -> np.ndarray:
        out = np.empty((len(block), self.n_features))
        self._write(block, out)
        return out

    def write_features(self, table: Table, out: np.ndarray) -> None:
        """Write the features of a chunk of rows: they are wide, and are not copied."""
        block = table.floats()
        refuse_infinite(block, allow_nan=False)
        self._write(block, out)

    def _write(self, block: np.ndarray, out: np.ndarray) -> None:
        """Do scikit-learn's operations in its order."""
        if self.skewedness is not None:
            if (block <= -self.skewedness).any():
                raise InputUnsupported("a number that has no logarithm")
            block += self.skewedness
            np.log(block, block)
        size = np.abs(block).max(initial=0.0) * np.abs(self.weights).sum(axis=0).max(initial=0.0)
        if not size <= _LARGEST:
            raise InputUnsupported("cosines of large numbers")
        np.matmul(block, self.weights, out=out)
        out += self.offset
        np.cos(out, out)
        out *= self.scale


@register(RBFSampler, SkewedChi2Sampler)
def compile_sampler(sampler: Any) -> Step:
    """Compile an ``RBFSampler`` or ``SkewedChi2Sampler``."""
    check_in_double(sampler.random_weights_)
    is_skewed = isinstance(sampler, SkewedChi2Sampler)
    n = sampler.n_components
    return CosineStep.from_fitted(
        sampler,
        sampler.random_weights_.shape[1],
        weights=np.array(sampler.random_weights_),
        offset=np.array(sampler.random_offset_),
        scale=float(np.sqrt(2.0) / np.sqrt(n)) if is_skewed else (2.0 / n) ** 0.5,
        skewedness=float(sampler.skewedness) if is_skewed else None,
    )
