"""A plugin of pytest: what estimators of scikit-learn answer in tests, their compiled twins answer.

For scikit-learn's own tests. Each call of `predict`, `transform` and their kin on a fitted
estimator, by a test or by what a test calls, goes to a twin that is compiled for the call. The
estimator answers too, and both answers are compared: numbers to 1e-12, labels, dtypes, containers,
types of exceptions and warnings. The test goes on with the answer of the twin. ::

    python -m pytest -p answered_by_twins -c /dev/null --pyargs sklearn.tree.tests.test_tree

The summary tells how many calls were answered by compiled code, and each difference; the option
``--told`` names a file for them. `twins_of_scikit_learn.py` runs all of it, with what is known.
"""

import copy
import functools
import inspect
import itertools
import json
import threading
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from common import METHODS
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.utils import all_estimators
from sklearn.utils._available_if import _AvailableIfDescriptor, available_if

from skwillump import _wrappers, compile_pipeline
from skwillump.compilers import REGISTRY


class Calls(threading.local):
    """What is being answered in this thread, so that calls inside a call are left alone."""

    answering = False
    watched: BaseEstimator | None = None
    fell_back = False


calls = Calls()
counts: Counter[str] = Counter()
differences: dict[str, list[str]] = {}
ended: dict[str, str] = {}
current_test = [""]


def patched_kinds() -> list[type]:
    """Return scikit-learn's types that are compiled or seen through."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        known = dict(all_estimators())
    names = {*_wrappers.TRANSPARENT, *_wrappers._HELD}
    kinds = {kind for name, kind in known.items() if name in names}
    kinds |= {kind for kind in REGISTRY.types() if kind.__module__.startswith("sklearn.")}
    return sorted(kinds, key=lambda kind: kind.__qualname__)


def patch(kind: type) -> None:
    """Let twins answer what instances of exactly this type are asked."""
    for method in METHODS:
        found = inspect.getattr_static(kind, method, None)
        if isinstance(found, _AvailableIfDescriptor):
            through = available_if(found.check)(through_twin(kind, method, found.fn))
        elif inspect.isfunction(found):
            through = through_twin(kind, method, found)
        else:
            continue
        setattr(kind, method, through)


def through_twin(kind, method, original):
    """Return a method that answers by a twin, and compares with what the original answers."""

    @functools.wraps(original)
    def answer(self, *args, **kwargs):
        if calls.answering or type(self) is not kind or not kwargs.keys() | set(args[:1] and "X"):
            if self is calls.watched:
                calls.fell_back = True
            return original(self, *args, **kwargs)
        if threading.current_thread() is not threading.main_thread():
            return original(self, *args, **kwargs)
        calls.answering = True
        try:
            return answered(self, method, original, args, kwargs)
        finally:
            calls.answering, calls.watched, calls.fell_back = False, None, False

    return answer


def answered(estimator, method, original, args, kwargs):
    """Answer by the twin, and note where the estimator answers otherwise."""
    if any(hasattr(x, "read") for x in contents(args)):
        return original(estimator, *args, **kwargs)  # files are read once
    if getattr(estimator, "_in_fit", False):
        return original(estimator, *args, **kwargs)  # of rows in bins, while it is fitted
    compiled = Outcome.of(compile_pipeline, estimator)
    twin = compiled.value
    if twin is not None and not any(report.compiled for report in twin.explain()):
        counts["not compiled"] += 1
        return original(estimator, *args, **kwargs)
    args, args_of_twin = twice(estimator, args, kwargs)
    expected = Outcome.of(original, estimator, *args, **kwargs)
    if twin is None:
        if expected.error is None:
            note(estimator, method, f"compile_pipeline raised {compiled.error!r}")
        return expected.give()
    if len(args_of_twin) > 1:
        names = list(inspect.signature(original).parameters)[2:]
        kwargs = {**kwargs, **dict(zip(names, args_of_twin[1:], strict=False))}
        args_of_twin = args_of_twin[:1]
    calls.watched = twin.estimator
    actual = Outcome.of(getattr(twin, method), *args_of_twin, **kwargs)
    counts["left to scikit-learn" if calls.fell_back else "compiled"] += 1
    said = actual.difference(expected)
    if said:
        note(estimator, method, said)
    return actual.give()


def contents(args):
    return args[0] if args and isinstance(args[0], (list, tuple)) else ()


def twice(estimator, args, kwargs):
    """Return arguments for two calls, of which one may use up or change what it is given."""
    if not args:
        return args, args
    X, *others = args
    if isinstance(X, Iterator):
        # Rows may be used up too.
        pairs = [itertools.tee(row) if isinstance(row, Iterator) else (row, row) for row in X]
        first, again = (iter([pair[at] for pair in pairs]) for at in (0, 1))
        return (first, *others), (again, *others)
    params = estimator.get_params(deep=False) | kwargs
    in_place = any(name.endswith("copy") and value is False for name, value in params.items())
    if in_place or any(value is False for value in others):
        return copy.deepcopy(args), args
    return args, args


def note(estimator, method, said):
    """Keep a difference."""
    counts["differences"] += 1
    line = f"{type(estimator).__name__}.{method}: {said}"
    known = differences.setdefault(current_test[0], [])
    if line not in known:
        known.append(line)


class Outcome:
    """What a call returned or raised, and what it warned of."""

    def __init__(self, value, error, warned):
        self.value, self.error, self.warned = value, error, warned

    @classmethod
    def of(cls, call, *args, **kwargs):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                return cls(call(*args, **kwargs), None, caught)
            except Exception as error:
                return cls(None, error, caught)

    def give(self):
        """Return, raise and warn as the call did."""
        for one in self.warned:
            warnings.warn_explicit(one.message, one.category, one.filename, one.lineno)
        if self.error is not None:
            raise self.error
        return self.value

    def difference(self, expected):
        """Say in what it differs from what was expected; empty if it does not."""
        if type(self.error) is not type(expected.error):
            return f"{self.error!r} is raised, not {expected.error!r}"
        if self.error is not None:
            return ""
        warned, expected_to = (
            sorted({one.category.__name__ for one in outcome.warned})
            for outcome in (self, expected)
        )
        if warned != expected_to:
            return f"warns {warned}, not {expected_to}"
        return value_difference(self.value, expected.value)


def value_difference(actual, expected):
    """Say in what two answers differ; empty if they do not."""
    if type(actual) is not type(expected):
        return f"{type(actual).__name__}, not {type(expected).__name__}"
    if isinstance(expected, (list, tuple)):
        said = [value_difference(*pair) for pair in zip(actual, expected, strict=True)]
        return next(filter(None, said), "")
    if sparse.issparse(expected):
        if (actual.dtype, actual.shape) != (expected.dtype, expected.shape):
            return f"{actual.dtype} {actual.shape}, not {expected.dtype} {expected.shape}"
        if sparse_places(actual) != sparse_places(expected):
            return "other entries are stored"
        return array_difference(actual.toarray(), expected.toarray())
    if isinstance(expected, np.ndarray):
        return array_difference(actual, expected)
    if hasattr(expected, "columns"):
        if list(actual.columns) != list(expected.columns):
            return f"columns {list(actual.columns)}, not {list(expected.columns)}"
        if list(actual.dtypes) != list(expected.dtypes):
            return f"dtypes {list(actual.dtypes)}, not {list(expected.dtypes)}"
        if hasattr(expected, "index") and not actual.index.equals(expected.index):
            return "another index"
        return array_difference(actual.to_numpy(), expected.to_numpy())
    return "" if repr(actual) == repr(expected) else f"{actual!r}, not {expected!r}"


def sparse_places(matrix):
    found = sparse.csr_matrix(matrix, copy=True)
    found.sort_indices()
    return found.indptr.tolist(), found.indices.tolist()


def array_difference(actual, expected):
    if (actual.dtype, actual.shape) != (expected.dtype, expected.shape):
        return f"{actual.dtype} {actual.shape}, not {expected.dtype} {expected.shape}"
    if expected.dtype.kind not in "fc":
        same = list(map(repr, actual.ravel())) == list(map(repr, expected.ravel()))
        return "" if same else f"values {actual.ravel()[:5]}, not {expected.ravel()[:5]}"
    numbers = np.abs(expected[np.isfinite(expected)])
    tolerance = max(1e-12, 4 * float(np.finfo(expected.dtype).eps))
    allowed = tolerance * numbers.max(initial=0.0)
    if np.allclose(actual, expected, rtol=tolerance, atol=allowed, equal_nan=True):
        return ""
    with np.errstate(all="ignore"):
        most = np.nanmax(np.abs(actual - expected))
    return f"{expected.dtype} numbers differ by {most:.3g} of {numbers.max(initial=0.0):.3g}"


# The plugin


def pytest_addoption(parser):
    parser.addoption("--told", help="file for what each test ended in, counts and differences")
    parser.addoption("--plain", action="store_true", help="leave all answers to scikit-learn")


def pytest_configure(config):
    if not config.getoption("--plain"):
        for kind in patched_kinds():
            patch(kind)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    current_test[0] = name_of(item)
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.when == "call" or report.outcome != "passed":
        ended[name_of(item)] = report.outcome
    return report


def name_of(item):
    """Return the name of a test that does not depend on where scikit-learn is installed."""
    return f"{item.module.__name__.removeprefix('sklearn.')}::{item.name}"


def pytest_terminal_summary(terminalreporter, config):
    told = ", ".join(f"{name} {n}" for name, n in sorted(counts.items()))
    terminalreporter.write_line(f"calls answered: {told}")
    for test, lines in differences.items():
        for line in lines:
            terminalreporter.write_line(f"DIFFERENT {test}: {line}")
    if config.getoption("--told"):
        kept = {"tests": ended, "calls": dict(counts), "differences": differences}
        Path(config.getoption("--told")).write_text(json.dumps(kept, indent=1))
