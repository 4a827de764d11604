"""What estimators share that run a fitted pipeline block by block."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real
from typing import Any, cast

import numpy as np
from joblib import effective_n_jobs
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.utils.validation import check_is_fitted

from .._compat import safe_indexing
from .._compiled import compile_pipeline
from .._composites import thawed
from .._progress import Progress
from ..blocks import CompiledBlocks, Store, names_in_composites, split_pipeline
from ..compilers import OriginalStep


@dataclass(frozen=True)
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


class BlockwiseMixin:
    """Fit the full model, read its blocks, describe them.

    For estimators with the parameters `estimator`, `cv`, `compile`, `feature_costs`, `n_jobs` and
    `verbose`.
    """

    estimator: Any
    cv: Any
    compile: bool
    feature_costs: dict[str, float] | None
    n_jobs: int | None
    verbose: int

    def _fit_full(self, X, y, params, progress: Progress):
        """Fit the full model, or take the one that is fitted, and read its blocks."""
        if self._is_prefit():
            self._check_prefit()
            self.estimator_ = self.estimator
        else:
            # Before anything here draws a random number.
            full = clone(self.estimator)
            with progress.task("fit the full model", fits=full):
                self.estimator_ = full.fit(X, y, **params)
        for attribute in ("n_features_in_", "feature_names_in_"):
            if hasattr(self, attribute):
                delattr(self, attribute)
            if hasattr(self.estimator_, attribute):
                setattr(self, attribute, getattr(self.estimator_, attribute))
        full = thawed(self.estimator_)
        self._graph = cast(Any, split_pipeline(full, compile=self.compile))
        self._full = compile_pipeline(full) if self.compile else self.estimator_
        self._calibrated: Any = None
        self._fused_blocks: CompiledBlocks | None = None
        self.blocks_: list[Block] = []

    def _is_prefit(self):
        return isinstance(self.estimator, FrozenEstimator) or (
            isinstance(self.cv, str) and self.cv == "prefit"
        )

    def _check_prefit(self):
        try:
            check_is_fitted(self.estimator)
        except NotFittedError as error:
            raise NotFittedError(
                "cv='prefit' needs an estimator that is already fitted. Fit it on other rows than "
                f"those given to {type(self).__name__}.fit, or use another cv."
            ) from error

    def _check_feature_costs(self):
        known = () if self._graph is None else self._graph.names
        # A search over "drop" for some steps keeps their costs.
        named = names_in_composites(thawed(self.estimator_))
        absent = tuple(f"{name}__" for name, is_absent in named.items() if is_absent)
        for name, seconds in (self.feature_costs or {}).items():
            if not (name in known or name in named or name.startswith(absent)):
                raise ValueError(
                    f"feature_costs names {name!r}, which is not a block of the estimator. Its "
                    f"blocks are {list(known)}."
                )
            if not (isinstance(seconds, Real) and 0 <= float(seconds) < np.inf):
                raise ValueError(
                    f"feature_costs[{name!r}] is {seconds!r}. Give seconds a row, 0 or more."
                )

    def _log(self, message):
        if self.verbose:
            print(f"[{type(self).__name__}] {message}")

    def _describe_blocks(self, X):
        graph, calibrated = self._graph, self._calibrated
        store: Store = {}
        graph.compute(graph.prepare(safe_indexing(X, [0])), graph.names, store)
        reasons = {name: "compile=False" for name in graph.names if name not in graph.compiled}
        for name, step in graph.compiled.items():
            if isinstance(step, OriginalStep):
                reasons[name] = step.reason
        return [
            Block(
                name=name,
                cost_seconds=calibrated.costs.of_blocks(graph, [name]),
                importance=float(importance),
                n_features=store[name].shape[1],
                compiled=name not in reasons,
                reason=reasons.get(name, ""),
            )
            for name, importance in zip(graph.names, calibrated.importances, strict=True)
        ]

    def _n_threads(self):
        return 1 if self.n_jobs is None else effective_n_jobs(self.n_jobs)

    def __sklearn_is_fitted__(self):
        return hasattr(self, "stages_")
