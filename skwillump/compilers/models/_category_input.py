"""The columns of a data frame for a model that was fitted on pandas' categories.

LightGBM and XGBoost take a category by its position among those of the fit, whichever categories
the data frame of a later batch tells of.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Self

import numpy as np

from ..._compat import library_of
from .._steps import Step
from .._unsupported import InputUnsupported, Unsupported
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


def with_categories(features: Step, model: Any, categories: Mapping[int, KnownCategories]) -> Step:
    """Return a twin of a fitted model's features that reads columns with categories.

    Raises
    ------
    Unsupported
        If there is none.
    """
    if not features.passes_input:
        raise Unsupported(
            "it was fitted on pandas categoricals, and is not alone: encode them in a step "
            "before it"
        )
    told = {field.name: getattr(features, field.name) for field in fields(InputStep)}
    library = library_of(type(model))
    return CategoryInput(**told | {"original": model, "library": library}, categories=categories)
