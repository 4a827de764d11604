"""Rankers and cascades that both engines, Dask and Spark, are tested with."""

import os
import re
import signal
import textwrap
import time
from copy import copy
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from common import COSTS, ranker as ranker_on_blocks, two_blocks, two_signals_frame
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import BaseEstimator, ClassifierMixin

from skwillump import CascadeClassifier
from skwillump.planning import ShareSearch
from skwillump.planning._topk_search import GapSearch, Prediction, RatioSearch
from skwillump.ranking._answering import searcher_of

RULES = ["share", "bar", "ratio", "gap"]


def table(n_rows=6000, seed=0):
    frame, _ = two_signals_frame(n_rows, seed=seed)
    noise = np.random.default_rng(seed + 1).normal(scale=0.1, size=n_rows)
    return frame, frame["c"] + frame["d"] + noise


ranker = partial(ranker_on_blocks, columns=("c", "d"))


def fitted_ranker(model=None, **kwargs):
    fitted = ranker(model, **kwargs).fit(*table())
    assert fitted._plan.candidate is not None
    return fitted


def with_search(fitted, rule, k=50):
    """The same ranker with a search of the test's choice."""
    frame, _ = table()
    score = searcher_of(fitted).filter_scores(frame)
    search = {
        # Of the first the share decides, of the second the bar.
        "share": lambda: ShareSearch(share=0.05, cut=np.inf),
        "bar": lambda: ShareSearch(share=0.01, cut=float(np.quantile(score, 0.98))),
        "ratio": lambda: RatioSearch(ratio=3, least_k=k),
        "gap": lambda: GapSearch(
            margin=0.5, prediction=Prediction.fit(score, fitted.predict(frame))
        ),
    }[rule]()
    fitted = copy(fitted)
    fitted._plan = replace(fitted._plan, search=search, share=0.05)
    return fitted


def fitted_cascade():
    frame, y = table()
    pipeline = two_blocks(columns=("c", "d"))
    cascade = CascadeClassifier(
        pipeline, accuracy_target=0.9, cv=3, feature_costs=COSTS, random_state=0
    )
    return cascade.fit(frame, np.where(y > 0, "high", "low"))


PAGE = (Path(__file__).resolve().parents[1] / "docs" / "distributed.rst").read_text("utf-8")


def snippet(name):
    """Code of the guide between two marks."""
    (text,) = re.findall(rf"\.\. {name}-begin\n(.*?)\.\. {name}-end", PAGE, flags=re.DOTALL)
    return textwrap.dedent(text.split(".. code-block:: python\n")[1])


def dies_once(rows, died):
    """Return the rows, unless `died` does not exist: then this process is killed."""
    if len(rows) and not died.exists():
        died.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return rows


class Watched(ClassifierMixin, BaseEstimator):
    """A classifier that writes down each loading, and whose process may die once.

    Parameters
    ----------
    folder : str
    dies : bool
        Whether the first process that predicts is killed.
    """

    def __init__(self, folder, dies=False):
        self.folder = folder
        self.dies = dies

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        if self.dies:
            dies_once(X, Path(self.folder, "died"))
        return self.classes_[(np.asarray(X)[:, 0] > 0).astype(int)]

    def __setstate__(self, state):
        self.__dict__.update(state)
        Path(self.folder, f"{os.getpid()}-{time.monotonic_ns()}").touch()


def assert_ranks_as_one_process(engine, fitted, frame, pieces, k=None, **options):
    """The rows that an engine finds in the pieces of a frame are those that the ranker does."""
    positions, scores = engine.rank(fitted, pieces, k, return_scores=True, **options)
    expected, expected_scores = fitted.rank(frame, k, return_scores=True)
    assert_array_equal(positions, expected)
    assert positions.dtype == expected.dtype
    assert_allclose(scores, expected_scores, rtol=1e-12)


def assert_names_the_extra(engine, fitted, cascade):
    """Without its library, each function of an engine says what to install."""
    extra = engine.__name__.rpartition(".")[2]
    for call in (
        lambda: engine.rank(fitted, None),
        lambda: engine.take(None, [0]),
        lambda: engine.predict(cascade, None),
        lambda: engine.predict_proba(cascade, None),
    ):
        with pytest.raises(ImportError, match=re.escape(f"pip install 'skwillump[{extra}]'")):
            call()
