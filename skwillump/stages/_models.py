"""Approximate models: which to make, and fitting them on some blocks."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.pipeline import Pipeline
from sklearn.utils.metadata_routing import get_routing_for_object
from sklearn.utils.validation import has_fit_parameter

from .._compat import routing_enabled
from .._containers import num_samples
from ..blocks import (
    BlockGraph,
    Store,
    TruncatedEnsemble,
    blocks_used,
    split_pipeline,
    truncated_ensemble,
    truncation_sizes,
)
from ..compilers import fast_vectorizers
from ..planning import match_scores


@dataclass(frozen=True)
class StageSpec:
    """An approximate model to make.

    Attributes
    ----------
    blocks : tuple of str
        The blocks that it uses.
    n_trees : int or None
        The number of the full model's own first trees that it consists of; None for a model that
        is fitted on the blocks.
    slope : float
    offset : tuple of float
        How the scores of those trees are calibrated; empty for not at all.
    """

    blocks: tuple[str, ...]
    n_trees: int | None = None
    slope: float = 1.0
    offset: tuple[float, ...] = ()

    def blocks_in(self, graph: BlockGraph) -> tuple[str, ...]:
        """Blocks that the model uses in another graph, whose trees may look at others."""
        if self.n_trees is None:
            return self.blocks
        used = {*self.blocks, *blocks_used(graph, self.n_trees)}
        return tuple(name for name in graph.names if name in used)

    def of_trees(self, graph: BlockGraph) -> TruncatedEnsemble | None:
        """Return the model of first trees; None where a graph's model has none."""
        assert self.n_trees is not None
        model = truncated_ensemble(graph, self.n_trees, self.blocks_in(graph))
        if model is None or not self.offset:
            return model
        return model.calibrated(self.slope, np.array(self.offset))


def truncated_specs(graph: BlockGraph, first: BlockGraph, features: Any | None) -> list[StageSpec]:
    """Approximate models that are truncations of the full model's own ensemble.

    Parameters
    ----------
    graph : BlockGraph
        The full model that will answer.
    first : BlockGraph
        What calibrates: `graph`, or the same fitted on a fold.
    features : array-like, sparse matrix or None
        All features of rows that the trees of `first` were not trained on; None where the scale of
        the scores does not matter.

    Returns
    -------
    list of StageSpec
        Empty where the model is no ensemble of trees, or is not compiled.
    """
    specs = []
    for n_trees in truncation_sizes(graph):
        blocks = blocks_used(graph, n_trees)
        if not blocks:
            continue
        spec = StageSpec(blocks, n_trees)
        if features is not None:
            model = truncated_ensemble(first, n_trees, first.names)
            if model is None:
                continue
            slope, offset = 1.0, np.zeros(model.truncated.trees.n_outputs)
            if model.truncated.is_boosted:
                slope, offset = match_scores(
                    model.scores(features), model.full_scores(features), model.truncated.is_relative
                )
            spec = StageSpec(blocks, n_trees, slope, tuple(offset.tolist()))
        specs.append(spec)
    return specs


def fit_plainly(estimator, X, y, params: dict, *, compile: bool) -> Any:
    """Fit an estimator of the user's own; with `compile`, kernels do what they do exactly so.

    Returns
    -------
    estimator
        What its `fit` returns.
    """
    with fast_vectorizers() if compile else nullcontext():
        return estimator.fit(X, y, **params)


def fit_graph(estimator, X, y, params: dict, *, compile: bool) -> BlockGraph:
    """Fit a clone of the estimator on a fold; split it into blocks."""
    fitted = fit_plainly(clone(estimator), X, y, params, compile=compile)
    graph = split_pipeline(fitted, compile=compile)
    if graph is None:
        raise ValueError(
            "The estimator has two or more blocks when fitted on all rows but fewer when fitted "
            f"on {num_samples(X)} of them. Use a cv with larger training folds."
        )
    return graph


def fit_stages(
    graph: BlockGraph, specs: Sequence[StageSpec], X, y, params: dict, approx_estimator=None
) -> tuple[Any, ...]:
    """Make each approximate model, None where that cannot be; each block is computed once."""
    Z = graph.prepare(X)
    store: Store = {}
    models = []
    for spec in specs:
        if spec.n_trees is None:
            features = graph.compute(Z, spec.blocks, store)
            model = fit_stage_model(graph, features, y, params, approx_estimator)
        else:
            model = spec.of_trees(graph)
        models.append(model)
    return tuple(models)


def fit_stage_model(graph: BlockGraph, features, y, params: dict, approx_estimator=None):
    """Fit an approximate model: a clone of the steps after the blocks, or the user's own.

    Parameters
    ----------
    graph : BlockGraph
        The full model.
    features : array-like, sparse matrix or data frame
        Features of the stage's blocks.
    y : array-like of shape (n_rows,)
    params : dict
        What the full pipeline's `fit` was given, for these rows.
    approx_estimator : classifier, optional

    Returns
    -------
    estimator
        Fitted.
    """
    if approx_estimator is not None:
        model = clone(approx_estimator)
        renamed = {"": graph.model_steps[-1][0]}
    else:
        # Nested pipelines were opened; Pipeline refuses the "__" of their steps' full names.
        steps = [(path.replace("__", "-"), clone(step)) for path, step in graph.model_steps]
        if len(steps) == 1:
            model = steps[0][1]
            renamed = {"": graph.model_steps[0][0]}
        else:
            model = Pipeline(steps)
            renamed = {
                f"{name}__": path
                for (name, _), (path, _) in zip(steps, graph.model_steps, strict=True)
            }
    return model.fit(features, y, **_params_for(model, renamed, params))


def _params_for(model, renamed: dict[str, str], params: dict) -> dict:
    """Those of the pipeline's fit parameters that the model takes, under its own names."""
    if routing_enabled():
        consumed = get_routing_for_object(model).consumes("fit", params.keys())
        return {key: params[key] for key in consumed}
    taken = {}
    for key, value in params.items():
        for prefix, path in renamed.items():
            if not key.startswith(f"{path}__"):
                continue
            name = prefix + key.removeprefix(f"{path}__")
            if prefix or has_fit_parameter(model, name):
                taken[name] = value
    return taken
