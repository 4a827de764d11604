"""Features of any container, as the arrays that models read."""

import numpy as np
import pytest
from scipy import sparse

from skwillump.compilers._features import CHUNK_VALUES, MAX_DENSE_FEATURES, map_dense
from skwillump.compilers._unsupported import InputUnsupported


@pytest.mark.parametrize("n_threads", [1, 2])
def test_sparse_rows_are_made_dense_some_at_a_time(n_threads):
    n_features = 500
    n_rows = 3 * CHUNK_VALUES // n_features
    features = sparse.coo_array(sparse.random(n_rows, n_features, 0.001, random_state=0))
    sizes = []

    def work(dense):
        sizes.append(dense.size)
        return dense.sum(axis=1, keepdims=True)

    sums = map_dense(work, features, n_threads=n_threads)
    np.testing.assert_allclose(sums, features.sum(axis=1)[:, np.newaxis], rtol=1e-12)
    assert len(sizes) > 1
    assert max(sizes) <= CHUNK_VALUES


def test_other_features_are_given_as_a_whole_as_floats():
    rows = map_dense(lambda dense: dense, [[1, 2], [3, 4]])
    assert rows.dtype == np.float64
    assert rows.tolist() == [[1, 2], [3, 4]]
    assert map_dense(lambda dense: dense, sparse.csr_array((0, 3))).shape == (0, 3)


def test_a_sparse_matrix_of_too_many_features_is_refused():
    with pytest.raises(InputUnsupported, match="too many"):
        map_dense(lambda dense: dense, sparse.csr_array((2, MAX_DENSE_FEATURES + 1)))
