"""Trees grown to the end on words: rows ask the nodes of the features that they have."""

import pickle
import re

import numpy as np
import pytest
from lightgbm import LGBMClassifier
from scipy import sparse
from sklearn.base import clone
from sklearn.ensemble import (
    BaggingClassifier,
    ExtraTreesRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfVectorizer
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.tree import DecisionTreeClassifier

from skwillump import compile_pipeline
from skwillump.compilers import compile_model
from skwillump.compilers._unsupported import InputUnsupported
from skwillump.compilers.models import _narrow, _sparse_trees
from skwillump.compilers.models._sparse_trees import SparseTrees
from skwillump.kernels.trees._zero_paths import MOST_ROWS

WORDS = [f"word{number}" for number in range(700)]


def texts(rng, n_texts):
    return [" ".join(rng.choice(WORDS, count)) for count in rng.integers(0, 12, n_texts)]


def lengths(rows):
    return np.array([[len(text) > 40] for text in rows])


VECTORIZERS = {
    "counts": CountVectorizer(),
    "binary": CountVectorizer(binary=True),
    "tfidf": TfidfVectorizer(),
    "bigrams": TfidfVectorizer(ngram_range=(1, 2)),
    "signed hashes": HashingVectorizer(n_features=1 << 14),
    "own flag": FeatureUnion([("w", CountVectorizer()), ("f", FunctionTransformer(lengths))]),
}

MODELS = {
    "forest": RandomForestClassifier(n_estimators=12, random_state=0),
    "tree": DecisionTreeClassifier(random_state=0),
    "values": ExtraTreesRegressor(n_estimators=4, random_state=0),
    "outputs": RandomForestRegressor(n_estimators=4, random_state=0),
    "bagging": BaggingClassifier(DecisionTreeClassifier(), n_estimators=4, random_state=0),
    "labels": MultiOutputClassifier(DecisionTreeClassifier(random_state=0)),
}


def targets(name, rng, n_rows):
    if name in ("outputs", "labels"):
        found = rng.integers(0, 3, (n_rows, 2))
        return found.astype(float) if name == "outputs" else found
    return rng.integers(0, 3, n_rows)


@pytest.mark.parametrize("name", VECTORIZERS)
@pytest.mark.parametrize("kind", MODELS)
def test_answers_are_those_of_scikit_learn(name, kind):
    rng = np.random.default_rng(0)
    train, rows = texts(rng, 500), ["", *texts(rng, 150)]
    pipeline = make_pipeline(VECTORIZERS[name], MODELS[kind]).fit(
        train, targets(kind, rng, len(train))
    )
    compiled = compile_pipeline(pipeline)
    assert np.array_equal(compiled.predict(rows), pipeline.predict(rows))
    if hasattr(pipeline, "predict_proba"):
        found, expected = compiled.predict_proba(rows), pipeline.predict_proba(rows)
        assert np.array_equal(np.asarray(found), np.asarray(expected))
    few = rows[:3]
    assert np.array_equal(compiled.predict(few), pipeline.predict(few))
    assert [compiled.predict_one(row) for row in few] == pytest.approx(pipeline.predict(few))


def forest_of(rng, n_features=300, n_rows=600, **options):
    X = sparse.random(n_rows, n_features, 0.05, format="csr", random_state=0)
    X.data = rng.normal(size=X.nnz).round(1)
    X.eliminate_zeros()
    y = rng.integers(0, 3, n_rows)
    return RandomForestClassifier(10, random_state=0, **options).fit(X, y), X


@pytest.mark.parametrize("group_paths", [1, 500, 1 << 14])
def test_values_below_zero_and_groups_of_any_size_change_nothing(group_paths, monkeypatch):
    monkeypatch.setattr(_sparse_trees, "_GROUP_PATHS", group_paths)
    forest, X = forest_of(np.random.default_rng(0))
    trees = SparseTrees.of(compile_model(forest).trees, X.shape[1])
    assert np.array_equal(trees.raw(X), forest.predict_proba(X))
    dense = sparse.csr_matrix(np.random.default_rng(1).normal(size=(50, X.shape[1])))
    assert np.array_equal(trees.raw(dense), forest.predict_proba(dense))


def test_thresholds_that_are_no_float32_part_values_as_in_scikit_learn():
    rng = np.random.default_rng(0)
    X = sparse.csr_matrix(rng.choice([0.0, 0.0, 0.0, 0.1, 0.7, -0.3], (500, 60)))
    forest = RandomForestClassifier(10, random_state=0).fit(X, rng.integers(0, 2, 500))
    trees = SparseTrees.of(compile_model(forest).trees, 60)
    limits = np.unique(np.concatenate([tree.tree_.threshold for tree in forest.estimators_]))
    rows = np.zeros((len(limits) * 3, 60))
    for at, limit in enumerate(limits):
        single = np.float32(limit)
        near = (single, np.nextafter(single, np.float32(9)), np.nextafter(single, np.float32(-9)))
        rows[3 * at : 3 * at + 3] = np.array(near)[:, None]
    rows = sparse.csr_matrix(rows)
    assert np.array_equal(trees.raw(rows), forest.predict_proba(rows))


def test_threads_many_rows_and_pickles_answer_alike():
    forest, X = forest_of(np.random.default_rng(0))
    many = sparse.vstack([X] * (MOST_ROWS // X.shape[0] + 2)).tocsr()
    trees = SparseTrees.of(compile_model(forest).trees, X.shape[1])
    expected = forest.predict_proba(many)
    assert np.array_equal(trees.raw(many, n_threads=2), expected)
    assert np.array_equal(pickle.loads(pickle.dumps(trees)).raw(many), expected)


def test_small_trees_are_walked():
    forest, X = forest_of(np.random.default_rng(0), max_depth=3)
    assert SparseTrees.of(compile_model(forest).trees, X.shape[1]) is None


def test_rows_with_many_features_are_walked():
    rng = np.random.default_rng(0)
    X = sparse.csr_matrix(rng.integers(0, 20, (600, 300)) == 0, dtype=np.float64)
    forest = RandomForestClassifier(10, random_state=0).fit(X, rng.integers(0, 3, 600))
    trees = SparseTrees.of(compile_model(forest).trees, X.shape[1])
    assert trees.pays(X)
    assert not trees.pays(sparse.csr_matrix(np.ones((5, X.shape[1]))))
    assert trees.pays(sparse.csr_matrix((5, X.shape[1])))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_no_float32_raise_what_scikit_learn_raises(value):
    forest, X = forest_of(np.random.default_rng(0), n_features=5000)
    pipeline = make_pipeline(FunctionTransformer(accept_sparse=True), forest)
    compiled, bad = compile_pipeline(pipeline), X.copy()
    bad.data[3] = value
    with pytest.raises(ValueError, match="contains") as expected:
        pipeline.predict(bad)
    with pytest.raises(ValueError, match=re.escape(str(expected.value))):
        compiled.predict(bad)
    assert np.array_equal(compiled.predict_proba(X), pipeline.predict_proba(X))


def test_one_row_is_read_without_a_matrix_however_many_features_are_asked_for(monkeypatch):
    monkeypatch.setattr(_narrow, "MAX_DENSE_FEATURES", 50)
    rng = np.random.default_rng(0)
    rows = [" ".join(rng.choice(WORDS, count)) for count in rng.integers(0, 30, 300)]
    fitted = make_pipeline(TfidfVectorizer(ngram_range=(1, 2)), MODELS["forest"])
    fitted.fit(rows, rng.integers(0, 3, 300))
    compiled = compile_pipeline(fitted)
    scorer = compiled._parts.scorer
    assert scorer.is_wide
    assert scorer._reads_entries
    assert type(scorer._of_entries) is SparseTrees
    monkeypatch.setattr(type(scorer.features), "transform", None)  # makes a matrix
    for text in [*rows[:40], "", "word1 word1 other"]:
        expected = fitted.predict_proba([text])[0]
        np.testing.assert_array_equal(compiled.predict_proba_one(text), expected)


@pytest.mark.parametrize(
    "model",
    [
        DecisionTreeClassifier(max_depth=6, random_state=0),
        LGBMClassifier(n_estimators=3, verbose=-1),
    ],
    ids=["tree", "LightGBM"],
)
@pytest.mark.parametrize("n_rows", [1, 300, 3000])
def test_sparse_rows_of_few_trees_are_answered_in_any_number(model, n_rows):
    rng = np.random.default_rng(0)
    X = sparse.random(3000, 300, density=0.02, format="csr", random_state=rng)
    y = np.asarray(X[:, 0].todense()).ravel() > 0
    model = clone(model).fit(X, y)
    found = compile_pipeline(model).predict_proba(X[:n_rows])
    np.testing.assert_allclose(found, model.predict_proba(X[:n_rows]), rtol=1e-12)


def test_trees_that_refuse_missing_values_are_not_laid_out_again():
    X = np.random.default_rng(0).normal(size=(300, 4))
    compiled = compile_model(DecisionTreeClassifier(random_state=0).fit(X, X[:, 0] > X[:, 1]))
    assert compiled.strict().deep[0].nodes is compiled.deep[0].nodes
    X[5, 0] = np.nan
    with pytest.raises(InputUnsupported):
        compiled.strict().raw(X)
    assert np.isfinite(compiled.raw(X)).all()


def _twice(X):
    X = X.tocsr()
    return sparse.csr_matrix(
        (np.repeat(X.data / 2, 2), np.repeat(X.indices, 2), X.indptr * 2), shape=X.shape
    )


def _with(value):
    def change(X):
        X = X.tocsr().copy()
        X.data[::50] = value
        return X

    return change


GIVEN = {
    "as in fit": lambda X: X,
    "columns": lambda X: X.tocsc(),
    "triples": lambda X: X.tocoo(),
    "lists": lambda X: X.tolil(),
    "an array": sparse.csr_array,
    "single precision": lambda X: X.astype(np.float32),
    "integers": lambda X: X.astype(np.int64),
    "truths": lambda X: X.astype(bool),
    "entries twice": _twice,
    "zeros that are held": _with(0.0),
    "below zero": lambda X: -X,
    "missing": _with(np.nan),
    "infinite": _with(np.inf),
    "too large": _with(1e39),
    "no rows": lambda X: X[:0],
    "one row": lambda X: X[:1],
    "fewer columns": lambda X: X[:, :-1],
    "dense": lambda X: X.toarray(),
}


@pytest.fixture(scope="module", params=[700, 5000])
def forest_alone(request):
    """Words of texts, and a forest that was given these alone."""
    rng = np.random.default_rng(0)
    X = sparse.hstack(
        [CountVectorizer().fit_transform(texts(rng, 500)), sparse.csr_matrix((500, request.param))]
    ).tocsr()
    y = targets("forest", rng, X.shape[0])
    return X.astype(float), RandomForestClassifier(n_estimators=12, random_state=0).fit(X, y)


@pytest.mark.filterwarnings("ignore:overflow encountered in cast")
@pytest.mark.parametrize("given", GIVEN)
def test_a_model_alone_is_given_sparse_rows(forest_alone, given):
    X, forest = forest_alone
    X, twin = GIVEN[given](X), compile_pipeline(forest)
    try:
        expected = forest.predict_proba(X)
    except ValueError as error:
        with pytest.raises(ValueError, match=re.escape(str(error)[:40])):
            twin.predict_proba(X)
        return
    np.testing.assert_allclose(twin.predict_proba(X), expected, rtol=1e-12)
    again = pickle.loads(pickle.dumps(twin))
    np.testing.assert_array_equal(again.predict_proba(X), twin.predict_proba(X))


def test_a_model_alone_does_not_make_its_sparse_rows_dense(forest_alone, monkeypatch):
    X, forest = forest_alone
    twin = compile_pipeline(forest)
    expected = forest.predict(X)
    for name in ("toarray", "todense"):
        monkeypatch.setattr(sparse.csr_matrix, name, None)
    monkeypatch.setattr(RandomForestClassifier, "predict_proba", None)
    np.testing.assert_array_equal(twin.predict(X), expected)
