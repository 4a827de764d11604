"""Models of LightGBM and XGBoost that were fitted on pandas' categories."""

import pickle

import numpy as np
import pandas as pd
import pytest
from answers import assert_alike, outcome
from lightgbm import LGBMClassifier, LGBMRegressor
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OrdinalEncoder, StandardScaler
from xgboost import XGBClassifier, XGBRegressor
from xgboost.core import XGBoostError

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


BINARY = (SCORE > 1).astype(int)
OF_SETS = {"n_estimators": 12, "n_jobs": 1, "enable_categorical": True, "max_cat_to_onehot": 1}


def _ascii(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(kind=frame["kind"].cat.rename_categories({"grün": "grey"}))


ORDERED = X.assign(
    zone=X["zone"].cat.as_ordered(),
    level=X["level"].cat.as_ordered().cat.set_categories(list("cab")),
)
OF_FLOATS = X.assign(zone=pd.Categorical(X["zone"].astype(float) / 2))
MODELS = {
    "categories of floats": lambda: (
        LGBMClassifier(**QUICK, verbose=-1).fit(OF_FLOATS, BINARY),
        OF_FLOATS,
    ),
    "LightGBM's classifier": lambda: (LGBMClassifier(**QUICK, verbose=-1).fit(X, BINARY), X),
    "LightGBM's regressor": lambda: (LGBMRegressor(**QUICK, verbose=-1).fit(X, SCORE), X),
    "categories in an order": lambda: (
        LGBMRegressor(**QUICK, verbose=-1).fit(ORDERED, SCORE),
        ORDERED,
    ),
    "XGBoost's classifier": lambda: (XGBClassifier(**OF_SETS).fit(_ascii(X), BINARY), _ascii(X)),
    "one category a node": lambda: (
        XGBRegressor(**OF_SETS | {"max_cat_to_onehot": 9}).fit(_ascii(X), SCORE),
        _ascii(X),
    ),
    "some trees are left out": lambda: (
        XGBRegressor(booster="dart", rate_drop=0.4, **OF_SETS).fit(_ascii(X), SCORE),
        _ascii(X),
    ),
    "letters that are not ASCII": lambda: (XGBRegressor(**OF_SETS).fit(X, SCORE), X),
}


@pytest.fixture(scope="module", params=MODELS)
def fitted(request):
    """A model, and the rows that it was fitted on."""
    return MODELS[request.param]()


@pytest.fixture
def model(fitted):
    return fitted[0]


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


BATCHES |= {
    f"{name}, all ASCII": lambda frame, of=make: _ascii(of(frame)) for name, make in BATCHES.items()
}
REFUSED = {
    "texts": lambda frame: frame.assign(kind=frame["kind"].astype(object)),
    "numbers with categories": lambda frame: frame.assign(count=frame["count"].astype("category")),
    "no categories at all": lambda frame: frame.assign(zone=frame["zone"].astype(int)),
    "fewer columns": lambda frame: frame.drop(columns="size"),
    "an array": lambda frame: frame.to_numpy(),
    "categories that are no texts": lambda frame: frame.assign(kind=frame["zone"]),
    "integers of another width": lambda frame: frame.assign(
        zone=frame["zone"].astype("int32").astype("category")
    ),
    "positions": lambda frame: frame.assign(kind=frame["kind"].cat.codes),
    "infinity": lambda frame: frame.assign(size=np.inf),
}


@pytest.mark.parametrize("name", [*BATCHES, *REFUSED])
def test_batches_are_answered_as_by_the_model(model, name):
    compiled = compile_pipeline(model)
    assert all(step.compiled for step in compiled.explain())
    rows = (BATCHES | REFUSED)[name](X)
    for method in ("predict", "predict_proba"):
        if hasattr(model, method):
            expected, found = (outcome(getattr(it, method), rows) for it in (model, compiled))
            near = {} if name in REFUSED else {"rtol": 0, "atol": 0}
            assert_alike(found, expected, **near)


def test_answers_of_a_batch_are_not_the_models_own(fitted, monkeypatch):
    model, rows = fitted
    expected, compiled = model.predict(rows), compile_pipeline(model)
    monkeypatch.setattr(type(model), "predict", None)
    np.testing.assert_array_equal(compiled.predict(rows), expected)


def test_one_row_is_answered_in_every_form(fitted):
    model, rows = fitted
    compiled = pickle.loads(pickle.dumps(compile_pipeline(model)))
    cut_off = "grün" in rows["kind"].cat.categories and isinstance(model, XGBRegressor)
    for at in range(40):
        frame = rows[at : at + 1]
        expected = model.predict(frame)[0]
        assert compiled.predict_one(frame) == expected
        row = frame.iloc[0].to_dict()
        if row["kind"] == "red" and cut_off:
            with pytest.raises(ValueError, match="kind"):
                compiled.predict_one(row)
            continue
        for form in (row, list(row.values()), row | {"zone": float(row["zone"])}):
            assert compiled.predict_one(form) == expected
    missing = rows[:1].assign(kind=rows["kind"][:1].where([False]))
    expected, row = model.predict(missing)[0], rows.iloc[0].to_dict()
    for value in (None, np.nan):
        assert compiled.predict_one(row | {"kind": value}) == expected
    unknown = rows[:1].assign(kind=pd.Categorical(["violet"]))
    if isinstance(model, (LGBMClassifier, LGBMRegressor)):
        assert compiled.predict_one(row | {"kind": "violet"}) == model.predict(unknown)[0]
        return
    for twin in (compiled.predict_one, model.predict):
        with pytest.raises(XGBoostError, match="categor"):
            twin(unknown)
    with pytest.raises(ValueError, match="kind"):
        compiled.predict_one(row | {"kind": "violet"})


def test_codes_of_a_step_before_are_categories():
    frame = X[["kind", "level", "size"]].astype({"kind": object, "level": object})
    encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=9)
    features = make_column_transformer((encoder, ["kind", "level"]), remainder="passthrough")
    model = XGBRegressor(feature_types=["c", "c", "q"], **OF_SETS)
    pipeline = make_pipeline(features, model).fit(frame, SCORE)
    compiled = compile_pipeline(pipeline)
    assert all(step.compiled for step in compiled.explain())
    rows = pd.concat((frame, frame.assign(kind="violet"), frame.assign(kind=None)))
    np.testing.assert_array_equal(compiled.predict(rows), pipeline.predict(rows))
    for at in range(0, len(rows), 60):
        expected = pipeline.predict(rows[at : at + 1])[0]
        assert compiled.predict_one(rows.iloc[at].to_dict()) == expected


@pytest.mark.parametrize("code", [-1.0, -0.5, 0.5, 3.0, 4.0, 63.0, 64.0, 2.0**25, np.nan])
def test_codes_that_are_none_go_where_the_library_sends_them(code):
    rng = np.random.default_rng(0)
    codes = np.column_stack((rng.integers(0, 4, 500), rng.normal(size=500)))
    codes[::9, 0] = np.nan
    y = (codes[:, 0] % 2 == 1) + codes[:, 1]
    model = XGBRegressor(feature_types=["c", "q"], **OF_SETS).fit(codes, y)
    compiled = compile_pipeline(model)
    assert compiled.explain()[0].compiled
    codes[:, 0] = code
    np.testing.assert_array_equal(compiled.predict(codes), model.predict(codes))
    assert compiled.predict_one(codes[3]) == model.predict(codes[3:4])[0]


CATEGORIES = ["kind", "zone", "same", "level"]
OBJECTS = X.astype(dict.fromkeys(CATEGORIES, object))


def _to_categories(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.astype(dict.fromkeys(CATEGORIES, "category"))


def _scaled():
    scaled = make_column_transformer(
        (make_pipeline(SimpleImputer(), StandardScaler()), ["size", "count"]),
        remainder="passthrough",
    )
    return scaled.set_output(transform="pandas")


BEFORE = {
    "columns that pass": (_scaled, X),
    "columns that pass among others": (
        lambda: make_column_transformer(
            ("passthrough", ["kind", "zone"]),
            (OrdinalEncoder(), ["same"]),
            ("passthrough", ["level", "size"]),
        ).set_output(transform="pandas"),
        X,
    ),
    "a function that makes categories": (lambda: FunctionTransformer(_to_categories), OBJECTS),
    "a function, and columns that pass": (
        lambda: make_pipeline(FunctionTransformer(_to_categories), _scaled()),
        OBJECTS,
    ),
    "a function of columns": (
        lambda: FunctionTransformer(lambda frame: frame[["size", "kind", "level"]]),
        X,
    ),
}


@pytest.mark.parametrize("make", [LGBMRegressor, XGBRegressor])
@pytest.mark.parametrize("before", BEFORE)
def test_steps_before_pass_categories_on(make, before, monkeypatch):
    features, rows = BEFORE[before]
    rows = (
        rows.assign(kind=rows["kind"].replace("grün", "grey")) if rows is OBJECTS else _ascii(rows)
    )
    model = LGBMRegressor(**QUICK, verbose=-1) if make is LGBMRegressor else XGBRegressor(**OF_SETS)
    pipeline = make_pipeline(features(), model).fit(rows, SCORE)
    compiled = compile_pipeline(pipeline)
    assert compiled.explain()[-1].compiled
    batches = [rows, rows[::-3], rows[:1], rows.assign(kind=rows["kind"].where(rows["size"] > 0))]
    batches.append(rows.assign(level=rows["level"].astype(object).where([False] * len(rows))))
    new = [9] * len(rows) if rows is OBJECTS else pd.Categorical([9] * len(rows))
    batches += [rows.assign(zone=new), rows.drop(columns="size")]
    expected = [outcome(pipeline.predict, batch) for batch in batches]
    for batch, values in zip(batches, expected, strict=True):
        assert_alike(outcome(compiled.predict, batch), values, rtol=0, atol=0)
    for at in range(60):
        row = rows[at : at + 1]
        alone = outcome(pipeline.predict, row)
        if isinstance(alone, type):  # what is missing has no category of one row's own
            assert outcome(compiled.predict_one, row) is alone
        else:
            assert compiled.predict_one(row) == alone[0]
            if before.startswith("columns"):
                assert compiled.predict_one(row.iloc[0].to_dict()) == alone[0]
    monkeypatch.setattr(make, "predict", None)
    np.testing.assert_array_equal(compiled.predict(rows), expected[0])


def test_texts_that_the_library_takes_for_one_another_are_so_here():
    kinds = ["a", "é", "x", "è", "y"]  # of é and è, the first byte is the same
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"kind": pd.Categorical(rng.choice(kinds, 400), categories=kinds)})
    frame["size"] = rng.normal(size=400)
    model = XGBRegressor(**OF_SETS).fit(frame, frame["kind"].cat.codes + frame["size"])
    compiled = compile_pipeline(model)
    assert compiled.explain()[0].compiled
    np.testing.assert_array_equal(compiled.predict(frame), model.predict(frame))
    for at in range(10):
        assert compiled.predict_one(frame[at : at + 1]) == model.predict(frame[at : at + 1])[0]


@pytest.mark.parametrize(
    "fit",
    [
        lambda: LGBMClassifier(**QUICK, verbose=-1).fit(
            X, SCORE > 1, categorical_feature=["count", "kind", "zone", "same"]
        ),
        lambda: LGBMClassifier(**QUICK, verbose=-1).fit(
            X.assign(kind=(X["size"] > 0).astype("category")), SCORE > 1
        ),
        lambda: LGBMClassifier(**QUICK, verbose=-1).fit(
            X.assign(level=X["level"].cat.as_ordered(), flag=(X["size"] > 0).astype(int)), SCORE > 1
        ),
    ],
    ids=["columns that are named", "booleans", "in an order, beside what may be in one"],
)
def test_other_categories_are_left_to_the_model(fit):
    model = fit()
    compiled = compile_pipeline(model)
    assert not compiled.explain()[0].compiled
    rows = X.assign(kind=(X["size"] > 0).astype("category"))
    if "flag" in model.feature_name_:
        rows = X.assign(level=X["level"].cat.as_ordered(), flag=(X["size"] > 0).astype(int))
    expected = outcome(model.predict_proba, rows)
    assert_alike(outcome(compiled.predict_proba, rows), expected, rtol=0, atol=0)


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
