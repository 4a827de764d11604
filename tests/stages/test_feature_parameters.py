"""What parameters say of all features is said anew for some of them, or the model is not made."""

import inspect
import re
from functools import partial

import lightgbm
import numpy as np
import pandas as pd
import pytest
from lightgbm import LGBMClassifier, LGBMRegressor
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, make_column_transformer
from sklearn.decomposition import NMF, PCA, TruncatedSVD
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    StackingClassifier,
)
from sklearn.feature_selection import SelectKBest, SequentialFeatureSelector, VarianceThreshold
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, WhiteKernel
from sklearn.impute import SimpleImputer
from sklearn.linear_model import Lasso, LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import CategoricalNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    KBinsDiscretizer,
    OneHotEncoder,
    SplineTransformer,
    StandardScaler,
)
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils import all_estimators

from skwillump.stages._feature_parameters import (
    ANY_SKLEARN,
    FIT,
    LIBRARIES,
    SKLEARN,
    parameters_on_features,
    translate_chain,
    translate_fit_params,
)
from skwillump.stages._feature_subsets import FeatureSubset, NotTranslatable

LEFT = FeatureSubset((1, 3, 4), 5)
MASK = [True, False, True, True, False]
NAMED = FeatureSubset((1, 3, 4), 5, ("a", "b", "c", "d", "e"))


def translated(estimator, subset=LEFT, name="model"):
    estimator = clone(estimator)
    translate_chain([(name, estimator, None)], subset)
    return estimator


@pytest.mark.parametrize(
    ("kind", "said", "expected"),
    [
        (LGBMClassifier, {"monotone_constraints": [0, 1, 0, -1, 0]}, [1, -1, 0]),
        (LGBMClassifier, {"mc": (0, 1, 0, -1, 0)}, (1, -1, 0)),
        (LGBMRegressor, {"monotone_constraint": "0,1,0,-1,0"}, "1,-1,0"),
        (LGBMRegressor, {"feature_penalty": [0.1, 0.2, 0.3, 0.4, 0.5]}, [0.2, 0.4, 0.5]),
        (LGBMRegressor, {"cegb_penalty_feature_lazy": [1, 2, 3, 4, 5]}, [2, 4, 5]),
        (LGBMRegressor, {"max_bin_by_feature": [9, 8, 7, 6, 5]}, [8, 6, 5]),
        (LGBMRegressor, {"interaction_constraints": [[0, 1], [2], [3, 4]]}, [[0], [1, 2]]),
        (LGBMRegressor, {"interaction_constraints": "[0,1],[2],[3,4]"}, [[0], [1, 2]]),
        (LGBMRegressor, {"categorical_feature": [0, 3]}, [1]),
        (LGBMRegressor, {"cat_column": "0,3,4"}, "1,2"),
        (LGBMRegressor, {"monotone_constraints": None}, None),
        (HistGradientBoostingClassifier, {"monotonic_cst": [0, 1, 0, -1, 0]}, [1, -1, 0]),
        (HistGradientBoostingClassifier, {"interaction_cst": [{0, 1}, (3, 4)]}, [[0], [1, 2]]),
        (HistGradientBoostingClassifier, {"interaction_cst": [{0, 2}]}, None),
        (HistGradientBoostingClassifier, {"interaction_cst": "pairwise"}, "pairwise"),
        (HistGradientBoostingClassifier, {"categorical_features": [0, 3]}, [1]),
        (HistGradientBoostingClassifier, {"categorical_features": [-1]}, [2]),
        (HistGradientBoostingClassifier, {"categorical_features": MASK}, [False, True, False]),
        (HistGradientBoostingClassifier, {"categorical_features": "from_dtype"}, "from_dtype"),
        (DecisionTreeClassifier, {"monotonic_cst": [0, 1, 0, -1, 0]}, [1, -1, 0]),
        (RandomForestClassifier, {"max_features": 4}, 3),
        (RandomForestClassifier, {"max_features": 2}, 2),
        (RandomForestClassifier, {"max_features": "sqrt"}, "sqrt"),
        (BaggingClassifier, {"max_features": 4}, 3),
        (PCA, {"n_components": 4}, 3),
        (PCA, {"n_components": 0.9}, 0.9),
        (TruncatedSVD, {"n_components": 2}, 2),
        (NMF, {"n_components": 4}, 4),
        (SelectKBest, {"k": 4}, 3),
        (SelectKBest, {"k": "all"}, "all"),
        (partial(SequentialFeatureSelector, Lasso()), {"n_features_to_select": 4}, 2),
        (CategoricalNB, {"min_categories": [5, 4, 3, 2, 1]}, [4, 2, 1]),
        (CategoricalNB, {"min_categories": 3}, 3),
        (OneHotEncoder, {"categories": [[0], [1], [2], [3], [4]]}, [[1], [3], [4]]),
        (KBinsDiscretizer, {"n_bins": [2, 3, 4, 5, 6]}, [3, 5, 6]),
    ],
    ids=lambda value: str(value)[:60],
)
def test_parameters_are_those_of_the_columns_that_are_left(kind, said, expected):
    (parameter,) = said
    assert translated(kind(**said)).get_params()[parameter] == expected


def test_arrays_are_those_of_the_columns_that_are_left():
    columns = [1, 3, 4]
    array = np.arange(25.0).reshape(5, 5)
    assert_array_equal(
        translated(Lasso(precompute=array)).precompute, array[np.ix_(columns, columns)]
    )
    spline = SplineTransformer(knots=array)
    assert_array_equal(translated(spline).knots, array[:, columns])
    nearest = KNeighborsClassifier(metric="seuclidean", metric_params={"V": array[0]})
    assert_array_equal(translated(nearest).metric_params["V"], array[0, columns])
    kernel = RBF(length_scale=[1.0, 2.0, 3.0, 4.0, 5.0]) + WhiteKernel()
    process = translated(GaussianProcessRegressor(kernel))
    assert_array_equal(process.kernel.k1.length_scale, [2, 4, 5])


@pytest.mark.parametrize(
    ("kind", "said", "expected"),
    [
        (HistGradientBoostingClassifier, {"monotonic_cst": {"a": 1, "d": -1}}, {"d": -1}),
        (HistGradientBoostingClassifier, {"categorical_features": ["a", "d"]}, ["d"]),
        (LGBMClassifier, {"categorical_feature": "name:a,d,e"}, "name:d,e"),
    ],
    ids=["constraints", "categories", "text"],
)
def test_names_of_columns_that_are_left_stay(kind, said, expected):
    (parameter,) = said
    assert translated(kind(**said), NAMED).get_params()[parameter] == expected


@pytest.mark.parametrize(
    ("kind", "said", "reason"),
    [
        (
            LGBMClassifier,
            {"forcedsplits_filename": "x.json"},
            "model__forcedsplits_filename is for",
        ),
        (LGBMClassifier, {"fs": "splits.json"}, "model__fs is for all features"),
        (LGBMClassifier, {"interaction_constraints": [[0, 2]]}, "none of which is left"),
        (LGBMClassifier, {"monotone_constraints": [1, 0]}, "has 2 elements for 5 features"),
        (HistGradientBoostingClassifier, {"categorical_features": ["a"]}, "which have no names"),
        (partial(SequentialFeatureSelector, Lasso()), {"n_features_to_select": 1}, "there is one"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_what_has_no_meaning_for_some_columns_is_not_made(kind, said, reason):
    subset = FeatureSubset((1,), 5) if reason == "there is one" else LEFT
    with pytest.raises(NotTranslatable, match=reason):
        translated(kind(**said), subset)


def test_estimators_inside_others_are_translated_too():
    boosted = LGBMClassifier(monotone_constraints=[0, 1, 0, -1, 0])
    for outer, path in (
        (CalibratedClassifierCV(boosted), "estimator"),
        (AdaBoostClassifier(boosted), "estimator"),
        (make_pipeline(StandardScaler(), boosted), "lgbmclassifier"),
        (StackingClassifier([("one", boosted)], final_estimator=LogisticRegression()), "one"),
    ):
        assert translated(outer).get_params()[f"{path}__monotone_constraints"] == [1, -1, 0]
    # It sees predictions.
    stacked = StackingClassifier([("one", LogisticRegression())], final_estimator=boosted)
    kept = translated(stacked).final_estimator.get_params()["monotone_constraints"]
    assert kept == [0, 1, 0, -1, 0]


def test_the_values_that_a_search_tries_are_translated():
    grid = {"monotone_constraints": [None, [0, 1, 0, -1, 0]], "n_estimators": [10, 20]}
    search = translated(GridSearchCV(LGBMClassifier(), grid))
    assert search.param_grid == {
        "monotone_constraints": [None, [1, -1, 0]],
        "n_estimators": [10, 20],
    }
    nested = GridSearchCV(
        make_pipeline(StandardScaler(), LGBMClassifier()),
        [{"lgbmclassifier__monotone_constraints": [[0, 1, 0, -1, 0]]}],
    )
    assert translated(nested).param_grid == [{"lgbmclassifier__monotone_constraints": [[1, -1, 0]]}]


@pytest.mark.parametrize(
    ("selected", "expected"),
    [
        ([0, 3], [1]),
        (slice(1, 4), [0, 1]),
        ([False, True, False, True, False], [True, True, False]),
        ([0, 2], []),
        (3, 1),
        ([-1], [2]),
    ],
)
def test_a_column_transformer_behind_the_blocks_gives_the_columns_that_are_left(selected, expected):
    columns = make_column_transformer((StandardScaler(), selected), remainder="passthrough")
    assert translated(columns).transformers[0][2] == expected


def test_columns_of_a_column_transformer_may_be_named():
    columns = make_column_transformer((StandardScaler(), ["a", "d"]), (PCA(3), slice("b", "d")))
    (_, _, first), (_, reduced, second) = translated(columns, NAMED).transformers
    assert (first, second) == (["d"], [0, 1])
    assert reduced.n_components == 2


def test_steps_that_keep_their_columns_are_seen_through():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(50, 5))
    X[:, 3] = 1.0
    boosted = LGBMClassifier(monotone_constraints=[0, 1, 0, -1, 0])
    imputer = SimpleImputer().fit(X)
    for step in (StandardScaler(), imputer, FunctionTransformer(), FunctionTransformer(np.log1p)):
        model = clone(boosted)
        translate_chain([("first", clone(step), step), ("model", model, None)], LEFT)
        assert model.get_params()["monotone_constraints"] == [1, -1, 0]
    constant = VarianceThreshold().fit(X)
    model = LGBMClassifier(monotone_constraints=[0, 1, 0, -1])
    translate_chain([("first", clone(constant), constant), ("model", model, None)], LEFT)
    assert model.get_params()["monotone_constraints"] == [1, -1]


@pytest.mark.parametrize(
    "step", [PCA(2), SelectKBest(k=2), FunctionTransformer(lambda X: X[:, ::2])]
)
def test_behind_steps_that_make_other_columns_positions_have_no_meaning(step):
    steps = [("first", clone(step), step), ("model", RandomForestClassifier(max_features=4), None)]
    translate_chain(steps, LEFT)  # a number of columns, of which it is not known how many there are
    assert steps[1][1].max_features == 4
    model = LGBMClassifier(monotone_constraints=[0, 1])
    with pytest.raises(NotTranslatable, match="model__monotone_constraints refers to"):
        translate_chain([("first", clone(step), step), ("model", model, None)], LEFT)


def test_parameters_of_fit_are_translated():
    rows, frame = np.arange(10.0).reshape(2, 5), pd.DataFrame(np.ones((2, 5)), columns=[*"abcde"])
    said = translate_fit_params(
        {
            "coef_init": np.arange(5.0)[None],
            "eval_set": [(rows, [0, 1]), (frame, [0, 1])],
            "feature_name": [*"abcde"],
            "categorical_feature": [0, 3],
            "sample_weight": [1.0, 2.0],
        },
        {"": NAMED},
    )
    assert said["coef_init"].tolist() == [[1, 3, 4]]
    assert said["eval_set"][0][0].tolist() == [[1, 3, 4], [6, 8, 9]]
    assert list(said["eval_set"][1][0].columns) == ["b", "d", "e"]
    assert said["feature_name"] == ["b", "d", "e"]
    assert said["categorical_feature"] == [1]
    assert said["sample_weight"] == [1.0, 2.0]
    with pytest.raises(NotTranslatable, match="clf__eval_set holds rows of 4 features"):
        translate_fit_params({"clf__eval_set": [(rows[:, :4], [0, 1])]}, {"clf": LEFT})
    with pytest.raises(NotTranslatable, match="init_model is for all features"):
        translate_fit_params({"init_model": "model.txt"}, {"": LEFT})


def test_subclasses_have_the_parameters_of_their_parents():
    class Own(LGBMClassifier):
        pass

    assert parameters_on_features(Own()).keys() >= LIBRARIES["lightgbm"].keys()
    assert "k" not in parameters_on_features(Own())


# Signatures ---------------------------------------------------------------------------------------

ABOUT_FEATURES = re.compile(
    "feature|column|_cst|categor|n_components|knots|dict_init|coef_init|connectivity|metric_params|"
    "precompute|min_value|max_value|V_init|noise_variance_init|^k$|^param$|n_bins|^drop$|^Xy$|X_val"
)
"""Names of parameters that may refer to features."""

SAY_NOTHING_OF_SINGLE_FEATURES = {
    # Names and numbers of features that an estimator makes, not of those that it takes.
    *("feature_name_combiner", "feature_names_out", "verbose_feature_names_out", "feature_range"),
    # Of each feature alike.
    "n_knots",
    *("keep_empty_features", "bootstrap_features", "max_categories", "n_features"),
    # Of a missing indicator: all features, or those with missing values.
    "features",
}

MAKE_COMPONENTS = {
    # As many components as are asked for, whatever the number of features.
    *("BernoulliRBM", "DictionaryLearning", "GaussianRandomProjection", "Isomap", "KernelPCA"),
    *("LatentDirichletAllocation", "LocallyLinearEmbedding", "MiniBatchDictionaryLearning"),
    *("MiniBatchNMF", "NMF", "Nystroem", "PolynomialCountSketch", "RBFSampler"),
    *("SkewedChi2Sampler", "SparseRandomProjection", "MDS", "SpectralEmbedding", "TSNE"),
    *("SpectralClustering", "SpectralBiclustering", "SpectralCoclustering", "ClassicalMDS"),
    *("BayesianGaussianMixture", "GaussianMixture"),
}


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_every_parameter_of_scikit_learn_that_may_refer_to_features_is_read():
    unread = []
    for name, kind in all_estimators():
        constructed = [
            (parameter, {**ANY_SKLEARN, **SKLEARN.get(name, {})})
            for parameter in inspect.signature(kind.__init__).parameters
        ]
        fitted = (
            [(p, FIT) for p in inspect.signature(kind.fit).parameters]
            if hasattr(kind, "fit")
            else []
        )
        for parameter, table in constructed + fitted:
            if parameter in table or parameter in SAY_NOTHING_OF_SINGLE_FEATURES:
                continue
            if parameter == "n_components" and name in MAKE_COMPONENTS:
                continue
            if ABOUT_FEATURES.search(parameter):
                unread.append(f"{name}.{parameter}")
    assert not unread


def test_every_parameter_of_lightgbm_that_may_refer_to_features_is_read():
    aliases = lightgbm.basic._ConfigAliases._get_all_param_aliases()
    about = re.compile("feature|column|constraint|forced|bin_by|cegb_penalty_f")
    nothing = {
        # Shares of features, drawn at random.
        *("feature_fraction", "feature_fraction_bynode", "feature_fraction_seed"),
        # How, not of which.
        *("monotone_constraints_method", "feature_pre_filter", "saved_feature_importance_type"),
        # Of files that LightGBM reads itself.
        *("label_column", "weight_column", "group_column"),
    }
    about_features = {name for name in aliases if about.search(name)} - nothing
    read = LIBRARIES["lightgbm"].keys()
    assert {alias for name in about_features for alias in (name, *aliases[name])} <= read
    fitted = {p for p in inspect.signature(LGBMClassifier.fit).parameters if about.search(p)}
    assert fitted <= FIT.keys()


def test_a_column_transformer_has_no_other_parameter_on_columns():
    assert {p for p in inspect.signature(ColumnTransformer).parameters if "column" in p} == set()
