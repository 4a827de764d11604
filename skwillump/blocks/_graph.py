"""How a fitted classifier splits into feature blocks, and running it on some of them.

A fitted pipeline is read as *prefix* (steps before the blocks), *features* (a `FeatureUnion` or
`ColumnTransformer`, nested as deep as it is) and *model* (every step after it). To run it on some
blocks, the features are copied shallowly with each block either dropped or replaced by a *tap*
that looks in a store before it calls the block's own `transform`. Everything else (columns,
weights, stacking, containers, feature names) is scikit-learn's own code on the user's own fitted
objects, so that what comes out is what the pipeline itself would have computed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, MutableMapping
from contextlib import AbstractContextManager, nullcontext
from copy import copy
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np
from joblib import effective_n_jobs, parallel_config
from scipy import sparse
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.utils import check_array, get_tags

from .._compat import column_names, num_samples, safe_indexing
from ..compilers import Step, UnionStep, Unsupported, compile_step

Store = MutableMapping[str, Any]
"""Outputs of blocks (and of steps shared by nested blocks) for the rows of one batch."""


class _Tap:
    """A step that answers from the store where it can, and fills it where it cannot."""

    def __init__(
        self,
        step: Any,
        key: str,
        store: Store,
        seconds: dict[str, float] | None,
        compiled: Step | None = None,
    ):
        self._step = step
        self._run = step if compiled is None else compiled
        self._key = key
        self._store = store
        self._seconds = seconds

    def transform(self, X):
        if self._key in self._store:
            return self._store[self._key]
        start = perf_counter()
        output = self._run.transform(X)
        if self._seconds is not None:
            self._seconds[self._key] = perf_counter() - start
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


class _Constant:
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


@dataclass(frozen=True)
class BlockGraph:
    """A fitted classifier, split into prefix, feature blocks and model.

    Attributes
    ----------
    prefix : tuple of (str, transformer)
        The fitted steps before the blocks.
    features : FeatureUnion or ColumnTransformer
        The fitted composite that holds the blocks.
    model_steps : tuple of (str, estimator)
        The fitted steps after the blocks; the last one is the classifier.
    names : tuple of str
        The blocks, in the order of their columns. Nested names are joined by ``__``.
    needs : dict of str to tuple of str
        For each block, the keys of the store that computing it fills: its own name and those of
        the steps that it shares with other nested blocks.
    compiled : dict of str to Step
        The compiled twins of blocks; where compilation is off, none.
    union : UnionStep or None
        The compiled twin of all blocks together, where there is one.
    features_name : str
        Name of the composite in the pipeline; nested names are joined by ``__``.
    """

    prefix: tuple[tuple[str, Any], ...]
    features: Any
    model_steps: tuple[tuple[str, Any], ...]
    names: tuple[str, ...]
    needs: dict[str, tuple[str, ...]]
    compiled: dict[str, Step] = field(default_factory=dict)
    union: UnionStep | None = None
    features_name: str = ""

    @property
    def model(self):
        """The fitted steps after the blocks as one estimator."""
        if len(self.model_steps) == 1:
            return self.model_steps[0][1]
        return Pipeline(list(self.model_steps))

    def prepare(self, X):
        """Run the steps before the blocks."""
        for _, step in self.prefix:
            X = step.transform(X)
        return X

    def check_columns(self, Z) -> None:
        """Raise scikit-learn's own error if a column that some block needs is missing from `Z`.

        A stage that leaves out a block would not notice that the block's columns are missing, so
        this runs the checks of every `ColumnTransformer` that sees `Z` on its first row. They take
        a millisecond, so rows with exactly the columns of fit are spared them.
        """
        row = None
        for node in _column_transformers(self.features):
            if _has_columns_of_fit(node, Z):
                continue
            if num_samples(Z) == 0:
                return
            if row is None:
                row = safe_indexing(Z, [0])
            checker = copy(node)
            checker.transformers_ = [
                (name, step if _is_dropped(step) else _Constant(name), columns)
                for name, step, columns in node.transformers_
            ]
            with _in_this_process(node):
                checker.transform(row)

    def compute(
        self,
        Z,
        blocks: Collection[str],
        store: Store,
        *,
        seconds: dict[str, float] | None = None,
    ):
        """Features of `blocks`, in the pipeline's order, for all rows of `Z`.

        Parameters
        ----------
        Z : array-like, sparse matrix or data frame
            Rows as `prepare` returns them.
        blocks : collection of str
            The blocks to compute.
        store : mutable mapping of str to array-like or sparse matrix
            What is already known of these rows; what gets computed is added.
        seconds : dict of str to float, optional
            Filled with the wall-clock seconds of each step that was computed.

        Returns
        -------
        array-like, sparse matrix or data frame
            What the pipeline's own composite would return with the other blocks dropped.
        """

        def leaf(name, step):
            if name not in blocks:
                return "drop"
            return _Tap(step, name, store, seconds, self.compiled.get(name))

        grafted = _graft(self.features, "", leaf, self._shared(store, seconds))
        with _in_this_process(self.features):
            features = grafted.transform(Z)
        if sparse.issparse(features) and len(self.model_steps) > 1:
            # Stacking one sparse block returns that very block; a step of the model that works in
            # place would change what the store keeps for the next stage.
            features = features.copy()
        return features

    def _shared(self, store: Store, seconds: dict[str, float] | None):
        return lambda key, step: _Tap(step, key, store, seconds)


def take_rows(Z, store: Store, positions) -> tuple[Any, dict[str, Any]]:
    """Rows at `positions` of `Z` and of everything in the store."""
    return safe_indexing(Z, positions), {
        key: safe_indexing(value, positions) for key, value in store.items()
    }


def split_pipeline(fitted, *, compile: bool = False) -> BlockGraph | None:
    """Split a fitted classifier at its first composite of two or more blocks.

    Parameters
    ----------
    fitted : estimator
        A fitted classifier.
    compile : bool
        Whether blocks may run compiled.

    Returns
    -------
    BlockGraph or None
        None if the classifier has fewer than two blocks.
    """
    if type(fitted) is not Pipeline:
        return None
    steps = list(_flat_steps(fitted, ""))
    for position, (name, step) in enumerate(steps[:-1]):
        needs = dict(_leaves(step, "", ()))
        if len(needs) >= 2:
            compiled, union = _compiled(step) if compile else ({}, None)
            return BlockGraph(
                prefix=tuple(steps[:position]),
                features=step,
                model_steps=tuple(steps[position + 1 :]),
                names=tuple(needs),
                needs=needs,
                compiled=compiled,
                union=union,
                features_name=name,
            )
    return None


class LocatedBlock(NamedTuple):
    """A block as the pipeline holds it.

    Attributes
    ----------
    transformer : transformer
    parameter : str
        Name of the pipeline's parameter that it is.
    columns : object
        The columns that its `ColumnTransformer` gives it; None if there is none.
    """

    transformer: Any
    parameter: str
    columns: Any


def locate_blocks(graph: BlockGraph) -> dict[str, LocatedBlock]:
    """Where the blocks are in the fitted pipeline, by name."""
    return dict(_located(graph.features, "", graph.features_name, None))


def names_in_composites(fitted) -> dict[str, bool]:
    """Names that blocks of a fitted pipeline have, or would have were none dropped or empty.

    Also those of a composite that has a single block. The value is whether it is dropped or empty:
    what may be nested in it then is not known.
    """
    if type(fitted) is not Pipeline:
        return {}
    steps = [step for _, step in _flat_steps(fitted, "")]
    return dict(named for step in steps[:-1] for named in _names_below(step, "", False))


def _names_below(node, path: str, is_absent: bool) -> Iterator[tuple[str, bool]]:
    steps = [] if is_absent or type(node) is not Pipeline else list(_flat_steps(node, ""))
    children = None if is_absent else _children_of_any_kind(steps[-1][1] if steps else node)
    if children is not None:
        for name, child, columns in children:
            below = f"{path}__{name}" if path else name
            absent = _is_dropped(child) or _is_empty_selection(columns)
            yield from _names_below(child, below, absent)
    elif path:
        yield path, is_absent


def _located(node, path: str, parameter: str, columns) -> Iterator[tuple[str, LocatedBlock]]:
    children = _children(node)
    if children is not None:
        selected = {}
        if type(node) is ColumnTransformer:
            selected = {name: columns for name, _, columns in node.transformers_}
        for name, child in children:
            below = f"{path}__{name}" if path else name
            yield from _located(child, below, f"{parameter}__{name}", selected.get(name, columns))
    elif _ends_in_composite(node):
        name, last = list(_flat_steps(node, ""))[-1]
        yield from _located(last, path, f"{parameter}__{name}", columns)
    elif path:
        yield path, LocatedBlock(node, parameter, columns)


def _compiled(features) -> tuple[dict[str, Step], UnionStep | None]:
    """Compiled twin of each block, ready to run, and of all together."""
    step = compile_step(features)
    union = step if isinstance(step, UnionStep) else None
    known: dict[str, Step] = {}
    if union is not None:
        try:
            known = {leaf.name: leaf.step for leaf in union.leaves()}
        except Unsupported:
            union = None
    compiled: dict[str, Step] = {}

    def leaf(name, step):
        compiled[name] = known[name] if name in known else compile_step(step)
        compiled[name].warm_up()
        return step

    _graft(features, "", leaf, lambda key, step: step)
    return compiled, union


def _flat_steps(pipeline: Pipeline, path: str) -> Iterator[tuple[str, Any]]:
    """Steps of a pipeline with nested pipelines opened and passthroughs left out."""
    for name, step in pipeline.steps:
        if step is None or _is_passthrough(step):
            continue
        if type(step) is Pipeline:
            yield from _flat_steps(step, f"{path}{name}__")
        else:
            yield f"{path}{name}", step


def _is_passthrough(step) -> bool:
    return isinstance(step, str) and step == "passthrough"


def _is_dropped(step) -> bool:
    return isinstance(step, str) and step == "drop"


def _children(node) -> list[tuple[str, Any]] | None:
    """Named blocks directly below a composite; None for anything else.

    Types are compared exactly: a subclass may combine its blocks in another way.
    """
    children = _children_of_any_kind(node)
    if children is None:
        return None
    return [
        (name, step)
        for name, step, columns in children
        if not _is_dropped(step) and not _is_empty_selection(columns)
    ]


def _children_of_any_kind(node) -> list[tuple[str, Any, Any]] | None:
    """As `_children`, with those that are dropped or empty; each with its columns."""
    if type(node) is FeatureUnion:
        return [(name, step, None) for name, step in node.transformer_list]
    if type(node) is ColumnTransformer:
        return list(node.transformers_)
    return None


def _is_empty_selection(columns) -> bool:
    if hasattr(columns, "dtype") and columns.dtype == bool:
        return not columns.any()
    if isinstance(columns, list) and columns and all(isinstance(c, bool) for c in columns):
        return not any(columns)
    return hasattr(columns, "__len__") and len(columns) == 0


def _ends_in_composite(node) -> bool:
    """Whether a nested pipeline ends in a composite, so that its blocks can be told apart."""
    if type(node) is not Pipeline:
        return False
    steps = list(_flat_steps(node, ""))
    return bool(steps) and len(dict(_leaves(steps[-1][1], "", ()))) >= 2


def _leaves(node, path: str, shared: tuple[str, ...]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Name of each block below `node`, with the store keys that computing it fills."""
    children = _children(node)
    if children is not None:
        for name, child in children:
            yield from _leaves(child, f"{path}__{name}" if path else name, shared)
    elif _ends_in_composite(node):
        steps = list(_flat_steps(node, ""))
        if len(steps) > 1:
            shared = (*shared, _shared_key(path))
        yield from _leaves(steps[-1][1], path, shared)
    elif path:
        yield path, (*shared, path)


def _shared_key(path: str) -> str:
    # Not a name that a block can have: scikit-learn refuses "__" in names of steps.
    return f"{path}____shared"


def _graft(
    node, path: str, leaf: Callable[[str, Any], Any], shared: Callable[[str, Any], Any]
) -> Any:
    """Shallow copy of a composite with `leaf(name, step)` in place of each block."""
    children = _children(node)
    if children is not None:
        replaced = {
            name: _graft(child, f"{path}__{name}" if path else name, leaf, shared)
            for name, child in children
        }
        grafted = copy(node)
        if type(node) is FeatureUnion:
            grafted.transformer_list = [
                (name, replaced.get(name, "drop")) for name, _ in node.transformer_list
            ]
        else:
            if node.sparse_output_ and any(_is_dropped(step) for step in replaced.values()):
                replaced = {
                    name: step if _is_dropped(step) else _AsSparse(step)
                    for name, step in replaced.items()
                }
            grafted.transformers_ = [
                (name, replaced.get(name, "drop"), columns)
                for name, _, columns in node.transformers_
            ]
        if path and all(_is_dropped(step) for step in replaced.values()):
            return "drop"
        return grafted
    if _ends_in_composite(node):
        steps = list(_flat_steps(node, ""))
        last = _graft(steps[-1][1], path, leaf, shared)
        if _is_dropped(last) or len(steps) == 1:
            return last
        before = shared(_shared_key(path), _Chain(tuple(step for _, step in steps[:-1])))
        return Pipeline([("shared", before), ("blocks", last)])
    return leaf(path, node)


def _has_columns_of_fit(node, Z) -> bool:
    """Whether `Z` is a data frame with exactly the columns that a fitted composite saw."""
    names = getattr(node, "feature_names_in_", None)
    columns = column_names(Z)
    if names is None or columns is None or len(columns) != len(names):
        return False
    return bool((np.asarray(columns, dtype=object) == names).all())


def _column_transformers(node) -> Iterator[ColumnTransformer]:
    """Each ColumnTransformer that sees the composite's own input."""
    children = _children(node)
    if children is not None:
        if type(node) is ColumnTransformer:
            yield node
        else:
            for _, child in children:
                yield from _column_transformers(child)
    elif type(node) is Pipeline:
        steps = list(_flat_steps(node, ""))
        if steps:
            yield from _column_transformers(steps[0][1])


def _in_this_process(features) -> AbstractContextManager:
    """Context in which a composite runs in threads: other processes could not fill a store."""
    return parallel_config(backend="threading") if _is_parallel(features) else nullcontext()


def _is_parallel(node) -> bool:
    """Whether a composite would run in parallel, by itself or by joblib's present configuration."""
    children = _children(node)
    if children is None:
        if not _ends_in_composite(node):
            return False
        return _is_parallel(list(_flat_steps(node, ""))[-1][1])
    if node.n_jobs != 1 and effective_n_jobs(node.n_jobs) != 1:
        return True
    return any(_is_parallel(child) for _, child in children)
