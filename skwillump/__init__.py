"""Statistically-aware optimization of scikit-learn pipelines for fast inference."""

from ._cascade import CascadeClassifier
from ._compiled import compile_pipeline

__version__ = "0.1.0"

__all__ = ["CascadeClassifier", "compile_pipeline"]
