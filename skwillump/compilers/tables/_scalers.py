"""Scalers: numbers moved, stretched, clipped, of unit norm, or above a threshold."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from sklearn.preprocessing import (
    Binarizer,
    MaxAbsScaler,
    MinMaxScaler,
    Normalizer,
    RobustScaler,
    StandardScaler,
)

from ..._containers import is_plain_array
from ...kernels._arrays import frozen
from ...kernels.tables._scaled_sums import add_scaled
from .._given_rows import AboveStep, GivenRows
from .._linear_maps import LinearMap
from .._registry import register
from .._steps import Step
from .._unsupported import InputUnsupported, Unsupported
from ._steps import DenseScorer, NumberStep, TableScorer, TableStep, coefficients
from ._tables import Table, refuse_infinite

_FEW_ROWS, _SEVERAL_COLUMNS = 1000, 8
"""Of fewer rows, calls of a kernel for each of so many columns take longer than what they do."""

_MANY_VALUES = 1 << 15
"""Of an array that is laid out column by column: more take scikit-learn no longer to scale."""


@dataclass(frozen=True, eq=False)
class ScaleStep(NumberStep):
    """``(x - subtrahend) / divisor``, or ``x * factor + addend``, then clipping."""

    subtrahend: np.ndarray | None = None
    divisor: np.ndarray | None = None
    factor: np.ndarray | None = None
    addend: np.ndarray | None = None
    limits: tuple[float, float] | None = None

    def rounded_behind(self, is_rounded: np.ndarray) -> np.ndarray:
        return is_rounded

    def apply(self, block: np.ndarray) -> np.ndarray:
        """Do scikit-learn's operations in its order."""
        if self.subtrahend is not None:
            block -= self.subtrahend
        if self.divisor is not None:
            block /= self.divisor
        if self.factor is not None:
            block *= self.factor
            block += self.addend
        if self.limits is not None:
            np.clip(block, *self.limits, out=block)
        return block

    def write_features(self, table: Table, out: np.ndarray) -> None:
        out[:] = table.floats(copy=False)
        refuse_infinite(out, allow_nan=True)
        self.apply(out)

    def transformed(self, X: Any, *, n_threads: int) -> Any:
        by_column = is_plain_array(X) and X.flags.f_contiguous and not X.flags.c_contiguous
        if by_column and X.size > _MANY_VALUES:
            raise InputUnsupported("columns one after the other, which the original scales as fast")
        features = super().transformed(X, n_threads=n_threads)
        return np.asfortranarray(features) if by_column else features

    def linear_map(self) -> LinearMap:
        """Return the step as a linear map, if it keeps zeros."""
        if self.limits is not None:
            raise Unsupported("clip=True is not linear")
        if self.subtrahend is not None or self.factor is not None:
            which = "with_mean=True" if type(self.original) is StandardScaler else "moving zeros"
            raise Unsupported(f"{which} makes sparse features dense")
        return LinearMap(divisors=self.divisor)

    def bind(self, coef: np.ndarray) -> TableScorer:
        """Return a scorer; one without a block in between, if the step allows it."""
        if self.factor is not None or self.limits is not None:
            return TableStep.bind(self, coef)
        coef = frozen(coefficients(self, coef))
        return ScaleScorer(self.spec, coef.shape[1], self, coef)


@dataclass(frozen=True, eq=False)
class ScaleScorer(DenseScorer):
    """A scaler without clipping, bound to coefficients.

    An infinite number makes its row's scores infinite or NaN, so that they are left to the
    original.
    """

    step: ScaleStep

    def chunk_scores(self, table: Table) -> np.ndarray:
        arrays = self._arrays(table)
        if arrays is None:
            return super().chunk_scores(table)
        out = np.zeros((table.n_rows, self.n_outputs))
        self._add_arrays(out, arrays)
        return out

    def add_to(self, total: np.ndarray, table: Table) -> None:
        arrays = self._arrays(table)
        if arrays is None:
            total += super().chunk_scores(table)
        else:
            self._add_arrays(total, arrays)

    def _arrays(self, table: Table) -> list[np.ndarray] | None:
        """Return the columns; None where all of them at once are as fast."""
        is_small = table.n_rows < _FEW_ROWS and table.n_columns >= _SEVERAL_COLUMNS
        return None if is_small else table.arrays()

    def _add_arrays(self, total: np.ndarray, arrays: list[np.ndarray]) -> None:
        """Add what columns contribute, one after the other."""
        step = self.step
        for j, column in enumerate(arrays):
            subtrahend = 0.0 if step.subtrahend is None else step.subtrahend[j]
            divisor = 1.0 if step.divisor is None else step.divisor[j]
            add_scaled(column, subtrahend, divisor, self.coef[j], total)

    def add_to_row(self, total: Any, table: Table) -> Any:
        if self._single is None:
            return total + self.row(table)
        for value, coef in zip(
            self.step.chunk_features(table)[0].tolist(), self._single, strict=True
        ):
            total += value * coef
        return total

    @cached_property
    def _single(self) -> list[float] | None:
        """Coefficients of one output."""
        return self.coef[:, 0].tolist() if self.n_outputs == 1 else None

    def warm_up(self) -> None:
        out = np.zeros((1, self.n_outputs))
        add_scaled(frozen(np.zeros(1)), 0.0, 1.0, self.coef[0], out)


def _doubles(values: Any) -> np.ndarray | None:
    return None if values is None else np.array(values, dtype=np.float64)


@register(StandardScaler, is_linear=True)
def compile_standard_scaler(scaler: Any) -> Step:
    """Compile a ``StandardScaler``."""
    return ScaleStep.from_fitted(
        scaler,
        subtrahend=_doubles(scaler.mean_ if scaler.with_mean else None),
        divisor=_doubles(scaler.scale_ if scaler.with_std else None),
    )


@register(RobustScaler, is_linear=True)
def compile_robust_scaler(scaler: Any) -> Step:
    """Compile a ``RobustScaler``."""
    return ScaleStep.from_fitted(
        scaler,
        subtrahend=_doubles(scaler.center_ if scaler.with_centering else None),
        divisor=_doubles(scaler.scale_ if scaler.with_scaling else None),
    )


@register(MaxAbsScaler, is_linear=True)
def compile_max_abs_scaler(scaler: Any) -> Step:
    """Compile a ``MaxAbsScaler``."""
    clip = getattr(scaler, "clip", False)  # since 1.8
    limits = (-1.0, 1.0) if clip else None
    return ScaleStep.from_fitted(scaler, divisor=_doubles(scaler.scale_), limits=limits)


@register(MinMaxScaler)
def compile_min_max_scaler(scaler: Any) -> Step:
    """Compile a ``MinMaxScaler``."""
    low, high = scaler.feature_range
    return ScaleStep.from_fitted(
        scaler,
        factor=_doubles(scaler.scale_),
        addend=_doubles(scaler.min_),
        limits=(float(low), float(high)) if scaler.clip else None,
    )


@dataclass(frozen=True, eq=False)
class NormalizeStep(NumberStep):
    """Rows of unit norm."""

    norm: str

    allow_nan = False

    def apply(self, block: np.ndarray) -> np.ndarray:
        """Divide each row by its norm; rows of zeros stay."""
        if self.norm == "l2":
            norms = np.sqrt(np.einsum("ij,ij->i", block, block))
        elif self.norm == "l1":
            norms = np.abs(block).sum(axis=1)
        else:
            norms = np.abs(block).max(axis=1)
        # As small as scikit-learn takes for zero.
        norms[norms < 10 * np.finfo(np.float64).eps] = 1.0
        block /= norms[:, None]
        return block


@register(Normalizer)
def compile_normalizer(normalizer: Any) -> Step:
    """Compile a ``Normalizer``."""
    return NormalizeStep.from_fitted(normalizer, norm=normalizer.norm)


@dataclass(frozen=True, eq=False)
class BinarizeStep(NumberStep):
    """One above a threshold, zero elsewhere."""

    threshold: float

    allow_nan = False
    fixed_dtype = None  # integers stay integers

    def apply(self, block: np.ndarray) -> np.ndarray:
        return (block > self.threshold).astype(np.float64)

    def on_sparse_rows(self) -> Step:
        if self.threshold < 0.0:
            raise Unsupported("what is not there is above the threshold")
        rows = GivenRows.of(self.original).in_doubles()
        return AboveStep(original=self.original, rows=rows, threshold=self.threshold)


@register(Binarizer)
def compile_binarizer(binarizer: Any) -> Step:
    """Compile a ``Binarizer``."""
    return BinarizeStep.from_fitted(binarizer, threshold=float(binarizer.threshold))
