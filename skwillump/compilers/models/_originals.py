"""Models that are not compiled, but are known to predict the class of their largest response."""

from typing import Any

from sklearn.discriminant_analysis import QuadraticDiscriminantAnalysis
from sklearn.neighbors import KNeighborsClassifier

from .._models import OriginalModel
from .._registry import register
from .._unsupported import Unsupported


@register(
    KNeighborsClassifier,
    QuadraticDiscriminantAnalysis,
    gives=OriginalModel,
)
def refuse(model: Any) -> OriginalModel:
    """Refuse to compile it.

    Raises
    ------
    Unsupported
        Always.
    """
    raise Unsupported(f"no compiler for {type(model).__name__}")
