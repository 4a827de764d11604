"""Approximate models: which to make, and fitting them on some blocks."""

from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.base import clone
from sklearn.pipeline import Pipeline
from sklearn.utils.metadata_routing import get_routing_for_object
from sklearn.utils.validation import has_fit_parameter

from .._compat import routing_enabled
from .._compiled import compile_pipeline
from .._containers import column_names, num_samples, take_rows
from ..blocks import (
    BlockGraph,
    TruncatedEnsemble,
    blocks_used,
    match_scores,
    single_block,
    split_pipeline,
    tree_scores,
    truncated_ensemble,
    truncation_sizes,
    unfitted,
)
from ..compilers import fast_encoders, fast_vectorizers
from ..planning import CheaperModel
from ._costs import BlockCosts
from ._feature_parameters import translate_chain, translate_fit_params
from ._feature_subsets import FeatureSubset, NotTranslatable
from ._report import blocks_text, model_text
from ._stacking import CHECKED_ROWS, BlockFeatures
from ._stand_ins import fit_stand_in
from ._surrogates import fit_surrogate

WORTH_STACKING = 3
"""So many sets of blocks are put side by side without asking the composite for each."""

OTHER_BLOCKS = "fitted on all rows it has other blocks than on a part of them"
"""Why models on some blocks cannot be tried."""

MOST_CHARACTERS = 200
"""Characters that are shown of the message of an error, at most."""


@dataclass(frozen=True)
class StageSpec(CheaperModel):
    """An approximate model to make: where it is no cut-off ensemble, it is fitted on the blocks."""

    # How the scores of such an ensemble are calibrated; no offset for not at all.
    slope: float = 1.0
    offset: tuple[float, ...] = ()
    # Of an ensemble that is fitted on the blocks: parameters that have other values than those of
    # the full model, so that it is fitted and answers faster.
    lighter: tuple[tuple[str, int], ...] = ()

    def in_words(self) -> str:
        """Say what it consists of."""
        what = model_text(self) or "model"
        article = "the" if self.n_trees is not None else "a"
        return f"{article} {what} on {blocks_text(self.blocks)}"

    @property
    def reads_rows(self) -> bool:
        """Whether it reads rows as they come, and no block."""
        return not self.blocks

    def blocks_in(self, graph: BlockGraph) -> tuple[str, ...]:
        """Blocks that the model uses in another graph, whose trees may look at others."""
        if self.n_trees is None:
            return self.blocks
        used = {*self.blocks, *blocks_used(graph, self.n_trees)}
        return tuple(name for name in graph.names if name in used)

    def of_trees(self, graph: BlockGraph) -> TruncatedEnsemble | None:
        """Return the model of first trees; None where a graph's model has none."""
        assert self.n_trees is not None
        model = truncated_ensemble(graph, self.n_trees, self.blocks_in(graph))
        if model is None or not self.offset:
            return model
        return model.calibrated(self.slope, np.array(self.offset))


def in_words(specs: Sequence[StageSpec]) -> str:
    """What approximate models consist of."""
    return "; ".join(spec.in_words() for spec in specs) or "none"


def truncated_specs(graph: BlockGraph, first: BlockGraph, features: Any | None) -> list[StageSpec]:
    """Approximate models that are truncations of the full model's own ensemble.

    Parameters
    ----------
    graph : BlockGraph
        The full model that will answer.
    first : BlockGraph
        What calibrates: `graph`, or the same fitted on a fold.
    features : array-like, sparse matrix or None
        All features of rows that the trees of `first` were not trained on; None where the scale of
        the scores does not matter.

    Returns
    -------
    list of StageSpec
        Empty where the model is no ensemble of trees, or is not compiled.
    """
    specs = []
    whole = None  # the scores of all trees
    for n_trees in truncation_sizes(graph):
        blocks = blocks_used(graph, n_trees)
        if not blocks:
            continue
        spec = StageSpec(blocks, n_trees=n_trees)
        if features is not None:
            model = truncated_ensemble(first, n_trees, first.names)
            if model is None:
                continue
            slope, offset = 1.0, np.zeros(model.truncated.n_outputs)
            if model.truncated.is_boosted:
                if whole is None:
                    whole = tree_scores(first, features)
                relative = model.truncated.is_relative
                slope, offset = match_scores(model.scores(features), whole, relative)
            spec = replace(spec, slope=slope, offset=tuple(offset.tolist()))
        specs.append(spec)
    return specs


def fit_plainly(estimator, X, y, params: dict, *, compile: bool) -> Any:
    """Fit an estimator of the user's own; with `compile`, vectorizers and encoders learn fast.

    What is fitted is the same, to the last bit.

    Returns
    -------
    estimator
        What its `fit` returns.
    """
    if not compile:
        return estimator.fit(X, y, **params)
    with fast_vectorizers(), fast_encoders():
        return estimator.fit(X, y, **params)


class NoEvidence(ValueError):
    """There is nothing to plan with: the full model, which is fitted, answers every row.

    Parameters
    ----------
    costs : BlockCosts, optional
        What blocks cost, where that is why.
    for_target : bool
        Whether there may be some at a lower target.
    """

    def __init__(self, reason: str, costs: BlockCosts | None = None, *, for_target: bool = False):
        super().__init__(reason)
        self.costs, self.for_target = costs, for_target


@dataclass(frozen=True)
class LeftOut:
    """An approximate model that could not be made, or could not answer, and why."""

    reason: str

    @classmethod
    def because_of(cls, error: Exception) -> "LeftOut":
        """Return the reason of an exception, in one line."""
        if isinstance(error, NotTranslatable):
            return cls(str(error))
        lines = str(error).strip().splitlines() or [""]
        return cls(f"{type(error).__name__}: {lines[0][:MOST_CHARACTERS]}")


def those_left_out(found: Sequence[Any]) -> dict[int, LeftOut]:
    """What was left out of what was made of several models, by position."""
    return {i: one for i, one in enumerate(found) if isinstance(one, LeftOut)}


def read_graph(fitted, X, *, compile: bool) -> BlockGraph | None:
    """Split a fitted estimator into blocks; None where nothing could be cheaper.

    That is so of one compiled block with a linear model behind it.

    Parameters
    ----------
    fitted : estimator
    X : array-like, sparse matrix, data frame or list
        Rows, of which one is looked at.
    compile : bool
        Whether blocks may run compiled.
    """
    row = take_rows(X, [0]) if num_samples(X) else None
    graph = split_pipeline(fitted, compile=compile, row=row)
    if graph is None:
        graph = single_block(fitted, compile=compile, row=row)
    if graph is not None:
        # Where one row alone cannot be transformed, blocks keep the dtypes that they have.
        with suppress(Exception):
            return graph.with_layout_of(row)
    return graph


def fit_graph(estimator, X, y, params: dict, *, compile: bool) -> BlockGraph:
    """Fit a clone of the estimator on a fold; split it into blocks."""
    fitted = fit_plainly(clone(estimator), X, y, params, compile=compile)
    graph = read_graph(fitted, X, compile=compile)
    if graph is None:
        raise NoEvidence(OTHER_BLOCKS)
    return graph


def with_compiled_trees(graph: BlockGraph) -> BlockGraph:
    """The same, with a compiled twin of its model of trees that answers in its place."""
    twin = compile_pipeline(graph.model)
    return replace(graph, compiled_model=twin._parts.model, answering=twin)


def fit_stages(
    graph: BlockGraph,
    specs: Sequence[StageSpec],
    X,
    y,
    params: dict,
    approx_estimator=None,
    *,
    known: BlockFeatures | None = None,
) -> tuple[Any, ...]:
    """Make each approximate model, or say why it cannot be; each block is computed once.

    Parameters
    ----------
    graph : BlockGraph
        The full model.
    y : array-like of shape (n_rows,)
    params : dict
        What the full pipeline's `fit` was given, for these rows.
    approx_estimator : classifier, optional
    known : BlockFeatures, optional
        Features of these rows, where some are known already.

    Returns
    -------
    tuple of (estimator or LeftOut)
    """
    models: list[Any] = []
    layout: FeatureLayout | None = None
    sets = [spec.blocks for spec in specs if spec.n_trees is None and not spec.reads_rows]
    if sets:
        known = known or BlockFeatures(graph, graph.prepare(X))
        layout = FeatureLayout.known(graph)
        if layout is None or (known.stacking is None and len(sets) >= WORTH_STACKING):
            few = known.take(slice(0, CHECKED_ROWS))
            layout = FeatureLayout.of(few)
            known.stacking = few.stacking
        if len(sets) >= WORTH_STACKING:
            known.learn(sets)
    for spec in specs:
        try:
            if spec.reads_rows:
                model = fit_stand_in(graph, X, y, params)
            elif spec.n_trees is not None or known is None:
                model = spec.of_trees(graph) or LeftOut("the ensemble has no more trees than that")
            elif spec.is_surrogate:
                model = fit_surrogate(graph, known.of(spec.blocks), y, params)
            else:
                features = known.of(spec.blocks)
                subset = None if layout is None else layout.subset(spec.blocks)
                model = fit_stage_model(
                    graph, features, y, params, subset, approx_estimator, spec.lighter
                )
        except Exception as error:
            # Whatever the plain estimator fits must be fitted: this is only a candidate.
            model = LeftOut.because_of(error)
        models.append(model)
    return tuple(models)


@dataclass(frozen=True)
class FeatureLayout:
    """Where the features of each block are among all."""

    blocks: tuple[str, ...]
    # intp (n_features,): the position in `blocks` of the block that each feature is of.
    block_of: np.ndarray
    names: tuple[Any, ...] | None  # names of all features; None for an array

    @classmethod
    def known(cls, graph: BlockGraph) -> "FeatureLayout | None":
        """Return the layout that a graph was read with; None if it is not known."""
        if graph.widths is None:
            return None
        block_of = np.repeat(np.arange(len(graph.widths)), graph.widths)
        return cls(graph.names, block_of, graph.feature_names)

    @classmethod
    def of(cls, few: BlockFeatures) -> "FeatureLayout | None":
        """Return the layout of a graph, from features of a few rows; None if it is not known."""
        graph = few.graph
        # Blocks may not be computable for few rows.
        with suppress(Exception):
            features = few.of_all()
            widths = [np.shape(few.store[name])[-1] for name in graph.names]
            if sum(widths) == np.shape(features)[1]:
                names = column_names(features)
                block_of = np.repeat(np.arange(len(widths)), widths)
                return cls(graph.names, block_of, None if names is None else tuple(names))
        return None

    def subset(self, blocks: Collection[str]) -> FeatureSubset:
        """Places of the features of some blocks."""
        chosen = [position for position, name in enumerate(self.blocks) if name in blocks]
        places = np.flatnonzero(np.isin(self.block_of, chosen))
        return FeatureSubset(tuple(places.tolist()), len(self.block_of), self.names)


def fit_stage_model(
    graph: BlockGraph,
    features,
    y,
    params: dict,
    subset: FeatureSubset | None,
    approx_estimator=None,
    lighter: Sequence[tuple[str, int]] = (),
):
    """Fit an approximate model: a clone of the steps after the blocks, or the user's own.

    Parameters
    ----------
    graph : BlockGraph
        The full model.
    features : array-like, sparse matrix or data frame
        Features of the stage's blocks.
    y : array-like of shape (n_rows,)
    params : dict
        What the full pipeline's `fit` was given, for these rows.
    subset : FeatureSubset or None
        Places of these features among all.
    approx_estimator : classifier, optional
    lighter : sequence of (str, int)
        As in `StageSpec`, of a graph with one step after the blocks.

    Returns
    -------
    estimator
        Fitted.

    Raises
    ------
    NotTranslatable
        If a parameter refers to features in a way that has no meaning for these.
    """
    if approx_estimator is not None:
        steps = [("", clone(approx_estimator))]
        renamed = {"": graph.model_steps[-1][0]}
        taken = translate_chain([("approx_estimator", steps[0][1], None)], subset)
    else:
        # Nested pipelines were opened; Pipeline refuses the "__" of their steps' full names.
        places = None if subset is None else np.asarray(subset.positions)
        steps = [
            (path.replace("__", "-"), unfitted(step, places)) for path, step in graph.model_steps
        ]
        renamed = {
            f"{name}__" if len(steps) > 1 else "": path
            for (name, _), (path, _) in zip(steps, graph.model_steps, strict=True)
        }
        taken = translate_chain(
            [
                (path, step, fitted)
                for (_, step), (path, fitted) in zip(steps, graph.model_steps, strict=True)
            ],
            subset,
        )
    if approx_estimator is None:
        steps[-1][1].set_params(**dict(lighter))
    model = steps[0][1] if len(steps) == 1 else Pipeline(steps)
    subsets = dict(zip((name for name, _ in steps), taken, strict=False))
    # Under metadata routing the names of parameters do not say which step takes them.
    subsets.setdefault("", taken[len(steps) - 1])
    if len(steps) == 1:
        subsets = {"": subset}
    for sampler in graph.samplers:
        features, y = clone(sampler).fit_resample(features, y)
        if sparse.issparse(features):
            # SMOTE returns entries in no order, on which XGBoost may end the process.
            features = features.tocsr()
            features.sum_duplicates()
    return model.fit(
        features, y, **translate_fit_params(_params_for(model, renamed, params), subsets)
    )


def _params_for(model, renamed: dict[str, str], params: dict) -> dict:
    """Those of the pipeline's fit parameters that the model takes, under its own names."""
    if routing_enabled():
        consumed = get_routing_for_object(model).consumes("fit", params.keys())
        return {key: params[key] for key in consumed}
    taken = {}
    for key, value in params.items():
        for prefix, path in renamed.items():
            if not key.startswith(f"{path}__"):
                continue
            name = prefix + key.removeprefix(f"{path}__")
            if prefix or has_fit_parameter(model, name):
                taken[name] = value
    return taken
