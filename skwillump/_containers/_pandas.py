"""Data frames and series of pandas, and of libraries that are like it."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import numpy as np

from .._compat import column_array, columns_together, library_of, safe_indexing
from ._arrow import takeable_type
from ._base import (
    ArrowTexts,
    Categories,
    CategoryNumbers,
    CodedTexts,
    Container,
    Frame,
    Series,
    Values,
)
from ._pandas_rows import frame_of_blocks, text_dtype, values_of_row

FEW_ROWS = 8
"""Rows of a frame of which columns are selected by position."""


class PandasSeries(Series):
    """A series of pandas."""

    has_index = True

    def take_rows(self, X: Any, rows: Any) -> Any:
        return X.iloc[rows] if isinstance(rows, slice) else safe_indexing(X, rows)

    def values(self, series: Any) -> Values | None:
        if isinstance(series.dtype, np.dtype):
            return series.to_numpy()
        return self.extension_values(series.array)

    def extension_values(self, array: Any) -> Values | None:
        """Return what a compiled step reads of an array of pandas' own, as `values` does."""
        dtype = array.dtype
        kind = type(dtype).__name__
        if kind == "CategoricalDtype":
            of_categories = dtype.categories.dtype
            if str(of_categories) in ("object", "str"):
                return Categories(array.codes, [*dtype.categories.tolist(), np.nan])
            if isinstance(of_categories, np.dtype):
                numbers = np.asarray(array)
                if numbers.dtype.kind not in "iufb":
                    return numbers
                return CategoryNumbers(numbers, array.codes, np.asarray(dtype.categories))
        if kind == "StringDtype" and isinstance(dtype.na_value, float):
            if dtype.storage.startswith("pyarrow"):
                texts = array.__arrow_array__()
                if hasattr(texts, "combine_chunks"):
                    texts = texts.combine_chunks()
                # One array after all, unless the chunks did not combine.
                if not hasattr(texts, "num_chunks") and len(texts):
                    return ArrowTexts(texts, np.nan)
            return array.to_numpy(dtype=object)
        return None

    def coded(self, series: Any) -> CodedTexts | None:
        """Return texts and what is missing by code; None for other values.

        What is missing among objects may be None or NaN, which are not the same to scikit-learn.
        """
        from pandas.api.types import infer_dtype

        dtype = series.dtype
        kind = type(dtype).__name__
        if kind == "StringDtype" and isinstance(dtype.na_value, float):
            codes, found = series.array.factorize()
            return _in_order(codes, found.tolist())
        if kind == "CategoricalDtype":
            codes, texts = series.cat.codes.to_numpy(), dtype.categories.tolist()
            is_text = str(dtype.categories.dtype) in ("object", "str")
            if not is_text or infer_dtype(texts, skipna=False) != "string":
                return None
            is_met = np.bincount(codes + 1, minlength=len(texts) + 1)[1:] > 0
            met = np.append(np.where(is_met, np.cumsum(is_met) - 1, -1), -1)
            return _in_order(met[codes], [texts[i] for i in np.flatnonzero(is_met)])
        if isinstance(dtype, np.dtype) and dtype.kind == "O":
            import pandas as pd

            values = series.to_numpy()
            if infer_dtype(values, skipna=False) != "string":
                return None
            codes, found = pd.factorize(values)
            return _in_order(codes, found.tolist())
        return None

    def array(self, series: Any) -> np.ndarray | None:
        return np.asarray(series) if isinstance(series.dtype, np.dtype) else None

    def objects(self, series: Any) -> list[Any]:
        return series.tolist()

    def arrow_texts(self, series: Any) -> Any | None:
        found = super().arrow_texts(series)
        if found is None and getattr(series.dtype, "storage", "").startswith("pyarrow"):
            return series.array.__arrow_array__()  # before pandas 3.0, which gives a series itself
        return found

    def floats(self, series: Any) -> np.ndarray | None:
        if getattr(series.dtype, "kind", "O") not in "iufb":
            return None
        if isinstance(series.dtype, np.dtype):
            return np.asarray(series, dtype=np.float64)
        return series.to_numpy(dtype=np.float64, na_value=np.nan)

    def dtype_kind(self, X: Any) -> str | None:
        return getattr(X.dtype, "kind", None)

    def of_text(self, text: str) -> Any:
        """Return a series of one text."""
        import pandas as pd

        return pd.Series([text])

    def one_like(self, empty: Any, element: Any) -> Any:
        return type(empty)([element], name=empty.name)


class PandasArray(Container):
    """An array of pandas' own, as the values of a series of texts are."""

    slices_share = True

    def take_rows(self, X: Any, rows: Any) -> Any:
        """Return some elements; scikit-learn's own indexing fails with them."""
        return X[rows if isinstance(rows, slice) else np.asarray(rows)]

    def as_series(self, X: Any) -> Any:
        """Return it as a series."""
        import pandas as pd

        return pd.Series(X, copy=False)

    def one_like(self, empty: Any, element: Any) -> Any:
        """Return an array of one element."""
        import pandas as pd

        return pd.array([element], dtype=empty.dtype)


def _takeable(frame: Any) -> Any:
    """Return a frame of the same values of which rows can be taken."""
    import pandas as pd

    plain = frame.copy(deep=False)
    for place, dtype in enumerate(frame.dtypes):
        if isinstance(dtype, pd.ArrowDtype):
            values = frame.iloc[:, place].array.__arrow_array__()
            as_plain = values.cast(takeable_type(dtype.pyarrow_dtype))
            plain.isetitem(place, pd.arrays.ArrowExtensionArray(as_plain))
    return plain


class PandasIndex(PandasArray):
    """The index of a series or data frame, or its unique values."""

    def one_like(self, empty: Any, element: Any) -> Any:
        """Return an index of one element."""
        import pandas as pd

        return pd.Index([element], dtype=empty.dtype)


class PandasFrame(Frame):
    """A data frame of pandas."""

    is_encoded_by_column = True
    slices_share = True
    series: PandasSeries = PandasSeries()

    def common_dtype(self, dtypes: set[np.dtype]) -> np.dtype:
        """Return the dtype of the NumPy array; it is of objects for booleans beside numbers."""
        if len(dtypes) > 1 and np.dtype(bool) in dtypes:
            return np.dtype(object)
        return np.result_type(*dtypes)

    def names(self, frame: Any) -> list[Any]:
        found: list[Any] = frame.columns.tolist()  # ten times as fast as a walk over the index
        return found

    def select(self, frame: Any, names: Any) -> Any:
        """Return one column as a series, or a data frame of several.

        Of a few rows, looking the names up as an index takes longer than all the rest.
        """
        import pandas as pd

        columns = frame.columns
        is_plain = type(frame) is pd.DataFrame and columns.nlevels == 1 and columns.is_unique
        if type(names) is not list or not is_plain or len(frame) > FEW_ROWS:
            return frame[names]
        return frame.take([columns.get_loc(name) for name in names], axis=1)

    def take_rows(self, X: Any, rows: Any) -> Any:
        if isinstance(rows, slice):
            return X.iloc[rows]
        try:
            return safe_indexing(X, rows)
        except NotImplementedError:  # of an Arrow column, maybe of one that nothing reads
            return safe_indexing(_takeable(X), rows)

    def column(self, frame: Any, name: Any) -> Any | None:
        try:
            series = frame[name]
        except (KeyError, TypeError):
            return None
        return series if series.ndim == 1 else None

    def values(self, frame: Any, name: Any) -> Values | None:
        """Return what a compiled step reads of a column; None where `column` tells why not.

        Making a series takes longer than reading some thousand numbers.
        """
        import pandas as pd

        if type(frame) is not pd.DataFrame:
            return super().values(frame, name)
        try:
            position = frame.columns.get_loc(name)
        except (KeyError, TypeError):
            return None
        array = column_array(frame, position) if isinstance(position, int) else None
        if isinstance(array, np.ndarray):
            return array
        if array is None or isinstance(array.dtype, np.dtype):  # dates
            return super().values(frame, name)
        return self.series.extension_values(array)

    def together(self, frame: Any, positions: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
        import pandas as pd

        return columns_together(frame, positions) if type(frame) is pd.DataFrame else None

    def columns(self, frame: Any) -> list[Any]:
        return [frame.iloc[:, position] for position in range(frame.shape[1])]

    def with_index(self, frame: Any, names: list[Any]) -> Any:
        return frame.reset_index() if list(frame.index.names) == names else frame

    def rows(self, X: Any) -> list[Any]:
        return X.to_dict("records")

    def first_row(self, frame: Any) -> dict[Any, Any] | None:
        names = frame.columns.tolist()
        values = values_of_row(frame) if len(set(names)) == len(names) else None
        return None if values is None else dict(zip(names, values, strict=True))

    def one_row(self, values: Mapping[Any, Any], dtypes: Mapping[Any, Any]) -> Any:
        import pandas as pd

        kept = {
            name: None if _alters(dtypes.get(name), value) else dtypes.get(name)
            for name, value in values.items()
        }
        made = frame_of_blocks(values, kept)
        if made is not None:
            return made
        columns: dict[Any, Any] = {}
        for name, value in values.items():
            if _is_object(kept[name], value):
                columns[name] = pd.Series([value], dtype=object)
            else:  # a number of NumPy keeps its precision
                columns[name] = np.array([value]) if isinstance(value, np.number) else [value]
        made = pd.DataFrame(columns, index=[0])
        # Whole columns keep their dtypes, categories included.
        known = {name: dtype for name, dtype in kept.items() if dtype is not None}
        return made.astype(known) if known else made  # with nothing to change it still copies all

    def text_dtype(self) -> Any:
        """Return the dtype of a column of texts."""
        return text_dtype() or np.dtype(object)

    def row_like(self, empty: Any, values: Mapping[Any, Any], dtypes: Mapping[Any, Any]) -> Any:
        made = super().row_like(empty, values, dtypes)
        return made if type(empty) is type(made) else type(empty)(made)

    def takes_nan(self, dtype: Any) -> bool:
        return type(dtype).__name__ == "StringDtype" and isinstance(dtype.na_value, float)

    def plain(self, empty: Any) -> dict[str, Any] | None:
        """Return names and dtypes of an empty data frame; None if a dtype has no name."""
        if library_of(type(empty)) != "pandas" or empty.columns.nlevels > 1:
            return None
        named = [_named_dtype(dtype) for dtype in empty.dtypes]
        if None in named:
            return None
        return {"package": "pandas", "columns": list(empty.columns), "dtypes": named}

    def of_plain(self, plain: Mapping[str, Any]) -> Any:
        """Return the empty data frame that `plain` was asked of."""
        import pandas as pd

        columns = [pd.Series([], dtype=_dtype(named)) for named in plain["dtypes"]]
        frame = pd.concat(columns, axis=1) if columns else pd.DataFrame()
        frame.columns = plain["columns"]
        return frame


class ForeignFrame(PandasFrame):
    """A data frame of another library with the methods of pandas: compiled steps do not read it."""

    is_read = False
    slices_share = False
    names = Frame.names

    def first_row(self, frame: Any) -> None:
        """Say that the values alone do not tell."""
        return


def _in_order(codes: np.ndarray, texts: list[str]) -> CodedTexts:
    """Return codes, -1 where a value is missing, with the texts put in order."""
    order = sorted(range(len(texts)), key=texts.__getitem__)
    values: list[Any] = [texts[i] for i in order]
    ranks = np.empty(len(texts) + 1, dtype=np.intp)
    ranks[order] = np.arange(len(texts))
    ranks[-1] = len(texts)
    codes = ranks[codes]
    if len(codes) and codes.max() == len(texts):
        values.append(np.nan)
    of_values = np.empty(len(values), dtype=object)
    of_values[:] = values
    return CodedTexts(codes, of_values)


def _alters(dtype: Any, value: Any) -> bool:
    """Tell whether a value would be another one in a column of a dtype.

    Integers cut off what is behind the point and wrap around, and texts are made of anything.
    """
    if dtype is None:
        return False
    if type(dtype).__name__ == "StringDtype":
        is_missing = value is None or (isinstance(value, float) and np.isnan(value))
        return not (isinstance(value, str) or is_missing or type(value).__name__ == "NAType")
    if not isinstance(dtype, np.dtype) or dtype.kind not in "iub":
        is_text = isinstance(value, (str, bytes)) and getattr(dtype, "kind", None) == "f"
        return is_text or isinstance(value, (complex, np.complexfloating))
    if type(value) is int and dtype == np.int64:
        return not -(1 << 63) <= value < 1 << 63
    try:
        with np.errstate(all="ignore"):
            return bool(np.array([value]).astype(dtype)[0] != value)
    except (TypeError, ValueError, OverflowError):
        return True


def _is_object(dtype: Any, value: Any) -> bool:
    """Tell whether a value stays the Python object that it is."""
    if dtype is not None:
        return isinstance(dtype, np.dtype) and dtype.kind == "O"
    # What is left of a text that was decoded badly is no text to Arrow.
    return (
        isinstance(value, str)
        and not value.isascii()
        and any("\ud800" <= character <= "\udfff" for character in value)
    )


def _named_dtype(dtype: Any) -> Any:
    """Return the name of a dtype, with categories of a categorical one; None if that loses some."""
    if hasattr(dtype, "categories"):
        of_categories = _named_dtype(dtype.categories.dtype)
        if of_categories is None:
            return None
        return ["category", dtype.categories.tolist(), of_categories, bool(dtype.ordered)]
    with suppress(TypeError):
        return str(dtype) if _dtype(str(dtype)) == dtype else None
    return None


def _dtype(named: Any) -> Any:
    import pandas as pd

    if isinstance(named, str):
        return pd.api.types.pandas_dtype(named)
    _, categories, of_categories, ordered = named
    return pd.CategoricalDtype(pd.Index(categories, dtype=_dtype(of_categories)), ordered)
