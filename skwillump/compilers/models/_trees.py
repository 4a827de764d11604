"""Models of decision trees: rows to sums of leaves, and sums to what the model's methods return."""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from scipy import sparse
from scipy.special import expit
from sklearn.utils.extmath import softmax

from ..._containers import take_rows
from ...kernels._arrays import frozen, frozen_fields
from ...kernels.trees._deep import predict_deep
from ...kernels.trees._links import single_exp, single_sigmoid, single_softmax
from ...kernels.trees._masks import predict_blocks
from ...kernels.trees._ranks import HALF_RANK, ZERO_IS_MISSING
from ...kernels.trees._walks import (
    AS_IS,
    CATEGORY,
    FINITE_CATEGORIES,
    IS_SET,
    KNOWN_CATEGORY,
    LOWEST,
    ONE_OF,
    SINGLE,
    SINGLE_OR_NAN,
    WALKS,
    Trees,
    predict_row,
    predict_rows,
)
from .._feature_codes import FeatureCodes
from .._features import MAX_DENSE_FEATURES, floats_of, only, to_dense
from .._models import Model
from .._steps import Scorer, Step
from .._threads import map_in_threads
from .._unsupported import InputUnsupported, Unsupported
from ._input import LIBRARY_ROWS
from ._narrow import NarrowTrees
from ._sparse_trees import SparseTrees
from ._tree_layout import Questions

IDENTITY, SIGMOID, SOFTMAX, SIGMOIDS, EXP, SIGNED_SQUARE, LOG1P_EXP = range(7)
"""How sums become values or probabilities. IDENTITY: they are, or (sums of forests) have become."""

_DOUBT = 1e-9
"""What is closer than this share of its size to a tie may be one in the original."""

_SINGLE_DOUBT = 1e-5
"""The same where values are float32."""

_CHUNK_ROWS = 4096
"""Rows in a thread's piece of a batch."""

_LARGE_TREE = 1 << 14
"""Bytes of a tree that does not stay in the first cache."""

_CHUNK_VALUES = 1 << 20
"""Values of wide sparse rows that are made dense at a time."""

_MOST_FEATURES = 1 << 20
"""Of a sparse row; wider ones are left to the original."""

_MANY_FEATURES = 256
"""Fewer features of a text are made dense, whether trees look at them or not."""

_FEW_WIDE_ROWS = 64
"""More wide rows than these walk down deep trees as fast where they are sparse."""

_EXACT_SINGLE = 1 << 24
"""Integers below this are numbers of float32."""

_MANY_ROWS = 12
"""Fewer rows are walked: questions are put to 64 at once."""

_FLOAT64 = np.dtype(np.float64)
_SINGLE_LINKS = {SIGMOID: single_sigmoid, SOFTMAX: single_softmax, EXP: single_exp}
"""What becomes of sums of float32."""

LibrarySums = Callable[[Any, np.ndarray, int], np.ndarray]
"""Of a fitted model, features and a number of threads: the sums (n_rows, n_outputs)."""

_NOT_FINITE = "values that are missing, infinite, or too large for float32"


@dataclass(frozen=True, eq=False, kw_only=True)
class TreeModel(Model):
    """A fitted model of decision trees.

    Its scores are the sums of leaves that `raw` returns.

    Attributes
    ----------
    n_features : int
        Number of features that it was fitted on.
    """

    original: Any
    trees: Trees
    questions: Questions | None  # for batches, where trees are not too large
    classes: np.ndarray | None
    n_features: int
    link: int
    trees_per_round: int
    is_mean: bool = False  # of the trees, a forest's
    scale: float = 1.0  # of the scores before the link
    divisor: float = 1.0  # of the scores before that, LightGBM's random forests
    zero_is_positive: bool = False  # the label where two classes' only score is zero
    is_certain: bool = True  # whether sums are those of the original, to the last bit
    dtype: np.dtype = _FLOAT64  # of values and probabilities
    missing: float = np.nan  # what is a missing value, beside NaN
    absent_is_missing: bool = False  # whether what a sparse matrix does not hold is
    by_library: LibrarySums | None = None  # where the library is faster for many rows
    gives_logs: bool = True  # whether logarithms of probabilities are made of these
    label_columns: bool = False  # whether labels come as a column, CatBoost's of several classes

    def __setstate__(self, state: dict[str, Any]) -> None:
        asked = state["questions"]
        asked = None if asked is None else Questions(*map(frozen_fields, asked))
        self.__dict__.update(state, trees=frozen_fields(state["trees"]), questions=asked)

    @property
    def intercept(self) -> np.ndarray:  # type: ignore[override]
        """Zeros (n_outputs,): scores are complete."""
        return np.zeros(self.n_outputs)

    @property
    def n_outputs(self) -> int:
        """Number of columns of the scores."""
        return len(self.trees.base)

    @property
    def _doubt(self) -> float:
        """What is closer than this share of its size to a tie may be one in the original."""
        return _DOUBT if self.dtype == _FLOAT64 else _SINGLE_DOUBT

    @property
    def n_rounds(self) -> int:
        """Number of boosting rounds, or of trees in a forest."""
        return len(self.trees.roots) // self.trees_per_round

    # Rows to scores

    def raw(
        self, features: np.ndarray, *, n_threads: int = 1, start: np.ndarray | None = None
    ) -> np.ndarray:
        """Return the scores (n_rows, n_outputs) of features (n_rows, n_features), float64.

        Parameters
        ----------
        features : ndarray of shape (n_rows, n_features)
        n_threads : int
        start : ndarray of float64 of shape (n_rows, n_outputs), optional
            Sums of the trees before, for the second model of `split`.

        Raises
        ------
        InputUnsupported
            For values that the original refuses.
        """
        features = frozen(np.asarray(features, dtype=np.float64))
        if features.ndim != 2 or features.shape[1] != self.n_features:
            raise InputUnsupported(f"features of shape {features.shape}")
        by_library = self.by_library is not None and self.questions is None and start is None
        if by_library and len(features) >= LIBRARY_ROWS:
            assert self.by_library is not None
            return self.by_library(self.original, self._with_nan(features), n_threads)
        out = np.empty((len(features), self.n_outputs))
        if start is not None:
            out[:] = start
        shift, is_deep = self._shift(), self._is_deep()
        asked = self._asked
        sets = asked.sets if asked.has_sets else None
        zero_is_missing = asked.reading == ZERO_IS_MISSING

        def run(first: int) -> None:
            chunk = features[first : first + _CHUNK_ROWS]
            place = out[first : first + _CHUNK_ROWS]
            asks = self.questions is not None and len(chunk) >= _MANY_ROWS
            if not (asks and zero_is_missing):
                chunk = frozen(self._with_nan(chunk))
            if asks:
                assert self.questions is not None
                set_words = self.questions.masks.word if sets is not None else None
                accepted = predict_blocks(chunk, asked, *self.questions, set_words, place)
            elif is_deep and len(chunk) >= _MANY_ROWS:
                accepted = predict_deep(chunk, self.trees, place)
            elif self.questions is not None:
                # Nearly as fast for so few, and one kernel less to compile.
                accepted = all(
                    predict_row(row, sets, *self.trees, sums)
                    for row, sums in zip(chunk.copy(), place, strict=True)
                )
            else:
                accepted = predict_rows(chunk, self.trees, shift, place)
            if not accepted:
                raise InputUnsupported(_NOT_FINITE)

        map_in_threads(run, range(0, len(features), _CHUNK_ROWS), n_threads)
        return out

    def raw_one(self, features: np.ndarray, start: np.ndarray | None = None) -> np.ndarray:
        """Return the scores (n_outputs,) of one row of features (n_features,)."""
        features = self._with_nan(features)
        trees, flags = self.trees, features.flags
        if not (features.dtype is _FLOAT64 and flags.c_contiguous and flags.writeable):
            features = np.array(features, dtype=np.float64)  # numba compiles for one type
        if features.shape != (self.n_features,):
            raise InputUnsupported(f"features of shape {features.shape}")
        out = np.empty(len(trees.base)) if start is None else start.copy()
        sets = trees.sets if trees.has_sets else None
        if not predict_row(features, sets, *trees, out):
            raise InputUnsupported(_NOT_FINITE)
        return out

    @property
    def _zero_is_missing(self) -> bool:
        return self.absent_is_missing and self.missing == 0.0

    def _with_nan(self, features: np.ndarray) -> np.ndarray:
        """Return features with NaN in the place of what is missing."""
        if self.missing != self.missing:
            return features
        if self._zero_is_missing:
            return np.where(features == 0.0, np.nan, features)
        return np.where(np.float32(features) == np.float32(self.missing), np.nan, features)

    def _shift(self) -> int:
        """Return the binary logarithm of the number of rows in a block.

        The columns of the rows stay in the cache while a tree is walked, or, where trees are
        large, the tree while many rows walk it.
        """
        trees = self.trees
        values, most = (1 << 16, 12) if self._is_large() else (1 << 12, 8)
        rows = max(values // len(trees.columns), WALKS)
        return min(rows.bit_length() - 1, most)

    def _is_large(self) -> bool:
        return bool(self.trees.nodes.nbytes > _LARGE_TREE * len(self.trees.roots))

    def _is_deep(self) -> bool:
        """Tell whether batches walk as forests that were grown to the end should."""
        trees = self.trees
        reads_single = trees.reading in (SINGLE, SINGLE_OR_NAN)
        return self.questions is None and reads_single and not trees.has_sets and self._is_large()

    def bind(self, features: Step) -> "TreeScorer":
        """Return a scorer for the features of a compiled step."""
        features = features.sized(self.n_features)
        if self.absent_is_missing:
            features = features.in_known_containers()
        if features.n_features not in (None, self.n_features):
            raise Unsupported(f"{features.n_features} features for a model of {self.n_features}")
        return TreeScorer(features.guarded(), self, self.reading(features))

    def reading(self, features: Step) -> "TreeModel":
        """Return the model as it reads what a step's original returns.

        Where that may be a sparse matrix, scikit-learn's trees refuse missing values in it. For
        XGBoost, what is absent from it is missing.

        Raises
        ------
        Unsupported
            If that depends on the container, and the container depends on the data.
        """
        if features.gives_array:
            return self
        if not self.absent_is_missing:
            return self.strict()
        if not features.gives_sparse or self.missing == self.missing:
            raise Unsupported("it takes what a sparse matrix does not hold for missing")
        return replace(self, missing=0.0)

    def strict(self) -> "TreeModel":
        """Return a model that refuses missing values: scikit-learn does in sparse matrices."""
        if self.trees.reading != SINGLE_OR_NAN:
            return self
        return replace(self, trees=self.trees._replace(reading=SINGLE))

    def warm_up(self) -> None:
        """Compile or load the kernels."""
        zeros = np.zeros((_MANY_ROWS, self.n_features))
        self.raw(zeros)
        self.raw(zeros[:1])
        scores = self.raw_one(zeros[0])
        if self.dtype != _FLOAT64:
            self._values(scores[None])

    def split(self, n_trees: int) -> "tuple[TreeModel, TreeModel]":
        """Return the first rounds and the rest; together they add what the whole model adds.

        The scores of the first are the `start` of the rest, whose scores are then those of the
        whole model, to the last bit.

        Parameters
        ----------
        n_trees : int
            Number of rounds (of trees, in a forest) of the first model, at least one.

        Returns
        -------
        first, rest : TreeModel
            The first answers as a model of its own; of a forest, it is the mean of its trees.
        """
        if not 1 <= n_trees < self.n_rounds:
            raise ValueError(f"n_trees={n_trees} is not in 1..{self.n_rounds - 1}")
        n = n_trees * self.trees_per_round
        first, rest = (
            replace(
                self,
                trees=frozen_fields(self.trees._replace(roots=self.trees.roots[some], **changes)),
                questions=None if self.questions is None else self.questions.some(some),
                by_library=None,
            )
            for some, changes in (
                (slice(0, n), {"divisor": 1.0}),
                (slice(n, None), {"continues": True}),
            )
        )
        if self.is_mean or self.divisor != 1.0:  # its scores are sums
            first = replace(first, divisor=float(n_trees))
        return first, rest

    def used_features(self, n_trees: int | None = None) -> np.ndarray:
        """Return the features that the first rounds (of a forest, trees) look at, sorted."""
        trees = self.trees
        n = len(trees.roots) if n_trees is None else n_trees * self.trees_per_round
        end = len(trees.nodes) if n == len(trees.roots) else int(trees.roots[n, 0])
        links = trees.nodes[int(trees.roots[0, 0]) : end].reshape(-1, 2)[:, 1]
        used = np.unique(links & np.uint64(IS_SET - 1)).astype(np.intp)
        return np.unique(trees.columns[used[trees.columns[used, 1] != LOWEST], 0])

    def on_features(self, features: np.ndarray) -> "TreeModel":
        """Return the model for a table of some of the features only, which no tree needs others.

        Parameters
        ----------
        features : ndarray of int of shape (n_kept,)
            Sorted positions of the features that are kept.
        """
        columns = self.trees.columns.copy()
        kept = np.isin(columns[:, 0], features)
        columns[kept, 0] = np.searchsorted(features, columns[kept, 0])
        columns[~kept] = (0, LOWEST, 0, 0)
        trees = frozen_fields(self.trees._replace(columns=columns))
        return replace(self, trees=trees, n_features=len(features), by_library=None)

    def on_codes(self, features: FeatureCodes) -> "TreesOnCodes | None":
        """Return the model for columns of numbers and of codes.

        None where it walks down its trees, looks codes up as categories, or would not gain.
        """
        is_nan = self.missing != self.missing
        if self.questions is None or not (is_nan or self._zero_is_missing) or not features.pays:
            return None
        if (np.diff(features.columns) < 0).any() or len(features.codes) != self.n_features:
            return None
        columns, ranks = self.trees.columns, self.questions.ranks
        is_read = columns[:, 1] != LOWEST
        code = features.codes[columns[:, 0]]
        is_code = is_read & (code > 0)
        if np.isin(columns[is_code, 1], (CATEGORY, KNOWN_CATEGORY)).any():
            return None
        zero = np.nan if self._asked.reading == ZERO_IS_MISSING else 0.0
        packed = [
            (ranks.of_value(1.0, at, columns[at, 1]) << HALF_RANK)
            | ranks.of_value(zero, at, columns[at, 1])
            for at in np.flatnonzero(is_code).tolist()
        ]
        columns = columns.copy()
        columns[is_read, 0] = features.columns[columns[is_read, 0]]
        columns[is_code, 1] = ONE_OF
        columns[is_code, 2] = code[is_code]
        columns[is_code, 3] = packed
        trees = frozen_fields(self.trees._replace(columns=columns))
        twin = replace(self, trees=trees, n_features=features.n_columns, by_library=None)
        return TreesOnCodes(self, twin, features)

    @property
    def _asked(self) -> Trees:
        """The trees, which take zeros for missing where the model does."""
        if self._zero_is_missing and self.trees.reading == SINGLE_OR_NAN:
            return self.trees._replace(reading=ZERO_IS_MISSING)
        return self.trees

    def asked_all(self, columns: np.ndarray) -> np.ndarray:
        """Return the scores (n_rows, n_outputs) of rows that all nodes are asked of."""
        assert self.questions is not None
        out = np.empty((len(columns), self.n_outputs))
        words = self.questions.masks.word if self.trees.has_sets else None
        if not predict_blocks(frozen(columns), self._asked, *self.questions, words, out):
            raise InputUnsupported(_NOT_FINITE)
        return out

    # Scores to answers

    def gives(self, method: str) -> bool:
        """Tell whether ``method`` follows from the scores alone."""
        if method == "predict":
            return True
        if method == "predict_log_proba" and not self.gives_logs:
            return False
        return self.classes is not None and hasattr(self.original, method)

    def predict(self, scores: np.ndarray) -> np.ndarray:
        """Return labels, or a regressor's values."""
        if self.classes is None:
            values = self._values(scores).astype(self.dtype, copy=False)
            return values[:, 0] if values.shape[1] == 1 else values
        if scores.shape[1] == 1:
            score = scores[:, 0]
            positive = score >= 0 if self.zero_is_positive else score > 0
            return self.classes[positive.astype(np.intp)]
        if self.link == SIGMOIDS:  # they may be one for several classes
            scores = self._values(scores)
        labels = self.classes[scores.argmax(axis=1)]
        return labels[:, None] if self.label_columns else labels

    def doubtful(self, scores: np.ndarray) -> np.ndarray:
        """Return the positions of rows whose label rounding could change.

        An exact tie is in no doubt where the scores are the original's to the last bit.
        """
        if self.classes is None or (self.link == IDENTITY and self.is_certain):
            return np.zeros(0, dtype=np.intp)
        if scores.shape[1] == 1:
            size = np.abs(scores[:, 0]) * (self.scale / self.divisor)
            is_tie = (size == 0.0) & self.is_certain
            return np.flatnonzero(~((size > self._doubt) | is_tie))
        values = self._values(scores) if self.link == SIGMOIDS else scores
        top = values.max(axis=1, keepdims=True)
        near = values > top - self._doubt * (1.0 + np.abs(top))
        if self.link != SIGMOIDS and self.is_certain:
            near &= values < top
            return np.flatnonzero(near.any(axis=1) | np.isnan(top[:, 0]))
        return np.flatnonzero(near.sum(axis=1) != 1)  # NaN is near nothing

    def predict_one(self, scores: np.ndarray) -> Any:
        """Return the label or value for scores (n_outputs,), None where it is in doubt."""
        if self.classes is None:
            if self.link == IDENTITY and self.divisor == 1.0 and len(scores) == 1:
                return self.dtype.type(scores[0])
            return self.predict(scores[None])[0]
        if len(scores) == 1:
            score = float(scores[0])
            if abs(score) * (self.scale / self.divisor) > self._doubt:
                return self.classes[1 if score > 0 else 0]
        elif self.link == IDENTITY and self.is_certain:
            return self.classes[scores.argmax()]
        return super().predict_one(scores)

    def predict_proba(self, scores: np.ndarray) -> np.ndarray:
        """Return probabilities (n_rows, n_classes)."""
        values = self._values(scores).astype(self.dtype, copy=False)
        if values.shape[1] == 1:
            return np.column_stack((self.dtype.type(1.0) - values[:, 0], values[:, 0]))
        return values

    def predict_proba_one(self, scores: np.ndarray) -> np.ndarray:
        """Return probabilities (n_classes,) for scores (n_outputs,)."""
        if self.link == IDENTITY and self.divisor == 1.0:
            return scores
        if self.link == SIGMOID and len(scores) == 1 and self.dtype == _FLOAT64:
            positive = self.dtype.type(expit(scores[0] / self.divisor * self.scale))
            return np.array((self.dtype.type(1.0) - positive, positive))
        return super().predict_proba_one(scores)

    def _values(self, scores: np.ndarray) -> np.ndarray:
        """Return the link's values, one for each score."""
        if self.divisor != 1.0:
            scores = scores / self.divisor
        if self.dtype != _FLOAT64 and self.link in _SINGLE_LINKS:
            values = np.empty(scores.shape, dtype=self.dtype)
            _SINGLE_LINKS[self.link](np.ascontiguousarray(scores), values)
            return values
        if self.link in (SIGMOID, SIGMOIDS):
            return expit(self.scale * scores)
        if self.link == SOFTMAX:
            return softmax(scores)
        if self.link == EXP:
            return np.exp(scores)
        if self.link == SIGNED_SQUARE:
            return np.sign(scores) * scores * scores
        if self.link == LOG1P_EXP:
            return np.log1p(np.exp(scores))
        return scores


@dataclass(frozen=True, eq=False)
class TreesOnCodes:
    """A model that reads columns of numbers and of codes.

    Attributes
    ----------
    model : TreeModel
        The model that reads features.
    twin : TreeModel
        The one that reads columns; its nodes are only asked, not walked.
    features : FeatureCodes
    """

    model: TreeModel
    twin: TreeModel
    features: FeatureCodes

    def raw(self, columns: np.ndarray) -> np.ndarray:
        """Return the scores (n_rows, n_outputs) of columns (n_rows, n_columns).

        Raises
        ------
        InputUnsupported
            For values that the original refuses.
        """
        if len(columns) < _MANY_ROWS:
            return self.model.raw(self.features.features(columns))
        return self.twin.asked_all(columns)

    def warm_up(self) -> None:
        """Compile or load the kernel."""
        self.twin.asked_all(np.zeros((1, self.features.n_columns)))


@dataclass(frozen=True, eq=False)
class TreeScorer(Scorer):
    """The features of a step, down the trees of a model."""

    features: Step
    model: TreeModel
    reader: TreeModel  # the same, or one that refuses missing values

    @property
    def n_outputs(self) -> int:
        """Number of columns of the scores."""
        return self.model.n_outputs

    @property
    def is_wide(self) -> bool:
        """Whether its features are a sparse matrix of too many columns for a dense array."""
        return self.model.n_features > MAX_DENSE_FEATURES and not self.features.gives_array

    @property
    def reads_opened(self) -> bool:
        """Whether its features are read column by column, some rows at a time."""
        step = self.features
        return step.reads_columns and step.exact_scores and not (self.is_wide or self._is_narrow)

    @cached_property
    def _is_narrow(self) -> bool:
        """Whether few of the features of a text are looked at, of which few are not zero."""
        if not (self.features.reads_text and self.features.exact_scores):
            return False
        if self.model.n_features < _MANY_FEATURES or self.model.absent_is_missing:
            return False
        if self._along is not None:
            return True
        return self._narrow is not None and 2 * self._narrow.n_used < self.model.n_features

    @cached_property
    def _narrow(self) -> NarrowTrees | None:
        return NarrowTrees.of(self.reader)

    @cached_property
    def _along(self) -> SparseTrees | None:
        """The trees for rows of texts, of which most features are zero, where they are large."""
        wide = self.model.n_features >= _MANY_FEATURES and not self.features.gives_array
        return SparseTrees.of(self.reader.trees, self.model.n_features) if wide else None

    def scores(self, X: Any, rows: np.ndarray | None = None, *, n_threads: int = 1) -> np.ndarray:
        """Return the float64 scores (n_rows, n_outputs)."""
        step, model = self.features, self.reader
        if sparse.issparse(X):
            if model.trees.reading in (AS_IS, FINITE_CATEGORIES):
                raise InputUnsupported("a sparse matrix")
            model = model.strict()
        if self.is_wide:
            return self._of_wide(
                step.transform(X if rows is None else take_rows(X, rows)), n_threads
            )
        if self._is_narrow:
            features = step.transform(X if rows is None else take_rows(X, rows))
            return self._of_some(features, n_threads)
        if not step.exact_scores:
            features = step.transform(X if rows is None else take_rows(X, rows))
            numbers = floats_of(features, getattr(model.original, "feature_names_in_", None))
            if numbers is None:
                reason = "features that are no array of floats"
                raise InputUnsupported(reason, scorer=self, features=features)
            return self._of_some(numbers, n_threads)
        coded = self._coded if model is self.reader else None
        if coded is not None:
            n_outputs = model.n_outputs
            return step.map_coded(coded.raw, X, rows, n_outputs=n_outputs, n_threads=n_threads)
        return step.map_dense(model.raw, X, rows, n_outputs=model.n_outputs, n_threads=n_threads)

    @cached_property
    def _coded(self) -> TreesOnCodes | None:
        """The model of columns of codes, where there are some; None where that is no gain."""
        features = None if self.is_wide or self._is_narrow else self.features.feature_codes()
        return None if features is None else self.reader.on_codes(features)

    def _of_some(self, features: Any, n_threads: int) -> np.ndarray:
        """Return the scores of features that may be a sparse matrix, of no more than fit dense."""
        if sparse.issparse(features) and features.shape[0]:
            with contextlib.suppress(InputUnsupported):
                found = self._of_sparse(features, n_threads)
                if found is not None:
                    return found
        return self.reader.raw(to_dense(features), n_threads=n_threads)

    def _of_sparse(self, features: Any, n_threads: int) -> np.ndarray | None:
        """Return the scores of a sparse matrix without making all of it dense; None if that is
        the faster way.
        """
        if features.shape[1] != self.model.n_features:
            raise InputUnsupported(f"{features.shape[1]} features")
        if self.model.absent_is_missing and self.reader.missing != 0.0:
            raise InputUnsupported("what a sparse matrix does not hold is missing")
        _refuse_unread(features, self.model)
        features = features.tocsr()
        if self._along is not None and self._along.pays(features):
            return self._along.raw(features, n_threads)
        if features.shape[0] > _FEW_WIDE_ROWS and self.is_wide and self.model._is_deep():
            raise InputUnsupported("so many sparse rows that the original is as fast")
        return None if self._narrow is None else self._narrow.raw(features, n_threads)

    def _of_wide(self, features: Any, n_threads: int) -> np.ndarray:
        """Return the scores of a sparse matrix of many features, made dense some rows at a time."""
        model = self.model
        try:
            if not (sparse.issparse(features) and features.shape[1] == model.n_features):
                raise InputUnsupported("many features that are not sparse")
            if model.n_features > _MOST_FEATURES or not features.shape[0]:
                raise InputUnsupported(f"{features.shape[1]} features of {features.shape[0]} rows")
            found = self._of_sparse(features, n_threads)
            if found is not None:
                return found
            features, reader = features.tocsr(), self.reader
            n_rows = max(_CHUNK_VALUES // model.n_features, 1)
            pieces = [slice(at, at + n_rows) for at in range(0, features.shape[0], n_rows)]
            scores = map_in_threads(
                lambda piece: reader.raw(features[piece].toarray()), pieces, n_threads
            )
            return np.concatenate(scores)
        except InputUnsupported as reason:
            raise InputUnsupported(str(reason), scorer=self, features=features) from reason

    def score_one(self, x: Any) -> np.ndarray:
        """Return the scores (n_outputs,) of one row."""
        if self.is_wide:
            if self.model.n_features > _MOST_FEATURES:
                raise InputUnsupported(f"{self.model.n_features} features")
            return only(self._of_wide(self.features.transform_one(x), 1))
        return self.reader.raw_one(self.features.dense_one(x))

    def warm_up(self) -> None:
        """Compile or load what scoring uses."""
        self.features.warm_up()
        self.model.warm_up()
        if self._coded is not None:
            self._coded.warm_up()
        # Now: prediction is to change nothing here.
        if (self.is_wide or self._is_narrow) and self._narrow is not None:
            self._narrow.model.warm_up()
        if self._along is not None:
            self._along.warm_up()


def _refuse_unread(features: Any, model: TreeModel) -> None:
    """Raise `InputUnsupported` for a sparse matrix that the original may read in another way."""
    if features.dtype != np.float64:
        of_trees = model.trees.reading in (SINGLE, SINGLE_OR_NAN)
        if not (of_trees and features.dtype.kind in "iu" and abs(features).max() < _EXACT_SINGLE):
            raise InputUnsupported(f"a sparse matrix of dtype {features.dtype}")
    if model.trees.reading in (AS_IS, FINITE_CATEGORIES):
        raise InputUnsupported("a sparse matrix")
    if not features.has_canonical_format or (model.absent_is_missing and not features.data.all()):
        raise InputUnsupported("a sparse matrix with entries that are zero, or twice")
