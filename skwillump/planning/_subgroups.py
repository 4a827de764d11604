"""Groups of rows in each of which the target is to be kept."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, kw_only=True)
class Subgroups:
    """A division of rows into groups."""

    labels: tuple[Any, ...]  # one for each group
    codes: np.ndarray  # int (n_rows,): the group of each row, as a position in `labels`
    of_classes: bool = False  # whether the groups are the classes of the rows

    @classmethod
    def of(cls, values: np.ndarray, known: Sequence[Any] = ()) -> "Subgroups":
        """The groups of rows with the same value.

        Parameters
        ----------
        values : ndarray of shape (n_rows,)
        known : sequence
            Labels of groups that there are besides, of which rows may hold none.
        """
        found, codes = np.unique(values, return_inverse=True)
        labels = [*known, *(label for label in found.tolist() if label not in known)]
        positions = np.array([labels.index(label) for label in found.tolist()], dtype=np.intp)
        return cls(labels=tuple(labels), codes=positions[codes.ravel()])

    def without_rows(self) -> list[Any]:
        """Labels of the groups of which there is no row."""
        return [label for label, mask in self.masks(np.arange(len(self.codes))) if not mask.any()]

    def masks(self, rows: np.ndarray) -> Iterator[tuple[Any, np.ndarray]]:
        """Each label, with a mask of those of `rows` that are in its group."""
        codes = self.codes[rows]
        for code, label in enumerate(self.labels):
            yield label, codes == code
