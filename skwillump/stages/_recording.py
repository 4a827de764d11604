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


class Importance(Protocol):
    """What a block is worth to the full model."""

    def __call__(self, rows: np.ndarray, model: Any, features: Any) -> Callable[[Any], float]:
        """Return the score of the model on features in which a block's rows are shuffled.

        Parameters
        ----------
        rows : ndarray of intp of shape (n_rows,)
            Positions in the data.
        model : estimator
            The full model.
        features : array-like, sparse matrix or data frame
            As they are.
        """


class OpenShares(Protocol):
    """How few rows an approximate model must leave to the full one, for several losses."""

    def __call__(self, rows: np.ndarray, full: Record, stage: Record) -> np.ndarray:
        """Return the least share of rows that are left open, at each of some losses.

        Parameters
        ----------
        rows : ndarray of intp of shape (n_rows,)
            Positions in the data, of rows that choose.
        full, stage : Record
            What the full and the approximate model answered on them.
        """


class LeastOpen(Protocol):
    """How few rows an approximate model must leave to the full one at the target of the fit."""

    def __call__(self, rows: np.ndarray, full: Record, stage: Record) -> float:
        """Return a lower bound of the share of rows that are left open.

        Parameters
        ----------
        rows : ndarray of intp of shape (n_rows,)
            Positions in the data, of rows that choose.
        full, stage : Record
            What the full and the approximate model answered on them.
        """


def none_open(rows: np.ndarray, full: Record, stage: Record) -> float:
    """The lower bound that holds for whatever models and targets."""
    return 0.0


def joined(records: list[Record] | list[Mapping[str, np.ndarray]]) -> Record:
    """Records of several folds, one after the other."""
    return {key: np.concatenate([record[key] for record in records]) for key in records[0]}
