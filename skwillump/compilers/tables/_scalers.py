"""Transformers of numbers to numbers: scalers, normalizers, power and quantile transforms."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

import numpy as np
from scipy import special, stats
from sklearn.preprocessing import (
    Binarizer,
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    Normalizer,
    PowerTransformer,
    QuantileTransformer,
    RobustScaler,
    StandardScaler,
)
from sklearn.utils import check_array

from ...kernels._arrays import frozen
from ...kernels.tables._scaled_sums import add_scaled
from .._linear_maps import LinearMap
from .._own_code import Own, own_code
from .._registry import register
from .._steps import Step
from .._unsupported import InputUnsupported, Unsupported, private
from ._columns import refuse_single
from ._guards import refuse_large_integers, refuse_objects
from ._input import InputSpec
from ._steps import DenseScorer, IntegerStep, TableScorer, TableStep, coefficients
from ._tables import Table


def refuse_infinite(block: np.ndarray, *, allow_nan: bool) -> None:
    """Raise `InputUnsupported` for numbers that scikit-learn's validation refuses."""
    total = float(block.sum())
    if total - total == 0.0:
        return
    fine = ~np.isinf(block) if allow_nan else np.isfinite(block)
    if not fine.all():
        raise InputUnsupported("a number is infinite" if allow_nan else "a number is not finite")


@dataclass(frozen=True, eq=False)
class NumberStep(TableStep):
    """A step of which all columns are numbers."""

    original: Any
    spec: InputSpec
    n_features: int

    allow_nan = True

    @property
    def gives_floats(self) -> bool:
        """Say yes: those that keep integers say otherwise."""
        return True

    def part(self, table: Table) -> np.ndarray:
        """Return the features of a chunk of rows."""
        block = table.floats()
        refuse_infinite(block, allow_nan=self.allow_nan)
        return self.apply(block)

    def apply(self, block: np.ndarray) -> np.ndarray:
        """Return the features of a block of numbers, which may be changed in place."""
        raise NotImplementedError


@dataclass(frozen=True, eq=False)
class ScaleStep(NumberStep):
    """``(x - subtrahend) / divisor``, or ``x * factor + addend``, then clipping."""

    subtrahend: np.ndarray | None = None
    divisor: np.ndarray | None = None
    factor: np.ndarray | None = None
    addend: np.ndarray | None = None
    limits: tuple[float, float] | None = None

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

    def part(self, table: Table) -> np.ndarray:
        """Return the scores of a chunk of rows."""
        arrays = table.arrays()
        if arrays is None:
            return super().part(table)
        out = np.zeros((table.n_rows, self.n_outputs))
        self._add_arrays(out, arrays)
        return out

    def add_to(self, total: np.ndarray, table: Table) -> None:
        """Add the scores of a chunk of rows to what stands before them."""
        arrays = table.arrays()
        if arrays is None:
            total += super().part(table)
        else:
            self._add_arrays(total, arrays)

    def _add_arrays(self, total: np.ndarray, arrays: list[np.ndarray]) -> None:
        """Add what columns contribute, one after the other."""
        step = self.step
        for j, column in enumerate(arrays):
            subtrahend = 0.0 if step.subtrahend is None else step.subtrahend[j]
            divisor = 1.0 if step.divisor is None else step.divisor[j]
            add_scaled(column, subtrahend, divisor, self.coef[j], total)

    def add_to_row(self, total: Any, table: Table) -> Any:
        """Return the scores of one row, added to what stands before them."""
        if self._single is None:
            return total + self.row(table)
        for value, coef in zip(self.step.part(table)[0].tolist(), self._single, strict=True):
            total += value * coef
        return total

    @cached_property
    def _single(self) -> list[float] | None:
        """Coefficients of one output."""
        return self.coef[:, 0].tolist() if self.n_outputs == 1 else None

    def warm_up(self) -> None:
        """Compile or load the kernel."""
        out = np.zeros((1, self.n_outputs))
        add_scaled(frozen(np.zeros(1)), 0.0, 1.0, self.coef[0], out)


def _doubles(values: Any) -> np.ndarray | None:
    return None if values is None else np.array(values, dtype=np.float64)


def _scale_step(scaler: Any, **values: Any) -> ScaleStep:
    spec = InputSpec.of(scaler)
    return ScaleStep(scaler, spec, spec.n_columns, **values)


@register(StandardScaler, is_linear=True)
def compile_standard_scaler(scaler: Any) -> Step:
    """Compile a ``StandardScaler``."""
    return _scale_step(
        scaler,
        subtrahend=_doubles(scaler.mean_ if scaler.with_mean else None),
        divisor=_doubles(scaler.scale_ if scaler.with_std else None),
    )


@register(RobustScaler, is_linear=True)
def compile_robust_scaler(scaler: Any) -> Step:
    """Compile a ``RobustScaler``."""
    return _scale_step(
        scaler,
        subtrahend=_doubles(scaler.center_ if scaler.with_centering else None),
        divisor=_doubles(scaler.scale_ if scaler.with_scaling else None),
    )


@register(MaxAbsScaler, is_linear=True)
def compile_max_abs_scaler(scaler: Any) -> Step:
    """Compile a ``MaxAbsScaler``."""
    clip = getattr(scaler, "clip", False)  # since 1.8
    limits = (-1.0, 1.0) if clip else None
    return _scale_step(scaler, divisor=_doubles(scaler.scale_), limits=limits)


@register(MinMaxScaler)
def compile_min_max_scaler(scaler: Any) -> Step:
    """Compile a ``MinMaxScaler``."""
    low, high = scaler.feature_range
    return _scale_step(
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
    spec = InputSpec.of(normalizer)
    return NormalizeStep(normalizer, spec, spec.n_columns, normalizer.norm)


@dataclass(frozen=True, eq=False)
class BinarizeStep(NumberStep):
    """One above a threshold, zero elsewhere."""

    threshold: float

    allow_nan = False

    @property
    def fixed_dtype(self) -> None:
        """Say none: integers stay integers."""
        return None

    @property
    def gives_floats(self) -> bool:
        """Say no: integers stay integers."""
        return False

    def apply(self, block: np.ndarray) -> np.ndarray:
        """Compare with the threshold."""
        return (block > self.threshold).astype(np.float64)


@register(Binarizer)
def compile_binarizer(binarizer: Any) -> Step:
    """Compile a ``Binarizer``."""
    spec = InputSpec.of(binarizer)
    return BinarizeStep(binarizer, spec, spec.n_columns, float(binarizer.threshold))


@dataclass(frozen=True, eq=False)
class PowerStep(NumberStep):
    """A power transform of each column, and the scaler after it."""

    functions: tuple[Callable[[np.ndarray, float], np.ndarray], ...]
    lambdas: tuple[float, ...]
    positive: bool  # whether numbers must be
    mean: np.ndarray | None
    scale: np.ndarray | None

    def apply(self, block: np.ndarray) -> np.ndarray:
        """Transform column by column."""
        if self.positive and not np.all((block > 0) | np.isnan(block)):
            raise InputUnsupported("a number is not positive")
        with np.errstate(invalid="ignore"):
            for column, function, power in zip(block.T, self.functions, self.lambdas, strict=True):
                column[:] = function(column, power)
        if self.scale is not None:
            refuse_infinite(block, allow_nan=True)
            block -= self.mean
            block /= self.scale
        return block


@register(PowerTransformer)
def compile_power_transformer(power: Any) -> Step:
    """Compile a ``PowerTransformer``."""
    spec = InputSpec.of(power)
    # Until 1.7 scikit-learn had the function itself.
    yeo_johnson = getattr(power, "_yeo_johnson_transform", stats.yeojohnson)
    function = special.boxcox if power.method == "box-cox" else yeo_johnson
    scaler = private(power, "_scaler") if power.standardize else None
    return PowerStep(
        power,
        spec,
        spec.n_columns,
        functions=(function,) * spec.n_columns,
        lambdas=tuple(np.asarray(power.lambdas_, dtype=np.float64).tolist()),
        positive=power.method == "box-cox",
        mean=None if scaler is None else _doubles(scaler.mean_),
        scale=None if scaler is None else _doubles(scaler.scale_),
    )


_BOUND = 1e-7
"""Numbers closer than this to the first and last quantiles are taken for them."""


@dataclass(frozen=True, eq=False)
class QuantileStep(NumberStep):
    """Each column's empirical distribution function, then that of a normal distribution."""

    quantiles: np.ndarray  # (n_quantiles, n_columns)
    references: np.ndarray  # (n_quantiles,)
    normal: bool

    def apply(self, block: np.ndarray) -> np.ndarray:
        """Interpolate between the quantiles."""
        for column, quantiles in zip(block.T, self.quantiles.T, strict=True):
            column[:] = self._column(column, quantiles)
        return block

    def _column(self, x: np.ndarray, quantiles: np.ndarray) -> np.ndarray:
        low, high = quantiles[0], quantiles[-1]
        if self.normal:
            below, above = x - _BOUND < low, x + _BOUND > high
        else:
            below, above = x == low, x == high
        known = ~np.isnan(x)
        finite = x[known]
        # The mean of the two ends of equal quantiles: one is found going up, one going down.
        up = np.interp(finite, quantiles, self.references)
        down = np.interp(-finite, -quantiles[::-1], -self.references[::-1])
        shares = x.copy()
        shares[known] = 0.5 * (up - down)
        shares[above] = 1.0
        shares[below] = 0.0
        if not self.normal:
            return shares
        scores = special.ndtri(shares)
        least = special.ndtri(_BOUND - np.spacing(1))
        greatest = special.ndtri(1 - (_BOUND - np.spacing(1)))
        return np.clip(scores, least, greatest)


@register(QuantileTransformer)
def compile_quantile_transformer(transformer: Any) -> Step:
    """Compile a ``QuantileTransformer``."""
    spec = InputSpec.of(transformer)
    return QuantileStep(
        transformer,
        spec,
        spec.n_columns,
        quantiles=np.array(transformer.quantiles_, dtype=np.float64),
        references=np.array(transformer.references_, dtype=np.float64),
        normal=transformer.output_distribution == "normal",
    )


@dataclass(frozen=True, eq=False)
class IdentityStep(IntegerStep):
    """Columns that pass."""

    original: Any
    spec: InputSpec
    n_features: int
    doubles: bool = False  # whether float32 is refused, in which what follows would be computed

    @property
    def fixed_dtype(self) -> None:
        """Say none: columns keep their dtype."""
        return None

    def in_doubles(self) -> "IdentityStep":
        """Return a twin that refuses float32."""
        return replace(self, doubles=True)

    def part(self, table: Table) -> np.ndarray:
        """Return the columns as numbers."""
        if self.doubles:
            refuse_single(table.dtype)
        block = table.floats(strict=False)
        if self.guards_integers:
            refuse_objects(table)
            refuse_large_integers(block, table)
        return block

    def next_table(self, table: Table) -> Table:
        """Return the same columns."""
        return table


@dataclass(frozen=True, eq=False)
class FunctionStep(NumberStep):
    """A numpy function of each number."""

    function: np.ufunc
    validates: bool = False  # whether the numbers must be finite

    @property
    def gives_floats(self) -> bool:
        """Say no: data frames stay data frames."""
        return False

    def part(self, table: Table) -> np.ndarray:
        """Apply the function."""
        block = table.floats()
        if self.validates:
            refuse_infinite(block, allow_nan=False)
        for dtype in table.dtypes():
            # Smaller integers become smaller floats.
            as_double = dtype.kind in "iu" and dtype.itemsize >= 4 and not self._knows_integers()
            if dtype != np.float64 and not as_double:
                raise InputUnsupported(f"the function computes in {dtype}")
        return np.asarray(self.function(block), dtype=np.float64)

    def _knows_integers(self) -> bool:
        return any(types[0] in "bBhHiIlLqQ" for types in self.function.types)


@dataclass(frozen=True, eq=False)
class DoublesStep(NumberStep):
    """Columns as numbers of float64, of which any may be missing or infinite."""

    def part(self, table: Table) -> np.ndarray:
        """Return the columns as numbers."""
        block = table.floats(strict=False)
        refuse_objects(table)
        return block


def _makes_doubles(function: Any) -> bool:
    """Tell whether a function is scikit-learn's check of arrays, which makes float64 of any number.

    Boosted trees with categories have it for their other columns.
    """
    if type(function) is not partial or function.func is not check_array or function.args:
        return False
    options = dict(function.keywords)
    return options == {"dtype": [np.float64], "ensure_all_finite": False}


@register(FunctionTransformer)
def compile_function_transformer(transformer: Any) -> Step:
    """Compile a ``FunctionTransformer`` of nothing or of one of numpy's element-wise functions."""
    spec = InputSpec.of(transformer)
    function: Any = transformer.func
    if function is None:
        if transformer.validate:
            raise Unsupported("validate=True, without a function")
        return IdentityStep(transformer, spec, spec.n_columns)
    if own_code(transformer) is Own.SAME:
        return IdentityStep(transformer, spec, spec.n_columns)
    if _makes_doubles(function) and not transformer.kw_args and not transformer.validate:
        return DoublesStep(transformer, spec, spec.n_columns)
    if transformer.kw_args:
        raise Unsupported("its function is called with kw_args")
    if not any(function is known for known in vars(np).values()):
        raise Unsupported("its function is none of numpy's own ufuncs")
    if not isinstance(function, np.ufunc) or "d->d" not in function.types:
        raise Unsupported("its function is no numpy ufunc of one number to one number")
    return FunctionStep(
        transformer,
        spec,
        spec.n_columns,
        function=function,
        validates=bool(transformer.validate),
    )
