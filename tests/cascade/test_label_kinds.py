"""What follows from the labels of a cascade: one class a row, or several labels."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy import sparse

from skwillump.cascade._label_kinds import PREFIT_CLASS_ROWS, LabelSet, OneClass, label_kind

SETS = np.array([[0, 1], [1, 1], [0, 0]])


@pytest.mark.parametrize("y", [[0, 1, 1], ["a", "b", "c"], np.array([[0], [1], [1]])])
def test_two_or_more_classes_are_one_class_a_row(y):
    kind = label_kind(y)
    assert isinstance(kind, OneClass)
    assert kind.read(y).shape == (3,)
    assert kind.stratify


@pytest.mark.parametrize("container", [np.array, sparse.csr_array])
def test_several_labels_are_a_matrix_without_classes_to_stratify(container):
    kind = label_kind(container(SETS))
    assert isinstance(kind, LabelSet)
    np.testing.assert_array_equal(kind.read(container(SETS)), SETS)
    assert not kind.stratify


def test_there_is_no_cascade_where_positions_of_classes_cannot_be_looked_up():
    one = OneClass()
    assert one.why_no_stages(np.array([0, 1]), np.array([0, 1])) == ""
    for classes in ([1, 0], [0, 0, 1]):
        assert "not sorted" in one.why_no_stages(np.array([0, 1]), np.array(classes))


def test_there_is_no_cascade_of_sparse_labels_or_of_other_numbers_than_zero_and_one():
    classes = [np.array([0, 1])] * 2
    assert LabelSet(is_sparse=False).why_no_stages(SETS, classes) == ""
    assert "sparse" in LabelSet(is_sparse=True).why_no_stages(SETS, classes)
    assert "0 or 1" in LabelSet(is_sparse=False).why_no_stages(2 * SETS, classes)


@pytest.mark.parametrize("missing", [0, 1])
def test_a_fitted_model_needs_rows_enough_of_two_classes(missing):
    full = SimpleNamespace(classes_=np.array([0, 1, 2]), get_params=dict)
    y = np.repeat([0, 1], [20, PREFIT_CLASS_ROWS - missing])
    assert bool(OneClass().why_too_few(y, full)) == bool(missing)
    with pytest.raises(ValueError, match=r"classes \[3\], which the fitted estimator lacks"):
        OneClass().why_too_few(np.array([0, 3]), full)


def test_rows_without_a_label_show_nothing_to_a_semi_supervised_model():
    from sklearn.semi_supervised import LabelPropagation

    y = np.array([0, 1, -1, 0, 1, -1])
    full = LabelPropagation().fit(np.arange(6.0)[:, None], y)
    assert OneClass().with_truth(y, full).tolist() == [True, True, False, True, True, False]
    assert LabelSet(is_sparse=False).with_truth(SETS, full) is None
