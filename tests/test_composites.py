"""Reading scikit-learn's composites: what is absent, which columns, where blocks are."""

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline, make_union
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from skwillump import compile_pipeline
from skwillump._composites import (
    all_children,
    chain,
    children,
    column_transformers,
    last_step,
    nested_blocks,
    positions,
    with_children,
)
from skwillump.blocks import compiled_blocks, split_pipeline

X = pd.DataFrame(
    {"a": np.arange(40.0), "b": np.sin(np.arange(40.0)), "c": np.arange(40) % 7, "": [1.5] * 40}
)
Y = np.arange(40) % 2

EMPTY = {
    "list": [],
    "tuple": (),
    "bools": [False] * 4,
    "tuple of bools": (False,) * 4,
    "boolean array": np.zeros(4, dtype=bool),
    "boolean series": pd.Series([False] * 4),
    "integer array": np.array([], dtype=np.intp),
    "index": pd.Index([]),
    "empty name": "",
    "callable": make_column_selector(pattern="nothing"),
}


@pytest.mark.parametrize("selected", EMPTY.values(), ids=EMPTY)
def test_every_form_of_an_empty_selection_is_skipped(selected):
    columns = ColumnTransformer(
        [("none", StandardScaler(), selected), ("a", StandardScaler(), ["a"])]
    ).fit(X)
    assert [child.name for child in children(columns)] == ["a"]
    np.testing.assert_array_equal(compile_pipeline(columns).transform(X), columns.transform(X))
    alone = ColumnTransformer([("none", StandardScaler(), selected)]).fit(X)
    assert compile_pipeline(alone).transform(X).shape == alone.transform(X).shape == (40, 0)


def test_an_empty_slice_is_passed_to_its_transformer():
    columns = ColumnTransformer(
        [("none", FunctionTransformer(), slice(0, 0)), ("a", StandardScaler(), ["a"])]
    ).fit(X)
    assert [child.name for child in children(columns)] == ["none", "a"]
    np.testing.assert_array_equal(compile_pipeline(columns).transform(X), columns.transform(X))


@pytest.mark.parametrize(
    ("selected", "expected"),
    [
        ("b", 1),
        (2, 2),
        (-2, 2),
        (["c", "a"], (2, 0)),
        ([0, -3], (0, 1)),
        (slice("a", "b"), (0, 1)),
        (slice(1, None), (1, 2, 3)),
        ([True, False, True, False], (0, 2)),
        (np.array([False, True, False, False]), (1,)),
        (make_column_selector(pattern="[bc]"), (1, 2)),
    ],
    ids=[
        "name",
        "position",
        "from_the_end",
        "names",
        "positions",
        "names_slice",
        "slice",
        "list_mask",
        "mask",
        "selector",
    ],
)
def test_positions_are_those_that_scikit_learn_selects(selected, expected):
    columns = ColumnTransformer([("some", FunctionTransformer(pd.DataFrame), selected)]).fit(X)
    (child,) = children(columns)
    assert positions(columns, child) == expected
    selected_columns = X.columns[list(np.atleast_1d(expected))]
    np.testing.assert_array_equal(columns.transform(X), X[selected_columns])


def test_the_remainder_is_a_child_with_its_positions():
    columns = ColumnTransformer(
        [("a", StandardScaler(), ["a"]), ("gone", "drop", ["b"])], remainder="passthrough"
    ).fit(X)
    assert [(child.name, child.is_absent) for child in all_children(columns)] == [
        ("a", False),
        ("gone", True),
        ("remainder", False),
    ]
    assert positions(columns, children(columns)[1]) == (2, 3)


def test_weights_are_one_where_none_is_given():
    union = FeatureUnion(
        [("a", StandardScaler()), ("b", StandardScaler()), ("c", "passthrough")],
        transformer_weights={"b": 3, "a": None},
    ).fit(X)
    assert [child.weight for child in children(union)] == [1.0, 3, 1.0]


def test_a_subclass_of_a_composite_is_none():
    class Union(FeatureUnion):
        pass

    assert children(Union([("a", StandardScaler())])) is None
    assert children(StandardScaler()) is None


def test_a_chain_has_the_steps_of_nested_pipelines_and_no_passthroughs():
    scaler, model = StandardScaler(), LogisticRegression()
    inner = Pipeline([("none", None), ("scaler", scaler)])
    outer = Pipeline([("first", inner), ("skipped", "passthrough"), ("model", model)])
    assert chain(outer) == [("first__scaler", scaler), ("model", model)]
    assert chain(model) == [("", model)]


def test_the_last_step_is_found_in_nested_and_frozen_pipelines():
    model = LogisticRegression()
    inner = FrozenEstimator(Pipeline([("scaler", StandardScaler()), ("model", model)]))
    assert last_step(Pipeline([("inner", inner)])) == ("inner__model", model)
    assert last_step(model) == ("", model)


def test_other_children_do_not_reach_the_original():
    columns = ColumnTransformer(
        [("a", StandardScaler(), ["a"]), ("b", StandardScaler(), ["b"])]
    ).fit(X)
    before = columns.transform(X)
    twin = with_children(columns, {"b": columns.named_transformers_["b"]})
    np.testing.assert_array_equal(twin.transform(X), before[:, 1:])
    np.testing.assert_array_equal(columns.transform(X), before)


def test_blocks_know_their_parameters_columns_and_what_they_share():
    numbers = make_pipeline(StandardScaler(), make_union(StandardScaler(), FunctionTransformer()))
    columns = ColumnTransformer(
        [("numbers", numbers, ["a", "b"]), ("c", "passthrough", ["c"]), ("none", "drop", [])]
    )
    blocks = list(nested_blocks(columns.fit(X), "ct"))
    assert [block.name for block in blocks] == [
        "numbers__standardscaler",
        "numbers__functiontransformer",
        "c",
    ]
    assert [block.parameter for block in blocks] == [
        "ct__numbers__featureunion__standardscaler",
        "ct__numbers__featureunion__functiontransformer",
        "ct__c",
    ]
    assert [block.columns for block in blocks] == [["a", "b"], ["a", "b"], ["c"]]
    assert [block.shared for block in blocks] == [("numbers",), ("numbers",), ()]


def test_column_transformers_that_see_the_input_are_found_at_the_start_of_pipelines():
    first = ColumnTransformer([("a", StandardScaler(), ["a"])]).fit(X)
    union = make_union(make_pipeline("passthrough", first), make_pipeline(StandardScaler(), first))
    assert list(column_transformers(union)) == [first]


def test_blocks_of_a_pipeline_that_is_nothing_but_a_union_are_scored_without_features():
    texts = [f"word{i % 5} number{i % 3}" for i in range(40)]
    inner = Pipeline([("u", make_union(TfidfVectorizer(), TfidfVectorizer(analyzer="char")))])
    union = FeatureUnion([("inner", inner), ("more", TfidfVectorizer(ngram_range=(2, 2)))])
    pipeline = make_pipeline(union, LogisticRegression()).fit(texts, Y)
    graph = split_pipeline(pipeline, compile=True)
    assert graph.names == ("inner__tfidfvectorizer-1", "inner__tfidfvectorizer-2", "more")
    assert [leaf.name for leaf in graph.union.leaves()] == list(graph.names)
    assert compiled_blocks(graph) is not None
    assert compile_pipeline(pipeline).explain()[0].name == (
        "featureunion__inner__u__tfidfvectorizer-1"
    )
