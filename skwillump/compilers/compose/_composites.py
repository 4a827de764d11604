"""`FeatureUnion` and `ColumnTransformer` read as compiled unions.

Their own rules for stacking, routing and containers stay scikit-learn's: `transform` runs a copy
of the original in which the compiled steps stand in for the transformers.
"""

from collections.abc import Sequence
from typing import Any

from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import FeatureUnion

from ..._composites import children, positions, with_children
from .._original_step import OriginalStep
from .._registry import compile_step, register
from .._steps import Step
from ..tables._input import InputSpec
from ..tables._own_functions import own_step
from ._chains import of_arrays
from ._dense_reader import Leaf
from ._own_columns import columns_step, in_order
from ._selections import ColumnSelection, Selection, common_spec
from ._table_unions import union_step
from ._unions import UnionStep


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


@register(FeatureUnion)
def compile_union(union: Any) -> Step:
    """Compile the transformers of a `FeatureUnion`."""
    held = children(union) or []
    steps = [columns_step(child.transformer) or of_arrays(child.transformer) for child in held]
    leaves = [
        Leaf(child.name, Selection(), step, slice(0, 0), child.weight)
        for child, step in zip(held, steps, strict=True)
    ]
    found = UnionStep(
        original=union,
        blocks=tuple(leaves),
        n_features=None,
        twin=_twin(union, leaves),
        spec=_spec_of(steps),
    )
    return union_step(found.laid_out())


@register(ColumnTransformer)
def compile_column_transformer(columns: Any) -> Step:
    """Compile the transformers of a `ColumnTransformer`."""
    fitted_names = getattr(columns, "feature_names_in_", None)
    names = None if fitted_names is None else tuple(fitted_names.tolist())
    held = children(columns) or []
    selections = [
        ColumnSelection(positions(columns, child), names, columns.n_features_in_) for child in held
    ]
    leaves = []
    for child, selection in zip(held, selections, strict=True):
        step = _of_columns(child.transformer, selection)
        if step.reads_columns and selection.is_vector:
            reason = "its column is passed as a vector, not as a table"
            step = OriginalStep(child.transformer, reason)
        chosen = None if names is None else tuple(names[at] for at in selection.positions)
        place = columns.output_indices_[child.name]
        leaves.append(Leaf(child.name, selection, in_order(step, chosen), place, child.weight))
    n_features = max((leaf.place.stop for leaf in leaves), default=0)
    spec = common_spec(selections) if selections else None
    return union_step(
        UnionStep(
            original=columns,
            blocks=tuple(leaves),
            n_features=n_features,
            twin=_twin(columns, leaves),
            spec=spec,
        )
    )


def _of_columns(transformer: Any, selection: ColumnSelection) -> Step:
    """Return the step of a transformer of columns, which may be one of the user's own."""
    step = compile_step(transformer)
    if step.is_compiled or selection.is_vector:
        return step
    names = selection.names
    chosen = None if names is None else tuple(names[at] for at in selection.positions)
    return own_step(transformer, InputSpec(chosen, len(selection.positions), False)) or step


def _twin(original: Any, leaves: Sequence[Leaf]) -> Any:
    """Return a composite in which compiled steps stand for the transformers."""
    twin = with_children(original, {leaf.name: _stand_in(leaf.step) for leaf in leaves})
    twin.n_jobs = None  # sending the blocks to processes would cost more than they do
    return twin


def _stand_in(step: Step) -> Any:
    return CompiledTransformer(step) if step.is_compiled else step.original


def _spec_of(steps: list[Step]) -> InputSpec | None:
    """Return what all the steps of a union demand."""
    if any(step.chooses_by_name for step in steps):
        return None
    specs = [step.demands for step in steps if step.demands is not None]
    if not specs or len({(spec.names, spec.n_columns) for spec in specs}) > 1:
        return None
    needed: tuple[int, ...] | None = None
    if all(spec.needed is not None for spec in specs):
        needed = tuple(sorted({p for spec in specs for p in spec.needed or ()}))
    by_name = all(spec.by_name for spec in specs)
    is_as_fitted = any(spec.is_as_fitted for spec in specs)
    return InputSpec(specs[0].names, specs[0].n_columns, by_name, needed, is_as_fitted)
