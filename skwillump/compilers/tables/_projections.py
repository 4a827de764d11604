"""Products and sums of features, and choices of them: PCA, polynomials, selectors."""

from dataclasses import dataclass
from functools import cached_property
from itertools import combinations, combinations_with_replacement, pairwise
from typing import Any

import numpy as np
from scipy import linalg, sparse
from sklearn import feature_selection
from sklearn.cluster import FeatureAgglomeration
from sklearn.decomposition import PCA, FactorAnalysis, FastICA, IncrementalPCA, TruncatedSVD
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.neighbors import NeighborhoodComponentsAnalysis
from sklearn.preprocessing import PolynomialFeatures
from sklearn.random_projection import GaussianRandomProjection, SparseRandomProjection
from sklearn.utils import get_tags

from .._features import MAX_DENSE_FEATURES
from .._linear_maps import LinearMap
from .._registry import register
from .._steps import Step
from .._unsupported import Unsupported, check_in_double
from ._steps import IntegerStep, NumberStep
from ._tables import Table, refuse_infinite, refuse_large_integers


@dataclass(frozen=True, eq=False)
class ProjectStep(NumberStep):
    """``((x - mean) @ components - offset) / divisor``."""

    components: np.ndarray  # (n_columns, n_features)
    mean: np.ndarray | None = None
    offset: np.ndarray | None = None
    divisor: np.ndarray | None = None
    of_sparse: bool = False  # whether it does no more, and gives an array of sparse columns too

    allow_nan = False
    is_rounded = True

    def apply(self, block: np.ndarray) -> np.ndarray:
        if self.mean is not None:
            block -= self.mean
        projected: np.ndarray = block @ self.components
        if self.offset is not None:
            projected -= self.offset
        if self.divisor is not None:
            projected /= self.divisor
        return projected

    def linear_map(self) -> LinearMap:
        return LinearMap(components=self.components.T) if self.of_sparse else super().linear_map()


def _projected(fitted: Any, components: np.ndarray, **values: Any) -> ProjectStep:
    n_features = components.shape[1]
    return ProjectStep.from_fitted(fitted, n_features, components=components, **values)


_MOST_COMPONENTS = 1 << 22
"""Values of sparse components that are laid out as dense ones (32 MiB)."""


_LEAST_SPREAD = 1e-4
"""Least standard deviation of a whitened component, as a share of the largest one.

What another order of summation changes in the last bits is divided by it.
"""


def _components(fitted: Any) -> np.ndarray:
    components = fitted.components_
    check_in_double(components)
    if sparse.issparse(components):
        if np.prod(components.shape) > _MOST_COMPONENTS:
            raise Unsupported(f"its {components.shape} components are too many for a dense array")
        components = components.toarray()
    return np.array(components.T, order="C")


@register(PCA, IncrementalPCA)
def compile_pca(pca: Any) -> Step:
    """Compile a ``PCA`` or ``IncrementalPCA``."""
    divisor = None
    if pca.whiten:
        least = np.finfo(np.float64).eps
        divisor = np.maximum(np.sqrt(pca.explained_variance_), least)
        if divisor.min() < _LEAST_SPREAD * divisor.max():
            raise Unsupported("whiten=True divides rounding errors by next to nothing")
    components = _components(pca)
    return _projected(pca, components, offset=pca.mean_ @ components, divisor=divisor)


@register(TruncatedSVD, GaussianRandomProjection, NeighborhoodComponentsAnalysis, is_linear=True)
def compile_truncated_svd(svd: Any) -> Step:
    """Compile a ``TruncatedSVD``, or another projection that is a product alone."""
    return _projected(svd, _components(svd), of_sparse=True)


@register(LinearDiscriminantAnalysis)
def compile_discriminant_projection(model: Any) -> Step:
    """Compile a ``LinearDiscriminantAnalysis`` that comes before another model."""
    if model.solver == "lsqr":
        raise Unsupported("solver='lsqr' does not transform")
    scalings = model.scalings_
    check_in_double(scalings)
    components = np.ascontiguousarray(scalings[:, : len(model.get_feature_names_out())])
    mean = np.array(model.xbar_) if model.solver == "svd" else None
    return _projected(model, components, mean=mean)


@register(FactorAnalysis)
def compile_factor_analysis(factors: Any) -> Step:
    """Compile a ``FactorAnalysis``: the expected factors are a projection too."""
    loadings = _components(factors)
    weighted = loadings / factors.noise_variance_[:, None]
    covariance = linalg.inv(np.eye(loadings.shape[1]) + weighted.T @ loadings)
    components = np.ascontiguousarray(weighted @ covariance)
    return _projected(factors, components, mean=np.array(factors.mean_))


@register(FastICA, SparseRandomProjection)
def compile_unmixing(fitted: Any) -> Step:
    """Compile a ``FastICA``, or a ``SparseRandomProjection`` of what is not sparse."""
    centers = isinstance(fitted, FastICA) and bool(fitted.whiten)
    mean = np.array(fitted.mean_, dtype=np.float64) if centers else None
    return _projected(fitted, _components(fitted), mean=mean)


@dataclass(frozen=True, eq=False)
class SelectStep(IntegerStep, NumberStep):
    """Some of the columns."""

    support: np.ndarray  # positions
    takes_nan: bool

    fixed_dtype = None
    gives_array = True  # of an array, columns of it

    def chunk_features(self, table: Table) -> np.ndarray:
        block = table.floats()
        if not self.takes_nan:  # else it takes infinite numbers too
            refuse_infinite(block, allow_nan=False)
        if self.guards_integers:
            refuse_large_integers(block, table)
        return block[:, self.support]

    def linear_map(self) -> LinearMap:
        is_kept = np.zeros(self.spec.n_columns, dtype=bool)
        is_kept[self.support] = True
        return LinearMap(support=is_kept)


@register(
    feature_selection.RFE,
    feature_selection.RFECV,
    feature_selection.GenericUnivariateSelect,
    feature_selection.SelectFdr,
    feature_selection.SelectFpr,
    feature_selection.SelectFromModel,
    feature_selection.SelectFwe,
    feature_selection.SelectKBest,
    feature_selection.SelectPercentile,
    feature_selection.SequentialFeatureSelector,
    feature_selection.VarianceThreshold,
    is_linear=True,
)
def compile_selector(selector: Any) -> Step:
    """Compile a transformer that keeps some of the columns."""
    support = np.flatnonzero(selector.get_support())
    if not len(support):
        raise Unsupported("it keeps no column, and warns at each call")
    takes_nan = bool(get_tags(selector).input_tags.allow_nan)
    return SelectStep.from_fitted(selector, len(support), support=support, takes_nan=takes_nan)


@dataclass(frozen=True, eq=False)
class PolynomialStep(NumberStep):
    """Products of columns, by degree: each is one of the degree before times a column."""

    parents: tuple[np.ndarray, ...]  # of each degree from 2: positions among all products
    factors: tuple[np.ndarray, ...]  # and the columns that they are multiplied by
    wanted: np.ndarray  # positions of the features among all products: one, columns, degree 2, ...

    allow_nan = False

    def apply(self, block: np.ndarray) -> np.ndarray:
        if len(block) == 1:
            row = np.concatenate(((1.0,), block[0]))
            for parents, factors in zip(self.parents, self.factors, strict=True):
                row = np.concatenate((row, row[parents] * block[0, factors]))
            return row[None, self.wanted]
        columns, runs = 1 + block.shape[1], self._runs
        out = np.empty((runs[-1][2].stop if runs else columns, len(block)))
        out[0] = 1.0
        out[1:columns] = block.T
        for parent, others, at in runs:
            np.multiply(out[parent], out[others], out=out[at])
        return out[self._kept].T

    @cached_property
    def _runs(self) -> list[tuple[int, slice, slice]]:
        """Products of one product and columns side by side: where all three are."""
        start = 1 + self.spec.n_columns
        found = []
        for parents, factors in zip(self.parents, self.factors, strict=True):
            if not len(parents):
                continue
            ends = np.flatnonzero((np.diff(parents) != 0) | (np.diff(factors) != 1)) + 1
            for begin, end in pairwise([0, *ends.tolist(), len(parents)]):
                columns = slice(int(factors[begin]) + 1, int(factors[end - 1]) + 2)
                found.append((int(parents[begin]), columns, slice(start + begin, start + end)))
            start += len(parents)
        return found

    @cached_property
    def _kept(self) -> Any:
        """Positions of the features among all products: a slice, if they are side by side."""
        first, size = self.wanted[:1], len(self.wanted)
        if size and np.array_equal(self.wanted, np.arange(size) + first):
            return slice(int(first[0]), int(first[0]) + size)
        return self.wanted


def _products(polynomial: Any, n_columns: int) -> list[tuple[int, ...]]:
    """Return the columns of each product, in scikit-learn's order.

    Its own ``powers_`` takes memory of features times columns.
    """
    degree = polynomial.degree
    least, most = degree if isinstance(degree, tuple | list) else (0, degree)
    choose = combinations if polynomial.interaction_only else combinations_with_replacement
    degrees = range(max(least, 1), most + 1)
    products = [found for of in degrees for found in choose(range(n_columns), of)]
    return [(), *products] if polynomial.include_bias else products


@register(PolynomialFeatures)
def compile_polynomial(polynomial: Any) -> Step:
    """Compile ``PolynomialFeatures``."""
    n_columns, n_features = polynomial.n_features_in_, int(polynomial.n_output_features_)
    if n_features > MAX_DENSE_FEATURES:
        raise Unsupported(f"{n_features} features are more than {MAX_DENSE_FEATURES}")
    wanted = _products(polynomial, n_columns)
    if len(wanted) != n_features:
        raise Unsupported("its parameters were changed after it was fitted")
    products = [(), *((column,) for column in range(n_columns))]
    place = {product: at for at, product in enumerate(products)}
    degree = max(map(len, wanted), default=0)
    parents, factors = [], []
    needed: list[set[tuple[int, ...]]] = [set() for _ in range(degree + 1)]
    for product in wanted:
        for length in range(2, len(product) + 1):
            needed[length].add(product[:length])
    for of_degree in needed[2:]:
        chosen = sorted(of_degree)
        parents.append(np.array([place[product[:-1]] for product in chosen], dtype=np.intp))
        factors.append(np.array([product[-1] for product in chosen], dtype=np.intp))
        for product in chosen:
            place[product] = len(place)
    return PolynomialStep.from_fitted(
        polynomial,
        len(wanted),
        parents=tuple(parents),
        factors=tuple(factors),
        wanted=np.array([place[product] for product in wanted], dtype=np.intp),
    )


@dataclass(frozen=True, eq=False, kw_only=True)
class PoolStep(NumberStep):
    """Means of groups of columns, added up one after the other."""

    groups: tuple[np.ndarray, ...]  # positions of columns

    allow_nan = False

    def apply(self, block: np.ndarray) -> np.ndarray:
        out = np.zeros((len(block), self.n_features))
        for total, group in zip(out.T, self.groups, strict=True):
            for column in group:
                total += block[:, column]
            total /= len(group)
        return out


@register(FeatureAgglomeration)
def compile_agglomeration(clusters: Any) -> Step:
    """Compile a ``FeatureAgglomeration``."""
    if clusters.pooling_func is not np.mean:
        raise Unsupported("its pooling_func is not numpy.mean")
    labels = np.asarray(clusters.labels_)
    groups = tuple(np.flatnonzero(labels == label) for label in range(labels.max() + 1))
    return PoolStep.from_fitted(clusters, len(groups), groups=groups)
