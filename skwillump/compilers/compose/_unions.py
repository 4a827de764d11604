"""Blocks side by side as one compiled step."""

import contextlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Self, cast

import numpy as np
from scipy import sparse

from .._feature_codes import FeatureCodes
from .._features import (
    MAX_DENSE_FEATURES,
    ChosenRows,
    Entries,
    Work,
    default_containers,
    for_originals,
    places_of,
)
from .._forwarding import all_of_steps, any_of_steps
from .._reports import StepReport, report_each
from .._scorers import Scorer
from .._steps import CategoryReader, Step, map_pieces
from .._unsupported import InputUnsupported, Unsupported
from ..tables._input import InputSpec
from ..tables._steps import TableStep, sparse_row
from ..text._rows import csr
from ._dense_reader import DenseReader, Leaf
from ._score_sums import SumScorer
from ._selections import Rows, Selection, selected_one, wants_row


@dataclass(frozen=True, eq=False, kw_only=True)
class UnionStep(Step):
    """Blocks side by side: a ``FeatureUnion`` or a ``ColumnTransformer``."""

    original: Any
    blocks: tuple[Leaf, ...]  # their places have no meaning where `n_features` is not known
    n_features: int | None
    twin: Any = field(repr=False)  # the original with compiled steps in it
    spec: InputSpec | None = None  # of the columns that it demands, if it reads a table
    path: str = ""  # names of the pipelines' steps that it is, where they have no others

    holds_blocks = True
    needs_rows = any_of_steps("needs_rows")
    opens_frames = any_of_steps("opens_frames")
    runs_python = any_of_steps("runs_python")
    may_give_integers = all_of_steps("may_give_integers")
    has_columns_of_doubles = all_of_steps("has_columns_of_doubles")

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """Those of the blocks."""
        return tuple(block.step for block in self.blocks)

    def with_steps(self, steps: Iterable[Step]) -> Self:
        """Return a twin of other steps."""
        pairs = zip(self.blocks, steps, strict=True)
        return replace(self, blocks=tuple(replace(block, step=step) for block, step in pairs))

    @property
    def demands(self) -> InputSpec | None:
        return self.spec

    @property
    def exact_scores(self) -> bool:
        """Blocks that are not compiled are multiplied in float64, as the stack would be."""
        return (
            self.n_features is not None
            and any(step.exact_scores for step in self.steps)
            and all(step.exact_scores or step.is_open for step in self.steps)
        )

    @property
    def is_open(self) -> bool:
        """Whether no block is compiled, so that the stack may be of any dtype."""
        return self.n_features is not None and all(step.is_open for step in self.steps)

    @property
    def gives_matrix(self) -> bool:
        stacks = self._stacks_sparse
        return any(step.gives_matrix for step in self.steps) if stacks is None else stacks

    @property
    def _stacks_sparse(self) -> bool | None:
        """What a ``ColumnTransformer`` has found of the whole stack in `fit`; None for others."""
        found = getattr(self.original, "sparse_output_", None)
        return None if found is None else bool(found)

    def sized(self, n_features: int) -> "UnionStep":
        """Return a twin that is known to give so many features.

        Blocks whose number of features is not known share what is left: if that is wrong for one,
        it refuses its features when they are there.
        """
        if self.n_features is not None:
            return self
        unknown = [at for at, step in enumerate(self.steps) if step_size(step) is None]
        left = n_features - sum(step_size(step) or 0 for step in self.steps)
        if not unknown or left < 0 or left % len(unknown):
            return self
        steps = list(self.steps)
        for at in unknown:
            steps[at] = steps[at].sized(left // len(unknown))
        return self.with_steps(steps).laid_out()

    def laid_out(self) -> "UnionStep":
        """Return a twin of which blocks are one after the other, where all sizes are known."""
        sizes = [size for size in map(step_size, self.steps) if size is not None]
        if len(sizes) < len(self.steps):
            return self
        pairs = zip(self.blocks, places_of(sizes), strict=True)
        blocks = tuple(replace(block, place=place) for block, place in pairs)
        return replace(self, blocks=blocks, n_features=sum(sizes))

    @property
    def reads_text(self) -> bool:
        return any(
            type(block.selection) is Selection and block.step.reads_text for block in self.blocks
        )

    @property
    def gives_array(self) -> bool:
        stacks = self._stacks_sparse
        return all(step.gives_array for step in self.steps) if stacks is None else not stacks

    @property
    def gives_sparse(self) -> bool:
        """Whether the original stacks its blocks in a sparse matrix that holds no zeros."""
        stacks = self._stacks_sparse
        if stacks is None:
            stacks = any(step.gives_sparse for step in self.steps)
        known = all(
            leaf.step.gives_sparse or leaf.step.gives_array or _reads_named(leaf)
            for leaf in self.blocks
        )
        return stacks and known and all(block.weight for block in self.blocks)

    def some(self, leaves: Sequence[Leaf]) -> "UnionStep":
        """Return the union of some of its leaves, to ask in which container they are stacked."""
        return replace(self, blocks=tuple(leaves))

    def in_known_containers(self) -> "UnionStep":
        """Return a twin of whose blocks all containers are known."""
        return self.with_steps(step.in_known_containers() for step in self.steps)

    def in_binary(self) -> "UnionStep":
        if not all(block.weight > 0.0 for block in self.blocks):
            raise Unsupported("a block has no weight above zero")
        twin = self.with_steps(step.in_binary() for step in self.steps)
        return replace(twin, blocks=tuple(replace(block, weight=1.0) for block in twin.blocks))

    def reading_categories(self, reader: CategoryReader) -> Self:
        if self.n_features is None:
            raise Unsupported("the number of features is not known")
        readers = [reader.some(block.place) for block in self.blocks]
        return self.with_steps(
            block.step if of_block is None else block.step.reading_categories(of_block)
            for block, of_block in zip(self.blocks, readers, strict=True)
        )

    def guarded(self) -> Self:
        """Return a twin of which no block lets integers pass that a model could round."""
        if not self.may_give_integers:
            return self
        return self.with_steps(step.guarded() for step in self.steps)

    @cached_property
    def fixed_dtype(self) -> np.dtype | None:
        """Dtype of the stack, if it is known of each block."""
        dtypes = {step.fixed_dtype for step in self.steps}
        return None if None in dtypes or not dtypes else np.result_type(*dtypes)

    @property
    def has_doubles(self) -> bool:
        """Whether a block is sure to be of float64, so that numbers beside it become float64."""
        return any(step.fixed_dtype == np.float64 for step in self.steps)

    def in_doubles(self) -> Self:
        """Return a twin that refuses input of which the original makes float32."""
        if self.has_doubles:
            return self
        return self.with_steps(step.in_doubles() for step in self.steps)

    @property
    def is_rounded(self) -> bool:
        return any(step.is_rounded for step in self.steps)

    def unrounded(self, X: Any) -> np.ndarray:
        """Return the features of which only the blocks that are rounded are made as they were."""
        found = self.dense(X)
        for leaf in self.blocks:
            if leaf.step.is_rounded:
                found[:, leaf.place] = leaf.step.unrounded(leaf.selection.of(X))
                if leaf.weight != 1.0:
                    found[:, leaf.place] *= leaf.weight
        return found

    def rounded_features(self) -> np.ndarray:
        found = super().rounded_features()
        if self.n_features is not None:
            for leaf in self.blocks:
                own = leaf.step.rounded_features()
                found[leaf.place] = own if len(own) else leaf.step.is_rounded
        return found

    def transform(self, X: Any, *, n_threads: int = 1) -> Any:
        if default_containers(self.original):
            return self.twin.transform(for_originals(X))
        if self.gives_array and self.names_in_frames is not None:
            with contextlib.suppress(InputUnsupported):
                return self.in_frame(self.dense(X, n_threads=n_threads), X)
        return self.original.transform(for_originals(X))

    def transform_one(self, x: Any) -> Any:
        if default_containers(self.original):
            with contextlib.suppress(InputUnsupported):
                if self.n_features is None or self.fixed_dtype != np.float64:
                    return self._stacked_one(x)
                if self.gives_array:
                    return self.reader.read_one(x)[None]
                if self.gives_matrix:
                    positions, values = self.reader.read_one_sparse(x)
                    ends = np.array([0, len(values)])
                    return csr(values, positions, ends, self.n_features)
        elif self.gives_array and self.names_in_frames is not None:
            with contextlib.suppress(InputUnsupported):
                return self.in_frame(self.dense_one(x)[None])
        return super().transform_one(x)

    def entries(self, x: Any) -> Entries:
        is_known = self.gives_matrix and self.fixed_dtype == np.float64
        if is_known and default_containers(self.original):
            return self.reader.read_one_sparse(x)
        return super().entries(x)

    def _stacked_one(self, x: Any) -> Any:
        """Return the blocks of X of one row side by side, as the original stacks them.

        What is not known of the blocks, their dtypes and widths, is seen when they are there.
        """
        row = None if self.spec is None else self.spec.row(x)
        rows: Rows | None = None
        blocks: list[Any] = []
        for leaf in self.blocks:
            selection, step = leaf.selection, leaf.step
            reads_row = step.reads_columns and step.fixed_dtype == np.float64
            if reads_row and row is not None and (step.gives_array or step.gives_sparse):
                block: Any = cast(TableStep, step).chunk_features(selection.table(row))
                block = block if step.gives_array else sparse_row(block[0])
            elif wants_row(step, selection):
                rows = rows or Rows(step.template)
                block = step.transform(selection.one_row(x, rows))
            else:
                block = step.transform_one(selected_one(step, selection, x))
            if np.ndim(block) != 2 or np.shape(block)[0] != 1:
                raise InputUnsupported(f"a block of shape {np.shape(block)}")
            blocks.append(block if leaf.weight == 1.0 else block * leaf.weight)
        is_sparse = getattr(self.original, "sparse_output_", None)  # a ColumnTransformer
        if is_sparse is None:
            is_sparse = any(map(sparse.issparse, blocks))
        if is_sparse:
            return _beside(blocks)
        return np.hstack([block.toarray() if sparse.issparse(block) else block for block in blocks])

    def bind(self, coef: np.ndarray) -> Scorer:
        return SumScorer(self._bound(coef), np.zeros(coef.shape[1]), self.spec)

    def _bound(self, coef: np.ndarray) -> tuple[tuple[Selection, Scorer], ...]:
        if self.n_features is None or coef.shape[0] != self.n_features:
            raise Unsupported(
                f"it has coefficients of {coef.shape[0]} features, not {self.n_features}"
            )
        return tuple(
            (leaf.selection, leaf.step.bind(coef[leaf.place] * leaf.weight))
            for leaf in self.leaves()
            if leaf.width
        )

    def dense(self, X: Any, rows: ChosenRows = None, *, n_threads: int = 1) -> np.ndarray:
        if self.n_features is None or self.n_features > MAX_DENSE_FEATURES:
            raise InputUnsupported(f"{self.n_features} features are too many for a dense array")
        return self.reader.read(X, rows, n_threads=n_threads)

    def feature_codes(self) -> FeatureCodes | None:
        if self.n_features is None or self.n_features > MAX_DENSE_FEATURES:
            return None
        try:
            coded = self.reader.coded
        except InputUnsupported:
            return None
        return None if coded is None else coded[0]

    def map_coded(
        self, work: Work, X: Any, rows: ChosenRows = None, *, n_outputs: int, n_threads: int = 1
    ) -> np.ndarray:
        columns = self.reader.read(X, rows, n_threads=n_threads, as_codes=True)
        return map_pieces(work, columns, n_outputs, n_threads)

    def dense_one(self, x: Any) -> np.ndarray:
        if self.n_features is None:
            raise InputUnsupported("the number of features is not known")
        return self.reader.read_one(x)

    @cached_property
    def reader(self) -> "DenseReader":
        """What reads all blocks."""
        assert self.n_features is not None
        try:
            return DenseReader(tuple(self.leaves()), self.n_features, self.spec)
        except Unsupported as reason:
            raise InputUnsupported(str(reason)) from reason

    def leaves(self) -> list["Leaf"]:
        """Return the blocks, those of unions in it opened.

        Raises
        ------
        Unsupported
            If columns are selected twice on the way to a block, or places are not known.
        """
        if self.n_features is None:
            raise Unsupported("the number of features is not known")
        found: list[Leaf] = []
        for leaf in self.blocks:
            if leaf.step.holds_blocks:
                found.extend(child.inside(leaf) for child in cast(UnionStep, leaf.step).leaves())
            else:
                found.append(leaf)
        return found

    def report(self, name: str) -> list[StepReport]:
        return report_each((block.name for block in self.blocks), self.steps, name, self.path)


def _beside(blocks: Sequence[Any]) -> Any:
    """Return blocks of one row, sparse or not, side by side as a sparse matrix."""
    positions, values, start = [], [], 0
    for block in blocks:
        if sparse.issparse(block):
            block = block.tocsr()
            if not block.has_canonical_format:
                raise InputUnsupported("a sparse matrix that is not canonical")
            known, found = block.indices, block.data
        else:
            row = np.asarray(block)[0]
            if row.dtype.kind not in "biuf":
                raise InputUnsupported(f"a block of {row.dtype}")
            known = np.flatnonzero(row)
            found = row[known]
        positions.append(known + start)
        values.append(found)
        start += block.shape[1]
    data = np.concatenate(values)
    return csr(data, np.concatenate(positions), np.array([0, len(data)]), start)


def _reads_named(leaf: "Leaf") -> bool:
    """Tell whether a block makes no sparse matrix of columns of a data frame, which is none."""
    is_table = leaf.step.reads_columns and not leaf.step.gives_matrix
    return is_table and getattr(leaf.selection, "names", None) is not None


def step_size(step: Step) -> int | None:
    """Return the number of features of a step; None if it is not known."""
    if step.n_features is not None:
        return step.n_features
    try:
        return len(step.original.get_feature_names_out())
    except Exception:
        # Any transformer of anyone's: what it does not tell may follow from the model's features.
        return None
