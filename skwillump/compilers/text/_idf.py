"""`TfidfTransformer`: counts to weights.

Behind a vectorizer it is fused with it, and where it is linear it is folded into the model behind
it. This is what it is anywhere else: behind hashed texts, selected terms, or a union.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.feature_extraction.text import TfidfTransformer

from ...kernels._sparse_rows import normalize_rows
from .._features import Entries
from .._linear_maps import LinearMap
from .._registry import register
from .._sparse_steps import SparseStep, csr_of
from .._unsupported import InputUnsupported, Unsupported
from ._options import NORMS


@dataclass(frozen=True, eq=False, kw_only=True)
class IdfStep(SparseStep):
    """Counts times the weights of their terms, normalised."""

    original: Any
    n_features: int
    idf: np.ndarray | None = field(repr=False)
    sublinear: bool
    norm: str | None

    fixed_dtype = np.dtype(np.float64)

    @property
    def weights(self) -> np.ndarray | None:  # type: ignore[override]
        """The inverse document frequencies."""
        return self.idf

    @property
    def norm_of_rows(self) -> int:  # type: ignore[override]
        """What rows are divided by."""
        return NORMS[self.norm]

    def matrix(self, X: Any) -> Any:
        X = self._checked(X)
        data = self._weights(X)
        # Copies: who sorts the features in place is not to reach the counts.
        places, starts = X.indices.copy(), X.indptr.copy()
        return csr_of(data, places, starts, self.n_features, made_from=X)

    def unweighed(self, X: Any) -> Any:
        X = self._checked(X)
        if not self.sublinear:
            return X
        return sparse.csr_matrix((self._frequencies(X), X.indices, X.indptr), X.shape, copy=False)

    def entries_of(self, X: Any) -> Entries:
        """Return the weights of X of one row; to make a matrix of them takes longer than they."""
        X = self._checked(X)
        if X.shape[0] != 1:
            raise InputUnsupported(f"{X.shape[0]} rows were made of one")
        return X.indices, self._weights(X)

    def _checked(self, X: Any) -> Any:
        """Return rows that scikit-learn reads as float64, in the format that it makes of them."""
        if not (sparse.issparse(X) and X.ndim == 2 and X.shape[1] == self.n_features):
            raise InputUnsupported("no sparse matrix of rows")
        if X.dtype.kind not in "iu" and X.dtype != np.float64:
            raise InputUnsupported(f"counts of dtype {X.dtype}")
        if not X.shape[0]:
            raise InputUnsupported("no rows")
        return X.tocsr()

    def _frequencies(self, X: Any) -> np.ndarray:
        """Return the values of a matrix's entries before they are weighed."""
        data = X.data.astype(np.float64)
        if self.sublinear:
            np.log(data, data)
            data += 1.0
        return data

    def _weights(self, X: Any) -> np.ndarray:
        """Return the weights of a matrix's entries, by scikit-learn's operations in their order."""
        if not np.isfinite(X.data).all():
            raise InputUnsupported("counts that are not finite")
        data = self._frequencies(X)
        if self.idf is not None:
            data *= self.idf[X.indices]
        if self.norm is not None:
            if not np.isfinite(data).all():
                raise InputUnsupported("weights that are not finite")
            normalize_rows(data, X.indptr.astype(np.int64, copy=False), NORMS[self.norm])
        return data

    def linear_map(self) -> LinearMap:
        """Return the weights as a linear map, if there is no more to it."""
        if self.norm is not None or self.sublinear:
            raise Unsupported("norm and sublinear_tf are not linear")
        return LinearMap(factors=self.idf)

    def warm_up(self) -> None:
        if self.norm is not None:
            normalize_rows(np.ones(1), np.array([0, 1]), NORMS[self.norm])


@register(TfidfTransformer, is_linear=True)
def compile_tfidf_transformer(tfidf: Any) -> IdfStep:
    """Compile a fitted `TfidfTransformer`."""
    if tfidf.norm not in NORMS:
        raise Unsupported(f"norm={tfidf.norm!r}")
    idf = getattr(tfidf, "idf_", None)
    return IdfStep(
        original=tfidf,
        n_features=int(tfidf.n_features_in_),
        idf=None if idf is None else np.array(idf, dtype=np.float64),
        sublinear=bool(tfidf.sublinear_tf),
        norm=tfidf.norm,
    )


def norms_of_rows(normalizer: Any) -> IdfStep:
    """Return a fitted `Normalizer` of sparse rows: weights of one, normalised."""
    return IdfStep(
        original=normalizer,
        n_features=int(normalizer.n_features_in_),
        idf=None,
        sublinear=False,
        norm=normalizer.norm,
    )
