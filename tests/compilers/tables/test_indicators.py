"""Compiled indicators of missing numbers flag what scikit-learn's own flag, or leave it to them."""

import numpy as np
import pytest
from sklearn.impute import MissingIndicator
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder
from table_cases import NUMBERS, assert_same_features, compiled

from skwillump.compilers import InputUnsupported, OriginalStep, compile_step

HOLES = NUMBERS.astype(float)
HOLES.loc[::7, ["normal", "skewed"]] = np.nan


@pytest.mark.parametrize("features", ["all", "missing-only"])
@pytest.mark.parametrize("sparse", ["auto", True, False])
def test_missing_numbers_are_flagged(features, sparse):
    step = compiled(MissingIndicator(features=features, sparse=sparse), HOLES)
    assert_same_features(step, HOLES[:20], exactly=True)


def test_another_number_than_nan_may_stand_for_missing_ones():
    X = NUMBERS[["few", "normal"]].to_numpy()
    step = compiled(MissingIndicator(missing_values=2), X)
    assert_same_features(step, X[:20], exactly=True)


def test_a_number_that_is_missing_where_none_was_in_fit_is_the_originals_to_judge():
    X = HOLES[:9].assign(large=np.nan)
    with pytest.raises(InputUnsupported, match="missing"):
        compiled(MissingIndicator(), HOLES).dense(X)
    assert_same_features(compiled(MissingIndicator(error_on_new=False), HOLES), X, exactly=True)


def test_flags_stand_beside_numbers_and_are_encoded():
    flags = make_pipeline(MissingIndicator(features="all"), OneHotEncoder())
    step = compiled(make_union(flags, FunctionTransformer()), HOLES.to_numpy())
    assert_same_features(step, HOLES.to_numpy()[:9])


def test_flags_of_values_that_are_not_numbers_run_as_they_are():
    X = np.array([["a", None], ["b", "c"]], dtype=object)
    step = compile_step(MissingIndicator(missing_values=None).fit(X))
    assert isinstance(step, OriginalStep)
    assert "missing_values=None" in step.reason


def test_a_text_in_one_row_is_the_originals_to_judge():
    step = compiled(MissingIndicator(features="all"), NUMBERS[["few", "normal"]])
    with pytest.raises(InputUnsupported, match="not numbers"):
        step.dense_one({"few": "a", "normal": 1.0})
