"""What a compiled step says of itself, each with the answer that is right for most of them."""

from typing import Any

import numpy as np

from ._forwarding import KernelUser


class StepFacts(KernelUser):
    """What others ask of a `Step` before they use it.

    Nobody asks a step what type it is: a step of another kind gives another answer here.
    """

    original: Any  # the fitted transformer
    n_features: int | None  # number of output columns, None where it is not known without data

    @property
    def is_compiled(self) -> bool:
        """Whether anything of it is compiled."""
        return not self.why_not_compiled

    @property
    def why_not_compiled(self) -> str:
        """Why nothing of it is compiled; empty if something is."""
        return ""

    @property
    def is_open(self) -> bool:
        """Whether the dtype of its features is not known before they are there.

        What `in_doubles` returns then refuses them if they are not of double precision.
        """
        return False

    @property
    def gives_matrix(self) -> bool:
        """Whether the original is known to return a sparse matrix."""
        return False

    @property
    def passes_input(self) -> bool:
        """Whether there is no transformer: the model is given the rows as they are."""
        return False

    @property
    def wants_rows(self) -> bool:
        """Whether one row is to reach it as X of one row: what reads it runs as it is."""
        return False

    @property
    def needs_rows(self) -> bool:
        """Whether anything in it does, so that X of one row is made of one row."""
        return self.wants_rows

    @property
    def reads_mapping(self) -> bool:
        """Whether one row is to reach it as a mapping, where rows have names."""
        return False

    @property
    def opens_frames(self) -> bool:
        """Whether anything in it is given a data frame of one row, and nothing tells what it does.

        Dtypes of its columns may be of consequence then.
        """
        return self.wants_rows

    @property
    def runs_python(self) -> bool:
        """Whether anything in it runs as it is, or calls a function of the user's for each row."""
        return False

    @property
    def maps_values(self) -> bool:
        """Whether `of_value` answers for one row of which a step reads one value."""
        return False

    @property
    def reads_columns(self) -> bool:
        """Whether it is a `TableStep`, so that it shares a pass over a table with others.

        Its `map_dense` takes an input that is `Opened`, of which no column is read twice.
        """
        return False

    @property
    def holds_blocks(self) -> bool:
        """Whether it is a `UnionStep`, whose blocks a union around it takes for its own."""
        return False

    @property
    def chooses_columns(self) -> bool:
        """Whether it is a `SelectorStep`: what follows reads columns of the input."""
        return False

    @property
    def reads_matrix(self) -> bool:
        """Whether it is a `MatrixStep`, which reads sparse rows as well as others."""
        return False

    @property
    def demands(self) -> Any:
        """`InputSpec` of the columns that it must find in a table; None where it reads none."""
        return None

    @property
    def chooses_by_name(self) -> bool:
        """Whether it reads columns by name among others, which a table by position has not."""
        return False

    @property
    def counts_terms(self) -> bool:
        """Whether it is a `TextStep` of counts, which a `TfidfTransformer` may join."""
        return False

    @property
    def projects(self) -> bool:
        """Whether it makes few features of many, which scores of a linear model spare it."""
        return False

    @property
    def reads_text(self) -> bool:
        """Whether a row is one str."""
        return False

    @property
    def gives_array(self) -> bool:
        """Whether the original is sure to return an array for whatever is no sparse matrix."""
        return False

    @property
    def gives_sparse(self) -> bool:
        """Whether the original is sure to return a sparse matrix that holds no zeros."""
        return False

    @property
    def exact_scores(self) -> bool:
        """Whether scores of a bound step are those of its features, to float64 precision."""
        return True

    @property
    def is_rounded(self) -> bool:
        """Whether features are the original's up to rounding alone, as sums in another order."""
        return False

    def rounded_features(self) -> np.ndarray:
        """Return which features are, bool (n_features,), where their number is known."""
        return np.full(self.n_features or 0, self.is_rounded)

    @property
    def may_give_integers(self) -> bool:
        """Whether the original may return an array of integers."""
        return False

    @property
    def fixed_dtype(self) -> np.dtype | None:
        """Dtype of what the original returns; None if it depends on the input, or is not known."""
        return None

    @property
    def has_columns_of_doubles(self) -> bool:
        """Whether each column of a data frame of the features is sure to be of float64."""
        return self.fixed_dtype == np.float64
