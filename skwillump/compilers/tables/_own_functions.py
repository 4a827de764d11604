"""Functions and classes of the user's own that make numbers of numbers, told from their source."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from .._unsupported import InputUnsupported
from ..own_code._rows import TableMap, table_map
from ..own_code._values import NUMBERS, plain
from ._input import InputSpec
from ._steps import TableStep
from ._tables import LARGEST_INTEGER, BlockTable, ChunkTable, Table

_DOUBLE = np.dtype(np.float64)

_READ = {_DOUBLE, np.dtype(np.int64)}
"""Dtypes of columns that are computed with as NumPy does."""


_WIDE = 10
"""Columns of an array of one row that are computed with by NumPy, at least."""


@dataclass(frozen=True, eq=False, kw_only=True)
class OwnStep(TableStep):
    """Columns of numbers that a function of the user's own makes of such columns.

    Its source is read anew where the step is unpickled.
    """

    @cached_property
    def _map(self) -> TableMap | None:
        return table_map(self.original, self.spec.names)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_map"}

    @property
    def gives_array(self) -> bool:
        return self._map is not None and self._map.gives_array

    def warm_up(self) -> None:
        _ = self._map  # now: prediction is to change nothing here

    def chunk_features(self, table: Table) -> np.ndarray:
        out = np.empty((table.n_rows, self.n_features))
        self.write_features(table, out)
        return out

    def write_features(self, table: Table, out: np.ndarray) -> None:
        self._write(table, out)

    def next_table(self, table: Table) -> Table:
        out = np.empty((table.n_rows, self.n_features))
        return BlockTable(out, self._write(table, out))

    def transformed(self, X: Any, *, n_threads: int) -> Any:
        source = self.spec.open(X)
        out = np.empty((source.n_rows, self.n_features))
        dtype = self._write(self.spec.chunk(source, slice(0, source.n_rows)), out)
        if not self.gives_array or dtype != np.float64:
            raise InputUnsupported("the container or the dtype of the features is not known")
        return out

    def _write(self, table: Table, out: np.ndarray) -> np.dtype:
        """Write the features of a chunk of rows, and return the dtype of the original's."""
        if self._map is None:
            raise InputUnsupported("its source is gone")
        made = self._map(_values_of(table, by_name=self.spec.names is not None))
        if len(out) == 1 and {*map(type, made)} == {float} and len(made) == self.n_features:
            out[0] = made  # without numpy, which is slow for one row
            return _DOUBLE
        widths = [_width(part) for part in made]
        if sum(widths) != self.n_features:
            raise InputUnsupported(f"{sum(widths)} features where {self.n_features} were")
        start = 0
        for part, width in zip(made, widths, strict=True):
            out[:, start : start + width] = part if np.ndim(part) != 1 else part[:, None]
            start += width
        dtype = np.result_type(*{_dtype_of(part) for part in made})
        if dtype.kind == "i" and np.abs(out).max(initial=0.0) > LARGEST_INTEGER:
            raise InputUnsupported("large integers")
        return dtype


def _width(part: Any) -> int:
    return int(part.shape[1]) if np.ndim(part) == 2 else 1


def _dtype_of(column: Any) -> np.dtype:
    if type(column) is np.ndarray:
        found: np.dtype = column.dtype
        if found.kind in "ifb":
            return found
    elif type(column) in NUMBERS:
        return np.dtype(type(column))
    raise InputUnsupported("a column that is not of numbers")


def _row_of(values: list[Any]) -> np.ndarray:
    """Return the values of one row as an array, where NumPy makes one of numbers of them."""
    if not {*map(type, values)} <= {int, float}:
        raise InputUnsupported("values that are no numbers")
    return np.array([values])


def _values_of(table: Table, *, by_name: bool) -> Any:
    """Return the values of one row, an array, or the columns of a data frame."""
    if table.as_objects:
        raise InputUnsupported("an array of objects")
    if table.row is not None:
        values = [plain(value) for value in table.row]
        return values if by_name or len(values) < _WIDE else _row_of(values)
    dtypes = table.dtypes()
    if isinstance(table, ChunkTable) and table.source.is_of_pandas is not by_name:
        raise InputUnsupported("another container than that of fit")
    if not dtypes <= _READ:
        raise InputUnsupported("columns of other dtypes")
    if dtypes == {_DOUBLE}:
        block = table.floats(copy=False)
        if table.n_rows == 1 and table.n_columns < _WIDE:
            one: list[Any] = block[0].tolist()
            return one
        return list(block.T) if by_name else block
    columns = [table.numbers(at) for at in range(table.n_columns)]
    if any(column is None for column in columns):
        raise InputUnsupported("columns that are not of numbers")
    if len(dtypes) == 1:
        (dtype,) = dtypes  # of integers, which a block holds as floats
        columns = [column.astype(dtype) for column in columns if column is not None]
    return columns if by_name else np.column_stack(columns)  # type: ignore[arg-type]


def own_step(transformer: Any, spec: InputSpec | None = None) -> OwnStep | None:
    """Return the step of a transformer of the user's own that makes numbers of numbers.

    Parameters
    ----------
    spec : InputSpec, optional
        The columns that it is given, where it does not tell.

    Returns
    -------
    OwnStep or None
        None where it is not known to do that alone.
    """
    if getattr(transformer, "n_features_in_", None) is not None:
        spec = InputSpec.of(transformer)
    if spec is None or not spec.n_columns:
        return None
    spec = replace(spec, is_as_fitted=True)
    found, by_array = table_map(transformer, spec.names), spec.names is None
    if found is None:
        return None
    try:
        with np.errstate(all="ignore"):
            ones = np.ones((2, spec.n_columns))
            made = [
                found(given) for given in (ones[0].tolist(), ones if by_array else list(ones.T))
            ]
        for parts in made:
            _ = [_dtype_of(part) for part in parts]
    except InputUnsupported:
        return None
    n_features, other = (sum(map(_width, parts)) for parts in made)
    if n_features != other or not n_features:
        return None
    return OwnStep(original=transformer, spec=spec, n_features=n_features)
