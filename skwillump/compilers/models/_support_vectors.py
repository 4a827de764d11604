"""Support vector machines with a kernel: products with all support vectors, once for a batch.

libsvm compares a row with one support vector after the other. Here the products of a block of rows
and all support vectors are one matrix product, from which the kernel's values follow. What is made
of the decision values is libsvm's: of several classes each pair votes, and probabilities are
coupled from those of all pairs.

Wu, Lin and Weng 2004, "Probability estimates for multi-class classification by pairwise coupling"
(Journal of Machine Learning Research), the second of its methods.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
from scipy import sparse
from scipy.special import expit
from sklearn.svm import SVC, SVR, NuSVC, NuSVR

from ..._compat import ovr_decision_function
from ..._containers import take_rows
from ..._near_ties import DOUBT, NO_ROWS, lead
from ...kernels._machines import couple, exponentials, sum_in_order
from .._features import MAX_DENSE_FEATURES, only
from .._models import CompleteModel, Model, ModelScorer
from .._registry import register
from .._scorers import Scorer
from .._steps import Step
from .._unsupported import InputUnsupported, Unsupported, check_in_double, check_width, private
from ._linear import LinearModel
from ._products import map_blocks, products, squared_lengths, warm_up_products
from ._scikit_linear import linear_support_vectors

_BLOCK_VALUES = 1 << 18
"""Values of a kernel that are held at a time, so that they stay in the cache."""

_ROUNDING = 2e-13
"""Error of a decision value from which on distances are not computed from products."""

_MOST_ROUNDED = 5e-13
"""Error of libsvm's own sums of large terms that cancel, up to which others are as good."""

_IN_ORDER = 3.0
"""What the error of sums is divided by where they are in libsvm's order (measured: 3 to 6)."""

_LEAST_PROBABILITY = 1e-7
"""What libsvm takes for the probability of a pair is at least this."""

_TOO_LARGE = 1e140
"""Numbers from here on are libsvm's to square."""

_EPSILON = float(np.finfo(np.float64).eps)

_MOST_VALUES = 1 << 23
"""Values of support vectors that are kept: of sparse ones, those that are not zero (64 MiB)."""

_MOST_DENSE_VALUES = 1 << 18
"""Values of support vectors of sparse rows that are laid out densely."""


@dataclass(frozen=True, eq=False, kw_only=True)
class SupportVectorModel(CompleteModel):
    """A machine with a kernel; its scores are libsvm's decision values, one for each pair."""

    original: Any
    classes: np.ndarray | None
    vectors: Any  # ndarray or CSR matrix, float64 (n_features, n_vectors)
    squares: np.ndarray  # float64 (n_vectors,): their squared lengths
    weights: np.ndarray  # float64 (n_vectors, n_pairs)
    constants: np.ndarray  # float64 (n_pairs,)
    # `slopes`, `offsets`: float64 of shape (n_pairs,), or of none: what makes probabilities of
    # decision values.
    slopes: np.ndarray
    offsets: np.ndarray
    kernel: str
    gamma: float
    reads_sparse: bool  # whether it was fitted on a sparse matrix
    longest: float  # squared length of rows whose distances from products are precise enough
    is_precise: bool  # whether decision values are those of libsvm, and not labels alone
    is_in_order: bool  # whether that takes sums in libsvm's order

    @staticmethod
    def predicts_largest(fitted: Any, method: str) -> bool:
        """Say yes of decision values of two classes: several vote, and probabilities are apart."""
        return method == "decision_function" and len(fitted.classes_) == 2

    @property
    def n_outputs(self) -> int:
        return len(self.constants)

    @property
    def n_features(self) -> int:
        """Number of features that it reads."""
        return int(self.vectors.shape[0])

    def bind(self, features: Step) -> Scorer:
        features = features.sized(self.n_features).for_scores()
        if not features.gives_matrix and self.n_features <= MAX_DENSE_FEATURES:
            return ModelScorer(features, self)
        if not self.reads_sparse:
            raise Unsupported("it was fitted on an array, and sees a sparse matrix")
        return _SparseScorer(features, self)

    def reading(self, features: Step) -> Self:
        if features.gives_matrix and not self.reads_sparse:
            raise Unsupported("it was fitted on an array, and sees a sparse matrix")
        return self

    # Rows to scores

    def raw(self, features: np.ndarray, *, n_threads: int = 1) -> np.ndarray:
        check_width(features, self.n_features)
        size = max(_BLOCK_VALUES // len(self.squares), 1)
        return map_blocks(self._block, features, size, n_threads)

    def raw_one(self, features: np.ndarray) -> np.ndarray:
        return self._block(features[None])[0]

    def _block(self, rows: Any) -> np.ndarray:
        """Return the decision values of some rows."""
        numbers = rows.data if sparse.issparse(rows) else rows
        if not np.abs(numbers).max(initial=0.0) < _TOO_LARGE:
            raise InputUnsupported("values that are missing, or whose squares are infinite")
        values = self._kernel_values(rows)
        if not self.is_in_order:
            return values @ self.weights + self.constants
        sums = np.empty((len(values), len(self.constants)))
        sum_in_order(np.ascontiguousarray(values), np.ascontiguousarray(self.weights.T), sums)
        return sums + self.constants

    def _kernel_values(self, rows: Any) -> np.ndarray:
        """Return the kernel of each row and each support vector, (n_rows, n_vectors)."""
        values = products(rows, self.vectors)
        if self.kernel == "rbf":
            self._distances(rows, values)
            values *= -self.gamma
            exponentials(values.reshape(-1))
            return values
        if self.kernel == "linear":
            return values
        values *= self.gamma
        values += self.original.coef0
        if self.kernel == "sigmoid":
            return np.tanh(values, out=values)
        return values ** int(self.original.degree)

    def _distances(self, rows: Any, values: np.ndarray) -> None:
        """Put the squared distances of rows and support vectors in the place of their products."""
        lengths = squared_lengths(rows)
        values *= -2.0
        values += lengths[:, None]
        values += self.squares
        np.maximum(values, 0.0, out=values)
        # Large numbers that cancel: far rows are compared one number after the other.
        far = np.flatnonzero(~(lengths <= self.longest))
        if len(far) and sparse.issparse(self.vectors):
            raise InputUnsupported("far rows, of which libsvm compares the numbers")
        for row in far.tolist():
            own = rows[[row]].toarray()[0] if sparse.issparse(rows) else rows[row]
            differences = self.vectors - own[:, None]
            np.einsum("ij,ij->j", differences, differences, out=values[row])

    def warm_up(self) -> None:
        exponentials(np.zeros(1))
        warm_up_products(self.vectors)
        if self.is_in_order:
            sum_in_order(np.zeros((1, 1)), np.zeros((1, 1)), np.empty((1, 1)))
        couple(np.full((1, 2, 2), 0.5), np.empty((1, 2)))
        if self.classes is not None:
            self._votes(np.zeros((1, len(self.constants))))  # prediction is to change nothing here

    # Scores to answers

    def gives(self, method: str) -> bool:
        if method == "predict":
            return True
        if method in ("predict_proba", "predict_log_proba") and not len(self.slopes):
            return False  # probabilities were asked for after the fit
        return self.is_precise and hasattr(self.original, method)

    def predict(self, scores: np.ndarray) -> np.ndarray:
        if self.classes is None:
            return scores[:, 0]
        if scores.shape[1] == 1:
            return self.classes[np.where(scores[:, 0] > 0, 0, 1)]
        if self.original.break_ties:
            return self.classes[self.decision_function(scores).argmax(axis=1)]
        return self.classes[self._votes(scores).argmax(axis=1)]

    def _votes(self, scores: np.ndarray) -> np.ndarray:
        """Return how many pairs each class wins, (n_rows, n_classes)."""
        # A class wins those with the classes before it where no first of a pair wins.
        return (scores > 0) @ self._ballots + np.arange(self._ballots.shape[1])

    @cached_property
    def _ballots(self) -> np.ndarray:
        """What the votes of each class change by where the first of a pair wins."""
        assert self.classes is not None
        ballots = np.zeros((len(self._pairs), len(self.classes)))
        for pair, (one, other) in enumerate(self._pairs):
            ballots[pair, one], ballots[pair, other] = 1.0, -1.0
        return ballots

    @cached_property
    def _pairs(self) -> list[tuple[int, int]]:
        assert self.classes is not None
        n = len(self.classes)
        return [(one, other) for one in range(n) for other in range(one + 1, n)]

    def predict_one(self, scores: np.ndarray) -> Any:
        if self.classes is None:
            return scores[0]
        if len(scores) == 1:
            score = float(scores[0])
            return self.classes[0 if score > 0 else 1] if abs(score) > DOUBT else None
        return super().predict_one(scores)

    def doubtful(self, scores: np.ndarray) -> np.ndarray:
        if self.classes is None:
            return NO_ROWS
        doubt = ~(np.abs(scores) > DOUBT).all(axis=1)
        if scores.shape[1] > 1 and self.original.break_ties:
            doubt |= ~(lead(self.decision_function(scores)) > DOUBT)
        return np.flatnonzero(doubt)

    def decision_function(self, scores: np.ndarray) -> np.ndarray:
        if scores.shape[1] == 1:
            return -scores[:, 0]
        if self.original.decision_function_shape == "ovr":
            assert self.classes is not None
            return np.asarray(ovr_decision_function(scores < 0, -scores, len(self.classes)))
        return scores

    def predict_proba(self, scores: np.ndarray) -> np.ndarray:
        assert self.classes is not None
        n = len(self.classes)
        of_pairs = np.clip(
            expit(-(scores * self.slopes + self.offsets)),
            _LEAST_PROBABILITY,
            1.0 - _LEAST_PROBABILITY,
        )
        odds = np.zeros((len(scores), n, n))
        first, second = np.array(self._pairs).T
        odds[:, first, second] = of_pairs
        odds[:, second, first] = 1.0 - of_pairs
        probabilities = np.empty((len(scores), n))
        couple(odds, probabilities)
        return probabilities


class _SparseScorer(ModelScorer):
    """Sparse features of a step, for a model that was fitted on such."""

    def scores(self, X: Any, rows: np.ndarray | None = None, *, n_threads: int = 1) -> np.ndarray:
        taken = take_rows(X, rows)
        return self._of(self.features.transform(taken, n_threads=n_threads), n_threads)

    def _of(self, features: Any, n_threads: int) -> np.ndarray:
        if not (sparse.issparse(features) and features.dtype == np.float64):
            raise InputUnsupported("features that are not sparse", scorer=self, features=features)
        return self.model.raw(features.tocsr(), n_threads=n_threads)

    def score_one(self, x: Any) -> np.ndarray:
        return only(self._of(self.features.transform_one(x), 1))


@register(SVC, NuSVC, SVR, NuSVR, gives=SupportVectorModel, or_gives=(LinearModel,))
def compile_support_vectors(machine: Any) -> Model:
    """Compile a support vector machine: a linear one of two classes as a linear model."""
    classes = getattr(machine, "classes_", None)
    if machine.kernel == "linear" and (classes is None or len(classes) == 2):
        return linear_support_vectors(machine)
    return machine_with_kernel(machine, classes)


def machine_with_kernel(
    machine: Any, classes: np.ndarray | None, size: float | None = None
) -> SupportVectorModel:
    """Compile a machine by its support vectors.

    Parameters
    ----------
    machine : estimator
    classes : ndarray or None
    size : float, optional
        Of which values errors are a share; that of a regressor's by default.
    """
    if machine.kernel not in ("rbf", "poly", "sigmoid", "linear"):
        raise Unsupported(f"kernel={machine.kernel!r} is none of libsvm's own")
    vectors = machine.support_vectors_
    n_values, is_sparse = vectors.shape[0] * vectors.shape[1], sparse.issparse(vectors)
    if not len(machine.support_) or (vectors.nnz if is_sparse else n_values) > _MOST_VALUES:
        raise Unsupported(f"{len(machine.support_)} support vectors of {vectors.shape[1]} features")
    if is_sparse and n_values <= _MOST_DENSE_VALUES:
        vectors = vectors.toarray()
    dual = private(machine, "_dual_coef_")
    dual = np.asarray(dual.toarray() if sparse.issparse(dual) else dual)
    check_in_double(vectors, dual)
    weights = _weights(dual, classes, machine)
    constants = np.array(private(machine, "_intercept_"), dtype=np.float64)
    if size is None:
        size = 1.0 if classes is not None else max(1.0, float(np.abs(constants).max()))
    gamma, terms = float(private(machine, "_gamma")), np.abs(weights).sum(axis=0).max() / size
    # libsvm adds one class's support vectors, then takes away the other's: half of all at most.
    squares = squared_lengths(vectors)
    rounded = _EPSILON / 4 * np.sqrt(len(weights)) * terms * _usual_kernel(machine, gamma, squares)
    is_precise = bool(rounded <= _MOST_ROUNDED * _IN_ORDER)
    if classes is None and not is_precise:
        raise Unsupported("its values are small sums of large terms, which rounding changes")
    if machine.kernel == "poly" and (machine.degree != int(machine.degree) or machine.degree < 0):
        raise Unsupported(f"degree={machine.degree}")
    return SupportVectorModel(
        original=machine,
        classes=None if classes is None else np.array(classes),
        vectors=vectors.T.tocsr() if sparse.issparse(vectors) else np.ascontiguousarray(vectors.T),
        squares=squares,
        weights=weights,
        constants=constants,
        slopes=np.array(private(machine, "_probA")),
        offsets=np.array(private(machine, "_probB")),
        kernel=machine.kernel,
        gamma=gamma,
        reads_sparse=bool(private(machine, "_sparse")),
        longest=_ROUNDING
        / (4 * _EPSILON * gamma * float(np.sqrt((weights**2).sum(axis=0)).max()) / size),
        is_precise=is_precise,
        is_in_order=is_precise and bool(rounded > _MOST_ROUNDED),
    )


def _usual_kernel(machine: Any, gamma: float, squares: np.ndarray) -> float:
    """Return a size of the kernel's values: of a distance they are at most one, and mostly less.

    A power's may be large; those of vectors with themselves tell.
    """
    if machine.kernel != "poly":
        return 0.5 if machine.kernel == "rbf" else 1.0
    own = np.abs(gamma * squares + machine.coef0) ** machine.degree
    return max(1.0, float(np.sqrt(np.mean(own * own))))


def _weights(dual: np.ndarray, classes: np.ndarray | None, machine: Any) -> np.ndarray:
    """Return the coefficients of each pair of classes, (n_vectors, n_pairs).

    libsvm keeps a row for each of the other classes: that of the pair (i, j) is row j - 1 for the
    support vectors of i, and row i for those of j.
    """
    if classes is None or len(classes) == 2:
        return np.ascontiguousarray(dual.T)
    stops = np.cumsum(machine.n_support_)
    own = [slice(stop - n, stop) for stop, n in zip(stops, machine.n_support_, strict=True)]
    columns = []
    for one in range(len(classes)):
        for other in range(one + 1, len(classes)):
            column = np.zeros(dual.shape[1])
            column[own[one]] = dual[other - 1, own[one]]
            column[own[other]] = dual[one, own[other]]
            columns.append(column)
    return np.column_stack(columns)
