"""Columns of several tables side by side: what blocks of columns give to a step behind them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from .._unsupported import InputUnsupported
from ._columns import Codes, Texts, refuse_single
from ._tables import Table

_OBJECT = np.dtype(object)


@dataclass(frozen=True, eq=False)
class JoinedTable(Table):
    """Columns of tables, of which at least one holds objects.

    In a data frame each column keeps its dtype; an array is one of objects.
    """

    parts: tuple[Table, ...]
    places: tuple[tuple[int, int], ...]  # of each column: the part, and its position there
    stacked: bool  # whether they become an array

    @classmethod
    def of(cls, parts: Sequence[Table], *, stacked: bool) -> Self:
        """Return all columns of some tables."""
        places = ((at, p) for at, part in enumerate(parts) for p in range(part.n_columns))
        return cls(tuple(parts), tuple(places), stacked)

    @property
    def n_rows(self) -> int:  # type: ignore[override]
        """Number of rows."""
        return self.parts[0].n_rows

    @property
    def n_columns(self) -> int:  # type: ignore[override]
        """Number of columns."""
        return len(self.places)

    def select(self, positions: tuple[int, ...]) -> Table:
        chosen = tuple(self.places[position] for position in positions)
        if len({part for part, _ in chosen}) == 1:
            part = self.parts[chosen[0][0]].select(tuple(position for _, position in chosen))
            if not self.stacked or part.dtype == _OBJECT:
                return part
        return JoinedTable(self.parts, chosen, self.stacked)

    @property
    def dtype(self) -> np.dtype:  # type: ignore[override]
        """Dtype of the array that the columns become."""
        return np.result_type(*self.dtypes())

    @property
    def as_objects(self) -> bool:  # type: ignore[override]
        """Whether numbers are to be taken as Python objects."""
        return self.stacked

    def dtypes(self) -> set[np.dtype]:
        if self.stacked:
            return {_OBJECT}
        return {self.parts[part].select((position,)).dtype for part, position in self.places}

    def floats(self, *, strict: bool = True, copy: bool = True) -> np.ndarray:
        if strict and not self.stacked:
            dtypes = self.dtypes()
            if len(dtypes) > 1 and any(dtype.kind in "bO" for dtype in dtypes):
                raise InputUnsupported("numbers beside booleans or objects")
            refuse_single(self.dtype)
        out = np.empty((self.n_columns, self.n_rows))
        for values, (part, position) in zip(out, self.places, strict=True):
            values[:] = self.parts[part].select((position,)).floats(strict=strict, copy=False)[:, 0]
        return out.T

    def numbers(self, position: int) -> np.ndarray | None:
        if self.stacked:
            return None
        part, at = self.places[position]
        return self.parts[part].numbers(at)

    def codes(self, position: int) -> Codes:
        part, at = self.places[position]
        if self.stacked:
            values = self.parts[part].numbers(at)
            if values is not None and np.isnan(values).any():
                raise InputUnsupported("a missing number beside texts")
        return self.parts[part].codes(at)

    def texts(self, position: int) -> Texts | None:
        part, at = self.places[position]
        return self.parts[part].texts(at)

    def once(
        self, position: int, question: bytes | None, answer: Callable[[], np.ndarray]
    ) -> np.ndarray:
        part, at = self.places[position]
        return self.parts[part].once(at, question, answer)
