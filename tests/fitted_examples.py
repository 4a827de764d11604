"""A small example of every type that is compiled, for the contract suite and the documentation.

A type that can be made without arguments, and fits on `NUMBERS` or, where its tags say that it
takes texts, on `TEXTS`, needs no line here. Nor does it need one to be tested in other forms of
data: `forms_of` reads from its tags which it takes.
"""

import warnings
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
from lightgbm import LGBMClassifier, LGBMRanker, LGBMRegressor
from scipy import sparse
from sklearn.calibration import CalibratedClassifierCV
from sklearn.cluster import FeatureAgglomeration, KMeans, MiniBatchKMeans
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import NMF, FactorAnalysis, FastICA
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    BaggingRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    IsolationForest,
    RandomTreesEmbedding,
)
from sklearn.feature_extraction import DictVectorizer
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfVectorizer
from sklearn.feature_selection import RFE, RFECV, SelectFromModel, SequentialFeatureSelector
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.kernel_approximation import RBFSampler, SkewedChi2Sampler
from sklearn.linear_model import (
    LinearRegression,
    LogisticRegression,
    RANSACRegressor,
    TheilSenRegressor,
)
from sklearn.neighbors import (
    KNeighborsClassifier,
    KNeighborsRegressor,
    NeighborhoodComponentsAnalysis,
)
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    KBinsDiscretizer,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    SplineTransformer,
    StandardScaler,
)
from sklearn.random_projection import GaussianRandomProjection, SparseRandomProjection
from sklearn.svm import SVC, SVR, LinearSVC, NuSVC, NuSVR, OneClassSVM
from sklearn.utils import get_tags

from skwillump import TableLookup

N_ROWS = 40
TEXTS = ["a fine film", "a poor film", "fine acting", "poor acting", "a fine story"] * 8
LABELS = np.arange(N_ROWS) % 2
NUMBERS = np.random.default_rng(0).integers(0, 9, (N_ROWS, 4)) + 9.0 * LABELS[:, None]
WORDS = np.array([["a", "b"], ["b", None], ["a", "c"], ["c", "b"]] * 10, dtype=object)
DICTS = [{"a": float(i % 3), "b": "xyz"[i % 3], f"c{i % 2}": True} for i in range(N_ROWS)]
KEYS = np.array([["a"], ["b"], ["a"], ["c"]] * 10, dtype=object)

_FEW_TREES = {"n_estimators": 3, "min_child_samples": 2, "verbose": -1, "n_jobs": 1}

EXAMPLES: dict[type, Callable[[], Any]] = {
    GaussianRandomProjection: lambda: GaussianRandomProjection(n_components=2, random_state=0),
    SparseRandomProjection: lambda: SparseRandomProjection(n_components=2, random_state=0),
    FastICA: lambda: FastICA(n_components=2, random_state=0),
    FactorAnalysis: lambda: FactorAnalysis(n_components=2, random_state=0),
    KMeans: lambda: KMeans(n_clusters=3, n_init=1, random_state=0),
    MiniBatchKMeans: lambda: MiniBatchKMeans(n_clusters=3, n_init=1, random_state=0),
    NeighborhoodComponentsAnalysis: lambda: NeighborhoodComponentsAnalysis(
        n_components=2, max_iter=5, random_state=0
    ),
    CalibratedClassifierCV: lambda: CalibratedClassifierCV(LinearSVC(), cv=2),
    ColumnTransformer: lambda: ColumnTransformer([("scaled", StandardScaler(), [0, 1])]),
    FeatureUnion: lambda: FeatureUnion([("scaled", StandardScaler())]),
    AdaBoostClassifier: lambda: AdaBoostClassifier(n_estimators=3),
    BaggingClassifier: lambda: BaggingClassifier(n_estimators=3, random_state=0),
    BaggingRegressor: lambda: BaggingRegressor(n_estimators=3, random_state=0),
    IsolationForest: lambda: IsolationForest(n_estimators=3, random_state=0),
    LGBMClassifier: lambda: LGBMClassifier(**_FEW_TREES),
    LGBMRanker: lambda: LGBMRanker(**_FEW_TREES),
    LGBMRegressor: lambda: LGBMRegressor(**_FEW_TREES),
    # A tree counts its searches, so that its pickle changes.
    KNeighborsClassifier: lambda: KNeighborsClassifier(algorithm="brute"),
    KNeighborsRegressor: lambda: KNeighborsRegressor(algorithm="brute"),
    # No number is missing in `NUMBERS`.
    MissingIndicator: lambda: MissingIndicator(features="all"),
    MLPClassifier: lambda: MLPClassifier((4,), max_iter=20, random_state=0),
    MLPRegressor: lambda: MLPRegressor(hidden_layer_sizes=(4,), max_iter=20, random_state=0),
    NuSVC: lambda: NuSVC(kernel="linear", nu=0.1),
    NuSVR: lambda: NuSVR(kernel="linear", C=1e-4),
    SVC: lambda: SVC(kernel="linear"),
    SVR: lambda: SVR(kernel="linear", C=1e-4),
    OneClassSVM: lambda: OneClassSVM(nu=0.3),
    RandomTreesEmbedding: lambda: RandomTreesEmbedding(5, random_state=0),
    RBFSampler: lambda: RBFSampler(gamma=0.1, n_components=5, random_state=0),
    SkewedChi2Sampler: lambda: SkewedChi2Sampler(n_components=5, random_state=0),
    Pipeline: lambda: Pipeline([("scaled", StandardScaler())]),
    RFE: lambda: RFE(LinearRegression(), n_features_to_select=2),
    RFECV: lambda: RFECV(LinearRegression(), cv=2),
    SelectFromModel: lambda: SelectFromModel(LinearRegression()),
    SequentialFeatureSelector: lambda: SequentialFeatureSelector(LinearRegression(), cv=2),
    # Bases of samples are drawn at random.
    RANSACRegressor: lambda: RANSACRegressor(LinearRegression(), min_samples=20, random_state=0),
    TheilSenRegressor: lambda: TheilSenRegressor(max_subpopulation=100, random_state=0),
    TableLookup: lambda: TableLookup({"a": [1.0], "b": [2.0]}, default=0.0),
}
"""How to make a class that cannot be made, fitted or compiled with its defaults."""


def _own_function(X):
    return X + 1


def _own_kernel(X, Y):
    return X @ Y.T


FALLBACKS: dict[type, list[tuple[str, dict[str, Any], Any]]] = {
    AdaBoostClassifier: [
        (
            "estimator=model",
            {"estimator": GradientBoostingClassifier(n_estimators=2, init=LogisticRegression())},
            NUMBERS,
        )
    ],
    IsolationForest: [("max_samples=1", {"max_samples": 1}, NUMBERS)],
    KNeighborsClassifier: [('metric="chebyshev"', {"metric": "chebyshev"}, NUMBERS)],
    KNeighborsRegressor: [("weights=function", {"weights": _own_function}, NUMBERS)],
    FeatureAgglomeration: [("pooling_func=numpy.max", {"pooling_func": np.max}, NUMBERS)],
    NMF: [('solver="mu"', {"solver": "mu", "n_components": 2}, NUMBERS)],
    SVC: [("kernel=function", {"kernel": _own_kernel}, NUMBERS)],
    SVR: [("kernel=function", {"kernel": _own_kernel}, NUMBERS)],
    CountVectorizer: [("dtype=int8", {"dtype": np.int8}, TEXTS)],
    DictVectorizer: [("dtype=float32", {"dtype": np.float32}, DICTS)],
    FunctionTransformer: [
        ("func=function", {"func": _own_function}, NUMBERS),
        ("kw_args", {"func": np.exp, "kw_args": {"where": True}}, NUMBERS),
        ("validate=True, func=None", {"validate": True}, NUMBERS),
    ],
    GradientBoostingClassifier: [("init=model", {"init": LogisticRegression()}, NUMBERS)],
    GradientBoostingRegressor: [("init=model", {"init": LinearRegression()}, NUMBERS)],
    HashingVectorizer: [("dtype=int64", {"dtype": np.int64}, TEXTS)],
    KBinsDiscretizer: [("dtype=float32", {"dtype": np.float32}, NUMBERS)],
    LGBMClassifier: [("linear_tree=True", {**_FEW_TREES, "linear_tree": True}, NUMBERS)],
    LGBMRegressor: [("linear_tree=True", {**_FEW_TREES, "linear_tree": True}, NUMBERS)],
    MissingIndicator: [("missing_values=None", {"missing_values": None}, WORDS)],
    OneHotEncoder: [("categories that are dates", {}, NUMBERS.astype("datetime64[D]"))],
    OrdinalEncoder: [("dtype=object", {"dtype": object}, NUMBERS)],
    PolynomialFeatures: [("degree=20", {"degree": 20}, NUMBERS)],
    SimpleImputer: [
        (
            "add_indicator=True, with texts",
            {"strategy": "most_frequent", "missing_values": None, "add_indicator": True},
            WORDS,
        )
    ],
    SplineTransformer: [
        ('degree=1, extrapolation="linear"', {"degree": 1, "extrapolation": "linear"}, NUMBERS),
    ],
    TableLookup: [
        ("columns that are not of numbers", {"table": {"a": ["x"]}, "default": ""}, KEYS)
    ],
    TfidfVectorizer: [("dtype=int8", {"dtype": np.int8}, TEXTS)],
}
"""Options with which a class runs as it is: as they are written, as they are made, and the data."""

if find_spec("xgboost") is not None:
    from xgboost import XGBClassifier, XGBRanker, XGBRegressor, XGBRFClassifier, XGBRFRegressor

    for _kind in (XGBClassifier, XGBRanker, XGBRegressor, XGBRFClassifier, XGBRFRegressor):
        EXAMPLES[_kind] = partial(_kind, n_estimators=3, n_jobs=1)
    FALLBACKS[XGBClassifier] = [
        ('booster="gblinear"', {"booster": "gblinear"}, NUMBERS),
        ('objective="binary:hinge"', {"objective": "binary:hinge"}, NUMBERS),
    ]
    FALLBACKS[XGBRegressor] = [('booster="gblinear"', {"booster": "gblinear"}, NUMBERS)]

if find_spec("catboost") is not None:
    from catboost import CatBoostClassifier, CatBoostRanker, CatBoostRegressor

    _FEW_OBLIVIOUS = {"n_estimators": 3, "verbose": 0, "allow_writing_files": False}
    for _kind in (CatBoostClassifier, CatBoostRanker, CatBoostRegressor):
        EXAMPLES[_kind] = partial(_kind, **_FEW_OBLIVIOUS)
    FALLBACKS[CatBoostClassifier] = [
        ("cat_features", {**_FEW_OBLIVIOUS, "cat_features": [0]}, NUMBERS.astype(int))
    ]


if find_spec("imblearn") is not None:
    from imblearn.ensemble import (
        BalancedBaggingClassifier,
        BalancedRandomForestClassifier,
        RUSBoostClassifier,
    )

    _REPLACED = {"sampling_strategy": "all", "replacement": True}
    EXAMPLES |= {
        BalancedBaggingClassifier: lambda: BalancedBaggingClassifier(
            n_estimators=3, random_state=0
        ),
        BalancedRandomForestClassifier: lambda: BalancedRandomForestClassifier(
            n_estimators=3, random_state=0, **_REPLACED
        ),
        RUSBoostClassifier: lambda: RUSBoostClassifier(n_estimators=3, random_state=0),
    }

if find_spec("category_encoders") is not None:
    from category_encoders import CountEncoder

    FALLBACKS[CountEncoder] = [("min_group_size=2", {"min_group_size": 2}, WORDS)]


def make(kind: type) -> Any:
    """Return an estimator of a class, not fitted."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # a class that scikit-learn will remove
        return EXAMPLES.get(kind, kind)()


def data_of(estimator: Any) -> Any:
    """Return the rows that an estimator is fitted on: numbers, keys, texts, or mappings."""
    if type(estimator) is TableLookup:
        return KEYS
    if _is_of(type(estimator), "category_encoders"):
        return WORDS
    takes = get_tags(estimator).input_tags
    if takes.dict:
        return DICTS
    return NUMBERS if takes.two_d_array else TEXTS


def fit(estimator: Any, X: Any) -> Any:
    """Fit an estimator on rows in any form."""
    params: dict[str, Any] = {}
    if type(estimator).__name__ == "CatBoostRanker":
        params = {"group_id": np.arange(N_ROWS) // (N_ROWS // 2)}
    elif type(estimator).__name__.endswith("Ranker"):
        params = {"group": [N_ROWS // 2] * 2}
    y = LABELS
    if type(estimator).__name__.startswith("MultiTask"):
        y = np.column_stack((LABELS, 1.5 * LABELS))
    elif type(estimator).__name__ == "GammaRegressor":
        y = 1.0 + LABELS
    with warnings.catch_warnings():
        # What fits on so few rows warn of is not of interest here.
        warnings.simplefilter("ignore")
        return estimator.fit(X, y, **params)


def _with_holes(X: np.ndarray) -> np.ndarray:
    X = X.copy()
    X[::7, 1] = np.nan
    return X


def _columns(X: np.ndarray) -> dict[str, list]:
    """Return the columns of numbers or words by name; numbers of several dtypes, as frames have."""
    columns = {f"c{i}": column.tolist() for i, column in enumerate(X.T)}
    if X.dtype.kind == "f" and not np.isnan(X[:, 0]).any():
        columns["c0"] = X[:, 0].astype(int).tolist()
    return columns


def _frame(X: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame(_columns(X))


def _polars_frame(X: np.ndarray) -> pl.DataFrame:
    return pl.DataFrame(_columns(X))


TABLES: dict[str, Callable[[np.ndarray], Any]] = {
    "array": np.asarray,
    "array by columns": np.asfortranarray,
    "pandas": _frame,
    "polars": _polars_frame,
}
NUMERIC = {
    "float32": lambda X: X.astype(np.float32),
    "integers": lambda X: X.astype(np.int64),
    "list": lambda X: X.tolist(),
}
SPARSE = {
    "csr": sparse.csr_matrix,
    "csc": sparse.csc_matrix,
    "csr array": sparse.csr_array,
}
HOLES = {
    "holes": _with_holes,
    "holes, pandas": lambda X: _frame(_with_holes(X)),
    "holes, polars": lambda X: _polars_frame(_with_holes(X)),
}
TEXT = {
    "list": list,
    "array": lambda X: np.array(X, dtype=object),
    "pandas": lambda X: pd.Series(X),
    "polars": lambda X: pl.Series(X),
}
MAPPINGS: dict[str, Callable[[Any], Any]] = {
    "list": list,
    "array": lambda X: np.array(X, dtype=object),
}
CATEGORIES = {
    "words": lambda X: WORDS[: len(X)],
    "words, pandas": lambda X: _frame(WORDS[: len(X)]),
    "words, polars": lambda X: _polars_frame(WORDS[: len(X)]),
    "categories": lambda X: _frame(WORDS[: len(X)]).astype("category"),
}


_POLARS_SINCE = {"catboost": (1, 2, 9), "xgboost": (3, 0, 0)}
"""Releases of libraries before which they do not know data frames of polars."""


def _is_of(kind: type, library: str) -> bool:
    return kind.__module__.partition(".")[0] == library


def _knows_polars(kind: type) -> bool:
    library = kind.__module__.partition(".")[0]
    since = _POLARS_SINCE.get(library)
    return since is None or tuple(map(int, version(library).split(".")[:3])) >= since


def forms_of(kind: type) -> dict[str, Callable[[Any], Any]]:
    """Return the forms of data that a class takes, as functions of `data_of`, by name."""
    takes = get_tags(make(kind)).input_tags
    if takes.dict:
        return MAPPINGS
    if not takes.two_d_array:
        return TEXT
    if kind is TableLookup:
        return TABLES
    if _is_of(kind, "category_encoders"):
        return {name: form for name, form in TABLES.items() if name != "polars"}
    forms = TABLES | NUMERIC
    if takes.sparse:
        forms = forms | SPARSE
    if _is_of(kind, "catboost"):
        forms.pop("csr array", None)  # CatBoost takes sparse matrices of the older kind alone
    if takes.allow_nan:
        forms = forms | HOLES
    if takes.categorical and not _is_of(kind, "catboost"):  # which has to be told where they are
        forms = forms | CATEGORIES
    if not _knows_polars(kind):
        forms = {name: form for name, form in forms.items() if "polars" not in name}
    return forms
