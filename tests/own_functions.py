"""Functions and classes of one's own, of the kinds that people write over data frames."""

import functools

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.preprocessing import FunctionTransformer

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
LOWS, HIGHS = np.array([-0.5, 10.0]), np.array([0.5, 60.0])
KINDS = {"kind": {"red", "rare"}, "day": {"2021-01-11"}}


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


def numbers_of_texts(X):
    X = X.copy()
    X["first"] = X["kind"].str[0]
    X["two"] = X["day"].str[:2]
    X["starts"] = X["kind"].str.startswith("b")
    X["of_text"] = pd.to_numeric(X["b"].astype(str), errors="coerce")
    X["as_object"] = X["kind"].astype(object)
    X["bin"] = np.digitize(X["c"], [10, 20, 50])
    X["there"] = X["kind"].where(X["kind"].isin(["red"]), "other")
    X["below"] = X["a"].mask(X["a"] > 0, -1.0)
    X["any"] = (X[["a", "c"]] > 0.5).any(axis=1)
    X["all"] = (X[[name + "" for name in NAMES]] > 0).all(axis=1)
    X["third"] = X.iloc[:, 2] + X[[f"{name}" for name in sorted(["c", "b"])]].max(axis=1)
    return X


def bounded(X):
    X = X[["a", "b", "c"]].copy()
    for name, (low, high) in {"a": (-0.5, 0.5), "c": (10, 20)}.items():
        X[name] = np.clip(X[name], low, high)
    for i in range(2):
        X[f"power_{i}"] = X["b"] ** (i + 1)
    return X


def clipped_array(X):
    return np.clip(np.asarray(X[["a", "c"]], dtype=float), LOWS, HIGHS)


def grouped(X):
    X = X.copy()
    for name in ["kind", "day"]:
        among = KINDS.get(name, set())
        X[name] = X[name].apply(lambda value: value if value in among else "rare")  # noqa: B023
    for name in X.columns:
        wanted = KINDS.get(name, set())
        if name in KINDS:
            X[name + "_2"] = X[name].map(lambda value: 1 if value in wanted else 0)  # noqa: B023
    return X


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


def as_types(X):
    """Types of Python's applied, and arrays of one column flattened."""
    X = X.copy()
    X["text"] = X["c"].apply(str)
    X["whole"] = X.get("a").map(int)
    X["double"] = X["b"].apply(float)
    X["flat"] = X[["gap"]].values.ravel()
    X["flat text"] = X[["kind"]].to_numpy().flatten()
    X["long"] = np.ravel(X[["b"]])
    return X.drop(columns=["start", "end"])


FUNCTIONS = [
    as_types,
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
    numbers_of_texts,
    bounded,
    clipped_array,
    grouped,
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
