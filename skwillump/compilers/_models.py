"""Compiled models: scores to what the methods of the original return.

Every model here computes scores, float64 (n_rows, n_outputs), from which labels, values and
probabilities follow: sums of products of a linear model, sums of leaves of trees. Those who use a
model do not ask of what kind it is.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ._feature_codes import FeatureCodes
from ._forwarding import KernelUser, forwarded
from ._scorers import Scorer
from ._steps import Step
from ._unsupported import InputUnsupported, Unsupported, check_scores


class Model(KernelUser):
    """A fitted model's compiled twin.

    Subclasses are frozen dataclasses over plain arrays. Methods whose names scikit-learn has take
    scores, float64 (n_rows, n_outputs), with `intercept` added; those that end in ``_one`` take the
    scores of one row, (n_outputs,).
    """

    original: Any  # estimator: the fitted model
    classes: np.ndarray | None  # its classes; None for a regressor or ranker
    intercept: np.ndarray  # float64 (n_outputs,): what is added to the scores that a scorer returns

    @property
    def rises_with_score(self) -> bool:
        """Whether a model of one score answers rows in the order of their scores."""
        return True

    @property
    def is_linear(self) -> bool:
        """Whether the scores are features times `coefficients`."""
        return False

    def coefficients(self) -> np.ndarray:
        """Return the coefficients of a linear model, float64 (n_features, n_outputs).

        Raises
        ------
        Unsupported
            If the model is not linear.
        """
        raise Unsupported(f"{type(self.original).__name__} is not linear")

    @property
    def is_sigmoid(self) -> bool:
        """Whether a score's sign decides between two classes, and its sigmoid is the second's."""
        return False

    @property
    def is_smooth(self) -> bool:
        """Whether its scores change little where its features do, or it refuses where they jump."""
        return False

    @property
    def reads_batches(self) -> bool:
        """Whether it computes scores of many rows, and not of one alone."""
        return True

    @staticmethod
    def predicts_largest(fitted: Any, method: str) -> bool:
        """Tell whether a fitted classifier of this kind predicts the class of largest response.

        Parameters
        ----------
        fitted : classifier
            It need not be compiled.
        method : {"predict_proba", "decision_function"}
            What gives the response.
        """
        return True

    @property
    def n_outputs(self) -> int:
        """Number of columns of the scores."""
        return len(self.intercept)

    def bind(self, features: Step) -> Scorer:
        """Return a scorer of this model for the features of a compiled step.

        Raises
        ------
        Unsupported
            If the scores would not be those of the original.
        """
        raise NotImplementedError

    def reading(self, features: Step) -> "Model":
        """Return the model as it reads what a step's original returns.

        Raises
        ------
        Unsupported
            If how it does depends on the data.
        """
        return self

    def on_codes(self, features: FeatureCodes) -> Any:
        """Return what reads columns of numbers and of codes; None where features are to be made."""
        return None

    def raw(self, features: np.ndarray, *, n_threads: int = 1) -> np.ndarray:
        """Return the scores of dense features, float64 (n_rows, n_features)."""
        raise NotImplementedError

    def raw_one(self, features: np.ndarray) -> np.ndarray:
        """Return the scores (n_outputs,) of one row of features (n_features,)."""
        return self.raw(features[None])[0]

    def gives(self, method: str) -> bool:
        """Tell whether ``method`` follows from the scores alone: by default what is there does."""
        return method == "predict" or hasattr(self.original, method)

    def predict(self, scores: np.ndarray) -> np.ndarray:
        """Return labels, or a regressor's values."""
        raise NotImplementedError

    def predict_proba(self, scores: np.ndarray) -> np.ndarray:
        """Return probabilities (n_rows, n_classes)."""
        raise NotImplementedError

    def doubtful(self, scores: np.ndarray) -> np.ndarray:
        """Return the positions of rows whose label rounding could change."""
        raise NotImplementedError

    def decided(self, scores: np.ndarray) -> tuple[Any, np.ndarray]:
        """Return what `predict` and `doubtful` do, for those who ask for both."""
        return self.predict(scores), self.doubtful(scores)

    def decision_function(self, scores: np.ndarray) -> np.ndarray:
        """Return the scores in the shape of the model's ``decision_function``."""
        return scores[:, 0] if scores.shape[1] == 1 else scores

    def predict_log_proba(self, scores: np.ndarray) -> np.ndarray:
        """Return the logarithms of `predict_proba`; numpy warns of zeros, as in the original."""
        return np.asarray(np.log(self.predict_proba(scores)))

    def predict_one(self, scores: np.ndarray) -> Any:
        """Return the label or value of one row, None where it is in doubt."""
        labels, doubtful = self.decided(scores[None])
        return None if len(doubtful) else labels[0]

    def predict_proba_one(self, scores: np.ndarray) -> np.ndarray:
        """Return the probabilities (n_classes,) of one row."""
        return self.predict_proba(scores[None])[0]

    def check(self, scores: np.ndarray) -> None:
        """Raise `InputUnsupported` for scores that only the original can judge."""
        check_scores(scores)

    def numbers(self, scores: np.ndarray, response: np.ndarray) -> np.ndarray:
        """Return the numbers that a response follows from: one score a row, or the response."""
        if not self.rises_with_score:
            return response
        if scores.ndim == 1:
            return np.asarray(scores, dtype=np.float64)
        return scores[:, 0] if scores.shape[1] == 1 else response


class CompleteModel(Model):
    """A model whose scores are complete; a subclass says how many there are."""

    @property
    def intercept(self) -> np.ndarray:  # type: ignore[override]
        """Zeros (n_outputs,)."""
        return np.zeros(self.n_outputs)


@dataclass(frozen=True, eq=False)
class ModelScorer(Scorer):
    """The features of a step, as an array, for a model that says what it makes of them."""

    features: Step
    model: Model

    n_outputs = forwarded("model.n_outputs")

    def scores(self, X: Any, rows: np.ndarray | None = None, *, n_threads: int = 1) -> np.ndarray:
        work, width = self.model.raw, self.n_outputs
        try:
            return self.features.map_dense(work, X, rows, n_outputs=width, n_threads=n_threads)
        except InputUnsupported as reason:
            raise self.features.told_further(reason, self) from reason

    def score_one(self, x: Any) -> np.ndarray:
        return self.model.raw_one(self.features.dense_one(x))


def both_classes(positive: np.ndarray) -> np.ndarray:
    """Return probabilities (n_rows, 2) from those of the second class.

    For few rows `np.column_stack` costs more than its work.
    """
    both = np.empty((len(positive), 2), dtype=positive.dtype)
    np.subtract(1, positive, out=both[:, 0])
    both[:, 1] = positive
    return both
