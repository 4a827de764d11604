"""What functions of one's own make of one row, told from their source."""

import functools

import numpy as np
import pandas as pd
import pytest
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

RNG = np.random.default_rng(0)
N_ROWS = 150
START = pd.Timestamp("2020-01-30 22:15:00")
TABLE = pd.DataFrame(
    {
        "a": RNG.normal(size=N_ROWS).round(2),
        "b": RNG.integers(-3, 4, N_ROWS),
        "c": RNG.integers(0, 90, N_ROWS),
        "gap": np.where(RNG.random(N_ROWS) < 0.2, np.nan, RNG.normal(size=N_ROWS)),
        "kind": RNG.choice(["red", "Green", "blue sky"], N_ROWS),
        "flag": RNG.random(N_ROWS) < 0.5,
        "start": START + pd.to_timedelta(RNG.integers(0, 10**7, N_ROWS), unit="s"),
        "end": START + pd.to_timedelta(RNG.integers(10**7, 10**8, N_ROWS), unit="s"),
        "day": [f"2021-{month:02d}-11" for month in RNG.integers(1, 13, N_ROWS)],
    }
)
Y = (TABLE["a"] + TABLE["b"] / 3 > 0).astype(int).to_numpy()
LEVELS = {"red": 1, "Green": 2}
SHARES = pd.Series({"red": 0.5, "blue sky": 0.25})
NAMES = ["a", "b"]


def ratios(X):
    X = X.copy()
    X["ratio"] = X["a"] / X["b"]
    X["twice"] = 2 * X["c"] - X["b"] ** 2
    X["log"] = np.log1p(X["c"]) + np.abs(X.a)
    return X.drop(columns=["start", "end"])


def flags(df):
    """Truths and numbers of them."""
    df["old"] = (df["c"] > 40).astype(int)
    df["both"] = (df["c"] > 40) & ~(df["kind"] == "red")
    df["n_late"] = (df[["b", "c"]] > 0).sum(axis=1)
    df["mean"] = df[["a", "c"]].mean(axis=1)
    return df[["old", "both", "n_late", "mean"]]


def dates(X):
    X = X.copy()
    X.loc[:, "hour"] = X["start"].dt.hour
    X["weekday"] = X["start"].dt.day_of_week
    X["weekend"] = (X["weekday"] >= 5).astype(int)
    X["month"] = pd.to_datetime(X["day"]).dt.month
    X["seconds"] = (X["end"] - X["start"]).dt.total_seconds()
    X["minutes"] = (X["end"] - X["start"]).map(lambda span: span.total_seconds() / 60)
    X["sin"] = np.sin(2 * np.pi * X["hour"] / 24)
    return X.drop(["start", "end", "day"], axis=1)


def looked_up(X):
    X = X.copy()
    X["level"] = X["kind"].map(LEVELS).fillna(-1)
    X["share"] = X["kind"].map(SHARES)
    X["code"] = X["b"].replace({-1: 0, -2: 0})
    X["known"] = X["kind"].isin(["red", "Green"])
    X["n"] = X["kind"].str.len() + X["kind"].str.count("e")
    X["low"] = X["kind"].str.lower() + "_" + X["kind"]
    X["as_text"] = X["b"].astype(str)
    return X


def binned(X):
    X = X.assign(
        group=pd.cut(X["c"], bins=[0, 25, 40, 60, 120], labels=["young", "adult", "mid", "old"]),
        code=lambda d: pd.cut(d["a"], [-1, 0, 1], labels=False),
        capped=X["c"].clip(upper=50),
    )
    X["where"] = np.where(X["gap"].isna(), 0, X["c"])
    X["lower"] = X["c"].clip(lower=0.5)
    X["rounded"] = np.minimum(X["a"].to_numpy(dtype=float).round(1), 0.5)
    return X.rename(columns={"a": "first"})


def looped(X):
    out = X.copy()
    for name in NAMES:
        out[f"{name}_squared"] = out[name] ** 2
    for name in out.columns:
        if name not in NAMES:
            continue
        out[name] = out[name] * 2
    for name, table in {"kind": LEVELS}.items():
        out[name] = out[name].map(table)
    out["gap"] = out["gap"].fillna(0.5)
    del out["flag"]
    return out


def angle(X, period, column="c"):
    return np.sin(X[[column]] / period * 2 * np.pi)


def distance(one, other):
    one, other = (np.radians(x) for x in (one, other))
    return 2 * np.arcsin(np.sqrt(np.sin((one - other) / 2) ** 2))


def changed_after(X, column, copied):
    X["a"] = column * 0
    copied["b"] = 1
    return X.assign(was=column, old=copied["b"])


def of_changes(X):
    before = X["b"]
    X["b"] = X["b"] + 1
    return changed_after(X, X["a"] + 1, X.copy()).assign(before=before)


def of_helpers(X):
    return pd.DataFrame({"d": distance(X["a"], X["c"]), "e": np.maximum(X["a"], X["b"])})


def as_array(X):
    return np.c_[X["a"].values, X[["b", "c"]].values, X["a"] / (X["c"] + 1)]


def branched(X):
    X = X.copy()
    if isinstance(X, pd.DataFrame) and len(NAMES) == 2:
        X["there"] = 1
    missing = [name for name in NAMES if name not in X.columns]
    if missing:
        raise ValueError(f"no {missing}")
    if "c" in X.columns:
        X["c"] += 1
    if "nowhere" in X:
        X["d"] = 1
    return X


def in_place(X):
    X = X.copy()
    X.drop(columns=["gap"], inplace=True)  # noqa: PD002
    X[NAMES] = np.abs(X[NAMES])
    X.loc[X["c"] > 40, "c"] = 40
    return X.reset_index(drop=True)


class Mapped(TransformerMixin, BaseEstimator):
    """A class that has learned something."""

    def __init__(self, names, *, extra=True):
        self.names, self.extra = names, extra

    def fit(self, X, y=None):
        self.means_ = {name: X[name].mean() for name in self.names}
        self.tables_ = {"kind": X["kind"].value_counts(normalize=True)}
        self.low_, self.high_ = X[NAMES].quantile(0.1), X[NAMES].quantile(0.9)
        return self

    def _ratio(self, one, other=2):
        return one / (other + 1)

    def transform(self, X):
        X = X.copy()
        for name in self.names:
            if name not in X.columns:
                continue
            X[name] = X[name].fillna(self.means_.get(name, 0))
        X["share"] = X["kind"].map(self.tables_["kind"]).fillna(0)
        if self.extra:
            X["extra"] = self._ratio(X["a"], other=X["c"])
        X["half"] = self._ratio(X["b"])
        X["sign"] = X["a"].apply(lambda value: int(value > 0))
        return X.drop(columns=self.names)


class Clipped(Mapped):
    def transform(self, X):
        return X[NAMES].clip(self.low_, self.high_, axis=1)


FUNCTIONS = [
    ratios,
    flags,
    dates,
    looked_up,
    binned,
    looped,
    of_helpers,
    of_changes,
    as_array,
    branched,
    in_place,
]
TRANSFORMERS = {function.__name__: FunctionTransformer(function) for function in FUNCTIONS}
TRANSFORMERS |= {
    "angle": FunctionTransformer(angle, kw_args={"period": 24}),
    "partial": FunctionTransformer(functools.partial(angle, period=12, column="b")),
    "lambda": FunctionTransformer(lambda d: d.assign(e=d["a"] * d["b"], f=lambda x: x["e"] + 1)),
    "mapped": Mapped(["gap", "a"], extra=False).fit(TABLE),
    "extra": Mapped(["gap"]).fit(TABLE),
    "clipped": Clipped(["gap"]).fit(TABLE),
}


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


ODD = {
    "zero": {"b": 0, "c": -1},
    "nothing": {"a": 0.0, "b": 0},
    "none": {"kind": None, "gap": None},
    "not a number": {"a": np.nan, "gap": np.nan},
    "text": {"a": "1.5"},
    "integer": {"a": 3, "gap": 1},
    "truth": {"b": True, "c": False},
    "great": {"b": 2**62, "c": 2**40},
    "infinite": {"a": np.inf, "gap": -np.inf},
    "numpy": {"a": np.float64(1.5), "b": np.int64(-2), "kind": np.str_("red")},
    "narrow": {"a": np.float32(1.3), "b": np.int8(100)},
    "other text": {"kind": "Grün", "day": "11.12.2021"},
    "zone": {"start": pd.Timestamp("2020-03-01", tz="CET")},
    "no date": {"start": pd.NaT, "day": None},
}


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


@pytest.mark.parametrize("weird", [{"gap": "text"}, {"a": np.inf}, {"c": True}])
def test_a_row_of_which_only_the_original_can_tell_gets_its_answer(weird):
    table = TABLE.drop(columns=["day"])
    pipeline = _pipeline(TRANSFORMERS["extra"]).fit(table, Y)
    compiled = compile_pipeline(pipeline)
    row = table.iloc[0].to_dict() | weird
    frame = pd.DataFrame({name: [value] for name, value in row.items()})
    try:
        expected = pipeline.predict_proba(frame)[0]
    except (TypeError, ValueError) as error:
        with pytest.raises(type(error)):
            compiled.predict_proba_one(row)
    else:
        np.testing.assert_allclose(compiled.predict_proba_one(row), expected, rtol=1e-12)


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
