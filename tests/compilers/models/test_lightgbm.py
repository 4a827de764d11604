"""LightGBM's models, compiled, answer as it does to the last bit."""

import numpy as np
import pytest
from common import SKLEARN
from hypothesis import given
from lightgbm import LGBMClassifier
from scipy import sparse
from tree_cases import (
    FEW,
    FULL,
    LABELS,
    LIGHTGBM,
    N_FEATURES,
    N_ROWS,
    X,
    check,
    compiled,
    extreme,
    fitted,
    missing,
    rows_of,
    values,
    with_training_rows,
)

from skwillump.compilers import GivenRows, InputUnsupported, TreeModel, compile_model


@pytest.mark.parametrize("name", LIGHTGBM)
@FEW
@given(rows=rows_of(values, missing, extreme))
def test_lightgbm(name, rows):
    check(name, with_training_rows(rows))


def test_lightgbm_stops_where_its_predict_does():
    model = LGBMClassifier(n_estimators=10, verbose=-1, n_jobs=1).fit(X, LABELS[3])
    model.booster_.best_iteration = 4  # what early stopping sets
    twin = compile_model(model, TreeModel)
    assert twin.n_rounds == 4
    assert np.array_equal(twin.raw(X), model.booster_.predict(X, raw_score=True))
    np.testing.assert_allclose(twin.predict_proba(twin.raw(X)), model.predict_proba(X), rtol=1e-12)


def test_batches_of_any_size_are_answered_as_by_the_library():
    model, read = fitted("LightGBM two"), compiled("LightGBM two")
    expected = model.predict_proba(FULL, raw_score=True)
    for n_rows in range(1, 16):
        assert np.array_equal(read.raw(FULL[:n_rows])[:, 0], expected[:n_rows])


def test_lightgbm_judges_other_sparse_matrices_than_those_without_repeated_entries():
    model = fitted("LightGBM two")
    scorer = compiled("LightGBM two").bind(GivenRows.of(model))
    matrix = sparse.csr_matrix(FULL)
    for some in (matrix, matrix.tocsc()):
        raw = model.predict_proba(matrix, raw_score=True)
        assert np.array_equal(scorer.scores(some)[:, 0], raw)
    for some in (matrix.tobsr(), matrix.tolil()):
        with pytest.raises(InputUnsupported, match="LightGBM warns"):
            scorer.scores(some)
    with pytest.raises(TypeError, match="int64"):
        model.predict(matrix.astype(np.int64))
    with pytest.raises(InputUnsupported, match="int64"):
        scorer.scores(matrix.astype(np.int64))
    # Of several entries in one place LightGBM takes the last, others their sum.
    columns, data = np.tile([0, 0, 2], N_ROWS), FULL[:, [0, 1, 2]].ravel()
    repeated = sparse.csr_matrix(
        (data, columns, np.arange(0, len(data) + 1, 3)), shape=(N_ROWS, N_FEATURES)
    )
    last = repeated.toarray()
    last[:, 0] = FULL[:, 1]
    assert np.array_equal(model.predict_proba(repeated), model.predict_proba(last))
    for some in (repeated, repeated.tocsc()):
        with pytest.raises(InputUnsupported, match="twice"):
            scorer.scores(some)
    if SKLEARN < (1, 7):
        return  # the tags of forests say there that they take no sparse matrix
    forest = fitted("forest")
    scorer = compiled("forest").bind(GivenRows.of(forest))
    assert np.array_equal(scorer.scores(repeated), forest.predict_proba(repeated))
