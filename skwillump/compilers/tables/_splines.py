"""``SplineTransformer``, where splines end in constants or go on."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.preprocessing import SplineTransformer

from .._registry import register
from .._steps import Step
from .._unsupported import Unsupported
from ._guards import refuse_infinite
from ._steps import NumberStep


@dataclass(frozen=True, eq=False)
class SplineStep(NumberStep):
    """Each column as the values of basis splines."""

    splines: tuple[Any, ...]  # scipy's, of each column
    degree: int
    constant: bool  # whether values beyond the knots are those at the last knot
    include_bias: bool
    takes_nan: bool
    sparse: bool

    @property
    def gives_floats(self) -> bool:
        """Say yes if features are dense."""
        return not self.sparse

    def apply(self, block: np.ndarray) -> np.ndarray:
        if not self.takes_nan:
            refuse_infinite(block, allow_nan=False)
        parts = []
        for x, spline in zip(block.T, self.splines, strict=True):
            missing = np.isnan(x)
            inside = np.where(missing, spline.t[self.degree], x)
            if self.constant:
                low, high = spline.t[self.degree], spline.t[-self.degree - 1]
                below, above = inside < low, inside > high
                inside = np.clip(inside, low, high)
            values = spline(inside)
            if self.constant:
                # The other splines are zero at the ends, but for rounding.
                values[below, self.degree :] = 0.0
                values[above, : -self.degree] = 0.0
            values[missing] = 0.0
            parts.append(values if self.include_bias else values[:, :-1])
        return np.hstack(parts)


@register(SplineTransformer)
def compile_spline_transformer(transformer: Any) -> Step:
    """Compile a ``SplineTransformer``."""
    if transformer.extrapolation not in ("constant", "continue"):
        raise Unsupported(f"extrapolation={transformer.extrapolation!r}")
    if transformer.extrapolation == "constant" and transformer.degree == 0:
        raise Unsupported("degree=0 with extrapolation='constant'")
    n_splines = sum(spline.c.shape[1] for spline in transformer.bsplines_)
    left_out = 0 if transformer.include_bias else len(transformer.bsplines_)
    if transformer.n_features_out_ != n_splines - left_out:
        raise Unsupported("include_bias was set after fit")
    return SplineStep.from_fitted(
        transformer,
        int(transformer.n_features_out_),
        splines=tuple(transformer.bsplines_),
        degree=int(transformer.degree),
        constant=transformer.extrapolation == "constant",
        include_bias=bool(transformer.include_bias),
        # Since 1.8 missing values may be taken for zeros.
        takes_nan=getattr(transformer, "handle_missing", "error") == "zeros",
        sparse=bool(getattr(transformer, "sparse_output", False)),
    )
