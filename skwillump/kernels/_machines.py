"""What support vector machines compute for many support vectors, or for pairs of classes, at once.

The exponential is written out, so that the processor takes several values an instruction: the
argument is a multiple n of ln 2 and a rest r of at most half of it, `exp(r)` is a sum of powers of
r, and ``2 ** n`` is written as bits. It is right to three units in the last place.
"""

import numpy as np

from ._jit import jit

_LOG2_E = 1.4426950408889634
_LN2_HIGH = 6.93147180369123816490e-01  # its last bits are zero: n times it is exact
_LN2_LOW = 1.90821492927058770002e-10
_LEAST = -708.0  # what is less has a power of 0, or one without all its digits
_SHIFT = 6755399441055744.0  # a number plus it holds its integer in the lowest bits
_AT_ONCE = 512


@jit
def exponentials(values):
    """Put ``exp(value)`` in the place of each value that is not above zero, in a 1-D array."""
    shifted = np.empty(_AT_ONCE)
    integers = shifted.view(np.int64)
    bits = np.empty(_AT_ONCE, dtype=np.int64)
    powers = bits.view(np.float64)
    for start in range(0, len(values), _AT_ONCE):
        x = values[start : start + _AT_ONCE]
        for i in range(len(x)):
            shifted[i] = max(x[i], _LEAST) * _LOG2_E + _SHIFT
        for i in range(len(x)):
            bits[i] = (integers[i] + 1023) << 52
        for i in range(len(x)):
            n = shifted[i] - _SHIFT
            value = max(x[i], _LEAST)
            r = (value - n * _LN2_HIGH) - n * _LN2_LOW
            p = 1.0 / 6227020800.0
            p = p * r + 1.0 / 479001600.0
            p = p * r + 1.0 / 39916800.0
            p = p * r + 1.0 / 3628800.0
            p = p * r + 1.0 / 362880.0
            p = p * r + 1.0 / 40320.0
            p = p * r + 1.0 / 5040.0
            p = p * r + 1.0 / 720.0
            p = p * r + 1.0 / 120.0
            p = p * r + 1.0 / 24.0
            p = p * r + 1.0 / 6.0
            p = p * r + 0.5
            p = p * r + 1.0
            p = p * r + 1.0
            x[i] = p * powers[i] if x[i] >= _LEAST else 0.0


@jit
def couple(odds, out):
    """Write the probability of each class, from those of each pair of classes.

    Parameters
    ----------
    odds : float64 array of shape (n_rows, n_classes, n_classes)
        For classes i and j, the probability of i where it is one of the two.
    out : float64 array of shape (n_rows, n_classes)

    Notes
    -----
    Wu, Lin and Weng 2004, "Probability estimates for multi-class classification by pairwise
    coupling" (Journal of Machine Learning Research), the second method: they are where the sum of
    ``(odds[j, i] * p[i] - odds[i, j] * p[j]) ** 2`` is least, as near as libsvm comes. It solves
    for one class after the other until the largest error is below 0.005 divided by the number of
    classes, and 100 times at most.
    """
    n = odds.shape[1]
    matrix = np.empty((n, n))
    products = np.empty(n)
    for row in range(len(odds)):
        p = out[row]
        for i in range(n):
            p[i] = 1.0 / n
            matrix[i, i] = 0.0
            for j in range(n):
                if i != j:
                    matrix[i, i] += odds[row, j, i] * odds[row, j, i]
                    matrix[i, j] = -odds[row, j, i] * odds[row, i, j]
        for _ in range(max(100, n)):
            total = 0.0
            for i in range(n):
                products[i] = 0.0
                for j in range(n):
                    products[i] += matrix[i, j] * p[j]
                total += p[i] * products[i]
            error = 0.0
            for i in range(n):
                error = max(error, abs(products[i] - total))
            if error < 0.005 / n:
                break
            for i in range(n):
                step = (total - products[i]) / matrix[i, i]
                p[i] += step
                scale = 1.0 + step
                total = (total + step * (step * matrix[i, i] + 2.0 * products[i])) / scale / scale
                for j in range(n):
                    products[j] = (products[j] + step * matrix[i, j]) / scale
                    p[j] /= scale


@jit
def sum_in_order(values, weights, out):
    """Write the sums of values times weights, one term after the other.

    libsvm adds large terms that cancel, and rounds after each. Sums in its order are rounded as its
    own are, nearly always: what a term's last bits differ by is far below those of the sum.

    Parameters
    ----------
    values : float64 array of shape (n_rows, n_terms)
    weights : float64 array of shape (n_sums, n_terms)
    out : float64 array of shape (n_rows, n_sums)
    """
    for start in range(0, len(values), 4):
        # Of four rows at once: an addition need not wait for the one before it.
        last = len(values) - 1
        a, b = values[start], values[min(start + 1, last)]
        c, d = values[min(start + 2, last)], values[min(start + 3, last)]
        for k in range(len(weights)):
            of_a = of_b = of_c = of_d = 0.0
            for i in range(values.shape[1]):
                weight = weights[k, i]
                of_a += a[i] * weight
                of_b += b[i] * weight
                of_c += c[i] * weight
                of_d += d[i] * weight
            out[start, k] = of_a
            out[min(start + 1, last), k] = of_b
            out[min(start + 2, last), k] = of_c
            out[min(start + 3, last), k] = of_d
