"""One row is answered as a batch of it is by scikit-learn, whatever holds the rows."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from answers import outcome
from hypothesis import HealthCheck, example, given, settings, strategies as st
from numpy.testing import assert_allclose
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    KBinsDiscretizer,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    StandardScaler,
    TargetEncoder,
)
from sklearn.tree import DecisionTreeClassifier

from skwillump import compile_pipeline

N_ROWS = 24

NUMBERS = {
    "floats": lambda v: v,
    "floats with NaN": lambda v: np.where(v < -0.5, np.nan, v),
    "single floats": lambda v: v.astype(np.float32),
    "integers": lambda v: (4 * v).astype(int),
    "booleans": lambda v: v > 0,
    "objects": lambda v: pd.Series((4 * v).astype(int), dtype=object),
    "objects with None": lambda v: pd.Series([None if x < -0.5 else x for x in v], dtype=object),
}
CATEGORIES = {
    "texts": lambda v: pd.Series(np.array(list("abcd"))[(4 * np.abs(v)).astype(int) % 4]),
    "texts with NaN": lambda v: CATEGORIES["texts"](v).where(v > -0.5),
    "texts with None": lambda v: pd.Series(
        [None if x < -0.5 else str(x > 0) for x in v], dtype=object
    ),
    "categorical": lambda v: CATEGORIES["texts"](v).astype("category"),
    "numbers of categories": lambda v: pd.Categorical((4 * v).astype(int)),
} | NUMBERS
OF_NUMBERS = [
    StandardScaler(),
    make_pipeline(SimpleImputer(), MinMaxScaler()),
    make_pipeline(SimpleImputer(strategy="most_frequent"), StandardScaler()),
    make_pipeline(SimpleImputer(strategy="median", add_indicator=True), KBinsDiscretizer(3)),
    "passthrough",
]
OF_CATEGORIES = [
    OneHotEncoder(handle_unknown="ignore"),
    OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=4),
    OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=-9),
    TargetEncoder(cv=2),
    make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore")),
    make_pipeline(SimpleImputer(strategy="constant", fill_value="?"), OrdinalEncoder()),
]
MODELS = [LogisticRegression(), DecisionTreeClassifier(random_state=0), KNeighborsClassifier(3)]


KEEP_PRECISION = ("X of one row", "mapping of NumPy's", "row")
"""Forms of a row in which numbers keep their precision."""


def plain(value):
    return value.item() if isinstance(value, np.generic) else value


def forms(X, i):
    """Each form of a row, by its name."""
    if isinstance(X, pd.DataFrame):
        row = {name: X[name].iloc[i] for name in X}
        mapping = {name: plain(value) for name, value in row.items()}
        needed = {name: value for name, value in mapping.items() if name != "unused"}
        return {
            "X of one row": X[i : i + 1],
            "mapping of NumPy's": row,
            "mapping": mapping,
            "mapping of what is needed": needed,
            "list": list(mapping.values()),
        }
    if isinstance(X, pl.DataFrame):
        return {
            "X of one row": X[i : i + 1],
            "mapping": X.row(i, named=True),
            "list": list(X.row(i)),
        }
    return {"row": X[i], "list": [plain(value) for value in X[i]]}


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(
    seed=st.integers(0, 2**32 - 1),
    container=st.sampled_from(["pandas", "polars", "array of objects", "list"]),
    numbers=st.sampled_from(sorted(NUMBERS)),
    categories=st.sampled_from(sorted(CATEGORIES)),
    of_numbers=st.sampled_from(range(len(OF_NUMBERS))),
    of_categories=st.sampled_from(range(len(OF_CATEGORIES))),
    model=st.sampled_from(range(len(MODELS))),
)
@example(
    seed=0,
    container="polars",
    numbers="floats with NaN",
    categories="booleans",
    of_numbers=2,
    of_categories=0,
    model=2,
)
@pytest.mark.filterwarnings("ignore")
def test_one_row_is_answered_as_a_batch_of_it(
    seed, container, numbers, categories, of_numbers, of_categories, model
):
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(
        {
            "n": NUMBERS[numbers](rng.normal(size=N_ROWS).round(1)),
            "c": CATEGORIES[categories](rng.normal(size=N_ROWS).round(1)),
            "unused": np.arange(N_ROWS),
        }
    )
    y = np.arange(N_ROWS) % 2
    columns = ["n"], ["c"]
    if container == "polars":
        X = pl.from_pandas(X)
    elif container != "pandas":
        columns = [0], [1]
        X = X.astype(object).to_numpy()
        X = X if container == "array of objects" else X.tolist()
    pipeline = make_pipeline(
        make_column_transformer(
            (OF_NUMBERS[of_numbers], columns[0]), (OF_CATEGORIES[of_categories], columns[1])
        ),
        MODELS[model],
    )
    if isinstance(outcome(lambda: pipeline.fit(X, y)), type):
        return
    compiled = compile_pipeline(pipeline)
    # Python's numbers are of double precision, and a compiled pipeline does not know otherwise.
    is_single = "single floats" in (numbers, categories)
    for i in range(0, N_ROWS, 5):
        expected = outcome(lambda: pipeline.predict_proba(X[i : i + 1])[0])  # noqa: B023
        for name, form in forms(X, i).items():
            if is_single and name not in KEEP_PRECISION:
                continue
            found = outcome(lambda: compiled.predict_proba_one(form))  # noqa: B023
            if isinstance(expected, type):
                assert found is expected, name
            else:
                assert_allclose(found, expected, rtol=1e-12, atol=1e-12, err_msg=name)


def frame(**columns):
    return pd.DataFrame(columns), np.arange(len(next(iter(columns.values())))) % 2


@pytest.mark.parametrize("encoder", OF_CATEGORIES[:4], ids=lambda e: type(e).__name__)
@pytest.mark.parametrize("model", MODELS, ids=lambda m: type(m).__name__)
def test_null_among_numbers_is_nan(encoder, model):
    X = pl.DataFrame({"a": [1.0, None, 2.0, 1.0] * 10})
    pipeline = make_pipeline(make_column_transformer((encoder, ["a"])), model)
    pipeline.fit(X, [0, 1, 0, 1] * 10)
    compiled = compile_pipeline(pipeline)
    for i in range(3):
        expected = pipeline.predict_proba(X[i : i + 1])[0]
        for row in (X[i : i + 1], X.row(i, named=True), list(X.row(i))):
            assert_allclose(compiled.predict_proba_one(row), expected, rtol=1e-12)


def test_a_row_that_falls_back_has_the_dtypes_that_encoders_tell():
    X, y = frame(
        c=np.array([1, 5, 2, 3] * 10, dtype=object),
        t=pd.Series(["x", "y", "a\ud800", "z"] * 10, dtype=object),
    )
    encoder = OneHotEncoder(handle_unknown="ignore")
    model = KNeighborsClassifier(1)
    pipeline = make_pipeline(make_column_transformer((encoder, ["c", "t"])), model).fit(X, y)
    compiled = compile_pipeline(pipeline)
    for i in range(4):
        assert compiled.predict_one(X.iloc[i].to_dict()) == pipeline.predict(X[i : i + 1])[0]


class ReadsTexts(ClassifierMixin, BaseEstimator):
    """A model of someone's own that reads categories as they are, as CatBoost's models do."""

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        return np.array([int("12" in row or "x" in row) for row in np.asarray(X).tolist()])


@pytest.mark.parametrize(
    "blocks",
    [
        [("passthrough", ["a"]), ("passthrough", ["t"])],
        [("passthrough", ["t"])],
        [("passthrough", ["t", "i"])],
        [(StandardScaler(), ["a"]), ("passthrough", ["i", "t"])],
        [(FunctionTransformer(), ["t"]), (OneHotEncoder(), ["i"])],
    ],
    ids=["apart", "alone", "with integers", "beside floats", "beside categories"],
)
def test_texts_pass_to_a_model_that_is_not_compiled_as_texts(blocks):
    X, y = frame(
        a=np.arange(40.0), i=np.arange(40) % 3, t=np.array(["x", "12", "z", "7"] * 10, dtype=object)
    )
    pipeline = make_pipeline(make_column_transformer(*blocks), ReadsTexts()).fit(X, y)
    compiled = compile_pipeline(pipeline)
    for i in range(4):
        row = X.iloc[i]
        expected = pipeline.predict(X[i : i + 1])[0]
        for x in (row.to_dict(), row.tolist(), X[i : i + 1]):
            assert compiled.predict_one(x) == expected


def test_a_mapping_is_an_element_for_a_function_of_a_list():
    def fields(records):
        return [record["text"] for record in records]

    from sklearn.feature_extraction.text import TfidfVectorizer

    records = [{"text": "disk full"}, {"text": "all well"}] * 10
    pipeline = make_pipeline(FunctionTransformer(fields), TfidfVectorizer(), LogisticRegression())
    compiled = compile_pipeline(pipeline.fit(records, [1, 0] * 10))
    expected = pipeline.predict_proba(records[:1])[0]
    assert_allclose(compiled.predict_proba_one(records[0]), expected, rtol=1e-12)


def test_a_column_that_is_dropped_may_be_missing_whatever_the_model():
    X, y = frame(a=np.arange(20.0), b=np.arange(20.0), id=np.arange(20))
    scale = make_column_transformer((StandardScaler(), ["a", "b"]))
    for model in MODELS:
        pipeline = make_pipeline(scale, model).fit(X, y)
        compiled = compile_pipeline(pipeline)
        few = X.drop(columns="id")
        expected = pipeline.predict(few).tolist()
        assert [compiled.predict_one(row) for row in few.to_dict("records")] == expected
        with pytest.raises(ValueError, match=r"columns are missing: \['a'\]"):
            compiled.predict_one({"b": 1.0, "id": 2.0})
