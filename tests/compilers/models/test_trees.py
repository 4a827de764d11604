"""Models of trees answer as their libraries do: raw scores to the last bit."""

import os
import pickle
import warnings
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import strategies  # noqa: F401 (sets the profile)
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from lightgbm import LGBMClassifier, LGBMRanker, LGBMRegressor
from scipy import sparse
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    AdaBoostClassifier,
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler
from sklearn.tree import (
    DecisionTreeClassifier,
    DecisionTreeRegressor,
    ExtraTreeClassifier,
    ExtraTreeRegressor,
)

from skwillump import compile_pipeline
from skwillump.compilers import (
    InputUnsupported,
    ModelInput,
    TreeModel,
    Unsupported,
    compile_model,
    compile_step,
)

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

#: Values on which decisions turn: near zero, at integers, beyond categories and int32.
values = st.one_of(
    st.sampled_from((0.0, -0.0, 1e-36, -1e-36, 1e-35, 1e-34, -0.5, 2.0, 31.0, 64.0, 300.0, -3.0)),
    st.floats(-4, 4),
    st.integers(-2, 95).map(float),
)
missing = st.just(np.nan)
extreme = st.sampled_from((np.inf, -np.inf, 3e9, -3e9, 1e300, 2.0**31, -1.0))


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
            with np.errstate(divide="ignore"):
                wanted = getattr(original, method)(rows)
            actual = getattr(model, method)(scores)
            assert actual.shape == wanted.shape
            np.testing.assert_allclose(actual, wanted, rtol=1e-12, atol=1e-300)
    one = [model.predict_proba_one(row) for row in scores]
    np.testing.assert_allclose(one, original.predict_proba(rows), rtol=1e-12, atol=1e-300)


FEW = settings(max_examples=15)


@pytest.mark.parametrize("name", LIGHTGBM)
@FEW
@given(rows=rows_of(values, missing, extreme))
def test_lightgbm(name, rows):
    check(name, with_training_rows(rows))


@pytest.mark.parametrize("name", FORESTS)
@FEW
@given(rows=rows_of(values, missing))
def test_trees_and_forests(name, rows):
    check(name, with_training_rows(rows))


@pytest.mark.parametrize("name", GRADIENT_BOOSTING)
@FEW
@given(rows=rows_of(values))
def test_gradient_boosting(name, rows):
    check(name, np.nan_to_num(with_training_rows(rows)))


@pytest.mark.parametrize("name", HISTOGRAMS)
@FEW
@given(rows=rows_of(values, missing, extreme))
def test_histogram_boosting(name, rows):
    check(name, with_training_rows(rows))


@pytest.mark.parametrize("name", HISTOGRAMS_CATEGORICAL)
@FEW
@given(rows=rows_of(values, missing))
def test_histogram_boosting_with_categories(name, rows):
    check(name, with_training_rows(rows))


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


def test_lightgbm_stops_where_its_predict_does():
    model = LGBMClassifier(n_estimators=10, verbose=-1, n_jobs=1).fit(X, LABELS[3])
    model.booster_.best_iteration = 4  # what early stopping sets
    twin = compile_model(model, TreeModel)
    assert twin.n_rounds == 4
    assert np.array_equal(twin.raw(X), model.booster_.predict(X, raw_score=True))
    np.testing.assert_allclose(twin.predict_proba(twin.raw(X)), model.predict_proba(X), rtol=1e-12)


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


def test_features_of_another_number_are_not_read():
    model = compiled("LightGBM two")
    with pytest.raises(InputUnsupported, match="shape"):
        model.raw(np.zeros((3, N_FEATURES + 1)))
    with pytest.raises(InputUnsupported, match="shape"):
        model.raw_one(np.zeros(N_FEATURES - 1))


def test_ties():
    stumps = compiled("LightGBM stumps")
    assert len(np.unique(stumps.raw(X))) == 1
    boosted = compiled("LightGBM two")
    scores = np.array([[0.0], [1e-12], [-1e-12], [1.0], [np.nan]])
    assert boosted.doubtful(scores).tolist() == [1, 2, 4]
    assert boosted.predict_one(scores[0]) == "no"  # of two equal probabilities the first
    assert compiled("boosting").predict_one(scores[0]) == "yes"
    assert compiled("histogram").predict_one(scores[0]) == "no"
    three = compiled("LightGBM three")
    scores = np.array([[1.0, 1.0, 0.0], [1.0, 1.0 + 1e-12, 0.0], [1.0, 2.0, 0.0]])
    assert three.doubtful(scores).tolist() == [1]
    # Sums in no order are in doubt where they are near, unless they are sums of whole numbers.
    # Pure leaves hold whole numbers; those of shallow trees do not.
    shallow = RandomForestClassifier(5, max_depth=2, n_jobs=2, random_state=0).fit(X, LABELS[3])
    assert compile_model(shallow, TreeModel).doubtful(scores).tolist() == [0, 1]
    pure = RandomForestClassifier(5, n_jobs=2, random_state=0).fit(X, LABELS[2])
    assert not len(compile_model(pure, TreeModel).doubtful(scores[:, :2]))


class Mine(RandomForestClassifier):
    pass


def unsupported():
    frame = pd.DataFrame(X, columns=list("abcde"))
    frame["e"] = pd.Categorical(frame["e"].map(str))
    custom = LGBMClassifier(
        objective=lambda y, p: (1 / (1 + np.exp(-p)) - y, np.full_like(y, 0.25)), **QUICK
    )
    several = np.column_stack((TARGET, TARGET))
    hist = HistGradientBoostingClassifier(max_iter=2, categorical_features=["e"])
    start = GradientBoostingClassifier(n_estimators=2, init=LogisticRegression())
    return [
        (LGBMRegressor(linear_tree=True, **QUICK).fit(FULL, TARGET), "linear_tree"),
        (LGBMClassifier(pred_early_stop=True, **QUICK).fit(X, LABELS[2]), "pred_early_stop"),
        (LGBMClassifier(**QUICK).fit(frame, LABELS[2]), "pandas categoricals"),
        (custom.fit(X, LABELS[2]), "objective of your own"),
        (RandomForestRegressor(2).fit(X, several), "several outputs"),
        (hist.fit(frame, LABELS[2]), "no numbers"),
        (start.fit(FULL, LABELS[2]), "init="),
        (AdaBoostClassifier(n_estimators=2).fit(FULL, LABELS[2]), "no compiler for Ada"),
        (Mine(2).fit(X, LABELS[2]), "no compiler for Mine"),
    ]


QUICK = {"n_estimators": 2, "verbose": -1, "n_jobs": 1}


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


# Behind steps


def test_a_scorer_reads_what_the_step_makes():
    scaler = StandardScaler().fit(X)
    features = scaler.transform(X)
    for estimator in (LGBMClassifier(**QUICK), RandomForestClassifier(3)):
        original = estimator.fit(features, LABELS[2])
        model = compile_model(original, TreeModel)
        scorer = model.bind(compile_step(scaler))
        scorer.warm_up()
        expected = model.raw(features)
        assert scorer.n_outputs == model.n_outputs
        assert np.array_equal(scorer.scores(X), expected)
        rows = np.array([5, 3, 250])
        assert np.array_equal(scorer.scores(X, rows, n_threads=2), expected[rows])
        assert np.array_equal(scorer.score_one(X[9]), expected[9])
    with pytest.raises(Unsupported, match="features"):
        compile_model(fitted("forest"), TreeModel).bind(
            compile_step(StandardScaler().fit(X[:, :2]))
        )


def test_a_model_alone_reads_its_columns():
    model = compiled("forest")
    scorer = model.bind(ModelInput.of(fitted("forest")))
    assert np.array_equal(scorer.scores(X), model.raw(X))
    assert np.array_equal(scorer.score_one(X[0]), model.raw(X[:1])[0])
    matrix = sparse.csr_array(FULL)
    assert np.array_equal(scorer.scores(matrix), fitted("forest").predict_proba(matrix))
    matrix = sparse.csr_array(X)  # missing values are for dense arrays only
    with pytest.raises(ValueError, match="NaN"):
        fitted("forest").predict(matrix)
    with pytest.raises(InputUnsupported, match="missing"):
        scorer.scores(matrix)
    histogram = compiled("histogram")
    with pytest.raises(TypeError, match=r"[Ss]parse"):
        fitted("histogram").predict(matrix)
    with pytest.raises(InputUnsupported, match="sparse"):
        histogram.bind(ModelInput.of(fitted("histogram"))).scores(matrix)


def test_lightgbm_judges_other_sparse_matrices_than_those_without_repeated_entries():
    model = fitted("LightGBM two")
    scorer = compiled("LightGBM two").bind(ModelInput.of(model))
    matrix = sparse.csr_matrix(FULL)
    for some in (matrix, matrix.tocsc(), matrix.tobsr(), matrix.tolil()):
        raw = model.predict_proba(matrix, raw_score=True)
        assert np.array_equal(scorer.scores(some)[:, 0], raw)
    with pytest.raises(TypeError, match="int64"):
        model.predict(matrix.astype(np.int64))
    with pytest.raises(InputUnsupported, match="int64"):
        scorer.scores(matrix.astype(np.int64))
    # Of several entries in one place LightGBM takes the last, others their sum.
    columns, data = np.tile([0, 0, 2], N_ROWS), FULL[:, [0, 1, 2]].ravel()
    repeated = sparse.csr_matrix(
        (data, columns, np.arange(0, len(data) + 1, 3)), shape=(N_ROWS, N_FEATURES)
    )
    last = repeated.toarray()
    last[:, 0] = FULL[:, 1]
    assert np.array_equal(model.predict_proba(repeated), model.predict_proba(last))
    for some in (repeated, repeated.tocsc()):
        with pytest.raises(InputUnsupported, match="twice"):
            scorer.scores(some)
    forest = fitted("forest")
    scorer = compiled("forest").bind(ModelInput.of(forest))
    assert np.array_equal(scorer.scores(repeated), forest.predict_proba(repeated))


def test_missing_values_in_sparse_features_go_to_the_original():
    frame = pd.DataFrame({"a": FULL[:, 0], "b": np.arange(N_ROWS) % 40})
    columns = ColumnTransformer(
        [("hot", OneHotEncoder(), ["b"]), ("keep", "passthrough", ["a"])]
    ).fit(frame)
    features = columns.transform(frame)
    assert sparse.issparse(features)
    model = compile_model(RandomForestClassifier(3).fit(features, LABELS[2]), TreeModel)
    scorer = model.bind(compile_step(columns))
    assert np.array_equal(scorer.scores(frame), model.raw(features.toarray()))
    frame.loc[4, "a"] = np.nan
    with pytest.raises(InputUnsupported, match="missing"):
        scorer.scores(frame)


def test_features_of_unknown_dtype_go_to_the_original():
    class Rounded(StandardScaler):
        def transform(self, rows, copy=None):
            return np.rint(rows).astype(np.int64)

    step = compile_step(Rounded().fit(FULL))
    model = compiled("LightGBM two")
    with pytest.raises(InputUnsupported, match="floats"):
        model.bind(step).scores(FULL)

    class Own(StandardScaler):
        pass

    scaler = Own().fit(FULL)
    scorer = model.bind(compile_step(scaler))
    rows = np.array([1, 0])
    assert np.array_equal(scorer.scores(FULL, rows), model.raw(scaler.transform(FULL))[rows])
    with pytest.raises(InputUnsupported):
        scorer.score_one(FULL[0])


# Real data

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
