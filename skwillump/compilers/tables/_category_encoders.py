"""The encoders of category_encoders: what each makes of a category is asked of it once.

Without a target they encode each column by itself, value by value, and let other columns pass.
An encoder is given tables in which one column goes through its categories, a missing value and
one that it does not know, while the others stay as they are: what changes is what the column is
encoded as. Rows are then a look-up.
"""

import warnings
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import category_encoders as ce
import numpy as np
import pandas as pd

from .._features import EXACT_INTEGERS, MAX_DENSE_FEATURES
from .._registry import register
from .._steps import Step
from .._unsupported import InputUnsupported, Unsupported
from ._categories import Lookup, raise_unhashable
from ._input import InputSpec
from ._steps import IntegerStep
from ._tables import BlockTable, Table, refuse_large_integers

_MOST_VALUES = 1 << 22
"""Numbers that a column's categories become, at most (32 MiB)."""

_INTEGER = np.dtype(np.int64)


@dataclass(frozen=True, eq=False, kw_only=True)
class EncodedColumn:
    """A column that is encoded."""

    position: int  # of the column
    places: np.ndarray  # int: of its features
    lookup: Lookup
    kinds: str  # kinds of dtypes of numbers that it knows; none if categories are texts
    # float64 (n_categories + 1, n_places): the features of each category; the last, of a value that
    # is none.
    values: np.ndarray
    is_asked: np.ndarray  # bool (n_categories + 1,): which of them only the encoder judges
    # bool (n_categories + 1,): which of them it judges where a column holds nothing else.
    is_asked_alone: np.ndarray

    def of_column(self, table: Table) -> np.ndarray:
        """Return the features of a chunk of rows."""
        values = table.numbers(self.position)
        if values is not None and values.dtype.kind not in self.kinds:
            raise InputUnsupported(f"categories of dtype {values.dtype}")
        codes, positions = self.lookup.of_column(table, self.position)
        if self.is_asked.any() and self.is_asked[positions].take(codes, mode="wrap").any():
            raise InputUnsupported("a category that the encoder judges")
        if self.is_asked_alone.any() and (
            self.is_asked_alone[positions].take(codes, mode="wrap").all()
        ):
            raise InputUnsupported("a column of missing values alone, which the encoder judges")
        return self.values[positions].take(codes, axis=0, mode="wrap")

    def of_value(self, value: Any) -> np.ndarray:
        """Return the features of a value of one row."""
        if self.kinds and value is not None and np.asarray(value).dtype.kind not in self.kinds:
            raise InputUnsupported(f"{value!r} where a number was fitted")
        number = self.lookup.of_value(value)
        if self.is_asked[number] or self.is_asked_alone[number]:
            raise InputUnsupported("a category that the encoder judges")
        return self.values[number]


@dataclass(frozen=True, eq=False, kw_only=True)
class EncodedFrameStep(IntegerStep):
    """Columns that are encoded, beside columns that pass."""

    columns: tuple[EncodedColumn, ...]
    passing: tuple[int, ...]  # positions of the columns that pass
    places: np.ndarray  # int: of the features that these are
    constants: np.ndarray  # int: places of features that are the same in every row
    constant: np.ndarray  # float64: what these are
    # Whether a category becomes a float: otherwise a table of integers may stay one.
    makes_floats: bool

    @property
    def fixed_dtype(self) -> np.dtype | None:
        """Say float64 where a category becomes a float."""
        return np.dtype(np.float64) if self.makes_floats else None

    @property
    def gives_array(self) -> bool:
        """Say yes: of a data frame models make one."""
        return True

    # What it gives may be a data frame.
    transformed = Step.transformed
    transform_one = Step.transform_one

    def next_table(self, table: Table) -> Table:
        block = self.chunk_features(table)
        dtype = self.fixed_dtype
        if dtype is None:
            whole = np.array_equal(block, np.rint(block))
            others = table.select(self.passing).dtypes() if self.passing else set()
            dtype = np.result_type(_INTEGER if whole else np.float64, *others)
        return BlockTable(block, dtype)

    def chunk_features(self, table: Table) -> np.ndarray:
        out = np.empty((table.n_rows, self.n_features))
        if self.passing:
            out[:, self.places] = self._passing(table.select(self.passing))
        out[:, self.constants] = self.constant
        for column in self.columns:
            if table.row is None:
                out[:, column.places] = column.of_column(table)
                continue
            value = table.row[column.position]
            try:
                out[0, column.places] = column.of_value(value)
            except TypeError:
                raise_unhashable(self, value, column.position)
        return out

    def _passing(self, table: Table) -> np.ndarray:
        """Return columns that pass as numbers."""
        if table.row is not None:
            is_plain = not any(
                isinstance(value, (bool, np.bool_, str, bytes)) for value in table.row
            )
        else:
            is_plain = not any(dtype.kind in "bO" for dtype in table.dtypes())
        if not is_plain:
            raise InputUnsupported("columns that pass and are not of numbers")
        block = table.floats()
        if self.guards_integers and not self.makes_floats:
            refuse_large_integers(block, table)
        return block


@register(
    ce.BackwardDifferenceEncoder,
    ce.BaseNEncoder,
    ce.BinaryEncoder,
    ce.CatBoostEncoder,
    ce.CountEncoder,
    ce.HelmertEncoder,
    ce.JamesSteinEncoder,
    ce.LeaveOneOutEncoder,
    ce.MEstimateEncoder,
    ce.OneHotEncoder,
    ce.OrdinalEncoder,
    ce.PolynomialEncoder,
    ce.QuantileEncoder,
    ce.SumEncoder,
    ce.TargetEncoder,
    ce.WOEEncoder,
)
def compile_category_encoder(encoder: Any) -> EncodedFrameStep:
    """Compile a fitted encoder of category_encoders."""
    params = encoder.get_params(deep=False)
    for name, value in params.items():
        if callable(value):
            raise Unsupported(f"{name} is a function")
    for name in ("min_group_size", "composite_cols"):
        if params.get(name) is not None:
            raise Unsupported(f"{name}={params[name]!r}: columns or categories are joined first")
    spec = InputSpec.of(encoder)
    if spec.names == tuple(range(spec.n_columns)):  # the names that it gives columns of an array
        spec = replace(spec, names=None)
    names = range(spec.n_columns) if spec.names is None else spec.names
    known = _categories_of(encoder)
    row = {name: known[name][0] if name in known else 1.0 for name in names}
    base = _ask(encoder, row)
    features = list(base.columns)
    if len(set(features)) != len(features) or len(features) > MAX_DENSE_FEATURES:
        raise Unsupported(f"{len(features)} features, or several of one name")
    passing = [name for name in names if name not in known]
    changed = dict.fromkeys(passing, 2.5)
    expected = base.copy()
    expected[passing] = 2.5
    if not _ask(encoder, row | changed).equals(expected):
        raise Unsupported("columns that are not encoded do not pass as they are")
    for name, categories in known.items():
        if len(categories) * len(features) > _MOST_VALUES:
            raise Unsupported(f"{len(categories)} categories of column {name!r} are many")
    together = _Together.of(encoder, known, row, n_features=len(features))
    asked = {name: _Asked.of(encoder, name, known[name], row, together) for name in known}
    alone = None
    with suppress(Exception):  # it refuses them: then it is asked already
        alone = _ask(encoder, row | dict.fromkeys(known))
    taken = [*passing, *(feature for column in asked.values() for feature in column.features)]
    if len(set(taken)) != len(taken):
        raise Unsupported("a feature is made of several columns")
    constant = [feature for feature in features if feature not in taken]
    place = {feature: at for at, feature in enumerate(features)}
    return EncodedFrameStep(
        original=encoder,
        spec=spec,
        n_features=len(features),
        columns=tuple(
            EncodedColumn(
                position=list(names).index(name),
                places=np.array([place[feature] for feature in column.features], dtype=np.intp),
                lookup=column.lookup,
                kinds=column.kinds,
                values=np.ascontiguousarray(column.answers[column.features], dtype=np.float64),
                is_asked=column.is_asked,
                is_asked_alone=column.is_asked_alone(len(known[name]), alone),
            )
            for name, column in asked.items()
        ),
        passing=tuple(at for at, name in enumerate(names) if name in passing),
        places=np.array([place[name] for name in passing], dtype=np.intp),
        constants=np.array([place[feature] for feature in constant], dtype=np.intp),
        constant=base[constant].to_numpy(dtype=np.float64)[0],
        makes_floats=any(base[f].dtype.kind == "f" for f in features if f not in passing),
    )


def _categories_of(encoder: Any) -> dict[Any, list[Any]]:
    """Return the categories of each column that is encoded, without missing ones.

    Raises
    ------
    Unsupported
        If they are not all texts, or all integers, or all floats.
    """
    mapping = getattr(encoder, "ordinal_encoder", None) or encoder
    mapping = mapping.mapping
    if isinstance(mapping, list):
        mapping = {of_column["col"]: of_column["mapping"] for of_column in mapping}
    known = {}
    for name in encoder.cols:
        values = [value for value in mapping[name].index.tolist() if not pd.isna(value)]
        kinds = set(map(type, values))
        if len(kinds) != 1 or not kinds <= {str, int, float}:
            raise Unsupported(f"categories of column {name!r} that are no texts and no numbers")
        known[name] = values if kinds == {str} else sorted(values)
    if not known:
        raise Unsupported("it encodes no columns")
    return known


def _texts_and_others(known: list[str]) -> list[Any]:
    """Return the categories of a column of texts, what is missing, and what is none of them."""
    return [*known, None, np.nan, "?" * (1 + max(map(len, known)))]


@dataclass(frozen=True, eq=False, kw_only=True)
class _Together:
    """What an encoder answers to the values of all columns of texts, asked in one table.

    A call of an encoder takes milliseconds however few rows it has. There are no answers where it
    refuses a value, or where the table would be large: each column is then asked for by itself.
    """

    answers: Mapping[Any, pd.DataFrame]  # by column
    of_dtype: Mapping[Any, pd.DataFrame]  # the same for columns of dtype category

    @classmethod
    def of(
        cls, encoder: Any, known: Mapping[Any, list[Any]], row: dict[Any, Any], *, n_features: int
    ) -> "_Together":
        """Ask an encoder."""
        values = {
            name: _texts_and_others(categories)
            for name, categories in known.items()
            if isinstance(categories[0], str)
        }
        n_rows = sum(map(len, values.values()))
        if len(values) < 2 or n_rows * n_features > _MOST_VALUES:
            return cls(answers={}, of_dtype={})
        columns, start = dict(row), 0
        for name, own in values.items():
            columns[name] = [row[name]] * start + own + [row[name]] * (n_rows - start - len(own))
            start += len(own)
        found: list[dict[Any, pd.DataFrame]] = []
        for dtypes in ({}, dict.fromkeys(values, "category")):
            parts: dict[Any, pd.DataFrame] = {}
            with suppress(Exception):
                answers = _ask(encoder, columns, dtypes)
                ends = np.cumsum([len(own) for own in values.values()]).tolist()
                for name, first, end in zip(values, [0, *ends], ends, strict=False):
                    parts[name] = answers[first:end].reset_index(drop=True)
            found.append(parts)
        return cls(answers=found[0], of_dtype=found[1])


@dataclass(frozen=True, eq=False, kw_only=True)
class _Asked:
    """What an encoder answers to the categories of a column."""

    lookup: Lookup
    kinds: str  # as in `EncodedColumn`
    answers: pd.DataFrame
    is_asked: np.ndarray

    @classmethod
    def of(
        cls,
        encoder: Any,
        name: Any,
        known: list[Any],
        row: dict[Any, Any],
        together: _Together,
    ) -> "_Asked":
        """Ask an encoder for all categories, for what is missing, and for what is none.

        It may refuse what is missing or unknown: then it is asked whenever there is such.
        """
        others: list[Any]
        if isinstance(known[0], str):
            kinds, others = "", _texts_and_others(known)[len(known) :]
            lookup = Lookup.of(np.array([*known, None, np.nan], dtype=object))
        else:
            known = [float(value) for value in known]
            kinds, others = "f", [np.nan, np.floor(known[-1]) + 1.0]
            lookup = Lookup.of(np.array([*known, np.nan]))
        answers, is_asked = _answers(encoder, row, name, known, others, together.answers)
        if not kinds:
            # Some releases answer otherwise to what is missing in a column of dtype category.
            of_dtype, refused = _answers(
                encoder, row, name, known, others, together.of_dtype, dtype="category"
            )
            same = (answers == of_dtype) | (answers.isna() & of_dtype.isna())
            is_asked |= refused | ~same.all(axis=1).to_numpy()
        if kinds and all(abs(value) < EXACT_INTEGERS and value == int(value) for value in known):
            same = _ask(encoder, row | {name: [int(value) for value in known]})
            of_floats = answers[: len(known)].to_numpy(dtype=np.float64)
            if np.array_equal(same.to_numpy(dtype=np.float64), of_floats, equal_nan=True):
                kinds = "if"
        return cls(lookup=lookup, kinds=kinds, answers=answers, is_asked=is_asked)

    def is_asked_alone(self, n_known: int, alone: pd.DataFrame | None) -> np.ndarray:
        """Tell which values become something else where a column holds nothing but these.

        Parameters
        ----------
        n_known : int
            Number of categories, behind which is what is missing.
        alone : DataFrame, optional
            What becomes of one row in which all columns are None; None if it is refused.
        """
        missing = np.zeros(len(self.is_asked), dtype=bool)
        missing[n_known : n_known + (1 if self.kinds else 2)] = True
        if alone is None:
            return missing
        of_column = [alone[self.features], self.answers.loc[[n_known], self.features]]
        one, other = (of.to_numpy(dtype=np.float64) for of in of_column)
        return missing & (not np.array_equal(one, other, equal_nan=True))

    @cached_property
    def features(self) -> list[Any]:
        """The features that differ."""
        values = self.answers
        first = values.iloc[:1].reindex(range(len(values)), method="ffill")
        differs = ~((values == first) | (values.isna() & first.isna())).all()
        return [feature for feature in values.columns if differs[feature]]


def _answers(
    encoder: Any,
    row: dict[Any, Any],
    name: Any,
    known: list[Any],
    others: list[Any],
    together: Mapping[Any, pd.DataFrame],
    dtype: str | None = None,
) -> tuple[pd.DataFrame, np.ndarray]:
    """Return the answers to all values of a column, and which of them the encoder refuses."""
    is_asked = np.zeros(len(known) + len(others), dtype=bool)
    if name in together:
        return together[name], is_asked
    dtypes = {} if dtype is None else {name: dtype}
    try:
        return _ask(encoder, row | {name: [*known, *others]}, dtypes), is_asked
    except Exception:
        answers = [_ask(encoder, row | {name: known}, dtypes)]
    for number, value in enumerate(others, start=len(known)):
        try:
            answers.append(_ask(encoder, row | {name: [value]}, dtypes))
        except Exception:
            answers.append(answers[0][:1])
            is_asked[number] = True
    return pd.concat(answers, ignore_index=True), is_asked


def _ask(
    encoder: Any, columns: dict[Any, Any], dtypes: dict[Any, str] | None = None
) -> pd.DataFrame:
    """Return what the encoder makes of columns: a list of values, or one for all rows."""
    n_rows = max(len(values) if isinstance(values, list) else 1 for values in columns.values())
    table = pd.DataFrame(
        {
            name: pd.Series(
                values if isinstance(values, list) else [values] * n_rows,
                dtype=object if _is_of_texts(values) else None,
            )
            for name, values in columns.items()
        }
    ).astype(dtypes or {})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return encoder.transform(table, override_return_df=True).reset_index(drop=True)


def _is_of_texts(values: Any) -> bool:
    first = values[0] if isinstance(values, list) else values
    return first is None or isinstance(first, str)
