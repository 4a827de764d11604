"""From data to the numbers that a ranker's plan is made from.

Fits the full model on parts of the data and filter models on sets of its blocks, and records the
scores of each on rows that it was not trained on.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, cast

import numpy as np
from joblib import delayed
from sklearn.model_selection import (
    GroupKFold,
    GroupShuffleSplit,
    KFold,
    ShuffleSplit,
    StratifiedKFold,
    StratifiedShuffleSplit,
    check_cv,
)
from sklearn.utils import check_consistent_length, column_or_1d
from sklearn.utils.validation import has_fit_parameter

from .._compat import check_method_params, routing_enabled, safe_indexing
from .._composites import last_step
from .._progress import Progress
from ..blocks import (
    BlockGraph,
    CompiledBlocks,
    Store,
    blocks_used,
    truncation_sizes,
)
from ..cascade._calibration import IMPORTANCE_ROWS, PREFIT_PARTS, PREFIT_TRAIN_SHARE, SELECT_SHARE
from ..compilers import InputUnsupported
from ..planning import (
    TopKCalibration,
    TopKCandidate,
    candidate_sets,
    permutation_importance,
    stable_order,
)
from ..stages._costs import CostMeter, Costs, FusedMeter
from ..stages._models import StageSpec, fit_graph, fit_stages

IMPORTANCE_TOP_SHARE = 0.05
"""Importance of a block is what is lost of this share of the rows, the best ones."""

IMPORTANCE_TOP_ROWS = 20
"""And of so many rows at least."""


def one_score(response) -> np.ndarray:
    """The score that ranks: a regressor's value, or that of the positive (second) class.

    Parameters
    ----------
    response : array-like of shape (n_rows,), (n_rows, 1) or (n_rows, 2)
        What `predict`, `decision_function` or `predict_proba` returns.

    Returns
    -------
    ndarray of float64 of shape (n_rows,)
    """
    response = np.asarray(response)
    return np.asarray(response if response.ndim == 1 else response[:, -1], dtype=np.float64)


@dataclass(frozen=True)
class RankTask:
    """What stays the same for every part of the data.

    Attributes
    ----------
    method : {"predict", "predict_proba", "decision_function"}
        Whose result ranks.
    approx_estimator : estimator or None
    compile : bool
    """

    method: str
    approx_estimator: Any
    compile: bool

    def scores(self, model, features) -> np.ndarray:
        """Score of each row by a model."""
        return one_score(getattr(model, self.method)(features))

    def decide(self, model, features) -> np.ndarray:
        """What the filter does with features; for measuring its cost."""
        return self.read(getattr(model, self.method)(features))

    def read(self, response) -> np.ndarray:
        """What the filter does with a response; for measuring its cost."""
        return one_score(response)


@dataclass(frozen=True)
class RankingData:
    """Rows to fit on, with all that the estimator's `fit` takes.

    Attributes
    ----------
    X : array-like, sparse matrix, data frame or list of n_rows rows
    y : ndarray of shape (n_rows,)
    groups : ndarray of shape (n_rows,) or None
        Query of each row.
    params : dict
        Of the estimator's `fit`.
    size_params : tuple of str
        Those that hold the sizes of consecutive queries (LightGBM's ``group``).
    """

    X: Any
    y: np.ndarray
    groups: np.ndarray | None
    params: dict[str, Any]
    size_params: tuple[str, ...]

    @classmethod
    def make(cls, estimator, X, y, groups, params: Mapping[str, Any]) -> RankingData:
        """Bring groups and a ranker's sizes of queries in line.

        Raises
        ------
        ValueError
            If both are given and differ, sizes do not add up, groups cannot be sorted, or a ranker
            that takes sizes is given groups whose rows are not consecutive.
        """
        params, n_rows = dict(params), len(y)
        if groups is not None:
            queries_of(groups)  # judges them before anything is fitted
        names = [name for name in params if name == "group" or name.endswith("__group")]
        for name in names:
            sizes = np.asarray(params[name])
            if sizes.ndim != 1 or sizes.sum() != n_rows:
                raise ValueError(
                    f"{name} must hold the sizes of consecutive queries. They add up to "
                    f"{sizes.sum()}, but X has {n_rows} rows."
                )
            if groups is None:
                groups = np.repeat(np.arange(len(sizes)), sizes.astype(np.intp))
            elif not np.array_equal(sizes[sizes > 0], run_lengths(groups)):
                raise ValueError(f"groups and {name} tell different queries. Give one of them.")
        if groups is not None and not names and not routing_enabled():
            path, final = last_step(estimator)
            if has_fit_parameter(final, "group"):
                names = [f"{path}__group" if path else "group"]
        data = cls(X, y, groups, params, tuple(names))
        if names:
            data.params.update(data._sizes(np.arange(n_rows)))
        return data

    def _sizes(self, rows) -> dict[str, np.ndarray]:
        if not self.size_params:
            return {}
        assert self.groups is not None
        groups = self.groups[rows]
        sizes = run_lengths(groups)
        if len(sizes) != len(np.unique(groups)):
            raise ValueError(
                "The estimator's fit takes the sizes of consecutive queries, but the rows of some "
                "groups are apart. Sort X, y and groups by group."
            )
        return dict.fromkeys(self.size_params, sizes)

    def take(self, rows) -> tuple[Any, np.ndarray, dict[str, Any]]:
        """X, y and parameters of some rows, in ascending order."""
        by_row = {k: v for k, v in self.params.items() if k not in self.size_params}
        params = check_method_params(self.X, by_row, indices=rows)
        return safe_indexing(self.X, rows), self.y[rows], params | self._sizes(rows)


def run_lengths(groups) -> np.ndarray:
    """Lengths of the runs of equal values."""
    groups = np.asarray(groups)
    starts = np.flatnonzero(np.append(len(groups) > 0, groups[1:] != groups[:-1]))
    return np.diff(np.append(starts, len(groups))).astype(np.intp)


@dataclass(frozen=True)
class RankSetting:
    """How a ranker is to be calibrated.

    Attributes
    ----------
    estimator : estimator
        What to fit on parts of the data; with `prefit`, the fitted full model.
    prefit : bool
    cv : int, float, splitter or None
    stratify : bool
        Whether y holds classes.
    split_params : dict
        Metadata for the splitter.
    feature_costs : mapping of str to float
    n_jobs : int or None
    """

    estimator: Any
    prefit: bool
    cv: Any
    stratify: bool
    split_params: dict[str, Any]
    feature_costs: Mapping[str, float]
    n_jobs: int | None


@dataclass(frozen=True)
class RankCalibrated:
    """What calibration found out.

    Attributes
    ----------
    calibration : TopKCalibration
    models : tuple of estimator
        The filter model of each candidate.
    costs : Costs
    importances : ndarray of float64 of shape (n_blocks,)
    """

    calibration: TopKCalibration
    models: tuple[Any, ...]
    costs: Costs
    importances: np.ndarray


def record_scores(
    graph: BlockGraph, specs: Sequence[StageSpec], models, X, rows, task: RankTask
) -> list[np.ndarray | None]:
    """Scores of the full model and of each filter (None for no model) on some rows of `X`."""
    Z = graph.prepare(safe_indexing(X, rows))
    store: Store = {}
    full = task.scores(graph.model, graph.compute(Z, graph.names, store))
    # A row without a score is last, as in a sort.
    full = np.where(np.isnan(full), -np.inf, full)
    filters = [
        None
        if model is None
        else task.scores(model, graph.compute(Z, spec.blocks_in(graph), store))
        for spec, model in zip(specs, models, strict=True)
    ]
    return [full, *filters]


def scores_of_part(
    setting, graph, specs, data: RankingData, train, test, task
) -> list[np.ndarray | None]:
    """Fit all models on the rows `train` and record their scores on the rows `test`."""
    part = data.take(train)
    if graph is None:
        graph = fit_graph(setting.estimator, *part, compile=task.compile)
    models = fit_stages(graph, specs, *part, approx_estimator=task.approx_estimator)
    return record_scores(graph, specs, models, data.X, test, task)


def calibrate_ranking(
    graph: BlockGraph,
    fused: CompiledBlocks | None,
    data: RankingData,
    task: RankTask,
    setting: RankSetting,
    rng,
    progress: Progress,
) -> RankCalibrated:
    """Fit filter models and record all that a plan is made from.

    Parameters
    ----------
    graph : BlockGraph
        The full model that will answer.
    fused : CompiledBlocks or None
        Its blocks as scores, where they run so.
    data : RankingData
    task : RankTask
    setting : RankSetting
    rng : RandomState
    progress : Progress
        Told of each task.

    Returns
    -------
    RankCalibrated

    Raises
    ------
    ValueError
        If the data cannot be split, or a part of it loses blocks.
    """
    n_rows = len(data.y)
    if setting.prefit:
        splits = _prefit_splits(data, setting, rng)
        first, selecting, train_share = graph, splits[-1][0], 1.0
    else:
        splits = _splits(data, setting, rng)
        with progress.task(f"fit part 1 of {len(splits)}"):
            part = data.take(splits[0][0])
            first = fit_graph(setting.estimator, *part, compile=task.compile)
        selecting = _selecting_rows(splits, data, setting, rng)
        train_share = float(np.mean([len(train) for train, _ in splits])) / n_rows

    with progress.task("measure costs"):
        what = (data.X, "batch", setting.feature_costs)
        meter: CostMeter | FusedMeter | None = None
        if fused is not None:
            # Data that only the original steps can judge are ranked by them.
            with suppress(InputUnsupported):
                meter = FusedMeter(graph, fused, *what)
        if meter is None:
            meter = CostMeter(graph, *what)
    costs = meter.costs
    with progress.task("measure importances"):
        importances = _importances(first, data.X, selecting, task, rng)
    sets = candidate_sets(
        graph.names,
        importances,
        [costs.of_blocks(graph, [name]) for name in graph.names],
        lambda blocks: costs.prefix + costs.of_blocks(graph, blocks),
        full_cost=costs.full(graph),
    )
    specs = [StageSpec(blocks) for blocks in sets]
    if fused is not None and task.approx_estimator is None:
        specs += [StageSpec(blocks_used(graph, n), n) for n in truncation_sizes(graph)]
    progress.log(f"filters to try: {specs}")

    if setting.prefit:
        *inner, (train, test) = splits
        of_parts = (
            delayed(scores_of_part)(setting, graph, specs, data, *split, task) for split in inner
        )
        parts = progress.results("fit filters on parts", of_parts, len(inner), None)
        with progress.task("fit filters"):
            models = fit_stages(
                graph, specs, *data.take(train), approx_estimator=task.approx_estimator
            )
            parts.append(record_scores(graph, specs, models, data.X, test, task))
    else:
        of_parts = (
            delayed(scores_of_part)(setting, fitted, specs, data, *split, task)
            for fitted, split in zip([first, *[None] * len(splits)], splits, strict=False)
        )
        parts = progress.results("fit all models on parts", of_parts, len(splits), setting.n_jobs)
        with progress.task("fit filters"):
            of_all = data.take(np.arange(n_rows))
            models = fit_stages(graph, specs, *of_all, approx_estimator=task.approx_estimator)
    rows = np.concatenate([test for _, test in splits])
    full, *filters = zip(*parts, strict=True)
    # A model that could not be made for some part is no filter.
    made = [i for i, scores in enumerate(filters) if all(score is not None for score in scores)]
    specs, models = [specs[i] for i in made], tuple(models[i] for i in made)
    filter_scores = [np.concatenate(cast(Any, filters[i])) for i in made]
    with progress.task("measure costs of filters"):
        tried = [(spec.blocks, model) for spec, model in zip(specs, models, strict=True)]
        stage_costs = meter.stages(tried, cast(Any, task))
    return RankCalibrated(
        calibration=TopKCalibration(
            candidates=tuple(
                TopKCandidate(
                    blocks=spec.blocks,
                    stage_seconds=stage_seconds,
                    rest_seconds=rest_seconds,
                    score=score,
                    n_trees=spec.n_trees,
                )
                for spec, (stage_seconds, rest_seconds), score in zip(
                    specs, stage_costs.stages, filter_scores, strict=True
                )
            ),
            full_seconds=stage_costs.full,
            full_score=np.concatenate(cast(Any, full)),
            folds=np.repeat(np.arange(len(splits)), [len(test) for _, test in splits]),
            selects=np.isin(rows, selecting),
            queries=None if data.groups is None else tuple(queries_of(data.groups[rows]).values()),
            basis="prefit" if setting.prefit else "cross-fitted",
            train_share=min(train_share, 1.0),
            seed=int(rng.randint(2**31 - 1)),
        ),
        models=models,
        costs=costs,
        importances=importances,
    )


def group_column(groups, X) -> np.ndarray:
    """Query of each row of `X` as an array.

    Raises
    ------
    ValueError
        If it is not one value for each row.
    """
    shape = np.shape(groups)
    if len(shape) != 1 and shape[1:] != (1,):
        raise ValueError(
            f"groups has the shape {shape}, but must hold one value for each row: the name of its "
            "query. To tell queries by several columns, join them into one."
        )
    groups = column_or_1d(groups)
    check_consistent_length(X, groups)
    return groups


def queries_of(groups) -> dict[Any, np.ndarray]:
    """Rows of each query, in ascending order; queries in the order of their first rows.

    Raises
    ------
    ValueError
        If groups cannot be sorted, or are missing for some rows.
    """
    try:
        values, first, codes = np.unique(groups, return_index=True, return_inverse=True)
    except TypeError as error:
        types = ", ".join(sorted({type(value).__name__ for value in groups}))
        raise ValueError(
            f"groups holds values that cannot be sorted, of these types: {types}. Give every row "
            "the name of its query, all of one type and none missing."
        ) from error
    if len(values) and values[-1] != values[-1]:  # missing values are sorted last
        raise ValueError(
            f"groups has a missing value ({values[-1]}). Give every row the name of its query, or "
            "leave out rows without one."
        )
    order = np.argsort(codes, kind="stable")
    rows = np.split(order, np.cumsum(np.bincount(codes, minlength=len(values)))[:-1])
    return {values[i]: rows[i] for i in np.argsort(first)}


def _splitter(data: RankingData, stratify: bool, rng, *, folds=None, **shares):
    """Shuffled folds, or one hold-out; whole queries, or the same share of each class."""
    grouped = data.groups is not None
    if folds is not None:
        kind = GroupKFold if grouped else StratifiedKFold if stratify else KFold
        seed = rng.randint(2**31 - 1) if grouped else rng
        return kind(folds, shuffle=True, random_state=seed)
    single = GroupShuffleSplit if grouped else StratifiedShuffleSplit if stratify else ShuffleSplit
    return single(n_splits=1, random_state=rng, **shares)


def _split(splitter, data: RankingData, rows=None, params=None):
    """Splits of some rows (all by default), as positions in the data."""
    X = data.X if rows is None else safe_indexing(data.X, rows)
    rows = np.arange(len(data.y)) if rows is None else rows
    params = {"groups": data.groups[rows]} if params is None and data.groups is not None else params
    with warnings.catch_warnings():
        # Whether a splitter that knows no groups tears them is checked by who asks.
        warnings.filterwarnings("ignore", message="The groups parameter is ignored")
        splits = list(splitter.split(X, data.y[rows], **(params or {})))
    return [(np.sort(rows[train]), np.sort(rows[test])) for train, test in splits]


def _check_enough_queries(data: RankingData, cv, least: int) -> None:
    """Raise where there are too few queries to hold some out."""
    if data.groups is None:
        return
    n_queries = len(np.unique(data.groups))
    if n_queries < least:
        raise ValueError(
            f"The number of queries in groups is {n_queries}, but cv={cv!r} takes {least} or more: "
            "rows of one query are never split. Tell more queries, or leave groups out: queries "
            "are then drawn from all rows."
        )


def _prefit_splits(data, setting, rng) -> list[tuple[np.ndarray, np.ndarray]]:
    """Splits for a fitted full model, the last one into rows to fit on and rows that certify.

    The splits before it divide the rows to fit on, which select.
    """
    _check_enough_queries(data, "prefit", int(np.ceil(PREFIT_PARTS / PREFIT_TRAIN_SHARE)))
    outer = _splitter(data, setting.stratify, rng, train_size=PREFIT_TRAIN_SHARE)
    ((train, test),) = _split(outer, data)
    inner = _splitter(data, setting.stratify, rng, folds=PREFIT_PARTS)
    return [*_split(inner, data, train), (train, test)]


def _splits(data, setting, rng) -> list[tuple[np.ndarray, np.ndarray]]:
    """Splits into rows to train on and rows to test on, each row tested once."""
    cv = 5 if setting.cv is None else setting.cv
    params = None
    if isinstance(cv, Integral):
        _check_enough_queries(data, cv, int(cv))
        cv = _splitter(data, setting.stratify, rng, folds=int(cv))
    elif isinstance(cv, Real):
        # One at least is left to train on; 1e-9 is for rounding.
        _check_enough_queries(data, cv, max(2, int(np.ceil(1 / (1 - float(cv)) - 1e-9))))
        cv = _splitter(data, setting.stratify, rng, test_size=float(cv))
    else:
        cv = check_cv(cv, y=data.y, classifier=setting.stratify)
        params = dict(setting.split_params)
        if data.groups is not None:
            params.setdefault("groups", data.groups)
    splits = []
    seen = np.zeros(len(data.y), dtype=bool)
    for train, test in _split(cv, data, params=params):
        if data.groups is not None and len(np.intersect1d(data.groups[train], data.groups[test])):
            raise ValueError(
                "cv splits queries: rows of one group are in a training and a test part. Use an "
                "int, a float or a splitter of groups such as GroupKFold."
            )
        # A row that several splits test is evidence only once.
        fresh = test[~seen[test]]
        seen[fresh] = True
        if len(fresh):
            splits.append((train, fresh))
    return splits


def _selecting_rows(splits, data: RankingData, setting, rng) -> np.ndarray:
    """Test rows that choose; the other test rows certify.

    With several parts these are the rows of the first parts, about a quarter of all; with a single
    one they are drawn from it, whole queries where queries were told.
    """
    if len(splits) > 1:
        n_parts = max(1, round(SELECT_SHARE * len(splits)))
        return np.sort(np.concatenate([test for _, test in splits[:n_parts]]))
    (_, test) = splits[0]
    units = test if data.groups is None else np.unique(data.groups[test])
    chosen = rng.permutation(units)[: int(np.ceil(SELECT_SHARE * len(units)))]
    return np.sort(chosen) if data.groups is None else test[np.isin(data.groups[test], chosen)]


def _importances(graph: BlockGraph, X, selecting: np.ndarray, task: RankTask, rng):
    """Share of the model's own best rows that it loses when a block's rows are shuffled."""
    rows = selecting
    if len(rows) > IMPORTANCE_ROWS:
        rows = np.sort(rng.choice(rows, IMPORTANCE_ROWS, replace=False))
    Z = graph.prepare(safe_indexing(X, rows))
    store: Store = {}
    n_top = min(len(rows), max(int(IMPORTANCE_TOP_SHARE * len(rows)), IMPORTANCE_TOP_ROWS))

    def best(known: Mapping[str, Any]) -> np.ndarray:
        features = graph.compute(Z, graph.names, cast(Any, known))
        return stable_order(task.scores(graph.model, features))[:n_top]

    own = best(store)

    def score(block, permutation):
        if block is None:
            return 1.0
        shuffled = dict(store)
        shuffled[block] = safe_indexing(store[block], permutation)
        return float(np.mean(np.isin(own, best(shuffled))))

    return permutation_importance(score, graph.names, len(rows), rng)
