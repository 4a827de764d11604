"""Steps of the user's own that choose columns cost no data frame of one row."""

import pickle
from operator import itemgetter

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import TruncatedSVD
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, Normalizer, OneHotEncoder, StandardScaler

from skwillump import CascadeClassifier, compile_pipeline

NUMBERS = ["age", "size"]
N_ROWS = 60


class Select(TransformerMixin, BaseEstimator):
    def __init__(self, key):
        self.key = key

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return X[self.key]

    def __sklearn_is_fitted__(self):
        return True


class SelectValues(Select):
    def transform(self, X):
        return X[self.key].values


class AddProduct(TransformerMixin, BaseEstimator):
    def fit(self, X, y=None):
        return self

    def transform(self, X):
        X = np.asarray(X, dtype=float)
        return np.c_[X, X[:, 0] * X[:, 1]]


class Fill(Select):
    """Texts in the place of those that are missing."""

    def transform(self, X):
        return X.fillna(self.key)


class Bare(TransformerMixin):
    """Of no `BaseEstimator`, as in many a blog."""

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return [text.strip().lower() for text in X]


def _table(n_rows=N_ROWS):
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {
            "other": rng.normal(size=n_rows),
            "size": rng.integers(0, 9, n_rows),
            "text": rng.choice(["a good film", "poor acting, poor film", "fine"], n_rows),
            "age": np.where(rng.random(n_rows) < 0.2, np.nan, rng.normal(size=n_rows)),
            "kind": rng.choice(["x", "y", "z"], n_rows),
            "note": rng.choice(["a late note", "note", "late"], n_rows),
        }
    )
    table.loc[::5, "note"] = np.nan
    return table, (table["size"] > 4).astype(int).to_numpy()


def _numbers(selector):
    return make_pipeline(selector, SimpleImputer(), StandardScaler())


PIPELINES = {
    "table": lambda: make_pipeline(
        Select(NUMBERS), SimpleImputer(), StandardScaler(), LogisticRegression()
    ),
    "values": lambda: make_pipeline(
        SelectValues(NUMBERS), SimpleImputer(), StandardScaler(), LogisticRegression()
    ),
    "text": lambda: make_pipeline(Select("text"), TfidfVectorizer(), LogisticRegression()),
    "text by itemgetter": lambda: make_pipeline(
        FunctionTransformer(itemgetter("text")), TfidfVectorizer(), LogisticRegression()
    ),
    "text in few dimensions": lambda: make_pipeline(
        FeatureUnion(
            [
                (
                    "text",
                    make_pipeline(
                        Select("text"),
                        TfidfVectorizer(),
                        TruncatedSVD(2, random_state=0),
                        Normalizer(),
                    ),
                ),
                ("numbers", _numbers(Select(NUMBERS))),
            ]
        ),
        RandomForestClassifier(10, random_state=0),
    ),
    "text of values": lambda: make_pipeline(
        SelectValues("text"), TfidfVectorizer(), LogisticRegression()
    ),
    "own steps behind": lambda: make_pipeline(
        SelectValues(NUMBERS), SimpleImputer(), AddProduct(), StandardScaler(), LogisticRegression()
    ),
    "own step next": lambda: make_pipeline(
        Select(["size", "other"]), AddProduct(), StandardScaler(), LogisticRegression()
    ),
    "own step next to a text": lambda: make_pipeline(
        Select("text"), Bare(), TfidfVectorizer(), LogisticRegression()
    ),
    "union": lambda: make_pipeline(
        FeatureUnion(
            [
                ("numbers", _numbers(Select(NUMBERS))),
                ("kind", make_pipeline(Select(["kind"]), OneHotEncoder(handle_unknown="ignore"))),
                ("text", make_pipeline(Select("text"), TfidfVectorizer())),
                ("bare", Select(["other"])),
            ],
            transformer_weights={"text": 0.5},
        ),
        LogisticRegression(),
    ),
    "union of tables": lambda: make_pipeline(
        FeatureUnion(
            [
                ("numbers", _numbers(FunctionTransformer(lambda X: X[NUMBERS]))),
                ("same", _numbers(FunctionTransformer(lambda X: X[["age", "size"]]))),
            ]
        ),
        RandomForestClassifier(10, random_state=0),
    ),
    "union of the same columns in another order": lambda: make_pipeline(
        FeatureUnion([("one", Select(["size", "other"])), ("other", Select(["other", "size"]))]),
        LogisticRegression(),
    ),
    "columns of columns": lambda: make_pipeline(
        ColumnTransformer([("some", _numbers(Select(["size", "age"])), ["other", "age", "size"])]),
        LogisticRegression(),
    ),
    "behind a frame": lambda: make_pipeline(
        SimpleImputer().set_output(transform="pandas"),
        FeatureUnion([("one", _numbers(Select(["size"])))]),
        LogisticRegression(),
    ),
    "columns before columns": lambda: make_pipeline(
        Select(["kind", "size"]),
        ColumnTransformer([("kind", OneHotEncoder(), ["kind"]), ("size", "passthrough", ["size"])]),
        LogisticRegression(),
    ),
    "filled text": lambda: make_pipeline(
        Select("note"), Fill("nothing"), TfidfVectorizer(), LogisticRegression()
    ),
    "filled texts beside a table": lambda: make_pipeline(
        ColumnTransformer(
            [
                (
                    "note",
                    make_pipeline(
                        FunctionTransformer(lambda texts: texts.fillna("")),
                        FunctionTransformer(lambda texts: texts.astype(str)),
                        CountVectorizer(),
                    ),
                    "note",
                ),
                ("size", StandardScaler(), ["size"]),
            ]
        ),
        LogisticRegression(),
    ),
    "filled texts in trees": lambda: make_pipeline(
        FeatureUnion([("note", make_pipeline(Select("note"), Fill("none"), CountVectorizer()))]),
        RandomForestClassifier(10, random_state=0),
    ),
    "dense": lambda: make_pipeline(
        Select("text"),
        CountVectorizer(),
        FunctionTransformer(lambda X: X.toarray()),
        GaussianNB(),
    ),
    "dense trees": lambda: make_pipeline(
        Select("text"),
        TfidfVectorizer(),
        FunctionTransformer(lambda X: X.toarray(), accept_sparse=True),
        HistGradientBoostingClassifier(max_iter=3, random_state=0),
    ),
}


def _fitted(name):
    X, y = _table()
    if name == "behind a frame":
        X = X[["size", "other", "age"]]
    return PIPELINES[name]().fit(X, y), X


@pytest.mark.parametrize("name", PIPELINES)
def test_batches_and_rows_are_those_of_the_pipeline(name):
    pipeline, X = _fitted(name)
    compiled = compile_pipeline(pipeline)
    np.testing.assert_array_equal(compiled.predict(X), pipeline.predict(X))
    expected = pipeline.predict_proba(X)
    np.testing.assert_allclose(compiled.predict_proba(X), expected, rtol=1e-12, atol=1e-14)
    for i in range(8):
        found = compiled.predict_proba_one(X.iloc[i].to_dict())
        np.testing.assert_allclose(found, expected[i], rtol=1e-12, atol=1e-14)
        np.testing.assert_allclose(
            compiled.predict_proba_one(X.iloc[i : i + 1]), expected[i], rtol=1e-12, atol=1e-14
        )
    features, known = compile_pipeline(pipeline[:-1]), pipeline[:-1].transform(X)
    found = features.transform(X)
    assert type(found) is type(known)
    if not hasattr(known, "toarray"):
        np.testing.assert_allclose(np.asarray(found, float), np.asarray(known, float), rtol=1e-12)


@pytest.mark.parametrize("name", ["table", "values", "text", "union", "columns before columns"])
def test_a_selector_is_compiled(name):
    pipeline, _ = _fitted(name)
    assert [step.name for step in compile_pipeline(pipeline).explain() if not step.compiled] == []


@pytest.mark.parametrize(
    "name",
    ["table", "text", "text by itemgetter", "text in few dimensions", "union", "filled text"],
)
def test_no_data_frame_is_made_of_one_row(name, monkeypatch):
    pipeline, X = _fitted(name)
    compiled, row = compile_pipeline(pipeline), X.iloc[0].to_dict()
    expected = pipeline.predict(X[:1])[0]

    def refused(*given, **options):
        raise AssertionError("a data frame was made")

    monkeypatch.setattr(pd.DataFrame, "__init__", refused)
    monkeypatch.setattr(pd.Series, "__init__", refused)
    monkeypatch.setattr("skwillump.compilers.compose._selections.frame_of_row", refused)
    assert compiled.predict_one(row) == expected


@pytest.mark.parametrize("name", PIPELINES)
def test_columns_come_in_any_order_beside_others(name):
    pipeline, X = _fitted(name)
    if name == "behind a frame":
        return
    turned = X[X.columns[::-1]].assign(more=1)
    if name == "columns of columns":  # its names are those of a ColumnTransformer
        turned = X
    compiled = compile_pipeline(pipeline)
    np.testing.assert_array_equal(compiled.predict(turned), pipeline.predict(turned))


@pytest.mark.parametrize("name", ["table", "text", "union"])
def test_a_missing_column_is_the_error_of_the_pipeline(name):
    pipeline, X = _fitted(name)
    compiled = compile_pipeline(pipeline)
    lacking = X.drop(columns=["size", "text"])
    with pytest.raises(KeyError):
        pipeline.predict(lacking)
    with pytest.raises(KeyError):
        compiled.predict(lacking)
    with pytest.raises(ValueError, match="columns are missing"):
        compiled.predict_one(lacking.iloc[0].to_dict())


def test_a_twin_keeps_the_columns_that_were_chosen_when_it_was_compiled():
    pipeline, X = _fitted("table")
    compiled, expected = compile_pipeline(pipeline), pipeline.predict_proba(X)
    pipeline[0].key[:] = ["size", "other"]
    np.testing.assert_allclose(compiled.predict_proba(X), expected, rtol=1e-12)
    again = pickle.loads(pickle.dumps(compiled))
    np.testing.assert_allclose(again.predict_proba(X), expected, rtol=1e-12)


def test_cascades_take_blocks_of_chosen_columns():
    X, y = _table(400)
    cascade = CascadeClassifier(
        PIPELINES["union"](), accuracy_target=0.9, cv=0.3, random_state=0
    ).fit(X, y)
    plain = PIPELINES["union"]().fit(X, y)
    assert len(cascade.blocks_) == 4
    np.testing.assert_array_equal(cascade.estimator_.predict(X), plain.predict(X))
    assert cascade.predict_one(X.iloc[0].to_dict()) == cascade.predict(X[:1])[0]


@pytest.mark.parametrize("name", ["filled text", "filled texts beside a table"])
def test_a_missing_text_of_one_row_is_filled_however_it_is_told(name):
    pipeline, X = _fitted(name)
    compiled = compile_pipeline(pipeline)
    expected = pipeline.predict_proba(X)[0]
    row = X.iloc[0].to_dict()
    for missing in (np.nan, None):
        found = compiled.predict_proba_one(row | {"note": missing})
        np.testing.assert_allclose(found, expected, rtol=1e-12)
    if name == "filled text":
        with pytest.raises(AttributeError):  # as of a batch of numbers
            compiled.predict_one(row | {"note": 5})
        return
    expected = pipeline.predict_proba(X[:1].astype({"note": object}).assign(note=5))[0]
    found = compiled.predict_proba_one(row | {"note": 5})  # a text to `astype`
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_a_transformer_without_a_base_estimator_is_compiled_around():
    texts = ["A good film ", " poor acting", "fine", "a poor film"] * 5
    pipeline = make_pipeline(Bare(), TfidfVectorizer(), LogisticRegression())
    pipeline.fit(texts, [0, 1, 0, 1] * 5)
    compiled = compile_pipeline(pipeline)
    np.testing.assert_array_equal(compiled.predict(texts), pipeline.predict(texts))
    assert compiled.predict_one(texts[1]) == 1


def test_a_pipeline_of_a_selector_alone_is_that_selector():
    X, _ = _table()
    chosen = Pipeline([("columns", Select(NUMBERS))]).fit(X)
    pd.testing.assert_frame_equal(compile_pipeline(chosen).transform(X), X[NUMBERS])
