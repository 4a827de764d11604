"""A linear model on projected features is one on what they are projected from."""

import numpy as np
import pytest
from lightgbm import LGBMClassifier
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import Normalizer

from skwillump import CascadeClassifier, compile_pipeline
from skwillump.blocks import compiled_blocks
from skwillump.stages._before_pipeline import LinearBeforePipeline, compiled_stage
from skwillump.stages._costs import BlockCosts
from skwillump.stages._models import read_graph
from skwillump.stages._surrogates import fit_surrogate, is_dear, projected_blocks

RNG = np.random.default_rng(0)
WORDS = np.array([f"w{i}" for i in range(200)])
TEXTS = [" ".join(RNG.choice(WORDS, 12)) for _ in range(500)]
Y = np.array([text.count("w1") > 6 for text in TEXTS]).astype(int)


def semantics():
    return make_pipeline(TfidfVectorizer(), TruncatedSVD(8, random_state=0))


def boosting():
    return LGBMClassifier(n_estimators=5, n_jobs=1, verbose=-1)


SHAPES = {
    "one block": lambda: semantics(),
    "beside words": lambda: make_union(semantics(), TfidfVectorizer(max_features=20)),
}


def graph_of(features):
    fitted = make_pipeline(features, boosting()).fit(TEXTS, Y)
    return fitted, read_graph(fitted, TEXTS, compile=True)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_stage_reads_words_and_answers_as_the_model_on_projections(shape):
    fitted, graph = graph_of(SHAPES[shape]())
    assert len(projected_blocks(graph)) == 1
    features = fitted[:-1].transform(TEXTS)
    surrogate = fit_surrogate(graph, features, Y, {})
    stage = compiled_stage(
        graph,
        compiled_blocks(graph),
        compile_pipeline(fitted),
        graph.names,
        surrogate,
        is_surrogate=True,
    )
    assert type(stage) is LinearBeforePipeline
    scores, carry = stage.start(stage.opened(TEXTS))
    expected = surrogate.predict_proba(features)
    assert_allclose(stage.approx.predict_proba(scores), expected, rtol=1e-9, atol=1e-12)
    late = stage.finish(TEXTS, np.arange(3, 50), carry)
    assert_array_equal(stage.full.predict(late), fitted.predict(TEXTS[3:50]))


def test_a_projection_that_costs_much_is_worth_a_linear_model_before_a_cheap_model():
    _, graph = graph_of(semantics())
    costs = BlockCosts(prefix=0.0, keys={graph.names[0]: 1e-3}, model=1e-9)
    assert is_dear(graph, costs)


def test_of_what_is_not_linear_nothing_is_spared():
    features = make_pipeline(TfidfVectorizer(), TruncatedSVD(8, random_state=0), Normalizer())
    _, graph = graph_of(features)
    assert projected_blocks(graph) == frozenset()
    costs = BlockCosts(prefix=0.0, keys={graph.names[0]: 1e-3}, model=1e-9)
    assert not is_dear(graph, costs)


@pytest.mark.filterwarnings("ignore::skwillump.NoCascadeWarning")
def test_a_cascade_tries_it():
    pipeline = make_pipeline(semantics(), boosting())
    cascade = CascadeClassifier(pipeline, accuracy_target=0.5, cv=0.3, random_state=0)
    cascade.fit(TEXTS, Y)
    tried = cascade._calibrated.calibration.candidates
    assert any(candidate.is_surrogate for candidate in tried)
    fresh = TEXTS[:40]
    labels = cascade.predict(fresh)
    assert [cascade.predict_one(text) for text in fresh] == labels.tolist()
