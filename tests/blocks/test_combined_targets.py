"""Compiled regressors of transformed targets transform back as scikit-learn does."""

import numpy as np
import pytest
from answers import assert_batch_alike, assert_rows_alike, single_rows, whole_twin
from numpy.testing import assert_array_equal
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import PoissonRegressor, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    PowerTransformer,
    QuantileTransformer,
    RobustScaler,
    StandardScaler,
)

from skwillump import compile_pipeline
from skwillump.blocks._combined_targets import TransformedTarget

RNG = np.random.default_rng(0)
X, NEW = RNG.normal(size=(240, 5)), RNG.normal(size=(80, 5))
Y = (X[:, 0] + 0.3 * RNG.normal(size=len(X))) ** 2 + 1.0

TRANSFORMERS = {
    "standard": StandardScaler(),
    "no mean": StandardScaler(with_mean=False),
    "no spread": StandardScaler(with_std=False),
    "range": MinMaxScaler((1, 3)),
    "clipped": MinMaxScaler(clip=True),
    "quartiles": RobustScaler(),
    "no quartiles": RobustScaler(with_scaling=False),
    "no median": RobustScaler(with_centering=False),
    "largest": MaxAbsScaler(),
    "power": PowerTransformer(),
    "positive power": PowerTransformer("box-cox", standardize=False),
    "quantiles": QuantileTransformer(n_quantiles=20),
    "normal quantiles": QuantileTransformer(n_quantiles=20, output_distribution="normal"),
    "function": FunctionTransformer(np.log, np.exp),
}


def fitted_on(y, model, transformer):
    target = TransformedTargetRegressor(model, transformer=transformer, check_inverse=False)
    return make_pipeline(StandardScaler(), target).fit(X, y)


def assert_same_values(fitted):
    compiled = whole_twin(fitted)
    assert_batch_alike(compiled, fitted, NEW)
    assert_rows_alike(compiled, fitted, single_rows(NEW, range(len(NEW))))
    assert type(compiled._parts.model) is TransformedTarget


@pytest.mark.parametrize("name", TRANSFORMERS)
@pytest.mark.parametrize("model", [Ridge(), RandomForestRegressor(5, random_state=0)], ids=str)
def test_values_are_transformed_back(name, model):
    assert_same_values(fitted_on(Y, model, TRANSFORMERS[name]))


@pytest.mark.parametrize("name", ["standard", "range", "largest", "power", "quantiles"])
def test_several_targets_are_transformed_back_each_as_its_own(name):
    several = np.column_stack((Y, 3.0 * Y + X[:, 1]))
    assert_same_values(fitted_on(several, Ridge(), TRANSFORMERS[name]))


@pytest.mark.parametrize("name", ["standard", "range", "largest", "function"])
def test_a_target_of_single_precision_is_transformed_back_in_it(name):
    xgboost = pytest.importorskip("xgboost")
    model = xgboost.XGBRegressor(n_estimators=5, n_jobs=1)
    fitted = fitted_on(Y, model, TRANSFORMERS[name])
    found = compile_pipeline(fitted).predict(NEW)
    assert found.dtype == fitted.predict(NEW).dtype
    assert_array_equal(found, fitted.predict(NEW))


@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning")
def test_values_too_large_to_transform_back_are_the_errors_that_they_were():
    fitted = fitted_on(Y, PoissonRegressor(), FunctionTransformer(np.log1p, np.expm1))
    fitted[-1].transformer_.set_params(validate=True)  # as that of a `func` is
    compiled = compile_pipeline(fitted)
    for answer in (fitted.predict, compiled.predict):
        with pytest.raises(ValueError, match="infinity"):
            answer(1e9 * NEW)
    with pytest.raises(ValueError, match="infinity"):
        compiled.predict_one(1e9 * NEW[np.argmax(compiled.predict(NEW))])
