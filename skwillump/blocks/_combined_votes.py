"""What votes and means of members, boosted ones among them, make of their scores.

See `_combined`, of which these are more kinds. Their own code checks X, or chooses columns of it,
so that scores cannot run through it.
"""

from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from scipy.special import expit, softmax

from .._compat import ovr_decision_function, vote_weights
from .._near_ties import DOUBT, any_of, lead, near_ties
from ..compilers import InputUnsupported, LinearModel, check_scores
from ._combined import Combined, EachDecides, all_know, combines
from ._joined import JoinedModel


class Voting(Combined):
    """Members of which labels are counted."""

    def undecided(self, scores: np.ndarray) -> np.ndarray:
        """Return the positions of rows of which some member's label is in doubt."""
        return any_of(self.each("doubtful", scores))

    def refuse_undecided(self, scores: np.ndarray) -> None:
        """Raise `InputUnsupported` where a label that is counted is in doubt."""
        if len(self.undecided(scores)):
            raise InputUnsupported("a label that is counted is in doubt")


@combines("VotingClassifier")
class HardVote(EachDecides):
    """`VotingClassifier` that counts the members' labels."""

    @classmethod
    def reads(cls, joined: JoinedModel) -> bool:
        """Say yes to votes of members that know all classes, as positions."""
        known = np.arange(len(joined.classes))
        return joined.original.voting == "hard" and all_know(joined, known)

    def labels(self, responses: list[tuple[Any, np.ndarray]]) -> np.ndarray:
        """Return the labels of most votes, the first of those of as many."""
        weights = vote_weights(self.original)
        rows = np.arange(len(responses[0][0]))
        votes = np.zeros((len(rows), len(self.classes)))
        for at, (own, _) in enumerate(responses):
            votes[rows, own] += 1.0 if weights is None else weights[at]
        return self.classes[votes.argmax(axis=1)]


@combines("OneVsOneClassifier")
class OneVsOne(Voting):
    """`OneVsOneClassifier`: votes of each pair of classes, and how sure they are."""

    @classmethod
    def reads(cls, joined: JoinedModel) -> bool:
        n_classes = len(joined.classes)
        return (
            joined.original.pairwise_indices_ is None
            and len(joined.members) == n_classes * (n_classes - 1) // 2
            and all_know(joined, np.array([0, 1]))
        )

    @cached_property
    def _are_linear(self) -> bool:
        return all(m.is_linear and m.n_outputs == 1 for m in self.members)

    def _votes(self, scores: np.ndarray) -> np.ndarray:
        """Return votes and confidences of each class, (n_rows, n_classes)."""
        if self._are_linear and self.decides:
            labels, confidences = (scores > 0).astype(np.intp), scores
        else:
            labels = np.column_stack(self.each("predict", scores))
            if self.decides:
                confidences = np.column_stack(self.each("decision_function", scores))
            else:
                found = self.each("predict_proba", scores)
                confidences = np.column_stack([of_two[:, 1] for of_two in found])
        return np.asarray(ovr_decision_function(labels, confidences, len(self.classes)))

    def responses(self, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return votes, of two classes the only member's labels, and where some are in doubt."""
        if len(self.classes) == 2:
            return self.each("predict", scores)[0], self.undecided(scores)
        return self._votes(scores), self.undecided(scores)

    def labels(self, responses: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
        votes, _ = responses
        return self.classes[votes if votes.ndim == 1 else votes.argmax(axis=1)]

    def close(self, responses: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
        votes, undecided = responses
        if votes.ndim == 1:
            return undecided
        return np.union1d(undecided, near_ties(votes))

    def decision_function(self, scores: np.ndarray) -> np.ndarray:
        self.refuse_undecided(scores)
        votes = self._votes(scores)
        return votes[:, 1] if len(self.classes) == 2 else votes


@combines("BaggingClassifier")
class BaggedClassifiers(Voting):
    """`BaggingClassifier`: the mean of the members' probabilities, or of their votes."""

    @classmethod
    def reads(cls, joined: JoinedModel) -> bool:
        """Say yes to members that know all classes, as positions."""
        return all_know(joined, np.arange(len(joined.classes)))

    @property
    def _votes(self) -> bool:
        return not hasattr(self.members[0].original, "predict_proba")

    def _shares(self, scores: np.ndarray) -> np.ndarray:
        """Return probabilities, or shares of votes, (n_rows, n_classes)."""
        n_members = len(self.members)
        if self._votes:
            labels = np.column_stack(self.each("predict", scores))
            return (labels[:, :, None] == np.arange(len(self.classes))).sum(axis=1) / n_members
        if self.are_sigmoid:
            positive = expit(scores)
            pairs = (1 - positive).sum(axis=1), positive.sum(axis=1)
            return np.column_stack(pairs) / n_members
        return np.asarray(sum(self.each("predict_proba", scores)) / n_members)

    def responses(self, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        """Return probabilities or shares of votes, and which rows' votes are in doubt."""
        return self._shares(scores), self.undecided(scores) if self._votes else None

    def labels(self, responses: tuple[np.ndarray, np.ndarray | None]) -> np.ndarray:
        return self.classes[responses[0].argmax(axis=1)]

    def close(self, responses: tuple[np.ndarray, np.ndarray | None]) -> np.ndarray:
        shares, undecided = responses
        return near_ties(shares) if undecided is None else undecided

    def predict_proba(self, scores: np.ndarray) -> np.ndarray:
        if self._votes:
            self.refuse_undecided(scores)
        return self._shares(scores)

    def predict_log_proba(self, scores: np.ndarray) -> np.ndarray:
        if not hasattr(self.original.estimator_, "predict_log_proba"):
            return np.asarray(np.log(self.predict_proba(scores)))
        logs = np.logaddexp.reduce(self.each("predict_log_proba", scores))
        return np.asarray(logs - np.log(len(self.members)))

    def decision_function(self, scores: np.ndarray) -> np.ndarray:
        return np.asarray(sum(self.each("decision_function", scores)) / len(self.members))


class Averaging(Combined):
    """Regressors, whose values are in no doubt."""

    @classmethod
    def reads(cls, joined: JoinedModel) -> bool:
        return all(member.classes is None and member.n_outputs == 1 for member in joined.members)

    def responses(self, scores: np.ndarray) -> list[Any]:
        return self.each("predict", scores)


@combines("VotingRegressor")
class MeanVote(Averaging):
    """`VotingRegressor`: the mean of the members' values, by their weights."""

    def labels(self, responses: list[Any]) -> np.ndarray:
        values = np.asarray(responses).T
        return np.asarray(np.average(values, axis=1, weights=vote_weights(self.original)))


@combines("BaggingRegressor")
class BaggedRegressors(Averaging):
    """`BaggingRegressor`: the mean of the members' values."""

    def labels(self, responses: list[Any]) -> np.ndarray:
        return np.asarray(sum(responses) / len(self.members))


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
