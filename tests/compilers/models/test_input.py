"""What a model of trees reads: features of a step, columns of its own, sparse matrices."""

import numpy as np
import pandas as pd
import pytest
from common import SKLEARN
from lightgbm import LGBMClassifier
from scipy import sparse
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from tree_cases import FULL, LABELS, N_FEATURES, N_ROWS, QUICK, X, compiled, fitted

from skwillump.compilers import (
    GivenRows,
    InputStep,
    InputUnsupported,
    TreeModel,
    Unsupported,
    compile_model,
    compile_step,
)


def test_features_of_another_number_are_not_read():
    model = compiled("LightGBM two")
    with pytest.raises(InputUnsupported, match="shape"):
        model.raw(np.zeros((3, N_FEATURES + 1)))
    with pytest.raises(InputUnsupported, match="shape"):
        model.raw_one(np.zeros(N_FEATURES - 1))


def test_a_scorer_reads_what_the_step_makes():
    scaler = StandardScaler().fit(X)
    features = scaler.transform(X)
    for estimator in (LGBMClassifier(**QUICK), RandomForestClassifier(3)):
        original = estimator.fit(features, LABELS[2])
        model = compile_model(original, TreeModel)
        scorer = model.bind(compile_step(scaler))
        scorer.warm_up()
        expected = model.raw(features)
        assert scorer.n_outputs == model.n_outputs
        assert np.array_equal(scorer.scores(X), expected)
        rows = np.array([5, 3, 250])
        assert np.array_equal(scorer.scores(X, rows, n_threads=2), expected[rows])
        assert np.array_equal(scorer.score_one(X[9]), expected[9])
    with pytest.raises(Unsupported, match="features"):
        compile_model(fitted("forest"), TreeModel).bind(
            compile_step(StandardScaler().fit(X[:, :2]))
        )


def test_a_model_alone_reads_its_columns():
    model = compiled("forest")
    scorer = model.bind(InputStep.of(fitted("forest")))
    assert np.array_equal(scorer.scores(X), model.raw(X))
    assert np.array_equal(scorer.score_one(X[0]), model.raw(X[:1])[0])
    matrix = sparse.csr_array(FULL)
    if SKLEARN >= (1, 7):  # before that the tags of forests say that they take no sparse matrix
        given = model.bind(GivenRows.of(fitted("forest")))
        assert np.array_equal(given.scores(matrix), fitted("forest").predict_proba(matrix))
    matrix = sparse.csr_array(X)  # missing values are for dense arrays only
    with pytest.raises(ValueError, match="NaN"):
        fitted("forest").predict(matrix)
    with pytest.raises(InputUnsupported, match=r"missing|sparse"):
        scorer.scores(matrix)
    with pytest.raises(InputUnsupported, match="missing"):
        compiled("forest").strict().bind(GivenRows.of(fitted("forest"))).scores(matrix)
    histogram = compiled("histogram")
    with pytest.raises(TypeError, match=r"[Ss]parse"):
        fitted("histogram").predict(matrix)
    with pytest.raises(InputUnsupported, match="sparse"):
        histogram.bind(InputStep.of(fitted("histogram"))).scores(matrix)


def test_missing_values_in_sparse_features_go_to_the_original():
    frame = pd.DataFrame({"a": FULL[:, 0], "b": np.arange(N_ROWS) % 40})
    columns = ColumnTransformer(
        [("hot", OneHotEncoder(), ["b"]), ("keep", "passthrough", ["a"])]
    ).fit(frame)
    features = columns.transform(frame)
    assert sparse.issparse(features)
    model = compile_model(RandomForestClassifier(3).fit(features, LABELS[2]), TreeModel)
    scorer = model.bind(compile_step(columns))
    assert np.array_equal(scorer.scores(frame), model.raw(features.toarray()))
    frame.loc[4, "a"] = np.nan
    with pytest.raises(InputUnsupported, match="missing"):
        scorer.scores(frame)


def test_features_of_unknown_dtype_go_to_the_original():
    class Rounded(StandardScaler):
        def transform(self, rows, copy=None):
            return np.rint(rows).astype(np.int64)

    step = compile_step(Rounded().fit(FULL))
    model = compiled("LightGBM two")
    with pytest.raises(InputUnsupported, match="floats"):
        model.bind(step).scores(FULL)

    class Own(StandardScaler):
        pass

    scaler = Own().fit(FULL)
    scorer = model.bind(compile_step(scaler))
    rows = np.array([1, 0])
    assert np.array_equal(scorer.scores(FULL, rows), model.raw(scaler.transform(FULL))[rows])
    assert np.array_equal(scorer.score_one(FULL[1]), scorer.scores(FULL, rows[:1])[0])
