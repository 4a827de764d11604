"""`DictVectorizer` compiled."""

import numpy as np
import pytest
from answers import assert_alike, outcome, whole_twin
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction import DictVectorizer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline

from skwillump import compile_pipeline

RNG = np.random.default_rng(0)
ROWS = [
    {"a": "xyz"[i % 3], "b": float(i % 5) - 2.5, "c": bool(i % 2), "d=e": str(i % 7), 3: "k"}
    for i in range(90)
]
LABELS = (RNG.random(90) < 0.5).astype(int)
NEW = [
    {"a": "unknown", "b": 1, "zz": "1"},
    {"a": np.str_("x"), "b": np.float32(1.5), "d": "e=3"},
    {},
    {"a=x": 2.0, 3: "k", "b": 7},
]


@pytest.mark.parametrize("is_sparse", [True, False])
@pytest.mark.parametrize(
    "model", [LogisticRegression(), LinearRegression(), RandomForestClassifier(5, random_state=0)]
)
def test_mappings_are_answered_as_by_scikit_learn(model, is_sparse):
    pipeline = make_pipeline(DictVectorizer(sparse=is_sparse), model).fit(ROWS, LABELS)
    compiled = whole_twin(pipeline)
    rows = NEW + ROWS[:5]
    np.testing.assert_allclose(compiled.predict(rows), pipeline.predict(rows), rtol=1e-12)
    for row in rows:
        expected = pipeline.predict([row])[0]
        np.testing.assert_allclose(compiled.predict_one(row), expected, rtol=1e-12)


@pytest.mark.parametrize("is_sparse", [True, False])
def test_the_features_are_the_originals(is_sparse):
    vectorizer = DictVectorizer(sparse=is_sparse).fit(ROWS)
    features, expected = compile_pipeline(vectorizer).transform(NEW), vectorizer.transform(NEW)
    assert type(features) is type(expected)
    np.testing.assert_array_equal(_dense(features), _dense(expected))


@pytest.mark.parametrize(
    "rows",
    [
        [{"b": None}],
        [{"b": "3"}],
        [{"a": ["x", "y"]}],
        [{"b": object()}],
        [{"b": {}}],
        [{"b": float("nan")}],
        [{"b": 1j}],
        [],
        [1],
    ],
    ids=["None", "text", "texts", "object", "mapping", "NaN", "complex", "no rows", "no mapping"],
)
def test_what_is_out_of_the_ordinary_is_judged_by_the_original(rows):
    pipeline = make_pipeline(DictVectorizer(), LinearRegression()).fit(ROWS, LABELS)
    compiled = compile_pipeline(pipeline)
    assert_alike(outcome(compiled.predict, rows), outcome(pipeline.predict, rows))


def _dense(features):
    return features if isinstance(features, np.ndarray) else features.toarray()


_SAME_ITEMS = [
    {"a": "xyzw"[i % 4], "b": i % 5, "c": bool(i % 2), "unseen": "k", 3: "k", "n": i / 7}
    for i in range(40)
]


@pytest.mark.parametrize("is_sparse", [True, False])
@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"a": np.str_("x")},
        {"b": np.float32(1.5)},
        {"b": 10**400},
        {"b": float("nan")},
        {"b": None},
        {"a": 2.0},
    ],
    ids=repr,
)
def test_rows_of_the_same_items_are_read_by_column(is_sparse, changed):
    vectorizer = DictVectorizer(sparse=is_sparse).fit(ROWS)
    rows = [dict(row) for row in _SAME_ITEMS]
    rows[7].update(changed)
    compiled = compile_pipeline(vectorizer)
    found, expected = (
        outcome(lambda it=it: _dense(it.transform(rows))) for it in (compiled, vectorizer)
    )
    assert_alike(found, expected, rtol=0, atol=0)


def test_rows_of_the_same_items_in_other_orders_are_read_row_by_row():
    vectorizer = DictVectorizer().fit(ROWS)
    rows = [dict(reversed(row.items())) if i % 2 else row for i, row in enumerate(_SAME_ITEMS)]
    found, expected = compile_pipeline(vectorizer).transform(rows), vectorizer.transform(rows)
    np.testing.assert_array_equal(found.toarray(), expected.toarray())
