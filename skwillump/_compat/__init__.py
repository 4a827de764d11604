"""The private scikit-learn names that the package needs, in one place, and one of pandas'.

Nothing else in the package imports a name of scikit-learn that starts with an underscore, so that
a release that moves one is a change to this folder only.
"""

from collections import UserList
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import numpy as np
from sklearn.base import _fit_context
from sklearn.compose._column_transformer import (
    _is_empty_column_selection as is_empty_selection,
)
from sklearn.decomposition._cdnmf_fast import _update_cdnmf_fast as update_components
from sklearn.impute._iterative import IterativeImputer  # public once it is enabled
from sklearn.metrics import accuracy_score
from sklearn.metrics._scorer import _BaseScorer
from sklearn.utils import _safe_indexing as safe_indexing, metaestimators
from sklearn.utils._metadata_requests import _routing_enabled as routing_enabled
from sklearn.utils._param_validation import (
    HasMethods,
    Interval,
    InvalidParameterError,
    RealNotInt,
    StrOptions,
)
from sklearn.utils.multiclass import _ovr_decision_function as ovr_decision_function
from sklearn.utils.validation import (
    _check_feature_names_in as check_feature_names_in,
    _check_method_params as check_method_params,
    _is_fitted,
    _num_samples as count_samples,
    check_is_fitted,
)

from ._seams import EncoderSteps, Original, VectorizerSteps, encoder_steps, vectorizer_steps

try:
    from sklearn.utils._repr_html.estimator import _VisualBlock as VisualBlock
except ImportError:  # before scikit-learn 1.7
    from sklearn.utils._estimator_html_repr import _VisualBlock as VisualBlock

try:
    from sklearn.callback import CallbackSupportMixin
except ImportError:  # before scikit-learn 1.9

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """Nothing: this version of scikit-learn has no callbacks."""


Method = TypeVar("Method", bound=Callable[..., Any])


def validates_parameters(fit: Method) -> Method:
    """Let a `fit` check its parameters; estimators among them check their own."""
    return _fit_context(prefer_skip_nested_validation=False)(fit)


def available_if(check: Callable[[Any], bool]) -> Callable[[Method], Method]:
    """Return scikit-learn's decorator of that name, which keeps the type of the method."""
    return metaestimators.available_if(check)


ABSENT = object()
"""In place of a private attribute that this release does not have."""

PRIVATE = {
    "_average_path_length_per_tree": "lengths that rows of a leaf add to its depth",
    "_base_loss": "loss of a generalized linear model",
    "_baseline_prediction": "where sums of boosted trees start",
    "_bin_mapper": "categories of boosted trees",
    "_centerer": "means of a kernel",
    "_decision_path_lengths": "depths of the nodes of isolation trees",
    "_dual_coef_": "coefficients of support vectors",
    "_fit_X": "rows of nearest neighbours",
    "_fit_dtype": "dtype that an imputer was fitted on",
    "_fit_method": "how nearest neighbours are found",
    "_gamma": "width of a kernel",
    "_intercept_": "constants of support vectors",
    "_is_empty_feature": "columns that were fitted without values",
    "_label_binarizer": "kind of labels",
    "_loss": "loss of boosted trees",
    "_mask_fit_X": "values that were missing in fit",
    "_max_samples": "rows that a tree was fitted on",
    "_max_value": "limits of an imputer's values",
    "_min_value": "limits of an imputer's values",
    "_n_features_outs": "columns of each one-hot encoded feature",
    "_precomputed": "whether a mask was fitted",
    "_predict_1d": "dimensions of the predictions",
    "_predictors": "trees of histograms",
    "_preprocessor": "encoder of boosted trees",
    "_probA": "slopes of probabilities",
    "_probB": "offsets of probabilities",
    "_raw_predict_init": "where sums of boosted trees start",
    "_scaler": "scaler of a power transformer",
    "_sparse": "whether sparse rows were fitted",
    "_tfidf": "weights of a TF-IDF vectorizer",
    "_training_dim": "dimensions of the targets",
    "_transform": "a quantile transform, and its inverse",
    "_x_mean": "means of the features",
    "_y": "targets of nearest neighbours",
    "_yeo_johnson_inverse_transform": "inverse of a power transform",
    "link": "link of a loss",
}
"""Attributes of fitted estimators that scikit-learn does not promise, and what they hold."""


def private(fitted, name: str) -> Any:
    """Return a private attribute of a fitted estimator; `ABSENT` where this release has none.

    Parameters
    ----------
    fitted : estimator
    name : str
        One of `PRIVATE`.
    """
    if name not in PRIVATE:
        raise KeyError(name)
    return getattr(fitted, name, ABSENT)


def vote_weights(vote) -> list[float] | None:
    """Weights of the members of a `VotingClassifier` or `VotingRegressor` that are not dropped."""
    if vote.weights is None:
        return None
    pairs = zip(vote.estimators, vote.weights, strict=True)
    return [weight for (_, member), weight in pairs if member != "drop"]


def positive_label(tuned) -> Any:
    """The positive class of a tuned threshold, as its scorer says; None where it says none."""
    scorer = getattr(tuned, "_curve_scorer", None)
    return None if scorer is None else scorer._get_pos_label()


def selected_columns(column_transformer) -> list[tuple[str, Any, Any]]:
    """Return the fitted transformers of a `ColumnTransformer`: names, steps, columns.

    Until scikit-learn 1.8 the columns of the remainder may be a list that warns whoever reads it,
    in the user's place; what is in it is read here without a word.
    """
    return [
        (name, step, list(columns.data) if isinstance(columns, UserList) else columns)
        for name, step, columns in column_transformer.transformers_
    ]


def selected_positions(column_transformer, name: str) -> Any:
    """Positions of the columns that a fitted `ColumnTransformer` gives the transformer named."""
    return column_transformer._transformer_to_input_indices[name]


def column_array(frame, position: int) -> Any:
    """Values of a column of a pandas data frame as it holds them, not to be written to.

    An ndarray or one of pandas' own arrays; None where this release of pandas does not tell.
    """
    held = getattr(frame, "_get_column_array", None)
    return None if held is None else held(position)


def columns_together(frame, positions: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Return an array (n_rows, n) that holds columns of a pandas data frame, and where in it.

    It is not to be written to. None where they are not in one array, or this release of pandas does
    not tell.
    """
    try:
        manager = frame._mgr
        blocks, block_of, place_in = manager.blocks, manager.blknos, manager.blklocs
        block, places = block_of[positions], place_in[positions]
        values = blocks[block[0]].values
    except (AttributeError, IndexError, TypeError):
        return None
    is_one = isinstance(values, np.ndarray) and values.ndim == 2 and (block == block[0]).all()
    return (values.T, places) if is_one else None


def n_columns_in(fitted) -> int | None:
    """Number of columns that an estimator was fitted on; None where it does not tell.

    CatBoost's models say 0 once they were copied or unpickled, but keep the names of the columns.
    """
    n_columns = getattr(fitted, "n_features_in_", None)
    if n_columns == 0:
        n_columns = len(getattr(fitted, "feature_names_", None) or ())
    return None if n_columns is None else int(n_columns)


def names_in(fitted) -> tuple[Any, ...] | None:
    """Names of the columns that an estimator was fitted on; None where it was no data frame.

    CatBoost's models tell them under another name, where they number the columns of an array.
    """
    names = getattr(fitted, "feature_names_in_", None)
    if names is None and library_of(type(fitted)) == "catboost":
        names = fitted.feature_names_
        if names is not None and list(names) == [str(at) for at in range(len(names))]:
            names = None
    return None if names is None else tuple(np.asarray(names).tolist())


def refused(owner: str, name: str, must_be: str, got: Any) -> InvalidParameterError:
    """Return the error of a parameter, in the words of scikit-learn's own check of parameters.

    Parameters
    ----------
    owner : str
        The class or function whose parameter it is.
    must_be : str
        What it must be, and why where that does not go without saying.
    got : object
        Of what takes more than a line to show, the type is told.
    """
    shown = repr(got)
    if len(shown) > 200 or "\n" in shown:
        shown = f"an instance of {type(got).__name__!r}"
    return InvalidParameterError(
        f"The {name!r} parameter of {owner} must be {must_be}. Got {shown} instead."
    )


def check_fitted(estimator) -> None:
    """Raise NotFittedError for an estimator that is not fitted.

    As `check_is_fitted` does for estimators that require it, which asks every estimator inside for
    its tags first.
    """
    if not _is_fitted(estimator):
        check_is_fitted(estimator)


def check_answers(estimator) -> None:
    """Raise NotFittedError for an estimator that would raise it if it were asked.

    As `check_is_fitted` does, except for those that answer without `fit` and do not always say so.
    """
    if not _answers_unfitted(estimator):
        check_is_fitted(estimator)


def _answers_unfitted(estimator) -> bool:
    """Whether it is known to answer whether or not it was fitted, or asks others for that.

    A `HashingVectorizer` and a `FeatureHasher`, whose tags say so from scikit-learn 1.7 on only; a
    `CountVectorizer` with a vocabulary that was given; a `SelectFromModel` and a
    `FixedThresholdClassifier` around a model that is fitted already; a class of one's own, which
    nobody has to tell whether it is fitted, and a `FeatureUnion` of such classes.
    """
    from sklearn.feature_extraction import FeatureHasher
    from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer
    from sklearn.feature_selection import SelectFromModel
    from sklearn.model_selection import FixedThresholdClassifier
    from sklearn.pipeline import FeatureUnion, Pipeline

    if _is_ones_own(estimator):
        return hasattr(estimator, "fit") and not hasattr(estimator, "__sklearn_is_fitted__")
    if type(estimator) is FixedThresholdClassifier:
        return _is_fitted(estimator.estimator)
    while isinstance(estimator, Pipeline) and estimator.steps:
        estimator = estimator.steps[-1][1]
    if isinstance(estimator, SelectFromModel):
        return bool(estimator.prefit)
    if isinstance(estimator, FeatureUnion):
        members = [member for _, member in estimator.transformer_list]
        return all(
            isinstance(member, str) or _answers_unfitted(member) or _is_fitted(member)
            for member in members
        )
    if type(estimator) is CountVectorizer:
        return estimator.vocabulary is not None
    return isinstance(estimator, (HashingVectorizer, FeatureHasher))


def library_of(kind: type) -> str:
    """Name of the library that a class is of: the root of its module."""
    return kind.__module__.partition(".")[0]


def _is_ones_own(estimator) -> bool:
    return library_of(type(estimator)) != "sklearn"


def begin_callbacks(estimator, n_tasks: int):
    """Set up an estimator's callbacks for `fit`; None where scikit-learn has none.

    `validates_parameters` tears them down.
    """
    if not hasattr(estimator, "_init_callback_context"):
        return None
    return estimator._init_callback_context(max_subtasks=n_tasks)


class DiagramLabel(str):
    """Text of a box in scikit-learn's diagram, with the name of the parameter that the box is.

    The diagram takes what precedes the first colon of a label for that name, and joins the names of
    nested boxes where the user copies a parameter. A label that has a name of its own can say
    something else.

    Parameters
    ----------
    text : str
        What is shown.
    parameter : str or None
        The parameter, relative to that of the box around this one; None if the box is none.
    """

    parameter: str | None

    def __new__(cls, text: str, parameter: str | None = None):
        label = super().__new__(cls, text)
        label.parameter = parameter
        return label

    @property
    def split(self):
        """Split so that what precedes the first separator is the parameter."""
        if self.parameter is None:
            raise AttributeError("A box that is no parameter has no name to split.")
        return lambda separator: [self.parameter]


class ScorerParts(NamedTuple):
    """What a scorer made by `make_scorer` is made of."""

    function: Callable[..., float]
    sign: int  # {1, -1}
    kwargs: dict[str, Any]
    # Whether the function is one of scikit-learn's classification metrics, and is given labels.
    of_labels: bool


def scorer_parts(scorer) -> ScorerParts | None:
    """Parts of a scorer; None for a callable of the user's own."""
    if not isinstance(scorer, _BaseScorer):
        return None
    function = scorer._score_func
    in_metrics = getattr(function, "__module__", "") == accuracy_score.__module__
    of_labels = in_metrics and scorer._response_method == "predict"
    return ScorerParts(function, scorer._sign, scorer._kwargs, of_labels)
