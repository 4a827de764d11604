"""``MissingIndicator``: flags of missing numbers."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.impute import MissingIndicator

from .._registry import register
from .._steps import Step
from .._unsupported import InputUnsupported, Unsupported, private
from ._steps import TableStep
from ._tables import Table, refuse_infinite


@dataclass(frozen=True, eq=False, kw_only=True)
class IndicatorStep(TableStep):
    """One where a number is missing, zero elsewhere."""

    missing: float  # NaN or another number
    flagged: np.ndarray  # positions of columns with flags
    unexpected: np.ndarray  # positions of columns in which a missing number is an error

    @property
    def fixed_dtype(self) -> np.dtype:
        return np.dtype(bool)

    @property
    def gives_array(self) -> bool:
        return self.original.sparse is not True

    def chunk_features(self, table: Table) -> np.ndarray:
        if table.row is not None:
            if not all(isinstance(value, (int, float, np.number)) for value in table.row):
                raise InputUnsupported("values that are not numbers: none is missing, or all")
        elif table.dtype.kind == "b":
            raise InputUnsupported("booleans")
        block = table.floats(copy=False)
        is_nan = self.missing != self.missing
        refuse_infinite(block, allow_nan=is_nan)
        mask = np.isnan(block) if is_nan else block == self.missing
        if mask[:, self.unexpected].any():
            raise InputUnsupported("a number is missing where none was in fit")
        return mask[:, self.flagged].astype(np.float64)


@register(MissingIndicator)
def compile_missing_indicator(indicator: Any) -> Step:
    """Compile a ``MissingIndicator`` of numbers."""
    if private(indicator, "_precomputed"):
        raise Unsupported("it was fitted on a mask")
    if not isinstance(indicator.missing_values, (int, float)):
        raise Unsupported(f"missing_values={indicator.missing_values!r} is no number")
    others = np.setdiff1d(np.arange(indicator.n_features_in_), indicator.features_)
    return IndicatorStep.from_fitted(
        indicator,
        len(indicator.features_),
        missing=float(indicator.missing_values),
        flagged=np.asarray(indicator.features_),
        unexpected=others if indicator.error_on_new else others[:0],
    )
