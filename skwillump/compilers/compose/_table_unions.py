"""Blocks side by side that all read columns: one pass over the table."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

import numpy as np

from .._feature_codes import FeatureCodes, of_numbers, side_by_side
from .._steps import Step
from .._unsupported import InputUnsupported
from ..tables._row_table import RowTable
from ..tables._steps import TableStep
from ..tables._tables import BlockTable, Table
from ._score_sums import TableSum
from ._unions import UnionStep


@dataclass(frozen=True, eq=False)
class TableUnionStep(UnionStep, TableStep):
    """Blocks side by side that all read columns: one pass over the table."""

    def refuse_passing_objects(self, row: Table) -> None:
        for selection, step in zip(self.selections, self.steps, strict=True):
            cast(TableStep, step).refuse_passing_objects(selection.table(row))

    def chunk_features(self, table: Table) -> np.ndarray:
        assert self.n_features is not None
        out = np.empty((table.n_rows, self.n_features))
        self.write_features(table, out)
        return out

    def write_features(self, table: Table, out: np.ndarray) -> None:
        """Let each block write its features where they belong."""
        self._write(table, out, lambda step, *given: step.write_features(*given))

    @cached_property
    def _coded(self) -> tuple[FeatureCodes, list[slice]]:
        """How blocks lay their features out, and the columns of each block."""
        steps = cast(tuple[TableStep, ...], self.steps)
        return side_by_side(
            [
                step.feature_codes() if weight == 1.0 else of_numbers(step.n_features)
                for step, weight in zip(steps, self.weights, strict=True)
            ]
        )

    def feature_codes(self) -> FeatureCodes:
        """Return the blocks' columns side by side; those of weighted blocks hold numbers."""
        return self._coded[0]

    def write_coded(self, table: Table, out: np.ndarray) -> None:
        """Let each block write its columns where they belong."""
        for selection, step, weight, place in zip(
            self.selections, self.steps, self.weights, self._coded[1], strict=True
        ):
            selected, columns = selection.table(table), out[:, place]
            if weight == 1.0:
                cast(TableStep, step).write_coded(selected, columns)
            else:
                cast(TableStep, step).write_features(selected, columns)
                columns *= weight

    def next_table(self, table: Table) -> Table:
        if table.row is not None and not all(
            isinstance(value, (int, float, np.number)) and value == value for value in table.row
        ):
            made = self._row_with_texts(table)
            if made is not None:
                return made
        dtype = self.fixed_dtype
        if dtype is None and self.has_doubles and table.row is not None:
            dtype = np.dtype(np.float64)  # a row has no column of objects
        if dtype is not None:
            return BlockTable(self.chunk_features(table), dtype)
        dtypes = set()

        def read(step: TableStep, selected: Table, place: np.ndarray) -> None:
            block = step.next_table(selected)
            dtypes.add(block.dtype)
            place[:] = block.floats(strict=False, copy=False)

        assert self.n_features is not None
        out = np.empty((table.n_rows, self.n_features))
        self._write(table, out, read)
        return BlockTable(out, dtypes.pop() if len(dtypes) == 1 else np.result_type(*dtypes))

    def _row_with_texts(self, table: Table) -> RowTable | None:
        """Return the values of one row, if there are texts among them, for encoders.

        Raises
        ------
        InputUnsupported
            If a block beside the texts gives numbers of its own, which become objects too.
        """
        steps = cast(tuple[TableStep, ...], self.steps)
        dtypes = [step.fixed_dtype for step in steps]
        if all(dtype is not None and dtype.kind != "O" for dtype in dtypes):
            return None
        pairs = zip(self.selections, steps, strict=True)
        rows = [step.next_table(selection.table(table)).row for selection, step in pairs]
        if not any(isinstance(value, str) for row in rows for value in row or ()):
            return None
        assert self.n_features is not None
        assert self.places is not None
        values = np.empty(self.n_features, dtype=object)
        for row, place, weight in zip(rows, self.places, self.weights, strict=True):
            if row is None or weight != 1.0:
                raise InputUnsupported("numbers that become objects beside texts")
            values[place] = row
        return RowTable(values.tolist(), as_objects=True)

    def _write(
        self,
        table: Table,
        out: np.ndarray,
        write: Callable[[TableStep, Table, np.ndarray], None],
    ) -> None:
        """Let ``write`` fill the place of each block in ``out``."""
        assert self.places is not None
        for selection, step, weight, place in zip(
            self.selections, self.steps, self.weights, self.places, strict=True
        ):
            write(cast(TableStep, step), selection.table(table), out[:, place])
            if weight != 1.0:
                out[:, place] *= weight

    def bind(self, coef: np.ndarray) -> TableSum:
        assert self.spec is not None
        blocks: Any = self._bound(coef)
        return TableSum(self.spec, coef.shape[1], blocks)

    # Features are made chunk by chunk.
    dense = TableStep.dense
    dense_one = TableStep.dense_one
    map_dense = TableStep.map_dense
    map_coded = TableStep.map_coded


def union_step(**values: Any) -> UnionStep:
    """Return a union that makes one pass over a table if all of its blocks read one."""
    by_column = values["places"] is not None and values["spec"] is not None
    steps, weights = values["steps"], values["weights"]
    twins = tuple(map(_weighted, steps, weights))
    if None in twins:
        values.update(places=None, n_features=None)
        return UnionStep(**values)
    values["steps"] = twins
    if by_column and all(step.reads_columns for step in steps):
        return TableUnionStep(**values)
    return UnionStep(**values)


def _weighted(step: Step, weight: float) -> Step | None:
    """Return a twin of a block whose weight may be multiplied in float64; None if none may."""
    if weight == 1.0:
        return step
    small = step.fixed_dtype not in (np.float64, np.int64) and not step.is_open
    if small and not isinstance(weight, float):
        return None  # small integers could overflow
    return step.in_doubles()
