"""What runs for a fold, and in parallel: fit all models, and record what they answer."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sklearn.utils import gen_batches

from .._containers import dtype_kind, frame_of, is_plain_array, num_samples, take_rows
from ..blocks import BlockGraph
from ._folds import FitData, Fold, Setting
from ._models import LeftOut, NoEvidence, StageSpec, fit_graph, fit_stages, those_left_out
from ._passes import CHUNK_ROWS
from ._recording import Record, Recorder, joined
from ._stacking import BlockFeatures

FEW_ROWS = 16
"""So many rows are asked for one by one: to halve on would take two calls a row."""

MOST_REFUSED = 0.02
"""Share of a fold's held-out rows that its full model may refuse. Each may count as a harm."""


@dataclass(frozen=True, kw_only=True)
class FoldRecord:
    """What the models of a fold answered on its held-out rows."""

    rows: np.ndarray  # intp (n_rows,)
    full: Record  # the full model's
    stages: tuple[Record | LeftOut, ...]  # of each approximate model

    @property
    def left_out(self) -> dict[int, LeftOut]:
        """Approximate models that could not be made, or could not answer, by position."""
        return those_left_out(self.stages)

    @property
    def made(self) -> list[int]:
        """Ascending positions of the approximate models that answered."""
        left_out = self.left_out
        return [i for i in range(len(self.stages)) if i not in left_out]

    def stage(self, position: int) -> Record:
        """The record of an approximate model that was not left out."""
        if why := self.left_out.get(position):
            raise ValueError(f"The approximate model could not answer: {why.reason}")
        return self.stages[position]  # type: ignore[return-value]

    def of_rows(self, rows: np.ndarray) -> "FoldRecord":
        """The record of those of some rows that the fold holds out."""
        chosen, left_out = np.flatnonzero(np.isin(self.rows, rows)), self.left_out

        def of(record: Record) -> Record:
            return {key: values[chosen] for key, values in record.items()}

        return FoldRecord(
            rows=self.rows[chosen],
            full=of(self.full),
            stages=tuple(left_out.get(i) or of(self.stage(i)) for i in range(len(self.stages))),
        )

    def of_stages(self, positions: Sequence[int]) -> "FoldRecord":
        """The record of some of the approximate models."""
        return replace(self, stages=tuple(self.stages[i] for i in positions))


def record_fold(
    fold: Fold,
    specs: Sequence[StageSpec],
    *,
    graph: BlockGraph | None,
    data: FitData,
    setting: Setting,
    recorder: Recorder,
    must_fit: bool = True,
) -> FoldRecord | None:
    """Fit all models on a fold and record their answers on its held-out rows.

    This is what runs in parallel.

    Parameters
    ----------
    specs : sequence of StageSpec
        The approximate models to make.
    graph : BlockGraph or None
        The full model that was fitted on these rows before, in blocks; None to fit it here.
    must_fit : bool
        Whether the full model must be fitted and answer; else None is returned where it cannot.

    Raises
    ------
    NoEvidence
        If it must, and cannot.
    """
    told: AbstractContextManager[Any] = nullcontext() if must_fit else suppress(NoEvidence)
    with told, evidence_of(fold, data):
        rows = data.take(fold.train)
        if graph is None:
            graph = fit_graph(setting.estimator, *rows, compile=setting.compile)
        models = fit_stages(graph, specs, *rows, setting.approx_estimator)
        return record_rows(graph, specs, models, recorder, data.X, fold.test, train=fold.train)
    return None


@contextmanager
def evidence(what: str) -> Iterator[None]:
    """Context in which errors say that there is no evidence, and what was done."""
    try:
        yield
    except Exception as error:
        told = str(error) if isinstance(error, NoEvidence) else LeftOut.because_of(error).reason
        raise NoEvidence(f"{what}: {told}") from error


def evidence_of(fold: Fold, data: FitData) -> AbstractContextManager[None]:
    """Context in which errors say that there is no evidence, as a fold cannot be fitted."""
    return evidence(
        f"the estimator could not be fitted and tried on {fold.name}, a part of the rows "
        f"({len(fold.train)} of {len(data.y)}), although all rows fit it. Use a cv with larger "
        "training folds, cv='prefit', or parameters that hold for fewer rows. It said"
    )


def record_in_chunks(
    graph: BlockGraph, specs: Sequence[StageSpec], models, recorder: Recorder, X
) -> FoldRecord:
    """Record what models answer on all rows of `X`, so many at a time that memory is bounded.

    Of rows that an approximate model refuses it is recorded that the full model answers them.
    """
    n_rows = num_samples(X)
    records = [
        record_rows(graph, specs, models, recorder, X, np.arange(n_rows)[rows], leaves_out=False)
        for rows in gen_batches(n_rows, CHUNK_ROWS)
    ]
    return FoldRecord(
        rows=np.concatenate([record.rows for record in records]),
        full=joined([record.full for record in records]),
        stages=tuple(joined([record.stage(i) for record in records]) for i in range(len(specs))),
    )


def record_rows(
    graph: BlockGraph,
    specs: Sequence[StageSpec],
    models: Sequence[Any],
    recorder: Recorder,
    X: Any,
    rows: np.ndarray,
    *,
    leaves_out: bool = True,
    train: np.ndarray | None = None,
) -> FoldRecord:
    """Record what the full model and approximate models answer on some rows.

    An approximate model that refuses some of the rows is left out, or else answers the others. Of
    the full model see `HeldOut.of`.
    """
    held_out = HeldOut.of(graph, recorder, X, rows, train=train)
    return held_out.record(specs, models, leaves_out=leaves_out)


@dataclass(frozen=True, kw_only=True)
class HeldOut:
    """Rows on which models answer, and what the full model answers on them."""

    recorder: Recorder
    X: Any
    rows: np.ndarray  # intp (n_rows,): their positions among all
    known: BlockFeatures  # features of these rows
    full: Record

    @classmethod
    def of(
        cls,
        graph: BlockGraph,
        recorder: Recorder,
        X: Any,
        rows: np.ndarray,
        *,
        train: np.ndarray | None = None,
    ) -> "HeldOut":
        """Let the full model answer on some rows of `X`.

        Where it was fitted on the rows `train`, it may refuse a few that hold values new to it.
        """
        chosen = take_rows(X, rows)
        known = BlockFeatures(graph, graph.prepare(chosen))
        try:
            full = recorder.record_full(graph.answers, known.of_all())
        except NoEvidence:
            raise
        except Exception:
            unknown = recorder.record_refused()
            if train is None or unknown is None:
                raise
            refused = new_values(X, train, rows)
            if not 0 < refused.mean() <= MOST_REFUSED:
                raise
            others = BlockFeatures(graph, graph.prepare(take_rows(chosen, ~refused)))
            answered = recorder.record_full(graph.answers, others.of_all())
            full = {key: np.full(len(rows), unknown[key]) for key in answered}
            for key, values in answered.items():
                full[key][~refused] = values
        return cls(recorder=recorder, X=chosen, rows=rows, known=known, full=full)

    def record(
        self, specs: Sequence[StageSpec], models: Sequence[Any], *, leaves_out: bool = True
    ) -> FoldRecord:
        """Record what approximate models answer; see `record_rows`."""
        recorder, known = self.recorder, self.known
        stages: list[Record | LeftOut] = []
        left_out = those_left_out(models)
        for i, (spec, model) in enumerate(zip(specs, models, strict=True)):
            if i in left_out:
                stages.append(left_out[i])
                continue
            try:
                features = self.X if spec.reads_rows else known.of(spec.blocks_in(known.graph))
                stages.append(
                    recorder.record_stage(model, features)
                    if leaves_out
                    else record_readable(recorder, model, features, self.full)
                )
            except Exception as error:
                stages.append(LeftOut.because_of(error))
        return FoldRecord(rows=self.rows, full=self.full, stages=tuple(stages))


def new_values(X: Any, train: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Which of some rows hold a value that none of those to fit on has.

    A column of which more rows than may be refused hold one, such as of texts, is not looked at; of
    a data frame, no column of floats is. Of an array, whose columns have one dtype, categories may
    be floats.
    """
    found = np.zeros(len(rows), dtype=bool)
    for column in _columns_of_categories(X):
        values = np.asarray(column, dtype=object)
        seen = set(values[train].tolist())
        # NaN, which is unequal to itself, is no new value.
        is_new = np.array([v == v and v not in seen for v in values[rows].tolist()], dtype=bool)
        if is_new.mean() <= MOST_REFUSED:
            found |= is_new
    return found


def _columns_of_categories(X: Any) -> list[Any]:
    """Columns whose values an encoder may take for categories."""
    frame = frame_of(X)
    if frame is not None:
        return [column for column in frame.columns(X) if dtype_kind(column) != "f"]
    return list(X.T) if is_plain_array(X) and X.ndim == 2 else []


def record_readable(recorder: Recorder, model: Any, features: Any, full: Record) -> Record:
    """Record what a stage answers; of rows that it refuses, that the full model answers them.

    Rows are halved until those that are refused stand alone. Only the stage's model is asked anew,
    at most about once a row: its features and the full model's answers are there already.

    Parameters
    ----------
    model : estimator
    features : array-like, sparse matrix, data frame or list of n_rows rows
        What the model takes, some of which it refuses.
    full : Record
        What the full model answers on these rows.
    """
    found: list[tuple[np.ndarray, Record]] = []
    pending = [np.arange(num_samples(features))]
    while pending:
        rows = pending.pop()
        try:
            found.append((rows, recorder.record_stage(model, take_rows(features, rows))))
        except Exception:
            if len(rows) > 1:
                n_parts = len(rows) if len(rows) <= FEW_ROWS else 2
                pending += np.array_split(rows, n_parts)
                continue
            unread = {key: values[rows] for key, values in full.items()}
            found.append((rows, recorder.record_unread(unread)))
    order = np.argsort(np.concatenate([rows for rows, _ in found]))
    return {key: values[order] for key, values in joined([record for _, record in found]).items()}
