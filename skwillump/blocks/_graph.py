"""How a fitted classifier splits into feature blocks, and running it on some of them.

A fitted pipeline is read as *prefix* (steps before the blocks), *features* (a `FeatureUnion` or
`ColumnTransformer`, nested as deep as it is) and *model* (every step after it). `graft` makes of
the features what runs on some blocks.
"""

from collections.abc import Collection
from contextlib import AbstractContextManager, nullcontext, suppress
from copy import copy
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, cast

import numpy as np
from joblib import effective_n_jobs, parallel_config
from scipy import sparse
from sklearn.pipeline import Pipeline

from .._composites import (
    NestedBlock,
    chain,
    children,
    column_transformers,
    ends_in_blocks,
    is_dropped,
    nested_blocks,
    samplers_behind,
)
from .._containers import column_names, is_plain_array, num_samples, take_rows
from .._wrappers import inside_transparent
from ..compilers import (
    Step,
    TreeModel,
    UnionStep,
    Unsupported,
    compile_model,
    compile_step,
)
from ._grafting import Constant, Store, Tap, Watch, graft, shared_key, unwatched
from ._lifted import first_copy, lifted_chain
from ._single_precision import reads_single_precision


@dataclass(frozen=True)
class BlockGraph:
    """A fitted classifier, split into prefix, feature blocks and model."""

    prefix: tuple[tuple[str, Any], ...]  # the fitted steps before the blocks
    features: Any  # FeatureUnion or ColumnTransformer: the fitted composite that holds the blocks
    # The fitted steps after the blocks; the last one is the classifier.
    model_steps: tuple[tuple[str, Any], ...]
    # The blocks, in the order of their columns. Nested names are joined by ``__``.
    names: tuple[str, ...]
    # For each block, the keys of the store that computing it fills: its own name and those of the
    # steps that it shares with other nested blocks.
    needs: dict[str, tuple[str, ...]]
    # The compiled twins of blocks; where compilation is off, none.
    compiled: dict[str, Step] = field(default_factory=dict)
    union: UnionStep | None = None  # the compiled twin of all blocks together, where there is one
    # Name of the composite in the pipeline; nested names are joined by ``__``.
    features_name: str = ""
    # Of all features together, where they are one array; None where it is not known.
    dtype: np.dtype | None = None
    # Where blocks are the same ones fitted on several folds: those of the first. Otherwise none.
    first_copy: tuple[str, ...] = ()
    # tuple of estimator: imbalanced-learn's, right behind the blocks: the model was fitted on what
    # they return.
    samplers: tuple[Any, ...] = ()
    # Number of features of each block, where all are side by side; None where it is not known.
    widths: tuple[int, ...] | None = None
    feature_names: tuple[Any, ...] | None = None  # names of all features, where they have some
    compiled_model: Any = None  # the compiled twin of the last step, where it is known already
    answering: Any = None  # estimator that gives the model's own answers faster, if there is one

    def with_layout_of(self, row: Any) -> "BlockGraph":
        """Return the same, knowing the dtype of all features together and whose they are.

        Parameters
        ----------
        row : array-like, sparse matrix, data frame or list
            A row as the pipeline takes it.
        """
        store: Store = {}
        features = self.compute(self.prepare(row), self.names, store)
        one_array = isinstance(features, np.ndarray) or sparse.issparse(features)
        known = one_array and features.dtype != object
        graph = replace(self, dtype=features.dtype if known else None)
        # Blocks of containers of their own may not tell how wide they are.
        with suppress(Exception):
            widths = tuple(int(np.shape(store[name])[-1]) for name in self.names)
            if sum(widths) == np.shape(features)[1]:
                columns = column_names(features)
                names = None if columns is None else tuple(columns)
                return replace(graph, widths=widths, feature_names=names)
        return graph

    @property
    def last_model(self) -> Any:
        """The last of those steps: the fitted classifier, regressor or ranker itself."""
        return self.model_steps[-1][1]

    @property
    def model(self):
        """The fitted steps after the blocks as one estimator."""
        if len(self.model_steps) == 1:
            return self.model_steps[0][1]
        return Pipeline(list(self.model_steps))

    @property
    def answers(self) -> Any:
        """What to ask for the model's answers, where it is asked often."""
        return self.model if self.answering is None else self.answering

    @cached_property
    def trees(self) -> TreeModel | None:
        """The compiled model, if it is one of trees right behind compiled blocks."""
        if self.union is None or len(self.model_steps) != 1:
            return None
        model = self.compiled_model
        try:
            if not isinstance(model, TreeModel):
                model = compile_model(self.last_model, TreeModel)
            model = model.reading(self.union)
        except Unsupported:
            return None
        return model if self.union.n_features == model.n_features else None

    @cached_property
    def reads_single(self) -> bool:
        """Whether its model refuses numbers that are too large for single precision."""
        return reads_single_precision(self.last_model)

    def __getstate__(self) -> dict[str, Any]:
        # What is compiled again when it is asked for is not sent to processes, or stored.
        kept = {key: value for key, value in vars(self).items() if key != "trees"}
        return kept | {"compiled_model": None, "answering": None}

    def prepare(self, X):
        """Run the steps before the blocks."""
        for _, step in self.prefix:
            X = step.transform(X)
        return X

    def needs_rows(self, names: Collection[str]) -> bool:
        """Whether one of some blocks reads one row as X of one row, and not as it comes."""
        if self.union is None:
            return True
        return any(leaf.step.needs_rows for leaf in self.union.leaves() if leaf.name in names)

    def check_columns(self, Z) -> None:
        """Raise scikit-learn's own error if a column that some block needs is missing from `Z`.

        A stage that leaves out a block would not notice that the block's columns are missing, so
        this runs the checks of every `ColumnTransformer` that sees `Z` on its first row. They take
        a millisecond, so rows with exactly the columns of fit are spared them: by name, or by
        number where fit saw no names.
        """
        row = None
        for node in column_transformers(self.features):
            if _has_columns_of_fit(node, Z):
                continue
            if num_samples(Z) == 0:
                return
            if row is None:
                row = take_rows(Z, [0])
            checker = copy(node)
            checker.transformers_ = [
                (name, step if is_dropped(step) else Constant(name), columns)
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
        watch: Watch = unwatched,
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
        watch : Watch, optional
            Runs each step that is to be computed.

        Returns
        -------
        array-like, sparse matrix or data frame
            What the pipeline's own composite would return with the other blocks dropped, in the
            dtype that it has with all of them: a model may refuse what one block has alone.
        """

        def leaf(name, step):
            if name not in blocks:
                return "drop"
            return Tap(step, name, store, watch, self.compiled.get(name))

        grafted = graft(self.features, "", leaf, self._shared(store, watch))
        with _in_this_process(self.features):
            features = grafted.transform(Z)
        if sparse.issparse(features) and len(self.model_steps) > 1:
            # Stacking one sparse block returns that very block; a step of the model that works in
            # place would change what the store keeps for the next stage.
            features = features.copy()
        if self.dtype is not None and len(blocks) < len(self.names):
            features = features.astype(self.dtype, copy=False)
        return features

    def _shared(self, store: Store, watch: Watch):
        return lambda key, step: Tap(step, key, store, watch)


def take_stored(Z, store: Store, positions) -> tuple[Any, dict[str, Any]]:
    """Rows at `positions` of `Z` and of everything in the store."""
    return take_rows(Z, positions), {
        key: take_rows(value, positions) for key, value in store.items()
    }


def split_pipeline(fitted, *, compile: bool = False, row: Any = None) -> BlockGraph | None:
    """Split a fitted classifier at its first composite of two or more blocks.

    Parameters
    ----------
    fitted : estimator
        A fitted classifier, whose wrappers are seen through.
    compile : bool
        Whether blocks may run compiled.
    row : array-like, sparse matrix, data frame or list, optional
        A row as it takes it. Without one, members of a wrapper whose features differ are not put
        side by side.

    Returns
    -------
    BlockGraph or None
        None if the classifier has fewer than two blocks.
    """
    steps = lifted_chain(fitted, row)
    for position, (name, step) in enumerate(steps[:-1]):
        needs = {
            block.name: (*map(shared_key, block.shared), block.name)
            for block in nested_blocks(step)
        }
        if len(needs) >= 2:
            names, reader = tuple(needs), steps[position + 1][1]
            compiled, union = compiled_twins(step, names, reader) if compile else ({}, None)
            return BlockGraph(
                prefix=tuple(steps[:position]),
                features=step,
                model_steps=tuple(steps[position + 1 :]),
                names=names,
                needs=needs,
                compiled=compiled,
                union=union,
                features_name=name,
                first_copy=first_copy(step, steps[-1][1], names),
                samplers=samplers_behind(step, inside_transparent(fitted)[1]),
            )
    return None


def locate_blocks(graph: BlockGraph) -> dict[str, NestedBlock]:
    """Where the blocks are in the fitted pipeline, by name."""
    found = {block.name: block for block in nested_blocks(graph.features, graph.features_name)}
    return found or {
        name: NestedBlock(
            name=name,
            transformer=graph.features,
            parameter=graph.features_name,
            columns=None,
        )
        for name in graph.names
    }


def names_in_composites(fitted) -> dict[str, bool]:
    """Names that blocks of a fitted pipeline have, or would have were none dropped or empty.

    Also those of a composite that has a single block. The value is whether it is dropped or empty:
    what may be nested in it then is not known.
    """
    return {
        block.name: block.is_absent
        for _, step in lifted_chain(fitted)[:-1]
        for block in nested_blocks(step, absent=True)
    }


def compiled_twins(
    features, names: tuple[str, ...], reader: Any
) -> tuple[dict[str, Step], UnionStep | None]:
    """Compiled twin of each block, ready to run, and of all together, which `reader` reads.

    The latter is None where its blocks are not the graph's: where some share a step, or a composite
    in it is not compiled.
    """
    step = compile_step(features)
    n_features = getattr(reader, "n_features_in_", None)
    if step.n_features is None and n_features is not None:
        step = step.sized(n_features)
    union = cast(UnionStep, step) if step.holds_blocks else None
    known: dict[str, Step] = {}
    if union is not None:
        with suppress(Unsupported):
            known = {leaf.name: leaf.step for leaf in union.leaves()}
        if tuple(known) != names:
            union = None
    compiled = {
        block.name: known[block.name] if block.name in known else compile_step(block.transformer)
        for block in nested_blocks(features)
    }
    for twin in compiled.values():
        twin.warm_up()
    return compiled, union


def _has_columns_of_fit(node, Z) -> bool:
    """Whether `Z` has exactly the columns that a fitted composite saw."""
    names = getattr(node, "feature_names_in_", None)
    if names is None and (is_plain_array(Z) or sparse.issparse(Z)):
        return Z.ndim == 2 and Z.shape[1] == node.n_features_in_
    columns = column_names(Z)
    if names is None or columns is None or len(columns) != len(names):
        return False
    return bool(list(columns) == names.tolist())


def _in_this_process(features) -> AbstractContextManager:
    """Context in which a composite runs in threads: other processes could not fill a store."""
    return parallel_config(backend="threading") if _is_parallel(features) else nullcontext()


def _is_parallel(node) -> bool:
    """Whether a composite would run in parallel, by itself or by joblib's present configuration."""
    held = children(node)
    if held is None:
        return ends_in_blocks(node) and _is_parallel(chain(node)[-1][1])
    if node.n_jobs != 1 and effective_n_jobs(node.n_jobs) != 1:
        return True
    return any(_is_parallel(child.transformer) for child in held)
