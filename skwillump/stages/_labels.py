"""Labels that are no classes: missing ones, and those of rows without a label."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils import assert_all_finite
from sklearn.utils.multiclass import check_classification_targets

from .._containers import dtype_kind

UNLABELLED = -1
"""What scikit-learn's semi-supervised classifiers take for the label of a row without one."""


RANKS = (
    "To find the rows with the largest values, use skwillump.ApproxTopKRanker, which takes "
    "regressors; skwillump.compile_pipeline makes a regressor's predict faster."
)
"""What to do where `y` holds continuous values."""


def takes_unlabelled(estimator: Any) -> bool:
    """Whether an estimator, or one that is nested in it, is semi-supervised."""
    nested = [estimator, *estimator.get_params().values()]
    return any(
        parent.__module__.startswith("sklearn.semi_supervised")
        for one in nested
        for parent in type(one).__mro__
    )


def check_classes_not_values(y: Any) -> None:
    """Raise scikit-learn's ValueError for labels that are no classes, with what to use instead."""
    try:
        check_classification_targets(y)
    except ValueError as error:
        if "continuous" not in str(error):
            raise
        raise ValueError(f"{error} {RANKS}") from None


def check_none_missing(y: Any) -> None:
    """Raise scikit-learn's ValueError where labels are missing (NaN), whatever their type."""
    kind = dtype_kind(y)
    if kind == "f":
        assert_all_finite(y, input_name="y")
    elif kind not in ("b", "i", "u", "U", "S"):
        # Of texts of which some are missing, the type of target would be called unknown.
        assert_all_finite(np.asarray(y, dtype=object), input_name="y")
