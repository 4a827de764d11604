"""Unions, column selections and pipelines of compiled steps."""

import contextlib

import numpy as np
import pandas as pd
import polars as pl
import pytest
from common import SKLEARN
from scipy import sparse
from sklearn import config_context
from sklearn.compose import ColumnTransformer, make_column_transformer
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer, TfidfVectorizer
from sklearn.feature_selection import SelectKBest, SelectPercentile, VarianceThreshold, chi2
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline, make_union
from sklearn.preprocessing import (
    Binarizer,
    FunctionTransformer,
    MaxAbsScaler,
    Normalizer,
    OneHotEncoder,
    OrdinalEncoder,
    SplineTransformer,
    StandardScaler,
)

from skwillump import compile_pipeline
from skwillump.compilers import InputUnsupported, OriginalStep, compile_step
from skwillump.compilers.text import _columns as text_columns

TEXTS = [
    f"{first} {second} {third} number{i % 7}"
    for i, (first, second, third) in enumerate(
        zip(
            ["red", "green", "Blue", "ÜBER"] * 20,
            ["car", "house", "tree", "cat", "dog"] * 16,
            ["runs", "stands"] * 40,
            strict=True,
        )
    )
]
Y = np.arange(len(TEXTS)) % 3


def table(library=pd):
    return library.DataFrame(
        {
            "title": TEXTS,
            "body": TEXTS[::-1],
            "kind": ["a", "b"] * (len(TEXTS) // 2),
            "size": np.arange(len(TEXTS), dtype=float),
        }
    )


def words():
    return TfidfVectorizer()


def chars():
    return TfidfVectorizer(analyzer="char", ngram_range=(2, 4))


def assert_same(actual, expected):
    assert type(actual) is type(expected)
    assert actual.dtype == expected.dtype
    difference = actual - expected
    assert (abs(difference)).max() == 0


UNIONS = {
    "union": lambda: make_union(words(), chars()),
    "weighted": lambda: FeatureUnion(
        [("w", words()), ("c", chars()), ("gone", "drop")], transformer_weights={"c": 0.3}
    ),
    "nested": lambda: make_union(make_union(words(), chars()), make_pipeline(chars())),
    "counts then tf-idf": lambda: make_pipeline(CountVectorizer(), TfidfTransformer()),
    "selected": lambda: make_pipeline(make_union(words(), chars()), SelectKBest(chi2, k=30)),
    "scaled": lambda: make_pipeline(
        make_union(words(), chars()), MaxAbsScaler(), StandardScaler(with_mean=False)
    ),
    "selected inside": lambda: make_union(
        make_pipeline(words(), SelectPercentile(chi2, percentile=50)), make_pipeline(chars())
    ),
    "thinned": lambda: make_pipeline(words(), VarianceThreshold(1e-3), "passthrough"),
    "weighted after": lambda: make_pipeline(
        make_union(CountVectorizer(), words()), TfidfTransformer(norm=None)
    ),
    "reduced": lambda: make_pipeline(words(), TruncatedSVD(4, random_state=0)),
}


@pytest.mark.parametrize("name", UNIONS)
def test_features_and_scores_of_text(name):
    transformer = UNIONS[name]().fit(TEXTS, Y)
    step = compile_step(transformer)
    assert not isinstance(step, OriginalStep), step.reason
    expected = transformer.transform(TEXTS)
    assert_same(step.transform(TEXTS), expected)
    assert step.n_features == expected.shape[1]
    assert step.exact_scores
    coef = np.random.default_rng(0).normal(size=(expected.shape[1], 2))
    scorer = step.bind(coef)
    scores = scorer.scores(TEXTS)
    np.testing.assert_allclose(scores, expected @ coef, rtol=1e-12, atol=1e-12)
    rows = np.array([5, 2, 2, 70])
    np.testing.assert_array_equal(scorer.scores(TEXTS, rows), scores[rows])
    np.testing.assert_allclose(scorer.score_one(TEXTS[5]), scores[5], rtol=1e-15)


def column_transformer(remainder="drop"):
    return ColumnTransformer(
        [
            ("title", words(), "title"),
            ("body", chars(), "body"),
            ("kind", OneHotEncoder(), ["kind"]),
            ("size", StandardScaler(), ["size"]),
            ("nothing", OneHotEncoder(), []),
            ("gone", "drop", ["kind"]),
        ],
        remainder=remainder,
        transformer_weights={"body": 2.0},
    )


@pytest.mark.parametrize("library", [pd, pl])
@pytest.mark.parametrize("remainder", ["drop", "passthrough"])
def test_columns_of_a_data_frame(library, remainder):
    if library is pl and remainder == "passthrough" and SKLEARN < (1, 7):
        pytest.skip("scikit-learn does not pass columns of polars through")
    X = table(library)
    if remainder == "passthrough":
        X = X.assign(more=1.5) if library is pd else X.with_columns(more=pl.lit(1.5))
    transformer = column_transformer(remainder).fit(X)
    step = compile_step(transformer)
    expected = transformer.transform(X)
    assert_same(step.transform(X), expected)
    assert step.exact_scores
    coef = np.random.default_rng(0).normal(size=(expected.shape[1], 3))
    scorer = step.bind(coef)
    np.testing.assert_allclose(scorer.scores(X), expected @ coef, rtol=1e-12, atol=1e-11)
    rows = np.array([7, 3])
    np.testing.assert_allclose(
        scorer.scores(X, rows), (expected @ coef)[rows], rtol=1e-12, atol=1e-11
    )
    names = [report.name for report in step.report("")]
    assert names[:4] == ["title", "body", "kind", "size"]
    assert all(report.compiled for report in step.report(""))


def test_columns_are_found_by_name_in_any_order():
    X = table()
    step = compile_step(column_transformer().fit(X))
    coef = np.random.default_rng(0).normal(size=(step.n_features, 1))
    scorer = step.bind(coef)
    shuffled = X.assign(extra="?")[["size", "extra", "body", "kind", "title"]]
    np.testing.assert_array_equal(scorer.scores(shuffled), scorer.scores(X))


def test_columns_of_an_array_are_found_by_position():
    X = np.array([TEXTS, TEXTS[::-1]], dtype=object).T
    transformer = make_column_transformer((words(), 0), (chars(), 1)).fit(X)
    step = compile_step(transformer)
    expected = transformer.transform(X)
    assert_same(step.transform(X), expected)
    coef = np.random.default_rng(0).normal(size=(expected.shape[1], 1))
    scorer = step.bind(coef)
    np.testing.assert_allclose(scorer.scores(X), expected @ coef, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(scorer.score_one(X[3]), (expected @ coef)[3], rtol=1e-12)


def test_positions_in_a_fitted_data_frame_are_names():
    X = table()[["title", "body"]]
    transformer = make_column_transformer((words(), 0), (chars(), 1)).fit(X)
    step = compile_step(transformer)
    coef = np.ones((step.n_features, 1))
    swapped = X[["body", "title"]]
    expected = transformer.transform(swapped) @ coef
    np.testing.assert_allclose(step.bind(coef).scores(swapped), expected, rtol=1e-12)


def test_one_row_of_text_columns_is_a_mapping():
    X = table()[["title", "body"]]
    transformer = make_column_transformer((words(), "title"), (chars(), "body")).fit(X)
    step = compile_step(transformer)
    coef = np.random.default_rng(0).normal(size=(step.n_features, 2))
    scorer = step.bind(coef)
    one = scorer.score_one({"title": TEXTS[4], "body": X["body"][4], "other": 1})
    np.testing.assert_allclose(one, scorer.scores(X)[4], rtol=1e-15)


@pytest.mark.parametrize(
    "make_wrong",
    [
        lambda X: X.drop(columns="body"),
        lambda X: pl.from_pandas(X).drop("body"),
        lambda X: X.to_numpy(),
        lambda X: TEXTS,
        lambda X: X.assign(body=None),
    ],
)
def test_a_wrong_table_is_left_to_the_original(make_wrong):
    X = table()
    step = compile_step(column_transformer().fit(X))
    scorer = step.bind(np.ones((step.n_features, 1)))
    with pytest.raises(InputUnsupported):
        scorer.scores(make_wrong(X))


def test_a_dense_stack_stays_dense():
    X = table()
    transformer = ColumnTransformer(
        [("title", TfidfVectorizer(max_features=3), "title"), ("size", StandardScaler(), ["size"])],
        sparse_threshold=0,
    ).fit(X)
    actual = compile_step(transformer).transform(X)
    assert not sparse.issparse(actual)
    assert np.array_equal(actual, transformer.transform(X))


def test_steps_that_are_not_linear_are_reported_and_run_as_they_are():
    transformer = make_pipeline(make_union(words(), chars()), Normalizer("max")).fit(TEXTS)
    step = compile_step(transformer)
    assert not step.exact_scores
    assert_same(step.transform(TEXTS), transformer.transform(TEXTS))
    reports = {report.name.split("__")[-1]: report for report in step.report("")}
    assert reports["tfidfvectorizer-1"].compiled
    assert not reports["normalizer"].compiled
    assert "sparse" in reports["normalizer"].reason


def test_a_selecting_step_before_the_vectorizer():
    def title(X):
        return X["title"]

    transformer = make_union(
        make_pipeline(FunctionTransformer(title), words()),
        make_pipeline(FunctionTransformer(title), chars()),
    )
    X = table()
    transformer.fit(X)
    step = compile_step(transformer)
    expected = transformer.transform(X)
    assert_same(step.transform(X), expected)
    coef = np.ones((expected.shape[1], 1))
    rows = np.array([1, 1, 9])
    scores = step.bind(coef).scores(X, rows)
    np.testing.assert_allclose(scores, (expected @ coef)[rows], rtol=1e-12)


def test_float32_features_are_formed_not_folded():
    transformer = make_union(words(), TfidfVectorizer(dtype=np.float32)).fit(TEXTS)
    step = compile_step(transformer)
    assert not step.exact_scores
    assert_same(step.transform(TEXTS), transformer.transform(TEXTS))


@pytest.mark.skipif(SKLEARN < (1, 9), reason="has no sparse_interface")
@pytest.mark.parametrize("interface", ["sparray", "spmatrix"])
def test_the_sparse_container_is_the_one_that_is_configured(interface):
    with config_context(sparse_interface=interface):
        transformer = make_union(words(), chars()).fit(TEXTS)
        assert_same(compile_step(transformer).transform(TEXTS), transformer.transform(TEXTS))


def test_set_output_gives_frames_of_what_is_compiled():
    X = table()[["size"]]
    transformer = Pipeline([("scale", StandardScaler())]).set_output(transform="pandas").fit(X)
    step = compile_step(transformer)
    assert step.is_compiled
    pd.testing.assert_frame_equal(step.transform(X), transformer.transform(X))
    np.testing.assert_array_equal(step.dense(X), transformer.transform(X).to_numpy())


FRAMED = {
    "columns": lambda: ColumnTransformer(
        [
            ("kind", OneHotEncoder(sparse_output=False), ["kind"]),
            ("size", make_pipeline(SimpleImputer(), StandardScaler()), ["size"]),
        ]
    ),
    "short names": lambda: ColumnTransformer(
        [("size", MaxAbsScaler(), ["size"])],
        remainder=OneHotEncoder(sparse_output=False),
        verbose_feature_names_out=False,
    ),
    "integers beside floats": lambda: ColumnTransformer(
        [("kind", OrdinalEncoder(dtype=int), ["kind"]), ("size", MaxAbsScaler(), ["size"])]
    ),
    "columns that pass": lambda: ColumnTransformer(
        [("size", MaxAbsScaler(), ["size"])], remainder="passthrough"
    ),
    "one step": lambda: OneHotEncoder(sparse_output=False, handle_unknown="ignore"),
}


@pytest.mark.parametrize("name", FRAMED)
def test_frames_that_are_asked_for_are_scikit_learns(name):
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"size": rng.normal(size=40), "kind": rng.choice(["a", "b"], 40)})
    X.index = np.arange(40)[::-1]
    fitted = FRAMED[name]().set_output(transform="pandas").fit(X)
    step = compile_step(fitted)
    single = X.astype({"size": np.float32})
    for rows in (X, X[:1], X.reset_index(drop=True), X[X.columns[::-1]].assign(more=1), single):
        if name != "one step" or list(rows) == list(X):
            pd.testing.assert_frame_equal(step.transform(rows), fitted.transform(rows))
    one = step.transform_one(X.iloc[3].to_dict())
    pd.testing.assert_frame_equal(
        one.reset_index(drop=True), fitted.transform(X[3:4].reset_index(drop=True))
    )


def test_frames_that_are_asked_for_are_made_of_what_is_compiled(monkeypatch):
    """What is behind sees them, a step of one's own among it."""

    def seen(X):
        return X.assign(more=X["size__size"] * 2)

    rng = np.random.default_rng(0)
    X = pd.DataFrame({"size": rng.normal(size=40), "kind": rng.choice(["a", "b"], 40)})
    framed = FRAMED["columns"]().set_output(transform="pandas")
    fitted = make_pipeline(framed, FunctionTransformer(seen), LogisticRegression())
    fitted.fit(X, X["size"] > 0)
    compiled = compile_pipeline(fitted)
    expected = fitted.predict_proba(X)

    def refused(self, X):
        raise AssertionError("the original ran")

    monkeypatch.setattr(ColumnTransformer, "transform", refused)
    np.testing.assert_allclose(compiled.predict_proba(X), expected, rtol=1e-12)
    one = compiled.predict_proba_one(X.iloc[0].to_dict())
    np.testing.assert_allclose(one, expected[0], rtol=1e-12)


@pytest.mark.filterwarnings("ignore:X has feature names:UserWarning")  # scikit-learn's
@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_columns_of_frames_have_the_names_that_the_original_gives(library):
    scale = StandardScaler
    X = np.random.default_rng(0).normal(size=(30, 3))
    inner = [
        make_pipeline(scale(), MaxAbsScaler()),
        ColumnTransformer([("first", scale(), [0])], remainder="passthrough"),
        FeatureUnion([("scaled", scale()), ("spline", SplineTransformer(n_knots=3))]),
    ]
    outer = [ColumnTransformer([("in", one, [0, 2]), ("k", scale(), [1])]) for one in inner]
    for transformer in (*inner, *outer, make_pipeline(outer[1], scale())):
        for fit_on in (X, pd.DataFrame(X, columns=["a", "b", "c"])):
            step = compile_step(transformer.fit(fit_on))
            assert not isinstance(step, OriginalStep)
            with config_context(transform_output=library):
                expected, actual = transformer.transform(fit_on), step.transform(fit_on)
            assert type(actual) is type(expected)
            assert list(actual.columns) == list(expected.columns)
            np.testing.assert_allclose(actual.to_numpy(), expected.to_numpy(), rtol=1e-12)


@pytest.mark.parametrize("n_threads", [1, 2])
def test_texts_are_encoded_once_for_all_blocks_that_read_them(monkeypatch, n_threads):
    texts = ["İstanbul is a CITY", "ΟΔΟΣ και ΣΟΦΟΣ", "plain ascii words here", "", "Été"] * 1000
    frame = pd.DataFrame({"a": texts, "b": texts[::-1]}, dtype=object)

    def words():
        return TfidfVectorizer()

    def characters(**options):
        return CountVectorizer(analyzer="char", ngram_range=(1, 3), **options)

    union = make_union(words(), characters(lowercase=False), characters(strip_accents="unicode"))
    columns = make_column_transformer(
        (words(), "a"), (characters(), "a"), (characters(), "b"), (words(), "a")
    )
    encode = text_columns.StringList.encoded
    n_encoded = []

    def counted(self, rows):
        n_encoded.append(len(self.texts[rows]) if isinstance(rows, slice) else len(rows))
        return encode(self, rows)

    monkeypatch.setattr(text_columns.StringList, "encoded", counted)
    for transformer, X, n_passes in ((union, texts, 1), (columns, frame, 3)):
        features = transformer.fit_transform(X)
        coef = np.random.default_rng(0).normal(size=(features.shape[1], 2))
        scorer = compile_step(transformer).bind(coef)
        for rows in (None, np.arange(4999, 0, -3)):
            n_encoded.clear()
            found = scorer.scores(X, rows, n_threads=n_threads)
            expected = (features if rows is None else features[rows]) @ coef
            np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)
            assert sum(n_encoded) == n_passes * len(expected)


# What scikit-learn computes in float32, or in small integers, compiled steps leave to it.

NUMBERS = np.random.default_rng(0).normal(scale=3.0, size=(200, 2))
SMALL = np.random.default_rng(0).integers(0, 100, size=(200, 2)).astype(np.uint8)
CODES = np.random.default_rng(0).integers(0, 5, size=(200, 2))
HASHED = 2**53 + CODES[:, :1]


def columns(transformer="passthrough", **options):
    return ColumnTransformer([("all", transformer, slice(0, None))], **options)


def assert_same_scores(transformer, X, X_fit=None):
    """Compare scores with what scikit-learn gives, where the step does not leave them to it."""
    transformer = transformer.fit(X if X_fit is None else X_fit, np.arange(len(X)) % 2)
    expected = dense(transformer.transform(X))
    step = compile_step(transformer)
    actual = step.transform(X)
    assert actual.dtype == transformer.transform(X).dtype
    if expected.dtype == np.float64 and "truncatedsvd" in repr(transformer):
        # BLAS adds up in an order that depends on where arrays lie.
        np.testing.assert_allclose(dense(actual), expected, rtol=1e-14)
    else:
        np.testing.assert_array_equal(dense(actual), expected)
    for read in (step.dense, lambda X: step.bind(np.eye(expected.shape[1])).scores(X)):
        if step.exact_scores:
            with contextlib.suppress(InputUnsupported):
                np.testing.assert_allclose(read(X), expected.astype(np.float64), rtol=1e-12)
    return step


def dense(features):
    return features.toarray() if sparse.issparse(features) else np.asarray(features)


@pytest.mark.parametrize(
    "after",
    [StandardScaler(), MaxAbsScaler(), TruncatedSVD(1), TfidfTransformer(norm=None), Normalizer()],
    ids=repr,
)
@pytest.mark.parametrize("before", [columns(), FunctionTransformer()], ids=["columns", "identity"])
def test_single_precision_is_kept_through_columns_that_pass(before, after):
    X = np.abs(NUMBERS)
    transformer = make_pipeline(before, after)
    for dtype in (np.float32, np.float16):
        if not isinstance(after, TruncatedSVD) or dtype == np.float32:
            assert_same_scores(transformer, X.astype(dtype), X)
    step = assert_same_scores(transformer, X)
    if isinstance(after, StandardScaler):
        np.testing.assert_allclose(step.dense(X), transformer.transform(X), rtol=1e-12)
        one = X[3].astype(np.float32)
        with pytest.raises(InputUnsupported):
            step.dense_one(one)


def test_single_precision_beside_float64_is_float64():
    frame = pd.DataFrame(NUMBERS, columns=["a", "b"]).astype({"a": np.float32})
    transformer = make_pipeline(
        make_column_transformer((StandardScaler(), ["b"]), remainder="passthrough"), MaxAbsScaler()
    )
    step = assert_same_scores(transformer, frame)
    np.testing.assert_allclose(step.dense(frame), transformer.transform(frame), rtol=1e-12)


@pytest.mark.parametrize(
    ("transformer", "X"),
    [
        (make_pipeline(columns(), FunctionTransformer(np.square)), SMALL),
        (make_pipeline(columns(), FunctionTransformer(np.log1p)), SMALL.astype(np.int16)),
        (make_pipeline(OrdinalEncoder(dtype=np.uint8), FunctionTransformer(np.negative)), CODES),
        (
            make_pipeline(SimpleImputer(strategy="most_frequent"), FunctionTransformer(np.square)),
            SMALL,
        ),
        (make_pipeline(SelectKBest(k=1), FunctionTransformer(np.log1p)), SMALL),
        (make_pipeline(Binarizer(), FunctionTransformer(np.negative)), SMALL),
        (make_pipeline(columns(OneHotEncoder(dtype=np.float32)), MaxAbsScaler()), CODES),
        (make_pipeline(OrdinalEncoder(dtype=np.float32), StandardScaler()), CODES),
        (columns(make_pipeline(OrdinalEncoder(dtype=np.float32), SplineTransformer())), CODES),
        (make_pipeline(columns(), VarianceThreshold(), FunctionTransformer(np.square)), SMALL),
    ],
)
def test_a_step_sees_the_dtype_that_the_one_before_gives(transformer, X):
    assert_same_scores(transformer, X)


@pytest.mark.parametrize(
    "before",
    [SimpleImputer(strategy="most_frequent"), columns(), VarianceThreshold(), SelectKBest(k=1)],
    ids=repr,
)
@pytest.mark.parametrize("encoder", [OneHotEncoder(), OrdinalEncoder()], ids=repr)
def test_large_integers_stay_apart_between_steps(before, encoder):
    transformer = make_pipeline(before, encoder).fit(HASHED, CODES[:, 0] % 2)
    step = compile_step(transformer)
    expected = dense(transformer.transform(HASHED))
    np.testing.assert_array_equal(dense(step.transform(HASHED)), expected)
    with pytest.raises(InputUnsupported, match="rounded"):
        step.dense(HASHED)
    with pytest.raises(InputUnsupported, match="rounded"):
        step.dense_one(HASHED[0].tolist())
    transformer = make_pipeline(before, encoder).fit(CODES[:, :1], CODES[:, 0] % 2)
    step = compile_step(transformer)
    np.testing.assert_array_equal(
        step.dense(CODES[:, :1]), dense(transformer.transform(CODES[:, :1]))
    )


def test_booleans_beside_numbers_become_objects_in_pandas_alone():
    frame = pd.DataFrame({"flag": SMALL[:, 0] > 50, "n": CODES[:, 0]})
    for X in (frame, pl.from_pandas(frame)):
        step = assert_same_scores(make_pipeline(columns(), StandardScaler()), X)
        step.dense(X)
        assert_same_scores(make_pipeline(columns(), FunctionTransformer(np.negative)), X)


def single_floats(X):
    return X.astype(np.float32)


@pytest.mark.parametrize(
    "block",
    [
        OneHotEncoder(dtype=np.float32),
        OrdinalEncoder(dtype=np.float32),
        FunctionTransformer(single_floats),
        FunctionTransformer(),
        make_pipeline(FunctionTransformer(), VarianceThreshold()),
        make_union(FunctionTransformer(), OneHotEncoder(dtype=np.float32)),
    ],
    ids=["one-hot", "ordinal", "single floats", "identity", "pipeline", "union"],
)
@pytest.mark.parametrize("weight", [0.7, 3, np.float32(0.7)])
def test_a_weight_is_multiplied_in_the_dtype_of_its_block(block, weight):
    union = FeatureUnion(
        [("block", block), ("scaled", StandardScaler())], transformer_weights={"block": weight}
    )
    for dtype in (np.float64, np.float32, np.uint8, np.int64):
        X = (CODES * 63).astype(dtype)
        assert_same_scores(union, X)
        assert_same_scores(make_pipeline(union, MaxAbsScaler()), X)


def test_a_weight_of_float64_features_is_folded():
    X = CODES.astype(float)
    runs_as_it_is = FunctionTransformer(np.array, feature_names_out="one-to-one")
    for block in (OneHotEncoder(), FunctionTransformer(), runs_as_it_is):
        union = FeatureUnion(
            [("block", block), ("scaled", StandardScaler())], transformer_weights={"block": 0.7}
        )
        step = compile_step(union.fit(X))
        assert step.exact_scores
        expected = dense(union.transform(X))
        scores = step.bind(np.eye(expected.shape[1])).scores(X)
        np.testing.assert_allclose(scores, expected, rtol=1e-12)
