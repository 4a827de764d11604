"""Steps that are linear maps.

Such a step between features and a linear model needs no work at prediction: a model's coefficients
on its output become coefficients on its input, once. The map of a step is defined with the step.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

_LEAST_FACTOR = 1e-20
"""Counts, their weights and ones times more than this are numbers of single precision."""


@dataclass(frozen=True, eq=False)
class LinearMap:
    """``X -> X @ matrix`` for a matrix that is diagonal, a selection of columns, or dense.

    Exactly one of the fields is set; none is the identity.
    """

    factors: np.ndarray | None = None  # (n_in,): each column times its factor
    divisors: np.ndarray | None = None  # (n_in,): each column divided
    support: np.ndarray | None = None  # bool (n_in,): columns that are kept
    components: np.ndarray | None = None  # (n_out, n_in)

    @property
    def computes(self) -> bool:
        """Whether it does more than to choose columns."""
        return any(of is not None for of in (self.factors, self.divisors, self.components))

    @property
    def keeps_entries(self) -> bool:
        """Whether no entry of a sparse matrix that it keeps becomes zero, in single precision."""
        if self.factors is None:
            return not self.computes
        return bool((np.abs(self.factors) > _LEAST_FACTOR).all())

    def of_sparse(self) -> "LinearMap":
        """Return the map as scikit-learn does it to a sparse matrix: it multiplies by inverses."""
        return self if self.divisors is None else LinearMap(factors=1.0 / self.divisors)

    def fold(self, coef: np.ndarray) -> np.ndarray:
        """Return the coefficients on the input that equal ``coef`` on the output."""
        if self.factors is not None:
            return coef * self.factors[:, None]
        if self.divisors is not None:
            return coef / self.divisors[:, None]
        if self.support is not None:
            folded = np.zeros((len(self.support), coef.shape[1]))
            folded[self.support] = coef
            return folded
        if self.components is not None:
            return np.asarray(self.components.T @ coef)
        return coef

    def apply(self, block: np.ndarray) -> np.ndarray:
        """Return the map of a dense block (n_rows, n_in)."""
        if self.factors is not None:
            return block * self.factors
        if self.divisors is not None:
            return block / self.divisors
        if self.support is not None:
            return block[:, self.support]
        if self.components is not None:
            return np.asarray(block @ self.components.T)
        return block

    def apply_to_entries(
        self, positions: np.ndarray, values: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the map of the entries of a sparse row, as such; of none that has `components`."""
        if self.factors is not None:
            return positions, values * self.factors[positions]
        if self.divisors is not None:
            return positions, values / self.divisors[positions]
        if self.support is not None:
            is_kept = self.support[positions]
            return self.places[positions[is_kept]], values[is_kept]
        return positions, values

    @cached_property
    def places(self) -> np.ndarray:
        """Where each column that is kept goes, (n_in,)."""
        assert self.support is not None
        return np.cumsum(self.support) - 1
