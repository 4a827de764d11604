"""Approximate models: fitting them on some blocks and reading what they return."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.pipeline import Pipeline
from sklearn.utils.metadata_routing import get_routing_for_object
from sklearn.utils.validation import has_fit_parameter

from .._compat import num_samples, routing_enabled
from .._composites import chain
from ..blocks import (
    BlockGraph,
    Store,
    TruncatedEnsemble,
    blocks_used,
    split_pipeline,
    truncated_ensemble,
    truncation_sizes,
)
from ..compilers import predicts_largest
from ..planning import confidence, match_scores, predicted_codes


def response_method(*estimators) -> str | None:
    """Method that tells how sure all of these classifiers are; None if they share none."""
    for method in ("predict_proba", "decision_function"):
        if all(hasattr(estimator, method) for estimator in estimators):
            return method
    return None


def align_response(response, model_classes, classes, is_probability):
    """Response of a model that may not have seen every class, with a column for each class.

    Parameters
    ----------
    response : ndarray of shape (n_rows,) or (n_rows, n_model_classes)
    model_classes : ndarray of shape (n_model_classes,)
    classes : ndarray of shape (n_classes,)
        Sorted, a superset of `model_classes`.
    is_probability : bool
        A class that the model does not know gets probability 0, or the decision value -inf.

    Returns
    -------
    ndarray of shape (n_rows,) or (n_rows, n_classes)
    """
    if len(model_classes) == len(classes):
        return response
    if response.ndim == 1:
        response = np.column_stack([-response, response])
    fill = 0.0 if is_probability else -np.inf
    aligned = np.full((len(response), len(classes)), fill, dtype=response.dtype)
    aligned[:, np.searchsorted(classes, model_classes)] = response
    return aligned


def predicts_largest_response(model, method: str) -> bool:
    """Whether `predict` of a stage's model is known to give the class of its largest response."""
    if isinstance(model, TruncatedEnsemble):
        return True
    return predicts_largest(chain(model)[-1][1], method)


def stage_codes(model, inputs, response, classes, *, is_largest: bool) -> np.ndarray:
    """Positions of the classes that a stage's model predicts.

    A row with a label that is no class counts as one of the class with the largest response.

    Parameters
    ----------
    model : object with a `predict`
    inputs : array-like or sparse matrix
        What its `predict` takes: features, or scores of a compiled model.
    response : ndarray of shape (n_rows,) or (n_rows, n_classes)
        Its probabilities or decision values.
    classes : ndarray of shape (n_classes,)
    is_largest : bool
        Whether it is known to predict the class of its largest response, so that it need not be
        asked.

    Returns
    -------
    ndarray of intp of shape (n_rows,)
    """
    if is_largest:
        return predicted_codes(response)
    labels = model.predict(inputs)
    codes = np.minimum(np.searchsorted(classes, labels), len(classes) - 1)
    foreign = np.flatnonzero(classes[codes] != labels)
    if len(foreign):
        # Such as the label of outliers of a RadiusNeighborsClassifier, which is no class.
        codes[foreign] = predicted_codes(response[foreign])
    return codes


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


def tree_specs(graph: BlockGraph, features, of_trees: BlockGraph) -> list[StageSpec]:
    """Approximate models that consist of the full model's own first trees.

    Parameters
    ----------
    graph : BlockGraph
        The full model that will answer.
    features : array-like or sparse matrix
        All features of rows that the trees of `of_trees` were not trained on.
    of_trees : BlockGraph
        What calibrates: `graph`, or the same fitted on a part of the data.

    Returns
    -------
    list of StageSpec
        Empty where the model is no ensemble of trees, or is not compiled.
    """
    specs = []
    for n_trees in truncation_sizes(graph):
        model = truncated_ensemble(of_trees, n_trees, of_trees.names)
        if model is None:
            continue
        slope, offset = 1.0, np.zeros(model.truncated.trees.n_outputs)
        if model.truncated.is_boosted:
            slope, offset = match_scores(
                model.scores(features), model.full_scores(features), model.truncated.is_relative
            )
        blocks = blocks_used(graph, n_trees)
        if blocks:
            specs.append(StageSpec(blocks, n_trees, slope, tuple(offset.tolist())))
    return specs


def fit_graph(estimator, X, y, params: dict, *, compile: bool) -> BlockGraph:
    """Fit a clone of the estimator on a part of the rows; split it into blocks."""
    graph = split_pipeline(clone(estimator).fit(X, y, **params), compile=compile)
    if graph is None:
        raise ValueError(
            "The estimator has two or more blocks when fitted on all rows but fewer when fitted "
            f"on {num_samples(X)} of them. Use a cv with larger training parts."
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


@dataclass(frozen=True)
class Task:
    """What stays the same for every part of the data.

    Attributes
    ----------
    classes : ndarray of shape (n_classes,)
    method : {"predict_proba", "decision_function"}
    measures : tuple of str
        Measures of confidence to record.
    keep_responses : bool
        Whether whole responses are needed, for other scores than accuracy.
    approx_estimator : classifier or None
    compile : bool
        Whether blocks may run compiled.
    """

    classes: np.ndarray
    method: str
    measures: tuple[str, ...]
    keep_responses: bool
    approx_estimator: Any
    compile: bool

    @property
    def is_probability(self) -> bool:
        """Whether responses are probabilities."""
        return self.method == "predict_proba"

    def respond(self, model, features) -> np.ndarray:
        """Response of a model, with a column for each class."""
        response = getattr(model, self.method)(features)
        return align_response(response, model.classes_, self.classes, self.is_probability)

    def decide(self, model, features) -> tuple[np.ndarray, np.ndarray]:
        """Predicted classes and confidence, as in the first stage of a cascade."""
        response = self.respond(model, features)
        codes = self.codes(model, features, response)
        return codes, confidence(response, codes, self.measures[0])

    def codes(self, model, features, response) -> np.ndarray:
        """Positions of the classes that a model predicts."""
        is_largest = predicts_largest_response(model, self.method)
        return stage_codes(model, features, response, self.classes, is_largest=is_largest)

    def read(self, response) -> tuple[np.ndarray, np.ndarray]:
        """Classes of the largest responses and confidence in them."""
        codes = predicted_codes(response)
        return codes, confidence(response, codes, self.measures[0])
