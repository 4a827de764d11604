"""`CascadeClassifier`: answer confident rows from cheap features only."""

from collections.abc import Callable
from numbers import Real
from typing import Any, Self

import numpy as np
from sklearn.base import ClassifierMixin

from .._compat import (
    Interval,
    StrOptions,
    available_if,
    check_fitted,
    validates_parameters,
)
from ..planning import Guarantee, Tradeoff
from ._base import BaseCascade, stages_have
from ._stage import Stage


class CascadeClassifier(ClassifierMixin, BaseCascade):
    """Classifier that computes expensive features only for rows that need them.

    Wraps a classifier `Pipeline` whose features come in blocks. Rows on which an approximate model
    on a few cheap blocks is confident are answered by it; for all others the missing blocks are
    computed and the full model answers. Blocks and thresholds are chosen by least expected cost
    such that the accuracy target is met, and the choice is certified on other rows than those
    that made it.

    Parameters
    ----------
    estimator : classifier
        A `Pipeline` with a `FeatureUnion` or `ColumnTransformer`, nested as deep as needed, with
        any steps before and after it. Any other classifier works too: it has a single block, before
        which a cheaper model on the same features can answer, where its own is dear.

    accuracy_target : float in (0, 1], default=0.999
        Share of the full model's score that the cascade keeps on new data of the same
        distribution. With 1.0 no row is approximated.

    confidence : float in (0, 1) or None, default=0.95
        Probability with which the target is kept. None is the plug-in rule of [1]_, which looks
        at the score of the calibration rows and promises nothing.

    scoring : str, callable or None, default="accuracy"
        The score to keep. Accuracy is certified by a test that holds for every sample size, and so
        is ``"balanced_accuracy"``, by the recall of each class, where every class has rows enough.
        Other scores between 0 and 1 are kept by a bootstrap lower bound, an estimate. A
        callable must score what the classifier answers and not look at `X` otherwise. None is the
        estimator's own score, which must be accuracy.

    cv : int, float in (0, 1), splitter or "prefit", default=5
        How rows that the models were not trained on are had. An int is the number of stratified,
        shuffled folds, a float the share of one stratified hold-out. With ``"prefit"`` the
        estimator is already fitted and the `X` and `y` of `fit`, which it must not have seen, fit
        the approximate models, choose and test. A frozen estimator is always taken as prefit.

    refit : bool, default=True
        Whether the models that answer are fitted on all rows, after others were fitted on parts of
        them to plan with. With False, `cv` must be a float (or split once): the models that answer
        are those fitted on the training rows alone, `estimator_` too, and the held-out rows certify
        them. Not used with ``cv="prefit"``.

    approx_estimator : classifier, default=None
        The approximate model, fitted on the features of some blocks. By default a clone of the
        steps after the blocks; and, where the model is dear, a linear model on all of them, or its
        own first trees.

    feature_costs : dict of str to float, default=None
        Seconds a row of blocks whose cost is known better than it can be measured here, for
        instance of those that call a remote service. Costs of steps that are ``"drop"`` or have
        no columns are not used.

    query : {"batch", "point"}, default="batch"
        Whether to plan for batches or for one row at a time.

    compile : bool, default=True
        Whether steps may run as compiled kernels, and text vectorizers learn by kernels in `fit`.
        The full model is that of a plain fit either way.

    memory : str or object with the joblib.Memory interface, default=None
        Where to keep what was fitted and calibrated, as in :class:`sklearn.pipeline.Pipeline`: a
        fit on the same rows that differs only in `accuracy_target`, `confidence` or
        `verbose` takes it from there, so that a search over targets costs about one fit. Give a
        path for a folder on disk. With ``random_state=None`` what is found is of the splits that
        were drawn then.

    n_jobs : int, default=None
        Number of parts of the data to fit in parallel.

    random_state : int, RandomState instance or None, default=None
        For splits, permutations and resampling. The estimator's own randomness is not touched.

    verbose : int, default=0
        With 1, prints what `fit` is doing. With scikit-learn 1.9 or later, `set_callbacks` takes
        callbacks such as :class:`sklearn.callback.ProgressBar` too.

    Attributes
    ----------
    estimator_ : classifier
        The full model: what ``clone(estimator).fit(X, y)`` gives.

    stages_ : list of Stage
        The stages in order; the last one is the full model.

    blocks_ : list of Block
        The feature blocks.

    tradeoff_ : list of Tradeoff
        Accuracy against cost for each set of blocks that was considered.

    guarantee_ : Guarantee
        What is promised, and on what evidence.

    classes_ : ndarray of shape (n_classes,), or list of ndarray
        The class labels; of several labels a row, as the estimator has them.

    n_features_in_ : int
        Number of features seen in `fit`, where the estimator has it.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of features seen in `fit`, where the estimator has it.

    See Also
    --------
    sklearn.model_selection.TunedThresholdClassifierCV : Tunes the decision threshold.

    Notes
    -----
    Measured costs vary from run to run. Where two plans cost nearly the same, the choice can
    vary with them; ``feature_costs`` fixes the costs of the blocks.

    A transformer must treat each row on its own: one that uses other rows of the batch (the
    batch's mean, say) gives other features when it sees fewer rows.

    References
    ----------
    .. [1] P. Kraft, D. Kang, D. Narayanan, S. Palkar, P. Bailis, M. Zaharia, "Willump: A
       Statistically-Aware End-to-end Optimizer for Machine Learning Inference", MLSys 2020,
       section 4.2.
    .. [2] A. N. Angelopoulos, S. Bates, E. J. Candes, M. I. Jordan, L. Lei, "Learn then Test:
       Calibrating Predictive Algorithms to Achieve Risk Control", arXiv 2110.01052.

    Examples
    --------
    >>> from sklearn.feature_extraction.text import TfidfVectorizer
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline, make_union
    >>> from skwillump import CascadeClassifier
    >>> from skwillump.datasets import load_stdlib_lines
    >>> X, y = load_stdlib_lines(return_X_y=True)
    >>> X, y = X[::50], y[::50]
    >>> pipeline = make_pipeline(
    ...     make_union(TfidfVectorizer(), TfidfVectorizer(analyzer="char", ngram_range=(2, 5))),
    ...     LogisticRegression(),
    ... )
    >>> cascade = CascadeClassifier(pipeline, accuracy_target=0.9, cv=2, random_state=0)
    >>> cascade.fit(X, y).predict(["def fit(self, X, y):"])
    array([0])
    >>> cascade.guarantee_.kind
    'cross-fitted'
    """

    stages_: list[Stage]
    tradeoff_: list[Tradeoff]
    guarantee_: Guarantee

    _use_instead = {
        **BaseCascade._use_instead,
        "predict_proba": "the estimator gives no probabilities; predict gives labels",
        "predict_proba_one": "the estimator gives no probabilities; predict_one gives the label",
        "rank": "ApproxTopKRanker ranks rows",
        "plot": "CascadeDisplay.from_estimator draws it",
        "set_precision_target": "set_accuracy_target is a cascade's",
    }

    _parameter_constraints: dict = {
        **BaseCascade._parameter_constraints,
        "accuracy_target": [Interval(Real, 0, 1, closed="right")],
        "scoring": [str, callable, None],  # names are checked apart: there are sixty
        "query": [StrOptions({"batch", "point"})],
    }

    def __init__(
        self,
        estimator: Any,
        *,
        accuracy_target: float = 0.999,
        confidence: float | None = 0.95,
        scoring: str | Callable[..., float] | None = "accuracy",
        cv: Any = 5,
        refit: bool = True,
        approx_estimator: Any = None,
        feature_costs: dict[str, float] | None = None,
        query: str = "batch",
        compile: bool = True,
        memory: Any = None,
        n_jobs: int | None = None,
        random_state: Any = None,
        verbose: int = 0,
    ) -> None:
        self.estimator = estimator
        self.accuracy_target = accuracy_target
        self.confidence = confidence
        self.scoring = scoring
        self.cv = cv
        self.refit = refit
        self.approx_estimator = approx_estimator
        self.feature_costs = feature_costs
        self.query = query
        self.compile = compile
        self.memory = memory
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    @validates_parameters
    def fit(self, X: Any, y: Any, *, subgroups: Any = None, **params: Any) -> Self:
        """Fit the full model, plan the cascade and certify it.

        Parameters
        ----------
        X : array-like, sparse matrix, data frame or list of str, of n_rows rows
            Training data, in any form that the estimator takes. With ``cv="prefit"``,
            calibration data.

        y : array-like of shape (n_rows,) or (n_rows, n_labels)
            Class labels; or, for an estimator that takes them, 0 or 1 for each of several labels a
            row, which is answered right where all of them are.

        subgroups : array-like of shape (n_rows,), default=None
            Groups of the rows, such as regions or languages: a label for each row. Then the cascade
            must keep `accuracy_target` of the full model's accuracy in each of them, with
            `confidence` for all of them together, and ``guarantee_.evidence["within"]`` tells what
            each has shown. Only for accuracy.

        **params : dict
            Passed to the estimator's `fit` (``lr__sample_weight=...`` for a step of a pipeline),
            but for ``groups``, which goes to the splitter. With metadata routing enabled, routed
            to the estimator, the scorer and the splitter that request them.

        Returns
        -------
        self : CascadeClassifier

        Raises
        ------
        ValueError
            If `estimator` or `approx_estimator` is no classifier, a share of the score makes no
            sense as a target, `feature_costs` names a block that does not exist, or `subgroups` are
            given with another score than accuracy or no `confidence`, or some are missing.
        """
        return self._fit(X, y, params, groups=subgroups)

    def set_accuracy_target(self, accuracy_target: float) -> Self:
        """Choose blocks and thresholds for another target, from what `fit` stored.

        Nothing is fitted. The outcome is that of a fit with the same costs at that target, unless
        `fit` found on its first fold that no cascade can pay at its own: it then looked at fewer
        folds, lower targets rest on fewer rows, and a fit at such a target can show more. The
        certificate is for a target that is fixed before outcomes are looked at; of several targets
        that are tried, one is broken more often than each.

        Parameters
        ----------
        accuracy_target : float in (0, 1]

        Returns
        -------
        self : CascadeClassifier
        """
        return self._set_target(accuracy_target)

    def certify(self, X: Any, y: Any = None, *, subgroups: Any = None) -> Self:
        """Test the models that answer on fresh rows.

        Nothing is fitted or chosen anew: the thresholds that `fit` planned are tested, from the
        safest ones to those in use, or as far as the rows show where none are in use. They can so
        become safer ones. What is shown is certified, whatever the models were fitted on; of scores
        without a test it stays an estimate.

        Without labels it is tested how often the cascade answers as the full model does, which
        bounds what is lost: a full model that is right on a share f of the rows keeps
        `accuracy_target` of it if no more than ``(1 - accuracy_target) * f`` rows are answered in
        another way. For f a lower bound is taken from the rows of `fit`, with ``refit=True`` of the
        models on folds, and told in ``guarantee_.evidence["full_accuracy"]``: if the full model is
        less often right than that, less is shown.

        Parameters
        ----------
        X : array-like, sparse matrix, data frame or list of str, of n_rows rows
            Rows of the distribution that will be answered, drawn independently, that no model was
            fitted on and that `certify` was not given before.

        y : array-like of shape (n_rows,) or (n_rows, n_labels), default=None
            Class labels, where they are known.

        subgroups : array-like of shape (n_rows,), default=None
            Groups of the rows in each of which the target is to be kept, as in `fit`; with labels.
            Each group that `fit` was told must have rows.

        Returns
        -------
        self : CascadeClassifier

        Raises
        ------
        ValueError
            If the rows are too few to certify anything, `confidence` is None, `accuracy_target` was
            set to 1.0 beside a cascade in use, there are no labels and `scoring` is not accuracy,
            labels are missing or none of them is a class, or `fit` was given subgroups of which
            `certify` is given no row.

        Notes
        -----
        The certificate is for one call, with a target that was fixed before. Of several calls with
        other rows until one succeeds, the promise is broken more often.
        """
        return self._certify(X, y, subgroups)

    # Answering ------------------------------------------------------------------------------

    @property
    def classes_(self) -> Any:
        """Class labels."""
        return self.estimator_.classes_

    def predict(self, X: Any) -> np.ndarray:
        """Predict a class for each row.

        Parameters
        ----------
        X : array-like, sparse matrix, data frame or list of str, of n_rows rows

        Returns
        -------
        ndarray of shape (n_rows,) or (n_rows, n_labels)
            Class labels.
        """
        check_fitted(self)
        return self._answer(X, "predict")[0]

    @available_if(stages_have("predict_proba"))
    def predict_proba(self, X: Any) -> Any:
        """Predict class probabilities for each row, by the model of the stage that answers it.

        Parameters
        ----------
        X : array-like, sparse matrix, data frame or list of str, of n_rows rows

        Returns
        -------
        ndarray of shape (n_rows, n_classes)
            Of several labels a row, in the estimator's own shape.
        """
        check_fitted(self)
        return self._answer(X, "predict_proba")[0]

    @available_if(stages_have("predict_log_proba"))
    def predict_log_proba(self, X: Any) -> Any:
        """Predict logarithms of class probabilities for each row.

        Parameters
        ----------
        X : array-like, sparse matrix, data frame or list of str, of n_rows rows

        Returns
        -------
        ndarray of shape (n_rows, n_classes)
        """
        check_fitted(self)
        return self._answer(X, "predict_log_proba")[0]

    @available_if(stages_have("decision_function"))
    def decision_function(self, X: Any) -> np.ndarray:
        """Decision values for each row, by the model of the stage that answers it.

        Parameters
        ----------
        X : array-like, sparse matrix, data frame or list of str, of n_rows rows

        Returns
        -------
        ndarray of shape (n_rows,) or (n_rows, n_classes)
        """
        check_fitted(self)
        return self._answer(X, "decision_function")[0]

    def predict_stage(self, X: Any) -> np.ndarray:
        """Stage that answers each row.

        Parameters
        ----------
        X : array-like, sparse matrix, data frame or list of str, of n_rows rows

        Returns
        -------
        ndarray of intp of shape (n_rows,)
            Positions in `stages_`.
        """
        check_fitted(self)
        return self._answer(X, "predict")[1]

    def predict_one(self, x: Any) -> Any:
        """Predict the class of one row.

        Parameters
        ----------
        x : str, mapping of column to value, or 1-D array-like
            One row of what `fit` was given. A mapping may hold more columns than needed.

        Returns
        -------
        label
            A class label.

        Raises
        ------
        ValueError
            If a column is missing, or the number of values is wrong.
        TypeError
            If the row does not have the form that the data had in `fit`.
        """
        check_fitted(self)
        return self._runner.predict_one(x, "predict", n_threads=self._n_threads())

    @available_if(stages_have("predict_proba"))
    def predict_proba_one(self, x: Any) -> np.ndarray:
        """Predict the class probabilities of one row.

        Parameters
        ----------
        x : str, mapping of column to value, or 1-D array-like
            One row of what `fit` was given. A mapping may hold more columns than needed.

        Returns
        -------
        ndarray of shape (n_classes,)

        Raises
        ------
        ValueError
            If a column is missing, or the number of values is wrong.
        TypeError
            If the row does not have the form that the data had in `fit`.
        """
        check_fitted(self)
        return self._runner.predict_one(x, "predict_proba", n_threads=self._n_threads())

    def _answer(self, X: Any, method: str) -> tuple[Any, np.ndarray]:
        """Output of `method` for each row, and the stage that gave it."""
        return self._runner.answer(X, method, n_threads=self._n_threads())
