"""Boosted trees with categories that are texts answer as scikit-learn does."""

import pickle

import numpy as np
import pandas as pd
import pytest
from answers import assert_alike, outcome
from numpy.testing import assert_array_equal
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skwillump import compile_pipeline

N_ROWS = 300
_RNG = np.random.default_rng(0)
TABLE = pd.DataFrame(
    {
        "number": np.where(_RNG.random(N_ROWS) < 0.1, np.nan, _RNG.normal(size=N_ROWS)),
        "letter": pd.Categorical(_RNG.choice(list("xyzuvw"), N_ROWS)),
        "count": _RNG.integers(0, 9, N_ROWS),
        "word": pd.Categorical(_RNG.choice(np.array(["one", "two", None]), N_ROWS)),
    }
)
TARGET = TABLE["letter"].cat.codes % 2 + (TABLE["count"] > 4) + (TABLE["word"] == "two")
LABELS = np.array(["none", "some", "more", "many"])[TARGET]


def as_it_is(X):
    return X


MODELS = {
    "classes": HistGradientBoostingClassifier(max_iter=5),
    "two classes": HistGradientBoostingClassifier(max_iter=5),
    "regressor": HistGradientBoostingRegressor(max_iter=9),
    "counts": HistGradientBoostingRegressor(max_iter=9, loss="poisson"),
    "named": HistGradientBoostingClassifier(max_iter=5, categorical_features=["word", "letter"]),
    "behind an own step": make_pipeline(
        FunctionTransformer(as_it_is), HistGradientBoostingClassifier(max_iter=5)
    ),
}
TARGETS = {"two classes": TARGET > 1, "regressor": TARGET, "counts": TARGET}


@pytest.fixture(params=MODELS)
def pair(request):
    model = MODELS[request.param].fit(TABLE, TARGETS.get(request.param, LABELS))
    return model, compile_pipeline(model)


def test_all_of_it_is_compiled(pair):
    assert pair[1].explain()[-1].compiled, pair[1].explain()


def test_categories_seen_unseen_and_missing_are_answered_as_by_scikit_learn(pair):
    other = TABLE.astype({"letter": object, "word": object})
    other.loc[3, "letter"] = "unheard of"
    other.loc[4, "letter"] = None
    other.loc[5, ["letter", "word", "number"]] = np.nan
    for X in (TABLE, other, TABLE[:1], other[3:6], TABLE[::-1], TABLE[TABLE.columns[::-1]]):
        for method in ("predict", "predict_proba", "decision_function"):
            if hasattr(pair[0], method):
                expected, actual = (getattr(model, method)(X) for model in pair)
                assert_array_equal(actual, expected, strict=True)


def test_what_is_refused_is_refused_alike(pair):
    numbers = TABLE.assign(letter=1.5)
    for X in (TABLE[:0], TABLE[["number"]], TABLE.to_numpy(), numbers, TABLE.assign(count="a")):
        expected, found = (outcome(model.predict, X) for model in pair)
        assert_alike(found, expected)


def test_one_row_in_any_form_is_a_batch_of_one(pair):
    model, twin = pair
    for at in (0, 3, 7):
        row = TABLE.iloc[at]
        expected = model.predict(TABLE[at : at + 1])[0]
        for x in (row.to_dict(), row.tolist(), TABLE[at : at + 1]):
            assert twin.predict_one(x) == expected
    unseen = TABLE[:1].astype({"letter": object}).assign(letter="unheard of")
    assert twin.predict_one(unseen.iloc[0].to_dict()) == model.predict(unseen)[0]


def test_pickles_answer_the_same(pair):
    again = pickle.loads(pickle.dumps(pair[1]))
    assert_array_equal(again.predict(TABLE), pair[0].predict(TABLE))
