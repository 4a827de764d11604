"""Steps between features and a linear model that are linear themselves.

Such a step needs no work at prediction: a model's coefficients on its output become coefficients
on its input, once.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.feature_selection import (
    RFE,
    RFECV,
    GenericUnivariateSelect,
    SelectFdr,
    SelectFpr,
    SelectFromModel,
    SelectFwe,
    SelectKBest,
    SelectPercentile,
    SequentialFeatureSelector,
    VarianceThreshold,
)
from sklearn.preprocessing import MaxAbsScaler, StandardScaler

from .._composites import is_passthrough
from ._registry import Unsupported, sorted_types


@dataclass(frozen=True, eq=False)
class LinearMap:
    """``X -> X @ matrix`` for a matrix that is diagonal, a selection of columns, or dense.

    Exactly one of the fields is set; none is the identity.
    """

    factors: np.ndarray | None = None  # (n_in,): each column times its factor
    divisors: np.ndarray | None = None  # (n_in,): each column divided
    support: np.ndarray | None = None  # bool (n_in,): columns that are kept
    components: np.ndarray | None = None  # (n_out, n_in)

    @property
    def computes(self) -> bool:
        """Whether it does more than to choose columns."""
        return any(of is not None for of in (self.factors, self.divisors, self.components))

    def fold(self, coef: np.ndarray) -> np.ndarray:
        """Return the coefficients on the input that equal ``coef`` on the output."""
        if self.factors is not None:
            return coef * self.factors[:, None]
        if self.divisors is not None:
            return coef / self.divisors[:, None]
        if self.support is not None:
            folded = np.zeros((len(self.support), coef.shape[1]))
            folded[self.support] = coef
            return folded
        if self.components is not None:
            return np.asarray(self.components.T @ coef)
        return coef

    def apply(self, block: np.ndarray) -> np.ndarray:
        """Return the map of a dense block (n_rows, n_in)."""
        if self.factors is not None:
            return block * self.factors
        if self.divisors is not None:
            return block / self.divisors
        if self.support is not None:
            return block[:, self.support]
        if self.components is not None:
            return np.asarray(block @ self.components.T)
        return block


_MAPS: dict[type, Callable[[Any], LinearMap]] = {}


def register_map(
    *types: type,
) -> Callable[[Callable[[Any], LinearMap]], Callable[[Any], LinearMap]]:
    """Register the decorated function for exactly these types of fitted transformers."""

    def decorate(function: Callable[[Any], LinearMap]) -> Callable[[Any], LinearMap]:
        for kind in types:
            _MAPS[kind] = function
        return function

    return decorate


def registered_maps() -> tuple[type, ...]:
    """Return the types of transformers that are folded into a linear model, sorted by name."""
    return sorted_types(_MAPS)


def linear_map(fitted: Any) -> LinearMap:
    """Return a fitted transformer as a linear map.

    Raises
    ------
    Unsupported
        If it is none, or not known to be one.
    """
    if is_passthrough(fitted):
        return LinearMap()
    function = _MAPS.get(type(fitted))
    if function is None:
        raise Unsupported(f"{type(fitted).__name__} is not known to be linear")
    return function(fitted)


@register_map(MaxAbsScaler)
def _max_abs_scaler(scaler: Any) -> LinearMap:
    if getattr(scaler, "clip", False):
        raise Unsupported("clip=True is not linear")
    return LinearMap(divisors=scaler.scale_)


@register_map(StandardScaler)
def _standard_scaler(scaler: Any) -> LinearMap:
    if scaler.with_mean:
        raise Unsupported("with_mean=True makes sparse features dense")
    return LinearMap(divisors=scaler.scale_)


@register_map(TfidfTransformer)
def _tfidf_transformer(tfidf: Any) -> LinearMap:
    if tfidf.norm is not None or tfidf.sublinear_tf:
        raise Unsupported("norm and sublinear_tf are not linear")
    return LinearMap(factors=getattr(tfidf, "idf_", None))


@register_map(
    RFE,
    RFECV,
    GenericUnivariateSelect,
    SelectFdr,
    SelectFpr,
    SelectFromModel,
    SelectFwe,
    SelectKBest,
    SelectPercentile,
    SequentialFeatureSelector,
    VarianceThreshold,
)
def _selector(selector: Any) -> LinearMap:
    return LinearMap(support=np.asarray(selector.get_support()))


@register_map(TruncatedSVD)
def _truncated_svd(svd: Any) -> LinearMap:
    return LinearMap(components=svd.components_)
