"""Boosted trees that encode texts by themselves: their own encoder, then their trees.

A ``HistGradientBoosting`` model with categories that are texts holds a ``ColumnTransformer``, which
makes codes of categories and puts their columns first. It is compiled as any other, and the trees
ask for codes.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from .._features import MAX_DENSE_FEATURES
from .._models import Model
from .._registry import compile_step
from .._scorers import Scorer
from .._steps import Step
from .._unsupported import InputUnsupported, Unsupported
from ..compose._sequences import SequenceStep
from ._trees import TreeModel


@dataclass(frozen=True, eq=False, kw_only=True)
class CodedTrees(Model):
    """Trees behind an encoder of the model's own.

    Attributes
    ----------
    encoder : Step
        From the rows that the model is given to the features that its trees ask for.
    trees : TreeModel
    """

    original: Any
    encoder: Step
    trees: TreeModel

    @classmethod
    def of(cls, trees: TreeModel, transformer: Any) -> "CodedTrees":
        """Put compiled trees behind the model's own encoder.

        Raises
        ------
        Unsupported
            If that is not compiled.
        """
        encoder = compile_step(transformer)
        refused = next((r for r in encoder.report("") if not r.compiled), None)
        if refused is not None:
            raise Unsupported(f"its own encoder is not compiled: {refused.reason}")
        if trees.n_features > MAX_DENSE_FEATURES:
            raise Unsupported(f"{trees.n_features} features are too many for a dense array")
        return cls(original=trees.original, encoder=encoder, trees=trees)

    @property
    def classes(self) -> np.ndarray | None:  # type: ignore[override]
        """Classes of the model; None for a regressor."""
        return self.trees.classes

    @property
    def intercept(self) -> np.ndarray:  # type: ignore[override]
        """Zeros (n_outputs,): scores are complete."""
        return self.trees.intercept

    def bind(self, features: Step) -> Scorer:
        """Return a scorer for the features of a compiled step, which the encoder reads."""
        if features.passes_input:
            return self.trees.bind(self.encoder)
        both = SequenceStep(None, ("", ""), (features, self.encoder))
        return self.trees.bind(both)

    def raw(self, features: np.ndarray, *, n_threads: int = 1) -> np.ndarray:
        """Raise `InputUnsupported`: numbers are not what the model is given."""
        raise InputUnsupported("a model that encodes texts")

    def raw_one(self, features: np.ndarray) -> np.ndarray:
        """Raise `InputUnsupported`, as `raw` does."""
        raise InputUnsupported("a model that encodes texts")

    def gives(self, method: str) -> bool:
        """Tell whether ``method`` follows from the scores alone."""
        return self.trees.gives(method)

    def predict(self, scores: np.ndarray) -> np.ndarray:
        """Return labels, or a regressor's values."""
        return self.trees.predict(scores)

    def predict_one(self, scores: np.ndarray) -> Any:
        """Return the label or value of one row, None where it is in doubt."""
        return self.trees.predict_one(scores)

    def predict_proba(self, scores: np.ndarray) -> np.ndarray:
        """Return probabilities (n_rows, n_classes)."""
        return self.trees.predict_proba(scores)

    def predict_proba_one(self, scores: np.ndarray) -> np.ndarray:
        """Return the probabilities (n_classes,) of one row."""
        return self.trees.predict_proba_one(scores)

    def decision_function(self, scores: np.ndarray) -> np.ndarray:
        """Return the scores in the shape of the model's ``decision_function``."""
        return self.trees.decision_function(scores)

    def doubtful(self, scores: np.ndarray) -> np.ndarray:
        """Return the positions of rows whose label rounding could change."""
        return self.trees.doubtful(scores)

    def warm_up(self) -> None:
        """Compile or load the kernels."""
        self.encoder.warm_up()
        self.trees.warm_up()
