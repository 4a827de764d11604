"""Columns that pass, and numpy's functions of each number."""

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils import check_array

from .._registry import register
from .._steps import CategoryReader, Step
from .._unsupported import InputUnsupported, Unsupported
from ..own_code._bytecode import Own, applied_function, own_code
from ._columns import refuse_single
from ._steps import IntegerStep, NumberStep
from ._tables import Table, refuse_infinite, refuse_large_integers, refuse_objects


@dataclass(frozen=True, eq=False)
class IdentityStep(IntegerStep):
    """Columns that pass."""

    doubles: bool = False  # whether float32 is refused, in which what follows would be computed

    fixed_dtype = None

    def in_doubles(self) -> "IdentityStep":
        return replace(self, doubles=True)

    def chunk_features(self, table: Table) -> np.ndarray:
        if self.doubles:
            refuse_single(table.dtype)
        block = table.floats(strict=False)
        if self.guards_integers:
            refuse_objects(table)
            refuse_large_integers(block, table)
        return block

    def next_table(self, table: Table) -> Table:
        return table

    def reading_categories(self, reader: CategoryReader) -> Step:
        return reader.of_columns(self.spec)


@dataclass(frozen=True, eq=False)
class FunctionStep(NumberStep):
    """A numpy function of each number."""

    function: np.ufunc
    validates: bool = False  # whether the numbers must be finite

    gives_array = False  # data frames stay data frames

    def chunk_features(self, table: Table) -> np.ndarray:
        if (
            not self.validates
            and table.row is not None
            and any(isinstance(value, (str, bytes)) for value in table.row)
        ):
            raise InputUnsupported("a text, of which the function makes no number")
        block = table.floats()
        if self.validates:
            refuse_infinite(block, allow_nan=False)
        for dtype in table.dtypes():
            # Smaller integers become smaller floats.
            as_double = dtype.kind in "iu" and dtype.itemsize >= 4 and not self._knows_integers()
            if dtype != np.float64 and not as_double:
                raise InputUnsupported(f"the function computes in {dtype}")
        return np.asarray(self.function(block), dtype=np.float64)

    def _knows_integers(self) -> bool:
        return any(types[0] in "bBhHiIlLqQ" for types in self.function.types)


class DoublesStep(NumberStep):
    """Columns as numbers of float64, of which any may be missing or infinite."""

    def chunk_features(self, table: Table) -> np.ndarray:
        block = table.floats(strict=False)
        refuse_objects(table)
        return block


def _makes_doubles(function: Any) -> bool:
    """Tell whether a function is scikit-learn's check of arrays, which makes float64 of any number.

    Boosted trees with categories have it for their other columns.
    """
    if type(function) is not partial or function.func is not check_array or function.args:
        return False
    options = dict(function.keywords)
    return options == {"dtype": [np.float64], "ensure_all_finite": False}


@register(FunctionTransformer)
def compile_function_transformer(transformer: Any) -> Step:
    """Compile a ``FunctionTransformer`` of nothing or of one of numpy's element-wise functions."""
    function: Any = transformer.func
    if function is None:
        if transformer.validate:
            raise Unsupported("validate=True, without a function")
        return IdentityStep.from_fitted(transformer)
    function = applied_function(transformer) or function
    if own_code(transformer) is Own.SAME:
        return IdentityStep.from_fitted(transformer)
    if _makes_doubles(function) and not transformer.kw_args and not transformer.validate:
        return DoublesStep.from_fitted(transformer)
    if transformer.kw_args:
        raise Unsupported("its function is called with kw_args")
    if not any(function is known for known in vars(np).values()):
        raise Unsupported("its function is none of numpy's own ufuncs")
    if not isinstance(function, np.ufunc) or "d->d" not in function.types:
        raise Unsupported("its function is no numpy ufunc of one number to one number")
    return FunctionStep.from_fitted(
        transformer, function=function, validates=bool(transformer.validate)
    )
