"""Sums of blocks' scores in the order in which scikit-learn adds sparse features up."""

import numpy as np
import pandas as pd
import pytest
from answers import whole_twin
from numpy.testing import assert_array_equal
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler, OneHotEncoder

RNG = np.random.default_rng(0)
X = pd.DataFrame(RNG.exponential(size=(500, 3)), columns=["a", "b", "c"])
X["city"], X["kind"] = (
    RNG.choice(list("uvwxyz"), 500),
    RNG.choice([f"k{i}" for i in range(20)], 500),
)
NUMBERS, TEXTS = ["a", "b", "c"], ["city", "kind"]


@pytest.mark.parametrize("scaler", [MaxAbsScaler(), make_pipeline(SimpleImputer(), MaxAbsScaler())])
def test_coefficients_that_cancel_leave_what_they_leave_in_scikit_learn(scaler):
    # As least squares gives them: the columns of each category add up to one.
    columns = make_column_transformer((scaler, NUMBERS), (OneHotEncoder(), TEXTS))
    plain = make_pipeline(columns, LinearRegression()).fit(X, X["a"] + X["b"])
    plain[-1].coef_[3:9] += 3e6
    plain[-1].coef_[9:] -= 1e6
    plain[-1].intercept_ -= 2e6
    expected = plain.predict(X)
    compiled = whole_twin(plain)
    assert_array_equal(compiled.predict(X), expected)
    rows = X.iloc[:50].to_dict("records")
    assert_array_equal([compiled.predict_one(row) for row in rows], expected[:50])
