"""Transformers one after the other: a `Pipeline` of them as one compiled step."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.pipeline import Pipeline

from ..._composites import ends_in_blocks, is_passthrough
from ..._containers import take_rows
from .._linear_maps import LinearMap
from .._registry import compile_step, linear_map, register
from .._steps import (
    InputUnsupported,
    OriginalStep,
    Scorer,
    Step,
    StepReport,
    Unsupported,
    is_single,
)
from ..tables._steps import ChainStep, TableStep
from ..text._vectorizers import TextStep, with_tfidf
from ._unions import UnionStep


@dataclass(frozen=True, eq=False)
class PipelineStep(Step):
    """Transformers one after the other around one compiled head."""

    original: Any
    prefix: tuple[Any, ...]  # before the head, as they are
    head: Step
    tail: tuple[tuple[Any, LinearMap | None], ...]
    reports: tuple[tuple[str, Any, str], ...]  # of prefix and tail: name, transformer, reason
    n_features: int | None

    @property
    def exact_scores(self) -> bool:
        """Whether every step after the head is linear."""
        return self.head.exact_scores and all(found is not None for _, found in self.tail)

    @property
    def fixed_dtype(self) -> np.dtype | None:
        """Dtype of the head, made float64 by a linear step that computes."""
        dtype = self.head.fixed_dtype
        maps = [found for _, found in self.tail if found is not None]
        if len(maps) < len(self.tail) or dtype is None or is_single(dtype):
            return None
        return np.dtype(np.float64) if any(found.computes for found in maps) else dtype

    @property
    def reads_text(self) -> bool:
        """Whether the head does, if it comes first."""
        return not self.prefix and self.head.reads_text

    def transform(self, X: Any, *, n_threads: int = 1) -> Any:
        """Return what ``original.transform(X)`` returns."""
        for transformer in self.prefix:
            X = transformer.transform(X)
        X = self.head.transform(X, n_threads=n_threads)
        for transformer, _ in self.tail:
            X = transformer.transform(X)
        return X

    def bind(self, coef: np.ndarray) -> Scorer:
        """Fold the steps after the head into the coefficients."""
        for _, found in reversed(self.tail):
            if found is None:
                raise ValueError("a step after the features is not linear")
            coef = found.fold(coef)
        scorer = self.head.bind(coef)
        return PrefixScorer(self.prefix, scorer) if self.prefix else scorer

    def dense(
        self, X: Any, rows: np.ndarray | slice | None = None, *, n_threads: int = 1
    ) -> np.ndarray:
        """Return the features as float64 (n_rows, n_features)."""
        if self.prefix or any(found is None for _, found in self.tail):
            return super().dense(X, rows, n_threads=n_threads)
        block = self.head.dense(X, rows, n_threads=n_threads)
        return np.ascontiguousarray(self._mapped(block))

    def dense_one(self, x: Any) -> np.ndarray:
        """Return the features (n_features,) of one row."""
        if self.prefix or any(found is None for _, found in self.tail):
            raise InputUnsupported("a step beside the features is not compiled")
        return self._mapped(self.head.dense_one(x)[None])[0]

    def _mapped(self, block: np.ndarray) -> np.ndarray:
        for _, found in self.tail:
            assert found is not None
            block = found.apply(block)
        return block

    def warm_up(self) -> None:
        """Warm up the head."""
        self.head.warm_up()

    def report(self, name: str) -> list[StepReport]:
        """Return a row for each step."""
        rows = []
        for child, transformer, reason in self.reports:
            full = "__".join(part for part in (name, child) if part)
            if transformer is self.head:
                rows.extend(self.head.report(full))
            else:
                rows.append(StepReport(full, type(transformer).__name__, not reason, reason))
        return rows


@dataclass(frozen=True, eq=False)
class PrefixScorer(Scorer):
    """A scorer behind transformers that are not compiled."""

    prefix: tuple[Any, ...]
    scorer: Scorer

    @property
    def n_outputs(self) -> int:
        """Number of columns of the scores."""
        return self.scorer.n_outputs

    def scores(self, X: Any, rows: np.ndarray | None = None, *, n_threads: int = 1) -> np.ndarray:
        """Return the float64 scores (n_rows, n_outputs)."""
        if rows is not None:
            X = take_rows(X, rows)
        for transformer in self.prefix:
            X = transformer.transform(X)
        return self.scorer.scores(X, n_threads=n_threads)

    def warm_up(self) -> None:
        """Warm up the scorer."""
        self.scorer.warm_up()

    def score_one(self, x: Any) -> np.ndarray:
        """Refuse: the transformers before want a table."""
        raise InputUnsupported("a step before the features is not compiled")


@register(Pipeline)
def compile_transformer_pipeline(pipeline: Any) -> Step:
    """Compile a ``Pipeline`` of transformers."""
    steps = [link for link in pipeline.steps if not is_passthrough(link[1])]
    if len(steps) == 1 and ends_in_blocks(pipeline):
        # Its blocks are blocks of the union that holds it.
        ((name, composite),) = steps
        step = compile_step(composite)
        if isinstance(step, UnionStep):
            path = f"{name}__{step.path}" if step.path else name
            return replace(step, original=pipeline, path=path)
    return compile_steps(pipeline, steps)


def compile_steps(original: Any, steps: Sequence[tuple[str, Any]]) -> Step:
    """Compile transformers that follow one another."""
    pending = list(steps)
    prefix: list[Any] = []
    reports: list[tuple[str, Any, str]] = []
    head: Step | None = None
    while pending and head is None:
        name, transformer = pending.pop(0)
        step = compile_step(transformer)
        if isinstance(step, OriginalStep):
            prefix.append(transformer)
            reports.append((name, transformer, step.reason))
        else:
            head = step
            reports.append((name, step, ""))
    if head is None:
        raise Unsupported("none of its steps is compiled")
    if isinstance(head, TableStep):
        links = [(reports.pop()[0], head), *_table_steps(pending)]
        del pending[: len(links) - 1]
        if original is None or prefix or pending:
            original_links: Any = _Chain(tuple(step.original for _, step in links))
        else:
            original_links = original
        head = ChainStep(
            original=original_links,
            spec=head.spec,
            n_features=links[-1][1].n_features,
            names=tuple(name for name, _ in links),
            steps=tuple(step for _, step in links),
        )
        reports.append(("", head, ""))
        if not prefix and not pending:
            return head
    while pending and isinstance(head, TextStep) and type(pending[0][1]) is TfidfTransformer:
        if head.is_tfidf:
            break
        name, transformer = pending.pop(0)
        counts = head
        head = with_tfidf(counts, _Chain((counts.original, transformer)), transformer)
        reports[-1] = (reports[-1][0], head, "")
        reports.append((name, transformer, ""))
    tail: list[tuple[Any, LinearMap | None]] = []
    n_features = head.n_features
    for name, transformer in pending:
        try:
            found = linear_map(transformer)
            if found.computes:
                head = _in_doubles(head, reports)
        except Unsupported as reason:
            tail.append((transformer, None))
            reports.append((name, transformer, str(reason)))
            n_features = None
            continue
        tail.append((transformer, found))
        reports.append((name, transformer, ""))
        if found.support is not None:
            n_features = int(found.support.sum())
        elif found.components is not None:
            n_features = len(found.components)
    return PipelineStep(
        original=original,
        prefix=tuple(prefix),
        head=head,
        tail=tuple(tail),
        reports=tuple(reports),
        n_features=n_features,
    )


def _in_doubles(head: Step, reports: list[tuple[str, Any, str]]) -> Step:
    """Return a twin of a head for linear steps that compute, in its place in the reports.

    Raises
    ------
    Unsupported
        If they would be computed in float32.
    """
    twin = head.in_doubles()
    if twin is None:
        raise Unsupported("it computes in the dtype of the features before it")
    for at, (name, step, reason) in enumerate(reports):
        if step is head:
            reports[at] = (name, twin, reason)
    return twin


def _table_steps(steps: Sequence[tuple[str, Any]]) -> list[tuple[str, TableStep]]:
    """Return the first of some steps, as long as they read tables."""
    found = []
    for name, transformer in steps:
        step = compile_step(transformer)
        if not isinstance(step, TableStep):
            break
        found.append((name, step))
    return found


@dataclass(frozen=True, eq=False)
class _Chain:
    """Two original transformers that became one step."""

    transformers: tuple[Any, ...]

    def transform(self, X: Any) -> Any:
        for transformer in self.transformers:
            X = transformer.transform(X)
        return X
