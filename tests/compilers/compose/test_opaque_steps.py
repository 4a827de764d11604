"""Steps that are not compiled: what is around them is, in batches and for one row."""

import numpy as np
import pandas as pd
import pytest
from answers import assert_batch_alike, assert_rows_alike, outcome, single_rows
from scipy import sparse
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import ColumnTransformer, make_column_transformer
from sklearn.decomposition import KernelPCA, TruncatedSVD
from sklearn.ensemble import RandomForestClassifier, StackingClassifier
from sklearn.feature_extraction.text import (
    CountVectorizer,
    HashingVectorizer,
    TfidfTransformer,
    TfidfVectorizer,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import FeatureUnion, make_pipeline, make_union
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    Normalizer,
    OneHotEncoder,
    OrdinalEncoder,
    StandardScaler,
)

from skwillump import compile_pipeline
from skwillump.compilers import compile_step

RNG = np.random.default_rng(0)
NUMBERS = RNG.normal(size=(120, 3))
TEXTS = [f"word{i % 7} Number{i % 5} thing{i % 3}" for i in range(120)]
FRAME = pd.DataFrame(
    {
        "text": TEXTS,
        "kind": ["a", "b", "c"] * 40,
        "size": NUMBERS[:, 0],
        "age": np.where(np.arange(120) % 9 == 0, np.nan, NUMBERS[:, 1]),
    }
)
RECORDS = [{"text": text, "host": f"host{i % 2}"} for i, text in enumerate(TEXTS)]
Y = (np.arange(120) % 7 > 3).astype(int)


class Own(TransformerMixin, BaseEstimator):
    """A function as a class that tells nothing of itself."""

    def __init__(self, function):
        self.function = function

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return self.function(X)


class Counted(Own):
    """An own step that counts its calls."""

    calls = 0

    def transform(self, X):
        type(self).calls += 1
        return super().transform(X)


def ratio(X):
    return np.c_[X, X[:, 0] / (np.abs(X[:, 1]) + 1)]


def ratio_of_columns(X):
    return (X["size"] / X["age"]).to_numpy()[:, None]


def as_frame(X):
    return pd.DataFrame(X, columns=["u", "v", "w"])


def as_sparse(X):
    return sparse.csr_matrix(X)


def text_of(X):
    return X["text"]


def size_of(X):
    return X[["size"]]


def lengths(X):
    return np.array([[len(text)] for text in X])


def flags(X):
    return pd.DataFrame({"flag": [text.endswith("1") for text in X]})


def fields(records):
    return [record["text"] for record in records]


def lower(texts):
    return [text.lower() for text in texts]


def doubled(table):
    table = table.copy()
    table["twice"] = table["size"] * 2
    return table


def filled(X):
    return X.mask(X.isna(), 0).infer_objects()


def flat(X):
    return np.asarray(X, dtype=object).ravel()


COLUMNS = [
    ("kind", OneHotEncoder(), ["kind"]),
    ("numbers", make_pipeline(SimpleImputer(), StandardScaler()), ["size", "age"]),
]

SHAPES = {
    "own step between scalers": (
        lambda own: make_pipeline(SimpleImputer(), own(ratio), StandardScaler()),
        NUMBERS,
        ("SimpleImputer", "StandardScaler"),
    ),
    "frame from an own step": (
        lambda own: make_pipeline(own(as_frame), StandardScaler()),
        NUMBERS,
        ("StandardScaler",),
    ),
    "sparse from an own step": (
        lambda own: make_pipeline(own(as_sparse), StandardScaler(with_mean=False)),
        NUMBERS,
        ("StandardScaler",),
    ),
    "selected text": (
        lambda own: make_pipeline(own(text_of), TfidfVectorizer()),
        FRAME,
        ("TfidfVectorizer",),
    ),
    "field of records": (
        lambda own: make_pipeline(FunctionTransformer(fields), TfidfVectorizer()),
        RECORDS,
        ("TfidfVectorizer",),
    ),
    "cleaned texts": (
        lambda own: make_pipeline(own(lower), CountVectorizer(), TfidfTransformer()),
        TEXTS,
        ("CountVectorizer", "TfidfTransformer"),
    ),
    "own counts beside words": (
        lambda own: make_union(TfidfVectorizer(), own(lengths)),
        TEXTS,
        ("TfidfVectorizer",),
    ),
    "two own counts beside words": (
        lambda own: make_union(TfidfVectorizer(), own(lengths), own(flags)),
        TEXTS,
        ("TfidfVectorizer",),
    ),
    "selected columns side by side": (
        lambda own: make_union(
            make_pipeline(own(text_of), TfidfVectorizer()),
            make_pipeline(own(size_of), StandardScaler()),
        ),
        FRAME,
        ("TfidfVectorizer", "StandardScaler"),
    ),
    "own function of a table": (
        lambda own: make_pipeline(
            own(doubled),
            ColumnTransformer([*COLUMNS, ("twice", StandardScaler(), ["twice"])]),
        ),
        FRAME,
        ("OneHotEncoder", "SimpleImputer", "StandardScaler"),
    ),
    "own steps in columns": (
        lambda own: ColumnTransformer(
            [
                ("age", make_pipeline(own(filled), StandardScaler()), ["age"]),
                ("words", TfidfVectorizer(), "text"),
                ("length", own(lengths), "text"),
                *COLUMNS,
            ]
        ),
        FRAME,
        ("TfidfVectorizer", "OneHotEncoder", "StandardScaler"),
    ),
    "imputer before texts": (
        lambda own: ColumnTransformer(
            [
                (
                    "words",
                    make_pipeline(
                        SimpleImputer(strategy="constant", fill_value=""),
                        own(flat),
                        TfidfVectorizer(),
                    ),
                    ["text"],
                )
            ]
        ),
        FRAME,
        ("TfidfVectorizer",),
    ),
    "few components of texts": (
        lambda own: make_pipeline(
            TfidfVectorizer(), TruncatedSVD(4, random_state=0), Normalizer(), StandardScaler()
        ),
        TEXTS,
        ("TfidfVectorizer", "TruncatedSVD", "Normalizer", "StandardScaler"),
    ),
    "hashed texts with weights": (
        lambda own: make_pipeline(HashingVectorizer(n_features=256), TfidfTransformer()),
        TEXTS,
        ("HashingVectorizer", "TfidfTransformer"),
    ),
    "own counts beside words before a scaler": (
        lambda own: make_pipeline(make_union(TfidfVectorizer(), own(lengths)), MaxAbsScaler()),
        TEXTS,
        ("TfidfVectorizer", "MaxAbsScaler"),
    ),
    "two own counts beside words before a scaler": (
        lambda own: make_pipeline(
            FeatureUnion(
                [("words", TfidfVectorizer()), ("n", own(lengths)), ("flag", own(flags))],
                transformer_weights={"n": 0.5},
            ),
            MaxAbsScaler(),
        ),
        TEXTS,
        ("TfidfVectorizer", "MaxAbsScaler"),
    ),
    "own steps in columns before another step": (
        lambda own: make_pipeline(
            ColumnTransformer(
                [
                    ("ratio", own(ratio_of_columns), ["size", "age"]),
                    ("length", own(lengths), "text"),
                    *COLUMNS,
                ],
                remainder=own(filled),
                sparse_threshold=0,
            ),
            SimpleImputer(),
        ),
        FRAME.assign(more=NUMBERS[:, 2]),
        ("SimpleImputer", "OneHotEncoder", "StandardScaler"),
    ),
    "own steps in sparse columns before another step": (
        lambda own: make_pipeline(
            ColumnTransformer(
                [
                    ("age", own(filled), ["age"]),
                    ("words", CountVectorizer(), "text"),
                    *COLUMNS,
                ],
                sparse_threshold=1,
            ),
            StandardScaler(with_mean=False),
        ),
        FRAME,
        ("CountVectorizer", "OneHotEncoder", "StandardScaler"),
    ),
    "foreign step before a scaler": (
        lambda own: make_pipeline(StandardScaler(), KernelPCA(2), StandardScaler()),
        NUMBERS,
        ("StandardScaler",),
    ),
}


def assert_same_answers(compiled, fitted, X):
    assert_batch_alike(compiled, fitted, X)
    rows = list(single_rows(X, (0, 1, 54)))
    if isinstance(X, pd.DataFrame):
        rows += [(batch, batch) for _, batch in rows]
    assert_rows_alike(compiled, fitted, rows)


@pytest.mark.parametrize("model", [LogisticRegression(), KNeighborsClassifier(3)], ids=repr)
@pytest.mark.parametrize("name", SHAPES)
def test_what_is_around_an_own_step_is_compiled_with_the_same_answers(name, model):
    make, X, wanted = SHAPES[name]
    fitted = make_pipeline(make(Own), model).fit(X, Y)
    compiled = compile_pipeline(fitted)
    assert_same_answers(compiled, fitted, X)
    done = {report.type for report in compiled.explain() if report.compiled}
    assert done.issuperset(wanted), compiled.explain()
    if isinstance(model, LogisticRegression):
        assert "LogisticRegression" in done, compiled.explain()


def test_steps_of_which_none_is_compiled_say_why():
    step = compile_step(make_pipeline(Own(ratio), Own(ratio)).fit(NUMBERS))
    around = compile_step(make_pipeline(Own(ratio), StandardScaler()).fit(NUMBERS))
    assert "Own" in step.why_not_compiled
    assert not step.is_compiled
    assert around.why_not_compiled == ""


@pytest.mark.parametrize("name", ["own step between scalers", "own steps in columns"])
def test_trees_read_the_features_of_own_steps(name):
    make, X, _ = SHAPES[name]
    forest = RandomForestClassifier(10, random_state=0)
    fitted = make_pipeline(make(Own), forest).fit(X, Y)
    compiled = compile_pipeline(fitted)
    assert_same_answers(compiled, fitted, X)
    assert compiled.explain()[-1].compiled


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int8, bool, object])
def test_an_own_step_runs_once_for_a_batch_whatever_it_returns(dtype):
    def features(X):
        return np.asarray(X > 0).astype(dtype)

    pipeline = make_pipeline(Counted(features), LogisticRegression()).fit(NUMBERS, Y)
    compiled = compile_pipeline(pipeline)
    Counted.calls = 0
    answer = compiled.predict_proba(NUMBERS)
    assert Counted.calls == 1
    np.testing.assert_allclose(answer, pipeline.predict_proba(NUMBERS), rtol=1e-12)


def test_an_own_step_never_sees_data_of_ours():
    seen = []

    def remember(texts):
        seen.extend(texts)
        return texts

    pipeline = make_pipeline(
        make_union(
            TfidfVectorizer(preprocessor=Recorder(seen)),
            TfidfVectorizer(analyzer="char", preprocessor=Recorder(seen)),
            make_pipeline(FunctionTransformer(remember), HashingVectorizer(n_features=64)),
        ),
        LogisticRegression(),
    ).fit(TEXTS, Y)
    seen.clear()
    compiled = compile_pipeline(pipeline)
    assert seen == []
    compiled.predict(TEXTS[:2])
    assert set(seen) == set(TEXTS[:2])


class Recorder:
    """A preprocessor that remembers its texts."""

    def __init__(self, seen):
        self.seen = seen

    def __call__(self, text):
        self.seen.append(text)
        return text


def test_blocks_of_unknown_width_that_guess_wrong_go_to_the_original():
    def wide(X):
        return np.array([[len(text)] * 3 for text in X])

    union = make_union(TfidfVectorizer(), Own(lengths), Own(wide))
    pipeline = make_pipeline(union, LogisticRegression()).fit(TEXTS, Y)
    assert_same_answers(compile_pipeline(pipeline), pipeline, TEXTS)


@pytest.mark.parametrize("name", [name for name in SHAPES if name.endswith("another step")])
def test_one_row_runs_own_steps_alone_not_the_union_around_them(name, monkeypatch):
    make, X, _ = SHAPES[name]
    fitted = make_pipeline(make(Own), RandomForestClassifier(5, random_state=0)).fit(X, Y)
    compiled = compile_pipeline(fitted)
    expected = fitted.predict_proba(X[:1])[0]

    def fail(*given):
        raise AssertionError("the whole union ran")

    monkeypatch.setattr(ColumnTransformer, "transform", fail)
    assert np.array_equal(compiled.predict_proba_one(X.iloc[0].to_dict()), expected)


@pytest.mark.parametrize(
    "model",
    [
        KNeighborsClassifier(3, metric="manhattan"),
        StackingClassifier([("lr", LogisticRegression()), ("nb", GaussianNB())], cv=2),
    ],
    ids=lambda model: type(model).__name__,
)
def test_one_row_of_columns_that_pass_beside_floats_runs_no_union(model, monkeypatch):
    frame = FRAME.drop(columns="text").assign(
        age=np.arange(120), flag=NUMBERS[:, 0] > 0, number=NUMBERS[:, 2].astype(np.float32)
    )
    encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    columns = make_column_transformer((encoder, ["kind"]), remainder="passthrough")
    fitted = make_pipeline(columns, model).fit(frame, Y)
    compiled = compile_pipeline(fitted)
    expected = fitted.predict_proba(frame[:5])

    def fail(*given):
        raise AssertionError("the whole union ran")

    monkeypatch.setattr(ColumnTransformer, "transform", fail)
    for row, answer in zip(frame[:5].to_dict("records"), expected, strict=True):
        np.testing.assert_allclose(compiled.predict_proba_one(row), answer, rtol=1e-12)


def test_an_own_step_runs_once_for_one_row_whatever_it_returns():
    pipeline = make_pipeline(
        StandardScaler(), Counted(as_sparse), MaxAbsScaler(), LogisticRegression()
    )
    fitted = pipeline.fit(NUMBERS, Y)
    compiled = compile_pipeline(fitted)
    for method in ("predict", "predict_proba"):
        expected = getattr(fitted, method)(NUMBERS[:1])[0]
        Counted.calls = 0
        assert np.array_equal(getattr(compiled, f"{method}_one")(NUMBERS[0]), expected)
        assert Counted.calls == 1


def counted(X):
    return pd.DataFrame({"n": X.apply(len), "marks": X.str.count("1")})


def cleaned(X):
    return X.str.lower()


@pytest.mark.parametrize("is_searched", [False, True])
def test_one_text_is_a_series_for_own_steps_that_need_one(is_searched):
    union = make_union(
        make_pipeline(Own(counted), StandardScaler()),
        make_pipeline(Own(cleaned), CountVectorizer()),
    )
    pipeline = make_pipeline(union, LogisticRegression())
    if is_searched:
        pipeline = GridSearchCV(pipeline, {"logisticregression__C": [1.0]}, cv=2)
    texts = pd.Series(TEXTS)
    fitted = pipeline.fit(texts, Y)
    compiled = compile_pipeline(fitted)
    assert [compiled.predict_one(text) for text in TEXTS[:9]] == fitted.predict(texts[:9]).tolist()
    np.testing.assert_allclose(
        compiled.predict_proba_one(TEXTS[3]), fitted.predict_proba(texts[3:4])[0], rtol=1e-12
    )


def numbers_of(X):
    assert isinstance(X, pd.DataFrame)
    return X.select_dtypes(include=["number"])


def others_of(X):
    assert isinstance(X, pd.DataFrame)
    return X.select_dtypes(exclude=["number"])


def test_a_missing_value_is_of_its_column_for_own_steps_that_ask_for_dtypes():
    frame = FRAME.drop(columns="text")
    frame.loc[::7, "kind"] = np.nan
    union = make_union(
        make_pipeline(Own(numbers_of), SimpleImputer(), StandardScaler()),
        make_pipeline(
            Own(others_of),
            SimpleImputer(strategy="most_frequent"),
            OneHotEncoder(handle_unknown="ignore"),
        ),
    )
    fitted = make_pipeline(union, LogisticRegression()).fit(frame, Y)
    compiled = compile_pipeline(fitted)
    expected = fitted.predict_proba(frame[:30])
    for at, row in enumerate(frame[:30].to_dict("records")):
        np.testing.assert_allclose(compiled.predict_proba_one(row), expected[at], rtol=1e-12)


def test_an_error_of_one_row_is_that_of_the_form_that_was_tried_first():
    def refuse(X):
        if len(X) == 1:
            raise ValueError(f"a {type(X).__name__} of one")
        return np.array([[len(text)] for text in X])

    union = make_union(TfidfVectorizer(), Own(refuse))
    compiled = compile_pipeline(make_pipeline(union, LogisticRegression()).fit(TEXTS, Y))
    with pytest.raises(ValueError, match="a list of one"):
        compiled.predict_one(TEXTS[0])


def test_errors_of_own_steps_are_raised_as_they_are():
    def refuse(X):
        if len(X) < 100:
            raise KeyError("too few")
        return X

    pipeline = make_pipeline(Own(refuse), StandardScaler(), LogisticRegression()).fit(NUMBERS, Y)
    compiled = compile_pipeline(pipeline)
    for ask in (lambda: compiled.predict(NUMBERS[:5]), lambda: compiled.predict_one(NUMBERS[0])):
        with pytest.raises(KeyError, match="too few"):
            ask()


@pytest.mark.parametrize("flat", [np.ravel, lambda X: X[:, 0]], ids=["ravel", "column"])
def test_texts_that_are_made_flat_are_filled_without_the_imputer_in_one_row(flat, monkeypatch):
    missing = np.arange(120) % 11 == 0
    X = FRAME.assign(text=FRAME["text"].mask(missing, np.nan))
    filled = make_pipeline(
        SimpleImputer(strategy="constant", fill_value="none at all"),
        FunctionTransformer(flat),
        TfidfVectorizer(),
    )
    columns = make_column_transformer((filled, ["text"]), (StandardScaler(), ["size"]))
    fitted = make_pipeline(columns, LogisticRegression()).fit(X, Y)
    compiled = compile_pipeline(fitted)
    rows, expected = X[:24].to_dict("records"), fitted.predict_proba(X[:24])
    for row, answer in zip(rows, expected, strict=True):
        np.testing.assert_allclose(compiled.predict_proba_one(row), answer, rtol=1e-12)
    with monkeypatch.context() as patch:
        patch.setattr(SimpleImputer, "transform", None)  # nothing asks the original
        for at in np.flatnonzero(~missing[:24]):
            np.testing.assert_allclose(
                compiled.predict_proba_one(rows[at]), expected[at], rtol=1e-12
            )
    for odd in (3, b"bytes", ["a list"]):  # the imputer and the vectorizer judge them
        row = {**X.iloc[1].to_dict(), "text": odd}
        expected = outcome(lambda row: fitted.predict(pd.DataFrame([row]))[0], row)
        assert outcome(compiled.predict_one, row) == expected
