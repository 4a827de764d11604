"""What functions of one's own make of one row, told from their source."""

import functools

import numpy as np
import pandas as pd
import pytest
from answers import assert_alike, outcome
from own_functions import N_ROWS, ODD, TABLE, TRANSFORMERS, Mapped, Y, as_array, of_helpers
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from skwillump import CascadeClassifier, compile_pipeline
from skwillump.compilers._row_map_step import RowMapStep
from skwillump.compilers._unsupported import InputUnsupported
from skwillump.compilers.own_code._rows import row_map


def _values(made):
    if isinstance(made, dict):
        return made
    return dict(enumerate(np.asarray(made)[0].tolist()))


def _expected(transformer, row):
    made = transformer.transform(pd.DataFrame({name: [value] for name, value in row.items()}))
    if isinstance(made, pd.DataFrame):
        return {name: made[name].iloc[0] for name in made.columns}
    return _values(made)


@pytest.mark.filterwarnings("ignore:The inplace keyword")
@pytest.mark.parametrize("name", TRANSFORMERS)
def test_one_row_becomes_what_a_data_frame_of_it_becomes(name):
    transformer = TRANSFORMERS[name]
    of_row = row_map(transformer)
    n_answered = 0
    for row in TABLE.to_dict("records"):
        try:
            made = _values(of_row(row))
        except InputUnsupported:
            continue
        n_answered += 1
        expected = _expected(transformer, row)
        assert list(made) == list(expected)
        for column, value in made.items():
            known = expected[column]
            assert value == known or (pd.isna(value) and pd.isna(known)), (column, value, known)
    assert n_answered > 0.9 * N_ROWS


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", TRANSFORMERS)
@pytest.mark.parametrize("odd", ODD)
def test_odd_values_are_refused_or_become_the_same(name, odd):
    row = TABLE.iloc[1].to_dict() | ODD[odd]
    try:
        made = _values(row_map(TRANSFORMERS[name])(row))
    except InputUnsupported:
        return
    expected = _expected(TRANSFORMERS[name], row)
    assert list(made) == list(expected)
    for column, value in made.items():
        known = expected[column]
        assert value is known or value == known or (pd.isna(value) and pd.isna(known)), column


def prints(X):
    print(len(X))
    return X


def of_all_rows(X):
    X = X.copy()
    X["a"] = X["a"] - X["a"].mean()
    return X


def ranked(X):
    return X.assign(a=X["a"].rank())


def tries(X):
    try:
        return X[["a"]]
    except KeyError:
        return X


def changing(X):
    total = 0
    for _ in X.columns:
        total = total + 1
    return X.assign(total=total)


def of_types(X):
    return X.select_dtypes("number")


def decorated(function):
    @functools.wraps(function)
    def around(X):
        return function(X) * 2

    return around


@decorated
def doubled(X):
    return X[["a"]]


@pytest.mark.parametrize(
    "function", [prints, of_all_rows, ranked, tries, changing, of_types, doubled]
)
def test_what_is_not_known_of_one_row_is_not_told(function):
    assert row_map(FunctionTransformer(function)) is None


def _pipeline(transformer, model=None):
    columns = ColumnTransformer(
        [
            ("n", StandardScaler(), make_column_selector(dtype_include=["number", "bool"])),
            ("c", OneHotEncoder(handle_unknown="ignore"), ["kind"]),
        ]
    )
    return make_pipeline(transformer, columns, model or LogisticRegression(max_iter=300))


@pytest.mark.parametrize("name", ["extra", "mapped", "lambda", "branched"])
def test_one_row_needs_no_data_frame_and_batches_and_rows_are_the_pipelines(name, monkeypatch):
    transformer = TRANSFORMERS[name]
    table = TABLE.drop(columns=["day"]).assign(gap=TABLE["gap"].fillna(0))
    pipeline = _pipeline(transformer).fit(table, Y)
    compiled = compile_pipeline(pipeline)
    expected = pipeline.predict_proba(table)
    np.testing.assert_allclose(compiled.predict_proba(table), expected, rtol=1e-12)
    with pytest.raises(ValueError, match="0 sample") as plain:
        pipeline.predict(table[:0])
    with pytest.raises(type(plain.value)):
        compiled.predict(table[:0])
    monkeypatch.setattr(RowMapStep, "transform", None)  # the original is not asked
    for at in range(20):
        row = table.iloc[at].to_dict()
        np.testing.assert_allclose(compiled.predict_proba_one(row), expected[at], rtol=1e-12)


class Kept(TransformerMixin, BaseEstimator):
    def __init__(self, names):
        self.names = names

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return X[self.names]


def test_steps_of_ones_own_behind_chosen_columns_need_no_data_frame(monkeypatch):
    names = ["gap", "a", "b", "c", "kind"]
    steps = Kept(names), Mapped(["gap", "a"]), Kept(["half", "extra", "share"])
    pipeline = make_pipeline(*steps, StandardScaler(), LogisticRegression()).fit(TABLE, Y)
    compiled = compile_pipeline(pipeline)
    assert [step.compiled for step in compiled.explain()] == [True, False, True, True, True]
    expected = pipeline.predict_proba(TABLE)
    np.testing.assert_allclose(compiled.predict_proba(TABLE[:0:-1]), expected[:0:-1], rtol=1e-12)
    for odd in (TABLE.drop(columns="gap"), TABLE.assign(a="text"), TABLE[:0]):
        with pytest.raises((KeyError, ValueError, TypeError)) as plain:
            pipeline.predict(odd)
        with pytest.raises(plain.type):
            compiled.predict(odd)
    for step in (Kept, Mapped):
        monkeypatch.setattr(step, "transform", None)  # the originals are not asked
    np.testing.assert_allclose(compiled.predict_proba(TABLE), expected, rtol=1e-12)
    for at in range(20):
        row = TABLE.iloc[at].to_dict()
        np.testing.assert_allclose(compiled.predict_proba_one(row), expected[at], rtol=1e-12)


@pytest.mark.parametrize("weird", [{"gap": "text"}, {"a": np.inf}, {"c": True}])
def test_a_row_of_which_only_the_original_can_tell_gets_its_answer(weird):
    table = TABLE.drop(columns=["day"])
    pipeline = _pipeline(TRANSFORMERS["extra"]).fit(table, Y)
    compiled = compile_pipeline(pipeline)
    row = table.iloc[0].to_dict() | weird
    frame = pd.DataFrame({name: [value] for name, value in row.items()})
    expected = outcome(lambda: pipeline.predict_proba(frame)[0])
    assert_alike(outcome(compiled.predict_proba_one, row), expected)


def test_a_row_without_a_column_is_refused_as_before():
    table = TABLE.drop(columns=["day"])
    pipeline = _pipeline(TRANSFORMERS["extra"]).fit(table, Y)
    row = table.iloc[0].to_dict()
    del row["a"]
    with pytest.raises(KeyError):
        pipeline.predict(pd.DataFrame([row]))
    with pytest.raises((KeyError, ValueError)):
        compile_pipeline(pipeline).predict_one(row)


def test_functions_of_columns_and_blocks_of_a_union_are_told():
    columns = ColumnTransformer(
        [
            ("d", FunctionTransformer(of_helpers), ["a", "b", "c"]),
            ("s", make_pipeline(TRANSFORMERS["angle"], StandardScaler()), ["c", "b"]),
            ("p", "passthrough", ["c"]),
        ]
    )
    union = make_union(FunctionTransformer(as_array), columns)
    pipeline = make_pipeline(union, Ridge()).fit(TABLE, TABLE["c"])
    compiled = compile_pipeline(pipeline)
    expected = pipeline.predict(TABLE)
    np.testing.assert_allclose(compiled.predict(TABLE), expected, rtol=1e-12)
    for at in range(10):
        row = TABLE.iloc[at].to_dict()
        np.testing.assert_allclose(compiled.predict_one(row), expected[at], rtol=1e-12)
        values = TABLE.iloc[at].tolist()
        np.testing.assert_allclose(compiled.predict_one(values), expected[at], rtol=1e-12)


JOINS = {
    "sum": lambda X: X["kind"] + " " + X["day"],
    "lambda": lambda X: X[["kind", "day"]].apply(lambda row: "-".join(row), axis=1),
    "method": lambda X: X[["kind", "day"]].agg(" ".join, axis=1),
    "array": lambda X: X["kind"].values.astype("U"),
}


@pytest.mark.parametrize("name", JOINS)
def test_a_text_that_is_made_of_columns_goes_on_as_a_text(name, monkeypatch):
    steps = FunctionTransformer(JOINS[name]), TfidfVectorizer(), LogisticRegression()
    pipeline = make_pipeline(*steps).fit(TABLE, Y)
    compiled = compile_pipeline(pipeline)
    expected = pipeline.predict_proba(TABLE)
    np.testing.assert_allclose(compiled.predict_proba(TABLE), expected, rtol=1e-12)
    monkeypatch.setattr(RowMapStep, "transform", None)
    for at in range(10):
        row = TABLE.iloc[at].to_dict()
        np.testing.assert_allclose(compiled.predict_proba_one(row), expected[at], rtol=1e-12)


class Counts(TransformerMixin, BaseEstimator):
    """Numbers of each text of a series."""

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        out = pd.DataFrame()
        out["n"] = X.apply(lambda text: len(text))
        out["words"] = X.str.split().str.len()
        out["mean"] = out["n"] / (out["words"] + 1)
        return out


class Ranks(Counts):
    def transform(self, X):
        return X.apply(len).rank().to_frame()


@pytest.mark.parametrize("counts", [Counts(), Ranks()])
@pytest.mark.parametrize("wrap", [compile_pipeline, None])
def test_numbers_of_each_text_of_a_series_stand_beside_its_words(counts, wrap):
    texts = TABLE["kind"] + " " + TABLE["day"]
    union = make_union(TfidfVectorizer(), make_pipeline(counts, StandardScaler()))
    pipeline = make_pipeline(union, LogisticRegression()).fit(texts, Y)
    expected = [pipeline.predict_proba(texts[at : at + 1])[0] for at in range(10)]
    if wrap is None:
        model = CascadeClassifier(pipeline, cv=2, random_state=0)
        with pytest.warns():
            model.fit(texts, Y)
    else:
        model = wrap(pipeline)
    for at in range(10):
        actual = model.predict_proba_one(texts.iloc[at])
        np.testing.assert_allclose(actual, expected[at], rtol=1e-12)


def kept_types(X):
    X = X.copy()
    X["text"] = X["c"].astype(str)
    return X[["text", "b"]]


def test_a_cascade_gives_one_row_the_dtypes_of_fit():
    table = TABLE.assign(c=TABLE["c"] % 5 * 1.0)  # "3.0", also where a row says 3
    columns = ColumnTransformer(
        [("c", OneHotEncoder(handle_unknown="ignore"), ["text"]), ("b", StandardScaler(), ["b"])]
    )
    pipeline = make_pipeline(FunctionTransformer(kept_types), columns, LogisticRegression())
    cascade = CascadeClassifier(pipeline, cv=2, random_state=0)
    with pytest.warns():
        cascade.fit(table, Y)
    expected = cascade.predict_proba(table)
    for at in range(10):
        row = table.iloc[at].to_dict()
        row["c"] = int(row["c"])
        np.testing.assert_allclose(cascade.predict_proba_one(row), expected[at], rtol=1e-12)
