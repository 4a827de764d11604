"""Ensembles of imbalanced-learn, which answer as those of scikit-learn that they derive from.

What they do with samples of the rows, they do in `fit`.
"""

from imblearn.ensemble import (
    BalancedBaggingClassifier,
    BalancedRandomForestClassifier,
    RUSBoostClassifier,
)

from .._registry import register
from ._ensembles import compile_ada_boost, compile_bagging, compile_forest
from ._several_labels import LabelModel
from ._trees import TreeModel

register(BalancedRandomForestClassifier, gives=TreeModel, or_gives=(LabelModel,))(compile_forest)
register(BalancedBaggingClassifier, gives=TreeModel)(compile_bagging)
register(RUSBoostClassifier, gives=TreeModel)(compile_ada_boost)
