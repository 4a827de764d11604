"""`memory`: fits that differ only in what is planned find what was calibrated."""

from pathlib import Path

import joblib
import numpy as np
import pytest
from common import COSTS, two_blocks, two_signals
from numpy.testing import assert_array_equal
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV

from skwillump import ApproxTopKRanker, CascadeClassifier
from skwillump.stages import _memory

FITS = []


class Counted(LogisticRegression):
    """Says that it is fitted."""

    def fit(self, X, y, sample_weight=None):
        FITS.append(len(y))
        return super().fit(X, y, sample_weight)


class CountedRidge(Ridge):
    """Says that it is fitted."""

    def fit(self, X, y, sample_weight=None):
        FITS.append(len(y))
        return super().fit(X, y, sample_weight)


@pytest.fixture(scope="module")
def data():
    return two_signals(1200)


def cascade(memory, **kwargs):
    defaults = {"accuracy_target": 0.9, "feature_costs": COSTS, "cv": 0.4, "random_state": 0}
    return CascadeClassifier(two_blocks(Counted()), memory=memory, **(defaults | kwargs))


def n_fits(model, X, y):
    FITS.clear()
    model.fit(X, y)
    return len(FITS)


def test_a_fit_for_another_target_fits_nothing_and_plans_as_a_fit_without_memory(data, tmp_path):
    assert n_fits(cascade(str(tmp_path)), *data) > 2
    for changed in ({"accuracy_target": 0.8}, {"confidence": 0.8}, {"verbose": 1}, {"n_jobs": 2}):
        assert n_fits(cascade(str(tmp_path), **changed), *data) == 0
    found = cascade(str(tmp_path), accuracy_target=0.8).fit(*data)
    alone = cascade(None, accuracy_target=0.8).fit(*data)
    assert_array_equal(found.estimator_[-1].coef_, alone.estimator_[-1].coef_)
    assert found.guarantee_ == alone.guarantee_
    assert_array_equal(found.predict(data[0]), alone.predict(data[0]))
    assert_array_equal(found.predict_stage(data[0]), alone.predict_stage(data[0]))
    assert found.predict_one(data[0][0]) == alone.predict_one(data[0][0])


@pytest.mark.parametrize(
    "changed",
    [
        {"cv": 0.3},
        {"confidence": None},
        {"random_state": 1},
        {"refit": False},
        {"estimator": two_blocks(Counted(C=2.0))},
        {"feature_costs": None},
        {"scoring": "balanced_accuracy"},
    ],
)
def test_what_changes_the_calibration_is_fitted_anew(data, tmp_path, changed):
    cascade(str(tmp_path)).fit(*data)
    assert n_fits(cascade(str(tmp_path)).set_params(**changed), *data) > 0


def test_other_rows_and_other_labels_are_fitted_anew(data, tmp_path):
    X, y = data
    cascade(str(tmp_path)).fit(X, y)
    assert n_fits(cascade(str(tmp_path)), X + 1e-9, y) > 0
    assert n_fits(cascade(str(tmp_path)), X, 1 - y) > 0
    weighted = cascade(str(tmp_path))
    FITS.clear()
    weighted.fit(X, y, counted__sample_weight=np.ones(len(y)))
    assert FITS


def test_a_search_over_targets_costs_the_fits_of_one_target(data, tmp_path):
    def fits_of(targets, memory):
        grid = {"accuracy_target": targets}
        return n_fits(GridSearchCV(cascade(memory), grid, cv=2, refit=False), *data)

    one = fits_of([0.9], None)
    assert fits_of([0.8, 0.85, 0.9, 0.95], str(tmp_path)) == one
    assert fits_of([0.8, 0.9], None) == 2 * one


def test_a_ranker_finds_what_was_calibrated_for_another_k_and_target(data, tmp_path):
    X, _ = data
    y = X.sum(axis=1)

    def ranker(**params):
        settings = {"k": 20, "precision_target": 0.8, "feature_costs": COSTS, "random_state": 0}
        return ApproxTopKRanker(
            two_blocks(CountedRidge()), memory=str(tmp_path), **(settings | params)
        )

    assert n_fits(ranker(), X, y) > 2
    for params in ({"k": 30}, {"precision_target": 0.7}, {"confidence": 0.8}):
        assert n_fits(ranker(**params), X, y) == 0
    assert_array_equal(
        ranker().fit(X, y).rank(X), ranker().set_params(memory=None).fit(X, y).rank(X)
    )


def test_a_fitted_estimator_stays_the_users_own(data, tmp_path):
    fitted = two_blocks(Counted()).fit(*data)
    fresh = two_signals(1000, seed=5)
    for target in (0.9, 0.8):
        model = cascade(str(tmp_path), cv="prefit", accuracy_target=target)
        model.set_params(estimator=fitted).fit(*fresh)
        assert model.estimator_ is fitted


def test_a_memory_of_joblib_is_taken(data, tmp_path):
    memory = joblib.Memory(tmp_path, verbose=0)
    cascade(memory).fit(*data)
    assert n_fits(cascade(memory, accuracy_target=0.8), *data) == 0


@pytest.mark.parametrize("spoil", [lambda file: file.write_bytes(b"no pickle"), Path.unlink])
def test_what_cannot_be_read_any_more_is_fitted_anew(data, tmp_path, spoil):
    expected = cascade(str(tmp_path)).fit(*data)
    (file,) = Path(tmp_path).rglob("output.pkl")
    spoil(file)
    FITS.clear()
    again = cascade(str(tmp_path))
    again.fit(*data)
    assert FITS
    assert_array_equal(again.predict(data[0]), expected.predict(data[0]))


def test_what_another_version_kept_is_stale(data, tmp_path, monkeypatch):
    cascade(str(tmp_path)).fit(*data)
    monkeypatch.setattr(_memory, "_version", lambda name: "another")
    assert n_fits(cascade(str(tmp_path)), *data) > 0


def test_what_cannot_be_pickled_is_fitted_without_memory(data, tmp_path):
    model = cascade(str(tmp_path), scoring=lambda estimator, X, y: 0.5)
    with pytest.warns(UserWarning, match="memory=.* is not used"):
        model.fit(*data)
    assert model.predict(data[0][:3]).shape == (3,)
