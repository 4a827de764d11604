"""Imputers that are models see only rows with missing numbers."""

import numpy as np
import pandas as pd
import pytest
from answers import whole_twin
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.ensemble import GradientBoostingRegressor, RandomForestRegressor
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.impute import IterativeImputer, KNNImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeRegressor

from skwillump import compile_pipeline

RNG = np.random.default_rng(0)
FULL = RNG.normal(size=(80, 4))
X = np.where(RNG.random(FULL.shape) < 0.15, np.nan, FULL)
X[:, 3] = FULL[:, 3]
LABELS = (FULL[:, 0] + FULL[:, 3] > 0).astype(int)

IMPUTERS = {
    "neighbours": KNNImputer(n_neighbors=3),
    "neighbours with flags": KNNImputer(weights="distance", add_indicator=True),
    "lines": IterativeImputer(random_state=0),
    "lines with flags": IterativeImputer(random_state=0, add_indicator=True, max_value=1.0),
    "trees": IterativeImputer(DecisionTreeRegressor(max_depth=3), max_iter=2, random_state=0),
    "forests": IterativeImputer(
        RandomForestRegressor(5, max_depth=4, random_state=0), max_iter=2, random_state=0
    ),
    "boosted": IterativeImputer(GradientBoostingRegressor(n_estimators=5), max_iter=2),
    "few others": IterativeImputer(n_nearest_features=2, skip_complete=True, random_state=0),
    "limits": IterativeImputer(Ridge(), min_value=[-1, -2, -1, 0], max_value=0.5, max_iter=3),
    "neighbours in rounds": IterativeImputer(KNeighborsRegressor(3), max_iter=2),
    "no rounds": IterativeImputer(max_iter=0),
}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("name", IMPUTERS)
@pytest.mark.parametrize("make", [np.asarray, lambda X: pd.DataFrame(X, columns=list("abcd"))])
def test_missing_numbers_are_filled_in_as_by_the_original(name, make):
    rows = make(X)
    fitted = make_pipeline(IMPUTERS[name], StandardScaler(), LogisticRegression())
    fitted.fit(rows, LABELS)
    compiled = whole_twin(fitted)
    others = X[::-1].copy()
    others[3] = np.nan
    for some in (rows, make(FULL), make(others), rows[:1], rows[5:6]):
        assert_array_equal(compiled.predict(some), fitted.predict(some))
        expected = fitted.predict_proba(some)
        assert_allclose(compiled.predict_proba(some), expected, rtol=1e-12)
    for at in range(12):
        expected = fitted.predict_proba(rows[at : at + 1])[0]
        assert_allclose(compiled.predict_proba_one(X[at]), expected, rtol=1e-12)
    step = compile_pipeline(fitted[0])
    expected = np.asarray(fitted[0].transform(rows))
    assert_allclose(np.asarray(step.transform(rows)), expected, rtol=1e-12, atol=1e-14)


def test_rows_without_any_number_are_for_the_original_where_they_are_all():
    for imputer in (KNNImputer(), IterativeImputer(random_state=0)):
        fitted = imputer.fit(X)
        rows = np.full((2, 4), np.nan)
        assert_array_equal(compile_pipeline(fitted).transform(rows), fitted.transform(rows))


@pytest.mark.parametrize(
    ("imputer", "reason"),
    [
        (KNNImputer(missing_values=-1.0), "not NaN"),
        (KNNImputer(weights=lambda distances: distances), "a function"),
        (IterativeImputer(sample_posterior=True), "at random"),
        (IterativeImputer(verbose=1), "prints"),
    ],
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_what_is_not_compiled_says_why(imputer, reason):
    rows = FULL if imputer.missing_values == -1.0 else X
    (report,) = compile_pipeline(imputer.fit(rows)).explain()
    assert not report.compiled
    assert reason in report.reason


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_rounds_that_were_taken_back_are_not_gone_through():
    imputer = IterativeImputer().fit(X)
    imputer.n_iter_ = 0
    assert_array_equal(compile_pipeline(imputer).transform(X), imputer.transform(X))


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("name", ["lines with flags", "trees", "forests", "few others", "limits"])
def test_rounds_are_gone_through_without_the_imputer(name, monkeypatch):
    fitted = IMPUTERS[name].fit(X)
    compiled, expected = compile_pipeline(fitted), fitted.transform(X)
    monkeypatch.setattr(IterativeImputer, "transform", None)
    assert_allclose(compiled.transform(X), expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("flags", [False, True])
@pytest.mark.parametrize("layout", [np.ascontiguousarray, np.asfortranarray, pd.DataFrame])
@pytest.mark.parametrize("scale", [1.0, 1 / 3.0])
def test_of_rows_as_near_one_row_takes_the_neighbours_that_scikit_learn_takes(flags, layout, scale):
    rows = RNG.integers(0, 4, size=(150, 4)) * scale
    rows[RNG.random(rows.shape) < 0.25] = np.nan
    rows[:, 0] = np.arange(150) % 3
    imputer = KNNImputer(n_neighbors=4, add_indicator=flags).fit(layout(rows))
    compiled = compile_pipeline(imputer)
    for at in range(len(rows)):
        one = layout(rows)[at : at + 1]
        assert_array_equal(np.asarray(compiled.transform(one)), np.asarray(imputer.transform(one)))


def test_one_row_is_filled_without_the_imputer(monkeypatch):
    fitted = make_pipeline(KNNImputer(), StandardScaler(), LogisticRegression()).fit(X, LABELS)
    compiled, expected = compile_pipeline(fitted), fitted.predict_proba(X)
    monkeypatch.setattr(KNNImputer, "transform", None)
    found = [compiled.predict_proba_one(row) for row in X]
    assert_allclose(found, expected, rtol=1e-12)
