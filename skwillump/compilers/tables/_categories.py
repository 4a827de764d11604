"""Categories that encoders have learned: a value to its position, for columns and for one row.

What an encoder does with each of its categories is asked of the encoder itself, once: drops,
infrequent groups and encodings of missing values all show in what it returns for a table of its
own categories. Rows are then a look-up.
"""

import copy
import warnings
from dataclasses import dataclass, field
from typing import Any, NoReturn

import numpy as np

from ...kernels._arrays import FrozenArrays
from ...kernels.tables._text_keys import TextTable, make_text_table, number_texts
from .._forwarding import KernelUser
from .._unsupported import InputUnsupported, Unsupported
from ._columns import Texts
from ._steps import TableStep
from ._tables import Table, plain_values


@dataclass(frozen=True, eq=False)
class Lookup(FrozenArrays, KernelUser):
    """The categories of one column."""

    position_of: dict[Any, int] = field(repr=False)  # without NaN
    nan: int  # position of NaN, -1 if it is no category
    numbers: np.ndarray | None  # categories in order, without NaN, if they are numbers
    texts: TextTable | None = field(repr=False)  # categories that are texts, if some are
    position_of_text: np.ndarray | None = field(repr=False)  # theirs; last: -1
    position_of_integer: np.ndarray | None = field(repr=False)  # see `_integer_table`

    @classmethod
    def of(cls, categories: np.ndarray) -> "Lookup":
        """Make the look-up of the categories that an encoder has learned.

        Raises
        ------
        Unsupported
            For values that are neither numbers nor str, bytes or None.
        """
        if categories.dtype.kind not in "OUiufb":
            raise Unsupported(f"categories of dtype {categories.dtype}")
        position_of, nan = {}, -1
        for position, value in enumerate(categories.tolist()):
            try:
                plain_values([value])
            except InputUnsupported as reason:
                raise Unsupported(f"categories: {reason}") from None
            if value != value:
                nan = position
            else:
                position_of[value] = position
        numbers = texts = position_of_text = None
        if categories.dtype.kind in "OU":
            known = [value for value in position_of if isinstance(value, str)]
            texts = make_text_table(known)
            positions = [position_of[value] for value in known]
            position_of_text = np.array([*positions, -1], dtype=np.intp)
        else:
            numbers = np.array(categories[: len(position_of)])
            in_order = bool(np.all(numbers[1:] > numbers[:-1]))
            if not in_order or nan not in (-1, len(position_of)):
                raise Unsupported("categories are not in order")
        integers = None if numbers is None else _integer_table(numbers)
        return cls(
            position_of=position_of,
            nan=nan,
            numbers=numbers,
            texts=texts,
            position_of_text=position_of_text,
            position_of_integer=integers,
        )

    def of_value(self, value: Any) -> int:
        """Return the position of a value, -1 if it is unknown."""
        try:
            position = self.position_of.get(value)
        except TypeError:
            raise TypeError(f"{value!r} is where a category is expected.") from None
        if position is not None:
            return position
        plain_values([value])
        if value != value or (value is None and self.numbers is not None):
            return self.nan
        if self.numbers is not None and isinstance(value, float) and np.isinf(value):
            raise InputUnsupported("a number is infinite")
        return -1

    def of_column(self, table: Table, column: int) -> tuple[np.ndarray, np.ndarray]:
        """Return codes of rows, and the positions (-1: unknown) that the codes stand for."""
        values = table.numbers(column)
        if (values is None) != (self.numbers is None):
            raise InputUnsupported("values of another dtype than the categories")
        if values is None:
            texts = table.texts(column)
            if texts is not None:
                return self._of_texts(texts)
            codes, distinct = table.codes(column)
            return codes, np.array([self.of_value(value) for value in distinct], dtype=np.intp)
        numbers = self.numbers
        assert numbers is not None
        if self.position_of_integer is not None and values.dtype.kind == "i":
            low = int(numbers[0]) - 1
            high = low + len(self.position_of_integer) - 1
            within = values.astype(np.int64)
            np.clip(within, low, high, out=within)
            within -= low
            return within, self.position_of_integer
        positions = np.full(len(numbers) + 2, -1)
        positions[: len(numbers)] = np.arange(len(numbers))
        positions[-1] = self.nan
        codes = np.searchsorted(numbers, values)
        if len(numbers):
            known = numbers[np.minimum(codes, len(numbers) - 1)] == values
            codes[~known] = len(numbers)
        if values.dtype.kind == "f":
            if np.isinf(values).any():
                raise InputUnsupported("a number is infinite")
            codes[np.isnan(values)] = len(numbers) + 1
        return codes, positions

    def warm_up(self) -> None:
        if self.texts is not None:
            nothing = np.zeros(0, dtype=np.int64)
            number_texts(self.texts.rest, nothing, nothing, self.texts)

    def _of_texts(self, texts: Texts) -> tuple[np.ndarray, np.ndarray]:
        assert self.texts is not None
        assert self.position_of_text is not None
        codes = number_texts(texts.data, texts.starts, texts.stops, self.texts)
        if texts.missing is None:
            return codes, self.position_of_text
        codes[texts.missing] = len(self.position_of_text)
        missing = self.of_value(texts.missing_value)
        return codes, np.append(self.position_of_text, missing)


def _integer_table(numbers: np.ndarray) -> np.ndarray | None:
    """Return the position of each integer from one below the least to one above the greatest.

    None if they are no integers, or not close to one another.
    """
    if numbers.dtype.kind not in "iu" or not len(numbers):
        return None
    low, high = int(numbers[0]), int(numbers[-1])
    limits = np.iinfo(numbers.dtype)
    if high - low > 4096 or low == limits.min or high == limits.max:
        return None
    positions = np.full(high - low + 3, -1, dtype=np.intp)
    positions[numbers - low + 1] = np.arange(len(numbers))
    return positions


def without_names(encoder: Any) -> Any:
    """Return a copy that takes arrays, whatever it was fitted on."""
    bare = copy.copy(encoder)
    vars(bare).pop("feature_names_in_", None)
    return bare


def encoded_categories(encoder: Any, unknown: bool) -> tuple[list[np.ndarray], Any]:
    """Return for each column the rows of what the encoder gives for a table of its categories.

    Column j of the table holds the categories of column j one after the other (and with
    ``unknown`` a value that is none of them), then the first one again.
    """
    categories = [list(values) for values in encoder.categories_]
    if not all(categories):
        raise Unsupported("a column without categories was fitted")
    lengths = [len(values) + unknown for values in categories]
    table = np.empty((max(lengths), len(categories)), dtype=object)
    for column, values in zip(table.T, categories, strict=True):
        column[:] = [*values, *[object()] * unknown, *[values[0]] * len(table)][: len(table)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        encoded = without_names(encoder).transform(table)
    return [np.arange(length) for length in lengths], encoded


def has_unknown(codes: np.ndarray, positions: np.ndarray) -> bool:
    """Tell whether a row's category is unknown: -1 among the positions."""
    unknown = positions < 0  # a value may be listed and not be there
    return bool(unknown.any() and unknown.take(codes, mode="wrap").any())


def refuse_unknown(codes: np.ndarray, positions: np.ndarray) -> None:
    """Raise `InputUnsupported` if a row's category is unknown."""
    if has_unknown(codes, positions):
        raise InputUnsupported("an unknown category")


def raise_unhashable(step: TableStep, value: Any, column: int) -> NoReturn:
    """Raise the type of error that scikit-learn raises for a value that cannot be hashed."""
    names = step.spec.names
    place = "" if names is None else f", in column {names[column]!r}"
    raise TypeError(f"{value!r} is where a category is expected{place}.") from None


def raise_unknown(step: Any, value: Any, column: int) -> None:
    """Raise what an unknown category in one row calls for."""
    if not step.unknown_error:
        raise InputUnsupported("an unknown category")
    name = column if step.spec.names is None else repr(step.spec.names[column])
    raise ValueError(f"Found unknown category {value!r} in column {name} during transform.")
