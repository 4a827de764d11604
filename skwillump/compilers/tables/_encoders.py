"""Encoders of categories: ``OneHotEncoder``, ``OrdinalEncoder``, ``TargetEncoder``; and bins.

What an encoder does with each of its categories is asked of the encoder itself, once: drops,
infrequent groups and encodings of missing values all show in what it returns for a table of its
own categories. Rows are then a look-up.
"""

import copy
import warnings
from dataclasses import dataclass, field
from typing import Any, NoReturn

import numpy as np
from scipy import sparse
from sklearn.preprocessing import (
    KBinsDiscretizer,
    OneHotEncoder,
    OrdinalEncoder,
    TargetEncoder,
)

from ...kernels._arrays import frozen_fields
from ...kernels.tables._text_keys import TextTable, make_text_table, number_texts
from .._registry import register
from .._steps import InputUnsupported, Step, Unsupported, default_containers
from ..text._rows import csr
from ._chunks import each_chunk
from ._columns import Texts
from ._guards import plain_values
from ._input import InputSpec
from ._row_table import RowTable
from ._scalers import refuse_infinite
from ._steps import TableScorer, TableStep, coefficients
from ._tables import Table


@dataclass(frozen=True, eq=False)
class Lookup:
    """The categories of one column."""

    position_of: dict[Any, int] = field(repr=False)  # without NaN
    nan: int  # position of NaN, -1 if it is no category
    numbers: np.ndarray | None  # categories in order, without NaN, if they are numbers
    texts: TextTable | None = field(repr=False)  # categories that are texts, if some are
    position_of_text: np.ndarray | None = field(repr=False)  # theirs; last: -1
    position_of_integer: np.ndarray | None = field(repr=False)  # see `_integer_table`

    def __setstate__(self, state: dict[str, Any]) -> None:
        if state["texts"] is not None:
            state = state | {"texts": frozen_fields(state["texts"])}
        self.__dict__.update(state)

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
        """Compile or load the kernel of `of_column`."""
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


def _bare(encoder: Any) -> Any:
    """Return a copy that takes arrays, whatever it was fitted on."""
    bare = copy.copy(encoder)
    vars(bare).pop("feature_names_in_", None)
    return bare


def _of_categories(encoder: Any, unknown: bool) -> tuple[list[np.ndarray], Any]:
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
        encoded = _bare(encoder).transform(table)
    return [np.arange(length) for length in lengths], encoded


class OneOfStep(TableStep):
    """A step that sets at most one feature of each column's own to one."""

    def positions(self, table: Table) -> list[tuple[np.ndarray, np.ndarray]]:
        """Return for each column codes of rows, and the features (-1: none) of the codes."""
        raise NotImplementedError

    def row_positions(self, row: list[Any]) -> list[int]:
        """Return the feature of each column for one row, -1 for none."""
        raise NotImplementedError

    def part(self, table: Table) -> np.ndarray:
        """Return the features of a chunk of rows."""
        # The last column takes what is no feature.
        out = np.zeros((table.n_rows, self.n_features + 1))
        if table.row is not None:
            out[0, self.row_positions(table.row)] = 1.0
        else:
            rows = np.arange(table.n_rows)
            for codes, features in self.positions(table):
                out[rows, features[codes]] = 1.0
        return out[:, :-1]

    def bind(self, coef: np.ndarray) -> "OneOfScorer":
        """Return a scorer that adds up rows of the coefficients."""
        coef = coefficients(self, coef)
        padded = np.vstack((coef, np.zeros((1, coef.shape[1]))))
        single = tuple(padded[:, 0].tolist()) if coef.shape[1] == 1 else None
        return OneOfScorer(self.spec, coef.shape[1], self, padded, single)


@dataclass(frozen=True, eq=False)
class OneOfScorer(TableScorer):
    """The sum of one row of coefficients for each column."""

    step: OneOfStep
    padded: np.ndarray = field(repr=False)  # the coefficients, and zeros for no feature
    single: tuple[float, ...] | None = field(repr=False)  # the same, of one output

    def warm_up(self) -> None:
        """Warm up the step."""
        self.step.warm_up()

    def part(self, table: Table) -> np.ndarray:
        """Return the scores of a chunk of rows."""
        if table.row is not None:
            return np.reshape(self.row(table), (1, -1))
        out = np.zeros((table.n_rows, self.n_outputs))
        for codes, features in self.step.positions(table):
            out += self.padded[features].take(codes, axis=0, mode="wrap")
        return out

    def row(self, table: Table) -> Any:
        """Return the scores of one row."""
        if table.row is None:
            return self.part(table)[0]
        positions = self.step.row_positions(table.row)
        if self.single is None:
            return self.padded[positions].sum(axis=0)
        single = self.single
        total = 0.0
        for position in positions:
            total += single[position]
        return total


@dataclass(frozen=True, eq=False)
class OneHotStep(OneOfStep):
    """A one-hot encoder as look-ups."""

    original: Any
    spec: InputSpec
    n_features: int
    lookups: tuple[Lookup, ...]
    features: tuple[np.ndarray, ...]  # of each category; the last one, of unknown values
    direct: tuple[dict[Any, int], ...] = field(repr=False)  # value to feature
    judges_unknown: bool  # whether the original must see unknown values: it raises or warns
    unknown_error: bool

    @property
    def fixed_dtype(self) -> np.dtype:
        """Dtype of the encoder."""
        return np.dtype(self.original.dtype)

    @property
    def gives_array(self) -> bool:
        """Whether ``sparse_output=False``."""
        return not self.original.sparse_output

    @property
    def gives_sparse(self) -> bool:
        """Whether ``sparse_output=True``."""
        return bool(self.original.sparse_output)

    def positions(self, table: Table) -> list[tuple[np.ndarray, np.ndarray]]:
        """Return codes and features of each column."""
        found = []
        for column, (lookup, features) in enumerate(zip(self.lookups, self.features, strict=True)):
            codes, positions = lookup.of_column(table, column)
            if self.judges_unknown:
                refuse_unknown(codes, positions)
            found.append((codes, features[positions]))
        return found

    def row_positions(self, row: list[Any]) -> list[int]:
        """Return the feature of each column."""
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

    def warm_up(self) -> None:
        """Compile or load the kernel of the look-ups."""
        for lookup in self.lookups:
            lookup.warm_up()

    def _unlisted(self, value: Any, column: int) -> int:
        position = self.lookups[column].of_value(value)
        if position < 0 and self.judges_unknown:
            raise_unknown(self, value, column)
        return int(self.features[column][position])

    def transform(self, X: Any, *, n_threads: int = 1) -> Any:
        """Return what ``original.transform(X)`` returns."""
        encoder = self.original
        try:
            if not default_containers(self.original):
                raise InputUnsupported("another container is configured")
            if not encoder.sparse_output:
                return self.dense(X, n_threads=n_threads).astype(encoder.dtype, copy=False)

            def fill(place: np.ndarray, table: Table) -> None:
                for column, (codes, features) in enumerate(self.positions(table)):
                    place[:, column] = features[codes]

            width = len(self.lookups)
            found = each_chunk(
                fill,
                self.spec,
                X,
                None,
                n_threads=n_threads,
                n_outputs=width,
                n_features=width,
            )
        except InputUnsupported:
            return encoder.transform(X)
        known = found >= 0
        indptr = np.zeros(len(found) + 1, dtype=np.int64)
        np.cumsum(known.sum(axis=1), out=indptr[1:])
        indices = found[known].astype(np.int32)
        return csr(np.ones(len(indices), encoder.dtype), indices, indptr, self.n_features)


def refuse_unknown(codes: np.ndarray, positions: np.ndarray) -> None:
    """Raise `InputUnsupported` if a row's category is unknown: -1 among the positions."""
    unknown = positions < 0  # a value may be listed and not be there
    if unknown.any() and unknown.take(codes, mode="wrap").any():
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


@register(OneHotEncoder)
def compile_one_hot_encoder(encoder: Any) -> Step:
    """Compile a ``OneHotEncoder``."""
    dtype = np.dtype(encoder.dtype)
    if dtype.kind not in "iufb" or dtype == np.float16:
        raise Unsupported(f"dtype={encoder.dtype!r} is none of a sparse matrix of real numbers")
    spec = InputSpec.of(encoder)
    lookups = tuple(Lookup.of(categories) for categories in encoder.categories_)
    numbers, encoded = _of_categories(encoder, unknown=False)
    encoded = sparse.csc_array(encoded)
    try:
        infrequent = encoder.infrequent_categories_
    except AttributeError:
        infrequent = [None] * len(lookups)
    n_outs = [int(n) for n in encoder._n_features_outs]
    features, start = [], 0
    for rows, n_out, lookup, rare in zip(numbers, n_outs, lookups, infrequent, strict=True):
        block = encoded[:, start : start + n_out].tocoo()
        of_category = np.full(len(rows) + 1, -1)
        inside = block.row < len(rows)
        of_category[block.row[inside]] = start + block.col[inside]
        groups_unknown = encoder.handle_unknown in ("infrequent_if_exist", "warn")
        if groups_unknown and rare is not None and len(rare):
            of_category[-1] = of_category[lookup.of_value(rare.tolist()[0])]
        features.append(of_category)
        start += n_out
    unknown_error = encoder.handle_unknown == "error"
    warns = encoder.handle_unknown == "warn" or encoder.drop is not None
    return OneHotStep(
        encoder,
        spec,
        start,
        lookups,
        tuple(features),
        direct=tuple(
            {value: int(of[position]) for value, position in lookup.position_of.items()}
            for lookup, of in zip(lookups, features, strict=True)
        ),
        judges_unknown=unknown_error or warns,
        unknown_error=unknown_error,
    )


@dataclass(frozen=True, eq=False)
class ValuesStep(TableStep):
    """An encoder that has numbers for each category: ordinal, or means of the target."""

    original: Any
    spec: InputSpec
    n_features: int
    lookups: tuple[Lookup, ...]
    values: tuple[np.ndarray, ...]  # float64 (n_categories + 1, width); the last, of unknown values
    direct: tuple[dict[Any, tuple[float, ...]], ...] = field(repr=False)
    dtype: np.dtype
    unknown_error: bool

    @property
    def fixed_dtype(self) -> np.dtype:
        """Dtype of the encoder."""
        return self.dtype

    @property
    def gives_array(self) -> bool:
        """Say yes: there is a number for every value."""
        return True

    def part(self, table: Table) -> np.ndarray:
        """Return the features of a chunk of rows."""
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

    def warm_up(self) -> None:
        """Compile or load the kernel of the look-ups."""
        for lookup in self.lookups:
            lookup.warm_up()

    def transform(self, X: Any, *, n_threads: int = 1) -> Any:
        """Return what ``original.transform(X)`` returns."""
        try:
            if not default_containers(self.original):
                raise InputUnsupported("another container is configured")
            return self.dense(X, n_threads=n_threads).astype(self.dtype, copy=False)
        except InputUnsupported:
            return self.original.transform(X)


def _values_step(encoder: Any, *, unknown_error: bool, width: int, dtype: Any) -> ValuesStep:
    spec = InputSpec.of(encoder)
    lookups = tuple(Lookup.of(categories) for categories in encoder.categories_)
    numbers, encoded = _of_categories(encoder, unknown=not unknown_error)
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
    return ValuesStep(
        original=encoder,
        spec=spec,
        n_features=encoded.shape[1],
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


@dataclass(frozen=True, eq=False)
class BinStep(TableStep):
    """Numbers to the number of their bin."""

    original: Any
    spec: InputSpec
    n_features: int
    edges: tuple[np.ndarray, ...]  # between bins

    @property
    def gives_floats(self) -> bool:
        """Say yes: bins are numbered in floats."""
        return True

    def part(self, table: Table) -> np.ndarray:
        """Return the features of a chunk of rows."""
        block = table.floats()
        refuse_infinite(block, allow_nan=False)
        for column, edges in zip(block.T, self.edges, strict=True):
            column[:] = edges.searchsorted(column, side="right")
        return block


@dataclass(frozen=True, eq=False)
class OneHotBinStep(OneOfStep):
    """Numbers to the one-hot code of their bin."""

    original: Any
    spec: InputSpec
    n_features: int
    edges: tuple[np.ndarray, ...]
    starts: tuple[int, ...]  # feature of the first bin of each column

    @property
    def gives_array(self) -> bool:
        """Whether ``encode="onehot-dense"``."""
        return self.original.encode == "onehot-dense"

    @property
    def gives_sparse(self) -> bool:
        """Whether ``encode="onehot"``."""
        return self.original.encode == "onehot"

    def positions(self, table: Table) -> list[tuple[np.ndarray, np.ndarray]]:
        """Return bins and features of each column."""
        block = table.floats()
        refuse_infinite(block, allow_nan=False)
        return [
            (edges.searchsorted(column, side="right"), start + np.arange(len(edges) + 1))
            for column, edges, start in zip(block.T, self.edges, self.starts, strict=True)
        ]

    def row_positions(self, row: list[Any]) -> list[int]:
        """Return the feature of each column's bin."""
        table = RowTable(row, names=self.spec.names)
        return [int(features[codes[0]]) for codes, features in self.positions(table)]


@register(KBinsDiscretizer)
def compile_discretizer(bins: Any) -> Step:
    """Compile a ``KBinsDiscretizer``."""
    if bins.dtype not in (None, np.float64):
        raise Unsupported(f"dtype={bins.dtype!r} rounds before it compares")
    spec = InputSpec.of(bins)
    edges = tuple(np.array(edges[1:-1], dtype=np.float64) for edges in bins.bin_edges_)
    if bins.encode == "ordinal":
        return BinStep(bins, spec, spec.n_columns, edges)
    if any(len(between) + 1 != n for between, n in zip(edges, bins.n_bins_, strict=True)):
        raise Unsupported("a column has another number of bins than of edges")
    ends = np.cumsum([0, *(len(between) + 1 for between in edges)]).tolist()
    return OneHotBinStep(bins, spec, ends[-1], edges, tuple(ends[:-1]))
