"""`TfidfTransformer`: fused with the vectorizer before it, or folded into the model behind it.

By itself it runs as it is.
"""

from dataclasses import dataclass
from typing import Any

from sklearn.feature_extraction.text import TfidfTransformer

from .._linear_maps import LinearMap
from .._registry import register
from .._steps import OriginalStep, Unsupported


@dataclass(frozen=True, eq=False)
class IdfStep(OriginalStep):
    """Counts times the weights of their terms."""

    def linear_map(self) -> LinearMap:
        """Return the weights as a linear map, if there is no more to it."""
        tfidf = self.original
        if tfidf.norm is not None or tfidf.sublinear_tf:
            raise Unsupported("norm and sublinear_tf are not linear")
        return LinearMap(factors=getattr(tfidf, "idf_", None))


@register(TfidfTransformer, gives=OriginalStep, is_linear=True)
def compile_tfidf_transformer(tfidf: Any) -> IdfStep:
    """Leave a `TfidfTransformer` as it is, unless it is linear."""
    return IdfStep(tfidf, "it is compiled behind a vectorizer only")
