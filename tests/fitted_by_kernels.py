"""A plugin of pytest: vectorizers learn by kernels in all tests, however short their texts are."""

from collections import Counter

import pytest

from skwillump.compilers.text import _fitting

used = Counter()


def count_terms(*args):
    result = _count_terms(*args)
    used["kernels" if result else "scikit-learn"] += 1
    return result


_count_terms, _fitting.count_terms = _fitting.count_terms, count_terms


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    with _fitting.fast_vectorizers(least_work=0):
        return (yield)


def pytest_terminal_summary(terminalreporter):
    terminalreporter.write_line(f"fits by kernels: {used['kernels']}")
