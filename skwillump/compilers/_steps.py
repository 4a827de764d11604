"""Compiled steps: what all of them promise to those who use them.

A `Step` is a fitted transformer's compiled twin. Nobody asks a step what type it is: what differs
between steps is a method or a property here, with the answer that is right for most of them.
"""

from contextlib import suppress
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from scipy import sparse

from .._containers import take_rows
from .._containers._pandas_rows import frame_of_numbers
from .._one_row import RowTemplate
from ._feature_codes import FeatureCodes
from ._features import (
    MAX_DENSE_FEATURES,
    ChosenRows,
    Entries,
    Work,
    default_containers,
    for_originals,
    is_single,
    names_in_frames,
    only,
    row_of,
    to_dense,
)
from ._linear_maps import LinearMap
from ._reports import StepReport
from ._scorers import Scorer
from ._step_facts import StepFacts
from ._threads import map_in_threads, ranges
from ._unsupported import InputUnsupported, Unsupported

OTHER_DTYPE = "it would compute in the dtype of the features before it"
"""Why what computes in float64 is not put behind a step."""


class CategoryReader(Protocol):
    """What makes steps that read columns with pandas' categories, for a model of these."""

    def some(self, place: slice) -> "CategoryReader | None":
        """Return the reader of the features at a place; None if none of them has categories."""

    def of_columns(self, spec: Any) -> Any:
        """Return a step that reads columns (`InputSpec`)."""

    def of_frames(self) -> Any:
        """Return a step that reads the data frames which the model is given."""


class Step(StepFacts):
    """A fitted transformer's compiled twin.

    Subclasses are frozen dataclasses over plain arrays. They hold the transformer that they were
    made from: input that is out of the ordinary goes to it, and so do its error messages.
    """

    def of_value(self, value: Any) -> Any:
        """Return what becomes of the value of one row.

        Raises
        ------
        InputUnsupported
            If only the original can tell.
        """
        raise InputUnsupported(f"{type(self.original).__name__} is not known by values")

    def on_sparse_rows(self) -> "Step":
        """Return a twin that reads sparse rows.

        Raises
        ------
        Unsupported
            If there is none.
        """
        raise Unsupported("its features are sparse")

    def sized(self, n_features: int) -> "Step":
        """Return a twin that is known to give so many features."""
        return self

    def for_scores(self) -> "Step":
        """Return what the scores of a linear model may be made of.

        Raises
        ------
        Unsupported
            If the model would compute in another dtype than float64.
        """
        if self.exact_scores:
            return self
        if self.is_open:
            return self.in_doubles()
        raise Unsupported("a step before it gives features of another dtype than float64")

    def in_doubles(self) -> "Step":
        """Return a twin whose features may be computed with in float64, as the original's are.

        It refuses input of which the original makes float32.

        Raises
        ------
        Unsupported
            If there is no such twin.
        """
        dtype = self.fixed_dtype
        if dtype is None or is_single(dtype):
            raise Unsupported(OTHER_DTYPE)
        return self

    def in_binary(self) -> "Step":
        """Return a twin of features that are one where those of the step are above zero.

        Raises
        ------
        Unsupported
            If it is not known how.
        """
        raise Unsupported(f"{type(self.original).__name__} gives features that are not binary")

    def in_known_containers(self) -> "Step":
        """Return a twin that gives an array, or a sparse matrix without zeros, or refuses.

        It is the step itself where that is not known before the features are there.
        """
        return self

    def undensed(self) -> "Step":
        """Return a twin that leaves sparse what a step has made an array of.

        It is for models that answer alike for both; the step itself where no step does that.
        """
        return self

    def unrounded(self, X: Any) -> np.ndarray:
        """Return features of many rows to the last bit, (n_rows, n_features), at any price."""
        return to_dense(self.original.transform(for_originals(X)))

    def rounded_behind(self, is_rounded: np.ndarray) -> np.ndarray:
        """Return `rounded_features` behind a step of which some are, bool (n_inputs,)."""
        return self.rounded_features() | bool(is_rounded.any())

    def reading_categories(self, reader: CategoryReader) -> "Step":
        """Return a twin that gives positions of categories in columns which it passes on.

        Raises
        ------
        Unsupported
            If there is none.
        """
        raise Unsupported(
            "a step between it and the categories of pandas is not known to keep them"
        )

    def guarded(self) -> "Step":
        """Return a twin that leaves integers to the original which its model could round.

        Where every feature may be an integer, the features that the model sees are an array of
        integers, and LightGBM and XGBoost make float32 of that.
        """
        return self

    def linear_map(self) -> LinearMap:
        """Return the step as a linear map, which can be folded into a linear model behind it.

        Raises
        ------
        Unsupported
            With the reason, if it is none or not known to be one.
        """
        raise Unsupported(f"{type(self.original).__name__} is not known to be linear")

    def transform(self, X: Any, *, n_threads: int = 1) -> Any:
        """Return what ``original.transform(X)`` returns."""
        with suppress(InputUnsupported):
            if default_containers(self.original):
                return self.transformed(X, n_threads=n_threads)
            if self.names_in_frames is not None:
                return self.in_frame(self.transformed(X, n_threads=n_threads), X)
        return self.original.transform(for_originals(X))

    @cached_property
    def names_in_frames(self) -> tuple[Any, ...] | None:
        """Names of columns, if `set_output` makes the original return float64 in pandas' frames."""
        return names_in_frames(self.original) if self.has_columns_of_doubles else None

    def in_frame(self, features: Any, X: Any = None) -> Any:
        """Return float64 features of X in the data frame that `set_output` asks for.

        Raises
        ------
        InputUnsupported
            If it asks for another container.
        """
        names = self.names_in_frames
        is_array = isinstance(features, np.ndarray) and features.dtype == np.float64
        if names is None or not is_array or features.shape[1] != len(names):
            raise InputUnsupported("the container of the features is not known")
        return frame_of_numbers(features, names, for_originals(X))

    def transformed(self, X: Any, *, n_threads: int) -> Any:
        """Return the same, in the original's own container, without the original.

        Raises
        ------
        InputUnsupported
            For input that must go to the original.
        """
        raise InputUnsupported(f"{type(self.original).__name__} is not compiled")

    def dense(self, X: Any, rows: ChosenRows = None, *, n_threads: int = 1) -> np.ndarray:
        """Return the values of the features of the chosen rows as a dense array.

        Parameters
        ----------
        X : what the step's ``transform`` takes
        rows : integer array or slice of step one, optional
            Positions of the rows, in the order wanted; all rows by default.
        n_threads : int
            Threads to share the rows between.

        Returns
        -------
        ndarray of float64 of shape (n_rows, n_features), C-contiguous

        Raises
        ------
        InputUnsupported
            For input that must go to the original transformer, and for sparse features of more
            than `MAX_DENSE_FEATURES` columns.
        """
        if self.n_features is not None and self.n_features > MAX_DENSE_FEATURES:
            raise InputUnsupported(f"{self.n_features} features are too many for a dense array")
        features = self.transform(take_rows(X, rows), n_threads=n_threads)
        return to_dense(features)

    def map_dense(
        self, work: Work, X: Any, rows: ChosenRows = None, *, n_outputs: int, n_threads: int = 1
    ) -> np.ndarray:
        """Return what ``work`` makes of the features of the chosen rows.

        Steps that read tables compute their features chunk by chunk, so that memory is bounded.

        Parameters
        ----------
        work : callable
            Of features as `dense` returns them; it returns float64 (n_some_rows, n_outputs).
        X, rows, n_threads
            As in `dense`.

        Returns
        -------
        ndarray of float64 of shape (n_rows, n_outputs)
        """
        features = self.dense(X, rows, n_threads=n_threads)
        return map_pieces(work, features, n_outputs, n_threads)

    def float_columns(self, X: Any, names: Any = None) -> np.ndarray:
        """Return the features of a batch as an array, of a step whose features are of any kind.

        Parameters
        ----------
        names : array-like of str, optional
            Columns that a data frame of them must have, in this order.

        Raises
        ------
        InputUnsupported
            If that is not known without the original.
        """
        raise InputUnsupported("features of any kind")

    def told_further(self, reason: InputUnsupported, scorer: Any) -> InputUnsupported:
        """Return the error of a scorer of its features: with these, where they are known."""
        return reason

    def feature_codes(self) -> FeatureCodes | None:
        """Return how `map_coded` lays the features out; None where it does not."""
        return None

    def map_coded(
        self, work: Work, X: Any, rows: ChosenRows = None, *, n_outputs: int, n_threads: int = 1
    ) -> np.ndarray:
        """Return what ``work`` makes of the features as columns of numbers and of codes.

        Parameters and errors are those of `map_dense`; `feature_codes` tells what columns hold. A
        code of -1 stands for none.
        """
        raise NotImplementedError

    def dense_one(self, x: Any) -> np.ndarray:
        """Return the values of the features (n_features,) of one row.

        Parameters
        ----------
        x : mapping of column to value, or 1-D row in the order of the columns
            For text vectorizers, a str.

        Raises
        ------
        ValueError
            If columns are missing, or a value is of the wrong type.
        InputUnsupported
            For input that must go to the original transformer.
        """
        if type(x) is not str:
            raise InputUnsupported(f"{type(x).__name__} is not str")
        return self.dense([x])[0]

    def entries(self, x: Any) -> Entries:
        """Return the entries of the features of one row, where they are a sparse matrix.

        Raises
        ------
        InputUnsupported
            For a row that must go to the original transformer, and features that are none.
        """
        features = self.transform_one(x)
        if not sparse.issparse(features) or features.shape != (1, self.n_features):
            raise InputUnsupported("features that are no sparse row")
        features = features.tocsr()
        return features.indices, features.data

    def dense_row(self, X: Any) -> np.ndarray:
        """Return the values of the features (n_features,) of X of one row."""
        if sparse.issparse(X):
            return only(self.dense(X))
        return self.dense_one(row_of(X))

    @cached_property
    def template(self) -> RowTemplate:
        """The form of X of one row that the original takes."""
        return RowTemplate.of_estimator(self.original, of_text=self.reads_text)

    def transform_one(self, x: Any) -> Any:
        """Return what the original's `transform` returns for X of one row.

        Parameters
        ----------
        x : as for `dense_one`
        """
        return self.transform(self.template.make(x))

    def transform_row(self, X: Any) -> Any:
        """Return what the original's `transform` returns for X, which is of one row."""
        return self.transform(X)

    def bind(self, coef: np.ndarray) -> Scorer:
        """Return a scorer for coefficients of shape (n_features, n_outputs).

        Coefficients of several models go side by side as columns: one pass serves all of them.
        """
        raise NotImplementedError

    def report(self, name: str) -> list[StepReport]:
        """Return a row for this step and for each step inside it."""
        return [StepReport(name, type(self.original).__name__, True)]


def map_pieces(work: Work, rows: np.ndarray, n_outputs: int, n_threads: int) -> np.ndarray:
    """Return what ``work`` makes of rows, which threads share."""
    pieces = [rows[piece] for piece in ranges(len(rows), n_threads)]
    found = map_in_threads(work, pieces, n_threads)
    return np.concatenate(found) if found else np.empty((0, n_outputs))
