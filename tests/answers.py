"""What compiled twins answer, beside what their originals do."""

import numpy as np
import pandas as pd
from common import METHODS
from scipy import sparse

from skwillump import compile_pipeline


def whole_twin(fitted, **params):
    """The twin of a fitted estimator, of which every step is compiled."""
    compiled = compile_pipeline(fitted, **params)
    assert all(report.compiled for report in compiled.explain()), compiled.explain()
    return compiled


def single_rows(X, positions=range(20)):
    """Rows as they come one by one, each with the batch of it alone."""
    for at in positions:
        yield X.iloc[at].to_dict() if isinstance(X, pd.DataFrame) else X[at], X[at : at + 1]


def outcome(call, *arguments):
    """What a call returns, or the type of what it raises."""
    try:
        return call(*arguments)
    except Exception as error:
        return type(error)


def assert_alike(actual, expected, *, rtol=1e-12, atol=1e-13):
    """Compare two answers, of one type, shape and dtype: equal, and numbers up to rounding.

    Each may be an `outcome`.
    """
    assert type(actual) is type(expected), (actual, expected)
    if isinstance(expected, type):
        assert actual is expected
        return
    if isinstance(expected, list):
        for pair in zip(actual, expected, strict=True):
            assert_alike(*pair, rtol=rtol, atol=atol)
        return
    assert (actual.dtype, actual.shape) == (expected.dtype, expected.shape)
    if sparse.issparse(expected):
        assert abs(actual - expected).max() == 0
    elif expected.dtype.kind == "f":
        np.testing.assert_allclose(actual, expected, rtol=rtol, atol=atol)
    else:
        np.testing.assert_array_equal(actual, expected)


def assert_batch_alike(compiled, fitted, X, **near):
    """Compare what all methods that an estimator has, and its twin as well, answer."""
    for method in METHODS:
        assert hasattr(compiled, method) == hasattr(fitted, method), method
        if method == "predict_log_proba" and not hasattr(fitted, "predict_proba"):
            continue  # it is there, but its members have no answers for it
        if hasattr(fitted, method):
            with np.errstate(divide="ignore"):  # of probabilities that are zero
                actual, expected = getattr(compiled, method)(X), getattr(fitted, method)(X)
            assert_alike(actual, expected, **near)


def assert_rows_alike(compiled, fitted, rows, **near):
    """Compare answers for single rows, each given with the batch of it alone."""
    for row, batch in rows:
        for method in ("predict", "predict_proba"):
            if hasattr(fitted, method):
                expected = getattr(fitted, method)(batch)
                several = isinstance(expected, list)
                first = [one[0] for one in expected] if several else expected[0]
                assert_alike(getattr(compiled, f"{method}_one")(row), first, **near)


def assert_answers_alike(compiled, fitted, X, **near):
    """Compare answers for many rows, and for the first of them one by one."""
    assert_batch_alike(compiled, fitted, X, **near)
    n_rows = X.shape[0] if hasattr(X, "shape") else len(X)
    assert_rows_alike(compiled, fitted, single_rows(X, range(min(n_rows, 20))), **near)
