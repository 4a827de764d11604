"""Linear models give their own answers from scores."""

import warnings

import numpy as np
import pytest
from answers import whole_twin
from numpy.testing import assert_array_equal
from scipy import sparse
from scipy.special import expit
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.cross_decomposition import PLSRegression
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis
from sklearn.ensemble import (
    AdaBoostClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import (
    LinearRegression,
    LogisticRegression,
    LogisticRegressionCV,
    Perceptron,
    RANSACRegressor,
    Ridge,
    RidgeClassifier,
    SGDClassifier,
    SGDRegressor,
    TweedieRegressor,
)
from sklearn.naive_bayes import BernoulliNB, ComplementNB, GaussianNB, MultinomialNB
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC, LinearSVR
from sklearn.tree import DecisionTreeClassifier

from skwillump.compilers import LinearModel, Unsupported, compile_model, predicts_largest
from skwillump.planning import predicted_codes

GENERATOR = np.random.default_rng(0)
X = np.abs(GENERATOR.normal(size=(120, 6)))
LABELS = {
    "two": np.where(X[:, 0] > X[:, 1], "yes", "no"),
    "three": np.array([3, 5, 9])[(X[:, :3]).argmax(axis=1)],
}

CLASSIFIERS = [
    LogisticRegression(),
    LogisticRegression(fit_intercept=False),
    LinearSVC(),
    SGDClassifier(loss="log_loss", random_state=0),
    SGDClassifier(loss="modified_huber", random_state=0),
    Perceptron(),
    RidgeClassifier(),
    MultinomialNB(),
    ComplementNB(),
    BernoulliNB(binarize=None),
    CalibratedClassifierCV(LinearSVC(), cv=3),
    CalibratedClassifierCV(LogisticRegression(), cv=3, ensemble=False),
    CalibratedClassifierCV(MultinomialNB(), cv=2),
    LinearDiscriminantAnalysis(),
]
OTHER_CLASSIFIERS = [
    AdaBoostClassifier(n_estimators=10),
    DecisionTreeClassifier(max_depth=3),
    GaussianNB(),
    GradientBoostingClassifier(n_estimators=10),
    HistGradientBoostingClassifier(max_iter=10),
    KNeighborsClassifier(4),
    QuadraticDiscriminantAnalysis(),
    RandomForestClassifier(5),
]
REGRESSORS = [LinearRegression(), Ridge(), SGDRegressor(random_state=0), LinearSVR()]


def scores_of(model):
    return X @ model.coef + model.intercept


@pytest.mark.filterwarnings("ignore:divide by zero:RuntimeWarning")  # log(0) of scikit-learn's
@pytest.mark.parametrize("estimator", CLASSIFIERS, ids=str)
@pytest.mark.parametrize("labels", LABELS)
def test_classifiers_answer_as_scikit_learns(estimator, labels):
    rows = np.where(X > 0.7, 1.0, 0.0) if isinstance(estimator, BernoulliNB) else X
    fitted = estimator.fit(rows, LABELS[labels])
    model = compile_model(fitted, LinearModel)
    scores = rows @ model.coef + model.intercept
    predicted = model.predict(scores)
    assert predicted.dtype == fitted.predict(rows).dtype
    assert np.array_equal(predicted, fitted.predict(rows))
    assert not len(model.doubtful(scores))
    assert [model.predict_one(row) for row in scores] == predicted.tolist()
    for method in ("decision_function", "predict_proba", "predict_log_proba"):
        if model.gives(method):
            expected = getattr(fitted, method)(rows)
            actual = getattr(model, method)(scores)
            assert actual.shape == expected.shape
            np.testing.assert_allclose(actual, expected, rtol=1e-12, atol=1e-14)
        else:
            assert not hasattr(fitted, method) or estimator.loss == "modified_huber"
    if model.gives("predict_proba"):
        one = np.array([model.predict_proba_one(row) for row in scores])
        np.testing.assert_allclose(one, fitted.predict_proba(rows), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("estimator", REGRESSORS, ids=str)
@pytest.mark.parametrize("n_targets", [None, 1, 2])
def test_regressors_answer_as_scikit_learns(estimator, n_targets):
    if n_targets and not isinstance(estimator, (LinearRegression, Ridge)):
        pytest.skip("one target only")
    y = X @ np.arange(6.0) if n_targets is None else X[:, :n_targets]
    fitted = estimator.fit(X, y)
    model = compile_model(fitted, LinearModel)
    actual = model.predict(scores_of(model))
    expected = fitted.predict(X)
    assert actual.shape == expected.shape
    np.testing.assert_allclose(actual, expected, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("power", [0, 1, 1.5, 2, 3])
def test_values_of_generalized_models_are_means_and_not_scores(power):
    fitted = TweedieRegressor(power=power).fit(X, 1.0 + X[:, 0])
    model = compile_model(fitted, LinearModel)
    scores = scores_of(model)
    np.testing.assert_allclose(model.predict(scores), fitted.predict(X), rtol=1e-12)
    one = [model.predict_one(row) for row in scores]
    np.testing.assert_allclose(one, fitted.predict(X), rtol=1e-12)


def test_a_consensus_of_what_is_not_linear_is_not_compiled():
    neighbors = RANSACRegressor(KNeighborsRegressor(), min_samples=20, random_state=0)
    with pytest.raises(Unsupported, match="KNeighborsRegressor"):
        compile_model(neighbors.fit(X, X[:, 0]), LinearModel)


@pytest.mark.parametrize("n_targets", [None, 2])
def test_least_squares_of_projections_center_far_features(n_targets):
    rows = 1e3 + X
    y = X[:, 0] if n_targets is None else X[:, :n_targets]
    fitted = make_pipeline(StandardScaler(), PLSRegression(2)).fit(rows, y)
    compiled = whole_twin(fitted)
    expected = fitted.predict(rows)
    np.testing.assert_allclose(compiled.predict(rows), expected, rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(compiled.predict_one(rows[3]), expected[3], rtol=1e-12)


def test_a_calibrated_frozen_model():
    frozen = FrozenEstimator(LogisticRegression().fit(X, LABELS["three"]))
    fitted = CalibratedClassifierCV(frozen).fit(X, LABELS["three"])
    model = compile_model(fitted, LinearModel)
    np.testing.assert_allclose(
        model.predict_proba(scores_of(model)), fitted.predict_proba(X), rtol=1e-12
    )
    tie = np.zeros((1, len(model.intercept)))
    assert len(model.doubtful(np.nan * tie)) == 1


def test_logistic_regression_cv():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of its parameters' new defaults
        fitted = LogisticRegressionCV(Cs=2, cv=2).fit(X, LABELS["three"])
        model = compile_model(fitted, LinearModel)
    np.testing.assert_allclose(
        model.predict_proba(scores_of(model)), fitted.predict_proba(X), rtol=1e-12
    )


@pytest.mark.filterwarnings("ignore:invalid value encountered in divide")  # scikit-learn 1.6's
@pytest.mark.parametrize("estimator", [*CLASSIFIERS, *OTHER_CLASSIFIERS], ids=str)
@pytest.mark.parametrize("labels", LABELS)
def test_what_is_known_to_be_predicted_is(estimator, labels):
    # Far from the boundaries, where probabilities of several classes may round to one.
    rows = np.where(X > 0.7, 1.0, 0.0) if isinstance(estimator, BernoulliNB) else 1000 * X
    fitted = clone(estimator).fit(rows, LABELS[labels])
    for method in ("predict_proba", "decision_function"):
        if hasattr(fitted, method):
            largest = fitted.classes_[predicted_codes(getattr(fitted, method)(rows))]
            if predicts_largest(fitted, method):
                assert_array_equal(fitted.predict(rows), largest)
            else:
                assert isinstance(fitted, SGDClassifier)
                assert (labels, method) == ("three", "predict_proba")


def test_scores_within_rounding_of_a_tie_are_in_doubt():
    binary = compile_model(LogisticRegression().fit(X, LABELS["two"]), LinearModel)
    assert binary.doubtful(np.array([[1e-15], [1.0], [0.0], [np.nan], [-1e-12]])).tolist() == [
        0,
        2,
        3,
        4,
    ]
    assert binary.predict_one(np.array([1e-15])) is None
    several = compile_model(LogisticRegression().fit(X, LABELS["three"]), LinearModel)
    scores = np.array([[1.0, 1.0 + 1e-13, 0.0], [1.0, 2.0, 2.1], [0.0, np.nan, 1.0]])
    assert several.doubtful(scores).tolist() == [0, 2]
    assert several.predict_one(scores[0]) is None
    assert several.predict_one(scores[1]) == 9
    assert several.predict_one(scores[2]) is None


def test_extreme_scores_keep_their_probabilities():
    model = compile_model(LogisticRegression().fit(X, LABELS["two"]), LinearModel)
    for score in (-1000.0, -40.0, 40.0, 1000.0):
        one = model.predict_proba_one(np.array([score]))
        assert np.array_equal(one, model.predict_proba(np.array([[score]]))[0])
        assert one.sum() == 1.0


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")  # before scikit-learn 1.9
def test_one_vs_rest_probabilities_that_are_all_zero():
    fitted = SGDClassifier(loss="log_loss", random_state=0).fit(X, LABELS["three"])
    fitted.coef_[:] = -10.0
    rows = np.outer([1.0, 1e3, 1e-3], np.ones(X.shape[1]))
    model = compile_model(fitted, LinearModel)
    scores = rows @ model.coef + model.intercept
    expected = fitted.predict_proba(rows)
    assert (expit(scores) == 0).all(axis=1).tolist() == [False, True, False]
    np.testing.assert_allclose(model.predict_proba(scores), expected, rtol=1e-12)
    np.testing.assert_allclose(model.predict_log_proba(scores), np.log(expected), rtol=1e-12)
    for row, one in zip(scores, expected, strict=True):
        np.testing.assert_allclose(model.predict_proba_one(row), one, rtol=1e-12)


@pytest.mark.parametrize(
    ("fitted", "reason"),
    [
        (SVC().fit(X, LABELS["two"]), "another kind"),
        (BernoulliNB().fit(X, LABELS["two"]), "another kind"),
        (
            CalibratedClassifierCV(LinearSVC(), method="isotonic", cv=2).fit(X, LABELS["two"]),
            "only sigmoid",
        ),
        (CalibratedClassifierCV(SVC(), cv=2).fit(X, LABELS["two"]), "another kind"),
        (RidgeClassifier().fit(X.astype(np.float32), LABELS["two"]), "float32"),
        (
            RidgeClassifier().fit(X, sparse.csr_matrix(np.eye(3)[LABELS["three"] // 4])),
            "sparse labels",
        ),
    ],
)
def test_other_models_are_refused_with_a_reason(fitted, reason):
    with pytest.raises(Unsupported, match=reason):
        compile_model(fitted, LinearModel)


class _OwnFit(SGDClassifier):
    def fit(self, X, y):
        return super().fit(X, y)


def test_probabilities_of_a_subclass_that_fits_may_round_to_one_as_its_parents():
    X = np.random.default_rng(0).normal(size=(200, 4))
    y = np.digitize(X[:, 0], [-0.4, 0.4])
    for kind in (SGDClassifier, _OwnFit):
        model = kind(loss="log_loss", random_state=0).fit(X, y)
        assert not LinearModel.predicts_largest(model, "predict_proba")
        expected = model.predict_proba(X)
        np.testing.assert_allclose(whole_twin(model).predict_proba(X), expected, rtol=1e-12)
