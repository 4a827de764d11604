"""Parameters that refer to the joined features, and what they are for a model on some of them.

A clone of the steps after the blocks that is fitted on some blocks keeps the parameters of the full
model. Some of these are said of all joined features: constraints by position, one element for each
column, a number of components. They are read off tables, by library and type; parameters of nested
estimators are read in the same way. What has no meaning for some of the features raises
`NotTranslatable`, and the model is not made: taken as they are, such parameters would mean other
columns, and LightGBM ends the process for some of them.

The tables are made from the signatures of scikit-learn's and LightGBM's estimators (LightGBM's
aliases among them), and those of XGBoost and CatBoost.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.base import OneToOneFeatureMixin
from sklearn.compose import ColumnTransformer
from sklearn.feature_selection import VarianceThreshold
from sklearn.impute import KNNImputer, SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer

from .._compat import library_of
from .._composites import is_dropped, is_passthrough, parameter_path
from ._feature_subsets import (
    FeatureSubset,
    NotTranslatable,
    Translator,
    at_most,
    evaluation_sets,
    fewer_than,
    groups,
    groups_or_rest,
    metric_parameters,
    never,
    on_both_axes,
    on_last_axis,
    pair_per_feature,
    per_feature,
    rows_of_features,
    which,
)

Table = Mapping[str, Translator]
"""What parameters say of features, by name."""

ANY_SKLEARN: Table = {
    "categorical_features": which,
    "connectivity": on_both_axes,
    "interaction_cst": groups_or_rest,
    "max_features": at_most,
    "metric_params": metric_parameters,
    "monotonic_cst": per_feature,
    "precompute": on_both_axes,
}
"""Parameters that mean the same in each of scikit-learn's estimators that has them."""

SKLEARN: Mapping[str, Table] = {
    "CategoricalNB": {"min_categories": per_feature},
    "DictionaryLearning": {"dict_init": on_last_axis},
    "FactorAnalysis": {"n_components": at_most, "noise_variance_init": per_feature},
    "FastICA": {"n_components": at_most},
    "FeatureAgglomeration": {"n_clusters": at_most},
    "GenericUnivariateSelect": {"param": at_most},
    "IncrementalPCA": {"n_components": at_most},
    "IterativeImputer": {
        "max_value": per_feature,
        "min_value": per_feature,
        "n_nearest_features": at_most,
    },
    "KBinsDiscretizer": {"n_bins": per_feature},
    "KMeans": {"init": on_last_axis},
    "BisectingKMeans": {"init": on_last_axis},
    "LinearDiscriminantAnalysis": {"n_components": at_most},
    "MiniBatchDictionaryLearning": {"dict_init": on_last_axis},
    "MiniBatchKMeans": {"init": on_last_axis},
    "MiniBatchSparsePCA": {"n_components": at_most},
    "NeighborhoodComponentsAnalysis": {"init": on_last_axis, "n_components": at_most},
    "OneHotEncoder": {"categories": per_feature, "drop": per_feature},
    "OrdinalEncoder": {"categories": per_feature},
    "OrthogonalMatchingPursuit": {"n_nonzero_coefs": at_most},
    "OrthogonalMatchingPursuitCV": {"max_iter": at_most},
    "PCA": {"n_components": at_most},
    "PLSCanonical": {"n_components": at_most},
    "PLSRegression": {"n_components": at_most},
    "PLSSVD": {"n_components": at_most},
    "CCA": {"n_components": at_most},
    "RFE": {"n_features_to_select": at_most},
    "RFECV": {"min_features_to_select": at_most},
    "SelectKBest": {"k": at_most},
    "SequentialFeatureSelector": {"n_features_to_select": fewer_than},
    "SparseCoder": {"dictionary": on_last_axis},
    "SparsePCA": {"n_components": at_most, "V_init": on_last_axis},
    "SplineTransformer": {"knots": on_last_axis},
    "TargetEncoder": {"categories": per_feature},
    "TruncatedSVD": {"n_components": at_most},
    # Kernels of Gaussian processes.
    "RBF": {"length_scale": per_feature, "length_scale_bounds": pair_per_feature},
    "Matern": {"length_scale": per_feature, "length_scale_bounds": pair_per_feature},
}
"""And those of single types, whose subclasses have them too."""

_LIGHTGBM: dict[tuple[str, ...], Translator] = {
    ("monotone_constraints", "mc", "monotone_constraint", "monotonic_cst"): per_feature,
    ("feature_contri", "feature_contrib", "fc", "fp", "feature_penalty"): per_feature,
    ("cegb_penalty_feature_lazy",): per_feature,
    ("cegb_penalty_feature_coupled",): per_feature,
    ("max_bin_by_feature",): per_feature,
    ("interaction_constraints",): groups,
    (
        "categorical_feature",
        "cat_feature",
        "categorical_column",
        "cat_column",
        "categorical_features",
    ): which,
    ("ignore_column", "ignore_feature", "blacklist"): which,
    (
        "forcedsplits_filename",
        "fs",
        "forced_splits_filename",
        "forced_splits_file",
        "forced_splits",
    ): never,
    ("forcedbins_filename",): never,
}

LIBRARIES: Mapping[str, Table] = {
    "lightgbm": {name: how for names, how in _LIGHTGBM.items() for name in names},
    "xgboost": {
        "monotone_constraints": per_feature,
        "interaction_constraints": groups,
        "feature_types": per_feature,
        "feature_weights": per_feature,
    },
    "catboost": {
        "cat_features": which,
        "text_features": which,
        "embedding_features": which,
        "ignored_features": which,
        "monotone_constraints": per_feature,
        "feature_weights": per_feature,
        "first_feature_use_penalties": per_feature,
        "per_object_feature_penalties": per_feature,
        "per_float_feature_quantization": never,
        "input_borders": never,
    },
}
"""Parameters of other libraries' estimators."""

FIT: Table = {
    "Xy": per_feature,
    "X_val": rows_of_features,
    "cat_features": which,
    "categorical_feature": which,
    "coef_init": on_last_axis,
    "embedding_features": which,
    "eval_X": rows_of_features,
    "eval_set": evaluation_sets,
    "feature_name": per_feature,
    "feature_weights": per_feature,
    "init_model": never,
    "text_features": which,
    "xgb_model": never,
}
"""Parameters of `fit`, of any library."""

NOT_BY_ROW = frozenset(
    {
        *FIT,
        "callbacks",
        "classes",
        "eval_class_weight",
        "eval_group",
        "eval_init_score",
        "eval_metric",
        "eval_names",
        "eval_qid",
        "eval_sample_weight",
        "eval_y",
        "base_margin_eval_set",
        "intercept_init",
        "sample_weight_eval_set",
        "sample_weight_val",
        "y_val",
    }
)
"""Parameters of `fit` that never hold a value for each row of X, whatever their length."""

NOT_ON_FEATURES = frozenset({"final_estimator", "transformer", "covariance_estimator"})
"""Nested estimators that see something else than the features."""


def parameters_on_features(estimator: Any) -> Table:
    """What the parameters of an estimator say of features, by name."""
    table: dict[str, Translator] = {}
    for parent in reversed(type(estimator).__mro__):
        library = library_of(parent)
        if library == "sklearn":
            table |= {**ANY_SKLEARN, **SKLEARN.get(parent.__name__, {})}
        else:
            table |= LIBRARIES.get(library, {})
    return table


def translate_chain(
    steps: list[tuple[str, Any, Any]], subset: FeatureSubset | None
) -> list[FeatureSubset | None]:
    """Translate the parameters of steps that run one after the other, in place.

    Parameters
    ----------
    steps : list of (str, estimator, estimator or None)
        Name of each, its clone to be fitted on some features, and the one that was fitted on all.
    subset : FeatureSubset or None
        The features that are left; None where it is not known which.

    Returns
    -------
    list of (FeatureSubset or None)
        What each step takes, and what the last one returns.

    Raises
    ------
    NotTranslatable
        If a parameter has no meaning for these features.
    """
    taken = [subset]
    for name, step, fitted in steps:
        if is_passthrough(step):
            taken.append(taken[-1])
            continue
        _translate(step, taken[-1], name, fitted)
        taken.append(_returned(step, taken[-1], fitted))
    return taken


def translate_fit_params(
    params: Mapping[str, Any], subsets: Mapping[str, FeatureSubset | None]
) -> dict[str, Any]:
    """Parameters of `fit` for some features.

    Parameters
    ----------
    params : mapping of str to object
        Under their full names.
    subsets : mapping of str to (FeatureSubset or None)
        What a step takes, by the name that its parameters start with; ``""`` for others.

    Raises
    ------
    NotTranslatable
        If a parameter has no meaning for these features.
    """
    translated = {}
    for key, value in params.items():
        path, _, name = key.rpartition("__")
        subset = subsets.get(path.partition("__")[0], subsets.get(""))
        translated[key] = _said(FIT[name], key, value, subset) if name in FIT else value
    return translated


def _translate(estimator: Any, subset: FeatureSubset | None, path: str, fitted: Any) -> None:
    """Translate the parameters of an estimator and of those nested in it, in place."""
    if isinstance(estimator, Pipeline):
        of_full = dict(fitted.steps) if isinstance(fitted, Pipeline) else {}
        translate_chain([(n, step, of_full.get(n)) for n, step in estimator.steps], subset)
        return
    if isinstance(estimator, ColumnTransformer):
        _translate_columns(estimator, subset, path, fitted)
        return
    table, changed = parameters_on_features(estimator), {}
    for name, value in estimator.get_params(deep=False).items():
        if name in table:
            said = _said(table[name], parameter_path(path, name), value, subset)
            if said is not value:
                changed[name] = said
        elif name in ("param_grid", "param_distributions"):
            changed[name] = _translated_grid(estimator, value, subset)
        elif name not in NOT_ON_FEATURES:
            for nested in _estimators_in(value):
                _translate(nested, subset, path, None)
    if changed:
        estimator.set_params(**changed)


def _said(how: Translator, name: str, value: Any, subset: FeatureSubset | None) -> Any:
    try:
        return how(value, subset)
    except NotTranslatable as error:
        raise NotTranslatable(f"{name} {error}") from error


def _estimators_in(value: Any) -> list[Any]:
    """Estimators, or kernels, that a value is or lists."""
    if hasattr(value, "get_params") and not isinstance(value, type):
        return [value]
    if isinstance(value, list | tuple):
        return [nested for item in value for nested in _estimators_in(item)]
    return []


def _translated_grid(search: Any, grid: Any, subset: FeatureSubset | None) -> Any:
    """The values that a search tries, translated."""
    if isinstance(grid, list | tuple):
        return [_translated_grid(search, one, subset) for one in grid]
    if not isinstance(grid, Mapping):
        return grid
    known = search.estimator.get_params()
    translated = {}
    for key, values in grid.items():
        path, _, name = key.rpartition("__")
        table = parameters_on_features(known.get(path, search.estimator))
        if name in table and isinstance(values, list | tuple | np.ndarray):
            values = [_said(table[name], key, value, subset) for value in values]
        translated[key] = values
    return translated


# Column transformers behind the blocks


def _translate_columns(
    columns: ColumnTransformer, subset: FeatureSubset | None, path: str, fitted: Any
) -> None:
    """Translate which columns a column transformer gives to its transformers, and these."""
    translated = []
    for name, transformer, selected in columns.transformers:
        if callable(selected):
            # It selects by what it sees, such as dtypes.
            translated.append((name, transformer, selected))
            continue
        left = _said(_selected, f"{path}: columns of {name!r}", selected, subset)
        if not (is_dropped(transformer) or is_passthrough(transformer)):
            for nested in _estimators_in(transformer):
                below = None if subset is None else subset.of(_positions(selected, subset))
                _translate(nested, below, f"{path}__{name}", None)
        translated.append((name, transformer, left))
    columns.set_params(transformers=translated)


def _selected(value: Any, subset: FeatureSubset | None) -> Any:
    """Columns that are selected, by place, name, mask or slice."""
    if subset is None:
        return which(list(np.atleast_1d(value)), subset)
    if isinstance(value, str) or (np.ndim(value) == 0 and not isinstance(value, slice)):
        # A single column is given as one dimension.
        kept = which([value], subset)
        return kept[0] if kept else []
    if isinstance(value, slice):
        return which(_positions(value, subset), subset)
    return which(list(value), subset)


def _positions(selected: Any, subset: FeatureSubset) -> list[int]:
    """Places among all features of what a column transformer selects."""
    names = [] if subset.names is None else list(subset.names)
    if isinstance(selected, slice):
        start, stop = selected.start, selected.stop
        if isinstance(start, str) or isinstance(stop, str):
            first = 0 if start is None else names.index(start)
            last = len(names) if stop is None else names.index(stop) + 1
            return list(range(subset.n_features))[first : last : selected.step]
        return list(range(subset.n_features))[selected]
    keys = [selected] if np.ndim(selected) == 0 else list(selected)
    if keys and all(isinstance(key, bool | np.bool_) for key in keys):
        return np.flatnonzero(keys).tolist()
    return [names.index(k) if isinstance(k, str) else range(subset.n_features)[k] for k in keys]


# What a step makes of its features


def _returned(step: Any, subset: FeatureSubset | None, fitted: Any) -> FeatureSubset | None:
    """The features that are left behind a step; None where it makes others."""
    if subset is None or _keeps_features(step, fitted):
        return subset
    if isinstance(step, VarianceThreshold) and hasattr(fitted, "variances_"):
        # Each feature is judged on its own.
        return subset.of(np.flatnonzero(fitted.get_support()).tolist())
    return None


def _keeps_features(step: Any, fitted: Any) -> bool:
    """Whether a step returns its features one for one, in their order."""
    if isinstance(step, FunctionTransformer):
        return step.func is None or isinstance(step.func, np.ufunc)
    if isinstance(step, SimpleImputer | KNNImputer) and not step.add_indicator:
        # Features without a value are left out.
        return fitted is None or len(fitted.get_feature_names_out()) == fitted.n_features_in_
    return isinstance(step, OneToOneFeatureMixin)
