"""Compiled twins of fitted estimators: the same answers, faster."""

from ._compile import compile_pipeline, compiled_twin
from ._parts import CompilesItself
from ._pipeline import CompiledPipeline

__all__ = ["CompiledPipeline", "CompilesItself", "compile_pipeline", "compiled_twin"]
