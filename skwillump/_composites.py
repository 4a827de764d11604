"""Scikit-learn's composites, read in one place: `Pipeline`, `FeatureUnion`, `ColumnTransformer`.

A pipeline is a *chain* of steps; a union or a column transformer has *children* side by side. What
is dropped, passed through, weighted or given no columns is decided here and nowhere else, as is
where the blocks of nested composites are. Types are compared exactly: a subclass may combine its
transformers in another way.
"""

from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import FunctionTransformer

from ._compat import is_empty_selection, library_of, selected_columns, selected_positions


def parameter_path(*names: str) -> str:
    """Name of what is inside something, as `set_params` has it; empty names are left out."""
    return "__".join(filter(None, names))


def is_dropped(step: Any) -> bool:
    """Tell whether a step is left out."""
    return isinstance(step, str) and step == "drop"


def is_passthrough(step: Any) -> bool:
    """Tell whether a step passes its input through."""
    return step is None or (isinstance(step, str) and step == "passthrough")


# Chains

Links = list[tuple[str, Any]]
"""Names and steps, one after the other."""


def is_pipeline(estimator: Any) -> bool:
    """Tell whether an estimator is a pipeline whose steps follow one another.

    Those of imbalanced-learn are: their samplers do nothing once they are fitted.
    """
    kind = type(estimator)
    return kind is Pipeline or (kind.__name__ == "Pipeline" and library_of(kind) == "imblearn")


def pipeline_steps(pipeline: Any) -> Links:
    """Steps of a pipeline without passthroughs, and without samplers."""
    return [
        (name, step)
        for name, step in pipeline.steps
        if not (is_passthrough(step) or hasattr(step, "fit_resample"))
    ]


def unsampled(estimator: Any) -> Any:
    """Return the estimator that is alone in a pipeline with samplers; any other as it is."""
    if not is_pipeline(estimator):
        return estimator
    steps = pipeline_steps(estimator)
    return steps[0][1] if len(steps) == 1 else estimator


def samplers_behind(step: Any, pipeline: Any) -> tuple[Any, ...]:
    """Samplers of imbalanced-learn that follow a step of a pipeline, with nothing in between."""
    found: list[Any] = []
    if not is_pipeline(pipeline):
        return ()
    steps = [one for _, one in pipeline.steps]
    for one in steps[next((i + 1 for i, s in enumerate(steps) if s is step), len(steps)) :]:
        if not hasattr(one, "fit_resample"):
            break
        found.append(one)
    return tuple(found)


def chain(estimator: Any, path: str = "") -> Links:
    """Steps that run one after the other, those of nested pipelines among them.

    Parameters
    ----------
    estimator : estimator
        One that is no pipeline is a chain of itself.
    path : str
        What the names of its steps start with.

    Returns
    -------
    list of (str, estimator)
        Without those that pass their input through; names of nested steps are joined by ``__``.
    """
    if not is_pipeline(estimator):
        return [(path, estimator)]
    return [
        link
        for name, step in pipeline_steps(estimator)
        for link in chain(step, parameter_path(path, name))
    ]


def last_step(estimator: Any) -> tuple[str, Any]:
    """Name and step at the end of nested pipelines, those of subclasses too, thawed."""
    names = []
    estimator = thawed(estimator)
    while isinstance(estimator, Pipeline):
        name, last = estimator.steps[-1]
        names.append(name)
        estimator = thawed(last)
    return "__".join(names), estimator


def first_step(estimator: Any) -> Any:
    """Step that is the first to see the input: of pipelines, and of unions their first."""
    while True:
        held = all_children(estimator) if type(estimator) is FeatureUnion else None
        if held:
            estimator = next((child.transformer for child in held if not child.is_absent), None)
        elif isinstance(estimator, Pipeline) and pipeline_steps(estimator):
            estimator = pipeline_steps(estimator)[0][1]
        else:
            return estimator


def thawed(estimator: Any) -> Any:
    """Return the estimator inside a frozen one."""
    while isinstance(estimator, FrozenEstimator):
        estimator = estimator.estimator
    return estimator


# Children


@dataclass(frozen=True, kw_only=True)
class Child:
    """A transformer as a composite holds it."""

    name: str
    transformer: Any  # transformer or str
    columns: Any  # what a `ColumnTransformer` selects for it; None in a `FeatureUnion`
    weight: float  # what its features are multiplied by
    is_absent: bool  # whether it is dropped or is given no columns, so that it has no features


def all_children(node: Any) -> list[Child] | None:
    """Children of a composite, absent ones too; None for anything that has none."""
    if type(node) is FeatureUnion:
        held: Sequence[Any] = [(name, step, None) for name, step in node.transformer_list]
    elif type(node) is ColumnTransformer:
        held = selected_columns(node)
    else:
        return None
    weights = node.transformer_weights or {}
    return [
        Child(
            name=name,
            transformer=identity() if is_passthrough(step) else step,
            columns=columns,
            weight=1.0 if weights.get(name) is None else weights[name],
            is_absent=is_dropped(step) or is_empty_selection(columns),
        )
        for name, step, columns in held
    ]


def children(node: Any) -> list[Child] | None:
    """Children of a composite that have features; None for anything that has none."""
    found = all_children(node)
    return None if found is None else [child for child in found if not child.is_absent]


def identity() -> FunctionTransformer:
    """What scikit-learn puts in the place of a step that passes its input through."""
    return FunctionTransformer(accept_sparse=True, feature_names_out="one-to-one")


def positions(columns: ColumnTransformer, child: Child) -> int | tuple[int, ...]:
    """Positions of the columns of a child; a single column that is passed as a vector is an int."""
    found = selected_positions(columns, child.name)
    is_vector = np.isscalar(child.columns)
    return int(found[0]) if is_vector else tuple(int(position) for position in found)


def with_children(node: Any, transformers: Mapping[str, Any]) -> Any:
    """Return a shallow copy of a composite with other children; those not given are dropped."""
    twin = copy(node)
    if type(node) is FeatureUnion:
        twin.transformer_list = [
            (name, transformers.get(name, "drop")) for name, _ in node.transformer_list
        ]
    else:
        twin.transformers_ = [
            (name, transformers.get(name, "drop"), columns)
            for name, _, columns in node.transformers_
        ]
    return twin


# Blocks of nested composites


@dataclass(frozen=True, kw_only=True)
class NestedBlock:
    """A block of features, however deep it is nested."""

    name: str  # names of the composites' children on the way, joined by ``__``
    transformer: Any
    parameter: str  # its name as a parameter: steps of pipelines on the way are in it too
    columns: Any  # what the innermost `ColumnTransformer` selects; None if there is none
    # Names of the pipelines on the way that have steps before their blocks.
    shared: tuple[str, ...] = ()
    # Whether it is dropped or is given no columns. What may be nested in it is not known then.
    is_absent: bool = False


def nested_blocks(node: Any, parameter: str = "", *, absent: bool = False) -> Iterator[NestedBlock]:
    """Blocks of a composite, in the order of their features.

    A composite among its children is opened, and so is a pipeline that ends in one of two or more
    blocks: the steps before these are shared.

    Parameters
    ----------
    node : FeatureUnion or ColumnTransformer
        Anything else has no blocks.
    parameter : str
        Name of the node as a parameter.
    absent : bool
        Whether to yield what is dropped or empty too, and to open every pipeline that ends in a
        composite, also of one block.
    """
    top = NestedBlock(name="", transformer=node, parameter=parameter, columns=None)
    if all_children(node) is not None:
        yield from _opened(top, absent)


def _opened(block: NestedBlock, absent: bool) -> Iterator[NestedBlock]:
    node = block.transformer
    held = None if block.is_absent else all_children(node)
    if held is not None:
        for child in held:
            if child.is_absent and not absent:
                continue
            yield from _opened(
                NestedBlock(
                    name=parameter_path(block.name, child.name),
                    transformer=child.transformer,
                    parameter=parameter_path(block.parameter, child.name),
                    columns=block.columns if child.columns is None else child.columns,
                    shared=block.shared,
                    is_absent=child.is_absent,
                ),
                absent,
            )
    elif not block.is_absent and _is_opened(node, absent):
        steps = chain(node)
        name, last = steps[-1]
        yield from _opened(
            NestedBlock(
                name=block.name,
                transformer=last,
                parameter=f"{block.parameter}__{name}",
                columns=block.columns,
                shared=(*block.shared, block.name) if len(steps) > 1 else block.shared,
            ),
            absent,
        )
    else:
        yield block


def _is_opened(node: Any, absent: bool) -> bool:
    if not absent:
        return ends_in_blocks(node)
    steps = chain(node) if is_pipeline(node) else []
    return bool(steps) and all_children(steps[-1][1]) is not None


def ends_in_blocks(node: Any) -> bool:
    """Tell whether a pipeline ends in a composite whose blocks can be told apart."""
    if not is_pipeline(node):
        return False
    steps = chain(node)
    return bool(steps) and sum(1 for _ in nested_blocks(steps[-1][1])) >= 2


def column_transformers(node: Any) -> Iterator[ColumnTransformer]:
    """Each `ColumnTransformer` that sees a transformer's own input."""
    if type(node) is ColumnTransformer:
        yield node
    elif is_pipeline(node):
        for _, step in chain(node)[:1]:
            yield from column_transformers(step)
    else:
        for child in children(node) or ():
            yield from column_transformers(child.transformer)
