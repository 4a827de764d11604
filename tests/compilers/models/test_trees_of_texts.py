"""Trees behind texts, of whose many features they look at a few."""

import numpy as np
import pytest
from answers import whole_twin
from lightgbm import LGBMClassifier
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skwillump import compile_pipeline

WORDS = [f"word{number}" for number in range(600)]


def texts(rng, n_texts):
    counts = rng.integers(0, 30, n_texts)
    return [" ".join(rng.choice(WORDS, count)) for count in counts]


@pytest.mark.parametrize(
    "model",
    [
        LGBMClassifier(n_estimators=10, verbosity=-1, n_jobs=1),
        GradientBoostingClassifier(n_estimators=10, random_state=0),
        RandomForestClassifier(n_estimators=5, random_state=0),
    ],
)
@pytest.mark.parametrize("n_rows", [0, 1, 70])
def test_features_that_no_tree_looks_at_change_no_answer(model, n_rows):
    rng = np.random.default_rng(0)
    train, rows = texts(rng, 300), ["", *texts(rng, 80)][:n_rows]
    target = np.array([("word1 " in text) + ("word2" in text) for text in train])
    pipeline = make_pipeline(TfidfVectorizer(), model).fit(train, target)
    compiled = whole_twin(pipeline)
    if n_rows == 0:
        with pytest.raises(ValueError, match="0 sample"):
            pipeline.predict_proba(rows)
        with pytest.raises(ValueError, match="0 sample"):
            compiled.predict_proba(rows)
        return
    expected = pipeline.predict_proba(rows)
    assert np.allclose(compiled.predict_proba(rows), expected, rtol=1e-12, atol=0)
    assert np.array_equal(compiled.predict(rows), pipeline.predict(rows))


def to_array(X):
    return X.toarray()


def test_a_forest_reads_the_sparse_rows_that_a_function_of_ones_own_makes_an_array_of():
    rng = np.random.default_rng(0)
    train, rows = texts(rng, 300), ["", *texts(rng, 80)]
    forest = RandomForestClassifier(n_estimators=20, random_state=0)
    pipeline = make_pipeline(TfidfVectorizer(), FunctionTransformer(to_array), forest)
    pipeline.fit(train, rng.integers(0, 3, len(train)))
    compiled = compile_pipeline(pipeline)
    features = compiled._parts.features
    assert compiled._parts.scorer.features.gives_matrix
    assert not features.gives_matrix
    np.testing.assert_array_equal(features.transform(rows), pipeline[:-1].transform(rows))
    expected = pipeline.predict_proba(rows)
    np.testing.assert_array_equal(compiled.predict_proba(rows), expected)
    for text, row in zip(rows, expected, strict=True):
        np.testing.assert_array_equal(compiled.predict_proba_one(text), row)
    assert len(compiled.explain()) == 3
