"""``SimpleImputer``, of numbers and of anything else."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.impute import SimpleImputer

from .._registry import register
from .._steps import Step
from .._unsupported import InputUnsupported, Unsupported, check_unchanged, private
from ._columns import Codes
from ._row_table import RowTable
from ._steps import IntegerStep, TableStep
from ._tables import (
    KnownObjects,
    ObjectTable,
    Table,
    plain_values,
    refuse_infinite,
    refuse_large_integers,
)


@dataclass(frozen=True, eq=False)
class ImputeStep(IntegerStep):
    """Numbers in the place of missing numbers, then flags of some columns."""

    missing: float  # NaN or another number
    values: np.ndarray  # float64 (n_columns,)
    flagged: np.ndarray | None  # positions of columns with flags
    any_dtype: bool  # whether scikit-learn keeps the dtype of the input
    fill_dtype: np.dtype  # of the values, where the original keeps the dtype of the input

    gives_array = True

    @property
    def fixed_dtype(self) -> np.dtype | None:
        """Say none if the dtype of the input is kept."""
        return None if self.any_dtype else np.dtype(np.float64)

    def chunk_features(self, table: Table) -> np.ndarray:
        block = table.floats()
        if self.any_dtype and table.row is None:
            self._refuse_other_dtype(table.dtype)
        is_nan = self.missing != self.missing
        refuse_infinite(block, allow_nan=is_nan)
        if self.guards_integers:
            refuse_large_integers(block, table)
        mask = np.isnan(block) if is_nan else block == self.missing
        np.copyto(block, self.values, where=mask)
        if self.flagged is None:
            return block
        return np.hstack((block, mask[:, self.flagged]))

    def _refuse_other_dtype(self, dtype: np.dtype) -> None:
        """Raise `InputUnsupported` for a dtype that does not hold the values to fill in."""
        holds = dtype.kind in "iuf" and np.can_cast(self.fill_dtype, dtype, casting="same_kind")
        if holds and dtype.kind in "iu":
            limits = np.iinfo(dtype)
            holds = bool(np.all((self.values >= limits.min) & (self.values <= limits.max)))
        if not holds:
            raise InputUnsupported("a dtype that does not hold the values that were fitted")


@dataclass(frozen=True, eq=False)
class ImputeObjectsStep(TableStep):
    """Objects in the place of missing objects."""

    missing: Any
    values: tuple[Any, ...]

    fixed_dtype = np.dtype(object)

    def chunk_features(self, table: Table) -> np.ndarray:
        """Return the features as numbers, where they are."""
        return self.next_table(table).floats()

    def next_table(self, table: Table) -> Table:
        if table.row is not None:
            row = [
                value if type(value) is str and value != self.missing else self._filled(value, fill)
                for value, fill in zip(table.row, self.values, strict=True)
            ]
            return RowTable(row, as_objects=True)
        return ObjectTable(tuple(self._column(table, at) for at in range(len(self.values))))

    def _codes(self, table: Table, position: int) -> Codes:
        """Return a column as codes, of which those of missing values are others' now."""
        fill = self.values[position]
        codes, values = table.codes(position)
        return Codes(codes, [self._filled(value, fill) for value in values])

    def _column(self, table: Table, position: int) -> KnownObjects:
        """Return a column of texts as such; as codes where texts may stand for what is missing."""
        texts = None if isinstance(self.missing, str) else table.texts(position)
        if texts is None:
            known = self._codes(table, position)
            return KnownObjects(n_rows=len(known.codes), codes=lambda: known)
        if texts.missing is not None:
            missing_value = self._filled(texts.missing_value, self.values[position])
            texts = texts._replace(missing_value=missing_value)
        return KnownObjects(
            n_rows=len(texts.starts), codes=lambda: self._codes(table, position), texts=texts
        )

    def _filled(self, value: Any, fill: Any) -> Any:
        plain_values([value])
        is_nan = isinstance(value, float) and math.isnan(value)
        if self.missing is None:
            is_missing = value is None
        elif self.missing != self.missing:
            is_missing = is_nan
        else:
            is_missing = value == self.missing
        if is_missing:
            return fill
        if is_nan:
            raise InputUnsupported("a value is NaN")
        return value


def fitted_indicator(imputer: Any) -> Any:
    """Return what an imputer was fitted to flag missing values with; None for nothing."""
    check_unchanged("add_indicator", bool(imputer.add_indicator), imputer.indicator_ is not None)
    return imputer.indicator_


@register(SimpleImputer)
def compile_simple_imputer(imputer: Any) -> Step:
    """Compile a ``SimpleImputer``."""
    missing = imputer.missing_values
    is_nan = isinstance(missing, float) and math.isnan(missing)
    if not (is_nan or missing is None or isinstance(missing, (str, int, float))):
        raise Unsupported(f"missing_values={missing!r} is of a type of its own")
    indicator = fitted_indicator(imputer)
    dtype = private(imputer, "_fit_dtype")
    if dtype.kind == "O":
        if indicator is not None:
            raise Unsupported("add_indicator=True beside values that are not numbers")
        values = tuple(imputer.statistics_.tolist())
        if any(isinstance(value, float) and math.isnan(value) for value in values):
            raise Unsupported("a column without values was fitted")
        if missing is None and None in values:
            raise Unsupported("missing values are filled with None")
        return ImputeObjectsStep.from_fitted(imputer, missing=missing, values=values)
    if dtype == np.float32 or dtype.kind not in "iuf":
        raise Unsupported(f"it was fitted on {dtype}")
    if not isinstance(missing, (int, float)):
        raise Unsupported(f"missing_values={missing!r} beside numbers")
    statistics = np.asarray(imputer.statistics_, dtype=np.float64)
    if np.isnan(statistics).any():
        # Left out with a warning at each call, or filled with NaN.
        raise Unsupported("a column without values was fitted")
    flagged = None if indicator is None else np.asarray(indicator.features_)
    return ImputeStep.from_fitted(
        imputer,
        len(statistics) + (0 if flagged is None else len(flagged)),
        missing=float(missing),
        values=statistics.astype(getattr(imputer, "_fill_dtype", np.float64)).astype(np.float64),
        flagged=flagged,
        any_dtype=imputer.strategy in ("most_frequent", "constant"),
        fill_dtype=getattr(imputer, "_fill_dtype", dtype),
    )
