"""Copies of fitted estimators that fitting the originals again does not reach."""

from collections.abc import Iterable
from copy import deepcopy
from typing import Any

import numpy as np

from .._compat import library_of

_FITS_IN_PLACE = ("catboost",)
"""Libraries whose models change what they hold when they are fitted again."""


MANY = 100_000
"""Entries of a dict, such as a vocabulary, that is shared: fitting makes another."""

MOST_BYTES = 1 << 26
"""Size of an array that is copied, at most: the rows of a nearest-neighbour model may be many. Of
a view, what lies between its values counts too."""


def snapshot(fitted: Any) -> Any:
    """Return a copy of a fitted estimator, with copies of the estimators inside it.

    Lists, dicts and arrays are copied, since an estimator's `fit` or `partial_fit` may change them
    in place, and so may their owner. Large dicts and arrays are shared, because fitting mostly
    replaces them; but not the arrays of what has a `partial_fit`.

    Parameters
    ----------
    fitted : estimator
        Anything else is returned as it is, as is a twin that is a snapshot already.
    """
    return _copied(fitted, {})


def _copied(value: Any, known: dict[int, Any]) -> Any:
    if id(value) in known:
        return known[id(value)]
    kind = type(value)
    if kind is list or kind is tuple:
        if not _holds_estimators(value):
            return value.copy() if kind is list else value
        return kind(_copied(item, known) for item in value)
    if kind is dict:
        if not _holds_estimators(value.values()):
            return value.copy() if len(value) < MANY else value
        return {key: _copied(item, known) for key, item in value.items()}
    if kind is np.ndarray:
        if value.dtype != object or not _holds_estimators(value.flat):
            if value.nbytes > MOST_BYTES:
                return value
            # What shares an array goes on sharing it.
            held = known[id(value)] = _copied_array(value)
            return held
        made = np.empty_like(value)  # boosting keeps its trees so
        for at, item in np.ndenumerate(value):
            made[at] = _copied(item, known)
        return made
    return _copied_estimator(value, known) if _is_estimator(value) else value


def _copied_array(value: np.ndarray) -> np.ndarray:
    """Return a copy whose values lie as far apart.

    Where they lie decides which routine multiplies them, and so the last bits of sums: those of
    the components of a truncated SVD, for instance, which are some rows of a larger array.
    """
    copied = value.copy(order="K")
    if copied.strides == value.strides or value.dtype.hasobject:
        return copied
    low, high = np.lib.array_utils.byte_bounds(value)
    if high - low > MOST_BYTES:
        return copied
    start = value.__array_interface__["data"][0] - low
    memory = np.empty(high - low, dtype=np.uint8)
    view = np.ndarray(value.shape, value.dtype, memory, start, value.strides)
    view[...] = value
    return view


def _holds_estimators(values: Iterable[Any]) -> bool:
    """Tell whether there may be an estimator among some values: by their types, which are few."""
    return any(
        kind in (list, tuple, dict, np.ndarray)
        or hasattr(kind, "get_params")
        or kind.__name__ == "_CalibratedClassifier"
        for kind in set(map(type, values))
    )


def _copied_estimator(fitted: Any, known: dict[int, Any]) -> Any:
    if library_of(type(fitted)) in _FITS_IN_PLACE:
        made = known[id(fitted)] = deepcopy(fitted)
        return made
    try:
        # Not by `copy`, which asks the estimator what a pickle of it is to hold.
        made = object.__new__(type(fitted))
    except TypeError:  # a class that is not written in Python
        return fitted
    known[id(fitted)] = made
    in_place = hasattr(fitted, "partial_fit")
    for name, value in vars(fitted).items():
        held = _copied(value, known)
        if in_place and held is value and type(held) is np.ndarray:
            held = _copied_array(held)
        vars(made)[name] = held
    if getattr(fitted, "_stop_words_id", None) == id(getattr(fitted, "stop_words", None)):
        made._stop_words_id = id(made.stop_words)  # it has warned of them in fit
    return made


def _is_estimator(value: Any) -> bool:
    if isinstance(value, type) or not hasattr(value, "__dict__"):
        return False
    # Calibrated classifiers inside a CalibratedClassifierCV have no parameters.
    return hasattr(value, "get_params") or hasattr(value, "calibrators")
