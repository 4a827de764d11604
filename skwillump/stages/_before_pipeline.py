"""A linear first stage in front of a whole compiled pipeline.

The stage reads no features: each block of a row is a partial score. Rows that it leaves open go to
the full pipeline as they came, so that they cost what they cost without the stage.
"""

from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._compiled import CompiledPipeline, compile_pipeline, compiled_twin
from .._containers import take_rows
from ..blocks import BlockGraph, CompiledBlocks, CompiledStage, check_single_precision
from ..compilers import (
    InputUnsupported,
    LinearModel,
    Model,
    Opened,
    Scorer,
    Step,
    SumScorer,
    Unsupported,
    check_scores,
    compile_model,
    placed,
)
from ..compilers._forwarding import forwarded_call
from ._stand_ins import Form
from ._surrogates import projected_blocks

METHODS = ("predict", "predict_proba", "predict_log_proba", "decision_function")
"""What a first stage and the full model may be asked for."""

CHUNK_ROWS = 1 << 14
"""Rows to run through the stage together."""


@dataclass(frozen=True, eq=False)
class PipelineAnswers(Model):
    """A compiled pipeline as a model whose scores are rows as they come."""

    pipeline: CompiledPipeline

    predict = forwarded_call("pipeline.predict")
    predict_proba = forwarded_call("pipeline.predict_proba")
    predict_log_proba = forwarded_call("pipeline.predict_log_proba")
    decision_function = forwarded_call("pipeline.decision_function")

    def check(self, scores: Any) -> None:
        """Pass what rows hold: the pipeline judges them."""

    def numbers(self, scores: Any, response: np.ndarray) -> np.ndarray:
        """Return the response: what it follows from is inside the pipeline."""
        return response

    def gives(self, method: str) -> bool:
        return hasattr(self.pipeline, method)

    def doubtful(self, scores: Any) -> np.ndarray:
        """Return nothing: the pipeline asks its original itself."""
        return np.zeros(0, dtype=np.intp)

    def predict_one(self, scores: Any) -> Any:
        """Return the label or value of one row, None where the batch path must judge."""
        return self.pipeline._answer_one(scores, "predict")

    def predict_proba_one(self, scores: Any) -> Any:
        """Return the probabilities of one row, None where the batch path must judge."""
        return self.pipeline._answer_one(scores, "predict_proba")


@dataclass(frozen=True, eq=False, kw_only=True)
class LinearBeforePipeline(CompiledStage):
    """A linear stage in front of a compiled pipeline; see `CompiledStage`."""

    known: Scorer  # scores of the stage's blocks, or of what a stand-in makes of rows
    approx: Model
    full: Model
    form: Form | None = None  # where it is a stand-in: the form of the rows that it judges

    def start(self, Z: Any, *, n_threads: int = 1) -> tuple[np.ndarray, np.ndarray]:
        if self.form is not None and not self.form.fits(Z):
            raise InputUnsupported("its columns are not those of fit")
        scores = self.known.scores(Z, n_threads=n_threads) + self.approx.intercept
        check_scores(scores)
        return scores, np.empty((len(scores), 0))

    def finish(self, Z: Any, rows: np.ndarray, carry: np.ndarray, *, n_threads: int = 1) -> Any:
        """Return the chosen rows; see `CompiledStage.finish`."""
        return take_rows(Z, rows)

    def start_one(self, x: Any) -> tuple[np.ndarray, np.ndarray]:
        return self.known.score_one(x) + self.approx.intercept, _NOTHING

    def finish_one(self, x: Any, carry: np.ndarray) -> Any:
        return x


@dataclass(frozen=True, eq=False, kw_only=True)
class LinearBeforeScorer(LinearBeforePipeline):
    """A linear stage in front of a compiled model that reads the same columns; see `CompiledStage`.

    What is read of a table for the stage is not read again for the rows that it leaves open.
    """

    whole: Scorer  # scores of all features for the full model

    def opened(self, Z: Any) -> Any:
        """Return the rows as an input of which `finish` reads no column again."""
        return Opened(Z)

    def finish(
        self, Z: Any, rows: np.ndarray, carry: np.ndarray, *, n_threads: int = 1
    ) -> np.ndarray:
        """Score all features of the chosen rows; see `CompiledStage.finish`."""
        return self.whole.scores(Z, rows, n_threads=n_threads) + self.full.intercept

    def finish_one(self, x: Any, carry: np.ndarray) -> np.ndarray:
        return self.whole.score_one(x) + self.full.intercept


_NOTHING = np.empty(0)


def compiled_stage(
    graph: BlockGraph,
    fused: CompiledBlocks | None,
    full: Any,
    blocks: Collection[str],
    model: Any,
    *,
    is_surrogate: bool,
) -> CompiledStage | None:
    """First stage of some blocks and a model on the compiled path; None where it has none.

    Parameters
    ----------
    graph : BlockGraph
        The full model.
    fused : CompiledBlocks or None
        Its blocks on a compiled path of their own, where there is one.
    full : CompiledPipeline or estimator
        The full model as it runs.
    blocks : collection of str
        Those of the stage; none where it reads rows as they come.
    model : estimator
        Its model.
    is_surrogate : bool
        Whether that is a linear surrogate.
    """
    if not blocks:
        return _stand_in_stage(model, full)
    shared = None if fused is None else fused.stage(blocks, model)
    if not is_surrogate or (twin := compiled_twin(full)) is None or graph.prefix:
        return shared
    reads_arrays = graph.union is not None and graph.union.gives_array
    if shared is not None and reads_arrays and not projected_blocks(graph):
        return shared  # what is read of a row is read once
    checks_size = reads_arrays and graph.reads_single
    if checks_size and shared is not None:
        return shared  # it looks at features
    with suppress(Unsupported, InputUnsupported):
        approx = compile_model(model, LinearModel)
        known = _checking(graph, approx) if checks_size else _scorer(graph, blocks, approx)
        if known is not None:
            return _on_opened(known, approx, twin) or LinearBeforePipeline(
                known=known, approx=approx, full=PipelineAnswers(twin)
            )
    return shared


def _stand_in_stage(stand_in: Any, full: Any) -> LinearBeforePipeline:
    """Stage of a linear model that reads rows as they come."""
    parts = compile_pipeline(stand_in)._parts
    twin = compiled_twin(full)
    if parts.model is None or parts.scorer is None or twin is None:
        raise ValueError("a linear model of rows as they come is not compiled")
    return LinearBeforePipeline(
        known=parts.scorer, approx=parts.model, full=PipelineAnswers(twin), form=Form.of(stand_in)
    )


def _on_opened(
    known: Scorer, approx: LinearModel, full: CompiledPipeline
) -> LinearBeforeScorer | None:
    """Stage of which columns are read once; None where they are not read as columns."""
    model, whole = full._parts.model, full._parts.scorer
    if model is None or whole is None or not (known.reads_opened and whole.reads_opened):
        return None
    if not model.reads_batches or not all(model.gives(m) for m in METHODS if hasattr(full, m)):
        return None
    return LinearBeforeScorer(known=known, approx=approx, whole=whole, full=model)


@dataclass(frozen=True, eq=False, kw_only=True)
class CheckingScorer(Scorer):
    """Scores of a linear model that refuses numbers which single precision cannot hold."""

    features: Step
    coef: np.ndarray  # float64 (n_features, n_outputs)

    def scores(self, X: Any, rows: np.ndarray | None = None, *, n_threads: int = 1) -> np.ndarray:
        return self.features.map_dense(
            self._sums, X, rows, n_outputs=self.n_outputs, n_threads=n_threads
        )

    def score_one(self, x: Any) -> np.ndarray:
        return self._sums(self.features.dense_one(x))

    def _sums(self, features: np.ndarray) -> np.ndarray:
        check_single_precision(features)
        return features @ self.coef


def _checking(graph: BlockGraph, approx: LinearModel) -> CheckingScorer | None:
    """Scores of all features for a linear model before one that refuses large numbers."""
    union = graph.union
    if union is None or union.n_features != len(approx.coef):
        return None
    return CheckingScorer(features=union.for_scores(), coef=approx.coef)


def _scorer(graph: BlockGraph, blocks: Collection[str], approx: LinearModel) -> Scorer | None:
    """Scores of some blocks for a linear model on them."""
    union = graph.union
    if union is None:
        return None
    if set(blocks) == set(graph.names):
        return approx.bind(union)
    leaves = placed(leaf for leaf in union.leaves() if leaf.name in blocks)
    if sum(leaf.width for leaf in leaves) != len(approx.coef):
        return None
    bound = tuple(
        (leaf.selection, leaf.step.for_scores().bind(approx.coef[leaf.place] * leaf.weight))
        for leaf in leaves
    )
    return SumScorer(bound, np.zeros(approx.n_outputs))
