"""Imputers that are models: only rows with missing numbers are for them.

`KNNImputer` and `IterativeImputer` answer each row by itself, and leave a row without missing
numbers as it is. Such rows pass; the others go to the imputer, at the price that it has anyway.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.impute import KNNImputer

from ..._compat import IterativeImputer
from .._registry import register
from .._steps import Step
from .._unsupported import InputUnsupported, Unsupported, private
from ._categories import without_names
from ._imputers import fitted_indicator
from ._steps import NumberStep


@dataclass(frozen=True, eq=False)
class ImputeRowsStep(NumberStep):
    """Rows with missing numbers through the imputer, then flags of some columns."""

    imputer: Any  # the original, for arrays without names

    def apply(self, block: np.ndarray) -> np.ndarray:
        mask = np.isnan(block)
        rows = np.flatnonzero(mask.any(axis=1))
        n_columns = block.shape[1]
        features = block
        if self.n_features > n_columns:
            features = np.zeros((len(block), self.n_features))
            features[:, :n_columns] = block
        if len(rows):
            if mask[rows].all():
                raise InputUnsupported("rows without numbers, of which the whole batch tells")
            filled = np.asarray(self.imputer.transform(block[rows]), dtype=np.float64)
            if filled.shape[1] != self.n_features:
                raise InputUnsupported(f"{filled.shape[1]} features where {self.n_features} were")
            features[rows] = filled
        return features


@register(KNNImputer)
def compile_neighbors_imputer(imputer: Any) -> Step:
    """Compile a `KNNImputer`."""
    if callable(imputer.metric) or callable(imputer.weights):
        raise Unsupported("a function tells the distances or weights of many rows")
    return _of_rows(imputer, private(imputer, "_mask_fit_X").all(axis=0))


@register(IterativeImputer)
def compile_iterative_imputer(imputer: Any) -> Step:
    """Compile an `IterativeImputer`."""
    if imputer.sample_posterior:
        raise Unsupported("sample_posterior=True draws at random")
    if imputer.verbose:
        raise Unsupported("verbose prints at each call")
    for step in imputer.imputation_sequence_:
        if type(step.estimator).__module__.partition(".")[0] != "sklearn":
            raise Unsupported(f"{type(step.estimator).__name__} may look at many rows at once")
    return _of_rows(imputer, np.asarray(private(imputer, "_is_empty_feature")))


def _of_rows(imputer: Any, without_values: np.ndarray) -> ImputeRowsStep:
    if not (isinstance(imputer.missing_values, float) and np.isnan(imputer.missing_values)):
        raise Unsupported(f"missing_values={imputer.missing_values!r}, not NaN")
    if without_values.any():
        raise Unsupported("a column without values was fitted")
    indicator = fitted_indicator(imputer)
    flags = 0 if indicator is None else len(indicator.features_)
    bare = without_names(imputer)
    vars(bare).pop("_sklearn_output_config", None)
    return ImputeRowsStep.from_fitted(imputer, len(without_values) + flags, imputer=bare)
