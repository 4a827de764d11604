"""Blocks side by side that all read columns: one pass over the table."""

from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any, cast

import numpy as np

from .._feature_codes import FeatureCodes
from .._features import default_containers
from .._steps import Step
from .._unsupported import InputUnsupported, Unsupported
from ..tables._joined import JoinedTable
from ..tables._row_table import RowTable
from ..tables._steps import TableStep
from ..tables._tables import BlockTable, Table
from ._dense_reader import codes_of, write_blocks
from ._score_sums import TableSum
from ._unions import UnionStep


@dataclass(frozen=True, eq=False)
class TableUnionStep(UnionStep, TableStep):
    """Blocks side by side that all read columns: one pass over the table."""

    def refuse_passing_objects(self, row: Table) -> None:
        for block in self.blocks:
            cast(TableStep, block.step).refuse_passing_objects(block.selection.table(row))

    def chunk_features(self, table: Table) -> np.ndarray:
        assert self.n_features is not None
        out = np.empty((table.n_rows, self.n_features))
        self.write_features(table, out)
        return out

    def write_features(self, table: Table, out: np.ndarray) -> None:
        """Let each block write its features where they belong."""
        write_blocks(self.blocks, table, out)

    @cached_property
    def _coded(self) -> tuple[FeatureCodes, list[slice]]:
        return codes_of(self.blocks)

    def feature_codes(self) -> FeatureCodes:
        """Return the blocks' columns side by side; those of weighted blocks hold numbers."""
        return self._coded[0]

    def write_coded(self, table: Table, out: np.ndarray) -> None:
        """Let each block write its columns where they belong."""
        write_blocks(self.blocks, table, out, dict(zip(self.blocks, self._coded[1], strict=True)))

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
        if dtype is not None and dtype.kind != "O":
            return BlockTable(self.chunk_features(table), dtype)
        assert self.n_features is not None
        parts = self._parts(table)
        dtypes = {part.dtype for part in parts}
        if any(dtype.kind == "O" for dtype in dtypes):
            self._refuse_weights()
            return JoinedTable.of(parts, stacked=default_containers(self.original))
        out = np.empty((table.n_rows, self.n_features))
        for leaf, part in zip(self.blocks, parts, strict=True):
            out[:, leaf.place] = part.floats(strict=False, copy=False)
            if leaf.weight != 1.0:
                out[:, leaf.place] *= leaf.weight
        return BlockTable(out, dtypes.pop() if len(dtypes) == 1 else np.result_type(*dtypes))

    def _parts(self, table: Table) -> list[Table]:
        """Return what what follows sees of each block, of a chunk of rows."""
        return [
            cast(TableStep, leaf.step).next_table(leaf.selection.table(table))
            for leaf in self.blocks
        ]

    def _refuse_weights(self) -> None:
        """Raise `InputUnsupported` if objects would be multiplied."""
        if any(leaf.weight != 1.0 for leaf in self.blocks):
            raise InputUnsupported("objects of a block that has a weight")

    def _row_with_texts(self, table: Table) -> RowTable | None:
        """Return the values of one row, if there are texts among them, for encoders.

        Raises
        ------
        InputUnsupported
            If a number beside the texts, which may become an object too, is missing.
        """
        steps = cast(tuple[TableStep, ...], self.steps)
        dtypes = [step.fixed_dtype for step in steps]
        if all(dtype is not None and dtype.kind != "O" for dtype in dtypes):
            return None
        rows = [
            part.floats(strict=False, copy=False)[0].tolist() if part.row is None else part.row
            for part in self._parts(table)
        ]
        if not any(isinstance(value, str) for row in rows for value in row):
            return None
        self._refuse_weights()
        assert self.n_features is not None
        stacked = default_containers(self.original)
        values = np.empty(self.n_features, dtype=object)
        for row, leaf in zip(rows, self.blocks, strict=True):
            if stacked and any(type(value) is float and value != value for value in row):
                raise InputUnsupported("a missing number beside texts")
            values[leaf.place] = row
        return RowTable(values.tolist(), as_objects=stacked)

    def bind(self, coef: np.ndarray) -> TableSum:
        assert self.spec is not None
        blocks: Any = self._bound(coef)
        return TableSum(self.spec, coef.shape[1], blocks)

    # Features are made chunk by chunk.
    dense = TableStep.dense
    dense_one = TableStep.dense_one
    map_dense = TableStep.map_dense
    map_coded = TableStep.map_coded


def union_step(union: UnionStep) -> UnionStep:
    """Return a union as one that makes one pass over a table, if all of its blocks read one."""
    try:
        steps = [_weighted(block.step, block.weight) for block in union.blocks]
    except Unsupported:
        return replace(union, n_features=None)
    reads_table = all(step.reads_columns for step in union.steps)
    union = union.with_steps(steps)
    if reads_table and union.n_features is not None and union.spec is not None:
        return TableUnionStep(**{f.name: getattr(union, f.name) for f in fields(union)})
    return union


def _weighted(step: Step, weight: float) -> Step:
    """Return a twin of a block whose weight may be multiplied in float64."""
    if weight == 1.0:
        return step
    small = step.fixed_dtype not in (np.float64, np.int64) and not step.is_open
    if small and not isinstance(weight, float):
        raise Unsupported("small integers times its weight could overflow")
    return step.in_doubles()
