"""``KBinsDiscretizer``: numbers to bins."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.preprocessing import KBinsDiscretizer

from .._registry import register
from .._steps import Step
from .._unsupported import Unsupported
from ._one_of import OneOfStep
from ._row_table import RowTable
from ._steps import TableStep
from ._tables import Table, refuse_infinite


@dataclass(frozen=True, eq=False)
class BinStep(TableStep):
    """Numbers to the number of their bin."""

    edges: tuple[np.ndarray, ...]  # between bins

    gives_array = True  # bins are numbered in floats

    def chunk_features(self, table: Table) -> np.ndarray:
        block = table.floats()
        refuse_infinite(block, allow_nan=False)
        for column, edges in zip(block.T, self.edges, strict=True):
            column[:] = edges.searchsorted(column, side="right")
        return block


@dataclass(frozen=True, eq=False)
class OneHotBinStep(OneOfStep):
    """Numbers to the one-hot code of their bin."""

    edges: tuple[np.ndarray, ...]
    starts: tuple[int, ...]  # feature of the first bin of each column

    @property
    def gives_sparse(self) -> bool:
        return self.original.encode == "onehot"

    def positions(self, table: Table) -> list[tuple[np.ndarray, np.ndarray]]:
        block = table.floats()
        refuse_infinite(block, allow_nan=False)
        return [
            (edges.searchsorted(column, side="right"), start + np.arange(len(edges) + 1))
            for column, edges, start in zip(block.T, self.edges, self.starts, strict=True)
        ]

    def owners(self) -> np.ndarray:
        return np.repeat(np.arange(len(self.edges)), [len(edges) + 1 for edges in self.edges])

    def row_positions(self, row: list[Any]) -> list[int]:
        table = RowTable(row, names=self.spec.names)
        return [int(features[codes[0]]) for codes, features in self.positions(table)]


@register(KBinsDiscretizer)
def compile_discretizer(bins: Any) -> Step:
    """Compile a ``KBinsDiscretizer``."""
    if bins.dtype not in (None, np.float64):
        raise Unsupported(f"dtype={bins.dtype!r} rounds before it compares")
    edges = tuple(np.array(edges[1:-1], dtype=np.float64) for edges in bins.bin_edges_)
    if bins.encode == "ordinal":
        return BinStep.from_fitted(bins, edges=edges)
    if any(len(between) + 1 != n for between, n in zip(edges, bins.n_bins_, strict=True)):
        raise Unsupported("a column has another number of bins than of edges")
    ends = np.cumsum([0, *(len(between) + 1 for between in edges)]).tolist()
    return OneHotBinStep.from_fitted(bins, ends[-1], edges=edges, starts=tuple(ends[:-1]))
