"""``SplineTransformer``: numbers to the values of basis splines, within the knots and beyond."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.preprocessing import SplineTransformer

from .._registry import register
from .._steps import Step
from .._unsupported import InputUnsupported, Unsupported
from ._steps import NumberStep
from ._tables import refuse_infinite


@dataclass(frozen=True, eq=False)
class SplineStep(NumberStep):
    """Each column as the values of basis splines."""

    splines: tuple[Any, ...]  # scipy's, of each column
    degree: int
    extrapolation: str  # what values beyond the knots are
    include_bias: bool
    takes_nan: bool
    sparse: bool

    @property
    def gives_array(self) -> bool:
        return not self.sparse

    def apply(self, block: np.ndarray) -> np.ndarray:
        if not self.takes_nan:
            refuse_infinite(block, allow_nan=False)
        parts = []
        for x, spline in zip(block.T, self.splines, strict=True):
            missing = np.isnan(x)
            low, high = spline.t[self.degree], spline.t[-self.degree - 1]
            inside = np.where(missing, low, x)
            if self.extrapolation == "periodic":
                period = high - low
                inside = low + (inside - low) % period if period > 0 else np.zeros_like(x)
                values = spline(inside)
            elif self.extrapolation in ("constant", "linear"):
                values = spline(np.clip(inside, low, high))
                self._extrapolate(values, inside, spline)
            else:
                values = spline(inside)
                if self.extrapolation == "error" and np.isnan(values).any():
                    raise InputUnsupported("a number beyond the knots")
            values[missing] = 0.0
            parts.append(values if self.include_bias else values[:, :-1])
        return np.hstack(parts)

    def _extrapolate(self, values: np.ndarray, x: np.ndarray, spline: Any) -> None:
        """Write the values beyond the knots, where those at the last knots are."""
        low, high = spline.t[self.degree], spline.t[-self.degree - 1]
        below, above = x < low, x > high
        # The other splines are zero at the ends, but for rounding.
        values[below, self.degree :] = 0.0
        values[above, : -self.degree] = 0.0
        if self.extrapolation == "linear" and (below.any() or above.any()):
            first, last = spline(low, nu=1)[: self.degree], spline(high, nu=1)[-self.degree :]
            values[below, : self.degree] += (x[below] - low)[:, None] * first
            values[above, -self.degree :] += (x[above] - high)[:, None] * last


@register(SplineTransformer)
def compile_spline_transformer(transformer: Any) -> Step:
    """Compile a ``SplineTransformer``."""
    extrapolation, degree = transformer.extrapolation, int(transformer.degree)
    if (extrapolation == "constant" and degree == 0) or (extrapolation == "linear" and degree < 2):
        raise Unsupported(f"degree={degree} with extrapolation={extrapolation!r}")
    n_splines = sum(spline.c.shape[1] for spline in transformer.bsplines_)
    left_out = 0 if transformer.include_bias else len(transformer.bsplines_)
    if transformer.n_features_out_ != n_splines - left_out:
        raise Unsupported("include_bias was set after fit")
    return SplineStep.from_fitted(
        transformer,
        int(transformer.n_features_out_),
        splines=tuple(transformer.bsplines_),
        degree=degree,
        extrapolation=extrapolation,
        include_bias=bool(transformer.include_bias),
        # Since 1.8 missing values may be taken for zeros.
        takes_nan=getattr(transformer, "handle_missing", "error") == "zeros",
        sparse=bool(getattr(transformer, "sparse_output", False)),
    )
