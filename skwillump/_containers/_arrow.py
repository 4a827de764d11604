"""Tables of pyarrow."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ._base import Frame


def takeable_type(of: Any) -> Any:
    """Return the type of the same values of which rows can be taken: pyarrow takes none of views.

    Parameters
    ----------
    of : pyarrow.DataType
    """
    import pyarrow as pa

    plain = {"string_view": pa.large_string, "binary_view": pa.large_binary}.get(str(of))
    return of if plain is None else plain()


class ArrowTable(Frame):
    """A table of pyarrow: scikit-learn reads it, compiled steps leave it to scikit-learn."""

    is_read = False

    def take_rows(self, X: Any, rows: Any) -> Any:
        """Return rows in the order given; earlier releases of scikit-learn take none of a table."""
        positions = np.arange(X.num_rows)[rows]
        try:
            return X.take(positions)
        except NotImplementedError:
            import pyarrow as pa

            fields = [field.with_type(takeable_type(field.type)) for field in X.schema]
            return X.cast(pa.schema(fields, metadata=X.schema.metadata)).take(positions)

    def names(self, frame: Any) -> list[Any]:
        """Return the names of the columns: what pyarrow calls columns are their values."""
        return list(frame.column_names)

    def column(self, frame: Any, name: Any) -> Any | None:
        return frame.column(name) if frame.column_names.count(name) == 1 else None

    def columns(self, frame: Any) -> list[Any]:
        return list(frame.columns)

    def select(self, frame: Any, names: Any) -> Any:
        return frame.select(names) if isinstance(names, list) else frame.column(names)

    def dtypes(self, frame: Any) -> list[Any]:
        return list(frame.schema.types)

    def rows(self, X: Any) -> list[Any]:
        return X.to_pylist()

    def row_like(self, empty: Any, values: Mapping[Any, Any], dtypes: Mapping[Any, Any]) -> Any:
        import pyarrow as pa

        schema = pa.schema([empty.schema.field(name) for name in values])
        return type(empty).from_pylist([dict(values)], schema=schema)
