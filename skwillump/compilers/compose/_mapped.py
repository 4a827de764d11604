"""A compiled step with linear maps behind it, which become part of the model's coefficients."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from ..._composites import parameter_path
from .._features import MAX_DENSE_FEATURES, ChosenRows, default_containers, is_single, to_dense
from .._forwarding import forwarded
from .._linear_maps import LinearMap
from .._reports import StepReport
from .._scorers import Scorer
from .._steps import Step
from .._unsupported import InputUnsupported, Unsupported
from ..own_code._bytecode import Own, own_code

MOST_MAPPED_VALUES = 1 << 23
"""Values of coefficients that are laid out to make few features of many (64 MiB)."""


@dataclass(frozen=True, eq=False)
class MappedStep(Step):
    """A compiled head and the linear steps after it."""

    original: Any  # the fitted transformer
    head: Step
    transformers: tuple[Any, ...]  # the original steps after the head
    maps: tuple[LinearMap, ...]  # the same as maps
    # Of the head, empty where it tells names of its own, and of each step after it.
    names: tuple[str, ...]
    merged: tuple[tuple[str, Any], ...]  # steps that became part of the head
    n_features: int | None
    makes_dense: bool = False  # whether a step makes an array of a sparse matrix

    exact_scores = forwarded("head.exact_scores")
    reads_text = forwarded("head.reads_text")
    wants_rows = forwarded("head.wants_rows")
    needs_rows = forwarded("head.needs_rows")
    opens_frames = forwarded("head.opens_frames")
    runs_python = forwarded("head.runs_python")

    @property
    def fixed_dtype(self) -> np.dtype | None:
        dtype = self.head.fixed_dtype
        if dtype is None or is_single(dtype):
            return None
        return np.dtype(np.float64) if any(found.computes for found in self.maps) else dtype

    @property
    def gives_matrix(self) -> bool:
        return self.head.gives_matrix and not self.gives_array

    @property
    def gives_array(self) -> bool:
        """Whether a step makes an array of whatever the head gives."""
        return self._has_components or self.makes_dense

    @property
    def gives_sparse(self) -> bool:
        """Whether what the head gives stays sparse, and nothing of it becomes zero."""
        keeps = all(found.keeps_entries for found in self.maps)
        return self.head.gives_sparse and keeps and not self.makes_dense

    @property
    def projects(self) -> bool:
        return self._has_components

    @property
    def is_rounded(self) -> bool:
        return self._has_components or self.head.is_rounded

    def unrounded(self, X: Any) -> np.ndarray:
        return to_dense(self.transform(X) if not self.head.is_rounded else super().unrounded(X))

    def rounded_features(self) -> np.ndarray:
        found = self.head.rounded_features()
        for one in self.maps:
            if one.components is not None:
                found = np.full(len(one.components), True)
            elif one.support is not None and len(found):
                found = found[one.support]
        return found

    @property
    def _has_components(self) -> bool:
        return any(found.components is not None for found in self.maps)

    @cached_property
    def _projection(self) -> Scorer | None:
        """What gives the features as scores: of many features few, with no matrix in between."""
        n_inputs = self.head.n_features
        if not self._has_components or self.n_features is None or n_inputs is None:
            return None
        if not self.exact_scores or n_inputs * self.n_features > MOST_MAPPED_VALUES:
            return None
        return self.bind(np.eye(self.n_features))

    def transform(self, X: Any, *, n_threads: int = 1) -> Any:
        X = self.head.transform(X, n_threads=n_threads)
        for transformer in self.transformers:
            X = transformer.transform(X)
        return X

    def transform_one(self, x: Any) -> Any:
        if (
            self._projection is not None
            and self.fixed_dtype is not None
            and default_containers(self.original)
        ):
            try:
                return self._projection.score_one(x)[None]
            except InputUnsupported:
                pass
        X = self.head.transform_one(x)
        for transformer in self.transformers:
            X = transformer.transform(X)
        return X

    def undensed(self) -> Step:
        if not (self.makes_dense and self.head.gives_matrix):
            return self
        kept = [at for at, step in enumerate(self.transformers) if own_code(step) is not Own.DENSE]
        if not kept:
            return self.head
        return replace(
            self,
            transformers=tuple(self.transformers[at] for at in kept),
            maps=tuple(self.maps[at] for at in kept),
            names=(self.names[0], *(self.names[at + 1] for at in kept)),
            makes_dense=False,
        )

    def in_binary(self) -> "MappedStep":
        """Return a twin whose head is binary, where the steps after it do not change signs."""
        for found in self.maps:
            scales = found.factors if found.divisors is None else found.divisors
            if found.components is not None or (scales is not None and not (scales > 0.0).all()):
                raise Unsupported("a step after the features changes their signs")
        choices = tuple(found for found in self.maps if found.support is not None)
        return replace(self, head=self.head.in_binary(), maps=choices)

    def bind(self, coef: np.ndarray) -> Scorer:
        for found in reversed(self.maps):
            coef = found.fold(coef)
        return self.head.bind(coef)

    def dense(self, X: Any, rows: ChosenRows = None, *, n_threads: int = 1) -> np.ndarray:
        if self._projection is not None and not isinstance(rows, slice):
            return self._projection.scores(X, rows, n_threads=n_threads)
        return np.ascontiguousarray(self._mapped(self.head.dense(X, rows, n_threads=n_threads)))

    def dense_one(self, x: Any) -> np.ndarray:
        if self._projection is not None:
            return self._projection.score_one(x)
        if self._narrows:
            return self._narrowed(*self.head.entries(x))
        return self._mapped(self.head.dense_one(x)[None])[0]

    @cached_property
    def _narrows(self) -> bool:
        """Whether few of too many features for an array are chosen."""
        n_inputs, n_features = self.head.n_features, self.n_features
        if n_inputs is None or n_features is None or self._has_components:
            return False
        return n_features <= MAX_DENSE_FEATURES < n_inputs

    def _narrowed(self, positions: np.ndarray, values: np.ndarray) -> np.ndarray:
        """Return the features (n_features,) of the entries of one row of the head's."""
        for found in self.maps:
            positions, values = found.apply_to_entries(positions, values)
        assert self.n_features is not None
        features = np.zeros(self.n_features)
        np.add.at(features, positions, values)
        return features

    def _mapped(self, block: np.ndarray) -> np.ndarray:
        for found in self.maps:
            block = found.apply(block)
        return block

    def warm_up(self) -> None:
        self.head.warm_up()
        for found in self.maps if self._narrows else ():
            if found.support is not None:
                _ = found.places  # now: prediction is to change nothing here
        if self._projection is not None:
            self._projection.warm_up()

    def report(self, name: str) -> list[StepReport]:
        first, *others = self.names
        after = [*self.merged, *zip(others, self.transformers, strict=True)]
        before = self.head.report(parameter_path(name, first))
        if self.merged:
            before = [replace(before[0], type=type(self.head.original.transformers[0]).__name__)]
        return before + [
            StepReport(parameter_path(name, child), type(transformer).__name__, True)
            for child, transformer in after
        ]
