"""Scaled columns times coefficients, summed without a block of features in between."""

from .._jit import jit


@jit
def add_scaled(column, subtrahend, divisor, coef, out):
    """Add ``(column - subtrahend) / divisor * coef`` to ``out`` (n_rows, n_outputs)."""
    if out.shape[1] == 1:
        factor = coef[0]
        for row in range(len(column)):
            out[row, 0] += (column[row] - subtrahend) / divisor * factor
    else:
        for row in range(len(column)):
            value = (column[row] - subtrahend) / divisor
            for output in range(out.shape[1]):
                out[row, output] += value * coef[output]
