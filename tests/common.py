"""Data and pipelines that several test modules use."""

from functools import cache

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skwillump import ApproxTopKRanker, CascadeClassifier
from skwillump.datasets import load_stdlib_lines

SKLEARN = tuple(map(int, sklearn.__version__.split(".")[:2]))
"""The release of scikit-learn, for what earlier ones cannot do."""

NEEDS_PANDAS_3 = pytest.mark.skipif(
    int(pd.__version__.partition(".")[0]) < 3, reason="texts are Python's objects"
)
"""Mark of what needs columns of texts that are Arrow's."""

METHODS = (
    "predict",
    "predict_proba",
    "predict_log_proba",
    "decision_function",
    "score_samples",
    "transform",
)
"""Methods whose answers twins have to give."""

COSTS = {"cheap": 1e-6, "dear": 1e-2}
"""Costs in seconds a row that make the cheap block worth a stage, whatever the machine."""


class OwnFrame(pd.DataFrame):
    """A subclass, as libraries of geographic or typed tables make them."""

    @property
    def _constructor(self):
        return OwnFrame


def two_signals(n_rows=6000, *, n_classes=2, seed=0):
    """Labels from a strong cheap signal and a weak dear one, as columns 0 and 1."""
    rng = np.random.default_rng(seed)
    cheap = rng.normal(scale=3.0, size=n_rows)
    dear = rng.normal(scale=1.0, size=n_rows)
    value = cheap + dear + rng.normal(scale=0.2, size=n_rows)
    if n_classes == 2:
        return np.column_stack([cheap, dear]), (value > 0).astype(int)
    edges = np.quantile(value, np.linspace(0, 1, n_classes + 1)[1:-1])
    return np.column_stack([cheap, dear]), np.digitize(value, edges)


def two_signals_frame(n_rows=6000, **kwargs):
    """The same as a data frame with the columns "c", "d" and one that nobody needs."""
    X, y = two_signals(n_rows, **kwargs)
    return pd.DataFrame({"d": X[:, 1], "c": X[:, 0], "unused": 0}), y


def two_blocks(model=None, *, columns=(0, 1)):
    """Pipeline with the blocks "cheap" and "dear"."""
    return make_pipeline(
        ColumnTransformer(
            [
                ("cheap", StandardScaler(), [columns[0]]),
                ("dear", StandardScaler(), [columns[1]]),
            ]
        ),
        LogisticRegression() if model is None else model,
    )


def values(n_rows=6000, seed=0):
    """A value from a strong cheap signal and a weak dear one."""
    X, _ = two_signals(n_rows, seed=seed)
    return X, X.sum(axis=1) + np.random.default_rng(seed + 1).normal(scale=0.1, size=n_rows)


def cascade_on_blocks(model=None, *, columns=(0, 1), **kwargs):
    """Cascade on two blocks."""
    defaults = {"accuracy_target": 0.95, "feature_costs": COSTS, "random_state": 0}
    return CascadeClassifier(two_blocks(model, columns=columns), **(defaults | kwargs))


def ranker(model=None, *, columns=(0, 1), **kwargs):
    """Ranker on two blocks."""
    defaults = {"k": 50, "precision_target": 0.9, "feature_costs": COSTS, "random_state": 0}
    pipeline = two_blocks(Ridge() if model is None else model, columns=columns)
    return ApproxTopKRanker(pipeline, **(defaults | kwargs))


@cache
def stdlib_lines():
    """Lines of the standard library, loaded once for all tests."""
    return load_stdlib_lines(return_X_y=True)
