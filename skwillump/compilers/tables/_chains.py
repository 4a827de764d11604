"""Steps over tables one after the other, in one pass."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from .._forwarding import all_of_steps, forwarded
from .._steps import CategoryReader, Step
from .._steps_in_a_row import StepsInARow
from .._unsupported import Unsupported
from ._steps import TableScorer, TableStep, coefficients
from ._tables import Table


@dataclass(frozen=True, eq=False)
class ChainScorer(TableScorer):
    """A scorer behind other steps."""

    before: tuple[TableStep, ...]
    last: TableScorer

    @property
    def width(self) -> int:
        return max(self.last.width, *(step.n_features for step in self.before))

    def chunk_scores(self, table: Table) -> np.ndarray:
        return self.last.chunk_scores(self._behind(table))

    def add_to(self, total: np.ndarray, table: Table) -> None:
        self.last.add_to(total, self._behind(table))

    def add_to_row(self, total: Any, table: Table) -> Any:
        return self.last.add_to_row(total, self._behind(table))

    def _behind(self, table: Table) -> Table:
        for step in self.before:
            table = step.next_table(table)
        return table


@dataclass(frozen=True, eq=False)
class ChainStep(StepsInARow, TableStep):
    """Steps over tables, one after the other."""

    names: tuple[str, ...]
    steps: tuple[TableStep, ...]

    chooses_by_name = forwarded("first.chooses_by_name")
    gives_array = all_of_steps("gives_array")

    @property
    def fixed_dtype(self) -> np.dtype | None:
        """Dtype of the last step that does not keep the one that it is given."""
        fixed = (step.fixed_dtype for step in reversed(self.steps))
        return next((dtype for dtype in fixed if dtype is not None), None)

    @property
    def has_doubles(self) -> bool:
        return self.steps[0].has_doubles if len(self.steps) == 1 else super().has_doubles

    def refuse_passing_objects(self, row: Table) -> None:
        if len(self.steps) == 1:
            self.steps[0].refuse_passing_objects(row)
        else:
            super().refuse_passing_objects(row)

    def in_doubles(self) -> Self:
        return replace(self, steps=tuple(in_doubles(self.steps)))

    def reading_categories(self, reader: CategoryReader) -> Self:
        if len(self.steps) > 1:
            raise Unsupported("several steps between it and the categories of pandas")
        return super().reading_categories(reader)

    def guarded(self) -> Step:
        """Return a twin of which no step lets integers pass that a model could round."""
        if not self.may_give_integers:
            return self
        steps = (step.guarded() for step in self.steps)
        return replace(self, steps=tuple(steps))  # type: ignore[arg-type]

    def chunk_features(self, table: Table) -> np.ndarray:
        return self.steps[-1].chunk_features(self._before(table))

    def write_features(self, table: Table, out: np.ndarray) -> None:
        self.steps[-1].write_features(self._before(table), out)

    def write_coded(self, table: Table, out: np.ndarray) -> None:
        self.steps[-1].write_coded(self._before(table), out)

    def _before(self, table: Table) -> Table:
        """Return what the last step sees of a chunk of rows."""
        for step in self.steps[:-1]:
            table = step.next_table(table)
        return table

    def next_table(self, table: Table) -> Table:
        for step in self.steps:
            table = step.next_table(table)
        return table

    def bind(self, coef: np.ndarray) -> TableScorer:
        """Fold linear steps at the end into the coefficients; bind the last of the others."""
        coef = coefficients(self, coef)
        steps = list(self.steps)
        while len(steps) > 1:
            try:
                found = steps[-1].linear_map()
                before = in_doubles(steps[:-1]) if found.computes else steps[:-1]
            except Unsupported:
                break
            coef = found.fold(coef)
            steps = before
        scorer = steps.pop().bind(coef)
        if not steps:
            return scorer
        return ChainScorer(self.spec, coef.shape[1], tuple(steps), scorer)


def in_doubles(steps: Sequence[TableStep]) -> list[TableStep]:
    """Return steps in a row that give no float32; see `Step.in_doubles`."""
    found = list(steps)
    for at in reversed(range(len(found))):
        found[at] = found[at].in_doubles()
        if found[at].fixed_dtype is not None:  # whatever comes before
            break
    return found
