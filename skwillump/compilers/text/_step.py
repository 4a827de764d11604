"""What text vectorizers share: texts in ranges of rows, through a kernel, to a sparse matrix."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np

from ...kernels._arrays import FrozenArrays
from ...kernels.text._symbols import Alphabet
from .._features import MAX_DENSE_FEATURES, Entries
from .._steps import Step
from .._threads import map_in_threads, ranges
from .._unsupported import InputUnsupported
from ._columns import StringList, TextColumn, takes_lists, text_column
from ._encoding import LeftText, Utf8
from ._options import TextOptions
from ._rows import Rows, csr, join_rows, with_rows


@dataclass(frozen=True, eq=False, kw_only=True)
class VectorizerStep(FrozenArrays, Step):
    """A text vectorizer as arrays.

    A subclass says how the rows of a range of texts come about, and with which scorer they are
    multiplied.
    """

    original: Any
    n_features: int
    options: TextOptions  # how texts become tokens or characters
    alphabet: Alphabet = field(repr=False)  # the symbols of those
    dtype: np.dtype  # of the matrix

    reads_text = True
    gives_matrix = True

    @property
    def fixed_dtype(self) -> np.dtype:
        return self.dtype

    @property
    def exact_scores(self) -> bool:
        """Values of float32 are rounded before they reach the model."""
        return self.dtype != np.float32

    @property
    def runs_python(self) -> bool:
        return self.options.preprocess is not None

    def __getstate__(self) -> dict[str, Any]:
        # The tables over all code points are those of the process that unpickles.
        return dict(self.__dict__, alphabet=self.alphabet.without_tables())

    def __setstate__(self, state: dict[str, Any]) -> None:
        options = state["options"]
        alphabet = state["alphabet"].with_tables(options.fold, options.token_class)
        super().__setstate__(state | {"alphabet": alphabet})

    def encode(self, texts: Utf8) -> Utf8:
        """Return the texts of a chunk as the kernels want them."""
        return self.options.prepare(texts)

    def opened(self, X: Any) -> tuple[Self, TextColumn]:
        """Return a column of texts, and the step that reads it: itself, where these are texts.

        Functions of the user's may take rows that are lists, of tokens that were made before. What
        they make of these is a text to the step that is returned.

        Raises
        ------
        InputUnsupported
            If it is no column.
        """
        column = text_column(X)
        own = self.options.own
        if own is None or not (isinstance(column, StringList) and takes_lists(column.texts)):
            return self, column
        step = replace(self, options=self.options.after_own())
        return step, StringList([own(row) for row in column.texts])

    def rows(self, column: TextColumn, some: slice) -> Rows:
        """Return the features of a range of texts, with the values that the matrix has."""
        raise NotImplementedError

    def rows_of_tokens(self, left: Sequence[LeftText]) -> Rows:
        """Return the features of texts that kernels leave, of their tokens."""
        raise NotImplementedError

    def with_left(self, rows: Rows, left: Sequence[LeftText]) -> Rows:
        """Fill the rows of texts that kernels left."""
        if not left:
            return rows
        return with_rows(rows, [at for at, _ in left], self.rows_of_tokens(left))

    def transform(self, X: Any, *, n_threads: int = 1) -> Any:
        try:
            step, column = self.opened(X)
            if not len(column):
                raise InputUnsupported("no rows")
            pieces = ranges(len(column), n_threads)
            blocks = map_in_threads(lambda some: step.rows(column, some), pieces, n_threads)
        except InputUnsupported:
            return self.original.transform(X)
        indptr, indices, data = join_rows(blocks)
        return csr(data, indices, indptr, self.n_features)

    def entries(self, x: Any) -> Entries:
        step, column = self.opened([self.checked_one(x)])
        _, positions, values = step.rows(column, slice(0, 1))
        return positions, values

    def checked_one(self, x: Any) -> Any:
        """Return one row, if it is a text, or a list for functions of the user's.

        Raises
        ------
        InputUnsupported
            If it is neither.
        """
        if type(x) is str or (self.options.own_tokens and takes_lists((x,))):
            return x
        raise InputUnsupported(f"{type(x).__name__} is not str")

    def dense_one(self, x: Any) -> np.ndarray:
        if self.n_features > MAX_DENSE_FEATURES:
            raise InputUnsupported(f"{self.n_features} features are too many for a dense array")
        features = np.zeros(self.n_features)
        positions, values = self.entries(x)
        features[positions] = values
        return features

    def warm_up(self) -> None:
        self.without_preprocessor().transform(["", "ä"])

    def without_preprocessor(self) -> Self:
        """Return a twin for texts of our own: a user's function need not understand them."""
        options = replace(self.options, preprocess=None, own_tokens=False)
        return replace(self, options=options)
