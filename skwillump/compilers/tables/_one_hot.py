"""``OneHotEncoder``."""

import warnings
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.preprocessing import OneHotEncoder

from .._registry import register
from .._steps import Step
from .._unsupported import Unsupported, private
from ..text._rows import csr
from ._categories import (
    Lookup,
    encoded_categories,
    has_unknown,
    raise_unhashable,
    raise_unknown,
    refuse_unknown,
)
from ._chunks import each_chunk
from ._one_of import OneOfStep
from ._tables import Table


@dataclass(frozen=True, eq=False)
class OneHotStep(OneOfStep):
    """A one-hot encoder as look-ups."""

    lookups: tuple[Lookup, ...]
    features: tuple[np.ndarray, ...]  # of each category; the last one, of unknown values
    direct: tuple[dict[Any, int], ...] = field(repr=False)  # value to feature
    judges_unknown: bool  # whether the original raises or warns where a value is unknown
    unknown_error: bool

    @property
    def fixed_dtype(self) -> np.dtype:
        return np.dtype(self.original.dtype)

    def positions(self, table: Table) -> list[tuple[np.ndarray, np.ndarray]]:
        found, unknown = [], []
        for column, (lookup, features) in enumerate(zip(self.lookups, self.features, strict=True)):
            codes, positions = lookup.of_column(table, column)
            if self.unknown_error:
                refuse_unknown(codes, positions)
            elif self.judges_unknown and has_unknown(codes, positions):
                unknown.append(column)
            found.append((codes, features[positions]))
        if unknown:
            self._warn(unknown)
        return found

    def owners(self) -> np.ndarray:
        owners = np.empty(self.n_features, dtype=np.intp)
        for column, features in enumerate(self.features):
            owners[features[features >= 0]] = column
        return owners

    def _warn(self, unknown: list[int]) -> None:
        """Warn as the encoder does of columns with unknown categories."""
        is_zero = self.original.handle_unknown == "ignore"
        how = "all zeros" if is_zero else "the infrequent category."
        warnings.warn(
            f"Found unknown categories in columns {unknown} during transform. These unknown "
            f"categories will be encoded as {how}",
            UserWarning,
            stacklevel=2,
        )

    def row_positions(self, row: list[Any]) -> list[int]:
        found: list[int] = []
        for value, direct in zip(row, self.direct, strict=True):
            try:
                position = direct.get(value)
            except TypeError:
                raise_unhashable(self, value, len(found))
            if position is None:
                position = self._unlisted(value, len(found))
            found.append(position)
        return found

    def _unlisted(self, value: Any, column: int) -> int:
        position = self.lookups[column].of_value(value)
        if position < 0 and self.judges_unknown:
            raise_unknown(self, value, column)
        return int(self.features[column][position])

    def transformed(self, X: Any, *, n_threads: int) -> Any:
        encoder = self.original
        if not encoder.sparse_output:
            return self.dense(X, n_threads=n_threads).astype(encoder.dtype, copy=False)

        def write(table: Table, out: np.ndarray) -> None:
            for column, (codes, features) in enumerate(self.positions(table)):
                out[:, column] = features[codes]

        found = each_chunk(
            write, self.spec, X, None, n_threads=n_threads, n_outputs=len(self.lookups)
        )
        known = found >= 0
        indptr = np.zeros(len(found) + 1, dtype=np.int64)
        np.cumsum(known.sum(axis=1), out=indptr[1:])
        indices = found[known].astype(np.int32)
        return csr(np.ones(len(indices), encoder.dtype), indices, indptr, self.n_features)


@register(OneHotEncoder)
def compile_one_hot_encoder(encoder: Any) -> Step:
    """Compile a ``OneHotEncoder``."""
    dtype = np.dtype(encoder.dtype)
    if dtype.kind not in "iufb" or dtype == np.float16:
        raise Unsupported(f"dtype={encoder.dtype!r} is none of a sparse matrix of real numbers")
    lookups = tuple(Lookup.of(categories) for categories in encoder.categories_)
    n_outs = [int(n) for n in private(encoder, "_n_features_outs")]
    unknown_error = encoder.handle_unknown == "error"
    numbers, encoded = encoded_categories(encoder, unknown=not unknown_error)
    encoded = sparse.csc_array(encoded)
    features, start = [], 0
    for rows, n_out in zip(numbers, n_outs, strict=True):
        block = encoded[:, start : start + n_out].tocoo()
        of_category = np.full(len(rows) + unknown_error, -1)
        inside = block.row < len(rows)
        of_category[block.row[inside]] = start + block.col[inside]
        features.append(of_category)
        start += n_out
    warns = encoder.handle_unknown == "warn" or encoder.drop is not None
    return OneHotStep.from_fitted(
        encoder,
        start,
        lookups=lookups,
        features=tuple(features),
        direct=tuple(
            {value: int(of[position]) for value, position in lookup.position_of.items()}
            for lookup, of in zip(lookups, features, strict=True)
        ),
        judges_unknown=unknown_error or warns,
        unknown_error=unknown_error,
    )
