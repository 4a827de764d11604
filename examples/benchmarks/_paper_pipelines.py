"""The pipelines of `paper_benchmarks.py`: of the shape of the Willump paper's, on free data.

Kraft et al., MLSys 2020 (arXiv 1906.01974), describe the originals. What stands for each is said in
`PIPELINES`. The published sets are read by `skwillump.datasets.load_benchmark`; Music is
*synthetic*, unless the folder that SKWILLUMP_DATA names holds the KKBox files (see `_kkbox.py`).
"""

from __future__ import annotations

import pickle
from dataclasses import dataclass, field
from typing import Any

import _data
import numpy as np
from _data import table_of, take
from _music import KEYS, ReindexLookup, music_data, pipeline_of
from _pipelines import (
    boosting,
    frequent_characters,
    listing,
    logistic,
    mixed,
    one_hot,
    words_and,
    words_and_characters,
)
from lightgbm import LGBMRegressor
from sklearn.base import clone, is_classifier
from sklearn.compose import make_column_transformer
from sklearn.linear_model import Ridge
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skwillump import TableLookup


@dataclass
class Data:
    """Rows of one pipeline, before it is fitted.

    Attributes
    ----------
    estimator : Pipeline
        Not fitted.
    X, y : array or data frame, and array
        All rows.
    n_train, n_test : int
        Most rows that are used of them.
    gain : array or None
        What a good row of a top-K is worth; by default `y`.
    ranked_class : label or None
        With several classes, the one whose probability ranks.
    cv : int or float
        Folds, or the hold-out, that calibrate cascades and rankers: less than by default, to save
        time.
    plain_of : callable or None
        Makes what users write today of the fitted pipeline, where that is something else.
    """

    estimator: Any
    X: Any
    y: np.ndarray
    n_train: int
    n_test: int
    gain: np.ndarray | None = None
    ranked_class: Any = None
    cv: int | float = 3
    plain_of: Any = None
    source: str = "real"


@dataclass
class Problem:
    """A fitted pipeline and the rows that it is measured on.

    Attributes
    ----------
    plain : Pipeline
        What users have: all speed-ups are against it.
    fitted : Pipeline
        What is compiled; the same object, but for look-ups.
    estimator : Pipeline
        The same, not fitted.
    engines : dict
        Other engines that answer for it, made once.
    """

    name: str
    shape: str
    source: str
    plain: Any
    fitted: Any
    estimator: Any
    X_train: Any
    y_train: np.ndarray
    X_test: Any
    y_test: np.ndarray
    gain: np.ndarray
    cv: int | float
    ranked_class: Any = None
    sizes: dict = field(default_factory=dict)
    engines: dict = field(default_factory=dict)

    @property
    def classifies(self) -> bool:
        return is_classifier(self.estimator)

    def for_ranking(self) -> Problem:
        """Return the problem whose score ranks: that of one class, where there are several."""
        if self.ranked_class is None:
            return self
        y_train = (self.y_train == self.ranked_class).astype(int)
        y_test = (self.y_test == self.ranked_class).astype(int)
        fitted = clone(self.estimator).fit(self.X_train, y_train)
        changes = {"plain": fitted, "fitted": fitted, "engines": {}}
        changes |= {"y_train": y_train, "y_test": y_test, "gain": y_test}
        return Problem(**{**vars(self), **changes, "ranked_class": None})


def toxic() -> Data:
    """Comments, at their natural share of toxic ones: TF-IDF of words and of characters (2, 6)."""
    X, y = _data.toxic()
    return Data(make_pipeline(words_and_characters(), logistic()), X, y, 5_400, 2_297)


def product() -> Data:
    """Product titles, 10 classes: TF-IDF of words, counts of frequent characters (2, 6)."""
    X, y = _data.product()
    features = words_and(frequent_characters())
    ranked = np.unique(y)[0]
    return Data(make_pipeline(features, logistic()), X, y, 20_000, 10_000, ranked_class=ranked)


def airbnb() -> Data:
    """Listings: TF-IDF of words and characters of the name, categories, numbers; price by ridge."""
    X, y = table_of("airbnb")
    features = listing(words_and_characters())
    return Data(make_pipeline(features, Ridge()), X, np.log1p(y), 30_000, 15_000, gain=y)


def cars() -> Data:
    """Used cars: categories and numbers; price by LightGBM."""
    X, y = table_of("cars")
    estimator = make_pipeline(mixed("cars", X), boosting(LGBMRegressor))
    return Data(estimator, X, np.log1p(y), 60_000, 30_000, gain=y)


def credit() -> Data:
    """Clients of a bank: person, payment status, bills and payments; default by LightGBM."""
    X, y = table_of("credit")
    months = [f"PAY_{month}" for month in (0, 2, 3, 4, 5, 6)]
    bills, paid = ([f"{name}{month}" for month in range(1, 7)] for name in ("BILL_AMT", "PAY_AMT"))
    features = make_column_transformer(
        (one_hot(), ["SEX", "EDUCATION", "MARRIAGE"]),
        (StandardScaler(), ["LIMIT_BAL", "AGE"]),
        (StandardScaler(), months),
        (StandardScaler(), bills),
        (StandardScaler(), paid),
    )
    return Data(make_pipeline(features, boosting()), X, y, 20_000, 10_000)


def adult() -> Data:
    """Census: categories and numbers; income by logistic regression."""
    X, y = table_of("adult")
    y = (y == np.unique(y)[-1]).astype(int)
    return Data(make_pipeline(mixed("adult", X), logistic()), X, y, 32_000, 16_000)


def music(scale: float = 1.0) -> Data:
    """Will a user listen to a song again: ten look-ups, then LightGBM."""
    n_train, n_test = int(100_000 * scale), int(15_000 * scale)
    X, y, tables, source = music_data(scale, n_train + n_test)
    lookups = {
        name: TableLookup((frame.index.to_numpy(), frame), on=KEYS[name])
        for name, frame in tables.items()
    }

    def with_reindex(fitted):
        """The same joins as users write them, before the same model."""
        joins = pipeline_of({name: ReindexLookup(frame) for name, frame in tables.items()})[0]
        return make_pipeline(joins.fit(X[:1]), fitted[-1])

    return Data(
        pipeline_of(lookups),
        X,
        y,
        n_train,
        n_test,
        cv=0.3,
        plain_of=with_reindex,
        source=source,
    )


PIPELINES = {
    "toxic": ("Toxic", toxic),
    "product": ("Product", product),
    "airbnb": ("Price", airbnb),
    "cars": ("Price", cars),
    "credit": ("Credit", credit),
    "adult": ("Credit", adult),
    "music": ("Music", music),
}
"""Name: pipeline of the paper, and what makes it."""

QUICK_ROWS = 300
"""Rows to test on with ``--quick``; three times as many train."""


def make_problem(name: str, *, quick: bool = False) -> Problem:
    """Load, split and fit one pipeline; raises FileNotFoundError where its data are missing."""
    shape, load = PIPELINES[name]
    data = load(0.02) if quick and name == "music" else load()
    n_train, n_test = data.n_train, data.n_test
    if quick:
        n_train, n_test = min(n_train, 3 * QUICK_ROWS), min(n_test, QUICK_ROWS)
    rows = np.arange(len(data.y))
    labels = data.y if is_classifier(data.estimator) else None
    train, test = train_test_split(
        rows, train_size=n_train, test_size=n_test, stratify=labels, random_state=0
    )
    X_train, X_test = take(data.X, train), take(data.X, test)
    fitted = clone(data.estimator).fit(X_train, data.y[train])
    plain = fitted if data.plain_of is None else data.plain_of(fitted)
    gain = data.y if data.gain is None else data.gain
    problem = Problem(
        name=name,
        shape=shape,
        source=data.source,
        plain=plain,
        fitted=fitted,
        estimator=data.estimator,
        X_train=X_train,
        y_train=data.y[train],
        X_test=X_test,
        y_test=data.y[test],
        gain=gain[test],
        cv=data.cv,
        ranked_class=data.ranked_class,
    )
    problem.sizes = sizes(problem, load.__doc__)
    return problem


def sizes(problem: Problem, description: str) -> dict:
    """Return how large a pipeline is."""
    model = problem.fitted[-1]
    booster = getattr(model, "booster_", None)
    return {
        "pipeline": problem.name,
        "shape": problem.shape,
        "data": problem.source,
        "description": description,
        "n_train": len(problem.y_train),
        "n_test": len(problem.y_test),
        "cv": problem.cv,
        "n_columns": problem.X_test.shape[1] if hasattr(problem.X_test, "columns") else 1,
        "n_features": int(model.n_features_in_),
        "n_terms": sum(len(step.vocabulary_) for step in vectorizers(problem.fitted[0])),
        "n_trees": 0 if booster is None else booster.num_trees(),
        "pickle_bytes": len(pickle.dumps(problem.plain)),
    }


def vectorizers(step) -> list:
    """Return the fitted text vectorizers inside a union or column transformer."""
    if hasattr(step, "vocabulary_"):
        return [step]
    parts = [part[1] for part in getattr(step, "transformer_list", ())]
    parts += [part[1] for part in getattr(step, "transformers_", ())]
    return [found for part in parts for found in vectorizers(part)]
