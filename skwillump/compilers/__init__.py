"""Fitted scikit-learn and LightGBM objects turned into compiled steps."""

from ._linear_maps import linear_map, registered_maps
from ._registry import (
    InputUnsupported,
    OriginalStep,
    Scorer,
    Step,
    StepReport,
    Unsupported,
    check_scores,
    compile_step,
    registered_types,
    take_rows,
)
from .compose import _composites  # noqa: F401 (it registers compilers, as do those below)
from .compose._chains import compile_steps
from .compose._dense_reader import DenseReader, Leaf
from .compose._score_sums import SumScorer
from .compose._unions import UnionStep
from .models import _ensembles  # noqa: F401
from .models._final import Model, compile_model, predicts_largest
from .models._input import ModelInput
from .models._linear import LinearModel, compile_linear, registered_linear
from .models._trees import TreeModel, compile_trees, registered_trees
from .models._truncated import TruncatedTrees
from .tables import _encoders, _imputers, _projections, _scalers, _splines  # noqa: F401
from .tables._columns import Opened
from .tables._steps import guarded
from .text import _hashing, _vectorizers  # noqa: F401

__all__ = [
    "DenseReader",
    "InputUnsupported",
    "Leaf",
    "LinearModel",
    "Model",
    "ModelInput",
    "Opened",
    "OriginalStep",
    "Scorer",
    "Step",
    "StepReport",
    "SumScorer",
    "TreeModel",
    "TruncatedTrees",
    "UnionStep",
    "Unsupported",
    "check_scores",
    "compile_linear",
    "compile_model",
    "compile_step",
    "compile_steps",
    "compile_trees",
    "guarded",
    "linear_map",
    "predicts_largest",
    "registered_linear",
    "registered_maps",
    "registered_trees",
    "registered_types",
    "take_rows",
]
