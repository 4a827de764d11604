"""Statistically-aware optimization of scikit-learn pipelines for fast inference."""

from ._compiled import CompiledPipeline, compile_pipeline
from ._persistence import trusted_types
from ._version import __version__ as __version__
from ._warnings import NoCascadeWarning
from .cascade._classifier import CascadeClassifier
from .cascade._display import CascadeDisplay
from .lookup._transformer import TableLookup
from .ranking._display import TopKDisplay
from .ranking._ranker import ApproxTopKRanker

__all__ = [
    "ApproxTopKRanker",
    "CascadeClassifier",
    "CascadeDisplay",
    "CompiledPipeline",
    "NoCascadeWarning",
    "TableLookup",
    "TopKDisplay",
    "compile_pipeline",
    "trusted_types",
]
