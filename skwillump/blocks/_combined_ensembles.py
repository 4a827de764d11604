"""What ensembles, and outputs side by side, make of their members' scores.

See `_combined`, of which these are more kinds.
"""

from functools import cached_property
from typing import Any

import numpy as np
from sklearn.metrics import pairwise_distances_argmin

from .._near_ties import DOUBT, NO_ROWS, near_ties, not_above
from ..compilers import (
    LinearModel,
    Model,
    TreeModel,
    Unsupported,
    check_scores,
    compile_model,
)
from ..compilers._forwarding import forwarded_call
from ..compilers.models._linear import LOG_LIKELIHOOD, log_sum
from ._combined import Combined, EachDecides, all_know, combines
from ._joined import JoinedModel


@combines("OneVsRestClassifier")
class OneVsRest(Combined):
    """`OneVsRestClassifier` of classes: the largest response of a class against the others."""

    @classmethod
    def reads(cls, joined: JoinedModel) -> bool:
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

    def second(self, scores: np.ndarray) -> np.ndarray:
        if self._link != LOG_LIKELIHOOD:
            return super().second(scores)
        pairs = scores.reshape(len(scores), -1, 2)
        return np.exp((pairs - log_sum(pairs))[:, :, 1])

    def responses(self, scores: np.ndarray) -> np.ndarray:
        if not self.decides:
            return self.second(scores)
        return np.column_stack(self.each("decision_function", scores))

    def labels(self, found: np.ndarray) -> np.ndarray:
        if found.shape[1] == 1:
            above = found[:, 0] > (0.0 if self.decides else 0.5)
            return self.classes[above.astype(np.intp)]
        return self.classes[found.argmax(axis=1)]

    def close(self, found: np.ndarray) -> np.ndarray:
        if found.shape[1] == 1:
            margin = np.abs(found[:, 0] - (0.0 if self.decides else 0.5))
            return not_above(margin)
        size = 1.0 + np.abs(found).max(axis=1)
        return near_ties(found, size)

    def predict_proba(self, scores: np.ndarray) -> np.ndarray:
        found = self.second(scores)
        if found.shape[1] == 1:
            found = np.hstack((1 - found, found))
        sums = found.sum(axis=1, keepdims=True)
        return np.divide(found, sums, out=found, where=sums != 0)

    def decision_function(self, scores: np.ndarray) -> np.ndarray:
        found = self.responses(scores)
        return found[:, 0] if found.shape[1] == 1 else found


@combines("MultiOutputClassifier", "MultiOutputRegressor")
class Outputs(EachDecides):
    """Models of other targets beside each other."""

    @classmethod
    def reads(cls, joined: JoinedModel) -> bool:
        return len(joined.members) == len(joined.original.estimators_)

    def labels(self, responses: list[tuple[Any, np.ndarray]]) -> np.ndarray:
        return np.asarray([found for found, _ in responses]).T

    def predict_proba(self, scores: np.ndarray) -> Any:
        return self.each("predict_proba", scores)


@combines("SelfTrainingClassifier")
class SelfTrained(Combined):
    """`SelfTrainingClassifier`: what its only member answers."""

    @classmethod
    def reads(cls, joined: JoinedModel) -> bool:
        return len(joined.members) == 1 and all_know(joined, joined.classes)

    @property
    def only(self) -> Model:
        """The member."""
        return self.members[0]

    decided = forwarded_call("only.decided")
    predict = forwarded_call("only.predict")
    doubtful = forwarded_call("only.doubtful")
    predict_proba = forwarded_call("only.predict_proba")
    predict_log_proba = forwarded_call("only.predict_log_proba")
    decision_function = forwarded_call("only.decision_function")


@combines("OutputCodeClassifier")
class Codes(Combined):
    """`OutputCodeClassifier`: the class whose code is nearest to the members' responses."""

    @classmethod
    def reads(cls, joined: JoinedModel) -> bool:
        return all(
            member.classes is not None and len(member.classes) == 2 for member in joined.members
        )

    @cached_property
    def _constants(self) -> np.ndarray:
        """What members answer that were fitted on one class; NaN for the others, (n_members,)."""
        held = self.original.estimators_
        is_constant = [type(one).__name__ == "_ConstantPredictor" for one in held]
        pairs = zip(held, is_constant, strict=True)
        return np.array([float(one.y_[0]) if constant else np.nan for one, constant in pairs])

    def found(self, scores: np.ndarray) -> np.ndarray:
        """Return what the members answer, (n_rows, n_members)."""
        found = np.tile(self._constants, (len(scores), 1))
        if self.decides and all(type(member) is LinearModel for member in self.members):
            own = scores
        elif self.decides:
            own = np.column_stack(self.each("decision_function", scores))
        else:
            own = self.second(scores)
        found[:, np.isnan(self._constants)] = own
        return found

    @cached_property
    def _are_certain(self) -> bool:
        """Whether members answer to the last bit, so that exact ties can be broken here."""
        return all(isinstance(member, TreeModel) and member.is_certain for member in self.members)

    def responses(self, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the positions of the nearest codes, and which rows are in doubt."""
        found, codes = self.found(scores), np.asarray(self.original.code_book_)
        lengths = np.einsum("ij,ij->i", found, found)[:, None]
        near = 2.0 * (found @ codes.T) - np.einsum("ij,ij->i", codes, codes) - lengths
        nearest = near.argmax(axis=1)
        doubtful = near_ties(near, 1.0 + np.abs(near).max(axis=1))
        if len(doubtful) and self._are_certain:
            check_scores(found)
            nearest[doubtful] = pairwise_distances_argmin(found[doubtful], codes)
            doubtful = NO_ROWS
        return nearest, doubtful

    def labels(self, responses: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
        return self.classes[responses[0]]

    def close(self, responses: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
        return responses[1]


@combines("StackingClassifier", "StackingRegressor")
class Stacked(Combined):
    """A model on the answers of the members."""

    @classmethod
    def reads(cls, joined: JoinedModel) -> bool:
        original = joined.original
        n_members = len(original.stack_method_) + bool(original.passthrough)
        if len(joined.members) != n_members:
            return False
        if joined.classes is not None and (
            not isinstance(original.classes_, np.ndarray) or "predict" in original.stack_method_
        ):
            return False
        try:
            final = compile_model(original.final_estimator_)
        except Unsupported:
            return False
        return all(
            final.gives(method)
            for method in ("predict_proba", "decision_function")
            if hasattr(original, method)
        )

    @cached_property
    def last(self) -> Model:
        """The model on the members' answers."""
        return compile_model(self.original.final_estimator_)

    def answers(self, scores: np.ndarray) -> np.ndarray:
        """Return what the members answer side by side, (n_rows, n_answers)."""
        columns = []
        methods = self.original.stack_method_
        for member, own, method in zip(self.members, self.parts(scores), methods, strict=False):
            found = getattr(member, method)(own)
            if found.ndim == 1:
                found = found[:, None]
            elif method == "predict_proba" and len(self.classes) == 2:
                found = found[:, 1:]
            columns.append(found)
        return np.hstack(columns).astype(np.float64, copy=False)

    def of_last(self, answers: np.ndarray, scores: np.ndarray) -> np.ndarray:
        """Return the scores of the last model for the members' answers."""
        if not self.original.passthrough:
            return self.last.raw(answers)
        passed = scores[:, self.places[-1]]
        if type(self.last) is not LinearModel:
            return self.last.raw(np.hstack((answers, passed)))
        coef = self.last.coef[: answers.shape[1]]
        return np.asarray(answers @ coef + passed + self.last.intercept)

    def responses(self, scores: np.ndarray) -> np.ndarray:
        return self.of_last(self.answers(scores), scores)

    def decided(self, scores: np.ndarray) -> tuple[Any, np.ndarray]:
        answers = self.answers(scores)
        found = self.of_last(answers, scores)
        labels, doubtful = self.labels(found), self.close(found)
        if self.last.is_smooth:
            return labels, doubtful
        # Where what members answer is rounded in another way, it may pass a threshold.
        around = DOUBT * (1.0 + np.abs(answers))
        near = [self.of_last(answers + sign * around, scores) != found for sign in (-1.0, 1.0)]
        return labels, np.union1d(doubtful, np.flatnonzero(np.any(near, axis=(0, 2))))

    def doubtful(self, scores: np.ndarray) -> np.ndarray:
        return self.decided(scores)[1]

    def labels(self, responses: np.ndarray) -> np.ndarray:
        found = self.last.predict(responses)
        return found if self.classes is None else self.classes[found]

    def close(self, responses: np.ndarray) -> np.ndarray:
        return self.last.doubtful(responses)

    def predict_proba(self, scores: np.ndarray) -> np.ndarray:
        return self.last.predict_proba(self.responses(scores))

    def decision_function(self, scores: np.ndarray) -> np.ndarray:
        return self.last.decision_function(self.responses(scores))
