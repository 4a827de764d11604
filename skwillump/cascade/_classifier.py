"""`CascadeClassifier`: answer confident rows from cheap features only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from numbers import Integral, Real
from typing import Any, cast

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin, is_classifier
from sklearn.metrics import get_scorer_names
from sklearn.utils import (
    Bunch,
    assert_all_finite,
    check_random_state,
    column_or_1d,
    gen_batches,
    get_tags,
    indexable,
)
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping, process_routing
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets, type_of_target

from .._compat import (
    CallbackSupportMixin,
    HasMethods,
    Interval,
    RealNotInt,
    StrOptions,
    check_fitted,
    fit_context,
    num_samples,
    routing_enabled,
    safe_indexing,
)
from .._compiled import CompiledPipeline
from .._composites import thawed
from .._one_row import RowTemplate
from .._persistence import VersionedState
from .._progress import Progress
from ..blocks import Store, compiled_blocks, take_rows
from ..compilers import InputUnsupported, check_scores
from ..planning import (
    Guarantee,
    Plan,
    confidence,
    decide_one,
    make_plan,
    measures_for,
)
from ..stages._diagram import cascade_diagram
from ..stages._estimator import BlockwiseMixin
from ..stages._models import (
    Task,
    align_response,
    predicts_largest_response,
    response_method,
    stage_codes,
)
from ._calibration import Setting, calibrate, why_too_few
from ._report import cascade_report
from ._scoring import check_target_scorer, is_accuracy

N_TASKS = 8
"""Tasks of `fit`, at most, as callbacks see them."""

CHUNK_ROWS = 8192
"""Rows that run through the stages together, so that memory does not grow with the batch."""


@dataclass(frozen=True)
class Stage:
    """A stage of the cascade.

    Attributes
    ----------
    blocks : tuple of str
        The blocks that its model uses.
    model : estimator
        The fitted steps after the blocks.
    threshold : float, ndarray of shape (n_classes,) or None
        Least confidence that answers a row: one for all predicted classes, or one for each. None
        for the last stage, which answers all that is left.
    measure : {"probability", "margin"} or None
        What confidence is: the predicted class's probability, or the distance of its value to the
        largest other one.
    cost_seconds : float
        Seconds that the stage adds to a row that reaches it.
    share : float
        Share of all rows that it answers, on the rows that certify.
    n_trees : int or None
        Where the model consists of first trees of the full one: how many.
    """

    blocks: tuple[str, ...]
    model: Any = field(repr=False)
    threshold: Any
    measure: str | None
    cost_seconds: float
    share: float
    n_trees: int | None = None


def _estimator_has(method):
    """Check that the estimator, and every stage where there are stages, has a method."""

    def check(self):
        estimator = getattr(self, "estimator_", self.estimator)
        getattr(estimator, method)
        for stage in getattr(self, "stages_", ()):
            getattr(stage.model, method)
        return True

    return check


class CascadeClassifier(
    BlockwiseMixin,
    VersionedState,
    CallbackSupportMixin,
    MetaEstimatorMixin,
    ClassifierMixin,
    BaseEstimator,
):
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
        any steps before and after it. Any other classifier works too: it has a single block, and
        answers every row itself.

    accuracy_target : float in (0, 1], default=0.999
        Share of the full model's score that the cascade keeps on new data of the same
        distribution. With 1.0 no row is approximated.

    confidence : float in (0, 1) or None, default=0.95
        Probability with which the target is kept. None is the plug-in rule of [1]_, which looks
        at the score of the calibration rows and promises nothing.

    scoring : str, callable or None, default="accuracy"
        The score to keep. Accuracy is certified by a test that holds for every sample size. Other
        scores between 0 and 1 are kept by a bootstrap lower bound, which is an estimate. A
        callable must score what the classifier answers and not look at `X` otherwise. None is the
        estimator's own score, which must be accuracy.

    cv : int, float in (0, 1), splitter or "prefit", default=5
        How rows that the models were not trained on are had. An int is the number of stratified,
        shuffled folds, a float the share of one stratified hold-out. With ``"prefit"`` the
        estimator is already fitted and the `X` and `y` of `fit`, which it must not have seen, fit
        the approximate models, choose and certify. A frozen estimator is always taken as prefit.

    approx_estimator : classifier, default=None
        The approximate model, fitted on the features of some blocks. By default a clone of the
        steps after the blocks.

    feature_costs : dict of str to float, default=None
        Seconds a row of blocks whose cost is known better than it can be measured here, for
        instance of those that call a remote service. Costs of steps that are ``"drop"`` or have
        no columns are not used.

    query : {"batch", "point"}, default="batch"
        Whether to plan for batches or for one row at a time.

    compile : bool, default=True
        Whether steps may run as compiled kernels.

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

    classes_ : ndarray of shape (n_classes,)
        The class labels.

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
    'certified'
    """

    _parameter_constraints: dict = {
        "estimator": [HasMethods(["fit", "predict"])],
        "accuracy_target": [Interval(Real, 0, 1, closed="right")],
        "confidence": [Interval(Real, 0, 1, closed="neither"), None],
        "scoring": [StrOptions(set(get_scorer_names())), callable, None],
        "cv": [
            "cv_object",
            StrOptions({"prefit"}),
            Interval(RealNotInt, 0.0, 1.0, closed="neither"),
        ],
        "approx_estimator": [HasMethods(["fit", "predict"]), None],
        "feature_costs": [dict, None],
        "query": [StrOptions({"batch", "point"})],
        "compile": ["boolean"],
        "n_jobs": [Integral, None],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        estimator,
        *,
        accuracy_target=0.999,
        confidence=0.95,
        scoring="accuracy",
        cv=5,
        approx_estimator=None,
        feature_costs=None,
        query="batch",
        compile=True,
        n_jobs=None,
        random_state=None,
        verbose=0,
    ):
        self.estimator = estimator
        self.accuracy_target = accuracy_target
        self.confidence = confidence
        self.scoring = scoring
        self.cv = cv
        self.approx_estimator = approx_estimator
        self.feature_costs = feature_costs
        self.query = query
        self.compile = compile
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    @fit_context(
        # *.estimator is not validated yet
        prefer_skip_nested_validation=False
    )
    def fit(self, X, y, **params):
        """Fit the full model, plan the cascade and certify it.

        Parameters
        ----------
        X : array-like, sparse matrix, data frame or list of str, of n_rows rows
            Training data, in any form that the estimator takes. With ``cv="prefit"``,
            calibration data.

        y : array-like of shape (n_rows,)
            Class labels.

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
            sense as a target, `feature_costs` names a block that does not exist, or `y` is not of
            one label a row.
        """
        # What a fit that fails leaves behind is not fitted.
        if "stages_" in vars(self):
            delattr(self, "stages_")
        self._check_classifiers()
        X, y = indexable(X, y)
        # Types of polars have no kind.
        if getattr(getattr(y, "dtype", None), "kind", None) == "f":
            assert_all_finite(y, input_name="y")
        check_classification_targets(y)
        if type_of_target(y, input_name="y") not in ("binary", "multiclass"):
            raise ValueError(
                f"y holds several labels a row ({type_of_target(y)}). A cascade needs one class "
                "label a row; fit one cascade for each label."
            )
        scorer = check_target_scorer(self.estimator, self.scoring)
        routed = self._route(params)
        fit_params = routed.estimator.fit

        prefit = self._is_prefit()
        progress = Progress.begin(self, X, y, n_tasks=N_TASKS, log=self._log)
        self._fit_full(X, y, fit_params, progress)
        self._template = RowTemplate.from_data(X)
        approx = [] if self.approx_estimator is None else [self.approx_estimator]
        self._method = cast(Any, response_method(self.estimator_, *approx))
        self._check_feature_costs()
        y = column_or_1d(y)
        reason = self._why_no_stages() or (why_too_few(y) if prefit else "")
        if reason:
            self._set_plan(_no_plan(self.accuracy_target, self.confidence, reason))
            progress.end(X, y)
            return self

        classes = np.asarray(self.classes_)
        task = Task(
            classes,
            self._method,
            measures_for(self._method == "predict_proba", len(classes)),
            not is_accuracy(scorer, routed.scorer.score),
            self.approx_estimator,
            self.compile,
        )
        setting = Setting(
            self.estimator,
            prefit,
            self.cv,
            scorer,
            routed.estimator.fit,
            routed.scorer.score,
            routed.splitter.split,
            self.query,
            self.feature_costs or {},
            self.n_jobs,
            self._log,
            progress,
        )
        rng = check_random_state(self.random_state)
        if self.compile:
            self._fused_blocks = compiled_blocks(self._graph)
        self._calibrated = calibrate(self._graph, self._fused_blocks, X, y, task, setting, rng)
        self.blocks_ = self._describe_blocks(X)
        with progress.task("choose and certify"):
            self._set_plan(self._make_plan())
        progress.end(X, y)
        return self

    def set_accuracy_target(self, accuracy_target):
        """Choose blocks and thresholds for another target, from what `fit` stored.

        Nothing is fitted. The outcome is that of a fit with the same costs at that target. The
        certificate is for a target that is fixed before outcomes are looked at; of several targets
        that are tried, one is broken more often than each.

        Parameters
        ----------
        accuracy_target : float in (0, 1]

        Returns
        -------
        self : CascadeClassifier
        """
        check_fitted(self)
        previous = self.accuracy_target
        self.accuracy_target = accuracy_target
        try:
            self._validate_params()
        except ValueError:
            self.accuracy_target = previous
            raise
        if self._calibrated is None:
            plan = _no_plan(accuracy_target, self.confidence, self.guarantee_.reason)
        else:
            plan = self._make_plan()
        self._set_plan(plan)
        return self

    # Answering ------------------------------------------------------------------------------

    @property
    def classes_(self):
        """Class labels."""
        return self.estimator_.classes_

    def predict(self, X):
        """Predict a class for each row.

        Parameters
        ----------
        X : array-like, sparse matrix, data frame or list of str, of n_rows rows

        Returns
        -------
        ndarray of shape (n_rows,)
            Class labels.
        """
        check_fitted(self)
        return self._answer(X, "predict")[0]

    @available_if(_estimator_has("predict_proba"))
    def predict_proba(self, X):
        """Predict class probabilities for each row, by the model of the stage that answers it.

        Parameters
        ----------
        X : array-like, sparse matrix, data frame or list of str, of n_rows rows

        Returns
        -------
        ndarray of shape (n_rows, n_classes)
        """
        check_fitted(self)
        return self._answer(X, "predict_proba")[0]

    @available_if(_estimator_has("predict_log_proba"))
    def predict_log_proba(self, X):
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

    @available_if(_estimator_has("decision_function"))
    def decision_function(self, X):
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

    def predict_stage(self, X):
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

    def predict_one(self, x):
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
        answer = self._answer_one(x, "predict")
        return self.predict(self._template.make(x))[0] if answer is None else answer

    @available_if(_estimator_has("predict_proba"))
    def predict_proba_one(self, x):
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
        answer = self._answer_one(x, "predict_proba")
        return self.predict_proba(self._template.make(x))[0] if answer is None else answer

    def report(self):
        """Tell what was decided, why, and what is promised.

        Returns
        -------
        str
            Lines of text.
        """
        check_fitted(self)
        return cascade_report(self, self._plan)

    def _answer(self, X, method):
        """Output of `method` for each row, and the stage that gave it."""
        if self._plan.candidate is None or not _has_rows(X):
            # The full model also says what is wrong with what holds no rows.
            output = getattr(self._full, method)(X)
            return output, np.full(len(output), len(self.stages_) - 1, dtype=np.intp)
        if self._runs_fused(method):
            try:
                return self._in_chunks(self._answer_fused, X, method, self._fused.chunk_rows)
            except InputUnsupported:
                pass  # the steps themselves judge unusual input, and raise what they raise
        return self._in_chunks(self._answer_chunk, X, method, CHUNK_ROWS)

    def _in_chunks(self, answer, X, method, chunk_rows):
        n_rows = num_samples(X)
        if n_rows <= chunk_rows:
            return answer(X, method)
        parts = [answer(safe_indexing(X, rows), method) for rows in gen_batches(n_rows, chunk_rows)]
        return tuple(np.concatenate(column) for column in zip(*parts, strict=True))

    def _runs_fused(self, method):
        """Whether both models answer `method` from scores."""
        fused = self._fused
        return (
            fused is not None
            and fused.approx.gives(self._method)
            and fused.approx.gives(method)
            and fused.full.gives(method)
        )

    def _answer_one(self, x, method):
        """Answer for one row on the compiled path; None where the batch path must judge."""
        if self._plan.candidate is None:
            if not isinstance(self._full, CompiledPipeline):
                return None
            x = self._template.rounded(x)
            return None if x is None else self._full._answer_one(x, method)
        if self._graph.prefix or not self._runs_fused(method):
            return None
        fused, plan = self._fused, self._plan
        if self._method != "predict_proba" or len(fused.approx.classes) != len(plan.thresholds):
            return None
        if isinstance(x, Mapping):
            self._template.check_names(x)  # those that only the second stage needs too
        x = self._template.rounded(x)
        if x is None:
            return None
        try:
            scores, carry = fused.start_one(x)
            check_scores(scores)
            probabilities = fused.approx.predict_proba_one(scores)
            code = None
            if not self._is_largest:
                label = fused.approx.predict_one(scores)
                if label is None:
                    return None
                code = int(np.searchsorted(fused.approx.classes, label))
            code, sure = decide_one(probabilities, plan.measure, code)
            if sure >= plan.thresholds[code]:
                return fused.approx.classes[code] if method == "predict" else probabilities
            scores = fused.finish_one(x, carry)
            check_scores(scores)
        except InputUnsupported:
            return None
        if method == "predict":
            return fused.full.predict_one(scores)
        return fused.full.predict_proba_one(scores)

    def _answer_fused(self, X, method):
        """As `_answer`, from scores of blocks with no features in between."""
        graph, fused, n_threads = self._graph, self._fused, self._n_threads()
        Z = graph.prepare(X)
        graph.check_columns(Z)
        Z = fused.opened(Z)
        scores, carry = fused.start(Z, n_threads=n_threads)
        response = self._align(getattr(fused.approx, self._method)(scores), self._method)
        codes = self._codes(fused.approx, scores, response)
        early = confidence(response, codes, self._plan.measure) >= self._plan.thresholds[codes]
        if method == "predict":
            output = self.classes_[codes]
        elif method == self._method:
            output = response
        else:
            output = self._align(getattr(fused.approx, method)(scores), method)
        left = np.flatnonzero(~early)
        if len(left):
            scores = fused.finish(Z, left, carry[left], n_threads=n_threads)
            check_scores(scores)
            rest = getattr(fused.full, method)(scores)
            if method == "predict":
                doubtful = fused.full.doubtful(scores)
                if len(doubtful):
                    # Another order of summation could flip these: the original decides.
                    rows = safe_indexing(X, left[doubtful])
                    rest[doubtful] = self.estimator_.predict(rows)
            output[left] = rest
        return output, np.where(early, 0, 1)

    def _answer_chunk(self, X, method):
        graph, first = self._graph, self.stages_[0]
        Z = graph.prepare(X)
        graph.check_columns(Z)
        store: Store = {}
        features = graph.compute(Z, first.blocks, store)
        response = self._respond(first.model, self._method, features)
        codes = self._codes(first.model, features, response)
        early = confidence(response, codes, first.measure) >= self._plan.thresholds[codes]
        if method == "predict":
            output = self.classes_[codes]
        elif method == self._method:
            output = response
        else:
            output = self._respond(first.model, method, features)
        left = np.flatnonzero(~early)
        if len(left):
            Z, store = take_rows(Z, store, left)
            features = graph.compute(Z, graph.names, store)
            rest = getattr(graph.model, method)(features)
            if output.dtype != rest.dtype:
                output = output.astype(np.result_type(output, rest))
            output[left] = rest
        return output, np.where(early, 0, 1)

    def _respond(self, model, method, features):
        return self._align(getattr(model, method)(features), method)

    def _codes(self, model, inputs, response):
        """Positions of the classes that the first stage's model predicts."""
        return stage_codes(model, inputs, response, self.classes_, is_largest=self._is_largest)

    def _align(self, response, method):
        """Response of the first stage's model, with a column for each class."""
        known = self.stages_[0].model.classes_
        return align_response(response, known, self.classes_, method == "predict_proba")

    # Planning -------------------------------------------------------------------------------

    def _route(self, params):
        """Metadata for the estimator, the scorer and the splitter."""
        if routing_enabled():
            return process_routing(self, "fit", **params)
        of_splitter = {key: value for key, value in params.items() if key == "groups"}
        of_estimator = {key: value for key, value in params.items() if key != "groups"}
        return Bunch(
            estimator=Bunch(fit=of_estimator),
            scorer=Bunch(score={}),
            splitter=Bunch(split=of_splitter),
        )

    def _check_classifiers(self):
        for name in ("estimator", "approx_estimator"):
            given = getattr(self, name)
            if given is not None and not is_classifier(given):
                raise ValueError(
                    f"{name} must be a classifier, or a Pipeline that ends in one; "
                    f"ApproxTopKRanker takes regressors. Got {given!r}."
                )

    def _why_no_stages(self):
        if self._graph is None:
            return (
                "the estimator has a single block, so there is nothing to cascade. Blocks are the "
                "transformers of a FeatureUnion or ColumnTransformer in a Pipeline"
            )
        if self._method is None:
            return self._why_no_response()
        return ""

    def _why_no_response(self):
        neither = "has neither predict_proba nor decision_function"
        if response_method(self.estimator_) is None:
            return f"the estimator {neither}"
        if response_method(self.approx_estimator) is None:
            return f"approx_estimator {neither}"
        return (
            "the estimator and approx_estimator share neither predict_proba nor decision_function"
        )

    def _make_plan(self):
        calibrated = self._calibrated
        return make_plan(
            calibrated.calibration, self.accuracy_target, self.confidence, calibrated.scores
        )

    def _set_plan(self, plan):
        """Set the plan and what is learned from it."""
        graph = self._graph
        full_blocks = () if graph is None else graph.names
        full_model = thawed(self.estimator_) if graph is None else graph.model
        self._plan = plan
        self._fused: Any = None
        self.guarantee_ = plan.guarantee
        self.tradeoff_ = list(plan.tradeoffs)
        if plan.candidate is None:
            self.stages_ = [Stage(full_blocks, full_model, None, None, plan.expected_seconds, 1.0)]
            return
        calibrated = self._calibrated
        candidate = calibrated.calibration.candidates[plan.candidate]
        if self._fused_blocks is not None:
            self._fused = self._fused_blocks.stage(
                candidate.blocks, calibrated.models[plan.candidate]
            )
        if self._fused is not None:
            self._fused.warm_up()
        self._is_largest = predicts_largest_response(
            calibrated.models[plan.candidate], self._method
        )
        one = bool(np.all(plan.thresholds == plan.thresholds[0]))
        self.stages_ = [
            Stage(
                candidate.blocks,
                calibrated.models[plan.candidate],
                float(plan.thresholds[0]) if one else plan.thresholds,
                plan.measure,
                candidate.stage_seconds,
                plan.early_share,
                candidate.n_trees,
            ),
            Stage(
                full_blocks, full_model, None, None, candidate.rest_seconds, 1 - plan.early_share
            ),
        ]

    # scikit-learn ---------------------------------------------------------------------------

    def get_metadata_routing(self):
        """Get metadata routing of this object.

        Returns
        -------
        routing : MetadataRouter
            A :class:`~sklearn.utils.metadata_routing.MetadataRouter` with the routes of `fit` to
            the estimator's `fit`, the splitter and the scorer.
        """
        return (
            MetadataRouter(owner=self)
            .add(
                estimator=self.estimator,
                method_mapping=MethodMapping().add(caller="fit", callee="fit"),
            )
            .add(
                splitter=self.cv,
                method_mapping=MethodMapping().add(caller="fit", callee="split"),
            )
            .add(
                scorer=check_target_scorer(self.estimator, self.scoring),
                method_mapping=MethodMapping().add(caller="fit", callee="score"),
            )
        )

    @available_if(lambda self: hasattr(self, "stages_"))
    def _sk_visual_block_(self):
        """Stages and blocks for scikit-learn's diagram; while not fitted, its own is drawn."""
        return cascade_diagram(self, self._graph)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        inner = get_tags(self.estimator)
        tags.input_tags = inner.input_tags
        tags.target_tags = inner.target_tags
        tags.classifier_tags = inner.classifier_tags
        tags.non_deterministic = inner.non_deterministic
        return tags


def _has_rows(X):
    """Whether X has rows that can be taken. A mapping of columns has a length, but none."""
    sized = hasattr(X, "__len__") or hasattr(X, "shape")
    return sized and not isinstance(X, Mapping) and num_samples(X) > 0


def _no_plan(target, confidence, reason):
    """Plan where there is nothing to plan with."""
    exact = Guarantee.of_full_model(accuracy_target=target, confidence=confidence, reason=reason)
    return Plan(expected_seconds=float("nan"), guarantee=exact)
