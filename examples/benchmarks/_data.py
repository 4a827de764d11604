"""The data sets of the benchmarks and studies, as rows and labels.

All but the lines of the standard library are read by `skwillump.datasets.load_benchmark`, which
raises FileNotFoundError where their files are missing.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd

from skwillump.datasets import load_benchmark, load_stdlib_lines

LABELS = ("toxic", "severe_toxic", "obscene", "threat", "insult", "identity_hate")
"""Of a comment."""


def mixed_order(X, y, n_rows: int | None = None):
    """Return rows and labels in an order that mixes them, at most so many."""
    order = np.random.default_rng(0).permutation(len(y))[:n_rows]
    return take(X, order), np.asarray(y)[order]


def take(X, rows):
    """Return rows of an array or a data frame."""
    return X.iloc[rows].reset_index(drop=True) if hasattr(X, "iloc") else np.asarray(X)[rows]


def toxic():
    """Comments, at their natural share of toxic ones."""
    bunch = load_benchmark("toxic")
    return bunch.data[bunch.natural], bunch.target[bunch.natural]


def toxic_labels():
    """Comments at their natural share of toxic ones, with their six labels, 0 or 1."""
    bunch = load_benchmark("toxic")
    path = Path(os.environ["SKWILLUMP_DATA"]) / "toxic.csv.gz"
    labels = pd.read_csv(path, usecols=list(LABELS))[list(LABELS)].to_numpy()
    return bunch.data[bunch.natural], labels[bunch.natural]


def product():
    """Product titles, ten classes."""
    return load_benchmark("product", return_X_y=True)


def product_groups():
    """Product titles, the first five classes by name against the other five."""
    X, y = product()
    return X, np.isin(y, np.unique(y)[:5]).astype(int)


def product_appliances():
    """Product titles, the six classes of household appliances against electronics."""
    X, y = product()
    electronics = ("CPUs", "Digital Cameras", "Mobile Phones", "TVs")
    return X, (~np.isin(y, electronics)).astype(int)


def clickbait():
    """Headlines."""
    return load_benchmark("clickbait", return_X_y=True)


def hate():
    """Tweets, three classes."""
    return load_benchmark("hate", return_X_y=True)


def stdlib_lines(n_rows: int | None = None):
    """Lines of Python's standard library, documentation or code."""
    return mixed_order(*load_stdlib_lines(return_X_y=True), n_rows)


def texts_of(name: str, n_rows: int | None = None) -> tuple[list[str], np.ndarray]:
    """Return texts and labels of a published set, in an order that mixes them."""
    X, y = mixed_order(*load_benchmark(name, return_X_y=True), n_rows)
    return X.tolist(), y


def table_of(name: str) -> tuple[pd.DataFrame, np.ndarray]:
    """Return a published table and its labels, in an order that mixes the rows."""
    X, y = mixed_order(*load_benchmark(name, return_X_y=True))
    if name == "airbnb":
        X["name"] = X["name"].fillna("")
    return X, y
