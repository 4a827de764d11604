"""Sums of float32 to probabilities, each operation rounded to float32, as XGBoost computes them.

NumPy's own functions of float32 differ from those of the C library in the last bit.
"""

import math

import numpy as np

from .._jit import jit

_ONE = np.float32(1.0)
_EPSILON = np.float32(1e-16)
_MOST = np.float32(88.7)  # what is more has no exponential in float32


@jit
def single_sigmoid(scores, out):
    """Write ``1 / (1 + exp(-score))``.

    Parameters
    ----------
    scores : float64 array of shape (n_rows, n_outputs)
        Numbers of float32.
    out : float32 array of the same shape
    """
    for row in range(len(scores)):
        for k in range(scores.shape[1]):
            power = np.float32(math.exp(min(-np.float32(scores[row, k]), _MOST)))
            out[row, k] = _ONE / np.float32(np.float32(power + _ONE) + _EPSILON)


@jit
def single_exp(scores, out):
    """Write ``exp(score)``.

    Parameters
    ----------
    scores, out : arrays
        As in `single_sigmoid`.
    """
    for row in range(len(scores)):
        for k in range(scores.shape[1]):
            out[row, k] = math.exp(np.float32(scores[row, k]))


@jit
def single_softmax(scores, out):
    """Write each row's exponentials, divided by their sum.

    Parameters
    ----------
    scores, out : arrays
        As in `single_sigmoid`.
    """
    for row in range(len(scores)):
        largest = np.float32(scores[row, 0])
        for k in range(scores.shape[1]):
            largest = max(largest, np.float32(scores[row, k]))
        total = 0.0
        for k in range(scores.shape[1]):
            power = np.float32(math.exp(np.float32(np.float32(scores[row, k]) - largest)))
            out[row, k] = power
            total += np.float64(power)
        for k in range(scores.shape[1]):
            out[row, k] = out[row, k] / np.float32(total)
