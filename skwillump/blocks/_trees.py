"""Blocks as columns of one array, under a model of decision trees.

A stage reads its blocks into an array and walks the trees of its approximate model. Rows that are
left carry their features on, so that only the missing blocks are read; where the approximate model
is the full one truncated, they carry the sums on too, and only the remaining trees are walked.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .._composites import chain
from .._wrappers import is_wrapper
from ..compilers import (
    DenseReader,
    Leaf,
    Model,
    Opened,
    Step,
    TreeModel,
    UnionStep,
    Unsupported,
    check_scores,
    compile_model,
    placed,
)
from ..compilers._features import MAX_DENSE_FEATURES
from ..compilers._forwarding import KernelUser
from ..compilers._threads import map_in_threads, ranges
from ..compilers.models._tree_scorer import TreesOnCodes
from ._combined import combined
from ._graph import BlockGraph
from ._joined import JoinedModel, joined_model
from ._protocols import CHUNK_ROWS, BlockReader, CompiledBlocks, CompiledStage
from ._single_precision import check_single_precision, reads_single_precision
from ._truncated import TruncatedEnsemble


def side_by_side(leaves: Sequence[Leaf]) -> DenseReader:
    """Return what reads some blocks side by side."""
    return DenseReader(tuple(placed(leaves)), sum(leaf.width for leaf in leaves))


@dataclass(frozen=True, eq=False, kw_only=True)
class CodedStage(KernelUser):
    """The models of a `TreeStage`, for batches of columns of numbers and of codes.

    A one-hot column of a thousand categories is one column here, to write and to carry on.
    """

    known: DenseReader  # the stage's blocks
    missing: DenseReader  # the others
    known_columns: np.ndarray  # intp: places of the stage's columns among all
    missing_columns: np.ndarray  # intp: those of the others
    approx: TreesOnCodes
    # The trees that `approx` has not walked, where it walks some of the full model's; else all.
    rest: TreesOnCodes

    @classmethod
    def of(
        cls,
        known: Sequence[Leaf],
        missing: Sequence[Leaf],
        approx: Model,
        rest: Model,
    ) -> "CodedStage | None":
        """Return the stage; None where a model does not read codes, or would not gain."""
        leaves = sorted((*known, *missing), key=lambda leaf: leaf.place.start)
        whole, some = side_by_side(leaves).coded, side_by_side(known).coded
        if whole is None or some is None:
            return None
        codes, places = whole
        first, others = approx.on_codes(some[0]), rest.on_codes(codes)
        if first is None or others is None:
            return None
        place = dict(zip((leaf.name for leaf in leaves), places, strict=True))

        def columns(blocks: Sequence[Leaf]) -> np.ndarray:
            found = [np.arange(codes.n_columns)[place[leaf.name]] for leaf in blocks]
            return np.concatenate([np.empty(0, dtype=np.intp), *found])

        return cls(
            known=side_by_side(known),
            missing=side_by_side(missing),
            known_columns=columns(known),
            missing_columns=columns(missing),
            approx=first,
            rest=others,
        )

    def start(self, Z: Any, n_threads: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the scores of the approximate model, and the columns of the stage's blocks."""
        columns = self.known.read(Z, n_threads=n_threads, as_codes=True)
        return _scores(self.approx, columns, None, n_threads), columns

    def finish(
        self,
        Z: Any,
        rows: np.ndarray,
        known: np.ndarray,
        start: np.ndarray | None,
        n_threads: int,
    ) -> np.ndarray:
        """Return the full model's scores of some rows, of which these columns are known.

        `start` is the sums of the trees that the approximate model walked, if these are the full
        model's.
        """
        columns = np.empty((len(known), len(self.known_columns) + len(self.missing_columns)))
        columns[:, self.known_columns] = known
        if self.missing.leaves:
            found = self.missing.read(Z, rows, n_threads=n_threads, as_codes=True)
            columns[:, self.missing_columns] = found
        return _scores(self.rest, columns, start, n_threads)


def _scores(
    trees: TreesOnCodes, columns: np.ndarray, start: np.ndarray | None, n_threads: int
) -> np.ndarray:
    """Return scores of columns, which threads share."""

    def of_rows(rows: slice) -> np.ndarray:
        return trees.raw(columns[rows], None if start is None else start[rows])

    return np.concatenate(map_in_threads(of_rows, ranges(len(columns), n_threads), n_threads))


CHUNK_VALUES = 1 << 21
"""Features that are kept at the same time (16 MiB)."""


@dataclass(frozen=True, eq=False, kw_only=True)
class TreeStage(CompiledStage):
    """A stage under a full model of trees; see `CompiledStage`."""

    known: DenseReader  # the stage's blocks side by side
    missing: DenseReader  # the other blocks, in their places among all features
    columns: np.ndarray  # intp (n_stage_features,): places of the stage's features among all
    approx: Model
    full: TreeModel | JoinedModel
    # The trees that `approx` has not walked, where it walks some of the full model's.
    remaining: TreeModel | None
    # Whether `approx` would answer numbers that `full` refuses as too large for single precision.
    checks_size: bool = False
    coded: CodedStage | None = None  # for batches, where columns of codes are read

    @property
    def chunk_rows(self) -> int:
        coded = self.coded
        width = self.full.n_features if coded is None else coded.rest.features.n_columns
        return max(1024, min(CHUNK_ROWS, CHUNK_VALUES // max(width, 1)))

    def opened(self, Z: Any) -> Any:
        """Return the rows as an input of which `finish` reads no column again."""
        return Opened(Z)

    def start(self, Z: Any, *, n_threads: int = 1) -> tuple[np.ndarray, np.ndarray]:
        if self.coded is not None:
            scores, features = self.coded.start(Z, n_threads)
        else:
            features = self.known.read(Z, n_threads=n_threads)
            if self.checks_size:
                check_single_precision(features)
            scores = self.approx.raw(features, n_threads=n_threads)
        check_scores(scores)
        return scores, features if self.remaining is None else np.hstack((features, scores))

    def finish(
        self, Z: Any, rows: np.ndarray, carry: np.ndarray, *, n_threads: int = 1
    ) -> np.ndarray:
        coded, goes_on = self.coded, self.remaining is not None
        n_known = len(self.columns if coded is None else coded.known_columns)
        known, start = carry[:, :n_known], carry[:, n_known:] if goes_on else None
        if coded is not None:
            return coded.finish(Z, rows, known, start, n_threads)
        if self.missing.leaves:
            features = self.missing.read(Z, rows, n_threads=n_threads)
        else:
            features = np.empty((len(carry), self.missing.n_features))
        features[:, self.columns] = known
        if self.remaining is None:
            return self.full.raw(features, n_threads=n_threads)
        return self.remaining.raw(features, n_threads=n_threads, start=start)

    def start_one(self, x: Any) -> tuple[np.ndarray, np.ndarray]:
        features = self.known.read_one(x)
        if self.checks_size:
            check_single_precision(features)
        scores = self.approx.raw_one(features)
        return scores, features if self.remaining is None else np.concatenate((features, scores))

    def finish_one(self, x: Any, carry: np.ndarray) -> np.ndarray:
        n_known = len(self.columns)
        if self.missing.leaves:
            features = self.missing.read_one(x)
        else:
            features = np.empty(self.missing.n_features)
        features[self.columns] = carry[:n_known]
        if self.remaining is None:
            return self.full.raw_one(features)
        return self.remaining.raw_one(features, carry[n_known:])


@dataclass(frozen=True, eq=False, kw_only=True)
class TreeBlocks(CompiledBlocks):
    """The blocks of a graph under a model of trees."""

    union: UnionStep  # all blocks
    blocks: tuple[Leaf, ...]
    full: TreeModel | JoinedModel

    @classmethod
    def from_graph(cls, graph: BlockGraph) -> "TreeBlocks | None":
        """Return the blocks of a graph; None where a block or the model is not fit for it."""
        union = graph.union
        model: TreeModel | JoinedModel | None = graph.trees or _joined_of(graph)
        if model is None or union is None or model.n_features > MAX_DENSE_FEATURES:
            return None
        step = union.guarded()
        return cls(union=step, blocks=tuple(step.leaves()), full=model)

    def block(self, name: str) -> BlockReader:
        reader = side_by_side([leaf for leaf in self.blocks if leaf.name == name])
        reader.warm_up()
        return BlockReader(reader.read, reader.read_one)

    def answer(self, Z: Any) -> np.ndarray:
        return self.full.predict(self.full.raw(self.union.dense(Z)))

    def answer_one(self, x: Any) -> Any:
        return self.full.predict_one(self.full.raw_one(self.union.dense_one(x)))

    def stage(self, names: Collection[str], model: Any) -> TreeStage | None:
        known = [leaf for leaf in self.blocks if leaf.name in names]
        missing = tuple(leaf for leaf in self.blocks if leaf.name not in names)
        columns = np.concatenate([np.arange(b.place.start, b.place.stop) for b in known])
        approx: Model
        remaining = None
        if isinstance(model, TruncatedEnsemble):
            approx, remaining = model.truncated, model.remaining
        else:
            *before, (_, last) = chain(model)
            if before:
                return None
            try:
                approx = _compiled_model(last, self.union.some(known))
            except Unsupported:
                return None
        if all(leaf.step.may_give_integers for leaf in known):
            known = [replace(leaf, step=leaf.step.guarded()) for leaf in known]
        return TreeStage(
            known=side_by_side(known),
            missing=DenseReader(missing, self.full.n_features),
            columns=columns,
            approx=approx,
            full=self.full,
            remaining=remaining,
            coded=CodedStage.of(known, missing, approx, remaining or self.full),
            checks_size=approx.is_linear and reads_single_precision(self.full.original),
        )


def _compiled_model(model: Any, features: Step) -> Model:
    """Return a model that reads the features of a step."""
    compiled: Model
    try:
        compiled = compile_model(model)
    except Unsupported:
        if not is_wrapper(model):
            raise
        compiled = combined(joined_model(model, features))
    if not compiled.reads_batches:
        raise Unsupported(f"{type(model).__name__} is compiled for single rows")
    return compiled.reading(features)


def _joined_of(graph: BlockGraph) -> JoinedModel | None:
    """Return the wrapper at the end of a graph, if all its members compile."""
    union = graph.union
    if union is None or len(graph.model_steps) != 1:
        return None
    try:
        model = combined(joined_model(graph.last_model, union))
    except Unsupported:
        return None
    if not model.reads_batches or model.reads_sparse(union):
        return None
    return model if union.n_features == model.n_features else None
