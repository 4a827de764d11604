"""Parameters that are set after `fit`: the twin answers as the estimator does, or fails alike."""

import numpy as np
import pytest
from answers import assert_alike, outcome
from scipy import sparse
from sklearn.ensemble import (
    AdaBoostRegressor,
    BaggingClassifier,
    BaggingRegressor,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    VotingClassifier,
)
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import IterativeImputer, KNNImputer, SimpleImputer
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.model_selection import FixedThresholdClassifier
from sklearn.pipeline import FeatureUnion
from sklearn.preprocessing import SplineTransformer, StandardScaler

from skwillump import compile_pipeline

X = np.abs(np.random.default_rng(0).normal(size=(60, 3)))
Y = (X[:, 0] > X[:, 1]).astype(int)
HOLES = np.where(X > 1.5, np.nan, X)
TEXTS = ["a good film", "bad Bad film", "good acting", "bad acting"] * 15

SET = [
    *[(kind(), HOLES, {"add_indicator": True}) for kind in (SimpleImputer, KNNImputer)],
    *[(kind(add_indicator=True), HOLES, {"add_indicator": False}) for kind in (KNNImputer,)],
    (IterativeImputer(max_iter=1), HOLES, {"add_indicator": True}),
    (SimpleImputer(), HOLES, {"missing_values": 0}),
    (SplineTransformer(), X, {"include_bias": False}),
    (StandardScaler(), X, {"with_std": False}),
    (HistGradientBoostingRegressor(max_iter=3), X, {"loss": "poisson"}),
    (HistGradientBoostingRegressor(max_iter=3, loss="poisson"), X, {"loss": "squared_error"}),
    (HistGradientBoostingClassifier(max_iter=3), X, {"loss": "other"}),
    (GradientBoostingClassifier(n_estimators=3), X, {"loss": "exponential"}),
    (GradientBoostingClassifier(n_estimators=3, loss="exponential"), X, {"loss": "log_loss"}),
    (GradientBoostingClassifier(n_estimators=3), X, {"learning_rate": 0.9}),
    (BaggingClassifier(n_estimators=3, random_state=0), X, {"n_estimators": 5}),
    (BaggingClassifier(LogisticRegression(), n_estimators=3), X, {"n_estimators": 2}),
    (BaggingRegressor(n_estimators=3, random_state=0), X, {"n_estimators": 5}),
    (AdaBoostRegressor(n_estimators=3, random_state=0), X, {"n_estimators": 5}),
    (SGDClassifier(loss="log_loss"), X, {"loss": "modified_huber"}),
    (FixedThresholdClassifier(LogisticRegression()), X, {"threshold": 0.9}),
    (VotingClassifier([("lr", LogisticRegression())]), X, {"voting": "soft"}),
    (TfidfVectorizer(), TEXTS, {"lowercase": False}),
    (FeatureUnion([("w", TfidfVectorizer()), ("c", TfidfVectorizer())]), TEXTS, {"w": "drop"}),
]


def answer(estimator, method, rows):
    found = outcome(getattr(estimator, method), rows)
    return found.toarray() if sparse.issparse(found) else found


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("estimator", "rows", "params"),
    SET,
    ids=[f"{type(e).__name__}, {next(iter(p))}={next(iter(p.values()))}" for e, _, p in SET],
)
def test_twins_answer_as_estimators_whose_parameters_were_set_after_fit(estimator, rows, params):
    estimator.fit(rows, Y).set_params(**params)
    compiled = compile_pipeline(estimator)
    for method in ("predict", "predict_proba", "decision_function", "transform"):
        assert hasattr(compiled, method) == hasattr(estimator, method)
        for some in (rows, rows[:1]) if hasattr(estimator, method) else ():
            expected, got = (answer(which, method, some) for which in (estimator, compiled))
            assert_alike(got, expected, rtol=1e-12, atol=1e-15)
