"""A compiled pipeline answers as the estimator that it was made from."""

import multiprocessing
import os
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from operator import methodcaller
from pathlib import Path

import joblib
import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import polars as pl
import pytest
from answers import (
    assert_alike,
    assert_answers_alike,
    assert_batch_alike,
    assert_rows_alike,
    outcome,
    single_rows,
    whole_twin,
)
from hypothesis import given, settings
from sklearn import config_context
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin, clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_transformer
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.ensemble import IsolationForest, StackingClassifier, VotingClassifier
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.feature_selection import SelectFromModel
from sklearn.frozen import FrozenEstimator
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression, Ridge, SGDClassifier
from sklearn.metrics import RocCurveDisplay
from sklearn.model_selection import FixedThresholdClassifier, GridSearchCV, cross_val_score
from sklearn.naive_bayes import MultinomialNB
from sklearn.neighbors import RadiusNeighborsClassifier
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline, make_union
from sklearn.preprocessing import FunctionTransformer, Normalizer, StandardScaler
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils import estimator_html_repr
from sklearn.utils.validation import check_is_fitted
from strategies import documents

import skwillump
from skwillump import CascadeClassifier
from skwillump._compiled import CompiledPipeline, compile_pipeline

matplotlib.use("Agg")

WORDS = ["good", "Great", "fine", "bad", "awful", "poor", "film", "plot", "ÜBER", "the", "of"]
GENERATOR = np.random.default_rng(0)
TEXTS = [" ".join(GENERATOR.choice(WORDS, size=12)) for _ in range(300)]
Y = np.where([sum(w in t for w in ("good", "Great", "fine")) > 2 for t in TEXTS], "pos", "neg")
Y3 = np.array([len(text) % 3 for text in TEXTS])


def features():
    return make_union(TfidfVectorizer(), TfidfVectorizer(analyzer="char", ngram_range=(2, 4)))


PIPELINES = {
    "logistic": (lambda: make_pipeline(features(), LogisticRegression()), Y),
    "logistic, three classes": (lambda: make_pipeline(features(), LogisticRegression()), Y3),
    "margins": (lambda: make_pipeline(features(), LinearSVC()), Y3),
    "huber": (
        lambda: make_pipeline(features(), SGDClassifier(loss="modified_huber", random_state=0)),
        Y3,
    ),
    "bayes": (lambda: make_pipeline(CountVectorizer(), MultinomialNB()), Y3),
    "regression": (lambda: make_pipeline(features(), Ridge()), Y3.astype(float)),
    "float32": (
        lambda: make_pipeline(TfidfVectorizer(dtype=np.float32), LogisticRegression()),
        Y,
    ),
    "reduced": (
        lambda: make_pipeline(features(), TruncatedSVD(5, random_state=0), LogisticRegression()),
        Y,
    ),
    "normalized": (lambda: make_pipeline(features(), Normalizer(), LogisticRegression()), Y),
    "kernel machine": (lambda: make_pipeline(features(), SVC()), Y),
    "nothing compiled": (
        lambda: make_pipeline(TfidfVectorizer(analyzer=str.split), LogisticRegression()),
        Y,
    ),
    "features alone": (lambda: make_pipeline(features(), "passthrough"), Y),
    "a transformer": (features, Y),
}


@pytest.fixture(scope="module")
def logistic():
    return make_pipeline(features(), LogisticRegression()).fit(TEXTS, Y)


@pytest.mark.filterwarnings("ignore:divide by zero:RuntimeWarning")  # log(0) of huber's
@pytest.mark.parametrize("name", PIPELINES)
def test_answers_are_the_estimators(name):
    make, y = PIPELINES[name]
    estimator = make().fit(TEXTS, y)
    compiled = compile_pipeline(estimator)
    assert_answers_alike(compiled, estimator, TEXTS)
    assert_answers_alike(compiled, estimator, ["", " ", "unknown"])
    if hasattr(estimator, "predict"):
        score = estimator.score(TEXTS, y)
        assert compiled.score(TEXTS, y) == pytest.approx(score, rel=1e-12)


@settings(max_examples=60)
@given(documents)
def test_answers_to_any_text(texts):
    assert_batch_alike(COMPILED, COMPILED.estimator, texts)
    assert_rows_alike(COMPILED, COMPILED.estimator, single_rows(texts, [0]))


COMPILED = compile_pipeline(make_pipeline(features(), LogisticRegression()).fit(TEXTS, Y3))


def test_rows_in_doubt_are_answered_by_the_original():
    # Two classes that mirror each other: sums that ought to be zero are so only up to rounding.
    texts = ["a1 b2 c3 d4 e5", "f6 g7 h8 i9 j0"]
    estimator = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(texts, [0, 1])
    compiled = compile_pipeline(estimator)
    generator = np.random.default_rng(0)
    words = " ".join(texts).split()
    mixed = [
        " ".join(generator.permutation(words)[:n]) for n in (2, 4, 6, 8, 10) for _ in range(50)
    ]
    assert np.array_equal(compiled.predict(mixed), estimator.predict(mixed))
    assert [compiled.predict_one(text) for text in mixed] == estimator.predict(mixed).tolist()


def test_explain_says_what_is_compiled_and_why_not():
    estimator = make_pipeline(
        make_union(TfidfVectorizer(), CountVectorizer(dtype=np.int8)),
        Normalizer("max"),
        RadiusNeighborsClassifier(),
    ).fit(TEXTS, Y)
    rows = {row.name: row for row in compile_pipeline(estimator).explain()}
    assert rows["featureunion__tfidfvectorizer"].compiled
    assert not rows["featureunion__countvectorizer"].compiled
    assert "int8" in rows["featureunion__countvectorizer"].reason
    assert "sparse" in rows["normalizer"].reason
    assert "no compiler" in rows["radiusneighborsclassifier"].reason
    assert "1 of 4 steps compiled" in repr(compile_pipeline(estimator))


@pytest.mark.parametrize("name", PIPELINES)
def test_every_step_is_explained(name):
    make, y = PIPELINES[name]
    for row in compile_pipeline(make().fit(TEXTS, y)).explain():
        assert row.compiled == (not row.reason)


class Untaught(TransformerMixin, BaseEstimator):
    """A transformer that learns nothing, and does not say that it is fitted."""

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return X[:, :1]


def test_what_is_not_fitted_is_refused():
    with pytest.raises(NotFittedError):
        compile_pipeline(make_pipeline(TfidfVectorizer(), LogisticRegression()))


def test_what_transforms_without_fit_is_compiled_or_runs_as_it_is():
    X = np.random.default_rng(0).normal(size=(20, 3))
    selector = SelectFromModel(LogisticRegression().fit(X, X[:, 0] > 0), prefit=True)
    union = FeatureUnion([("own", Untaught()), ("scaled", StandardScaler().fit(X))])
    for estimator in (selector, union):
        assert np.array_equal(compile_pipeline(estimator).transform(X), estimator.transform(X))
    counts = CountVectorizer(vocabulary=["a", "b"], token_pattern=r"\w")
    assert compile_pipeline(counts).transform(["a b a"]).toarray().tolist() == [[2, 1]]
    with pytest.raises(NotFittedError):
        compile_pipeline(FeatureUnion([("own", Untaught()), ("scaled", StandardScaler())]))


class Untold(ClassifierMixin, BaseEstimator):
    """A classifier that does not say whether it is fitted."""

    def fit(self, X, y):
        self.model = LogisticRegression().fit(X, y)
        return self

    def predict(self, X):
        return self.model.predict(X)


def test_what_answers_without_being_told_fitted_is_compiled_or_runs_as_it_is():
    X = np.random.default_rng(0).normal(size=(20, 3))
    fitted = LogisticRegression().fit(X, X[:, 0] > 0)
    around = [
        fitted,
        FrozenEstimator(fitted),
        make_pipeline(StandardScaler(), LogisticRegression()),
    ]
    around[-1].fit(X, X[:, 0] > 0)
    thresholds = [FixedThresholdClassifier(model, threshold=0.7) for model in around]
    for estimator in (*thresholds, Untold().fit(X, X[:, 0] > 0)):
        compiled = compile_pipeline(estimator)
        assert np.array_equal(compiled.predict(X), estimator.predict(X))
        assert compiled.predict_one(X[0]) == estimator.predict(X[:1])[0]
    for estimator in thresholds:
        found = compile_pipeline(estimator).predict_log_proba(X)
        np.testing.assert_allclose(found, estimator.predict_log_proba(X), rtol=1e-12)
    # scikit-learn refuses these as well.
    inside = Pipeline([("scale", StandardScaler().fit(X)), ("model", thresholds[0])])
    for estimator in (FixedThresholdClassifier(LogisticRegression()), inside):
        with pytest.raises(NotFittedError):
            compile_pipeline(estimator)
    with pytest.raises(AttributeError, match="model"):
        compile_pipeline(Untold()).predict(X)


def test_logarithms_of_zero_are_warned_of_as_by_scikit_learn():
    X = np.arange(6.0)[:, None]
    tree = DecisionTreeClassifier().fit(X, [0, 0, 0, 1, 1, 1])
    for model in (tree, compile_pipeline(tree)):
        with pytest.warns(RuntimeWarning, match="divide by zero"):
            model.predict_log_proba(X)


def test_fitted_attributes_are_the_estimators(logistic):
    compiled = compile_pipeline(logistic)
    assert np.array_equal(compiled.classes_, logistic.classes_)
    with pytest.raises(AttributeError, match="no attribute 'fit_transform'"):
        _ = compiled.fit_transform
    with pytest.raises(AttributeError):
        _ = compiled.unknown_


def test_what_only_reads_is_the_estimators(logistic):
    compiled = compile_pipeline(logistic)
    # Of its own copy, which the estimator's next fit does not reach.
    assert compiled.estimator is not logistic
    assert compiled.named_steps == compiled.estimator.named_steps
    assert list(compiled.named_steps) == list(logistic.named_steps)
    assert compiled[-1] is compiled.estimator[-1]
    assert compiled["featureunion"] is compiled.estimator["featureunion"]
    np.testing.assert_array_equal(compiled[-1].coef_, logistic[-1].coef_)
    words = TfidfVectorizer().fit(TEXTS)
    twin = compile_pipeline(words)
    assert np.array_equal(twin.get_feature_names_out(), words.get_feature_names_out())
    vectors = words.transform(TEXTS)
    for actual, expected in zip(
        twin.inverse_transform(vectors), words.inverse_transform(vectors), strict=True
    ):
        assert np.array_equal(actual, expected)
    for name in ("named_steps", "__getitem__", "score_samples"):
        assert not hasattr(twin, name)
    assert not hasattr(compiled, "inverse_transform")


@pytest.mark.parametrize("last", [IsolationForest(n_estimators=5, random_state=0), PCA(2)])
def test_scores_of_samples_are_the_estimators(last):
    X = np.random.default_rng(0).normal(size=(50, 3))
    estimator = make_pipeline(StandardScaler(), last).fit(X)
    compiled = compile_pipeline(estimator)
    expected = estimator.score_samples(X)
    np.testing.assert_allclose(compiled.score_samples(X), expected, rtol=1e-12)
    if hasattr(estimator, "inverse_transform"):
        vectors = estimator.transform(X)
        np.testing.assert_array_equal(
            compiled.inverse_transform(vectors), estimator.inverse_transform(vectors)
        )


@pytest.mark.parametrize(
    "wrap",
    [tuple, lambda t: np.array(t, dtype=object), np.array, pd.Series, pl.Series],
    ids=["tuple", "object", "str", "pandas", "polars"],
)
def test_containers_of_text(logistic, wrap):
    assert_batch_alike(compile_pipeline(logistic), logistic, wrap(TEXTS))


@pytest.mark.parametrize("bad", [["fine", None], [b"bytes"], [3], [], "one string", [["a"]]])
def test_bad_input_raises_what_the_estimator_raises(logistic, bad):
    compiled = compile_pipeline(logistic)
    for method in ("predict", "predict_proba"):
        expected = outcome(getattr(logistic, method), bad)
        assert_alike(outcome(getattr(compiled, method), bad), expected, rtol=0, atol=0)


def test_columns_of_a_data_frame_and_rows_of_one():
    X = pd.DataFrame({"title": TEXTS, "body": TEXTS[::-1]})
    estimator = make_pipeline(
        make_column_transformer((TfidfVectorizer(), "title"), (CountVectorizer(), "body")),
        LogisticRegression(),
    ).fit(X, Y)
    compiled = whole_twin(estimator)
    assert_answers_alike(compiled, estimator, X)
    assert compiled.score(X, Y) == estimator.score(X, Y)
    assert_answers_alike(compiled, estimator, X.iloc[3:4])
    with pytest.raises(ValueError, match="columns are missing"):
        compiled.predict(X[["title"]])


def test_one_row_through_steps_that_are_not_compiled():
    estimator = make_pipeline(
        FunctionTransformer(_lower_all), TfidfVectorizer(), LogisticRegression()
    ).fit(TEXTS, Y)
    compiled = compile_pipeline(estimator)
    assert_answers_alike(compiled, estimator, TEXTS)


@pytest.mark.parametrize("bad", [TEXTS[:1], np.array(TEXTS[:1]), {"text": "fine"}, None, 3.0])
def test_a_row_that_is_no_text_is_refused(logistic, bad):
    compiled = compile_pipeline(logistic)
    for one in (compiled.predict_one, compiled.predict_proba_one):
        with pytest.raises(TypeError, match=r"The row is of type \w+\. Pass one str"):
            one(bad)


def _lower_all(texts):
    return [text.lower() for text in texts]


def test_threads_do_not_change_answers(logistic):
    many = TEXTS * 30
    one = compile_pipeline(logistic).predict_proba(many)
    for n_jobs in (2, 5, -1, -99, np.int64(2)):
        compiled = compile_pipeline(logistic, n_jobs=n_jobs)
        assert np.array_equal(compiled.predict_proba(many), one)


@pytest.mark.parametrize("n_jobs", [0, 1.5, "a"])
def test_a_number_of_threads_that_is_none_is_refused(logistic, n_jobs):
    compiled = compile_pipeline(logistic)
    for make in (
        lambda: compile_pipeline(logistic, n_jobs=n_jobs),
        lambda: compile_pipeline(compiled, n_jobs=n_jobs),
        lambda: compiled.set_params(n_jobs=n_jobs),
    ):
        with pytest.raises(ValueError, match="must be an integer other than 0, or None"):
            make()
    assert compiled.n_jobs is None


def test_sixteen_threads_share_one_fitted_object(logistic):
    compiled = compile_pipeline(logistic)
    expected = compiled.predict_proba(TEXTS)
    parts = [TEXTS[i % 7 :] for i in range(64)]
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(compiled.predict_proba, parts))
        ones = list(pool.map(compiled.predict_proba_one, TEXTS))
    for i, answer in enumerate(answers):
        assert np.array_equal(answer, expected[i % 7 :])
    np.testing.assert_allclose(ones, expected, rtol=1e-15)


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_child_processes_give_the_same_answers(logistic, method):
    compiled = compile_pipeline(logistic, n_jobs=2)
    expected = compiled.predict_proba(TEXTS)
    with multiprocessing.get_context(method).Pool(1) as pool:
        # What a child calls must be found there, which a function of a test's module may not be.
        answer = pool.apply(methodcaller("predict_proba", TEXTS), (compiled,))
    assert np.array_equal(answer, expected)


def test_pickles_and_memory_maps_give_the_same_answers(logistic, tmp_path):
    compiled = compile_pipeline(logistic)
    expected = compiled.predict_proba(TEXTS)
    copy = pickle.loads(pickle.dumps(compiled))
    assert np.array_equal(copy.predict_proba(TEXTS), expected)
    joblib.dump(compiled, tmp_path / "compiled.joblib")
    mapped = joblib.load(tmp_path / "compiled.joblib", mmap_mode="r")
    assert np.array_equal(mapped.predict_proba(TEXTS), expected)


def test_one_compilation_serves_all_inputs(logistic):
    from skwillump.kernels.text._tfidf import weigh_texts

    compiled = compile_pipeline(logistic)
    before = len(weigh_texts.signatures)
    assert before == 1
    for copy in (compiled, pickle.loads(pickle.dumps(compiled)), compile_pipeline(logistic)):
        copy.predict_one("a text")
        copy.predict(["ein Täxt"])
        copy.predict(pd.Series(TEXTS))
        copy.predict(pl.Series(TEXTS))
    assert len(weigh_texts.signatures) == before


READ_ONLY = """
import pathlib, shutil, sys
target = pathlib.Path(sys.argv[1]) / "skwillump"
shutil.copytree(sys.argv[2], target, ignore=shutil.ignore_patterns("__pycache__"))
# A file where the cache folder would be: not even the superuser can write into it.
for folder in [target, *(p for p in target.rglob("*") if p.is_dir())]:
    (folder / "__pycache__").touch()
sys.path.insert(0, sys.argv[1])
sys.dont_write_bytecode = True
import skwillump
assert skwillump.__file__.startswith(sys.argv[1])
from skwillump.kernels.text._utf8 import flag_irregular_case
import numpy as np
flags = np.zeros(1, dtype=bool)
starts, stops = np.array([0]), np.array([3])
assert flag_irregular_case(np.frombuffer("aΣ".encode(), np.uint8), starts, stops, flags)
print(type(flag_irregular_case._cache).__name__, flags.tolist())
"""


def test_an_install_that_cannot_be_written_still_works(tmp_path):
    home = tmp_path / "home"
    home.touch()  # a file: no cache folder can be made below it
    environment = {
        **os.environ,
        "HOME": str(home),
        "XDG_CACHE_HOME": str(home),
        "NUMBA_CACHE_DIR": "",
    }
    source = Path(skwillump.__file__).parent
    run = subprocess.run(
        [sys.executable, "-c", READ_ONLY, str(tmp_path), str(source)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.split(maxsplit=1) == ["NullCache", "[True]\n"]


def test_importing_compiles_nothing_and_makes_no_tables():
    code = (
        "import skwillump, skwillump._compiled\n"
        "from skwillump.kernels.text import _tfidf, _unicode, _utf8\n"
        "assert not _tfidf.weigh_texts.signatures and not _utf8.flag_irregular_case.signatures\n"
        "assert not _unicode.lower_table.cache_info().currsize\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_it_passes_for_a_classifier(logistic):
    from sklearn.base import is_classifier

    compiled = compile_pipeline(logistic)
    assert isinstance(compiled, CompiledPipeline)
    assert is_classifier(compiled)


def test_it_is_fitted_for_good(logistic):
    compiled = compile_pipeline(logistic)
    check_is_fitted(compiled)
    before = compiled.predict_proba(TEXTS)
    assert compiled.fit(["other"], ["pos"], sample_weight=[1]) is compiled
    assert clone(compiled) is compiled
    assert compiled.get_params() == {"estimator": compiled.estimator, "n_jobs": None}
    assert compiled.set_params() is compiled
    for name in ("estimator", "logisticregression__C"):
        with pytest.raises(ValueError, match=f"'{name}' cannot be set"):
            compiled.set_params(**{name: 1})
    assert np.array_equal(compiled.predict_proba(TEXTS), before)


def test_a_twin_is_not_compiled_again(logistic):
    compiled = compile_pipeline(logistic)
    assert compile_pipeline(compiled) is compiled
    shared = compile_pipeline(compiled, n_jobs=2)
    assert (compiled.n_jobs, shared.n_jobs) == (None, 2)
    assert shared._parts.scorer is compiled._parts.scorer
    assert compile_pipeline(shared, n_jobs=2) is shared
    assert compile_pipeline(shared).n_jobs is None
    many = TEXTS * 30
    assert np.array_equal(shared.predict_proba(many), compiled.predict_proba(many))
    assert compile_pipeline(FrozenEstimator(compiled)).predict_one(TEXTS[0]) == Y[0]


def test_scikit_learn_takes_it_where_it_takes_a_fitted_estimator(logistic):
    compiled = compile_pipeline(logistic)
    curves = [RocCurveDisplay.from_estimator(e, TEXTS, Y) for e in (logistic, compiled)]
    plt.close("all")
    np.testing.assert_allclose(curves[0].tpr, curves[1].tpr)
    for make, twin in (
        (CalibratedClassifierCV, FrozenEstimator(compiled)),
        (_stacked, compiled),
        (_voted, compiled),
    ):
        expected, actual = (make(e).fit(TEXTS, Y) for e in (FrozenEstimator(logistic), twin))
        np.testing.assert_allclose(actual.predict_proba(TEXTS), expected.predict_proba(TEXTS))
    scores = cross_val_score(compiled, TEXTS, Y, cv=2)
    np.testing.assert_allclose(scores, cross_val_score(FrozenEstimator(logistic), TEXTS, Y, cv=2))
    search = GridSearchCV(compiled, {"n_jobs": [None, 2]}, cv=2).fit(TEXTS, Y)
    assert np.array_equal(search.predict(TEXTS), logistic.predict(TEXTS))
    assert "CompiledPipeline" in estimator_html_repr(make_pipeline(compiled))


def test_a_notebook_shows_the_estimator_and_what_is_compiled():
    model = make_pipeline(FunctionTransformer(list), TfidfVectorizer(), LogisticRegression())
    compiled = compile_pipeline(model.fit(["a fine film", "a poor film"] * 5, [1, 0] * 5))
    shown = compiled._repr_html_()
    for text in ("2 of 3 steps compiled", "functiontransformer: ", "TfidfVectorizer"):
        assert text in shown
    with config_context(display="text"):
        assert compiled._repr_html_() is None


def _stacked(estimator):
    return StackingClassifier([("a", estimator)], cv="prefit")


def _voted(estimator):
    return VotingClassifier([("a", estimator)], voting="soft")


def test_importances_of_its_columns_are_the_estimators():
    X = pd.DataFrame({"title": TEXTS, "body": TEXTS[::-1]})
    estimator = make_pipeline(
        make_column_transformer((TfidfVectorizer(), "title"), (CountVectorizer(), "body")),
        LogisticRegression(),
    ).fit(X, Y)
    expected, actual = (
        permutation_importance(e, X, Y, n_repeats=2, random_state=0).importances
        for e in (estimator, compile_pipeline(estimator))
    )
    np.testing.assert_allclose(actual, expected)


def test_a_compiled_transformer_is_a_step_of_another_pipeline():
    words = TfidfVectorizer().fit(TEXTS)
    expected = make_pipeline(FrozenEstimator(words), LogisticRegression()).fit(TEXTS, Y)
    actual = make_pipeline(compile_pipeline(words), LogisticRegression()).fit(TEXTS, Y)
    np.testing.assert_allclose(actual.predict_proba(TEXTS), expected.predict_proba(TEXTS))


def test_a_cascade_takes_it_as_one_model(logistic):
    compiled = compile_pipeline(logistic)
    cascade = CascadeClassifier(compiled, cv="prefit").fit(TEXTS, Y)
    assert np.array_equal(cascade.predict(TEXTS), logistic.predict(TEXTS))
    assert cascade.predict_one(TEXTS[0]) == compiled.predict_one(TEXTS[0])
