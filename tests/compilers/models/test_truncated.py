"""Truncated ensembles answer as the model with as many trees, and are completed to the last bit."""

import pickle

import numpy as np
import pytest
from tree_cases import (
    FORESTS,
    FULL,
    GRADIENT_BOOSTING,
    MODELS,
    N_FEATURES,
    N_ROWS,
    X,
    compiled,
    fitted,
)


@pytest.mark.parametrize("name", ["LightGBM two", "LightGBM categorical three", "LightGBM rf"])
def test_the_first_rounds_of_lightgbm_answer_as_it_does_with_as_many(name):
    model, original = compiled(name), fitted(name)
    for n in (1, 5, 11):
        first, _ = model.split(n)
        scores = first.raw(X)
        expected = original.booster_.predict(X, raw_score=True, num_iteration=n)
        assert np.array_equal(scores, expected.reshape(N_ROWS, -1))
        assert np.array_equal(first.raw_one(X[3]), scores[3])
        np.testing.assert_allclose(
            first.predict_proba(scores), original.predict_proba(X, num_iteration=n), rtol=1e-12
        )
    for n in (0, 12):
        with pytest.raises(ValueError, match="n_trees"):
            model.split(n)


def test_the_first_trees_of_scikit_learns_models():
    forest = fitted("forest")
    some = np.mean([tree.predict_proba(X) for tree in forest.estimators_[:3]], axis=0)
    first, _ = compiled("forest").split(3)
    np.testing.assert_allclose(first.predict_proba(first.raw(X)), some, rtol=1e-12)
    stages = list(fitted("boosting three").staged_decision_function(FULL))
    assert np.array_equal(compiled("boosting three").split(4)[0].raw(FULL), stages[3])
    stages = list(fitted("histogram categorical").staged_decision_function(X))
    assert np.array_equal(compiled("histogram categorical").split(2)[0].raw(X), stages[1])


@pytest.mark.parametrize("name", sorted(MODELS))
def test_the_rest_goes_on_from_the_first_to_the_last_bit(name):
    model = compiled(name)
    if model.n_rounds < 2:
        pytest.skip("a single tree")
    rows = FULL if name in {**FORESTS, **GRADIENT_BOOSTING} else X
    first, rest = pickle.loads(pickle.dumps(model.split(model.n_rounds // 2)))
    start = first.raw(rows)
    before = start.copy()
    assert np.array_equal(rest.raw(rows, start=start), model.raw(rows))
    assert np.array_equal(rest.raw(rows[:3], start=start[:3]), model.raw(rows[:3]))
    assert np.array_equal(rest.raw_one(rows[5], start[5]), model.raw_one(rows[5]))
    assert np.array_equal(start, before)


@pytest.mark.parametrize("name", ["LightGBM categorical three", "forest", "histogram categorical"])
def test_first_trees_need_only_the_features_that_they_look_at(name):
    model = compiled(name)
    assert set(model.used_features(1)) <= set(model.used_features())
    rows = FULL if name == "forest" else X
    first, _ = model.split(1)
    used = model.used_features(1)
    other = rows.copy()
    other[:, np.setdiff1d(np.arange(N_FEATURES), used)] = 0.0
    assert np.array_equal(first.raw(other), first.raw(rows))
    few = first.on_features(used)
    assert np.array_equal(few.raw(rows[:, used]), first.raw(rows))
    assert np.array_equal(few.raw_one(rows[7, used]), first.raw(rows)[7])
