"""Linear models of scikit-learn, read as `LinearModel`."""

from dataclasses import replace
from typing import Any

import numpy as np
from scipy import sparse
from sklearn import linear_model as linear
from sklearn.cross_decomposition import PLSRegression
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.naive_bayes import ComplementNB, MultinomialNB
from sklearn.svm import LinearSVC, LinearSVR

from .._registry import compile_model, register
from .._scorers import Scorer
from .._steps import Step
from .._unsupported import Unsupported, check_in_double, private
from ._linear import (
    CLIPPED,
    LOG_LIKELIHOOD,
    NONE,
    ONE_VS_REST,
    SIGMOID,
    SOFTMAX,
    SOFTMAX_OF_TWO,
    LinearModel,
    is_one_vs_rest,
)
from ._several_labels import LabelSums

_MOST_CANCELLED = 1000.0
"""How much larger the terms of coefficients may be, for sums in another order to be equal."""


def linear_model(
    fitted: Any,
    coef: Any,
    intercept: Any,
    classes: Any,
    link: int,
    kind: type[LinearModel] = LinearModel,
) -> LinearModel:
    coef = np.asarray(coef)
    check_in_double(coef)
    n_outputs = 1 if coef.ndim == 1 else len(coef)
    if classes is not None:
        if isinstance(classes, list) or np.ndim(classes) != 1:
            raise Unsupported("it has several outputs")
        n_classes = len(classes)
        one_score = n_classes == 2 and link in (NONE, SIGMOID, SOFTMAX_OF_TWO, CLIPPED)
        if n_classes < 2 or n_outputs != (1 if one_score else n_classes):
            raise Unsupported(f"{n_outputs} rows of coefficients for {n_classes} classes")
    return kind(
        original=fitted,
        coef=np.ascontiguousarray(coef.reshape(n_outputs, -1).T),
        intercept=np.broadcast_to(np.asarray(intercept, dtype=np.float64), (n_outputs,)).copy(),
        classes=None if classes is None else np.array(classes),
        link=link,
        one_dimensional=coef.ndim == 1,
    )


@register(linear.LogisticRegression, linear.LogisticRegressionCV, gives=LinearModel)
def _logistic_regression(model: Any) -> LinearModel:
    n_classes = len(model.classes_)
    if is_one_vs_rest(model):
        link = SIGMOID if n_classes <= 2 else ONE_VS_REST
    else:
        link = SOFTMAX_OF_TWO if n_classes <= 2 else SOFTMAX
    return linear_model(model, model.coef_, model.intercept_, model.classes_, link)


@register(linear.SGDClassifier, gives=LinearModel)
def _sgd_classifier(model: Any) -> LinearModel:
    link = NONE
    if model.loss == "log_loss":
        link = SIGMOID if len(model.classes_) == 2 else ONE_VS_REST
    elif model.loss == "modified_huber" and len(model.classes_) == 2:
        link = CLIPPED
    return linear_model(model, model.coef_, model.intercept_, model.classes_, link)


@register(
    LinearSVC,
    linear.PassiveAggressiveClassifier,
    linear.Perceptron,
    linear.RidgeClassifier,
    linear.RidgeClassifierCV,
    gives=LinearModel,
)
def _linear_classifier(model: Any) -> LinearModel:
    binarizer = getattr(model, "_label_binarizer", None)
    if binarizer is not None and binarizer.y_type_.startswith("multilabel"):
        if binarizer.sparse_input_:
            raise Unsupported("it was fitted on sparse labels")
        made = linear_model(model, model.coef_, model.intercept_, None, NONE)
        return LabelsOrScores(**vars(made) | {"classes": np.array(model.classes_)})
    return linear_model(model, model.coef_, model.intercept_, model.classes_, NONE)


class LabelsOrScores(LabelSums):
    """Several labels of a row, with decision values and no probabilities."""

    def decision_function(self, scores: np.ndarray) -> np.ndarray:
        return scores


@register(
    linear.ARDRegression,
    linear.BayesianRidge,
    linear.ElasticNet,
    linear.ElasticNetCV,
    linear.HuberRegressor,
    linear.Lars,
    linear.LarsCV,
    linear.Lasso,
    linear.LassoCV,
    linear.LassoLars,
    linear.LassoLarsCV,
    linear.LassoLarsIC,
    linear.LinearRegression,
    LinearSVR,
    linear.MultiTaskElasticNet,
    linear.MultiTaskElasticNetCV,
    linear.MultiTaskLasso,
    linear.MultiTaskLassoCV,
    linear.OrthogonalMatchingPursuit,
    linear.OrthogonalMatchingPursuitCV,
    linear.PassiveAggressiveRegressor,
    linear.QuantileRegressor,
    linear.Ridge,
    linear.RidgeCV,
    linear.SGDRegressor,
    linear.TheilSenRegressor,
    gives=LinearModel,
)
def _linear_regressor(model: Any) -> LinearModel:
    return linear_model(model, model.coef_, model.intercept_, None, NONE)


class CenteringModel(LinearModel):
    """A linear model that subtracts from its features first, in their own dtype."""

    def bind(self, features: Step) -> Scorer:
        return super().bind(features.sized(len(self.coef)).in_doubles())


@register(PLSRegression, gives=LinearModel)
def _partial_least_squares(model: Any) -> LinearModel:
    coef = model.coef_[0] if private(model, "_predict_1d") else model.coef_
    intercept = model.intercept_ - private(model, "_x_mean") @ model.coef_.T
    return linear_model(model, coef, intercept, None, NONE, CenteringModel)


@register(linear.RANSACRegressor, gives=LinearModel)
def _random_sample_consensus(model: Any) -> LinearModel:
    inside: LinearModel = compile_model(model.estimator_, LinearModel)
    return replace(inside, original=model)


class ExponentialModel(LinearModel):
    """A generalized linear model whose values are the exponentials of its scores."""

    rises_with_score = False  # small and large scores have the same exponential

    def predict(self, scores: np.ndarray) -> np.ndarray:
        with np.errstate(over="ignore"):
            return np.exp(super().predict(scores))

    def predict_one(self, scores: np.ndarray) -> Any:
        return self.predict(scores[None])[0]


_GENERALIZED = {"IdentityLink": LinearModel, "LogLink": ExponentialModel}
"""Models by the links of generalized linear ones."""


@register(
    linear.GammaRegressor, linear.PoissonRegressor, linear.TweedieRegressor, gives=LinearModel
)
def _generalized(model: Any) -> LinearModel:
    link = type(private(model, "_base_loss").link).__name__
    if link not in _GENERALIZED:
        raise Unsupported(f"its link is a {link}")
    return linear_model(model, model.coef_, model.intercept_, None, NONE, _GENERALIZED[link])


@register(MultinomialNB, gives=LinearModel)
def _multinomial_nb(model: Any) -> LinearModel:
    return linear_model(
        model, model.feature_log_prob_, model.class_log_prior_, model.classes_, LOG_LIKELIHOOD
    )


@register(ComplementNB, gives=LinearModel)
def _complement_nb(model: Any) -> LinearModel:
    return linear_model(model, model.feature_log_prob_, 0.0, model.classes_, LOG_LIKELIHOOD)


class DiscriminantModel(LinearModel):
    """Linear discriminant analysis, whose logarithm of a probability of zero is finite."""

    def predict_log_proba(self, scores: np.ndarray) -> np.ndarray:
        probabilities = self.predict_proba(scores)
        probabilities[probabilities == 0.0] = np.finfo(np.float64).tiny
        return np.log(probabilities)


@register(LinearDiscriminantAnalysis, gives=LinearModel)
def _discriminant_analysis(model: Any) -> LinearModel:
    link = SIGMOID if len(model.classes_) == 2 else SOFTMAX
    return linear_model(
        model, model.coef_, model.intercept_, model.classes_, link, DiscriminantModel
    )


def linear_support_vectors(model: Any) -> LinearModel:
    """Read a support vector machine of the linear kernel, a regressor or one of two classes."""
    classes = getattr(model, "classes_", None)
    coef = model.coef_.toarray() if sparse.issparse(model.coef_) else model.coef_
    terms = float((abs(model.dual_coef_) @ abs(model.support_vectors_)).sum())
    if not terms <= _MOST_CANCELLED * np.abs(coef).sum():
        raise Unsupported("its coefficients are small sums of large terms, which rounding changes")
    coef = coef if classes is not None else coef[0]
    return linear_model(model, coef, model.intercept_, classes, NONE)
