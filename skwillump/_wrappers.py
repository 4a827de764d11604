"""Estimators around estimators, seen through: searches, thresholds, calibration, ensembles.

What such a wrapper makes of the answers of the estimators inside it stays scikit-learn's own code:
a copy of the wrapper runs with compiled twins in their places. One row runs through the same code,
in a container that only the twins look into (`OneRow`).
"""

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass
from typing import Any

import numpy as np

from ._compat import library_of
from ._near_ties import NO_ROWS, any_of, near_ties, not_above

Compile = Callable[[Any], Any]
"""Makes the compiled twin of a fitted estimator."""

TRANSPARENT = {
    "GridSearchCV": "best_estimator_",
    "RandomizedSearchCV": "best_estimator_",
    "HalvingGridSearchCV": "best_estimator_",
    "HalvingRandomSearchCV": "best_estimator_",
    "FrozenEstimator": "estimator",
}
"""Wrappers whose answers are those of one estimator inside them, and the attribute that it is."""

_HELD = {
    "FixedThresholdClassifier": ("estimator_",),
    "TunedThresholdClassifierCV": ("estimator_",),
    "TransformedTargetRegressor": ("regressor_",),
    "SelfTrainingClassifier": ("estimator_",),
    "CalibratedClassifierCV": ("calibrated_classifiers_",),
    "VotingClassifier": ("estimators_",),
    "VotingRegressor": ("estimators_",),
    "StackingClassifier": ("estimators_", "final_estimator_"),
    "StackingRegressor": ("estimators_", "final_estimator_"),
    "OneVsRestClassifier": ("estimators_",),
    "MultiOutputClassifier": ("estimators_",),
    "MultiOutputRegressor": ("estimators_",),
    "OneVsOneClassifier": ("estimators_",),
    "BaggingClassifier": ("estimators_",),
    "BaggingRegressor": ("estimators_",),
    "AdaBoostClassifier": ("estimators_",),
    "AdaBoostRegressor": ("estimators_",),
    "OutputCodeClassifier": ("estimators_",),
    "ClassifierChain": ("estimators_",),
    "RegressorChain": ("estimators_",),
}
"""Other wrappers, and the attributes that hold estimators."""

_IMBALANCED = {
    "BalancedBaggingClassifier": "BaggingClassifier",
    "EasyEnsembleClassifier": "BaggingClassifier",
}
"""Ensembles of imbalanced-learn, and those of which they have the methods once they are fitted."""

_CHECKS_X = frozenset(
    {
        "SelfTrainingClassifier",
        "OneVsOneClassifier",
        "BaggingClassifier",
        "BaggingRegressor",
        "AdaBoostClassifier",
        "AdaBoostRegressor",
        "ClassifierChain",
        "RegressorChain",
    }
)
"""Those that look at X themselves, so that neither one row nor scores can go through them."""


class OneRow:
    """One row in the place of X, for compiled twins to answer alone.

    Attributes
    ----------
    x : object
        The row, in any form in which one row is read.
    """

    __slots__ = ("x",)

    def __init__(self, x: Any):
        self.x = x

    def __len__(self) -> int:
        return 1


def is_wrapper(estimator: Any) -> bool:
    """Tell whether an estimator is one that is seen through."""
    name = wrapper_name(estimator)
    if name.startswith("Bagging") and estimator.n_estimators != len(estimator.estimators_):
        return False  # set after fit: it divides by that
    return name in _HELD


def inside_transparent(estimator: Any) -> tuple[str, Any]:
    """Name of the attributes on the way, and the estimator inside wrappers that only pass on.

    Returns
    -------
    path : str
        Empty if the estimator is no such wrapper.
    estimator : estimator
    """
    path: list[str] = []
    while (attribute := TRANSPARENT.get(wrapper_name(estimator))) is not None:
        if not hasattr(estimator, attribute):
            break
        path.append(attribute.rstrip("_"))
        estimator = getattr(estimator, attribute)
    return "__".join(path), estimator


def wrapper_name(estimator: Any) -> str:
    """Name of the type of scikit-learn's own that an estimator answers as; empty for any other."""
    kind = type(estimator)
    library = library_of(kind)
    if library == "imblearn":
        return _IMBALANCED.get(kind.__name__, "")
    return kind.__name__ if library == "sklearn" else ""


@dataclass(frozen=True, kw_only=True, eq=False)
class Wrapped:
    """A wrapper with compiled twins inside."""

    original: Any  # estimator
    twin: Any  # estimator: a copy of it that holds the twins
    inside: tuple[tuple[str, Any], ...]  # the twins, with their names

    @property
    def takes_one_row(self) -> bool:
        """Whether one row can go through it."""
        return not reads_x_itself(self.original)

    def answer(self, method: str, X: Any) -> tuple[Any, np.ndarray]:
        """Answer of a method for X, and positions of the rows whose label rounding could turn."""
        if method != "predict":
            return getattr(self.twin, method)(X), NO_ROWS
        name = wrapper_name(self.original)
        by_probability = ("CalibratedClassifierCV", "BaggingClassifier")
        if name in by_probability or getattr(self.original, "voting", None) == "soft":
            return self._largest(X)
        if name == "OneVsOneClassifier" and len(self.original.classes_) > 2:
            votes = self.twin.decision_function(X)
            return self.twin.classes_[votes.argmax(axis=1)], near_ties(votes)
        if name in ("FixedThresholdClassifier", "TunedThresholdClassifierCV"):
            return self._above_threshold(X)
        if name.startswith("MultiOutput"):  # joblib, in its own, takes longer than a row
            answers = [member.predict(X) for member in self.twin.estimators_]
            return np.asarray(answers).T, self._undecided(X)
        if name == "OneVsRestClassifier":
            return self.twin.predict(X), self._undecided_labels(X)
        return self.twin.predict(X), self._undecided(X)

    def _largest(self, X: Any) -> tuple[np.ndarray, np.ndarray]:
        """Classes of the largest probabilities."""
        probabilities = self.twin.predict_proba(X)
        labels = self.twin.classes_[probabilities.argmax(axis=1)]
        return labels, near_ties(probabilities)

    def _above_threshold(self, X: Any) -> tuple[np.ndarray, np.ndarray]:
        """Classes by a threshold."""
        inner = self.inside[0][1]
        if len(inner.classes_) != 2:
            return self.twin.predict(X), NO_ROWS  # refuses that, before it looks at X
        method = self.original.response_method
        if method == "auto":
            method = "predict_proba" if hasattr(inner, "predict_proba") else "decision_function"
        response = getattr(inner, method)(X)
        threshold = getattr(self.original, "best_threshold_", None)
        if threshold is None:
            threshold = self.original.threshold
        if threshold == "auto":
            threshold = 0.5 if method == "predict_proba" else 0.0
        decides = copy(self.twin)
        decides.estimator_ = Answered(inner, method, response)
        margins = np.abs(np.reshape(response, (len(response), -1)) - threshold).min(axis=1)
        if response.ndim == 1:  # the other class may be the positive one
            margins = np.minimum(margins, np.abs(response + threshold))
        return decides.predict(X), not_above(margins)

    @property
    def _scored(self) -> "list[ScoredMember]":
        """Members on scores; twins decide for themselves."""
        return [twin for _, twin in self.inside if isinstance(twin, ScoredMember)]

    def _undecided(self, X: Any) -> np.ndarray:
        """Rows that a member on scores is in doubt of."""
        return any_of([twin.doubtful(X) for twin in self._scored])

    def _near_half(self, X: Any) -> np.ndarray:
        """Rows for which a regressor that decides between two classes gives one half."""
        regressors = [twin for twin in self._scored if twin.model.classes is None]
        return any_of([not_above(np.abs(r.response(X) - 0.5)) for r in regressors])

    def _undecided_labels(self, X: Any) -> np.ndarray:
        """Rows whose largest score of one class against the rest is hardly larger."""
        if self.original.label_binarizer_.y_type_ != "multiclass":
            return np.union1d(self._undecided(X), self._near_half(X))
        scored = self._scored
        if len(scored) < len(self.inside):
            return NO_ROWS
        scores = np.column_stack([twin.response(X) for twin in scored])
        scale = np.abs(scores).max(axis=1) + 1.0
        return near_ties(scores, scale)


class ScoredMember:
    """A member of an ensemble whose X is the scores of all members, side by side.

    Parameters
    ----------
    original : estimator
    model : Model
        The member compiled.
    columns : slice
        Its scores.
    """

    def __init__(self, original: Any, model: Any, columns: slice):
        self.original = original
        self.model = model
        self.columns = columns

    def doubtful(self, X: np.ndarray) -> np.ndarray:
        """Rows whose label rounding could turn."""
        return NO_ROWS if self.model.classes is None else self.model.doubtful(X[:, self.columns])

    def response(self, X: np.ndarray) -> np.ndarray:
        """What one class against the rest is decided by."""
        if self.model.classes is None:
            return self.predict(X)
        if hasattr(self, "decision_function"):
            return self.decision_function(X)
        return self.predict_proba(X)[:, 1]

    def __sklearn_tags__(self) -> Any:
        return self.original.__sklearn_tags__()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or "original" not in self.__dict__:
            raise AttributeError(name)
        if name in _ANSWERS:
            getattr(self.original, name)  # raises the AttributeError that says why not

            def answer(X: np.ndarray) -> Any:
                return getattr(self.model, name)(X[:, self.columns])

            answer.__name__ = name  # by which scikit-learn tells what kind of response it is
            return answer
        if name.endswith("_") and not name.startswith("_"):
            return getattr(self.original, name)
        raise AttributeError(name)

    def fit(self, X: Any, y: Any = None) -> "ScoredMember":
        """Do nothing: it is fitted."""
        return self


def constant_member(constant: Any) -> Any:
    """Return scikit-learn's predictor of one class as one that takes X of any width."""
    made = copy(constant)
    for name in ("n_features_in_", "feature_names_in_"):
        vars(made).pop(name, None)
    return made


_ANSWERS = ("predict", "predict_proba", "predict_log_proba", "decision_function")


class Answered:
    """An estimator whose answer is known."""

    def __init__(self, estimator: Any, method: str, response: np.ndarray):
        self.classes_ = estimator.classes_
        self._tags = estimator.__sklearn_tags__()

        def answer(X: Any) -> np.ndarray:
            return response

        answer.__name__ = method
        setattr(self, method, answer)

    def __sklearn_tags__(self) -> Any:
        return self._tags

    def fit(self, X: Any, y: Any = None) -> "Answered":
        """Do nothing: it is an answer."""
        return self


def see_through(wrapper: Any, compile_inside: Compile) -> Wrapped:
    """Make a wrapper's copy with compiled twins in the places of the estimators inside it.

    Parameters
    ----------
    wrapper : estimator
        Fitted; one that `is_wrapper` knows.
    """
    return _seen_through(wrapper, compile_inside, _HELD[wrapper_name(wrapper)])


def replace_members(wrapper: Any, make: Compile) -> Wrapped:
    """Make a wrapper's copy with others in the places of its members, which read X.

    Parameters
    ----------
    wrapper : estimator
        Fitted; one that `is_wrapper` knows.
    make : callable
        From a member to what takes its place.
    """
    return _seen_through(wrapper, make, _HELD[wrapper_name(wrapper)][:1])


def members_of(wrapper: Any) -> list[tuple[str, Any]]:
    """Names and fitted estimators inside a wrapper that read X, in its own order."""
    return list(replace_members(wrapper, lambda member: member).inside)


def reads_x_itself(wrapper: Any) -> bool:
    """Tell whether a wrapper looks at X, and does not only pass it to its members."""
    return bool(getattr(wrapper, "passthrough", False)) or wrapper_name(wrapper) in _CHECKS_X


def features_of_members(wrapper: Any) -> list[np.ndarray] | None:
    """Positions of the features that each member reads, where it does not read them all."""
    chosen = getattr(wrapper, "estimators_features_", None)
    if chosen is None:
        return None
    every = np.arange(int(wrapper.n_features_in_))
    if all(np.array_equal(own, every) for own in chosen):
        return None
    return [np.asarray(own, dtype=np.intp) for own in chosen]


def previous_of_members(wrapper: Any) -> bool:
    """Tell whether each member reads the answers of those before it, behind the features."""
    return wrapper_name(wrapper) in ("ClassifierChain", "RegressorChain")


def _seen_through(wrapper: Any, compile_inside: Compile, attributes: tuple[str, ...]) -> Wrapped:
    twin = copy(wrapper)
    inside: list[tuple[str, Any]] = []

    def compiled(name: str, fitted: Any) -> Any:
        if isinstance(fitted, str):  # "drop", "passthrough"
            return fitted
        if hasattr(fitted, "calibrators"):
            holder = copy(fitted)
            holder.estimator = compiled(name, fitted.estimator)
            return holder
        made = compile_inside(fitted)
        inside.append((name, made))
        return made

    for attribute in attributes:
        held = getattr(wrapper, attribute, None)
        if held is None:
            # A threshold around an estimator that was fitted before: it asks what was fitted first.
            held = wrapper.estimator
        name = attribute.rstrip("_")
        if isinstance(held, (list, tuple)):
            names = _names_of(wrapper, len(held))
            made: Any = [compiled(*pair) for pair in zip(names, held, strict=True)]
        else:
            made = compiled(name, held)
        setattr(twin, attribute, made)
    if hasattr(twin, "n_jobs"):
        twin.n_jobs = None  # sending rows to processes would cost more than the answers do
    return Wrapped(original=wrapper, twin=twin, inside=tuple(inside))


def _names_of(wrapper: Any, n: int) -> list[str]:
    """Names of the estimators inside an ensemble."""
    given = getattr(wrapper, "estimators", None)
    if isinstance(given, list) and all(isinstance(pair, tuple) for pair in given):
        names = [name for name, estimator in given if not isinstance(estimator, str)]  # "drop"
        if len(names) == n:
            return names
    return [f"estimator{at}" for at in range(n)]
