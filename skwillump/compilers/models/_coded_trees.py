"""Boosted trees that encode texts by themselves: their own encoder, then their trees.

A ``HistGradientBoosting`` model with categories that are texts holds a ``ColumnTransformer``, which
makes codes of categories and puts their columns first. It is compiled as any other, and the trees
ask for codes.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from .._features import MAX_DENSE_FEATURES
from .._forwarding import forwarded, forwarded_call
from .._registry import compile_step
from .._scorers import Scorer
from .._steps import Step
from .._unsupported import InputUnsupported, Unsupported
from ..compose._sequences import SequenceStep
from ._outer import AnsweredModel
from ._trees import TreeModel


@dataclass(frozen=True, eq=False, kw_only=True)
class CodedTrees(AnsweredModel):
    """Trees behind an encoder of the model's own."""

    encoder: Step  # from the rows that the model is given to the features that its trees ask for
    answers: TreeModel

    intercept = forwarded("answers.intercept")
    gives = forwarded_call("answers.gives")
    decision_function = forwarded_call("answers.decision_function")

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
        return cls(original=trees.original, encoder=encoder, answers=trees)

    def bind(self, features: Step) -> Scorer:
        """Return a scorer for the features of a compiled step, which the encoder reads."""
        if features.passes_input:
            return self.answers.bind(self.encoder)
        both = SequenceStep(None, ("", ""), (features, self.encoder))
        return self.answers.bind(both)

    def raw(self, features: np.ndarray, *, n_threads: int = 1) -> np.ndarray:
        """Raise `InputUnsupported`: numbers are not what the model is given."""
        raise InputUnsupported("a model that encodes texts")
