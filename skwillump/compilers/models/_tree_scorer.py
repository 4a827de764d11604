"""The features of a step, down the trees of a model: dense, as codes, or as a sparse matrix."""

import contextlib
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

from ..._containers import is_plain_array, num_samples, take_rows
from ...kernels.trees._columns import AS_IS, FINITE_CATEGORIES, SINGLE, SINGLE_OR_NAN
from .._feature_codes import FeatureCodes
from .._features import MANY_FEATURES, MAX_DENSE_FEATURES, floats_of, map_dense, only, to_dense
from .._forwarding import KernelUser
from .._models import ModelScorer
from .._unsupported import InputUnsupported
from ..tables._input import Opened
from ._narrow import NarrowTrees
from ._sparse_trees import SparseTrees
from ._tree_layout import MANY_ROWS

if TYPE_CHECKING:
    from ._trees import TreeModel

_MOST_FEATURES = 1 << 20
"""Of a sparse row; wider ones are left to the original."""

_FEW_WIDE_ROWS = 64
"""More wide rows than these walk down deep trees as fast where they are sparse."""

_MANY_VALUES = 1 << 17
"""Values of a sparse matrix of which a dense one takes longer to make than a call of a library."""

_MANY_DENSE = (1 << 16, 1 << 19)
"""Values of an array which take longer to check than a call of a tree of scikit-learn's, of a
forest."""

_LINE = 8
"""Numbers in a cache line: of rows that are longer, columns are read one by one."""

_EXACT_SINGLE = 1 << 24
"""Integers below this are numbers of float32."""


@dataclass(frozen=True, eq=False)
class TreesOnCodes(KernelUser):
    """A model that reads columns of numbers and of codes."""

    model: "TreeModel"  # the model that reads features
    twin: "TreeModel"  # the one that reads columns, of many rows
    features: FeatureCodes

    def raw(self, columns: np.ndarray, start: np.ndarray | None = None) -> np.ndarray:
        """Return the scores (n_rows, n_outputs) of columns (n_rows, n_columns).

        `start` is that of `TreeModel.raw`.

        Raises
        ------
        InputUnsupported
            For values that the original refuses.
        """
        if len(columns) < MANY_ROWS:
            return self.model.raw(self.features.features(columns), start=start)
        return self.twin.asked_all(columns, start)

    def warm_up(self) -> None:
        self.twin.asked_all(np.zeros((1, self.features.n_columns)))


@dataclass(frozen=True, eq=False)
class TreeScorer(ModelScorer):
    """The features of a step, down the trees of a model."""

    model: "TreeModel"
    reader: "TreeModel"  # the same, or one that refuses missing values

    @property
    def is_wide(self) -> bool:
        """Whether its features are a sparse matrix of too many columns for a dense array."""
        return self.model.n_features > MAX_DENSE_FEATURES and not self.features.gives_array

    @property
    def reads_opened(self) -> bool:
        step = self.features
        return step.reads_columns and step.exact_scores and not (self.is_wide or self._is_narrow)

    @cached_property
    def _is_narrow(self) -> bool:
        """Whether few of the features of sparse rows are looked at, or of these few nodes ask."""
        is_sparse = self.features.reads_text or self.features.gives_matrix
        if not (is_sparse and self.features.exact_scores):
            return False
        if self.model.n_features < MANY_FEATURES:
            return False
        if self.model.absent_is_missing:  # read as such
            return self.reader.zero_is_missing and self._narrow is not None
        if self._along is not None:
            return True
        return self._narrow is not None and 2 * self._narrow.n_used < self.model.n_features

    @cached_property
    def _narrow(self) -> NarrowTrees | None:
        return NarrowTrees.of(self.reader)

    @property
    def _of_entries(self) -> NarrowTrees | SparseTrees | None:
        """What reads the entries of one row: trees of few features, or large ones."""
        return self._along if self._narrow is None else self._narrow

    @cached_property
    def _reads_entries(self) -> bool:
        """Whether one row is read without a matrix."""
        step, model = self.features, self.reader
        is_read = model.zero_is_missing or not model.absent_is_missing
        is_read &= model.trees.reading not in (AS_IS, FINITE_CATEGORIES)
        dtype = step.fixed_dtype if step.gives_matrix else None
        is_known = dtype is not None and (dtype == np.float64 or dtype.kind in "iu")
        return is_read and is_known and self._of_entries is not None

    @cached_property
    def _along(self) -> SparseTrees | None:
        """The trees for rows of texts, of which most features are zero, where they are large."""
        if self.model.n_features < MANY_FEATURES or self.features.gives_array:
            return None
        if self.model.absent_is_missing:
            return None  # they take what is not there for zero
        return SparseTrees.of(self.reader.trees, self.model.n_features)

    def scores(self, X: Any, rows: np.ndarray | None = None, *, n_threads: int = 1) -> np.ndarray:
        edges = self.reader.edges
        if edges is None or not self.features.exact_scores:
            return self._scores(X, rows, n_threads)
        model = replace(self.reader, edges=None)

        def work(features: np.ndarray) -> np.ndarray:
            found = model.raw(features)
            found[edges.near(features)] = np.nan
            return found

        width = model.n_outputs
        found = self.features.map_dense(work, X, rows, n_outputs=width, n_threads=n_threads)
        near = np.flatnonzero(np.isnan(found[:, 0]))
        if len(near):
            held = X.X if type(X) is Opened else X
            taken = take_rows(held, near if rows is None else rows[near])
            found[near] = model.raw(self.features.unrounded(taken))
        return found

    def _scores(self, X: Any, rows: np.ndarray | None, n_threads: int) -> np.ndarray:
        step, model = self.features, self.reader
        if sparse.issparse(X):
            is_table = step.passes_input and step.gives_array
            if is_table or model.trees.reading in (AS_IS, FINITE_CATEGORIES):
                raise InputUnsupported("a sparse matrix")
            if step.passes_input and not (self.is_wide or self._is_narrow):
                self._refuse_few_nodes(X, _MANY_VALUES)
            model = model.strict()
        elif step.passes_input and model.reads_single and is_plain_array(X):
            in_rows = X.dtype == np.float64 and X.flags.c_contiguous
            if not (in_rows and _LINE * len(model.trees.columns) < model.n_features):
                self._refuse_few_nodes(X, _MANY_DENSE[len(model.trees.roots) > 1])
        if self.is_wide:
            return self._of_wide(self._made(X, rows), n_threads)
        if self._is_narrow or (step.passes_input and sparse.issparse(X)):
            return self._of_some(self._made(X, rows), n_threads)
        if not step.exact_scores:
            X, names = take_rows(X, rows), getattr(model.original, "feature_names_in_", None)
            with contextlib.suppress(InputUnsupported):
                numbers = floats_of(step.float_columns(X, names))
                if numbers is not None:
                    return self._of_some(numbers, n_threads)
            features = step.transform(X)
            numbers = floats_of(features, names)
            if numbers is None:
                reason = "features that are no array of floats"
                raise InputUnsupported(reason, scorer=self, features=features)
            return self._of_some(numbers, n_threads)
        coded = self._coded if model is self.reader else None
        if coded is not None:
            n_outputs = model.n_outputs
            return step.map_coded(coded.raw, X, rows, n_outputs=n_outputs, n_threads=n_threads)
        return step.map_dense(model.raw, X, rows, n_outputs=model.n_outputs, n_threads=n_threads)

    def _made(self, X: Any, rows: np.ndarray | None) -> Any:
        """Return the sparse features of some rows."""
        step: Any = self.features
        X = take_rows(X, rows)
        return step.known_matrix(X) if step.passes_input else step.transform(X)

    def _refuse_few_nodes(self, X: Any, many: int) -> None:
        """Raise `InputUnsupported` for more values than are many, of which the model looks at few.

        That all of them are finite is to be seen all the same, which is what the original takes
        its time for.
        """
        n_values = num_samples(X) * self.model.n_features
        if n_values > many and 2 * self.reader.n_visited < self.model.n_features:
            raise InputUnsupported("so few nodes that the original is as fast")

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
        if sparse.issparse(features):
            return self._made_dense(features, n_threads, MAX_DENSE_FEATURES)
        return self.reader.raw(to_dense(features), n_threads=n_threads)

    def _of_sparse(self, features: Any, n_threads: int) -> np.ndarray | None:
        """Return the scores of a sparse matrix without making all of it dense; None if that is
        the faster way.
        """
        if features.shape[1] != self.model.n_features:
            raise InputUnsupported(f"{features.shape[1]} features")
        if self.model.absent_is_missing and not self.reader.zero_is_missing:
            raise InputUnsupported("what a sparse matrix does not hold is missing")
        _refuse_unread(features, self.model)
        features = features.tocsr()
        if self._along is not None and self._along.pays(features):
            return self._along.raw(features, n_threads)
        if self.features.passes_input:
            n_used = self.model.n_features if self._narrow is None else self._narrow.n_used
            if 2 * n_used >= self.model.n_features or self._is_much(features.shape[0] * n_used):
                return None
        if features.shape[0] > _FEW_WIDE_ROWS and self.is_wide and self.model.deep:
            raise InputUnsupported("so many sparse rows that the original is as fast")
        return None if self._narrow is None else self._narrow.raw(features, n_threads)

    def _made_dense(self, features: Any, n_threads: int, widest: int) -> np.ndarray:
        """Return the scores of a sparse matrix, made dense some rows at a time."""
        n_rows, n_features = features.shape
        many = self.features.passes_input and n_features >= MANY_FEATURES
        if many and self._is_much(n_rows * n_features):
            raise InputUnsupported("so many values to make dense that the original is as fast")
        return map_dense(self.reader.raw, features, n_threads=n_threads, widest=widest)

    def _is_much(self, n_values: int) -> bool:
        """Tell whether a library that reads sparse rows itself takes no longer than to make so
        many values dense.
        """
        return self.model.reads_single and n_values > _MANY_DENSE[1]

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
            return self._made_dense(features, n_threads, _MOST_FEATURES)
        except InputUnsupported as reason:
            raise InputUnsupported(str(reason), scorer=self, features=features) from reason

    def score_one(self, x: Any) -> np.ndarray:
        if self.is_wide:
            if self.model.n_features > _MOST_FEATURES:
                raise InputUnsupported(f"{self.model.n_features} features")
            if self._reads_entries:
                assert self._of_entries is not None
                with contextlib.suppress(InputUnsupported):
                    return self._of_entries.raw_one(*self.features.entries(x))
            return only(self._of_wide(self.features.transform_one(x), 1))
        return self.reader.raw_one(self.features.dense_one(x))

    def warm_up(self) -> None:
        self.features.warm_up()
        self.model.warm_up()
        if self._coded is not None:
            self._coded.warm_up()
        # Now: prediction is to change nothing here.
        if (self.is_wide or self._is_narrow) and self._narrow is not None:
            self._narrow.model.warm_up()
        if self._along is not None:
            self._along.warm_up()


def _refuse_unread(features: Any, model: "TreeModel") -> None:
    """Raise `InputUnsupported` for a sparse matrix that the original may read in another way."""
    if features.dtype != np.float64:
        of_trees = model.trees.reading in (SINGLE, SINGLE_OR_NAN)
        is_small = features.dtype.kind in "iu" and abs(features).max() < _EXACT_SINGLE
        if not (of_trees and (is_small or features.dtype == np.float32)):
            raise InputUnsupported(f"a sparse matrix of dtype {features.dtype}")
    if model.trees.reading in (AS_IS, FINITE_CATEGORIES):
        raise InputUnsupported("a sparse matrix")
    if not features.has_canonical_format or (model.absent_is_missing and not features.data.all()):
        raise InputUnsupported("a sparse matrix with entries that are zero, or twice")
