"""`ApproxTopKRanker`: the K best of N rows from cheap features and a few full scores."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from itertools import pairwise
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, MetaEstimatorMixin, is_classifier
from sklearn.metrics import ndcg_score
from sklearn.utils import (
    Bunch,
    check_consistent_length,
    check_random_state,
    column_or_1d,
    gen_batches,
    get_tags,
    indexable,
)
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping, process_routing
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.validation import check_array

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
from .._composites import thawed
from .._persistence import VersionedState
from .._progress import Progress
from ..blocks import compiled_blocks
from ..compilers import InputUnsupported
from ..planning import (
    Search,
    Target,
    TopKGuarantee,
    TopKPlan,
    gap_search,
    make_topk_plan,
    replan_search,
    stable_order,
)
from ..stages._diagram import ranker_diagram
from ..stages._estimator import BlockwiseMixin
from ..stages._passes import Survivors, feature_pass, fused_pass
from ._calibration import (
    RankingData,
    RankSetting,
    RankTask,
    calibrate_ranking,
    group_column,
    one_score,
    queries_of,
)
from ._report import ranker_report

N_TASKS = 8
"""Tasks of `fit`, at most, as callbacks see them."""

CHUNK_ROWS = 16_384
"""Rows that run through the filter together, so that memory does not grow with the query."""

DOUBT = 1e-10
"""Scores closer than this share of the largest could be in another order after rounding."""


@dataclass(frozen=True)
class RankStage:
    """A stage of a ranker.

    Attributes
    ----------
    blocks : tuple of str
        The blocks that its model uses.
    model : estimator
        The fitted steps after the blocks.
    search : Search or None
        How the rows that get the next stage are chosen. None for the last stage.
    cost_seconds : float
        Seconds that the stage adds to a row that reaches it.
    share : float
        Share of a query's rows that reach it, on the calibration rows.
    n_trees : int or None
        Where the model consists of first trees of the full one: how many.
    """

    blocks: tuple[str, ...]
    model: Any = field(repr=False)
    search: Search | None
    cost_seconds: float
    share: float
    n_trees: int | None = None


class ApproxTopKRanker(
    BlockwiseMixin, VersionedState, CallbackSupportMixin, MetaEstimatorMixin, BaseEstimator
):
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

    k : int, default=100
        Largest number of rows that `rank` is to return.

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

    cv : int, float in (0, 1), splitter or "prefit", default=0.3
        How rows that the models were not trained on are had: the share of one hold-out, a number
        of shuffled folds, or a splitter. With ``"prefit"`` the estimator is already fitted and the
        `X` and `y` of `fit`, which it must not have seen, fit the filters, choose and certify. A
        frozen estimator is always taken as prefit.

    approx_estimator : estimator, default=None
        The filter model, fitted on the features of some blocks; of the same kind as the last step.
        By default a clone of the steps after the blocks.

    feature_costs : dict of str to float, default=None
        Seconds a row of blocks whose cost is known better than it can be measured here.

    compile : bool, default=True
        Whether steps may run as compiled kernels.

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
    >>> ranker.guarantee_.kind in ("certified", "estimate", "exact")
    True
    """

    _parameter_constraints: dict = {
        "estimator": [HasMethods(["fit", "predict"])],
        "k": [Interval(Integral, 1, None, closed="left")],
        "precision_target": [Interval(Real, 0, 1, closed="right")],
        "confidence": [Interval(Real, 0, 1, closed="neither"), None],
        "query_size": [Interval(Integral, 1, None, closed="left"), tuple, list, None],
        "cv": [
            "cv_object",
            StrOptions({"prefit"}),
            Interval(RealNotInt, 0.0, 1.0, closed="neither"),
        ],
        "approx_estimator": [HasMethods(["fit", "predict"]), None],
        "feature_costs": [dict, None],
        "compile": ["boolean"],
        "n_jobs": [Integral, None],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
        "scoring": [StrOptions({"ndcg", "precision"})],
    }

    def __init__(
        self,
        estimator,
        *,
        k=100,
        precision_target=0.95,
        confidence=0.95,
        query_size=None,
        cv=0.3,
        approx_estimator=None,
        feature_costs=None,
        compile=True,
        n_jobs=None,
        random_state=None,
        verbose=0,
        scoring="ndcg",
    ):
        self.estimator = estimator
        self.k = k
        self.precision_target = precision_target
        self.confidence = confidence
        self.query_size = query_size
        self.cv = cv
        self.approx_estimator = approx_estimator
        self.feature_costs = feature_costs
        self.compile = compile
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose
        self.scoring = scoring

    @fit_context(
        # *.estimator is not validated yet
        prefer_skip_nested_validation=False
    )
    def fit(self, X, y, *, groups=None, **params):
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
        # What a fit that fails leaves behind is not fitted.
        if "stages_" in vars(self):
            delattr(self, "stages_")
        self._check_query_size()
        X, y = indexable(X, y)
        y = self._check_y(y)
        if groups is not None:
            groups = group_column(groups, X)
        routed = self._route(params)
        data = RankingData.make(thawed(self.estimator), X, y, groups, routed.estimator.fit)

        prefit = self._is_prefit()
        progress = Progress.begin(self, X, y, n_tasks=N_TASKS, log=self._log)
        self._fit_full(X, y, data.params, progress)
        self._method = self._score_method()
        self._check_feature_costs()
        if self._graph is None:
            reason = (
                "the estimator has a single block, so there is nothing to filter by. Blocks are "
                "the transformers of a FeatureUnion or ColumnTransformer in a Pipeline"
            )
            self._set_plan(self._no_plan(reason))
            progress.end(X, y)
            return self

        task = RankTask(self._method, self.approx_estimator, self.compile)
        setting = RankSetting(
            self.estimator,
            prefit,
            self.cv,
            is_classifier(self.estimator),
            routed.splitter.split,
            self.feature_costs or {},
            self.n_jobs,
        )
        if self.compile:
            self._fused_blocks = compiled_blocks(self._graph)
            if self._fused_blocks is not None and not self._fused_blocks.full.gives(self._method):
                self._fused_blocks = None
        self._task = task
        self._calibrated = calibrate_ranking(
            self._graph,
            self._fused_blocks,
            data,
            task,
            setting,
            check_random_state(self.random_state),
            progress,
        )
        self.blocks_ = self._describe_blocks(X)
        with progress.task("choose and certify"):
            self._set_plan(self._make_plan())
        progress.end(X, y)
        return self

    def set_precision_target(self, precision_target):
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
        check_fitted(self)
        previous = self.precision_target
        self.precision_target = precision_target
        try:
            self._validate_params()
            self._check_query_size()
        except ValueError:
            self.precision_target = previous
            raise
        if self._calibrated is None:
            self._set_plan(self._no_plan(self.guarantee_.reason))
        else:
            self._set_plan(self._make_plan())
        return self

    # Answering ------------------------------------------------------------------------------

    def rank(self, X, k=None, *, groups=None, return_scores=False):
        """Find the `k` best rows, best first.

        Rows are ordered as ``np.argsort(-scores, kind="stable")`` orders the full model's scores:
        ties by position, rows without a score (NaN) last. At most `k` of the rows that were found
        are returned, all of them if there are not more.

        Parameters
        ----------
        X : array-like, sparse matrix, data frame or list of str, of n_rows rows
            One query, or several with `groups`.

        k : int, default=None
            Number of rows to return; by default the parameter `k`.

        groups : array-like of shape (n_rows,), default=None
            Query of each row.

        return_scores : bool, default=False
            Whether to return the full model's scores too.

        Returns
        -------
        positions : ndarray of intp of shape (min(k, n_rows),)
            Positions in `X`. With `groups`, a dict of such arrays by group, in the order of their
            first rows.

        scores : ndarray of float64 of shape (min(k, n_rows),)
            Their scores, never a filter's. Only if `return_scores`; with `groups`, a dict.

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
        k = self._checked_k(k)
        if groups is None:
            found = {None: self._rank_one(X, k)}
        else:
            found = self._rank_groups(X, k, queries_of(group_column(groups, X)))
        positions = {group: pair[0] for group, pair in found.items()}
        scores = {group: pair[1] for group, pair in found.items()}
        if groups is None:
            return (positions[None], scores[None]) if return_scores else positions[None]
        return (positions, scores) if return_scores else positions

    def predict(self, X):
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
        return self._full_scores(X)[0]

    def score(self, X, y, *, groups=None):
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
        y = column_or_1d(self._required(y))
        check_consistent_length(X, y)
        classes = getattr(self.estimator_, "classes_", None) if self._classifies() else None
        gain = np.asarray(y if classes is None else y == classes[1], dtype=np.float64)
        with warnings.catch_warnings():
            # What size the rows that score have is not the user's choice of a query.
            warnings.simplefilter("ignore", UserWarning)
            if groups is None:
                queries = {None: np.arange(len(y))}
                ranked = {None: self.rank(X)}
            else:
                queries = queries_of(group_column(groups, X))
                ranked = self.rank(X, groups=groups)
        of_query = _ndcg if self.scoring == "ndcg" else _precision
        values = [
            of_query(gain, rows, ranked[group], binary=classes is not None)
            for group, rows in queries.items()
        ]
        return float(np.mean(values))

    def report(self):
        """Tell what was decided, why, and what is promised.

        Returns
        -------
        str
            Lines of text.
        """
        check_fitted(self)
        return ranker_report(self, self._plan)

    def _checked_k(self, k):
        k = self.k if k is None else k
        if not isinstance(k, Integral) or isinstance(k, bool):
            raise ValueError(f"k is {k!r}. Give the number of rows to return, 0 or more.")
        if k < 0:
            raise ValueError(f"k={k} is negative. Give the number of rows to return.")
        return int(k)

    def _rank_one(self, X, k):
        """Positions and scores of the best rows of one query."""
        n_rows = num_samples(X)
        if k == 0 or n_rows == 0:
            return np.zeros(0, dtype=np.intp), np.zeros(0)
        search = self._search_for(k, n_rows)
        if search is None:
            scores, raw = self._full_scores(X)
            return self._best(X, np.arange(n_rows), scores, raw, k)
        return self._by_pass(X, lambda run: self._searched(X, k, search, run))

    def _rank_groups(self, X, k, queries):
        """The same for several queries; small ones run together."""
        found = {}
        batch: list[Any] = []
        n_batch = 0
        for group, rows in queries.items():
            if len(rows) > CHUNK_ROWS:
                positions, scores = self._rank_one(safe_indexing(X, rows), k)
                found[group] = (rows[positions], scores)
                continue
            if n_batch + len(rows) > CHUNK_ROWS:
                found.update(self._rank_batch(X, k, batch))
                batch, n_batch = [], 0
            batch.append((group, rows))
            n_batch += len(rows)
        if batch:
            found.update(self._rank_batch(X, k, batch))
        return {group: found[group] for group in queries}

    def _rank_batch(self, X, k, batch):
        if k == 0:
            return {group: (rows[:0], np.zeros(0)) for group, rows in batch}
        rows = np.concatenate([rows for _, rows in batch])
        starts = np.cumsum([0, *(len(rows) for _, rows in batch)])
        X = safe_indexing(X, rows)
        searches = [self._search_for(k, len(of_group)) for _, of_group in batch]

        def run_all(run):
            scores, held = run(X)
            survivors = Survivors(scores, [(np.arange(len(scores)), held)])
            return self._batched(X, k, searches, starts, survivors)

        if any(search is None for search in searches):
            full, raw = self._full_scores(X)
            found = [
                self._best(X, np.arange(*ends), full[slice(*ends)], raw[slice(*ends)], k)
                for ends in pairwise(starts)
            ]
        else:
            found = self._by_pass(X, run_all)
        return {
            group: (rows[positions], scores)
            for (group, _), (positions, scores) in zip(batch, found, strict=True)
        }

    def _batched(self, X, k, searches, starts, survivors):
        """Search queries that lie one after the other; candidates are completed together."""
        queries = []
        for search, (start, stop) in zip(searches, pairwise(starts), strict=True):
            of_query = survivors.scores[start:stop]
            if search.rule == "gap":
                queries.append(self._gap(X, k, search, of_query, survivors, start))
            else:
                queries.append((start + np.sort(search.candidates(of_query, k)), None, None))
        open_rows = [rows for rows, scores, _ in queries if scores is None]
        if open_rows:
            scores, raw = survivors.finish(np.concatenate(open_rows), self._compute(X))
            ends = np.cumsum([len(rows) for rows in open_rows])[:-1]
            parts = iter(zip(np.split(scores, ends), np.split(raw, ends), strict=True))
        found = []
        for rows, scores, raw in queries:
            if scores is None:
                scores, raw = next(parts)
            found.append(self._best(X, rows, scores, raw, k))
        return found

    def _searched(self, X, k, search, run):
        """Search one query."""
        n_rows = num_samples(X)
        if search.rule == "gap":
            n_keep = int(min(max(2 * self._plan.share * n_rows, k), n_rows))
        else:
            n_keep = search.least_candidates(k, n_rows)
        survivors = Survivors.of(X, run, n_keep=n_keep, cut=search.cut, chunk_rows=CHUNK_ROWS)
        return self._batched(X, k, [search], [0, n_rows], survivors)[0]

    def _gap(self, X, k, search, filter_score, survivors, start):
        """Rows that the gap rule visits, with their full scores."""
        raws: list[np.ndarray] = []

        def full_score_of(rows):
            scores, raw = survivors.finish(start + rows, self._compute(X))
            raws.append(raw)
            return scores

        visited, scores = gap_search(filter_score, k, search, full_score_of)
        order = np.argsort(visited)
        return start + visited[order], scores[order], np.concatenate(raws)[order]

    def _compute(self, X):
        return lambda rows: self._full_scores(safe_indexing(X, rows))

    def _full_scores(self, X):
        """Scores of all rows by the full model, and the numbers that they follow from."""
        n_rows = num_samples(X)
        if n_rows > CHUNK_ROWS:
            chunks = (safe_indexing(X, rows) for rows in gen_batches(n_rows, CHUNK_ROWS))
            parts = [self._full_scores(chunk) for chunk in chunks]
            return tuple(np.concatenate(column) for column in zip(*parts, strict=True))
        if not self.compile:
            scores = one_score(getattr(self._full, self._method)(X))
            return scores, scores
        response, raw = self._full._with_scores(self._method, X)
        scores = one_score(response)
        return scores, scores if raw is None or raw.shape[1] != 1 else one_score(raw)

    def _by_pass(self, X, answer):
        """Answer by compiled scores where they can judge the input, otherwise by the steps."""
        self._graph.check_columns(self._graph.prepare(safe_indexing(X, [0])))
        if self._fused is not None:
            try:
                return answer(fused_pass(self._graph, self._fused, self._task, self._n_threads()))
            except InputUnsupported:
                pass  # the steps themselves judge unusual input, and raise what they raise
        first = self.stages_[0]
        return answer(feature_pass(self._graph, first.blocks, first.model, self._task))

    def _best(self, X, rows, scores, raw, k):
        """The `k` best of some rows (ascending positions) by their full scores."""
        if self.compile:
            doubtful = _doubtful(scores, raw, k, self._settled)
            if len(doubtful):
                # Another order of summation could swap these: the original decides.
                scores = scores.copy()
                scores[doubtful] = self._original_scores(safe_indexing(X, rows[doubtful]))
        order = stable_order(scores, k)
        return rows[order].astype(np.intp), scores[order]

    def _original_scores(self, X):
        """Scores by the fitted estimator itself."""
        return one_score(getattr(self.estimator_, self._method)(X))

    def _settled(self, raw, reach):
        """Whether scores are the same for all numbers within `reach` of those they follow from."""
        low, high = (
            self._full._from_scores_alone(self._method, (raw + step)[:, None])
            for step in (-reach, reach)
        )
        if low is None or high is None:
            return np.zeros(len(raw), dtype=bool)
        return one_score(low) == one_score(high)

    def _filter_scores(self, X):
        """The filter's scores; nothing is held."""
        return self._by_pass(
            X, lambda run: Survivors.of(X, run, n_keep=0, chunk_rows=CHUNK_ROWS).scores
        )

    def _search_for(self, k, n_rows):
        """How to search a query; None to score all of its rows."""
        plan = self._plan
        if plan.candidate is None or k >= n_rows:
            return None
        low, high = plan.guarantee.query_size
        larger, outside = k > plan.guarantee.k, not low <= n_rows <= high
        if not larger and not outside:
            return plan.search
        told = self.query_size is not None or self._calibrated.calibration.queries is not None
        search, how, weaker = self._other_search(max(k, plan.guarantee.k), n_rows)
        if larger:
            _warn(
                f"k={k} is larger than the k={plan.guarantee.k} that the ranker was tuned for: "
                f"{how}. Set a larger k in the ranker and fit it again."
            )
        elif told:
            _warn(
                f"A query of {n_rows} rows is not within the sizes {low} to {high} that the ranker "
                f"was tuned for: {how}. Fit with a query_size that holds it."
            )
        elif weaker:
            _warn(
                f"The certificate is for queries of {low} rows, and this one has {n_rows}: {how}. "
                "Fit on more rows, with a query_size that holds it."
            )
        return search

    def _other_search(self, k, n_rows):
        """Search for sizes that the plan is not for, what it is, and whether less is promised."""
        plan = self._plan
        if k >= n_rows:
            return None, "all rows are scored by the full model", False
        if plan.search.rule == "ratio":
            how = f"the ratio of {plan.search.ratio} candidates for each row is kept"
            return plan.search, how, False
        if self._calibrated.calibration.queries is not None:
            if k > plan.guarantee.k:
                return None, "all rows are scored by the full model", False
            return plan.search, "the search is the same, and nothing is promised", True
        # Certify anew, from what fit stored.
        target = Target(k, (n_rows, n_rows), self._target.precision, self._target.confidence)
        search, kind = replan_search(self._calibrated.calibration, plan, target)
        if search is None:
            return None, "all rows are scored by the full model", False
        weaker = kind != plan.guarantee.kind == "certified"
        return search, f"the search was planned anew for it ({kind})", weaker

    # Planning -------------------------------------------------------------------------------

    def _check_query_size(self):
        size = self.query_size
        if size is None or isinstance(size, Integral):
            return
        whole = len(size) == 2 and all(isinstance(n, Integral) for n in size)
        if not whole or not 1 <= size[0] <= size[1]:
            raise ValueError(
                f"query_size={size!r} is not a range of numbers of rows. Give one number, or the "
                "least and the largest."
            )

    def _required(self, y):
        if y is None:
            raise ValueError(
                f"{type(self).__name__} requires y to be passed, but the target y is None. Give "
                "the values, relevance or classes of the rows."
            )
        return y

    def _check_y(self, y):
        y = column_or_1d(self._required(y), warn=True)
        if self._classifies():
            kind = type_of_target(y, input_name="y")
            n_classes = len(np.unique(y))
            if kind not in ("binary", "multiclass") or n_classes != 2:
                raise ValueError(
                    f"y holds {n_classes} classes ({kind}). Rows are ranked by the probability of "
                    "one class: give a y of two, such as the class to rank by against the others."
                )
            return y
        return check_array(y, ensure_2d=False, dtype=None, input_name="y") if _numeric(y) else y

    def _classifies(self):
        return is_classifier(thawed(self.estimator))

    def _score_method(self):
        estimators = [self.estimator_]
        if self.approx_estimator is not None:
            estimators.append(self.approx_estimator)
        if not self._classifies():
            return "predict"
        if len(self.estimator_.classes_) != 2:
            raise ValueError(
                f"The fitted estimator knows {len(self.estimator_.classes_)} classes. Rows are "
                "ranked by the probability of one: fit it on two classes."
            )
        for method in ("predict_proba", "decision_function"):
            if all(hasattr(estimator, method) for estimator in estimators):
                return method
        raise ValueError(
            "The estimator and approx_estimator share neither predict_proba nor decision_function, "
            "so that there is no score to rank by."
        )

    def _route(self, params):
        """Metadata for the estimator and the splitter."""
        if routing_enabled():
            return process_routing(self, "fit", **params)
        return Bunch(estimator=Bunch(fit=params), splitter=Bunch(split={}))

    def _query_sizes(self):
        """Least and largest number of rows of a query to plan for."""
        calibration = self._calibrated and self._calibrated.calibration
        if calibration and calibration.queries is not None:
            sizes = [len(rows) for rows in calibration.queries]
            return min(sizes), max(sizes)
        if self.query_size is None:
            n_rows = len(calibration.full_score) if calibration else 0
            return n_rows, n_rows
        if isinstance(self.query_size, Integral):
            return int(self.query_size), int(self.query_size)
        return int(self.query_size[0]), int(self.query_size[1])

    def _make_plan(self):
        self._target = Target(
            int(self.k), self._query_sizes(), float(self.precision_target), self.confidence
        )
        return make_topk_plan(self._calibrated.calibration, self._target)

    def _no_plan(self, reason):
        """Plan where there is nothing to plan with."""
        target = Target(self.k, self._query_sizes(), float(self.precision_target), self.confidence)
        exact = TopKGuarantee.of_full_model(target, reason=reason)
        return TopKPlan(expected_seconds=float("nan"), guarantee=exact)

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
            self.stages_ = [RankStage(full_blocks, full_model, None, plan.expected_seconds, 1.0)]
            return
        candidate = self._calibrated.calibration.candidates[plan.candidate]
        model = self._calibrated.models[plan.candidate]
        if self._fused_blocks is not None:
            self._fused = self._fused_blocks.stage(candidate.blocks, model)
            if self._fused is not None and not self._fused.approx.gives(self._method):
                self._fused = None
        if self._fused is not None:
            self._fused.warm_up()
        self.stages_ = [
            RankStage(
                candidate.blocks,
                model,
                plan.search,
                candidate.stage_seconds,
                1.0,
                candidate.n_trees,
            ),
            RankStage(full_blocks, full_model, None, candidate.rest_seconds, plan.share),
        ]

    # scikit-learn ---------------------------------------------------------------------------

    def get_metadata_routing(self):
        """Get metadata routing of this object.

        Returns
        -------
        routing : MetadataRouter
            A :class:`~sklearn.utils.metadata_routing.MetadataRouter` with the routes of `fit` to
            the estimator's `fit` and the splitter.
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
        )

    @available_if(lambda self: hasattr(self, "stages_"))
    def _sk_visual_block_(self):
        """Stages and blocks for scikit-learn's diagram; while not fitted, its own is drawn."""
        return ranker_diagram(self, self._graph)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        inner = get_tags(self.estimator)
        tags.input_tags = inner.input_tags
        tags.target_tags = inner.target_tags
        tags.target_tags.required = True
        tags.non_deterministic = inner.non_deterministic
        return tags


def _numeric(y):
    return np.asarray(y).dtype.kind in "fiub"


def _warn(message):
    warnings.warn(message, UserWarning, stacklevel=5)


def _largest(raw) -> float:
    """The largest number that is finite, by its size."""
    return float(np.abs(raw[np.isfinite(raw)]).max(initial=0.0))


def _runs_in_doubt(scores, raw, settled, largest=None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Runs of rows whose places rounding could change among themselves.

    The numbers that scores follow from are known up to rounding. Rows are close if theirs are next
    to one another, or differ while the scores are the same but for their last bits. Where they
    are equal, so are the features, and the tie is one in any order of summation; so it is where
    both scores stay the same whatever rounding does, such as probabilities of one.

    Parameters
    ----------
    scores, raw : ndarray of float64 of shape (n_rows,)
    settled : callable
        Of numbers and how far rounding may move them: whether each one's score stays the same.
    largest : float, default=None
        That of all rows' numbers, where only some rows are given.

    Returns
    -------
    order : ndarray of intp of shape (n_rows,)
        Positions of the rows, best first.
    runs : ndarray of intp of shape (n_rows,)
        The run of each row of `order`, ascending from 0.
    in_doubt : ndarray of intp
        Runs that hold rows that are close and not equal.
    """
    order = np.lexsort((-raw, -scores))
    ordered, of_raw = scores[order], raw[order]
    reach = DOUBT * (_largest(raw) if largest is None else largest)
    with np.errstate(invalid="ignore"):
        last_bits = np.abs(ordered[:-1] - ordered[1:]) <= 4 * np.spacing(np.abs(ordered[:-1]))
        close = (np.abs(of_raw[:-1] - of_raw[1:]) <= reach) | last_bits
    runs = np.concatenate([[0], np.cumsum(~close)])
    near = close & (of_raw[:-1] != of_raw[1:])
    if near.any():
        stays = settled(of_raw, reach)
        near &= ~(stays[:-1] & stays[1:])
    return order, runs, np.unique(runs[:-1][near])


def _doubtful(scores, raw, k, settled, largest=None) -> np.ndarray:
    """Positions of rows whose place among the first `k` rounding could change."""
    if len(scores) < 2:
        return np.zeros(0, dtype=np.intp)
    order, runs, in_doubt = _runs_in_doubt(scores, raw, settled, largest)
    return np.sort(order[np.isin(runs, np.intersect1d(in_doubt, runs[:k]))])


def _ndcg(gain, rows, ranked, *, binary):
    """NDCG of the ranked rows of one query."""
    gain = gain[rows] - min(0.0, float(gain[rows].min(initial=0.0)))
    k = len(ranked)
    if len(rows) < 2 or k == 0 or not gain.any():
        return 1.0
    by_position = np.searchsorted(rows, ranked)
    order = np.zeros(len(rows))
    order[by_position] = np.arange(k, 0, -1)
    return float(ndcg_score(gain[None], order[None], k=k, ignore_ties=True))


def _precision(gain, rows, ranked, *, binary):
    """Share of the ranked rows of one query that are among the best."""
    if not len(ranked):
        return 1.0
    of_query = gain[rows]
    bar = 1.0 if binary else np.sort(of_query)[::-1][len(ranked) - 1]
    return float(np.mean(gain[ranked] >= bar))
