"""Transformers made of transformers: ``Pipeline``, ``FeatureUnion``, ``ColumnTransformer``.

Their own rules for stacking, routing and containers stay scikit-learn's: ``transform`` runs a copy
of the original in which the compiled steps stand in for the transformers.
"""

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.pipeline import FeatureUnion, Pipeline

from .._linear_maps import LinearMap, linear_map
from .._registry import (
    MAX_DENSE_FEATURES,
    InputUnsupported,
    OriginalStep,
    Scorer,
    Step,
    StepReport,
    Unsupported,
    compile_step,
    default_containers,
    is_single,
    register,
    take_rows,
)
from ..tables._columns import BlockTable, InputSpec, Opened, Table
from ..tables._steps import ChainStep, TableScorer, TableStep, each_chunk
from ..text._vectorizers import TextScorer, TextStep, scores_of_texts, with_tfidf


class CompiledTransformer(TransformerMixin, BaseEstimator):
    """A step in the place of the transformer that it was made from."""

    def __init__(self, step: Step):
        self.step = step

    def fit(self, X: Any, y: Any = None) -> "CompiledTransformer":
        """Do nothing: the step is fitted."""
        return self

    def transform(self, X: Any) -> Any:
        """Transform with the compiled step."""
        return self.step.transform(X)

    def __sklearn_is_fitted__(self) -> bool:
        return True


@dataclass(frozen=True, eq=False)
class Selection:
    """The part of the input that a block reads: all of it."""

    def of(self, X: Any) -> Any:
        """Select from many rows."""
        return X

    def of_one(self, x: Any) -> Any:
        """Select from one row."""
        return x

    def table(self, table: Table) -> Table:
        """Select from a table of all columns."""
        return table

    def same_as(self, other: "Selection") -> bool:
        """Tell whether another selection from the same input is the same part of it."""
        return type(other) is type(self)


@dataclass(frozen=True, eq=False)
class ColumnSelection(Selection):
    """Columns of a table, as ``ColumnTransformer`` passes them to a transformer."""

    columns: int | tuple[int, ...]  # positions among the fitted columns; one alone is a vector
    names: tuple[Any, ...] | None  # of all columns that were fitted
    n_columns: int

    @property
    def positions(self) -> tuple[int, ...]:
        """Positions as a tuple."""
        return (self.columns,) if isinstance(self.columns, int) else self.columns

    def table(self, table: Table) -> Table:
        """Select from a table of all columns."""
        return table.select(self.positions)

    def same_as(self, other: Selection) -> bool:
        """Tell whether another selection from the same input is of the same columns."""
        return isinstance(other, ColumnSelection) and other.columns == self.columns

    def within(self, outer: "ColumnSelection") -> "ColumnSelection":
        """Return the selection from what the outer one selects from."""
        if isinstance(outer.columns, int):
            raise Unsupported("columns are selected from a single one")
        inner = self.columns
        columns = (
            outer.columns[inner]
            if isinstance(inner, int)
            else tuple(outer.columns[position] for position in inner)
        )
        return ColumnSelection(columns, outer.names, outer.n_columns)

    def of(self, X: Any) -> Any:
        """Return a column, or a table of columns."""
        columns = self.columns if isinstance(self.columns, int) else list(self.columns)
        try:
            if hasattr(X, "columns"):
                return X[self._labels()]
            is_table = isinstance(X, np.ndarray) and X.ndim == 2 and X.shape[1] == self.n_columns
            if is_table and self.names is None:
                return X[:, columns]
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise InputUnsupported(f"columns cannot be selected: {error}") from error
        except Exception as error:
            # polars has errors of its own for a column that is missing.
            if type(error).__module__.startswith("polars"):
                raise InputUnsupported(str(error)) from error
            raise
        raise InputUnsupported(f"{type(X).__name__} has no columns to select")

    def of_one(self, x: Any) -> Any:
        """Return the value of a column of one row: a mapping, or a sequence by position."""
        if not isinstance(self.columns, int):
            raise InputUnsupported("several columns of one row")
        if isinstance(x, Mapping):
            name = self._labels()
            if name not in x:
                raise ValueError(f"columns are missing: [{name!r}].")
            return x[name]
        is_array = isinstance(x, np.ndarray) and x.ndim == 1
        if is_array or (isinstance(x, Sequence) and not isinstance(x, (str, bytes))):
            if len(x) != self.n_columns:
                raise ValueError(f"The row has {len(x)} values, but {self.n_columns} are expected.")
            return x[self.columns]
        if hasattr(x, "iloc") and x.ndim == 1:
            return self.of_one(x.to_dict())
        if hasattr(x, "columns") and len(x) == 1 and self._labels() in x.columns:
            return next(iter(x[self._labels()]))
        raise InputUnsupported(f"{type(x).__name__} is no row with columns")

    def _labels(self) -> Any:
        """Return names for positions: a data frame is read by name if one was fitted."""
        if self.names is None:
            raise InputUnsupported("a row or frame of names, but an array was fitted")
        if isinstance(self.columns, int):
            return self.names[self.columns]
        return [self.names[column] for column in self.columns]


def common_spec(
    selections: Sequence[ColumnSelection], required: InputSpec | None = None
) -> InputSpec:
    """Return what reads all the columns that are selected, and demands those that are required."""
    first = selections[0]
    selected = sorted({position for one in selections for position in one.positions})
    needed = tuple(selected) if required is None else required.needed
    return InputSpec(first.names, first.n_columns, True, needed)


def _unread(required: InputSpec | None, selections: Sequence[Selection]) -> InputSpec | None:
    """Return what demands columns if it demands one that none of the selections reads."""
    if required is None:
        return None
    needed = range(required.n_columns) if required.needed is None else required.needed
    read = {p for one in selections if isinstance(one, ColumnSelection) for p in one.positions}
    return None if read.issuperset(needed) else required


@dataclass(frozen=True, eq=False)
class TableSum(TableScorer):
    """The sum of the scores of blocks of columns of one table, in one pass over it."""

    blocks: tuple[tuple[Selection, TableScorer], ...]

    @property
    def width(self) -> int:
        """Number of values of a row that are computed on the way."""
        return max((scorer.width for _, scorer in self.blocks), default=1)

    def part(self, table: Table) -> np.ndarray:
        """Return the scores of a chunk of rows."""
        total = np.zeros((table.n_rows, self.n_outputs))
        for selection, scorer in self.blocks:
            total += scorer.part(selection.table(table))
        return total

    def row(self, table: Table) -> Any:
        """Return the scores of one row."""
        total: Any = 0.0
        for selection, scorer in self.blocks:
            total = total + scorer.row(selection.table(table))
        return total

    def warm_up(self) -> None:
        """Warm up every block."""
        for _, scorer in self.blocks:
            scorer.warm_up()


@dataclass(frozen=True, eq=False)
class SumScorer(Scorer):
    """The sum of the scores of blocks that stand side by side.

    Blocks of columns share one pass over the table, and neighbours that read the same texts share
    their encoding; others, as steps that are not compiled, make one pass each.
    """

    blocks: tuple[tuple[Selection, Scorer], ...]
    constant: np.ndarray  # (n_outputs,), of blocks without columns: zero
    required: InputSpec | None = None  # columns that there must be, even if no block reads them
    together: "TableSum | None" = field(init=False, repr=False)
    unread: InputSpec | None = field(init=False, repr=False)  # checked if `together` does not
    passes: tuple[tuple[Selection, list[Scorer]], ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        tables = []
        passes: list[tuple[Selection, list[Scorer]]] = []
        for selection, scorer in self.blocks:
            if isinstance(scorer, TableScorer) and isinstance(selection, ColumnSelection):
                tables.append((selection, scorer))
                continue
            if (
                passes
                and isinstance(scorer, TextScorer)
                and isinstance(passes[-1][1][0], TextScorer)
                and selection.same_as(passes[-1][0])
            ):
                passes[-1][1].append(scorer)
            else:
                passes.append((selection, [scorer]))
        together = None
        unread = None
        if tables:
            spec = common_spec([selection for selection, _ in tables], self.required)
            together = TableSum(spec, len(self.constant), tuple(tables))
        else:
            unread = _unread(self.required, [selection for selection, _ in self.blocks])
        object.__setattr__(self, "together", together)
        object.__setattr__(self, "unread", unread)
        object.__setattr__(self, "passes", tuple(passes))

    @property
    def n_outputs(self) -> int:
        """Number of columns of the scores."""
        return len(self.constant)

    def scores(self, X: Any, rows: np.ndarray | None = None, *, n_threads: int = 1) -> np.ndarray:
        """Return the float64 scores (n_rows, n_outputs)."""
        total = None
        if self.unread is not None:
            self.unread.check_columns(X)
        if self.together is not None:
            total = self.together.scores(X, rows, n_threads=n_threads)
        for selection, scorers in self.passes:
            selected = selection.of(X)
            texts = [scorer for scorer in scorers if isinstance(scorer, TextScorer)]
            if texts:
                total = scores_of_texts(texts, selected, rows, n_threads=n_threads, total=total)
                continue
            part = scorers[0].scores(selected, rows, n_threads=n_threads)
            if total is None:
                total = part
            elif len(part) != len(total):
                raise InputUnsupported("blocks of different numbers of rows")
            else:
                total += part
        if total is None:
            raise InputUnsupported("no blocks")
        return total

    def score_one(self, x: Any) -> np.ndarray:
        """Return the scores (n_outputs,) of one row."""
        total = self.constant
        if self.unread is not None:
            self.unread.row(x)
        if self.together is not None:
            total = total + self.together.row(self.together.spec.row(x))
        for selection, scorers in self.passes:
            selected = selection.of_one(x)
            for scorer in scorers:
                total = total + scorer.score_one(selected)
        return total

    def warm_up(self) -> None:
        """Warm up every block."""
        for _, scorer in self.blocks:
            scorer.warm_up()


@dataclass(frozen=True, eq=False)
class Leaf:
    """A block of a union, with its place in the union's features."""

    name: str  # names of unions on the way are joined by "__"
    selection: Selection
    step: Step
    place: slice
    weight: float

    def inside(self, outer: "Leaf") -> "Leaf":
        """Return the same block as a block of a union that holds its own."""
        if type(outer.selection) is Selection:
            selection = self.selection
        elif type(self.selection) is Selection:
            selection = outer.selection
        else:
            assert isinstance(self.selection, ColumnSelection)
            assert isinstance(outer.selection, ColumnSelection)
            selection = self.selection.within(outer.selection)
        start = outer.place.start
        return Leaf(
            f"{outer.name}__{self.name}",
            selection,
            self.step,
            slice(start + self.place.start, start + self.place.stop),
            outer.weight * self.weight,
        )


@dataclass(frozen=True, eq=False)
class DenseReader:
    """Blocks of features side by side in an array; those of columns share a pass over the table.

    Attributes
    ----------
    leaves : tuple of Leaf
        The blocks. Features that are of none of them are zero.
    n_features : int
        Number of columns of the array.
    required : InputSpec or None
        Columns that there must be, even if no block reads them.
    """

    leaves: tuple[Leaf, ...]
    n_features: int
    required: InputSpec | None = None
    tables: tuple[Any, ...] = field(init=False, repr=False)
    alone: tuple[Leaf, ...] = field(init=False, repr=False)
    spec: InputSpec | None = field(init=False, repr=False)
    unread: InputSpec | None = field(init=False, repr=False)  # checked if there is no `spec`
    has_gaps: bool = field(init=False, repr=False)

    def __post_init__(self) -> None:
        tables: list[Any] = []
        alone: list[Leaf] = []
        for leaf in self.leaves:
            shares = isinstance(leaf.step, TableStep) and isinstance(
                leaf.selection, ColumnSelection
            )
            (tables if shares else alone).append(leaf)
        selections: Any = [leaf.selection for leaf in tables]
        object.__setattr__(self, "tables", tuple(tables))
        object.__setattr__(self, "alone", tuple(alone))
        spec, unread = None, None
        if tables:
            spec = common_spec(selections, self.required)
        else:
            unread = _unread(self.required, [leaf.selection for leaf in self.leaves])
        object.__setattr__(self, "spec", spec)
        object.__setattr__(self, "unread", unread)
        filled = sum(leaf.place.stop - leaf.place.start for leaf in self.leaves)
        object.__setattr__(self, "has_gaps", filled < self.n_features)

    def read(
        self, X: Any, rows: np.ndarray | slice | None = None, *, n_threads: int = 1
    ) -> np.ndarray:
        """Return the features as float64 (n_rows, n_features).

        Parameters
        ----------
        X : object
            An input, or one that is `Opened`.
        rows : ndarray of intp or slice, optional
        n_threads : int

        Raises
        ------
        InputUnsupported
            For input that only the original steps can judge.
        """
        out = None
        if self.unread is not None:
            self.unread.check_columns(X)
        if self.spec is not None:

            def fill(place: np.ndarray, table: Table) -> None:
                if self.has_gaps:
                    place[:] = 0.0
                for leaf in self.tables:
                    columns = place[:, leaf.place]
                    leaf.step.write_part(leaf.selection.table(table), columns)
                    if leaf.weight != 1.0:
                        columns *= leaf.weight

            width = self.n_features
            out = each_chunk(fill, self.spec, X, rows, n_threads, width, width)
        for leaf in self.alone:
            selected = leaf.selection.of(X.X if isinstance(X, Opened) else X)
            block = leaf.step.dense(selected, rows, n_threads=n_threads)
            if out is None:
                out = (np.zeros if self.has_gaps else np.empty)((len(block), self.n_features))
            elif len(out) != len(block):
                raise InputUnsupported("blocks of different numbers of rows")
            out[:, leaf.place] = block if leaf.weight == 1.0 else block * leaf.weight
        if out is None:
            raise InputUnsupported("no blocks")
        return out

    def read_one(self, x: Any) -> np.ndarray:
        """Return the features (n_features,) of one row."""
        out = (np.zeros if self.has_gaps else np.empty)(self.n_features)
        if self.unread is not None:
            self.unread.row(x)
        if self.spec is not None:
            row = self.spec.row(x)
            for leaf in self.tables:
                part = leaf.step.part(leaf.selection.table(row))[0]
                out[leaf.place] = part if leaf.weight == 1.0 else part * leaf.weight
        for leaf in self.alone:
            part = leaf.step.dense_one(leaf.selection.of_one(x))
            out[leaf.place] = part if leaf.weight == 1.0 else part * leaf.weight
        return out

    def warm_up(self) -> None:
        """Warm up every block."""
        for leaf in self.leaves:
            leaf.step.warm_up()


@dataclass(frozen=True, eq=False)
class UnionStep(Step):
    """Blocks side by side: a ``FeatureUnion`` or a ``ColumnTransformer``."""

    original: Any
    names: tuple[str, ...]
    selections: tuple[Selection, ...]
    steps: tuple[Step, ...]
    weights: tuple[float, ...]
    places: tuple[slice, ...] | None  # of each block in the features
    n_features: int | None
    twin: Any = field(repr=False)  # the original with compiled steps in it
    spec: InputSpec | None = None  # of the columns that it demands, if it reads a table

    @property
    def exact_scores(self) -> bool:
        """Blocks that are not compiled are multiplied in float64, as the stack would be."""
        return (
            self.places is not None
            and any(step.exact_scores for step in self.steps)
            and all(step.exact_scores or isinstance(step, OriginalStep) for step in self.steps)
        )

    @property
    def reads_text(self) -> bool:
        """Whether a block of whole rows does."""
        return any(
            type(selection) is Selection and step.reads_text
            for selection, step in zip(self.selections, self.steps, strict=True)
        )

    @property
    def may_give_integers(self) -> bool:
        """Whether every block may."""
        return all(step.may_give_integers for step in self.steps)

    @cached_property
    def fixed_dtype(self) -> np.dtype | None:
        """Dtype of the stack, if it is known of each block."""
        dtypes = {step.fixed_dtype for step in self.steps}
        return None if None in dtypes or not dtypes else np.result_type(*dtypes)

    @cached_property
    def has_doubles(self) -> bool:
        """Whether a block is sure to be of float64, so that numbers beside it become float64."""
        return any(step.fixed_dtype == np.float64 for step in self.steps)

    def in_doubles(self) -> "UnionStep | None":
        """Return a twin that refuses input of which the original makes float32."""
        if self.has_doubles:
            return self
        twins = [step.in_doubles() for step in self.steps]
        steps = tuple(twin for twin in twins if twin is not None)
        return replace(self, steps=steps) if len(steps) == len(twins) else None

    def transform(self, X: Any, *, n_threads: int = 1) -> Any:
        """Return what ``original.transform(X)`` returns."""
        # Names of a frame's columns come from the transformers themselves.
        return (self.twin if default_containers() else self.original).transform(X)

    def bind(self, coef: np.ndarray) -> Scorer:
        """Give each block its rows of the coefficients."""
        return SumScorer(self._bound(coef), np.zeros(coef.shape[1]), self.spec)

    def _bound(self, coef: np.ndarray) -> tuple[tuple[Selection, Scorer], ...]:
        if self.places is None or coef.shape[0] != self.n_features:
            raise ValueError(f"coef has {coef.shape[0]} rows, the step {self.n_features} features")
        return tuple(
            (leaf.selection, leaf.step.bind(coef[leaf.place] * leaf.weight))
            for leaf in self.leaves()
            if leaf.place.stop > leaf.place.start
        )

    def dense(
        self, X: Any, rows: np.ndarray | slice | None = None, *, n_threads: int = 1
    ) -> np.ndarray:
        """Return the features as float64 (n_rows, n_features)."""
        if self.n_features is None or self.n_features > MAX_DENSE_FEATURES:
            raise InputUnsupported(f"{self.n_features} features are too many for a dense array")
        return self.reader.read(X, rows, n_threads=n_threads)

    def dense_one(self, x: Any) -> np.ndarray:
        """Return the features (n_features,) of one row."""
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
        if self.places is None:
            raise Unsupported("the number of features is not known")
        found: list[Leaf] = []
        for name, selection, step, weight, place in zip(
            self.names, self.selections, self.steps, self.weights, self.places, strict=True
        ):
            leaf = Leaf(name, selection, step, place, weight)
            inner = step.leaves() if isinstance(step, UnionStep) else []
            found.extend(child.inside(leaf) for child in inner)
            if not isinstance(step, UnionStep):
                found.append(leaf)
        return found

    def warm_up(self) -> None:
        """Warm up every block."""
        for step in self.steps:
            step.warm_up()

    def report(self, name: str) -> list[StepReport]:
        """Return the rows of the blocks."""
        return [
            row
            for child, step in zip(self.names, self.steps, strict=True)
            for row in step.report(f"{name}__{child}" if name else child)
        ]


@dataclass(frozen=True, eq=False)
class TableUnionStep(UnionStep, TableStep):
    """Blocks side by side that all read columns: one pass over the table."""

    def in_doubles(self) -> "TableUnionStep | None":
        """Return a twin that refuses input of which the original makes float32."""
        twin = UnionStep.in_doubles(self)
        assert twin is None or isinstance(twin, TableUnionStep)
        return twin

    def part(self, table: Table) -> np.ndarray:
        """Return the features of a chunk of rows."""
        return self._stacked(table, lambda step, selected: step.part(selected))

    def next_table(self, table: Table) -> Table:
        """Return what the following step sees of a chunk of rows."""
        dtype = self.fixed_dtype
        if dtype is None and self.has_doubles and table.row is not None:
            dtype = np.dtype(np.float64)  # a row has no column of objects
        if dtype is not None:
            return BlockTable(self.part(table), dtype)
        dtypes = set()

        def read(step: TableStep, selected: Table) -> np.ndarray:
            block = step.next_table(selected)
            dtypes.add(block.dtype)
            return block.floats(strict=False, copy=False)

        block = self._stacked(table, read)
        return BlockTable(block, dtypes.pop() if len(dtypes) == 1 else np.result_type(*dtypes))

    def _stacked(self, table: Table, read: Callable[[TableStep, Table], np.ndarray]) -> np.ndarray:
        """Return side by side what ``read`` gives for each block."""
        assert self.places is not None
        assert self.n_features is not None
        out = np.empty((table.n_rows, self.n_features))
        for selection, step, weight, place in zip(
            self.selections, self.steps, self.weights, self.places, strict=True
        ):
            assert isinstance(step, TableStep)
            part = read(step, selection.table(table))
            out[:, place] = part if weight == 1.0 else part * weight
        return out

    def bind(self, coef: np.ndarray) -> TableSum:
        """Give each block its rows of the coefficients."""
        assert self.spec is not None
        blocks: Any = self._bound(coef)
        return TableSum(self.spec, coef.shape[1], blocks)

    def dense(
        self, X: Any, rows: np.ndarray | slice | None = None, *, n_threads: int = 1
    ) -> np.ndarray:
        """Return the features as float64 (n_rows, n_features)."""
        return TableStep.dense(self, X, rows, n_threads=n_threads)

    def dense_one(self, x: Any) -> np.ndarray:
        """Return the features (n_features,) of one row."""
        return TableStep.dense_one(self, x)


def _union_step(**values: Any) -> UnionStep:
    """Return a union that makes one pass over a table if all of its blocks read one."""
    by_column = values["places"] is not None and values["spec"] is not None
    steps, weights = values["steps"], values["weights"]
    twins = tuple(map(_weighted, steps, weights))
    if None in twins:
        values.update(places=None, n_features=None)
        return UnionStep(**values)
    values["steps"] = twins
    if by_column and all(isinstance(step, TableStep) for step in steps):
        return TableUnionStep(**values)
    return UnionStep(**values)


def _weighted(step: Step, weight: float) -> Step | None:
    """Return a twin of a block whose weight may be multiplied in float64; None if none may."""
    if weight == 1.0:
        return step
    small = step.fixed_dtype not in (np.float64, np.int64) and not isinstance(step, OriginalStep)
    if small and not isinstance(weight, float):
        return None  # small integers could overflow
    return step.in_doubles()


@dataclass(frozen=True, eq=False)
class PipelineStep(Step):
    """Transformers one after the other around one compiled head."""

    original: Any
    prefix: tuple[Any, ...]  # before the head, as they are
    head: Step
    tail: tuple[tuple[Any, LinearMap | None], ...]
    reports: tuple[tuple[str, Any, str], ...]  # of prefix and tail: name, transformer, reason
    n_features: int | None

    @property
    def exact_scores(self) -> bool:
        """Whether every step after the head is linear."""
        return self.head.exact_scores and all(found is not None for _, found in self.tail)

    @property
    def fixed_dtype(self) -> np.dtype | None:
        """Dtype of the head, made float64 by a linear step that computes."""
        dtype = self.head.fixed_dtype
        maps = [found for _, found in self.tail if found is not None]
        if len(maps) < len(self.tail) or dtype is None or is_single(dtype):
            return None
        return np.dtype(np.float64) if any(found.computes for found in maps) else dtype

    @property
    def reads_text(self) -> bool:
        """Whether the head does, if it comes first."""
        return not self.prefix and self.head.reads_text

    def transform(self, X: Any, *, n_threads: int = 1) -> Any:
        """Return what ``original.transform(X)`` returns."""
        for transformer in self.prefix:
            X = transformer.transform(X)
        X = self.head.transform(X, n_threads=n_threads)
        for transformer, _ in self.tail:
            if transformer is not None and not isinstance(transformer, str):
                X = transformer.transform(X)
        return X

    def bind(self, coef: np.ndarray) -> Scorer:
        """Fold the steps after the head into the coefficients."""
        for _, found in reversed(self.tail):
            if found is None:
                raise ValueError("a step after the features is not linear")
            coef = found.fold(coef)
        scorer = self.head.bind(coef)
        return PrefixScorer(self.prefix, scorer) if self.prefix else scorer

    def dense(
        self, X: Any, rows: np.ndarray | slice | None = None, *, n_threads: int = 1
    ) -> np.ndarray:
        """Return the features as float64 (n_rows, n_features)."""
        if self.prefix or any(found is None for _, found in self.tail):
            return super().dense(X, rows, n_threads=n_threads)
        block = self.head.dense(X, rows, n_threads=n_threads)
        return np.ascontiguousarray(self._mapped(block))

    def dense_one(self, x: Any) -> np.ndarray:
        """Return the features (n_features,) of one row."""
        if self.prefix or any(found is None for _, found in self.tail):
            raise InputUnsupported("a step beside the features is not compiled")
        return self._mapped(self.head.dense_one(x)[None])[0]

    def _mapped(self, block: np.ndarray) -> np.ndarray:
        for _, found in self.tail:
            assert found is not None
            block = found.apply(block)
        return block

    def warm_up(self) -> None:
        """Warm up the head."""
        self.head.warm_up()

    def report(self, name: str) -> list[StepReport]:
        """Return a row for each step."""
        rows = []
        for child, transformer, reason in self.reports:
            full = "__".join(part for part in (name, child) if part)
            if transformer is self.head:
                rows.extend(self.head.report(full))
            else:
                rows.append(StepReport(full, type(transformer).__name__, not reason, reason))
        return rows


@dataclass(frozen=True, eq=False)
class PrefixScorer(Scorer):
    """A scorer behind transformers that are not compiled."""

    prefix: tuple[Any, ...]
    scorer: Scorer

    @property
    def n_outputs(self) -> int:
        """Number of columns of the scores."""
        return self.scorer.n_outputs

    def scores(self, X: Any, rows: np.ndarray | None = None, *, n_threads: int = 1) -> np.ndarray:
        """Return the float64 scores (n_rows, n_outputs)."""
        if rows is not None:
            X = take_rows(X, rows)
        for transformer in self.prefix:
            X = transformer.transform(X)
        return self.scorer.scores(X, n_threads=n_threads)

    def warm_up(self) -> None:
        """Warm up the scorer."""
        self.scorer.warm_up()

    def score_one(self, x: Any) -> np.ndarray:
        """Refuse: the transformers before want a table."""
        raise InputUnsupported("a step before the features is not compiled")


@register(FeatureUnion)
def compile_union(union: Any) -> Step:
    """Compile the transformers of a ``FeatureUnion``."""
    weights = union.transformer_weights or {}
    names, steps, replaced = [], [], []
    for name, transformer in union.transformer_list:
        if isinstance(transformer, str):
            if transformer == "passthrough":
                raise Unsupported(f"{name!r} passes its input through")
            replaced.append((name, transformer))
            continue
        step = compile_step(transformer)
        names.append(name)
        steps.append(step)
        replaced.append((name, _stand_in(step)))
    twin = copy.copy(union)
    twin.transformer_list = replaced
    twin.n_jobs = None  # sending the blocks to processes would cost more than they do
    sizes = [_n_features(step) for step in steps]
    places, n_features = _places(sizes)
    return _union_step(
        spec=_spec_of(steps),
        original=union,
        names=tuple(names),
        selections=(Selection(),) * len(steps),
        steps=tuple(steps),
        weights=tuple(1.0 if weights.get(name) is None else weights[name] for name in names),
        places=places,
        n_features=n_features,
        twin=twin,
    )


@register(ColumnTransformer)
def compile_column_transformer(columns: Any) -> Step:
    """Compile the transformers of a ``ColumnTransformer``."""
    fitted_names = getattr(columns, "feature_names_in_", None)
    table_names = None if fitted_names is None else tuple(fitted_names.tolist())
    n_columns = columns.n_features_in_
    weights = columns.transformer_weights or {}
    names, steps, selections, places, replaced = [], [], [], [], []
    for name, transformer, selected in columns.transformers_:
        if (isinstance(transformer, str) and transformer == "drop") or _is_empty(selected):
            replaced.append((name, transformer, selected))
            continue
        selection = ColumnSelection(
            _positions(selected, table_names, n_columns), table_names, n_columns
        )
        step = compile_step(transformer)
        if isinstance(step, TableStep) and isinstance(selection.columns, int):
            step = OriginalStep(transformer, "its column is passed as a vector, not as a table")
        names.append(name)
        steps.append(step)
        selections.append(selection)
        places.append(columns.output_indices_[name])
        replaced.append((name, _stand_in(step), selected))
    twin = copy.copy(columns)
    twin.transformers_ = replaced
    twin.n_jobs = None  # see compile_union
    return _union_step(
        original=columns,
        names=tuple(names),
        selections=tuple(selections),
        steps=tuple(steps),
        weights=tuple(1.0 if weights.get(name) is None else weights[name] for name in names),
        places=tuple(places),
        n_features=max((place.stop for place in places), default=0),
        twin=twin,
        spec=common_spec(selections) if selections else None,
    )


@register(Pipeline)
def compile_transformer_pipeline(pipeline: Any) -> Step:
    """Compile a ``Pipeline`` of transformers."""
    return compile_steps(pipeline, pipeline.steps)


def compile_steps(original: Any, steps: Sequence[tuple[str, Any]]) -> Step:
    """Compile transformers that follow one another."""
    pending = [(name, step) for name, step in steps if not _passes(step)]
    prefix: list[Any] = []
    reports: list[tuple[str, Any, str]] = []
    head: Step | None = None
    while pending and head is None:
        name, transformer = pending.pop(0)
        step = compile_step(transformer)
        if isinstance(step, OriginalStep):
            prefix.append(transformer)
            reports.append((name, transformer, step.reason))
        else:
            head = step
            reports.append((name, step, ""))
    if head is None:
        raise Unsupported("none of its steps is compiled")
    if isinstance(head, TableStep):
        links = [(reports.pop()[0], head), *_table_steps(pending)]
        del pending[: len(links) - 1]
        if original is None or prefix or pending:
            original_links: Any = _Chain(tuple(step.original for _, step in links))
        else:
            original_links = original
        head = ChainStep(
            original=original_links,
            spec=head.spec,
            n_features=links[-1][1].n_features,
            names=tuple(name for name, _ in links),
            steps=tuple(step for _, step in links),
        )
        reports.append(("", head, ""))
        if not prefix and not pending:
            return head
    while pending and isinstance(head, TextStep) and type(pending[0][1]) is TfidfTransformer:
        if head.is_tfidf:
            break
        name, transformer = pending.pop(0)
        counts = head
        head = with_tfidf(counts, _Chain((counts.original, transformer)), transformer)
        reports[-1] = (reports[-1][0], head, "")
        reports.append((name, transformer, ""))
    tail: list[tuple[Any, LinearMap | None]] = []
    n_features = head.n_features
    for name, transformer in pending:
        try:
            found = linear_map(transformer)
            if found.computes:
                head = _in_doubles(head, reports)
        except Unsupported as reason:
            tail.append((transformer, None))
            reports.append((name, transformer, str(reason)))
            n_features = None
            continue
        tail.append((transformer, found))
        reports.append((name, transformer, ""))
        if found.support is not None:
            n_features = int(found.support.sum())
        elif found.components is not None:
            n_features = len(found.components)
    return PipelineStep(
        original=original,
        prefix=tuple(prefix),
        head=head,
        tail=tuple(tail),
        reports=tuple(reports),
        n_features=n_features,
    )


def _in_doubles(head: Step, reports: list[tuple[str, Any, str]]) -> Step:
    """Return a twin of a head for linear steps that compute, in its place in the reports.

    Raises
    ------
    Unsupported
        If they would be computed in float32.
    """
    twin = head.in_doubles()
    if twin is None:
        raise Unsupported("it computes in the dtype of the features before it")
    for at, (name, step, reason) in enumerate(reports):
        if step is head:
            reports[at] = (name, twin, reason)
    return twin


def _passes(step: Any) -> bool:
    return step is None or (isinstance(step, str) and step == "passthrough")


def _table_steps(steps: Sequence[tuple[str, Any]]) -> list[tuple[str, TableStep]]:
    """Return the first of some steps, as long as they read tables."""
    found = []
    for name, transformer in steps:
        step = compile_step(transformer)
        if not isinstance(step, TableStep):
            break
        found.append((name, step))
    return found


@dataclass(frozen=True, eq=False)
class _Chain:
    """Two original transformers that became one step."""

    transformers: tuple[Any, ...]

    def transform(self, X: Any) -> Any:
        for transformer in self.transformers:
            X = transformer.transform(X)
        return X


def _stand_in(step: Step) -> Any:
    return step.original if isinstance(step, OriginalStep) else CompiledTransformer(step)


def _n_features(step: Step) -> int | None:
    if step.n_features is not None:
        return step.n_features
    try:
        return len(step.original.get_feature_names_out())
    except Exception:
        # Any transformer of anyone's: without a count the union is not fused, and that is all.
        return None


def _places(sizes: list[int | None]) -> tuple[tuple[slice, ...] | None, int | None]:
    places, start = [], 0
    for size in sizes:
        if size is None:
            return None, None
        places.append(slice(start, start + size))
        start += size
    return tuple(places), start


def _is_empty(selected: Any) -> bool:
    if isinstance(selected, np.ndarray) and selected.dtype == bool:
        return not selected.any()
    return hasattr(selected, "__len__") and not isinstance(selected, str) and not len(selected)


def _spec_of(steps: list[Step]) -> InputSpec | None:
    """Return what all the steps of a union demand."""
    found = [step.spec for step in steps if isinstance(step, (TableStep, UnionStep))]
    specs = [spec for spec in found if spec is not None]
    if not specs or len({(spec.names, spec.n_columns) for spec in specs}) > 1:
        return None
    needed: tuple[int, ...] | None = None
    if all(spec.needed is not None for spec in specs):
        needed = tuple(sorted({p for spec in specs for p in spec.needed or ()}))
    by_name = all(spec.by_name for spec in specs)
    return InputSpec(specs[0].names, specs[0].n_columns, by_name, needed)


def _positions(
    selected: Any, names: tuple[Any, ...] | None, n_columns: int
) -> int | tuple[int, ...]:
    """Return the positions of the columns that a ``ColumnTransformer`` selects.

    Raises
    ------
    Unsupported
        If they cannot be told.
    """

    def position(column: Any, default: int) -> int:
        if column is None:
            return default
        if isinstance(column, (int, np.integer)) and not isinstance(column, (bool, np.bool_)):
            return int(column) % n_columns if column < 0 else int(column)
        if names is None or column not in names:
            raise Unsupported(f"column {column!r} is none of those that were fitted")
        return names.index(column)

    if isinstance(selected, slice):
        if isinstance(selected.start, str) or isinstance(selected.stop, str):
            # Labels include the last one.
            start, stop = position(selected.start, 0), position(selected.stop, n_columns - 1) + 1
            return tuple(range(n_columns))[start : stop : selected.step]
        return tuple(range(n_columns))[selected]
    if isinstance(selected, (str, int)) or np.isscalar(selected):
        return position(selected, 0)
    values = np.asarray(selected)
    if values.dtype == bool:
        return tuple(np.flatnonzero(values).tolist())
    return tuple(position(column, 0) for column in values.tolist())
