"""The columns of a data frame for a model that was fitted on pandas' categories.

LightGBM and XGBoost take a category by its position among those of the fit, whichever categories
the data frame of a later batch tells of.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np

from ..._compat import library_of
from .._unsupported import InputUnsupported
from ..tables._input import InputSpec
from ..tables._keys import is_missing
from ..tables._tables import ChunkTable, Table
from ._input import InputStep


@dataclass(frozen=True, eq=False, kw_only=True)
class KnownCategories:
    """The categories that a column had in fit, all of them texts or all of them integers.

    A category that the model was not fitted on is a missing value, as LightGBM takes it.
    """

    place: dict[Any, float] = field(repr=False)  # of each category, its position

    @classmethod
    def of(cls, categories: Sequence[Any], **told: Any) -> Self:
        """Return the categories of a list."""
        place = {category: float(position) for position, category in enumerate(categories)}
        return cls(place=place, **told)

    def position(self, value: Any) -> float:
        """Return where the value of one row is; NaN if it is missing.

        Raises
        ------
        InputUnsupported
            For a value that only the original can judge.
        """
        if is_missing(value):
            return np.nan
        kind = str if isinstance(next(iter(self.place)), str) else _NUMBERS
        if not isinstance(value, kind) or isinstance(value, bool):
            raise InputUnsupported(f"a category of type {type(value).__name__}")
        return self.place.get(value, np.nan)

    def positions(self, categories: list[Any], dtype: np.dtype) -> np.ndarray:
        """Return where each category of a batch is; NaN behind them, for what is missing.

        Raises
        ------
        InputUnsupported
            As `position` does.
        """
        return np.array([*map(self.position, categories), np.nan])


_NUMBERS = (int, float, np.integer, np.floating)


@dataclass(frozen=True, eq=False, kw_only=True)
class CategoryInput(InputStep):
    """Columns as numbers, and categories by their positions among those of the fit."""

    categories: Mapping[int, KnownCategories] = field(default_factory=dict)

    has_doubles = False  # the original's features are the data frame itself

    def dense_row(self, X: Any) -> np.ndarray:
        return self.dense(X)[0]  # a data frame tells which columns have categories

    def chunk_features(self, table: Table) -> np.ndarray:
        numbers = tuple(at for at in range(table.n_columns) if at not in self.categories)
        block = np.empty((table.n_rows, table.n_columns))
        if numbers:
            block[:, numbers] = super().chunk_features(table.select(numbers))
        for at, known in self.categories.items():
            if table.row is not None:
                block[:, at] = known.position(table.row[at])
            elif isinstance(table, ChunkTable):
                column = table.source.column(table.positions[at])
                place = known.positions(*column.categories())
                block[:, at] = place[column.positions(table.rows)]
            else:
                raise InputUnsupported("a column that had categories in fit has none")
        return block


@dataclass(frozen=True, eq=False, kw_only=True)
class CategoryInputs:
    """What makes the inputs of a model of pandas' categories, whatever steps are before it."""

    model: Any
    categories: Mapping[int, KnownCategories]

    def some(self, place: slice) -> "CategoryInputs | None":
        found = {
            at - place.start: known
            for at, known in self.categories.items()
            if place.start <= at < place.stop
        }
        return replace(self, categories=found) if found else None

    def of_columns(self, spec: InputSpec) -> CategoryInput:
        return CategoryInput(
            original=self.model,
            spec=spec,
            n_features=spec.n_columns,
            library=library_of(type(self.model)),
            categories=self.categories,
        )

    def of_frames(self) -> CategoryInput:
        return self.of_columns(InputStep.of(self.model).spec)
