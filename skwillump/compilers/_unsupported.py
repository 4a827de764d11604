"""How compilers and compiled steps refuse.

`Unsupported` is how a compiler says that it cannot make a step, `InputUnsupported` is how a step
says that data must go to the original. Neither leaves the package.
"""

from typing import Any

import numpy as np

from .._compat import ABSENT, PRIVATE, private as private_or_absent


class Unsupported(Exception):
    """Raised by a compiler for a fitted object that it cannot compile; the text says why."""


class InputUnsupported(Exception):
    """Raised by a compiled step for data that only the original can judge.

    Attributes
    ----------
    scorer : Scorer or None
        Whose features are known already, so that they need not be computed again.
    features : object
    """

    def __init__(self, reason: str = "", *, scorer: Any = None, features: Any = None):
        super().__init__(reason)
        self.scorer = scorer
        self.features = features


def private(fitted: Any, name: str) -> Any:
    """Return a private attribute of a fitted estimator.

    Raises
    ------
    Unsupported
        If this release of its library has none of that name.
    """
    value = private_or_absent(fitted, name)
    if value is ABSENT:
        raise Unsupported(
            f"this release of its library does not tell the {PRIVATE[name]} in {name}"
        )
    return value


def check_unchanged(name: str, now: Any, fitted: Any) -> None:
    """Raise `Unsupported` for a parameter that is another one now than when it was fitted."""
    if now != fitted:
        raise Unsupported(f"{name}={now!r} was set after fit")


def check_in_double(*fitted: Any) -> None:
    """Raise `Unsupported` for arrays of a fit of which one is not of float64."""
    for values in fitted:
        if values.dtype != np.float64:
            raise Unsupported(f"it was fitted on {values.dtype}")


def check_width(features: Any, n_features: int) -> None:
    """Raise `InputUnsupported` for rows of another number of features."""
    if features.shape[1] != n_features:
        raise InputUnsupported(f"features of shape {features.shape}")


def check_scores(scores: np.ndarray) -> None:
    """Raise `InputUnsupported` if a score, of many rows or of one (n_outputs,), is not finite."""
    if scores.ndim == 1:  # quickly: a sum is not finite either
        total = float(scores[0]) if len(scores) == 1 else float(scores.sum())
        is_finite = total - total == 0.0
    else:
        is_finite = bool(np.isfinite(scores).all())
    if not is_finite:
        raise InputUnsupported("scores are not finite")
