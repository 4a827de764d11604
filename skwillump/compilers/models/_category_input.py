"""The columns of a data frame for a LightGBM model that was fitted on pandas' categories."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from .._unsupported import InputUnsupported, Unsupported
from ..tables._columns import CategoricalColumn, CategoricalNumbers
from ..tables._keys import is_missing
from ..tables._tables import ChunkTable, Table
from ._input import InputStep


@dataclass(frozen=True, eq=False, kw_only=True)
class CategoryInput(InputStep):
    """Columns as numbers, and categories by their positions among those of the fit.

    A category that the model was not fitted on is a missing value, as LightGBM takes it.
    """

    # Of each column that has categories, by its position: where each of them is.
    categories: dict[int, dict[Any, float]]

    has_doubles = False  # the original's features are the data frame itself

    def chunk_features(self, table: Table) -> np.ndarray:
        numbers = tuple(at for at in range(table.n_columns) if at not in self.categories)
        block = np.empty((table.n_rows, table.n_columns))
        if numbers:
            block[:, numbers] = super().chunk_features(table.select(numbers))
        for at, place in self.categories.items():
            block[:, at] = _positions(table, at, place)
        return block


def input_of(model: Any) -> InputStep:
    """Make the input of a fitted model that has no steps before it.

    Raises
    ------
    Unsupported
        If the model does not tell how many columns it was fitted on, or which of them had
        categories, or these are neither texts nor whole numbers.
    """
    plain = InputStep.of(model)
    booster = model.booster_ if plain.library == "lightgbm" else None
    if booster is None or not booster.pandas_categorical:
        return plain
    return CategoryInput(
        original=model,
        spec=plain.spec,
        n_features=plain.n_features,
        library=plain.library,
        categories=_categories_of(booster),
    )


def _categories_of(booster: Any) -> dict[int, dict[Any, float]]:
    """Return where each category is, of each column that had some in fit, by its position.

    The booster keeps lists of categories without their columns, and columns by which it may split
    as categories.
    """
    lists = booster.pandas_categorical
    columns = booster.params.get("categorical_column", [])
    if len(columns) != len(lists):
        raise Unsupported("it does not tell which of its columns had pandas' categories")
    found = {int(at): tuple(known) for at, known in zip(columns, lists, strict=True)}
    header = booster.model_to_string(num_iteration=1).partition("\nfeature_infos=")[2]
    infos = header.partition("\n")[0].split(" ")
    for at, known in found.items():
        if {type(one) for one in known} not in ({str}, {int}):
            raise Unsupported("it was fitted on categories that are neither texts nor integers")
        # Integers that were named as categories may be of a column that has none of pandas'.
        seen = [] if infos[at] == "none" else infos[at].split(":")
        if infos[at].startswith("[") or any(int(code) >= len(known) for code in seen):
            raise Unsupported("columns without pandas' categories are split as categories")
    return {
        at: {category: float(position) for position, category in enumerate(known)}
        for at, known in found.items()
    }


def _positions(table: Table, at: int, place: dict[Any, float]) -> np.ndarray:
    """Return where the categories of a column are among those known; NaN where they are not."""
    if isinstance(table, ChunkTable):
        column = table.source.column(table.positions[at])
        if not isinstance(column, (CategoricalColumn, CategoricalNumbers)):
            raise InputUnsupported("a column that had categories in fit has none")
    codes = table.codes(at)
    kind = str if isinstance(next(iter(place)), str) else (int, float, np.integer, np.floating)
    found = np.full(len(codes.values), np.nan)
    for position, value in enumerate(codes.values):
        if is_missing(value):
            continue
        if not isinstance(value, kind) or isinstance(value, bool):
            raise InputUnsupported(f"a category of type {type(value).__name__}")
        found[position] = place.get(value, np.nan)
    return found[codes.codes]
