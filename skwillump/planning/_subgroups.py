"""Groups of rows in each of which the target is to be kept."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, kw_only=True)
class Subgroups:
    """A division of rows into groups.

    Attributes
    ----------
    labels : tuple
        One for each group.
    codes : ndarray of int of shape (n_rows,)
        The group of each row, as a position in `labels`.
    of_classes : bool
        Whether the groups are the classes of the rows.
    """

    labels: tuple[Any, ...]
    codes: np.ndarray
    of_classes: bool = False

    @classmethod
    def of(cls, values: Any) -> Subgroups:
        """The groups of rows with the same value."""
        labels, codes = np.unique(np.asarray(values), return_inverse=True)
        return cls(labels=tuple(labels.tolist()), codes=codes.ravel())

    def masks(self, rows: np.ndarray) -> Iterator[tuple[Any, np.ndarray]]:
        """Each label, with a mask of those of `rows` that are in its group."""
        codes = self.codes[rows]
        for code, label in enumerate(self.labels):
            yield label, codes == code
