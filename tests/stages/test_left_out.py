"""Whatever the plain pipeline fits is fitted: what cannot be tried is left out, with its reason."""

import warnings

import numpy as np
import pandas as pd
import pytest
from common import COSTS, two_blocks, two_signals
from lightgbm import LGBMClassifier, LGBMRegressor
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, make_column_transformer
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.feature_selection import SelectKBest
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neighbors import RadiusNeighborsClassifier
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.semi_supervised import SelfTrainingClassifier

from skwillump import ApproxTopKRanker, CascadeClassifier

SETTINGS = {"cv": 0.4, "feature_costs": {"one": 1e-6, "two": 1e-3}, "random_state": 0}
ALIKE = {"feature_costs": {"one": 1e-3, "two": 1e-3}}
"""Costs by which each block is worth a try."""


LIGHTGBM_WARNS = pytest.mark.filterwarnings(
    "ignore:.*categorical_feature", "ignore:The argument 'eval_set'"
)
"""Of parameters that it takes all the same."""


def wide(n_rows=1500, seed=0):
    """Five columns and two classes; the first block holds two of them."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_rows, 5))
    return X, (X @ [3.0, 2.0, 1.0, 0.5, 0.1] > 0).astype(int)


def blocks_of_two_and_three(*steps):
    columns = [("one", StandardScaler(), [0, 1]), ("two", StandardScaler(), [2, 3, 4])]
    return make_pipeline(ColumnTransformer(columns), *steps)


def assert_all_are_tried(model):
    """Whether a linear model is tried in the place of a dear one is up to what these cost here."""
    assert all(spec.is_surrogate for spec, _ in model._calibrated.left_out)


def assert_answers_of_the_plain_pipeline(model, X, y, **params):
    plain = clone(model.estimator).fit(X, y, **params)
    last = model.predict_stage(X) == len(model.stages_) - 1
    assert_array_equal(model.predict(X)[last], plain.predict(X)[last])


class OnlyWide(LogisticRegression):
    """A classifier that wants a number of columns, at some point of its life."""

    def __init__(self, refuses="fit", C=1.0):
        super().__init__(C=C)
        self.refuses = refuses

    def fit(self, X, y, sample_weight=None):
        self._check("fit", X)
        return super().fit(X, y)

    def predict_proba(self, X):
        self._check("predict", X)
        return super().predict_proba(X)

    def _check(self, when, X):
        if self.refuses == when and X.shape[1] < 5:
            raise RuntimeError(f"five columns are needed to {when}")


@pytest.mark.parametrize("cv", [0.4, 3, "prefit"])
@pytest.mark.parametrize("refuses", ["fit", "predict"])
def test_a_candidate_that_fails_is_left_out_with_its_reason(refuses, cv):
    X, y = wide()
    pipeline = blocks_of_two_and_three(OnlyWide(refuses))
    if cv == "prefit":
        pipeline.fit(*wide(seed=1))
    model = CascadeClassifier(pipeline, accuracy_target=0.9, **SETTINGS | {"cv": cv}).fit(X, y)
    assert model.guarantee_.kind == "exact"
    assert "five columns are needed" in model.guarantee_.reason
    assert f"a model on one: RuntimeError: five columns are needed to {refuses}" in model.report()
    assert_array_equal(model.predict(X), model.estimator_.predict(X))
    assert model.set_accuracy_target(0.8).guarantee_.kind == "exact"


def test_a_candidate_of_a_ranker_that_fails_is_left_out():
    X, y = wide()
    model = ApproxTopKRanker(blocks_of_two_and_three(OnlyWide()), k=20, **SETTINGS).fit(X, y)
    assert "five columns are needed" in model.report()
    assert len(model.rank(X, 20)) == 20


def test_other_candidates_stay_where_one_is_left_out():
    X, y = wide()
    # One block has too few columns to be selected from, the other has enough.
    pipeline = blocks_of_two_and_three(OnlyOfThree(), LogisticRegression())
    model = CascadeClassifier(pipeline, accuracy_target=0.3, **SETTINGS | ALIKE).fit(X, y)
    assert "a model on one: ValueError: too narrow" in model.report()
    assert [tradeoff.blocks for tradeoff in model.tradeoff_] == [("two",)]
    assert_answers_of_the_plain_pipeline(model, X, y)


class OnlyOfThree(StandardScaler):
    def fit(self, X, y=None, sample_weight=None):
        if X.shape[1] < 3:
            raise ValueError("too narrow")
        return super().fit(X)


def test_an_approximate_model_of_the_user_that_fits_nothing_says_why():
    X, y = wide()
    model = CascadeClassifier(
        blocks_of_two_and_three(LogisticRegression()),
        accuracy_target=0.9,
        approx_estimator=OnlyWide(),
        **SETTINGS,
    ).fit(X, y)
    assert "no approximate model could be made" in model.guarantee_.reason


# Parameters on features -----------------------------------------------------------------------


@pytest.mark.parametrize("steps", [(PCA(4),), (TruncatedSVD(4),), (SelectKBest(k=4),)])
def test_reductions_to_more_features_than_a_block_has(steps):
    X, y = wide()
    for model in (
        CascadeClassifier(
            blocks_of_two_and_three(*steps, LogisticRegression()),
            accuracy_target=0.7,
            **SETTINGS | ALIKE,
        ),
        ApproxTopKRanker(blocks_of_two_and_three(*steps, Ridge()), k=20, **SETTINGS | ALIKE),
    ):
        model.fit(X, y)
        assert_all_are_tried(model)
        assert len(model.tradeoff_) == 2
    assert len(model.rank(X)) == 20


@pytest.mark.parametrize(
    "said",
    [
        {"monotone_constraints": [0, 0, 0, 1, -1]},
        {"interaction_constraints": [[0, 1], [2, 3, 4]]},
        {"categorical_feature": [4]},
        {"feature_contri": [1.0, 1.0, 0.5, 0.5, 0.5]},
    ],
    ids=lambda said: next(iter(said)),
)
@LIGHTGBM_WARNS
def test_lightgbm_with_parameters_on_features_by_position(said):
    X, y = wide()
    boosted = {"n_estimators": 10, "verbose": -1, "n_jobs": 1, **said}
    model = CascadeClassifier(
        blocks_of_two_and_three(LGBMClassifier(**boosted)), accuracy_target=0.7, **SETTINGS
    ).fit(X, y)
    assert_all_are_tried(model)
    assert_answers_of_the_plain_pipeline(model, X, y)
    pipeline = blocks_of_two_and_three(LGBMRegressor(**boosted))
    assert len(ApproxTopKRanker(pipeline, k=20, **SETTINGS).fit(X, X[:, 0]).rank(X)) == 20


@LIGHTGBM_WARNS
def test_rows_of_an_evaluation_set_have_the_columns_of_the_model():
    X, y = wide()
    other = StandardScaler().fit_transform(wide(seed=1)[0])
    boosted = LGBMClassifier(n_estimators=10, verbose=-1, n_jobs=1)
    params = {"lgbmclassifier__eval_set": [(other, wide(seed=1)[1])]}
    model = CascadeClassifier(blocks_of_two_and_three(boosted), accuracy_target=0.7, **SETTINGS)
    model.fit(X, y, **params)
    assert_all_are_tried(model)
    assert_answers_of_the_plain_pipeline(model, X, y, **params)


@LIGHTGBM_WARNS
def test_parameters_of_fit_that_only_look_like_rows_are_not_sliced():
    X, y = wide(500)
    other = (np.zeros((3, 5)), [0, 1, 1])
    # As many evaluation sets as rows.
    params = {"lgbmclassifier__eval_set": [other] * 500}
    boosted = LGBMClassifier(n_estimators=2, verbose=-1, n_jobs=1)
    model = CascadeClassifier(blocks_of_two_and_three(boosted), accuracy_target=0.7, **SETTINGS)
    assert model.fit(X, y, **params)._calibrated is not None


# Dtypes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["int64", "uint8", "bool", "float32", object])
def test_blocks_of_dtypes_that_the_joined_matrix_never_has(dtype):
    rng = np.random.default_rng(0)
    numbers = pd.DataFrame(rng.integers(0, 2, size=(1500, 2)), columns=["a", "b"]).astype(dtype)
    X = numbers.assign(city=rng.choice(["x", "y", "z"], 1500))
    y = ((numbers["a"].astype(float) + (X["city"] == "x")) > 0.5).astype(int)
    columns = make_column_transformer((OneHotEncoder(), ["city"]), ("passthrough", ["a", "b"]))
    for last in (
        LGBMClassifier(n_estimators=5, verbose=-1, n_jobs=1),
        GradientBoostingClassifier(n_estimators=5),
    ):
        pipeline = make_pipeline(columns, last)
        model = CascadeClassifier(pipeline, accuracy_target=0.7, cv=0.4, random_state=0).fit(X, y)
        assert_all_are_tried(model)
        assert_answers_of_the_plain_pipeline(model, X, y)


# Folds ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("cv", [5, 0.5])
def test_a_fold_without_a_vocabulary_leaves_the_full_model_and_says_which(cv):
    texts = ["alpha beta", "gamma delta"] * 100
    for i in (0, 70, 150):
        texts[i] += " SKU12345"
    y = [0, 1] * 100
    numbers = TfidfVectorizer(token_pattern=r"sku\d+", min_df=3)
    union = FeatureUnion([("one", numbers), ("two", TfidfVectorizer(analyzer="char"))])
    pipeline = make_pipeline(union, LogisticRegression())
    model = CascadeClassifier(pipeline, accuracy_target=0.9, **SETTINGS | {"cv": cv}).fit(texts, y)
    assert model.predict(texts).tolist() == y
    reason = model.guarantee_.reason
    assert f"fold {1 if cv == 0.5 else ''}" in reason
    assert "a part of the rows" in reason
    assert "Use a cv with larger training folds" in reason
    assert reason in " ".join(model.report().split())  # its lines are broken


def test_a_fold_of_a_process_of_its_own_says_so_too():
    X, y = wide()
    pipeline = blocks_of_two_and_three(OnlyAllRows(n_rows=1100))
    model = CascadeClassifier(pipeline, accuracy_target=0.9, **SETTINGS | {"cv": 3, "n_jobs": 2})
    assert "fold 1 of 3, a part of the rows (1000 of 1500)" in model.fit(X, y).guarantee_.reason


@pytest.mark.parametrize("cv", [0.3, 3])
@pytest.mark.parametrize("ranks", [False, True])
def test_a_fold_whose_model_refuses_other_rows_leaves_the_full_model(cv, ranks):
    X, y = wide()
    pipeline = blocks_of_two_and_three(OnlyKnownRows() if ranks else OnlyKnownLabels())
    model = (
        ApproxTopKRanker(pipeline, k=20, precision_target=0.9, **SETTINGS | {"cv": cv})
        if ranks
        else CascadeClassifier(pipeline, accuracy_target=0.9, **SETTINGS | {"cv": cv})
    ).fit(X, y)
    assert_allclose(model.predict(X), model.estimator_.predict(X), rtol=1e-12, atol=1e-12)
    assert model.guarantee_.kind == "exact"
    assert "a part of the rows" in model.guarantee_.reason
    assert "rows of others" in model.guarantee_.reason


class RefusesOthers:
    def fit(self, X, y, sample_weight=None):
        self.known_ = {float(x) for x in X[:, 0]}
        return super().fit(X, y)

    def predict(self, X):
        if not {float(x) for x in X[:, 0]} <= self.known_:
            raise ValueError("rows of others")
        return super().predict(X)


class OnlyKnownLabels(RefusesOthers, LogisticRegression):
    pass


class OnlyKnownRows(RefusesOthers, Ridge):
    pass


class OnlyAllRows(LogisticRegression):
    def __init__(self, n_rows=0):
        super().__init__()
        self.n_rows = n_rows

    def fit(self, X, y, sample_weight=None):
        if len(X) < self.n_rows:
            raise ValueError("too few rows")
        return super().fit(X, y)


# Labels -----------------------------------------------------------------------------------------


def test_rows_without_a_label_are_fitted_and_show_nothing():
    X, y = wide(2000)
    y = np.where(np.random.default_rng(0).random(2000) < 0.4, -1, y)
    pipeline = blocks_of_two_and_three(SelfTrainingClassifier(LogisticRegression(), max_iter=1))
    for cv in (0.4, 3, "prefit"):
        given = clone(pipeline).fit(X, y) if cv == "prefit" else pipeline
        model = CascadeClassifier(given, accuracy_target=0.8, **SETTINGS | {"cv": cv}).fit(X, y)
        assert model.classes_.tolist() == [0, 1]
        assert set(model.predict(X)) == {0, 1}
        assert model._calibrated.calibration.full_right.mean() > 0.9
        assert len(model._calibrated.calibration.classes) <= np.sum(y != -1)
    ranker = ApproxTopKRanker(pipeline, k=20, **SETTINGS).fit(X, y)
    assert len(ranker.rank(X)) == 20


def test_minus_one_is_a_class_to_other_classifiers():
    X, y = wide()
    pipeline = blocks_of_two_and_three(LogisticRegression())
    model = CascadeClassifier(pipeline, accuracy_target=0.8, **SETTINGS).fit(X, 2 * y - 1)
    assert set(model.predict(X)) == {-1, 1}
    fitted = clone(pipeline).fit(X, y)
    with pytest.raises(ValueError, match=r"classes .*-1.* which the fitted estimator lacks"):
        CascadeClassifier(fitted, **SETTINGS | {"cv": "prefit"}).fit(X, 2 * y - 1)


def raw_logistic(y, score):
    chance = 1 / (1 + np.exp(-score))
    return chance - y, chance * (1 - chance)


def test_answers_that_are_no_labels_are_not_certified():
    X, y = wide()
    # With an objective of the user's own LightGBM predicts scores.
    boosted = LGBMClassifier(objective=raw_logistic, n_estimators=5, verbose=-1, n_jobs=1)
    model = CascadeClassifier(blocks_of_two_and_three(boosted), accuracy_target=0.8, **SETTINGS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(X, y)
        assert_array_equal(model.predict(X), model.estimator_.predict(X))
    assert model.guarantee_.kind == "exact"
    assert "not labels of its classes_" in model.guarantee_.reason


@pytest.mark.filterwarnings("ignore:Outlier label")
def test_the_label_of_outliers_counts_as_wrong():
    X, y = wide()
    X[::7] += 100 * np.arange(len(X[::7]))[:, None]
    near = RadiusNeighborsClassifier(0.01, outlier_label=7)
    model = CascadeClassifier(blocks_of_two_and_three(near), accuracy_target=0.5, **SETTINGS)
    model.fit(X, y)
    assert (model.estimator_.predict(X[::7] + 50) == 7).any()
    assert not model._calibrated.calibration.full_right.all()


@pytest.mark.parametrize("labels", ["str", "object", "array", "category"])
def test_missing_labels_among_texts_are_said_to_be_missing(labels):
    X, y = two_signals(300)
    names = pd.Series(np.where(y, "yes", "no"))
    names[:3] = np.nan
    given = {
        "str": names,
        "object": names.astype(object),
        "array": names.astype(object).to_numpy(),
        "category": names.astype("category"),
    }[labels]
    for model in (
        CascadeClassifier(two_blocks(), accuracy_target=0.9, feature_costs=COSTS),
        ApproxTopKRanker(two_blocks(), feature_costs=COSTS),
    ):
        with pytest.raises(ValueError, match="contains NaN"):
            model.fit(X, given)


@pytest.mark.filterwarnings("ignore::skwillump.NoCascadeWarning")
@pytest.mark.parametrize("cv", [3, 0.3, None])
@pytest.mark.parametrize("n_rows", [2, 3, 4])
def test_so_few_rows_that_none_can_be_held_out_are_fitted(n_rows, cv):
    X, y = two_signals(300)
    rows = np.r_[np.flatnonzero(y == 0)[:2], np.flatnonzero(y == 1)[:2]][[0, 2, 1, 3]][:n_rows]
    cascade = CascadeClassifier(two_blocks(), cv=cv).fit(X[rows], y[rows])
    assert cascade.guarantee_.kind == "exact"
    assert_array_equal(cascade.predict(X), two_blocks().fit(X[rows], y[rows]).predict(X))
    ranker = ApproxTopKRanker(two_blocks(), k=1, cv=cv or 5).fit(X[rows], y[rows])
    assert ranker.rank(X, k=3).shape == (3,)
    prefit = CascadeClassifier(two_blocks().fit(X, y), cv="prefit").fit(X[rows], y[rows])
    assert_array_equal(prefit.predict(X), two_blocks().fit(X, y).predict(X))


def test_a_single_row_leaves_none_to_hold_out():
    X, y = two_signals(300)
    with pytest.raises(ValueError, match="refit=False holds out a share of the rows") as caught:
        CascadeClassifier(two_blocks(), cv=0.3, refit=False).fit(X[:1], y[:1])
    assert type(caught.value) is ValueError


@pytest.mark.filterwarnings("ignore::skwillump.NoCascadeWarning")
def test_blocks_that_a_part_of_the_rows_has_not_leave_the_full_model():
    """Texts that repeat give folds of calibration one vocabulary, which fewer rows do not."""
    texts, y = ["a good film", "bad film", "good acting", "bad acting"] * 20, [1, 0, 1, 0] * 20
    blocks = FeatureUnion([("w", TfidfVectorizer()), ("c", TfidfVectorizer(analyzer="char"))])
    calibrated = CalibratedClassifierCV(make_pipeline(blocks, LogisticRegression()), cv=2)
    cascade = CascadeClassifier(calibrated, cv=2, random_state=0).fit(texts, y)
    assert_array_equal(cascade.predict(texts), clone(calibrated).fit(texts, y).predict(texts))
