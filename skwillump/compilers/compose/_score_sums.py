"""Blocks side by side as a sum of scores, with no features in between."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .._scorers import Scorer
from .._unsupported import InputUnsupported
from ..tables._input import InputSpec, Opened
from ..tables._steps import TableScorer
from ..tables._tables import Table
from ..text._columns import text_column
from ..text._vectorizers import scores_of_texts
from ._selections import (
    Rows,
    Selection,
    common_spec,
    selected_one,
    unread_columns,
    wants_row,
)


@dataclass(frozen=True, eq=False)
class TableSum(TableScorer):
    """The sum of the scores of blocks of columns of one table, in one pass over it."""

    blocks: tuple[tuple[Selection, TableScorer], ...]

    @property
    def width(self) -> int:
        return max((scorer.width for _, scorer in self.blocks), default=1)

    def chunk_scores(self, table: Table) -> np.ndarray:
        total = np.zeros((table.n_rows, self.n_outputs))
        for selection, scorer in self.blocks:
            scorer.add_to(total, selection.table(table))
        return total

    def row(self, table: Table) -> Any:
        total: Any = 0.0
        for selection, scorer in self.blocks:
            total = scorer.add_to_row(total, selection.table(table))
        return total


@dataclass(frozen=True, eq=False)
class SumScorer(Scorer):
    """The sum of the scores of blocks that stand side by side.

    Blocks of columns share one pass over the table, and neighbours that read the same texts share
    their encoding; others, as steps that are not compiled, make one pass each.
    """

    blocks: tuple[tuple[Selection, Scorer], ...]
    constant: np.ndarray  # (n_outputs,), of blocks without columns: zero
    required: InputSpec | None = None  # columns that there must be, even if no block reads them
    together: "TableSum | None" = field(init=False, repr=False)
    unread: InputSpec | None = field(init=False, repr=False)  # checked if `together` does not
    passes: tuple[tuple[Selection, list[Any]], ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        tables: list[Any] = []
        passes: list[tuple[Selection, list[Any]]] = []
        for selection, scorer in self.blocks:
            if scorer.reads_columns and selection.positions is not None:
                tables.append((selection, scorer))
                continue
            if (
                passes
                and scorer.reads_texts
                and passes[-1][1][0].reads_texts
                and selection.same_as(passes[-1][0])
            ):
                passes[-1][1].append(scorer)
            else:
                passes.append((selection, [scorer]))
        together = None
        unread = None
        if tables:
            spec = common_spec([selection for selection, _ in tables], self.required)
            together = TableSum(spec, len(self.constant), tuple(tables))
        else:
            unread = unread_columns(self.required, [selection for selection, _ in self.blocks])
        object.__setattr__(self, "together", together)
        object.__setattr__(self, "unread", unread)
        object.__setattr__(self, "passes", tuple(passes))

    @property
    def n_outputs(self) -> int:
        return len(self.constant)

    @property
    def reads_opened(self) -> bool:
        return not self.passes and self.unread is None

    def scores(self, X: Any, rows: np.ndarray | None = None, *, n_threads: int = 1) -> np.ndarray:
        total = None
        opened = X if type(X) is Opened else None
        if self.together is not None:
            total = self.together.scores(X, rows, n_threads=n_threads)
        if opened is not None:
            X = opened.X
        if self.unread is not None:
            self.unread.check_columns(X)
        for selection, scorers in self.passes:
            are_texts = scorers[0].reads_texts
            if are_texts and opened is not None:
                selected = opened.selected(selection, text_column)
            else:
                selected = selection.of(X)
            if are_texts:
                total = scores_of_texts(scorers, selected, rows, n_threads=n_threads, total=total)
                continue
            part = scorers[0].scores(selected, rows, n_threads=n_threads)
            if total is None:
                total = part
            elif len(part) != len(total):
                raise InputUnsupported("blocks of different numbers of rows")
            else:
                total += part
        if total is None:
            raise InputUnsupported("no blocks")
        return total

    def score_one(self, x: Any) -> np.ndarray:
        total = self.constant
        if self.unread is not None:
            self.unread.row(x)
        if self.together is not None:
            total = total + self.together.row(self.together.spec.row(x))
        rows = None
        for selection, scorers in self.passes:
            if wants_row(scorers[0], selection):
                rows = rows or Rows(scorers[0].template)
                total = total + scorers[0].score_row(selection.one_row(x, rows))
                continue
            selected = selected_one(scorers[0], selection, x)
            for scorer in scorers:
                total = total + scorer.score_one(selected)
        return total
