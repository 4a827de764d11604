"""Data frames and series of polars."""

from collections.abc import Mapping
from io import BytesIO
from typing import Any

import numpy as np

from ._base import ArrowTexts, Frame, Series, Values


class PolarsSeries(Series):
    """A series of polars."""

    def values(self, series: Any) -> Values | None:
        if series.dtype.is_float():
            return series.to_numpy()
        dtype = str(series.dtype)
        if dtype.startswith(("Int", "UInt", "Boolean")) and "Int128" not in dtype:
            # scikit-learn sees None in place of a boolean that is missing.
            return None if dtype == "Boolean" and series.null_count() else series.to_numpy()
        if dtype.startswith(("Categorical", "Enum")):
            series = series.cast(str)
        elif dtype != "String":
            return None
        try:
            array = series.to_arrow()
        except ImportError:
            return np.array(series.to_list(), dtype=object)
        if str(array.type) == "string_view":
            array = array.cast("large_string")
        return ArrowTexts(array, None)

    def array(self, series: Any) -> np.ndarray | None:
        dtype = series.dtype
        plain = dtype.is_integer() or dtype.is_float() or str(dtype) == "Boolean"
        if plain and not series.null_count() and "128" not in str(dtype):
            return series.to_numpy()
        if str(dtype) == "Date" or (dtype.is_temporal() and not getattr(dtype, "time_zone", None)):
            return series.to_numpy()
        return None

    def objects(self, series: Any) -> list[Any]:
        return series.to_list()

    def floats(self, series: Any) -> np.ndarray | None:
        if not (series.dtype.is_numeric() or str(series.dtype) == "Boolean"):
            return None
        import polars as pl

        return series.cast(pl.Float64).to_numpy()

    def dtype_kind(self, X: Any) -> str | None:
        if X.dtype.is_float():
            return "f"
        return "M" if X.dtype.is_temporal() else None

    def one_like(self, empty: Any, element: Any) -> Any:
        return type(empty)(empty.name, [element])


class PolarsFrame(Frame):
    """A data frame of polars."""

    mixes_objects = True
    slices_share = True
    series = PolarsSeries()

    def column(self, frame: Any, name: Any) -> Any | None:
        import polars as pl

        try:
            found = frame.get_column(name)
        except (pl.exceptions.ColumnNotFoundError, TypeError):
            return None
        return found

    def columns(self, frame: Any) -> list[Any]:
        return frame.get_columns()

    def select(self, frame: Any, names: Any) -> Any:
        import polars as pl

        try:
            return frame[names]
        except pl.exceptions.ColumnNotFoundError as error:
            raise KeyError(str(error)) from error

    def rows(self, X: Any) -> list[Any]:
        return X.to_dicts()

    def first_row(self, frame: Any) -> dict[Any, Any] | None:
        return frame.row(0, named=True)

    def one_row(self, values: Mapping[Any, Any], dtypes: Mapping[Any, Any]) -> Any:
        import polars as pl

        kept = {
            name: None if _alters(dtypes.get(name), value) else dtypes.get(name)
            for name, value in values.items()
        }
        return pl.DataFrame([list(values.values())], schema=kept, orient="row")

    def plain(self, empty: Any) -> dict[str, Any]:
        buffer = BytesIO()
        empty.write_ipc(buffer)
        return {"package": "polars", "arrow": buffer.getvalue()}

    def of_plain(self, plain: Mapping[str, Any]) -> Any:
        """Return the empty data frame that `plain` was asked of."""
        import polars as pl

        return pl.read_ipc(plain["arrow"])


def _alters(dtype: Any, value: Any) -> bool:
    """Tell whether a value would be another one in a column of a dtype."""
    if dtype is None:
        return False
    if isinstance(value, str) and dtype.is_numeric():
        return True
    return dtype.is_integer() and isinstance(value, float) and not value.is_integer()
