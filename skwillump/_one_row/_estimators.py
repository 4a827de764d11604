"""What a fitted estimator tells of the rows that it takes, without the data of `fit`."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.utils import get_tags

from .._composites import chain, children, positions, thawed


def takes_mappings(reader: Any) -> bool:
    """Tell whether a mapping is an element of X, as for a `DictVectorizer`, and no row of names.

    Parameters
    ----------
    reader : estimator
        The first to see X.
    """
    try:
        return hasattr(reader, "__sklearn_tags__") and bool(get_tags(reader).input_tags.dict)
    except AttributeError:  # a mixin of scikit-learn's without its `BaseEstimator`
        return False


def demanded_columns(estimator: Any) -> set[int] | None:
    """Return the positions of the columns that there must be in X; None for all of `fit`.

    A `ColumnTransformer` does without those that it drops.
    """
    first = _first(estimator)
    within = children(first)
    if within is None:
        return None
    found: set[int] = set()
    for child in within:
        if type(first) is ColumnTransformer:
            selected = positions(first, child)
            found.update((selected,) if isinstance(selected, int) else selected)
            continue
        of_child = demanded_columns(child.transformer)
        if of_child is None:
            return None
        found |= of_child
    return found


def told_dtypes(estimator: Any, n_columns: int) -> dict[int, np.dtype]:
    """Return the dtypes of columns that encoders and imputers tell, by position.

    One value does not tell whether its column was of floats or of objects, and scikit-learn's
    encoders compare the two in different ways.
    """
    return dict(_told(estimator, range(n_columns)))


def _told(estimator: Any, columns: Sequence[int]) -> Iterator[tuple[int, np.dtype]]:
    first = _first(estimator)
    for child in children(first) or ():
        of_child: Sequence[int] = columns
        if type(first) is ColumnTransformer:
            selected = positions(first, child)
            chosen = (selected,) if isinstance(selected, int) else selected
            of_child = [columns[position] for position in chosen]
        yield from _told(child.transformer, of_child)
    categories = getattr(first, "categories_", None)
    if isinstance(categories, list) and len(categories) == len(columns):
        for position, of_column in zip(columns, categories, strict=True):
            if of_column.dtype.kind in "Of":
                yield position, of_column.dtype
    statistics = getattr(first, "statistics_", None)
    if isinstance(statistics, np.ndarray) and statistics.dtype == object:
        for position in columns:
            yield position, statistics.dtype


def told_texts(estimator: Any) -> set[Any]:
    """Return the names of columns that encoders and imputers anywhere in an estimator tell of.

    They held texts, or other objects that are no numbers.
    """
    found: set[Any] = set()
    for _, link in chain(thawed(estimator)):
        step = thawed(link)
        names = getattr(step, "feature_names_in_", None)
        if names is not None:
            told = told_dtypes(step, len(names))
            found.update(names[at] for at, dtype in told.items() if dtype.kind == "O")
        for child in children(step) or ():
            found |= told_texts(child.transformer)
        for inner in ("best_estimator_", "estimator_", "regressor_"):
            if hasattr(step, inner):
                found |= told_texts(getattr(step, inner))
    return found


def _first(estimator: Any) -> Any:
    """Return what sees X first."""
    steps = chain(thawed(estimator))
    return thawed(steps[0][1]) if steps else estimator
