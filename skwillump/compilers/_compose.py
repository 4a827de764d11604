"""Transformers made of transformers: ``Pipeline``, ``FeatureUnion``, ``ColumnTransformer``.

Their own rules for stacking, routing and containers stay scikit-learn's: ``transform`` runs a copy
of the original in which the compiled steps stand in for the transformers.
"""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.pipeline import FeatureUnion, Pipeline

from skwillump.compilers._between import LinearMap, linear_map
from skwillump.compilers._registry import (
    InputUnsupported,
    OriginalStep,
    Scorer,
    Step,
    StepReport,
    Unsupported,
    compile_step,
    register,
    take_rows,
)
from skwillump.compilers._text import TextStep, with_tfidf


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
class SumScorer(Scorer):
    """The sum of the scores of blocks that stand side by side."""

    blocks: tuple[tuple["Selection", Scorer], ...]
    constant: np.ndarray  # (n_outputs,), of blocks without columns: zero

    @property
    def n_outputs(self) -> int:
        """Number of columns of the scores."""
        return len(self.constant)

    def scores(self, X: Any, rows: np.ndarray | None = None, *, n_threads: int = 1) -> np.ndarray:
        """Return the float64 scores (n_rows, n_outputs)."""
        total = None
        for selection, scorer in self.blocks:
            part = scorer.scores(selection.of(X), rows, n_threads=n_threads)
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
        for selection, scorer in self.blocks:
            total = total + scorer.score_one(selection.of_one(x))
        return total

    def warm_up(self) -> None:
        """Warm up every block."""
        for _, scorer in self.blocks:
            scorer.warm_up()


@dataclass(frozen=True, eq=False)
class Selection:
    """The part of the input that a block reads: all of it."""

    def of(self, X: Any) -> Any:
        """Select from many rows."""
        return X

    def of_one(self, x: Any) -> Any:
        """Select from one row."""
        return x


@dataclass(frozen=True, eq=False)
class ColumnSelection(Selection):
    """Columns of a table, as ``ColumnTransformer`` passes them to a transformer."""

    columns: Any  # a name or position, or a list of either
    names: tuple[Any, ...] | None  # of all columns that were fitted
    n_columns: int

    def of(self, X: Any) -> Any:
        """Return a column, or a table of columns."""
        try:
            if hasattr(X, "columns"):
                if self.names is None:
                    raise InputUnsupported("a data frame, but an array was fitted")
                return X[self._labels()]
            is_table = isinstance(X, np.ndarray) and X.ndim == 2 and X.shape[1] == self.n_columns
            if is_table and self.names is None:
                return X[:, self.columns]
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
        if isinstance(self.columns, (list, np.ndarray)):
            raise InputUnsupported("several columns of one row")
        try:
            if isinstance(x, Mapping):
                return x[self._labels()]
            if isinstance(x, (Sequence, np.ndarray)) and not isinstance(x, (str, bytes)):
                if len(x) != self.n_columns:
                    raise InputUnsupported(f"a row of {len(x)} values, not {self.n_columns}")
                return x[self._positions()]
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise InputUnsupported(f"columns cannot be selected: {error}") from error
        raise InputUnsupported(f"{type(x).__name__} is no row with columns")

    def _labels(self) -> Any:
        """Return names for positions: a data frame is read by name if one was fitted."""
        if self.names is None:
            raise InputUnsupported("a row of names, but an array was fitted")
        names = self.names
        if isinstance(self.columns, list):
            return [names[c] if isinstance(c, int) else c for c in self.columns]
        return names[self.columns] if isinstance(self.columns, int) else self.columns

    def _positions(self) -> Any:
        if self.names is None:
            return self.columns
        names = self.names
        if isinstance(self.columns, list):
            return [c if isinstance(c, int) else names.index(c) for c in self.columns]
        return self.columns if isinstance(self.columns, int) else names.index(self.columns)


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
            raise Unsupported("columns are selected twice")
        start = outer.place.start
        return Leaf(
            f"{outer.name}__{self.name}",
            selection,
            self.step,
            slice(start + self.place.start, start + self.place.stop),
            outer.weight * self.weight,
        )


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

    @property
    def exact_scores(self) -> bool:
        """Blocks that are not compiled are multiplied in float64, as the stack would be."""
        return (
            self.places is not None
            and any(step.exact_scores for step in self.steps)
            and all(step.exact_scores or isinstance(step, OriginalStep) for step in self.steps)
        )

    def transform(self, X: Any, *, n_threads: int = 1) -> Any:
        """Return what ``original.transform(X)`` returns."""
        return self.twin.transform(X)

    def bind(self, coef: np.ndarray) -> Scorer:
        """Give each block its rows of the coefficients."""
        if self.places is None or coef.shape[0] != self.n_features:
            raise ValueError(f"coef has {coef.shape[0]} rows, the step {self.n_features} features")
        blocks = tuple(
            (selection, step.bind(coef[place] * weight))
            for selection, step, weight, place in zip(
                self.selections, self.steps, self.weights, self.places, strict=True
            )
            if place.stop > place.start
        )
        return SumScorer(blocks, np.zeros(coef.shape[1]))

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

    def warm_up(self) -> None:
        """Warm up the head."""
        self.head.warm_up()

    def report(self, name: str) -> list[StepReport]:
        """Return a row for each step."""
        rows = []
        for child, transformer, reason in self.reports:
            full = f"{name}__{child}" if name else child
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
    return UnionStep(
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
        step = compile_step(transformer)
        names.append(name)
        steps.append(step)
        selections.append(ColumnSelection(_plain_columns(selected), table_names, n_columns))
        places.append(columns.output_indices_[name])
        replaced.append((name, _stand_in(step), selected))
    twin = copy.copy(columns)
    twin.transformers_ = replaced
    twin.n_jobs = None  # see compile_union
    return UnionStep(
        original=columns,
        names=tuple(names),
        selections=tuple(selections),
        steps=tuple(steps),
        weights=tuple(1.0 if weights.get(name) is None else weights[name] for name in names),
        places=tuple(places),
        n_features=max((place.stop for place in places), default=0),
        twin=twin,
    )


@register(Pipeline)
def compile_transformer_pipeline(pipeline: Any) -> Step:
    """Compile a ``Pipeline`` of transformers."""
    return compile_steps(pipeline, pipeline.steps)


def compile_steps(original: Any, steps: Sequence[tuple[str, Any]]) -> Step:
    """Compile transformers that follow one another."""
    pending = list(steps)
    prefix: list[Any] = []
    reports: list[tuple[str, Any, str]] = []
    head: Step | None = None
    while pending and head is None:
        name, transformer = pending.pop(0)
        if transformer is None or (isinstance(transformer, str) and transformer == "passthrough"):
            continue
        step = compile_step(transformer)
        if isinstance(step, OriginalStep):
            prefix.append(transformer)
            reports.append((name, transformer, step.reason))
        else:
            head = step
            reports.append((name, step, ""))
    if head is None:
        raise Unsupported("none of its steps is compiled")
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


def _plain_columns(selected: Any) -> Any:
    """Return a name, a position, or a list of either, of Python's own types.

    Raises
    ------
    Unsupported
        For slices, which may be of labels.
    """
    if isinstance(selected, slice):
        raise Unsupported("columns given as a slice")
    if isinstance(selected, (str, int)) or np.isscalar(selected):
        return selected.item() if isinstance(selected, np.generic) else selected
    values = np.asarray(selected)
    if values.dtype == bool:
        return np.flatnonzero(values).tolist()
    return values.tolist()
