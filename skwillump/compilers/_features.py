"""Features of any container: as float64, of one row, and in which dtype they are multiplied."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from scipy import sparse
from sklearn import get_config

from .._composites import chain
from .._containers import ColumnTable, container_of, frame_of, is_frame, num_samples
from ._threads import map_in_threads
from ._unsupported import InputUnsupported

ChosenRows = np.ndarray | slice | None
"""Positions of rows in the order wanted, or a slice of step one; None for all rows."""

Work = Callable[[np.ndarray], np.ndarray]
"""What is made of features of some rows, or of columns: float64 (n_some_rows, n_outputs)."""

Entries = tuple[np.ndarray, np.ndarray]
"""Positions and values of the entries of one sparse row."""

MAX_DENSE_FEATURES = 4096
"""A sparse row of more features than these is not made dense."""

MANY_FEATURES = 256
"""Of sparse rows, fewer features are made dense, whether a model looks at them or not."""

CHUNK_VALUES = 1 << 20
"""Values of sparse rows that are made dense at a time."""

EXACT_INTEGERS = 2.0**53
"""Integers from here on may have been rounded when they became floats."""


def only(values: np.ndarray) -> np.ndarray:
    """Return the values of the only row.

    Raises
    ------
    InputUnsupported
        If there are more, or none.
    """
    if len(values) != 1:
        raise InputUnsupported(f"{len(values)} rows were made of one")
    return values[0]


def row_of(X: Any) -> Any:
    """Return X of one row in the form in which one row is read.

    Raises
    ------
    InputUnsupported
        If there are more rows, or none.
    """
    if num_samples(X) != 1:
        raise InputUnsupported(f"{num_samples(X)} rows were made of one")
    return X if is_frame(X) else container_of(X).first(X)


def places_of(widths: Iterable[int]) -> tuple[slice, ...]:
    """Return the columns of each of some blocks that lie side by side."""
    stops = np.cumsum([0, *widths]).tolist()
    return tuple(map(slice, stops[:-1], stops[1:]))


def is_single(dtype: np.dtype) -> bool:
    """Tell whether a dtype is of floats in which arithmetic is not that of float64."""
    return dtype.kind == "f" and dtype != np.float64


def in_double(features: Any) -> Any:
    """Return features that scikit-learn multiplies in float64, or in integers as exactly.

    Raises
    ------
    InputUnsupported
        For others.
    """
    dtype = getattr(features, "dtype", None)
    if dtype not in (np.float64, np.int64):
        raise InputUnsupported(f"features of dtype {dtype} that are multiplied")
    return features


def multiplied_in_double(features: Any) -> Any:
    """Return features that scikit-learn multiplies by floats in float64.

    Raises
    ------
    InputUnsupported
        For others.
    """
    if not sparse.issparse(features):
        features = np.asarray(features)
    dtype = features.dtype
    if dtype != np.float64 and dtype.kind not in "iub":
        raise InputUnsupported(f"features of dtype {dtype} that are multiplied")
    return features


def to_dense(features: Any) -> np.ndarray:
    """Return features of any container as a C-contiguous array of float64.

    Raises
    ------
    InputUnsupported
        If they are not numbers, or are of more than `MAX_DENSE_FEATURES` columns and sparse.
    """
    if sparse.issparse(features):
        if features.shape[1] > MAX_DENSE_FEATURES:
            raise InputUnsupported(f"{features.shape[1]} features are too many for a dense array")
        features = features.toarray()
    try:
        dense = np.ascontiguousarray(features, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputUnsupported(str(error)) from error
    if dense.ndim != 2:
        raise InputUnsupported(f"features of {dense.ndim} dimensions")
    return dense


def map_dense(
    work: Work, features: Any, *, n_threads: int = 1, widest: int = MAX_DENSE_FEATURES
) -> np.ndarray:
    """Return what ``work`` makes of features of any container, of sparse rows some at a time.

    Parameters
    ----------
    work : callable
        Of C-contiguous rows of float64.
    features : array-like or sparse matrix of shape (n_rows, n_features)
    n_threads : int
        Threads to share parts of a sparse matrix between.
    widest : int
        Most columns of a sparse matrix.

    Raises
    ------
    InputUnsupported
        As `to_dense` does.
    """
    if not (sparse.issparse(features) and features.shape[0]):
        return work(to_dense(features))
    n_rows, n_features = features.shape
    if n_features > widest:
        raise InputUnsupported(f"{n_features} features are too many for a dense array")
    features, size = features.tocsr(), max(CHUNK_VALUES // max(n_features, 1), 1)

    def of_part(first: int) -> np.ndarray:
        return work(to_dense(features[first : first + size].toarray()))

    return np.concatenate(map_in_threads(of_part, range(0, n_rows, size), n_threads))


def for_originals(X: Any) -> Any:
    """Return X as scikit-learn takes it.

    Raises
    ------
    InputUnsupported
        For columns between steps, which are known to compiled steps alone.
    """
    if type(X) is ColumnTable:
        raise InputUnsupported("columns between steps, of which a data frame is to be made")
    return X


def floats_of(features: Any, names: Any = None) -> np.ndarray | None:
    """Return features that a model reads as an array of floats; None for any others.

    Parameters
    ----------
    features : object
        What a step that is not compiled returned: an array, or a data frame of numbers of which
        one column is of float64, so that the array of all is.
    names : array-like of str, optional
        Columns that a data frame must have, in this order.
    """
    if isinstance(features, np.ndarray):
        return features if features.dtype.kind == "f" else None
    of_frame = frame_of(features)
    if of_frame is None or names is None or list(of_frame.names(features)) != list(names):
        return None
    dtypes = of_frame.dtypes(features)
    if not all(isinstance(dtype, np.dtype) and dtype.kind in "iuf" for dtype in dtypes):
        return None
    if np.dtype(np.float64) not in dtypes:
        return None
    numbers = np.asarray(features)
    whole = [at for at, dtype in enumerate(dtypes) if dtype.kind in "iu"]
    is_exact = not whole or (np.abs(numbers[:, whole]) < EXACT_INTEGERS).all()
    return numbers if is_exact else None


def default_containers(original: Any) -> bool:
    """Tell whether a transformer is to return an array or a matrix, and no data frame."""
    return bool(get_config()["transform_output"] == "default") and not has_set_output(original)


def has_set_output(original: Any) -> bool:
    """Tell whether `set_output` was called on a transformer, or on one of those in a row."""
    return any(
        container != "default"
        for step in _in_a_row(original)
        for container in (getattr(step, "_sklearn_output_config", None) or {}).values()
    )


def names_in_frames(original: Any) -> tuple[Any, ...] | None:
    """Return names of columns, if `set_output` makes a transformer return frames of pandas."""
    last = _in_a_row(original)[-1]
    config = getattr(last, "_sklearn_output_config", None) or {}
    if config.get("transform") != "pandas" or not hasattr(last, "get_feature_names_out"):
        return None
    return tuple(last.get_feature_names_out())


def _in_a_row(original: Any) -> tuple[Any, ...]:
    in_a_row = getattr(original, "transformers", None)  # of those that became one step
    if isinstance(in_a_row, tuple):
        return in_a_row
    return tuple(step for _, step in chain(original))
