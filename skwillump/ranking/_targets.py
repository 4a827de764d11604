"""The `y` of a ranker: values, relevance or two classes."""

from typing import Any

import numpy as np
from sklearn.base import is_classifier
from sklearn.utils import column_or_1d
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.validation import check_array

from .._composites import thawed
from ..stages._labels import UNLABELLED, check_none_missing, required, takes_unlabelled

REQUIRED = "values, relevance or classes"
"""What `y` holds."""


def classifies(estimator: Any) -> bool:
    """Whether rows are ranked by the second of two classes."""
    return is_classifier(thawed(estimator))


def checked_targets(y: Any, estimator: Any, *, owner: str) -> np.ndarray:
    """What an estimator is fitted on, of one dimension.

    Raises
    ------
    ValueError
        If it is missing, or a classifier is not given two classes.
    """
    y = column_or_1d(required(y, owner=owner, what=REQUIRED), warn=True)
    if not classifies(estimator):
        is_number = np.asarray(y).dtype.kind in "fiub"
        return check_array(y, ensure_2d=False, dtype=None, input_name="y") if is_number else y
    check_none_missing(y)
    kind = type_of_target(y, input_name="y")
    classes = np.unique(y)
    if takes_unlabelled(estimator):
        classes = classes[classes != UNLABELLED]
    if kind not in ("binary", "multiclass") or len(classes) != 2:
        raise ValueError(
            f"y holds {len(classes)} classes ({kind}). Rows are ranked by the probability of one "
            "class: give a y of two, such as the class to rank by against the others."
        )
    return y
