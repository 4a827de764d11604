"""Nearest neighbours, by the products of rows and all rows of the fit.

A block of rows at a time is multiplied by all rows of the fit, and the least distances of each are
picked from the products while these are in the cache. That is faster than scikit-learn's trees but
of few columns, and than its products of sparse rows. Its products of arrays are as fast: batches of
these are left to it. Of one row it spends more time on checks and threads than on distances.

Which neighbours are nearest does not depend on rounding, or the row's features go to scikit-learn's
model: what is as far away as the last of them must not change the answer.
"""

import math
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.preprocessing import normalize

from ..._containers import take_rows
from ..._near_ties import NO_ROWS, lead, not_above
from ...kernels._nearest import take_nearest
from .._features import MAX_DENSE_FEATURES, is_single, only, to_dense
from .._forwarding import forwarded
from .._models import CompleteModel
from .._registry import register
from .._scorers import Scorer
from .._steps import Step
from .._unsupported import InputUnsupported, Unsupported, check_in_double, private
from ._products import map_blocks, products, row_products, squared_lengths, warm_up_products
from ._several_labels import LabelModel

_MOST_VALUES = 1 << 20
"""Values of the rows of the fit: of more, a tree finds neighbours in less time than products."""

_MOST_AS_BATCH = 32
"""Rows of the fit that a tree of no columns would need; each column doubles them (measured)."""

_BLOCK_VALUES = 1 << 18
"""Products that are held at a time, so that they stay in the cache."""

_BEYOND = 8
"""Rows of the fit beyond the nearest ones that are looked at: they may be as near."""

_NEAR = 1e-10
"""Squared distances closer than this share of the squared lengths may be in another order."""

_TOO_NEAR = 1e-3
"""Squared distances below this share of them are not precise enough to be weights."""


@dataclass(frozen=True, eq=False, kw_only=True)
class NeighborsModel(CompleteModel):
    """Rows of the fit with what is known of them; scores are the answers."""

    original: Any
    classes: np.ndarray | None
    rows: Any  # ndarray or sparse matrix, float64 (n_known, n_features)
    columns: Any  # ndarray or sparse matrix (n_features, n_known): the same, to be multiplied by
    squares: np.ndarray  # float64 (n_known,): their squared lengths
    largest: float  # the largest of these
    # (n_known,) or (n_known, n_outputs): positions of their classes, or their values.
    known: np.ndarray
    n_neighbors: int
    is_weighted: bool  # whether nearer ones count more
    is_brute: bool  # whether scikit-learn computes all distances too
    # float64 (n_features,): taken from all rows, where scikit-learn has differences and no products
    center: np.ndarray | None = None

    @property
    def reads_batches(self) -> bool:
        """Whether this takes less time than scikit-learn: than its trees, and of sparse rows."""
        if self.is_brute:
            return sparse.issparse(self.rows)
        return len(self.squares) <= _MOST_AS_BATCH << self.rows.shape[1]

    @property
    def n_features(self) -> int:
        """Number of features that it was fitted on."""
        return int(self.rows.shape[1])

    @property
    def n_outputs(self) -> int:
        if self.classes is not None:
            return len(self.classes)
        return 1 if self.known.ndim == 1 else self.known.shape[1]

    def bind(self, features: Step) -> Scorer:
        n_features = self.rows.shape[1]
        features = features.sized(n_features)
        if features.gives_matrix or n_features > MAX_DENSE_FEATURES:
            return _NeighborsScorer(features, None, self)
        in_doubles = None
        with suppress(Unsupported):
            in_doubles = features if features.exact_scores else features.in_doubles()
        return _NeighborsScorer(features, in_doubles, self)

    def raw(self, features: Any, *, n_threads: int = 1) -> np.ndarray:
        """Return the shares of the classes, or the values, of features: an array or sparse rows."""
        if features.shape[1] != self.rows.shape[1] or features.dtype != np.float64:
            raise InputUnsupported(f"{features.dtype} features of shape {features.shape}")
        size = max(_BLOCK_VALUES // len(self.squares), 1)
        return self._completed(map_blocks(self._block, features, size, n_threads), features)

    def raw_one(self, features: np.ndarray) -> np.ndarray:
        if len(features) != self.rows.shape[1]:
            raise InputUnsupported(f"{len(features)} features")
        return self._completed(self._block(features[None]), features[None])[0]

    def _block(self, features: Any) -> np.ndarray:
        """Return the scores of some rows; NaN for those that rounding could change.

        Raises
        ------
        InputUnsupported
            If these are most of them, or not for the original alone, or values are not finite.
        """
        return self._answered(*self._compare(features), features)

    def raw_entries(self, positions: np.ndarray, values: np.ndarray) -> np.ndarray:
        """Return the scores (n_outputs,) of the entries of one sparse row.

        Raises
        ------
        InputUnsupported
            If rounding could change them.
        """
        if not sparse.issparse(self.columns):
            raise InputUnsupported("it was fitted on an array")
        return self._answered(*self._compare_entries(positions, values), None)[0]

    def _answered(self, found: np.ndarray, lengths: np.ndarray, features: Any) -> np.ndarray:
        """Return what `_block` does of products; features are None of the entries of one row."""
        k, sizes = self.n_neighbors, lengths + self.largest
        if not np.isfinite(sizes).all():
            raise InputUnsupported("values that are not finite")
        n_least = min(k + _BEYOND, len(self.squares))
        places = np.empty((len(lengths), n_least), dtype=np.intp)
        distances = np.empty((len(lengths), n_least))
        take_nearest(found, self.squares, places, distances)
        is_sure = ~self._are_others_as_near(places, distances, _NEAR * sizes)
        known, weights = self.known[places[:, :k]], None
        if self.is_weighted:
            squares, least = self._distances(features, places[:, :k]), np.zeros(len(sizes))
            if squares is None:  # such distances come from products in scikit-learn too
                squares, least = distances[:, :k] + lengths[:, None], _TOO_NEAR * sizes
            is_sure &= squares.min(axis=1) > least  # otherwise one is too near to be weighed
            squares[~is_sure] = 1.0
            weights = self._weights(squares)
        scores = self._answers(known, weights)
        if not is_sure.all():
            # The original breaks ties by the last bits, which depend on what holds the rows.
            is_alike = sparse.issparse(features) == sparse.issparse(self.rows)
            is_named = hasattr(self.original, "feature_names_in_")
            if 2 * np.count_nonzero(is_sure) < len(is_sure) or is_named or not is_alike:
                raise InputUnsupported("others are as near as the last neighbour")
            scores[~is_sure] = np.nan
        return scores

    def _completed(self, scores: np.ndarray, features: Any) -> np.ndarray:
        """Return scores with the original's in the place of NaN, of a few rows."""
        rows = np.flatnonzero(np.isnan(scores[:, 0]))
        if not len(rows):
            return scores
        # One call for all: it costs more than many rows do.
        answer = getattr(self.original, "predict_proba", self.original.predict)(features[rows])
        answer = np.hstack(answer) if isinstance(answer, list) else answer.reshape(len(rows), -1)
        scores[rows] = answer
        return scores

    def _compare(self, features: Any) -> tuple[np.ndarray, np.ndarray]:
        """Return the products of rows and rows of the fit, and the squared lengths of rows."""
        if self.center is not None:
            if sparse.issparse(features):
                raise InputUnsupported("its tree refuses sparse matrices")
            features = features - self.center
        return products(features, self.columns), squared_lengths(features)

    def _compare_entries(
        self, positions: np.ndarray, values: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the same of the entries of one row."""
        return row_products(positions, values, self.columns), np.array((values @ values,))

    def _weights(self, squares: np.ndarray) -> np.ndarray:
        """Return the weights of neighbours at squared distances."""
        return np.asarray(1.0 / np.sqrt(squares))

    def _are_others_as_near(
        self, places: np.ndarray, distances: np.ndarray, margins: np.ndarray
    ) -> np.ndarray:
        """Tell of which rows it matters what is taken of those as far away as the last neighbour.

        Returns
        -------
        ndarray of bool of shape (n_rows,)
        """
        k = self.n_neighbors
        near = np.abs(distances - distances[:, k - 1 : k]) <= margins[:, None]
        matters = near[:, k:].any(axis=1)
        tied = np.flatnonzero(matters)
        if self.is_weighted or not len(tied):
            return matters
        near = near[tied]
        differ = self.known[places[tied]] != self.known[places[tied, k - 1 : k]]
        matters[tied] = (differ.reshape(*near.shape, -1).any(axis=2) & near).any(axis=1)
        if places.shape[1] < len(self.squares):
            matters[tied] |= near[:, -1]  # there may be more
        return matters

    def _distances(self, features: Any, places: np.ndarray) -> np.ndarray | None:
        """Return squared distances as trees compute them; None where there is no tree."""
        if self.is_brute or features is None or sparse.issparse(features):
            return None
        differences = self.rows[places] - features[:, None]
        return np.asarray(np.einsum("ijk,ijk->ij", differences, differences))

    def _answers(self, known: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
        """Return the scores (n_rows, n_outputs) of what is known of neighbours, nearest first."""
        if self.classes is not None:
            n_rows, n = len(known), len(self.classes)
            cells = (known + n * np.arange(n_rows)[:, None]).ravel()
            counted = None if weights is None else weights.ravel()
            counts = np.bincount(cells, counted, minlength=n_rows * n).reshape(n_rows, n)
            return np.asarray(counts / counts.sum(axis=1, keepdims=True))
        known = known.reshape(*known.shape[:2], -1)
        if weights is None:
            return np.asarray(known.mean(axis=1))
        return np.einsum("ij,ijk->ik", weights, known) / weights.sum(axis=1, keepdims=True)

    def predict(self, scores: np.ndarray) -> np.ndarray:
        if self.classes is not None:
            return self.classes[scores.argmax(axis=1)]
        return scores[:, 0] if self.known.ndim == 1 else scores

    def predict_proba(self, scores: np.ndarray) -> np.ndarray:
        return scores

    def doubtful(self, scores: np.ndarray) -> np.ndarray:
        """Return the positions of rows of which weights nearly tie; counts are exact."""
        if self.classes is None or not self.is_weighted:
            return NO_ROWS
        return not_above(lead(scores), _NEAR)


class CosineModel(NeighborsModel):
    """The same by cosines.

    Rows of the fit have a length of one. With two in the place of their squared lengths, and zero
    in that of a row's, squared distances are twice those of cosines, also of rows of zeros.
    """

    def _compare(self, features: Any) -> tuple[np.ndarray, np.ndarray]:
        lengths = np.zeros(features.shape[0])
        if not np.isfinite(squared_lengths(features)).all():
            raise InputUnsupported("values that are not finite")
        return products(normalize(features), self.columns), lengths

    def _compare_entries(
        self, positions: np.ndarray, values: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        length = math.sqrt(values @ values)
        if not math.isfinite(length):
            raise InputUnsupported("values that are not finite")
        return row_products(positions, values / (length or 1.0), self.columns), np.zeros(1)

    def _weights(self, squares: np.ndarray) -> np.ndarray:
        return np.asarray(2.0 / squares)


class ManhattanModel(NeighborsModel):
    """The same by sums of absolute differences, in the place of squared distances."""

    reads_batches = False

    def _compare(self, features: Any) -> tuple[np.ndarray, np.ndarray]:
        if sparse.issparse(features):
            raise InputUnsupported("scikit-learn compares sparse rows")
        distances = np.abs(self.rows - features[:, None]).sum(axis=2)
        return -0.5 * distances, np.abs(features).sum(axis=1)

    def _distances(self, features: Any, places: np.ndarray) -> np.ndarray:
        return np.asarray(np.abs(self.rows[places] - features[:, None]).sum(axis=2))

    def _weights(self, squares: np.ndarray) -> np.ndarray:
        return np.asarray(1.0 / squares)


@dataclass(frozen=True, eq=False)
class _NeighborsScorer(Scorer):
    """The features of a step, compared with the rows of the fit."""

    features: Step
    in_doubles: Step | None  # the same, where they are an array of double precision
    model: NeighborsModel

    n_outputs = forwarded("model.n_outputs")

    def scores(self, X: Any, rows: np.ndarray | None = None, *, n_threads: int = 1) -> np.ndarray:
        work, width = self.model.raw, self.n_outputs
        if not self.model.reads_batches:
            raise InputUnsupported("scikit-learn's own search is faster")
        if sparse.issparse(X) and not sparse.issparse(self.model.rows):
            raise InputUnsupported(
                "it was fitted on an array, and its tree refuses sparse matrices"
            )
        if self.in_doubles is not None:
            return self.in_doubles.map_dense(work, X, rows, n_outputs=width, n_threads=n_threads)
        taken = take_rows(X, rows)
        return self._of(self.features.transform(taken, n_threads=n_threads), n_threads)

    def _of(self, features: Any, n_threads: int = 1) -> np.ndarray:
        """Return the scores of what a transformer returned."""
        made = features.tocsr() if sparse.issparse(features) else np.asarray(features)
        try:
            dense_or_sparse = (
                made if sparse.issparse(made) or is_single(made.dtype) else to_dense(made)
            )
            return self.model.raw(dense_or_sparse, n_threads=n_threads)
        except InputUnsupported as reason:
            # They need not be made again.
            raise InputUnsupported(str(reason), scorer=self, features=features) from reason

    def score_one(self, x: Any) -> np.ndarray:
        if self.in_doubles is not None:
            return self.model.raw_one(self.in_doubles.dense_one(x))
        if self.features.gives_matrix and self.features.fixed_dtype == np.float64:
            with suppress(InputUnsupported):
                return self.model.raw_entries(*self.features.entries(x))
        return only(self._of(self.features.transform_one(x)))

    def warm_up(self) -> None:
        self.features.warm_up()
        warm_up_products(self.model.columns)
        take_nearest(
            np.zeros((1, 1)), np.zeros(1), np.empty((1, 1), dtype=np.intp), np.empty((1, 1))
        )


_METRICS: dict[str, type[NeighborsModel]] = {
    "euclidean": NeighborsModel,
    "manhattan": ManhattanModel,
    "cosine": CosineModel,
}
"""Models by the metric that scikit-learn computes."""


@register(KNeighborsClassifier, KNeighborsRegressor, gives=NeighborsModel, or_gives=(LabelModel,))
def compile_neighbors(model: Any) -> NeighborsModel | LabelModel:
    """Read fitted nearest neighbours."""
    kind = _METRICS.get(model.effective_metric_)
    if kind is None or model.metric_params:
        raise Unsupported(f"its distances are of the metric {model.effective_metric_!r}")
    if model.weights not in (None, "uniform", "distance"):
        raise Unsupported("its weights are a function")
    rows = private(model, "_fit_X")
    if model.n_neighbors > rows.shape[0]:
        raise Unsupported(f"n_neighbors={model.n_neighbors} of {rows.shape[0]} rows")
    if rows.dtype.kind in "iu" and rows.dtype.itemsize >= 4:
        rows = rows.astype(np.float64)
    check_in_double(rows)
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
    # Products of rows that are far from zero, as coordinates on a map are, say less.
    center = rows.mean(axis=0) if kind is NeighborsModel and method != "brute" else None
    compared = rows if center is None else rows - center
    squares = squared_lengths(compared)
    largest = float(squares.max())
    if kind is CosineModel:
        rows = compared = normalize(rows)
        squares, largest = np.full(len(squares), 2.0), 2.0
    elif kind is ManhattanModel:
        if is_sparse:
            raise Unsupported("it compares sparse rows by the metric 'manhattan'")
        squares, largest = np.zeros(len(squares)), float(np.abs(rows).sum(axis=1).max())
    made = kind(
        original=model,
        classes=None if classes is None else np.array(classes),
        rows=rows,
        columns=rows.T.tocsr() if is_sparse else np.ascontiguousarray(compared.T),
        squares=squares,
        largest=largest,
        known=known,
        n_neighbors=model.n_neighbors,
        is_weighted=model.weights == "distance",
        is_brute=method == "brute",
        center=center,
    )
    return LabelModel.of(made, is_certain=not made.is_weighted) if labels else made
