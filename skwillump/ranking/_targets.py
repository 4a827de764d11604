"""The `y` of a ranker: values, relevance or two classes."""

from typing import Any

import numpy as np
from sklearn.base import is_classifier
from sklearn.utils import column_or_1d
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.validation import check_array

from .._composites import thawed
from ..stages._labels import UNLABELLED, check_none_missing, takes_unlabelled


def classifies(estimator: Any) -> bool:
    """Whether rows are ranked by the second of two classes."""
    return is_classifier(thawed(estimator))


def required(y: Any, *, owner: str) -> Any:
    """Return `y`; ValueError where it is None."""
    if y is None:
        raise ValueError(
            f"{owner} requires y to be passed, but the target y is None. Give the values, "
            "relevance or classes of the rows."
        )
    return y


def checked_targets(y: Any, estimator: Any, *, owner: str) -> np.ndarray:
    """What an estimator is fitted on, of one dimension.

    Raises
    ------
    ValueError
        If it is missing, or a classifier is not given two classes.
    """
    y = column_or_1d(required(y, owner=owner), warn=True)
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
