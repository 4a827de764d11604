"""Blocks: what a split pipeline computes is what the pipeline itself computes."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_array_equal
from scipy import sparse
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.feature_selection import SelectKBest, chi2
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline, make_union
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    OneHotEncoder,
    StandardScaler,
)
from sklearn.utils import _safe_indexing

from skwillump.blocks import split_pipeline, take_stored


def texts(n=60):
    words = ["red", "green", "blue", "white", "black", "grey"]
    rng = np.random.default_rng(0)
    return [" ".join(rng.choice(words, 5)) + f" {i % 7}x" for i in range(n)]


def frame(n=60):
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "text": texts(n),
            "a": rng.normal(size=n),
            "b": rng.normal(size=n),
            "c": rng.choice(["x", "y", "z"], n),
        }
    )


def target(n=60):
    return np.arange(n) % 2


class Doubler(TransformerMixin, BaseEstimator):
    """Counts how many rows it has transformed."""

    rows_seen = 0

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        type(self).rows_seen += X.shape[0]
        return X * 2

    def get_feature_names_out(self, input_features=None):
        return np.asarray(input_features, dtype=object)


def word_char():
    return FeatureUnion(
        [
            ("word", TfidfVectorizer()),
            ("char", CountVectorizer(analyzer="char", ngram_range=(1, 3))),
        ],
        transformer_weights={"char": 0.25},
    )


def column_transformer(**kwargs):
    return ColumnTransformer(
        [
            ("text", CountVectorizer(), "text"),
            ("num", StandardScaler(), ["a", "b"]),
            ("cat", OneHotEncoder(), make_column_selector("^c$")),
            ("gone", "drop", ["a"]),
            ("none", StandardScaler(), []),
        ],
        **kwargs,
    )


PIPELINES = {
    "union": (make_pipeline(word_char(), LogisticRegression()), texts),
    "object array": (
        make_pipeline(word_char(), LogisticRegression()),
        lambda: np.array(texts(), dtype=object),
    ),
    "union with a drop": (
        make_pipeline(
            FeatureUnion([("w", CountVectorizer()), ("d", "drop"), ("c", TfidfVectorizer())]),
            LogisticRegression(),
        ),
        texts,
    ),
    "union with passthrough": (
        make_pipeline(
            FeatureUnion([("s", StandardScaler()), ("p", "passthrough")]),
            MinMaxScaler(),
            LogisticRegression(),
        ),
        lambda: frame()[["a", "b"]].to_numpy(),
    ),
    "steps after": (
        make_pipeline(
            word_char(),
            MaxAbsScaler(),
            SelectKBest(chi2, k=5),
            TruncatedSVD(3),
            LogisticRegression(),
        ),
        texts,
    ),
    "steps before": (
        make_pipeline(
            FunctionTransformer(lambda X: [x.upper() for x in X]), word_char(), LogisticRegression()
        ),
        texts,
    ),
    "columns": (
        make_pipeline(column_transformer(), LogisticRegression()),
        frame,
    ),
    "columns, remainder": (
        make_pipeline(
            ColumnTransformer(
                [("t", TfidfVectorizer(), "text"), ("c", OneHotEncoder(), ["c"])],
                remainder=StandardScaler(),
                sparse_threshold=0.0,
            ),
            LogisticRegression(),
        ),
        frame,
    ),
    "columns of an array": (
        make_pipeline(
            ColumnTransformer(
                [("a", StandardScaler(), slice(0, 1)), ("b", MinMaxScaler(), [False, True])],
                transformer_weights={"b": 3.0},
            ),
            LogisticRegression(),
        ),
        lambda: frame()[["a", "b"]].to_numpy(),
    ),
    "columns of a sparse matrix": (
        make_pipeline(
            ColumnTransformer(
                [("a", "passthrough", slice(0, 5)), ("b", MaxAbsScaler(), [6, 7])],
                sparse_threshold=1.0,
            ),
            LogisticRegression(),
        ),
        lambda: sparse.csr_matrix(np.eye(60, 9) + np.eye(60, 9, 3)),
    ),
    "columns in a union": (
        make_pipeline(
            make_union(column_transformer(), ColumnTransformer([("again", MinMaxScaler(), ["b"])])),
            LogisticRegression(),
        ),
        frame,
    ),
    "union in columns": (
        make_pipeline(
            ColumnTransformer([("text", word_char(), "text"), ("num", StandardScaler(), ["a"])]),
            LogisticRegression(),
        ),
        frame,
    ),
    "union at the end of a nested pipeline": (
        Pipeline(
            [
                (
                    "features",
                    ColumnTransformer(
                        [
                            (
                                "text",
                                make_pipeline(
                                    FunctionTransformer(lambda s: s.str.upper()), word_char()
                                ),
                                "text",
                            ),
                            ("num", StandardScaler(), ["a"]),
                        ]
                    ),
                ),
                ("model", LogisticRegression()),
            ]
        ),
        frame,
    ),
    "union inside a nested pipeline is one block": (
        Pipeline(
            [
                (
                    "features",
                    make_union(make_pipeline(word_char(), TruncatedSVD(2)), CountVectorizer()),
                ),
                ("model", LogisticRegression()),
            ]
        ),
        texts,
    ),
    "nested pipeline of steps": (
        Pipeline(
            [
                ("outer", Pipeline([("u", word_char()), ("s", MaxAbsScaler())])),
                ("none", "passthrough"),
                ("m", LogisticRegression()),
            ]
        ),
        texts,
    ),
    "pandas output": (
        make_pipeline(
            column_transformer(sparse_threshold=0.0).set_params(
                cat__sparse_output=False,
                text=FunctionTransformer(
                    lambda s: pd.DataFrame({"length": s.str.len()}),
                    feature_names_out=lambda self, names: np.array(["length"], dtype=object),
                ),
            ),
            LogisticRegression(),
        ).set_output(transform="pandas"),
        frame,
    ),
    "polars": (
        make_pipeline(
            ColumnTransformer(
                [("text", CountVectorizer(), "text"), ("num", StandardScaler(), ["a", "b"])]
            ),
            LogisticRegression(),
        ),
        lambda: pl.from_pandas(frame()),
    ),
    "parallel union": (
        make_pipeline(word_char().set_params(n_jobs=2), LogisticRegression()),
        texts,
    ),
}


@pytest.fixture(params=PIPELINES, ids=str)
def fitted(request):
    pipeline, data = PIPELINES[request.param]
    X = data()
    return pipeline.fit(X, target()), X


def as_dense(features):
    return features.toarray() if sparse.issparse(features) else np.asarray(features)


def test_all_blocks_together_give_the_pipelines_own_features(fitted):
    pipeline, X = fitted
    graph = split_pipeline(pipeline)
    features = graph.compute(graph.prepare(X), graph.names, {})
    assert type(features) is type(graph.features.transform(graph.prepare(X)))
    assert_array_equal(as_dense(features), as_dense(graph.features.transform(graph.prepare(X))))
    assert_array_equal(graph.model.predict_proba(features), pipeline.predict_proba(X))


def test_rows_taken_from_the_store_get_the_pipelines_own_answers(fitted):
    pipeline, X = fitted
    graph = split_pipeline(pipeline)
    rows = np.arange(len(target()))[::3]
    Z, store = graph.prepare(X), {}
    graph.compute(Z, graph.names[:1], store)
    Z, store = take_stored(Z, store, rows)
    probabilities = graph.model.predict_proba(graph.compute(Z, graph.names, store))
    # Dense products may round differently for another number of rows, so the same rows are asked.
    assert_array_equal(probabilities, pipeline.predict_proba(_safe_indexing(X, rows)))


def watch_into(keys):
    """A watch that keeps the keys of the steps that were run."""

    def watch(key, run):
        keys.append(key)
        return run()

    return watch


def test_blocks_that_are_left_out_are_not_computed(fitted):
    pipeline, X = fitted
    graph = split_pipeline(pipeline)
    for name in graph.names:
        store, run = {}, []
        features = graph.compute(graph.prepare(X), [name], store, watch=watch_into(run))
        assert set(store) == set(run) == set(graph.needs[name])
        assert features.shape == (len(target()), store[name].shape[1])


def test_each_block_is_computed_once(fitted):
    pipeline, X = fitted
    graph = split_pipeline(pipeline)
    store, Z = {}, graph.prepare(X)
    computed = []
    for name in graph.names:
        names = graph.names[: graph.names.index(name) + 1]
        graph.compute(Z, names, store, watch=watch_into(computed))
    assert sorted(computed) == sorted(set(computed)) == sorted(store)


def test_the_fitted_pipeline_is_left_alone(fitted):
    pipeline, X = fitted
    graph = split_pipeline(pipeline)
    before = pipeline.predict_proba(X)
    keys = set(vars(graph.features))
    graph.check_columns(graph.prepare(X))
    for name in graph.names:
        graph.compute(graph.prepare(X), [name], {})
    assert set(vars(graph.features)) == keys
    assert_array_equal(pipeline.predict_proba(X), before)


@pytest.mark.parametrize(
    ("key", "names"),
    [
        ("union", ["word", "char"]),
        ("union with a drop", ["w", "c"]),
        ("columns", ["text", "num", "cat"]),
        ("columns, remainder", ["t", "c", "remainder"]),
        ("union in columns", ["text__word", "text__char", "num"]),
        ("union at the end of a nested pipeline", ["text__word", "text__char", "num"]),
        ("union inside a nested pipeline is one block", ["pipeline", "countvectorizer"]),
        ("nested pipeline of steps", ["word", "char"]),
    ],
)
def test_names_of_blocks(key, names):
    pipeline, data = PIPELINES[key]
    assert list(split_pipeline(pipeline.fit(data(), target())).names) == names


def test_a_step_shared_by_nested_blocks_runs_once():
    Doubler.rows_seen = 0
    nested = make_pipeline(Doubler(), make_union(StandardScaler(), MinMaxScaler()))
    pipeline = make_pipeline(
        FeatureUnion([("nested", nested), ("plain", StandardScaler())]), LogisticRegression()
    )
    X = frame()[["a", "b"]].to_numpy()
    graph = split_pipeline(pipeline.fit(X, target()))
    Doubler.rows_seen = 0
    store = {}
    graph.compute(X, graph.names[:1], store)
    graph.compute(X, graph.names, store)
    assert Doubler.rows_seen == len(X)


def test_a_model_that_works_in_place_does_not_change_the_store():
    union = make_union(CountVectorizer(dtype=np.float64), TfidfVectorizer())
    pipeline = make_pipeline(union, MaxAbsScaler(copy=False), LogisticRegression())
    graph = split_pipeline(pipeline.fit(texts(), target()))
    store = {}
    features = graph.compute(texts(), graph.names[:1], store)
    before = store[graph.names[0]].copy()
    features.data *= 17
    assert (store[graph.names[0]] != before).nnz == 0


@pytest.mark.parametrize(
    "estimator",
    [
        LogisticRegression(),
        make_pipeline(StandardScaler(), LogisticRegression()),
        make_pipeline(make_union(StandardScaler()), LogisticRegression()),
    ],
)
def test_a_classifier_with_one_block_is_not_split(estimator):
    X = frame()[["a", "b"]].to_numpy()
    assert split_pipeline(estimator.fit(X, target())) is None


def test_a_subclass_of_a_composite_is_not_split():
    class Mean(FeatureUnion):
        def transform(self, X):
            return super().transform(X).mean(axis=1, keepdims=True)

    X = frame()[["a", "b"]].to_numpy()
    union = Mean([("a", StandardScaler()), ("b", MinMaxScaler())])
    assert split_pipeline(make_pipeline(union, LogisticRegression()).fit(X, target())) is None


@pytest.mark.parametrize("key", ["columns", "columns in a union", "pandas output"])
def test_a_missing_column_is_noticed_whichever_blocks_are_used(key):
    pipeline, data = PIPELINES[key]
    X = data()
    graph = split_pipeline(pipeline.fit(X, target()))
    graph.check_columns(X[list(X.columns)[::-1]].assign(more=1))
    with pytest.raises(ValueError, match=r"columns are missing: \{'b'\}"):
        graph.check_columns(X.drop(columns="b"))


@pytest.mark.parametrize("key", ["columns", "columns in a union"])
def test_only_other_columns_than_those_of_fit_are_checked_by_scikit_learn(key, monkeypatch):
    pipeline, data = PIPELINES[key]
    X = data()
    graph = split_pipeline(pipeline.fit(X, target()))
    with pytest.raises(ValueError, match=r"columns are missing: \{'b'\}"):
        graph.check_columns(X.rename(columns={"b": "other"}))

    def unneeded(*args):
        raise AssertionError("this takes a millisecond")

    monkeypatch.setattr(ColumnTransformer, "transform", unneeded)
    graph.check_columns(X)


@pytest.mark.parametrize("container", [np.asarray, sparse.csr_matrix, sparse.csc_array])
def test_arrays_as_wide_as_those_of_fit_are_not_checked_by_scikit_learn(container, monkeypatch):
    X = container(np.arange(120.0).reshape(60, 2))
    blocks = ColumnTransformer([("a", MaxAbsScaler(), [0]), ("b", MaxAbsScaler(), [1])])
    graph = split_pipeline(make_pipeline(blocks, LogisticRegression()).fit(X, target()))
    for wrong in (X[:, :1], container(np.ones((60, 3)))):
        with pytest.raises(ValueError, match="expecting 2 features"):
            graph.check_columns(wrong)

    def unneeded(*args):
        raise AssertionError("this takes a millisecond")

    monkeypatch.setattr(ColumnTransformer, "transform", unneeded)
    graph.check_columns(X)


def sums(X):
    return np.asarray(X, dtype=float).sum(axis=1, keepdims=True)


@pytest.mark.parametrize("own", [sums, lambda X: np.asarray(X) ** 3], ids=["one", "as many"])
def test_what_reads_the_blocks_tells_how_many_features_a_step_of_ones_own_makes(own):
    X, y = frame()[["a", "b"]], np.arange(60) % 2
    union = FeatureUnion([("as they are", "passthrough"), ("own", FunctionTransformer(own))])
    fitted = make_pipeline(union, LogisticRegression()).fit(X, y)
    graph = split_pipeline(fitted, compile=True)
    places = {leaf.name: leaf.place for leaf in graph.union.leaves()}
    n_features = union.fit_transform(X).shape[1]
    assert places == {"as they are": slice(0, 2), "own": slice(2, n_features)}
