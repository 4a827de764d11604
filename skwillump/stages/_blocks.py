"""The feature blocks of a fitted estimator, described."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np

from .._compat import refused
from .._containers import take_rows
from ..blocks import BlockGraph, Store, names_in_composites
from ._costs import BlockCosts


@dataclass(frozen=True, kw_only=True)
class Block:
    """A feature block of the pipeline.

    Attributes
    ----------
    name : str
        Its name in the union or column transformer; nested names are joined by ``__``.
    cost_seconds : float
        Seconds a row, measured or as given in ``feature_costs``.
    importance : float or None
        Score that the full model loses when the block's rows are shuffled (grouped permutation
        importance on held-out rows). None where it was not measured.
    n_features : int or None
        Number of columns.
    compiled : bool
        Whether the block runs as a compiled kernel.
    reason : str
        Why it does not.
    """

    name: str
    cost_seconds: float
    importance: float | None
    n_features: int | None
    compiled: bool
    reason: str


def describe_blocks(
    graph: BlockGraph, X: Any, costs: BlockCosts, importances: np.ndarray | None = None
) -> list[Block]:
    """Blocks of a graph, with what was found out on them.

    Parameters
    ----------
    X : array-like, sparse matrix, data frame or list
        Rows, of which one is looked at.
    importances : ndarray of float64 of shape (n_blocks,), optional
    """
    if importances is None:
        importances = np.full(len(graph.names), np.nan)
    widths = _widths(graph, X)
    reasons = {name: "compile=False" for name in graph.names if name not in graph.compiled}
    reasons |= {
        name: step.why_not_compiled
        for name, step in graph.compiled.items()
        if step.why_not_compiled
    }
    return [
        Block(
            name=name,
            cost_seconds=costs.of_blocks(graph, [name]),
            importance=None if np.isnan(importance) else float(importance),
            n_features=widths.get(name),
            compiled=name not in reasons,
            reason=reasons.get(name, ""),
        )
        for name, importance in zip(graph.names, importances, strict=True)
    ]


def _widths(graph: BlockGraph, X: Any) -> dict[str, int]:
    """Number of features of blocks, without those that cannot be computed for one row alone."""
    if graph.widths is not None:
        return dict(zip(graph.names, graph.widths, strict=True))
    store: Store = {}
    with suppress(Exception):
        graph.compute(graph.prepare(take_rows(X, [0])), graph.names, store)
    return {name: int(np.shape(store[name])[-1]) for name in graph.names if name in store}


def check_feature_costs(
    feature_costs: Mapping[str, float] | None,
    graph: BlockGraph | None,
    fitted: Any,
    *,
    owner: str,
) -> None:
    """Raise ValueError for costs that are no numbers, or of blocks that do not exist.

    Parameters
    ----------
    feature_costs : mapping of str to float, or None
        Seconds a row.
    fitted : estimator
        The full model.
    owner : str
        The class whose parameter it is.
    """
    known = () if graph is None else graph.names
    # A search over "drop" for some steps keeps their costs.
    named = names_in_composites(fitted)
    absent = tuple(f"{name}__" for name, is_absent in named.items() if is_absent)
    for name, seconds in (feature_costs or {}).items():
        if not (name in known or name in named or name.startswith(absent)):
            must_be = f"a dict whose keys are blocks of the estimator, among {list(known)}"
            raise refused(owner, "feature_costs", must_be, name)
        if not (isinstance(seconds, Real) and 0 <= float(seconds) < np.inf):
            must_be = f"a dict of block to seconds a row, 0 or more, also for {name!r}"
            raise refused(owner, "feature_costs", must_be, seconds)
