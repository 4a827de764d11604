"""Copies of fitted estimators hold arrays that compute as the originals do."""

import numpy as np
import pytest
from sklearn.decomposition import TruncatedSVD

from skwillump import compile_pipeline
from skwillump._compiled._snapshot import snapshot

X = np.random.default_rng(0).integers(0, 9, (40, 4)).astype(np.float32)


@pytest.mark.parametrize(
    "view",
    [
        lambda array: array[:2],
        lambda array: array[::2, 1:3],
        lambda array: array[::-1],
        lambda array: array.T[1:],
        lambda array: np.broadcast_to(array[0], (3, 8)),
        lambda array: array[:0, ::2],
    ],
    ids=["rows", "every other row", "backwards", "columns", "one row often", "empty"],
)
@pytest.mark.parametrize("order", ["C", "F"])
def test_a_copied_view_has_equal_values_that_lie_as_far_apart(view, order):
    model = TruncatedSVD().fit(X)
    held = view(np.asarray(np.random.default_rng(0).random((6, 8)), order=order))
    model.components_ = held
    copied = snapshot(model).components_
    np.testing.assert_array_equal(copied, held)
    assert copied.strides == held.strides or not held.size
    assert not np.shares_memory(copied, held)


def test_a_view_of_objects_is_copied():
    model = TruncatedSVD().fit(X)
    model.components_ = np.array([["a", "b"], ["c", None]], dtype=object)[:, :1]
    assert snapshot(model).components_.tolist() == [["a"], ["c"]]


def test_a_view_that_spans_much_memory_is_copied_without_it(monkeypatch):
    monkeypatch.setattr("skwillump._compiled._snapshot.MOST_BYTES", 100)
    model = TruncatedSVD().fit(X)
    model.components_ = np.arange(40.0)[::20]
    copied = snapshot(model).components_
    assert copied.strides == (8,)
    assert copied.tolist() == [0.0, 20.0]


@pytest.mark.parametrize("seed", range(8))
def test_one_row_of_single_precision_is_transformed_to_the_last_bit(seed):
    svd = TruncatedSVD(random_state=seed).fit(X)
    row = X[3:4]
    np.testing.assert_array_equal(compile_pipeline(svd).transform(row), svd.transform(row))
