"""Statistically-aware optimization of scikit-learn pipelines for fast inference."""

from ._cascade import CascadeClassifier
from ._compiled import compile_pipeline
from ._display import CascadeDisplay, TopKDisplay
from ._lookup import TableLookup
from ._ranker import ApproxTopKRanker
from ._version import __version__ as __version__

__all__ = [
    "ApproxTopKRanker",
    "CascadeClassifier",
    "CascadeDisplay",
    "TableLookup",
    "TopKDisplay",
    "compile_pipeline",
]
