"""What the workers of Spark run, and how a model gets to them."""

import gc
import pickle
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

from .._partitioned import (
    Pieces,
    Scored,
    first_rows,
    probabilities_of,
    score_rows,
    taken,
)
from ..ranking._searching import QuerySearcher


@dataclass(frozen=True)
class Sent:
    """A model where tasks find it: broadcast as bytes, which each Python worker loads once."""

    token: str  # says which one
    # pyspark.Broadcast: of bytes, in which functions of a notebook are held by value.
    shared: Any = field(compare=False)

    @classmethod
    def to_workers_of(cls, frame, model) -> "Sent":
        from pyspark import cloudpickle

        context = frame.sparkSession.sparkContext
        return cls(uuid.uuid4().hex, context.broadcast(cloudpickle.dumps(model)))

    @property
    def model(self) -> Any:
        return _loaded(self)

    def forget(self) -> None:
        """Take the bytes away from the workers."""
        self.shared.destroy()


@lru_cache(maxsize=4)
def _loaded(sent: Sent) -> Any:
    model = pickle.loads(sent.shared.value)
    _spare_modules()
    return model


@lru_cache(maxsize=1)
def _spare_modules() -> None:
    """Leave what a worker has imported out of what Python's garbage collector visits.

    Spark collects garbage after each task of a worker. With numba and scikit-learn loaded that
    takes 0.1 s of CPU time, more than most tasks do. Once a process: models that are loaded later,
    and dropped, are still collected.
    """
    gc.collect()
    gc.freeze()


@dataclass(frozen=True)
class OnRows:
    """A job: what a function gives of the rows of each partition."""

    # Of the model, if one is sent, the pieces, and the partition's own arguments.
    function: Callable[..., Any]
    sent: Sent | None = None
    # Own arguments by the number of the partition; those that it lacks are left out.
    of_partition: Mapping[int, tuple] | None = None
    as_series: bool = False

    SCHEMA = "partition int, answer binary"

    def on_series(self) -> "OnRows":
        return replace(self, as_series=True)

    def __call__(self, frames: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        from pyspark import TaskContext

        number = TaskContext.get().partitionId()
        own: tuple | None = ()
        if self.of_partition is not None:
            own = self.of_partition.get(number)
        if own is not None:
            pieces = (frame.iloc[:, 0] for frame in frames) if self.as_series else frames
            model = () if self.sent is None else (self.sent.model,)
            yield _answer(number, self.function(*model, pieces, *own))
        # A worker that leaves rows unread is not used again.
        for _ in frames:
            pass


@dataclass(frozen=True)
class OnKept:
    """A job: what a function gives of each kept object."""

    function: Callable[..., Any]  # of the object, the arguments, and the partition's own
    arguments: tuple = ()
    of_partition: Mapping[int, tuple] | None = None

    def __call__(self, frames: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        for frame in frames:
            for number, kept in zip(frame["partition"], frame["answer"], strict=True):
                own = () if self.of_partition is None else self.of_partition[number]
                found = self.function(pickle.loads(kept), *self.arguments, *own)
                yield _answer(number, found)


def _answer(number: int, found: Any) -> pd.DataFrame:
    _spare_modules()
    return pd.DataFrame({"partition": [number], "answer": [pickle.dumps(found)]})


def n_rows_of(pieces: Pieces) -> int:
    return sum(len(X) for X in pieces)


def taken_rows(pieces: Pieces, rows: np.ndarray) -> pd.DataFrame:
    return pd.concat(taken(pieces, rows))


def first_scores(filter_score: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    rows = first_rows(filter_score, n)
    return rows, filter_score[rows]


def score_again(searcher: QuerySearcher, pieces: Pieces, rows, filter_score) -> Scored:
    """Full scores of rows that the filter has scored before."""
    chosen = list(taken(pieces, rows))
    again = [searcher.filter_scores(X) for X in chosen]
    n_rows = sum(len(scores) for scores in again)
    if n_rows != len(rows) or (
        n_rows and not np.allclose(np.concatenate(again), filter_score, rtol=1e-6, equal_nan=True)
    ):
        raise RuntimeError(
            "The frame gave other rows, or the same in another order, when it was computed again. "
            "Persist it before it is ranked: frame.persist()."
        )
    return score_rows(searcher, chosen, np.arange(n_rows)).at(rows)


def probability_lists(model, X) -> list[list[float]]:
    return probabilities_of(model, X).tolist()
