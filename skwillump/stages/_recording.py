"""What is read of the models' answers: the differences between a cascade and a ranker in `fit`."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np

Record = dict[str, np.ndarray]
"""What is kept of a model's answers on some rows: arrays of n_rows elements, by name."""


class Recorder(Protocol):
    """What is kept of the answers of the full and of approximate models on held-out rows.

    It is sent to the processes that fit folds: it holds what is the same for all of them.
    """

    @property
    def calibrates_trees(self) -> bool:
        """Whether a truncated ensemble must answer on the scale of the whole one."""

    def record_full(self, model: Any, features: Any) -> Record:
        """Keep what the full model answers."""

    def record_stage(self, model: Any, features: Any) -> Record:
        """Keep what an approximate model answers."""

    def record_unread(self, full: Record) -> Record:
        """The record of a model that refuses rows which the full model answers, and then does."""

    def record_refused(self) -> dict[str, Any] | None:
        """The record of a row that the full model of a fold refuses, as bad as it can be.

        The full model that answers was fitted on all rows, and takes it. None where nothing can be
        shown without its answer.
        """


Importance = Callable[[np.ndarray, Any, Any], Callable[[Any], float]]
"""What a block is worth to the full model. Given the positions of some rows in the data, the full
model, and their features as they are, it returns what scores the model on features in which a
block's rows are shuffled."""

OpenShares = Callable[[np.ndarray, Record, Record], np.ndarray]
"""The least shares of rows that an approximate model must leave to the full one, at each of some
losses. It is given the positions of rows that choose, and what the full and the approximate model
answered on them."""

LeastOpen = Callable[[np.ndarray, Record, Record], float]
"""The same at the target of the fit: a lower bound."""


def none_open(rows: np.ndarray, full: Record, stage: Record) -> float:
    """The lower bound that holds for whatever models and targets."""
    return 0.0


def joined(records: list[Record] | list[Mapping[str, np.ndarray]]) -> Record:
    """Records of several folds, one after the other."""
    return {key: np.concatenate([record[key] for record in records]) for key in records[0]}
