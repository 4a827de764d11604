"""A pipeline's own ensemble cut off after some of its trees, as an approximate model."""

from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin

from .._compat import available_if
from ..compilers import TreeModel, TruncatedTrees
from ..compilers._features import map_dense
from ..compilers._forwarding import forwarded
from ._graph import BlockGraph


class TruncatedEnsemble(BaseEstimator):
    """The first trees of an ensemble; made fitted, by `truncated_ensemble`.

    Attributes
    ----------
    n_trees : int
        Number of boosting rounds (of trees, in a forest).
    truncated : TruncatedTrees
        The compiled model, on the features of the stage's blocks.
    remaining : TreeModel
        The trees after those, on all features.
    n_features_in_ : int
    """

    n_features_in_ = forwarded("truncated.inner.n_features")

    def __init__(self, n_trees: int, truncated: TruncatedTrees, remaining: TreeModel):
        self.n_trees = n_trees
        self.truncated = truncated
        self.remaining = remaining

    def __repr__(self) -> str:
        return f"{type(self).__name__}(n_trees={self.n_trees})"

    def fit(self, X: Any, y: Any = None) -> "TruncatedEnsemble":
        """Refuse: its trees were fitted with the whole ensemble."""
        raise NotImplementedError("A truncated ensemble is fitted with the whole one.")

    def scores(self, X: Any) -> np.ndarray:
        """Sums of the trees, (n_rows, n_outputs), before calibration."""
        return map_dense(self.truncated.raw, X)

    def predict(self, X: Any) -> np.ndarray:
        """Predict a class or value for each row of features."""
        return self.truncated.predict(self.scores(X))

    def __sklearn_is_fitted__(self) -> bool:
        return True


class TruncatedRegressor(RegressorMixin, TruncatedEnsemble):
    """A truncated regressor or ranker."""


class TruncatedClassifier(ClassifierMixin, TruncatedEnsemble):
    """A truncated classifier, with calibrated probabilities."""

    @property
    def classes_(self) -> np.ndarray:
        """Class labels."""
        classes = self.truncated.classes
        assert classes is not None
        return classes

    def predict_proba(self, X: Any) -> np.ndarray:
        """Predict class probabilities, (n_rows, n_classes), calibrated."""
        return self.truncated.predict_proba(self.scores(X))

    def predict_log_proba(self, X: Any) -> np.ndarray:
        """Predict logarithms of class probabilities, (n_rows, n_classes)."""
        return self.truncated.predict_log_proba(self.scores(X))

    @available_if(lambda self: self.truncated.gives("decision_function"))
    def decision_function(self, X: Any) -> np.ndarray:
        """Calibrated scores, (n_rows,) or (n_rows, n_classes)."""
        return self.truncated.decision_function(self.scores(X))

    def calibrated(self, slope: float, offset: np.ndarray) -> "TruncatedClassifier":
        """Return the same with scores ``slope * scores + offset``."""
        offset = np.asarray(offset, dtype=np.float64)
        truncated = replace(self.truncated, slope=slope, offset=offset)
        return type(self)(self.n_trees, truncated, self.remaining)


def truncation_sizes(graph: BlockGraph) -> list[int]:
    """Numbers of rounds worth cutting off after: halves, quarters and so on of all.

    Empty where the model is no ensemble of trees that compiles, or is small.
    """
    model = graph.trees
    if model is None:
        return []
    counts = {model.n_rounds >> halvings for halvings in range(1, 6)}
    return sorted(count for count in counts if count >= 2)


def n_rounds(graph: BlockGraph) -> int:
    """Boosting rounds (trees, in a forest) of the model; 0 where it is none that compiles."""
    model = graph.trees
    return 0 if model is None else int(model.n_rounds)


def tree_scores(graph: BlockGraph, features: Any) -> np.ndarray:
    """Sums of all trees of the model for all features, (n_rows, n_outputs)."""
    assert graph.trees is not None
    return map_dense(graph.trees.raw, features)


def blocks_used(graph: BlockGraph, n_trees: int) -> tuple[str, ...]:
    """Blocks with a feature that some of the first trees look at, in the pipeline's order."""
    model = graph.trees
    if model is None:
        return ()
    assert graph.union is not None
    used = model.used_features(min(n_trees, model.n_rounds))
    return tuple(
        leaf.name
        for leaf in graph.union.leaves()
        if np.any((used >= leaf.place.start) & (used < leaf.place.stop))
    )


def truncated_ensemble(graph: BlockGraph, n_trees: int, blocks: tuple[str, ...]) -> Any:
    """Make a truncated ensemble on the features of some blocks.

    Parameters
    ----------
    blocks : tuple of str
        Every block that these trees look at; others may be among them.

    Returns
    -------
    TruncatedClassifier, TruncatedRegressor or None
        None where the graph's model has no more trees than that, or does not compile.
    """
    model = graph.trees
    if model is None or model.n_rounds <= n_trees:
        return None
    assert graph.union is not None
    first, remaining = model.split(n_trees)
    places = [leaf.place for leaf in graph.union.leaves() if leaf.name in blocks]
    columns = np.concatenate([np.arange(place.start, place.stop) for place in places])
    kind = TruncatedRegressor if model.classes is None else TruncatedClassifier
    return kind(n_trees, TruncatedTrees.uncalibrated(first.on_features(columns)), remaining)


def match_scores(part, whole, is_relative):
    """Fit ``slope * part + offset`` to the scores of the whole model by least squares.

    A boosted ensemble that stops early is less sure than the whole one, and nearer to where all
    scores started. What is fitted to is the whole model, not the labels: weights of classes or
    rows that the model was trained with stay in force.

    Parameters
    ----------
    part, whole : ndarray of float64 of shape (n_rows, n_outputs)
        Scores of rows that neither was trained on.
    is_relative : bool
        Whether only the differences of a row's scores count, as with a softmax.

    Returns
    -------
    slope : float
        Positive: the order of rows is kept. 1.0 where the scores tell nothing.
    offset : ndarray of float64 of shape (n_outputs,)
    """
    part, whole = np.asarray(part), np.asarray(whole)
    if is_relative:
        part = part - part.mean(axis=1, keepdims=True)
        whole = whole - whole.mean(axis=1, keepdims=True)
    centre, target = part.mean(axis=0), whole.mean(axis=0)
    spread = part - centre
    variance = float(np.sum(spread * spread))
    slope = float(np.sum(spread * (whole - target))) / variance if variance > 0 else 1.0
    if not slope > 0:
        slope = 1.0
    return slope, target - slope * centre
