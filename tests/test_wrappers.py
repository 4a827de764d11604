"""Wrappers are seen through: searches, thresholds, calibration, ensembles of pipelines."""

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
from answers import assert_alike, assert_batch_alike, assert_rows_alike, single_rows, whole_twin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor, make_column_transformer
from sklearn.ensemble import (
    RandomForestClassifier,
    StackingClassifier,
    StackingRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge, SGDClassifier
from sklearn.model_selection import (
    FixedThresholdClassifier,
    GridSearchCV,
    RandomizedSearchCV,
    TunedThresholdClassifierCV,
)
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import ClassifierChain, MultiOutputClassifier, MultiOutputRegressor
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from skwillump import compile_pipeline

N = 150
TEXTS = [f"word{i % 7} number{i % 5} thing{i % 3}" for i in range(N)]
RNG = np.random.default_rng(0)
FRAME = pd.DataFrame({"kind": ["a", "b", "c"] * 50, "size": RNG.normal(size=N)})
Y = (np.arange(N) % 7 > 3).astype(int)
NAMES = np.array(["no", "yes"])[Y]
CLASSES = np.arange(N) % 3
LABELS = np.c_[Y, np.arange(N) % 2]
VALUES = np.exp(FRAME["size"].to_numpy())


def words(model=None):
    return make_pipeline(TfidfVectorizer(), LogisticRegression() if model is None else model)


def columns(model):
    encoded = make_column_transformer((OneHotEncoder(), ["kind"]), (StandardScaler(), ["size"]))
    return make_pipeline(encoded, model)


C = {"logisticregression__C": [0.5, 2.0]}

CLASSIFIERS = {
    "grid search": (GridSearchCV(words(), C, cv=2), TEXTS, Y),
    "random search": (RandomizedSearchCV(words(), C, n_iter=1, cv=2), TEXTS, NAMES),
    "frozen": (FrozenEstimator(words().fit(TEXTS, Y)), TEXTS, Y),
    "search as the last step": (
        make_pipeline(TfidfVectorizer(), GridSearchCV(LogisticRegression(), {"C": [1, 2]}, cv=2)),
        TEXTS,
        Y,
    ),
    "nested searches": (
        FixedThresholdClassifier(GridSearchCV(words(), C, cv=2), threshold=0.4),
        TEXTS,
        Y,
    ),
    "fixed threshold": (FixedThresholdClassifier(words(), threshold=0.3), TEXTS, Y),
    "threshold of a label": (
        FixedThresholdClassifier(columns(LogisticRegression()), threshold=0.6, pos_label="no"),
        FRAME,
        NAMES,
    ),
    "threshold of decision values": (
        FixedThresholdClassifier(
            words(), threshold=0.2, response_method="decision_function", pos_label=0
        ),
        TEXTS,
        Y,
    ),
    "tuned threshold": (TunedThresholdClassifierCV(words(), cv=2), TEXTS, Y),
    "calibrated by sigmoids": (CalibratedClassifierCV(words(), cv=2), TEXTS, Y),
    "calibrated by steps": (
        CalibratedClassifierCV(columns(RandomForestClassifier(5)), method="isotonic", cv=2),
        FRAME,
        CLASSES,
    ),
    "calibrated prefit": (
        CalibratedClassifierCV(FrozenEstimator(words().fit(TEXTS, Y))),
        TEXTS,
        Y,
    ),
    "soft voting": (
        VotingClassifier(
            [("a", words()), ("b", words(SGDClassifier(loss="log_loss")))], voting="soft"
        ),
        TEXTS,
        NAMES,
    ),
    "hard voting": (
        VotingClassifier(
            [("a", columns(LogisticRegression())), ("gone", "drop"), ("b", columns(GaussianNB()))]
        ),
        FRAME,
        CLASSES,
    ),
    "stacking": (
        StackingClassifier([("a", words()), ("b", words(DecisionTreeClassifier()))], cv=2),
        TEXTS,
        Y,
    ),
    "stacking that passes columns on": (
        columns(StackingClassifier([("a", LogisticRegression())], passthrough=True, cv=2)),
        FRAME,
        Y,
    ),
    "one against the rest": (OneVsRestClassifier(words()), TEXTS, CLASSES),
    "one against the rest behind features": (
        words(OneVsRestClassifier(LogisticRegression())),
        TEXTS,
        CLASSES,
    ),
    "several labels a row": (
        words(OneVsRestClassifier(SGDClassifier(loss="log_loss"))),
        TEXTS,
        LABELS,
    ),
    "several outputs": (words(MultiOutputClassifier(LogisticRegression())), TEXTS, LABELS),
    "several outputs of pipelines": (MultiOutputClassifier(words()), TEXTS, LABELS),
}

REGRESSORS = {
    "transformed target": (
        TransformedTargetRegressor(columns(Ridge()), func=np.log, inverse_func=np.exp),
        FRAME,
        VALUES,
    ),
    "scaled target": (
        TransformedTargetRegressor(columns(Ridge()), transformer=StandardScaler()),
        FRAME,
        VALUES,
    ),
    "voting": (VotingRegressor([("a", columns(Ridge())), ("b", columns(Ridge(5)))]), FRAME, VALUES),
    "stacking": (StackingRegressor([("a", columns(Ridge()))], cv=2), FRAME, VALUES),
    "several outputs": (MultiOutputRegressor(columns(Ridge())), FRAME, np.c_[VALUES, -VALUES]),
}


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_classifiers_inside_wrappers_are_compiled_with_the_same_answers(name):
    wrapper, X, y = CLASSIFIERS[name]
    compiled = compile_pipeline(wrapper.fit(X, y))
    for twin in (compiled, pickle.loads(pickle.dumps(compiled))):
        assert_batch_alike(twin, wrapper, X)
        assert_rows_alike(twin, wrapper, single_rows(X, range(0, N, 31)))
    done = {report.type for report in compiled.explain() if report.compiled}
    assert done & {"TfidfVectorizer", "OneHotEncoder"}, compiled.explain()
    assert done & {"LogisticRegression", "RandomForestClassifier", "SGDClassifier"}


@pytest.mark.parametrize("name", REGRESSORS)
def test_regressors_inside_wrappers_are_compiled_with_the_same_answers(name):
    wrapper, X, y = REGRESSORS[name]
    compiled = compile_pipeline(wrapper.fit(X, y))
    assert_batch_alike(compiled, wrapper, X)
    assert_rows_alike(compiled, wrapper, single_rows(X, range(0, N, 31)))
    assert all(report.compiled for report in compiled.explain()), compiled.explain()


def test_reasons_name_the_step_inside_its_wrapper():
    wrapper = VotingClassifier([("a", words()), ("b", words(GaussianDense()))], voting="soft")
    reports = {r.name: r for r in compile_pipeline(wrapper.fit(TEXTS, Y)).explain()}
    assert reports["a__tfidfvectorizer"].compiled
    assert reports["a__logisticregression"].compiled
    assert not reports["b__gaussiandense"].compiled
    assert "GaussianDense" in reports["b__gaussiandense"].reason


class GaussianDense(GaussianNB):
    """A model of one's own, of texts."""

    def fit(self, X, y):
        return super().fit(X.toarray(), y)

    def predict(self, X):
        return super().predict(X.toarray())

    def _joint_log_likelihood(self, X):
        return super()._joint_log_likelihood(X)

    def predict_proba(self, X):
        return super().predict_proba(X.toarray() if hasattr(X, "toarray") else X)


def test_a_positive_label_that_is_no_class_is_refused_as_in_scikit_learn():
    wrapper = FixedThresholdClassifier(words(), threshold=0.3, pos_label="yes").fit(TEXTS, Y)
    compiled = compile_pipeline(wrapper)
    for answers in (wrapper.predict, compiled.predict, lambda X: compiled.predict_one(X[0])):
        with pytest.raises(ValueError, match="pos_label=yes is not a valid label"):
            answers(TEXTS)
    np.testing.assert_allclose(compiled.predict_proba(TEXTS), wrapper.predict_proba(TEXTS))


def test_a_subclass_of_a_wrapper_runs_as_it_is():
    class Half(FixedThresholdClassifier):
        def predict(self, X):
            return super().predict(X)[::-1]

    wrapper = Half(words(), threshold=0.3).fit(TEXTS, Y)
    compiled = compile_pipeline(wrapper)
    np.testing.assert_array_equal(compiled.predict(TEXTS), wrapper.predict(TEXTS))
    assert not any(report.compiled for report in compiled.explain())


@pytest.mark.parametrize("member", ["AdaBoost", "LogisticRegression", "tree"])
def test_bagging_of_imbalanced_learn_answers_as_that_of_scikit_learn(member):
    pytest.importorskip("imblearn")
    from imblearn.ensemble import BalancedBaggingClassifier, EasyEnsembleClassifier

    ensemble = {
        "AdaBoost": EasyEnsembleClassifier(n_estimators=3, random_state=0),
        "LogisticRegression": BalancedBaggingClassifier(
            LogisticRegression(), n_estimators=3, max_features=0.5, random_state=0
        ),
        "tree": BalancedBaggingClassifier(n_estimators=3, random_state=0),
    }[member]
    model = columns(ensemble).fit(FRAME, NAMES)
    compiled = whole_twin(model)
    assert np.array_equal(compiled.predict(FRAME), model.predict(FRAME))
    expected = model.predict_proba(FRAME)
    np.testing.assert_allclose(compiled.predict_proba(FRAME), expected, rtol=1e-12)
    for at in range(5):
        one = compiled.predict_proba_one(FRAME.iloc[at].to_dict())
        np.testing.assert_allclose(one, expected[at], rtol=1e-12)


def test_a_sampler_does_nothing_once_it_is_fitted():
    pytest.importorskip("imblearn")
    from imblearn.over_sampling import RandomOverSampler
    from imblearn.pipeline import make_pipeline as make_sampled

    encoded = make_column_transformer((OneHotEncoder(), ["kind"]), (StandardScaler(), ["size"]))
    sampled = make_sampled(encoded, RandomOverSampler(random_state=0), LogisticRegression())
    sampled.fit(FRAME, Y)
    compiled = whole_twin(sampled)
    assert_batch_alike(compiled, sampled, FRAME)
    assert_rows_alike(compiled, sampled, single_rows(FRAME, range(0, N, 31)))


def test_threads_are_set_inside_wrappers_too():
    wrapper = CalibratedClassifierCV(words(), cv=2).fit(TEXTS, Y)
    compiled = compile_pipeline(wrapper)
    threaded = compile_pipeline(compiled, n_jobs=2)
    assert [twin.n_jobs for _, twin in threaded._parts.wrapped.inside] == [2, 2]
    assert [twin.n_jobs for _, twin in compiled._parts.wrapped.inside] == [None, None]
    assert_alike(threaded.predict_proba(TEXTS), wrapper.predict_proba(TEXTS))


@pytest.mark.parametrize(
    "name", ["grid search", "calibrated by sigmoids", "soft voting", "stacking"]
)
def test_fitting_a_wrapper_again_does_not_reach_its_twin(name):
    wrapper, X, y = CLASSIFIERS[name]
    wrapper.fit(X, y)
    compiled = compile_pipeline(wrapper)
    before = compiled.predict_proba(X)
    rows = [compiled.predict_one(x) for x in X[:5]]
    wrapper.fit([f"other{i % 4} words" for i in range(N)], y[::-1])
    np.testing.assert_array_equal(compiled.predict_proba(X), before)
    assert [compiled.predict_one(x) for x in X[:5]] == rows


def test_learning_on_in_place_does_not_reach_a_twin():
    model = words(SGDClassifier(loss="log_loss", random_state=0)).fit(TEXTS, Y)
    compiled = compile_pipeline(make_pipeline(model))
    before = compiled.predict_proba(TEXTS)
    features = model[0].transform(TEXTS)
    for _ in range(20):
        model[-1].partial_fit(features, 1 - Y)
    np.testing.assert_array_equal(compiled.predict_proba(TEXTS), before)


def test_trees_that_are_added_do_not_reach_a_twin():
    forest = RandomForestClassifier(3, warm_start=True, random_state=0, max_depth=2)
    voting = VotingClassifier([("forest", columns(forest))], voting="soft").fit(FRAME, CLASSES)
    compiled = compile_pipeline(voting)
    before = compiled.predict_proba(FRAME)
    inner = voting.estimators_[0]
    inner[-1].set_params(n_estimators=9).fit(inner[0].transform(FRAME), CLASSES)
    np.testing.assert_array_equal(compiled.predict_proba(FRAME), before)


def test_copies_of_a_pipeline_compute_their_features_once():
    wrapper = MultiOutputClassifier(words()).fit(TEXTS, LABELS)
    compiled = compile_pipeline(wrapper)
    types = [report.type for report in compiled.explain()]
    assert types == ["TfidfVectorizer", "LogisticRegression", "LogisticRegression"]
    assert all(report.compiled for report in compiled.explain())


def mlp():
    with warnings.catch_warnings(action="ignore", category=ConvergenceWarning):
        return MLPClassifier((3,), max_iter=5, random_state=0).fit(FRAME[["size"]], Y)


@pytest.mark.parametrize(
    "model",
    [
        LogisticRegression().fit(FRAME[["size"]], Y),
        GaussianNB().fit(FRAME[["size"]], Y),
        make_pipeline(StandardScaler(), LogisticRegression()).fit(FRAME[["size"]], Y),
        mlp(),
    ],
    ids=lambda model: type(model).__name__,
)
def test_arrays_that_are_written_to_do_not_reach_a_twin(model):
    compiled = compile_pipeline(model)
    X = FRAME[["size"]]
    before = compiled.predict_proba(X)
    for step in model if isinstance(model, Pipeline) else [model]:
        for value in vars(step).values():
            # A network's weights are lists of arrays.
            for array in value if isinstance(value, list) else [value]:
                if isinstance(array, np.ndarray) and array.dtype == float:
                    array[:] = 7.0
    np.testing.assert_array_equal(compiled.predict_proba(X), before)


def test_a_twin_of_an_array_beyond_what_is_copied_shares_it(monkeypatch):
    monkeypatch.setattr("skwillump._compiled._snapshot.MOST_BYTES", 100)
    rows = FRAME[["size"]].to_numpy()
    model = KNeighborsClassifier(3).fit(rows, Y)
    assert compile_pipeline(model).estimator._fit_X is model._fit_X


def test_one_class_against_the_rest_by_regressors_or_by_what_is_always_there():
    rng = np.random.default_rng(0)
    X = rng.integers(0, 5, (60, 3)).astype(float)
    several = np.column_stack((X[:, 0] > 2, np.ones(60), X[:, 1] > 1)).astype(int)
    for wrapper, y in (
        (OneVsRestClassifier(LinearRegression()), X[:, 0] // 2),
        (OneVsRestClassifier(LinearRegression()), X[:, 0] > 2),
        (OneVsRestClassifier(DecisionTreeRegressor(max_depth=3)), X[:, 0] // 2),
        (OneVsRestClassifier(LinearRegression()), several),
        (OneVsRestClassifier(LogisticRegression()), several),
        (OneVsRestClassifier(make_pipeline(StandardScaler(), LogisticRegression())), several),
    ):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # one label is always there
            wrapper.fit(X, y)
        twin = compile_pipeline(wrapper)
        assert all(report.compiled for report in twin.explain()[:1])
        assert np.array_equal(twin.predict(X), wrapper.predict(X))
        assert np.array_equal(twin.predict_one(X[3]), wrapper.predict(X[3:4])[0])
        if hasattr(wrapper, "predict_proba"):
            np.testing.assert_allclose(twin.predict_proba(X), wrapper.predict_proba(X), rtol=1e-12)


@pytest.mark.skipif(
    "chain_method" not in ClassifierChain(LogisticRegression()).get_params(),
    reason="this release of scikit-learn hands on labels alone",
)
@pytest.mark.parametrize("handed_on", ["predict", "predict_proba", "predict_log_proba"])
def test_chains_hand_on_what_scikit_learns_do(handed_on):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 3))
    Y = np.column_stack((X[:, 0] > 0, X[:, 0] + X[:, 1] > 0)).astype(int)
    chain = ClassifierChain(LogisticRegression(), chain_method=handed_on).fit(X, Y)
    twin = whole_twin(chain)
    assert np.array_equal(twin.predict(X), chain.predict(X))
    np.testing.assert_allclose(twin.predict_proba(X), chain.predict_proba(X), rtol=1e-12)
