"""What `TransformedTargetRegressor` makes of its member's values: it transforms them back."""

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np
from scipy import special
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    PowerTransformer,
    QuantileTransformer,
    RobustScaler,
    StandardScaler,
)

from ..compilers import InputUnsupported, Unsupported, check_scores
from ..compilers._unsupported import private
from ._combined import Combined, combines
from ._joined import JoinedModel

Inverse = Callable[[np.ndarray], np.ndarray]
"""From values (n_rows, n_targets) of float64 or float32, which it may change, to others."""


@combines("TransformedTargetRegressor")
class TransformedTarget(Combined):
    """`TransformedTargetRegressor` with a function, or a transformer that is known."""

    @classmethod
    def reads(cls, joined: JoinedModel) -> bool:
        try:
            return len(joined.members) == 1 and _inverse(joined.original.transformer_) is not None
        except Unsupported:  # a private attribute is not there
            return False

    @cached_property
    def _transform_back(self) -> Inverse:
        found = _inverse(self.original.transformer_)
        assert found is not None
        return found

    def responses(self, scores: np.ndarray) -> np.ndarray:
        return scores

    def labels(self, scores: np.ndarray) -> np.ndarray:
        values = np.array(self.members[0].predict(scores))
        check_scores(values)
        if values.dtype.kind != "f":
            raise InputUnsupported(f"values of {values.dtype}")
        found = self._transform_back(values.reshape(len(values), -1))
        of_one = private(self.original, "_training_dim") == 1
        return found.squeeze(axis=1) if of_one and found.shape[1:] == (1,) else found


def _inverse(transformer: Any) -> Inverse | None:
    """Return what a transformer does to transform back; None where it is not known."""
    make = _INVERSES.get(type(transformer))
    return None if make is None else make(transformer)


def _of_function(transformer: FunctionTransformer) -> Inverse | None:
    if transformer.inv_kw_args:
        return None
    return transformer.inverse_func or (lambda values: values)


def _of_standard(scaler: StandardScaler) -> Inverse:
    def back(values: np.ndarray) -> np.ndarray:
        if values.dtype != np.float64:  # releases differ in when they round
            return np.asarray(scaler.inverse_transform(values))
        if scaler.scale_ is not None and scaler.with_std:
            values *= scaler.scale_
        if scaler.with_mean:
            values += scaler.mean_
        return values

    return back


def _of_min_max(scaler: MinMaxScaler) -> Inverse:
    def back(values: np.ndarray) -> np.ndarray:
        values -= scaler.min_
        values /= scaler.scale_
        return values

    return back


def _of_scale(scaler: Any) -> Inverse:
    def back(values: np.ndarray) -> np.ndarray:
        if getattr(scaler, "with_scaling", True):
            values *= scaler.scale_
        if getattr(scaler, "with_centering", False):
            values += scaler.center_
        return values

    return back


def _of_power(power: PowerTransformer) -> Inverse:
    if power.method == "box-cox":
        of_column = special.inv_boxcox
    else:
        of_column = private(power, "_yeo_johnson_inverse_transform")
    standardized = _of_standard(private(power, "_scaler")) if power.standardize else None

    def back(values: np.ndarray) -> np.ndarray:
        if standardized is not None:
            values = standardized(values)
        with np.errstate(all="ignore"):
            for at, exponent in enumerate(power.lambdas_):
                values[:, at] = of_column(values[:, at], exponent)
        if not np.isfinite(values).all():
            raise InputUnsupported("values of which it warns")
        return values

    return back


def _of_quantiles(transformer: QuantileTransformer) -> Inverse:
    transform = private(transformer, "_transform")
    return lambda values: transform(values, inverse=True)


_INVERSES: dict[type, Callable[[Any], Inverse | None]] = {
    FunctionTransformer: _of_function,
    StandardScaler: _of_standard,
    MinMaxScaler: _of_min_max,
    RobustScaler: _of_scale,
    MaxAbsScaler: _of_scale,
    PowerTransformer: _of_power,
    QuantileTransformer: _of_quantiles,
}
"""By the exact type of a transformer, scikit-learn's operations without its checks."""
