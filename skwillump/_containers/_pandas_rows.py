"""Data frames of pandas of one row, made and read block by block.

pandas itself looks at each column by itself, which takes longer than most pipelines do. From
version 3 on it makes a frame of blocks, one array for all columns of a dtype.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np

try:
    from pandas.api.internals import create_dataframe_from_blocks
except ImportError:  # before pandas 3, or without pandas
    create_dataframe_from_blocks = None

_INFERRED = {
    float: np.dtype(np.float64),
    int: np.dtype(np.int64),
    bool: np.dtype(bool),
    np.float64: np.dtype(np.float64),
    np.int64: np.dtype(np.int64),
}
"""What pandas makes of a column of one value."""

_LARGEST = 1 << 63


def frame_of_blocks(values: Mapping[Any, Any], dtypes: Mapping[Any, Any]) -> Any:
    """Return a data frame of one row; None where only pandas tells what becomes of a value.

    Parameters
    ----------
    values : mapping of column to value
    dtypes : mapping of column to dtype or None
        Dtypes that keep the values. pandas infers the others.
    """
    if create_dataframe_from_blocks is None or not values:
        return None
    of_text = text_dtype()
    numbers: dict[np.dtype, tuple[list[int], list[Any]]] = {}
    texts: tuple[list[int], list[Any]] = ([], [])
    for position, (name, value) in enumerate(values.items()):
        dtype = dtypes.get(name)
        kind = type(value)
        if dtype is None and kind is str:
            dtype = of_text
        elif dtype is None:
            dtype = _INFERRED.get(kind)
            if kind is int and not -_LARGEST <= value < _LARGEST:
                return None
        if isinstance(dtype, np.dtype):
            if dtype.kind not in "fiubO" or dtype.itemsize > 8:
                return None
            places, found = numbers.setdefault(dtype, ([], []))
        elif dtype is not None and dtype == of_text and _is_text_or_missing(value):
            places, found = texts
        else:
            return None
        places.append(position)
        found.append(value)
    blocks: list[tuple[Any, np.ndarray]] = []
    for dtype, (places, found) in numbers.items():
        block = np.empty((len(found), 1), dtype=dtype)
        try:
            for k, value in enumerate(found):  # an element of objects may be a list
                block[k, 0] = value
        except (TypeError, ValueError, OverflowError):
            return None
        blocks.append((block, np.array(places)))
    if texts[0]:
        import pandas as pd

        together = pd.array(texts[1], dtype=of_text)
        blocks += [(together[k : k + 1], np.array((at,))) for k, at in enumerate(texts[0])]
    return create_dataframe_from_blocks(blocks, _row_index(), _names_index(tuple(values)))


def frame_of_numbers(numbers: np.ndarray, names: tuple[Any, ...], like: Any) -> Any:
    """Return a data frame of an array, with the index of what it was made from, if that has one."""
    import pandas as pd

    index = like.index if isinstance(like, (pd.DataFrame, pd.Series)) else None
    return pd.DataFrame(numbers, index=index, columns=_names_index(names))


def _is_text_or_missing(value: Any) -> bool:
    """Tell whether a column of texts keeps a value: Unicode that is whole, or what is missing."""
    if type(value) is not str:
        return value is None or (type(value) is float and value != value)
    if value.isascii():
        return True
    try:
        value.encode()
    except UnicodeEncodeError:  # what is left of a text that was decoded badly
        return False
    return True


def values_of_row(frame: Any) -> list[Any] | None:
    """Return the values of a data frame's only row; None where its dtypes say more than they.

    The row is read by columns where pandas keeps its blocks in another way.
    """
    try:
        return _values_of_blocks(frame)
    except (AttributeError, IndexError, TypeError, ValueError):
        return _values_of_columns([frame.iloc[:, at] for at in range(frame.shape[1])])


def _values_of_blocks(frame: Any) -> list[Any] | None:
    values: list[Any] = [None] * frame.shape[1]
    for block in frame._mgr.blocks:
        array = block.values
        if isinstance(array, np.ndarray) and array.ndim == 2:
            found = list(array[:, 0])
            is_plain = array.dtype.kind != "O"
        else:
            if array.ndim != 1:  # of dates
                raise TypeError(type(array).__name__)
            found = [array[0]]
            is_plain = False
        for position, value in zip(block.mgr_locs, found, strict=True):
            if not is_plain and not isinstance(value, str):
                return None
            values[position] = value
    return values


def _values_of_columns(columns: list[Any]) -> list[Any] | None:
    values = []
    for column in columns:
        value = column.iloc[0]
        is_plain = isinstance(column.dtype, np.dtype) and column.dtype.kind != "O"
        if not is_plain and not isinstance(value, str):
            return None
        values.append(value)
    return values


@lru_cache(maxsize=1)
def _row_index() -> Any:
    import pandas as pd

    return pd.RangeIndex(1)


@lru_cache(maxsize=256)
def _known_names(names: tuple[str, ...]) -> Any:
    import pandas as pd

    return pd.Index(list(names))


def _names_index(names: tuple[Any, ...]) -> Any:
    """Return names as an index of pandas, which nobody else holds."""
    import pandas as pd

    if all(type(name) is str for name in names):
        return _known_names(names).view()
    return pd.Index(list(names))


@lru_cache(maxsize=1)
def text_dtype() -> Any:
    """Return the dtype of a column of texts; None where pandas makes objects of them."""
    import pandas as pd

    dtype = pd.Series(["a"]).dtype
    return None if isinstance(dtype, np.dtype) else dtype
