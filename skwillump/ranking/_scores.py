"""The score that ranks, and what is kept of it in `fit`."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..stages._passes import ModelInput
from ..stages._recording import Record
from ._targets import classifies


def score_method(full: Any, approx: Any) -> str:
    """The method of a fitted model, and of approximate ones if they are given, that ranks.

    Raises
    ------
    ValueError
        If it is a classifier of other than two classes, or they share no method.
    """
    if not classifies(full):
        return "predict"
    if len(full.classes_) != 2:
        raise ValueError(
            f"The fitted estimator knows {len(full.classes_)} classes. Rows are ranked by the "
            "probability of one: fit it on two classes."
        )
    for method in ("predict_proba", "decision_function"):
        if hasattr(full, method) and (approx is None or hasattr(approx, method)):
            return method
    raise ValueError(
        "The estimator and approx_estimator share neither predict_proba nor decision_function, "
        "so that there is no score to rank by."
    )


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
    """What is kept of models' scores, and what the filter does with them."""

    method: str  # {"predict", "predict_proba", "decision_function"}: whose result ranks

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

    def record_unread(self, full: Record) -> Record:
        """No score: such rows get the full model's before all others."""
        return {"score": np.full(len(full["score"]), np.nan)}

    def record_refused(self) -> None:
        """None: such a row could be better than all others."""
