"""Rows at thresholds of histograms, behind features that are rounded in another way."""

import numpy as np
import pytest
from sklearn.decomposition import FactorAnalysis, TruncatedSVD
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfVectorizer
from sklearn.kernel_approximation import Nystroem
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import FunctionTransformer, MaxAbsScaler, StandardScaler
from sklearn.random_projection import SparseRandomProjection

from skwillump import CascadeClassifier, compile_pipeline
from skwillump.compilers import TreeModel

RNG = np.random.default_rng(0)
WORDS = np.array([f"w{i}" for i in range(40)])
TEXTS = [" ".join(RNG.choice(WORDS, 7)) for _ in range(600)]
NUMBERS = RNG.normal(size=(600, 7)) * [1, 5, 30, 1, 2, 900, 3]
Y = RNG.integers(0, 2, len(TEXTS))
# Histograms of more than 255 values have values of rows for thresholds.


def histograms():
    return HistGradientBoostingClassifier(max_iter=20, random_state=0)


@pytest.mark.parametrize(
    "steps",
    [
        [TfidfVectorizer(), TruncatedSVD(6, random_state=0)],
        [TfidfVectorizer(), TruncatedSVD(1, random_state=0)],
        [CountVectorizer(), MaxAbsScaler(), TruncatedSVD(6, random_state=0), MaxAbsScaler()],
        [TfidfVectorizer(), TruncatedSVD(6, random_state=0), StandardScaler()],
        [HashingVectorizer(n_features=64), TruncatedSVD(6, random_state=0)],
        [
            make_union(
                make_pipeline(TfidfVectorizer(), TruncatedSVD(6, random_state=0)),
                CountVectorizer(analyzer="char", max_features=5),
            ),
            FunctionTransformer(lambda found: found.toarray(), accept_sparse=True),
        ],
    ],
    ids=["tf-idf", "one component", "counts scaled", "standard scores", "hashed", "union"],
)
def test_projections_pass_no_threshold_that_is_a_value_of_a_row(steps):
    texts = ["", "unknown", *TEXTS]
    fitted = make_pipeline(*steps, histograms()).fit(TEXTS, Y)
    compiled = compile_pipeline(fitted)
    expected = fitted.predict_proba(texts)
    np.testing.assert_allclose(compiled.predict_proba(texts), expected, rtol=1e-12)
    answers = [compiled.predict_proba_one(text) for text in texts[:60]]
    np.testing.assert_allclose(answers, expected[:60], rtol=1e-12)


@pytest.mark.parametrize(
    "steps",
    [
        [StandardScaler(), FactorAnalysis(4)],
        [StandardScaler(), Nystroem(n_components=20, random_state=0)],
        [SparseRandomProjection(4, random_state=0)],
        [make_union(StandardScaler(), make_pipeline(StandardScaler(), FactorAnalysis(3)))],
    ],
    ids=["factors", "kernels", "random projections", "beside exact ones"],
)
def test_rows_of_numbers_pass_no_threshold(steps):
    fitted = make_pipeline(*steps, HistGradientBoostingRegressor(max_iter=20)).fit(NUMBERS, Y)
    compiled = compile_pipeline(fitted)
    np.testing.assert_allclose(compiled.predict(NUMBERS), fitted.predict(NUMBERS), rtol=1e-12)
    answers = [compiled.predict_one(row) for row in NUMBERS[:60]]
    expected = [fitted.predict(NUMBERS[at : at + 1])[0] for at in range(60)]
    np.testing.assert_allclose(answers, expected, rtol=1e-12)


def test_rows_that_are_at_no_threshold_stay_compiled(monkeypatch):
    fitted = make_pipeline(TfidfVectorizer(), TruncatedSVD(6), histograms()).fit(TEXTS, Y)
    compiled = compile_pipeline(fitted)
    new = ["", *(" ".join(RNG.choice(WORDS, 9)) for _ in range(200))]
    expected = fitted.predict_proba(new)
    monkeypatch.setattr(TruncatedSVD, "transform", None)
    np.testing.assert_allclose(compiled.predict_proba(new), expected, rtol=1e-12)
    np.testing.assert_allclose(compiled.predict_proba_one(new[1]), expected[1], rtol=1e-12)


def test_rows_that_a_cascade_hands_on_pass_no_threshold():
    union = make_union(
        make_pipeline(TfidfVectorizer(), TruncatedSVD(6, random_state=0)),
        make_pipeline(TfidfVectorizer(analyzer="char"), TruncatedSVD(4, random_state=0)),
    )
    fitted = make_pipeline(union, histograms()).fit(TEXTS, Y)
    cascade = CascadeClassifier(fitted, accuracy_target=1.0, cv="prefit").fit(TEXTS, Y)
    np.testing.assert_allclose(
        cascade.predict_proba(TEXTS), fitted.predict_proba(TEXTS), rtol=1e-12
    )


def test_only_histograms_look_for_thresholds():
    compiled = compile_pipeline(
        make_pipeline(TfidfVectorizer(), TruncatedSVD(6), histograms()).fit(TEXTS, Y)
    )
    assert isinstance(compiled._parts.model, TreeModel)
    assert compiled._parts.scorer.reader.edges is not None
