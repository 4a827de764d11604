"""Labels that are no classes: missing ones, those of rows without a label, and names of groups."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.utils import assert_all_finite, check_consistent_length, column_or_1d
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


def required(y: Any, *, owner: str, what: str) -> Any:
    """Return `y`; ValueError where it is None."""
    if y is None:
        raise ValueError(
            f"{owner} requires y to be passed, but the target y is None. Give the {what} of the "
            "rows."
        )
    return y


def check_classes_not_values(y: Any) -> None:
    """Raise scikit-learn's error for labels that are no classes, with what to do instead."""
    try:
        check_classification_targets(y)
    except TypeError as error:
        types = ", ".join(sorted({type(label).__name__ for label in np.ravel(y)}))
        raise TypeError(
            f"y holds labels of several types: {types}. Give labels of one type, and leave out "
            "rows that have none."
        ) from error
    except ValueError as error:
        if "continuous" not in str(error):
            raise
        raise ValueError(f"{error} {RANKS}") from None


def check_labels(y: Any) -> None:
    """Raise scikit-learn's ValueError for labels that are missing, or are no classes."""
    check_none_missing(y)
    check_classes_not_values(y)


def check_none_missing(y: Any) -> None:
    """Raise scikit-learn's ValueError where labels are missing (NaN), whatever their type."""
    kind = dtype_kind(y)
    if kind == "f":
        assert_all_finite(y, input_name="y")
    elif kind not in ("b", "i", "u", "U", "S"):
        # Of texts of which some are missing, the type of target would be called unknown.
        assert_all_finite(np.asarray(y, dtype=object), input_name="y")


@dataclass(frozen=True)
class GroupsParameter:
    """A parameter of `fit` that tells the group of each row."""

    name: str
    of: str  # what a group is called

    def column(self, groups: Any, X: Any) -> np.ndarray:
        """Group of each row of `X` as an array; ValueError if it is not one value for each row."""
        shape = np.shape(groups)
        if len(shape) != 1 and shape[1:] != (1,):
            raise ValueError(
                f"{self.name} has the shape {shape}, but must hold one value for each row: the "
                f"name of its {self.of}. To tell them by several columns, join these into one."
            )
        # scikit-learn makes floats of integers of pandas' own, so that long identifiers were one.
        groups = column_or_1d(np.asarray(groups))
        check_consistent_length(X, groups)
        return groups

    def names(self, groups: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Names of groups, the first row of each, and the group of each row as a position.

        Raises
        ------
        ValueError
            If names cannot be sorted, or are missing for some rows.
        """
        try:
            names, first, codes = np.unique(groups, return_index=True, return_inverse=True)
        except TypeError as error:
            types = ", ".join(sorted({type(value).__name__ for value in groups}))
            raise ValueError(
                f"{self.name} holds values that cannot be sorted, of these types: {types}. Give "
                f"every row the name of its {self.of}, all of one type and none missing."
            ) from error
        if len(names) and names[-1] != names[-1]:  # missing values are sorted last
            raise ValueError(
                f"{self.name} has a missing value ({names[-1]}). Give every row the name of its "
                f"{self.of}, or leave out rows without one."
            )
        return names, first, codes
