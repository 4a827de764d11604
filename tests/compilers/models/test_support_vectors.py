"""Support vector machines with kernels, and nearest neighbours."""

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, SVR, NuSVC, NuSVR

from skwillump import compile_pipeline

RNG = np.random.default_rng(0)
X, NEW = RNG.normal(size=(300, 6)), RNG.normal(size=(100, 6))
SIGNAL = X[:, 0] + 0.3 * RNG.normal(size=len(X))
LABELS = {
    "two": np.where(SIGNAL > 0, "yes", "no"),
    "four": np.digitize(SIGNAL, [-0.8, 0.0, 0.8]),
}
TEXTS = [" ".join(RNG.choice(["fine", "poor", "film", "story", "song"], 6)) for _ in X]
METHODS = ("predict", "predict_proba", "predict_log_proba", "decision_function")
MACHINES = {
    "rbf": SVC(),
    "one versus one": SVC(decision_function_shape="ovo"),
    "ties broken": SVC(break_ties=True),
    "probabilities": SVC(probability=True, random_state=0),
    "polynomial": SVC(kernel="poly", degree=2, coef0=1.0),
    "sigmoid": SVC(kernel="sigmoid", gamma=0.05),
    "linear of several classes": SVC(kernel="linear"),
    "nu": NuSVC(nu=0.2),
}
NEIGHBORS = {
    "five": KNeighborsClassifier(),
    "brute": KNeighborsClassifier(4, algorithm="brute"),
    "weighted": KNeighborsClassifier(7, weights="distance"),
    "ball tree": KNeighborsClassifier(6, algorithm="ball_tree"),
}
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")


def assert_equal_answers(compiled, pipeline, rows):
    assert all(step.compiled for step in compiled.explain())
    for method in METHODS:
        assert hasattr(compiled, method) == hasattr(pipeline, method)
        if hasattr(pipeline, method):
            assert_same(getattr(compiled, method)(rows), getattr(pipeline, method)(rows))
    for at in range(20):
        row, batch = rows[at], rows[at : at + 1]
        assert_same(compiled.predict_one(row), pipeline.predict(batch)[0])
        if hasattr(pipeline, "predict_proba"):
            assert_same(compiled.predict_proba_one(row), pipeline.predict_proba(batch)[0])


def assert_same(actual, expected):
    if np.asarray(expected).dtype.kind in "OUi":
        np.testing.assert_array_equal(actual, expected)
    else:
        np.testing.assert_allclose(actual, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("labels", LABELS)
@pytest.mark.parametrize("name", MACHINES)
def test_machines_answer_as_libsvm_does(name, labels):
    pipeline = make_pipeline(StandardScaler(), MACHINES[name]).fit(X, LABELS[labels])
    assert_equal_answers(compile_pipeline(pipeline), pipeline, NEW)


@pytest.mark.parametrize("machine", [SVR(), NuSVR(), SVR(kernel="poly", degree=3)], ids=repr)
def test_machines_of_values_answer_as_libsvm_does(machine):
    pipeline = make_pipeline(StandardScaler(), machine).fit(X, SIGNAL)
    assert_equal_answers(compile_pipeline(pipeline), pipeline, NEW)


@pytest.mark.parametrize("model", [SVC(), SVC(probability=True, random_state=0)], ids=repr)
def test_machines_read_texts_as_libsvm_does(model):
    pipeline = make_pipeline(TfidfVectorizer(), model).fit(TEXTS, LABELS["two"])
    assert_equal_answers(compile_pipeline(pipeline), pipeline, TEXTS)


def test_rows_far_away_are_compared_number_by_number():
    pipeline = make_pipeline(StandardScaler(), SVC(C=0.5)).fit(X, LABELS["two"])
    assert_equal_answers(
        compile_pipeline(pipeline), pipeline, NEW * np.logspace(0, 6, len(NEW))[:, None]
    )


def test_sums_of_large_terms_give_labels_and_no_decision_values():
    y = RNG.integers(0, 2, 300)
    pipeline = make_pipeline(StandardScaler(), SVC(C=1000.0)).fit(X, y)
    assert_equal_answers(compile_pipeline(pipeline), pipeline, NEW)


def test_probabilities_that_were_not_fitted_are_refused_as_by_scikit_learn():
    machine = SVC().fit(X, LABELS["four"])
    machine.probability = True
    for model in (machine, compile_pipeline(machine)):
        with pytest.raises(NotFittedError):
            model.predict_proba(NEW)


def test_a_kernel_of_the_users_own_runs_as_it_is():
    def own(one, other):
        return one @ other.T

    pipeline = make_pipeline(StandardScaler(), SVC(kernel=own)).fit(X, LABELS["two"])
    _, step = compile_pipeline(pipeline).explain()
    assert not step.compiled
    assert "libsvm" in step.reason


@pytest.mark.parametrize("labels", LABELS)
@pytest.mark.parametrize("name", NEIGHBORS)
def test_neighbors_answer_as_scikit_learns(name, labels):
    pipeline = make_pipeline(StandardScaler(), NEIGHBORS[name]).fit(X, LABELS[labels])
    assert_equal_answers(compile_pipeline(pipeline), pipeline, NEW)


@pytest.mark.parametrize("weights", ["uniform", "distance"])
@pytest.mark.parametrize("y", [SIGNAL, np.column_stack((SIGNAL, SIGNAL**2))], ids=["one", "two"])
def test_neighbors_of_values_answer_as_scikit_learns(y, weights):
    pipeline = make_pipeline(StandardScaler(), KNeighborsRegressor(weights=weights)).fit(X, y)
    assert_equal_answers(compile_pipeline(pipeline), pipeline, NEW)


@pytest.mark.parametrize("weights", ["uniform", "distance"])
def test_neighbors_that_are_equally_near_are_those_of_scikit_learn(weights):
    twice = np.round(np.vstack((X, X)) * 2)
    y = RNG.integers(0, 3, len(twice))
    for model in (
        KNeighborsClassifier(3, weights=weights),
        KNeighborsRegressor(3, weights=weights),
    ):
        pipeline = model.fit(twice, y)
        assert_equal_answers(compile_pipeline(pipeline), pipeline, np.round(NEW * 2))


def test_neighbors_of_texts_answer_as_scikit_learns():
    pipeline = make_pipeline(TfidfVectorizer(), KNeighborsClassifier(3)).fit(TEXTS, LABELS["two"])
    assert_equal_answers(compile_pipeline(pipeline), pipeline, TEXTS)


def test_rows_of_the_fit_have_themselves_for_neighbors():
    model = KNeighborsRegressor(3, weights="distance").fit(X, SIGNAL)
    assert_equal_answers(compile_pipeline(model), model, X)


def test_missing_values_are_refused_as_scikit_learn_refuses_them():
    row = np.full(6, np.nan)
    for model in (SVC(), KNeighborsClassifier()):
        compiled = compile_pipeline(model.fit(X, LABELS["two"]))
        with pytest.raises(ValueError, match="NaN"):
            compiled.predict_one(row)
        with pytest.raises(ValueError, match="NaN"):
            compiled.predict(row[None])


@pytest.mark.parametrize("distance", ["manhattan", "cosine"])
def test_other_distances_run_as_they_are(distance):
    (step,) = compile_pipeline(KNeighborsClassifier(metric=distance).fit(X, SIGNAL > 0)).explain()
    assert not step.compiled
    assert distance in step.reason
