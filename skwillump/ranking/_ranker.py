"""`ApproxTopKRanker`: the K best of N rows from cheap features and a few full scores."""

import warnings
from collections.abc import Sequence
from itertools import compress
from numbers import Integral, Real
from typing import Any, Self

import numpy as np
from sklearn.utils import check_consistent_length, column_or_1d

from .._compat import Interval, StrOptions, check_fitted, validates_parameters
from .._containers import with_rows
from ..planning import TopKGuarantee, TopKTradeoff
from ..stages._labels import required
from ._answering import checked_k, rank_queries, rank_query, searcher_of
from ._base import BaseRanker
from ._queries import QUERIES, ndcg, precision, queries_of
from ._stage import RankStage
from ._targets import REQUIRED, classifies


class ApproxTopKRanker(BaseRanker):
    """Find the K best of N rows without computing all features of all rows.

    Wraps a `Pipeline` that ends in a regressor, a ranker or a binary classifier and whose features
    come in blocks. A filter model on a few cheap blocks scores every row; the rows that it lets
    through get the missing blocks and the full model's score, and the K best of these are
    returned. The filter is chosen by least expected cost such that enough of the full model's own
    K best are found. How deep the search must go is certified on rows set apart from those that
    chose.

    Parameters
    ----------
    estimator : regressor, ranker or binary classifier
        A `Pipeline` with a `FeatureUnion` or `ColumnTransformer`, nested as deep as needed, with
        any steps before and after it. Its score of a row is what `predict` returns; of a
        classifier, the probability of the second class of ``classes_`` or, where there is no
        `predict_proba`, the decision function. Any other estimator works too: it has a single
        block and scores every row.

    k : int or float in (0, 1), default=100
        Largest number of rows that `rank` is to return; a float is a share of each query's rows,
        rounded up, where queries are not told with `groups` in `fit`.

    precision_target : float in (0, 1], default=0.95
        Mean share of the full model's own `k` best that are found. With 1.0 nothing is
        approximated.

    confidence : float in (0, 1) or None, default=0.95
        Probability with which the target is met. None is the rule of [1]_, which takes a multiple
        of `k` for candidates that meets the target on resampled queries, and promises nothing.

    query_size : int, (int, int) or None, default=None
        Number of rows that `rank` will be given, or the least and largest number. With None, the
        plan that `fit` reports is for as many rows as calibrate, and each call of `rank` is
        planned for its own size. Where `groups` are told, their sizes are used.

    cv : int, float in (0, 1), splitter or "prefit", default=5
        How rows that the models were not trained on are had: the share of one hold-out, a number
        of shuffled folds, or a splitter. With ``"prefit"`` the estimator is already fitted and the
        `X` and `y` of `fit`, which it must not have seen, fit the filters, choose and test. A
        frozen estimator is always taken as prefit.

    refit : bool, default=True
        Whether the models that answer are fitted on all rows, after others were fitted on parts of
        them to plan with. With False, `cv` must be a float (or split once): the models that answer
        are those fitted on the training rows alone, `estimator_` too, and the held-out rows certify
        them. Not used with ``cv="prefit"``.

    approx_estimator : estimator, default=None
        The filter model, fitted on the features of some blocks; of the same kind as the last step.
        By default a clone of the steps after the blocks.

    feature_costs : dict of str to float, default=None
        Seconds a row of blocks whose cost is known better than it can be measured here.

    compile : bool, default=True
        Whether steps may run as compiled kernels, and text vectorizers learn by kernels in `fit`.
        The full model is that of a plain fit either way.

    memory : str or object with the joblib.Memory interface, default=None
        Where to keep what was fitted and calibrated, as in :class:`sklearn.pipeline.Pipeline`: a
        fit on the same rows that differs only in `k`, `precision_target`, `confidence` or
        `verbose` takes it from there, so that a search over targets costs about one fit. Give a
        path for a folder on disk. With ``random_state=None`` what is found is of the splits that
        were drawn then.

    n_jobs : int, default=None
        Number of parts of the data to fit in parallel, and of threads that rank.

    random_state : int, RandomState instance or None, default=None
        For splits, permutations and resampling. The estimator's own randomness is not touched.

    verbose : int, default=0
        With 1, prints what `fit` is doing. With scikit-learn 1.9 or later, `set_callbacks` takes
        callbacks such as :class:`sklearn.callback.ProgressBar` too.

    scoring : {"ndcg", "precision"}, default="ndcg"
        What `score` returns.

    Attributes
    ----------
    estimator_ : estimator
        The full model: what ``clone(estimator).fit(X, y)`` gives.

    stages_ : list of RankStage
        The stages in order; the last one is the full model.

    blocks_ : list of Block
        The feature blocks. Importance is the share of the model's own best rows that it no longer
        finds when the block's rows are shuffled.

    tradeoff_ : list of TopKTradeoff
        Precision against cost for each set of blocks that was considered.

    guarantee_ : TopKGuarantee
        What is promised, and on what evidence.

    n_features_in_ : int
        Number of features seen in `fit`, where the estimator has it.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of features seen in `fit`, where the estimator has it.

    See Also
    --------
    CascadeClassifier : Predicts classes; answers confident rows from cheap features.

    Notes
    -----
    A transformer must treat each row on its own: one that uses other rows of the batch (the
    batch's mean, say) gives other features when it sees fewer rows.

    Ties of full scores are broken by position. Where `groups` are not told, what is promised is for
    queries whose rows that tie are in an order that says nothing of them: shuffle a query that is
    sorted.

    References
    ----------
    .. [1] P. Kraft, D. Kang, D. Narayanan, S. Palkar, P. Bailis, M. Zaharia, "Willump: A
       Statistically-Aware End-to-end Optimizer for Machine Learning Inference", MLSys 2020,
       section 4.3.
    .. [2] S. Bates, A. Angelopoulos, L. Lei, J. Malik, M. I. Jordan, "Distribution-free,
       risk-controlling prediction sets", Journal of the ACM 68 (2021), arXiv 2101.02703.
    .. [3] I. Waudby-Smith, A. Ramdas, "Estimating means of bounded random variables by betting",
       2020, arXiv 2010.09686.

    Examples
    --------
    >>> from sklearn.feature_extraction.text import TfidfVectorizer
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline, make_union
    >>> from skwillump import ApproxTopKRanker
    >>> from skwillump.datasets import load_stdlib_lines
    >>> X, y = load_stdlib_lines(return_X_y=True)
    >>> X, y = X[::50], y[::50]
    >>> pipeline = make_pipeline(
    ...     make_union(TfidfVectorizer(), TfidfVectorizer(analyzer="char", ngram_range=(2, 5))),
    ...     LogisticRegression(),
    ... )
    >>> ranker = ApproxTopKRanker(pipeline, k=100, precision_target=0.8, random_state=0)
    >>> best = ranker.fit(X, y).rank(X[:1000], k=3)
    >>> best.shape
    (3,)
    >>> ranker.guarantee_.kind in ("cross-fitted", "estimate", "exact")
    True
    """

    stages_: list[RankStage]
    tradeoff_: list[TopKTradeoff]
    guarantee_: TopKGuarantee

    _use_instead = {
        **BaseRanker._use_instead,
        "predict_one": "rank(X) takes the rows of a query, predict(X) gives their scores",
        "predict_proba": "predict(X) gives the scores to rank by",
        "predict_stage": "rank(X) scores all rows in the first stage, and the best in the second",
        "plot": "TopKDisplay.from_estimator draws it",
        "set_accuracy_target": "set_precision_target is a ranker's",
    }

    _parameter_constraints: dict = {
        **BaseRanker._parameter_constraints,
        "k": [
            Interval(Integral, 1, None, closed="left"),
            Interval(Real, 0, 1, closed="neither"),
        ],
        "precision_target": [Interval(Real, 0, 1, closed="right")],
        "query_size": [Interval(Integral, 1, None, closed="left"), tuple, list, None],
        "scoring": [StrOptions({"ndcg", "precision"})],
    }

    def __init__(
        self,
        estimator: Any,
        *,
        k: float = 100,
        precision_target: float = 0.95,
        confidence: float | None = 0.95,
        query_size: int | Sequence[int] | None = None,
        cv: Any = 5,
        refit: bool = True,
        approx_estimator: Any = None,
        feature_costs: dict[str, float] | None = None,
        compile: bool = True,
        memory: Any = None,
        n_jobs: int | None = None,
        random_state: Any = None,
        verbose: int = 0,
        scoring: str = "ndcg",
    ) -> None:
        self.estimator = estimator
        self.k = k
        self.precision_target = precision_target
        self.confidence = confidence
        self.query_size = query_size
        self.cv = cv
        self.refit = refit
        self.approx_estimator = approx_estimator
        self.feature_costs = feature_costs
        self.compile = compile
        self.memory = memory
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose
        self.scoring = scoring

    @validates_parameters
    def fit(self, X: Any, y: Any, *, groups: Any = None, **params: Any) -> Self:
        """Fit the full model, plan the search and certify it.

        Parameters
        ----------
        X : array-like, sparse matrix, data frame or list of str, of n_rows rows
            Training data, in any form that the estimator takes. With ``cv="prefit"``,
            calibration data.

        y : array-like of shape (n_rows,)
            Values, relevance or two classes.

        groups : array-like of shape (n_rows,), default=None
            Query of each row. Precision is then that of these queries, and rows of one are never
            split. Without it, a query is `query_size` rows drawn from the same distribution.

        **params : dict
            Passed to the estimator's `fit` (``ridge__sample_weight=...`` for a step of a
            pipeline). A last step that takes the sizes of queries (LightGBM's ``group``) is given
            those of `groups`; ``lgbmranker__group=sizes`` instead of `groups` works too. With
            metadata routing enabled, routed to the estimator and the splitter that request them.

        Returns
        -------
        self : ApproxTopKRanker

        Raises
        ------
        ValueError
            If `y` is None or, of a classifier, has not two classes, `feature_costs` names a block
            that does not exist, `groups` holds missing values, several types or fewer queries than
            `cv` takes, or `groups` and the sizes of queries differ.
        """
        return self._fit(X, y, params, groups)

    def set_precision_target(self, precision_target: float) -> Self:
        """Choose filter and search for another target, from what `fit` stored.

        Nothing is fitted. The outcome is that of a fit with the same costs at that target, and
        with the `k`, `confidence` and `query_size` that the parameters now say.

        Parameters
        ----------
        precision_target : float in (0, 1]

        Returns
        -------
        self : ApproxTopKRanker
        """
        return self._set_target(precision_target)

    def certify(self, X: Any, *, groups: Any = None) -> Self:
        """Test how deep the models that answer must search, on fresh rows without labels.

        Nothing is fitted: how deep the search goes is read from these rows, deeper or less deep
        than `fit` had it. Where `fit` found nothing to be shown, a filter is chosen by the rows of
        `fit`. What is shown is certified, whatever the models were fitted on; where it does not
        pay, all rows get the full model's score.

        Parameters
        ----------
        X : array-like, sparse matrix, data frame or list of str, of n_rows rows
            Rows of the distribution that will be ranked, drawn independently, that no model was
            fitted on: those of past queries, for instance.

        groups : array-like of shape (n_rows,), default=None
            Query of each row. With it, queries must be independent of one another, their rows need
            not be.

        Returns
        -------
        self : ApproxTopKRanker

        Raises
        ------
        ValueError
            If the rows are too few to certify anything, `confidence` is None, or
            `precision_target` was set to 1.0, which allows no filter, beside one in use.

        Notes
        -----
        The certificate is for one call, with a target that was fixed before. Of several calls with
        other rows until one succeeds, the promise is broken more often.
        """
        return self._certify(X, groups)

    # Answering ------------------------------------------------------------------------------

    def rank(
        self,
        X: Any,
        k: float | None = None,
        *,
        groups: Any = None,
        return_scores: bool = False,
        return_evidence: bool = False,
    ) -> Any:
        """Find the `k` best rows, best first.

        Rows are ordered as ``np.argsort(-scores, kind="stable")`` orders the full model's scores:
        ties by position, rows without a score (NaN) last. At most `k` of the rows that were found
        are returned, all of them if there are not more.

        Parameters
        ----------
        X : array-like, sparse matrix, data frame or list of str, of n_rows rows
            One query, or several with `groups`.

        k : int or float in (0, 1), default=None
            Number of rows to return, or their share of a query; by default the parameter `k`.

        groups : array-like of shape (n_rows,), default=None
            Query of each row.

        return_scores : bool, default=False
            Whether to return the full model's scores too.

        return_evidence : bool, default=False
            Whether to show, for this very query, how many of the K best may be missing. Full scores
            of a random sample of the rows that were not let through bound their number, whatever
            the query; the search goes on until `precision_target` is shown with `confidence`. For
            a small `k` that would take most rows: there, a small sample is drawn, which can only
            tell that far too few were let through. All rows are scored then.

        Returns
        -------
        positions : ndarray of intp of shape (min(k, n_rows),)
            Positions in `X`. With `groups`, a dict of such arrays by group, in the order of their
            first rows.

        scores : ndarray of float64 of shape (min(k, n_rows),)
            Their scores, never a filter's. Only if `return_scores`; with `groups`, a dict.

        evidence : RankEvidence
            Rows that were visited, drawn and found, ``most_missing``, the ``precision`` that is
            thus shown with ``confidence``, whether the target ``is_met``, and ``alarm``. Only if
            `return_evidence`; with `groups`, a dict.

        Raises
        ------
        ValueError
            If `k` is negative, or `groups` holds missing values or several types.

        Warns
        -----
        UserWarning
            If `k` is larger than the parameter, or the number of rows is not within `query_size`
            (nor among those of the groups seen in `fit`). What is then done is safe, but for a
            size that the guarantee was not made for. With ``query_size=None``, if the guarantee is
            certified and the promise for this number of rows is an estimate.
        """
        check_fitted(self)
        k, X = checked_k(self, k), with_rows(X)
        asked = (True, return_scores, return_evidence)
        answers: tuple[Any, ...]
        if groups is None:
            answers = tuple(compress(rank_query(self, X, k, shows=return_evidence), asked))
        else:
            ranked = rank_queries(self, X, k, groups, shows=return_evidence)
            answers = tuple(
                {group: best[i] for group, best in ranked.items()}
                for i in compress(range(3), asked)
            )
        return answers[0] if len(answers) == 1 else answers

    def predict(self, X: Any) -> np.ndarray:
        """Score every row by the full model.

        Parameters
        ----------
        X : array-like, sparse matrix, data frame or list of str, of n_rows rows

        Returns
        -------
        ndarray of float64 of shape (n_rows,)
            What `rank` orders by: values, or probabilities or decision values of the second class.
        """
        check_fitted(self)
        return searcher_of(self).full_scores(X)[0]

    def score(self, X: Any, y: Any, *, groups: Any = None) -> float:
        """Tell how good the rows that `rank` returns are.

        Parameters
        ----------
        X : array-like, sparse matrix, data frame or list of str, of n_rows rows
            A query, or several with `groups`.

        y : array-like of shape (n_rows,)
            True values, relevance or classes.

        groups : array-like of shape (n_rows,), default=None

        Returns
        -------
        float
            With ``scoring="ndcg"``, the normalized discounted cumulative gain at `k` of the rows
            in the order in which they are returned. The gain of a row is its `y`, less the
            smallest of the query where that is negative; of a classifier, 1 for the second class.
            With ``scoring="precision"``, the share of the returned rows that are among the `k`
            with the largest `y` (of equal ones at the end all count) or, of a classifier, of the
            second class. The mean over queries.
        """
        check_fitted(self)
        X, y = with_rows(X), column_or_1d(required(y, owner=type(self).__name__, what=REQUIRED))
        check_consistent_length(X, y)
        best_class = None
        if classifies(self.estimator):
            best_class = getattr(self.estimator_, "classes_", [None, None])[1]
        gain = np.asarray(y if best_class is None else y == best_class, dtype=np.float64)
        with warnings.catch_warnings():
            # What size the rows that score have is not the user's choice of a query.
            warnings.simplefilter("ignore", UserWarning)
            if groups is None:
                queries = {None: np.arange(len(y))}
                ranked = {None: self.rank(X)}
            else:
                queries = queries_of(QUERIES.column(groups, X))
                ranked = self.rank(X, groups=groups)
        measure = ndcg if self.scoring == "ndcg" else precision
        values = [
            measure(gain, rows, ranked[group], binary=best_class is not None)
            for group, rows in queries.items()
        ]
        return float(np.mean(values))
