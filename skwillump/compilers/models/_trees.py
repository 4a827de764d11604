"""Models of decision trees: features to sums of leaves."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from ...kernels._arrays import FrozenArrays, frozen, frozen_fields
from ...kernels.trees._columns import (
    AS_IS,
    CATEGORIES,
    FINITE_CATEGORIES,
    LOWEST,
    ONE_OF,
    SINGLE,
    SINGLE_OR_NAN,
)
from ...kernels.trees._deep import DeepTrees, predict_deep
from ...kernels.trees._masks import predict_blocks
from ...kernels.trees._ranks import HALF_RANK, ZERO_IS_MISSING
from ...kernels.trees._walks import IS_SET, WALKS, Trees, predict_row, predict_rows
from .._feature_codes import FeatureCodes
from .._steps import Step
from .._threads import map_in_threads
from .._unsupported import InputUnsupported, Unsupported
from ._category_input import CategoryInputs, KnownCategories
from ._edges import Edges
from ._input import LIBRARY_ROWS
from ._tree_answers import TreeAnswers
from ._tree_layout import MANY_ROWS, Questions, deep_trees
from ._tree_scorer import TreeScorer, TreesOnCodes

_CHUNK_ROWS = 4000
"""Rows in a thread's piece of a batch."""

_LARGE_TREE = 1 << 14
"""Bytes of a tree that does not stay in the first cache."""

_FEW_WALKED = 16
"""For no more trees than these, ranks cost more than walks, however small trees are."""

_FLOAT64 = np.dtype(np.float64)

LibrarySums = Callable[[Any, np.ndarray, int], np.ndarray]
"""Of a fitted model, features and a number of threads: the sums (n_rows, n_outputs)."""

_IN_DOUBLES = (AS_IS, FINITE_CATEGORIES)
"""How models read whose thresholds may be values of rows of the fit."""

_AT_THRESHOLD = "a feature that rounding could take past a threshold"

_NOT_FINITE = "values that are missing, infinite, or too large for float32"


@dataclass(frozen=True, eq=False, kw_only=True)
class TreeModel(FrozenArrays, TreeAnswers):
    """A fitted model of decision trees.

    Its scores are the sums of leaves that `raw` returns.
    """

    trees: Trees
    questions: Questions | None  # for batches, where trees are not too large
    n_features: int  # number of features that it was fitted on
    trees_per_round: int
    is_mean: bool = False  # of the trees, a forest's
    missing: float = np.nan  # what is a missing value, beside NaN
    absent_is_missing: bool = False  # whether what a sparse matrix does not hold is
    by_library: LibrarySums | None = None  # where the library is faster for many rows
    edges: Edges | None = None  # thresholds that rounding could pass, of the features that it reads
    # Of each column that had pandas' categories in fit, by its position.
    categories: Mapping[int, KnownCategories] = field(default_factory=dict)

    @classmethod
    def of(cls, original: Any, packed: tuple[Trees, Questions | None], **told: Any) -> "TreeModel":
        """Return a model of what `pack` laid out, for all features that the original knows."""
        trees, questions = packed
        n_features = original.n_features_in_
        return cls(
            original=original, trees=trees, questions=questions, n_features=n_features, **told
        )

    @property
    def n_outputs(self) -> int:
        return len(self.trees.base)

    @property
    def n_rounds(self) -> int:
        """Number of boosting rounds, or of trees in a forest."""
        return len(self.trees.roots) // self.trees_per_round

    def raw(
        self, features: np.ndarray, *, n_threads: int = 1, start: np.ndarray | None = None
    ) -> np.ndarray:
        """Return the scores (n_rows, n_outputs) of features (n_rows, n_features), float64.

        Parameters
        ----------
        features : ndarray of shape (n_rows, n_features)
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
        if self.edges is not None and self.edges.near(features).any():
            raise InputUnsupported(_AT_THRESHOLD)
        by_library = self.by_library is not None and self.questions is None and start is None
        if by_library and len(features) >= LIBRARY_ROWS:
            assert self.by_library is not None
            return self.by_library(self.original, self._with_nan(features), n_threads)
        out = np.empty((len(features), self.n_outputs))
        if start is not None:
            out[:] = start
        shift, is_deep = self._shift(), bool(self.deep)
        asked = self._asked
        sets = asked.sets if asked.has_sets else None
        zero_is_missing = asked.reading == ZERO_IS_MISSING

        def run(first: int) -> None:
            chunk = features[first : first + _CHUNK_ROWS]
            place = out[first : first + _CHUNK_ROWS]
            asks = self.questions is not None and len(chunk) >= MANY_ROWS and not is_deep
            if not (asks and zero_is_missing):
                chunk = frozen(self._with_nan(chunk))
            if asks:
                assert self.questions is not None
                set_words = self.questions.masks.word if sets is not None else None
                accepted = predict_blocks(chunk, asked, *self.questions, set_words, place)
            elif is_deep and len(chunk) >= MANY_ROWS:
                accepted = self._walked(chunk, place)
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
        features = self._with_nan(features)
        trees, flags = self.trees, features.flags
        if not (features.dtype is _FLOAT64 and flags.c_contiguous and flags.writeable):
            features = np.array(features, dtype=np.float64)  # numba compiles for one type
        if features.shape != (self.n_features,):
            raise InputUnsupported(f"features of shape {features.shape}")
        if self.edges is not None and self.edges.is_near(features):
            raise InputUnsupported(_AT_THRESHOLD)
        out = np.empty(len(trees.base)) if start is None else start.copy()
        sets = trees.sets if trees.has_sets else None
        if not predict_row(features, sets, *trees, out):
            raise InputUnsupported(_NOT_FINITE)
        return out

    @property
    def zero_is_missing(self) -> bool:
        """Whether zeros stand for what a sparse matrix does not hold, and that is missing."""
        return self.absent_is_missing and self.missing == 0.0

    def _with_nan(self, features: np.ndarray) -> np.ndarray:
        """Return features with NaN in the place of what is missing."""
        if self.missing != self.missing:
            return features
        if self.zero_is_missing:
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

    @cached_property
    def deep(self) -> tuple[DeepTrees, ...]:
        """The trees for batches, where these walk as down forests that were grown to the end.

        There may be two of them: the first refuses missing values, and is faster.
        """
        if self.questions is not None and len(self.trees.roots) > _FEW_WALKED:
            return ()
        if self.trees.reading not in (SINGLE, SINGLE_OR_NAN):
            return ()
        readings = sorted({SINGLE, self.trees.reading})
        found = [deep_trees(self.trees._replace(reading=r), self.n_features) for r in readings]
        laid_out = [trees for trees in found if trees is not None]
        if len(laid_out) < len(found):
            return ()
        widths = [len(trees.columns) for trees in laid_out]
        # Sums that go on cannot be begun twice.
        is_one = len(set(widths)) == 1 or self.trees.continues
        return tuple(laid_out[-1:] if is_one else laid_out)

    def _walked(self, features: np.ndarray, out: np.ndarray) -> bool:
        """Write the scores of many rows down deep trees; False if one is refused."""
        return any(predict_deep(features, trees, out) for trees in self.deep)

    def bind(self, features: Step) -> TreeScorer:
        if self.categories:
            inputs = CategoryInputs(model=self.original, categories=self.categories)
            features = features.reading_categories(inputs)
        features = features.sized(self.n_features)
        if self.absent_is_missing:
            features = features.in_known_containers()
        elif self.trees.reading in (SINGLE, SINGLE_OR_NAN):
            features = features.undensed()
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
        if self.trees.reading in _IN_DOUBLES and features.is_rounded:
            is_rounded = features.rounded_features()
            if len(is_rounded) != self.n_features:
                is_rounded = np.full(self.n_features, True)
            return replace(self, edges=Edges.of(self.trees, is_rounded))
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
        found = replace(self, trees=self.trees._replace(reading=SINGLE))
        # Those that refuse missing values are there already: they are not made for each batch.
        found.__dict__["deep"] = self.deep[:1]
        return found

    @property
    def reads_single(self) -> bool:
        """Whether it reads float32, as scikit-learn's trees do that are not of histograms."""
        return self.trees.reading in (SINGLE, SINGLE_OR_NAN) and not self.absent_is_missing

    @property
    def n_visited(self) -> int:
        """Number of nodes that a row is asked at, at most."""
        return int(self.trees.roots[:, 2].sum())

    def warm_up(self) -> None:
        zeros = np.zeros((MANY_ROWS, self.n_features))
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
        nodes = self.trees.nodes[: int(self.trees.roots[n, 0])]
        first, rest = (
            replace(
                self,
                trees=frozen_fields(self.trees._replace(roots=self.trees.roots[some], **changes)),
                questions=None if self.questions is None else self.questions.some(some),
                by_library=None,
            )
            for some, changes in (
                (slice(0, n), {"divisor": 1.0, "nodes": nodes}),
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
        return replace(self, trees=trees, n_features=len(features), by_library=None, edges=None)

    def on_codes(self, features: FeatureCodes) -> TreesOnCodes | None:
        """Return the model for columns of numbers and of codes.

        None where it walks down its trees, looks codes up as categories, or would not gain.
        """
        is_nan = self.missing != self.missing
        if self.edges is not None:
            return None
        if not (is_nan or self.zero_is_missing) or not features.pays:
            return None
        if self.questions is None and (self.zero_is_missing or not self.deep):
            return None
        if (np.diff(features.columns) < 0).any() or len(features.codes) != self.n_features:
            return None
        columns = self.trees.columns
        is_read = columns[:, 1] != LOWEST
        code = features.codes[columns[:, 0]]
        is_code = is_read & (code > 0)
        if np.isin(columns[is_code, 1], CATEGORIES).any():
            return None
        packed = self._packed_ranks(np.flatnonzero(is_code))
        is_asked = np.isin(columns[:, 0], self.used_features())
        columns = columns.copy()
        columns[is_read, 0] = features.columns[columns[is_read, 0]]
        columns[is_code, 1] = ONE_OF
        columns[is_code, 2] = code[is_code]
        columns[is_code, 3] = packed
        # No code is refused, so that those of which a part of the trees does not ask are not read.
        columns[is_code & ~is_asked, 1] = LOWEST
        trees = frozen_fields(self.trees._replace(columns=columns))
        twin = replace(self, trees=trees, n_features=features.n_columns, by_library=None)
        return TreesOnCodes(self, twin, features)

    def _packed_ranks(self, columns: np.ndarray) -> list[int]:
        """Return the ranks of one and of zero in columns of ones and zeros."""
        if self.questions is None:
            return [0] * len(columns)
        ranks, how = self.questions.ranks, self.trees.columns[:, 1].tolist()
        zero = np.nan if self._asked.reading == ZERO_IS_MISSING else 0.0
        return [
            (ranks.of_value(1.0, at, how[at]) << HALF_RANK) | ranks.of_value(zero, at, how[at])
            for at in columns.tolist()
        ]

    @property
    def _asked(self) -> Trees:
        """The trees, which take zeros for missing where the model does."""
        if self.zero_is_missing and self.trees.reading == SINGLE_OR_NAN:
            return self.trees._replace(reading=ZERO_IS_MISSING)
        return self.trees

    def asked_all(self, columns: np.ndarray, start: np.ndarray | None = None) -> np.ndarray:
        """Return the scores (n_rows, n_outputs) of many rows of numbers and codes.

        `start` is that of `raw`.
        """
        out = np.empty((len(columns), self.n_outputs))
        if start is not None:
            out[:] = start
        if self.questions is None:
            accepted = self._walked(frozen(columns), out)
        else:
            words = self.questions.masks.word if self.trees.has_sets else None
            accepted = predict_blocks(frozen(columns), self._asked, *self.questions, words, out)
        if not accepted:
            raise InputUnsupported(_NOT_FINITE)
        return out
