"""Stand-ins: linear models of rows as they come, in front of pipelines whose features are dear.

Where steps of a pipeline run as they are, such as a tokenizer of the user's own, a row costs many
times what compiled steps take, and every approximate model on those features costs as much. A
stand-in reads the rows themselves: words of texts, categories, numbers as they are and in bins. All
of it is compiled, so that a row that it answers is spared the dear steps.

Rows whose columns are not those of `fit`, and numbers that are missing where none was, go to the
full model, with all rows of their chunk. Of what else the dear steps would refuse it knows nothing,
as any first stage knows nothing of blocks that it does not read.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import is_classifier
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import KBinsDiscretizer, OneHotEncoder, StandardScaler

from .._containers import column_names, container_of, frame_of
from ..blocks import BlockGraph
from ..compilers import fast_encoders, fast_vectorizers
from ._costs import BlockCosts
from ._surrogates import (
    INVERSE_PENALTY,
    MOST_COEFFICIENTS,
    MOST_ROUNDS,
    TOLERANCE,
    class_weight_of,
    labelled_rows,
)

STAND_IN_SECONDS = 3e-6
"""What a stand-in takes of a row, about."""

LEAST_TIMES_DEARER = 3
"""How many times as much the full model must take, about, for one to be tried."""

LEAST_SHARE = 0.25
"""Share of the cost of a row that steps which run as they are, or call functions of the user's,
must take."""

MOST_CATEGORIES = 256
"""Of a column; one with more different values is read as texts, if at all."""

LEAST_REPEATED = 4
"""Rows that each category has, on average, at least."""

LEAST_SPACED = 0.5
"""Share of the values of a column of texts that hold a blank, at least: others are names."""

N_BINS = 12
"""Of a column of numbers, by quantiles."""


def may_stand_in(graph: BlockGraph, costs: BlockCosts) -> bool:
    """Whether features are dear, and the estimator one that a linear classifier can stand for.

    Parameters
    ----------
    graph : BlockGraph
        The full model, with blocks that may run compiled.
    """
    if not is_classifier(graph.last_model):
        return False
    full = costs.full(graph)
    own = [name for name, step in graph.compiled.items() if step.runs_python]
    spared = costs.prefix + costs.of_blocks(graph, own)
    return full >= LEAST_TIMES_DEARER * STAND_IN_SECONDS and spared >= LEAST_SHARE * full


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column of a table, as a stand-in reads it."""

    key: Any  # its name, or its position
    values: np.ndarray  # of the rows of the fit: float64, or objects

    def kind(self) -> str | None:
        """How it is read: a key of `_KINDS`, or None where it is not read."""
        if self.values.dtype.kind == "f":
            return _kind_of_numbers(self.values)
        texts = [value for value in self.values.tolist() if isinstance(value, str)]
        if not texts:
            return None
        n_values = len(set(texts))
        if n_values <= min(MOST_CATEGORIES, len(texts) / LEAST_REPEATED):
            return "categories"
        is_text = len(texts) == len(self.values)
        if is_text and np.mean([" " in text.strip() for text in texts]) >= LEAST_SPACED:
            return TEXT
        return None


def of_texts() -> TfidfVectorizer:
    """A vectorizer of texts: words, and pairs of them."""
    return TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True)


def _kind_of_numbers(values: np.ndarray) -> str | None:
    """How a column of numbers is read; None for one that tells nothing."""
    known = values[np.isfinite(values)]
    n_values = len(np.unique(known))
    if n_values < 2 or np.isinf(values).any():
        return None
    kind = "few numbers" if n_values <= N_BINS else "numbers"
    return kind if len(known) == len(values) else f"{kind}, some missing"


def _filled(transformer: Any) -> Any:
    """A transformer behind an imputer."""
    return make_pipeline(SimpleImputer(strategy="median"), transformer)


def _scaled_and_binned() -> Any:
    """Numbers as they are, and in bins."""
    bins = KBinsDiscretizer(N_BINS, strategy="quantile", subsample=None)
    if "quantile_method" in bins.get_params():
        bins.set_params(quantile_method="averaged_inverted_cdf")
    return FeatureUnion([("scaled", StandardScaler()), ("bins", bins)])


TEXT = "text"
"""The kind of a column of texts; each has a vectorizer of its own."""

_KINDS: dict[str, Callable[[], Any]] = {
    "numbers": _scaled_and_binned,
    "numbers, some missing": lambda: _filled(_scaled_and_binned()),
    "few numbers": StandardScaler,
    "few numbers, some missing": lambda: _filled(StandardScaler()),
    "categories": lambda: OneHotEncoder(handle_unknown="ignore"),
}
"""Unfitted transformers of all columns of a kind: in one row each costs as much for one column."""


def _columns(X: Any) -> list[Column]:
    """The columns of a table; none where it is no table."""
    frame = frame_of(X)
    if frame is not None:
        if not frame.is_read:
            return []
        names = frame.names(X)
        series = frame.columns(X)
        kind = frame.series
        found = []
        for name, one in zip(names, series, strict=True):
            numbers = kind.floats(one)
            values = np.array(kind.objects(one), dtype=object) if numbers is None else numbers
            found.append(Column(key=name, values=values))
        return found
    if not isinstance(X, np.ndarray) or X.ndim != 2:
        return []
    return [Column(key=at, values=_numbers_or_objects(X[:, at])) for at in range(X.shape[1])]


def _numbers_or_objects(values: np.ndarray) -> np.ndarray:
    if values.dtype.kind in "fiub":
        return values.astype(np.float64)
    if all(isinstance(value, (int, float)) for value in values.tolist()):
        return values.astype(np.float64)
    return values.astype(object)


def features_of_rows(X: Any) -> Any:
    """An unfitted transformer of rows as they come.

    Parameters
    ----------
    X : array-like, data frame or list of str
        Rows of the fit.

    Raises
    ------
    ValueError
        If the rows have no form that it reads.
    """
    columns = _columns(X)
    if not columns:
        container = container_of(X)
        is_flat = container.row_width(X) is None and not container.is_frame
        if is_flat and all(isinstance(one, str) for one in X):
            return of_texts()
        raise ValueError("rows are neither texts nor a table of columns")
    if len({column.key for column in columns}) < len(columns):
        raise ValueError("two columns have the same name")
    kinds = [column.kind() for column in columns]
    branches: list[tuple[str, Any, Any]] = []
    for kind, transformer in _KINDS.items():
        keys = [column.key for column, found in zip(columns, kinds, strict=True) if found == kind]
        if keys:
            branches.append((kind, transformer(), keys))
    for at, column in enumerate(columns):
        if kinds[at] == TEXT:
            branches.append((f"{TEXT} {at}", of_texts(), column.key))
    if not branches:
        raise ValueError("no column holds numbers, categories or texts")
    return ColumnTransformer(branches)


def fit_stand_in(graph: BlockGraph, X: Any, y: Any, params: dict[str, Any]) -> Pipeline:
    """Fit a stand-in on rows as they come.

    Parameters
    ----------
    graph : BlockGraph
        The full model.
    X : array-like, data frame or list of str
    y : array-like of shape (n_rows,) or (n_rows, n_labels)
    params : dict
        What the full pipeline's `fit` was given, for these rows; of it the weights of rows are
        used.

    Raises
    ------
    ValueError
        If the rows have no form that it reads, or it would have too many coefficients.
    """
    model = graph.last_model
    X, y, weights = labelled_rows(graph, X, y, params)
    features = features_of_rows(X)
    linear: Any = LogisticRegression(C=INVERSE_PENALTY, tol=TOLERANCE, max_iter=MOST_ROUNDS)
    n_outputs = 2 * y.shape[1] if y.ndim == 2 else len(np.unique(y))
    with warnings.catch_warnings(), fast_vectorizers(), fast_encoders():
        warnings.simplefilter("ignore")
        found = features.fit_transform(X)
        if n_outputs * found.shape[1] > MOST_COEFFICIENTS:
            raise ValueError(f"{found.shape[1]} features and {n_outputs} classes are too many")
        if y.ndim == 2:
            kind = (
                MultiOutputClassifier
                if isinstance(getattr(model, "classes_", None), list)
                else OneVsRestClassifier
            )
            linear = kind(linear).fit(found, y)
        else:
            balanced = "balanced" if graph.samplers else class_weight_of(model, y)
            linear.set_params(class_weight=balanced).fit(found, y, sample_weight=weights)
    return Pipeline([("features", features), ("model", linear)])


@dataclass(frozen=True, kw_only=True)
class Form:
    """The form of the rows that a stand-in was fitted on."""

    names: tuple[Any, ...] | None  # of the columns of a data frame
    width: int | None  # number of columns of an array

    @classmethod
    def of(cls, stand_in: Pipeline) -> "Form":
        """Read it off a fitted stand-in."""
        features = stand_in[0]
        names = getattr(features, "feature_names_in_", None)
        width = getattr(features, "n_features_in_", None)
        return cls(names=None if names is None else tuple(names), width=width)

    def fits(self, X: Any) -> bool:
        """Whether rows have it."""
        names = column_names(X)
        if self.names is not None or names is not None:
            return names is not None and tuple(names) == self.names
        return self.width is None or container_of(X).row_width(X) == self.width
