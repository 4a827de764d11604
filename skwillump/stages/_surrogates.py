"""Linear surrogates: models that are cheaper than the pipeline's own, on the same features.

Where most of what a row costs is the model, a linear model on the same features can answer the easy
rows, or discard those that cannot be among the best. It is fitted on the same labels with the same
weights. Features that are not sparse are scaled for the fit, and the scales folded into the
coefficients, so that the surrogate is one linear map.
"""

import warnings
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.base import clone, is_classifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.preprocessing import MaxAbsScaler, StandardScaler
from sklearn.utils import compute_class_weight
from sklearn.utils.metadata_routing import get_routing_for_object

from .._compat import routing_enabled
from .._containers import column_names, take_rows
from ..blocks import BlockGraph
from ..compilers import Unsupported
from ._costs import BlockCosts
from ._labels import UNLABELLED, takes_unlabelled

LEAST_MODEL_SHARE = 0.2
"""Least share of the cost of a row that the model must have, with the blocks whose work a linear
one spares, for a cheaper one to be tried. Others could spare little even if they answered every
row."""

MOST_ROUNDS = 100
"""Of the solver: a surrogate need not be at the minimum."""

TOLERANCE = 1e-3
"""Of the solver."""

INVERSE_PENALTY = 10.0
"""Of the classifier. With 1, scikit-learn's default, models of normalized texts are too smooth."""

MOST_COEFFICIENTS = 1 << 22
"""Of a surrogate: the solver of the classifier keeps some twenty copies of them."""

WIDE_VALUES = 100.0
"""Sparse features with a larger value are scaled."""


def projected_blocks(graph: BlockGraph) -> frozenset[str]:
    """Blocks that make few features of many, as latent semantic analysis does of words.

    A linear model on what they make is one on what they are made from: nothing is projected.
    """
    if graph.union is None:
        return frozenset()
    try:
        leaves = graph.union.leaves()
    except Unsupported:
        return frozenset()  # nothing is known of its blocks
    return frozenset(leaf.name for leaf in leaves if leaf.step.projects)


def projection_seconds(graph: BlockGraph, costs: BlockCosts) -> float:
    """Seconds a row of these blocks."""
    return sum(costs.keys.get(name, 0.0) for name in projected_blocks(graph))


def is_dear(graph: BlockGraph, costs: BlockCosts) -> bool:
    """Whether the model, or what a linear one would spare, costs so much that that can pay."""
    spared = costs.model + projection_seconds(graph, costs)
    return spared >= LEAST_MODEL_SHARE * costs.full(graph)


def why_not_dear(graph: BlockGraph, costs: BlockCosts) -> str:
    """Why a cheaper model cannot pay, in words."""
    share = costs.model / max(costs.full(graph), 1e-12)
    return (
        f"the estimator has a single block, and its model takes {share:.0%} of the time of a row, "
        "so that a cheaper model would spare little"
    )


def takes_surrogates(graph: BlockGraph, y: Any) -> bool:
    """Whether a linear model can stand for the pipeline's own: of one label or value a row."""
    is_number = np.asarray(y).dtype.kind in "fiub"
    return np.ndim(y) == 1 and (is_classifier(graph.last_model) or is_number)


def fit_surrogate(graph: BlockGraph, features: Any, y: Any, params: dict[str, Any]) -> Any:
    """Fit a linear model on the features of some rows.

    Parameters
    ----------
    graph : BlockGraph
        The full model.
    features : array-like, sparse matrix or data frame
    y : array-like of shape (n_rows,)
    params : dict
        What the full pipeline's `fit` was given, for these rows; of it the weights of rows are
        used.

    Returns
    -------
    LogisticRegression or Ridge
        Fitted on the features as they are given.

    Raises
    ------
    ValueError
        If it would have too many coefficients, or the features are none that it reads.
    """
    model = graph.last_model
    X: Any = features.tocsr() if sparse.issparse(features) else np.asarray(features, np.float64)
    X, y, weights = labelled_rows(graph, X, y, params)
    for sampler in graph.samplers:
        X, y = clone(sampler).fit_resample(X, y)
    n_outputs = len(np.unique(y)) if is_classifier(model) else 1
    if n_outputs * X.shape[1] > MOST_COEFFICIENTS:
        raise ValueError(
            f"{X.shape[1]} features and {n_outputs} classes would give a linear model more than "
            f"{MOST_COEFFICIENTS} coefficients"
        )
    scaler = _scaler(X)
    if scaler is not None:
        X = scaler.fit_transform(X)
    surrogate = _unfitted(model, y, is_sparse=sparse.issparse(X))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        surrogate.fit(X, y, sample_weight=weights)
    if scaler is not None:
        surrogate.coef_ = surrogate.coef_ / scaler.scale_
        if getattr(scaler, "mean_", None) is not None:
            surrogate.intercept_ = surrogate.intercept_ - surrogate.coef_ @ scaler.mean_
    names = column_names(features)
    if names is not None and all(isinstance(name, str) for name in names):
        surrogate.feature_names_in_ = np.asarray(names, dtype=object)  # what it is asked of
    return surrogate


def labelled_rows(
    graph: BlockGraph, X: Any, y: Any, params: dict[str, Any]
) -> tuple[Any, np.ndarray, Any]:
    """Rows that have a label, where some may have none, with their labels and weights."""
    path, model = graph.model_steps[-1]
    weights = sample_weight_of(path, model, params)
    y = np.asarray(y)
    if is_classifier(model) and takes_unlabelled(model):
        known = np.flatnonzero(y != UNLABELLED)
        X, y = take_rows(X, known), y[known]
        weights = None if weights is None else take_rows(weights, known)
    return X, y, weights


def _scaler(X: Any) -> StandardScaler | MaxAbsScaler | None:
    """What puts features on one scale, where they may be on several."""
    if not sparse.issparse(X):
        return StandardScaler()
    return MaxAbsScaler() if np.abs(X.data).max(initial=0.0) > WIDE_VALUES else None


def _unfitted(model: Any, y: np.ndarray, *, is_sparse: bool) -> LogisticRegression | Ridge:
    """A linear model for what another one predicts."""
    if not is_classifier(model):
        return Ridge(solver="sparse_cg" if is_sparse else "auto", tol=TOLERANCE)
    return LogisticRegression(
        C=INVERSE_PENALTY,
        tol=TOLERANCE,
        max_iter=MOST_ROUNDS,
        class_weight=class_weight_of(model, y),
    )


def class_weight_of(model: Any, y: np.ndarray) -> Any:
    """Weights of classes of a model, where they are such as a linear model takes."""
    given = getattr(model, "class_weight", None)
    if given == "balanced_subsample":
        given = "balanced"
    try:
        compute_class_weight(given, classes=np.unique(y), y=y)
    except ValueError:
        return None
    return given


def sample_weight_of(path: str, model: Any, params: dict[str, Any]) -> Any:
    """Weights of rows among what the full pipeline's `fit` was given; None where there are none."""
    if not routing_enabled():
        return params.get(f"{path}__sample_weight" if path else "sample_weight")
    requests = get_routing_for_object(model)
    request = getattr(requests, "fit", None)
    asked = None if request is None else request.requests.get("sample_weight")
    return params.get(asked if isinstance(asked, str) else "sample_weight") if asked else None
