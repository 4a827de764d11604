"""Cascades of several labels a row."""

import pickle

import numpy as np
import pandas as pd
import pytest
from common import COSTS, two_blocks, two_signals
from scipy import sparse
from sklearn import config_context
from sklearn.base import clone
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.metrics import accuracy_score, make_scorer
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline, make_union
from sklearn.svm import LinearSVC

from skwillump import CascadeClassifier, NoCascadeWarning
from skwillump.cascade._label_sets import label_confidence, positive_part


def label_sets(n_rows=2000, seed=0):
    """Three labels of the sum of a cheap and a dear signal; a row may have none or all."""
    X, _ = two_signals(n_rows, seed=seed)
    value = X.sum(axis=1)
    return X, np.column_stack([value > 1, value > 4, value < -5]).astype(int)


X, Y = label_sets()

MODELS = {
    "one against the rest": OneVsRestClassifier(LogisticRegression()),
    "by decision values": OneVsRestClassifier(LinearSVC()),
    "trees against the rest": OneVsRestClassifier(
        RandomForestClassifier(10, max_depth=5, random_state=0)
    ),
    "several outputs": MultiOutputClassifier(LogisticRegression()),
    "other losses": MultiOutputClassifier(SGDClassifier(loss="modified_huber", random_state=0)),
    "several outputs of trees": MultiOutputClassifier(
        ExtraTreesClassifier(10, max_depth=5, random_state=0)
    ),
    "forest": RandomForestClassifier(20, max_depth=5, random_state=0),
    "neighbours": KNeighborsClassifier(15),
    "perceptron": MLPClassifier((8,), max_iter=30, random_state=0),
}


OPAQUE = {"forest", "neighbours", "perceptron"}


def estimators():
    found = {name: two_blocks(model) for name, model in MODELS.items()}
    found["pipelines against the rest"] = OneVsRestClassifier(two_blocks())
    found["several outputs of pipelines"] = MultiOutputClassifier(two_blocks())
    return found


def cascade(estimator, **kwargs):
    kwargs = {"accuracy_target": 0.9, "cv": 0.5, "feature_costs": COSTS, **kwargs}
    return CascadeClassifier(estimator, random_state=0, **kwargs)


def assert_same(actual, expected, rows=slice(None)):
    assert isinstance(actual, list) == isinstance(expected, list)
    pairs = zip(actual, expected, strict=True) if isinstance(actual, list) else [(actual, expected)]
    for one, other in pairs:
        assert one.shape == other.shape
        assert one.dtype == other.dtype
        np.testing.assert_allclose(one[rows], other[rows], rtol=1e-12, atol=1e-14)


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
@pytest.mark.parametrize("name", estimators())
def test_rows_with_sure_labels_are_answered_early_and_others_by_the_full_model(name):
    estimator = estimators()[name]
    # What is not compiled has no path of its own for one row.
    model = cascade(estimator, accuracy_target=0.8, compile=name not in OPAQUE).fit(X, Y)
    assert model.guarantee_.kind == "cross-fitted", model.report()
    assert model.stages_[0].blocks == ("cheap",)
    plain = clone(estimator).fit(X, Y)
    stage = model.predict_stage(X)
    assert (stage == 0).any()
    late = stage == 1
    labels, expected = model.predict(X), plain.predict(X)
    assert labels.dtype == expected.dtype
    np.testing.assert_array_equal(labels[late], expected[late])
    assert accuracy_score(Y, labels) >= 0.8 * accuracy_score(Y, expected)
    assert model.score(X, Y) == accuracy_score(Y, labels)
    methods = [m for m in ("predict_proba", "decision_function") if hasattr(plain, m)]
    assert methods
    for method in methods:
        assert_same(getattr(model, method)(X), getattr(plain, method)(X), late)
    assert [np.ravel(c).tolist() for c in model.classes_] == [
        np.ravel(c).tolist() for c in plain.classes_
    ]


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
@pytest.mark.parametrize("name", ["one against the rest", "several outputs", "forest"])
def test_one_row_is_answered_as_in_a_batch(name):
    model = cascade(estimators()[name], accuracy_target=0.8, compile=name not in OPAQUE)
    model = pickle.loads(pickle.dumps(model.fit(X, Y)))
    labels, probabilities = model.predict(X), model.predict_proba(X)
    for row in range(0, len(X), 131):
        np.testing.assert_array_equal(model.predict_one(X[row]), labels[row])
        one = model.predict_proba_one(X[row])
        if isinstance(probabilities, list):
            expected = [of_label[row] for of_label in probabilities]
            assert isinstance(one, list)
        else:
            expected = probabilities[row]
        np.testing.assert_allclose(one, expected, rtol=1e-12, atol=1e-14)


def test_text_of_several_labels_is_answered_on_the_compiled_path():
    rng = np.random.default_rng(0)
    words = rng.choice(["aa", "bb", "cc", "dd", "ee"], (1500, 6))
    texts = [" ".join(row) for row in words]
    y = np.column_stack([(words == word).any(axis=1) for word in ("aa", "bb")]).astype(int)
    union = make_union(TfidfVectorizer(), TfidfVectorizer(analyzer="char", ngram_range=(1, 4)))
    names = [name for name, _ in union.transformer_list]
    for wrapper in (OneVsRestClassifier, MultiOutputClassifier):
        model = cascade(
            make_pipeline(union, wrapper(LogisticRegression(C=10))),
            feature_costs={names[0]: 1e-6, names[1]: 1e-2},
        ).fit(texts, y)
        assert len(model.stages_) == 2
        assert model._runner.answer_one(texts[0], "predict") is not None
        np.testing.assert_array_equal(model.predict_one(texts[0]), model.predict(texts[:1])[0])


def test_what_is_certified_holds_on_new_rows():
    model = cascade(
        two_blocks(OneVsRestClassifier(LogisticRegression())), accuracy_target=0.97, refit=False
    ).fit(*label_sets(6000))
    assert model.guarantee_.kind == "certified"
    new_X, new_y = label_sets(20_000, seed=7)
    kept = model.score(new_X, new_y) / model.estimator_.score(new_X, new_y)
    assert kept >= 0.97
    early = (model.predict_stage(new_X) == 0).mean()
    assert 0 < early < 1


@pytest.mark.parametrize("with_labels", [True, False])
def test_fresh_rows_certify(with_labels):
    model = cascade(two_blocks(OneVsRestClassifier(LogisticRegression()))).fit(X, Y)
    fresh_X, fresh_y = label_sets(3000, seed=3)
    model.certify(fresh_X, fresh_y if with_labels else None)
    assert model.guarantee_.kind == "certified"
    assert len(model.stages_) == 2


def test_a_fitted_estimator_is_cascaded():
    fitted = two_blocks(MultiOutputClassifier(LogisticRegression())).fit(*label_sets(seed=5))
    model = cascade(fitted, cv="prefit").fit(X, pd.DataFrame(Y))
    assert model.guarantee_.kind == "certified"
    assert len(model.stages_) == 2


def test_the_report_tells_rows_without_a_label_from_others():
    model = cascade(two_blocks(OneVsRestClassifier(LogisticRegression()))).fit(X, Y)
    model._plan.thresholds[:] = [0.5, 0.75]
    model._set_plan(model._plan)
    assert "{no label: 0.5, a label: 0.75}" in " ".join(model.report().split())


@pytest.mark.parametrize(
    ("estimator", "y", "params", "why"),
    [
        (
            two_blocks(OneVsRestClassifier(LogisticRegression())),
            Y,
            {"scoring": "f1_micro"},
            "accuracy can be kept",
        ),
        (
            two_blocks(MultiOutputClassifier(LogisticRegression())),
            np.column_stack([Y[:, 0], Y.sum(axis=1)]),
            {},
            "not all 0 or 1",
        ),
        (
            two_blocks(OneVsRestClassifier(LogisticRegression())),
            sparse.csr_matrix(Y),
            {},
            "sparse matrix",
        ),
        (two_blocks(MultiOutputClassifier(LinearSVC())), Y, {}, "neither predict_proba"),
    ],
)
def test_what_cannot_be_cascaded_is_answered_by_the_full_model(estimator, y, params, why):
    with pytest.warns(NoCascadeWarning, match=why):
        model = cascade(estimator, **params).fit(X, y)
    expected = clone(estimator).fit(X, y).predict(X)
    if sparse.issparse(expected):
        assert (model.predict(X) != expected).nnz == 0
    else:
        np.testing.assert_array_equal(model.predict(X), expected)


def test_no_accuracy_is_kept_where_the_score_is_asked_for_with_weights():
    with config_context(enable_metadata_routing=True):
        model = LogisticRegression().set_fit_request(sample_weight=False)
        estimator = two_blocks(OneVsRestClassifier(model))
        for step in estimator[0].transformers:
            step[1].set_fit_request(sample_weight=False)
        scorer = make_scorer(accuracy_score).set_score_request(sample_weight=True)
        with pytest.warns(
            NoCascadeWarning, match=r"not a score with metadata: \['sample_weight'\]"
        ):
            cascade(estimator, scoring=scorer).fit(X, Y, sample_weight=np.ones(len(X)))


def test_confidence_of_a_row_is_that_of_all_its_labels():
    positive = np.array([[0.9, 0.2], [0.5, 1.0]])
    labels = positive > 0.5
    probability = label_confidence(positive, labels, "probability", is_probability=True)
    margin = label_confidence(positive, labels, "margin", is_probability=True)
    np.testing.assert_allclose(probability, [0.9 * 0.8, 0.5])
    np.testing.assert_allclose(margin, [0.6, 0.0])
    values = label_confidence(
        np.array([[2.0, -1.0]]), np.array([[True, True]]), "margin", is_probability=False
    )
    np.testing.assert_allclose(values, [-1.0])


def test_a_label_that_all_rows_have_or_lack_is_sure():
    response = [np.ones((2, 1)), np.array([[0.25, 0.75], [1.0, 0.0]]), np.ones((2, 1))]
    classes = [np.array([0]), np.array([0, 1]), np.array([1])]
    np.testing.assert_array_equal(
        positive_part(response, classes), [[0.0, 0.75, 1.0], [0.0, 0.0, 1.0]]
    )
