"""Models that refuse numbers which single precision cannot hold, and those numbers.

scikit-learn's trees read float32, and raise for numbers that are too large for it. A linear model
that answers in their place would answer such rows: before it does, they are looked for.
"""

from typing import Any

import numpy as np
from scipy import sparse

from ..compilers import InputUnsupported

_MODULES = (
    "sklearn.tree",
    "sklearn.ensemble._forest",
    "sklearn.ensemble._gb",
    "sklearn.ensemble._iforest",
)
"""Modules of the trees of scikit-learn, which read float32."""

LARGEST = float(np.finfo(np.float32).max)
"""The largest number of single precision."""


def reads_single_precision(model: Any) -> bool:
    """Tell whether a model, or one inside it, checks that numbers fit into float32."""
    params = model.get_params(deep=True) if hasattr(model, "get_params") else {}
    members = getattr(model, "estimators_", None)  # a list, or an array of them
    inside = (model, *params.values(), *(() if members is None else members))
    return any(type(each).__module__.startswith(_MODULES) for each in inside)


def check_single_precision(features: Any) -> None:
    """Raise `InputUnsupported` for features of which one does not fit into float32.

    Parameters
    ----------
    features : array-like, sparse matrix or data frame
        Of many rows, or an array of those of one.
    """
    numbers = features.data if sparse.issparse(features) else np.asarray(features)
    if numbers.dtype.kind in "fiu" and numbers.size:
        # Not the absolute values: they would be an array of their own.
        least, most = numbers.min(), numbers.max()
        if least < -LARGEST or most > LARGEST:
            raise InputUnsupported("numbers that are too large for single precision")
