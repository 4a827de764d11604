"""Arrays of numbers, and data frames of them, however rows and columns lie in memory."""

import numpy as np
import pandas as pd
import pytest
from numpy.lib.stride_tricks import as_strided
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.tree import DecisionTreeClassifier

from skwillump import compile_pipeline

N_ROWS = 4100  # more than a chunk


def _values(n_columns: int) -> np.ndarray:
    return np.random.default_rng(0).normal(scale=9.0, size=(N_ROWS, n_columns)).round(1)


def _unaligned(values: np.ndarray) -> np.ndarray:
    buffer = np.empty(values.nbytes + 1, dtype=np.uint8)
    array = buffer[1:].view(np.float64).reshape(values.shape)
    array[:] = values
    return array


def _read_only(values: np.ndarray) -> np.ndarray:
    values.setflags(write=False)
    return values


LAYOUTS = {
    "rows": lambda values: values,
    "columns": np.asfortranarray,
    "every second column": lambda values: np.repeat(values, 2, axis=1)[:, ::2],
    "backwards": lambda values: values[::-1, ::-1].copy()[::-1, ::-1],
    "one row again and again": lambda values: as_strided(
        values, values.shape, (0, values.strides[1])
    ),
    "unaligned": _unaligned,
    "read-only": _read_only,
    "of the other byte order": lambda values: values.astype(">f8"),
    "integers": lambda values: values.astype(np.int16),
    "booleans": lambda values: values > 0,
    "single precision": lambda values: values.astype(np.float32),
}


def _models(n_columns: int) -> dict:
    columns = list(range(n_columns))
    return {
        "tree": DecisionTreeClassifier(max_depth=4),
        "linear": LogisticRegression(),
        "scaled": make_pipeline(StandardScaler(), LogisticRegression()),
        "network": make_pipeline(MinMaxScaler(), MLPClassifier((5,), max_iter=2, random_state=0)),
        "blocks": make_pipeline(
            make_column_transformer(
                (StandardScaler(), columns[::-2]), (MinMaxScaler(), columns[: n_columns // 2])
            ),
            LogisticRegression(),
        ),
    }


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", _models(2))
@pytest.mark.parametrize("n_columns", [3, 24], ids=["narrow", "wide"])
def test_how_an_array_lies_in_memory_changes_no_answer(n_columns, name, layout):
    values = _values(n_columns)
    y = (values[:, 0] + values[:, 2] > 0).astype(int)
    plain = clone(_models(n_columns)[name]).fit(values[:500], y[:500])
    X = LAYOUTS[layout](values)
    before = X.copy()
    compiled = compile_pipeline(plain)
    for rows in (X, X[:1], X[7:300], X[:0]):
        if len(rows):
            expected = plain.predict_proba(rows)
            np.testing.assert_allclose(
                compiled.predict_proba(rows), expected, rtol=1e-12, atol=1e-300
            )
        else:
            with pytest.raises(ValueError, match="0 sample"):
                compiled.predict_proba(rows)
    np.testing.assert_array_equal(X, before)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_features_of_any_layout_are_those_of_scikit_learn(layout):
    X = LAYOUTS[layout](_values(24))
    plain = MinMaxScaler().fit(X)
    found, expected = compile_pipeline(plain).transform(X), plain.transform(X)
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-300)
    assert found.dtype == expected.dtype


def _frame_of(values: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame(values, columns=[f"c{i}" for i in range(values.shape[1])])


def _with_integers(values: np.ndarray) -> pd.DataFrame:
    return _frame_of(values).astype({"c1": np.int32, "c4": bool, "c7": np.int32})


FRAMES = {
    "of an array": _frame_of,
    "of columns": lambda values: pd.DataFrame({f"c{i}": c for i, c in enumerate(values.T)}),
    "of one column after the other": lambda values: pd.concat(
        [pd.Series(column, name=f"c{i}") for i, column in enumerate(values.T)], axis=1
    ),
    "of several dtypes": _with_integers,
    "of booleans": lambda values: _frame_of(values > 0),
    "of single precision": lambda values: _frame_of(values.astype(np.float32)),
    "some rows of a larger one": lambda values: _frame_of(np.repeat(values, 2, axis=0))[::2],
}


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
@pytest.mark.parametrize("kind", FRAMES)
@pytest.mark.parametrize("name", _models(2))
def test_how_columns_lie_in_a_data_frame_changes_no_answer(name, kind):
    X = FRAMES[kind](_values(20))
    y = (_values(20)[:, 0] > 0).astype(int)
    plain = clone(_models(20)[name]).fit(X[:500], y[:500])
    compiled = compile_pipeline(plain)
    for rows in (X, X[7:300], X[:1]):
        expected = plain.predict_proba(rows)
        np.testing.assert_allclose(compiled.predict_proba(rows), expected, rtol=1e-12, atol=1e-300)


@pytest.mark.parametrize("kind", FRAMES)
def test_columns_of_a_data_frame_are_found_by_their_names(kind):
    X = FRAMES[kind](_values(20))
    y = (_values(20)[:, 0] > 0).astype(int)
    first, second = [f"c{i}" for i in range(3, 17)], [f"c{i}" for i in (19, 0, 5, 2, 4, 6, 18)]
    union = make_column_transformer((StandardScaler(), first), (MinMaxScaler(), second))
    plain = make_pipeline(union, LogisticRegression()).fit(X[:500], y[:500])
    compiled = compile_pipeline(plain)
    for other in (
        X,
        X[X.columns[::-1]],
        X.assign(more=1.5)[["more", *X.columns[::2], *X.columns[1::2]]],
    ):
        np.testing.assert_allclose(
            compiled.predict_proba(other), plain.predict_proba(other), rtol=1e-12, atol=1e-300
        )


@pytest.mark.parametrize("model", [StandardScaler(), MinMaxScaler()], ids=str)
def test_two_columns_of_one_name_are_two_columns(model):
    X = _frame_of(_values(8)).set_axis(["a", "b", "a", "c", "d", "e", "f", "g"], axis=1)
    try:
        plain = clone(model).fit(X)
    except Exception as error:  # of a release of scikit-learn that takes none
        pytest.skip(str(error))
    found, expected = compile_pipeline(plain).transform(X), plain.transform(X)
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-300)
