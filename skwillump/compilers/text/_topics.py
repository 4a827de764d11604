"""Topics of texts: latent Dirichlet allocation, and non-negative factors."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.decomposition import NMF, LatentDirichletAllocation

from ..._compat import update_components
from ...kernels._arrays import frozen
from ...kernels.text._topics import find_topics
from .._matrix_steps import MatrixStep, RowFunction
from .._registry import register
from .._steps import Step
from .._unsupported import InputUnsupported, Unsupported, check_in_double


@dataclass(frozen=True, eq=False, kw_only=True)
class Topics(RowFunction):
    """The shares of topics in documents, each of which is asked for by itself."""

    original: Any
    weights: np.ndarray  # (n_words, n_topics)
    prior: float
    most: int  # rounds for each document
    tolerance: float

    def of_rows(self, rows: Any) -> np.ndarray:
        entries = sparse.csr_matrix(_positive(rows))
        found, is_doubtful = self._find(entries.data, entries.indices, entries.indptr)
        if is_doubtful.any():
            found[is_doubtful] = self.original.transform(rows[is_doubtful])
        return found

    def of_entries(self, positions: np.ndarray, values: np.ndarray) -> np.ndarray:
        stops = np.array((0, len(positions)))
        found, is_doubtful = self._find(_positive(values), positions, stops)
        if is_doubtful[0]:
            raise InputUnsupported("rounds whose number rounding could change")
        return found[0]

    def _find(
        self, values: np.ndarray, words: np.ndarray, stops: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the shares of topics, and which of them rounding could change."""
        n_rows, n_topics = len(stops) - 1, self.weights.shape[1]
        found = np.empty((n_rows, n_topics))
        is_doubtful = np.empty(n_rows, dtype=bool)
        find_topics(
            frozen(values),
            frozen(words.astype(np.int32, copy=False)),
            frozen(stops.astype(np.int32, copy=False)),
            self.weights,
            self.prior,
            self.most,
            self.tolerance,
            found,
            np.empty(n_topics),
            np.empty(n_topics),
            is_doubtful,
        )
        found /= found.sum(axis=1)[:, np.newaxis]
        return found, is_doubtful

    def warm_up(self) -> None:
        self.of_rows(sparse.csr_matrix((1, len(self.weights))))


def _positive(rows: Any) -> Any:
    values = rows.data if sparse.issparse(rows) else rows
    if (values < 0.0).any():
        raise InputUnsupported("negative values")
    return rows


@register(LatentDirichletAllocation)
def compile_topics(model: Any) -> Step:
    """Compile a ``LatentDirichletAllocation``."""
    weights = model.exp_dirichlet_component_
    check_in_double(weights)
    if model.verbose:
        raise Unsupported("verbose prints at each call")
    topics = Topics(
        original=model,
        weights=frozen(np.array(weights.T, order="C")),
        prior=float(model.doc_topic_prior_),
        most=int(model.max_doc_update_iter),
        tolerance=float(model.mean_change_tol),
    )
    n_topics, n_words = weights.shape
    return MatrixStep(original=model, n_features=n_topics, n_inputs=n_words, function=topics)


@dataclass(frozen=True, eq=False, kw_only=True)
class Factors(RowFunction):
    """Non-negative factors, by coordinate descent, as scikit-learn does it.

    All rows of a call take as many rounds. What does not change between rounds is computed once.
    """

    components: np.ndarray  # (n_features, n_factors)
    products: np.ndarray  # (n_factors, n_factors): of the components, and the penalty of squares
    penalty: float  # of sizes
    most: int  # rounds
    tolerance: float

    def of_rows(self, rows: Any) -> np.ndarray:
        return self._solve(np.asarray(_positive(rows) @ self.components))

    def of_entries(self, positions: np.ndarray, values: np.ndarray) -> np.ndarray:
        return self._solve((_positive(values) @ self.components[positions])[None])[0]

    def _solve(self, targets: np.ndarray) -> np.ndarray:
        """Return the factors for products of rows and components, (n_rows, n_factors)."""
        if self.penalty:
            targets -= self.penalty
        n_factors = self.components.shape[1]
        found, order = np.zeros((len(targets), n_factors)), np.arange(n_factors)
        first = 0.0
        for at in range(self.most):
            change = update_components(found, self.products, targets, order)
            first = first if at else change
            if first == 0 or change / first <= self.tolerance:
                if at + 1 == self.most:
                    break
                return found
        if self.tolerance > 0:
            raise InputUnsupported("it warns of rounds that were too few")
        return found


@register(NMF)
def compile_factors(model: Any) -> Step:
    """Compile an ``NMF``."""
    components = model.components_
    check_in_double(components)
    if model.solver != "cd":
        raise Unsupported(f"solver={model.solver!r}")
    if model.shuffle:
        raise Unsupported("shuffle=True draws at random")
    if model.verbose:
        raise Unsupported("verbose prints at each call")
    n_factors, n_features = components.shape
    columns = np.ascontiguousarray(components.T)
    products = np.dot(columns.T, columns)
    products.flat[:: n_factors + 1] += n_features * model.alpha_W * (1.0 - model.l1_ratio)
    factors = Factors(
        components=columns,
        products=products,
        penalty=float(n_features * model.alpha_W * model.l1_ratio),
        most=int(model.max_iter),
        tolerance=float(model.tol),
    )
    return MatrixStep(original=model, n_features=n_factors, n_inputs=n_features, function=factors)
