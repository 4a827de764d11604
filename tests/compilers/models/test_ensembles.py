"""scikit-learn's trees and ensembles of them, compiled, answer as they do to the last bit."""

import numpy as np
import pytest
from hypothesis import given
from sklearn.ensemble import RandomForestClassifier
from tree_cases import (
    FEW,
    FORESTS,
    GRADIENT_BOOSTING,
    HISTOGRAMS,
    HISTOGRAMS_CATEGORICAL,
    LABELS,
    X,
    check,
    compiled,
    extreme,
    missing,
    rows_of,
    values,
    with_training_rows,
)

from skwillump.compilers import TreeModel, compile_model


@pytest.mark.parametrize("name", FORESTS)
@FEW
@given(rows=rows_of(values, missing))
def test_trees_and_forests(name, rows):
    check(name, with_training_rows(rows))


@pytest.mark.parametrize("name", GRADIENT_BOOSTING)
@FEW
@given(rows=rows_of(values))
def test_gradient_boosting(name, rows):
    check(name, np.nan_to_num(with_training_rows(rows)))


@pytest.mark.parametrize("name", HISTOGRAMS)
@FEW
@given(rows=rows_of(values, missing, extreme))
def test_histogram_boosting(name, rows):
    check(name, with_training_rows(rows))


@pytest.mark.parametrize("name", HISTOGRAMS_CATEGORICAL)
@FEW
@given(rows=rows_of(values, missing))
def test_histogram_boosting_with_categories(name, rows):
    check(name, with_training_rows(rows))


def test_ties():
    stumps = compiled("LightGBM stumps")
    assert len(np.unique(stumps.raw(X))) == 1
    boosted = compiled("LightGBM two")
    scores = np.array([[0.0], [1e-12], [-1e-12], [1.0], [np.nan]])
    assert boosted.doubtful(scores).tolist() == [1, 2, 4]
    assert boosted.predict_one(scores[0]) == "no"  # of two equal probabilities the first
    assert compiled("boosting").predict_one(scores[0]) == "yes"
    assert compiled("histogram").predict_one(scores[0]) == "no"
    three = compiled("LightGBM three")
    scores = np.array([[1.0, 1.0, 0.0], [1.0, 1.0 + 1e-12, 0.0], [1.0, 2.0, 0.0]])
    assert three.doubtful(scores).tolist() == [1]
    # Sums in no order are in doubt where they are near, unless they are sums of whole numbers.
    # Pure leaves hold whole numbers; those of shallow trees do not.
    shallow = RandomForestClassifier(5, max_depth=2, n_jobs=2, random_state=0).fit(X, LABELS[3])
    assert compile_model(shallow, TreeModel).doubtful(scores).tolist() == [0, 1]
    pure = RandomForestClassifier(5, n_jobs=2, random_state=0).fit(X, LABELS[2])
    assert not len(compile_model(pure, TreeModel).doubtful(scores[:, :2]))
