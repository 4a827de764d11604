"""Blocks of a union with their places, and reading them side by side into one array."""

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, cast

import numpy as np
from scipy import sparse

from .._feature_codes import FeatureCodes, of_numbers, side_by_side
from .._features import ChosenRows, only, places_of
from .._forwarding import KernelUser
from .._steps import Step
from .._unsupported import InputUnsupported
from ..tables._chunks import each_chunk
from ..tables._input import InputSpec, Opened
from ..tables._steps import TableStep
from ..tables._tables import Table
from ._selections import Rows, Selection, common_spec, selected_one, unread_columns, wants_row


@dataclass(frozen=True, eq=False)
class Leaf(KernelUser):
    """A block of a union, with its place in the union's features."""

    name: str  # names of unions on the way are joined by "__"
    selection: Selection
    step: Step
    place: slice
    weight: float

    @property
    def width(self) -> int:
        """Number of its features."""
        return self.place.stop - self.place.start

    def inside(self, outer: "Leaf") -> "Leaf":
        """Return the same block as a block of a union that holds its own."""
        start = outer.place.start
        return Leaf(
            f"{outer.name}__{self.name}",
            self.selection.within(outer.selection),
            self.step,
            slice(start + self.place.start, start + self.place.stop),
            outer.weight * self.weight,
        )


def placed(leaves: Iterable[Leaf]) -> list[Leaf]:
    """Return blocks one after the other."""
    leaves = list(leaves)
    places = places_of(leaf.width for leaf in leaves)
    return [replace(leaf, place=place) for leaf, place in zip(leaves, places, strict=True)]


def codes_of(
    leaves: Sequence[Leaf], coded: Set[Leaf] | None = None
) -> tuple[FeatureCodes, list[slice]]:
    """Return how blocks lay out columns of codes side by side, and the columns of each.

    Those that are not `coded` (all are by default), or have a weight, hold numbers.
    """
    return side_by_side(
        [
            cast(TableStep, leaf.step).feature_codes()
            if leaf.weight == 1.0 and (coded is None or leaf in coded)
            else of_numbers(leaf.width)
            for leaf in leaves
        ]
    )


def write_blocks(
    leaves: Iterable[Leaf],
    table: Table,
    out: np.ndarray,
    coded: Mapping[Leaf, slice] | None = None,
) -> None:
    """Let blocks of columns write what they make of a chunk of rows where it belongs.

    Parameters
    ----------
    out : ndarray of float64 of shape (n_rows, n_columns)
    coded : mapping of Leaf to slice, optional
        Where columns of codes are to be written: those of each block.
    """
    for leaf in leaves:
        step = cast(TableStep, leaf.step)
        columns = out[:, leaf.place if coded is None else coded[leaf]]
        write = step.write_features if coded is None or leaf.weight != 1.0 else step.write_coded
        write(leaf.selection.table(table), columns)
        if leaf.weight != 1.0:
            columns *= leaf.weight


@dataclass(frozen=True, eq=False)
class DenseReader(KernelUser):
    """Blocks of features side by side in an array; those of columns share a pass over the table."""

    # The blocks. Features that are of none of them are zero.
    leaves: tuple[Leaf, ...]
    n_features: int  # number of columns of the array
    required: InputSpec | None = None  # columns that there must be, even if no block reads them
    tables: tuple[Any, ...] = field(init=False, repr=False)
    alone: tuple[Leaf, ...] = field(init=False, repr=False)
    spec: InputSpec | None = field(init=False, repr=False)
    unread: InputSpec | None = field(init=False, repr=False)  # checked if there is no `spec`
    has_gaps: bool = field(init=False, repr=False)

    def __post_init__(self) -> None:
        tables: list[Any] = []
        alone: list[Leaf] = []
        for leaf in self.leaves:
            shares = leaf.step.reads_columns and leaf.selection.positions is not None
            (tables if shares else alone).append(leaf)
        selections: Any = [leaf.selection for leaf in tables]
        object.__setattr__(self, "tables", tuple(tables))
        object.__setattr__(self, "alone", tuple(alone))
        spec, unread = None, None
        if tables:
            spec = common_spec(selections, self.required)
        else:
            unread = unread_columns(self.required, [leaf.selection for leaf in self.leaves])
        object.__setattr__(self, "spec", spec)
        object.__setattr__(self, "unread", unread)
        filled = sum(leaf.width for leaf in self.leaves)
        object.__setattr__(self, "has_gaps", filled < self.n_features)

    @cached_property
    def coded(self) -> tuple[FeatureCodes, list[slice]] | None:
        """How blocks lay out columns of codes, and the columns of each; None where there are gaps.

        Blocks that are weighted, or read alone, hold numbers.
        """
        starts = [leaf.place.start for leaf in self.leaves]
        if self.has_gaps or starts != sorted(starts):
            return None
        return codes_of(self.leaves, set(self.tables))

    def read(
        self,
        X: Any,
        rows: ChosenRows = None,
        *,
        n_threads: int = 1,
        as_codes: bool = False,
    ) -> np.ndarray:
        """Return the features as float64 (n_rows, n_features).

        Parameters
        ----------
        X : object
            An input, or one that is `Opened`.
        rows : ndarray of intp or slice, optional
        as_codes : bool
            Whether columns are laid out as `coded` says.

        Raises
        ------
        InputUnsupported
            For input that only the original steps can judge.
        """
        out, coded = None, None
        width = self.n_features
        if as_codes:
            assert self.coded is not None
            width = self.coded[0].n_columns
            coded = dict(zip(self.leaves, self.coded[1], strict=True))
        if self.unread is not None:
            self.unread.check_columns(X)
        if self.spec is not None:

            def write(table: Table, place: np.ndarray) -> None:
                if self.has_gaps:
                    place[:] = 0.0
                write_blocks(self.tables, table, place, coded)

            out = each_chunk(write, self.spec, X, rows, n_threads=n_threads, n_outputs=width)
        for leaf in self.alone:
            selected = leaf.selection.of(X.X if isinstance(X, Opened) else X)
            block = leaf.step.dense(selected, rows, n_threads=n_threads)
            if out is None:
                out = (np.zeros if self.has_gaps else np.empty)((len(block), width))
            elif len(out) != len(block):
                raise InputUnsupported("blocks of different numbers of rows")
            place = leaf.place if coded is None else coded[leaf]
            out[:, place] = block if leaf.weight == 1.0 else block * leaf.weight
        if out is None:
            raise InputUnsupported("no blocks")
        return out

    def read_one(self, x: Any) -> np.ndarray:
        """Return the features (n_features,) of one row."""
        out = (np.zeros if self.has_gaps else np.empty)(self.n_features)
        if self.unread is not None:
            self.unread.row(x)
        if self.spec is not None:
            row = self.spec.row(x)
            for leaf in self.tables:
                values = leaf.step.chunk_features(leaf.selection.table(row))[0]
                out[leaf.place] = values if leaf.weight == 1.0 else values * leaf.weight
        rows = None
        for leaf in self.alone:
            if wants_row(leaf.step, leaf.selection):
                rows = rows or Rows(leaf.step.template)
                values = leaf.step.dense_row(leaf.selection.one_row(x, rows))
            else:
                values = leaf.step.dense_one(selected_one(leaf.step, leaf.selection, x))
            out[leaf.place] = values if leaf.weight == 1.0 else values * leaf.weight
        return out

    def read_one_sparse(self, x: Any) -> tuple[np.ndarray, np.ndarray]:
        """Return positions and values of the features of one row that are not zero, in order."""
        row = None if self.spec is None else self.spec.row(x)
        if self.unread is not None:
            self.unread.row(x)
        shared = set(self.tables)
        positions, values = [], []
        for leaf in self.leaves:
            if leaf in shared:
                assert row is not None
                block = cast(TableStep, leaf.step).chunk_features(leaf.selection.table(row))[0]
                known = np.flatnonzero(block)
                block = block[known]
            elif leaf.step.gives_matrix:
                known, block = leaf.step.entries(leaf.selection.of_one(x))
            else:
                made = leaf.step.transform_one(leaf.selection.of_one(x))
                if sparse.issparse(made):
                    made = made.tocsr()
                    known, block = made.indices, made.data
                else:
                    block = only(made)
                    known = np.flatnonzero(block)
                    block = block[known]
            positions.append(known + leaf.place.start)
            values.append(block if leaf.weight == 1.0 else block * leaf.weight)
        return np.concatenate(positions), np.concatenate(values)
