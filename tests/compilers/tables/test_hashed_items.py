"""Compiled feature hashers hash one row as scikit-learn does."""

import numpy as np
import pytest
from answers import assert_answers_alike, whole_twin
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.feature_extraction import FeatureHasher
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline, make_union
from sklearn.tree import DecisionTreeClassifier

from skwillump import compile_pipeline
from skwillump.compilers import compile_step

RNG = np.random.default_rng(0)
NAMES = ["age", "größe", "日本", "", "x=1", *(f"name{i}" for i in range(300))]
VALUES = ["red", "", "grün", 0, 0.0, 1, -2.5, True, np.float32(0.1), np.int64(7)]
ROWS = [
    {str(name): VALUES[RNG.integers(len(VALUES))] for name in RNG.choice(NAMES, count)}
    for count in RNG.integers(1, 40, 80)
]
FORMS = {
    "dict": ROWS,
    "pair": [[*row.items(), *list(row.items())[:3]] for row in ROWS],
    "string": [[*row, *list(row)[:2]] for row in ROWS],
}
Y = np.arange(80) % 2


@pytest.mark.parametrize("n_features", [7, 64, 1 << 20])
@pytest.mark.parametrize("is_signed", [True, False])
@pytest.mark.parametrize("form", FORMS)
def test_entries_of_one_row_are_those_of_its_matrix(form, is_signed, n_features):
    hasher = FeatureHasher(n_features, input_type=form, alternate_sign=is_signed)
    step = compile_step(hasher)
    for row in FORMS[form]:
        expected = hasher.transform([row])
        places, values = step.entries(row)
        assert_array_equal(places, expected.indices)
        assert_allclose(values, expected.data, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("model", [LogisticRegression(), DecisionTreeClassifier(random_state=0)])
@pytest.mark.parametrize("form", FORMS)
def test_models_behind_it_answer_as_before(form, model):
    rows = FORMS[form]
    fitted = make_pipeline(FeatureHasher(64, input_type=form), model).fit(rows, Y)
    assert_answers_alike(whole_twin(fitted), fitted, rows)


def test_beside_another_hasher_one_row_is_read_by_both():
    union = make_union(FeatureHasher(32), FeatureHasher(16, alternate_sign=False))
    fitted = make_pipeline(union, LogisticRegression()).fit(ROWS, Y)
    compiled = compile_pipeline(fitted)
    for row, expected in zip(ROWS, fitted.predict_proba(ROWS), strict=True):
        assert_allclose(compiled.predict_proba_one(row), expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("form", "row"),
    [
        ("dict", {"a": None}),
        ("dict", {3: 1.0}),
        ("dict", {"a": [1]}),
        ("pair", [("a", 1, 2)]),
        ("string", ["a", 3]),
        ("string", "text"),
    ],
)
def test_what_cannot_be_hashed_is_the_error_that_it_was(form, row):
    fitted = make_pipeline(FeatureHasher(64, input_type=form), LogisticRegression())
    fitted.fit(FORMS[form], Y)
    compiled = compile_pipeline(fitted)
    with pytest.raises((TypeError, ValueError)) as found:
        fitted.predict([row])
    with pytest.raises(found.type):
        compiled.predict([row])
    with pytest.raises((TypeError, ValueError)):
        compiled.predict_one(row)
