"""What functions of one's own make of whole columns, told from their source."""

import numpy as np
import pandas as pd
import pytest
from own_functions import ODD, TABLE, TRANSFORMERS, Y
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.ensemble import GradientBoostingRegressor, RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, OrdinalEncoder, StandardScaler

from skwillump import compile_pipeline
from skwillump._containers import ColumnTable, column_names, container_of
from skwillump.compilers._unsupported import InputUnsupported
from skwillump.compilers.own_code._purity import is_pure
from skwillump.compilers.own_code._rows import row_map

TOLD = {
    name: transformer
    for name, transformer in TRANSFORMERS.items()
    if name != "clipped_array"  # an array of a data frame costs nothing, and is left to NumPy
}
LABELLED = TABLE.set_axis(range(7, 7 + len(TABLE)))


def _columns_of(made):
    """Return names and lists of values, of whatever a function returned."""
    if isinstance(made, np.ndarray):
        return dict(enumerate(made.T.tolist()))
    if isinstance(made, pd.DataFrame):
        return {name: made[name].tolist() for name in made}
    kind = container_of(made)
    return {name: kind.select(made, name).tolist() for name in column_names(made)}


def _assert_same_columns(made, expected):
    made, expected = _columns_of(made), _columns_of(expected)
    assert list(made) == list(expected)
    for name, values in expected.items():
        for one, other in zip(made[name], values, strict=True):
            both_missing = pd.isna(one) and pd.isna(other)
            assert both_missing or one == other, (name, one, other)


@pytest.mark.filterwarnings("ignore:The inplace keyword")
@pytest.mark.parametrize("name", TOLD)
@pytest.mark.parametrize("table", [TABLE, LABELLED], ids=["counted", "labelled"])
def test_columns_become_what_those_of_a_data_frame_become(name, table):
    before = table.copy()
    try:
        made = row_map(TOLD[name]).columns(table)
    except InputUnsupported:
        # A function of each span of time, and rows that are counted anew.
        assert name == "dates" or (name == "in_place" and table is LABELLED)
        return
    pd.testing.assert_frame_equal(table, before)
    _assert_same_columns(made, TOLD[name].transform(table.copy()))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", TOLD)
@pytest.mark.parametrize("odd", ODD)
def test_columns_with_an_odd_value_are_refused_or_become_the_same(name, odd):
    rows = TABLE.head(12).to_dict("records")
    rows[5] |= ODD[odd]
    table = pd.DataFrame(rows)
    try:
        made = row_map(TOLD[name]).columns(table)
    except InputUnsupported:
        return
    _assert_same_columns(made, TOLD[name].transform(table.copy()))


DTYPES = {
    "float32": {"a": "float32"},
    "int8": {"b": "int8", "c": "int8"},
    "unsigned": {"c": "uint64"},
    "objects": {"kind": object, "a": object},
    "category": {"kind": "category"},
    "nullable": {"b": "Int64", "gap": "Float64", "flag": "boolean"},
    "string": {"kind": "string"},
    "milliseconds": {"start": "datetime64[ms]"},
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", TOLD)
@pytest.mark.parametrize("dtypes", DTYPES)
def test_columns_of_other_dtypes_are_refused_or_become_the_same(name, dtypes):
    table = TABLE.astype(DTYPES[dtypes])
    try:
        made = row_map(TOLD[name]).columns(table)
    except InputUnsupported:
        return
    _assert_same_columns(made, TOLD[name].transform(table.copy()))


@pytest.mark.parametrize("rows", ["none", "twice named", "array", "subclass"])
def test_other_containers_are_left_to_the_function(rows):
    class Table(pd.DataFrame):
        pass

    X = {
        "none": TABLE[:0],
        "twice named": pd.concat([TABLE, TABLE[["a"]]], axis=1),
        "array": TABLE[["a", "b"]].to_numpy(),
        "subclass": Table(TABLE),
    }[rows]
    with pytest.raises(InputUnsupported):
        row_map(TRANSFORMERS["branched"]).columns(X)


def _columns(*, dense=False):
    return ColumnTransformer(
        [
            ("n", StandardScaler(), make_column_selector(dtype_include=["number", "bool"])),
            ("c", OneHotEncoder(handle_unknown="ignore", sparse_output=not dense), ["kind"]),
        ]
    )


PIPELINES = {
    "linear": lambda one: make_pipeline(one, _columns(), LogisticRegression(max_iter=300)),
    "forest": lambda one: make_pipeline(
        one, _columns(dense=True), RandomForestClassifier(10, random_state=0)
    ),
    "two functions": lambda one: make_pipeline(
        one, TRANSFORMERS["branched"], _columns(), LogisticRegression(max_iter=300)
    ),
    "cascaded columns": lambda one: make_pipeline(
        one,
        ColumnTransformer([("t", TfidfVectorizer(), "kind"), ("n", "passthrough", ["a", "b"])]),
        LogisticRegression(max_iter=300),
    ),
}


@pytest.mark.parametrize("name", ["extra", "branched", "looked_up", "binned", "grouped"])
@pytest.mark.parametrize("pipeline", PIPELINES)
def test_batches_are_answered_as_by_the_pipeline(name, pipeline):
    table = LABELLED.drop(columns=["start", "end"]).assign(gap=LABELLED["gap"].fillna(0))
    if name == "binned":
        table = table.rename(columns={"a": "first"}).assign(a=table["a"])
        table = table.drop(columns=["first"])
    plain = PIPELINES[pipeline](TRANSFORMERS[name])
    try:
        plain.fit(table, Y)
    except (KeyError, ValueError):
        pytest.skip("the pipeline does not take what the function returns")
    compiled = compile_pipeline(plain)
    for X in (table, table[:1], table[3:40]):
        np.testing.assert_array_equal(compiled.predict(X), plain.predict(X))
        np.testing.assert_allclose(
            compiled.predict_proba(X), plain.predict_proba(X), rtol=1e-12, atol=1e-15
        )
    frame = plain[:-1].transform(table)
    found = compiled.transform(table) if hasattr(compiled, "transform") else frame
    assert type(found) is type(frame)


def _of_numbers(X):
    X = X[["a", "b", "c"]].copy()
    X["ratio"] = X["a"] / (X["c"] + 1)
    return X


@pytest.mark.parametrize(
    "model",
    [Ridge(), GradientBoostingRegressor(n_estimators=10, random_state=0)],
    ids=["ridge", "boosting"],
)
def test_models_right_behind_a_function_read_its_columns(model):
    plain = make_pipeline(FunctionTransformer(_of_numbers), model).fit(TABLE, TABLE["c"])
    compiled = compile_pipeline(plain)
    np.testing.assert_allclose(compiled.predict(LABELLED), plain.predict(LABELLED), rtol=1e-12)


class Broken(TransformerMixin, BaseEstimator):
    def fit(self, X, y=None):
        return self

    def transform(self, X):
        X = X.copy()
        X["code"] = X["kind"].map({"red": 1, "Green": 2, "blue sky": 3}).astype(int)
        return X[["code", "a"]]


def test_errors_of_a_batch_are_those_of_the_function():
    plain = make_pipeline(Broken(), StandardScaler(), LogisticRegression()).fit(TABLE, Y)
    compiled = compile_pipeline(plain)
    for bad in (TABLE.assign(kind="unknown"), TABLE.drop(columns=["a"])):
        with pytest.raises(Exception) as expected:  # noqa: PT011
            plain.predict(bad)
        with pytest.raises(type(expected.value)):
            compiled.predict(bad)


def test_a_function_that_is_not_pure_is_called_with_each_value():
    calls = []

    def noted(value):
        calls.append(value)
        return len(calls)

    def numbered(X):
        return X.assign(n=X["kind"].map(lambda value: noted(value)))

    found = row_map(FunctionTransformer(numbered))
    made = found.columns(TABLE)
    assert calls == TABLE["kind"].tolist()
    assert made.columns["n"].tolist() == list(range(1, len(TABLE) + 1))


SEEN = []
LEVELS = {"red": 1}
LEVELS_OF = ("red", "blue")


def remembers(value):
    seen = SEEN
    seen += [value]
    return len(seen)


def adds_texts(value):
    made = "red"
    made += value
    return LEVELS_OF[0] if made == "redred" else made


@pytest.mark.parametrize(
    ("function", "pure"),
    [
        (lambda value: LEVELS.get(value, 0), True),
        (lambda value: value.lower().strip()[:3] if isinstance(value, str) else "none", True),
        (lambda value: SEEN.append(value), False),
        (lambda value: np.random.rand(), False),  # noqa: NPY002
        (lambda value: [one for one in value], False),  # noqa: C416
        (lambda value: print(value), False),
        (len, False),
        (remembers, False),
        (adds_texts, True),
    ],
    ids=[
        *("look-up", "methods", "appends", "draws", "lists", "prints", "built-in"),
        *("adds to a list", "adds to a text"),
    ],
)
def test_what_depends_on_the_value_alone_is_told(function, pure):
    assert is_pure(function) is pure


def test_many_different_texts_are_left_to_pandas():
    table = pd.DataFrame({"kind": [f"text {at}" for at in range(5000)], "a": 1.0, "b": 1})
    lower = row_map(FunctionTransformer(lambda X: X.assign(low=X["kind"].str.lower())))
    with pytest.raises(InputUnsupported):
        lower.columns(table)


def test_encoders_read_texts_that_a_function_made():
    function = FunctionTransformer(lambda X: X[["kind", "a"]].assign(kind=X["kind"].str.upper()))
    encoder = ColumnTransformer([("o", OrdinalEncoder(), ["kind"])], remainder="passthrough")
    plain = make_pipeline(function, encoder, RandomForestClassifier(5, random_state=0))
    compiled = compile_pipeline(plain.fit(TABLE, Y))
    assert isinstance(row_map(function).columns(TABLE), ColumnTable)
    np.testing.assert_allclose(compiled.predict_proba(TABLE), plain.predict_proba(TABLE))


def _listed_before(X):
    parts, texts = [X["a"], X["b"]], X["kind"].str
    X = X.assign(a=0, b=1, more=2, kind="other")
    X["sum"] = parts[0] + parts[1]
    X["length"] = texts.len()
    return X[["a", "sum", "length"]]


def _names_before(X):
    names = X.columns
    X = X.assign(more=2)
    return X[names]


@pytest.mark.parametrize("function", [_listed_before, _names_before])
def test_what_was_listed_before_a_name_stands_for_something_else_stays(function):
    step = FunctionTransformer(function)
    _assert_same_columns(row_map(step).columns(TABLE), function(TABLE))
    row = TABLE.iloc[0].to_dict()
    assert row_map(step)(row) == function(TABLE).iloc[0].to_dict()
