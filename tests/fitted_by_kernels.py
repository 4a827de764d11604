"""A plugin of pytest: vectorizers and encoders learn fast in all tests, however few their rows."""

from collections import Counter

import pytest

from skwillump.compilers import fast_encoders
from skwillump.compilers.text import _fitting

used = Counter()


def count_terms(*args):
    result = _count_terms(*args)
    used["kernels" if result else "scikit-learn"] += 1
    return result


_count_terms, _fitting.count_terms = _fitting.count_terms, count_terms


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    with _fitting.fast_vectorizers(least_work=0), fast_encoders(least_rows=0):
        return (yield)


def pytest_terminal_summary(terminalreporter):
    terminalreporter.write_line(f"fits by kernels: {used['kernels']}")
