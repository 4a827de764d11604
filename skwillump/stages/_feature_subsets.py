"""Values that refer to features by position, length or name, said anew for some of the features.

A model on some blocks sees some of the joined features. What its parameters say of *column 7* must
then be said of the place that this column has among those that are left. Each function here does
so for one way of saying it: it takes a value and the features that are left, and returns the value
that means the same, or raises `NotTranslatable`.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy import sparse

from .._compat import safe_indexing


class NotTranslatable(ValueError):
    """Something refers to the joined features in a way that has no meaning for some of them."""


@dataclass(frozen=True)
class FeatureSubset:
    """Some of the features that a step takes in the full model."""

    positions: tuple[int, ...]  # the places of those that are left, ascending
    n_features: int  # the number of all
    names: tuple[Any, ...] | None = None  # tuple of str: names of all; None for an array

    def __len__(self) -> int:
        return len(self.positions)

    @cached_property
    def places(self) -> dict[int, int]:
        """New place of each feature that is left, by its old one."""
        return {old: new for new, old in enumerate(self.positions)}

    @cached_property
    def known_names(self) -> frozenset[Any]:
        """Names of the features that are left."""
        return frozenset(self.names[old] for old in self.positions) if self.names else frozenset()

    def of(self, positions: Iterable[int]) -> "FeatureSubset":
        """The same for a step that takes the joined features at some positions, in that order."""
        positions = list(positions)
        left = tuple(new for new, old in enumerate(positions) if old in self.places)
        names = None if self.names is None else tuple(self.names[old] for old in positions)
        return FeatureSubset(left, len(positions), names)


Translator = Callable[[Any, FeatureSubset | None], Any]
"""From a value and the features that are left to the value that means the same for these. None:
it is not known which of the features of this step are left."""


def at_most(value: Any, subset: FeatureSubset | None) -> Any:
    """A number of features: no more than there are."""
    if subset is None or not _is_int(value) or value <= len(subset):
        return value
    return len(subset)


def fewer_than(value: Any, subset: FeatureSubset | None) -> Any:
    """A number of features: fewer than there are."""
    if subset is None or not _is_int(value) or value < len(subset):
        return value
    if len(subset) < 2:
        raise NotTranslatable("asks for fewer features than there are, and there is one")
    return len(subset) - 1


def per_feature(value: Any, subset: FeatureSubset | None) -> Any:
    """One element for each feature: a sequence, a mapping by name or place, or their text."""
    if _is_single(value):
        return value
    if isinstance(value, str):
        numbers = value.strip("()[] ").split(",")
        if len(numbers) < 2:
            return value
        shortened = ",".join(number.strip() for number in per_feature(numbers, subset))
        return f"({shortened})" if value.lstrip().startswith("(") else shortened
    subset = _known(subset)
    if isinstance(value, Mapping):
        named = {key: value[key] for key in value if _is_left(key, subset)}
        return {subset.places[key] if _is_int(key) else key: v for key, v in named.items()}
    return _taken(value, subset, axis=0)


def pair_per_feature(value: Any, subset: FeatureSubset | None) -> Any:
    """A pair of numbers for each feature, or one pair for all."""
    if isinstance(value, str) or np.ndim(value) < 2 or len(value) == 1:
        return value
    return _taken(value, _known(subset), axis=0)


def on_last_axis(value: Any, subset: FeatureSubset | None) -> Any:
    """An array with one element for each feature on its last axis."""
    if _is_single(value) or isinstance(value, str) or callable(value):
        return value
    return _taken(value, _known(subset), axis=-1)


def on_both_axes(value: Any, subset: FeatureSubset | None) -> Any:
    """An array of features by features."""
    if _is_single(value) or isinstance(value, str) or callable(value):
        return value
    return _taken(_taken(value, _known(subset), axis=0), _known(subset), axis=-1)


def which(value: Any, subset: FeatureSubset | None) -> Any:
    """Which features: their places, names, or a mask; or the text of places."""
    if value is None or (isinstance(value, str) and value in ("", "auto", "from_dtype")):
        return value
    if isinstance(value, str):
        prefix, numbers = ("name:", value[5:]) if value.startswith("name:") else ("", value)
        keys: list[Any] = [key.strip() for key in numbers.split(",")]
        left = which(keys if prefix else [int(key) for key in keys], subset)
        return prefix + ",".join(str(key) for key in left)
    if _is_int(value):
        return which([value], subset)
    keys = list(value)
    if keys and all(isinstance(key, bool | np.bool_) for key in keys):
        return per_feature(value, subset)
    subset = _known(subset)
    if subset.names is None and any(isinstance(key, str) for key in keys):
        raise NotTranslatable("names features, which have no names here")
    left = [key for key in keys if _is_left(key, subset)]
    return [subset.places[_from_start(key, subset)] if _is_int(key) else key for key in left]


def groups(value: Any, subset: FeatureSubset | None) -> Any:
    """Groups of features, each by places or names; or their text."""
    if value is None or value in ("", "pairwise", "no_interactions"):
        return value
    if isinstance(value, str):
        parsed = json.loads(value if value.startswith("[[") else f"[{value}]")
        return groups(parsed, subset)
    kept = [left for left in (which(list(group), subset) for group in value) if left]
    if not kept:
        raise NotTranslatable("groups features, none of which is left")
    return kept


def groups_or_rest(value: Any, subset: FeatureSubset | None) -> Any:
    """The same where features of no group make one of their own."""
    if value is None or isinstance(value, str):
        return value
    kept = [left for left in (which(list(group), subset) for group in value) if left]
    return kept or None


def metric_parameters(value: Any, subset: FeatureSubset | None) -> Any:
    """Parameters of a metric: weights of features, and matrices of them."""
    if not value:
        return value
    by_name: dict[str, Translator] = {"w": per_feature, "V": per_feature, "VI": on_both_axes}
    return {key: by_name.get(key, unchanged)(item, subset) for key, item in value.items()}


def rows_of_features(value: Any, subset: FeatureSubset | None) -> Any:
    """Other rows, with all joined features: a matrix, or a tuple of them."""
    if value is None:
        return value
    if isinstance(value, tuple):
        return tuple(rows_of_features(rows, subset) for rows in value)
    return _columns(value, _known(subset))


def evaluation_sets(value: Any, subset: FeatureSubset | None) -> Any:
    """Pairs of other rows with all joined features and their targets."""
    if value is None:
        return value
    if isinstance(value, tuple) and len(value) == 2 and not isinstance(value[0], tuple):
        return (_columns(value[0], _known(subset)), value[1])
    return [(_columns(rows, _known(subset)), *targets) for rows, *targets in value]


def unchanged(value: Any, subset: FeatureSubset | None) -> Any:
    """Return what says nothing of features."""
    return value


def never(value: Any, subset: FeatureSubset | None) -> Any:
    """Refuse what says something of all features that cannot be said of some."""
    if value is None or (isinstance(value, str) and not value):
        return value
    raise NotTranslatable("is for all features, and cannot be said of some")


def _is_int(value: Any) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def _is_single(value: Any) -> bool:
    """Whether a value is one for all features."""
    return value is None or (np.ndim(value) == 0 and not isinstance(value, str | Mapping | set))


def _known(subset: FeatureSubset | None) -> FeatureSubset:
    if subset is None:
        raise NotTranslatable("refers to features behind a step that makes others")
    return subset


def _from_start(key: int, subset: FeatureSubset) -> int:
    return key + subset.n_features if key < 0 else key


def _is_left(key: Any, subset: FeatureSubset) -> bool:
    """Whether a feature, by place or name, is left."""
    return _from_start(key, subset) in subset.places if _is_int(key) else key in subset.known_names


def _taken(value: Any, subset: FeatureSubset, *, axis: int) -> Any:
    """Elements of the features that are left, in the same kind of container."""
    if sparse.issparse(value):
        value = value.tocsr()
        return value[list(subset.positions)] if axis == 0 else value[:, list(subset.positions)]
    length = len(value) if axis == 0 else np.shape(value)[axis]
    if length != subset.n_features:
        raise NotTranslatable(f"has {length} elements for {subset.n_features} features")
    if axis == 0 and isinstance(value, list | tuple):
        return type(value)([value[old] for old in subset.positions])
    return np.take(np.asarray(value), subset.positions, axis=axis)


def _columns(rows: Any, subset: FeatureSubset) -> Any:
    n_features = np.shape(rows)[1] if len(np.shape(rows)) == 2 else 0
    if n_features != subset.n_features:
        raise NotTranslatable(
            f"holds rows of {n_features} features; the full model has {subset.n_features}"
        )
    return safe_indexing(rows, list(subset.positions), axis=1)
