"""The lesser and the greater of two integers are those that Python names."""

import itertools

import numpy as np
import pytest

from skwillump.kernels._bits import greater, lesser
from skwillump.kernels._jit import jit


@pytest.mark.parametrize("kind", [np.int32, np.int64, np.uint32, np.uint64])
def test_the_lesser_and_the_greater_of_two_integers_are_those_that_python_names(kind):
    @jit
    def both(first, second):
        return lesser(first, second), greater(first, second)

    extremes = np.iinfo(kind).min, np.iinfo(kind).max
    for first, second in itertools.product((*extremes, 0, 1, 7), repeat=2):
        expected = min(first, second), max(first, second)
        assert both(kind(first), kind(second)) == expected


def test_a_constant_is_compared_as_an_integer():
    @jit
    def clipped(number):
        return greater(lesser(number, 5), -5)

    assert [clipped(number) for number in (-9, 3, 9)] == [-5, 3, 5]
