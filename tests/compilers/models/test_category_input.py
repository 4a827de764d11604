"""LightGBM models that were fitted on pandas' categories."""

import pickle

import numpy as np
import pandas as pd
import pytest
from answers import assert_batch_alike
from lightgbm import LGBMClassifier, LGBMRegressor

from skwillump import ApproxTopKRanker, CascadeClassifier, compile_pipeline

N_ROWS = 600
QUICK = {"n_estimators": 12, "min_child_samples": 5, "min_data_per_group": 5, "n_jobs": 1}


def _table(seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    kinds = rng.choice(["red", "green", "blue", "grün"], N_ROWS).astype(object)
    kinds[rng.random(N_ROWS) < 0.1] = None
    return pd.DataFrame(
        {
            "size": rng.normal(size=N_ROWS).round(2),
            "kind": pd.Categorical(kinds),
            "count": rng.integers(0, 9, N_ROWS),
            "zone": pd.Categorical(rng.choice([7, 3, 11], N_ROWS)),
            "same": pd.Categorical(["one"] * N_ROWS),
            "level": pd.Categorical(rng.choice(list("abc"), N_ROWS)),
        }
    )


X = _table()
SCORE = X["size"] + (X["kind"] == "red") + 2 * (X["zone"].astype(int) == 3) + (X["level"] == "a")


@pytest.fixture(scope="module", params=["classifier", "regressor"])
def model(request):
    if request.param == "classifier":
        return LGBMClassifier(**QUICK, verbose=-1).fit(X, (SCORE > 1).astype(int))
    return LGBMRegressor(**QUICK, verbose=-1).fit(X, SCORE)


def _missing_in(name: str):
    def change(frame: pd.DataFrame) -> pd.DataFrame:
        return frame.assign(**{name: frame[name].where(np.arange(len(frame)) % 3 > 0)})

    return change


BATCHES = {
    "as in fit": lambda frame: frame,
    "other rows": lambda frame: _table(1),
    "categories in another order": lambda frame: frame.assign(
        kind=frame["kind"].cat.set_categories(["grün", "red", "blue", "green"])
    ),
    "a category that is new": lambda frame: frame.assign(
        kind=frame["kind"].cat.add_categories("new").fillna("new"),
        zone=pd.Categorical([5, 3] * (N_ROWS // 2)),
    ),
    "categories of which none is left": lambda frame: frame.assign(
        kind=pd.Categorical([None] * N_ROWS, categories=["red"])
    ),
    "missing texts": _missing_in("kind"),
    "missing whole numbers": _missing_in("zone"),
    "one row": lambda frame: frame[5:6],
    "an index": lambda frame: frame[::-1],
}


@pytest.mark.parametrize("name", BATCHES)
def test_batches_are_answered_as_by_the_model(model, name):
    compiled = compile_pipeline(model)
    assert all(step.compiled for step in compiled.explain())
    assert_batch_alike(compiled, model, BATCHES[name](X), rtol=1e-12)


REFUSED = {
    "texts": lambda frame: frame.assign(kind=frame["kind"].astype(object)),
    "numbers with categories": lambda frame: frame.assign(count=frame["count"].astype("category")),
    "no categories at all": lambda frame: frame.assign(zone=frame["zone"].astype(int)),
    "fewer columns": lambda frame: frame.drop(columns="size"),
    "an array": lambda frame: frame.to_numpy(),
    "categories that are no texts": lambda frame: frame.assign(kind=frame["zone"]),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_the_model_judges_it_judges(model, name):
    rows = REFUSED[name](X)
    compiled = compile_pipeline(model)
    try:
        expected = model.predict(rows)
    except Exception as error:
        with pytest.raises(type(error)):
            compiled.predict(rows)
    else:
        np.testing.assert_allclose(compiled.predict(rows), expected, rtol=1e-12)


def test_one_row_is_answered_in_every_form(model):
    compiled = pickle.loads(pickle.dumps(compile_pipeline(model)))
    for at in range(40):
        frame = X[at : at + 1]
        expected = model.predict(frame)[0]
        row = frame.iloc[0].to_dict()
        for form in (frame, row, list(row.values()), row | {"zone": float(row["zone"])}):
            np.testing.assert_allclose(compiled.predict_one(form), expected, rtol=1e-12)
    unknown = X[:1].assign(kind=pd.Categorical(["violet"]))
    row = X.iloc[0].to_dict()
    for value in ("violet", None, np.nan):
        expected = model.predict(unknown)[0]
        np.testing.assert_allclose(
            compiled.predict_one(row | {"kind": value}), expected, rtol=1e-12
        )


@pytest.mark.parametrize(
    "fitted",
    [
        lambda: LGBMClassifier(**QUICK, verbose=-1).fit(
            X, SCORE > 1, categorical_feature=["count", "kind", "zone", "same"]
        ),
        lambda: LGBMClassifier(**QUICK, verbose=-1).fit(
            X.assign(kind=(X["size"] > 0).astype("category")), SCORE > 1
        ),
        lambda: LGBMClassifier(**QUICK, verbose=-1).fit(
            X.assign(kind=X["size"].round().astype("category")), SCORE > 1
        ),
        lambda: LGBMClassifier(**QUICK, verbose=-1).fit(
            X.assign(level=X["level"].cat.as_ordered()), SCORE > 1
        ),
    ],
    ids=["columns that are named", "booleans", "numbers", "in an order"],
)
def test_other_categories_are_left_to_the_model(fitted):
    model = fitted()
    compiled = compile_pipeline(model)
    assert not compiled.explain()[0].compiled
    rows = X.assign(kind=(X["size"] > 0).astype("category"))
    try:
        expected = model.predict_proba(rows)
    except ValueError as error:
        with pytest.raises(type(error)):
            compiled.predict_proba(rows)
    else:
        np.testing.assert_array_equal(compiled.predict_proba(rows), expected)


def test_cascades_and_rankers_of_them():
    y = (SCORE > 1).astype(int).to_numpy()
    model = LGBMClassifier(**QUICK | {"n_estimators": 60}, verbose=-1)
    cascade = CascadeClassifier(model, accuracy_target=0.9, cv=0.3, random_state=0).fit(X, y)
    rows = _table(1)
    last = cascade.predict_stage(rows) == len(cascade.stages_) - 1
    expected = cascade.estimator_.predict(rows)
    np.testing.assert_array_equal(cascade.predict(rows)[last], expected[last])
    one = [cascade.predict_one(row) for row in rows[:30].to_dict("records")]
    np.testing.assert_array_equal(one, cascade.predict(rows[:30]))
    ranker = ApproxTopKRanker(LGBMRegressor(**QUICK, verbose=-1), k=10, random_state=0)
    ranker.fit(X, SCORE.to_numpy())
    np.testing.assert_allclose(ranker.predict(rows), ranker.estimator_.predict(rows), rtol=1e-12)
