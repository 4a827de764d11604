"""One row of a table, in all its forms, is answered and refused as a batch of one."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import ColumnTransformer, make_column_transformer
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    StandardScaler,
    TargetEncoder,
)
from sklearn.tree import DecisionTreeClassifier
from table_pipelines import TABLE, Y, fitted, kinds

from skwillump import compile_pipeline


@pytest.fixture(scope="module")
def by_name():
    plain = fitted("by name", X=TABLE.fillna({"income": 0, "city": "Rome"}))
    return plain, compile_pipeline(plain)


def test_every_form_of_one_row(by_name):
    plain, compiled = by_name
    expected = plain.predict_proba(TABLE[3:4])[0]
    frame = TABLE[3:4]
    row = frame.iloc[0].to_dict()
    values = list(row.values())
    forms = [row, row | {"more": object()}, values, tuple(values), frame, pl.from_pandas(frame)]
    forms += [frame.iloc[0], np.array(values, dtype=object)]
    for form in forms:
        np.testing.assert_allclose(compiled.predict_proba_one(form), expected, rtol=1e-12)
        assert compiled.predict_one(form) == plain.predict(frame)[0]


def test_a_wrong_row_is_an_error_that_says_what_is_wrong(by_name):
    _, compiled = by_name
    row = TABLE.iloc[3].to_dict()
    for method in (compiled.predict_one, compiled.predict_proba_one):
        with pytest.raises(ValueError, match=r"columns are missing: \['age', 'city'\]"):
            method({k: v for k, v in row.items() if k not in ("age", "city")})
        with pytest.raises(ValueError, match="The row has 2 values, but 7 are expected"):
            method([1, 2])
        with pytest.raises(ValueError, match="'old' is where a number is expected, in column 'age"):
            method(row | {"age": "old"})
        with pytest.raises(TypeError, match="where a category is expected, in column 'kind'"):
            method(row | {"kind": ["car"]})
        # scikit-learn's own words: the type of another value is no reason to name its column.
        with pytest.raises(ValueError, match=r"infinity .* for dtype\('float64'\)\.$"):
            method(row | {"age": np.inf, "share": np.float64(0.5)})


class OwnScaler(StandardScaler):
    """A scaler without a compiler."""


@pytest.mark.parametrize("scaler", [StandardScaler(), OwnScaler()], ids=["compiled", "original"])
def test_one_row_of_an_array(scaler):
    X, y = TABLE[["age", "share"]].fillna(0).to_numpy(dtype=float), Y
    plain = make_pipeline(scaler, LogisticRegression()).fit(X, y)
    compiled = compile_pipeline(plain)
    expected = plain.predict_proba(X[3:4])[0]
    for form in (X[3], X[3:4], X[3].tolist(), pd.Series(X[3]), pd.DataFrame(X[3:4])):
        np.testing.assert_allclose(compiled.predict_proba_one(form), expected, rtol=1e-12)
    with pytest.raises(ValueError, match=r"Got an array of 2 rows\. Pass one row"):
        compiled.predict_one(X[:2])
    with pytest.raises(ValueError, match="The row has 1 value, but 2 are expected"):
        compiled.predict_one(X[3, :1])
    with pytest.raises(TypeError, match=r"not fitted on a data frame\. Pass a list or 1-D"):
        compiled.predict_one({0: 1.0, 1: 2.0})


@pytest.mark.parametrize("scaler", [StandardScaler(), OwnScaler()], ids=["compiled", "original"])
def test_one_row_of_a_frame(scaler):
    X, y = TABLE[["age", "share"]].fillna(0), Y
    plain = make_pipeline(scaler, LogisticRegression()).fit(X, y)
    compiled = compile_pipeline(plain)
    expected = plain.predict_proba(X[3:4])[0]
    for form in (X[3:4], X[3:4].to_numpy(), X.iloc[3], X.iloc[3].to_dict(), X.iloc[3].tolist()):
        np.testing.assert_allclose(compiled.predict_proba_one(form), expected, rtol=1e-12)
    for n_rows in (0, 2):
        with pytest.raises(ValueError, match=f"Got a data frame of {n_rows} rows. Pass one row"):
            compiled.predict_one(X[:n_rows])
    for values in ([1.0], [1.0, 2.0, 3.0]):
        with pytest.raises(ValueError, match=rf"The row has {len(values)} values?, but 2 are"):
            compiled.predict_one(values)


def test_a_missing_number_that_no_step_fills_is_the_models_error():
    plain = make_pipeline(
        make_column_transformer((StandardScaler(), ["share"]), (kinds(), ["kind"])),
        LogisticRegression(),
    ).fit(TABLE, Y)
    compiled = compile_pipeline(plain)
    for missing in (np.nan, None):
        with pytest.raises(ValueError, match="NaN"):
            compiled.predict_proba_one({"share": missing, "kind": "car"})
    with pytest.raises(ValueError, match="NaN"):
        compiled.predict(TABLE[:3].assign(share=np.nan))


def test_an_unknown_category_is_an_error_where_the_encoder_says_so():
    plain = make_pipeline(
        make_column_transformer((OneHotEncoder(), ["kind"])), LogisticRegression()
    )
    compiled = compile_pipeline(plain.fit(TABLE, Y))
    with pytest.raises(ValueError, match="unknown category 'tram' in column 'kind'"):
        compiled.predict_one({"kind": "tram"})
    with pytest.raises(ValueError, match="Found unknown categories"):
        compiled.predict(TABLE[:3].assign(kind="tram"))


@pytest.mark.parametrize("in_columns", [False, True])
def test_a_function_of_categories_is_the_originals_error(in_columns):
    function = FunctionTransformer(np.log1p)
    X = TABLE[["age"]]
    features = ColumnTransformer([("log", function, ["age"])]) if in_columns else function
    plain = make_pipeline(features, LogisticRegression()).fit(X, Y)
    compiled = compile_pipeline(plain)
    np.testing.assert_array_equal(compiled.predict(X), plain.predict(X))
    with pytest.raises(TypeError, match="dtype category"):
        compiled.predict(X.astype("category"))


def test_missing_columns_are_the_originals_error(by_name):
    plain, compiled = by_name
    for X in (TABLE.drop(columns="age"), pl.from_pandas(TABLE).drop("age")):
        with pytest.raises(ValueError, match=r"columns are missing: \{'age'\}"):
            compiled.predict(X)
    # A column that no step reads may be missing.
    X = TABLE.drop(columns="unused").dropna()
    np.testing.assert_array_equal(compiled.predict(X), plain.predict(X))


def _inside(name, transformer, columns):
    """Return a selection that drops the column `unused`."""
    inner = ColumnTransformer([(name, transformer, columns)])
    return ("inner", inner, ["unused", *np.atleast_1d(columns).tolist()])


DEMANDED = {
    "numbers": [_inside("s", StandardScaler(), ["share"]), ("z", MaxAbsScaler(), ["share"])],
    "texts": [_inside("t", CountVectorizer(), "name")],
    "both": [_inside("t", CountVectorizer(), "name"), ("z", MaxAbsScaler(), ["share"])],
    "no feature": [
        ("z", MaxAbsScaler(), ["share"]),
        ("none", OneHotEncoder(drop="first"), ["unused"]),
    ],
}


@pytest.mark.parametrize("in_union", [False, True])
@pytest.mark.parametrize("model", [LogisticRegression(), DecisionTreeClassifier(max_depth=3)])
@pytest.mark.parametrize("name", DEMANDED)
def test_a_column_that_the_original_demands_is_demanded_though_no_step_reads_it(
    name, model, in_union
):
    features = ColumnTransformer(DEMANDED[name])
    if in_union:
        features = make_union(features, ColumnTransformer([("m", MinMaxScaler(), ["share"])]))
    X = TABLE[["unused", "share", "name"]]
    plain = make_pipeline(features, model).fit(X, Y)
    compiled = compile_pipeline(plain)
    without = X.drop(columns="unused")
    for some in (without, without[:1], pl.from_pandas(without)):
        with pytest.raises(ValueError, match=r"columns are missing: \{'unused'\}"):
            compiled.predict(some)
    with pytest.raises(ValueError, match=r"columns are missing: \[?\{?'unused'"):
        compiled.predict_one(without.iloc[0].to_dict())
    np.testing.assert_array_equal(compiled.predict(X), plain.predict(X))
    assert compiled.predict_one(X.iloc[0].to_dict()) == plain.predict(X[:1])[0]


@pytest.mark.parametrize(
    "encoder",
    [
        OneHotEncoder(handle_unknown="ignore"),
        OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1),
        TargetEncoder(),
    ],
    ids=["one-hot", "ordinal", "target"],
)
@pytest.mark.parametrize("numbers", ["passthrough", StandardScaler()], ids=["pass", "scaled"])
def test_texts_that_were_filled_are_encoded_behind_a_column_transformer(encoder, numbers):
    X = TABLE[["city", "kind", "age"]].astype({"city": object, "kind": object})
    X = X.assign(age=X["age"].fillna(40.0), city=X["city"].where(np.arange(len(X)) % 5 > 0, np.nan))
    filled = make_column_transformer(
        (SimpleImputer(strategy="most_frequent"), ["city", "kind"]), (numbers, ["age"])
    )
    plain = make_pipeline(filled, encoder, DecisionTreeClassifier(max_depth=4, random_state=0))
    plain.fit(X, Y)
    compiled = compile_pipeline(plain)
    assert np.array_equal(compiled.predict_proba(X), plain.predict_proba(X))
    for at in range(12):
        row = X.iloc[at].to_dict()
        expected = plain.predict_proba(X[at : at + 1])[0]
        assert np.array_equal(compiled.predict_proba_one(row), expected)


OF_MISSING = {
    "a maximum": lambda X: np.maximum(X["n"], X["m"]).to_frame(),
    "columns of numbers": lambda X: X.select_dtypes("number"),
    "whole numbers": lambda X: X["n"].fillna(7).astype(int).to_frame(),
    "a part of a text": lambda X: X["text"].str.contains("a").astype(int).to_frame(),
    "a text in upper case": lambda X: (X["text"].str.upper() == "B").astype(int).to_frame(),
    "a text for none": lambda X: X["text"].fillna("").str.len().to_frame(),
}
"""Functions of which a missing value of a row is one of a column, of numbers or of texts."""


@pytest.mark.filterwarnings("ignore:'str' is not supported as a fill value")
@pytest.mark.parametrize("name", OF_MISSING)
@pytest.mark.parametrize("missing", [np.nan, None], ids=["NaN", "None"])
def test_a_missing_value_before_a_function_is_one_of_its_column(name, missing):
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"n": rng.normal(size=60), "m": np.arange(60), "text": list("abc") * 20})
    X.loc[::7, "n"], X.loc[::5, "text"] = np.nan, missing
    X["text"] = X["text"].astype("str" if pd.__version__ >= "3" else object)
    function = FunctionTransformer(OF_MISSING[name])
    plain = make_pipeline(function, SimpleImputer(), LogisticRegression())
    plain.fit(X, np.arange(60) % 2)
    compiled = compile_pipeline(plain)
    for row in ({"n": missing}, {"text": missing}):
        row = {"n": 0.5, "m": 3, "text": "b"} | row
        frame = pd.DataFrame([row]).astype(X.dtypes.to_dict())
        expected = plain.predict_proba(frame)[0]
        for form in (row, pd.Series(row), frame):
            np.testing.assert_allclose(compiled.predict_proba_one(form), expected, rtol=1e-12)


class Ratio(TransformerMixin, BaseEstimator):
    """A step that does not tell which columns it was fitted on."""

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return pd.DataFrame({"ratio": X["n"] / X["m"], "size": len(X)})


def test_labels_of_a_series_are_columns_also_where_no_step_tells_of_columns():
    X = pd.DataFrame({"n": np.arange(30.0), "m": np.arange(1, 31), "kind": list("ab") * 15})
    plain = make_pipeline(Ratio(), LogisticRegression()).fit(X, np.arange(30) % 2)
    compiled = compile_pipeline(plain)
    expected = plain.predict_proba(X[4:5])[0]
    for form in (X.iloc[4], X.iloc[4].to_dict(), X[4:5]):
        np.testing.assert_allclose(compiled.predict_proba_one(form), expected, rtol=1e-12)
