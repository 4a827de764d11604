"""`DictVectorizer`: rows that are mappings of names to numbers and texts."""

from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from numbers import Number
from typing import Any

import numpy as np
from sklearn.feature_extraction import DictVectorizer

from .._features import Entries
from .._registry import register
from .._sparse_steps import SparseStep, csr_of
from .._unsupported import InputUnsupported, Unsupported

_MANY_ROWS = 16
"""Fewer rows are read one after the other."""


@dataclass(frozen=True, eq=False, kw_only=True)
class DictStep(SparseStep):
    """Items of mappings, looked up."""

    original: Any
    n_features: int
    vocabulary: dict[Any, int] = field(repr=False)  # from the name of a feature to its position
    # From a name and a text, as they stand in a mapping, to the position.
    of_items: dict[tuple[str, str], int] = field(repr=False)
    separator: str
    is_sparse: bool

    fixed_dtype = np.dtype(np.float64)

    @property
    def gives_matrix(self) -> bool:
        return self.is_sparse

    @property
    def gives_array(self) -> bool:
        return not self.is_sparse

    def transformed(self, X: Any, *, n_threads: int) -> Any:
        features = self.matrix(X)
        if not self.is_sparse:
            return features.toarray()
        features.sort_indices()
        return features

    def matrix(self, X: Any) -> Any:
        """Return the features, the entries of a row in the order of its items."""
        if isinstance(X, Mapping):
            X = [X]
        if not isinstance(X, (list, tuple, np.ndarray)):
            raise InputUnsupported(f"{type(X).__name__} is no list of mappings")
        by_column = self._by_column(X)
        if by_column is not None:
            return csr_of(*by_column, self.n_features)
        indices, values, ends = array("i"), array("d"), [0]
        for row in X:
            self._add(row, indices, values)
            ends.append(len(indices))
        if len(ends) == 1:
            raise InputUnsupported("no rows")
        return csr_of(
            np.array(values), np.array(indices, dtype=np.int32), np.array(ends), self.n_features
        )

    def _by_column(self, X: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
        """Return values, positions and ends of rows that all have the same items, in one order.

        None of others. Services and data frames make such rows: a value's position is looked up
        once, for all rows that hold it.
        """
        if len(X) < _MANY_ROWS or not isinstance(X[0], dict):
            return None
        names = tuple(X[0])
        if any(type(row) is not dict or tuple(row) != names for row in X) or not names:
            return None
        columns = zip(*[row.values() for row in X], strict=True)
        positions = np.empty((len(X), len(names)), dtype=np.int32)
        values = np.ones((len(X), len(names)))
        for at, (name, column) in enumerate(zip(names, columns, strict=True)):
            kinds = set(map(type, column))
            if kinds == {str}:
                known = {text: self._of_text(name, text) for text in set(column)}
                positions[:, at] = np.fromiter(map(known.__getitem__, column), np.int32, len(X))
            elif kinds <= {int, float, bool}:
                positions[:, at] = self.vocabulary.get(name, -1)
                try:
                    values[:, at] = column
                except OverflowError:  # an integer that is no number of float64
                    return None
            else:
                return None
        is_known = positions >= 0
        ends = np.zeros(len(X) + 1, dtype=np.int64)
        np.cumsum(is_known.sum(axis=1), out=ends[1:])
        return values[is_known], positions[is_known], ends

    def _of_text(self, name: Any, text: str) -> int:
        """Return the position of a name and a text, -1 where there is none."""
        found = self.of_items.get((name, text))
        if found is None:
            found = self.vocabulary.get(f"{name}{self.separator}{text}")
        return -1 if found is None else found

    def entries(self, x: Any) -> Entries:
        indices, values = array("i"), array("d")
        self._add(x, indices, values)
        return np.array(indices, dtype=np.int32), np.array(values)

    def _add(self, row: Any, indices: Any, values: Any) -> None:
        """Add the entries of a mapping."""
        if not isinstance(row, Mapping):
            raise InputUnsupported(f"{type(row).__name__} is no mapping")
        of_items = self.of_items
        for item in row.items():
            try:
                position = of_items.get(item)
            except TypeError:  # a value that has no hash
                position = None
            if position is not None:
                indices.append(position)
                values.append(1.0)
                continue
            name, value = item
            if isinstance(value, str):
                position, value = self.vocabulary.get(f"{name}{self.separator}{value}"), 1.0
            elif isinstance(value, Number):
                position = self.vocabulary.get(name)
            else:
                raise InputUnsupported(f"a value of type {type(value).__name__}")
            if position is not None:
                indices.append(position)
                try:
                    values.append(value)
                except TypeError as error:
                    raise InputUnsupported(str(error)) from error


@register(DictVectorizer)
def compile_dict_vectorizer(vectorizer: Any) -> DictStep:
    """Compile a fitted `DictVectorizer`."""
    if np.dtype(vectorizer.dtype) != np.float64:
        raise Unsupported(f"dtype={vectorizer.dtype}: only float64 is compiled")
    vocabulary = dict(vectorizer.vocabulary_)
    if sorted(vocabulary.values()) != list(range(len(vocabulary))):
        raise Unsupported("vocabulary_ does not number its features from 0 on")
    separator = vectorizer.separator
    return DictStep(
        original=vectorizer,
        n_features=len(vocabulary),
        vocabulary=vocabulary,
        of_items=dict(_items(vocabulary, separator)),
        separator=separator,
        is_sparse=bool(vectorizer.sparse),
    )


def _items(vocabulary: dict[Any, int], separator: str) -> Iterable[tuple[tuple[str, str], int]]:
    """Yield each name and text that a feature may be of, with its position."""
    if not isinstance(separator, str) or not separator:
        return
    for feature, position in vocabulary.items():
        if isinstance(feature, str):
            pieces = feature.split(separator)
            for at in range(1, len(pieces)):
                yield (separator.join(pieces[:at]), separator.join(pieces[at:])), position
