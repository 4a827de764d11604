"""The model at the end of a pipeline, of whatever family."""

from typing import Any

from skwillump.compilers._models import LinearModel, compile_linear, is_linear
from skwillump.compilers._trees import TreeModel, compile_trees

Model = LinearModel | TreeModel


def compile_model(fitted: Any) -> Model:
    """Return a fitted model as a `LinearModel` or a `TreeModel`.

    Raises
    ------
    Unsupported
        With the reason, for any other model.
    """
    if is_linear(fitted):
        return compile_linear(fitted)
    return compile_trees(fitted)
