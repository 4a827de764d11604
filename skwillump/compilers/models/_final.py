"""The model at the end of a pipeline, of whatever family."""

from typing import Any

from sklearn.discriminant_analysis import LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis
from sklearn.ensemble import AdaBoostClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier

from ._linear import LinearModel, compile_linear, is_linear, is_one_vs_rest
from ._trees import TreeModel, compile_trees, is_of_trees

Model = LinearModel | TreeModel

_PREDICT_LARGEST = (
    AdaBoostClassifier,
    GaussianNB,
    KNeighborsClassifier,
    LinearDiscriminantAnalysis,
    QuadraticDiscriminantAnalysis,
)


def compile_model(fitted: Any) -> Model:
    """Return a fitted model as a `LinearModel` or a `TreeModel`.

    Raises
    ------
    Unsupported
        With the reason, for any other model.
    """
    if is_linear(fitted):
        return compile_linear(fitted)
    return compile_trees(fitted)


def predicts_largest(fitted: Any, method: str) -> bool:
    """Tell whether a classifier is known to predict the class of its largest response.

    Types are compared exactly: what a subclass predicts is its own affair, as is what a classifier
    with a decision threshold predicts.

    Parameters
    ----------
    fitted : classifier
    method : {"predict_proba", "decision_function"}
        What gives the response.
    """
    if is_linear(fitted):
        # Probabilities that round to one are equal, the scores that decide are not.
        of_many = method == "predict_proba" and len(fitted.classes_) > 2
        return not (of_many and is_one_vs_rest(fitted))
    return is_of_trees(fitted) or type(fitted) in _PREDICT_LARGEST
