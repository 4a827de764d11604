"""What AdaBoost makes of its members' answers."""

from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from scipy.special import softmax

from .._wrappers import DOUBT, any_of, lead
from ..compilers import InputUnsupported, LinearModel, check_scores
from ._combined import Combined, all_know, combines
from ._combined_votes import Averaging
from ._joined import JoinedModel


class Boosted(Combined):
    """Members that were boosted: missing values are refused, also where each member takes them."""

    hands_on_features: ClassVar[bool] = False

    def raw(self, features: np.ndarray, *, n_threads: int = 1) -> np.ndarray:
        check_scores(features)
        return super().raw(features, n_threads=n_threads)

    def raw_one(self, features: np.ndarray) -> np.ndarray:
        check_scores(features)
        return super().raw_one(features)


@combines("AdaBoostRegressor")
class WeightedMedian(Boosted, Averaging):
    """`AdaBoostRegressor`: the median of the members' values, by their weights."""

    def labels(self, responses: list[Any]) -> np.ndarray:
        """Return the medians, by scikit-learn's operations."""
        values = np.column_stack(responses)
        order = np.argsort(values, axis=1)
        weights = np.cumsum(self.original.estimator_weights_[order], axis=1)
        middle = (weights >= 0.5 * weights[:, -1:]).argmax(axis=1)
        rows = np.arange(len(values))
        return values[rows, order[rows, middle]]


@combines("AdaBoostClassifier")
class WeightedVotes(Boosted):
    """`AdaBoostClassifier`: for each class the weights of members that say so, less the others'."""

    @classmethod
    def reads(cls, joined: JoinedModel) -> bool:
        """Say yes to votes of labels; before scikit-learn 1.6 there were others too."""
        if getattr(joined.original, "algorithm", "") == "SAMME.R":
            return False
        return len(joined.members) == len(joined.original.estimators_) and all_know(
            joined, joined.classes
        )

    @cached_property
    def _are_linear(self) -> bool:
        """Whether members are linear models, whose labels are those of the largest scores."""
        return all(type(member) is LinearModel for member in self.members)

    def _positions(self, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the positions of the members' labels, (n_rows, n_members), and rows in doubt."""
        if not self._are_linear:
            found = self.each("decided", scores)
            places = [np.searchsorted(self.classes, labels) for labels, _ in found]
            return np.column_stack(places), any_of([doubtful for _, doubtful in found])
        if len(self.classes) == 2:
            sizes = np.abs(scores)
            is_near = ~(sizes > DOUBT * (1.0 + sizes))
            return (scores > 0).astype(np.intp), np.flatnonzero(is_near.any(axis=1))
        each = scores.reshape(-1, len(self.classes))
        is_near = ~(lead(each) > DOUBT * (1.0 + np.abs(each.max(axis=1))))
        places = each.argmax(axis=1).reshape(len(scores), -1)
        return places, np.flatnonzero(is_near.reshape(places.shape).any(axis=1))

    def responses(self, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the decision values, by scikit-learn's operations, and the rows in doubt."""
        positions, doubtful = self._positions(scores)
        n_classes, weights = len(self.classes), self.original.estimator_weights_
        weights = weights[: len(self.members)]
        says_so = positions[:, :, None] == np.arange(n_classes)
        votes = np.where(says_so, weights[:, None], -1 / (n_classes - 1) * weights[:, None])
        total = np.cumsum(votes, axis=1)[:, -1]  # one after the other
        total /= self.original.estimator_weights_.sum()
        if n_classes == 2:
            total[:, 0] *= -1
            total = total.sum(axis=1)[:, None]
        return total, doubtful

    def labels(self, responses: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
        values = responses[0]
        if values.shape[1] == 1:
            return self.classes[(values[:, 0] > 0).astype(np.intp)]
        return self.classes[values.argmax(axis=1)]

    def close(self, responses: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
        return responses[1]

    def decision_function(self, scores: np.ndarray) -> np.ndarray:
        values, doubtful = self.responses(scores)
        if len(doubtful):
            raise InputUnsupported("a label that is counted is in doubt")
        return values[:, 0] if values.shape[1] == 1 else values

    def predict_proba(self, scores: np.ndarray) -> np.ndarray:
        values = self.decision_function(scores)
        if values.ndim == 1:
            return softmax(np.column_stack((-values, values)) / 2, axis=1)
        return softmax(values / (len(self.classes) - 1), axis=1)

    def predict_log_proba(self, scores: np.ndarray) -> np.ndarray:
        return np.log(self.predict_proba(scores))
