"""What is held of a query's rows behind the filter: dropped, gathered and read once."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from common import ranker, stdlib_lines, two_blocks, values
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import MinMaxScaler

from skwillump import ApproxTopKRanker
from skwillump.blocks import _protocols
from skwillump.compilers.compose import _score_sums
from skwillump.ranking._answering import searcher_of
from skwillump.ranking._filtering import FilteredQuery
from skwillump.stages import _passes

CHUNK = 200


def in_chunks(monkeypatch):
    """Run filters in small chunks; what is gathered of them is listed."""
    gathered = []

    def watched(X, rows):
        gathered.append(len(rows))
        return taken(X, rows)

    taken = _passes.take_rows
    monkeypatch.setattr(_protocols, "CHUNK_ROWS", CHUNK)
    monkeypatch.setattr(_passes, "take_rows", watched)
    return gathered


def as_frame(X):
    return pd.DataFrame(X, columns=["c", "d"])


def as_polars(X):
    return pl.DataFrame(X, schema=["c", "d"])


@pytest.mark.parametrize("form", [np.asarray, as_frame, as_polars])
def test_rows_that_stay_are_not_gathered_before_they_are_read(form, monkeypatch):
    X, y = values()
    columns = (0, 1) if form is np.asarray else ("c", "d")
    model = ranker(columns=columns, k=20).fit(form(X), y)
    new, _ = values(3000, seed=5)
    whole = model.rank(form(new), return_scores=True)
    gathered = in_chunks(monkeypatch)
    positions, scores = model.rank(form(new), return_scores=True)
    assert_array_equal(positions, whole[0])
    assert_allclose(scores, whole[1], rtol=1e-12)
    assert_allclose(scores, model.predict(form(new))[positions], rtol=1e-12)
    assert gathered == []


def test_rows_that_a_step_before_the_blocks_made_are_dropped(monkeypatch):
    X, y = values()
    pipeline = make_pipeline(MinMaxScaler(), *(step for _, step in two_blocks(Ridge()).steps))
    model = ranker(k=20, model=None).set_params(estimator=pipeline).fit(X, y)
    assert len(model.stages_) == 2
    new, _ = values(3000, seed=5)
    whole = model.rank(new)
    gathered = in_chunks(monkeypatch)
    assert_array_equal(model.rank(new), whole)
    assert gathered


@pytest.fixture(scope="module")
def of_texts():
    X, y = (rows[::40] for rows in stdlib_lines())
    union = make_union(TfidfVectorizer(), TfidfVectorizer(analyzer="char", ngram_range=(2, 4)))
    return ApproxTopKRanker(
        make_pipeline(union, LogisticRegression()),
        k=50,
        precision_target=0.7,
        feature_costs={"tfidfvectorizer-1": 1e-7, "tfidfvectorizer-2": 1e-3},
        random_state=0,
    ).fit(X, y), X


def test_texts_that_the_filter_read_are_not_read_again(of_texts, monkeypatch):
    model, X = of_texts
    assert len(model.stages_) == 2
    read = []

    def watched(X):
        read.append(len(X))
        return text_column(X)

    text_column = _score_sums.text_column
    monkeypatch.setattr(_score_sums, "text_column", watched)
    positions, scores = model.rank(X, return_scores=True)
    assert read == [len(X)]
    assert_allclose(scores, model.estimator_.predict_proba(X)[positions, 1], rtol=1e-12)


@pytest.mark.parametrize("n_keep", [None, 100, 1000])
def test_rows_are_finished_in_whatever_order_they_are_asked_for(n_keep, of_texts, monkeypatch):
    model, X = of_texts
    monkeypatch.setattr(_protocols, "CHUNK_ROWS", CHUNK)
    searcher = searcher_of(model)
    rows = np.random.default_rng(0).permutation(len(X))[:700]

    def scores_behind(first):
        query = FilteredQuery.run(X, first, searcher.method, n_keep=n_keep)
        return query.finish(rows, searcher._compute(X))[0]

    scores = searcher._by_pass(scores_behind, lambda: None)
    assert_allclose(scores, model.predict(X)[rows], rtol=1e-12)
