"""Tables, transformers of them, and the comparison of compiled steps with their originals."""

import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import HealthCheck, settings, strategies as st
from scipy import sparse
from sklearn.base import clone
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
    PolynomialFeatures,
    PowerTransformer,
    QuantileTransformer,
    RobustScaler,
    SplineTransformer,
    StandardScaler,
)

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
        _assert_gives(step, X, expected, exactly=exactly, may_refuse=may_refuse, warned=caught)
    return dense(expected)


def _assert_gives(step, X, expected, *, exactly, may_refuse, warned):
    """Compare what a step gives with the output of its original, which may have warned."""
    original, actual = step.original, step.transform(X)
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
        assert warned or refuses or len(X) == 0
        return
    assert features.dtype == np.float64
    assert features.flags.c_contiguous
    np.testing.assert_allclose(features, expected, **tolerance)
    some = np.arange(len(X))[::-2]
    if len(some):
        np.testing.assert_allclose(step.dense(X, some), features[some], **tolerance)
    np.testing.assert_allclose(step.dense(X, slice(0, 1)), features[:1], **tolerance)
    if not warned:
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
        if not warned:
            for row, score in zip(rows_of(X)[:3], scores, strict=False):
                one = scorer.score_one(row)
                assert one.shape == score.shape
                np.testing.assert_allclose(one, score, rtol=1e-12, atol=limit.max())


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
"""Transformers that let missing numbers pass."""

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
    "spline, linear": SplineTransformer(extrapolation="linear"),
    "spline, linear, quadratic": SplineTransformer(4, degree=2, extrapolation="linear"),
    "spline, periodic": SplineTransformer(6, extrapolation="periodic", include_bias=False),
    "spline, periodic, sparse": SplineTransformer(5, extrapolation="periodic", sparse_output=True),
}
"""Transformers that do not."""

ALL_NUMBERS = WITH_NAN | WITHOUT_NAN


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
