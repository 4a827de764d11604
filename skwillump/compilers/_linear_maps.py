"""Steps that are linear maps.

Such a step between features and a linear model needs no work at prediction: a model's coefficients
on its output become coefficients on its input, once. The map of a step is defined with the step.
"""

from dataclasses import dataclass

import numpy as np


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
