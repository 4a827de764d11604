"""Categories in what XGBoost saves itself as: those of columns, and those that nodes ask for."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np

from .._unsupported import InputUnsupported, Unsupported
from ..tables._keys import is_missing
from ._category_input import KnownCategories

_INTEGERS = {9: "int8", 10: "uint8", 11: "int16", 13: "int32", 15: "int64"}
"""What the library calls integers of a width."""


@dataclass(frozen=True, eq=False, kw_only=True)
class XGBoostCategories(KnownCategories):
    """The categories that a column had in fit; one that is new is an error."""

    dtype: np.dtype  # of integers, or object
    # Of texts, the bytes by which the library tells them apart: see `_pieces`.
    of_bytes: dict[bytes, float] = field(default_factory=dict, repr=False)

    def position(self, value: Any) -> float:
        found = super().position(value)
        if found != found and not is_missing(value):
            raise InputUnsupported(f"the category {value!r} was not in fit")
        return found

    def positions(self, categories: list[Any], dtype: np.dtype) -> np.ndarray:
        if dtype != self.dtype or not categories:
            raise InputUnsupported(f"categories of dtype {dtype} where {self.dtype} were in fit")
        if not self.of_bytes:
            return super().positions(categories, dtype)
        if set(map(type, categories)) != {str}:
            raise InputUnsupported("categories that are no texts")
        found = [self.of_bytes.get(piece) for piece in _pieces(categories)]
        if None in found:
            raise InputUnsupported("a category that was not in fit")
        return np.array([*found, np.nan])


def column_categories(stored: dict[str, Any]) -> dict[int, KnownCategories]:
    """Return the categories of each column that had some in fit, by its position.

    Parameters
    ----------
    stored : dict
        What the model keeps of categories, from the JSON.
    """
    found = enumerate(stored.get("enc", []))
    return {at: _categories(column) for at, column in found if column["values"]}


def _categories(column: dict[str, Any]) -> XGBoostCategories:
    if "type" in column:
        name = _INTEGERS.get(column["type"])
        if name is None:
            raise Unsupported("it was fitted on categories that are neither texts nor integers")
        return XGBoostCategories.of(column["values"], dtype=np.dtype(name))
    offsets = column["offsets"]
    data = np.array(column["values"], dtype=np.int8).tobytes()
    pieces = [data[start:stop] for start, stop in pairwise(offsets)]
    of_bytes: dict[bytes, float] = {}
    for position, piece in enumerate(pieces):
        of_bytes.setdefault(piece, float(position))
    letters = data.decode(errors="ignore")  # of the last texts, some may be cut off
    place = {
        letters[start:stop]: of_bytes[piece]
        for (start, stop), piece in zip(pairwise(offsets), pieces, strict=True)
        if stop <= len(letters)
    }
    return XGBoostCategories(place=place, dtype=np.dtype(object), of_bytes=of_bytes)


def _pieces(texts: list[str]) -> list[bytes]:
    """Return the bytes of each text, as the library has them.

    XGBoost 3.2 joins the texts, and cuts their bytes where letters begin and stop: letters of
    several bytes move all cuts behind them.
    """
    data, stops = "".join(texts).encode(), np.cumsum([0, *map(len, texts)]).tolist()
    return [data[start:stop] for start, stop in pairwise(stops)]


def code_counts(trees: Iterable[dict[str, Any]]) -> dict[int, int]:
    """Return a number of codes that is above all that nodes ask for, by feature."""
    found: dict[int, int] = {}
    for tree in trees:
        for node, codes in _asked(tree):
            feature = tree["split_indices"][node]
            found[feature] = max(found.get(feature, 0), max(codes, default=-1) + 1)
    return found


def code_sets(tree: dict[str, Any], n_codes: dict[int, int]) -> dict[int, np.ndarray]:
    """Return the codes that go right at nodes that ask for some, as bits (uint64), by node.

    A missing value is the number of codes, where it goes right too.
    """
    sets: dict[int, np.ndarray] = {}
    for node, codes in _asked(tree):
        n = n_codes[tree["split_indices"][node]]
        right = np.array(codes if tree["default_left"][node] else [*codes, n], dtype=np.int64)
        bits = np.zeros(n // 64 + 1, dtype=np.uint64)
        np.bitwise_or.at(bits, right >> 6, np.uint64(1) << (right & 63).astype(np.uint64))
        sets[node] = bits
    return sets


def _asked(tree: dict[str, Any]) -> Iterable[tuple[int, list[int]]]:
    """Nodes of a tree that ask for categories, with those that go right."""
    segments, sizes = tree["categories_segments"], tree["categories_sizes"]
    for node, start, size in zip(tree["categories_nodes"], segments, sizes, strict=True):
        yield node, tree["categories"][start : start + size]
