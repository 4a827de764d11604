"""What scikit-learn asks of an estimator that is fitted already, and never again."""

from collections.abc import Callable
from typing import Any, Self

import numpy as np
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.metrics import accuracy_score, r2_score

from .._compat import available_if
from .._composites import chain, last_step
from .._persistence import VersionedState


def has(method: str) -> Callable[["FittedForGood"], bool]:
    def check(self: "FittedForGood") -> bool:
        getattr(self.estimator, method)  # raises the AttributeError that says why not
        return True

    return check


class FittedForGood(VersionedState):
    """A twin of a fitted estimator: `fit` does nothing, and `clone` returns the twin itself."""

    estimator: Any  # what it is a twin of: fitted attributes are its own
    n_jobs: int | None
    predict: Callable[..., Any]

    def __getattr__(self, name: str) -> Any:
        # Only fitted attributes pass: a method that is not here must not run uncompiled unseen.
        lacks = f"{type(self).__name__!r} object has no attribute {name!r}"
        if name.startswith("_") or "estimator" not in self.__dict__:
            raise AttributeError(lacks)
        if name.endswith("_"):
            return getattr(self.estimator, name)
        method = name.removesuffix("_one")
        if method.startswith("predict_") and hasattr(type(self), name):
            last = type(last_step(self.estimator)[1]).__name__
            lacks += f": {last} has no {method}. Use {name.replace(method, 'predict')}."
        elif name == "report":
            lacks += ": explain() tells which steps are compiled."
        elif hasattr(self.estimator, name):
            lacks += ": it is not compiled. Call it on the estimator, which is .estimator here."
        raise AttributeError(lacks)

    def __sklearn_tags__(self) -> Any:
        return self.estimator.__sklearn_tags__()

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def __sklearn_clone__(self) -> Self:
        return self

    def fit(self, X: Any = None, y: Any = None, **params: Any) -> Self:
        """Do nothing: the estimator is fitted.

        Parameters
        ----------
        X, y : object, default=None
            Ignored.
        **params : object
            Ignored.

        Returns
        -------
        self
            The object itself.
        """
        return self

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters that it was made with.

        Parameters
        ----------
        deep : bool, default=True
            Ignored: the parameters of a fitted estimator are not for setting.

        Returns
        -------
        dict
            ``estimator`` and ``n_jobs``.
        """
        return {"estimator": self.estimator, "n_jobs": self.n_jobs}

    @available_if(has("get_feature_names_out"))
    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Return the names of the features that the estimator returns."""
        return self.estimator.get_feature_names_out(input_features)

    @available_if(has("inverse_transform"))
    def inverse_transform(self, X: Any, **params: Any) -> Any:
        """Return what has the features X; not compiled."""
        return self.estimator.inverse_transform(X, **params)

    @property
    def named_steps(self) -> Any:
        """Steps of the original ``Pipeline`` by name; not compiled."""
        return self.estimator.named_steps

    @available_if(has("__getitem__"))
    def __getitem__(self, key: Any) -> Any:
        """Return what the original has there: a ``Pipeline`` its steps, not compiled."""
        return self.estimator[key]

    @available_if(has("score"))
    def score(self, X: Any, y: Any = None, sample_weight: Any = None, **params: Any) -> float:
        """Return the estimator's score: accuracy of a classifier, R² of a regressor."""
        _, final = chain(self.estimator)[-1]
        score = getattr(type(final), "score", None)
        if not params and score is ClassifierMixin.score:
            return float(accuracy_score(y, self.predict(X), sample_weight=sample_weight))
        if not params and score is RegressorMixin.score:
            return float(r2_score(y, self.predict(X), sample_weight=sample_weight))
        if sample_weight is not None:
            params["sample_weight"] = sample_weight
        return self.estimator.score(X, y, **params)
