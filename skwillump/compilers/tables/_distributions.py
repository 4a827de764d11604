"""Numbers made to follow a distribution: power and quantile transforms."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import special, stats
from sklearn.preprocessing import PowerTransformer, QuantileTransformer

from .._registry import register
from .._steps import Step
from .._unsupported import InputUnsupported, private
from ._steps import NumberStep
from ._tables import refuse_infinite


@dataclass(frozen=True, eq=False)
class PowerStep(NumberStep):
    """A power transform of each column, and the scaler after it."""

    function: Callable[[np.ndarray, Any], np.ndarray]  # of a column, or of all of them
    lambdas: np.ndarray  # float32 where that was fitted: it is computed with as such
    by_column: bool
    positive: bool  # whether numbers must be
    mean: np.ndarray | None
    scale: np.ndarray | None

    def apply(self, block: np.ndarray) -> np.ndarray:
        if self.positive and not np.all((block > 0) | np.isnan(block)):
            raise InputUnsupported("a number is not positive")
        with np.errstate(invalid="ignore"):
            if not self.by_column:
                block = self.function(block, self.lambdas)
            else:
                for column, power in zip(block.T, self.lambdas, strict=True):
                    column[:] = self.function(column, power)
        if self.scale is not None:
            refuse_infinite(block, allow_nan=True)
            block -= self.mean
            block /= self.scale
        return block


def _yeo_johnson(block: np.ndarray, lambdas: np.ndarray) -> np.ndarray:
    """Return what SciPy does of each column, whose function spends more on asking what that is."""
    negative = block < 0.0
    powers = np.where(negative, 2 - lambdas, lambdas)
    logs = np.log1p(np.abs(block))
    with np.errstate(divide="ignore"):
        sizes = np.expm1(powers * logs) / powers
    found: np.ndarray = np.where(np.abs(powers) < np.spacing(1.0), logs, sizes)
    return np.negative(found, out=found, where=negative)


def _is_scipys(function: Callable[[np.ndarray, Any], np.ndarray], lambdas: np.ndarray) -> bool:
    """Tell whether a function is `_yeo_johnson`, as it is in some releases."""
    probes = np.array([-1e3, -2.5, -1e-9, -0.0, 0.0, 1e-9, 0.3, 7.0, 1e6, np.nan])
    found = _yeo_johnson(np.repeat(probes[:, None], len(lambdas), axis=1), lambdas)
    each = [function(probes, power) for power in lambdas]
    return np.array_equal(found, np.stack(each, axis=1), equal_nan=True)


@register(PowerTransformer)
def compile_power_transformer(power: Any) -> Step:
    """Compile a ``PowerTransformer``."""
    # Until 1.7 scikit-learn had the function itself.
    yeo_johnson = getattr(power, "_yeo_johnson_transform", stats.yeojohnson)
    lambdas = np.array(power.lambdas_)
    if power.method == "box-cox":
        function = special.boxcox
    else:
        function = _yeo_johnson if _is_scipys(yeo_johnson, lambdas) else yeo_johnson
    scaler = private(power, "_scaler") if power.standardize else None
    return PowerStep.from_fitted(
        power,
        function=function,
        lambdas=lambdas,
        by_column=function is yeo_johnson,
        positive=power.method == "box-cox",
        mean=None if scaler is None else np.array(scaler.mean_, dtype=np.float64),
        scale=None if scaler is None else np.array(scaler.scale_, dtype=np.float64),
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
    return QuantileStep.from_fitted(
        transformer,
        quantiles=np.array(transformer.quantiles_, dtype=np.float64),
        references=np.array(transformer.references_, dtype=np.float64),
        normal=transformer.output_distribution == "normal",
    )
