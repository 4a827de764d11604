"""Nearest neighbours of one row, by the products of the row and all rows of the fit.

Batches are left to scikit-learn, whose searches are made for them. Of one row it spends more time
on checks and threads than on distances.

Which neighbours are nearest does not depend on rounding, or the row goes to scikit-learn: what is
as far away as the last of them must not change the answer.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

from .._features import MAX_DENSE_FEATURES, only, to_dense
from .._models import Model
from .._registry import register
from .._steps import Scorer, Step
from .._unsupported import InputUnsupported, Unsupported, private
from ._several_labels import LabelModel

_MOST_VALUES = 1 << 20
"""Values of the rows of the fit: of more, a tree finds neighbours in less time than products."""

_NEAR = 1e-10
"""Squared distances closer than this share of the squared lengths may be in another order."""

_TOO_NEAR = 1e-3
"""Squared distances below this share of them are not precise enough to be weights."""


@dataclass(frozen=True, eq=False, kw_only=True)
class NeighborsModel(Model):
    """Rows of the fit with what is known of them; scores are the answers for one row.

    Attributes
    ----------
    rows : ndarray or sparse matrix, float64 (n_rows, n_features)
    columns : sparse matrix (n_features, n_rows) or None
        The same, where they are sparse, to be multiplied by a sparse row.
    squares : ndarray of float64 of shape (n_rows,)
        Their squared lengths.
    largest : float
        The largest of these.
    known : ndarray of shape (n_rows,) or (n_rows, n_outputs)
        Positions of their classes, or their values.
    n_neighbors : int
    is_weighted : bool
        Whether nearer ones count more.
    is_brute : bool
        Whether scikit-learn computes all distances too.
    """

    original: Any
    classes: np.ndarray | None
    rows: Any
    columns: Any
    squares: np.ndarray
    largest: float
    known: np.ndarray
    n_neighbors: int
    is_weighted: bool
    is_brute: bool

    @property
    def reads_batches(self) -> bool:
        """Say no."""
        return False

    @property
    def n_outputs(self) -> int:
        """Number of classes, or of values."""
        if self.classes is not None:
            return len(self.classes)
        return 1 if self.known.ndim == 1 else self.known.shape[1]

    @property
    def intercept(self) -> np.ndarray:  # type: ignore[override]
        """Zeros: scores are complete."""
        return np.zeros(self.n_outputs)

    def bind(self, features: Step) -> Scorer:
        """Return a scorer of one row of the features of a compiled step."""
        return _OneRowScorer(features.sized(self.rows.shape[1]), self)

    def raw(self, features: np.ndarray, *, n_threads: int = 1) -> np.ndarray:
        """Refuse batches."""
        raise InputUnsupported("scikit-learn searches for the neighbours of many rows")

    def raw_one(self, features: np.ndarray) -> np.ndarray:
        """Return the shares of the classes, or the values, of one row of features."""
        if features.shape != (self.rows.shape[1],):
            raise InputUnsupported(f"features of shape {features.shape}")
        products = np.asarray(self.rows @ features)
        return self._nearest(products, float(features @ features), features)

    def of_sparse(self, features: Any) -> np.ndarray:
        """Return the same of a sparse matrix of one row."""
        if features.shape != (1, self.rows.shape[1]) or features.dtype != np.float64:
            raise InputUnsupported(f"features of shape {features.shape}")
        products = features @ self.columns
        products = products.toarray() if sparse.issparse(products) else np.asarray(products)
        square = float((features.data * features.data).sum())
        return self._nearest(products.ravel(), square, None)

    def _nearest(
        self, products: np.ndarray, square: float, features: np.ndarray | None
    ) -> np.ndarray:
        """Return the scores of a row.

        Parameters
        ----------
        products : ndarray of float64 of shape (n_rows,)
            Of the row and each row of the fit.
        square : float
            Its squared length.
        features : ndarray of float64 of shape (n_features,) or None
            The row, where it is an array.

        Raises
        ------
        InputUnsupported
            Where rounding could change its neighbours.
        """
        k, size = self.n_neighbors, square + self.largest
        if not np.isfinite(size):
            raise InputUnsupported("values that are not finite")
        distances = products
        distances *= -2.0
        distances += self.squares
        last = float(np.partition(distances, k - 1)[k - 1])
        margin = _NEAR * size
        found = np.flatnonzero(distances <= last + margin)
        found = found[np.argsort(distances[found], kind="stable")]
        if len(found) > k:
            # Whichever of those as far away as the last one are taken must not matter.
            alike = self.known[found[distances[found] >= last - margin]]
            if self.is_weighted or not (alike == alike[0]).all():
                raise InputUnsupported("others are as near as the last neighbour")
        known = self.known[found[:k]]
        weights = np.ones(k)
        if self.is_weighted:
            if features is None or self.is_brute:
                exact = distances[found[:k]] + square
                least = _TOO_NEAR * size  # such distances come from products in scikit-learn too
            else:
                differences = self.rows[found[:k]] - features
                exact = np.einsum("ij,ij->i", differences, differences)
                least = 0.0
            if not exact[0] > least:
                raise InputUnsupported("a neighbour that is too near to be weighed")
            weights = 1.0 / np.sqrt(exact)
        if self.classes is not None:
            counts = np.bincount(known, weights=weights, minlength=len(self.classes))
            return counts / counts.sum()
        if self.is_weighted:
            return np.atleast_1d(weights @ known / weights.sum())
        return np.atleast_1d(np.mean(known, axis=0))

    def gives(self, method: str) -> bool:
        """Tell whether ``method`` follows from the scores alone."""
        return method == "predict" or hasattr(self.original, method)

    def predict(self, scores: np.ndarray) -> np.ndarray:
        """Return labels, or a regressor's values."""
        if self.classes is not None:
            return self.classes[scores.argmax(axis=1)]
        return scores[:, 0] if self.known.ndim == 1 else scores

    def predict_proba(self, scores: np.ndarray) -> np.ndarray:
        """Return probabilities (n_rows, n_classes)."""
        return scores

    def doubtful(self, scores: np.ndarray) -> np.ndarray:
        """Return the positions of rows of which weights nearly tie; counts are exact."""
        if self.classes is None or not self.is_weighted:
            return np.zeros(0, dtype=np.intp)
        ordered = np.sort(scores, axis=1)
        return np.flatnonzero(~(ordered[:, -1] - ordered[:, -2] > _NEAR))


@dataclass(frozen=True, eq=False)
class _OneRowScorer(Scorer):
    """The features of a step, of one row, compared with the rows of the fit."""

    features: Step
    model: NeighborsModel

    @property
    def n_outputs(self) -> int:
        """Number of columns of the scores."""
        return self.model.n_outputs

    def scores(self, X: Any, rows: np.ndarray | None = None, *, n_threads: int = 1) -> np.ndarray:
        """Refuse batches."""
        return self.model.raw(X)

    def score_one(self, x: Any) -> np.ndarray:
        """Return the scores (n_outputs,) of one row."""
        features, model = self.features, self.model
        if features.gives_matrix or model.rows.shape[1] > MAX_DENSE_FEATURES:
            made = features.transform_one(x)
            return model.of_sparse(made) if sparse.issparse(made) else only_row(made, model)
        if not features.exact_scores:
            return only_row(features.transform_one(x), model)
        return model.raw_one(features.dense_one(x))

    def warm_up(self) -> None:
        """Warm up the features."""
        self.features.warm_up()


def only_row(features: Any, model: NeighborsModel) -> np.ndarray:
    """Return the scores of features of one row that are no sparse matrix."""
    if getattr(features, "dtype", None) == np.float32:
        raise InputUnsupported("features of float32")
    return model.raw_one(only(to_dense(features)))


@register(KNeighborsClassifier, KNeighborsRegressor, gives=NeighborsModel, or_gives=(LabelModel,))
def compile_neighbors(model: Any) -> NeighborsModel | LabelModel:
    """Read fitted nearest neighbours of Euclidean distances."""
    if model.effective_metric_ != "euclidean":
        raise Unsupported(f"metric={model.metric!r}: only Euclidean distances are compiled")
    if model.weights not in (None, "uniform", "distance"):
        raise Unsupported("its weights are a function")
    rows = private(model, "_fit_X")
    if rows.dtype != np.float64:
        raise Unsupported(f"it was fitted on {rows.dtype}")
    method, known = private(model, "_fit_method"), np.array(private(model, "_y"))
    if method != "brute" and rows.size > _MOST_VALUES:
        raise Unsupported(f"a tree of {len(rows)} rows is faster")
    classes = getattr(model, "classes_", None)
    labels = classes if isinstance(classes, list) else None
    if labels is not None:
        # Their shares are the means of what tells whether a row of the fit is of a class.
        own = zip(known.T, labels, strict=True)
        known = np.hstack([column[:, None] == np.arange(len(each)) for column, each in own])
        classes, known = None, known.astype(np.float64)
    if classes is not None and len(classes) < 2:
        raise Unsupported("it was fitted on one class")
    is_sparse = sparse.issparse(rows)
    squared = rows.multiply(rows) if is_sparse else rows * rows
    squares = np.asarray(squared.sum(axis=1)).ravel()
    made = NeighborsModel(
        original=model,
        classes=None if classes is None else np.array(classes),
        rows=rows,
        columns=rows.T.tocsr() if is_sparse else None,
        squares=squares,
        largest=float(squares.max()),
        known=known,
        n_neighbors=model.n_neighbors,
        is_weighted=model.weights == "distance",
        is_brute=method == "brute",
    )
    return LabelModel.of(made, is_certain=not made.is_weighted) if labels else made
