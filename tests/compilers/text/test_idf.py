"""Rows of sparse features are normalised without the checks of a matrix."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.feature_extraction.text import (
    CountVectorizer,
    HashingVectorizer,
    TfidfTransformer,
    TfidfVectorizer,
)
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Normalizer

from skwillump import compile_pipeline

TEXTS = ["a fine film", "a poor film", "fine acting", "poor acting", "", "a fine fine story"] * 5
LABELS = np.arange(30) % 2
NEW = ["fine", "unheard of", "a poor poor film", ""]


@pytest.mark.parametrize("norm", ["l1", "l2", "max"])
@pytest.mark.parametrize(
    "features",
    [
        CountVectorizer(),
        TfidfVectorizer(norm=None),
        TfidfVectorizer(dtype=np.float32),
        HashingVectorizer(n_features=32),
    ],
    ids=repr,
)
def test_a_normalizer_of_sparse_rows_gives_the_same_rows(features, norm):
    steps = (features, Normalizer(norm))
    fitted = make_pipeline(*steps, LogisticRegression()).fit(TEXTS, LABELS)
    compiled = compile_pipeline(fitted)
    is_double = fitted[-1].coef_.dtype == np.float64
    is_compiled = all(step.compiled for step in compiled.explain())
    assert is_compiled == (norm != "max" and is_double)
    assert_array_equal(compiled.predict(NEW), fitted.predict(NEW))
    expected = fitted.predict_proba(NEW)
    assert_allclose(compiled.predict_proba(NEW), expected, rtol=1e-12)
    for text, wanted in zip(NEW, expected, strict=True):
        assert_allclose(compiled.predict_proba_one(text), wanted, rtol=1e-12)
    rows, wanted = compile_pipeline(fitted[:-1]).transform(NEW), fitted[:-1].transform(NEW)
    assert sparse.issparse(rows)
    assert type(rows) is type(wanted)
    assert rows.dtype == wanted.dtype
    assert_array_equal(rows.toarray(), wanted.toarray())


def test_features_that_are_sorted_in_place_leave_the_counts_as_they_were():
    counts = sparse.csr_matrix(([1, 2, 3], [2, 0, 1], [0, 2, 3]), shape=(2, 3))
    features = compile_pipeline(TfidfTransformer().fit(counts)).transform(counts)
    features.sort_indices()
    assert counts.indices.tolist() == [2, 0, 1]
