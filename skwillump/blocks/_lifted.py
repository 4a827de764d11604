"""Wrappers around pipelines, read as pipelines that end in wrappers.

``CalibratedClassifierCV(make_pipeline(features, model))`` answers as ``features`` followed by
``CalibratedClassifierCV(model)``, with the same fitted model inside. So the transformers of the
members are *lifted* out of a wrapper, and what is left is a pipeline whose steps can be told apart.
Members whose transformers are equal share them. Others are put side by side, and each model reads
its own columns (`OnColumns`).
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from copy import copy
from dataclasses import dataclass
from typing import Any

import joblib
import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator, clone
from sklearn.compose import ColumnTransformer
from sklearn.model_selection import FixedThresholdClassifier, TunedThresholdClassifierCV
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.utils import get_tags

from .._compat import available_if, positive_label
from .._composites import Links, chain, nested_blocks, parameter_path
from .._wrappers import (
    inside_transparent,
    is_wrapper,
    members_of,
    reads_x_itself,
    replace_members,
)
from ..compilers._forwarding import forwarded


@dataclass(frozen=True, kw_only=True)
class _Member:
    """An estimator inside a wrapper."""

    name: str
    fitted: Any  # estimator
    features: Links  # its steps before the model
    model: Any  # estimator: its last step

    @property
    def is_constant(self) -> bool:
        """Whether it looks at no feature, as a label that no row has makes it."""
        return type(self.fitted).__name__ == "_ConstantPredictor"


@dataclass(frozen=True, kw_only=True)
class _Group:
    """Members whose features are the same."""

    name: str  # of the first of them
    features: Links
    n_features: int | None

    def holds(self, member: _Member) -> bool:
        """Whether a member computes these features."""
        if len(member.features) != len(self.features) or _width(member) != self.n_features:
            return False
        pairs = zip(self.features, member.features, strict=True)
        return all(_are_equal(one, other) for (_, one), (_, other) in pairs)


def lifted_chain(fitted: Any, row: Any = None) -> Links:
    """Steps of a fitted estimator one after the other, those inside wrappers among them.

    A search is the estimator that it chose, a frozen estimator the one that it froze. The last
    step may be a wrapper, whose members read what the steps before it return.

    Parameters
    ----------
    fitted : estimator
    row : array-like, sparse matrix, data frame or list, optional
        A row as the estimator takes it, for containers and dtypes.
    """
    inner = inside_transparent(fitted)[1]
    steps = chain(inner)
    if not steps:
        return [("", inner)]
    *before, (name, last) = steps
    if inside_transparent(last)[1] is not last:
        return [*before, *_below(name, lifted_chain(last, _after(before, row)))]
    if is_wrapper(last):
        # Behind blocks, columns that members read would change with the blocks.
        has_blocks = any(len(list(nested_blocks(step))) > 1 for _, step in before)
        features, model = _lift(last, None if has_blocks else _after(before, row))
        return [*before, *_below(name, features), (name, model)]
    return steps


def _below(path: str, links: Links) -> Links:
    return [(parameter_path(path, name), step) for name, step in links]


def _after(steps: Links, row: Any) -> Any:
    """A row behind some steps; None where that is not known."""
    with suppress(Exception):
        for _, step in steps:
            row = None if row is None else step.transform(row)
        return row
    return None


def _lift(wrapper: Any, row: Any) -> tuple[Links, Any]:
    """Steps that the members of a wrapper run before their models, and a wrapper of the models."""
    if reads_x_itself(wrapper):
        return [], wrapper
    members = []
    for name, fitted in members_of(wrapper):
        *features, (_, model) = lifted_chain(fitted, row)
        members.append(_Member(name=name, fitted=fitted, features=features, model=model))
    if all(member.model is member.fitted for member in members):
        return [], wrapper
    groups: list[_Group] = []
    group_of: dict[int, int] = {}
    for at, member in enumerate(members):
        if member.is_constant:
            continue
        known = next((i for i, group in enumerate(groups) if group.holds(member)), len(groups))
        if known == len(groups):
            groups.append(
                _Group(name=member.name, features=member.features, n_features=_width(member))
            )
        group_of[at] = known
    models = [member.model for member in members]
    if len(groups) == 1:
        return groups[0].features, _around(wrapper, models, groups[0].n_features)
    columns = _columns(groups, row)
    if columns is None:
        return [], wrapper
    for at, group in group_of.items():
        models[at] = OnColumns.holding(models[at], **columns[group])
    n_features = columns[-1]["stop"]
    return [("", _side_by_side(groups))], _around(wrapper, models, n_features)


def _width(member: _Member) -> int | None:
    """Number of features that a member's model takes."""
    return getattr(member.model, "n_features_in_", None)


def _are_equal(one: Any, other: Any) -> bool:
    """Tell whether two fitted transformers do the same, being of equal content."""
    if one is other:
        return True
    if type(one) is not type(other):
        return False
    with suppress(Exception):
        return bool(joblib.hash(_content(one)) == joblib.hash(_content(other)))
    return False


def _content(step: Any) -> Any:
    step = copy(step)
    vars(step).pop("_stop_words_id", None)  # an address
    return step


def _columns(groups: Sequence[_Group], row: Any) -> list[dict[str, Any]] | None:
    """Where the columns of each group are, and in what form its models take them.

    None where that is not known.
    """
    found, start = [], 0
    for group in groups:
        if group.n_features is None:
            return None
        features = _after(group.features, row)
        if not (isinstance(features, np.ndarray) or sparse.issparse(features)):
            return None  # names of columns would be lost
        if features.shape[1] != group.n_features or features.dtype.kind not in "iufb":
            return None
        stop = start + group.n_features
        found.append(
            {
                "start": start,
                "stop": stop,
                "dtype": features.dtype,
                "is_sparse": sparse.issparse(features),
            }
        )
        start = stop
    return found


def _side_by_side(groups: Sequence[_Group]) -> FeatureUnion:
    """Features of all groups beside each other."""
    return FeatureUnion([(group.name, _as_one(group.features)) for group in groups])


def _as_one(links: Links) -> Any:
    if not links:
        return "passthrough"
    if len(links) == 1:
        return links[0][1]
    return Pipeline([(name.replace("__", "-"), step) for name, step in links])


def _around(wrapper: Any, models: Sequence[Any], n_features: int | None) -> Any:
    """Return a copy of a fitted wrapper around other fitted models, that can be cloned too."""
    remaining = iter(models)
    twin = replace_members(wrapper, lambda _: next(remaining)).twin
    if "n_features_in_" in vars(twin):
        twin.n_features_in_ = n_features
    given = getattr(wrapper, "estimators", None)
    if given is not None:
        fresh = iter(models)
        twin.estimators = [
            (name, held if isinstance(held, str) else unfitted(next(fresh))) for name, held in given
        ]
        return twin
    parameter = "regressor" if hasattr(wrapper, "regressor") else "estimator"
    model = next((m for m in models if type(m).__name__ != "_ConstantPredictor"), None)
    if model is not None:
        inner = model.estimator_ if is_on_columns(model) else model
        setattr(twin, parameter, unfitted(inner))
    return twin


def first_copy(features: Any, model: Any, names: Sequence[str]) -> tuple[str, ...]:
    """Names of the blocks of the first member, where members are copies fitted on folds.

    Parameters
    ----------
    features : transformer
        What holds the blocks.
    model : estimator
        The last step.
    names : sequence of str
        Of all blocks.
    """
    folds = getattr(model, "calibrated_classifiers_", None)
    if not folds or not is_on_columns(folds[0].estimator):
        return ()
    name = features.transformer_list[0][0]
    return tuple(one for one in names if one == name or one.startswith(f"{name}__"))


def hides_blocks(fitted: Any) -> str:
    """Name of the type of an estimator that has blocks inside it which are not seen; or nothing."""
    last = lifted_chain(fitted)[-1][1]
    parameters = last.get_params() if hasattr(last, "get_params") else {}
    composites = (FeatureUnion, ColumnTransformer)
    hidden = any(isinstance(value, composites) for value in parameters.values())
    return type(last).__name__ if hidden else ""


# Fitting again


def unfitted(model: Any, positions: np.ndarray | None = None) -> Any:
    """Return a clone of a model to fit on some features, without searches in it.

    Parameters
    ----------
    model : estimator
        Fitted; a threshold that was searched for is kept.
    positions : ndarray of intp of shape (n_chosen,), optional
        The features among all; members of an ensemble that read none of them are left out.
    """
    if type(model) is TunedThresholdClassifierCV:
        return FixedThresholdClassifier(
            unfitted(model.estimator_, positions),
            threshold=model.best_threshold_,
            pos_label=positive_label(model),
            response_method=model.response_method,
        )
    given = getattr(model, "estimators", None)
    if positions is None or not isinstance(given, list) or not _read_columns(given):
        return clone(model)
    kept = [(name, member.among(positions)) for name, member in given]
    twin = clone(model)
    twin.estimators = [
        (name, member) for name, member in kept if isinstance(member, str) or member is not None
    ]
    weights = getattr(model, "weights", None)
    if weights is not None:
        pairs = zip(weights, kept, strict=True)
        twin.weights = [weight for weight, (_, member) in pairs if member is not None]
    return twin


def _read_columns(given: list[Any]) -> bool:
    members = [pair[1] for pair in given if isinstance(pair, tuple)]
    return bool(members) and all(map(is_on_columns, members))


def settled(fitted: Any) -> Any:
    """Return an unfitted estimator that is fitted as a fitted one was, without its searches.

    A search at the end of pipelines is replaced by a clone of what it chose.

    Returns
    -------
    estimator or None
        None where there is no search.
    """
    inner = inside_transparent(fitted)[1]
    if inner is not fitted:
        return settled(inner) or clone(inner)
    if not isinstance(fitted, Pipeline) or not fitted.steps:
        return None
    name, last = fitted.steps[-1]
    found = settled(last) if hasattr(last, "fit") else None
    if found is None:
        return None
    twin = clone(fitted)
    return twin.set_params(**{name: found})


def _has(method: str) -> "Callable[[OnColumns], bool]":
    def check(self: "OnColumns") -> bool:
        getattr(getattr(self, "estimator_", self.estimator), method)
        return True

    return check


def is_on_columns(model: Any) -> bool:
    """Whether a model is an `OnColumns`, which holds another one."""
    return isinstance(model, OnColumns)


class OnColumns(BaseEstimator):
    """A model that reads some of the columns of X, in the form in which it was fitted on them.

    Parameters
    ----------
    estimator : estimator
    start, stop : int
        The columns.
    dtype : dtype
        Of the features that the model takes.
    is_sparse : bool
        Whether it takes them as a sparse matrix.
    """

    classes_ = forwarded("estimator_.classes_")

    def __init__(self, estimator: Any, *, start: int, stop: int, dtype: Any, is_sparse: bool):
        self.estimator = estimator
        self.start = start
        self.stop = stop
        self.dtype = dtype
        self.is_sparse = is_sparse

    @classmethod
    def holding(cls, fitted: Any, **columns: Any) -> "OnColumns":
        """Return a fitted model on some columns."""
        made = cls(clone(fitted), **columns)
        made.estimator_ = fitted
        return made

    def among(self, positions: np.ndarray) -> "OnColumns | None":
        """Return the same, not fitted, where only some columns are left; None where none is."""
        start, stop = np.searchsorted(positions, [self.start, self.stop]).tolist()
        if start == stop:
            return None
        return clone(self).set_params(start=start, stop=stop)

    def columns(self, X: Any) -> Any:
        """Return its columns of X."""
        taken = X[:, self.start : self.stop].astype(self.dtype, copy=False)
        if sparse.issparse(taken) and not self.is_sparse:
            return taken.toarray()
        return sparse.csr_matrix(taken) if self.is_sparse and not sparse.issparse(taken) else taken

    def fit(self, X: Any, y: Any = None, **params: Any) -> "OnColumns":
        """Fit a clone of the model on its columns."""
        self.estimator_ = clone(self.estimator).fit(self.columns(X), y, **params)
        return self

    @available_if(_has("predict"))
    def predict(self, X: Any) -> Any:
        """Return what the model predicts."""
        return self.estimator_.predict(self.columns(X))

    @available_if(_has("predict_proba"))
    def predict_proba(self, X: Any) -> Any:
        """Return the model's probabilities."""
        return self.estimator_.predict_proba(self.columns(X))

    @available_if(_has("predict_log_proba"))
    def predict_log_proba(self, X: Any) -> Any:
        """Return the logarithms of the model's probabilities."""
        return self.estimator_.predict_log_proba(self.columns(X))

    @available_if(_has("decision_function"))
    def decision_function(self, X: Any) -> Any:
        """Return the model's decision values."""
        return self.estimator_.decision_function(self.columns(X))

    def __sklearn_tags__(self) -> Any:
        return get_tags(self.estimator)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "estimator_")
