"""A `Pipeline` of transformers as compiled steps, joined where several become one.

Steps over tables that follow one another make one pass; a `TfidfTransformer` joins the counts
before it; linear steps are folded into what comes after them. What is not compiled runs as it is,
between compiled steps.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import Normalizer

from ..._composites import Links, chain, children, ends_in_blocks, parameter_path, pipeline_steps
from .._features import has_set_output
from .._given_rows import GivenRows
from .._linear_maps import LinearMap
from .._original_step import OriginalStep
from .._registry import compile_step, linear_map, register
from .._row_map_step import RowMapStep
from .._steps import Step
from .._unsupported import Unsupported
from ..own_code._bytecode import Own, own_code
from ..tables._chains import ChainStep
from ..tables._input import InputSpec
from ..tables._own_functions import own_step
from ..tables._steps import TableStep
from ..text._idf import norms_of_rows
from ..text._vectorizers import with_tfidf
from ._mapped import MappedStep
from ._own_columns import (
    SelectedStep,
    columns_step,
    filling_step,
    row_selector_step,
    selector_step,
)
from ._sequences import SequenceStep
from ._unions import UnionStep


@register(Pipeline)
def compile_transformer_pipeline(pipeline: Any) -> Step:
    """Compile a `Pipeline` of transformers."""
    steps = pipeline_steps(pipeline)
    if len(steps) == 1 and ends_in_blocks(pipeline):
        # Its blocks are blocks of the union that holds it.
        ((name, composite),) = steps
        step: Any = compile_step(composite)
        if step.holds_blocks:
            return replace(step, original=pipeline, path=parameter_path(name, step.path))
    return compile_steps(pipeline, steps)


def compile_steps(
    original: Any, steps: Sequence[tuple[str, Any]], *, given: Step | None = None
) -> Step:
    """Compile transformers that follow one another.

    Parameters
    ----------
    original : transformer or None
        What runs them all; None if there is nothing but the steps.
    steps : sequence of (str, transformer)
        Without those that pass their input through.
    given : Step, optional
        What reads the input before them, and passes it on.

    Raises
    ------
    Unsupported
        If there are no steps.
    """
    if not steps:
        raise Unsupported("it has no steps")
    whole = Chain(tuple(step for _, step in steps)) if original is None else original
    pending = list(steps)
    names: list[str] = []
    found: list[Step] = []
    while pending or not found:
        reads_sparse = bool(found) and found[-1].gives_matrix
        name, step = _next(pending, given if not found else None, reads_sparse=reads_sparse)
        names.append(name)
        found.append(step)
    if len(found) > 1 and found[0].chooses_columns:
        return SelectedStep(whole, tuple(names), tuple(found))
    if len(found) == 1 and not names[0]:
        return replace(found[0], original=whole)  # type: ignore[type-var]
    return SequenceStep(whole, tuple(names), tuple(found))


def _next(pending: Links, head: Any, *, reads_sparse: bool) -> tuple[str, Step]:
    """Take the next transformers that become one step, with a head that is there already, if any.

    Returns
    -------
    name : str
        Empty if the step tells names of its own.
    step : Step
    """
    name, transformer = ("", None) if head is not None else pending.pop(0)
    head = head or _chosen(transformer, pending) or of_arrays(transformer)
    if head.n_features is None and pending:
        n_features = getattr(pending[0][1], "n_features_in_", None)  # of what reads it
        head = head if n_features is None else head.sized(n_features)
    if head.chooses_columns:
        return name, head
    if reads_sparse and (head.reads_columns or head.holds_blocks):
        head = _of_sparse(transformer)
        if not head.gives_matrix:
            return name, head
    elif head.reads_columns:
        name, head = "", _joined(name, head, pending)
    elif not head.is_compiled:
        return name, filling_step(head) if pending else head
    merged: Links = []
    while (
        pending
        and head.counts_terms
        and type(pending[0][1]) is TfidfTransformer
        and _was_fitted_on(pending[0][1], head.n_features)
    ):
        merged.append(pending.pop(0))
        head = with_tfidf(head, Chain((head.original, merged[-1][1])), merged[-1][1])
    maps: list[LinearMap] = []
    after: Links = []
    n_features = head.n_features
    makes_dense = False
    while pending and _was_fitted_on(pending[0][1], n_features):
        try:
            is_dense = own_code(pending[0][1]) is Own.DENSE
            found = LinearMap() if is_dense else linear_map(pending[0][1])
            makes_dense |= is_dense
            is_projected = any(one.components is not None for one in maps)
            if head.gives_matrix and not (makes_dense or is_projected):
                found = found.of_sparse()
            if found.computes:
                head = head.in_doubles()
        except Unsupported:
            break
        maps.append(found)
        after.append(pending.pop(0))
        if found.support is not None:
            n_features = int(found.support.sum())
        elif found.components is not None:
            n_features = len(found.components)
    if not after and not merged:
        return name, head
    own = () if head.passes_input else (head.original,)
    step = MappedStep(
        original=Chain((*own, *(step for _, step in after))),
        head=head,
        transformers=tuple(step for _, step in after),
        maps=tuple(maps),
        names=(name, *(child for child, _ in after)),
        merged=tuple(merged),
        n_features=n_features,
        makes_dense=makes_dense,
    )
    return "", step


def _was_fitted_on(transformer: Any, n_features: int | None) -> bool:
    """Tell whether a transformer may read so many features.

    One that was fitted apart from those before it may not, and says so where it is given them.
    """
    known = getattr(transformer, "n_features_in_", None)
    return known is None or n_features is None or known == n_features


def _chosen(transformer: Any, pending: Links) -> Step | None:
    """Return a step of the user's own that chooses columns; None where nothing reads them so."""
    columns = columns_step(transformer)
    if columns is not None and (not pending or _reads_table(pending[0][1])):
        return columns
    if pending and isinstance(compile_step(pending[0][1]), RowMapStep):
        by_row = row_selector_step(transformer)
        if by_row is not None:
            return by_row
    return selector_step(transformer) if pending else None


def _reads_table(transformer: Any) -> bool:
    step = compile_step(transformer)
    return step.reads_columns and not step.chooses_by_name


def _of_sparse(transformer: Any) -> Step:
    """Return what reads a sparse matrix, of a transformer that is compiled for tables."""
    if type(transformer) is Normalizer and transformer.norm in ("l1", "l2"):
        return norms_of_rows(transformer)
    if type(transformer) is FeatureUnion:
        return _union_of_sparse(transformer)
    try:
        return compile_step(transformer).on_sparse_rows()
    except Unsupported as reason:
        return OriginalStep(transformer, str(reason))


def _union_of_sparse(union: Any) -> Step:
    """Return what reads a sparse matrix, of a union of transformers."""
    found: Any = compile_step(union)
    blocks = []
    for leaf, child in zip(found.blocks, children(union) or (), strict=True):
        step = _block_of_sparse(child.transformer)
        if leaf.weight != 1.0 and step.in_doubles() is not step:
            return found  # weights of another dtype than float64
        blocks.append(replace(leaf, step=step))
    return UnionStep(
        original=union, blocks=tuple(blocks), n_features=None, twin=found.twin
    ).laid_out()


def _block_of_sparse(transformer: Any) -> Step:
    """Return what reads a sparse matrix, of a block of a union."""
    try:
        return compile_steps(None, chain(transformer), given=GivenRows.of(transformer))
    except Unsupported:
        return compile_step(transformer)


def _joined(name: str, head: TableStep, pending: Links) -> ChainStep:
    """Take the steps over tables that follow one."""
    names, steps = [name], [head]
    while pending and _was_fitted_on(pending[0][1], steps[-1].n_features):
        step: Any = _behind(steps[-1], pending[0][1])
        if not step.reads_columns or step.chooses_by_name:
            break
        names.append(pending.pop(0)[0])
        steps.append(step)
    return ChainStep(
        original=Chain(tuple(step.original for step in steps)),
        spec=head.spec,
        n_features=steps[-1].n_features,
        names=tuple(names),
        steps=tuple(steps),
    )


def of_arrays(transformer: Any) -> Step:
    """Return the step of a transformer, which may be one of the user's own over arrays."""
    step = compile_step(transformer)
    own = None if step.is_compiled else own_step(transformer)
    return step if own is None or own.spec.names is not None else own


def _behind(before: TableStep, transformer: Any) -> Step:
    """Return the step of what follows a step over tables."""
    step = compile_step(transformer)
    if step.is_compiled or not before.gives_array or has_set_output(before.original):
        return step
    return own_step(transformer, InputSpec(None, before.n_features, False)) or step


@dataclass(frozen=True, eq=False)
class Chain:
    """Original transformers that became one step."""

    transformers: tuple[Any, ...]

    def transform(self, X: Any) -> Any:
        for transformer in self.transformers:
            X = transformer.transform(X)
        return X

    def __getattr__(self, name: str) -> Any:
        # What the first one knows of its input.
        if name in ("feature_names_in_", "n_features_in_") and "transformers" in self.__dict__:
            return getattr(self.transformers[0], name)
        raise AttributeError(name)
