"""Models of trees, rows for them, and the comparison of their twins with them."""

import warnings
from functools import cache

import numpy as np
from hypothesis import settings, strategies as st
from hypothesis.extra.numpy import arrays
from lightgbm import LGBMClassifier, LGBMRanker, LGBMRegressor
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.tree import (
    DecisionTreeClassifier,
    DecisionTreeRegressor,
    ExtraTreeClassifier,
    ExtraTreeRegressor,
)

from skwillump.compilers import TreeModel, compile_model

GENERATOR = np.random.default_rng(0)
N_ROWS, N_FEATURES = 400, 5
# Numbers with missing values, numbers with many zeros, small and large categories.
X = GENERATOR.normal(size=(N_ROWS, N_FEATURES))
X[GENERATOR.random(N_ROWS) < 0.4, 1] = 0.0
X[:, 3] = GENERATOR.integers(0, 6, N_ROWS)
X[:, 4] = GENERATOR.integers(0, 90, N_ROWS)
X[GENERATOR.random(X.shape) < 0.08] = np.nan
TARGET = np.nansum(X[:, :3], axis=1) + 2.0 * np.isin(X[:, 4] % 7, (1, 3)) + (X[:, 3] == 2)
LABELS = {
    2: np.where(TARGET > 1, "yes", "no"),
    3: np.array([3, 5, 9])[np.digitize(TARGET, (0, 2))],
}
FULL = np.nan_to_num(X)
values = st.one_of(
    st.sampled_from((0.0, -0.0, 1e-36, -1e-36, 1e-35, 1e-34, -0.5, 2.0, 31.0, 64.0, 300.0, -3.0)),
    st.floats(-4, 4),
    st.integers(-2, 95).map(float),
)
"""Values on which decisions turn: near zero, at integers, beyond categories and int32."""
missing = st.just(np.nan)
extreme = st.sampled_from((np.inf, -np.inf, 3e9, -3e9, 1e300, 2.0**31, -1.0))


def with_missing_values(n_rows):
    """Rows for libraries that read missing values, and a signal of two columns; with a generator.

    The last column holds whole numbers, none of them missing.
    """
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n_rows, 5))
    X[rng.random(X.shape) < 0.1] = np.nan
    X[:, 4] = np.rint(np.nan_to_num(X[:, 4]))
    signal = np.nan_to_num(X[:, 0]) - np.nan_to_num(X[:, 1]) + 0.3 * rng.normal(size=n_rows)
    return X, signal, rng


def rows_of(*elements):
    shape = st.tuples(st.integers(1, 40), st.just(N_FEATURES))
    return arrays(np.float64, shape, elements=st.one_of(*elements))


def with_training_rows(rows):
    return np.vstack((rows, X[:30]))


@cache
def fitted(name):
    """Return a model of `MODELS`, fitted."""
    estimator, kind, options = MODELS[name]
    data = FULL if options.pop("full", False) else X
    target = {
        "r": TARGET,
        "positive": np.abs(TARGET) + 0.1,
        "rank": np.digitize(TARGET, (0, 2)),
        **LABELS,
    }[kind]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return estimator.fit(data, target, **options)


def squared_error(y, predicted):
    """An objective of the user's own."""
    return predicted - y, np.ones_like(y)


def lgbm(kind, *, fit=None, **params):
    params = {"n_estimators": 12, "num_leaves": 12, "min_child_samples": 5, **params}
    cls = {"r": LGBMRegressor, "positive": LGBMRegressor, "rank": LGBMRanker}.get(
        kind, LGBMClassifier
    )
    return cls(verbose=-1, n_jobs=1, random_state=0, **params), kind, dict(fit or {})


CATEGORICAL = {"categorical_feature": [3, 4]}
BAGGED = {"boosting_type": "rf", "subsample": 0.5, "subsample_freq": 1}
LIGHTGBM = {
    "two": lgbm(2),
    "three": lgbm(3),
    "regression": lgbm("r"),
    "rank": lgbm("rank", fit={"group": [100] * 4}),
    "categorical": lgbm(2, fit=CATEGORICAL),
    "categorical three": lgbm(3, fit=CATEGORICAL, cat_smooth=1, max_cat_to_onehot=2),
    "many leaves": lgbm(2, fit=CATEGORICAL, num_leaves=120, min_child_samples=1),
    "dart": lgbm(2, boosting_type="dart", drop_rate=0.5),
    "rf": lgbm(3, **BAGGED),
    "rf regression": lgbm("r", **BAGGED),
    "goss": lgbm("r", data_sample_strategy="goss"),
    "zero is missing": lgbm(2, zero_as_missing=True),
    "nothing is missing": lgbm(2, use_missing=False),
    "sigmoid": lgbm(2, sigmoid=2.5),
    "multiclassova": lgbm(3, objective="multiclassova", sigmoid=1.5),
    "multiclass of two": lgbm(2, objective="multiclass", num_class=2),
    "cross entropy": lgbm(2, objective="cross_entropy"),
    "sqrt": lgbm("r", reg_sqrt=True),
    "poisson": lgbm("positive", objective="poisson"),
    "gamma": lgbm("positive", objective="gamma"),
    "tweedie": lgbm("positive", objective="tweedie"),
    "l1": lgbm("r", objective="regression_l1"),
    "huber": lgbm("r", objective="huber"),
    "fair": lgbm("r", objective="fair"),
    "quantile": lgbm("r", objective="quantile", alpha=0.9),
    "mape": lgbm("r", objective="mape"),
    "custom": lgbm("r", objective=squared_error),
    "stumps": lgbm(2, min_child_samples=10_000),
}
LIGHTGBM = {f"LightGBM {name}": case for name, case in LIGHTGBM.items()}
SMALL = {"n_estimators": 7, "random_state": 0}
FORESTS = {
    "tree": (DecisionTreeClassifier(random_state=0), 3, {}),
    "tree of two": (DecisionTreeClassifier(max_depth=4), 2, {}),
    "tree regression": (DecisionTreeRegressor(random_state=0), "r", {}),
    "extra tree": (ExtraTreeClassifier(random_state=0), 2, {}),
    "extra tree regression": (ExtraTreeRegressor(random_state=0), "r", {}),
    "forest": (RandomForestClassifier(**SMALL), 3, {}),
    "forest of shallow trees": (RandomForestClassifier(max_depth=3, **SMALL), 2, {}),
    "forest regression": (RandomForestRegressor(**SMALL), "r", {}),
    "shallow forest regression": (RandomForestRegressor(max_depth=3, **SMALL), "r", {}),
    "extra trees": (ExtraTreesClassifier(**SMALL), 2, {}),
    "extra trees regression": (ExtraTreesRegressor(**SMALL), "r", {}),
}
GRADIENT_BOOSTING = {
    "boosting": (GradientBoostingClassifier(**SMALL), 2, {"full": True}),
    "boosting three": (GradientBoostingClassifier(**SMALL), 3, {"full": True}),
    "exponential": (GradientBoostingClassifier(loss="exponential", **SMALL), 2, {"full": True}),
    "boosting from zero": (GradientBoostingClassifier(init="zero", **SMALL), 2, {"full": True}),
    "boosting regression": (GradientBoostingRegressor(**SMALL), "r", {"full": True}),
    "boosting quantile": (
        GradientBoostingRegressor(loss="quantile", **SMALL),
        "r",
        {"full": True},
    ),
}
HIST = {"max_iter": 8, "min_samples_leaf": 5, "random_state": 0}
HIST_CATEGORICAL = {**HIST, "categorical_features": [3, 4]}
HISTOGRAMS = {
    "histogram": (HistGradientBoostingClassifier(**HIST), 2, {}),
    "histogram three": (HistGradientBoostingClassifier(**HIST), 3, {}),
    "histogram stopped": (HistGradientBoostingClassifier(early_stopping=True, **HIST), 2, {}),
    "histogram regression": (HistGradientBoostingRegressor(**HIST), "r", {}),
    "histogram poisson": (HistGradientBoostingRegressor(loss="poisson", **HIST), "positive", {}),
    "histogram gamma": (HistGradientBoostingRegressor(loss="gamma", **HIST), "positive", {}),
}
HISTOGRAMS_CATEGORICAL = {
    "histogram categorical": (HistGradientBoostingClassifier(**HIST_CATEGORICAL), 3, {}),
    "histogram categorical stopped": (
        HistGradientBoostingClassifier(early_stopping=True, **HIST_CATEGORICAL),
        2,
        {},
    ),
    "histogram categorical regression": (
        HistGradientBoostingRegressor(**HIST_CATEGORICAL),
        "r",
        {},
    ),
}
MODELS = {
    **LIGHTGBM,
    **FORESTS,
    **GRADIENT_BOOSTING,
    **HISTOGRAMS,
    **HISTOGRAMS_CATEGORICAL,
}


@cache
def compiled(name):
    return compile_model(fitted(name), TreeModel)


def raw_of(original, rows):
    """What the library itself has for raw scores; None where it shows none."""
    if hasattr(original, "booster_"):
        raw = original.booster_.predict(rows, raw_score=True)
    elif hasattr(original, "decision_function"):
        raw = original.decision_function(rows)
    elif hasattr(original, "predict_proba"):
        raw = original.predict_proba(rows)
    elif getattr(original, "loss", None) in ("poisson", "gamma"):
        return None
    else:
        raw = original.predict(rows)
    return np.reshape(raw, (len(rows), -1))


def check(name, rows):
    """Compare all that the model answers for rows."""
    model, original = compiled(name), fitted(name)
    scores = model.raw(rows)
    expected = raw_of(original, rows)
    if expected is not None:
        assert np.array_equal(scores, expected)
    ones = np.array([model.raw_one(row) for row in rows])
    assert np.array_equal(ones, scores)
    doubtful = set(model.doubtful(scores).tolist())
    certain = [row for row in range(len(rows)) if row not in doubtful]
    predicted, wanted = model.predict(scores), original.predict(rows)
    assert predicted.dtype == wanted.dtype
    assert predicted.shape == wanted.shape
    single = [model.predict_one(row) for row in scores]
    if model.classes is None:
        np.testing.assert_allclose(predicted, wanted, rtol=1e-12, atol=0)
        np.testing.assert_allclose(single, wanted, rtol=1e-12, atol=0)
        return
    assert np.array_equal(predicted[certain], wanted[certain])
    assert all(single[row] == wanted[row] for row in certain)
    assert all(single[row] is None for row in doubtful)
    for method in ("predict_proba", "predict_log_proba", "decision_function"):
        assert model.gives(method) == hasattr(original, method)
        if model.gives(method):
            with np.errstate(divide="ignore"):  # the logarithm of zero, for both
                wanted = getattr(original, method)(rows)
                actual = getattr(model, method)(scores)
            assert actual.shape == wanted.shape
            np.testing.assert_allclose(actual, wanted, rtol=1e-12, atol=1e-300)
    one = [model.predict_proba_one(row) for row in scores]
    np.testing.assert_allclose(one, original.predict_proba(rows), rtol=1e-12, atol=1e-300)


FEW = settings(max_examples=15)
QUICK = {"n_estimators": 2, "verbose": -1, "n_jobs": 1}


def assert_answers_of_the_library(model, compiled, batches, *, tolerance, probabilities):
    """Check labels, values and probabilities of batches, and of the first rows one by one.

    `tolerance` and `probabilities` are the arguments of `assert_allclose` for what is no label.
    """
    assert compiled.explain()[-1].compiled
    for rows in batches:
        expected, got = model.predict(rows), compiled.predict(rows)
        assert (got.dtype, got.shape) == (expected.dtype, expected.shape)
        assert_same_or_close(got, expected, tolerance)
    first = batches[0]
    for row, expected in zip(first[:20], model.predict(first[:20]), strict=True):
        one = compiled.predict_one(row)
        assert np.shape(one) == np.shape(expected)
        assert_same_or_close(np.asarray(one), np.asarray(expected), tolerance)
    for method in ("predict_proba", "predict_log_proba"):
        if hasattr(model, method):
            expected = getattr(model, method)(first)
            got = getattr(compiled, method)(first)
            assert got.dtype == expected.dtype
            np.testing.assert_allclose(got, expected, **probabilities)
    if hasattr(model, "predict_proba"):
        expected = model.predict_proba(first[3:4])[0]
        np.testing.assert_allclose(compiled.predict_proba_one(first[3]), expected, **probabilities)


def assert_same_or_close(got, expected, tolerance):
    if expected.dtype.kind == "f":
        np.testing.assert_allclose(got, expected, **tolerance)
    else:
        np.testing.assert_array_equal(got, expected)
