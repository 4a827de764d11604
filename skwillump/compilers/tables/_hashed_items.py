"""`FeatureHasher`: one row of names, in a mapping, pairs or a list, without a matrix."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import repeat
from numbers import Real
from typing import Any

import numpy as np
from sklearn.feature_extraction import FeatureHasher
from sklearn.utils import murmurhash3_32

from .._features import Entries
from .._registry import register
from .._sparse_steps import SparseStep
from .._unsupported import InputUnsupported, Unsupported

Items = Iterable[tuple[Any, Any]]
"""Names of features with numbers, or with texts that are part of the name."""


@dataclass(frozen=True, eq=False, kw_only=True)
class HashedStep(SparseStep):
    """Items, each in the column that the hash of its name tells."""

    original: Any
    n_features: int
    input_type: str
    is_signed: bool

    fixed_dtype = np.dtype(np.float64)

    def matrix(self, X: Any) -> Any:
        """Return the features of many rows, which scikit-learn hashes in compiled code itself."""
        return self.original.transform(X)

    def _place(self, name: str) -> tuple[int, float]:
        """Return the column of a name, and the sign of its values."""
        found = murmurhash3_32(name)
        # The absolute value of the least integer is none of 32 bits: scikit-learn has one less,
        # and its remainder is that of 2**31.
        place = abs(int(found)) % self.n_features
        return place, -1.0 if self.is_signed and found < 0 else 1.0

    def entries(self, x: Any) -> Entries:
        totals: dict[int, float] = {}
        for name, value in self._items(x):
            if isinstance(value, str):
                name, value = f"{name}={value}", 1.0
            elif not isinstance(value, Real):
                raise InputUnsupported(f"a value of type {type(value).__name__}")
            if type(name) is not str:
                raise InputUnsupported(f"a name of type {type(name).__name__}")
            if value != 0:
                place, sign = self._place(name)
                totals[place] = totals.get(place, 0.0) + sign * float(value)
        places = np.array(sorted(totals), dtype=np.int32)
        return places, np.array([totals[place] for place in places.tolist()])

    def _items(self, x: Any) -> Items:
        if self.input_type == "dict":
            if not isinstance(x, Mapping):
                raise InputUnsupported(f"{type(x).__name__} is no mapping")
            return x.items()
        if not isinstance(x, (list, tuple)):
            raise InputUnsupported(f"{type(x).__name__} is no list")
        if self.input_type == "string":
            return zip(x, repeat(1.0))
        if any(type(pair) is not tuple or len(pair) != 2 for pair in x):
            raise InputUnsupported("an item that is no pair")
        return x


@register(FeatureHasher)
def compile_feature_hasher(hasher: Any) -> HashedStep:
    """Compile a `FeatureHasher`, which needs no fit."""
    if np.dtype(hasher.dtype) != np.float64:
        raise Unsupported(f"dtype={hasher.dtype}: only float64 is compiled")
    if hasher.input_type not in ("dict", "pair", "string"):
        raise Unsupported(f"input_type={hasher.input_type!r}")
    return HashedStep(
        original=hasher,
        n_features=int(hasher.n_features),
        input_type=hasher.input_type,
        is_signed=bool(hasher.alternate_sign),
    )
