"""`FeatureUnion` and `ColumnTransformer` read as compiled unions.

Their own rules for stacking, routing and containers stay scikit-learn's: `transform` runs a copy
of the original in which the compiled steps stand in for the transformers.
"""

import copy
from typing import Any

from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import FeatureUnion

from .._registry import OriginalStep, Step, Unsupported, compile_step, register
from ..tables._columns import InputSpec
from ..tables._steps import TableStep
from ._selections import ColumnSelection, Selection, common_spec, is_empty, positions_of
from ._unions import UnionStep, union_step


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
    return union_step(
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
        if (isinstance(transformer, str) and transformer == "drop") or is_empty(selected):
            replaced.append((name, transformer, selected))
            continue
        selection = ColumnSelection(
            positions_of(selected, table_names, n_columns), table_names, n_columns
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
    return union_step(
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
