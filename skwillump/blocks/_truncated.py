"""The first trees of a pipeline's own ensemble, as an approximate model."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils.metaestimators import available_if

from ..compilers import FirstTrees, InputUnsupported, TreeModel, Unsupported, compile_trees
from ..compilers._registry import to_dense
from ._graph import BlockGraph


class FirstTreesModel(BaseEstimator):
    """The first trees of another model; made fitted, by `first_trees`.

    Attributes
    ----------
    n_trees : int
        Number of boosting rounds (of trees, in a forest).
    first : FirstTrees
        The compiled model, on the features of the stage's blocks.
    rest : TreeModel
        The trees after those, on all features.
    n_features_in_ : int
    """

    def __init__(self, n_trees: int, first: FirstTrees, rest: TreeModel):
        self.n_trees = n_trees
        self.first = first
        self.rest = rest

    def __repr__(self) -> str:
        return f"{type(self).__name__}(n_trees={self.n_trees})"

    @property
    def n_features_in_(self) -> int:
        """Number of features."""
        return self.first.trees.n_features

    def fit(self, X: Any, y: Any = None) -> FirstTreesModel:
        """Refuse: its trees were fitted with the whole ensemble."""
        raise NotImplementedError("The first trees of an ensemble are fitted with the ensemble.")

    def scores(self, X: Any) -> np.ndarray:
        """Sums of the trees, (n_rows, n_outputs), before calibration."""
        return self.first.raw(to_dense(X))

    def full_scores(self, X: Any) -> np.ndarray:
        """Sums of all trees, where `X` holds all features."""
        features = to_dense(X)
        return self.rest.raw(features, start=self.first.raw(features))

    def predict(self, X: Any) -> np.ndarray:
        """Predict a class or value for each row of features."""
        return self.first.predict(self.scores(X))

    def __sklearn_is_fitted__(self) -> bool:
        return True


class FirstTreesRegressor(RegressorMixin, FirstTreesModel):
    """The first trees of a regressor or ranker."""


class FirstTreesClassifier(ClassifierMixin, FirstTreesModel):
    """The first trees of a classifier, with calibrated probabilities."""

    @property
    def classes_(self) -> np.ndarray:
        """Class labels."""
        return self.first.classes

    def predict_proba(self, X: Any) -> np.ndarray:
        """Predict class probabilities, (n_rows, n_classes), calibrated."""
        return self.first.predict_proba(self.scores(X))

    def predict_log_proba(self, X: Any) -> np.ndarray:
        """Predict logarithms of class probabilities, (n_rows, n_classes)."""
        return self.first.predict_log_proba(self.scores(X))

    @available_if(lambda self: self.first.gives("decision_function"))
    def decision_function(self, X: Any) -> np.ndarray:
        """Calibrated scores, (n_rows,) or (n_rows, n_classes)."""
        return self.first.decision_function(self.scores(X))

    def calibrated(self, slope: float, offset: np.ndarray) -> FirstTreesClassifier:
        """Return the same with scores ``slope * scores + offset``."""
        first = replace(self.first, slope=slope, offset=np.asarray(offset, dtype=np.float64))
        return type(self)(self.n_trees, first, self.rest)


def tree_counts(graph: BlockGraph) -> list[int]:
    """Numbers of first trees worth a try: halves, quarters and so on of all rounds.

    Empty where the model is no ensemble of trees that compiles, or is small.
    """
    model = trees_of(graph)
    if model is None:
        return []
    counts = {model.n_rounds >> halvings for halvings in range(1, 6)}
    return sorted(count for count in counts if count >= 2)


def blocks_of_trees(graph: BlockGraph, n_trees: int) -> tuple[str, ...]:
    """Blocks with a feature that some of the first trees look at, in the pipeline's order."""
    model = trees_of(graph)
    if model is None:
        return ()
    assert graph.union is not None
    used = model.used_features(min(n_trees, model.n_rounds))
    return tuple(
        leaf.name
        for leaf in graph.union.leaves()
        if np.any((used >= leaf.place.start) & (used < leaf.place.stop))
    )


def first_trees(graph: BlockGraph, n_trees: int, blocks: tuple[str, ...]) -> Any:
    """Make the model of the first trees, on the features of some blocks.

    Parameters
    ----------
    graph : BlockGraph
    n_trees : int
    blocks : tuple of str
        Every block that these trees look at; others may be among them.

    Returns
    -------
    FirstTreesClassifier, FirstTreesRegressor or None
        None where the graph's model has no more trees than that, or does not compile.
    """
    model = trees_of(graph)
    if model is None or model.n_rounds <= n_trees:
        return None
    assert graph.union is not None
    first, rest = model.split(n_trees)
    places = [leaf.place for leaf in graph.union.leaves() if leaf.name in blocks]
    columns = np.concatenate([np.arange(place.start, place.stop) for place in places])
    kind = FirstTreesRegressor if model.classes is None else FirstTreesClassifier
    return kind(n_trees, FirstTrees.of(first.on_features(columns)), rest)


def trees_of(graph: BlockGraph) -> TreeModel | None:
    """Return the model of a graph, if it is one of trees right behind compiled blocks."""
    union = graph.union
    if union is None or len(graph.model_steps) != 1:
        return None
    try:
        model = compile_trees(graph.model_steps[-1][1])
        names = tuple(leaf.name for leaf in union.leaves())
    except (Unsupported, InputUnsupported):
        return None
    if names != graph.names or union.n_features != model.n_features:
        return None
    return model.reading(union)
