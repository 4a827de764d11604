"""What runs stages on compiled blocks, whatever the family of the model."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..compilers._forwarding import KernelUser

CHUNK_ROWS = 1 << 16
"""Rows that scores are made of together: enough that threads have work, little enough that what is
kept of each row does not count."""


@dataclass(frozen=True)
class BlockReader:
    """What a block costs to read: many rows, or one."""

    # `many`, `one`: of rows as `BlockGraph.prepare` returns them, and of one row.
    many: Callable[[Any], Any]
    one: Callable[[Any], Any]


class CompiledStage(KernelUser):
    """A stage and what completes it.

    The stage's blocks are read for all rows. Rows that are left carry on what was found of them, so
    that only the missing blocks are read to complete them.

    Attributes
    ----------
    chunk_rows : int
        Rows to run through the stage together.
    """

    # `approx`, `full`: LinearModel, TreeModel or TruncatedTrees: the stage's model, and the full
    # one: they turn scores into answers.
    approx: Any
    full: Any

    @property
    def chunk_rows(self) -> int:
        """Rows to run through the stage together."""
        return CHUNK_ROWS

    def opened(self, Z: Any) -> Any:
        """Rows for `start` and `finish`, of which no column is read twice."""
        return Z

    def start(self, Z: Any, *, n_threads: int = 1) -> tuple[np.ndarray, np.ndarray]:
        """Run the stage on all rows.

        Parameters
        ----------
        Z : array-like, sparse matrix or data frame of n_rows rows
            Rows as `BlockGraph.prepare` returns them.

        Returns
        -------
        scores : ndarray of float64 of shape (n_rows, n_approx_outputs)
            The approximate model's scores.
        carry : ndarray of n_rows rows
            What `finish` takes of the rows that are left.

        Raises
        ------
        InputUnsupported
            For input that only the original steps can judge.
        """
        raise NotImplementedError

    def finish(
        self, Z: Any, rows: np.ndarray, carry: np.ndarray, *, n_threads: int = 1
    ) -> np.ndarray:
        """Complete the chosen rows.

        Parameters
        ----------
        Z : array-like, sparse matrix or data frame
            The rows that `start` was given.
        rows : ndarray of intp of shape (n_left,)
            Positions of the rows that are left.
        carry : ndarray of n_left rows
            Theirs.

        Returns
        -------
        ndarray of float64 of shape (n_left, n_outputs)
            The full model's scores.
        """
        raise NotImplementedError

    def start_one(self, x: Any) -> tuple[np.ndarray, np.ndarray]:
        """`start` for one row: arrays without the first axis."""
        raise NotImplementedError

    def finish_one(self, x: Any, carry: np.ndarray) -> np.ndarray:
        """`finish` for one row."""
        raise NotImplementedError


class CompiledBlocks:
    """The blocks of a graph under a full model that is compiled."""

    full: Any  # LinearModel, TreeModel or JoinedModel

    def block(self, name: str) -> BlockReader:
        """What reads one block."""
        raise NotImplementedError

    def answer(self, Z: Any) -> np.ndarray:
        """Full model's predictions for rows as `BlockGraph.prepare` returns them."""
        raise NotImplementedError

    def answer_one(self, x: Any) -> Any:
        """Full model's prediction for one row."""
        raise NotImplementedError

    def stage(self, names: Collection[str], model: Any) -> CompiledStage | None:
        """Stage of an approximate model on some blocks; None where that does not compile."""
        raise NotImplementedError
