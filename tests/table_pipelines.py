"""Pipelines over a table of all kinds of columns, and the comparison with their compiled twins."""

import warnings

import numpy as np
import pandas as pd
import pytest
from answers import assert_alike, outcome
from common import METHODS
from sklearn.compose import ColumnTransformer, make_column_selector, make_column_transformer
from sklearn.decomposition import PCA
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.feature_selection import SelectKBest, f_classif
from sklearn.impute import KNNImputer, SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge, SGDClassifier
from sklearn.pipeline import FeatureUnion, make_pipeline, make_union
from sklearn.preprocessing import (
    FunctionTransformer,
    KBinsDiscretizer,
    MaxAbsScaler,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    StandardScaler,
)

N_ROWS = 240


def table():
    generator = np.random.default_rng(0)
    kinds = np.array(["car", "van", "bus", "bike"], dtype=object)
    X = pd.DataFrame(
        {
            "age": generator.integers(18, 80, size=N_ROWS),
            "kind": kinds[generator.integers(0, 4, size=N_ROWS)],
            "income": generator.lognormal(10, 1, size=N_ROWS),
            "name": [
                " ".join(generator.choice(["red", "fast", "old", "big", "ünder"], size=3))
                for _ in range(N_ROWS)
            ],
            "city": np.array(["Rome", "Oslo", "Lima"])[generator.integers(0, 3, size=N_ROWS)],
            "share": generator.random(N_ROWS),
            "unused": ["?"] * N_ROWS,
        }
    )
    X.loc[::11, "income"] = np.nan
    X.loc[::13, "city"] = np.nan
    return X


TABLE = table()
Y = (TABLE["age"] + 20 * TABLE["share"] > 55).astype(int).to_numpy()
Y3 = np.array(["low", "mid", "high"])[np.digitize(TABLE["age"], [35, 60])]
NUMBERS = ["age", "income", "share"]


def numbers():
    return make_pipeline(SimpleImputer(add_indicator=True), StandardScaler())


def kinds():
    return OneHotEncoder(handle_unknown="ignore")


def cities():
    return make_pipeline(SimpleImputer(strategy="constant", fill_value="none"), kinds())


FEATURES = {
    "by name": lambda: make_column_transformer((numbers(), NUMBERS), (kinds(), ["kind", "city"])),
    "by position": lambda: make_column_transformer(
        (numbers(), [0, 2, 5]), (OrdinalEncoder(), [1]), (cities(), [4])
    ),
    "by mask": lambda: make_column_transformer(
        (numbers(), TABLE.columns.isin(NUMBERS)), (kinds(), [False, True] + 5 * [False])
    ),
    "by slice": lambda: make_column_transformer(
        (numbers(), slice("age", "age")), (kinds(), slice(1, 2)), (MinMaxScaler(), slice(5, 6))
    ),
    "by selector": lambda: make_column_transformer(
        (numbers(), make_column_selector(dtype_include="number")),
        (cities(), make_column_selector("city|kind")),
    ),
    "remainder": lambda: ColumnTransformer(
        [("kind", kinds(), ["kind"]), ("gone", "drop", ["name", "unused", "city", "income"])],
        remainder="passthrough",
    ),
    "remainder scaled": lambda: ColumnTransformer(
        [("kind", kinds(), ["kind"]), ("gone", "drop", ["name", "unused", "city", "income"])],
        remainder=StandardScaler(),
        transformer_weights={"kind": 0.3},
    ),
    "dense": lambda: ColumnTransformer(
        [("kind", kinds(), ["kind"]), ("share", "passthrough", ["share"])],
        sparse_threshold=0,
        verbose_feature_names_out=False,
    ),
    "union inside": lambda: make_column_transformer(
        (make_union(StandardScaler(), KBinsDiscretizer(4)), ["age", "share"]),
        (FeatureUnion([("k", kinds())], transformer_weights={"k": 2.0}), ["kind"]),
    ),
    "nested": lambda: make_column_transformer(
        (
            make_column_transformer((kinds(), ["city"]), (MaxAbsScaler(), ["share"])),
            ["share", "kind", "city"],
        ),
        (StandardScaler(), ["age"]),
    ),
    "text beside": lambda: make_column_transformer(
        (TfidfVectorizer(), "name"), (kinds(), ["kind", "city"]), (numbers(), NUMBERS)
    ),
    "not compiled beside": lambda: make_column_transformer(
        (KNNImputer(n_neighbors=2), ["age", "income"]), (kinds(), ["kind", "city"])
    ),
    "scaled after": lambda: make_pipeline(
        make_column_transformer((kinds(), ["kind", "city"]), (StandardScaler(), ["age"])),
        MaxAbsScaler(),
        SelectKBest(f_classif, k=5),
    ),
    "projected after": lambda: make_pipeline(
        make_column_transformer(
            (kinds(), ["kind"]), (StandardScaler(), ["age", "share"]), sparse_threshold=0
        ),
        PolynomialFeatures(2),
        PCA(4),
    ),
    "identity before": lambda: make_pipeline(
        FunctionTransformer(),
        make_column_transformer((kinds(), ["kind"]), (StandardScaler(), ["age", "share"])),
    ),
    "union of column transformers": lambda: make_union(
        make_column_transformer((kinds(), ["kind"])),
        make_column_transformer((StandardScaler(), ["age"])),
    ),
}
MODELS = {
    "logistic": (lambda: LogisticRegression(max_iter=2000), Y),
    "three classes": (lambda: LogisticRegression(max_iter=2000), Y3),
    "margins": (lambda: SGDClassifier(random_state=0), Y3),
    "ridge": (lambda: Ridge(), TABLE["age"].to_numpy(dtype=float)),
}


def fitted(features, model="logistic", X=TABLE):
    make, y = MODELS[model]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return make_pipeline(FEATURES[features](), make()).fit(X, y)


def assert_same_answers(compiled, plain, X, *, rows=True):
    for method in METHODS:
        assert hasattr(compiled, method) == hasattr(plain, method)
        if not hasattr(plain, method):
            continue
        expected = outcome(getattr(plain, method), X)
        assert_alike(outcome(getattr(compiled, method), X), expected, rtol=1e-11, atol=1e-12)
        if isinstance(expected, type):
            return
    if not rows:
        return
    expected = plain.predict(X)
    columns = {name: X[name].astype(object).tolist() for name in X.columns}
    for i, label in enumerate(expected.tolist()):
        row = {name: values[i] for name, values in columns.items()}
        answer = compiled.predict_one(row)
        if isinstance(label, float):
            assert answer == pytest.approx(label, rel=1e-11)
        else:
            assert answer == label
        if hasattr(plain, "predict_proba"):
            proba = compiled.predict_proba_one(row)
            np.testing.assert_allclose(proba, plain.predict_proba(X)[i], rtol=1e-11, atol=1e-12)
