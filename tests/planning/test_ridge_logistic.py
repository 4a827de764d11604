"""A small logistic regression is the one that scikit-learn fits."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from skwillump.planning._threshold_paths import ridge_logistic


@pytest.mark.parametrize("n_rows", [30, 2000])
@pytest.mark.parametrize("scale", [0.01, 1.0, 30.0])
def test_the_minimum_is_that_of_scikit_learn(n_rows, scale):
    rng = np.random.default_rng(n_rows)
    places = scale * rng.normal(size=n_rows)
    codes = rng.integers(0, 3, n_rows)
    one_hot = np.equal.outer(codes, np.arange(3)).astype(float)
    design = np.column_stack([places, one_hot, one_hot * places[:, None]])
    outcome = rng.random(n_rows) < 1 / (1 + np.exp(2 * places / scale + codes))
    model = LogisticRegression(C=1.0, solver="newton-cholesky", tol=1e-10, max_iter=1000)
    model.fit(design, outcome)
    expected = model.decision_function(design)
    weights = ridge_logistic(design, outcome, np.ones(n_rows))
    assert weights[0] + design @ weights[1:] == pytest.approx(expected, rel=1e-4, abs=1e-4)
    again = ridge_logistic(design, outcome, np.ones(n_rows), rng.normal(size=8))
    assert again == pytest.approx(weights, rel=1e-4, abs=1e-4)


def test_rows_that_a_line_divides_and_one_outcome_of_many_have_a_minimum():
    places = np.linspace(-27.6, 27.6, 500)
    for outcome in (places > 0.1, places == places[0], places != places[250]):
        assert np.isfinite(ridge_logistic(places[:, None], outcome, np.ones(500))).all()


def test_groups_of_rows_that_are_alike_count_as_their_rows():
    rng = np.random.default_rng(0)
    groups = rng.normal(size=(40, 2))
    of_row = rng.integers(0, 40, 1000)
    outcome = rng.random(1000) < 1 / (1 + np.exp(groups[of_row, 0]))
    counts = np.bincount(of_row[outcome], minlength=40), np.bincount(of_row, minlength=40)
    by_rows = ridge_logistic(groups[of_row], outcome, np.ones(1000))
    assert ridge_logistic(groups, *counts) == pytest.approx(by_rows, rel=1e-6)
