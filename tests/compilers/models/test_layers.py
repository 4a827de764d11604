"""Networks, Gaussian naive Bayes, and other models that are more than one sum of products."""

import numpy as np
import pytest
from answers import (
    assert_alike,
    assert_answers_alike,
    assert_batch_alike,
    assert_rows_alike,
    single_rows,
    whole_twin,
)
from sklearn.ensemble import AdaBoostClassifier, BaggingClassifier, BaggingRegressor
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.naive_bayes import GaussianNB
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import SVC, NuSVC
from sklearn.tree import DecisionTreeClassifier

from skwillump import compile_pipeline
from skwillump.compilers.models._layers import GaussianModel

RNG = np.random.default_rng(0)
X, NEW = RNG.normal(size=(300, 6)), RNG.normal(size=(100, 6))
SIGNAL = X[:, 0] + 0.3 * RNG.normal(size=len(X))
LABELS = {
    "two": np.where(SIGNAL > 0, "yes", "no"),
    "three": np.digitize(SIGNAL, [-0.5, 0.5]),
}
CLASSIFIERS = {
    "network": MLPClassifier((8, 5), max_iter=30, random_state=0),
    "network without a hidden layer": MLPClassifier((), max_iter=30, random_state=0),
    "network of tanh": MLPClassifier((5,), activation="tanh", max_iter=30, random_state=0),
    "Gaussian": GaussianNB(),
    "boosted stumps": AdaBoostClassifier(n_estimators=10, random_state=0),
    "boosted trees": AdaBoostClassifier(
        DecisionTreeClassifier(max_depth=3), n_estimators=10, random_state=0
    ),
    "bagged trees": BaggingClassifier(n_estimators=5, random_state=0),
    "bagged trees on some features": BaggingClassifier(
        n_estimators=5, max_features=0.5, random_state=0
    ),
}
pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore:divide by zero:RuntimeWarning"),  # log(0) of scikit-learn's
]


@pytest.mark.parametrize("labels", LABELS)
@pytest.mark.parametrize("name", CLASSIFIERS)
def test_classifiers_answer_as_scikit_learns(name, labels):
    pipeline = make_pipeline(StandardScaler(), CLASSIFIERS[name]).fit(X, LABELS[labels])
    assert_answers_alike(whole_twin(pipeline), pipeline, NEW)


def texts_of(n, seed):
    rng = np.random.default_rng(seed)
    words = np.array([f"w{at}" for at in range(5000)])
    places = np.minimum(rng.geometric(0.01, size=(n, 12)), 4999)
    return [" ".join(words[row]) for row in places]


@pytest.mark.parametrize("smoothing", [1e-9, 0.1])
@pytest.mark.parametrize(
    "vectorizer", [TfidfVectorizer(), CountVectorizer()], ids=["tfidf", "counts"]
)
def test_gaussian_bayes_of_texts_makes_few_rows_dense(vectorizer, smoothing, monkeypatch):
    texts, new = texts_of(900, 0), texts_of(200, 1)
    labels = np.arange(900) % 3
    pipeline = make_pipeline(
        vectorizer,
        FunctionTransformer(lambda found: found.toarray(), accept_sparse=True),
        GaussianNB(var_smoothing=smoothing),
    ).fit(texts, labels)
    compiled = compile_pipeline(pipeline)
    n_dense, raw = [], GaussianModel.raw
    monkeypatch.setattr(
        GaussianModel,
        "raw",
        lambda self, rows, **given: n_dense.append(len(rows)) or raw(self, rows),
    )
    for method in ("predict", "predict_proba"):
        assert_alike(getattr(compiled, method)(new), getattr(pipeline, method)(new))
    actual, expected = compiled.predict_log_proba(new), pipeline.predict_log_proba(new)
    np.testing.assert_allclose(actual, expected, rtol=1e-12, atol=1e-12)
    assert sum(n_dense) < 300 if smoothing > 0.01 else n_dense  # of 600
    rows = [*new[:20], "", "w1 unknown"]
    assert_rows_alike(compiled, pipeline, single_rows(rows, range(len(rows))))


@pytest.mark.parametrize("y", [SIGNAL, np.column_stack((SIGNAL, SIGNAL**2))], ids=["one", "two"])
def test_networks_of_values_answer_as_scikit_learns(y):
    pipeline = make_pipeline(
        StandardScaler(), MLPRegressor(hidden_layer_sizes=(6,), max_iter=30)
    ).fit(X, y)
    assert_answers_alike(compile_pipeline(pipeline), pipeline, NEW)


def test_bagged_values_are_those_of_scikit_learn():
    model = BaggingRegressor(n_estimators=5, max_features=0.5, random_state=0).fit(X, SIGNAL)
    np.testing.assert_array_equal(compile_pipeline(model).predict(NEW), model.predict(NEW))


def test_a_network_reads_texts_without_a_matrix():
    texts = ["a fine film", "a poor film", "fine acting", "poor acting"] * 5
    network = MLPClassifier((5,), max_iter=30, random_state=0)
    pipeline = make_pipeline(TfidfVectorizer(), network).fit(texts, [1, 0, 1, 0] * 5)
    assert_answers_alike(compile_pipeline(pipeline), pipeline, [*texts, "fine"])


@pytest.mark.parametrize("probability", [False, True])
@pytest.mark.filterwarnings("ignore:The `probability` parameter:FutureWarning")
def test_a_linear_kernel_of_two_classes_is_a_sum_of_products(probability):
    model = SVC(kernel="linear", probability=probability, random_state=0).fit(X, LABELS["two"])
    compiled = compile_pipeline(make_pipeline(StandardScaler().fit(X), model))
    assert compiled.explain()[-1].compiled
    assert_batch_alike(compiled, compiled.estimator, NEW)


def test_a_linear_kernel_on_texts_is_a_sum_of_products():
    texts = ["a fine film", "a poor film", "fine acting", "poor acting"] * 5
    pipeline = make_pipeline(TfidfVectorizer(), SVC(kernel="linear")).fit(texts, [1, 0, 1, 0] * 5)
    compiled = whole_twin(pipeline)
    assert_alike(compiled.decision_function(texts), pipeline.decision_function(texts))


def test_support_vectors_that_cancel_each_other_stay_as_they_are():
    model = NuSVC(kernel="linear").fit(X, X[:, 0] + RNG.normal(size=len(X)) > 0)
    compiled = compile_pipeline(model)
    assert "rounding" in compiled.explain()[-1].reason
    np.testing.assert_array_equal(compiled.decision_function(NEW), model.decision_function(NEW))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("name", CLASSIFIERS)
def test_what_is_not_finite_is_judged_by_the_original(name, bad):
    model = CLASSIFIERS[name].fit(X, LABELS["two"])
    compiled = compile_pipeline(model)
    rows = NEW.copy()
    rows[3, 2] = bad
    try:
        expected = model.predict(rows)
    except ValueError:
        with pytest.raises(ValueError, match=r"NaN|infinity"):
            compiled.predict(rows)
        with pytest.raises(ValueError, match=r"NaN|infinity"):
            compiled.predict_one(rows[3])
    else:
        np.testing.assert_array_equal(compiled.predict(rows), expected)
