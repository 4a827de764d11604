"""The score that ranks, and what is kept of it in `fit`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..stages._passes import ModelInput
from ..stages._recording import Record


def one_score(response) -> np.ndarray:
    """The score that ranks: a regressor's value, or that of the positive (second) class.

    Parameters
    ----------
    response : array-like of shape (n_rows,), (n_rows, 1) or (n_rows, 2)
        What `predict`, `decision_function` or `predict_proba` returns.

    Returns
    -------
    ndarray of float64 of shape (n_rows,)
    """
    response = np.asarray(response)
    return np.asarray(response if response.ndim == 1 else response[:, -1], dtype=np.float64)


def scores_of(inputs: ModelInput, method: str) -> tuple[np.ndarray, np.ndarray]:
    """Score of each row by a model, and the numbers that they follow from."""
    scores = one_score(inputs.answer(method))
    return scores, one_score(inputs.raw(scores))


@dataclass(frozen=True, kw_only=True)
class ScoreRecorder:
    """What is kept of models' scores, and what the filter does with them.

    Attributes
    ----------
    method : {"predict", "predict_proba", "decision_function"}
        Whose result ranks.
    """

    method: str

    @property
    def calibrates_trees(self) -> bool:
        """The order of rows does not depend on the scale of scores."""
        return False

    def scores(self, model: Any, features: Any) -> np.ndarray:
        """Score of each row by a model."""
        return one_score(getattr(model, self.method)(features))

    def record_full(self, model: Any, features: Any) -> Record:
        """Keep the full model's scores; a row without one is last, as in a sort."""
        scores = self.scores(model, features)
        return {"score": np.where(np.isnan(scores), -np.inf, scores)}

    def record_stage(self, model: Any, features: Any) -> Record:
        """Keep a filter's scores."""
        return {"score": self.scores(model, features)}
