"""Working arrays of kernels are those that NumPy makes, but for the code that makes them."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from skwillump.kernels._arrays import frozen
from skwillump.kernels._jit import inline, jit
from skwillump.kernels._room import one_row, room, unlocked, zeros

KINDS = [np.uint8, np.bool_, np.int16, np.uint32, np.int64, np.uint64, np.float32, np.float64]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n", [0, 1, 7, 4096])
def test_room_is_a_new_array_of_its_kind_and_zeros_are_zero(kind, n):
    @jit
    def make(n):
        return room(n, kind), zeros(n, kind)

    for _ in range(20):  # memory that was used before, too
        made, cleared = make(n)
        assert made.dtype == cleared.dtype == kind
        assert made.shape == cleared.shape == (n,)
        assert made.flags.c_contiguous
        assert made.flags.writeable
        assert not cleared.any()
        made[:] = cleared[:] = np.ones(1, dtype=kind)
        assert made.all()


@inline
def first_of(data):
    return data[0]


def test_what_reads_locked_and_other_bytes_is_compiled_once():
    @jit
    def both(locked):
        own = room(1, np.uint8)
        own[0] = 7
        return first_of(unlocked(locked)), first_of(own)

    locked = frozen(np.array([5, 6], dtype=np.uint8))
    assert both(locked) == (5, 7)
    assert len(first_of.overloads) == 1
    assert not locked.flags.writeable


@pytest.mark.parametrize("kind", [np.float32, np.int64])
@pytest.mark.parametrize("n", [0, 1, 5])
def test_one_row_is_the_array_itself_in_two_dimensions(kind, n):
    @jit
    def as_row(array):
        row = one_row(array)
        for column in range(row.shape[1]):
            row[0, column] += column
        return row

    array = np.ones(n, dtype=kind)
    row = as_row(array)
    assert row.shape == (1, n)
    assert row.flags.c_contiguous
    assert_array_equal(row[0], array)
    assert_array_equal(array, 1 + np.arange(n))
    assert np.shares_memory(row, array) == (n > 0)
