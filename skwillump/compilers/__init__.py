"""Fitted objects of scikit-learn and other libraries turned into compiled steps and models."""

from ._given_rows import GivenRows
from ._models import Model
from ._original_step import OriginalStep
from ._registry import (
    REGISTRY,
    compile_model,
    compile_step,
    compiled_once,
    linear_map,
    predicts_largest,
    registered_types,
)
from ._reports import StepReport
from ._scorers import Scorer
from ._steps import Step
from ._unsupported import InputUnsupported, Unsupported, check_scores, check_width
from .compose import _composites  # it registers compilers, as do those below
from .compose._chains import compile_steps
from .compose._dense_reader import DenseReader, Leaf, placed
from .compose._score_sums import SumScorer
from .compose._unions import UnionStep
from .models import (
    _calibrated,
    _centers,
    _discrete_bayes,
    _ensembles,
    _layers,
    _neighbors,
    _outliers,
    _scikit_linear,
    _support_vectors,
)
from .models._input import InputStep
from .models._linear import LinearModel
from .models._trees import TreeModel
from .models._truncated import TruncatedTrees
from .tables import (
    _bins,
    _dicts,
    _distances,
    _distributions,
    _encoders,
    _functions,
    _hashed_items,
    _imputers,
    _indicators,
    _kernel_features,
    _kernel_maps,
    _leaves,
    _model_imputers,
    _one_hot,
    _projections,
    _scalers,
    _splines,
)
from .tables._fitting import fast_encoders
from .tables._input import Opened
from .text import _hashing, _idf, _topics, _vectorizers
from .text._fitting import fast_vectorizers
from .text._remembering import texts_forgotten, texts_remembered
