"""Support vector machines with kernels, and nearest neighbours."""

import warnings

import numpy as np
import pytest
from answers import assert_alike, assert_answers_alike, whole_twin
from scipy import sparse
from sklearn.compose import make_column_transformer
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import SVC, SVR, NuSVC, NuSVR

from skwillump import compile_pipeline
from skwillump.compilers._registry import compile_model
from skwillump.compilers._unsupported import InputUnsupported
from skwillump.compilers.models._products import products, squared_lengths
from skwillump.kernels._machines import sum_in_order
from skwillump.kernels._nearest import take_nearest

RNG = np.random.default_rng(0)
X, NEW = RNG.normal(size=(300, 6)), RNG.normal(size=(100, 6))
SIGNAL = X[:, 0] + 0.3 * RNG.normal(size=len(X))
LABELS = {
    "two": np.where(SIGNAL > 0, "yes", "no"),
    "four": np.digitize(SIGNAL, [-0.8, 0.0, 0.8]),
}
TEXTS = [" ".join(RNG.choice(["fine", "poor", "film", "story", "song"], 6)) for _ in X]
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


@pytest.mark.parametrize("labels", LABELS)
@pytest.mark.parametrize("name", MACHINES)
def test_machines_answer_as_libsvm_does(name, labels):
    pipeline = make_pipeline(StandardScaler(), MACHINES[name]).fit(X, LABELS[labels])
    assert_answers_alike(whole_twin(pipeline), pipeline, NEW)


@pytest.mark.parametrize("machine", [SVR(), NuSVR(), SVR(kernel="poly", degree=3)], ids=repr)
def test_machines_of_values_answer_as_libsvm_does(machine):
    pipeline = make_pipeline(StandardScaler(), machine).fit(X, SIGNAL)
    assert_answers_alike(whole_twin(pipeline), pipeline, NEW)


@pytest.mark.parametrize("model", [SVC(), SVC(probability=True, random_state=0)], ids=repr)
def test_machines_read_texts_as_libsvm_does(model):
    pipeline = make_pipeline(TfidfVectorizer(), model).fit(TEXTS, LABELS["two"])
    assert_answers_alike(whole_twin(pipeline), pipeline, TEXTS)


WORDS = [f"word{i}" for i in range(1500)]
LONG_TEXTS = [" ".join(RNG.choice(WORDS, 30)) + " " + text for text in TEXTS]


@pytest.mark.parametrize(
    "model",
    [
        SVC(),
        SVC(probability=True, random_state=0),
        SVC(kernel="poly", degree=2),
        SVC(kernel="linear"),
        NuSVC(nu=0.2, kernel="sigmoid"),
        KNeighborsClassifier(3, algorithm="brute"),
        KNeighborsClassifier(3, metric="cosine"),
    ],
    ids=repr,
)
@pytest.mark.parametrize("labels", LABELS)
def test_many_words_are_kept_sparse(model, labels):
    pipeline = make_pipeline(TfidfVectorizer(), model).fit(LONG_TEXTS, LABELS[labels])
    compiled = compile_pipeline(pipeline)
    assert_answers_alike(compiled, pipeline, [*LONG_TEXTS, "", "unknown"])
    if isinstance(model, (SVC, NuSVC)) and len(compiled.classes_) > 2:
        assert sparse.issparse(compiled._parts.model.vectors)


@pytest.mark.parametrize("model", [SVC(), SVR(C=0.1), KNeighborsRegressor()], ids=repr)
def test_rows_of_numbers_and_many_categories_answer_as_scikit_learns(model):
    table = np.column_stack((RNG.normal(size=(1100, 2)), RNG.integers(0, 300, 1100)))
    y = np.digitize(table[:, 0] + RNG.normal(size=1100), [0.0])
    features = make_column_transformer((StandardScaler(), [0, 1]), (OneHotEncoder(), [2]))
    pipeline = make_pipeline(features, model).fit(table, y)
    assert_answers_alike(whole_twin(pipeline), pipeline, table[:100])


def test_long_rows_of_counts_are_compared_as_libsvm_does():
    machine = SVC(gamma=1e-4, C=100.0)
    pipeline = make_pipeline(CountVectorizer(), machine).fit(LONG_TEXTS, LABELS["two"])
    rows = [" ".join([text] * repeats) for text in LONG_TEXTS[:30] for repeats in (1, 500)]
    assert_answers_alike(whole_twin(pipeline), pipeline, rows)


@pytest.mark.parametrize("n_rows", [0, 1, 7])
def test_products_of_sparse_rows_are_those_of_arrays(n_rows):
    rows = sparse.csr_array(sparse.random(n_rows, 40, 0.2, random_state=n_rows))
    columns = sparse.csr_array(sparse.random(40, 25, 0.2, random_state=8))
    expected = rows.toarray() @ columns.toarray()
    for own in (rows, rows.toarray()):
        found = products(own, columns)
        assert found.flags.c_contiguous
        np.testing.assert_allclose(found, expected)
    twice = sparse.csr_array(
        (np.array([1.0, 2.0, 4.0]), np.array([3, 3, 5]), np.array([0, 3, 3])), shape=(2, 40)
    )
    np.testing.assert_allclose(products(twice, columns), twice.toarray() @ columns.toarray())
    np.testing.assert_array_equal(squared_lengths(twice), [25.0, 0.0])


def test_rows_far_away_are_compared_number_by_number():
    pipeline = make_pipeline(StandardScaler(), SVC(C=0.5)).fit(X, LABELS["two"])
    rows = NEW * np.logspace(0, 6, len(NEW))[:, None]
    assert_answers_alike(whole_twin(pipeline), pipeline, rows)


def test_sums_of_large_terms_give_labels_and_no_decision_values():
    y = RNG.integers(0, 2, 300)
    pipeline = make_pipeline(StandardScaler(), SVC(C=1000.0)).fit(X, y)
    assert_answers_alike(whole_twin(pipeline), pipeline, NEW)


@pytest.mark.parametrize(("n_classes", "n"), [(2, 1000), (4, 1500)])
def test_sums_of_many_terms_are_libsvms_in_its_own_order(n_classes, n):
    rows, y = RNG.normal(size=(n + 100, 20)), RNG.integers(0, n_classes, n + 100)
    machine = SVC(probability=True, random_state=0).fit(rows[:n], y[:n])
    model = compile_model(machine)
    assert model.is_in_order
    assert all(map(model.gives, ("decision_function", "predict_proba")))
    pipeline = make_pipeline(machine)
    assert_answers_alike(whole_twin(pipeline), pipeline, rows[n:])


def test_sums_in_order_add_one_term_after_the_other():
    values, weights = RNG.normal(size=(7, 50)), 1e3 * RNG.normal(size=(3, 50))
    sums = np.empty((7, 3))
    sum_in_order(values, weights, sums)
    expected = [[sum(own * weight) for weight in weights] for own in values]
    np.testing.assert_array_equal(sums, expected)


def test_probabilities_that_were_not_fitted_are_refused_as_by_scikit_learn():
    machine = SVC().fit(X, LABELS["four"])
    machine.probability = True
    for model in (machine, compile_pipeline(machine)):
        with pytest.raises(NotFittedError):
            model.predict_proba(NEW)


def test_probabilities_warn_of_nothing_that_scikit_learns_do_not():
    machine = SVC(probability=True, random_state=0).fit(X, LABELS["four"])
    compiled = compile_pipeline(machine)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        machine.predict_proba(NEW)
        compiled.predict_proba(NEW)
        compiled.predict_proba_one(NEW[0])


def test_powers_that_are_large_give_labels_and_no_decision_values():
    machine = SVC(kernel="poly", gamma=1.0).fit(100.0 * X, LABELS["two"])
    assert not compile_model(machine).is_precise
    assert_answers_alike(whole_twin(machine), machine, 100.0 * NEW)


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
    assert_answers_alike(whole_twin(pipeline), pipeline, NEW)


@pytest.mark.parametrize("weights", ["uniform", "distance"])
@pytest.mark.parametrize("y", [SIGNAL, np.column_stack((SIGNAL, SIGNAL**2))], ids=["one", "two"])
def test_neighbors_of_values_answer_as_scikit_learns(y, weights):
    pipeline = make_pipeline(StandardScaler(), KNeighborsRegressor(weights=weights)).fit(X, y)
    assert_answers_alike(whole_twin(pipeline), pipeline, NEW)


@pytest.mark.parametrize("weights", ["uniform", "distance"])
def test_neighbors_that_are_equally_near_are_those_of_scikit_learn(weights):
    twice = np.round(np.vstack((X, X)) * 2)
    y = RNG.integers(0, 3, len(twice))
    for model in (
        KNeighborsClassifier(3, weights=weights),
        KNeighborsRegressor(3, weights=weights),
    ):
        pipeline = model.fit(twice, y)
        assert_answers_alike(whole_twin(pipeline), pipeline, np.round(NEW * 2))


def test_neighbors_of_texts_answer_as_scikit_learns():
    pipeline = make_pipeline(TfidfVectorizer(), KNeighborsClassifier(3)).fit(TEXTS, LABELS["two"])
    assert_answers_alike(whole_twin(pipeline), pipeline, TEXTS)


def test_rows_of_the_fit_have_themselves_for_neighbors():
    model = KNeighborsRegressor(3, weights="distance").fit(X, SIGNAL)
    assert_answers_alike(whole_twin(model), model, X)


SPARSE = sparse.random(200, 40, 0.4, format="csr", random_state=0)
FITTED_NEIGHBORS = {
    "tree": KNeighborsClassifier(3, algorithm="kd_tree").fit(X, LABELS["four"]),
    "weighted tree": KNeighborsClassifier(3, weights="distance", algorithm="ball_tree").fit(
        X, LABELS["four"]
    ),
    "sparse": KNeighborsClassifier(3).fit(SPARSE[:150], np.arange(150) % 3),
    "all rows": KNeighborsRegressor(150, weights="distance").fit(SPARSE[:150], np.arange(150.0)),
}


@pytest.mark.parametrize("name", FITTED_NEIGHBORS)
def test_batches_of_trees_and_of_sparse_rows_are_compiled(name):
    model = FITTED_NEIGHBORS[name]
    compiled, rows = compile_model(model), NEW if "tree" in name else SPARSE[150:]
    assert compiled.reads_batches
    answer = model.predict if compiled.classes is None else model.predict_proba
    expected = np.reshape(answer(rows), (rows.shape[0], -1))
    assert_alike(compiled.raw(rows), expected)
    assert_alike(compiled.raw(rows, n_threads=2), expected)


def test_batches_that_scikit_learn_searches_faster_are_left_to_it():
    many = np.tile(X[:, :2], (4, 1))
    for model in (KNeighborsClassifier(algorithm="brute"), KNeighborsClassifier()):
        assert not compile_model(model.fit(many, np.arange(len(many)) % 2)).reads_batches


def test_batches_with_others_as_near_as_the_last_neighbor_go_to_scikit_learn():
    model = KNeighborsClassifier(3, algorithm="kd_tree").fit(np.zeros((90, 8)), np.arange(90) % 3)
    with pytest.raises(InputUnsupported, match="as near"):
        compile_model(model).raw(np.zeros((10, 8)))
    rows = np.zeros((10, 8))
    np.testing.assert_array_equal(compile_pipeline(model).predict(rows), model.predict(rows))


@pytest.mark.parametrize("weights", ["uniform", "distance"])
@pytest.mark.parametrize("kind", [KNeighborsClassifier, KNeighborsRegressor])
def test_of_a_batch_scikit_learn_answers_rows_with_others_as_near_alone(monkeypatch, kind, weights):
    rows = np.vstack((X, X[:20] + 5.0, X[:20] + 5.0))  # the last ones twice, with other labels
    model = kind(1, weights=weights, algorithm="kd_tree").fit(rows, np.arange(len(rows)) % 3)
    asked = np.vstack((NEW, X[:15] + 5.001))
    expected = model.predict(asked)
    asks, method = [], "predict_proba" if kind is KNeighborsClassifier else "predict"
    answer = getattr(kind, method)
    monkeypatch.setattr(kind, method, lambda self, X: asks.append(len(X)) or answer(self, X))
    np.testing.assert_array_equal(compile_pipeline(model).predict(asked), expected)
    assert asks == [15]


@pytest.mark.parametrize("n_known", [3, 64, 200])
def test_the_nearest_rows_are_those_of_a_sort(n_known):
    products, squares = RNG.normal(size=(9, n_known)), RNG.uniform(size=n_known)
    places, distances = np.empty((9, 3), dtype=np.intp), np.empty((9, 3))
    take_nearest(products, squares, places, distances)
    expected = squares - 2 * products
    np.testing.assert_array_equal(places, np.argsort(expected, axis=1)[:, :3])
    np.testing.assert_array_equal(distances, np.sort(expected, axis=1)[:, :3])


def test_more_neighbors_than_rows_are_refused_as_by_scikit_learn():
    model = KNeighborsClassifier(10).fit(X[:5], LABELS["two"][:5])
    compiled = compile_pipeline(model)
    for answer in (lambda: compiled.predict(NEW), lambda: compiled.predict_one(NEW[0])):
        with pytest.raises(ValueError, match="n_neighbors"):
            answer()


def test_missing_values_are_refused_as_scikit_learn_refuses_them():
    row = np.full(6, np.nan)
    for model in (SVC(), KNeighborsClassifier()):
        compiled = compile_pipeline(model.fit(X, LABELS["two"]))
        with pytest.raises(ValueError, match="NaN"):
            compiled.predict_one(row)
        with pytest.raises(ValueError, match="NaN"):
            compiled.predict(row[None])


@pytest.mark.parametrize("distance", ["chebyshev", "canberra"])
def test_other_distances_run_as_they_are(distance):
    (step,) = compile_pipeline(KNeighborsClassifier(metric=distance).fit(X, SIGNAL > 0)).explain()
    assert not step.compiled
    assert distance in step.reason
