"""Steps that set at most one feature of each column's own to one."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .._feature_codes import FeatureCodes
from ._steps import TableScorer, TableStep, coefficients
from ._tables import Table


class OneOfStep(TableStep):
    """A step that sets at most one feature of each column's own to one."""

    @property
    def gives_sparse(self) -> bool:
        return bool(self.original.sparse_output)

    @property
    def gives_array(self) -> bool:
        return not self.gives_sparse

    def positions(self, table: Table) -> list[tuple[np.ndarray, np.ndarray]]:
        """Return for each column codes of rows, and the features (-1: none) of the codes."""
        raise NotImplementedError

    def row_positions(self, row: list[Any]) -> list[int]:
        """Return the feature of each column for one row, -1 for none."""
        raise NotImplementedError

    def in_binary(self) -> "OneOfStep":
        return self

    def owners(self) -> np.ndarray:
        """Return the column that sets each feature, intp (n_features,)."""
        raise NotImplementedError

    def feature_codes(self) -> FeatureCodes:
        return FeatureCodes(self.owners(), np.arange(1, self.n_features + 1), self.spec.n_columns)

    def write_coded(self, table: Table, out: np.ndarray) -> None:
        for column, (codes, features) in enumerate(self.positions(table)):
            held = np.where(features < 0, -1.0, features + 1.0)
            held.take(codes, out=out[:, column], mode="wrap")

    def chunk_features(self, table: Table) -> np.ndarray:
        if table.row is not None:
            # The last column takes what is no feature.
            row = np.zeros((1, self.n_features + 1))
            row[0, self.row_positions(table.row)] = 1.0
            return row[:, :-1]
        out = np.empty((table.n_rows, self.n_features))
        self.write_features(table, out)
        return out

    def write_features(self, table: Table, out: np.ndarray) -> None:
        if table.row is not None:
            out[:] = self.chunk_features(table)
            return
        out[:] = 0.0
        rows = np.arange(table.n_rows)
        for codes, features in self.positions(table):
            found = features[codes]
            known = found >= 0
            if known.all():
                out[rows, found] = 1.0
            else:
                out[rows[known], found[known]] = 1.0

    def bind(self, coef: np.ndarray) -> "OneOfScorer":
        coef = coefficients(self, coef)
        padded = np.vstack((coef, np.zeros((1, coef.shape[1]))))
        single = tuple(padded[:, 0].tolist()) if coef.shape[1] == 1 else None
        return OneOfScorer(self.spec, coef.shape[1], self, padded, single)


@dataclass(frozen=True, eq=False)
class OneOfScorer(TableScorer):
    """The sum of one row of coefficients for each column."""

    step: OneOfStep
    padded: np.ndarray = field(repr=False)  # the coefficients, and zeros for no feature
    single: tuple[float, ...] | None = field(repr=False)  # the same, of one output

    def chunk_scores(self, table: Table) -> np.ndarray:
        if table.row is not None:
            return np.reshape(self.row(table), (1, -1))
        out = np.zeros((table.n_rows, self.n_outputs))
        self.add_to(out, table)
        return out

    def add_to(self, total: np.ndarray, table: Table) -> None:
        if table.row is not None:
            total += self.row(table)
            return
        for codes, features in self.step.positions(table):
            total += self.padded[features].take(codes, axis=0, mode="wrap")

    def row(self, table: Table) -> Any:
        return self.add_to_row(0.0, table)

    def add_to_row(self, total: Any, table: Table) -> Any:
        if table.row is None:
            return total + self.chunk_scores(table)[0]
        positions = self.step.row_positions(table.row)
        if self.single is None:
            return total + self.padded[positions].sum(axis=0)
        single = self.single
        for position in positions:
            total += single[position]
        return total
