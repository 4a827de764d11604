"""Blocks that are known are put side by side as the pipeline's own composite does."""

import pickle

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler, OneHotEncoder, StandardScaler

from skwillump.stages._models import read_graph, with_compiled_trees
from skwillump.stages._stacking import BlockFeatures, has_weights

RNG = np.random.default_rng(0)
X = pd.DataFrame(RNG.normal(size=(300, 4)), columns=list("abcd"))
X["e"] = RNG.integers(0, 30, 300).astype(str)
Y = (X["a"] + X["b"] > 0).to_numpy()


def numbers():
    return (StandardScaler(), ["a", "b"]), (MinMaxScaler(), ["c", "d"])


def one_hot():
    return OneHotEncoder(handle_unknown="ignore"), ["e"]


COMPOSITES = {
    "arrays": make_column_transformer(*numbers()),
    "array of mixed": make_column_transformer(*numbers(), one_hot(), sparse_threshold=0),
    "sparse of mixed": make_column_transformer(*numbers(), one_hot(), sparse_threshold=1),
    "frames": make_column_transformer(*numbers()).set_output(transform="pandas"),
    "weights": make_column_transformer(*numbers()).set_params(
        transformer_weights={"standardscaler": 2.0}
    ),
    "union of mixed": FeatureUnion(
        [
            ("kept", FunctionTransformer(lambda X: X[["a", "b"]].to_numpy())),
            ("coded", make_column_transformer(one_hot(), sparse_threshold=1)),
        ]
    ),
}


@pytest.mark.parametrize("name", COMPOSITES)
def test_features_of_known_blocks_are_those_of_the_composite(name):
    fitted = make_pipeline(COMPOSITES[name], LogisticRegression()).fit(X, Y)
    graph = read_graph(fitted, X, compile=False)
    known = BlockFeatures(graph, X)
    known.of_all()
    assert (known.stacking is None) == (name in {"frames", "weights"})
    for blocks in (graph.names, graph.names[:1], graph.names[-1:], graph.names[1:]):
        features, expected = known.of(blocks), graph.compute(X, blocks, {})
        assert type(features) is type(expected)
        assert features.dtype == expected.dtype if name != "frames" else True
        if sparse.issparse(expected):
            features, expected = features.toarray(), expected.toarray()
        np.testing.assert_array_equal(features, expected)


def test_a_step_that_works_in_place_does_not_change_a_block_that_is_known():
    fitted = make_pipeline(COMPOSITES["sparse of mixed"], LogisticRegression()).fit(X, Y)
    graph = read_graph(fitted, X, compile=False)
    known = BlockFeatures(graph, X)
    before = known.of_all().copy()
    known.of(graph.names[-1:]).data[:] = 7
    assert (known.of_all() != before).nnz == 0


def test_weights_of_a_composite_within_another_are_found():
    assert not has_weights(COMPOSITES["arrays"])
    assert has_weights(FeatureUnion([("inner", COMPOSITES["weights"])]))


@pytest.mark.parametrize(
    "model",
    [
        HistGradientBoostingClassifier(max_iter=20, random_state=0),
        RandomForestClassifier(20, random_state=0),
    ],
    ids=["boosted", "forest"],
)
@pytest.mark.parametrize("name", ["array of mixed", "frames"])
def test_compiled_trees_give_the_answers_of_a_folds_model(name, model):
    pipeline = make_pipeline(COMPOSITES[name], model).fit(X[:200], Y[:200])
    graph = read_graph(pipeline, X, compile=True)
    twin = with_compiled_trees(graph)
    features = BlockFeatures(twin, X[200:]).of_all()
    assert twin.answers is not twin.model
    assert np.array_equal(twin.answers.predict(features), pipeline.predict(X[200:]))
    np.testing.assert_allclose(
        twin.answers.predict_proba(features), pipeline.predict_proba(X[200:]), rtol=1e-12
    )
    assert np.array_equal(twin.answers.classes_, pipeline.classes_)
    sent = pickle.loads(pickle.dumps(twin))
    assert sent.answers is sent.model
