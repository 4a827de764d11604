"""What ensembles, outputs side by side, and transformed targets make of their members' scores.

See `_combined`, of which these are more kinds.
"""

from functools import cached_property
from typing import Any

import numpy as np
from scipy.special import expit
from sklearn.preprocessing import FunctionTransformer

from .._compat import private, vote_weights
from .._wrappers import DOUBT, NONE
from ..compilers import LinearModel, Model, Unsupported, check_scores, compile_model
from ..compilers.models._linear import LOG_LIKELIHOOD, SIGMOID, log_sum
from ._combined import Combined, all_know, combines, lead
from ._joined import JoinedModel


@combines("OneVsRestClassifier")
class OneVsRest(Combined):
    """`OneVsRestClassifier` of classes: the largest response of a class against the others."""

    @classmethod
    def reads(cls, joined: JoinedModel) -> bool:
        """Say yes to members of two classes, 0 and 1, one for each class."""
        if joined.original.label_binarizer_.y_type_ not in ("multiclass", "binary"):
            return False
        n_members = len(joined.original.estimators_)
        expected = 1 if len(joined.classes) == 2 else len(joined.classes)
        return len(joined.members) == n_members == expected and all(
            member.classes is not None and np.array_equal(member.classes, [0, 1])
            for member in joined.members
        )

    @cached_property
    def _link(self) -> int | None:
        """How all members' scores become probabilities, if it is one way; else None."""
        links = {m.link if type(m) is LinearModel else None for m in self.members}
        return links.pop() if len(links) == 1 else None

    @cached_property
    def _decides(self) -> bool:
        """Whether responses are decision values, and not probabilities."""
        return hasattr(self.members[0].original, "decision_function")

    def _positive(self, scores: np.ndarray) -> np.ndarray:
        """Return the probability of each class against the others."""
        if self._link == SIGMOID:
            return expit(scores)
        if self._link == LOG_LIKELIHOOD:
            pairs = scores.reshape(len(scores), -1, 2)
            return np.exp((pairs - log_sum(pairs))[:, :, 1])
        return np.column_stack([found[:, 1] for found in self.each("predict_proba", scores)])

    def responses(self, scores: np.ndarray) -> np.ndarray:
        """Return what decides, one column for each member."""
        if not self._decides:
            return self._positive(scores)
        return np.column_stack(self.each("decision_function", scores))

    def labels(self, found: np.ndarray) -> np.ndarray:
        """Return the labels of the largest responses."""
        if found.shape[1] == 1:
            above = found[:, 0] > (0.0 if self._decides else 0.5)
            return self.classes[above.astype(np.intp)]
        return self.classes[found.argmax(axis=1)]

    def close(self, found: np.ndarray) -> np.ndarray:
        if found.shape[1] == 1:
            margin = np.abs(found[:, 0] - (0.0 if self._decides else 0.5))
            return np.flatnonzero(~(margin > DOUBT))
        size = 1.0 + np.abs(found).max(axis=1)
        return np.flatnonzero(~(lead(found) > DOUBT * size))

    def predict_proba(self, scores: np.ndarray) -> np.ndarray:
        """Return probabilities (n_rows, n_classes)."""
        found = self._positive(scores)
        if found.shape[1] == 1:
            found = np.hstack((1 - found, found))
        sums = found.sum(axis=1, keepdims=True)
        return np.divide(found, sums, out=found, where=sums != 0)

    def decision_function(self, scores: np.ndarray) -> np.ndarray:
        """Return the decision value of each class, or of the second of two."""
        found = self.responses(scores)
        return found[:, 0] if found.shape[1] == 1 else found


@combines("MultiOutputClassifier", "MultiOutputRegressor")
class Outputs(Combined):
    """Models of other targets beside each other."""

    @classmethod
    def reads(cls, joined: JoinedModel) -> bool:
        """Say yes to a model of one target for each target."""
        return len(joined.members) == len(joined.original.estimators_)

    def responses(self, scores: np.ndarray) -> list[tuple[Any, np.ndarray]]:
        """Return what each member decides."""
        return self.each("decided", scores)

    def labels(self, responses: list[tuple[Any, np.ndarray]]) -> np.ndarray:
        """Return a column of labels or values for each target."""
        return np.asarray([found for found, _ in responses]).T

    def close(self, responses: list[tuple[Any, np.ndarray]]) -> np.ndarray:
        """Return the positions of rows of which some label is in doubt."""
        return _any_doubtful(responses)

    def predict_proba(self, scores: np.ndarray) -> Any:
        """Return probabilities for each target."""
        return self.each("predict_proba", scores)


def _any_doubtful(responses: list[tuple[Any, np.ndarray]]) -> np.ndarray:
    """Return the positions of rows of which what some member decides is in doubt."""
    found = [doubtful for _, doubtful in responses]
    return np.unique(np.concatenate(found)) if found else NONE


@combines("VotingClassifier")
class HardVote(Combined):
    """`VotingClassifier` that counts the members' labels."""

    @classmethod
    def reads(cls, joined: JoinedModel) -> bool:
        """Say yes to votes of members that know all classes, as positions."""
        known = np.arange(len(joined.classes))
        return joined.original.voting == "hard" and all_know(joined, known)

    def responses(self, scores: np.ndarray) -> list[tuple[Any, np.ndarray]]:
        """Return what each member decides."""
        return self.each("decided", scores)

    def labels(self, responses: list[tuple[Any, np.ndarray]]) -> np.ndarray:
        """Return the labels of most votes, the first of those of as many."""
        weights = vote_weights(self.original)
        rows = np.arange(len(responses[0][0]))
        votes = np.zeros((len(rows), len(self.classes)))
        for at, (own, _) in enumerate(responses):
            votes[rows, own] += 1.0 if weights is None else weights[at]
        return self.classes[votes.argmax(axis=1)]

    def close(self, responses: list[tuple[Any, np.ndarray]]) -> np.ndarray:
        """Return the positions of rows of which some vote is in doubt."""
        return _any_doubtful(responses)


@combines("VotingRegressor")
class MeanVote(Combined):
    """`VotingRegressor`: the mean of the members' values."""

    @classmethod
    def reads(cls, joined: JoinedModel) -> bool:
        """Say yes to regressors."""
        return all(member.classes is None for member in joined.members)

    def responses(self, scores: np.ndarray) -> np.ndarray:
        """Return the members' values, (n_members, n_rows)."""
        return np.asarray(self.each("predict", scores))

    def labels(self, responses: np.ndarray) -> np.ndarray:
        """Return the means."""
        return np.asarray(np.average(responses.T, axis=1, weights=vote_weights(self.original)))

    def close(self, responses: np.ndarray) -> np.ndarray:
        """Return nothing: values are in no doubt."""
        return NONE


@combines("TransformedTargetRegressor")
class TransformedTarget(Combined):
    """`TransformedTargetRegressor` with a function that transforms back."""

    @classmethod
    def reads(cls, joined: JoinedModel) -> bool:
        """Say yes to a function of one value a row."""
        transformer = joined.original.transformer_
        return (
            type(transformer) is FunctionTransformer
            and not transformer.inv_kw_args
            and private(joined.original, "_training_dim") == 1
            and len(joined.members) == 1
        )

    def responses(self, scores: np.ndarray) -> np.ndarray:
        """Return the scores."""
        return scores

    def labels(self, scores: np.ndarray) -> np.ndarray:
        """Return the values, transformed back as a column."""
        values = np.asarray(self.members[0].predict(scores), dtype=np.float64).reshape(-1, 1)
        check_scores(values)
        function = self.original.transformer_.inverse_func
        found = values if function is None else function(values)
        return found.squeeze(axis=1) if found.ndim == 2 and found.shape[1] == 1 else found

    def close(self, scores: np.ndarray) -> np.ndarray:
        """Return nothing: values are in no doubt."""
        return NONE


@combines("StackingClassifier", "StackingRegressor")
class Stacked(Combined):
    """A linear model, or a network, on the answers of the members."""

    @classmethod
    def reads(cls, joined: JoinedModel) -> bool:
        """Say yes to a last model that does not jump where its features change a little."""
        original = joined.original
        if original.passthrough or len(joined.members) != len(original.stack_method_):
            return False
        if joined.classes is not None and (
            not isinstance(original.classes_, np.ndarray) or "predict" in original.stack_method_
        ):
            return False
        try:
            final = compile_model(original.final_estimator_)
        except Unsupported:
            return False
        return final.is_smooth and all(
            final.gives(method)
            for method in ("predict_proba", "decision_function")
            if hasattr(original, method)
        )

    @cached_property
    def last(self) -> Model:
        """The model on the members' answers."""
        return compile_model(self.original.final_estimator_)

    def responses(self, scores: np.ndarray) -> np.ndarray:
        """Return the scores of the last model."""
        columns = []
        methods = self.original.stack_method_
        for member, own, method in zip(self.members, self.parts(scores), methods, strict=True):
            found = getattr(member, method)(own)
            if found.ndim == 1:
                found = found[:, None]
            elif method == "predict_proba" and len(self.classes) == 2:
                found = found[:, 1:]
            columns.append(found)
        return self.last.raw(np.hstack(columns).astype(np.float64, copy=False))

    def labels(self, responses: np.ndarray) -> np.ndarray:
        found = self.last.predict(responses)
        return found if self.classes is None else self.classes[found]

    def close(self, responses: np.ndarray) -> np.ndarray:
        return self.last.doubtful(responses)

    def predict_proba(self, scores: np.ndarray) -> np.ndarray:
        """Return the last model's probabilities."""
        return self.last.predict_proba(self.responses(scores))

    def decision_function(self, scores: np.ndarray) -> np.ndarray:
        """Return the last model's decision values."""
        return self.last.decision_function(self.responses(scores))
