"""Compiled transformers of tables give what scikit-learn's own give, for any table."""

import pickle
import tracemalloc
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.feature_selection import (
    SelectFromModel,
    SelectKBest,
    SelectPercentile,
    VarianceThreshold,
    f_classif,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    Binarizer,
    FunctionTransformer,
    KBinsDiscretizer,
    MaxAbsScaler,
    MinMaxScaler,
    Normalizer,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    PowerTransformer,
    QuantileTransformer,
    RobustScaler,
    SplineTransformer,
    StandardScaler,
    TargetEncoder,
)

from skwillump import compile_pipeline
from skwillump.compilers import InputUnsupported, OriginalStep, compile_step

GENERATOR = np.random.default_rng(0)
N_FIT = 120
Y = np.arange(N_FIT) % 2
Y3 = np.array(["x", "y", "z"])[np.arange(N_FIT) % 3]
NAN = float("nan")


def dense(features):
    features = features.toarray() if sparse.issparse(features) else np.asarray(features)
    return features.astype(np.float64)


def rows_of(X):
    """The rows as mappings (or lists, for arrays), of Python's own values."""
    if isinstance(X, np.ndarray):
        return X.tolist()
    if isinstance(X, pl.DataFrame):
        return X.to_dicts()
    columns = {name: X[name].astype(object).tolist() for name in X.columns}
    return [
        dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=False)
    ]


def smallest_variance(transformer):
    """By which a whitened projection is divided."""
    return transformer.explained_variance_.min() if getattr(transformer, "whiten", 0) else 1.0


def assert_same_features(step, X, *, exactly=False, may_refuse=False):
    """Compare everything that a step gives with its original; return what that gives."""
    original = step.original
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            expected = original.transform(X)
        except Exception as error:
            with pytest.raises(type(error)):
                step.transform(X)
            with pytest.raises(InputUnsupported):
                step.dense(X)
            return None
    with warnings.catch_warnings():
        if caught:
            warnings.simplefilter("ignore")
        actual = step.transform(X)
    assert type(actual) is type(expected)
    assert actual.shape == expected.shape
    if not isinstance(actual, (pd.DataFrame, pl.DataFrame)):
        assert actual.dtype == expected.dtype
    if sparse.issparse(actual):
        assert actual.format == expected.format
        assert actual.indices.dtype == expected.indices.dtype
    expected = dense(expected)
    tolerance = {"rtol": 0, "atol": 0} if exactly else {"rtol": 1e-12, "atol": 1e-13}
    if hasattr(original, "components_") or "PCA" in repr(original):
        # The rounding of a sum is that of its largest term, and BLAS chooses the order.
        values = [np.asarray(X, dtype=float), expected]
        largest = max(np.abs(np.nan_to_num(value)).max(initial=1.0) for value in values)
        tolerance["atol"] = 1e-13 * largest / np.sqrt(smallest_variance(original))
    np.testing.assert_allclose(dense(actual), expected, **tolerance)
    assert step.n_features == expected.shape[1]
    try:
        features = step.dense(X)
    except InputUnsupported:
        refuses = may_refuse or isinstance(original, FunctionTransformer)
        assert caught or refuses or len(X) == 0
        return expected
    assert features.dtype == np.float64
    assert features.flags.c_contiguous
    np.testing.assert_allclose(features, expected, **tolerance)
    some = np.arange(len(X))[::-2]
    if len(some):
        np.testing.assert_allclose(step.dense(X, some), features[some], **tolerance)
    np.testing.assert_allclose(step.dense(X, slice(0, 1)), features[:1], **tolerance)
    if not caught:
        for row, wanted in zip(rows_of(X), features, strict=True):
            np.testing.assert_allclose(step.dense_one(row), wanted, **tolerance)
    coef = np.random.default_rng(0).normal(size=(step.n_features, 2))
    for columns in (slice(0, 1), slice(0, 2)):
        scorer = step.bind(coef[:, columns])
        wanted = expected @ coef[:, columns]
        sizes = np.abs(expected) @ np.abs(coef[:, columns])
        limit = 1e-13 * np.nan_to_num(sizes, nan=1.0) + 10 * tolerance["atol"] + 1e-15
        scores = scorer.scores(X)
        assert np.array_equal(np.isnan(scores), np.isnan(wanted))
        assert np.all((np.abs(scores - wanted) <= limit) | np.isnan(wanted))
        if not caught:
            for row, score in zip(rows_of(X)[:3], scores, strict=False):
                one = scorer.score_one(row)
                assert one.shape == score.shape
                np.testing.assert_allclose(one, score, rtol=1e-12, atol=limit.max())
    return expected


def compiled(transformer, X, y=Y):
    step = compile_step(clone(transformer).fit(X, y))
    assert not isinstance(step, OriginalStep), step.reason
    return step


def numbers_for_fit():
    return pd.DataFrame(
        {
            "normal": GENERATOR.normal(size=N_FIT),
            "large": GENERATOR.normal(1e6, 10, size=N_FIT),
            "skewed": GENERATOR.lognormal(size=N_FIT),
            "few": GENERATOR.integers(0, 4, size=N_FIT),
            "constant": np.full(N_FIT, 2.5),
        }
    )


NUMBERS = numbers_for_fit()

#: Transformers that let missing numbers pass, and those that do not.
WITH_NAN = {
    "standard": StandardScaler(),
    "standard, no mean": StandardScaler(with_mean=False),
    "standard, no std": StandardScaler(with_std=False),
    "standard, nothing": StandardScaler(with_mean=False, with_std=False),
    "minmax": MinMaxScaler(),
    "minmax, clipped": MinMaxScaler((-1, 2), clip=True),
    "maxabs": MaxAbsScaler(),
    "robust": RobustScaler(),
    "robust, quantiles": RobustScaler(quantile_range=(10, 60), unit_variance=True),
    "robust, no center": RobustScaler(with_centering=False),
    "robust, no scale": RobustScaler(with_scaling=False),
    "power": PowerTransformer(),
    "power, raw": PowerTransformer(standardize=False),
    "quantile": QuantileTransformer(n_quantiles=30),
    "quantile, normal": QuantileTransformer(n_quantiles=30, output_distribution="normal"),
    "impute mean": SimpleImputer(),
    "impute median, indicator": SimpleImputer(strategy="median", add_indicator=True),
    "impute number": SimpleImputer(strategy="constant", fill_value=-7.0),
    "impute most frequent": SimpleImputer(strategy="most_frequent", keep_empty_features=True),
    "identity": FunctionTransformer(),
    "variance": VarianceThreshold(0.5),
    "sign": FunctionTransformer(np.sign),
    "sinh": FunctionTransformer(np.arcsinh),
    "chain": make_pipeline(SimpleImputer(add_indicator=True), StandardScaler()),
    "long chain": make_pipeline(
        SimpleImputer(), MinMaxScaler(), PolynomialFeatures(2), VarianceThreshold(1e-6), PCA(3)
    ),
}
if "handle_missing" in SplineTransformer().get_params():  # newer releases
    WITH_NAN["spline, missing"] = SplineTransformer(handle_missing="zeros")
WITHOUT_NAN = {
    "power, box-cox": PowerTransformer(method="box-cox"),
    "normalizer": Normalizer(),
    "normalizer l1": Normalizer("l1"),
    "normalizer max": Normalizer("max"),
    "binarizer": Binarizer(threshold=1.5),
    "polynomial": PolynomialFeatures(3),
    "interactions": PolynomialFeatures((2, 3), interaction_only=True),
    "without bias": PolynomialFeatures(2, include_bias=False),
    "pca": PCA(3),
    "pca, whitened": PCA(2, whiten=True),
    "svd": TruncatedSVD(3, random_state=0),
    "k best": SelectKBest(f_classif, k=2),
    "percentile": SelectPercentile(f_classif, percentile=60),
    "from model": SelectFromModel(LogisticRegression(), threshold="median"),
    "bins": KBinsDiscretizer(4, encode="ordinal", strategy="uniform"),
    "bins, one-hot": KBinsDiscretizer(4, encode="onehot", strategy="uniform"),
    "bins, one-hot dense": KBinsDiscretizer(4, encode="onehot-dense", strategy="uniform"),
    "impute minus one": SimpleImputer(missing_values=-1),
    "spline": SplineTransformer(),
    "spline, quadratic": SplineTransformer(4, degree=2, knots="quantile", include_bias=False),
    "spline, sparse": SplineTransformer(3, degree=1, sparse_output=True),
    "spline, continued": SplineTransformer(extrapolation="continue"),
}
ALL_NUMBERS = WITH_NAN | WITHOUT_NAN


@pytest.fixture(scope="module", params=ALL_NUMBERS)
def number_step(request):
    X = NUMBERS.copy()
    if request.param in WITH_NAN:
        X.loc[::7, ["normal", "skewed"]] = np.nan
        X = X.astype(float)
    else:
        X = X.drop(columns="constant") if request.param != "binarizer" else X
    if request.param == "power, box-cox":
        X = X[["large", "skewed"]]
    return compiled_quietly(ALL_NUMBERS[request.param], X)


def compiled_quietly(transformer, X, y=Y):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of bins without width, and of solvers
        return compiled(transformer, X, y)


finite = st.one_of(
    st.floats(-1e4, 1e4),
    st.floats(1e-6, 10),
    st.sampled_from([0.0, -0.0, 1.0, 2.5, -1.0, 1e6, 1e6 + 10, 1e-300, 3.0]),
)
any_number = st.one_of(finite, st.just(NAN))


@st.composite
def number_frames(draw, columns, *, allow_nan=True):
    n_rows = draw(st.integers(0, 6))
    cells = any_number if allow_nan else finite
    data = {}
    for column in columns:
        kind = draw(st.sampled_from(["float", "float", "int"]))
        if kind == "int":
            values = draw(st.lists(st.integers(-5, 50), min_size=n_rows, max_size=n_rows))
            data[column] = np.array(values, dtype=np.int64)
        else:
            values = draw(st.lists(cells, min_size=n_rows, max_size=n_rows))
            data[column] = np.array(values, dtype=np.float64)
    return pd.DataFrame(data)


quick = settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@quick
@given(data=st.data())
def test_numbers(number_step, data):
    X = data.draw(number_frames(number_step.spec.names))
    if getattr(number_step.original, "sparse_output", False):
        # scikit-learn's sparse splines refuse whole numbers beyond the knots.
        X = X.astype(float)
    # An imputer's fill value has the dtype of the fitted columns: others go to the original.
    is_whole = "f" not in {dtype.kind for dtype in X.dtypes}
    may_refuse = isinstance(number_step.original, SimpleImputer) and is_whole
    assert_same_features(number_step, X, may_refuse=may_refuse)


@pytest.mark.parametrize("name", ALL_NUMBERS)
def test_numbers_of_arrays_and_polars(name):
    X = NUMBERS.drop(columns=["constant", "large"] if name not in WITH_NAN else [])
    X = X[["skewed"]] if name == "power, box-cox" else X
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        array_step = compiled(ALL_NUMBERS[name], X.to_numpy())
        polars_step = compiled(ALL_NUMBERS[name], pl.from_pandas(X))
    assert_same_features(array_step, X.to_numpy()[:9])
    assert_same_features(array_step, np.asfortranarray(X.to_numpy()[:9]))
    assert_same_features(array_step, X.to_numpy()[:9].astype(object), may_refuse=True)
    assert_same_features(polars_step, pl.from_pandas(X)[:9])
    # More rows than one chunk: chunks leave no trace.
    many = np.tile(X.to_numpy(), (90, 1))
    whole = array_step.dense(many)
    np.testing.assert_array_equal(whole, array_step.dense(many, n_threads=3))
    np.testing.assert_allclose(whole[: len(X)], whole[-len(X) :], rtol=1e-13)


@pytest.mark.parametrize("name", ALL_NUMBERS)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # half precision overflows
def test_other_dtypes_give_what_the_original_gives(name):
    columns = ["normal", "large", "skewed", "few"] if name != "power, box-cox" else ["skewed"]
    X = NUMBERS[columns].astype(float)
    step = compiled_quietly(ALL_NUMBERS[name], X)
    for dtype in ("float32", "float16", "int8", "uint64", "bool", "object", "Int64", "Float64"):
        other = (X[:5] % 50).round().abs().add(1).astype(dtype)
        try:
            expected = step.original.transform(other)
        except (ValueError, TypeError) as error:
            with pytest.raises(type(error)):
                step.transform(other)
            continue
        actual = step.transform(other)
        assert type(actual) is type(expected)
        if hasattr(expected, "dtype"):
            assert actual.dtype == expected.dtype
        np.testing.assert_allclose(dense(actual), dense(expected), rtol=1e-12, atol=1e-13)
        try:
            features = step.dense(other)
        except InputUnsupported:
            continue
        assert dtype not in ("float32", "float16") or name == "identity"
        np.testing.assert_allclose(features, dense(expected), rtol=1e-12, atol=1e-13)


def test_infinite_numbers_are_left_to_the_original(number_step):
    X = pd.DataFrame({name: [1.0, np.inf] for name in number_step.spec.names})
    if isinstance(number_step.original, (FunctionTransformer, VarianceThreshold)):
        np.testing.assert_array_equal(number_step.dense(X), number_step.original.transform(X))
        return
    with pytest.raises(InputUnsupported, match="finite"):
        number_step.dense(X)
    if getattr(number_step.original, "handle_missing", None) == "zeros":  # takes them too
        expected = number_step.original.transform(X)
        np.testing.assert_array_equal(number_step.transform(X), expected)
    else:
        with pytest.raises(ValueError, match="infinity"):
            number_step.transform(X)


def test_columns_must_be_those_that_were_fitted(number_step):
    names = list(number_step.spec.names)
    X = pd.DataFrame({name: [1.0, 2.0] for name in names})
    for wrong in (
        X[names[::-1]],
        X.assign(more=1),
        X.to_numpy(),
        X.rename(columns={names[0]: "z"}),
    ):
        if len(names) > 1 or "more" in wrong:
            with pytest.raises(InputUnsupported):
                number_step.dense(wrong)


def test_a_row_with_a_wrong_value_is_an_error(number_step):
    names = number_step.spec.names
    right = dict.fromkeys(names, 1.5)
    np.testing.assert_array_equal(
        number_step.dense_one(right | {"more": "?"}).shape, (number_step.n_features,)
    )
    for wrong in ("1.5", b"1", [1.0], object(), {}):
        with pytest.raises(ValueError, match="number is expected"):
            number_step.dense_one(right | {names[0]: wrong})
    with pytest.raises(ValueError, match=r"columns are missing: \[" + repr(names[0])):
        number_step.dense_one(dict.fromkeys(names[1:], 1.5))
    with pytest.raises(ValueError, match=f"{len(names)} are expected"):
        number_step.dense_one([1.5] * (len(names) + 1))


def test_steps_pickle(number_step):
    X = pd.DataFrame({name: [1.0, 2.0] for name in number_step.spec.names})
    again = pickle.loads(pickle.dumps(number_step))
    np.testing.assert_array_equal(again.dense(X), number_step.dense(X))


# Categories

COLORS = ["red", "green", "blue", "ÜBER", ""]


def categories_for_fit():
    color = np.array(COLORS, dtype=object)[np.arange(N_FIT) % 5 * (np.arange(N_FIT) % 7 > 1)]
    mixed = np.array(["a", None, NAN, "b"], dtype=object)[np.arange(N_FIT) % 4]
    return pd.DataFrame(
        {
            "color": pd.Series(color, dtype="str"),
            "mixed": pd.Series(mixed, dtype=object),
            "count": np.arange(N_FIT) % 6 * 2,
            "ratio": np.where(np.arange(N_FIT) % 9 == 0, np.nan, np.arange(N_FIT) % 3 / 4),
            "flag": np.arange(N_FIT) % 3 == 0,
            "level": pd.Categorical(np.array(["low", "high", "low"])[np.arange(N_FIT) % 3]),
        }
    )


CATEGORIES = categories_for_fit()
ENCODERS = (
    {
        f"one-hot {i}": OneHotEncoder(**options)
        for i, options in enumerate(
            [
                {},
                {"handle_unknown": "ignore"},
                {"handle_unknown": "ignore", "sparse_output": False, "dtype": np.float32},
                {"drop": "first"},
                {"drop": "if_binary", "handle_unknown": "ignore"},
                {"drop": ["red", "a", 2, 0.25, True, "low"], "dtype": np.int8},
                {"handle_unknown": "infrequent_if_exist", "min_frequency": 25},
                {
                    "handle_unknown": "infrequent_if_exist",
                    "max_categories": 3,
                    "sparse_output": False,
                },
                {"handle_unknown": "infrequent_if_exist", "max_categories": 2, "drop": "first"},
                {"handle_unknown": "warn", "max_categories": 3},
                {"handle_unknown": "infrequent_if_exist"},
            ]
        )
    }
    | {
        f"ordinal {i}": OrdinalEncoder(**options)
        for i, options in enumerate(
            [
                {},
                {"handle_unknown": "use_encoded_value", "unknown_value": -1},
                {"handle_unknown": "use_encoded_value", "unknown_value": np.nan},
                {"encoded_missing_value": -5},
                {
                    "handle_unknown": "use_encoded_value",
                    "unknown_value": 99,
                    "dtype": np.int16,
                    "encoded_missing_value": -2,
                },
                {"handle_unknown": "use_encoded_value", "unknown_value": -1, "min_frequency": 25},
                {"max_categories": 3},
            ]
        )
    }
    | {
        "target": TargetEncoder(random_state=0),
        "target, unsmoothed": TargetEncoder(smooth=0.0, random_state=0),
    }
)


@pytest.fixture(scope="module", params=ENCODERS)
def encoder_step(request):
    return compiled(ENCODERS[request.param], CATEGORIES)


text_cells = st.sampled_from([*COLORS, "new", "re", "redred", NAN])
category_cells = {
    "color": text_cells,
    "mixed": st.one_of(st.sampled_from(["a", "b", None, NAN, 1, 2.5, True, "c"])),
    "count": st.integers(-1, 12),
    "ratio": st.sampled_from([0.0, 0.25, 0.5, NAN, 7.0, -0.0]),
    "flag": st.booleans(),
    "level": st.sampled_from(["low", "high", "lower", NAN]),
}
KNOWN = {
    "color": st.sampled_from(COLORS),
    "mixed": st.sampled_from(["a", "b", None, NAN]),
    "count": st.integers(0, 5).map(lambda n: 2 * n),
    "ratio": st.sampled_from([0.0, 0.25, 0.5, NAN]),
    "flag": st.booleans(),
    "level": st.sampled_from(["low", "high"]),
}


@st.composite
def category_frames(draw):
    cells = draw(st.sampled_from([KNOWN, category_cells]))
    n_rows = draw(st.integers(0, 6))
    columns = {
        name: draw(st.lists(cell, min_size=n_rows, max_size=n_rows)) for name, cell in cells.items()
    }
    return pd.DataFrame(
        {
            "color": pd.Series(columns["color"], dtype=draw(st.sampled_from(["str", object]))),
            "mixed": pd.Series(columns["mixed"], dtype=object),
            "count": np.array(columns["count"], dtype=draw(st.sampled_from(["i8", "i4", "f8"]))),
            "ratio": np.array(columns["ratio"], dtype=float),
            "flag": np.array(columns["flag"], dtype=bool),
            "level": pd.Series(
                pd.Categorical(columns["level"], categories=["low", "lower", "high"])
                if draw(st.booleans())
                else pd.Series(columns["level"], dtype="str")
            ),
        }
    )


@quick
@given(X=category_frames())
def test_categories(encoder_step, X):
    assert_same_features(encoder_step, X, exactly=True)


@quick
@given(X=category_frames())
def test_categories_are_imputed_before_they_are_encoded(X):
    for step in IMPUTED:
        assert_same_features(step, X[["color", "mixed", "level"]], exactly=True)


IMPUTED = [
    compiled(make_pipeline(imputer, encoder), CATEGORIES[["color", "mixed", "level"]])
    for imputer in (
        SimpleImputer(strategy="most_frequent"),
        SimpleImputer(strategy="constant", fill_value="none"),
        SimpleImputer(strategy="constant", fill_value="red", missing_values="green"),
    )
    for encoder in (
        OneHotEncoder(handle_unknown="ignore"),
        OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1),
    )
    # NaN must not reach an imputer that looks for something else.
    if imputer.missing_values != "green"
]


def test_target_encoding_of_three_classes_and_of_numbers():
    X = CATEGORIES
    for y in (Y3, np.linspace(0, 1, N_FIT)):
        step = compiled(TargetEncoder(random_state=0), X, y)
        expected = assert_same_features(step, X[:20].assign(color="new"))
        assert expected is not None
        assert expected.shape[1] == X.shape[1] * (3 if y is Y3 else 1)


@pytest.mark.parametrize("name", ["one-hot 1", "one-hot 0", "ordinal 1", "target"])
def test_categories_of_arrays_and_polars(name):
    texts = np.array([["a", "x"], ["b", "y"], ["c", "x"]] * 40)
    for X in (texts, texts.astype(object), np.arange(N_FIT * 2).reshape(-1, 2) % 5):
        step = compiled(ENCODERS[name], X)
        assert_same_features(step, X[:7], exactly=True)
        other = X[:4].copy()
        other[0, 0] = "?" if X is not None and X.dtype.kind in "UO" else 77
        assert_same_features(step, other, exactly=True)
    frame = pl.from_pandas(CATEGORIES[["color", "count", "flag"]])
    frame = frame.with_columns(
        color=pl.when(pl.col("count") > 8).then(None).otherwise(pl.col("color"))
    )
    step = compiled(ENCODERS[name], frame)
    assert_same_features(step, frame[:15], exactly=True)
    assert_same_features(
        step, frame[:15].with_columns(color=pl.col("color").cast(pl.Categorical)), exactly=True
    )
    assert_same_features(step, frame[:3].with_columns(color=pl.lit("new")), exactly=True)


def test_values_that_compare_in_a_way_of_their_own_are_left_to_the_original(encoder_step):
    for wrong in (pd.NA, pd.Timestamp("2020-01-01"), ("red",), np.datetime64("2020-01-01")):
        X = CATEGORIES[:3].astype({"color": object})
        X.at[1, "color"] = wrong
        with pytest.raises(InputUnsupported):
            encoder_step.dense(X)


def test_unknown_categories_of_one_row_are_as_the_encoder_was_told():
    row = CATEGORIES.iloc[0].to_dict() | {"color": "new"}
    for name, encoder in ENCODERS.items():
        step = compiled(encoder, CATEGORIES)
        if getattr(encoder, "handle_unknown", None) == "error":
            with pytest.raises(ValueError, match="unknown category 'new' in column 'color'"):
                step.dense_one(row)
        elif getattr(encoder, "handle_unknown", None) == "warn" or getattr(encoder, "drop", None):
            with pytest.raises(InputUnsupported):
                step.dense_one(row)
        else:
            X = CATEGORIES[:1].assign(color="new")
            np.testing.assert_array_equal(step.dense_one(row), step.dense(X)[0], err_msg=name)
        with pytest.raises(ValueError, match="category is expected"):
            step.dense_one(row | {"color": ["red"]})


def test_encoders_pickle(encoder_step):
    again = pickle.loads(pickle.dumps(encoder_step))
    np.testing.assert_array_equal(again.dense(CATEGORIES), encoder_step.dense(CATEGORIES))


@pytest.mark.parametrize(
    ("transformer", "X", "reason"),
    [
        (SimpleImputer(), np.array([[1.0, np.nan]] * 3), "without values"),
        (SimpleImputer(strategy="most_frequent"), np.ones((3, 2), np.float32), "float32"),
        (FunctionTransformer(np.log1p, validate=True), np.ones((3, 2)), "validate"),
        (FunctionTransformer(len), np.ones((3, 2)), "ufunc"),
        (FunctionTransformer(np.log1p, kw_args={"where": True}), np.ones((3, 2)), "kw_args"),
        (SplineTransformer(extrapolation="linear"), NUMBERS[["normal"]], "extrapolation"),
        (KBinsDiscretizer(2, dtype=np.float32), NUMBERS[["normal"]], "dtype"),
        (
            OneHotEncoder(),
            pd.DataFrame({"day": pd.to_datetime(["2020-01-01", "2020-01-02"])}),
            "categories",
        ),
    ],
)
def test_what_is_not_compiled_says_why_and_runs_as_it_is(transformer, X, reason):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        step = compile_step(transformer.fit(X))
        assert isinstance(step, OriginalStep)
        assert reason in step.reason
        expected = dense(transformer.transform(X))
        np.testing.assert_array_equal(dense(step.transform(X)), expected)


@pytest.mark.parametrize("dtype", [object, np.float16, "U1"])
@pytest.mark.parametrize("sparse_output", [False, True])
def test_one_hot_codes_of_a_dtype_without_sparse_matrices_are_left_to_the_original(
    dtype, sparse_output
):
    encoder = OneHotEncoder(dtype=dtype, sparse_output=sparse_output).fit([["a"], ["b"]])
    step = compile_step(encoder)
    assert isinstance(step, OriginalStep)
    assert "dtype" in step.reason
    with pytest.raises(ValueError, match="dtype"):
        step.transform([["b"]])


def test_inputs_are_not_changed():
    X = NUMBERS.to_numpy().copy()
    before = X.copy()
    for scaler in (StandardScaler(copy=False), MinMaxScaler(copy=False), SimpleImputer(copy=False)):
        step = compiled(clone(scaler).set_params(copy=True), X)
        step.original.copy = False
        step.dense(X)
        step.bind(np.ones((step.n_features, 1))).scores(X)
        np.testing.assert_array_equal(X, before)


def test_an_empty_selection_and_one_alone():
    X = NUMBERS
    step = compiled(make_column_transformer((StandardScaler(), []), (StandardScaler(), [0])), X)
    assert_same_features(step, X[:4])


def test_integers_that_lightgbm_would_round_are_left_to_the_original():
    X = pd.DataFrame({"id": [2**24, 2**24 + 1, 3], "n": [1, 2, 3], "x": [0.5, 1.5, 2.5]})
    whole = make_column_transformer(("passthrough", ["id"]), (FunctionTransformer(), ["n"]))
    with_floats = make_column_transformer(("passthrough", ["id"]), (StandardScaler(), ["x"]))
    for transformer in (whole, make_pipeline(FunctionTransformer(), whole)):
        step = compile_step(transformer.fit(X))
        assert step.dense(X)[1, 0] == 2**24 + 1
        with pytest.raises(InputUnsupported, match="float32"):
            step.guarded().dense(X)
        with pytest.raises(InputUnsupported, match="float32"):
            step.guarded().dense_one(X.iloc[1].astype(object).to_dict() | {"id": 2**24 + 1})
        np.testing.assert_array_equal(step.guarded().dense(X[2:]), step.dense(X[2:]))
    step = compile_step(with_floats.fit(X))
    np.testing.assert_array_equal(step.guarded().dense(X), step.dense(X))


@pytest.mark.parametrize("transformer", [FunctionTransformer(), VarianceThreshold()], ids=repr)
def test_arrays_of_texts_are_left_to_the_original(transformer):
    X = NUMBERS[["normal", "few"]].to_numpy()
    digits = X[:5].astype(str)
    step = compiled(transformer, X)
    with pytest.raises(InputUnsupported):
        step.dense(digits)
    model = make_pipeline(transformer, LogisticRegression()).fit(X, Y)
    for method in (model.predict, compile_pipeline(model).predict):
        with pytest.raises(ValueError, match="not compatible with arrays of bytes/strings"):
            method(digits)


def test_an_int_that_is_no_float_is_left_to_the_original():
    X = NUMBERS[["normal", "few"]].to_numpy()
    model = make_pipeline(VarianceThreshold(0.9), LogisticRegression()).fit(X * [0.1, 1.0], Y)
    other = X[:4].astype(object)
    other[1, 0] = 10**400
    np.testing.assert_array_equal(compile_pipeline(model).predict(other), model.predict(other))
    imputed = compiled(SimpleImputer(strategy="constant", fill_value=1), other[:1].repeat(9, 0))
    with pytest.raises(InputUnsupported, match="too large"):
        imputed.dense(other)
    with pytest.raises(InputUnsupported, match="too large"):
        compiled(StandardScaler(), X).dense_one([10**400, 1.0])


def test_longer_floats_are_left_to_the_original():
    X = NUMBERS[["normal", "few"]].to_numpy()
    longer = X[:5].astype(np.longdouble)
    for transformer in (FunctionTransformer(), StandardScaler(), VarianceThreshold()):
        step = compiled(transformer, X)
        if longer.dtype != np.float64:
            with pytest.raises(InputUnsupported, match="dtype"):
                step.dense(longer)


def test_a_missing_value_of_pandas_in_one_row_is_a_missing_number():
    X = pd.DataFrame({"a": pd.array([1.5, None, 2.0] * 30, "Float64"), "b": np.arange(90.0)})
    model = make_pipeline(SimpleImputer(), LogisticRegression()).fit(X, np.arange(90) % 2)
    expected = model.predict_proba(X[1:2])[0]
    for row in (X[1:2], X.iloc[1].to_dict(), {"a": pd.NA, "b": 1.0}, {"a": None, "b": 1.0}):
        actual = compile_pipeline(model).predict_proba_one(row)
        np.testing.assert_allclose(actual, expected, rtol=1e-12)


@pytest.mark.parametrize("strategy", ["constant", "most_frequent"])
@pytest.mark.parametrize("fitted", ["int64", "uint64", "int8", "float64"])
def test_imputed_values_fit_the_dtype(strategy, fitted):
    rng = np.random.default_rng(0)
    X = rng.integers(0, 100, size=(N_FIT, 2)).astype(fitted)
    fill = np.dtype(fitted).type(100)
    imputer = SimpleImputer(strategy=strategy, missing_values=3, fill_value=fill)
    step = compiled(imputer, X)
    for dtype in ("int8", "uint8", "int16", "int64", "uint64", "float64", "bool"):
        assert_same_features(step, X[:40].astype(dtype), may_refuse=dtype != fitted)
    np.testing.assert_array_equal(step.dense(X), step.original.transform(X))


def test_whole_numbers_in_one_row_may_stand_for_floats():
    X = NUMBERS[["normal", "skewed"]]
    imputer = SimpleImputer(strategy="most_frequent")
    columns = make_column_transformer(("passthrough", ["normal", "skewed"]))
    step = compiled(make_pipeline(columns, imputer, StandardScaler()), X)
    expected = step.dense_one({"normal": 1.0, "skewed": 2.0})
    np.testing.assert_array_equal(step.dense_one({"normal": 1, "skewed": 2}), expected)


def test_to_decline_a_polynomial_of_many_features_takes_little_memory():
    X = sparse.random(20, 500, density=0.01, format="csr", random_state=0)
    polynomial = PolynomialFeatures(2, interaction_only=True).fit(X)
    tracemalloc.start()
    try:
        step = compile_step(polynomial)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert "125251 features are more than" in step.reason
    assert peak < 1e6


@pytest.mark.parametrize("include_bias", [True, False])
@pytest.mark.parametrize("interaction_only", [True, False])
@pytest.mark.parametrize("degree", [0, 1, 3, (0, 2), (2, 3), (3, 3)])
def test_polynomials_of_any_degree(degree, interaction_only, include_bias):
    X = np.random.default_rng(0).normal(size=(20, 4))
    polynomial = PolynomialFeatures(
        degree, interaction_only=interaction_only, include_bias=include_bias
    )
    if degree == 0 and not include_bias:
        return  # scikit-learn refuses an empty result
    polynomial.fit(X)
    step = compile_step(polynomial)
    assert not isinstance(step, OriginalStep)
    np.testing.assert_allclose(step.dense(X), polynomial.transform(X), rtol=1e-12)
