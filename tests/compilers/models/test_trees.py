"""Compiled models of trees: what they refuse, and what holds for all of them."""

import os
import pickle
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from lightgbm import LGBMClassifier, LGBMRegressor
from sklearn.ensemble import (
    AdaBoostClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import OrdinalEncoder
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor
from tree_cases import (
    FULL,
    LABELS,
    MODELS,
    N_FEATURES,
    N_ROWS,
    QUICK,
    TARGET,
    X,
    compiled,
    fitted,
    raw_of,
)

from skwillump import compile_pipeline
from skwillump.compilers import InputUnsupported, TreeModel, Unsupported, compile_model


@pytest.mark.parametrize("name", MODELS)
def test_no_rows_one_row_threads_and_pickles(name):
    model = compiled(name)
    assert model.raw(np.zeros((0, N_FEATURES))).shape == (0, model.n_outputs)
    assert np.array_equal(model.intercept, np.zeros(model.n_outputs))
    rows = np.tile(FULL, (23, 1))  # more than two chunks
    before = rows.copy()
    scores = model.raw(rows)
    assert np.array_equal(scores[:N_ROWS], scores[-N_ROWS:])
    assert np.array_equal(model.raw(rows[:1]), scores[:1])
    copy = pickle.loads(pickle.dumps(model))
    for n_threads in (2, 5):
        assert np.array_equal(model.raw(rows, n_threads=n_threads), scores)
        assert np.array_equal(copy.raw(rows, n_threads=n_threads), scores)
    assert np.array_equal(copy.raw_one(rows[0]), scores[0])
    assert np.array_equal(rows, before)


@pytest.mark.parametrize(
    ("name", "refused"),
    [
        ("forest", (np.inf, -np.inf, 1e39)),
        ("boosting", (np.nan, np.inf, 1e39)),
        ("histogram categorical", (np.inf,)),
    ],
)
@pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning")  # scikit-learn's
def test_values_that_the_original_refuses_go_to_it(name, refused):
    for value in refused:
        rows = FULL[:20].copy()
        rows[7, 4] = value
        with pytest.raises(ValueError, match="contains"):
            fitted(name).predict(rows)
        with pytest.raises(InputUnsupported, match="missing, infinite"):
            compiled(name).raw(rows)
        with pytest.raises(InputUnsupported, match="missing, infinite"):
            compiled(name).raw_one(rows[7])


class Mine(RandomForestClassifier):
    def predict(self, X):
        return super().predict(X)[::-1]


def unsupported():
    frame = pd.DataFrame(X, columns=list("abcde"))
    frame["e"] = pd.Categorical(frame["e"].map(str))
    custom = LGBMClassifier(
        objective=lambda y, p: (1 / (1 + np.exp(-p)) - y, np.full_like(y, 0.25)), **QUICK
    )
    hist = HistGradientBoostingClassifier(max_iter=2, categorical_features=["e"])
    start = GradientBoostingClassifier(n_estimators=2, init=LogisticRegression())
    return [
        (LGBMRegressor(linear_tree=True, **QUICK).fit(FULL, TARGET), "linear_tree"),
        (LGBMClassifier(pred_early_stop=True, **QUICK).fit(X, LABELS[2]), "pred_early_stop"),
        (custom.fit(X, LABELS[2]), "objective of your own"),
        (hist.fit(frame, LABELS[2]), "another kind"),
        (start.fit(FULL, LABELS[2]), "init="),
        (AdaBoostClassifier(LogisticRegression()).fit(FULL, LABELS[2]), "no tree"),
        (Mine(2).fit(X, LABELS[2]), "no compiler for Mine"),
    ]


@pytest.mark.filterwarnings("ignore")  # of LightGBM, about its parameters
def test_what_is_not_supported_says_why():
    for model, reason in unsupported():
        with pytest.raises(Unsupported, match=reason):
            compile_model(model, TreeModel)
    replaced = RandomForestClassifier(2).fit(X, LABELS[2])
    replaced.predict = lambda rows: rows
    with pytest.raises(Unsupported, match="replaced"):
        compile_model(replaced, TreeModel)


@pytest.mark.parametrize(
    "model",
    [
        DecisionTreeClassifier(),
        RandomForestClassifier(2),
        HistGradientBoostingClassifier(max_iter=1),
    ],
    ids=lambda model: type(model).__name__,
)
def test_models_that_were_fitted_on_one_class_answer_as_scikit_learns(model):
    model = model.fit(FULL, np.array(["no"] * len(FULL)))
    compiled = compile_pipeline(model)
    assert "one class" in compiled.explain()[-1].reason
    np.testing.assert_array_equal(compiled.predict(FULL), model.predict(FULL))
    np.testing.assert_array_equal(compiled.predict_proba(FULL), model.predict_proba(FULL))
    assert compiled.predict_one(FULL[0]) == "no"
    np.testing.assert_array_equal(
        compiled.predict_proba_one(FULL[0]), model.predict_proba(FULL[:1])[0]
    )


DATA = Path(os.environ.get("SKWILLUMP_DATA", "."))
needs_data = pytest.mark.skipif(
    not (DATA / "adult.csv.gz").exists(), reason="SKWILLUMP_DATA is not set"
)


@cache
def real(name, target):
    frame = pd.read_csv(DATA / f"{name}.csv.gz").drop(columns="split", errors="ignore")
    y = pd.factorize(frame.pop(target))[0]
    words = [c for c in frame if not pd.api.types.is_numeric_dtype(frame[c])]
    if words:
        frame[words] = OrdinalEncoder().fit_transform(frame[words])
    return frame.to_numpy(dtype=np.float64), y, [frame.columns.get_loc(c) for c in words]


@needs_data
@pytest.mark.parametrize("table", [("adult", "income"), ("credit", "default")], ids=str)
def test_real_tables(table):
    rows, y, words = real(*table)
    train, test = slice(0, 6000), slice(6000, 12_000)
    some = {"max_features": 0.5, "random_state": 0}
    for model, options in (
        (LGBMClassifier(n_estimators=20, verbose=-1, n_jobs=1), {}),
        (LGBMClassifier(n_estimators=20, verbose=-1, n_jobs=1), {"categorical_feature": words}),
        (RandomForestClassifier(10, random_state=0), {}),
        (GradientBoostingClassifier(n_estimators=8, **some), {}),
        (HistGradientBoostingClassifier(max_iter=10, random_state=0), {}),
    ):
        model.fit(rows[train], y[train], **options)
        twin = compile_model(model, TreeModel)
        assert isinstance(twin, TreeModel)
        scores = twin.raw(rows[test])
        assert np.array_equal(scores, raw_of(model, rows[test]))
        assert np.array_equal(twin.predict(scores), model.predict(rows[test]))
        np.testing.assert_allclose(
            twin.predict_proba(scores), model.predict_proba(rows[test]), rtol=1e-12, atol=1e-300
        )


@pytest.mark.parametrize("n_features", [5, 300])
@pytest.mark.parametrize("num_leaves", [6, 90])
def test_a_table_of_which_trees_read_few_columns(n_features, num_leaves):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(700, n_features))
    X[rng.random(X.shape) < 0.1] = np.nan
    y = np.nan_to_num(X[:, 0] + X[:, 1] * X[:, -1])
    model = LGBMRegressor(n_estimators=3, num_leaves=num_leaves, n_jobs=1, verbose=-1)
    # The other features are constant in fit, so that no tree reads them.
    seen = np.where(np.isin(np.arange(n_features), [0, 1, n_features - 1]), X, 0.0)
    model.fit(seen, y)
    compiled = compile_model(model, TreeModel)
    assert len(compiled.trees.columns) < 12
    np.testing.assert_array_equal(compiled.predict(compiled.raw(X)), model.predict(X))


@pytest.mark.parametrize(
    "of", [np.asfortranarray, np.float32, np.ascontiguousarray], ids=["columns", "float32", "rows"]
)
@pytest.mark.parametrize("depth", [2, 6])
def test_a_tree_that_looks_at_few_of_many_columns_is_left_to_the_original(of, depth, monkeypatch):
    rng = np.random.default_rng(0)
    X = of(rng.normal(size=(1000, 200)))
    y = np.asarray(X[:, :5]).sum(axis=1)
    model = DecisionTreeRegressor(max_depth=depth, random_state=0).fit(X, y)
    compiled = compile_pipeline(model)
    assert compiled.explain()[0].compiled
    np.testing.assert_array_equal(compiled.predict(X), model.predict(X))
    np.testing.assert_array_equal(compiled.predict(X[:50]), model.predict(X[:50]))
    assert compiled.predict_one(X[3]) == model.predict(X[3:4])[0]
    infinite = X.copy(order="K")
    infinite[7, 190] = np.inf
    with pytest.raises(ValueError, match="infinity"):
        compiled.predict(infinite)
    asked = []
    plain = DecisionTreeRegressor.predict
    monkeypatch.setattr(
        DecisionTreeRegressor, "predict", lambda *args: asked.append(1) or plain(*args)
    )
    compiled.predict(X)
    # Of rows, the few columns of a small tree are read one by one.
    assert bool(asked) is not (of is np.ascontiguousarray and depth == 2)
