"""Shallow copies of a fitted composite in which blocks are dropped, or replaced by *taps*.

A tap looks in a store before it calls the block's own `transform`. Everything else (columns,
weights, stacking, containers, feature names) is scikit-learn's own code on the user's own fitted
objects, so that what comes out is what the pipeline itself would have computed.
"""

from collections.abc import Callable, MutableMapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.pipeline import Pipeline
from sklearn.utils import check_array, get_tags

from .._composites import chain, children, ends_in_blocks, is_dropped, parameter_path, with_children
from .._containers import num_samples
from ..compilers import InputUnsupported, Step

Store = MutableMapping[str, Any]
"""Outputs of blocks (and of steps shared by nested blocks) for the rows of one batch."""

Watch = Callable[[str, Callable[[], Any]], Any]
"""Runs a step: takes its key in the store and what runs it, and returns its output."""


def unwatched(key: str, run: Callable[[], Any]) -> Any:
    return run()


class Tap:
    """A step that answers from the store where it can, and fills it where it cannot."""

    def __init__(
        self,
        step: Any,
        key: str,
        store: Store,
        watch: Watch,
        compiled: Step | None = None,
    ):
        self._step = step
        self._run = step if compiled is None else compiled
        self._key = key
        self._store = store
        self._watch = watch

    def transform(self, X):
        if self._key in self._store:
            return self._store[self._key]
        try:
            output = self._watch(self._key, partial(self._run.transform, X))
        except InputUnsupported:
            output = self._watch(self._key, partial(self._step.transform, X))
        self._store[self._key] = output
        return output

    def fit(self, X, y=None):  # scikit-learn's composites look for the method; none calls it
        raise NotImplementedError("A tap stands for a fitted step.")

    def __sklearn_is_fitted__(self):
        return True

    def __sklearn_tags__(self):
        return get_tags(self._step)

    def __getattr__(self, name):
        # Feature names and the like. Copying and pickling ask before __init__ has run.
        if name.startswith("__") or "_step" not in self.__dict__:
            raise AttributeError(name)
        return getattr(self._step, name)


@dataclass(frozen=True)
class _Chain:
    """Fitted steps one after the other. A `Pipeline` would ask a stateless step if it is fitted."""

    steps: tuple[Any, ...]

    def transform(self, X):
        for step in self.steps:
            X = step.transform(X)
        return X

    def __sklearn_tags__(self):
        return get_tags(self.steps[-1])


class Constant:
    """A step whose output does not matter, for running a composite's checks of its input."""

    def __init__(self, name: str):
        self._name = name

    def fit(self, X, y=None):
        raise NotImplementedError("A constant stands for a fitted step.")

    def transform(self, X):
        return sparse.csr_matrix((num_samples(X), 1))

    def get_feature_names_out(self, input_features=None):
        return np.array([self._name], dtype=object)


class _AsSparse:
    """A step with its output made sparse.

    A `ColumnTransformer` whose output was sparse in fit cannot stack dense blocks alone.
    """

    def __init__(self, step: Any):
        self._step = step

    def fit(self, X, y=None):
        raise NotImplementedError("A step made sparse stands for a fitted step.")

    def transform(self, X):
        output = self._step.transform(X)
        if sparse.issparse(output):
            return output
        return sparse.csr_matrix(check_array(output, ensure_all_finite=False))


def shared_key(path: str) -> str:
    # Not a name that a block can have: scikit-learn refuses "__" in names of steps.
    return f"{path}____shared"


def graft(
    node, path: str, leaf: Callable[[str, Any], Any], shared: Callable[[str, Any], Any]
) -> Any:
    """Shallow copy of a composite with `leaf(name, step)` in place of each block."""
    held = children(node)
    if held is not None:
        replaced = {}
        for child in held:
            below = parameter_path(path, child.name)
            replaced[child.name] = graft(child.transformer, below, leaf, shared)
        some_dropped = any(is_dropped(step) for step in replaced.values())
        if some_dropped and getattr(node, "sparse_output_", False):
            replaced = {
                name: step if is_dropped(step) else _AsSparse(step)
                for name, step in replaced.items()
            }
        if path and all(is_dropped(step) for step in replaced.values()):
            return "drop"
        return with_children(node, replaced)
    if ends_in_blocks(node):
        *before, (_, last) = chain(node)
        grafted = graft(last, path, leaf, shared)
        if is_dropped(grafted) or not before:
            return grafted
        first = shared(shared_key(path), _Chain(tuple(step for _, step in before)))
        return Pipeline([("shared", first), ("blocks", grafted)])
    return leaf(path, node)
