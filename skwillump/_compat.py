"""The private scikit-learn names that the package needs, in one place.

Nothing else in the package imports a name of scikit-learn that starts with an underscore, so that
a release that moves one is a change to this file only.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from sklearn.base import _fit_context as fit_context
from sklearn.metrics._scorer import _BaseScorer
from sklearn.utils import _safe_indexing as safe_indexing
from sklearn.utils._metadata_requests import _routing_enabled as routing_enabled
from sklearn.utils._param_validation import (
    HasMethods,
    Interval,
    RealNotInt,
    StrOptions,
)
from sklearn.utils.validation import (
    _check_feature_names_in as check_feature_names_in,
)
from sklearn.utils.validation import (
    _check_method_params as check_method_params,
)
from sklearn.utils.validation import (
    _num_samples as num_samples,
)

__all__ = [
    "HasMethods",
    "Interval",
    "RealNotInt",
    "ScorerParts",
    "StrOptions",
    "check_feature_names_in",
    "check_method_params",
    "fit_context",
    "num_samples",
    "routing_enabled",
    "safe_indexing",
    "scorer_parts",
]


class ScorerParts(NamedTuple):
    """What a scorer made by `make_scorer` is made of."""

    function: Callable[..., float]
    sign: int
    kwargs: dict[str, Any]


def scorer_parts(scorer) -> ScorerParts | None:
    """Parts of a scorer; None for a callable of the user's own."""
    if not isinstance(scorer, _BaseScorer):
        return None
    return ScorerParts(scorer._score_func, scorer._sign, scorer._kwargs)
