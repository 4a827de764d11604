"""What holds for every type that is compiled, whoever wrote its compiler.

Each registered type is fitted in each form of data that its tags say it takes, compiled, and
compared with the estimator that it was made from. A new transformer or model gets all of it
without a line; one that has no example, or whose example is not compiled, fails here. With the
environment variable ``SKWILLUMP_ALL_FORMS`` all forms are tried, otherwise two for each type.
"""

import os
import pickle
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property, partial
from typing import Any

import fitted_examples
import joblib
import numpy as np
import pandas as pd
import pytest
from answers import outcome
from common import METHODS
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.tree import DecisionTreeClassifier

from skwillump import compile_pipeline
from skwillump._containers import take_rows
from skwillump.compilers import REGISTRY, OriginalStep, registered_types

KINDS = REGISTRY.types()
FOLDED_ONLY = REGISTRY.types(OriginalStep)
"""Types that are compiled as part of a linear model alone."""

ALL_FORMS = "SKWILLUMP_ALL_FORMS" in os.environ
"""Whether each type is tried in all forms of data that it takes, which takes half an hour.

Otherwise types take turns: each is tried in its first form and in one other, so that all forms are
tried by some type of each family.
"""


def cases() -> list[Any]:
    """Return the types with the forms that they are tried in."""
    found = []
    for turn, kind in enumerate(KINDS):
        first, *others = fitted_examples.forms_of(kind)
        tried = [first, *others] if ALL_FORMS else [first, others[turn % len(others)]]
        found += [pytest.param((kind, form), id=f"{kind.__name__}, {form}") for form in tried]
    return found


# What either of both warns of is not compared.
pytestmark = pytest.mark.filterwarnings("ignore")


# What is compared


class Case:
    """A type and a form of data: the fitted estimator, its compiled twin, and the rows of fit."""

    def __init__(self, kind: type, form: str):
        self.kind = kind
        self.forms = fitted_examples.forms_of(kind)
        self.form = form
        estimator = fitted_examples.make(kind)
        self.data = fitted_examples.data_of(estimator)
        self.X = self.forms[form](self.data)
        try:
            self.original = fitted_examples.fit(estimator, self.X)
        except Exception as error:
            if form == next(iter(self.forms)):
                raise
            pytest.skip(f"{kind.__name__} takes no {form}, though its tags say so: {error}")
        self.compiled = compile_pipeline(self.original)

    @cached_property
    def before_a_model(self) -> tuple[Any, Any]:
        """Return a pipeline of the transformer and a model, and its twin."""
        transformer = fitted_examples.make(self.kind)
        try:
            fitted = fitted_examples.fit(make_pipeline(transformer, LogisticRegression()), self.X)
        except ValueError:  # the transformer leaves missing numbers for the model
            model = DecisionTreeClassifier(max_depth=3)
            fitted = fitted_examples.fit(make_pipeline(transformer, model), self.X)
        return fitted, compile_pipeline(fitted)

    @property
    def predictors(self) -> tuple[Any, Any]:
        """Return what answers with a label or a number, and its twin."""
        if hasattr(self.original, "predict"):
            return self.original, self.compiled
        return self.before_a_model


@pytest.fixture(scope="module", params=cases())
def case(request):
    """One case at a time: all tests of a case follow one another."""
    return Case(*request.param)


def assert_same(actual: Any, expected: Any) -> None:
    """Check that two answers are of the same type, and equal as far as they must be."""
    assert type(actual) is type(expected), (actual, expected)
    if isinstance(expected, type):
        assert actual is expected, (actual, expected)
    elif sparse.issparse(expected):
        assert (actual.format, actual.dtype) == (expected.format, expected.dtype)
        assert actual.shape == expected.shape
        places, values = entries(actual)
        expected_places, expected_values = entries(expected)
        assert_array_equal(places, expected_places)
        assert_arrays_are_close(values, expected_values)
    elif isinstance(expected, np.ndarray):
        assert (actual.dtype, actual.shape) == (expected.dtype, expected.shape)
        assert_arrays_are_close(actual, expected)
    elif hasattr(expected, "equals"):  # a frame
        assert actual.equals(expected)
    else:
        assert actual == expected


def entries(matrix: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return the places and the values of the entries of a sparse matrix, which may be wide."""
    found = matrix.tocoo()
    places = found.row * np.int64(matrix.shape[1]) + found.col
    order = np.argsort(places, kind="stable")
    return places[order], found.data[order]


def assert_arrays_are_close(actual: np.ndarray, expected: np.ndarray) -> None:
    """Check numbers to 1e-12, of the largest one where they are sums of terms that cancel.

    What a library computes in single precision is compared in that; all else must be equal.
    """
    if expected.dtype.kind == "O":
        assert list(map(repr, actual.ravel())) == list(map(repr, expected.ravel()))
    elif expected.dtype.kind not in "fc":
        assert_array_equal(actual, expected)
    else:
        size = np.abs(expected[np.isfinite(expected)]).max(initial=0.0)
        tolerance = max(1e-12, 4 * np.finfo(expected.dtype).eps)
        assert_allclose(actual, expected, rtol=tolerance, atol=tolerance * size)


def methods_of(estimator: Any) -> list[str]:
    """Return the methods that an estimator answers rows by."""
    return [method for method in METHODS if hasattr(estimator, method)]


def assert_answers_alike(original: Any, compiled: Any, X: Any) -> None:
    """Check all methods on rows in any form, right or wrong."""
    for method in methods_of(original):
        expected = outcome(getattr(original, method), X)
        assert_same(outcome(getattr(compiled, method), X), expected)


# Compiling


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_each_registered_type_has_an_example_that_is_compiled(kind):
    if kind in FOLDED_ONLY:
        _, compiled = Case(kind, "csr").before_a_model
        assert compiled.explain()[-1].compiled, compiled.explain()
    else:
        case = Case(kind, next(iter(fitted_examples.forms_of(kind))))
        # What answers by itself as well, as selectors do, is compiled as a step before a model.
        is_step = hasattr(case.original, "predict") and kind in registered_types()
        compiled = case.before_a_model[1] if is_step else case.compiled
        assert all(report.compiled for report in compiled.explain()), compiled.explain()


def test_what_is_not_compiled_says_why(case):
    for twin in (case.compiled, case.predictors[1]):
        assert all(report.compiled != bool(report.reason) for report in twin.explain())


# Rows


def test_empty_one_and_many_rows_are_answered_as_by_the_original(case):
    for rows in (slice(0, 0), slice(3, 4), slice(None), slice(None, None, -1)):
        for original, compiled in ((case.original, case.compiled), case.predictors):
            assert_answers_alike(original, compiled, rows_of(case.X, rows))


def test_rows_in_another_form_than_in_fit_are_answered_as_by_the_original(case):
    for make in case.forms.values():
        assert_answers_alike(case.original, case.compiled, make(case.data[:9]))


def test_rows_that_were_not_in_fit_are_answered_as_by_the_original(case):
    for rows in unseen(case.X):
        for original, compiled in ((case.original, case.compiled), case.predictors):
            assert_answers_alike(original, compiled, rows)


def test_wrong_rows_are_judged_as_by_the_original(case):
    for rows in wrong(case.X):
        assert_answers_alike(case.original, case.compiled, rows)


# One row


def test_one_row_in_each_form_is_answered_as_a_batch_of_one(case):
    original, compiled = case.predictors
    for position in (0, 3):
        batch = rows_of(case.X, slice(position, position + 1))
        for method in ("predict", "predict_proba"):
            if hasattr(original, method):
                expected = np.asarray(getattr(original, method)(batch)[0])
                for x in forms_of_one(case.X, position):
                    actual = np.asarray(getattr(compiled, f"{method}_one")(x))
                    assert_arrays_are_close(actual, expected)


# Processes, threads, and what prediction leaves as it was


def test_a_pickled_twin_gives_the_same_answers(case):
    again = pickle.loads(pickle.dumps(case.compiled))
    for method in methods_of(case.compiled):
        expected = outcome(getattr(case.compiled, method), case.X)
        assert_equal_bits(outcome(getattr(again, method), case.X), expected)


def test_threads_give_the_same_answers(case):
    shared = compile_pipeline(case.compiled, n_jobs=2)
    with ThreadPoolExecutor(4) as pool:
        for method in methods_of(case.compiled):
            expected = outcome(getattr(case.compiled, method), case.X)
            for twin in (case.compiled, shared):
                for actual in pool.map(partial(outcome, getattr(twin, method)), [case.X] * 4):
                    assert_equal_bits(actual, expected)


def test_prediction_changes_neither_the_twin_nor_its_input(case):
    before = joblib.hash((pickle.dumps(case.compiled), case.X))
    for method in methods_of(case.compiled):
        outcome(getattr(case.compiled, method), case.X)
    assert joblib.hash((pickle.dumps(case.compiled), case.X)) == before


def assert_equal_bits(actual: Any, expected: Any) -> None:
    """Check that two answers of compiled code are the same to the last bit."""
    if sparse.issparse(expected):
        for found, wanted in zip(entries(actual), entries(expected), strict=True):
            assert_array_equal(found, wanted)
    else:
        assert_array_equal(np.asarray(actual), np.asarray(expected))


# Rows in all forms


def rows_of(X: Any, rows: slice) -> Any:
    """Return some rows in the form of all."""
    positions = np.arange(X.shape[0] if hasattr(X, "shape") else len(X))[rows]
    return take_rows(X, positions)


def forms_of_one(X: Any, position: int) -> list[Any]:
    """Return the forms in which one row may be given."""
    if sparse.issparse(X):
        return [X[[position]].toarray()[0], X[[position]].toarray()]
    if isinstance(X, (pd.Series, list)) or getattr(X, "ndim", 2) == 1 or not hasattr(X, "columns"):
        row = X.iloc[position] if hasattr(X, "iloc") else X[position]
        if isinstance(row, str):
            return [row]
        if isinstance(row, np.ndarray):
            plain = [] if row.dtype == np.float32 else [row.tolist(), tuple(row.tolist())]
            return [row, row[None], *plain]
        return [row]
    if isinstance(X, pd.DataFrame):
        mapping = X.iloc[position].to_dict()
        return [mapping, mapping | {"other": None}, X.iloc[[position]], list(mapping.values())]
    return [X.row(position, named=True), X[position : position + 1]]


def unseen(X: Any) -> list[Any]:
    """Return rows of values that fit has not seen."""
    if isinstance(X, np.ndarray) and X.dtype.kind in "fi":
        return [X + 1, -X, X * 0, X * 1000, X[:0]]
    if sparse.issparse(X):
        return [X * 3, -X, X * 0]
    if isinstance(X, list) and isinstance(X[0], str):
        return [["", "unheard of"], ["ﬁne Fılm", "A\0b"], [*X, "poor " * 50]]
    if isinstance(X, np.ndarray) and X.dtype == object and X.ndim == 2:
        changed = X.copy()
        changed[0] = "unheard of"
        return [changed]
    if isinstance(X, pd.DataFrame):
        return [X.iloc[::-1], X.iloc[[0, 0]], X[X.columns[::-1]]]
    return [X[:2]]


def wrong(X: Any) -> list[Any]:
    """Return what is not like the rows of fit: some of it is answered, some refused."""
    rows: list[Any] = [None, 3, "text", [], {}, np.zeros((2, 0)), np.zeros((2, 2, 2)), [[None]]]
    if isinstance(X, np.ndarray) and X.ndim == 2:
        rows += [X[0], X[:, :-1], np.hstack([X, X])]
        for value in (np.nan, np.inf, -np.inf, 1e300, None, "text", True, 10**30, 1j):
            changed = X.astype(object)
            changed[1, -1] = value
            rows.append(changed)
        if X.dtype.kind == "f":
            for number in (np.nan, np.inf, 1e300):
                with_number = X.copy()
                with_number[1, -1] = number
                rows.append(with_number)
            # XGBoost reads beyond arrays of long doubles that lie column by column.
            long = X.astype(np.longdouble, order="C")
            rows += [X.astype(bool), X.astype(complex), long, X.astype(str)]
    if isinstance(X, pd.DataFrame):
        other = X.rename(columns={X.columns[-1]: "other"})
        missing = X.astype(object)
        missing.iloc[1] = None
        rows += [X.iloc[:, :-1], other, X.assign(other=1), missing, X.convert_dtypes()]
    if isinstance(X, list) and isinstance(X[0], str):
        rows += [[1], [None], [b"bytes"], [["a text"]], np.array([["a text"]], dtype=object)]
    return rows
