"""Fitted scikit-learn and LightGBM objects turned into compiled steps."""

from skwillump.compilers import (  # noqa: F401 (they register compilers)
    _compose,
    _encoders,
    _ensembles,
    _hashing,
    _imputers,
    _projections,
    _scalers,
    _splines,
    _text,
)
from skwillump.compilers._between import linear_map, registered_maps
from skwillump.compilers._columns import Opened
from skwillump.compilers._compose import DenseReader, Leaf, SumScorer, UnionStep, compile_steps
from skwillump.compilers._final import Model, compile_model, predicts_largest
from skwillump.compilers._first_trees import FirstTrees
from skwillump.compilers._model_input import ModelInput
from skwillump.compilers._models import LinearModel, compile_linear, registered_linear
from skwillump.compilers._registry import (
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
from skwillump.compilers._table import guarded
from skwillump.compilers._trees import TreeModel, compile_trees, registered_trees

__all__ = [
    "DenseReader",
    "FirstTrees",
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
