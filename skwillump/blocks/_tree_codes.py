"""Stages of trees that read columns of codes in the place of the features that these stand for."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..compilers import DenseReader, Leaf, Model, placed
from ..compilers._forwarding import KernelUser
from ..compilers._threads import map_in_threads, ranges
from ..compilers.models._tree_scorer import TreesOnCodes


def side_by_side(leaves: Sequence[Leaf]) -> DenseReader:
    """Return what reads some blocks side by side."""
    return DenseReader(tuple(placed(leaves)), sum(leaf.width for leaf in leaves))


@dataclass(frozen=True, eq=False, kw_only=True)
class CodedStage(KernelUser):
    """The models of a `TreeStage`, for batches of columns of numbers and of codes.

    A one-hot column of a thousand categories is one column here, to write and to carry on.
    """

    known: DenseReader  # the stage's blocks
    missing: DenseReader  # the others
    known_columns: np.ndarray  # intp: places of the stage's columns among all
    missing_columns: np.ndarray  # intp: those of the others
    approx: TreesOnCodes
    # The trees that `approx` has not walked, where it walks some of the full model's; else all.
    rest: TreesOnCodes

    @classmethod
    def of(
        cls,
        known: Sequence[Leaf],
        missing: Sequence[Leaf],
        approx: Model,
        rest: Model,
    ) -> "CodedStage | None":
        """Return the stage; None where a model does not read codes, or would not gain."""
        leaves = sorted((*known, *missing), key=lambda leaf: leaf.place.start)
        whole, some = side_by_side(leaves).coded, side_by_side(known).coded
        if whole is None or some is None:
            return None
        codes, places = whole
        first, others = approx.on_codes(some[0]), rest.on_codes(codes)
        if first is None or others is None:
            return None
        place = dict(zip((leaf.name for leaf in leaves), places, strict=True))

        def columns(blocks: Sequence[Leaf]) -> np.ndarray:
            found = [np.arange(codes.n_columns)[place[leaf.name]] for leaf in blocks]
            return np.concatenate([np.empty(0, dtype=np.intp), *found])

        return cls(
            known=side_by_side(known),
            missing=side_by_side(missing),
            known_columns=columns(known),
            missing_columns=columns(missing),
            approx=first,
            rest=others,
        )

    def start(self, Z: Any, n_threads: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the scores of the approximate model, and the columns of the stage's blocks."""
        columns = self.known.read(Z, n_threads=n_threads, as_codes=True)
        return _scores(self.approx, columns, None, n_threads), columns

    def finish(
        self,
        Z: Any,
        rows: np.ndarray,
        known: np.ndarray,
        start: np.ndarray | None,
        n_threads: int,
    ) -> np.ndarray:
        """Return the full model's scores of some rows, of which these columns are known.

        `start` is the sums of the trees that the approximate model walked, if these are the full
        model's.
        """
        columns = np.empty((len(known), len(self.known_columns) + len(self.missing_columns)))
        columns[:, self.known_columns] = known
        if self.missing.leaves:
            found = self.missing.read(Z, rows, n_threads=n_threads, as_codes=True)
            columns[:, self.missing_columns] = found
        return _scores(self.rest, columns, start, n_threads)


def _scores(
    trees: TreesOnCodes, columns: np.ndarray, start: np.ndarray | None, n_threads: int
) -> np.ndarray:
    """Return scores of columns, which threads share."""

    def of_rows(rows: slice) -> np.ndarray:
        return trees.raw(columns[rows], None if start is None else start[rows])

    return np.concatenate(map_in_threads(of_rows, ranges(len(columns), n_threads), n_threads))
