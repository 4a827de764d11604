"""``OrdinalEncoder`` and ``TargetEncoder``: numbers for each category."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sklearn.preprocessing import OrdinalEncoder, TargetEncoder

from .._forwarding import forwarded
from .._registry import register
from .._steps import Step
from .._unsupported import Unsupported
from ._categories import Lookup, encoded_categories, raise_unhashable, raise_unknown, refuse_unknown
from ._steps import TableStep
from ._tables import Table


@dataclass(frozen=True, eq=False)
class ValuesStep(TableStep):
    """An encoder that has numbers for each category: ordinal, or means of the target."""

    lookups: tuple[Lookup, ...]
    values: tuple[np.ndarray, ...]  # float64 (n_categories + 1, width); the last, of unknown values
    direct: tuple[dict[Any, tuple[float, ...]], ...] = field(repr=False)
    dtype: np.dtype
    unknown_error: bool

    gives_array = True  # there is a number for every value
    fixed_dtype = forwarded("dtype")

    def chunk_features(self, table: Table) -> np.ndarray:
        if table.row is not None:
            return self._row(table.row)
        out = np.empty((table.n_rows, self.n_features))
        start = 0
        for column, (lookup, values) in enumerate(zip(self.lookups, self.values, strict=True)):
            codes, positions = lookup.of_column(table, column)
            if self.unknown_error:
                refuse_unknown(codes, positions)
            width = values.shape[1]
            out[:, start : start + width] = values[positions].take(codes, axis=0, mode="wrap")
            start += width
        return out

    def _row(self, row: list[Any]) -> np.ndarray:
        found: list[float] = []
        for column, (value, direct) in enumerate(zip(row, self.direct, strict=True)):
            try:
                numbers = direct.get(value)
            except TypeError:
                raise_unhashable(self, value, column)
            if numbers is None:
                position = self.lookups[column].of_value(value)
                if position < 0 and self.unknown_error:
                    raise_unknown(self, value, column)
                numbers = self.values[column][position]
            found.extend(numbers)
        return np.array((found,))

    def transformed(self, X: Any, *, n_threads: int) -> Any:
        return self.dense(X, n_threads=n_threads).astype(self.dtype, copy=False)


def _values_step(encoder: Any, *, unknown_error: bool, width: int, dtype: Any) -> ValuesStep:
    lookups = tuple(Lookup.of(categories) for categories in encoder.categories_)
    numbers, encoded = encoded_categories(encoder, unknown=not unknown_error)
    encoded = np.asarray(encoded, dtype=np.float64)
    values, direct = [], []
    for column, (rows, lookup) in enumerate(zip(numbers, lookups, strict=True)):
        of_category = encoded[rows, column * width : (column + 1) * width]
        if unknown_error:
            of_category = np.vstack((of_category, np.zeros((1, width))))
        values.append(of_category)
        direct.append(
            {value: tuple(of_category[at].tolist()) for value, at in lookup.position_of.items()}
        )
    return ValuesStep.from_fitted(
        encoder,
        encoded.shape[1],
        lookups=lookups,
        values=tuple(values),
        direct=tuple(direct),
        dtype=np.dtype(dtype),
        unknown_error=unknown_error,
    )


@register(OrdinalEncoder)
def compile_ordinal_encoder(encoder: Any) -> Step:
    """Compile an ``OrdinalEncoder``."""
    if np.dtype(encoder.dtype).kind not in "iuf":
        raise Unsupported(f"dtype={encoder.dtype!r} is not a number")
    return _values_step(
        encoder,
        unknown_error=encoder.handle_unknown == "error",
        width=1,
        dtype=encoder.dtype,
    )


@register(TargetEncoder)
def compile_target_encoder(encoder: Any) -> Step:
    """Compile a ``TargetEncoder``."""
    width = len(encoder.classes_) if encoder.target_type_ == "multiclass" else 1
    return _values_step(encoder, unknown_error=False, width=width, dtype=np.float64)
