"""Orders of rows by their scores, and where the best ones begin."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from skwillump.planning import nth_largest, stable_order


def numbers_of(kind, n_numbers):
    """Numbers in an order and with ties that may mislead a sample of them."""
    numbers = np.random.default_rng(0).normal(size=n_numbers)
    if kind == "ascending":
        return np.sort(numbers)
    if kind == "ties":
        return np.round(numbers)
    if kind == "largest are sampled":
        return np.where(np.arange(n_numbers) % 16 == 0, 9 + numbers, numbers)
    if kind == "largest are not sampled":
        return np.where(np.arange(n_numbers) % 16 == 0, numbers - 9, numbers)
    if kind == "missing":
        return np.where(np.arange(n_numbers) % 3 == 0, np.nan, numbers)
    return numbers


@pytest.mark.parametrize(
    "kind",
    ["random", "ascending", "ties", "largest are sampled", "largest are not sampled", "missing"],
)
@pytest.mark.parametrize("n_numbers", [1, 100, 4096, 30_000])
def test_the_nth_largest_number_is_that_of_a_full_sort(kind, n_numbers):
    numbers = numbers_of(kind, n_numbers)
    descending = -np.sort(-numbers)
    for n in {1, min(10, n_numbers), -(-n_numbers // 16), n_numbers}:
        assert_array_equal(nth_largest(numbers, n), descending[n - 1])
        assert_array_equal(stable_order(numbers, n), np.argsort(-numbers, kind="stable")[:n])
