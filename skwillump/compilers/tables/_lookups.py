"""``TableLookup``: keys to rows of a table, through a hash of the keys.

Under a linear model a row of the table becomes a partial score before any row of the input is
seen: looking it up is all that is left to do.
"""

import hashlib
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ...kernels._arrays import FrozenArrays, frozen, line_aligned
from ...kernels.tables._integer_keys import (
    IntegerTable,
    copy_rows,
    make_integer_table,
    number_integers,
    rows_of,
)
from ...kernels.tables._text_keys import TextTable, make_text_table, number_texts
from .._forwarding import KernelUser
from .._steps import Step
from .._unsupported import InputUnsupported, Unsupported
from ._columns import Texts
from ._keys import (
    KeyColumn,
    KeyedRows,
    as_integers,
    is_missing,
    join,
    kind_of_value,
)
from ._steps import DenseScorer, TableScorer, TableStep, coefficients
from ._tables import Table, plain_values

_EXACT = 2.0**53
"""Integers from here on may have been rounded when they became floats."""


@dataclass(frozen=True, eq=False)
class Finder(FrozenArrays, KernelUser):
    """The values of a column of keys, hashed."""

    column: KeyColumn
    kind: str | None  # keys of another kind are left to the original; see `kind_of`
    integers: IntegerTable | None = field(repr=False)
    texts: TextTable | None = field(repr=False)
    number_of_text: np.ndarray | None = field(repr=False)  # intp, -1 last; None: the same numbers
    digest: bytes | None = None  # of keys and numbers; None where finding them takes no time

    @classmethod
    def of(cls, column: KeyColumn, kind: str | None) -> "Finder":
        """Hash the values."""
        if column.integers is not None:
            return cls(column, kind, make_integer_table(column.integers), None, None)
        assert column.number_of is not None
        known = [value for value in column.number_of if isinstance(value, str)]
        numbers = np.array([*(column.number_of[value] for value in known), -1], dtype=np.intp)
        texts = make_text_table(known)
        digest = None
        if len(known) == len(column.number_of):
            content = hashlib.blake2b(numbers.tobytes(), digest_size=16)
            content.update(f"{kind} {texts.width}".encode())
            content.update(texts.records)
            content.update(texts.rest)
            digest = content.digest()
        in_order = np.array_equal(numbers[:-1], np.arange(len(known)))
        return cls(
            column=column,
            kind=kind,
            integers=None,
            texts=texts,
            number_of_text=None if in_order else numbers,
            digest=digest,
        )

    def numbers(self, table: Table, position: int) -> np.ndarray:
        """Return the number of each value of a column, as intp; -1 for one that is unknown.

        Tables with the same keys share the search, and what is returned.
        """
        return table.once(position, self.digest, lambda: self._found(table, position))

    def _found(self, table: Table, position: int) -> np.ndarray:
        values = table.numbers(position)
        if values is not None:
            return self._of_numbers(values)
        texts = table.texts(position)
        if texts is not None:
            return self._of_texts(texts)
        codes, distinct = table.codes(position)
        numbers = [self.number(value) for value in distinct]
        return np.array(numbers, dtype=np.intp).take(codes, mode="wrap")

    def number(self, value: Any) -> int:
        """Return the number of a value, -1 if it is unknown.

        Raises
        ------
        InputUnsupported
            For a value of a kind that compares in a way of its own, and for a text where keys are
            numbers or a number where they are texts.
        ValueError
            If it cannot be hashed.
        """
        if self.integers is not None and type(value) in (int, np.int64):
            low, listed, _ = self.integers
            if len(listed):
                at = int(value) - low
                return listed.item(at) if 0 <= at < len(listed) else -1
        number = self.column.number(value)
        if number < 0:
            plain_values([value])
            if not is_missing(value):
                self._refuse_other_kind(kind_of_value(value))
        return number

    def _refuse_other_kind(self, kind: str | None) -> None:
        if kind is not None and self.kind is not None and kind != self.kind:
            raise InputUnsupported(f"keys that are {kind}, where those of the table are not")

    def warm_up(self) -> None:
        nothing = np.zeros(0, dtype=np.int64)
        if self.integers is not None:
            number_integers(nothing, self.integers)
        if self.texts is not None:
            number_texts(self.texts.rest, nothing, nothing, self.texts)

    def _of_numbers(self, values: np.ndarray) -> np.ndarray:
        self._refuse_other_kind("numbers")
        if values.dtype.kind == "f" and (np.abs(values) >= _EXACT).any():
            raise InputUnsupported("numbers that may be rounded integers")
        if self.integers is None:
            return self.column.numbers(values)
        integers, known = as_integers(values)
        numbers = number_integers(integers, self.integers)
        if known is not None:
            numbers[~known] = -1
        return numbers

    def _of_texts(self, texts: Texts) -> np.ndarray:
        self._refuse_other_kind("texts")
        if self.texts is None:
            return np.full(len(texts.starts), -1, dtype=np.intp)
        numbers = number_texts(texts.data, texts.starts, texts.stops, self.texts, unknown=-1)
        if self.number_of_text is not None:
            numbers = self.number_of_text[numbers]  # -1 is the last one
        if texts.missing is not None:
            filled = texts.missing_value  # an imputer may have put a key there
            numbers[texts.missing] = -1 if is_missing(filled) else self.number(filled)
        return numbers


@dataclass(frozen=True, eq=False)
class LookupStep(FrozenArrays, TableStep):
    """Columns of keys to rows of a table."""

    positions: tuple[int, ...]  # of the columns of keys
    keyed: KeyedRows  # the original's own: pickled once with it
    finders: tuple[Finder, ...]
    pairs: tuple[IntegerTable, ...] = field(repr=False)

    gives_array = True

    def numbers(self, table: Table) -> np.ndarray:
        """Return the number of each row's key, as intp; -1 for one that is unknown."""
        numbers = self.finders[0].numbers(table, self.positions[0])
        for finder, position, pairs in zip(
            self.finders[1:], self.positions[1:], self.pairs, strict=True
        ):
            own = finder.numbers(table, position)
            numbers = number_integers(join(numbers, own, len(finder.column)), pairs)
        return numbers

    def number(self, row: list[Any]) -> int:
        """Return the number of one row's key; that of the last row of values if it is unknown."""
        number = self.finders[0].number(row[self.positions[0]])
        for column, pairs in enumerate(self.pairs, start=1):
            finder, position = self.finders[column], self.positions[column]
            own = finder.number(row[position])
            if own < 0 or number < 0:
                number = -1
            else:
                pair = np.array((number * len(finder.column) + own,), dtype=np.int64)
                number = int(number_integers(pair, pairs)[0])
        return number if number >= 0 else len(self.keyed.values) - 1

    def chunk_features(self, table: Table) -> np.ndarray:
        if table.row is not None:
            number = self.number(table.row)
            return self.keyed.values[number : number + 1].copy()
        return rows_of(self.keyed.values, self.numbers(table))

    def write_features(self, table: Table, out: np.ndarray) -> None:
        if table.row is not None:
            out[:] = self.chunk_features(table)
        else:
            copy_rows(self.keyed.values, frozen(self.numbers(table)), out)

    def bind(self, coef: np.ndarray) -> TableScorer:
        """Return a scorer that looks scores up, if they take no more room than the features."""
        coef = coefficients(self, coef)
        if coef.shape[1] > self.n_features:
            return DenseScorer(self.spec, coef.shape[1], self, coef)
        with np.errstate(invalid="ignore", over="ignore"):
            scores = self.keyed.values @ coef
        return LookupScorer(self.spec, coef.shape[1], self, line_aligned(scores))

    def warm_up(self) -> None:
        for finder in self.finders:
            finder.warm_up()
        for pairs in self.pairs:
            number_integers(np.zeros(0, dtype=np.int64), pairs)
        nothing = np.zeros(0, dtype=np.intp)
        rows_of(self.keyed.values, nothing)
        # Columns of a wider array are another type for numba.
        wider = np.empty((2, self.n_features + 1))
        copy_rows(self.keyed.values, frozen(nothing), wider[:, : self.n_features])


@dataclass(frozen=True, eq=False)
class LookupScorer(FrozenArrays, TableScorer):
    """Keys to partial scores."""

    step: LookupStep
    by_number: np.ndarray = field(repr=False)  # float64 (n_keys + 1, n_outputs)

    def chunk_scores(self, table: Table) -> np.ndarray:
        if table.row is not None:
            return self.row(table)[None]
        return rows_of(self.by_number, self.step.numbers(table))

    def row(self, table: Table) -> Any:
        if table.row is None:
            return self.chunk_scores(table)[0]
        return self.by_number[self.step.number(table.row)].copy()


def compile_table_lookup(lookup: Any) -> Step:
    """Compile a fitted ``TableLookup``."""
    keyed = lookup.table_
    if keyed.values.dtype == object:
        raise Unsupported("its table has columns that are not of numbers")
    if not keyed.values.shape[1]:
        raise Unsupported("its table has no columns of values")
    return LookupStep.from_fitted(
        lookup,
        keyed.values.shape[1],
        positions=lookup.key_positions_,
        keyed=keyed,
        finders=tuple(map(Finder.of, keyed.index.columns, lookup._kinds)),
        pairs=tuple(make_integer_table(pairs) for pairs in keyed.index.pairs),
    )
